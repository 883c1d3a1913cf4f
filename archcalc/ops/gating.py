"""Gated linear units: one half of the channels gates the other."""

from collections.abc import Sequence

from archcalc.algebra import Dim, divides
from archcalc.errors import ShapeError
from archcalc.ops.activation import ELEMENTWISE
from archcalc.ops.base import Free, Own, Reach, Saved, Shape, Windows, need_rank, size
from archcalc.ops.emit import Builder, Tensor, Value
from archcalc.ops.kinds import one_of


class GLU(Free):
    """The first half of the channels times an activation of the second: `glu` (sigmoid), `glu silu`, `glu gelu`
    (arXiv:2002.05202). In a feed-forward layer: `[linear 2*hidden, glu silu, linear cin]`.
    """

    word = "glu"
    positional = ("act",)

    act: one_of(*ELEMENTWISE) = "sigmoid"  # type: ignore[valid-type]

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 1, 4)
        if not divides(2, x[0]):
            raise ShapeError(f"glu halves the channels, and {x[0]} is odd")
        return (x[0] // 2, *x[1:])

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """The activation, and a product an element."""
        return (ELEMENTWISE[self.act].cost + 1) * size(output)

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """The input, and but for the sigmoid, which PyTorch has in one, what gates."""
        return Saved(inputs=(0,), own=() if self.act == "sigmoid" else (Own("the gate", size(output)),))

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.PASS

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        half = self.shape(x.shape)
        first, second = (
            builder.node("Slice", x, *(builder.ints((end,)) for end in ends))
            for ends in ((0, half[0], 1), (half[0], x.shape[0], 1))
        )
        gate = ELEMENTWISE[self.act]().emit(builder, Tensor(second, half))
        return builder.node("Mul", first, gate)
