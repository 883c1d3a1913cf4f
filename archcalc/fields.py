"""Frozen classes whose fields are checked when one is made: operators, and the parts of a spec.

A field is declared with its type, and what it takes is said beside the type. Pydantic does as much and more; but
operators are made by the thousand, and its import alone takes longer than counting a network.

>>> class Pool(Checked):
...     kernel: Annotated[int, Check(int)]
...     stride: int = 1
>>> Pool(kernel="3"), Pool.fields["kernel"].required
(Pool(kernel=3, stride=1), True)
>>> Pool(stride=2, size=1)
Traceback (most recent call last):
  ...
archcalc.fields.FieldErrors: size is no field of Pool; kernel is missing
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from types import UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    Self,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from archcalc.tuples import NamedTuple

Taker = Callable[
    [Any], Any
]  # gives the value that is kept, or raises a ValueError that says in a sentence what it must be
MISSING = "is missing"
MAPPING = "must be a mapping: `key: value`, one a line or in {braces}"


class Wrong(NamedTuple):
    """A value that was refused: the keys that lead to it, and what is wrong with it. Where no such key is known,
    `known` has those that are.
    """

    path: tuple[str | int, ...]
    what: str
    known: tuple[str, ...] = ()


class FieldErrors(ValueError):
    """The values that an object was refused for."""

    def __init__(self, problems: list[Wrong]) -> None:
        super().__init__("; ".join(map(spelled, problems)))
        self.problems = problems

    def __reduce__(self) -> tuple[object, ...]:
        return FieldErrors, (self.problems,)


def spelled(wrong: Wrong) -> str:
    """`kernel is missing`."""
    return f"{'.'.join(map(str, wrong.path))} {wrong.what}".lstrip()


class Check:
    """What a type takes, how a JSON Schema says so, and the least number that it takes, if there is one."""

    def __init__(self, check: Taker, schema: Mapping[str, Any] | None = None, least: int | None = None) -> None:
        self.check = check
        self.schema = schema or {}
        self.least = least


_REQUIRED: object = object()


class Field(NamedTuple):
    """A field of a class: its type with what is said beside it and without, what it takes, and what it is where nothing
    is given.
    """

    declared: Any
    annotation: Any
    check: Taker | None
    default: Any = _REQUIRED

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is _REQUIRED

    @property
    def least(self) -> int | None:
        """The least number that it takes, of several types the first that says one."""
        return next(_least(self.declared), None)


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Checked:
    """What such classes share. Two are equal that are of one class and have equal fields.

    A field's name may end in `_`, where it would hide something else: in a file its key is `in`, and the field is
    `in_`. Its type is `Any`, `bool`, `int`, `str`, a `Literal`, another such class, one of these in a list, a dict or a
    union, or has a `Check` beside it.
    """

    others: ClassVar[bool] = False  # whether a file may have other keys beside these, which somebody else reads
    fields: ClassVar[Mapping[str, Field]] = {}
    _defaults: ClassVar[Mapping[str, Any]] = {}
    _copied: ClassVar[tuple[str, ...]] = ()  # the fields whose default is a list or a dict: each object has its own

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        kinds = cls.__annotations__
        if any(isinstance(kind, str) for kind in kinds.values()):  # under `from __future__ import annotations`
            hints = get_type_hints(cls, include_extras=True)
            kinds = {name: hints[name] for name in kinds}
        fields = {
            name: field for base in reversed(cls.__mro__[1:]) for name, field in getattr(base, "fields", {}).items()
        }
        fields |= {
            name: fields[name]._replace(default=value)
            for name, value in cls.__dict__.items()
            if name in fields and name not in kinds
        }
        for name, kind in kinds.items():
            if kind is not ClassVar and get_origin(kind) is not ClassVar:  # type: ignore[comparison-overlap]
                try:
                    fields[name] = Field(kind, *_taken(kind), cls.__dict__.get(name, _REQUIRED))
                except TypeError as error:
                    raise TypeError(f"{cls.__name__}.{name}: {error}") from None
        cls.fields = fields
        cls._defaults = {name: field.default for name, field in fields.items() if not field.required}
        cls._copied = tuple(name for name, default in cls._defaults.items() if isinstance(default, (list, dict)))

    def __init__(self, /, **values: object) -> None:
        """Raises FieldErrors with every value that is wrong, missing or unknown."""
        self._fill(values, self._unknown([name for name in values if name not in self.fields]), str)

    def _fill(self, values: Mapping[str, object], problems: list[Wrong], called: Callable[[str], str]) -> None:
        """Take the values of fields; `called` says what messages call a field."""
        made = self.__dict__
        for name, field in self.fields.items():
            if name not in values:
                made[name] = field.default
                if field.required:
                    problems.append(Wrong((called(name),), MISSING))
            elif field.check is None:
                made[name] = values[name]
            else:
                try:
                    made[name] = field.check(values[name])
                except ValueError as error:
                    problems += _inside(called(name), error)
        if problems:
            raise FieldErrors(problems)
        for name in self._copied:
            if name not in values:
                made[name] = made[name].copy()
        self.agree()

    def agree(self) -> None:
        """Whether right values fit together. Raises ValueError."""

    @classmethod
    def read(cls, values: object) -> Self:
        """One from what a file holds, or as it was made. Raises FieldErrors, whose paths are the file's keys."""
        if isinstance(values, cls):
            return values
        if not isinstance(values, dict):
            raise FieldErrors([Wrong((), MAPPING)])
        names: dict[str, str] = _names_of(cls)  # type: ignore[arg-type]
        unknown = [] if cls.others else cls._unknown([given for given in values if given not in names])
        made = object.__new__(cls)
        made._fill({names[given]: value for given, value in values.items() if given in names}, unknown, key)
        return made

    @classmethod
    def _unknown(cls, names: Iterable[str]) -> list[Wrong]:
        return [Wrong((name,), f"is no field of {cls.__name__}", tuple(map(key, cls.fields))) for name in names]

    @classmethod
    def unchecked(cls, /, **values: object) -> Self:
        """One with these values, which are known to be right."""
        made = object.__new__(cls)
        made.__dict__.update(cls._defaults)
        made.__dict__.update({name: cls._defaults[name].copy() for name in cls._copied if name not in values})
        made.__dict__.update(values)
        return made

    def replaced(self, /, **values: object) -> Self:
        """The same with other values, which are known to be right."""
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        made.__dict__.update(values)
        return made

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return self is other or (type(other) is type(self) and other._values() == self._values())

    def __hash__(self) -> int:
        return hash((type(self), *self._values()))

    def __repr__(self) -> str:
        values = zip(self.fields, self._values(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in values)})"

    def _values(self) -> list[object]:
        return [self.__dict__[name] for name in self.fields]


def key(name: str) -> str:
    """What a field is called in a file."""
    return name.rstrip("_")


@cache
def _names_of(cls: type[Checked]) -> dict[str, str]:
    """The fields of a class by the keys that files have for them."""
    return {key(name): name for name in cls.fields}


def _inside(part: str | int, error: ValueError) -> Iterator[Wrong]:
    """What is wrong with a part, seen from what it is a part of."""
    for wrong in error.problems if isinstance(error, FieldErrors) else [Wrong((), str(error))]:
        yield wrong._replace(path=(part, *wrong.path))


# ---- what types take -------------------------------------------------------------------------------------------------


def _taken(kind: Any) -> tuple[object, Taker | None]:
    """A type without what is said beside it, and what it takes (None: anything)."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return parts[0], next((note.check for note in parts[1:] if isinstance(note, Check)), None)
    if origin in (Union, UnionType):
        taken = [_taken(part) for part in parts]
        checks = [check for _, check in taken if check]
        checked = _any_of(checks, type(None) in parts) if checks else None
        return Union[tuple(annotation for annotation, _ in taken)], checked  # noqa: UP007 - made of what it finds
    if origin is list:
        return kind, _list_of(_taken(parts[0])[1] or _same)
    if origin is dict:
        names = get_args(parts[0]) if get_origin(parts[0]) is Literal else None
        return kind, _mapping_to(_taken(parts[1])[1] or _same, names)
    if origin is Literal:
        return kind, _one_of(parts)
    if isinstance(kind, type) and issubclass(kind, Checked):
        return kind, kind.read
    if kind not in _TAKERS:
        raise TypeError(f"what does a {kind} take? Say it with a Check beside it")
    return kind, _TAKERS[kind]


def _least(kind: Any) -> Iterator[int]:
    for part in get_args(kind):
        if isinstance(part, Check) and part.least is not None:
            yield part.least
        yield from _least(part)


def _same(value: object) -> object:
    return value


def _any_of(checks: list[Taker], optional: bool) -> Taker:
    """Of several types the first that takes a value says what is kept. The first of all says what is wrong, the last of
    a tuple.
    """

    if len(checks) == 1 and optional:
        (only,) = checks
        return lambda value: None if value is None else only(value)

    def taken(value: object) -> Any:
        if value is None and optional:
            return None
        refusals = []
        for check in checks:
            try:
                return check(value)
            except ValueError as error:
                refusals.append(error)
        raise refusals[-1 if isinstance(value, tuple) else 0]

    return taken


def _list_of(check: Taker) -> Taker:
    def taken(value: object) -> Any:
        if not isinstance(value, (list, tuple)):
            raise ValueError("must be a list")
        return list(_each(check, enumerate(value)).values())

    return taken


def _mapping_to(check: Taker, names: tuple[Any, ...] | None = None) -> Taker:
    def taken(value: object) -> Any:
        if not isinstance(value, dict):
            raise ValueError(MAPPING)
        unknown = [name for name in value if names is not None and name not in names]
        if unknown:
            raise FieldErrors([Wrong((name,), f"must be {' or '.join(map(repr, names or ()))}") for name in unknown])
        return _each(check, value.items())

    return taken


def _each(check: Taker, parts: Any) -> dict[object, object]:
    made: dict[Any, Any] = {}
    problems: list[Wrong] = []
    for part, value in parts:
        try:
            made[part] = check(value)
        except ValueError as error:
            problems += _inside(part, error)
    if problems:
        raise FieldErrors(problems)
    return made


def _one_of(choices: tuple[object, ...]) -> Taker:
    def taken(value: object) -> Any:
        if value not in choices:
            raise ValueError(f"must be {' or '.join(map(repr, choices))}")
        return value

    return taken


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("must be a whole number")
    return value


_TAKERS: dict[object, Taker | None] = {Any: None, type(None): None, bool: _flag, int: _whole, str: _text}
