"""Quantised model files hold the bytes that stand in them: weights, scales and zero points, whoever quantised them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")
quantization = pytest.importorskip("onnxruntime.quantization")

import numpy  # noqa: E402
from onnx import TensorProto  # noqa: E402

from archcalc.model import Model, load  # noqa: E402
from archcalc.onnx import in_memory  # noqa: E402
from archcalc.spec import read_spec  # noqa: E402

from onnx_files import node, weights, write  # isort: skip  # noqa: E402

BITS = {TensorProto.FLOAT: 32, TensorProto.INT32: 32, TensorProto.INT16: 16, TensorProto.INT8: 8, TensorProto.UINT8: 8}
BITS |= {TensorProto.UINT16: 16, TensorProto.INT4: 4, TensorProto.UINT4: 4, TensorProto.INT64: 0}  # shapes hold nothing
CONVS = """archcalc: 1
name: t
input: [3, 16, 16]
layers:
  - conv 8 3x3 act=relu
  - add: [identity, [conv 8 3x3 norm=bn act=relu, conv 8 3x3]]
  - mul: [identity, [gap keepdims=true, conv 4 1x1 act=relu, conv 8 1x1 act=sigmoid]]
  - conv_transpose 4 2x2 stride=2
  - dwconv 3x3 act=hardswish
  - flatten
  - linear 10
"""


class Samples(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Two samples of random numbers."""

    def __init__(self, model: Any) -> None:
        dims = [1 if not dim.dim_value else dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
        rng = numpy.random.default_rng(0)
        name = model.graph.input[0].name
        self.left = [{name: rng.standard_normal(dims).astype("float32")} for _ in range(2)]

    def get_next(self) -> Any:
        return self.left.pop() if self.left else None


@pytest.fixture(autouse=True)
def _quietly() -> Iterator[None]:
    """The quantiser logs advice."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def in_file(path: str) -> int:
    """The bytes of a file's initializers, shapes aside."""
    tensors = onnx.load(path).graph.initializer
    return sum((int(numpy.prod(tensor.dims)) * BITS[tensor.data_type] + 7) // 8 for tensor in tensors)


def held(path: str) -> int:
    return int(load(path).count().totals["weight_bytes"])


@pytest.fixture(scope="module", params=["convolutions", "products"])
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file in fp32."""
    path = tmp_path_factory.mktemp("plain") / "p.onnx"
    if request.param == "products":
        steps = [("MatMul", "x", "v", "a"), ("Add", "a", "b", "c"), ("MatMul", "c", "w", "d"), ("Add", "d", "e", "y")]
        nodes = [node(op, [x, w], [y]) for op, x, w, y in steps]
        arrays = {"v": weights(20, 12), "b": weights(12), "w": weights(12, 7), "e": weights(7)}
        return write(path, nodes, {"x": [1, 5, 20]}, shapes={"y": [1, 5, 7]}, opset=17, **arrays)
    built = in_memory(Model(read_spec(CONVS, "t.yaml")).count())
    model = onnx.ModelProto()
    model.CopyFrom(built.proto)
    del model.graph.initializer[:]
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in built.tensors.items())
    onnx.save(model, path)
    return str(path)


@pytest.mark.parametrize("per_channel", [False, True])
def test_dynamic(plain: str, per_channel: bool, tmp_path: Path) -> None:
    file = str(tmp_path / "q.onnx")
    quantization.quantize_dynamic(plain, file, per_channel=per_channel)
    assert held(file) == in_file(file) < in_file(plain) / 2


@pytest.mark.parametrize("kind", ["QInt8", "QUInt8", "QInt16", "QInt4", "QLinear", "inside"])
def test_static(plain: str, kind: str, tmp_path: Path) -> None:
    """Pairs of nodes, operators on whole numbers, and weights that are in fp32 until they are loaded."""
    file, form = str(tmp_path / "q.onnx"), quantization.QuantFormat
    stays = {"AddQDQPairToWeight": True} if kind == "inside" else {}
    quantization.quantize_static(
        plain, file, Samples(onnx.load(plain)), quant_format=form.QOperator if kind == "QLinear" else form.QDQ,
        per_channel=kind != "QUInt8", weight_type=getattr(quantization.QuantType, kind, quantization.QuantType.QInt8),
        activation_type=quantization.QuantType.QUInt8, extra_options=stays,
    )  # fmt: skip
    assert held(file) == in_file(file)
    assert (in_file(file) > in_file(plain)) == bool(stays)


@pytest.mark.parametrize("zero", [False, True])
def test_few_bits(zero: bool, tmp_path: Path) -> None:
    """Rows of a table and products of 4 bits in blocks of 16, as they are packed, with a bias added to a product."""
    packed = {
        "t": weights(30, 16, kind="uint8"),
        "v": weights(24, 2, 8, kind="uint8"),
        "w": weights(9, 2, 8, kind="uint8"),
    }
    scales = {"ts": weights(30, 2), "vs": weights(24, 2), "ws": weights(9, 2)}
    zeros = {"tz": weights(30, 1, kind="uint8"), "vz": weights(24, 1, kind="uint8"), "wz": weights(9, 1, kind="uint8")}
    t, v, w = ([f"{name}z"] if zero else [] for name in "tvw")
    size = {"bits": 4, "block_size": 16}
    nodes = [
        node("GatherBlockQuantized", ["t", "i", "ts", *t], ["x"], domain="com.microsoft", **size),
        node("MatMulNBits", ["x", "v", "vs", *v], ["a"], domain="com.microsoft", K=32, N=24, **size),
        node("Add", ["a", "b"], ["c"]),
        node("MatMulNBits", ["c", "w", "ws", *w], ["y"], domain="com.microsoft", K=24, N=9, **size),
    ]
    arrays = packed | scales | (zeros if zero else {}) | {"b": weights(24)}
    kinds, domains = {"i": TensorProto.INT64}, {"com.microsoft": 1}
    file = write(tmp_path / "n.onnx", nodes, {"i": [1, 5]}, kinds=kinds, domains=domains, **arrays)
    assert load(file).count().totals["params"] == 30 * 32 + 32 * 24 + 24 + 24 * 9
    blocks = 30 * 2 + 24 * 2 + 9 * 2
    assert held(file) == in_file(file) == blocks * (8 + 4) + 24 * 4 + (30 + 24 + 9) * zero
