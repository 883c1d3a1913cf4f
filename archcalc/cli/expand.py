"""`archcalc expand`."""

from __future__ import annotations

from archcalc.cli.entry import command
from archcalc.cli.options import (
    Inputs,
    Output,
    Set,
    Spec,
    Via,
    Without,
    bindings,
    loaded,
    names,
)
from archcalc.cli.saying import out


@command()
def expand(
    spec: Spec,
    inputs: Inputs = None,
    via: Via = "",
    sets: Set = None,
    without: Without = None,
    output: Output = None,
) -> None:
    """Print the flat network, every option spelled out: a spec that counts the same."""
    from archcalc.expand import expand as expanded
    from archcalc.question import Question

    table = loaded(spec, inputs, via).answer(Question(bindings(sets), without=names(without)))
    out(expanded(table), newline=False, into=output)
