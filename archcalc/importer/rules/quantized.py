"""Networks on whole numbers: quantising, dequantising, and operators with scales and zero points among their
operands.
"""

from __future__ import annotations

from archcalc.importer.rules.activation import mapped
from archcalc.importer.rules.arithmetic import combined
from archcalc.importer.rules.base import MICROSOFT, Call, Outputs, Reach, Value, rule, size
from archcalc.importer.rules.convolution import convolved
from archcalc.importer.rules.dense import multiplied
from archcalc.importer.rules.joining import joined
from archcalc.importer.tensors import FLOAT, UINT8
from archcalc.importer.values import Origin, axis_of, spell_dim
from archcalc.ops.merge import Add, Mul


def quantize(call: Call) -> Value:
    """Division, offset and two bounds; of weights nothing, that is done before it runs."""
    x = call.value(0)
    kind = call.value(2).kind if call.has(2) else UINT8
    if x.shape is None or x.is_constant:
        return Value(x.shape, kind, x.node, None, x.origins)
    return call.figure("quantize", x.shape, [x], elementwise=4 * size(x.shape), kind=kind)


def dequantize(call: Call) -> Value:
    """Offset and scale."""
    x = call.value(0)
    if x.shape is None or x.is_constant:
        return Value(x.shape, FLOAT, x.node, None, x.origins)
    return call.figure("dequantize", x.shape, [x], elementwise=2 * size(x.shape), kind=FLOAT)


for _domain in ("", MICROSOFT):
    rule("QuantizeLinear", domain=_domain)(quantize)
    rule("DequantizeLinear", domain=_domain)(dequantize)


@rule("DynamicQuantizeLinear")
def dynamic_quantize(call: Call) -> Outputs:
    """The largest and the smallest element as well. Its scale and zero point are numbers that a run gives."""
    shape = call.shape(0)
    value = call.figure("quantize", shape, elementwise=6 * size(shape), kind=UINT8)
    return [value, Value((), FLOAT, value.node), Value((), UINT8, value.node)]


@rule("QLinearAdd", "QLinearMul", domain=MICROSOFT)
def qlinear_binary(call: Call) -> Value:
    word = "add" if call.node.op == "QLinearAdd" else "mul"
    return combined(call, word, Add if word == "add" else Mul, [call.value(0), call.value(3)])


@rule("QLinearSigmoid", "QLinearLeakyRelu", domain=MICROSOFT)
def qlinear_unary(call: Call) -> Value:
    return (
        mapped(call, call.value(0), "sigmoid", 4)
        if call.node.op == "QLinearSigmoid"
        else mapped(call, call.value(0), "leaky_relu", 2)
    )


@rule("QLinearConcat", domain=MICROSOFT)
def qlinear_concat(call: Call) -> Value:
    return joined(call, [call.value(n) for n in range(2, len(call.inputs), 3)], call.whole("axis", 1))


@rule("QLinearSoftmax", domain=MICROSOFT)
def qlinear_softmax(call: Call) -> Value:
    shape = call.shape(0)
    over = shape[axis_of(call.whole("axis", -1), len(shape))]
    return call.figure(
        "softmax", shape, [call.value(0)], elementwise=5 * size(shape) - 2 * call.assumed.quotient(size(shape), over)
    )


@rule("QLinearReduceMean", domain=MICROSOFT)
def qlinear_reduce(call: Call) -> Value:
    shape = call.shape(0)
    axes = {axis_of(axis, len(shape)) for axis in call.ints("axes") or range(len(shape))}
    out = tuple(1 if n in axes else dim for n, dim in enumerate(shape) if call.whole("keepdims", 1) or n not in axes)
    return call.figure("reduce_mean", out, [call.value(0)], elementwise=size(shape), reach=Reach.MIXED)


@rule("QGemm", domain=MICROSOFT)
def qgemm(call: Call) -> Value:
    flip = (bool(call.whole("transA", 0)), bool(call.whole("transB", 0)))
    return multiplied(call, call.value(0), call.value(3), call.optional(6), flip=flip)


@rule("MatMulIntegerToFloat", domain=MICROSOFT)
def matmul_to_float(call: Call) -> Value:
    return multiplied(call, call.value(0), call.value(1), call.optional(6), kind=FLOAT)


@rule("DynamicQuantizeMatMul", domain=MICROSOFT)
def dynamic_matmul(call: Call) -> Value:
    return multiplied(call, call.value(0), call.value(1), call.optional(4), kind=FLOAT)


@rule("MatMulNBits", "MatMulBnb4", "MatMulFpQ4", domain=MICROSOFT)
def few_bits(call: Call) -> Value:
    """A dense layer whose weights are packed: K x N of them, however many bytes that is."""
    k, n = call.whole("K", 0), call.whole("N", 0)
    a, packed = call.value(0), call.value(1)
    bias = call.optional(5)
    origins = tuple(Origin(origin.key, origin.name, (n, k), True, origin.tensor) for origin in packed.origins[:1])
    w = Value((k, n), FLOAT, packed.node, None, origins)
    call.assumed.agree(call.shape(0)[-1], k, "features")
    return multiplied(call, a, w, bias)


__all__ = ["convolved", "spell_dim"]
