"""Defaults for all specs of a repository: `[tool.archcalc]` of pyproject.toml, or archcalc.toml."""

from __future__ import annotations

import fnmatch
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from archcalc import reading
from archcalc.errors import Mark, Problem, SpecError, UsageError, suggest
from archcalc.fields import MAPPING, Checked, FieldErrors, Wrong
from archcalc.records import Record
from archcalc.spec.model import Budget
from archcalc.untyped import Json

MOST_BYTES = 4_000_000
OWN, SHARED = "archcalc.toml", "pyproject.toml"


class _Keys(Checked):
    """What may stand there."""

    specs: list[str] = []
    budget: Budget | None = None


class Settings(Record):
    """What a repository says. `specs` are patterns of files, below `folder`."""

    file: str = ""
    folder: Path = Path()
    specs: tuple[str, ...] = ()
    budget: Budget | None = None
    marks: Mapping[str, Mark] = {}  # of the budget's metrics

    def files(self) -> list[str]:
        """The specs that are there, as paths from the working folder. Raises UsageError for a pattern that fits
        none.
        """
        if not self.specs:
            known = (
                f"{self.file} names none" if self.file else f"there is no {OWN}, and no [tool.archcalc] in a {SHARED}"
            )
            raise UsageError(f'name a SPEC, or set `specs = ["models/*.yaml"]` for the repository: {known}')
        try:
            found = {pattern: [path for path in self.folder.glob(pattern) if path.is_file()] for pattern in self.specs}
        except (ValueError, NotImplementedError, IndexError) as error:
            raise UsageError(f"{self.file}: specs: {error}") from None
        if idle := [pattern for pattern, paths in found.items() if not paths]:
            raise UsageError(f"{self.file}: no file is named {', '.join(idle)}")
        return [_from_here(path) for path in sorted({path for paths in found.values() for path in paths})]

    def fits(self, path: Path) -> bool:
        """Whether a file, which needn't be there any more, is one of the specs by its name."""
        if not path.is_relative_to(self.folder):
            return False
        return any(fits(path.relative_to(self.folder).parts, PurePath(pattern).parts) for pattern in self.specs)


def fits(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path is one of those that a pattern of `glob` finds, part by part."""
    if not pattern or not path:
        return not path and all(part == "**" for part in pattern)
    if pattern[0] == "**":
        return fits(path, pattern[1:]) or fits(path[1:], pattern)
    return fnmatch.fnmatchcase(path[0], pattern[0]) and fits(path[1:], pattern[1:])


def _from_here(path: Path) -> str:
    """A path as it is written from the working folder: the same on every machine."""
    try:
        return Path(os.path.relpath(path)).as_posix()
    except ValueError:  # on another drive
        return str(path)


def settings_above(folder: str | Path) -> Settings:
    """The nearest settings in a folder or above it; archcalc.toml comes before pyproject.toml. Raises SpecError,
    UsageError.
    """
    start = Path(folder).resolve()
    return next((found for parent in (start, *start.parents) if (found := _in(parent)) is not None), Settings())


def _in(folder: Path) -> Settings | None:
    for name in (OWN, SHARED):
        file = folder / name
        if reading.is_file(file) and (found := read_settings(_read(file), name, _from_here(file), folder)) is not None:
            return found
    return None


def _read(file: Path) -> bytes:
    home = reading.repository(file.parent)
    if home is not None and not reading.is_inside(file, [home]):
        raise UsageError(f"{_from_here(file)}: a link that leads out of the repository")
    return reading.read(file, MOST_BYTES, shown=_from_here(file))


def read_settings(data: bytes, name: str, shown: str, folder: Path) -> Settings | None:
    """The settings in a file called `name`, which messages call `shown`; None if it has no table of ours. Raises
    SpecError, UsageError.
    """
    if len(data) > MOST_BYTES:
        raise UsageError(f"{shown}: larger than {MOST_BYTES // 10**6} MB")
    try:
        text = data.decode("utf-8-sig")
        tables: dict[str, Json] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{shown}: not TOML: {error}") from None
    table = (
        tables
        if name == OWN
        else tables.get("tool", {}).get("archcalc")
        if isinstance(tables.get("tool", {}), dict)
        else None
    )
    return None if table is None else _settings(table, shown, folder, text.splitlines())


def _settings(table: object, shown: str, folder: Path, lines: list[str]) -> Settings:
    try:
        found = _Keys.read(table)
    except FieldErrors as error:
        raise SpecError([_problem(wrong, shown, lines) for wrong in error.problems]) from None
    marks = {name: _mark(shown, lines, name) for name in Budget.fields}
    return Settings(shown, folder, tuple(found.specs), found.budget, marks)


def _problem(wrong: Wrong, shown: str, lines: list[str]) -> Problem:
    path = [str(part) for part in wrong.path]
    mark = _mark(shown, lines, *path[::-1])
    if path == ["tool"] and shown.endswith(OWN):
        return Problem(f"{OWN} is archcalc's own: its keys stand without a [tool.archcalc] around them", mark)
    if wrong.known:
        return Problem(
            f"unknown key '{path[-1]}'{suggest(path[-1], wrong.known, 'there are ' + ', '.join(wrong.known))}", mark
        )
    return Problem(
        f"{'.'.join(path) or 'archcalc'}: {'must be a table' if wrong.what == MAPPING else wrong.what}", mark
    )


def _mark(shown: str, lines: list[str], *names: str) -> Mark:
    """Where the first of these keys is, as well as can be told from the text: below the heading of archcalc's own
    table.
    """
    start = next((n for n, line in enumerate(lines) if re.match(r"\s*\[\s*tool\s*\.\s*archcalc\b", line)), 0)
    for name in names:
        for n, line in enumerate(lines[start:], start):
            if match := re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", line.partition("#")[0]):
                return Mark(shown, n + 1, match.start() + 1, len(name), line)
    return Mark(shown, start + 1, 1)
