"""Walks the nodes of a model file and puts layers into a graph: the same `Graph` that a spec becomes.

What depends on the file's numbers and on sizes alone is computed on the way and is no layer; a rule of `rules` says of
every other node what its output's shape is and what it costs. What has no rule is noted as uncounted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from archcalc.algebra import Dim, Number, Poly, symbol
from archcalc.errors import ArchcalcError, Mark, ShapeError, Undecided
from archcalc.fields import FieldErrors, spelled
from archcalc.graph import Graph, Input, Node, Uncounted
from archcalc.importer.alike import Said, said
from archcalc.importer.binding import Rule
from archcalc.importer.call import Call, Outputs
from archcalc.importer.claims import repeated
from archcalc.importer.credit import credited
from archcalc.importer.described import Named
from archcalc.importer.doubts import doubts
from archcalc.importer.holding import stored
from archcalc.importer.inside import described, inlined
from archcalc.importer.names import Namer
from archcalc.importer.order import called, live
from archcalc.importer.own import PRODUCER, Layers, annotated, restored, shown
from archcalc.importer.proto import MOST_NODES, GraphProto, ModelProto, NodeProto, read_nodes
from archcalc.importer.scope import Scope
from archcalc.importer.seen import Watch
from archcalc.importer.standing import stood
from archcalc.importer.tensors import FLOATS, Tensor
from archcalc.importer.trials import Built, Saved, cut
from archcalc.importer.uncounted import failure, refused, uncounted, unread_output
from archcalc.importer.unread import freeze, unread
from archcalc.importer.values import Assumed, Origin, Unknown, Value, Values, possible, terms
from archcalc.importer.widths import width
from archcalc.importer.wire import Bad, Malformed
from archcalc.ops import Op, Shape
from archcalc.ops.foreign import foreign

Sizes = Callable[[Named, int, Callable[[str], Dim]], Dim]
Positions = tuple[int, ...]
MOST_OUTPUTS = 4096
MOST_TERMS = 100_000  # of the closed forms of all sizes, where they have several
MOST_FLOATS = 64  # of a tensor whose numbers may be looked at


class Walker:
    """Builds one graph of one sample. `sizes` gives each dim of a value that the file describes: a number or a closed
    form; it takes what names a size that only a run would tell.
    """

    def __init__(self, model: ModelProto, file: str, sizes: Sizes, folds: bool = True) -> None:
        from archcalc.importer.rules import RULES  # they are written for walkers

        self.model, self.file, self.sized, self.rules = model, file, sizes, RULES
        self.graph, self.assumed = Graph(), Assumed()
        self.namer = Namer(model.producer)
        self.has_run = model.graph is not None and model.graph.whole  # its framework knows that all shapes fit
        self.layers = Layers() if model.producer == PRODUCER else None
        self.folds = folds and self.layers is None  # whether products of constants are known before the network runs
        self.folded: list[Dim] = []  # the MACs of each of those
        self.uncounted: list[tuple[str, str, str]] = []  # operator, node, reason
        self.notes: dict[str, None] = {}
        self.owners: dict[Hashable, int] = {}  # the layer of each tensor that one has as parameters or buffers
        self.beside: dict[Hashable, Hashable | int] = {}  # what scales and zero points belong to: a tensor, or a layer
        self.waiting: list[Hashable] = []  # those that belong to the next layer
        self.roles: dict[Hashable, str] = {}  # what tensors are that no layer has, by the inputs that they stand at
        self.live: list[NodeProto] = []  # the nodes of the outermost graph
        self.tensors: dict[Hashable, Origin] = {}  # of the file, as they are met
        self.claimed: dict[Hashable, Origin] = {}  # those that layers have
        self.undecided = False  # whether a branch was taken that only a run decides
        self.deciding: dict[str, None] = {}  # free sizes that decide what couldn't be counted
        self.kept: set[Hashable] = set()  # those that are buffers
        self.ops: dict[object, Op] = {}
        self.said: dict[Hashable, Said | None] = {}  # what rules said of nodes that are alike
        self.samples_of: dict[Shape, Shape] = {}  # one object for all that are alike, by which analyses know them
        self.fitting: set[Shape] = set()  # shapes in numbers that a tensor can have
        self.symbols: dict[str, Poly] = {}
        self.bounded: dict[str, Dim] = {}  # sizes that only a run would tell, taken at their most
        self.given: Mapping[str, Dim] = {}  # sizes that were set
        self.samples = 1  # of a batch that the file has written down, of which one is walked
        self.depth = self.line = self.walked = 0
        self.times: list[Dim] = []  # how often the bodies of loops around the node run
        self.node: NodeProto | None = None
        self.watch: Watch | None = None
        self.moved: dict[int, int] | None = None  # where layers stand in the end
        self.terms = 0  # of the closed forms of sizes
        self.followed = 0  # nodes looked at to see when loops end
        self.spread = 1  # how often the node is walked, for the loops around it that are written out
        self.written = 0  # nodes of loops that were written out inside of others
        self.bodies: dict[Hashable, list[NodeProto]] = {}  # of functions and subgraphs, in order

    @property
    def where(self) -> str:
        """The node at hand, in messages."""
        return called(self.node, self.line - 1) if self.node else "?"

    @property
    def anywhere(self) -> tuple[int, ...]:
        """Where a layer stands that reads nothing: behind the first input."""
        return tuple(self.graph.inputs.values())[:1]

    # ---- trials ------------------------------------------------------------------------------------------------------

    def save(self) -> Saved:
        """How much has been built so far; entries are only ever added."""
        names, conditions = self.namer.count, self.assumed.conditions
        told = len(self.uncounted), len(self.notes), len(self.folded), len(conditions)
        return Saved(len(self.graph.nodes), len(self.owners), *told, names, self.depth, len(self.times), self.unknown)

    @property
    def unknown(self) -> tuple[int, int]:
        """How many sizes were named so far: the free ones, and those that are at most something."""
        return len(self.symbols), len(self.bounded)

    def undo(self, saved: Saved) -> Built:
        """Take back what was built since, but the sizes that only a run would tell."""
        nodes, uncounted = self.graph.nodes[saved.nodes :], self.uncounted[saved.uncounted :]
        folded = self.folded[saved.folded :]
        del self.graph.nodes[saved.nodes :], self.uncounted[saved.uncounted :], self.times[saved.times :]
        del self.folded[saved.folded :]
        self.depth = saved.depth
        owners, notes = cut(self.owners, saved.owners), cut(self.notes, saved.notes)
        conditions, names = cut(self.assumed.conditions, saved.conditions), self.namer.cut(saved.names)
        return Built(nodes, owners, uncounted, notes, folded, conditions, names)

    def redo(self, built: Built) -> None:
        """Put back what was taken back, onto what there was then."""
        self.graph.nodes += built.nodes
        self.uncounted += built.uncounted
        self.folded += built.folded
        for own, found in ((self.notes, built.notes), (self.assumed.conditions, built.conditions)):
            own.update(found)
        self.owners.update(built.owners)
        self.namer.paste(built.names)

    def macs_since(self, saved: Saved) -> Number:
        """MACs of the layers since then."""
        found: Number = 0
        for node in self.graph.nodes[saved.nodes :]:
            found = found + node.op.macs(node.shape, *self.graph.shapes_into(node))
        return found

    # ---- graphs ------------------------------------------------------------------------------------------------------

    def build(self) -> Graph:
        """The whole graph. Raises Bad and Malformed."""
        proto = self.model.graph
        if proto is None:
            raise Bad("there is no graph in it")
        if not proto.outputs:
            raise Bad("the graph has no outputs")
        scope = Scope(declared=described(proto), opsets=self.model.opsets)
        self.constants(proto, scope)
        nodes = list(read_nodes(proto.nodes))
        own = annotated(nodes) if self.layers is not None else []  # a spec's layers count though nothing reads them
        nodes = self.live = live(
            nodes,
            [*(named.name for named in proto.outputs), *own],
            {*scope.values, *(named.name for named in proto.inputs)},
            "",
        )
        read = {name for node in nodes for name in node.reads} | {named.name for named in proto.outputs}
        for named in proto.inputs:
            if named.name not in scope.values and named.name in read:
                scope.values[named.name] = self.input(named)
        self.run(nodes, [*(named.name for named in proto.outputs), *own], scope)
        for named in proto.outputs:
            if named.name not in scope.values:
                raise Bad(f"nothing puts out '{named.name}', which is an output of the graph")
        outputs = [scope.values[named.name] for named in proto.outputs]
        found = [value for output in outputs for value in (output if isinstance(output, Values) else [output])]
        self.graph.outputs = list(
            dict.fromkeys(value.node for value in found if value is not None and value.node is not None)
        )
        self._finish(proto)
        return self.graph

    def _finish(self, proto: GraphProto) -> None:
        """What can be said only when every node was walked."""
        if proto.whole:
            unread(self, proto)
        self.graph.uncounted = self._summed_up()
        self.graph.assumed = list(self.assumed.conditions)
        self.graph.notes = [*self.notes, *doubts(self)]
        if self.layers is not None:
            self.moved = restored(self.graph, self.layers, self.given)
            self.namer.move(self.moved)
        self.namer.finish(self.graph, self.file)
        if proto.whole:
            freeze(self, proto)
        self.graph.stored = stored(self)

    def _summed_up(self) -> list[Uncounted]:
        """Each operator that isn't counted, with how often it stands there and the first such node."""
        counts = Counter(op for op, _, _ in self.uncounted)
        first = {op: (where, why) for op, where, why in reversed(self.uncounted)}
        return [Uncounted(op, count, *first[op]) for op, count in counts.items()]

    def constants(self, proto: GraphProto, scope: Scope) -> None:
        """Take a graph's stored tensors into its scope. Raises Bad where two have one name."""
        for tensor in proto.initializers:
            if tensor.name in scope.values:
                raise Bad(f"two initializers are called '{tensor.name}'")
            scope.values[tensor.name] = self.constant(tensor)

    def constant(self, tensor: Tensor) -> Value:
        """A stored tensor as a value, which knows where it comes from; long floats aren't carried along."""
        known = tensor if tensor.kind not in FLOATS or tensor.elements <= MOST_FLOATS else None
        origin = Origin(tensor.copy_of or tensor, tensor.name, tensor.dims, True, tensor)
        self.tensors[tensor] = origin
        return Value(tensor.dims, tensor.kind, None, None, (origin,), known)

    def input(self, named: Named) -> Value:
        """An input of the network, with free sizes named. Raises Bad for an impossible shape or too many layers."""
        if named.dims is None:
            self.note_uncounted(f"input {named.name}", named.name, "its shape isn't given")
            return Value(
                None,
                named.kind,
                self.place(
                    foreign("input", size_=()), (), (), named.name, NodeProto("Input", name=named.name), named.kind
                ),
            )
        shape = self.sizes(named)
        try:
            possible(shape)
        except ShapeError as error:
            raise Bad(f"input '{named.name}': {error}") from None
        if len(self.graph.nodes) >= MOST_NODES:
            raise Bad(f"the network has more than {MOST_NODES:,} layers")
        if any(isinstance(dim, int) and dim == 0 for dim in shape):
            return Value(shape, named.kind, None, ())  # an empty cache: there is nothing to compute from
        position, sample = len(self.graph.nodes), self.sample(shape)
        name = self.namer.input(named.name)
        op, mark = Input(size_=sample), Mark(self.file, 1, 1)
        self.graph.nodes.append(Node(name, op, (), sample, name, mark, dtype=width(named.kind)))
        self.graph.inputs[name] = position
        return Value(shape, named.kind, position)

    def sizes(self, named: Named) -> Shape:
        """The shape of a value whose rank the file gives."""
        return tuple([self.sized(named, axis, self.free) for axis in range(len(named.dims or ()))])

    def sample(self, shape: Shape) -> Shape:
        """What a layer shows of a shape: a leading axis of 1 is the batch's, of one sample, and is left out."""
        if shape and shape[0] == 1:
            if not isinstance(shape, tuple):  # a rule from outside may give a list, which is said where it is checked
                return shape[1:]
            shown = self.samples_of.get(shape)
            if shown is None:
                shown = self.samples_of[shape] = shape[1:]
            return shown
        return shape

    def run(self, nodes: Sequence[NodeProto], outputs: Iterable[str], scope: Scope) -> None:
        """Every node in turn."""
        scope.nodes = nodes
        scope.reads.update(outputs)
        scope.reads.update(name for node in nodes for name in node.reads)
        for node in nodes:
            self.walked += 1
            if self.walked > MOST_NODES:
                raise Bad(f"more than {MOST_NODES:,} nodes, with those in loops and functions")
            if self.depth == 0:
                self.line = node.place + 1
            self.node = node
            for name, value in zip(node.outputs, self.outputs(node, scope), strict=False):
                if name:
                    scope.values[name] = value
                if isinstance(value, Value) and value.shape and value.shape not in self.fitting:
                    self.held(value.shape, node)
            if self.watch is not None:
                self.watch(self, node, scope)

    def held(self, shape: Shape, node: NodeProto) -> None:
        """See to it that a shape can be one, and that closed forms stay short, all together."""
        try:
            possible(shape)
        except ShapeError as error:
            raise Bad(f"node {called(node, self.line - 1)} ({node.op}): {error}") from None
        if not any(isinstance(dim, Poly) for dim in shape):
            self.fitting.add(shape)
            return
        self.terms += count if (count := terms(shape)) > 1 else 0
        if self.terms > MOST_TERMS:
            raise Bad(
                f"node {called(node, self.line - 1)} ({node.op}): the closed forms of all sizes have more than"
                f" {MOST_TERMS:,} terms: --set gives them numbers"
            )

    def outputs(self, node: NodeProto, scope: Scope) -> Outputs:
        """What a node puts out. Raises Bad with the node's name for what can't be."""
        if len(node.outputs) > MOST_OUTPUTS or len(node.inputs) > MOST_OUTPUTS:
            raise Bad(f"node {self.where} has more than {MOST_OUTPUTS} inputs or outputs")
        inputs: list[Value | Values | None] = []
        values = scope.values  # most stand in the scope itself
        for name in node.inputs:
            try:
                inputs.append(values[name] if name in values else scope.find(name) if name else None)
            except KeyError:
                raise Bad(f"node {self.where} ({node.op}) reads '{name}', which nothing puts out") from None
        domain = "" if node.domain == "ai.onnx" else node.domain
        function = self.model.function(node) if self.model.functions else None
        rule = self.rules.get((domain, node.op))
        call = Call(self, node, inputs, scope, domain)
        if function is not None and (rule is None or domain != ""):
            return inlined(self, function, call)
        if rule is None:
            return uncounted(call, "no rule for it")
        return self.applied(rule, call)

    def applied(self, rule: Rule, call: Call) -> Outputs:
        """What a rule makes of a node, an entry for each output. What it can't say is a layer with unknown cost after a
        run, else raises Bad.
        """
        call.rule, call.first, before = rule, len(self.graph.nodes), self.save() if self.has_run else None
        try:
            found = rule(call) if not rule.alike else said(self, rule, call)
        except Unknown as unknown:
            return uncounted(call, str(unknown))
        except (ShapeError, Undecided) as error:
            if self.has_run:
                return uncounted(call, str(error))
            raise self._wrong(call, error) from None
        except (Bad, Malformed):
            raise
        except ArchcalcError as error:
            raise self._wrong(call, error) from None
        except FieldErrors as error:
            raise self._wrong(call, spelled(error.problems[0])) from None
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError) as error:
            return uncounted(call, failure(rule, error))
        if before is not None and (instead := refused(call, found, before)) is not None:
            return instead
        if call.given:
            credited(call, found)
        if call.node.stands is not None:
            stood(call, found, call.node.stands)
        if isinstance(found, list) and not isinstance(found, Values):
            return [*found, *(unread_output(call, name) for name in call.names[len(found) :])]
        return [shown(self, found, call.node)]

    def _wrong(self, call: Call, error: object) -> Bad:
        return Bad(f"node {called(call.node, self.line - 1)} ({call.node.op}): {error}{call.inputs_in_words()}")

    # ---- layers ------------------------------------------------------------------------------------------------------

    def made(self, cls: type[Op], **fields: object) -> Op:
        """An operator, one object for all layers that are alike."""
        key = (cls, *fields.items())
        try:
            known = self.ops.get(key)
        except TypeError:
            return cls(**fields)
        if known is None:
            known = self.ops[key] = cls(**fields)
        return known

    def place(
        self, op: Op, inputs: Positions, shape: Shape, hint: str, at: NodeProto, kind: int, share: int | None = None
    ) -> int:
        """Put a layer into the graph that puts out numbers of a kind."""
        position = len(self.graph.nodes)
        if position >= MOST_NODES:
            raise Bad(f"the network has more than {MOST_NODES:,} layers")
        if self.times:
            op = repeated(op, self.times, inputs, shape, [self.graph.nodes[n].shape for n in inputs])
        name = self.namer.add(position, at, op.word, hint)
        if self.layers is not None:
            self.layers.add(at, position)
        dtype = width(kind, () if kind else [self.graph.nodes[n] for n in inputs[:1]])
        mark = Mark(self.file, max(self.line, 1), 1)
        self.graph.nodes.append(Node(name, op, inputs, shape, name, mark, share, dtype=dtype))
        return position

    def note_uncounted(self, op: str, where: str, why: str) -> None:
        """Note an operator whose cost isn't counted, where it stands and why."""
        self.uncounted.append((op, where, why))

    def free(self, name: str) -> Dim:
        """A size that only a run would tell: what was given for it, or a symbol."""
        label = self.namer.symbol(name)
        if label in self.given and not isinstance(self.given[label], Poly):
            return self.given[label]
        if self.node is not None:
            self.graph.found_at.setdefault(label, self.where)
        return self.symbols.setdefault(label, symbol(label))

    def most(self, name: str, most: Dim) -> Dim:
        """A size that only a run would tell, and that has an upper end: that, unless another was given."""
        label = self.namer.symbol(name)
        given = self.given.get(label)
        if given is not None and not isinstance(given, Poly):
            return given
        self.bounded.setdefault(label, most)
        return most
