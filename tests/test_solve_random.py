"""Solutions of random problems against a count of every design: steps, lists in any order, words, members of lists,
several limits of both kinds, conditions, one aim or several, and problems that nothing solves.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import pytest

from archcalc.errors import SpecError
from archcalc.metrics import metric
from archcalc.model import Model, read
from archcalc.space.problem import Solution

pytest.importorskip("numpy")
FIGURES = ("params", "macs", "act_peak", "act_sum", "weight_bytes", "depth", "field", "layers")
BYTES = ("act_peak", "act_sum", "weight_bytes", "arena")
Values = tuple[Any, ...]


class Net(NamedTuple):
    """A network with what may vary of it: for each axis its values, in the spelling of `--over`."""

    spec: str
    axes: dict[str, tuple[str, ...]]


HEAD = "archcalc: 1\nname: t\ninput: [3, size, size]\n"
NETS = {
    "jagged": Net(
        HEAD + "params: {size: 32, w: 0.5}\nlayers:\n  - conv make_divisible(24*w,8) 3x3\n  - conv 64 3x3 stride=2\n",
        {"size": ("8..40:8", "9,31,17", "16"), "w": ("0.1..1:0.15", "1/3,2,0.05", "0.25..0.75:0.1")},
    ),
    "structure": Net(
        HEAD + "params: {size: 16, n: 2, act: relu}\nlayers:\n  - conv 8 3x3 act=act\n  - n x conv 8 3x3 act=act\n",
        {"size": ("8,16,12", "7..9"), "n": ("1..4", "3,1"), "act": ("relu,prelu", "prelu,silu,relu")},
    ),
    "members": Net(
        HEAD + "params: {size: 16, width: 8, depths: [1, 2]}\nlayers:\n  - depths[0] x conv width 3x3\n"
        "  - conv 2*width 3x3 stride=2\n  - depths[1] x conv 2*width 3x3\n  - gap\n  - linear 10\n",
        {"size": ("8,32", "16"), "width": ("4..12:4", "5,9,2"), "depths.0": ("1..2",), "depths.1": ("1..3", "4,2")},
    ),
    "rounded": Net(
        "archcalc: 1\nname: t\ninput: [64]\nparams: {a: 1.5, b: 3, c: 10}\nlayers:\n  - linear ceil(7*a)\n"
        "  - linear max(b*b, 20 - b)\n  - linear round(a*b)\n  - linear c\n",
        {"a": ("0.5..3:0.5", "9/4,0.2", "1..5"), "b": ("1..5", "10,2,7", "1..25:6"), "c": ("1..50:16",)},
    ),
    "unbuilt": Net(
        HEAD + "params: {size: {default: 32, min: 6}, width: {default: 8, multiple_of: 4}}\nlayers:\n"
        "  - conv width 5x5 pad=0\n  - maxpool 2x2\n  - add:\n      - [conv width 3x3]\n      - identity\n"
        "  - conv 16 3x3 pad=0\n",
        {"size": ("3..16", "3,40,9,64", "20..40:5"), "width": ("4..16:4", "2..12:2", "6,8"), "batch": ("1..3", "8,2")},
    ),
}  # fmt: skip


@cache
def model_of(name: str) -> Model:
    return read(NETS[name].spec, "t.yaml")


@cache
def costs_of(name: str, design: Values) -> dict[str, Any] | None:
    """What one design costs, by a count of it alone; None where it can't be built."""
    model, values = model_of(name), dict(design)
    batch = int(values.pop("batch", 1))
    members = {key: values.pop(key) for key in [key for key in values if "." in key]}
    if members:
        depths = [1, 2]
        for key, value in members.items():
            depths[int(key[-1])] = value
        values["depths"] = depths
    try:
        table = model.count(batch=batch, **values)
    except SpecError:
        return None
    names = [figure for figure in (*FIGURES, "arena") if not (name == "rounded" and figure == "field")]
    return {figure: metric(table, figure, None, table.spec.mark) for figure in names}


def written_out(text: str) -> list[Any]:
    """The values of a range, a list of numbers or of words, as their spelling says."""
    if ".." not in text:
        return [part if part.isalpha() else Fraction(part) for part in text.split(",")]
    ends, _, step = text.partition(":")
    low, high = map(Fraction, ends.split(".."))
    by = Fraction(step or 1)
    return [low + n * by for n in range(int((high - low) / by) + 1)]


class Design(NamedTuple):
    values: dict[str, Any]
    costs: dict[str, Any]

    @property
    def all(self) -> dict[str, Any]:
        """Parameters and figures by name, those of the network's own that don't vary too."""
        return {**self.costs, **self.values}


class Asked(NamedTuple):
    """A random problem, and the designs that it is about."""

    net: str
    over: dict[str, str]
    upwards: list[str]
    downwards: list[str]
    limits: list[tuple[str, str, int]]
    where: list[str]
    designs: list[Design]

    def score(self, design: Design) -> tuple[Fraction, ...]:
        return tuple(
            sign * Fraction(SCORES.get(aim, lambda d, aim=aim: d[aim])(design.all))
            for sign, aims in ((1, self.upwards), (-1, self.downwards))
            for aim in aims
        )

    def broken(self, design: Design) -> set[str]:
        """The figures whose limits a design breaks."""
        return {
            figure for kind, figure, bound in self.limits
            if (design.costs[figure] > bound if kind == "max" else design.costs[figure] < bound)
        }  # fmt: skip


SCORES: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "size*w": lambda d: d["size"] * d["w"],
    "macs - 3*params": lambda d: d["macs"] - 3 * d["params"],
    "2*a - b": lambda d: 2 * d["a"] - d["b"],
    "size*batch": lambda d: d["size"] * d["batch"],
}
NEEDED = {"size*w": {"size", "w"}, "2*a - b": {"a", "b"}, "size*batch": {"size", "batch"}, "macs - 3*params": set()}
CONDITIONS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "macs % 2 == 0": lambda d: d["macs"] % 2 == 0,
    "params >= 300 or macs < 9000": lambda d: d["params"] >= 300 or d["macs"] < 9000,
    "not depth == 3": lambda d: d["depth"] != 3,
    "act_peak <= 8KiB": lambda d: d["act_peak"] <= 8192,
}


LINES = {
    "jagged": ["size", "w"],
    "members": ["size", "width"],
    "rounded": ["a", "b", "c"],
    "unbuilt": ["size", "batch"],
}


def ranges(spellings: tuple[str, ...]) -> list[str]:
    """Those whose values go up."""
    return [text for text in spellings if ".." in text] or [",".join(sorted(spellings[0].split(","), key=Fraction))]


def problem(seed: int) -> Asked:
    pick = random.Random(seed)
    net = pick.choice(list(NETS))
    axes = NETS[net].axes
    is_line = net in LINES and pick.random() < 0.5  # one axis that goes up: what bisection is for
    names = [pick.choice(LINES[net])] if is_line else pick.sample(list(axes), pick.randint(1, len(axes)))
    over = {name: pick.choice(ranges(axes[name]) if is_line else axes[name]) for name in names}
    points = itertools.product(*(written_out(over[name]) for name in over))
    every = [
        (values := dict(zip(over, point, strict=True)), costs_of(net, tuple(sorted(values.items()))))
        for point in points
    ]
    built = [Design(values, costs) for values, costs in every if costs is not None]
    numeric = [name for name in over if name != "act"]
    usable = {name for name in numeric if "." not in name}
    figures = [name for name in FIGURES if net != "rounded" or name != "field"]
    aims = [*usable, *usable, *figures, *(text for text, needed in NEEDED.items() if needed <= usable)]
    if len(over) == 1 and usable and (is_line or pick.random() < 0.6):
        wanted = list(usable)
    else:
        wanted = pick.sample(sorted(set(aims)), pick.choice([1, 1, 2, 3]))
    cut = pick.randint(0, len(wanted))
    where = pick.sample(list(CONDITIONS), 0 if is_line else pick.choice([0, 0, 0, 1, 2]))
    kinds = [("min", "max")[cut]] * 5 + ["max", "min"] if is_line else ["max", "max", "min"]
    held = [design for design in built if all(CONDITIONS[text](design.all) for text in where)]
    limits = []
    for _ in range(pick.choice([0, 1, 1, 2, 2, 3])):
        figure = pick.choice([*figures, "arena"] if not is_line and pick.random() < 0.3 else figures)
        pool = [design.costs[figure] for design in held] or [1000]
        near = int(pick.choice([pick.choice(pool), pick.choice(pool), min(pool), max(pool)]))
        limits.append((pick.choice(kinds), figure, max(0, near + pick.choice([-1, 0, 0, 1]))))
    limits = list({(kind, figure): (kind, figure, bound) for kind, figure, bound in limits}.values())
    return Asked(net, over, wanted[:cut], wanted[cut:], limits, where, held)


def solved(asked: Asked) -> Solution:
    def amounts(kind: str) -> dict[str, str]:
        limits = [(figure, bound) for one, figure, bound in asked.limits if one == kind]
        return {figure: f"{bound}B" if figure in BYTES else str(bound) for figure, bound in limits}

    return model_of(asked.net).solve(
        asked.over, maximize=asked.upwards, minimize=asked.downwards, most=amounts("max"), least=amounts("min"),
        where=asked.where,
    )  # fmt: skip


def check(seed: int) -> None:
    asked = problem(seed)
    found = solved(asked)
    kept = [design for design in asked.designs if not asked.broken(design)]
    if not kept:
        assert found.best is None
        least: dict[str, set[Any]] = {}
        for kind, figure, bound in asked.limits:
            values = [design.costs[figure] for design in asked.designs]
            closest = (min if kind == "max" else max)(values) if values else None
            if closest is not None and (closest > bound if kind == "max" else closest < bound):
                least.setdefault(figure, set()).add(closest)
        assert found.least.keys() == least.keys()
        assert all(found.least[figure] in closest for figure, closest in least.items())
        return
    best = max(map(asked.score, kept))
    assert found.best is not None
    (mine,) = [design for design in asked.designs if design.values == found.best]
    assert (asked.score(mine), asked.broken(mine)) == (best, set())
    assert all(mine.costs[name] == value for name, value in found.metrics.items())
    assert {figure for _, figure, _ in asked.limits} <= found.metrics.keys()
    better = [design for design in asked.designs if asked.score(design) > best]
    if not better or not asked.limits:
        assert found.next is None
        return
    (following,) = [design for design in asked.designs if design.values == found.next]
    assert asked.score(following) == min(map(asked.score, better))
    assert set(found.breaks) == asked.broken(following)


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_solutions_are_those_of_brute_force(start: int) -> None:
    for seed in range(start, start + 20):
        check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, 2000, 100))
def test_two_thousand_solutions_are_those_of_brute_force(start: int) -> None:
    for seed in range(start, start + 100):
        check(seed)


def test_the_problems_are_of_every_kind() -> None:
    """What is tried on so many is worth what the problems are."""
    every = [problem(seed) for seed in range(100)]
    solvable = [any(not asked.broken(design) for design in asked.designs) for asked in every]
    assert 0.1 < solvable.count(False) / len(every) < 0.6
    assert {asked.net for asked in every} == NETS.keys()
    assert any(len(asked.upwards) + len(asked.downwards) > 1 for asked in every)
    assert sum(solved(asked).method.startswith("monotone") for asked in every) > 3
