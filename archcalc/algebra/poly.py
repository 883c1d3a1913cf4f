"""Polynomials over atoms: what a size or a cost is when some design parameters stay free.

A `Poly` maps monomials to coefficients. A monomial is a tuple of atoms (an atom to the power of three stands there three
times), and an atom is one of

    Variable   a `Symbol`
    Floor      floor(inside / divisor), canonical
    Call       a named rounding of something symbolic, opaque apart from its name and arguments

Every atom exists once in a process, so identity is equality and monomials hash at the speed of tuples of objects.

Floors are kept canonical with identities that hold for all integers: multiples of the divisor leave the floor, the divisor
and the coefficients lose their common factor, and floor((floor(X/d) + Z + b)/c) is floor((X + d*Z + d*b)/(c*d)). A chain of
convolutions and poolings therefore stays one floor, and two ways to the same size give equal keys.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from itertools import count
from keyword import iskeyword
from operator import attrgetter
from typing import TypeAlias, overload

from archcalc.errors import ArchcalcError, Undecided

Rational: TypeAlias = int | Fraction
Monomial: TypeAlias = "tuple[Atom, ...]"
Terms: TypeAlias = "dict[Monomial, int | Fraction]"
Function: TypeAlias = Callable[..., Rational]
Build: TypeAlias = "Callable[..., Number]"

MOST_TERMS = 5000
MOST_PRODUCTS = 40 * MOST_TERMS
HIGHEST_POWER = 64

_ATOMS: dict[tuple[object, ...], Atom] = {}
_numbers = count()
_order = attrgetter("order")


@dataclass(frozen=True, slots=True)
class Symbol:
    """A design parameter left free, with its domain: `minimum..maximum` (None: unbounded), in steps of `multiple_of`.

    `integer=False` is a real-valued multiplier, such as a width multiplier alpha. Raises ArchcalcError for an empty domain
    or a name that isn't an identifier.
    """

    name: str
    minimum: int | Fraction | None = 1
    maximum: int | Fraction | None = None
    multiple_of: int = 1
    integer: bool = True

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or iskeyword(self.name):
            raise ArchcalcError(f"`{self.name}` can't name a symbol")
        if self.multiple_of < 1 or (self.multiple_of > 1 and not self.integer):
            raise ArchcalcError(f"`{self.name}` can't be a multiple of {self.multiple_of}")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ArchcalcError(f"`{self.name}` has no values: {self.domain()}")

    @property
    def low(self) -> int | Fraction | None:
        """The smallest value, None if there is none."""
        if self.minimum is None or not self.integer:
            return self.minimum
        return -(-self.minimum // self.multiple_of) * self.multiple_of

    @property
    def high(self) -> int | Fraction | None:
        """The largest value, None if there is none."""
        if self.maximum is None or not self.integer:
            return self.maximum
        return self.maximum // self.multiple_of * self.multiple_of

    def domain(self) -> str:
        """The domain in words, for messages."""
        parts = [f"a multiple of {self.multiple_of}" if self.multiple_of > 1 else "an integer" if self.integer else "a number"]
        parts += [f">= {self.minimum}"] if self.minimum is not None else []
        parts += [f"<= {self.maximum}"] if self.maximum is not None else []
        return " ".join(parts)

    def holds(self, low: Rational | None, high: Rational | None) -> bool:
        """Whether all of low..high lies between minimum and maximum."""
        above = self.low is None or (low is not None and low >= self.low)
        return above and (self.high is None or (high is not None and high <= self.high))


class Atom:
    """What monomials are made of; compared by identity, so only made through `_intern`."""

    __slots__ = ("_key", "degree", "integer", "multiple", "order", "symbols")

    order: int  # the number of its making: only there to sort monomials quickly
    degree: int
    integer: bool
    multiple: int  # divides every value
    symbols: frozenset[str]
    _key: tuple[object, ...] | None

    def __init__(self, symbols: frozenset[str], degree: int = 1, integer: bool = True, multiple: int = 1) -> None:
        self.order = next(_numbers)
        self.symbols, self.degree, self.integer, self.multiple = symbols, degree, integer, multiple
        self._key = None

    @property
    def key(self) -> tuple[object, ...]:
        """Sorts atoms the same way in every process: symbols, floors, calls; then by names, divisor and text."""
        if self._key is None:
            self._key = self._sort_key()
        return self._key

    def _sort_key(self) -> tuple[object, ...]:
        raise NotImplementedError

    def rebuild(self, variable: Callable[[Variable], Number], memo: dict[Atom, Number]) -> Number:
        """The atom's value once every symbol is replaced by `variable(symbol)`."""
        raise NotImplementedError


class Variable(Atom):
    """A symbol as an atom."""

    __slots__ = ("symbol",)

    def __init__(self, symbol: Symbol) -> None:
        super().__init__(frozenset((symbol.name,)), 1, symbol.integer, symbol.multiple_of)
        self.symbol = symbol

    def _sort_key(self) -> tuple[object, ...]:
        return (0, (self.symbol.name,), 1, "")

    def __reduce__(self) -> tuple[object, ...]:
        return (_variable, (self.symbol,))

    def rebuild(self, variable: Callable[[Variable], Number], memo: dict[Atom, Number]) -> Number:
        return variable(self)


class Floor(Atom):
    """floor(inside / divisor); made by `Poly.__floordiv__` alone, which sees to the canonical form."""

    __slots__ = ("divisor", "inside")

    def __init__(self, inside: Poly, divisor: int) -> None:
        super().__init__(inside.symbols, max(_degree(monomial) for monomial in inside.terms))
        self.inside, self.divisor = inside, divisor

    def _sort_key(self) -> tuple[object, ...]:
        return (1, tuple(sorted(self.symbols)), self.divisor, str(self.inside))

    def __reduce__(self) -> tuple[object, ...]:
        return (_floor_atom, (self.inside, self.divisor))

    def rebuild(self, variable: Callable[[Variable], Number], memo: dict[Atom, Number]) -> Number:
        return _rewrite(self.inside, variable, memo) // self.divisor


class Call(Atom):
    """name(*args), opaque; `build` makes it anew from other arguments. `rising`: it never falls while its arguments rise."""

    __slots__ = ("args", "build", "function", "name", "rising")

    def __init__(self, name: str, args: tuple[Number, ...], integer: bool, function: Function, build: Build, rising: bool) -> None:
        super().__init__(frozenset().union(*(arg.symbols for arg in args if isinstance(arg, Poly))), 1, integer)
        self.name, self.args, self.function, self.build, self.rising = name, args, function, build, rising

    def _sort_key(self) -> tuple[object, ...]:
        return (2, tuple(sorted(self.symbols)), 1, f"{self.name}({', '.join(map(str, self.args))})")

    def __reduce__(self) -> tuple[object, ...]:
        return (call_atom, (self.name, self.args, self.integer, self.function, self.build, self.rising))

    def rebuild(self, variable: Callable[[Variable], Number], memo: dict[Atom, Number]) -> Number:
        return self.build(*(_rewrite(arg, variable, memo) for arg in self.args))


def _variable(symbol: Symbol) -> Variable:
    key = (Variable, symbol)
    atom = _ATOMS.get(key) or _ATOMS.setdefault(key, Variable(symbol))
    assert isinstance(atom, Variable)
    return atom


def _floor_atom(inside: Poly, divisor: int) -> Floor:
    key = (Floor, inside, divisor)
    atom = _ATOMS.get(key) or _ATOMS.setdefault(key, Floor(inside, divisor))
    assert isinstance(atom, Floor)
    return atom


def call_atom(name: str, args: tuple[Number, ...], integer: bool, function: Function, build: Build, rising: bool = False) -> Call:
    """The one atom for name(*args). Its functions are those it was first made with."""
    key = (Call, name, args, integer)
    atom = _ATOMS.get(key) or _ATOMS.setdefault(key, Call(name, args, integer, function, build, rising))
    assert isinstance(atom, Call)
    return atom


def _degree(monomial: Monomial) -> int:
    return sum(atom.degree for atom in monomial)


def _plain(value: Rational) -> Rational:
    """A Fraction without a denominator is an int."""
    if type(value) is int:
        return value
    return value.numerator if value.denominator == 1 else value


def _collapse(terms: Terms) -> Number:
    """The number these terms (without zeros) stand for."""
    if len(terms) > 1:
        return Poly(terms)
    if not terms:
        return 0
    return terms[()] if () in terms else Poly(terms)


def _plus(terms: Terms, others: Iterable[tuple[Monomial, Rational]]) -> Terms:
    """Add into `terms` (changed and returned)."""
    for monomial, coefficient in others:
        total = _plain(terms.get(monomial, 0) + coefficient)
        if total:
            terms[monomial] = total
        else:
            terms.pop(monomial, None)
    return terms


def _product(one: Terms, other: Terms) -> Terms:
    if len(one) * len(other) > MOST_PRODUCTS:
        raise ArchcalcError(f"a product of {len(one)} by {len(other)} terms is too large")
    terms: Terms = {}
    for first, a in one.items():
        for second, b in other.items():
            monomial = tuple(sorted(first + second, key=_order)) if first and second else first or second
            terms[monomial] = terms.get(monomial, 0) + a * b
        if len(terms) > MOST_TERMS:
            raise ArchcalcError(f"a product has more than {MOST_TERMS} terms")
    return {monomial: _plain(coefficient) for monomial, coefficient in terms.items() if coefficient}


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
        raise TypeError(f"`{self}` is neither true nor false: it depends on {_names(self.symbols)}")

    def __str__(self) -> str:
        from .printing import text

        return text(self)

    def __repr__(self) -> str:
        return f"<{self}>"

    def __reduce__(self) -> tuple[object, ...]:
        return (_restore, (tuple(self.terms.items()),))

    # arithmetic

    @overload
    def __add__(self, other: Dim) -> Dim: ...
    @overload
    def __add__(self, other: Fraction) -> Number: ...
    def __add__(self, other: Number) -> Number:
        if isinstance(other, Poly):
            large, small = (self.terms, other.terms) if len(self.terms) >= len(other.terms) else (other.terms, self.terms)
            return _collapse(_plus(dict(large), small.items()))
        if isinstance(other, int | Fraction):
            return Poly(_plus(dict(self.terms), (((), other),))) if other else self
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
            return _collapse(_plus(dict(self.terms), ((monomial, -coefficient) for monomial, coefficient in other.terms.items())))
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
            return Poly({monomial: _plain(coefficient * other) for monomial, coefficient in self.terms.items()}) if other != 1 else self
        if isinstance(other, Poly):
            return _collapse(_product(self.terms, other.terms))
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
        raise Undecided(f"can't raise {other} to the power `{self}`: it depends on {_names(self.symbols)}", self.symbols)

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
        from .decide import bounds

        low, high = bounds(self)
        if other == 0 and ((low is not None and low > 0) or (high is not None and high < 0)):
            return 0
        raise _no_division(self)

    def __rmod__(self, other: object) -> Dim:
        raise _no_division(self)

    # order: decided over the whole domain, or Undecided

    def __lt__(self, other: Number) -> bool:
        from .decide import less

        return less(self, other)

    def __ge__(self, other: Number) -> bool:
        return not self < other

    def __gt__(self, other: Number) -> bool:
        from .decide import less

        return less(other, self)

    def __le__(self, other: Number) -> bool:
        return not self > other

    # values

    def evaluate(self, bindings: Mapping[str, int | Fraction]) -> int | Fraction:
        """The exact value at one point.

        Raises ArchcalcError when a symbol isn't bound, or is bound to a value outside of its domain (the closed form was
        simplified under it), or to anything but an int or a Fraction.
        """

        def value(atom: Variable) -> Number:
            name = atom.symbol.name
            if name not in bindings:
                raise ArchcalcError(f"no value for `{name}` in `{self}`")
            return _bound(atom.symbol, bindings[name])

        result = _rewrite(self, value, {})
        assert not isinstance(result, Poly)
        return result

    def substitute(self, bindings: Mapping[str, Number]) -> Number:
        """The same quantity with some symbols replaced, canonical again.

        Exact; raises ArchcalcError when a replacement can't be shown to stay in the symbol's domain.
        """
        replacements: dict[Variable, Number] = {}

        def replace(atom: Variable) -> Number:
            if atom not in replacements:
                value = bindings.get(atom.symbol.name)
                replacements[atom] = Poly({(atom,): 1}) if value is None else _bound(atom.symbol, value)
            return replacements[atom]

        return rewrite(self, replace)


Number: TypeAlias = int | Fraction | Poly  # what expressions compute with
Dim: TypeAlias = int | Poly  # what sizes are


def _names(symbols: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(symbols))


def _no_division(divisor: object) -> ArchcalcError:
    if not isinstance(divisor, Poly):
        return ArchcalcError(f"can't divide by {divisor}: only by a positive integer")
    message = f"can't divide by `{divisor}`: only division by an integer stays exact, so bind {_names(divisor.symbols)}"
    return Undecided(message, divisor.symbols)


def _restore(terms: Iterable[tuple[Monomial, Rational]]) -> Number:
    """Unpickling: the order of a monomial's atoms is this process's own."""
    return _collapse({tuple(sorted(monomial, key=_order)): coefficient for monomial, coefficient in terms})


def _bound(symbol: Symbol, value: Number) -> Number:
    """The value, once it is known to lie in the symbol's domain."""
    from .decide import bounds

    if not isinstance(value, int | Fraction | Poly):
        raise ArchcalcError(f"`{symbol.name}` can't be {value!r}: only an exact number")
    in_steps = not symbol.integer or value // symbol.multiple_of * symbol.multiple_of == value
    if not in_steps or not symbol.holds(*bounds(value)):
        raise ArchcalcError(f"`{symbol.name}` can't be {value}: it is {symbol.domain()}")
    return value if isinstance(value, Poly) else _plain(value)


def _rewrite(x: Number, variable: Callable[[Variable], Number], memo: dict[Atom, Number]) -> Number:
    if not isinstance(x, Poly):
        return x
    total: Number = 0
    for monomial, coefficient in x.terms.items():
        product: Number = coefficient
        for atom in monomial:
            if atom not in memo:
                memo[atom] = atom.rebuild(variable, memo)
            product = product * memo[atom]
        total = total + product
    return total if isinstance(total, Poly) else _plain(total)


def _nested(x: Number) -> Iterator[Atom]:
    """The atoms of x and those within them, with repetitions."""
    for atom in x.atoms() if isinstance(x, Poly) else ():
        yield atom
        for inner in (atom.inside,) if isinstance(atom, Floor) else atom.args if isinstance(atom, Call) else ():
            yield from _nested(inner)


def rewrite(x: Number, variable: Callable[[Variable], Number]) -> Number:
    """x with each symbol replaced, without a look at its domain (for those who split the domain themselves)."""
    return _rewrite(x, variable, {})


def _unit(monomial: Monomial) -> int:
    """What divides every value of the monomial; 0 when it isn't integer-valued."""
    unit = 1
    for atom in monomial:
        unit *= atom.multiple if atom.integer else 0
    return unit


def integral(x: Number) -> bool:
    """Whether each term of x is an integer for all values of its symbols (so True is a proof; False is none)."""
    terms: Terms = x.terms if isinstance(x, Poly) else {(): x}
    return all((unit := _unit(monomial)) and unit % c.denominator == 0 for monomial, c in terms.items())


@lru_cache(maxsize=1 << 14)
def _floordiv(x: Poly, divisor: int) -> Dim:
    """floor(x / divisor), canonical.

    Coefficients are counted in units: H with multiple_of=32 is 32 units of H/32, an integer. Over the common denominator all
    of them are ints, and whole multiples of the divisor leave the floor.
    """
    scale = math.lcm(*((c * (_unit(monomial) or 1)).denominator for monomial, c in x.terms.items()))
    divisor *= scale
    outside: Terms = {}
    left: dict[Monomial, int] = {}
    real = False
    for monomial, coefficient in x.terms.items():
        unit = _unit(monomial)
        units = int(coefficient * (unit or 1) * scale)
        if unit:
            whole, units = divmod(units, divisor)
            if whole:
                outside[monomial] = _plain(Fraction(whole, unit))
        else:
            real = True
        if units:
            left[monomial] = units
    constant = left.pop((), 0)
    if left:
        _plus(outside, _closed(left, constant, divisor, real).items())
    result = _collapse(outside)
    assert not isinstance(result, Fraction)
    return result


def _closed(left: dict[Monomial, int], constant: int, divisor: int, real: bool) -> Terms:
    """floor((left + constant)/divisor) for coefficients in units, already reduced: a new atom, or an inner floor widened."""
    common = math.gcd(divisor, *left.values(), constant if real else 0)
    divisor //= common
    inside: Terms = {monomial: _plain(Fraction(units // common, _unit(monomial) or 1)) for monomial, units in left.items()}
    if constant // common:
        inside[()] = constant // common
    floors = [monomial[0] for monomial in left if len(monomial) == 1 and isinstance(monomial[0], Floor) and inside[monomial] == 1]
    if real or len(floors) != 1:
        return {(_floor_atom(Poly(inside), divisor),): 1}
    inner = floors[0]
    del inside[(inner,)]
    result = (inner.inside + _collapse(inside) * inner.divisor) // (divisor * inner.divisor)
    return dict(result.terms) if isinstance(result, Poly) else {(): result} if result else {}


def symbol(name: str, *, minimum: Rational | None = 1, maximum: Rational | None = None, multiple_of: int = 1, integer: bool = True) -> Poly:
    """A free symbol as an expression; see `Symbol` for its domain and what raises."""
    return Poly({(_variable(Symbol(name, minimum, maximum, multiple_of, integer)),): 1})


def floor(x: Number) -> Dim:
    """The largest integer <= x, exact."""
    return x // 1


def ceil(x: Number) -> Dim:
    """The smallest integer >= x, exact; of integer-valued X over c it is the floor of (X + c - 1)/c, and equal to that."""
    if not isinstance(x, Poly) or not all(_unit(monomial) for monomial in x.terms):
        return -floor(-x)
    scale = math.lcm(*((c * _unit(monomial)).denominator for monomial, c in x.terms.items()))
    return (x * scale + (scale - 1)) // scale


def call(name: str, function: Callable[..., int | Fraction], *args: Number, integer: bool = True, rising: bool = False) -> Number:
    """A named rounding, such as make_divisible(24*alpha, 8).

    Of numbers it is computed at once; of anything symbolic it is one opaque atom: it prints as a call, is evaluated with
    `function`, and equals any other of the same name and arguments. `integer=False` says that its values needn't be
    integers, `rising` that it never falls while its symbolic arguments rise, so that it is bounded where they are. Raises
    ArchcalcError when `function` returns anything but an int or a Fraction (or an int, for integer=True).
    """
    if not name.isidentifier():
        raise ArchcalcError(f"`{name}` can't name a function")
    if not any(isinstance(arg, Poly) for arg in args):
        value = function(*args)
        if not isinstance(value, int | Fraction) or (integer and value != int(value)):
            raise ArchcalcError(f"{name}({', '.join(map(str, args))}) gave {value!r}: not exact")
        return _plain(value)

    args = tuple(arg if isinstance(arg, Poly) else _plain(arg) for arg in args)
    return Poly({(call_atom(name, args, integer, function, partial(call, name, function, integer=integer, rising=rising), rising),): 1})
