"""Frozen classes whose fields are checked when one is made: operators, and the parts of a spec.

A field is declared with its type, and what it takes is said beside the type. Pydantic does as much and more; but operators are made by
the thousand, and its import alone takes longer than counting a network.

>>> class Pool(Checked):
...     kernel: Annotated[int, Check(int)]
...     stride: int = 1
>>> Pool(kernel="3"), Pool.fields["kernel"].required
(Pool(kernel=3, stride=1), True)
>>> Pool(stride=2, size=1)
Traceback (most recent call last):
  ...
archcalc.fields.FieldErrors: kernel is missing; size is no field of Pool
"""

from collections.abc import Callable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, Union, dataclass_transform, get_args, get_origin, get_type_hints

Taker = Callable[[Any], Any]  # gives the value that is kept, or raises a ValueError that says in a sentence what it must be
MISSING = "is missing"
MAPPING = "must be a mapping: `key: value`, one a line or in {braces}"


class Wrong(NamedTuple):
    """A value that was refused: the keys that lead to it, and what is wrong with it. Where no such key is known, `known` has those that are."""

    path: tuple[str | int, ...]
    what: str
    known: tuple[str, ...] = ()


class FieldErrors(ValueError):
    """The values that an object was refused for."""

    def __init__(self, problems: list[Wrong]) -> None:
        super().__init__("; ".join(map(spelled, problems)))
        self.problems = problems


def spelled(wrong: Wrong) -> str:
    """`kernel is missing`."""
    return f"{'.'.join(map(str, wrong.path))} {wrong.what}".lstrip()


class Check:
    """What a type takes, and how a JSON Schema says so."""

    def __init__(self, check: Taker, schema: Mapping[str, Any] | None = None) -> None:
        self.check = check
        self.schema = schema or {}


_REQUIRED: Any = object()


class Field(NamedTuple):
    """A field of a class: its type with what is said beside it and without, what it takes, and what it is where nothing is given."""

    declared: Any
    annotation: Any
    check: Taker | None
    default: Any = _REQUIRED

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is _REQUIRED


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Checked:
    """What such classes share. Two are equal that are of one class and have equal fields.

    A field's name may end in `_`, where it would hide something else: in a file its key is `in`, and the field is `in_`.
    """

    others: ClassVar[bool] = False  # whether a file may have other keys beside these, which somebody else reads
    fields: ClassVar[Mapping[str, Field]] = {}
    _defaults: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        kinds = cls.__annotations__
        if any(isinstance(kind, str) for kind in kinds.values()):  # under `from __future__ import annotations`
            hints = get_type_hints(cls, include_extras=True)
            kinds = {name: hints[name] for name in kinds}
        own = {name: kind for name, kind in kinds.items() if get_origin(kind) is not ClassVar}  # type: ignore[comparison-overlap]
        if own:
            cls.fields = {**cls.fields, **{name: Field(kind, *_taken(kind), cls.__dict__.get(name, _REQUIRED)) for name, kind in own.items()}}
            cls._defaults = {name: field.default for name, field in cls.fields.items() if not field.required}

    def __init__(self, **values: Any) -> None:
        """Raises FieldErrors with every value that is wrong, missing or unknown."""
        made = self.__dict__
        problems = []
        for name, field in self.fields.items():
            if name not in values:
                made[name] = field.default
                if field.required:
                    problems.append(Wrong((name,), MISSING))
            elif field.check is None:
                made[name] = values[name]
            else:
                try:
                    made[name] = field.check(values[name])
                except ValueError as error:
                    problems += _inside(name, error)
        if not values.keys() <= self.fields.keys():
            unknown = [name for name in values if name not in self.fields]
            problems += [Wrong((name,), f"is no field of {type(self).__name__}", tuple(map(key, self.fields))) for name in unknown]
        if problems:
            raise FieldErrors(problems)
        self.agree()

    def agree(self) -> None:
        """Whether right values fit together. Raises ValueError."""

    @classmethod
    def read(cls, values: Any) -> Self:
        """One from what a file holds. Raises FieldErrors whose paths are the file's keys, ValueError for what is no mapping."""
        if not isinstance(values, dict):
            raise ValueError(MAPPING)
        names = {key(name): name for name in cls.fields}
        try:
            return cls(**{names.get(given, str(given)): value for given, value in values.items() if given in names or not cls.others})
        except FieldErrors as error:
            keys = {name: given for given, name in names.items()}
            raise FieldErrors([wrong._replace(path=(keys.get(str(wrong.path[0]), wrong.path[0]), *wrong.path[1:])) for wrong in error.problems]) from None

    @classmethod
    def unchecked(cls, **values: Any) -> Self:
        """One with these values, which are known to be right."""
        made = object.__new__(cls)
        made.__dict__.update(cls._defaults)
        made.__dict__.update(values)
        return made

    def replaced(self, **values: Any) -> Self:
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
        return self is other or (type(other) is type(self) and other.__dict__ == self.__dict__)

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"


def key(name: str) -> str:
    """What a field is called in a file."""
    return name.rstrip("_")


def _inside(part: str | int, error: ValueError) -> Iterator[Wrong]:
    """What is wrong with a part, seen from what it is a part of."""
    for wrong in error.problems if isinstance(error, FieldErrors) else [Wrong((), str(error))]:
        yield wrong._replace(path=(part, *wrong.path))


# ---- what types take ----------------------------------------------------------------------------------------------------


def _taken(kind: Any) -> tuple[Any, Taker | None]:
    """A type without what is said beside it, and what it takes (None: anything)."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return parts[0], next((note.check for note in parts[1:] if isinstance(note, Check)), None)
    if origin in (Union, UnionType):
        taken = [_taken(part) for part in parts]
        checks = [check for _, check in taken if check]
        return Union[tuple(annotation for annotation, _ in taken)], _any_of(checks, type(None) in parts) if checks else None  # noqa: UP007  # made of what it finds
    if origin is list:
        return kind, _list_of(_taken(parts[0])[1] or _same)
    if origin is dict:
        return kind, _mapping_to(_taken(parts[1])[1] or _same)
    if origin is Literal:
        return kind, _one_of(parts)
    if isinstance(kind, type) and issubclass(kind, Checked):
        return kind, kind.read
    return kind, {bool: _flag, str: _text}.get(kind)


def _same(value: Any) -> Any:
    return value


def _any_of(checks: list[Taker], optional: bool) -> Taker:
    """Of several types the first that takes a value says what is kept, and the first of all says what is wrong."""

    def taken(value: Any) -> Any:
        if value is None and optional:
            return None
        refusals = []
        for check in checks:
            try:
                return check(value)
            except ValueError as error:
                refusals.append(error)
        raise refusals[0]

    return taken


def _list_of(check: Taker) -> Taker:
    def taken(value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise ValueError("must be a list")
        return list(_each(check, enumerate(value)).values())

    return taken


def _mapping_to(check: Taker) -> Taker:
    def taken(value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError(MAPPING)
        return _each(check, value.items())

    return taken


def _each(check: Taker, parts: Any) -> dict[Any, Any]:
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


def _one_of(choices: tuple[Any, ...]) -> Taker:
    def taken(value: Any) -> Any:
        if value not in choices:
            raise ValueError(f"must be {' or '.join(map(repr, choices))}")
        return value

    return taken


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value
