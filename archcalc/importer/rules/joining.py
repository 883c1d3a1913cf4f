"""What joins tensors, cuts them, and puts numbers around them."""

from __future__ import annotations

from archcalc.algebra import Dim, Poly, less
from archcalc.algebra import maximum as larger
from archcalc.errors import ShapeError, Undecided
from archcalc.importer.batch import of_one
from archcalc.importer.known import side_by_side, taken
from archcalc.importer.rules.base import Call, Outputs, Reach, Shape, Value, learned, rule
from archcalc.importer.tensors import MOST_CONTENT
from archcalc.importer.values import Content, axis_of, computed, least, spell_dim, whole
from archcalc.ops import Op, spell_shape
from archcalc.ops.merge import Concat
from archcalc.ops.reshaping import PAD_MODES, Pad, Slice
from archcalc.untyped import Attribute

MODES = {theirs: ours for ours, theirs in PAD_MODES.items()}


@rule("Concat")
def concat(call: Call, *inputs: Value, axis: int = 1) -> Value:
    """Tensors side by side on an axis: copies, without arithmetic."""
    return joined(call, list(inputs), axis)


def joined(call: Call, values: list[Value], axis: int) -> Value:
    """Values side by side on an axis; a learned one among them is a weight. Raises ShapeError for none, or for other
    sizes that differ.
    """
    if not values:
        raise ShapeError("there is nothing to join")
    axis = axis_of(axis, len(values[0].dims))
    if axis != 0 and call.batch > 1:
        values = of_one(values, call.batch)
    shapes = [value.dims for value in values]
    out = _total(call, shapes, axis)
    present = [value for value in values if value.dims[axis] != 0] or values[:1]
    if len(present) == 1:
        return present[0]
    if not call.data(present):
        return call.known(out, side_by_side([value.content for value in present], axis, out), of=present)
    constants = [value for value in present if value.is_constant]
    batched, op = call.is_batched(out), None
    if not constants and axis >= batched and all(call.is_batched(value.dims) == batched for value in present):
        op = call.made(Concat, axis=axis - batched)
    weights = {"weight" if not n else f"weight{n + 1}": value for n, value in enumerate(constants) if learned(value)}
    return call.figure("concat", out, present, op=op, words=f"concat axis={axis}", weights=weights, reach=Reach.MIXED)


def _total(call: Call, shapes: list[Shape], axis: int) -> Shape:
    """The shape of several side by side."""
    first, *others = shapes
    dims, total = list(first), first[axis]
    for shape in others:
        if len(shape) != len(first):
            raise ShapeError(f"{_both(first, shape)} have different numbers of axes")
        for n, dim in enumerate(shape):
            if n != axis:
                try:
                    dims[n] = call.assumed.agree(dims[n], dim)
                except ShapeError:
                    raise ShapeError(f"{_both(first, shape)} can only differ in axis {axis}") from None
        total = total + shape[axis]
    dims[axis] = total
    return tuple(dims)


def _both(one: Shape, two: Shape) -> str:
    return f"{spell_shape(one, spell_dim)} and {spell_shape(two, spell_dim)}"


def cut(call: Call, x: Value, shape: Shape, axis: int, start: Dim, stop: Dim) -> Value:
    """The stretch from start to stop of an axis."""
    out = (*shape[:axis], stop - start, *shape[axis + 1 :])
    if x.is_constant:
        known = isinstance(start, int) and isinstance(stop, int) and stop - start <= MOST_CONTENT
        content = taken(x.content, shape, axis, range(start, stop)) if known else None  # type: ignore[arg-type]
        return call.known(out, content, of=[x])
    if start == 0 and stop == shape[axis]:
        return x
    batched = call.is_batched(shape)
    if batched and axis == 0:
        words = f"slice {spell_dim(start)} {spell_dim(stop)} axis={axis}"
        return call.figure("slice", out, [x], words=words, reach=Reach.MIXED)
    op = call.made(Slice, start=start, stop=stop, axis=axis - batched)
    if batched or not call.is_batched(out):
        return call.emit(op, out, [x])
    return call.view(call.emit(op, out, [x], shown=out), out)  # one of the first axis, the sample's from here on


@rule("Split")
def split(
    call: Call, input: Value, split: Value | None = None, *, axis: int = 0, num_outputs: int | None = None
) -> Outputs:
    """An axis in parts, of sizes given or all alike but the last. Raises ShapeError where they don't make up
    the axis.
    """
    shape = input.dims
    axis = axis_of(axis, len(shape))
    if split is not None and not split.is_known:
        return _parts_that_runs_tell(call, input)
    if split is not None:
        parts = [_size_of(part) for part in split.numbers("sizes")]
    else:
        count = len(call.names) if num_outputs is None else num_outputs
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
        if isinstance(part, int) and part == 0:
            found.append(Value((*shape[:axis], 0, *shape[axis + 1 :]), input.kind))
        else:
            found.append(cut(call, input, shape, axis, start, start + part) if name else None)
        start = start + part
    return found


def _parts_that_runs_tell(call: Call, x: Value) -> Outputs:
    found: Outputs = []
    for name in call.names:
        out = call.told(name) if name else None
        if name and (out is None or len(out) != len(x.dims)):
            raise computed("sizes")
        found.append(None if out is None else _moved(call, "slice", x, out))
    return found


def _size_of(part: object) -> Dim:
    dim = whole(part)
    if dim is None or (isinstance(dim, int) and dim < 0):
        raise ShapeError(f"a part of {part}")
    return dim


@rule("Slice")
def slices(
    call: Call, data: Value, starts: Value | None = None, ends: Value | None = None, axes: Value | None = None,
    steps: Value | None = None,
) -> Value:  # fmt: skip
    """Some of each axis, by bounds and steps; what only a run tells is a named number."""
    shape = data.dims
    first, last, which, paces = (_listed(value) for value in (starts, ends, axes, steps))
    first, last = first or [], last or []
    which = list(range(len(first))) if which is None else which
    paces = [1] * len(first) if paces is None else paces
    if not len(first) == len(last) == len(which) == len(paces):
        raise ShapeError("starts, ends, axes and steps have different lengths")
    if None in which:
        return _moved(call, "slice", data, call.decided("axes", len(shape)))
    out = list(shape)
    picks: list[tuple[int, Dim | None, Dim | None, Dim | None]] = []
    for start, end, axis, step in zip(first, last, which, paces, strict=True):
        n = axis_of(axis, len(shape))
        begin, stop, pace = _bounds(call, out[n], start, end, step)
        if begin is None or stop is None or pace is None:
            out[n] = call.written(n, len(shape)) or call.most(n, out[n], "slice")
            picks.append((n, None, None, None))
            continue
        length, out[n] = out[n], _counted(begin, stop, pace)
        if not (begin == 0 and pace == 1 and out[n] == length):
            picks.append((n, begin, stop, pace))
    target = tuple(out)
    if any(isinstance(dim, int) and dim <= 0 for dim in target):
        return Value(tuple(0 if isinstance(dim, int) and dim < 0 else dim for dim in target), data.kind, None, ())
    if data.is_constant:
        return call.known(target, _picked(data.content, shape, picks), of=[data])
    if not picks:
        return data
    words = ", ".join(
        f"{_shown(begin)}:{_shown(stop)}{'' if pace == 1 else f':{_shown(pace)}'} of axis {n}"
        for n, begin, stop, pace in picks
    )
    op = _sliced(call, *picks[0]) if len(picks) == 1 else None
    return call.figure("slice", target, [data], op=op, batched=True, words=f"slice {words}", reach=Reach.MIXED)


def _moved(call: Call, word: str, data: Value, out: Shape) -> Value:
    """Elements in a shape that the file says; which of them only a run tells."""
    if data.is_constant or 0 in out:
        return Value(out, data.kind, None, () if 0 in out else None, data.origins)
    return call.figure(word, out, [data], reach=Reach.MIXED)


def _sliced(call: Call, n: int, begin: Dim | None, stop: Dim | None, pace: Dim | None) -> Op | None:
    fits = n and isinstance(pace, int) and pace > 0
    return call.made(Slice, start=begin, stop=stop, axis=n - 1, step=pace) if fits else None


def _shown(value: Attribute) -> str:
    return "?" if value is None else spell_dim(value)


def _listed(value: Value | None) -> list[object] | None:
    """Numbers, each None where they are computed. Raises Unknown where it isn't known how many there are."""
    if value is None:
        return None
    if value.content:
        return list(value.content)
    length = value.dims[0] if len(value.dims) == 1 else 1
    if not isinstance(length, int):
        raise computed("bounds")
    return [None] * min(length, 64)


def _bounds(
    call: Call, length: Dim, start: Attribute, end: Attribute, step: Attribute
) -> tuple[Dim | None, Dim | None, Dim | None]:
    """Start, stop and step of a slice, within the axis; None for what isn't known."""
    if step is None or whole(step) is None or start is None or end is None:
        return None, None, None
    if step == 0:
        raise ShapeError("a step of 0")
    low = -1 if isinstance(step, int) and step < 0 else 0
    return _within(call, start, length, low), _within(call, end, length, low), step


def _within(call: Call, value: object, length: Dim, low: int) -> Dim | None:
    """A bound as a position of the axis: negative ones count from the end, those past it are cut."""
    bound = whole(value)
    if bound is None:
        return None
    top = length + low
    if isinstance(bound, int) and bound >= (1 << 31) - 1:
        return top
    if isinstance(bound, int) and bound < -(1 << 30):
        return low
    try:
        if bound < 0:
            bound = bound + length
            floor_: Attribute = larger(bound, low)
            return floor_ if isinstance(floor_, int) or isinstance(length, Poly) else bound
        return top if less(top, bound) else bound
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


def _picked(content: Content | None, shape: Shape, picks: list[Attribute]) -> Content | None:
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
def pad(
    call: Call, data: Value, pads: Value | None = None, constant_value: Value | None = None, axes: Value | None = None,
    *, paddings: list[int] | None = None, mode: str = "constant",
) -> Value:  # fmt: skip
    """Elements added at the sides of axes: no arithmetic. Raises ShapeError for pads that don't fit the axes."""
    shape = data.dims
    if axes is not None and not axes.is_known:
        return _moved(call, "pad", data, call.decided("axes", len(shape)))
    given = pads.content if pads is not None else tuple(paddings or ())
    which = list(range(len(shape)))
    if axes is not None:
        which = [axis_of(axis, len(shape)) for axis in axes.numbers("axes")]
    if given is None or None in given:
        declared = call.declared
        out = tuple(call.free(n, "pad") if n in which else dim for n, dim in enumerate(shape))
        said = declared is not None and len(declared) == len(shape)
        return call.figure("pad", declared if said and declared else out, [data], reach=Reach.MIXED)
    if any(whole(amount) is None for amount in given):
        raise ShapeError("its pads must be whole numbers")
    if len(given) != 2 * len(which):
        raise ShapeError(f"it has {len(given)} pads for {len(which)} axes")
    pairs = zip(which, zip(given[: len(which)], given[len(which) :], strict=True), strict=True)
    sides = {axis: pair for axis, pair in pairs if pair != (0, 0)}
    out = tuple(dim + sides[n][0] + sides[n][1] if n in sides else dim for n, dim in enumerate(shape))
    if not sides:
        return data
    if data.is_constant:
        return call.known(out, None, of=[data])
    again = {"reflect": "reflect_", "edge": "replicate_"}.get(mode, "")  # what shows positions again, and keeps them
    words = f"{again}pad " + ", ".join(f"({_shown(a)},{_shown(b)}) on axis {n}" for n, (a, b) in sides.items())
    op = _padded(call, sides, len(shape), MODES.get(mode, "zeros"))
    return call.figure(f"{again}pad", out, [data], op=op, batched=True, words=words, reach=Reach.MIXED)


def _padded(call: Call, sides: dict[int, tuple[object, object]], rank: int, mode: str) -> Op | None:
    """The language's layer, where all spatial axes are padded alike, or one axis is."""
    amounts, spatial = set(sides.values()), set(sides) == set(range(2, rank))
    least_ = min((v for side in amounts for v in side if isinstance(v, int)), default=0)
    if len(amounts) > 1 or 0 in sides or least_ < 0 or not (spatial or len(sides) == 1):
        return None
    ((before, after),) = amounts
    axis = None if spatial else next(iter(sides)) - 1
    return call.made(Pad, amount=before if before == after else (before, after), axis=axis, mode=mode)
