"""Sums and products of monomials with their coefficients."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import TypeAlias

from archcalc.errors import ArchcalcError

from .atoms import Monomial, Rational

Terms: TypeAlias = dict[Monomial, Rational]

MOST_TERMS = 5000
MOST_PRODUCTS = 40 * MOST_TERMS
ORDER = attrgetter("order")  # of the atoms of a monomial


def plain(value: Rational) -> Rational:
    """A Fraction without a denominator is an int."""
    if type(value) is int:
        return value
    return value.numerator if value.denominator == 1 else value


def plus(terms: Terms, others: Iterable[tuple[Monomial, Rational]]) -> Terms:
    """Add into `terms` (changed and returned)."""
    for monomial, coefficient in others:
        total = plain(terms.get(monomial, 0) + coefficient)
        if total:
            terms[monomial] = total
        else:
            terms.pop(monomial, None)
    return terms


def product(one: Terms, other: Terms) -> Terms:
    """Every term of one times every term of the other. Raises ArchcalcError where these are too many."""
    if len(one) * len(other) > MOST_PRODUCTS:
        raise ArchcalcError(f"a product of {len(one)} by {len(other)} terms is too large")
    terms: Terms = {}
    for first, a in one.items():
        for second, b in other.items():
            monomial = tuple(sorted(first + second, key=ORDER)) if first and second else first or second
            terms[monomial] = terms.get(monomial, 0) + a * b
        if len(terms) > MOST_TERMS:
            raise ArchcalcError(f"a product has more than {MOST_TERMS} terms")
    return {monomial: plain(coefficient) for monomial, coefficient in terms.items() if coefficient}
