"""What attention is made of: matrices that features go through, heads, and the biases that a word names."""

from typing import Annotated

from archcalc.algebra import Dim, Poly
from archcalc.fields import Check
from archcalc.ops.kinds import show
from archcalc.tuples import NamedTuple

INNER = -1  # what a projection reads that no input is: what another one put out
CONSTANT = -2  # nor that: numbers that nothing changes
EVERY = "relative"  # as a bias by itself: beside those of all projections


class Projection(NamedTuple):
    """A matrix `out x into` that every one of `positions` goes through. `reads` is the number of the input, INNER or
    CONSTANT; `normed`: whether an RMS norm of its output's first features follows, and of how many.
    """

    name: str
    out: Dim
    into: Dim
    positions: Dim
    reads: int = INNER
    bias: bool = False
    normed: Dim = 0


class Heads(NamedTuple):
    """How many heads queries have, and keys with their values, and how wide each is."""

    queries: Dim
    keys: Dim
    width: Dim
    value: Dim


def _bias(value: object) -> bool | str:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and biased(value):
        return value
    raise ValueError(
        f"must be true, false, relative, or some of q, k, v and out as in qkv or qv_out, got {show(value)}"
    )


def biased(word: str) -> frozenset[str]:
    """What a word of `bias=` names, empty for none: `qkv_relative` is q, k, v and relative."""
    found: list[str] = []
    for part in word.split("_"):
        found += [part] if part in ("out", EVERY) else list(part) or [""]
    order = ["q", "k", "v", "out", EVERY]
    known = set(found) <= set(order) and found == sorted(set(found), key=lambda part: order.index(part))
    return frozenset(found) if known else frozenset()


def _partly(value: object) -> bool | Dim:
    """A flag, or how much."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Poly) or (isinstance(value, int) and value >= 1):
        return value
    raise ValueError(f"must be true, false or how many features turn, got {show(value)}")


Bias = Annotated[bool | str, Check(_bias)]
Partly = Annotated[bool | Dim, Check(_partly, least=1)]

__all__ = ["CONSTANT", "EVERY", "INNER", "Bias", "Heads", "Partly", "Projection", "biased"]
