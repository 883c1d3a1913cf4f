"""What the fields of operators take: sizes, counts, paddings, axes, one of several words."""

from collections.abc import Callable
from fractions import Fraction
from math import isfinite
from typing import Annotated, Any, TypeGuard

from archcalc.algebra import Dim, Poly, integral
from archcalc.errors import ShapeError
from archcalc.fields import Check
from archcalc.ops.base import decimal


def _is_whole(value: object) -> TypeGuard[Poly]:
    """Whether a closed form is a whole number everywhere; one that isn't is refused."""
    if isinstance(value, Poly) and not integral(value):
        raise ValueError(
            f"must be a whole number, and `{value}` isn't one everywhere; write `//`, or give the parameter a"
            " multiple_of"
        )
    return isinstance(value, Poly)


def _positive(value: object) -> Dim:
    if _is_whole(value) or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError(f"must be a positive whole number, got {show(value)}")


def _count(value: object) -> int:
    if isinstance(value, Poly):
        raise ValueError(f"must be a number, and `{value}` is free; bind it with --set")
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise ValueError(f"must be a positive whole number, got {show(value)}")


def _whole(value: object) -> Dim:
    if _is_whole(value) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError(f"must be a whole number, got {show(value)}")


def _end(value: object) -> int:
    if value in (0, -1) and isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"must be 0 for the first axis or -1 for the last, got {show(value)}")


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"must be true or false, got {show(value)}")


def _ratio(value: object) -> Fraction | int:
    if isinstance(value, float):  # from Python; a spec's numbers are exact
        value = Fraction(repr(value)) if isfinite(value) else value
    if isinstance(value, (int, Fraction)) and not isinstance(value, bool) and 0 <= value <= 1:
        return value
    raise ValueError(f"must be a number between 0 and 1, got {show(value)}")


def _axes(check: Callable[[object], object]) -> Callable[[object], object]:
    def checked(value: object) -> object:
        return tuple(check(v) for v in value) if isinstance(value, (tuple, list)) else check(value)

    return checked


def _several(check: Callable[[object], object]) -> Callable[[object], tuple[object, ...]]:
    """One or more: `shape=8` is a shape of one axis."""

    def checked(value: object) -> tuple[object, ...]:
        return tuple(check(v) for v in value) if isinstance(value, (tuple, list)) else (check(value),)

    return checked


def _padding(value: object) -> object:
    if value is None or (isinstance(value, str) and value in PAD_MODES):
        return value
    if isinstance(value, str):
        raise ValueError(f"must be {', '.join(PAD_MODES)}, a whole number or a tuple, got {value}")
    if isinstance(value, (tuple, list)):
        return tuple(_padding_pair(v) for v in value)
    return _not_negative(value)


def _padding_pair(value: object) -> object:
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"must be (before, after) an axis, got {show(value)}")
        return tuple(_not_negative(v) for v in value)
    return _not_negative(value)


def _not_negative(value: object) -> Dim:
    if _is_whole(value) or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise ValueError(f"must be a whole number, 0 or more, got {show(value)}")


def show(value: object) -> str:
    """A value as a message shows it: `8/3`, `true`, `a list`."""
    if isinstance(value, (list, tuple)):
        return f"({', '.join(show(v) for v in value)})"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return decimal(value) if isinstance(value, Fraction) else str(value)


PAD_MODES = ("same", "valid", "full", "causal")


Size = Annotated[Dim, Check(_positive, least=1)]


Amount = Annotated[Dim, Check(_not_negative, least=0)]


Count = Annotated[int, Check(_count)]


Whole = Annotated[Dim, Check(_whole)]


End = Annotated[int, Check(_end)]


Flag = Annotated[bool, Check(_flag)]


Ratio = Annotated[Fraction | int, Check(_ratio)]


Sizes = Annotated[Dim | tuple[Dim, ...], Check(_axes(_positive), least=1)]


Counts = Annotated[int | tuple[int, ...], Check(_axes(_count))]


Wholes = Annotated[tuple[Dim, ...], Check(_several(_whole))]


Sides = Annotated[tuple[Dim, ...], Check(_several(_positive), least=1)]


Padding = Annotated[str | Dim | tuple[Any, ...] | None, Check(_padding, least=0)]


def one_of(*choices: str) -> object:
    """A field that takes one of these words."""

    def check(value: object) -> str:
        if isinstance(value, str) and value in choices:
            return value
        raise ValueError(f"must be one of {', '.join(choices)}; got {show(value)}")

    return Annotated[str, Check(check)]


def spread(value: object, rank: int, name: str) -> tuple[Any, ...]:
    """One value an axis, from one for all or from one each."""
    if not isinstance(value, tuple):
        return (value,) * rank
    if len(value) != rank:
        raise ShapeError(f"{name} has {len(value)} numbers for {rank} spatial ax{'i' if rank == 1 else 'e'}s")
    return value
