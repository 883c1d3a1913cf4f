"""What onnxruntime's optimiser puts in the place of several nodes (domain com.microsoft)."""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.importer.rules.activation import mapped
from archcalc.importer.rules.arithmetic import combined
from archcalc.importer.rules.base import MICROSOFT, Call, Dim, Outputs, Reach, Shape, Value, learned, rule, size
from archcalc.importer.rules.convolution import convolved
from archcalc.importer.rules.dense import multiplied
from archcalc.importer.rules.normalization import layered
from archcalc.importer.values import Origin, axis_of, spell_dim
from archcalc.ops.merge import Add

COSTS = {
    "Relu": 1,
    "Sigmoid": 4,
    "Tanh": 1,
    "LeakyRelu": 2,
    "Clip": 2,
    "HardSigmoid": 4,
    "Gelu": 5,
    "Elu": 3,
    "Softplus": 3,
}


@rule("FusedConv", "NhwcFusedConv", domain=MICROSOFT)
def fused_conv(call: Call) -> Value:
    """A convolution, a sum with a further operand where there is one, and an activation."""
    value = convolved(call, call.value(0), call.value(1), call.optional(2), last=call.node.op.startswith("Nhwc"))
    if call.has(3):
        value = combined(call, "add", Add, [value, call.value(3)])
    return _activated(call, value)


def _activated(call: Call, value: Value) -> Value:
    name = call.text("activation", "")
    return mapped(call, value, name.lower() if name != "Clip" else "clip", COSTS.get(name, 1)) if name else value


@rule("FusedGemm", domain=MICROSOFT)
def fused_gemm(call: Call) -> Value:
    flip = (bool(call.whole("transA", 0)), bool(call.whole("transB", 0)))
    return _activated(call, multiplied(call, call.value(0), call.value(1), call.optional(2), flip=flip))


@rule("FusedMatMul", "TransposeMatMul", domain=MICROSOFT)
def fused_matmul(call: Call) -> Value:
    a, b = (
        _batch_first(call, call.value(n)) if call.whole(name, 0) else call.value(n)
        for n, name in enumerate(("transBatchA", "transBatchB"))
    )
    return multiplied(call, a, b, flip=(bool(call.whole("transA", 0)), bool(call.whole("transB", 0))))


def _batch_first(call: Call, value: Value) -> Value:
    """A matrix whose rows stand before the axes of the batch, read in the usual order."""
    shape = value.shape
    if shape is None or len(shape) < 3:
        return value
    out = (*shape[1:-1], shape[0], shape[-1])
    if value.is_constant:
        return Value(out, value.kind, None, None, value.origins)
    return call.figure(
        "permute", out, [value], words="rows after the batch", reach=Reach.MIXED, flags=("is_view",), kind=value.kind
    )


@rule("Gelu", "FastGelu", "BiasGelu", "QuickGelu", "BiasSplitGelu", domain=MICROSOFT)
def gelu(call: Call) -> Value:
    """With a bias where there is one."""
    value = call.value(0)
    if call.has(1):
        value = combined(call, "add", Add, [value, call.value(1)])
    return mapped(call, value, "gelu", {"FastGelu": 9, "QuickGelu": 6}.get(call.node.op, 5))


@rule("BiasAdd", domain=MICROSOFT)
def bias_add(call: Call) -> Value:
    value = combined(call, "add", Add, [call.value(0), call.value(1)])
    return combined(call, "add", Add, [value, call.value(2)]) if call.has(2) else value


@rule("SkipLayerNormalization", "SkipSimplifiedLayerNormalization", domain=MICROSOFT)
def skip_layer_norm(call: Call) -> Outputs:
    """A sum, with a bias where there is one, and its normalisation; the sum is the fourth output."""
    simple = call.node.op.startswith("SkipSimplified")
    bias = call.optional(3 if simple else 4)
    added = combined(call, "add", Add, [call.value(0), call.value(1)])
    if bias is not None:
        added = combined(call, "add", Add, [added, bias])
    value = layered(
        call, added, call.value(2), None if simple else call.optional(3), -1, "rms_norm" if simple else "ln"
    )
    return [value, None, None, added]


def simplified(call: Call) -> Outputs:
    return [layered(call, call.value(0), call.optional(1), None, call.whole("axis", -1), "rms_norm")]


for _domain in ("", MICROSOFT):
    rule("SimplifiedLayerNormalization", domain=_domain)(simplified)


@rule("EmbedLayerNormalization", domain=MICROSOFT)
def embed_layer_norm(call: Call) -> Outputs:
    """Words, positions and segments looked up, summed and normalised."""
    ids = call.value(0)
    width = call.shape(2)[-1]
    shape = (*call.shape(0), width)
    tables = {
        "words": call.value(2),
        "positions": call.value(3),
        **({"segments": call.value(4)} if call.has(4) else {}),
    }
    of = [ids, call.optional(1)]
    elementwise = (len(tables) - 1) * size(shape)
    found = call.figure(
        "embedding",
        shape,
        of,
        words=f"embedding {spell_dim(call.shape(2)[0])} {spell_dim(width)}",
        weights=tables,
        elementwise=elementwise,
        kind=1,
    )
    value = layered(call, found, call.optional(5), call.optional(6), -1)
    return [value, Value((shape[0],), 6), found]


def _attended(
    call: Call, word: str, out: Shape, of: Sequence[Value | None], macs: Dim, scores: Dim, rows: Dim, **figures: object
) -> Value:
    """Scaling and softmax of the scores."""
    return call.figure(word, out, of, macs=macs, elementwise=6 * scores - 2 * rows, reach=Reach.ALL, **figures)  # type: ignore[arg-type]


@rule("Attention", "QAttention", domain=MICROSOFT)
def attention(call: Call) -> Outputs:
    """Queries, keys and values projected by one matrix, then attention; no projection of the output."""
    b, steps, features = call.rank(0, 3)
    quantized = call.node.op == "QAttention"
    w, bias = call.value(1), call.optional(2)
    width = call.shape(1)[-1]
    heads = call.whole("num_heads", 1)
    given = call.ints("qkv_hidden_sizes")
    inner, _, outer = given if given and len(given) == 3 else [call.assumed.quotient(width, 3)] * 3
    past = call.optional(8 if quantized else 4)
    keys = steps + (past.shape[3] if past is not None and past.shape is not None and len(past.shape) == 5 else 0)
    scores = b * heads * steps * keys
    value = _attended(
        call,
        "attention",
        (b, steps, outer),
        call.values(),
        b * steps * features * width + b * steps * keys * (inner + outer),
        scores,
        b * heads * steps,
        words=f"attention {heads}",
        weights={"weight": w, **({"bias": bias} if bias is not None and bias.is_constant else {})},
        flags=("is_layer",),
        kind=1,
    )
    if len(call.names) > 1 and call.names[1]:
        present = call.figure("cache", (2, b, heads, keys, call.assumed.quotient(inner, heads)), [value])
        return [value, present]
    return [value]


@rule("MultiHeadAttention", domain=MICROSOFT)
def multi_head(call: Call) -> Outputs:
    """Attention of queries, keys and values that were projected before."""
    q = call.shape(0)
    heads = call.whole("num_heads", 1)
    if len(q) == 5:
        b, steps, _, _, depth = q
        keys, inner, outer = steps, heads * depth, heads * depth
    else:
        b, steps, inner = call.rank(0, 3)
        k = call.shape(1) if call.has(1) else q
        keys = k[2] if len(k) == 4 else k[1]
        outer = inner
        if call.has(2):
            v = call.shape(2)
            outer = v[1] * v[3] if len(v) == 4 else v[2]
    past = call.optional(6)
    if past is not None and past.shape is not None:
        keys = keys + past.shape[2]
    scores = b * heads * steps * keys
    bias = call.optional(3)
    weights = {"bias": bias} if bias is not None and learned(bias) else {}
    macs = b * steps * keys * (inner + outer)
    value = _attended(
        call,
        "attention",
        (b, steps, outer),
        call.values(),
        macs,
        scores,
        b * heads * steps,
        words=f"attention {heads}",
        weights=weights,
    )
    depth_ = call.assumed.quotient(inner, heads)
    return [
        value,
        *[call.figure("cache", (b, heads, keys, depth_), [value]) if name else None for name in call.names[1:3]],
    ]


@rule("GroupQueryAttention", domain=MICROSOFT)
def grouped(call: Call) -> Outputs:
    """Attention whose keys and values are shared between heads; new ones are put behind those of the cache."""
    b, steps, width = call.rank(0, 3)
    heads, shared = call.whole("num_heads", 1), call.whole("kv_num_heads", 1)
    packed = not call.has(1)
    depth = call.assumed.quotient(width, heads + 2 * shared if packed else heads)
    past = call.optional(3)
    before: Dim = past.shape[2] if past is not None and past.shape is not None else 0
    keys = before + steps
    scores = b * heads * steps * keys
    rotated = 3 * b * steps * (heads + shared) * depth if call.whole("do_rotary", 0) else 0
    value = call.figure(
        "attention",
        (b, steps, heads * depth),
        [call.value(n) for n in range(5) if call.has(n)],
        words=f"attention {heads} kv_heads={shared}",
        macs=2 * scores * depth,
        elementwise=6 * scores - 2 * b * heads * steps + rotated,
        reach=Reach.ALL,
    )
    return [
        value,
        *[call.figure("cache", (b, shared, keys, depth), [value]) if name else None for name in call.names[1:3]],
    ]


def rotary(call: Call) -> Value:
    """Two products and a sum an element."""
    return call.figure("rotary", call.shape(0), [call.value(0)], elementwise=3 * size(call.shape(0)))


for _domain in ("", MICROSOFT):
    rule("RotaryEmbedding", domain=_domain)(rotary)


@rule("GroupNorm", "SkipGroupNorm", domain=MICROSOFT)
def group_norm(call: Call) -> Outputs:
    """Channels last; with its activation."""
    shape = call.shape(0)
    groups = call.whole("groups", 32)
    weights = {"scale": call.value(1), "shift": call.value(2)}
    cost = 7 * size(shape) + 2 * groups * shape[0] + (5 * size(shape) if call.whole("activation", 0) else 0)
    return [call.figure("gn", shape, [call.value(0)], words=f"gn {groups}", elementwise=cost, weights=weights)]


@rule("Inverse", domain=MICROSOFT)
def inverse(call: Call) -> Value:
    """By elimination: n^3 products of each matrix."""
    shape = call.shape(0)
    return call.figure("inverse", shape, macs=size(shape) * shape[-1], reach=Reach.ALL)


__all__ = ["Origin", "axis_of"]
