"""Named roundings of many values at once: whole numerators over one denominator, in int64, exactly.

Each says what the largest number is that it computes on the way, from the largest that it is given; where 64 bits may
not be enough it gives None, and the rounding is worked out otherwise. Nothing wraps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeAlias

from archcalc.tuples import NamedTuple
from archcalc.untyped import Array

INT64 = 1 << 63


class Exact(NamedTuple):
    """Rational numbers: whole numerators (int64, or objects where they may be larger) over one denominator."""

    numerators: Array
    denominator: int = 1

    @property
    def extent(self) -> int:
        """The largest numerator there is, without its sign."""
        array = self.numerators
        return max(abs(int(array.min())), abs(int(array.max()))) if array.size else 0

    def over(self, denominator: int) -> Array:
        """The numerators over a multiple of the denominator."""
        factor = denominator // self.denominator
        if factor == 1:
            return self.numerators
        return fitting(self.numerators, self.extent * factor) * factor


def fitting(array: Array, bound: int) -> Array:
    """The array in int64 where nothing of it, and of what is computed next, is larger than `bound` and that fits."""
    kind = "int64" if abs(bound) < INT64 else object
    return array if array.dtype == kind else array.astype(kind)


def exactly(values: Sequence[int | Fraction]) -> Exact:
    """Numbers over their common denominator."""
    import numpy

    denominator = math.lcm(*(value.denominator for value in values))
    whole = [int(value * denominator) for value in values]
    return Exact(fitting(numpy.array(whole, dtype=object), max(map(abs, whole), default=0)), denominator)


def reduced(found: Exact) -> Exact:
    """The same numbers over the least denominator that they share, in int64 where that is enough."""
    import numpy

    common = math.gcd(found.denominator, *map(int, numpy.unique(found.numerators % found.denominator)))
    numerators = found.numerators // common if common > 1 else found.numerators
    return Exact(fitting(numerators, Exact(numerators).extent), found.denominator // common)


Vector: TypeAlias = Callable[[Exact, Sequence[int | Fraction]], Exact | None]  # of values, and of numbers as options


def rounded_half_even(values: Exact, options: Sequence[int | Fraction]) -> Exact | None:
    """To the nearest whole number, halves to the even one. At most 2 |n| + d is computed, and products of 2 d below."""
    n, d = values
    if options or n.dtype == object or 2 * values.extent + 3 * d >= INT64:
        return None
    doubled = 2 * n + d
    found = doubled // (2 * d)
    found -= (found * (2 * d) == doubled) & (found % 2 == 1)  # |found * 2d| <= |2n + d| + 2d
    return Exact(found)


def multiples(values: Exact, options: Sequence[int | Fraction]) -> Exact | None:
    """To multiples of the first option, at least the second, never below the third's part of the value.

    With n over d, a divisor v and a share p/q at most 2 |n| + v d is rounded down; the multiple r is at most
    |n|/d + 2 v + least; r q d and p |n| are compared.
    """
    n, d = values
    defaults: tuple[int | Fraction | None, ...] = (8, None, Fraction(9, 10))
    divisor, least, keep = [*options, *defaults[len(options) :]][:3]
    least = divisor if least is None else least
    if n.dtype == object or not isinstance(divisor, int) or not isinstance(least, int) or divisor <= 0:
        return None
    p, q = Fraction(keep or 0).numerator, Fraction(keep or 0).denominator
    largest = values.extent // d + 2 * divisor + abs(least) + 1
    if max(2 * values.extent + 3 * divisor * d, largest * q * d, abs(p) * values.extent) >= INT64:
        return None
    import numpy

    found = numpy.maximum((2 * n + divisor * d) // (2 * divisor * d) * divisor, least)
    return Exact(found + divisor * (found * (q * d) < p * n))


NAMED: dict[str, Vector] = {vector.__name__: vector for vector in (multiples, rounded_half_even)}

__all__ = ["NAMED", "Exact", "exactly", "fitting", "multiples", "reduced", "rounded_half_even"]
