"""`archcalc expand`."""

from __future__ import annotations

from archcalc.cli.entry import command
from archcalc.cli.options import Set, Spec, Without, bindings, names
from archcalc.cli.saying import out


@command()
def expand(
    spec: Spec,
    sets: Set = None,
    without: Without = None,
) -> None:
    """Print the flat network, every option spelled out: a spec that counts the same."""
    from archcalc.expand import expand as expanded
    from archcalc.model import load
    from archcalc.question import Question

    out(expanded(load(spec).answer(Question(bindings(sets), without=names(without)))), newline=False)
