"""The smaller and the larger of closed forms: a number, one of them, or an atom of those that may be it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from .covering import covered
from .intervals import lower
from .poly import Atom, Call, Floor, Number, Poly, Rational, Symbol, Variable, call_atom, integral

FAR = 10**6 + 3  # steps from the low end of a domain


def minimum(*values: Number) -> Number:
    """The smallest; where that depends on the symbols, one atom min(...) of those that may be it, in canonical
    order.
    """
    return _extreme("min", min, minimum, values)


def maximum(*values: Number) -> Number:
    """The largest; where that depends on the symbols, one atom max(...) of those that may be it, in canonical order."""
    return _extreme("max", max, maximum, values)


def _extreme(
    name: str, function: Callable[..., Rational], build: Callable[..., Number], values: tuple[Number, ...]
) -> Number:
    kept: list[Number] = []
    for value in (part for whole in values for part in _parts(name, whole)):
        if not any(_reaches(name, other, value) for other in kept):
            kept = [*(other for other in kept if not _reaches(name, value, other)), value]
    if len(kept) == 1:
        return kept[0]
    args = tuple(sorted(kept, key=lambda x: (not isinstance(x, Poly), str(x))))
    return Poly({(call_atom(name, args, all(map(integral, args)), function, build),): 1})


def _parts(name: str, x: Number) -> tuple[Number, ...]:
    """The arguments of a lone max(...) inside another, so that they don't nest."""
    if isinstance(x, Poly) and len(x.terms) == 1:
        ((monomial, factor),) = x.terms.items()
        if factor == 1 and len(monomial) == 1 and isinstance(monomial[0], Call) and monomial[0].name == name:
            return monomial[0].args
    return (x,)


def _reaches(name: str, one: Number, other: Number) -> bool:
    """Whether `one` is at least `other` (at most, for min) at every point; False where that can't be seen."""
    ahead = other - one if name == "min" else one - other
    if not isinstance(ahead, Poly):
        return ahead >= 0
    if any(value is not None and value < 0 for value in (_value(ahead, far) for far in (False, True))):
        return False  # two points tell sooner than any proof fails
    if covered(ahead):
        return True
    low = lower(ahead)
    return low is not None and low >= 0


def _value(x: Number, far: bool) -> Rational | None:
    """The value of x where every symbol is near the low end of its domain, or far from it; None where that isn't
    known.
    """
    if not isinstance(x, Poly):
        return x
    total: Rational = 0
    for monomial, coefficient in x.terms.items():
        for atom in monomial:
            value = _value_of(atom, far)
            if value is None:
                return None
            coefficient = coefficient * value
        total += coefficient
    return total


@lru_cache(maxsize=1 << 13)
def _value_of(atom: Atom, far: bool) -> Rational | None:
    if isinstance(atom, Variable):
        return _point(atom.symbol, far)
    if isinstance(atom, Floor):
        inside = _value(atom.inside, far)
        return None if inside is None else inside // atom.divisor
    assert isinstance(atom, Call)
    values = [_value(arg, far) for arg in atom.args]
    try:
        value = None if None in values else atom.function(*values)
    except Exception:  # it is anybody's, and need not know these points
        return None
    return value if isinstance(value, (int, Fraction)) else None


def _point(symbol: Symbol, far: bool) -> Rational:
    """A value in the domain of a symbol."""
    low, high = symbol.low, symbol.high
    if far:
        return high if high is not None else (low or 0) + FAR * symbol.multiple_of
    return low if low is not None else high if high is not None else 0
