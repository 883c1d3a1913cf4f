"""Normalisations without a mean: by a root mean square, by a length, by the other channels' responses."""

from collections.abc import Sequence

from archcalc.algebra import Dim
from archcalc.ops.base import SINGLE, Own, Plain, Reach, Saved, Shape, Windows, need_rank, size
from archcalc.ops.emit import Builder, Tensor, Value, by_channel
from archcalc.ops.kinds import End, Flag


class _Rescaled(Plain):
    """What is divided by something of its own, position by position or channel by channel."""

    in_place = False
    autocast = "single"

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.PASS


class RMSNorm(_Rescaled):
    """Division by the root mean square of the channels at each position, and a learned scale a channel
    (arXiv:1910.07467); with `axis=-1` the channels are the last axis.
    """

    word = "rmsnorm"
    short = "rms"
    is_normalization = True

    scale: Flag = True
    axis: End = 0

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        (x,) = inputs
        return {"scale": x[-1:] if self.axis else x[:1]} if self.scale else {}

    def _positions(self, output: Shape) -> Dim:
        return size(output[:-1] if self.axis else output[1:])

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """Square, sum, division, then the scale; a division and a root a position."""
        return (3 + self.scale) * size(output) + 2 * self._positions(output)

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """The input, the inverse root of each position, and what the scale is multiplied by, where it learns; a GPU's
        kernel under mixed precision works that out again.
        """
        roots = Own("inverse roots", self._positions(output), SINGLE)
        normal = (Own("the normalised input", size(output), SINGLE, autocast=-1),) if dw and self.scale else ()
        return Saved(inputs=(0,), own=(roots, *normal))

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.MIXED if self.axis and len(inputs[0]) > 1 else Reach.PASS

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        axis = x.rank - 1 if self.axis else 1
        mean = builder.node("ReduceMean", builder.node("Mul", x, x), builder.ints((axis,)), keepdims=1)
        root = builder.node("Sqrt", builder.node("Add", mean, builder.real(1e-6)))
        normal = builder.node("Div", x, root)
        if not self.scale:
            return normal
        scale = builder.weight("scale") if self.axis else by_channel(builder, "scale", x.rank)
        return builder.node("Mul", normal, scale)


class L2Norm(_Rescaled):
    """Division by the length of the channels' vector at each position."""

    word = "l2norm"

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {}

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """Square, sum, division; a root and a comparison with what is too small a position."""
        return 3 * size(output) + 2 * size(output[1:])

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """The input, and the lengths before and after they are kept from zero."""
        return Saved(inputs=(0,), own=(Own("lengths", 2 * size(output[1:])),))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        length = length_along(builder, x, (1,))
        return builder.node("Div", x, builder.node("Max", length, builder.real(1e-12)))


class GlobalResponseNorm(_Rescaled):
    """Global response normalisation of ConvNeXt V2 (arXiv:2301.00808): each channel's map by its length, over the mean
    length of all channels, with a learned scale and shift, and added to itself.
    """

    word = "grn"
    reads_map = True

    def shape(self, *inputs: Shape) -> Shape:
        need_rank(self.word, inputs[0], 2, 4)
        return inputs[0]

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"scale": inputs[0][:1], "shift": inputs[0][:1]}

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """Square and sum; three operations a channel; three products and sums and the input an element."""
        return 6 * size(output) + 3 * output[0]

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """The input, each channel's length and response and their mean, and what the scale is multiplied by."""
        lengths = Own("lengths, responses and their mean", 2 * output[0] + 1)
        return Saved(inputs=(0,), own=(lengths, *((Own("the responses' map", size(output)),) if dw else ())))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        length = length_along(builder, x, range(2, x.rank))
        mean = builder.node("ReduceMean", length, builder.ints((1,)), keepdims=1)
        response = builder.node("Div", length, builder.node("Add", mean, builder.real(1e-6)))
        scaled = builder.node("Mul", builder.node("Mul", x, response), by_channel(builder, "scale", x.rank))
        return builder.node("Add", builder.node("Add", scaled, by_channel(builder, "shift", x.rank)), x)


def length_along(builder: Builder, x: Value, axes: Sequence[int]) -> Value:
    """The root of the sum of squares over some axes."""
    return builder.node("Sqrt", builder.node("ReduceSum", builder.node("Mul", x, x), builder.ints(axes), keepdims=1))
