"""Intervals that hold every value of a closed form.

They come from the symbols' domains, tightened by X/c - (c-1)/c <= floor(X/c) <= X/c.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

from archcalc.errors import ArchcalcError

from .poly import Atom, Call, Floor, Monomial, Number, Poly, Rational, Variable, integral

Bound: TypeAlias = int | Fraction | None
Interval: TypeAlias = tuple[Bound, Bound]

MOST_TERMS_SHIFTED = 300
MOST_RELAXATIONS = 64


def bounds(x: Number) -> Interval:
    """An interval that holds every value of x over the domain of its symbols; None where it is unbounded.

    Exact for sums of increasing terms in different symbols, otherwise it may be wider than the values.
    """
    return _bounds(x) if isinstance(x, Poly) else (x, x)


@lru_cache(maxsize=1 << 13)
def _bounds(x: Poly) -> Interval:
    low, negated = lower(x), lower(-x)
    high = None if negated is None else -negated
    if integral(x):
        low, high = None if low is None else math.ceil(low), None if high is None else math.floor(high)
    return low, high


@lru_cache(maxsize=1 << 13)
def interval(atom: Atom) -> Interval:
    """The least and the greatest value of an atom; None where there is no bound."""
    if isinstance(atom, Variable):
        return atom.symbol.low, atom.symbol.high
    if isinstance(atom, Floor):
        low, high = _bounds(atom.inside)
        return None if low is None else low // atom.divisor, None if high is None else high // atom.divisor
    if isinstance(atom, Call) and atom.name in ("min", "max"):
        return _interval_of_extreme(atom.name == "min", [bounds(arg) for arg in atom.args])
    if isinstance(atom, Call) and atom.rising:
        ends = zip(*map(bounds, atom.args), strict=True)
        low, high = (None if None in end else atom.function(*end) for end in ends)
        return low, high
    return None, None


def _interval_of_extreme(smaller: bool, intervals: list[Interval]) -> Interval:
    lows = [low for low, _ in intervals if low is not None]
    highs = [high for _, high in intervals if high is not None]
    all_low, all_high = len(lows) == len(intervals), len(highs) == len(intervals)
    if smaller:
        return min(lows) if all_low else None, min(highs, default=None)
    return max(lows, default=None), max(highs) if all_high else None


def lower(x: Poly) -> Bound:
    """The best lower bound found: with floors as they are, or replaced by what they are a rounding of."""
    found = [_lower_shifted(x)]
    relaxed = _relaxed(x)
    if relaxed is not x:
        found.append(_lower_shifted(relaxed) if isinstance(relaxed, Poly) else relaxed)
    return max((low for low in found if low is not None), default=None)


def _relaxed(x: Number) -> Number:
    """At most x everywhere: floors that stand beside non-negative factors are replaced by their bounds, one by one."""
    for _ in range(MOST_RELAXATIONS):
        step = next(_relaxable(x), None) if isinstance(x, Poly) and len(x.terms) <= MOST_TERMS_SHIFTED else None
        if step is None or not isinstance(x, Poly):
            break
        monomial, position = step
        atom, coefficient = monomial[position], x.terms[monomial]
        assert isinstance(atom, Floor)
        slack = atom.divisor - 1 if integral(atom.inside) else atom.divisor
        bound = (atom.inside - (slack if coefficient > 0 else 0)) * Fraction(1, atom.divisor)
        rest = monomial[:position] + monomial[position + 1 :]
        x = x - Poly({monomial: coefficient}) + (Poly({rest: coefficient}) * bound if rest else coefficient * bound)
    return x


def _relaxable(x: Poly) -> Iterator[tuple[Monomial, int]]:
    for monomial in x.terms:
        for position, atom in enumerate(monomial):
            others = monomial[:position] + monomial[position + 1 :]
            if isinstance(atom, Floor) and all(
                (low := interval(other)[0]) is not None and low >= 0 for other in others
            ):
                yield monomial, position


def _lower_shifted(x: Poly) -> Bound:
    """The lower bound of x once every bounded atom counts from its own bound, term by term."""
    if len(x.terms) > MOST_TERMS_SHIFTED:
        return None
    try:
        shifted = _shifted(x)
    except ArchcalcError:  # too many terms
        return None
    if not isinstance(shifted, Poly):
        return shifted
    total: Rational = 0
    for monomial, coefficient in shifted.terms.items():
        low, high = _span(monomial)
        bound = low if coefficient > 0 else high
        if bound is None:
            return None
        total += coefficient * bound
    return total


def _shifted(x: Poly) -> Number:
    """x with each atom replaced by low + atom or high - atom: from here on an atom stands for its distance from a
    bound.
    """
    total: Number = 0
    for monomial, coefficient in x.terms.items():
        term: Number = coefficient
        for atom in monomial:
            low, high = interval(atom)
            distance = Poly({(atom,): 1})
            term = term * (low + distance if low is not None else high - distance if high is not None else distance)
        total = total + term
    return total


def _span(monomial: Monomial) -> Interval:
    """The interval of a product of distances."""
    if not monomial:
        return 1, 1
    widest: Bound = 1
    signed: dict[Atom, int] = {}
    for atom in monomial:
        low, high = interval(atom)
        if low is None and high is None:
            signed[atom] = signed.get(atom, 0) + 1
        width = None if low is None or high is None else high - low
        if width == 0:
            return 0, 0
        widest = None if widest is None or width is None else widest * width
    return None if any(power % 2 for power in signed.values()) else 0, widest
