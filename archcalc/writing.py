"""Writing files whole or not at all, one or several together."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from archcalc.errors import UsageError


def writable(path: Path) -> None:
    """Look, before long work is done for it, whether a file could be written. Raises UsageError."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"{path}: can't be written")


def write(path: Path, data: bytes) -> None:
    """Put `data` in a file. Raises UsageError if it can't be written; the file is as it was then."""
    write_all([(path, data)])


def write_all(files: Iterable[tuple[Path, bytes]]) -> None:
    """Put data in files: beside each of them first, then all in their places, so that nobody ever sees half of one.

    A link is followed; a file keeps its permissions and its owner. One that has several names, or whose owner can't be
    given to another file, is written in place, or its names would part and its owner change. What is no file
    (`/dev/stdout`, a pipe) is written to as it is. Raises UsageError if one of them can't be written, or may not be;
    all are as they were then.
    """
    ready: list[_Ready] = []
    put: list[_Ready] = []
    try:
        for path, data in files:
            try:
                ready.append(_ready(path, data))
            except OSError as error:
                raise _refusal(path, error) from None
        for file in sorted(
            ready, key=lambda file: file.target is None
        ):  # what is written to a pipe can't be taken back
            put.append(file)
            try:
                file.put()
            except OSError as error:
                for other in reversed(put):
                    other.take_back()
                raise _refusal(file.path, error) from None
    finally:
        for file in ready:
            _remove(file.beside)


def _refusal(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path}: can't be written: {error.strerror or error}")


@dataclass(frozen=True)
class _Ready:
    """Data on its way: `target` is the file behind `path`, None for what is no file; `old` what it held, None for a new
    one.
    """

    path: Path
    data: bytes
    target: Path | None = None
    old: bytes | None = None
    beside: str | None = None
    in_place: bool = False

    def put(self) -> None:
        if self.target is None or self.beside is None:
            self.path.write_bytes(self.data)
        elif self.in_place:
            _overwrite(self.target, self.data)
        else:
            os.replace(self.beside, self.target)

    def take_back(self) -> None:
        with contextlib.suppress(OSError):
            if self.target is not None and self.old is not None:
                _overwrite(self.target, self.old)
            elif self.target is not None:
                self.target.unlink()


def _ready(path: Path, data: bytes) -> _Ready:
    """Everything that can fail before the file itself is touched. Raises OSError."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if path.exists() and not path.is_file():
        return _Ready(path, data)
    target = Path(os.path.realpath(path))
    now = target.stat() if target.exists() else None
    if now and not (
        stat.S_IMODE(now.st_mode) & 0o222 and os.access(target, os.W_OK)
    ):  # the mode too: nothing is denied to root
        raise PermissionError(errno.EACCES, "it is read-only")
    old = target.read_bytes() if now else None
    handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:80]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        in_place = now is not None and (now.st_nlink > 1 or not _owned(beside, now))
        os.chmod(beside, stat.S_IMODE(now.st_mode) if now else 0o666 & ~_mask())
    except BaseException:
        _remove(beside)
        raise
    return _Ready(path, data, target, old, beside, in_place)


def _owned(beside: str, now: os.stat_result) -> bool:
    """Whether the new file has the old one's owner and group, given to it if that is allowed."""
    made = os.stat(beside)
    if (made.st_uid, made.st_gid) != (now.st_uid, now.st_gid):
        try:
            os.chown(beside, now.st_uid, now.st_gid)
        except OSError:
            return False
    return True


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _overwrite(target: Path, data: bytes) -> None:
    with target.open("r+b") as file:
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _remove(beside: str | None) -> None:
    if beside is not None:
        with contextlib.suppress(OSError):
            os.unlink(beside)
