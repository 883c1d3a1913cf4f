"""Receptive fields over any DAG, exactly: which stretch of the input each output position depends on, an axis at a
time.

The stretch is not clipped to the input, holes in it (dilation) count as inside, and branches merge by union. Positions
after an upsampling fall into `period` phases with windows of their own, so a span holds one window a phase: output
`q*period + r` sees `lows[r] + q*jump` to `highs[r] + q*jump`. With this the rules for strides, dilation, padding,
transposed convolutions and interpolation are all exact; what has no such form (branches with different strides,
reordered axes) is `not uniform`.

The formulas are those of Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks"
(Distill, 2019), for one phase.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from heapq import heappop, heappush
from math import gcd, lcm
from typing import Any

from archcalc.algebra import Dim, Number, Poly, at, maximum, minimum, summed
from archcalc.errors import Undecided
from archcalc.graph import Graph, Input, Loop, Node, Range
from archcalc.ops import Op, Reach, Shape, Window
from archcalc.repeats import Closing
from archcalc.tuples import NamedTuple

MOST_PHASES = 4096
FEW = 8  # inputs of a layer that are asked one by one
Windows = dict[tuple[int, int], Any]


class Span(NamedTuple):
    """One axis. `lows` and `highs` hold one number a phase, None for a phase that sees nothing."""

    jump: int
    lows: tuple[Any, ...]
    highs: tuple[Any, ...]

    @property
    def period(self) -> int:
        """After how many positions the window is the same again, moved on."""
        return len(self.lows)

    @property
    def stride(self) -> int | Fraction:
        """Input positions between neighbouring outputs; below 1 after upsampling."""
        stride = Fraction(self.jump, self.period)
        return stride.numerator if stride.denominator == 1 else stride

    @property
    def size(self) -> Dim:
        """The extent of the largest window."""
        sizes = [high - low + 1 for low, high in zip(self.lows, self.highs, strict=True) if low is not None]
        return _largest(sizes) if sizes else 0

    @property
    def start(self) -> Any:
        """Where the first output's window begins; negative in the padding."""
        return self.lows[0]

    @property
    def is_bound(self) -> bool:
        """Whether windows differ between phases, so that `size` is the largest of them."""
        return len({None if low is None else high - low for low, high in zip(self.lows, self.highs, strict=True)}) > 1

    def low(self, position: int) -> Any:
        """The first position that the window of a position reads, None where there is none."""
        turn, phase = divmod(position, len(self.lows))
        low = self.lows[phase]
        return None if low is None else low + turn * self.jump

    def high(self, position: int) -> Any:
        """The last position that the window of a position reads, None where there is none."""
        turn, phase = divmod(position, len(self.highs))
        high = self.highs[phase]
        return None if high is None else high + turn * self.jump


POINT = Span(1, (0,), (0,))
STILL = Window(1)  # what moves nothing, as 1 x 1 convolutions do


class Field(NamedTuple):
    """What a layer's outputs see of one input: spans an axis (`PASS`), everything, or nothing uniform.

    `gated`: the spans leave out global gates, such as squeeze-and-excitation, through which everything is seen.
    """

    reach: Reach
    spans: tuple[Span, ...] = ()
    gated: bool = False


EVERYTHING, MIXED = Field(Reach.ALL), Field(Reach.MIXED)


class Seen(dict[int, Field | None]):
    """What each node sees of an input, by its position; None where it doesn't depend on it."""

    def __missing__(self, n: int) -> None:
        return None


def fields(graph: Graph, least: dict[Loop, int] | None = None, stop: int | None = None) -> dict[str, Seen]:
    """What each node, or each before `stop`, sees of each input. Linear in the layers that depend on one.

    Loops that have to repeat for this to hold are put into `least`, with how often.
    """
    stop = len(graph.nodes) if stop is None or graph.loops else stop
    windows: Windows = {}
    readers = _readers(graph) if len(graph.inputs) > 1 and not graph.loops else None  # all depend on a single input
    found = {}
    for name, start in graph.inputs.items():
        arriving = None if readers is None else _arriving(readers, start)
        one = _Fields(graph, start, {} if least is None else least, windows, arriving or {})
        if arriving is None:
            one.walk(0, stop)
        else:
            one.through([n for n in arriving if n < stop])
        found[name] = Seen({n: field for n in arriving or range(len(one.found)) if (field := one.found[n]) is not None})
    return found


def _readers(graph: Graph) -> list[list[int]]:
    """The nodes that read each."""
    found: list[list[int]] = [[] for _ in graph.nodes]
    for n, node in enumerate(graph.nodes):
        for source in dict.fromkeys(node.inputs):
            found[source].append(n)
    return found


def _arriving(readers: list[list[int]], start: int) -> dict[int, list[int]]:
    """The nodes that depend on one, itself included, in order, with those of their inputs that do."""
    found: dict[int, list[int]] = {start: []}
    waiting = [start]
    while waiting:
        n = heappop(waiting)
        for reader in readers[n]:
            if reader not in found:
                found[reader] = []
                heappush(waiting, reader)
            found[reader].append(n)
    return dict(sorted(found.items()))


class _Fields(Closing[Field | None]):
    """What each node sees of one input, the node `start`; `windows` are known ones, by operator and shape."""

    def __init__(
        self, graph: Graph, start: int, least: dict[Loop, int], windows: Windows, arriving: Mapping[int, list[int]]
    ) -> None:
        super().__init__(graph, None, least)
        self.found[start] = Field(Reach.PASS, (POINT,) * (len(graph.nodes[start].shape) - 1))
        self.windows, self.arriving = windows, arriving

    def through(self, nodes: Iterable[int]) -> None:
        graph, found, windows = self.graph, self.found, self.windows
        for n in nodes:
            node = graph.nodes[n]
            inputs = self.arriving.get(n, node.inputs) if len(node.inputs) > FEW else node.inputs
            sources = [(i, node) for i in inputs] if (chosen := self._chosen(node)) is None else chosen
            seen = [_stretched(field, graph.nodes[i].shape, by) for i, by in sources if (field := found[i]) is not None]
            if seen and not node.op.is_constant:
                joined = seen[0] if len(seen) == 1 else _union(seen, node.op.is_gate)
                key = (id(node.op), id(graph.nodes[node.inputs[0]].shape))
                if key not in windows:
                    windows[key] = node.op.windows(*graph.shapes_into(node))
                found[n] = _through(joined, windows[key])

    def _chosen(self, node: Node) -> list[tuple[int, Node]] | None:
        """The branches that channels which are cut out come from, and the join that reads them; None where a layer
        reads all that arrives.
        """
        if type(node.op).channels_read is Op.channels_read:
            return None
        channels = node.op.channels_read(*self.graph.shapes_into(node))
        if channels is None:
            return None
        join = self.graph.nodes[node.inputs[0]]
        while len(join.inputs) == 1 and join.op.in_place:
            join = self.graph.nodes[join.inputs[0]]
        sizes = join.op.channels_joined(*self.graph.shapes_into(join))
        if sizes is None:
            return None
        found, low = [], 0
        for i, count in zip(join.inputs, sizes, strict=True):
            if any(low <= channel < low + count for channel in channels):
                found.append((i, join))
            low += count
        return found

    def value_at(self, value: Field | None, index: Poly, position: Number) -> Field | None:
        if value is None or not value.spans:
            return value
        return value._replace(spans=tuple([_span_at(span, index, position) for span in value.spans]))

    def guess(self, first: Field | None, before: Field | None, after: Field | None, around: Range) -> Field | None:
        """By as much more as the repeats before it see; `after` where windows don't just grow."""
        return _growing(first, before, after, around)

    def without_form(self, loop: Loop) -> None:
        """Nothing is uniform."""
        for n in range(loop.entry, loop.exit):
            self.found[n] = self.found[n] and MIXED
        self.found[loop.exit] = self.found[loop.end] and MIXED


def _growing(once: Field | None, before: Field | None, after: Field | None, around: Range) -> Field | None:
    """What arrives at repeat i, where `once` arrives at the first and a repeat makes `after` of `before`; `after` where
    windows don't just grow.
    """
    if once is None or before is None or after is None or {once.reach, before.reach, after.reach} != {Reach.PASS}:
        return after

    def grown(first: Number, old: Number, new: Number) -> Number:
        return first + summed(new - old, around.index, around.start, around.index)

    spans = []
    for first, old, new in zip(once.spans, before.spans, after.spans, strict=False):
        if len({(span.jump, span.period) for span in (first, old, new)}) > 1 or None in (
            *first.lows,
            *old.lows,
            *new.lows,
        ):
            return after
        try:
            lows = tuple(map(grown, first.lows, old.lows, new.lows))
            highs = tuple(map(grown, first.highs, old.highs, new.highs))
        except Undecided:
            return after
        spans.append(Span(new.jump, lows, highs))
    return after._replace(spans=tuple(spans))


def _span_at(span: Span, index: Poly, position: Number) -> Span:
    return Span(
        span.jump,
        tuple([at(low, index, position) for low in span.lows]),
        tuple([at(high, index, position) for high in span.highs]),
    )


def _stretched(field: Field, shape: Shape, node: Node) -> Field:
    """What an operand is seen as where its axes of 1 are stretched over the others': every output reads the same
    window.
    """
    if len(node.inputs) == 1 or field.reach is not Reach.PASS or not node.op.in_place or shape[1:] == node.shape[1:]:
        return field
    return EVERYTHING if node.op.is_gate else MIXED


def _through(field: Field, windows: tuple[Window, ...] | Reach) -> Field:
    if windows is Reach.PASS or field.reach is Reach.ALL:
        return field
    if windows is Reach.ALL:
        return EVERYTHING
    if windows is Reach.MIXED or field.reach is Reach.MIXED:
        return MIXED
    assert isinstance(windows, tuple)
    if len(windows) == len(field.spans) and all(window == STILL for window in windows):
        return field
    spans: list[Span] = []
    for n, window in enumerate(windows):
        before = field.spans[n] if n < len(field.spans) else POINT
        if n and window == windows[n - 1] and before == (field.spans[n - 1] if n - 1 < len(field.spans) else POINT):
            spans.append(spans[-1])
            continue
        span = slide(before, window)
        if span is None:
            return MIXED
        spans.append(span)
    return Field(Reach.PASS, tuple(spans), field.gated)


def slide(span: Span, window: Window) -> Span | None:
    """The span after a window; None where it has no uniform form."""
    kernel, stride, dilation, before, up = window
    if up == 1 and len(span.lows) == 1:
        jump, low, high = span.jump, span.lows[0], span.highs[0]
        if low is None:
            return Span(jump * stride, span.lows, span.highs)
        return Span(jump * stride, (low - before * jump,), (high + ((kernel - 1) * dilation - before) * jump,))
    period = up * span.period // gcd(up * span.period, stride)
    if isinstance(kernel, Poly) or isinstance(before, Poly) or period > MOST_PHASES:
        return None
    lows, highs = [], []
    for phase in range(period):
        first = phase * stride - before
        taps = [(first + t * dilation) // up for t in range(kernel) if (first + t * dilation) % up == 0]
        lows.append(_smallest([low for tap in taps if (low := span.low(tap)) is not None]))
        highs.append(_largest([high for tap in taps if (high := span.high(tap)) is not None]))
    return Span(period * stride // up * span.jump // span.period, tuple(lows), tuple(highs))


def _smallest(values: Sequence[object]) -> Any:
    return _extreme(values, minimum)


def _largest(values: Sequence[object]) -> Any:
    return _extreme(values, maximum)


def _extreme(values: Sequence[object], pick: Any) -> Any:
    if not values:
        return None
    result = values[0]
    for value in values[1:]:
        result = pick(result, value)
    return result


def _union(seen: list[Field], gate: bool) -> Field:
    """What a layer sees through any of its inputs; a gate's global operands only scale the others."""
    if any(field.reach is Reach.ALL for field in seen):
        local = [field for field in seen if field.reach is not Reach.ALL]
        if not (gate and local):
            return EVERYTHING
        joined = _union(local, False) if len(local) > 1 else local[0]
        return joined._replace(gated=True)
    first = seen[0]
    if first.reach is Reach.PASS and all(field is first for field in seen):
        return first
    gated = any(field.gated for field in seen)
    if any(field.reach is Reach.MIXED or len(field.spans) != len(first.spans) for field in seen):
        return MIXED
    if all(field.spans == first.spans for field in seen):
        return first._replace(gated=gated)
    spans = []
    for axis in zip(*(field.spans for field in seen), strict=True):
        span = _join(axis)
        if span is None:
            return MIXED
        spans.append(span)
    return Field(Reach.PASS, tuple(spans), gated)


def _join(spans: Sequence[Span]) -> Span | None:
    first = spans[0]
    if all(span.period == 1 and span.jump == first.jump and span.lows[0] is not None for span in spans):
        return Span(first.jump, (_smallest([s.lows[0] for s in spans]),), (_largest([s.highs[0] for s in spans]),))
    if any(span.stride != first.stride for span in spans):
        return None
    period = lcm(*(span.period for span in spans))
    if period > MOST_PHASES:
        return None
    lows = tuple(_smallest([low for s in spans if (low := s.low(phase)) is not None]) for phase in range(period))
    highs = tuple(_largest([high for s in spans if (high := s.high(phase)) is not None]) for phase in range(period))
    return Span(first.jump * period // first.period, lows, highs)


def last_map(graph: Graph, found: Seen) -> int | None:
    """Where the network goes global: back from its outputs, the first layers that don't see everything; of several, the
    last.
    """
    ends = {end for n in graph.outputs if (end := _last_map(graph, found, n)) is not None}
    return max(ends, default=None)


def _last_map(graph: Graph, found: Seen, n: int) -> int | None:
    while (field := found[n]) is not None and field.reach is Reach.ALL:
        sources = [i for i in graph.nodes[n].inputs if found[i] is not None]
        if not sources:  # a table, or what reads nothing else
            return None
        n = max(sources, key=lambda i: (found[i] != EVERYTHING, i))
    local = (
        field is not None and not isinstance(graph.nodes[n].op, Input) and (field.reach is Reach.MIXED or field.spans)
    )
    return n if local else None


__all__ = ["EVERYTHING", "MIXED", "Field", "Seen", "Span", "fields", "last_map", "slide"]
