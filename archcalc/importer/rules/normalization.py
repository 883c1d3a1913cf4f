"""Normalisations."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any

from archcalc.errors import ShapeError
from archcalc.importer.names import generated
from archcalc.importer.rules.base import Call, Outputs, Shape, Value, constants, rule, size
from archcalc.importer.tensors import FLOAT
from archcalc.importer.values import axis_of
from archcalc.ops.activation import Dropout
from archcalc.ops.normalization import BatchNorm, GroupNorm, LayerNorm, LocalResponseNorm


@rule("BatchNormalization")
def batch_norm(call: Call) -> Outputs:
    """Scale and shift are learned, mean and variance are buffers; further outputs are those of training."""
    x, shape = call.value(0), call.shape(0)
    weights, buffers = (
        {"scale": call.value(1), "shift": call.value(2)},
        {"mean": call.value(3), "variance": call.value(4)},
    )
    for value in (*weights.values(), *buffers.values()):
        if value.shape is not None and len(shape) > 1:
            call.assumed.agree(size(value.shape), shape[1], "channels")
    if call.walker.sample(shape) != shape and all(
        value.is_constant for value in (*weights.values(), *buffers.values())
    ):
        value = call.emit(call.walker.made(BatchNorm), shape, [x], weights=weights, buffers=buffers)
    else:
        value = call.figure(
            "bn",
            shape,
            [x],
            elementwise=2 * size(shape),
            weights=constants(weights),
            buffers=constants(buffers),
            flags=("in_place",),
        )
    return [
        value,
        *[
            call.figure("statistics", shape[1:2], [x], words="statistics of the bn") if name else None
            for name in call.names[1:]
        ],
    ]


@rule("InstanceNormalization")
def instance_norm(call: Call) -> Value:
    """Mean and variance of each channel's map. A scale of ones and a shift of zeros, made by an exporter, were not
    learned.
    """
    shape = call.shape(0)
    given = constants(_learned({"scale": call.value(1), "shift": call.value(2)}))
    cost = 5 * size(shape) + 2 * size(shape[:2]) + 2 * size(shape)
    return call.figure("instance_norm", shape, [call.value(0)], elementwise=cost, weights=given)


def _learned(weights: dict[str, Value]) -> dict[str, Value]:
    """Without a scale of ones and a shift of zeros that an exporter made."""
    trivial = all(_is_all(value, 1 if name == "scale" else 0) for name, value in weights.items())
    made = all(generated(origin.name) or not origin.given for value in weights.values() for origin in value.origins)
    return {} if trivial and made else weights


def _is_all(value: Value, number: int) -> bool:
    """Whether every element of a constant is this number."""
    if value.content is not None:
        return set(value.content) == {number}
    (tensor,) = [origin.tensor for origin in value.origins] if len(value.origins) == 1 else (None,)
    return (
        tensor is not None
        and tensor.raw is not None
        and tensor.kind == FLOAT
        and tensor.raw.taken() == struct.pack("<f", number) * tensor.elements
    )


@rule("LayerNormalization")
def layer_norm(call: Call) -> Outputs:
    return [
        layered(call, call.value(0), call.optional(1), call.optional(2), call.whole("axis", -1)),
        *_statistics(call),
    ]


def layered(call: Call, x: Value, scale: Value | None, shift: Value | None, axis: int, word: str = "ln") -> Value:
    """Mean and variance over the last axes: sum, difference, square, sum and division an element, two operations a
    position.
    """
    shape = x.shape or ()
    first = axis_of(axis, len(shape))
    positions = size(shape[:first])
    kept: dict[str, Value] = {name: value for name, value in (("scale", scale), ("shift", shift)) if value is not None}
    kept = _learned(kept)
    if (
        word == "ln"
        and first == len(shape) - 1
        and call.walker.sample(shape)
        and all(value.is_constant for value in kept.values())
    ):
        return call.emit(
            call.walker.made(LayerNorm, scale="scale" in kept, shift="shift" in kept, axis=-1), shape, [x], weights=kept
        )
    steps = 5 if word == "ln" else 3  # the root mean square has no mean to subtract
    cost = steps * size(shape) + 2 * positions + len(kept) * size(shape)
    return call.figure(
        word,
        shape,
        [x, *(v for v in kept.values() if not v.is_constant)],
        elementwise=cost,
        weights=constants(kept),
        known={"positions": positions},
    )


def _statistics(call: Call) -> Outputs:
    """The means and the inverse deviations, where somebody reads them."""
    shape = call.shape(0)
    first = axis_of(call.whole("axis", -1), len(shape))
    out: Shape = (*shape[:first], *((1,) * (len(shape) - first)))
    return [
        call.figure("statistics", out, [call.value(0)], words="statistics of the ln") if name else None
        for name in call.names[1:]
    ]


@rule("RMSNormalization")
def rms_norm(call: Call) -> Value:
    return layered(call, call.value(0), call.optional(1), None, call.whole("axis", -1), "rms_norm")


@rule("GroupNormalization")
def group_norm(call: Call) -> Value:
    """Before opset 21 scale and shift were one number a group; a file with those is counted as it is."""
    x, shape = call.value(0), call.shape(0)
    groups = call.whole("num_groups", 1)
    weights = {"scale": call.value(1), "shift": call.value(2)}
    if groups < 1:
        raise ShapeError(f"num_groups={groups}")
    if call.walker.sample(shape) != shape:
        return call.emit(call.walker.made(GroupNorm, groups=groups), shape, [x], weights=weights)
    cost = 7 * size(shape) + 2 * groups * shape[0]
    return call.figure("gn", shape, [x], words=f"gn {groups}", elementwise=cost, weights=constants(weights))


@rule("LRN")
def lrn(call: Call) -> Value:
    shape = call.shape(0)
    wide = call.whole("size", 1)
    if call.walker.sample(shape) != shape and 3 <= len(shape) <= 5:
        return call.emit(call.walker.made(LocalResponseNorm, size=wide), shape, [call.value(0)])
    return call.figure(
        "lrn",
        shape,
        words=f"lrn {wide}",
        elementwise=(wide + 4) * size(shape),
        known={"neighbours": wide * size(shape)},
    )


@rule("LpNormalization", "MeanVarianceNormalization")
def vector_norm(call: Call) -> Value:
    shape = call.shape(0)
    steps = 3 if call.node.op == "LpNormalization" else 5
    return call.figure("normalize", shape, elementwise=steps * size(shape), flags=("in_place",))


@rule("Dropout")
def dropout(call: Call) -> Outputs:
    """Nothing at inference; the mask is all true."""
    shape = call.value(0).shape
    ratio: Any = (call.content(1) or (Fraction(1, 2),))[0] if call.has(1) else call.real("ratio", 0.5)
    ratio = ratio if isinstance(ratio, (int, Fraction)) and 0 <= ratio <= 1 else Fraction(1, 2)
    if shape is None or call.value(0).is_constant:
        return [call.value(0), None]
    value = call.emit(call.walker.made(Dropout, p=Fraction(ratio).limit_denominator(1000)), shape, [call.value(0)])
    return [value, Value(shape, 9)] if len(call.names) > 1 else [value]
