"""One operand, element by element: activations, roots, roundings, softmax."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil as up
from math import floor as down
from typing import Any

from archcalc.algebra import Poly, integral
from archcalc.algebra import ceil as ceiling
from archcalc.algebra import floor as flooring
from archcalc.algebra import maximum as larger
from archcalc.algebra import minimum as smaller
from archcalc.errors import ArchcalcError, ShapeError
from archcalc.importer.rules.base import Call, Value, rule, size
from archcalc.importer.tensors import BOOL
from archcalc.importer.values import LARGEST, Content, axis_of, is_written, least
from archcalc.ops import OPS
from archcalc.ops.activation import LeakyReLU, PReLU, Softmax

# the word, and operations an element: each + - x / max exp log sqrt erf tanh counts one
UNARY: dict[str, tuple[str, int]] = {
    "Relu": ("relu", 1), "Sigmoid": ("sigmoid", 4), "Tanh": ("tanh", 1), "Softplus": ("softplus", 3),
    "Mish": ("mish", 5), "HardSwish": ("hardswish", 5), "Selu": ("selu", 4), "Softsign": ("softsign", 3),
    "Erf": ("erf", 1), "Exp": ("exp", 1), "Log": ("log", 1), "Sqrt": ("sqrt", 1), "Reciprocal": ("reciprocal", 1),
    "Neg": ("neg", 1), "Abs": ("abs", 1), "Floor": ("floor", 1), "Ceil": ("ceil", 1), "Round": ("round", 1),
    "Sign": ("sign", 1), "Sin": ("sin", 1), "Cos": ("cos", 1), "Tan": ("tan", 1), "Asin": ("asin", 1),
    "Acos": ("acos", 1), "Atan": ("atan", 1), "Sinh": ("sinh", 1), "Cosh": ("cosh", 1), "Asinh": ("asinh", 1),
    "Acosh": ("acosh", 1), "Atanh": ("atanh", 1), "Not": ("not", 1), "BitwiseNot": ("bitwise_not", 1),
    "IsNaN": ("is_nan", 1), "IsInf": ("is_inf", 1), "ThresholdedRelu": ("thresholded_relu", 1),
    "Shrink": ("shrink", 2), "Celu": ("celu", 5), "Swish": ("silu", 5),
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
    return call.figure(
        "clip",
        call.shape(0),
        elementwise=((low is not None) + (high is not None)) * size(call.shape(0)),
        flags=("in_place",),
    )


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


__all__ = ["folded", "mapped"]
