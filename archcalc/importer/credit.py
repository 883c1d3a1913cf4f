"""No learned tensor is lost: what a layer reads and its rule has no weights for is credited to it all the same."""

from __future__ import annotations

import re
from collections.abc import Hashable
from functools import lru_cache
from typing import TYPE_CHECKING

from archcalc.importer.call import HERE, Call, belongs
from archcalc.importer.claims import as_foreign, claim, is_buffer, learned, learned_of
from archcalc.importer.tensors import NARROW
from archcalc.importer.values import Value
from archcalc.ops import size
from archcalc.untyped import Operand

if TYPE_CHECKING:
    from archcalc.importer.walk import Walker

# what inputs are called that no training changes, and what they are instead
ROLES = {
    "scale": re.compile(r"(?i)(?:^|_)scales?$"),
    "zero point": re.compile(r"(?i)zero_?points?$|_zp$"),
    "mask": re.compile(r"(?i)mask|_bias_table$"),
    "table": re.compile(r"^(?:cos|sin)_cache$"),
    "constant": re.compile(r"^(?:min|max|ratio|roi|scales|constant_value|window|depth|values|threshold)$"),
}


@lru_cache(maxsize=1 << 10)
def role_of(name: str, op: str = "") -> str:
    """What an input is by its name, if not learned."""
    if not name or (op in ("Resize", "Upsample") and name == "scales"):
        return "constant" if name else ""
    if op.endswith("Normalization") and name.lower() == "scale":
        return "neutral"
    return next((role for role, pattern in ROLES.items() if pattern.search(name)), "")


def credited(call: Call, found: Operand) -> None:
    """Give a layer the learned tensors that its node reads, where none has them yet."""
    walker = call.walker
    left = {
        f"weight{n + 1}": value
        for n, value in enumerate(call.inputs)
        if isinstance(value, Value) and value.node is None and value.origins and _is_left(call, n, value)
    }
    values = [value for value in (found if isinstance(found, list) else [found]) if isinstance(value, Value)]
    position = next((value.node for value in values if value.node is not None and value.node >= call.first), None)
    if position is None:
        return
    for key in walker.waiting:
        walker.beside[key] = position
    walker.waiting.clear()
    if left:
        give(walker, position, left)


def give(walker: Walker, position: int, values: dict[str, Value]) -> None:
    """More weights for a layer."""
    node = walker.graph.nodes[position]
    into = walker.graph.shapes_into(node)
    _, _, owned, kept = claim(node.op, node.shape, into, values, {}, walker.owners)
    more = {f"weight{n + 1}": origin.shape for n, origin in enumerate(owned.values())}
    others = {f"buffer{n + 1}": origin.shape for n, origin in enumerate(kept.values())}
    weights, buffers = {**node.op.weights(*into), **more}, {**node.op.buffers(*into), **others}
    walker.graph.nodes[position] = node._replace(op=as_foreign(node.op, node.shape, into, weights, buffers))
    walker.owners.update(dict.fromkeys((*owned, *kept), position))
    walker.kept.update(kept.keys() - owned.keys())
    walker.claimed.update(owned | kept)


def _scaled(call: Call) -> Hashable | int:
    """The weights that a scale or a zero point belongs to: whole numbers, or floats that are quantised before the
    network runs; the layer at hand where there are none.
    """
    held = {
        n: value
        for n, value in enumerate(call.inputs)
        if isinstance(value, Value)
        and value.node is None
        and value.origins
        and not _role(call, n)
        and size(value.shape or ()) != 1
    }
    narrow = (value for value in held.values() if value.kind in NARROW)
    found = next(narrow, held.get(0))
    return HERE if found is None else found.origins[0].key


def _role(call: Call, n: int) -> str:
    """What an input is by the name that the rule has for it, if not learned."""
    return role_of(call.rule.called(n) if call.rule is not None else "", call.op)


def _is_left(call: Call, n: int, value: Value) -> bool:
    if all(origin.key in call.walker.owners or origin.key in call.walker.roles for origin in value.origins):
        return False
    role = _role(call, n)
    if role:
        for origin in learned_of(value):
            call.walker.roles.setdefault(origin.key, role)
            if role in ("scale", "zero point"):
                belongs(call.walker, origin.key, _scaled(call))
        return False
    narrow = value.kind in NARROW and any(origin.given and origin.tensor is not None for origin in value.origins)
    return narrow or learned(value) or is_buffer(value)


__all__ = ["credited", "give", "role_of"]
