"""`archcalc compare`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from archcalc.cli import options
from archcalc.cli.declared import Argument, Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import STDIN, Given, globbed, named
from archcalc.cli.saying import out, told
from archcalc.errors import SpecError, UsageError
from archcalc.render.formats import COMPARED

if TYPE_CHECKING:
    from archcalc.comparison import Report
    from archcalc.comparison.formats.writing import Output
    from archcalc.question import Question

Asked = Annotated[
    Given,
    takes(
        "base no_merge_base missing_base inputs via sets free without train batch dtype device fold_bn fit forms color"
        " json output quiet"
    ),
]
Sides = Annotated[
    list[str] | None,
    Argument(
        metavar="A B | SPEC...",
        help="Two networks; or with --base, specs (none: those that archcalc.toml or pyproject.toml name).",
    ),
]
Base = Annotated[
    str | None,
    Option(
        "--base",
        metavar="REF|FILE",
        help="A git ref (compared with where HEAD forked from it), or a snapshot: count's JSON.",
    ),
]
NoMergeBase = Annotated[
    bool, Option("--no-merge-base", help="Compare with REF as it is now, not with where HEAD forked from it.")
]
MissingBase = Annotated[
    str, Option("--missing-base", metavar="fail|new", help="Where there is no base: fail, or take specs as new.")
]
Device = Annotated[
    str, options.profile_option("--device", "A device's profile, by which predicted times are compared as well.")
]
Formats = Annotated[
    list[str] | None,
    Option(
        "--format",
        metavar="F[=FILE]",
        autocompletion=options.starting(lambda: COMPARED),
        help=f"{', '.join(COMPARED)}; text if nothing is said; repeatable, each into a file.",
    ),
]


@command()
def compare(
    sides: Sides = None,
    base: Base = None,
    no_merge_base: NoMergeBase = False,
    missing_base: MissingBase = "fail",
    *,
    given: Asked,
    device: Device = "",
    forms: Formats = None,
) -> None:
    """What changed: totals, layers, closed forms, and whether the budgets allow it. Exits with 1 if one doesn't.

    \b
    archcalc compare old.yaml new.yaml                what new.yaml costs more, and where
    archcalc compare alexnet alexnet --without fc7    what leaving a layer out of the second saves
    archcalc compare models/*.yaml --base origin/main what a branch changes, each file with its variants
    archcalc compare net.yaml --base costs.json       against `archcalc count net.yaml --format json > costs.json`
    """
    from archcalc.comparison.formats.writing import outputs, write

    forms = _forms(forms or [], given)
    wanted = outputs(forms)
    if missing_base not in ("fail", "new"):
        raise UsageError(f"--missing-base is fail or new, not '{missing_base}'")
    question, sides = given.question(device=device), sides or []
    with _mistakes_in(wanted):
        if base is None:
            report = _of_two(sides, question, given)
        else:
            report = _against(sides, given.quiet, base, question, not no_merge_base, missing_base == "new")
    outputs(forms, _read(report, base))
    printed = write(report, wanted)
    for note in () if given.quiet else _stay(report):
        told(f"note: {note}")
    if printed is not None:
        shown = [each.form for each in wanted if each.file is None]
        out(printed, commands="github" in shown, paint=given.painter() if shown == ["text"] else None)
    if report.failed:
        raise SystemExit(1)


@contextmanager
def _mistakes_in(wanted: Sequence[Output]) -> Iterator[None]:
    """What can't be read is written in the formats that have a form for it, too."""
    from archcalc.comparison.formats.writing import write_mistakes

    try:
        yield
    except SpecError as error:
        if (annotations := write_mistakes(error.problems, wanted)) is not None:
            out(annotations, commands=True)
        raise


def _forms(forms: list[str], given: Given) -> list[str]:
    """The formats that are asked for; what would be printed goes into a file where one is named. Raises UsageError."""
    json, output, _ = given.json, given.output, given.is_coloured()
    forms = [*forms, *(["json"] if json and "json" not in forms else [])] or ["text"]
    if output is None:
        return forms
    if all(form.partition("=")[2] not in ("", "-") for form in forms):
        raise UsageError(f"every format has a file already: nothing is left to put into {output}")
    return [f"{form.removesuffix('=-')}={output}" if "=" not in form.removesuffix("=-") else form for form in forms]


def _read(report: Report, base: str | None) -> list[str]:
    """The files that were compared, and the snapshot."""
    sides = [side.spec for comparison in report.comparisons for side in (comparison.base, comparison.head) if side]
    return [*sides, *([base] if base else [])]


def _stay(report: Report) -> list[str]:
    """Parameters that `--free all` had to leave alone."""
    sides = [side for comparison in report.comparisons for side in (comparison.base, comparison.head) if side]
    return list(
        dict.fromkeys(
            f"{name} stays {side.bindings[name]}: it decides the structure" for side in sides for name in side.dropped
        )
    )


def _of_two(sides: list[str], question: Question, given: Given) -> Report:
    from archcalc.comparison import Report
    from archcalc.comparison.operands import operand
    from archcalc.comparison.pairs import pair
    from archcalc.files import is_python

    sides = globbed(sides)
    if sides == [STDIN, STDIN]:
        raise UsageError("stdin can be read once: name - once")
    if len(sides) != 2:
        raise UsageError(
            f"compare takes two networks, got {len(sides)}; to compare specs with what they were, give --base REF"
        )
    before, after = (operand(given.loaded(side) if is_python(side) or side == STDIN else side) for side in sides)
    return Report((pair(before, after, question),))


def _against(sides: list[str], quiet: bool, base: str, question: Question, fork: bool, forgiving: bool) -> Report:
    from pathlib import Path

    from archcalc.budget import settings_above
    from archcalc.comparison import against
    from archcalc.files import is_folder

    if not sides:
        settings = settings_above(".")
        return against(settings.files(), base, question, fork, forgiving, settings.fits)
    sides = globbed(sides)
    folders = [Path(side).resolve() for side in sides if is_folder(side)]
    inside = (lambda path: any(path.is_relative_to(folder) for folder in folders)) if folders else None
    return against(named(sides, quiet), base, question, fork, forgiving, inside)
