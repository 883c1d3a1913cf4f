"""The nodes of attention: projections of sequences, scores with what is added to them, and the mean of the values.

Inside, a sequence is `sequences x features x positions`: those of a batch, or its windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import copysign, log, log2
from typing import TYPE_CHECKING

from archcalc.algebra import Dim, Poly
from archcalc.ops.base import Shape, number, size
from archcalc.ops.emit import Builder, Tensor, Value, by_channel
from archcalc.ops.rescaling import length_along
from archcalc.tuples import NamedTuple

if TYPE_CHECKING:
    from archcalc.ops.attention import Attention

HIDDEN = -10000.0  # added to scores that must not count, within the range of fp16
LEAST = 1e-12  # that a length is taken for, as one divides by it
STEEPEST = 100.0  # that a cosine is multiplied with at most
BASE = 10000.0  # of the angles by which positions turn features


class Call(NamedTuple):
    """An attention, what writes its nodes, the shapes that go into it, and how many positions a sequence has."""

    op: Attention
    builder: Builder
    shapes: tuple[Shape, ...]
    queries: Dim
    keys: Dim
    biased: frozenset[str]  # the projections that have a bias

    @property
    def past(self) -> Dim:
        """How many earlier positions are in the cache and still seen."""
        seen: Dim = self.op.extent(*self.shapes).seen
        return 0 if self.op.blocks else seen - self.keys


def emit(op: Attention, builder: Builder, tensors: Sequence[Tensor]) -> Value:
    """Heads that share keys and values are an axis of their own, over which these are stretched."""
    shapes = tuple(x.shape for x in tensors)
    biased = frozenset(each.name for each in op.projections(*shapes) if each.bias)
    if op.blocks:
        queries = keys = size(op.blocks)
    else:
        queries, keys = size(op.places(shapes[0])), size(op.places(shapes[min(1, len(shapes) - 1)]))
    call = Call(op, builder, shapes, queries, keys, biased)
    flat = [_sequences(call, x) for x in tensors]
    q, k, v, groups = _compressed(call, flat[0]) if op.latent is not None else _projected(call, flat)
    turned: Value = builder.node("Transpose", q, perm=[0, 1, 2, 4, 3])
    depth = op.widths(shapes[0])
    width = number(depth.width) + (number(op.rope) if op.latent is not None else 0)
    scores: Value = builder.node("Mul", builder.node("MatMul", turned, k), _scale(call, groups, width))
    for added in _added(call, groups):
        scores = builder.node("Add", scores, added)
    if op.blocks and any(op.moved(shapes[0])):
        scores = _regions(call, scores, groups)
    weights = builder.node("Transpose", builder.node("Softmax", scores, axis=-1), perm=[0, 1, 2, 4, 3])
    mixed = _shaped(builder, builder.node("MatMul", v, weights), depth.value * depth.queries, call.queries)
    return _back(call, _through(call, mixed, "out"), tensors[0])


# ---- projections -----------------------------------------------------------------------------------------------------


def _through(call: Call, x: Value, name: str) -> Value:
    """Every position of `sequences x features x positions` times a matrix `out x features`."""
    product = call.builder.node("MatMul", call.builder.weight(f"{name}_weight"), x)
    bias = name in call.biased
    return call.builder.node("Add", product, by_channel(call.builder, f"{name}_bias", 3)) if bias else product


def _projected(call: Call, flat: Sequence[Value]) -> tuple[Value, Value, Value, int]:
    """Queries, keys and values: `sequences x groups x heads in a group x width x positions`, and how many groups."""
    op, builder, heads = call.op, call.builder, call.op.widths(call.shapes[0])
    groups, width, value = number(heads.keys), number(heads.width), number(heads.value)
    splits = ((groups, number(heads.queries) // groups, width), (groups, 1, width), (groups, 1, value))
    found: list[Value] = []
    for n, (name, split) in enumerate(zip("qkv", splits, strict=True)):
        positions = call.keys if n else call.queries
        one: Value = _shaped(builder, _through(call, flat[min(n, len(flat) - 1)], name), *split, positions)
        if name != "v" and op.qk_norm:
            one = _normed(builder, one, f"{name}_norm", 3, 5)
        if name != "v" and op.cosine:
            one = builder.node("Div", one, builder.node("Max", length_along(builder, one, (3,)), builder.real(LEAST)))
        if name != "v" and op.rope is not False:
            one = _turned(call, one, width if op.rope is True else number(op.rope), width, positions)
        found.append(one if n == 0 else _cached(call, one, split))
    return found[0], found[1], found[2], groups


def _compressed(call: Call, x: Value) -> tuple[Value, Value, Value, int]:
    """Through latent vectors: of each head's key one part is made of it, the other turns and is the same for all."""
    op, builder, heads = call.op, call.builder, call.op.widths(call.shapes[0])
    many, width, value, turned = (number(n) for n in (heads.queries, heads.width, heads.value, op.rope))
    latent, seen = number(op.latent or 0), call.keys + call.past
    queries = x if op.q_latent is None else _normed(builder, _through(call, x, "q_down"), "q_down_norm", 1, 3)
    q = _shaped(builder, _through(call, queries, "q"), many, 1, width + turned, call.queries)
    q = _turned(call, q, turned, width + turned, call.queries, last=True)
    down = _through(call, x, "kv_down")
    kept = _normed(builder, _cut(builder, down, 0, latent, 1), "kv_down_norm", 1, 3)
    shared = _shaped(builder, _cut(builder, down, latent, latent + turned, 1), 1, 1, turned, call.keys)
    shared = _cached(call, _turned(call, shared, turned, turned, call.keys), (1, 1, turned))
    kept = _cached(call, _shaped(builder, kept, 1, 1, latent, call.keys), (1, 1, latent))
    both = _shaped(builder, _through(call, _shaped(builder, kept, latent, seen), "kv"), many, 1, width + value, seen)
    each = builder.node("Expand", shared, builder.ints((1, many, 1, 1, 1)))
    k = builder.node("Concat", _cut(builder, both, 0, width, 3), each, axis=3)
    return q, k, _cut(builder, both, width, width + value, 3), many


def _shaped(builder: Builder, x: Value, *dims: Dim) -> Value:
    """The elements of each sequence in another shape."""
    known: list[Dim] = [0, *(-1 if isinstance(dim, Poly) else dim for dim in dims)]
    return builder.node("Reshape", x, builder.ints(known if known.count(-1) < 2 else [0, *dims]))


def _normed(builder: Builder, x: Value, name: str, axis: int, rank: int) -> Value:
    """Over the root of the mean square along an axis, and scaled."""
    mean = builder.node("ReduceMean", builder.node("Mul", x, x), builder.ints((axis,)), keepdims=1)
    normal = builder.node("Div", x, builder.node("Sqrt", builder.node("Add", mean, builder.real(1e-6))))
    scale = builder.node("Unsqueeze", builder.weight(name), builder.ints(range(1, rank - axis)))
    return builder.node("Mul", normal, scale)


def _cut(builder: Builder, x: Value, start: Dim, stop: Dim, axis: int) -> Value:
    return builder.node("Slice", x, *(builder.ints((n,)) for n in (start, stop, axis)))


def _turned(call: Call, x: Value, turned: int, width: int, positions: Dim, last: bool = False) -> Value:
    """The first features (or the `last` ones) of each head turned by angles that grow with the position."""
    builder, half = call.builder, turned // 2
    angles = builder.node(
        "Mul",
        builder.node(
            "Unsqueeze", builder.reals([BASE ** (-n / max(half, 1)) for n in range(half)]), builder.ints((1,))
        ),
        _ordinals(builder, call.past, call.past + positions),
    )
    cos, sin = builder.node("Cos", angles), builder.node("Sin", angles)
    start = width - turned if last else 0
    a, b = _cut(builder, x, start, start + half, 3), _cut(builder, x, start + half, start + 2 * half, 3)
    first = builder.node("Sub", builder.node("Mul", a, cos), builder.node("Mul", b, sin))
    second = builder.node("Add", builder.node("Mul", b, cos), builder.node("Mul", a, sin))
    parts: list[Value] = [first, second]
    if start:
        parts.insert(0, _cut(builder, x, 0, start, 3))
    if start + 2 * half < width:
        parts.append(_cut(builder, x, start + 2 * half, width, 3))
    return builder.node("Concat", *parts, axis=3)


def _ordinals(builder: Builder, start: Dim, stop: Dim) -> Value:
    """The numbers from `start` up to `stop` in the network's type."""
    if not isinstance(start, Poly) and not isinstance(stop, Poly):
        return builder.reals([float(n) for n in range(start, stop)])
    return builder.node("CastLike", _counted(builder, start, stop), builder.real(1.0))


def _counted(builder: Builder, start: Dim, stop: Dim) -> Value:
    """The same as whole numbers."""
    if not isinstance(start, Poly) and not isinstance(stop, Poly):
        return builder.ints(range(start, stop))
    ends = [builder.node("Squeeze", builder.ints((n,))) for n in (start, stop, 1)]
    return builder.node("Range", *ends)


def _cached(call: Call, x: Value, split: Sequence[int]) -> Value:
    """Behind what the cache holds, zeros here."""
    if call.past == 0:
        return x
    builder, many = call.builder, size(call.op.sequences(call.shapes[0]))
    shape = builder.ints((builder.batch * many, *split, call.past))
    return builder.node("Concat", builder.node("Expand", builder.real(0.0), shape), x, axis=4)


# ---- what is added to scores -----------------------------------------------------------------------------------------


def _added(call: Call, groups: int) -> list[Value]:
    """By the distance of a query and a key, and to hide what comes later or was too long ago."""
    op, builder, found = call.op, call.builder, list[Value]()
    if op.is_relative:
        table = builder.node("Gather", _table(call), builder.ints(_distances(call)), axis=0)
        shape = (groups, number(op.heads) // groups, call.queries, call.keys + call.past)
        found.append(builder.node("Reshape", builder.node("Transpose", table, perm=[1, 0]), builder.ints(shape)))
    if op.causal:
        seen = call.keys + call.past
        rows = builder.node("Unsqueeze", _counted(builder, call.past, seen), builder.ints((1,)))
        columns = _counted(builder, 0, seen)
        hidden = builder.node("Greater", columns, rows)
        if op.window is not None:
            first = builder.node("Sub", rows, builder.ints((op.reach - 1,)))
            hidden = builder.node("Or", hidden, builder.node("Less", columns, first))
        found.append(builder.node("Where", hidden, builder.real(HIDDEN), builder.real(0.0)))
    return found


def _scale(call: Call, groups: int, width: int) -> Value:
    """What scores are multiplied with: one over the root of the width, or what a head learns."""
    if not call.op.cosine:
        return call.builder.real(width**-0.5)
    builder, heads = call.builder, number(call.op.heads)
    scale = builder.node("Exp", builder.node("Min", builder.weight("scale"), builder.real(log(STEEPEST))))
    return builder.node("Reshape", scale, builder.ints((groups, heads // groups, 1, 1)))


def _table(call: Call) -> Value:
    """The bias of every distance and head: learned, or made by a network of distances on a logarithmic scale
    (arXiv:2111.09883, section 3.3), and put between 0 and 16.
    """
    op, builder = call.op, call.builder
    if op.hidden is None:
        return builder.weight("relative")
    sides = [number(side) for side in op.sides(*call.shapes)]
    steps = [[_logarithmic(n, side) for n in range(1 - side, side)] for side in sides]
    flat = [step for place in product(*steps) for step in place]
    places = builder.node("Reshape", builder.reals(flat), builder.ints((-1, len(sides))))
    into = builder.node("Transpose", builder.weight("distances_weight"), perm=[1, 0])
    hidden = builder.node("Add", builder.node("MatMul", places, into), builder.weight("distances_bias"))
    out = builder.node("Transpose", builder.weight("relative_weight"), perm=[1, 0])
    made = builder.node("MatMul", builder.node("Relu", hidden), out)
    return builder.node("Mul", builder.node("Sigmoid", made), builder.real(16.0))


def _logarithmic(distance: int, side: int) -> float:
    return copysign(log2(8 * abs(distance) / max(side - 1, 1) + 1) / 3, distance)


def _distances(call: Call) -> tuple[int, ...]:
    """For each query and key the row of the table that belongs to the difference of their places; a table that is too
    short ends with all that are further.
    """
    sides = tuple(map(number, call.op.sides(*call.shapes)))
    return _rows(sides, number(call.op.distances(*call.shapes)), number(call.past))


@lru_cache(maxsize=4)  # layers that follow each other have the same
def _rows(sides: tuple[int, ...], rows: int, past: int) -> tuple[int, ...]:
    places = list(product(*map(range, sides)))
    found = []
    for query in places[past:]:
        for key in places:
            row = 0
            for a, b, side in zip(query, key, sides, strict=True):
                row = row * (2 * side - 1) + a - b + side - 1
            found.append(min(row, rows - 1))
    return tuple(found)


# ---- windows ---------------------------------------------------------------------------------------------------------


def _sequences(call: Call, x: Tensor) -> Value:
    """`sequences x features x positions` of a map, a row, or a batch of rows; windows are sequences."""
    op, builder = call.op, call.builder
    places, features = op.places(x.shape), x.shape[op.axis]
    many = size(op.sequences(x.shape))
    value: Value = x
    if op.axis == -1:
        value = builder.node("Reshape", x, builder.ints((builder.batch * many, size(places), features)))
        value = builder.node("Transpose", value, perm=[0, 2, 1])
    elif len(x.shape) != 2:
        value = _shaped(builder, x, features, size(places))
    if not op.blocks:
        return value
    grid, moved = op.padded(x.shape), op.moved(x.shape)
    value = _shaped(builder, value, features, *places)
    over = [whole - dim for whole, dim in zip(grid, places, strict=True)]
    if any(amount != 0 for amount in over):
        zeros = (0,) * len(over)
        value = builder.node("Pad", value, builder.ints((0, 0, *zeros, 0, 0, *over)), builder.real(0.0))
    for axis, (shift, dim) in enumerate(zip(moved, grid, strict=True), 2):
        value = _rolled(builder, value, shift, dim, axis)
    split = [part for dim, side in zip(grid, op.blocks, strict=True) for part in (dim // side, side)]
    rank = len(grid)
    outer, inner = [2 + 2 * n for n in range(rank)], [3 + 2 * n for n in range(rank)]
    value = builder.node("Transpose", _shaped(builder, value, features, *split), perm=[0, *outer, 1, *inner])
    count = builder.batch * many * size(split[0::2])
    return builder.node("Reshape", value, builder.ints((count, features, size(op.blocks))))


def _rolled(builder: Builder, x: Value, shift: int, dim: Dim, axis: int) -> Value:
    """Moved towards the front by `shift`, what falls off comes in behind."""
    if shift == 0:
        return x
    return builder.node("Concat", _cut(builder, x, shift, dim, axis), _cut(builder, x, 0, shift, axis), axis=axis)


def _back(call: Call, x: Value, like: Tensor) -> Value:
    """The output in the order of axes that the input has, without padding."""
    op, builder = call.op, call.builder
    shape = op.shape(*call.shapes)
    places, features, many = op.places(like.shape), shape[op.axis], size(op.sequences(like.shape))
    value: Value = x
    if op.blocks:
        grid, moved, rank = op.padded(like.shape), op.moved(like.shape), len(op.blocks)
        counts = [dim // side for dim, side in zip(grid, op.blocks, strict=True)]
        value = builder.node("Reshape", value, builder.ints((builder.batch * many, *counts, features, *op.blocks)))
        order = [axis for n in range(rank) for axis in (1 + n, 2 + rank + n)]
        value = builder.node("Transpose", value, perm=[0, 1 + rank, *order])
        value = builder.node("Reshape", value, builder.ints((builder.batch * many, features, *grid)))
        for axis, (shift, dim, wanted) in enumerate(zip(moved, grid, places, strict=True), 2):
            if shift:
                value = _rolled(builder, value, number(dim) - shift, dim, axis)
            if dim != wanted:
                value = _cut(builder, value, 0, wanted, axis)
    if op.axis == -1:
        value = _shaped(builder, value, features, size(places)) if op.blocks else value
        value = builder.node("Transpose", value, perm=[0, 2, 1])
        return builder.node("Reshape", value, builder.ints((builder.batch, *shape)))
    return value if not op.blocks and len(shape) == 2 else _shaped(builder, value, *shape)


def _regions(call: Call, scores: Value, groups: int) -> Value:
    """Scores between what lay apart before the shift are hidden: on each axis the places before the last window, those
    in it that stood at the end, and those that came from the front.
    """
    op, builder, shape = call.op, call.builder, call.shapes[0]
    grid = tuple(number(dim) for dim in op.padded(shape))
    counts = [dim // side for dim, side in zip(grid, op.blocks, strict=True)]
    ids = _parts(grid, tuple(map(number, op.blocks)), tuple(map(number, op.moved(shape))))
    inside, many = number(call.queries), size(counts)
    region = builder.node("Reshape", builder.ints(ids), builder.ints((many, inside)))
    rows = builder.node("Unsqueeze", region, builder.ints((2,)))
    columns = builder.node("Unsqueeze", region, builder.ints((1,)))
    together = builder.node("Equal", rows, columns)
    mask = builder.node("Where", together, builder.real(0.0), builder.real(HIDDEN))
    mask = builder.node("Unsqueeze", mask, builder.ints((1,)))
    total = builder.batch * size(op.sequences(shape))
    apart = builder.node("Reshape", scores, builder.ints((total, many, number(op.heads), inside, inside)))
    hidden = builder.node("Add", apart, mask)
    each = number(op.heads) // groups
    return builder.node("Reshape", hidden, builder.ints((total * many, groups, each, inside, inside)))


@lru_cache(maxsize=4)
def _parts(grid: tuple[int, ...], sides: tuple[int, ...], moved: tuple[int, ...]) -> tuple[int, ...]:
    """The region of each place, window by window."""
    ids = []
    for window in product(*(range(dim // side) for dim, side in zip(grid, sides, strict=True))):
        for inner in product(*map(range, sides)):
            code = 0
            for n, i, side, dim, shift in zip(window, inner, sides, grid, moved, strict=True):
                place = n * side + i
                code = 3 * code + (0 if place < dim - side or not shift else 1 if place < dim - shift else 2)
            ids.append(code)
    return tuple(ids)


__all__ = ["emit"]
