"""Sums over an index, and the polynomial through a sequence: what a body that is repeated `n` times costs and hands on.

The sum of i^m for i = 0 .. n-1 is a polynomial in n of degree m + 1 (Faulhaber), so a sum of polynomials in the index
has an exact closed form. An index inside a floor or a named rounding has none here, and is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import comb

from archcalc.errors import Undecided

from .intervals import bounds
from .poly import Number, Poly, Variable, rewrite, symbol


def index_symbol(name: str, start: int) -> Poly:
    """An index that counts up from `start`."""
    return symbol(name, minimum=start)


def _variable_of(index: Poly) -> Variable:
    ((atom,),) = index.terms
    assert isinstance(atom, Variable)
    return atom


def at(x: Number, index: Poly, value: Number) -> Number:
    """x where the index has this value. The value isn't held against the index's domain: the end of an empty range lies
    before it.
    """
    if not isinstance(x, Poly):
        return x
    variable = _variable_of(index)
    return rewrite(x, lambda atom: value if atom is variable else Poly({(atom,): 1}))


def summed(x: Number, index: Poly, start: Number, stop: Number) -> Number:
    """The sum of x for index = start .. stop - 1, exact wherever stop >= start.

    Raises Undecided where the index stands inside a floor or a named rounding.
    """
    if not isinstance(x, Poly):
        return x * (stop - start)
    variable = _variable_of(index)
    name = variable.symbol.name
    by_power: dict[int, Number] = {}
    for monomial, coefficient in x.terms.items():
        rest = tuple(atom for atom in monomial if atom is not variable)
        if any(name in atom.symbols for atom in rest):
            raise Undecided(f"the sum of {x} over {name} has no closed form here", x.symbols)
        power = len(monomial) - len(rest)
        by_power[power] = by_power.get(power, 0) + (Poly({rest: coefficient}) if rest else coefficient)
    total: Number = 0
    for power, factor in by_power.items():
        total = total + factor * (_power_sum(power, stop) - _power_sum(power, start))
    return total


def _power_sum(power: int, stop: Number) -> Number:
    """0^m + 1^m + ... + (stop - 1)^m."""
    total: Number = 0
    for coefficient in reversed(_faulhaber(power)):
        total = total * stop + coefficient
    return total


@lru_cache
def _faulhaber(power: int) -> tuple[Fraction, ...]:
    """The coefficients of n -> 0^m + ... + (n - 1)^m, the constant first: for n^(m+1) is the sum of comb(m+1, k) times
    the k-th.
    """
    coefficients = [Fraction(0)] * (power + 2)
    coefficients[power + 1] = Fraction(1)
    for lower in range(power):
        for n, c in enumerate(_faulhaber(lower)):
            coefficients[n] -= comb(power + 1, lower) * c
    return tuple(c / (power + 1) for c in coefficients)


def progression(values: Sequence[Number], index: Poly, start: int) -> Number:
    """The polynomial in the index of the lowest degree through values at start, start + 1 ... (Newton's forward
    differences).
    """
    total: Number = 0
    factor: Number = 1
    row = list(values)
    for order in range(len(values)):
        total = total + factor * row[0]
        row = [after - before for before, after in pairwise(row)]
        if not any(isinstance(d, Poly) or d for d in row):
            break
        factor = factor * (index - start - order) * Fraction(1, order + 1)
    return total


def extremes(x: Number, index: Poly, start: Number, stop: Number) -> tuple[Number, ...]:
    """Values of x among which its largest for index = start .. stop - 1 is.

    Raises Undecided where x neither only rises, nor only falls, nor bends upwards.
    """
    if not isinstance(x, Poly) or index.symbols.isdisjoint(x.symbols):
        return (x,)
    first, last = at(x, index, start), at(x, index, stop - 1)
    step = at(x, index, index + 1) - x
    low, high = bounds(step)
    if low is not None and low >= 0:
        return (last,)
    if high is not None and high <= 0:
        return (first,)
    bend = bounds(at(step, index, index + 1) - step)[0]
    if bend is not None and bend >= 0:  # convex: the largest is at an end
        return (first, last)
    raise Undecided(f"the largest of {x} over {_variable_of(index).symbol.name} has no closed form here", x.symbols)
