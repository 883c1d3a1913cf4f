"""Inputs that `forward` takes together: as a dictionary, a dataclass or a list in one parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import Parameter, Signature, signature
from typing import get_origin, get_type_hints

from archcalc.frameworks.asking import Input
from archcalc.untyped import Torch

_ALONE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


@contextmanager
def gathered(module: Torch, inputs: Sequence[Input]) -> Iterator[str]:
    """The module takes one input after the other, where its `forward` would take them in one; gives what to say of it
    where that fails.
    """
    whole = _whole(module, inputs)
    named = all(each.name for each in inputs)
    kind = _kind(module.forward, whole.name) if whole is not None else None
    if whole is None or (named and len(inputs) == 1 and kind is None):  # a name that is misspelt
        yield ""
        return
    before, forward = vars(module).get("forward"), module.forward

    def apart(*args: object, **kwargs: object) -> object:
        if not named:
            return forward(tuple(args) if kind is tuple else list(args))
        return forward(kind(**kwargs) if kind is not None and kind not in (dict, tuple, Mapping) else kwargs)

    names = [each.name or f"input{n + 1}" for n, each in enumerate(inputs)]
    parameters = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    vars(apart)["__signature__"] = Signature(parameters)
    object.__setattr__(module, "forward", apart)
    holder = kind.__name__ if kind is not None else "dictionary" if named else "list"
    try:
        yield f"; forward({whole.name}) was given {' and '.join(names)} in one {holder}"
    finally:
        object.__delattr__(module, "forward")
        if before is not None:
            object.__setattr__(module, "forward", before)


def _whole(module: Torch, inputs: Sequence[Input]) -> Parameter | None:
    """The one parameter that takes all inputs, where they are named otherwise, or are too many for it."""
    if not hasattr(module, "forward"):
        return None
    parameters = [*signature(module.forward).parameters.values()]
    needed = [each for each in parameters if each.default is Parameter.empty and each.kind in _ALONE]
    variadic = any(each.kind in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL) for each in parameters)
    if len(needed) != 1 or variadic or not inputs:
        return None
    names = {each.name for each in inputs}
    if "" not in names:
        return needed[0] if names.isdisjoint(each.name for each in parameters) else None
    return needed[0] if names == {""} and len(inputs) > len(parameters) else None


def _kind(forward: Torch, name: str) -> Torch:
    """The class that a parameter says it takes, where that is one which is made of what it holds."""
    try:
        hint = get_type_hints(getattr(forward, "__func__", forward)).get(name)
    except Exception:  # a hint is any expression, and may name what isn't there
        return None
    found = get_origin(hint) or hint
    is_made = hasattr(found, "__dataclass_fields__") or hasattr(found, "_fields") or found in (tuple, dict, Mapping)
    return found if isinstance(found, type) and is_made else None


__all__ = ["gathered"]
