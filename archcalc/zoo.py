"""The list of networks that ship."""

from __future__ import annotations

import json

from archcalc.errors import UsageError
from archcalc.model import load, zoo_names
from archcalc.render import numbers
from archcalc.render.grid import listing as listing_of


def listing(form: str = "table", width: int | None = None) -> str:
    """Every network's name, input, parameters, MACs and field, in `table`, `markdown` or `json`."""
    if form not in ("table", "markdown", "json"):
        raise UsageError(f"unknown format '{form}'; there are table, markdown, json")
    tables = {name: load(name).count() for name in zoo_names()}
    if form == "json":
        found = [
            {"name": name, "title": table.name, "spec": table.spec.path, "variant": table.variant, "paper": table.spec.paper}
            | {key: table.totals[key] for key in ("params", "macs", "depth", "weight_bytes", "act_peak_bytes")}
            for name, table in tables.items()
        ]
        return json.dumps(found, indent=1, ensure_ascii=False)
    headings = ["name", "network", "input", "params", "MACs", "depth", "field"]
    rows = [
        [
            name,
            table.name,
            ", ".join(numbers.shape(shape) for shape in table.inputs.values()),
            numbers.count(table.totals["params"]),
            numbers.count(table.totals["macs"]),
            str(table.totals["depth"]),
            numbers.one_field(table.last_map[2]) if table.last_map else "all",
        ]
        for name, table in tables.items()
    ]
    if width is not None and max(len(" ".join(row)) for row in rows) > width:
        headings, rows = headings[:1] + headings[3:], [row[:1] + row[3:] for row in rows]
    return listing_of(headings, rows, left=("name", "network"), markdown=form == "markdown")
