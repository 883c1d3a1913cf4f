"""A node of a model file with the values that it reads: what a rule asks, and how it puts out layers and constants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from archcalc.algebra import Dim
from archcalc.errors import ArchcalcError, ShapeError
from archcalc.importer.claims import Weights, claim
from archcalc.importer.proto import Described, Named, NodeProto, Referred
from archcalc.importer.tensors import MOST_CONTENT
from archcalc.importer.values import Content, Value, Values, brief, joined
from archcalc.importer.wire import Bad
from archcalc.ops import Op, Reach, Shape, spell_shape
from archcalc.ops.foreign import foreign
from archcalc.ops.reshaping import Reshape

if TYPE_CHECKING:
    from archcalc.importer.walk import Walker

Outputs = list[Value | Values | None]


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
    first: int = 0  # the layer that a body begins with; those before it stay as they are

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


class Call:
    """A node with the values that it reads, for a rule."""

    def __init__(
        self, walker: Walker, node: NodeProto, inputs: list[Value | Values | None], scope: Scope, domain: str
    ) -> None:
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
        return shaped(self.value(n))

    def rank(self, n: int, low: int, high: int | None = None) -> Shape:
        """The shape of an input that needs so many axes."""
        shape = self.shape(n)
        high = low if high is None else high
        if not low <= len(shape) <= high:
            raise ShapeError(
                f"it needs {low if low == high else f'{low} to {high}'} axes, got {spell_shape(shape, brief) or 'none'}"
            )
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
        if (
            isinstance(found, bool)
            or not isinstance(found, (int, float))
            or found != found
            or found in (float("inf"), float("-inf"))
        ):
            return Fraction(0)
        return Fraction(repr(round(found, 7))) if isinstance(found, float) else Fraction(found)

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
        that it reads is computed by a layer.

        `of` are the inputs that its value depends on, `weights` and `buffers` the constants among them that were
        learned.
        """
        inputs = self.data(of)
        first = self.inputs[0] if self.inputs else None
        result = (first.kind if isinstance(first, Value) else 0) if kind is None else kind
        if not inputs:
            return self.known(shape, content, result)
        self.check(shape)
        walker, weights, sample = self.walker, weights or {}, self.walker.sample(shape)
        op, share, owned = claim(op, sample, self.samples(inputs), weights, buffers or {}, walker.owners)
        hint = hint or next((o.name for v in weights.values() if v is not None for o in v.origins if o.name), "")
        positions = tuple([value.node for value in inputs if value.node is not None])
        position = walker.place(op, positions, sample if shown is None else shown, hint, self.node, share)
        for key in owned:
            walker.owners[key] = position
        return Value(shape, result, position, content)

    def check(self, shape: Shape) -> None:
        for dim in shape:
            if isinstance(dim, int) and dim < 1:
                raise ShapeError(f"the output would be {spell_shape(shape, brief)}")

    def samples(self, values: Iterable[Value]) -> list[Shape]:
        nodes = self.walker.graph.nodes
        return [nodes[value.node].shape for value in values if value.node is not None]

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
        known: Mapping[str, Dim] | None = None,
    ) -> Value:
        """A layer that carries its figures; `known` are quantities that other tools' conventions ask for."""
        moving = len(self.data(of))
        op = foreign(
            word,
            flags,
            words=words or word,
            size_=self.walker.sample(shape),
            macs_=macs,
            elementwise_=elementwise,
            reach=reach,
            moving=moving,
            known=known or {},
        )
        return self.emit(op, shape, of, weights=weights, buffers=buffers, kind=kind, content=content)

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
        position = self.walker.place(
            foreign("output", words=f"output {name}", size_=sample, reach=Reach.ALL), inputs, sample, "", self.node
        )
        return Value(shape, declared.kind if declared else 0, position)

    def declared(self, found: Named | None) -> Shape | None:
        """The shape that the file gives a value, if it gives one."""
        if found is None or found.dims is None or not found.is_tensor:
            return None
        if any(isinstance(dim, int) and dim < 1 for dim in found.dims):
            return None
        return tuple([self.walker.sizes(found, axis) for axis in range(len(found.dims))])

    def inputs_in_words(self) -> str:
        shapes = [
            spell_shape(value.shape, brief) or "a number"
            for value in self.inputs
            if isinstance(value, Value) and value.shape is not None
        ]
        return f"; it reads {', '.join(shapes[:6])}" if shapes else ""


def shaped(value: Value) -> Shape:
    """A value's shape. Raises Unknown."""
    if value.shape is None:
        raise Unknown("the shape of what it reads isn't known")
    return value.shape


def snake(name: str) -> str:
    """`GatherND` as `gather_nd`."""
    out = ""
    for n, letter in enumerate(name):
        starts = letter.isupper() and n and (not name[n - 1].isupper() or (n + 1 < len(name) and name[n + 1].islower()))
        out += ("_" if starts else "") + letter.lower()
    return "".join(letter if letter.isalnum() else "_" for letter in out)[:60] or "unnamed"


__all__ = ["Call", "Outputs", "Scope", "Unknown", "shaped", "snake"]
