"""Progress bars on stderr, on a terminal; they vanish when the work is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from archcalc.cli.saying import drawn, wiped

WIDTH = 30

Progress = Callable[[str, int, int], None]
Rounds = Callable[[int, int], None]
Show = TypeVar("Show", Progress, Rounds)


def bar(quiet: bool) -> AbstractContextManager[Progress | None]:
    """Something to tell what is being done, how much of it is done, and of how much."""

    def show(what: str, done: int, of: int) -> None:
        _write(f"{what:<8} {_filled(done, of)} {done}/{of} ")

    return _vanishing(show, quiet)


@contextmanager
def shown(quiet: bool, what: str, of: int) -> Iterator[Callable[[int], None]]:
    """Something to tell how much is done of what is known in advance."""
    with bar(quiet) as show:
        yield lambda done: None if show is None else show(what, done, of)


def rounds(quiet: bool) -> AbstractContextManager[Rounds | None]:
    """Something to tell how many rounds are done, and of how many."""

    def show(done: int, of: int) -> None:
        _write(f"{_filled(done, of)} round {done}")

    return _vanishing(show, quiet)


@contextmanager
def _vanishing(show: Show, quiet: bool) -> Iterator[Show | None]:
    if quiet or not sys.stderr.isatty():
        yield None
        return
    try:
        yield show
    finally:
        wiped(WIDTH + 30)


def _filled(done: int, of: int) -> str:
    filled = WIDTH * done // max(of, 1)
    return f"[{'#' * filled}{'.' * (WIDTH - filled)}]"


def _write(line: str) -> None:
    drawn(line)
