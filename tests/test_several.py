"""Commands that take several specs: one bad among good ones decides the exit code, wherever it stands."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running import Command

from archcalc.ops import OPS

HEAD = "archcalc: 1\nname: net\ninput: [3, 8, 8]\nlayers:\n"
GOOD = HEAD + "  - conv 4 3x3 bias=false\n"  # 3 * 4 * 9 = 108 parameters
POOLED = HEAD + "  - conv 4 3x3\n  - maxpool 2x2\n"
WRONG = HEAD + "  - conv 4\n"
PLACES = pytest.mark.parametrize("place", [0, 1, 2])


def among(folder: Path, place: int, bad: str, good: str = GOOD) -> list[str]:
    """Three specs, the bad one at its place."""
    files = []
    for n in range(3):
        files.append(str(folder / f"{n}.yaml"))
        Path(files[n]).write_text(bad if n == place else good, encoding="utf-8")
    return files


@PLACES
@pytest.mark.parametrize(
    "words",
    [
        ["count"], ["count", "--format", "json"], ["check"], ["verify"], ["measure"], ["plot", "--kind", "bubble"],
        ["predict", "--device", "rtx4090"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_mistake_in_one_is_code_2(archcalc: Command, tmp_path: Path, words: list[str], place: int) -> None:
    done = archcalc(words[0], *among(tmp_path, place, WRONG), *words[1:])
    assert done.code == 2
    assert f"{place}.yaml:5:5: " in done.err


@PLACES
def test_one_that_fails_its_budget_is_code_1(archcalc: Command, tmp_path: Path, place: int) -> None:
    limit = "budget: {params: {max: 108}}\n"
    good = GOOD + limit
    assert archcalc("check", *among(tmp_path, place, good, good)).code == 0
    assert archcalc("check", *among(tmp_path, place, HEAD + "  - conv 4 3x3\n" + limit, good)).code == 1  # 108 + 4


@PLACES
def test_one_that_is_refuted_is_code_1(
    archcalc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    pytest.importorskip("onnxruntime")
    files = among(tmp_path, place, POOLED)
    assert archcalc("verify", *files).code == 0
    rule: Callable[..., Any] = OPS["maxpool"].windows
    monkeypatch.setattr(
        OPS["maxpool"], "windows", lambda self, *x: tuple(w._replace(kernel=w.kernel + 1) for w in rule(self, *x))
    )
    done = archcalc("verify", *files)
    assert (done.code, "refuted" in done.out, "FAIL output" in done.out) == (1, True, True)


@PLACES
def test_one_that_is_counted_in_part_is_code_1_if_strict(archcalc: Command, tmp_path: Path, place: int) -> None:
    onnx = pytest.importorskip("onnx")
    swirl = onnx.helper.make_node("Swirl", ["input"], ["y"], domain="own")
    value = [onnx.helper.make_tensor_value_info(name, 1, [1, 3, 8, 8]) for name in ("input", "y")]
    made = onnx.helper.make_model(
        onnx.helper.make_graph([swirl], "g", value[:1], value[1:]),
        opset_imports=[onnx.helper.make_opsetid(name, 1 + 20 * (not name)) for name in ("", "own")],
    )
    (tmp_path / "part.onnx").write_bytes(made.SerializeToString())
    files = among(tmp_path, 3, "")
    assert archcalc("count", *files, "--strict").code == 0
    files[place] = str(tmp_path / "part.onnx")
    assert archcalc("count", *files).code == 0
    assert archcalc("count", *files, "--strict").code == 1


@PLACES
def test_one_stale_page_is_code_1_and_one_that_names_nothing_code_2(
    archcalc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(GOOD)
    pages = [f"{n}.md" for n in range(3)]
    for n, page in enumerate(pages):
        Path(page).write_text(f"<!-- archcalc: value net.yaml params -->{108 - (n == place)}<!-- archcalc: end -->\n")
    assert archcalc("docs", *pages, "--check").code == 1
    assert archcalc("docs", *pages, "--force").code == 0
    assert archcalc("docs", *pages, "--check").code == 0
    Path(pages[place]).write_text("<!-- archcalc: value none.yaml params --><!-- archcalc: end -->\n")
    assert archcalc("docs", *pages, "--check").code == 2


@pytest.mark.skipif(os.name == "nt", reason="a pipe of a shell")
def test_a_reader_that_has_had_enough_is_code_1_without_a_word() -> None:
    """It is gone before anything is written."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m archcalc count lenet | true; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert (done.returncode, done.stderr) == (1, "")
