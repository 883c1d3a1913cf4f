"""Several networks in one table, a row each: their totals side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from archcalc import escapes
from archcalc.render import numbers, times
from archcalc.render.columns import COLUMNS, Form

if TYPE_CHECKING:
    from archcalc.cost import Table
    from archcalc.cost.row import Row

Cell = Callable[["Table", Form], str]


def whole(table: Table) -> Row:
    """The totals as a row, so that the columns of layers read them; its field is that of the last map."""
    from archcalc.cost.row import Row

    totals, last = table.totals, table.last_map
    return Row(
        name="total", op="", text="", block="", line=0, inputs=(), shape=(), field={last[1]: last[2]} if last else {},
        params=totals["params"], trainable_params=totals["trainable_params"], buffers=totals["buffers"],
        macs=totals["macs"], elementwise=totals["elementwise"], activations=totals["activations"],
        weight_bytes=totals["weight_bytes"], bytes=totals["bytes"], backward_macs=totals.get("backward_macs"),
        layers=totals["layers"], time=table.timing.whole if table.timing else None, nodes=tuple(table.graph.layers()),
    )  # fmt: skip


def _exact(name: str) -> Cell:
    return lambda table, form: numbers.exact(table.total(name), form)


def _bytes(name: str) -> Cell:
    return lambda table, form: numbers.size_in_bytes(table.total(name), form)


def _input(table: Table, form: Form) -> str:
    shapes = [numbers.shape(shape, form) for shape in table.inputs.values()]
    named = [f"{escapes.line(name)} {shape}" for name, shape in zip(table.inputs, shapes, strict=True)]
    return ", ".join(shapes if len(shapes) == 1 else named)


def _name(table: Table, form: Form) -> str:
    """Variants are called after themselves."""
    return escapes.line(table.name)


def _field(table: Table, form: Form) -> str:
    return COLUMNS["field"].cell(whole(table), table, form) or "all"


def _time(table: Table, form: Form) -> str:
    return "" if table.timing is None else times.milliseconds(table.timing.whole.total, form)


def _uncounted(table: Table, form: Form) -> str:
    return "; ".join(map(str, table.graph.uncounted))


def columns(tables: Sequence[Table]) -> dict[str, tuple[str, Cell, bool]]:
    """What a first look at several networks wants: by name a heading, a cell, and whether it is a number."""
    first = tables[0]
    found: dict[str, tuple[str, Cell, bool]] = {
        "layer": ("network", _name, False),
        "input": ("input", _input, True),
        "params": ("params", _exact("params"), True),
    }
    if any(table.totals["trainable_params"] != table.totals["params"] for table in tables):
        found["trainable"] = ("trainable", _exact("trainable_params"), True)
    found |= {name: (title, _exact(name), True) for name, title in first.convention.titles.items()}
    if any(table.timing is not None for table in tables):
        found["time"] = ("ms", _time, True)
    if first.train:
        found["backward"] = ("backward", _exact("backward_macs"), True)
    found["alive"] = ("alive", _bytes("act_peak_bytes"), True)
    found["kept"] = ("kept", _bytes("act_sum_bytes"), True)
    found["depth"] = ("depth", _exact("depth"), True)
    found["field"] = ("field", _field, True)
    if any(table.free for table in tables):
        found["valid"] = ("valid for", lambda table, form: ", ".join(table.domain) or "every value", False)
    if any(table.graph.uncounted for table in tables):
        found["uncounted"] = ("without", _uncounted, False)
    return found


def chosen(tables: Sequence[Table], names: Sequence[str] | None) -> dict[str, tuple[str, Cell, bool]]:
    """These columns of layers, of the totals instead; or those of a first look."""
    if names is None:
        return columns(tables)
    known = columns(tables)
    return {name: known[name] if name in ("layer", "field") else _of_layers(name) for name in names}


def _of_layers(name: str) -> tuple[str, Cell, bool]:
    column = COLUMNS[name]

    def cell(table: Table, form: Form) -> str:
        return "" if name == "line" else column.cell(whole(table)._replace(field={}), table, form)

    return column.heading, cell, column.right


__all__ = ["chosen", "whole"]
