"""Points that are given as arrays of values: each as the places of its distinct values, or of what steps between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import ceil, floor, isfinite
from typing import TypeAlias

from archcalc.errors import ArchcalcError
from archcalc.tuples import NamedTuple
from archcalc.untyped import Array

from .grids import Grid
from .poly import Number, Poly, Rational, plain, variables_in
from .products import added, factors, products, weighed
from .steps import stepping, steps
from .vectors import Exact

FEW = 1 << 13  # values of which each is worked out
MOST_PRODUCTS = 32  # whose factors are looked up
STRETCH = 1 << 14  # points that are computed together
MOST_DIGITS, LARGEST = 12, 10**15  # of decimals
LARGEST_BETWEEN = 1 << 40  # of numerators that floats lie between
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
        if _scaled(array[:64], digits) is not None and (numerators := _scaled(array, digits)) is not None:
            return Exact(numerators, 10**digits)
    return None


def _scaled(array: Array, digits: int) -> Array | None:
    """The numerators over a power of ten, where these are the numbers."""
    import numpy

    scale, found = 10.0**digits, numpy.empty(array.shape, dtype=numpy.int64)
    for start in range(0, array.size, STRETCH):
        some = array[start : start + STRETCH]
        numerators = numpy.rint(some * scale)
        if not (numerators / scale == some).all() or numerators.max() >= LARGEST or numerators.min() <= -LARGEST:
            return None
        found[start : start + STRETCH] = numerators
    return found


class Places(NamedTuple):
    """The values that are worked out, and the places among them of the numerators from the least on (None: each is its
    own), of each point's numerators.
    """

    values: Exact
    numerators: Array
    low: int = 0
    place: Array | None = None

    def near(self, stretch: slice) -> Stretched:
        """Those of some of the points."""
        numerators = self.numerators[stretch]
        if self.place is None:
            return Stretched(Exact(numerators, self.values.denominator))
        return Stretched(self.values, self.place[numerators - self.low].astype("intp"))


class Stretched(NamedTuple):
    """Values, and the places of some points among them (None: they are the points')."""

    values: Exact
    at: Array | None = None


def at_once(x: Poly, arrays: Mapping[str, Array]) -> Array | None:
    """A closed form at points, in stretches of so many that all of it stays near; None where values have to be Python's
    numbers.
    """
    shape = next(iter(arrays.values())).shape
    if len(shape) != 1 or not shape[0] or any(array.shape != shape for array in arrays.values()):
        return None
    places: dict[str, Places] = {}
    unsure = None
    for name in arrays.keys() & x.symbols:
        if (exact := exact_of(arrays[name])) is not None:
            places[name] = _places(x, name, exact)
        elif (between := _between(x, name, arrays[name])) is not None:
            places[name], doubted = between
            unsure = doubted if unsure is None else unsure | doubted
        else:
            return None
    found = _in_stretches(x, places, shape[0]) if places else None
    return found if found is None or unsure is None else _mended(x, arrays, found, unsure)


def _mended(x: Poly, arrays: Mapping[str, Array], found: Array, unsure: Array) -> Array:
    """What was found, once the points that lie too near to a step are worked out one by one."""
    if not unsure.any():
        return found
    exact = whole(grid_of({name: array[unsure] for name, array in arrays.items()}).evaluate(x))
    if exact.dtype == object:
        found = found.astype(object)
    found[unsure] = exact
    return found


def _in_stretches(x: Poly, places: Mapping[str, Places], points: int) -> Array:
    import numpy

    evaluate = _added(x, places) or _over_grids(x, places)
    parts = []
    for start in range(0, points, STRETCH):
        stretch = {name: one.near(slice(start, start + STRETCH)) for name, one in places.items()}
        parts.append(numpy.broadcast_to(whole(evaluate(stretch)), min(STRETCH, points - start)))
    return numpy.concatenate(parts)


Stretch: TypeAlias = Mapping[str, Stretched]  # by symbol


def _over_grids(x: Poly, places: Mapping[str, Places]) -> Callable[[Stretch], Exact]:
    """A closed form at a stretch of points. What depends on a symbol alone is worked out once for all of them."""
    axes = {name: one.values for name, one in places.items() if one.place is not None}
    tables: dict[tuple[Number | str, str], Exact] = {}

    def evaluate(stretch: Stretch) -> Exact:
        grid = Grid(axes, {name: one.at for name, one in stretch.items() if one.at is not None})
        grid.known = {name: one.values for name, one in stretch.items() if one.at is None}
        grid.tables = tables
        return grid.evaluate(x)

    return evaluate


def _added(x: Poly, places: Mapping[str, Places]) -> Callable[[Stretch], Exact] | None:
    """The same as a sum of products of what is looked up; None where something reads several symbols, or where more is
    looked up than fits nearby.
    """
    parts = products(x)
    if parts is None or len(parts) > MOST_PRODUCTS:
        return None
    tables = {name: factors(parts, name, one.values) for name, one in places.items() if one.place is not None}
    once = weighed(parts, list(tables.values())) if len(tables) == len(places) else None
    otherwise = _over_grids(x, places)

    def evaluate(stretch: Stretch) -> Exact:
        own = [factors(parts, name, one.values) for name, one in stretch.items() if one.at is None]
        found = once or weighed(parts, [*own, *tables.values()])
        if found is None:
            return otherwise(stretch)
        at = [None] * len(own) + [stretch[name].at for name in tables]
        rows = [
            matrix if where is None else matrix.take(where, axis=0)
            for matrix, where in zip(found.matrices, at, strict=True)
        ]
        return Exact(added(rows), found.denominator)

    return evaluate


def _places(x: Poly, name: str, found: Exact) -> Places:
    """Of many values those are worked out at which something steps, else each that there is."""
    import numpy

    own = Places(found, found.numerators)
    low, high = int(found.numerators.min()), int(found.numerators.max())
    if high - low >= MOST_APART:
        return own
    starts = _stepped(x, name, low, high, found.denominator) if high - low >= FEW else None
    if starts is None:
        there = numpy.zeros(high - low + 1, dtype=bool)
        there[found.numerators - low] = True
        starts = numpy.flatnonzero(there)
    if starts.size > FEW:
        return own
    values = Exact(starts + low, found.denominator)
    return Places(values, found.numerators, low, _filled(starts, high - low + 1))


def _filled(starts: Array, size: int) -> Array:
    """The number of the last start, for each place up to the size."""
    import numpy

    return numpy.repeat(numpy.arange(starts.size, dtype=numpy.uint16), numpy.diff(starts, append=size))


def _between(x: Poly, name: str, array: Array) -> tuple[Places, Array] | None:
    """Places of floats of any digits, each by the numbers of few digits that it lies between, and which of them have a
    step between these; None where the closed form reads them otherwise than by steps.
    """
    import numpy

    if array.dtype != numpy.float64 or not numpy.isfinite(array).all():
        return None
    first, last = (Fraction(repr(float(end))) for end in (array.min(), array.max()))
    symbol = next(one.symbol for one in variables_in(x) if one.symbol.name == name)
    denominator = int(MOST_APART / 2 / max(last - first, Fraction(1)))
    if denominator < 1 or max(-first, last) * denominator >= LARGEST_BETWEEN or not symbol.holds(first, last):
        return None
    low, high = floor(first * denominator) - 2, floor(last * denominator) + 3
    low = low if symbol.low is None else max(low, ceil(symbol.low * denominator))
    high = high if symbol.high is None else min(high, floor(symbol.high * denominator))
    starts = _stepped(x, name, low, high, denominator) if low < high else None
    if starts is None or starts.size > FEW:
        return None
    place = _filled(starts, high - low + 1)
    below = numpy.floor(array * denominator).astype(numpy.int64) - low  # a float's error is far below 1 here
    before, after = numpy.clip(below - 1, 0, high - low), numpy.clip(below + 2, 0, high - low)
    unsure = (place[before] != place[after]) | (before != below - 1) | (after != below + 2)
    return Places(Exact(starts + low, denominator), numpy.clip(below, 0, high - low), 0, place), unsure


def _stepped(x: Poly, name: str, low: int, high: int, denominator: int) -> Array | None:
    read = stepping(x, name)
    found = steps(read, name, low, high, denominator) if read else None
    return None if found is None else found - low


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
