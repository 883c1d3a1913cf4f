"""Where an operator on sequences looks: positions, windows of them, and what is kept of those before."""

from fractions import Fraction
from math import isqrt
from typing import Annotated

from archcalc.algebra import Dim, Number, maximum, minimum
from archcalc.errors import ShapeError
from archcalc.fields import Check
from archcalc.ops.base import Op, Shape, number, size
from archcalc.ops.kinds import Amount, Counts, End, Wholes, show
from archcalc.tuples import NamedTuple


class Extent(NamedTuple):
    """How much a call looks at: positions of queries, and of keys, that are computed, padding included; keys that a
    query meets, those of a cache too; and the pairs of a query and a key that are multiplied, a head.
    """

    queries: Dim
    keys: Dim
    seen: Dim
    pairs: Dim


def _causal(value: object) -> bool | str:
    if isinstance(value, bool) or value == "half":
        return "half" if value == "half" else bool(value)
    raise ValueError(f"must be true, false or half, got {show(value)}")


Causal = Annotated[bool | str, Check(_causal)]


class Sequences(Op):
    """What operators on sequences share."""

    causal: Causal = False
    window: Counts | None = None
    shift: Wholes | None = None
    cache: Amount | None = None
    axis: End = 0

    @property
    def past(self) -> Dim:
        """Positions in the cache."""
        return 0 if self.cache is None else self.cache

    def features(self, shape: Shape) -> Dim:
        """The features of an input."""
        return shape[self.axis]

    @property
    def blocks(self) -> tuple[int, ...]:
        """The sides of windows that don't overlap; none where there aren't any."""
        if self.window is None or self.causal:
            return ()
        return self.window if isinstance(self.window, tuple) else (self.window,)

    def places(self, x: Shape) -> Shape:
        """The axes of positions: a row of tokens stands for a square where windows have two sides."""
        sides = len(self.blocks) or 1
        found = x[1:] if self.axis == 0 else x[max(len(x) - 1 - sides, 0) : -1]
        if sides == 2 and len(found) == 1:
            root = isqrt(found[0]) if isinstance(found[0], int) else 0
            if root * root != found[0]:
                raise ShapeError(f"a window of two sides takes a map, or a square of tokens, not {found[0]}")
            found = (root, root)
        if self.blocks and len(found) != sides:
            raise ShapeError(f"window has {sides} sides for {len(found)} axes of positions")
        return found

    def sequences(self, x: Shape) -> Shape:
        """The axes before the positions."""
        return x[: max(len(x) - 1 - (len(self.blocks) or 1), 0)] if self.axis else ()

    def moved(self, x: Shape) -> tuple[int, ...]:
        """By how much windows are shifted on each axis: not where one holds all."""
        places = self.places(x)
        given = (0,) if self.shift is None else tuple(map(number, self.shift))
        by = given * len(places) if len(given) == 1 else given
        if len(by) != len(places):
            raise ShapeError(f"shift has {len(by)} numbers for {len(places)} axes of positions")
        fits = (isinstance(dim, int) and dim <= side for dim, side in zip(places, self.blocks, strict=True))
        return tuple(0 if full else shift for full, shift in zip(fits, by, strict=True))

    def padded(self, x: Shape) -> Shape:
        """The positions, padded to whole windows."""
        return tuple((dim + side - 1) // side * side for dim, side in zip(self.places(x), self.blocks, strict=True))

    @property
    def reach(self) -> int:
        """How many positions a causal window shows, its own included."""
        if not isinstance(self.window, int):
            raise ShapeError("a causal window is one number: so many positions before")
        return self.window

    def extent(self, *inputs: Shape) -> Extent:
        """How much it looks at."""
        q, k = inputs[0], inputs[min(1, len(inputs) - 1)]
        many = size(self.sequences(q))
        if self.blocks:
            places, inside = many * size(self.padded(q)), size(self.blocks)
            return Extent(places, places, inside, places * inside)
        queries, keys = size(self.places(q)), size(self.places(k))
        seen = keys + self._kept(self.past, queries)
        pairs = self._visible(queries) if self.causal == "half" else queries * seen
        return Extent(many * queries, many * keys, seen, many * pairs)

    def _kept(self, past: Dim, arriving: Dim) -> Dim:
        """The keys before those that arrive which any of them still sees."""
        return past if self.window is None else as_size(minimum(past, self.reach - 1))

    def _visible(self, queries: Dim) -> Dim:
        """Pairs of a query and a key that isn't later, nor longer ago than a window."""
        past = self.past
        if self.window is None:
            return queries * past + queries * (queries + 1) // 2
        few = as_size(minimum(maximum(self.reach - past, 0), queries))
        return few * past + few * (few + 1) // 2 + (queries - few) * self.reach


def as_size(value: Number) -> Dim:
    """A limit of whole numbers is one."""
    assert not isinstance(value, Fraction)
    return value


__all__ = ["Extent", "Sequences", "as_size"]
