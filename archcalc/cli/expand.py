"""`archcalc expand`."""

from __future__ import annotations

import typer

from archcalc.cli.entry import command
from archcalc.cli.options import Set, Spec, Without, bindings, names


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

    typer.echo(expanded(load(spec).answer(Question(bindings(sets), without=names(without)))), nl=False)
