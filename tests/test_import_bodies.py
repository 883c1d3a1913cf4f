"""Branches, loops and functions of ONNX files: what stands in a body is counted once, a loop runs as often as its condition lets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")

import numpy  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from archcalc.model import load  # noqa: E402

from onnx_files import node, weights, write  # isort: skip  # noqa: E402

KINDS = {"i": TensorProto.INT64, "going": TensorProto.BOOL, "on": TensorProto.BOOL, "c": TensorProto.BOOL}


def graph(nodes: list[Any], inputs: dict[str, Any], outputs: dict[str, Any], **initializers: numpy.ndarray) -> Any:
    """A body; its inputs and outputs with their shapes."""

    def value(name: str, dims: Any) -> Any:
        return helper.make_tensor_value_info(name, KINDS.get(name, TensorProto.FLOAT), dims)

    tensors = [numpy_helper.from_array(array, name) for name, array in initializers.items()]
    return helper.make_graph(nodes, "body", [value(*item) for item in inputs.items()], [value(*item) for item in outputs.items()], tensors)


def constant(name: str, array: Any) -> Any:
    return node("Constant", [], [name], value=numpy_helper.from_array(numpy.asarray(array)))


def totals(file: str) -> tuple[Any, Any]:
    found = load(file).count().totals
    return found["params"], found["macs"]


# ---- weights in bodies ----------------------------------------------------------------------------------------------------------------------


def test_tensors_of_one_name_in_different_branches_are_different_tensors(tmp_path: Path) -> None:
    """Five branches with a `W` of their own, 8 x 8 each; the other branch has one too, and isn't taken."""
    nodes = []
    for n in range(5):
        taken, other = (graph([node("MatMul", ["x", "W"], [f"{word}{n}"])], {}, {f"{word}{n}": None}, W=weights(8, 8)) for word in "te")
        nodes.append(node("If", ["c"], [f"y{n}"], then_branch=taken, else_branch=other))
    nodes.append(node("Concat", [f"y{n}" for n in range(5)], ["y"], axis=1))
    assert totals(write(tmp_path / "set.onnx", nodes, {"x": [1, 2, 8]}, c=numpy.array(True))) == (5 * 64, 5 * 2 * 64)
    assert totals(write(tmp_path / "run.onnx", nodes, {"x": [1, 2, 8], "c": []}, kinds=KINDS)) == (5 * 64, 5 * 2 * 64)


def growing(path: Path, made: str) -> str:
    """A loop of three iterations whose state doubles: products of 2, 4 and 8 rows with the same 8 x 8 weights."""
    inside = [node("MatMul", ["h", "W"], ["t"]), node("Concat", ["t", "t"], ["g"], axis=1), node("Identity", ["going"], ["on"])]
    own = {"W": weights(8, 8)}
    body = graph(
        [*([constant("W", own["W"])] if made == "constant" else []), *inside],
        {"i": [], "going": [], "h": None},
        {"on": [], "g": None},
        **(own if made == "initializer" else {}),
    )
    outer = own if made == "outside" else {}
    return write(path, [node("Loop", ["m", "", "x"], ["y"], name="steps", body=body)], {"x": [1, 2, 8]}, m=numpy.int64(3), **outer)


@pytest.mark.parametrize("made", ["constant", "initializer", "outside"])
def test_the_weights_of_a_loop_are_the_same_in_every_iteration(made: str, tmp_path: Path) -> None:
    assert totals(growing(tmp_path / "g.onnx", made)) == (64, (2 + 4 + 8) * 64)


def test_what_was_not_given_to_a_function_is_at_its_default(tmp_path: Path) -> None:
    """`Out` hands its attribute `gg` on as `g`, and is called without it: the default of `In`, two groups, holds. 6x6 places, 6 filters of 2x3x3."""
    conv = node("Conv", ["x", "W"], ["y"])
    conv.attribute.append(onnx.AttributeProto(name="group", ref_attr_name="g", type=onnx.AttributeProto.INT))
    call = node("In", ["x", "W"], ["y"], domain="own")
    call.attribute.append(onnx.AttributeProto(name="g", ref_attr_name="gg", type=onnx.AttributeProto.INT))
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)]
    inner = helper.make_function("own", "In", ["x", "W"], ["y"], [conv], opsets, attribute_protos=[helper.make_attribute("g", 2)])
    outer = helper.make_function("own", "Out", ["x", "W"], ["y"], [call], opsets, ["gg"])
    nodes = [node("Out", ["x", "W"], ["y"], domain="own")]
    file = write(tmp_path / "f.onnx", nodes, {"x": [1, 4, 8, 8]}, functions=[inner, outer], domains={"own": 1}, W=weights(6, 2, 3, 3))
    assert totals(file) == (6 * 2 * 9, 36 * 6 * 2 * 9)
