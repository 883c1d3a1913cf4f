"""PyTorch's flex_attention: a kernel that is compiled for a device, and refused where tensors have no numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from archcalc.untyped import Torch

REFUSED = "FlexAttention is only supported"
_WHERE = "torch.nn.attention.flex_attention"
_INSTEAD = {"_validate_device": lambda *given: None, "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG": True}


@contextmanager
def traceable() -> Iterator[None]:
    """It is one node of a graph, on any device and without a compiler."""
    kernel: Torch = sys.modules[_WHERE]
    before = {name: getattr(kernel, name) for name in _INSTEAD if hasattr(kernel, name)}
    for name in before:
        setattr(kernel, name, _INSTEAD[name])
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(kernel, name, value)


def operations(graphs: list[Torch]) -> int:
    """What is done with each score beside a product: the arithmetic of the functions that change and mask it."""
    return sum(node.op == "call_function" and hasattr(node.target, "_schema") for each in graphs for node in each.nodes)


__all__ = ["REFUSED", "operations", "traceable"]
