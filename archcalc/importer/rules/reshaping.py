"""Other shapes of the same elements."""

from __future__ import annotations

from typing import Any

from archcalc.algebra import Dim
from archcalc.errors import ShapeError
from archcalc.importer.batch import reshaped
from archcalc.importer.rules.base import Call, Reach, Shape, Unknown, Value, rule, shaped, size
from archcalc.importer.rules.shapes import sizes, transposed
from archcalc.importer.values import axis_of, spell_dim, whole
from archcalc.ops import spell_shape
from archcalc.ops.reshaping import Permute, PixelShuffle, PixelUnshuffle


@rule("Reshape")
def reshape(call: Call) -> Value:
    x = call.value(0)
    if call.has(1):
        wanted: list[Any] | None = None if call.content(1) is None else list(call.content(1) or ())
    else:
        wanted = list(call.ints("shape") or [])
    if wanted is None:
        wanted = list(sizes(call, 1))
    shape = shaped(x)
    wanted = reshaped(wanted, shape, call.walker.samples)
    target = _target(call, shape, wanted, bool(call.whole("allowzero", 0)))
    return call.view(x, target, content=x.content)


def _target(call: Call, shape: Shape, wanted: list[Any], allow_zero: bool) -> Shape:
    """The shape asked for: 0 keeps an axis, -1 is what is left."""
    dims: list[Any] = []
    for axis, item in enumerate(wanted):
        dim = whole(item)
        if dim is None and item is not None:
            raise ShapeError(f"a size of {item}")
        if isinstance(dim, int) and dim == 0 and not allow_zero:
            if axis >= len(shape):
                raise ShapeError(f"its size {axis} is to be kept, and there are {len(shape)} axes")
            dim = shape[axis]
        if isinstance(dim, int) and dim < -1:
            raise ShapeError(f"a size of {dim}")
        dims.append(dim)
    open_ = [axis for axis, dim in enumerate(dims) if dim is None or (isinstance(dim, int) and dim == -1)]
    if len(open_) > 1 and not any(dims[axis] is None for axis in open_):
        raise ShapeError("only one size may be -1")
    if len(open_) > 1:
        declared = call.declared(call.scope.declared.of(call.node.outputs[0])) if call.node.outputs else None
        if declared is None or len(declared) != len(dims):
            raise Unknown("the sizes that it reads are computed when it runs")
        return declared
    known, left = _cancelled(dims, shape, open_)
    if open_:
        dims[open_[0]] = call.assumed.quotient(size(left), size(known))
        return tuple(dims)
    try:
        call.assumed.agree(size(known), size(left))
    except ShapeError:
        have, wants = spell_shape(shape, spell_dim) or "a number", spell_shape(tuple(dims), spell_dim) or "a number"
        raise ShapeError(f"{have} has {spell_dim(size(shape))} elements, {wants} has {spell_dim(size(dims))}") from None
    return tuple(dims)


def _cancelled(dims: list[Any], shape: Shape, open_: list[int]) -> tuple[list[Dim], list[Dim]]:
    """The sizes on both sides without those that they have in common."""
    left = list(shape)
    known: list[Dim] = []
    for axis, dim in enumerate(dims):
        if axis in open_:
            continue
        match = next((n for n, other in enumerate(left) if other == dim), None)
        if match is None:
            known.append(dim)
        else:
            left.pop(match)
    return known, left


@rule("Flatten")
def flatten(call: Call) -> Value:
    shape = call.shape(0)
    axis = call.whole("axis", 1)
    if not -len(shape) <= axis <= len(shape):
        raise ShapeError(f"there is no axis {axis} in {len(shape)} axes")
    axis = axis + len(shape) if axis < 0 else axis
    return call.view(call.value(0), (size(shape[:axis]), size(shape[axis:])))


def axes_given(call: Call, n: int, name: str = "axes") -> list[int] | None:
    """Axes from an input or, in older files, an attribute."""
    if call.has(n):
        found = call.numbers(n, "axes")
        if not all(isinstance(axis, int) for axis in found):
            raise ShapeError(f"axes {found}")
        return list(found)
    return call.ints(name)


@rule("Squeeze")
def squeeze(call: Call) -> Value:
    x, shape = call.value(0), call.shape(0)
    axes = axes_given(call, 1)
    dropped = (
        {axis_of(axis, len(shape)) for axis in axes}
        if axes is not None
        else {n for n, dim in enumerate(shape) if isinstance(dim, int) and dim == 1}
    )
    for axis in dropped:
        call.assumed.agree(shape[axis], 1, "an axis to leave out and 1")
    return call.view(x, tuple(dim for n, dim in enumerate(shape) if n not in dropped), content=x.content)


@rule("Unsqueeze")
def unsqueeze(call: Call) -> Value:
    x, shape = call.value(0), call.shape(0)
    axes = axes_given(call, 1) or []
    rank = len(shape) + len(axes)
    if rank > 64:
        raise ShapeError(f"{rank} axes")
    added = {axis_of(axis, rank) for axis in axes}
    if len(added) < len(axes):
        raise ShapeError(f"axes {axes} name one twice")
    dims = iter(shape)
    return call.view(x, tuple(1 if n in added else next(dims) for n in range(rank)), content=x.content)


@rule("Transpose")
def transpose(call: Call) -> Value:
    """Where only axes of 1 change places nothing moves."""
    x, shape = call.value(0), call.shape(0)
    order = call.ints("perm") or list(range(len(shape)))[::-1]
    if sorted(order) != list(range(len(shape))):
        raise ShapeError(f"perm={order} is not an order of {len(shape)} axes")
    out = tuple(shape[axis] for axis in order)
    if x.is_constant:
        return call.known(out, transposed(x.content, shape, order))
    moved = [axis for axis in order if shape[axis] != 1]
    if moved == sorted(moved):
        return call.view(x, out)
    sample = call.walker.sample
    if sample(shape) != shape and order[0] == 0:
        return call.emit(call.walker.made(Permute, order=tuple(axis - 1 for axis in order[1:])), out)
    if sample(shape) == shape and sample(out) == out:
        return call.emit(call.walker.made(Permute, order=tuple(order)), out)
    ranks = sorted(moved)  # without the axes of 1
    short = call.view(x, tuple(shape[axis] for axis in ranks))
    turned = call.emit(
        call.walker.made(Permute, order=tuple(ranks.index(axis) for axis in moved)),
        tuple(shape[axis] for axis in moved),
        [short],
    )
    return call.view(turned, out)


@rule("DepthToSpace", "SpaceToDepth")
def blocks(call: Call) -> Value:
    shape, scale = call.rank(0, 4), call.whole("blocksize", 1)
    if scale < 1:
        raise ShapeError(f"blocksize={scale}")
    down = call.node.op == "SpaceToDepth"
    if down:
        out = (shape[0], shape[1] * scale * scale, *(call.assumed.quotient(dim, scale) for dim in shape[2:]))
    else:
        out = (shape[0], call.assumed.quotient(shape[1], scale * scale), shape[2] * scale, shape[3] * scale)
    if call.walker.sample(shape) != shape:
        return call.emit(call.walker.made(PixelUnshuffle if down else PixelShuffle, scale=scale), out)
    return call.figure("pixel_unshuffle" if down else "pixel_shuffle", out, reach=Reach.MIXED)
