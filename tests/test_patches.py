"""Depthwise convolutions in place, and first layers that run patch by patch.

Figures are those of MCUNetV2 (arXiv:2110.15352) for MobileNetV2 in int8 at 224 x 224; the oracle of what patches compute
again follows single positions back through the taps of every window.
"""

from __future__ import annotations

import json
from math import prod

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archcalc
from archcalc import schemas
from archcalc.graph import Graph
from archcalc.memory.layout import Layout, Way, layout
from archcalc.memory.order import reordered
from archcalc.model import Model
from archcalc.ops import size
from archcalc.spec import read_spec
from tests.test_layout import orders
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


KINDS = ("dwconv 3x3", "dwconv 3x3 stride=2", "dwconv 3x3 multiplier=2", "conv 4 1x1", "conv 6 3x3 groups=2", "relu")


@st.composite
def maps(draw: st.DrawFn) -> str:
    """The layers of a random graph of maps; any may read any of the last four."""
    made, items = [("input", 4, 8)], []
    for n in range(draw(st.integers(2, 7))):
        name, channels, side = draw(st.sampled_from(made[-4:]))
        alike = [other for other, *shape in made if shape == [channels, side]]
        kind = draw(st.sampled_from((*KINDS, "dropout 0.5", "conv {c} 3x3 groups={c}", "add", "concat")))
        if kind in ("add", "concat"):
            item = f"{{{kind}: [ref {name}, ref {draw(st.sampled_from(alike))}]}}"
        else:
            item = f"[ref {name}, {kind.format(c=channels)}]"
        side = side if "stride" not in kind else -(-side // 2)
        wide = {"dwconv 3x3 multiplier=2": 2 * channels, "concat": 2 * channels, "conv 4 1x1": 4}
        made.append((f"n{n}", 6 if "conv 6" in kind else wide.get(kind, channels), side))
        items.append(f"{{n{n}: {item}}}")
    outputs = draw(st.lists(st.sampled_from([name for name, *_ in made[1:]]), unique=True, max_size=2))
    more = f"outputs: [{', '.join(outputs)}]\n" if outputs else ""
    return f"archcalc: 1\nname: random\ninput: [4, 8, 8]\nlayers: [{', '.join(items)}]\n{more}"


def written_over(graph: Graph) -> int:
    """The peak where depthwise layers write over their input: every memory at every step, by brute force. A memory is
    as large as what was written to it last, and while it is written over as large as what was there.
    """
    nodes, cells = graph.nodes, list[int]()
    sizes = [prod(node.shape) for node in nodes]

    def last(cell: int) -> int:
        """The last step that needs it."""
        members = [m for m, found in enumerate(cells) if found == cell]
        readers = [r for r, node in enumerate(nodes) if set(members) & set(node.inputs)]
        return len(nodes) if set(members) & set(graph.outputs) else max(members + readers)

    for n, node in enumerate(nodes):
        channelwise = node.op.word == "dwconv" or getattr(node.op, "groups", 1) == node.shape[0]
        over = []
        for m in node.inputs:
            fits = nodes[m].shape == node.shape if node.op.word in ("relu", "add") else channelwise
            fits = fits and nodes[m].shape[0] == node.shape[0] and cells[m] != 0 and last(cells[m]) == n
            over += [cells[m]] * (fits and node.op.word in ("relu", "add", "dwconv", "conv"))
        cells.append(cells[node.inputs[0]] if node.op.word == "dropout" else (over or [n])[0])
    most = 0
    for now, node in enumerate(nodes):
        alive = sizes[now] // node.shape[0] if node.op.word in ("dwconv", "conv") and cells[now] != now else 0
        for cell in set(cells[: now + 1]):
            writers = [m for m in range(now + 1) if cells[m] == cell]
            held = max(sizes[m] for m in writers[-2:]) if writers[-1] == now else sizes[writers[-1]]
            alive += held if now <= last(cell) else 0
        most = max(most, alive)
    return most


@settings(max_examples=80, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(maps())
def test_depthwise_layers_in_place_take_what_brute_force_finds_in_all_orders(text: str) -> None:
    graph = Model(read_spec(text, "random.yaml")).count().graph
    assert laid(graph, Way(depthwise=True)).peak == written_over(graph)
    found = laid(graph, Way(depthwise=True), order="best")
    assert found.order is not None
    assert found.order.optimal
    assert found.peak == min(written_over(reordered(graph, order)) for order in orders(graph))


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


@pytest.mark.parametrize(("side", "patches"), [(16, 4), (23, 3)])
def test_zeros_that_a_layer_of_their_own_puts_around_the_map_cost_nothing_again(side: int, patches: int) -> None:
    layers = ", ".join(
        f"pad {kernel // 2}, conv {out} {kernel}x{kernel} stride={stride} pad=valid"
        for kernel, stride, _, out in LAYERS
    )
    graph = network(f"[{layers}, gap, linear 3]", f"[4, {side}, {side}]").count().graph
    found = laid(graph, Way(patches=patches, until="conv4")).patched
    assert found is not None
    assert (found.macs, found.whole) == (computed(side, patches) + 2 * 3, computed(side, 1) + 2 * 3)


def test_a_patch_holds_the_zeros_around_it() -> None:
    """Of 16 positions in two parts: 8 see 10 of the padded map, of which one is a zero."""
    graph = network("[pad 1, conv 8 3x3 pad=valid, conv 1 1x1]", "[4, 16, 16]").count().graph
    found = laid(graph, Way(patches=2, until="conv"))
    assert [step.alive for step in found.steps[:3]] == [
        4 * 9**2 + 8 * 16**2,
        4 * 9**2 + 4 * 10**2 + 8 * 16**2,
        4 * 10**2 + 8 * 16**2,
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
        (("vww", "--patches", "2", "--until", "conv11"), "'conv11' for patches to end at; did you mean 'conv1'?"),
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
