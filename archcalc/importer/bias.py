"""A sum that is a layer's bias: exporters write `Linear` as `MatMul` and `Add`."""

from __future__ import annotations

from archcalc.importer.call import Call
from archcalc.importer.claims import learned_of
from archcalc.importer.values import Value
from archcalc.ops import Op, Shape, size
from archcalc.ops.convolution import Conv, ConvTranspose, DepthwiseConv
from archcalc.ops.dense import Linear
from archcalc.ops.foreign import Foreign


def as_bias(call: Call, x: Value, w: Value, shape: Shape) -> Value | None:
    """A sum right after a layer that has no bias yet, and that nothing else reads, is its bias."""
    walker = call.walker
    name = next((name for name, value in zip(call.node.inputs, call.inputs, strict=False) if value is x), "")
    if (
        x.node is None
        or not walker.namer.may_join(x.node, call.node)
        or call.scope.reads[name] != 1
        or name not in call.scope.values
        or x.node < call.scope.first
        or x.shape != shape
        or walker.times
    ):
        return None
    node = walker.graph.nodes[x.node]
    if any(x.node in later.inputs for later in walker.graph.nodes[x.node + 1 :][-64:]):
        return None
    own = (1,) * (len(shape) - len(w.shape or ())) + (w.shape or ())
    axis = len(shape) - 1 if node.op.word == "linear" else 1
    if axis >= len(shape) or axis < 0 or own[axis] != shape[axis] or size(own) != shape[axis]:
        return None
    learned_from = list(learned_of(w))
    keys = [origin.key for origin in learned_from]
    owners = {walker.owners.get(key) for key in keys}
    if owners != {node.share}:
        return None
    op = node.op
    if isinstance(op, (Conv, DepthwiseConv, ConvTranspose, Linear)) and not op.bias:
        fields = {name: getattr(op, name) for name in op.fields}
        made: Op = walker.made(type(op), **{**fields, "bias": True})
        if sum(size(origin.shape) for origin in learned_from) != shape[axis]:
            return None
    elif (
        isinstance(op, Foreign)
        and op.word == "linear"
        and "bias" not in op.weights_
        and op.words.endswith(" bias=false")
    ):
        words = op.words.removesuffix(" bias=false")
        made = op.replaced(
            words=words, weights_={**op.weights_, "bias": (shape[axis],)}, elementwise_=op.elementwise_ + size(shape)
        )
    else:
        return None
    walker.graph.nodes[x.node] = node._replace(op=made)
    if node.share is None:
        walker.owners.update(dict.fromkeys(keys, x.node))
    return Value(shape, x.kind, x.node)


__all__ = ["as_bias"]
