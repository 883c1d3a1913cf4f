"""Functions of one element, softmax, dropout, and arithmetic of several operands."""

from __future__ import annotations

from fractions import Fraction

from archcalc.algebra import maximum, minimum
from archcalc.frameworks.aten.base import (
    BOOL,
    IN_PLACE,
    INT64,
    Call,
    Outputs,
    Reach,
    Value,
    as_onnx,
    aten,
    axis_of,
    numbers,
    only,
    size,
)
from archcalc.importer.known import TWO, whole_quotient
from archcalc.importer.rules.activation import mapped
from archcalc.importer.rules.arithmetic import BINARY, SEVERAL, spread
from archcalc.importer.tensors import INTEGERS
from archcalc.ops.activation import Dropout
from archcalc.ops.merge import Mul
from archcalc.untyped import Attribute, Operand

# the operator of ONNX that is the same function
SAME = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "mish": "Mish", "hardswish": "HardSwish", "selu": "Selu",
    "softsign": "Softsign", "erf": "Erf", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "reciprocal": "Reciprocal",
    "neg": "Neg", "abs": "Abs", "floor": "Floor", "ceil": "Ceil", "round": "Round", "sign": "Sign", "sin": "Sin",
    "cos": "Cos", "tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh",
    "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "logical_not": "Not", "bitwise_not": "BitwiseNot",
    "isnan": "IsNaN", "isinf": "IsInf", "silu": "Swish", "hardsigmoid": "HardSigmoid",
}  # fmt: skip
# others: what they are called, and operations an element
OWN = {
    "rsqrt": ("rsqrt", 2), "square": ("square", 1), "log2": ("log", 1), "log10": ("log", 1), "log1p": ("log", 2),
    "exp2": ("exp", 1), "expm1": ("exp", 2), "trunc": ("floor", 1), "frac": ("frac", 2), "softshrink": ("shrink", 2),
    "hardshrink": ("shrink", 2), "tanhshrink": ("tanhshrink", 2), "log_sigmoid": ("log_sigmoid", 4),
    "threshold": ("threshold", 1), "celu": ("celu", 5), "sgn": ("sign", 1), "isfinite": ("is_finite", 1),
    "nan_to_num": ("nan_to_num", 1), "logit": ("logit", 3), "erfc": ("erf", 2), "erfinv": ("erfinv", 1),
    "special_expm1": ("exp", 2), "real": ("real", 0), "imag": ("imag", 0), "positive": ("positive", 0),
    "sinc": ("sinc", 3), "lgamma": ("lgamma", 1), "digamma": ("digamma", 1), "polygamma": ("polygamma", 1),
    "i0": ("i0", 1), "special_i0e": ("i0e", 1), "special_i1": ("i1", 1), "deg2rad": ("scale", 1),
    "rad2deg": ("scale", 1), "angle": ("angle", 1), "signbit": ("sign", 1), "isneginf": ("is_inf", 1),
    "isposinf": ("is_inf", 1), "isreal": ("is_real", 1), "special_entr": ("entropy", 3),
    "special_ndtr": ("normal", 4), "special_ndtri": ("normal", 4), "special_log_ndtr": ("normal", 5),
}  # fmt: skip
TESTS = ("isfinite", "signbit", "isneginf", "isposinf", "isreal")  # which give truth values


@aten(*SAME, *OWN)
def function(call: Call, self: Value) -> Operand:
    """A function of each element: ONNX's where it has the same, else what OWN says it costs."""
    if call.op in SAME:
        return as_onnx(call, SAME[call.op], self)
    kind = BOOL if call.op in TESTS else None
    if self.is_constant:
        return call.known(self.dims, None, kind)
    return mapped(call, self, *OWN[call.op], kind)


@aten("softplus")
def softplus(call: Call, self: Value) -> Operand:
    """log(1 + exp x) of each element, at the cost of ONNX's Softplus."""
    return as_onnx(call, "Softplus", self)


@aten("gelu")
def gelu(call: Call, self: Value, *, approximate: str = "none") -> Operand:
    """x times the normal distribution up to x, exact or through `tanh`, at the cost of ONNX's Gelu."""
    return as_onnx(call, "Gelu", self, approximate=approximate)


@aten("leaky_relu")
def leaky_relu(call: Call, self: Value, *, negative_slope: Fraction = Fraction(1, 100)) -> Operand:
    """x, or where it is negative x times `negative_slope`: two operations an element."""
    return as_onnx(call, "LeakyRelu", self, alpha=negative_slope)


@aten("rrelu")
def rrelu(call: Call, self: Value) -> Value:
    """A leaky ReLU whose slope is drawn in training and fixed at inference: two operations an element."""
    return mapped(call, self, "rrelu", 2)


@aten("elu")
def elu(call: Call, self: Value, *, alpha: Fraction = Fraction(1)) -> Operand:
    """x, or where it is negative alpha (exp x - 1), at the cost of ONNX's Elu."""
    return as_onnx(call, "Elu", self, alpha=alpha)


@aten("relu6")
def relu6(call: Call, self: Value) -> Value:
    """ReLU cut at 6: two comparisons an element."""
    return mapped(call, self, "relu6", 2)


@aten("hardtanh")
def hardtanh(call: Call, self: Value, *, min_val: Fraction = Fraction(-1), max_val: Fraction = Fraction(1)) -> Operand:
    """x kept between two bounds, as ONNX's Clip: a comparison a bound and element."""
    return as_onnx(call, "Clip", self, numbers([min_val]), numbers([max_val]))


@aten("clamp", "clip", "clamp_min", "clamp_max")
def clamp(call: Call, self: Value, min: Value | None = None, max: Value | None = None) -> Operand:
    """x kept between bounds, either of which may be missing, as ONNX's Clip: a comparison a bound and element."""
    return as_onnx(call, "Clip", self, min, max)


@aten("prelu")
def prelu(call: Call, self: Value, weight: Value) -> Operand:
    """A leaky ReLU with a learned slope, one or one a channel, as ONNX's PRelu."""
    return as_onnx(call, "PRelu", self, weight)


@aten("softmax", "log_softmax", "_softmax", "_log_softmax", "special_softmax", "softmin")
def softmax(call: Call, self: Value, *, dim: int = -1) -> Operand:
    """Shares that sum to 1 along an axis, or their logarithms, at the cost of ONNX's Softmax or LogSoftmax."""
    return as_onnx(call, "LogSoftmax" if "log" in call.op else "Softmax", self, axis=dim)


@aten("_weight_norm", "_weight_norm_interface")
def weight_norm(call: Call, v: Value, g: Value) -> Operand:
    """A weight as a direction and a length, both learned: an operation an element, before the network runs."""
    found = as_onnx(call, "Mul", v, g)
    return [found, g] if call.op == "_weight_norm_interface" else found


@aten("dropout", "feature_dropout", "alpha_dropout", "native_dropout", "feature_alpha_dropout")
def dropout(call: Call, input: Value, *, p: Fraction = Fraction(1, 2)) -> Operand:
    """Nothing at inference; training drops elements, or of `feature_dropout` whole channels."""
    if "feature" in call.op and call.is_batched(input.dims):
        return call.emit(call.made(Dropout, p=p, channels=True), input.dims, [input])
    return only(as_onnx(call, "Dropout", input, Value((), 1, None, (p,))))


@aten("glu")
def glu(call: Call, self: Value, *, dim: int = -1) -> Value:
    """One half through a sigmoid, times the other."""
    shape, n = self.dims, axis_of(dim, len(self.dims))
    half = (*shape[:n], call.assumed.quotient(shape[n], 2), *shape[n + 1 :])
    return call.figure("glu", half, [self], words="glu sigmoid", elementwise=5 * size(half))


# ---- several operands ------------------------------------------------------------------------------------------------

TWO_OPERANDS = {
    "add": "Add", "sub": "Sub", "subtract": "Sub", "mul": "Mul", "multiply": "Mul", "div": "Div", "divide": "Div",
    "true_divide": "Div", "pow": "Pow", "remainder": "Mod", "fmod": "Mod", "eq": "Equal", "lt": "Less",
    "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual", "logical_and": "And", "logical_or": "Or",
    "logical_xor": "Xor", "bitwise_and": "BitwiseAnd", "bitwise_or": "BitwiseOr", "bitwise_xor": "BitwiseXor",
    "__and__": "BitwiseAnd", "__or__": "BitwiseOr", "__xor__": "BitwiseXor",
}  # fmt: skip
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor")


@aten(*TWO_OPERANDS)
def binary(call: Call, self: Value, other: Value, *, rounding_mode: str | None = None) -> Value:
    """Arithmetic or a comparison of two operands, stretched to one shape: one operation an element of the output."""
    kind = BOOL if call.op in COMPARISONS else _promoted(call, self, other)
    op = TWO_OPERANDS[call.op]
    fold = whole_quotient if rounding_mode in ("floor", "trunc") else TWO.get(op)
    return spread(call, *BINARY[op], [self, other], kind, fold)


def _promoted(call: Call, self: Value, other: Value) -> int:
    """The kind of what comes of two: that of floats before that of whole numbers."""
    divides = call.op in ("div", "divide", "true_divide") and self.kind in INTEGERS and other.kind in INTEGERS
    return 1 if divides else other.kind if other.is_float and not self.is_float else self.kind


@aten("pow", "float_power")
def power(call: Call, self: Value, exponent: Value) -> Value:
    """A power element by element, of operands stretched to one shape: one operation an element."""
    return spread(call, *BINARY["Pow"], [self, exponent], None, TWO["Pow"])


@aten("ne")
def not_equal(call: Call, self: Value, other: Value) -> Value:
    """Where two operands differ: a comparison an element, truth values out."""
    return spread(call, "not_equal", None, [self, other], BOOL, lambda a, b: not TWO["Equal"](a, b))


@aten("rsub")
def rsub(call: Call, self: Value, other: Value) -> Value:
    """The second operand minus the first: one operation an element."""
    return spread(call, *BINARY["Sub"], [other, self], None, TWO["Sub"])


@aten("floor_divide")
def floor_divide(call: Call, self: Value, other: Value) -> Value:
    """The quotient rounded down, which stays a whole number where both operands are: one operation an element."""
    return spread(call, *BINARY["Div"], [self, other], None, whole_quotient)


@aten("maximum", "minimum", "fmax", "fmin")
def extreme(call: Call, self: Value, other: Value) -> Value:
    """The larger or the smaller of two operands: a comparison an element."""
    op, fold = ("Max", maximum) if "max" in call.op else ("Min", minimum)
    return spread(call, *SEVERAL[op][:2], [self, other], None, fold)


@aten("atan2", "hypot", "fmod", "logaddexp", "logaddexp2", "xlogy", "copysign", "bitwise_left_shift")
@aten(
    "bitwise_right_shift", "nextafter", "ldexp", "heaviside", "gcd", "lcm", "special_xlog1py", "special_zeta", "igamma"
)
def others(call: Call, self: Value, other: Value) -> Value:
    """Functions of two operands that ONNX doesn't have, `atan2`, `hypot`: one operation an element."""
    return spread(call, call.op, None, [self, other])


@aten("isclose")
def is_close(call: Call, self: Value, other: Value) -> Value:
    """Whether two operands differ by less than a tolerance: four operations an element, truth values out."""
    shape = call.assumed.broadcast(self.dims, other.dims)
    return call.figure("is_close", shape, [self, other], elementwise=4 * size(shape), kind=BOOL)


@aten("__lshift__", "__rshift__")
def shift(call: Call, self: Value, other: Value) -> Value:
    """Bits moved to the left or right: one operation an element."""
    return spread(call, "bit_shift", None, [self, other])


@aten("nonzero_numpy")
def places(call: Call, self: Value) -> Outputs:
    """Where elements aren't 0, an axis each, as many as only a run tells: a comparison an element."""
    count, rank = call.most("count", size(self.dims)), max(1, len(self.dims))
    first = call.figure("nonzero", (count,), [self], elementwise=size(self.dims), reach=Reach.MIXED, kind=INT64)
    return [first, *call.beside_it(first, "places", *[(count,)] * (rank - 1), kind=INT64)]


@aten("where")
def where(call: Call, condition: Value, self: Value | None = None, other: Value | None = None) -> Operand:
    """One operand or the other by a condition, as ONNX's Where; with the condition alone the places where it holds, an
    axis each, as many as only a run tells.
    """
    if self is None or other is None:
        return places(call, condition)
    return as_onnx(call, "Where", condition, self, other)


@aten("masked_fill")
def masked_fill(call: Call, self: Value, mask: Value, value: Value | None = None) -> Operand:
    """A number in the place of what the mask covers, as ONNX's Where."""
    return as_onnx(call, "Where", mask, value if value is not None else numbers([0]), self)


@aten("addcmul", "addcdiv")
def addcmul(call: Call, self: Value, tensor1: Value, tensor2: Value) -> Value:
    """self plus the product, or the quotient, of two tensors: two operations an element; `value` isn't counted."""
    word = "Mul" if call.op == "addcmul" else "Div"
    product = spread(call, *BINARY[word], [tensor1, tensor2])
    return spread(call, *BINARY["Add"], [self, product])


@aten("lerp")
def lerp(call: Call, self: Value, end: Value, weight: Value) -> Value:
    """self + weight (end - self): a difference, a product and a sum an element."""
    step = spread(call, "mul", Mul, [spread(call, *BINARY["Sub"], [end, self]), weight])
    return spread(call, *BINARY["Add"], [self, step])


@aten("to", "_to_copy", "type_as", "to_dtype", "float", "half", "double", "long", "int", "bool", "bfloat16")
def cast(call: Call, self: Value) -> Operand:
    """Another kind of numbers, as torch declares the output; another device is none."""
    found = call.scope.declared.of(call.output)
    return as_onnx(call, "Cast", self, to=found.kind if found is not None and found.kind else self.kind)


@aten(
    "clone", "contiguous", "detach", "alias", "lift_fresh_copy", "lift_fresh", "lift", "view_as_real", "resolve_conj",
    "_conj", "resolve_neg", "_assert_tensor_metadata", "cuda", "cpu", "requires_grad_", "conj", "data", "detach_",
)  # fmt: skip
def same(call: Call, self: Value) -> Value:
    """The same numbers: nothing is computed. `view_as_real` splits complex ones over a new axis of 2."""
    if call.op == "view_as_real":
        return call.view(self, (*self.dims, 2))
    return self


@aten("view_as_complex")
def view_as_complex(call: Call, self: Value) -> Value:
    """Pairs on the last axis, read as complex numbers, which drops that axis: nothing is computed."""
    return call.view(self, self.dims[:-1])


@aten("polar", "complex")
def polar(call: Call, abs: Value, angle: Value) -> Value:
    """Complex numbers of two parts: four operations an element."""
    return call.figure("polar", abs.dims, [abs, angle], elementwise=4 * size(abs.dims), flags=IN_PLACE)


@aten("cumsum", "cumprod")
def cumsum(call: Call, self: Value, *, dim: int = 0) -> Operand:
    """Sums or products up to each place of an axis, as ONNX's CumSum or CumProd."""
    return as_onnx(call, "CumSum" if call.op == "cumsum" else "CumProd", self, numbers([dim]))


@aten("cummax", "cummin", "logcumsumexp")
def running(call: Call, self: Value) -> Outputs:
    """The extreme up to each place of an axis, with where it is, a comparison an element; or the logarithm of a sum of
    exponentials, three operations.
    """
    cost = 3 if call.op == "logcumsumexp" else 1
    value = call.figure(call.op, self.dims, [self], elementwise=cost * size(self.dims), reach=Reach.MIXED)
    return [value, *call.beside_it(value, "indices", value.dims, words="where the extremes are", kind=INT64)]


@aten("diff")
def diff(
    call: Call, self: Value, prepend: Value | None = None, append: Value | None = None, *, n: int = 1, dim: int = -1
) -> Value:
    """Differences of neighbours along an axis, `n` times over, after what stands before and behind was joined on: one
    operation for each.
    """
    axis = axis_of(dim, len(self.dims))
    parts = [value for value in (prepend, self, append) if value is not None]
    length = sum((value.dims[axis] for value in parts[1:]), parts[0].dims[axis])
    other = size((*self.dims[:axis], *self.dims[axis + 1 :]))
    steps = sum(((length - step) * other for step in range(1, n + 1)), 0)
    out = (*self.dims[:axis], length - n, *self.dims[axis + 1 :])
    return call.figure("diff", out, parts, elementwise=steps, reach=Reach.MIXED)


@aten("sort", "topk")
def topk(call: Call, self: Value, *, k: Attribute = None, dim: int = -1) -> Outputs:
    """Sorting is taking all, the largest first."""
    shape = self.dims
    if not shape:
        return [self, Value((), INT64, None, (0,))]
    count = shape[axis_of(dim, len(shape))] if k is None else k
    return as_onnx(call, "TopK", self, Value((1,), INT64, None, (count,)), axis=dim)  # type: ignore[no-any-return]


@aten("msort")
def msort(call: Call, self: Value) -> Value:
    """The first axis in order: an operation an element."""
    return call.figure("sort", self.dims, [self], elementwise=size(self.dims), reach=Reach.MIXED)


@aten("argsort")
def argsort(call: Call, self: Value) -> Value:
    """The order that would sort an axis: an operation an element, whole numbers out."""
    return call.figure("argsort", self.dims, [self], elementwise=size(self.dims), kind=INT64)
