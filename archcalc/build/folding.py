"""Batch normalisation folded into the layer before it, as a network is deployed: what it multiplies by goes into that
layer's weights, and what it adds becomes that layer's bias.
"""

from __future__ import annotations

from collections import Counter

from archcalc.graph import Graph, Loop, Node
from archcalc.ops import Op
from archcalc.ops.convolution import ConvTranspose
from archcalc.ops.dense import Linear
from archcalc.ops.normalization import BatchNorm


def folded(graph: Graph) -> Graph:
    """The same network without the batch normalisations that can be folded: those that alone read a layer whose weights
    can take them, shared with no other.
    """
    into = _into(graph)
    if not into:
        return graph
    kept = [n for n in range(len(graph.nodes)) if n not in into]
    place = {old: new for new, old in enumerate(kept)}
    place |= {norm: place[layer] for norm, layer in into.items()}
    takers, made = set(into.values()), dict[int, Op]()
    nodes = [_moved(graph.nodes[n], place, n in takers, made) for n in kept]
    groups = {path: group._replace(output=place[group.output]) for path, group in graph.groups.items()}
    loops = {
        place[n]: Loop(loop.range, place[loop.entry], place[loop.end], place[loop.exit])
        for n, loop in graph.loops.items()
    }
    return graph._replace(
        nodes=nodes,
        inputs={name: place[n] for name, n in graph.inputs.items()},
        outputs=[place[n] for n in graph.outputs],
        groups=groups,
        loops=loops,
    )


def _into(graph: Graph) -> dict[int, int]:
    """The batch normalisations that can be folded, and the layers that take them."""
    readers = Counter([*(source for node in graph.nodes for source in node.inputs), *graph.outputs])
    shared = {node.share for node in graph.nodes if node.share is not None}
    found: dict[int, int] = {}
    for n, node in enumerate(graph.nodes):
        if not isinstance(node.op, BatchNorm) or node.share is not None or n in shared:
            continue
        (source,) = node.inputs
        layer = graph.nodes[source]
        alone = readers[source] == 1 and layer.share is None and source not in shared
        if alone and _takes(layer.op) and layer.ranges == node.ranges:
            found[n] = source
    return found


def _takes(op: Op) -> bool:
    """Whether a layer's weights can take a factor for each channel that it puts out."""
    return op.folds_norm or isinstance(op, ConvTranspose) or (isinstance(op, Linear) and op.axis == 0)


def _moved(node: Node, place: dict[int, int], takes: bool, made: dict[int, Op]) -> Node:
    op = node.op
    if takes and not getattr(op, "bias", True):
        if id(op) not in made:
            made[id(op)] = type(op)(**{name: getattr(op, name) for name in op.fields} | {"bias": True})
        op = made[id(op)]
    share = None if node.share is None else place[node.share]
    return node._replace(op=op, inputs=tuple(place[source] for source in node.inputs), share=share)


__all__ = ["folded"]
