"""`archcalc plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archcalc.cli.entry import command
from archcalc.cli.options import (
    Batch,
    Dtype,
    Inputs,
    Output,
    Quiet,
    Set,
    Specs,
    Without,
    answered,
    bindings,
    device_help,
    devices,
    named,
    names,
)
from archcalc.cli.saying import out
from archcalc.picture import KINDS, METRICS


def _kinds(incomplete: str) -> list[str]:
    return [name for name in KINDS if name.startswith(incomplete)]


def _each_help(given: list[str] | None) -> list[str] | None:
    for name in given or ():
        device_help(name)
    return given


@command()
def plot(
    specs: Specs,
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            "-k",
            autocompletion=_kinds,
            help="; ".join(f"{name}: {known.help}" for name, known in KINDS.items()) + ".",
        ),
    ],
    metric: Annotated[
        str, typer.Option("--metric", help=f"What treemap and bars are of: {', '.join(METRICS)}.")
    ] = "macs",
    depth: Annotated[
        int, typer.Option("--depth", "-d", min=1, help="Levels of blocks that treemap and bars open (1).")
    ] = 1,
    device: Annotated[
        list[str] | None,
        typer.Option(
            "--device",
            metavar="FILE|NAME",
            callback=_each_help,
            autocompletion=devices,
            is_eager=True,
            help="Whose roofline; repeatable, --device help lists those that ship.",
        ),
    ] = None,
    inputs: Inputs = None,
    sets: Set = None,
    without: Without = None,
    batch: Batch = 1,
    dtype: Dtype = "fp32",
    quiet: Quiet = False,
    output: Output = None,
) -> None:
    """Plot where the cost is, as SVG.

    \b
    archcalc plot googlenet --kind treemap --metric params -o params.svg
    archcalc plot unet --kind memory -o memory.svg
    archcalc plot resnet50 --kind roofline --device rtx4090 --device t4 -o roofline.svg
    archcalc plot specs --kind bubble -o networks.svg
    """
    from archcalc.picture import Asked
    from archcalc.picture import plot as drawn
    from archcalc.question import Question

    found = named(specs, quiet)
    drawn.judge(kind, metric, len(found))
    profiles = []
    if device:
        from archcalc.latency.profile import load_profile

        profiles = [load_profile(name, Path(found[0]).parent) for name in dict.fromkeys(device)]
    tables = answered(found, Question(bindings(sets), (), batch, dtype=dtype, without=names(without)), quiet, inputs)
    out(drawn.plot(tables, kind, Asked(metric, depth, tuple(profiles))), into=output)
