"""The smallest and the largest of many closed forms: those that another never falls behind are left out, and values
without a symbol in common aren't compared.
"""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc.algebra import Number, Poly, maxima, maximum, minimum, symbol
from archcalc.algebra.poly import Call

A, B, C = symbol("a"), symbol("b", minimum=0), symbol("c", maximum=9)
PRODUCTS = (1, A, B, C, A * B, A * A, A // 2, B * C, (A + B) // 3)
FORMS = st.lists(st.tuples(st.integers(-2, 5), st.sampled_from(PRODUCTS)), min_size=1, max_size=4)


def summed(parts: list[tuple[int, Number]]) -> Number:
    total: Number = 0
    for factor, product in parts:
        total = total + factor * product
    return total


def arguments(x: Number) -> set[Number]:
    """What a lone min(...) or max(...) is of."""
    if isinstance(x, Poly) and len(x.terms) == 1:
        ((monomial, factor),) = x.terms.items()
        if factor == 1 and len(monomial) == 1 and isinstance(monomial[0], Call):
            return set(monomial[0].args)
    return {x}


@settings(deadline=None)
@given(st.lists(FORMS.map(summed), min_size=2, max_size=7), st.booleans())
def test_what_is_kept_is_what_comparing_every_two_leaves(values: list[Number], largest: bool) -> None:
    name = "max" if largest else "min"
    kept: list[Number] = []
    for value in values:
        if not any(maxima._reaches(name, other, value) for other in kept):
            kept = [other for other in kept if not maxima._reaches(name, value, other)] + [value]
    found = (maximum if largest else minimum)(*values)
    assert arguments(found) == set(kept)
    for a, b, c in ((1, 0, 1), (2, 5, 9), (40, 3, 4), (7, 60, 1)):
        at = {"a": a, "b": b, "c": c}
        plain = [value.evaluate(at) if isinstance(value, Poly) else value for value in values]
        assert (found.evaluate(at) if isinstance(found, Poly) else found) == (max if largest else min)(plain)


@pytest.mark.parametrize("build", [maximum, minimum])
def test_of_many_widths_neighbours_alone_are_compared(build, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    reaches = maxima._reaches
    monkeypatch.setattr(maxima, "_reaches", lambda *given: compared.append(given) or reaches(*given))
    widths = [symbol(f"p{n}") for n in range(200)]
    found = build(*(256 * one + 256 * other for one, other in pairwise(widths)))
    assert len(arguments(found)) == 199
    assert len(compared) <= 3 * 199
