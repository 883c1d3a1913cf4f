"""The memory of a run against what onnxruntime took, and the rules of its planner by hand."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest

from archcalc.latency.arena import SEGMENT, arena_bytes
from archcalc.latency.placing import Step, block_bytes, ordered, places
from archcalc.model import Model, load, read
from archcalc.spec import read_spec

from shipping import some  # isort: skip

DATA = Path(__file__).parent / "data" / "latency" / "arena.csv"
WIDTH = 4  # bytes of a number
KINDS = ("lstm", "unet", "bert", "pythia", "yolo", "wavenet", "r3d", "swin", "vit", "mixer", "dcgan", "efficientnet")


@cache
def rows() -> dict[str, int]:
    with DATA.open(encoding="utf-8") as file:
        return {
            row["network"]: int(row["bytes"])
            for row in csv.DictReader(line for line in file if not line.startswith("#"))
        }


def test_networks_of_many_kinds_were_measured() -> None:
    assert len(rows()) >= 20
    assert all(any(kind in name for name in rows()) for kind in KINDS)


@pytest.mark.parametrize("name", some(sorted(rows()), 12))
def test_memory_of_a_run_is_what_onnxruntime_takes(name: str) -> None:
    """Weights and activations together, within 10 % (most are exact); recorded from onnxruntime."""
    table, taken = load(name).count(), rows()[name]
    weights = table.totals["weight_bytes"]
    assert weights + arena_bytes(table.graph, 8, 1, WIDTH) == pytest.approx(weights + taken, rel=0.1)


@pytest.mark.parametrize("name", ["swin_t", "swin_v2_t", "vit_b_32", "mobilevit_s"])
def test_attention_is_no_outlier(name: str) -> None:
    """Activations alone, to a hundredth."""
    assert arena_bytes(load(name).count().graph, 8, 1, WIDTH) == pytest.approx(rows()[name], rel=0.01)


def test_a_chain_by_hand() -> None:
    """The last map has the shape of the turned input and takes over its place, which is kept all the while."""
    spec = "archcalc: 1\nname: n\ninput: [16, 8, 8]\nlayers:\n  - conv 32 3x3 act=silu\n  - conv 16 1x1\n"
    graph = read(spec, "n").count().graph
    turned, wide, output = 16 * 64, 32 * 64, 16 * 64
    assert arena_bytes(graph, 16, 1, 4) == 4 * (turned + wide + wide + output)
    assert arena_bytes(graph, 16, 3, 2) == 3 * 2 * (turned + wide + wide + output)


@pytest.mark.parametrize(
    ("line", "side", "planned"),
    [
        ("attention 3 window=(7,7) bias=relative", 56, 10_913_280),
        ("attention 3 window=(7,7) shift=(3,3) bias=relative", 56, 13_321_728),
        ("attention 3 window=(8,8) bias=relative hidden=512 cosine=true", 64, 17_399_808),
    ],
)
def test_attention_in_windows_takes_what_onnxruntime_plans(line: str, side: int, planned: int) -> None:
    """The block of all but the output, as read off onnxruntime 1.32's arena."""
    layers = f"[conv 96 1x1, ln, '{line}', conv 96 1x1]"
    text = f"archcalc: 1\nname: t\ninput: [96, {side}, {side}]\nlayers: {layers}\n"
    graph = Model(read_spec(text, "t.yaml")).count().graph
    assert arena_bytes(graph, 16, 1, 4) - 4 * 96 * side**2 == pytest.approx(planned, rel=0.01)


def test_a_place_is_kept_until_what_takes_it_over_is_gone() -> None:
    """Tensor 0 is read by 1 alone; 3 has its shape and takes over its place, so that 2 lies behind both."""
    steps = [Step((), 0), Step((0,), 1), Step((1,), 2), Step((2,), 3), Step((3,), 4)]
    shapes = [(10,), (20,), (30,), (10,), (1,)]
    found = places(steps, shapes, outside=[4])
    assert found == {0: 0, 1: 1, 2: 2, 3: 0, 4: 4}
    sizes = {0: 640, 1: 1280, 2: 1920, 3: 640}
    assert block_bytes(steps, found, sizes) == 640 + 1280 + 1920


def test_what_may_be_written_over_is_if_nothing_else_reads_it() -> None:
    shapes = [(8,)] * 4
    assert places([Step((), 0), Step((0,), 1, over=(0,)), Step((1,), 2)], shapes, [2])[1] == 0
    assert places([Step((), 0), Step((0,), 1, over=(0,)), Step((0, 1), 2)], shapes, [2])[1] == 1
    assert places([Step((), 0), Step((0,), 1, shows=0), Step((0, 1), 2)], shapes, [2])[1] == 0


def test_places_are_the_smallest_gaps_that_fit() -> None:
    """A and C leave gaps of 192 and 128 bytes below D; E (100 bytes, in multiples of 64) fits the smaller."""
    steps = [Step((), n) for n in range(4)] + [Step((0, 2), 4), Step((1, 3, 4), 5)]
    found = {n: n for n in range(6)}
    assert block_bytes(steps, found, {0: 192, 1: 64, 2: 128, 3: 64, 4: 0, 5: 0}) == 448
    steps = [Step((), 0), Step((), 1), Step((), 2), Step((), 3), Step((0, 2), 6), Step((6,), 4), Step((1, 3, 4), 5)]
    found = {n: n for n in range(7)}
    assert block_bytes(steps, found, {0: 192, 1: 64, 2: 128, 3: 64, 4: 100, 5: 150}) == 448


def test_of_two_branches_the_later_runs_first() -> None:
    """Thirty skips of WaveNet wait for the end; a rewriting that goes through the nodes in that order turns it round."""
    branches = [Step((), 0), Step((0,), 1), Step((0,), 2), Step((1, 2), 3)]
    assert [step.output for step in ordered(branches)] == [0, 2, 1, 3]
    late = [step._replace(late=1) if step.output in (1, 2) else step for step in branches]
    assert [step.output for step in ordered(late)] == [0, 1, 2, 3]


def test_room_for_columns() -> None:
    """A convolution in three dimensions gathers a segment at a time, unless there are more filters than places."""
    spec = "archcalc: 1\nname: n\ninput: [2, 4, 4, 4]\nlayers:\n  - conv {} 3x3x3\n"
    for out, room in ((32, SEGMENT), (65, 2 * 27 * 64)):
        assert arena_bytes(read(spec.format(out), "n").count().graph, 8, 1, 4) == 4 * (64 * out + room)
    spec = "archcalc: 1\nname: n\ninput: [8, 4, 4]\nlayers:\n  - conv_transpose 6 2x2 stride=2 pad=0\n"
    assert arena_bytes(read(spec, "n").count().graph, 8, 1, 4) == 4 * (6 * 64 + 6 * 4 * 16)
