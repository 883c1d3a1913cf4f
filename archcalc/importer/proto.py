"""ONNX's messages, read from the wire: models, graphs, nodes, attributes and types.

Field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Graphs inside attributes
and the contents of tensors stay where they lie until somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archcalc.importer.described import Described, Named, read_name, read_named
from archcalc.importer.signature import say
from archcalc.importer.tensors import Tensor, read_sparse, read_tensor
from archcalc.importer.wire import (
    Bad,
    Malformed,
    Source,
    Stretch,
    entry,
    fields,
    parts,
    passed,
    real,
    reals,
    signed,
    varints,
)
from archcalc.records import Record
from archcalc.tuples import NamedTuple
from archcalc.untyped import Attribute

MOST_NODES = 250_000
WINDOW = 1 << 21  # bytes of a file that are passed by before their memory is given back
SCOPES = "pkg.torch.onnx.name_scopes"
ASKED = frozenset((b"layer", b"trainable", b"code", SCOPES.encode()))  # what is read of what stands beside nodes
SHORT = 256  # bytes of an attribute that is looked up among those that were read


class Stands(NamedTuple):
    """Where a node's tensors stand, as a framework tells: whether it writes over its first input, whether what it puts
    out is a copy though it might have been a view, and which operands it copies before it reads them.
    """

    over: bool = False
    is_copy: bool = False
    copied: tuple[int, ...] = ()


class NodeProto(Record, frozen=False, eq=False):
    """A node; `attributes` hold ints, floats, strings, lists of them, `Tensor`s, and graphs as stretches."""

    op: str = ""
    domain: str = ""
    name: str = ""
    inputs: list[str] = []
    outputs: list[str] = []
    attributes: dict[str, Attribute] = {}
    metadata: dict[str, str] = {}
    overload: str = ""
    doc: str = ""
    graphs: tuple[Subgraph, ...] = ()  # among its attributes
    reads: list[str] = []  # the values that it reads, those in its graphs included
    place: int = 0  # among the nodes of its graph
    sizes: tuple[str, ...] = ()  # the values that its attributes are computed from
    stands: Stands | None = None
    said: tuple[bytes, ...] | None = None  # its attributes as they lie in a file, if that is all that tells them apart


class Computed(NamedTuple):
    """An attribute, or a list of some, that sizes stand in which are computed on the way: `Size`s beside numbers."""

    value: Attribute


class Size(NamedTuple):
    """A number that another node puts out."""

    name: str


class Referred(NamedTuple):
    """An attribute that stands for one of the function's own."""

    name: str


class Subgraph(Record, frozen=False, eq=False):
    """A graph in an attribute. It is read when it is asked for, and once: what stands in it is the same however often
    it runs.
    """

    stretch: Stretch
    outside: list[str] | None = None  # the names that it takes from around it, once somebody asked
    _graph: GraphProto | None = None
    _nodes: list[NodeProto] | None = None
    _makers: dict[str, NodeProto] | None = None

    @property
    def graph(self) -> GraphProto:
        """The graph that stands in the attribute, read when it is first asked for."""
        if self._graph is None:
            self._graph = read_graph(self.stretch)
        return self._graph

    @property
    def nodes(self) -> list[NodeProto]:
        """Its nodes, read when they are first asked for."""
        if self._nodes is None:
            self._nodes = list(read_nodes(self.graph.nodes))
        return self._nodes

    @property
    def makers(self) -> dict[str, NodeProto]:
        """The node that puts out each name."""
        if self._makers is None:
            self._makers = {name: node for node in self.nodes for name in node.outputs if name}
        return self._makers


class GraphProto(Record, frozen=False):
    name: str = ""
    nodes: list[Stretch] | list[NodeProto] = []
    initializers: list[Tensor] = []
    inputs: list[Named] = []
    outputs: list[Named] = []
    values: Described = Described()
    says: bool = False  # whether the exporter says which initializers are parameters
    whole: bool = False  # whether its initializers are all that there are, and those that nothing reads count as well


class Function(Record, frozen=False, eq=False):
    """A function of the model's own."""

    name: str = ""
    domain: str = ""
    overload: str = ""
    inputs: list[str] = []
    outputs: list[str] = []
    defaults: dict[str, object] = {}
    nodes: list[Stretch] = []
    opsets: dict[str, int] = {}
    values: Described = Described()


class ModelProto(Record, frozen=False):
    ir: int = 0
    producer: str = ""
    graph: GraphProto | None = None
    opsets: dict[str, int] = {}
    functions: dict[tuple[str, str, str], Function] = {}
    metadata: dict[str, str] = {}

    def function(self, node: NodeProto) -> Function | None:
        """What the model says that a node is, if it does."""
        found = self.functions.get((node.domain, node.op, node.overload))
        return found or self.functions.get((node.domain, node.op, ""))


# ---- reading ---------------------------------------------------------------------------------------------------------


def read_model(stretch: Stretch) -> ModelProto:
    """A whole file. Raises Malformed or Bad."""
    model = ModelProto()
    source = stretch.source
    for number, value, stop in fields(stretch):
        if number == 1 and stop == -1:
            model.ir = value
        elif stop < 0:
            continue
        elif number == 2:
            model.producer = Stretch(source, value, stop).text()
        elif number == 7:
            if model.graph is not None:
                raise Malformed("there are two graphs")
            model.graph = read_graph(Stretch(source, value, stop))
        elif number == 8:
            _opset(Stretch(source, value, stop), model.opsets)
        elif number == 14:
            entry(Stretch(source, value, stop), model.metadata)
        elif number == 25:
            function = _function(Stretch(source, value, stop))
            model.functions[function.domain, function.name, function.overload] = function
    return model


def read_graph(stretch: Stretch) -> GraphProto:
    """A graph; its nodes are read one by one, later."""
    graph = GraphProto()
    nodes = list[Stretch]()
    graph.nodes = nodes
    source, inputs, seen = stretch.source, list[Stretch](), stretch.start
    for number, value, stop in fields(stretch):
        if stop < 0:
            continue
        if number == 1:
            nodes.append(Stretch(source, value, stop))
            if len(nodes) > MOST_NODES:
                raise Bad(f"the graph has more than {MOST_NODES:,} nodes")
        elif number == 5:
            graph.initializers.append(read_tensor(Stretch(source, value, stop)))
            if stop - seen > WINDOW:
                passed(source, seen, stop)
                seen = stop
        elif number == 15:
            graph.initializers.append(read_sparse(Stretch(source, value, stop)))
        elif number == 11:
            inputs.append(Stretch(source, value, stop))
        elif number == 12:
            graph.outputs.append(read_named(Stretch(source, value, stop)))
        elif number == 13:
            graph.values.note(Stretch(source, value, stop))
        elif number == 2:
            graph.name = Stretch(source, value, stop).text()
    graph.says = say(graph.initializers, graph.values)
    own = {tensor.name for tensor in graph.initializers}  # old files list their initializers among the inputs
    graph.inputs = [read_named(stretch) for stretch in inputs if not own or read_name(stretch) not in own]
    return graph


def read_nodes(stretches: Sequence[Stretch | NodeProto]) -> Iterator[NodeProto]:
    """The nodes; those that no file holds are there already."""
    known: dict[bytes, tuple[str, Attribute]] = {}
    for stretch in stretches:
        if isinstance(stretch, NodeProto):
            yield stretch
            continue
        try:
            node = read_node(stretch.here() if len(stretch) < 1 << 16 else stretch, known)
        except Malformed:
            node = read_node(stretch)  # raises again, with the place in the file
        yield node


def read_node(stretch: Stretch, known: dict[bytes, tuple[str, object]] | None = None) -> NodeProto:
    """A node; `known` are attributes that were read before. Raises Malformed with the place in the stretch's source, or
    without `known` that in attributes.
    """
    inputs: list[str] = []
    outputs: list[str] = []
    attributes: dict[str, Attribute] = {}
    node, holds, said = NodeProto("", "", "", inputs, outputs, attributes, {}), False, list[bytes]()
    source = stretch.source
    for number, value, stop in fields(stretch) if known is None else parts(stretch):
        if stop < 0:
            continue
        if number == 1:
            inputs.append(str(source[value:stop], "utf-8", "replace"))
        elif number == 2:
            outputs.append(str(source[value:stop], "utf-8", "replace"))
        elif number == 3:
            node.name = str(source[value:stop], "utf-8", "replace")
        elif number == 4:
            node.op = str(source[value:stop], "utf-8", "replace")
        elif number == 5:
            if known is not None and stop - value <= SHORT:
                said.append(source[value:stop])
                name, found = _known(said[-1], known)
            else:
                name, found = _attribute(Stretch(source, value, stop))
            attributes[name] = found
            holds = holds or type(found) is Subgraph or (type(found) is list and Subgraph in map(type, found))
        elif number == 6:
            node.doc = str(source[value:stop], "utf-8", "replace")
        elif number == 7:
            node.domain = str(source[value:stop], "utf-8", "replace")
        elif number == 8:
            node.overload = str(source[value:stop], "utf-8", "replace")
        elif number == 9:
            _beside(source, value, stop, node.metadata)
    if holds:
        node.graphs = tuple(graph for value in attributes.values() for graph in _graphs(value))
    node.said = tuple(said) if not holds and len(said) == len(attributes) else None
    return node


def _beside(source: Source, start: int, stop: int, into: dict[str, str]) -> None:
    """A pair of strings that stands beside a node, if anybody asks for it: torch notes where in a program it was."""
    length = source[start + 1] if stop - start > 1 else 0
    if source[start : start + 1] != b"\n" or length > 127 or source[start + 2 : start + 2 + length] in ASKED:
        entry(Stretch(source, start, stop), into)


def _graphs(value: object) -> list[Subgraph]:
    """The graphs that an attribute holds."""
    values = value if type(value) is list else [value]
    return [each for each in values if type(each) is Subgraph]


def _known(raw: bytes, known: dict[bytes, tuple[str, object]]) -> tuple[str, object]:
    """An attribute by its bytes: a network says `strides = [1, 1]` a hundred times, and nobody changes it.

    Tensors and graphs are told apart by what they are, and not by what they say: each node has its own.
    """
    found = known.get(raw)
    if found is None:
        found = _attribute(Stretch(raw, 0, len(raw)))
        if type(found[1]) is not list or _HELD.isdisjoint(map(type, found[1])):
            known[raw] = found
    name, value = found
    if type(value) is Subgraph:
        return name, Subgraph(value.stretch)
    return (name, value.again()) if type(value) is Tensor else found


_HELD = frozenset((Subgraph, Tensor))


def _attribute(stretch: Stretch) -> tuple[str, Attribute]:
    """An attribute's name and value; lists may be empty."""
    source = stretch.source
    name, kind, referred = "", 0, ""
    single: object = None
    many: list[object] = []
    for number, value, stop in fields(stretch):
        if number == 1 and stop >= 0:
            name = str(source[value:stop], "utf-8", "replace")
        elif number == 2 and stop == -4:
            single = real(source, value)
        elif number == 3 and stop == -1:
            single = signed(value)
        elif number == 4 and stop >= 0:
            single = str(source[value:stop], "utf-8", "replace")
        elif number == 5 and stop >= 0:
            single = read_tensor(Stretch(source, value, stop))
        elif number == 6 and stop >= 0:
            single = Subgraph(Stretch(source, value, stop))
        elif number == 7:
            many += [real(source, value)] if stop == -4 else reals(Stretch(source, value, stop)) if stop >= 0 else []
        elif number == 8:
            many += [signed(value)] if stop == -1 else varints(Stretch(source, value, stop)) if stop >= 0 else []
        elif number == 9 and stop >= 0:
            many.append(str(source[value:stop], "utf-8", "replace"))
        elif number == 10 and stop >= 0:
            many.append(read_tensor(Stretch(source, value, stop)))
        elif number == 11 and stop >= 0:
            many.append(Subgraph(Stretch(source, value, stop)))
        elif number == 20 and stop == -1:
            kind = value
        elif number == 21 and stop >= 0:
            referred = str(source[value:stop], "utf-8", "replace")
        elif number == 22 and stop >= 0:
            single = read_sparse(Stretch(source, value, stop))
    if referred:
        return name, Referred(referred)
    if single is None and (many or 6 <= kind <= 10 or kind == 12):
        return name, many
    return name, {1: 0.0, 2: 0, 3: ""}.get(kind) if single is None else single


def _function(stretch: Stretch) -> Function:
    function = Function()
    source = stretch.source
    for number, value, stop in fields(stretch):
        if stop < 0:
            continue
        inner = Stretch(source, value, stop)
        if number == 1:
            function.name = inner.text()
        elif number == 4:
            function.inputs.append(inner.text())
        elif number == 5:
            function.outputs.append(inner.text())
        elif number == 7:
            function.nodes.append(inner)
            if len(function.nodes) > MOST_NODES:
                raise Bad(f"the function '{function.name}' has more than {MOST_NODES:,} nodes")
        elif number == 9:
            _opset(inner, function.opsets)
        elif number == 10:
            function.domain = inner.text()
        elif number == 11:
            name, found = _attribute(inner)
            function.defaults[name] = found
        elif number == 12:
            function.values.note(inner)
        elif number == 13:
            function.overload = inner.text()
    return function


def _opset(stretch: Stretch, into: dict[str, int]) -> None:
    domain, version = "", 0
    for number, value, stop in fields(stretch):
        if number == 1 and stop >= 0:
            domain = Stretch(stretch.source, value, stop).text()
        elif number == 2 and stop == -1:
            version = value
    into["" if domain == "ai.onnx" else domain] = version
