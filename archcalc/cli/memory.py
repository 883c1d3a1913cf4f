"""`archcalc memory`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli.declared import Option
from archcalc.cli.entry import command
from archcalc.cli.options import (
    Attention,
    Batch,
    Dtype,
    FoldBn,
    Inputs,
    Json,
    Output,
    Set,
    Spec,
    Via,
    Without,
    bindings,
    loaded,
    names,
    text_or_json,
)
from archcalc.cli.saying import out


@command()
def memory(
    spec: Spec,
    plan: Annotated[
        str,
        Option("--plan", metavar="HOW", help="A place for every tensor: inorder, greedy (tflite-micro's) or best."),
    ] = "",
    align: Annotated[int, Option("--align", min=1, help="Places are multiples of so many bytes.")] = 16,
    order: Annotated[
        str, Option("--order", metavar="HOW", help="given (the spec's), or best: the least alive at once.")
    ] = "given",
    inputs: Inputs = None,
    via: Via = "",
    sets: Set = None,
    without: Without = None,
    batch: Batch = 1,
    dtype: Dtype = "fp32",
    attention: Attention = "",
    fold_bn: FoldBn = False,
    form: Annotated[str, Option("--format", help="text or json.")] = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """What is alive while each layer runs, which tensors make the peak, and where they can lie.

    \b
    archcalc memory resnet50                                    the timeline, and the tensors at the peak
    archcalc memory net.yaml --dtype int8 --fold-bn --plan greedy      tflite-micro's arena
    archcalc memory net.yaml --plan best --order best           the least block, and whether that is proved
    """
    from archcalc.memory.layout import layout
    from archcalc.question import Question
    from archcalc.render import memory as rendered

    form = text_or_json(form, json)
    question = Question(bindings(sets), (), batch, dtype=dtype, without=names(without), attention=attention)
    table = loaded(spec, inputs, via).answer(question._replace(fold_bn=fold_bn))
    found = layout(table.graph, table.held.measure, plan, align, order)
    shown = rendered.text if form == "text" else rendered.json
    out(shown(table, found, align), into=output)
