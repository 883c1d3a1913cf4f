"""What a person is told who made a mistake: every message is a golden.

`data/bad/NAME.yaml` is a broken spec and `NAME.txt` beside it what is printed about it, on stderr, with exit code 2 and
nothing on stdout. The command is `archcalc count NAME.yaml`, unless the first line of the spec is a comment that holds
another. A new case is two files: run the command in that folder with `2> NAME.txt`, and read whether a person would
know what to do.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archcalc
from archcalc.cli import main
from archcalc.errors import ArchcalcError, SpecError
from archcalc.files import spec_files

BAD = Path(__file__).parent / "data" / "bad"
SPECS = sorted(BAD.glob("*.yaml"))
HEAD = "archcalc: 1\nname: net\ninput: [3, 16, 16]\n"

Told = Callable[..., str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Told:
    """What a command says that could not be done: it exits with 2, prints nothing, and has no traceback."""

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["archcalc", *words])
        monkeypatch.delenv("COLUMNS", raising=False)
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert (ended.value.code, out) == (2, "")
        assert "Traceback" not in err
        return err

    return run


def command(spec: Path) -> list[str]:
    """The words of the command that a spec is for."""
    with spec.open(encoding="utf-8") as file:
        first = file.readline()
    return shlex.split(first)[2:] if first.startswith("# archcalc ") else ["count", spec.name]


def write(folder: Path, text: str | bytes, name: str = "net.yaml") -> str:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(file)


# ---- goldens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_a_bad_spec_is_told_so(spec: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    golden = spec.with_suffix(".txt")
    assert golden.is_file(), f"run `archcalc {shlex.join(command(spec))} 2> {golden.name}` in {BAD}"
    assert told(*command(spec)) == golden.read_text(encoding="utf-8")


def test_every_golden_has_its_spec() -> None:
    assert sorted(file.stem for file in BAD.glob("*.txt")) == [spec.stem for spec in SPECS]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_messages_stand_where_they_point(spec: Path) -> None:
    """In the order of the file, each once, each with its line and a caret under something."""
    lines = spec.read_text(encoding="utf-8").splitlines()
    text = spec.with_suffix(".txt").read_text(encoding="utf-8")
    found = [
        (int(line), int(column), message)
        for line, column, message in re.findall(rf"^{spec.name}:(\d+):(\d+): (.*)", text, re.MULTILINE)
    ]
    assert found == sorted(found, key=lambda place: place[:2])
    assert len(found) == len(set(found))
    for line, column, _ in found:
        assert 1 <= line <= max(1, len(lines))
        assert column <= len(lines[line - 1]) + 1 if lines else column == 1


@pytest.mark.parametrize("name", ["unknown_layer", "branches_disagree", "code", "duplicate_key", "list_at_top"])
def test_python_raises_what_the_command_prints(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    with pytest.raises(ArchcalcError) as raised:
        archcalc.load(f"{name}.yaml").count()
    assert isinstance(raised.value, SpecError)
    assert f"{raised.value}\n" == (BAD / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["unknown_layer", "code", "non_ascii"])
def test_a_process_of_its_own_says_the_same(name: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", "archcalc", "count", f"{name}.yaml"],
        cwd=BAD,
        capture_output=True,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().splitlines() == (BAD / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def test_a_variant_that_leaves_out_what_is_not_there_is_told_so(told: Told, tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "layers: [{stem: conv 8 3x3}, gap]\nvariants:\n  bare: {without: [stam]}\n")
    assert "net.yaml:6:20: there is no layer 'stam' to leave out; did you mean 'stem'?\n" in told(
        "count", f"{path}@bare"
    )


def test_a_file_with_mistakes_in_a_variant_only_is_told_so(told: Told, tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "params: {n: 8}\nlayers: [conv n 3x3]\nvariants:\n  half: {n: 2.5}\n")
    assert "must be a positive whole number, got 2.5" in told("count", f"{path}@half")


# ---- what can't be kept in a file, or reads badly in one -------------------------------------------------------------


def test_line_ends_and_a_byte_order_mark_do_not_move_the_caret(told: Told, tmp_path: Path) -> None:
    text = HEAD + "layers:\n  - conv 8 3x3\n  - maxpol 3x3\n"
    message = (
        f"{write(tmp_path, text)}:6:5: unknown layer 'maxpol'; did you mean 'maxpool'?\n    6 |   - maxpol 3x3\n      |"
        "     ^^^^^^\n"
    )
    assert told("count", write(tmp_path, text)) == message
    assert told("count", write(tmp_path, text.replace("\n", "\r\n").encode())) == message
    assert told("count", write(tmp_path, b"\xef\xbb\xbf" + text.encode())) == message
    assert told("count", write(tmp_path, text.replace("\n", "\r").encode())) == message


def test_tabs_keep_the_caret_in_its_column(told: Told, tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + 'layers:\n  - "conv\t8\t3x3\tstrid=2"\n')
    assert told("count", path).splitlines()[1:] == ['    5 |   - "conv 8 3x3 strid=2"', "      |                 ^^^^^"]


def test_wide_letters_keep_the_caret_under_the_word(told: Told, tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + 'layers:\n  - [卷积 8, "e\u0301 8"]\n')
    lines = told("count", path).splitlines()
    assert lines[2] == "      |      ^^^^"  # two letters, two columns each
    assert (
        lines[5].index("^") == 3 + len("    5 | ") - 3 + len('  - [卷积 8, "') + 2
    )  # as wide as what stands before it


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(f"{HEAD}layers: [conv {'9' * 100_000} 3]\n", "100,000 characters is too long", id="digits-in-a-layer"),
        pytest.param(f"{HEAD}params: {{n: {'9' * 100_000}}}\nlayers: [conv n 3]\n", "must be a positive whole number", id="digits-in-a-parameter"),
        pytest.param(f"archcalc: {'9' * 100_000}\nname: net\ninput: [3]\nlayers: [relu]\n", "must be 1", id="digits-in-the-version"),
        pytest.param(f"{HEAD}layers: [relu]\nbudget: {{params: {{max: {'9' * 100_000}}}}}\n", "must be a number such as 7M", id="digits-in-a-budget"),
        pytest.param(f"{HEAD}layers: [conv {'9' * 900} 3]\n", "a number of 2,990 bits is too large", id="a-number-of-900-digits"),
        pytest.param(f"{HEAD}layers: [conv {'(' * 400}3{')' * 400} 3]\n", "can't read the expression", id="parentheses"),
        pytest.param(f"{HEAD}layers: [conv {'-' * 90}3 3]\n", "nested deeper than 40", id="minus-signs"),
        pytest.param(f"{HEAD}layers: [{'a' * 200_000}]\n", "unknown layer 'aaa", id="a-long-word"),
        pytest.param(f"{HEAD}layers: [reshape {'1 ' * 20_000}]\n", "reshape: 3x16x16 has 768 elements", id="many-words"),
        pytest.param("[" * 1_000_000, "nested deeper than 60", id="open-brackets"),
        pytest.param("[" * 10_000_000, "larger than 4 MB", id="10-MB-of-brackets"),
        pytest.param("- " * 1_000_000, "nested deeper than 60", id="dashes"),
        pytest.param("? " * 1_000_000, "nested deeper than 60", id="question-marks"),
        pytest.param("a: " * 100_000, "a second `key: value` on one line", id="colons"),
        pytest.param("&a " * 100_000, "", id="anchors"),
        pytest.param("\0", "", id="a-null-byte"),
        pytest.param(b"\x89PNG\r\n\x1a\n", "not a text file: byte 0x89 at offset 0 is not UTF-8", id="a-picture"),
        pytest.param("archcalc: 1".encode("utf-16"), "not a text file", id="utf-16"),
        pytest.param(HEAD + "layers:\n" + "  - cnov 8 3x3\n" * 2_000, "unknown layer 'cnov'", id="many-mistakes"),
        pytest.param(
            HEAD + "blocks:\n" + "".join(f"  b{n}: [b{n + 1}]\n" for n in range(1500)) + "  b1500: [relu]\nlayers: [b0]\n",
            "blocks inside blocks, nested too deeply",
            id="a-chain-of-blocks",
        ),
        pytest.param(
            HEAD + "params:\n" + "".join(f"  p{n}: p{n + 1}\n" for n in range(1500)) + "  p1500: 1\nlayers: [relu]\n",
            "parameters that follow from parameters, nested too deeply",
            id="a-chain-of-parameters",
        ),
        pytest.param(
            HEAD + "blocks:\n" + "".join(f"  b{n}: [b{n + 1}, b{n + 1}]\n" for n in range(19)) + "  b19: [relu]\nlayers: [b0]\n",
            "more than 250,000 layers",
            id="blocks-that-double",
        ),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused_at_once(told: Told, tmp_path: Path, text: str | bytes, says: str) -> None:
    path = write(tmp_path, text)
    message = told("count", path)
    assert message.startswith(path)
    assert says in message
    assert max(map(len, message.splitlines())) < 1_500


def test_a_file_that_may_not_be_read_is_told_so(told: Told, tmp_path: Path) -> None:
    path = write(tmp_path, HEAD)
    os.chmod(path, 0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert told("count", path) == f"{path}: Permission denied\n"


# ---- the words of a command ------------------------------------------------------------------------------------------

PARAMETERS = """\
params:
  size: {default: 16, min: 8, max: 64, multiple_of: 8}
  width: 8
  kind: {default: plain, in: [plain, wide]}
  stages: [1, 2]
require:
  - "width <= 2*size : width must be at most twice the size"
layers:
  - conv width 3x3
"""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--set sise=3", "net.yaml has no parameter 'sise'; did you mean 'size'?"),
        ("--set size", "archcalc: --set takes name=value, got 'size'"),
        ("--set size=", "archcalc: --set takes name=value, got 'size='"),
        ("--set =3", "archcalc: --set takes name=value, got '=3'"),
        ("--set size=4", "size=4: must be at least 8"),
        ("--set size=128", "size=128: must be at most 64"),
        ("--set size=20", "size=20: must be a multiple of 8"),
        ("--set size=big", "size=big: must be a number"),
        ("--set kind=tall", "kind=tall: must be one of plain, wide"),
        ("--set width=40", "width must be at most twice the size"),
        ("--set width=1/3", "must be a positive whole number, got 1/3"),
        ("--set width=widht*2", "unknown name 'widht'; did you mean 'width'?"),
        ("--set width=9**9**9", "9**387420489 is too large"),
        ("--set 'width=[1, 2'", "a bracket that isn't closed"),
        ("--set 'width=().__class__'", "`().__class__` is not allowed in an expression"),
        (f"--set 'width={'size+' * 2_000}1'", "--set width:1:1: an expression of 10,001 characters is too long (at most 8,000)"),
        (f"--set 'width={'1+' * 2_000}1'", "has too many parts (at most 4,000)"),
        (f"--set 'width={'1+' * 900}size//0'", "--set width:1:1801: division by zero in `size // 0`"),
        (f"--set 'width=({'1+' * 900}1)//0'", "division by zero in `...`"),
        ("--set width=width", "parameter 'width' is defined by itself"),
        ("--free sise", "net.yaml has no parameter 'sise'; did you mean 'size'?"),
        ("--free stages", "archcalc: 'stages' can't be free: it is a list, not a number"),
        ("--free kind", "archcalc: 'kind' can't be free: it is plain, not a number"),
        ("--free size --set size=8", "archcalc: 'size' is both set and free"),
        ("--columns layer,parms", "archcalc: unknown column 'parms'; did you mean 'params'?"),
        ("--columns ,", "archcalc: --columns is empty"),
        ("--format yaml", "archcalc: unknown format 'yaml'; there are table, markdown"),
        ("--dtype fp8", "archcalc: unknown dtype 'fp8'; there are fp64, fp32"),
        ("--sort colour", "archcalc: can't sort by 'colour'; there are params"),
        ("--by stage", "archcalc: unknown grouping 'stage'; there are layer, block, op"),
        ("--batch 0", "'--batch'"),
        ("--depth -1", "'--depth'"),
        ("--frozen", "No such option: --frozen"),
    ],
)  # fmt: skip
def test_wrong_options_are_told_so(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, HEAD.replace("16, 16", "size, size") + PARAMETERS)
    message = told("count", "net.yaml", *shlex.split(words))
    assert says in message


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("resnt50", "archcalc: there is no file or network 'resnt50'; did you mean 'resnet50'?\n"),
        ("zzyzx", "archcalc: there is no file or network 'zzyzx'; `archcalc zoo` lists the networks that ship\n"),
        ("net.yaml@larg", "net.yaml has no variant 'larg'; did you mean 'large'?\n"),
        ("net.yaml@zzyzx", "net.yaml has no variant 'zzyzx'; there is large\n"),
        ("nte.yaml", "nte.yaml: No such file or directory\n"),
        ("folder", "archcalc: there is no spec in the folder folder\n"),
    ],
)
def test_a_name_that_does_not_exist_is_told_so(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    write(tmp_path, HEAD + "params: {n: 8}\nlayers: [conv n 3x3]\nvariants:\n  large: {n: 16}\n")
    assert told("count", name).removeprefix("archcalc: ") == says.removeprefix("archcalc: ")


# ---- any text at all -------------------------------------------------------------------------------------------------

TEXTS = [file.read_text(encoding="utf-8") for file in spec_files()]
ODD = [
    "", " ", "\n", "\t", ":", ": ", "-", "- ", "#", "[", "]", "{", "}", "(", ")", "'", '"', "&a", "*a", "<<: ", "!!x ", "|", ">", "%", "?", "@",
    "\\", "\0", "é", "卷", "0", "-1", "1.5", "1e9", "1e999", "1/0", "9**9", "3x3", "x", "2 x", "none", "true", "i", "cin", "first", "ref",
    "identity", "add", "concat:", "share=a", "when=", "survive=2", "stride=0", "pad=same", "groups=7", "frozen", "act=bn", "gap", "flatten",
    "linear", "conv", "=", "==", ",", "//",
]  # fmt: skip

edits = st.lists(
    st.tuples(
        st.sampled_from(["character", "word", "line"]),
        st.sampled_from(["delete", "double", "replace", "swap"]),
        st.floats(0, 1),
        st.sampled_from(ODD),
    ),
    min_size=1,
    max_size=4,
)
PIECES = {"character": re.compile(r"(?s)."), "word": re.compile(r"\S+"), "line": re.compile(r".*\n")}


def edited(text: str, unit: str, kind: str, place: float, new: str) -> str:
    """A text with one of its characters, words or lines deleted, doubled, replaced or swapped with the next."""
    pieces = list(PIECES[unit].finditer(text))
    if not pieces:
        return new
    n = min(int(place * len(pieces)), len(pieces) - 1)
    start, end = pieces[n].span()
    piece = text[start:end]
    if kind == "swap" and n + 1 < len(pieces):
        after, last = pieces[n + 1].span()
        return text[:start] + text[after:last] + text[end:after] + piece + text[last:]
    return (
        text[:start] + {"delete": "", "double": piece + piece, "replace": new, "swap": new + piece}[kind] + text[end:]
    )


@settings(max_examples=200, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(TEXTS), edits)
def test_a_changed_spec_counts_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, changes: list[tuple[str, str, float, str]]
) -> None:
    for change in changes:
        text = edited(text, *change)
    path = write(tmp_path_factory.getbasetemp(), text, "changed.yaml")
    try:
        table = archcalc.load(path).count(train=True)
    except ArchcalcError as error:
        assert str(error)  # noqa: PT017
    else:
        assert table.totals["params"] >= 0
