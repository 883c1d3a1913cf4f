"""Constants that say nothing learned: masks, and numbers that are all the same."""

from __future__ import annotations

import struct
from itertools import chain

from archcalc.importer.tensors import BFLOAT16, DOUBLE, FLOAT, FLOAT16, Tensor
from archcalc.importer.wire import Stretch

HIDDEN = -100  # what is as low as that hides what it is added to
_WIDTH = {FLOAT: 4, FLOAT16: 2, BFLOAT16: 2, DOUBLE: 8}
_WHOLE = {2: "H", 4: "I", 8: "Q"}  # numbers as whole ones of their width, which are told apart the quickest
STEP, BLOCK = 64, 1 << 16  # bytes that are looked at first, and then at a time


def is_mask(tensor: Tensor | None) -> bool:
    """Whether floats only hide something: zeros, and one large negative number."""
    if tensor is None or tensor.elements < 4:
        return False
    seen = distinct(tensor)
    if seen is None or len(seen) < 2:
        return False
    low = min(seen)
    return low <= HIDDEN and all(value in (0, low) for value in seen)


def is_zero(tensor: Tensor | None) -> bool:
    """Whether all numbers are 0."""
    return tensor is not None and distinct(tensor) == frozenset((0.0,))


def distinct(tensor: Tensor) -> frozenset[float] | None:
    """The numbers that floats are, if they are at most two, the sign of 0 aside; None for more, or where they aren't
    known. A tensor is looked at once.
    """
    if tensor.looked_at is None:
        tensor.looked_at = (_looked_at(tensor),)
    return tensor.looked_at[0]


def _looked_at(tensor: Tensor) -> frozenset[float] | None:
    width = _WIDTH.get(tensor.kind)
    if width is None or tensor.outside is not None or tensor.sparse:
        return None
    if tensor.raw is None:
        given = tensor.content() if tensor.elements <= BLOCK else None
        floats = frozenset([float(value) if value is not None else float("-inf") for value in given or ()])
        return floats if 0 < len(floats) <= 2 else None
    source, start, stop = tensor.raw
    seen: set[int] = set()
    step = STEP
    while start < stop:
        block = Stretch(source, start, min(start + step, stop)).taken()
        seen.update(struct.unpack(f"<{len(block) // width}{_WHOLE[width]}", block))
        if len(seen) > 3:  # 0, -0 and another
            return None
        start, step = start + step, BLOCK
    found = frozenset(chain.from_iterable(_read(tensor.kind, value.to_bytes(width, "little")) for value in seen))
    return found if len(found) <= 2 else None


def _read(kind: int, value: bytes) -> tuple[float, ...]:
    if kind == BFLOAT16:
        return struct.unpack("<f", bytes(2) + value)
    return struct.unpack({FLOAT: "<f", FLOAT16: "<e", DOUBLE: "<d"}[kind], value)


__all__ = ["is_mask", "is_zero"]
