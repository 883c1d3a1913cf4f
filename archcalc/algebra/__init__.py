"""Exact integer arithmetic with free symbols: every size is an int or a `Poly`.

    >>> from archcalc.algebra import symbol, unicode
    >>> size = symbol("size")
    >>> half = (size + 2 * 3 - 7) // 2 + 1        # a 7x7 convolution, stride 2, padding 3
    >>> pooled = (half + 2 * 1 - 3) // 2 + 1      # a 3x3 pooling, stride 2, padding 1
    >>> print(pooled, "|", unicode(64 * pooled**2))
    (size + 3)//4 | 64⌈size/4⌉²

`poly` holds the arithmetic; the questions are in `intervals` (`bounds`), `equality` (`same`, `divides`) and `order`
(`less`, `domain`), each answered for every point of the domain; `printing` has the notations, `sums` sums over an
index, `compiling` and `javascript` fast evaluation. Nothing here rounds, overflows or guesses: what can't be decided
or kept exact raises.
"""

from .equality import divides, same
from .intervals import bounds
from .maxima import maximum, minimum
from .order import domain, increasing, less, lower_bound, shares
from .poly import Dim, Number, Poly, Symbol, call, ceil, floor, integral, symbol
from .printing import latex, text, to_sympy, unicode
from .sums import at, extremes, index_symbol, progression, summed

__all__ = [
    "Dim",
    "Number",
    "Poly",
    "Symbol",
    "at",
    "bounds",
    "call",
    "ceil",
    "divides",
    "domain",
    "extremes",
    "floor",
    "increasing",
    "index_symbol",
    "integral",
    "latex",
    "less",
    "lower_bound",
    "maximum",
    "minimum",
    "progression",
    "same",
    "shares",
    "summed",
    "symbol",
    "text",
    "to_sympy",
    "unicode",
]
