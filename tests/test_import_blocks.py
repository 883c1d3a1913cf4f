"""`archcalc import` of files that another tool wrote: what repeats becomes blocks with arguments, and counts the same."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnx")

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from archcalc.files import zoo_names
from archcalc.model import load
from archcalc.onnx import export

from foreign_files import foreign_file  # isort: skip

# lines at most, where a reader would want no more
SHORT = {
    "resnet50": 36, "densenet121": 36, "mobilenet_v2": 40, "efficientnet_b0": 60, "inception_v3": 100, "ghostnet_100": 119,
    "unet": 38, "gpt2": 45, "yolov8n": 120,
}  # fmt: skip
MANY = {"sd-v1.5-unet": 249, "mvit_v2_s": 300, "swin_t": 150, "hrnet_w18": 450, "vit_b_16": 49}


def imported(name: str, folder: Path, names: bool = True) -> tuple[str, dict[str, object]]:
    """The spec of a network's file, and what that counts; the spec is read back and counts the same as the network."""
    file = foreign_file(load(name).count(), folder / "net.onnx", names)
    text, _ = load(file).to_spec()
    (folder / "net.yaml").write_text(text, encoding="utf-8")
    return text, load(str(folder / "net.yaml")).count().totals


@pytest.mark.parametrize("name", SHORT)
def test_a_file_is_a_short_spec(name: str, tmp_path: Path) -> None:
    text, totals = imported(name, tmp_path)
    assert len(text.splitlines()) <= SHORT[name]
    assert (totals["params"], totals["macs"]) == tuple(load(name).count().totals[key] for key in ("params", "macs"))


@pytest.mark.slow
@pytest.mark.parametrize("name", MANY)
def test_a_large_file_is_a_short_spec(name: str, tmp_path: Path) -> None:
    text, _ = imported(name, tmp_path)
    assert len(text.splitlines()) <= MANY[name]


# in another tool's file nothing tells a norm that is fixed at ones and zeros, which one tensor of a length may hold for
# all of them, from one that learns
FIXED_NORMS = ("fcos", "faster_rcnn", "keypointrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in zoo_names()[::12] if name != "DeepSeek-V2"]
)  # 99,854 layers take 6 minutes
def test_networks_become_specs_without_names(name: str, tmp_path: Path) -> None:
    """The file of the spec that was written becomes one as short: it is exported with what it says about layers that
    the language has no word for, whose figures no other tool's file could hold.
    """
    text, totals = imported(name, tmp_path, names=False)
    if name not in FIXED_NORMS:
        assert totals["params"] == load(name).count().totals["params"]
    export(load(str(tmp_path / "net.yaml")).count(), tmp_path / "again.onnx", weights="none")
    again, _ = load(str(tmp_path / "again.onnx")).to_spec()
    # the search for blocks takes what saves most first: HRNet, of many sizes, ends with a fifth more
    assert len(again.splitlines()) <= len(text.splitlines()) * 5 // 4 + 2


@pytest.mark.parametrize("name", ["cam", "faster_rcnn"])
def test_chains_that_cross_and_weights_that_are_lent_become_specs(name: str, tmp_path: Path) -> None:
    """Region proposals read levels that other levels are made of; a head lends its bias to a map of classes."""
    _, totals = imported(name, tmp_path, names=False)
    assert totals["macs"] == load(name).count().totals["macs"]


@pytest.mark.parametrize("name", ["googlenet", "lstm_lm", "unet"])
@pytest.mark.parametrize("way", ["nested", "flat"])
def test_a_network_that_can_not_be_folded_is_written_flatter(
    name: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archcalc.expand.writing.WAYS", (way,))
    _, totals = imported(name, tmp_path, names=False)
    want = load(name).count().totals
    assert all(totals[key] == want[key] for key in ("params", "macs"))


def test_a_tensor_without_elements_becomes_a_spec(tmp_path: Path) -> None:
    """A loop's list of results starts with none: torch writes zeros of 0 rows."""
    nodes = [
        helper.make_node("ConstantOfShape", ["none"], ["empty"]),
        helper.make_node("Relu", ["x"], ["y"]),
        helper.make_node("Concat", ["empty", "y"], ["z"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 3, 4])],
        [numpy_helper.from_array(np.array([1, 0, 4], np.int64), "none")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "f.onnx")
    text, _ = load(str(tmp_path / "f.onnx")).to_spec()
    (tmp_path / "f.yaml").write_text(text, encoding="utf-8")
    table = load(str(tmp_path / "f.yaml")).count()
    assert table.graph.nodes[table.graph.outputs[0]].shape == (3, 4)


@pytest.mark.parametrize("name", ["pythia-70m", "Qwen2.5-0.5B"])
def test_what_rotary_positions_read_by_name_has_its_name_in_a_block(name: str, tmp_path: Path) -> None:
    """Halves of queries and keys are read twice each, and joined again: nothing else reads them."""
    text, totals = imported(name, tmp_path, names=False)
    assert len(text.splitlines()) <= 60
    assert totals["macs"] == load(name).count().totals["macs"]


def halves(nodes: list[onnx.NodeProto], read: str, put: str) -> None:
    """The halves of a value, each added to the other's sine."""
    nodes += [
        helper.make_node("Slice", [read, "zero", "half", "axis"], [f"{put}a"]),
        helper.make_node("Slice", [read, "half", "whole", "axis"], [f"{put}b"]),
        helper.make_node("Sin", [f"{put}a"], [f"{put}c"]),
        helper.make_node("Sin", [f"{put}b"], [f"{put}d"]),
        helper.make_node("Add", [f"{put}a", f"{put}d"], [f"{put}e"]),
        helper.make_node("Sub", [f"{put}b", f"{put}c"], [f"{put}f"]),
        helper.make_node("Concat", [f"{put}e", f"{put}f"], [put], axis=1),
    ]


@pytest.mark.parametrize("outside", [False, True])
def test_a_name_that_is_read_from_elsewhere_stays_out_of_blocks(outside: bool, tmp_path: Path) -> None:
    nodes: list[onnx.NodeProto] = []
    for n in range(6):
        halves(nodes, f"v{n}" if n else "x", f"v{n + 1}")
    outputs = ["v6", "v3a"] if outside else ["v6"]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [
            numpy_helper.from_array(np.array([k]), name)
            for name, k in zip(("zero", "half", "whole", "axis"), (0, 4, 8, 1), strict=True)
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "f.onnx")
    text, _ = load(str(tmp_path / "f.onnx")).to_spec()
    (tmp_path / "f.yaml").write_text(text, encoding="utf-8")
    table = load(str(tmp_path / "f.yaml")).count()
    assert table.totals["layers"] == 6 * 7
    assert [table.graph.nodes[n].shape for n in table.graph.outputs] == [(8,), (4,)][: len(outputs)]
    assert ("outputs:" in text, "ref slice_1" in text) == (outside, True)


def merged_norms(folder: Path, apart: bool) -> str:
    """A file of 6 residual blocks whose norms have one scale and shift, as torch's exporter merges those of a fresh
    network, or each its own.
    """
    ones, nodes, weights = np.ones(4, np.float32), [], []
    for n in range(6):
        scale, shift = (f"scale{n}", f"shift{n}") if apart else ("scale0", "shift0")
        if apart or not n:
            weights += [numpy_helper.from_array(ones, scale), numpy_helper.from_array(0.5 * ones, shift)]
        weights.append(numpy_helper.from_array(np.full((4, 4), n, np.float32), f"w{n}"))
        nodes += [
            helper.make_node("LayerNormalization", [f"v{n}", scale, shift], [f"n{n}"]),
            helper.make_node("MatMul", [f"n{n}", f"w{n}"], [f"m{n}"]),
            helper.make_node("Add", [f"m{n}", f"v{n}"], [f"v{n + 1}"]),
        ]
    one, last = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 7, 4]) for name in ("v0", "v6"))
    graph = helper.make_graph(nodes, "g", [one], [last], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), folder / "f.onnx")
    return str(folder / "f.onnx")


def test_layers_that_use_one_tensor_repeat_all_the_same(tmp_path: Path) -> None:
    text, _ = load(merged_norms(tmp_path, apart=False)).to_spec()
    (tmp_path / "f.yaml").write_text(text, encoding="utf-8")
    assert load(str(tmp_path / "f.yaml")).count().totals["params"] == 6 * 16 + 8  # a scale and a shift of 4
    assert "5 x:" in text
    assert text.count("share=") == 1
    text, _ = load(merged_norms(tmp_path, apart=True)).to_spec()
    (tmp_path / "f.yaml").write_text(text, encoding="utf-8")
    assert load(str(tmp_path / "f.yaml")).count().totals["params"] == 6 * (16 + 8)
    assert "6 x:" in text


def spelled_norms(folder: Path, widths: tuple[int, ...], times: int) -> str:
    """A file of layers that are scaled and shifted by two nodes, with one scale and one shift a width."""
    nodes, weights, before = [], [], 4
    for k, width in enumerate(widths):
        ones = np.ones((width, 1, 1), np.float32)
        weights += [numpy_helper.from_array(ones, f"scale{width}"), numpy_helper.from_array(2 * ones, f"shift{width}")]
        for n in range(times):
            at = f"{k}_{n}"
            weights.append(numpy_helper.from_array(np.full((width, before, 1, 1), k + n, np.float32), f"w{at}"))
            nodes += [
                helper.make_node("Conv", [nodes[-1].output[0] if nodes else "x", f"w{at}"], [f"m{at}"]),
                helper.make_node("Sigmoid", [f"m{at}"], [f"s{at}"]),
                helper.make_node("Mul", [f"s{at}", f"scale{width}"], [f"p{at}"]),
                helper.make_node("Add", [f"p{at}", f"shift{width}"], [f"v{at}"]),
            ]
            before = width
    one = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 7, 7])
    last = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, [1, widths[-1], 7, 7])
    onnx.save(
        helper.make_model(
            helper.make_graph(nodes, "g", [one], [last], weights), opset_imports=[helper.make_opsetid("", 17)]
        ),
        folder / "f.onnx",
    )
    return str(folder / "f.onnx")


def test_layers_that_lend_their_weights_together_are_a_block_of_all_widths(tmp_path: Path) -> None:
    """The first call of a width has the scale and the shift, the others share both at once."""
    text, _ = load(spelled_norms(tmp_path, (8, 16, 24), 4)).to_spec()
    (tmp_path / "f.yaml").write_text(text, encoding="utf-8")
    products = 4 * 8 + 3 * 8 * 8 + 8 * 16 + 3 * 16 * 16 + 16 * 24 + 3 * 24 * 24
    assert load(str(tmp_path / "f.yaml")).count().totals["params"] == products + 2 * (8 + 16 + 24)
    assert text.count("shift=true") == 1
    assert text.count("share=") == 3
    assert len(text.splitlines()) < 25


def heads_of_one_weight(folder: Path, layers: int) -> str:
    """A file of layers that put three slices of their channels through one convolution, each layer's its own."""
    nodes, tensors = [], [numpy_helper.from_array(np.array([1]), "axis")]
    tensors += [numpy_helper.from_array(np.array([at]), f"at{at}") for at in (0, 4, 8, 12)]
    for n in range(layers):
        tensors.append(numpy_helper.from_array(np.full((4, 4, 1, 1), n, np.float32), f"w{n}"))
        for at in (0, 4, 8):
            nodes += [
                helper.make_node("Slice", [f"v{n}", f"at{at}", f"at{at + 4}", "axis"], [f"s{n}_{at}"]),
                helper.make_node("Conv", [f"s{n}_{at}", f"w{n}"], [f"c{n}_{at}"]),
            ]
        nodes.append(helper.make_node("Concat", [f"c{n}_{at}" for at in (0, 4, 8)], [f"v{n + 1}"], axis=1))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 12, 7, 7]) for name in ("v0", f"v{layers}")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), folder / "f.onnx")
    return str(folder / "f.onnx")


def test_weights_that_are_lent_inside_of_one_item_are_lent_in_its_block(tmp_path: Path) -> None:
    """What repeats lends its own weights each time: it was written anew for each lender."""
    text, _ = load(heads_of_one_weight(tmp_path, 5)).to_spec()
    (tmp_path / "f.yaml").write_text(text, encoding="utf-8")
    totals = load(str(tmp_path / "f.yaml")).count().totals
    assert (totals["params"], totals["macs"]) == (5 * 4 * 4, 5 * 3 * 4 * 4 * 7 * 7)
    assert text.count("share=") == 3 - 1
    assert len(text.splitlines()) < 20


def test_an_import_is_the_same_every_time(tmp_path: Path) -> None:
    assert imported("ghostnet_100", tmp_path)[0] == imported("ghostnet_100", tmp_path)[0]
