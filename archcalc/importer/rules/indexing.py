"""Look-ups, scatters, sorting, and what detectors pick out: no MACs."""

from __future__ import annotations

from archcalc.algebra import Dim, minimum
from archcalc.errors import ShapeError
from archcalc.importer.claims import is_buffer
from archcalc.importer.known import is_small, taken
from archcalc.importer.rules.base import IN_PLACE, Call, Outputs, Reach, Shape, Unknown, Value, learned, rule, size
from archcalc.importer.rules.joining import cut
from archcalc.importer.tensors import BOOL, INT32, INT64
from archcalc.importer.values import axis_of, spell_dim, whole
from archcalc.ops.dense import Embedding
from archcalc.untyped import Attribute, Element


@rule("Gather")
def gather(call: Call, data: Value, indices: Value, *, axis: int = 0) -> Value:
    """Out of a table that was learned an embedding; out of sizes a size; else one or several slices."""
    shape, picks, kind = data.dims, indices.dims, data.kind
    axis = axis_of(axis, len(shape))
    out = (*shape[:axis], *picks, *shape[axis + 1 :])
    if data.is_constant and indices.is_constant:
        made_from = [data, indices] if is_buffer(indices) else [data]
        return call.known(out, _looked_up(data, indices, shape, axis), kind, made_from)
    if data.is_constant:
        return _embedded(call, data, indices, axis, out)
    if indices.is_constant and picks == () and indices.only() is not None:
        return _one(call, data, axis, indices.only(), out)
    return call.figure("gather", out, [data, indices], words=f"gather axis={axis}", reach=Reach.MIXED, kind=kind)


def _embedded(call: Call, table: Value, picks: Value, axis: int, out: Shape) -> Value:
    """A row of a table for each index; the table was learned if its numbers are in the file, and are no sizes."""
    shape, given = table.dims, any(origin.given for origin in table.origins)
    if table.is_float:
        given = any(origin.given or size(origin.shape) > 64 for origin in table.origins)
    else:
        given = given and len(shape) == 2 and size(shape) != 0 and table.kind not in (INT64, BOOL, INT32)
    op = None
    if given and axis == 0 and len(shape) == 2 and 1 <= len(call.sample(picks.dims)) <= 3:
        op = call.made(Embedding, vocab=shape[0], dim=shape[1], axis=-1)
    word, weights = ("embedding", {"weight": table}) if given else ("gather", {})
    words = f"embedding {spell_dim(shape[0])} {spell_dim(size(shape[1:]))}" if axis == 0 and given else "gather"
    return call.figure(word, out, [picks], op=op, words=words, weights=weights, kind=table.kind)


def _looked_up(table: Value, index: Value, shape: Shape, axis: int) -> Element:
    if index.content is None or table.content is None or not is_small(shape):
        return None
    length = shape[axis]
    picks = [pick for item in index.content if isinstance(pick := whole(item), int)]
    if not isinstance(length, int) or len(picks) < len(index.content):
        return None
    for pick in picks:
        if not -length <= pick < length:
            raise ShapeError(f"there is no {pick} among {length}")
    return taken(table.content, shape, axis, [pick % length for pick in picks])


def _one(call: Call, table: Value, axis: int, pick: object, out: Shape) -> Value:
    """One position of an axis, which goes."""
    length, at = table.dims[axis], whole(pick)
    if at is None:
        return call.figure("gather", out, [table], words=f"gather axis={axis}", reach=Reach.MIXED)
    if isinstance(at, int) and isinstance(length, int) and not -length <= at < length:
        raise ShapeError(f"there is no {at} in an axis of {length}")
    start: Dim = at + length if isinstance(at, int) and at < 0 else at
    return call.view(cut(call, table, table.dims, axis, start, start + 1), out)


@rule("GatherElements")
def gather_elements(call: Call, data: Value, indices: Value) -> Value:
    """An element for each index, in the indices' shape: no arithmetic."""
    return call.figure("gather", indices.dims, reach=Reach.MIXED, kind=data.kind)


@rule("GatherND")
def gather_nd(call: Call, data: Value, indices: Value, *, batch_dims: int = 0) -> Value:
    """An element or a slice for each row of indices: no arithmetic. Raises Unknown where the rows' length is free."""
    shape, picks = data.dims, indices.dims
    depth = picks[-1] if picks else 1
    if not isinstance(depth, int):
        raise Unknown("the length of its indices is free")
    out = (*picks[:-1], *shape[batch_dims + depth :])
    return call.figure("gather", out, reach=Reach.MIXED, kind=data.kind) if call.data() else call.known(out)


@rule("ScatterElements", "ScatterND", "Scatter")
def scatter(call: Call, data: Value, indices: Value, updates: Value, *, reduction: str = "none") -> Value:
    """Writes some elements; with a reduction each of them takes an operation."""
    if not call.data():
        return call.known(data.dims, None)
    weights = {name: found for name, found in (("weight", data), ("updates", updates)) if learned(found)}
    cost = size(updates.dims) if reduction != "none" else 0
    return call.figure(
        "scatter", data.dims, elementwise=cost, weights=weights, flags=IN_PLACE, reach=Reach.MIXED, kind=data.kind
    )


@rule("TensorScatter")
def tensor_scatter(call: Call, past_cache: Value, update: Value, write_indices: Value | None = None) -> Value:
    """New positions written into a cache."""
    kind = past_cache.kind
    return call.figure("scatter", past_cache.dims, flags=IN_PLACE, reach=Reach.MIXED, kind=kind)


@rule("OneHot")
def one_hot(call: Call, indices: Value, depth: Value, values: Value, *, axis: int = -1) -> Value:
    """A new axis as long as `depth`, with one value at the index and another elsewhere: no arithmetic; a depth only a
    run tells is named.
    """
    shape, length = indices.dims, whole(depth.only())
    n = axis_of(axis, len(shape) + 1)
    if length is None:
        length = call.written(n, len(shape) + 1) or call.free("depth", "one_hot")
    return call.figure("one_hot", (*shape[:n], length, *shape[n:]), reach=Reach.MIXED, kind=values.kind)


@rule("TopK")
def top_k(call: Call, X: Value, k: Value | None = None, *, axis: int = -1) -> Outputs:
    """Values and indices. Comparisons are counted as one an element that is read."""
    shape = X.dims
    n = axis_of(axis, len(shape))
    count = whole(k.only()) if k is not None else 1
    declared = call.declared
    if count is None and declared is not None and len(declared) == len(shape):
        count = declared[n]
    elif count is None:
        count = call.most("k", shape[n])
    elif isinstance(count, int) and isinstance(shape[n], int) and count > shape[n]:
        raise ShapeError(f"the largest {count} of {shape[n]}")
    out, words = (*shape[:n], count, *shape[n + 1 :]), f"topk {spell_dim(count)}"
    first = call.figure("topk", out, [X], words=words, elementwise=size(shape), reach=Reach.MIXED)
    return [first, *call.beside_it(first, "indices", out, words="indices of the topk", kind=INT64)]


@rule("NonZero")
def non_zero(call: Call, X: Value) -> Value:
    """How many there are only a run would tell."""
    shape = X.dims
    if X.is_constant and X.content is not None and None not in X.content and len(shape) == 1:
        found = tuple(n for n, value in enumerate(X.content) if value)
        return Value((1, len(found)), INT64, None, found)
    out = (len(shape), call.written(1, 2) or call.most("count", size(shape)))
    return call.figure("non_zero", out, elementwise=size(shape), reach=Reach.MIXED, kind=INT64)


@rule("Compress")
def compress(call: Call, input: Value, condition: Value, *, axis: int | None = None) -> Value:
    """The places of an axis, or of all elements, where the condition holds: how many is a named number."""
    return call.figure("compress", _kept(call, input.dims, axis), reach=Reach.MIXED)


def _kept(call: Call, shape: Shape, axis: int | None) -> Shape:
    """What is left of all elements, or of an axis: at most all."""
    if axis is None:
        return (call.written(0, 1) or call.most("count", size(shape)),)
    n = axis_of(axis, len(shape))
    return (*shape[:n], call.written(n, len(shape)) or call.most("count", shape[n]), *shape[n + 1 :])


@rule("Unique")
def unique(call: Call, X: Value, *, axis: int | None = None) -> Outputs:
    """The elements, or places of an axis, that differ, with their first places, the way back and their counts: how many
    is a named number.
    """
    shape = X.dims
    n = 0 if axis is None else axis_of(axis, len(shape))
    out = _kept(call, shape, axis)
    first = call.figure("unique", out, elementwise=size(shape), reach=Reach.MIXED)
    rest = ((out[n],), (size(shape) if axis is None else shape[n],), (out[n],))
    return [first, *call.beside_it(first, "indices", *rest, words="indices of the unique", kind=INT64)]


@rule("NonMaxSuppression")
def suppression(call: Call, boxes: Value, scores: Value, max_output_boxes_per_class: Value | None = None) -> Value:
    """Which boxes stay: at most so many a class, none where nothing says how many. The overlaps that it computes depend
    on the data and are left out.
    """
    batch, classes, count = scores.axes(3)
    limit = whole(max_output_boxes_per_class.only()) if max_output_boxes_per_class is not None else 0
    if limit == 0:
        return call.nothing("nms", "nms, which keeps none", (0, 3), INT64)
    most: Dim = count if limit is None else whole(minimum(count, limit)) or count
    kept = call.most("kept", batch * classes * most)
    return call.figure("nms", (kept, 3), [boxes, scores], reach=Reach.ALL, kind=INT64)


@rule("RoiAlign")
def roi_align(
    call: Call, X: Value, rois: Value, batch_indices: Value | None = None, *, output_height: int = 1,
    output_width: int = 1, sampling_ratio: int = 0,
) -> Value:  # fmt: skip
    """Each sampled point is interpolated between four: four products and three sums, and a mean over the points."""
    out = (rois.axes(2)[0], X.axes(4)[1], output_height, output_width)
    cost, words = 8 * max(sampling_ratio, 1) ** 2 * size(out), f"roi_align {output_height}x{output_width}"
    return call.figure("roi_align", out, [X, rois], words=words, elementwise=cost, reach=Reach.ALL)


@rule("MaxRoiPool")
def max_roi_pool(call: Call, X: Value, rois: Value, *, pooled_shape: list[int] | None = None) -> Value:
    """The maxima of a grid in each region: `regions x channels x pooled_shape`; only the output's size is known, so no
    operations are counted.
    """
    out = (rois.axes(2)[0], X.axes(4)[1], *(pooled_shape or [1, 1]))
    return call.figure("roi_pool", out, [X, rois], reach=Reach.ALL)


@rule("GridSample")
def grid_sample(call: Call, X: Value, grid: Value, *, mode: str = "linear") -> Value:
    """Interpolation between 2^n or 4^n neighbours."""
    out, axes = (*X.dims[:2], *grid.dims[1:-1]), len(grid.dims) - 2
    taps = 1 if mode == "nearest" else 4**axes if "cubic" in mode else 2**axes
    cost = (2 * taps - 1) * size(out) if taps > 1 else 0
    return call.figure("grid_sample", out, words=f"grid_sample {mode}", elementwise=cost, reach=Reach.ALL)


@rule("AffineGrid")
def affine_grid(call: Call, theta: Value, size_: Value) -> Value:
    """The places that an affine map sends a grid to: a product with each homogeneous coordinate; the size may be known
    or declared.
    """
    out = call.declared
    if size_.content is not None or out is None:
        dims = size_.numbers("sizes")
        out = (dims[0], *dims[2:], len(dims) - 2)
    return call.figure("affine_grid", out, [theta], macs=size(out) * (out[-1] + 1), reach=Reach.MIXED)


@rule("Col2Im")
def col2im(call: Call, input: Value, image_shape: Value, block_shape: Value) -> Value:
    """Columns of blocks added up to an image: a sum an element of the input."""
    shape = input.axes(2, 3)
    if not (image_shape.is_known and block_shape.is_known):
        return call.figure("col2im", call.decided("sizes"), [input], elementwise=size(shape), reach=Reach.MIXED)
    image = image_shape.numbers("sizes")
    channels = call.assumed.quotient(shape[-2], size(block_shape.numbers("sizes")))
    out = (*shape[:-2], channels, *image)
    return call.figure("col2im", out, [input], elementwise=size(shape), reach=Reach.MIXED)


@rule("Multinomial", "Bernoulli")
def drawn(call: Call, input: Value, *, sample_size: int = 1, dtype: int = 0) -> Value:
    """Random draws by the input's probabilities: an operation an element of the input."""
    out = (*input.dims[:-1], sample_size) if call.op == "Multinomial" else input.dims
    kind = dtype or (INT32 if call.op == "Multinomial" else input.kind)
    return call.figure(call.op.lower(), out, elementwise=size(input.dims), kind=kind)


@rule("DFT")
def dft(
    call: Call, input: Value, dft_length: Value | None = None, axis: Value | None = None, *, onesided: bool = False,
    inverse: bool = False,
) -> Value:  # fmt: skip
    """A dense transform: every output is a sum of products with every input; a complex product takes four real ones."""
    shape = input.dims
    given = axis.numbers("axis")[0] if axis is not None else None
    n = axis_of((1 if call.opset < 20 else -2) if given is None else given, len(shape))
    wanted = whole(dft_length.only()) if dft_length is not None else None
    real_in, real_out = shape[-1] == 1, onesided and inverse
    length = wanted if wanted is not None else 2 * (shape[n] - 1) if real_out else shape[n]
    # what is cut off or filled with zeros takes no product
    read: Attribute = minimum(shape[n], length // 2 + 1 if real_out else length)
    bins = length // 2 + 1 if onesided and not inverse else length
    out = (*shape[:n], bins, *shape[n + 1 : -1], 1 if real_out else 2)
    parts = (1 if real_in else 2) * (1 if real_out else 2)
    return call.figure("dft", out, [input], macs=size(out[:-1]) * read * parts, reach=Reach.ALL)


@rule("Det")
def det(call: Call, X: Value) -> Value:
    """By elimination: a third of n^3 products of each matrix, rounded down."""
    *batch, _, n = X.dims
    return call.figure("det", tuple(batch), macs=size(batch) * (n * n * n // 3), reach=Reach.ALL)


@rule("STFT")
def stft(
    call: Call, signal: Value, frame_step: Value, window: Value | None = None, frame_length: Value | None = None, *,
    onesided: bool = True,
) -> Value:  # fmt: skip
    """Windowed pieces of a signal, each transformed: frame x frequencies complex products, as a plain Fourier sum."""
    shape = signal.dims
    if window is None or frame_length is not None:
        frame = call.needs(frame_length, 3).numbers("length")[0]
    else:
        frame = window.dims[0]
    step = frame_step.only()
    frames = call.decided("step", 4)[1] if step is None else (shape[1] - frame) // step + 1
    out = (shape[0], frames, frame // 2 + 1 if onesided else frame, 2)
    parts = 2 if len(shape) > 2 and shape[2] == 2 else 1  # of a number in the signal, which the window multiplies
    return call.figure(
        "stft", out, [signal], macs=size(out) * frame * parts, elementwise=shape[0] * frames * frame * parts,
        reach=Reach.ALL,
    )  # fmt: skip


@rule("SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss")
def loss(call: Call, scores: Value, labels: Value, *, reduction: str = "mean") -> Outputs:
    """The mean loss, or one an element for `reduction=none`, and the log-probabilities: six operations a score with the
    softmax, else one.
    """
    shape = scores.dims
    steps = 6 if call.op == "SoftmaxCrossEntropyLoss" else 1
    out: Shape = (shape[0], *shape[2:]) if reduction == "none" else ()
    first = call.figure("loss", out, elementwise=steps * size(shape), reach=Reach.ALL)
    return [first, *call.beside_it(scores, "log_softmax", shape)]
