"""Symbolic depth: a count of repeats left free gives closed forms that equal the count at every depth, or is refused
with the reason.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

import pytest

import archcalc
from archcalc.algebra import Poly, at, extremes, index_symbol, progression, summed, symbol, unicode
from archcalc.cost import Table
from archcalc.errors import SpecError, Undecided
from archcalc.model import Model
from archcalc.receptive import Field
from archcalc.spec import read_spec
from archcalc.spec.values import make_divisible

from shipping import some  # isort: skip

DEPTHS = range(1, 21)
DOMAINS = {
    "depth_with_pooling": "depth",
    "expected_depth": "depth",
    "training_bytes": "act_sum_bytes",
}  # figures that share one
WORDS: dict[str, Any] = {
    "__builtins__": {},
    "max": max,
    "min": min,
    "make_divisible": make_divisible,
    "pow": lambda a, b: Fraction(a) ** b,
}


def holds(conditions: Iterable[str], point: Mapping[str, int]) -> bool:
    return all(eval(condition, WORDS, dict(point)) for condition in conditions)


def value(x: Any, point: Mapping[str, int | Fraction]) -> Any:
    """A figure at a point; of a field, the ends of its windows."""
    if isinstance(x, Field):
        return x.reach, [
            [(s.jump, *(value(end, point) for end in ends)) for ends in (s.lows, s.highs)] for s in x.spans
        ]
    if isinstance(x, dict):
        return {name: value(item, point) for name, item in x.items()}
    return x.evaluate(point) if isinstance(x, Poly) else x


def compared(closed: Table, counted: Table, point: Mapping[str, int]) -> None:
    """Every total, and what the last map sees, at a point of the domain."""
    assert holds(closed.domain, point)
    narrower = {name for name, conditions in closed.narrower.items() if not holds(conditions, point)}
    wrong = {
        name: (value(found, point), counted.totals[name])
        for name, found in closed.totals.items()
        if name != "uncounted"
        and value(found, point) != counted.totals[name]
        and DOMAINS.get(name, name) not in narrower
    }
    assert wrong == {}, point
    if counted.last_map and closed.last_map and "receptive_field" not in narrower:
        assert value(closed.last_map[2], point) == value(counted.last_map[2], {})


# ---- the networks that ship ------------------------------------------------------------------------------------------


@cache
def model(name: str) -> Model:
    return archcalc.load(name)


FAMILIES: dict[str, dict[str, Any]] = {
    "resnet20-cifar": {"n": DEPTHS},
    "resnet110-cifar": {"n": DEPTHS, "classes": (10, 100)},
    "densenet-40-12": {"n": DEPTHS, "k": (4, 12, 24)},
    "densenet-bc-100-12": {"n": DEPTHS, "k": (12, 24, 40)},
    "wrn-28-10": {"n": DEPTHS, "k": (2, 4, 10)},
    "resnext29_8x64d": {"n": DEPTHS},
    "preact-resnet110": {"n": DEPTHS},
    "vit_b_16": {"depth": DEPTHS},
}


@pytest.mark.parametrize("train", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("name", some(FAMILIES, 3))
def test_the_closed_form_in_the_depth_is_the_count_at_twenty_depths(name: str, train: bool) -> None:
    given = FAMILIES[name]
    closed = model(name).count(free=list(given), train=train)
    for n in DEPTHS:
        point = {name: values[n % len(values)] if values is not DEPTHS else n for name, values in given.items()}
        compared(closed, model(name).count(train=train, **point), point)


@pytest.mark.parametrize("first", some(range(3), 3))
def test_efficientnet_in_its_compound_coefficient(first: int) -> None:
    """arXiv:1905.11946 equation 3 with alpha = 1.2, beta = 1.1 and gamma = 1.15: depth, width and resolution at once."""
    closed = model("efficientnet_b0").count(free=["phi"])
    assert closed.domain == ("phi >= 0",)
    for phi in range(first, 20, 3):
        compared(closed, model("efficientnet_b0").count(phi=phi), {"phi": phi})


def test_densenet_in_its_layers_and_growth() -> None:
    """arXiv:1608.06993 names its networks by L and k: L = 3n + 4, with bottlenecks 6n + 4."""
    for name, step in (("densenet-40-12", 3), ("densenet-bc-100-12", 6)):
        closed = model(name).count(free=["L", "k"])
        for n in DEPTHS:
            point = {"L": step * n + 4, "k": 6 + n % 4}
            compared(closed, model(name).count(**point), point)


def test_efficientnet_in_its_depth() -> None:
    closed = model("efficientnet_b0").count(free=["depth"])
    for tenths in range(1, 41, 2):
        counted = model("efficientnet_b0").count(depth=Fraction(tenths, 10))
        point = {"depth": Fraction(tenths, 10)}
        for name in ("params", "macs", "elementwise", "activations", "bytes", "depth", "layers", "act_sum_bytes"):
            assert value(closed.totals[name], point) == counted.totals[name], (name, point)


def test_the_forms_are_those_that_one_writes_by_hand() -> None:
    """ResNet-(6n+2): arXiv:1512.03385 section 4.2, shortcuts without parameters; DenseNet: arXiv:1608.06993 section 3,
    L = 3n + 4.
    """
    resnet = model("resnet20-cifar").count(free=["n"]).totals
    densenet = model("densenet-40-12").count(free=["n", "k"]).totals
    assert unicode(resnet["depth"]) == "6n + 2"
    assert unicode(densenet["depth"]) == "3n + 4"
    for n in DEPTHS:
        convs = (
            3 * 16 * 9
            + 2 * n * 16 * 16 * 9
            + (16 * 32 + (2 * n - 1) * 32 * 32) * 9
            + (32 * 64 + (2 * n - 1) * 64 * 64) * 9
        )
        norms = 2 * (16 + 2 * n * (16 + 32 + 64))
        assert resnet["params"].evaluate({"n": n}) == convs + norms + 64 * 10 + 10
        for k in (12, 24):
            params, width = 3 * 16 * 9, 16
            for block in range(3):
                for _ in range(n):
                    params += 2 * width + 9 * width * k
                    width += k
                params += 2 * width + (width * width if block < 2 else width * 10 + 10)
            assert densenet["params"].evaluate({"n": n, "k": k}) == params


# ---- networks made up ------------------------------------------------------------------------------------------------


def inline(layers: str, parameters: str = "{n: 3}", shape: str = "[8, 32, 32]", blocks: str = "{}") -> Model:
    return Model(
        read_spec(
            f"archcalc: 1\nname: inline\ninput: {shape}\nparams: {parameters}\nblocks: {blocks}\nlayers: {layers}\n",
            "inline.yaml",
        )
    )


@pytest.mark.parametrize(
    "layers",
    [
        "[n x conv 8 3x3]",  # the same in every repeat
        "[n x conv 16 3x3 norm=bn act=relu]",  # the first takes another number of channels
        "[n x: [conv cin+4 1x1, relu]]",  # channels grow
        "[n x: [concat: [identity, [bn, relu, conv 6 3x3]]]]",
        "[stage: {n x: {add: [[conv 16 3x3, conv 16 3x3], conv 16 1x1 when=(cin != 16)]}}]",
        "[n x conv 8*(i+1) 1x1]",  # the index itself
        "[n x conv 4*i+4 1x1, conv 5 3x3]",
        "[n x: [conv 12 3x3 stride=(2 if first else 1)]]",
        "[n x: [conv 8 1x1, relu when=(not last)]]",
        "[n x: [conv (3 if last else 7) 1x1]]",
        "[n x: [2*n x: [conv cin+2 1x1], conv 4 1x1]]",  # a loop in a loop
        "[n x: [i+1 x conv cin+2 1x1, conv 4 1x1]]",  # as often as the outer index says
        "[n x: [add: [identity, [conv 8 3x3, conv 8 3x3]], relu], gap, linear 10]",
        "[a: conv 4 1x1, n x: [concat: [identity, ref a]], conv 3 1x1]",  # reads from outside
        "[n x dwconv 3x3, m x conv 2*cin 1x1 when=(i == 0)]",
        "[n x: [mul: [identity, [gap, linear cin act=sigmoid]]]]",  # a gate
        "[n-1 x conv 8 3x3, m x dropout 0.1]",
        "[flatten, n x linear 32 act=relu, linear 10]",
    ],
)
@pytest.mark.parametrize("train", [False, True], ids=["inference", "training"])
def test_what_is_alike_from_some_repeat_on_has_a_closed_form(layers: str, train: bool) -> None:
    network = inline(layers, "{n: 3, m: 2}")
    closed = network.count(free=["n", "m"], train=train)
    for n, m in product(range(1, 9), (1, 3)):
        point = {"n": n, "m": m}
        if holds(closed.domain, point):
            compared(closed, network.count(train=train, **point), point)
    assert holds(closed.domain, {"n": 2, "m": 2})  # no domain that leaves nothing to compare


STEPS = (
    "conv 8 3x3",
    "conv cin 1x1",
    "conv cin+3 1x1",
    "relu",
    "bn",
    "dwconv 3x3",
    "dropout 0.5",
    "maxpool 3x3 stride=1",
    "conv 4 3x3 dilation=2 act=relu",
)


def made_up(random_: random.Random, deep: int = 2) -> str:
    """A body at random: chains, residual units, dense units, loops inside."""
    kind = random_.randrange(6 if deep else 3)
    if kind < 3:
        return random_.choice(STEPS)
    inner = ", ".join(made_up(random_, deep - 1) for _ in range(random_.randint(1, 3)))
    if kind == 3:
        return f"{{concat: [identity, [{inner}]]}}"
    return f"{{{random_.choice(['n', 'm', '2', 'n+m'])} x: [{inner}]}}" if kind == 4 else f"[{inner}]"


@pytest.mark.parametrize("seed", range(40))
def test_networks_at_random(seed: int) -> None:
    random_ = random.Random(seed)
    body = ", ".join(made_up(random_) for _ in range(3))
    network = inline(
        f"[conv 6 3x3, n x: [{body}], {random_.choice(['gap', 'conv 5 1x1', 'relu'])}]", "{n: 3, m: 2}", "[3, 9, 9]"
    )
    try:
        closed = network.count(free=["n", "m"])
    except SpecError as error:
        assert "has no closed form" in str(error) or "is free" in str(error)  # noqa: PT017 - growth that compounds may have none
        return
    for n, m in product(range(1, 5), (1, 2, 3)):
        point = {"n": n, "m": m}
        if holds(closed.domain, point):
            compared(closed, network.count(**point), point)


def test_rows_add_up_and_say_which_repeats_they_stand_for() -> None:
    closed = model("densenet-40-12").count(free=["n"])
    for key in ("params", "macs", "activations", "layers"):
        total: Any = sum(getattr(row, key) for row in closed.rows)
        assert total == closed.totals[key]
    looped = next(row for row in closed.to_json()["layers"] if row["name"] == "dense2/1..n/conv")
    assert looped["over"] == [{"index": "i", "from": 0, "to": "n - 1"}]
    assert (
        looped["params"] == "1944*n**2 + 1080*n"
    )  # the sum over i = 0 .. n-1 of 9 * 12 * (16 + 12n + 12i): 108 (16n + 12n² + 6n² - 6n)


def test_a_free_parameter_may_have_the_name_of_an_index() -> None:
    network = inline("[j x: [n x conv cin+1 1x1]]", "{n: 2, j: 3}")
    closed = network.count(free=["j", "n"])
    assert {str(r.index) for row in closed.rows for r in row.ranges} == {"i", "l"}
    for j, n in product(range(1, 6), (1, 2, 3)):
        compared(closed, network.count(j=j, n=n), {"j": j, "n": n})


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        (
            "[n x conv 2*cin 1x1]",
            (
                "what arrives at the repeats, .* has no closed form in their number: `n` is free and counts repeats;"
                " bind it with --set"
            ),
        ),
        (
            "[n x: [i+1 x conv cin+1 1x1]]",
            "arrives at the repeats, 9x32x32, 11x32x32, 14x32x32, 18x32x32, has no closed form",
        ),  # i(i + 1)/2
        ("[n x maxpool 2x2]", "has no closed form in their number: `n` is free"),
        ("[n x conv (16 if i % 2 == 0 else 8) 3x3]", "`n` is free and counts repeats"),
        ("['n x conv widths[i] 3x3']", "`n` is free and counts repeats"),
        ("[n x conv 8 3x3 stride=(i+1)]", "`n` is free and counts repeats"),
        ("[n x conv 8 3x3 groups=3]", "groups=3 does not divide 8"),  # wrong at any depth: said as it is
        ("[n/2 x conv 8 3x3]", "a whole number of times"),
        ("[n x: [flatten, reshape 8 32 32]]", None),
    ],
)
def test_a_loop_that_does_not_close_is_refused_with_the_reason(layers: str, says: str | None) -> None:
    network = inline(layers, "{n: 3, widths: [8, 16, 32, 64, 128, 256]}")
    if says is None:
        network.count(free=["n"])
        return
    with pytest.raises(SpecError, match=says) as caught:
        network.count(free=["n"])
    assert all(problem.mark is not None and problem.mark.line == 6 for problem in caught.value.problems)


def test_all_that_can_be_free_is_and_the_others_are_named() -> None:
    """`--free all` frees a count of repeats that has a closed form, and leaves one that hasn't."""
    network = inline("[n x conv 8 3x3, m x maxpool 2x2]", "{n: 3, m: 2}")
    table = network.count(free=["all"])
    assert (table.free, table.dropped) == (("n",), ("m",))


# ---- sums ------------------------------------------------------------------------------------------------------------


def test_sums_are_those_of_python() -> None:
    n, k = symbol("n"), symbol("k")
    i = index_symbol("i", 0)
    for x in (3, i, k * i + 2, i * i * i - i + k * k, (i * i + i) / 2):
        closed = summed(x, i, 2, n + 3)
        for at_n, at_k in product((1, 2, 7), (1, 4)):
            expected = sum(value(at(x, i, step), {"k": at_k}) for step in range(2, at_n + 3))
            assert value(closed, {"n": at_n, "k": at_k}) == expected
    with pytest.raises(Undecided, match="has no closed form"):
        summed((i + k) // 2, i, 0, n)


def test_a_progression_goes_through_its_values() -> None:
    i, k = index_symbol("i", 2), symbol("k")
    values = [k, 3 * k + 1, 7 * k + 2, 13 * k + 3]  # i = 2, 3, 4, 5: of the second degree
    through = progression(values, i, 2)
    assert [at(through, i, step) for step in range(2, 6)] == values
    assert unicode(through) == unicode(k * (i * i - 3 * i + 3) + i - 2)


def test_the_largest_of_a_range_is_at_an_end_or_refused() -> None:
    i, n = index_symbol("i", 0), symbol("n", minimum=5)
    assert extremes(3 * i + 1, i, 0, n) == (3 * n - 2,)
    assert extremes(7 - i, i, 0, n) == (7,)
    assert set(extremes(i * i - 4 * i, i, 0, n)) == {0, n * n - 6 * n + 5}
    with pytest.raises(Undecided, match="has no closed form"):
        extremes(4 * i - i * i, i, 0, n)


# ---- cases that were wrong once --------------------------------------------------------------------------------------


@pytest.mark.parametrize("train", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize(
    "layers",
    [
        "[s: {n x: [x: {i x: [conv 16 1x1]}, conv 8 1x1]}]",  # no repeat inside the first
        "[s: {n x: [conv 8 3x3 stride=2, upsample 2]}]",  # windows that grow in phases
        "[c: conv 8 3x3, s: {n x: [ref input, conv 8 3x3 frozen]}, d: conv 3 3x3]",  # a body that cuts the gradient
        # read by each, kept until the last
        "[A: conv 16 3x3, conv 8 1x1, s: {n x: [concat: [identity, ref A], conv 16*(i+1) 1x1]}, Z: conv 5 1x1]",
        "[s: {n x: [concat: [identity, ref input], conv 8 1x1]}, conv 8 1x1]",
        "[A: conv 8 3x3, S: {n x: [{concat: [identity, [ref A, bn, conv 16 3x3]]}]}, gap]",
        # a branch that is longer at first
        "[stem: conv 8 3x3, s: {n x: [concat: [identity, [ref stem, conv 8 1x1, conv 4 1x1]]]}]",
        "[A: conv 8 3x3, s: {n x: [ref A, conv 8 1x1]}, conv 8 1x1]",
        "[s: {n x: [add: [[ref input, dwconv 3x3], conv 8 1x1]]}]",
        # a gate, or none
        "[c: conv 8 3x3, s: {n-1 x: [mul: [identity, [gap, linear cin act=sigmoid]]]}, d: conv 3 3x3]",
    ],
)
def test_the_first_repeat_and_the_last_are_as_they_are(layers: str, train: bool) -> None:
    network = inline(layers)
    closed = network.count(free=["n"], train=train)
    assert holds(closed.domain, {"n": 4})
    assert all(holds(conditions, {"n": 4}) for conditions in closed.narrower.values())
    for n in range(1, 9):
        if holds(closed.domain, {"n": n}):
            compared(closed, network.count(n=n, train=train), {"n": n})


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        (
            "['conv 8 3x3', s: {n x: [a: conv cin+1 3x3]}, ref s/1/a]",
            "the repeats of s are alike and built as one; bind `n` with --set",
        ),
        ("['conv 8 3x3', s: {n x: [a: conv cin+1 3x3]}, ref s/1..n/a]", "stands for as many repeats as `n` says"),
        ("['conv 8 3x3', n x: [a: conv 8 3x3], 'conv 2 1x1']", "label 'a' is used twice"),
        ("['conv 8 3x3', n x conv 8 3x3, conv 16 1x1, ref conv2]", "there is no such label"),
        ("[s: {n x: 'conv (i-5)**2 1x1'}]", "is not smallest at the first or at the last repeat"),
    ],
)
def test_what_names_a_single_repeat_is_refused(layers: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        inline(layers).count(free=["n"])


def test_a_repeat_that_is_left_out_stands_apart() -> None:
    for without in ("s/1", "s/2", "s/1/conv"):
        network = inline("[s: {n x: [conv 8 3x3, relu]}]")
        closed = network.count(free=["n"], without=[without])
        for n in range(2, 6):
            compared(closed, network.count(n=n, without=[without]), {"n": n})
    with pytest.raises(SpecError, match=r"s/7 can't be left out: repeats that are alike are built as one; `n` is free"):
        inline("[s: {n x: [conv 8 3x3, relu]}]").count(free=["n"], without=["s/7"])


def test_tables_by_operator_and_of_training_have_closed_forms_too() -> None:
    from archcalc.render import render

    closed = model("densenet-40-12").count(free=["n"], train=True)
    assert " 3n + 3 layers" in render([closed], "table", by="op")
    assert "n" in render([closed], "table", depth=1)
