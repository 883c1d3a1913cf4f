"""`archcalc import`: a spec that counts the same, with what repeats written once; and the way there and back."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto  # noqa: E402

from archcalc.errors import UsageError  # noqa: E402
from archcalc.expand import expand  # noqa: E402
from archcalc.files import zoo_names  # noqa: E402
from archcalc.model import load  # noqa: E402
from archcalc.model import read as read_text  # noqa: E402
from archcalc.onnx import export  # noqa: E402

from onnx_files import ints, node, weights, write  # isort: skip  # noqa: E402

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
COLUMNS = (
    "name",
    "op",
    "text",
    "shape",
    "params",
    "trainable_params",
    "buffers",
    "macs",
    "elementwise",
    "activations",
    "bytes",
    "block",
    "inputs",
    "field",
)

# one of each family, and every operator that a file has no single node for: attention, scales, tokens, channel
# shuffles, gates
THERE_AND_BACK = (
    "lenet", "alexnet", "googlenet", "resnet18", "preact_resnet", "densenet_cifar", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_5", "squeezenet",
    "efficientnet_b0", "convnext", "vit", "unet", "fcn32s", "deepface", "inception_v3", "xception", "highway", "fractalnet", "stochastic_depth", "residual_units",
)  # fmt: skip


def round_trip(name: str, path: Path) -> None:
    """A network, written as a model file and read again, is the same in every row and every total, but for what only
    the way in which PyTorch code writes it keeps: a file doesn't say that.
    """
    table = load(name).count()
    export(table, path, weights="none")
    again = load(str(path)).count()
    assert [{column: getattr(row, column) for column in COLUMNS} for row in again.rows] == [
        {column: getattr(row, column) for column in COLUMNS} for row in table.rows
    ]
    unsaid = (
        {"act_sum_bytes"}
        if {"AdaptiveAvgPool2d", "scaled_dot_product_attention"} & {*table.spec.torch.values()}
        else set()
    )
    assert {k: v for k, v in again.totals.items() if k not in unsaid} == {
        k: v for k, v in table.totals.items() if k not in unsaid
    }


@pytest.mark.parametrize("name", THERE_AND_BACK)
def test_a_network_comes_back_from_its_file_layer_by_layer(name: str, tmp_path: Path) -> None:
    round_trip(name, tmp_path / "m.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo_names())
def test_every_network_that_ships_comes_back(name: str, tmp_path: Path) -> None:
    round_trip(name, tmp_path / "m.onnx")


def test_free_sizes_come_back_free(tmp_path: Path) -> None:
    table = load("resnet18").count(free=["size"])
    export(table, tmp_path / "m.onnx", weights="none")
    again = load(str(tmp_path / "m.onnx")).count()
    assert (again.free, str(again.totals["macs"])) == (("size",), str(table.totals["macs"]))


def test_what_a_file_says_of_a_layer_is_believed_only_if_its_nodes_come_to_it(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    export(load("lenet").count(), path, weights="none")
    model = onnx.load(path)
    for made in model.graph.node:
        for entry in made.metadata_props:
            if entry.key == "layer" and entry.value.startswith("conv"):
                entry.value = "conv 1 1x1"
    path.write_bytes(model.SerializeToString())
    assert load(str(path)).count().totals["macs"] == load("lenet").count().totals["macs"]


# ---- specs -----------------------------------------------------------------------------------------------------------


def spec_of(file: str, **sets: int) -> str:
    return load(file).to_spec(**sets)[0]


def counted(text: str, folder: Path, **bindings: Any) -> dict[str, Any]:
    path = folder / "net.yaml"
    path.write_text(text, encoding="utf-8")
    return load(str(path)).count(**bindings).totals


def test_blocks_that_differ_in_numbers_become_one_block(tmp_path: Path) -> None:
    file = str(LIGHT / "light_inception_v1.onnx")
    text = spec_of(file)
    block = text.partition("blocks:\n")[2].partition("layers:\n")[0]
    assert (
        block == "  inception(c1, c2, c3, c4, c5, c6):\n"
        "    - concat:\n"
        "        - conv c1 1x1 act=relu\n"
        "        - - conv c2 1x1 act=relu\n"
        "          - conv c3 3x3 act=relu\n"
        "        - - conv c4 1x1 act=relu\n"
        "          - conv c5 5x5 act=relu\n"
        "        - - maxpool 3x3 stride=1\n"
        "          - conv c6 1x1 act=relu\n"
    )
    assert text.count(": inception ") == 9  # table 1 of arXiv:1409.4842: 3a to 5b
    assert "inception_3a: inception 64 96 128 16 32 32\n" in text
    assert counted(text, tmp_path)["macs"] == 1_431_556_352


def test_a_dense_block_is_a_repeat(tmp_path: Path) -> None:
    text = spec_of(str(LIGHT / "light_densenet121.onnx"))
    calls = re.findall(r"- (?:conv_avgpool_block|concat_bn_block) (\d+)", text)
    assert calls == ["6", "12", "24", "16"]  # table 1 of arXiv:1608.06993
    assert "    - times x:\n" in text
    assert len(text.splitlines()) < 45
    totals = counted(text, tmp_path)
    assert (totals["params"], totals["macs"]) == (8_062_504, 2_834_161_664)


def transformer(path: Path, layers: int = 4) -> str:
    """Layers of self-attention and a perceptron as exporters write them: heads split by reshapes, scores scaled,
    softmax over the last axis.
    """
    nodes = [node("Constant", [], ["scale"], value_float=0.5), node("Gather", ["table", "x"], ["h0"])]
    arrays = {"table": weights(100, 32), "heads": ints(0, 0, 4, 8), "flat": ints(0, 0, 32)}
    for n in range(layers):
        for m in "qkvo":
            arrays[f"l{n}.{m}.weight"] = weights(32, 32) + n
        arrays |= {
            f"l{n}.up.weight": weights(32, 64) + n,
            f"l{n}.down.weight": weights(64, 32) + n,
            f"l{n}.ln.weight": weights(32) + n,
            f"l{n}.ln.bias": weights(32) - n,
        }
        nodes.append(node("LayerNormalization", [f"h{n}", f"l{n}.ln.weight", f"l{n}.ln.bias"], [f"n{n}"]))
        for m, order in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
            nodes += [
                node("MatMul", [f"n{n}", f"l{n}.{m}.weight"], [f"{m}{n}a"]),
                node("Reshape", [f"{m}{n}a", "heads"], [f"{m}{n}b"]),
                node("Transpose", [f"{m}{n}b"], [f"{m}{n}"], perm=order),
            ]
        nodes += [
            node("MatMul", [f"q{n}", f"k{n}"], [f"s{n}a"]), node("Mul", [f"s{n}a", "scale"], [f"s{n}b"]), node("Softmax", [f"s{n}b"], [f"s{n}"], axis=-1),
            node("MatMul", [f"s{n}", f"v{n}"], [f"a{n}a"]), node("Transpose", [f"a{n}a"], [f"a{n}b"], perm=[0, 2, 1, 3]), node("Reshape", [f"a{n}b", "flat"], [f"a{n}c"]),
            node("MatMul", [f"a{n}c", f"l{n}.o.weight"], [f"a{n}"]), node("Add", [f"h{n}", f"a{n}"], [f"r{n}"]), node("MatMul", [f"r{n}", f"l{n}.up.weight"], [f"u{n}"]),
            node("Gelu", [f"u{n}"], [f"g{n}"]), node("MatMul", [f"g{n}", f"l{n}.down.weight"], [f"d{n}"]), node("Add", [f"r{n}", f"d{n}"], [f"h{n + 1}"]),
        ]  # fmt: skip
    return write(path, nodes, {"x": ["batch", "seq"]}, [f"h{layers}"], kinds={"x": onnx.TensorProto.INT64}, **arrays)


def test_a_transformer_is_a_repeat_in_the_length_of_its_sequence(tmp_path: Path) -> None:
    text = spec_of(transformer(tmp_path / "t.onnx"), seq=16)
    assert "params:\n  seq: 16\n" in text
    assert text.count("4 x:") == 1
    assert text.count("linear 32 bias=false axis=-1") == 3  # one of a block for three, one out, one of the perceptron
    for length in (16, 50):
        totals = counted(text, tmp_path, seq=length)
        assert totals["macs"] == 4 * (length * (4 * 32 * 32 + 2 * 32 * 64) + 2 * length * length * 32)
        assert totals["params"] == 100 * 32 + 4 * (4 * 32 * 32 + 2 * 32 * 64 + 2 * 32)


def test_the_spec_of_a_file_can_be_run(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    text = spec_of(transformer(tmp_path / "t.onnx", 2), seq=8)
    (tmp_path / "net.yaml").write_text(text, encoding="utf-8")
    proof = load(str(tmp_path / "net.yaml")).verify()
    assert proof.holds


def test_layers_without_a_word_are_written_with_their_figures(tmp_path: Path) -> None:
    nodes = [
        node("Einsum", ["x", "w"], ["a"], equation="bij,jk->bik", name="mix"),
        node("Einsum", ["a", "a"], ["b"], equation="bij,bkj->bik"),
        node("Sqrt", ["b"], ["y"]),
    ]
    text = spec_of(write(tmp_path / "e.onnx", nodes, {"x": [1, 5, 8]}, w=weights(8, 6)))
    assert (
        "- mix: opaque 5 6 params=48 macs=240 sees=unknown kind=layer\n  - opaque 5 5 macs=150: [identity, identity]\n"
        in text
    )
    assert counted(text, tmp_path)["macs"] == 5 * 8 * 6 + 5 * 5 * 6


def test_shared_weights_are_shared_in_the_spec(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "w"], ["a"], name="one"),
        node("Relu", ["a"], ["b"]),
        node("Conv", ["b", "w"], ["y"], name="two"),
    ]
    text = spec_of(write(tmp_path / "s.onnx", nodes, {"x": [1, 4, 9, 9]}, w=weights(4, 4, 3, 3)))
    assert "- two: conv 4 3x3 pad=0 bias=false share=/one\n" in text
    assert counted(text, tmp_path)["params"] == 4 * 4 * 9


def test_what_is_read_again_later_is_read_by_name(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "w"], ["v0"], name="stem"),
        *(node("Relu", [f"v{n}"], [f"v{n + 1}"], name=f"act{n}") for n in range(60)),
    ]
    nodes.append(node("Mul", ["v60", "v0"], ["y"], name="product"))
    text = spec_of(write(tmp_path / "f.onnx", nodes, {"x": [1, 4, 9, 9]}, ["y", "v30"], w=weights(4, 4, 1, 1)))
    assert "- product: {mul: [identity, ref /stem]}\n" in text
    assert text.endswith("outputs: [product, act29]\n")


def test_a_label_is_never_the_word_of_a_join(tmp_path: Path) -> None:
    nodes = [node("Mul", ["x", "c"], ["a"], name="mul"), node("Relu", ["a"], ["y"], name="relu")]
    text = spec_of(write(tmp_path / "j.onnx", nodes, {"x": [1, 4]}, c=weights(1, 1)))
    assert "- mul_: opaque 4 " in text
    assert counted(text, tmp_path)["layers"] == 2


@pytest.mark.parametrize(
    "name",
    [
        "ä",
        "卷积",
        "слой",
        "שכבה",
        "طبقة",
        "परत",
        "ชั้น",
        "레이어",
        "١",
        "²",
        "🙂",
        "conv🙂",
        "e\u0301",
        "x\u200dy",
        "ª.ª",
    ],
)
@pytest.mark.parametrize("form", ["{}", "{0}/{0}", "blk/{}/Relu", "x{}"])
def test_labels_of_all_alphabets(name: str, form: str, tmp_path: Path) -> None:
    label = form.format(name)
    nodes = [
        node("Conv", ["x", "w"], ["a"], name=label),
        node("Sigmoid", ["a"], ["b"], name=f"{label}2"),
        node("Concat", ["b", "a"], ["y"], name=f"{label}3", axis=1),
        node("Mul", ["y", "y2"], ["z"], name=name),
    ]
    nodes.insert(3, node("Relu", ["y"], ["y2"], name=f"{label}4"))
    totals = counted(
        spec_of(write(tmp_path / "n.onnx", nodes, {"x": [1, 4, 3, 3]}, ["z"], w=weights(4, 4, 1, 1))), tmp_path
    )
    assert (totals["params"], totals["macs"]) == (16, 16 * 9)


def test_a_loop_is_written_with_its_figures(tmp_path: Path) -> None:
    def value(name: str, dims: list[int], kind: int = 1) -> Any:
        return onnx.helper.make_tensor_value_info(name, kind, dims)

    nodes = [node("MatMul", ["h", "w"], ["g"]), node("Identity", ["going"], ["on"])]
    inside = onnx.helper.make_graph(
        nodes,
        "body",
        [value("i", [], 7), value("going", [], 9), value("h", [1, 8])],
        [value("on", [], 9), value("g", [1, 8])],
    )
    outside = [node("Loop", ["m", "", "zeros"], ["s"], name="steps", body=inside), node("Add", ["x", "s"], ["y"])]
    arrays = {"m": ints(20)[0], "w": weights(8, 8), "zeros": weights(1, 8) * 0}
    totals = counted(spec_of(write(tmp_path / "l.onnx", outside, {"x": [1, 8]}, **arrays)), tmp_path)
    assert (totals["macs"], totals["params"]) == (20 * 64, 64)


def test_an_open_size_needs_a_default(tmp_path: Path) -> None:
    file = transformer(tmp_path / "t.onnx", 1)
    with pytest.raises(
        UsageError, match=r"seq needs a value: --set seq=\.\.\., which a spec has as the parameter's default"
    ):
        spec_of(file)


def test_a_size_that_only_a_run_tells_is_told_with_its_node(tmp_path: Path) -> None:
    nodes = [node("OneHot", ["x", "depth", "values"], ["y"], name="classes")]
    file = write(tmp_path / "h.onnx", nodes, {"x": [1, 4], "depth": []}, kinds={"x": 7, "depth": 7}, values=ints(0, 1))
    with pytest.raises(
        UsageError, match=r"classes_depth, a size that only a run of node 'classes' tells, needs a value"
    ):
        spec_of(file)


def test_a_network_without_layers_is_a_spec(tmp_path: Path) -> None:
    """Only shapes, and what passes through: nothing is computed."""
    nodes = [node("Shape", ["x"], ["y"]), node("Identity", ["x"], ["z"])]
    text = spec_of(write(tmp_path / "s.onnx", nodes, {"x": [1, 3, 4]}, ["y", "z"]))
    assert "layers:\n  - ref x\n" in text
    assert counted(text, tmp_path)["macs"] == 0


def test_a_network_without_inputs_is_no_spec(tmp_path: Path) -> None:
    file = write(tmp_path / "c.onnx", [node("Constant", [], ["y"], value_float=1.0)], {})
    with pytest.raises(UsageError, match="no input of it holds any numbers, and a spec has at least one"):
        spec_of(file)


def test_a_file_with_what_can_t_be_counted_is_no_spec(tmp_path: Path) -> None:
    nodes = [node("Swirl", ["x"], ["a"], domain="own", name="swirl"), node("Relu", ["a"], ["y"])]
    file = write(tmp_path / "u.onnx", nodes, {"x": [1, 4]}, shapes={"a": [1, 4]}, domains={"own": 1})
    with pytest.raises(UsageError, match=r"a spec must be complete: 1 own.Swirl \(first swirl: no rule for it\)"):
        spec_of(file)


def test_the_command_writes_a_file_whole_or_not_at_all(tmp_path: Path) -> None:
    file, out = transformer(tmp_path / "t.onnx", 1), tmp_path / "net.yaml"
    out.write_text("as it was", encoding="utf-8")
    command = [sys.executable, "-m", "archcalc", "import", file, "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, out.read_text(encoding="utf-8")) == (2, "", "as it was")
    done = subprocess.run([*command, "--set", "seq=16"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert out.read_text(encoding="utf-8").startswith("# made by `archcalc import` from t.onnx\narchcalc: 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "archcalc", "import", str(out)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "is a spec already; `archcalc expand` writes it flat" in done.stderr) == (2, True)


def test_an_input_that_is_a_number_is_a_vector_of_one(tmp_path: Path) -> None:
    """A decoder's step: 4 heads x 1 query x 11 keys x 8, and as much again."""
    names = ["q", "k", "v", "past_k", "past_v", "lengths", "total"]
    nodes = [node("GroupQueryAttention", names, ["y"], domain="com.microsoft", num_heads=4, kv_num_heads=2)]
    inputs = {
        "q": [1, 1, 32],
        "k": [1, 1, 16],
        "v": [1, 1, 16],
        "past_k": [1, 2, 10, 8],
        "past_v": [1, 2, 10, 8],
        "lengths": [1],
        "total": [],
    }
    file = write(
        tmp_path / "g.onnx",
        nodes,
        inputs,
        kinds={"lengths": TensorProto.INT32, "total": TensorProto.INT32},
        domains={"com.microsoft": 1},
    )
    text = spec_of(file)
    assert "  total: [1]\n" in text
    for written in (text, expand(load(file).count())):
        again = tmp_path / "again.yaml"
        again.write_text(written, encoding="utf-8")
        assert load(str(again)).count().totals["macs"] == 2 * 4 * 11 * 8


def test_a_spec_keeps_for_training_what_the_file_does(tmp_path: Path) -> None:
    """Scaled scores, of which a layer that the language has no word for keeps nothing: its line says so."""
    file = transformer(tmp_path / "t.onnx", 1)
    text = spec_of(file, seq=8)
    assert "saves=nothing" in text
    assert "# training keeps" not in text
    ours, theirs = read_text(text, "t.yaml").count(free=["seq"]).totals, load(file).count(free=["seq"]).totals
    assert ours["act_sum_bytes"] == theirs["act_sum_bytes"]
    assert ours["params"] == theirs["params"]
    assert ours["macs"] == theirs["macs"]
