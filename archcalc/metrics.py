"""What references, budgets, comparisons and searches call a figure of a network, and that figure.

`PLACED` figures have no closed form, for tensors find their places where all sizes are numbers; `TRAINING` ones exist
where training is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from archcalc.algebra import Number
from archcalc.cost import Table
from archcalc.cost.row import Row
from archcalc.errors import Mark, Problem, SpecError, UsageError
from archcalc.render import numbers, times

FIELD = {"field": "size", "field_stride": "stride", "field_start": "start"}
TOTALS = {  # by their names in a table's totals, where those differ
    "act_peak": "act_peak_bytes",
    "act_sum": "act_sum_bytes",
    "weight_bytes": "weight_bytes",
    "cache": "cache_bytes",
    "latency": "latency_ms",
    "training": "training_bytes",
}
ALIGN = 16  # of places in an arena, as tflite-micro has it
TRAINING = ("training", "backward_macs")

# A figure by its name: a number, exact or a closed form, or words where it has one an axis.
Figure: TypeAlias = Any


def _arena(table: Table, method: str) -> int:
    """The block of memory that all activations lie in. Raises UsageError while sizes are free."""
    from archcalc.memory.layout import layout

    plan = layout(table.graph, table.held.measure, method, ALIGN).plan
    assert plan is not None
    return plan.bytes


def _memory(table: Table) -> Figure:
    """What a run holds: training all of its parts, else the weights, the activations at their most, and a cache."""
    if table.train:
        return table.total("training_bytes")["total"]
    return sum(table.total(name) for name in ("weight_bytes", "act_peak_bytes", "cache_bytes"))


PLACED: Mapping[str, Callable[[Table], object]] = {
    "arena": lambda table: _arena(table, "greedy"),
    "arena_best": lambda table: _arena(table, "best"),
}
WORKED_OUT: Mapping[str, Callable[[Table], object]] = {
    **PLACED,
    "training": lambda table: table.total("training_bytes")["total"],
    "kept": lambda table: table.held.recomputed.kept,
    "inside": lambda table: table.held.inside(table.graph.layers()),
    "memory": _memory,
}
OF_LAYERS: Mapping[str, Callable[[Table, Row], object]] = {
    "kept": lambda table, row: table.held.kept_of(row.nodes),
    "inside": lambda table, row: table.held.inside(row.nodes),
}
BYTES = ("act_peak", "act_sum", "weight_bytes", "cache", *WORKED_OUT)
OTHER_NAMES = {f"{name}_bytes": name for name in BYTES if not name.endswith("_bytes")} | {"latency_ms": "latency"}


def is_bytes(name: str) -> bool:
    """Whether a figure is told in bytes, by whichever of its names."""
    return OTHER_NAMES.get(name, name) in BYTES


def is_latency(name: str) -> bool:
    """Whether a figure is the time of a run, by whichever of its names."""
    return OTHER_NAMES.get(name, name) == "latency"


def figure(metric: str, value: Number) -> str:
    """A figure in words: milliseconds to three digits, everything else exact."""
    return f"{times.milliseconds(value)} ms" if metric.startswith("latency") else numbers.exact(value)


def metric(table: Table, name: str, row: Row | None, mark: Mark) -> Figure:
    """A figure of the whole network, or of one layer or group. Raises SpecError for one that it doesn't have,
    UsageError for one that the table wasn't counted for.
    """
    name = OTHER_NAMES.get(name, name)
    if name in FIELD:
        return _field(table, FIELD[name], row)
    if row is None:
        return _whole(table, name)
    if name in OF_LAYERS:
        return OF_LAYERS[name](table, row)
    if not hasattr(row, name) or name == "depth":
        raise SpecError([Problem(f"a single layer has no {name}", mark)])
    return getattr(row, name)


def _whole(table: Table, name: str) -> object:
    if name in TRAINING and not table.train:
        raise UsageError(f"{name} is a figure of training: --train")
    if name == "latency" and table.timing is None:
        raise UsageError("latency needs a device: --device NAME")
    if name in WORKED_OUT:
        return WORKED_OUT[name](table)
    return table.total(TOTALS.get(name, name))


def _field(table: Table, part: str, row: Row | None) -> object:
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
