"""Rules from outside: what a node of a model file is that archcalc knows nothing of.

A rule is registered with `archcalc.rule`, or by an installed package whose entry point of the group `archcalc.rules`
names a module that does so, or a function.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from types import NoneType
from typing import TypeVar

GROUP = "archcalc.rules"
FRAMEWORK = ("aten", "higher_order", "python", "transformers")  # its domains: rules that are read when it is asked for
STAND = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError)  # what is said of a node
Function = TypeVar("Function", bound=Callable[..., object])


def rule(*names: str, domain: str = "", replace: bool = False) -> Callable[[Function], Function]:
    """Say what nodes of these operators are: `@archcalc.rule("Square", domain="com.example")` of ONNX, and
    `@archcalc.rule("square", domain="mylib")` of PyTorch's `mylib::square`.

    The function takes the call and the node's inputs, and gives what `call.emit`, `call.figure` or `call.view` give.
    Raises TypeError where there is a rule already and `replace` doesn't say that this one takes its place.
    """
    from archcalc.importer.rules import base

    if domain in FRAMEWORK:
        import_module("archcalc.frameworks.aten")  # its rules go first, so that one of them is taken or said

    def register(function: Function) -> Function:
        taken = [name for name in names if (domain, name) in base.RULES]
        if taken and not replace:
            place = f" of the domain {domain}" if domain else ""
            raise TypeError(f"there is a rule for {taken[0]!r}{place} already; rule(..., replace=True) takes its place")
        base.rule(*names, domain=domain)(_checked(function))
        return function

    return register


def _checked(function: Callable[..., object]) -> Callable[..., object]:
    """A rule that gives values: what else it gives, and what it raises, is said of its node, as no bug of archcalc's.
    Layers that it has put out by then are taken back.
    """
    from archcalc.errors import ArchcalcError
    from archcalc.importer.agreeing import mistake
    from archcalc.importer.call import Call
    from archcalc.importer.values import Value, Values

    @wraps(function)
    def checked(call: Call, *given: object, **named: object) -> object:
        before = call.walker.save()
        try:
            found = function(call, *given, **named)
            whole = isinstance(found, list) and all(isinstance(each, (Value, Values, NoneType)) for each in found)
            if not (whole or isinstance(found, Value)):
                raise TypeError(f"it gives {found!r:.80}, not what call.emit, call.figure or call.view give")
            if wrong := mistake(call, found):
                raise TypeError(wrong)
        except ArchcalcError:
            raise
        except Exception as error:
            call.walker.undo(before)
            raise error if isinstance(error, STAND) else TypeError from error
        return found

    return checked


__all__ = ["GROUP", "rule"]
