"""Exact arithmetic with free symbols, against brute force over plain ints and against figures of published networks."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from math import ceil as real_ceil
from math import floor as real_floor
from math import isqrt
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc.algebra import (
    Number,
    Poly,
    Symbol,
    bounds,
    call,
    ceil,
    divides,
    domain,
    floor,
    latex,
    less,
    lower_bound,
    maximum,
    minimum,
    same,
    symbol,
    text,
    to_sympy,
    unicode,
)
from archcalc.algebra.compiling import compile_numpy, compile_python
from archcalc.algebra.covering import covered
from archcalc.algebra.javascript import RUNTIME, javascript
from archcalc.algebra.poly import Floor, variables_in
from archcalc.errors import ArchcalcError, Undecided
from archcalc.model import load

size, H, W, k, n = (symbol(name) for name in ("size", "H", "W", "k", "n"))
x, y = symbol("x", minimum=None), symbol("y", minimum=None)
z = symbol("z", minimum=None, multiple_of=4)
alpha = symbol("alpha", minimum=0, integer=False)


# two ways to compute the same thing


class Pair(NamedTuple):
    """An expression in x, y and z (a multiple of 4), symbolic, and as a function of plain ints."""

    symbolic: Number
    plain: Callable[[int, int, int], int]


LEAVES = st.one_of(
    st.integers(-9, 9).map(lambda c: Pair(c, lambda x, y, z: c)),
    st.sampled_from([Pair(x, lambda x, y, z: x), Pair(y, lambda x, y, z: y), Pair(z, lambda x, y, z: z)]),
)


def grown(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    def plus(a: Pair, b: Pair) -> Pair:
        return Pair(a.symbolic + b.symbolic, lambda *at: a.plain(*at) + b.plain(*at))

    def minus(a: Pair, b: Pair) -> Pair:
        return Pair(a.symbolic - b.symbolic, lambda *at: a.plain(*at) - b.plain(*at))

    def times(a: Pair, c: int) -> Pair:
        return Pair(c * a.symbolic, lambda *at: c * a.plain(*at))

    def product(a: Pair, b: Pair) -> Pair:
        return Pair(a.symbolic * b.symbolic, lambda *at: a.plain(*at) * b.plain(*at))

    def over(a: Pair, c: int) -> Pair:
        return Pair(a.symbolic // c, lambda *at: a.plain(*at) // c)

    def modulo(a: Pair, c: int) -> Pair:
        return Pair(a.symbolic % c, lambda *at: a.plain(*at) % c)

    def rounded_up(a: Pair, c: int) -> Pair:
        return Pair(ceil(a.symbolic * Fraction(1, c)), lambda *at: -(-a.plain(*at) // c))

    def larger(a: Pair, b: Pair) -> Pair:
        return Pair(maximum(a.symbolic, b.symbolic), lambda *at: max(a.plain(*at), b.plain(*at)))

    small = st.integers(1, 8)
    return st.one_of(
        st.builds(plus, inner, inner),
        st.builds(minus, inner, inner),
        st.builds(times, inner, st.integers(-5, 5)),
        st.builds(product, inner, LEAVES),
        *(st.builds(rule, inner, small) for rule in (over, over, over, modulo, rounded_up)),
        st.builds(larger, inner, inner),
    )


EXPRESSIONS = st.recursive(LEAVES, grown, max_leaves=7)
POINTS = [(a, b, 4 * c) for a in (-13, -2, 0, 1, 7, 30) for b in (-5, 0, 3, 16) for c in (-3, 0, 1, 6)]


def at(value: Number, point: tuple[int, int, int]) -> int | Fraction:
    return value.evaluate(dict(zip("xyz", point, strict=True))) if isinstance(value, Poly) else value


def atoms(value: Number) -> list[Any]:
    return [atom for atom in value.atoms() if isinstance(atom, Floor)] if isinstance(value, Poly) else []


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS)
def test_any_chain_of_operations_is_exact_also_below_zero(pair: Pair) -> None:
    assert [at(pair.symbolic, point) for point in POINTS] == [pair.plain(*point) for point in POINTS]


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS)
def test_text_is_python_that_gives_the_exact_int(pair: Pair) -> None:
    code = compile(text(pair.symbolic), "text", "eval")
    for point in POINTS[::5]:
        value = eval(code, {"min": min, "max": max}, dict(zip("xyz", point, strict=True)))
        assert (value, type(value)) == (pair.plain(*point), int)


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS)
def test_compiled_python_is_exact(pair: Pair) -> None:
    function = compile_python(pair.symbolic, ["x", "y", "z"])
    assert [function(*point) for point in POINTS] == [pair.plain(*point) for point in POINTS]


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS, st.sampled_from([1, 10**4, 10**9, 10**17]))
def test_compiled_numpy_is_exact_also_beyond_64_bits(pair: Pair, scale: int) -> None:
    points = [(a * scale, b * scale, c * scale) for a, b, c in POINTS]
    result = compile_numpy(pair.symbolic, ["x", "y", "z"])(*zip(*points, strict=True))
    assert [int(value) for value in result] == [pair.plain(*point) for point in points]


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS)
def test_bounds_hold_every_value(pair: Pair) -> None:
    box = {
        name: symbol(name, minimum=-8, maximum=12, multiple_of=step) for name, step in (("x", 1), ("y", 1), ("z", 4))
    }
    boxed = pair.symbolic.substitute(box) if isinstance(pair.symbolic, Poly) else pair.symbolic
    low, high = bounds(boxed)
    values = [pair.plain(a, b, c) for a in range(-8, 13, 2) for b in range(-8, 13, 2) for c in range(-8, 13, 4)]
    assert low is not None
    assert high is not None
    assert low <= min(values)
    assert max(values) <= high


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS, EXPRESSIONS)
def test_verdicts_hold_at_every_point(one: Pair, other: Pair) -> None:
    pairs = [(one.plain(*point), other.plain(*point)) for point in POINTS]
    questions: list[tuple[Callable[[], bool], list[bool]]] = [
        (lambda: same(one.symbolic, other.symbolic), [a == b for a, b in pairs]),
        (lambda: less(one.symbolic, other.symbolic), [a < b for a, b in pairs]),
        (lambda: divides(4, one.symbolic - other.symbolic), [(a - b) % 4 == 0 for a, b in pairs]),
    ]
    for question, answers in questions:
        try:
            verdict = question()
        except Undecided:
            continue
        assert set(answers) == {verdict}


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS)
def test_an_expression_differs_from_its_successor_and_equals_its_copy(pair: Pair) -> None:
    assert same(pair.symbolic, pair.symbolic + 1) is False
    assert less(pair.symbolic, pair.symbolic + 1) is True
    assert less(pair.symbolic, pair.symbolic) is False
    assert same(2 * pair.symbolic, pair.symbolic + pair.symbolic) is True


# canonical form


def conv(h: Number, kernel: int, stride: int, pad: int) -> Number:
    return (h + (2 * pad - kernel)) // stride + 1


def pool_up(h: Number, kernel: int, stride: int, pad: int) -> Number:
    """A pooling that rounds up, with the rule that no window may begin in the right padding."""
    return floor((h + min(2 * pad - kernel + 2 * stride - 1, pad + stride - 1)) * Fraction(1, stride))


LAYERS = st.tuples(st.sampled_from([conv, pool_up]), st.integers(1, 7), st.integers(1, 4), st.integers(0, 3))


@settings(max_examples=150, deadline=None)
@given(st.lists(LAYERS, min_size=1, max_size=8))
def test_a_chain_of_convolutions_and_poolings_stays_one_floor(layers: list[Any]) -> None:
    out: Number = size
    for rule, kernel, stride, pad in layers:
        out = rule(out, kernel, stride, pad)
    assert len(atoms(out)) <= 1
    assert all(isinstance(atom.inside, Poly) and not atoms(atom.inside) for atom in atoms(out))
    for start in (1, 2, 31, 224, 500):
        expected: Any = start
        for rule, kernel, stride, pad in layers:
            expected = rule(expected, kernel, stride, pad)
        assert isinstance(out, Poly)
        assert out.evaluate({"size": start}) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (floor(floor(x / 2) / 2), floor(x / 4)),
        (floor((x + 1) / 2), ceil(x / 2)),
        ((x + 6 - 7) // 2 + 1, (x + 1) // 2),
        ((3 * x + 7) // 3, x + 2),
        ((6 * x + 5) // 4, x + x // 2 + 1),
        ((2 * x + 2 * y + 5) // 4, (x + y + 2) // 2),
        ((x // 3 + 2 * y + 1) // 5, (x + 6 * y + 3) // 15),
        (floor(x * Fraction(3, 4)), 3 * x // 4),
        (ceil(x * Fraction(3, 4)), (3 * x + 3) // 4),
        (z // 2, z / 2),
        (z // 2 // 2 // 2, z // 8),
        (z % 4 + x, x),
        ((x + 1) ** 2 - x**2 - 2 * x, 1),
    ],
)
def test_equal_quantities_have_equal_keys(one: Number, other: Number) -> None:
    assert one == other
    assert hash(one) == hash(other)


def test_constant_results_are_plain_numbers() -> None:
    assert [type(value) for value in (x - x, x - x + Fraction(1, 2), 0 * x, x**0, (2 * x + 1) // 2 - x)] == [
        int,
        Fraction,
        int,
        int,
        int,
    ]
    assert (x / 2 + x / 2, Fraction(4, 2) * x) == (x, 2 * x)


def test_sizes_that_depend_on_symbols_are_not_numbers() -> None:
    with pytest.raises(TypeError, match="`size`"):
        bool(size)
    assert size != 5
    with pytest.raises(TypeError):
        size * 0.5


@pytest.mark.parametrize(
    "operation",
    [
        lambda: x // y,
        lambda: 7 // y,
        lambda: 7 / y,
        lambda: x / y,
        lambda: x % y,
        lambda: 7 % y,
        lambda: 2**y,
        lambda: Fraction(1, 2) / y,
    ],
)
def test_dividing_by_a_symbol_is_refused_by_name(operation: Callable[[], object]) -> None:
    with pytest.raises(Undecided, match="`y`") as caught:
        operation()
    assert caught.value.symbols == ("y",)


@pytest.mark.parametrize(
    "operation", [lambda: x // 0, lambda: x // -2, lambda: x / 0, lambda: x % 0, lambda: x**-1, lambda: x**65]
)
def test_what_has_no_exact_result_is_refused(operation: Callable[[], object]) -> None:
    with pytest.raises(ArchcalcError):
        operation()


def test_products_that_explode_are_refused() -> None:
    total: Any = sum((symbol(f"s{i}") for i in range(8)), 1)
    with pytest.raises(ArchcalcError, match="5000 terms"):
        total**8


def test_polynomials_survive_copying_and_pickling() -> None:
    value = (x + 5) // 3 * y + minimum(x, y) + call("isqrt_of", abs, 3 * x)
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value


# symbols and their domains


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a b", {}),
        ("", {}),
        ("class", {}),
        ("a", {"multiple_of": 0}),
        ("a", {"minimum": 5, "maximum": 4}),
        ("a", {"multiple_of": 2, "integer": False}),
    ],
)
def test_symbols_without_a_sensible_domain_are_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ArchcalcError, match=f"`{name}`"):
        symbol(name, **options)


def test_a_domain_starts_at_the_first_multiple() -> None:
    declared = Symbol("s", minimum=1, maximum=100, multiple_of=32)
    assert (declared.low, declared.high) == (32, 96)


@pytest.mark.parametrize("value", [0, 8, 9, 4096, Fraction(1, 2), 32.5, "31", "many", None, True])
def test_evaluating_outside_of_the_domain_is_refused(value: Any) -> None:
    s = symbol("s", minimum=16, maximum=1024, multiple_of=16)
    with pytest.raises(ArchcalcError, match="`s` can't be"):
        (s + 1).evaluate({"s": value})


def test_evaluating_needs_every_symbol() -> None:
    with pytest.raises(ArchcalcError, match="no value for `y`"):
        (x + y).evaluate({"x": 1})


def test_substituting_some_symbols_is_canonical_again() -> None:
    s = symbol("s")
    assert ((size + 1) // 2 * k).substitute({"k": 3}) == 3 * ((size + 1) // 2)
    assert ((size + 1) // 2).substitute({"size": 2 * s}) == s
    assert ((size + 1) // 2).substitute({"size": 223}) == 112
    with pytest.raises(ArchcalcError, match="`size` can't be"):
        (size + 1).substitute({"size": s - 1})


def test_floors_that_divide_the_stated_multiple_vanish() -> None:
    h = symbol("H", multiple_of=32)
    net = 9408 * (h // 2) ** 2 + 64 * ((h + 3) // 4) + h // 64
    assert net.evaluate({"H": 224}) == 9408 * 112**2 + 64 * 56 + 3
    assert len(atoms(net)) == 1
    assert eval(text(net), {}, {"H": 224}) == 9408 * 112**2 + 64 * 56 + 3
    assert (unicode(3 * h // 32), text(h // 2 + 7), bounds(h // 32)) == ("3H/32", "H//2 + 7", (1, None))


@given(st.fractions(min_value=0, max_value=4), st.integers(1, 500))
def test_real_multipliers_are_rounded_exactly(width: Fraction, channels: int) -> None:
    at_point = {"alpha": width, "k": channels}
    for value, expected in (
        (floor(24 * alpha), real_floor(24 * width)),
        (ceil(24 * alpha), real_ceil(24 * width)),
        (
            floor(alpha * k * Fraction(3, 2) + k + Fraction(1, 3)),
            real_floor(width * channels * Fraction(3, 2) + channels + Fraction(1, 3)),
        ),
        (floor(7 * (alpha + k) / 5), real_floor(7 * (width + channels) / 5)),
        (floor(floor(alpha * 3) / 2 + alpha), real_floor(Fraction(real_floor(width * 3), 2) + width)),
    ):
        assert isinstance(value, Poly)
        assert value.evaluate(at_point) == expected
        assert eval(text(value), {}, at_point) == expected
        assert compile_python(value, ["alpha", "k"])(width, channels) == expected


def test_three_quarters_of_24_channels() -> None:
    assert floor(24 * alpha).evaluate({"alpha": Fraction(3, 4)}) == 18


# named roundings


def make_divisible(value: int | Fraction, divisor: int) -> int:
    return max(divisor, int(value + Fraction(divisor, 2)) // divisor * divisor)


def test_a_named_rounding_is_one_opaque_atom() -> None:
    rounded = call("make_divisible", make_divisible, 24 * alpha, 8)
    assert rounded == call("make_divisible", make_divisible, 12 * alpha * 2, 8)
    assert rounded != call("make_divisible", make_divisible, 24 * alpha, 4)
    assert (text(rounded), unicode(9 * rounded)) == ("make_divisible(24*alpha, 8)", "9·make_divisible(24·alpha, 8)")
    assert isinstance(rounded, Poly)
    assert [rounded.evaluate({"alpha": Fraction(a, 4)}) for a in (1, 2, 3, 4)] == [
        8,
        16,
        16,
        24,
    ]  # 6, 12, 18 and 24 to the nearest multiple of 8
    assert (3 * rounded).substitute({"alpha": Fraction(3, 4)}) == 48
    assert (2 * rounded) // 2 == rounded


def test_a_rounding_of_numbers_is_computed_and_must_be_exact() -> None:
    assert call("make_divisible", make_divisible, 18, 8) == 16
    with pytest.raises(ArchcalcError, match="not exact"):
        call("half", lambda value: value / 2, 3)
    assert call("half", lambda value: Fraction(value, 2), 3, integer=False) == Fraction(3, 2)


def test_the_smaller_and_the_larger_are_decided_when_they_can_be() -> None:
    assert (minimum(3, 5), maximum(3, 5), minimum(size, size + 1), maximum(size // 2, size)) == (3, 5, size, size)
    assert minimum(size, 7) == minimum(7, size)
    assert text(minimum(size, 7) + 1) == "min(size, 7) + 1"
    assert (bounds(minimum(size, 7)), bounds(maximum(size, 7))) == ((1, 7), (7, None))
    assert [maximum(size // 2, 7).evaluate({"size": s}) for s in (3, 14, 20)] == [7, 7, 10]
    assert minimum(size, 7).substitute({"size": 3}) == 3


def test_the_larger_of_maps_at_several_scales_is_one_of_them() -> None:
    """ceil(h/4) ceil(w/4) is never less than ceil(h/8) ceil(w/8), which is 1 at the least; floors of small sizes may be
    0, and are less.
    """
    h, w = symbol("h"), symbol("w")
    fine, coarse = ((h + d - 1) // d * ((w + d - 1) // d) for d in (4, 8))
    assert maximum(fine, coarse) == fine
    assert maximum(3 * fine, coarse + 2 * ((h + 31) // 32) * ((w + 15) // 16)) == 3 * fine
    assert maximum(h * w, 5, fine) == maximum(h * w, 5)
    assert minimum(h * fine, fine, h * w * fine) == fine
    for one, other, at in (
        (3 * fine, 2 * coarse + 2 * ((h + 31) // 32), {"h": 1, "w": 1}),  # 3 and 4
        ((h // 4) * (w // 4), (h + 7) // 8 * ((w + 7) // 8), {"h": 1, "w": 1}),  # 0 and 1
        ((h + 2) // 8, (h + 11) // 16, {"h": 5, "w": 1}),  # 0 and 1
    ):
        found = maximum(one, other)
        assert isinstance(found, Poly)
        assert found.evaluate(at) == max(one.evaluate(at), other.evaluate(at))


def test_a_rounding_that_knows_few_points_is_compared_all_the_same() -> None:
    """`isqrt` of a negative number and a table's missing key are errors of their own, at points that are only tried."""
    x, y = symbol("x", minimum=0), symbol("y", minimum=5)
    root = maximum(call("isqrt", isqrt, x - 5), x)
    assert text(root) == "max(isqrt(x - 5), x)"
    assert root.evaluate({"x": 30}) == 30
    table = maximum(call("table", lambda n: {5: 1, 6: 2}[n], y), y)
    assert table.evaluate({"y": 6}) == 6
    for name in ("min", "max"):
        with pytest.raises(ArchcalcError, match="can't name a function"):
            call(name, lambda a, b: a - b, x, y)


def test_very_long_closed_forms_are_compared_in_no_time_or_not_at_all() -> None:
    """Of 4,800 terms on either side no two are compared: that would be 23 million pairs."""
    sizes = [symbol(f"s{n}") for n in range(6)]
    terms = [(a + n) // (n + 2) * b for n in range(320) for a in sizes for b in sizes if a is not b]
    one, other = (sum(terms[start::2]) for start in (0, 1))
    assert not covered(one - other)
    assert isinstance(maximum(one, other), Poly)


@st.composite
def sums_of_floors(draw: st.DrawFn) -> Poly:
    """A closed form with terms of both signs over sizes and their floors."""
    sizes = symbol("h"), symbol("w", minimum=3)

    def factor() -> Any:
        x = draw(st.sampled_from(sizes))
        return x if draw(st.booleans()) else (x + draw(st.integers(-2, 9))) // draw(st.sampled_from([2, 3, 4, 8]))

    terms = [
        draw(st.sampled_from([-3, -2, -1, 1, 2, 4])) * factor() * (factor() if draw(st.booleans()) else 1)
        for _ in range(draw(st.integers(2, 4)))
    ]
    total: Any = sum(terms)
    return total if isinstance(total, Poly) else sizes[0]


@settings(max_examples=400, deadline=None)
@given(sums_of_floors(), st.lists(st.tuples(st.integers(1, 300), st.integers(3, 300)), min_size=8, max_size=8))
def test_what_terms_show_never_to_be_negative_is_never_negative(x: Poly, points: list[tuple[int, int]]) -> None:
    assert not covered(x) or min(x.evaluate({"h": h, "w": w}) for h, w in [(1, 3), (2, 4), *points]) >= 0


# questions


@pytest.mark.parametrize("c", [2, 3, 4, 5, 8])
def test_hermites_identity_is_proved_by_residues(c: int) -> None:
    assert same(sum(((x + i) // c for i in range(c)), 0), x) is True
    assert same(sum(((z / 4 + i) // c for i in range(c)), 0), z / 4) is True


def test_negated_floors_equal_ceilings() -> None:
    assert same(-(-x // 3), ceil(x / 3)) is True
    with pytest.raises(Undecided, match=r"true only when x is a multiple of 3$"):
        same(-(-x // 3), x // 3)


def test_the_two_sides_of_a_deep_u_net_agree_on_multiples_of_16() -> None:
    down: Number = size
    for _ in range(4):
        down = down // 2
    with pytest.raises(Undecided, match=r"`size`: true only when size is a multiple of 16$") as caught:
        same(2 * (2 * (2 * (2 * down))), size)
    assert caught.value.symbols == ("size",)
    s16 = symbol("size", multiple_of=16)
    assert same(16 * (s16 // 2 // 2 // 2 // 2), s16) is True


def test_a_sufficient_constraint_is_not_called_necessary() -> None:
    with pytest.raises(Undecided, match=r": true when size is a multiple of 16$"):
        same(2 * (size // 16), size // 8)


def test_constraints_on_several_symbols_are_named_together() -> None:
    with pytest.raises(Undecided, match=r"true only when H is a multiple of 4 and W is a multiple of 2$"):
        same(4 * (H // 4) + 2 * (W // 2), H + W)


def test_the_point_where_a_line_crosses_is_named() -> None:
    with pytest.raises(Undecided, match=r"`size`: true only when size is 7$"):
        same(size, 7)
    assert same(2 * size, 7) is False
    assert same(size, 0) is False
    with pytest.raises(Undecided, match="`H`, `W`"):
        same(H, W)


def test_a_symbol_of_two_domains_ranges_over_what_lies_in_both() -> None:
    large, even = symbol("size", minimum=32), symbol("size", maximum=40, multiple_of=4)
    assert size**2 != large**2
    assert same(size**2, large**2) is True
    assert same(maximum(size**2, 20 * size + 300), large**2) is True  # 32*32 is 1024, 20*32 + 300 is 940
    with pytest.raises(Undecided):
        same(maximum(size**2, 20 * size + 300), size**2)  # 20*1 + 300 is more
    assert same(4 * (size // 4), even) is True
    assert same(symbol("size", maximum=8), large) is False


@given(st.data())
def test_equality_over_two_domains_is_that_of_their_common_points(data: st.DataObject) -> None:
    numbers = st.integers(1, 6)
    ends = [
        (low := data.draw(st.integers(1, 9)), low + data.draw(st.integers(0, 30)), data.draw(numbers)) for _ in "ab"
    ]
    try:
        sides = [symbol("s", minimum=low, maximum=high, multiple_of=step) for low, high, step in ends]
    except ArchcalcError:  # a range without a multiple
        return
    c, d, e = (data.draw(numbers) for _ in range(3))
    one, other = (maximum(d * ((side + e) // c), side + e) for side in sides)
    third = sides[1] + e
    points = set(range(1, 50)).intersection(*(range(step, high + 1, step) for _, high, step in ends))
    points = {point for point in points if point >= max(low for low, _, _ in ends)}
    if not points:
        return
    assert same(one, other) is True
    equal = {max(d * ((point + e) // c), point + e) == point + e for point in points}
    try:
        assert {same(one, third)} == equal
    except Undecided:
        assert len(equal) == 2


def test_a_finite_domain_is_decided_point_by_point() -> None:
    few = symbol("few", minimum=3, maximum=5)
    assert same((few - 3) * (few - 4) * (few - 5), 0) is True
    assert same((few - 2) * (few - 6), 0) is False
    assert same(7 * (few // 7), 0) is True


def test_divisibility() -> None:
    assert divides(2, size * (size + 1)) is True
    assert divides(6, 12 * size + 18) is True
    assert divides(2, 2 * size + 1) is False
    assert divides(4, symbol("c", multiple_of=8)) is True
    assert (divides(3, 12), divides(3, 13), divides(1, size)) == (True, False, True)
    with pytest.raises(Undecided, match=r"whether 32 divides k .* true only when k is a multiple of 32$"):
        divides(32, k)
    with pytest.raises(Undecided, match=r"true only when k is a multiple of 8$"):
        divides(32, 4 * k)
    with pytest.raises(ArchcalcError):
        divides(0, k)


def test_order_is_decided_over_the_whole_domain() -> None:
    assert (less(size // 2, size), less(size, size // 2), less(size // 4, size // 2 + 1), less(0, size)) == (
        True,
        False,
        True,
        True,
    )
    assert (size > 0, size >= 1, size < 1, size <= 0) == (True, True, False, False)
    assert less(4 * (H // 2) * (W // 2), H * W + 1) is True
    with pytest.raises(Undecided, match=r": true only when size >= 14$"):
        less(6, size // 2)
    with pytest.raises(Undecided, match=r": true only when size < 7$"):
        less(size, 7)
    with pytest.raises(Undecided):
        assert size > 7


def test_bounds_follow_the_domains() -> None:
    h = symbol("h", minimum=3, maximum=10)
    assert bounds((h + 1) // 2 * 5 - 1) == (9, 24)
    assert bounds(h**2 - h) == (6, 90)
    assert (bounds(5), bounds(size), bounds(x), bounds(-size), bounds(size - size // 2)) == (
        (5, 5),
        (1, None),
        (None, None),
        (None, -1),
        (1, None),
    )


# the domain of a closed form


def test_the_domain_is_the_smallest_size_for_which_every_map_has_a_pixel() -> None:
    lenet = [conv(conv(size, 5, 1, 0), 2, 2, 0)]
    lenet.append(conv(conv(lenet[0], 5, 1, 0), 2, 2, 0))
    assert domain(lenet) == ("size >= 16",)
    assert domain([H // 32 * 2, (H + 3) // 4, W, k]) == ("H >= 32",)
    assert domain([H - 6, W - 6]) == ("H >= 7", "W >= 7")
    assert domain([H - W, 5]) == ("H - W >= 1",)
    assert domain([symbol("s", minimum=64) // 32]) == ()
    assert domain([symbol("s", multiple_of=32) - 40]) == ("s >= 64",)


def test_what_follows_from_the_lower_bounds_is_left_out() -> None:
    h, w = (H - 3) // 2, (W - 3) // 2
    assert domain([h, w, h * w, 64 * h**2]) == ("H >= 5", "W >= 5")
    assert domain([h * w]) == (f"{h * w} >= 1",)


@settings(max_examples=150, deadline=None)
@given(st.lists(LAYERS, min_size=1, max_size=5))
def test_the_domain_agrees_with_trying_every_size(layers: list[Any]) -> None:
    def maps(start: Any) -> list[Any]:
        out = [start]
        for rule, kernel, stride, pad in layers:
            out.append(rule(out[-1], kernel, stride, pad))
        return out

    smallest = next(s for s in range(1, 20000) if all(dim >= 1 for dim in maps(s)))
    assert domain(maps(size)) == (() if smallest == 1 else (f"size >= {smallest}",))


def test_lower_bounds_are_found_without_a_smallest_value_too() -> None:
    assert lower_bound((x - 7) // 3) == ("x", 10)
    assert lower_bound(x + 10**6) == ("x", 1 - 10**6)
    assert lower_bound(7 - size) is None
    assert lower_bound(H * W) is None


# notations


def resnet50(h: Number, w: Number) -> Number:
    """Multiply-accumulates, with the stride on the 3x3 convolution."""
    h, w = conv(h, 7, 2, 3), conv(w, 7, 2, 3)
    total = 3 * 64 * 49 * h * w
    h, w, channels = conv(h, 3, 2, 1), conv(w, 3, 2, 1), 64
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            total = total + channels * width * h * w
            if block == 0:
                h, w = conv(h, 3, stride, 1), conv(w, 3, stride, 1)
                total = total + channels * 4 * width * h * w
            total = total + (9 * width * width + width * 4 * width) * h * w
            channels = 4 * width
    return total + channels * 1000


def densenet121_params(growth: Number, classes: Number) -> Number:
    channels = 2 * growth
    total = 3 * 49 * channels + 2 * channels
    for number, layers in enumerate((6, 12, 24, 16)):
        if number:
            total = total + 2 * channels + channels * (channels // 2)
            channels = channels // 2
        for _ in range(layers):
            total = total + 2 * channels + channels * 4 * growth + 8 * growth + 4 * growth * growth * 9
            channels = channels + growth
    return total + 2 * channels + channels * classes + classes


def test_resnet_50_reads_as_the_design_says() -> None:
    macs = resnet50(H, W)
    assert isinstance(macs, Poly)
    assert macs.evaluate({"H": 224, "W": 224}) == 4089184256
    assert (
        unicode(macs)
        == "9408⌈H/2⌉⌈W/2⌉ + 245760⌈H/4⌉⌈W/4⌉ + 1310720⌈H/8⌉⌈W/8⌉ + 7471104⌈H/16⌉⌈W/16⌉ + 14417920⌈H/32⌉⌈W/32⌉ +"
        " 2048000"
    )


def test_densenet_121_reads_as_the_design_says() -> None:
    params = densenet121_params(k, n)
    assert unicode(params) == "6700k² + 2908k + 32kn + n"
    assert text(params) == "6700*k**2 + 2908*k + 32*k*n + n"
    assert params.evaluate({"k": 32, "n": 1000}) == 7978856


@pytest.mark.parametrize(
    ("value", "as_text", "for_people"),
    [
        (9408 * ((size + 1) // 2) ** 2 + 2048000, "9408*((size + 1)//2)**2 + 2048000", "9408⌈size/2⌉² + 2048000"),
        (((size + 1) // 2) ** 2, "((size + 1)//2)**2", "⌈size/2⌉²"),
        ((H + 1) // 3, "(H + 1)//3", "⌊(H+1)/3⌋"),
        (3 * H // 4, "(3*H)//4", "⌊3H/4⌋"),
        (-(H // 2), "-(H//2)", "-⌊H/2⌋"),
        (32 * symbol("classes") * symbol("growth"), "32*classes*growth", "32·classes·growth"),
        (294 * k * ((H + 1) // 4), "294*k*((H + 1)//4)", "294k⌊(H+1)/4⌋"),
        (k / 2 + Fraction(1, 3), "(3*k + 2)/6", "k/2 + 1/3"),
        ((k**2 + k) / 2, "(k**2 + k)//2", "k²/2 + k/2"),
        ((H // 2 + W // 3) // 2, "(H//2 + W//3)//2", "⌊(⌊H/2⌋+⌊W/3⌋)/2⌋"),
        (k - n - 1, "k - n - 1", "k - n - 1"),
        (7, "7", "7"),
        (k**12, "k**12", "k¹²"),
    ],
)
def test_notations(value: Number, as_text: str, for_people: str) -> None:
    assert (text(value), unicode(value)) == (as_text, for_people)


def test_str_is_the_text() -> None:
    assert (str(size + 1), f"{size // 2}", repr(size)) == ("size + 1", "size//2", "<size>")


def test_printing_does_not_depend_on_the_order_of_making() -> None:
    program = "from archcalc.algebra import symbol; {}; print((a * b + b // 2 + a // 3 + a * a // 5) * b)"
    orders = ("a = symbol('a'); b = symbol('b')", "b = symbol('b'); b // 2 * 3; a = symbol('a')")
    one, other = (
        subprocess.run([sys.executable, "-c", program.format(order)], capture_output=True, text=True, check=True).stdout
        for order in orders
    )
    assert one == other


def test_latex_has_fractions_and_brackets() -> None:
    assert latex(9408 * ((H + 1) // 2)) == r"9408 \left\lceil \frac{H}{2} \right\rceil"
    assert latex(symbol("n_c") ** 2 * (H // 3)) == r"\mathit{n\_c}^{2} \left\lfloor \frac{H}{3} \right\rfloor"
    assert latex(Fraction(-1, 2)) == r"-\frac{1}{2}"


@settings(max_examples=100, deadline=None)
@given(EXPRESSIONS)
def test_latex_is_balanced(pair: Pair) -> None:
    written = latex(pair.symbolic)
    assert written.count("{") == written.count("}")
    assert written.count(r"\left") == written.count(r"\right")
    assert "$" not in written


# other machines


@settings(max_examples=25, deadline=None)
@given(EXPRESSIONS)
def test_sympy_gives_the_same_values(pair: Pair) -> None:
    sympy = pytest.importorskip("sympy")
    expression = to_sympy(pair.symbolic)
    for point in POINTS[::24]:
        by_name = dict(zip("xyz", point, strict=True))
        assert sympy.sympify(expression).subs({s: by_name[s.name] for s in expression.free_symbols}) == pair.plain(
            *point
        )


def test_sympy_sees_domains_and_named_roundings() -> None:
    sympy = pytest.importorskip("sympy")
    expression = to_sympy(call("make_divisible", make_divisible, 24 * alpha, 8) * size)
    by_name = {s.name: s for s in expression.free_symbols}
    assert by_name["size"].is_positive
    assert by_name["size"].is_integer
    assert by_name["alpha"].is_nonnegative
    assert not by_name["alpha"].is_integer
    assert expression.has(sympy.Function("make_divisible"))


def test_importing_the_algebra_imports_no_heavy_library() -> None:
    program = (
        "import sys, archcalc.algebra; print([name for name in ('sympy', 'numpy', 'onnx') if name in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
        == "[]"
    )


def test_numpy_takes_int64_only_where_it_fits() -> None:
    numpy = pytest.importorskip("numpy")
    macs = compile_numpy(resnet50(H, W), ["H", "W"])
    assert macs(numpy.array([224, 192]), 224).dtype == numpy.int64
    assert macs(224, 224) == 4089184256
    assert macs(2**24, 2**24).dtype == object
    assert macs(2**24, 2**24).item() == resnet50(2**24, 2**24)
    assert macs(numpy.arange(1, 4)[:, None], numpy.arange(1, 6)).shape == (3, 5)
    assert macs(numpy.array([255], dtype=numpy.uint8), 255).item() == resnet50(255, 255)
    assert macs(numpy.array([], dtype=int), 3).shape == (0,)
    assert macs(224.0, 224).item() == 4089184256
    for wrong in (numpy.array([True]), numpy.array(["224"]), numpy.array([float("nan")]), 224j):
        with pytest.raises(ArchcalcError, match=r"numbers|exact number"):
            macs(wrong, 224)


def test_numpy_calls_named_roundings_and_fills_constants() -> None:
    numpy = pytest.importorskip("numpy")
    rounded = compile_numpy(call("make_divisible", make_divisible, 3 * k, 8) * k, ["k"])
    assert rounded(numpy.array([1, 5, 10])).tolist() == [8 * 1, 16 * 5, 32 * 10]
    assert compile_numpy(7, ["k"])(numpy.array([1, 5])).tolist() == [7, 7]


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_b0", "mobilenet_v1", "vgg16", "mvit_v2_s"])
def test_numpy_gives_at_every_point_what_the_closed_form_says(name: str) -> None:
    numpy = pytest.importorskip("numpy")
    drawn, model = numpy.random.default_rng(1), load(name)
    form = model.count(free=["all"]).totals["macs"]
    domains = {each.symbol.name: each.symbol for each in variables_in(form)}
    arrays = {}
    for each, held in domains.items():
        low, step = int(held.minimum or 1), int(held.multiple_of or 1)
        wide = -(-low // step) * step + step * drawn.integers(0, 3 if each == "phi" else 60, 200)
        arrays[each] = wide if held.integer else 0.25 + 0.05 * drawn.integers(0, 36, 200).round(3)
    found = compile_numpy(form, list(arrays))(*arrays.values())
    points = [dict(zip(arrays, point, strict=True)) for point in zip(*arrays.values(), strict=True)]
    assert list(found) == [form.evaluate(point) for point in points]


def test_compiling_refuses_missing_and_malformed_names() -> None:
    for names in (["H"], ["H", "H"], ["H", "W; import os"], ["H", "W", "H"]):
        for compiler in (compile_python, compile_numpy):
            with pytest.raises(ArchcalcError):
                compiler(H * W, names)
    assert compile_python(H * W, ["W", "spare", "H"])(2, 99, 3) == 6


def test_compiled_python_handles_thousands_of_terms_and_fractions() -> None:
    total: Any = sum((k**i * n**j * (i * 60 + j) for i in range(60) for j in range(60)), 0)
    assert compile_python(total, ["k", "n"])(2, 1) == sum(2**i * (i * 60 + j) for i in range(60) for j in range(60))
    assert compile_python(k / 2, ["k"])(3) == Fraction(3, 2)
    assert compile_python((k**2 + k) / 2, ["k"])(3) == 6


Forms = Callable[[list[Number], list[str], list[Any]], list[Any]]


@pytest.fixture
def node() -> Forms:
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed")

    def evaluate(forms: list[Number], names: list[str], points: list[Any]) -> list[Any]:
        """What the forms are at each point, as text: `7`, `3/2`; the name of the error where one is thrown."""
        values = [
            "[" + ", ".join(f"$q({Fraction(x).numerator}n, {Fraction(x).denominator}n)" for x in p) + "]"
            for p in points
        ]
        script = (
            f"{RUNTIME}\nconst f = {javascript(forms, names)}; const shown = x => $d(x) === 1n ? `${{$n(x)}}` : `${{x.n}}/${{x.d}}`;"
            f"console.log(JSON.stringify([{', '.join(values)}].map(p => {{ try {{ return f(...p).map(shown) }}"
            " catch (e) { return e.name } })))"
        )
        done = subprocess.run([program, "-e", script], capture_output=True, text=True, check=True).stdout
        return [[Fraction(x) for x in found] if isinstance(found, list) else found for found in json.loads(done)]

    return evaluate


def test_javascript_is_exact(node: Forms) -> None:
    macs = resnet50(H, W)
    points = [(h, w) for h in (1, 2, 31, 33, 224, 225, 20001, 10**18 + 1) for w in (1, 7, 224)]
    assert node([macs, 7, H], ["H", "W"], points) == [[resnet50(h, w), 7, h] for h, w in points]


def test_javascript_of_mixed_expressions_is_exact(node: Forms) -> None:
    value = (
        (x - 1) // 3
        - 5 * ((x + 5 * y) // 7)
        + z // 4
        + minimum(x, y) * (x % 5)
        - (x**2 + x) / 2
        + (x**2 - x) / 2
        + maximum(x // 2, 3)
        + x / 6
    )
    expected = [
        (a - 1) // 3
        - 5 * ((a + 5 * b) // 7)
        + c // 4
        + min(a, b) * (a % 5)
        - (a * a + a) // 2
        + (a * a - a) // 2
        + max(a // 2, 3)
        + Fraction(a, 6)
        for a, b, c in POINTS
    ]
    assert node([value], ["x", "y", "z"], POINTS) == [[value] for value in expected]
    triangle = symbol("function") * (symbol("function") + 1) / 2
    assert node([triangle], ["function"], [[4], [101]]) == [[10], [5151]]


def test_javascript_has_the_roundings_of_the_language(node: Forms) -> None:
    from archcalc.spec.expressions import evaluate

    words = ["make_divisible(24*alpha, 8)", "make_divisible(3*alpha, 4, 16, 1)", "round(k*alpha)", "floor(alpha*7)"]
    words += ["ceil(alpha*7)", "round(2*1.1**k)", "max(3*alpha, k)", "k*alpha/3"]
    forms = [evaluate(text, {"alpha": alpha, "k": k}) for text in words]
    points = [(Fraction(a, 20), b) for a in (1, 5, 7, 10, 15, 20, 28, 50) for b in (0, 1, 2, 3, 7, 16)]
    expected = [[evaluate(text, {"alpha": a, "k": b}) for text in words] for a, b in points]
    assert node(forms, ["alpha", "k"], points) == expected
    assert node([evaluate("1.5**k", {"k": k})], ["k"], [[10**6]]) == ["RangeError"]


def test_javascript_refuses_what_it_cannot_do_exactly() -> None:
    with pytest.raises(ArchcalcError, match="`root` can't be written in JavaScript"):
        javascript([call("root", isqrt, k)], ["k"])
    for names in (["H"], ["H", "H", "W"]):
        with pytest.raises(ArchcalcError):
            javascript([H * W], names)


def test_a_form_is_compiled_for_numbers_and_arrays() -> None:
    numpy = pytest.importorskip("numpy")
    k = symbol("k")
    at = (k * k / 2 + call("make_divisible", make_divisible, 3 * k, 8)).compiled("spare", "k")
    assert [at(0, 3), at(0, 10**20)] == [Fraction(9, 2) + 8, 10**40 // 2 + 3 * 10**20]
    assert at(numpy.array([[0], [1]]), numpy.array([2, 4])).tolist() == [[2 + 8, 8 + 16]] * 2
    assert at([0], [2, 4]).tolist() == [2 + 8, 8 + 16]
    assert (k * k * k).compiled("k")(numpy.int64(10**18)) == 10**54
    w = symbol("w", integer=False, minimum=0).compiled("w")
    assert [w(0.1), w(numpy.float64(0.1))] == [Fraction(1, 10)] * 2
    with pytest.raises(ArchcalcError, match="`w` can't be 'much': only an exact number"):
        w("much")
    with pytest.raises(ArchcalcError, match="k"):
        (k + 1).compiled("n")
