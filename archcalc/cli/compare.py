"""`archcalc compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from archcalc.cli.declared import Argument, Option
from archcalc.cli.entry import command
from archcalc.cli.options import (
    Batch,
    Dtype,
    Fit,
    FoldBn,
    Free,
    Inputs,
    Json,
    Output,
    Quiet,
    Set,
    Train,
    Via,
    Without,
    bindings,
    loaded,
    named,
    names,
    profile_option,
)
from archcalc.cli.saying import out, told
from archcalc.errors import SpecError, UsageError

if TYPE_CHECKING:
    from archcalc.comparison import Report
    from archcalc.question import Question

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
Formats = Annotated[
    list[str] | None,
    Option(
        "--format",
        metavar="F[=FILE]",
        help="text (default), markdown, json, github, junit; repeatable, each into a file.",
    ),
]


@command()
def compare(
    sides: Sides = None,
    base: Base = None,
    no_merge_base: Annotated[
        bool, Option("--no-merge-base", help="Compare with REF as it is now, not with where HEAD forked from it.")
    ] = False,
    missing_base: Annotated[
        str,
        Option("--missing-base", metavar="fail|new", help="Where there is no base: fail, or take specs as new."),
    ] = "fail",
    inputs: Inputs = None,
    via: Via = "",
    sets: Set = None,
    free: Free = None,
    without: Without = None,
    train: Train = False,
    batch: Batch = 1,
    dtype: Dtype = "fp32",
    device: Annotated[
        str,
        profile_option("--device", "A device's profile, by which predicted times are compared as well."),
    ] = "",
    fold_bn: FoldBn = False,
    fit: Fit = None,
    forms: Formats = None,
    json: Json = False,
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """What changed: totals, layers, closed forms, and whether the budgets allow it. Exits with 1 if one doesn't.

    \b
    archcalc compare old.yaml new.yaml                what new.yaml costs more, and where
    archcalc compare alexnet alexnet --without fc7    what leaving a layer out of the second saves
    archcalc compare models/*.yaml --base origin/main what a branch changes, each file with its variants
    archcalc compare net.yaml --base costs.json       against `archcalc count net.yaml --format json > costs.json`
    """
    from archcalc.comparison.formats.writing import outputs, write, write_mistakes
    from archcalc.question import Question

    forms = _forms(forms or [], json, output)
    wanted = outputs(forms)
    if missing_base not in ("fail", "new"):
        raise UsageError(f"--missing-base is fail or new, not '{missing_base}'")
    question = Question(bindings(sets), names(free), batch, train, dtype, names(without), device=device)
    question = question._replace(fold_bn=fold_bn, fit=names(fit))
    try:
        report = (
            _of_two(sides or [], question, inputs, via)
            if base is None
            else _against(sides or [], quiet, base, question, not no_merge_base, missing_base == "new")
        )
    except SpecError as error:
        if (annotations := write_mistakes(error.problems, wanted)) is not None:
            out(annotations, commands=True)
        raise
    outputs(forms, _read(report, base))
    printed = write(report, wanted)
    for note in () if quiet else _stay(report):
        told(f"note: {note}")
    if printed is not None:
        out(printed, commands="github" in (each.form for each in wanted if each.file is None))
    if report.failed:
        raise SystemExit(1)


def _forms(forms: list[str], json: bool, output: str | None) -> list[str]:
    """The formats that are asked for; what would be printed goes into a file where one is named. Raises UsageError."""
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


def _of_two(sides: list[str], question: Question, inputs: list[str] | None, via: str) -> Report:
    from archcalc.comparison import Report
    from archcalc.comparison.operands import operand
    from archcalc.comparison.pairs import pair
    from archcalc.files import is_python

    if len(sides) != 2:
        raise UsageError(
            f"compare takes two networks, got {len(sides)}; to compare specs with what they were, give --base REF"
        )
    before, after = (operand(loaded(side, inputs, via) if is_python(side) else side) for side in sides)
    return Report((pair(before, after, question),))


def _against(sides: list[str], quiet: bool, base: str, question: Question, fork: bool, forgiving: bool) -> Report:
    from pathlib import Path

    from archcalc.budget import settings_above
    from archcalc.comparison import against
    from archcalc.files import is_folder

    if not sides:
        settings = settings_above(".")
        return against(settings.files(), base, question, fork, forgiving, settings.fits)
    folders = [Path(side).resolve() for side in sides if is_folder(side)]
    inside = (lambda path: any(path.is_relative_to(folder) for folder in folders)) if folders else None
    return against(named(sides, quiet), base, question, fork, forgiving, inside)
