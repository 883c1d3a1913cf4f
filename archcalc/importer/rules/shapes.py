"""Constants and what is made from sizes alone: no layers."""

from __future__ import annotations

from archcalc.algebra import Dim, Poly
from archcalc.errors import ShapeError
from archcalc.importer.names import generated
from archcalc.importer.rules.base import Call, Shape, Value, rule, size
from archcalc.importer.tensors import BOOL, FLOAT, FLOATS, INT64, MOST_CONTENT, STRING, Tensor, exact
from archcalc.importer.values import Origin, computed, whole
from archcalc.untyped import Attribute, Element, Operand


@rule("Constant")
def constant(call: Call) -> Value:
    """A tensor written into the graph: a number, or weights that stand there."""
    for name, found in call.attributes():
        if isinstance(found, Tensor):
            if call.is_own:  # in archcalc's own files initializers are learned, and nothing else
                found.said = "constant"
            known = found if found.elements <= 64 or found.kind != FLOAT else None
            given = found.kind in FLOATS and found.elements > 1 and not generated(call.output)
            origin = call.holds(Origin(found, call.output, found.dims, given, found))
            return Value(found.dims, found.kind, None, None, (origin,), known)
        if name.startswith("value_"):
            kind = STRING if "string" in name else FLOAT if "float" in name else INT64
            values = found if isinstance(found, list) else [found]
            dims = (len(values),) if isinstance(found, list) else ()
            content = tuple(map(exact, values)) if len(values) <= MOST_CONTENT else None
            tensor = Tensor(call.output, dims, kind, values=content or ())
            given = kind == FLOAT and len(values) > 1 and not generated(call.output)
            origin = call.holds(Origin(call.node, call.output, dims, given, tensor))
            return Value(dims, kind, None, content, (origin,))
    raise ShapeError("it has no value")


@rule("Identity", "StopGradient", "OptionalGetElement", "Optional", "PrintOp")
def identity(call: Call, input: Operand = None) -> Operand:
    """What goes in: nothing is computed."""
    return input


@rule("Shape")
def shape_of(call: Call, data: Value, *, start: int = 0, end: int | None = None) -> Value:
    """The sizes of some of the axes, as known numbers."""
    rank = len(data.dims)
    part = data.dims[_clamped(start, rank) : _clamped(rank if end is None else end, rank)]
    return Value((len(part),), INT64, None, part)


def _clamped(n: int, rank: int) -> int:
    return min(max(n + rank if n < 0 else n, 0), rank)


@rule("Size")
def size_of(call: Call, data: Value) -> Value:
    """How many elements a tensor has, as a known number."""
    return Value((), INT64, None, (size(data.dims),))


@rule("ConstantOfShape")
def constant_of_shape(call: Call, input: Value, *, value: Attribute = None) -> Value:
    """One number everywhere. Where the shape is written down it may stand for weights that were left out of the
    file.
    """
    dims = sizes(call, input)
    if isinstance(value, Tensor) and value.elements != 1:
        raise ShapeError(f"its value must be one number, and there are {value.elements}")
    kind = value.kind if isinstance(value, Tensor) else FLOAT
    total, content = size(dims), None
    if isinstance(total, int) and total <= 64:
        content = ((value.content() or (None,))[0] if isinstance(value, Tensor) else 0,) * total
    written = kind != INT64 and [o.shape for o in input.origins if o.given] == [input.shape]
    given = content is None or content[:1] != (0,) or not generated(call.output)  # zeros may be a first state
    origin = Origin(call.node, call.output, dims, given)  # type: ignore[arg-type]
    origins = (call.holds(origin),) if written and total != 0 else ()
    return Value(dims, kind, None, content, origins)


def sizes(call: Call, value: Value) -> Shape:
    """A shape that an input holds. Raises Unknown where it isn't known, ShapeError where it is none."""
    content, declared = value.content, None
    if content is None:
        length = (value.shape or (None,))[0] if value.shape is None or len(value.shape) == 1 else None
        declared = call.declared
        if declared is not None and (length is None or length == len(declared)):
            return declared
        raise computed("sizes")
    if all(type(item) is int and item >= 0 for item in content):
        return content
    return tuple(size_at(call, item, axis) for axis, item in enumerate(content))


def size_at(call: Call, item: object, axis: int, word: str = "") -> Element:
    """One size among several: a number, or what the file says of the output, or what a run would tell."""
    dim = whole(item)
    if dim is None:
        declared = call.declared
        dim = declared[axis] if declared is not None and axis < len(declared) else call.free(axis, word)
    if isinstance(dim, int) and dim < 0:
        raise ShapeError(f"a size of {dim}")
    return dim


@rule("Range")
def arange(call: Call, start: Value, limit: Value, delta: Value) -> Value:
    """Numbers from a start up to a limit by steps, known where these are; else their count is named. Raises ShapeError
    for a step of 0.
    """
    contents = [value.content for value in (start, limit, delta)]
    given: list[Attribute] = [content[0] if content is not None and len(content) == 1 else None for content in contents]
    first, end, step = given
    if None in given:
        return Value((_length(call),), start.kind)
    if not any(isinstance(value, Poly) for value in given):
        if step == 0:
            raise ShapeError("a step of 0")
        count = int(max(0, -(-(end - first) // step)))
        content = tuple(first + n * step for n in range(count)) if count <= MOST_CONTENT else None
        return Value((count,), start.kind, None, content)
    if not isinstance(step, int) or step < 1:
        return Value((_length(call),), start.kind)
    return Value(((end - first + step - 1) // step,), start.kind)


def _length(call: Call) -> Dim:
    """How many numbers there are where only a run tells the limits."""
    return call.written(0, 1) or call.free("length", "range")


@rule("EyeLike", "RandomNormalLike", "RandomUniformLike")
def like(call: Call, input: Value, *, dtype: int | None = None) -> Value:
    """A tensor made in another one's shape, random or with ones on its diagonal: it costs nothing."""
    return Value(input.dims, input.kind if dtype is None else dtype)


@rule("RandomNormal", "RandomUniform")
def random(call: Call, *, dtype: int = FLOAT, shape: list[int] | None = None) -> Value:
    """Random numbers in a shape of the node's own: they cost nothing."""
    return Value(tuple(shape or ()), dtype)


@rule("HannWindow", "HammingWindow", "BlackmanWindow")
def window(call: Call, size: Value) -> Value:
    """A window function's numbers, as many as the input says: made once, without cost."""
    if size.dims:
        return Value(sizes(call, size)[:1], FLOAT)
    return Value(tuple(size.numbers("size")) if size.is_known else call.decided("size", 1), FLOAT)


@rule("MelWeightMatrix")
def mel_weights(call: Call, num_mel_bins: Value, dft_length: Value) -> Value:
    """A table of triangles, made of sizes alone."""
    bins, length = whole(num_mel_bins.only()), whole(dft_length.only())
    return Value((length // 2 + 1, bins) if bins and length else call.decided("sizes", 2), FLOAT)


@rule("OptionalHasElement")
def has_element(call: Call, input: Operand = None) -> Value:
    """Whether there is one, which the graph says."""
    return Value((), BOOL, None, (int(input is not None),))


__all__ = ["size_at", "sizes"]
