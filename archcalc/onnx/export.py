"""A network as an ONNX file, written whole or not at all; and in memory, to be run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy
import onnx
from onnx import ModelProto

from archcalc.cost import Table
from archcalc.errors import UsageError
from archcalc.onnx.model import running, weight_bytes, write
from archcalc.onnx.older import OPSET, known
from archcalc.onnx.stores import InMemory, Inside, Outside, Store, Structure
from archcalc.onnx.weights import Fill, He
from archcalc.onnx.writer import FLOATS
from archcalc.records import Record
from archcalc.tuples import NamedTuple
from archcalc.untyped import Array
from archcalc.writing import replacing

MOST_INSIDE = 2_000_000_000  # bytes of learned tensors in one file: protobuf ends at 2 GiB


class Exported(Record):
    """What was written: the model's file, the file beside it that holds the learned tensors (or None), and counts.

    `bytes` are those of both files, `tensors` the learned tensors and buffers, `params` and `buffers` their elements.
    """

    path: Path
    data: Path | None
    bytes: int
    nodes: int
    layers: int
    tensors: int
    params: int
    buffers: int
    opset: int


def export(
    table: Table,
    path: str | os.PathLike[str],
    *,
    weights: str = "random",
    seed: int = 0,
    external_data: bool = False,
    opset: int = OPSET,
    fill: Fill | None = None,
) -> Exported:
    """Write a table's network to `path`. A failure leaves what stood there as it was.

    `weights`: "random" (seeded) or "none" (every tensor is one number, which takes no room); `fill` gives other
    numbers. Learned tensors go to a file beside the model with `external_data`, and always past 2 GB. Operators that an
    older `opset` lacks are written out. Raises UsageError for a network that has no such model: a tensor whose size is
    free, a dtype that isn't fp32 or fp16, an operator without a form; OSError if it can't be written.
    """
    if weights not in ("random", "none"):
        raise UsageError(f"unknown weights '{weights}'; there are random, none")
    table = _supported(table)
    path, opset = Path(path), known(opset)
    outside = external_data or weight_bytes(table) > MOST_INSIDE
    target = _target(path)
    with replacing([beside(target), target] if outside and weights != "none" else [target]) as (*data_file, model_file):
        model = ModelProto()
        if weights == "none":
            store: Store = Structure(table, model.graph)
        elif outside:
            store = Outside(table, model.graph, fill or He(table.graph, seed), data_file[0], beside(target).name)
        else:
            store = Inside(table, model.graph, fill or He(table.graph, seed))
        write(model, table, store, opset)
        store.close()
        with model_file.open("wb") as file:
            store.write(model, file)
    data = beside(Path(os.path.realpath(path)) if path.is_symlink() else path) if isinstance(store, Outside) else None
    written = path.stat().st_size + (data.stat().st_size if data else 0)
    return Exported(
        path, data, written, len(model.graph.node), len(table.rows), store.tensors, store.params, store.buffers, opset
    )


def _supported(table: Table) -> Table:
    """What of a network a model holds. Raises UsageError for numbers that none is written in."""
    if table.dtype not in FLOATS:
        raise UsageError(f"a model is written in {' or '.join(FLOATS)}, not {table.dtype}")
    return running(table)


def _target(path: Path) -> Path:
    """The file that a model takes the place of; a link is followed. Raises UsageError for what is none."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; -o takes a file")
    if "\0" in str(path):
        raise UsageError(f"{path}: no file can be called so")
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise UsageError(f"{path} is no file that a model could take the place of")
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}")
    return target


def beside(path: Path) -> Path:
    """The file that holds a model's learned tensors, where they are not in its own."""
    return path.with_name(f"{path.name}.data")


class Model(NamedTuple):
    """A model to be run: the graph, and the learned tensors that lie outside of it."""

    proto: ModelProto
    tensors: dict[str, Array]

    def exposing(self, names: Iterable[str]) -> bytes:
        """The model with these values as its outputs, as a runtime reads it."""
        proto = ModelProto()
        proto.CopyFrom(self.proto)
        known = {value.name: value for value in (*proto.graph.value_info, *proto.graph.output)}
        outputs = [known[name] for name in names]
        del proto.graph.output[:]
        proto.graph.output.extend(outputs)
        return bytes(proto.SerializeToString())

    def readers(self) -> dict[str, set[str]]:
        """For each learned tensor, the layers whose nodes read it."""
        found: dict[str, set[str]] = {name: set() for name in self.tensors}
        for node in self.proto.graph.node:
            for name in node.input:
                if name in found:
                    found[name].add(node.name.partition(":")[0])
        return found

    def input_kinds(self) -> dict[str, type[numpy.generic]]:
        """The numpy type of each input: a float, or int64 for indices."""
        return {
            value.name: onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).type
            for value in self.proto.graph.input
        }

    def initializers(self) -> dict[str, tuple[int, ...]]:
        """The learned tensors that the graph declares, by name and shape."""
        return {tensor.name: tuple(tensor.dims) for tensor in self.proto.graph.initializer}


def in_memory(table: Table, fill: Fill | None = None, seed: int = 0, opset: int = OPSET) -> Model:
    """A table's network with its learned tensors in memory. Raises UsageError for a network that has no such model."""
    table = _supported(table)
    weight_bytes(table)
    proto = ModelProto()
    store = InMemory(table, proto.graph, fill or He(table.graph, seed))
    write(proto, table, store, known(opset))
    arrays, store.arrays = store.arrays, {}  # who wrote is in a circle with its sizes, and would hold them to the end
    return Model(proto, arrays)


def inferred(table: Table) -> dict[str, tuple[int | str | None, ...]]:
    """What onnx's own inference makes of every layer's output, the batch included: it is told the inputs and nothing
    else.

    Sizes are numbers, names of free axes, or None where it can't tell; a layer is missing where it doesn't know the
    rank. Raises UsageError with the checker's words if the model isn't valid.
    """
    table = _supported(table)
    weight_bytes(table)
    proto = ModelProto()
    write(proto, table, Structure(table, proto.graph))
    try:
        onnx.checker.check_model(proto, full_check=True)
        del proto.graph.value_info[:]
        for output in proto.graph.output:
            output.type.tensor_type.ClearField("shape")
        told = onnx.shape_inference.infer_shapes(proto, strict_mode=True, data_prop=True).graph
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise UsageError(f"onnx refuses the model: {error}") from None
    return {
        value.name: tuple(
            dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None
            for dim in value.type.tensor_type.shape.dim
        )
        for value in (*told.value_info, *told.output)
        if value.type.tensor_type.HasField("shape")
    }
