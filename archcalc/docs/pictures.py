"""Pictures and badges beside a document: the files that hold them.

A picture is a file of its own, which ends with a checksum of what is above it: so archcalc knows its own files, and
writes over no other. What a badge says is JSON for shields.io, which takes no other keys, and is known by these.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from archcalc import escapes, reading
from archcalc.docs import pieces
from archcalc.docs.regions import checksum
from archcalc.errors import ArchcalcError, UsageError
from archcalc.patterns import pattern
from archcalc.records import Record

MOST_BYTES = 20_000_000
_SUM = pattern(r"\n?<!-- archcalc: sum ([0-9a-f]{12}) -->\n?$")


def named(path: str, what: str = "a picture", kind: str = "an .svg") -> str:
    """Where a picture goes, from the folder of its document. Raises UsageError for what no picture may be called."""
    if "\\" in path or not path.isprintable() or re.search(r"[\s<>()\[\]\"'|`*?%#&:]", path):
        raise UsageError(f"'{escapes.line(path, 80)}': {what} is called by letters, digits and `/._-`")
    if PurePosixPath(path).is_absolute() or not path.lower().endswith(kind.split()[1]):
        raise UsageError(f"'{escapes.line(path, 80)}': {what} is {kind} below or beside the document")
    return path


def held(file: pieces.Beside) -> bytes:
    """What the file of a picture or a badge holds."""
    if isinstance(file, pieces.Badge):
        said = {"schemaVersion": 1, "label": file.label, "message": file.message, "color": file.color}
        return f"{escapes.json(said)}\n".encode()
    return f"{file.drawn}\n<!-- archcalc: sum {checksum(file.drawn)} -->\n".encode()


def _is_ours(file: pieces.Beside, text: str) -> bool:
    """Whether archcalc wrote a text that such a file holds."""
    if isinstance(file, pieces.Picture):
        match = _SUM.search(text)
        return match is not None and checksum(text[: match.start()]) == match[1]
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and list(said) == ["schemaVersion", "label", "message", "color"]


class Beside(Record):
    """A picture's file as it should be; `is_foreign` where it holds what archcalc never wrote."""

    path: Path
    new: bytes
    is_current: bool
    is_foreign: bool


def beside(pictures: Iterable[pieces.Beside], folder: Path) -> list[Beside]:
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
        new = held(picture)
        other = found.setdefault(str(path), _beside(path, new, picture))
        if other.new != new:
            raise UsageError(f"{picture.path} is the file of two different pictures")
    return list(found.values())


def _beside(path: Path, new: bytes, file: pieces.Beside) -> Beside:
    if not path.exists() and not path.is_symlink():
        return Beside(path, new, False, False)
    old = reading.read(path, MOST_BYTES, "a picture")
    text = old.decode("utf-8", "replace").replace("\r\n", "\n")
    is_current = old.replace(b"\r\n", b"\n") == new
    return Beside(path, new, is_current, not is_current and not _is_ours(file, text))


def is_fresh(picture: pieces.Beside, folder: Path) -> bool:
    """Whether the file of a picture holds what it should."""
    try:
        return all(file.is_current for file in beside([picture], folder))
    except ArchcalcError:
        return False


__all__ = ["Beside", "beside", "held", "is_fresh", "named"]
