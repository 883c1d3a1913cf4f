"""Sizes that depend on free symbols, as ONNX nodes: computed from the inputs' shapes, in whole numbers, when the
network runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import lcm

from archcalc.algebra import Dim, Number, Poly, maximum, minimum
from archcalc.algebra.poly import Atom, Call, Floor, Variable
from archcalc.errors import UsageError
from archcalc.ops import Shape

Write = Callable[..., str]  # (kind, *inputs, **attributes) -> the name of the output


class Sizes:
    """Each is a vector of one int64. What was computed once is used again.

    `shapes` are those of the graph's inputs with the batch in front, `write` adds a node, `ints` a constant.
    """

    def __init__(self, shapes: Mapping[str, Shape], write: Write, ints: Callable[[list[int]], str]) -> None:
        self.write, self.ints = write, ints
        self.sources = _sources(shapes)
        self.known: dict[object, str] = {}

    def value(self, dim: Dim) -> str:
        """The value that holds a size. Raises UsageError for a symbol that no input's shape shows."""
        return self._number(dim)

    def _number(self, x: Number) -> str:
        if not isinstance(x, Poly):
            return self.ints([int(x)])
        if x not in self.known:
            scale = lcm(*(coefficient.denominator for coefficient in x.terms.values()))
            terms = [self._product(int(coefficient * scale), monomial) for monomial, coefficient in x.terms.items()]
            total = terms[0]
            for term in terms[1:]:
                total = self.write("Add", total, term)
            self.known[x] = total if scale == 1 else self.write("Div", total, self.ints([scale]))
        return self.known[x]

    def _product(self, coefficient: int, monomial: tuple[Atom, ...]) -> str:
        factors = [self._atom(atom) for atom in monomial]
        product = factors.pop(0) if factors and coefficient == 1 else self.ints([coefficient])
        for factor in factors:
            product = self.write("Mul", product, factor)
        return product

    def _atom(self, atom: Atom) -> str:
        if atom not in self.known:
            self.known[atom] = self._computed(atom)
        return self.known[atom]

    def _computed(self, atom: Atom) -> str:
        if isinstance(atom, Floor):  # Div drops the fraction, which is no floor below zero
            scale = lcm(*(coefficient.denominator for coefficient in atom.inside.terms.values()))
            inside, divisor = self._number(atom.inside * scale), self.ints([atom.divisor * scale])
            return self.write("Div", self.write("Sub", inside, self.write("Mod", inside, divisor)), divisor)
        if isinstance(atom, Call) and atom.build in (minimum, maximum):
            return self.write("Min" if atom.build is minimum else "Max", *map(self._number, atom.args))
        if isinstance(atom, Variable) and atom.symbol.name in self.sources:
            name, axis, factor, offset = self.sources[atom.symbol.name]
            dim = self.write("Shape", name, start=axis, end=axis + 1)
            shifted = dim if offset == 0 else self.write("Sub", dim, self.ints([offset]))
            return shifted if factor == 1 else self.write("Div", shifted, self.ints([factor]))
        raise UsageError(
            f"a size depends on {', '.join(sorted(atom.symbols))} in a way that the inputs' shapes don't show; bind it"
            " with --set"
        )


def _sources(shapes: Mapping[str, Shape]) -> dict[str, tuple[str, int, int, int]]:
    """Where each symbol can be read off: an input, its axis, and the factor and offset between the symbol and that
    size.
    """
    found: dict[str, tuple[str, int, int, int]] = {}
    for name, shape in shapes.items():
        for axis, dim in enumerate(shape):
            terms = dict(dim.terms) if isinstance(dim, Poly) else {}
            offset = terms.pop((), 0)
            if len(terms) != 1:
                continue
            ((monomial, factor),) = terms.items()
            if (
                len(monomial) == 1
                and isinstance(monomial[0], Variable)
                and isinstance(factor, int)
                and factor > 0
                and isinstance(offset, int)
            ):
                found.setdefault(monomial[0].symbol.name, (name, axis, factor, offset))
    return found
