"""Every tensor of a model file with what it is: a parameter, a buffer, or what else, and why."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from archcalc.graph import Held
from archcalc.importer.masks import is_mask, is_zero
from archcalc.importer.tensors import BITS, BOOL, FLOAT, INDICES, STRING, Tensor
from archcalc.importer.values import Origin
from archcalc.ops import size
from archcalc.ops.base import number

if TYPE_CHECKING:
    from archcalc.importer.walk import Walker

TYPES = (
    "undefined", "fp32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "fp16", "fp64",
    "uint32", "uint64", "complex64", "complex128", "bf16", "fp8_e4m3fn", "fp8_e4m3fnuz", "fp8_e5m2", "fp8_e5m2fnuz",
    "uint4", "int4", "fp4_e2m1", "fp8_e8m0", "uint2", "int2",
)  # fmt: skip
WORDS = {
    "scale": "what quantised numbers are multiplied with",
    "zero point": "what quantised numbers are counted from",
    "mask": "it says what is read",
    "table": "positions as sines and cosines",
    "constant": "a number of arithmetic",
    "tree": "where a tree parts, or what a leaf is worth: nothing is multiplied with it",
    "filling": "what stands for missing values",
    "neutral": "the same number all along, where a norm has a scale that it learns",
}
SHORTER = {
    "neutral": "constant",
    "tree": "constant",
    "filling": "constant",
}  # what the list calls a role that has reasons of its own


def held(walker: Walker) -> list[Held]:
    """Every tensor, in the order in which the file has them: initializers, then those in nodes and in bodies."""
    readers = _readers(walker)
    names = _names(walker)
    return [_held(walker, key, origin, names, readers) for key, origin in walker.tensors.items()]


def _held(walker: Walker, key: Hashable, origin: Origin, names: dict[int, str], readers: dict[str, str]) -> Held:
    tensor = origin.tensor
    role, why = _role(walker, origin, names, readers)
    counts = walker.claimed.get(origin.key, origin) if role in ("parameter", "buffer") else origin
    kind = TYPES[origin.kind] if origin.kind < len(TYPES) else f"type {origin.kind}"
    stored = tensor.bytes if tensor is not None and tensor.kind in BITS else 0
    return Held(origin.name, origin.shape, size(counts.shape) if counts.shape else 1, kind, stored, role, why)


def _role(walker: Walker, origin: Origin, names: dict[int, str], readers: dict[str, str]) -> tuple[str, str]:
    """What a tensor is, and why."""
    tensor, key = origin.tensor, origin.key
    if tensor is not None and tensor.copy_of is not None:
        return "copy", f"the numbers of {tensor.copy_of.name}, as the exporter says"
    if key in walker.owners:
        layer = names.get(walker.owners[key], "?")
        if key not in walker.kept:
            return "parameter", f"of {layer}" + (", made as it runs" if tensor is None else "")
        return "buffer", f"of {layer}" + (", as the exporter says" if origin.said == "buffer" else "")
    reader = readers.get(origin.name, "")
    if key in walker.roles:
        role = walker.roles[key]
        return SHORTER.get(role, role), WORDS[role]
    if not reader and isinstance(key, Tensor) and origin.given:
        return "unread", "no node that runs reads it"
    if origin.said == "buffer":
        return _unlearned(walker, origin, reader)[0], "the exporter calls it a buffer; no layer reads its numbers"
    return _unlearned(walker, origin, reader)


def _unlearned(walker: Walker, origin: Origin, reader: str) -> tuple[str, str]:
    """What a tensor is that no layer has."""
    if origin.kind == STRING:
        return "text", "no numbers"
    if origin.kind == BOOL:
        return "mask", "it says which"
    if origin.kind in INDICES:
        return "index", "whole numbers that say where, or how many"
    if size(origin.shape) == 1:
        return "constant", WORDS["constant"]
    if is_mask(origin.tensor):
        return "mask", "zeros, and one large negative number"
    if origin.said:
        return "constant", "the exporter names parameters and buffers, and this is none"
    if is_zero(origin.tensor):
        return "constant", "zeros with a name that the exporter made up"
    if any(op == reader for op, _, _ in walker.uncounted):
        return "uncounted", f"{reader} reads it, which isn't counted"
    if not origin.given:
        return "constant", "the exporter wrote it into the graph"
    return "constant", "what is computed from it is known before the network runs"


def stored(walker: Walker) -> dict[int, int] | None:
    """Bytes of weights, buffers, scales and zero points by layer; None where all are fp32."""
    beside = {key: owner for key, owner in walker.beside.items() if owner != -1}
    places = _places(walker)
    is_plain = all(origin.kind == FLOAT for origin in walker.claimed.values())
    owners = {places[n] for n in walker.owners.values() if n in places}
    if not beside and is_plain and not any(walker.graph.nodes[n].dtype for n in owners):
        return None
    found: dict[int, int] = {}
    for key, origin in walker.claimed.items():
        if key in walker.owners:
            _add(found, places.get(walker.owners[key]), origin)
    for key, owner in beside.items():
        position = walker.owners.get(owner, owner)
        given = walker.tensors.get(key)
        if given is not None and isinstance(position, int):
            _add(found, places.get(position), given)
    return found


def _add(found: dict[int, int], position: int | None, origin: Origin) -> None:
    tensor = origin.tensor
    if position is not None:
        count = size(origin.shape) if origin.shape else 1
        own = tensor.bytes if tensor is not None else BITS[FLOAT] // 8 * number(count)
        found[position] = found.get(position, 0) + own


def _names(walker: Walker) -> dict[int, str]:
    """The name of the layer at each position as it was placed."""
    return {n: walker.graph.nodes[at].name for n, at in _places(walker).items()}


def _places(walker: Walker) -> dict[int, int]:
    """Where layers stand in the end, by where they were placed: a layer of our own took the place of those up to its
    last one.
    """
    moved = walker.moved
    if moved is None:
        return {n: n for n in range(len(walker.graph.nodes))}
    found: dict[int, int] = {}
    last = 0
    for position in sorted(moved):
        found.update(dict.fromkeys(range(last, position + 1), moved[position]))
        last = position + 1
    return found


def _readers(walker: Walker) -> dict[str, str]:
    """The operator of the first node that reads each name."""
    outputs = walker.model.graph.outputs if walker.model.graph is not None else []
    found = {named.name: "the graph's output" for named in outputs}
    for nodes in (*walker.bodies.values(), walker.live):
        found.update((name, node.op) for node in reversed(nodes) for name in node.reads)
    return found


__all__ = ["TYPES", "held", "stored"]
