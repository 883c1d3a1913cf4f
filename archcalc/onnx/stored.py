"""A model file as a runtime takes it, with any of its values in view."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import prod
from pathlib import Path

import numpy
import onnx
from onnx import ModelProto, NodeProto, ValueInfoProto

from archcalc.errors import UsageError
from archcalc.onnx.deciding import deciding
from archcalc.onnx.wishes import Wish, wishes
from archcalc.untyped import Array


class StoredModel:
    """A file as it is; numbers that lie beside it stay there. Raises UsageError for one that onnx can't read."""

    def __init__(self, path: str) -> None:
        self.folder = str(Path(path).resolve().parent)
        try:
            self.proto: ModelProto = onnx.load(path, load_external_data=False)
        except Exception as error:  # of protobuf, or of the system
            raise UsageError(f"{path}: onnx can't read it: {' '.join(str(error).split())[:200]}") from None
        self.tensors: dict[str, Array] = {}

    def readers(self) -> dict[str, set[str]]:
        """The learned tensors are the file's own: none is given to the runtime."""
        return {}

    def exposing(self, names: Iterable[str]) -> bytes:
        """The model with these values as its outputs."""
        proto = ModelProto()
        proto.CopyFrom(self.proto)
        known = {value.name: value for value in proto.graph.output}
        outputs = [known.get(name) or ValueInfoProto(name=name) for name in names]
        del proto.graph.output[:]
        proto.graph.output.extend(outputs)
        return bytes(proto.SerializeToString())

    def input_kinds(self) -> dict[str, type[numpy.generic]]:
        """The numpy type of each input."""
        inputs = [value for value in self.proto.graph.input if value.type.HasField("tensor_type")]
        kinds = {value.name: value.type.tensor_type.elem_type for value in inputs}
        return {name: onnx.helper.tensor_dtype_to_np_dtype(kind).type for name, kind in kinds.items()}

    def sizes(self) -> dict[str, int]:
        """How many numbers each initializer has."""
        return {tensor.name: prod(tensor.dims) for tensor in self.proto.graph.initializer}

    def sizes_within(self) -> dict[str, int]:
        """How many numbers there are in each tensor that stands in a node, or in a graph or function that nodes run."""
        functions = (node for function in self.proto.functions for node in function.node)
        return dict(_within([*self.proto.graph.node, *functions]))

    def deciding(self) -> dict[str, frozenset[str]]:
        """For each value the inputs whose values decide its shape."""
        return deciding(self.proto)

    def wishes(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Wish]:
        """Numbers that inputs need, by their places, for the shapes that all values should have."""
        return wishes(self.proto, shapes)

    def inferred(self) -> dict[str, tuple[int | None, ...]]:
        """What onnx's own inference says of the shape of each value."""
        try:
            told = onnx.shape_inference.infer_shapes(self.proto, data_prop=True)
        except Exception:  # it refuses what runs, now and then
            return {}
        found = {}
        for value in (*told.graph.value_info, *told.graph.output):
            if value.type.tensor_type.HasField("shape"):
                dims = value.type.tensor_type.shape.dim
                found[value.name] = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in dims)
        return found


def _within(nodes: Iterable[NodeProto]) -> Iterator[tuple[str, int]]:
    """A constant goes by what it puts out, numbers that were fitted by that and their attribute's name."""
    for node in nodes:
        output = node.output[0] if node.output else ""
        for attribute in node.attribute:
            for graph in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield from ((tensor.name, prod(tensor.dims)) for tensor in graph.initializer)
                yield from _within(graph.node)
            if node.op_type == "Constant":
                many = len(attribute.floats) + len(attribute.ints) + len(attribute.strings)
                yield output, prod(attribute.t.dims) if attribute.HasField("t") else many or 1
            elif node.domain == "ai.onnx.ml" and attribute.floats:
                yield f"{output}.{attribute.name}", len(attribute.floats)


__all__ = ["StoredModel"]
