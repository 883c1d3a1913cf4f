"""A progress bar on stderr, on a terminal; it vanishes when it is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

WIDTH = 30

Progress = Callable[[str, int, int], None]


@contextmanager
def bar(quiet: bool) -> Iterator[Progress | None]:
    """Something to tell what is being done, how much of it is done, and of how much."""
    if quiet or not sys.stderr.isatty():
        yield None
        return

    def show(what: str, done: int, of: int) -> None:
        filled = WIDTH * done // max(of, 1)
        typer.echo(f"\r{what:<8} [{'#' * filled}{'.' * (WIDTH - filled)}] {done}/{of} ", err=True, nl=False)

    try:
        yield show
    finally:
        typer.echo(f"\r{' ' * (WIDTH + 30)}\r", err=True, nl=False)
