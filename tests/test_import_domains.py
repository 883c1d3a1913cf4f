"""Operators of other domains: blocks of channels as onnxruntime saves them, and classic models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

from archcalc.model import load  # noqa: E402

from onnx_files import ints, node, weights, write  # isort: skip  # noqa: E402

ML = "ai.onnx.ml"
MS = "com.microsoft"


def test_what_onnxruntime_saves_at_its_highest_level_counts_as_before(tmp_path: Path) -> None:
    """16 channels, which are whole blocks: the kernels change their layout alone."""
    nodes = [
        node("Conv", ["x", "w", "b"], ["a"], pads=[1, 1, 1, 1]), node("Relu", ["a"], ["c"]),
        node("MaxPool", ["c"], ["d"], kernel_shape=[2, 2], strides=[2, 2]), node("Conv", ["d", "v"], ["e"]),
        node("GlobalAveragePool", ["e"], ["y"]),
    ]  # fmt: skip
    file = write(
        tmp_path / "n.onnx",
        nodes,
        {"x": [1, 3, 16, 16]},
        w=weights(16, 3, 3, 3),
        b=weights(16),
        v=weights(16, 16, 1, 1),
    )
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.optimized_model_filepath, options.log_severity_level = str(tmp_path / "o.onnx"), 4
    runtime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    saved = load(str(tmp_path / "o.onnx")).count().totals
    assert (saved["macs"], saved["uncounted"]) == (16 * 16 * 16 * 27 + 8 * 8 * 16 * 16, [])
    assert saved["params"] - (16 * 27 + 16 + 16 * 16) in (0, 16)  # a bias of zeros, where the runtime adds one


@pytest.mark.parametrize(("more", "taps", "kept"), [({}, 4, 3), ({"dilation": 2}, 4, 6), ({"ndim": 2}, 3 * 4, 3)])
def test_onnxruntime_s_causal_convolutions_count(more: dict[str, int], taps: int, kept: int, tmp_path: Path) -> None:
    """Eight channels of ten positions, in five rows where there are two axes, and the positions that are kept."""
    rows = [5] if "ndim" in more else []
    kernel = [3, 4] if rows else [4]
    made = node("CausalConvWithState", ["x", "w", "b"], ["y", "state"], domain=MS, activation="silu", **more)
    file = write(
        tmp_path / "c.onnx", [made], {"x": [1, 8, *rows, 10]}, ["y", "state"], domains={MS: 1}, w=weights(8, 1, *kernel),
        b=weights(8),
    )  # fmt: skip
    table = load(file).count()
    assert (table.totals["params"], table.totals["macs"]) == (8 * taps + 8, 8 * 10 * (5 if rows else 1) * taps)
    assert table.graph.nodes[table.graph.outputs[1]].shape == (8, *rows, kept)


def test_onnxruntime_s_linear_attention_counts(tmp_path: Path) -> None:
    """Two heads of four: each of seven positions writes 4 x 4 numbers and reads them."""
    made = node(
        "LinearAttention", ["q", "k", "v"], ["y"], domain=MS, q_num_heads=2, kv_num_heads=2, update_rule="linear"
    )
    shapes = {name: [1, 7, 8] for name in "qkv"}
    assert load(write(tmp_path / "l.onnx", [made], shapes, domains={MS: 1})).count().totals["macs"] == 7 * 2 * 16 * 2


def test_classic_models_count(tmp_path: Path) -> None:
    """Five rows of four features, scaled, against three rows of coefficients."""
    nodes = [
        node("Scaler", ["x"], ["a"], domain=ML, offset=[0.0] * 4, scale=[1.0] * 4),
        node("LinearRegressor", ["a"], ["y"], domain=ML, coefficients=[1.0] * 12, intercepts=[0.0] * 3, targets=3),
    ]
    totals = load(write(tmp_path / "l.onnx", nodes, {"x": [1, 5, 4]}, domains={ML: 3})).count().totals
    assert (totals["macs"], totals["elementwise"], totals["uncounted"]) == (5 * 4 * 3, 2 * 20 + 5 * 3, [])
    assert (totals["params"], totals["buffers"], totals["weight_bytes"]) == (4 * 3 + 3, 4 + 4, 4 * (15 + 8))


VECTORS = {
    "support_vectors": [1.0] * 16,
    "kernel_type": "RBF",
    "kernel_params": [0.1, 0.0, 3.0],
}  # four of four features
THREE = {"classlabels_ints": [0, 1, 2], "rho": [0.5] * 3}


@pytest.mark.parametrize(
    ("op", "given", "shape", "figures"),
    [  # the scores' shape as onnxruntime gives it; parameters, MACs
        ("SVMRegressor", {**VECTORS, "coefficients": [1.0] * 4, "n_supports": 4, "rho": [0.5]}, (1,), (21, 20)),
        ("SVMRegressor", {"coefficients": [1.0] * 4, "rho": [0.5], "kernel_type": "LINEAR"}, (1,), (5, 4)),
        (
            "SVMClassifier",
            {**VECTORS, **THREE, "coefficients": [1.0] * 8, "vectors_per_class": [2, 1, 1]},
            (3,),
            (27, 24),
        ),
        ("SVMClassifier", {**THREE, "coefficients": [1.0] * 12, "kernel_type": "LINEAR"}, (3,), (15, 12)),
    ],
)
def test_support_vector_machines_count(
    op: str, given: dict[str, Any], shape: tuple[int], figures: tuple[int, int], tmp_path: Path
) -> None:
    """A product with each vector and a sum of those with the coefficients; their numbers stand in the node."""
    made = node(op, ["x"], ["l", "y"] if op == "SVMClassifier" else ["y"], domain=ML, **given)
    table = load(write(tmp_path / "s.onnx", [made], {"x": ["n", 4]}, domains={ML: 3})).count()
    assert table.graph.nodes[table.graph.outputs[-1]].shape == shape
    assert (table.totals["params"], table.totals["macs"], table.totals["uncounted"]) == (*figures, [])


@pytest.mark.parametrize("op", ["SVMRegressor", "SVMClassifier", "LinearClassifier", "LinearRegressor"])
def test_a_classic_model_of_a_number_without_axes_is_no_bug(op: str, tmp_path: Path) -> None:
    given = {"coefficients": [1.0]} | ({"classlabels_ints": [0, 1]} if "Classifier" in op else {})
    made = node(op, ["x"], ["l", "y"] if "Classifier" in op else ["y"], domain=ML, **given)
    totals = load(write(tmp_path / "s.onnx", [made], {"x": []}, domains={ML: 3})).count().totals
    assert not [left for left in totals["uncounted"] if "worth a report" in left["why"]]


def test_features_become_columns_before_a_layer(tmp_path: Path) -> None:
    """Two columns of three categories each, and four numbers beside them, make ten; five outputs of those."""
    nodes = [
        node("OneHotEncoder", ["c"], ["h"], domain=ML, cats_strings=["a", "b", "c"]), node("Reshape", ["h", "six"], ["s"]),
        node("FeatureVectorizer", ["s", "x"], ["f"], domain=ML, inputdimensions=[6, 4]),
        node("Gemm", ["f", "w", "b"], ["y"]),
    ]  # fmt: skip
    arrays = {"six": ints(-1, 6), "w": weights(10, 5), "b": weights(5)}
    kinds = {"c": onnx.TensorProto.STRING}
    file = write(tmp_path / "f.onnx", nodes, {"c": ["n", 2], "x": ["n", 4]}, kinds=kinds, domains={ML: 3}, **arrays)
    totals = load(file).count().totals
    assert (totals["params"], totals["macs"], totals["uncounted"]) == (10 * 5 + 5, 50, [])
