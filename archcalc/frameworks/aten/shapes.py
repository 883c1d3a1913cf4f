"""Other shapes of the same elements, and elements in another order."""

from __future__ import annotations

from archcalc.errors import ShapeError
from archcalc.frameworks.aten.base import (
    INT64,
    Call,
    Outputs,
    Reach,
    Shape,
    Value,
    as_onnx,
    aten,
    axes,
    axis_of,
    declared,
    numbers,
    size,
)
from archcalc.ops.reshaping import ChannelShuffle
from archcalc.untyped import Attribute, Operand


@aten("view", "reshape", "_unsafe_view", "_reshape_alias")
def view(
    call: Call, self: Value, other: Value | None = None, *, size: Attribute = None, shape: Attribute = None
) -> Operand:
    """The same elements in another shape, of which one size may be -1: no arithmetic. Raises ShapeError where the
    counts differ.
    """
    wanted = shape if size is None else size
    if wanted is None:  # another type of the same numbers
        return self if other is None else call.view(self, other.dims)
    return as_onnx(call, "Reshape", self, numbers(wanted), allowzero=1)


@aten("view_as", "reshape_as")
def view_as(call: Call, self: Value, other: Value) -> Operand:
    """The same elements in the shape of another tensor: no arithmetic."""
    return as_onnx(call, "Reshape", self, numbers(other.dims), allowzero=1)


@aten("flatten")
def flatten(call: Call, self: Value, *, start_dim: int = 0, end_dim: int = -1) -> Value:
    """Neighbouring axes as one: no arithmetic; a lone number becomes a row of one."""
    shape = self.dims
    if not shape:
        return call.view(self, (1,), content=self.content)
    first, last = axis_of(start_dim, len(shape)), axis_of(end_dim, len(shape))
    return call.view(self, (*shape[:first], size(shape[first : last + 1]), *shape[last + 1 :]), content=self.content)


@aten("ravel")
def ravel(call: Call, self: Value) -> Value:
    """All elements in a row: no arithmetic."""
    return call.view(self, (size(self.dims),), content=self.content)


@aten("unflatten")
def unflatten(call: Call, self: Value, *, dim: int = 0, sizes: Attribute = ()) -> Operand:
    """One axis as several, whose sizes make it up: no arithmetic."""
    shape, n = self.dims, axis_of(dim, len(self.dims))
    return as_onnx(call, "Reshape", self, numbers([*shape[:n], *sizes, *shape[n + 1 :]]), allowzero=1)


@aten("unsqueeze")
def unsqueeze(call: Call, self: Value, *, dim: int = 0) -> Operand:
    """A new axis of length 1: no arithmetic."""
    return as_onnx(call, "Unsqueeze", self, numbers([dim]))


@aten("squeeze")
def squeeze(call: Call, self: Value, *, dim: Attribute = None) -> Value:
    """Only axes of 1 go; the others stay."""
    shape = self.dims
    gone = {n for n in axes(dim, len(shape)) if shape[n] == 1} if dim != [] else set()
    return call.view(self, tuple(dim for n, dim in enumerate(shape) if n not in gone), content=self.content)


@aten("permute", "transpose", "t", "swapaxes", "swapdims", "movedim", "moveaxis", "numpy_T", "mT", "adjoint")
def permute(
    call: Call, self: Value, *, dims: Attribute = None, dim0: int = 0, dim1: int = 1, axis0: int | None = None,
    axis1: int | None = None, source: Attribute = None, destination: Attribute = None,
) -> Operand:  # fmt: skip
    """Axes in another order, as ONNX's Transpose: elements move, and nothing is computed."""
    rank = len(self.dims)
    if dims is not None:
        return as_onnx(call, "Transpose", self, perm=axes(dims, rank))
    if source is not None:
        return as_onnx(call, "Transpose", self, perm=_moved(rank, axes(source, rank), axes(destination, rank)))
    if rank < 2:
        return self
    one, two = (-2, -1) if call.op in ("mT", "adjoint") else (dim0, dim1) if axis0 is None else (axis0, axis1 or 0)
    order = list(range(rank))
    a, b = axis_of(one, rank), axis_of(two, rank)
    order[a], order[b] = order[b], order[a]
    return as_onnx(call, "Transpose", self, perm=order)


def _moved(rank: int, source: list[int], target: list[int]) -> list[int]:
    """The order in which axes stand after some were moved."""
    placed = dict(zip(target, source, strict=True))
    rest = iter(n for n in range(rank) if n not in source)
    return [placed[n] if n in placed else next(rest) for n in range(rank)]


@aten("expand")
def expand(call: Call, self: Value, *, size: Attribute = ()) -> Operand:
    """-1 keeps an axis."""
    own = (1,) * (len(size) - len(self.dims)) + self.dims
    wanted = [dim if isinstance(given, int) and given == -1 else given for given, dim in zip(size, own, strict=True)]
    return as_onnx(call, "Expand", self, numbers(wanted))


@aten("expand_as", "broadcast_to")
def expand_as(call: Call, self: Value, other: Value | None = None, *, size: Attribute = ()) -> Operand:
    """A tensor stretched along axes of length 1, to a size or to another's shape, as ONNX's Expand."""
    return as_onnx(call, "Expand", self, numbers(size if other is None else other.dims))


@aten("repeat", "tile")
def repeat(call: Call, self: Value, *, repeats: Attribute = (), dims: Attribute = ()) -> Operand:
    """Copies side by side, so many on each axis, as ONNX's Tile."""
    times = list(repeats or dims)
    source = call.view(self, (1,) * (len(times) - len(self.dims)) + self.dims, content=self.content)
    times = [1] * (len(source.dims) - len(times)) + times
    return as_onnx(call, "Tile", source, numbers(times))


@aten("repeat_interleave")
def repeat_interleave(call: Call, self: Value, *, repeats: Attribute = None, dim: int | None = None) -> Value:
    """Every element of an axis several times in a row: copies; the shape is torch's where the number differs
    by element.
    """
    if dim is None or not isinstance(repeats, int):
        return call.figure("repeat", declared(call), reach=Reach.MIXED)
    n = axis_of(dim, len(self.dims))
    out = (*self.dims[:n], self.dims[n] * repeats, *self.dims[n + 1 :])
    return call.figure("repeat", out, [self], words=f"repeat {repeats} axis={n}", reach=Reach.MIXED)


@aten("roll", "flip", "tril", "triu", "fliplr", "flipud", "fft_fftshift", "fft_ifftshift")
def moved(call: Call, self: Value) -> Value:
    """The same shape with its elements moved, turned or set to 0: no arithmetic."""
    if self.is_constant:
        return call.known(self.dims, None, of=[self])
    return call.figure(call.op, self.dims, [self], flags=("in_place",), reach=Reach.MIXED)


@aten("pixel_shuffle", "pixel_unshuffle")
def pixel_shuffle(call: Call, self: Value, *, upscale_factor: int = 1, downscale_factor: int = 1) -> Operand:
    """torch has the channels of a block outermost, which moves as much."""
    shuffles = call.op == "pixel_shuffle"
    factor = upscale_factor if shuffles else downscale_factor
    return as_onnx(call, "DepthToSpace" if shuffles else "SpaceToDepth", self, blocksize=factor)


@aten("channel_shuffle")
def channel_shuffle(call: Call, self: Value, *, groups: int = 1) -> Value:
    """Channels in another order, in `groups` that are dealt out: no arithmetic."""
    op = call.made(ChannelShuffle, groups=groups)
    return call.figure("channel_shuffle", self.dims, [self], op=op, batched=True, reach=Reach.MIXED)


@aten("im2col", "unfold")
def unfold(
    call: Call,
    self: Value,
    *,
    kernel_size: Attribute = None,
    dilation: Attribute = 1,
    padding: Attribute = 0,
    stride: Attribute = 1,
    dimension: int = 0,
    size: Attribute = None,
    step: int = 1,
) -> Value:
    """Windows side by side: of one axis, which come last, or of the map."""
    shape = self.dims
    if size is not None:
        n = axis_of(dimension, len(shape))
        out = (*shape[:n], (shape[n] - size) // step + 1, *shape[n + 1 :], size)
        return call.figure("unfold", out, [self], words=f"unfold {size} axis={n}", reach=Reach.MIXED)
    if len(shape) != 4:
        raise ShapeError("it needs a batch of maps")
    pairs = [list(v) if isinstance(v, list) else [v, v] for v in (kernel_size, dilation, padding, stride)]
    count: Attribute = 1
    for dim, k, d, p, s in zip(shape[2:], *pairs, strict=True):
        count = count * ((dim + 2 * p - d * (k - 1) - 1) // s + 1)
    out = (shape[0], shape[1] * pairs[0][0] * pairs[0][1], count)
    return call.figure("unfold", out, [self], words=f"unfold {pairs[0][0]}x{pairs[0][1]}", reach=Reach.MIXED)


@aten("col2im")
def fold(call: Call, self: Value) -> Value:
    """What overlaps is added up."""
    return call.figure("fold", declared(call), [self], elementwise=size(self.dims), reach=Reach.MIXED)


@aten("diagonal", "diag", "diag_embed", "diagflat", "rot90", "as_strided")
def diagonal(call: Call, self: Value) -> Value:
    """Elements taken or placed along a diagonal, turned, or read by strides, in the shape that torch says: no
    arithmetic.
    """
    return call.figure(call.op, declared(call), [self], reach=Reach.MIXED)


@aten("atleast_1d", "atleast_2d", "atleast_3d")
def at_least(call: Call, *tensors: Value) -> Outputs:
    """As many axes as the name says, new ones of length 1: no arithmetic."""
    rank = int(call.op[8])
    return [call.view(tensor, _padded(tensor.dims, rank), content=tensor.content) for tensor in tensors]


def _padded(shape: Shape, rank: int) -> Shape:
    """New axes stand in front, but a third one behind."""
    whole = (1,) * (min(rank, 2) - len(shape)) + shape
    return (*whole, *(1,) * (rank - len(whole)))


@aten("broadcast_tensors")
def broadcast_tensors(call: Call, *tensors: Value) -> Outputs:
    """Tensors stretched to one shape, as ONNX's Expand."""
    shape = numbers(call.assumed.broadcast(*(tensor.dims for tensor in tensors)))
    return [as_onnx(call, "Expand", tensor, shape) for tensor in tensors]


@aten("one_hot")
def one_hot(call: Call, self: Value) -> Value:
    """A row of zeros with a one, for each index: no arithmetic, whole numbers out."""
    return call.figure("one_hot", declared(call), [self], reach=Reach.MIXED, kind=INT64)
