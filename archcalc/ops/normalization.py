"""Normalisations, and the learned scales and tokens that go with them."""

from archcalc.algebra import Dim, divides
from archcalc.errors import ShapeError
from archcalc.ops.base import Count, Flag, Free, Op, Reach, Shape, Size, Windows, need_rank, size


class _Affine(Op):
    """One learned `scale` and `shift` a channel, each of which can be turned off."""

    in_place = True

    scale: Flag = True
    shift: Flag = True

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        channels = inputs[0][:1]
        return ({"scale": channels} if self.scale else {}) | ({"shift": channels} if self.shift else {})

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.PASS

    def _learned(self, output: Shape) -> Dim:
        """Operations of the scale and the shift."""
        return (self.scale + self.shift) * size(output)


class BatchNorm(_Affine):
    """Batch normalisation. At inference one multiplication and one addition an element. Buffers: running mean and variance."""

    word = "bn"

    def buffers(self, *inputs: Shape) -> dict[str, Shape]:
        return {"mean": inputs[0][:1], "variance": inputs[0][:1]}

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 2 * size(output)


class LayerNorm(_Affine):
    """Layer normalisation over the channels at each position."""

    word = "ln"
    in_place = False

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """Sum, difference, square, sum, division, then the scale and shift; two operations a position."""
        return 5 * size(output) + 2 * size(output[1:]) + self._learned(output)


class GroupNorm(_Affine):
    """Group normalisation: mean and variance of each of `groups` groups of channels, over all positions."""

    word = "gn"
    positional = ("groups",)
    in_place = False

    groups: Count = 32

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if not divides(self.groups, x[0]):
            raise ShapeError(f"gn: groups={self.groups} does not divide {x[0]} channels")
        return x

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 5 * size(output) + 2 * self.groups + self._learned(output)

    def windows(self, *inputs: Shape) -> Windows:
        """The statistics read the whole map, but only to scale it; they are left out, as for a batch's."""
        return Reach.PASS


class LocalResponseNorm(Free):
    """Local response normalisation over `size` neighbouring channels (AlexNet, section 3.3)."""

    word = "lrn"
    positional = ("size",)

    size: Count = 5

    def shape(self, *inputs: Shape) -> Shape:
        need_rank(self.word, inputs[0], 2, 4)
        return inputs[0]

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """A square an element, the sum of the neighbours, then scale, offset, power and division."""
        return (self.size + 4) * size(output)

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.PASS


class Scale(_Affine):
    """A learned scale a channel (LayerScale), with a learned shift if asked for."""

    word = "scale"

    shift: Flag = False

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return self._learned(output)


class Position(Op):
    """Adds a learned position embedding: one number an element of the input."""

    word = "position"
    in_place = True

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": inputs[0]}

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(output)

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.PASS


class Token(Op):
    """Puts `count` learned tokens before a sequence: `features x positions` becomes `features x (count + positions)`."""

    word = "token"
    positional = ("count",)

    count: Size = 1

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 2, 2, "features, then positions")
        return (x[0], x[1] + self.count)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": (inputs[0][0], self.count)}

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.MIXED
