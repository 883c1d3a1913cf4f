"""Specs inside of specs: what `use NAME` means, and where the files are that it may name.

A name without an ending is that of a network that ships; `backbone.yaml` is a file beside the spec, in its folder or at
least in its repository. Where a spec is read from a commit, so are the files beside it.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable
from typing import Protocol

from archcalc import reading, shipped
from archcalc.errors import Problem, SpecError, UsageError, suggest
from archcalc.records import Record
from archcalc.spec.items import USE, Item
from archcalc.spec.parts import Spec, Used
from archcalc.spec.text import MOST_BYTES
from archcalc.spec.words import Line
from archcalc.tuples import NamedTuple

DEEPEST = 16  # specs that use specs that use ...
_ENDINGS = (".yaml", ".yml")


class Found(NamedTuple):
    """The text of a spec, what it is called in messages, the variant that was asked for, and where it looks itself."""

    data: bytes
    path: str
    variant: str | None
    shelf: Shelf

    @property
    def key(self) -> str:
        """What tells it from others, however it is called."""
        return self.shelf.key


class Shelf(Protocol):
    """Where the specs are that a spec may use: `shown` is what that is called, `key` tells it from others."""

    @property
    def shown(self) -> str:
        """How messages name it."""

    @property
    def key(self) -> str:
        """What tells it from others."""

    def beside(self, name: str) -> Found:
        """A file beside the spec, by its path from there. Raises UsageError with a sentence."""


class Disk(Record):
    """The files beside a spec that is a file itself; `called` is what messages call that."""

    file: str
    called: str = ""

    @property
    def shown(self) -> str:
        """What messages call the spec."""
        return self.called or self.file

    @property
    def key(self) -> str:
        """The file, its links followed."""
        return os.path.realpath(self.file)

    def beside(self, name: str) -> Found:
        """A file of the spec's repository, or of its folder where it is in none."""
        folder = os.path.dirname(self.file) or "."
        path = os.path.join(folder, name)
        shown = posixpath.normpath(posixpath.join(os.path.dirname(self.shown), name))
        home = str(reading.repository(folder) or os.path.realpath(folder))
        if os.path.isabs(name) or not reading.is_inside(path, [home]):
            raise UsageError(f"{name} is outside of {'the repository' if reading.repository(folder) else 'its folder'}")
        if not reading.is_file(path):
            raise UsageError(f"there is no file {shown}")
        data = reading.read(path, MOST_BYTES, "a spec file", shown)
        return Found(data, shown, None, Disk(path, shown))


def found(name: str, shelf: Shelf) -> Found:
    """The spec that a name means: a file beside, or a network that ships. Raises UsageError with a sentence."""
    path, _, variant = name.rpartition("@")
    if not path or name.endswith(_ENDINGS):
        path, variant = name, ""
    if path.endswith(_ENDINGS):
        return shelf.beside(path)._replace(variant=variant or None)
    if "/" in path or path.startswith("."):
        raise UsageError(f"'{path}' is neither a network that ships nor a spec: the name of one ends in .yaml")
    ships = shipped.find(path)
    if ships is None:
        raise UsageError(
            f"there is no network '{path}'{suggest(path, shipped.zoo_names(), '`archcalc zoo` lists those that ship')}"
            "; a spec beside this one is named with its ending, `use net.yaml`"
        )
    file, member = ships
    path = shipped.shown(file)
    data = reading.read(file, MOST_BYTES, "a spec file", path)
    return Found(data, path, variant or member, Disk(str(file), path))


class Others(Record):
    """The specs that are read on the way: `known` by what tells them apart, and those `around` that are being read."""

    shelf: Shelf
    read: Callable[[Found, Others], Spec]
    known: dict[str, Spec] = {}
    around: tuple[str, ...] = ()

    def uses(self, parts: Iterable[Item]) -> tuple[dict[str, Used | None], list[Problem]]:
        """The specs that lines among the parts name after `use`, None for one with a mistake, and the mistakes."""
        uses: dict[str, Used | None] = {}
        problems: list[Problem] = []
        for line in parts:
            if not isinstance(line, Line) or line.begins != USE or not line.words or line.words[0].text in uses:
                continue
            word, uses[line.words[0].text] = line.words[0], None
            try:
                uses[word.text] = self.used(word.text)
            except UsageError as error:
                problems.append(Problem(f"{USE} {word.text}: {error}", word.mark))
            except SpecError as error:
                call = (f"{USE} {word.text}", word.mark)
                problems += [problem._replace(calls=(*problem.calls, call)) for problem in error.problems]
        return uses, problems

    def used(self, name: str) -> Used:
        """The spec that a name means. Raises UsageError with a sentence, SpecError with its mistakes."""
        named = found(name, self.shelf)
        if named.key in (self.shelf.key, *self.around):
            through = "" if named.key == self.shelf.key else f" through {self.shelf.shown}"
            raise UsageError(f"a cycle: it would use itself{through}")
        if len(self.around) >= DEEPEST:
            raise UsageError(f"specs that use specs, more than {DEEPEST} deep")
        if named.key not in self.known:
            inner = Others(named.shelf, self.read, self.known, (*self.around, self.shelf.key))
            self.known[named.key] = self.read(named, inner)
        spec = self.known[named.key]
        spec.variant(named.variant)
        if len(spec.inputs) != 1:
            raise UsageError(f"it has {len(spec.inputs)} inputs ({', '.join(spec.inputs)}); what is used has one")
        return Used(spec, named.variant)


def called(name: str) -> str:
    """The name of a group for what is used, where its line has no label: `resnet50`, `backbone`."""
    path, _, variant = name.rpartition("@")
    stem = posixpath.basename(path or variant)
    for ending in _ENDINGS:
        stem = stem.removesuffix(ending)
    return "".join(letter if letter.isalnum() or letter in "_.+-" else "-" for letter in stem) or "used"


__all__ = ["Disk", "Found", "Others", "Shelf", "called", "found"]
