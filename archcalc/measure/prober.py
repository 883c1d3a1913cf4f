"""Runs a network up to a layer on an input of zeros with some pixels raised, and says what that changes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy
from numpy.typing import NDArray

from archcalc.algebra import symbol
from archcalc.cost import Table
from archcalc.graph import Graph, Input, Node
from archcalc.measure.session import Session, vocabularies
from archcalc.onnx import in_memory, positive
from archcalc.ops import Reach
from archcalc.ops.base import number
from archcalc.receptive import Seen
from archcalc.tuples import NamedTuple
from archcalc.untyped import Array

MOST_BYTES = 1 << 28  # of activations in one run
FAINT = numpy.float32(1e-20)  # pixels that still show where brighter ones overflow
ROUNDING = 2e-6  # relative; where nothing is raised numbers are zero in most networks, and any other is a difference

Line = tuple[int, int]  # of an axis, and a position on it


class Window(NamedTuple):
    """The stretch of an axis that one output sees, and which of its ends lie inside the input with more of it
    beyond.
    """

    low: int
    high: int
    low_shows: bool
    high_shows: bool


class Prober:
    """Of a layer and one of the network's inputs. The others hold zeros, or ones where a product with them would hide
    what is looked for.
    """

    def __init__(self, table: Table, n: int, source: str, seed: int) -> None:
        graph = _standing_still(table, n, source)
        part = table._replace(binding=table.binding._replace(batch=symbol("batch")), graph=graph, dtype="fp32")
        model = in_memory(part, positive(graph, seed))
        self.session = Session(model, [graph.nodes[n].name])
        self.source, self.pixels = source, 0
        shape = tuple(number(dim) for dim in graph.nodes[graph.inputs[source]].shape)
        self.indices = source in (whole := vocabularies(graph, model))
        self.sides = shape if self.indices else shape[1:]
        kinds, nodes = model.input_kinds(), graph.nodes
        factor = any(_scales(node, table.fields[source]) for node in table.graph.nodes[: n + 1])
        self.others = {
            name: (
                tuple(number(dim) for dim in nodes[i].shape),
                kinds[name],
                min(1, whole.get(name, 2) - 1) if name not in table.graph.inputs or factor else 0,
            )
            for name, i in graph.inputs.items()
        }
        alive = max(1, max(prod(number(dim) for dim in node.shape) for node in nodes) * 4 * 4)
        self.most = max(1, MOST_BYTES // alive)
        channels = numpy.linspace(1, 2, shape[0], dtype=numpy.float32)  # they differ
        self.raised = numpy.ones(1, numpy.int64) if self.indices else channels.reshape(-1, *(1,) * len(self.sides))
        (self.base,) = self._run(numpy.zeros((1, *shape), numpy.float32))

    def _run(self, batch: Array) -> list[Array]:
        feed = {name: numpy.full((len(batch), *shape), rest, kind) for name, (shape, kind, rest) in self.others.items()}
        feed[self.source] = batch.astype(self.others[self.source][1], copy=False)
        return list(self.session.run(feed)[0])

    def changed(self, raised: Sequence[NDArray[numpy.bool_]], positions: Sequence[tuple[int, ...]]) -> list[bool]:
        """Whether raising the pixels of each mask changes the output at the position that goes with it."""
        found: list[bool] = []
        for start in range(0, len(raised), self.most):
            masks = numpy.stack(raised[start : start + self.most])
            batch = (masks if self.indices else masks[:, None]) * self.raised
            outputs = self._run(batch)
            if not all(
                numpy.isfinite(output).all() for output in outputs
            ):  # sums grow with depth, beyond what fp32 holds
                outputs = self._run(batch * FAINT)
            for output, position in zip(outputs, positions[start : start + self.most], strict=True):
                found.append(_differs(_at_position(output, position), _at_position(self.base, position)))
        return found

    def disturbed(self, windows: dict[tuple[int, ...], tuple[Window, ...]]) -> list[tuple[int, ...]]:
        """The positions that something outside of their windows changes."""
        masks = []
        for window in windows.values():
            mask = numpy.ones(self.sides, numpy.bool_)
            mask[tuple(slice(w.low, max(w.high + 1, w.low)) for w in window)] = False
            masks.append(mask)
        changed = self.changed(masks, list(windows))
        return [position for position, hit in zip(windows, changed, strict=True) if hit]

    def unseen(
        self, windows: dict[tuple[int, ...], tuple[Window, ...]]
    ) -> tuple[list[tuple[tuple[int, ...], Line]], int]:
        """The outermost lines of windows of which no pixel is seen, and how many lines are."""
        open_: dict[tuple[tuple[int, ...], Line], list[tuple[int, ...]]] = {}
        for position, window in windows.items():
            for axis, w in enumerate(window):
                for line, shows in ((w.low, w.low_shows), (w.high, w.high_shows)):
                    if shows and all(other.low <= other.high for other in window):
                        open_[position, (axis, line)] = _pixels(window, axis, line)
        total = len(open_)
        while open_ and any(open_.values()):
            tried = [(key, pixels.pop(0)) for key, pixels in open_.items() if pixels]
            self.pixels += len(tried)
            for (key, _), hit in zip(
                tried,
                self.changed([self._mask([pixel]) for _, pixel in tried], [key[0] for key, _ in tried]),
                strict=True,
            ):
                if hit:
                    del open_[key]
        left = [key for key in open_ if not self._searched(key, windows[key[0]])]
        return left, total - len(left)

    def _mask(self, pixels: Sequence[tuple[int, ...]]) -> NDArray[numpy.bool_]:
        mask = numpy.zeros(self.sides, numpy.bool_)
        mask[tuple(numpy.array(pixels).T)] = True
        return mask

    def _searched(self, key: tuple[tuple[int, ...], Line], window: tuple[Window, ...]) -> bool:
        """Whether a pixel of a line is seen after all: half of those that are left is raised at a time."""
        position, (axis, line) = key
        pixels = list(product(*([line] if n == axis else range(w.low, w.high + 1) for n, w in enumerate(window))))
        while len(pixels) > 1:
            halves = [half for half in (pixels[: len(pixels) // 2], pixels[len(pixels) // 2 :]) if half]
            hits = self.changed([self._mask(half) for half in halves], [position] * len(halves))
            if not any(hits):
                return False
            pixels = halves[hits.index(True)]
        self.pixels += 1
        return self.changed([self._mask(pixels)], [position])[0]


def _standing_still(table: Table, n: int, source: str) -> Graph:
    """The network up to a layer, where gates, which see everything and are left out of fields, are inputs of ones."""
    nodes, found = [*table.graph.nodes[: n + 1]], table.fields[source]
    inputs = {name: i for name, i in table.graph.inputs.items() if i <= n}
    for at, node in enumerate(table.graph.nodes[: n + 1]):
        for i in node.inputs if (field := found[at]) is not None and field.reach is not Reach.ALL else ():
            seen = found[i]
            if seen is not None and seen.reach is Reach.ALL and not isinstance(nodes[i].op, Input):
                nodes[i] = nodes[i]._replace(op=Input(size_=nodes[i].shape), inputs=(), share=None)
                inputs[nodes[i].name] = i
    alone = [node if node.share not in inputs.values() else node._replace(share=None) for node in nodes]
    return Graph(alone, inputs, [n])


def _scales(node: Node, found: Seen) -> bool:
    """Whether a layer multiplies what comes from an input by something that doesn't."""
    return (node.op.is_gate or node.op.multiplies) and any(found[i] is None for i in node.inputs)


def _differs(one: Any, other: Any) -> bool:
    """By more than the rounding of another order of summation, which depends on how many samples are run at once."""
    return not bool((abs(one - other) <= ROUNDING * abs(other)).all())


def _at_position(output: Array, position: tuple[int, ...]) -> Any:
    """All channels there."""
    return output.reshape(len(output), -1)[:, numpy.ravel_multi_index(position, output.shape[1:])]


def _pixels(window: tuple[Window, ...], axis: int, line: int) -> list[tuple[int, ...]]:
    """Pixels of a line to try: in its middle, at its corners, then (holes may hide these) a spread of others."""
    ranges = [[line] if n == axis else _spread(w.low, w.high) for n, w in enumerate(window)]
    found = list(product(*ranges))
    middle = tuple(options[0] for options in ranges)
    return [middle, *(pixel for pixel in found if pixel != middle)][:24]


def _spread(low: int, high: int) -> list[int]:
    """Positions of a stretch: the middle, the ends, their neighbours."""
    middle = (low + high) // 2
    wanted = [middle, low, high, middle + 1, middle - 1, low + 1, high - 1, (low + middle) // 2, (middle + high) // 2]
    return list(dict.fromkeys(p for p in wanted if low <= p <= high))
