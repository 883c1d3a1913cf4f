"""The memory of a network as a table asks for it: in bytes, for the batch, in the widths that its numbers have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from archcalc.algebra import Dim, Poly, maximum
from archcalc.graph import Graph, Node, over
from archcalc.memory.alive import Alive, alive, inside
from archcalc.memory.kept import Keeping, Recomputed, Written, kept
from archcalc.memory.training import OPTIMIZERS, PRECISIONS, TRAINING, Parts, Training, widths
from archcalc.ops import size
from archcalc.ops.widths import WHOLE
from archcalc.records import Record


class Held(Record):
    """What a network holds in memory. `width` is the bytes of a number, `train` whether it is training that is asked
    for.
    """

    graph: Graph
    batch: Dim
    width: int
    written: Written
    train: bool = False
    training: Training = TRAINING

    @cached_property
    def alive(self) -> Alive:
        """What is alive while layers run, in units a sample."""
        return alive(self.graph, self._sample) if self.is_mixed else alive(self.graph)

    @cached_property
    def is_mixed(self) -> bool:
        """Whether lines say how wide their numbers are."""
        return any(node.dtype for node in self.graph.nodes)

    @property
    def unit(self) -> int:
        """The bytes of what `alive` counts: of a number, or 1 where numbers differ."""
        return 1 if self.is_mixed else self.width

    def _bytes(self, node: Node) -> int:
        """Of a number that a layer puts out or works on."""
        return WHOLE[node.dtype] if node.dtype else self.width

    def _sample(self, node: Node) -> Dim:
        """The bytes of what a layer puts out, a sample."""
        return size(node.shape) * self._bytes(node)

    @cached_property
    def keeping(self) -> Keeping:
        """What each layer keeps for the backward pass, in bytes; what stands where is for checkpoints alone."""
        found = kept(self.graph, widths(self.training, self.width), self.written, self.train)
        return found._replace(own={}, memories=[]) if self.training.checkpoint == "none" else found

    def measure(self, node: Node) -> Dim:
        """The bytes of what a layer puts out, for the batch."""
        return self._sample(node) * self.batch

    @property
    def peak_bytes(self) -> Dim:
        """The most bytes of activations alive at once."""
        return self.alive.peak * self.batch * self.unit

    @cached_property
    def kept_bytes(self) -> Dim:
        """The bytes that training keeps of a forward pass, with no checkpoints."""
        return _sum(kept.of(self.batch) for kept in self.keeping.layers.values())

    def alive_in(self, layers: Sequence[int]) -> Dim | None:
        """The most bytes alive while one of these layers runs; None where that differs by repeat."""
        if not all(n in self.alive.at for n in layers):
            return None
        return _most(self.alive.at[n] for n in layers) * self.batch * self.unit

    def inside(self, layers: Iterable[int]) -> Dim:
        """The most bytes that one of these layers works on beside its inputs and its output."""
        return self._inside(layers, self.width)

    def _inside(self, layers: Iterable[int], width: int) -> Dim:
        nodes = [self.graph.nodes[n] for n in layers]
        return (
            _most(inside(self.graph, node) * (WHOLE[node.dtype] if node.dtype else width) for node in nodes)
            * self.batch
        )

    def kept_of(self, layers: Iterable[int]) -> Dim:
        """The bytes that these layers keep for the backward pass."""
        return _sum(self.keeping.layers[n].of(self.batch) for n in layers)

    # ---- training ----------------------------------------------------------------------------------------------------

    @cached_property
    def recomputed(self) -> Recomputed:
        """What is kept, and what is computed again, with the checkpoints that are asked for."""
        if self.training.checkpoint == "none":
            return Recomputed(self.kept_bytes, frozenset())
        from archcalc.memory.checkpoint import recomputed

        return recomputed(self.graph, self.keeping, self.batch, self.training.checkpoint)

    @cached_property
    def parts(self) -> Parts:
        """Bytes of training by part. Raises Undecided where a free size decides."""
        chosen, state = PRECISIONS[self.training.precision], OPTIMIZERS[self.training.optimizer].state
        learned = [node for node in self._owners() if not node.frozen]
        trainable = _sum(self._over(node, _sum(map(size, self._weights(node))) - node.fixed) for node in learned)
        numbers = _sum(self._over(node, size(shape)) for node in self._owners() for shape in self._weights(node))
        buffers = _sum(
            self._over(node, size(shape))
            for node in self._owners()
            for shape in node.op.buffers(*self.graph.shapes_into(node)).values()
        )
        parts: Parts = {
            "weights": numbers * (chosen.weights or self.width) + buffers * self.width,
            "gradients": trainable * (chosen.gradients or self.width),
            "optimizer": _sum(
                self._over(
                    node,
                    _sum(state(shape, chosen.state) for shape in self._weights(node))
                    - _sum(state(shape, chosen.state) for shape in node.still),
                )
                for node in learned
            ),
            "master": trainable * chosen.master,
            "kept": self.recomputed.kept,
            "inside": self._inside(self.graph.layers(), widths(self.training, self.width).computed),
            "total": 0,
        }
        parts["total"] = _sum(value for name, value in parts.items() if name != "total")  # type: ignore[misc]
        return parts

    def _owners(self) -> list[Node]:
        """The layers whose weights are their own."""
        return [node for node in self.graph.nodes if node.share is None]

    def _weights(self, node: Node) -> Iterable[tuple[Dim, ...]]:
        return node.op.weights(*self.graph.shapes_into(node)).values()

    @staticmethod
    def _over(node: Node, value: Dim) -> Dim:
        total: Dim = over(node.ranges, value)
        return total


def _most(values: Iterable[Dim]) -> Dim:
    """The largest of these, and at least 0."""
    found = list(dict.fromkeys(values))
    return _dim(maximum(0, *found)) if any(isinstance(value, Poly) for value in found) else max([0, *map(_int, found)])


def _sum(values: Iterable[Dim]) -> Dim:
    total: Dim = 0
    for value in values:
        total = total + value
    return total


def _dim(value: object) -> Dim:
    assert isinstance(value, (int, Poly))
    return value


def _int(value: Dim) -> int:
    assert isinstance(value, int)
    return value


__all__ = ["Held"]
