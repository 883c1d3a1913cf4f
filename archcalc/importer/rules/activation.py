"""One operand, element by element: activations, roots, roundings, softmax."""

from __future__ import annotations

from fractions import Fraction

from archcalc.algebra import maximum as larger
from archcalc.algebra import minimum as smaller
from archcalc.importer.known import ONE, folded
from archcalc.importer.rules.base import IN_PLACE, Call, Value, rule, size
from archcalc.importer.tensors import BOOL
from archcalc.importer.values import axis_of
from archcalc.ops import OPS
from archcalc.ops.activation import LeakyReLU, PReLU, Softmax
from archcalc.untyped import Attribute, Element

MOST = 10**38  # bounds beyond it are none
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
    "Shrink": ("shrink", 2), "Celu": ("celu", 5), "Swish": ("silu", 5), "HardSigmoid": ("hardsigmoid", 4),
}  # fmt: skip


@rule(*UNARY, alike="moving")
def unary(call: Call, X: Value) -> Value:
    """A function of each element: what it costs by UNARY, truth values from tests; of constants it is worked out."""
    kind = BOOL if call.op in ("Not", "IsNaN", "IsInf") else None
    if X.is_constant:
        function = ONE.get(call.op)
        return call.known(X.dims, folded(function, X.content) if function else None, kind)
    return mapped(call, X, *UNARY[call.op], kind)


def mapped(call: Call, x: Value, word: str, cost: int, kind: int | None = None) -> Value:
    """A function of one element: the language's where it has one of the same cost."""
    cls = OPS.get(word)
    if cls is not None and getattr(cls, "cost", None) == cost and not cls.positional:
        return call.emit(call.made(cls), x.dims, [x], kind=kind)
    return call.figure(word, x.dims, [x], elementwise=cost * size(x.dims), flags=IN_PLACE, kind=kind)


@rule("LeakyRelu", alike="moving")
def leaky_relu(call: Call, X: Value, *, alpha: Fraction = Fraction(1, 100)) -> Value:
    """x, or where it is negative alpha x: a comparison and a product an element."""
    op = call.made(LeakyReLU, slope=alpha) if 0 <= alpha <= 1 else None
    return call.figure("leaky_relu", X.dims, op=op, elementwise=2 * size(X.dims), flags=IN_PLACE)


@rule("Elu", alike="moving")
def elu(call: Call, X: Value, *, alpha: Fraction = Fraction(1)) -> Value:
    """x, or where it is negative alpha (exp x - 1): three operations an element, and one for an alpha other than 1."""
    return mapped(call, X, "elu", 3 if alpha == 1 else 4)


@rule("Gelu", alike="moving")
def gelu(call: Call, X: Value, *, approximate: str = "none") -> Value:
    """x/2 (1 + erf(x/sqrt 2)), or with the tanh of a cubic, which takes nine operations."""
    return mapped(call, X, "gelu", 9 if approximate == "tanh" else 5)


@rule("Clip")
def clip(call: Call, input: Value, min: Value | None = None, max: Value | None = None) -> Value:
    """relu6 where the bounds are 0 and 6; a bound that isn't there costs nothing."""
    low, high = _bound(min), _bound(max)
    if input.is_constant:

        def clipped(value: Attribute) -> Element:
            value = larger(value, low) if isinstance(low, (int, Fraction)) else value
            return smaller(value, high) if isinstance(high, (int, Fraction)) else value

        return call.known(input.dims, folded(clipped, input.content) if "?" not in (low, high) else None)
    if low == 0 and high in (6, None):
        return mapped(call, input, "relu6" if high else "relu", 2 if high else 1)
    cost = (low is not None) + (high is not None)
    return call.figure("clip", input.dims, elementwise=cost * size(input.dims), flags=IN_PLACE)


def _bound(value: Value | None) -> Element:
    """A number, None for no bound, "?" for one that isn't known."""
    if value is None or abs(found := value.only() or 0) > MOST:
        return None
    return "?" if value.only() is None else found


@rule("PRelu")
def prelu(call: Call, X: Value, slope: Value) -> Value:
    """One learned slope a channel, or one for all."""
    shape = X.dims
    own = slope.is_constant and len(shape) > 1 and size(slope.shape or ()) == shape[1]
    return call.figure(
        "prelu", shape, op=call.made(PReLU) if own else None, batched=True, elementwise=2 * size(shape),
        weights={"slope": slope}, flags=IN_PLACE,
    )  # fmt: skip


@rule("Softmax", "LogSoftmax", "Hardmax", alike="moving")
def softmax(call: Call, input: Value, *, axis: int | None = None) -> Value:
    """Maximum, difference, exp, sum and division. Before opset 13 all axes from the given one on were taken as one."""
    shape = input.dims
    one = call.opset >= 13
    n = axis_of((-1 if one else 1) if axis is None else axis, len(shape)) if shape else 0
    rows = size(shape[:n]) * (size(shape[n + 1 :]) if one else 1)
    word = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Hardmax": "hardmax"}[call.op]
    cost = 5 * size(shape) - 2 * rows + (size(shape) if word == "log_softmax" else 0)
    channels = n == 1 and rows == size(shape[:1]) * size(shape[2:]) and call.is_batched(shape)
    last = n == len(shape) - 1 and call.sample(shape)
    op = call.made(Softmax) if channels else call.made(Softmax, axis=-1) if last else None
    return call.figure(word, shape, op=op if word == "softmax" else None, elementwise=cost, flags=IN_PLACE)


__all__ = ["mapped"]
