"""What learned tensors begin with: numbers under which a network of any depth computes numbers of order one.

Weights are He's (arXiv:1502.01852), normal with variance 1/(fan_in * the mean square of what arrives): 2/fan_in after a
rectifier. Where a bias stands beside them they share that variance with it, so that nothing dies out or grows over many
layers: what a layer adds of its own outweighs what errors of these estimates compound to. Running statistics are those
that the estimate expects. Residual branches share the variance of the sum that they feed. In a network of many layers
with neither bias nor normalisation, where every chance would be carried on to the end, each layer passes most of its
input on as it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from math import prod, sqrt
from typing import Any

import numpy
from numpy.typing import NDArray

from archcalc.algebra import Poly
from archcalc.errors import UsageError
from archcalc.graph import Graph, Node
from archcalc.ops import Shape, size
from archcalc.ops.base import number
from archcalc.ops.fresh import Level, Spread, rough
from archcalc.tuples import NamedTuple

Array = NDArray[numpy.float32]

MOST_BARE = 24  # layers with neither bias nor normalisation that are still left to chance
FRESH = 4.0  # how many of such layers' outputs are new, in all of a network


class Slot(NamedTuple):
    """A learned tensor to be filled: whose (a position in the graph), what the operator calls it, what the graph does,
    and its shape.
    """

    n: int
    name: str
    label: str
    shape: tuple[int, ...]


Fill = Callable[[Slot], Array]


class He:
    """Seeded: a tensor's numbers depend on the seed and its name, and on no other tensor."""

    def __init__(self, graph: Graph, seed: int) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise UsageError(f"a seed is a whole number from 0 on, got {seed!r}")
        self.graph, self.seed = graph, seed
        self.targets = _targets(graph)
        self.bare = _bare(graph, self.targets)
        self.fresh = (
            min(1.0, FRESH / len(self.bare)) if self.bare else 1.0
        )  # the share of a bare layer's output that is not passed on
        self.moments = _moments(graph, self.targets, self.bare, self.fresh)

    def __call__(self, slot: Slot) -> Array:
        node, target = self.graph.nodes[slot.n], self.targets[slot.n]
        random = numpy.random.default_rng((self.seed, zlib.crc32(slot.label.encode())))
        arriving = self.moments[node.inputs[0]].square
        learned = node.op.weights(*self.graph.shapes_into(node))
        if slot.name == "variance":
            return numpy.float32(arriving) * random.uniform(0.9, 1.1, slot.shape).astype(numpy.float32)
        if slot.name == "scale":
            beside = target / 2 if "shift" in learned else target
            gain = sqrt(beside / arriving) if node.op.level is Level.LEARNED else sqrt(beside)
            return numpy.float32(gain) * random.uniform(0.9, 1.1, slot.shape).astype(numpy.float32)
        if slot.name.endswith("_norm"):
            return random.uniform(0.9, 1.1, slot.shape).astype(numpy.float32)
        if slot.name == "slope":
            return numpy.full(slot.shape, 0.25, numpy.float32)
        if slot.n in self.bare:
            return self._passing(slot, node, random)
        values = random.standard_normal(slot.shape, numpy.float32)
        values *= numpy.float32(self._deviation(slot, node, target, arriving, learned))  # no second array beside it
        if slot.name.endswith(("bias", "shift")):
            values.flat[0] = abs(
                values.flat[0]
            )  # so that a rectifier after it passes something, however few channels there are
        return values

    def _passing(self, slot: Slot, node: Node, random: numpy.random.Generator) -> Array:
        """What arrives, channel by channel, and a share of He's."""
        values = random.standard_normal(slot.shape, numpy.float32)
        values *= numpy.float32(sqrt(self.fresh / _fan_in(self.graph, node, slot)))
        out, per_group = numpy.arange(slot.shape[0]), slot.shape[1]
        middle: tuple[Any, ...] = tuple((size - 1) // 2 for size in slot.shape[2:])
        values[(out, out % per_group, *middle)] += sqrt(1 - self.fresh)
        return values

    def _deviation(self, slot: Slot, node: Node, target: float, arriving: float, learned: dict[str, Shape]) -> float:
        if slot.name == "mean":
            return 0.1 * sqrt(arriving)
        if slot.name.endswith(("bias", "shift")):
            return sqrt(target / 2)
        if not node.op.is_layer:
            return node.op.deviation
        alone = target if len(learned) == 1 or not any(name.endswith("bias") for name in learned) else target / 2
        return sqrt(alone / (_fan_in(self.graph, node, slot) * arriving))


def _fan_in(graph: Graph, node: Node, slot: Slot) -> float:
    """How many products are summed for an output, on average: fewer where windows reach into the padding."""
    if slot.name != "weight":
        return slot.shape[-1]
    shapes = graph.shapes_into(node)
    macs, outputs = node.op.macs(node.shape, *shapes), size(node.shape)
    if isinstance(macs, Poly) or isinstance(outputs, Poly):
        return prod(slot.shape) / rough(node.shape[0])
    return max(1.0, macs / outputs * _inside(node, shapes[0]))


def _inside(node: Node, shape: Shape) -> float:
    """The share of the windows' elements that lie within the map."""
    windows = node.op.windows(shape)
    share = 1.0
    for axis, window in enumerate(windows if isinstance(windows, tuple) else ()):
        inside, outputs, kernel, before = map(
            number, (shape[1 + axis], node.shape[1 + axis], window.kernel, window.before)
        )
        if window.up > 1:
            continue
        starts = (
            numpy.arange(outputs)[:, None] * window.stride - before + numpy.arange(kernel)[None, :] * window.dilation
        )
        share *= float(((starts >= 0) & (starts < inside)).mean())
    return share


def positive(graph: Graph, seed: int) -> Fill:
    """Weights under which everything that an output sees raises it, and nothing cancels: about 1/channels, biases and
    shifts zero, and so is an embedding of 0.

    They vary, so that no normalisation over channels meets channels that are all alike.
    """

    def fill(slot: Slot) -> Array:
        op, shape = graph.nodes[slot.n].op, graph.nodes[slot.n].shape
        added = slot.name == "mean" or slot.name.endswith(("bias", "shift"))
        level = 0.0 if added else op.averaging(slot.name, slot.shape, shape)
        if level == 0:
            return numpy.zeros(slot.shape, numpy.float32)
        random = numpy.random.default_rng((seed, zlib.crc32(slot.label.encode())))
        if slot.name == "variance":
            return numpy.ones(slot.shape, numpy.float32)
        values: Array = numpy.float32(level) * random.uniform(0.5, 1.5, slot.shape).astype(numpy.float32)
        if op.reads_indices:
            values[0] = 0
        return values

    return fill


def constant(name: str, shape: tuple[int, ...]) -> float:
    """One number for a whole tensor, where only the structure is wanted: weights average, nothing is shifted."""
    if name == "mean" or name.endswith(("bias", "shift")):
        return 0.0
    return 1.0 if len(shape) < 2 else 1 / prod(shape[1:])


# ---- estimates -------------------------------------------------------------------------------------------------------


def _is_weighted(node: Node) -> bool:
    """Whether a layer's own numbers set how large its output is."""
    return node.op.is_layer or node.op.level in (Level.LEARNED, Level.NORMAL)


def _bare(graph: Graph, targets: list[float]) -> frozenset[int]:
    """The layers without bias in a network without normalisation, if there are many; those that are summed with others
    aside.
    """
    if any(node.op.level is Level.NORMAL for node in graph.nodes):
        return frozenset()
    found = [
        n
        for n, node in enumerate(graph.nodes)
        if node.op.may_pass_on and not getattr(node.op, "bias", True) and targets[n] == 1
    ]
    return frozenset(found if len(found) > MOST_BARE else ())


def _targets(graph: Graph) -> list[float]:
    """The mean square that each layer's output should have: 1, but less where it is summed with others.

    With 1/sqrt(sums) neither a residual branch nor the sum of all of them is far from 1.
    """
    readers: list[list[int]] = [[] for _ in graph.nodes]
    for n, node in enumerate(graph.nodes):
        for source in node.inputs:
            readers[source].append(n)
    sums = sum(node.op.is_sum for node in graph.nodes)
    targets = [1.0] * len(graph.nodes)
    for node in graph.nodes:
        if node.op.is_sum:
            fresh = [found for source in node.inputs if (found := _origin(graph, readers, source)) is not None]
            for n in fresh:
                targets[n] = 1 / len(fresh) if len(fresh) == len(node.inputs) else 1 / sqrt(sums)
    return targets


def _origin(graph: Graph, readers: list[list[int]], n: int) -> int | None:
    """The layer that sets how large a value is, if nothing else reads it on the way."""
    while len(readers[n]) == 1 and len(graph.nodes[n].inputs) == 1:
        if _is_weighted(graph.nodes[n]):
            return n
        (n,) = graph.nodes[n].inputs
    return None


def _moments(graph: Graph, targets: list[float], bare: frozenset[int], fresh: float) -> list[Spread]:
    """The mean and the mean square of every layer's output, roughly."""
    found: list[Spread] = []
    for n, node in enumerate(graph.nodes):
        arriving = [found[i] for i in node.inputs]
        if n in bare:
            mean, square = sqrt(1 - fresh) * arriving[0].mean, arriving[0].square
        elif not arriving or _is_weighted(node) or node.op.level is Level.TABLE:
            mean, square = 0.0, targets[n]
        else:
            mean, square = node.op.spread(arriving, *graph.shapes_into(node))
        found.append(Spread(mean, min(max(square, 1e-6), 1e6)))
    return found
