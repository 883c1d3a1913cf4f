"""What onnxruntime's optimiser puts in the place of several nodes (domain com.microsoft)."""

from __future__ import annotations

from archcalc.importer.rules.activation import mapped
from archcalc.importer.rules.arithmetic import spread
from archcalc.importer.rules.base import (
    LAYER,
    MICROSOFT,
    VIEW,
    Call,
    Dim,
    Outputs,
    Reach,
    Shape,
    Value,
    learned,
    rule,
    size,
)  # fmt: skip
from archcalc.importer.rules.convolution import Windows, convolved
from archcalc.importer.rules.dense import multiplied
from archcalc.importer.rules.normalization import layered
from archcalc.importer.values import spell_dim
from archcalc.ops.merge import Add

COSTS = {
    "Relu": 1, "Sigmoid": 4, "Tanh": 1, "LeakyRelu": 2, "Clip": 2, "HardSigmoid": 4, "Gelu": 5, "Elu": 3, "Softplus": 3,
}  # fmt: skip


def added(call: Call, *values: Value | None) -> Value:
    """The sum of those that are there, one after another."""
    first, *others = [value for value in values if value is not None]
    for other in others:
        first = spread(call, "add", Add, [first, other])
    return first


def activated(call: Call, value: Value, name: str) -> Value:
    """A value through the activation that a fused node names; none for an empty name."""
    return mapped(call, value, name.lower(), COSTS.get(name, 1)) if name else value


@rule("FusedConv", "NhwcFusedConv", domain=MICROSOFT)
def fused_conv(
    call: Call, X: Value, W: Value, B: Value | None = None, Z: Value | None = None, *, activation: str = "",
    windows: Windows,
) -> Value:  # fmt: skip
    """A convolution, a sum with a further operand where there is one, and an activation."""
    value = convolved(call, X, W, B, windows, last=call.op.startswith("Nhwc"))
    return activated(call, added(call, value, Z), activation)


@rule("FusedGemm", domain=MICROSOFT)
def fused_gemm(
    call: Call, A: Value, B: Value, C: Value | None = None, *, transA: bool = False, transB: bool = False,
    activation: str = "",
) -> Value:  # fmt: skip
    """Gemm, and an activation of its result."""
    return activated(call, multiplied(call, A, B, C, flip=(transA, transB)), activation)


@rule("FusedMatMul", "TransposeMatMul", domain=MICROSOFT)
def fused_matmul(
    call: Call, A: Value, B: Value, *, transA: bool = False, transB: bool = False, transBatchA: bool = False,
    transBatchB: bool = False,
) -> Value:  # fmt: skip
    """MatMul with operands that may be turned over, in their last two axes or with the batch moved inwards."""
    a, b = _batch_first(call, A) if transBatchA else A, _batch_first(call, B) if transBatchB else B
    return multiplied(call, a, b, flip=(transA, transB))


def _batch_first(call: Call, value: Value) -> Value:
    """A matrix whose rows stand before the axes of the batch, read in the usual order."""
    shape = value.shape
    if shape is None or len(shape) < 3:
        return value
    out = (*shape[1:-1], shape[0], shape[-1])
    if value.is_constant:
        return Value(out, value.kind, None, None, value.origins)
    words = "rows after the batch"
    return call.figure("permute", out, [value], words=words, reach=Reach.MIXED, flags=VIEW, kind=value.kind)


@rule("Gelu", "FastGelu", "BiasGelu", "QuickGelu", "BiasSplitGelu", domain=MICROSOFT)
def gelu(call: Call, X: Value, bias: Value | None = None) -> Value:
    """With a bias where there is one."""
    return mapped(call, added(call, X, bias), "gelu", {"FastGelu": 9, "QuickGelu": 6}.get(call.op, 5))


@rule("BiasAdd", domain=MICROSOFT)
def bias_add(call: Call, X: Value, bias: Value, skip: Value | None = None) -> Value:
    """X plus a bias a channel, and plus a shortcut where there is one: a sum an element each."""
    return added(call, X, bias, skip)


@rule("SkipLayerNormalization", domain=MICROSOFT)
def skip_layer_norm(
    call: Call, input: Value, skip: Value, gamma: Value, beta: Value | None = None, bias: Value | None = None
) -> Outputs:
    """A sum, with a bias where there is one, and its normalisation; the sum is the fourth output."""
    total = added(call, input, skip, bias)
    return [layered(call, total, gamma, beta, -1), None, None, total]


@rule("SkipSimplifiedLayerNormalization", domain=MICROSOFT)
def skip_rms_norm(call: Call, input: Value, skip: Value, gamma: Value, bias: Value | None = None) -> Outputs:
    """A shortcut added and the sum divided by its root mean square; the sum is an output, too."""
    total = added(call, input, skip, bias)
    return [layered(call, total, gamma, None, -1, "rms_norm"), None, None, total]


@rule("SimplifiedLayerNormalization", also=MICROSOFT)
def simplified(call: Call, X: Value, scale: Value | None = None, *, axis: int = -1) -> Outputs:
    """Division by the root mean square over the axes from the given one on, with a scale."""
    return [layered(call, X, scale, None, axis, "rms_norm")]


@rule("EmbedLayerNormalization", domain=MICROSOFT)
def embed_layer_norm(
    call: Call, input_ids: Value, segment_ids: Value | None, word_embedding: Value, position_embedding: Value,
    segment_embedding: Value | None = None, gamma: Value | None = None, beta: Value | None = None,
) -> Outputs:  # fmt: skip
    """Words, positions and segments looked up, summed and normalised."""
    vocab, width = word_embedding.dims[0], word_embedding.dims[-1]
    shape = (*input_ids.dims, width)
    found = call.figure(
        "embedding", shape, [input_ids, segment_ids], words=f"embedding {spell_dim(vocab)} {spell_dim(width)}",
        weights={"words": word_embedding, "positions": position_embedding, "segments": segment_embedding},
        elementwise=(2 if segment_embedding is not None else 1) * size(shape), kind=1,
    )  # fmt: skip
    return [layered(call, found, gamma, beta, -1), Value((shape[0],), 6), found]


def attended(
    call: Call, out: Shape, scores: Shape, macs: Dim, words: str, weights: dict[str, Value | None] | None = None,
    of: list[Value | None] | None = None, more: Dim = 0, flags: tuple[str, ...] = (), kind: int | None = None,
) -> Value:  # fmt: skip
    """Scaling and softmax of the scores; `more` is what else is done element by element."""
    cost = 6 * size(scores) - 2 * size(scores[:3]) + more
    return call.figure(
        "attention", out, of, words=f"attention {words}", macs=macs, elementwise=cost, weights=weights,
        reach=Reach.ALL, flags=flags, kind=kind,
    )  # fmt: skip


@rule("Attention", domain=MICROSOFT)
def attention(
    call: Call, input: Value, weights: Value, bias: Value | None = None, mask_index: Value | None = None,
    past: Value | None = None, *, num_heads: int = 1, qkv_hidden_sizes: list[int] | None = None,
) -> Outputs:  # fmt: skip
    """Projections to queries, keys and values in one matrix, and scaled dot-product attention; `past` lengthens the
    keys.
    """
    return projected(call, input, weights, bias, past, num_heads, qkv_hidden_sizes)


@rule("QAttention", domain=MICROSOFT)
def qattention(
    call: Call, input: Value, weight: Value, bias: Value | None, input_scale: Value | None,
    weight_scale: Value | None, mask_index: Value | None = None, input_zero_point: Value | None = None,
    weight_zero_point: Value | None = None, past: Value | None = None, *, num_heads: int = 1,
) -> Outputs:  # fmt: skip
    """Attention with quantized projections: the MACs of Attention; scales and zero points cost nothing."""
    return projected(call, input, weight, bias, past, num_heads, None)


def projected(
    call: Call, x: Value, w: Value, bias: Value | None, past: Value | None, heads: int, sizes: list[int] | None
) -> Outputs:
    """Queries, keys and values projected by one matrix, then attention; no projection of the output."""
    b, steps, features = x.axes(3)
    width = w.dims[-1]
    inner, _, outer = sizes if sizes and len(sizes) == 3 else [call.assumed.quotient(width, 3)] * 3
    keys = steps + (past.shape[3] if past is not None and past.shape is not None and len(past.shape) == 5 else 0)
    macs = b * steps * features * width + b * steps * keys * (inner + outer)
    value = attended(
        call, (b, steps, outer), (b, heads, steps, keys), macs, f"{heads}", {"weight": w, "bias": bias}, flags=LAYER,
        kind=1,
    )  # fmt: skip
    if not call.puts_out(1):
        return [value]
    return [value, call.figure("cache", (2, b, heads, keys, call.assumed.quotient(inner, heads)), [value])]


@rule("MultiHeadAttention", domain=MICROSOFT)
def multi_head(
    call: Call, query: Value, key: Value | None = None, value: Value | None = None, bias: Value | None = None,
    key_padding_mask: Value | None = None, attention_bias: Value | None = None, past_key: Value | None = None,
    past_value: Value | None = None, *, num_heads: int = 1,
) -> Outputs:  # fmt: skip
    """Attention of queries, keys and values that were projected before."""
    q, heads = query.dims, num_heads
    if len(q) == 5:
        b, steps, _, _, depth = q
        keys, inner, outer = steps, heads * depth, heads * depth
    else:
        b, steps, inner = query.axes(3)
        k, v = key.dims if key is not None else q, value.dims if value is not None else (1, 1, inner)
        keys, outer = k[2] if len(k) == 4 else k[1], v[1] * v[3] if len(v) == 4 else v[2]
    if past_key is not None and past_key.shape is not None:
        keys = keys + past_key.shape[2]
    given = {"bias": bias} if learned(bias) else {}
    macs = b * steps * keys * (inner + outer)
    found = attended(call, (b, steps, outer), (b, heads, steps, keys), macs, f"{heads}", given)
    cache = (b, heads, keys, call.assumed.quotient(inner, heads))
    return [found, *call.beside_it(found, "cache", cache, cache)]


@rule("GroupQueryAttention", domain=MICROSOFT)
def grouped(
    call: Call, query: Value, key: Value | None = None, value: Value | None = None, past_key: Value | None = None,
    past_value: Value | None = None, seqlens_k: Value | None = None, total_sequence_length: Value | None = None,
    cos_cache: Value | None = None, sin_cache: Value | None = None, *, num_heads: int = 1, kv_num_heads: int = 1,
    do_rotary: bool = False,
) -> Outputs:  # fmt: skip
    """Attention whose keys and values are shared between heads; new ones are put behind those of the cache."""
    (b, steps, width), heads, shared = query.axes(3), num_heads, kv_num_heads
    depth = call.assumed.quotient(width, heads + 2 * shared if key is None else heads)
    before: Dim = past_key.shape[2] if past_key is not None and past_key.shape is not None else 0
    scores = (b, heads, steps, before + steps)
    rotated = 3 * b * steps * (heads + shared) * depth if do_rotary else 0
    found = attended(
        call, (b, steps, heads * depth), scores, 2 * size(scores) * depth, f"{heads} kv_heads={shared}",
        of=[query, key, value, past_key, past_value], more=rotated,
    )  # fmt: skip
    cache = (b, shared, before + steps, depth)
    return [found, *call.beside_it(found, "cache", cache, cache)]


@rule("RotaryEmbedding", domain=MICROSOFT)
def rotary(
    call: Call, X: Value, position_ids: Value | None = None, cos_cache: Value | None = None,
    sin_cache: Value | None = None,
) -> Value:  # fmt: skip
    """Two products and a sum an element."""
    return call.figure("rotary", X.dims, [X], elementwise=3 * size(X.dims))


@rule("RotaryEmbedding")
def rotary_embedding(
    call: Call, X: Value, cos_cache: Value | None = None, sin_cache: Value | None = None,
    position_ids: Value | None = None,
) -> Value:  # fmt: skip
    """Pairs of features turned by their position's angle, whose sines and cosines stand in tables."""
    return rotary(call, X)


@rule("GroupNorm", "SkipGroupNorm", domain=MICROSOFT)
def group_norm(call: Call, X: Value, gamma: Value, beta: Value, *, groups: int = 32, activation: int = 0) -> Outputs:
    """Channels last; with its activation."""
    shape = X.dims
    cost = (12 if activation else 7) * size(shape) + 2 * groups * shape[0]
    weights = {"scale": gamma, "shift": beta}
    return [call.figure("gn", shape, [X], words=f"gn {groups}", elementwise=cost, weights=weights)]


@rule("Inverse", domain=MICROSOFT)
def inverse(call: Call, X: Value) -> Value:
    """By elimination: n^3 products of each matrix."""
    return call.figure("inverse", X.dims, macs=size(X.dims) * X.dims[-1], reach=Reach.ALL)
