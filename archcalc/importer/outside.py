"""Rules from outside: what a node of a model file is that archcalc knows nothing of.

A rule is registered with `archcalc.rule`, or by an installed package whose entry point of the group `archcalc.rules`
names a module that does so, or a function.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import NoneType
from typing import TypeVar

GROUP = "archcalc.rules"
Function = TypeVar("Function", bound=Callable[..., object])


def rule(*names: str, domain: str = "", replace: bool = False) -> Callable[[Function], Function]:
    """Say what nodes of these operators are: `@archcalc.rule("Square", domain="com.example")` of ONNX, and
    `@archcalc.rule("square", domain="mylib")` of PyTorch's `mylib::square`.

    The function takes the call and the node's inputs, and gives what `call.emit`, `call.figure` or `call.view` give.
    Raises TypeError where there is a rule already and `replace` doesn't say that this one takes its place.
    """
    from archcalc.importer.rules import base

    def register(function: Function) -> Function:
        taken = [name for name in names if (domain, name) in base.RULES]
        if taken and not replace:
            place = f" of the domain {domain}" if domain else ""
            raise TypeError(f"there is a rule for {taken[0]!r}{place} already; rule(..., replace=True) takes its place")
        base.rule(*names, domain=domain)(_checked(function))
        return function

    return register


def _checked(function: Callable[..., object]) -> Callable[..., object]:
    """A rule that gives values: what else it gives is said of its node, and is no bug of archcalc's."""
    from archcalc.importer.values import Value

    @wraps(function)
    def checked(*given: object, **named: object) -> object:
        found = function(*given, **named)
        whole = isinstance(found, list) and all(isinstance(each, (Value, list, NoneType)) for each in found)
        if not (whole or isinstance(found, Value)):
            raise TypeError(f"it gives {found!r:.80}, not what call.emit, call.figure or call.view give")
        return found

    return checked


__all__ = ["GROUP", "rule"]
