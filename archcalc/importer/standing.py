"""Where tensors stand in a framework that says so: what is written over its input, and what is a copy of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcalc.importer.proto import Stands
from archcalc.importer.values import Value
from archcalc.untyped import Operand

if TYPE_CHECKING:
    from archcalc.importer.call import Call


def stood(call: Call, found: Operand, stands: Stands) -> None:
    """Note at the layers of a node what it is called, and where what it puts out and what it reads stands."""
    value = found[0] if isinstance(found, list) and found else found
    node = value.node if isinstance(value, Value) else None
    if node is not None and node >= call.first:
        _set(call, node, called=call.op, copy=stands.is_copy, **({"inplace": True} if stands.over else {}))
    elif node is not None and stands.is_copy:
        _copied(call, 0)
    if node is not None and call.walker.graph.nodes[node].op.copies_operands:
        for n in stands.copied:
            _copied(call, n)


def _copied(call: Call, n: int) -> None:
    """An operand that only this node reads, and that it copies, might as well be a copy."""
    operand = call.inputs[n]
    if isinstance(operand, Value) and operand.node is not None and call.scope.reads[call.node.inputs[n]] == 1:
        _set(call, operand.node, copy=True)


def _set(call: Call, node: int, **fields: object) -> None:
    """Set the fields that its operator has."""
    layer = call.walker.graph.nodes[node]
    own = {name: value for name, value in fields.items() if name in layer.op.fields}
    if own and any(getattr(layer.op, name) != value for name, value in own.items()):
        call.walker.graph.nodes[node] = layer._replace(op=layer.op.replaced(**own))


__all__ = ["stood"]
