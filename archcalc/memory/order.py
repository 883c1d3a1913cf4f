"""The order of layers in which least is alive at once.

What is alive after some layers have run depends on which they are, not on their order. So the sets of layers are the
states of a shortest path whose length is its peak (Liberis and Lane, arXiv:1910.05110, section 3, go through the same
sets). A layer that fits and leaves no more alive than there was is run at once: later it can only cost as much.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

from archcalc.errors import UsageError
from archcalc.graph import Graph, Group, Input
from archcalc.memory.alive import Measure, inside

ORDERS = ("given", "best")
MOST_STATES = 50_000


class Order(NamedTuple):
    """Positions of all layers in the order in which they run; whether it is proved to need least, and how."""

    positions: tuple[int, ...]
    optimal: bool
    why: str


def least_alive(graph: Graph, measure: Measure) -> Order:
    """The best order. Raises UsageError while sizes or the number of layers are free."""
    if graph.loops:
        raise UsageError("an order of layers is found for numbers only, and repeats are free")
    return _Orders(graph, measure).search()


class _Step(NamedTuple):
    """What running a layer does: the most that is alive meanwhile, and what is alive afterwards."""

    during: int
    after: int


class _Orders:
    def __init__(self, graph: Graph, measure: Measure) -> None:
        self.graph = graph
        nodes = graph.nodes
        self.size = [_number(measure(node)) for node in nodes]
        self.work = [_number(_room(graph, n, measure)) for n in range(len(nodes))]
        self.root = list(range(len(nodes)))
        for n, node in enumerate(nodes):
            if node.op.is_view and node.inputs:
                self.root[n] = self.root[node.inputs[0]]
        self.readers = [0] * len(nodes)  # of memories, by their first tensor, as bits
        self.stays = {self.root[n] for n in graph.outputs}
        self.foreign = {self.root[n] for n, node in enumerate(nodes) if isinstance(node.op, Input)}
        for n, node in enumerate(nodes):
            for source in node.inputs:
                self.readers[self.root[source]] |= 1 << n
        self.needs = [sum(1 << source for source in {*node.inputs}) for node in nodes]

    def search(self) -> Order:
        """From the least peak on; the first to have run everything is the best."""
        nodes = self.graph.nodes
        inputs = [n for n, node in enumerate(nodes) if isinstance(node.op, Input)]
        start, whole = sum(1 << n for n in inputs), (1 << len(nodes)) - 1
        alive = sum(self.size[n] for n in inputs)
        queue = [(alive, -len(inputs), start, alive, tuple(inputs))]
        seen: set[int] = set()
        while queue:
            peak, _, done, alive, path = heapq.heappop(queue)
            if done in seen:
                continue
            seen.add(done)
            first = done
            peak, done, alive, path = self._forced(peak, done, alive, path)
            if done != first and done in seen:
                continue
            seen.add(done)
            if done == whole:
                return Order(path, True, f"no order needs less: {len(seen):,} sets of layers were tried")
            if len(seen) > MOST_STATES:
                why = (
                    f"the search gave up after {len(seen):,} sets of layers; at least {peak:,} bytes are alive at once"
                )
                return Order(tuple(range(len(nodes))), False, why)
            for n in self._ready(done):
                step = self._run(n, done, alive)
                after = done | 1 << n
                if after not in seen:
                    heapq.heappush(queue, (max(peak, step.during), -len(path) - 1, after, step.after, (*path, n)))
        raise AssertionError("a graph without cycles has an order")

    def _forced(self, peak: int, done: int, alive: int, path: tuple[int, ...]) -> tuple[int, int, int, tuple[int, ...]]:
        """Run whatever fits under the peak and leaves no more alive than there was."""
        found = True
        while found:
            found = False
            for n in self._ready(done):
                step = self._run(n, done, alive)
                if step.during <= peak and step.after <= alive:
                    done, alive, path, found = done | 1 << n, step.after, (*path, n), True
        return peak, done, alive, path

    def _ready(self, done: int) -> list[int]:
        return [n for n, needs in enumerate(self.needs) if not done >> n & 1 and needs & done == needs]

    def _run(self, n: int, done: int, alive: int) -> _Step:
        node = self.graph.nodes[n]
        after = done | 1 << n
        sources = {self.root[source] for source in node.inputs}
        freed = {
            root for root in sources if root not in self.stays and self.readers[root] & after == self.readers[root]
        }
        new = 0 if self.root[n] != n else self.size[n]
        if new and node.op.in_place:
            over = [
                self.root[source]
                for source in node.inputs
                if self.root[source] in freed
                and self.root[source] not in self.foreign
                and (self.graph.nodes[source].shape, self.graph.nodes[source].dtype) == (node.shape, node.dtype)
            ]
            if over:
                freed.discard(over[0])
                new = 0
        left = alive + new - sum(self.size[root] for root in freed)
        if self.root[n] == n and not self.readers[n] and n not in self.stays:
            left -= self.size[n]
        return _Step(alive + new + self.work[n], left)


def reordered(graph: Graph, positions: tuple[int, ...]) -> Graph:
    """The same network with its layers in another order."""
    place = {old: new for new, old in enumerate(positions)}
    nodes = [
        node._replace(
            inputs=tuple(place[source] for source in node.inputs),
            share=None if node.share is None else place[node.share],
        )
        for node in (graph.nodes[old] for old in positions)
    ]
    groups: dict[str, Group] = {
        path: group._replace(output=place[group.output]) for path, group in graph.groups.items()
    }
    return graph._replace(
        nodes=nodes,
        inputs={name: place[n] for name, n in graph.inputs.items()},
        outputs=[place[n] for n in graph.outputs],
        groups=groups,
    )


def _room(graph: Graph, n: int, measure: Measure) -> object:
    node = graph.nodes[n]
    room = inside(graph, node)
    return room if isinstance(room, int) and not room else measure(node._replace(shape=(room,)))


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise UsageError(f"an order of layers is found for numbers only, and `{value}` is free")
    return value


__all__ = ["ORDERS", "Order", "least_alive", "reordered"]
