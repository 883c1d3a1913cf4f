"""What monomials are made of: symbols, floors of polynomials and named roundings; each exists once in a process."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import count
from keyword import iskeyword
from typing import TYPE_CHECKING, TypeAlias

from archcalc.errors import ArchcalcError
from archcalc.records import Record

if TYPE_CHECKING:
    from .polynomial import Number, Poly
    from .rewriting import Rewriting

Rational: TypeAlias = int | Fraction
Monomial: TypeAlias = "tuple[Atom, ...]"
Function: TypeAlias = Callable[..., Rational]
Build: TypeAlias = "Callable[..., Number]"

_ATOMS: dict[tuple[object, ...], Atom] = {}
_numbers = count()


class Symbol(Record):
    """A design parameter left free, with its domain: `minimum..maximum` (None: unbounded), in steps of `multiple_of`.

    `integer=False` is a real-valued multiplier, such as a width multiplier alpha. Raises ArchcalcError for an empty
    domain or a name that isn't an identifier.
    """

    name: str
    minimum: int | Fraction | None = 1
    maximum: int | Fraction | None = None
    multiple_of: int = 1
    integer: bool = True

    def agree(self) -> None:
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
        parts = [
            (
                f"a multiple of {self.multiple_of}"
                if self.multiple_of > 1
                else "an integer"
                if self.integer
                else "a number"
            )
        ]
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

    def rebuild(self, rewriting: Rewriting) -> Number:
        """The atom's value once every symbol is replaced."""
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
        return (variable_atom, (self.symbol,))

    def rebuild(self, rewriting: Rewriting) -> Number:
        return rewriting.variable(self)


class Floor(Atom):
    """floor(inside / divisor); made by `Poly.__floordiv__` alone, which sees to the canonical form."""

    __slots__ = ("divisor", "inside")

    def __init__(self, inside: Poly, divisor: int) -> None:
        super().__init__(inside.symbols, max(degree(monomial) for monomial in inside.terms))
        self.inside, self.divisor = inside, divisor

    def _sort_key(self) -> tuple[object, ...]:
        return (1, tuple(sorted(self.symbols)), self.divisor, str(self.inside))

    def __reduce__(self) -> tuple[object, ...]:
        return (floor_atom, (self.inside, self.divisor))

    def rebuild(self, rewriting: Rewriting) -> Number:
        return rewriting(self.inside) // self.divisor


class Call(Atom):
    """name(*args), opaque; `build` makes it anew from other arguments. `rising`: it never falls while its arguments
    rise.
    """

    __slots__ = ("args", "build", "function", "name", "rising")

    def __init__(
        self, name: str, args: tuple[Number, ...], integer: bool, function: Function, build: Build, rising: bool
    ) -> None:
        super().__init__(
            frozenset().union(*(arg.symbols for arg in args if not isinstance(arg, int | Fraction))), 1, integer
        )
        self.name, self.args, self.function, self.build, self.rising = name, args, function, build, rising

    def _sort_key(self) -> tuple[object, ...]:
        return (2, tuple(sorted(self.symbols)), 1, f"{self.name}({', '.join(map(str, self.args))})")

    def __reduce__(self) -> tuple[object, ...]:
        return (call_atom, (self.name, self.args, self.integer, self.function, self.build, self.rising))

    def rebuild(self, rewriting: Rewriting) -> Number:
        """The same function of its arguments after rewriting each."""
        return self.build(*map(rewriting, self.args))


def variable_atom(symbol: Symbol) -> Variable:
    """The atom of a symbol, one object however often it is asked for."""
    key = (Variable, symbol)
    atom = _ATOMS.get(key) or _ATOMS.setdefault(key, Variable(symbol))
    assert isinstance(atom, Variable)
    return atom


def floor_atom(inside: Poly, divisor: int) -> Floor:
    """The atom of a rounded-down quotient, one object however often it is asked for."""
    key = (Floor, inside, divisor)
    atom = _ATOMS.get(key) or _ATOMS.setdefault(key, Floor(inside, divisor))
    assert isinstance(atom, Floor)
    return atom


def call_atom(
    name: str, args: tuple[Number, ...], integer: bool, function: Function, build: Build, rising: bool = False
) -> Call:
    """The one atom for name(*args). Its functions are those it was first made with."""
    key = (Call, name, args, integer)
    atom = _ATOMS.get(key) or _ATOMS.setdefault(key, Call(name, args, integer, function, build, rising))
    assert isinstance(atom, Call)
    return atom


def degree(monomial: Monomial) -> int:
    """The degree of a monomial: the sum of those of its atoms."""
    return sum(atom.degree for atom in monomial)


def unit_of(monomial: Monomial) -> int:
    """What divides every value of the monomial; 0 when it isn't integer-valued."""
    unit = 1
    for atom in monomial:
        unit *= atom.multiple if atom.integer else 0
    return unit
