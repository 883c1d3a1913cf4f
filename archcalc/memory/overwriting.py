"""Which layers write over what they read, once nothing else needs it.

Activations, batch normalisation and sums do, element by element. A depthwise convolution can, channel by channel, with
room for one channel of its output beside it (TinyEngine's way: Lin et al., "MCUNet", arXiv:2007.10319, figure 5).
"""

from __future__ import annotations

from archcalc.algebra import Dim
from archcalc.graph import Graph, Node
from archcalc.ops import size
from archcalc.ops.convolution import Conv, DepthwiseConv, Local


def may_overwrite(graph: Graph, n: int, source: int, depthwise: bool) -> bool:
    """Whether layer `n` can write its output over that of `source`; depthwise convolutions where that is asked for."""
    node, read = graph.nodes[n], graph.nodes[source]
    if read.dtype != node.dtype:
        return False
    if node.op.in_place:
        return read.shape == node.shape
    return depthwise and _goes_by_channel(node, read) and _is_no_larger(node, read)


def side_room(node: Node) -> tuple[Dim, ...]:
    """The shape of what a layer that goes by channel has beside it: one channel of its output; of others nothing."""
    return (1, *node.shape[1:]) if isinstance(node.op, (Conv, DepthwiseConv)) else (0,)


def _goes_by_channel(node: Node, read: Node) -> bool:
    if isinstance(node.op, DepthwiseConv):
        return node.op.multiplier == 1
    grouped = isinstance(node.op, Conv) and not isinstance(node.op, Local)
    return grouped and getattr(node.op, "groups", 1) == read.shape[0] == node.shape[0]


def _is_no_larger(node: Node, read: Node) -> bool:
    ours, theirs = size(node.shape), size(read.shape)
    return isinstance(ours, int) and isinstance(theirs, int) and ours <= theirs


__all__ = ["may_overwrite", "side_room"]
