"""`archcalc init`, `--watch` and patterns: how work begins and goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest
import yaml

SPEC = "archcalc: 1\nname: t\ninput: [3, 8, 8]\nlayers:\n  - conv 4 3x3\n"  # 4 * 3 * 9 + 4 = 112 parameters


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_init_writes_checks_and_is_laid_out(archcalc, folder: Path) -> None:
    done = archcalc("init")
    assert (done.code, done.out.count("wrote")) == (0, 4)
    assert archcalc("check").code == 0
    assert archcalc("fmt", ".", "--check").code == 0
    assert tomllib.loads((folder / "archcalc.toml").read_text())["specs"] == ["models/*.yaml"]
    hooks = yaml.safe_load((folder / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert [hook["id"] for hook in hooks] == ["archcalc-fmt", "archcalc-check"]
    workflow = yaml.safe_load((folder / ".github/workflows/archcalc.yml").read_text())
    assert workflow["jobs"]["check"]["steps"][-1] == {"run": "archcalc check --format github"}


def test_init_writes_over_nothing(archcalc, folder: Path) -> None:
    (folder / "nets").mkdir()
    (folder / "nets/mine.yaml").write_text(SPEC)
    (folder / ".pre-commit-config.yaml").write_text("repos: []\n")
    (folder / ".github/workflows").mkdir(parents=True)
    (folder / ".github/workflows/archcalc.yml").symlink_to("nowhere")
    done = archcalc("init", ".")
    assert done.out.splitlines() == [
        "stays  models/first.yaml: nets/mine.yaml is there",
        "wrote  archcalc.toml",
        "stays  .pre-commit-config.yaml: it is there; it wants the hooks of docs/ci.md",
        "stays  .github/workflows/archcalc.yml: it is there",
    ]
    assert not (folder / "models").exists()
    assert not (folder / ".github/workflows/nowhere").exists()
    assert tomllib.loads((folder / "archcalc.toml").read_text())["specs"] == ["nets/*.yaml"]
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert archcalc("init").out.count("stays") == 4
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before


def test_init_where_it_can_not(archcalc, folder: Path) -> None:
    assert archcalc("init", "nowhere").code == 2
    (folder / "models").write_text("a file")
    assert archcalc("init").code == 2
    assert [path.name for path in folder.iterdir()] == ["models"]


def test_settings_of_pyproject_stay_in_force(archcalc, folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.archcalc]\nspecs = ["models/*.yaml"]\n')
    assert "stays  archcalc.toml: pyproject.toml has settings" in archcalc("init").out
    assert not (folder / "archcalc.toml").exists()


@pytest.mark.parametrize("command", [["count", "--json"], ["check", "--json"]])
def test_patterns_stand_for_what_they_fit(archcalc, folder: Path, command: list[str]) -> None:
    for name in ("a", "b"):
        (folder / f"{name}.yaml").write_text(SPEC + "variants: {wide: {}}\n")
    name, *more = command
    assert archcalc(name, "[ab].yaml", *more).out == archcalc(name, "a.yaml", "b.yaml", *more).out
    assert archcalc(name, "*.yml", *more).code == 2
    assert "no file matches *.yml" in archcalc(name, "*.yml", *more).err


def test_patterns_take_variants_and_compare_takes_patterns_and_stdin(archcalc, folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub/a.yaml").write_text(SPEC + "variants: {wide: {}}\n")
    (folder / "b.yaml").write_text(SPEC.replace("4 3x3", "8 3x3"))
    assert json.loads(archcalc("count", "**/a.yaml@wide", "--json").out)["variant"] == "wide"
    assert json.loads(archcalc("compare", "sub/*.yaml", "b.*", "--json").out)["schema"] == "archcalc/compare/1"
    (folder / "x[1].yaml").write_text(SPEC)
    assert archcalc("count", "x[1].yaml").code == 0


class Watched:
    """`archcalc WORDS --watch` in a process of its own."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from archcalc.cli import start; start()", *words, "--watch"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        self.guard = threading.Timer(30, self.process.kill)
        self.guard.start()

    def until(self, said: str) -> str:
        """What is printed up to the end of a round; it holds `said`."""
        assert self.process.stderr
        told = ""
        while "watching" not in (line := self.process.stderr.readline()):
            assert line, told
            told += line
        assert said in told
        return told

    def end(self) -> tuple[int, str, str]:
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=20)
        self.guard.cancel()
        return self.process.returncode, out, err


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_watching_goes_on_over_mistakes_and_ends_cleanly(folder: Path) -> None:
    net = folder / "net.yaml"
    net.write_text(SPEC)
    watched = Watched("count", "net.yaml", "--format", "csv")
    watched.until("")
    net.write_text(SPEC.replace("conv", "cnv"))
    watched.until("unknown layer 'cnv'")
    net.unlink()
    watched.until("net.yaml")
    net.write_text(SPEC.replace("4 3x3", "8 3x3"))  # 8 * 27 + 8 = 224
    watched.until("")
    code, out, err = watched.end()
    assert (code, err) == (0, "")
    assert [row.count("112") > 0 for row in out.splitlines() if "conv" in row] == [True, False]
    assert "224" in out


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_networks_that_a_spec_uses_are_followed(folder: Path) -> None:
    (folder / "inner.yaml").write_text(SPEC)
    (folder / "a.yaml").write_text(SPEC.replace("  - conv 4 3x3\n", "  - use inner.yaml\n"))
    watched = Watched("count", "a.yaml", "--depth", "0", "--format", "json")
    watched.until("")
    (folder / "inner.yaml").write_text(SPEC.replace("4 3x3", "8 3x3"))
    watched.until("")
    code, out, _ = watched.end()
    assert (code, out.count('"params": 112'), out.count('"params": 224') > 0) == (0, out.count('"params": 224'), True)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_new_files_in_a_folder_are_followed(folder: Path) -> None:
    (folder / "a.yaml").write_text(SPEC)
    watched = Watched("check", ".", "--format", "json")
    watched.until("")
    (folder / "b.yaml").write_text(SPEC)
    watched.until("")
    code, out, _ = watched.end()
    assert (code, out.count('"variant"')) == (0, 1 + 2)


def test_what_can_not_be_watched_is_refused(archcalc) -> None:
    assert archcalc("count", "-", "--watch").code == 2
    assert archcalc("check", "package.module:net", "--watch").code == 2
