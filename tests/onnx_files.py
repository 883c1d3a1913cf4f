"""Small ONNX files for tests, made with onnx's own helper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
from onnx import NodeProto, TensorProto, helper, numpy_helper

OPSET = 21


def weights(*shape: int, kind: str = "float32") -> numpy.ndarray:
    """Numbers that are all different, so that nothing looks like a mask or a constant."""
    count = int(numpy.prod(shape, dtype=numpy.int64))
    return (numpy.arange(1, count + 1).reshape(shape) % 97 + 1).astype(kind)


def ints(*values: int) -> numpy.ndarray:
    return numpy.array(values, numpy.int64)


def write(
    path: Path,
    nodes: Sequence[NodeProto],
    inputs: dict[str, Sequence[Any]],
    outputs: Sequence[str] = ("y",),
    kinds: dict[str, int] | None = None,
    shapes: dict[str, Sequence[Any]] | None = None,
    opset: int = OPSET,
    functions: Sequence[Any] = (),
    domains: dict[str, int] | None = None,
    name: str = "net",
    producer: str = "",
    **initializers: numpy.ndarray,
) -> str:
    """A model file; `shapes` are what is said of values inside and of outputs."""
    kinds, shapes = kinds or {}, shapes or {}

    def value(name: str, dims: Sequence[Any] | None) -> Any:
        return helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), dims)

    graph = helper.make_graph(
        list(nodes),
        name,
        [value(name, dims) for name, dims in inputs.items()],
        [value(name, shapes.get(name)) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in initializers.items()],
        value_info=[value(name, dims) for name, dims in shapes.items() if name not in outputs],
    )
    opsets = [
        helper.make_opsetid("", opset),
        *(helper.make_opsetid(domain, version) for domain, version in (domains or {}).items()),
    ]
    model = helper.make_model(graph, opset_imports=opsets, functions=list(functions), producer_name=producer)
    path.write_bytes(model.SerializeToString())
    return str(path)


node = helper.make_node
