"""Polynomials over atoms: what a size or a cost is when some design parameters stay free.

A `Poly` maps monomials to coefficients. A monomial is a tuple of atoms (an atom to the power of three stands there
three times), and an atom is one of

    Variable   a `Symbol`
    Floor      floor(inside / divisor), canonical
    Call       a named rounding of something symbolic, opaque apart from its name and arguments

Every atom exists once in a process, so identity is equality and monomials hash at the speed of tuples of objects.

Floors are kept canonical with identities that hold for all integers: multiples of the divisor leave the floor, the
divisor and the coefficients lose their common factor, and floor((floor(X/d) + Z + b)/c) is floor((X + d*Z +
d*b)/(c*d)). A chain of convolutions and poolings therefore stays one floor, and two ways to the same size give equal
keys.

`atoms` holds what monomials are made of, `terms` sums and products of them, `polynomial` the class and its floors,
`rewriting` what stands in for symbols, `rounding` what is whole.
"""

from .atoms import Atom, Call, Floor, Monomial, Rational, Symbol, Variable, call_atom
from .polynomial import Dim, Number, Poly, names, symbol
from .rewriting import nested, rewrite, variables_in
from .rounding import call, ceil, floor, integral
from .terms import plain

__all__ = [
    "Atom",
    "Call",
    "Dim",
    "Floor",
    "Monomial",
    "Number",
    "Poly",
    "Rational",
    "Symbol",
    "Variable",
    "call",
    "call_atom",
    "ceil",
    "floor",
    "integral",
    "names",
    "nested",
    "plain",
    "rewrite",
    "symbol",
    "variables_in",
]
