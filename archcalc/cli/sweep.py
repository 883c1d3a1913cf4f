"""`archcalc sweep`."""

from __future__ import annotations

from pathlib import Path
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
    Quiet,
    Set,
    Spec,
    Train,
    Via,
    apart,
    bindings,
    chosen,
    loaded,
    names,
)
from archcalc.cli.progress import bar
from archcalc.cli.saying import out
from archcalc.errors import UsageError

Over = Annotated[
    list[str] | None,
    Option(
        "--over",
        metavar="NAME=RANGE",
        help="What varies: width=0.25..2:0.05, size=96,224, act=relu,silu, depths.2=2..6, batch=1..64, variant=a,b."
        " May be repeated; goes before the spec's own `space:`.",
    ),
]
Where = Annotated[
    list[str] | None,
    Option("--where", help="Only designs for which this holds: 'macs <= 150M and size >= 96'. May be repeated."),
]


@command()
def sweep(
    spec: Spec,
    over: Over = None,
    where: Where = None,
    pareto: Annotated[
        str, Option("--pareto", help="Only the front of these, a minus for what should be large: macs,-field.")
    ] = "",
    columns: Annotated[
        str, Option("--columns", help="The figures of each design: params,macs,act_peak (default), field ...")
    ] = "",
    sample: Annotated[int | None, Option("--sample", help="So many designs, drawn at random.")] = None,
    seed: Annotated[int, Option("--seed", help="Of the drawing.")] = 0,
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
    top: Annotated[int | None, Option("--top", min=1, help="Rows of the table (40).")] = None,
    form: Annotated[str, Option("--format", help="table, csv, json, or parquet (with --output).")] = "table",
    json: Json = False,
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """Count every design of a space: all parameters within their ranges, or the best of them.

    \b
    archcalc sweep mobilenet_v2 --over size=96..224:32 --over width=0.35,0.5,0.75,1
    archcalc sweep resnet50 --over size=96..320:32 --where 'macs <= 2G'
    archcalc sweep mobilenet_v2 --over size=96..320:16 --over width=0.25..2:0.05 --pareto macs,-size,-width
    archcalc sweep net.yaml --format parquet -o designs.parquet       the spec's own `space:`
    """
    from archcalc.memory import Training
    from archcalc.space import space_of
    from archcalc.space import sweep as swept
    from archcalc.space.report import FORMATS, check_format, parquet, table

    form = chosen(form, json)
    check_format(form, (*FORMATS, "parquet"))
    if form == "parquet" and output is None:
        raise UsageError("Parquet is no text: name a file with --output")
    asked = {"bindings": bindings(sets), "train": train, "batch": batch, "dtype": dtype, "device": device}
    asked |= {"attention": attention, "fold_bn": fold_bn, "training": Training(optimizer, precision, checkpoint)}
    asked |= {"fit": names(fit)}
    space = space_of(loaded(spec, inputs, via), over or [], **asked)
    of = space.size if sample is None else min(sample, space.size)
    with bar(quiet) as show:

        def progress(done: int) -> None:
            if show is not None:
                show("designs", done, of)

        found = swept(space, names([columns]), where or (), pareto, sample, seed, progress)
    if form == "parquet" and output is not None:
        apart(Path(output), spec)
        parquet(found, Path(output))
        return
    text = table(found, top or 40) if form == "table" else FORMATS[form](found)
    out(text, into=output)
    if found.interrupted:
        raise SystemExit(130)
