"""Named tuples whose class costs little until the first is made: a command imports dozens that it makes none of, and
the standard library writes and compiles a function for each, and an expression for each type of a field.

For type checkers, and for whoever has one in hand, they are `typing.NamedTuple`s.

>>> class Size(NamedTuple):
...     high: int
...     wide: int = 1
>>> Size(2), Size(wide=3, high=2)._replace(wide=4), Size(5) == (5, 1)
(Size(high=2, wide=1), Size(high=2, wide=4), True)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from collections import _tuplegetter

    class _Kind(type):
        """Makes a class of a class statement: a plain subclass of tuple."""

        def __new__(cls, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, space)
            fields = tuple(space.get("__annotations__", ()))
            defaults = {field: space[field] for field in fields if field in space}
            if defaults and fields[-len(defaults) :] != tuple(defaults):
                raise TypeError(f"{name}: a field without a default follows one that has a default")
            getters = {field: _tuplegetter(n, f"Field {n}.") for n, field in enumerate(fields)}
            known = {"_fields": fields, "_field_defaults": defaults, "__match_args__": fields, "__slots__": ()}
            return type(
                name, tuple(tuple if base is NamedTuple else base for base in bases), METHODS | space | getters | known
            )

    class NamedTuple(metaclass=_Kind):
        """What such classes name as their base."""


FEW = 2  # objects of a class: to write the function that makes more takes as long as to make a hundred without it
_made: dict[type, int] = {}


def _first(cls: Any, /, *values: object, **named: object) -> Any:
    """The first few of a class are made of what it says of its fields, the next writes what makes the others; so does
    one that is made wrongly, for that says what is wrong.
    """
    own = next(base for base in cls.__mro__ if "_fields" in base.__dict__)
    rest, defaults = own._fields[len(values) :], own._field_defaults
    _made[own] = made = _made.get(own, 0) + 1
    if made <= FEW and len(values) <= len(own._fields) and named.keys() <= set(rest) <= named.keys() | defaults.keys():
        return tuple.__new__(cls, (*values, *(named[name] if name in named else defaults[name] for name in rest)))
    names = ", ".join(own._fields)
    made = eval(f"lambda _cls, {names}: _new(_cls, ({names},))", {"_new": tuple.__new__, "__builtins__": {}})
    made.__defaults__ = tuple(own._field_defaults.values())
    made.__name__, made.__qualname__ = "__new__", f"{own.__qualname__}.__new__"
    own.__new__ = staticmethod(made)
    return made(cls, *values, **named)


def _make(cls: Any, values: Iterable[object]) -> Any:
    """One of its values in order."""
    made = tuple.__new__(cls, values)
    if len(made) != len(cls._fields):
        raise TypeError(f"{cls.__name__} has {len(cls._fields)} fields, got {len(made)} values")
    return made


def _replace(self: Any, /, **values: object) -> Any:
    """The same with other values. Raises ValueError for a name that no field has."""
    made = self._make(map(values.pop, self._fields, self))
    if values:
        raise ValueError(f"{type(self).__name__} has no field {', '.join(values)}")
    return made


def _asdict(self: Any) -> dict[str, object]:
    """The values by the names of their fields."""
    return dict(zip(self._fields, self, strict=True))


def _shown(self: Any) -> str:
    return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in _asdict(self).items())})"


METHODS = {
    "__new__": staticmethod(_first), "_make": classmethod(_make), "_replace": _replace, "_asdict": _asdict,
    "__repr__": _shown, "__getnewargs__": lambda self: tuple(self),
}  # fmt: skip

__all__ = ["NamedTuple"]
