"""What every tool prints for a network: a table, or a list as JSON."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from archcalc import escapes
from archcalc.algebra import Number, Poly
from archcalc.cost import Table
from archcalc.render import json, numbers
from archcalc.render.facts import title
from archcalc.render.grid import listing

if TYPE_CHECKING:
    from archcalc.render.contract import Overview, Printed

HEADINGS = ["tool", "version", "prints", "unit", "of ours", "parameters"]


def printed(tables: dict[str, Table], form: str) -> str:
    """The numbers of each tool, `tables` by its name; our own under `archcalc`."""
    if form == "json":
        from archcalc import __version__

        own = tables["archcalc"]
        found: Overview = {
            "schema": "archcalc/overview/1",
            "tool": {"name": "archcalc", "version": __version__},
            "name": own.name,
            "spec": own.spec.path,
            "variant": own.variant,
            "uncounted": own.totals["uncounted"],
            "tools": [_entry(name, table) for name, table in tables.items()],
        }
        return escapes.json(found)
    own = tables["archcalc"]
    rows = [row for name, table in tables.items() for row in _rows(name, table, own.totals["macs"])]
    head = f"{title(own)} · {own.spec.path}{'@' + own.variant if own.variant else ''}"
    lacks = f"\n\nincomplete: counted without {'; '.join(map(str, own.graph.uncounted))}" if own.graph.uncounted else ""
    return f"{head}\n\n{listing(HEADINGS, rows, ('tool', 'version', 'unit'))}{lacks}"


def _rows(name: str, table: Table, ours: Number) -> list[list[str]]:
    """A row for each number that a tool prints; the name and the parameters stand in the first."""
    titles = table.convention.titles
    told = [
        (numbers.exact(table.total(unit)), called.removeprefix(f"{name} "), _share(table.total(unit), ours))
        for unit, called in titles.items()
    ]
    params = numbers.exact(table.totals["params"])
    first, *more = told or [("", "", "")]
    return [[name, table.convention.version, *first, params], *(["", "", *row, ""] for row in more)]


def _share(value: Number, ours: Number) -> str:
    """How many times our MACs."""
    return (
        ""
        if isinstance(value, Poly) or isinstance(ours, Poly) or not ours
        else f"{float(Fraction(value) / Fraction(ours)):.3f}"
    )


def _entry(name: str, table: Table) -> Printed:
    found: Printed = {
        "tool": name,
        "version": table.convention.version or None,
        "units": dict(table.convention.titles),
        "params": json.plain(table.totals["params"]),
    }
    for unit in table.convention.titles:
        found[unit] = json.plain(table.total(unit))  # type: ignore[literal-required]
    return found
