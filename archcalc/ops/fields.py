"""Frozen classes whose fields are checked when one is made.

A field is declared with its type, and what it takes is said beside the type: `Annotated[int, Check(_count)]`. Pydantic does as
much for what is read from files; operators are made by the thousand, and every command pays for the import of what they stand on.

>>> class Pool(Checked):
...     kernel: Annotated[int, Check(int)]
...     stride: int = 1
>>> Pool(kernel="3"), Pool.fields["kernel"].required
(Pool(kernel=3, stride=1), True)
>>> Pool(stride=2, size=1)
Traceback (most recent call last):
  ...
archcalc.ops.fields.FieldErrors: kernel is missing; size is no field of Pool
"""

from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, ClassVar, NamedTuple, Self, Union, dataclass_transform, get_args, get_origin, get_type_hints


class FieldErrors(ValueError):
    """The values that an object was refused for: `problems` holds (field, what is wrong with it)."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name} {wrong}" for name, wrong in problems))
        self.problems = problems

    @property
    def first(self) -> str:
        """One of them, as a sentence."""
        return " ".join(self.problems[0])


class Check(NamedTuple):
    """What a type takes: `check` gives the value that is kept, or raises a ValueError that says what it must be."""

    check: Callable[[Any], Any]


_REQUIRED: Any = object()


class Field(NamedTuple):
    """A field of a class: its type without the checks, what it takes, and what it is where nothing is given."""

    annotation: Any
    check: Callable[[Any], Any] | None
    default: Any = _REQUIRED

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is _REQUIRED


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Checked:
    """What such classes share. Two are equal that are of one class and have equal fields."""

    fields: ClassVar[Mapping[str, Field]] = {}
    _defaults: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        kinds = cls.__annotations__
        if any(isinstance(kind, str) for kind in kinds.values()):  # under `from __future__ import annotations`
            hints = get_type_hints(cls, include_extras=True)
            kinds = {name: hints[name] for name in kinds}
        own = {name: Field(*_taken(kind), cls.__dict__.get(name, _REQUIRED)) for name, kind in kinds.items() if get_origin(kind) is not ClassVar}  # type: ignore[comparison-overlap]
        if own:
            cls.fields = {**cls.fields, **own}
            cls._defaults = {name: field.default for name, field in cls.fields.items() if not field.required}

    def __init__(self, **values: Any) -> None:
        made = self.__dict__
        problems = []
        for name, field in self.fields.items():
            if name not in values:
                made[name] = field.default
                if field.required:
                    problems.append((name, "is missing"))
            elif field.check is None:
                made[name] = values[name]
            else:
                try:
                    made[name] = field.check(values[name])
                except ValueError as error:
                    problems.append((name, str(error)))
        if not values.keys() <= self.fields.keys():
            problems += [(name, f"is no field of {type(self).__name__}") for name in values if name not in self.fields]
        if problems:
            raise FieldErrors(problems)

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

    __delattr__ = __setattr__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return self is other or (type(other) is type(self) and other.__dict__ == self.__dict__)

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"


def _taken(kind: Any) -> tuple[Any, Callable[[Any], Any] | None]:
    """A type without its checks, and what it takes. Of several types, the first that takes a value says what is kept."""
    if get_origin(kind) is Annotated:
        annotation, *notes = get_args(kind)
        return annotation, next((note.check for note in notes if isinstance(note, Check)), None)
    if get_origin(kind) not in (Union, UnionType):
        return kind, None
    taken = [_taken(each) for each in get_args(kind)]
    checks = [check for _, check in taken if check]
    optional = type(None) in get_args(kind)

    def any_of(value: Any) -> Any:
        if value is None and optional:
            return None
        refusals = []
        for check in checks:
            try:
                return check(value)
            except ValueError as error:
                refusals.append(error)
        raise refusals[0]

    return Union[tuple(annotation for annotation, _ in taken)], any_of if checks else None  # noqa: UP007  # made of what it finds
