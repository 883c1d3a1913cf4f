"""Memory that a run touches for the first time: other work has driven it out of the caches since the run before.

What layers put out takes the place of what nothing reads any more, and so lies in the caches; only where more is held
at once than ever before in the run is new memory touched. The inputs of a network are new, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from archcalc.algebra import Dim
from archcalc.graph import Graph, Input
from archcalc.ops import size

if TYPE_CHECKING:
    from archcalc.latency.kernels import Kernel


def touched(graph: Graph, found: Sequence[Kernel], usual: Callable[[Dim], int]) -> list[Dim]:
    """Elements, a sample, that each kernel is the first to touch; `usual` are the sizes at which free ones are
    compared.
    """
    made = {n: (kernel.takes or (kernel.node,))[-1] for kernel in found for n in (kernel.node, *kernel.takes)}
    roots: list[int] = []  # the tensor that each layer shows
    for n, node in enumerate(graph.nodes):
        roots.append(made[n] if n in made else roots[node.inputs[0]] if node.inputs else n)
    reads = [_reads(graph, kernel, roots) for kernel in found]
    last = {root: at for at, read in enumerate(reads) for root in read} | {roots[n]: len(found) for n in graph.outputs}
    held: dict[int, Dim] = {}
    live: Dim = 0
    most: Dim = 0
    fresh: list[Dim] = []
    for at, (kernel, read) in enumerate(zip(found, reads, strict=True)):
        given = [root for root in read if isinstance(graph.nodes[root].op, Input) and root not in held]
        new: Dim = sum((size(graph.nodes[root].shape) for root in given), 0)
        held |= dict.fromkeys(given, 0)
        beside: Dim = 0
        if kernel.turns is not None:
            beside = size(graph.nodes[kernel.turns].shape)
        elif not kernel.part:
            root = roots[kernel.node]
            output = size(graph.nodes[root].shape)
            over = [each for each in read if last[each] == at and held.get(each) == output]
            if graph.nodes[kernel.node].op.in_place and over:
                live -= held.pop(over[0])
            held[root] = output
            live += output
        if usual(live + beside) > usual(most):
            new, most = new + live + beside - most, live + beside
        fresh.append(new)
        if not kernel.part:
            for root in [root for root in read if last[root] == at and root in held]:
                live -= held.pop(root)
    return fresh


def _reads(graph: Graph, kernel: Kernel, roots: Sequence[int]) -> list[int]:
    """The tensors that a kernel reads, each once."""
    if kernel.turns is not None:
        return [roots[kernel.turns]]
    within = {kernel.node, *kernel.takes}
    return list(dict.fromkeys(roots[n] for m in within for n in graph.nodes[m].inputs if n not in within))


__all__ = ["touched"]
