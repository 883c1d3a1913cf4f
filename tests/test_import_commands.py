"""Every command on ONNX files: what it answers, and what it says where it can't."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

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
    nodes = [node("Conv", ["x", "w"], ["a"], name="conv"), node("GlobalAveragePool", ["a"], ["b"], name="pool"), node("Flatten", ["b"], ["c"])]
    return write(path, [*nodes, node("Gemm", ["c", "v"], ["y"], name="fc")], {"x": [1, 3, 8, 8]}, w=weights(out, 3, 3, 3), v=weights(out, 10))


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
    assert found["base"]["uncounted_operators"] == [{"op": "own.Swirl", "count": 1, "first": "swirl", "why": "no rule for it"}]
    assert (found["base"]["uncounted"], found["head"]["uncounted"], found["head"]["uncounted_operators"]) == (1, 0, [])
    snapshot = tmp_path / "s.json"
    snapshot.write_text(run("count", file, "--format", "json")[1], encoding="utf-8")
    assert f"incomplete: without {SAID}" in run("compare", str(snapshot), other)[1]
