"""Designs at the edges of what closed forms hold for, against a count of each: repeats that are few or none, values that
a parameter's own kind leaves out, and requirements of several parameters.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import pytest

from archcalc.errors import SpecError, UsageError
from archcalc.metrics import metric
from archcalc.model import Model, read
from archcalc.space.report import table

pytest.importorskip("numpy")
HEAD = "archcalc: 1\nname: t\ninput: [3, s, s]\n"
LINES = (
    "n x conv 4 3x3", "n x conv 8 3x3", "m x conv 4 3x3 bias=false act=relu", "n x conv 4+4*i 3x3",
    "n x conv 4 3x3 pad=0", "n-1 x conv 8 1x1", "n+m x conv 4 3x3", "n x [conv 8 3x3, bn, relu]", "conv 16 3x3",
    "n x:\n      - conv 8 3x3\n      - m x conv 8 3x3", "m x maxpool 2x2", "w x conv 4 3x3", "n x conv w 3x3",
    "m x conv w 3x3 stride=(2 if first else 1)", "conv ceil(w*3/2) 3x3", "n x [conv 2*w 1x1, conv w 3x3]",
    "2*m-1 x conv w 3x3", "n x:\n      - add:\n          - conv cin 3x3\n          - identity",
)  # fmt: skip
REQUIREMENTS = ("n >= m", "w % 2 == 0 or n > 1", "n + m < 5", "max(n, m) <= 2", "c <= 12")
OVER = {
    "n": ((0, 1, 2, 3), (1, 2, 3), (3, 1, 0), (1, 3, 5)),
    "m": ((0, 1, 2), (1, 2, 3), (2, 0), (1,)),
    "s": ((4, 8, 12), (3, 4, 5, 6), (16,)),
    "w": ((1, 2, 3), (0, 2, 4), (8, 4), (Fraction(1, 2), 1, Fraction(3, 2), 2)),
}
FIGURES = ("params", "macs", "act_peak", "act_sum", "weight_bytes", "depth", "layers")


def network(pick: random.Random) -> Model:
    lines = "".join(f"  - {line}\n" for line in pick.choices(LINES, k=pick.randint(1, 4)))
    parameters = "params: {n: 2, m: 1, s: 16, w: 4, c: {default: 2*w, max: 4*m + 20}}\n"
    asked = "".join(f"  - {text}\n" for text in pick.sample(REQUIREMENTS, pick.choice([0, 0, 0, 1, 2])))
    return read(HEAD + parameters + (f"require:\n{asked}" if asked else "") + f"layers:\n{lines}", "t.yaml")


def one_by_one(
    model: Model, over: dict[str, Sequence[Any]], figures: Sequence[str], train: bool
) -> Iterator[dict[str, Any]]:
    for point in itertools.product(*over.values()):
        values = dict(zip(over, point, strict=True))
        try:
            table = model.count(train=train, **values)
        except SpecError:
            continue
        yield {**values, **{name: metric(table, name, None, table.spec.mark) for name in figures}}


def check(seed: int) -> int:
    pick = random.Random(seed)
    try:
        model = network(pick)
    except SpecError:  # what is required doesn't hold for the defaults
        return 0
    over = {name: pick.choice(OVER[name]) for name in pick.sample(sorted(OVER), pick.randint(1, 3))}
    figures, train = pick.sample(FIGURES, pick.randint(1, 3)), pick.random() < 0.25
    wanted = list(one_by_one(model, over, figures, train))
    try:
        found = model.sweep(over, figures=figures, train=train)
    except UsageError:  # nothing of it can be built
        found = None
    assert list(found or ()) == wanted
    if found is None:
        return 0
    assert found.unbuilt == len(list(itertools.product(*over.values()))) - len(wanted)
    return len(wanted)


def test_every_design_is_there_that_can_be_counted() -> None:
    assert sum(map(check, range(60))) > 300


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 2000, 100))
def test_every_design_of_a_thousand_spaces_is_there(start: int) -> None:
    for seed in range(start, start + 100):
        check(seed)


REPEATED = "archcalc: 1\nname: t\ninput: [3, 8, 8]\nparams: {n: 1}\nlayers:\n  - n x conv 4 3x3\n"


def test_what_repeats_once_is_a_design_like_others() -> None:
    """112 = 4 x 3 x 9 + 4, and 148 = 4 x 4 x 9 + 4 for each repeat after it."""
    model = read(REPEATED, "t.yaml")
    assert [design["params"] for design in model.sweep({"n": "1..3"})] == [112, 260, 408]
    assert [design["params"] for design in model.sweep({"n": "0..3"}, pareto="params")] == [0]


@pytest.mark.parametrize(
    ("asked", "best"),
    [
        ({"maximize": "n", "most": {"params": 112}}, 1),
        ({"maximize": "n", "most": {"params": 259}}, 1),
        ({"minimize": "n", "least": {"params": 1}}, 1),
        ({"minimize": "n", "least": {"params": 113}}, 2),
        ({"maximize": "n", "most": {"params": 111}}, None),
    ],
)
@pytest.mark.parametrize("over", [{"n": "1..9"}, {}])
def test_bisection_begins_at_the_first_repeat(asked: dict[str, Any], best: int | None, over: dict[str, str]) -> None:
    found = read(REPEATED, "t.yaml").solve(over, **asked)
    assert (found.best or {}).get("n") == best


def test_what_is_required_of_two_parameters_is_asked_of_each_design() -> None:
    text = "archcalc: 1\nname: t\ninput: [3]\nparams: {n: 2, m: 1}\nrequire:\n  - n >= m\nlayers:\n  - linear n\n"
    found = read(text, "t.yaml").sweep({"n": "1..3", "m": "1..3"})
    assert [(one["n"], one["m"]) for one in found] == [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3)]


def test_bisection_keeps_to_what_is_required_between_the_ends() -> None:
    text = "archcalc: 1\nname: t\ninput: [3]\nparams: {n: 3}\nrequire:\n  - n % 3 == 0\nlayers:\n  - linear n\n"
    found = read(text, "t.yaml").solve({"n": "3..12"}, maximize="n", most={"params": 45})  # 4n: 11 would do
    assert found.best == {"n": 9}


def test_halves_of_what_is_whole_by_default_are_counted_as_they_are() -> None:
    """ceil(3w) channels of 27 weights and a bias: 2 and 5, where w is a half and one and a half."""
    text = HEAD + "params: {s: 8, w: 1}\nlayers:\n  - conv ceil(3*w) 3x3\n"
    found = read(text, "t.yaml").sweep({"w": "0.5..1.5:0.5"})
    assert [design["params"] for design in found] == [56, 84, 140]


@pytest.mark.parametrize(
    ("where", "unmet"),
    [
        (["macs > 1G", "n > 1"], ("macs > 1G",)),
        (["n > 2", "n < 2"], ()),
        (["arena > 1GiB"], ("arena > 1GiB",)),
    ],
)
def test_a_condition_that_no_design_keeps_to_is_named(where: list[str], unmet: tuple[str, ...]) -> None:
    found = read(REPEATED, "t.yaml").sweep({"n": "1..3"}, where=where)
    assert (len(found), found.unmet) == (0, unmet)
    told = table(found).splitlines()
    assert told[1:] == [f"no design keeps to {text}" for text in unmet] or (
        told[1:] == ["each condition holds of some designs, all of them together of none"] and not unmet
    )
