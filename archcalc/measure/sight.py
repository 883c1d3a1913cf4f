"""Where windows end in the input itself: positions whose outermost tap meets no padding and no cut on the way to it.

Predicted windows are not clipped. A tap in the padding of a map in between, or where a slice or a pool has cut rows
off, reads nothing, though its window would go on; the end of such a window can't be shown.
"""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

from archcalc.cost import Table
from archcalc.graph import Node
from archcalc.ops import Reach, Shape, Window
from archcalc.ops.base import number
from archcalc.receptive import POINT, Seen, Span
from archcalc.tuples import NamedTuple

Flags = NDArray[numpy.bool_]


class Ends(NamedTuple):
    """Of one axis of a map: for each position, whether the low and the high end of its window are met, and whether it
    sees anything.
    """

    low: Flags
    high: Flags
    sees: Flags


def ends(table: Table, source: str) -> list[tuple[Ends, ...] | None]:
    """For each node, those of its axes; None where it has no windows on the input `source`."""
    graph, fields = table.graph, table.fields[source]
    found: list[tuple[Ends, ...] | None] = []
    for n, node in enumerate(graph.nodes):
        field = fields[n]
        if field is None or field.reach is not Reach.PASS or len(node.shape) != 1 + len(field.spans):
            found.append(None)
        elif n == graph.inputs[source]:
            found.append(_all(node.shape[1:]))
        else:
            found.append(
                tuple(_axis(table, node, axis, field.spans[axis], fields, found) for axis in range(len(field.spans)))
            )
    return found


def _all(sides: Shape) -> tuple[Ends, ...]:
    """Of an input's own positions: each sees itself."""
    return tuple(Ends(*(numpy.ones(number(dim), bool) for _ in Ends._fields)) for dim in sides)


def _axis(table: Table, node: Node, axis: int, span: Span, fields: Seen, found: list[tuple[Ends, ...] | None]) -> Ends:
    """An end is met if it is through an input that goes as far."""
    outputs = number(node.shape[1 + axis])
    end = Ends(*(numpy.zeros(outputs, bool) for _ in Ends._fields))
    windows = node.op.windows(*table.graph.shapes_into(node))
    for i in dict.fromkeys(node.inputs):
        before, field = found[i], fields[i]
        if before is None or field is None:
            continue
        spans = field.spans
        if isinstance(windows, tuple) and len(windows) > len(before):  # indices, all of whose axes are positions
            shape = table.graph.nodes[i].shape
            before, spans = _all(shape), (POINT,) * len(shape)
        if axis >= len(before):
            continue
        window = windows[axis] if isinstance(windows, tuple) else Window()
        for position in range(outputs):
            taps = _taps(window, position)
            end.sees[position] |= any(_holds(before[axis].sees, tap) for tap in taps)
            if taps and spans[axis].low(taps[0]) == span.low(position):
                end.low[position] |= _holds(before[axis].low, taps[0])
            if taps and spans[axis].high(taps[-1]) == span.high(position):
                end.high[position] |= _holds(before[axis].high, taps[-1])
    return end


def _taps(window: Window, position: int) -> list[int]:
    """The elements that a window reads, in order."""
    first = position * window.stride - number(window.before)
    taps = range(first, first + number(window.kernel) * window.dilation, window.dilation)
    return [tap // window.up for tap in taps if tap % window.up == 0]


def _holds(flags: Flags, position: int) -> object:
    return 0 <= position < len(flags) and flags[position]
