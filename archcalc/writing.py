"""The door for writing: files whole or not at all, one or several together.

What is to be written is put beside its place under a name of its own (`.net.yaml.1234-5678.archcalc~`), locked while it
is filled, and takes the place at the end. Whoever is killed before that leaves such a file; the next that writes in the
folder finds it, unlocked, and removes it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from archcalc.errors import UsageError
from archcalc.records import Record

ENDING = ".archcalc~"
OLD = 3600.0  # seconds, after which a file is nobody's any more where files can't be locked


def writable(path: Path) -> None:
    """Look, before long work is done for it, whether a file could be written. Raises UsageError."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"{path}: can't be written")


def same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two names are those of one file: links, hard ones too, and other spellings."""
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return os.path.realpath(one) == os.path.realpath(other)


def write(path: Path, data: bytes) -> None:
    """Put `data` in a file. Raises UsageError if it can't be written; the file is as it was then."""
    write_all([(path, data)])


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """The same of data in pieces, which are made while the file is filled."""
    with replacing([path]) as (beside,):
        try:
            with beside.open("wb") as file:
                for part in parts:
                    file.write(part)
        except OSError as error:
            raise _refusal(path, error) from None


def write_all(files: Iterable[tuple[Path, bytes]]) -> None:
    """Put data in files, all or none of them, as `replacing` does. Raises UsageError."""
    files = list(files)
    with replacing([path for path, _ in files]) as made:
        for beside, (path, data) in zip(made, files, strict=True):
            try:
                beside.write_bytes(data)
            except OSError as error:
                raise _refusal(path, error) from None


@contextmanager
def replacing(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Files to fill, one for each path: at the end they take their places together, so that nobody ever sees half of
    one. Whoever unlinks one of them leaves its place as it is.

    A link is followed; a file keeps its permissions and its owner. One that has several names, or whose owner can't be
    given to another file, is written in place, or its names would part and its owner change. What is no file
    (`/dev/stdout`, a pipe) is written to as it is. Raises UsageError if one of them can't be written, or may not be;
    all are as they were then.
    """
    ready: list[_Ready] = []
    try:
        for path in paths:
            try:
                ready.append(_ready(path))
            except (OSError, ValueError) as error:
                raise _refusal(path, error) from None
        yield [file.beside for file in ready]
        _put([file for file in ready if file.beside.exists()])
    finally:
        for file in ready:
            file.close()


def _put(ready: list[_Ready]) -> None:
    """Each in its place; what is written to a pipe can't be taken back, so that comes last."""
    for file in ready:
        try:
            file.prepare(len(ready) > 1)
        except OSError as error:
            raise _refusal(file.path, error) from None
    put: list[_Ready] = []
    with _undisturbed():
        for file in sorted(ready, key=lambda file: file.target is None):
            put.append(file)
            try:
                file.put()
            except OSError as error:
                for other in reversed(put):
                    other.take_back()
                raise _refusal(file.path, error) from None


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals wait: of files that belong together, none is new while another is old."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _refusal(path: Path, error: OSError | ValueError) -> UsageError:
    why = error.strerror or error if isinstance(error, OSError) else "no file can be called so"
    return UsageError(f"{path}: can't be written: {why}")


class _Ready(Record, frozen=False, eq=False):
    """A file on its way: `target` is the file behind `path`, None for what is no file; `now` what is known of it, None
    for a new one; `old` is what it held, in a file or in memory.
    """

    path: Path
    beside: Path
    lock: IO[bytes]
    target: Path | None = None
    now: os.stat_result | None = None
    in_place: bool = False
    old: Path | bytes | None = None

    def prepare(self, is_one_of_several: bool) -> None:
        """All that takes time, and all that can fail before the file itself is touched."""
        if self.target is None:
            return
        with self.beside.open("rb") as file:
            os.fsync(file.fileno())
        self.in_place = self.now is not None and (self.now.st_nlink > 1 or not _owned(self.beside, self.now))
        os.chmod(self.beside, stat.S_IMODE(self.now.st_mode) if self.now else 0o666 & ~_mask())
        if self.now and self.in_place:
            self.old = self.target.read_bytes()
        elif self.now and is_one_of_several:
            self.old = _named(self.target)
            try:
                os.link(self.target, self.old)
            except OSError:  # a file system without links
                shutil.copy2(self.target, self.old)

    def put(self) -> None:
        if self.target is None:
            with self.beside.open("rb") as source, self.path.open("wb") as file:
                shutil.copyfileobj(source, file)
        elif self.in_place:
            _overwrite(self.target, self.beside.read_bytes())
        else:
            os.replace(self.beside, self.target)

    def take_back(self) -> None:
        with contextlib.suppress(OSError):
            if self.target is not None and isinstance(self.old, bytes):
                _overwrite(self.target, self.old)
            elif self.target is not None and self.old is not None:
                os.replace(self.old, self.target)
            elif self.target is not None and self.now is None:
                self.target.unlink()

    def close(self) -> None:
        self.lock.close()
        for path in (self.beside, self.old):
            if isinstance(path, Path):
                with contextlib.suppress(OSError):
                    path.unlink()


def _ready(path: Path) -> _Ready:
    """A place beside the file, locked. Raises OSError."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if path.exists() and not path.is_file():
        import tempfile

        beside = Path(tempfile.gettempdir(), _named(path).name)
        return _Ready(path, beside, _locked(beside))
    target = Path(os.path.realpath(path))
    now = target.stat() if target.exists() else None
    if now and not (
        stat.S_IMODE(now.st_mode) & 0o222 and os.access(target, os.W_OK)
    ):  # the mode too: nothing is denied to root
        raise PermissionError(errno.EACCES, "it is read-only")
    _tidy(target.parent)
    beside = _named(target)
    return _Ready(path, beside, _locked(beside), target, now)


def _named(target: Path) -> Path:
    """A name that no other file has, beside a file."""
    return target.with_name(f".{target.name[:80]}.{os.getpid()}-{os.urandom(4).hex()}{ENDING}")


def _locked(beside: Path) -> IO[bytes]:
    """A new file that others see is in use."""
    file = os.fdopen(os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b")
    _lock(file)
    return file


def _lock(file: IO[bytes]) -> bool:
    """Whether the file is ours now; where files can't be locked, whether it is too old to be another's."""
    if sys.platform == "win32":
        import time

        return time.time() - os.fstat(file.fileno()).st_mtime > OLD
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _tidy(folder: Path) -> None:
    """Remove what those left who were killed."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            left = folder / name
            if name.startswith(".") and name.endswith(ENDING) and left.is_file() and not left.is_symlink():
                with contextlib.suppress(OSError), left.open("r+b") as file:
                    if _lock(file):
                        left.unlink()


def _owned(beside: Path, now: os.stat_result) -> bool:
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
