"""What references, budgets and comparisons call a figure of a network, and that figure."""

from __future__ import annotations

from typing import Any

from archcalc.algebra import Number
from archcalc.cost import Row, Table
from archcalc.errors import Mark, Problem, SpecError
from archcalc.render import numbers, times

FIELD = {"field": "size", "field_stride": "stride", "field_start": "start"}
BYTES = {
    "act_peak": "act_peak_bytes",
    "act_sum": "act_sum_bytes",
    "weight_bytes": "weight_bytes",
    "cache": "cache_bytes",
}
TOTALS = BYTES | {"latency": "latency_ms", "training": "training_bytes"}


def figure(metric: str, value: Number) -> str:
    """A figure in words: milliseconds to three digits, everything else exact."""
    return f"{times.milliseconds(value)} ms" if metric == "latency" else numbers.exact(value)


def metric(table: Table, name: str, row: Row | None, mark: Mark) -> Any:
    """A figure of the whole network, or of one layer or group. Raises SpecError for one that it doesn't have."""
    if name in FIELD:
        return _field(table, FIELD[name], row)
    if row is None and name == "training":
        return table.totals["training_bytes"]["total"]
    if row is None:
        return table.totals[TOTALS.get(name, name)]
    if not hasattr(row, name) or name == "depth":
        raise SpecError([Problem(f"a single layer has no {name}", mark)])
    return getattr(row, name)


def _field(table: Table, part: str, row: Row | None) -> Any:
    if row is not None:
        field = next(iter(row.field.values()))
    elif table.last_map is not None:
        field = table.last_map[2]
    else:
        return "all"
    values = tuple(getattr(span, part) for span in field.spans)
    if len(set(values)) == 1:
        return values[0]
    return numbers.one_field(field) if part == "size" or not values else numbers.axes(values)
