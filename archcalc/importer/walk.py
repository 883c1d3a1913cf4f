"""Walks the nodes of a model file and puts layers into a graph: the same `Graph` that a spec becomes.

What depends on the file's numbers and on sizes alone is computed on the way and is no layer; a rule of `rules` says of every
other node what its output's shape is and what it costs. What has no rule is noted as uncounted.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from typing import Any

from pydantic import ValidationError

from archcalc.algebra import Dim, Number, Poly
from archcalc.errors import ArchcalcError, Mark, ShapeError, Undecided
from archcalc.graph import Graph, Input, Node, Uncounted
from archcalc.importer.foreign import figures, flags_of, foreign
from archcalc.importer.names import Namer, generated
from archcalc.importer.own import PRODUCER, Layers, restored
from archcalc.importer.proto import (
    FLOATS,
    MOST_CONTENT,
    MOST_NODES,
    Bad,
    Described,
    Function,
    GraphProto,
    ModelProto,
    Named,
    NodeProto,
    Referred,
    Subgraph,
    Tensor,
    read_graph,
    read_nodes,
)
from archcalc.importer.values import Assumed, Content, Origin, Value, Values, joined, spell_dim
from archcalc.importer.wire import Malformed
from archcalc.ops import Op, Reach, Shape, size, spell_shape

DEEPEST = 24  # graphs inside graphs, functions inside functions
MOST_OUTPUTS = 4096
MOST_FLOATS = 64  # of a tensor whose numbers may be looked at

Outputs = list[Value | Values | None]
Weights = Mapping[str, Value | None]


class Unknown(ArchcalcError):
    """A rule needs to know something that the file doesn't say."""


@dataclass(slots=True)
class Scope:
    """The values of one graph by name; a graph inside another sees those around it."""

    parent: Scope | None = None
    values: dict[str, Value | Values | None] = field(default_factory=dict)
    declared: Described = field(default_factory=Described)
    opsets: Mapping[str, int] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    reads: Counter[str] = field(default_factory=Counter)  # how often each name is read

    def find(self, name: str) -> Value | Values | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.parent
        raise KeyError(name)

    def knows(self, name: str) -> bool:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return True
            scope = scope.parent
        return False


class Walker:
    """Builds one graph of one sample. `sizes` gives each dim of a value that the file describes: a number or a closed form."""

    def __init__(self, model: ModelProto, file: str, sizes: Callable[[Named, int], Dim]) -> None:
        self.model, self.file, self.sizes = model, file, sizes
        self.graph = Graph()
        self.assumed = Assumed()
        self.namer = Namer(model.producer)
        self.layers = Layers() if model.producer == PRODUCER else None
        self.uncounted: dict[str, list[Any]] = {}
        self.notes: dict[str, None] = {}
        self.owners: dict[Any, int] = {}
        self.ops: dict[Any, Op] = {}
        self.symbols: dict[str, Poly] = {}
        self.bounded: dict[str, Dim] = {}  # sizes that only a run would tell, taken at their most
        self.given: Mapping[str, Dim] = {}  # sizes that were set
        self.depth = 0
        self.times: list[Dim] = []  # how often the bodies of loops around the node run
        self.node: NodeProto | None = None
        self.line = 0
        self.walked = 0
        self.bodies: dict[int, list[NodeProto]] = {}  # of functions
        self.kept: list[object] = []  # what keys are the ids of

    @property
    def where(self) -> str:
        """The node at hand, in messages."""
        return called(self.node, self.line - 1) if self.node else "?"

    # ---- trials -----------------------------------------------------------------------------------------------------------------

    def save(self) -> tuple[Any, ...]:
        """What has been built so far."""
        return (
            len(self.graph.nodes),
            dict(self.owners),
            {op: list(entry) for op, entry in self.uncounted.items()},
            dict(self.notes),
            dict(self.assumed.conditions),
            self.namer.count,
            self.depth,
            len(self.times),
        )

    def restore(self, saved: tuple[Any, ...]) -> None:
        """Forget what was built since."""
        del self.graph.nodes[saved[0] :]
        self.owners, self.uncounted, self.notes = dict(saved[1]), {op: list(entry) for op, entry in saved[2].items()}, dict(saved[3])
        self.assumed.conditions = dict(saved[4])
        self.namer.count = saved[5]
        self.depth = saved[6]
        del self.times[saved[7] :]

    def macs_since(self, saved: tuple[Any, ...]) -> Number:
        """MACs of the layers since then."""
        found: Number = 0
        for node in self.graph.nodes[saved[0] :]:
            found = found + node.op.macs(node.shape, *self.graph.shapes_into(node))
        return found

    # ---- graphs -----------------------------------------------------------------------------------------------------------------

    def build(self) -> Graph:
        """The whole graph. Raises Bad and Malformed."""
        proto = self.model.graph
        if proto is None:
            raise Bad("there is no graph in it")
        if not proto.outputs:
            raise Bad("the graph has no outputs")
        scope = Scope(declared=described(proto), opsets=self.model.opsets)
        self.constants(proto, scope, given=True)
        nodes = self.live(list(read_nodes(proto.nodes)), [named.name for named in proto.outputs], {*scope.values, *(named.name for named in proto.inputs)}, "")
        read = {name for node in nodes for name in node.reads} | {named.name for named in proto.outputs}
        for named in proto.inputs:
            if named.name not in scope.values and named.name in read:
                scope.values[named.name] = self.input(named)
        self.run(nodes, [named.name for named in proto.outputs], scope)
        for named in proto.outputs:
            if named.name not in scope.values:
                raise Bad(f"nothing puts out '{named.name}', which is an output of the graph")
        outputs = [scope.values[named.name] for named in proto.outputs]
        found = [value for output in outputs for value in (output if isinstance(output, Values) else [output])]
        self.graph.outputs = list(dict.fromkeys(value.node for value in found if value is not None and value.node is not None))
        self.graph.uncounted = [Uncounted(op, count, first, why) for op, (count, first, why) in self.uncounted.items()]
        self.graph.assumed = list(self.assumed.conditions)
        self.graph.notes = [*self.notes, *self._at_most()]
        if self.layers is not None:
            self.namer.move(restored(self.graph, self.layers, self.given))
        self.namer.finish(self.graph, self.file)
        return self.graph

    def _at_most(self) -> list[str]:
        if not self.bounded:
            return []
        (name, most), *rest = self.bounded.items()
        others = f" and {len(rest)} more" if rest else ""
        return [f"only a run tells {name} = {spell_dim(most)}{others}: counted at the most that there can be; --set gives them other values"]

    def constants(self, proto: GraphProto, scope: Scope, given: bool) -> None:
        for tensor in proto.initializers:
            if tensor.name in scope.values:
                raise Bad(f"two initializers are called '{tensor.name}'")
            scope.values[tensor.name] = self.constant(tensor, (id(tensor), tensor.name), given)

    def constant(self, tensor: Tensor, key: Any, given: bool) -> Value:
        known = tensor if tensor.kind not in FLOATS or tensor.elements <= MOST_FLOATS else None
        return Value(tensor.dims, tensor.kind, None, None, (Origin(key, tensor.name, tensor.dims, given, tensor),), known)

    def input(self, named: Named) -> Value:
        if named.dims is None:
            self.note_uncounted(f"input {named.name}", named.name, "its shape isn't given")
            return Value(None, named.kind, self.place(foreign("input", size_=()), (), (), named.name, NodeProto("Input", name=named.name)))
        shape = tuple([self.sizes(named, axis) for axis in range(len(named.dims))])
        if len(self.graph.nodes) >= MOST_NODES:
            raise Bad(f"the network has more than {MOST_NODES:,} layers")
        position = len(self.graph.nodes)
        sample = self.sample(shape)
        name = self.namer.input(named.name)
        self.graph.nodes.append(Node(name, Input(size_=sample), (), sample, name, Mark(self.file, 1, 1)))
        self.graph.inputs[name] = position
        return Value(shape, named.kind, position)

    def sample(self, shape: Shape) -> Shape:
        """What a layer shows of a shape: a leading axis of 1 is the batch's, of one sample, and is left out."""
        return shape[1:] if shape and shape[0] == 1 else shape

    def live(self, nodes: list[NodeProto], outputs: Sequence[str], known: set[str], within: str) -> list[NodeProto]:
        """The nodes that outputs depend on, each after those that it reads. Raises Bad for names that clash, are missing, or form a cycle."""
        producers: dict[str, int] = {}
        for n, node in enumerate(nodes):
            node.reads = node_reads(node)
            for name in node.outputs:
                if name and (name in producers or name in known):
                    raise Bad(f"node {called(node, n)}: its output '{name}' is the name of another value{within}")
                if name:
                    producers[name] = n
        stack = [producers[name] for name in outputs if name in producers]
        needed = set(stack)
        sources: dict[int, list[int]] = {}
        while stack:
            n = stack.pop()
            sources[n] = [producers[name] for name in nodes[n].reads if name in producers]
            for source in sources[n]:
                if source not in needed:
                    needed.add(source)
                    stack.append(source)
        order = sorted(needed)
        if all(source < n for n in order for source in sources[n]):
            return [nodes[n] for n in order]
        return [nodes[n] for n in self.sorted(order, sources, nodes)]

    def sorted(self, order: list[int], sources: dict[int, list[int]], nodes: list[NodeProto]) -> list[int]:
        waiting = {n: len(set(sources[n])) for n in order}
        readers: dict[int, list[int]] = {n: [] for n in order}
        for n in order:
            for source in set(sources[n]):
                readers[source].append(n)
        ready, done = deque(n for n in order if not waiting[n]), []
        while ready:
            n = ready.popleft()
            done.append(n)
            for reader in readers[n]:
                waiting[reader] -= 1
                if not waiting[reader]:
                    ready.append(reader)
        if len(done) < len(order):
            stuck = next(n for n in order if waiting[n])
            raise Bad(f"node {called(nodes[stuck], stuck)} is in a cycle: it depends on its own output")
        return done

    def run(self, nodes: Sequence[NodeProto], outputs: Iterable[str], scope: Scope) -> None:
        """Every node in turn."""
        scope.reads.update(outputs)
        for node in nodes:
            scope.reads.update(node.reads)
        for node in nodes:
            self.walked += 1
            if self.walked > MOST_NODES:
                raise Bad(f"more than {MOST_NODES:,} nodes, with those in loops and functions")
            if self.depth == 0:
                self.line += 1
            self.node = node
            for name, value in zip(node.outputs, self.outputs(node, scope), strict=False):
                if name:
                    scope.values[name] = value

    def outputs(self, node: NodeProto, scope: Scope) -> Outputs:
        """What a node puts out. Raises Bad with the node's name for what can't be."""
        from archcalc.importer.rules import RULES

        if len(node.outputs) > MOST_OUTPUTS or len(node.inputs) > MOST_OUTPUTS:
            raise Bad(f"node {self.where} has more than {MOST_OUTPUTS} inputs or outputs")
        inputs: list[Value | Values | None] = []
        for name in node.inputs:
            try:
                inputs.append(scope.find(name) if name else None)
            except KeyError:
                raise Bad(f"node {self.where} ({node.op}) reads '{name}', which nothing puts out") from None
        domain = "" if node.domain == "ai.onnx" else node.domain
        function = self.model.functions.get((node.domain, node.op, node.overload)) or self.model.functions.get((node.domain, node.op, ""))
        rule = RULES.get((domain, node.op))
        call = Call(self, node, inputs, scope, domain)
        if function is not None and (rule is None or domain != ""):
            return self.inlined(function, call)
        if rule is None:
            return call.unknown("no rule for it")
        return self.applied(rule, call)

    def applied(self, rule: Callable[[Call], Any], call: Call) -> Outputs:
        try:
            found = rule(call)
        except Unknown as unknown:
            return call.unknown(str(unknown))
        except (ShapeError, Undecided) as error:
            raise Bad(f"node {called(call.node, self.line - 1)} ({call.node.op}): {error}{call.inputs_in_words()}") from None
        except (Bad, Malformed):
            raise
        except ArchcalcError as error:
            raise Bad(f"node {called(call.node, self.line - 1)} ({call.node.op}): {error}{call.inputs_in_words()}") from None
        except ValidationError as error:
            (first, *_) = error.errors()
            what = f"{'.'.join(map(str, first['loc']))} {first['msg'].removeprefix('Value error, ')}"
            raise Bad(f"node {called(call.node, self.line - 1)} ({call.node.op}): {what}{call.inputs_in_words()}") from None
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError, StopIteration):
            raise Bad(
                f"node {called(call.node, self.line - 1)} ({call.node.op}): its inputs or attributes don't fit what the operator takes{call.inputs_in_words()}"
            ) from None
        if isinstance(found, list) and not isinstance(found, Values):
            return [*found, *(call.beside(name) for name in call.names[len(found) :])]
        return [self.shown(found, call.node)]

    def shown(self, found: Any, node: NodeProto) -> Any:
        """A layer of our own that does nothing at inference is one all the same."""
        line = node.metadata.get("layer")
        if self.layers is None or line is None or node.name in self.layers.lines or not isinstance(found, Value) or found.node is None or found.shape is None:
            return found
        sample = self.sample(found.shape)
        layer = foreign("identity", ("is_view",), size_=sample)
        return Value(found.shape, found.kind, self.place(layer, (found.node,), sample, "", node))

    def inlined(self, function: Function, call: Call) -> Outputs:
        """The nodes of a function in the place of its call."""
        self.deeper(f"function '{function.name}'")
        given = dict(call.node.attributes)
        attributes = function.defaults | {name: call.scope.attributes.get(v.name) if isinstance(v, Referred) else v for name, v in given.items()}
        scope = Scope(declared=function.values, opsets={**self.model.opsets, **function.opsets}, attributes=attributes)
        for n, name in enumerate(function.inputs):
            scope.values[name] = call.inputs[n] if n < len(call.inputs) else None
        nodes = self.bodies.get(id(function))
        if nodes is None:
            nodes = self.live(list(read_nodes(function.nodes)), function.outputs, set(scope.values), f" in function '{function.name}'")
            self.bodies[id(function)] = nodes
        with self.namer.inside(call.node):
            self.run(nodes, function.outputs, scope)
        self.depth -= 1
        self.node = call.node
        for name in function.outputs:
            if name not in scope.values:
                raise Bad(f"node {self.where}: the function '{function.name}' doesn't put out '{name}'")
        return [scope.values[name] for name in function.outputs]

    def body(self, call: Call, subgraph: Subgraph, inputs: Sequence[Value | Values | None], label: str, times: Dim = 1) -> Outputs:
        """The nodes of a branch or of a loop's body."""
        self.deeper(f"node {self.where}")
        proto = read_graph(subgraph.stretch)
        scope = Scope(call.scope, {}, described(proto), call.scope.opsets, call.scope.attributes)
        self.constants(proto, scope, given=False)
        for n, named in enumerate(named for named in proto.inputs if named.name not in scope.values):
            scope.values[named.name] = inputs[n] if n < len(inputs) else None
        names = [named.name for named in proto.outputs]
        nodes = self.live(list(read_nodes(proto.nodes)), names, set(scope.values), f" in the body of {self.where}")
        where = self.node
        if times != 1:
            self.times.append(times)
        with self.namer.inside(call.node, label):
            self.run(nodes, names, scope)
        if times != 1:
            self.times.pop()
        self.depth -= 1
        self.node = where
        for name in names:
            if not scope.knows(name):
                raise Bad(f"node {self.where}: its body doesn't put out '{name}'")
        return [scope.find(name) for name in names]

    def deeper(self, what: str) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Bad(f"{what} stands in more than {DEEPEST} graphs or functions inside each other")

    # ---- layers -----------------------------------------------------------------------------------------------------------------

    def made(self, cls: type[Op], **fields: Any) -> Op:
        """An operator, one object for all layers that are alike."""
        key = (cls, *fields.items())
        try:
            known = self.ops.get(key)
        except TypeError:
            return cls(**fields)
        if known is None:
            known = self.ops[key] = cls(**fields)
        return known

    def place(self, op: Op, inputs: tuple[int, ...], shape: Shape, hint: str, proto: NodeProto, share: int | None = None) -> int:
        """Put a layer into the graph."""
        position = len(self.graph.nodes)
        if position >= MOST_NODES:
            raise Bad(f"the network has more than {MOST_NODES:,} layers")
        if self.times:
            op = repeated(op, self.times, inputs, shape, [self.graph.nodes[n].shape for n in inputs])
        name = self.namer.add(position, proto, op.word, hint)
        if self.layers is not None:
            self.layers.add(proto, position)
        self.graph.nodes.append(Node(name, op, inputs, shape, name, Mark(self.file, max(self.line, 1), 1), share))
        return position

    def note_uncounted(self, op: str, where: str, why: str) -> None:
        entry = self.uncounted.setdefault(op, [0, where, why])
        entry[0] += 1

    def free(self, name: str) -> Dim:
        """A size that only a run would tell: what was given for it, or a symbol."""
        from archcalc.algebra import symbol

        label = self.namer.symbol(name)
        if label in self.given and not isinstance(self.given[label], Poly):
            return self.given[label]
        return self.symbols.setdefault(label, symbol(label))

    def most(self, name: str, most: Dim) -> Dim:
        """A size that only a run would tell, and that has an upper end: that, unless another was given."""
        label = self.namer.symbol(name)
        given = self.given.get(label)
        if given is not None and not isinstance(given, Poly):
            return given
        self.bounded.setdefault(label, most)
        return most


def described(proto: GraphProto) -> Described:
    """What a graph says of its values and outputs."""
    found = Described(proto.values)
    found.update({named.name: named for named in proto.outputs})
    return found


class Call:
    """A node with the values that it reads, for a rule."""

    def __init__(self, walker: Walker, node: NodeProto, inputs: list[Value | Values | None], scope: Scope, domain: str) -> None:
        self.walker, self.node, self.inputs, self.scope, self.domain = walker, node, inputs, scope, domain
        self.assumed = walker.assumed

    # what it is given

    @property
    def names(self) -> list[str]:
        """The outputs; those that nobody reads have no name."""
        return [name if self.scope.reads[name] else "" for name in self.node.outputs]

    @property
    def opset(self) -> int:
        return self.scope.opsets.get(self.domain, 1 << 30)

    def has(self, n: int) -> bool:
        return n < len(self.inputs) and self.inputs[n] is not None

    def value(self, n: int) -> Value:
        """An input that has to be there. Raises Bad."""
        value = self.inputs[n] if n < len(self.inputs) else None
        if value is None:
            raise Bad(f"node {self.walker.where} ({self.node.op}) lacks its input {n + 1}")
        if isinstance(value, Values):
            raise Unknown("it reads a sequence")
        return value

    def optional(self, n: int) -> Value | None:
        return self.value(n) if self.has(n) else None

    def values(self, first: int = 0) -> list[Value]:
        return [self.value(n) for n in range(first, len(self.inputs)) if self.inputs[n] is not None]

    def shape(self, n: int) -> Shape:
        """An input's shape. Raises Unknown."""
        shape = self.value(n).shape
        if shape is None:
            raise Unknown("the shape of what it reads isn't known")
        return shape

    def rank(self, n: int, low: int, high: int | None = None) -> Shape:
        """The shape of an input that needs so many axes."""
        shape = self.shape(n)
        high = low if high is None else high
        if not low <= len(shape) <= high:
            raise ShapeError(f"it needs {low if low == high else f'{low} to {high}'} axes, got {spell_shape(shape, spell_dim) or 'none'}")
        return shape

    def content(self, n: int) -> Content | None:
        return self.value(n).content if self.has(n) else None

    def numbers(self, n: int, what: str) -> Content:
        """The known elements of an input. Raises Unknown."""
        content = self.value(n).content
        if content is None or None in content:
            raise Unknown(f"its {what} are computed when it runs")
        return content

    def attr(self, name: str, default: Any = None) -> Any:
        found = self.node.attributes.get(name, default)
        if isinstance(found, Referred):
            found = self.scope.attributes.get(found.name, default)
        return default if found is None else found

    def ints(self, name: str, default: Sequence[int] | None = None) -> list[int] | None:
        found = self.attr(name)
        if found is None:
            return None if default is None else list(default)
        if not isinstance(found, list) or not all(isinstance(value, int) for value in found):
            raise ShapeError(f"{name} must be a list of whole numbers")
        return found

    def whole(self, name: str, default: int) -> int:
        found = self.attr(name, default)
        if not isinstance(found, int):
            raise ShapeError(f"{name} must be a whole number")
        return found

    def text(self, name: str, default: str) -> str:
        found = self.attr(name, default)
        return found if isinstance(found, str) else default

    def real(self, name: str, default: float) -> Fraction:
        """A number from an attribute, as exact as it was written."""
        found = self.attr(name, default)
        if isinstance(found, bool) or not isinstance(found, (int, float)) or found != found or found in (float("inf"), float("-inf")):
            return Fraction(0)
        return Fraction(repr(round(found, 7))) if isinstance(found, float) else Fraction(found)

    # what it puts out

    def known(self, shape: Shape, content: Content | None = None, kind: int | None = None, of: Iterable[Value | None] | None = None) -> Value:
        """A constant: computed from others."""
        values = [value for value in self.inputs if isinstance(value, Value)] if of is None else list(of)
        if content is not None and len(content) > MOST_CONTENT:
            content = None
        first = next((value.kind for value in values if value is not None), 0)
        return Value(shape, first if kind is None else kind, None, content, joined(values))

    def data(self, of: Iterable[Value | None] | None = None) -> list[Value]:
        """The inputs that are computed by layers."""
        values = self.inputs if of is None else of
        return [value for value in values if isinstance(value, Value) and value.node is not None]

    def emit(
        self,
        op: Op,
        shape: Shape,
        of: Sequence[Value | None] | None = None,
        *,
        weights: Weights | None = None,
        buffers: Weights | None = None,
        kind: int | None = None,
        hint: str = "",
        content: Content | None = None,
        shown: Shape | None = None,
    ) -> Value:
        """A layer with an operator, whose output is `shown` or else one sample of the shape; a constant where nothing that it reads
        is computed by a layer.

        `of` are the inputs that its value depends on, `weights` and `buffers` the constants among them that were learned.
        """
        inputs = self.data(of)
        first = self.value(0) if self.inputs else None
        result = (first.kind if first else 0) if kind is None else kind
        if not inputs:
            return self.known(shape, content, result)
        self.check(shape)
        op, share, owned = self.claimed(op, shape, inputs, weights or {}, buffers or {})
        hint = hint or next((o.name for v in (weights or {}).values() if v is not None for o in v.origins if o.name), "")
        positions = tuple(value.node for value in inputs if value.node is not None)
        position = self.walker.place(op, positions, self.walker.sample(shape) if shown is None else shown, hint, self.node, share)
        for key in owned:
            self.walker.owners[key] = position
        return Value(shape, result, position, content)

    def check(self, shape: Shape) -> None:
        for dim in shape:
            if isinstance(dim, int) and dim < 1:
                raise ShapeError(f"the output would be {spell_shape(shape, spell_dim)}")

    def claimed(self, op: Op, shape: Shape, inputs: list[Value], weights: Weights, buffers: Weights) -> tuple[Op, int | None, list[Any]]:
        """The operator with the weights that no earlier layer has, the layer whose weights it uses, and what it owns from now on."""
        origins = {origin.key: origin for value in weights.values() if value is not None for origin in learned_of(value)}
        others = {origin.key: origin for value in buffers.values() if value is not None for origin in value.origins}
        if not origins and not others:
            sample = self.walker.sample
            if type(op).weights is not Op.weights and (op.weights(*self.samples(inputs)) if not isinstance(op, _FOREIGN) else op.weights_):
                op = as_foreign(op, sample(shape), self.samples(inputs), {}, {})  # its weights are computed
            return op, None, []
        owners = self.walker.owners
        fresh = {key: origin for key, origin in origins.items() if key not in owners}
        fresh_buffers = {key: origin for key, origin in others.items() if key not in owners}
        whole = len(fresh) == len(origins) and len(fresh_buffers) == len(others)
        shapes = self.samples(inputs)
        if whole or not (fresh or fresh_buffers):
            share = None if whole else next(owners[key] for key in [*origins, *others])
            same = not isinstance(op, _FOREIGN) and total(op.weights(*shapes).values()) == total(o.shape for o in origins.values())
            same = same and total(op.buffers(*shapes).values()) == total(o.shape for o in others.values())
            if not same:
                op = as_foreign(op, self.walker.sample(shape), shapes, named(weights, origins), named(buffers, others))
            return op, share, [*fresh, *fresh_buffers]
        op = as_foreign(op, self.walker.sample(shape), shapes, named(weights, fresh), named(buffers, fresh_buffers))
        return op, None, [*fresh, *fresh_buffers]

    def samples(self, values: Iterable[Value]) -> list[Shape]:
        return [self.walker.graph.nodes[value.node].shape for value in values if value.node is not None]

    def figure(
        self,
        word: str,
        shape: Shape,
        of: Sequence[Value | None] | None = None,
        *,
        words: str = "",
        macs: Dim = 0,
        elementwise: Dim = 0,
        weights: Weights | None = None,
        buffers: Weights | None = None,
        reach: Any = Reach.PASS,
        flags: tuple[str, ...] = (),
        kind: int | None = None,
        content: Content | None = None,
    ) -> Value:
        """A layer that carries its figures."""
        moving = len(self.data(of))
        op = foreign(word, flags, words=words or word, size_=self.walker.sample(shape), macs_=macs, elementwise_=elementwise, reach=reach, moving=moving)
        return self.emit(op, shape, of, weights=weights, buffers=buffers, kind=kind, content=content)

    def view(self, source: Value, shape: Shape, word: str = "reshape", kind: int | None = None, content: Content | None = None) -> Value:
        """The same elements in another shape."""
        if source.is_constant:
            return Value(shape, source.kind if kind is None else kind, None, content, source.origins)
        from archcalc.ops.reshaping import Reshape

        sample = self.walker.sample(shape)
        if self.walker.graph.nodes[source.node or 0].shape == sample:
            return Value(shape, source.kind if kind is None else kind, source.node, content)
        op = self.walker.made(Reshape, shape_=sample) if sample else foreign(word, ("is_view",), words=f"{word} to a number", size_=sample, reach=Reach.MIXED)
        return self.emit(op, shape, [source], kind=kind, content=content)

    def unknown(self, why: str) -> Outputs:
        """A node that isn't counted: its outputs are what the file says of them."""
        op = f"{self.node.domain}.{self.node.op}" if self.node.domain not in ("", "ai.onnx") else self.node.op
        self.walker.note_uncounted(op, self.walker.where.strip("'"), why)
        outputs: Outputs = []
        for name in self.node.outputs:
            declared = self.scope.declared.of(name)
            shape = self.declared(declared)
            sample = self.walker.sample(shape) if shape is not None else ()
            layer = foreign(snake(self.node.op), words=f"{self.node.op}, not counted", size_=sample, reach=Reach.ALL)
            inputs = tuple(value.node for value in self.data()) if not outputs else ()
            position = self.walker.place(layer, tuple(n for n in inputs if n is not None), sample, "", self.node)
            outputs.append(Value(shape, declared.kind if declared else 0, position))
        return outputs

    def beside(self, name: str) -> Value | None:
        """An output that a rule doesn't know, where something reads it."""
        if not name:
            return None
        declared = self.scope.declared.of(name)
        shape = self.declared(declared)
        sample = self.walker.sample(shape) if shape is not None else ()
        inputs = tuple(value.node for value in self.data() if value.node is not None)
        position = self.walker.place(foreign("output", words=f"output {name}", size_=sample, reach=Reach.ALL), inputs, sample, "", self.node)
        return Value(shape, declared.kind if declared else 0, position)

    def declared(self, found: Named | None) -> Shape | None:
        """The shape that the file gives a value, if it gives one."""
        if found is None or found.dims is None or not found.is_tensor:
            return None
        if any(isinstance(dim, int) and dim < 1 for dim in found.dims):
            return None
        return tuple([self.walker.sizes(found, axis) for axis in range(len(found.dims))])

    def inputs_in_words(self) -> str:
        shapes = [spell_shape(value.shape, spell_dim) or "a number" for value in self.inputs if isinstance(value, Value) and value.shape is not None]
        return f"; it reads {', '.join(shapes[:6])}" if shapes else ""


def learned_of(value: Value) -> Iterable[Origin]:
    """The tensors that a constant was made from, but the single numbers that an exporter put to them.

    Of several it is itself if it is smaller: it takes no more numbers than that.
    """
    if len(value.origins) == 1:
        return value.origins
    found = [origin for origin in value.origins if size(origin.shape) != 1 or not generated(origin.name)]
    dims = [dim for dim in value.shape or () if isinstance(dim, int)]
    if len(found) > 1 and value.shape is not None and len(dims) == len(value.shape) and prod(dims) < sum(prod(origin.shape) for origin in found):
        return [Origin(tuple(origin.key for origin in found), found[0].name, tuple(dims), any(origin.given for origin in found))]
    return found


def total(shapes: Iterable[Shape]) -> Number:
    elements: Number = 0
    for shape in shapes:
        elements = elements + size(shape)
    return elements


def named(weights: Weights, origins: Mapping[Any, Origin]) -> dict[str, Shape]:
    """The tensors of the file behind the weights, each once."""
    found: dict[str, Shape] = {}
    left = dict(origins)
    for name, value in weights.items():
        for origin in learned_of(value) if value is not None else ():
            if left.pop(origin.key, None) is not None:
                found[name if name not in found else f"{name}{len(found) + 1}"] = origin.shape
    return found


def as_foreign(op: Op, shape: Shape, inputs: Sequence[Shape], weights: dict[str, Shape], buffers: dict[str, Shape]) -> Op:
    """The same figures with other weights."""
    if isinstance(op, _FOREIGN):
        return op.model_copy(update={"weights_": weights, "buffers_": buffers})
    words = op.line(rank=len(shape) - 1)
    return foreign(op.word, flags_of(op), words=words, weights_=weights, buffers_=buffers, **figures(op, shape, inputs))


def repeated(op: Op, times: list[Dim], inputs: Sequence[int], shape: Shape, shapes: Sequence[Shape]) -> Op:
    """An operator in the body of a loop: its work is done every time, its weights are the same."""
    runs = size(times)
    plain = as_foreign(op, shape, shapes, op.weights(*shapes), op.buffers(*shapes))
    assert isinstance(plain, _FOREIGN)
    return plain.model_copy(update={"macs_": plain.macs_ * runs, "elementwise_": plain.elementwise_ * runs, "words": f"{spell_dim(runs)} x {plain.words}"})


def called(node: NodeProto, n: int) -> str:
    """A node in messages: its name, or its place."""
    if node.name:
        shown = "".join(letter if letter.isprintable() else "?" for letter in node.name)
        return f"'{shown if len(shown) <= 120 else shown[:117] + '...'}'"
    return f"{n + 1}"


def node_reads(node: NodeProto) -> list[str]:
    """The names that a node reads, those that its subgraphs take from around them included."""
    names = [name for name in node.inputs if name]
    for value in node.attributes.values():
        for subgraph in [value] if isinstance(value, Subgraph) else value if isinstance(value, list) and value and isinstance(value[0], Subgraph) else []:
            names += captured(subgraph, 1)
    return names


def captured(subgraph: Subgraph, depth: int) -> list[str]:
    """The names that a subgraph takes from outside."""
    if depth > DEEPEST:
        raise Bad(f"more than {DEEPEST} graphs inside each other")
    proto = read_graph(subgraph.stretch)
    own = {named.name for named in proto.inputs} | {tensor.name for tensor in proto.initializers}
    names: list[str] = []
    for node in read_nodes(proto.nodes):
        reads = [name for name in node.inputs if name]
        for value in node.attributes.values():
            if isinstance(value, Subgraph):
                reads += captured(value, depth + 1)
        names += reads
        own |= set(node.outputs)
    names += [named.name for named in proto.outputs]
    return [name for name in dict.fromkeys(names) if name not in own]


def snake(name: str) -> str:
    """`GatherND` as `gather_nd`."""
    out = ""
    for n, letter in enumerate(name):
        starts = letter.isupper() and n and (not name[n - 1].isupper() or (n + 1 < len(name) and name[n + 1].islower()))
        out += ("_" if starts else "") + letter.lower()
    return "".join(letter if letter.isalnum() else "_" for letter in out)[:60] or "unnamed"


from archcalc.importer.foreign import Foreign as _FOREIGN  # noqa: E402

__all__ = ["Call", "Outputs", "Unknown", "Walker", "snake"]
