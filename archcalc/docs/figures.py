"""Figures of networks by their names, as documents write them, and the columns of a table of networks."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from archcalc.algebra import Poly, text, unicode
from archcalc.check import row_of
from archcalc.cost import Table
from archcalc.errors import Mark, UsageError, suggest
from archcalc.metrics import is_bytes, metric
from archcalc.records import Record
from archcalc.render import numbers
from archcalc.spec.model import METRICS


def figure(table: Table, name: str, layer: str | None, mark: Mark) -> object:
    """A figure as references and budgets name them, or another of the totals. Raises UsageError for one that doesn't
    exist.
    """
    row = row_of(table, layer, mark) if layer is not None else None
    if name in METRICS:
        return metric(table, name, row, mark)
    if name == "shape":
        return numbers.shape(row.shape if row else table.graph.nodes[table.graph.outputs[0]].shape)
    if name == "input" and row is None:
        return ", ".join(numbers.shape(shape) for shape in table.inputs.values())
    others = {key: value for key, value in table.totals.items() if isinstance(value, (int, Fraction, Poly))}
    if name in others and layer is None:
        return others[name]
    if name in others:
        return metric(table, name, row, mark)
    known = [*METRICS, "shape", "input"]
    raise UsageError(f"unknown figure '{name}'{suggest(name, [*known, *others], 'there are ' + ', '.join(known))}")


def formed(value: object, name: str, form: str) -> str:
    """`7.00M`, `6,998,552` or `6998552`; bytes in KiB and MiB; closed forms and words as they are."""
    if isinstance(value, Poly):
        return text(value) if form == "plain" else unicode(value)
    if not isinstance(value, (int, Fraction)):
        return str(value)
    in_bytes = is_bytes(name) or name.endswith("bytes")
    if form == "plain":
        return str(value) if isinstance(value, int) else str(float(value))
    if form == "exact":
        return numbers.exact(value) + (" B" if in_bytes else "")
    if in_bytes:
        return numbers.size_in_bytes(value)
    return str(value) if name.startswith(("depth", "field")) else numbers.count(value)


class Column(Record):
    """A heading, and what it says of a network; `form` is how its numbers are written."""

    heading: str
    cell: Callable[[str, Table, str], str]
    right: bool = True


def _total(heading: str, name: str) -> Column:
    return Column(heading, lambda _, table, form: formed(figure(table, name, None, table.spec.mark), name, form))


MODEL_COLUMNS = {
    "name": Column("name", lambda name, table, form: name, False),
    "network": Column("network", lambda name, table, form: table.name, False),
    "input": Column(
        "input", lambda name, table, form: ", ".join(numbers.shape(shape) for shape in table.inputs.values())
    ),
    "params": _total("params", "params"),
    "macs": _total("MACs", "macs"),
    "flops": _total("FLOPs", "flops"),
    "activations": _total("activations", "activations"),
    "act_peak": _total("alive", "act_peak"),
    "act_sum": _total("kept", "act_sum"),
    "weights": _total("weights", "weight_bytes"),
    "depth": _total("depth", "depth"),
    "field": Column(
        "field", lambda name, table, form: numbers.one_field(table.last_map[2]) if table.last_map else "all"
    ),
    "paper": Column("paper", lambda name, table, form: table.spec.paper or "", False),
}


def model_column(name: str) -> Column:
    """The column of `models` with this name. Raises UsageError for one that doesn't exist."""
    name = name.strip().lower()
    if name not in MODEL_COLUMNS:
        raise UsageError(
            f"unknown column '{name}'{suggest(name, MODEL_COLUMNS, 'there are ' + ', '.join(MODEL_COLUMNS))}"
        )
    return MODEL_COLUMNS[name]


__all__ = ["figure", "formed", "model_column"]
