"""Rows for machines: CSV, and which keys of JSON a choice of columns leaves."""

from __future__ import annotations

import csv as csv_library
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from archcalc import escapes
from archcalc.algebra import text
from archcalc.render import grouping, json, networks
from archcalc.render.columns import COLUMNS, Column, chosen
from archcalc.untyped import Json

if TYPE_CHECKING:
    from archcalc.cost import Table
    from archcalc.cost.row import Row
    from archcalc.render.cells import Options

ALL = (
    "name", "op", "text", "block", "line", "inputs", "shape", "params", "trainable_params", "buffers", "macs", "flops",
    "elementwise", "activations", "weight_bytes", "bytes", "field_size", "field_stride", "field_start",
)  # fmt: skip
TIMED = ("latency_ms", "latency_bound", "extrapolated")
WORDS = frozenset({"name", "op", "text", "block", "inputs"})  # columns that hold text from outside


def each(table: Table, options: Options) -> Iterator[Row]:
    """Rows for a machine: every layer, made where it is looked at, unless something else is asked for. Raises
    UsageError.
    """
    if options.by is None and options.depth is None:
        if options.sort is None and options.top is None:
            return table.each_row()
        return (entry.row for entry in grouping.entries(table, "layer", None, options.sort, options.top))
    by = options.by or "block"
    return (entry.row for entry in grouping.entries(table, by, options.depth, options.sort, options.top))


def picked(table: Table, options: Options) -> list[str] | None:
    """The columns, where some are asked for. Raises UsageError."""
    return chosen(options.columns, table, options.flops) if options.columns is not None else None


def only(table: Table, row: Row, columns: Sequence[str]) -> dict[str, Json]:
    """A row of JSON with its name and what the columns show."""
    kept = {"name", *(key for column in columns for key in COLUMNS[column].keys)}
    return {key: value for key, value in _figures(table, row, columns).items() if key in kept}


def _figures(table: Table, row: Row, columns: Sequence[str]) -> dict[str, object]:
    """A row of JSON, and what only columns ask for: some of it takes a look at other layers."""
    found: dict[str, Json] = {**json.layer(row)}
    held = table.held
    for name, of in (("alive", held.alive_in), ("inside", held.inside), ("kept", held.kept_of)):
        if name in columns:
            found[f"{name}_bytes"] = json.plain(of(row.nodes))
    if "layers" in columns:
        found["layers"] = json.plain(row.layers)
    return found


def csv(tables: Sequence[Table], options: Options) -> str:
    """Exact numbers, a line a row: every figure under its key of JSON, or the chosen columns under their own names.
    Raises UsageError.
    """
    columns = picked(tables[0], options) if tables else None
    out = io.StringIO()
    writer = csv_library.writer(out, lineterminator="\n")
    timed = any(table.timing is not None for table in tables)
    names = [*(columns or (*ALL, *(TIMED if timed else ())))]
    writer.writerow(["network", *names])
    for table in tables:
        for row in [*each(table, options)] or [networks.whole(table)]:
            found = _cells(table, row, columns or ())
            writer.writerow([escapes.csv(table.name), *(found.get(name, "") for name in names)])
    return out.getvalue().rstrip("\n")


def _cells(table: Table, row: Row, columns: Sequence[str]) -> dict[str, object]:
    """The cells of all figures by their keys, or those of columns by their names."""
    found = _figures(table, row, columns)
    field = found["receptive_field"]
    spans = field if isinstance(field, dict) and "size" in field else {"size": field if isinstance(field, str) else ""}
    found |= {f"field_{key}": spans.get(key, "") for key in ("size", "stride", "start")}
    cells = {name: _joined(value) for name, value in found.items()}
    cells |= {name: escapes.csv(str(cells[name])) for name in WORDS}
    return {name: _cell(COLUMNS[name], row, table, cells) for name in columns} if columns else cells


def _cell(column: Column, row: Row, table: Table, cells: dict[str, object]) -> object:
    if column.is_worked_out:
        return escapes.csv(column.cell(row, table, text))
    return cells.get(column.csv_key or column.keys[-1], "")


def _joined(value: object) -> object:
    if not isinstance(value, list):
        return "" if value is None else value
    return ("x" if all(isinstance(item, (int, float)) for item in value) else " ").join(map(str, value))


__all__ = ["csv", "each", "only", "picked"]
