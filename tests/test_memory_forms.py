"""Closed forms of memory are the numbers at random points: of networks that ship and of odd specs; what has no closed
form says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

import archcalc
from archcalc.algebra import Poly
from archcalc.cost import Table
from archcalc.errors import ArchcalcError, SpecError, UsageError
from archcalc.metrics import WORKED_OUT
from archcalc.model import Model
from archcalc.spec import read_spec

from shipping import families, members  # isort: skip

SIDES = ("size", "height", "width", "frames", "n", "m", "classes")
POINTS = 3


def figures(table: Table) -> dict[str, Any]:
    """All that speaks of memory, in bytes."""
    names = ("act_peak_bytes", "act_sum_bytes", "cache_bytes")
    found = {name: table.totals[name] for name in names} | {"inside": WORKED_OUT["inside"](table)}
    return found | {f"training {part}": value for part, value in table.totals.get("training_bytes", {}).items()}


def holds(conditions: tuple[str, ...], point: Mapping[str, int]) -> bool:
    """Whether every condition holds there."""
    return all(eval(condition, {}, dict(point)) for condition in conditions)


def compared(model: Model, free: list[str], points: list[dict[str, int]], **options: Any) -> int:
    """At how many of the points the forms were held against numbers; those that can't be counted are left out."""
    table = model.count(free=[*free, "batch"], **options)
    forms, seen = figures(table), 0
    for point in points:
        try:
            counted = figures(model.count(**point, **options))
        except SpecError:
            continue
        seen += 1
        for name, value in counted.items():
            form = forms[name]
            if holds(table.narrower.get(name, ()), point):
                assert (form.evaluate(point) if isinstance(form, Poly) else form) == value, (name, point)
    return seen


@pytest.mark.parametrize("name", families(18))
def test_closed_forms_of_networks_that_ship_are_the_numbers(name: str) -> None:
    """Sizes and the batch free, in fp32 and under autocast; sizes that a network refuses are left out."""
    model, draw = archcalc.load(name if name in members(name) else members(name)[0]), Random(name)
    usual = model.count().binding.values
    free = [side for side in model.count(free=["all"]).free if side in SIDES]
    points = [{"batch": 5, **{side: int(usual[side]) for side in free}}]
    for _ in range(6 * POINTS):
        sides = {side: max(1, int(usual[side]) + draw.choice((0, 1, -1, 2, 7, -3, 32))) for side in free}
        points.append({"batch": draw.randint(1, 5), **sides})
    options = {"precision": draw.choice(("fp32", "amp")), "optimizer": draw.choice(("adam", "adafactor"))}
    assert compared(model, free, points[: 2 * POINTS], train=True, **options)


MAP = "input: [c, s, s]\nparams: {c: 4, s: 16, n: 3, k: 3}\n"
ROW = "input: [2*c, s]\nparams: {c: 4, s: 16, n: 3, k: 3, m: 2}\n"
ODD = {
    "sizes that meet": ("c s", f"{MAP}layers: [conv 2*c 3x3 act=silu, 'conv max(c,8) 1x1 norm=bn act=relu', gap]"),
    "repeats": ("c s n", f"{MAP}layers: [n x conv c 3x3 norm=bn act=relu, gap, linear 3]"),
    "repeats that grow": ("c s n", f"{ROW}layers: ['n x conv c+cin 3 act=gelu', gap, linear 3]"),
    "repeats of sums": (
        "c s n",
        f"{ROW}layers: [{{'n x': [{{add: [identity, [ln, attention 2]]}}, {{add: [identity, [ln, linear 4*c act=gelu,"
        " linear 2*c, dropout 0.1]]}]}, ln, gap, linear 3]",
    ),
    "repeats that read what lies before": (
        "c s n",
        f"{ROW}layers: [{{x: linear c}}, {{'n x': [{{add: [identity, [ln, linear 2*c act=silu, linear c]]}},"
        " {mul: [identity, ref x]}]}, gap, linear 3]",
    ),
    "repeats in repeats": (
        "c s n m",
        f"{ROW}layers: [linear c, {{'n x': [{{'m x': [linear c act=tanh]}}, {{add: [identity, linear c]}}]}}, gap]",
    ),
    "dense blocks": ("c s n k", f"{MAP}layers: [{{'n x': [{{concat: [identity, [bn, relu, conv k 3x3]]}}]}}, gap]"),
    "slices": (
        "c s",
        f"{ROW}layers: [{{x: linear 2*c}}, {{concat: [[ref x, slice 0 c, linear 5 act=relu], [ref x, slice c 2*c,"
        " sigmoid]]}, softmax, slice 0 1 axis=1, flatten, linear 3]",
    ),
    "branches": (
        "c s k",
        f"{MAP}layers: [{{concat: [conv k 1x1, [conv 2*k 1x1, conv c 3x3], [maxpool 3 stride=1, conv 4 1x1]]}},"
        " maxpool 3 stride=2, dropout 0.5, gap, linear 3]",
    ),
    "experts": ("c s k", f"{ROW}layers: [{{moe k top=2 shared=1: [swiglu c]}}, gap, linear 3]"),
    "experts in repeats": (
        "c s k n",
        f"{ROW}layers: [{{'n x': [{{add: [identity, [ln, {{moe k top=2: [linear c act=gelu, linear 2*c]}}]]}}]}}, gap]",
    ),
    "recurrent": ("c s k", f"{ROW}layers: [lstm k layers=2, gru c bidirectional=true, rnn 7, linear 3]"),
    "a cache": ("c s k n", f"{ROW}layers: [{{'n x': [{{add: [identity, [ln, attention 2 causal=true cache=k]]}}]}}]"),
    "chances": ("c s", f"{MAP}layers: [{{'3 x': [{{'add survive=(1-(i+1)/8)': [identity, conv c 3x3 act=relu]}}]}}]"),
    "frozen": (
        "c s n",
        f"{MAP}layers: [conv c 3x3 frozen act=relu, 'n x conv c 3x3 frozen act=relu', conv 4 3x3 act=silu, gap]",
    ),
    "in place": (
        "c s n",
        f"{MAP}layers: [{{'n x': [conv c 3x3, relu6 inplace, dropout 0.2 inplace]}}, conv 4 3x3 frozen act=silu, gap]",
    ),
    "shared": ("c s", f"{ROW}layers: [{{a: linear 2*c}}, relu, {{b: linear 2*c share=a}}, gelu, linear 3]"),
    "another network": (
        "c s",
        f"{MAP}blocks: {{'b(w)': [conv w 3x3 norm=bn act=silu, conv w 1x1]}}\n"
        "layers: [b c, b 5, {u: use shortcuts c=5 size=s}, {v: use shortcuts c=5 size=s share=u}]",
    ),
    "widths": (
        "c s",
        f"{MAP}defaults: {{dtype: fp16, weights: int4/32}}\nlayers: [conv c 3x3 act=relu, conv 4 3x3 dtype=fp32, gap]",
    ),
    "heads": (
        "c s n",
        f"{MAP}layers: [{{a: conv c 3x3}}, relu, gap]\ntrain_heads: {{x: {{from: a, layers: [gap, linear n]}}}}",
    ),
    "maps that shrink and grow": (
        "c s",
        f"{MAP}layers: [conv c 3x3 stride=2 act=silu, maxpool 2, upsample 2, conv_transpose 3 2x2 stride=2, flatten]",
    ),
}
WAYS: tuple[dict[str, Any], ...] = (
    {"train": True},
    {"train": True, "optimizer": "adafactor", "precision": "bf16", "attention": "fused"},
    {"dtype": "int8"},
)


@pytest.mark.parametrize("kind", ODD)
def test_closed_forms_of_odd_specs_are_the_numbers(kind: str) -> None:
    free, text = ODD[kind]
    model, draw = Model(read_spec(f"archcalc: 1\nname: t\n{text}\n", "t.yaml")), Random(kind)
    for options in WAYS:
        values = (1, 2, 3, 4, 5, 8, 13, 16, 28, 33)
        points = [{name: draw.choice(values) for name in (*free.split(), "batch")} for _ in range(8)]
        assert compared(model, free.split(), points, **options) >= 2


@pytest.mark.parametrize(
    ("layers", "free", "reason"),
    [
        ("[{if: 'c > 6', then: [conv 12 3x3], else: [conv 5 3x3]}]", "c", "whether 6 < c depends on `c`"),
        ("[{'n x': ['conv 4+i 3x3', maxpool 2]}]", "n", "no closed form in their number: `n` is free"),
        ("[{'n x': [{'add survive=(1-(i+1)/64)': [identity, conv c 3x3]}]}]", "n", "survive must be a probability"),
        ("[conv c 3x3, attention 2]", "c", "whether 2 divides c depends on `c`"),
    ],
)
def test_what_has_no_closed_form_says_why(layers: str, free: str, reason: str) -> None:
    model = Model(read_spec(f"archcalc: 1\nname: t\n{MAP}layers: {layers}\n", "t.yaml"))
    with pytest.raises(ArchcalcError, match=reason):
        _ = figures(model.count(free=[free], train=True))


@pytest.mark.parametrize("figure", ["arena", "arena_best"])
def test_places_are_found_for_numbers_alone(figure: str) -> None:
    with pytest.raises(UsageError, match=r"tensors have places where all sizes are numbers, and `.*` is free"):
        _ = WORKED_OUT[figure](archcalc.load("lenet").count(free=["size"]))
