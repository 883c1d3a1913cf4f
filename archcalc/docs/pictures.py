"""Pictures beside a document: the commands that draw them, and the files that hold them.

A picture is a file of its own, which ends with a checksum of what is above it: so archcalc knows its own files, and
writes over no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from archcalc import escapes, reading
from archcalc.docs.pieces import Picture
from archcalc.docs.regions import checksum
from archcalc.errors import ArchcalcError, UsageError
from archcalc.patterns import pattern
from archcalc.records import Record

MOST_BYTES = 20_000_000
_SUM = pattern(r"\n?<!-- archcalc: sum ([0-9a-f]{12}) -->\n?$")


def named(path: str) -> str:
    """Where a picture goes, from the folder of its document. Raises UsageError for what no picture may be called."""
    if "\\" in path or not path.isprintable() or re.search(r"[\s<>()\[\]\"'|`*?%#&:]", path):
        raise UsageError(f"'{escapes.line(path, 80)}': a picture is called by letters, digits and `/._-`")
    if PurePosixPath(path).is_absolute() or not path.lower().endswith(".svg"):
        raise UsageError(f"'{escapes.line(path, 80)}': a picture is an .svg below or beside the document")
    return path


def stamped(drawn: str) -> bytes:
    """A picture as its file holds it."""
    return f"{drawn}\n<!-- archcalc: sum {checksum(drawn)} -->\n".encode()


class Beside(Record):
    """A picture's file as it should be; `is_foreign` where it holds what archcalc never wrote."""

    path: Path
    new: bytes
    is_current: bool
    is_foreign: bool


def beside(pictures: Iterable[Picture], folder: Path) -> list[Beside]:
    """The files of a document's pictures, from its folder. Raises UsageError for one that leaves the document's
    project, that has no folder, or that two different pictures are to be in.
    """
    found: dict[str, Beside] = {}
    for picture in pictures:
        path = folder / picture.path
        if not reading.is_inside(path, [reading.project(folder)]):
            raise UsageError(f"{picture.path} leaves the document's project, the repository that holds it")
        if not reading.is_folder(path.parent):
            raise UsageError(f"there is no folder {path.parent.as_posix()} for {picture.path}")
        new = stamped(picture.drawn)
        other = found.setdefault(str(path), _beside(path, new))
        if other.new != new:
            raise UsageError(f"{picture.path} is the file of two different pictures")
    return list(found.values())


def _beside(path: Path, new: bytes) -> Beside:
    if not path.exists() and not path.is_symlink():
        return Beside(path, new, False, False)
    old = reading.read(path, MOST_BYTES, "a picture")
    text = old.decode("utf-8", "replace").replace("\r\n", "\n")
    match = _SUM.search(text)
    is_ours = match is not None and checksum(text[: match.start()]) == match[1]
    is_current = old.replace(b"\r\n", b"\n") == new
    return Beside(path, new, is_current, not is_ours and not is_current)


def is_fresh(picture: Picture, folder: Path) -> bool:
    """Whether the file of a picture holds what it should."""
    try:
        return all(file.is_current for file in beside([picture], folder))
    except ArchcalcError:
        return False


__all__ = ["Beside", "beside", "is_fresh", "named", "stamped"]
