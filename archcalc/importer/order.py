"""The nodes that a graph's outputs depend on, in an order in which each comes after those that it reads."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from archcalc import escapes
from archcalc.importer.proto import NodeProto, Subgraph
from archcalc.importer.wire import Bad

DEEPEST = 24  # graphs inside graphs, functions inside functions


def live(nodes: list[NodeProto], outputs: Sequence[str], known: set[str], within: str) -> list[NodeProto]:
    """The nodes that outputs depend on, each after those that it reads. Raises Bad for names that clash, are missing,
    or form a cycle.
    """
    producers: dict[str, int] = {}
    for n, node in enumerate(nodes):
        node.reads, node.place = node_reads(node), n
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
    return [nodes[n] for n in _sorted(order, sources, nodes)]


def _sorted(order: list[int], sources: dict[int, list[int]], nodes: list[NodeProto]) -> list[int]:
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


def called(node: NodeProto, n: int) -> str:
    """A node in messages: its name, or its place."""
    if node.name:
        return f"'{escapes.line(node.name, 120)}'"
    return f"{n + 1}"


def node_reads(node: NodeProto) -> list[str]:
    """The names that a node reads, those that its subgraphs take from around them included."""
    names = [name for name in node.inputs if name] + [*node.sizes]
    for subgraph in node.graphs:
        names += captured(subgraph, 1)
    return names


def captured(subgraph: Subgraph, depth: int) -> list[str]:
    """The names that a subgraph takes from outside."""
    if depth > DEEPEST:
        raise Bad(f"more than {DEEPEST} graphs inside each other")
    if subgraph.outside is not None:
        return subgraph.outside
    proto = subgraph.graph
    own = {named.name for named in proto.inputs} | {tensor.name for tensor in proto.initializers}
    names: list[str] = []
    for node in subgraph.nodes:
        names += [name for name in node.inputs if name]
        for inner in node.graphs:
            names += captured(inner, depth + 1)
        own |= set(node.outputs)
    names += [named.name for named in proto.outputs]
    subgraph.outside = [name for name in dict.fromkeys(names) if name not in own]
    return subgraph.outside


__all__ = ["DEEPEST", "called", "live"]
