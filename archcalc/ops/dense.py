"""Dense layers, attention, matrix products, embeddings and recurrent layers.

A sequence is `features x positions`, channels first like every other tensor.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar

from archcalc.algebra import Dim, Poly, divides, same, text
from archcalc.errors import ShapeError, Undecided
from archcalc.ops.base import (
    HALF,
    INDEX,
    SINGLE,
    Count,
    End,
    Flag,
    Op,
    Own,
    Plain,
    Reach,
    Saved,
    Shape,
    Size,
    Window,
    Windows,
    need_rank,
    number,
    size,
    spell,
    spell_shape,
)
from archcalc.ops.emit import Builder, Tensor, Value, by_channel


class Linear(Plain):
    """Fully connected layer: on a vector, or on every position of a sequence (`features x positions`).

    With `axis=-1` the features are the last axis, of any number.
    """

    word = "linear"
    may_be_tied = True
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


class Attention(Op):
    """Multi-head attention with its four projections: one input (self), two (q, kv) or three (q, k, v).

    `dim` is the width inside, all heads together (the query's features by default); `kv_heads` shares keys and values
    between heads (grouped queries). MACs: the projections, `q k^T` and the weighted sum of `v`. arXiv:1706.03762.
    The scores of all heads are in memory while it runs (eager), unless it is `fused`: then they never are
    (arXiv:2205.14135).
    """

    word = "attention"
    positional = ("heads",)
    arity = (1, 3)
    is_layer = True
    autocast = "half"
    unspoken = ("fused",)

    heads: Size
    dim: Size | None = None
    kv_heads: Size | None = None
    out: Size | None = None
    bias: Flag = True
    fused: Flag = False

    @property
    def kinds(self) -> tuple[str, ...]:
        return (self.word,) if self.bias else ("attention_plain", self.word)

    @property
    def _shared(self) -> Dim:
        """Heads of keys and values."""
        return self.heads if self.kv_heads is None else self.kv_heads

    def _widths(self, q: Shape) -> tuple[Dim, Dim, Dim]:
        """Width inside of queries, of keys and values, and of the output."""
        dim, shared = q[0] if self.dim is None else self.dim, self._shared
        for divisor, whole, what in (
            (self.heads, dim, f"heads={self.heads} does not divide the width {dim}"),
            (shared, self.heads, f"kv_heads={shared} does not divide heads={self.heads}"),
        ):
            if isinstance(divisor, int) and not divides(divisor, whole):
                raise ShapeError(f"attention: {what}")
        return dim, dim if shared == self.heads else self._width(dim) * shared, q[0] if self.out is None else self.out

    def _width(self, dim: Dim) -> Dim:
        """Of a head. Raises Undecided where it has no closed form in the number of heads."""
        width = self._quotient(dim)
        if width is None:
            message = f"the width of a head, {dim} by `{self.heads}`, has no closed form; bind it with --set"
            raise Undecided(message, getattr(self.heads, "symbols", ()))
        return width

    def _quotient(self, dim: Dim) -> Dim | None:
        """A width by the heads; None where free heads are no factor of it."""
        if isinstance(self.heads, int):
            return dim // self.heads
        one = dim.substitute(dict.fromkeys(self.heads.symbols, 1)) if isinstance(dim, Poly) else 1
        return None if isinstance(one, Fraction) or one * self.heads != dim else one

    def assumes(self, *inputs: Shape) -> tuple[str, ...]:
        """That heads which are free divide what they have to."""
        dim = inputs[0][0] if self.dim is None else self.dim
        found = [(self.heads, dim)] if self._quotient(dim) is None else []
        found += [(self._shared, self.heads)] if self._shared != self.heads else []
        return tuple(f"{text(whole)} % {spell(by)} == 0" for by, whole in found if isinstance(by, Poly))

    @staticmethod
    def _operands(inputs: tuple[Shape, ...]) -> tuple[Shape, Shape, Shape]:
        for x in inputs:
            need_rank("attention", x, 2, 4, "features, then positions")
        q = inputs[0]
        k = inputs[1] if len(inputs) > 1 else q
        v = inputs[2] if len(inputs) > 2 else k
        if not same(size(k[1:]), size(v[1:])):
            raise ShapeError(
                f"attention: keys {spell_shape(k)} and values {spell_shape(v)} have different numbers of positions"
            )
        return q, k, v

    def shape(self, *inputs: Shape) -> Shape:
        q, _, _ = self._operands(inputs)
        return (self._widths(q)[2], *q[1:])

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        q, k, v = self._operands(inputs)
        dim, shared, out = self._widths(q)
        weights: dict[str, Shape] = {
            "q_weight": (dim, q[0]),
            "k_weight": (shared, k[0]),
            "v_weight": (shared, v[0]),
            "out_weight": (out, dim),
        }
        if self.bias:
            weights |= {"q_bias": (dim,), "k_bias": (shared,), "v_bias": (shared,), "out_bias": (out,)}
        return weights

    def _products(self, inputs: tuple[Shape, ...]) -> tuple[tuple[Dim, Dim, Dim], Dim, Dim]:
        """MACs of the projections of q, k and v, of the output's projection, and of the two products of scores."""
        q, k, v = self._operands(inputs)
        dim, shared, out = self._widths(q)
        queries, keys = size(q[1:]), size(k[1:])
        return (
            (queries * q[0] * dim, keys * k[0] * shared, keys * v[0] * shared),
            queries * dim * out,
            2 * queries * keys * dim,
        )

    def parts(self, *inputs: Shape) -> dict[str, Dim]:
        """What it does, for conventions that count only some of it: MACs of all `projections` and of the two
        `products`; numbers of `scores`, of the `queries`' features, of the features that queries, keys and values are
        `projected` to, and of the values `mixed` by the scores.
        """
        (q, k, v), out, products = self._products(inputs)
        queries, keys, values = self._operands(inputs)
        dim, shared, _ = self._widths(queries)
        return {
            "projections": q + k + v + out,
            "products": products,
            "scores": self.heads * size(queries[1:]) * size(keys[1:]),
            "queries": size(queries),
            "mixed": size(queries[1:]) * dim,
            "projected": size(queries[1:]) * dim + (size(keys[1:]) + size(values[1:])) * shared,
        }

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        (q, k, v), out, scores = self._products(inputs)
        return q + k + v + out + scores

    def backward(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Dim:
        """Weights' gradients, the inputs' where they are wanted, and what lies between: the products of scores
        twice.
        """
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

    def inside(self, output: Shape, *inputs: Shape) -> Dim:
        """Queries, keys and values, and the scores; fused the weighted values in place of the scores."""
        found = self.parts(*inputs)
        return found["projected"] + (found["mixed"] if self.fused else found["scores"])

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """As `torch.nn.MultiheadAttention` does: the inputs; of self attention one tensor with all projections, else
        keys and values; the scaled queries, the weights of the scores, and what goes into the last projection. Fused:
        queries, keys, values, the logarithm of each query's sum, and what comes out.
        """
        queries, keys, _ = self._operands(inputs)
        found = self.parts(*inputs)
        rows, mixed = self.heads * size(queries[1:]), Own("weighted values", found["mixed"])
        if self.fused:
            sums = Own("logarithms of sums", rows, SINGLE)
            own = [Own("queries, keys and values", found["projected"]), sums, mixed]
        else:
            kept = found["projected"] if len(inputs) == 1 else found["projected"] - found["mixed"]
            scores = Own("weights of the scores", rows * size(keys[1:]), autocast=SINGLE + HALF)  # one to multiply with
            own = [Own("scaled queries", found["mixed"]), Own("projections", kept), scores, mixed]
        return Saved(inputs=tuple(range(len(inputs))), own=tuple(own))

    def saves_scaled(self, *inputs: Shape) -> Saved:
        """As `scaled_dot_product_attention` does where it runs as plain products: keys are scaled as well, and under
        mixed precision all of that is in fp32, of copies of the projections.
        """
        queries, keys, _ = self._operands(inputs)
        found = self.parts(*inputs)
        values = (found["projected"] - found["mixed"]) // 2
        others = found["projected"] - values if len(inputs) == 1 else values
        own = (
            Own("scaled queries and keys", found["mixed"] + values, autocast=SINGLE),
            Own("projections", others, autocast=-1),
            Own("values", values, autocast=SINGLE),
            Own("weights of the scores", self.heads * size(queries[1:]) * size(keys[1:]), autocast=SINGLE),
            Own("weighted values", found["mixed"]),
        )
        return Saved(inputs=tuple(range(len(inputs))), own=own)

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.ALL

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        """Heads that share keys and values are an axis of their own, over which these are stretched."""
        heads = number(self.heads)
        q, k, v = tensors[0], tensors[min(1, len(tensors) - 1)], tensors[-1]
        dim, _, out = self._widths(q.shape)
        groups, width = number(self._shared), dim // heads
        queries = self._heads(builder, q, "q", (groups, heads // groups, width))
        keys = self._heads(builder, k, "k", (groups, 1, width))
        values = self._heads(builder, v, "v", (groups, 1, width))
        turned = builder.node("Transpose", queries, perm=[0, 1, 2, 4, 3])
        scores = builder.node("Mul", builder.node("MatMul", turned, keys), builder.real(number(width) ** -0.5))
        weights = builder.node("Transpose", builder.node("Softmax", scores, axis=-1), perm=[0, 1, 2, 4, 3])
        mixed = builder.reshaped(builder.node("MatMul", values, weights), dim, size(q.shape[1:]))
        output = _projected(builder, mixed, "out_weight", "out_bias" if self.bias else "")
        return output if q.rank == 3 else builder.reshaped(output, out, *q.shape[1:])

    def _heads(self, builder: Builder, x: Tensor, name: str, split: Shape) -> str:
        """A projection: `batch x groups x heads in a group x width x positions`."""
        flat = x if x.rank == 3 else builder.reshaped(x, x.shape[0], size(x.shape[1:]))
        projected = _projected(builder, flat, f"{name}_weight", f"{name}_bias" if self.bias else "")
        return builder.reshaped(projected, *split, size(x.shape[1:]))


class Embedding(Plain):
    """A table of `vocab` learned vectors, looked up by index: `positions` become `dim x positions`.

    With `axis=-1` they become `positions x dim`.
    """

    word = "embedding"
    positional = ("vocab", "dim")

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
