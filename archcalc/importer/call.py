"""A node of a model file with the values that it reads: what a rule asks, and how it puts out layers and constants."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

from archcalc.algebra import Dim
from archcalc.errors import ArchcalcError, ShapeError, Undecided
from archcalc.importer.alike import Laid, lay
from archcalc.importer.claims import Weights, learned
from archcalc.importer.described import Named
from archcalc.importer.inside import body
from archcalc.importer.proto import Computed, NodeProto, Referred, Size, Subgraph
from archcalc.importer.scope import Scope
from archcalc.importer.tensors import MOST_CONTENT
from archcalc.importer.values import Content, Origin, Value, Values, brief, computed, joined
from archcalc.importer.wire import Bad
from archcalc.ops import Op, Reach, Shape, spell_shape
from archcalc.ops.foreign import foreign
from archcalc.ops.reshaping import Reshape
from archcalc.untyped import Attribute

if TYPE_CHECKING:
    from archcalc.importer.binding import Rule
    from archcalc.importer.walk import Walker

Outputs = list[Value | Values | None]
CODE = "code"  # the line of a program that called it, among what a node says beside
HERE = -1  # what scales belong to until their layer is known


def belongs(walker: Walker, key: Hashable, owner: Hashable | int) -> None:
    """Note what a scale or a zero point belongs to, once."""
    if key not in walker.beside:
        walker.beside[key] = owner
        if owner == HERE:
            walker.waiting.append(key)


class Call:
    """A node with the values that it reads, for a rule."""

    def __init__(
        self, walker: Walker, node: NodeProto, inputs: list[Value | Values | None], scope: Scope, domain: str
    ) -> None:
        self.walker, self.node, self.inputs, self.scope, self.domain = walker, node, inputs, scope, domain
        self.assumed = walker.assumed
        self.rule: Rule | None = None
        self.first = 0  # the layer that the rule's own begin with
        self.laid: list[tuple[Value, Laid]] = []  # the layers that it asked for
        self.given = True  # whether it may read tensors of the file

    # what it is given

    @property
    def op(self) -> str:
        """The operator's name in its domain."""
        return self.node.op

    @property
    def where(self) -> str:
        """The node, in messages."""
        return self.walker.where

    @property
    def names(self) -> list[str]:
        """The outputs; those that nobody reads have no name."""
        return [name if self.scope.reads[name] else "" for name in self.node.outputs]

    def puts_out(self, n: int) -> bool:
        """Whether somebody reads an output."""
        return n < len(self.node.outputs) and bool(self.scope.reads[self.node.outputs[n]])

    @property
    def opset(self) -> int:
        """The version of the operator's domain that the file declares; a very late one where it declares none."""
        return self.scope.opsets.get(self.domain, 1 << 30)

    @property
    def batch(self) -> int:
        """How many samples the file was written for, where one of them is walked."""
        return self.walker.samples

    def sample(self, shape: Shape) -> Shape:
        """What a layer shows of a shape: one sample, without the batch's axis."""
        return self.walker.sample(shape)

    @property
    def output(self) -> str:
        """The name of the first output."""
        return self.node.outputs[0] if self.node.outputs else ""

    def attributes(self) -> Iterator[tuple[str, Attribute]]:
        """All that are given; those of a function stand for what it was called with."""
        for name, found in self.node.attributes.items():
            yield name, self.plain(found)

    def plain(self, found: Attribute) -> Attribute:
        """An attribute with what it refers to: one of a function's own, or sizes that were computed on the way, None
        where only a run tells one.
        """
        if isinstance(found, Referred):
            return self.scope.attributes.get(found.name)
        return self._sized(found.value) if isinstance(found, Computed) else found

    def _sized(self, found: Attribute) -> object:
        if isinstance(found, list):
            return [self._sized(item) for item in found]
        if not isinstance(found, Size):
            return found
        value = self.scope.find(found.name)
        return value.only() if isinstance(value, Value) else None

    def holds(self, origin: Origin) -> Origin:
        """A tensor that stands in a node."""
        self.walker.tensors[origin.key] = origin
        return origin

    def needs(self, value: Value | None, n: int) -> Value:
        """An input that has to be there. Raises Bad."""
        if value is None:
            raise Bad(f"node {self.where} ({self.op}) lacks its input {n + 1}")
        return value

    @property
    def is_own(self) -> bool:
        """Whether archcalc wrote the file."""
        return self.walker.layers is not None

    def is_scale(self, values: Sequence[Value]) -> bool:
        """Whether it is the one number that a tensor is quantised with as it runs."""
        nodes = self.walker.graph.nodes
        return len(values) == 1 and values[0].shape == () and nodes[values[0].node or 0].op.word == "quantize"

    def is_shared(self, value: Value) -> bool:
        """Whether other nodes read a tensor of the file as well, that nobody says to be learned."""
        name = next((name for name, read in zip(self.node.inputs, self.inputs, strict=False) if read is value), "")
        return self.scope.reads[name] > 1 and all(not origin.said for origin in value.origins)

    def explain(self, value: Value, role: str) -> None:
        """What a tensor of the file is, if not learned."""
        for origin in value.origins:
            self.walker.roles.setdefault(origin.key, role)
            if role in ("scale", "zero point"):
                belongs(self.walker, origin.key, HERE)

    def is_batched(self, shape: Shape) -> bool:
        """Whether a shape begins with the axis of a batch, of one sample."""
        return shape[:1] == (1,)

    @property
    def declared(self) -> Shape | None:
        """The shape that the file gives the first output, if it gives one."""
        return self.said(self.scope.declared.of(self.node.outputs[0])) if self.node.outputs else None

    def decided(self, what: str, rank: int | None = None) -> Shape:
        """The shape that the file gives the output, where only a run tells the numbers that decide it. Raises Unknown
        where it gives none, or one of other axes.
        """
        found = self.told(self.output)
        if found is None or (rank is not None and len(found) != rank):
            raise computed(what)
        return found

    def told(self, name: str) -> Shape | None:
        """The shape that the file gives an output: there, or behind what changes no shape."""
        found = self.said(self.scope.declared.of(name), empty=True)
        behind = self.scope.behind(name) if found is None else None
        return self.said(self.scope.declared.of(behind), empty=True) if behind is not None else found

    def written(self, n: int, rank: int) -> int | None:
        """A number that the file gives an axis of the first output, which has so many; the first may be a batch."""
        said = self.declared if n or rank == 1 else None
        dim = said[n] if said is not None and len(said) == rank else None
        return dim if isinstance(dim, int) else None

    def free(self, what: object, word: str = "") -> Dim:
        """A size that only a run would tell."""
        return self.walker.free(f"{self.node.name or word or self.op}_{what}")

    def most(self, what: object, most: Dim, word: str = "") -> Dim:
        """A size that only a run would tell, and that has an upper end."""
        return self.walker.most(f"{self.node.name or word or self.op}_{what}", most)

    def note(self, text: str) -> None:
        """Something that a reader of the figures should know of the node."""
        self.walker.notes[f"{self.where}: {text}"] = None

    def made(self, cls: type[Op], **fields: object) -> Op:
        """An operator, one object for all layers that are alike."""
        return self.walker.made(cls, **fields)

    def body(
        self, graph: Subgraph, inputs: Sequence[Value | Values | None], label: str = "", times: Dim = 1
    ) -> Outputs:
        """What a graph in an attribute puts out."""
        return body(self.walker, self, graph, inputs, label, times)

    def run_of(self, samples: Dim) -> None:
        """The figures are of a run of so many samples."""
        if isinstance(samples, int) and samples > 1:
            self.walker.graph.is_run = True
            self.note(f"its batch is {samples}, and figures are of a run of so many samples")

    def no_batch(self) -> None:
        """What looked like a batch that the file has written down is something else."""
        self.walker.samples = 0

    # what it puts out

    def known(
        self,
        shape: Shape,
        content: Content | None = None,
        kind: int | None = None,
        of: Iterable[Value | None] | None = None,
    ) -> Value:
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
        """A layer with an operator, whose output is `shown` or else one sample of the shape; a constant where nothing
        that it reads is computed by a layer. `of` are the inputs that its value depends on, `weights` and `buffers` the
        constants among them that were learned.
        """
        inputs = self.data(of)
        first = self.inputs[0] if self.inputs else None
        result = (first.kind if isinstance(first, Value) else 0) if kind is None else kind
        if not inputs:
            run = self.product(op, shape, of)
            if run is None:
                return self.known(shape, content, result)
            constants = [value for value in self.inputs if isinstance(value, Value) and learned(value)]
            op, weights, buffers = run, {f"weight{n + 1}": value for n, value in enumerate(constants)}, {}
        self.check(shape)
        layer = Laid(op, shape, result, shown, inputs, weights or {}, buffers or {}, hint)
        value = Value(shape, result, lay(self.walker, self.node, layer), content)
        self.laid.append((value, layer))
        return value

    def product(self, op: Op, shape: Shape, of: Iterable[Value | None] | None) -> Op | None:
        """What a product of constants that were learned is, where it counts; nothing else is run time's. Otherwise it
        is noted with its MACs: a runtime that folds constants has it before the network runs.
        """
        values = [value for value in (self.inputs if of is None else of) if isinstance(value, Value)]
        sample = self.walker.sample
        try:
            macs = op.macs(sample(shape), *(sample(value.dims) for value in values))
        except (ArchcalcError, LookupError, TypeError, ValueError):
            return None
        if macs == 0 or not any(map(learned, values)):
            return None
        if self.walker.folds:
            self.walker.folded.append(macs * prod(self.walker.times))
            return None
        return foreign(
            op.word, ("is_layer", "is_constant"), words=op.word, size_=sample(shape), macs_=macs, reach=Reach.ALL
        )

    def check(self, shape: Shape) -> None:
        """Raises ShapeError where the output would have a size below 1."""
        for dim in shape:
            if isinstance(dim, int) and dim < 1:
                raise ShapeError(f"the output would be {spell_shape(shape, brief)}")

    def samples(self, values: Iterable[Value]) -> list[Shape]:
        """The shapes of computed values as the graph has them, one sample each."""
        nodes = self.walker.graph.nodes
        return [nodes[value.node].shape for value in values if value.node is not None]

    def figure(
        self,
        word: str,
        shape: Shape,
        of: Sequence[Value | None] | None = None,
        *,
        op: Op | None = None,
        batched: bool = False,
        words: str = "",
        macs: Dim = 0,
        elementwise: Dim = 0,
        weights: Weights | None = None,
        buffers: Weights | None = None,
        reach: Attribute = Reach.PASS,
        flags: tuple[str, ...] = (),
        kind: int | None = None,
        content: Content | None = None,
        known: Mapping[str, Dim] | None = None,
    ) -> Value:
        """A layer: the proposed operator if the language can say it so, else one that carries its figures.

        `batched`: the operator counts its axes from the batch's. `known` are quantities that other tools' conventions
        ask for.
        """
        moving = self.data(of)
        if not moving and macs == 0:
            first = self.inputs[0] if self.inputs else None
            given = (first.kind if isinstance(first, Value) else 0) if kind is None else kind
            return self.known(shape, content, given)
        if op is None or not moving or not self.says(op, shape, moving, batched):
            size_ = self.sample(shape)
            op = foreign(
                word, flags, words=words or word, size_=size_, macs_=macs, elementwise_=elementwise, reach=reach,
                moving=len(moving), known=known or {},
            )  # fmt: skip
        return self.emit(
            op, shape, moving if moving else of, weights=weights, buffers=buffers, kind=kind, content=content
        )

    def says(self, op: Op, shape: Shape, moving: Sequence[Value], batched: bool = False) -> bool:
        """Whether an operator of the language gives that shape from what is computed."""
        low, high = op.arity
        if not low <= len(moving) <= (high or len(moving)) or (batched and not self.is_batched(shape)):
            return False
        try:
            return op.shape(*self.samples(moving)) == self.sample(shape)
        except Undecided:  # sizes that have to agree do where the file runs
            return True
        except ArchcalcError:
            return False

    def beside_it(self, value: Value, word: str, *shapes: Shape, **figures: Attribute) -> Outputs:
        """Further outputs, where somebody reads them."""
        names = self.names[1:]
        return [
            self.figure(word, shape, [value], **figures) if name else None
            for name, shape in zip(names, shapes, strict=False)
        ]

    def nothing(self, word: str, words: str, shape: Shape, kind: int) -> Value:
        """A layer that puts out nothing."""
        layer = foreign(word, words=words, size_=shape, reach=Reach.ALL)
        positions = tuple(value.node for value in self.data() if value.node is not None)
        return Value(shape, kind, self.walker.place(layer, positions, shape, "", self.node, kind))

    def view(
        self,
        source: Value,
        shape: Shape,
        word: str = "reshape",
        kind: int | None = None,
        content: Content | None = None,
    ) -> Value:
        """The same elements in another shape."""
        if source.is_constant:
            return Value(shape, source.kind if kind is None else kind, None, content, source.origins)
        sample = self.walker.sample(shape)
        if self.walker.graph.nodes[source.node or 0].shape == sample:
            return Value(shape, source.kind if kind is None else kind, source.node, content)
        op = (
            self.walker.made(Reshape, shape_=sample)
            if sample
            else foreign(word, ("is_view",), words=f"{word} to a number", size_=sample, reach=Reach.MIXED)
        )
        return self.emit(op, shape, [source], kind=kind, content=content)

    def said(self, found: Named | None, empty: bool = False) -> Shape | None:
        """The shape that the file gives a value, if it gives one; `empty`: of no elements, too."""
        if found is None or found.dims is None or not found.is_tensor:
            return None
        if any(isinstance(dim, int) and dim < (0 if empty else 1) for dim in found.dims):
            return None
        return self.walker.sizes(found)

    def inputs_in_words(self) -> str:
        """The shapes of the first six inputs, for a message about the node."""
        shapes = [
            spell_shape(value.shape, brief) or "a number"
            for value in self.inputs
            if isinstance(value, Value) and value.shape is not None
        ]
        return f"; it reads {', '.join(shapes[:6])}" if shapes else ""


__all__ = ["CODE", "HERE", "Call", "Outputs", "Scope"]
