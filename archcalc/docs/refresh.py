"""Documents with their regions brought up to date."""

from __future__ import annotations

import codecs
import difflib
import os
from collections.abc import Iterable
from pathlib import Path

from archcalc import reading
from archcalc.docs import pieces
from archcalc.docs.commands import Catalog, answer, home
from archcalc.docs.pictures import Beside, beside
from archcalc.docs.pieces import written
from archcalc.docs.regions import Region, checksum, is_document, markup, regions
from archcalc.errors import ArchcalcError, Mark, Mistakes, Problem, SpecError, UsageError
from archcalc.records import Record
from archcalc.tuples import NamedTuple
from archcalc.writing import write_all

_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
MOST_BYTES = 50_000_000  # of a document
_SKIPPED = ("node_modules", "site-packages", "_build")
_REGION = "region of archcalc: one begins with `<!-- archcalc: table SPEC -->` and ends with `<!-- archcalc: end -->`"


class Edit(NamedTuple):
    """A region that holds what archcalc never wrote; `is_new` if archcalc has yet to write there at all."""

    mark: Mark
    is_new: bool
    what: str = "region"

    def __str__(self) -> str:
        return (
            f"{self.mark}: this {self.what}"
            f" {'holds text that archcalc did not write' if self.is_new else 'was edited by hand'}"
        )


class Document(Record):
    """A document as it is, and as it should be; `edited` are the regions that hold somebody's own words."""

    path: Path
    old: str
    new: str
    regions: int
    edited: tuple[Edit, ...]
    mark: bytes = b""  # of the byte order
    encoding: str = "utf-8"
    pictures: tuple[Beside, ...] = ()

    @property
    def is_current(self) -> bool:
        """Whether nothing would change."""
        return self.old == self.new and all(picture.is_current for picture in self.pictures)

    def diff(self) -> str:
        """What would change, as a unified diff; of pictures, that they would."""
        stale = [f"{file.path.as_posix()}: the picture is out of date" for file in self.pictures if not file.is_current]
        if self.old == self.new:
            return "\n".join(stale)
        return "\n".join([self._diff(), *stale])

    def _diff(self) -> str:
        old, new = (text.replace("\r\n", "\n").splitlines() for text in (self.old, self.new))
        name = self.path.as_posix()
        lines = [*difflib.unified_diff(old, new, name, f"{name} (refreshed)", lineterm="")]
        return "\n".join(lines or [f"{name}: regions with line endings unlike those around them"])


def documents(names: Iterable[str], allowed: Iterable[Path] = (), if_any: bool = False) -> list[Document]:
    """Read these documents, and those in these folders that have regions, each file once; answer every region.

    Specs are read from the repository of each document, and from folders that are `allowed`.

    Raises UsageError or SpecError with every mistake in all of them: files that don't exist or have no region, markers
    without a partner, commands that can't be answered.
    """
    catalog = Catalog(allowed=tuple(allowed))
    found: dict[str, Document] = {}  # by the file behind a link
    problems: list[Problem] = Mistakes()
    for name in names:
        path = Path(name)
        pages, is_empty = (_under(path), True) if reading.is_folder(path) else ([path], False)
        for page in pages:
            real = os.path.realpath(page)
            try:
                found[real] = found.get(real) or read(page, catalog)
            except SpecError as error:
                if (if_any or reading.is_folder(path)) and error.problems == [_without_regions(page)]:
                    continue
                problems += error.problems
            is_empty = False
        if is_empty and not if_any:
            raise UsageError(f"{path}: no document in it has {_REGION}")
    problems += _claimed_twice(found.values())
    if problems:
        raise SpecError(problems)
    return list(found.values())


def _claimed_twice(found: Iterable[Document]) -> list[Problem]:
    """Files that two documents have different pictures for."""
    claims: dict[str, tuple[Document, Beside]] = {}
    problems = []
    for document in found:
        for file in document.pictures:
            other, first = claims.setdefault(os.path.realpath(file.path), (document, file))
            if first.new != file.new:
                what = f"{file.path.as_posix()} is the file of another picture of {other.path.as_posix()}"
                problems.append(Problem(what, Mark(str(document.path), 1, 1)))
    return problems


def save(found: Iterable[Document]) -> None:
    """Put the new texts and pictures in the files, all or none of them. Raises UsageError."""
    found = list(found)
    pictures = {file.path: file.new for document in found for file in document.pictures if not file.is_current}
    texts = [
        (document.path, document.mark + document.new.encode(document.encoding))
        for document in found
        if document.old != document.new
    ]
    write_all([*texts, *pictures.items()])


def _under(folder: Path) -> list[Path]:
    """The documents under a folder that may have regions, links after files; hidden, installed and built ones aside."""
    found: list[Path] = []
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in _SKIPPED and not Path(here, name, "pyvenv.cfg").exists()
        )
        found += [
            path
            for path in sorted(Path(here, name) for name in files if is_document(Path(name)))
            if reading.is_file(path) and _mentions(path)
        ]
    return sorted(found, key=Path.is_symlink)


def _mentions(path: Path) -> bool:
    """Whether a file that may be no text at all speaks of archcalc. Raises UsageError if it can't be read."""
    data = _data(path)
    return any("archcalc:".encode(encoding) in data for encoding in ("utf-8", "utf-16-le", "utf-16-be"))


def read(path: Path, catalog: Catalog) -> Document:
    """One document. Raises UsageError or SpecError."""
    if os.path.exists(path):  # of a file that isn't there, that is what matters
        markup(path)
    text, mark, encoding = _text(path)
    found = regions(text, path)
    if not found:
        raise SpecError([_without_regions(path)])
    new = refreshed(text, path, found, catalog)
    pictures = tuple(beside(new.pictures, home(path)))
    foreign = tuple(Edit(Mark(str(file.path), 1, 1), True, "file") for file in pictures if file.is_foreign)
    _within(new.text.encode(encoding), path)
    return Document(path, text, new.text, len(found), (*new.edited, *foreign), mark, encoding, pictures)


def _without_regions(path: Path) -> Problem:
    return Problem(f"there is no {_REGION}", Mark(str(path), 1, 1))


class Refreshed(NamedTuple):
    """A text with its regions filled; which of them held somebody's own words, and which others were filled before and
    out of date.
    """

    text: str
    edited: tuple[Edit, ...]
    stale: tuple[Mark, ...]
    pictures: tuple[pieces.Beside, ...] = ()


def refreshed(text: str, path: Path, found: list[Region], catalog: Catalog) -> Refreshed:
    """Fill the regions of a text. Raises SpecError with every region's mistake."""
    problems: list[Problem] = Mistakes()
    parts: list[str] = []
    edited: list[Edit] = []
    stale: list[Mark] = []
    pictures: list[pieces.Beside] = []
    done, folder = 0, home(path)
    for region in found:
        try:
            piece, content = _filled(region, folder, markup(path), catalog)
            pictures += pieces.files(piece)
        except SpecError as error:
            asked = all(problem.mark == region.mark for problem in error.problems)
            problems += [*([] if asked else [Problem("this region can't be filled", region.mark)]), *error.problems]
            continue
        except ArchcalcError as error:
            problems.append(Problem(str(error), region.mark))
            continue
        held = region.content(text)
        if held not in ("", content) and checksum(held) != region.recorded:
            edited.append(Edit(region.mark, region.recorded is None))
        elif region.recorded is not None and held != content:
            stale.append(region.mark)
        newline = "\r\n" if text.endswith("\r\n", 0, region.start) else "\n"
        parts += [text[done : region.start], region.filled(content, newline)]
        done = region.close
    if problems:
        raise SpecError(problems)
    return Refreshed("".join([*parts, text[done:]]), tuple(edited), tuple(stale), tuple(pictures))


def _filled(region: Region, folder: Path, form: str, catalog: Catalog) -> tuple[pieces.Piece, str]:
    """What a region's command says, and how that is written there. Raises UsageError or SpecError."""

    def made() -> tuple[pieces.Piece, str]:
        piece = answer(region.command, folder, catalog, region.mark)
        return piece, written(piece, form, region.inline)

    return catalog.content((region.command, folder, form, region.inline), made)


def _within(data: bytes, path: Path) -> None:
    """Raises UsageError for more than is read of a document; what it would be is none either."""
    if len(data) > MOST_BYTES:
        raise UsageError(f"{path}: larger than {MOST_BYTES // 10**6} MB")


def _text(path: Path) -> tuple[str, bytes, str]:
    """A file's text with its line endings, its byte order mark and its encoding. Raises UsageError or SpecError."""
    data = _data(path)
    mark = next((mark for mark in _BOMS if data.startswith(mark)), b"")
    encoding = _BOMS.get(mark, "utf-8")
    try:
        return data[len(mark) :].decode(encoding), mark, encoding
    except UnicodeDecodeError as error:
        problem = (
            f"not a text file: byte 0x{data[len(mark) + error.start]:02x} at offset {len(mark) + error.start} is not"
            f" {encoding.upper()}"
        )
        raise SpecError([Problem(problem, Mark(str(path), 1, 1))]) from None


def _data(path: Path) -> bytes:
    data = reading.read(path, MOST_BYTES, "a document")
    _within(data, path)
    return data


__all__ = ["Document", "Refreshed", "documents", "read", "refreshed", "save"]
