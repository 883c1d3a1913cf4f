"""Specs against their base: the versions that they had at a commit, or a snapshot of their costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from archcalc import reading
from archcalc.budget import OWN, SHARED, Settings, eased, read_settings, rules, settings_above
from archcalc.comparison.git import Commit, NoBase, Repository, repository
from archcalc.comparison.operands import PLAIN, Operand
from archcalc.comparison.pairs import pair
from archcalc.comparison.result import Base, Comparison, Report
from archcalc.comparison.sides import Side
from archcalc.comparison.snapshot import is_snapshot, matching, read_snapshot
from archcalc.errors import ArchcalcError, SpecError, UsageError
from archcalc.files import is_model_file, is_spec, is_yaml, parted
from archcalc.model import Model, load, loaded, read
from archcalc.question import Question
from archcalc.records import Record
from archcalc.spec import bind, decoded
from archcalc.spec.text import MOST_BYTES


class _Bases(Record, frozen=False):
    """The commits that specs are compared with, one a repository, and what each spec was there."""

    ref: str
    fork: bool
    forgiving: bool
    specs: Sequence[str]  # all that are compared: of two new ones, either may be the other's old one
    homes: dict[Path, Repository] = {}  # by the folder of a spec
    commits: dict[str, Commit | None] = {}  # by the repository's folder
    texts: dict[tuple[str, str], bytes | None] = {}  # as they were, by folder and path
    renamed: dict[str, dict[str, str]] = {}  # by folder, then by the new path
    models: dict[tuple[str, str], Model | None] = {}  # as they were, by folder and new path
    notes: list[str] = []

    def old(self, spec: str, now: Model) -> tuple[Model | None, str]:
        """A spec as it was, None if it wasn't there; and its path in its repository. Raises NoBase, SpecError."""
        if not reading.is_file(spec):
            raise UsageError(
                f"'{spec}' ships with archcalc and has no base in a repository; compare two networks: archcalc"
                " compare A B"
            )
        path = ""
        try:
            home = self._home(spec)
            path = home.path_of(spec)
            if (home.folder, path) not in self.models:
                commit = self._commit(home)
                self.models[home.folder, path] = self._read(commit, path, spec, now) if commit else None
            return self.models[home.folder, path], path
        except NoBase as error:
            if not self.forgiving:
                raise
            self.notes.append(f"taken as new, since {error}")
            return None, path

    def _home(self, spec: str) -> Repository:
        folder = Path(spec).parent
        if folder not in self.homes:
            self.homes[folder] = repository(spec)
        return self.homes[folder]

    def _commit(self, home: Repository) -> Commit | None:
        if home.folder not in self.commits:
            self.commits[home.folder] = None
            self.commits[home.folder] = home.base(self.ref, self.fork)
        return self.commits[home.folder]

    def _text(self, commit: Commit, path: str) -> bytes | None:
        if not any(folder == commit.folder for folder, _ in self.texts):
            found = commit.texts(self._wanted(commit))
            self.texts.update({(commit.folder, name): data for name, data in found.items()})
        if (commit.folder, path) not in self.texts:
            self.texts[commit.folder, path] = commit.text(path)
        return self.texts[commit.folder, path]

    def _wanted(self, commit: Commit) -> Iterator[str]:
        """What is read of a commit: the specs, and the settings above them."""
        for spec in self.specs:
            if reading.is_file(spec) and (home := self._home(spec)).folder == commit.folder:
                path = home.path_of(spec)
                yield path
                yield from (
                    (above / name).as_posix() for above in PurePosixPath(path).parents for name in (OWN, SHARED)
                )

    def _read(self, commit: Commit, path: str, spec: str, now: Model) -> Model | None:
        data = self._text(commit, path)
        if data is not None and is_yaml(spec) and not now.spec.uses and data == reading.read(spec, MOST_BYTES):
            return Model(now.spec._replace(path=f"{commit.label}:{path}"))
        if data is None and (old := self._was(commit, path)):
            data, path = commit.deleted[old], old
            self.notes.append(f"{spec} was {old}")
        if data is None:
            return None
        called = f"{commit.label}:{path}"
        try:
            return loaded(data, called, commit.shelf(path))
        except SpecError as error:
            self.refuse(error, spec, called)
            return None

    def _was(self, commit: Commit, path: str) -> str | None:
        """The path that a new spec had. All new ones are looked at together, so that each finds the one that it is most
        like.
        """
        if is_model_file(path):  # has no lines to have in common with another
            return None
        if commit.folder not in self.renamed:
            homes = {spec: self._home(spec) for spec in self.specs if reading.is_file(spec) and not is_model_file(spec)}
            paths = {home.path_of(spec): spec for spec, home in homes.items() if home.folder == commit.folder}
            self.renamed[commit.folder] = commit.renamed(
                {
                    path: reading.read(spec, MOST_BYTES)
                    for path, spec in paths.items()
                    if self._text(commit, path) is None
                }
            )
        return self.renamed[commit.folder].get(path)

    def settings(self, spec: str) -> Settings:
        """The repository's defaults as they were, for a spec that was there."""
        home = self._home(spec)
        commit = self.commits[home.folder]
        assert commit is not None
        for folder in PurePosixPath(home.path_of(spec)).parents:
            for name in (OWN, SHARED):
                path = (folder / name).as_posix()
                data = self._text(commit, path)
                try:
                    found = (
                        read_settings(data, name, f"{commit.label}:{path}", Path(home.folder, folder))
                        if data is not None
                        else None
                    )
                except (SpecError, UsageError):
                    self.notes.append(f"{commit.label}:{path} has mistakes, so its limits aren't known")
                    return Settings()
                if found is not None:
                    return found
        return settings_above(Path(home.folder).parent)

    def refuse(self, error: SpecError, spec: str, called: str) -> None:
        """The base has mistakes, so nothing can be said, and that isn't the fault of the spec as it is now. Raises if
        not forgiving.
        """
        if not self.forgiving:
            raise ArchcalcError(
                f"{error}\n{spec} can't be compared: its base has mistakes, not itself; --missing-base new takes it"
                " as new"
            )
        self.notes.append(f"{spec} is taken as new: {called} has mistakes")

    def compared(
        self, base: Operand | None, head: Operand | None, spec: str, path: str, question: Question
    ) -> Comparison | None:
        """A spec and its base. Mistakes that only building the base shows are as those that reading it does."""
        try:
            return pair(base, head, question, path)
        except SpecError as error:
            called = base.model.spec.path if base and base.model else None
            if called is None or not any(problem.mark and problem.mark.file == called for problem in error.problems):
                raise
            self.refuse(error, spec, called)
            return pair(None, head, question, path) if head else None


def against(
    specs: Sequence[str],
    base: str,
    question: Question = PLAIN,
    fork: bool = True,
    forgiving: bool = False,
    meant: Callable[[Path], bool] | None = None,
) -> Report:
    """Each spec with its variants against what it was at `base`, a commit or a snapshot.

    A spec or variant that wasn't there is new: only its absolute budgets are judged. Files that were there, aren't any
    more and are `meant`, by their paths, were removed. Raises NoBase where there is no such base, SpecError where a
    spec has mistakes then or now; if `forgiving`, such specs are new.
    """
    models = _loaded(specs)
    if is_snapshot(base) or (reading.is_file(base) and not _is_commit(specs, base)):
        return _against_snapshot(models, base, question, forgiving)
    files = [parted(spec)[0] for spec in specs]
    bases = _Bases(base, fork, forgiving, files)
    found = [
        comparison
        for model, spec in zip(models, files, strict=True)
        for comparison in _with_commit(model, spec, bases, question)
    ]
    commits = [commit for commit in bases.commits.values() if commit]
    if meant is not None:
        found += [comparison for commit in commits for comparison in _removed(commit, bases, meant, question)]
    label = ", ".join(dict.fromkeys(commit.label for commit in commits)) or base
    return Report(
        tuple(found),
        Base(label, base, commits[0].sha if len(commits) == 1 else None),
        tuple(dict.fromkeys(bases.notes)),
    )


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
        return bool(repository(parted(specs[0])[0]).base(name, fork=False))
    except UsageError:
        return False


def _members(model: Model) -> list[str | None]:
    """A file stands for its network and all variants; `file.yaml@variant` for that one."""
    return [None, *model.spec.variants] if model.variant is None else [model.variant]


def _with_commit(model: Model, spec: str, bases: _Bases, question: Question) -> list[Comparison]:
    old, path = bases.old(spec, model)
    had: dict[str | None, Model] = (
        {name: old._replace(variant=name) for name in (None, *old.spec.variants)} if old else {}
    )
    renamed = _renamed(had, model)
    gone = [name for name in had if name and name not in model.spec.variants and name not in renamed.values()]
    found: list[Comparison | None] = []
    for name in _members(model):
        now, before = model._replace(variant=name), had.get(renamed.get(name, name))
        head = Operand(now)
        is_same = before is not None and before.spec.layers is now.spec.layers and before.variant == now.variant
        base = Operand(before, same=head if is_same else None) if before else None
        comparison = bases.compared(base, head, spec, path, question)
        if comparison and comparison.base and before:
            notes = [f"{now.name} was @{renamed[name]}"] if name in renamed else []
            notes += [f"{now.name}: {said}" for said in eased(rules(before, bases.settings(spec)), rules(now))]
            comparison = comparison._replace(notes=(*comparison.notes, *notes))
        elif comparison and comparison.unjudged and gone:
            note = (
                f"{now.name} is new and @{', @'.join(gone)} gone: if that is another name, nothing judged the increase"
            )
            comparison = comparison._replace(notes=(*comparison.notes, note))
        found.append(comparison)
    found += [bases.compared(Operand(had[name]), None, spec, path, question) for name in gone if model.variant is None]
    return [comparison for comparison in found if comparison]


def _renamed(had: Mapping[str | None, Model], model: Model) -> dict[str | None, str | None]:
    """Variants that only their name changed of, by the new one: where one that is gone and one that is new say the
    same.
    """
    gone = {name: _says(old) for name, old in had.items() if name is not None and name not in model.spec.variants}
    new = {name: _says(Model(model.spec, name)) for name in model.spec.variants if had and name not in had}
    return {
        name: old
        for name, said in new.items()
        for old, meant in gone.items()
        if said == meant and [*new.values(), *gone.values()].count(said) == 2
    }


def _says(model: Model) -> object:
    """What a variant sets, and what it leaves out; of one with mistakes, nothing that another says."""
    member = model.spec.variant(model.variant)
    assert member is not None
    try:
        values = bind(model.spec, model.variant).values
    except SpecError:
        return object()
    return {name: values[name] for name in member.values}, sorted(member.without)


def _removed(commit: Commit, bases: _Bases, meant: Callable[[Path], bool], question: Question) -> Iterator[Comparison]:
    """Specs that were deleted and got no other name, each with its variants."""
    renamed = bases.renamed.get(commit.folder, {}).values()
    for path, data in commit.deleted.items():
        if path in renamed or not meant(Path(commit.folder, path)) or not is_spec(data):
            continue
        called = f"{commit.label}:{path}"
        try:
            old = read(decoded(data, called), called, None, commit.shelf(path))
            yield from [
                pair(Operand(Model(old.spec, name)), None, question, path) for name in [None, *old.spec.variants]
            ]
        except SpecError:
            bases.notes.append(f"{path} was removed, and had mistakes")


def _against_snapshot(models: Sequence[Model], file: str, question: Question, forgiving: bool) -> Report:
    sides = read_snapshot(file)
    found = [(model, matching(sides, model.spec.path)) for model in models]
    if not any(known for _, known in found) and not forgiving:
        there = ", ".join(list(dict.fromkeys(side.spec for side in sides))[:5])
        raise NoBase(f"{file} has none of these specs, by their paths from here; it has {there}")
    compared = [comparison for model, known in found for comparison in _with_snapshot(model, known, question)]
    return Report(
        tuple(compared),
        Base(file, file=file),
        [f"{model.spec.path} is new: {file} doesn't have it" for model, known in found if not known],
    )


def _with_snapshot(model: Model, found: Sequence[Side], question: Question) -> Iterator[Comparison]:
    """Whatever isn't in the snapshot is new, be it a variant or the network itself."""
    for side in found:
        if others := [name for name in side.sets if name not in question.bindings]:
            raise UsageError(
                f"{side.label} was counted with --set {', '.join(others)}: count it again, or compare with the same"
            )
    had = {side.variant: Operand(None, side) for side in found}
    now = _members(model)
    for name in now:
        yield pair(had.get(name), Operand(model._replace(variant=name)), question)
    for name, operand in had.items():
        if name not in now and model.variant is None:
            yield pair(operand, None, question)
