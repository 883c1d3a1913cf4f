"""`archcalc fmt`: what a spec says and its comments stay, however it was laid out."""

from __future__ import annotations

import io
import random
import re
import sys
from pathlib import Path

import pytest

from archcalc.errors import SpecError
from archcalc.model import read
from archcalc.spec.formatting import formatted

ROOT = Path(__file__).parent.parent
SPECS = sorted((ROOT / "specs").rglob("*.yaml"))
HEAD = "archcalc: 1\nname: t\ninput: [3, 8, 8]\n"
GOES_ON = re.compile(r"^ *(?![-#\s])(?!\S+:)(?!\S.*: )")


def spread(text: str) -> str:
    """The same with indentation twice as wide, dashes too (`-   a`)."""
    lines = []
    for line in text.split("\n"):
        before = re.match(r"(?: |- )*", line)[0]  # type: ignore[index]
        lines.append("".join(letter + " " for letter in before) + line[len(before) :])
    return "\n".join(lines)


def items(text: str) -> list[str]:
    """The lines that begin something, comments at one blank."""
    return [re.sub(r" +#", " #", line) for line in text.split("\n") if re.match(r" *(- |[\w.]+(\(.*\))?:)", line)]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_specs_that_ship_are_laid_out(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text, str(path)) == text


@pytest.mark.parametrize("path", random.Random(1).sample(SPECS, 12), ids=lambda path: path.stem)
def test_what_was_spread_comes_back_and_counts_the_same(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    wide = spread(text)
    assert wide != text
    done = formatted(wide, str(path))
    assert formatted(done, str(path)) == done
    lines = [line for line in items(done) if line in set(items(text))]
    assert len(lines) >= 0.9 * len(items(text))  # what goes on with the line above keeps its place in it
    assert read(done, str(path)).count().totals == read(text, str(path)).count().totals


@pytest.mark.slow
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_spec_counts_the_same_spread_and_laid_out(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    done = formatted(spread(text), str(path))
    assert formatted(done, str(path)) == done
    assert read(done, str(path)).count().totals == read(text, str(path)).count().totals


@pytest.mark.parametrize(
    ("untidy", "tidy"),
    [
        ("layers:\n- conv 4 3x3\n- gap\n", "layers:\n  - conv 4 3x3\n  - gap\n"),
        ("layers:\n      - a: conv 4 3x3\n      - b:\n         - gap\n", "layers:\n  - a: conv 4 3x3\n  - b:\n      - gap\n"),
        ("layers: [ conv 4 3x3,gap ]", "layers: [conv 4 3x3, gap]\n"),
        ("params: {a : 1,b: 2 }\nlayers: [gap]\n", "params: {a: 1, b: 2}\nlayers: [gap]\n"),
        ("layers:  \n  - gap   \n\n\n\n  - flatten\n\n\n", "layers:\n  - gap\n\n  - flatten\n"),
        ("layers:\n  - conv  64   3x3\n", "layers:\n  - conv  64   3x3\n"),
        ("layers:\n- gap #why\n#else\n- flatten\n", "layers:\n  - gap # why\n  # else\n  - flatten\n"),
        ("layers:\n  - both: concat: [[gap],[gap]]\n", "layers:\n  - both: concat: [[gap], [gap]]\n"),
        ("layers:\n- [ conv [8][0] 3x3,relu , conv [8][0]  1 ]\n", "layers:\n  - [conv [8][0] 3x3, relu, conv [8][0]  1]\n"),
        ("layers:\n- both: concat:\n  - [gap]\n", "layers:\n  - both: concat:\n      - [gap]\n"),
        ("paper: 'a  # b'\nlayers: [gap]\n", "paper: 'a  # b'\nlayers: [gap]\n"),
        ("layers: [maxpool 3x3 stride=(1,2), gap]\n", "layers: [maxpool 3x3 stride=(1,2), gap]\n"),
        ("paper: |\n    two\n      lines  \n\n\n    more\nlayers: [gap]\n", "paper: |\n    two\n      lines  \n\n\n    more\nlayers: [gap]\n"),
        ("layers:\n-   -  gap\n", "layers:\n  - - gap\n"),
        ("layers:\n\n# all\n\n- gap\n", "layers:\n\n  # all\n\n  - gap\n"),
    ],
)  # fmt: skip
def test_layouts(untidy: str, tidy: str) -> None:
    assert formatted(HEAD + untidy) == HEAD + tidy
    assert formatted(HEAD + tidy) == HEAD + tidy


def test_line_endings_stay() -> None:
    untidy = (HEAD + "layers:\n- gap").replace("\n", "\r\n")
    assert formatted(untidy) == (HEAD + "layers:\n  - gap\n").replace("\n", "\r\n")


def test_any_text_is_refused_or_says_the_same() -> None:
    some = random.Random(7)
    sources = [path.read_text(encoding="utf-8")[:1500] for path in SPECS]
    done = 0
    for _ in range(400):
        text = list(some.choice(sources))
        for _ in range(some.randrange(6)):
            at = some.randrange(len(text))
            text[at : at + some.randrange(2)] = some.choice(
                ["\n", " ", "#", ":", "- ", ",", "[", "'", "\t", "|", "  ", "&a ", "*a", "\r\n", "\x0b"]
            )
        try:
            out = formatted("".join(text))
        except SpecError:
            continue
        done += 1
        assert formatted(out) == out
    assert done > 100


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + (HEAD + "layers:\n- gap\n").encode())
    return path


def test_check_and_diff_write_nothing_and_exit_with_1(archcalc, net: Path) -> None:
    was = net.read_bytes()
    assert archcalc("fmt", "net.yaml", "--check") == ("", "would lay out net.yaml\n", 1)
    done = archcalc("fmt", "net.yaml", "--diff")
    assert (done.code, "-- gap\n+  - gap\n" in done.out) == (1, True)
    assert net.read_bytes() == was
    assert archcalc("fmt", "*.yaml") == ("", "laid out net.yaml\n", 0)
    assert net.read_bytes() == b"\xef\xbb\xbf" + (HEAD + "layers:\n  - gap\n").encode()
    assert archcalc("fmt", ".", "--check", "--diff") == ("", "", 0)


def test_stdin_goes_to_stdout(archcalc, net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((HEAD + "layers:\n- gap\n").encode())))
    assert archcalc("fmt", "-") == (HEAD + "layers:\n  - gap\n", "", 0)


def test_what_is_no_spec_is_refused_or_left_out_and_nothing_is_written(archcalc, net: Path) -> None:
    was = net.read_bytes()
    (net.parent / "other.yaml").write_text("a:\n- b\n")
    assert archcalc("fmt", "net.yaml", "other.yaml").code == 2
    assert archcalc("fmt", "googlenet").code == 2
    assert net.read_bytes() == was
    assert archcalc("fmt", "--if-any", "net.yaml", "other.yaml").code == 0
    assert (net.parent / "other.yaml").read_text() == "a:\n- b\n"
