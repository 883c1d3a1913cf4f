"""`archcalc sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given, apart, names
from archcalc.cli.progress import shown
from archcalc.cli.saying import told
from archcalc.errors import UsageError

if TYPE_CHECKING:
    from archcalc.space import Space, Sweep

Asked = Annotated[
    Given,
    takes(
        "over where pareto columns sample seed inputs via sets train batch dtype attention fold_bn optimizer precision"
        " checkpoint fit device top form json output quiet"
    ),
]
Pareto = Annotated[
    str, Option("--pareto", help="Only the front of these, a minus for what should be large: macs,-field.")
]
Columns = Annotated[
    str,
    Option("--columns", help="The figures of each design: params,macs,act_peak (default); `help metrics` has all."),
]
Sample = Annotated[int | None, Option("--sample", help="So many designs, drawn at random.")]
Seed = Annotated[int, Option("--seed", help="Of the drawing.")]
EngineName = Annotated[
    str,
    Option(
        "--engine",
        help="Who works out partitions, which become Parquet files in --output FOLDER/: local, dask, or"
        " tcp://HOST:PORT, where `archcalc worker` connects.",
    ),
]
Each = Annotated[int | None, Option("--partition", min=1, help="Designs of a partition.")]
Top = Annotated[int | None, Option("--top", min=1, help="Rows of the table (40).")]
Form = Annotated[
    str, Option("--format", help="table, csv, json, svg (the front by two figures), or parquet (with --output).")
]


@command()
def sweep(
    spec: options.Spec,
    given: Asked,
    pareto: Pareto = "",
    columns: Columns = "",
    sample: Sample = None,
    seed: Seed = 0,
    device: options.PredictedOnEach = None,
    top: Top = None,
    form: Form = "table",
    engine: EngineName = "",
    partition: Each = None,
) -> None:
    """Count every design of a space: all parameters within their ranges, or the best of them.

    \b
    archcalc sweep mobilenet_v2 --over size=96..224:32 --over width=0.35,0.5,0.75,1
    archcalc sweep resnet50 --over size=96..320:32 --where 'macs <= 2G'
    archcalc sweep mobilenet_v2 --over size=96..320:16 --over width=0.25..2:0.05 --pareto macs,-size,-width
    archcalc sweep mobilenet_v2 --over size=96..320:16 --pareto macs,-size --format svg -o front.svg
    archcalc sweep resnet50 --over size=96..320:32 --device rtx4090 --device t4
    archcalc sweep net.yaml --format parquet -o designs.parquet       the spec's own `space:`
    archcalc sweep net.yaml --format parquet -o parts/ --engine dask  in partitions, resumed by the same command
    """
    from archcalc.space import sweep as swept
    from archcalc.space.report import FORMATS

    form = given.form(form, (*FORMATS, "svg", "parquet"))
    _check(form, pareto, given)
    space = given.space(spec, device or ())
    if engine or partition:
        _in_partitions(space, given, form, engine or "local", partition, (names([columns]), pareto, sample, seed))
        return
    with shown(given.quiet, "designs", space.size if sample is None else min(sample, space.size)) as progress:
        found = swept(space, names([columns]), given.where or (), pareto, sample, seed, progress)
    _write(found, spec, form, top, given)


def _check(form: str, pareto: str, given: Given) -> None:
    """Raises UsageError for what a format needs, before anything is counted."""
    from archcalc.cli.fronts import axes_of

    if form == "parquet" and given.output is None:
        raise UsageError("Parquet is no text: name a file with --output")
    if form == "svg" and not pareto:
        raise UsageError("an SVG is of a front: --pareto macs,-size")
    if form == "svg":
        axes_of(pareto)


def _in_partitions(
    space: Space,
    given: Given,
    form: str,
    engine: str,
    each: int | None,
    asked: tuple[tuple[str, ...], str, int | None, int],
) -> None:
    """Files in a folder, one a partition. Raises UsageError; Ctrl-C leaves those that are done."""
    from archcalc.space.partitions import Wanted, cut, engine_of, run

    if form != "parquet" or not (given.output or "").endswith("/"):
        raise UsageError("--engine and --partition write several files: --format parquet --output FOLDER/")
    columns, pareto, sample, seed = asked
    folder = Path(given.output or "")
    parts = cut(space, Wanted(columns, tuple(given.where or ()), pareto, sample, seed), folder, each)
    work = engine_of(engine)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from None
    if engine.startswith("tcp://") and parts.left() and not given.quiet:
        told(f"waiting for workers: archcalc worker {engine}")
    with shown(given.quiet, "parts", len(parts.files)) as progress:
        try:
            new = run(parts, work, progress)
        except KeyboardInterrupt:
            there = len(parts.files) - len(parts.left())
            told(f"{there:,} of {len(parts.files):,} partitions are there: the same command goes on with the others")
            raise SystemExit(130) from None
    if not given.quiet:
        told(f"{len(parts.files):,} partitions in {folder}, {len(parts.files) - new:,} of them were there")


def _write(found: Sweep, spec: str, form: str, top: int | None, given: Given) -> None:
    """Print the designs or put them into a file. Raises SystemExit where only some could be counted."""
    from archcalc.space.report import FORMATS, MOST_SHOWN, parquet, table

    if form == "parquet" and given.output is not None:
        apart(Path(given.output), spec)
        parquet(found, Path(given.output))
        return
    if form == "svg":
        given.say(_drawn(found, given))
    else:
        given.say(table(found, top or MOST_SHOWN) if form == "table" else FORMATS[form](found))
    if found.interrupted:
        raise SystemExit(130)


def _drawn(found: Sweep, given: Given) -> str:
    """The front as SVG, with other designs beside it."""
    from archcalc.cli.fronts import front_of
    from archcalc.picture import Asked as Drawing
    from archcalc.picture.front import draw

    return draw([], front_of(found, given.where or (), Drawing()))
