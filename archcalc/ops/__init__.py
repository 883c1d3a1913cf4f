"""The operators, by the word that a spec writes.

>>> from archcalc.ops import OPS
>>> conv = OPS["conv"](out=64, kernel=7, stride=2)
>>> conv.shape((3, 224, 224)), conv.weights((3, 224, 224))
((64, 112, 112), {'weight': (64, 3, 7, 7), 'bias': (64,)})
"""

from __future__ import annotations

from archcalc.ops import (
    activation,
    attention,
    convolution,
    dense,
    experts,
    gating,
    learned,
    merge,
    normalization,
    opaque,
    pooling,
    relative,
    rescaling,
    reshaping,
    sampling,
)
from archcalc.ops.base import Op, Reach, Shape, Window, Windows, size, spell_shape
from archcalc.ops.registry import (
    ACTIVATIONS,
    JOINS,
    NORMALIZATIONS,
    OPS,
    OUTSIDE,
    SUFFIXED,
    load_operators,
    own,
    register,
)

FAMILIES = (
    convolution, dense, attention, relative, experts, pooling, normalization, learned, rescaling, activation, gating,
    merge, reshaping, sampling, opaque,
)  # fmt: skip


own()
load_operators()

__all__ = [
    "ACTIVATIONS",
    "FAMILIES",
    "JOINS",
    "NORMALIZATIONS",
    "OPS",
    "OUTSIDE",
    "SUFFIXED",
    "Op",
    "Reach",
    "Shape",
    "Window",
    "Windows",
    "register",
    "size",
    "spell_shape",
]
