"""A graph as items of the language: chains, and branches between a value and where what is made of it meets again.

A layer that reads several values stands after the nearest one that all of them come from, its immediate dominator: what
lies between are its branches. What is read from elsewhere too is read with `ref`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from archcalc.graph import Graph, Input
from archcalc.records import Record

FARTHEST = (
    40  # layers: a branch that is longer stands in the chain itself, and the others read its beginning with `ref`
)
DEEPEST = 6  # branches inside branches


class Line(Record, frozen=False, eq=False):
    """One layer; `node` is its position, `first` that of the layer which a normalisation or activation in its line
    follows.
    """

    text: str
    node: int
    first: int = -1


class Ref(Record, frozen=False, eq=False):
    """An earlier layer's output, or an input."""

    node: int


class Join(Record, frozen=False, eq=False):
    """Branches, and the layer that joins them."""

    text: str
    node: int
    branches: list[Items]
    first: int = -1


class Repeat(Record, frozen=False, eq=False):
    """Items, several times; `nodes` are those of all the times."""

    count: int
    items: Items
    nodes: tuple[int, ...] = ()


class Called(Record, frozen=False, eq=False):
    """A block with its arguments."""

    text: str
    nodes: tuple[int, ...] = ()


Item: TypeAlias = Line | Ref | Join | Repeat | Called
Items: TypeAlias = list[Item]


class TooDeep(Exception):
    """Branches inside branches, without an end."""


class Arranger(Record, frozen=False):
    """Puts the layers of a graph into items. `referred` collects the layers that something reads by name."""

    graph: Graph
    texts: list[str]
    referred: dict[int, None] = {}
    done: set[int] = set()
    above: list[int] = []
    depths: list[int] = []

    def items(self) -> Items:
        """All layers: the chain to the last output, then what is left. Raises TooDeep."""
        self._dominators()
        found: Items = []
        for n in [*sorted(self.graph.outputs, reverse=True)[:1], *self.graph.outputs, *range(len(self.graph.nodes))]:
            if n not in self.done and self.graph.nodes[n].op.word:
                found += self._chain(n, self._start(), 0)
        return found

    def _start(self) -> int:
        """Where a chain begins without a `ref`: at the only input."""
        inputs = list(self.graph.inputs.values())
        return inputs[0] if len(inputs) == 1 and not self.done else -1

    def _dominators(self) -> None:
        """The nearest value before each that everything into it comes through; -1 is before all inputs."""
        for n, node in enumerate(self.graph.nodes):
            above = -1
            if node.inputs:
                above = node.inputs[0]
                for source in node.inputs[1:]:
                    above = self._common(above, source)
            self.above.append(above)
            self.depths.append(0 if above < 0 else self.depths[above] + 1)
            assert above < n

    def _common(self, a: int, b: int) -> int:
        while a != b:
            if a < 0 or b < 0:
                return -1
            if self.depths[a] < self.depths[b]:
                b = self.above[b]
            elif self.depths[a] > self.depths[b]:
                a = self.above[a]
            else:
                a, b = self.above[a], self.above[b]
        return a

    def _chain(self, n: int, stop: int, depth: int, bound: int = -1) -> Items:
        """The items that make the value n of the value `stop`; from `bound` on they begin with a `ref`."""
        if depth > 4 * DEEPEST:
            raise TooDeep
        found: Items = []  # from the last to the first
        waiting: list[tuple[Join, int]] = []
        while n != stop:
            node = self.graph.nodes[n]
            if n == bound or n in self.done or isinstance(node.op, Input) or not node.inputs:
                if not node.inputs and n not in self.done and not isinstance(node.op, Input):
                    raise TooDeep  # made of nothing: the language has no such layer
                self.referred[n] = None
                found.append(Ref(n))
                break
            self.done.add(n)
            first = self.above[n]
            if len(node.inputs) == 1:
                found.append(Line(self.texts[n], n))
                n = first
                continue
            join = Join(self.texts[n], n, [])
            found.append(join)
            far = max(node.inputs)
            if first >= 0 and far - first <= FARTHEST and depth < DEEPEST:
                join.branches = [self._chain(source, first, depth + 1) for source in node.inputs]
                n = first
            else:
                waiting.append((join, far))
                n = far
        for join, far in reversed(waiting):
            self._with_refs(join, far, depth, stop if stop >= 0 else bound)
        found.reverse()
        return found

    def _with_refs(self, join: Join, far: int, depth: int, bound: int) -> None:
        """A join whose longest branch is the chain itself: the others begin with a `ref`."""
        inputs = self.graph.nodes[join.node].inputs
        main = inputs.index(far)
        for k, source in enumerate(inputs):
            join.branches.append([] if k == main else self._chain(source, -1, depth + 1, bound))


def inside(items: Items) -> Iterator[Item]:
    """The items and everything inside them."""
    for item in items:
        yield item
        if isinstance(item, Repeat):
            yield from inside(item.items)
        elif isinstance(item, Join):
            for branch in item.branches:
                yield from inside(branch)


def lines(items: Items) -> int:
    """How many lines items take."""
    return sum(1 for _ in inside(items))


__all__ = ["Arranger", "Called", "Item", "Items", "Join", "Line", "Ref", "Repeat", "TooDeep", "inside", "lines"]
