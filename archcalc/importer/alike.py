"""Nodes that are alike: what a rule said of one holds for the next with the same attributes that reads the same shapes.

A network says the same of hundreds of nodes. A rule that promises it (`alike=True`) looks at nothing but attributes and
at shapes, kinds and whether they are constant: of such nodes only the first is asked for, and where all that came of it
was one layer, the others get layers of the same operator, each with its own weights.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from archcalc.importer.claims import Weights, claim
from archcalc.importer.proto import NodeProto
from archcalc.importer.values import Origin, Value, Values
from archcalc.ops import Op, Shape
from archcalc.tuples import NamedTuple
from archcalc.untyped import Attribute, Operand

if TYPE_CHECKING:
    from archcalc.importer.binding import Rule
    from archcalc.importer.call import Call
    from archcalc.importer.walk import Walker


class Laid(NamedTuple):
    """A layer as a rule asks for it: `inputs` are computed, `weights` and `buffers` stand in the file."""

    op: Op
    shape: Shape
    kind: int
    shown: Shape | None
    inputs: Sequence[Value]
    weights: Weights
    buffers: Weights
    hint: str = ""


class Own(NamedTuple):
    """A tensor of the file that a layer has for itself: the number of the input that it is, what the exporter calls it,
    its shape, and whether it is a buffer.
    """

    number: int
    said: str
    shape: Shape
    is_buffer: bool


class Alone(NamedTuple):
    """What became of a layer each of whose weights and buffers is a tensor that no other layer has, and whose node
    reads no other constant: its operator, what it shows, and those tensors.
    """

    op: Op
    shown: Shape
    tensors: tuple[Own, ...]


class Said(NamedTuple):
    """What a rule said of a node, with the numbers of the inputs in the place of what they are."""

    op: Op
    shape: Shape
    kind: int
    shown: Shape | None
    inputs: tuple[int, ...]
    weights: tuple[tuple[str, int], ...]
    buffers: tuple[tuple[str, int], ...]
    listed: bool  # whether the rule gives a list of outputs
    alone: Alone | None


def lay(walker: Walker, node: NodeProto, laid: Laid) -> int:
    """Put a layer into the graph, with the weights that no earlier layer has."""
    op, shape, kind, shown, inputs, weights, buffers, hint = laid
    sample, nodes = walker.sample(shape), walker.graph.nodes
    positions = tuple([value.node for value in inputs if value.node is not None])
    shapes = [nodes[n].shape for n in positions]
    op, share, owned, kept = claim(op, sample, shapes, weights, buffers, walker.owners)
    hint = hint or next((o.name for v in weights.values() if v is not None for o in v.origins if o.name), "")
    where = positions or walker.anywhere
    position = walker.place(op, where, sample if shown is None else shown, hint, node, kind, share)
    if owned or kept:
        walker.owners.update(dict.fromkeys((*owned, *kept), position))
        walker.kept.update(kept.keys() - owned.keys())
        walker.claimed.update(owned | kept)
    return position


def said(walker: Walker, rule: Rule, call: Call) -> object:
    """What a rule says of a node: what it said of another one that is alike, or what it says when it is asked."""
    known = _key(walker, rule, call)
    if known is None:
        return rule(call)
    again = walker.said.get(known)
    if again is not None:
        return _again(walker, call, again)
    if known in walker.said:
        return rule(call)
    before = _state(walker)
    found = rule(call)
    one = len(walker.graph.nodes) == call.first + 1 and _state(walker) == before
    walker.said[known] = _noted(walker, call, found) if one else None
    return found


def _key(walker: Walker, rule: Rule, call: Call) -> Hashable:
    """What a rule's word on a node follows from; None where it may follow from more."""
    node, inputs = call.node, call.inputs
    if node.said is None or walker.depth or len(node.outputs) != 1:
        return None
    if len(inputs) > 1 and len(set(map(id, inputs))) < len(inputs):
        return None
    nodes, parts = walker.graph.nodes, [node.op, call.domain, node.said, walker.samples]
    for value in inputs:
        if value is None:
            parts.append(None)
        elif type(value) is not Value:
            return None
        elif value.node is not None:
            parts += (value.shape, value.kind, nodes[value.node].shape)
        elif rule.alike == "moving":
            return None
        else:
            parts += (value.shape, value.kind, None)
    return tuple(parts)


def _state(walker: Walker) -> tuple[object, ...]:
    """What a rule may change beside the layers that it puts into the graph."""
    return (
        len(walker.uncounted), len(walker.notes), len(walker.folded), len(walker.assumed.conditions), walker.unknown,
        len(walker.roles), len(walker.tensors), len(walker.beside), walker.samples, walker.graph.is_run,
        len(walker.graph.found_at), walker.undecided, len(walker.deciding),
    )  # fmt: skip


def _noted(walker: Walker, call: Call, found: object) -> Said | None:
    """What a rule said, if it comes to one layer that is told by the numbers of its inputs."""
    inputs: Sequence[Operand] = call.inputs
    if len(call.laid) != 1:
        return None
    value, layer = call.laid[0]
    listed = isinstance(found, list)
    if (found[0] if isinstance(found, list) and len(found) == 1 else found) is not value or isinstance(found, Values):
        return None
    numbers = {id(value): n for n, value in enumerate(inputs) if value is not None}
    weights, buffers = _numbered(layer.weights, numbers), _numbered(layer.buffers, numbers)
    reads = [numbers.get(id(value)) for value in layer.inputs]
    if layer.hint or value.content is not None or not reads or weights is None or buffers is None:
        return None
    inside = tuple([n for n in reads if n is not None])
    if len(inside) < len(reads):
        return None
    alone = _alone(walker, call, layer, numbers, inside)
    return Said(layer.op, layer.shape, layer.kind, layer.shown, inside, weights, buffers, listed, alone)


def _alone(walker: Walker, call: Call, layer: Laid, numbers: dict[int, int], inside: tuple[int, ...]) -> Alone | None:
    """What became of the layer that a rule has just asked for, if its tensors are its own alone."""
    node, owners = walker.graph.nodes[call.first], walker.owners
    found: dict[Hashable, Own] = {}
    for values, are_buffers in ((layer.weights, False), (layer.buffers, True)):
        for value in values.values():
            if value is None:
                continue
            origin = value.origins[0] if len(value.origins) == 1 else None
            if origin is None or owners.get(origin.key) != call.first:
                return None
            if (origin.key in walker.kept) != are_buffers:
                return None
            found[origin.key] = Own(numbers[id(value)], origin.said, origin.shape, are_buffers)
    read = {*inside, *(own.number for own in found.values())}
    return Alone(node.op, node.shape, tuple(found.values())) if read == set(numbers.values()) else None


def _numbered(values: Weights, numbers: dict[int, int]) -> tuple[tuple[str, int], ...] | None:
    """Weights by the numbers of inputs; None where one is none of them."""
    given = [(name, numbers.get(id(value))) for name, value in values.items() if value is not None]
    found = tuple([(name, n) for name, n in given if n is not None])
    return found if len(found) == len(given) else None


def _again(walker: Walker, call: Call, said: Said) -> Operand:
    """What the rule says of a node that is alike."""
    position = _as_alone(walker, call, said, said.alone) if said.alone is not None else None
    if position is None:
        inputs: Sequence[Attribute] = call.inputs  # those that it names are values, or the key would be another
        call.given = len(said.inputs) < len(inputs)
        weights = {name: inputs[n] for name, n in said.weights}
        buffers = {name: inputs[n] for name, n in said.buffers}
        moving = [inputs[n] for n in said.inputs]
        position = lay(walker, call.node, Laid(said.op, said.shape, said.kind, said.shown, moving, weights, buffers))
    value = Value(said.shape, said.kind, position)
    return [value] if said.listed else value


def _as_alone(walker: Walker, call: Call, said: Said, alone: Alone) -> int | None:
    """The layer of a node that is alike, if its tensors are its own as those of the first are: what `lay` comes to, and
    nothing is left to be credited.
    """
    inputs: Sequence[Attribute] = call.inputs
    found: dict[Hashable, Origin] = {}
    hint = ""
    for number, called, shape, is_buffer in alone.tensors:
        origins = inputs[number].origins
        origin = origins[0] if len(origins) == 1 else None
        if origin is None or origin.key in walker.owners or origin.said != called or origin.shape != shape:
            return None
        found[origin.key] = origin
        hint = hint or ("" if is_buffer else origin.name)
    if len(found) < len(alone.tensors):
        return None
    call.given = len(said.inputs) < len(inputs) and bool(walker.waiting)
    reads = tuple([inputs[n].node for n in said.inputs])
    position = walker.place(alone.op, reads, alone.shown, hint, call.node, said.kind)
    if found:
        walker.owners.update(dict.fromkeys(found, position))
        walker.kept.update(key for key, own in zip(found, alone.tensors, strict=True) if own.is_buffer)
        walker.claimed.update(found)
    return position


__all__ = ["Laid", "Said", "lay", "said"]
