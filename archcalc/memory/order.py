"""The order of layers in which least is alive at once.

What is alive after some layers have run depends on which they are, not on their order. So the sets of layers are the
states of a shortest path whose length is its peak (Liberis and Lane, arXiv:1910.05110, section 3, go through the same
sets). A layer that fits and leaves no more alive than there was is run at once: later it can only cost as much.
"""

from __future__ import annotations

import heapq

from archcalc.errors import UsageError
from archcalc.graph import Graph, Group, Input
from archcalc.memory.alive import Measure, alive, inside
from archcalc.memory.overwriting import may_overwrite, side_room
from archcalc.tuples import NamedTuple

ORDERS = ("given", "best")
MOST_LAYERS = 10_000  # a set of them is a number of so many bits
MOST_STATES = 50_000
MOST_LOOKS = 30_000_000  # at one layer in one set: seconds
MOST_BITS = 2_000_000_000  # of sets that wait


class Order(NamedTuple):
    """Positions of all layers in the order in which they run; whether it is proved to need least, and how."""

    positions: tuple[int, ...]
    optimal: bool
    why: str


class Path(NamedTuple):
    """Layers in the order in which they ran: the last of them, and the path before it."""

    last: int
    before: Path | None

    def positions(self) -> tuple[int, ...]:
        """From the first to the last."""
        found, path = [self.last], self.before
        while path is not None:
            found.append(path.last)
            path = path.before
        return tuple(reversed(found))


def least_alive(graph: Graph, measure: Measure, depthwise: bool = False) -> Order:
    """The best order; the given one, with a lower bound, where a search would take too long. `depthwise` says that
    depthwise convolutions write over their input. Raises UsageError while sizes or the number of layers are free.
    """
    if graph.loops:
        raise UsageError("an order of layers is found for numbers only, and repeats are free")
    orders = _Orders(graph, measure, depthwise)
    most, bound, given = alive(graph, measure, depthwise).peak, orders.bound(), tuple(range(len(graph.nodes)))
    if most == bound:
        return Order(given, True, "no order needs less: one layer alone needs as much")
    if len(given) > MOST_LAYERS:
        why = f"the search gave up: {len(given):,} layers, more than {MOST_LAYERS:,}; at least {bound:,} bytes"
        return Order(given, False, f"{why} are alive at once")
    return orders.search(bound)


class _Step(NamedTuple):
    """What running a layer does: the most that is alive meanwhile, and what is alive afterwards."""

    during: int
    after: int


class _Orders:
    def __init__(self, graph: Graph, measure: Measure, depthwise: bool) -> None:
        self.graph, self.depthwise = graph, depthwise
        nodes = graph.nodes
        self.size = [_number(measure(node)) for node in nodes]
        self.work = [_number(_room(graph, n, measure)) for n in range(len(nodes))]
        self.side = [_number(measure(node._replace(shape=side_room(node)))) if depthwise else 0 for node in nodes]
        self.root = list(range(len(nodes)))
        for n, node in enumerate(nodes):
            if node.op.is_view and node.inputs:
                self.root[n] = self.root[node.inputs[0]]
        self.stays = {self.root[n] for n in graph.outputs}
        self.foreign = {self.root[n] for n, node in enumerate(nodes) if isinstance(node.op, Input)}
        self.readers: list[int] = []  # of memories, by their first tensor, as bits
        self.needs: list[int] = []
        self.after: list[list[int]] = [[] for _ in nodes]

    def bound(self) -> int:
        """What any order needs: the inputs before the first layer, the outputs after the last, and each layer alone."""
        ends = (sum(self.size[n] for n in found) for found in (self.foreign, self.stays))
        return max(*ends, *map(self._alone, range(len(self.size))))

    def _alone(self, n: int) -> int:
        """The bytes of a layer's inputs and, where it can't write over one of them, of its output."""
        roots = {self.root[source] for source in self.graph.nodes[n].inputs}
        own = self.root[n] == n and not any(self._may_overwrite(n, source) for source in self.graph.nodes[n].inputs)
        return sum(self.size[root] for root in roots) + own * self.size[n] + self.work[n]

    def _may_overwrite(self, n: int, source: int) -> bool:
        root = self.root[source]
        if root in self.foreign or root in self.stays:
            return False
        return may_overwrite(self.graph, n, source, self.depthwise)

    def search(self, bound: int) -> Order:
        """From the least peak on; the first to have run everything is the best."""
        self._read()
        nodes = self.graph.nodes
        inputs = [n for n, node in enumerate(nodes) if isinstance(node.op, Input)]
        start, whole = sum(1 << n for n in inputs), (1 << len(nodes)) - 1
        alive, path = sum(self.size[n] for n in inputs), None
        for n in inputs:
            path = Path(n, path)
        queue = [(max(alive, bound), -len(inputs), 0, start, alive, path)]
        seen: set[int] = set()
        pushed = 0
        while queue:
            peak, ran, _, done, alive, path = heapq.heappop(queue)
            if done in seen:
                continue
            seen.add(done)
            ready, first = self._ready(done), done
            done, alive, path, ready, count = self._forced(peak, done, alive, path, ready)
            if done != first and done in seen:
                continue
            seen.add(done)
            if done == whole:
                assert path is not None
                return Order(path.positions(), True, f"no order needs less: {len(seen):,} sets of layers were tried")
            if self._is_too_much(len(seen), len(queue)):
                why = f"the search gave up after {len(seen):,} sets of layers; at least {peak:,} bytes"
                return Order(tuple(range(len(nodes))), False, f"{why} are alive at once")
            for n in ready:
                step = self._run(n, done, alive)
                if (after := done | 1 << n) not in seen:
                    pushed += 1
                    most = max(peak, step.during)
                    heapq.heappush(queue, (most, ran - count - 1, pushed, after, step.after, Path(n, path)))
        raise AssertionError("a graph without cycles has an order")

    def _read(self) -> None:
        """Which layers read what."""
        nodes = self.graph.nodes
        self.readers = [0] * len(nodes)
        for n, node in enumerate(nodes):
            for source in set(node.inputs):
                self.readers[self.root[source]] |= 1 << n
                self.after[source].append(n)
        self.needs = [sum(1 << source for source in {*node.inputs}) for node in nodes]

    def _is_too_much(self, seen: int, waiting: int) -> bool:
        layers = len(self.graph.nodes)
        return seen > MOST_STATES or seen * layers > MOST_LOOKS or waiting * max(layers, 1000) > MOST_BITS

    def _forced(
        self, peak: int, done: int, alive: int, path: Path | None, ready: list[int]
    ) -> tuple[int, int, Path | None, list[int], int]:
        """Run whatever fits under the peak and leaves no more alive than there was; how many layers that were."""
        count, found = 0, True
        while found:
            found, waiting = False, []
            while ready:
                n = ready.pop()
                step = self._run(n, done, alive)
                if step.during > peak or step.after > alive:
                    waiting.append(n)
                    continue
                done, alive, path, found, count = done | 1 << n, step.after, Path(n, path), True, count + 1
                ready += [m for m in self.after[n] if self.needs[m] & done == self.needs[m]]
            ready = waiting
        return done, alive, path, sorted(ready), count

    def _ready(self, done: int) -> list[int]:
        return [n for n, needs in enumerate(self.needs) if not done >> n & 1 and needs & done == needs]

    def _run(self, n: int, done: int, alive: int) -> _Step:
        node = self.graph.nodes[n]
        after = done | 1 << n
        sources = {self.root[source] for source in node.inputs}
        freed = {
            root for root in sources if root not in self.stays and self.readers[root] & after == self.readers[root]
        }
        own = self.size[n] if self.root[n] == n else 0
        over = [s for s in node.inputs if self.root[s] in freed and self._may_overwrite(n, s)] if own else []
        during = alive + (0 if over else own) + self.work[n] + (self.side[n] if over else 0)
        left = alive + own - sum(self.size[root] for root in freed)
        if self.root[n] == n and not self.readers[n] and n not in self.stays:
            left -= self.size[n]
        return _Step(during, left)


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
