"""Documentation sites and notebooks: MkDocs, Sphinx (reStructuredText and MyST) and Jupyter, each with the real one."""

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import browsing
import pytest
import yaml
from test_strangers import TEXT, Tags, is_harmless
from test_strangers import spec as strange
from tiny import NET

ROOT = Path(__file__).parent.parent


def text_of(page: Path) -> str:
    """What a reader sees of a page."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8"))))


# ---- MkDocs ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def mkdocs(tmp_path: Path) -> object:
    """Build a site of one page, `index.md`, with the hook; the text of the page comes back."""
    config = pytest.importorskip("mkdocs.config", reason="MkDocs is not installed")
    build = pytest.importorskip("mkdocs.commands.build")
    (tmp_path / "docs").mkdir()
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")
    (tmp_path / "hooks.py").write_text("from archcalc.mkdocs import on_page_markdown, on_serve\n", encoding="utf-8")
    (tmp_path / "mkdocs.yml").write_text("site_name: t\nhooks: [hooks.py]\n", encoding="utf-8")

    def run(text: str, strict: bool = False) -> str:
        (tmp_path / "docs" / "index.md").write_text(text, encoding="utf-8")
        build.build(config.load_config(str(tmp_path / "mkdocs.yml"), strict=strict))
        return text_of(tmp_path / "site" / "index.html")

    return run


PAGE = """\
---
title: A page
---

# A page

It has <!-- archcalc: value ../net.yaml params --><!-- archcalc: end --> parameters.

<!-- archcalc: table ../net.yaml --columns layer,params -->
<!-- archcalc: end -->
"""


def test_mkdocs_fills_pages_and_leaves_files_alone(mkdocs, tmp_path: Path) -> None:
    shown = mkdocs(PAGE, strict=True)
    assert "It has 618 parameters." in shown
    assert "layer params stem 448 gap 0 fc 170 total 618" in shown
    assert (tmp_path / "docs" / "index.md").read_text() == PAGE


def test_mkdocs_warns_of_what_is_out_of_date_in_the_repository(mkdocs, caplog: pytest.LogCaptureFixture) -> None:
    from archcalc.docs.regions import checksum

    stale = f"# t\n\nx <!-- archcalc: value ../net.yaml params -->600<!-- archcalc: end (sum: {checksum('600')}) -->\n"
    assert "x 618" in mkdocs(stale)
    assert "index.md:3:3: this region is out of date; run: archcalc docs index.md" in caplog.text
    assert "x 618" in mkdocs(stale.replace("600<", "601<"))
    assert "index.md:3:3: this region was edited by hand" in caplog.text
    from mkdocs.exceptions import Abort

    with pytest.raises(Abort, match=r"1 errors in strict mode"):
        mkdocs(stale, strict=True)


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_a_strict_build_fails_on_stale_pages_and_names_them_all_however_quiet(
    mkdocs, tmp_path: Path, quiet: list[str]
) -> None:
    from archcalc.docs.regions import checksum

    stale = f"# t\n\nx <!-- archcalc: value ../net.yaml params -->600<!-- archcalc: end (sum: {checksum('600')}) -->\n"
    mkdocs(stale)
    (tmp_path / "docs" / "other.md").write_text(stale.replace("600<", "601<"), encoding="utf-8")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", *quiet],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert built.returncode == 1
    assert "index.md:3:3: this region is out of date; run: archcalc docs index.md" in built.stderr
    assert "other.md:3:3: this region was edited by hand" in built.stderr
    for name in ("index.md", "other.md"):
        (tmp_path / "docs" / name).write_text(
            stale.replace("600", "618").replace(checksum("600"), checksum("618")), encoding="utf-8"
        )
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", *quiet],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert built.returncode == 0


def test_mkdocs_ends_on_a_command_that_cannot_be_answered(mkdocs, caplog: pytest.LogCaptureFixture) -> None:
    from mkdocs.exceptions import Abort

    with pytest.raises(Abort):
        mkdocs(PAGE.replace("value ../net.yaml params", "value ../net.yaml parms"))
    assert "index.md:7:8: unknown figure 'parms'; did you mean 'params'?" in caplog.text


def test_mkdocs_watches_the_specs(mkdocs, tmp_path: Path) -> None:
    from archcalc.mkdocs import on_serve

    class Server:
        watched: list[str] = []

        def watch(self, path: str) -> None:
            self.watched.append(path)

    mkdocs(PAGE)
    on_serve(Server())  # type: ignore[arg-type]
    assert str(tmp_path / "net.yaml") in [str(Path(path).resolve()) for path in Server.watched]


STRANGE = """\
# A page

It has <!-- archcalc: value ../net.yaml params --><!-- archcalc: end --> parameters.

<!-- archcalc: table ../net.yaml -->
<!-- archcalc: end -->

<!-- archcalc: models ../net.yaml --columns name,paper,params -->
<!-- archcalc: end -->

<!-- archcalc: formula ../net.yaml macs --free size -->
<!-- archcalc: end -->
"""


def elements(page: Path) -> tuple[set[str], set[str], int, set[str]]:
    """What a page is made of: its elements, their attributes, how many scripts, and where it links to."""
    text = page.read_text(encoding="utf-8")
    tags = Tags(text)
    return (
        set(tags.seen),
        set(tags.attributes),
        tags.seen.count("script"),
        set(re.findall(r'(?:href|src)="([^"]*)"', text)),
    )


def test_mkdocs_takes_what_strangers_call_things_for_text(mkdocs, tmp_path: Path) -> None:
    built = []
    for name in ("tame", TEXT):
        (tmp_path / "net.yaml").write_text(strange(name), encoding="utf-8")
        shown = mkdocs(STRANGE)
        built.append(elements(tmp_path / "site" / "index.html"))
        is_harmless(shown)
    assert "pwn" in shown
    assert built[1] == built[0]


@pytest.mark.browser
@pytest.mark.skipif(browsing.PROGRAM is None, reason="there is no Chromium")
def test_a_page_with_a_wide_table_is_no_wider_than_a_phone(mkdocs, tmp_path: Path) -> None:
    words = [f"heading{n}" for n in range(12)]
    rows = "\n".join("| " + " | ".join(row) + " |" for row in (words, ["---"] * 12, words))
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8").replace("!ENV", ""))
    (tmp_path / "mkdocs.yml").write_text(
        yaml.safe_dump({"site_name": "t", "theme": settings["theme"], "extra_css": settings["extra_css"]})
    )
    for sheet in settings["extra_css"]:
        (tmp_path / "docs" / sheet).parent.mkdir(exist_ok=True)
        (tmp_path / "docs" / sheet).write_bytes((ROOT / sheet).read_bytes())
    mkdocs(f"# Wide\n\n{rows}\n")
    with browsing.browser(tmp_path / "profile") as browser:
        browser.open((tmp_path / "site" / "index.html").as_uri(), width=390)
        assert browser.run("document.documentElement.scrollWidth") <= 390
        table = "document.querySelector('table')"
        assert browser.run(f"{table}.scrollWidth > {table}.clientWidth")  # all of it can be reached
        browser.open((tmp_path / "site" / "index.html").as_uri(), width=1280)
        assert browser.run("document.documentElement.scrollWidth") <= 1280


# ---- Sphinx ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def sphinx(tmp_path: Path) -> object:
    """Build HTML from pages, in a process of its own: docutils keeps directives for good. What was printed comes back,
    warnings apart.
    """
    pytest.importorskip("sphinx", reason="Sphinx is not installed")
    source = tmp_path / "docs"
    source.mkdir()
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")

    def run(pages: dict[str, str], *extensions: str) -> tuple[str, str]:
        for name, text in pages.items():
            (source / name).write_text(text, encoding="utf-8")
        names = ["archcalc.sphinx", *extensions]
        (source / "conf.py").write_text(
            f"extensions = {names}\nhtml_theme = 'basic'\nsuppress_warnings = ['toc.not_included']\n", encoding="utf-8"
        )
        command = [
            sys.executable,
            "-m",
            "sphinx",
            "-N",
            "-b",
            "html",
            "-d",
            str(tmp_path / "doctrees"),
            str(source),
            str(tmp_path / "out"),
        ]
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", env={**os.environ, "PYTHONIOENCODING": "utf-8"}
        )
        return done.stderr, done.stdout

    return run


RST = """\
A page
======

It has :archcalc:`value ../net.yaml params` parameters, :archcalc:`formula ../net.yaml params --free width --form unicode`.

.. archcalc:: table ../net.yaml --columns layer,params

.. archcalc:: formula ../net.yaml params --free width

.. archcalc:: diagram ../net.yaml

.. archcalc:: models ../net.yaml resnet18 --columns network,params
"""
MYST = """\
# A page

It has {archcalc}`value ../net.yaml params` parameters.

```{archcalc} table ../net.yaml --columns layer,params
```
"""


def test_sphinx_shows_what_directives_and_roles_ask_for(sphinx, tmp_path: Path) -> None:
    warnings, _ = sphinx({"index.rst": RST})
    assert warnings == ""
    shown = text_of(tmp_path / "out" / "index.html")
    assert "It has 618 parameters, 38·width + 10 ." in shown
    assert "layer params stem 448 gap 0 fc 170 total 618" in shown
    assert r"\[38 \mathit{width} + 10\]" in shown
    assert "flowchart TD" in shown
    assert "ResNet-18 11.7M" in shown


def test_sphinx_takes_what_strangers_call_things_for_text(sphinx, tmp_path: Path) -> None:
    built = []
    for name in ("tame", TEXT):
        (tmp_path / "net.yaml").write_text(strange(name), encoding="utf-8")
        warnings, _ = sphinx(
            {
                "index.rst": RST.replace(" resnet18 --columns network,params", " --columns name,paper,params").replace(
                    "width", "size"
                )
            }
        )
        assert warnings == ""
        built.append(elements(tmp_path / "out" / "index.html"))
    shown = text_of(tmp_path / "out" / "index.html")
    is_harmless(shown)
    assert "pwn" in shown
    assert built[1] == built[0]


def test_sphinx_builds_a_page_again_when_its_spec_changes(sphinx, tmp_path: Path) -> None:
    sphinx({"index.rst": RST, "other.rst": "Other\n=====\n"})
    spec = tmp_path / "net.yaml"
    spec.write_text(NET.replace("width: 16}", "width: 32}"), encoding="utf-8")
    os.utime(spec, (spec.stat().st_atime + 5, spec.stat().st_mtime + 5))
    _, status = sphinx({})
    assert "0 added, 1 changed, 0 removed" in status
    assert "It has 1.23k parameters" in text_of(tmp_path / "out" / "index.html")


def test_sphinx_names_the_line_of_what_cannot_be_answered(sphinx) -> None:
    bad = (
        "Title\n=====\n\n.. archcalc:: tabel ../net.yaml\n\nx :archcalc:`value ../nowhere.yaml params` :archcalc:`table"
        " ../net.yaml`\n"
    )
    warnings, _ = sphinx({"index.rst": bad})
    assert "index.rst:4: ERROR: unknown command 'tabel'; did you mean 'table'?" in warnings
    assert "index.rst:6: ERROR:" in warnings
    assert "nowhere.yaml: No such file or directory" in warnings
    assert "only `value` and `formula` stand inside a sentence" in warnings


def test_sphinx_reads_myst(sphinx, tmp_path: Path) -> None:
    pytest.importorskip("myst_parser", reason="MyST is not installed")
    warnings, _ = sphinx({"index.md": MYST}, "myst_parser")
    assert warnings == ""
    shown = text_of(tmp_path / "out" / "index.html")
    assert "It has 618 parameters." in shown
    assert "layer params stem 448 gap 0 fc 170 total 618" in shown


def test_regions_are_read_by_sphinx_too(sphinx, tmp_path: Path) -> None:
    """Filled regions need no extension: comments, tables, substitutions and formulas are plain reStructuredText and
    MyST.
    """
    pytest.importorskip("myst_parser", reason="MyST is not installed")
    from archcalc.docs import documents, save

    table, value = "archcalc: table ../net.yaml --columns layer,params", "archcalc: value ../net.yaml params"
    rst = f"Title\n=====\n\n.. {table}\n.. archcalc: end\n\n.. {value} --define n\n.. archcalc: end\n\nIt has |n|.\n"
    myst = f"# A page\n\n% {table}\n% archcalc: end\n\nIt has <!-- {value} --><!-- archcalc: end -->.\n"
    pages = {"index.rst": rst, "page.md": myst}
    for name, text in pages.items():
        (tmp_path / "docs" / name).write_text(text, encoding="utf-8")
    save(documents([str(tmp_path / "docs")], allowed=[tmp_path]))
    warnings, _ = sphinx({}, "myst_parser")
    assert warnings == ""
    for page in ("index.html", "page.html"):
        shown = text_of(tmp_path / "out" / page)
        assert "layer params stem 448 gap 0 fc 170 total 618" in shown
        assert re.search(r"It has 618 ?\.", shown)
        assert "archcalc:" not in shown


def test_sphinx_draws_a_diagram_with_the_mermaid_that_is_there(sphinx, tmp_path: Path) -> None:
    pytest.importorskip("sphinxcontrib.mermaid", reason="sphinxcontrib-mermaid is not installed")
    warnings, _ = sphinx({"index.rst": "Title\n=====\n\n.. archcalc:: diagram ../net.yaml\n"}, "sphinxcontrib.mermaid")
    assert warnings == ""
    assert re.search(
        r'<pre +class="mermaid">\s+flowchart TD', (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    )


# ---- notebooks -------------------------------------------------------------------------------------------------------


def test_a_notebook_shows_a_table_as_html_markdown_and_text() -> None:
    formatters = pytest.importorskip("IPython.core.formatters", reason="IPython is not installed")
    import archcalc

    shown, _ = formatters.DisplayFormatter().format(archcalc.load("lenet").count())
    assert set(shown) >= {"text/plain", "text/markdown", "text/html"}
    assert shown["text/html"].startswith("<table")
    assert "| **total** |" in shown["text/markdown"]
    assert "params       " in shown["text/plain"]
    only, _ = formatters.DisplayFormatter().format(archcalc.load("lenet").count(), include={"text/html"})
    assert set(only) == {"text/html"}
