"""Normalisations, and the learned scales and tokens that go with them."""

from collections.abc import Sequence

from archcalc.algebra import Dim, divides
from archcalc.errors import ShapeError
from archcalc.ops.base import (
    NOTHING,
    SINGLE,
    Free,
    Hides,
    Own,
    Plain,
    Reach,
    Runs,
    Saved,
    Shape,
    Windows,
    need_rank,
    number,
    size,
)
from archcalc.ops.emit import Builder, Tensor, Value, by_channel
from archcalc.ops.fresh import Level
from archcalc.ops.kinds import Count, End, Flag
from archcalc.untyped import Attribute


class _Affine(Plain):
    """One learned `scale` and `shift` a channel, each of which can be turned off."""

    in_place = True

    scale: Flag = True
    shift: Flag = True

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        channels = self._vector(inputs[0])
        return ({"scale": channels} if self.scale else {}) | ({"shift": channels} if self.shift else {})

    def _vector(self, x: Shape) -> Shape:
        """The shape of the scale: the channels."""
        return x[:1]

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.PASS

    @property
    def kinds(self) -> tuple[str, ...]:
        plain = self.is_normalization and not self.scale and not self.shift
        return (f"{self.word}_plain", self.word) if plain else (self.word,)

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """The input, and the mean and the deviation of whatever is normalised together."""
        return Saved(inputs=(0,), own=(Own("statistics", 2 * self._together(output), SINGLE),))

    def _together(self, output: Shape) -> Dim:
        """How many stretches of a sample are normalised, each by statistics of its own."""
        return size(output[1:])

    def _learned(self, output: Shape) -> Dim:
        """Operations of the scale and the shift."""
        return (self.scale + self.shift) * size(output)

    def _vectors(self, builder: Builder, x: Tensor) -> tuple[str, str]:
        """The scale and the shift, or the ones and zeros that stand for what is turned off."""
        channels = number(self._vector(x.shape)[0])
        scale = builder.weight("scale") if self.scale else builder.reals([1.0] * channels)
        return scale, builder.weight("shift") if self.shift else builder.reals([0.0] * channels)

    def _scaled(self, builder: Builder, value: Value, rank: int) -> Value:
        """A value of `rank` axes, scaled and shifted by channel."""
        if self.scale:
            value = builder.node("Mul", value, by_channel(builder, "scale", rank))
        return builder.node("Add", value, by_channel(builder, "shift", rank)) if self.shift else value


class BatchNorm(_Affine):
    """Batch normalisation. At inference one multiplication and one addition an element. Buffers: running mean and
    variance.
    """

    word = "bn"
    level = Level.NORMAL
    is_normalization = True
    runs = Runs.IN_BLOCKS

    def buffers(self, *inputs: Shape) -> dict[str, Shape]:
        return {"mean": inputs[0][:1], "variance": inputs[0][:1]}

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """The input, and the mean and the deviation of each channel over the batch."""
        return Saved(inputs=(0,), own=(Own("statistics", 2 * output[0], SINGLE, once=True),))

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 2 * size(output)

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        return builder.node(
            "BatchNormalization", x, *self._vectors(builder, x), builder.weight("mean"), builder.weight("variance")
        )


class LayerNorm(_Affine):
    """Layer normalisation over the channels at each position; with `axis=-1` the channels are the last axis."""

    word = "ln"
    level = Level.NORMAL
    hides = Hides.ALONE
    is_normalization = True
    in_place = False
    autocast = "single"

    axis: End = 0

    def _vector(self, x: Shape) -> Shape:
        return x[-1:] if self.axis else x[:1]

    def _together(self, output: Shape) -> Dim:
        return size(output[:-1] if self.axis else output[1:])

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """Sum, difference, square, sum, division, then the scale and shift; two operations a position."""
        return 5 * size(output) + 2 * size(output[:-1] if self.axis else output[1:]) + self._learned(output)

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.MIXED if self.axis and len(inputs[0]) > 1 else Reach.PASS

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        """ONNX normalises the last axes, so the channels go there and come back."""
        (x,) = tensors
        there = x.rank == 2 or self.axis == -1
        last = x if there else builder.node("Transpose", x, perm=[0, *range(2, x.rank), 1])
        normal = builder.node("LayerNormalization", last, *self._vectors(builder, x), axis=-1, epsilon=1e-6)
        return normal if there else builder.node("Transpose", normal, perm=[0, x.rank - 1, *range(1, x.rank - 1)])


class GroupNorm(_Affine):
    """Group normalisation: mean and variance of each of `groups` groups of channels, over all positions."""

    word = "gn"
    level = Level.NORMAL
    reads_map = True
    is_normalization = True
    positional = ("groups",)
    in_place = False
    autocast = "single"

    groups: Count = 32

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 1, 4)
        if not divides(self.groups, x[0]):
            raise ShapeError(f"gn: groups={self.groups} does not divide {x[0]} channels")
        return x

    def _together(self, output: Shape) -> Dim:
        return self.groups

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 5 * size(output) + 2 * self.groups + self._learned(output)

    def windows(self, *inputs: Shape) -> Windows:
        """The statistics read the whole map, but only to scale it; they are left out, as for a batch's."""
        return Reach.PASS

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        """Each group is an instance of its own, without scale and shift."""
        (x,) = tensors
        groups = builder.reshaped(x, self.groups, size(x.shape) // self.groups)
        normal = builder.node(
            "InstanceNormalization", groups, builder.reals([1.0] * self.groups), builder.reals([0.0] * self.groups)
        )
        return self._scaled(builder, builder.reshaped(normal, *x.shape), x.rank)


class InstanceNorm(_Affine):
    """Instance normalisation: mean and variance of each channel's map (arXiv:1607.08022)."""

    word = "instancenorm"
    short = "in"
    reads_map = True
    is_normalization = True
    in_place = False

    def shape(self, *inputs: Shape) -> Shape:
        need_rank(self.word, inputs[0], 2, 4, "1 for the channels and 1 to 3 spatial")
        return inputs[0]

    def _together(self, output: Shape) -> Dim:
        return output[0]

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 5 * size(output) + 2 * output[0] + self._learned(output)

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """The input, the statistics, and the scale, which is repeated for each sample."""
        repeated = (Own("the scale, repeated", output[0], SINGLE),) if self.scale else ()
        return Saved(inputs=(0,), own=(Own("statistics", 2 * output[0], SINGLE), *repeated))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        return builder.node("InstanceNormalization", x, *self._vectors(builder, x))


class LocalResponseNorm(Free):
    """Local response normalisation over `size` neighbouring channels (AlexNet, section 3.3)."""

    word = "lrn"
    is_normalization = True
    positional = ("size",)
    autocast = "wide"

    size: Count = 5

    def shape(self, *inputs: Shape) -> Shape:
        need_rank(self.word, inputs[0], 2, 4)
        return inputs[0]

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """A square an element, the sum of the neighbours, then scale, offset, power and division."""
        return (self.size + 4) * size(output)

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """The input, the squares with as many channels of padding as the window overlaps, the scaled mean of them, and
        its power.
        """
        padded = (output[0] + self.size - 1) * size(output[1:])
        scales = Own("the scaled mean and its power", 2 * size(output), autocast=SINGLE)
        return Saved(inputs=(0,), own=(Own("squares", padded), scales))

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.PASS

    def _even(self, builder: Builder, x: Value) -> Value:
        """An even number of neighbours: the odd one comes after, as ONNX has it."""
        squares = builder.node("Transpose", builder.node("Mul", x, x), perm=[0, 2, 1, 3])
        before = (self.size - 1) // 2
        pool: dict[str, Attribute] = {
            "kernel_shape": [self.size, 1],
            "strides": [1, 1],
            "pads": [before, 0, self.size - 1 - before, 0],
            "count_include_pad": 1,
        }
        mean = builder.node("Transpose", builder.node("AveragePool", squares, **pool), perm=[0, 2, 1, 3])
        offset = builder.node("Add", builder.node("Mul", mean, builder.real(1e-4)), builder.real(1))
        return builder.node("Div", x, builder.node("Pow", offset, builder.real(0.75)))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        """alpha 1e-4 (of the mean of the squares), beta 3/4 and bias 1 are Caffe's and ONNX's. Runtimes take maps of
        two axes and odd sizes.
        """
        (x,) = tensors
        flat = x if x.rank == 4 else builder.reshaped(x, x.shape[0], size(x.shape[1:]), 1)
        normal = builder.node("LRN", flat, size=self.size) if self.size % 2 else self._even(builder, flat)
        return normal if x.rank == 4 else builder.reshaped(normal, *x.shape)


class Scale(_Affine):
    """A learned scale a channel (LayerScale), with a learned shift if asked for."""

    word = "scale"
    level = Level.LEARNED
    autocast = "wide"

    shift: Flag = False

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """What the learned scale is multiplied by, where it learns."""
        return Saved(inputs=(0,)) if dw and self.scale else NOTHING

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return self._learned(output)

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        return self._scaled(builder, x, x.rank)
