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

import unicodedata
from collections.abc import Iterable

from archcalc.escapes import line, lines, same_width
from archcalc.tuples import NamedTuple

MOST_SHOWN = 50  # mistakes in one message
MOST_FOUND = 1000  # after so many nobody looks for more


LONGEST_ESCAPE = 10  # characters that YAML writes one with: \U0001f600


class Mark(NamedTuple):
    """A stretch of a text file: 1-based line and column, its length, and the text of the whole line."""

    file: str
    line: int
    column: int
    length: int = 1
    source: str = ""
    more: tuple[str, ...] = ()  # the lines that follow, of a text that is folded over several

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def part(self, start: int, length: int) -> Mark:
        """The stretch that begins `start` characters further on."""
        return Mark(self.file, self.line, self.column + start, max(length, 1), self.source, self.more)

    def holds(self, text: str) -> bool:
        """Whether the text stands here as it is: on one line, without escapes."""
        return not self.more and self.source.startswith(text, self.column - 1)

    def moved(self, before: Mark, after: Mark) -> Mark:
        """Where this stands if what stood at `before` stands at `after`."""
        line, column = self.line + after.line - before.line, self.column + after.column - before.column
        source = after.source if self.line == before.line else self.source
        return Mark(self.file, line, column, self.length, source, self.more)

    def within(self, text: str, start: int, length: int) -> Mark:
        """The stretch of `text[start : start + length]`, where this mark is of the whole text: its white space and its
        escapes aside.
        """
        if not self.more:
            at = self.column - 1 + start
            if self.source.startswith(text[start : start + length], at):
                return Mark(self.file, self.line, at + 1, max(length, 1), self.source)
            end = self.column - 1 + max(self.length, LONGEST_ESCAPE * len(text))
            column = self.source.find(text[start : start + length], at, end)
            return self.part(max(column + 1 - self.column, start), length)
        before = len("".join(text[:start].split()))
        for n, source in enumerate((self.source, *self.more)):
            for column in range(0 if n else self.column - 1, len(source)):
                if before == 0 and not source[column].isspace():
                    return Mark(self.file, self.line + n, column + 1, max(length, 1), source)
                before -= not source[column].isspace()
        return self


class Problem(NamedTuple):
    """One mistake: what, where, the block calls (innermost first) that led there, and the free symbols it is about."""

    message: str
    mark: Mark | None = None
    calls: tuple[tuple[str, Mark], ...] = ()
    symbols: tuple[str, ...] = ()

    def __str__(self) -> str:
        files = [self.mark.file if self.mark else "", *(mark.file for _, mark in self.calls)]
        calls = [
            f"in {name}, called at {f'line {mark.line}' if mark.file == file else f'{mark.file}:{mark.line}'}"
            for (name, mark), file in zip(self.calls, files, strict=False)
        ]
        if len(calls) > 8:
            calls[4:-2] = [f"through {len(calls) - 6} more"]
        message = self.message if len(self.message) <= 1000 else f"{self.message[:997]}..."
        message += f" ({', '.join(calls)})" if calls else ""
        return line(message) if self.mark is None else f"{line(f'{self.mark}: {message}')}{excerpt(self.mark)}"


def excerpt(mark: Mark, widest: int = 120) -> str:
    """The source line with a caret under the stretch, shortened around it if the line is very long."""
    if not mark.source:
        return ""
    start = max(0, mark.column - 1 - widest // 2) if len(mark.source) > widest else 0
    shown = same_width(mark.source[start : start + widest])
    caret = mark.column - 1 - start
    length = max(1, _cells(shown[caret : caret + mark.length]))
    return f"\n{mark.line:>5} | {shown.rstrip()}\n      | {' ' * _cells(shown[:caret])}{'^' * length}"


def _cells(text: str) -> int:
    """How wide a terminal shows it: East Asian letters take two columns, combining marks none."""
    return (
        len(text)
        if text.isascii()
        else sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)
    )


def near_to(name: str, known: Iterable[str], likeness: float = 0.6) -> list[str]:
    """The nearest of the names that are as like as that (0..1), or none."""
    from difflib import get_close_matches

    return get_close_matches(name, list(known), 1, likeness)


def suggest(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The end of a message about a name that isn't known: the nearest one that is; if none is near, `otherwise`."""
    near = near_to(name, known)
    return f"; did you mean '{near[0]}'?" if near else otherwise and f"; {otherwise}"


def among(name: object, known: Iterable[str]) -> str:
    """The end of a message about a name that isn't known: the one that was meant, or all that there are."""
    known = list(known)
    return suggest(str(name), known, f"there {'is' if len(known) == 1 else 'are'} {', '.join(known)}" if known else "")


class ArchcalcError(Exception):
    """The base of all; its text is fit for a person at a terminal: a line for each of its arguments."""

    def __str__(self) -> str:
        return lines(map(str, self.args))


class SpecError(ArchcalcError):
    """Mistakes in a spec, in the order of the file. `spec` is what could be read of it where only layers are wrong.

    Its text has the first of them, and how many more there are.
    """

    def __init__(self, problems: Iterable[Problem], spec: object = None) -> None:
        self.spec = spec
        self.problems = sorted(dict.fromkeys(problems), key=lambda p: (p.mark or Mark("", 0, 0))[:3])
        super().__init__(self.problems)

    def __str__(self) -> str:
        shown = [str(problem) for problem in self.problems[:MOST_SHOWN]]
        more = len(self.problems) - len(shown)
        many = f"{more:,} more mistakes" if len(self.problems) < MOST_FOUND else f"more than {more - 1:,} more mistakes"
        return "\n".join([*shown, *([f"and {many if more > 1 else 'one more mistake'}"] if more else [])])

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.problems, self.spec)


class Mistakes(list[Problem]):
    """A list of what was found so far, which ends the search when there is more than anybody would read."""

    def append(self, problem: Problem) -> None:
        """Add a mistake. Raises SpecError once there are more than anybody reads."""
        super().append(problem)
        if len(self) >= MOST_FOUND:
            raise SpecError(self)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add mistakes. Raises SpecError once there are more than anybody reads."""
        for problem in problems:
            self.append(problem)


class ExpressionError(ArchcalcError):
    """An expression that can't be read or evaluated; `start` and `length` say which stretch of its text."""

    def __init__(self, message: str, start: int = 0, length: int = 0) -> None:
        super().__init__(message)
        self.start, self.length = start, length

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.args[0], self.start, self.length)


class ShapeError(ArchcalcError):
    """An operator can't take these shapes."""


class Undecided(ArchcalcError):
    """A question about free symbols that has no single answer; `symbols` are their names."""

    def __init__(self, message: str, symbols: Iterable[str]) -> None:
        super().__init__(message)
        self.symbols = tuple(sorted(symbols))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.args[0], self.symbols)


class UsageError(ArchcalcError):
    """A file, a name or an option that doesn't exist or doesn't fit."""
