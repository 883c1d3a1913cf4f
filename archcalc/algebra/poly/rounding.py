"""What is whole, and rounding what may not be."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial

from archcalc.errors import ArchcalcError

from .atoms import call_atom, unit_of
from .polynomial import Dim, Number, Poly
from .terms import Terms, plain

VECTORS: dict[Callable[..., object], str] = {}  # functions of one value, by what does the same in `algebra.vectors`


def integral(x: Number) -> bool:
    """Whether each term of x is an integer for all values of its symbols (so True is a proof; False is none)."""
    terms: Terms = x.terms if isinstance(x, Poly) else {(): x}
    return all((unit := unit_of(monomial)) and unit % c.denominator == 0 for monomial, c in terms.items())


def floor(x: Number) -> Dim:
    """The largest integer <= x, exact."""
    return x // 1


def ceil(x: Number) -> Dim:
    """The smallest integer >= x, exact; of integer-valued X over c it is the floor of (X + c - 1)/c, and equal to
    that.
    """
    if not isinstance(x, Poly) or not all(unit_of(monomial) for monomial in x.terms):
        return -floor(-x)
    scale = math.lcm(*((c * unit_of(monomial)).denominator for monomial, c in x.terms.items()))
    return (x * scale + (scale - 1)) // scale


def call(
    name: str, function: Callable[..., int | Fraction], *args: Number, integer: bool = True, rising: bool = False
) -> Number:
    """A named rounding, such as make_divisible(24*alpha, 8).

    Of numbers it is computed at once; of anything symbolic it is one opaque atom: it prints as a call, is evaluated
    with `function`, and equals any other of the same name and arguments. `integer=False` says that its values needn't
    be integers, `rising` that it never falls while its symbolic arguments rise, so that it is bounded where they are.
    Raises ArchcalcError when `function` returns anything but an int or a Fraction (or an int, for integer=True).
    """
    if not name.isidentifier() or name in (
        "min",
        "max",
    ):  # these have rules of their own: `minimum` and `maximum` make them
        raise ArchcalcError(f"`{name}` can't name a function")
    if not any(isinstance(arg, Poly) for arg in args):
        value = function(*args)
        if not isinstance(value, int | Fraction) or (integer and value != int(value)):
            raise ArchcalcError(f"{name}({', '.join(map(str, args))}) gave {value!r}: not exact")
        return plain(value)

    args = tuple(arg if isinstance(arg, Poly) else plain(arg) for arg in args)
    return Poly(
        {
            (
                call_atom(
                    name, args, integer, function, partial(call, name, function, integer=integer, rising=rising), rising
                ),
            ): 1
        }
    )
