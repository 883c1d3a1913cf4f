"""Attention of the standard: to all positions, with a graph that changes its scores, and with a state in the place of
scores.
"""

from __future__ import annotations

from archcalc.errors import ShapeError
from archcalc.importer.proto import Subgraph
from archcalc.importer.rules.base import MICROSOFT, Call, Dim, Outputs, Reach, Shape, Value, rule, size
from archcalc.importer.values import spell_dim

PREVIEW = "ai.onnx.preview"


@rule("Attention")
def attention(
    call: Call, Q: Value, K: Value, V: Value, attn_mask: Value | None = None, past_key: Value | None = None,
    past_value: Value | None = None, nonpad_kv_seqlen: Value | None = None, *, q_num_heads: int = 0,
    kv_num_heads: int = 0,
) -> Outputs:  # fmt: skip
    """Scaled dot-product attention, ai.onnx 23: queries, keys and values, as `batch x positions x features` or with the
    heads apart.
    """
    q, k, v = Q.dims, K.dims, V.dims
    heads: Dim = q_num_heads
    shared: Dim = kv_num_heads
    if len(q) == 3:
        if q_num_heads < 1 or kv_num_heads < 1:
            raise ShapeError("q_num_heads and kv_num_heads are needed for 3 axes")
        b, queries, keys = q[0], q[1], k[1]
        depth, value_depth = call.assumed.quotient(q[2], heads), call.assumed.quotient(v[2], shared)
    else:
        b, heads, queries, depth = Q.axes(4)
        shared, keys, value_depth = k[1], k[2], v[3]
    if past_key is not None and past_key.shape is not None:
        keys = keys + past_key.shape[2]
    out: Shape = (b, queries, heads * value_depth) if len(q) == 3 else (b, heads, queries, value_depth)
    scores = (b, heads, queries, keys)
    value = _attended(call, out, scores, depth + value_depth, attn_mask is not None)
    others = ((b, shared, keys, depth), (b, shared, keys, value_depth), scores)
    return [value, *call.beside_it(value, "cache", *others)]


def _attended(call: Call, out: Shape, scores: Shape, depth: Dim, masked: bool = False) -> Value:
    """One layer: scores, scaled and where there is one masked, their softmax, and the mean of the values; `depth` is
    that of both products.
    """
    return call.figure(
        "attention", out, words=f"attention {spell_dim(scores[1])}", macs=size(scores) * depth,
        elementwise=size(scores) * (7 if masked else 6) - 2 * size(scores[:3]), reach=Reach.ALL,
    )  # fmt: skip


@rule("FlexAttention", domain=PREVIEW)
def flex_attention(
    call: Call, Q: Value, K: Value, V: Value, *, score_mod: Subgraph | None = None, prob_mod: Subgraph | None = None
) -> Value:
    """Attention with the heads apart, whose scores and probabilities may go through a graph each."""
    (b, heads, queries, depth), (_, shared, keys, _), (*_, value_depth) = Q.axes(4), K.axes(4), V.axes(4)
    _share(heads, shared)
    scores, out = (b, heads, queries, keys), (b, heads, queries, value_depth)
    count = size(scores)
    if score_mod is None and prob_mod is None:
        return _attended(call, out, scores, depth + value_depth)
    value = call.figure("scores", scores, [Q, K], macs=count * depth, elementwise=count, reach=Reach.ALL)
    value = _through(call, score_mod, value)
    value = call.figure("softmax", scores, [value], elementwise=5 * count - 2 * size(scores[:3]), reach=Reach.ALL)
    value = _through(call, prob_mod, value)
    return call.figure("attention", out, [value, V], macs=count * value_depth, reach=Reach.ALL)


def _through(call: Call, graph: Subgraph | None, value: Value) -> Value:
    """What a graph of one input and one output of the same shape makes of a value."""
    if graph is None:
        return value
    if len(graph.graph.inputs) != 1 or len(graph.graph.outputs) != 1:
        raise ShapeError("what changes its scores must be a graph of one input and one output")
    (found,) = call.body(graph, [value])
    if not isinstance(found, Value) or found.dims != value.dims:
        raise ShapeError("what changes its scores must leave their shape as it is")
    return found


@rule("LinearAttention", also=MICROSOFT)
def linear_attention(
    call: Call, query: Value, key: Value, value: Value, past_state: Value | None = None, decay: Value | None = None,
    beta: Value | None = None, *, q_num_heads: int = 0, kv_num_heads: int = 0, update_rule: str = "gated_delta",
) -> Outputs:  # fmt: skip
    """A state of keys x values a head, in the place of scores: every position writes its outer product into it and
    reads it with its query.

    `gated` rules let it fade first, `delta` rules take out what is read at the key. Heads of queries may share a state.
    """
    (b, positions, width), k, v = query.axes(3), key.axes(3), value.axes(3)
    heads, shared = q_num_heads, kv_num_heads
    _share(heads, shared)
    depth, value_depth = call.assumed.quotient(width, heads), call.assumed.quotient(v[2], shared)
    call.assumed.agree(k[2], shared * depth, "the keys' features and the queries'")
    for other in (k, v):
        call.assumed.agree(other[1], positions, "positions")
    if update_rule not in ("linear", "gated", "delta", "gated_delta"):
        raise ShapeError(f"there is no update_rule '{update_rule}'")
    state = b * positions * shared * depth * value_depth
    read, written = b * positions * heads * value_depth, b * positions * shared * value_depth
    macs, elementwise = state + depth * read, state + read
    if update_rule.startswith("gated"):
        elementwise = elementwise + state + size(call.needs(decay, 4).dims)
    if update_rule.endswith("delta"):
        macs, elementwise = macs + state, elementwise + 2 * written
    out = call.figure(
        "linear_attention", (b, positions, heads * value_depth), words=f"linear_attention {heads} {update_rule}",
        macs=macs, elementwise=elementwise, reach=Reach.ALL,
    )  # fmt: skip
    return [out, *call.beside_it(out, "state", *[(b, shared, depth, value_depth)] * (len(call.names) - 1))]


def _share(heads: Dim, shared: Dim) -> None:
    """Heads of queries share those of keys in groups. Raises ShapeError where they can't."""
    if any(isinstance(number, int) and number < 1 for number in (heads, shared)):
        raise ShapeError("it needs numbers of heads, for queries and for keys")
    if isinstance(heads, int) and isinstance(shared, int) and heads % shared:
        raise ShapeError(f"{heads} heads of queries can't share {shared} of keys")
