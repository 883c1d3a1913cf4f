"""The table of rules, and what several of them need."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeVar

from archcalc.algebra import Dim
from archcalc.importer.binding import Attributes, Rule
from archcalc.importer.call import Call, Outputs
from archcalc.importer.names import generated
from archcalc.importer.tensors import FLOAT, Tensor
from archcalc.importer.values import Unknown, Value, Values
from archcalc.importer.wire import Stretch
from archcalc.ops import Reach, Shape, size

Function = TypeVar("Function", bound=Callable[..., Any])
RULES: dict[tuple[str, str], Rule] = {}
MICROSOFT = "com.microsoft"
LAYER, VIEW, POOLING, IN_PLACE = ("is_layer",), ("is_view",), ("is_pooling",), ("in_place",)


def rule(*names: str, domain: str = "", also: str | None = None) -> Callable[[Function], Function]:
    """Register a rule for operators of a domain, and of another one."""

    def register(function: Function) -> Function:
        bound = Rule(function)
        for name in names:
            RULES[domain, name] = bound
            if also is not None:
                RULES[also, name] = bound
        return function

    return register


def learned(value: Value | None) -> bool:
    """Whether a constant in arithmetic was learned: an initializer of floats, but no mask, and no single number that an
    exporter made up.
    """
    if value is None or value.node is not None or not value.is_float:
        return False
    return any(
        origin.given and (size(origin.shape) > 1 or not generated(origin.name)) and not _is_mask(origin.tensor)
        for origin in value.origins
    )


def _is_mask(tensor: Tensor | None) -> bool:
    """Whether floats only hide something: zeros, and one large negative number."""
    if tensor is None or tensor.raw is None or tensor.kind != FLOAT or tensor.elements < 4:
        return False
    source, start, stop = tensor.raw
    seen: set[bytes] = set()
    step = 64
    while start < stop:
        block = Stretch(source, start, min(start + step, stop)).taken()
        seen.update(block[n : n + 4] for n in range(0, len(block), 4))
        if len(seen) > 2:
            return False
        start, step = start + step, 1 << 16
    zero = bytes(4)
    return len(seen) == 2 and zero in seen and struct.unpack("<f", next(iter(seen - {zero})))[0] <= -100


def numbered(values: list[Value]) -> dict[str, Value | None]:
    """Weights of a layer that have no names of their own."""
    return {f"weight{n + 1}" if n else "weight": value for n, value in enumerate(values)}


def without(shape: Shape, axes: set[int], keep: bool = False) -> Shape:
    """A shape after some axes were summed up; they are left out, or stay as 1."""
    return tuple(1 if n in axes else dim for n, dim in enumerate(shape) if keep or n not in axes)


__all__ = [
    "IN_PLACE", "LAYER", "MICROSOFT", "POOLING", "RULES", "VIEW", "Attributes", "Call", "Dim", "Outputs", "Reach",
    "Shape", "Unknown", "Value", "Values", "learned", "numbered", "rule", "size", "without",
]  # fmt: skip
