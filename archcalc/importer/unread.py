"""What a network holds that no layer has: parameters that nothing reads, and those that are frozen beside others that
aren't.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcalc.importer.names import SCOPES
from archcalc.importer.proto import GraphProto, NodeProto
from archcalc.importer.tensors import Tensor
from archcalc.ops import Reach, Shape
from archcalc.ops.foreign import foreign

if TYPE_CHECKING:
    from archcalc.importer.walk import Walker


def unread(walker: Walker, proto: GraphProto) -> None:
    """Count every parameter, once, and what a framework counts among them: those that no layer has, a layer for each
    module that they belong to.
    """
    left: dict[str, tuple[dict[str, Shape], dict[str, Shape]]] = {}
    for tensor in proto.initializers:
        is_buffer = tensor.said == "buffer" and tensor.frozen
        if (tensor.said == "parameter" or is_buffer) and tensor not in walker.owners:
            module, _, name = tensor.name.rpartition(".")
            left.setdefault(module, ({}, {}))[is_buffer][name] = tensor.dims
            walker.owners[tensor] = len(walker.graph.nodes) + len(left) - 1
            walker.claimed[tensor] = walker.constant(tensor).origins[0]
    for module, (weights, buffers) in left.items():
        layer = foreign(
            "unread",
            ("is_idle",),
            words="parameters of no other layer",
            size_=(0,),
            weights_=weights,
            buffers_=buffers,
            reach=Reach.ALL,
        )
        scopes = f"{['', module, '']!r}"
        walker.place(layer, (), (0,), "", NodeProto("Unread", metadata={SCOPES: scopes}), 0)


def freeze(walker: Walker, proto: GraphProto) -> None:
    """Layers whose parameters are all frozen are; of the others those that are frozen don't learn."""
    learning = {walker.owners[tensor] for tensor in _owned(walker, proto) if not tensor.frozen}
    for tensor in _owned(walker, proto):
        position = walker.owners[tensor]
        if tensor.frozen:
            node = walker.graph.nodes[position]
            still = (*node.still, tensor.dims) if position in learning else ()
            walker.graph.nodes[position] = node._replace(frozen=position not in learning, still=still)


def _owned(walker: Walker, proto: GraphProto) -> list[Tensor]:
    return [tensor for tensor in proto.initializers if tensor.said == "parameter" and tensor in walker.owners]


__all__ = ["freeze", "unread"]
