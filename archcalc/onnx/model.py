"""A counted network as an ONNX model: nodes and values called after layers, costs as metadata, free symbols as axes."""

from __future__ import annotations

from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from archcalc.algebra import Dim, Poly, text
from archcalc.cost import Table
from archcalc.cost.row import Row
from archcalc.errors import ShapeError, UsageError
from archcalc.graph import Carried
from archcalc.onnx.older import IR, OPSET, ir_version
from archcalc.onnx.stores import Store
from archcalc.onnx.writer import Writer
from archcalc.ops import Shape, size, spell_shape
from archcalc.render import numbers


def write(model: ModelProto, table: Table, store: Store, opset: int = OPSET) -> None:
    """Fill in a model whose graph the store puts learned tensors into. Raises UsageError for what has no such form."""
    from archcalc import __version__

    graph, proto = table.graph, model.graph
    if any(isinstance(node.op, Carried) for node in graph.nodes):
        raise UsageError(f"a free number of layers ({', '.join(table.free)}) has no ONNX graph; bind it with --set")
    model.ir_version, model.producer_name, model.producer_version = ir_version(opset), "archcalc", __version__
    model.opset_import.append(helper.make_opsetid("", opset))
    for key, summary in _summary(table).items():
        model.metadata_props.add(key=key, value=summary)
    writer = Writer(graph, table.batch, table.dtype, store, opset)
    values: list[ValueInfoProto] = []
    for n, row in zip(graph.layers(), table.rows, strict=True):
        node = graph.nodes[n]
        try:
            made = writer.layer(n)
        except ShapeError as error:
            free = ", ".join(table.free)
            raise UsageError(
                f"{node.mark}: {node.name} can't be written{f' with {free} free' if free else ''}:"
                f" {error}{'; bind it with --set' if free else ''}"
            ) from None
        _annotate(made, row, model.ir_version)
        values.append(_value(node.name, writer.float, table.batch, node.shape))
    outputs = _outputs(writer, table)
    shown = {value.name for value in outputs}
    proto.name = table.name
    proto.node.extend([*writer.constants, *writer.nodes])
    for name, n in graph.inputs.items():
        proto.input.append(
            _value(name, TensorProto.INT64 if name in writer.whole else writer.float, table.batch, graph.nodes[n].shape)
        )
    proto.output.extend(outputs)
    proto.value_info.extend(value for value in values if value.name not in shown)


def _outputs(writer: Writer, table: Table) -> list[ValueInfoProto]:
    """The network's outputs, then what train-only heads end with. An input that is put out as it is gets a name of its
    own.
    """
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
    return helper.make_tensor_value_info(
        name, kind, [text(dim) if isinstance(dim, Poly) else dim for dim in (batch, *shape)]
    )


def _annotate(node: NodeProto, row: Row, ir: int) -> None:
    """A layer's costs, where viewers show them: as metadata, or a line each in what documents a node of older files."""
    costs: dict[str, object] = {"layer": row.text, "params": row.params}
    costs |= {"trainable": row.trainable_params} if row.trainable_params != row.params else {}
    costs |= {"buffers": row.buffers} if row.buffers != 0 else {}
    costs |= {"macs": row.macs, "flops": row.flops, "activations": row.activations, "bytes": row.bytes}
    costs |= {
        "field" if len(row.field) == 1 else f"field of {name}": numbers.one_field(field)
        for name, field in row.field.items()
    }
    if ir < IR:
        node.doc_string = "\n".join(f"{key}: {value}" for key, value in costs.items())
        return
    for key, value in costs.items():
        node.metadata_props.add(key=key, value=str(value))


def _summary(table: Table) -> dict[str, str]:
    """What the whole network costs, and how it was asked for."""
    totals = {
        name: str(table.totals[name])
        for name in ("params", "buffers", "macs", "flops", "activations", "act_peak_bytes", "weight_bytes")
    }
    bindings = {name: str(value) for name, value in table.binding.values.items()}
    return {
        "spec": table.spec.path,
        **({"variant": table.variant} if table.variant else {}),
        **totals,
        **{f"set {k}": v for k, v in bindings.items()},
    }


def running(table: Table) -> Table:
    """What of a network runs: without parameters that no layer reads, which a model has no node for."""
    nodes = [node for node in table.graph.nodes if not node.op.is_idle]  # they stand at the end, so that positions stay
    return table if len(nodes) == len(table.graph.nodes) else table._replace(graph=table.graph._replace(nodes=nodes))


def weight_bytes(table: Table) -> int:
    """Of the learned tensors. Raises UsageError where that is free."""
    total = table.totals["weight_bytes"]
    if not isinstance(total, Poly):
        return int(total)
    for node in table.graph.nodes:
        if node.ranges:  # a size in a loop's index, which nobody can bind: the total depends on what counts the repeats
            continue
        shapes = table.graph.shapes_into(node)
        for name, shape in (node.op.weights(*shapes) | node.op.buffers(*shapes)).items():
            if isinstance(size(shape), Poly):
                free = ", ".join(sorted({symbol for dim in shape if isinstance(dim, Poly) for symbol in dim.symbols}))
                raise UsageError(
                    f"{node.mark}: {node.name}: its {name} is {spell_shape(shape)}, which has no size while {free} is"
                    " free; bind it with --set"
                )
    raise UsageError(f"the network's weights depend on {', '.join(total.symbols)}; bind it with --set")
