"""`archcalc solve`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli.declared import Option
from archcalc.cli.entry import command
from archcalc.cli.options import (
    Attention,
    Batch,
    Checkpoint,
    Dtype,
    Fit,
    FoldBn,
    InPrecision,
    Inputs,
    Json,
    Optimizer,
    Output,
    Set,
    Spec,
    Train,
    Via,
    bindings,
    chosen,
    loaded,
    names,
)
from archcalc.cli.saying import out
from archcalc.cli.sweep import Over, Where


@command()
def solve(
    spec: Spec,
    maximize: Annotated[
        str, Option("--maximize", help="A parameter, a metric or an expression; of several the first first.")
    ] = "",
    minimize: Annotated[str, Option("--minimize", help="The same, to be small.")] = "",
    most: Annotated[
        list[str] | None,
        Option("--max", metavar="METRIC=AMOUNT", help="macs=150M, act_peak=320KiB, latency=5ms. May be repeated."),
    ] = None,
    least: Annotated[
        list[str] | None, Option("--min", metavar="METRIC=AMOUNT", help="field=224. May be repeated.")
    ] = None,
    over: Over = None,
    where: Where = None,
    inputs: Inputs = None,
    via: Via = "",
    sets: Set = None,
    train: Train = False,
    batch: Batch = 1,
    dtype: Dtype = "fp32",
    attention: Attention = "",
    fold_bn: FoldBn = False,
    optimizer: Optimizer = "adam",
    precision: InPrecision = "fp32",
    checkpoint: Checkpoint = "none",
    fit: Fit = None,
    device: Annotated[str, Option("--device", help="A profile to predict `latency` with.")] = "",
    form: Annotated[str, Option("--format", help="text or json.")] = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """The best design under limits, with the proof that there is no better one; exit code 1 if none keeps to them.

    \b
    archcalc solve resnet50 --maximize size --max macs=2G
    archcalc solve resnet50 --maximize batch --max act_peak=1GiB
    archcalc solve mobilenet_v2 --maximize 'size*width' --max macs=150M --over size=96..320:16 --over width=0.25..2:0.05
    """
    from archcalc.memory import Training
    from archcalc.space import read_limit, space_of
    from archcalc.space import solve as solved
    from archcalc.space.report import SOLUTIONS, check_format

    form = chosen(form, json)
    check_format(form, tuple(SOLUTIONS))
    limits = [read_limit("max", text) for text in most or ()] + [read_limit("min", text) for text in least or ()]
    asked = {"bindings": bindings(sets), "train": train, "batch": batch, "dtype": dtype, "device": device}
    asked |= {"attention": attention, "fold_bn": fold_bn, "training": Training(optimizer, precision, checkpoint)}
    asked |= {"fit": names(fit)}
    space = space_of(loaded(spec, inputs, via), over or [], **asked)
    found = solved(space, maximize=maximize, minimize=minimize, limits=limits, where=where or ())
    out(SOLUTIONS[form](found), into=output)
    if found.best is None:
        raise SystemExit(1)
