"""What moves, cuts, joins or stretches tensors."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from archcalc.algebra import Dim, Poly, integral, less
from archcalc.algebra import floor as flooring
from archcalc.algebra import maximum as larger
from archcalc.errors import ShapeError, Undecided
from archcalc.importer.batch import of_one, reshaped, stretched_to
from archcalc.importer.rules.base import Call, Outputs, Reach, Shape, Unknown, Value, Values, learned, rule, size
from archcalc.importer.rules.shapes import is_small, sizes, stretched, taken, transposed
from archcalc.importer.tensors import MOST_CONTENT
from archcalc.importer.values import Content, axis_of, divided, least, spell_dim, whole
from archcalc.ops import spell_shape
from archcalc.ops.merge import Concat
from archcalc.ops.reshaping import Pad, Permute, PixelShuffle, PixelUnshuffle, Slice, Upsample

# ---- other shapes of the same elements ----------------------------------------------------------------------------------------------------


@rule("Reshape")
def reshape(call: Call) -> Value:
    x = call.value(0)
    if call.has(1):
        wanted: list[Any] | None = None if call.content(1) is None else list(call.content(1) or ())
    else:
        wanted = list(call.ints("shape") or [])
    if wanted is None:
        wanted = list(sizes(call, 1))
    if x.shape is None:
        if all(isinstance(dim, int) and dim > 0 for dim in wanted):
            raise Unknown("the shape of what it reads isn't known")
        call.shape(0)
    shape = x.shape or ()
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
    dropped = {axis_of(axis, len(shape)) for axis in axes} if axes is not None else {n for n, dim in enumerate(shape) if isinstance(dim, int) and dim == 1}
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
    turned = call.emit(call.walker.made(Permute, order=tuple(ranks.index(axis) for axis in moved)), tuple(shape[axis] for axis in moved), [short])
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


# ---- joining and cutting ------------------------------------------------------------------------------------------------------------------


@rule("Concat")
def concat(call: Call) -> Value:
    return joined(call, call.values(), call.whole("axis", 1))


def joined(call: Call, values: list[Value], axis: int) -> Value:
    shapes = []
    for value in values:
        if value.shape is None:
            raise Unknown("the shape of what it reads isn't known")
        shapes.append(value.shape)
    if not shapes:
        raise ShapeError("there is nothing to join")
    first = shapes[0]
    axis = axis_of(axis, len(first))
    if axis != 0 and call.walker.samples > 1:
        values = of_one(values, call.walker.samples)
        shapes = [value.shape or () for value in values]
        first = shapes[0]
    dims, total = list(first), first[axis]
    for shape in shapes[1:]:
        if len(shape) != len(first):
            raise ShapeError(f"{spell_shape(first, spell_dim)} and {spell_shape(shape, spell_dim)} have different numbers of axes")
        for n, dim in enumerate(shape):
            if n != axis:
                try:
                    dims[n] = call.assumed.agree(dims[n], dim)
                except ShapeError:
                    message = f"{spell_shape(first, spell_dim)} and {spell_shape(shape, spell_dim)} can only differ in axis {axis}"
                    raise ShapeError(message) from None
        total = total + shape[axis]
    dims[axis] = total
    out = tuple(dims)
    present = [value for value, shape in zip(values, shapes, strict=True) if not (isinstance(shape[axis], int) and shape[axis] == 0)] or values[:1]
    if len(present) == 1:
        return present[0]
    moving = call.data(present)
    if not moving:
        return call.known(out, _side_by_side(present, axis, out), of=present)
    constants = [value for value in present if value.is_constant]
    sample = call.walker.sample(out)
    if not constants and sample != out and axis > 0 and all(call.walker.sample(value.shape or ()) != value.shape for value in present):
        return call.emit(call.walker.made(Concat, axis=axis - 1), out, present)
    if not constants and sample == out and all(call.walker.sample(value.shape or ()) == value.shape for value in present):
        return call.emit(call.walker.made(Concat, axis=axis), out, present)
    weights = {"weight" if not n else f"weight{n + 1}": value for n, value in enumerate(constants) if learned(value)}
    return call.figure("concat", out, present, words=f"concat axis={axis}", weights=weights, reach=Reach.MIXED)


def _side_by_side(values: list[Value], axis: int, out: Shape) -> Content | None:
    if any(value.content is None for value in values) or not is_small(out):
        return None
    before = size(out[:axis])
    assert isinstance(before, int)
    rows: list[Any] = []
    for row in range(before):
        for value in values:
            content = value.content or ()
            step = len(content) // before if before else 0
            rows += content[row * step : (row + 1) * step]
    return tuple(rows)


def cut(call: Call, x: Value, shape: Shape, axis: int, start: Dim, stop: Dim) -> Value:
    """The stretch from start to stop of an axis."""
    out = (*shape[:axis], stop - start, *shape[axis + 1 :])
    if x.is_constant:
        picks = range(start, stop) if isinstance(start, int) and isinstance(stop, int) and stop - start <= MOST_CONTENT else None
        return call.known(out, taken(x.content, shape, axis, picks) if picks is not None else None, of=[x])
    if start == 0 and stop == shape[axis]:
        return x
    if axis and call.walker.sample(shape) != shape:
        return call.emit(call.walker.made(Slice, start=start, stop=stop, axis=axis - 1), out, [x])
    if call.walker.sample(shape) == shape:
        op = call.walker.made(Slice, start=start, stop=stop, axis=axis)
        if call.walker.sample(out) == out:
            return call.emit(op, out, [x])
        return call.view(call.emit(op, out, [x], shown=out), out)  # one of the first axis, which is the sample's from here on
    return call.figure("slice", out, [x], words=f"slice {spell_dim(start)} {spell_dim(stop)} axis={axis}", reach=Reach.MIXED)


@rule("Split")
def split(call: Call) -> Outputs:
    x, shape = call.value(0), call.shape(0)
    axis = axis_of(call.whole("axis", 0), len(shape))
    parts: list[Dim]
    given = list(call.numbers(1, "sizes")) if call.has(1) else call.ints("split")
    if given is not None:
        parts = [_size_of(part) for part in given]
    else:
        count = call.whole("num_outputs", len(call.names))
        if not 0 < count <= 4096:
            raise ShapeError(f"it is split into {count} parts")
        part = (shape[axis] + count - 1) // count
        parts = [part] * (count - 1) + [shape[axis] - part * (count - 1)]
    total: Dim = 0
    for part in parts:
        total = total + part
    call.assumed.agree(total, shape[axis], "the parts and the axis")
    found: Outputs = []
    start: Dim = 0
    for part, name in zip(parts, call.names, strict=False):
        empty = isinstance(part, int) and part == 0
        found.append(Value((*shape[:axis], 0, *shape[axis + 1 :]), x.kind) if empty else cut(call, x, shape, axis, start, start + part) if name else None)
        start = start + part
    return found


def _size_of(part: Any) -> Dim:
    dim = whole(part)
    if dim is None or (isinstance(dim, int) and dim < 0):
        raise ShapeError(f"a part of {part}")
    return dim


@rule("Slice")
def slices(call: Call) -> Value:
    x, shape = call.value(0), call.shape(0)
    if call.opset >= 10 or call.has(1):
        parts = [list(call.content(n) or [None] * _length(call, n)) if call.has(n) else None for n in (1, 2, 3, 4)]
    else:
        parts = [call.ints("starts"), call.ints("ends"), call.ints("axes"), None]
    starts, ends = parts[0] or [], parts[1] or []
    axes = parts[2] if parts[2] is not None else list(range(len(starts)))
    steps = parts[3] if parts[3] is not None else [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise ShapeError("starts, ends, axes and steps have different lengths")
    if None in axes:
        raise Unknown("its axes are computed when it runs")
    out = list(shape)
    picks: list[tuple[int, Dim | None, Dim | None, Dim | None]] = []
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        n = axis_of(axis, len(shape))
        begin, stop, pace = _bounds(call, out[n], start, end, step, f"{call.node.name or 'slice'}_{n}")
        if begin is None or stop is None or pace is None:
            out[n] = call.walker.most(f"{call.node.name or 'slice'}_{n}", out[n])
            picks.append((n, None, None, None))
            continue
        length = out[n]
        out[n] = _counted(begin, stop, pace)
        if not (begin == 0 and pace == 1 and out[n] == length):
            picks.append((n, begin, stop, pace))
    target = tuple(out)
    if any(isinstance(dim, int) and dim <= 0 for dim in target):
        return Value(tuple(0 if isinstance(dim, int) and dim < 0 else dim for dim in target), x.kind, None, ())
    if x.is_constant:
        return call.known(target, _picked(x.content, shape, picks), of=[x])
    if not picks:
        return x
    if len(picks) == 1 and call.walker.sample(shape) != shape:
        n, begin, stop, pace = picks[0]
        if n and isinstance(pace, int) and pace > 0:
            return call.emit(call.walker.made(Slice, start=begin, stop=stop, axis=n - 1, step=pace), target, [x])
    words = "slice " + ", ".join(f"{_shown(begin)}:{_shown(stop)}{'' if pace == 1 else f':{_shown(pace)}'} of axis {n}" for n, begin, stop, pace in picks)
    return call.figure("slice", target, [x], words=words, reach=Reach.MIXED)


def _shown(value: Any) -> str:
    return "?" if value is None else spell_dim(value)


def _length(call: Call, n: int) -> int:
    shape = call.shape(n)
    length = shape[0] if len(shape) == 1 else 1
    if not isinstance(length, int):
        raise Unknown("its bounds are computed when it runs")
    return min(length, 64)


def _bounds(call: Call, length: Dim, start: Any, end: Any, step: Any, name: str) -> tuple[Dim | None, Dim | None, Dim | None]:
    """Start, stop and step of a slice, within the axis; None for what isn't known."""
    if step is None or whole(step) is None or start is None or end is None:
        return None, None, None
    if step == 0:
        raise ShapeError("a step of 0")
    if isinstance(step, int) and step < 0:
        begin, stop = _within(call, start, length, -1), _within(call, end, length, -1)
        return begin, stop, step
    begin, stop = _within(call, start, length, 0), _within(call, end, length, 0)
    return begin, stop, step


def _within(call: Call, value: Any, length: Dim, low: int) -> Dim | None:
    """A bound as a position of the axis: negative ones count from the end, those past it are cut."""
    bound = whole(value)
    if bound is None:
        return None
    if isinstance(bound, int) and bound >= (1 << 31) - 1:
        return length if low == 0 else length - 1
    if isinstance(bound, int) and bound < -(1 << 30):
        return 0 if low == 0 else -1
    try:
        if bound < 0:
            bound = bound + length
            floor_: Any = larger(bound, 0 if low == 0 else -1)
            return floor_ if isinstance(floor_, int) or isinstance(length, Poly) else bound
        top = length if low == 0 else length - 1
        if less(top, bound):
            return top
        return bound
    except Undecided:
        above = "" if least(-1, bound) else "0 <= "
        call.assumed.conditions[f"{above}{spell_dim(bound)} <= {spell_dim(length)}"] = None
        return bound


def _counted(begin: Dim, stop: Dim, step: Dim) -> Dim:
    if isinstance(step, int) and step < 0:
        return (begin - stop - step - 1) // -step
    if not isinstance(step, int):
        raise ShapeError(f"a step of {spell_dim(step)}")
    return (stop - begin + step - 1) // step


def _picked(content: Content | None, shape: Shape, picks: list[Any]) -> Content | None:
    current = shape
    for n, begin, stop, pace in picks:
        if not all(isinstance(value, int) for value in (begin, stop, pace)) or content is None:
            return None
        chosen = range(begin, stop, pace)
        if len(chosen) > MOST_CONTENT:
            return None
        content = taken(content, current, n, chosen)
        current = (*current[:n], len(chosen), *current[n + 1 :])
    return content


@rule("Pad")
def pad(call: Call) -> Value:
    x, shape = call.value(0), call.shape(0)
    given = call.content(1) if call.has(1) else tuple(call.ints("pads") or call.ints("paddings") or ())
    axes = [axis_of(axis, len(shape)) for axis in call.numbers(3, "axes")] if call.has(3) else list(range(len(shape)))
    if given is None or None in given:
        out = tuple(call.walker.free(f"{call.node.name or 'pad'}_{n}") if n in axes else dim for n, dim in enumerate(shape))
        declared = call.declared(call.scope.declared.of(call.node.outputs[0]))
        return call.figure("pad", declared if declared is not None and len(declared) == len(shape) else out, [x], reach=Reach.MIXED)
    if len(given) != 2 * len(axes):
        raise ShapeError(f"it has {len(given)} pads for {len(axes)} axes")
    sides = {axis: (given[n], given[n + len(axes)]) for n, axis in enumerate(axes) if (given[n], given[n + len(axes)]) != (0, 0)}
    out = tuple(dim + sides[n][0] + sides[n][1] if n in sides else dim for n, dim in enumerate(shape))
    if not sides:
        return x
    if x.is_constant:
        return call.known(out, None, of=[x])
    if call.walker.sample(shape) != shape and all(n and all(_not_negative(v) for v in side) for n, side in sides.items()):
        amounts = set(sides.values())
        if len(amounts) == 1 and (set(sides) == set(range(2, len(shape))) or len(sides) == 1):
            ((before, after),) = amounts
            axis = None if set(sides) == set(range(2, len(shape))) else next(iter(sides)) - 1
            return call.emit(call.walker.made(Pad, amount=before if before == after else (before, after), axis=axis), out, [x])
    words = "pad " + ", ".join(f"({_shown(a)},{_shown(b)}) on axis {n}" for n, (a, b) in sides.items())
    return call.figure("pad", out, [x], words=words, reach=Reach.MIXED)


def _not_negative(value: Any) -> bool:
    return isinstance(value, Poly) or (isinstance(value, int) and value >= 0)


# ---- stretching -----------------------------------------------------------------------------------------------------------------------------


@rule("Expand")
def expand(call: Call) -> Value:
    x, shape = call.value(0), call.shape(0)
    out = call.assumed.broadcast(shape, stretched_to(sizes(call, 1), call.walker.samples))
    if x.is_constant:
        return call.known(out, stretched(x.content, shape, out) if x.content is not None else None, of=[x])
    return x if out == shape else call.view(x, out) if size(out) == size(shape) else call.figure("expand", out, [x], reach=Reach.MIXED)


@rule("Tile")
def tile(call: Call) -> Value:
    x, shape = call.value(0), call.shape(0)
    repeats = [whole(item) for item in call.content(1) or ()]
    if len(repeats) != len(shape) or None in repeats:
        declared = call.declared(call.scope.declared.of(call.node.outputs[0]))
        if declared is None:
            raise Unknown("how often it repeats is computed when it runs")
        out = declared
    else:
        out = tuple(dim * times for dim, times in zip(shape, repeats, strict=True) if times is not None)
    if x.is_constant:
        content = x.content * _int(size(out)) if x.content is not None and len(x.content) == 1 and is_small(out) else None
        return call.known(out, content, of=[x])
    return x if out == shape else call.figure("tile", out, [x], reach=Reach.MIXED)


def _int(dim: Dim) -> int:
    assert isinstance(dim, int)
    return dim


@rule("Resize", "Upsample")
def resize(call: Call) -> Value:
    """Nearest neighbours cost nothing; linear interpolation along n axes takes 2^n products and a sum less an element, cubic 4^n."""
    x, shape = call.value(0), call.shape(0)
    mode = call.text("mode", "nearest")
    first = 2 if call.node.op == "Resize" and call.opset >= 11 else 1
    axes = [axis_of(axis, len(shape)) for axis in call.ints("axes") or range(len(shape))]
    scales = call.content(first) if call.has(first) and call.shape(first) != (0,) else None
    if scales is None and call.attr("scales") is not None:
        scales = tuple(Fraction(repr(round(value, 6))) for value in call.attr("scales"))
    wanted = call.content(first + 1) if call.has(first + 1) else None
    if wanted is not None and len(wanted) == len(shape):
        wanted = stretched_to(wanted, call.walker.samples)
    target: list[Any] = list(shape)
    if wanted is not None and len(wanted) == len(axes):
        for axis, item in zip(axes, wanted, strict=True):
            target[axis] = _target_size(call, item, axis)
        policy = call.text("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            target = _in_proportion(shape, target, axes, policy == "not_larger")
    elif scales is not None and len(scales) == len(axes):
        for axis, scale in zip(axes, scales, strict=True):
            target[axis] = _scaled(shape[axis], scale) if scale is not None else call.walker.free(f"{call.node.name or 'resize'}_{axis}")
    else:
        declared = call.declared(call.scope.declared.of(call.node.outputs[0])) if call.node.outputs else None
        target = list(declared) if declared is not None else [_target_size(call, None, axis) if axis > 1 else dim for axis, dim in enumerate(shape)]
    out = tuple(target)
    if x.is_constant:
        return call.known(out, None, of=[x])
    moved = [axis for axis, (a, b) in enumerate(zip(shape, out, strict=True)) if a != b]
    if not moved:
        return x
    spatial = shape[2:]
    factors = [divided(b, a) for a, b in zip(spatial, out[2:], strict=True)]
    whole_ = call.walker.sample(shape) != shape and 1 not in moved and 3 <= len(shape) <= 5 and all(isinstance(f, int) and f >= 1 for f in factors)
    linear = mode in ("linear", "bilinear", "trilinear")
    aligned = call.text("coordinate_transformation_mode", "half_pixel") == "align_corners"
    if whole_ and (mode == "nearest" or (linear and not aligned)) and (not linear or len(moved) == len(spatial)):
        factor: Any = factors[0] if len(set(factors)) == 1 else tuple(factors)
        return call.emit(call.walker.made(Upsample, scale=factor, mode="bilinear" if linear else "nearest"), out, [x])
    taps = 1 if mode == "nearest" else 2 ** len(moved) if linear else 4 ** len(moved)
    words = f"upsample {spell_shape(out[2:], spell_dim)} {mode}" if len(out) > 2 else f"upsample {mode}"
    return call.figure("upsample", out, [x], words=words, elementwise=(2 * taps - 1) * size(out) if taps > 1 else 0, reach=Reach.MIXED)


def _in_proportion(shape: Shape, target: list[Any], axes: list[int], smaller_one: bool) -> list[Any]:
    """Sizes scaled alike: by the smallest of the ratios asked for, or the largest; half a pixel is rounded up."""
    if not all(isinstance(dim, int) for dim in (*(shape[axis] for axis in axes), *(target[axis] for axis in axes))):
        raise Unknown("its sizes keep proportions that are free")
    ratios = [Fraction(target[axis], _int(shape[axis])) for axis in axes]
    ratio = min(ratios) if smaller_one else max(ratios)
    return [int(ratio * _int(dim) + Fraction(1, 2)) if axis in axes else dim for axis, dim in enumerate(shape)]


def _target_size(call: Call, item: Any, axis: int) -> Dim:
    dim = whole(item)
    if dim is None:
        declared = call.declared(call.scope.declared.of(call.node.outputs[0])) if call.node.outputs else None
        return declared[axis] if declared is not None and axis < len(declared) else call.walker.free(f"{call.node.name or 'resize'}_{axis}")
    return dim


def _scaled(dim: Dim, scale: Any) -> Dim:
    """floor(dim * scale)."""
    if isinstance(scale, Poly):
        found: Any = dim * scale
        return found if integral(found) else flooring(found)
    return flooring(dim * scale) if isinstance(dim, Poly) else int(dim * Fraction(scale) // 1)


@rule("ReverseSequence", "Trilu")
def reordered(call: Call) -> Value:
    x = call.value(0)
    return call.figure("trilu" if call.node.op == "Trilu" else "reverse", call.shape(0), [x], flags=("in_place",), reach=Reach.MIXED)


@rule("CenterCropPad")
def center_crop_pad(call: Call) -> Value:
    shape = list(call.shape(0))
    for axis, item in zip(call.ints("axes") or range(len(shape)), call.numbers(1, "sizes"), strict=False):
        shape[axis_of(axis, len(shape))] = item
    return call.figure("crop", tuple(shape), [call.value(0)], reach=Reach.MIXED)


# ---- sequences ------------------------------------------------------------------------------------------------------------------------------


@rule("SequenceConstruct", "SequenceEmpty")
def sequence(call: Call) -> Values:
    return Values(call.values())


def _sequence(call: Call) -> Values:
    found = call.inputs[0]
    if not isinstance(found, Values):
        raise Unknown("a sequence that isn't known")
    return found


@rule("SequenceAt")
def sequence_at(call: Call) -> Value:
    found, position = _sequence(call), call.numbers(1, "position")[0]
    if not isinstance(position, int) or not -len(found) <= position < len(found):
        raise ShapeError(f"there is no {position} in a sequence of {len(found)}")
    return found[position]


@rule("SequenceInsert")
def sequence_insert(call: Call) -> Values:
    found = Values(_sequence(call))
    at = call.numbers(2, "position")[0] if call.has(2) else len(found)
    found.insert(at, call.value(1))
    return found


@rule("SequenceErase")
def sequence_erase(call: Call) -> Values:
    found = Values(_sequence(call))
    del found[call.numbers(1, "position")[0] if call.has(1) else -1]
    return found


@rule("SequenceLength")
def sequence_length(call: Call) -> Value:
    return Value((), 7, None, (len(_sequence(call)),))


@rule("SplitToSequence")
def split_to_sequence(call: Call) -> Values:
    x, shape = call.value(0), call.shape(0)
    axis = axis_of(call.whole("axis", 0), len(shape))
    length = shape[axis]
    if call.has(1):
        given = call.numbers(1, "sizes")
        if call.shape(1) == ():
            if not isinstance(length, int):
                raise Unknown("the number of its parts depends on a free size")
            step = int(given[0])
            if step < 1 or length > step * MOST_CONTENT:
                raise ShapeError(f"{length:,} are split into parts of {step}")
            parts = [min(step, length - n) for n in range(0, length, step)]
        else:
            parts = [int(part) for part in given]
    else:
        if not isinstance(length, int):
            raise Unknown("the number of its parts depends on a free size")
        if length > MOST_CONTENT:
            raise ShapeError(f"it is split into {length:,} parts")
        parts = [1] * length
    found, start = Values(), 0
    for part in parts:
        piece = cut(call, x, shape, axis, start, start + part)
        keep = call.has(1) or call.whole("keepdims", 1)
        found.append(piece if keep else call.view(piece, (*shape[:axis], *shape[axis + 1 :]), content=piece.content))
        start += part
    return found


@rule("ConcatFromSequence")
def concat_from_sequence(call: Call) -> Value:
    found, axis = list(_sequence(call)), call.whole("axis", 0)
    if call.whole("new_axis", 0):
        stacked = []
        for value in found:
            shape = value.shape or ()
            at = axis_of(axis, len(shape) + 1)
            stacked.append(call.view(value, (*shape[:at], 1, *shape[at:]), content=value.content))
        found = stacked
    return joined(call, found, axis)
