"""A sum that is a layer's bias: exporters write `Linear` as `MatMul` and `Add`."""

from __future__ import annotations

from archcalc.algebra import Dim
from archcalc.importer.call import Call
from archcalc.importer.claims import learned_of
from archcalc.importer.values import Value
from archcalc.ops import Op, Shape, size
from archcalc.ops.convolution import Conv, ConvTranspose, DepthwiseConv
from archcalc.ops.dense import Linear
from archcalc.ops.foreign import Foreign


def as_bias(call: Call, x: Value, w: Value, shape: Shape) -> Value | None:
    """A sum right after a layer that has no bias yet, and that nothing else reads, is its bias; None if it isn't."""
    walker, position = call.walker, x.node
    if position is None or x.shape != shape or not _is_alone(call, x, position):
        return None
    node = walker.graph.nodes[position]
    own = (1,) * (len(shape) - len(w.shape or ())) + (w.shape or ())
    axis = len(shape) - 1 if node.op.features_last else 1
    if axis >= len(shape) or axis < 0 or own[axis] != shape[axis] or size(own) != shape[axis]:
        return None
    learned_from = list(learned_of(w))
    keys = [origin.key for origin in learned_from]
    if {walker.owners.get(key) for key in keys} != {node.share}:
        return None
    op = _biased(call, node.op, shape, axis, sum(size(origin.shape) for origin in learned_from))
    if op is None:
        return None
    walker.graph.nodes[position] = node._replace(op=op)
    if node.share is None:
        walker.owners.update(dict.fromkeys(keys, position))
        walker.claimed.update(zip(keys, learned_from, strict=True))
    return Value(shape, x.kind, position)


def _is_alone(call: Call, x: Value, position: int) -> bool:
    """Whether the sum stands right after the layer, outside of loops, and is all that reads it."""
    walker = call.walker
    name = next((name for name, value in zip(call.node.inputs, call.inputs, strict=False) if value is x), "")
    return (
        walker.namer.may_join(position, call.node)
        and call.scope.reads[name] == 1
        and name in call.scope.values
        and position >= call.scope.first
        and not walker.times
        and not any(position in later.inputs for later in walker.graph.nodes[position + 1 :][-64:])
    )


def _biased(call: Call, op: Op, shape: Shape, axis: int, elements: Dim) -> Op | None:
    """A layer with the bias that it lacks, of so many elements; None where it is no such layer."""
    if isinstance(op, (Conv, DepthwiseConv, ConvTranspose, Linear)) and not op.bias and elements == shape[axis]:
        return call.walker.made(type(op), **{**{name: getattr(op, name) for name in op.fields}, "bias": True})
    if not isinstance(op, Foreign) or not op.features_last or "bias" in op.weights_:
        return None
    words = op.words.removesuffix(" bias=false")
    if words == op.words:
        return None
    weights = {**op.weights_, "bias": (shape[axis],)}
    return op.replaced(words=words, weights_=weights, elementwise_=op.elementwise_ + size(shape))


__all__ = ["as_bias"]
