"""A counted network as an ONNX model: the graph, its costs as metadata, and learned tensors with seeded numbers or with none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from archcalc.algebra import Dim, Poly, text
from archcalc.cost import Row, Table
from archcalc.errors import ShapeError, UsageError
from archcalc.graph import Carried, Node
from archcalc.onnx.weights import Fill, He, Slot, constant
from archcalc.onnx.writer import FLOATS, Writer
from archcalc.ops import Shape, size, spell_shape
from archcalc.render import numbers

OPSET, IR = 21, 10  # the first in which every operator here has its meaning, and the first whose nodes carry metadata
MOST_INSIDE = 2_000_000_000  # bytes of learned tensors in one file: protobuf ends at 2 GiB
ALIGNMENT = 4096


@dataclass(frozen=True, slots=True)
class Exported:
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


def export(table: Table, path: str | Path, *, weights: str = "random", seed: int = 0, external_data: bool = False, fill: Fill | None = None) -> Exported:
    """Write a table's network to `path`. A failure leaves what stood there as it was.

    `weights`: "random" (seeded) or "none" (every tensor is one number, which takes no room); `fill` gives other numbers.
    Learned tensors go to a file beside the model with `external_data`, and always past 2 GB. Raises UsageError for a network
    that has no such model: a tensor whose size is free, a dtype that isn't fp32 or fp16; OSError if it can't be written.
    """
    if weights not in ("random", "none"):
        raise UsageError(f"unknown weights '{weights}'; there are random, none")
    if table.dtype not in FLOATS:
        raise UsageError(f"a model is written in {' or '.join(FLOATS)}, not {table.dtype}")
    path = Path(path)
    outside = external_data or _bytes(table) > MOST_INSIDE
    with _replacing(path) as (model_file, data_file):
        model = ModelProto()
        if weights == "none":
            store: _Store = _Structure(table, model.graph)
        elif outside:
            store = _Outside(table, model.graph, fill or He(table.graph, seed), data_file, f"{path.name}.data")
        else:
            store = _Inside(table, model.graph, fill or He(table.graph, seed))
        _write(model, table, store)
        store.close()
        with model_file.open("wb") as file:
            file.write(model.SerializeToString(deterministic=True))
    data = path.with_name(f"{path.name}.data") if isinstance(store, _Outside) else None
    written = path.stat().st_size + (data.stat().st_size if data else 0)
    return Exported(path, data, written, len(model.graph.node), len(table.rows), store.tensors, store.params, store.buffers, OPSET)


@contextmanager
def _replacing(path: Path) -> Iterator[tuple[Path, Path]]:
    """Two files to write, for the model and its data: they take their places when both are complete, or vanish."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; -o takes a file")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}")
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        model, data = Path(folder, "model"), Path(folder, "data")
        yield model, data
        for made, place in ((data, path.with_name(f"{path.name}.data")), (model, path)):
            if made.exists():
                _like_new(made)
                os.replace(made, place)


def _like_new(file: Path) -> None:
    """Give a file the rights of any new one."""
    mask = os.umask(0)
    os.umask(mask)
    file.chmod(0o666 & ~mask)


# ---- learned tensors --------------------------------------------------------------------------------------------------------------


class _Store:
    """Keeps learned tensors: puts into a graph what it needs for them."""

    def __init__(self, table: Table, proto: GraphProto) -> None:
        self.kind, self.numpy = FLOATS[table.dtype]
        self.graph, self.proto = table.graph, proto
        self.tensors = self.params = self.buffers = 0

    def add(self, slot: Slot) -> None:
        node = self.graph.nodes[slot.n]
        elements = int(numpy.prod(slot.shape, dtype=object)) if slot.shape else 1
        self.tensors += 1
        if slot.name in node.op.weights(*self.graph.shapes_into(node)):
            self.params += elements
        else:
            self.buffers += elements
        self.put(slot)

    def put(self, slot: Slot) -> None:
        raise NotImplementedError

    def close(self) -> None:
        pass


class _Inside(_Store):
    """In the model's own file."""

    def __init__(self, table: Table, proto: GraphProto, fill: Fill) -> None:
        super().__init__(table, proto)
        self.fill = fill

    def put(self, slot: Slot) -> None:
        self.proto.initializer.add(name=slot.label, data_type=self.kind, dims=slot.shape).raw_data = self.content(slot)

    def content(self, slot: Slot) -> bytes:
        values = self.fill(slot).astype(self.numpy, copy=False)
        return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


class _Outside(_Inside):
    """In a file beside it, each tensor at the beginning of a page."""

    def __init__(self, table: Table, proto: GraphProto, fill: Fill, file: Path, shown: str) -> None:
        super().__init__(table, proto, fill)
        self.file: IO[bytes] = file.open("wb")
        self.shown = shown

    def put(self, slot: Slot) -> None:
        content = self.content(slot)
        offset = -(-self.file.tell() // ALIGNMENT) * ALIGNMENT
        self.file.seek(offset)
        self.file.write(content)
        tensor = self.proto.initializer.add(name=slot.label, data_type=self.kind, dims=slot.shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", self.shown), ("offset", offset), ("length", len(content))):
            tensor.external_data.add(key=key, value=str(value))

    def close(self) -> None:
        self.file.close()


class _Structure(_Store):
    """Nowhere: a node makes each tensor out of one number, as the light models that come with onnx have it."""

    def put(self, slot: Slot) -> None:
        shape, value = f"{slot.label}:shape", helper.make_tensor("value", self.kind, [1], [constant(slot.name, slot.shape)])
        self.proto.initializer.append(helper.make_tensor(shape, TensorProto.INT64, [len(slot.shape)], slot.shape))
        self.proto.node.append(helper.make_node("ConstantOfShape", [shape], [slot.label], name=slot.label, value=value))


# ---- the model --------------------------------------------------------------------------------------------------------------------


def _write(model: ModelProto, table: Table, store: _Store) -> None:
    """Fill in a model whose graph the store puts learned tensors into."""
    from archcalc import __version__

    graph, proto = table.graph, model.graph
    if any(isinstance(node.op, Carried) for node in graph.nodes):
        raise UsageError(f"a free number of layers ({', '.join(table.free)}) has no ONNX graph; bind it with --set")
    model.ir_version, model.producer_name, model.producer_version = IR, "archcalc", __version__
    model.opset_import.append(helper.make_opsetid("", OPSET))
    for key, summary in _summary(table).items():
        model.metadata_props.add(key=key, value=summary)
    writer = Writer(graph, table.batch, table.dtype, store)
    values: list[ValueInfoProto] = []
    for n, row in zip(graph.layers(), table.rows, strict=True):
        node = graph.nodes[n]
        try:
            made = writer.layer(n)
        except ShapeError as error:
            raise UsageError(f"{node.mark}: {node.name} can't be written with {', '.join(table.free)} free: {error}; bind it with --set") from None
        _annotate(made, row)
        values.append(_value(node.name, writer.float, table.batch, node.shape))
    outputs = _outputs(writer, table)
    shown = {value.name for value in outputs}
    proto.name = table.name
    proto.node.extend([*writer.constants, *writer.nodes])
    for name, n in graph.inputs.items():
        proto.input.append(_value(name, TensorProto.INT64 if name in writer.whole else writer.float, table.batch, graph.nodes[n].shape))
    proto.output.extend(outputs)
    proto.value_info.extend(value for value in values if value.name not in shown)


def _outputs(writer: Writer, table: Table) -> list[ValueInfoProto]:
    """The network's outputs, then what train-only heads end with. An input that is put out as it is gets a name of its own."""
    graph, found = table.graph, []
    read = {source for node in graph.nodes for source in node.inputs}
    heads = [n for n, node in enumerate(graph.nodes) if node.head and n not in read]
    for n in [*graph.outputs, *heads]:
        node = graph.nodes[n]
        name = node.name if node.op.word else f"{node.name}:output"
        if not node.op.word:
            writer.output(node.name, name)
        kind = TensorProto.INT64 if node.name in writer.whole else writer.float
        found.append(_value(name, kind, table.batch, node.shape))
    return found


def _value(name: str, kind: int, batch: Dim, shape: Shape) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, [text(dim) if isinstance(dim, Poly) else dim for dim in (batch, *shape)])


def _annotate(node: NodeProto, row: Row) -> None:
    """A layer's costs, where viewers show them."""
    costs: dict[str, Any] = {"layer": row.text, "params": row.params}
    costs |= {"buffers": row.buffers} if row.buffers != 0 else {}
    costs |= {"macs": row.macs, "flops": row.flops, "activations": row.activations, "bytes": row.bytes}
    costs |= {"field" if len(row.field) == 1 else f"field of {name}": numbers.one_field(field) for name, field in row.field.items()}
    for key, value in costs.items():
        node.metadata_props.add(key=key, value=str(value))


def _summary(table: Table) -> dict[str, str]:
    """What the whole network costs, and how it was asked for."""
    totals = {name: str(table.totals[name]) for name in ("params", "buffers", "macs", "flops", "activations", "act_peak_bytes", "weight_bytes")}
    bindings = {name: str(value) for name, value in table.binding.values.items()}
    return {"spec": table.spec.path, **({"variant": table.variant} if table.variant else {}), **totals, **{f"set {k}": v for k, v in bindings.items()}}


def _bytes(table: Table) -> int:
    """Of the learned tensors. Raises UsageError where that is free."""
    total = table.totals["weight_bytes"]
    if not isinstance(total, Poly):
        return int(total)
    for node in table.graph.nodes:
        shapes = table.graph.shapes_into(node)
        for name, shape in (node.op.weights(*shapes) | node.op.buffers(*shapes)).items():
            if isinstance(size(shape), Poly):
                free = ", ".join(sorted({symbol for dim in shape if isinstance(dim, Poly) for symbol in dim.symbols}))
                raise UsageError(f"{_where(node)}: its {name} is {spell_shape(shape)}, which has no size while {free} is free; bind it with --set")
    raise UsageError(f"the network's weights depend on {', '.join(total.symbols)}; bind it with --set")


def _where(node: Node) -> str:
    return f"{node.mark}: {node.name}"


def check(path: Path) -> None:
    """onnx's own checker, shapes included. Raises UsageError with its words."""
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise UsageError(f"onnx refuses {path}: {error}") from None


__all__ = ["IR", "OPSET", "Exported", "check", "export"]
