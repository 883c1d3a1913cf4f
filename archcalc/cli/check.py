"""`archcalc check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from archcalc import escapes
from archcalc.cli.declared import Option
from archcalc.cli.entry import command
from archcalc.cli.options import (
    Dtype,
    Fit,
    FoldBn,
    Inputs,
    Json,
    Output,
    Quiet,
    SpecsOrAll,
    Train,
    Via,
    chosen,
    names,
    readable,
)
from archcalc.cli.saying import out, refused
from archcalc.errors import SpecError, UsageError

if TYPE_CHECKING:
    from archcalc.check import Checked
    from archcalc.errors import Problem

FORMATS = ("text", "json", "github", "sarif")


@command()
def check(
    specs: SpecsOrAll = None,
    inputs: Inputs = None,
    via: Via = "",
    form: Annotated[
        str,
        Option("--format", help="text, json, github (annotations, then the text) or sarif (for code scanning)."),
    ] = "text",
    dtype: Dtype = "fp32",
    fold_bn: FoldBn = False,
    fit: Fit = None,
    train: Train = False,
    if_any: Annotated[bool, Option("--if-any", help="Files that are no specs are left out.")] = False,
    json: Json = False,
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """Is each spec right on its own: shapes, published references, absolute budgets. A file is checked with all its
    variants.

    \b
    archcalc check net.yaml               a spec of yours
    archcalc check specs                  every spec in a folder and below it
    archcalc check                        those that archcalc.toml or pyproject.toml name
    archcalc check --format sarif         what is wrong and where, for code scanning
    archcalc check net.yaml --fit stm32f746 --dtype int8      whether a chip has room for it
    """
    from archcalc.budget import settings_above
    from archcalc.check import check_all
    from archcalc.files import may_be_spec
    from archcalc.question import Question

    form = chosen(form, json)
    if form not in FORMATS:
        raise UsageError(f"unknown format '{form}'; there are {', '.join(FORMATS)}")
    given = specs or settings_above(".").files()
    asked = Question(dtype=dtype, train=train, fold_bn=fold_bn, fit=names(fit))
    try:
        read = readable(filter(may_be_spec, given) if if_any else given, quiet, inputs if specs else None, via)
        found = check_all(*read, asked)
    except SpecError as error:
        _say(form, [], error.problems, quiet, output)
        refused(str(error))
        raise SystemExit(2) from None
    _say(form, found, [], quiet, output)
    if any(checked.failed for checked in found):
        raise SystemExit(1)


def _say(form: str, found: list[Checked], mistakes: list[Problem], quiet: bool, output: str | None) -> None:
    """What was found, on stdout or in a file; mistakes are text on stderr, and here only in a format for programs."""
    from archcalc import __version__
    from archcalc.check import Tally
    from archcalc.findings import github, of_checked, of_problems, sarif

    findings = [*of_problems(mistakes), *of_checked(found)]
    if form == "sarif":
        out(sarif(findings, __version__), into=output)
        return
    if form == "json":
        out(_json(found, mistakes), into=output)
        return
    said = [github(findings)] if form == "github" and findings else []
    if not mistakes:
        said.append(escapes.report(escapes.lines([*_lines(found, quiet), str(Tally.of(found))])))
    if said:
        out("\n".join(said), commands=form == "github", into=output)


def _lines(found: list[Checked], quiet: bool) -> list[str]:
    lines = []
    for checked in found:
        shown = [f"  {verdict}" for verdict in checked.verdicts if not quiet or verdict.fails]
        if shown or not quiet:
            figures = len(checked.verdicts)
            head = (
                f"{checked.layers:,} layer{'s' * (checked.layers != 1)}, {figures} figure{'s' * (figures != 1)} checked"
            )
            head += f", incomplete: without {'; '.join(map(str, checked.uncounted))}" if checked.uncounted else ""
            lines += [f"{checked.model.name}: {head}", *shown]
    return lines


def _json(found: list[Checked], mistakes: list[Problem]) -> str:
    from archcalc import __version__
    from archcalc.check import Tally
    from archcalc.findings import in_json, of_problems
    from archcalc.render.json import lacking, verdict

    networks = [
        {
            "spec": checked.model.spec.path,
            "variant": checked.model.variant,
            "layers": checked.layers,
            "figures": [verdict(figure) for figure in checked.verdicts],
            "failed": checked.failed,
            "uncounted": lacking(checked.uncounted),
        }
        for checked in found
    ]
    whole = {
        "schema": "archcalc/check/1",
        "tool": {"name": "archcalc", "version": __version__},
        "totals": Tally.of(found)._asdict(),
        "networks": networks,
        "mistakes": in_json(of_problems(mistakes)),
    }
    return escapes.json(whole)
