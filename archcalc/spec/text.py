"""What a YAML file says, as a tree: every key and word knows its line and column, and scalars follow YAML 1.2 (`1e9` is
a number, `on` is text).
"""

from __future__ import annotations

from fractions import Fraction

from archcalc.errors import Mark
from archcalc.patterns import pattern
from archcalc.records import Record
from archcalc.spec.values import Value

MOST_BYTES = 4_000_000


class Scalar(Record, frozen=False):
    """A word or a sentence; `plain` if it is written without quotes."""

    mark: Mark
    text: str
    plain: bool = True

    @property
    def value(self) -> Value:
        """The number, truth value or text that YAML 1.2 reads."""
        return read_scalar(self.text) if self.plain else self.text


class Sequence(Record, frozen=False):
    mark: Mark
    items: list[Node] = []
    nodes: int = 1


class Mapping(Record, frozen=False):
    mark: Mark
    pairs: list[tuple[Scalar, Node]] = []
    nodes: int = 1


Node = Scalar | Sequence | Mapping

_NUMBER = pattern(r"[-+]?(\d[\d_]*(\.\d*)?|\.\d+)([eE][-+]?\d{1,2})?$")
_SIGNS = frozenset("+-.")
_WORDS: dict[str, object] = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "~": None,
    "": None,
    "none": None,
}


def outside(text: str, separator: str) -> list[str]:
    """The parts of a text between the separators that stand outside of brackets."""
    parts, depth, start = [], 0, 0
    for n, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter == separator and depth == 0:
            parts.append(text[start:n])
            start = n + 1
    return [*parts, text[start:]]


def read_scalar(text: str) -> object:
    """A plain scalar: an int, an exact Fraction, a truth value, None, or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if text.isdecimal() and len(text) <= 100:
        return int(text)
    if (text[:1] in _SIGNS or text[:1].isdecimal()) and _NUMBER.match(text) and len(text) <= 100:
        digits, _, exponent = text.replace("_", "").lower().partition("e")
        whole, _, decimals = digits.partition(".")
        number, power = int(whole + decimals), int(exponent or 0) - len(decimals)
        if power >= 0:
            return number * 10**power
        exact = Fraction(number, 10**-power)
        return exact.numerator if exact.denominator == 1 else exact
    return text
