"""Colours on a terminal: by meaning, of results alone, and only where they are wanted."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

SPEC = "archcalc: 1\nname: t\ninput: [3, 8, 8]\nlayers:\n"
LAYERS = "  - a: conv 4 3x3\n  - b: conv 8 3x3\n  - c: conv 16 3x3\n  - d: conv 1 1x1\n  - e: conv 2000 8x8 pad=0\n"
SGR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    (tmp_path / "net.yaml").write_text(SPEC + LAYERS + "budget:\n  params: {max: 1}\n  macs: {max: 1G}\n")
    (tmp_path / "less.yaml").write_text(SPEC + LAYERS.replace("  - b: conv 8 3x3\n", ""))
    return tmp_path


def bold(text: str) -> list[str]:
    return [line.split()[0] for line in re.findall(r"\x1b\[1m(.*?)\x1b\[0m", text)]


def test_the_dearest_rows_are_bold(archcalc) -> None:
    done = archcalc("count", "net.yaml", "--color", "always")
    # MACs at 8 x 8: a 27*4*64, b 36*8*64, c 72*16*64, d 16*64, e 64*2000: c 73,728, e 128,000, b 18,432, a 6,912
    assert bold(done.out) == ["b", "c", "e"]
    assert SGR.sub("", done.out) == archcalc("count", "net.yaml").out
    both = archcalc("count", "net.yaml", "less.yaml", "--color", "always", "--sort", "params").out
    assert bold(both) == ["e", "c", "b", "e", "c", "a"]  # params: e 130,000, c 1,168, b 296; without b, c 592, a 112


def test_over_budget_is_red_and_what_holds_green(archcalc) -> None:
    done = archcalc("check", "net.yaml", "--color", "always")
    assert done.code == 1
    assert [line[:8].strip() for line in done.out.splitlines() if "FAIL" in line] == ["\x1b[1;31"]
    assert "\x1b[32mok   macs" in done.out
    assert SGR.sub("", done.out) == archcalc("check", "net.yaml").out


def test_removed_is_red_and_added_green(archcalc) -> None:
    assert "\x1b[31mremoved" in archcalc("compare", "net.yaml", "less.yaml", "--color", "always").out
    assert "\x1b[32madded" in archcalc("compare", "less.yaml", "net.yaml", "--color", "always").out


@pytest.mark.parametrize("form", ["json", "csv", "markdown", "html", "latex", "rst"])
def test_other_formats_are_never_coloured(archcalc, form: str) -> None:
    assert "\x1b" not in archcalc("count", "net.yaml", "--format", form, "--color", "always").out
    assert "\x1b" not in archcalc("check", "net.yaml", "--format", "sarif", "--color", "always").out


@pytest.mark.parametrize(
    ("tty", "environment", "words", "colours"),
    [
        (True, {}, [], True), (False, {}, [], False), (True, {"NO_COLOR": "1"}, [], False), (True, {"NO_COLOR": ""}, [], True),
        (True, {"TERM": "dumb"}, [], False), (True, {}, ["--color", "never"], False), (True, {}, ["-o", "out"], False),
        (True, {"NO_COLOR": "1"}, ["--color", "always"], True),
    ],
)  # fmt: skip
def test_when(
    archcalc, monkeypatch: pytest.MonkeyPatch, tty: bool, environment: dict[str, str], words: list[str], colours: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: tty, raising=False)
    done = archcalc("count", "net.yaml", *words)
    assert ("\x1b" in done.out) == colours
    assert not Path("out").exists() or "\x1b" not in Path("out").read_text()


def test_another_word_is_refused_before_anything_is_counted(archcalc) -> None:
    for name in (["count"], ["check"], ["compare", "less.yaml"]):
        assert archcalc(*name, "net.yaml", "--color", "sometimes").code == 2


def test_what_comes_from_outside_brings_no_colours(archcalc, folder: Path) -> None:
    (folder / "bad.yaml").write_text(SPEC.replace("name: t", 'name: "\\e[31mred"') + LAYERS)
    assert "\x1b[31mred" not in archcalc("count", "bad.yaml", "--color", "always").out
