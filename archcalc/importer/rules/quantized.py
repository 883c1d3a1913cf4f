"""Networks on whole numbers: quantising, dequantising, and operators with scales and zero points among their
operands.
"""

from __future__ import annotations

from archcalc.importer.rules.activation import mapped
from archcalc.importer.rules.arithmetic import spread
from archcalc.importer.rules.base import MICROSOFT, Call, Outputs, Reach, Value, rule, size, without
from archcalc.importer.rules.dense import multiplied
from archcalc.importer.rules.joining import joined
from archcalc.importer.tensors import FLOAT, UINT8
from archcalc.importer.values import Origin, axis_of
from archcalc.ops.merge import Add, Mul


@rule("QuantizeLinear", also=MICROSOFT)
def quantize(
    call: Call, x: Value, y_scale: Value | None = None, y_zero_point: Value | None = None, *, output_dtype: int = 0
) -> Value:
    """Division, offset and two bounds; of weights nothing, that is done before it runs."""
    kind = y_zero_point.kind if y_zero_point is not None else output_dtype or UINT8
    if x.shape is None or x.is_constant:
        return Value(x.shape, kind, x.node, None, x.origins)
    return call.figure("quantize", x.shape, [x], elementwise=4 * size(x.shape), kind=kind)


@rule("DequantizeLinear", also=MICROSOFT)
def dequantize(
    call: Call, x: Value, x_scale: Value | None = None, x_zero_point: Value | None = None, *, output_dtype: int = 0
) -> Value:
    """Offset and scale, to numbers of the scale's type where nothing says another."""
    kind = output_dtype or (x_scale.kind if x_scale is not None else 0) or FLOAT
    if x.shape is None or x.is_constant:
        return Value(x.shape, kind, x.node, None, x.origins)
    return call.figure("dequantize", x.shape, [x], elementwise=2 * size(x.shape), kind=kind)


@rule("DynamicQuantizeLinear")
def dynamic_quantize(call: Call, x: Value) -> Outputs:
    """The largest and the smallest element as well. Its scale and zero point are numbers that a run gives."""
    value = call.figure("quantize", x.dims, elementwise=6 * size(x.dims), kind=UINT8)
    return [value, Value((), FLOAT, value.node), Value((), UINT8, value.node)]


@rule("QLinearAdd", "QLinearMul", domain=MICROSOFT)
def qlinear_binary(
    call: Call, A: Value, A_scale: Value | None, A_zero_point: Value | None, B: Value, B_scale: Value | None = None,
    B_zero_point: Value | None = None, C_scale: Value | None = None, C_zero_point: Value | None = None,
) -> Value:  # fmt: skip
    """A sum or product of quantized numbers: one operation an element; scales and zero points cost nothing."""
    word, cls = ("add", Add) if call.op == "QLinearAdd" else ("mul", Mul)
    return spread(call, word, cls, [A, B])


@rule("QLinearSigmoid", "QLinearLeakyRelu", domain=MICROSOFT)
def qlinear_unary(
    call: Call, X: Value, X_scale: Value | None = None, X_zero_point: Value | None = None,
    Y_scale: Value | None = None, Y_zero_point: Value | None = None,
) -> Value:  # fmt: skip
    """Sigmoid (four operations) or leaky ReLU (two) of quantized numbers, an element."""
    return mapped(call, X, *(("sigmoid", 4) if call.op == "QLinearSigmoid" else ("leaky_relu", 2)))


@rule("QLinearConcat", domain=MICROSOFT)
def qlinear_concat(
    call: Call, Y_scale: Value | None, Y_zero_point: Value | None, *inputs: Value | None, axis: int = 1
) -> Value:
    """Each input with its scale and its zero point."""
    return joined(call, [call.needs(value, 2 + 3 * n) for n, value in enumerate(inputs[::3])], axis)


@rule("QLinearSoftmax", domain=MICROSOFT)
def qlinear_softmax(
    call: Call, X: Value, X_scale: Value | None = None, x_zero_point: Value | None = None,
    y_scale: Value | None = None, y_zero_point: Value | None = None, *, axis: int = -1,
) -> Value:  # fmt: skip
    """Softmax of quantized numbers along one axis: five operations an element, less two a row."""
    count = size(X.dims)
    rows = call.assumed.quotient(count, X.dims[axis_of(axis, len(X.dims))])
    return call.figure("softmax", X.dims, [X], elementwise=5 * count - 2 * rows)


@rule("QLinearReduceMean", domain=MICROSOFT)
def qlinear_reduce(
    call: Call, data: Value, data_scale: Value | None = None, data_zero_point: Value | None = None,
    reduced_scale: Value | None = None, reduced_zero_point: Value | None = None, *, axes: list[int] | None = None,
    keepdims: bool = True,
) -> Value:  # fmt: skip
    """Means of quantized numbers over axes, all where none is given: an operation an element."""
    over = {axis_of(axis, len(data.dims)) for axis in axes or range(len(data.dims))}
    out = without(data.dims, over, keepdims)
    return call.figure("reduce_mean", out, [data], elementwise=size(data.dims), reach=Reach.MIXED)


@rule("QGemm", domain=MICROSOFT)
def qgemm(
    call: Call, A: Value, a_scale: Value | None, a_zero_point: Value | None, B: Value, b_scale: Value | None,
    b_zero_point: Value | None, C: Value | None = None, y_scale: Value | None = None,
    y_zero_point: Value | None = None, *, transA: bool = False, transB: bool = False,
) -> Value:  # fmt: skip
    """Gemm of quantized numbers: its MACs; scales and zero points cost nothing."""
    return multiplied(call, A, B, C, flip=(transA, transB))


@rule("MatMulIntegerToFloat", domain=MICROSOFT)
def matmul_to_float(
    call: Call, A: Value, B: Value, a_scale: Value | None = None, b_scale: Value | None = None,
    a_zero_point: Value | None = None, b_zero_point: Value | None = None, bias: Value | None = None,
) -> Value:  # fmt: skip
    """A product of matrices of 8-bit numbers, scaled to floats, plus a bias: MACs as MatMul."""
    return multiplied(call, A, B, bias, kind=FLOAT)


@rule("DynamicQuantizeMatMul", domain=MICROSOFT)
def dynamic_matmul(
    call: Call, A: Value, B: Value, b_scale: Value | None = None, b_zero_point: Value | None = None,
    bias: Value | None = None,
) -> Value:  # fmt: skip
    """MatMul of floats that are quantized on the way, with weights of 8 bits, plus a bias: MACs as MatMul."""
    return multiplied(call, A, B, bias, kind=FLOAT)


@rule("MatMulNBits", "MatMulBnb4", "MatMulFpQ4", domain=MICROSOFT)
def few_bits(
    call: Call, A: Value, B: Value, scales: Value | None = None, zero_points: Value | None = None,
    g_idx: Value | None = None, bias: Value | None = None, *, K: int = 0, N: int = 0,
) -> Value:  # fmt: skip
    """A dense layer whose weights are packed: K x N of them, however many bytes that is."""
    origins = tuple(Origin(origin.key, origin.name, (N, K), True, origin.tensor) for origin in B.origins[:1])
    call.assumed.agree(A.dims[-1], K, "features")
    return multiplied(call, A, Value((K, N), FLOAT, B.node, None, origins), bias)
