"""Closed forms at many points as sums of products, each factor of one symbol alone and looked up where it can be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from archcalc.tuples import NamedTuple
from archcalc.untyped import Array

from .grids import Grid, grouped
from .poly import Atom, Monomial, Number, Poly, Rational
from .vectors import INT64, Exact, reduced


class Product(NamedTuple):
    """A number times a closed form of each of some symbols."""

    factor: Rational
    of: Mapping[str, Poly]


class Factors(NamedTuple):
    """What products have of one symbol at values of it: values x products in 64 bits (None: they aren't enough), and
    the largest and the denominator of each product's.
    """

    matrix: Array | None
    most: Sequence[int]
    below: Sequence[int]


def products(x: Poly) -> list[Product] | None:
    """A closed form as few products; None where a rounding of it reads several symbols."""
    if any(len(atom.symbols) > 1 for monomial in x.terms for atom in monomial):
        return None
    return [_product(across, along) for across, along in grouped(x, _only).items()]


def _only(atom: Atom) -> str:
    (name,) = atom.symbols
    return name


def _product(across: Monomial, along: Number) -> Product:
    of = {
        name: Poly({tuple(atom for atom in across if _only(atom) == name): 1})
        for name in dict.fromkeys(map(_only, across))
    }
    if not isinstance(along, Poly):
        return Product(along, of)
    (name,) = along.symbols
    return Product(1, {**of, name: along})


def factors(parts: Sequence[Product], name: str, values: Exact) -> Factors:
    """What each product has of a symbol at these values; 1 where it doesn't read it."""
    import numpy

    grid = Grid({}, {})
    grid.known[name] = values
    found = [reduced(grid.evaluate(part.of[name])) if name in part.of else Exact(numpy.array([1])) for part in parts]
    most, below = [one.extent for one in found], [one.denominator for one in found]
    if any(one.numerators.dtype == object for one in found):
        return Factors(None, most, below)
    matrix = numpy.empty((values.numerators.size, len(parts)), dtype=numpy.int64)
    for n, one in enumerate(found):
        matrix[:, n] = one.numerators
    return Factors(matrix, most, below)


class Weighed(NamedTuple):
    """The matrices of the symbols, the first times what each product is to be taken, and the denominator of the sum."""

    matrices: Sequence[Array]
    denominator: int


def weighed(parts: Sequence[Product], read: Sequence[Factors]) -> Weighed | None:
    """None where 64 bits may not be enough for anything that is computed on the way."""
    import numpy

    matrices = [one.matrix for one in read if one.matrix is not None]
    if len(matrices) < len(read):
        return None
    below = [part.factor.denominator * math.prod(one.below[n] for one in read) for n, part in enumerate(parts)]
    denominator = math.lcm(*below)
    times = [part.factor.numerator * (denominator // each) for part, each in zip(parts, below, strict=True)]
    most = sum(abs(each) * math.prod(max(1, one.most[n]) for one in read) for n, each in enumerate(times))
    if most >= INT64:
        return None
    return Weighed([matrices[0] * numpy.array(times, dtype=numpy.int64), *matrices[1:]], denominator)


def added(matrices: Sequence[Array]) -> Array:
    """The sum over products, each of what all symbols' matrices (points x products) have of it."""
    import numpy

    if len(matrices) == 1:
        return matrices[0][:, 0] if matrices[0].shape[1] == 1 else matrices[0].sum(axis=1)
    found: Array = numpy.einsum(f"{','.join(['nk'] * len(matrices))}->n", *matrices)
    return found


__all__ = ["Factors", "Product", "added", "factors", "products", "weighed"]
