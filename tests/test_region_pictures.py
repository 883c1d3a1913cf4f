"""Regions that draw: files beside the page, kept fresh, and nobody else's written over."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as tree
from functools import partial
from pathlib import Path

import pytest
from running import Command
from tiny import NET


@pytest.fixture
def docs(tmp_path: Path, archcalc: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `archcalc docs` in a repository with `net.yaml`."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return partial(archcalc, "docs")


def page(command: str, name: str = "page.md") -> Path:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"<!-- archcalc: {command} -->\n<!-- archcalc: end -->\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("command", "file", "alt"),
    [
        ("diagram net.yaml --format svg", "net.svg", "Diagram of Tiny"),
        ("diagram net.yaml -o d.svg --alt 'What it *is*'", "d.svg", r"What it \*is\*"),
        ("plot net.yaml --kind treemap --metric params", "net-treemap.svg", "treemap of Tiny"),
        ("plot net.yaml --kind roofline --device t4", "net-roofline.svg", "roofline of Tiny"),
        ("plot net.yaml lenet --kind bubble -o b.svg", "b.svg", "bubble of 2 networks"),
    ],
)
def test_a_picture_is_written_beside_the_page_and_kept_fresh(docs: Command, command: str, file: str, alt: str) -> None:
    path = page(command)
    assert docs("page.md", "--check").code == 1
    assert not Path(file).exists()
    assert docs("page.md").code == 0
    assert f"\n![{alt}]({file})\n" in path.read_text()
    assert tree.parse(file).getroot().tag.endswith("svg")
    assert docs("page.md", "--check") == ("", "", 0)
    Path("net.yaml").write_text(NET.replace("3x3", "5x5"), encoding="utf-8")
    done = docs("page.md", "--check")
    assert done.code == 1
    assert f"{file}: the picture is out of date" in done.out
    before = Path(file).read_bytes()
    assert docs("page.md").code == 0
    assert Path(file).read_bytes() != before
    Path(file).unlink()
    assert docs("page.md", "--check").code == 1


def test_in_restructuredtext_it_is_an_image(docs: Command) -> None:
    Path("page.rst").write_text(".. archcalc: diagram net.yaml --format svg\n\n.. archcalc: end\n", encoding="utf-8")
    assert docs("page.rst").code == 0
    assert ".. image:: net.svg\n   :alt: Diagram of Tiny" in Path("page.rst").read_text()


def test_a_file_that_archcalc_did_not_write_stays(docs: Command) -> None:
    path = page("diagram net.yaml --format svg")
    before = path.read_text()
    for held in (b"<svg>mine</svg>", b"\xff\xfe"):
        Path("net.svg").write_bytes(held)
        done = docs("page.md")
        assert (done.code, Path("net.svg").read_bytes(), path.read_text()) == (1, held, before)
        assert "net.svg:1:1: this file holds text that archcalc did not write" in done.err
    assert docs("page.md", "--force").code == 0
    edited = Path("net.svg").read_text().replace("stem", "mine")
    Path("net.svg").write_text(edited)
    assert docs("page.md").code == 1
    assert Path("net.svg").read_text() == edited


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("../../out.svg", "leaves the document's project"),
        ("out.png", "is an .svg below or beside the document"),
        ("/tmp/out.svg", "is an .svg below or beside the document"),
        ("out.svg)![x](y.svg", "is called by letters, digits"),
        ("javascript:x.svg", "is called by letters, digits"),
        ("nowhere/out.svg", "there is no folder"),
        ("link.svg", "leaves the document's project"),
        ("folder.svg", "is a directory"),
    ],
)
def test_no_picture_is_written_where_none_may_be(docs: Command, tmp_path: Path, path: str, said: str) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.svg"
    outside.write_text("theirs")
    os.symlink(outside, "link.svg")
    Path("folder.svg").mkdir()
    page(f"diagram net.yaml --format svg -o '{path}'")
    done = docs("page.md")
    assert done.code == 2
    assert said in done.err
    assert outside.read_text() == "theirs"


def test_one_file_is_of_one_picture(docs: Command) -> None:
    for name, depth in (("a.md", "params"), ("b.md", "macs")):
        page(f"plot net.yaml --kind bars --metric {depth} -o same.svg", name)
    done = docs("a.md", "b.md")
    assert done.code == 2
    assert "b.md:1:1: same.svg is the file of another picture of a.md" in done.err
    assert not Path("same.svg").exists()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("diagram net.yaml --metric params", "are of --format svg"),
        ("diagram net.yaml --format svg --direction LR", "goes from top to bottom"),
        ("plot net.yaml --kind pie", "unknown kind 'pie'"),
        ("plot net.yaml --kind roofline --device ../t4.json", "there is no device"),
        ("plot net.yaml", "--kind"),
    ],
)
def test_mistakes_are_told_where_the_region_is(docs: Command, command: str, said: str) -> None:
    page(command)
    done = docs("page.md")
    assert done.code == 2
    assert done.err.startswith("page.md:1:")
    assert said in done.err


def test_a_picture_stands_on_lines_of_its_own(docs: Command) -> None:
    Path("page.md").write_text("It is <!-- archcalc: diagram net.yaml --format svg --><!-- archcalc: end -->.\n")
    assert "needs a region on lines of its own" in docs("page.md").err


# ---- badges ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("params --badge b.json", {"label": "params", "message": "618", "color": "blue"}),
        ("macs --badge b.json --label 'multiply adds' --color green", {"label": "multiply adds", "color": "green"}),
        ("weight_bytes --badge b.json --form exact", {"label": "weight bytes", "message": "2,472 B"}),
    ],
)
def test_a_badge_says_what_the_sentence_says(docs: Command, words: str, said: dict[str, str]) -> None:
    """shields.io asks for these keys; 618 parameters (`tiny.PARAMS`) take four bytes each."""
    path = Path("page.md")
    path.write_text(f"It has <!-- archcalc: value net.yaml {words} --><!-- archcalc: end -->.\n", encoding="utf-8")
    assert docs("page.md", "--check").code == 1
    assert not Path("b.json").exists()
    assert docs("page.md").code == 0
    found = json.loads(Path("b.json").read_text())
    assert found.keys() == {"schemaVersion", "label", "message", "color"}
    assert found["schemaVersion"] == 1
    assert said.items() <= found.items()
    assert f"-->{found['message']}<!--" in path.read_text()
    assert docs("page.md", "--check") == ("", "", 0)
    Path("net.yaml").write_text(NET.replace("3x3", "5x5"), encoding="utf-8")
    assert docs("page.md", "--check").code == 1
    assert docs("page.md").code == 0
    assert json.loads(Path("b.json").read_text()) != found


def test_a_badge_is_written_over_nobody_elses_file(docs: Command) -> None:
    Path("page.md").write_text("<!-- archcalc: value net.yaml params --badge b.json --><!-- archcalc: end -->\n")
    for text in ('{"label": "mine"}\n', "[" * 100_000, "no json\n"):
        Path("b.json").write_text(text)
        done = docs("page.md")
        assert done.code == 1
        assert "b.json:1:1: this file holds text that archcalc did not write" in done.err
        assert Path("b.json").read_text() == text
    assert docs("page.md", "--force").code == 0
    assert json.loads(Path("b.json").read_text())["label"] == "params"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--badge b.svg", "'b.svg': a badge is a .json below or beside the document"),
        ("--badge 'b c.json'", "a badge is called by letters, digits"),
        ("--badge ../../b.json", "../../b.json leaves the document's project"),
        ("--label x", "--label and --color are of a badge: --badge FILE.json"),
    ],
)
def test_what_is_wrong_with_a_badge_is_told(docs: Command, words: str, message: str) -> None:
    Path("page.md").write_text(f"<!-- archcalc: value net.yaml params {words} --><!-- archcalc: end -->\n")
    done = docs("page.md")
    assert done.code == 2
    assert message in done.err
