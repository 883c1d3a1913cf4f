"""The numbers of a page: each distinct closed form is compiled once, and everything on the page points to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeAlias

from archcalc import escapes
from archcalc.algebra import Number, Poly, unicode
from archcalc.algebra.javascript import Script, javascript
from archcalc.errors import ArchcalcError

Template: TypeAlias = "list[str | int]"  # text, and positions of forms whose values stand in it
_HERE = "\0"


class Forms:
    """Closed forms over `names`, each with a position of its own."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.symbols = {name: f"v{n}" for n, name in enumerate(self.names)}
        self._positions: dict[Number, int] = {}
        self._refused: set[Number] = set()

    def at(self, value: Number | None) -> int:
        """The position of a form; -1 for nothing, and for what has no value on a page: another in each repeat."""
        if value is None or value in self._refused:
            return -1
        if value not in self._positions:
            try:
                Script(self.symbols).number(value)
            except ArchcalcError:
                self._refused.add(value)
                return -1
            self._positions[value] = len(self._positions)
        return self._positions[value]

    def template(self, written: Callable[[Callable[[Number], str]], str]) -> Template:
        """What a renderer writes, with positions where it would have printed closed forms."""

        def placed(value: Number) -> str:
            position = self.at(value)
            return unicode(value) if position < 0 else f"{_HERE}{position}{_HERE}"

        parts = written(placed).split(_HERE)
        return [int(part) if n % 2 else escapes.plain(part) for n, part in enumerate(parts) if part]

    def source(self) -> str:
        """The function of the values of the names that gives all of them."""
        return javascript(list(self._positions), self.names)


def is_number(value: object) -> bool:
    """Whether a value is one that a form may have."""
    return isinstance(value, (int, Fraction, Poly)) and not isinstance(value, bool)


__all__ = ["Forms", "Template", "is_number"]
