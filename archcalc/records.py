"""Objects that are made of their fields.

A plain value, a few fields that are read together, is a NamedTuple. What is more than its value is a Record: what is
known by its identity, changes while it is filled, works figures out and keeps them, or belongs to the public API, where
an object must not count and unpack like a tuple. What a file or a user gives is a `fields.Checked`. There is no fourth
kind.

This is as much of `dataclasses` as is needed here. That module imports the compiler's modules and compiles four methods
a class, used or not, which takes longer than counting a network does.

>>> class Batch(Record):
...     size: int
...     labels: list[str] = []
>>> Batch(8), Batch(8, ["a"])._replace(size=16), Batch(8) == Batch(size=8), Batch(1).labels is Batch(1).labels
(Batch(size=8, labels=[]), Batch(size=16, labels=['a']), True, False)
>>> Batch(8).size = 9
Traceback (most recent call last):
  ...
AttributeError: Batch is frozen
"""

from collections.abc import Iterator
from operator import attrgetter
from typing import Any, ClassVar, Self, dataclass_transform

from archcalc.tuples import FEW

MISSING = object()


@dataclass_transform(frozen_default=True)
class Record:
    """What such classes share. A default that is a list, a dict or a set is copied: each object has its own.

    Said with the class: `frozen=False` for what is filled, `eq=False` for what is equal to itself alone,
    `kw_only=True` for fields that are given by name, `hidden` for the names of fields that neither tell two objects
    apart nor are shown.
    """

    _fields: ClassVar[tuple[str, ...]] = ()
    _named: ClassVar[frozenset[str]] = frozenset()  # the fields that must be given by name
    _shown: ClassVar[tuple[str, ...]] = ()
    _frozen: ClassVar[bool] = True

    def __init_subclass__(
        cls,
        *,
        frozen: bool = True,
        eq: bool = True,
        kw_only: bool = False,
        hidden: tuple[str, ...] = (),
        **options: object,
    ) -> None:
        super().__init_subclass__(**options)
        own = [name for name, kind in cls.__annotations__.items() if "ClassVar" not in str(kind)]
        cls._fields = tuple(dict.fromkeys([*cls._fields, *own]))
        cls._named = cls._named.union(own if kw_only else ())
        cls._shown = tuple(name for name in cls._fields if name not in hidden)
        cls._frozen = frozen
        cls.__init__ = _made_first  # type: ignore[method-assign]
        if not frozen:
            cls.__setattr__ = object.__setattr__  # type: ignore[method-assign, assignment]
            cls.__delattr__ = object.__delattr__  # type: ignore[method-assign]
        if not eq:
            cls.__eq__ = object.__eq__  # type: ignore[method-assign]
            cls.__hash__ = object.__hash__  # type: ignore[method-assign]
        elif not frozen:
            cls.__hash__ = None  # type: ignore[method-assign, assignment]

    def agree(self) -> None:
        """Whether the values fit together. Raises what says that they don't."""

    def _replace(self, /, **values: object) -> Self:
        """The same with other values; what was worked out is worked out anew."""
        return type(self)(**{name: getattr(self, name) for name in self._fields} | values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or bool(self._values() == other._values())

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._shown)})"

    def _values(self) -> object:
        """The fields that tell two objects apart."""
        return attrgetter(*self._shown)(self) if self._shown else ()


_made: dict[type, int] = {}


def _made_first(self: Any, *values: object, **named: object) -> None:
    """The first few objects of a class are made of what it says of its fields, the next writes what makes the others:
    a class of which few are made costs little. So does one that is made wrongly, for that says what is wrong.
    """
    cls = type(self)
    _made[cls] = made = _made.get(cls, 0) + 1
    if made <= FEW and _filled(self, cls, values, named):
        self.agree()
        return
    scope: dict[str, Any] = {"put": object.__setattr__}
    exec(f"def __init__({', '.join(_parameters(cls, scope))}):\n    {'; '.join(_steps(cls, scope))}", scope)
    cls.__init__ = scope["__init__"]
    cls.__init__(self, *values, **named)


def _filled(self: Any, cls: type[Record], values: tuple[object, ...], named: dict[str, object]) -> bool:
    """Whether these values are right for a class; then they are the object's."""
    given = dict(zip((name for name in cls._fields if name not in cls._named), values, strict=False)) | named
    if len(given) != len(values) + len(named) or not given.keys() <= set(cls._fields):
        return False
    for name in cls._fields:
        value = default = getattr(cls, name, MISSING)
        if name in given:
            value = given[name]
        if value is MISSING:
            return False
        copied = value is default and isinstance(value, (list, dict, set))
        object.__setattr__(self, name, type(value)(value) if copied else value)  # type: ignore[call-arg]
    return True


def _parameters(cls: type[Record], scope: dict[str, object]) -> Iterator[str]:
    """What is given; a default is found in the scope under the name of its field."""
    yield "self"
    by_name = False
    for name in sorted(cls._fields, key=cls._named.__contains__):
        if name in cls._named and not by_name:
            by_name = True
            yield "*"
        if hasattr(cls, name):
            scope[f"{name}_default"] = getattr(cls, name)
        yield f"{name}={name}_default" if hasattr(cls, name) else name


def _steps(cls: type[Record], scope: dict[str, object]) -> Iterator[str]:
    """What is done with it."""
    for name in cls._fields:
        default = f"{name}_default"
        own = f"type({name})({name}) if {name} is {default} else {name}"
        value = own if isinstance(scope.get(default), (list, dict, set)) else name
        yield f"put(self, '{name}', {value})" if cls._frozen else f"self.{name} = {value}"
    if cls.agree is not Record.agree:
        yield "self.agree()"
    elif not cls._fields:
        yield "pass"
