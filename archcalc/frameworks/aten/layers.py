"""Layers with weights: convolutions, dense layers, products, attention, embeddings."""

from __future__ import annotations

from fractions import Fraction

from archcalc.frameworks.aten.base import (
    Call,
    Dim,
    Outputs,
    Reach,
    Unknown,
    Value,
    as_onnx,
    aten,
    learned,
    rule,
    several,
    size,
)
from archcalc.importer.rules.convolution import Windows, convolved
from archcalc.importer.rules.dense import multiplied
from archcalc.importer.values import spell_dim
from archcalc.ops.foreign import foreign
from archcalc.untyped import Attribute, Operand


@aten("conv1d", "conv2d", "conv3d")
def conv(
    call: Call,
    input: Value,
    weight: Value,
    bias: Value | None = None,
    *,
    stride: Attribute = 1,
    padding: Attribute = 0,
    dilation: Attribute = 1,
    groups: int = 1,
) -> Operand:
    """A convolution over one to three axes, `batch x channels x spatial` or without the batch: its MACs are a filter an
    output element.
    """
    return _batched(call, held(call, input), weight, lambda x: convolved(
        call, x, weight, bias, _windows(weight, stride, padding, dilation, groups)))  # fmt: skip


@aten("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def conv_transpose(
    call: Call,
    input: Value,
    weight: Value,
    bias: Value | None = None,
    *,
    stride: Attribute = 1,
    padding: Attribute = 0,
    output_padding: Attribute = 0,
    groups: int = 1,
    dilation: Attribute = 1,
) -> Operand:
    """A transposed convolution: each input element spreads a filter, which is what its MACs are; `output_padding`
    lengthens the far side.
    """
    windows = _windows(weight, stride, padding, dilation, groups)
    windows.output_padding = several(output_padding, len(weight.dims) - 2)
    return _batched(call, input, weight, lambda x: _transposed(call, x, weight, bias, windows))


def _transposed(call: Call, x: Value, weight: Value, bias: Value | None, windows: Windows) -> object:
    return as_onnx(call, "ConvTranspose", x, weight, bias, **{
        name: value for name, value in vars(windows).items() if value is not None
    })  # fmt: skip


@aten("convolution", "_convolution")
def convolution(
    call: Call,
    input: Value,
    weight: Value,
    bias: Value | None = None,
    *,
    stride: Attribute = 1,
    padding: Attribute = 0,
    dilation: Attribute = 1,
    transposed: bool = False,
    output_padding: Attribute = 0,
    groups: int = 1,
) -> Operand:
    """The one operator that torch's convolutions come down to, plain or `transposed`."""
    if transposed:
        return conv_transpose(
            call, input, weight, bias, stride=stride, padding=padding, output_padding=output_padding, groups=groups,
            dilation=dilation,
        )  # fmt: skip
    return conv(call, input, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)


@aten("conv_tbc")
def conv_tbc(call: Call, self: Value, weight: Value, bias: Value | None = None, *, pad: int = 0) -> Value:
    """A convolution of `time x batch x channels` with weights `kernel x in x out`: a filter an output element."""
    (time, batch, _), (kernel, features, out) = self.axes(3), weight.axes(3)
    shape = (time + 2 * pad - kernel + 1, batch, out)
    return call.figure(
        "conv", shape, [self], words=f"conv {spell_dim(out)} {spell_dim(kernel)}", macs=size(shape) * kernel * features,
        elementwise=size(shape) if bias is not None else 0, weights={"weight": weight, "bias": bias},
        reach=Reach.MIXED, flags=("is_layer",),
    )  # fmt: skip


def _batched(call: Call, x: Value, weight: Value, convolve: Attribute) -> object:
    """A sample that has no axis for the batch gets one on the way."""
    if len(x.dims) == len(weight.dims):
        return convolve(x)
    out = convolve(call.view(x, (1, *x.dims)))
    return call.view(out, out.dims[1:])


def _windows(weight: Value, stride: object, padding: object, dilation: object, groups: int) -> Windows:
    rank, windows = len(weight.dims) - 2, Windows()
    windows.strides, windows.dilations, windows.group = several(stride, rank), several(dilation, rank), groups
    windows.pads = _pads(weight, padding, windows.dilations)
    return windows


def _pads(weight: Value, padding: object, dilations: list[int]) -> list[int]:
    """Numbers before, then those after; "same" has the larger half after."""
    if padding == "valid":
        return [0] * (2 * len(dilations))
    if padding != "same":
        return several(padding, len(dilations)) * 2
    kernel = [k for k in weight.dims[2:] if isinstance(k, int)]
    totals = [d * (k - 1) for k, d in zip(kernel, dilations, strict=True)]
    return [*(total // 2 for total in totals), *(total - total // 2 for total in totals)]


# ---- products --------------------------------------------------------------------------------------------------------


@aten("linear")
def linear(call: Call, input: Value, weight: Value, bias: Value | None = None) -> Value:
    """x times the weights turned over, `out x in`, plus a bias: in x out MACs a position."""
    return multiplied(call, held(call, input), weight, bias, flip=(False, True))


def held(call: Call, value: Value) -> Value:
    """A table that a product reads: PyTorch computes it in each run, though nothing of the input goes into it."""
    if value.node is not None:
        return value
    sample = call.sample(value.dims)
    layer = foreign("table", words="a table", size_=sample, reach=Reach.ALL)
    return Value(value.dims, value.kind, call.walker.place(layer, (), sample, "", call.node, value.kind))


@aten("matmul", "mm", "bmm", "dot", "vdot", "mv")
def matmul(call: Call, self: Value, other: Value) -> Value:
    """A product of matrices or vectors, in batches where there are more axes: rows x inner x columns MACs each."""
    return multiplied(call, held(call, self) if other.node is None else self, other)


@aten("addmm", "baddbmm", "addbmm", "addmv")
def addmm(call: Call, self: Value, one: Value, two: Value) -> Value:
    """A product and a sum; beta of 0 leaves the sum out, which is no matter for MACs."""
    return multiplied(call, one, two, self)


@aten("einsum")
def einsum(call: Call, *tensors: Value, equation: str = "") -> Operand:
    """Products summed as the letters of `equation` say, as ONNX's Einsum."""
    return as_onnx(call, "Einsum", *tensors, equation=equation)


@aten("tensordot")
def tensordot(
    call: Call, self: Value, other: Value, *, dims_self: Attribute = (), dims_other: Attribute = ()
) -> Operand:
    """Products summed over the pairs of axes that are named, as an Einsum with a letter for each axis."""
    ranks, letters = (len(self.dims), len(other.dims)), iter("abcdefghijklmnopqrstuvwxyz")
    one = [next(letters) for _ in range(ranks[0])]
    two = [next(letters) for _ in range(ranks[1])]
    for a, b in zip(dims_self, dims_other, strict=True):
        two[b % ranks[1]] = one[a % ranks[0]]
    out = [letter for letter in one + two if (letter in one) != (letter in two)]
    return as_onnx(call, "Einsum", self, other, equation=f"{''.join(one)},{''.join(two)}->{''.join(out)}")


@aten("outer", "ger")
def outer(call: Call, self: Value, vec2: Value) -> Operand:
    """Every element of one vector times every one of the other: a MAC an output element."""
    return as_onnx(call, "Einsum", self, vec2, equation="i,j->ij")


@aten("bilinear")
def bilinear(call: Call, input1: Value, input2: Value, weight: Value, bias: Value | None = None) -> Value:
    """Both inputs against every matrix of the weight."""
    out, first, second = weight.axes(3)
    rows = size(input1.dims[:-1])
    shape = (*input1.dims[:-1], out)
    return call.figure(
        "bilinear", shape, [input1, input2], words=f"bilinear {spell_dim(out)}",
        macs=rows * out * (first * second + second), elementwise=size(shape) if bias is not None else 0,
        weights={"weight": weight, "bias": bias}, reach=Reach.ALL, flags=("is_layer",),
    )  # fmt: skip


@aten("scaled_dot_product_attention")
def attention(
    call: Call, query: Value, key: Value, value: Value, attn_mask: Value | None = None, *, is_causal: bool = False,
    dropout_p: Fraction = Fraction(0),
) -> Value:  # fmt: skip
    """Scores, scaled and where there is a mask masked, their softmax, and the mean of the values; the mask of a causal
    one is computed whole, as PyTorch's arithmetic does.
    """
    q, k, v = query.dims, key.dims, value.dims
    lead = call.assumed.broadcast(q[:-2], k[:-2]) if q[:-3] == k[:-3] and q[-3:-2] == k[-3:-2] else q[:-2]
    scores, out = (*lead, q[-2], k[-2]), (*lead, q[-2], v[-1])
    heads: Dim = lead[-1] if lead else 1
    steps = 7 if attn_mask is not None or is_causal else 6
    return call.figure(
        "attention", out, [query, key, value, attn_mask], words=f"attention {spell_dim(heads)}",
        macs=size(scores) * (q[-1] + v[-1]), elementwise=steps * size(scores) - 2 * size(scores[:-1]),
        weights={"bias": attn_mask} if learned(attn_mask) else {},
        reach=Reach.ALL, known=dict.fromkeys(_said(call, dropout_p), 1),
    )  # fmt: skip


@rule("flex_attention", domain="higher_order")
def flex_attention(call: Call, query: Value, key: Value, value: Value, *, operations: int = 0) -> Outputs:
    """Attention whose scores go through functions of the user's, `operations` of them an element; scores that a mask
    leaves out are computed, as PyTorch counts them.
    """
    q, k, v = query.dims, key.dims, value.dims
    scores, out = (*q[:-1], k[-2]), (*q[:-1], v[-1])
    found = call.figure(
        "flex_attention", out, [query, key, value], words=f"flex_attention {spell_dim(q[-3])}",
        macs=size(scores) * (q[-1] + v[-1]), elementwise=(6 + operations) * size(scores) - 2 * size(scores[:-1]),
        reach=Reach.ALL,
    )  # fmt: skip
    sums = call.beside_it(found, "log_sum_exp", q[:-1], words="logarithms of the sums of the scores")
    return [found, *sums, None]


def _said(call: Call, rate: Fraction) -> list[str]:
    """What training keeps depends on: whether the values' heads lie one after the other, so that no copy is made of
    them, and whether weights of scores are dropped.
    """
    in_order = call.node.stands is not None and 2 not in call.node.stands.copied
    return ["in order"] * in_order + ["dropped"] * (0 < rate < 1)


@aten("embedding")
def embedding(call: Call, weight: Value, indices: Value) -> Operand:
    """A row of the table for each index: the table is weights, and nothing is multiplied."""
    return as_onnx(call, "Gather", weight, indices, axis=0)


@aten("embedding_bag", "_embedding_bag")
def embedding_bag(call: Call, weight: Value, indices: Value, offsets: Value | None = None) -> Operand:
    """Rows of a table, added up by bag."""
    if len(indices.dims) != 2 and offsets is None:
        raise Unknown("it has no bags")
    bags = indices.dims[0] if len(indices.dims) == 2 else (offsets or indices).dims[0]
    out = (bags, weight.dims[1])
    return call.figure(
        "embedding_bag", out, [indices, offsets], elementwise=size(indices.dims) * weight.dims[1],
        weights={"weight": weight}, reach=Reach.ALL,
    )  # fmt: skip
