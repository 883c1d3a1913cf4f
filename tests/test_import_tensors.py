"""Every tensor of a model file is listed with what it is, and the list adds up to the file and to the totals."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")

from archcalc.algebra import Poly  # noqa: E402
from archcalc.errors import ArchcalcError  # noqa: E402
from archcalc.graph import Held  # noqa: E402
from archcalc.model import load  # noqa: E402
from archcalc.question import Question  # noqa: E402

from node_cases import node_cases  # isort: skip  # noqa: E402
from onnx_files import ints, node, weights, write  # isort: skip  # noqa: E402
from running import run  # isort: skip  # noqa: E402

ROLES = {
    "parameter", "buffer", "copy", "scale", "zero point", "mask", "table", "index", "constant", "text", "uncounted",
    "unread",
}  # fmt: skip


def held(file: str) -> tuple[list[Held], dict[str, Any]]:
    table = load(file).answer(Question(tensors=True))
    assert table.graph.tensors is not None
    return table.graph.tensors, table.totals


def in_graph(graph: Any) -> Iterator[Any]:
    """The initializers of a graph."""
    yield from graph.initializer
    yield from (sparse.values for sparse in graph.sparse_initializer)


def models(folder: Path) -> Iterator[tuple[str, Any]]:
    """All models that come with onnx: the files beside its tests, and its node tests."""
    for path in sorted((Path(onnx.__file__).parent / "backend" / "test" / "data").rglob("*.onnx")):
        yield str(path), onnx.load(str(path), load_external_data=False)
    for case in node_cases():
        if case.model is not None:
            path = folder / f"{case.name}.onnx"
            path.write_bytes(case.model.SerializeToString())
            yield str(path), case.model


def test_the_list_of_every_model_of_onnx_adds_up_to_the_file_and_to_the_totals(tmp_path: Path) -> None:
    wrong, seen = [], 0
    for file, model in models(tmp_path):
        try:
            found, totals = held(file)
        except ArchcalcError:
            continue
        seen += 1
        names = Counter(tensor.name for tensor in in_graph(model.graph))
        listed = Counter(tensor.name for tensor in found)
        sizes = sum(onnx.numpy_helper.to_array(t).size for t in model.graph.initializer if not t.external_data)
        mine = {t.name: t for t in found if t.name in names}
        inside = sum(mine[t.name].size for t in model.graph.initializer if not t.external_data)
        sums = {role: sum(t.size for t in found if t.role == role) for role in ("parameter", "buffer")}
        if isinstance(totals["params"], Poly):
            sums["parameter"] = totals["params"]
        if (
            any(listed[name] < count for name, count in names.items())
            or any(t.role not in ROLES or not t.why for t in found)
            or sizes != inside
            or (sums["parameter"], sums["buffer"]) != (totals["params"], totals["buffers"])
        ):
            wrong.append((Path(file).stem, sizes, inside, sums, totals["params"], totals["buffers"]))
    assert (wrong, seen > 1900) == ([], True)


def roles(file: str) -> dict[str, tuple[str, Any, int]]:
    return {tensor.name: (tensor.role, tensor.size, tensor.bytes) for tensor in held(file)[0]}


def test_what_each_tensor_of_a_quantised_layer_is(tmp_path: Path) -> None:
    """Ten columns of sixteen int8, each with a scale of 4 bytes and a zero point."""
    nodes = [
        node("DequantizeLinear", ["w", "s", "z"], ["f"], axis=1), node("MatMul", ["x", "f"], ["a"]),
        node("Reshape", ["a", "to"], ["b"]), node("Mul", ["b", "half"], ["y"]),
    ]  # fmt: skip
    arrays = {"w": weights(16, 10, kind="int8"), "s": weights(10), "z": weights(10, kind="int8"), "to": ints(2, 5)}
    arrays["half"] = weights().astype("float32") / 4
    file = write(tmp_path / "q.onnx", [*nodes, node("Relu", ["b"], ["c"])], {"x": [1, 16]}, **arrays, lost=weights(3))
    assert roles(file) == {
        "w": ("parameter", 160, 160), "s": ("scale", 10, 40), "z": ("zero point", 10, 10), "to": ("index", 2, 16),
        "half": ("parameter", 1, 4), "lost": ("unread", 3, 12),
    }  # fmt: skip


@pytest.mark.parametrize("form", ["value", "value_floats"])
def test_numbers_in_a_node_are_a_tensor_in_either_form(form: str, tmp_path: Path) -> None:
    """A bias of 3 behind 12 weights, and a number of arithmetic."""
    three = onnx.numpy_helper.from_array(weights(3)) if form == "value" else [1.0, 2.0, 3.0]
    two = onnx.numpy_helper.from_array(weights()) if form == "value" else 2.0
    nodes = [
        node("Constant", [], ["b"], **{form: three}), node("Gemm", ["x", "w", "b"], ["a"]),
        node("Constant", [], ["two"], **{form.removesuffix("s"): two}), node("Mul", ["a", "two"], ["y"]),
    ]  # fmt: skip
    file = write(tmp_path / "c.onnx", nodes, {"x": [1, 4]}, w=weights(4, 3))
    assert roles(file) == {"w": ("parameter", 12, 48), "b": ("parameter", 3, 12), "two": ("constant", 1, 4)}
    assert held(file)[1]["params"] == 15


def test_four_bits_fill_half_a_byte(tmp_path: Path) -> None:
    tensor = onnx.helper.make_tensor("w", onnx.TensorProto.INT4, [8, 5], [1] * 40)
    nodes = [node("DequantizeLinear", ["w", "s"], ["f"]), node("MatMul", ["x", "f"], ["y"])]
    file = write(tmp_path / "f.onnx", nodes, {"x": [1, 8]}, s=weights())
    model = onnx.load(file)
    model.graph.initializer.append(tensor)
    onnx.save(model, file)
    assert roles(file)["w"] == ("parameter", 40, 20)


def test_the_roles_stay_when_a_size_gets_a_number(tmp_path: Path) -> None:
    nodes = [
        node("Shape", ["x"], ["n"]), node("ConstantOfShape", ["n"], ["z"]), node("Add", ["z", "s"], ["t"]),
        node("Mul", ["x", "t"], ["y"]),
    ]  # fmt: skip
    file = write(tmp_path / "n.onnx", nodes, {"x": [1, "length"]}, s=weights())
    free, fixed = (load(file).count(**given).totals["params"] for given in ({}, {"length": 400}))
    assert (free, fixed) == (free, free)


def with_free_sizes(model: Any) -> dict[str, int]:
    """Name every size of its inputs that isn't 1, equal ones the same: what the names stand for."""
    kept = {tensor.name for tensor in in_graph(model.graph)}
    given = {}
    for value in model.graph.input:
        if value.name not in kept and value.type.HasField("tensor_type"):
            for dim in value.type.tensor_type.shape.dim:
                if dim.dim_value > 1:
                    given[f"n{dim.dim_value}"] = dim.dim_value
                    dim.dim_param = f"n{dim.dim_value}"
    for output in model.graph.output:
        if output.type.HasField("tensor_type"):
            output.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    return given


@pytest.mark.parametrize(("most", "least"), [(60, 50), pytest.param(None, 1700, marks=pytest.mark.slow)])
def test_no_tensor_of_a_model_of_onnx_changes_its_role_because_a_size_got_a_number(
    most: int | None, least: int, tmp_path: Path
) -> None:
    changed, seen = [], 0
    for file, model in islice(models(tmp_path), most):
        given, open_file = with_free_sizes(model), str(tmp_path / "open.onnx")
        onnx.save(model, open_file)
        try:
            free, fixed = (
                {(t.name, t.role, t.size) for t in load(open_file).answer(question).graph.tensors or ()}
                for question in (Question(tensors=True), Question(tensors=True, bindings=given))
            )
        except ArchcalcError:
            continue
        seen += bool(given)
        if not fixed <= free:
            changed.append((Path(file).stem, fixed - free))
    assert (changed, seen > least) == ([], True)


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_the_list_is_printed(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [node("MatMul", ["x", "w"], ["y"])]
    file = write(tmp_path / "p.onnx", nodes, {"x": [1, 8]}, w=weights(8, 4))
    done = run(capsys, monkeypatch, "count", file, "--tensors", "--format", form)
    assert done.code == 0
    if form == "json":
        assert json.loads(done.out)["tensors"] == [
            {
                "name": "w",
                "shape": [8, 4],
                "size": 32,
                "type": "fp32",
                "bytes": 128,
                "role": "parameter",
                "why": "of linear",
            }
        ]
    else:
        assert "of linear" in done.out


def test_a_spec_has_no_tensors_to_list(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(capsys, monkeypatch, "count", "lenet", "--tensors")
    assert (done.code, "is a spec" in done.err) == (2, True)


def test_weights_are_as_wide_as_the_file_has_them(tmp_path: Path) -> None:
    """8x4 numbers of one byte with four scales of four and four zero points of one, and 4x2 halves."""
    nodes = [
        node("DequantizeLinear", ["w", "s", "z"], ["f"], axis=1), node("MatMul", ["x", "f"], ["a"]),
        node("Cast", ["h"], ["v"], to=onnx.TensorProto.FLOAT), node("MatMul", ["a", "v"], ["y"]),
    ]  # fmt: skip
    arrays = {"w": weights(8, 4, kind="int8"), "s": weights(4), "z": weights(4, kind="int8")}
    file = write(tmp_path / "w.onnx", nodes, {"x": [1, 8]}, **arrays, h=weights(4, 2, kind="float16"))
    table = load(file).count()
    assert [row.weight_bytes for row in table.rows] == [32 + 4 * 4 + 4, 8 * 2]
    assert table.totals["weight_bytes"] == 32 + 16 + 4 + 16
    assert table.totals["bytes"] == sum(row.bytes for row in table.rows)
    assert "weights      68 B as the file stores them" in str(table)


@pytest.mark.parametrize(("dtype", "wanted"), [("fp32", 4 * 40), ("fp16", 2 * 40)])
def test_a_width_that_is_asked_for_goes_before_the_file_s(
    dtype: str, wanted: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [node("DequantizeLinear", ["w", "s"], ["f"]), node("MatMul", ["x", "f"], ["y"])]
    file = write(tmp_path / "d.onnx", nodes, {"x": [1, 8]}, w=weights(8, 5, kind="int8"), s=weights())
    done = run(capsys, monkeypatch, "count", file, "--dtype", dtype, "--format", "json")
    assert json.loads(done.out)["totals"]["weight_bytes"] == wanted


def test_products_of_constants_are_folded_or_counted(tmp_path: Path) -> None:
    """x (W + B A): 16 x 4 x 32 MACs before the network runs, 8 x 16 x 32 in it."""
    nodes = [node("MatMul", ["b", "a"], ["ba"]), node("Add", ["w", "ba"], ["v"]), node("MatMul", ["x", "v"], ["y"])]
    arrays = {"w": weights(16, 32), "b": weights(16, 4), "a": weights(4, 32)}
    file = write(tmp_path / "lora.onnx", nodes, {"x": ["batch", 8, 16]}, **arrays)
    folded, whole = load(file).count(), load(file).count(fold=False)
    assert folded.totals["params"] == whole.totals["params"] == 16 * 32 + 16 * 4 + 4 * 32
    assert folded.totals["macs"] == 8 * 16 * 32
    assert whole.totals["macs"] == 8 * 16 * 32 + 16 * 4 * 32
    assert [note for note in folded.graph.notes if "folded: 2,048 MACs of a product" in note]
    assert not [note for note in whole.graph.notes if "folded" in note]


def test_a_network_of_constants_is_folded_whole(tmp_path: Path) -> None:
    """relu(c u) v over 49 positions, as biases of distances are: 49 x 2 x 12 and 49 x 12 x 3."""
    nodes = [
        node("MatMul", ["c", "u"], ["h"]), node("Relu", ["h"], ["r"]), node("MatMul", ["r", "v"], ["t"]),
        node("Add", ["x", "t"], ["y"]),
    ]  # fmt: skip
    arrays = {"c": weights(49, 2), "u": weights(2, 12), "v": weights(12, 3)}
    file = write(tmp_path / "biases.onnx", nodes, {"x": ["batch", 49, 3]}, **arrays)
    folded, whole = load(file).count(), load(file).count(fold=False)
    assert folded.totals["macs"] == 0
    assert whole.totals["macs"] == 49 * 2 * 12 + 49 * 12 * 3
    assert folded.totals["params"] == whole.totals["params"]
    assert any("folded: 2,940 MACs of 2 products" in note for note in folded.graph.notes)


def test_fold_is_yes_or_no(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "r.onnx", [node("Relu", ["x"], ["y"])], {"x": [1, 4]})
    assert run(capsys, monkeypatch, "count", file, "--fold", "no").code == 0
    done = run(capsys, monkeypatch, "count", file, "--fold", "maybe")
    assert (done.code, "--fold is yes or no, not 'maybe'" in done.err) == (2, True)


def test_ones_and_zeros_without_names_are_in_doubt(tmp_path: Path) -> None:
    """A fixed norm's ones may be one tensor that all such norms read; a fresh norm's ones look the same."""
    nodes = [
        node("BatchNormalization", ["x", "val_1", "val_2", "mean", "var"], ["a"], name="n1"),
        node("BatchNormalization", ["a", "val_1", "shift", "mean2", "var2"], ["b"], name="n2"),
        node("Reshape", ["b", "groups"], ["c"]),
        node("InstanceNormalization", ["c", "val_3", "val_4"], ["y"]),
    ]
    arrays = {
        "val_1": weights(4) * 0 + 1,
        "val_2": weights(4) * 0,
        "val_3": weights(2) * 0 + 1,
        "val_4": weights(2) * 0,
    }
    arrays |= {name: weights(4) for name in ("mean", "var", "mean2", "var2", "shift")}
    file = write(tmp_path / "n.onnx", nodes, {"x": [1, 4, 6]}, groups=ints(1, 2, 12), **arrays)
    notes = " ".join(load(file).count().graph.notes)
    assert "12 numbers of scales and shifts are the same all along" in notes
    assert "8 are counted, 4 aren't" in notes
    roles = {tensor.name: (tensor.role, tensor.why) for tensor in held(file)[0]}
    assert roles["val_3"] == ("constant", "the same number all along, where a norm has a scale that it learns")
    assert roles["val_1"] == ("parameter", "of bn")


def test_what_torch_folded_is_in_doubt(tmp_path: Path) -> None:
    """A table of biases that is read by index is larger once it was read; a fresh one is zeros, and looks like none."""
    nodes = [node("Add", ["x", "onnx::Add_7"], ["a"]), node("Add", ["a", "onnx::Add_8"], ["y"])]
    arrays = {"onnx::Add_7": weights(2, 4, 4), "onnx::Add_8": weights(2, 4, 4) * 0}
    given = {"x": [1, 2, 4, 4]}
    table = load(write(tmp_path / "p.onnx", nodes, given, producer="pytorch", **arrays)).count()
    notes = [note for note in table.graph.notes if "told" in note]
    assert notes == [
        f"{2 * 4 * 4 * 2} numbers were computed by the exporter and have no names of their own (onnx::Add_7, onnx::Add_8):"
        " how many were learned can't be told; 32 are counted, 32 aren't"
    ]
    other = load(write(tmp_path / "o.onnx", nodes, given, producer="tf2onnx", **arrays)).count()
    assert [note for note in other.graph.notes if "computed by" in note] == []


def test_named_ones_are_in_no_doubt(tmp_path: Path) -> None:
    nodes = [node("LayerNormalization", ["x", "norm.weight", "norm.bias"], ["y"], name="norm")]
    arrays = {"norm.weight": weights(6) * 0 + 1, "norm.bias": weights(6) * 0}
    table = load(write(tmp_path / "l.onnx", nodes, {"x": [1, 3, 6]}, **arrays)).count()
    assert (table.totals["params"], [note for note in table.graph.notes if "told" in note]) == (12, [])


def test_a_tensor_that_is_shift_and_mean_at_once_is_counted_once(tmp_path: Path) -> None:
    """torch's exporter merges the zeros of a fresh norm."""
    nodes = [
        node("Identity", ["n.bias"], ["n.running_mean"]),
        node("BatchNormalization", ["x", "n.weight", "n.bias", "n.running_mean", "var"], ["y"], name="n"),
    ]
    arrays = {"n.weight": weights(4), "n.bias": weights(4) * 0, "var": weights(4)}
    found, totals = held(write(tmp_path / "n.onnx", nodes, {"x": [1, 4, 6]}, **arrays))
    assert (totals["params"], totals["buffers"]) == (8, 4)
    assert {tensor.name: tensor.role for tensor in found} == {
        "n.weight": "parameter",
        "n.bias": "parameter",
        "var": "buffer",
    }
