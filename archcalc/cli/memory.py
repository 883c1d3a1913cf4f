"""`archcalc memory`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import TEXT_OR_JSON, Given

Asked = Annotated[Given, takes("inputs via sets without batch dtype attention fold_bn form json output")]
Plan = Annotated[
    str, Option("--plan", metavar="HOW", help="A place for every tensor: inorder, greedy (tflite-micro's) or best.")
]
Align = Annotated[int, Option("--align", min=1, help="Places are multiples of so many bytes.")]
Order = Annotated[str, Option("--order", metavar="HOW", help="given (the spec's), or best: the least alive at once.")]


@command()
def memory(
    spec: options.Spec,
    plan: Plan = "",
    align: Align = 16,
    order: Order = "given",
    *,
    given: Asked,
    form: options.TextOrJson = "text",
) -> None:
    """What is alive while each layer runs, which tensors make the peak, and where they can lie.

    \b
    archcalc memory resnet50                                    the timeline, and the tensors at the peak
    archcalc memory net.yaml --dtype int8 --fold-bn --plan greedy      tflite-micro's arena
    archcalc memory net.yaml --plan best --order best           the least block, and whether that is proved
    """
    from archcalc.memory.layout import layout
    from archcalc.render import memory as rendered

    form = given.form(form, TEXT_OR_JSON)
    table = given.loaded(spec).answer(given.question())
    found = layout(table.graph, table.held.measure, plan, align, order)
    shown = rendered.text if form == "text" else rendered.json
    given.say(shown(table, found, align))
