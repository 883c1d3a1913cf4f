"""Whether a closed form is never negative, as its terms tell: each negative one is at most what positive ones come to.

ceil(h/4)*ceil(w/4) - ceil(h/8)*ceil(w/8) is an example that intervals don't tell: they let h be one number here and
another there.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import ceil

from .intervals import interval
from .poly import Atom, Floor, Monomial, Poly, Rational

MOST_TERMS = (
    64  # each negative one is compared with each positive one; the memory of real networks has fewer than twenty
)


def covered(x: Poly) -> bool:
    """Whether x is never negative over the domain of its symbols; False where its terms don't tell."""
    if any(_low(atom) < 0 for atom in x.atoms()):
        return False
    if len(x.terms) > MOST_TERMS:
        return False
    left = {monomial: coefficient for monomial, coefficient in x.terms.items() if coefficient > 0}
    debts = {monomial: -coefficient for monomial, coefficient in x.terms.items() if coefficient < 0}
    payers = {
        monomial: [(payer, factor) for payer in left if (factor := _times(payer, monomial))] for monomial in debts
    }
    for monomial in sorted(debts, key=lambda monomial: len(payers[monomial])):  # those that few can pay for come first
        debt = debts[monomial]
        for payer, factor in payers[monomial]:
            paid = min(left[payer], debt if factor == 1 else Fraction(debt) / factor)
            left[payer] -= paid
            debt -= paid * factor
        if debt > 0:
            return False
    return True


@lru_cache(maxsize=1 << 14)
def _times(one: Monomial, other: Monomial) -> Rational:
    """A number of times that `one` is at least `other` everywhere; 0 where none is known. Factors are never
    negative.
    """
    unmatched = list(one)
    for atom in other:
        match = atom if atom in unmatched else next((mine for mine in unmatched if _at_least(mine, atom)), None)
        if match is None:
            return 0
        unmatched.remove(match)
    times: Rational = 1
    for atom in unmatched:
        times = times * _low(atom)
    return times


@lru_cache(maxsize=1 << 13)
def _at_least(one: Atom, other: Atom) -> bool:
    """Whether one factor is at least another everywhere."""
    low, high = _low(one), interval(other)[1]
    if high is not None and low >= high:
        return True
    if not isinstance(other, Floor):
        return False
    inside, divisor = (one.inside, one.divisor) if isinstance(one, Floor) else (Poly({(one,): 1}), 1)
    more = other.inside - inside
    steps, rest = divmod(other.divisor, divisor)
    # with n = floor(inside/divisor), the other is at most floor((n + ceil(more/divisor)) / steps)
    return not rest and not isinstance(more, Poly) and ceil(Fraction(more) / divisor) <= low * (steps - 1)


@lru_cache(maxsize=1 << 13)
def _low(atom: Atom) -> Rational:
    """The low end of a factor; below 0 where there is none."""
    low = interval(atom)[0]
    return -1 if low is None else low
