"""Every command on ONNX files: what it answers, and what it says where it can't."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy
import pytest

onnx = pytest.importorskip("onnx")


from onnx_files import node, weights, write  # isort: skip  # noqa: E402


def run(*words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    import sys

    done = subprocess.run([sys.executable, "-m", "archcalc", *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def small(path: Path, out: int = 8) -> str:
    """A convolution and a dense layer: 27*out + 10*out parameters, 36 * 27 * out + 10 * out MACs."""
    nodes = [
        node("Conv", ["x", "w"], ["a"], name="conv"),
        node("GlobalAveragePool", ["a"], ["b"], name="pool"),
        node("Flatten", ["b"], ["c"]),
    ]
    return write(
        path,
        [*nodes, node("Gemm", ["c", "v"], ["y"], name="fc")],
        {"x": [1, 3, 8, 8]},
        w=weights(out, 3, 3, 3),
        v=weights(out, 10),
    )


def swirl(path: Path) -> str:
    nodes = [node("Swirl", ["x"], ["a"], domain="own", name="swirl"), node("MatMul", ["a", "w"], ["y"])]
    return write(path, nodes, {"x": [1, 4]}, shapes={"a": [1, 4]}, domains={"own": 1}, w=weights(4, 4))


SAID = "1 own.Swirl (first swirl: no rule for it)"


def test_expand_refuses_what_is_not_counted_whole(tmp_path: Path) -> None:
    code, out, said = run("expand", swirl(tmp_path / "s.onnx"))
    assert (code, out) == (2, "")
    assert f"a spec must be complete: {SAID}" in said


@pytest.mark.parametrize("tool", [["--as", "thop"], []])
def test_a_bridge_says_what_is_missing(tool: list[str], tmp_path: Path) -> None:
    file = swirl(tmp_path / "s.onnx")
    assert f"incomplete: counted without {SAID}" in run("explain", file, *tool)[1]
    found = json.loads(run("explain", file, *tool, "--format", "json")[1])
    assert found["uncounted"] == [{"op": "own.Swirl", "count": 1, "first": "swirl", "why": "no rule for it"}]


def test_a_comparison_says_what_is_missing(tmp_path: Path) -> None:
    file, other = swirl(tmp_path / "s.onnx"), small(tmp_path / "o.onnx")
    for form in ("text", "markdown", "junit", "github"):
        said = run("compare", file, other, "--format", form)[1]
        assert "incomplete: " in said, form
        assert f"without {SAID}" in said, form
    found = json.loads(run("compare", file, other, "--format", "json")[1])["models"][0]
    assert found["base"]["uncounted_operators"] == [
        {"op": "own.Swirl", "count": 1, "first": "swirl", "why": "no rule for it"}
    ]
    assert (found["base"]["uncounted"], found["head"]["uncounted"], found["head"]["uncounted_operators"]) == (1, 0, [])
    snapshot = tmp_path / "s.json"
    snapshot.write_text(run("count", file, "--format", "json")[1], encoding="utf-8")
    assert f"incomplete: without {SAID}" in run("compare", str(snapshot), other)[1]


def test_a_check_says_what_is_missing(tmp_path: Path) -> None:
    file = swirl(tmp_path / "s.onnx")
    assert f"s.onnx: 2 layers, 0 figures checked, incomplete: without {SAID}" in run("check", file)[1]
    (found,) = json.loads(run("check", file, "--format", "json")[1])["networks"]
    assert found["uncounted"] == [{"op": "own.Swirl", "count": 1, "first": "swirl", "why": "no rule for it"}]


def test_nothing_is_said_of_outputs_that_nobody_reads(tmp_path: Path) -> None:
    nodes = [node("Split", ["x"], ["a", "b"], axis=1, num_outputs=2), node("TopK", ["a", "k"], ["y", "i"])]
    file = write(tmp_path / "t.onnx", nodes, {"x": [1, 8]}, k=numpy.array([2]))
    assert run("count", file)[2] == ""


def test_a_budget_is_for_specs(tmp_path: Path) -> None:
    code, out, said = run("budget", small(tmp_path / "s.onnx"))
    assert (code, out) == (2, "")
    assert "s.onnx is a model file, and `archcalc budget` writes into specs: `archcalc import` makes one of it" in said


def test_a_layer_without_an_operator_is_not_exported_and_no_size_is_asked_for(tmp_path: Path) -> None:
    nodes = [node("Erf", ["x"], ["y"], name="erf")]
    file = write(tmp_path / "n.onnx", nodes, {"x": [1, 8]})
    for command in (["export", file, "-o", str(tmp_path / "out.onnx")],):
        code, _, said = run(*command)
        assert (code, "erf can't be written: `erf` comes from a model file" in said, "--set" in said) == (
            2,
            True,
            False,
        ), said
    assert not (tmp_path / "out.onnx").exists()


# ---- in a repository -------------------------------------------------------------------------------------------------


def git(folder: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(folder), *words], check=True, capture_output=True
    )


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose commit has a model of 8 filters, and whose working tree one of 16."""
    git(tmp_path, "init", "-q")
    small(tmp_path / "net.onnx")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    small(tmp_path / "net.onnx", 16)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_model_file_is_compared_with_what_it_was(repository: Path) -> None:
    code, out, said = run("compare", "net.onnx", "--base", "HEAD", "--format", "json")
    assert (code, said) == (0, "")
    (found,) = json.loads(out)["models"]
    assert (found["name"], found["base"]["name"].rpartition(":")[2]) == ("net", "net")
    assert found["delta"]["params"] == {"base": 8 * 37, "head": 16 * 37, "change": 8 * 37, "percent": 100.0}
    assert (found["delta"]["macs"]["base"], found["delta"]["macs"]["head"]) == (8 * (36 * 27 + 10), 16 * (36 * 27 + 10))


def test_limits_of_the_repository_are_those_of_its_model_files_too(repository: Path) -> None:
    (repository / "archcalc.toml").write_text('[budget]\nmacs = {increase = "2%"}\n', encoding="utf-8")
    code, out, _ = run("compare", "net.onnx", "--base", "HEAD")
    assert (code, "FAIL macs" in out) == (1, True)


def test_a_new_model_file_has_no_base(repository: Path) -> None:
    small(repository / "new.onnx")
    (found,) = json.loads(run("compare", "new.onnx", "--base", "HEAD", "--format", "json")[1])["models"]
    assert (found["status"], found["delta"]["params"]["head"]) == ("new", 8 * 37)


def test_a_pointer_in_the_place_of_a_file_is_called_that(repository: Path) -> None:
    (repository / "net.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")
    code, _, said = run("count", "net.onnx")
    assert (code, "it is a pointer of Git LFS; `git lfs pull` brings the file" in said) == (2, True)


# ---- the other commands ----------------------------------------------------------------------------------------------


def test_a_document_has_the_figures_of_a_model_file(tmp_path: Path) -> None:
    small(tmp_path / "net.onnx")
    page = tmp_path / "page.md"
    page.write_text("<!-- archcalc: value net.onnx macs --><!-- archcalc: end -->\n", encoding="utf-8")
    assert run("docs", str(page))[0] == 0
    assert "7.86k" in page.read_text(encoding="utf-8")  # 8 * (36 * 27 + 10) = 7,856
    assert run("docs", "--check", str(page))[0] == 0
    small(tmp_path / "net.onnx", 16)
    assert run("docs", "--check", str(page))[0] == 1


def test_a_diagram_of_a_model_file(tmp_path: Path) -> None:
    code, out, _ = run("diagram", small(tmp_path / "net.onnx"))
    assert (code, out.splitlines()[0]) == (0, "flowchart TD")
    assert [word for word in ("conv", "pool", "fc") if word not in out] == []


def test_a_time_is_predicted_for_a_model_file(tmp_path: Path) -> None:
    file = small(tmp_path / "net.onnx")
    totals = json.loads(run("predict", file, "--device", "epyc-zen4-cpu-1t", "--format", "json")[1])["totals"]
    assert totals["latency_ms"] > 0
    assert totals["macs"] == 8 * (36 * 27 + 10)


def test_a_model_file_is_measured(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    found = json.loads(run("measure", small(tmp_path / "net.onnx"), "--runs", "3", "--threads", "1", "--json")[1])
    assert found["median_ms"] > 0
    assert found["macs"] == 8 * (36 * 27 + 10)
