"""What PyTorch's autograd keeps of an attention for its backward pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from archcalc.ops.base import HALF, SINGLE, Own, Saved, Shape, size

if TYPE_CHECKING:
    from archcalc.algebra import Dim
    from archcalc.ops.attention import Attention

Inputs = tuple[Shape, ...]


def saves(op: Attention, inputs: Inputs) -> Saved:
    """As `torch.nn.MultiheadAttention` does: the inputs; of self attention one tensor with all projections, else keys
    and values; the scaled queries, the weights of the scores, and what goes into the last projection. Fused: queries,
    keys, values, the logarithm of each query's sum, and what comes out. Windows are cut out of the input, and every
    head's keys and values out of the projections, before they are multiplied (as torchvision does).
    """
    found = op.parts(*inputs)
    if op.cosine:
        return _cosines(op, inputs, found)
    if op.blocks and not op.fused:
        return _windows(op, inputs, found)
    rows, mixed = op.heads * op.extent(*inputs).queries, Own("weighted values", found["mixed"])
    if op.fused:
        sums = Own("logarithms of sums", rows, SINGLE)
        own = [Own("queries, keys and values", found["projected"]), sums, mixed]
    else:
        kept = found["projected"] if len(inputs) == 1 else found["projected"] - found["mixed"]
        own = [Own("scaled queries", found["mixed"]), Own("projections", kept), _weights(found), mixed]
    return Saved(inputs=tuple(range(len(inputs))), own=(*_distances(op, inputs), *own))


def _weights(found: dict[str, Dim]) -> Own:
    """Of the scores: under mixed precision also a copy to multiply with."""
    return Own("weights of the scores", found["scores"], autocast=SINGLE + HALF)


def _windows(op: Attention, inputs: Inputs, found: dict[str, Dim]) -> Saved:
    kept, cut = _cut(op, inputs)
    own = (
        *cut,
        *_distances(op, inputs),
        Own("scaled queries, keys and values", found["projected"]),
        _weights(found),
        Own("weighted values", found["mixed"]),
    )
    return Saved(inputs=kept, own=own)


def _cut(op: Attention, inputs: Inputs) -> tuple[tuple[int, ...], tuple[Own, ...]]:
    """The inputs that are kept, or windows of them. One window that holds the whole map is the input itself, in another
    shape.
    """
    x = inputs[0]
    if not op.blocks or op.blocks == op.places(x):
        return tuple(range(len(inputs))), ()
    return (), (Own("its input in windows", op.extent(x).queries * op.features(x)),)


def _distances(op: Attention, inputs: Inputs) -> Iterator[Own]:
    """Of a network that makes biases: its hidden units, and what the sigmoid puts out for each query and key."""
    if op.hidden is not None:
        yield Own("hidden units of distances", op.distances(*inputs) * op.hidden, once=True)
        pairs = op.heads * size(op.sides(*inputs)) ** 2
        yield Own("biases of distances", pairs, once=True)


def _cosines(op: Attention, inputs: Inputs, found: dict[str, Dim]) -> Saved:
    """The projections and the lengths that they are divided by, before and after the least of them; what comes of
    that, and values, laid out for products; the cosines, which learn a scale.
    """
    kept, cut = _cut(op, inputs)
    extent = op.extent(*inputs)
    own = [
        *cut,
        *_distances(op, inputs),
        Own("queries, keys and values", found["projected"]),
        Own("their lengths", 2 * op.vectors(extent), autocast=SINGLE),
        Own("what the products take", found["projected"]),
        Own("weighted values", found["mixed"]),
    ]
    if op.fused:
        own.append(Own("logarithms of sums", op.heads * extent.queries, SINGLE))
    else:
        own += [Own("cosines", found["scores"]), Own("scales", op.heads, once=True), _weights(found)]
    return Saved(inputs=kept, own=tuple(own))


def saves_scaled(op: Attention, inputs: Inputs) -> Saved:
    """As `scaled_dot_product_attention` does where it runs as plain products: keys are scaled as well, and under mixed
    precision all of that is in fp32, of copies of the projections.
    """
    found = op.parts(*inputs)
    values = (found["projected"] - found["mixed"]) // 2
    others = found["projected"] - values if len(inputs) == 1 else values
    own = (
        Own("scaled queries and keys", found["mixed"] + values, autocast=SINGLE),
        Own("projections", others, autocast=-1),
        Own("values", values, autocast=SINGLE),
        Own("weights of the scores", found["scores"], autocast=SINGLE),
        Own("weighted values", found["mixed"]),
    )
    return Saved(inputs=tuple(range(len(inputs))), own=own)


__all__ = ["saves", "saves_scaled"]
