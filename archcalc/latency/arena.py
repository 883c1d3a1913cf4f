"""How much memory a run takes besides the weights: the block in which onnxruntime lays out what its kernels put out,
the network's outputs, and the room that the hungriest kernel works in.

Other than `memory`, which counts what any implementation needs, this follows the runtime: blocks of channels are filled
up, maps are turned over into copies, and places that are needed again later are kept in between (`placing`).
"""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.algebra import Dim
from archcalc.errors import UsageError
from archcalc.graph import Graph, Input
from archcalc.latency.kernels import Kernel, kernels
from archcalc.latency.nodes import FUSED, Made, Nodes
from archcalc.latency.placing import Step, block_bytes, ordered, places
from archcalc.ops import Shape, size
from archcalc.ops.base import Runs
from archcalc.ops.convolution import Conv, ConvTranspose, DepthwiseConv, Local
from archcalc.ops.emit import Tensor
from archcalc.ops.merge import Add

TURNED_IN, TURNED_OUT = 2, 3  # how late nodes in blocks, and those that undo these, are made
SEGMENT = 128 * 128  # numbers that a convolution gathers at once


def arena_bytes(graph: Graph, block: int, batch: int, width: int, known: Sequence[Kernel] | None = None) -> int:
    """The most bytes of activations and working room at once; inputs are the caller's, and so are the kernels where
    they are `known` already. Raises UsageError while sizes are free.
    """
    if graph.loops:
        raise UsageError("the memory of a run is known for numbers only")
    arena = _Arena(graph, block)
    arena.run(kernels(graph, block) if known is None else known)
    sizes = {tensor: _count(shape) * batch * width for tensor, shape in enumerate(arena.nodes.tensors)}
    shown = {arena.values[n, False].tensor for n in graph.outputs} - {None}
    inputs = {
        made.tensor
        for (n, blocked), made in arena.values.items()
        if isinstance(graph.nodes[n].op, Input) and not blocked
    } - {None}
    outside = {tensor for tensor in (*shown, *inputs) if tensor is not None}
    steps = ordered(arena.nodes.steps)
    found = places(steps, arena.nodes.tensors, outside)
    within = {tensor: 0 if tensor in outside else bytes_ for tensor, bytes_ in sizes.items()}
    given = sum(sizes[tensor] for tensor in shown - inputs if tensor is not None)
    return block_bytes(steps, found, within) + given + arena.room * batch * width


class _Arena:
    """Runs the kernels in order. `values` has what each layer puts out, plain and in blocks of channels."""

    def __init__(self, graph: Graph, block: int) -> None:
        self.graph, self.block = graph, block
        self.nodes = Nodes()
        self.values: dict[tuple[int, bool], Made] = {}
        self.room = self.largest = 0

    def run(self, known: Sequence[Kernel]) -> None:
        """All kernels, and in between what they leave out: layers that only show another's numbers."""
        self.after = 0
        for kernel in known:
            if kernel.part:
                continue
            if kernel.turns is not None:
                self._show(kernel.turns + 1)
                self._turn(kernel.turns, kernel.in_blocks)
                continue
            self._show(kernel.node)
            self._work(self._room(kernel))
            made = self._blocked(kernel) if kernel.in_blocks else self._written(kernel.node)
            if kernel.takes and not kernel.in_blocks:
                self.nodes.fuse()
            for n in (kernel.node, *kernel.takes):
                self.values[n, kernel.in_blocks and len(self.graph.nodes[kernel.node].shape) == 3] = made
            if kernel.in_blocks and len(self.graph.nodes[kernel.node].shape) != 3:
                self.values[kernel.node, True] = made
        self._show(len(self.graph.nodes))
        for n in self.graph.outputs:
            self.values.setdefault((n, False), self._value(n, False))

    def _work(self, room: int) -> None:
        """Numbers that a kernel works on for itself, a sample: what no room that was there before can hold is new."""
        if room > self.largest:
            self.room, self.largest = self.room + room, room

    def _show(self, stop: int) -> None:
        """Layers before `stop` that have no kernel."""
        for n in range(self.after, stop):
            node = self.graph.nodes[n]
            if (n, False) in self.values or (n, True) in self.values:
                continue
            if isinstance(node.op, Input) or not node.inputs:
                shape = (1, *map(_int, node.shape))
                self.values[n, False] = Made(shape, self.nodes.new(shape))
            elif node.op.is_identity:
                for in_blocks in (False, True):
                    if (node.inputs[0], in_blocks) in self.values:
                        self.values[n, in_blocks] = self.values[node.inputs[0], in_blocks]
            elif node.op.is_view:
                self.values[n, False] = self._written(n)
        self.after = max(self.after, stop)

    def _value(self, n: int, in_blocks: bool) -> Made:
        """What a layer puts out, in the layout that is wanted, if it is there in it."""
        found = self.values.get((n, in_blocks))
        return self.values[n, not in_blocks] if found is None else found

    def _turn(self, n: int, in_blocks: bool) -> None:
        source = self._value(n, not in_blocks)
        made = self.nodes.step(
            "", self._shape(n, in_blocks), [self._there(source)], TURNED_IN if in_blocks else TURNED_OUT
        )
        self.values[n, in_blocks] = made

    def _there(self, made: Made) -> Made:
        """A kernel that turns maps over reads them in either order of axes."""
        return self.nodes.values[made.of] if made.order else made

    def _blocked(self, kernel: Kernel) -> Made:
        """A kernel on blocks of channels: the sum that a convolution takes with it is written over."""
        inside = {kernel.node, *kernel.takes}
        node = self.graph.nodes[kernel.node]
        reads = [self.nodes.read(self.nodes.named(self._value(n, True))) for n in node.inputs]
        over: tuple[int, ...] = ()
        for taken in kernel.takes:
            for n in self.graph.nodes[taken].inputs:
                if n not in inside and isinstance(self.graph.nodes[taken].op, Add):
                    reads.append(self._value(n, True))
                    over = tuple(tensor for tensor in [reads[-1].tensor] if tensor is not None)
        output = self.nodes.new(self._shape(kernel.node, True))
        late = TURNED_IN if node.op.is_layer or node.op.is_pooling else FUSED if Runs.AS_ONE in node.op.runs else 0
        self.nodes.steps.append(Step(tuple(r.tensor for r in reads if r.tensor is not None), output, over, None, late))
        return Made(self._shape(kernel.node, True), output)

    def _written(self, n: int) -> Made:
        """A layer as the nodes that it writes."""
        node = self.graph.nodes[n]
        shapes = self.graph.shapes_into(node)
        self.nodes.learned = node.op.weights(*shapes) | node.op.buffers(*shapes)
        given = [
            Tensor(self.nodes.named(self._value(source, False)), self.graph.nodes[source].shape)
            for source in node.inputs
        ]
        value = node.op.emit(self.nodes, *given)
        made = self.nodes.values[value.name if isinstance(value, Tensor) else value]
        shape = (1, *map(_int, node.shape))
        if made.tensor is not None and not made.order and made.shape != shape:
            self.nodes.tensors[made.tensor] = shape
            made = made._replace(shape=shape)
        return made

    def _shape(self, n: int, in_blocks: bool) -> tuple[int, ...]:
        channels, *places = map(_int, self.graph.nodes[n].shape)
        return (1, -(-channels // self.block) * self.block if in_blocks else channels, *places)

    def _room(self, kernel: Kernel) -> int:
        """What a kernel needs for itself: the columns of a convolution without blocks, or of a transposed one."""
        node = self.graph.nodes[kernel.node]
        op, shapes = node.op, self.graph.shapes_into(node)
        if isinstance(op, Local):  # its input, gathered into windows and turned
            return 2 * _count(op.weights(shapes[0])["weight"]) // _int(op.out)
        if isinstance(op, (Conv, DepthwiseConv)) and not kernel.in_blocks and self.block > 1:
            return _columns(op.weights(shapes[0])["weight"], _groups(op, shapes[0]), node.shape)
        if isinstance(op, ConvTranspose):
            weight = op.weights(shapes[0])["weight"]
            return _int(node.shape[0]) // _int(op.groups) * _count((*weight[2:], *shapes[0][1:]))
        return 0


def _groups(op: Conv | DepthwiseConv, shape: Shape) -> int:
    return _int(shape[0] if isinstance(op, DepthwiseConv) else op.groups)


def _columns(weight: Shape, groups: int, output: Shape) -> int:
    """All windows of a map, where that has fewer places than there are filters; else they are gathered bit by bit."""
    if _count(weight[2:]) == 1:
        return 0
    places = _count(output[1:])
    return _count((*weight[1:], places)) if _int(weight[0]) // groups > places else SEGMENT


def _int(value: Dim | object) -> int:
    if not isinstance(value, int):
        raise UsageError(f"the memory of a run is known for numbers only, and `{value}` is free")
    return value


def _count(shape: Shape) -> int:
    return _int(size(shape))


__all__ = ["arena_bytes"]
