"""`--watch`: a command again whenever a file that it read changes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from archcalc import reading
from archcalc.cli.saying import cleared, refused, told
from archcalc.errors import ArchcalcError, UsageError
from archcalc.files import in_folder, is_folder, is_pattern, is_python, matching, parted

PAUSE = 0.2  # seconds between two looks

Looks = dict[str, tuple[int, int, int] | None]


def follow(specs: Iterable[str], run: Callable[[], None], quiet: bool = False) -> None:
    """Run, and again after each change, until Ctrl-C. What is wrong is said, and doesn't end it.

    Raises UsageError for what can't be watched: stdin, and modules, whose code was imported already.
    """
    import gc

    specs = list(specs)
    if "-" in specs:
        raise UsageError("stdin is read once; --watch follows files")
    if code := next(filter(is_python, specs), None):
        raise UsageError(f"{code}: its code is imported once; --watch follows specs and model files")
    gc.enable()  # this lives long
    with suppress(KeyboardInterrupt):
        while True:
            seen = _round(specs, run, quiet)
            while _looks(specs, seen) == seen:
                time.sleep(PAUSE)
            reading.begin()


def _round(specs: list[str], run: Callable[[], None], quiet: bool) -> Looks:
    """Run once; how the files looked just before."""
    cleared()
    before = _looks(specs, ())
    try:
        run()
    except SystemExit:
        pass  # it is said already that something doesn't hold
    except ArchcalcError as error:
        refused(str(error))
    seen = {path: _look(path) for path in reading.files_read()} | before
    sys.stdout.flush()
    if not quiet:
        told(f"{time.strftime('%H:%M:%S')}  watching; Ctrl-C ends it")
    return seen


def _looks(specs: Iterable[str], others: Iterable[str]) -> Looks:
    """What tells whether files changed: those that are named, and others."""
    return {path: _look(path) for path in (*_named(specs), *map(os.path.abspath, others))}


def _named(specs: Iterable[str]) -> Iterator[str]:
    for spec in specs or _of_settings():
        with suppress(UsageError):
            for path in matching(spec) if is_pattern(spec) else [spec]:
                inner = in_folder(path).specs if is_folder(path) else [parted(path)[0]]
                yield from map(os.path.abspath, inner)


def _of_settings() -> list[str]:
    """The specs that archcalc.toml or pyproject.toml name."""
    from archcalc.budget import settings_above

    with suppress(ArchcalcError):
        return settings_above(".").files()
    return []


def _look(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
