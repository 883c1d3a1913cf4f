"""`archcalc measure`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import TEXT_OR_JSON, Given, of_stand_ins
from archcalc.cli.progress import rounds
from archcalc.cli.saying import told
from archcalc.errors import UsageError

if TYPE_CHECKING:
    from archcalc.cost import Table
    from archcalc.latency.profile import Profile
    from archcalc.measure.device import Device
    from archcalc.measure.latency import Latency
    from archcalc.question import Stored

Asked = Annotated[
    Given,
    takes("inputs sets without batch dtype threads runs profile depth tf32 search against seed form json output quiet"),
]
Dtype = Annotated[str | None, Option("--dtype", help="fp32 (default) or fp16.")]
Runs = Annotated[int | None, Option("--runs", min=1, help="So many, instead of until the median stands still.")]
Profiled = Annotated[bool, Option("--profile", help="Where the time goes, layer by layer.")]
Depth = Annotated[int, Option("--depth", "-d", min=1, help="Levels of blocks that a profile shows.")]
Tf32 = Annotated[bool, Option("--tf32/--no-tf32", help="Whether CUDA may round fp32 products to TF32.")]
Search = Annotated[str, Option("--search", help="How cuDNN picks an algorithm: heuristic or exhaustive.")]
Against = Annotated[
    str | None,
    options.profile_option(
        "--against", "A device's profile: what it predicts beside what is measured, layer by layer."
    ),
]


@command()
def measure(
    specs: options.Specs,
    device: options.OnDevice = "cpu",
    *,
    given: Asked,
    dtype: Dtype = None,
    threads: options.Threads = None,
    runs: Runs = None,
    profile: Profiled = False,
    depth: Depth = 1,
    tf32: Tf32 = True,
    search: Search = "heuristic",
    against: Against = None,
    seed: options.Seed = 0,
    form: options.TextOrJson = "text",
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

    form = given.form(form, TEXT_OR_JSON)
    place, known = Device(device, threads, tf32, search), None
    if against is not None:
        known, place, dtype = _compared(against, Path(specs[0]).parent, place, dtype)
    tables, files = _counted(specs, given, dtype or "fp32")
    of_layers = profile or (known is not None and place.kind == "cpu")
    found = _timed(tables, files, place, runs, of_layers, seed, given.quiet)
    _note(found, given.quiet)
    given.say(_shown(found, known, form, depth))
    if found[0].interrupted:
        raise UsageError(f"interrupted after {len(found[0].times)} rounds")


def _note(found: list[Latency], quiet: bool) -> None:
    for latency in () if quiet else found:
        for note in latency.notes:
            told(f"note: {latency.table.name}: {note}")


def _counted(specs: list[str], given: Given, dtype: str) -> tuple[list[Table], list[Stored | None]]:
    """The tables of networks, and what their files hold."""
    question = given.question(dtype=dtype)
    networks = given.models(specs)
    tables = [given.answer(network, question) for network in networks]
    files = [network.source.stored(question) for network in networks]
    for table, file in zip(tables, files, strict=True):
        of_stand_ins(table, given.quiet or file is not None, "the time leaves it out")
    return tables, files


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
