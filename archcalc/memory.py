"""How many activations are alive at once, in the order in which the layers are listed.

The convention: a tensor lives from the layer that writes it to the last one that reads it, network inputs included and
weights not. Activations, batch normalisation and sums write over their input if nothing else reads it later; flatten, reshape
and dropout move nothing; concatenation writes a tensor of its own. No better order is searched for.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from archcalc.algebra import Dim, Poly, maximum
from archcalc.graph import Graph, Input
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


def peak(graph: Graph) -> Dim:
    """The most elements alive at once, a sample."""
    most = maximum(0, *sorted(_alive(graph), key=_rough, reverse=True))
    assert not isinstance(most, Fraction)
    return most


def _alive(graph: Graph) -> set[Dim]:
    """The numbers of elements that are alive while one layer or another runs."""
    end = len(graph.nodes)
    last = [-1] * end
    for n, node in enumerate(graph.nodes):
        for source in node.inputs:
            last[source] = n
    for n in graph.outputs:
        last[n] = end
    buffers: list[_Buffer] = []
    alive: Dim = 0
    steps: set[Dim] = set()
    for n, node in enumerate(graph.nodes):
        buffer = _reused(graph, n, buffers)
        if buffer is None:
            buffer = _Buffer(size(node.shape), n, isinstance(node.op, Input))
            alive = alive + buffer.elements
        buffer.last = max(buffer.last, last[n], n)
        buffers.append(buffer)
        steps.add(alive)
        for position in (*node.inputs, n):  # what is read here for the last time, or never
            done = buffers[position]
            if done.last == n and not done.freed:
                alive, done.freed = alive - done.elements, True
    return steps


def _reused(graph: Graph, n: int, buffers: list[_Buffer]) -> _Buffer | None:
    """The memory of an input that layer `n` may write over, or shows in another form."""
    node = graph.nodes[n]
    if node.op.is_view:
        return buffers[node.inputs[0]] if node.inputs else None
    if node.op.in_place:
        for source in node.inputs:
            buffer = buffers[source]
            if buffer.last == n and not buffer.foreign and graph.nodes[source].shape == node.shape:
                return buffer
    return None


def kept(graph: Graph) -> Dim:
    """Elements that a backward pass needs from the forward pass, a sample."""
    total: Dim = 0
    counts: dict[Dim, int] = {}
    for node in graph.nodes:
        if isinstance(node.op, Input) or (node.op.keeps_output and not node.op.is_view):
            elements = size(node.shape)
            counts[elements] = counts.get(elements, 0) + 1
    for elements, count in counts.items():
        total = total + count * elements
    return total


def _rough(value: Dim) -> float:
    """A rough size, to try the likely largest first."""
    return float(sum(value.terms.values())) if isinstance(value, Poly) else float(value)
