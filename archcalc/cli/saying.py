"""The one place that writes to the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO

from archcalc import escapes


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
        return
    from pathlib import Path

    from archcalc.errors import UsageError
    from archcalc.reading import was_read
    from archcalc.writing import write

    if was_read(into):
        raise UsageError(f"{into} is what is read; nothing is written over it")
    write(Path(into), f"{said}{chr(10) * newline}".encode("utf-8", "replace"))


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
