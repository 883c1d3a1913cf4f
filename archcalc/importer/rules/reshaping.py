"""Other shapes of the same elements."""

from __future__ import annotations

from archcalc.algebra import Dim
from archcalc.errors import ShapeError
from archcalc.importer.batch import reshaped
from archcalc.importer.known import transposed
from archcalc.importer.rules.base import Call, Reach, Shape, Value, rule, size
from archcalc.importer.rules.shapes import sizes
from archcalc.importer.values import axis_of, computed, spell_dim, whole
from archcalc.ops import spell_shape
from archcalc.ops.reshaping import Permute
from archcalc.ops.sampling import PixelShuffle, PixelUnshuffle
from archcalc.untyped import Attribute


@rule("Reshape")
def reshape(call: Call, data: Value, shape: Value | None = None, *, allowzero: bool = False) -> Value:
    """The same elements in another shape: 0 copies a size, -1 is what is left. Raises ShapeError where the counts
    differ.
    """
    given = () if shape is None else sizes(call, shape) if shape.content is None else shape.content
    wanted = reshaped(given, data.dims, call.batch)
    return call.view(data, _target(call, data.dims, wanted, allowzero), content=data.content)


def _target(call: Call, shape: Shape, wanted: list[object], allow_zero: bool) -> Shape:
    """The shape asked for: 0 keeps an axis, -1 is what is left."""
    dims: list[Attribute] = []
    for axis, item in enumerate(wanted):
        dim = whole(item)
        if isinstance(dim, int) and dim == 0 and not allow_zero:
            if axis >= len(shape):
                raise ShapeError(f"its size {axis} is to be kept, and there are {len(shape)} axes")
            dim = shape[axis]
        if (dim is None and item is not None) or (isinstance(dim, int) and dim < -1):
            raise ShapeError(f"a size of {item}")
        dims.append(dim)
    open_ = [axis for axis, dim in enumerate(dims) if dim is None or (isinstance(dim, int) and dim == -1)]
    if len(open_) > 1:
        if not any(dims[axis] is None for axis in open_):
            raise ShapeError("only one size may be -1")
        declared = call.declared
        if declared is None or len(declared) != len(dims):
            raise computed("sizes")
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


def _cancelled(dims: list[Attribute], shape: Shape, open_: list[int]) -> tuple[list[Dim], list[Dim]]:
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


@rule("Flatten", alike="moving")
def flatten(call: Call, input: Value, *, axis: int = 1) -> Value:
    """A matrix of the axes before the given one, and of those from it on. Raises ShapeError where there is no
    such axis.
    """
    shape = input.dims
    if not -len(shape) <= axis <= len(shape):
        raise ShapeError(f"there is no axis {axis} in {len(shape)} axes")
    axis = axis + len(shape) if axis < 0 else axis
    return call.view(input, (size(shape[:axis]), size(shape[axis:])))


def axes_in(axes: Value | None) -> list[int] | None:
    """The axes that an input names."""
    if axes is None:
        return None
    found = axes.numbers("axes")
    if not all(isinstance(axis, int) for axis in found):
        raise ShapeError(f"axes {found}")
    return list(found)


@rule("Squeeze")
def squeeze(call: Call, data: Value, axes: Value | None = None) -> Value:
    """Axes of length 1 left out, all where none is given. Raises ShapeError for one of another length."""
    if axes is not None and not axes.is_known:
        return call.view(data, call.decided("axes"), content=data.content)
    shape, given = data.dims, axes_in(axes)
    ones = {n for n, dim in enumerate(shape) if isinstance(dim, int) and dim == 1}
    dropped = ones if given is None else {axis_of(axis, len(shape)) for axis in given}
    for axis in dropped:
        call.assumed.agree(shape[axis], 1, "an axis to leave out and 1")
    return call.view(data, tuple(dim for n, dim in enumerate(shape) if n not in dropped), content=data.content)


@rule("Unsqueeze")
def unsqueeze(call: Call, data: Value, axes: Value | None = None) -> Value:
    """New axes of length 1, as the output counts them. Raises ShapeError for one that is named twice."""
    if axes is not None and not axes.is_known:
        return call.view(data, call.decided("axes"), content=data.content)
    given = axes_in(axes) or []
    rank = len(data.dims) + len(given)
    if rank > 64:
        raise ShapeError(f"{rank} axes")
    added = {axis_of(axis, rank) for axis in given}
    if len(added) < len(given):
        raise ShapeError(f"axes {given} name one twice")
    dims = iter(data.dims)
    return call.view(data, tuple(1 if n in added else next(dims) for n in range(rank)), content=data.content)


@rule("Transpose", alike="moving")
def transpose(call: Call, data: Value, *, perm: list[int] | None = None) -> Value:
    """Where only axes of 1 change places nothing moves."""
    shape = data.dims
    order = perm or list(range(len(shape)))[::-1]
    if sorted(order) != list(range(len(shape))):
        raise ShapeError(f"perm={order} is not an order of {len(shape)} axes")
    out = tuple(shape[axis] for axis in order)
    if data.is_constant:
        return call.known(out, transposed(data.content, shape, order))
    moved = [axis for axis in order if shape[axis] != 1]
    if moved == sorted(moved):
        return call.view(data, out)
    if call.is_batched(shape) and order[0] == 0:
        return call.emit(call.made(Permute, order=tuple(axis - 1 for axis in order[1:])), out)
    if not call.is_batched(shape) and not call.is_batched(out):
        return call.emit(call.made(Permute, order=tuple(order)), out)
    ranks = sorted(moved)  # without the axes of 1
    short = call.view(data, tuple(shape[axis] for axis in ranks))
    op = call.made(Permute, order=tuple(ranks.index(axis) for axis in moved))
    return call.view(call.emit(op, tuple(shape[axis] for axis in moved), [short]), out)


@rule("DepthToSpace", "SpaceToDepth")
def blocks(call: Call, input: Value, *, blocksize: int = 1) -> Value:
    """Blocks of positions as channels, or channels as blocks of positions: no arithmetic. Raises ShapeError where they
    don't divide.
    """
    b, channels, height, width = input.axes(4)
    if blocksize < 1:
        raise ShapeError(f"blocksize={blocksize}")
    quotient, square = call.assumed.quotient, blocksize * blocksize
    if call.op == "SpaceToDepth":
        out = (b, channels * square, quotient(height, blocksize), quotient(width, blocksize))
        op, word = call.made(PixelUnshuffle, scale=blocksize), "pixel_unshuffle"
    else:
        out = (b, quotient(channels, square), height * blocksize, width * blocksize)
        op, word = call.made(PixelShuffle, scale=blocksize), "pixel_shuffle"
    return call.figure(word, out, op=op, batched=True, reach=Reach.MIXED)
