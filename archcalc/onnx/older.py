"""Opsets: which there are, and how operators that came later are written in those before them."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Protocol

import onnx
from onnx import helper

from archcalc.errors import ShapeError, UsageError
from archcalc.ops.emit import Builder, Value
from archcalc.untyped import Attribute

OPSET, IR = 21, 10  # the first in which every operator here has its meaning, and the first whose nodes carry metadata
OLDEST = 13  # before it Squeeze, Unsqueeze and reductions take their axes another way


class Lowering(Builder, Protocol):
    """The writer, with what older forms need to know."""

    def numbers(self, name: str) -> list[int]:
        """What a constant of whole numbers holds."""


def known(opset: int) -> int:
    """An opset that can be written. Raises UsageError."""
    latest = onnx.defs.onnx_opset_version()
    if OLDEST <= opset <= latest:
        return opset
    raise UsageError(f"a model is written in opset {OLDEST} to {latest} (of onnx {onnx.__version__}), not {opset}")


def ir_version(opset: int) -> int:
    """The first version of the format that may hold an opset."""
    return int(helper.find_min_ir_version_for([helper.make_opsetid("", opset)], ignore_unknown=True))


def lowered(
    builder: Lowering, opset: int, kind: str, inputs: tuple[Value, ...], options: dict[str, Attribute]
) -> str | None:
    """An operator in the words of an older opset; None where it is there as it is. Raises ShapeError where there is no
    such form.
    """
    since, form = FORMS.get(kind, (0, None))
    if form is not None and opset < since:
        return form(builder, *inputs, **options)
    if kind == "AveragePool" and opset < 19:
        dilations = options.pop("dilations", [1])
        if any(dilation != 1 for dilation in dilations):
            raise ShapeError(f"a dilated average needs opset 19, not {opset}")
    if kind == "Pad" and options.get("mode") == "wrap" and opset < 19:
        raise ShapeError(f"a circular pad needs opset 19, not {opset}")
    if not onnx.defs.has(kind) or onnx.defs.get_schema(kind).since_version > opset:
        try:
            onnx.defs.get_schema(kind, max_inclusive_version=opset)
        except onnx.defs.SchemaError:
            raise ShapeError(f"{kind} has no form in opset {opset}") from None
    return None


def _gelu(builder: Lowering, x: Value, approximate: str = "none") -> str:
    """x/2 (1 + erf(x / sqrt 2)), or its approximation by a hyperbolic tangent (arXiv:1606.08415)."""
    if approximate == "tanh":
        cube = builder.node("Mul", builder.node("Mul", x, x), x)
        inner = builder.node("Add", x, builder.node("Mul", cube, builder.real(0.044715)))
        bent = builder.node("Tanh", builder.node("Mul", inner, builder.real(0.7978845608028654)))
    else:
        bent = builder.node("Erf", builder.node("Mul", x, builder.real(1 / sqrt(2))))
    half = builder.node("Mul", x, builder.real(0.5))
    return builder.node("Mul", half, builder.node("Add", bent, builder.real(1)))


def _mish(builder: Lowering, x: Value) -> str:
    return builder.node("Mul", x, builder.node("Tanh", builder.node("Softplus", x)))


def _hardswish(builder: Lowering, x: Value) -> str:
    return builder.node("Mul", x, builder.node("HardSigmoid", x, alpha=1 / 6, beta=0.5))


def _mean(builder: Lowering, x: Value, axes: str = "", **options: Attribute) -> str:
    """Axes as an attribute."""
    if axes:
        options["axes"] = builder.numbers(axes)
    return builder.node("ReduceMean", x, **options)


def _layer_norm(
    builder: Lowering, x: Value, scale: Value, shift: Value = "", axis: int = -1, epsilon: float = 1e-5
) -> str:
    """Over the last axis."""
    if axis != -1:
        raise ShapeError("a normalisation over several axes needs opset 17")
    last = builder.ints([-1])
    apart = builder.node("Sub", x, builder.node("ReduceMean", x, last, keepdims=1))
    variance = builder.node("ReduceMean", builder.node("Mul", apart, apart), last, keepdims=1)
    deviation = builder.node("Sqrt", builder.node("Add", variance, builder.real(epsilon)))
    scaled = builder.node("Mul", builder.node("Div", apart, deviation), scale)
    return builder.node("Add", scaled, shift) if shift else scaled


FORMS: dict[str, tuple[int, Callable[..., str]]] = {  # the opset that an operator came with, and its form before
    "Gelu": (20, _gelu),
    "Mish": (18, _mish),
    "ReduceMean": (18, _mean),
    "LayerNormalization": (17, _layer_norm),
    "HardSwish": (14, _hardswish),
}

__all__ = ["IR", "OLDEST", "OPSET", "ir_version", "known", "lowered"]
