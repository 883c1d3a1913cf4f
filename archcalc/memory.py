"""How many activations are alive at once, in the order in which the layers are listed.

The convention: a tensor lives from the layer that writes it to the last one that reads it, network inputs included and
weights not. Activations, batch normalisation and sums write over their input if nothing else reads it later; flatten, reshape
and dropout move nothing; concatenation writes a tensor of its own. No better order is searched for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from archcalc.algebra import Dim, Number, Poly, at, bounds, extremes, maximum
from archcalc.graph import Graph, Input, Loop, Range, over
from archcalc.ops import size

CONVENTION = "in order; activations, bn and sums in place; inputs included, weights not"
TRAINING_CONVENTION = "inputs and every layer's output, but dropout, flatten, reshape and activations that need only their output keep none"


@dataclass(slots=True)
class _Buffer:
    """A stretch of memory: its elements, and the last layer that reads it."""

    elements: Dim
    last: int
    foreign: bool = False
    freed: bool = False


_Steps: TypeAlias = tuple[Loop, set[Dim], set[Dim]]  # of the first repeat, and of any other


def peak(graph: Graph) -> Dim:
    """The most elements alive at once, a sample."""
    return _dim(maximum(0, *sorted(_Liveness(graph).steps(), key=_rough, reverse=True)))


def least_repeats(graph: Graph) -> dict[Loop, int]:
    """How many repeats of each loop the closed form of the peak speaks of: none where more is alive elsewhere anyway."""
    liveness = _Liveness(graph)
    liveness.steps()
    return liveness.least


class _Liveness:
    """Runs the layers in order, with the memory that each takes and gives back."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.last = _last_reads(graph)
        self.buffers: list[_Buffer | None] = [None] * len(graph.nodes)
        self.alive: Dim = 0
        self.least: dict[Loop, int] = {}

    def steps(self) -> set[Dim]:
        """The numbers of elements that are alive while one layer or another runs."""
        steps, loops = self._walk(0, len(self.graph.nodes))
        return steps.union(*(self._settled(*loop, steps) for loop in loops))

    def _walk(self, n: int, stop: int) -> tuple[set[Dim], list[_Steps]]:
        """The steps of the layers, and those of the loops among them."""
        steps: set[Dim] = set()
        loops: list[_Steps] = []
        while n < stop:
            loop = self.graph.loops.get(n)
            if loop is not None:
                loops.append((loop, *self._loop(loop)))
                n = loop.exit + 1
                continue
            node = self.graph.nodes[n]
            buffer = self._reused(n)
            if buffer is None:
                buffer = _Buffer(size(node.shape), n, isinstance(node.op, Input))
                self.alive = self.alive + buffer.elements
            self._hold(n, buffer)
            steps.add(self.alive)
            self._release(n, (*node.inputs, n))
            n += 1
        return steps, loops

    def _loop(self, loop: Loop) -> tuple[set[Dim], set[Dim]]:
        """The steps of the first repeat, which works on what arrives from outside, and of the others, each on what the one before it left."""
        (source,) = self.graph.nodes[loop.entry].inputs
        self._hold(loop.entry, self._buffer(source))
        first = self._body(loop)
        self._handed(loop, loop.entry)
        others = self._body(loop)
        self._handed(loop, loop.exit)
        self._release(loop.exit, (*self._from_outside(loop), loop.exit))
        return {_at(alive, loop.range.index, loop.range.start) for alive in first}, others

    def _body(self, loop: Loop) -> set[Dim]:
        steps, loops = self._walk(loop.entry + 1, loop.exit)
        return steps.union(*(self._settled(*inner, set()) for inner in loops))

    def _settled(self, loop: Loop, first: set[Dim], others: set[Dim], outside: set[Dim]) -> set[Dim]:
        """The most that a loop can need, and how many repeats there must be for that to be so."""
        index, start, stop = loop.range.index, loop.range.start, loop.range.stop
        once = _covered(outside | first, {_at(alive, index, start) for alive in others})
        steps = first | {_dim(value) for alive in others for value in extremes(alive, index, start if once else start + 1, stop)}
        self.least[loop] = 0 if _covered(outside, steps) else 1 if once else 2
        return steps

    def _handed(self, loop: Loop, to: int) -> None:
        """What the body put out is what arrives at another repeat, or what leaves the loop: as large as it is there."""
        old = self._buffer(loop.end)
        if old.last > loop.exit:  # the same memory all the way: nothing was written
            self._hold(to, old)
            return
        if not old.freed:
            self.alive, old.freed = self.alive - old.elements, True
        new = _Buffer(size(self.graph.nodes[to].shape), to)
        self.alive = self.alive + new.elements
        self._hold(to, new)

    def _from_outside(self, loop: Loop) -> list[int]:
        return [source for node in self.graph.nodes[loop.entry : loop.exit] for source in node.inputs if source < loop.entry]

    def _buffer(self, n: int) -> _Buffer:
        buffer = self.buffers[n]
        assert buffer is not None
        return buffer

    def _hold(self, n: int, buffer: _Buffer) -> None:
        buffer.last = max(buffer.last, self.last[n], n)
        self.buffers[n] = buffer

    def _release(self, n: int, positions: Iterable[int]) -> None:
        """Give back what is needed no longer than until layer `n`, of what these nodes hold."""
        for position in positions:
            done = self._buffer(position)
            if done.last == n and not done.freed:
                self.alive, done.freed = self.alive - done.elements, True

    def _reused(self, n: int) -> _Buffer | None:
        """The memory of an input that layer `n` may write over, or shows in another form."""
        node = self.graph.nodes[n]
        if node.op.is_view:
            return self._buffer(node.inputs[0]) if node.inputs else None
        if node.op.in_place:
            for source in node.inputs:
                buffer = self._buffer(source)
                if buffer.last == n and not buffer.foreign and self.graph.nodes[source].shape == node.shape:
                    return buffer
        return None


def _last_reads(graph: Graph) -> list[int]:
    """The position of the last layer that reads each node; what a loop reads from outside is needed until it ends."""
    last = [-1] * len(graph.nodes)
    for n, node in enumerate(graph.nodes):
        for source in node.inputs:
            last[source] = n
    for loop in graph.loops.values():
        for node in graph.nodes[loop.entry + 1 : loop.exit]:
            for source in node.inputs:
                if source < loop.entry:
                    last[source] = max(last[source], loop.exit)
    for n in graph.outputs:
        last[n] = len(graph.nodes)
    return last


def kept(graph: Graph) -> Dim:
    """Elements that a backward pass needs from the forward pass, a sample."""
    total: Dim = 0
    counts: dict[tuple[Dim, tuple[Range, ...]], int] = {}
    for node in graph.nodes:
        if isinstance(node.op, Input) or (node.op.keeps_output and not node.op.is_view):
            key = size(node.shape), node.ranges
            counts[key] = counts.get(key, 0) + 1
    for (elements, ranges), count in counts.items():
        total = total + count * over(ranges, elements)
    return total


def _covered(steps: set[Dim], values: set[Dim]) -> bool:
    """Whether for each value some step is shown to need at least as much."""
    return all(value in steps or any((low := bounds(step - value)[0]) is not None and low >= 0 for step in steps) for value in values)


def _at(x: Dim, index: Poly, value: Dim) -> Dim:
    return _dim(at(x, index, value))


def _dim(x: Number) -> Dim:
    assert not isinstance(x, Fraction)
    return x


def _rough(value: Dim) -> float:
    """A rough size, to try the likely largest first."""
    return float(sum(value.terms.values())) if isinstance(value, Poly) else float(value)
