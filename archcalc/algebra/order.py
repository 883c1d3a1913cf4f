"""Which of two closed forms is less, and from where on one is at least 1: at every point of the domain, or the question
is Undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

from .equality import undecided
from .intervals import bounds, interval
from .poly import (
    Atom,
    Call,
    Dim,
    Floor,
    Monomial,
    Number,
    Poly,
    Rational,
    Symbol,
    Variable,
    integral,
    rewrite,
    symbol,
    variables_in,
)
from .printing import text

FARTHEST = 1 << 64


def less(a: Number, b: Number) -> bool:
    """Whether a < b: True or False when it is so at every point of the domain, otherwise raises Undecided."""
    difference = b - a
    low, high = bounds(difference)
    if low is not None and low > 0:
        return True
    if high is not None and high <= 0:
        return False
    assert isinstance(difference, Poly)
    raise undecided(f"whether {a} < {b}", difference, _threshold(difference))


def _threshold(difference: Poly) -> str:
    """The hint for difference > 0 where it turns on a single value of one symbol."""
    if not integral(difference):
        return ""
    if (needed := lower_bound(difference)) is not None:
        return f"true only when {needed[0]} >= {needed[1]}"
    negated = 1 - difference
    if isinstance(negated, Poly) and (needed := lower_bound(negated)) is not None:
        return f"true only when {needed[0]} < {needed[1]}"
    return ""


def increasing(x: Number) -> bool:
    """Whether x is shown not to decrease when any of its symbols grows (False: it isn't shown)."""
    if not isinstance(x, Poly):
        return True
    return all(not monomial or coefficient * _trend(monomial) > 0 for monomial, coefficient in x.terms.items())


def _trend(monomial: Monomial) -> int:
    """1 for a product that is shown not to fall, -1 for one that is shown not to rise, while its symbols grow; else
    0.
    """
    trends = {trend(atom) for atom in monomial}
    return (
        trends.pop()
        if len(trends) == 1 and (len(monomial) == 1 or (trends == {1} and all(map(_not_negative, monomial))))
        else 0
    )


def trend(atom: Atom) -> int:
    """1 for an atom that is shown not to fall, -1 for one that is shown not to rise, while its symbols grow; else 0."""
    if isinstance(atom, Variable):
        return 1
    assert isinstance(atom, (Floor, Call))
    inside = (atom.inside,) if isinstance(atom, Floor) else atom.args
    if isinstance(atom, Call) and not atom.rising and atom.name not in ("min", "max"):
        return 0
    return 1 if all(map(increasing, inside)) else -1 if all(increasing(-part) for part in inside) else 0


def _not_negative(atom: Atom) -> bool:
    low = interval(atom)[0]
    return low is not None and low >= 0


def lower_bound(x: Dim) -> tuple[str, int] | None:
    """The name of x's only symbol and its smallest value with x >= 1, from which on x stays >= 1.

    Exact, for what is shown to be increasing in one integer symbol; None for anything else.
    """
    variables = variables_in(x)
    if len(variables) != 1 or not increasing(x):
        return None
    (variable,) = variables
    if not variable.integer:
        return None

    def positive(steps: int) -> bool:
        value = rewrite(x, lambda _: steps * variable.multiple)
        assert not isinstance(value, Poly)
        return value >= 1

    low = variable.symbol.low
    first = int(low) // variable.multiple if low is not None else None
    steps = _first(positive, first)
    return None if steps is None else (variable.symbol.name, steps * variable.multiple)


def _first(holds: Callable[[int], bool], start: int | None) -> int | None:
    """The smallest integer (from start on) for which a condition that stays true once it is true holds, found by
    doubling.
    """
    if start is not None and holds(start):
        return start
    below, stride = start if start is not None else 0, 1
    while holds(below):  # only where there is no start
        below, stride = below - stride, stride * 2
        if stride > FARTHEST:
            return None
    above, stride = below + 1, 1
    while not holds(above):
        below, above, stride = above, above + stride, stride * 2
        if stride > FARTHEST:
            return None
    while above - below > 1:
        middle = (above + below) // 2
        below, above = (below, middle) if holds(middle) else (middle, above)
    return above


def domain(dims: Iterable[Dim]) -> tuple[str, ...]:
    """The conditions, in the spec language, under which every dim is >= 1; those that the symbols' own domains imply
    are left out.

    One exact lower bound for each symbol ("size >= 17"); what isn't increasing, or has several symbols, is spelled "...
    >= 1".
    """
    needed: dict[str, int] = {}
    others: list[Dim] = []
    for dim in dict.fromkeys(dims):
        low = bounds(dim)[0]
        if low is not None and low >= 1:
            continue
        bound = lower_bound(dim)
        if bound is None:
            others.append(dim)
        else:
            needed[bound[0]] = max(bound[1], needed.get(bound[0], bound[1]))
    left = (f"{dim} >= 1" for dim in others if not _implied(dim, needed))
    return (*(f"{name} >= {value}" for name, value in sorted(needed.items())), *sorted(left))


def shares(values: Iterable[Number]) -> tuple[str, ...]:
    """The conditions, in the spec language, under which every value is from 0 to 1; those that the symbols' own domains
    imply are left out.

    One exact limit a side for what is linear in one symbol ("drop <= 1.1"), which says all that wider ones do.
    """
    sides: dict[tuple[str, str], Rational] = {}
    others: dict[str, None] = {}
    for value in values:
        low, high = bounds(value)
        if not isinstance(value, Poly) or (low is not None and low >= 0 and high is not None and high <= 1):
            continue
        line = _line(value)
        if line is None:
            others |= dict.fromkeys((f"{text(value)} >= 0", f"{text(value)} <= 1"))
            continue
        of, start, slope = line
        ends = sorted((-start / slope, (1 - start) / slope))
        if of.low is None or of.low < ends[0]:
            sides[of.name, ">="] = max(ends[0], sides.get((of.name, ">="), ends[0]))
        if of.high is None or of.high > ends[1]:
            sides[of.name, "<="] = min(ends[1], sides.get((of.name, "<="), ends[1]))
    return (*(f"{name} {side} {limit}" for (name, side), limit in sorted(sides.items())), *others)


def _line(x: Poly) -> tuple[Symbol, Fraction, Fraction] | None:
    """The symbol, the start and the slope of what is linear in one symbol and has nothing else."""
    left = {monomial: coefficient for monomial, coefficient in x.terms.items() if monomial}
    if len(left) != 1 or len(monomial := next(iter(left))) != 1 or not isinstance(monomial[0], Variable):
        return None
    return monomial[0].symbol, Fraction(x.terms.get((), 0)), Fraction(left[monomial])


def _implied(dim: Dim, needed: dict[str, int]) -> bool:
    """Whether dim >= 1 follows once each symbol is at least what is needed of it."""

    def raised(atom: Variable) -> Number:
        s = atom.symbol
        least = needed.get(s.name)
        if least is None or (s.low is not None and s.low >= least) or (s.high is not None and s.high < least):
            return Poly({(atom,): 1})
        return symbol(s.name, minimum=least, maximum=s.maximum, multiple_of=s.multiple_of, integer=s.integer)

    low = bounds(rewrite(dim, raised))[0]
    return low is not None and low >= 1
