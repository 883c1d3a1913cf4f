"""The smaller and the larger of closed forms: a number, one of them, or an atom of those that may be it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import lru_cache

from archcalc.tuples import NamedTuple

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
    kept = _Kept()
    for value in (part for whole in values for part in _parts(name, whole)):
        own = _Place.of(value)
        above, below = (kept.above(own), kept.below(own)) if name == "max" else (kept.below(own), kept.above(own))
        if not any(_reaches(name, kept.values[n], value) for n in above):
            for n in [n for n in below if _reaches(name, value, kept.values[n])]:
                kept.drop(n)
            kept.add(value, own)
    if len(kept.values) == 1:
        return next(iter(kept.values.values()))
    args = tuple(sorted(kept.values.values(), key=lambda x: (not isinstance(x, Poly), str(x))))
    return Poly({(call_atom(name, args, all(map(integral, args)), function, build),): 1})


class _Place(NamedTuple):
    """Where a value may stand beside others: the symbols in it, and those with which it grows beyond all numbers."""

    symbols: frozenset[str]
    growing: frozenset[str]

    @staticmethod
    def of(x: Number) -> _Place:
        """Of a closed form, or of a number."""
        if not isinstance(x, Poly):
            return _Place(frozenset(), frozenset())
        return _Place(
            x.symbols, frozenset(v.symbol.name for v in x.atoms() if isinstance(v, Variable) and _grows(x, v))
        )


def _grows(x: Poly, along: Variable) -> bool:
    """Whether x is shown to grow beyond all numbers with a symbol while the others are at the low end."""
    if along.symbol.high is not None:
        return False
    grows = False
    for monomial, coefficient in x.terms.items():
        rest = [atom for atom in monomial if atom is not along]
        if any(along.symbol.name in atom.symbols for atom in rest):
            return False
        if len(rest) == len(monomial):
            continue
        value = _value(Poly({tuple(rest): coefficient}), far=False)
        if value is None or value < 0:
            return False
        grows = grows or value > 0
    return grows


class _Kept:
    """The values that may be the largest so far, by their symbols: one that grows with a symbol is never below another
    that hasn't got it, so that the two need no comparison. Of many widths each layer has few.
    """

    def __init__(self) -> None:
        self.values: dict[int, Number] = {}
        self.places: dict[int, _Place] = {}
        self.having: dict[str, dict[int, None]] = {}  # those with a symbol
        self.growing: dict[str, dict[int, None]] = {}  # by one of those that they grow with, by "" where there is none
        self.count = 0

    def above(self, place: _Place) -> Iterable[int]:
        """Those that may be at least a value everywhere: they have what it grows with."""
        lists: list[dict[int, None]] = [self.having.get(symbol, {}) for symbol in place.growing]
        return list(min(lists, key=len) if lists else self.values)

    def below(self, place: _Place) -> Iterable[int]:
        """Those that a value may be at least everywhere: it has what they grow with."""
        return [n for symbol in ("", *place.symbols) for n in self.growing.get(symbol, ())]

    def add(self, value: Number, place: _Place) -> None:
        """Keep one."""
        n = self.count = self.count + 1
        self.values[n], self.places[n] = value, place
        for symbol in place.symbols:
            self.having.setdefault(symbol, {})[n] = None
        self.growing.setdefault(self._anchor(place), {})[n] = None

    def drop(self, n: int) -> None:
        """Keep one no longer."""
        del self.values[n]
        place = self.places.pop(n)
        for symbol in place.symbols:
            del self.having[symbol][n]
        for symbol in place.growing or ("",):
            self.growing.get(symbol, {}).pop(n, None)

    def _anchor(self, place: _Place) -> str:
        """Of the symbols that a value grows with, the one that the fewest others have."""
        return min(place.growing, key=lambda symbol: (len(self.having.get(symbol, ())), symbol), default="")


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
