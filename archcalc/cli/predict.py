"""`archcalc predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from archcalc.cli.declared import Option
from archcalc.cli.entry import command
from archcalc.cli.options import (
    Batch,
    Columns,
    Form,
    Free,
    Inputs,
    Json,
    Output,
    Quiet,
    Set,
    Specs,
    Via,
    Without,
    bindings,
    chosen,
    models,
    names,
    notes,
    profile_option,
    width,
)
from archcalc.cli.saying import out

Device = Annotated[
    str,
    profile_option("--device", "A profile that `archcalc calibrate` wrote, or one that ships (--device help)."),
]


@command()
def predict(
    specs: Specs,
    device: Device,
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
    sort: Annotated[str | None, Option("--sort", help="The dearest first: time, macs, params ...")] = None,
    top: Annotated[
        int | None, Option("--top", min=1, help="Only so many rows, and one for the others together.")
    ] = None,
    without: Without = None,
    batch: Batch = 1,
    dtype: Annotated[
        str | None, Option("--dtype", help="Where the device has figures for several: fp32, fp16 ...")
    ] = None,
    form: Form = "table",
    json: Json = False,
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """How long a run takes on a device, from the counts alone: by layer and in total, with an interval.

    \b
    archcalc predict resnet50 --device help                               the devices that are known
    archcalc predict resnet50 --device epyc-zen4-cpu-1t                   milliseconds by layer
    archcalc predict net.yaml --device device.json --sort time --top 5    where the time goes
    archcalc predict vgg16 --device device.json --free size --depth 0     the closed form of time
    """
    from archcalc.latency.profile import load_profile
    from archcalc.question import Question
    from archcalc.render import render

    form = chosen(form, json)
    tables = []
    for model in models(specs, quiet, inputs, via):
        precision = dtype or load_profile(device, Path(model.spec.path).parent).dtypes[0]
        table = model.answer(
            Question(bindings(sets), names(free), batch, False, precision, names(without), device=device)
        )
        notes(table, quiet)
        tables.append(table)
    shown = {"by": by, "depth": depth, "sort": sort, "top": top, "columns": columns}
    out(render(tables, form, width=width(output), **shown), into=output)
