"""`archcalc predict`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given
from archcalc.cli.saying import told

if TYPE_CHECKING:
    from archcalc.cost import Table

Asked = Annotated[
    Given, takes("inputs via sets free depth by columns sort top without batch dtype form json output quiet")
]
Device = Annotated[
    str,
    options.profile_option("--device", "A profile that `archcalc calibrate` wrote, or one that ships (--device help)."),
]
Sort = Annotated[str | None, Option("--sort", help="The dearest first: time, macs, params ...")]
Hot = Annotated[bool, Option("--hot", help="A run that follows at once on another of its own, caches as it left them.")]
Dtype = Annotated[str | None, Option("--dtype", help="Where the device has figures for several: fp32, fp16 ...")]


@command()
def predict(
    specs: options.Specs,
    device: Device,
    given: Asked,
    sort: Sort = None,
    dtype: Dtype = None,
    hot: Hot = False,
    form: options.Form = "table",
) -> None:
    """How long a run takes on a device, from the counts alone: by layer and in total, with an interval.

    \b
    archcalc predict resnet50 --device help                               the devices that are known
    archcalc predict resnet50 --device epyc-zen4-cpu-1t                   milliseconds by layer
    archcalc predict net.yaml --device device.json --hot                  the same network again and again
    archcalc predict net.yaml --device device.json --sort time --top 5    where the time goes
    archcalc predict vgg16 --device device.json --free size --depth 0     the closed form of time
    """
    from archcalc.latency.here import elsewhere
    from archcalc.latency.profile import load_profile

    form = given.form(form)
    tables: list[Table] = []
    remarks: list[str] = []
    for model in given.models(specs):
        profile = load_profile(device, os.path.dirname(model.spec.path))
        question = given.question(dtype=dtype or profile.dtypes[0], as_stored=False, device=device, hot=hot)
        tables.append(given.answer(model, question))
        remarks.append(elsewhere(profile))
    given.stream(given.rendered(tables, form, sort=sort))
    for remark in dict.fromkeys(remark for remark in remarks if remark and not given.quiet):
        told(f"note: {remark}")
