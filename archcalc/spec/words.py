"""The words of a line: what stands between spaces, where brackets and quotes hold spaces, each with its place."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.errors import Mark
from archcalc.patterns import pattern
from archcalc.records import Record
from archcalc.spec.expressions import Expression, compile_expression
from archcalc.spec.text import Scalar

_HOLDS = pattern(r"[\[(\])'\"]")  # what may hold spaces
_SPACED = pattern(r"\S+")


class Word(Record, eq=False):
    """An expression in a line, or a plain word."""

    text: str
    mark: Mark

    @property
    def expression(self) -> Expression:
        """The word as an expression. Raises ExpressionError where it is none."""
        return compile_expression(self.text)

    def moved(self, before: Mark, after: Mark) -> Word:
        """The same word in an equal line that stands elsewhere."""
        return Word(self.text, self.mark.moved(before, after))


class Sentence(Record, eq=False):
    """What a line says, `head positional... key=value...`, and where its words stand where it is said first."""

    mark: Mark
    head: Word
    words: tuple[Word, ...] = ()
    options: dict[str, Word] = {}
    keys: dict[str, Mark] = {}  # where each option's key stands


class Line(Record, eq=False):
    """A sentence, with its words where this line stands: lines of equal text say the same one."""

    mark: Mark
    said: Sentence

    @property
    def begins(self) -> str:
        """The word that it begins with."""
        return self.said.head.text

    @property
    def head(self) -> Word:
        """The same word, where it stands."""
        return self._here(self.said.head)

    @property
    def words(self) -> tuple[Word, ...]:
        """What stands after it without a key."""
        return tuple(map(self._here, self.said.words))

    @property
    def options(self) -> dict[str, Word]:
        """What stands after it with a key."""
        return {name: self._here(word) for name, word in self.said.options.items()}

    @property
    def keys(self) -> dict[str, Mark]:
        """Where each key stands."""
        return {name: mark.moved(self.said.mark, self.mark) for name, mark in self.said.keys.items()}

    def _here(self, word: Word) -> Word:
        return word if self.mark is self.said.mark else word.moved(self.said.mark, self.mark)


def inside(scalar: Scalar) -> Mark:
    """Where the text begins: after the quote, if there is one."""
    return scalar.mark if scalar.plain else scalar.mark.part(1, len(scalar.text))


def words_of(text: str, mark: Mark) -> Iterator[Word]:
    """Words between spaces; brackets and quotes hold spaces."""
    if not _HOLDS.search(text):
        for found in _SPACED.finditer(text):
            yield Word(found[0], mark.within(text, found.start(), len(found[0])))
        return
    start, depth, quote = -1, 0, ""
    for position, letter in enumerate(text + " "):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        if (letter.isspace() and depth <= 0 and not quote) or position == len(text):
            if start >= 0:
                yield Word(text[start:position], mark.within(text, start, position - start))
            start = -1
        elif start < 0:
            start = position


def parts_of(word: Word) -> Iterator[Word]:
    """The items between the brackets of a chain that is one word: set apart by commas outside of brackets of their
    own.
    """
    text, depth, start = word.text, 0, 1
    for position, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if (letter == "," and depth == 1) or position == len(text) - 1:
            part = text[start:position]
            inner = part.strip()
            if inner:
                yield Word(inner, word.mark.within(text, start + len(part) - len(part.lstrip()), len(inner)))
            start = position + 1
