"""Specs against their base: the versions that they had at a commit, or a snapshot of their costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from archcalc.comparison.git import Commit, NoBase, repository
from archcalc.comparison.operands import PLAIN, Operand
from archcalc.comparison.pairs import pair
from archcalc.comparison.result import Base, Comparison, Report
from archcalc.comparison.snapshot import is_snapshot, matching, read_snapshot
from archcalc.errors import ArchcalcError, SpecError, UsageError
from archcalc.model import Model, Question, load, read
from archcalc.spec import decoded


@dataclass
class _Bases:
    """The commits that specs are compared with, one a repository, and the names that files had there."""

    ref: str
    fork: bool
    forgiving: bool
    commits: dict[str, Commit | None] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)  # by the new path
    notes: list[str] = field(default_factory=list)

    def old(self, spec: str) -> tuple[Model | None, str]:
        """A spec as it was, None if it wasn't there; and its path in its repository. Raises NoBase, SpecError."""
        if not Path(spec).is_file():
            raise UsageError(f"'{spec}' ships with archcalc and has no base in a repository; compare two networks: archcalc compare A B")
        home = repository(spec)
        path = home.path_of(spec)
        try:
            if home.folder not in self.commits:
                self.commits[home.folder] = home.base(self.ref, self.fork)
            commit = self.commits[home.folder]
            return (self._read(commit, path, spec) if commit else None), path
        except NoBase as error:
            if not self.forgiving:
                raise
            self.commits[home.folder] = None
            self.notes.append(f"taken as new, since {error}")
            return None, path

    def _read(self, commit: Commit, path: str, spec: str) -> Model | None:
        data = commit.text(path)
        if data is None:
            old = commit.renamed(path, Path(spec).read_bytes(), self.renamed.values())
            data = commit.text(old) if old else None
            if old and data is not None:
                self.renamed[path], path = old, old
                self.notes.append(f"{spec} was {old}")
        if data is None:
            return None
        called = f"{commit.label}:{path}"
        try:
            return read(decoded(data, called), called)
        except SpecError as error:
            self.refuse(error, spec, called)
            return None

    def refuse(self, error: SpecError, spec: str, called: str) -> None:
        """The base has mistakes, so nothing can be said, and that isn't the fault of the spec as it is now. Raises if not forgiving."""
        if not self.forgiving:
            raise ArchcalcError(f"{error}\n{spec} can't be compared: its base has mistakes, not itself; --missing-base new takes it as new")
        self.notes.append(f"{spec} is taken as new: {called} has mistakes")

    def compared(self, base: Operand | None, head: Operand | None, spec: str, path: str, question: Question) -> Comparison | None:
        """A spec and its base. Mistakes that only building the base shows are as those that reading it does."""
        try:
            return pair(base, head, question, path)
        except SpecError as error:
            called = base.model.spec.path if base and base.model else None
            if called is None or not any(problem.mark and problem.mark.file == called for problem in error.problems):
                raise
            self.refuse(error, spec, called)
            return pair(None, head, question, path) if head else None


def against(specs: Sequence[str], base: str, question: Question = PLAIN, fork: bool = True, forgiving: bool = False) -> Report:
    """Each spec with its variants against what it was at `base`, a commit or a snapshot.

    A spec or variant that wasn't there is new: only its absolute budgets are judged. Raises NoBase where there is no such
    base, SpecError where a spec has mistakes then or now; if `forgiving`, such specs are new.
    """
    models = _loaded(specs)
    if is_snapshot(base) or (Path(base).is_file() and not _is_commit(specs, base)):
        snapshot = read_snapshot(base)
        found = [
            comparison for model in models for comparison in _with_snapshot(model, [Operand(None, s) for s in matching(snapshot, model.spec.path)], question)
        ]
        return Report(tuple(found), Base(base, file=base))
    bases = _Bases(base, fork, forgiving)
    found = [comparison for model, spec in zip(models, specs, strict=True) for comparison in _with_commit(model, spec.partition("@")[0], bases, question)]
    commits = [commit for commit in bases.commits.values() if commit]
    label = ", ".join(dict.fromkeys(commit.label for commit in commits)) or base
    return Report(tuple(found), Base(label, base, commits[0].sha if len(commits) == 1 else None), tuple(dict.fromkeys(bases.notes)))


def _loaded(specs: Sequence[str]) -> list[Model]:
    """Every spec; the mistakes of all are reported together."""
    models, problems = [], []
    for spec in specs:
        try:
            models.append(load(spec))
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return models


def _is_commit(specs: Sequence[str], name: str) -> bool:
    try:
        return bool(repository(specs[0].partition("@")[0]).base(name, fork=False))
    except UsageError:
        return False


def _members(model: Model) -> list[str | None]:
    """A file stands for its network and all variants; `file.yaml@variant` for that one."""
    return [None, *model.spec.variants] if model.variant is None else [model.variant]


def _with_commit(model: Model, spec: str, bases: _Bases, question: Question) -> list[Comparison]:
    old, path = bases.old(spec)
    now = _members(model)
    found: list[Comparison | None] = []
    for name in now:
        had = old is not None and (name is None or name in old.spec.variants)
        before = Operand(Model(old.spec, name)) if had and old else None
        found.append(bases.compared(before, Operand(Model(model.spec, name, ships=model.ships)), spec, path, question))
    for name in old.spec.variants if old and model.variant is None else ():
        if old and name not in now:
            found.append(bases.compared(Operand(Model(old.spec, name)), None, spec, path, question))
    return [comparison for comparison in found if comparison]


def _with_snapshot(model: Model, found: Sequence[Operand], question: Question) -> Iterator[Comparison]:
    """A snapshot of some variants is compared with these; a file that isn't in it is new with all its variants."""
    had = {operand.side.variant: operand for operand in found if operand.side}
    now = _members(model)
    for name in now:
        if name in had or not had or model.variant is not None:
            yield pair(had.get(name), Operand(Model(model.spec, name, ships=model.ships)), question)
    for name, operand in had.items():
        if name not in now and model.variant is None:
            yield pair(operand, None, question)
