"""Functions of one element, and softmax and dropout: no weights (but prelu), no MACs."""

from fractions import Fraction
from typing import ClassVar

from archcalc.algebra import Dim
from archcalc.ops.base import End, Free, Ratio, Reach, Runs, Shape, Windows, size
from archcalc.ops.emit import Builder, Tensor, Value, by_channel


class _Elementwise(Free):
    """What functions of one element share; `cost` is their number of operations an element."""

    cost: ClassVar[int] = 1
    in_place = True

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return self.cost * size(output)

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.PASS


class _Rectifier(_Elementwise):
    """An activation whose backward pass needs its output only, so that training may overwrite the input."""

    keeps_output = False


class ReLU(_Rectifier):
    """max(x, 0)."""

    word = "relu"
    runs = Runs.WITH_CONV | Runs.WITH_LINEAR | Runs.IN_BLOCKS | Runs.OVERWRITES

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Relu", *tensors)


class ReLU6(_Rectifier):
    """min(max(x, 0), 6)."""

    word = "relu6"
    runs = Runs.WITH_CONV | Runs.IN_BLOCKS | Runs.OVERWRITES
    cost = 2

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Clip", *tensors, builder.real(0), builder.real(6))


class LeakyReLU(_Rectifier):
    """x, or slope x below 0."""

    word = "leaky_relu"
    runs = Runs.WITH_CONV | Runs.WITH_LINEAR | Runs.IN_BLOCKS | Runs.OVERWRITES
    positional = ("slope",)
    cost = 2

    slope: Ratio = Fraction(1, 100)

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("LeakyRelu", *tensors, alpha=self.slope)


class PReLU(_Elementwise):
    """x, or a x below 0, with one learned slope a channel."""

    word = "prelu"
    cost = 2

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"slope": inputs[0][:1]}

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        return builder.node("PRelu", x, by_channel(builder, "slope", x.rank))


class ELU(_Elementwise):
    """x, or exp(x) - 1 below 0."""

    word = "elu"
    runs = Runs.WITH_LINEAR | Runs.OVERWRITES
    cost = 3

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Elu", *tensors)


class SELU(_Elementwise):
    """The scaled elu."""

    word = "selu"
    runs = Runs.WITH_LINEAR | Runs.OVERWRITES
    cost = 4

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Selu", *tensors)


class GELU(_Elementwise):
    """x/2 (1 + erf(x/sqrt 2))."""

    word = "gelu"
    runs = Runs.IN_BLOCKS
    cost = 5

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Gelu", *tensors)


class Sigmoid(_Elementwise):
    """1 / (1 + exp(-x))."""

    word = "sigmoid"
    runs = Runs.WITH_CONV | Runs.WITH_LINEAR | Runs.IN_BLOCKS | Runs.OVERWRITES
    cost = 4
    keeps_output = False

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Sigmoid", *tensors)


class SiLU(_Elementwise):
    """x sigmoid(x), also called swish."""

    word = "silu"
    runs = Runs.IN_BLOCKS
    cost = 5

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        return builder.node("Mul", x, builder.node("Sigmoid", x))


class HardSigmoid(_Elementwise):
    """relu6(x + 3) / 6."""

    word = "hardsigmoid"
    runs = Runs.WITH_CONV | Runs.WITH_LINEAR | Runs.IN_BLOCKS | Runs.OVERWRITES
    cost = 4

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("HardSigmoid", *tensors, alpha=1 / 6, beta=0.5)


class HardSwish(_Elementwise):
    """x relu6(x + 3) / 6."""

    word = "hardswish"
    runs = Runs.WITH_CONV | Runs.IN_BLOCKS
    cost = 5

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("HardSwish", *tensors)


class Tanh(_Elementwise):
    """Hyperbolic tangent."""

    word = "tanh"
    runs = Runs.WITH_CONV | Runs.WITH_LINEAR | Runs.IN_BLOCKS | Runs.OVERWRITES
    keeps_output = False

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Tanh", *tensors)


class Softplus(_Elementwise):
    """log(1 + exp(x))."""

    word = "softplus"
    runs = Runs.WITH_LINEAR | Runs.OVERWRITES
    cost = 3

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Softplus", *tensors)


class Mish(_Elementwise):
    """x tanh(softplus(x))."""

    word = "mish"
    cost = 5

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Mish", *tensors)


class Softmax(_Elementwise):
    """Softmax over the channels, or with `axis=-1` over the last axis: maximum, difference, exp, sum and division."""

    word = "softmax"

    axis: End = 0

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 5 * size(output) - 2 * size(output[:-1] if self.axis else output[1:])

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.MIXED if self.axis and len(inputs[0]) > 1 else Reach.PASS

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Softmax", *tensors, axis=self.axis or 1)


class Dropout(_Elementwise):
    """Dropout with rate `p`: nothing at inference; training keeps a mask, which is not counted."""

    word = "dropout"
    is_identity = True
    positional = ("p",)
    cost = 0
    keeps_output = False
    is_view = True

    p: Ratio = Fraction(1, 2)

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Dropout", *tensors, builder.real(float(self.p)))
