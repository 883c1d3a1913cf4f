"""The longest path through a network."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from archcalc.algebra import Number, Poly, at, maximum, summed
from archcalc.errors import Undecided
from archcalc.graph import Graph, Loop, Node, Range, ends
from archcalc.repeats import Closing


def longest_path(graph: Graph, weight: Callable[[Node], Number], least: dict[Loop, int]) -> Number:
    """How long it is, counting what `weight` says a layer counts.

    Loops that have to repeat for this to hold are put into `least`, with how often. Raises Undecided where there is no
    closed form.
    """
    depths = _Depths(graph, weight, least)
    depths.walk(0, len(graph.nodes))
    if not graph.loops:
        return max(depths.found, default=0)
    read = {source for node in graph.nodes for source in node.inputs}
    last = [n for n in range(len(graph.nodes)) if n not in read]
    for loop in graph.loops.values():  # where a path ends in a body it does so in each repeat
        if any(loop.entry < n < loop.exit for n in last):
            least[loop] = 2
    return _longest([_longest(ends(depths.found[n], graph.nodes[n].ranges)) for n in last])


class _Depths(Closing[Number]):
    """The longest path to each node, itself included."""

    def __init__(self, graph: Graph, weight: Callable[[Node], Number], least: dict[Loop, int]) -> None:
        super().__init__(graph, 0, least)
        self.weight = weight
        self.weights: dict[tuple[int, Fraction | int], Number] = {}  # by operator

    def through(self, nodes: range) -> None:
        found, weights = self.found, self.weights
        for n in nodes:
            node = self.graph.nodes[n]
            key = (id(node.op), node.survive)
            if key not in weights:
                weights[key] = self.weight(node)
            inputs = () if node.op.is_constant else node.inputs
            found[n] = weights[key] + (found[inputs[0]] if len(inputs) == 1 else _longest([found[i] for i in inputs]))

    def value_at(self, value: Number, index: Poly, position: Number) -> Number:
        return at(value, index, position)

    def guess(self, first: Number, before: Number, after: Number, around: Range) -> Number:
        """As much deeper as the repeats before it are long."""
        return first + summed(after - before, around.index, around.start, around.index)

    def without_form(self, loop: Loop) -> None:
        raise Undecided(f"the depth of {self.graph.nodes[loop.end].block} has no closed form", loop.range.index.symbols)


def _longest(depths: list[Number]) -> Number:
    return maximum(0, *depths) if any(isinstance(d, Poly) for d in depths) else max(depths, default=0)


__all__ = ["longest_path"]
