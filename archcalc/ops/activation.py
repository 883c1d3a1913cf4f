"""Functions of one element, and softmax and dropout: no weights (but prelu), no MACs."""

from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar

from archcalc.algebra import Dim
from archcalc.ops.base import Free, Hides, Op, Own, Reach, Runs, Saved, Shape, Windows, size
from archcalc.ops.emit import Builder, Tensor, Value, by_channel
from archcalc.ops.fresh import Spread, rectified
from archcalc.ops.kinds import End, Flag, Ratio


class _Elementwise(Free):
    """What functions of one element share; `cost` is their number of operations an element."""

    cost: ClassVar[int] = 1
    in_place = True

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return self.cost * size(output)

    def spread(self, arriving: Sequence[Spread], *inputs: Shape) -> Spread:
        """As of a rectifier."""
        return rectified(arriving[0])

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.PASS


class _Activation(_Elementwise):
    """An activation. With `inplace=true` training writes it over its input, as PyTorch code may say; where the backward
    pass needs the input, autograd then keeps a copy.
    """

    from_output: ClassVar[bool] = False  # whether its gradient is known from what it put out
    from_output_in_place: ClassVar[bool] = False  # whether that is so where the input is written over
    unspoken = ("inplace",)

    inplace: Flag = False

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        if self.from_output or (self.inplace and self.from_output_in_place):
            return Saved(output=True, shows=bool(self.inplace))
        copy = Own("a copy of its input", size(output))
        return Saved(own=(copy,), shows=True) if self.inplace else Saved(inputs=(0,))


class ReLU(_Activation):
    """max(x, 0)."""

    word = "relu"
    runs = Runs.WITH_CONV | Runs.WITH_LINEAR | Runs.IN_BLOCKS | Runs.FOR_NOTHING
    from_output = True

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Relu", *tensors)


class ReLU6(_Activation):
    """min(max(x, 0), 6)."""

    word = "relu6"
    runs = Runs.WITH_CONV | Runs.IN_BLOCKS
    cost = 2

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Clip", *tensors, builder.real(0), builder.real(6))


class LeakyReLU(_Activation):
    """x, or slope x below 0."""

    word = "leaky_relu"
    runs = Runs.WITH_CONV | Runs.WITH_LINEAR | Runs.IN_BLOCKS
    positional = ("slope",)
    cost = 2
    from_output_in_place = True

    slope: Ratio = Fraction(1, 100)

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("LeakyRelu", *tensors, alpha=self.slope)


class PReLU(_Elementwise):
    """x, or a x below 0, with one learned slope a channel."""

    word = "prelu"
    cost = 2
    autocast = "half"

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"slope": inputs[0][:1]}

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return Saved(inputs=(0,))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        return builder.node("PRelu", x, by_channel(builder, "slope", x.rank))


class ELU(_Activation):
    """x, or exp(x) - 1 below 0."""

    word = "elu"
    runs = Runs.WITH_LINEAR
    cost = 3
    from_output_in_place = True

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Elu", *tensors)


class SELU(_Activation):
    """The scaled elu."""

    word = "selu"
    runs = Runs.WITH_LINEAR
    cost = 4
    from_output_in_place = True

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Selu", *tensors)


class GELU(_Activation):
    """x/2 (1 + erf(x/sqrt 2))."""

    word = "gelu"
    runs = Runs.IN_BLOCKS
    cost = 5

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Gelu", *tensors)


class Sigmoid(_Activation):
    """1 / (1 + exp(-x))."""

    word = "sigmoid"
    hides = Hides.ALWAYS
    runs = Runs.WITH_CONV | Runs.WITH_LINEAR | Runs.IN_BLOCKS
    cost = 4
    from_output = True

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Sigmoid", *tensors)


class SiLU(_Activation):
    """x sigmoid(x), also called swish."""

    word = "silu"
    runs = Runs.IN_BLOCKS | Runs.AS_ONE
    cost = 5

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        return builder.node("Mul", x, builder.node("Sigmoid", x))


class HardSigmoid(_Activation):
    """relu6(x + 3) / 6."""

    word = "hardsigmoid"
    hides = Hides.ALWAYS
    runs = Runs.WITH_CONV | Runs.WITH_LINEAR | Runs.IN_BLOCKS
    cost = 4

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("HardSigmoid", *tensors, alpha=1 / 6, beta=0.5)


class HardSwish(_Activation):
    """x relu6(x + 3) / 6."""

    word = "hardswish"
    expands = "HardSigmoid"
    runs = Runs.WITH_CONV | Runs.IN_BLOCKS
    cost = 5

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("HardSwish", *tensors)


class Tanh(_Activation):
    """Hyperbolic tangent."""

    word = "tanh"
    runs = Runs.WITH_CONV | Runs.WITH_LINEAR | Runs.IN_BLOCKS
    from_output = True

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Tanh", *tensors)


class Softplus(_Activation):
    """log(1 + exp(x))."""

    word = "softplus"
    hides = Hides.ALWAYS
    runs = Runs.WITH_LINEAR
    cost = 3
    autocast = "single"

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Softplus", *tensors)


class Mish(_Activation):
    """x tanh(softplus(x))."""

    word = "mish"
    expands = "Softplus"
    cost = 5

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Mish", *tensors)


class Abs(_Elementwise):
    """|x|."""

    word = "abs"

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return Saved(inputs=(0,))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Abs", *tensors)


class Softmax(_Elementwise):
    """Softmax over the channels, or with `axis=-1` over the last axis: maximum, difference, exp, sum and division."""

    word = "softmax"
    may_act = True
    hides = Hides.ALWAYS
    block = "attention"
    autocast = "single"

    axis: End = 0

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 5 * size(output) - 2 * size(output[:-1] if self.axis else output[1:])

    def spread(self, arriving: Sequence[Spread], *inputs: Shape) -> Spread:
        return arriving[0]

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return Saved(output=True)

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.MIXED if self.axis and len(inputs[0]) > 1 else Reach.PASS

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Softmax", *tensors, axis=self.axis or 1)


class Dropout(_Elementwise):
    """Dropout with rate `p`: nothing at inference. Training keeps what it multiplied by: a number an element, or a byte
    under mixed precision, where a kernel of its own draws it unless that is in place. `channels=true` drops whole
    channels: a number a channel.
    """

    word = "dropout"
    is_identity = True
    positional = ("p",)
    cost = 0
    is_view = True

    unspoken = ("inplace", "channels")

    p: Ratio = Fraction(1, 2)
    inplace: Flag = False
    channels: Flag = False

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def spread(self, arriving: Sequence[Spread], *inputs: Shape) -> Spread:
        return arriving[0]

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        mask = Own("a mask", size(output), autocast=0 if self.inplace else 1)
        if self.channels:
            mask = Own("a mask", output[0])
        return Saved(own=(mask,) if 0 < self.p < 1 else (), shows=self.p == 0 or bool(self.inplace))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Dropout", *tensors, builder.real(float(self.p)))


def is_function(op: type[Op]) -> bool:
    """Whether an operator is a function of one element, which `act=` may name."""
    return issubclass(op, _Elementwise) and not op.is_identity and bool(op.word) and not op.may_act


def _functions(base: type[_Elementwise]) -> dict[str, type[_Elementwise]]:
    found = {cls.word: cls for cls in base.__subclasses__() if is_function(cls)}
    return {word: cls for cls in base.__subclasses__() for word, cls in _functions(cls).items()} | found


ELEMENTWISE = _functions(_Elementwise)
