"""A graph as items of the language: chains, and branches between a value and where what is made of it meets again.

A layer that reads several values stands after the nearest one that all of them come from, its immediate dominator: what
lies between are its branches. Where that is far away, or there is none, the longest way to the layer is the chain
itself, and the other branches begin with a `ref`: what they read stands before.
"""

from __future__ import annotations

from archcalc.expand.items import Item, Items, Join, Line, Ref, inside
from archcalc.graph import Graph, Input
from archcalc.records import Record

FARTHEST = 40  # layers on the longest way of a branch
FARTHEST_SUM = 400  # of one beside a shortcut that is added: a residual block is one thing, however long
DEEPEST = 6  # branches inside branches


class TooDeep(Exception):
    """What items can't hold; the text says which layer, and why."""


class Arranger(Record, frozen=False):
    """Puts the layers of a graph into items. `referred` collects the layers that something reads by name."""

    graph: Graph
    texts: list[str]
    referred: dict[int, None] = {}
    done: set[int] = set()
    above: list[int] = []  # the nearest value before each that everything into it comes through; -1 before all inputs
    depths: list[int] = []  # of each in the tree of these
    ways: list[int] = []  # layers on the longest way to each
    nested: list[int] = []  # branches inside branches, where a join has them
    mains: dict[int, int] = {}  # of a join whose other branches begin with a `ref`: where its chain goes on
    named: set[int] = set()  # what these read: it stands in the chain, or before it

    def items(self) -> Items:
        """All layers: the chain to the last output, then what is left; what these read by name stands before them.
        Raises TooDeep.
        """
        readers = self._readers()
        for n in range(len(self.graph.nodes)):
            self._place(n)
        for n in self.mains:
            self._name_sources(n, readers)
        found: Items = []
        for n in [*sorted(self.graph.outputs, reverse=True)[:1], *self.graph.outputs, *range(len(self.graph.nodes))]:
            if n not in self.done and self.graph.nodes[n].op.word:
                found += self._with_named(self._chain(n, self._start(), 0, False))
        return found

    def one_by_one(self) -> Items:
        """All layers in their order, each beginning with a `ref` to what it reads unless that stands right before it.
        Raises TooDeep.
        """
        found: Items = []
        last = self._start()
        for n, node in enumerate(self.graph.nodes):
            if not node.op.word or isinstance(node.op, Input):
                continue
            if not node.inputs:
                raise TooDeep(f"{node.name} is made of nothing, and the language has no such layer")
            if len(node.inputs) > 1:
                self.referred |= dict.fromkeys(node.inputs)
                found.append(Join(self.texts[n], n, [[Ref(source)] for source in node.inputs]))
            elif node.inputs[0] == last:
                found.append(Line(self.texts[n], n))
            else:
                self.referred[node.inputs[0]] = None
                found += [Ref(node.inputs[0]), Line(self.texts[n], n)]
            last = n
        return found

    def _readers(self) -> list[int]:
        """How many layers read each."""
        found = [0] * len(self.graph.nodes)
        for node in self.graph.nodes:
            for source in {*node.inputs}:
                found[source] += 1
        return found

    def _start(self) -> int:
        """Where a chain begins without a `ref`: at the only input."""
        inputs = list(self.graph.inputs.values())
        return inputs[0] if len(inputs) == 1 and not self.done else -1

    def _place(self, n: int) -> None:
        """Find what is above a node, the nodes before it being placed."""
        sources = self.graph.nodes[n].inputs
        above, nested = sources[0] if sources else -1, 0
        for source in sources[1:]:
            above = self._common(above, source)
        way = 1 + max((self.ways[source] for source in sources), default=-1)
        if len(sources) > 1:
            nested = self._nested(sources, above) if self._is_near(n, above, way) else DEEPEST + 1
            if nested > DEEPEST:
                above = self.mains[n] = max(sources, key=lambda source: (self.ways[source], source))
                nested = 0
        self.above.append(above)
        self.depths.append(0 if above < 0 else self.depths[above] + 1)
        self.ways.append(way)
        self.nested.append(nested)

    def _is_near(self, n: int, above: int, way: int) -> bool:
        node = self.graph.nodes[n]
        far = FARTHEST_SUM if node.op.is_sum and above in node.inputs else FARTHEST
        return above >= 0 and way - self.ways[above] <= far

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

    def _nested(self, sources: tuple[int, ...], above: int) -> int:
        """How deep branches would be, from a common value to these."""
        deepest = 0
        for source in sources:
            while source != above:
                deepest = max(deepest, self.nested[source])
                source = self.above[source]
        return deepest + 1

    def _name_sources(self, n: int, readers: list[int]) -> None:
        """Note what the branches of a join read that begin with a `ref`: the first value that others read too,
        or that has branches inside branches.
        """
        for source in self.graph.nodes[n].inputs:
            if source == self.mains[n]:
                continue
            while source >= 0 and readers[source] == 1 and source not in self.mains and self.nested[source] < 2:
                source = self.above[source]
            if source >= 0 and not isinstance(self.graph.nodes[source].op, Input):
                self.named.add(source)

    def _chain(self, n: int, stop: int, depth: int, apart: bool) -> Items:
        """The items that make the value n of the value `stop`, or of what stands elsewhere: then they begin with a
        `ref`. `apart` from the chain itself they begin at what has a name.
        """
        if depth > 4 * DEEPEST:
            raise TooDeep(f"branches inside branches, nested too deeply, at {self.graph.nodes[n].name}")
        found: Items = []  # from the last to the first
        waiting: list[Join] = []
        end = n
        while n != stop:
            node = self.graph.nodes[n]
            stands = n in self.done or isinstance(node.op, Input) or (apart and n in self.named and n != end)
            if stands:
                self.referred[n] = None
                found.append(Ref(n))
                break
            if not node.inputs:
                raise TooDeep(f"{node.name} is made of nothing, and the language has no such layer")
            self.done.add(n)
            if len(node.inputs) == 1:
                found.append(Line(self.texts[n], n))
            else:
                join = Join(self.texts[n], n, [])
                found.append(join)
                if n in self.mains:
                    waiting.append(join)
                else:
                    join.branches = [self._branch(source, self.above[n], depth, apart) for source in node.inputs]
            n = self.above[n]
        for join in reversed(waiting):
            inputs, main = self.graph.nodes[join.node].inputs, self.mains[join.node]
            at = inputs.index(main)
            join.branches = [
                [] if k == at else self._branch(source, -1, depth, True) for k, source in enumerate(inputs)
            ]
        found.reverse()
        return found

    def _branch(self, source: int, stop: int, depth: int, apart: bool) -> Items:
        """A branch of a join; one whose last value stands elsewhere reads it by name."""
        if source != stop and apart and source in self.named and source not in self.done:
            self.referred[source] = None
            return [Ref(source)]
        return self._chain(source, stop, depth + 1, apart)

    def _with_named(self, main: Items) -> Items:
        """A chain, with what is read by name and stands nowhere yet before the item that reads it first."""
        chains: list[Items] = []
        makers: dict[int, int] = {}  # which of these makes a layer
        while missing := [
            n for n in self.referred if n not in self.done and not isinstance(self.graph.nodes[n].op, Input)
        ]:
            before = {*self.done}
            chain = self._chain(min(missing), -1, 0, True)
            makers |= dict.fromkeys(self.done - before, len(chains))
            chains.append(chain)
        return self._ordered(main, chains, makers) if chains else main

    def _ordered(self, main: Items, chains: list[Items], makers: dict[int, int]) -> Items:
        """Chains as one: each begins before the first item that reads what it makes, those that read inputs alone at
        the start. One that goes on behind another begins anew, with a `ref` to its last item.
        """
        inputs = {*self.graph.inputs.values()}
        free = [k for k, chain in enumerate(chains) if inputs.issuperset(_read(chain))]
        begun = {*free}
        found: Items = [item for k in free for item in chains[k]]
        stack = [(main, 0)]
        while stack:
            items, at = stack.pop()
            if at == len(items):
                continue
            item = items[at]
            needed = min({makers[n] for n in _read([item]) if n in makers} - begun, default=-1)
            stack.append((items, at + (needed < 0)))
            if needed >= 0:
                begun.add(needed)
                stack.append((chains[needed], 0))
                continue
            if not isinstance(item, Ref) and found and not (at and found[-1] is items[at - 1]):
                last = _last(items[at - 1]) if at else next(iter(self.graph.inputs.values()))
                self.referred[last] = None
                found.append(Ref(last))
            found.append(item)
        return found


def _read(items: Items) -> set[int]:
    """What items read by name."""
    return {item.node for item in inside(items) if isinstance(item, Ref)}


def _last(item: Item) -> int:
    assert isinstance(item, (Line, Join, Ref))
    return item.node


__all__ = ["Arranger", "TooDeep"]
