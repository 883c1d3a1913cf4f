"""The options that lines may have besides the fields of their operators, and the words that options may say."""

from __future__ import annotations

from collections import ChainMap
from typing import get_args

from archcalc.ops import SUFFIXED, Op
from archcalc.ops.base import Free
from archcalc.spec.values import Value

COMMON = ("when", "frozen", "share", "kept")  # options of every layer and block
LIKE = "like"  # an option of `resize`: the layer whose spatial size it gives, in place of its own
TIED = "tied"  # an option of `linear`: the layer whose weight it reads, transposed
UNTIL, WITHOUT = "until", "without"  # of `use`: the last label that is built, and labels that are left out
STORED = "weights"  # how wide the numbers of layers with weights are stored
DTYPE = "dtype"  # how wide all numbers of a layer are, its weights too where nothing else is said of them
WIDE = (STORED, DTYPE)
USE_OPTIONS = (UNTIL, WITHOUT, *WIDE, *COMMON)
NAMES = ("share", TIED, LIKE, *WIDE, UNTIL, WITHOUT)  # options whose words are names
SUFFIXES = ("norm", "act")  # layers with weights may be followed by a normalisation and an activation, in this order
ATTENDING = ("qkv", "relative", "half")
WORDS = ChainMap[str, Value](  # what options may say; operators that are registered later are among them
    dict.fromkeys(("same", "valid", "full", "causal", "nearest", "bilinear", *ATTENDING)),
    SUFFIXED["act"],
    SUFFIXED["norm"],
)


def flags(op: type[Op]) -> set[str]:
    """The options that are true when they stand alone: `maxpool 3x3 ceil`."""
    return {name for name, info in op.fields.items() if bool in (info.annotation, *get_args(info.annotation))}


def takes_words(op: type[Op], name: str) -> bool:
    """Whether an option may be a word, so that one which isn't known is a wrong word rather than an unknown name."""
    annotation = op.fields[name].annotation
    return annotation is str or str in get_args(annotation)


def may_be_word(op: type[Op], option: str) -> bool:
    """`takes_words`, for what is no field of the operator too."""
    return option in (*SUFFIXES, *NAMES) or (option in op.fields and takes_words(op, option))


def allowed(op: type[Op]) -> list[str]:
    """The options that a line of this operator may have."""
    extra = SUFFIXES if op.is_layer or op.arity[1] != 1 else ()
    learns = () if issubclass(op, Free) else (STORED,)
    return [
        *(name.rstrip("_") for name in op.fields),
        *COMMON,
        *learns,
        DTYPE,
        *extra,
        *op.extra,
        *([TIED] if op.may_be_tied else []),
        *([LIKE] if op.may_be_like else []),
    ]


__all__ = [
    "ATTENDING", "COMMON", "DTYPE", "LIKE", "NAMES", "STORED", "SUFFIXES", "TIED", "UNTIL", "USE_OPTIONS", "WIDE",
    "WITHOUT", "WORDS", "allowed", "flags", "may_be_word", "takes_words",
]  # fmt: skip
