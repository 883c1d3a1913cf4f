"""The one place that writes to the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from itertools import chain
from typing import TextIO

from archcalc import escapes

LONG = 1_000_000  # letters of a result that are kept in memory


def out(
    text: object,
    newline: bool = True,
    commands: bool = False,
    into: str | None = None,
    paint: Callable[[str], str] | None = None,
) -> None:
    """A result, line breaks kept, on stdout; `commands` if its format is one that a build machine obeys. What `paint`
    colours was made printable before.

    With `into` the same goes into a file, whole. Raises UsageError for one that can't be written, or that was read.
    """
    said = str(text) if commands else escapes.report(str(text))
    said = said if paint is None else paint(said)
    if into is None:
        _put(sys.stdout, said + "\n" * newline)
    else:
        _fill(into, [said, "\n" * newline])


def streamed(parts: Iterable[str], into: str | None = None) -> None:
    """A result in pieces, on stdout or into a file: all of it, or nothing where making a piece fails. What is long
    waits on the disk. Raises UsageError as `out` does.
    """
    if into is not None:
        _fill(into, (escapes.report(part) for part in chain(parts, ["\n"])))
        return
    waiting: list[str] = []
    letters, rest = 0, map(escapes.report, parts)
    for part in rest:
        waiting.append(part)
        letters += len(part)
        if letters > LONG:
            _stream(chain(waiting, rest))
            return
    _put(sys.stdout, "".join([*waiting, "\n"]))


def _stream(parts: Iterable[str]) -> None:
    from tempfile import TemporaryFile

    with TemporaryFile("w+", encoding="utf-8", newline="") as file:
        file.writelines(parts)
        file.seek(0)
        while part := file.read(LONG):
            _put(sys.stdout, part)
    _put(sys.stdout, "\n")


def _fill(into: str, parts: Iterable[str]) -> None:
    """A file with these pieces, whole or not at all. Raises UsageError."""
    from pathlib import Path

    from archcalc.errors import UsageError
    from archcalc.reading import was_read
    from archcalc.writing import write_parts

    if was_read(into):
        raise UsageError(f"{into} is what is read; nothing is written over it")
    write_parts(Path(into), (part.encode("utf-8", "replace") for part in parts))


def told(text: object) -> None:
    """A remark, on stderr: one line, however many its text has."""
    _put(sys.stderr, f"{escapes.line(str(text))}\n")


def failed(text: str) -> None:
    """What is wrong, on stderr, line breaks kept; whoever can't be told has the exit code."""
    sys.stdout.flush()
    print(escapes.report(text), file=sys.stderr, flush=True)  # noqa: T201


def refused(message: str) -> None:
    """Why a command could not tell, on stderr; a message that doesn't begin with a place says who speaks."""
    has_place = message[:1].isupper() or "\n" in message or ":" in message.split(" ")[0]
    failed(message if has_place else f"archcalc: {message}")


def drawn(text: str) -> None:
    """A line that takes the place of the one before it, on stderr."""
    _put(sys.stderr, f"\r{escapes.line(text.rstrip())}")


def wiped(width: int) -> None:
    """Nothing in its place."""
    _put(sys.stderr, f"\r{' ' * width}\r")


def cleared() -> None:
    """A clean screen, where stdout is a terminal."""
    if sys.stdout.isatty():
        _put(sys.stdout, "\x1b[2J\x1b[3J\x1b[H")


def _put(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
