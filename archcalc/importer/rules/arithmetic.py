"""Element by element: activations, sums and products, comparisons, softmax."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil as up
from math import floor as down
from typing import Any

from archcalc.algebra import Dim, Poly, integral, same
from archcalc.algebra import ceil as ceiling
from archcalc.algebra import floor as flooring
from archcalc.algebra import maximum as larger
from archcalc.algebra import minimum as smaller
from archcalc.errors import ArchcalcError, ShapeError
from archcalc.importer.claims import learned_of, stored
from archcalc.importer.foreign import Foreign
from archcalc.importer.rules.base import Call, Reach, Shape, Unknown, Value, learned, rule, size
from archcalc.importer.tensors import BOOL, INT64, INTEGERS
from archcalc.importer.values import LARGEST, Content, axis_of, is_written, least, spell_dim, whole
from archcalc.ops import OPS, Op
from archcalc.ops.activation import LeakyReLU, PReLU, Softmax
from archcalc.ops.convolution import Conv, ConvTranspose, DepthwiseConv
from archcalc.ops.dense import Linear
from archcalc.ops.merge import Add, Maximum, Mul, Sub
from archcalc.ops.normalization import Position, Scale

# ---- one operand ------------------------------------------------------------------------------------------------------------------

# the word, and operations an element: each + - x / max exp log sqrt erf tanh counts one
UNARY: dict[str, tuple[str, int]] = {
    "Relu": ("relu", 1), "Sigmoid": ("sigmoid", 4), "Tanh": ("tanh", 1), "Softplus": ("softplus", 3), "Mish": ("mish", 5), "HardSwish": ("hardswish", 5),
    "Selu": ("selu", 4), "Softsign": ("softsign", 3), "Erf": ("erf", 1), "Exp": ("exp", 1), "Log": ("log", 1), "Sqrt": ("sqrt", 1),
    "Reciprocal": ("reciprocal", 1), "Neg": ("neg", 1), "Abs": ("abs", 1), "Floor": ("floor", 1), "Ceil": ("ceil", 1), "Round": ("round", 1),
    "Sign": ("sign", 1), "Sin": ("sin", 1), "Cos": ("cos", 1), "Tan": ("tan", 1), "Asin": ("asin", 1), "Acos": ("acos", 1), "Atan": ("atan", 1),
    "Sinh": ("sinh", 1), "Cosh": ("cosh", 1), "Asinh": ("asinh", 1), "Acosh": ("acosh", 1), "Atanh": ("atanh", 1), "Not": ("not", 1),
    "BitwiseNot": ("bitwise_not", 1), "IsNaN": ("is_nan", 1), "IsInf": ("is_inf", 1), "ThresholdedRelu": ("thresholded_relu", 1), "Shrink": ("shrink", 2),
    "Celu": ("celu", 5), "Swish": ("silu", 5),
}  # fmt: skip

_FOLDS_ONE: dict[str, Callable[[Any], Any]] = {
    "Neg": lambda x: -x,
    "Abs": lambda x: x if least(-1, x) else abs(x),
    "Floor": lambda x: flooring(x) if isinstance(x, Poly) else down(x),
    "Ceil": lambda x: ceiling(x) if isinstance(x, Poly) else up(x),
    "Round": lambda x: x if isinstance(x, Poly) and integral(x) else round(x),
    "Not": lambda x: not x,
    "Relu": lambda x: larger(x, 0),
    "Sqrt": lambda x: _root(x),
    "Reciprocal": lambda x: Fraction(1) / x,
    "Sign": lambda x: 1 if least(0, x) else (x > 0) - (x < 0),
}


def _root(x: Any) -> Any:
    """A square root that is exact."""
    if not isinstance(x, (int, Fraction)) or x < 0:
        raise ArchcalcError("no exact root")
    from math import isqrt

    x = Fraction(x)
    root = Fraction(isqrt(x.numerator), isqrt(x.denominator))
    if root * root != x:
        raise ArchcalcError("no exact root")
    return root


def folded(function: Callable[..., Any], *contents: Content | None) -> Content | None:
    """A function of known numbers, element by element; None for what it can't say."""
    if any(content is None for content in contents):
        return None
    lists = [content for content in contents if content is not None]
    length = max((len(content) for content in lists), default=0)
    if any(len(content) not in (1, length) for content in lists):
        return None
    spread = [content * length if len(content) == 1 else content for content in lists]
    out = []
    for values in zip(*spread, strict=True):
        try:
            out.append(None if None in values else _plain(function(*values)))
        except (ArchcalcError, ArithmeticError, TypeError, ValueError):
            out.append(None)
    return tuple(out)


def _plain(value: Any) -> Any:
    """A number as an int where it is one; None for what no int64 holds, and for closed forms that no size has."""
    if not is_written(value) or (isinstance(value, (int, Fraction)) and not -LARGEST < value < LARGEST):
        return None
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


@rule(*UNARY)
def unary(call: Call) -> Value:
    word, cost = UNARY[call.node.op]
    kind = BOOL if call.node.op in ("Not", "IsNaN", "IsInf") else None
    x = call.value(0)
    if x.is_constant:
        function = _FOLDS_ONE.get(call.node.op)
        return call.known(call.shape(0), folded(function, x.content) if function else None, kind)
    return mapped(call, x, word, cost, kind)


def mapped(call: Call, x: Value, word: str, cost: int, kind: int | None = None) -> Value:
    """A function of one element: the language's where it has one of the same cost."""
    shape = x.shape
    if shape is None:
        call.shape(0)
        raise ShapeError("no shape")
    cls = OPS.get(word)
    if cls is not None and getattr(cls, "cost", None) == cost and not cls.positional:
        return call.emit(call.walker.made(cls), shape, [x], kind=kind)
    return call.figure(word, shape, [x], elementwise=cost * size(shape), flags=("in_place",), kind=kind)


@rule("SwiGLU")
def swiglu(call: Call) -> Value:
    """The first operand through silu, times the second."""
    return combined(call, "mul", Mul, [mapped(call, call.value(0), "silu", 5), call.value(1)])


@rule("LeakyRelu")
def leaky_relu(call: Call) -> Value:
    slope = call.real("alpha", 0.01)
    if 0 <= slope <= 1:
        return call.emit(call.walker.made(LeakyReLU, slope=slope), call.shape(0))
    return call.figure("leaky_relu", call.shape(0), elementwise=2 * size(call.shape(0)), flags=("in_place",))


@rule("Elu")
def elu(call: Call) -> Value:
    usual = call.real("alpha", 1.0) == 1
    return mapped(call, call.value(0), "elu", 3 if usual else 4)


@rule("Gelu")
def gelu(call: Call) -> Value:
    """x/2 (1 + erf(x/sqrt 2)), or with the tanh of a cubic, which takes nine operations."""
    return mapped(call, call.value(0), "gelu", 9 if call.text("approximate", "none") == "tanh" else 5)


@rule("HardSigmoid")
def hard_sigmoid(call: Call) -> Value:
    return mapped(call, call.value(0), "hardsigmoid", 4)


@rule("Clip")
def clip(call: Call) -> Value:
    """relu6 where the bounds are 0 and 6; a bound that isn't there costs nothing."""
    low, high = (_bound(call, n, name) for n, name in ((1, "min"), (2, "max")))
    x = call.value(0)
    if x.is_constant:

        def clipped(value: Any) -> Any:
            value = larger(value, low) if isinstance(low, (int, Fraction)) else value
            return smaller(value, high) if isinstance(high, (int, Fraction)) else value

        return call.known(call.shape(0), folded(clipped, x.content) if True not in (low, high) else None)
    if (low, high) == (0, 6) and not isinstance(low, bool):
        return mapped(call, x, "relu6", 2)
    if low == 0 and not isinstance(low, bool) and high is None:
        return mapped(call, x, "relu", 1)
    return call.figure("clip", call.shape(0), elementwise=((low is not None) + (high is not None)) * size(call.shape(0)), flags=("in_place",))


def _bound(call: Call, n: int, name: str) -> Any:
    """A number, None for no bound, True for one that isn't known."""
    if call.has(n):
        content = call.content(n)
        return content[0] if content and content[0] is not None else True
    found = call.attr(name)
    return None if found is None or abs(found) > 1e38 else Fraction(repr(round(found, 6)))


@rule("PRelu")
def prelu(call: Call) -> Value:
    """One learned slope a channel, or one for all."""
    x, slope = call.value(0), call.value(1)
    shape = call.shape(0)
    weights = {"slope": slope} if slope.is_constant else {}
    sample = call.walker.sample(shape)
    if slope.is_constant and sample != shape and len(shape) > 1 and size(slope.shape or ()) == shape[1]:
        return call.emit(call.walker.made(PReLU), shape, [x], weights=weights)
    return call.figure("prelu", shape, elementwise=2 * size(shape), weights=weights, flags=("in_place",))


@rule("Softmax", "LogSoftmax", "Hardmax")
def softmax(call: Call) -> Value:
    """Maximum, difference, exp, sum and division. Before opset 13 all axes from the given one on were taken as one."""
    shape = call.shape(0)
    axis = axis_of(call.whole("axis", -1 if call.opset >= 13 else 1), len(shape)) if shape else 0
    over = size(shape[axis : axis + 1]) if call.opset >= 13 else size(shape[axis:])
    rows = size(shape[:axis]) * size(shape[axis + 1 :]) if call.opset >= 13 else size(shape[:axis])
    word = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Hardmax": "hardmax"}[call.node.op]
    extra = size(shape) if word == "log_softmax" else 0
    sample = call.walker.sample(shape)
    channels = sample != shape and axis == 1 and rows == size(shape[:1]) * size(shape[2:])
    if word == "softmax" and channels and sample:
        return call.emit(call.walker.made(Softmax), shape)
    if word == "softmax" and axis == len(shape) - 1 and sample:
        return call.emit(call.walker.made(Softmax, axis=-1), shape)
    return call.figure(word, shape, elementwise=5 * rows * over - 2 * rows + extra, flags=("in_place",))


# ---- two operands and more ------------------------------------------------------------------------------------------------------------

BINARY: dict[str, tuple[str, type[Op] | None]] = {
    "Add": ("add", Add), "Sub": ("sub", Sub), "Mul": ("mul", Mul), "Div": ("div", None), "Pow": ("pow", None), "Mod": ("mod", None),
    "Equal": ("equal", None), "Less": ("less", None), "LessOrEqual": ("less_or_equal", None), "Greater": ("greater", None),
    "GreaterOrEqual": ("greater_or_equal", None), "And": ("and", None), "Or": ("or", None), "Xor": ("xor", None), "BitShift": ("bit_shift", None),
    "BitwiseAnd": ("bitwise_and", None), "BitwiseOr": ("bitwise_or", None), "BitwiseXor": ("bitwise_xor", None),
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


def combined(call: Call, word: str, cls: type[Op] | None, values: list[Value], kind: int | None = None, fold: Callable[..., Any] | None = None) -> Value:
    """Operands stretched to one shape; a constant among them may have been learned."""
    shapes = [value.shape for value in values]
    if None in shapes:
        raise Unknown("the shape of what it reads isn't known")
    given: list[Shape] = [shape for shape in shapes if shape is not None]
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
    aligned = [content for content, own in zip(contents, shapes, strict=True) if content is not None and (len(content) == 1 or size(own) == total)]
    if len(aligned) == len(values):
        result = aligned[0]
        for other in aligned[1:]:
            found = folded(fold, result, other)
            if found is None:
                return None
            result = found
        return result * total if len(result) == 1 and total != 1 and total <= 4096 else result
    from archcalc.importer.rules.shapes import stretched

    wide = [stretched(content, own, shape) for content, own in zip(contents, shapes, strict=True) if content is not None]
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
        return call.emit(call.walker.made(Scale, scale=word == "mul", shift=word == "add"), shape, [x], weights={"scale" if word == "mul" else "shift": w})
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
        fields = {name: getattr(op, name) for name in type(op).model_fields}
        made: Op = walker.made(type(op), **{**fields, "bias": True})
        if sum(size(origin.shape) for origin in learned_from) != shape[axis]:
            return None
    elif isinstance(op, Foreign) and op.word == "linear" and "bias" not in op.weights_ and op.words.endswith(" bias=false"):
        words = op.words.removesuffix(" bias=false")
        made = op.model_copy(update={"words": words, "weights_": {**op.weights_, "bias": (shape[axis],)}, "elementwise_": op.elementwise_ + size(shape)})
    else:
        return None
    walker.graph.nodes[x.node] = node._replace(op=made)
    if node.share is None:
        walker.owners.update(dict.fromkeys(keys, x.node))
    return Value(shape, x.kind, x.node)


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
        return call.known(shape, content if content is not None and len(content) == size(shape) else None, a.kind, [a, b])
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
        return call.known(call.shape(0), tuple(out) if call.node.op == "CumSum" and not call.attr("reverse") and not call.attr("exclusive") else None)
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


__all__ = ["INT64", "Dim", "combined", "folded", "mapped"]
