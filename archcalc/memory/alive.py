"""How many activations are alive at once, in the order in which the layers are listed.

The convention: a tensor lives from the layer that writes it to the last one that reads it, network inputs included and
weights not; while a layer runs, so does what it works on inside: the scores of an attention, the gates of a recurrent
layer. Activations, batch normalisation and sums write over their input if nothing else reads it later; flatten, reshape
and dropout move nothing; concatenation writes a tensor of its own. No better order is searched for.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from archcalc.algebra import Dim, Number, Poly, at, bounds, extremes, maximum
from archcalc.graph import Graph, Input, Loop, Node
from archcalc.memory.overwriting import may_overwrite, side_room
from archcalc.ops import size
from archcalc.ops.base import Plain
from archcalc.records import Record
from archcalc.tuples import NamedTuple

CONVENTION = "in order; activations, bn and sums in place; inputs included, weights not"
Measure = Callable[[Node], Dim]  # how much room the output of a layer takes


class _Buffer(Record, frozen=False):
    """A stretch of memory: its elements, the nodes that it holds, and the last layer that reads one of them."""

    elements: Dim
    last: int
    nodes: list[int] = []
    most: Dim = 0
    foreign: bool = False
    freed: bool = False


class _Steps(NamedTuple):
    """What is alive while a body runs: in the first repeat of several, between the first and the last, in the last, as
    the only one.
    """

    first: set[Dim]
    between: set[Dim]
    last: set[Dim]
    only: set[Dim]


def elements(node: Node) -> Dim:
    """The numbers that a layer puts out, a sample."""
    return size(node.shape)


def inside(graph: Graph, node: Node) -> Dim:
    """The numbers that are alive while a layer runs, beside its inputs and its output, a sample."""
    if type(node.op).inside is Plain.inside:  # of most layers: their inputs needn't be looked up
        return 0
    return node.op.inside(node.shape, *graph.shapes_into(node))


class Stretch(NamedTuple):
    """A stretch of memory: what it takes, the layer that writes it first, and the first and the last that need it."""

    size: Dim
    writer: int
    first: int
    last: int


class Alive(NamedTuple):
    """What is alive, a sample.

    `at` says how much while each layer runs, by position; layers in loops are left out, where it differs by repeat.
    `least` is how many repeats of each loop the closed form of the peak speaks of: none where more is alive elsewhere
    anyway. `stretches` are the memories that tensors stand in, where there are no loops. `beside` is the room of
    depthwise convolutions that write over their input.
    """

    peak: Dim
    at: dict[int, Dim]
    least: dict[Loop, int]
    stretches: list[Stretch]
    beside: dict[int, Dim]


def alive(graph: Graph, measure: Measure = elements, depthwise: bool = False) -> Alive:
    """What is alive at once, in elements, or in what `measure` gives for the output of each layer. `depthwise` says
    that depthwise convolutions write over their input, where what they put out is no larger.
    """
    liveness = _Liveness(graph, measure, depthwise)
    steps = liveness.steps()
    peak = _dim(maximum(0, *sorted(steps, key=_rough, reverse=True)))
    return Alive(peak, liveness.at, liveness.least, [] if graph.loops else liveness.stretches(), liveness.beside)


class _Liveness:
    """Runs the layers in order, with the memory that each takes and gives back."""

    def __init__(self, graph: Graph, measure: Measure = elements, depthwise: bool = False) -> None:
        self.graph, self.measure, self.depthwise = graph, measure, depthwise
        self.beside: dict[int, Dim] = {}
        self.at: dict[int, Dim] = {}  # what is alive while each layer outside of loops runs
        self.last = _last_reads(graph)
        self.buffers: list[_Buffer | None] = [None] * len(graph.nodes)
        self.alive: Dim = 0
        self.least: dict[Loop, int] = {}
        self.outside = {loop: self._from_outside(loop) for loop in graph.loops.values()}
        self.repeating: list[Loop] = []  # loops that another repeat of follows

    def steps(self) -> set[Dim]:
        """The numbers of elements that are alive while one layer or another runs."""
        steps, loops = self._walk(0, len(self.graph.nodes))
        return steps.union(*(self._settled(*loop, steps) for loop in loops))

    def stretches(self) -> list[Stretch]:
        """All memories that were taken; inputs are there from the beginning, outputs to the end."""
        end = len(self.graph.nodes) - 1
        found = {id(buffer): buffer for buffer in self.buffers if buffer is not None}
        return [
            Stretch(b.most or b.elements, b.nodes[0], 0 if b.foreign else b.nodes[0], min(b.last, end))
            for b in found.values()
        ]

    def _walk(self, first: int, stop: int) -> tuple[set[Dim], list[tuple[Loop, _Steps]]]:
        """The steps of the layers, and those of the loops among them."""
        steps: set[Dim] = set()
        loops: list[tuple[Loop, _Steps]] = []
        for part in self.graph.parts(first, stop):
            if isinstance(part, Loop):
                loops.append((part, self._loop(part)))
            else:
                steps.update(map(self._step, part))
        return steps, loops

    def _step(self, n: int) -> Dim:
        """Run a layer; how much is alive meanwhile."""
        node = self.graph.nodes[n]
        buffer = self._reused(n) if node.op.is_view or node.op.in_place or self.depthwise else None
        if buffer is None:
            last = max(self.last[n], n)
            buffer = self.buffers[n] = _Buffer(self.measure(node), last, [n], foreign=isinstance(node.op, Input))
            self.alive = self.alive + buffer.elements
        else:
            self._hold(n, buffer)
        alive = self.alive + self._inside(node)
        if n in self.beside:
            alive = alive + self.beside[n]
            self._shrink(buffer, self.measure(node))
        if not node.ranges:
            self.at[n] = alive
        for position in (*node.inputs, n):
            done = self._buffer(position)
            if done.last == n:
                self._release(n, done)
        return alive

    def _shrink(self, buffer: _Buffer, left: Dim) -> None:
        """What was written over with less gives back the rest."""
        self.alive = self.alive - buffer.elements + left
        buffer.most, buffer.elements = buffer.most or buffer.elements, left

    def _inside(self, node: Node) -> Dim:
        """What a layer works on, in the width of what it puts out."""
        room = inside(self.graph, node)
        if isinstance(room, int) and not room:
            return 0
        return room if self.measure is elements else self.measure(node._replace(shape=(room,)))

    def _loop(self, loop: Loop) -> _Steps:
        """The first repeat works on what arrives from outside, another on what the one before it left; the last gives
        back what was kept for the others.
        """
        (source,) = self.graph.nodes[loop.entry].inputs
        self._hold(loop.entry, self._buffer(source))
        if self._buffer(source).last > loop.exit:  # without a repeat it would leave the loop as well
            self.least[loop] = 1
        self._release(loop.entry, self._buffer(loop.entry))
        before = self._saved()
        only = self._body(loop)
        self._restore(before)
        self.repeating.append(loop)
        first = self._body(loop)
        self._handed(loop, loop.entry)
        self._forget(loop)
        between = self._body(loop)
        self._handed(loop, loop.entry)
        self._forget(loop)
        self.repeating.pop()
        last = self._body(loop)
        self._handed(loop, loop.exit)
        return _Steps(_each_at(first, loop), between, last, _each_at(only, loop))

    def _body(self, loop: Loop) -> set[Dim]:
        steps, loops = self._walk(loop.entry + 1, loop.exit)
        return steps.union(*(self._settled(*inner, set()) for inner in loops))

    def _settled(self, loop: Loop, steps: _Steps, outside: set[Dim]) -> set[Dim]:
        """The most that a loop can need, and how many repeats there must be for that to be so."""
        index, start, stop = loop.range.index, loop.range.start, loop.range.stop
        alike = _covered(steps.last, steps.between)
        first_too = _covered(outside | steps.only, steps.first | _each_at(steps.last, loop))
        found = set(steps.first)
        for alive in steps.last:
            found.update(
                map(
                    _dim,
                    (
                        extremes(alive, index, start if first_too else start + 1, stop)
                        if alike
                        else (at(alive, index, stop - 1),)
                    ),
                )
            )
        for alive in steps.between if not alike else ():
            found.update(map(_dim, extremes(alive, index, start + 1, stop - 1)))
        needed = 0 if _covered(outside, found) else 1 if alike and first_too else 2 if alike else 3
        self.least[loop] = max(needed, self.least.get(loop, 0))
        return found

    def _handed(self, loop: Loop, to: int) -> None:
        """What the body put out is what arrives at another repeat, or what leaves the loop: as large as it is there."""
        old = self._buffer(loop.end)
        if old.last > loop.exit or (
            self.repeating and self._is_needed(old)
        ):  # the same memory all the way: nothing was written
            self._hold(to, old)
            return
        if not old.freed:
            self.alive, old.freed = self.alive - old.elements, True
        new = _Buffer(self.measure(self.graph.nodes[to]), to)
        self.alive = self.alive + new.elements
        self._hold(to, new)
        self._release(to, new)

    def _forget(self, loop: Loop) -> None:
        """What comes from outside of a body is no longer what arrives in it, or was made of it there."""
        for n in {*self.outside[loop], *self.graph.nodes[loop.entry].inputs}:
            buffer = self._buffer(n)
            buffer.nodes = [held for held in buffer.nodes if held < loop.entry]
            buffer.last = max(max(held, self.last[held]) for held in buffer.nodes)

    def _is_needed(self, buffer: _Buffer) -> bool:
        """Whether another repeat reads it again, from outside of its body."""
        return bool(self.repeating) and any(not self.outside[loop].isdisjoint(buffer.nodes) for loop in self.repeating)

    def _saved(self) -> tuple[Dim, list[_Buffer | None], dict[Loop, int]]:
        copies = {id(buffer): buffer._replace(nodes=buffer.nodes[:]) for buffer in self.buffers if buffer is not None}
        return (
            self.alive,
            [copies[id(buffer)] if buffer is not None else None for buffer in self.buffers],
            dict(self.least),
        )

    def _restore(self, saved: tuple[Dim, list[_Buffer | None], dict[Loop, int]]) -> None:
        self.alive, self.buffers, self.least = saved

    def _from_outside(self, loop: Loop) -> frozenset[int]:
        return frozenset(
            source
            for node in self.graph.nodes[loop.entry + 1 : loop.exit]
            for source in node.inputs
            if source < loop.entry
        )

    def _buffer(self, n: int) -> _Buffer:
        buffer = self.buffers[n]
        assert buffer is not None
        return buffer

    def _hold(self, n: int, buffer: _Buffer) -> None:
        buffer.last = max(buffer.last, self.last[n], n)
        buffer.nodes.append(n)
        self.buffers[n] = buffer

    def _release(self, n: int, done: _Buffer) -> None:
        """Give back what is needed no longer than until layer `n`."""
        if done.last == n and not done.freed and not self._is_needed(done):
            self.alive, done.freed = self.alive - done.elements, True

    def _reused(self, n: int) -> _Buffer | None:
        """The memory of an input that layer `n` may write over, or shows in another form."""
        node = self.graph.nodes[n]
        if node.op.is_view:
            return self._buffer(node.inputs[0]) if node.inputs else None
        for source in node.inputs:
            buffer = self._buffer(source)
            free = buffer.last == n and not buffer.foreign and not self._is_needed(buffer)
            if free and may_overwrite(self.graph, n, source, self.depthwise):
                if not node.op.in_place:
                    self.beside[n] = self.measure(node._replace(shape=side_room(node)))
                return buffer
        return None


def _last_reads(graph: Graph) -> list[int]:
    """The position of the last layer that reads each node."""
    last = [-1] * len(graph.nodes)
    for n, node in enumerate(graph.nodes):
        for source in node.inputs:
            last[source] = n
    for n in graph.outputs:
        last[n] = len(graph.nodes)
    return last


def _covered(steps: set[Dim], values: set[Dim]) -> bool:
    """Whether for each value some step is shown to need at least as much."""
    return all(
        value in steps or any((low := bounds(step - value)[0]) is not None and low >= 0 for step in steps)
        for value in values
    )


def _each_at(steps: set[Dim], loop: Loop) -> set[Dim]:
    """Steps in the first repeat."""
    return {_at(alive, loop.range.index, loop.range.start) for alive in steps}


def _at(x: Dim, index: Poly, value: Dim) -> Dim:
    return _dim(at(x, index, value))


def _dim(x: Number) -> Dim:
    assert not isinstance(x, Fraction)
    return x


def _rough(value: Dim) -> int | Fraction:
    """A rough size, to try the likely largest first; exact, as sizes may be larger than any float."""
    return sum(value.terms.values()) if isinstance(value, Poly) else value
