"""What a function of Python takes, as its code says: for the tables of commands and of rules.

`inspect` tells this of everything that can be called; its import takes a tenth of the time of a small count.

>>> def conv(call, X, *others, group=1): ...
>>> [(each.name, each.place) for each in parameters(conv)]
[('call', 'first'), ('X', 'first'), ('others', 'rest'), ('group', 'named')]
"""

from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Literal

from archcalc.tuples import NamedTuple

CO_VARARGS = 4  # of a code's flags
REQUIRED = object()  # the default of what must be given


class Parameter(NamedTuple):
    """Given by its place among the first, as one of the rest, or by name. `annotation` is as it was written: a text
    where the module puts off reading it, None where there is none.
    """

    name: str
    place: Literal["first", "rest", "named"]
    annotation: object
    default: object


def parameters(function: Callable[..., object]) -> Iterator[Parameter]:
    """In the order of the definition; of a function that wraps another, those of the other."""
    function = getattr(function, "__wrapped__", function)
    if not isinstance(function, FunctionType) or hasattr(function, "__wrapped__"):
        yield from _inspected(function)
        return
    code, written = function.__code__, function.__annotations__
    names, first = code.co_varnames, code.co_argcount
    values = function.__defaults__ or ()
    defaults = dict(zip(names[first - len(values) : first], values, strict=True)) | (function.__kwdefaults__ or {})
    named = first + code.co_kwonlyargcount
    for name in names[:first]:
        yield Parameter(name, "first", written.get(name), defaults.get(name, REQUIRED))
    if code.co_flags & CO_VARARGS:
        yield Parameter(names[named], "rest", written.get(names[named]), REQUIRED)
    for name in names[first:named]:
        yield Parameter(name, "named", written.get(name), defaults.get(name, REQUIRED))


def _inspected(function: Callable[..., object]) -> Iterator[Parameter]:
    """The same of a method, a partial function or an object that is called. Raises TypeError for what can't be."""
    import inspect

    for each in inspect.signature(function).parameters.values():
        place: Literal["first", "rest", "named"] = "first"
        if each.kind in (each.VAR_POSITIONAL, each.KEYWORD_ONLY):
            place = "rest" if each.kind is each.VAR_POSITIONAL else "named"
        if each.kind is not each.VAR_KEYWORD:
            annotation = None if each.annotation is each.empty else each.annotation
            yield Parameter(each.name, place, annotation, REQUIRED if each.default is each.empty else each.default)
