"""Dense layers, attention, matrix products, embeddings and recurrent layers.

A sequence is `features x positions`, channels first like every other tensor.
"""

from collections.abc import Sequence
from typing import ClassVar

from archcalc.algebra import Dim, divides, same
from archcalc.errors import ShapeError
from archcalc.ops.base import Count, Flag, Op, Reach, Shape, Size, Window, Windows, need_rank, size, spell_shape


class Linear(Op):
    """Fully connected layer: on a vector, or on every position of a sequence (`features x positions`)."""

    word = "linear"
    positional = ("out",)
    is_layer = True

    out: Size
    bias: Flag = True

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 1, 2, "put `flatten` or `gap` before it, or use `conv N 1x1`")
        return (self.out, *x[1:])

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        (x,) = inputs
        weight = (self.out, x[0])
        return {"weight": weight, "bias": (self.out,)} if self.bias else {"weight": weight}

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        return size(output) * inputs[0][0]

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(output) if self.bias else 0

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.ALL if len(inputs[0]) == 1 else Reach.PASS


class MatMul(Op):
    """Matrix product of two inputs over their last two axes: `n x k` by `k x m`."""

    word = "matmul"
    arity = (2, 2)

    def shape(self, *inputs: Shape) -> Shape:
        a, b = inputs
        fits = len(a) >= 2 and len(a) == len(b) and same(a[-1], b[-2]) and all(same(x, y) for x, y in zip(a[:-2], b[:-2], strict=True))
        if not fits:
            raise ShapeError(f"matmul: {spell_shape(a)} and {spell_shape(b)} don't fit: it takes n x k and k x m, other axes alike")
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

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.ALL


class Attention(Op):
    """Multi-head attention with its four projections: one input (self), two (q, kv) or three (q, k, v).

    `dim` is the width inside, all heads together (the query's features by default); `kv_heads` shares keys and values
    between heads (grouped queries). MACs: the projections, `q k^T` and the weighted sum of `v`. arXiv:1706.03762.
    """

    word = "attention"
    positional = ("heads",)
    arity = (1, 3)
    is_layer = True

    heads: Count
    dim: Size | None = None
    kv_heads: Count | None = None
    out: Size | None = None
    bias: Flag = True

    def _widths(self, q: Shape) -> tuple[Dim, Dim, Dim]:
        """Width inside of queries, of keys and values, and of the output."""
        dim = q[0] if self.dim is None else self.dim
        if not divides(self.heads, dim):
            raise ShapeError(f"attention: heads={self.heads} does not divide the width {dim}")
        shared = self.kv_heads or self.heads
        if self.heads % shared:
            raise ShapeError(f"attention: kv_heads={shared} does not divide heads={self.heads}")
        return dim, dim // self.heads * shared, q[0] if self.out is None else self.out

    @staticmethod
    def _operands(inputs: tuple[Shape, ...]) -> tuple[Shape, Shape, Shape]:
        for x in inputs:
            need_rank("attention", x, 2, 4, "features, then positions")
        q = inputs[0]
        k = inputs[1] if len(inputs) > 1 else q
        v = inputs[2] if len(inputs) > 2 else k
        if not same(size(k[1:]), size(v[1:])):
            raise ShapeError(f"attention: keys {spell_shape(k)} and values {spell_shape(v)} have different numbers of positions")
        return q, k, v

    def shape(self, *inputs: Shape) -> Shape:
        q, _, _ = self._operands(inputs)
        return (self._widths(q)[2], *q[1:])

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        q, k, v = self._operands(inputs)
        dim, shared, out = self._widths(q)
        weights: dict[str, Shape] = {"q_weight": (dim, q[0]), "k_weight": (shared, k[0]), "v_weight": (shared, v[0]), "out_weight": (out, dim)}
        if self.bias:
            weights |= {"q_bias": (dim,), "k_bias": (shared,), "v_bias": (shared,), "out_bias": (out,)}
        return weights

    def _products(self, inputs: tuple[Shape, ...]) -> tuple[tuple[Dim, Dim, Dim], Dim, Dim]:
        """MACs of the projections of q, k and v, of the output's projection, and of the two products of scores."""
        q, k, v = self._operands(inputs)
        dim, shared, out = self._widths(q)
        queries, keys = size(q[1:]), size(k[1:])
        return (queries * q[0] * dim, keys * k[0] * shared, keys * v[0] * shared), queries * dim * out, 2 * queries * keys * dim

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        (q, k, v), out, scores = self._products(inputs)
        return q + k + v + out + scores

    def backward(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Dim:
        """Weights' gradients, the inputs' where they are wanted, and what lies between: the products of scores twice."""
        into, out, scores = self._products(inputs)
        wanted = (dx[0], dx[min(1, len(dx) - 1)], dx[-1])
        total: Dim = out + 2 * scores if dw or any(dx) else 0
        for projection, needed in zip(into, wanted, strict=True):
            total = total + (dw + needed) * projection
        return total + dw * out

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """The scaling and softmax of the scores, and the biases."""
        q, k, _ = self._operands(inputs)
        dim, shared, out = self._widths(q)
        queries, keys = size(q[1:]), size(k[1:])
        scores = self.heads * queries * keys
        biases = queries * (dim + out) + 2 * keys * shared if self.bias else 0
        return scores + 5 * scores - 2 * self.heads * queries + biases

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.ALL


class Embedding(Op):
    """A table of `vocab` learned vectors, looked up by index: `positions` become `dim x positions`."""

    word = "embedding"
    positional = ("vocab", "dim")

    vocab: Size
    dim: Size

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 1, 3, "positions only: the input holds indices")
        return (self.dim, *x)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": (self.vocab, self.dim)}

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def windows(self, *inputs: Shape) -> Windows:
        return tuple(Window() for _ in inputs[0])


class _Recurrent(Op):
    """What recurrent layers share: `features x steps` becomes `hidden x steps` (twice as wide if bidirectional).

    Weights a layer and direction, as ONNX and cuDNN hold them: input `gates*hidden x features`, recurrent
    `gates*hidden x hidden`, and two biases. `sequence=false` keeps the last step only.
    """

    gates: ClassVar[int] = 1
    activations: ClassVar[int] = 1  # operations a unit and step of the gates' functions and the state's update
    positional = ("hidden",)
    is_layer = True

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
        """Weights' gradients, and those that flow back through time and layers; the first layer's input only if wanted."""
        total = self.macs(output, *inputs)
        first = inputs[0][1] * inputs[0][0] * self.gates * self.hidden * self._directions
        return dw * total + ((total if any(dx) else total - first) if dw or any(dx) else 0)

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """A step and unit: adding the two products, the biases, the gates' functions and the update of the state."""
        units = inputs[0][1] * self.hidden * self._directions * self.layers
        biases = 2 * self.gates if self.bias else 0
        return units * (self.gates + biases + self.activations)

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.ALL


class RNN(_Recurrent):
    """Simple recurrent layer with tanh."""

    word = "rnn"


class LSTM(_Recurrent):
    """Long short-term memory: four gates."""

    word = "lstm"
    gates = 4
    activations = 3 * 4 + 1 + 3 + 2  # three sigmoids, tanh; c = f*c + i*g; h = o*tanh(c)


class GRU(_Recurrent):
    """Gated recurrent unit: three gates."""

    word = "gru"
    gates = 3
    activations = 2 * 4 + 1 + 1 + 4  # two sigmoids, tanh, the reset; h = (1-z)*n + z*h
