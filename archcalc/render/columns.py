"""The columns that a table can have: one entry each, which tables, CSV, JSON, help, completion and tests read."""

from __future__ import annotations

from collections.abc import Callable

from archcalc import escapes
from archcalc.algebra import Dim
from archcalc.cost import Table
from archcalc.cost.row import Row
from archcalc.errors import UsageError, among
from archcalc.memory import Held
from archcalc.records import Record
from archcalc.render import numbers, times

Form = Callable[..., str]  # of a Number; of one with so many digits
Cell = Callable[[Row, Table, Form], str]


class Column(Record):
    """A heading, what it means, how a row's cell reads, and the keys of JSON's rows that it shows.

    CSV has the last of these, or `csv_key`; of a column that is worked out of several figures what tables show.
    """

    heading: str
    help: str
    cell: Cell
    keys: tuple[str, ...]
    right: bool = True
    is_summed: bool = False  # the line of totals has it
    is_worked_out: bool = False
    csv_key: str = ""


def _share(name: str) -> Cell:
    return lambda row, table, form: numbers.share(getattr(row, name), table.total(name))


def _count(name: str) -> Cell:
    return lambda row, table, form: numbers.count(getattr(row, name), form)


def _bytes(name: str) -> Cell:
    return lambda row, table, form: numbers.size_in_bytes(getattr(row, name), form)


def _memory(of: Callable[[Held, tuple[int, ...]], Dim | None]) -> Cell:
    def cell(row: Row, table: Table, form: Form) -> str:
        found = of(table.held, row.nodes)
        return "" if found is None else numbers.size_in_bytes(found, form)

    return cell


def _spans(name: str) -> Cell:
    def cell(row: Row, table: Table, form: Form) -> str:
        spans = [field.spans for field in row.field.values() if field.spans]
        return ", ".join(numbers.axes(tuple(getattr(span, name) for span in axes), form) for axes in spans)

    return cell


def _name(row: Row, table: Table, form: Form) -> str:
    return escapes.plain(row.name)


def _text(row: Row, table: Table, form: Form) -> str:
    return escapes.plain(row.text)


def _inputs(row: Row, table: Table, form: Form) -> str:
    return escapes.plain(", ".join(row.inputs))


def _line(row: Row, table: Table, form: Form) -> str:
    return str(row.line)


def _shape(row: Row, table: Table, form: Form) -> str:
    return numbers.shape(row.shape, form)


def _field(row: Row, table: Table, form: Form) -> str:
    return numbers.field(row.field, form)


def _intensity(row: Row, table: Table, form: Form) -> str:
    return "" if row.intensity is None else f"{float(row.intensity):.1f}"


def _time(row: Row, table: Table, form: Form) -> str:
    return "" if row.time is None else times.milliseconds(row.time.total, form)


def _time_share(row: Row, table: Table, form: Form) -> str:
    return "" if row.time is None or table.timing is None else numbers.share(row.time.total, table.timing.whole.total)


def _bound(row: Row, table: Table, form: Form) -> str:
    return times.bound(row)


def _layers(row: Row, table: Table, form: Form) -> str:
    return numbers.exact(row.layers, form)


def _word(heading: str, help: str, cell: Cell, *keys: str) -> Column:
    return Column(heading, help, cell, keys, right=False)


def _sum(heading: str, help: str, cell: Cell, *keys: str) -> Column:
    """A figure of which the line of totals has the whole network's."""
    return Column(heading, help, cell, keys, is_summed=True)


def _ratio(heading: str, help: str, cell: Cell, *keys: str, is_summed: bool = True) -> Column:
    """A figure that follows from others, and has no key of its own."""
    return Column(heading, help, cell, keys, is_summed=is_summed, is_worked_out=True)


def _span(part: str, help: str, cell: Cell, csv_key: str) -> Column:
    return Column(part, help, cell, ("receptive_field",), csv_key=csv_key)


COLUMNS: dict[str, Column] = {
    "layer": _word("layer", "the path of labels", _name, "name"),
    "op": _word("operation", "the layer as the spec language writes it", _text, "op", "text"),
    "inputs": _word("inputs", "what it reads", _inputs, "inputs"),
    "line": Column("line", "where it stands in the spec", _line, ("line",)),
    "shape": Column("output", "one sample, channels first", _shape, ("shape",)),
    "params": _sum("params", "learned numbers; shared weights once", _count("params"), "params"),
    "params%": _ratio("%", "share of all parameters", _share("params"), "params"),
    "trainable": _sum("trainable", "parameters that are not frozen", _count("trainable_params"), "trainable_params"),
    "buffers": _sum("buffers", "batch normalisation's running statistics", _count("buffers"), "buffers"),
    "macs": _sum("MACs", "multiply-accumulates of conv, linear and matmul", _count("macs"), "macs"),
    "macs%": _ratio("%", "share of all MACs", _share("macs"), "macs"),
    "flops": _sum("FLOPs", "2 x MACs + elementwise operations", _count("flops"), "flops"),
    "elementwise": _sum("elementwise", "every other operation", _count("elementwise"), "elementwise"),
    "activations": _sum("activations", "elements written", _count("activations"), "activations"),
    "weights": _sum("weights", "bytes of parameters and buffers", _bytes("weight_bytes"), "weight_bytes"),
    "bytes": _sum("bytes", "weights read, activations read and written", _bytes("bytes"), "bytes"),
    "alive": _sum("alive", "the most bytes alive while it runs", _memory(Held.alive_in), "alive_bytes"),
    "inside": _sum(
        "inside", "bytes that it works on beside its inputs and its output", _memory(Held.inside), "inside_bytes"
    ),
    "kept": _sum(
        "kept", "bytes that training keeps of it and of no layer before it", _memory(Held.kept_of), "kept_bytes"
    ),
    "intensity": _ratio("FLOPs/byte", "arithmetic intensity", _intensity, "flops", "bytes", is_summed=False),
    "field": _span("field", "receptive field; * without global gates", _field, "field_size"),
    "stride": _span("stride", "input positions between neighbouring outputs", _spans("stride"), "field_stride"),
    "start": _span("start", "where the first output's window begins", _spans("start"), "field_start"),
    "backward": _sum("backward", "MACs of the backward pass (--train)", _count("backward_macs"), "backward_macs"),
    "time": _sum("ms", "predicted milliseconds (archcalc predict)", _time, "latency_ms"),
    "time%": _ratio("%", "share of the predicted time", _time_share, "latency_ms"),
    "bound": _word(
        "bound",
        "what takes most of the time: compute, weights, activations, overhead",
        _bound,
        "latency_bound",
    ),
    "layers": _sum("layers", "how many layers the row stands for", _layers, "layers"),
}


def explained() -> str:
    """Every column and what it means, a line each."""
    width = max(map(len, COLUMNS))
    return "\n".join(f"{name:<{width}}  {column.help}" for name, column in COLUMNS.items())


def chosen(names: str | None, table: Table, flops: bool) -> list[str]:
    """The columns asked for, or the ones that a first look wants. Raises UsageError."""
    if names is None:
        found = _timed(table) if table.timing is not None else _counted(table)
        return _told([*found, *(["flops"] if flops and "flops" not in found else [])], table)
    columns = [name.strip().lower() for name in names.split(",") if name.strip()]
    for name in columns:
        if name not in COLUMNS:
            raise UsageError(f"unknown column '{name}'{among(name, COLUMNS)}")
    if not columns:
        raise UsageError(f"--columns is empty; there are {', '.join(COLUMNS)}")
    return _told([*columns, *(["flops"] if flops and "flops" not in columns else [])], table)


def _timed(table: Table) -> list[str]:
    return ["layer", "op", "shape", "macs", "time", *([] if table.free else ["time%"]), "bound"]


def _counted(table: Table) -> list[str]:
    counted = next(iter(table.convention.titles), None)
    operations = [counted, *([] if table.free else ["macs%"])] if counted else []
    return ["layer", "op", "shape", "params", *operations, "field", *(["backward"] if table.train else [])]


def _told(columns: list[str], table: Table) -> list[str]:
    """The columns, if the one who counts tells what is in them. Raises UsageError."""
    for key in (key for name in columns for key in COLUMNS[name].keys):
        if table.totals.get(key, 0) is None:
            heading = next(column.heading for column in COLUMNS.values() if column.keys == (key,))
            raise UsageError(f"{table.convention.name} counts no {heading}")
    return columns


__all__ = ["COLUMNS", "Column", "chosen", "explained"]
