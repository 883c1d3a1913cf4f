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
from math import erf, exp, pi, prod, sqrt
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from archcalc.algebra import Dim, Poly
from archcalc.errors import UsageError
from archcalc.graph import Graph, Node
from archcalc.ops import ACTIVATIONS, Shape, size
from archcalc.ops.base import number

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
            gain = sqrt(beside / arriving) if node.op.word == "scale" else sqrt(beside)
            return numpy.float32(gain) * random.uniform(0.9, 1.1, slot.shape).astype(numpy.float32)
        if slot.name.endswith("_norm"):
            return random.uniform(0.9, 1.1, slot.shape).astype(numpy.float32)
        if slot.name == "slope":
            return numpy.full(slot.shape, 0.25, numpy.float32)
        if slot.n in self.bare:
            return self._passing(slot, node, random)
        values = numpy.float32(self._deviation(slot, node, target, arriving, learned)) * random.standard_normal(
            slot.shape, numpy.float32
        )
        if slot.name.endswith(("bias", "shift")):
            values.flat[0] = abs(
                values.flat[0]
            )  # so that a rectifier after it passes something, however few channels there are
        return values

    def _passing(self, slot: Slot, node: Node, random: numpy.random.Generator) -> Array:
        """What arrives, channel by channel, and a share of He's."""
        values = numpy.float32(sqrt(self.fresh / _fan_in(self.graph, node, slot))) * random.standard_normal(
            slot.shape, numpy.float32
        )
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
            return 0.1 if node.op.word == "position" else 1.0
        alone = target if len(learned) == 1 or not any(name.endswith("bias") for name in learned) else target / 2
        return sqrt(alone / (_fan_in(self.graph, node, slot) * arriving))


def _fan_in(graph: Graph, node: Node, slot: Slot) -> float:
    """How many products are summed for an output, on average: fewer where windows reach into the padding."""
    if slot.name != "weight":
        return slot.shape[-1]
    shapes = graph.shapes_into(node)
    macs, outputs = node.op.macs(node.shape, *shapes), size(node.shape)
    if isinstance(macs, Poly) or isinstance(outputs, Poly):
        return prod(slot.shape) / _rough(node.shape[0])
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
        word = graph.nodes[slot.n].op.word
        if slot.name == "mean" or slot.name.endswith(("bias", "shift")) or word in ("position", "token"):
            return numpy.zeros(slot.shape, numpy.float32)
        random = numpy.random.default_rng((seed, zlib.crc32(slot.label.encode())))
        level = 1 / _channels(graph.nodes[slot.n], slot) if slot.name == "weight" and word != "embedding" else 1.0
        level = 1 / slot.shape[-1] if word == "moe" else level
        if slot.name == "variance":
            return numpy.ones(slot.shape, numpy.float32)
        values: Array = numpy.float32(level) * random.uniform(0.5, 1.5, slot.shape).astype(numpy.float32)
        if word == "embedding":
            values[0] = 0
        return values

    return fill


def _channels(node: Node, slot: Slot) -> int:
    """The input channels that an output channel sums over; 1 where a tensor is no matrix."""
    if node.op.word == "conv_transpose":
        return slot.shape[0] // int(getattr(node.op, "groups", 1))
    axis = len(node.shape) if node.op.word == "local" else 1
    return slot.shape[axis] if axis < len(slot.shape) else 1


def constant(name: str, shape: tuple[int, ...]) -> float:
    """One number for a whole tensor, where only the structure is wanted: weights average, nothing is shifted."""
    if name == "mean" or name.endswith(("bias", "shift")):
        return 0.0
    return 1.0 if len(shape) < 2 else 1 / prod(shape[1:])


# ---- estimates -------------------------------------------------------------------------------------------------------


def _is_weighted(node: Node) -> bool:
    """Whether a layer's own numbers set how large its output is."""
    return node.op.is_layer or node.op.word in ("bn", "ln", "gn", "scale")


def _bare(graph: Graph, targets: list[float]) -> frozenset[int]:
    """The layers without bias in a network without normalisation, if there are many; those that are summed with others
    aside.
    """
    if any(node.op.word in ("bn", "ln", "gn") for node in graph.nodes):
        return frozenset()
    words = ("conv", "dwconv", "linear")
    found = [
        n
        for n, node in enumerate(graph.nodes)
        if node.op.word in words and not getattr(node.op, "bias", True) and targets[n] == 1
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
    sums = sum(node.op.word == "add" for node in graph.nodes)
    targets = [1.0] * len(graph.nodes)
    for node in graph.nodes:
        if node.op.word == "add":
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


class _Moments(NamedTuple):
    """The mean of what a layer puts out, and the mean of its square."""

    mean: float
    square: float

    @property
    def variance(self) -> float:
        return max(self.square - self.mean**2, 0.0)


def _moments(graph: Graph, targets: list[float], bare: frozenset[int], fresh: float) -> list[_Moments]:
    """Those of every layer's output, roughly."""
    found: list[_Moments] = []
    for n, node in enumerate(graph.nodes):
        arriving = [found[i] for i in node.inputs]
        if n in bare:
            mean, square = sqrt(1 - fresh) * arriving[0].mean, arriving[0].square
        else:
            mean, square = _through(graph, node, targets[n], arriving)
        found.append(_Moments(mean, min(max(square, 1e-6), 1e6)))
    return found


def _through(graph: Graph, node: Node, target: float, arriving: list[_Moments]) -> _Moments:
    word = node.op.word
    if _is_weighted(node) or not arriving or word == "embedding":
        return _Moments(0.0, target)
    if word in ("add", "sub", "mean"):
        share = 1 / len(arriving) if word == "mean" else 1.0
        mean = share * (
            sum(m.mean for m in arriving) if word != "sub" else arriving[0].mean - sum(m.mean for m in arriving[1:])
        )
        return _Moments(mean, mean**2 + share**2 * sum(m.variance for m in arriving))
    if word == "mul":
        return _Moments(prod(m.mean for m in arriving), prod(m.square for m in arriving))
    if word == "matmul":
        return _Moments(0.0, arriving[0].square * arriving[1].square * _rough(graph.nodes[node.inputs[0]].shape[-1]))
    if word == "concat":
        sizes = [_rough(shape[0]) for shape in graph.shapes_into(node)]
        shares = [size / sum(sizes) for size in sizes]
        return _Moments(
            sum(s * m.mean for s, m in zip(shares, arriving, strict=True)),
            sum(s * m.square for s, m in zip(shares, arriving, strict=True)),
        )
    if word in ACTIVATIONS:
        return _rectified(arriving[0])
    if word == "gap":  # neighbours are alike, so their mean varies by more than that of as many strangers
        mean = arriving[0].mean
        return _Moments(mean, mean**2 + arriving[0].variance / sqrt(prod(map(_rough, graph.shapes_into(node)[0][1:]))))
    return arriving[0]


def _rectified(x: _Moments) -> _Moments:
    """Of max(x, 0) for a normal x."""
    deviation = sqrt(x.variance)
    if deviation < 1e-6 * abs(x.mean):
        return x if x.mean > 0 else _Moments(0.0, 0.0)
    ratio = x.mean / deviation
    below, density = (1 + erf(ratio / sqrt(2))) / 2, exp(-(ratio**2) / 2) / sqrt(2 * pi)
    return _Moments(x.mean * below + deviation * density, x.square * below + x.mean * deviation * density)


def _rough(value: Dim) -> float:
    """A size as a number; one that is free counts as about a hundred."""
    return 96.0 if isinstance(value, Poly) else float(value)
