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

from collections.abc import Callable
from fractions import Fraction
from itertools import product
from math import prod

from archcalc.cost import Table
from archcalc.errors import UsageError, suggest
from archcalc.graph import Graph
from archcalc.measure.prober import Prober, Window
from archcalc.measure.sight import Ends, ends
from archcalc.ops import Reach
from archcalc.ops.base import Hides, number
from archcalc.receptive import Field, Span
from archcalc.records import Record
from archcalc.tuples import NamedTuple

MOST_MACS = 10**12  # in all runs of a layer: fewer positions are tried past it


class FieldProof(Record):
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
        """Whether every output saw what the table says it sees."""
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
        """What each position sees."""
        return [self.window(position) for position in range(len(self.ends.low))]


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
    prober = Prober(table, n, source, seed)
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
    size = tuple(number(view.span.size) for view in views)
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
        self.tainted = _after(table.graph, lambda n: table.graph.nodes[n].op.reads_map)
        self.inexact = _after(table.graph, self._is_inexact)

    def _is_inexact(self, n: int) -> bool:
        """Whether a layer may hide what it sees: it starts from another number than zero, subtracts, multiplies two
        maps, takes the larger of two inputs' numbers, or normalises a single one.
        """
        node, fields = self.table.graph.nodes[n], self.table.fields.values()
        gate = any((field := found[n]) is not None and field.reach is Reach.ALL for found in fields)
        maps = sum(
            any(
                (field := found[i]) is not None and field.reach is not Reach.ALL for found in self.table.fields.values()
            )
            for i in node.inputs
        )
        if node.op.hides is Hides.OTHERS and any(not all(found[i] for i in node.inputs) for found in fields):
            return True
        hidden = {
            Hides.ALWAYS: True,
            Hides.MAPS: maps > 1,
            Hides.ALONE: bool(node.inputs) and self.table.graph.nodes[node.inputs[0]].shape[0] == 1,
        }
        return not gate and hidden.get(node.op.hides, False)

    def views(self, n: int, source: str) -> tuple[View, ...] | None:
        """A layer's axes; None if an end of its windows lies in the padding everywhere, or a normalisation before it
        reads the whole map.
        """
        graph, field, found = self.table.graph, self.table.fields[source][n], self.ends[source][n]
        if field is None or not field.spans or found is None or n in self.tainted:
            return None
        sides = graph.nodes[graph.inputs[source]].shape[-len(field.spans) :]  # of indices all axes are positions
        views = tuple(View(span, end, number(side)) for span, end, side in zip(field.spans, found, sides, strict=True))
        shown = [
            (any(w.low_shows for w in view.windows()), any(w.high_shows for w in view.windows())) for view in views
        ]
        return views if all(low and high for low, high in shown) else None

    def order(self, n: int, views: tuple[View, ...]) -> tuple[bool, int]:
        """Whether what a layer sees can't hide, and how large its windows are."""
        return n not in self.inexact, prod(number(view.span.size) for view in views)

    def reason(self, source: str) -> str:
        """Why no layer's field on an input is shown."""
        found = self.table.fields[source]
        kinds = [self._hindrance(n, found[n]) for n in self.table.graph.layers() if found[n] is not None]
        if not kinds:
            return f"no layer's field on {source} is shown: none depends on it"
        parts = [f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)]
        return f"no layer's field on {source} is shown: of {len(kinds)}, {', '.join(parts)}"

    def _hindrance(self, n: int, field: Field | None) -> str:
        if n in self.tainted:
            return "come after a normalisation that reads the whole map"
        if field is None or field.reach is Reach.ALL:
            return "see everything"
        if field.reach is Reach.MIXED:
            return "have windows that are not uniform"
        return (
            "reach over its border everywhere (--set may give a larger input)" if field.spans else "have one position"
        )


class Shown(NamedTuple):
    """What of a network's fields is shown where nobody chose: layers with the input that each is shown on, and why
    there is none for other inputs.
    """

    layers: list[tuple[int, str]]
    reasons: tuple[str, ...]


def deepest(table: Table) -> Shown:
    """For each input the layer with the largest field that can be shown at this input size, the deepest of several;
    those that may hide something last.
    """
    viewer, layers, reasons = Viewer(table), [], []
    for source in table.graph.inputs:
        fitting = [(n, views) for n in table.graph.layers() if (views := viewer.views(n, source)) is not None]
        if fitting:
            layers.append((max(fitting, key=lambda each: (*viewer.order(*each), each[0]))[0], source))
        else:
            reasons.append(viewer.reason(source))
    return Shown(layers, tuple(reasons))


def chosen(table: Table, name: str) -> list[tuple[int, str]]:
    """The layer or group called `name`, with each input that its field can be shown on. Raises UsageError for one that
    doesn't exist or whose field can't be shown.
    """
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
    shown = [(n, source) for source in graph.inputs if viewer.views(n, source) is not None]
    if shown:
        return shown
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


def _at(position: tuple[int, ...]) -> str:
    return f"output ({', '.join(map(str, position))})"


def _spelled(window: tuple[Window, ...]) -> str:
    return " x ".join(f"{w.low}..{w.high}" for w in window)
