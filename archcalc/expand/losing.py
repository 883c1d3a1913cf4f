"""What a spec can't say of a network that it is written for."""

from __future__ import annotations

from archcalc.algebra import Dim
from archcalc.graph import Graph
from archcalc.ops.base import spell


def noted(graph: Graph) -> list[str]:
    """What to know about a spec of a network: what there is to know of the network, and what a spec loses of it."""
    return [*graph.notes, *_thawed(graph)]


def _thawed(graph: Graph) -> list[str]:
    """Frozen parameters beside others that aren't: a spec freezes layers, not some of a layer's tensors."""
    partly = [node for node in graph.nodes if node.still and node.share is None]
    if not partly:
        return []
    more: Dim = 0
    for node in partly:
        more = more + node.fixed
    names = partly[0].name + (f" and {len(partly) - 1} more" if len(partly) > 1 else "")
    count = f"{more:,}" if isinstance(more, int) else spell(more)
    return [
        f"a spec freezes whole layers: the parameters of {names} that are frozen beside others are written as trained,"
        f" {count} more than the module trains, with their gradients and the optimizer's state"
    ]


__all__ = ["noted"]
