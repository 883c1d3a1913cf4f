"""What a model file's layers put out is as wide as the file has it. All figures are products written out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")

import numpy  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402

from archcalc.cost import Table  # noqa: E402
from archcalc.model import Model, load  # noqa: E402
from archcalc.question import Question  # noqa: E402
from archcalc.spec import read_spec  # noqa: E402

from onnx_files import node, weights, write  # isort: skip  # noqa: E402

SCALES: dict[str, Any] = {
    "s": numpy.array(0.1, "float32"),
    "z": numpy.array(3, "uint8"),
    "ws": numpy.array(0.2, "float32"),
    "wz": numpy.array(0, "int8"),
}


def bytes_of(table: Table) -> tuple[Any, Any, Any]:
    return table.total("weight_bytes"), table.total("act_peak_bytes"), table.total("act_sum_bytes")


def types_of(table: Table) -> list[str]:
    return [each.dtype or table.dtype for each in table.graph.nodes]


def convolved(path: Path, kind: int) -> str:
    """3 x 8 x 8 numbers, convolved to 4 x 6 x 6, and a ReLU in their place."""
    plain = write(
        path,
        [node("Conv", ["x", "w"], ["a"]), node("Relu", ["a"], ["y"])],
        {"x": [1, 3, 8, 8]},
        kinds={"x": kind, "y": kind},
        w=weights(4, 3, 3, 3),
    )
    model = onnx.load(plain)
    stored = helper.make_tensor("w", kind, [4, 3, 3, 3], [n % 97 + 1 for n in range(108)])
    model.graph.initializer[0].CopyFrom(stored)
    onnx.save(model, plain)
    return plain


@pytest.mark.parametrize(
    ("kind", "name", "width"),
    [
        (TensorProto.FLOAT, "fp32", 4),
        (TensorProto.FLOAT16, "fp16", 2),
        (TensorProto.BFLOAT16, "bf16", 2),
        (TensorProto.DOUBLE, "fp64", 8),
    ],
)
def test_a_file_of_one_type_is_counted_in_it(kind: int, name: str, width: int, tmp_path: Path, archcalc: Any) -> None:
    file = convolved(tmp_path / "net.onnx", kind)
    table = load(file).count()
    assert table.dtype == name
    # weights; what goes in and what comes out; what training keeps: the input and what the ReLU puts out
    assert bytes_of(table) == (108 * width, (192 + 144) * width, (192 + 144) * width)
    assert table.rows[0].bytes == (108 + 192 + 144) * width
    assert json.loads(archcalc("count", file, "--json").out)["dtype"] == name
    for dtype, given in (("fp32", 4), ("int8", 1)):
        asked = json.loads(archcalc("count", file, "--json", "--dtype", dtype).out)
        assert asked["dtype"] == dtype
        assert asked["totals"]["weight_bytes"] == 108 * given
        assert asked["totals"]["act_peak_bytes"] == (192 + 144) * given


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE])
def test_a_spec_made_of_it_counts_the_same_bytes(kind: int, tmp_path: Path) -> None:
    model = load(convolved(tmp_path / "net.onnx", kind))
    text, _ = model.to_spec()
    assert f"defaults: {{dtype: {model.count().dtype}}}" in text
    again = Model(read_spec(text, "net.yaml")).count()
    assert bytes_of(again) == bytes_of(model.count())


def test_operators_on_whole_numbers_put_out_bytes(tmp_path: Path) -> None:
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        node("QLinearConv", ["q", "s", "z", "w", "ws", "wz", "s", "z"], ["c"]),
        node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", ["p"], ["f"]),
        node("QLinearMatMul", ["f", "s", "z", "v", "ws", "wz", "s", "z"], ["m"]),
        node("DequantizeLinear", ["m", "s", "z"], ["y"]),
    ]
    of = {"w": weights(4, 1, 3, 3, kind="int8"), "v": weights(36, 10, kind="int8"), **SCALES}
    file = write(tmp_path / "net.onnx", nodes, {"x": [1, 1, 8, 8]}, **of)
    table = load(file).count()
    assert types_of(table) == ["fp32", *["int8"] * 5, "fp32"]
    assert table.total("weight_bytes") == 36 + 360 + 2 * (4 + 1)  # and two scales with their zero points
    assert table.total("act_peak_bytes") == 64 * 4 + 64  # the input and what it is quantised to
    assert [row.bytes for row in table.rows][1:] == [36 + 5 + 64 + 144, 144 + 36, 0, 360 + 36 + 10, 10 + 10 * 4]
    plain = load(file).answer(Question(as_stored=False))
    assert plain.total("act_peak_bytes") == (64 + 144) * 4
    assert plain.total("weight_bytes") == (36 + 360) * 4


def test_what_is_quantised_and_back_is_as_wide_as_it_stands(tmp_path: Path) -> None:
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        node("DequantizeLinear", ["w", "ws", "wz"], ["wd"]),
        node("Conv", ["d", "wd"], ["c"]),
        node("QuantizeLinear", ["c", "s", "z"], ["q2"]),
        node("DequantizeLinear", ["q2", "s", "z"], ["y"]),
    ]
    file = write(tmp_path / "net.onnx", nodes, {"x": [1, 1, 8, 8]}, w=weights(4, 1, 3, 3, kind="int8"), **SCALES)
    table = load(file).count()
    assert types_of(table) == ["fp32", "int8", "fp32", "fp32", "int8", "fp32"]
    assert table.total("act_peak_bytes") == (64 + 144) * 4  # at the convolution


def test_types_follow_from_operators_where_the_file_says_none(tmp_path: Path) -> None:
    nodes = [
        node("Gather", ["t", "i"], ["e"]),
        node("MatMul", ["e", "w"], ["m"]),
        node("Greater", ["m", "e2"], ["g"]),
        node("Where", ["g", "m", "e2"], ["h"]),
        node("ArgMax", ["h"], ["a"], axis=-1),
        node("Cast", ["a"], ["y"], to=TensorProto.INT32),
    ]
    file = write(
        tmp_path / "net.onnx",
        nodes,
        {"i": [1, 5], "e2": [1, 5, 3]},
        kinds={"i": TensorProto.INT64, "e2": TensorProto.FLOAT16, "y": TensorProto.INT32},
        t=weights(20, 6, kind="float16"),
        w=weights(6, 3, kind="float16"),
    )
    table = load(file).count()
    assert table.dtype == "fp16"
    assert types_of(table) == ["int64", "fp16", "fp16", "fp16", "int8", "fp16", "int64", "int32"]
    assert table.rows[-1].bytes == 5 * 8 + 5 * 4


def test_a_network_within_casts_is_of_both_types(tmp_path: Path) -> None:
    nodes = [
        node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16),
        node("MatMul", ["h", "w"], ["m"]),
        node("Cast", ["m"], ["y"], to=TensorProto.FLOAT),
    ]
    table = load(write(tmp_path / "net.onnx", nodes, {"x": [1, 6]}, w=weights(6, 5, kind="float16"))).count()
    assert table.dtype == "fp32"
    assert types_of(table) == ["fp32", "fp16", "fp16", "fp32"]
    assert [row.bytes for row in table.rows] == [6 * 4 + 6 * 2, (30 + 6 + 5) * 2, 5 * 2 + 5 * 4]
    assert table.total("act_peak_bytes") == 6 * 4 + 6 * 2


def test_quantising_names_its_type_by_zero_point_scale_or_attribute(tmp_path: Path) -> None:
    nodes = [
        node("QuantizeLinear", ["x", "s"], ["q"], output_dtype=TensorProto.INT16),
        node("DequantizeLinear", ["q", "h"], ["y"]),
    ]
    of = {"s": SCALES["s"], "h": numpy.array(0.5, "float16")}
    file = write(tmp_path / "net.onnx", nodes, {"x": [1, 6]}, kinds={"y": TensorProto.FLOAT16}, **of)
    assert types_of(load(file).count()) == ["fp32", "int16", "fp16"]


def test_a_snapshot_of_such_a_file_is_compared_in_its_type(tmp_path: Path, archcalc: Any) -> None:
    file = convolved(tmp_path / "net.onnx", TensorProto.FLOAT16)
    (tmp_path / "before.json").write_text(archcalc("count", file, "--json").out)
    assert "nothing changed" in archcalc("compare", str(tmp_path / "before.json"), file).out
    refused = archcalc("compare", str(tmp_path / "before.json"), file, "--dtype", "fp32")
    assert (refused.code, "counted with dtype fp16, not fp32" in refused.err) == (2, True)
