"""How attention is run: eager, its scores in memory, or fused, where they never are."""

from __future__ import annotations

from archcalc.graph import Graph, Node
from archcalc.ops import Op

ATTENTION = ("eager", "fused")


def attending(graph: Graph, way: str) -> Graph:
    """The same network with every attention run in one way, one of ATTENTION."""
    made: dict[int, Op] = {}
    return graph._replace(nodes=[_run(node, way == "fused", made) for node in graph.nodes])


def _run(node: Node, fused: bool, made: dict[int, Op]) -> Node:
    if getattr(node.op, "fused", fused) == fused:
        return node
    if id(node.op) not in made:
        made[id(node.op)] = type(node.op)(
            **{name: getattr(node.op, name) for name in node.op.fields} | {"fused": fused}
        )
    return node._replace(op=made[id(node.op)])


def attention_told(graph: Graph) -> str:
    """What a footnote says of the layers that work on something inside; nothing where there are none."""
    ways = {getattr(node.op, "fused", None) for node in graph.nodes} - {None}
    told = [f"attention {' and '.join(way for way in ATTENTION if (way == 'fused') in ways)}"] if ways else []
    return ", ".join([*told, *(["recurrent layers with their gates"] if _is_recurrent(graph) else [])])


def _is_recurrent(graph: Graph) -> bool:
    return any(getattr(node.op, "gates", 0) for node in graph.nodes)


__all__ = ["ATTENTION", "attending", "attention_told"]
