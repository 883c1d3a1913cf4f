"""What joins tensors, cuts them, looks things up in them, and writes into them."""

from __future__ import annotations

from archcalc.frameworks.aten.base import (
    BOOL,
    INT64,
    Call,
    Outputs,
    Reach,
    Shape,
    Value,
    as_onnx,
    aten,
    axis_of,
    declared,
    learned,
    numbers,
    size,
)
from archcalc.importer.rules.joining import cut, joined
from archcalc.ops.reshaping import PAD_MODES
from archcalc.untyped import Attribute, Operand

END = (1 << 63) - 1


@aten("cat", "concat", "concatenate")
def cat(call: Call, *tensors: Value, dim: int = 0) -> Value:
    """torch leaves out empty vectors, whatever the others' shape."""
    kept = [tensor for tensor in tensors if tensor.dims != (0,)] or list(tensors)
    return joined(call, kept, dim)


@aten("stack", "hstack", "vstack")
def stack(call: Call, *tensors: Value, dim: int = 0) -> Value:
    """Tensors of one shape side by side on a new axis (`hstack`, `vstack`: on one that is there): copies, without
    arithmetic.
    """
    if call.op != "stack":
        return joined(call, list(tensors), 0 if call.op == "vstack" or len(tensors[0].dims) == 1 else 1)
    shape = tensors[0].dims
    n = axis_of(dim, len(shape) + 1)
    wide = [call.view(tensor, (*shape[:n], 1, *shape[n:]), content=tensor.content) for tensor in tensors]
    return joined(call, wide, n)


@aten("column_stack", "dstack")
def columns(call: Call, *tensors: Value) -> Value:
    """Tensors side by side on the second or third axis, which those of fewer axes get: copies, without arithmetic."""
    rank = 2 if call.op == "column_stack" else 3
    return joined(call, [call.view(tensor, _columned(tensor.dims, rank)) for tensor in tensors], rank - 1)


def _columned(shape: Shape, rank: int) -> Shape:
    """A row of numbers is a column, and of depth it is one deep."""
    whole = (1,) * (rank - 1 - len(shape)) + shape if rank == 3 else shape
    return (*whole, *(1,) * (rank - len(whole)))


@aten("block_diag", "cartesian_prod", "pad_sequence", "combinations")
def arranged(call: Call, *tensors: Value) -> Value:
    """Elements of several tensors in a new one, in the shape that torch says: copies, without arithmetic."""
    return call.figure(call.op, declared(call), list(tensors), reach=Reach.MIXED)


@aten("slice")
def slices(
    call: Call, self: Value, *, dim: int = 0, start: Attribute = None, end: Attribute = None, step: Attribute = 1
) -> Operand:
    """Some of an axis, from start to end by steps, as ONNX's Slice: no arithmetic."""
    first, last = 0 if start is None else start, END if end is None else end
    return as_onnx(call, "Slice", self, numbers([first]), numbers([last]), numbers([dim]), numbers([step]))


@aten("narrow")
def narrow(call: Call, self: Value, *, dim: int = 0, start: Attribute = 0, length: Attribute = 1) -> Value:
    """`length` places of an axis, from `start`, which counts from the end where it is negative: no arithmetic."""
    n = axis_of(dim, len(self.dims))
    first = start + self.dims[n] if isinstance(start, int) and start < 0 else start
    return cut(call, self, self.dims, n, first, first + length)


@aten("select")
def select(call: Call, self: Value, *, dim: int = 0, index: Attribute = 0) -> Operand:
    """One place of an axis, which is dropped, as ONNX's Gather: no arithmetic."""
    return as_onnx(call, "Gather", self, Value((), INT64, None, (index,)), axis=dim)


@aten("chunk", "split", "split_with_sizes", "unsafe_split", "unsafe_chunk", "tensor_split", "hsplit")
@aten("vsplit", "dsplit", "unsafe_split_with_sizes")
def split(
    call: Call,
    self: Value,
    *,
    chunks: Attribute = None,
    split_size: Attribute = None,
    split_sizes: Attribute = None,
    dim: int = 0,
    sections: Attribute = None,
    indices: Attribute = None,
) -> Operand:
    """Parts of one size, of which the last may be shorter, or of given sizes."""
    if call.op in ("hsplit", "vsplit", "dsplit"):
        dim = {"h": min(1, len(self.dims) - 1), "v": 0, "d": 2}[call.op[0]]
    length = self.dims[axis_of(dim, len(self.dims))]
    count = len(call.node.outputs)
    sizes = split_sizes if split_sizes is not None else split_size if isinstance(split_size, list) else None
    if indices is not None:
        ends = [*indices, length]
        sizes = [b - a for a, b in zip([0, *indices], ends, strict=False)]
    elif sections is not None:
        sizes = [length // sections + (n < length % sections) for n in range(sections)]
    elif sizes is None:
        part = (length + chunks - 1) // chunks if chunks is not None else split_size
        sizes = [part] * (count - 1)
        sizes.append(length - part * (count - 1))
    return as_onnx(call, "Split", self, numbers(sizes), axis=dim)


@aten("unbind")
def unbind(call: Call, self: Value, *, dim: int = 0) -> Outputs:
    """Each place of an axis as an output of its own; those that nobody reads aren't made."""
    n = axis_of(dim, len(self.dims))
    return [
        as_onnx(call, "Gather", self, Value((), INT64, None, (place,)), axis=n) if name else None
        for place, name in enumerate(call.names)
    ]


@aten("meshgrid")
def meshgrid(call: Call, *tensors: Value, indexing: str = "ij") -> Outputs:
    """Each row of numbers spread over the grid of all of them; `indexing=xy` turns the first two axes. No
    arithmetic.
    """
    shape = tuple(size(tensor.dims) for tensor in tensors)
    if indexing == "xy" and len(shape) > 1:
        shape = (shape[1], shape[0], *shape[2:])
    return [call.figure("expand", shape, [tensor], reach=Reach.MIXED, kind=tensor.kind) for tensor in tensors]


# ---- looking up ------------------------------------------------------------------------------------------------------


@aten("index_select")
def index_select(call: Call, self: Value, index: Value, *, dim: int = 0) -> Operand:
    """Those places of an axis that `index` lists, as ONNX's Gather: no arithmetic."""
    return as_onnx(call, "Gather", self, index, axis=dim)


@aten("index", "_unsafe_index")
def index(call: Call, self: Value, *indices: Operand) -> Operand:
    """Several indices stretch to one shape, which stands where they do if they stand together, else in front."""
    shape = self.dims
    places = [n for n, found in enumerate(indices) if found is not None]
    if len(places) == 1 and indices[places[0]].kind not in (BOOL, 2):
        return as_onnx(call, "Gather", self, indices[places[0]], axis=places[0])
    if any(indices[n].kind in (BOOL, 2) for n in places):
        return _masked(call, self, indices, places)
    picks = call.assumed.broadcast(*(indices[n].dims for n in places))
    rest = [dim for n, dim in enumerate(shape) if n not in places]
    first = places[0] if places == list(range(places[0], places[-1] + 1)) else 0
    out = (*rest[:first], *picks, *rest[first:])
    moving = [self, *(indices[n] for n in places)]
    if not call.data(moving):
        return call.known(out, None, self.kind, [self])
    weights = {"weight": self} if learned(self) else {}
    return call.figure("gather", out, moving, weights=weights, reach=Reach.MIXED, kind=self.kind)


def _masked(call: Call, self: Value, indices: Attribute, places: list[int]) -> Value:
    """Only a run tells how many a mask lets through: at most all."""
    mask = indices[places[0]]
    out = (call.most("count", size(mask.dims)), *self.dims[places[0] + len(mask.dims) :])
    return call.figure("masked_select", out, [self, mask], reach=Reach.MIXED)


@aten("masked_select", "nonzero", "argwhere")
def nonzero(call: Call, self: Value, mask: Value | None = None) -> Operand:
    """The elements that a mask keeps, or the places of those that aren't 0: how many is a named number, at most all."""
    if mask is None:
        found = as_onnx(call, "NonZero", self)
        return as_onnx(call, "Transpose", found, perm=[1, 0])
    return call.figure("masked_select", (call.most("count", size(self.dims)),), [self, mask], reach=Reach.MIXED)


@aten("_unique2", "unique_dim", "unique_consecutive", "_unique", "unique_dim_consecutive")
def unique(call: Call, self: Value, *, dim: int | None = None) -> Outputs:
    """What occurs, once, with the place of each and how often it is there: how many is a named number, at most all; an
    operation an element.
    """
    if dim is None:
        count = call.most("count", size(self.dims))
        out: Shape = (count,)
    else:
        n = axis_of(dim, len(self.dims))
        count = call.most("count", self.dims[n])
        out = (*self.dims[:n], count, *self.dims[n + 1 :])
    places = self.dims if dim is None else (self.dims[axis_of(dim, len(self.dims))],)
    value = call.figure("unique", out, [self], elementwise=size(self.dims), reach=Reach.MIXED)
    return [value, *call.beside_it(value, "places", places, (count,), kind=INT64)]


@aten("isin")
def is_in(call: Call, self: Value, other: Value) -> Value:
    """Whether each element is among others: an operation an element, truth values out."""
    return call.figure("is_in", self.dims, [self, other], elementwise=size(self.dims), reach=Reach.MIXED, kind=BOOL)


@aten("take")
def take(call: Call, self: Value, index: Value) -> Value:
    """An element of all, in a row, for each index: no arithmetic."""
    return call.figure("gather", index.dims, [self, index], reach=Reach.MIXED, kind=self.kind)


@aten("gather", "take_along_dim")
def gather(call: Call, self: Value, index: Value) -> Operand:
    """An element for each index, in the indices' shape: no arithmetic."""
    return as_onnx(call, "GatherElements", self, index) if call.data() else call.known(index.dims, None, self.kind)


@aten(
    "scatter", "scatter_add", "scatter_reduce", "index_put", "_index_put_impl", "index_add", "index_copy",
    "index_fill", "masked_scatter", "index_reduce", "put", "diagonal_scatter", "fill_diagonal", "as_strided_scatter",
    "slice_scatter", "select_scatter", "_unsafe_index_put",
)  # fmt: skip
def scatter(call: Call, self: Value, *others: Operand) -> Value:
    """A tensor with some of its elements written anew: the shape of the first, in its memory, and no
    arithmetic counted.
    """
    if not call.data():
        return call.known(self.dims, None, self.kind)
    return call.figure("scatter", self.dims, flags=("in_place",), reach=Reach.MIXED, kind=self.kind)


@aten("copy", "fill", "zero", "set_", "_set_item")
def written(call: Call, self: Value, src: Value | None = None) -> Value:
    """What is written over a tensor has its shape."""
    if src is None or not call.data():
        return Value(self.dims, self.kind, self.node)
    return call.figure("copy", self.dims, [self, src], flags=("in_place",), kind=self.kind)


@aten("pad", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "replication_pad2d", "_pad_enum")
@aten("reflection_pad3d", "replication_pad1d", "replication_pad3d")
def pad(call: Call, self: Value, *, pad: Attribute = (), padding: Attribute = (), mode: str = "") -> Operand:
    """torch pads from the last axis on."""
    named = {"reflection": "reflect", "replication": "replicate"}.get(call.op.partition("_")[0], mode)
    given = list(pad or padding)
    rank, count = len(self.dims), len(given) // 2
    before = [0] * (rank - count) + [given[2 * n] for n in reversed(range(count))]
    after = [0] * (rank - count) + [given[2 * n + 1] for n in reversed(range(count))]
    return as_onnx(call, "Pad", self, numbers([*before, *after]), mode=PAD_MODES.get(named, "constant"))


@aten("bucketize", "searchsorted", "multinomial", "bernoulli", "histc", "bincount")
def drawn(call: Call, self: Value) -> Value:
    """Places in a table, or draws from a distribution: an operation an element of the input, whole numbers in the shape
    that torch says.
    """
    return call.figure(call.op, declared(call), elementwise=size(self.dims), reach=Reach.MIXED, kind=INT64)
