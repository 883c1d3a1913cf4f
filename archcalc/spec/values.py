"""What expressions compute with: exact values, their operators and functions, each result kept small.

A value is an int, a Fraction, a closed form, a truth, a word, nothing, or a list of these.
"""

from __future__ import annotations

import _ast as ast  # the classes of nodes alone: the module `ast` takes longer to import than most specs to read
import functools
import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from archcalc import algebra
from archcalc.algebra import Number, Poly
from archcalc.algebra.poly.rounding import VECTORS
from archcalc.errors import ExpressionError, Undecided

MOST_ITEMS, MOST_BITS, LARGEST_EXPONENT = 10_000, 256, 1024

Value = Any  # int, Fraction, Poly, bool, str, None, or a tuple of these


def plain(value: object) -> Any:
    """A fraction that is whole as an integer, all else as it is."""
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def capped(value: object) -> Any:
    """The value. Raises ExpressionError where it is a number too large to work with."""
    bits = (
        max(value.numerator.bit_length(), value.denominator.bit_length()) if isinstance(value, (int, Fraction)) else 0
    )
    if bits > MOST_BITS:
        raise ExpressionError(f"a number of {bits:,} bits is too large")
    return value


def number(value: Value, sign: str) -> Any:
    """The value as a number, for the operator `sign`. Raises ExpressionError where it is none."""
    if isinstance(value, (int, Fraction, Poly)) and not isinstance(value, bool):
        return value
    shown = "a list" if isinstance(value, tuple) else f"`{str(value).lower() if not isinstance(value, str) else value}`"
    raise ExpressionError(f"{sign} needs numbers, got {shown}")


def truth(value: Value) -> bool:
    """Whether a value is true. Raises Undecided where it depends on a symbol."""
    if isinstance(value, Poly):
        raise Undecided(f"`{value}` is free, so it is neither true nor false; compare it", value.symbols)
    return bool(value)


def _power(base: Any, exponent: Any) -> Any:
    """base**exponent; where the exponent is free, a named one: of a number to a whole power, which is exact."""
    if isinstance(exponent, Poly):
        if not isinstance(base, (int, Fraction)) or base <= 0 or not algebra.integral(exponent):
            raise Undecided(f"`{exponent}` is free and can't be an exponent here; bind it with --set", exponent.symbols)
        low = algebra.bounds(exponent)[0]
        whole = isinstance(base, int) and low is not None and low >= 0
        return algebra.call("pow", _power, base, exponent, integer=whole, rising=base >= 1)
    if not isinstance(exponent, int):
        raise ExpressionError(f"an exponent must be a whole number, got {exponent}")
    bits = base.numerator.bit_length() + base.denominator.bit_length() if isinstance(base, (int, Fraction)) else 1
    if abs(exponent) > LARGEST_EXPONENT or abs(exponent) * (bits - 1) > 4 * MOST_BITS:
        raise ExpressionError(f"{base}**{exponent} is too large")
    if exponent < 0:
        if base == 0 or isinstance(base, Poly):
            raise ExpressionError(f"{base}**{exponent} can't be computed")
        return 1 / Fraction(base) ** -exponent
    return base**exponent


def _divided(a: Any, b: Any) -> Number:
    return Fraction(a) / b if isinstance(a, int) and isinstance(b, (int, Fraction)) else a / b


def _equal(a: Value, b: Value) -> bool:
    a, b = ("none" if value is None else value for value in (a, b))
    return algebra.same(a, b) if isinstance(a, Poly) or isinstance(b, Poly) else bool(a == b)


def _ordered(a: Value, b: Value) -> tuple[Number, Number]:
    return number(a, "<"), number(b, "<")


def _less(a: Value, b: Value) -> bool:
    a, b = _ordered(a, b)
    return algebra.less(a, b) if isinstance(a, Poly) or isinstance(b, Poly) else bool(a < b)


def _among(a: Value, b: Value) -> bool:
    if not isinstance(b, tuple):
        raise ExpressionError("`in` needs a list")
    return any(_equal(a, item) for item in b)


BINARY: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", lambda a, b: a + b),
    ast.Sub: ("-", lambda a, b: a - b),
    ast.Mult: ("*", lambda a, b: a * b),
    ast.Div: ("/", _divided),
    ast.FloorDiv: ("//", lambda a, b: a // b),
    ast.Mod: ("%", lambda a, b: a % b),
    ast.Pow: ("**", _power),
}

COMPARE: dict[type[ast.cmpop], Callable[[Value, Value], bool]] = {
    ast.Eq: _equal,
    ast.NotEq: lambda a, b: not _equal(a, b),
    ast.Lt: _less,
    ast.GtE: lambda a, b: not _less(a, b),
    ast.Gt: lambda a, b: _less(b, a),
    ast.LtE: lambda a, b: not _less(b, a),
    ast.In: _among,
    ast.NotIn: lambda a, b: not _among(a, b),
}


def make_divisible(
    value: int | Fraction,
    divisor: int | Fraction = 8,
    least: int | Fraction | None = None,
    keep: int | Fraction = Fraction(9, 10),
) -> int:
    """`value` rounded to a multiple of `divisor`, at least `least`, and never below `keep` of itself (MobileNet's
    rule).
    """
    if divisor <= 0:
        raise ExpressionError(f"make_divisible needs a positive divisor, got {divisor}")
    rounded = max(least if least is not None else divisor, Fraction(value + Fraction(divisor) / 2) // divisor * divisor)
    return int(rounded + divisor if rounded < keep * value else rounded)


def _round(value: int | Fraction) -> int:
    """To the nearest whole number, halves to the even one."""
    return round(value)


VECTORS.update({make_divisible: "multiples", _round: "rounded_half_even"})  # of many values at once


def _rounding(name: str, function: Callable[..., int]) -> Callable[..., Number]:
    def rounded(value: Value, *options: Value) -> Number:
        fixed = [number(option, name) for option in options]
        rising = not any(isinstance(option, Poly) or option < 0 for option in fixed)  # in the value that is rounded
        return algebra.call(name, function, number(value, name), *fixed, rising=rising)

    return rounded


def _extreme(name: str, pick: Callable[[Number, Number], Number]) -> Callable[..., Number]:
    def found(*args: Value) -> Number:
        values = args[0] if len(args) == 1 and isinstance(args[0], tuple) else args
        if not values:
            raise ExpressionError(f"{name} of an empty list")
        result: Number = functools.reduce(pick, (number(value, name) for value in values))
        return result

    return found


def _log(value: Value, base: Value) -> Number:
    """The exponent that gives `value`: exact where it is whole, else to the 15 digits of a machine's number."""
    x, b = number(value, "log"), number(base, "log")
    free = {symbol for part in (x, b) if isinstance(part, Poly) for symbol in part.symbols}
    if free:
        raise Undecided(f"log of `{x}` to `{b}` has no closed form; bind {' and '.join(sorted(free))} with --set", free)
    if x <= 0 or b <= 0 or b == 1:
        raise ExpressionError(f"log needs positive numbers, and a base other than 1, got {x} and {b}")
    found = Fraction(math.log(x) / math.log(b))
    whole = round(found)
    return whole if abs(found - whole) < Fraction(1, 10**9) and _is_power(x, b, whole) else found


def _is_power(value: Any, base: Any, exponent: int) -> bool:
    return abs(exponent) <= MOST_BITS and bool(Fraction(base) ** exponent == value)


def _list(name: str, value: Value) -> tuple[Value, ...]:
    if not isinstance(value, tuple):
        raise ExpressionError(f"{name} needs a list")
    return value


def _total(values: Value) -> Any:
    total: object = 0
    for value in _list("sum", values):
        total += number(value, "sum")
    return total


FUNCTIONS: dict[str, tuple[Callable[..., object], tuple[int, int]]] = {
    "floor": (lambda x: algebra.floor(number(x, "floor")), (1, 1)),
    "ceil": (lambda x: algebra.ceil(number(x, "ceil")), (1, 1)),
    "round": (_rounding("round", _round), (1, 1)),
    "min": (_extreme("min", algebra.minimum), (1, 32)),
    "max": (_extreme("max", algebra.maximum), (1, 32)),
    "pow": (lambda base, exponent: _power(number(base, "pow"), number(exponent, "pow")), (2, 2)),
    "log": (_log, (2, 2)),
    "make_divisible": (_rounding("make_divisible", make_divisible), (1, 4)),
    "sum": (_total, (1, 1)),
    "len": (lambda values: len(_list("len", values)), (1, 1)),
}

CONSTANTS: dict[str, Value] = {"true": True, "false": False, "none": None, "True": True, "False": False, "None": None}


def capped_list(values: Iterable[Value]) -> tuple[Value, ...]:
    """A list, if it and the lists in it hold few enough parts: lists of lists of lists multiply."""
    found = tuple(values)
    parts, inside = len(found), [value for value in found if isinstance(value, tuple)]
    while inside and parts <= MOST_ITEMS:
        value = inside.pop()
        parts += len(value)
        inside += [part for part in value if isinstance(part, tuple)]
    if parts > MOST_ITEMS:
        raise ExpressionError(f"a list of more than {MOST_ITEMS:,} parts")
    return found


__all__ = [
    "BINARY",
    "COMPARE",
    "CONSTANTS",
    "FUNCTIONS",
    "Value",
    "capped",
    "capped_list",
    "make_divisible",
    "number",
    "plain",
    "truth",
]
