"""Rows for machines: CSV, and which keys of JSON a choice of columns leaves."""

from __future__ import annotations

import csv as csv_library
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from archcalc import escapes
from archcalc.render import json, numbers

if TYPE_CHECKING:
    from archcalc.cost import Row, Table

KEYS = {  # of each column, in JSON's rows; shares and intensity follow from others
    "layer": ("name",), "op": ("op", "text"), "inputs": ("inputs",), "line": ("line",), "shape": ("shape",),
    "params": ("params",), "params%": ("params",), "trainable": ("trainable_params",), "buffers": ("buffers",),
    "macs": ("macs",), "macs%": ("macs",), "flops": ("flops",), "elementwise": ("elementwise",),
    "activations": ("activations",), "weights": ("weight_bytes",), "bytes": ("bytes",),
    "intensity": ("flops", "bytes"), "field": ("receptive_field",), "stride": ("receptive_field",),
    "start": ("receptive_field",), "backward": ("backward_macs",), "time": ("latency_ms",), "time%": ("latency_ms",),
    "bound": ("latency_bound",), "layers": (),
    "alive": ("alive_bytes",), "inside": ("inside_bytes",), "kept": ("kept_bytes",),
}  # fmt: skip
SPANS = {"field": "field_size", "stride": "field_stride", "start": "field_start"}
ALL = (
    "name", "op", "text", "block", "line", "inputs", "shape", "params", "trainable_params", "buffers", "macs", "flops",
    "elementwise", "activations", "weight_bytes", "bytes", "field_size", "field_stride", "field_start",
)  # fmt: skip
TIMED = ("latency_ms", "latency_bound", "extrapolated")
WORDS = frozenset({"name", "op", "text", "block", "inputs"})  # columns that hold text from outside


def only(table: Table, row: Row, columns: Sequence[str]) -> dict[str, Any]:
    """A row of JSON with its name and what the columns show."""
    kept = {"name", *(key for column in columns for key in KEYS[column])}
    return {key: value for key, value in _figures(table, row, columns).items() if key in kept}


def _figures(table: Table, row: Row, columns: Sequence[str]) -> dict[str, Any]:
    """A row of JSON, and what takes a look at other layers where it is asked for."""
    found: dict[str, Any] = {**json.layer(row)}
    held = table.held
    for name, of in (("alive", held.alive_in), ("inside", held.inside), ("kept", held.kept_of)):
        if name in columns:
            found[f"{name}_bytes"] = json.plain(of(row.nodes))
    return found


def csv(rows: Iterable[tuple[Table, Row]], columns: Sequence[str] | None, timed: bool) -> str:
    """Exact numbers, a line a row: every figure under its key of JSON, or the chosen columns under their own names."""
    out = io.StringIO()
    writer = csv_library.writer(out, lineterminator="\n")
    names = [*(columns or (*ALL, *(TIMED if timed else ())))]
    writer.writerow(["network", *names])
    for table, row in rows:
        found = _cells(table, row, columns or ())
        chosen = [found.get(_key(name), "") for name in names] if columns else [found.get(name, "") for name in names]
        writer.writerow([escapes.csv(table.name), *chosen])
    return out.getvalue().rstrip("\n")


def _key(column: str) -> str:
    """The cell of a column: an operator's is its line, as in every table."""
    return SPANS.get(column) or (column if column.endswith("%") or not KEYS[column] else KEYS[column][-1])


def _cells(table: Table, row: Row, columns: Sequence[str]) -> dict[str, object]:
    found = _figures(table, row, columns)
    field = found["receptive_field"]
    spans = field if isinstance(field, dict) and "size" in field else {"size": field if isinstance(field, str) else ""}
    found |= {f"field_{key}": spans.get(key, "") for key in ("size", "stride", "start")}
    cells = {name: _joined(value) for name, value in found.items()}
    cells |= {name: escapes.csv(str(cells[name])) for name in WORDS}
    cells["layers"] = json.plain(row.layers)
    cells["intensity"] = "" if row.intensity is None else f"{float(row.intensity):.1f}"
    for share, name in (("params%", "params"), ("macs%", "macs")):
        cells[share] = numbers.share(getattr(row, name), table.totals[name]) if getattr(row, name) is not None else ""
    if row.time is not None and table.timing is not None:
        cells["time%"] = numbers.share(row.time.total, table.timing.whole.total)
    return cells


def _joined(value: object) -> object:
    if not isinstance(value, list):
        return "" if value is None else value
    return ("x" if all(isinstance(item, (int, float)) for item in value) else " ").join(map(str, value))


__all__ = ["csv", "only"]
