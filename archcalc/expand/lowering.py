"""A graph in the language's operators alone: a model file may hold others."""

from archcalc.algebra import Dim
from archcalc.graph import Graph, Input, Node
from archcalc.ops.base import SINGLE, Saved
from archcalc.ops.foreign import Foreign, figures, flags_of, foreign
from archcalc.ops.opaque import Opaque


def lowered(graph: Graph) -> Graph:
    """The graph in the language's operators alone, each of which reads something. What shares weights in a way that no
    line can say has none of its own.

    The language's inputs have axes: a number is a vector of one.
    """
    nodes = [
        node if node.shape or not isinstance(node.op, Input) else node._replace(op=Input(size_=(1,)), shape=(1,))
        for node in graph.nodes
    ]
    start = next(iter(graph.inputs.values()), None)
    for n, node in enumerate(nodes):
        if isinstance(node.op, Foreign):
            inputs = node.inputs or (() if start is None else (start,))  # what a loop starts from stands on nothing
            if node.op.is_idle and n:
                inputs = (n - 1,)  # what stands at the end: an input that it named would be alive until there
            shapes = graph.shapes_into(node)
            saved = node.op.saves(node.shape, *shapes, dx=[True] * len(shapes), dw=bool(node.op.weights(*shapes)))
            nodes[n] = node._replace(op=node.op.opaque().replaced(**told(saved)), inputs=inputs)
    for n, node in enumerate(nodes):
        if node.share is None:
            continue
        if _may_share(graph, node, graph.nodes[node.share]):
            continue
        into = graph.shapes_into(node)
        op = nodes[n].op
        given = (
            op if isinstance(op, Opaque) else foreign(op.word, flags_of(op), **figures(op, node.shape, into)).opaque()
        )
        saved = op.saves(node.shape, *into, dx=[True] * len(into), dw=True)
        nodes[n] = node._replace(op=given.replaced(params=0, buffers_=0, **told(saved)), share=None)
    return graph._replace(nodes=nodes)


def _may_share(graph: Graph, node: Node, owner: Node) -> bool:
    """Whether a line can say whose weights these are: those of a layer of its kind, or the weight of another."""
    if isinstance(owner.op, Foreign):
        return False
    own, theirs = (each.op.weights(*graph.shapes_into(each)) for each in (node, owner))
    if type(owner.op) is type(node.op):
        return own == theirs
    return node.op.may_be_tied and set(own) == {"weight"} and own["weight"] == theirs.get("weight")


def told(saved: Saved) -> dict[str, Dim | str]:
    """What an opaque layer says of what training keeps of it: in numbers of four bytes, of which a part of one isn't
    said, nor what is kept once for a batch.
    """
    inputs = bool(saved.inputs or saved.plain)
    word = ("both" if saved.output else "inputs") if inputs else "output" if saved.output else "nothing"
    total: Dim = 0
    for own in saved.own:
        if not own.once and own.width >= 0:
            total = total + own.elements * (own.width or SINGLE)
    return {"saves_": word, "own_": total // SINGLE}
