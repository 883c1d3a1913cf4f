"""The table of rules, and what several of them need."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from archcalc.algebra import Dim
from archcalc.importer.call import Call, Outputs, Unknown, shaped
from archcalc.importer.names import generated
from archcalc.importer.tensors import FLOAT, FLOATS, Tensor
from archcalc.importer.values import Value, Values
from archcalc.importer.wire import Stretch
from archcalc.ops import Reach, Shape, size

Rule: TypeAlias = Callable[[Call], Any]
RULES: dict[tuple[str, str], Rule] = {}
MICROSOFT = "com.microsoft"


def rule(*names: str, domain: str = "") -> Callable[[Rule], Rule]:
    """Register a rule for operators of a domain."""

    def register(function: Rule) -> Rule:
        for name in names:
            RULES[domain, name] = function
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


def constants(values: Mapping[str, Value | None]) -> dict[str, Value]:
    """The constants among operands that may have been learned."""
    return {name: value for name, value in values.items() if value is not None and value.is_constant}


def floating(kind: int) -> bool:
    return kind in FLOATS


__all__ = [
    "MICROSOFT",
    "RULES",
    "Call",
    "Dim",
    "Outputs",
    "Reach",
    "Rule",
    "Shape",
    "Unknown",
    "Value",
    "Values",
    "constants",
    "floating",
    "learned",
    "rule",
    "shaped",
    "size",
]
