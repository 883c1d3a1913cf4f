"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from archcalc.errors import UsageError


def write(path: Path, data: bytes) -> None:
    """Put `data` in a file: beside it first, then in its place, so that nobody ever sees half of it.

    A link is followed and the file's permissions are kept; what is no file (`/dev/stdout`, a pipe) is written to as it is. Raises
    UsageError if it can't be written; the file is as it was then.
    """
    target = Path(os.path.realpath(path))
    beside = None
    try:
        if target.exists() and not target.is_file():
            path.write_bytes(data)
            return
        handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:80]}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _permit(target, beside)
        os.replace(beside, target)
    except OSError as error:
        raise UsageError(f"{path}: can't be written: {error.strerror or error}") from None
    finally:
        if beside is not None:
            with contextlib.suppress(OSError):
                os.unlink(beside)


def _permit(target: Path, beside: str) -> None:
    """The permissions that the file has, or that a new one gets."""
    if target.exists():
        shutil.copymode(target, beside)
    else:
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(beside, 0o666 & ~mask)
