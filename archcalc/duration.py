"""Predicted times, as a table carries them: by layer, and for the whole network.

Milliseconds, exact: rational numbers, or closed forms with rational coefficients where parameters are free.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cached_property
from math import lcm

from archcalc.algebra import Number, Poly
from archcalc.records import Record
from archcalc.tuples import NamedTuple

TERMS = ("compute", "weights", "activations", "overhead")


class Time(Record):
    """Milliseconds, by what takes them. `extrapolated` is how much of the total lies outside of what was calibrated."""

    compute: Number = 0
    weights: Number = 0
    activations: Number = 0
    overhead: Number = 0
    extrapolated: Number = 0

    @property
    def total(self) -> Number:
        """All of it, in milliseconds."""
        return added((self.compute, self.weights, self.activations, self.overhead))

    @property
    def bound(self) -> str:
        """What takes most of it; nothing where that depends on free parameters, or where there is nothing."""
        parts = {name: part for name in TERMS if not isinstance(part := getattr(self, name), Poly)}
        return max(parts, key=lambda name: parts[name]) if len(parts) == len(TERMS) and any(parts.values()) else ""

    def __add__(self, other: Time) -> Time:
        return Time(*(getattr(self, part) + getattr(other, part) for part in self._fields))


def together(times: Iterable[Time]) -> Time:
    """The sum."""
    found = list(times)
    if len(found) == 1:
        return found[0]
    return Time(*(added([getattr(time, part) for time in found]) for part in Time._fields))


def added(parts: Sequence[Number]) -> Number:
    """The sum. Rational numbers are added over one denominator: to reduce after each of them takes most of the time."""
    numbers = [part for part in parts if not isinstance(part, Poly)]
    if len(numbers) < len(parts) or not any(isinstance(part, Fraction) for part in numbers):
        return sum(parts)
    whole = lcm(*[part.denominator for part in numbers])
    return Fraction(sum([part.numerator * (whole // part.denominator) for part in numbers]), whole)


class Interval(NamedTuple):
    """Between which times a run is expected to lie, in milliseconds; `high` is None where only a lower bound is
    known.
    """

    low: Number
    high: Number | None


class Timing(Record):
    """A prediction: the time of each layer by its position in the graph, and what to know of it.

    `device` describes the machine in words, `peak` is its best rate in GMAC/s. Factors above 1 say how far off nine of
    ten predictions are, inside and outside of what was calibrated. `is_bound`: a roofline, which no run is faster than,
    rather than a prediction. `is_hot`: of a run that follows at once on another of its own.
    """

    layers: dict[int, Time]
    device: str
    peak: Fraction
    peak_source: str
    factor: Fraction = Fraction(1)
    extrapolated_factor: Fraction = Fraction(1)
    whole_factor: Fraction = Fraction(
        1
    )  # of known and extrapolated parts together, at the usual values of free parameters
    is_bound: bool = False
    is_hot: bool = False
    memory: int | None = None  # bytes of a run: weights, activations and working room; None where that isn't known
    kinds: dict[int, str] = {}
    fused: dict[int, int] = {}  # layers that another's kernel does on the side

    @cached_property
    def whole(self) -> Time:
        """The time of all layers together."""
        return together(self.layers.values())

    @cached_property
    def interval(self) -> Interval:
        """Known and extrapolated parts, each off by its factor."""
        if self.is_bound:
            return Interval(self.whole.total, None)
        far: Number = self.whole.extrapolated
        near: Number = self.whole.total - far
        return Interval(
            near / self.factor + far / self.extrapolated_factor, near * self.factor + far * self.extrapolated_factor
        )


__all__ = ["TERMS", "Interval", "Time", "Timing", "together"]
