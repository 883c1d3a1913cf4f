"""The values that the nodes of a graph may read, by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from archcalc.importer.described import Described
from archcalc.importer.proto import NodeProto
from archcalc.importer.values import Value, Values
from archcalc.records import Record
from archcalc.untyped import Attribute

if TYPE_CHECKING:
    pass

SAME_SHAPE = {"Cast", "CastLike", "Clip", "Exp", "Identity", "Log", "Neg", "Reciprocal", "Relu", "Sqrt", "Tanh"}


class Scope(Record, frozen=False):
    """The values of one graph by name; a graph inside another sees those around it."""

    parent: Scope | None = None
    values: dict[str, Value | Values | None] = {}
    declared: Described = Described()
    opsets: Mapping[str, int] = {}
    attributes: Mapping[str, Attribute] = {}
    reads: Counter[str] = Counter()  # how often each name is read
    first: int = 0  # the layer that a body begins with; those before it stay as they are
    nodes: Sequence[NodeProto] = ()
    after: dict[str, str] | None = None  # by name: what an operator that changes no shape makes of it

    def find(self, name: str) -> Value | Values | None:
        """The value of a name here or in a graph around this one. Raises KeyError where none has it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.parent
        raise KeyError(name)

    def knows(self, name: str) -> bool:
        """Whether a name has a value here or in a graph around this one."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return True
            scope = scope.parent
        return False

    def behind(self, name: str) -> str | None:
        """The next value of the same shape whose shape the file gives."""
        if self.after is None:
            alike = [node for node in self.nodes if node.op in SAME_SHAPE and node.inputs and node.outputs]
            self.after = {node.inputs[0]: node.outputs[0] for node in alike}
        at: str | None = self.after.get(name)
        for _ in self.after:
            if at is None or at in self.declared:
                return at
            at = self.after.get(at)
        return None
