"""How wide what layers put out is, where lines say it of some of them, or a model file of all."""

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


NETWORKS = {"fp64", "fp32", "fp16", "bf16"}  # types that may be a network's


def of_file(graph: Graph) -> tuple[Graph, str]:
    """A model file's network as it is, and its type: the one that all its floating-point numbers have, or fp32 where
    they differ; int8 where all numbers are of one byte.
    """
    types = {node.dtype or "fp32" for node in graph.nodes}
    floats = types & NETWORKS
    own = "int8" if types == {"int8"} else min(floats) if len(floats) == 1 else "fp32"
    return (graph if own == "fp32" else _without(graph, own)), own


def alike(graph: Graph) -> Graph:
    """The same network, where all numbers are as wide as is asked for."""
    types = {node.dtype for node in graph.nodes} - {""}
    return _without(graph, *types) if types else graph


def _without(graph: Graph, *types: str) -> Graph:
    """Where it goes without saying that numbers are of these types."""
    return graph._replace(nodes=[node._replace(dtype="") if node.dtype in types else node for node in graph.nodes])


__all__ = ["alike", "of_file", "settled"]
