"""What several rules for ATen's operators need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from archcalc.algebra import Dim
from archcalc.importer.call import Call
from archcalc.importer.proto import NodeProto
from archcalc.importer.rules.base import (
    IN_PLACE,
    LAYER,
    POOLING,
    RULES,
    VIEW,
    Outputs,
    Reach,
    Shape,
    Unknown,
    Value,
    Values,
    learned,
    rule,
    size,
    without,
)
from archcalc.importer.tensors import BOOL, FLOAT, FLOATS, INT64
from archcalc.importer.values import axis_of, whole
from archcalc.untyped import Attribute, Operand

Function = TypeVar("Function", bound=Callable[..., Attribute])
ATEN = "aten"


def aten(*names: str) -> Callable[[Function], Function]:
    """Register a rule for operators of ATen, by their names without overload. Parameters are called as ATen's schema
    has them: tensors in its order, then all that is none.
    """
    return rule(*names, domain=ATEN)


def as_onnx(call: Call, op: str, *inputs: Value | None, **attributes: object) -> Operand:
    """What a node of ONNX would be in the place of this one."""
    node = NodeProto(op, "", call.node.name, list(call.node.inputs), call.node.outputs, attributes, call.node.metadata)
    node.reads, node.place = call.node.reads, call.node.place
    instead = Call(call.walker, node, list(inputs), call.scope, "")
    instead.rule, instead.first = RULES["", op], call.first
    return instead.rule(instead)


def only(found: Attribute) -> Operand:
    """The first of several outputs."""
    return found[0] if isinstance(found, list) and not isinstance(found, Values) else found


def numbers(content: Sequence[Attribute], kind: int = INT64) -> Value:
    """Known numbers in a row."""
    return Value((len(content),), kind, None, tuple(content))


def axes(given: object, rank: int) -> list[int]:
    """Axes counted from the front; all where none is given, and none of a lone number, whatever is given."""
    if given is None or given == [] or rank == 0:
        return list(range(rank))
    return [axis_of(axis, rank) for axis in (given if isinstance(given, (list, tuple)) else [given])]


def several(given: Attribute, count: int) -> list[int]:
    """One number an axis, where one may stand for all."""
    found = list(given) if isinstance(given, (list, tuple)) else [given]
    return found * count if len(found) == 1 else found


def declared(call: Call) -> Shape:
    """The output's shape as torch says it. Raises Unknown where it doesn't."""
    shape = call.declared
    if shape is None:
        raise Unknown("its shape is known only when it runs")
    return shape


__all__ = [
    "ATEN", "BOOL", "FLOAT", "FLOATS", "INT64", "IN_PLACE", "LAYER", "POOLING", "RULES", "VIEW", "Call", "Dim",
    "Outputs", "Reach", "Shape", "Unknown", "Value", "as_onnx", "aten", "axes", "axis_of", "declared", "learned",
    "numbers", "only", "rule", "several", "size", "whole", "without",
]  # fmt: skip
