"""Networks laid out in memory: places for tensors, orders of layers, and networks as they are deployed.

Arenas of the MLPerf Tiny networks were measured with tflite-micro 0.dev20261023 on x86-64 (`print_allocations`), their
parameters and multiply-accumulates read off the files of github.com/mlcommons/tiny at 1afd2c9.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import permutations
from random import Random
from time import perf_counter
from typing import NamedTuple

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archcalc
from archcalc import schemas
from archcalc.errors import UsageError
from archcalc.graph import Graph, Input
from archcalc.memory.arena import Tensor, floor, plan
from archcalc.memory.layout import layout
from archcalc.memory.order import reordered
from archcalc.model import Model
from archcalc.ops import size
from archcalc.spec import read_spec
from tests.test_memory import graphs, network, simulated


class Tiny(NamedTuple):
    """A network of MLPerf Tiny: learned numbers with biases, MACs, tflite-micro's arena and the most alive at once."""

    params: int
    macs: int
    arena: int
    floor: int


TINY = {
    "vww": Tiny(210_850, 7_489_664, 73_728, 55_296),
    "kws": Tiny(22_604, 2_656_768, 16_000, 16_000),
    "ic": Tiny(77_706, 12_501_632, 49_152, 49_152),
    "ad": Tiny(265_864, 264_192, 768, 768),
}


@pytest.mark.parametrize("name", TINY)
def test_the_networks_of_mlperf_tiny_take_what_they_take_on_a_microcontroller(name: str) -> None:
    table = archcalc.load(name).count(fold_bn=True, dtype="int8")
    assert (table.totals["params"], table.totals["macs"]) == TINY[name][:2]
    for folds in (True, False):  # batch normalisation works in place
        graph = archcalc.load(name).count(fold_bn=folds).graph
        greedy = layout(graph, lambda node: size(node.shape), "greedy", 16)
        assert greedy.plan is not None
        assert (greedy.plan.bytes, greedy.floor) == TINY[name][2:]
        best = layout(graph, lambda node: size(node.shape), "best", 16).plan
        assert best is not None
        assert (best.bytes, best.optimal) == (TINY[name].floor, True)


# ---- places ----------------------------------------------------------------------------------------------------------

TENSORS = st.lists(
    st.builds(
        lambda size, first, length: Tensor("t", size, first, first + length),
        st.integers(1, 9), st.integers(0, 5), st.integers(0, 3),
    ),
    min_size=1,
    max_size=6,
)  # fmt: skip


def overlapping(tensors: list[Tensor], offsets: tuple[int, ...]) -> list[tuple[int, int]]:
    """Pairs that lie upon each other while both are alive."""
    return [
        (a, b)
        for a, one in enumerate(tensors)
        for b, other in enumerate(tensors[:a])
        if one.first <= other.last and other.first <= one.last
        and offsets[a] < offsets[b] + other.bytes and offsets[b] < offsets[a] + one.bytes
    ]  # fmt: skip


def least_block(tensors: list[Tensor]) -> int:
    """By brute force: in some order, each as low as it can lie upon those before it, byte by byte."""
    best = sum(tensor.bytes for tensor in tensors)
    for order in permutations(tensors):
        taken: list[tuple[Tensor, int]] = []
        for tensor in order:
            offset = 0
            while any(
                tensor.first <= other.last
                and other.first <= tensor.last
                and offset < at + other.bytes
                and at < offset + tensor.bytes
                for other, at in taken
            ):
                offset += 1
            taken.append((tensor, offset))
        best = min(best, max(at + tensor.bytes for tensor, at in taken))
    return best


@settings(max_examples=120, derandomize=True, deadline=None)
@given(TENSORS)
def test_the_best_plan_is_what_brute_force_finds(tensors: list[Tensor]) -> None:
    best = plan(tensors, "best")
    assert overlapping(tensors, best.offsets) == []
    assert best.optimal
    assert best.bytes == max(at + tensor.bytes for tensor, at in zip(tensors, best.offsets, strict=True))
    assert best.bytes == least_block(tensors) >= best.floor == floor(tensors)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(TENSORS, st.sampled_from(["inorder", "greedy"]), st.sampled_from([1, 4, 16]))
def test_no_plan_lays_living_tensors_upon_each_other(tensors: list[Tensor], method: str, align: int) -> None:
    found = plan(tensors, method, align)
    assert overlapping(tensors, found.offsets) == []
    assert all(offset % align == 0 for offset in found.offsets)
    assert found.optimal <= (found.bytes == found.floor)


def test_a_plan_may_need_more_than_what_is_alive_at_once_and_that_is_proved() -> None:
    """Three tensors of 1, 2 and 1 in turn beside two of 2: brute force over all packings gives 5, alive are 4."""
    tensors = [Tensor("a", 2, 0, 1), Tensor("b", 1, 1, 2), Tensor("c", 2, 2, 3), Tensor("d", 1, 0, 0), Tensor("e", 1, 3, 3),
               Tensor("f", 1, 0, 3)]  # fmt: skip
    found = plan(tensors, "best")
    assert (found.bytes, found.optimal) == (least_block(tensors), True)


def test_too_many_tensors_have_a_lower_bound_and_no_plan() -> None:
    with pytest.raises(
        UsageError, match="10,000 tensors at most, and there are 100,000; none is smaller than 32 bytes"
    ):
        plan([Tensor("t", 16, n, n + 1) for n in range(100_000)], "greedy", 16)


def test_a_search_that_gives_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import random

    monkeypatch.setattr("archcalc.memory.arena.MOST_STATES", 2_000)
    draw = random.Random(3)
    tensors = [
        Tensor("t", draw.randint(50, 999), first, first + draw.randint(1, 12))
        for first in sorted(draw.choices(range(40), k=60))
    ]
    found = plan(tensors, "best")
    assert found.bytes <= plan(tensors, "greedy").bytes
    assert not found.optimal
    assert found.why == f"the search gave up after 2,001 states; at least {found.floor:,} bytes"


# ---- orders ----------------------------------------------------------------------------------------------------------

LIBERIS = """
[{t1: [ref input, opaque 3136]}, {t2: [ref t1, opaque 1568]}, {t3: [ref t2, opaque 512]}, {t4: [ref t1, opaque 512]},
{t5: [ref t3, opaque 256]}, {t6: [ref t4, opaque 256]}, {t7: {concat: [ref t5, ref t6]}}]
"""


def test_the_example_of_liberis_and_lane() -> None:
    """Seven operators: 5,216 bytes as given, 4,960 in the best order (arXiv:1910.05110, figure 1)."""
    graph = network(LIBERIS.replace("\n", " "), "[1568]").count().graph
    given_, best = (layout(graph, lambda node: size(node.shape), "best", 1, order) for order in ("given", "best"))
    assert (given_.peak, best.peak) == (5216, 4960)
    assert best.order is not None
    assert best.order.optimal
    assert sorted(step.layer for step in best.steps) == sorted(step.layer for step in given_.steps)


def orders(graph: Graph) -> Iterator[tuple[int, ...]]:
    """All orders in which every layer follows its inputs; network inputs first."""
    inputs = tuple(n for n, node in enumerate(graph.nodes) if isinstance(node.op, Input))

    def more(done: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(done) == len(graph.nodes):
            yield done
        for n, node in enumerate(graph.nodes):
            if n not in done and set(node.inputs) <= set(done):
                yield from more((*done, n))

    yield from more(inputs)


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs())
def test_the_best_order_is_what_brute_force_finds(text: str) -> None:
    graph = Model(read_spec(text, "random.yaml")).count().graph
    if len(graph.nodes) > 9:
        return
    found = layout(graph, lambda node: size(node.shape), "", 1, "best")
    assert found.order is not None
    assert found.order.optimal
    least = min(simulated(reordered(graph, order)) for order in orders(graph))
    assert found.peak == least


def test_an_order_that_a_single_layer_decides_is_proved_however_long_the_network_is() -> None:
    """Two tensors of 4 x 8 x 8 at a time, whatever else."""
    graph = network('["20000 x conv 4 1x1"]').count().graph
    found = layout(graph, lambda node: size(node.shape), "", 1, "best")
    assert found.order is not None
    assert (found.peak, found.order.optimal) == (2 * 4 * 64, True)


@pytest.mark.parametrize("layers", [12_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_an_order_of_too_many_layers_is_given_up_with_a_lower_bound(layers: int) -> None:
    """Blocks of two branches that widen to 9 and narrow again: the join of 4 and 1 channels reads 5 and writes 5. One
    layer alone needs 9 + 4 channels of 64 positions, both branches beside each other more.
    """
    block = "{concat: [[conv 9 1x1, conv 4 1x1], [conv 1 1x1]]}"
    graph = network(f'[{{"{layers // 4} x": [{block}, conv 4 1x1]}}]').count().graph
    start = perf_counter()
    found = layout(graph, lambda node: size(node.shape), "", 1, "best")
    assert perf_counter() - start < (60 if layers > 50_000 else 10)
    assert found.order is not None
    assert not found.order.optimal
    assert found.peak == (4 + 9 + 4) * 64
    why = (
        f"the search gave up: {len(graph.nodes):,} layers, more than 10,000; at least {13 * 64} bytes are alive at once"
    )
    assert found.order.why == why


def test_a_search_for_an_order_is_bounded_by_layers_and_sets_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcalc.memory.order.MOST_LOOKS", 2_000)
    draw = Random(1)
    items = [
        f"{{t{n}: [ref {f't{draw.randint(max(0, n - 30), n - 1)}' if n else 'input'}, opaque {draw.randint(1, 99)}]}}"
        for n in range(80)
    ]
    graph = (
        network(f"[{', '.join(items)}]", "[9]", f"outputs: [{', '.join(f't{n}' for n in range(70, 80))}]").count().graph
    )
    found = layout(graph, lambda node: size(node.shape), "", 1, "best")
    assert found.order is not None
    assert found.order.why.startswith("the search gave up after")
    assert found.order.why.endswith("bytes are alive at once")


# ---- deployed --------------------------------------------------------------------------------------------------------


def test_folded_batch_normalisation_becomes_a_bias() -> None:
    model = network(
        "[conv 8 3x3 bias=false norm=bn act=relu, {add: [identity, [bn, conv 8 1x1]]}, gap, linear 3 norm=bn]"
    )
    plain, folded = model.count().totals, model.count(fold_bn=True).totals
    assert plain["params"] == 8 * 4 * 9 + 2 * 8 + 2 * 8 + 8 * 8 + 8 + 8 * 3 + 3 + 2 * 3
    assert folded["params"] == 8 * 4 * 9 + 8 + 2 * 8 + 8 * 8 + 8 + 8 * 3 + 3, "the bn after relu has nothing to go into"
    assert (plain["macs"], plain["depth"]) == (folded["macs"], folded["depth"])
    assert folded["buffers"] == 2 * 8


def test_what_is_read_twice_or_shared_is_not_folded() -> None:
    model = network("[{c: conv 4 1x1}, bn, {add: [identity, ref c]}]")
    assert model.count(fold_bn=True).totals == model.count().totals
    shared = network("[{a: conv 4 1x1 norm=bn}, {b: conv 4 1x1 share=a norm=bn}]")
    assert shared.count(fold_bn=True).totals["params"] == shared.count().totals["params"]


def test_folding_holds_in_closed_forms_over_repeats() -> None:
    model = network("[n x conv 4 3x3 norm=bn act=relu]", more="params: {n: 3}\n")
    closed = model.count(free=["n"], fold_bn=True).totals["params"]
    for n in (1, 2, 5):
        assert closed.evaluate({"n": n}) == model.count(n=n, fold_bn=True).totals["params"] == n * (4 * 4 * 9 + 4)


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_document_is_as_described(archcalc) -> None:  # type: ignore[no-untyped-def]
    done = archcalc("memory", "resnet18", "--plan", "best", "--order", "best", "--format", "json")
    found = json.loads(done.out)
    jsonschema.validate(found, schemas.schema("memory"))
    assert found["peak_bytes"] == max(moment["alive_bytes"] for moment in found["timeline"])
    assert found["plan"]["optimal"]


def test_the_peak_is_the_one_that_count_tells(archcalc) -> None:  # type: ignore[no-untyped-def]
    for name in ("googlenet", "vit_b_16", "unet"):
        found = json.loads(archcalc("memory", name, "--format", "json").out)
        assert (
            found["peak_bytes"]
            == json.loads(archcalc("count", name, "--format", "json").out)["totals"]["act_peak_bytes"]
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lenet", "--plan", "gready"), "unknown plan 'gready'; did you mean 'greedy'?"),
        (("lenet", "--plan", "tight"), "unknown plan 'tight'; there are inorder, greedy, best"),
        (("lenet", "--order", "random"), "unknown order 'random'; there are given, best"),
        (("lenet", "--dtype", "int3"), "unknown dtype 'int3'"),
        (("lenet", "--attention", "flash"), "unknown attention 'flash'"),
    ],
)
def test_what_cant_be_laid_out_is_refused(archcalc, arguments: tuple[str, ...], message: str) -> None:  # type: ignore[no-untyped-def]
    done = archcalc("memory", *arguments)
    assert done.code == 2
    assert message in done.err
