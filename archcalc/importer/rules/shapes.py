"""Constants and what is made from sizes alone: no layers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from archcalc.algebra import Poly
from archcalc.errors import ShapeError
from archcalc.importer.names import generated
from archcalc.importer.rules.base import Call, Shape, Unknown, Value, rule, size
from archcalc.importer.tensors import FLOAT, FLOATS, INT64, MOST_CONTENT, STRING, Tensor, exact
from archcalc.importer.values import Content, Origin, axis_of, least, whole


@rule("Constant")
def constant(call: Call) -> Value:
    """A tensor written into the graph: a number, or weights that stand there."""
    for name, found in call.node.attributes.items():
        found = call.attr(name)
        if isinstance(found, Tensor):
            known = found if found.elements <= 64 or found.kind != FLOAT else None
            name = call.node.outputs[0] if call.node.outputs else ""
            given = found.kind in FLOATS and found.elements > 1 and not generated(name)
            return Value(found.dims, found.kind, None, None, (Origin(found, name, found.dims, given, found),), known)
        if name == "value_string" or name == "value_strings":
            values = found if isinstance(found, list) else [found]
            return Value((len(values),) if isinstance(found, list) else (), STRING, None, tuple(values))
        if name.startswith("value_"):
            kind = FLOAT if "float" in name else INT64
            if isinstance(found, list):
                return Value(
                    (len(found),),
                    kind,
                    None,
                    tuple(map(exact, found[: MOST_CONTENT + 1])) if len(found) <= MOST_CONTENT else None,
                )
            return Value((), kind, None, (exact(found),))
    raise ShapeError("it has no value")


@rule("Identity", "StopGradient", "OptionalGetElement", "Optional", "PrintOp")
def identity(call: Call) -> Any:
    return call.inputs[0] if call.inputs else None


@rule("Shape")
def shape_of(call: Call) -> Value:
    shape = call.shape(0)
    rank = len(shape)
    start, end = (_clamped(call.whole(name, default), rank) for name, default in (("start", 0), ("end", rank)))
    part = shape[start:end]
    return Value((len(part),), INT64, None, part)


def _clamped(n: int, rank: int) -> int:
    return min(max(n + rank if n < 0 else n, 0), rank)


@rule("Size")
def size_of(call: Call) -> Value:
    return Value((), INT64, None, (size(call.shape(0)),))


@rule("ConstantOfShape")
def constant_of_shape(call: Call) -> Value:
    """One number everywhere. Where the shape is written down it may stand for weights that were left out of the
    file.
    """
    dims = sizes(call, 0)
    given = call.attr("value")
    if isinstance(given, Tensor) and given.elements != 1:
        raise ShapeError(f"its value must be one number, and there are {given.elements}")
    kind = given.kind if isinstance(given, Tensor) else FLOAT
    total, content = size(dims), None
    if isinstance(total, int) and total <= 64:
        content = ((given.content() or (None,))[0] if isinstance(given, Tensor) else 0,) * total
    written = (
        kind != INT64
        and all(isinstance(dim, int) for dim in dims)
        and any(origin.given for origin in call.value(0).origins)
    )
    name = call.node.outputs[0] if call.node.outputs else ""
    return Value(dims, kind, None, content, (Origin(call.node, name, dims, True),) if written else ())  # type: ignore[arg-type]


def sizes(call: Call, n: int) -> Shape:
    """A shape that an input holds. Raises Unknown where it isn't known, ShapeError where it is none."""
    value = call.value(n)
    content = value.content
    if content is None:
        length = (value.shape or (None,))[0] if value.shape is None or len(value.shape) == 1 else None
        declared = call.declared(call.scope.declared.of(call.node.outputs[0])) if call.node.outputs else None
        if declared is not None and (length is None or length == len(declared)):
            return declared
        raise Unknown("the sizes that it reads are computed when it runs")
    if all(type(item) is int and item >= 0 for item in content):
        return content
    dims = []
    for axis, item in enumerate(content):
        dim = whole(item)
        if dim is None:
            dim = _declared_dim(call, axis)
        if dim is None:
            dim = call.walker.free(f"{call.node.name or call.node.op}_{axis}")
        if isinstance(dim, int) and dim < 0:
            raise ShapeError(f"a size of {dim}")
        dims.append(dim)
    return tuple(dims)


def _declared_dim(call: Call, axis: int) -> Any:
    declared = call.declared(call.scope.declared.of(call.node.outputs[0])) if call.node.outputs else None
    return declared[axis] if declared is not None and axis < len(declared) else None


@rule("Range")
def arange(call: Call) -> Value:
    contents = [call.content(n) for n in range(3)]
    kind = call.value(0).kind
    if any(content is None or len(content) != 1 or content[0] is None for content in contents):
        return Value((call.walker.free(f"{call.node.name or 'range'}_length"),), kind)
    start, limit, step = (content[0] for content in contents if content is not None)
    if not any(isinstance(value, Poly) for value in (start, limit, step)):
        if step == 0:
            raise ShapeError("a step of 0")
        count = max(0, -(-(limit - start) // step))
        return Value(
            (int(count),),
            kind,
            None,
            tuple(start + n * step for n in range(int(count))) if count <= MOST_CONTENT else None,
        )
    if not isinstance(step, int) or step < 1:
        return Value((call.walker.free(f"{call.node.name or 'range'}_length"),), kind)
    return Value(((limit - start + step - 1) // step,), kind)


@rule("EyeLike", "RandomNormalLike", "RandomUniformLike")
def like(call: Call) -> Value:
    return Value(call.shape(0), call.whole("dtype", call.value(0).kind))


@rule("RandomNormal", "RandomUniform")
def random(call: Call) -> Value:
    return Value(tuple(call.ints("shape") or []), call.whole("dtype", FLOAT))


@rule("HannWindow", "HammingWindow", "BlackmanWindow")
def window(call: Call) -> Value:
    return Value(sizes(call, 0)[:1] if call.shape(0) else tuple(call.numbers(0, "size")), FLOAT)


# ---- moving what is known --------------------------------------------------------------------------------------------


def indices(shape: Sequence[int]) -> Any:
    return product(*(range(dim) for dim in shape))


def is_small(shape: Shape) -> bool:
    total = size(shape)
    return isinstance(total, int) and total <= MOST_CONTENT


def strides(shape: Sequence[int]) -> list[int]:
    found, step = [0] * len(shape), 1
    for axis in range(len(shape) - 1, -1, -1):
        found[axis], step = step, step * shape[axis]
    return found


def stretched(content: Content, own: Shape, shape: Shape) -> Content | None:
    """Known numbers, stretched to a larger shape."""
    if not is_small(shape) or not is_small(own):
        return None
    padded = (1,) * (len(shape) - len(own)) + own
    steps = [step if dim != 1 else 0 for step, dim in zip(strides(padded), padded, strict=True)]  # type: ignore[arg-type]
    return tuple(content[sum(step * n for step, n in zip(steps, index, strict=True))] for index in indices(shape))  # type: ignore[arg-type]


def transposed(content: Content | None, shape: Shape, order: Sequence[int]) -> Content | None:
    if content is None or not is_small(shape):
        return None
    steps = strides(shape)  # type: ignore[arg-type]
    turned: list[Any] = [shape[axis] for axis in order]
    places = indices(turned)
    return tuple(content[sum(steps[axis] * n for axis, n in zip(order, index, strict=True))] for index in places)


def taken(content: Content | None, shape: Shape, axis: int, picks: Sequence[int]) -> Content | None:
    """The positions `picks` of an axis."""
    if content is None or not is_small(shape) or size(shape) != len(content):
        return None
    before, after = size(shape[:axis]), size(shape[axis + 1 :])
    length = shape[axis]
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert isinstance(length, int)
    if before * len(picks) * after > MOST_CONTENT:
        return None
    return tuple(
        content[(b * length + pick) * after + a] for b in range(before) for pick in picks for a in range(after)
    )


__all__ = ["axis_of", "is_small", "least", "sizes", "stretched", "taken", "transposed"]
