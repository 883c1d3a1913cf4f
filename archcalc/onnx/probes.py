"""Small models that show what a device can do at best."""

from __future__ import annotations

import numpy
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from archcalc.onnx.export import Model
from archcalc.onnx.older import IR, OPSET

KINDS = {"fp32": TensorProto.FLOAT, "fp16": TensorProto.FLOAT16}


def matrix_product(side: int, dtype: str) -> Model:
    """`a` times `b`, both square."""
    shape = [side, side]
    return _model(
        [helper.make_node("MatMul", ["a", "b"], ["product"])], {"a": shape, "b": shape}, ("product", shape), dtype
    )


def convolution(channels: int, side: int, dtype: str) -> Model:
    """3x3 of as many filters as channels, on a square map `x` with a border of zeros."""
    kind = {"fp32": numpy.float32, "fp16": numpy.float16}[dtype]
    weight = numpy_helper.from_array(numpy.ones((channels, channels, 3, 3), kind), "weight")
    node = helper.make_node("Conv", ["x", "weight"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    shape = [1, channels, side, side]
    found = _model([node], {"x": shape}, ("y", shape), dtype)
    found.proto.graph.initializer.append(weight)
    return found


def plain_read(count: int, dtype: str) -> Model:
    """The largest of `x`: every element is read once."""
    return _model(
        [helper.make_node("ReduceMax", ["x"], ["largest"], keepdims=0)], {"x": [count]}, ("largest", []), dtype
    )


def _model(nodes: list[NodeProto], inputs: dict[str, list[int]], output: tuple[str, list[int]], dtype: str) -> Model:
    kind = KINDS[dtype]
    values = [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()]
    graph = helper.make_graph(nodes, "probe", values, [helper.make_tensor_value_info(output[0], kind, output[1])])
    model: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    return Model(model, {})
