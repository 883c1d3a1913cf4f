"""Memory and training: what is alive at once, what training keeps, and what a backward pass costs.

The oracle of the peak knows only the convention: it follows every tensor by brute force, over all layers at every step.
"""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archcalc
from archcalc.cost import Table
from archcalc.graph import Graph, Input, Node
from archcalc.model import Model
from archcalc.ops.attention import Attention
from archcalc.ops.dense import LSTM
from archcalc.spec import read_spec

MIB = 2**20


def network(layers: str, shape: str = "[4, 8, 8]", more: str = "") -> Model:
    """A network from a flow list of its layers."""
    return Model(read_spec(f"archcalc: 1\nname: network\ninput: {shape}\nlayers: {layers}\n{more}", "network.yaml"))


def peak(layers: str, shape: str = "[4, 8, 8]", more: str = "") -> int:
    """The most elements alive at once."""
    table = network(layers, shape, more).count(dtype="int8")
    return int(table.totals["act_peak_bytes"])


# ---- an oracle -------------------------------------------------------------------------------------------------------

VIEWS = frozenset({"flatten", "reshape", "dropout"})
ACTIVATIONS = frozenset({"relu", "gelu", "silu", "tanh", "sigmoid", "leaky_relu"})
IN_PLACE = ACTIVATIONS | {"bn", "add", "mul"}  # "activations, bn and sums"


def elements(shape: Collection[object]) -> int:
    count = 1
    for dim in shape:
        assert isinstance(dim, int)
        count *= dim
    return count


def worked_on(graph: Graph, node: Node) -> int:
    """Elements alive inside of a layer: queries, keys, values and scores; the gates of all steps and of one, and two
    states.
    """
    if isinstance(node.op, Attention):
        features, positions = node.shape
        assert isinstance(features, int)
        assert isinstance(positions, int)
        return 3 * features * positions + node.op.heads * positions * positions
    if isinstance(node.op, LSTM):
        hidden, steps = node.shape
        assert isinstance(hidden, int)
        assert isinstance(steps, int)
        return 4 * hidden * (steps + 1) + 2 * hidden
    return 0


def simulated(graph: Graph, in_place: Collection[str] = IN_PLACE) -> int:
    """The peak, by brute force: which layers write to the same memory, and which memories hold something still to be
    read.
    """
    nodes = graph.nodes
    readers = [[m for m, node in enumerate(nodes) if n in node.inputs] for n in range(len(nodes))]
    memory: list[int] = []  # for each layer the first that wrote to its memory

    def needed_after(n: int, cell: int) -> bool:
        members = [m for m in range(n) if memory[m] == cell]
        return any(reader > n for m in members for reader in readers[m]) or any(m in graph.outputs for m in members)

    for n, node in enumerate(nodes):
        cell = n
        if node.op.word in VIEWS:
            cell = memory[node.inputs[0]]
        elif node.op.word in in_place:
            free = [
                memory[i]
                for i in node.inputs
                if nodes[i].shape == node.shape and not isinstance(nodes[memory[i]].op, Input)
            ]
            cell = next((found for found in free if not needed_after(n, found)), n)
        memory.append(cell)
    until: dict[int, int] = {}  # for each memory the last layer that needs it
    for cell in set(memory):
        members = [m for m in range(len(nodes)) if memory[m] == cell]
        stays = any(m in graph.outputs for m in members)
        until[cell] = len(nodes) if stays else max([*members, *(reader for m in members for reader in readers[m])])
    most = 0
    for now in range(len(nodes)):
        alive = sum(elements(nodes[cell].shape) for cell, last in until.items() if cell <= now <= last)
        most = max(most, alive + worked_on(graph, nodes[now]))
    return most


NEEDS_INPUT = {"conv", "linear", "bn", "ln", "gelu", "maxpool", "attention", "lstm"}
NEEDS_OUTPUT = {"relu", "sigmoid"}
OF_ITS_OWN = {  # bytes a sample that are neither an input nor an output, from the element counts of the output
    "dropout": lambda node: 4 * elements(node.shape),
    "maxpool": lambda node: 8 * elements(node.shape),
    "ln": lambda node: 4 * 2 * elements(node.shape[1:]),
    "attention": lambda node: 4 * (6 * elements(node.shape) - elements(node.shape) + 2 * node.shape[1] ** 2),
    "lstm": lambda node: 4 * 7 * elements(node.shape),
}


def saved(graph: Graph) -> tuple[int, int]:
    """Bytes that autograd saves in fp32, a sample and once for the batch, by brute force: which memories something
    needs, each once.
    """
    nodes = graph.nodes
    memory: list[int] = []
    learns: list[bool] = []
    needed: set[int] = set()
    sample = once = 0
    for n, node in enumerate(nodes):
        memory.append(memory[node.inputs[0]] if node.op.word in {"flatten", "reshape"} else n)
        learns.append(
            any(learns[i] for i in node.inputs) or node.op.word in ("conv", "linear", "bn", "ln", "attention", "lstm")
        )
        if not learns[n]:
            continue
        if node.op.word in NEEDS_INPUT:
            needed |= {memory[i] for i in node.inputs}
        if node.op.word in NEEDS_OUTPUT:
            needed.add(n)
        if node.op.word == "mul":
            one, other = node.inputs
            needed |= ({memory[one]} if learns[other] else set()) | ({memory[other]} if learns[one] else set())
        sample += OF_ITS_OWN.get(node.op.word, lambda node: 0)(node)
        once += 4 * 2 * elements(node.shape[:1]) if node.op.word == "bn" else 0
    return sample + sum(4 * elements(nodes[n].shape) for n in needed), once


class Tensor(NamedTuple):
    """What a random graph has so far: a name, channels and whether it is a vector."""

    name: str
    channels: int
    side: int
    flat: bool


@st.composite
def graphs(draw: st.DrawFn) -> str:
    """The layers of a random DAG in which any layer may read any earlier one."""
    tensors = [Tensor("input", 4, 8, False)]
    items, more = [], ""
    for n in range(draw(st.integers(1, 12))):
        source = draw(st.sampled_from(tensors[-4:]))
        twins = [t for t in tensors if (t.channels, t.side, t.flat) == (source.channels, source.side, source.flat)]
        kinds = ["relu", "bn", "ln", "dropout 0.5", "add", "mul", "concat", "sigmoid", "gelu"]
        mapped = ["conv 4 1x1", "conv 8 3x3 stride=2", "flatten", "maxpool 3 stride=1", "gate", "reshape"]
        kinds += [f"linear {source.channels}", "linear 16"] if source.flat else mapped
        mapped += ["attention 2", f"lstm {source.channels}"]
        kind = draw(st.sampled_from(kinds))
        made = source._replace(name=f"n{n}")
        if kind in ("add", "mul"):
            other = draw(st.sampled_from(twins))
            item = f"{{{kind}: [ref {source.name}, ref {other.name}]}}"
        elif kind == "concat":
            other = draw(st.sampled_from(twins))
            item, made = (
                f"{{concat: [ref {source.name}, ref {other.name}]}}",
                made._replace(channels=2 * source.channels),
            )
        elif kind == "gate":
            item = f"{{mul: [ref {source.name}, [ref {source.name}, gap, linear {source.channels} act=sigmoid]]}}"
        elif kind.startswith(("attention", "lstm")):
            item = (
                f"[ref {source.name}, flatten start=1, {kind}, reshape {source.channels} {source.side} {source.side}]"
            )
        elif kind == "reshape":
            item = f"[ref {source.name}, reshape {source.channels} {source.side} {source.side}]"
        else:
            item = f"[ref {source.name}, {kind}]"
            if kind.startswith("conv"):
                made = made._replace(
                    channels=4 if "1x1" in kind else 8, side=source.side if "1x1" in kind else -(-source.side // 2)
                )
            elif kind == "flatten":
                made = Tensor(made.name, source.channels * source.side**2, 1, True)
            elif kind.startswith("linear"):
                made = made._replace(channels=int(kind.split()[1]))
        items.append(f"{{n{n}: {item}}}")
        tensors.append(made)
    outputs = draw(st.lists(st.sampled_from([t.name for t in tensors[1:]]), unique=True))
    if outputs:
        more = f"outputs: [{', '.join(outputs)}]\n"
    return f"archcalc: 1\nname: random\ninput: [4, 8, 8]\nlayers: [{', '.join(items)}]\n{more}"


@settings(max_examples=200, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs())
def test_the_peak_is_what_brute_force_finds(text: str) -> None:
    table = Model(read_spec(text, "random.yaml")).count()
    assert table.totals["act_peak_bytes"] == 4 * simulated(table.graph)


@settings(max_examples=80, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs())
def test_training_keeps_what_some_gradient_needs_and_each_of_it_once(text: str) -> None:
    model = Model(read_spec(text, "random.yaml"))
    sample, once = saved(model.count().graph)
    assert model.count(batch=3).totals["act_sum_bytes"] == 3 * sample + once


@pytest.mark.parametrize(
    "name",
    [
        "alexnet",
        "googlenet",
        "squeezenet1_0",
        "resnet18",
        "mobilenet_v3_small",
        "shufflenet_v2_x1_0",
        "vit_b_16",
        "densenet121",
    ],
)
def test_the_peak_of_a_network_that_ships_is_what_brute_force_finds(name: str) -> None:
    table = archcalc.load(name).count()
    known = {"relu6", "hardswish", "hardsigmoid", "position", "scale"}
    assert table.totals["act_peak_bytes"] == 4 * simulated(table.graph, IN_PLACE | known)


# ---- by hand ---------------------------------------------------------------------------------------------------------


def test_a_chain_holds_what_a_layer_reads_and_writes() -> None:
    assert peak("[conv 8 1x1, conv 2 1x1, conv 16 1x1]") == (2 + 16) * 64
    assert peak("[conv 16 1x1, conv 2 1x1]") == (4 + 16) * 64
    assert peak("[conv 8 1x1, maxpool 2x2, conv 16 1x1]") == (4 + 8) * 64


def test_the_input_counts_and_is_never_overwritten() -> None:
    assert peak("[relu]") == (4 + 4) * 64
    assert peak("[conv 4 1x1, relu]") == (4 + 4) * 64
    assert peak("[flatten]") == 4 * 64


def test_activations_and_batch_normalisation_overwrite_their_input() -> None:
    assert peak("[conv 8 1x1 norm=bn act=relu]") == (4 + 8) * 64
    assert peak("[conv 8 1x1 norm=ln act=relu]") == (8 + 8) * 64, "layer normalisation reads twice what it writes"


def test_an_activation_whose_input_is_read_again_is_written_apart() -> None:
    assert peak("[a: conv 8 1x1, relu, {add: [identity, ref a]}]") == (8 + 8) * 64
    assert peak("[{a: conv 8 1x1}, relu]", more="outputs: [relu]") == (4 + 8) * 64


def test_a_residual_block_holds_its_input_and_one_branch() -> None:
    """x (8) stays while conv 2 and conv 8 run; the sum overwrites x."""
    assert peak("[conv 8 1x1, {add: [identity, [conv 2 1x1 act=relu, conv 8 1x1]]}]") == (8 + 2 + 8) * 64
    assert peak("[conv 8 1x1, {add: [identity, conv 8 1x1, conv 8 1x1]}]") == (8 + 8 + 8) * 64


def test_a_concatenation_writes_a_tensor_of_its_own() -> None:
    """Branches of 3 and 5 from an input of 4: at the join 3 + 5 + 8; while the second branch runs 4 + 3 + 5."""
    assert peak("[{concat: [conv 3 1x1, conv 5 1x1]}]") == (3 + 5 + 8) * 64
    assert peak("[conv 6 1x1, {concat: [identity, conv 2 1x1]}]") == (6 + 2 + 8) * 64


def test_a_gate_scales_in_place() -> None:
    """x (8 x 64) stays while vectors of 8, 100 and 8 elements come and go, two at a time; the product overwrites x."""
    assert (
        peak("[conv 8 1x1, {mul: [identity, [gap, linear 100 act=silu, linear 8 act=sigmoid]]}]", "[1, 8, 8]")
        == 8 * 64 + 8 + 100
    )


def test_an_output_stays_to_the_end() -> None:
    long = "[{a: conv 8 1x1}, maxpool 2x2, conv 40 1x1, conv 1 1x1, {z: conv 1 1x1}]"
    assert peak(long) == max((4 + 8) * 64, 8 * 16 + 40 * 16)
    assert peak(long, more="outputs: [a, z]") == 8 * 64 + 8 * 16 + 40 * 16


def test_training_keeps_what_gradients_need() -> None:
    """The inputs of conv and bn, what relu puts out, dropout's mask and the input of linear; two statistics a channel."""
    model = network("[conv 8 1x1 norm=bn act=relu, dropout 0.5, gap, linear 10]")
    sample = 4 * ((4 + 8 + 8 + 8) * 64 + 8)
    assert model.count().totals["act_sum_bytes"] == sample + 4 * 2 * 8
    assert model.count(batch=5).totals["act_sum_bytes"] == 5 * sample + 4 * 2 * 8


def kept(layers: str, shape: str = "[4, 8, 8]", more: str = "") -> int:
    """Bytes kept of one sample in fp32."""
    return int(network(layers, shape, more).count().totals["act_sum_bytes"])


def test_a_frozen_network_keeps_nothing_and_frozen_layers_before_the_first_that_learns_neither() -> None:
    assert kept("[conv 8 1x1 frozen act=relu, maxpool 2x2, flatten, linear 10 frozen]") == 0
    assert kept("[conv 8 1x1 frozen act=relu, maxpool 2x2, flatten, linear 10]") == 4 * 8 * 16
    assert kept("[linear 20, linear 10 frozen]", "[30]") == 4 * 30, "the frozen weight's gradient needs no input"


def test_what_is_written_over_is_copied_where_its_gradient_needs_it() -> None:
    """silu keeps its input: the conv's output; the next conv keeps what silu put out. In place they are one memory,
    and silu keeps a copy. relu keeps its output either way; what dropout writes over is what relu keeps.
    """
    assert kept("[conv 8 1x1, silu, conv 1 1x1]") == 4 * (4 + 8 + 8) * 64
    assert kept("[conv 8 1x1, silu inplace, conv 1 1x1]") == 4 * (4 + 8 + 8) * 64
    assert kept("[{x: conv 8 1x1}, silu, {mul: [identity, ref x]}]") == 4 * (4 + 8 + 8) * 64
    assert kept("[conv 8 1x1, relu, dropout 0.5, conv 1 1x1]") == 4 * (4 + 8 + 8 + 8) * 64
    assert kept("[conv 8 1x1, relu, dropout 0.5 inplace, conv 1 1x1]") == 4 * (4 + 8 + 8) * 64
    assert kept("[conv 8 1x1 act=relu, dropout 0.5, conv 1 1x1]", more="defaults: {dropout: {inplace: true}}") == kept(
        "[conv 8 1x1, relu, dropout 0.5 inplace, conv 1 1x1]"
    )


def test_a_view_keeps_all_of_the_memory_that_it_shows() -> None:
    """The dense layer reads one position of 16, and keeps the 16 that it stands among."""
    assert kept("[ln, slice 0 1 axis=1, flatten, linear 2]", "[8, 16]") == 4 * (8 * 16 + 2 * 16 + 8 * 16)


MIB_OF_SCORES = 4 * 1024 * 1024 * 4  # four heads' scores of 1,024 positions in fp32
ONE = 64 * 1024 * 4  # 64 features of 1,024 positions


def test_attention_is_kept_as_pytorch_keeps_it() -> None:
    """`torch.nn.MultiheadAttention(64, 4)` saves 17,920 KiB of a sample on the meta device with its weights asked for,
    and through the flash kernel queries, keys, values, input, output and a logarithm a query and head: 1,296 KiB.
    """
    assert kept("[attention 4]", "[64, 1024]") == 17_920 * 1024 == 6 * ONE + MIB_OF_SCORES
    assert kept("[attention 4 fused]", "[64, 1024]") == 1_296 * 1024
    assert kept("[attention 4]", "[64, 1024]", "torch: {attention: scaled_dot_product_attention}\n") == 18_176 * 1024


SPELLED = (
    "[x: identity, {q: [ref x, linear 64, reshape 4 16 n, permute 0 2 1]}, {k: [ref x, linear 64, reshape 4 16 n]},"
    " {v: [ref x, linear 64, reshape 4 16 n, permute 0 2 1]}, {matmul: [ref q, ref k]}, softmax axis=-1,"
    " {matmul: [identity, ref v]}, permute 0 2 1, reshape 64 n, linear 64]"
)


def test_attention_holds_what_its_spelled_out_form_holds() -> None:
    """Where the scores are, queries, keys and values are as well; the fused form never has scores."""
    more = "params: {n: 1024}\n"
    whole, spelled = peak("[attention 4]", "[64, n]", more), peak(SPELLED, "[64, n]", more)
    assert whole == 4 * 1024 * 1024 + (1 + 1 + 3) * 64 * 1024
    assert spelled <= whole <= spelled + 2 * 64 * 1024
    assert kept(SPELLED, "[64, n]", more) == 5 * ONE + MIB_OF_SCORES, "17,664 KiB by torch, with separate projections"
    assert peak("[attention 4 fused]", "[64, n]", more) == (1 + 1 + 4) * 64 * 1024


@pytest.mark.parametrize(
    ("word", "gates", "kept_a_step", "first"), [("rnn", 1, 1, 1), ("gru", 3, 7, 0), ("lstm", 4, 7, 0)]
)
def test_recurrent_layers_hold_their_gates_and_keep_their_steps(
    word: str, gates: int, kept_a_step: int, first: int
) -> None:
    """Bytes kept as torch 2.14.1's loop over steps saves them (`nn.LSTM(8, 16)` and others on the meta device); two
    layers keep the sequence between them too.
    """
    states = 2 if word == "lstm" else 1
    assert peak(f"[{word} 16]", "[8, 10]") == 8 * 10 + 16 * 10 + gates * 16 * 11 + states * 16
    assert kept(f"[{word} 16]", "[8, 10]") == 4 * (8 * 10 + 16 * (kept_a_step * 10 + first))
    assert kept(f"[{word} 16 layers=2]", "[8, 10]") == 4 * (8 * 10 + 2 * 16 * (kept_a_step * 10 + first) + 16 * 10)


def test_an_opaque_layer_says_what_it_works_on() -> None:
    assert peak("[opaque 8 inside=1000]", "[4, 8, 8]") == 4 * 64 + 8 + 1000


PEAKS = {  # elements alive at the dearest step, as channels x height x width
    "vgg16": 2 * 64 * 224 * 224,  # conv1/2 reads and writes 64 maps: 24.50 MiB
    "googlenet-torchvision": 64 * 112 * 112 + 64 * 56 * 56,  # pool1 reads conv1: 3.83 MiB
    "densenet121": (224 + 224 + 128) * 56 * 56,  # dense1/6: the maps so far, normalised, and its bottleneck: 6.89 MiB
    "mobilenet_v2": 96 * 112 * 112 + 96 * 56 * 56,  # stage2/1: six times 16 maps before and after the stride: 5.74 MiB
    "efficientnet_b0": 96 * 112 * 112 + 96 * 56 * 56,  # the same layers: 5.74 MiB
    "resnet50": (
        (64 + 256 + 256) * 56 * 56
    ),  # conv2/1: its input, the bottleneck's output and the shortcut's, summed in place: 6.89 MiB
}


@pytest.mark.parametrize(("name", "alive"), PEAKS.items())
def test_the_peaks_of_known_networks(name: str, alive: int) -> None:
    """In fp32 at 224x224, a sample; the layers at which they arise are in the comments."""
    assert archcalc.load(name).count().totals["act_peak_bytes"] == 4 * alive


def test_without_sums_in_place_resnet_50_needs_9_mib() -> None:
    """A residual sum that writes a third tensor beside its two operands: 3 x 256 x 56 x 56 in fp32 are 9.19 MiB."""
    graph = archcalc.load("resnet50").count().graph
    assert 4 * simulated(graph, IN_PLACE - {"add"}) == 4 * 3 * 256 * 56 * 56
    assert round(4 * 3 * 256 * 56 * 56 / MIB, 2) == 9.19


@pytest.mark.parametrize(("dtype", "width"), [("fp64", 8), ("fp32", 4), ("fp16", 2), ("bf16", 2), ("int8", 1)])
def test_bytes_follow_the_type_and_the_batch(dtype: str, width: int) -> None:
    model = archcalc.load("googlenet")
    one, many = model.count(dtype="int8").totals, model.count(dtype=dtype, batch=5).totals
    assert many["act_peak_bytes"] == 5 * width * one["act_peak_bytes"]
    graph = model.count().graph
    vectors = 3 * sum(  # a bias beside int8 weights is int32
        elements(shape)
        for node in graph.nodes
        for shape in node.op.weights(*graph.shapes_into(node)).values()
        if len(shape) == 1
    )
    assert many["weight_bytes"] == width * (one["weight_bytes"] - vectors) + (vectors if dtype == "int8" else 0)
    assert many["macs"] == 5 * one["macs"]


# ---- the backward pass -----------------------------------------------------------------------------------------------

CONV1, CONV2, LINEAR = 64 * 8 * 4 * 9, 64 * 6 * 8 * 9, 6 * 10  # MACs of the three layers below


def backward(layers: str, more: str = "", shape: str = "[4, 8, 8]", batch: int = 1) -> Table:
    return network(layers, shape, more).count(train=True, batch=batch)


@pytest.mark.parametrize(
    ("conv1", "conv2", "linear", "expected"),
    [
        ("", "", "", (CONV1, 2 * CONV2, 2 * LINEAR)),  # the first layer has no dX
        ("frozen", "", "", (0, CONV2, 2 * LINEAR)),  # then the second is the first that learns
        ("", "frozen", "", (CONV1, CONV2, 2 * LINEAR)),  # a frozen layer passes the gradient on
        ("frozen", "frozen", "", (0, 0, LINEAR)),
        ("", "", "frozen", (CONV1, 2 * CONV2, LINEAR)),
        ("frozen", "frozen", "frozen", (0, 0, 0)),
    ],
)
def test_each_layer_has_a_gradient_of_its_weights_and_one_of_its_input(
    conv1: str, conv2: str, linear: str, expected: tuple[int, ...]
) -> None:
    table = backward(f"[conv 8 3x3 {conv1} act=relu, conv 6 3x3 {conv2}, gap, linear 10 {linear}]")
    assert tuple(row.backward_macs for row in table.rows if row.op in ("conv", "linear")) == expected
    assert table.totals["backward_macs"] == sum(expected)
    assert backward(f"[conv 8 3x3 {conv1}, conv 6 3x3 {conv2}, gap, linear 10 {linear}]", batch=3).totals[
        "backward_macs"
    ] == 3 * sum(expected)


def test_a_matrix_product_has_two_gradients_where_both_sides_learn() -> None:
    """(16 x 4) by (4 x 16) after a layer that learns: dA = dC Bᵀ and dB = Aᵀ dC, each of 16*4*16 MACs."""
    table = backward("[flatten start=1, linear 4, {matmul: [permute 1 0, identity]}]", shape="[4, 4, 4]")
    assert table.totals["macs"] == 16 * 4 * 4 + 16 * 4 * 16
    assert table.totals["backward_macs"] == 16 * 4 * 4 + 2 * 16 * 4 * 16


def test_a_matrix_product_of_inputs_has_none() -> None:
    assert (
        backward("[flatten start=1, {matmul: [permute 1 0, identity]}]", shape="[4, 4, 4]").totals["backward_macs"] == 0
    )


def test_a_matrix_product_has_one_gradient_where_one_side_learns() -> None:
    """A is the input and B learns: only dB = Aᵀ dC is wanted."""
    table = backward("[flatten start=1, {matmul: [permute 1 0, linear 4]}]", shape="[4, 4, 4]")
    assert table.totals["backward_macs"] == 16 * 4 * 4 + 16 * 4 * 16


def test_attention_has_gradients_of_its_projections_and_of_its_two_products() -> None:
    """8 features, 10 positions: four projections of 10*8*8, and two products of 10*10*8, each with two gradients."""
    projection, product = 10 * 8 * 8, 10 * 10 * 8
    first = backward("[attention 2]", shape="[8, 10]").totals
    assert first["macs"] == 4 * projection + 2 * product
    assert first["backward_macs"] == 4 * projection + (projection + 2 * 2 * product), (
        "dW of four; dX of the output's, and of both products"
    )
    later = backward("[conv 8 1, attention 2]", shape="[8, 10]").totals
    assert later["backward_macs"] == projection + 2 * 4 * projection + 2 * 2 * product
    frozen = backward("[conv 8 1, attention 2 frozen]", shape="[8, 10]").totals
    assert frozen["backward_macs"] == projection + 4 * projection + 2 * 2 * product


def test_a_branch_that_does_not_learn_is_not_gone_through() -> None:
    """The gradient of the frozen branch's input is wanted only where something learns before it."""
    table = backward("[{add: [conv 4 1x1 frozen, conv 4 3x3]}, conv 4 1x1]")
    assert [row.backward_macs for row in table.rows if row.op == "conv"] == [0, 64 * 4 * 4 * 9, 2 * 64 * 4 * 4]


def test_train_heads_are_counted_in_training_only() -> None:
    heads = "train_heads:\n  aux: {from: a, layers: [gap, linear 10]}\n"
    model = network("[{a: conv 8 3x3}, gap, linear 10]", more=heads)
    assert model.count(train=True).totals["params"] - model.count().totals["params"] == 8 * 10 + 10
    assert model.count(train=True).totals["macs"] - model.count().totals["macs"] == 8 * 10
    assert model.count(train=True).totals["backward_macs"] == CONV1 + 2 * 2 * 80
    assert "backward_macs" not in model.count().totals


def test_the_optimiser_keeps_two_numbers_a_trainable_parameter() -> None:
    """Adam's two moments, in fp32 whatever the network's type (arXiv:1412.6980 algorithm 1)."""
    assert backward("[conv 8 3x3, gap, linear 10]").totals["optimizer_bytes"] == 2 * 4 * (8 * 4 * 9 + 8 + 8 * 10 + 10)
    assert backward("[conv 8 3x3 frozen, gap, linear 10]").totals["optimizer_bytes"] == 2 * 4 * (8 * 10 + 10)
    half = network("[conv 8 3x3, gap, linear 10]").count(train=True, dtype="fp16").totals
    assert half["optimizer_bytes"] == 2 * 4 * (8 * 4 * 9 + 8 + 8 * 10 + 10)


# ---- stochastic depth ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blocks", [1, 2, 3, 10, 54])
def test_linear_decay_to_a_half_leaves_three_quarters_of_the_blocks(blocks: int) -> None:
    """Survival 1 - l/2L for block l of L leaves (3L-1)/4 blocks on average (Huang et al. 2016, arXiv:1603.09382 section
    3).
    """
    model = network(f"[{{{blocks} x: [{{'add survive=(1-(i+1)/{2 * blocks})': [identity, conv 4 3x3]}}]}}]")
    totals = model.count(train=True).totals
    expected = Fraction(3 * blocks - 1, 4)
    one = 64 * 4 * 4 * 9
    assert totals["expected_depth"] == expected
    assert totals["macs"] == expected * one
    assert model.count().totals["macs"] == blocks * one, "inference runs every block"
    assert totals["params"] == model.count().totals["params"] == blocks * (4 * 4 * 9 + 4)
    survival = [1 - Fraction(n, 2 * blocks) for n in range(1, blocks + 1)]
    assert totals["backward_macs"] == sum(p * one * (1 if n == 0 else 2) for n, p in enumerate(survival))


def test_a_skipped_block_skips_all_its_layers() -> None:
    """Two convolutions in a branch kept 4 times out of 5; the shortcut and the sum always run."""
    layers = "[conv 4 1x1, {add survive=0.8: [identity, [conv 8 3x3 act=relu, conv 4 3x3]]}]"
    model = network(layers)
    first, block = 64 * 4 * 4, 64 * (4 * 8 * 9 + 8 * 4 * 9)
    assert model.count().totals["macs"] == first + block
    assert model.count(train=True).totals["macs"] == first + Fraction(4, 5) * block
    elementwise = 64 * 4 + Fraction(4, 5) * 64 * (8 + 8 + 4) + 64 * 4  # biases, biases and relu, the sum
    assert model.count(train=True).totals["elementwise"] == elementwise
    assert model.count(train=True).totals["expected_depth"] == 1 + Fraction(8, 5)


def test_chances_multiply_inside_each_other() -> None:
    layers = "[{add survive=1/2: [identity, {add survive=1/2: [identity, conv 4 1x1]}]}]"
    assert network(layers).count(train=True).totals["macs"] == Fraction(1, 4) * 64 * 4 * 4


def test_efficientnet_leaves_out_more_the_deeper_it_gets() -> None:
    """16 blocks; block b survives 1 - 0.2*b/16 where it has a shortcut (arXiv:1905.11946 section 5.2; torchvision's
    linear decay).
    """
    graph = archcalc.load("efficientnet_b0").count(train=True).graph
    chances = list(dict.fromkeys(node.survive for node in graph.nodes if node.survive != 1))
    with_shortcut = [2, 4, 6, 7, 9, 10, 12, 13, 14]  # of blocks 0..15: all but the first of each stage
    assert chances == [1 - Fraction(1, 5) * b / 16 for b in with_shortcut]
