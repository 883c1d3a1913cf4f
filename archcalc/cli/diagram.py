"""`archcalc diagram`."""

from __future__ import annotations

from typing import Annotated

import typer

from archcalc.cli.entry import command
from archcalc.cli.options import (
    Free,
    Output,
    Set,
    Spec,
    Train,
    Without,
    bindings,
    loaded,
    names,
)
from archcalc.cli.saying import out
from archcalc.errors import UsageError


@command()
def diagram(
    spec: Spec,
    sets: Set = None,
    free: Free = None,
    depth: Annotated[
        int, typer.Option("--depth", "-d", min=1, help="Levels of blocks to draw: 1 the lines of the spec (default).")
    ] = 1,
    direction: Annotated[
        str, typer.Option("--direction", help="TD (from top to bottom, the default), LR, BT or RL.")
    ] = "TD",
    without: Without = None,
    train: Train = False,
    form: Annotated[str, typer.Option("--format", help="mermaid.")] = "mermaid",
    output: Output = None,
) -> None:
    """Draw the network as a Mermaid flowchart: a box a layer, blocks folded, shapes on the arrows."""
    from archcalc.question import Question
    from archcalc.render.diagram import FORMATS, mermaid

    if form not in FORMATS:
        raise UsageError(f"unknown format '{form}'; there are {', '.join(FORMATS)}")
    table = loaded(spec).answer(Question(bindings(sets), names(free), train=train, without=names(without)))
    out(mermaid(table, depth, direction), into=output)
