"""The nodes of a model file as its walker meets them, with the shapes that they read and put out: for whoever counts
nodes and not layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from archcalc.algebra import Dim
from archcalc.importer.values import Value
from archcalc.ops import Shape, size
from archcalc.question import Seen
from archcalc.records import Record

if TYPE_CHECKING:
    from archcalc.importer.proto import NodeProto
    from archcalc.importer.scope import Scope
    from archcalc.importer.walk import Walker


class Watch(Record, frozen=False):
    """Collects the nodes of the outermost graph, in the order in which they are computed."""

    nodes: list[Seen] = []
    read: set[str] = set()
    initializers: dict[str, Dim] | None = None

    def __call__(self, walker: Walker, node: NodeProto, scope: Scope) -> None:
        if walker.depth:
            return
        if self.initializers is None:
            graph = walker.model.graph
            self.initializers = (
                {tensor.name: size(tensor.dims) if tensor.dims else 0 for tensor in graph.initializers} if graph else {}
            )
        learned: Dim = 0
        for name in node.inputs:
            if name in self.initializers and name not in self.read:
                self.read.add(name)
                learned = learned + self.initializers[name]
        values = [scope.values.get(name) if name else None for name in node.outputs]
        layer = next((value.node for value in values if isinstance(value, Value) and value.node is not None), None)
        inputs = tuple(_shape(scope.find(name)) if name else None for name in node.inputs)
        outputs = tuple(map(_shape, values))
        self.nodes.append(
            Seen(node.op, node.name, node.attributes, inputs, outputs, layer, learned, tuple(node.outputs))
        )

    def settled(self, moved: Mapping[int, int]) -> list[Seen]:
        """The nodes with layers where these stand at last: a layer of our own took the place of those up to its last
        one.
        """
        kept = sorted(moved)
        found, n = dict[int, int](), 0
        for layer in sorted({node.layer for node in self.nodes if node.layer is not None}):
            while n < len(kept) and kept[n] < layer:
                n += 1
            found[layer] = moved[kept[min(n, len(kept) - 1)]] if kept else layer
        return [node if node.layer is None else node._replace(layer=found[node.layer]) for node in self.nodes]


def _shape(value: object) -> Shape | None:
    return value.shape if isinstance(value, Value) else None


__all__ = ["Watch"]
