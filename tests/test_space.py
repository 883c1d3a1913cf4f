"""Choosing among designs: every figure is that of a count, the best is that of brute force, and nothing is guessed."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import signal
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from running import Command

from archcalc.errors import SpecError, UsageError
from archcalc.model import load, read

numpy = pytest.importorskip("numpy")

from archcalc.algebra import call, floor, maximum, symbol  # noqa: E402
from archcalc.algebra.compiling import compile_numpy  # noqa: E402
from archcalc.algebra.grids import Grid  # noqa: E402
from archcalc.algebra.steps import stepping, steps  # noqa: E402
from archcalc.algebra.vectors import Exact, multiples, rounded_half_even  # noqa: E402
from archcalc.space.front import directions, front  # noqa: E402
from archcalc.spec.values import make_divisible  # noqa: E402


def network(layers: str, params: str, more: str = "") -> Any:
    return read(f"archcalc: 1\nname: t\ninput: [3, size, size]\nparams: {params}\n{more}layers:\n{layers}", "t.yaml")


JAGGED = ("  - conv make_divisible(24*w,8) 3x3\n  - conv 64 3x3 stride=2\n", "{size: 32, w: 0.5}")


# ---- grids -----------------------------------------------------------------------------------------------------------


def test_closed_forms_at_many_points_are_those_at_each() -> None:
    a, b, w = symbol("a"), symbol("b"), symbol("w", minimum=None, integer=False)
    rounded = call("halved", lambda x: int(x * 3 // 2), w * 7 + a)
    forms = [a * b + 3, (a + b * 2) // 3 * a, maximum(a * a, b * 40, a + b), w * a + Fraction(1, 3), rounded * b - a, 7]
    axes = {"a": [1, 4, 9], "b": [2, 3, 50, 7], "w": [Fraction(1, 4), Fraction(5, 3)]}
    grid = Grid.whole(axes)
    for form in forms:
        found = grid.evaluate(form)
        whole = numpy.broadcast_to(found.numerators, (3, 4, 2))
        for place in itertools.product(range(3), range(4), range(2)):
            values = {name: axes[name][at] for name, at in zip("abw", place, strict=True)}
            wanted = form if isinstance(form, int) else form.evaluate({n: values[n] for n in form.symbols})
            assert Fraction(int(whole[place]), found.denominator) == wanted


def test_numbers_beyond_64_bits_stay_exact() -> None:
    a = symbol("a")
    found = Grid.whole({"a": [10**9, 10**10 + 7]}).evaluate(a * a * a + 1)
    assert [int(value) for value in found.numerators] == [10**27 + 1, (10**10 + 7) ** 3 + 1]
    edge = Grid.whole({"a": [2**31]}).evaluate(a * a * 2)  # exactly 2**63: one too many for 64 bits
    assert int(edge.numerators.ravel()[0]) == 2**63


@pytest.mark.parametrize("digits", [2, 6])
def test_points_many_of_whose_values_differ_are_those_at_each(digits: int) -> None:
    form = load("mobilenet_v2").count(free=["size", "width"]).totals["macs"]
    pick = numpy.random.default_rng(digits)
    for most in (90_000, 2**40):  # of which the second leaves 64 bits
        sizes, widths = pick.integers(32, most, 20_000), numpy.round(pick.uniform(0.1, 4, 20_000), digits)
        found = compile_numpy(form, ["size", "width"])(sizes, widths)
        for at in pick.integers(0, 20_000, 30):
            assert int(found[at]) == form.evaluate(size=int(sizes[at]), width=repr(float(widths[at])))


WIDTHS = {
    "of few digits": lambda pick: numpy.round(pick.uniform(0.25, 2, 9000), 3),
    "of many digits": lambda pick: pick.uniform(0.1, 4, 9000),
    "in a row": lambda pick: numpy.linspace(0.25, 2, 9000),
    "by a step": lambda pick: numpy.nextafter(0.4375, pick.choice([0.0, 1.0], 9000)),  # 32 times it is 12 and 2
    "far apart": lambda pick: pick.uniform(1, 1e7, 2000),
}


@pytest.mark.parametrize("said", WIDTHS)
def test_floats_of_any_digits_are_their_shortest_decimals(said: str) -> None:
    form = load("mobilenet_v2").count(free=["size", "width"]).totals["macs"]
    pick = numpy.random.default_rng(5)
    widths = WIDTHS[said](pick)
    sizes = pick.integers(32, 512, widths.size)
    found = compile_numpy(form, ["size", "width"])(sizes, widths)
    near = [int(at) for at in numpy.argsort(numpy.abs(32 * widths % 8 - 4))[:60]]  # where the first layer's steps are
    for at in [*near, *range(0, widths.size, 150), int(widths.argmin()), int(widths.argmax())]:
        assert int(found[at]) == form.evaluate(size=int(sizes[at]), width=repr(float(widths[at])))


def test_steps_are_all_the_values_at_which_a_form_changes() -> None:
    a, w = symbol("a", minimum=0), symbol("w", minimum=0, integer=False)
    form = call("make_divisible", make_divisible, 5 * w, rising=True) * a + (a + 3) // 7 - 3 * floor(2 * w)
    assert not stepping(form, "a")  # `a` itself is read, too
    read = stepping(form, "w")
    parts = [(make_divisible(Fraction(5 * n, 100)), 2 * n // 100) for n in range(2001)]
    found = steps(read, "w", 0, 2000, 100)
    assert found is not None
    assert found.tolist() == [0, *(n for n in range(1, 2001) if parts[n] != parts[n - 1])]
    assert steps(read, "w", -5, 2000, 100) is None  # nothing is known of what lies outside the domain


@pytest.mark.parametrize("denominator", [1, 2, 10, 1000])
def test_roundings_of_many_values_are_those_of_each(denominator: int) -> None:
    pick = numpy.random.default_rng(denominator)
    numerators = numpy.concatenate([pick.integers(-(10**6), 10**6, 2000), numpy.arange(-300, 300)])
    values = Exact(numerators, denominator)
    each = [Fraction(int(n), denominator) for n in numerators]
    found = rounded_half_even(values, ())
    assert found is not None
    assert found.numerators.tolist() == [round(value) for value in each]
    for options in ((), (8,), (4, 16), (1, 0), (8, 8, 0), (16, 5, 1), (3, 3, Fraction(19, 20))):
        found = multiples(values, options)
        assert found is not None
        assert found.numerators.tolist() == [make_divisible(value, *options) for value in each]
    far = Exact(numpy.array([2**62, 5]), denominator)
    assert multiples(far, (8,)) is None
    assert rounded_half_even(far, ()) is None


# ---- sweeps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "over"),
    [
        ("mobilenet_v2", {"size": "96..224:64", "width": "0.35,0.5,1.3"}),
        ("resnet50", {"size": "31..34", "batch": "1,3"}),
        ("densenet-40-12", {"L": "13..25:3", "k": "12,24"}),
        ("efficientnet_b0", {"phi": "0..2", "classes": "10,1000"}),
    ],
)
def test_a_design_costs_what_a_count_says(name: str, over: dict[str, str]) -> None:
    found = load(name).sweep(over, figures="params,macs,act_peak,weight_bytes,depth")
    assert len(found) + found.unbuilt == found.size
    for design in found:
        values = {axis.name: design.pop(axis.name) for axis in found.space.axes}
        batch = int(values.pop("batch", 1))
        totals = load(name).count(batch=batch, **values).totals
        wanted = {"params", "macs", "weight_bytes", "depth"}
        assert {key: design[key] for key in wanted} == {key: totals[key] for key in wanted}
        assert design["act_peak"] == totals["act_peak_bytes"]


def test_what_changes_the_structure_is_counted_one_by_one() -> None:
    model = network(
        "  - depths[1] x conv 64 3x3 act=act\n", "{size: 32, act: relu, depths: [1, 2]}", "space: {depths.1: 1..3}\n"
    )
    found = model.sweep({"act": ["relu", "prelu"], "size": "16,32"}, figures="params,macs")
    assert found.size == 12
    assert found.columns == ["depths.1", "act", "size", "params", "macs"]
    designs = {(d["depths.1"], d["act"], d["size"]): d["params"] for d in found}
    first, other = 3 * 64 * 9 + 64, 64 * 64 * 9 + 64
    assert designs[1, "relu", 16] == first
    assert designs[3, "relu", 32] == first + 2 * other
    assert designs[3, "prelu", 32] == first + 2 * other + 3 * 64


def test_designs_that_cannot_be_built_are_left_out_and_told() -> None:
    found = load("resnet50").sweep({"size": "1..64"}, figures="macs")
    assert (len(found), found.unbuilt) == (33, 31)  # the spec says size >= 32
    model = network("  - conv 8 5x5 pad=0\n", "{size: 32}")
    assert [design["size"] for design in model.sweep({"size": "3..6"}, figures="macs")] == [5, 6]


def test_mobilenet_v2s_published_grid() -> None:
    """MACs in millions by width and size: the table of tensorflow/models' slim/nets/mobilenet/README.md."""
    published = {(224, 1): 300, (192, 1): 221, (160, 1): 154, (128, 1): 99, (96, 1): 56}
    found = load("mobilenet_v2").sweep({"size": "96..224:32", "width": "1"}, figures="macs")
    assert {(d["size"], d["width"]): d["macs"] // 10**6 for d in found} == published


def test_conditions_speak_of_parameters_and_figures_in_the_spec_language() -> None:
    model = load("alexnet")
    sizes = [d["size"] for d in model.sweep({"size": "64..512"}, where="macs <= 2G and size % 2 == 0")]
    wanted = [size for size in range(64, 513, 2) if model.count(size=size).totals["macs"] <= 2 * 10**9]
    assert sizes == wanted
    either = load("resnet50").sweep({"size": "32..96:32"}, where=["macs < 100M or not size == 64", "act_peak <= 2MiB"])
    assert [d["size"] for d in either] == [32, 96]


@pytest.mark.parametrize("columns", [1, 2, 3, 4])
def test_the_front_is_that_of_brute_force(columns: int) -> None:
    random.seed(columns)
    for _ in range(120):
        count = random.randint(0, 50)
        values = [numpy.array([random.randint(0, 6) for _ in range(count)]) for _ in range(columns)]
        kept = [
            i for i in range(count)
            if not any(all(c[j] <= c[i] for c in values) and any(c[j] < c[i] for c in values) for j in range(count))
        ]  # fmt: skip
        assert list(front(values)) == kept


def test_directions_are_small_unless_they_say_otherwise() -> None:
    assert [(d.name, d.upwards) for d in directions("macs, -field")] == [("macs", False), ("field", True)]
    found = load("mobilenet_v2").sweep({"size": "96,128", "width": "0.5,1"}, pareto="macs,-size")
    assert [(d["size"], d["width"]) for d in found] == [(96, Fraction(1, 2)), (128, Fraction(1, 2))]


def test_a_sample_is_drawn_by_its_seed_and_each_design_once() -> None:
    model = load("mobilenet_v2")
    over = {"size": "32..256", "width": "0.1..2:0.05"}
    one, two, other = (model.sweep(over, sample=50, seed=seed).to_rows() for seed in (1, 1, 2))
    assert one == two != other
    assert len({(d["size"], d["width"]) for d in one}) == len(one) == 50


def test_rows_become_what_others_read() -> None:
    found = load("mobilenet_v2").sweep({"width": [0.5, 1]}, figures=["params"])
    assert found.to_rows() == [{"width": 0.5, "params": 1968680}, {"width": 1, "params": 3504872}]
    pandas = pytest.importorskip("pandas")
    assert isinstance(found.to_pandas(), pandas.DataFrame)


# ---- solving ---------------------------------------------------------------------------------------------------------


def test_the_largest_input_under_a_limit_and_its_neighbour() -> None:
    model = load("resnet50")
    found = model.solve(maximize="size", most={"macs": "2G"})
    assert found.best is not None
    size = found.best["size"]
    assert model.count(size=size).totals["macs"] <= 2 * 10**9 < model.count(size=size + 1).totals["macs"]
    assert (found.next, found.breaks, found.binding) == ({"size": size + 1}, ("macs",), ("macs",))
    assert found.method.startswith("monotone, proved")
    assert found.designs < 50


def test_a_limit_met_exactly_is_kept() -> None:
    macs = load("resnet50").count(size=224).totals["macs"]
    for amount, size in ((macs, 224), (macs - 1, 217)):
        found = load("resnet50").solve({"size": "200..224"}, maximize="size", most={"macs": amount})
        assert found.best is not None
        assert load("resnet50").count(size=found.best["size"]).totals["macs"] <= amount
        assert (found.best["size"] == 224) == (size == 224)
    least = load("mobilenet_v2").solve({"width": "0.1..2:0.05"}, minimize="width", least={"params": 3504872})
    assert least.best == {"width": 1}


def test_a_batch_needs_no_range() -> None:
    found = load("resnet50").solve(maximize="batch", most={"act_peak": "1GiB"})
    one = load("resnet50").count().totals["act_peak_bytes"]
    assert found.best == {"batch": 2**30 // one}


def test_the_tiny_residual_nets_known_answer() -> None:
    """max size x width under 150 M MACs, sizes 16 to 256: 26 x 46, as a staircase of evaluations and CP-SAT found."""
    model = network(
        "  - stem: conv width 3x3\n  - 3 x unit width\n  - 3 x unit 2*width stride=(2 if first else 1)\n  - gap\n"
        "  - linear classes\n",
        "{size: 32, width: 16, classes: 10}",
        "defaults: {conv: {bias: false, norm: bn, act: relu}}\nblocks:\n  unit(out, stride=1):\n    - add:\n"
        "        - [conv out 3x3 stride=stride, conv out 3x3 act=none]\n"
        "        - conv out 1x1 stride=stride act=none when=(cin != out)\n    - relu\n",
    )
    found = model.solve({"size": "16..256", "width": "1..128"}, maximize="size*width", most={"macs": "150M"})
    assert found.best is not None
    assert found.best["size"] * found.best["width"] == 26 * 46


@pytest.mark.parametrize("seed", range(40))
def test_solutions_are_those_of_brute_force(seed: int) -> None:
    """Jagged widths, two limits and an expression, against a count of every design."""
    pick = random.Random(seed)
    model = network(*JAGGED)
    sizes, widths = sorted(pick.sample(range(4, 40), 4)), sorted(pick.sample(range(1, 40), 4))
    costs = {(s, Fraction(w, 20)): model.count(size=s, w=Fraction(w, 20)).totals for s in sizes for w in widths}
    macs = pick.choice([t["macs"] for t in costs.values()]) + pick.choice([-1, 0, 1])
    peak = pick.choice([t["act_peak_bytes"] for t in costs.values()]) + pick.choice([0, 0, 4])
    aim = pick.choice(["w,size", "size,w", "size*w", "params"])
    score = {
        "w,size": lambda s, w, t: (w, s), "size,w": lambda s, w, t: (s, w),
        "size*w": lambda s, w, t: (s * w,), "params": lambda s, w, t: (t["params"],),
    }[aim]  # fmt: skip
    kept = [score(s, w, t) for (s, w), t in costs.items() if t["macs"] <= macs and t["act_peak_bytes"] <= peak]
    over = {"size": sizes, "w": [w / 20 for w in widths]}
    found = model.solve(over, maximize=aim, most={"macs": macs, "act_peak": f"{peak}B"})
    if not kept:
        assert found.best is None
        return
    assert found.best is not None
    s, w = found.best["size"], found.best["w"]
    assert score(s, w, costs[s, w]) == max(kept)


def test_what_cannot_be_met_is_told_with_the_least_there_is(archcalc: Command) -> None:
    done = archcalc("solve", "resnet50", "--maximize", "size", "--max", "params=1M", "--over", "size=32..512")
    assert done.code == 1
    assert "params ≤ 1M can't be met: the least there is, 25,557,032" in done.out
    several = load("mobilenet_v2").solve(
        {"size": "96,128", "width": "0.5,1"}, maximize="size,width", most={"macs": "1M"}, least={"params": "2M"}
    )
    assert (several.best, several.least) == (None, {"macs": 18885440})


def test_json_is_the_contract(archcalc: Command) -> None:
    done = archcalc(
        "solve", "resnet50", "--maximize", "size", "--max", "macs=2G", "--over", "size=32..512", "--format", "json"
    )
    found = json.loads(done.out)
    assert found["schema"] == "archcalc/solve/1"
    assert (found["best"], found["next"]) == ({"size": 152}, {"size": 153, "breaks": ["macs"]})
    swept = json.loads(
        archcalc("sweep", "mobilenet_v2", "--over", "size=96,224", "--over", "width=1", "--format", "json").out
    )
    assert swept["schema"] == "archcalc/sweep/1"
    assert [design["macs"] for design in swept["designs"]] == [56289152, 300774272]


# ---- several devices, and pictures -----------------------------------------------------------------------------------


DEVICES = ("--device", "rtx4090", "--device", "t4")
TIMES = ["latency_rtx4090", "latency_t4"]


def test_each_device_is_a_column(archcalc: Command) -> None:
    over = ("sweep", "resnet50", "--over", "size=96,224", *DEVICES)
    found = json.loads(archcalc(*over, "--columns", "macs,latency", "--json").out)
    assert found["devices"] == {"latency_rtx4090": "rtx4090", "latency_t4": "t4"}
    for design in found["designs"]:
        for name in ("rtx4090", "t4"):
            totals = load("resnet50").count(size=design["size"], device=name).totals
            assert design[f"latency_{name}"] == pytest.approx(float(totals["latency_ms"]), rel=1e-12)
    assert archcalc(*over, "--format", "csv").out.splitlines()[0] == "size,params,macs,act_peak," + ",".join(TIMES)
    assert archcalc(*over, "--where", "latency_t4 <= 0.5ms", "--quiet").out.count("\n    96 ") == 1
    assert archcalc(*over, "--pareto", "latency,-size", "--quiet").out.endswith("latency_t4, -size\n")


def test_a_limit_of_time_is_one_on_every_device() -> None:
    model = load("resnet50")
    found = model.solve(maximize="size", most={"latency": "5ms"}, device=["rtx4090", "t4"])
    assert found.best is not None
    times = {
        (name, size): model.count(size=size, device=name).totals["latency_ms"]
        for name in ("rtx4090", "t4") for size in (found.best["size"], found.best["size"] + 1)
    }  # fmt: skip
    assert all(time <= 5 for (_, size), time in times.items() if size == found.best["size"])
    assert found.breaks == tuple(f"latency_{name}" for (name, size), time in times.items() if time > 5)
    alone = model.solve(maximize="size", most={"latency": "5ms"}, device="t4")
    assert (alone.best, alone.breaks) == (found.best, ("latency",))


def test_a_front_is_drawn_as_svg_and_no_label_lies_on_another(archcalc: Command) -> None:
    from xml.etree import ElementTree

    from archcalc.picture.svg import width

    over = ("--over", "size=96..320:16", "--over", "width=0.25..2:0.05", "--format", "svg")
    for pareto in ("macs,-size", "params,-width", "macs,-width"):
        done = archcalc("sweep", "mobilenet_v2", *over, "--pareto", pareto, "--quiet")
        assert done.code == 0
        boxes = []
        for text in ElementTree.fromstring(done.out).iter("{http://www.w3.org/2000/svg}text"):
            words, x, y = "".join(text.itertext()), float(text.get("x", 0)), float(text.get("y", 0))
            wide = width(words)
            left = x - {"middle": wide / 2, "end": wide}.get(text.get("text-anchor", "start"), 0)
            boxes.append((left, y - 9, left + wide, y + 2, words))
        assert sum("size=" in box[-1] for box in boxes) >= 5
        for a, b in itertools.combinations(boxes, 2):
            apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
            assert apart, (a, b)


# ---- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["sweep", "resnet50"], "nothing varies"),
        (["sweep", "resnet50", "--over", "sise=1..3"], "no parameter 'sise'; did you mean 'size'"),
        (["sweep", "resnet50", "--over", "size=9..3"], "holds no value"),
        (["sweep", "resnet50", "--over", "size=0.5..3"], "needs a step"),
        (["sweep", "resnet50", "--over", "size=1..3:0"], "more than 0"),
        (["sweep", "resnet50", "--over", "size"], "name=range"),
        (["sweep", "resnet50", "--over", "size=32.."], "no range"),
        (["sweep", "resnet50", "--over", "size=..64"], "no range"),
        (["sweep", "resnet50", "--over", "size=32", "--over", "size=64"], "given twice"),
        (["sweep", "resnet50", "--over", "variant=resnet51"], "variant can't be resnet51"),
        (["sweep", "resnet50", "--over", "size=32..64", "--where", "mac <= 1G"], "'mac'; did you mean 'macs'"),
        (["sweep", "nasbench201", "--where", "e10 == nor_con_3x3"], "did you mean 'nor_conv_3x3'"),
        (["sweep", "nasbench201", "--where", "e10 >= nor_conv_3x3", "--sample", "2"], "has no order"),
        (["sweep", "resnet50", "--over", "size=3,3"], "twice"),
        (["sweep", "resnet50", "--over", "size=32..64", "--columns", "mcas"], "no metric 'mcas'; did you mean 'macs'"),
        (["sweep", "resnet50", "--over", "size=32..64", "--where", "macs"], "no condition"),
        (["sweep", "resnet50", "--over", "size=32..64", "--where", "macs <= 1M and"], "can't read"),
        (["sweep", "resnet50", "--over", "size=32..64", "--where", "macs/params > 3"], "multiply"),
        (["sweep", "resnet50", "--over", "size=32..64", "--pareto", "speed"], "no metric or axis 'speed'"),
        (["sweep", "resnet50", "--over", "size=32..64", "--format", "parquet"], "--output"),
        (["sweep", "resnet50", "--over", "size=32..64", "--format", "xml"], "unknown format"),
        (["sweep", "resnet50", "--over", "size=32..64", "--columns", "latency"], "--device"),
        (["sweep", "resnet50", "--over", "size=32", "--device", "t4", "--device", "rtx409"], "did you mean 'rtx4090'"),
        (["sweep", "resnet50", "--over", "size=32..64", "--device", "t4", "--columns", "latency_t5"], "'latency_t5'"),
        (["sweep", "resnet50", "--over", "size=32", *DEVICES, "--where", "latency < 1ms"], "which of the devices"),
        (["solve", "resnet50", "--minimize", "latency", "--over", "size=32", *DEVICES], "which of the devices"),
        (["solve", "resnet50", "--maximize", "size", *DEVICES, "--max", "latency_t4=5"], "latency_t4=5ms"),
        (["solve", "resnet50", "--maximize", "size", "--device", "t4", "--max", "latency_t5=5ms"], "no metric"),
        (["sweep", "resnet50", "--over", "size=32", "--format", "svg"], "--pareto"),
        (["sweep", "resnet50", "--over", "size=32", "--format", "svg", "--pareto", "macs"], "by two figures"),
        (["sweep", "resnet50", "--over", "size=32..100000", "--over", "batch=1..100000"], "too many"),
        (["solve", "resnet50"], "maximize"),
        (["solve", "resnet50", "--maximize", "size", "--max", "act_peak=320"], "320 of what"),
        (["solve", "resnet50", "--maximize", "size", "--max", "macs"], "metric=amount"),
        (["solve", "resnet50", "--maximize", "size", "--max", "macs=many"], "must be a number"),
        (["solve", "resnet50", "--maximize", "size"], "no end"),
        (["solve", "resnet50", "--maximize", "nothing", "--over", "size=32..64"], "no metric or axis"),
        (["solve", "lenet@nothing", "--maximize", "size"], "nothing"),
    ],
)  # fmt: skip
def test_mistakes_are_told(archcalc: Command, args: list[str], said: str) -> None:
    done = archcalc(*args)
    assert done.code == 2
    assert said in done.err
    assert "bug" not in done.err


SPACES = {  # what a spec's space holds at most one of, and what is said of it
    "size: 64..16": "6:9: space: size=64..16 holds no value: 16 is less than 64",
    "sise: 1..3": "6:9: space: t.yaml has no parameter 'sise'; did you mean 'size'?",
    "size: 16..64:0": "6:9: space: size=16..64:0: the step must be more than 0",
    "size: 16..64:-4": "6:9: space: size=16..64:-4: the step must be more than 0",
    "size: 16..many": "6:9: space: size=16..many: 'many' is no number",
    "size: 16..": "6:9: space: size=16.. is no range",
    "size: 1.5..3": "6:9: space: size=1.5..3 needs a step",
    "size: []": "6:9: space: size=[] holds no value",
    "size: [3, 3]": "6:9: space: size has a value twice",
    "width: [8, 17]": "6:10: space: width can't be 17; there are 8, 16",
    "act: [relu, sliu]": "6:8: space: act can't be sliu; did you mean 'silu'?",
    "depth.4: 1..3": "6:12: space: depth has the members 0 to 1, not 4",
    "size.0: 1..3": "6:11: space: size is no list",
    "batch: 0..4": "6:10: space: batch must be positive whole numbers",
    "variant: [small]": "6:12: space: t.yaml has no variants",
}


@pytest.mark.parametrize("wrong", SPACES)
def test_a_mistake_in_a_specs_space_is_told_where_it_stands(wrong: str) -> None:
    text = (
        "archcalc: 1\nname: t\ninput: [3, size, size]\nparams: {size: 32, width: {default: 16, in: [8, 16]}, depth: [2,"
        f" 3], act: {{default: relu, in: [relu, silu]}}}}\nspace:\n  {wrong}\nlayers: [conv width 3x3 act=act]\n"
    )
    with pytest.raises(SpecError) as caught:
        read(text, "t.yaml").sweep()
    (problem,) = caught.value.problems
    assert f"t.yaml:{SPACES[wrong]}" in str(problem)


def test_all_mistakes_of_a_space_are_told_together_and_by_check(archcalc: Command, tmp_path: Any) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "archcalc: 1\nname: t\ninput: [3, size, size]\nparams: {size: 32}\nspace: {size: 9..3, sise: 1..3}\n"
        "layers: [conv 8 3x3]\n"
    )
    for words in (["sweep", str(path)], ["solve", str(path), "--maximize", "size"], ["check", str(path)]):
        done = archcalc(*words)
        assert (done.code, done.err.count("space: ")) == (2, 2 + done.err.count("| space: ")), words


def test_bytes_are_read_in_decimal_units_too() -> None:
    found = load("resnet50").solve(maximize="batch", most={"act_peak": "1GB"})
    one = load("resnet50").count().totals["act_peak_bytes"]
    assert found.best == {"batch": 10**9 // one}


def test_an_empty_list_is_refused_in_python() -> None:
    with pytest.raises(UsageError, match="holds no value"):
        load("resnet50").sweep({"size": []})


def test_cells_of_nasbench_201_cost_what_its_closed_form_says() -> None:
    """arXiv:2001.00326: by the numbers of 1x1 and 3x3 convolutions on the edges of a cell."""
    found = load("nasbench201").sweep(figures="params,macs", sample=12, seed=3)
    assert (found.size, len(found)) == (5**6, 12)
    for cell in found:
        ones, threes = (list(cell.values()).count(f"nor_conv_{n}") for n in ("1x1", "3x3"))
        assert cell["params"] == 73_306 + 28_000 * ones + 243_040 * threes
        assert cell["macs"] == 7_783_040 + 3_932_160 * ones + 35_389_440 * threes


# ---- Ctrl-C ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def interrupting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C, a true signal, once ten designs have been looked at."""

    @contextlib.contextmanager
    def shown(*_: object) -> Iterator[Callable[[int], None]]:
        yield lambda looked: signal.raise_signal(signal.SIGINT) if looked == 10 else None

    monkeypatch.setattr("archcalc.cli.sweep.shown", shown)


@pytest.mark.usefixtures("interrupting")
@pytest.mark.parametrize("form", ["csv", "json", "table"])
def test_ctrl_c_keeps_the_designs_that_were_counted(archcalc: Command, tmp_path: Path, form: str) -> None:
    net = tmp_path / "net.yaml"
    layers = "layers:\n  - conv 4 3x3 act=act\n"
    net.write_text(f"archcalc: 1\nname: t\ninput: [3, size, size]\nparams: {{size: 8, act: relu}}\n{layers}")
    words = ("sweep", str(net), "--over", "act=relu,silu,gelu,tanh", "--over", "size=8..12", "--columns", "macs")
    wanted = [(act, size, 9 * 3 * 4 * size**2) for act in ("relu", "silu") for size in range(8, 13)]
    into = tmp_path / "designs"
    for more in ((), ("--output", str(into))):
        done = archcalc(*words, "--format", form, *more)
        assert done.code == 130
        text = into.read_text() if more else done.out
        if form == "csv":
            assert text.splitlines()[1:] == [f"{act},{size},{macs}" for act, size, macs in wanted]
        elif form == "json":
            assert [tuple(row.values()) for row in json.loads(text)["designs"]] == wanted
        else:
            assert text.count("relu") == text.count("silu") == 5
            assert "gelu" not in text


# ---- data sheets -----------------------------------------------------------------------------------------------------


def test_a_time_from_a_data_sheet_is_said_to_be_a_bound(archcalc: Command) -> None:
    words = ("solve", "resnet50", "--maximize", "size", "--over", "size=32..64:8", "--max", "latency=1s", "--device")
    for device, bounds in (("rtx3090", ["latency"]), ("epyc-zen4-cpu-1t", [])):
        found = archcalc(*words, device, "--json")
        assert json.loads(found.out)["lower_bounds"] == bounds
        assert ("no run is faster" in archcalc(*words, device).out) == bool(bounds)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sweep", "resnet50", "--over", "size=a,b"), "none of 2 designs can be built"),
        (("solve", "resnet50", "--maximize", "clases", "--max", "macs=3M"), "did you mean 'classes'?"),
        (("solve", "resnet50", "--maximize", "classes*", "--max", "macs=3M"), "classes*"),
    ],
)
def test_nothing_to_choose_among_says_why(archcalc: Command, words: tuple[str, ...], said: str) -> None:
    done = archcalc(*words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
