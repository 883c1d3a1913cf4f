"""How large the numbers are that a network computes with fresh weights: what operators say of it, roughly."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from math import erf, exp, pi, prod, sqrt

from archcalc.algebra import Dim, Poly
from archcalc.tuples import NamedTuple


class Level(enum.Enum):
    """What sets how large the numbers are that an operator puts out, where it contracts nothing."""

    ARRIVING = "what arrives"
    LEARNED = "what arrives, times a scale that is learned"
    NORMAL = "a scale that is learned, of what was normalised"
    TABLE = "a learned table, whatever arrives"


class Spread(NamedTuple):
    """The mean of what a layer puts out, and the mean of its square."""

    mean: float
    square: float

    @property
    def variance(self) -> float:
        """Around the mean; at least 0."""
        return max(self.square - self.mean**2, 0.0)


def rough(value: Dim) -> float:
    """A size as a number; one that is free counts as about a hundred."""
    return 96.0 if isinstance(value, Poly) else float(value)


def summed(arriving: Sequence[Spread], mean: float, share: float = 1.0) -> Spread:
    """Of a sum with that mean, each of its terms times `share`."""
    return Spread(mean, mean**2 + share**2 * sum(x.variance for x in arriving))


def multiplied(arriving: Sequence[Spread]) -> Spread:
    """Of a product of numbers that know nothing of one another."""
    return Spread(prod(x.mean for x in arriving), prod(x.square for x in arriving))


def mixed(arriving: Sequence[Spread], channels: Sequence[Dim]) -> Spread:
    """Of maps side by side, with so many channels each."""
    sizes = [rough(each) for each in channels]
    shares = [each / sum(sizes) for each in sizes]
    return Spread(
        sum(share * x.mean for share, x in zip(shares, arriving, strict=True)),
        sum(share * x.square for share, x in zip(shares, arriving, strict=True)),
    )


def averaged(x: Spread, places: Sequence[Dim]) -> Spread:
    """Of the mean over a map: neighbours are alike, so it varies by more than that of as many strangers."""
    return Spread(x.mean, x.mean**2 + x.variance / sqrt(prod(map(rough, places))))


def rectified(x: Spread) -> Spread:
    """Of max(x, 0) for a normal x."""
    deviation = sqrt(x.variance)
    if deviation < 1e-6 * abs(x.mean):
        return x if x.mean > 0 else Spread(0.0, 0.0)
    ratio = x.mean / deviation
    below, density = (1 + erf(ratio / sqrt(2))) / 2, exp(-(ratio**2) / 2) / sqrt(2 * pi)
    return Spread(x.mean * below + deviation * density, x.square * below + x.mean * deviation * density)


__all__ = ["Level", "Spread", "averaged", "mixed", "multiplied", "rectified", "rough", "summed"]
