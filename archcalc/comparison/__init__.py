"""What changed from one network to another, and whether the budgets allow it.

    operands ──> sides ──> units ──> matching ──> changes ──┐
       │ snapshot   (layers with costs)                     ├──> result ──> formats
    git, against                          budget ──> judging┘

`compare` puts two networks side by side, `against` specs and what they were at a commit or in a snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from archcalc.comparison.against import against
from archcalc.comparison.changes import Change, Status
from archcalc.comparison.operands import operand
from archcalc.comparison.pairs import pair
from archcalc.comparison.result import Comparison, Delta, Report
from archcalc.model import Model
from archcalc.question import Question, listed


def compare(
    base: str | Path | Model,
    head: str | Path | Model,
    *,
    free: str | Sequence[str] = (),
    batch: int = 1,
    train: bool = False,
    dtype: str = "fp32",
    without: str | Sequence[str] = (),
    **bindings: object,
) -> Comparison:
    """What changes from one network to another: each a spec, the name of one that ships, a loaded model or a snapshot
    (.json).

    The other arguments are those of `Model.count`; labels in `without` are left out of `head`, which shows what that
    saves.

    >>> found = compare("alexnet", "alexnet", without=["fc7"])
    >>> found.totals["params"].change, [change.path for change in found.changes]
    (-16781312, ['fc7'])
    """
    return pair(operand(base), operand(head), Question(bindings, listed(free), batch, train, dtype, listed(without)))


__all__ = ["Change", "Comparison", "Delta", "Report", "Status", "against", "compare"]
