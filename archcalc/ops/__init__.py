"""The operators, by the word that a spec writes.

>>> from archcalc.ops import OPS
>>> conv = OPS["conv"](out=64, kernel=7, stride=2)
>>> conv.shape((3, 224, 224)), conv.weights((3, 224, 224))
((64, 112, 112), {'weight': (64, 3, 7, 7), 'bias': (64,)})
"""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.ops import (
    activation,
    convolution,
    dense,
    gating,
    merge,
    normalization,
    opaque,
    pooling,
    rescaling,
    reshaping,
)
from archcalc.ops.base import Op, Reach, Shape, Window, Windows, size, spell_shape

FAMILIES = (
    convolution, dense, pooling, normalization, rescaling, activation, gating, merge, reshaping, opaque,
)  # fmt: skip


def _words(base: type[Op]) -> Iterator[tuple[str, type[Op]]]:
    for cls in base.__subclasses__():
        if cls.word:
            yield cls.word, cls
        yield from _words(cls)


OPS: dict[str, type[Op]] = dict(_words(Op))

ACTIVATIONS = tuple(word for word in OPS if word in activation.ELEMENTWISE)
NORMALIZATIONS = tuple(word for word, cls in OPS.items() if cls.is_normalization)

__all__ = [
    "ACTIVATIONS",
    "FAMILIES",
    "NORMALIZATIONS",
    "OPS",
    "Op",
    "Reach",
    "Shape",
    "Window",
    "Windows",
    "size",
    "spell_shape",
]
