"""The table of rules, and what several of them need."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from archcalc.algebra import Dim
from archcalc.importer.binding import Attributes, Promise, Rule
from archcalc.importer.call import Call, Outputs
from archcalc.importer.claims import learned
from archcalc.importer.values import Unknown, Value, Values
from archcalc.ops import Reach, Shape, size
from archcalc.untyped import Attribute

Function = TypeVar("Function", bound=Callable[..., Attribute])
RULES: dict[tuple[str, str], Rule] = {}
MICROSOFT = "com.microsoft"
LAYER, VIEW, POOLING, IN_PLACE = ("is_layer",), ("is_view",), ("is_pooling",), ("in_place",)


def rule(*names: str, domain: str = "", also: str | None = None, alike: Promise = "") -> Callable[[Function], Function]:
    """Register a rule for operators of a domain, and of another one. `alike` promises that what it says follows from
    attributes and from the shapes and kinds of what it reads: of `all`, or where all inputs are `moving`, computed.
    """

    def register(function: Function) -> Function:
        bound = Rule(function, alike)
        for name in names:
            RULES[domain, name] = bound
            if also is not None:
                RULES[also, name] = bound
        return function

    return register


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
