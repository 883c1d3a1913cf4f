"""What joins tensors, cuts them, and puts numbers around them."""

from __future__ import annotations

from typing import Any

from archcalc.algebra import Dim, Poly, less
from archcalc.algebra import maximum as larger
from archcalc.errors import ShapeError, Undecided
from archcalc.importer.batch import of_one
from archcalc.importer.rules.base import Call, Outputs, Reach, Shape, Unknown, Value, learned, rule, shaped, size
from archcalc.importer.rules.shapes import is_small, taken
from archcalc.importer.tensors import MOST_CONTENT
from archcalc.importer.values import Content, axis_of, least, spell_dim, whole
from archcalc.ops import spell_shape
from archcalc.ops.merge import Concat
from archcalc.ops.reshaping import Pad, Slice


@rule("Concat")
def concat(call: Call) -> Value:
    return joined(call, call.values(), call.whole("axis", 1))


def joined(call: Call, values: list[Value], axis: int) -> Value:
    shapes = [shaped(value) for value in values]
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
            raise ShapeError(
                f"{spell_shape(first, spell_dim)} and {spell_shape(shape, spell_dim)} have different numbers of axes"
            )
        for n, dim in enumerate(shape):
            if n != axis:
                try:
                    dims[n] = call.assumed.agree(dims[n], dim)
                except ShapeError:
                    message = (
                        f"{spell_shape(first, spell_dim)} and {spell_shape(shape, spell_dim)} can only differ in axis"
                        f" {axis}"
                    )
                    raise ShapeError(message) from None
        total = total + shape[axis]
    dims[axis] = total
    out = tuple(dims)
    present = [
        value
        for value, shape in zip(values, shapes, strict=True)
        if not (isinstance(shape[axis], int) and shape[axis] == 0)
    ] or values[:1]
    if len(present) == 1:
        return present[0]
    moving = call.data(present)
    if not moving:
        return call.known(out, _side_by_side(present, axis, out), of=present)
    constants = [value for value in present if value.is_constant]
    sample = call.walker.sample(out)
    if (
        not constants
        and sample != out
        and axis > 0
        and all(call.walker.sample(value.shape or ()) != value.shape for value in present)
    ):
        return call.emit(call.walker.made(Concat, axis=axis - 1), out, present)
    if (
        not constants
        and sample == out
        and all(call.walker.sample(value.shape or ()) == value.shape for value in present)
    ):
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
        picks = (
            range(start, stop)
            if isinstance(start, int) and isinstance(stop, int) and stop - start <= MOST_CONTENT
            else None
        )
        return call.known(out, taken(x.content, shape, axis, picks) if picks is not None else None, of=[x])
    if start == 0 and stop == shape[axis]:
        return x
    if axis and call.walker.sample(shape) != shape:
        return call.emit(call.walker.made(Slice, start=start, stop=stop, axis=axis - 1), out, [x])
    if call.walker.sample(shape) == shape:
        op = call.walker.made(Slice, start=start, stop=stop, axis=axis)
        if call.walker.sample(out) == out:
            return call.emit(op, out, [x])
        return call.view(
            call.emit(op, out, [x], shown=out), out
        )  # one of the first axis, which is the sample's from here on
    return call.figure(
        "slice", out, [x], words=f"slice {spell_dim(start)} {spell_dim(stop)} axis={axis}", reach=Reach.MIXED
    )


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
        found.append(
            Value((*shape[:axis], 0, *shape[axis + 1 :]), x.kind)
            if empty
            else cut(call, x, shape, axis, start, start + part)
            if name
            else None
        )
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
    words = "slice " + ", ".join(
        f"{_shown(begin)}:{_shown(stop)}{'' if pace == 1 else f':{_shown(pace)}'} of axis {n}"
        for n, begin, stop, pace in picks
    )
    return call.figure("slice", target, [x], words=words, reach=Reach.MIXED)


def _shown(value: Any) -> str:
    return "?" if value is None else spell_dim(value)


def _length(call: Call, n: int) -> int:
    shape = call.shape(n)
    length = shape[0] if len(shape) == 1 else 1
    if not isinstance(length, int):
        raise Unknown("its bounds are computed when it runs")
    return min(length, 64)


def _bounds(
    call: Call, length: Dim, start: Any, end: Any, step: Any, name: str
) -> tuple[Dim | None, Dim | None, Dim | None]:
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
        out = tuple(
            call.walker.free(f"{call.node.name or 'pad'}_{n}") if n in axes else dim for n, dim in enumerate(shape)
        )
        declared = call.declared(call.scope.declared.of(call.node.outputs[0]))
        return call.figure(
            "pad", declared if declared is not None and len(declared) == len(shape) else out, [x], reach=Reach.MIXED
        )
    if any(whole(amount) is None for amount in given):
        raise ShapeError("its pads must be whole numbers")
    if len(given) != 2 * len(axes):
        raise ShapeError(f"it has {len(given)} pads for {len(axes)} axes")
    sides = {
        axis: (given[n], given[n + len(axes)])
        for n, axis in enumerate(axes)
        if (given[n], given[n + len(axes)]) != (0, 0)
    }
    out = tuple(dim + sides[n][0] + sides[n][1] if n in sides else dim for n, dim in enumerate(shape))
    if not sides:
        return x
    if x.is_constant:
        return call.known(out, None, of=[x])
    if call.walker.sample(shape) != shape and all(
        n and all(_not_negative(v) for v in side) for n, side in sides.items()
    ):
        amounts = set(sides.values())
        if len(amounts) == 1 and (set(sides) == set(range(2, len(shape))) or len(sides) == 1):
            ((before, after),) = amounts
            axis = None if set(sides) == set(range(2, len(shape))) else next(iter(sides)) - 1
            return call.emit(
                call.walker.made(Pad, amount=before if before == after else (before, after), axis=axis), out, [x]
            )
    words = "pad " + ", ".join(f"({_shown(a)},{_shown(b)}) on axis {n}" for n, (a, b) in sides.items())
    return call.figure("pad", out, [x], words=words, reach=Reach.MIXED)


def _not_negative(value: Any) -> bool:
    return isinstance(value, Poly) or (isinstance(value, int) and value >= 0)
