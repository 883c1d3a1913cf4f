"""`archcalc check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from archcalc import escapes
from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given, readable
from archcalc.cli.saying import refused
from archcalc.errors import SpecError
from archcalc.render.formats import CHECKED, writer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archcalc.check import Checked
    from archcalc.errors import Problem
    from archcalc.model import Model

Asked = Annotated[Given, takes("inputs via form dtype fold_bn fit train if_any watch color json output quiet")]
Form = Annotated[str, options.format_option(CHECKED)]
IfAny = Annotated[bool, Option("--if-any", help="Files that are no specs are left out.")]


@command()
def check(specs: options.SpecsOrAll = None, *, given: Asked, form: Form = "text", if_any: IfAny = False) -> None:
    """Is each spec right on its own: shapes, published references, absolute budgets. A file is checked with all its
    variants.

    \b
    archcalc check net.yaml               a spec of yours
    archcalc check specs                  every spec in a folder and below it
    archcalc check                        those that archcalc.toml or pyproject.toml name
    archcalc check specs --watch          again whenever a file is saved
    archcalc check --format sarif         what is wrong and where, for code scanning
    archcalc check net.yaml --fit stm32f746 --dtype int8      whether a chip has room for it
    """
    form = given.form(form, CHECKED)
    given.is_coloured()
    given.repeat(specs or [], lambda: _check(specs, given, form, if_any))


def _check(specs: list[str] | None, given: Given, form: str, if_any: bool) -> None:
    """Print what is found. Raises SystemExit, UsageError."""
    from archcalc.budget import settings_above
    from archcalc.check import check_all
    from archcalc.files import may_be_spec

    named = specs or settings_above(".").files()
    inputs = given.inputs if specs else None
    try:
        read = readable(filter(may_be_spec, named) if if_any else named, given.quiet, inputs, given.via)
        found = check_all(read[0], [*read[1], *_in_spaces(read[0])], given.question())
    except SpecError as error:
        _say(form, [], error.problems, given)
        refused(str(error))
        raise SystemExit(2) from None
    _say(form, found, [], given)
    if any(checked.failed for checked in found):
        raise SystemExit(1)


def _in_spaces(models: Iterable[Model]) -> list[Problem]:
    """The mistakes in the spaces of specs."""
    from archcalc.space.axes import read_axes

    problems = []
    for model in models:
        try:
            if model.spec.space:
                read_axes(model)
        except SpecError as error:
            problems.extend(error.problems)
    return problems


def _say(form: str, found: list[Checked], mistakes: list[Problem], given: Given) -> None:
    """What was found, on stdout or in a file; mistakes are text on stderr, and here only in a format for programs."""
    said = writer(CHECKED, form)(found, mistakes, given.quiet)
    if said:
        given.say(said, commands=form == "github", paint=given.painter() if form == "text" else None)


def text(found: list[Checked], mistakes: list[Problem], quiet: bool) -> str:
    """A line a figure, and how many hold; nothing where there are mistakes."""
    from archcalc.check import Tally

    return "" if mistakes else escapes.report(escapes.lines([*_lines(found, quiet), str(Tally.of(found))]))


def github(found: list[Checked], mistakes: list[Problem], quiet: bool) -> str:
    """Annotations, then the text."""
    from archcalc import findings

    said = [*findings.of_problems(mistakes), *findings.of_checked(found)]
    return "\n".join(filter(None, [findings.github(said) if said else "", text(found, mistakes, quiet)]))


def sarif(found: list[Checked], mistakes: list[Problem], quiet: bool) -> str:
    """For code scanning."""
    from archcalc import __version__, findings

    return findings.sarif([*findings.of_problems(mistakes), *findings.of_checked(found)], __version__)


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


def json(found: list[Checked], mistakes: list[Problem], quiet: bool) -> str:
    """For programs, with a schema."""
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
