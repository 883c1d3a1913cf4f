"""The hooks for pre-commit, run by the real pre-commit in scratch repositories."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from running import Command
from tiny import LIMITED

ROOT = Path(__file__).parent.parent
README = "# Tiny\n\nIt has <!-- archcalc: value specs/tiny.yaml params --><!-- archcalc: end --> parameters.\n"

pytest.importorskip("pre_commit", reason="pre-commit is not installed")
if shutil.which("git") is None:
    pytest.skip("git is not installed", allow_module_level=True)


class Repository:
    """A git repository with a configuration of pre-commit."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        return self.run(
            "git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.autocrlf=false", *words
        ).stdout

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, encoding="utf-8")

    def hooks(self) -> tuple[int, str]:
        """Run the hooks on what is staged: exit code and what was printed."""
        self.git("add", "-A")
        done = self.run(sys.executable, "-m", "pre_commit", "run", "--color", "never", "--verbose")
        return done.returncode, done.stdout + done.stderr


def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing of the user's, and `archcalc` of this checkout on the path."""
    shim = tmp_path / "bin" / "archcalc"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m archcalc "$@"\n')
    shim.chmod(0o755)
    mine = {
        "PRE_COMMIT_HOME": str(tmp_path / "home"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "PYTHONPATH": str(ROOT),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    return {**kept, **mine, "PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with a spec, a README and both hooks; `language: system` takes the archcalc that is here and
    downloads nothing.
    """
    surroundings = environment(tmp_path)
    hooks = Repository(tmp_path / "hooks", surroundings)
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", hooks.folder)
    hooks.git("add", "-A")
    hooks.git("commit", "-qm", "hooks")
    found = Repository(tmp_path / "repository", surroundings)
    lines = ["repos:", f"- repo: {hooks.folder}", f"  rev: {hooks.git('rev-parse', 'HEAD').strip()}", "  hooks:"]
    lines += [f"  - {{id: {name}, language: system}}" for name in ("archcalc-check", "archcalc-docs")]
    found.write(".pre-commit-config.yaml", "\n".join(lines) + "\n")
    found.write("specs/tiny.yaml", LIMITED)
    found.write("README.md", README)
    return found


def test_a_mistake_is_shown_where_it_is(repository: Repository) -> None:
    repository.write("specs/tiny.yaml", LIMITED.replace("gap", "gapp"))
    code, printed = repository.hooks()
    assert code == 1
    assert "specs/tiny.yaml:6:5: unknown layer 'gapp'; did you mean 'gap'?" in printed
    assert (repository.folder / "README.md").read_text() == README


def test_other_files_run_no_hook(repository: Repository) -> None:
    repository.git("add", "-A")
    repository.git("commit", "-qnm", "first")
    repository.write("notes.txt", "x")
    code, printed = repository.hooks()
    assert (code, printed.count("Skipped")) == (0, 2)


@pytest.mark.slow
def test_three_commits_through_hooks_compare_and_docs(
    repository: Repository, archcalc: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cheaper design, a dearer one over its budget, and a renamed file."""
    page = repository.folder / "README.md"
    monkeypatch.chdir(repository.folder)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)

    def compared() -> tuple[int, str]:
        specs = sorted(path.relative_to(repository.folder).as_posix() for path in repository.folder.glob("specs/*"))
        done = archcalc("compare", *specs, "--base", "main")
        return done.code, done.out + done.err

    def committed(name: str) -> None:
        code, printed = repository.hooks()
        assert (code, printed.count("Passed")) == (0, 2)
        repository.git("commit", "-qnm", name)

    code, printed = repository.hooks()
    assert (code, "-->618<!--" in page.read_text(encoding="utf-8")) == (1, True)
    assert "files were modified by this hook" in printed
    assert "README.md: 1 region, refreshed" in printed
    committed("first")
    repository.git("switch", "-qc", "work")
    repository.write("specs/tiny.yaml", LIMITED.replace("16 3x3", "8 3x3"))
    code, printed = compared()
    assert (code, "-304" in printed) == (0, True)  # 8*27 + 8 + 8*10 + 10 = 314; 618 before
    assert repository.hooks()[0] == 1  # the page didn't change, and is refreshed all the same
    assert "-->314<!--" in page.read_text(encoding="utf-8")
    committed("cheaper")

    repository.write("specs/tiny.yaml", LIMITED.replace("16 3x3", "32 3x3"))
    assert archcalc("docs", "README.md", "--check").code == 1
    code, printed = compared()
    assert (code, "1,226" in printed) == (1, True)
    assert "FAIL" in repository.hooks()[1]  # so it would not be committed

    repository.git("checkout", "-q", "HEAD", "--", ".")
    repository.git("mv", "specs/tiny.yaml", "specs/small net ü.yaml")
    done = archcalc("docs", "README.md", "--check")
    assert (done.code, "README.md:3:8: specs/tiny.yaml: No such file or directory" in done.err) == (2, True)
    repository.write(
        "README.md", page.read_text(encoding="utf-8").replace("specs/tiny.yaml", "'specs/small net ü.yaml'")
    )
    assert archcalc("docs", "README.md", "--check").code == 0
    repository.git("add", "-A")
    code, printed = compared()
    assert (code, "-304" in printed) == (0, True)
    committed("renamed")


@pytest.mark.skipif(
    not os.environ.get("ARCHCALC_TEST_NETWORK"),
    reason="installs archcalc and what it needs from a package index; ARCHCALC_TEST_NETWORK=1",
)
def test_pre_commit_installs_archcalc_itself(tmp_path: Path) -> None:
    surroundings = environment(tmp_path)
    surroundings.pop("PYTHONPATH")
    (tmp_path / "bin" / "archcalc").unlink()
    source = Repository(tmp_path / "source", surroundings)
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True
    ).stdout
    for name in tracked.splitlines():
        if (ROOT / name).is_file():
            (source.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source.folder / name)
    source.git("add", "-A")
    source.git("commit", "-qm", "archcalc")
    found = Repository(tmp_path / "repository", surroundings)
    rev = source.git("rev-parse", "HEAD").strip()
    found.write(
        ".pre-commit-config.yaml",
        f"repos:\n- repo: {source.folder}\n  rev: {rev}\n  hooks: [{{id: archcalc-check}}, {{id: archcalc-docs}}]\n",
    )
    found.write("specs/tiny.yaml", LIMITED)
    found.write("README.md", README)
    code, printed = found.hooks()
    assert code == 1, printed
    assert "-->618<!--" in (found.folder / "README.md").read_text()
    assert found.hooks()[0] == 0


def test_what_is_no_spec_and_a_page_without_a_region_are_no_failure(repository: Repository) -> None:
    repository.write("README.md", "# A page\n")
    repository.write("specs/openapi.yaml", "openapi: 3.1.0\ninfo: {title: x}\n")
    code, printed = repository.hooks()
    assert (code, printed.count("Passed")) == (0, 2), printed
