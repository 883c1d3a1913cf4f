"""`archcalc count`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli.declared import Option
from archcalc.cli.entry import command
from archcalc.cli.options import (
    As,
    Attention,
    Batch,
    Checkpoint,
    Columns,
    Fold,
    FoldBn,
    Form,
    Free,
    InPrecision,
    Inputs,
    Json,
    Optimizer,
    Output,
    Quiet,
    Set,
    Specs,
    Train,
    Via,
    Without,
    answered,
    bindings,
    chosen,
    folding,
    names,
    width,
)
from archcalc.cli.saying import out


@command()
def count(
    specs: Specs,
    inputs: Inputs = None,
    via: Via = "",
    sets: Set = None,
    free: Free = None,
    depth: Annotated[
        int | None,
        Option("--depth", "-d", min=0, help="Levels of blocks to show: 0 the totals, 1 what the spec lists (default)."),
    ] = None,
    by: Annotated[str | None, Option("--by", help="layer (every one), block (without what is inside) or op.")] = None,
    columns: Columns = None,
    sort: Annotated[
        str | None, Option("--sort", help="The dearest first: macs, params, flops, activations, bytes ...")
    ] = None,
    top: Annotated[
        int | None, Option("--top", min=1, help="Only so many rows, and one for the others together.")
    ] = None,
    without: Without = None,
    train: Train = False,
    batch: Batch = 1,
    dtype: Annotated[
        str | None,
        Option(
            "--dtype",
            help="fp64, fp32, fp16, bf16 or int8: the width that bytes are counted in. Without it fp32, and the weights"
            " of a model file as it stores them.",
        ),
    ] = None,
    flops: Annotated[bool, Option("--flops", help="A column of FLOPs: 2 x MACs + elementwise operations.")] = False,
    form: Form = "table",
    attention: Attention = "",
    optimizer: Optimizer = "adam",
    precision: InPrecision = "fp32",
    checkpoint: Checkpoint = "none",
    fold_bn: FoldBn = False,
    fold: Fold = "yes",
    tool: As = None,
    strict: Annotated[bool, Option("--strict", help="Exit 1 if a model file holds what could not be counted.")] = False,
    tensors: Annotated[
        bool,
        Option("--tensors", help="Every tensor of a model file: its size, type and bytes, what it is and why."),
    ] = False,
    json: Json = False,
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """Count parameters, MACs, activations, memory and receptive field, as numbers or closed forms.

    \b
    archcalc count googlenet                          the table of a network that ships
    archcalc count net.yaml --set size=320            another input size
    archcalc count resnet50 --free size --depth 0     the closed form in the input size
    archcalc count vgg16 --sort params --top 5        where the parameters are
    archcalc count alexnet --without fc6,fc7          an ablation
    archcalc count model.onnx --tensors               what a model file holds
    archcalc count lora.onnx --fold no                with products of constants
    archcalc count specs --depth 0                    the totals of every spec in a folder
    cat net.yaml | archcalc count - --json            a spec on stdin, for programs
    """
    from archcalc.memory import Training
    from archcalc.question import Question
    from archcalc.render import render

    form = chosen(form, json)
    question = Question(
        bindings(sets), names(free), batch, train, dtype or "fp32", names(without), tool, attention=attention
    )
    training = Training(optimizer, precision, checkpoint)
    question = question._replace(training=training, tensors=tensors, as_stored=dtype is None, fold_bn=fold_bn)
    question = question._replace(folds=folding(fold))
    tables = answered(specs, question, quiet, inputs, via)
    if tensors and form != "json":
        from archcalc.render.tensors import tensors as listed

        out(listed(tables, form), into=output)
        return
    shown = {"by": by, "depth": depth, "sort": sort, "top": top, "columns": columns, "flops": flops}
    out(render(tables, form, width=width(output), **shown), into=output)
    if strict and any(table.graph.uncounted for table in tables):
        raise SystemExit(1)
