"""What a file doesn't say of its tensors, told with the figures: what an exporter merged, folded, or left out."""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import TYPE_CHECKING

from archcalc.algebra import Dim, Poly
from archcalc.graph import Input
from archcalc.importer.masks import distinct, is_zero
from archcalc.importer.names import generated
from archcalc.importer.rules.arithmetic import SHIFTING
from archcalc.importer.tensors import FLOATS, Tensor
from archcalc.importer.values import Origin, spell_dim
from archcalc.patterns import pattern

if TYPE_CHECKING:
    from archcalc.importer.walk import Walker

_FOLDED = pattern(r"onnx::(?:Add|Sub|Mul|Div|Where|Concat|Pow)_\d+$")
EXPORTERS = frozenset({"pytorch"})  # they merge tensors that are equal


def doubts(walker: Walker) -> list[str]:
    """Notes on numbers that may be counted as another tool doesn't."""
    return [
        *_at_most(walker),
        *_folded(walker),
        *_derived(walker),
        *_nameless(walker),
        *_shifting(walker),
        *_uniform(walker),
        *_merged(walker),
        *_left_out(walker),
    ]


def _at_most(walker: Walker) -> list[str]:
    """Sizes that only a run tells, which were taken at their most."""
    if not walker.bounded:
        return []
    (name, most), *rest = walker.bounded.items()
    others = f" and {len(rest)} more" if rest else ""
    return [
        f"only a run tells {name} = {spell_dim(most)}{others}: counted at the most that there can be; --set gives"
        " them other values"
    ]


def _folded(walker: Walker) -> list[str]:
    """What isn't counted since it is known before the network runs."""
    if not walker.folded:
        return []
    macs: Dim = 0
    for found in walker.folded:
        macs = macs + found
    products = "a product" if len(walker.folded) == 1 else f"{len(walker.folded)} products"
    return [
        f"folded: {spell_dim(macs) if isinstance(macs, Poly) else f'{macs:,}'} MACs of {products} of constants, known"
        " before the network runs; --fold no counts them"
    ]


def _derived(walker: Walker) -> list[str]:
    """Tensors that the exporter computed from several, or of which it took a part."""
    found = [key for key in walker.owners if isinstance(key, Tensor) and key.made_from]
    if not found:
        return []
    count = sum(tensor.elements for tensor in found)
    names = ", ".join(dict.fromkeys(name for tensor in found[:3] for name in tensor.made_from))
    return [
        f"{count:,} numbers were computed by the exporter from others ({names}{', ...' if len(found) > 3 else ''}):"
        " how many of those were learned can't be told"
    ]


def _nameless(walker: Walker) -> list[str]:
    """Tensors that torch's older exporter computed as it folded constants: they are called after the node that reads
    them. A table of biases that was read by index is larger than what was learned, and one that was fresh is zeros.
    """
    if walker.model.producer not in EXPORTERS:
        return []
    held = [(key, origin) for key, origin in walker.tensors.items() if _FOLDED.match(origin.name) and _is_wide(origin)]
    counted = [origin for key, origin in held if key in walker.owners and key not in walker.kept]
    left = [origin for key, origin in held if key not in walker.owners and is_zero(origin.tensor)]
    if not counted and not left:
        return []
    names = [origin.name for origin in (*counted, *left)]
    one, other = (sum(prod(origin.shape) for origin in found) for found in (counted, left))
    return [
        f"{one + other:,} numbers were computed by the exporter and have no names of their own"
        f" ({_first(names)}): how many were learned can't be told;"
        f" {_told(one, other)}"
    ]


def _shifting(walker: Walker) -> list[str]:
    """Numbers that are learned or constants of arithmetic, which a file holds alike: those that an input is shifted and
    scaled with before it meets a layer, a mean and a deviation most often, and single ones anywhere, folded into the
    weights of a layer too.
    """
    proto, nodes = walker.model.graph, walker.graph.nodes
    if proto is None or proto.says or walker.layers is not None:
        return []
    of_inputs, single, folded = [], [], []
    tensors = Counter(walker.owners.values())
    for key, position in walker.owners.items():
        origin = walker.claimed.get(key)
        if origin is None or key in walker.kept:
            continue
        if nodes[position].op.word not in SHIFTING:
            if origin.shape == () and tensors[position] > 1:
                folded.append(origin)
        elif _is_of_input(walker, position):
            of_inputs.append(origin)
        elif prod(origin.shape) == 1:
            single.append(origin)
    return [
        *_in_doubt(of_inputs, "an input before any layer"),
        *_in_doubt(single, "all that a layer puts out"),
        *_in_doubt(folded, "the weights of a layer"),
    ]


def _in_doubt(found: list[Origin], what: str) -> list[str]:
    if not found:
        return []
    count, names = sum(prod(origin.shape) for origin in found), _first([origin.name for origin in found])
    if count == 1:
        return [f"1 number shifts or scales {what} ({names}): whether it was learned can't be told; it is counted"]
    return [
        f"{count:,} numbers shift or scale {what} ({names}): whether they were learned can't be told; they are counted"
    ]


def _first(names: list[str]) -> str:
    """The first three."""
    return f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"


def _is_of_input(walker: Walker, position: int) -> bool:
    """Whether a layer reads an input, as it is or shifted and scaled."""
    nodes = walker.graph.nodes
    node = nodes[position]
    while len(node.inputs) == 1 and (node.op.word in SHIFTING or node.op.is_view):
        node = nodes[node.inputs[0]]
    return isinstance(node.op, Input)


def _is_wide(origin: Origin) -> bool:
    """Whether it has floats along several axes: what is made of a vector by another shape alone has one."""
    return origin.kind in FLOATS and sum(dim != 1 for dim in origin.shape) > 1


def _told(counted: int, left: int) -> str:
    """Of numbers in doubt, how many are counted."""
    if counted and left:
        return f"{counted:,} are counted, {left:,} aren't"
    return f"they {'are' if counted else 'are not'} counted"


def _uniform(walker: Walker) -> list[str]:
    """Scales and shifts that are all the same number and that nobody named: fresh ones look as fixed ones do."""
    counted, left = 0, 0
    vectors = {key: origin for key, origin in walker.tensors.items() if _may_be_a_scale(origin)}
    if not vectors:
        return []
    reads = Counter([name for nodes in (*walker.bodies.values(), walker.live) for node in nodes for name in node.reads])
    for key, origin in vectors.items():
        same = reads[origin.name] > 1 if origin.tensor is None else len(distinct(origin.tensor) or ()) == 1
        if same and key not in walker.kept:
            counted += prod(origin.shape) * (key in walker.owners)
            left += prod(origin.shape) * (key not in walker.owners and origin.given and bool(reads[origin.name]))
    if not counted and not left:
        return []
    return [
        f"{counted + left:,} numbers of scales and shifts are the same all along and have no names of their own:"
        f" whether they were learned can't be told; {_told(counted, left)}"
    ]


def _may_be_a_scale(origin: Origin) -> bool:
    """Whether it is a vector that may be a constant in the place of weights if its numbers are all the same, or if
    several nodes read what is made as it runs.
    """
    if origin.tensor is not None and origin.tensor.kind not in FLOATS:
        return False
    sizes = [dim for dim in origin.shape if dim != 1]
    return len(sizes) == 1 and isinstance(sizes[0], int) and not origin.said and generated(origin.name)


def _merged(walker: Walker) -> list[str]:
    """Layers whose weights another one has, where that may be because they were equal."""
    shared = sum(node.share is not None for node in walker.graph.nodes)
    if not shared or walker.model.producer not in EXPORTERS:
        return []
    who = "a layer uses" if shared == 1 else f"{shared} layers use"
    return [f"{who} weights of another: the exporter merges tensors that are equal, as those of a fresh module are"]


def _left_out(walker: Walker) -> list[str]:
    """Layers whose weights arrive as an input."""
    nodes = walker.graph.nodes
    given = [
        nodes[source].name
        for node in nodes
        if node.op.has_given_weight
        for source in node.inputs[1:]
        if isinstance(nodes[source].op, Input)
    ]
    if not given:
        return []
    names = ", ".join(dict.fromkeys(given))
    return [f"weights are inputs of the graph and no parameters: {names if len(given) < 4 else names[:60] + ', ...'}"]


__all__ = ["doubts"]
