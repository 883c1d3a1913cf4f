"""Devices as limits, and the figures that have no closed form as budgets, conditions and aims."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from archcalc.check import check_all
from archcalc.devices import CHIPS, chip, listing
from archcalc.errors import UsageError
from archcalc.memory.layout import layout
from archcalc.metrics import WORKED_OUT
from archcalc.model import load, read
from archcalc.question import Question

NET = """archcalc: 1
name: Small
input: [3, size, size]
params: {size: 32, width: 8}
layers:
  - conv width 3x3 stride=2
  - conv 2*width 3x3
  - gap
  - linear 10
"""


def network(more: str = "") -> Any:
    return read(NET + more, "small.yaml")


def failed(model: Any, asked: Question = Question()) -> list[str]:  # noqa: B008 - a value
    (found,) = check_all([model], (), asked)
    return [verdict.metric for verdict in found.verdicts if verdict.fails]


def test_mlperf_tinys_arena_is_a_budget() -> None:
    """MobileNetV1 0.25 at 96 x 96 in int8 takes 73,728 bytes in tflite-micro."""
    table = load("vww").count(dtype="int8", fold_bn=True)
    assert WORKED_OUT["arena"](table) == 73_728
    assert WORKED_OUT["arena_best"](table) == 55_296


def test_an_arena_is_a_budget_in_the_width_that_it_names() -> None:
    # at 32 x 32: 8x16x16 and 16x16x16 in int8 are alive at once, 2,048 and 4,096 bytes, after 3,072 + 2,048
    assert failed(network("budget:\n  arena: {max: 6144B, dtype: int8}\n")) == []
    assert failed(network("budget:\n  arena: {max: 6143B, dtype: int8}\n")) == ["arena"]
    assert failed(network("budget:\n  arena: {max: 6144B}\n")) == ["arena"]
    assert failed(network("budget:\n  arena: {max: 6144B}\n"), Question(dtype="int8")) == []


def test_training_is_a_budget() -> None:
    # 8*27 + 8 + 16*72 + 16 + 160 + 10 parameters, 16 bytes each with adam, and what is kept
    assert failed(network("budget:\n  training: {max: 24992B}\n")) == ["training"]
    assert failed(network("budget:\n  training: {max: 1MiB}\n")) == []


def test_a_chip_is_two_limits_and_a_gpu_one() -> None:
    tight = network("space: {size: 64..256:64}\n")
    assert failed(tight, Question(fit=("stm32f103",))) == ["arena"]
    assert failed(tight, Question(fit=("stm32f103", "rtx4090"), dtype="int8")) == []
    with pytest.raises(UsageError, match="did you mean 'stm32f746'"):
        failed(tight, Question(fit=("stm32f747",)))


def test_data_sheets_are_named_and_names_are_unique() -> None:
    assert len({chip.name for chip in CHIPS}) == len(CHIPS)
    assert all(chip.source and chip.memory > 0 for chip in CHIPS)
    # MCUNet (Lin et al., 2020), table 4: F746 has 320 kB and 1 MB, H743 512 kB and 2 MB
    assert (chip("stm32f746").memory, chip("stm32f746").flash) == (320 << 10, 1 << 20)
    assert (chip("stm32h743").memory, chip("stm32h743").flash) == (512 << 10, 2 << 20)


def arena(size: int, width: int) -> int:
    table = network().count(size=size, width=width, dtype="int8")
    plan = layout(table.graph, table.held.measure, "greedy", 16).plan
    assert plan is not None
    return plan.bytes


@pytest.mark.parametrize("most", [4_000, 9_000, 20_000, 31_000])
def test_the_best_design_under_an_arena_is_that_of_brute_force(most: int) -> None:
    sizes, widths = range(16, 65, 8), range(4, 17, 4)
    found = network().solve(
        {"size": sizes, "width": widths}, maximize="size*width,size", most={"arena": f"{most}B"}, dtype="int8"
    )
    costs = {(size, width): arena(size, width) for size, width in product(sizes, widths)}
    score = {design: (design[0] * design[1], design[0]) for design in costs}
    best = max((design for design in costs if costs[design] <= most), key=score.__getitem__)
    assert (found.best, found.metrics) == ({"size": best[0], "width": best[1]}, {"arena": costs[best]})
    better = [design for design in costs if score[design] > score[best]]
    following = min(better, key=score.__getitem__, default=None)
    assert found.next == (following and {"size": following[0], "width": following[1]})


def test_a_sweep_lays_out_only_what_other_conditions_leave() -> None:
    swept = network().sweep(
        {"size": [16, 32, 64], "width": [4, 8]},
        figures=["params", "arena"],
        where=["params <= 500", "arena <= 9000"],
        dtype="int8",
    )
    assert [(row["size"], row["width"], row["arena"]) for row in swept.to_rows()] == [
        (size, 4, arena(size, 4)) for size in (16, 32, 64) if arena(size, 4) <= 9000
    ]
    assert swept.size == 6


def test_totals_are_known_by_their_names_in_json_too() -> None:
    (row,) = network().sweep({"size": [32]}, figures=["act_peak_bytes", "cache_bytes", "arena_bytes"]).to_rows()
    totals = network().count(size=32).totals
    assert (row["act_peak_bytes"], row["cache_bytes"]) == (totals["act_peak_bytes"], 0)


def test_an_arena_without_a_range_says_what_it_needs() -> None:
    with pytest.raises(UsageError, match="--over"):
        network().solve(maximize="size", most={"arena": "1MiB"})


def test_a_reference_may_be_an_arena() -> None:
    model = network("reference:\n  - {arena: 6144, dtype: int8, source: by hand}\n")
    assert failed(model) == []


def test_a_training_figure_of_a_plain_count_is_refused() -> None:
    with pytest.raises(UsageError, match="--train"):
        network().sweep({"size": [32]}, figures=["training"])


def test_devices_are_listed(archcalc: Any) -> None:
    found = {row["name"]: row for row in json.loads(archcalc("devices", "--json").out)["devices"]}
    assert found["rp2040"]["memory_bytes"] == 264 << 10
    assert found["epyc-zen4-cpu-1t"]["profile"] == "calibrated"
    assert "stm32h743" in archcalc("devices").out


def test_a_budget_of_a_chip_is_written_and_holds(archcalc: Any, tmp_path: Any) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(NET)
    archcalc("budget", str(path), "--fit", "stm32f746", "--dtype", "int8", "--write")
    budget = network(path.read_text().removeprefix(NET)).spec.budget
    assert (budget.arena.max.text, budget.arena.dtype) == ("320KiB", "int8")
    assert (budget.weight_bytes.max.text, budget.weight_bytes.dtype) == ("1MiB", "int8")
    assert archcalc("check", str(path)).code == 0


def test_a_device_that_nobody_knows_is_a_mistake(archcalc: Any, tmp_path: Any) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(NET)
    assert archcalc("check", str(path), "--fit", "nonsense").code == 2
    assert archcalc("check", str(path), "--fit", "stm32f103").code == 1


def test_devices_are_listed_by_name() -> None:
    found = json.loads(listing("json", ["m4", "rtx4090"]))["devices"]
    assert {one["name"]: one["memory_bytes"] for one in found} == {"rtx4090": 24 * 2**30, "m4": 32 * 10**9}
    with pytest.raises(UsageError, match="there is no device 'rtx409'; did you mean 'rtx4090'"):
        listing("table", ["rtx409"])
