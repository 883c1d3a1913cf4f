"""Where the tensors of torch's graph stand: which are views of which, and which an operator copies."""

from __future__ import annotations

from archcalc.importer.proto import Stands
from archcalc.untyped import Torch

PERHAPS_VIEWS = frozenset(("reshape", "flatten", "contiguous", "clone", "ravel", "reshape_as"))
PRODUCTS = frozenset(("matmul", "scaled_dot_product_attention"))


def stands(node: Torch, op: str, over: bool) -> Stands:
    """Where the tensors of a node of an fx graph stand; `over` where it writes over its first input."""
    tensors = [_value(each) for each in node.args if hasattr(each, "op")]
    is_copy = op in PERHAPS_VIEWS and bool(tensors) and not _same(tensors[0], _value(node))
    copied = [n for n, tensor in enumerate(tensors) if op in PRODUCTS and not _is_flat(tensor)]
    return Stands(over, is_copy, tuple(copied))


def is_view(node: Torch) -> bool:
    """Whether what a node puts out stands in its first input's memory, by torch's word."""
    first, own = (_memory(_value(each)) if hasattr(each, "op") else None for each in (node.args[0], node))
    return first is not None and first == own


def _memory(tensor: Torch) -> object:
    """What tells a tensor's memory from others'; None where it isn't told, as of one that is mapped over an axis."""
    if not hasattr(tensor, "untyped_storage"):
        return None
    try:
        return tensor.untyped_storage()._cdata
    except NotImplementedError:
        return None


def _value(node: Torch) -> Torch:
    """The tensor that stands for what a node puts out."""
    return node.meta.get("val")


def _same(one: Torch, other: Torch) -> bool:
    """Whether two tensors stand in the same memory, as far as is told."""
    first, second = _memory(one), _memory(other)
    return first is None or second is None or first == second


def _is_flat(tensor: Torch) -> bool:
    """Whether all axes but the last two can be read as one without a copy, for any batch on the first."""
    if not hasattr(tensor, "stride"):
        return True
    sizes, strides = [[_number(x) for x in each[:-2]] for each in (tensor.shape, tensor.stride())]
    pairs = zip(zip(sizes[1:], strides[1:], strict=True), strides, strict=False)
    return all(size * stride == before for (size, stride), before in pairs)


def _number(dim: Torch) -> int:
    """A size or a stride; of one that is free what it was traced with."""
    return int(dim if isinstance(dim, int) else dim.node.hint)


__all__ = ["is_view", "stands"]
