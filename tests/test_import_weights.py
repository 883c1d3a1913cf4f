"""Which numbers of a file are parameters: products written by hand, of what the file holds behind each layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")

import numpy  # noqa: E402
from onnx import TensorProto, numpy_helper  # noqa: E402

from archcalc.model import load, read  # noqa: E402
from archcalc.question import Question  # noqa: E402

from onnx_files import ints, node, weights, write  # isort: skip  # noqa: E402


def constant(name: str, array: Any) -> Any:
    return node("Constant", [], [name], value=numpy_helper.from_array(numpy.asarray(array)))


def params(file: str) -> Any:
    return load(file).count().totals["params"]


NORM = [
    node("ReduceMean", ["x"], ["m"], axes=[-1]),
    node("Sub", ["x", "m"], ["d"]),
    node("Mul", ["d", "gain"], ["e"]),
    node("Add", ["e", "shift"], ["y"]),
]


@pytest.mark.parametrize("inside", [False, True])
def test_numbers_that_stand_in_the_graph_count_like_those_beside_it(inside: bool, tmp_path: Path) -> None:
    """A product of 8 x 16 and its bias; a layer norm that was taken apart."""
    dense = [node("MatMul", ["x", "W"], ["m"]), node("Add", ["m", "b"], ["y"])]
    for number, (nodes, arrays, shape, wanted) in enumerate(
        (
            (dense, {"W": weights(8, 16), "b": weights(16)}, [1, 8], 8 * 16 + 16),
            (NORM, {"gain": weights(8), "shift": weights(8)}, [1, 5, 8], 8 + 8),
        )
    ):
        made = [constant(*item) for item in arrays.items()] if inside else []
        file = write(tmp_path / f"{number}.onnx", [*made, *nodes], {"x": shape}, opset=17, **({} if inside else arrays))
        assert params(file) == wanted


def test_constants_that_an_exporter_made_up_in_arithmetic_do_not(tmp_path: Path) -> None:
    """Means and deviations of images, as torch.onnx writes them: its parameters are never Constant nodes."""
    names = ["/transform/Constant_output_0", "/transform/Constant_1_output_0"]
    nodes = [
        *(constant(name, weights(3, 1, 1)) for name in names),
        node("Sub", ["x", names[0]], ["a"]),
        node("Div", ["a", names[1]], ["y"]),
    ]
    assert params(write(tmp_path / "t.onnx", nodes, {"x": [1, 3, 8, 8]})) == 0
    nodes = [
        constant(names[0], weights(8, 8)),
        node("MatMul", ["x", names[0]], ["y"]),
    ]  # what a layer multiplies with is a weight, whatever its name
    assert params(write(tmp_path / "w.onnx", nodes, {"x": [1, 8]})) == 64


def test_weights_that_are_computed_from_several_are_all_of_them(tmp_path: Path) -> None:
    """W + B A of LoRA; g v / |v| of a weight norm, with a bias."""
    nodes = [node("MatMul", ["B", "A"], ["d"]), node("Add", ["W", "d"], ["Wn"]), node("MatMul", ["x", "Wn"], ["y"])]
    table = load(
        write(tmp_path / "l.onnx", nodes, {"x": [1, 64]}, W=weights(64, 64), B=weights(64, 4), A=weights(4, 64))
    ).count()
    assert (table.totals["params"], table.totals["macs"]) == (64 * 64 + 64 * 4 + 4 * 64, 64 * 64)
    nodes = [
        node("ReduceL2", ["v"], ["n"], axes=[1, 2, 3]),
        node("Div", ["v", "n"], ["u"]),
        node("Mul", ["u", "g"], ["W"]),
        node("Conv", ["x", "W", "b"], ["y"]),
    ]
    file = write(
        tmp_path / "w.onnx",
        nodes,
        {"x": [1, 3, 8, 8]},
        opset=17,
        v=weights(16, 3, 3, 3),
        g=weights(16, 1, 1, 1),
        b=weights(16),
    )
    assert params(file) == 16 * 27 + 16 + 16


def test_a_tensor_behind_a_computed_weight_and_alone_counts_once(tmp_path: Path) -> None:
    nodes = [node("Add", ["W", "V"], ["S"]), node("MatMul", ["x", "S"], ["a"]), node("MatMul", ["a", "W"], ["y"])]
    table = load(write(tmp_path / "s.onnx", nodes, {"x": [1, 8]}, W=weights(8, 8), V=weights(8, 8))).count()
    assert [row.params for row in table.rows] == [2 * 64, 0]


def test_a_weight_that_is_there_a_second_time_for_its_mean_counts_once(tmp_path: Path) -> None:
    """Standardised weights as torch.onnx writes them: 16 filters of 27 with a gain each; the mean is taken of a
    transposed copy, the shift is made up.
    """
    shift = "/conv/Constant_output_0"
    nodes = [
        node("ReduceMean", ["onnx::ReduceMean_9"], ["mean"], axes=[0, 1], keepdims=0),
        node("Sub", ["onnx::ReduceMean_9", "mean"], ["off"]),
        node("Mul", ["off", "off"], ["square"]),
        node("ReduceMean", ["square"], ["var"], axes=[0, 1], keepdims=0),
        constant(shift, numpy.zeros(16, "float32")),
        node(
            "BatchNormalization",
            ["onnx::BatchNormalization_7", "onnx::BatchNormalization_8", shift, "mean", "var"],
            ["std"],
        ),
        node("Reshape", ["std", "shape"], ["W"]),
        node("Conv", ["x", "W"], ["y"]),
    ]
    arrays = {
        "onnx::ReduceMean_9": weights(1, 27, 16),
        "onnx::BatchNormalization_7": weights(1, 16, 27),
        "onnx::BatchNormalization_8": weights(16),
    }
    assert (
        params(write(tmp_path / "n.onnx", nodes, {"x": [1, 3, 8, 8]}, opset=17, shape=ints(16, 3, 3, 3), **arrays))
        == 16 * 27 + 16
    )


def test_what_is_only_there_as_a_mean_counts_whole(tmp_path: Path) -> None:
    """Ten rows whose mean a layer multiplies with, and a bias that is its own."""
    nodes = [
        node("ReduceMean", ["E"], ["e"], axes=[0]),
        node("MatMul", ["e", "P"], ["w"]),
        node("Mul", ["x", "w"], ["y"]),
    ]
    assert (
        params(write(tmp_path / "m.onnx", nodes, {"x": [1, 5, 8]}, opset=17, E=weights(10, 8), P=weights(8, 8)))
        == 10 * 8 + 8 * 8
    )


def test_scales_and_zero_points_stretched_over_quantised_weights_were_not_learned(tmp_path: Path) -> None:
    nodes = [
        node("Cast", ["Q"], ["f"], to=TensorProto.FLOAT),
        node("Sub", ["f", "zero"], ["c"]),
        node("Mul", ["c", "scale"], ["W"]),
        node("MatMul", ["x", "W"], ["y"]),
    ]
    file = write(
        tmp_path / "q.onnx",
        nodes,
        {"x": [1, 5, 64]},
        Q=weights(64, 32, kind="uint8"),
        zero=weights(1, 32),
        scale=weights(1, 32),
    )
    assert params(file) == 64 * 32


def test_where_things_are_looked_up_was_not_learned(tmp_path: Path) -> None:
    """A table of 9 rows of 4, of which 25 are gathered and some are overwritten by 2 x 4 others."""
    nodes = [
        node("ScatterND", ["table", "where", "rows"], ["t"]),
        node("Gather", ["t", "picks"], ["p"]),
        node("Add", ["x", "p"], ["y"]),
    ]
    arrays = {
        "table": weights(9, 4),
        "where": ints(1, 5).reshape(2, 1),
        "rows": weights(2, 4),
        "picks": numpy.arange(25) % 9,
    }
    assert params(write(tmp_path / "g.onnx", nodes, {"x": [1, 25, 4]}, **arrays)) == 9 * 4 + 2 * 4


KIND = "pkg.torch.export.graph_signature.InputSpec.kind"
FOLDED = "pkg.onnxscript.optimizer.folded_from"


def said(file: str, **notes: dict[str, str]) -> str:
    """The file with what torch's exporter notes beside its initializers."""
    model = onnx.load(file)
    for name, props in notes.items():
        value = onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        for key, text in props.items():
            value.metadata_props.add(key=key, value=text)
        model.graph.value_info.append(value)
    onnx.save(model, file)
    return file


def test_what_the_exporter_calls_a_buffer_is_one(tmp_path: Path) -> None:
    """(x - mean) / std before 8 filters of 3x3x3 with a bias each."""
    nodes = [node("Sub", ["x", "m"], ["a"]), node("Div", ["a", "s"], ["b"]), node("Conv", ["b", "w", "c"], ["y"])]
    arrays = {"m": weights(1, 3, 1, 1), "s": weights(1, 3, 1, 1), "w": weights(8, 3, 3, 3), "c": weights(8)}
    file = write(tmp_path / "n.onnx", nodes, {"x": [1, 3, 16, 16]}, **arrays)
    notes = {"m": {KIND: "BUFFER"}, "s": {KIND: "BUFFER"}, "w": {KIND: "PARAMETER"}, "c": {KIND: "PARAMETER"}}
    totals = load(said(file, **notes)).count().totals
    assert (totals["params"], totals["buffers"]) == (8 * 3 * 3 * 3 + 8, 6)


def test_what_shifts_and_scales_an_input_is_in_doubt_where_nobody_says(tmp_path: Path) -> None:
    nodes = [node("Sub", ["x", "m"], ["a"]), node("Div", ["a", "s"], ["b"]), node("Conv", ["b", "w", "c"], ["d"])]
    nodes += [node("Mul", ["d", "g"], ["y"])]
    arrays = {
        "m": weights(1, 3, 1, 1),
        "s": weights(1, 3, 1, 1),
        "w": weights(8, 3, 3, 3),
        "c": weights(8),
        "g": weights(8, 1, 1),
    }
    table = load(write(tmp_path / "n.onnx", nodes, {"x": [1, 3, 16, 16]}, **arrays)).count()
    assert table.totals["params"] == 8 * 3 * 3 * 3 + 8 + 8 + 6
    assert [note for note in table.graph.notes if "told" in note] == [
        "6 numbers shift or scale an input before any layer (m, s): whether they were learned can't be told; they are counted"
    ]


@pytest.mark.parametrize(
    ("singles", "note"),
    [
        (
            ["t"],
            "1 number shifts or scales all that a layer puts out (t): whether it was learned can't be told; it is counted",
        ),
        (
            ["t", "z"],
            "2 numbers shift or scale all that a layer puts out (t, z): whether they were learned can't be told; they are"
            " counted",
        ),
    ],
)
def test_a_single_number_is_in_doubt_where_nobody_says(tmp_path: Path, singles: list[str], note: str) -> None:
    nodes = [node("Conv", ["x", "w"], ["t0"])]
    nodes += [node("Mul", [f"t{n}", name], [f"t{n + 1}"]) for n, name in enumerate(singles)]
    nodes += [node("Relu", [f"t{len(singles)}"], ["y"])]
    arrays = {"w": weights(4, 3, 3, 3), **{name: weights(*([1] * n)) for n, name in enumerate(singles)}}
    table = load(write(tmp_path / "n.onnx", nodes, {"x": [1, 3, 8, 8]}, **arrays)).count()
    assert table.totals["params"] == 4 * 3 * 3 * 3 + len(singles)
    assert [each for each in table.graph.notes if "told" in each] == [note]


def test_a_number_in_the_weights_of_a_layer_is_in_doubt_too(tmp_path: Path) -> None:
    """x (W + s (A B)), a low-rank adaptation: 16*32 + 16*4 + 4*32 numbers and its scale. A slope is what PReLU learns."""
    nodes = [node("MatMul", ["a", "b"], ["ab"]), node("Mul", ["ab", "s"], ["d"]), node("Add", ["w", "d"], ["v"])]
    nodes += [node("MatMul", ["x", "v"], ["z"]), node("PRelu", ["z", "p"], ["y"])]
    arrays = {"w": weights(16, 32), "a": weights(16, 4), "b": weights(4, 32), "s": weights(), "p": weights()}
    table = load(write(tmp_path / "n.onnx", nodes, {"x": [1, 16]}, **arrays)).count()
    assert table.totals["params"] == 512 + 64 + 128 + 1 + 1
    assert [note for note in table.graph.notes if "told" in note] == [
        "1 number shifts or scales the weights of a layer (s): whether it was learned can't be told; it is counted"
    ]


MASKED = ["add", "new_ones", "bitwise_and_1", "convert_element_type_default", "val_12", "le"]
WAVES = ["arange_1", "cos_1", "scalar_tensor_default_2", "repeat_1", "stack", "_to_copy_2"]
ROOT = ["clone_3", "attention.self.lifted_tensor_0", "mul_2", "scalar_tensor_default"]


@pytest.mark.parametrize("sources", [MASKED, WAVES, ROOT, ["threshold"], ["new_zeros_1"], ["index_put_default_1"]])
@pytest.mark.parametrize("op", ["Add", "MatMul"])
def test_what_the_exporter_made_of_sizes_is_no_parameter(op: str, sources: list[str], tmp_path: Path) -> None:
    """A mask or a table of 9 x 9, made of what torch computes of sizes, beside 81 weights and projected by them."""
    nodes = [node(op, ["made", "w"], ["t"]), node("Add", ["x", "t"], ["y"])]
    file = write(tmp_path / "m.onnx", nodes, {"x": [1, 9, 9]}, w=weights(9, 9), made=weights(9, 9))
    assert params(said(file, w={KIND: "PARAMETER"}, made={FOLDED: str(sources)})) == 81


@pytest.mark.parametrize("source", ["pos", "layer.0.bias", "proj.lora_A", "table", "scale"])
def test_what_the_exporter_made_of_a_parameter_is_one(source: str, tmp_path: Path) -> None:
    file = write(tmp_path / "p.onnx", [node("Add", ["x", "t"], ["y"])], {"x": [1, 9, 9]}, w=weights(2), t=weights(9, 9))
    assert params(said(file, w={KIND: "PARAMETER"}, t={FOLDED: str(["unsqueeze", source])})) == 81


@pytest.mark.parametrize(
    ("nodes", "arrays", "wanted"),
    [
        ([node("Gather", ["t", "i"], ["a"])], {"t": (9, 1), "i": (16, 9)}, (9, 16)),
        ([node("Unsqueeze", ["i", "one"], ["j"]), node("GatherND", ["t", "j"], ["a"])],
         {"t": (9, 1), "i": (16, 9)}, (9, 16)),
        ([node("Slice", ["i", "from", "to"], ["j"]), node("Gather", ["t", "j"], ["a"])],
         {"t": (9, 4), "i": (8, 9)}, (36, 8)),
    ],
    ids=["gather", "gather_nd", "slice"],
)  # fmt: skip
@pytest.mark.parametrize("said_so", [True, False])
def test_where_a_table_is_looked_up_is_a_buffer_if_the_exporter_says_so(
    nodes: list[Any], arrays: dict[str, tuple[int, int]], wanted: tuple[int, int], said_so: bool, tmp_path: Path
) -> None:
    """Numbers of int64 that say where, 8 bytes each, beside a table in fp32."""
    length, most = arrays["i"]
    nodes = [*nodes, node("Reshape", ["a", "square"], ["b"]), node("Add", ["x", "b"], ["y"])]
    held = {"t": weights(*arrays["t"]), "i": numpy.arange(length) % most, "square": ints(4, 4), "one": ints(1)}
    held |= {"from": ints(0), "to": ints(4)}
    file = write(tmp_path / "b.onnx", nodes, {"x": [1, 4, 4]}, **held)
    if said_so:
        file = said(file, t={KIND: "PARAMETER"}, i={KIND: "BUFFER"})
    totals = load(file).count().totals
    params, buffers = wanted[0], wanted[1] if said_so else 0
    assert (totals["params"], totals["buffers"], totals["weight_bytes"]) == (params, buffers, 4 * params + 8 * buffers)
    spec, _ = load(file).to_spec()
    again = read(spec, "b.yaml").count().totals
    assert (again["params"], again["buffers"]) == (params, buffers)


def test_a_mask_is_a_buffer_if_the_exporter_says_so_and_its_size_alone_is_none(tmp_path: Path) -> None:
    """16 truths that say what is read, and 5 numbers of which nothing but the length is."""
    nodes = [
        node("Where", ["m", "x", "zero"], ["a"]),
        node("Shape", ["n"], ["five"]),
        node("Expand", ["a", "to"], ["b"]),
    ]
    nodes += [node("Cast", ["five"], ["length"], to=TensorProto.FLOAT), node("Mul", ["b", "length"], ["y"])]
    mask = numpy.tril(numpy.ones((4, 4), bool))
    file = write(tmp_path / "m.onnx", nodes, {"x": [1, 4, 4]}, m=mask, n=weights(5), zero=weights() * 0, to=ints(1))
    model = load(said(file, m={KIND: "BUFFER"}, n={KIND: "BUFFER"})).answer(Question(tensors=True))
    assert model.totals["buffers"] == 16
    assert [(t.name, t.size) for t in model.graph.tensors or () if t.role == "buffer"] == [("m", 16)]


def test_a_copy_that_the_exporter_made_of_a_tied_weight_counts_once(tmp_path: Path) -> None:
    """Thirty rows of eight, and the same, transposed, as the head."""
    nodes = [node("Gather", ["e", "i"], ["a"]), node("MatMul", ["a", "val_0"], ["y"])]
    kinds = {"i": TensorProto.INT64}
    arrays = {"e": weights(30, 8), "val_0": weights(8, 30)}
    file = write(tmp_path / "t.onnx", nodes, {"i": [1, 7]}, kinds=kinds, **arrays)
    table = load(said(file, e={KIND: "PARAMETER"}, val_0={FOLDED: "['e']"})).count()
    assert (table.totals["params"], table.totals["macs"]) == (30 * 8, 7 * 8 * 30)


def test_what_the_exporter_computed_from_numbers_was_not_learned(tmp_path: Path) -> None:
    nodes = [node("MatMul", ["x", "w"], ["a"]), node("Mul", ["a", "cos"], ["y"])]
    file = write(tmp_path / "c.onnx", nodes, {"x": [1, 6, 8]}, w=weights(8, 8), cos=weights(6, 8))
    assert params(said(file, w={KIND: "PARAMETER"}, cos={FOLDED: "['arange', 'f', 'mul']"})) == 64


LEFT = {
    "a table read by places": ([node("GatherND", ["w", "i"], ["y"])], {"i": [3, 1]}, {"w": weights(5, 4)}, 20),
    "an outer product": ([node("Einsum", ["x", "w"], ["y"], equation="i,j->ij")], {"x": [8]}, {"w": weights(6)}, 6),
    "a bias of a product of two inputs": (
        [node("Gemm", ["a", "b", "c"], ["y"])], {"a": [3, 5], "b": [5, 4]}, {"c": weights(4)}, 4,
    ),
    "a first state": (
        [node("LSTM", ["x", "W", "R", "", "", "h"], ["y"], hidden_size=6)], {"x": [5, 1, 4]},
        {"W": weights(1, 24, 4), "R": weights(1, 24, 6), "h": weights(1, 1, 6)}, 24 * 4 + 24 * 6 + 6,
    ),
    "a plane that is sampled": ([node("GridSample", ["p", "g"], ["y"])], {"g": [1, 4, 4, 2]}, {"p": weights(1, 3, 8, 8)}, 192),
    "a bias of a constant product": (
        [node("ConstantOfShape", ["n"], ["z"]), node("Gemm", ["z", "w", "b"], ["h"]), node("Add", ["h", "x"], ["y"])],
        {"x": [1, 12]}, {"n": ints(1, 6), "w": weights(6, 12), "b": weights(12)}, 6 * 12 + 12,
    ),
    "bounds of a clip": ([node("Clip", ["x", "lo", "hi"], ["y"])], {"x": [1, 8]}, {"lo": weights(), "hi": weights()}, 0),
    "a scale beside one that a run gives": (
        [
            node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]), node("Mul", ["s", "ws"], ["t"]),
            node("MatMulInteger", ["q", "w", "z", "wz"], ["i"]), node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
            node("Mul", ["f", "t"], ["y"]),
        ],
        {"x": [1, 16]}, {"ws": weights(10), "w": weights(16, 10, kind="int8"), "wz": numpy.zeros(10, "int8")}, 160,
    ),
    "a mask of zeros that the exporter made": ([node("Add", ["x", "val_3"], ["y"])], {"x": [1, 4, 4]}, {"val_3": numpy.zeros((4, 4), "float32")}, 0),
    "a mask in half precision": (
        [node("Add", ["x", "m"], ["y"])], {"x": [1, 4, 4]}, {"m": numpy.triu(numpy.full((4, 4), -6e4), 1).astype("float16")}, 0,
    ),
    "two numbers without axes": ([node("Add", ["x", "c"], ["y"])], {"x": []}, {"c": numpy.array(1.5, "float32")}, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT)
def test_no_learned_tensor_is_lost_and_nothing_else_is_one(name: str, tmp_path: Path) -> None:
    nodes, inputs, arrays, wanted = LEFT[name]
    kinds = {"i": TensorProto.INT64} if name.startswith("a table") else {}
    kinds |= {"x": TensorProto.FLOAT16} if "half" in name else {}
    table = load(write(tmp_path / "l.onnx", nodes, inputs, kinds=kinds, **arrays)).count()
    assert (table.totals["params"], table.totals["uncounted"]) == (wanted, [])


def test_a_network_holds_the_weights_of_both_branches(tmp_path: Path) -> None:
    branches = {
        f"{word}_branch": onnx.helper.make_graph(
            [node("Conv", ["x", word], [f"{word}_y"], pads=[(k - 1) // 2] * 4)], word, [],
            [onnx.helper.make_tensor_value_info(f"{word}_y", TensorProto.FLOAT, None)],
            [onnx.numpy_helper.from_array(weights(4, 3, k, k), word)],
        )
        for word, k in (("then", 3), ("else", 1))
    }  # fmt: skip
    nodes = [node("If", ["c"], ["y"], **branches)]
    file = write(tmp_path / "i.onnx", nodes, {"x": [1, 3, 8, 8], "c": []}, kinds={"c": TensorProto.BOOL})
    table = load(file).count()
    assert (table.totals["params"], table.totals["macs"]) == (4 * 27 + 4 * 3, 64 * 4 * 27)
    assert any("only a run tells which branch" in note for note in table.graph.notes)


def test_a_cache_that_is_empty_adds_nothing(tmp_path: Path) -> None:
    nodes = [node("Concat", ["past", "x"], ["y"], axis=1)]
    file = write(tmp_path / "e.onnx", nodes, {"past": [1, 0, 8], "x": [1, 3, 8]})
    assert load(file).count().totals["uncounted"] == []


def test_weights_that_arrive_as_inputs_are_said_to(tmp_path: Path) -> None:
    file = write(
        tmp_path / "w.onnx", [node("Conv", ["x", "c.weight"], ["y"])], {"x": [1, 3, 8, 8], "c.weight": [4, 3, 3, 3]}
    )
    assert load(file).count().graph.notes == ["weights are inputs of the graph and no parameters: c.weight"]
