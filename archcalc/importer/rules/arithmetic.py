"""Several operands, element by element: sums and products, comparisons, choices; and casts."""

from __future__ import annotations

from collections.abc import Callable

from archcalc.algebra import maximum as larger
from archcalc.algebra import minimum as smaller
from archcalc.importer.bias import as_bias
from archcalc.importer.claims import stored
from archcalc.importer.known import TWO, combined, converted, folded, whole_quotient
from archcalc.importer.rules.activation import mapped
from archcalc.importer.rules.base import IN_PLACE, Call, Reach, Shape, Value, learned, rule, size
from archcalc.importer.tensors import BOOL, INTEGERS
from archcalc.importer.values import spell_dim, whole
from archcalc.ops import Op
from archcalc.ops.learned import Position
from archcalc.ops.merge import Add, Maximum, Mean, Mul, Sub
from archcalc.ops.normalization import Scale

BINARY: dict[str, tuple[str, type[Op] | None]] = {
    "Add": ("add", Add), "Sub": ("sub", Sub), "Mul": ("mul", Mul), "Div": ("div", None), "Pow": ("pow", None),
    "Mod": ("mod", None), "Equal": ("equal", None), "Less": ("less", None), "LessOrEqual": ("less_or_equal", None),
    "Greater": ("greater", None), "GreaterOrEqual": ("greater_or_equal", None), "And": ("and", None),
    "Or": ("or", None), "Xor": ("xor", None), "BitShift": ("bit_shift", None), "BitwiseAnd": ("bitwise_and", None),
    "BitwiseOr": ("bitwise_or", None), "BitwiseXor": ("bitwise_xor", None),
}  # fmt: skip
SEVERAL: dict[str, tuple[str, type[Op] | None, Callable[..., object] | None]] = {
    "Sum": ("add", Add, TWO["Add"]), "Max": ("maximum", Maximum, larger), "Min": ("minimum", None, smaller),
    "Mean": ("mean", Mean, None),
}  # fmt: skip
SHIFTING = frozenset({"add", "sub", "mul", "div", "scale"})  # what a mean and a deviation are taken off with
COMPARISONS = frozenset({"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor"})


@rule(*BINARY, alike="moving")
def binary(call: Call, A: Value, B: Value) -> Value:
    """Arithmetic or a comparison of two operands, stretched to one shape: one operation an element; quotients of whole
    numbers are whole.
    """
    fold = whole_quotient if call.op == "Div" and A.kind in INTEGERS else TWO.get(call.op)
    return spread(call, *BINARY[call.op], [A, B], BOOL if call.op in COMPARISONS else None, fold)


@rule(*SEVERAL, alike="moving")
def several(call: Call, *data: Value) -> Value:
    """The sum, mean, largest or smallest of operands, stretched to one shape; of a single one nothing is computed."""
    word, cls, fold = SEVERAL[call.op]
    return data[0] if len(data) == 1 else spread(call, word, cls, list(data), None, fold)


@rule("SwiGLU")
def swiglu(call: Call, A: Value, B: Value) -> Value:
    """The first operand through silu, times the second."""
    return spread(call, "mul", Mul, [mapped(call, A, "silu", 5), B])


def spread(
    call: Call, word: str, cls: type[Op] | None, values: list[Value], kind: int | None = None,
    fold: Callable[..., object] | None = None,
) -> Value:  # fmt: skip
    """Operands stretched to one shape; a constant among them may have been learned."""
    given = [value.dims for value in values]
    shape = call.assumed.broadcast(*given)
    moving = call.data(values)
    if not moving:
        content = combined(fold, [value.content for value in values], given, shape) if fold else None
        return call.known(shape, content, kind, _unscaled(values, shape))
    constants = [value for value in values if value.is_constant]
    weights = {"weight" if not n else f"weight{n + 1}": value for n, value in enumerate(constants) if learned(value)}
    if len(constants) == 1 and (role := _unlearned(call, word, constants[0], moving)):
        call.explain(constants[0], role)
        weights = {}
    if len(weights) == len(constants) == len(moving) == 1 and word in ("add", "mul"):
        value = _affine(call, word, moving[0], constants[0], shape)
        if value is not None:
            return value
    number = whole(constants[0].only()) if len(constants) == 1 and not weights and _is_number(constants[0]) else None
    alike = not constants and len({len(call.sample(own)) for own in given}) == 1
    return call.figure(
        word, shape, values, op=call.made(cls) if cls is not None and alike else None,
        words=word if number is None else f"{word} {spell_dim(number)}", elementwise=(len(values) - 1) * size(shape),
        weights=weights, flags=("in_place", "is_gate") if word == "mul" and len(moving) > 1 else IN_PLACE, kind=kind,
    )  # fmt: skip


def _unlearned(call: Call, word: str, constant: Value, moving: list[Value]) -> str:
    """What a constant is that wasn't learned: a scale beside the one that a run gives, a number that several read."""
    if word == "mul" and call.is_scale(moving):
        return "scale"
    return "constant" if size(constant.dims) == 1 and call.is_shared(constant) else ""


def _unscaled(values: list[Value], shape: Shape) -> list[Value]:
    """The constants without the scales and zero points that are stretched over quantised weights."""
    weights = [value for value in values if stored(value) and value.shape == shape]
    return [value for value in values if not weights or value.shape == shape] or values


def _is_number(value: Value) -> bool:
    return value.content is not None and len(value.content) == 1 and not isinstance(value.content[0], bool)


def _affine(call: Call, word: str, x: Value, w: Value, shape: Shape) -> Value | None:
    """A bias that belongs to the layer before, a learned scale or shift a channel, or a learned number an element."""
    own = w.shape or ()
    joined = as_bias(call, x, w, shape) if word == "add" else None
    if joined is not None or call.samples([x])[0] != call.sample(shape):
        return joined
    aligned = (1,) * (len(shape) - len(own)) + own
    channels = call.is_batched(shape) and len(shape) > 2 and aligned[1] == shape[1] == size(own) and shape[1] != 1
    if channels:
        op, name = call.made(Scale, scale=word == "mul", shift=word == "add"), "scale" if word == "mul" else "shift"
        return call.emit(op, shape, [x], weights={name: w})
    sample = call.sample(shape)
    if word == "add" and size(own) == size(sample) and sample:
        return call.emit(call.made(Position), shape, [x], weights={"weight": w})
    return None


@rule("Where")
def where(call: Call, condition: Value, X: Value, Y: Value) -> Value:
    """X where the condition holds, else Y, stretched to one shape: a choice an element; learned operands are
    weights.
    """
    shape = call.assumed.broadcast(condition.dims, X.dims, Y.dims)
    if not call.data():
        content = folded(lambda c, x, y: x if c else y, condition.content, X.content, Y.content)
        whole_ = content is not None and len(content) == size(shape)
        return call.known(shape, content if whole_ else None, X.kind, [X, Y])
    weights = {name: value for name, value in (("weight", X), ("weight2", Y)) if learned(value)}
    return call.figure("where", shape, elementwise=size(shape), weights=weights, kind=X.kind)


@rule("CumSum", "CumProd")
def cumulative(call: Call, x: Value, axis: Value | None = None, *, exclusive: int = 0, reverse: int = 0) -> Value:
    """Sums or products up to each place of an axis: an operation an element; sums of known numbers are known."""
    if x.is_constant and x.content is not None and len(x.dims) == 1 and None not in x.content:
        total: object = 0
        out = []
        for value in x.content:
            total = total + value
            out.append(total)
        return call.known(x.dims, tuple(out) if call.op == "CumSum" and not reverse and not exclusive else None)
    return call.figure("cumsum", x.dims, [x], elementwise=size(x.dims), reach=Reach.MIXED)


@rule("Cast", "BitCast")
def cast(call: Call, input: Value, *, to: int | None = None) -> Value:
    """The same numbers in the kind that `to` says: no arithmetic."""
    return _of_kind(call, input, input.kind if to is None else to)


@rule("CastLike")
def cast_like(call: Call, input: Value, target_type: Value) -> Value:
    """The same numbers in the kind of another tensor: no arithmetic."""
    return _of_kind(call, input, target_type.kind)


def _of_kind(call: Call, x: Value, kind: int) -> Value:
    """Between kinds of numbers: no arithmetic."""
    if x.is_constant or x.content is not None:
        return Value(x.shape, kind, x.node, converted(x.content, kind), x.origins)
    if kind == x.kind or x.shape is None:
        return Value(x.shape, kind, x.node)
    return call.figure("cast", x.shape, [x], kind=kind)


__all__ = ["spread"]
