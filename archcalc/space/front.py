"""The Pareto front: designs that no other is as good as in everything and better in something."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from archcalc.errors import UsageError
from archcalc.tuples import NamedTuple

Array = Any
STRETCH = 4096  # designs that are compared with each other at once, where there are many columns


class Direction(NamedTuple):
    """A metric or a parameter that should be small, or large."""

    name: str
    upwards: bool = False

    def __str__(self) -> str:
        return f"-{self.name}" if self.upwards else self.name


def directions(text: str | Sequence[str]) -> list[Direction]:
    """`macs,-field`: few MACs, a large field. Raises UsageError for none, or one named twice."""
    words = [word.strip() for word in text.split(",")] if isinstance(text, str) else [word.strip() for word in text]
    found = [Direction(word.removeprefix("-").strip(), word.startswith("-")) for word in words if word]
    names = [direction.name for direction in found]
    if not found or len(set(names)) < len(names) or not all(names):
        raise UsageError(f"--pareto takes different metrics, those to be large with a minus: macs,-field; got '{text}'")
    return found


def front(columns: Sequence[Array]) -> Array:
    """The positions of designs on the front, all columns to be small; equal designs are on it together.

    Designs are gone through from the best in the first column on: each that is kept rules out what it dominates.
    """
    import numpy

    count = len(columns[0])
    if not count:
        return numpy.arange(0)
    order = numpy.lexsort([_ranks(column) for column in reversed(columns)])
    values = numpy.stack([_ranks(column)[order] for column in columns], axis=1)
    if len(columns) == 1:
        return numpy.sort(order[values[:, 0] == values[0, 0]])
    if len(columns) == 2:
        return numpy.sort(order[_staircase(values)])
    if len(columns) == 3:
        return numpy.sort(order[_stairs(values)])
    return numpy.sort(order[_thinned(values)])


def _ranks(column: Array) -> Array:
    """A column that is compared fast: itself, or of numbers beyond 64 bits their ranks, equal where they are equal."""
    import numpy

    if column.dtype != object:
        return column
    return numpy.unique(column, return_inverse=True)[1].reshape(-1)


def _staircase(values: Array) -> Array:
    """Two columns, sorted: a design is on the front if its second is less than that of all with a smaller first, and
    the least of those with the same.
    """
    import numpy

    first, second = values[:, 0], values[:, 1]
    starts = numpy.flatnonzero(numpy.r_[True, first[1:] != first[:-1]])
    group = numpy.cumsum(numpy.r_[False, first[1:] != first[:-1]])
    least = second[starts]  # sorted within a group, so the first of it is the least
    before = numpy.r_[numpy.iinfo(second.dtype).max, numpy.minimum.accumulate(least)[:-1]]
    return numpy.flatnonzero((second == least[group]) & (least[group] < before[group]))


def _stairs(values: Array) -> Array:
    """Three columns, sorted: a staircase of the second and the third, of all that have come so far, rules out what
    lies above it.
    """
    import numpy

    pairs = numpy.flatnonzero(
        numpy.r_[True, (values[1:, :2] != values[:-1, :2]).any(axis=1)]
    )  # the least third of each
    seconds, thirds, kept = list[int](), list[int](), list[int]()
    for n, (second, third) in zip(pairs.tolist(), values[pairs, 1:].tolist(), strict=True):
        at = bisect_right(seconds, second)
        if at and thirds[at - 1] <= third:
            continue
        end = at
        while end < len(thirds) and thirds[end] >= third:
            end += 1
        if at and seconds[at - 1] == second:
            at -= 1
        seconds[at:end], thirds[at:end] = [second], [third]
        kept.append(n)
    return _with_equals(values, kept)


def _with_equals(values: Array, kept: Sequence[int]) -> Array:
    """The positions, with those of designs that are equal in everything: these are next to them."""
    import numpy

    starts = numpy.flatnonzero(numpy.r_[True, (values[1:] != values[:-1]).any(axis=1)])
    lengths = numpy.diff(numpy.r_[starts, len(values)])
    return numpy.flatnonzero(numpy.repeat(numpy.isin(starts, kept), lengths))


def _thinned(values: Array) -> Array:
    """Any number of columns, sorted: the fronts of stretches, and then of what is left of them."""
    import numpy

    kept = numpy.arange(len(values))
    if len(values) > STRETCH:
        stretches = numpy.array_split(kept, -(-len(values) // STRETCH))
        kept = numpy.concatenate([stretch[_left(values[stretch])] for stretch in stretches])
    return kept[_left(values[kept])]


def _left(values: Array) -> Array:
    """The first is on the front, and what it dominates goes; then the next that is left."""
    import numpy

    left, kept = numpy.arange(len(values)), []
    while left.size:
        rest = values[left]
        same = (rest == rest[0]).all(axis=1)
        kept.append(left[same])
        left = left[~(rest >= rest[0]).all(axis=1)]
    return numpy.concatenate(kept)


__all__ = ["Direction", "directions", "front"]
