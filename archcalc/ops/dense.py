"""Dense layers, matrix products, embeddings and recurrent layers.

A sequence is `features x positions`, channels first like every other tensor.
"""

from collections.abc import Sequence
from typing import ClassVar

from archcalc.algebra import Dim, same
from archcalc.errors import ShapeError
from archcalc.ops.base import (
    INDEX,
    Op,
    Own,
    Plain,
    Reach,
    Saved,
    Shape,
    Window,
    Windows,
    need_rank,
    number,
    size,
    spell_shape,
)
from archcalc.ops.emit import Builder, Tensor, Value, by_channel
from archcalc.ops.fresh import Level, Spread, rough
from archcalc.ops.kinds import Count, End, Flag, Size


class Linear(Plain):
    """Fully connected layer: on a vector, or on every position of a sequence (`features x positions`).

    With `axis=-1` the features are the last axis, of any number.
    """

    word = "linear"
    may_be_tied = True
    may_pass_on = True
    has_given_weight = True
    features_last = True
    positional = ("out",)
    is_layer = True
    autocast = "half"

    out: Size
    bias: Flag = True
    axis: End = 0

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.axis == -1 and x:
            return (*x[:-1], self.out)
        need_rank(self.word, x, 1, 2, "put `flatten` or `gap` before it, or use `conv N 1x1`")
        return (self.out, *x[1:])

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        (x,) = inputs
        weight = (self.out, x[self.axis])
        return {"weight": weight, "bias": (self.out,)} if self.bias else {"weight": weight}

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        return size(output) * inputs[0][self.axis]

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(output) if self.bias else 0

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """What the weight is multiplied by, where it learns."""
        return Saved(inputs=(0,) if dw else ())

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.ALL if len(inputs[0]) == 1 else Reach.MIXED if self.axis else Reach.PASS

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        if x.rank == 2:
            return builder.node("Gemm", x, *[builder.weight(name) for name in self.weights(x.shape)], transB=1)
        if self.axis == -1:
            product = builder.node("MatMul", x, builder.node("Transpose", builder.weight("weight"), perm=[1, 0]))
            return builder.node("Add", product, builder.weight("bias")) if self.bias else product
        return _projected(builder, x, "weight", "bias" if self.bias else "")


def _projected(builder: Builder, x: Value, weight: str, bias: str) -> Value:
    """Every position of `batch x features x positions` times a matrix `out x features`."""
    product = builder.node("MatMul", builder.weight(weight), x)
    return builder.node("Add", product, by_channel(builder, bias, 3)) if bias else product


class MatMul(Plain):
    """Matrix product of two inputs over their last two axes: `n x k` by `k x m`."""

    word = "matmul"
    arity = (2, 2)
    autocast = "half"
    multiplies = True
    copies_operands = True

    def spread(self, arriving: Sequence[Spread], *inputs: Shape) -> Spread:
        return Spread(0.0, arriving[0].square * arriving[1].square * rough(inputs[0][-1]))

    def shape(self, *inputs: Shape) -> Shape:
        a, b = inputs
        fits = (
            len(a) >= 2
            and len(a) == len(b)
            and same(a[-1], b[-2])
            and all(same(x, y) for x, y in zip(a[:-2], b[:-2], strict=True))
        )
        if not fits:
            raise ShapeError(
                f"matmul: {spell_shape(a)} and {spell_shape(b)} don't fit: it takes n x k and k x m, other axes alike"
            )
        return (*a[:-1], b[-1])

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {}

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        return size(output) * inputs[0][-1]

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def backward(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Dim:
        """The gradient of each operand is a product of the same size."""
        return sum(dx) * self.macs(output, *inputs)

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """Each operand where the other one's gradient is wanted."""
        return Saved(inputs=tuple(n for n in (0, 1) if dx[1 - n]))

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.ALL

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("MatMul", *tensors)


class Embedding(Plain):
    """A table of `vocab` learned vectors, looked up by index: `positions` become `dim x positions`.

    With `axis=-1` they become `positions x dim`.
    """

    word = "embedding"
    positional = ("vocab", "dim")
    level = Level.TABLE
    reads_indices = True

    vocab: Size
    dim: Size
    axis: End = 0

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 1, 3, "positions only: the input holds indices")
        return (*x, self.dim) if self.axis else (self.dim, *x)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": (self.vocab, self.dim)}

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.MIXED if self.axis else tuple(Window() for _ in inputs[0])

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """The indices, as whole numbers."""
        return Saved(own=(Own("indices", size(inputs[0]), INDEX),))

    def averaging(self, name: str, weight: tuple[int, ...], output: Shape) -> float:
        return 1.0

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        found = builder.node("Gather", builder.weight("weight"), builder.indices(x), axis=0)
        return found if self.axis else builder.node("Transpose", found, perm=[0, x.rank, *range(1, x.rank)])


class _Recurrent(Op):
    """What recurrent layers share: `features x steps` becomes `hidden x steps` (twice as wide if bidirectional).

    Weights a layer and direction, as ONNX and cuDNN hold them: input `gates*hidden x features`, recurrent
    `gates*hidden x hidden`, and two biases. `sequence=false` keeps the last step only.
    """

    gates: ClassVar[int] = 1
    activations: ClassVar[int] = 1  # operations a unit and step of the gates' functions and the state's update
    states: ClassVar[int] = 1  # numbers a unit that one step hands to the next
    kept: ClassVar[int] = 7  # numbers a unit and step that the backward pass needs
    first: ClassVar[int] = 0  # and of the state before the first step
    positional = ("hidden",)
    is_layer = True
    autocast = "half"

    hidden: Size
    layers: Count = 1
    bidirectional: Flag = False
    bias: Flag = True
    sequence: Flag = True

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 2, 2, "features, then steps")
        return (self.hidden * self._directions, *(x[1:] if self.sequence else ()))

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        weights: dict[str, Shape] = {}
        features, rows = inputs[0][0], self.gates * self.hidden
        for layer in range(self.layers):
            for direction in range(self._directions):
                name = f"layer{layer}" + ("_reverse" if direction else "")
                weights[f"{name}_input"] = (rows, features)
                weights[f"{name}_recurrent"] = (rows, self.hidden)
                if self.bias:
                    weights[f"{name}_input_bias"] = weights[f"{name}_recurrent_bias"] = (rows,)
            features = self.hidden * self._directions
        return weights

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        """Every matrix meets every step once."""
        steps = inputs[0][1]
        total: Dim = 0
        for weight in self.weights(*inputs).values():
            if len(weight) == 2:
                total = total + steps * size(weight)
        return total

    def backward(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Dim:
        """Weights' gradients, and those that flow back through time and layers; the first layer's input only if
        wanted.
        """
        total = self.macs(output, *inputs)
        first = inputs[0][1] * inputs[0][0] * self.gates * self.hidden * self._directions
        return dw * total + ((total if any(dx) else total - first) if dw or any(dx) else 0)

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """A step and unit: adding the two products, the biases, the gates' functions and the update of the state."""
        units = inputs[0][1] * self.hidden * self._directions * self.layers
        biases = 2 * self.gates if self.bias else 0
        return units * (self.gates + biases + self.activations)

    def inside(self, output: Shape, *inputs: Shape) -> Dim:
        """The products of all steps with the input's matrices, those of one step with the recurrent ones, the state,
        and the sequences between layers; one direction after the other.
        """
        steps = inputs[0][1]
        between = min(self.layers - 1, 2) * steps * self.hidden * self._directions
        return (steps + 1) * self.gates * self.hidden + self.states * self.hidden + between

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """The input of every layer, and of each step the gates and states, as PyTorch's own loop over steps does."""
        steps, width = inputs[0][1], self.hidden * self._directions
        between = (self.layers - 1) * steps * width
        own = Own("gates and states", self.layers * (self.kept * steps + self.first) * width + between)
        return Saved(inputs=(0,), own=(own,))

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.ALL

    def _emit(self, builder: Builder, x: Tensor, **options: int) -> Value:
        """ONNX walks over `steps x batch x features`, and puts out `steps x directions x batch x hidden`."""
        kind, value = type(self).__name__, builder.node("Transpose", x, perm=[2, 0, 1])
        options |= {"hidden_size": number(self.hidden)}
        for layer in range(self.layers):
            learned = [self._matrices(builder, layer, part) for part in ("input", "recurrent")]
            if self.bias:
                biases = [self._matrices(builder, layer, part) for part in ("input_bias", "recurrent_bias")]
                learned.append(builder.node("Concat", *biases, axis=1))
            last = layer == self.layers - 1 and not self.sequence
            direction = "bidirectional" if self.bidirectional else "forward"
            value = builder.node(kind, value, *learned, output=int(last), direction=direction, **options)
            if last:
                return builder.reshaped(
                    builder.node("Transpose", value, perm=[1, 0, 2]), self.hidden * self._directions
                )
            value = builder.node("Transpose", value, perm=[0, 2, 1, 3])
            value = builder.node("Reshape", value, builder.ints((0, 0, self.hidden * self._directions)))
        return builder.node("Transpose", value, perm=[1, 2, 0])

    def _matrices(self, builder: Builder, layer: int, part: str) -> str:
        """A learned tensor of every direction, one upon the other."""
        names = [f"layer{layer}_{part}", *([f"layer{layer}_reverse_{part}"] if self.bidirectional else [])]
        tensors = [builder.node("Unsqueeze", builder.weight(name), builder.ints((0,))) for name in names]
        return tensors[0] if len(tensors) == 1 else builder.node("Concat", *tensors, axis=0)


class RNN(_Recurrent):
    """Simple recurrent layer with tanh."""

    word = "rnn"
    kept, first = 1, 1

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return self._emit(builder, *tensors)


class LSTM(_Recurrent):
    """Long short-term memory: four gates."""

    word = "lstm"
    gates = 4
    states = 2
    activations = 3 * 4 + 1 + 3 + 2  # three sigmoids, tanh; c = f*c + i*g; h = o*tanh(c)

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return self._emit(builder, *tensors)


class GRU(_Recurrent):
    """Gated recurrent unit: three gates."""

    word = "gru"
    gates = 3
    activations = 2 * 4 + 1 + 1 + 4  # two sigmoids, tanh, the reset; h = (1-z)*n + z*h

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        """The reset gate acts on the recurrent product and its bias: that is what the second bias is for."""
        return self._emit(builder, *tensors, linear_before_reset=1)
