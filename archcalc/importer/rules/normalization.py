"""Normalisations."""

from __future__ import annotations

import struct
from fractions import Fraction

from archcalc.errors import ShapeError
from archcalc.importer.names import generated
from archcalc.importer.rules.base import IN_PLACE, Call, Outputs, Shape, Value, rule, size
from archcalc.importer.tensors import FLOAT
from archcalc.importer.values import axis_of
from archcalc.ops.activation import Dropout
from archcalc.ops.normalization import BatchNorm, GroupNorm, LayerNorm, LocalResponseNorm


@rule("BatchNormalization", alike="all")
def batch_norm(call: Call, X: Value, scale: Value, B: Value, input_mean: Value, input_var: Value) -> Outputs:
    """Scale and shift are learned, mean and variance are buffers; further outputs are those of training."""
    shape = X.dims
    for value in (scale, B, input_mean, input_var):
        if value.shape is not None and len(shape) > 1:
            call.assumed.agree(size(value.shape), shape[1], "channels")
    whole = all(value.is_constant for value in (scale, B, input_mean, input_var))
    value = call.figure(
        "bn", shape, [X], op=call.made(BatchNorm) if whole else None, batched=True, elementwise=2 * size(shape),
        weights={"scale": scale, "shift": B}, buffers={"mean": input_mean, "variance": input_var}, flags=IN_PLACE,
    )  # fmt: skip
    others = [shape[1:2]] * (len(call.names) - 1)
    return [value, *call.beside_it(X, "statistics", *others, words="statistics of the bn")]


@rule("InstanceNormalization")
def instance_norm(call: Call, input: Value, scale: Value, B: Value) -> Value:
    """Mean and variance of each channel's map. A scale of ones and a shift of zeros, made by an exporter, were not
    learned.
    """
    shape = input.dims
    cost = 7 * size(shape) + 2 * size(shape[:2])
    return call.figure("instance_norm", shape, [input], elementwise=cost, weights=_learned(scale=scale, shift=B))


def _learned(**weights: Value | None) -> dict[str, Value | None]:
    """Without a scale of ones and a shift of zeros that an exporter made."""
    given: dict[str, Value | None] = {name: value for name, value in weights.items() if value is not None}
    values = [(value, 1 if name == "scale" else 0) for name, value in weights.items() if value is not None]
    made = all(generated(origin.name) or not origin.given for value, _ in values for origin in value.origins)
    return {} if all(_is_all(value, number) for value, number in values) and made else given


def _is_all(value: Value, number: int) -> bool:
    """Whether every element of a constant is this number."""
    if value.content is not None:
        return set(value.content) == {number}
    tensor = value.origins[0].tensor if len(value.origins) == 1 else None
    plain = tensor is not None and tensor.raw is not None and tensor.kind == FLOAT
    return plain and tensor.raw.taken() == struct.pack("<f", number) * tensor.elements  # type: ignore[union-attr]


@rule("LayerNormalization")
def layer_norm(call: Call, X: Value, Scale: Value | None = None, B: Value | None = None, *, axis: int = -1) -> Outputs:
    """Layer normalization over the axes from the given one on; mean and deviation are outputs where they are
    asked for.
    """
    first = axis_of(axis, len(X.dims))
    out: Shape = (*X.dims[:first], *((1,) * (len(X.dims) - first)))
    value = layered(call, X, Scale, B, axis)
    return [value, *call.beside_it(X, "statistics", *[out] * (len(call.names) - 1), words="statistics of the ln")]


def layered(call: Call, x: Value, scale: Value | None, shift: Value | None, axis: int, word: str = "ln") -> Value:
    """Mean and variance over the last axes: sum, difference, square, sum and division an element, two operations a
    position. The root mean square has no mean to subtract.
    """
    shape = x.dims
    first = axis_of(axis, len(shape))
    kept = _learned(scale=scale, shift=shift)
    positions = size(shape[:first])
    op = None
    if word == "ln" and first == len(shape) - 1 and call.sample(shape):
        op = call.made(LayerNorm, scale="scale" in kept, shift="shift" in kept, axis=-1)
    return call.figure(
        word, shape, [x, *kept.values()], op=op, weights=kept, known={"positions": positions},
        elementwise=((5 if word == "ln" else 3) + len(kept)) * size(shape) + 2 * positions,
    )  # fmt: skip


@rule("RMSNormalization")
def rms_norm(call: Call, X: Value, scale: Value | None = None, *, axis: int = -1) -> Value:
    """Division by the root mean square over the axes from the given one on, with a scale."""
    return layered(call, X, scale, None, axis, "rms_norm")


@rule("GroupNormalization")
def group_norm(call: Call, X: Value, scale: Value, bias: Value, *, num_groups: int = 1) -> Value:
    """Before opset 21 scale and shift were one number a group; a file with those is counted as it is."""
    if num_groups < 1:
        raise ShapeError(f"num_groups={num_groups}")
    return call.figure(
        "gn", X.dims, [X], op=call.made(GroupNorm, groups=num_groups), batched=True, words=f"gn {num_groups}",
        elementwise=7 * size(X.dims) + 2 * num_groups * X.dims[0], weights={"scale": scale, "shift": bias},
    )  # fmt: skip


@rule("LRN")
def lrn(call: Call, X: Value, *, size_: int = 1) -> Value:
    """Each element divided by a power of its `size` neighbouring channels' squares: size + 4 operations an element."""
    count = size(X.dims)
    return call.figure(
        "lrn", X.dims, op=call.made(LocalResponseNorm, size=size_) if 3 <= len(X.dims) <= 5 else None, batched=True,
        words=f"lrn {size_}", elementwise=(size_ + 4) * count, known={"neighbours": size_ * count},
    )  # fmt: skip


@rule("LpNormalization", "MeanVarianceNormalization")
def vector_norm(call: Call, input: Value) -> Value:
    """Division by a vector's norm: three operations an element; of mean and variance: five."""
    steps = 3 if call.op == "LpNormalization" else 5
    return call.figure("normalize", input.dims, elementwise=steps * size(input.dims), flags=IN_PLACE)


@rule("Dropout")
def dropout(call: Call, data: Value, ratio: Value | None = None) -> Outputs:
    """Nothing at inference; the mask is all true."""
    given = ratio.only() if ratio is not None else None
    rate = Fraction(given) if isinstance(given, (int, Fraction)) and 0 <= given <= 1 else Fraction(1, 2)
    if data.shape is None or data.is_constant:
        return [data, None]
    value = call.emit(call.made(Dropout, p=rate.limit_denominator(1000)), data.shape, [data])
    return [value, Value(data.shape, 9)] if len(call.names) > 1 else [value]
