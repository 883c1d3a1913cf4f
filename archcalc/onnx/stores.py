"""Where an exported network's learned tensors go: into the model's file, a file beside it, memory, or nowhere."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import IO

from numpy import ascontiguousarray, dtype
from onnx import GraphProto, ModelProto, TensorProto, helper

from archcalc.cost import Table
from archcalc.onnx.streaming import streamed
from archcalc.onnx.weights import Fill, Slot, constant
from archcalc.onnx.writer import FLOATS
from archcalc.untyped import Array

ALIGNMENT = 4096
NOWHERE = "memory"  # where a model says that tensors lie that are handed over beside it


class Store:
    """Keeps learned tensors: puts into a graph what it needs for them."""

    def __init__(self, table: Table, proto: GraphProto) -> None:
        self.kind, self.numpy = FLOATS[table.dtype]
        self.graph, self.proto = table.graph, proto
        self.tensors = self.params = self.buffers = 0

    def add(self, slot: Slot) -> None:
        """Note the elements of a tensor, and put it where this store has them."""
        node = self.graph.nodes[slot.n]
        elements = prod(slot.shape)
        self.tensors += 1
        if slot.name in node.op.weights(*self.graph.shapes_into(node)):
            self.params += elements
        else:
            self.buffers += elements
        self.put(slot)

    def put(self, slot: Slot) -> None:
        """Put a tensor where this store has them."""
        raise NotImplementedError

    def close(self) -> None:
        """End the writing."""

    def write(self, model: ModelProto, file: IO[bytes]) -> None:
        """Write the model's own file."""
        file.write(model.SerializeToString(deterministic=True))


class Inside(Store):
    """In the model's own file."""

    def __init__(self, table: Table, proto: GraphProto, fill: Fill) -> None:
        super().__init__(table, proto)
        self.fill = fill
        self.inside: dict[int, Slot] = {}  # by their position among the graph's tensors

    def put(self, slot: Slot) -> None:
        """Say what the tensor is; its values are made when the file is written, one tensor at a time."""
        self.inside[len(self.proto.initializer)] = slot
        self.proto.initializer.add(name=slot.label, data_type=self.kind, dims=slot.shape)

    def write(self, model: ModelProto, file: IO[bytes]) -> None:
        """Write the model with its tensors, of which never more than one is in memory."""
        streamed(model, {n: prod(slot.shape) * self.width for n, slot in self.inside.items()}, self._content, file)

    @property
    def width(self) -> int:
        """Bytes of a number."""
        return dtype(self.numpy).itemsize

    def _content(self, n: int) -> memoryview:
        return self.content(self.inside[n])

    def values(self, slot: Slot) -> Array:
        """The values of a tensor, in the width of the file."""
        return self.fill(slot).astype(self.numpy, copy=False)

    def content(self, slot: Slot) -> memoryview:
        """The bytes of a tensor, the least significant first."""
        values = self.values(slot)
        return ascontiguousarray(values, values.dtype.newbyteorder("<")).reshape(-1).view("uint8").data


class Outside(Inside):
    """In a file beside it, each tensor at the beginning of a page."""

    def __init__(self, table: Table, proto: GraphProto, fill: Fill, file: Path, shown: str) -> None:
        super().__init__(table, proto, fill)
        self.file: IO[bytes] = file.open("wb")
        self.shown = shown

    def put(self, slot: Slot) -> None:
        """Put a tensor into the file beside, aligned, and note its place."""
        content = self.content(slot)
        offset = -(-self.file.tell() // ALIGNMENT) * ALIGNMENT
        self.file.seek(offset)
        self.file.write(content)
        tensor = self.proto.initializer.add(
            name=slot.label, data_type=self.kind, dims=slot.shape, data_location=TensorProto.EXTERNAL
        )
        for key, value in (("location", self.shown), ("offset", offset), ("length", content.nbytes)):
            tensor.external_data.add(key=key, value=str(value))

    def close(self) -> None:
        """Close the file beside."""
        self.file.close()


class InMemory(Inside):
    """In a dictionary, by name: the model only says that they lie elsewhere."""

    def __init__(self, table: Table, proto: GraphProto, fill: Fill) -> None:
        super().__init__(table, proto, fill)
        self.arrays: dict[str, Array] = {}

    def put(self, slot: Slot) -> None:
        """Keep a tensor's values, and note that they are in memory."""
        self.arrays[slot.label] = self.values(slot)
        tensor = self.proto.initializer.add(
            name=slot.label, data_type=self.kind, dims=slot.shape, data_location=TensorProto.EXTERNAL
        )
        tensor.external_data.add(key="location", value=NOWHERE)


class Structure(Store):
    """Nowhere: a node makes each tensor out of one number, as the light models that come with onnx have it."""

    def put(self, slot: Slot) -> None:
        """Put a tensor of one value repeated, which takes no room."""
        shape, value = (
            f"{slot.label}:shape",
            helper.make_tensor("value", self.kind, [1], [constant(slot.name, slot.shape)]),
        )
        self.proto.initializer.append(helper.make_tensor(shape, TensorProto.INT64, [len(slot.shape)], slot.shape))
        self.proto.node.append(helper.make_node("ConstantOfShape", [shape], [slot.label], name=slot.label, value=value))
