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
Depthwise = Annotated[
    bool, Option("--inplace-depthwise", help="Depthwise convolutions write over their input, a channel at a time.")
]
Patches = Annotated[
    int, Option("--patches", metavar="N", min=0, help="Run the first layers in N parts an axis, one after the other.")
]
Until = Annotated[str, Option("--until", metavar="LAYER", help="Where patches end; else where that needs least.")]


@command()
def memory(
    spec: options.Spec,
    plan: Plan = "",
    align: Align = 16,
    order: Order = "given",
    inplace_depthwise: Depthwise = False,
    patches: Patches = 0,
    until: Until = "",
    *,
    given: Asked,
    form: options.TextOrJson = "text",
) -> None:
    """What is alive while each layer runs, which tensors make the peak, and where they can lie.

    \b
    archcalc memory resnet50                                    the timeline, and the tensors at the peak
    archcalc memory net.yaml --dtype int8 --fold-bn --plan greedy      tflite-micro's arena
    archcalc memory net.yaml --plan best --order best           the least block, and whether that is proved
    archcalc memory mobilenet_v2 --dtype int8 --inplace-depthwise --patches 4      as on a microcontroller
    """
    from archcalc.memory.layout import Way, layout
    from archcalc.render import memory as rendered

    form = given.form(form, TEXT_OR_JSON)
    table = given.loaded(spec).answer(given.question())
    found = layout(table.graph, table.held.measure, plan, align, order, Way(order, inplace_depthwise, patches, until))
    shown = rendered.text if form == "text" else rendered.json
    given.say(shown(table, found, align))
