"""`archcalc check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from archcalc import escapes
from archcalc.cli.entry import command
from archcalc.cli.options import Quiet, SpecsOrAll, readable, text_or_json
from archcalc.cli.saying import out

if TYPE_CHECKING:
    from archcalc.check import Checked, Tally


@command()
def check(
    specs: SpecsOrAll = None,
    form: Annotated[str, typer.Option("--format", "-o", help="text or json.")] = "text",
    if_any: Annotated[bool, typer.Option("--if-any", help="Files that are no specs are left out.")] = False,
    quiet: Quiet = False,
) -> None:
    """Is each spec right on its own: shapes, published references, absolute budgets. A file is checked with all its
    variants.

    \b
    archcalc check net.yaml               a spec of yours
    archcalc check specs                  every spec in a folder and below it
    archcalc check                        those that archcalc.toml or pyproject.toml name
    """
    from archcalc.budget import settings_above
    from archcalc.check import Tally, check_all
    from archcalc.files import may_be_spec

    form = text_or_json(form)
    given = specs or settings_above(".").files()
    found = check_all(*readable(filter(may_be_spec, given) if if_any else given, quiet))
    tally = Tally.of(found)
    if form == "json":
        out(_json(found, tally))
    else:
        out(escapes.lines([*_lines(found, quiet), str(tally)]))
    if tally.failed:
        raise typer.Exit(1)


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


def _json(found: list[Checked], tally: Tally) -> str:
    from archcalc import __version__
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
        "totals": tally._asdict(),
        "networks": networks,
    }
    return escapes.json(whole)
