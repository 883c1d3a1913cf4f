"""A receptive field, shown by perturbation: an input of zeros, single pixels of it raised, and what changes where.

With positive weights and no biases whatever an output sees raises it, so nothing cancels. For a position of the layer's
output
- raising every pixel outside its predicted window at once must change nothing, and
- on each side of the window where the input goes on beyond it, some single pixel of the outermost line must change
something. Both sides of every axis are met at one position or another, so the size is proved and not only a bound of
it.

The second can fail without the count being wrong where numbers don't start at zero (after a sigmoid, a maximum may hide
a change), are subtracted, or are products of two maps. There it is reported and refutes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from archcalc.algebra import symbol
from archcalc.cost import Table
from archcalc.errors import UsageError, suggest
from archcalc.graph import Graph
from archcalc.measure.session import Session
from archcalc.measure.sight import Ends, ends
from archcalc.onnx import in_memory, positive
from archcalc.ops import Reach
from archcalc.ops.base import number
from archcalc.receptive import Span

HIDING = ("sigmoid", "hardsigmoid", "softplus", "softmax", "sub")
MOST_BYTES = 1 << 28  # of activations in one run
MOST_MACS = 10**12  # in all runs of a layer: fewer positions are tried past it

FAINT = numpy.float32(1e-20)  # pixels that still show where brighter ones overflow
ROUNDING = 2e-6  # relative; where nothing is raised numbers are zero in most networks, and any other is a difference

Line = tuple[int, int]  # of an axis, and a position on it


@dataclass(frozen=True, slots=True)
class FieldProof:
    """What was shown of one layer's field. `differences` says where the network disagrees, and is empty where it
    doesn't.

    `positions` counts those of the output that were looked at, `sides` the outermost lines that were shown to be seen,
    `unseen` those that weren't where that says nothing.
    """

    at: str
    input: str
    size: tuple[int, ...]
    positions: int
    sides: int
    pixels: int
    unseen: int = 0
    differences: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.differences

    def __str__(self) -> str:
        size = "x".join(map(str, self.size))
        if self.differences:
            return f"field {size} at {self.at} refuted"
        if self.unseen:
            beyond = f"nothing beyond it seen in {self.positions} position{'s' * (self.positions != 1)}"
            return f"field {size} at {self.at}: {beyond}, {self.sides} of {self.sides + self.unseen} sides shown"
        return f"field {size} at {self.at} confirmed in {self.positions} position{'s' * (self.positions != 1)}"


class View(NamedTuple):
    """An axis of a layer's output: what its positions see of the input's axis, which has `side` elements, and where
    that ends.
    """

    span: Span
    ends: Ends
    side: int

    def window(self, position: int) -> Window:
        """What an output sees of the axis; low > high where it sees nothing."""
        low, high = self.span.low(position), self.span.high(position)
        if low is None or not self.ends.sees[position]:
            return Window(1, 0, False, False)
        low_shows = 1 <= low < self.side and bool(self.ends.low[position])
        high_shows = 0 <= high < self.side - 1 and bool(self.ends.high[position])
        return Window(max(low, 0), min(high, self.side - 1), low_shows, high_shows)

    def windows(self) -> list[Window]:
        return [self.window(position) for position in range(len(self.ends.low))]


class Window(NamedTuple):
    """The stretch of an axis that one output sees, and which of its ends lie inside the input with more of it
    beyond.
    """

    low: int
    high: int
    low_shows: bool
    high_shows: bool


def prove_field(table: Table, n: int, source: str, seed: int = 0) -> FieldProof:
    """Perturb the input `source` of the network up to layer `n`. Raises UsageError where the field can't be shown."""
    graph = table.graph
    viewer = Viewer(table)
    views = viewer.views(n, source)
    if views is None:
        raise UsageError(f"the field of {graph.nodes[n].name} can't be shown at this input size: {_reason(table, n)}")
    positions = _affordable(list(product(*map(_places, views))), table, n)
    windows = {
        position: tuple(view.window(o) for view, o in zip(views, position, strict=True)) for position in positions
    }
    prober = _Prober(
        table, n, source, float(n in viewer.inexact), seed
    )  # other inputs hold zeros, unless a product with them would hide this one
    name = graph.nodes[n].name
    differences = [
        f"{_at(position)} of {name} sees pixels outside of {_spelled(windows[position])}"
        for position in prober.disturbed(windows)
    ]
    unseen, shown = prober.unseen(windows)
    for position, (axis, line) in () if n in viewer.inexact else unseen:
        differences.append(
            f"{_at(position)} of {name} doesn't see line {line} of axis {axis}, the outermost of"
            f" {_spelled(windows[position])}"
        )
    size = tuple(int(str(view.span.size)) for view in views)
    return FieldProof(
        label(graph, n),
        source,
        size,
        len(positions),
        shown,
        prober.pixels,
        len(unseen) if n in viewer.inexact else 0,
        tuple(differences),
    )


class Viewer:
    """What layers see of a network's inputs, as far as that can be shown."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.ends = {source: ends(table, source) for source in table.graph.inputs}
        self.tainted = _after(table.graph, lambda n: table.graph.nodes[n].op.word == "gn")
        self.inexact = _after(table.graph, self._is_inexact)

    def _is_inexact(self, n: int) -> bool:
        """Whether a layer may hide what it sees: it starts from another number than zero, subtracts, or multiplies two
        maps.
        """
        node = self.table.graph.nodes[n]
        gate = any((field := found[n]) is not None and field.reach is Reach.ALL for found in self.table.fields.values())
        maps = sum(
            any(
                (field := found[i]) is not None and field.reach is not Reach.ALL for found in self.table.fields.values()
            )
            for i in node.inputs
        )
        return not gate and (node.op.word in HIDING or (node.op.word == "mul" and maps > 1))

    def views(self, n: int, source: str) -> tuple[View, ...] | None:
        """A layer's axes; None if an end of its windows lies in the padding everywhere, or a normalisation before it
        reads the whole map.
        """
        graph, field, found = self.table.graph, self.table.fields[source][n], self.ends[source][n]
        if field is None or not field.spans or found is None or n in self.tainted:
            return None
        sides = graph.nodes[graph.inputs[source]].shape[1:]
        views = tuple(View(span, end, number(side)) for span, end, side in zip(field.spans, found, sides, strict=True))
        shown = [
            (any(w.low_shows for w in view.windows()), any(w.high_shows for w in view.windows())) for view in views
        ]
        return views if all(low and high for low, high in shown) else None


def candidates(table: Table) -> Iterator[tuple[int, str]]:
    """Layers whose field can be shown at this input size, with the input it is shown on: the deepest first, those that
    may hide something last.
    """
    viewer = Viewer(table)
    for hiding in (False, True):
        for n in reversed(table.graph.layers()):
            for source in table.graph.inputs:
                if (n in viewer.inexact) is hiding and viewer.views(n, source) is not None:
                    yield n, source


def chosen(table: Table, name: str) -> tuple[int, str]:
    """The layer or group called `name`. Raises UsageError for one that doesn't exist or whose field can't be shown."""
    graph = table.graph
    if name in graph.groups:
        n = graph.groups[name].output
    else:
        found = [n for n, node in enumerate(graph.nodes) if node.op.word and (node.name == name or node.line == name)]
        if not found:
            raise UsageError(
                f"there is no layer '{name}'{suggest(name, [*graph.groups, *(node.name for node in graph.nodes)])}"
            )
        exact = [n for n in found if graph.nodes[n].name == name and graph.nodes[n].line != name]
        n = exact[0] if exact else found[-1]
    viewer = Viewer(table)
    for source in graph.inputs:
        if viewer.views(n, source) is not None:
            return n, source
    raise UsageError(f"the field of {name} can't be shown at this input size: {_reason(table, n)}")


def _reason(table: Table, n: int) -> str:
    fields = [found[n] for found in table.fields.values() if found[n] is not None]
    if n in Viewer(table).tainted:
        return "a group normalisation before it reads the whole map"
    if not fields or any(field.reach is not Reach.PASS or not field.spans for field in fields if field):
        return "it has no window"
    return "its windows reach over the input's border everywhere; give a larger one with --set"


def label(graph: Graph, n: int) -> str:
    """A layer by the line of the spec that it stands in, if it is the last of it."""
    node = graph.nodes[n]
    following = graph.nodes[n + 1].line if n + 1 < len(graph.nodes) else ""
    return node.name if following == node.line else node.line


def _after(graph: Graph, which: Callable[[int], bool]) -> set[int]:
    """The nodes that depend on some."""
    found: set[int] = set()
    for n, node in enumerate(graph.nodes):
        if which(n) or found.intersection(node.inputs):
            found.add(n)
    return found


def _places(view: View) -> list[int]:
    """Up to three positions of an axis: one that shows the window's low end, one that shows its high end, and the
    middle or ends.
    """
    windows = view.windows()
    low = next(o for o, window in enumerate(windows) if window.low_shows)
    high = next(o for o in reversed(range(len(windows))) if windows[o].high_shows)
    return sorted([*dict.fromkeys((low, high, len(windows) // 2, len(windows) - 1, 0))][:3])


def _affordable(positions: list[tuple[int, ...]], table: Table, n: int) -> list[tuple[int, ...]]:
    """All of them, or those of a diagonal where the network up to the layer is dear: it still meets every place of
    every axis.
    """
    rows = {row.name: row for row in table.rows}
    macs = sum(float(Fraction(str(rows[node.name].macs))) for node in table.graph.nodes[: n + 1] if node.op.word)
    runs = len(positions) * (1 + 2 * len(positions[0]))
    if macs * runs <= MOST_MACS:
        return positions
    places = [sorted({position[axis] for position in positions}) for axis in range(len(positions[0]))]
    most = max(map(len, places))
    return [tuple(axis[min(i, len(axis) - 1)] for axis in places) for i in range(most)]


class _Prober:
    """Runs the network up to a layer on zeros with some pixels raised; other inputs hold `rest`."""

    def __init__(self, table: Table, n: int, source: str, rest: float, seed: int) -> None:
        nodes = table.graph.nodes[: n + 1]
        graph = Graph(nodes, {name: i for name, i in table.graph.inputs.items() if i <= n}, [n])
        part = replace(table, binding=replace(table.binding, batch=symbol("batch")), graph=graph, dtype="fp32")
        everything = {
            i for i, found in enumerate(table.fields[source][: n + 1]) if found is not None and found.reach is Reach.ALL
        }
        model = in_memory(
            part, positive(graph, seed, everything)
        )  # gates see everything, and are left out of fields: here they stand still
        self.session = Session(model, [nodes[n].name])
        self.source, self.pixels = source, 0
        self.sides = tuple(number(dim) for dim in graph.nodes[graph.inputs[source]].shape)
        kinds = model.input_kinds()
        self.others = {
            name: (tuple(int(str(dim)) for dim in graph.nodes[i].shape), kinds[name])
            for name, i in graph.inputs.items()
        }
        self.rest = rest
        alive = max(1, max(prod(int(str(dim)) for dim in node.shape) for node in nodes) * 4 * 4)
        self.most = max(1, MOST_BYTES // alive)
        self.raised = numpy.linspace(1, 2, self.sides[0], dtype=numpy.float32).reshape(
            -1, *(1,) * (len(self.sides) - 1)
        )  # channels differ
        (self.base,) = self._run(numpy.zeros((1, *self.sides), numpy.float32))

    def _run(self, batch: NDArray[Any]) -> list[NDArray[Any]]:
        feed = {name: numpy.full((len(batch), *shape), self.rest, kind) for name, (shape, kind) in self.others.items()}
        feed[self.source] = batch.astype(self.others[self.source][1], copy=False)
        return list(self.session.run(feed)[0])

    def changed(self, raised: Sequence[NDArray[numpy.bool_]], positions: Sequence[tuple[int, ...]]) -> list[bool]:
        """Whether raising the pixels of each mask changes the output at the position that goes with it."""
        found: list[bool] = []
        for start in range(0, len(raised), self.most):
            masks = numpy.stack(raised[start : start + self.most])
            batch = masks[:, None] * self.raised
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
            mask = numpy.ones(self.sides[1:], numpy.bool_)
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
        mask = numpy.zeros(self.sides[1:], numpy.bool_)
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


def _differs(one: Any, other: Any) -> bool:
    """By more than the rounding of another order of summation, which depends on how many samples are run at once."""
    return not bool((abs(one - other) <= ROUNDING * abs(other)).all())


def _at_position(output: NDArray[Any], position: tuple[int, ...]) -> Any:
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


def _at(position: tuple[int, ...]) -> str:
    return f"output ({', '.join(map(str, position))})"


def _spelled(window: tuple[Window, ...]) -> str:
    return " x ".join(f"{w.low}..{w.high}" for w in window)
