"""`archcalc diagram`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli.declared import Option
from archcalc.cli.entry import command
from archcalc.cli.options import (
    Free,
    Inputs,
    Output,
    Set,
    Spec,
    Train,
    Via,
    Without,
    bindings,
    loaded,
    names,
)
from archcalc.cli.saying import out
from archcalc.picture import FORMATS, METRICS


@command()
def diagram(
    spec: Spec,
    inputs: Inputs = None,
    via: Via = "",
    sets: Set = None,
    free: Free = None,
    depth: Annotated[
        int, Option("--depth", "-d", min=1, help="Levels of blocks to draw: 1 the lines of the spec (default).")
    ] = 1,
    direction: Annotated[
        str, Option("--direction", help="TD (from top to bottom, the default), LR, BT or RL; not of svg.")
    ] = "TD",
    metric: Annotated[str, Option("--metric", help=f"What boxes are coloured by: {', '.join(METRICS)}.")] = "macs",
    by: Annotated[
        str, Option("--by", help="What a box is: block (the default: a line, or a block) or layer, every one.")
    ] = "block",
    without: Without = None,
    train: Train = False,
    form: Annotated[str, Option("--format", help=f"{', '.join(FORMATS)}.")] = "mermaid",
    output: Output = None,
) -> None:
    """Draw the network: a box a layer, blocks folded or as frames, coloured by what they cost.

    \b
    archcalc diagram resnet50                                  a flowchart in Mermaid
    archcalc diagram resnet50 --format svg --depth 2 -o r.svg  a drawing, blocks opened
    archcalc diagram resnet50 --format dot | dot -Tpdf -o r.pdf
    """
    from archcalc.picture import diagram as drawn
    from archcalc.question import Question

    drawn.judge(form, direction, metric, by)
    table = loaded(spec, inputs, via).answer(Question(bindings(sets), names(free), train=train, without=names(without)))
    out(drawn.draw(table, form, depth, direction, metric, by), into=output)
