"""A quantity as text: the spec language (`text`), for people (`unicode`), for papers (`latex`), for sympy.

Terms are grouped by the set of symbols they contain. Groups come by their highest degree, then with fewer symbols
first, then by name; inside a group the degree falls and, among equal degrees, divisors grow; the constant is last. So
ResNet-50 begins with its largest maps, and DenseNet reads 6700k² + 2908k + 32kn + n.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

from .equality import always_integral
from .poly import Atom, Call, Floor, Monomial, Number, Poly, Variable, integral

if TYPE_CHECKING:
    import sympy

Rational: TypeAlias = int | Fraction
Term: TypeAlias = "tuple[Monomial, Rational]"


def ordered(x: Poly) -> list[Term]:
    """The terms in the order in which they are printed."""
    names = {monomial: tuple(sorted(frozenset().union(*(atom.symbols for atom in monomial)))) for monomial in x.terms}
    degree = {monomial: sum(atom.degree for atom in monomial) for monomial in x.terms}
    highest: dict[tuple[str, ...], int] = {}
    for monomial, group in names.items():
        highest[group] = max(highest.get(group, 0), degree[monomial])

    def rank(term: Term) -> tuple[object, ...]:
        monomial, group = term[0], names[term[0]]
        divisors = sorted(atom.divisor for atom in monomial if isinstance(atom, Floor))
        return (
            -highest[group],
            len(group),
            group,
            -degree[monomial],
            divisors,
            [atom.key for atom, _ in powers(monomial)],
        )

    return sorted(x.terms.items(), key=rank)


def powers(monomial: Monomial) -> list[tuple[Atom, int]]:
    """The atoms with their exponents: symbols, then floors, then calls."""
    return [(atom, len(list(run))) for atom, run in groupby(sorted(monomial, key=lambda atom: atom.key))]


class Printer:
    """Walks a quantity; a notation says how each part is written.

    With `digits`, coefficients that aren't whole are decimals of so many significant digits: for what was measured.
    """

    def __init__(self, digits: int | None = None) -> None:
        self.digits = digits

    def number(self, x: Number) -> str:
        """Any quantity."""
        if not isinstance(x, Poly):
            return self.constant(x)
        return self.sum(self.term(coefficient, monomial) for monomial, coefficient in ordered(x))

    def sum(self, terms: Iterable[str]) -> str:
        """Terms, each with its own sign, joined."""
        first, *others = terms
        return first + "".join(f" - {term[1:]}" if term.startswith("-") else f" + {term}" for term in others)

    def term(self, coefficient: Rational, monomial: Monomial) -> str:
        """One term, with a leading minus if it is negative."""
        if not monomial:
            return self.constant(coefficient)
        sign = "-" if coefficient < 0 else ""
        if self.digits is not None and coefficient.denominator != 1:
            return sign + self.product(self.decimal(max(coefficient, -coefficient)), powers(monomial))
        top = self.product(abs(coefficient.numerator), powers(monomial))
        return sign + (top if coefficient.denominator == 1 else self.fraction(top, coefficient.denominator))

    def constant(self, x: Rational) -> str:
        """A plain number."""
        if self.digits is None or x.denominator == 1:
            return str(x)
        return str(self.decimal(x))

    def decimal(self, x: Rational) -> Decimal:
        """A number to so many digits."""
        return Decimal(f"{float(x):.{self.digits}g}").normalize()

    def product(self, coefficient: int | Decimal, factors: list[tuple[Atom, int]]) -> str:
        """A positive coefficient times powers of atoms."""
        raise NotImplementedError

    def fraction(self, top: str, bottom: int) -> str:
        """A product over an integer that divides it, or whatever the notation has for that."""
        raise NotImplementedError


class Text(Printer):
    """The spec language, which Python reads as well."""

    def number(self, x: Number) -> str:
        """Terms over a denominator of their own where it divides them; otherwise all over the common one."""
        if not isinstance(x, Poly) or self.digits is not None or integral(x):
            return super().number(x)
        bottom = math.lcm(*(c.denominator for c in x.terms.values()))
        top = super().number(x * bottom)
        return (
            top
            if bottom == 1
            else self.fraction(_bracketed(top), bottom)
            if always_integral(x)
            else self.ratio(_bracketed(top), bottom)
        )

    def product(self, coefficient: int | Decimal, factors: list[tuple[Atom, int]]) -> str:
        alone = coefficient == 1 and len(factors) == 1 and factors[0][1] == 1
        parts = [str(coefficient)] if coefficient != 1 else []
        for atom, power in factors:
            base = self.atom(atom, alone)
            parts.append(base if power == 1 else f"{base}**{power}")
        return "*".join(parts)

    def fraction(self, top: str, bottom: int) -> str:
        return f"{top}//{bottom}"

    def ratio(self, top: str, bottom: int) -> str:
        """A fraction that needn't be an integer."""
        return f"{top}/{bottom}"

    def atom(self, atom: Atom, alone: bool) -> str:
        """An atom; a floor without parentheses only where it is a term of its own."""
        if isinstance(atom, Variable):
            return self.name(atom.symbol.name)
        if isinstance(atom, Call):
            return f"{atom.name}({', '.join(map(self.number, atom.args))})"
        assert isinstance(atom, Floor)
        return self.floor(atom) if alone else f"({self.floor(atom)})"

    def name(self, name: str) -> str:
        """A symbol."""
        return name

    def floor(self, atom: Floor) -> str:
        """inside // divisor, in ints."""
        scale = math.lcm(*(c.denominator for c in atom.inside.terms.values()))
        return f"{_bracketed(self.number(atom.inside * scale))}//{scale * atom.divisor}"

    def term(self, coefficient: Rational, monomial: Monomial) -> str:
        written = super().term(coefficient, monomial)
        bare_floor = coefficient == -1 and len(monomial) == 1 and isinstance(monomial[0], Floor)
        return f"-({written[1:]})" if bare_floor else written


def _bracketed(top: str) -> str:
    return top if top.isidentifier() else f"({top})"


class Brackets(Printer):
    """Floors and ceilings in brackets: floor(-X/c) is -ceil(X/c)."""

    def term(self, coefficient: Rational, monomial: Monomial) -> str:
        turned = sum(isinstance(atom, Floor) and is_negative(atom.inside) for atom in monomial)
        return super().term(-coefficient if turned % 2 else coefficient, monomial)


class Unicode(Brackets):
    """For people: ceilings recognised, exponents raised, single letters side by side."""

    def product(self, coefficient: int | Decimal, factors: list[tuple[Atom, int]]) -> str:
        parts = [str(coefficient)] if coefficient != 1 else []
        parts += [
            self.atom(atom) + ("" if power == 1 else str(power).translate(SUPERSCRIPTS)) for atom, power in factors
        ]
        words = [
            len(atom.symbol.name) > 1 if isinstance(atom, Variable) else isinstance(atom, Call) for atom, _ in factors
        ]
        words = [False] * (len(parts) - len(words)) + words
        return parts[0] + "".join(("·" if words[n - 1] or words[n] else "") + parts[n] for n in range(1, len(parts)))

    def fraction(self, top: str, bottom: int) -> str:
        return f"{top}/{bottom}"

    def atom(self, atom: Atom) -> str:
        """A symbol, a bracketed floor or ceiling, or a call."""
        if isinstance(atom, Variable):
            return atom.symbol.name
        if isinstance(atom, Call):
            return f"{atom.name}({', '.join(map(self.number, atom.args))})"
        assert isinstance(atom, Floor)
        inside, divisor, ceiling = rounding(atom)
        top = self.number(inside).replace(" ", "")
        several = isinstance(inside, Poly) and len(inside.terms) > 1
        fraction = f"({top})/{divisor}" if several and divisor > 1 else f"{top}/{divisor}" if divisor > 1 else top
        return f"⌈{fraction}⌉" if ceiling else f"⌊{fraction}⌋"


SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def is_negative(inside: Poly) -> bool:
    """Whether no term of it is positive as it is written."""
    return all(coefficient < 0 for coefficient in inside.terms.values())


def rounding(atom: Floor) -> tuple[Number, int, bool]:
    """What is rounded, over which divisor, and whether upwards: floor((X + c - 1)/c) is ceil(X/c), floor(-X/c) is minus
    that.
    """
    scale = math.lcm(*(c.denominator for c in atom.inside.terms.values()))
    if is_negative(atom.inside):
        return -atom.inside * scale, atom.divisor * scale, True
    ceiling = atom.divisor > 1 and atom.inside.terms.get(()) == atom.divisor - 1 and integral(atom.inside)
    inside = atom.inside - (atom.divisor - 1) if ceiling else atom.inside
    return inside * scale, atom.divisor * scale, ceiling


class Latex(Brackets):
    """LaTeX math, without dollar signs."""

    def product(self, coefficient: int | Decimal, factors: list[tuple[Atom, int]]) -> str:
        parts = [str(coefficient)] if coefficient != 1 else []
        parts += [self.atom(atom) + ("" if power == 1 else f"^{{{power}}}") for atom, power in factors]
        return " ".join(parts)

    def constant(self, x: Rational) -> str:
        sign = "-" if x < 0 else ""
        return (
            super().constant(x)
            if self.digits is not None or x.denominator == 1
            else f"{sign}\\frac{{{abs(x.numerator)}}}{{{x.denominator}}}"
        )

    def fraction(self, top: str, bottom: int) -> str:
        return f"\\frac{{{top}}}{{{bottom}}}"

    def atom(self, atom: Atom) -> str:
        """A symbol, a bracketed floor or ceiling, or a call."""
        if isinstance(atom, Variable):
            return _latex_name(atom.symbol.name)
        if isinstance(atom, Call):
            name = f"\\{atom.name}" if atom.name in ("min", "max") else f"\\operatorname{{{_escaped(atom.name)}}}"
            return f"{name}\\left({', '.join(map(self.number, atom.args))}\\right)"
        assert isinstance(atom, Floor)
        inside, divisor, ceiling = rounding(atom)
        side = "ceil" if ceiling else "floor"
        top = self.number(inside)
        return f"\\left\\l{side} {self.fraction(top, divisor) if divisor > 1 else top} \\right\\r{side}"


def _escaped(name: str) -> str:
    return name.replace("_", "\\_")


def _latex_name(name: str) -> str:
    return name if len(name) == 1 and name != "_" else f"\\mathit{{{_escaped(name)}}}"


def text(x: Number, digits: int | None = None) -> str:
    """x in the spec language, which is also Python: `9408*((size + 1)//2)**2 + 2048000`.

    Only + - * // ** and calls, so that evaluating it with ints gives the exact value. What isn't shown to be an integer
    everywhere ends in `/denominator`: exact when the symbols are bound to Fractions. With `digits`, coefficients are
    decimals instead.
    """
    return Text(digits).number(x)


def unicode(x: Number, digits: int | None = None) -> str:
    """x for people: `9408⌈H/2⌉⌈W/2⌉ + 2048000`, `6700k² + 2908k + 32kn + n`, `32·classes·growth`."""
    return Unicode(digits).number(x)


def latex(x: Number, digits: int | None = None) -> str:
    r"""x as LaTeX math without dollar signs: `9408 \left\lceil \frac{H}{2} \right\rceil`."""
    return Latex(digits).number(x)


def to_sympy(x: Number) -> sympy.Expr:
    """x as a sympy expression, exact: symbols carry the assumptions of their domains, floors are of rational multiples,
    named roundings are undefined functions (min and max are sympy's own). sympy is imported only now."""
    import sympy

    def rational(value: Rational) -> sympy.Expr:
        return sympy.Rational(value.numerator, value.denominator)

    def whole(value: Number) -> sympy.Expr:
        if not isinstance(value, Poly):
            return rational(value)
        return sympy.Add(
            *(sympy.Mul(rational(c), *(one(atom) ** power for atom, power in powers(m))) for m, c in ordered(value))
        )

    def one(atom: Atom) -> sympy.Expr:
        if isinstance(atom, Variable):
            return _sympy_symbol(atom, sympy.Symbol)
        if isinstance(atom, Call):
            function = {"min": sympy.Min, "max": sympy.Max}.get(atom.name) or sympy.Function(atom.name)
            return function(*map(whole, atom.args))
        assert isinstance(atom, Floor)
        return sympy.floor(whole(atom.inside / atom.divisor))

    return whole(x)


def _sympy_symbol(atom: Variable, make: Callable[..., sympy.Expr]) -> sympy.Expr:
    low = atom.symbol.low
    sign = (
        {"positive": True}
        if low is not None and low > 0
        else {"nonnegative": True}
        if low is not None and low >= 0
        else {}
    )
    return make(atom.symbol.name, **({"integer": True} if atom.integer else {"real": True}), **sign)
