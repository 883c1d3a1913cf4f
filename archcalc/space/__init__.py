"""Choosing among designs: a space gone through (`sweep`), and the best of it under limits, proved (`solve`).

`axes` says what varies, `spanned` has the space of it, `designs` gives costs by closed forms or counts, `validity`
where the forms hold, `conditions` which designs hold, `front` the
best of several figures at once, `times` predictions on each device; `line` solves along one axis, `search` by looking
at all; `report` prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from archcalc.model import Model
from archcalc.question import Question
from archcalc.space.axes import read_axes
from archcalc.space.problem import Limit, Solution, read_limit
from archcalc.space.solve import solve
from archcalc.space.spanned import Space
from archcalc.space.sweep import Sweep, sweep
from archcalc.space.times import latencies_of
from archcalc.spec.values import Value


def space_of(
    model: Model,
    over: Mapping[str, Value] | Iterable[str] = (),
    device: str | Sequence[str] = (),
    **asked: Value,
) -> Space:
    """The space of a network's designs: its own, and the ranges in `over`; `asked` are fields of a Question. Times are
    predicted on each `device`.

    Raises UsageError.
    """
    devices = [device] if isinstance(device, str) and device else list(device)
    return Space(model, tuple(read_axes(model, over)), Question(**asked), latencies_of(model, devices))


__all__ = ["Limit", "Solution", "Space", "Sweep", "read_limit", "solve", "space_of", "sweep"]
