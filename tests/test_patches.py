"""Depthwise convolutions in place, and first layers that run patch by patch.

Figures are those of MCUNetV2 (arXiv:2110.15352) for MobileNetV2 in int8 at 224 x 224; the oracle of what patches compute
again follows single positions back through the taps of every window.
"""

from __future__ import annotations

import json

import jsonschema
import pytest

import archcalc
from archcalc import schemas
from archcalc.graph import Graph
from archcalc.memory.layout import Layout, Way, layout
from archcalc.ops import size
from tests.test_memory import network


def laid(graph: Graph, way: Way, method: str = "", order: str = "given") -> Layout:
    return layout(graph, lambda node: size(node.shape), method, 1, order, way)


@pytest.fixture(scope="module")
def mobilenet() -> Graph:
    return archcalc.load("mobilenet_v2").count(dtype="int8", fold_bn=True).graph


def test_mobilenet_v2_takes_what_mcunet_v2_says(mobilenet: Graph) -> None:
    """1372 kB: 16 channels are widened to 96 at 112 x 112, and the depthwise layer behind needs no second map. Without
    that it reads 96 maps of 112 x 112 and writes 96 of 56 x 56.
    """
    assert laid(mobilenet, Way()).peak == 112**2 * 96 + 56**2 * 96 == 1_505_280
    assert laid(mobilenet, Way(depthwise=True)).peak == 112**2 * (16 + 96) == 1_404_928


def test_behind_the_patches_of_stage_3_mobilenet_v2_takes_172_kb(mobilenet: Graph) -> None:
    """172 kB: 32 channels are widened to 192 at 28 x 28, where the stride is 2 and nothing is added. The blocks before
    with a sum hold what is added, what is widened and what is written: 200,704 bytes, which the paper's figure leaves
    out. They bound what patches that end before them reach.
    """
    found = laid(mobilenet, Way(depthwise=True, patches=4, until="stage3"))
    assert found.patched is not None
    assert max(step.alive for step in found.steps[found.patched.stage + 1 :]) == 28**2 * (32 + 192) == 175_616
    best = laid(mobilenet, Way(depthwise=True, patches=4))
    assert best.patched is not None
    assert best.steps[best.patched.stage].layer == "stage3/bottleneck/project"
    assert best.peak == 28**2 * (32 + 192 + 32) == 200_704


def test_a_depthwise_layer_in_place_has_one_channel_beside_it() -> None:
    layers = "[conv 16 1x1, dwconv 3x3, conv 2 1x1]"
    assert laid(network(layers).count().graph, Way()).peak == (16 + 16) * 64
    assert laid(network(layers).count().graph, Way(depthwise=True)).peak == (4 + 16) * 64
    wide = network("[conv 16 1x1, dwconv 3x3, dwconv 3x3 stride=2, conv 8 1x1]", "[1, 8, 8]").count().graph
    found = laid(wide, Way(depthwise=True))
    assert [step.alive for step in found.steps] == [64, 17 * 64, 17 * 64, 16 * 64 + 16, (16 + 8) * 16]
    assert laid(wide, Way(depthwise=True), "best").plan is not None


def test_what_is_read_again_or_grows_is_not_written_over() -> None:
    for layers, most in (
        ("[dwconv 3x3]", 4 + 4),
        ("[conv 8 1x1, {add: [identity, dwconv 3x3]}]", 8 + 8),
        ("[conv 8 1x1, dwconv 3x3 multiplier=2]", 8 + 16),
    ):
        assert laid(network(layers).count().graph, Way(depthwise=True)).peak == most * 64


def test_the_best_order_knows_depthwise_layers_in_place() -> None:
    graph = network("[conv 8 1x1, {concat: [[conv 9 1x1, dwconv 3x3], [conv 1 1x1]]}, conv 2 1x1]").count().graph
    found = laid(graph, Way(depthwise=True), order="best")
    assert found.order is not None
    assert found.order.optimal
    assert found.peak == (9 + 1 + 10) * 64


LAYERS = [(3, 1, 4, 6), (5, 2, 6, 3), (1, 1, 3, 5), (3, 2, 5, 2)]  # kernel, stride, channels in and out; half padded


def stretch(needed: set[int], kernel: int, stride: int, side: int) -> set[int]:
    """All positions from the first to the last that taps read of a side."""
    taps = {o * stride - kernel // 2 + t for o in needed for t in range(kernel)} & set(range(side))
    return set(range(min(taps), max(taps) + 1))


def computed(side: int, patches: int) -> int:
    """Multiply-accumulates of all patches of a square map, from single positions."""
    sides = [side]
    for _, stride, _, _ in LAYERS:
        sides.append(-(-sides[-1] // stride))
    end, lengths = sides[-1], []
    for i in range(patches):
        needed = set(range(end * i // patches, end * (i + 1) // patches))
        counts = []
        for (kernel, stride, _, _), before in zip(reversed(LAYERS), reversed(sides[:-1]), strict=True):
            counts.append(len(needed))
            needed = stretch(needed, kernel, stride, before)
        lengths.append(counts[::-1])
    each = [kernel**2 * cin * out for kernel, _, cin, out in LAYERS]
    return sum(
        a * b * macs for one in lengths for other in lengths for a, b, macs in zip(one, other, each, strict=True)
    )


@pytest.mark.parametrize(("side", "patches"), [(16, 2), (16, 4), (23, 2), (23, 3), (23, 6), (40, 5)])
def test_patches_compute_again_what_overlaps(side: int, patches: int) -> None:
    layers = ", ".join(f"conv {out} {kernel}x{kernel} stride={stride}" for kernel, stride, _, out in LAYERS)
    graph = network(f"[{layers}, gap, linear 3]", f"[4, {side}, {side}]").count().graph
    found = laid(graph, Way(patches=patches, until="conv4"), "greedy").patched
    assert found is not None
    assert found.patches == patches**2
    assert found.macs == computed(side, patches) + 2 * 3
    assert found.whole == computed(side, 1) + 2 * 3


def test_a_patch_holds_its_part_of_each_map_and_the_map_that_patches_make_up() -> None:
    """Halves of 16 see 10 of the map before and 12 of the input (a border is clipped): 10, 9 and 8 positions."""
    graph = network("[conv 8 3x3, conv 2 3x3, conv 1 1x1]", "[4, 16, 16]").count().graph
    found = laid(graph, Way(patches=2, until="conv2"))
    assert [step.alive for step in found.steps[:3]] == [
        4 * 10**2 + 2 * 16**2,
        4 * 10**2 + 8 * 9**2 + 2 * 16**2,
        8 * 9**2 + 2 * 16**2,
    ]


def test_branches_in_a_stage_share_the_hull_of_what_they_read() -> None:
    """Of 16 positions a half needs 8, 10 where the wider branch reads two more, and what both read is computed once."""
    graph = network("[conv 4 1x1, {add: [conv 4 1x1, conv 4 5x5]}, conv 1 1x1]", "[4, 16, 16]").count().graph
    found = laid(graph, Way(patches=2, until="add")).patched
    assert found is not None
    assert found.macs == 4 * (10**2 * 16 + 8**2 * 16 + 8**2 * 16 * 25) + 16**2 * 4


def test_the_document_tells_patches(archcalc) -> None:  # type: ignore[no-untyped-def]
    asked = ("memory", "vww", "--dtype", "int8", "--inplace-depthwise", "--patches", "2")
    found = json.loads(archcalc(*asked, "--format", "json").out)
    jsonschema.validate(found, schemas.schema("memory"))
    assert found["inplace_depthwise"] is True
    assert found["patches"]["number"] == 4
    assert found["patches"]["macs_without"] == 7_489_664 < found["patches"]["macs"]
    assert f"{found['patches']['macs']:,} MACs instead of 7,489,664" in archcalc(*asked).out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("vww", "--patches", "100"), "100 patches an axis are more than there are positions: 48"),
        (("vww", "--patches", "1"), "one patch is the whole map"),
        (("vww", "--patches", "-2"), "--patches"),
        (("vww", "--patches", "2", "--until", "nowhere"), "there is no layer or block 'nowhere'"),
        (("resnet18", "--patches", "2", "--until", "fc"), "patches can't end at fc"),
        (("ad", "--patches", "2"), "patches need a map"),
        (("gpt2", "--patches", "2"), "patches need a map"),
        (("vww", "--until", "conv1"), "there are no --patches"),
        (("vww", "--patches", "2", "--order", "best"), "don't go together"),
    ],
)
def test_what_has_no_patches_is_refused(archcalc, arguments: tuple[str, ...], message: str) -> None:  # type: ignore[no-untyped-def]
    done = archcalc("memory", *arguments)
    assert done.code == 2
    assert message in done.err
    assert not done.out
