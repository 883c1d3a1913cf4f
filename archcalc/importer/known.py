"""Arithmetic on numbers that are known: what depends on sizes and on the file alone is computed on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil as up
from math import floor as down
from math import isqrt

from archcalc.algebra import Poly, integral, same
from archcalc.algebra import ceil as ceiling
from archcalc.algebra import floor as flooring
from archcalc.algebra import maximum as larger
from archcalc.errors import ArchcalcError
from archcalc.importer.tensors import BOOL, INTEGERS, MOST_CONTENT
from archcalc.importer.values import LARGEST, Content, divided, is_written, least
from archcalc.ops import Shape, size
from archcalc.untyped import Element


def folded(function: Callable[..., object], *contents: Content | None) -> Content | None:
    """A function of known numbers, element by element; None for what it can't say."""
    lists = [content for content in contents if content is not None]
    length = max((len(content) for content in lists), default=0)
    if len(lists) < len(contents) or any(len(content) not in (1, length) for content in lists):
        return None
    spread = [content * length if len(content) == 1 else content for content in lists]
    out = []
    for values in zip(*spread, strict=True):
        try:
            out.append(None if None in values else _plain(function(*values)))
        except (ArchcalcError, ArithmeticError, TypeError, ValueError):
            out.append(None)
    return tuple(out)


def _plain(value: object) -> Element:
    """A number as an int where it is one; None for what no int64 holds, and for closed forms that no size has."""
    if not is_written(value) or (isinstance(value, (int, Fraction)) and not -LARGEST < value < LARGEST):
        return None
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def root(x: Element) -> Element:
    """A square root that is exact."""
    if not isinstance(x, (int, Fraction)) or x < 0:
        raise ArchcalcError("no exact root")
    x = Fraction(x)
    found = Fraction(isqrt(x.numerator), isqrt(x.denominator))
    if found * found != x:
        raise ArchcalcError("no exact root")
    return found


def power(a: Element, b: Element) -> object:
    """a to the power b, exactly. Raises ArchcalcError where the result isn't exact, or is too large to be of use."""
    if b == Fraction(1, 2):
        return root(a)
    if not isinstance(b, int) or abs(b) > 64 or (isinstance(a, int) and abs(a) > 1 << 64):
        raise ArchcalcError("no exact power")
    return a**b if b >= 0 else Fraction(a) ** b


def quotient(a: Element, b: Element) -> Element:
    """a / b as an exact fraction, or as a closed form."""
    return a / Fraction(b) if not isinstance(a, (int, Fraction)) else Fraction(a) / b


def whole_quotient(a: Element, b: Element) -> object:
    """Division of whole numbers, towards zero."""
    if isinstance(b, int) and b > 0 and least(-1, a):
        return a // b
    if isinstance(a, int) and isinstance(b, int):
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return divided(a, b)


def equal(a: Element, b: Element) -> bool:
    """Whether two known elements, numbers, truths or words, are the same."""
    return bool(a == b) if isinstance(a, (bool, str)) or isinstance(b, (bool, str)) else same(a, b)


ONE: dict[str, Callable[[Element], Element]] = {
    "Neg": lambda x: -x,
    "Abs": lambda x: x if least(-1, x) else abs(x),
    "Floor": lambda x: flooring(x) if isinstance(x, Poly) else down(x),
    "Ceil": lambda x: ceiling(x) if isinstance(x, Poly) else up(x),
    "Round": lambda x: x if isinstance(x, Poly) and integral(x) else round(x),
    "Not": lambda x: not x,
    "Relu": lambda x: larger(x, 0),
    "Sqrt": root,
    "Reciprocal": lambda x: Fraction(1) / x,
    "Sign": lambda x: 1 if least(0, x) else (x > 0) - (x < 0),
}
TWO: dict[str, Callable[[Element, Element], Element]] = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Div": quotient,
    "Pow": power,
    "Mod": lambda a, b: a % b,
    "Equal": equal,
    "Less": lambda a, b: bool(a < b),
    "LessOrEqual": lambda a, b: bool(a <= b),
    "Greater": lambda a, b: bool(a > b),
    "GreaterOrEqual": lambda a, b: bool(a >= b),
    "And": lambda a, b: bool(a and b),
    "Or": lambda a, b: bool(a or b),
    "Xor": lambda a, b: bool(a) != bool(b),
}


def converted(content: Content | None, kind: int) -> Content | None:
    """Numbers as another kind has them."""
    if content is not None and kind in INTEGERS:
        return tuple(map(_truncated, content))
    if content is not None and kind == BOOL:
        return folded(lambda value: value if isinstance(value, bool) else not same(value, 0), content)
    return content


def _truncated(value: object) -> object:
    if isinstance(value, (bool, Fraction)):
        return int(value)
    if isinstance(value, Poly):
        return value if integral(value) else flooring(value) if least(-1, value) else None
    return value if isinstance(value, int) else None


# ---- moving what is known --------------------------------------------------------------------------------------------


def places(shape: Sequence[int], steps: Sequence[int]) -> list[int]:
    """Where the elements of a shape lie, row by row, if one step along each axis skips so many."""
    found = [0]
    for dim, step in zip(shape, steps, strict=True):
        found = [at + step * n for at in found for n in range(dim)]
    return found


def is_small(shape: Shape) -> bool:
    """Whether a tensor of this shape has few enough elements to carry along."""
    total = size(shape)
    return isinstance(total, int) and total <= MOST_CONTENT


def strides(shape: Sequence[int]) -> list[int]:
    """How many elements one step along each axis skips, row by row."""
    found, step = [0] * len(shape), 1
    for axis in range(len(shape) - 1, -1, -1):
        found[axis], step = step, step * shape[axis]
    return found


def stretched(content: Content | None, own: Shape, shape: Shape) -> Content | None:
    """Numbers, stretched to a larger shape."""
    if content is None or not is_small(shape) or not is_small(own):
        return None
    padded = (1,) * (len(shape) - len(own)) + own
    steps = [
        step if dim != 1 else 0
        for step, dim in zip(strides(padded), padded, strict=True)  # type: ignore[arg-type]
    ]
    return tuple([content[at] for at in places(shape, steps)])  # type: ignore[arg-type]


def transposed(content: Content | None, shape: Shape, order: Sequence[int]) -> Content | None:
    """Known elements with the axes in another order; None where they aren't known, or are too many."""
    if content is None or not is_small(shape):
        return None
    steps = strides(shape)  # type: ignore[arg-type]
    turned: list[Element] = [shape[axis] for axis in order]
    return tuple([content[at] for at in places(turned, [steps[axis] for axis in order])])


def taken(content: Content | None, shape: Shape, axis: int, picks: Sequence[int]) -> Content | None:
    """The positions `picks` of an axis."""
    if content is None or not is_small(shape) or size(shape) != len(content):
        return None
    before, after, length = size(shape[:axis]), size(shape[axis + 1 :]), shape[axis]
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert isinstance(length, int)
    if before * len(picks) * after > MOST_CONTENT:
        return None
    rows = range(before)
    return tuple(content[(row * length + pick) * after + n] for row in rows for pick in picks for n in range(after))


def side_by_side(contents: Sequence[Content | None], axis: int, out: Shape) -> Content | None:
    """Numbers of several tensors that are joined along an axis."""
    known = [content for content in contents if content is not None]
    if len(known) < len(contents) or not is_small(out):
        return None
    before = size(out[:axis])
    assert isinstance(before, int)
    rows: list[Element] = []
    for row in range(before):
        for content in known:
            step = len(content) // before
            rows += content[row * step : (row + 1) * step]
    return tuple(rows)


def combined(
    function: Callable[..., object], contents: Sequence[Content | None], shapes: Sequence[Shape], shape: Shape
) -> Content | None:
    """Numbers of several tensors, stretched to one shape; of more than two only where each is one number or a row."""
    total = size(shape)
    if any(content is None for content in contents) or not isinstance(total, int):
        return None
    known = [content for content in contents if content is not None]
    if all(len(content) == 1 or size(own) == total for content, own in zip(known, shapes, strict=True)):
        result: Content | None = known[0]
        for other in known[1:]:
            result = folded(function, result, other)
        alone = result is not None and len(result) == 1 and total != 1 and total <= MOST_CONTENT
        return result * total if alone and result is not None else result
    wide = [stretched(content, own, shape) for content, own in zip(known, shapes, strict=True)]
    return folded(function, *wide) if len(wide) == 2 else None


__all__ = [
    "ONE", "TWO", "combined", "converted", "folded", "is_small", "side_by_side", "stretched", "taken", "transposed",
    "whole_quotient",
]  # fmt: skip
