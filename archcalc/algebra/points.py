"""Points that are given as arrays of values, as a grid: each array as its distinct values and the places of them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import isfinite

from archcalc.errors import ArchcalcError
from archcalc.untyped import Array

from .grids import Exact, Grid
from .poly import Rational, plain

MOST_APART = 1 << 22  # how far whole numbers lie apart that find their places in a table


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


__all__ = ["grid_of", "whole"]
