"""What a kernel has to do, as counts that a device's profile puts a price on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from archcalc.algebra import Dim, Number, Poly, maximum
from archcalc.ops import Shape, size
from archcalc.ops.base import Op
from archcalc.ops.convolution import Conv, DepthwiseConv
from archcalc.ops.dense import Embedding
from archcalc.ops.reshaping import Slice
from archcalc.tuples import NamedTuple

Axis: TypeAlias = tuple[Dim, Dim, int, int]  # size, kernel, stride, dilation
Pad: TypeAlias = tuple[Dim, Dim]  # before, after

AT_HAND = 1 << 19  # elements that a kernel moves without going beyond the caches next to a core
SET = 4  # blocks of filters that one pass over the input serves


class Work(NamedTuple):
    """Counts of one kernel over the batch, in elements; each may be a closed form.

    `macs`: multiply-accumulates with channels filled up to whole blocks, without the taps that lie in the padding; for
    what contracts nothing, its other operations. `loads`: the MACs of one filter in each set of filters that share a
    pass over the input. `edges`: the MACs of output columns whose window reaches into the padding. `activated`:
    elements that go through an activation dearer than relu. `rereads`: weights of a recurrence, which every step reads
    anew. `steps`: what one kernel does one after the other: the steps of a recurrence, the heads of an attention, the
    channels that are moved one by one.
    """

    macs: Dim = 0
    loads: Dim = 0
    edges: Dim = 0
    weights: Dim = 0
    inputs: Dim = 0
    outputs: Dim = 0
    activated: Dim = 0
    rereads: Dim = 0
    steps: Dim = 0
    first: Dim = 0

    def far(self, usual: Callable[[Dim], Number]) -> Dim:
        """Activations beyond those that are kept near, where that is so at the sizes of `usual`."""
        moved = self.inputs + self.outputs
        return moved - AT_HAND if usual(moved) > AT_HAND else 0

    def scaled(self, batch: Dim) -> Work:
        """Of a batch: weights are read once, and a recurrence takes its steps with all samples together."""
        if isinstance(batch, int) and batch == 1:
            return self
        once = ("weights", "rereads", "first", *(("steps",) if self.rereads != 0 else ()))
        return Work(*(count if name in once else count * batch for name, count in zip(self._fields, self, strict=True)))


def counted(op: Op, output: Shape, inputs: tuple[Shape, ...]) -> Work:
    """What any operator does, a sample. What is looked up or cut out is read, and nothing beside it."""
    macs, weights = op.macs(output, *inputs), size(output) if isinstance(op, Embedding) else _weights(op, inputs)
    read: Dim = size(output) if isinstance(op, Slice) else 0
    for shape in () if isinstance(op, Slice) else inputs:
        read = read + size(shape)
    return Work(
        macs=macs if macs != 0 else op.elementwise(output, *inputs), weights=weights, inputs=read, outputs=size(output)
    )


def convolved(
    op: Conv | DepthwiseConv, output: Shape, x: Shape, block: int, fill_input: bool, usual: Callable[[Dim], int]
) -> Work:
    """What a convolution in blocks of channels does, a sample; `usual` are the sizes at which taps in the padding are
    counted.
    """
    learned, axes, padding = op.weights(x), op.axes(x), op.padding(x)
    weight = learned["weight"]
    into: Dim = filled(weight[1], block) if fill_input else weight[1]
    out = filled(output[0], block)
    *rows, columns = _met(output, axes, padding, usual)
    edges = _edges(output[-1], axes[-1][2], padding[-1], usual)
    inner = (output[-1] - edges) * weight[-1]  # columns whose window lies inside of the map
    of_rows = size(rows)
    met = into * of_rows * columns
    sets: Dim = 0 if isinstance(op, DepthwiseConv) else op.groups * -(-(out // op.groups) // (SET * block))
    return Work(
        macs=out * met,
        loads=sets * met,
        edges=out * into * of_rows * (columns - inner),
        weights=sum(map(size, (*learned.values(), *op.buffers(x).values())), 0),
        inputs=size(x),
        outputs=size(output),
    )


def least_macs(op: Conv | DepthwiseConv, output: Shape, x: Shape) -> Number:
    """The MACs that no run of a convolution does without, a sample: taps of a dilated one that lie in the padding add
    nothing, and on a small map they are most.
    """
    found: Number = output[0] * op.weights(x)["weight"][1]
    for outputs, axis, padding in zip(output[1:], op.axes(x), op.padding(x), strict=True):
        found = found * _reached(outputs, axis, padding)
    return found


def _reached(outputs: Dim, axis: Axis, padding: Pad) -> Number:
    """Of one axis the pairs of an output and a tap that lies inside of the map; all pairs where it isn't dilated."""
    dim, kernel, stride, dilation = axis
    before, after = padding
    if dilation == 1 or stride != 1 or isinstance(kernel, Poly) or isinstance(before, Poly) or isinstance(after, Poly):
        return outputs * kernel
    beyond = before + after - (kernel - 1) * dilation  # outputs less inputs
    pairs: Number = 0
    for at in range(-before, kernel * dilation - before, dilation):
        pairs += maximum(0, (dim - at if beyond + at > 0 else outputs) - max(0, -at))
    return pairs


def _met(output: Shape, axes: Sequence[Axis], padding: Sequence[Pad], usual: Callable[[Dim], int]) -> Shape:
    """Of each axis the pairs of an output and a tap that lies inside of the map: the runtime skips the others."""
    found = []
    for outputs, (dim, kernel, stride, dilation), (before, _) in zip(output[1:], axes, padding, strict=True):
        if kernel == 1 and before == 0 and stride == 1 and outputs == dim:  # one tap, which lies inside everywhere
            found.append(outputs)
            continue
        many, side = usual(outputs), usual(dim)
        starts = [tap * dilation - usual(before) for tap in range(usual(kernel))]
        inside = sum(max(0, min(many, -(-(side - at) // stride)) - max(0, -(at // stride))) for at in starts)
        found.append(outputs * kernel - (many * len(starts) - inside))
    return tuple(found)


def _edges(columns: Dim, stride: int, padding: Pad, usual: Callable[[Dim], int]) -> Dim:
    """Columns of the output whose window reaches into the padding, at most; few enough to be a number."""
    before, after = padding
    reached = -(-before // stride) + after // stride
    return columns if usual(reached) > usual(columns) else reached


def _weights(op: Op, inputs: tuple[Shape, ...]) -> Dim:
    return sum(map(size, (*op.weights(*inputs).values(), *op.buffers(*inputs).values())), 0)


def filled(channels: Dim, block: int) -> Dim:
    """Channels filled up to whole blocks."""
    return (channels + block - 1) // block * block


__all__ = ["Work", "convolved", "counted", "filled", "least_macs"]
