"""Look-ups, scatters, sorting, and what detectors pick out: no MACs."""

from __future__ import annotations

from typing import Any

from archcalc.algebra import Dim, minimum
from archcalc.errors import ShapeError
from archcalc.importer.rules.base import Call, Outputs, Reach, Shape, Unknown, Value, learned, rule, size
from archcalc.importer.rules.reshaping import axes_given
from archcalc.importer.rules.shapes import is_small, taken
from archcalc.importer.tensors import BOOL, INT64
from archcalc.importer.values import axis_of, spell_dim, whole
from archcalc.ops.dense import Embedding
from archcalc.ops.foreign import foreign


@rule("Gather")
def gather(call: Call) -> Value:
    """Out of a table that was learned an embedding; out of sizes a size; else one or several slices."""
    table, index = call.value(0), call.value(1)
    shape, picks = call.shape(0), call.shape(1)
    axis = axis_of(call.whole("axis", 0), len(shape))
    out = (*shape[:axis], *picks, *shape[axis + 1 :])
    if table.is_constant and index.is_constant:
        return call.known(out, _looked_up(table, index, shape, axis), table.kind, [table])
    if table.is_constant:
        weights = (
            {"weight": table}
            if table.is_float and any(origin.given or size(origin.shape) > 64 for origin in table.origins)
            else {}
        )
        if (
            not weights
            and table.origins
            and not table.is_float
            and len(shape) == 2
            and size(shape) != 0
            and any(o.given for o in table.origins)
        ):
            weights = {"weight": table} if call.node.op == "Gather" and table.kind not in (INT64, BOOL, 6) else {}
        if weights and axis == 0 and len(shape) == 2 and 1 <= len(call.walker.sample(picks)) <= 3:
            return call.emit(
                call.walker.made(Embedding, vocab=shape[0], dim=shape[1], axis=-1),
                out,
                [index],
                weights=weights,
                kind=table.kind,
            )
        words = f"embedding {spell_dim(shape[0])} {spell_dim(size(shape[1:]))}" if axis == 0 and weights else "gather"
        return call.figure(
            "embedding" if weights else "gather",
            out,
            [index],
            words=words,
            weights=weights,
            reach=Reach.PASS,
            kind=table.kind,
        )
    content = index.content
    if index.is_constant and content is not None and picks == () and content[0] is not None:
        return _one(call, table, shape, axis, content[0], out)
    return call.figure("gather", out, [table, index], words=f"gather axis={axis}", reach=Reach.MIXED, kind=table.kind)


def _looked_up(table: Value, index: Value, shape: Shape, axis: int) -> Any:
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


def _one(call: Call, table: Value, shape: Shape, axis: int, pick: Any, out: Shape) -> Value:
    """One position of an axis, which goes."""
    from archcalc.importer.rules.joining import cut

    length = shape[axis]
    at = whole(pick)
    if at is None:
        return call.figure("gather", out, [table], words=f"gather axis={axis}", reach=Reach.MIXED)
    if isinstance(at, int) and isinstance(length, int) and not -length <= at < length:
        raise ShapeError(f"there is no {at} in an axis of {length}")
    start: Dim = at + length if isinstance(at, int) and at < 0 else at
    return call.view(cut(call, table, shape, axis, start, start + 1), out)


@rule("GatherElements")
def gather_elements(call: Call) -> Value:
    return call.figure("gather", call.shape(1), reach=Reach.MIXED, kind=call.value(0).kind)


@rule("GatherND")
def gather_nd(call: Call) -> Value:
    shape, picks = call.shape(0), call.shape(1)
    batch = call.whole("batch_dims", 0)
    depth = picks[-1] if picks else 1
    if not isinstance(depth, int):
        raise Unknown("the length of its indices is free")
    out = (*picks[:-1], *shape[batch + depth :])
    if not call.data():
        return call.known(out)
    return call.figure("gather", out, reach=Reach.MIXED, kind=call.value(0).kind)


@rule("Scatter", "ScatterElements", "ScatterND", "TensorScatter")
def scatter(call: Call) -> Value:
    """Writes some elements; with a reduction each of them takes an operation."""
    shape = call.shape(0)
    value = call.value(0)
    if not call.data():
        return call.known(shape, None)
    adds = call.text("reduction", "none") != "none"
    given = {"weight": value, "updates": call.value(2)}
    weights = {name: found for name, found in given.items() if learned(found)}
    cost = size(call.shape(2)) if adds else 0
    return call.figure(
        "scatter", shape, elementwise=cost, weights=weights, flags=("in_place",), reach=Reach.MIXED, kind=value.kind
    )


@rule("OneHot")
def one_hot(call: Call) -> Value:
    shape = call.shape(0)
    depth = (call.content(1) or (None,))[0]
    axis = axis_of(call.whole("axis", -1), len(shape) + 1)
    length = whole(depth)
    length = call.walker.free(f"{call.node.name or 'one_hot'}_depth") if length is None else length
    return call.figure("one_hot", (*shape[:axis], length, *shape[axis:]), reach=Reach.MIXED, kind=call.value(2).kind)


@rule("TopK")
def top_k(call: Call) -> Outputs:
    """Values and indices. Comparisons are counted as one an element that is read."""
    shape = call.shape(0)
    axis = axis_of(call.whole("axis", -1), len(shape))
    content = call.content(1) if call.has(1) else (call.whole("k", 1),)
    count = whole(content[0]) if content else None
    if count is None:
        declared = call.declared(call.scope.declared.of(call.node.outputs[0]))
        count = (
            declared[axis] if declared is not None and len(declared) == len(shape) else _at_most(call, shape[axis], "k")
        )
    elif isinstance(count, int) and isinstance(shape[axis], int) and count > shape[axis]:
        raise ShapeError(f"the largest {count} of {shape[axis]}")
    out = (*shape[:axis], count, *shape[axis + 1 :])
    first = call.figure(
        "topk", out, [call.value(0)], words=f"topk {spell_dim(count)}", elementwise=size(shape), reach=Reach.MIXED
    )
    second = (
        call.figure("indices", out, [first], words="indices of the topk", kind=INT64)
        if len(call.names) > 1 and call.names[1]
        else None
    )
    return [first, second]


@rule("NonZero")
def non_zero(call: Call) -> Value:
    """How many there are only a run would tell."""
    shape = call.shape(0)
    content = call.content(0)
    if call.value(0).is_constant and content is not None and None not in content and len(shape) == 1:
        found = tuple(n for n, value in enumerate(content) if value)
        return Value((1, len(found)), INT64, None, found)
    return call.figure(
        "non_zero",
        (len(shape), _at_most(call, size(shape), "count")),
        elementwise=size(shape),
        reach=Reach.MIXED,
        kind=INT64,
    )


def _at_most(call: Call, most: Dim, what: str) -> Dim:
    """A size that only a run would tell."""
    return call.walker.most(f"{call.node.name or call.node.op}_{what}", most)


@rule("Compress")
def compress(call: Call) -> Value:
    shape = call.shape(0)
    axis = call.attr("axis")
    count = _at_most(call, size(shape) if axis is None else shape[axis_of(axis, len(shape))], "count")
    if axis is None:
        return call.figure("compress", (count,), reach=Reach.MIXED)
    at = axis_of(axis, len(shape))
    return call.figure("compress", (*shape[:at], count, *shape[at + 1 :]), reach=Reach.MIXED)


@rule("Unique")
def unique(call: Call) -> Outputs:
    shape, axis = call.shape(0), call.attr("axis")
    count = _at_most(call, size(shape) if axis is None else shape[axis_of(axis, len(shape))], "count")
    at = 0 if axis is None else axis_of(axis, len(shape))
    out: Shape = (count,) if axis is None else (*shape[:at], count, *shape[at + 1 :])
    first = call.figure("unique", out, elementwise=size(shape), reach=Reach.MIXED)
    length = size(shape) if axis is None else shape[at]
    rest = [(count,), (length,), (count,)]
    others = [
        call.figure("indices", dims, [first], words="indices of the unique", kind=INT64) if name else None
        for dims, name in zip(rest, call.names[1:], strict=False)
    ]
    return [first, *others]


@rule("NonMaxSuppression")
def suppression(call: Call) -> Value:
    """Which boxes stay: at most so many a class, none where nothing says how many. The overlaps that it computes depend
    on the data and are left out.
    """
    batch, classes, boxes = call.rank(1, 3)
    content = call.content(2) if call.has(2) else (0,)
    limit = whole(content[0]) if content else None
    if limit == 0:
        layer = foreign("nms", words="nms, which keeps none", size_=(0, 3), reach=Reach.ALL)
        return Value(
            (0, 3),
            INT64,
            call.walker.place(
                layer, tuple(value.node for value in call.data() if value.node is not None), (0, 3), "", call.node
            ),
        )
    most: Dim = boxes if limit is None else whole(minimum(boxes, limit)) or boxes
    return call.figure(
        "nms",
        (_at_most(call, batch * classes * most, "kept"), 3),
        [call.value(0), call.value(1)],
        reach=Reach.ALL,
        kind=INT64,
    )


@rule("RoiAlign")
def roi_align(call: Call) -> Value:
    """Each sampled point is interpolated between four: four products and three sums, and a mean over the points."""
    shape, rois = call.rank(0, 4), call.rank(1, 2)
    height, width = call.whole("output_height", 1), call.whole("output_width", 1)
    points = max(call.whole("sampling_ratio", 0), 1) ** 2
    out = (rois[0], shape[1], height, width)
    return call.figure(
        "roi_align",
        out,
        [call.value(0), call.value(1)],
        words=f"roi_align {height}x{width}",
        elementwise=8 * points * size(out),
        reach=Reach.ALL,
    )


@rule("MaxRoiPool")
def max_roi_pool(call: Call) -> Value:
    pooled = call.ints("pooled_shape") or [1, 1]
    return call.figure(
        "roi_pool", (call.rank(1, 2)[0], call.rank(0, 4)[1], *pooled), [call.value(0), call.value(1)], reach=Reach.ALL
    )


@rule("GridSample")
def grid_sample(call: Call) -> Value:
    """Interpolation between 2^n or 4^n neighbours."""
    shape, grid = call.shape(0), call.shape(1)
    out = (*shape[:2], *grid[1:-1])
    axes = len(grid) - 2
    mode = call.text("mode", "linear")
    taps = 1 if mode == "nearest" else 4**axes if "cubic" in mode else 2**axes
    return call.figure(
        "grid_sample",
        out,
        words=f"grid_sample {mode}",
        elementwise=(2 * taps - 1) * size(out) if taps > 1 else 0,
        reach=Reach.ALL,
    )


@rule("AffineGrid")
def affine_grid(call: Call) -> Value:
    from archcalc.importer.rules.shapes import sizes

    dims = sizes(call, 1)
    axes = len(dims) - 2
    out = (dims[0], *dims[2:], axes)
    return call.figure("affine_grid", out, [call.value(0)], macs=size(out) * (axes + 1), reach=Reach.MIXED)


@rule("Col2Im")
def col2im(call: Call) -> Value:
    shape = call.rank(0, 2, 3)
    image = call.numbers(1, "sizes")
    block = size(call.numbers(2, "sizes"))
    channels = call.assumed.quotient(shape[-2], block)
    return call.figure(
        "col2im", (*shape[:-2], channels, *image), [call.value(0)], elementwise=size(shape), reach=Reach.MIXED
    )


@rule("Bernoulli", "Multinomial")
def drawn(call: Call) -> Value:
    shape = call.shape(0)
    out = (*shape[:-1], call.whole("sample_size", 1)) if call.node.op == "Multinomial" else shape
    return call.figure(call.node.op.lower(), out, elementwise=size(shape))


@rule("DFT")
def dft(call: Call) -> Value:
    """A dense transform: every output is a sum of products with every input; a complex product takes four real ones."""
    shape = call.shape(0)
    axis = axis_of(call.whole("axis", 1) if call.opset < 20 else (call.content(2) or (-2,))[0], len(shape))
    wanted = whole((call.content(1) or (None,))[0]) if call.has(1) else None
    half, back = bool(call.whole("onesided", 0)), bool(call.whole("inverse", 0))
    real_in, real_out = shape[-1] == 1, half and back
    length = wanted if wanted is not None else 2 * (shape[axis] - 1) if real_out else shape[axis]
    given: Any = minimum(
        shape[axis], length // 2 + 1 if real_out else length
    )  # what is cut off or filled with zeros takes no product
    out = (*shape[:axis], length // 2 + 1 if half and not back else length, *shape[axis + 1 : -1], 1 if real_out else 2)
    parts = (1 if real_in else 2) * (1 if real_out else 2)
    return call.figure("dft", out, [call.value(0)], macs=size(out[:-1]) * given * parts, reach=Reach.ALL)


@rule("Det")
def det(call: Call) -> Value:
    """By elimination: a third of n^3 products of each matrix, rounded down."""
    shape = call.shape(0)
    return call.figure(
        "det", shape[:-2], macs=size(shape[:-2]) * (shape[-1] * shape[-1] * shape[-1] // 3), reach=Reach.ALL
    )


@rule("STFT")
def stft(call: Call) -> Value:
    shape = call.shape(0)
    step = call.numbers(1, "step")[0]
    frame = call.shape(2)[0] if call.has(2) else call.numbers(3, "length")[0]
    if call.has(3):
        frame = call.numbers(3, "length")[0]
    bins = frame // 2 + 1 if call.whole("onesided", 1) else frame
    frames = (shape[1] - frame) // step + 1
    out = (shape[0], frames, bins, 2)
    parts = 2 if len(shape) > 2 and shape[2] == 2 else 1  # of a number in the signal, which the window multiplies
    return call.figure(
        "stft",
        out,
        [call.value(0)],
        macs=size(out) * frame * parts,
        elementwise=shape[0] * frames * frame * parts,
        reach=Reach.ALL,
    )


@rule("SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss")
def loss(call: Call) -> Outputs:
    shape = call.shape(0)
    reduced = call.text("reduction", "mean") != "none"
    out: Shape = () if reduced else (shape[0], *shape[2:])
    steps = 6 if call.node.op == "SoftmaxCrossEntropyLoss" else 1
    first = call.figure("loss", out, elementwise=steps * size(shape), reach=Reach.ALL)
    return [
        first,
        call.figure("log_softmax", shape, [call.value(0)]) if len(call.names) > 1 and call.names[1] else None,
    ]


__all__ = ["axes_given"]
