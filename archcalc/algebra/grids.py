"""Closed forms at many points of a grid at once, exactly.

A grid has the exact values of each axis (whole numbers and fractions); points are arrays of positions on the axes,
which broadcast together. What depends on one axis alone, a named rounding for instance, is worked out once for each of
that axis' values; what is left are sums and products of whole numbers in int64, or in Python's integers where a bound
on everything that is computed on the way says that 64 bits may not be enough. Nothing wraps and nothing is rounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING

from archcalc.errors import ArchcalcError
from archcalc.untyped import Array

from .maxima import maximum, minimum
from .poly import Atom, Call, Floor, Monomial, Number, Poly, Rational, Variable, plain
from .poly.rounding import VECTORS
from .vectors import NAMED, Exact, exactly, fitting, reduced

if TYPE_CHECKING:
    pass

NEAR = 1 << 16  # how far whole arguments lie apart of which each is worked out


class Grid:
    """Points of a space: `axes` has the values of each axis, `at` the positions of the points on it."""

    def __init__(self, axes: Mapping[str, Sequence[Rational] | Exact], at: Mapping[str, Array]) -> None:
        self.axes, self.at = axes, at
        self.tables: dict[tuple[Number | str, str], Exact] = {}  # forms of one axis at its values; grids may share them
        self.known: dict[str, Exact] = {}  # names that are no axis: what was computed at these points before
        self._found: dict[Atom, Exact] = {}
        self._products: dict[Monomial, Exact] = {}

    @classmethod
    def whole(cls, axes: Mapping[str, Sequence[Rational]]) -> Grid:
        """Every point, the first axis the slowest; arrays have a dimension an axis."""
        import numpy

        sides = [len(values) for values in axes.values()]
        at = {
            name: numpy.arange(side).reshape([-1 if n == axis else 1 for n in range(len(sides))])
            for axis, (name, side) in enumerate(zip(axes, sides, strict=True))
        }
        return cls(axes, at)

    def axis(self, name: str) -> Exact:
        """The values of an axis at the points."""
        column = self._column(name)
        return Exact(column.numerators[self.at[name]], column.denominator)

    def _column(self, name: str) -> Exact:
        """The values of an axis, each once."""
        values = self.axes[name]
        if isinstance(values, Exact):
            return values
        if (name, name) not in self.tables:
            self.tables[name, name] = exactly(values)
        return self.tables[name, name]

    def evaluate(self, x: Number) -> Exact:
        """A closed form at the points; its array may have fewer dimensions' lengths than they span, to be broadcast.

        Raises ArchcalcError for symbols that are neither axes nor known.
        """
        import numpy

        if not isinstance(x, Poly):
            value = Fraction(x)
            return Exact(fitting(numpy.array(value.numerator, dtype=object), value.numerator), value.denominator)
        only = self._only_axis(x.symbols)
        return self._tabled(x, only) if only else self._sum(x)

    def _only_axis(self, symbols: frozenset[str]) -> str:
        (name,) = symbols if len(symbols) == 1 else ("",)
        return name if name in self.axes else ""

    def _tabled(self, x: Poly, axis: str) -> Exact:
        """A closed form of one axis: its value at each of the axis' values, taken at the points."""
        if (x, axis) not in self.tables:
            values = Grid({}, {})
            values.known[axis] = self._column(axis)
            self.tables[x, axis] = reduced(values.evaluate(x))
        found = self.tables[x, axis]
        return Exact(found.numerators[self.at[axis]], found.denominator)

    def _sum(self, x: Poly) -> Exact:
        """Terms that differ in one axis alone are one closed form of it; those with the same axes are added before they
        are spread over the others.
        """
        terms = [
            (Fraction(1) if isinstance(along, Poly) else Fraction(along), self._factors(along, across))
            for across, along in grouped(x, lambda atom: self._only_axis(atom.symbols)).items()
        ]
        dens = [math.prod(part.denominator for part in parts) for _, parts in terms]
        denominator = math.lcm(*(c.denominator * den for (c, _), den in zip(terms, dens, strict=True)))
        factors = [int(c * (denominator // den)) for (c, _), den in zip(terms, dens, strict=True)]
        bound = sum(
            abs(factor) * math.prod(max(1, part.extent) for part in parts)
            for factor, (_, parts) in zip(factors, terms, strict=True)
        )
        sums: dict[tuple[int, ...], Array] = {}
        for factor, (_, parts) in zip(factors, terms, strict=True):
            value = _multiplied(factor, [fitting(part.numerators, bound) for part in parts], bound)
            if value.shape in sums:
                sums[value.shape] += value
            else:
                sums[value.shape] = value
        return Exact(reduce(lambda a, b: a + b, sums.values()), denominator)

    def _factors(self, along: Number, across: Monomial) -> list[Exact]:
        """The arrays that a product is of, one for each axis, and one for each atom of several."""
        by_axis: dict[str, list[Atom]] = {}
        for atom in across:
            by_axis.setdefault(self._only_axis(atom.symbols), []).append(atom)
        alone = by_axis.pop("", [])
        found = [self._of_axis(tuple(atoms)) for atoms in by_axis.values()]
        return [*([self.evaluate(along)] if isinstance(along, Poly) else []), *found, *map(self._atom, alone)]

    def _of_axis(self, atoms: Monomial) -> Exact:
        """A product of atoms of one axis, worked out once."""
        if atoms not in self._products:
            self._products[atoms] = self.evaluate(Poly({atoms: 1}))
        return self._products[atoms]

    def _atom(self, atom: Atom) -> Exact:
        if atom not in self._found:
            self._found[atom] = self._computed(atom)
        return self._found[atom]

    def _computed(self, atom: Atom) -> Exact:
        if isinstance(atom, Variable):
            name = atom.symbol.name
            if name in self.known:
                return self.known[name]
            if name not in self.axes:
                raise ArchcalcError(f"there is no value for {name}")
            return self.axis(name)
        if axis := self._only_axis(atom.symbols):
            return self._tabled(Poly({(atom,): 1}), axis)
        if isinstance(atom, Floor):
            inside = self.evaluate(atom.inside)
            return Exact(inside.numerators // (inside.denominator * atom.divisor))
        assert isinstance(atom, Call)
        return self._called(atom, [self.evaluate(arg) for arg in atom.args])

    def _called(self, atom: Call, args: list[Exact]) -> Exact:
        import numpy

        if atom.build in (minimum, maximum):
            denominator = math.lcm(*(arg.denominator for arg in args))
            pick = numpy.minimum if atom.build is minimum else numpy.maximum
            return Exact(reduce(pick, [arg.over(denominator) for arg in args]), denominator)
        vector = NAMED.get(VECTORS.get(atom.function, ""))
        others = atom.args[1:]
        options = [other for other in others if not isinstance(other, Poly)]
        if vector and len(options) == len(others) and (found := vector(args[0], options)):
            return found
        return self._near(atom, args) or self._mapped(atom, args)

    @staticmethod
    def _near(atom: Call, args: list[Exact]) -> Exact | None:
        """A function of one argument that varies between near whole numbers: a table of all of them."""
        import numpy

        (at, *more) = [n for n, arg in enumerate(args) if arg.numerators.size != 1] or [0]
        array = args[at].numerators
        if more or args[at].denominator != 1 or array.dtype == object or not array.size or numpy.ptp(array) > NEAR:
            return None
        low = int(array.min())
        there = numpy.zeros(int(array.max()) - low + 1, dtype=bool)
        there[(array - low).ravel()] = True
        where = numpy.cumsum(there) - 1
        fixed = [plain(Fraction(int(arg.numerators.ravel()[0]), arg.denominator)) for arg in args]
        found = exactly(
            [Fraction(atom.function(*fixed[:at], low + int(n), *fixed[at + 1 :])) for n in numpy.flatnonzero(there)]
        )
        return Exact(found.numerators[where[array - low]], found.denominator)

    @staticmethod
    def _mapped(atom: Call, args: list[Exact]) -> Exact:
        """A rounding of several axes: once for each combination of arguments that there is."""
        import numpy

        arrays = numpy.broadcast_arrays(*(arg.numerators for arg in args))
        rows = numpy.stack([array.ravel() for array in arrays], axis=1)
        if rows.dtype == object:
            rows = numpy.array([tuple(row) for row in rows], dtype=object)
            keys = {tuple(row): None for row in rows}
            table = {key: n for n, key in enumerate(keys)}
            distinct, back = list(keys), numpy.array([table[tuple(row)] for row in rows])
        else:
            unique, back = numpy.unique(rows, axis=0, return_inverse=True)
            distinct = [tuple(map(int, row)) for row in unique]
        dens = [arg.denominator for arg in args]
        values = [
            Fraction(atom.function(*(plain(Fraction(n, d)) for n, d in zip(row, dens, strict=True))))
            for row in distinct
        ]
        found = exactly(values)
        return Exact(found.numerators[back.reshape(-1)].reshape(arrays[0].shape), found.denominator)


def grouped(x: Poly, axis_of: Callable[[Atom], str]) -> dict[Monomial, Number]:
    """A sum of products: what depends on the axis that the most terms differ in, by the atoms that it is multiplied
    with.
    """
    only = {atom: axis_of(atom) for monomial in x.terms for atom in monomial}
    parts = {
        axis: {tuple(atom for atom in monomial if only[atom] == axis) for monomial in x.terms}
        for axis in sorted(set(only.values()) - {""})
    }
    chosen = max(parts, key=lambda axis: len(parts[axis]), default="")
    groups: dict[Monomial, dict[Monomial, Rational]] = {}
    for monomial, c in x.terms.items():
        across = tuple(atom for atom in monomial if not chosen or only[atom] != chosen)
        along = tuple(atom for atom in monomial if chosen and only[atom] == chosen)
        groups.setdefault(across, {})[along] = c
    return {across: group[()] if list(group) == [()] else Poly(group) for across, group in groups.items()}


def _multiplied(factor: int, arrays: list[Array], bound: int) -> Array:
    """A product: arrays along the same axes first, so that as little as can be is computed for every point."""
    import numpy

    shapes: dict[tuple[int, ...], Array] = {(): fitting(numpy.array(factor, dtype=object), bound)}
    for array in arrays:
        shapes[array.shape] = shapes[array.shape] * array if array.shape in shapes else array
    parts = sorted(shapes.values(), key=lambda array: array.size)
    return numpy.array(reduce(lambda a, b: a * b, parts))


__all__ = ["Grid", "grouped"]
