"""Small models that show what a device can do at best."""

from __future__ import annotations

from onnx import ModelProto, NodeProto, TensorProto, helper

from archcalc.onnx.export import Model
from archcalc.onnx.older import IR, OPSET

KINDS = {"fp32": TensorProto.FLOAT, "fp16": TensorProto.FLOAT16}


def matrix_product(side: int, dtype: str) -> Model:
    """`a` times `b`, both square."""
    shape = [side, side]
    return _model(
        [helper.make_node("MatMul", ["a", "b"], ["product"])], {"a": shape, "b": shape}, ("product", shape), dtype
    )


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
