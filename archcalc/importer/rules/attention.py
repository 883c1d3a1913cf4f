"""Attention of the standard: to all positions, with a graph that changes its scores, and with a state in the place of
scores.
"""

from __future__ import annotations

from typing import Any

from archcalc.errors import ShapeError
from archcalc.importer.proto import Subgraph
from archcalc.importer.rules.base import Call, Dim, Reach, Shape, Value, rule, shaped, size
from archcalc.importer.values import spell_dim

PREVIEW = "ai.onnx.preview"


@rule("Attention")
def attention(call: Call) -> list[Value | None]:
    """Scaled dot-product attention, ai.onnx 23: queries, keys and values, as `batch x positions x features` or with the
    heads apart.
    """
    q, k, v = call.shape(0), call.shape(1), call.shape(2)
    heads, shared = call.whole("q_num_heads", 0), call.whole("kv_num_heads", 0)
    if len(q) == 3:
        if heads < 1 or shared < 1:
            raise ShapeError("q_num_heads and kv_num_heads are needed for 3 axes")
        b, queries, width, value_width, keys = q[0], q[1], q[2], v[2], k[1]
        depth, value_depth = call.assumed.quotient(width, heads), call.assumed.quotient(value_width, shared)
    else:
        call.rank(0, 4)
        b, heads_, queries, depth = q
        keys, value_depth = k[2], v[3]
        heads, shared = heads_, k[1]  # type: ignore[assignment]
    past = call.optional(4)
    if past is not None and past.shape is not None:
        keys = keys + past.shape[2]
    out: Shape = (b, queries, heads * value_depth) if len(q) == 3 else (b, heads, queries, value_depth)
    value = _attended(call, out, (b, heads, queries, keys), depth + value_depth)
    found: list[Value | None] = [value]
    for name, shape in zip(
        call.names[1:],
        ((b, shared, keys, depth), (b, shared, keys, value_depth), (b, heads, queries, keys)),
        strict=False,
    ):
        found.append(call.figure("cache", shape, [value]) if name else None)
    return found


def _attended(call: Call, out: Shape, scores: Shape, depth: Dim) -> Value:
    """One layer: scores, scaled and where there is one masked, their softmax, and the mean of the values; `depth` is
    that of both products.
    """
    cost = size(scores) * (7 if call.has(3) else 6) - 2 * size(scores[:3])
    words = f"attention {spell_dim(scores[1])}"
    return call.figure(
        "attention", out, call.values(), words=words, macs=size(scores) * depth, elementwise=cost, reach=Reach.ALL
    )


@rule("FlexAttention", domain=PREVIEW)
def flex_attention(call: Call) -> Value:
    """Attention with the heads apart, whose scores and probabilities may go through a graph each."""
    (b, heads, queries, depth), (_, shared, keys, _), (*_, value_depth) = (
        call.rank(0, 4),
        call.rank(1, 4),
        call.rank(2, 4),
    )
    _share(call, heads, shared)
    scores, out = (b, heads, queries, keys), (b, heads, queries, value_depth)
    graphs = [call.attr(name) for name in ("score_mod", "prob_mod")]
    if graphs == [None, None]:
        return _attended(call, out, scores, depth + value_depth)
    value = call.figure(
        "scores",
        scores,
        [call.value(0), call.value(1)],
        macs=size(scores) * depth,
        elementwise=size(scores),
        reach=Reach.ALL,
    )
    value = _through(call, graphs[0], value)
    value = call.figure(
        "softmax", scores, [value], elementwise=5 * size(scores) - 2 * size(scores[:3]), reach=Reach.ALL
    )
    value = _through(call, graphs[1], value)
    return call.figure("attention", out, [value, call.value(2)], macs=size(scores) * value_depth, reach=Reach.ALL)


def _through(call: Call, graph: Any, value: Value) -> Value:
    """What a graph of one input and one output of the same shape makes of a value."""
    if graph is None:
        return value
    if not isinstance(graph, Subgraph) or len(graph.graph.inputs) != 1 or len(graph.graph.outputs) != 1:
        raise ShapeError("what changes its scores must be a graph of one input and one output")
    (found,) = call.walker.body(call, graph, [value], "")
    if not isinstance(found, Value) or shaped(found) != shaped(value):
        raise ShapeError("what changes its scores must leave their shape as it is")
    return found


@rule("LinearAttention")
def linear_attention(call: Call) -> list[Value | None]:
    """A state of keys x values a head, in the place of scores: every position writes its outer product into it and
    reads it with its query.

    `gated` rules let it fade first, `delta` rules take out what is read at the key. Heads of queries may share a state.
    """
    q, k, v = call.rank(0, 3), call.rank(1, 3), call.rank(2, 3)
    heads, shared = call.whole("q_num_heads", 0), call.whole("kv_num_heads", 0)
    _share(call, heads, shared)
    b, positions = q[:2]
    depth, value_depth = call.assumed.quotient(q[2], heads), call.assumed.quotient(v[2], shared)
    call.assumed.agree(k[2], shared * depth, "the keys' features and the queries'")
    for other in (k, v):
        call.assumed.agree(other[1], positions, "positions")
    update = call.text("update_rule", "gated_delta")
    if update not in ("linear", "gated", "delta", "gated_delta"):
        raise ShapeError(f"there is no update_rule '{update}'")
    state = b * positions * shared * depth * value_depth
    read, written = b * positions * heads * value_depth, b * positions * shared * value_depth
    macs, elementwise = state + depth * read, state + read
    if update.startswith("gated"):
        elementwise = elementwise + state + size(call.shape(4))
    if update.endswith("delta"):
        macs, elementwise = macs + state, elementwise + 2 * written
    out, kept = (b, positions, heads * value_depth), (b, shared, depth, value_depth)
    value = call.figure(
        "linear_attention",
        out,
        call.values(),
        words=f"linear_attention {heads} {update}",
        macs=macs,
        elementwise=elementwise,
        reach=Reach.ALL,
    )
    return [value, *[call.figure("state", kept, [value]) if name else None for name in call.names[1:]]]


def _share(call: Call, heads: Dim, shared: Dim) -> None:
    """Heads of queries share those of keys in groups. Raises ShapeError where they can't."""
    if any(isinstance(number, int) and number < 1 for number in (heads, shared)):
        raise ShapeError("it needs numbers of heads, for queries and for keys")
    if isinstance(heads, int) and isinstance(shared, int) and heads % shared:
        raise ShapeError(f"{heads} heads of queries can't share {shared} of keys")
