"""`archcalc sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given, apart, names
from archcalc.cli.progress import bar
from archcalc.errors import UsageError

if TYPE_CHECKING:
    from archcalc.space import Sweep

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
    str, Option("--columns", help="The figures of each design: params,macs,act_peak (default), field ...")
]
Sample = Annotated[int | None, Option("--sample", help="So many designs, drawn at random.")]
Seed = Annotated[int, Option("--seed", help="Of the drawing.")]
Top = Annotated[int | None, Option("--top", min=1, help="Rows of the table (40).")]
Form = Annotated[str, Option("--format", help="table, csv, json, or parquet (with --output).")]


@command()
def sweep(
    spec: options.Spec,
    given: Asked,
    pareto: Pareto = "",
    columns: Columns = "",
    sample: Sample = None,
    seed: Seed = 0,
    top: Top = None,
    form: Form = "table",
) -> None:
    """Count every design of a space: all parameters within their ranges, or the best of them.

    \b
    archcalc sweep mobilenet_v2 --over size=96..224:32 --over width=0.35,0.5,0.75,1
    archcalc sweep resnet50 --over size=96..320:32 --where 'macs <= 2G'
    archcalc sweep mobilenet_v2 --over size=96..320:16 --over width=0.25..2:0.05 --pareto macs,-size,-width
    archcalc sweep net.yaml --format parquet -o designs.parquet       the spec's own `space:`
    """
    from archcalc.space import sweep as swept
    from archcalc.space.report import FORMATS

    form = given.form(form, (*FORMATS, "parquet"))
    if form == "parquet" and given.output is None:
        raise UsageError("Parquet is no text: name a file with --output")
    space = given.space(spec)
    of = space.size if sample is None else min(sample, space.size)
    with bar(given.quiet) as show:

        def progress(done: int) -> None:
            if show is not None:
                show("designs", done, of)

        found = swept(space, names([columns]), given.where or (), pareto, sample, seed, progress)
    _write(found, spec, form, top, given)


def _write(found: Sweep, spec: str, form: str, top: int | None, given: Given) -> None:
    """Print the designs or put them into a file. Raises SystemExit where only some could be counted."""
    from archcalc.space.report import FORMATS, parquet, table

    if form == "parquet" and given.output is not None:
        apart(Path(given.output), spec)
        parquet(found, Path(given.output))
        return
    given.say(table(found, top or 40) if form == "table" else FORMATS[form](found))
    if found.interrupted:
        raise SystemExit(130)
