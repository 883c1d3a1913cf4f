"""Every example in the README, the docs and the course is run.

A fenced block with `title="net.yaml"` is a file; a `console` block holds commands after `$` with what they print (both
streams; a line `...` stands for any lines, a last line `[exit 2]` for an exit code); a `pycon` block is a doctest. One
folder a page, blocks in order. Commands are archcalc, builders of sites where they are installed, and git where a page
needs a repository: its commits are by nobody, of one day.
"""

import contextlib
import doctest
import gc
import importlib.util
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from archcalc import reference

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "specs").rglob("README.md"))]
GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
GIT |= {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "x"), ("EMAIL", "x@x"), ("DATE", "2020-01-01T00:00:00Z"))
}
NEEDED = {
    "export": "onnx",
    "verify": "onnxruntime",
    "measure": "onnxruntime",
}  # packages of commands that come as extras
FENCE = re.compile(r"^(`{3,})(\w+)([^\n]*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> Iterator[tuple[str, str, str]]:
    for match in FENCE.finditer(page.read_text(encoding="utf-8")):
        yield match.group(2), match.group(3).strip(), match.group(4)


def commands(block: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def run(command: str, folder: Path) -> str:
    command, _, file = command.partition(" > ")
    words = shlex.split(command)
    assert words[0] in PROGRAMS, f"{words[0]} is not run: {command}"
    errors = io.StringIO() if file else None
    printed, code = PROGRAMS[words[0]](words, folder, errors)
    if file:
        (folder / file).write_text(printed, encoding="utf-8")
    return (errors.getvalue() if errors else printed) + (f"[exit {code}]\n" if code else "")


def archcalc_here(words: list[str], folder: Path, errors: io.StringIO | None) -> tuple[str, int]:
    """archcalc in this process: both streams into one, as a terminal shows them, unless errors go elsewhere."""
    from archcalc.cli import main

    if (missing := NEEDED.get(words[1])) and importlib.util.find_spec(missing) is None:
        pytest.skip(f"{missing} is not installed")
    printed = io.StringIO()
    with (
        contextlib.chdir(folder),
        redirect_stdout(printed),
        redirect_stderr(errors or printed),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "argv", words)
        patch.delenv("COLUMNS", raising=False)
        collects = gc.isenabled()
        try:
            main()
        except SystemExit as ended:
            return printed.getvalue(), int(ended.code or 0)
        finally:
            if collects:
                gc.enable()
    return printed.getvalue(), 0


def builder(words: list[str], folder: Path, errors: io.StringIO | None) -> tuple[str, int]:
    """A builder of sites, in a process of its own."""
    module = {"mkdocs": "mkdocs", "sphinx-build": "sphinx"}[words[0]]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{words[0]} is not installed")
    assert errors is None
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", module, *words[1:]],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
    )
    return done.stdout, done.returncode


def git(words: list[str], folder: Path, errors: io.StringIO | None) -> tuple[str, int]:
    """git, with nobody's settings."""
    assert errors is None
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, **GIT},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
    )
    return done.stdout, done.returncode


PROGRAMS = {"archcalc": archcalc_here, "mkdocs": builder, "sphinx-build": builder, "git": git}


def pattern(expected: str) -> str:
    return re.escape(expected).replace(r"\.\.\.", ".*")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_example_prints_what_the_page_says(page: Path, tmp_path: Path) -> None:
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    names: dict[str, object] = {}  # a page's examples in Python go on from each other
    for language, info, block in blocks(page):
        if title := re.match(r'title="([^"]+)"', info):
            file = tmp_path / title.group(1)
            assert file.parent.resolve().is_relative_to(tmp_path.resolve()), (
                f"{title.group(1)} would be written into the repository"
            )
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block, encoding="utf-8")
        if language == "console":
            for command, expected in commands(block):
                printed = run(command, tmp_path)
                assert re.fullmatch(pattern(expected.strip()), printed.strip(), re.DOTALL), f"$ {command}\n{printed}"
        if language == "pycon":
            example = doctest.DocTestParser().get_doctest(block, names, page.name, str(page), 0)
            with contextlib.chdir(tmp_path):
                assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, clear_globs=False).failed == 0
            names = example.globs


def test_the_operator_page_is_what_the_operators_say() -> None:
    assert (ROOT / "docs" / "operators.md").read_text(encoding="utf-8") == reference.markdown()


def test_every_command_and_option_is_documented() -> None:
    import typer.main

    from archcalc.cli import app

    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        assert f"archcalc {name}" in text, f"the command {name} is not in the docs"
        for parameter in command.params:
            option = max(parameter.opts, key=len)
            assert not option.startswith("--") or option == "--help" or option in text, (
                f"{name} {option} is not in the docs"
            )


def test_the_regions_of_the_pages_are_current() -> None:
    from archcalc.docs import documents

    assert [document.diff() for document in documents([str(ROOT / "docs")]) if not document.is_current] == []


# ---- options ---------------------------------------------------------------------------------------------------------


def documented() -> Iterator[tuple[str, str, str]]:
    """(command, option, its short form or nothing) in the tables below headings such as `### archcalc count SPEC...`."""
    for page in sorted((ROOT / "docs").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        for section in re.finditer(r"^#+ `?archcalc (\w+)[^\n]*\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL):
            for row in re.finditer(r"^\| (`--[^|]*)\|(?: `(-\w)` \|)?", section[2], re.MULTILINE):
                short = row[2] or ",".join(re.findall(r"`(-\w)`", row[1]))
                for option in re.findall(r"`(--[\w-]+)", row[1]):
                    yield section[1], option, short


def test_options_are_documented_as_they_are() -> None:
    import typer

    from archcalc.cli.entry import judged

    commands = typer.main.get_command(judged()).commands  # type: ignore[attr-defined]
    told = list(documented())
    wrong = [
        (name, option, short)
        for name, option, short in told
        for param in [next((p for p in commands[name].params if option in p.opts + p.secondary_opts), None)]
        if param is None or not set(filter(None, [short])) <= set(param.opts)
    ]
    assert wrong == []
    assert len(told) > 40
    known = {option for param in commands["count"].params for option in param.opts if option.startswith("--")}
    assert known - {option for name, option, _ in told if name == "count"} == {"--json"}


@pytest.mark.parametrize("command", ["count", "predict"])
def test_every_format_is_named_where_people_look(command: str) -> None:
    import typer

    from archcalc.cli.entry import judged
    from archcalc.render import FORMATS

    (form,) = (
        param
        for param in typer.main.get_command(judged()).commands[command].params  # type: ignore[attr-defined]
        if "--format" in param.opts
    )
    assert re.findall(r"\w+", form.help.replace(" or ", " ")) == list(FORMATS)
    page = (ROOT / "docs" / "counting.md").read_text(encoding="utf-8")
    assert [name for name, known in FORMATS.items() if f"\n  {name:<8}  {known.help}\n" not in page] == []
