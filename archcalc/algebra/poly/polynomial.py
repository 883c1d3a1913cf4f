"""`Poly`, the arithmetic of closed forms, and the canonical form of their floors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias, overload

from archcalc.errors import ArchcalcError, Undecided
from archcalc.untyped import Array

from .atoms import Atom, Floor, Monomial, Rational, Symbol, floor_atom, unit_of, variable_atom
from .terms import ORDER, Terms, plain, plus, product

HIGHEST_POWER = 64


class Poly:
    """An exact polynomial in symbols, floors and named roundings; immutable, hashable and never a constant.

    Any operation whose result is constant returns an int (or a Fraction where it isn't integral). `==` and `hash` are
    structural: equal keys mean equal everywhere, different keys mean nothing yet (ask `same`). `<` and its kin raise
    Undecided where the answer depends on the symbols; `bool` raises TypeError. Make one with `symbol`.
    """

    __slots__ = ("_hash", "terms")

    terms: Terms

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._hash = 0

    # what it is

    @property
    def symbols(self) -> frozenset[str]:
        """The names of all symbols in it, those inside floors and calls included."""
        return frozenset().union(*(atom.symbols for monomial in self.terms for atom in monomial))

    def atoms(self) -> frozenset[Atom]:
        """The atoms of its monomials, without what is nested in them."""
        return frozenset(atom for monomial in self.terms for atom in monomial)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, Poly):
            return self.terms == other.terms
        return False if isinstance(other, int | Fraction) else NotImplemented

    def __hash__(self) -> int:
        if not self._hash:
            self._hash = hash(frozenset(self.terms.items())) or 1
        return self._hash

    def __bool__(self) -> bool:
        raise TypeError(f"`{self}` is neither true nor false: it depends on {names(self.symbols)}")

    def __str__(self) -> str:
        from archcalc.algebra.printing import text

        return text(self)

    def __repr__(self) -> str:
        return f"<{self}>"

    def _repr_latex_(self) -> str:
        """As a notebook shows it."""
        from archcalc.algebra.printing import latex

        return f"${latex(self)}$"

    def __reduce__(self) -> tuple[object, ...]:
        return (_restore, (tuple(self.terms.items()),))

    # arithmetic

    @overload
    def __add__(self, other: Dim) -> Dim: ...
    @overload
    def __add__(self, other: Fraction) -> Number: ...
    def __add__(self, other: Number) -> Number:
        if isinstance(other, Poly):
            large, small = (
                (self.terms, other.terms) if len(self.terms) >= len(other.terms) else (other.terms, self.terms)
            )
            return _collapse(plus(dict(large), small.items()))
        if isinstance(other, int | Fraction):
            return Poly(plus(dict(self.terms), (((), other),))) if other else self
        return NotImplemented

    __radd__ = __add__

    def __neg__(self) -> Poly:
        return Poly({monomial: -coefficient for monomial, coefficient in self.terms.items()})

    def __pos__(self) -> Poly:
        return self

    @overload
    def __sub__(self, other: Dim) -> Dim: ...
    @overload
    def __sub__(self, other: Fraction) -> Number: ...
    def __sub__(self, other: Number) -> Number:
        if isinstance(other, Poly):
            return _collapse(
                plus(dict(self.terms), ((monomial, -coefficient) for monomial, coefficient in other.terms.items()))
            )
        if isinstance(other, int | Fraction):
            return self + -other
        return NotImplemented

    @overload
    def __rsub__(self, other: int) -> Dim: ...
    @overload
    def __rsub__(self, other: Fraction) -> Number: ...
    def __rsub__(self, other: Rational) -> Number:
        return -self + other

    @overload
    def __mul__(self, other: Dim) -> Dim: ...
    @overload
    def __mul__(self, other: Fraction) -> Number: ...
    def __mul__(self, other: Number) -> Number:
        if isinstance(other, int | Fraction):
            if not other:
                return 0
            return (
                Poly({monomial: plain(coefficient * other) for monomial, coefficient in self.terms.items()})
                if other != 1
                else self
            )
        if isinstance(other, Poly):
            return _collapse(product(self.terms, other.terms))
        return NotImplemented

    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> Dim:
        if not isinstance(exponent, int) or not 0 <= exponent <= HIGHEST_POWER:
            raise ArchcalcError(f"can't raise `{self}` to the power {exponent}: only to 0..{HIGHEST_POWER}")
        result: Dim = 1
        for _ in range(exponent):
            result = self * result
        return result

    def __rpow__(self, other: object) -> Dim:
        raise Undecided(f"can't raise {other} to the power `{self}`: it depends on {names(self.symbols)}", self.symbols)

    def __floordiv__(self, divisor: Dim) -> Dim:
        if not isinstance(divisor, int):
            raise _no_division(divisor)
        if divisor <= 0:
            raise ArchcalcError(f"can't divide `{self}` by {divisor}: // takes a positive integer")
        return _floordiv(self, divisor)

    def __mod__(self, divisor: Dim) -> Dim:
        quotient = self // divisor
        return self - divisor * quotient

    def __truediv__(self, divisor: Number) -> Poly:
        if not isinstance(divisor, int | Fraction):
            raise _no_division(divisor)
        if not divisor:
            raise ArchcalcError(f"can't divide `{self}` by 0")
        quotient = self * (1 / Fraction(divisor))
        assert isinstance(quotient, Poly)
        return quotient

    def __rfloordiv__(self, other: object) -> Dim:
        raise _no_division(self)

    def __rtruediv__(self, other: object) -> int:
        from archcalc.algebra.intervals import bounds

        low, high = bounds(self)
        if other == 0 and ((low is not None and low > 0) or (high is not None and high < 0)):
            return 0
        raise _no_division(self)

    def __rmod__(self, other: object) -> Dim:
        raise _no_division(self)

    # order: decided over the whole domain, or Undecided

    def __lt__(self, other: Number) -> bool:
        from archcalc.algebra.order import less

        return less(self, other)

    def __ge__(self, other: Number) -> bool:
        return not self < other

    def __gt__(self, other: Number) -> bool:
        from archcalc.algebra.order import less

        return less(other, self)

    def __le__(self, other: Number) -> bool:
        return not self > other

    # values

    def evaluate(self, bindings: Mapping[str, object] = MappingProxyType({}), /, **named: object) -> int | Fraction:
        """The exact value at one point: `evaluate(size=224, width=0.5)`, or a mapping of the same.

        Numbers are what a count takes: int, float (its shortest decimal), Fraction, Decimal, numpy's, or text, which
        may be an expression: `size="7*32"`, `height="2*size"`. Raises ArchcalcError when a symbol isn't bound, or is
        bound to a value outside of its domain (the closed form was simplified under it), or to what is no number.
        """
        from .rewriting import evaluated

        return evaluated(self, {**bindings, **named})

    def compiled(self, *names: str) -> Callable[..., Array]:
        """A function of these symbols, for many points: `compiled("size", "width")(224, 0.5)`.

        Of numbers it gives what `evaluate` does, whatever their size; of numpy's arrays, which broadcast together, the
        exact values in one array, of int64 where they fit: millions of points a second. It doesn't ask whether a point
        lies in the domain. Raises ArchcalcError when a symbol isn't among the names.
        """
        from archcalc.algebra.compiling import compiled

        return compiled(self, names)

    def substitute(self, bindings: Mapping[str, Number | float]) -> Number:
        """The same quantity with some symbols replaced, canonical again.

        Exact; raises ArchcalcError when a replacement can't be shown to stay in the symbol's domain.
        """
        from .rewriting import substituted

        return substituted(self, bindings)


Number: TypeAlias = int | Fraction | Poly  # what expressions compute with
Dim: TypeAlias = int | Poly  # what sizes are


def symbol(
    name: str,
    *,
    minimum: Rational | None = 1,
    maximum: Rational | None = None,
    multiple_of: int = 1,
    integer: bool = True,
) -> Poly:
    """A free symbol as an expression; see `Symbol` for its domain and what raises."""
    return Poly({(variable_atom(Symbol(name, minimum, maximum, multiple_of, integer)),): 1})


def names(symbols: Iterable[str]) -> str:
    """Symbols as messages name them, in order."""
    return ", ".join(f"`{name}`" for name in sorted(symbols))


def _no_division(divisor: object) -> ArchcalcError:
    if not isinstance(divisor, Poly):
        return ArchcalcError(f"can't divide by {divisor}: only by a positive integer")
    message = f"can't divide by `{divisor}`: only division by an integer stays exact, so bind {names(divisor.symbols)}"
    return Undecided(message, divisor.symbols)


def _restore(terms: Iterable[tuple[Monomial, Rational]]) -> Number:
    """Unpickling: the order of a monomial's atoms is this process's own."""
    return _collapse({tuple(sorted(monomial, key=ORDER)): coefficient for monomial, coefficient in terms})


def _collapse(terms: Terms) -> Number:
    """The number these terms (without zeros) stand for."""
    if len(terms) > 1:
        return Poly(terms)
    if not terms:
        return 0
    return terms[()] if () in terms else Poly(terms)


@lru_cache(maxsize=1 << 14)
def _floordiv(x: Poly, divisor: int) -> Dim:
    """floor(x / divisor), canonical.

    Coefficients are counted in units: H with multiple_of=32 is 32 units of H/32, an integer. Over the common
    denominator all of them are ints, and whole multiples of the divisor leave the floor.
    """
    scale = math.lcm(*((c * (unit_of(monomial) or 1)).denominator for monomial, c in x.terms.items()))
    divisor *= scale
    outside: Terms = {}
    left: dict[Monomial, int] = {}
    real = False
    for monomial, coefficient in x.terms.items():
        unit = unit_of(monomial)
        units = int(coefficient * (unit or 1) * scale)
        if unit:
            whole, units = divmod(units, divisor)
            if whole:
                outside[monomial] = plain(Fraction(whole, unit))
        else:
            real = True
        if units:
            left[monomial] = units
    constant = left.pop((), 0)
    if left:
        plus(outside, _closed(left, constant, divisor, real).items())
    result = _collapse(outside)
    assert not isinstance(result, Fraction)
    return result


def _closed(left: dict[Monomial, int], constant: int, divisor: int, real: bool) -> Terms:
    """floor((left + constant)/divisor) for coefficients in units, already reduced: a new atom, or an inner floor
    widened.
    """
    common = math.gcd(divisor, *left.values(), constant if real else 0)
    divisor //= common
    inside: Terms = {
        monomial: plain(Fraction(units // common, unit_of(monomial) or 1)) for monomial, units in left.items()
    }
    if constant // common:
        inside[()] = constant // common
    floors = [
        monomial[0]
        for monomial in left
        if len(monomial) == 1 and isinstance(monomial[0], Floor) and inside[monomial] == 1
    ]
    if real or len(floors) != 1:
        return {(floor_atom(Poly(inside), divisor),): 1}
    inner = floors[0]
    del inside[(inner,)]
    result = (inner.inside + _collapse(inside) * inner.divisor) // (divisor * inner.divisor)
    return dict(result.terms) if isinstance(result, Poly) else {(): result} if result else {}
