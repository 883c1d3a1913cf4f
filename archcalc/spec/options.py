"""The options that lines may have besides the fields of their operators, and the words that options may say."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable
from functools import wraps
from typing import TypeVar, get_args

from archcalc.ops import SUFFIXED, Op
from archcalc.ops.base import Free
from archcalc.spec.values import Value

T = TypeVar("T")

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


def _once(function: Callable[[type[Op]], T]) -> Callable[[type[Op]], T]:
    """What a function says of an operator, asked once."""
    known: dict[type[Op], T] = {}

    @wraps(function)
    def asked(op: type[Op]) -> T:
        if op not in known:
            known[op] = function(op)
        return known[op]

    return asked


@_once
def flags(op: type[Op]) -> frozenset[str]:
    """The options that are true when they stand alone: `maxpool 3x3 ceil`."""
    fields = op.fields.items()
    return frozenset(name for name, info in fields if bool in (info.annotation, *get_args(info.annotation)))


@_once
def _worded(op: type[Op]) -> frozenset[str]:
    """The fields that may be words."""
    fields = op.fields.items()
    return frozenset(name for name, info in fields if str in (info.annotation, *get_args(info.annotation)))


def takes_words(op: type[Op], name: str) -> bool:
    """Whether an option may be a word, so that one which isn't known is a wrong word rather than an unknown name."""
    return name in _worded(op)


def may_be_word(op: type[Op], option: str) -> bool:
    """`takes_words`, for what is no field of the operator too."""
    return option in SUFFIXES or option in NAMES or option in _worded(op)


@_once
def allowed(op: type[Op]) -> tuple[str, ...]:
    """The options that a line of this operator may have."""
    extra = SUFFIXES if op.is_layer or op.arity[1] != 1 else ()
    learns = () if issubclass(op, Free) else (STORED,)
    return (
        *(name.rstrip("_") for name in op.fields),
        *COMMON,
        *learns,
        DTYPE,
        *extra,
        *op.extra,
        *([TIED] if op.may_be_tied else []),
        *([LIKE] if op.may_be_like else []),
    )


__all__ = [
    "ATTENDING", "COMMON", "DTYPE", "LIKE", "NAMES", "STORED", "SUFFIXES", "TIED", "UNTIL", "USE_OPTIONS", "WIDE",
    "WITHOUT", "WORDS", "allowed", "flags", "may_be_word", "takes_words",
]  # fmt: skip
