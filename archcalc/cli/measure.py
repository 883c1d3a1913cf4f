"""`archcalc measure`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from archcalc.cli.app import app
from archcalc.cli.export import Seed
from archcalc.cli.options import Batch, Quiet, Set, Specs, Without, bindings, models, names, notes
from archcalc.errors import UsageError

if TYPE_CHECKING:
    from archcalc.measure.latency import Progress

WIDTH = 30  # of the progress bar


@app.command()
def measure(
    specs: Specs,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
    sets: Set = None,
    without: Without = None,
    batch: Batch = 1,
    dtype: Annotated[str | None, typer.Option("--dtype", help="fp32 (default) or fp16.")] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Of the CPU; onnxruntime's own choice unless given.")] = None,
    runs: Annotated[int | None, typer.Option("--runs", min=1, help="So many, instead of until the median stands still.")] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Where the time goes, layer by layer.")] = False,
    depth: Annotated[int, typer.Option("--depth", "-d", min=1, help="Levels of blocks that a profile shows.")] = 1,
    tf32: Annotated[bool, typer.Option("--tf32/--no-tf32", help="Whether CUDA may round fp32 products to TF32.")] = True,
    search: Annotated[str, typer.Option("--search", help="How cuDNN picks an algorithm: heuristic or exhaustive.")] = "heuristic",
    against: Annotated[
        str | None, typer.Option("--against", metavar="FILE|NAME", help="A device's profile: what it predicts beside what is measured, layer by layer.")
    ] = None,
    seed: Seed = 0,
    form: Annotated[str, typer.Option("--format", "-o", help="text or json.")] = "text",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    quiet: Quiet = False,
) -> None:
    """Measure how long networks take, in turns until their medians stand still; beside the least that the device allows.

    \b
    archcalc measure resnet18 --threads 1
    archcalc measure googlenet --profile                     where MACs and time disagree
    archcalc measure resnet50 mobilenet_v2 vgg16             ratios, and whether MACs foretell them
    archcalc measure resnet50 --device cuda --batch 32 --dtype fp16
    archcalc measure resnet18 --threads 1 --against device.json   measured and predicted side by side
    """
    from archcalc.measure.device import Device
    from archcalc.measure.latency import measure as measured
    from archcalc.measure.report import dumped, text, to_json
    from archcalc.model import Question

    form = "json" if json else form
    if form not in ("text", "json"):
        raise UsageError(f"unknown format '{form}'; there are text, json")
    place, known = Device(device, threads, tf32, search), None
    if against is not None:
        from archcalc.latency.against import comparable
        from archcalc.latency.profile import load_profile

        known = load_profile(against)
        place, dtype = comparable(known, place, dtype)
    tables = []
    for model in models(specs):
        table = model.answer(Question(bindings(sets), (), batch, False, dtype or "fp32", names(without)))
        notes(table, model.dropped, quiet)
        tables.append(table)
    try:
        with _progress(quiet) as progress:
            found = measured(tables, place, runs=runs, profile=profile or (known is not None and place.kind == "cpu"), seed=seed, progress=progress)
    except KeyboardInterrupt:
        raise UsageError("interrupted before every network had run") from None
    if known is not None:
        from archcalc.latency.against import report

        typer.echo(report(found, known, depth, form))
    else:
        typer.echo(text(found, depth) if form == "text" else dumped(to_json(found)))
    if found[0].interrupted:
        raise UsageError(f"interrupted after {len(found[0].times)} rounds")


@contextmanager
def _progress(quiet: bool) -> Iterator[Progress | None]:
    """A bar on stderr, on a terminal, which vanishes when it is done."""
    if quiet or not sys.stderr.isatty():
        yield None
        return

    def show(done: int, of: int) -> None:
        filled = WIDTH * done // of
        typer.echo(f"\r[{'#' * filled}{'.' * (WIDTH - filled)}] round {done}", err=True, nl=False)

    try:
        yield show
    finally:
        typer.echo(f"\r{' ' * (WIDTH + 20)}\r", err=True, nl=False)
