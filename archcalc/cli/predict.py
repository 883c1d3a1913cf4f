"""`archcalc predict`."""

from __future__ import annotations

import os
from typing import Annotated

from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given

Asked = Annotated[
    Given, takes("inputs via sets free depth by columns sort top without batch dtype form json output quiet")
]
Device = Annotated[
    str,
    options.profile_option("--device", "A profile that `archcalc calibrate` wrote, or one that ships (--device help)."),
]
Sort = Annotated[str | None, Option("--sort", help="The dearest first: time, macs, params ...")]
Dtype = Annotated[str | None, Option("--dtype", help="Where the device has figures for several: fp32, fp16 ...")]


@command()
def predict(
    specs: options.Specs,
    device: Device,
    given: Asked,
    sort: Sort = None,
    dtype: Dtype = None,
    form: options.Form = "table",
) -> None:
    """How long a run takes on a device, from the counts alone: by layer and in total, with an interval.

    \b
    archcalc predict resnet50 --device help                               the devices that are known
    archcalc predict resnet50 --device epyc-zen4-cpu-1t                   milliseconds by layer
    archcalc predict net.yaml --device device.json --sort time --top 5    where the time goes
    archcalc predict vgg16 --device device.json --free size --depth 0     the closed form of time
    """
    from archcalc.latency.profile import load_profile

    form = given.form(form)
    tables = []
    for model in given.models(specs):
        precision = dtype or load_profile(device, os.path.dirname(model.spec.path)).dtypes[0]
        tables.append(given.answer(model, given.question(dtype=precision, device=device)))
    given.stream(given.rendered(tables, form, sort=sort))
