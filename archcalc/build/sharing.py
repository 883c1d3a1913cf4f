"""Weights that several layers share: whose they are, and whether they fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from archcalc.build.scope import Context
from archcalc.errors import Mark, suggest
from archcalc.graph import Node
from archcalc.ops import Op, Shape, spell_shape
from archcalc.spec.options import TIED
from archcalc.spec.parts import Layer

if TYPE_CHECKING:
    from archcalc.build.nodes import Nodes

Weights = dict[str, Shape]
NOWHERE_MARK = Mark("", 0, 0)


def shared(path: str, context: Context) -> str | None:
    """The path whose weights a block that shares them uses for this one."""
    return context.share[0] + path[len(context.share[1]) :] if context.share is not None else None


def lineage(path: str) -> Iterator[str]:
    """A path, the layer that it is a suffix of, and the groups that it stands in."""
    yield path
    while (cut := max(path.rfind("/"), path.rfind("."))) > 0:
        path = path[:cut]
        yield path


def owner(
    nodes: Nodes, name: str, op: Op, shapes: tuple[Shape, ...], layer: Layer | None, context: Context
) -> int | None:
    """The position of the node whose weights this one uses; None where it has its own, or after noting a mistake."""
    if context.share is None and (layer is None or not layer.meaning.control):
        return None
    tied = layer.option(TIED) if layer else None
    word = tied or (layer.option("share") if layer else None)
    path = shared(name, context) if word is None else _met(nodes, word.text, context)
    if word is None and path is None:
        return None
    weights = op.weights(*shapes)
    if word is None and not weights:
        return None
    wanted = word.text if word else str(path)
    mark = word.mark if word else layer.line.mark if layer else NOWHERE_MARK
    path = path and nodes.whose(path)
    if path is not None and path not in nodes.names and nodes.is_gone(path) and not context.ranges:
        nodes.heirs[path] = name  # of repeats, the first inherits
        return None
    if path is None or path not in nodes.names:
        if not nodes.is_consequence(wanted, context):
            hint = suggest(wanted, nodes.names)
            nodes.wrong(f"share={wanted}: there is no earlier layer with that label{hint}", mark, context)
        return None
    position = nodes.names[path]
    theirs = nodes.graph.nodes[position]
    wrong = _unlike(path, theirs, theirs.op.weights(*nodes.graph.shapes_into(theirs)), op, weights, tied is not None)
    if wrong:
        nodes.wrong(wrong, mark, context)
    return theirs.share if theirs.share is not None else position


def _met(nodes: Nodes, label: str, context: Context) -> str | None:
    """The layer that a label names, one that is left out too."""
    return next((path for path in context.scope.paths(label) if path in nodes.names or nodes.is_gone(path)), None)


def _unlike(path: str, owner: Node, owned: Weights, op: Op, weights: Weights, tied: bool) -> str:
    """What is wrong where the weights of two layers differ; of tied ones only the weight is read, and must be all."""
    if tied and set(weights) == {"weight"} and owned.get("weight") == weights["weight"]:
        return ""
    if not tied and type(owner.op) is type(op) and owned == weights:
        return ""
    if tied and "bias" in weights:
        return f"tied={path} reads a weight and has no bias: bias=false, and `scale scale=false shift` adds one"
    there, here = _spelled(owned), _spelled(weights)
    kinds = f" of {owner.op.word}" if there == here else ""
    return f"{TIED if tied else 'share'}={path}: the weights differ: {there}{kinds} there, {here} here"


def _spelled(weights: Weights) -> str:
    return ", ".join(f"{name} {spell_shape(shape)}" for name, shape in weights.items()) or "none"
