"""Completion in real shells: a line is typed at a terminal, and the key is pressed."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

SPEC = """archcalc: 1
name: t
input: [3, 8, 8]
params: {width: 4, classes: 10}
layers:
  - stem: conv width 3x3
  - gap
  - head: linear classes
variants:
  wide: {width: 16}
"""
LINES = {  # what is typed, and what is there after the key
    "archcalc advi": "archcalc advise",
    "archcalc count net.yaml --colu": "archcalc count net.yaml --columns",
    "archcalc count net.yaml --format mark": "archcalc count net.yaml --format markdown",
    "archcalc count net.yaml --format=mark": "archcalc count net.yaml --format=markdown",
    "archcalc count --columns layer,sha": "archcalc count --columns layer,shape",
    "archcalc count net.yaml --set wi": "archcalc count net.yaml --set width=4",
    "archcalc count net.yaml@wide --set wi": "archcalc count net.yaml@wide --set width=16",
    "archcalc count net.yaml --free classes,wi": "archcalc count net.yaml --free classes,width",
    "archcalc count net.yaml --without st": "archcalc count net.yaml --without stem",
    "archcalc count net.yaml@wi": "archcalc count net.yaml@wide",
    "archcalc count squeezenet1_1 --set cl": "archcalc count squeezenet1_1 --set classes=1000",
    "archcalc ops conv_tr": "archcalc ops conv_transpose",
    "archcalc help conv_tr": "archcalc help conv_transpose",
    "archcalc count net.y": "archcalc count net.yaml",
    "archcalc count broken.yaml --set wi": "archcalc count broken.yaml --set wi",
}
WAIT = 120  # seconds, on a machine that is busy


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a spec, a home without settings, and the command."""
    (tmp_path / "net.yaml").write_text(SPEC)
    (tmp_path / "broken.yaml").write_text(SPEC.replace("- gap", "- [gap"))
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "archcalc"
    command.write_text(f"#!{sys.executable}\nfrom archcalc.cli import start\nstart()\n")
    command.chmod(0o755)
    return tmp_path


def surroundings(place: Path, **more: str) -> dict[str, str]:
    path = f"{place / 'bin'}:{os.environ['PATH']}"
    paths = os.pathsep.join([str(Path(__file__).parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"PATH": path, "HOME": str(place), "TERM": "dumb", "PYTHONPATH": paths, "LC_ALL": "C.UTF-8", **more}


def script(place: Path, shell: str) -> Path:
    """What `--install-completion` puts into the shell's folder."""
    done = subprocess.run(
        ["archcalc"], env=surroundings(place, _ARCHCALC_COMPLETE=f"source_{shell}"), capture_output=True, text=True,
        executable=str(place / "bin" / "archcalc"),
    )  # fmt: skip
    assert "complet" in done.stdout, done.stderr
    (place / "completion").write_text(done.stdout)
    return place / "completion"


def typed(place: Path, command: list[str], begin: str) -> list[str]:
    """What each line is after the key, in a shell at a terminal."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(place)
        os.execvpe(command[0], command, surroundings(place))
    said = b""
    try:
        os.write(terminal, f"{begin}\n".encode())
        for line in LINES:  # to the beginning of the line, to its end: what is there is printed between brackets
            os.write(terminal, f"{line}\t\x01echo 'IS<\x05>'\n".encode())
            until = time.monotonic() + WAIT
            wanted = len(re.findall(rb"^IS<", said, re.M)) + 1
            while len(re.findall(rb"^IS<.*>\r?$", said, re.M)) < wanted:
                if not select.select([terminal], [], [], max(0.0, until - time.monotonic()))[0]:
                    pytest.fail(f"no answer to {line!r}: {said.decode(errors='replace')[-2000:]}")
                said += os.read(terminal, 65536)
    finally:
        os.close(terminal)
        os.waitpid(child, 0)
    return [found.decode().strip() for found in re.findall(rb"^IS<(.*)>\r?$", said, re.M)]


def test_bash_completes(place: Path) -> None:
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    begin = f"PS1='> '; bind 'set enable-bracketed-paste off'; source {script(place, 'bash')}"
    assert dict(zip(LINES, typed(place, ["bash", "--norc", "--noprofile", "-i"], begin), strict=True)) == LINES


def test_zsh_completes(place: Path) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("there is no zsh")
    begin = f"PS1='> '; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -D; source {script(place, 'zsh')}"
    assert dict(zip(LINES, typed(place, ["zsh", "-f", "-i", "-o", "no_prompt_sp"], begin), strict=True)) == LINES


def test_fish_completes(place: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("there is no fish")
    asked = "; ".join(f"echo 'IS<'; complete -C '{line}'" for line in LINES)
    code = f"source {script(place, 'fish')}; {asked}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", code],
        cwd=place,
        env=surroundings(place),
        capture_output=True,
        text=True,
        timeout=WAIT,
    )
    found = [answer.strip().split("\n") for answer in done.stdout.split("IS<\n")[1:]]
    for (line, whole), words in zip(LINES.items(), found, strict=True):
        last = whole.rpartition(" ")[2]
        assert [word.partition("\t")[0] for word in words] == ([last] if whole != line else [""]), line
    about = dict(word.partition("\t")[::2] for words in found for word in words)
    assert about["advise"] == "Say what a network could use of what lectures teach, and what it would save."


def test_a_key_is_answered_soon(place: Path) -> None:
    """In at most three times what an interpreter takes that does nothing: no typer, no numpy, nothing of the sort."""
    words = "\n".join(["archcalc", "count", "net.yaml", "--set", "wi"])
    asked = surroundings(place, _ARCHCALC_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD="4")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "archcalc"], cwd=place, env=asked, capture_output=True, text=True
    )
    assert done.stdout == "width=4\n"
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.split("\n")}
    assert {"typer", "click", "pydantic", "sympy", "numpy", "networkx", "tabulate"}.isdisjoint(imported)
