"""Questions about sizes with free symbols: each answer holds at every point of the domain, or the question is Undecided.

Intervals come from the symbols' domains, tightened by X/c - (c-1)/c <= floor(X/c) <= X/c. Equality is decided by residues:
modulo a common multiple of the divisors every floor is a polynomial, so what is left to compare is polynomials.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import lru_cache, partial
from itertools import product
from typing import TypeAlias

from archcalc.errors import ArchcalcError, Undecided

from .poly import (
    Atom,
    Call,
    Dim,
    Floor,
    Monomial,
    Number,
    Poly,
    Symbol,
    Variable,
    _names,
    _nested,
    call_atom,
    floor,
    integral,
    rewrite,
    symbol,
)

Rational: TypeAlias = int | Fraction
Bound: TypeAlias = int | Fraction | None
Interval: TypeAlias = tuple[Bound, Bound]
Residues: TypeAlias = tuple[int, ...]  # of the symbols that are split into classes

MOST_CLASSES = 2048
MOST_POINTS = 4096
MOST_TERMS_SHIFTED = 300
MOST_RELAXATIONS = 64
FARTHEST = 1 << 64


# intervals


def bounds(x: Number) -> Interval:
    """An interval that holds every value of x over the domain of its symbols; None where it is unbounded.

    Exact for sums of increasing terms in different symbols, otherwise it may be wider than the values.
    """
    return _bounds(x) if isinstance(x, Poly) else (x, x)


@lru_cache(maxsize=1 << 13)
def _bounds(x: Poly) -> Interval:
    low, negated = _lower(x), _lower(-x)
    high = None if negated is None else -negated
    if integral(x):
        low, high = None if low is None else math.ceil(low), None if high is None else math.floor(high)
    return low, high


@lru_cache(maxsize=1 << 13)
def _range(atom: Atom) -> Interval:
    if isinstance(atom, Variable):
        return atom.symbol.low, atom.symbol.high
    if isinstance(atom, Floor):
        low, high = _bounds(atom.inside)
        return None if low is None else low // atom.divisor, None if high is None else high // atom.divisor
    if isinstance(atom, Call) and atom.build in (minimum, maximum):
        return _range_of_extreme(atom.build is minimum, [bounds(arg) for arg in atom.args])
    if isinstance(atom, Call) and atom.rising:
        ends = zip(*map(bounds, atom.args), strict=True)
        low, high = (None if None in end else atom.function(*end) for end in ends)
        return low, high
    return None, None


def _range_of_extreme(smaller: bool, intervals: list[Interval]) -> Interval:
    lows = [low for low, _ in intervals if low is not None]
    highs = [high for _, high in intervals if high is not None]
    all_low, all_high = len(lows) == len(intervals), len(highs) == len(intervals)
    if smaller:
        return min(lows) if all_low else None, min(highs, default=None)
    return max(lows, default=None), max(highs) if all_high else None


def _lower(x: Poly) -> Bound:
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
            if isinstance(atom, Floor) and all((low := _range(other)[0]) is not None and low >= 0 for other in others):
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
    """x with each atom replaced by low + atom or high - atom: from here on an atom stands for its distance from a bound."""
    total: Number = 0
    for monomial, coefficient in x.terms.items():
        term: Number = coefficient
        for atom in monomial:
            low, high = _range(atom)
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
        low, high = _range(atom)
        if low is None and high is None:
            signed[atom] = signed.get(atom, 0) + 1
        width = None if low is None or high is None else high - low
        if width == 0:
            return 0, 0
        widest = None if widest is None or width is None else widest * width
    return None if any(power % 2 for power in signed.values()) else 0, widest


# order


def less(a: Number, b: Number) -> bool:
    """Whether a < b: True or False when it is so at every point of the domain, otherwise raises Undecided."""
    difference = b - a
    low, high = bounds(difference)
    if low is not None and low > 0:
        return True
    if high is not None and high <= 0:
        return False
    assert isinstance(difference, Poly)
    raise _undecided(f"whether {a} < {b}", difference, _threshold(difference))


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


def minimum(*values: Number) -> Number:
    """The smallest; where that depends on the symbols, one atom min(...) of those that may be it, in canonical order."""
    return _extreme("min", min, minimum, values)


def maximum(*values: Number) -> Number:
    """The largest; where that depends on the symbols, one atom max(...) of those that may be it, in canonical order."""
    return _extreme("max", max, maximum, values)


def _extreme(name: str, function: Callable[..., Rational], build: Callable[..., Number], values: tuple[Number, ...]) -> Number:
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
    low = _lower(ahead) if isinstance(ahead, Poly) else ahead
    return low is not None and low >= 0


# equality


def same(a: Number, b: Number) -> bool:
    """Whether a == b: True only if equal at every point of the domain, False only if different at every point.

    Raises Undecided otherwise; its message names the symbols and, where one was found, the constraint that would settle it.
    """
    if a == b:
        return True
    difference = a - b
    verdict, hint = _vanishes(difference) if isinstance(difference, Poly) else (difference == 0, "")
    if verdict is None:
        assert isinstance(difference, Poly)
        raise _undecided(f"whether {a} equals {b}", difference, hint)
    return verdict


def divides(n: int, x: Number) -> bool:
    """Whether n divides x: True or False when it is so at every point of the domain, otherwise raises Undecided."""
    if n < 1:
        raise ArchcalcError(f"can't divide by {n}: only by a positive integer")
    remainder = x - n * (x // n)
    verdict, hint = _vanishes(remainder) if isinstance(remainder, Poly) else (remainder == 0, "")
    if verdict is None:
        assert isinstance(remainder, Poly)
        raise _undecided(f"whether {n} divides {x}", remainder, hint)
    return verdict


def always_integral(x: Poly) -> bool:
    """Whether x is shown to be an integer at every point of the domain (False: it isn't shown)."""
    rest = x - floor(x)
    return _vanishes(rest)[0] is True if isinstance(rest, Poly) else rest == 0


def _undecided(question: str, x: Poly, hint: str) -> Undecided:
    return Undecided(f"{question} depends on {_names(x.symbols)}{': ' if hint else ''}{hint}", x.symbols)


@lru_cache(maxsize=1 << 12)
def _vanishes(x: Poly) -> tuple[bool | None, str]:
    """Whether x is zero everywhere (True), nowhere (False) or neither is known (None, and a hint)."""
    low, high = _bounds(x)
    if (low is not None and low > 0) or (high is not None and high < 0):
        return False, ""
    variables = sorted(_variables(x), key=lambda atom: atom.symbol.name)
    modulus = {atom: _modulus(x, atom.symbol.name) for atom in variables if atom.integer}
    split = [atom for atom in modulus if modulus[atom] > 1]
    steps = [math.lcm(modulus[atom], atom.symbol.multiple_of) for atom in split]
    verdicts: dict[Residues, bool | None] = {}
    if math.prod(step // atom.multiple for step, atom in zip(steps, split, strict=True)) <= MOST_CLASSES:
        verdicts = _by_class(x, split, steps)
    found = set(verdicts.values())
    if len(found) == 1 and None not in found:
        return found.pop(), ""
    if (None in found or not found) and math.prod(_count(atom.symbol) for atom in variables) <= MOST_POINTS:
        zeros = [rewrite(x, dict(zip(variables, point, strict=True)).__getitem__) == 0 for point in product(*map(_values, variables))]
        if all(zeros) or not any(zeros):
            return all(zeros), ""
    return None, _residue_hint(verdicts, split, steps) if split else _root_hint(x)


def _variables(x: Number) -> set[Variable]:
    """The variables in x, nested ones included."""
    found: set[Variable] = set()
    for atom in _nested(x):
        if isinstance(atom, Variable):
            found.add(atom)
    return found


def _count(s: Symbol) -> float:
    if not s.integer or s.low is None or s.high is None:
        return math.inf
    return (s.high - s.low) // s.multiple_of + 1


def _values(atom: Variable) -> range:
    low, high = atom.symbol.low, atom.symbol.high
    assert isinstance(low, int)
    assert isinstance(high, int)
    return range(low, high + 1, atom.symbol.multiple_of)


def _modulus(x: Number, name: str) -> int:
    """When this symbol moves in steps of this, each floor in x moves like a polynomial."""
    modulus = 1
    for atom in x.atoms() if isinstance(x, Poly) else ():
        if isinstance(atom, Floor) and name in atom.symbols:
            denominators = math.lcm(*(c.denominator for c in atom.inside.terms.values()))
            modulus = math.lcm(modulus, atom.divisor * denominators * _modulus(atom.inside, name))
        elif isinstance(atom, Call):
            modulus = math.lcm(modulus, *(_modulus(arg, name) for arg in atom.args))
    return modulus


def _by_class(x: Poly, split: list[Variable], steps: list[int]) -> dict[Residues, bool | None]:
    """For the residues of the split symbols: does x vanish in all of the class, in none of it, or is neither known."""
    verdicts: dict[Residues, bool | None] = {}
    for residues in product(*(range(0, step, atom.multiple) for atom, step in zip(split, steps, strict=True))):
        parts = {atom: _class(atom.symbol, step, residue) for atom, step, residue in zip(split, steps, residues, strict=True)}
        members = {atom: part for atom, part in parts.items() if part is not None}
        if len(members) == len(split):
            verdicts[residues] = _zero(rewrite(x, partial(_replaced, members)))
    return verdicts


def _replaced(members: dict[Variable, Number], atom: Variable) -> Number:
    return members.get(atom, Poly({(atom,): 1}))


def _class(s: Symbol, step: int, residue: int) -> Number | None:
    """residue + step * (an integer of the same name), as far as it lies in the domain of s; None if none of it does."""
    low = None if s.minimum is None else math.ceil(Fraction(s.minimum - residue) / step)
    high = None if s.maximum is None else math.floor(Fraction(s.maximum - residue) / step)
    if low is not None and high is not None and low >= high:
        return low * step + residue if low == high else None
    return symbol(s.name, minimum=low, maximum=high) * step + residue


def _zero(x: Number) -> bool | None:
    if not isinstance(x, Poly):
        return x == 0
    low, high = _bounds(x)
    if (low is not None and low > 0) or (high is not None and high < 0):
        return False
    root = _root(x)
    return False if root is not None and root[1] is None else None


def _root(x: Poly) -> tuple[Variable, Rational | None] | None:
    """Where a*symbol + b vanishes within the domain (None in the second place: nowhere); None for anything else."""
    (linear, *others) = [monomial for monomial in x.terms if monomial]
    if others or len(linear) != 1 or not isinstance(linear[0], Variable):
        return None
    variable = linear[0]
    value = Fraction(-x.terms.get((), 0)) / x.terms[linear]
    inside = variable.symbol.holds(value, value) and (not variable.integer or (value / variable.multiple).denominator == 1)
    return variable, value if inside else None


def _root_hint(x: Poly) -> str:
    root = _root(x)
    return f"true only when {root[0].symbol.name} is {root[1]}" if root and root[1] is not None else ""


def _residue_hint(verdicts: dict[Residues, bool | None], split: list[Variable], steps: list[int]) -> str:
    """The smallest moduli such that all of the classes of their multiples are classes where equality holds."""

    def enough(moduli: list[int]) -> bool:
        members = [v for residues, v in verdicts.items() if not any(r % m for r, m in zip(residues, moduli, strict=True))]
        return bool(members) and all(members)

    moduli = list(steps)
    if not enough(moduli):
        return ""
    for position, (atom, step) in enumerate(zip(split, steps, strict=True)):
        choices = (m for m in range(atom.multiple, step + 1, atom.multiple) if step % m == 0)
        moduli[position] = next(m for m in choices if enough([*moduli[:position], m, *moduli[position + 1 :]]))
    rest = [v for residues, v in verdicts.items() if any(r % m for r, m in zip(residues, moduli, strict=True))]
    only = "only " if all(v is False for v in rest) else ""
    conditions = [f"{a.symbol.name} is a multiple of {m}" for a, m in zip(split, moduli, strict=True) if m > a.multiple]
    return f"true {only}when {' and '.join(conditions)}"


# domain


def increasing(x: Number) -> bool:
    """Whether x is shown not to decrease when any of its symbols grows (False: it isn't shown)."""
    if not isinstance(x, Poly):
        return True
    return all(not monomial or coefficient * _trend(monomial) > 0 for monomial, coefficient in x.terms.items())


def _trend(monomial: Monomial) -> int:
    """1 for a product that is shown not to fall, -1 for one that is shown not to rise, while its symbols grow; else 0."""
    trends = {_trend_of(atom) for atom in monomial}
    return trends.pop() if len(trends) == 1 and (len(monomial) == 1 or (trends == {1} and all(map(_not_negative, monomial)))) else 0


def _trend_of(atom: Atom) -> int:
    if isinstance(atom, Variable):
        return 1
    assert isinstance(atom, (Floor, Call))
    inside = (atom.inside,) if isinstance(atom, Floor) else atom.args
    if isinstance(atom, Call) and not atom.rising and atom.build not in (minimum, maximum):
        return 0
    return 1 if all(map(increasing, inside)) else -1 if all(increasing(-part) for part in inside) else 0


def _not_negative(atom: Atom) -> bool:
    low = _range(atom)[0]
    return low is not None and low >= 0


def lower_bound(x: Dim) -> tuple[str, int] | None:
    """The name of x's only symbol and its smallest value with x >= 1, from which on x stays >= 1.

    Exact, for what is shown to be increasing in one integer symbol; None for anything else.
    """
    variables = _variables(x)
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
    """The smallest integer (from start on) for which a condition that stays true once it is true holds, found by doubling."""
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
    """The conditions, in the spec language, under which every dim is >= 1; those that the symbols' own domains imply are left out.

    One exact lower bound for each symbol ("size >= 17"); what isn't increasing, or has several symbols, is spelled "... >= 1".
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
