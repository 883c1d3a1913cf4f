"""Several operands, element by element: sums and products, comparisons, choices; and casts."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from archcalc.algebra import Dim, Poly, integral, same
from archcalc.algebra import floor as flooring
from archcalc.algebra import maximum as larger
from archcalc.algebra import minimum as smaller
from archcalc.errors import ArchcalcError
from archcalc.importer.claims import learned_of, stored
from archcalc.importer.rules.activation import folded, mapped
from archcalc.importer.rules.base import Call, Reach, Shape, Value, learned, rule, shaped, size
from archcalc.importer.tensors import BOOL, INTEGERS
from archcalc.importer.values import Content, least, spell_dim, whole
from archcalc.ops import Op
from archcalc.ops.convolution import Conv, ConvTranspose, DepthwiseConv
from archcalc.ops.dense import Linear
from archcalc.ops.foreign import Foreign
from archcalc.ops.merge import Add, Maximum, Mul, Sub
from archcalc.ops.normalization import Position, Scale

BINARY: dict[str, tuple[str, type[Op] | None]] = {
    "Add": ("add", Add), "Sub": ("sub", Sub), "Mul": ("mul", Mul), "Div": ("div", None), "Pow": ("pow", None),
    "Mod": ("mod", None), "Equal": ("equal", None), "Less": ("less", None), "LessOrEqual": ("less_or_equal", None),
    "Greater": ("greater", None), "GreaterOrEqual": ("greater_or_equal", None), "And": ("and", None),
    "Or": ("or", None), "Xor": ("xor", None), "BitShift": ("bit_shift", None), "BitwiseAnd": ("bitwise_and", None),
    "BitwiseOr": ("bitwise_or", None), "BitwiseXor": ("bitwise_xor", None),
}  # fmt: skip
COMPARISONS = frozenset({"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor"})


def _equal(a: Any, b: Any) -> bool:
    return bool(a == b) if isinstance(a, (bool, str)) or isinstance(b, (bool, str)) else same(a, b)


def _over(kind: int) -> Callable[[Any, Any], Any]:
    """Division: of whole numbers towards zero."""

    def divide(a: Any, b: Any) -> Any:
        from archcalc.importer.values import divided

        if kind not in INTEGERS:
            return a / Fraction(b) if not isinstance(a, (int, Fraction)) else Fraction(a) / b
        if isinstance(b, int) and b > 0 and least(-1, a):
            return a // b
        if isinstance(a, int) and isinstance(b, int):
            return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return divided(a, b)

    return divide


def _power(a: Any, b: Any) -> Any:
    if not isinstance(b, int) or abs(b) > 64 or (isinstance(a, int) and abs(a) > 1 << 64):
        raise ArchcalcError("no exact power")
    return a**b if b >= 0 else Fraction(a) ** b


_FOLDS_TWO: dict[str, Callable[[Any, Any], Any]] = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Pow": _power,
    "Mod": lambda a, b: a % b,
    "Equal": _equal,
    "Less": lambda a, b: bool(a < b),
    "LessOrEqual": lambda a, b: bool(a <= b),
    "Greater": lambda a, b: bool(a > b),
    "GreaterOrEqual": lambda a, b: bool(a >= b),
    "And": lambda a, b: bool(a and b),
    "Or": lambda a, b: bool(a or b),
    "Xor": lambda a, b: bool(a) != bool(b),
}


@rule(*BINARY)
def binary(call: Call) -> Value:
    op = call.node.op
    word, cls = BINARY[op]
    a, b = call.value(0), call.value(1)
    kind = BOOL if op in COMPARISONS else None
    return combined(call, word, cls, [a, b], kind, _FOLDS_TWO.get(op) or (_over(a.kind) if op == "Div" else None))


def combined(
    call: Call,
    word: str,
    cls: type[Op] | None,
    values: list[Value],
    kind: int | None = None,
    fold: Callable[..., Any] | None = None,
) -> Value:
    """Operands stretched to one shape; a constant among them may have been learned."""
    given = [shaped(value) for value in values]
    shape = call.assumed.broadcast(*given)
    moving = call.data(values)
    if not moving:
        return call.known(shape, _spread(fold, values, given, shape) if fold else None, kind, _unscaled(values, shape))
    constants = [value for value in values if value.is_constant]
    weights = {"weight" if not n else f"weight{n + 1}": value for n, value in enumerate(constants) if learned(value)}
    samples, sample = call.samples(moving), call.walker.sample(shape)
    cost = (len(values) - 1) * size(shape)
    if not constants and cls is not None and _fits(cls, samples, sample):
        return call.emit(call.walker.made(cls), shape, values, kind=kind)
    if len(weights) == len(constants) == len(moving) == 1 and word in ("add", "mul"):
        value = _affine(call, word, moving[0], constants[0], shape, samples[0], sample)
        if value is not None:
            return value
    flags = ("in_place", "is_gate") if word == "mul" and len(moving) > 1 else ("in_place",)
    number = _number(constants[0].content) if len(constants) == 1 and not weights else None
    words = word if number is None else f"{word} {spell_dim(number)}"
    return call.figure(word, shape, values, words=words, elementwise=cost, weights=weights, flags=flags, kind=kind)


def _unscaled(values: list[Value], shape: Shape) -> list[Value]:
    """The constants without the scales and zero points that are stretched over quantised weights."""
    weights = [value for value in values if stored(value) and value.shape == shape]
    return [value for value in values if not weights or value.shape == shape] or values


def _number(content: Content | None) -> Dim | None:
    """The one number that is known, if it is whole."""
    return whole(content[0]) if content is not None and len(content) == 1 and not isinstance(content[0], bool) else None


def _spread(fold: Callable[..., Any], values: list[Value], shapes: list[Shape], shape: Shape) -> Content | None:
    """Known numbers, combined; operands of different shapes only where that is one number or the same row."""
    contents = [value.content for value in values]
    if any(content is None for content in contents):
        return None
    total = size(shape)
    if not isinstance(total, int):
        return None
    aligned = [
        content
        for content, own in zip(contents, shapes, strict=True)
        if content is not None and (len(content) == 1 or size(own) == total)
    ]
    if len(aligned) == len(values):
        result = aligned[0]
        for other in aligned[1:]:
            found = folded(fold, result, other)
            if found is None:
                return None
            result = found
        return result * total if len(result) == 1 and total != 1 and total <= 4096 else result
    from archcalc.importer.rules.shapes import stretched

    wide = [
        stretched(content, own, shape) for content, own in zip(contents, shapes, strict=True) if content is not None
    ]
    return folded(fold, *wide) if len(wide) == 2 else None


def _fits(cls: type[Op], samples: list[Shape], sample: Shape) -> bool:
    """Whether the language's operator, which aligns axes at the front, gives the same shape."""
    if len({len(shape) for shape in samples}) > 1:
        return False
    try:
        return cls().shape(*samples) == sample
    except ArchcalcError:
        return False


def _affine(call: Call, word: str, x: Value, w: Value, shape: Shape, source: Shape, sample: Shape) -> Value | None:
    """A bias that belongs to the layer before, a learned scale or shift a channel, or a learned number an element."""
    own = w.shape or ()
    if word == "add":
        value = _as_bias(call, x, w, shape)
        if value is not None:
            return value
    if source != sample:
        return None
    aligned = (1,) * (len(shape) - len(own)) + own
    channels = sample != shape and len(shape) > 1 and aligned[1] == shape[1] and size(own) == shape[1] and shape[1] != 1
    if channels and len(shape) != 2:
        return call.emit(
            call.walker.made(Scale, scale=word == "mul", shift=word == "add"),
            shape,
            [x],
            weights={"scale" if word == "mul" else "shift": w},
        )
    if word == "add" and size(own) == size(sample) and sample:
        return call.emit(call.walker.made(Position), shape, [x], weights={"weight": w})
    return None


def _as_bias(call: Call, x: Value, w: Value, shape: Shape) -> Value | None:
    """A sum right after a layer that has no bias yet, and that nothing else reads, is its bias."""
    walker = call.walker
    name = next((name for name, value in zip(call.node.inputs, call.inputs, strict=False) if value is x), "")
    if (
        x.node is None
        or not walker.namer.may_join(x.node, call.node)
        or call.scope.reads[name] != 1
        or name not in call.scope.values
        or x.node < call.scope.first
        or x.shape != shape
        or walker.times
    ):
        return None
    node = walker.graph.nodes[x.node]
    if any(x.node in later.inputs for later in walker.graph.nodes[x.node + 1 :][-64:]):
        return None
    own = (1,) * (len(shape) - len(w.shape or ())) + (w.shape or ())
    axis = len(shape) - 1 if node.op.word == "linear" else 1
    if own[axis] != shape[axis] or size(own) != shape[axis]:
        return None
    learned_from = list(learned_of(w))
    keys = [origin.key for origin in learned_from]
    owners = {walker.owners.get(key) for key in keys}
    if owners != {node.share}:
        return None
    op = node.op
    if isinstance(op, (Conv, DepthwiseConv, ConvTranspose, Linear)) and not op.bias:
        fields = {name: getattr(op, name) for name in op.fields}
        made: Op = walker.made(type(op), **{**fields, "bias": True})
        if sum(size(origin.shape) for origin in learned_from) != shape[axis]:
            return None
    elif (
        isinstance(op, Foreign)
        and op.word == "linear"
        and "bias" not in op.weights_
        and op.words.endswith(" bias=false")
    ):
        words = op.words.removesuffix(" bias=false")
        made = op.replaced(
            words=words, weights_={**op.weights_, "bias": (shape[axis],)}, elementwise_=op.elementwise_ + size(shape)
        )
    else:
        return None
    walker.graph.nodes[x.node] = node._replace(op=made)
    if node.share is None:
        walker.owners.update(dict.fromkeys(keys, x.node))
    return Value(shape, x.kind, x.node)


@rule("SwiGLU")
def swiglu(call: Call) -> Value:
    """The first operand through silu, times the second."""
    return combined(call, "mul", Mul, [mapped(call, call.value(0), "silu", 5), call.value(1)])


@rule("Sum", "Max", "Min", "Mean")
def several(call: Call) -> Value:
    word, cls, fold = {
        "Sum": ("add", Add, lambda a, b: a + b),
        "Max": ("maximum", Maximum, larger),
        "Min": ("minimum", None, smaller),
        "Mean": ("mean", None, None),
    }[call.node.op]
    values = call.values()
    if len(values) == 1:
        return values[0]
    if word == "mean" and all(not value.is_constant for value in values):
        from archcalc.ops.merge import Mean

        shape = call.assumed.broadcast(*(call.shape(n) for n in range(len(values))))
        if _fits(Mean, call.samples(values), call.walker.sample(shape)):
            return call.emit(call.walker.made(Mean), shape, values)
    return combined(call, word, cls, values, None, fold)


@rule("Where")
def where(call: Call) -> Value:
    condition, a, b = call.value(0), call.value(1), call.value(2)
    shape = call.assumed.broadcast(call.shape(0), call.shape(1), call.shape(2))
    if not call.data():
        content = folded(lambda c, x, y: x if c else y, condition.content, a.content, b.content)
        return call.known(
            shape, content if content is not None and len(content) == size(shape) else None, a.kind, [a, b]
        )
    weights = {name: value for name, value in (("weight", a), ("weight2", b)) if learned(value)}
    return call.figure("where", shape, elementwise=size(shape), weights=weights, kind=a.kind)


@rule("CumSum", "CumProd")
def cumulative(call: Call) -> Value:
    x = call.value(0)
    if x.is_constant and x.content is not None and len(call.shape(0)) == 1 and None not in x.content:
        total: Any = 0
        out = []
        for value in x.content:
            total = total + value
            out.append(total)
        return call.known(
            call.shape(0),
            (
                tuple(out)
                if call.node.op == "CumSum" and not call.attr("reverse") and not call.attr("exclusive")
                else None
            ),
        )
    return call.figure("cumsum", call.shape(0), [x], elementwise=size(call.shape(0)), reach=Reach.MIXED)


@rule("Cast", "CastLike", "BitCast")
def cast(call: Call) -> Value:
    """Between kinds of numbers: no arithmetic."""
    x = call.value(0)
    kind = call.whole("to", x.kind) if call.node.op in ("Cast", "BitCast") else call.value(1).kind
    if x.is_constant or x.content is not None:
        content = x.content
        if content is not None and kind in INTEGERS:
            content = tuple(_truncated(value) for value in content)
        elif content is not None and kind == BOOL:
            content = folded(lambda value: value if isinstance(value, bool) else not same(value, 0), content)
        return Value(x.shape, kind, x.node, content, x.origins)
    if kind == x.kind or x.shape is None:
        return Value(x.shape, kind, x.node)
    return call.figure("cast", x.shape, [x], kind=kind)


def _truncated(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Fraction):
        return int(value)
    if isinstance(value, Poly):
        return value if integral(value) else flooring(value) if least(-1, value) else None
    return value if isinstance(value, int) else None


__all__ = ["combined"]
