"""What can go wrong, and where.

    ArchcalcError            everything that archcalc raises on purpose; the command line prints it and exits with 2
    ├── SpecError            mistakes in a spec: every one that was found, each with its position
    ├── ExpressionError      an expression that can't be read or evaluated
    ├── ShapeError           an operator can't take these shapes
    ├── Undecided            a question about free symbols that has no single answer
    └── UsageError           a file, a name or an option that doesn't exist

Rules deep inside raise short errors (`ShapeError("groups=2 does not divide 3 channels")`); the one place that knows the
line of the spec, `build`, turns them into a `Problem` with its position and the block calls that led there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Mark(NamedTuple):
    """A stretch of a text file: 1-based line and column, its length, and the text of the whole line."""

    file: str
    line: int
    column: int
    length: int = 1
    source: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def part(self, start: int, length: int) -> Mark:
        """The stretch that begins `start` characters further on."""
        return self._replace(column=self.column + start, length=max(length, 1))


class Problem(NamedTuple):
    """One mistake: what, where, the block calls (innermost first) that led there, and the free symbols it is about."""

    message: str
    mark: Mark | None = None
    calls: tuple[tuple[str, Mark], ...] = ()
    symbols: tuple[str, ...] = ()

    def __str__(self) -> str:
        through = "".join(f"{', ' if n else ' ('}in {name}, called at line {mark.line}" for n, (name, mark) in enumerate(self.calls))
        message = self.message + through + (")" if self.calls else "")
        if self.mark is None:
            return message
        return f"{self.mark}: {message}{excerpt(self.mark)}"


def excerpt(mark: Mark, widest: int = 120) -> str:
    """The source line with a caret under the stretch, shortened around it if the line is very long."""
    if not mark.source:
        return ""
    start = max(0, mark.column - 1 - widest // 2) if len(mark.source) > widest else 0
    line = mark.source[start : start + widest].replace("\t", " ")
    caret = mark.column - 1 - start
    length = max(1, min(mark.length, len(line) - caret))
    return f"\n{mark.line:>5} | {line}\n      | {' ' * caret}{'^' * length}"


class ArchcalcError(Exception):
    """The base of all; its text is fit for a person at a terminal."""


class SpecError(ArchcalcError):
    """Mistakes in a spec, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=lambda p: (p.mark or Mark("", 0, 0))[:3])
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ExpressionError(ArchcalcError):
    """An expression that can't be read or evaluated; `start` and `length` say which stretch of its text."""

    def __init__(self, message: str, start: int = 0, length: int = 0) -> None:
        super().__init__(message)
        self.start, self.length = start, length


class ShapeError(ArchcalcError):
    """An operator can't take these shapes."""


class Undecided(ArchcalcError):
    """A question about free symbols that has no single answer; `symbols` are their names."""

    def __init__(self, message: str, symbols: Iterable[str]) -> None:
        super().__init__(message)
        self.symbols = tuple(sorted(symbols))


class UsageError(ArchcalcError):
    """A file, a name or an option that doesn't exist or doesn't fit."""
