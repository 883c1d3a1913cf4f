"""Model files whose shapes the values of an input decide: run with values that give the counted shapes, or passed over
with a note.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from archcalc.model import load  # noqa: E402

from onnx_files import ints, node, weights, write  # isort: skip  # noqa: E402

INT, FLOAT, BOOL = 7, 1, 9
X = {"x": [1, 4, 6]}
PASSED = "left open"

# nodes, inputs, their kinds, the shape that the file gives y, initializers, what a note says (None: nothing is noted)
DECIDED: dict[str, tuple[list[Any], dict[str, list[int]], dict[str, int], list[int], dict[str, Any], str]] = {
    "reshape": ([node("Reshape", ["x", "s"], ["y"])], {**X, "s": [3]}, {"s": INT}, [1, 3, 8], {}, "s is [1, 3, 8]"),
    "expand": ([node("Expand", ["x", "s"], ["y"])], {"x": [1, 1, 6], "s": [3]}, {"s": INT}, [1, 4, 6], {}, "s is [1, 4, 6]"),
    "tile": ([node("Tile", ["x", "s"], ["y"])], {**X, "s": [3]}, {"s": INT}, [1, 8, 18], {}, "s is [1, 2, 3]"),
    "grid": ([node("AffineGrid", ["x", "s"], ["y"])], {"x": [1, 2, 3], "s": [4]}, {"s": INT}, [1, 5, 6, 2], {}, "s is [1, 1, 5, 6]"),
    "zeros": ([node("ConstantOfShape", ["s"], ["y"])], {**X, "s": [3]}, {"s": INT}, [1, 4, 6], {}, "s is [1, 4, 6]"),
    "count": ([node("Range", ["zero", "n", "one"], ["y"])], {"n": [], "x": [1]}, {"n": INT, "y": INT}, [7], {"zero": ints(0)[0], "one": ints(1)[0]}, "n is 7"),
    "sizes": ([node("Resize", ["x", "", "", "s"], ["y"])], {"x": [1, 2, 4, 4], "s": [4]}, {"s": INT}, [1, 2, 8, 12], {}, "s is [1, 2, 8, 12]"),
    "scales": ([node("Resize", ["x", "", "s"], ["y"])], {"x": [1, 2, 4, 4], "s": [4]}, {"s": FLOAT}, [1, 2, 8, 6], {}, "s is [1, 1, 2, 1.5]"),
    "ends": ([node("Slice", ["x", "a", "e", "axes"], ["y"])], {**X, "e": [1]}, {"e": INT}, [1, 4, 3], {"a": ints(1), "axes": ints(2)}, "e is [4]"),
    "starts": ([node("Slice", ["x", "a", "e", "axes"], ["y"])], {**X, "a": [1]}, {"a": INT}, [1, 4, 2], {"e": ints(-1), "axes": ints(-1)}, "a is [3]"),
    "depth": ([node("OneHot", ["i", "d", "v"], ["y"])], {"i": [1, 4], "d": []}, {"i": INT, "d": INT}, [1, 4, 9], {"v": weights(2)}, "d is 9"),
    "best": ([node("TopK", ["x", "k"], ["y", "i"])], {**X, "k": [1]}, {"k": INT}, [1, 4, 5], {}, "k is [5]"),
    "pad": ([node("Pad", ["x", "p"], ["y"])], {**X, "p": [6]}, {"p": INT}, [1, 6, 9], {}, "p is [0, 0, 0, 0, 2, 3]"),
    "axes": ([node("Unsqueeze", ["x", "a"], ["y"])], {**X, "a": [1]}, {"a": INT}, [1, 4, 1, 6], {}, "a is [2]"),
    "squeeze": ([node("Squeeze", ["x", "a"], ["y"])], {"x": [1, 4, 1, 6], "a": [1]}, {"a": INT}, [1, 4, 6], {}, "a is [2]"),
    "sum": ([node("ReduceSum", ["x", "a"], ["y"], keepdims=1)], {**X, "a": [1]}, {"a": INT}, [1, 4, 1], {}, "a is [2]"),
    "middle": ([node("CenterCropPad", ["x", "s"], ["y"])], {**X, "s": [3]}, {"s": INT}, [1, 2, 9], {}, "s is [1, 2, 9]"),
    "window": ([node("HannWindow", ["n"], ["y"])], {"n": [], "x": [1]}, {"n": INT}, [9], {}, "n is 9"),
    "some": ([node("Compress", ["x", "c"], ["y"], axis=1)], {**X, "c": [4]}, {"c": BOOL}, [1, 3, 6], {}, "c is [1, 1, 1, 0]"),
    "cast": ([node("Cast", ["s"], ["t"], to=INT), node("Reshape", ["x", "t"], ["y"])], {**X, "s": [3]}, {"s": 6}, [1, 12, 2], {}, "s is [1, 12, 2]"),
    "joined": (
        [node("Unsqueeze", ["n", "zero"], ["m"]), node("Concat", ["one", "m", "rest"], ["s"], axis=0), node("Reshape", ["x", "s"], ["y"])],
        {**X, "n": []}, {"n": INT}, [1, 3, 8], {"zero": ints(0), "one": ints(1), "rest": ints(-1)}, "n is 3"),
    "picked": (
        [node("Gather", ["s", "one"], ["n"]), node("Range", ["zero", "n", "step"], ["y"])],
        {"s": [2], "x": [1]}, {"s": INT, "y": INT}, [6], {"zero": ints(0)[0], "one": ints(1)[0], "step": ints(1)[0]}, "s is ["),
    "computed": (
        [node("Mul", ["n", "two"], ["m"]), node("Range", ["zero", "m", "one"], ["y"])],
        {"n": [], "x": [1]}, {"n": INT, "y": INT}, [8], {"zero": ints(0)[0], "one": ints(1)[0], "two": ints(2)[0]}, PASSED),
}  # fmt: skip


def made(folder: Path, case: str) -> str:
    nodes, inputs, kinds, shape, arrays, _ = DECIDED[case]
    used = (
        [node("Identity", ["x"], ["other"])] if all("x" not in each.input for each in nodes) and "x" in inputs else []
    )
    return write(
        folder / "d.onnx", [*nodes, *used], inputs, ["y"] + ["other"] * len(used), kinds, {"y": shape}, **arrays
    )


@pytest.mark.parametrize("case", DECIDED)
def test_values_of_an_input_that_decide_a_shape_are_no_fault_of_the_count(case: str, tmp_path: Path) -> None:
    wanted = DECIDED[case][-1]
    proof = load(made(tmp_path, case)).verify()
    assert proof.holds, proof.differences
    is_whole = proof.shapes.proved == proof.shapes.total
    assert is_whole == (wanted != PASSED)
    assert any(wanted in note for note in proof.notes) or not wanted, proof.notes
