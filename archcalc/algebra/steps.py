"""Where closed forms of one symbol step: between two neighbouring steps all that is read of the symbol stays the same.

Roundings that never fall, or never rise, are constant between two values at which they are equal, so what lies between
needs no look at any of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from archcalc.untyped import Array

from .grids import Grid
from .order import trend
from .poly import Atom, Call, Floor, Poly, Variable, nested, variables_in
from .poly.rounding import VECTORS
from .vectors import Exact

MOST_STEPS, PARTS = 1 << 12, 16  # steps that are kept; parts that a stretch is cut into where something steps in it
FARTHEST = 1 << 56  # so that the parts of a stretch stay in 64 bits


def stepping(x: Poly, name: str) -> list[Atom]:
    """The roundings that a closed form is made of as far as it reads the symbol; none where it reads it otherwise."""
    read = [atom for atom in _outermost(x, name) if name in atom.symbols]
    return read if all(_is_stepping(atom, name) for atom in read) else []


def _outermost(x: Poly, name: str) -> Iterable[Atom]:
    for atom in dict.fromkeys(atom for monomial in x.terms for atom in monomial):
        if atom.symbols == {name} or isinstance(atom, Variable):
            yield atom
        else:
            assert isinstance(atom, (Floor, Call))
            for inside in (atom.inside,) if isinstance(atom, Floor) else atom.args:
                yield from _outermost(inside, name) if isinstance(inside, Poly) else ()


def _is_stepping(atom: Atom, name: str) -> bool:
    calls = [one for one in nested(Poly({(atom,): 1})) if isinstance(one, Call)]
    quick = all(call.function in VECTORS or call.name in ("min", "max") for call in calls)
    return quick and atom.integer and not isinstance(atom, Variable) and atom.symbols == {name} and trend(atom) != 0


def steps(atoms: Sequence[Atom], name: str, low: int, high: int, denominator: int) -> Array | None:
    """The numerators from low to high, over a denominator, from each of which on all atoms are the same up to the next.

    None where there are too many, or where the symbol can't be all of these.
    """
    import numpy

    ends_of_all = [Fraction(end, denominator) for end in (low, high)]
    symbols = {one.symbol for atom in atoms for one in variables_in(Poly({(atom,): 1}))}
    if high - low >= FARTHEST or not all(symbol.holds(*ends_of_all) for symbol in symbols):
        return None
    ends = numpy.unique(numpy.linspace(low, high, 1 + PARTS).astype(numpy.int64))
    while True:
        values = _values(atoms, name, Exact(ends, denominator))
        changes = numpy.any([numpy.diff(value) != 0 for value in values], axis=0)
        if changes.sum() > MOST_STEPS:
            return None
        wide = changes & (numpy.diff(ends) > 1)
        if not wide.any():
            return numpy.concatenate([ends[:1], ends[1:][changes]])
        starts, sides = ends[:-1][wide], numpy.diff(ends)[wide]
        inner = starts[:, None] + sides[:, None] * numpy.arange(1, PARTS) // PARTS
        kept = numpy.concatenate([ends[:1], ends[:-1][changes], ends[1:][changes]])
        ends = numpy.sort(numpy.concatenate([kept, inner.ravel()]))
        ends = ends[numpy.diff(ends, prepend=low - 1) > 0]


def _values(atoms: Sequence[Atom], name: str, at: Exact) -> list[Array]:
    import numpy

    grid = Grid({}, {})
    grid.known[name] = at
    return [numpy.broadcast_to(grid.evaluate(Poly({(atom,): 1})).numerators, at.numerators.shape) for atom in atoms]


__all__ = ["stepping", "steps"]
