"""Whether closed forms are equal: at every point of the domain, at none, or the question is Undecided.

Decided by residues: modulo a common multiple of the divisors every floor is a polynomial, so what is left to compare is
polynomials.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache, partial
from itertools import product
from typing import TypeAlias

from archcalc.errors import ArchcalcError, Undecided

from .intervals import bounds
from .poly import Call, Floor, Number, Poly, Rational, Symbol, Variable, floor, names, rewrite, symbol, variables_in
from .poly.atoms import variable_atom

Residues: TypeAlias = tuple[int, ...]  # of the symbols that are split into classes

MOST_CLASSES = 2048
MOST_POINTS = 4096


def same(a: Number, b: Number) -> bool:
    """Whether a == b: True only if equal at every point of the domain, False only if different at every point.

    Raises Undecided otherwise; its message names the symbols and, where one was found, the constraint that would settle
    it. A symbol of two domains ranges over what lies in both: elsewhere one of the two forms speaks of nothing.
    """
    if a == b:
        return True
    a, b = in_common_symbols(a, b)
    if a == b:
        return True
    difference = a - b
    verdict, hint = _vanishes(difference) if isinstance(difference, Poly) else (difference == 0, "")
    if verdict is None:
        assert isinstance(difference, Poly)
        raise undecided(f"whether {a} equals {b}", difference, hint)
    return verdict


def in_common_symbols(a: Number, b: Number) -> tuple[Number, Number]:
    """Both in the same symbols, so that differences cancel and both are simplified as the narrower domain allows;
    as they are where the domains have nothing in common.

    Sound at every point of both domains: a form is rewritten by identities of the domain that its symbols get, which
    is the smaller one.
    """
    domains: dict[str, dict[Symbol, None]] = {}
    for atom in variables_in(a) | variables_in(b):
        domains.setdefault(atom.symbol.name, {})[atom.symbol] = None
    if all(len(found) == 1 for found in domains.values()):
        return a, b
    common: dict[str, Poly] = {}
    for name, (first, *others) in domains.items():
        one = first
        for other in others:
            try:
                one = intersection(one, other)
            except ArchcalcError:
                return a, b
        common[name] = Poly({(variable_atom(one),): 1})
    return rewrite(a, lambda atom: common[atom.symbol.name]), rewrite(b, lambda atom: common[atom.symbol.name])


def intersection(one: Symbol, other: Symbol) -> Symbol:
    """The symbol of a name that has the values of both. Raises ArchcalcError where there are none."""
    lows = [low for low in (one.minimum, other.minimum) if low is not None]
    highs = [high for high in (one.maximum, other.maximum) if high is not None]
    whole = one.integer or other.integer
    multiple = math.lcm(one.multiple_of, other.multiple_of) if whole else 1
    try:
        return Symbol(one.name, max(lows, default=None), min(highs, default=None), multiple, whole)
    except ArchcalcError as error:
        raise ArchcalcError(
            f"`{one.name}` has no value that both sides allow: {one.domain()}, and {other.domain()} ({error})"
        ) from None


def divides(n: int, x: Number) -> bool:
    """Whether n divides x: True or False when it is so at every point of the domain, otherwise raises Undecided."""
    if n < 1:
        raise ArchcalcError(f"can't divide by {n}: only by a positive integer")
    remainder = x - n * (x // n)
    verdict, hint = _vanishes(remainder) if isinstance(remainder, Poly) else (remainder == 0, "")
    if verdict is None:
        assert isinstance(remainder, Poly)
        raise undecided(f"whether {n} divides {x}", remainder, hint)
    return verdict


def always_integral(x: Poly) -> bool:
    """Whether x is shown to be an integer at every point of the domain (False: it isn't shown)."""
    rest = x - floor(x)
    return _vanishes(rest)[0] is True if isinstance(rest, Poly) else rest == 0


def undecided(question: str, x: Poly, hint: str) -> Undecided:
    """The error that says which symbols a question depends on; `hint` names what would settle it."""
    return Undecided(f"{question} depends on {names(x.symbols)}{': ' if hint else ''}{hint}", x.symbols)


@lru_cache(maxsize=1 << 12)
def _vanishes(x: Poly) -> tuple[bool | None, str]:
    """Whether x is zero everywhere (True), nowhere (False) or neither is known (None, and a hint)."""
    low, high = bounds(x)
    if (low is not None and low > 0) or (high is not None and high < 0):
        return False, ""
    variables = sorted(variables_in(x), key=lambda atom: atom.symbol.name)
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
        zeros = [
            rewrite(x, dict(zip(variables, point, strict=True)).__getitem__) == 0
            for point in product(*map(_values, variables))
        ]
        if all(zeros) or not any(zeros):
            return all(zeros), ""
    return None, _residue_hint(verdicts, split, steps) if split else _root_hint(x)


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
        parts = {
            atom: _class(atom.symbol, step, residue) for atom, step, residue in zip(split, steps, residues, strict=True)
        }
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
    low, high = bounds(x)
    if (low is not None and low > 0) or (high is not None and high < 0):
        return False
    root = _root(x)
    return False if root is not None and root[1] is None else None


def _root(x: Poly) -> tuple[Variable, Rational | None] | None:
    """Where a*symbol + b vanishes within the domain (None in the second place: nowhere); None for anything else."""
    linear, *others = [monomial for monomial in x.terms if monomial]
    if others or len(linear) != 1 or not isinstance(linear[0], Variable):
        return None
    variable = linear[0]
    value = Fraction(-x.terms.get((), 0)) / x.terms[linear]
    inside = variable.symbol.holds(value, value) and (
        not variable.integer or (value / variable.multiple).denominator == 1
    )
    return variable, value if inside else None


def _root_hint(x: Poly) -> str:
    root = _root(x)
    return f"true only when {root[0].symbol.name} is {root[1]}" if root and root[1] is not None else ""


def _residue_hint(verdicts: dict[Residues, bool | None], split: list[Variable], steps: list[int]) -> str:
    """The smallest moduli such that all of the classes of their multiples are classes where equality holds."""

    def enough(moduli: list[int]) -> bool:
        members = [
            v for residues, v in verdicts.items() if not any(r % m for r, m in zip(residues, moduli, strict=True))
        ]
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
