"""`archcalc measure`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from archcalc.cli.declared import Option
from archcalc.cli.entry import command
from archcalc.cli.export import Seed
from archcalc.cli.options import (
    Batch,
    Inputs,
    Json,
    OnDevice,
    Output,
    Quiet,
    Set,
    Specs,
    Threads,
    Without,
    bindings,
    models,
    names,
    notes,
    profile_option,
    text_or_json,
)
from archcalc.cli.progress import rounds
from archcalc.cli.saying import out
from archcalc.errors import UsageError

if TYPE_CHECKING:
    from archcalc.cost import Table
    from archcalc.latency.profile import Profile
    from archcalc.measure.device import Device
    from archcalc.measure.latency import Latency
    from archcalc.question import Stored


@command()
def measure(
    specs: Specs,
    device: OnDevice = "cpu",
    inputs: Inputs = None,
    sets: Set = None,
    without: Without = None,
    batch: Batch = 1,
    dtype: Annotated[str | None, Option("--dtype", help="fp32 (default) or fp16.")] = None,
    threads: Threads = None,
    runs: Annotated[
        int | None, Option("--runs", min=1, help="So many, instead of until the median stands still.")
    ] = None,
    profile: Annotated[bool, Option("--profile", help="Where the time goes, layer by layer.")] = False,
    depth: Annotated[int, Option("--depth", "-d", min=1, help="Levels of blocks that a profile shows.")] = 1,
    tf32: Annotated[bool, Option("--tf32/--no-tf32", help="Whether CUDA may round fp32 products to TF32.")] = True,
    search: Annotated[
        str, Option("--search", help="How cuDNN picks an algorithm: heuristic or exhaustive.")
    ] = "heuristic",
    against: Annotated[
        str | None,
        profile_option("--against", "A device's profile: what it predicts beside what is measured, layer by layer."),
    ] = None,
    seed: Seed = 0,
    form: Annotated[str, Option("--format", help="text or json.")] = "text",
    json: Json = False,
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """Measure how long networks take, in turns until their medians stand still; beside the least that the device
    allows.

    \b
    archcalc measure resnet18 --threads 1
    archcalc measure googlenet --profile                     where MACs and time disagree
    archcalc measure resnet50 mobilenet_v2 vgg16             ratios, and whether MACs foretell them
    archcalc measure resnet50 --device cuda --batch 32 --dtype fp16
    archcalc measure resnet18 --threads 1 --against device.json   measured and predicted side by side
    """
    from archcalc.measure.device import Device
    from archcalc.question import Question

    form = text_or_json(form, json)
    place, known = Device(device, threads, tf32, search), None
    if against is not None:
        known, place, dtype = _compared(against, Path(specs[0]).parent, place, dtype)
    question = Question(bindings(sets), (), batch, False, dtype or "fp32", names(without))
    networks = models(specs, quiet, inputs)
    tables, files = [], []
    for network in networks:
        tables.append(network.answer(question))
        files.append(network.source.stored(question))
        notes(tables[-1], quiet)
    found = _timed(tables, files, place, runs, profile or (known is not None and place.kind == "cpu"), seed, quiet)
    out(_shown(found, known, form, depth), into=output)
    if found[0].interrupted:
        raise UsageError(f"interrupted after {len(found[0].times)} rounds")


def _compared(against: str, folder: Path, place: Device, dtype: str | None) -> tuple[Profile, Device, str]:
    """The profile that predicts, looked for beside the first spec too, and where and how to measure so that the two
    compare.
    """
    from archcalc.latency.against import comparable
    from archcalc.latency.profile import load_profile

    known = load_profile(against, folder)
    return known, *comparable(known, place, dtype)


def _timed(
    tables: list[Table],
    files: list[Stored | None],
    place: Device,
    runs: int | None,
    profile: bool,
    seed: int,
    quiet: bool,
) -> list[Latency]:
    from archcalc.measure.latency import measure

    try:
        with rounds(quiet) as progress:
            return measure(tables, place, runs=runs, profile=profile, seed=seed, progress=progress, files=files)
    except KeyboardInterrupt:
        raise UsageError("interrupted before every network had run") from None


def _shown(found: list[Latency], known: Profile | None, form: str, depth: int) -> str:
    if known is not None:
        from archcalc.latency.against import report

        return report(found, known, depth, form)
    from archcalc.measure.report import dumped, text, to_json

    return text(found, depth) if form == "text" else dumped(to_json(found))
