"""Models that archcalc wrote: each layer's nodes become the layer again.

The exporter calls a layer's last node after it, those before `layer:Kind`, and notes beside the last one how the
language writes the layer. That is believed where it gives what the nodes themselves come to: their output, their
parameters and their MACs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archcalc.errors import ArchcalcError
from archcalc.fields import FieldErrors
from archcalc.graph import Graph, Node
from archcalc.importer.claims import claim
from archcalc.importer.proto import NodeProto
from archcalc.importer.values import Value
from archcalc.ops import OPS, Op, Shape, size
from archcalc.ops.foreign import foreign
from archcalc.ops.learned import Table
from archcalc.ops.opaque import Opaque
from archcalc.records import Record
from archcalc.spec.expressions import compile_expression
from archcalc.spec.options import WORDS, takes_words
from archcalc.spec.text import outside
from archcalc.spec.values import CONSTANTS
from archcalc.untyped import Operand

if TYPE_CHECKING:
    from archcalc.importer.walk import Walker

PRODUCER = "archcalc"
LONGEST_LINE = 400


class Layers(Record, frozen=False):
    """The nodes of each layer by its label, as they are placed, and its line."""

    positions: dict[str, list[int]] = {}
    lines: dict[str, str] = {}
    frozen: set[str] = set()

    def add(self, proto: NodeProto, position: int) -> None:
        """Note a node of a file that was exported from a spec: the layer that it belongs to, its line, whether it is
        frozen.
        """
        label, _, _ = proto.name.partition(":")
        self.positions.setdefault(label, []).append(position)
        if "layer" in proto.metadata:
            self.lines[label] = proto.metadata["layer"]
        if proto.metadata.get("trainable") == "0":
            self.frozen.add(label)


def annotated(nodes: Sequence[NodeProto]) -> list[str]:
    """What the layers of a file put out, each with what is noted beside it: in files of older versions, whose nodes
    have no metadata, it stands where a node is documented.
    """
    for node in nodes:
        if node.doc.startswith("layer: "):
            node.metadata = dict(line.split(": ", 1) for line in node.doc.splitlines() if ": " in line)
    return [node.outputs[0] for node in nodes if "layer" in node.metadata and node.outputs]


def restored(graph: Graph, layers: Layers, symbols: Mapping[str, object]) -> dict[int, int]:
    """Put each layer in the place of its nodes. Gives the new position of every node that is left."""
    ops: dict[str, Op | None] = {}
    replaced: dict[int, Node] = {}
    gone: set[int] = set()
    for label, line in layers.lines.items():
        positions = layers.positions.get(label)
        if line not in ops:
            ops[line] = operator(line, symbols)
        op = ops[line]
        node = _layer(graph, positions, op) if positions and op is not None else None
        if node is not None and positions:
            replaced[positions[-1]] = node._replace(frozen=label in layers.frozen)
            gone.update(positions[:-1])
    read_outside = {
        source for n, node in enumerate(graph.nodes) if n not in gone and n not in replaced for source in node.inputs
    } | set(graph.outputs)
    read_outside.update(source for node in replaced.values() for source in node.inputs)
    if gone & read_outside:  # something else reads the middle of a layer: all stays as it is
        return {n: n for n in range(len(graph.nodes))}
    return _closed_up(graph, replaced, gone)


def _layer(graph: Graph, positions: list[int], op: Op) -> Node | None:
    """The node of a layer, if it comes to what its nodes do."""
    last = graph.nodes[positions[-1]]
    each = [(node, graph.shapes_into(node)) for node in (graph.nodes[n] for n in positions)]
    weights, buffers, macs = _costs(each, positions)
    for inputs in [last.inputs] if len(positions) == 1 else _read(graph, positions, op.arity[1] is None):
        shapes = [graph.nodes[n].shape for n in inputs]
        low, high = op.arity
        if len(inputs) < low or (high is not None and len(inputs) > high):
            continue
        try:
            shape, macs_ = op.shape(*shapes), op.emitted_macs(last.shape, *shapes)
            learned, others = _elements(op.weights(*shapes)), _elements(op.buffers(*shapes))
        except ArchcalcError:
            continue
        found, wanted = (shape, learned, others, macs_), (last.shape, weights, buffers, macs)
        if isinstance(op, Opaque):  # its figures are given: what stands for it learns as much, and computes nothing
            found, wanted = (shape, learned + others, 0, 0), (last.shape, weights + buffers, 0, macs)
        if found == wanted:
            shared = [node.share for node, into in each if node.op.weights(*into)]
            return last._replace(op=op, inputs=inputs, share=shared[0] if shared and None not in shared else None)
    return None


def _read(graph: Graph, positions: list[int], repeated: bool) -> Iterator[tuple[int, ...]]:
    """What a layer reads: in the order in which its nodes do, else in that of its last node's operands, which other
    nodes of its own may stand before; where it may have any number of operands (`repeated`), every time that one is.
    """
    own, met, found = set(positions), set[int](), list[int]()
    reading = [n for n in positions if not graph.nodes[n].op.is_constant]
    if not repeated:
        yield tuple(dict.fromkeys(i for n in reading for i in graph.nodes[n].inputs if i not in own))
    waiting = [positions[-1]]
    while waiting:
        n = waiting.pop()
        if n not in own:
            found.append(n)
        elif n not in met:
            met.add(n)
            waiting += reversed(() if graph.nodes[n].op.is_constant else graph.nodes[n].inputs)
    if repeated:
        yield (*found, *(i for n in reading if n not in met for i in graph.nodes[n].inputs if i not in own))
    else:
        yield tuple(dict.fromkeys(found))


def _costs(each: list[tuple[Node, tuple[Shape, ...]]], positions: list[int]) -> tuple[Any, Any, Any]:
    """Elements of weights and of buffers, and MACs, of several nodes; what they share among themselves once."""
    weights: object = 0
    buffers: object = 0
    macs: Any = 0
    for node, into in each:
        if node.share not in positions:
            weights, buffers = weights + _elements(node.op.weights(*into)), buffers + _elements(node.op.buffers(*into))
        macs = macs + node.op.macs(node.shape, *into)
    return weights, buffers, macs


def _elements(tensors: Mapping[str, Shape]) -> Any:
    total: Any = 0
    for shape in tensors.values():
        total = total + size(shape)
    return total


def _closed_up(graph: Graph, replaced: dict[int, Node], gone: set[int]) -> dict[int, int]:
    """Leave out the nodes that are gone."""
    moved: dict[int, int] = {}
    kept: list[Node] = []
    stands_for: dict[int, int] = {}  # whose weights a later layer uses: the layer that this node has become a part of
    waiting: list[int] = []
    for n, node in enumerate(graph.nodes):
        waiting.append(n)
        if n in gone:
            continue
        for part in waiting:
            stands_for[part] = len(kept)
        waiting = []
        moved[n] = len(kept)
        kept.append(replaced.get(n, node))
    for n, node in enumerate(kept):
        share = None if node.share is None else stands_for.get(node.share)
        kept[n] = node._replace(inputs=tuple(moved[source] for source in node.inputs), share=share)
    graph.nodes = kept
    graph.inputs = {name: moved[n] for name, n in graph.inputs.items()}
    graph.outputs = [moved[n] for n in graph.outputs]
    return moved


def operator(line: str, symbols: Mapping[str, object]) -> Op | None:
    """The operator of a line as tables write it: positional words, then `key=value`; None for anything else."""
    line, _, body = line.removesuffix("]").partition(": [") if ": [" in line else (line, "", "")
    if len(line) > LONGEST_LINE:
        return None
    head, *words = [word for word in outside(line, " ") if word] or [""]
    cls = OPS.get(head)
    if cls is None or cls.has_body != bool(body):
        return None
    values: dict[str, object] = {}
    if body:
        inside = tuple(operator(each, symbols) for each in body.split(", "))
        if ": [" in body or None in inside:
            return None
        values["body"] = inside
    positional: list[object] = []
    try:
        for word in words:
            key, equals, text = word.partition("=")
            name = next((name for name in cls.fields if name.rstrip("_") == key), None)
            plain = equals and name and _is_word(text) and takes_words(cls, name)
            value = text if plain else compile_expression(text if equals and name else word).run(dict(symbols), WORDS)
            if equals and name:
                values[name] = value
            else:
                positional.append(value)
        if cls.variadic:
            values[cls.positional[0]] = tuple(positional)
        else:
            values |= dict(zip(cls.positional, positional, strict=False))
        return cls(**values)
    except (ArchcalcError, FieldErrors, TypeError):
        return None


def _is_word(text: str) -> bool:
    return text.isidentifier() and text not in CONSTANTS


def shown(walker: Walker, found: Operand, node: NodeProto) -> Operand:
    """A layer of our own is one all the same if it does nothing at inference, or is a tensor that was learned."""
    line = node.metadata.get("layer") if walker.layers is not None else None
    if (
        walker.layers is None
        or line is None
        or node.name in walker.layers.lines
        or not isinstance(found, Value)
        or found.shape is None
    ):
        return found
    sample = walker.sample(found.shape)
    if found.node is None:
        return _table(walker, found, sample, node)
    layer = foreign("identity", ("is_view",), size_=sample)
    return Value(found.shape, found.kind, walker.place(layer, (found.node,), sample, "", node, found.kind))


def _table(walker: Walker, found: Value, sample: Shape, node: NodeProto) -> Value:
    """A learned tensor that is a layer, which reads none."""
    op = operator(node.metadata["layer"], walker.given)
    if not isinstance(op, Table) or size(op.shape_) != size(sample):
        return found
    claimed = claim(op, sample, (), {"weight": found}, {}, walker.owners)
    position = walker.place(claimed.op, walker.anywhere, sample, "", node, found.kind, claimed.share)
    walker.owners.update(dict.fromkeys(claimed.owned, position))
    walker.claimed.update(claimed.owned)
    return Value(found.shape, found.kind, position)


__all__ = ["PRODUCER", "Layers", "annotated", "operator", "restored", "shown"]
