"""`archcalc diagram`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given
from archcalc.picture import FORMATS, METRICS

Asked = Annotated[Given, takes("inputs via sets free depth direction metric by without train form output")]
Depth = Annotated[
    int, Option("--depth", "-d", min=1, help="Levels of blocks to draw: 1 the lines of the spec (default).")
]
Direction = Annotated[
    str, Option("--direction", help="TD (from top to bottom, the default), LR, BT or RL; not of svg.")
]
Metric = Annotated[str, Option("--metric", help=f"What boxes are coloured by: {', '.join(METRICS)}.")]
By = Annotated[str, Option("--by", help="What a box is: block (the default: a line, or a block) or layer, every one.")]
Form = Annotated[str, Option("--format", help=f"{', '.join(FORMATS)}.")]


@command()
def diagram(
    spec: options.Spec,
    given: Asked,
    depth: Depth = 1,
    direction: Direction = "TD",
    metric: Metric = "macs",
    by: By = "block",
    form: Form = "mermaid",
) -> None:
    """Draw the network: a box a layer, blocks folded or as frames, coloured by what they cost.

    \b
    archcalc diagram resnet50                                  a flowchart in Mermaid
    archcalc diagram resnet50 --format svg --depth 2 -o r.svg  a drawing, blocks opened
    archcalc diagram resnet50 --format dot | dot -Tpdf -o r.pdf
    """
    from archcalc.picture import diagram as drawn

    drawn.judge(form, direction, metric, by)
    table = given.loaded(spec).answer(given.question())
    given.say(drawn.draw(table, form, depth, direction, metric, by))
