"""How much memory a run takes besides the weights: what is alive while each kernel runs, and the room that it works in.

Other than `memory`, which counts what any implementation needs, this follows the runtime: sums that a convolution takes
with it are written over, activations that it doesn't take are mostly not, blocks of channels are filled up, and maps
are turned over into copies.
"""

from __future__ import annotations

from typing import TypeAlias

from archcalc.errors import UsageError
from archcalc.graph import Graph, Input
from archcalc.latency.kernels import Kernel, kernels
from archcalc.ops import Shape, size
from archcalc.ops.attention import Attention
from archcalc.ops.base import Runs
from archcalc.ops.convolution import Conv, ConvTranspose, DepthwiseConv, Local
from archcalc.ops.merge import Add

Tensor: TypeAlias = tuple[int, bool]  # the layer that put it out, and whether it is in blocks


def arena_bytes(graph: Graph, block: int, batch: int, width: int) -> int:
    """The most bytes of activations and working room at once; inputs are the caller's. Raises UsageError while sizes
    are free.
    """
    return _Arena(graph, block).peak() * batch * width


class _Arena:
    """Runs the kernels in order, with the tensors that each takes and gives back."""

    def __init__(self, graph: Graph, block: int) -> None:
        if graph.loops:
            raise UsageError("the memory of a run is known for numbers only")
        self.graph, self.block = graph, block
        self.kernels = kernels(graph, block)
        self.blocked: dict[int, bool] = {}
        for kernel in self.kernels:
            if kernel.turns is None:
                self.blocked[self._output(kernel)] = kernel.in_blocks and len(graph.nodes[kernel.node].shape) == 3
        self.last: dict[Tensor, int] = {}
        for step, kernel in enumerate(self.kernels):
            for tensor in self._reads(kernel):
                self.last[tensor] = step
        for n in graph.outputs:
            self.last[self._source(n, False)] = len(self.kernels)

    def peak(self) -> int:
        """Elements, a sample."""
        alive: dict[Tensor, int] = {}
        most = 0
        for step, kernel in enumerate(self.kernels):
            output = (
                (kernel.turns, kernel.in_blocks)
                if kernel.turns is not None
                else (self._output(kernel), kernel.in_blocks)
            )
            reads = self._reads(kernel)
            over = next(
                (
                    tensor
                    for tensor in self._overwritten(kernel, reads)
                    if self.last.get(tensor) == step and tensor in alive
                ),
                None,
            )
            if over is not None:
                del alive[over]
            alive[output] = self._elements(output[0], output[1])
            most = max(most, sum(alive.values()) + self._room(kernel))
            for tensor in {*reads, output}:
                if self.last.get(tensor, step) <= step:
                    alive.pop(tensor, None)
        return most

    def _output(self, kernel: Kernel) -> int:
        return kernel.takes[-1] if kernel.takes else kernel.node

    def _source(self, n: int, in_blocks: bool) -> Tensor:
        """The tensor that a layer shows, in the layout it is wanted in: a view shows another's."""
        while self.graph.nodes[n].op.is_view and self.graph.nodes[n].inputs:
            if not self.graph.nodes[n].op.is_identity:
                in_blocks = False
            (n,) = self.graph.nodes[n].inputs
        return n, in_blocks

    def _reads(self, kernel: Kernel) -> list[Tensor]:
        """The tensors that a kernel reads, those of the sum that it takes with it last."""
        if kernel.turns is not None:
            return [(self._source(kernel.turns, False)[0], not kernel.in_blocks)]
        inside = {kernel.node, *kernel.takes}
        found = [self._source(n, kernel.in_blocks) for n in self.graph.nodes[kernel.node].inputs]
        found += [
            self._source(n, kernel.in_blocks)
            for taken in kernel.takes
            for n in self.graph.nodes[taken].inputs
            if n not in inside
        ]
        return [
            (n, in_blocks and self.blocked.get(n, True)) if kernel.kind == "conv_stem" else (n, in_blocks)
            for n, in_blocks in found
        ]

    def _overwritten(self, kernel: Kernel, reads: list[Tensor]) -> list[Tensor]:
        """The tensors in whose place the output may be written, if nothing needs them later."""
        if any(isinstance(self.graph.nodes[taken].op, Add) for taken in kernel.takes):
            return reads[-1:]
        node = self.graph.nodes[kernel.node]
        return (
            [tensor for tensor in reads if self.graph.nodes[tensor[0]].shape == node.shape]
            if Runs.OVERWRITES in node.op.runs
            else []
        )

    def _elements(self, n: int, in_blocks: bool) -> int:
        node = self.graph.nodes[n]
        if isinstance(node.op, Input):
            return 0 if not in_blocks else _count((-(-_int(node.shape[0]) // self.block) * self.block, *node.shape[1:]))
        return _count(
            (-(-_int(node.shape[0]) // self.block) * self.block, *node.shape[1:]) if in_blocks else node.shape
        )

    def _room(self, kernel: Kernel) -> int:
        """What a kernel needs for itself: the columns of a convolution without blocks, the products inside of an
        attention.
        """
        node = self.graph.nodes[kernel.node]
        op, shapes = node.op, self.graph.shapes_into(node)
        if kernel.turns is not None:
            return 0
        if isinstance(op, Local):  # its input, gathered into windows and turned
            return 2 * _count(op.weights(shapes[0])["weight"]) // _int(op.out)
        if isinstance(op, (Conv, DepthwiseConv)) and not kernel.in_blocks and self.block > 1:
            weight = op.weights(shapes[0])["weight"]
            return 0 if _count(weight[2:]) == 1 else _count((*weight[1:], *node.shape[1:]))
        if isinstance(op, ConvTranspose):
            weight = op.weights(shapes[0])["weight"]
            return _count((*weight[1:], *shapes[0][1:]))
        if isinstance(op, Attention):
            return _attending(op, shapes)
        return 0


def _attending(op: Attention, shapes: tuple[Shape, ...]) -> int:
    """The scores and their weights, the projections; where the input is cut into windows that too, and twice more where
    these are shifted; queries by their lengths.
    """
    found = op.parts(*shapes)
    copies = bool(op.blocks) + 2 * (bool(op.blocks) and any(op.moved(shapes[0]))) + bool(op.cosine)
    return _int(2 * found["scores"] + found["projected"] + copies * found["mixed"])


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise UsageError(f"the memory of a run is known for numbers only, and `{value}` is free")
    return value


def _count(shape: Shape) -> int:
    return _int(size(shape))


__all__ = ["arena_bytes"]
