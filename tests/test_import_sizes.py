"""What isn't known of a model file because a size is free says which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest

pytest.importorskip("onnx")
from onnx import helper

from archcalc.model import load

from onnx_files import ints, node, weights, write  # isort: skip

ROOT = [
    node("Shape", ["x"], ["all"]), node("Gather", ["all", "one"], ["n"]), node("Cast", ["n"], ["f"], to=1),
    node("Pow", ["f", "half"], ["r"]),
]  # fmt: skip


def rooted(folder: Path, *nodes: Any) -> str:
    """A file in which the root of a length decides something."""
    arrays = {"one": ints(1)[0], "half": numpy.array(0.5, "float32"), "w": weights(8, 3), "v": weights(8, 5)}
    return write(folder / "r.onnx", [*ROOT, *nodes], {"x": [1, "n", 8]}, **arrays, zero=ints(0), rest=ints(1, -1, 8))


def test_a_free_size_that_decides_what_isn_t_known_is_named(tmp_path: Path) -> None:
    shape = [node("Cast", ["r"], ["i"], to=7), node("Unsqueeze", ["i", "zero"], ["k"])]
    joined = node("Concat", ["k", "rest"], ["s"], axis=0)
    file = rooted(tmp_path, *shape, joined, node("Reshape", ["x", "s"], ["q"]), node("MatMul", ["q", "w"], ["y"]))
    assert "--set n=N" in load(file).count().graph.uncounted[0].why
    assert load(file).count(n=16).total("macs") == 16 * 8 * 3


def test_a_branch_that_a_free_size_decides_says_so(tmp_path: Path) -> None:
    bodies = [helper.make_graph([node("MatMul", ["x", w], [y])], y, [], [helper.make_tensor_value_info(y, 1, None)]) for w, y in ("wa", "vb")]  # fmt: skip
    branch = node("If", ["c"], ["y"], then_branch=bodies[0], else_branch=bodies[1])
    file = rooted(tmp_path, node("Greater", ["r", "half"], ["c"]), branch)
    assert any("--set n=N" in note for note in load(file).count().graph.notes)
    assert load(file).count(n=16).total("macs") == 16 * 8 * 3
