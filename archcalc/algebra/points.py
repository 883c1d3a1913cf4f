"""Points that are given as arrays of values, as a grid: each array as its distinct values and the places of them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import isfinite

from archcalc.errors import ArchcalcError
from archcalc.untyped import Array

from .grids import Grid
from .poly import Number, Rational, plain
from .vectors import Exact

FEW = 1 << 13  # how far whole numbers lie apart whose costs are looked up
STRETCH = 1 << 14  # points that are computed together
MOST_DIGITS, LARGEST = 12, 10**15  # of decimals
MOST_APART = 1 << 22  # how far whole numbers lie apart that find their places in a table


def exact_of(array: Array) -> Exact | None:
    """An array of numbers as whole numerators over a power of ten; None where there are too many digits.

    A float of at most 15 digits is the nearest to no others, and division rounds right: what comes back equal is
    its shortest decimal.
    """
    import numpy

    if array.dtype.kind in "iu":
        fits = not array.size or (int(array.max()) < 1 << 62 and int(array.min()) > -(1 << 62))
        return Exact(array.astype(numpy.int64)) if fits else None
    if array.dtype != numpy.float64 or not array.size or not numpy.isfinite(array).all():
        return None
    for digits in range(MOST_DIGITS + 1):
        scale = 10.0**digits
        for some in (array.ravel()[:64], array):
            numerators = numpy.rint(some * scale)
            if not (numerators / scale == some).all() or numpy.abs(numerators).max() >= LARGEST:
                break
        else:
            return Exact(numerators.astype(numpy.int64), 10**digits)
    return None


def at_once(x: Number, arrays: Mapping[str, Array]) -> Array | None:
    """A closed form at points many of whose values differ, in stretches of so many points that all of it stays near;
    None where values are to be looked up, or have to be Python's numbers.
    """
    import numpy

    shape = next(iter(arrays.values())).shape
    if len(shape) != 1 or any(array.shape != shape for array in arrays.values()):
        return None
    exact = {name: exact_of(array) for name, array in arrays.items()}
    found = {name: one for name, one in exact.items() if one is not None}
    if len(found) < len(exact) or all(_is_near(one) for one in found.values()):
        return None
    parts = []
    for start in range(0, shape[0], STRETCH):
        grid = Grid({}, {})
        grid.known = {n: Exact(one.numerators[start : start + STRETCH], one.denominator) for n, one in found.items()}
        parts.append(numpy.broadcast_to(whole(grid.evaluate(x)), min(STRETCH, shape[0] - start)))
    return numpy.concatenate(parts)


def _is_near(found: Exact) -> bool:
    import numpy

    return found.denominator == 1 and (not found.numerators.size or int(numpy.ptp(found.numerators)) < FEW)


def grid_of(arrays: Mapping[str, Array]) -> Grid:
    """A grid whose points are those of the arrays, by the names of axes. Raises ArchcalcError for what is no number."""
    axes: dict[str, list[Rational]] = {}
    at: dict[str, Array] = {}
    for name, array in arrays.items():
        axes[name], at[name] = _distinct(name, array)
    return Grid(axes, at)


def _distinct(name: str, array: Array) -> tuple[list[Rational], Array]:
    import numpy

    if array.dtype.kind == "O":
        places: dict[object, int] = {}
        where = [places.setdefault(value, len(places)) for value in array.ravel().tolist()]
        return [_exact(name, value) for value in places], numpy.array(where, dtype=numpy.int64).reshape(array.shape)
    if array.dtype.kind in "iu" and array.size and int(array.max()) - int(array.min()) < MOST_APART:
        low = array.min()
        offsets = (array - low).astype(numpy.int64)
        there = numpy.zeros(int(offsets.max()) + 1, dtype=bool)
        there[offsets.ravel()] = True
        return [int(low) + int(n) for n in numpy.flatnonzero(there)], (numpy.cumsum(there) - 1)[offsets]
    found, back = numpy.unique(array, return_inverse=True)
    return [_exact(name, value) for value in found.tolist()], back.reshape(array.shape)


def _exact(name: str, value: object) -> Rational:
    """The number that was written: 0.75 is three quarters."""
    if isinstance(value, float) and isfinite(value):
        value = Fraction(repr(value))
    if isinstance(value, bool) or not isinstance(value, (int, Fraction)):
        raise ArchcalcError(f"`{name}` can't be {value!r}: only an exact number")
    return plain(value)


def whole(found: Exact) -> Array:
    """Exact values as one array: int64 where they are whole and fit, else Python's integers or Fractions."""
    import numpy

    numerators, denominator = found
    if denominator == 1:
        return numerators
    if not (numerators % denominator).any():
        return numerators // denominator
    values = [plain(Fraction(int(n), denominator)) for n in numerators.ravel()]
    made = numpy.empty(len(values), dtype=object)
    made[:] = values
    return made.reshape(numerators.shape)


__all__ = ["at_once", "grid_of", "whole"]
