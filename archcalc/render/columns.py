"""The columns that a table can have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archcalc import escapes
from archcalc.algebra import Dim
from archcalc.cost import Row, Table
from archcalc.errors import UsageError, suggest
from archcalc.memory import Held
from archcalc.render import numbers, times

Form = Callable[..., str]  # of a Number; of one with so many digits


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, what it means, and how a row's cell reads."""

    heading: str
    help: str
    cell: Callable[[Row, Table, Form], str]
    right: bool = True


def _share(name: str) -> Callable[[Row, Table, Form], str]:
    return lambda row, table, form: numbers.share(getattr(row, name), table.totals[name])


def _count(name: str) -> Callable[[Row, Table, Form], str]:
    return lambda row, table, form: numbers.count(getattr(row, name), form)


def _bytes(name: str) -> Callable[[Row, Table, Form], str]:
    return lambda row, table, form: numbers.size_in_bytes(getattr(row, name), form)


def _memory(of: Callable[[Held, tuple[int, ...]], Dim | None]) -> Callable[[Row, Table, Form], str]:
    def cell(row: Row, table: Table, form: Form) -> str:
        found = of(table.held, row.nodes)
        return "" if found is None else numbers.size_in_bytes(found, form)

    return cell


def _spans(name: str) -> Callable[[Row, Table, Form], str]:
    def cell(row: Row, table: Table, form: Form) -> str:
        spans = [field.spans for field in row.field.values() if field.spans]
        return ", ".join(numbers.axes(tuple(getattr(span, name) for span in axes), form) for axes in spans)

    return cell


def _intensity(row: Row, table: Table, form: Form) -> str:
    return "" if row.intensity is None else f"{float(row.intensity):.1f}"


def _time(row: Row, table: Table, form: Form) -> str:
    return "" if row.time is None else times.milliseconds(row.time.total, form)


def _time_share(row: Row, table: Table, form: Form) -> str:
    return "" if row.time is None or table.timing is None else numbers.share(row.time.total, table.timing.whole.total)


COLUMNS: dict[str, Column] = {
    "layer": Column("layer", "the path of labels", lambda row, table, form: escapes.plain(row.name), False),
    "op": Column(
        "operation", "the layer as the spec language writes it", lambda row, table, form: escapes.plain(row.text), False
    ),
    "inputs": Column("inputs", "what it reads", lambda row, table, form: escapes.plain(", ".join(row.inputs)), False),
    "line": Column("line", "where it stands in the spec", lambda row, table, form: str(row.line)),
    "shape": Column("output", "one sample, channels first", lambda row, table, form: numbers.shape(row.shape, form)),
    "params": Column("params", "learned numbers; shared weights once", _count("params")),
    "params%": Column("%", "share of all parameters", _share("params")),
    "trainable": Column("trainable", "parameters that are not frozen", _count("trainable_params")),
    "buffers": Column("buffers", "batch normalisation's running statistics", _count("buffers")),
    "macs": Column("MACs", "multiply-accumulates of conv, linear and matmul", _count("macs")),
    "macs%": Column("%", "share of all MACs", _share("macs")),
    "flops": Column("FLOPs", "2 x MACs + elementwise operations", _count("flops")),
    "elementwise": Column("elementwise", "every other operation", _count("elementwise")),
    "activations": Column("activations", "elements written", _count("activations")),
    "weights": Column("weights", "bytes of parameters and buffers", _bytes("weight_bytes")),
    "bytes": Column("bytes", "weights read, activations read and written", _bytes("bytes")),
    "alive": Column("alive", "the most bytes alive while it runs", _memory(Held.alive_in)),
    "inside": Column("inside", "bytes that it works on beside its inputs and its output", _memory(Held.inside)),
    "kept": Column("kept", "bytes that training keeps of it and of no layer before it", _memory(Held.kept_of)),
    "intensity": Column("FLOPs/byte", "arithmetic intensity", _intensity),
    "field": Column(
        "field", "receptive field; * without global gates", lambda row, table, form: numbers.field(row.field, form)
    ),
    "stride": Column("stride", "input positions between neighbouring outputs", _spans("stride")),
    "start": Column("start", "where the first output's window begins", _spans("start")),
    "backward": Column("backward", "MACs of the backward pass (--train)", _count("backward_macs")),
    "time": Column("ms", "predicted milliseconds (archcalc predict)", _time),
    "time%": Column("%", "share of the predicted time", _time_share),
    "bound": Column(
        "bound",
        "what takes most of the time: compute, weights, activations, overhead",
        lambda row, table, form: times.bound(row),
        False,
    ),
    "layers": Column(
        "layers", "how many layers the row stands for", lambda row, table, form: numbers.exact(row.layers, form)
    ),
}

SUMMED = {
    "params",
    "trainable",
    "buffers",
    "macs",
    "flops",
    "elementwise",
    "activations",
    "weights",
    "bytes",
    "backward",
    "alive",
    "inside",
    "kept",
    "layers",
    "time",
}


def chosen(names: str | None, table: Table, flops: bool) -> list[str]:
    """The columns asked for, or the ones that a first look wants. Raises UsageError."""
    if names is None and table.timing is not None:
        return [
            "layer",
            "op",
            "shape",
            "macs",
            "time",
            *([] if table.free else ["time%"]),
            "bound",
            *(["flops"] if flops else []),
        ]
    if names is None:
        counted = next(iter(table.convention.titles), None)
        operations = [counted, *([] if table.free else ["macs%"])] if counted else []
        found = ["layer", "op", "shape", "params", *operations, "field"]
        return _told(
            [*found, *(["flops"] if flops and counted != "flops" else []), *(["backward"] if table.train else [])],
            table,
        )
    columns = [name.strip().lower() for name in names.split(",") if name.strip()]
    for name in columns:
        if name not in COLUMNS:
            raise UsageError(f"unknown column '{name}'{suggest(name, COLUMNS, 'there are ' + ', '.join(COLUMNS))}")
    if not columns:
        raise UsageError(f"--columns is empty; there are {', '.join(COLUMNS)}")
    return _told([*columns, *(["flops"] if flops and "flops" not in columns else [])], table)


def _told(columns: list[str], table: Table) -> list[str]:
    """The columns, if the one who counts tells what is in them."""
    for name in columns:
        needed = {"macs%": "macs", "intensity": "flops"}.get(name, name)
        if table.totals.get(needed, 0) is None:
            raise UsageError(f"{table.convention.name} counts no {COLUMNS[needed].heading}")
    return columns


__all__ = ["COLUMNS", "SUMMED", "Column", "chosen"]
