"""The base of a comparison in git: a file as it was where the work began. Read with `git show`, so nothing is checked
out.
"""

from __future__ import annotations

import difflib
import os
import posixpath
import re
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from archcalc.errors import UsageError
from archcalc.files import is_yaml
from archcalc.records import Record
from archcalc.spec import Found

OURS = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
)  # set inside of hooks
SYMLINK, LINKS = b"120000", 8
MOST_PAIRS = 10_000  # of new files and deleted ones
MOST_LINES = 4_000_000  # pairs of lines that are compared in their order
ALIKE = 0.5  # the share of lines that two files have in common when one is the other renamed, as for git


class NoBase(UsageError):
    """There is no such commit, or it can't be reached."""


class Commit(Record):
    """A commit of a repository, by the name that it was asked for. `folder` is where its files are."""

    folder: str
    ref: str
    sha: str

    @property
    def label(self) -> str:
        """`main@1a2b3c4`."""
        return self.sha[:7] if self.sha.startswith(self.ref) else f"{self.ref}@{self.sha[:7]}"

    def text(self, path: str) -> bytes | None:
        """A file as it was there, by its path in the repository; None if there was none."""
        for _ in range(LINKS):
            entry = _git(self.folder, "ls-tree", "-z", "--full-tree", self.sha, "--", path) or b""
            mode, _, kind = entry.split(b"\t")[0].partition(b" ")
            if not kind.startswith(b"blob"):
                return None
            data = _git(self.folder, "show", f"{self.sha}:{path}")
            if mode != SYMLINK or data is None:
                return data
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), os.fsdecode(data)))
            if path.startswith(("../", "/")):
                raise NoBase(f"{self.label}: a link leads to {path}, out of the repository")
        return None

    def shelf(self, path: str) -> InCommit:
        """Where a spec of this commit finds what it uses."""
        return InCommit(self, path)

    @cached_property
    def deleted(self) -> dict[str, bytes]:
        """YAML files that were there and aren't in the working tree, with what was in them."""
        listed = _git(
            self.folder, "diff", "--no-renames", "--no-ext-diff", "--diff-filter=D", "--name-only", "-z", self.sha
        )
        found = [os.fsdecode(name) for name in (listed or b"").split(b"\0")]
        return self._texts([name for name in found if is_yaml(name) and "\n" not in name])

    def texts(self, paths: Iterable[str]) -> dict[str, bytes | None]:
        """Files as `text` has them, nearly all by one run of git; a name with a line break isn't among them."""
        asked = list(dict.fromkeys(path for path in paths if "\n" not in path))
        folders = list(dict.fromkeys(posixpath.dirname(path) for path in asked))
        answers = self._objects([*folders, *asked])
        links = {
            posixpath.join(folder, name)
            for folder, (kind, data) in zip(folders, answers, strict=False)
            if kind == b"tree"
            for name in _links(data)
        }
        return {
            path: self.text(path) if path in links else data if kind == b"blob" else None
            for path, (kind, data) in zip(asked, answers[len(folders) :], strict=True)
        }

    def _texts(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Files as they were there, links as git has them."""
        found = zip(paths, self._objects(paths), strict=True)
        return {path: data for path, (kind, data) in found if kind == b"blob"}

    def _objects(self, paths: Sequence[str]) -> list[tuple[bytes, bytes]]:
        """The kind and the bytes of what was there, all by one run of git; no kind where nothing was."""
        given = b"".join(os.fsencode(f"{self.sha}:{path}\n") for path in paths)
        said = (_git(self.folder, "cat-file", "--batch", given=given) or b"") if paths else b""
        found, at = [], 0
        for path in paths:
            end = said.index(b"\n", at)
            if said[at:end] == os.fsencode(f"{self.sha}:{path} missing"):
                found.append((b"", b""))
                at = end + 1
                continue
            _, kind, size = said[at:end].split(b" ")
            found.append((kind, said[end + 1 : end + 1 + int(size)]))
            at = end + int(size) + 2
        return found

    def renamed(self, new: Mapping[str, bytes]) -> dict[str, str]:
        """The deleted specs that new ones were made from, by the new path: those with the most lines in common first,
        at least half of them.
        """
        pairs = []
        if len(new) * len(self.deleted) > MOST_PAIRS:  # git looks no further, either
            return {}
        for path, data in new.items():
            lines: difflib.SequenceMatcher[bytes] = difflib.SequenceMatcher(None, [], [], autojunk=False)
            mine = data.splitlines()
            lines.set_seq2(mine)
            for old, text in self.deleted.items():
                theirs = text.splitlines()
                lines.set_seq1(theirs)
                take_time = len(mine) * len(theirs) > MOST_LINES
                same_name = os.path.basename(old) == os.path.basename(path)
                if lines.real_quick_ratio() >= ALIKE and (alike := _alike(lines, take_time)) >= ALIKE:
                    pairs.append((-alike, not same_name, path, old))
        found: dict[str, str] = {}
        for _, _, path, old in sorted(pairs):
            if path not in found and old not in found.values():
                found[path] = old
        return found


def _links(tree: bytes) -> Iterator[str]:
    """The names of the links in a tree as git keeps it: mode, name, 20 bytes (32 where hashes are SHA-256)."""
    width = next((n for n in (20, 32) if _fits(tree, n)), 20)
    at = 0
    while at < len(tree):
        end = tree.index(b"\0", at)
        mode, _, name = tree[at:end].partition(b" ")
        if mode == SYMLINK:
            yield os.fsdecode(name)
        at = end + 1 + width


def _fits(tree: bytes, width: int) -> bool:
    at = 0
    while at < len(tree):
        end = tree.find(b"\0", at)
        if end < 0 or not re.match(rb"[0-7]{5,6} ", tree[at:end]):
            return False
        at = end + 1 + width
    return at == len(tree)


def _alike(lines: difflib.SequenceMatcher[bytes], take_time: bool) -> float:
    """The share of lines in common: in their order where that doesn't take long, else in any."""
    quick = lines.quick_ratio()
    return quick if quick < ALIKE or take_time else lines.ratio()


class InCommit(Record):
    """The files beside a spec that is read from a commit; `path` is the spec's in its repository."""

    commit: Commit
    path: str

    @property
    def shown(self) -> str:
        """What messages call the spec."""
        return f"{self.commit.label}:{self.path}"

    @property
    def key(self) -> str:
        """The place of the file."""
        return self.shown

    def beside(self, name: str) -> Found:
        """A file of the same commit, by its path from the spec. Raises UsageError."""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), name))
        if path.startswith(("../", "/")) or posixpath.isabs(name):
            raise UsageError(f"{name} is outside of the repository")
        data, there = self.commit.text(path), InCommit(self.commit, path)
        if data is None:
            raise UsageError(f"there is no file {there.shown}")
        return Found(data, there.shown, None, there)


class Repository(Record):
    """A git repository, by the folder of a file in it."""

    folder: str  # its root

    def path_of(self, file: str) -> str:
        """A file's path in it, with slashes. A link is a file of its own: what it points at may have changed."""
        return Path(_place(file)).relative_to(os.path.realpath(self.folder)).as_posix()

    def base(self, ref: str, fork: bool = True) -> Commit:
        """The commit to compare with: where HEAD forked from `ref`, or `ref` itself. Raises NoBase with what to run."""
        if ref.startswith(("-", "^")) or not ref.strip():
            raise UsageError(f"'{ref}' can't be the name of a commit")
        tip = self._commit(f"{ref}^{{commit}}")
        if tip is None:
            raise NoBase(self._unknown(ref))
        if not fork:
            return Commit(self.folder, ref, tip)
        if self._commit("HEAD^{commit}") is None:
            raise NoBase(f"{self.folder} has no commit yet, so nothing forked from '{ref}'")
        found = _git(self.folder, "merge-base", tip, "HEAD", fails=True)
        if not found:
            raise NoBase(self._unrelated(ref))
        return Commit(self.folder, ref, found.decode().split()[0])

    def _commit(self, name: str) -> str | None:
        found = _git(self.folder, "rev-parse", "--verify", "--quiet", name, fails=True)
        return found.decode().strip() if found else None

    def _unknown(self, ref: str) -> str:
        """There is no such commit here: how to get it."""
        remotes = (_git(self.folder, "remote") or b"").decode().split()
        deep = "--unshallow " if self._is_shallow() else ""
        if not _is_branch(ref):  # `HEAD~1` is no name that a remote knows
            return f"there is no commit '{ref}' in {self.folder}" + (
                f", which is shallow; run `git fetch --unshallow`{_in_actions(deep)}" if deep else ""
            )
        remote, _, branch = ref.partition("/")
        if remote in remotes and branch:
            return f"there is no commit '{ref}' here; run `{_fetch(remote, branch, deep)}`{_in_actions(deep)}"
        for remote in remotes:
            if self._commit(f"{remote}/{ref}^{{commit}}"):
                return f"there is no commit '{ref}' here, but there is '{remote}/{ref}': give --base {remote}/{ref}"
        if remotes:
            name = "origin" if "origin" in remotes else remotes[0]
            return (
                f"there is no commit '{ref}' here; run `{_fetch(name, ref, deep)}` and give --base"
                f" {name}/{ref}{_in_actions(deep)}"
            )
        return f"there is no commit '{ref}' in {self.folder}, which has no remote to fetch it from"

    def _unrelated(self, ref: str) -> str:
        """There is no merge base: the history isn't here, or there is none."""
        if self._is_shallow():
            return (
                f"this clone is shallow, and where HEAD forked from '{ref}' isn't in it; run `git fetch"
                f" --unshallow`{_in_actions('yes')}, or compare with '{ref}' as it is now: --no-merge-base"
            )
        return f"HEAD and '{ref}' have no common commit; compare with '{ref}' itself: --no-merge-base"

    def _is_shallow(self) -> bool:
        return _git(self.folder, "rev-parse", "--is-shallow-repository", fails=True) == b"true\n"


def _is_branch(ref: str) -> bool:
    """Whether it could be the name of a branch or a tag, as `git check-ref-format` says."""
    return not re.search(r"[\s~^:?*\[\\]|\.\.|@\{|//|/$|\.$", ref) and ref not in (
        "@",
        "HEAD",
        "FETCH_HEAD",
        "ORIG_HEAD",
    )


def _fetch(remote: str, branch: str, deep: str) -> str:
    """What brings a branch under the name that it has here, in a clone of a single branch too."""
    return f"git fetch {deep}{shlex.quote(remote)} {shlex.quote(f'{branch}:refs/remotes/{remote}/{branch}')}"


def _in_actions(deep: str) -> str:
    return ", or let the checkout fetch all of the history (`fetch-depth: 0`)" if deep else ""


def _place(file: str) -> str:
    """Where a file is, the links of its folders followed."""
    return os.path.join(os.path.realpath(os.path.dirname(file) or "."), os.path.basename(file))


def repository(file: str) -> Repository:
    """The repository that a file is in. Raises NoBase."""
    folder = os.path.dirname(_place(file))
    found = _git(folder, "rev-parse", "--show-toplevel", fails=True)
    if not found:
        raise NoBase(
            f"{file} is in no git repository, so it has no base there; compare two files, or with a snapshot (--base"
            " costs.json)"
        )
    return Repository(os.fsdecode(found).rstrip("\n"))


def _git(folder: str, *words: str, fails: bool = False, given: bytes | None = None) -> bytes | None:
    """What git prints, `given` to read; None where it `fails` and may. Raises UsageError."""
    environment = {name: value for name, value in os.environ.items() if name not in OURS} | {
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",  # a file may be called `:(top)net.yaml`
    }
    command: Sequence[str] = ["git", "-C", folder, *words]
    try:
        done = subprocess.run(command, input=given, capture_output=True, env=environment, check=False)
    except OSError as error:
        raise UsageError(
            f"git can't be run: {error.strerror or error}; compare two files, or with a snapshot (--base costs.json)"
        ) from None
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode("utf-8", "replace").strip()
    if fails and "dubious ownership" not in said:
        return None
    raise UsageError(f"git {words[0]}: {said or f'exit code {done.returncode}'}")
