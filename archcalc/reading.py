"""The door for reading: regular files only, no more of them than is allowed, and where a document names them only those
of its repository.

A link is followed, and what is behind it is looked at after it was opened: a device, a pipe or a socket is refused
before anything is read from it, however it is called.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from archcalc.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path  # which takes longer to import than most specs to read

_BEFORE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


_seen: dict[tuple[int, int], str] = {}  # the files that were read since `begin`, by device and inode


def begin() -> None:
    """A new command begins: no file was read yet."""
    _seen.clear()


def files_read() -> list[str]:
    """The files that this command has read."""
    return list(_seen.values())


def was_read(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one of those that this command has read, however it is called."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return False
    return (found.st_dev, found.st_ino) in _seen


def standard(most: int) -> bytes:
    """The first bytes of stdin: `most`, and one more if there is more. Raises UsageError."""
    try:
        return sys.stdin.buffer.read(most + 1)
    except (AttributeError, OSError, ValueError):
        raise UsageError("-: stdin can't be read") from None


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether there is such a regular file; a name that no file can have is none."""
    return os.path.isfile(path)


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether there is such a folder."""
    return os.path.isdir(path)


@contextmanager
def opened(path: str | os.PathLike[str], what: str = "a file", shown: str | None = None) -> Iterator[BinaryIO]:
    """A regular file, open for reading; `what` it should be and how it is called are for messages.

    Raises UsageError.
    """
    called = os.fspath(path) if shown is None else shown
    if is_folder(path):
        raise UsageError(f"{called} is a directory; name {what} in it")
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | _BEFORE), "rb")  # a pipe doesn't wait for somebody to write
    except (OSError, ValueError) as error:
        raise refused(called, error, path) from None
    with file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{called}: not a file")
        _seen[found.st_dev, found.st_ino] = os.path.abspath(path)
        try:
            yield file
        except OSError as error:
            raise refused(called, error, path) from None


def read(path: str | os.PathLike[str], most: int, what: str = "a file", shown: str | None = None) -> bytes:
    """The first bytes of a regular file: `most`, and one more if there is more. Raises UsageError."""
    with opened(path, what, shown) as file:
        return file.read(most + 1)


def refused(called: str, error: OSError | ValueError, path: str | os.PathLike[str] = "") -> UsageError:
    """Why a file can't be read."""
    if isinstance(error, ValueError):
        return UsageError(f"{called}: no file can be called so")
    nowhere = os.path.islink(path) and not os.path.exists(path)
    return UsageError(f"{called}: {'a link that points nowhere' if nowhere else error.strerror or error}")


def repository(folder: str | os.PathLike[str]) -> Path | None:
    """The root of the repository that holds a folder."""
    from pathlib import Path

    here = Path(os.path.realpath(folder))
    return next((path for path in (here, *here.parents) if os.path.lexists(path / ".git")), None)


def project(folder: str | os.PathLike[str]) -> Path:
    """The repository that holds a folder; without one the working folder if that holds it, or else the folder alone."""
    from pathlib import Path

    here, working = Path(os.path.realpath(folder)), Path(os.path.realpath("."))
    is_held = here.is_relative_to(working) and working != Path(working.anchor)
    return repository(here) or (working if is_held else here)


def is_inside(path: str | os.PathLike[str], folders: Iterable[str | os.PathLike[str]]) -> bool:
    """Whether a path, its links followed, leads into one of these folders. Raises UsageError for what can't be one."""
    try:
        real = os.path.realpath(path)
    except ValueError as error:
        raise refused(os.fspath(path), error) from None
    from pathlib import Path

    return any(Path(real).is_relative_to(os.path.realpath(folder)) for folder in folders)


__all__ = [
    "begin", "files_read", "is_file", "is_folder", "is_inside", "opened", "project", "read", "refused", "repository",
    "standard", "was_read",
]  # fmt: skip
