"""Networks as ONNX models: names, costs, free axes, learned tensors, and files that are written whole or not at all."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tracemalloc
import weakref
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

import numpy  # noqa: E402

from archcalc.cli import main  # noqa: E402
from archcalc.cost import Table  # noqa: E402
from archcalc.errors import UsageError  # noqa: E402
from archcalc.files import specs_folder  # noqa: E402
from archcalc.measure.session import Session  # noqa: E402
from archcalc.model import Model, load  # noqa: E402
from archcalc.onnx import export, in_memory  # noqa: E402
from archcalc.ops import OPS  # noqa: E402
from archcalc.spec import read_spec  # noqa: E402

from shipping import some  # isort: skip  # noqa: E402
from test_ops import ROWS, Row, table_of  # isort: skip  # noqa: E402

HEAD = "archcalc: 1\nname: net\ninput: [3, 16, 16]\nlayers:\n"


def model_of(text: str) -> Model:
    return Model(read_spec(text, "net.yaml"))


def session(path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(path: Path, **inputs: numpy.ndarray) -> list[numpy.ndarray]:
    found = session(path)
    given = {value.name: inputs.get(value.name) for value in found.get_inputs()}
    for value in found.get_inputs():
        if given[value.name] is None:
            random = numpy.random.default_rng(1)
            given[value.name] = (
                random.standard_normal(value.shape, "float32")
                if "float" in value.type
                else random.integers(0, 9, value.shape)
            )
    return found.run(None, given)


def initializers(path: Path) -> dict[str, numpy.ndarray]:
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}


def test_a_file_is_not_written_over_what_it_is_made_of(tmp_path: Path) -> None:
    spec, model = tmp_path / "a.yaml", tmp_path / "a.onnx"
    spec.write_text("archcalc: 1\nname: t\ninput: [3, 8, 8]\nlayers: [conv 4 3x3]\n", encoding="utf-8")
    assert archcalc("export", str(spec), "-o", str(model), cwd=tmp_path).returncode == 0
    link = tmp_path / "link.onnx"
    link.symlink_to(model)
    for words in (
        ["export", str(spec), "-o", str(spec)],
        ["export", str(model), "-o", str(link)],
        ["import", str(model), "-o", str(model)],
    ):
        before = spec.read_bytes(), model.read_bytes()
        done = archcalc(*words, cwd=tmp_path)
        assert (done.returncode, "nothing is written over it" in done.stderr) == (2, True)
        assert (spec.read_bytes(), model.read_bytes()) == before


# ---- every operator --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_an_operator_is_exported_and_runs_with_the_counted_shape(row: Row, tmp_path: Path) -> None:
    made = export(table_of(row.line, row.inputs), tmp_path / "row.onnx")
    onnx.checker.check_model(str(made.path), full_check=True)
    (output,) = run(made.path)
    assert output.shape == (1, *row.shape)
    assert numpy.isfinite(output).all()
    assert (made.params, made.buffers) == (row.params, row.buffers)
    assert sum(array.size for array in initializers(made.path).values()) == row.params + row.buffers


@pytest.mark.parametrize("row", [row for row in ROWS if row.word != "embedding"], ids=str)
def test_an_operator_runs_in_batches_of_any_length(row: Row, tmp_path: Path) -> None:
    table = table_of(row.line, row.inputs)
    model = Model(table.spec)
    made = model.export(tmp_path / "row.onnx", free=["batch"])
    inputs = {
        f"input{n}": numpy.random.default_rng(n).standard_normal((3, *shape), "float32")
        for n, shape in enumerate(row.inputs)
    }
    (all_three,) = run(made.path, **inputs)
    assert all_three.shape == (3, *row.shape)
    (second,) = run(made.path, **{name: value[1:2] for name, value in inputs.items()})
    numpy.testing.assert_allclose(second[0], all_three[1], rtol=1e-4, atol=1e-4)


SIZED = [
    "conv 4 3x3 stride=2", "conv 4 3x3 stride=2 pad=same", "conv 4 3x3 stride=2 dilation=2 pad=same", "dwconv 5x5", "conv_transpose 4 4x4 stride=2 pad=1",
    "maxpool 3x3 stride=2", "maxpool 3x3 stride=2 pad=0 ceil", "maxpool 2x2 pad=same", "avgpool 3x3 stride=2 pad=1 ceil", "avgpool 3x3 stride=2 pad=same",
    "gap", "ln", "gn 3", "bn", "lrn 4", "lrn 5", "channel_shuffle 3", "upsample 2", "upsample 2 mode=bilinear", "pixel_unshuffle 2", "flatten start=1",
    "pad 2", "pad 2 mode=reflect", "pad 2 mode=replicate", "pad 2 mode=circular", "slice 1 n axis=1", "reshape 3 n 2*n", "permute 2 0 1", "attention 3", "softmax", "prelu", "reshape n*n 6", "conv_transpose 2 3 stride=2",
    "token 2", "lstm 4", "gru 4 sequence=false",
]  # fmt: skip


@pytest.mark.parametrize("line", SIZED)
def test_an_operator_runs_at_sizes_that_stay_free(line: str, tmp_path: Path) -> None:
    flat = line.split()[0] in ("token", "lstm", "gru")
    model = model_of(
        "archcalc: 1\nname: net\nparams: {n: {default: 8, multiple_of: 2}}\ninput: [3,"
        f" {'n' if flat else 'n, 2*n'}]\nlayers:\n  - layer: {line}\n"
    )
    made = model.export(tmp_path / "m.onnx", free=["n", "batch"])
    onnx.checker.check_model(str(made.path), full_check=True)
    for n in (8, 10, 14):
        (output,) = run(made.path, input=numpy.ones((2, 3, n) if flat else (2, 3, n, 2 * n), "float32"))
        assert output.shape == (2, *model.count(n=n).rows[0].shape)


OPSETS = [13, 14, 15, 17, 18, 19, 20, 22, 24]  # where forms change; what onnxruntime runs of those after 21


@cache
def run_as_usual(number: int) -> tuple[Table, dict[str, Any], Any]:
    """A row's table, some inputs, and what it computes of them in the usual opset."""
    row, random = ROWS[number], numpy.random.default_rng(number)
    table = table_of(row.line, row.inputs)
    model = in_memory(table, opset=21)
    feed = {
        value.name: random.standard_normal((1, *shape), "float32")
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
        else random.integers(0, 9, (1, *shape))
        for value, shape in zip(model.proto.graph.input, row.inputs, strict=True)
    }
    return table, feed, Session(model, ["layer"]).run(feed)[0]


@pytest.mark.parametrize("first", some(range(4), 4))
@pytest.mark.parametrize("opset", OPSETS)
def test_every_operator_computes_the_same_in_every_opset(opset: int, first: int) -> None:
    """Many rows in one test, since each runs in milliseconds; checked by onnx and by running. Of four rows each opset
    begins with another.
    """
    for number in range(len(ROWS))[(first + OPSETS.index(opset)) % 4 :: 4]:
        row, (table, feed, expected) = ROWS[number], run_as_usual(number)
        if opset < 19 and "mode=circular" in row.line:  # ONNX has it from there on
            with pytest.raises(UsageError, match="a circular pad needs opset 19"):
                in_memory(table, opset=opset)
            continue
        model = in_memory(table, opset=opset)
        found = Session(model, ["layer"]).run(feed)[0]
        assert [each.version for each in model.proto.opset_import] == [opset]
        numpy.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5, err_msg=str(row))


@pytest.mark.parametrize("opset", [13, 17, 20, onnx.defs.onnx_opset_version()])
def test_a_model_of_any_opset_is_valid(opset: int, tmp_path: Path) -> None:
    body = "layers:\n  - conv 8 3x3 act=gelu norm=ln\n  - mish\n  - hardswish\n  - avgpool 2x2\n  - reshape 8 -1\n"
    model = model_of("archcalc: 1\nname: net\ninput: [3, size, size]\nparams: {size: 16}\n" + body)
    path = tmp_path / "m.onnx"
    assert model.export(path, opset=opset, free=["batch"]).opset == opset
    onnx.checker.check_model(str(path), full_check=True)


def test_sizes_that_are_free_are_computed_before_shape_had_a_start(tmp_path: Path) -> None:
    text = "archcalc: 1\nname: net\ninput: [4, size, size]\nparams: {size: 16}\nlayers:\n  - reshape 2 2*size size\n"
    path = tmp_path / "m.onnx"
    model_of(text).export(path, opset=13, free=["size"])
    (output,) = run(path, input=numpy.zeros((1, 4, 10, 10), "float32"))
    assert output.shape == (1, 2, 20, 10)


def test_an_opset_that_isnt_written_is_refused(tmp_path: Path) -> None:
    for opset in (0, 12, 99):
        with pytest.raises(UsageError, match=rf"in opset 13 to \d+ \(of onnx .*\), not {opset}"):
            model_of(HEAD + "  - relu\n").export(tmp_path / "m.onnx", opset=opset)


def test_free_axes_carry_their_names(tmp_path: Path) -> None:
    model_of(
        "archcalc: 1\nname: net\nparams: {size: 16}\ninput: [3, size, size]\nlayers:\n  - conv1: conv 8 3x3 stride=2\n "
        " - gap\n"
    ).export(tmp_path / "m.onnx", free=["size", "batch"])
    graph = onnx.load(tmp_path / "m.onnx").graph
    assert [d.dim_param or d.dim_value for d in graph.input[0].type.tensor_type.shape.dim] == [
        "batch",
        3,
        "size",
        "size",
    ]
    assert [d.dim_param or d.dim_value for d in graph.output[0].type.tensor_type.shape.dim] == ["batch", 8]
    (value,) = [value for value in graph.value_info if value.name == "conv1"]
    assert [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim] == [
        "batch",
        8,
        "(size + 1)//2",
        "(size + 1)//2",
    ]


# ---- against numpy: what an operator computes, not only its shape ----------------------------------------------------


def only(path: Path, x: numpy.ndarray) -> tuple[numpy.ndarray, dict[str, numpy.ndarray]]:
    (output,) = run(path, input0=x)
    return output, initializers(path)


def test_a_locally_connected_layer_has_filters_of_its_own_at_every_position(tmp_path: Path) -> None:
    path = export(table_of("local 4 3x2 groups=2 stride=2x1 pad=((1,0),(0,1))", [(6, 5, 4)]), tmp_path / "m.onnx").path
    x = numpy.random.default_rng(0).standard_normal((2, 6, 5, 4), "float32")[:1]
    output, tensors = only(path, x)
    weight, bias = tensors["layer.weight"], tensors["layer.bias"]
    padded = numpy.pad(x[0], ((0, 0), (1, 0), (0, 1)))
    for i in range(2):
        for j in range(4):
            for o in range(4):
                group = o // 2
                window = padded[3 * group : 3 * group + 3, 2 * i : 2 * i + 3, j : j + 2]
                assert output[0, o, i, j] == pytest.approx((window * weight[i, j, o]).sum() + bias[o, i, j], abs=1e-4)


@pytest.mark.parametrize("heads", [(4, 4), (4, 2), (4, 1)])
def test_attention_is_softmax_of_scaled_products(heads: tuple[int, int], tmp_path: Path) -> None:
    path = export(table_of(f"attention {heads[0]} kv_heads={heads[1]}", [(8, 5)]), tmp_path / "m.onnx").path
    x = numpy.random.default_rng(0).standard_normal((1, 8, 5), "float32")
    output, t = only(path, x)
    q, k, v = (t[f"layer.{name}_weight"] @ x[0] + t[f"layer.{name}_bias"][:, None] for name in "qkv")
    mixed = []
    for head in range(4):
        shared = head // (heads[0] // heads[1])
        scores = q[2 * head : 2 * head + 2].T @ k[2 * shared : 2 * shared + 2] / 2**0.5
        weights = numpy.exp(scores) / numpy.exp(scores).sum(axis=1, keepdims=True)
        mixed.append(v[2 * shared : 2 * shared + 2] @ weights.T)
    numpy.testing.assert_allclose(
        output[0], t["layer.out_weight"] @ numpy.concatenate(mixed) + t["layer.out_bias"][:, None], atol=1e-4
    )


def test_attention_by_cosines_adds_what_a_network_makes_of_distances(tmp_path: Path) -> None:
    path = export(table_of("attention 2 bias=relative hidden=3 cosine", [(8, 5)]), tmp_path / "m.onnx").path
    x = numpy.random.default_rng(0).standard_normal((1, 8, 5), "float32")
    output, t = only(path, x)
    q, k, v = (t[f"layer.{name}_weight"] @ x[0] + t[f"layer.{name}_bias"][:, None] for name in "qkv")
    mixed = []
    for head in range(2):
        a, b = (w[4 * head : 4 * head + 4] for w in (q, k))
        cosines = (a / numpy.linalg.norm(a, axis=0)).T @ (b / numpy.linalg.norm(b, axis=0))
        scores = cosines * numpy.exp(min(t["layer.scale"][head], numpy.log(100)))
        for i in range(5):
            for j in range(5):
                place = numpy.sign(i - j) * numpy.log2(8 * abs(i - j) / 4 + 1) / 3
                hidden = numpy.maximum(t["layer.distances_weight"][:, 0] * place + t["layer.distances_bias"], 0)
                scores[i, j] += 16 / (1 + numpy.exp(-t["layer.relative_weight"][head] @ hidden))
        weights = numpy.exp(scores) / numpy.exp(scores).sum(axis=1, keepdims=True)
        mixed.append(v[4 * head : 4 * head + 4] @ weights.T)
    numpy.testing.assert_allclose(
        output[0], t["layer.out_weight"] @ numpy.concatenate(mixed) + t["layer.out_bias"][:, None], atol=1e-4
    )


def test_relative_positions_multiply_a_query_by_the_vectors_of_its_distances(tmp_path: Path) -> None:
    path = export(table_of("relative_positions 4x2 2x3 token=1", [(2, 9, 7), (2, 3, 9)]), tmp_path / "m.onnx").path
    scores, x = (
        numpy.random.default_rng(n).standard_normal((1, 2, *rest), "float32") for n, rest in ((0, (9, 7)), (1, (3, 9)))
    )
    (output,) = run(path, input0=scores, input1=x)
    tables, wanted = [initializers(path)[f"layer.axis{n}"] for n in range(2)], scores[0].copy()
    for head, (i, j), (a, b) in product(range(2), product(range(4), range(2)), product(range(2), range(3))):
        # keys two apart where queries are one, so places 0 and 2 of four; and queries of two spread over three
        high, wide = i - (a + 1 - 2) * 2, int(j * 1.5 - (b + 1 - 3))
        vector = tables[0][high] + tables[1][wide]
        wanted[head, 1 + 2 * i + j, 1 + 3 * a + b] += x[0, head, :, 1 + 2 * i + j] @ vector
    numpy.testing.assert_allclose(output[0], wanted, atol=1e-4)


def test_an_lstm_walks_over_its_steps(tmp_path: Path) -> None:
    path = export(table_of("lstm 3", [(2, 4)]), tmp_path / "m.onnx").path
    x = numpy.random.default_rng(0).standard_normal((1, 2, 4), "float32")
    output, t = only(path, x)
    h, c, sigmoid = numpy.zeros(3), numpy.zeros(3), lambda z: 1 / (1 + numpy.exp(-z))
    for step in range(4):
        z = (
            t["layer.layer0_input"] @ x[0, :, step]
            + t["layer.layer0_recurrent"] @ h
            + t["layer.layer0_input_bias"]
            + t["layer.layer0_recurrent_bias"]
        )
        i, o, f, g = (z[3 * n : 3 * n + 3] for n in range(4))  # the order of ONNX
        c = sigmoid(f) * c + sigmoid(i) * numpy.tanh(g)
        h = sigmoid(o) * numpy.tanh(c)
        numpy.testing.assert_allclose(output[0, :, step], h, atol=1e-5)


@pytest.mark.parametrize("size", [3, 4, 5])
def test_lrn_divides_by_the_neighbours_squares(size: int, tmp_path: Path) -> None:
    path = export(table_of(f"lrn {size}", [(6, 3)]), tmp_path / "m.onnx").path
    x = 50 * numpy.random.default_rng(0).standard_normal((1, 6, 3)).astype("float32")
    before, after = (size - 1) // 2, size // 2
    squares = [sum(x[0, c] ** 2 for c in range(max(0, k - before), min(5, k + after) + 1)) for k in range(6)]
    numpy.testing.assert_allclose(
        only(path, x)[0][0], x[0] / (1 + 1e-4 / size * numpy.array(squares)) ** 0.75, rtol=1e-4
    )


def test_layer_and_group_norms_normalise_over_channels_and_groups(tmp_path: Path) -> None:
    x = 5 + 3 * numpy.random.default_rng(0).standard_normal((1, 8, 4, 5)).astype("float32")
    plain = "scale=false shift=false"
    ln, _ = only(export(table_of(f"ln {plain}", [(8, 4, 5)]), tmp_path / "ln.onnx").path, x)
    numpy.testing.assert_allclose(ln, (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True), atol=1e-3)
    gn, _ = only(export(table_of(f"gn 2 {plain}", [(8, 4, 5)]), tmp_path / "gn.onnx").path, x)
    groups = x.reshape(2, -1)
    numpy.testing.assert_allclose(
        gn.reshape(2, -1), (groups - groups.mean(1, keepdims=True)) / groups.std(1, keepdims=True), atol=1e-3
    )


def test_shuffles_move_what_their_papers_move(tmp_path: Path) -> None:
    x = numpy.arange(8 * 2 * 3, dtype="float32").reshape(1, 8, 2, 3)
    shuffled, _ = only(export(table_of("channel_shuffle 2", [(8, 2, 3)]), tmp_path / "a.onnx").path, x)
    assert shuffled[0, :, 0, 0].tolist() == x[0, [0, 4, 1, 5, 2, 6, 3, 7], 0, 0].tolist()
    bigger, _ = only(export(table_of("pixel_shuffle 2", [(8, 2, 3)]), tmp_path / "b.onnx").path, x)
    assert bigger[0, 1, 0:2, 0:2].ravel().tolist() == x[0, [4, 5, 6, 7], 0, 0].tolist()
    back, _ = only(export(table_of("pixel_unshuffle 2", [(2, 4, 6)]), tmp_path / "c.onnx").path, bigger)
    assert (back == x).all()


def test_means_at_the_border_count_padding_but_not_what_rounding_up_adds(tmp_path: Path) -> None:
    ones = numpy.ones((1, 1, 4), "float32")
    means, _ = only(export(table_of("avgpool 3 stride=2 pad=1 ceil", [(1, 4)]), tmp_path / "a.onnx").path, ones)
    assert means.ravel() == pytest.approx(
        [2 / 3, 1, 1 / 2]
    )  # windows -1..1, 1..3, 3..5: position 4 is padding, 5 lies beyond it
    same, _ = only(export(table_of("avgpool 3 stride=1 pad=same", [(1, 4)]), tmp_path / "b.onnx").path, ones)
    assert same.ravel() == pytest.approx([1, 1, 1, 1])


def test_tokens_stand_before_the_sequence_of_every_sample(tmp_path: Path) -> None:
    path = export(table_of("token 2", [(3, 4)]), tmp_path / "m.onnx").path
    output, tensors = only(path, numpy.full((1, 3, 4), 7, "float32"))
    assert (output[0, :, :2] == tensors["layer.weight"]).all()
    assert (output[0, :, 2:] == 7).all()


# ---- names and metadata ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def googlenet(tmp_path_factory: pytest.TempPathFactory) -> onnx.ModelProto:
    path = tmp_path_factory.mktemp("googlenet") / "googlenet.onnx"
    load("googlenet").export(path)
    onnx.checker.check_model(str(path), full_check=True)
    return onnx.load(path)


def test_nodes_and_values_are_called_after_layers(googlenet: onnx.ModelProto) -> None:
    nodes = {node.name: node for node in googlenet.graph.node}
    for row in load("googlenet").count().rows:
        assert row.name in nodes[row.name].output
    assert nodes["3a/conv"].op_type == "Conv"
    assert list(nodes["conv1"].input) == ["input", "conv1.weight", "conv1.bias"]
    assert (googlenet.opset_import[0].version, googlenet.producer_name) == (21, "archcalc")


def test_initializers_are_the_learned_tensors(googlenet: onnx.ModelProto) -> None:
    sizes = [numpy.prod(tensor.dims) for tensor in googlenet.graph.initializer]
    assert (len(sizes), sum(sizes)) == (116, 6_998_552)  # 57 convolutions and a linear layer, a weight and a bias each


def test_costs_are_in_the_metadata(googlenet: onnx.ModelProto) -> None:
    (conv1,) = [node for node in googlenet.graph.node if node.name == "conv1"]
    costs = {entry.key: entry.value for entry in conv1.metadata_props}
    assert (costs["params"], costs["macs"], costs["field"]) == (
        str(64 * 3 * 7 * 7 + 64),
        str(64 * 112 * 112 * 3 * 7 * 7),
        "7",
    )
    totals = {entry.key: entry.value for entry in googlenet.metadata_props}
    assert (totals["params"], totals["macs"], totals["set size"]) == ("6998552", "1582671872", "224")


def test_train_only_heads_are_exported_on_request(tmp_path: Path) -> None:
    made = load("googlenet").export(tmp_path / "m.onnx", train=True, weights="none")
    assert made.params == 13_378_280
    outputs = [value.name for value in onnx.load(made.path).graph.output]
    assert len(outputs) == 3
    assert outputs[0] == "fc"


def test_a_layer_whose_name_looks_like_a_tensor_keeps_it(tmp_path: Path) -> None:
    made = model_of(HEAD + "  - a: conv 4 3x3\n  - a.weight: relu\n  - a.bias: relu\n").export(tmp_path / "m.onnx")
    onnx.checker.check_model(str(made.path), full_check=True)
    graph = onnx.load(made.path).graph
    assert [node.name for node in graph.node] == ["a", "a.weight", "a.bias"]
    assert [tensor.name for tensor in graph.initializer] == ["a.weight_", "a.bias_"]


def test_shared_weights_are_one_tensor(tmp_path: Path) -> None:
    made = model_of(HEAD + "  - a: conv 3 3x3\n  - b: conv 3 3x3 share=a\n").export(tmp_path / "m.onnx")
    assert (made.tensors, made.params) == (2, 3 * 3 * 3 * 3 + 3)
    assert [list(node.input)[1:] for node in onnx.load(made.path).graph.node] == [["a.weight", "a.bias"]] * 2


def test_an_input_may_be_an_output_and_several_may_be(tmp_path: Path) -> None:
    text = (
        "archcalc: 1\nname: net\ninputs: {x: [4], y: [4]}\nlayers:\n  - {sum: {add: [ref x, ref y]}}\noutputs: [sum,"
        " x]\n"
    )
    made = model_of(text).export(tmp_path / "m.onnx")
    x, y = numpy.ones((1, 4), "float32"), numpy.full((1, 4), 2, "float32")
    total, same = run(made.path, x=x, y=y)
    assert (total.tolist(), same.tolist()) == ([[3, 3, 3, 3]], [[1, 1, 1, 1]])


def test_indices_are_whole_numbers(tmp_path: Path) -> None:
    made = model_of("archcalc: 1\nname: net\ninput: [5]\nlayers: [embedding 10 3]\n").export(tmp_path / "m.onnx")
    (output,) = run(made.path, input=numpy.array([[0, 1, 2, 9, 9]]))
    assert (initializers(made.path)["embedding.weight"][[0, 1, 2, 9, 9]] == output[0].T).all()


# ---- learned tensors -------------------------------------------------------------------------------------------------


def spread_of(model: Model, tmp_path: Path) -> tuple[float, float]:
    """The least and the largest root mean square of a layer's output."""
    table = model.count()
    made = in_memory(table)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    values = {name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in made.tensors.items()}
    options.add_external_initializers(list(values), list(values.values()))
    names = [row.name for row in table.rows]
    running = ort.InferenceSession(made.exposing(names), options, providers=["CPUExecutionProvider"])
    x = numpy.random.default_rng(0).standard_normal((1, *next(iter(table.inputs.values()))), "float32")
    roots = [float(numpy.sqrt((output.astype("float64") ** 2).mean())) for output in running.run(names, {"input": x})]
    return min(roots), max(roots)


DEEP = {
    "plain": "1000 x: [conv 8 3x3, relu]",
    "without bias": "1000 x: [conv 8 3x3 bias=false, relu]",
    "normalised": "300 x: [conv 8 3x3 bias=false norm=bn act=relu]",
    "linear": "300 x: [conv 8 3x3 bias=false]",
    "residual": "200 x: [{add: [identity, [conv 8 3x3 norm=bn act=relu, conv 8 3x3 norm=bn]]}, relu]",
    "preactivated": "200 x: [{add: [identity, [bn, relu, conv 8 3x3]]}]",
    "gated": "100 x: [{mul: [identity, [gap, linear 8 act=sigmoid]]}, conv 8 3x3 act=silu]",
}


@pytest.mark.parametrize("name", some(DEEP, 3))
def test_numbers_stay_of_order_one_at_any_depth(name: str, tmp_path: Path) -> None:
    low, high = spread_of(
        model_of(f"archcalc: 1\nname: deep\ninput: [8, 12, 12]\nlayers:\n  - {DEEP[name]}\n"), tmp_path
    )
    assert low > 1 / 50
    assert high < 50


def test_a_seed_says_all_and_a_tensor_does_not_depend_on_others(tmp_path: Path) -> None:
    text = HEAD + "  - a: conv 4 3x3\n  - b: conv 4 3x3\n"
    first = model_of(text).export(tmp_path / "1.onnx", seed=1).path.read_bytes()
    assert first == model_of(text).export(tmp_path / "2.onnx", seed=1).path.read_bytes()
    assert first != model_of(text).export(tmp_path / "3.onnx", seed=2).path.read_bytes()
    more = model_of(HEAD + "  - a: conv 4 3x3\n  - between: conv 4 3x3\n  - b: conv 4 3x3\n").export(
        tmp_path / "4.onnx", seed=1
    )
    assert (initializers(more.path)["b.weight"] == initializers(tmp_path / "1.onnx")["b.weight"]).all()


def test_he_has_variance_two_over_fan_in_after_a_rectifier(tmp_path: Path) -> None:
    made = model_of(
        "archcalc: 1\nname: net\ninput: [256]\nlayers:\n  - linear 256 bias=false\n  - relu\n  - linear 256"
        " bias=false\n"
    ).export(tmp_path / "m.onnx")
    tensors = initializers(made.path)
    assert tensors["linear.weight"].var() == pytest.approx(1 / 256, rel=0.05)
    assert tensors["linear2.weight"].var() == pytest.approx(2 / 256, rel=0.05)


def test_without_weights_the_file_is_small_and_says_every_shape(tmp_path: Path) -> None:
    made = load("vgg16").export(tmp_path / "m.onnx", weights="none")
    assert made.bytes < 20_000
    assert made.params == 138_357_544
    onnx.checker.check_model(str(made.path), full_check=True)
    bare = onnx.load(made.path)
    del bare.graph.value_info[:]
    told = {
        v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
        for v in onnx.shape_inference.infer_shapes(bare, strict_mode=True).graph.value_info
    }
    assert told["fc6.weight"] == [4096, 512 * 7 * 7]
    assert told["conv5/3"] == [1, 512, 14, 14]


def test_a_structure_runs_too(tmp_path: Path) -> None:
    (output,) = run(load("squeezenet1_1").export(tmp_path / "m.onnx", weights="none", size=64).path)
    assert output.shape == (1, 1000)
    assert numpy.isfinite(output).all()


def test_tensors_in_a_file_beside_the_model(tmp_path: Path) -> None:
    text = HEAD + "  - conv 4 3x3 norm=bn\n"
    inside, outside = (
        model_of(text).export(tmp_path / "a.onnx"),
        model_of(text).export(tmp_path / "b.onnx", external_data=True),
    )
    assert (inside.data, outside.data) == (None, tmp_path / "b.onnx.data")
    onnx.checker.check_model(str(outside.path), full_check=True)
    one, two = initializers(inside.path), initializers(outside.path)
    assert one.keys() == two.keys()
    assert all((one[name] == two[name]).all() for name in one)
    (same,), (again,) = run(inside.path), run(outside.path)
    assert (same == again).all()


def test_past_two_gigabytes_tensors_go_beside_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    monkeypatch.setattr(importlib.import_module("archcalc.onnx.export"), "MOST_INSIDE", 400)
    assert (
        model_of(HEAD + "  - conv 4 3x3\n").export(tmp_path / "a.onnx").data == tmp_path / "a.onnx.data"
    )  # 4*3*3*3+4 numbers of 4 bytes: 448
    assert model_of(HEAD + "  - conv 3 3x3\n").export(tmp_path / "b.onnx").data is None


def test_half_precision(tmp_path: Path) -> None:
    made = load("squeezenet1_1").export(tmp_path / "m.onnx", dtype="fp16", size=64)
    onnx.checker.check_model(str(made.path), full_check=True)
    (output,) = run(made.path, input=numpy.ones((1, 3, 64, 64), "float16"))
    assert (output.dtype, output.shape) == (numpy.float16, (1, 1000))
    assert numpy.isfinite(output).all()


# ---- files, and what goes wrong --------------------------------------------------------------------------------------


def archcalc(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "archcalc", *words], cwd=cwd, capture_output=True, text=True)


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    done = archcalc("export", "lenet", "-o", "m.onnx", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("m.onnx: ")
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_a_failure_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    path = tmp_path / "m.onnx"
    path.write_text("before")
    monkeypatch.setattr(importlib.import_module("archcalc.onnx.stores").Inside, "content", lambda self, slot: 1 / 0)
    for external in (False, True):
        with pytest.raises(ZeroDivisionError):
            model_of(HEAD + "  - conv 4 3x3\n").export(path, external_data=external)
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]


FC6 = next(
    n
    for n, line in enumerate((specs_folder() / "vgg.yaml").read_text(encoding="utf-8").splitlines(), 1)
    if line.startswith("  - fc6: ")
)
REFUSED = [
    (
        ["vgg16", "--free", "size"],
        (
            f"specs/vgg.yaml:{FC6}:10: fc6: its weight is 4096x512*(size//32)**2, which has no size while size is free;"
            " bind it with --set"
        ),
    ),
    (["lenet", "--dtype", "int8"], "a model is written in fp32 or fp16, not int8"),
    (["lenet", "--dtype", "fp23"], "unknown dtype 'fp23'"),
    (["lenet", "--weights", "some"], "unknown weights 'some'; there are random, none"),
    (["nonesuch"], "there is no file or network 'nonesuch'"),
]


@pytest.mark.parametrize(("words", "message"), REFUSED)
def test_what_has_no_model_is_refused(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["archcalc", "export", *words, "-o", str(tmp_path / "m.onnx")])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_followed_and_rights_are_kept(tmp_path: Path) -> None:
    real, link = tmp_path / "real.onnx", tmp_path / "link.onnx"
    real.write_text("before")
    real.chmod(0o640)
    link.symlink_to(real)
    made = model_of(HEAD + "  - conv 4 3x3\n").export(link, external_data=True)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert made.data == tmp_path / "real.onnx.data"
    (output,) = run(real)
    assert output.shape == (1, 4, 16, 16)


def test_places_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        load("lenet").export(tmp_path)
    with pytest.raises(UsageError, match="is no file"):
        load("lenet").export("/dev/null")
    with pytest.raises(UsageError, match="there is no folder"):
        load("lenet").export(tmp_path / "no" / "m.onnx")


def test_free_depth_has_no_graph(tmp_path: Path) -> None:
    model = model_of("archcalc: 1\nname: net\nparams: {n: 3}\ninput: [8, 8, 8]\nlayers:\n  - n x: [conv 8 3x3]\n")
    with pytest.raises(UsageError, match="weights depend on n; bind it with --set"):
        model.export(tmp_path / "m.onnx", free=["n"])
    model = model_of("archcalc: 1\nname: net\nparams: {n: 3}\ninput: [8, 8, 8]\nlayers:\n  - n x: [relu]\n")
    with pytest.raises(UsageError, match=r"a free number of layers \(n\) has no ONNX graph"):
        model.export(tmp_path / "m.onnx", free=["n"])


def test_sizes_that_grow_in_a_loop_name_the_parameter_that_counts_its_repeats(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"transition1/act/bn: its scale is .*, which has no size while n is free; bind it with --set"
    ):
        load("densenet-40-12").export(tmp_path / "m.onnx", free=["n"])
    model = model_of(
        "archcalc: 1\nname: net\nparams: {n: 3}\ninput: [8, 8, 8]\nlayers:\n  - n x: [concat: [identity, conv 8 3x3]]\n"
        "  - gap\n"
    )
    with pytest.raises(UsageError, match="weights depend on n; bind it with --set"):
        model.export(tmp_path / "m.onnx", free=["n"])


def test_without_onnx_the_message_has_the_line_to_install_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['onnx'] = None; sys.argv = ['archcalc', 'export', 'lenet', '-o', 'm.onnx']\nfrom"
        " archcalc.cli import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 2
    assert "pip install 'archcalc[onnx]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_operator_has_been_run() -> None:
    assert {row.word for row in ROWS} == set(OPS)


@pytest.mark.parametrize("name", ["lenet", "mobilenet_v2"])
def test_a_file_is_what_protobuf_writes(name: str, tmp_path: Path) -> None:
    load(name).export(tmp_path / "m.onnx")
    written = (tmp_path / "m.onnx").read_bytes()
    assert onnx.load_model_from_string(written).SerializeToString(deterministic=True) == written


@pytest.mark.parametrize("external", [False, True])
def test_one_tensor_at_a_time_is_in_memory(external: bool, tmp_path: Path) -> None:
    layers = "".join("  - linear 1000\n" for _ in range(12))  # 4 MB each
    model = Model(read_spec(f"archcalc: 1\nname: n\ninput: [1000]\nlayers:\n{layers}", "n.yaml"))
    model.export(tmp_path / "warm.onnx", weights="none")
    tracemalloc.start()
    model.export(tmp_path / "m.onnx", external_data=external)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 4_000_000 < peak < 12_000_000


def test_weights_in_memory_are_gone_with_their_model() -> None:
    """Commands collect no circles: weights that one holds would stay beside those that come next."""
    gc.collect()
    gc.disable()
    try:
        model = in_memory(load("squeezenet").count())
        kept = weakref.ref(next(iter(model.tensors.values())))
        assert kept() is not None
        del model
        assert kept() is None
    finally:
        gc.enable()
