"""Model files are run as they are: their shapes, their tensors and their time."""

from __future__ import annotations

from pathlib import Path

import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from archcalc.errors import UsageError  # noqa: E402
from archcalc.measure.stored import prove  # noqa: E402
from archcalc.model import load  # noqa: E402
from archcalc.question import Question  # noqa: E402

from onnx_files import node, weights, write  # isort: skip  # noqa: E402
from running import run  # isort: skip  # noqa: E402


def squared(folder: Path, **given: object) -> str:
    """A file that the language can't write: a power, then a convolution, then what only a run tells the size of."""
    nodes = [
        node("Pow", ["x", "two"], ["a"], name="square"), node("Conv", ["a", "w"], ["b"], name="conv", pads=[1, 1, 1, 1]),
        node("Relu", ["b"], ["y"], name="relu"),
    ]  # fmt: skip
    arrays = {"two": weights() * 2, "w": weights(4, 3, 3, 3)}
    return write(folder / "p.onnx", nodes, {"x": [1, 3, 8, 8], **given}, **arrays)  # type: ignore[arg-type]


def test_a_file_is_run_as_it_is(tmp_path: Path) -> None:
    proof = load(squared(tmp_path)).verify()
    assert (proof.holds, str(proof.shapes), str(proof.tensors)) == (True, "3 of 3", "2 of 2")


def test_a_shape_that_isn_t_the_counted_one_is_found(tmp_path: Path) -> None:
    model = load(squared(tmp_path))
    question = Question(tensors=True)
    file = model.source.stored(question)
    assert file is not None
    wrong = tuple(seen._replace(outputs=((1, 4, 8, 7),)) if seen.name == "conv" else seen for seen in file.nodes)
    proof = prove(model.answer(question), file._replace(nodes=wrong))
    assert proof.differences == ("conv puts out 1x4x8x8, and 1x4x8x7 was counted",)


def test_tensors_that_stand_in_nodes_are_held_against_the_list(tmp_path: Path) -> None:
    branch = onnx.helper.make_graph(
        [node("Constant", [], ["c"], value_floats=[0.5, 1.5, 2.5] * 2), node("Add", ["x", "c"], ["a"])],
        "then", [], [onnx.helper.make_tensor_value_info("a", 1, [2, 6])],
    )  # fmt: skip
    other = onnx.helper.make_graph(
        [node("Mul", ["x", "w"], ["m"]), node("Constant", [], ["d"], value=onnx.numpy_helper.from_array(weights(6))), node("Add", ["m", "d"], ["b"])], "else", [], [onnx.helper.make_tensor_value_info("b", 1, [2, 6])],
        [onnx.numpy_helper.from_array(weights(6), "w")],
    )  # fmt: skip
    nodes = [node("If", ["on"], ["y"], then_branch=branch, else_branch=other)]
    proof = load(write(tmp_path / "i.onnx", nodes, {"x": [2, 6], "on": []}, kinds={"on": 9})).verify()
    assert (proof.holds, str(proof.tensors), proof.params) == (True, "3 of 3", 6 + 6 + 6)


def test_a_tensor_of_another_size_is_found(tmp_path: Path) -> None:
    model = load(squared(tmp_path))
    question = Question(tensors=True)
    table, file = model.answer(question), model.source.stored(question)
    assert table.graph.tensors is not None
    assert file is not None
    table.graph.tensors[:] = [
        held._replace(size=held.size + 1) if held.name == "w" else held for held in table.graph.tensors
    ]
    assert prove(table, file).differences == (
        f"the tensor w has {4 * 3 * 9} numbers, and {4 * 3 * 9 + 1} were counted",
    )


def test_an_open_size_is_asked_for(tmp_path: Path) -> None:
    file = write(tmp_path / "o.onnx", [node("Relu", ["x"], ["y"])], {"x": [1, "length", 8]})
    with pytest.raises(UsageError, match="--set length=N"):
        load(file).verify()
    assert load(file).verify(length=5).holds


def test_places_stay_inside_of_the_table(tmp_path: Path) -> None:
    nodes = [node("Gather", ["t", "i"], ["a"]), node("MatMul", ["a", "w"], ["y"])]
    file = write(tmp_path / "g.onnx", nodes, {"i": [1, 7]}, kinds={"i": 7}, t=weights(5, 8), w=weights(8, 3))
    assert load(file).verify().holds


def test_a_batch_that_is_written_down_is_run_whole(tmp_path: Path) -> None:
    nodes = [node("Conv", ["x", "w"], ["a"]), node("Flatten", ["a"], ["y"])]
    assert load(write(tmp_path / "b.onnx", nodes, {"x": [4, 3, 8, 8]}, w=weights(4, 3, 3, 3))).verify().holds


def test_numbers_beside_a_file_are_found(tmp_path: Path) -> None:
    file = squared(tmp_path)
    onnx.save(onnx.load(file), file, save_as_external_data=True, location="p.data", size_threshold=0)
    assert load(file).verify().holds


def test_the_time_of_a_file_is_that_of_its_nodes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = squared(tmp_path)
    latency = load(file).measure(runs=3, profile=True, threads=1)
    assert [layer.name for layer in latency.layers] == ["square", "conv", "relu"]
    assert sum(layer.share for layer in latency.layers) == pytest.approx(1)
    assert run(capsys, monkeypatch, "measure", file, "--runs", "3").code == 0


def test_what_onnxruntime_has_no_kernel_for_is_said(tmp_path: Path) -> None:
    nodes = [node("Relu", ["x"], ["a"]), node("Swirl", ["a"], ["y"], domain="my.ops")]
    file = write(tmp_path / "s.onnx", nodes, {"x": [1, 8]}, domains={"my.ops": 1})
    with pytest.raises(UsageError, match="onnxruntime can't load"):
        load(file).verify()


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_numbers_of_few_bits_that_share_bytes_are_those_that_were_counted(bits: int, tmp_path: Path) -> None:
    product = node("MatMulNBits", ["x", "w", "s"], ["y"], domain="com.microsoft", K=32, N=6, bits=bits, block_size=16)
    packed, scales = weights(6, 2, 2 * bits, kind="uint8"), weights(6, 2)
    file = write(tmp_path / "n.onnx", [product], {"x": [1, 32]}, domains={"com.microsoft": 1}, w=packed, s=scales)
    proof = load(file).verify()
    assert (proof.differences, str(proof.tensors), proof.params) == ((), "2 of 2", 32 * 6)


def test_numbers_of_trees_are_listed(tmp_path: Path) -> None:
    tree = node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1, nodes_featureids=[0, 0, 0],
        nodes_values=[0.5, 0.0, 0.0], nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_treeids=[0, 0, 0],
        nodes_nodeids=[0, 1, 2], nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 0], target_ids=[0, 0],
        target_nodeids=[1, 2], target_treeids=[0, 0], target_weights=[1.0, 2.0],
    )  # fmt: skip
    model = load(write(tmp_path / "t.onnx", [tree], {"x": [1, 3]}, domains={"ai.onnx.ml": 3}))
    tensors = model.answer(Question(tensors=True)).graph.tensors or []
    assert [(held.name, held.size, held.role) for held in tensors] == [
        ("y.nodes_values", 3, "constant"), ("y.target_weights", 2, "constant"),
    ]  # fmt: skip
    assert model.verify().holds
