"""How wide what layers put out is, where lines say it of some of them."""

from __future__ import annotations

from archcalc.graph import Graph, Node
from archcalc.ops.widths import WHOLE


def settled(graph: Graph, dtype: str) -> Graph:
    """The same network, where a layer without weights that says nothing puts out the widest of what arrives; one with
    weights puts out numbers of the network's type. The graph itself where no line says a width.
    """
    if not any(node.dtype for node in graph.nodes):
        return graph
    nodes: list[Node] = []
    for node in graph.nodes:
        arriving = [nodes[n].dtype for n in node.inputs]
        if not node.dtype and arriving and not node.op.weights(*graph.shapes_into(node)):
            node = node._replace(dtype=max(arriving, key=lambda name: WHOLE[name or dtype]))
        nodes.append(node)
    return graph._replace(nodes=nodes)


__all__ = ["settled"]
