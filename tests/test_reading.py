"""What is read, and what of it is told: regular files only, and no word of a file that is no spec."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import Done, run
from tiny import NET

SECRET = "https://user:hunter2@example.org\nhunter2: hunter2\n[hunter2]\nhunter2 = 'hunter2'\n- hunter2\n"
COMMANDS = ("count", "check", "explain", "expand", "diagram", "budget", "verify")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repository")
    Path("net.yaml").write_text(NET)
    Path("../outside").mkdir()
    Path("../outside/net.yaml").write_text(NET)
    return tmp_path / "repository"


@pytest.fixture
def archcalc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    def command(*words: str) -> Done:
        return run(capsys, monkeypatch, *words)

    return command


SECRETS = {
    "lines": SECRET, "keys": "hunter2: 1\nname: hunter2\nlayers: [hunter2]\n", "a list": "- hunter2\n", "twice": "hunter2: 1\nhunter2: 2\n",
    "an alias": "a: *hunter2\n", "a tag": "a: !hunter2 b\n", "brackets": "[hunter2\n", "quotes": "'hunter2\n", "a tab": "a:\n\thunter2\n",
    "variables": "PATH=/x\0TOKEN=hunter2\0", "JSON": '{"hunter2": "hunter2", "schema": "hunter2"}\n', "TOML": "hunter2 = 1\n[hunter2]\nhunter2 = 2\n",
    "not UTF-8": "hunter2 \udcff\n", "a number": "hunter2",
}  # fmt: skip


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("name", ["x.yaml", "x.onnx", "x.json", "x", "folder/x.yaml"])
def test_no_message_quotes_a_file_that_is_no_spec(folder: Path, archcalc, text: str, name: str) -> None:  # type: ignore[no-untyped-def]
    Path("folder").mkdir()
    Path(name).write_bytes(text.encode("utf-8", "surrogateescape"))
    page = Path("page.md")
    page.write_text(f"x <!-- archcalc: value {name} params -->0<!-- archcalc: end --> y\n")
    tried = [*((command, name) for command in ("count", "check")), ("docs", "page.md"), ("docs", "page.md", "--check")]
    tried += [
        ("compare", "net.yaml", name),
        ("compare", "net.yaml", "--base", name),
        ("predict", "net.yaml", "--device", name),
    ]
    for words in tried:
        done = archcalc(*words)
        assert done.code == 2, words
        assert "hunter2" not in done.out + done.err, words


@pytest.mark.parametrize(
    "name", ["../outside/net.yaml", "{outside}/net.yaml", "link.yaml", "linked/net.yaml", "../outside/net.yaml@wide"]
)
def test_a_region_reads_specs_of_its_repository_only(folder: Path, archcalc, name: str) -> None:  # type: ignore[no-untyped-def]
    outside = folder.parent / "outside"
    Path("link.yaml").symlink_to(outside / "net.yaml")
    Path("linked").symlink_to(outside)
    page = Path("page.md")
    page.write_text(f"x <!-- archcalc: value {name.format(outside=outside)} params -->0<!-- archcalc: end --> y\n")
    for more in ([], ["--check"]):
        done = archcalc("docs", "page.md", *more)
        assert (done.code, "leaves the document's project" in done.err) == (2, True)
    assert archcalc("docs", "page.md", "--force", "--allow", "../outside").code == 0
    assert "618" in page.read_text() or "1.23k" in page.read_text()


def test_a_link_inside_of_the_repository_is_followed(folder: Path, archcalc) -> None:  # type: ignore[no-untyped-def]
    Path("link.yaml").symlink_to("net.yaml")
    Path("docs").mkdir()
    Path("docs/page.md").write_text("x <!-- archcalc: value ../link.yaml params --><!-- archcalc: end --> y\n")
    assert archcalc("docs", "docs/page.md").code == 0


def test_settings_are_read_in_the_repository_only(folder: Path, archcalc) -> None:  # type: ignore[no-untyped-def]
    Path("../outside/secret.toml").write_text("hunter2 = 'hunter2'\n")
    Path("archcalc.toml").symlink_to("../outside/secret.toml")
    done = archcalc("check")
    assert (done.code, "hunter2" in done.err, "leads out of the repository" in done.err) == (2, False, True)


NO_FILES = """
import os, sys, time
from archcalc.cli import main
for name, words in {commands}.items():
    os.symlink({target!r}, name)
    sys.argv, start = ["archcalc", *words], time.monotonic()
    try:
        code = main()
    except SystemExit as end:
        code = end.code
    assert code == 2, (words, code)
    assert time.monotonic() - start < 10, words
    os.unlink(name)
"""


@pytest.mark.skipif(os.name == "nt", reason="there are no such files")
@pytest.mark.parametrize("kind", ["zero", "pipe", "socket"])
def test_what_is_no_file_is_refused_at_once(folder: Path, kind: str) -> None:
    """In little memory, by one command after another in one process of their own, which a file without end would fill."""
    import socket

    target = folder / "there"
    if kind == "zero":
        target = Path("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(target)
    else:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("there")
    Path("folder").mkdir()
    commands = {
        "x.yaml": ["count", "x.yaml"], "x.onnx": ["count", "x.onnx"], "x.json": ["compare", "net.yaml", "--base", "x.json"],
        "x.md": ["docs", "x.md"], "x.rst": ["docs", "."], "archcalc.toml": ["check"], "folder/x.yaml": ["count", "folder"],
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", f"ulimit -v 4000000; exec {sys.executable} -"],
        input=NO_FILES.format(commands=commands, target=str(target)),
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "memory" not in done.stderr


@pytest.mark.parametrize(
    "name",
    [
        "x" * 300 + ".yaml",
        "x" * 300,
        "a/" * 3000 + "x.yaml",
        "x\0.yaml",
        "x\0",
        "x\0.onnx",
        "x" * 300 + ".onnx",
        "x" * 300 + ".json",
        "x\0.json",
    ],
)
def test_names_that_no_file_can_have_are_refused_in_words(folder: Path, archcalc, name: str) -> None:  # type: ignore[no-untyped-def]
    for words in (
        ["count", name],
        ["check", name],
        ["compare", "net.yaml", "--base", name],
        ["docs", name],
        ["predict", "net.yaml", "--device", name],
        ["export", "net.yaml", "-o", name],
        ["import", name],
    ):
        done = archcalc(*words)
        assert done.code == 2, words
        assert len(done.err.splitlines()) <= 4
