"""What a backward pass multiplies: the gradient of a layer's weights unless they are frozen, and of its input where
something learns before it.
"""

from __future__ import annotations

from archcalc.algebra import Dim, Number, at, summed
from archcalc.graph import Graph, Loop
from archcalc.tuples import NamedTuple


class Backward(NamedTuple):
    """Backward MACs by layer, and the loops before whose first repeat nothing learns, so that it costs less than the
    others.
    """

    macs: dict[int, Number]
    first_differs: set[Loop]


def backward(graph: Graph, batch: Dim) -> Backward:
    """The backward MACs of a batch."""
    gradients = _Gradients(graph, batch)
    return Backward(gradients.walk(0, len(graph.nodes)), gradients.first_differs)


class _Gradients:
    """Walks a graph in order, with what learns up to each node."""

    def __init__(self, graph: Graph, batch: Dim) -> None:
        self.graph, self.batch = graph, batch
        self.learns = [False] * len(graph.nodes)
        self.first_differs: set[Loop] = set()

    def walk(self, first: int, stop: int) -> dict[int, Number]:
        """Backward MACs of the layers among these nodes."""
        macs: dict[int, Number] = {}
        for part in self.graph.parts(first, stop):
            macs |= (
                self._repeated(part)
                if isinstance(part, Loop)
                else {n: self._layer(n) for n in part if self.graph.nodes[n].op.word}
            )
        return macs

    def _layer(self, n: int) -> Number:
        node = self.graph.nodes[n]
        shapes = self.graph.shapes_into(node)
        dx = [self.learns[i] for i in node.inputs]
        dw = not node.frozen and bool(node.op.weights(*shapes))
        self.learns[n] = dw or any(dx)
        return node.op.backward(node.shape, *shapes, dx=dx, dw=dw) * self.batch * node.survive

    def _repeated(self, loop: Loop) -> dict[int, Number]:
        """The first repeat may have nothing before it that learns."""
        index, start, stop = loop.range.index, loop.range.start, loop.range.stop
        self.learns[loop.entry] = self.learns[self.graph.nodes[loop.entry].inputs[0]]
        first = self.walk(loop.entry + 1, loop.exit)
        differs = self.learns[loop.end] != self.learns[loop.entry]
        self.learns[loop.entry] = self.learns[loop.end]
        others = self.walk(loop.entry + 1, loop.exit) if differs else first
        self.learns[loop.exit] = self.learns[loop.end]
        if differs:
            self.first_differs.add(loop)
        return {n: at(first[n], index, start) + summed(others[n], index, start + 1, stop) for n in first}


__all__ = ["Backward", "backward"]
