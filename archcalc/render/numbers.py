"""Numbers as people read them: counts in SI (10^3), bytes in KiB and MiB, closed forms with ceilings, fields as
`WxH`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from archcalc.algebra import Number, Poly, unicode
from archcalc.ops import Reach, Shape
from archcalc.receptive import Field

_SI = ("", "k", "M", "G", "T", "P", "E")
MOST_DECIMALS = 9
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def scaled(value: int | Fraction, base: int, units: tuple[str, ...]) -> tuple[str, str]:
    """Three significant digits and a unit; whole numbers below the first unit are exact."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    if value < base:
        return sign + (str(value) if isinstance(value, int) else f"{float(value):.3g}"), units[0]
    bottom, step = value.denominator, 0
    digits, rounded = _rounded(value.numerator, bottom)
    while rounded >= base * 10**digits and step < len(units) - 1:
        bottom, step = bottom * base, step + 1
        digits, rounded = _rounded(value.numerator, bottom)
    return f"{sign}{_pointed(rounded, digits)}", units[step]


def _rounded(top: int, bottom: int) -> tuple[int, int]:
    """The decimals of a fraction's three significant digits, and how many units of the last it is."""
    digits = _decimals(top, bottom)
    return digits, _nearest(top, bottom, digits)


def _decimals(top: int, bottom: int) -> int:
    """How many decimals three significant digits of a fraction have, counted after rounding: 9.996 is 10.0."""
    top, digits = abs(top), 2
    while digits < MOST_DECIMALS and top * 10 ** (digits - 2) < bottom:
        digits += 1
    while digits and 2 * top * 10**digits >= 1999 * bottom:  # which is rounded to four digits
        digits -= 1
    return digits


def _nearest(top: int, bottom: int, digits: int) -> int:
    """A fraction in units of its last decimal, halves to the even one."""
    scale: int = 10**digits
    whole, left = divmod(top * scale, bottom)
    return whole + (2 * left > bottom or (2 * left == bottom and whole % 2 == 1))


def _pointed(units: int, digits: int) -> str:
    """So many units of the last decimal: `73.3`."""
    text = f"{abs(units):0{digits + 1}}"
    return f"{'-' if units < 0 else ''}{text[: len(text) - digits]}{'.' if digits else ''}{text[len(text) - digits :]}"


def significant(value: float | Fraction) -> str:
    """Three significant digits of what was measured or worked out of that: `1,234`, `12.3`, `0.0123`, `0`."""
    if not value:
        return "0"
    digits, rounded = _rounded(*value.as_integer_ratio())
    return f"{rounded / 10**digits:,.{digits}f}"


def count(value: Number | None, form: Callable[[Number], str] = unicode) -> str:
    """`7.00M`; a closed form as it is; `0` is written down."""
    if value is None:
        return ""
    if isinstance(value, Poly):
        return form(value)
    return "".join(scaled(value, 1000, _SI))


def exact(value: Number, form: Callable[[Number], str] = unicode) -> str:
    """`6,998,552`."""
    if isinstance(value, Poly):
        return form(value)
    return f"{value:,}" if isinstance(value, int) else f"{float(value):,.2f}"


def decimal(value: int | Fraction, digits: int) -> str:
    """With so many decimals, of numbers too that are too large for a float: `73.3`."""
    return _pointed(_nearest(value.numerator, value.denominator, digits), digits)


def size_in_bytes(value: Number, form: Callable[[Number], str] = unicode) -> str:
    """`26.7 MiB`."""
    if isinstance(value, Poly):
        return f"{form(value)} B"
    return " ".join(scaled(value, 1024, _BINARY))


def share(part: Number, whole: Number) -> str:
    """A percentage with one decimal; nothing for closed forms."""
    if isinstance(part, Poly) or isinstance(whole, Poly) or not whole:
        return ""
    return f"{100 * part.numerator * whole.denominator / (part.denominator * whole.numerator) + 0:.1f}"


def shape(value: Shape, form: Callable[[Number], str] = unicode) -> str:
    """`64x112x112`."""
    return "x".join(_factor(dim, form) for dim in value)


def _factor(dim: Number, form: Callable[[Number], str]) -> str:
    written = form(dim) if isinstance(dim, Poly) else str(dim)
    return f"({written})" if " " in written else written


def axes(values: tuple[object, ...], form: Callable[[Number], str] = unicode) -> str:
    """`7` when all axes agree, else `7x5`."""
    if len(set(values)) == 1:
        return _plain(values[0], form)
    return "x".join(_factor(v, form) if isinstance(v, Poly) else _plain(v, form) for v in values)


def _plain(value: object, form: Callable[[Number], str]) -> str:
    return form(value) if isinstance(value, Poly) else str(value)


def field(fields: Mapping[str, Field], form: Callable[[Number], str] = unicode) -> str:
    """`427`, `all`, `not uniform`; `75*` leaves out global gates; `<=` marks the largest of several windows."""
    return ", ".join(dict.fromkeys(one_field(value, form) for value in fields.values()))


def one_field(value: Field, form: Callable[[Number], str] = unicode) -> str:
    """The same of the field in one input."""
    if value.reach is not Reach.PASS:
        return "all" if value.reach is Reach.ALL else Reach.MIXED.value
    if not value.spans:
        return ""
    bound = "<=" if any(span.is_bound for span in value.spans) else ""
    return bound + axes(tuple(span.size for span in value.spans), form) + ("*" if value.gated else "")
