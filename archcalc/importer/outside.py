"""Rules from outside: what a node of a model file is that archcalc knows nothing of.

A rule is registered with `archcalc.rule`, or by an installed package whose entry point of the group `archcalc.rules`
names a module that does so, or a function.
"""

from __future__ import annotations

from collections.abc import Callable
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
        return base.rule(*names, domain=domain)(function)

    return register


__all__ = ["GROUP", "rule"]
