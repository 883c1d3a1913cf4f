"""ONNX files as networks: free dimensions, weights wherever they stand, names, functions, branches and loops, what
isn't known.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")

import numpy  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402

from archcalc.algebra import symbol  # noqa: E402
from archcalc.errors import SpecError, UsageError  # noqa: E402
from archcalc.expand import expand  # noqa: E402
from archcalc.importer.batch import reshaped  # noqa: E402
from archcalc.model import load  # noqa: E402
from archcalc.render import render  # noqa: E402

from onnx_files import ints, node, weights, write  # isort: skip  # noqa: E402

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"

# parameters and MACs of the files that come with onnx: the sums of their initializers without running statistics, and
# of the products
# of their convolutions and dense layers; bvlc_alexnet and resnet50 are those of the papers' tables
FILES = {
    "bvlc_alexnet": (60_965_224, 654_560_384), "densenet121": (8_062_504, 2_834_161_664), "inception_v1": (6_998_552, 1_431_556_352),
    "inception_v2": (11_214_888, 2_018_851_840), "resnet50": (25_557_032, 4_089_184_256), "shufflenet": (1_393_320, 124_664_528),
    "squeezenet": (1_235_496, 349_151_936), "vgg19": (143_667_240, 19_632_062_464), "zfnet512": (87_250_536, 1_481_727_008),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_the_files_that_come_with_onnx_are_counted_whole(name: str) -> None:
    totals = load(str(LIGHT / f"light_{name}.onnx")).count().totals
    assert (totals["params"], totals["macs"], totals["uncounted"]) == (*FILES[name], [])


def test_reading_needs_no_onnx_and_no_numpy(tmp_path: Path) -> None:
    code = (
        f"import sys\nfrom archcalc.model import load\nload({str(LIGHT / 'light_squeezenet.onnx')!r}).count().totals\n"
    )
    code += "print([name for name in ('onnx', 'numpy', 'google', 'sympy') if name in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


# ---- dimensions that the file leaves open ----------------------------------------------------------------------------


def segmenter(path: Path) -> str:
    nodes = [
        node("Conv", ["x", "w1"], ["a"], pads=[1] * 4, strides=[2, 2]),
        node("Shape", ["x"], ["s"]),
        node("Slice", ["s", "two", "four", "zero"], ["hw"]),
        node("Shape", ["a"], ["t"]),
        node("Slice", ["t", "zero", "two", "zero"], ["bc"]),
        node("Concat", ["bc", "hw"], ["size"], axis=0),
        node("Resize", ["a", "", "", "size"], ["b"], mode="nearest"),
        node("Conv", ["b", "w2"], ["y"]),
    ]
    arrays = {"w1": weights(8, 3, 3, 3), "w2": weights(5, 8, 1, 1), "two": ints(2), "four": ints(4), "zero": ints(0)}
    return write(path, nodes, {"x": ["batch", 3, "height", "width"]}, **arrays)


def test_open_sizes_are_free_until_they_are_set(tmp_path: Path) -> None:
    model = load(segmenter(tmp_path / "s.onnx"))
    height, width = symbol("height"), symbol("width")
    free = model.count()
    half = ((height + 1) // 2) * ((width + 1) // 2)
    assert free.free == ("height", "width")
    assert free.totals["macs"] == 8 * 27 * half + 5 * 8 * height * width
    for size in ((224, 224), (31, 64), (1, 1)):
        bound = model.count(height=size[0], width=size[1])
        macs = 8 * 27 * -(-size[0] // 2) * -(-size[1] // 2) + 40 * size[0] * size[1]
        assert (bound.totals["macs"], bound.free) == (macs, ())
        assert free.totals["macs"].evaluate({"height": size[0], "width": size[1]}) == macs


def test_the_batch_is_one_sample_and_multiplies(tmp_path: Path) -> None:
    model = load(segmenter(tmp_path / "s.onnx"))
    one, four = (model.count(height=10, width=10, batch=n).totals["macs"] for n in (1, 4))
    assert (one, four) == (8 * 27 * 25 + 40 * 100, 4 * (8 * 27 * 25 + 40 * 100))
    table = model.count(height=10, width=10, free=["batch"])
    assert table.totals["macs"] == one * symbol("batch")


@pytest.mark.parametrize(("dims", "asked", "macs", "notes"), [
    (["t", "n", 8], {"t": 5}, 5 * 8 * 4, 0),  # a sequence with the batch behind it
    (["b", "n", 8], {"n": 5}, 5 * 8 * 4, 0),  # sets of points
    ([1, "n", 8], {"n": 5}, 5 * 8 * 4, 0),  # a sample of points
    (["s28", "s98", 8], {"s98": 5}, 5 * 8 * 4, 1),  # names that say nothing: the first is taken, and said to be
    (["s28", "s98", 8], {"s28": 3, "s98": 5}, 3 * 5 * 8 * 4, 0),  # unless it is given a value
])  # fmt: skip
def test_the_batch_has_a_name_or_is_the_first_open_axis(
    dims: list[Any], asked: dict[str, int], macs: int, notes: int, tmp_path: Path
) -> None:
    file = write(tmp_path / "d.onnx", [node("MatMul", ["x", "w"], ["y"])], {"x": dims}, ["y"], w=weights(8, 4))
    table = load(file).count(**asked)
    assert (table.totals["macs"], len(table.graph.notes)) == (macs, notes)


def test_a_sequence_of_several_samples_is_called_a_run(tmp_path: Path) -> None:
    """7 steps of 4 samples: 4 gates of 5 units, each with 8 features and 5 states."""
    arrays = {"w": weights(1, 20, 8), "r": weights(1, 20, 5)}
    file = write(
        tmp_path / "l.onnx", [node("LSTM", ["x", "w", "r"], ["y"], hidden_size=5)], {"x": [7, 4, 8]}, ["y"], **arrays
    )
    table = load(file).count()
    assert table.totals["macs"] == 7 * 4 * 4 * 5 * (8 + 5)
    assert "its batch is 4" in " ".join(table.graph.notes)
    assert "7,280 a run" in render([table], "table")


def classifier(path: Path, first: Any, flatten: str = "Flatten", outputs: Sequence[str] = ("y",)) -> str:
    """A convolution to 16x6x6, its mean, a dense layer to 10: 36*16*27 + 160 MACs a sample, 432 + 160 parameters."""
    nodes = [
        node("Conv", ["x", "w"], ["a"]),
        node("GlobalAveragePool", ["a"], ["g"]),
        node(flatten, ["g", "s"] if flatten == "Reshape" else ["g"], ["f"]),
    ]
    arrays = {"w": weights(16, 3, 3, 3), "v": weights(16, 10), "s": ints(first if isinstance(first, int) else -1, 16)}
    return write(path, [*nodes, node("Gemm", ["f", "v"], ["y"])], {"x": [first, 3, 8, 8]}, outputs, **arrays)


@pytest.mark.parametrize("flatten", ["Flatten", "Reshape"])
def test_of_a_batch_that_the_file_has_written_down_one_sample_is_counted(flatten: str, tmp_path: Path) -> None:
    batch = load(classifier(tmp_path / "b.onnx", 2, flatten))
    table, one = batch.count(), load(classifier(tmp_path / "o.onnx", 1, flatten)).count()
    assert (table.totals["macs"], table.totals["params"]) == (36 * 16 * 27 + 160, 432 + 160)
    assert table.totals == one.totals
    assert [row.field for row in table.rows] == [row.field for row in one.rows]
    assert batch.count(batch=2).totals["macs"] == 2 * (36 * 16 * 27 + 160)
    assert table.graph.notes == [
        "the file is of a batch of 2: figures are of one sample of it, or of as many as --batch says"
    ]
    assert render([table], "table").splitlines()[0].startswith("b · x 3x8x8 · batch 2 in the file · ")


def attention(path: Path, first: int, folded: bool) -> str:
    """A class token before 3 positions, and 2 heads: sizes that an exporter wrote into the graph, the token repeated
    for each sample.
    """
    token = [] if folded else [node("Expand", ["t", "many"], ["token"])]
    nodes = [
        node("Concat", ["token", "x"], ["p"], axis=1),
        *(
            made
            for n in "qkv"
            for made in (node("MatMul", ["p", f"w{n}"], [f"{n}0"]), node("Reshape", [f"{n}0", "split"], [f"{n}1"]))
        ),
        *(node("Transpose", [f"{n}1"], [f"{n}2"], perm=[0, 2, 3, 1] if n == "k" else [0, 2, 1, 3]) for n in "qkv"),
        *(node("Reshape", [f"{n}2", "turned" if n == "k" else "heads"], [n]) for n in "qkv"),
        node("MatMul", ["q", "k"], ["s"]),
        node("MatMul", ["s", "v"], ["o"]),
        node("Reshape", ["o", "joined"], ["y"]),
    ]
    arrays: dict[str, Any] = {
        "split": ints(first, 4, 2, 8),
        "heads": ints(first * 2, -1, 8),
        "turned": ints(first * 2, 8, 4),
        "joined": ints(first, -1),
    }
    arrays |= {f"w{n}": weights(16, 16) for n in "qkv"}
    arrays |= {"token": weights(first, 1, 16)} if folded else {"t": weights(1, 1, 16), "many": ints(first, 1, 16)}
    return write(path, [*token, *nodes], {"x": [first, 3, 16]}, **arrays)


@pytest.mark.parametrize(
    ("wanted", "shape", "of_one"),
    [
        ([8, -1], (1, 512), [1, -1]),
        ([96, 197, 64], (1, 12, 197, 64), [12, 197, 64]),  # the batch and 12 heads
        ([197, 96, 64], (197, 1, 768), [197, 12, 64]),  # positions first
        ([20, 8, 32], (20, 32), [20, 1, 32]),
        ([0, 16, -1], (1, 16, 5, 5), [0, 16, -1]),  # the batch is kept, and channels are channels
        ([1, 16, 25], (1, 16, 5, 5), [1, 16, 25]),
        ([-1, 8], (1, 512), [-1, 8]),
    ],
)
def test_an_exporter_s_sizes_of_eight_samples_are_read_as_those_of_one(
    wanted: list[int], shape: tuple[int, ...], of_one: list[int]
) -> None:
    assert reshaped(wanted, shape, 8) == of_one


@pytest.mark.parametrize("folded", [False, True])
def test_sizes_of_a_batch_that_are_written_into_the_graph_are_read_as_those_of_a_sample(
    folded: bool, tmp_path: Path
) -> None:
    totals = load(attention(tmp_path / "b.onnx", 8, folded)).count().totals
    assert totals == load(attention(tmp_path / "o.onnx", 1, folded)).count().totals
    assert (totals["macs"], totals["params"]) == (3 * 4 * 16 * 16 + 2 * 2 * 4 * 4 * 8, 3 * 256 + 16)


def test_a_network_that_is_exported_with_a_batch_comes_back_as_a_sample(tmp_path: Path) -> None:
    """Heads are 12, three times the batch."""
    load("vit_b_16").export(tmp_path / "v.onnx", weights="none", batch=4)
    totals = load(str(tmp_path / "v.onnx")).count().totals
    assert {name: totals[name] for name in ("params", "macs", "depth")} == {
        name: load("vit_b_16").count().totals[name] for name in ("params", "macs", "depth")
    }


def test_a_batch_that_cannot_be_taken_apart_is_counted_whole_and_said_to_be(tmp_path: Path) -> None:
    """Eight samples that are mixed with each other: a run has 8 x 36*16*27 MACs and those of an 8x8 by 8x16."""
    nodes = [
        node("Conv", ["x", "w"], ["a"]),
        node("GlobalAveragePool", ["a"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("MatMul", ["m", "f"], ["y"]),
    ]
    model = load(write(tmp_path / "m.onnx", nodes, {"x": [8, 3, 8, 8]}, w=weights(16, 3, 3, 3), m=weights(8, 8)))
    table = model.count()
    assert table.totals["macs"] == 8 * 36 * 16 * 27 + 8 * 8 * 16
    assert table.graph.notes == [
        "the file is of a batch of 8, and its sizes don't follow from one sample: counted is a run of 8 samples"
    ]
    text = render([table], "table")
    assert " · a run of 8 samples · " in text.splitlines()[0]
    assert "MACs         125,440 a run of 8 samples\n" in text
    with pytest.raises(
        UsageError,
        match=r"m.onnx is of a batch of 8, and one sample can't be told from it: another batch can't be counted",
    ):
        model.count(batch=2)


@pytest.mark.parametrize(
    ("nodes", "inputs", "arrays", "macs", "notes"),
    [
        # two inputs that begin with different numbers
        (
            [node("MatMul", ["x", "w"], ["a"]), node("Concat", ["a", "z"], ["y"], axis=0)],
            {"x": [4, 8], "z": [3, 8]},
            {"w": weights(8, 8)},
            4 * 64,
            0,
        ),
        # no weights: two matrices
        ([node("MatMul", ["x", "z"], ["y"])], {"x": [4, 8, 6], "z": [4, 6, 8]}, {}, 4 * 8 * 6 * 8, 0),
        # steps before the batch
        (
            [node("GRU", ["x", "w", "r"], ["y"], hidden_size=8)],
            {"x": [5, 1, 6]},
            {"w": weights(1, 24, 6), "r": weights(1, 24, 8)},
            5 * 24 * 14,
            0,
        ),
        # positions that attend to each other, with no batch at all: 6x8 by 8x8, 6x8 by 8x6
        (
            [
                node("MatMul", ["x", "w"], ["a"]),
                node("Transpose", ["x"], ["t"], perm=[1, 0]),
                node("MatMul", ["a", "t"], ["y"]),
            ],
            {"x": [6, 8]},
            {"w": weights(8, 8)},
            6 * 64 + 6 * 8 * 6,
            1,
        ),
    ],
)
def test_not_every_first_axis_is_a_batch(
    nodes: Any, inputs: Any, arrays: Any, macs: int, notes: int, tmp_path: Path
) -> None:
    table = load(write(tmp_path / "n.onnx", nodes, inputs, **arrays)).count()
    assert (table.totals["macs"], len(table.graph.notes)) == (macs, notes)


@pytest.mark.parametrize(
    ("dims", "free"),
    [
        (["N", 3, 8, 8], ()),
        ([None, 3, None, None], ("height", "width")),
        ([-1, 3, 8, 8], ()),
        ([None, None, None, 3], ("height", "width")),
        (["s0", 3, 8, "s1"], ("s1",)),
        (["n", 3, "2*rows", "class"], ("n2_rows", "class_")),
        ([1, 3, "seq len", 8], ("seq_len",)),
    ],
)
def test_open_sizes_get_names_that_a_command_can_say(dims: list[Any], free: tuple[str, ...], tmp_path: Path) -> None:
    assert load(write(tmp_path / "n.onnx", [node("Relu", ["x"], ["y"])], {"x": dims})).count().free == free


def test_sizes_that_follow_from_others_do_so(tmp_path: Path) -> None:
    nodes = [node("MatMul", ["q", "k"], ["y"])]
    table = load(
        write(
            tmp_path / "n.onnx", nodes, {"q": ["batch", "seq", 16], "k": ["batch", 16, "past + seq"], "m": ["past", 1]}
        )
    ).count()
    seq, past = symbol("seq"), symbol("past_+_seq".replace("+", "").replace("__", "_"))
    assert table.totals["macs"] == 16 * seq * past


def test_sizes_that_have_to_agree_are_said_to(tmp_path: Path) -> None:
    nodes = [
        node("MaxPool", ["x"], ["a"], kernel_shape=[2, 2], strides=[2, 2]),
        node("ConvTranspose", ["a", "w"], ["b"], strides=[2, 2]),
        node("Concat", ["x", "b"], ["y"], axis=1),
    ]
    table = load(write(tmp_path / "u.onnx", nodes, {"x": [1, 3, "h", 8]}, w=weights(3, 4, 2, 2))).count()
    assert table.graph.assumed == ["h = 2⌊h/2⌋"]
    assert "h = 2⌊h/2⌋" in table.domain
    assert load(str(tmp_path / "u.onnx")).count(h=6).graph.assumed == []
    with pytest.raises(SpecError, match=r"1x3x7x8 and 1x4x6x8 can only differ in axis 1"):
        load(str(tmp_path / "u.onnx")).count(h=7)


# ---- weights ---------------------------------------------------------------------------------------------------------


def test_weights_are_found_behind_what_only_moves_them(tmp_path: Path) -> None:
    nodes = [
        node("Identity", ["w0"], ["w1"]),
        node("Transpose", ["w1"], ["w2"], perm=[1, 0]),
        node("Cast", ["w2"], ["w3"], to=TensorProto.FLOAT),
        node("MatMul", ["x", "w3"], ["a"]),
        node("Constant", [], ["c"], value=onnx.numpy_helper.from_array(weights(8, 6))),
        node("MatMul", ["a", "c"], ["b"]),
        node("ConstantOfShape", ["s"], ["d"]),
        node("MatMul", ["b", "d"], ["e"]),
        node("DequantizeLinear", ["q", "scale"], ["f"]),
        node("MatMul", ["e", "f"], ["y"]),
    ]
    arrays = {
        "w0": weights(8, 4, kind="float16"),
        "s": ints(6, 5),
        "q": weights(5, 3, kind="int8"),
        "scale": weights(1),
    }
    table = load(write(tmp_path / "w.onnx", nodes, {"x": [1, 4]}, **arrays)).count()
    assert [row.params for row in table.rows] == [8 * 4, 8 * 6, 6 * 5, 5 * 3]


def test_shared_initializers_count_once(tmp_path: Path) -> None:
    nodes = [
        node("Gather", ["table", "x"], ["a"]),
        node("MatMul", ["a", "w"], ["b"]),
        node("MatMul", ["b", "w"], ["c"]),
    ]
    nodes += [node("Transpose", ["table"], ["t"], perm=[1, 0]), node("MatMul", ["c", "t"], ["y"])]
    file = write(
        tmp_path / "s.onnx",
        nodes,
        {"x": [1, 9]},
        kinds={"x": TensorProto.INT64},
        table=weights(50, 16),
        w=weights(16, 16),
    )
    table = load(file).count()
    assert table.totals["params"] == 50 * 16 + 16 * 16
    assert table.totals["macs"] == 9 * 16 * 16 * 2 + 9 * 16 * 50


def test_a_sum_after_a_layer_is_its_bias(tmp_path: Path) -> None:
    nodes = [node("MatMul", ["x", "w"], ["a"], name="/fc/MatMul"), node("Add", ["b", "a"], ["y"], name="/fc/Add")]
    table = load(write(tmp_path / "b.onnx", nodes, {"x": [1, 7, 4]}, w=weights(4, 6), b=weights(6))).count()
    assert [(row.name, row.text, row.params, row.elementwise) for row in table.rows] == [
        ("fc", "linear 6 axis=-1", 4 * 6 + 6, 7 * 6)
    ]


def test_constants_of_arithmetic_and_masks_were_not_learned(tmp_path: Path) -> None:
    mask = numpy.where(numpy.arange(64).reshape(1, 8, 8) % 3 == 0, -100.0, 0.0).astype("float32")
    half = onnx.numpy_helper.from_array(numpy.float32(0.5).reshape(()))
    nodes = [
        node("Constant", [], ["half"], value=half),
        node("Mul", ["x", "half"], ["a"]),
        node("Add", ["a", "mask"], ["b"]),
        node("Mul", ["b", "logit_scale"], ["y"]),
    ]
    table = load(
        write(tmp_path / "m.onnx", nodes, {"x": [1, 8, 8]}, mask=mask, logit_scale=numpy.float32(3).reshape(()))
    ).count()
    assert [row.params for row in table.rows] == [0, 0, 1]


def test_what_depends_on_sizes_alone_is_no_layer(tmp_path: Path) -> None:
    nodes = [
        node("Shape", ["x"], ["s"]), node("Gather", ["s", "one"], ["n"]), node("Range", ["zero", "n", "step"], ["r"]), node("Cast", ["r"], ["f"], to=1),
        node("Unsqueeze", ["f", "last"], ["p"]), node("MatMul", ["p", "freq"], ["angle"]), node("Cos", ["angle"], ["c"]), node("Mul", ["x", "c"], ["y"]),
    ]  # fmt: skip
    arrays = {
        "one": numpy.int64(1),
        "zero": numpy.int64(0),
        "step": numpy.int64(1),
        "last": ints(1),
        "freq": weights(1, 16),
    }
    table = load(write(tmp_path / "p.onnx", nodes, {"x": [1, "seq", 16]}, **arrays)).count()
    assert [row.op for row in table.rows] == ["mul"]
    assert table.totals["elementwise"] == 16 * symbol("seq")


# ---- names -----------------------------------------------------------------------------------------------------------


def test_layers_stand_in_the_exporter_s_scopes(tmp_path: Path) -> None:
    names = [
        "/conv1/Conv",
        "/layer1/layer1.0/conv1/Conv",
        "/layer1/layer1.0/relu/Relu",
        "/layer1/layer1.1/conv1/Conv",
        "/Relu_3",
    ]
    nodes = [
        node(name.split("/")[-1].split("_")[0], [f"v{n}", *(["w"] if "Conv" in name else [])], [f"v{n + 1}"], name=name)
        for n, name in enumerate(names)
    ]
    table = load(write(tmp_path / "n.onnx", nodes, {"v0": [1, 4, 9, 9]}, ["v5"], w=weights(4, 4, 1, 1))).count()
    assert [row.name for row in table.rows] == ["conv1", "layer1/0/conv1", "layer1/0/relu", "layer1/1/conv1", "relu"]
    assert [(path, table.graph.nodes[group.output].name) for path, group in table.graph.groups.items()] == [
        ("layer1/0", "layer1/0/relu"),
        ("layer1", "layer1/1/conv1"),
        ("layer1/1", "layer1/1/conv1"),
    ]


def test_the_scopes_that_torch_notes_beside_a_node_are_used(tmp_path: Path) -> None:
    nodes = [node("Relu", ["x"], ["a"], name="node_relu"), node("Relu", ["a"], ["y"], name="node_relu_1")]
    for made, scope in zip(nodes, ("layer1.0.act", "layer1.1.act"), strict=True):
        made.metadata_props.add(
            key="pkg.torch.onnx.name_scopes", value=f"['', '{scope.rpartition('.')[0]}', '{scope}', 'relu']"
        )
    table = load(write(tmp_path / "n.onnx", nodes, {"x": [1, 4]})).count()
    assert [row.name for row in table.rows] == ["0/act", "1/act"]


def test_a_layer_without_a_name_is_called_after_its_weights(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "features.0.weight"], ["a"]),
        node("Relu", ["a"], ["b"]),
        node("Conv", ["b", "features.1.weight"], ["y"]),
    ]
    arrays = {"features.0.weight": weights(4, 3, 1, 1), "features.1.weight": weights(4, 4, 1, 1)}
    table = load(write(tmp_path / "n.onnx", nodes, {"x": [1, 3, 5, 5]}, **arrays)).count()
    assert [row.name for row in table.rows] == ["0", "relu", "1"]


# ---- functions, branches, loops --------------------------------------------------------------------------------------


def body(nodes: list[Any], inputs: dict[str, Any], outputs: dict[str, Any], kinds: dict[str, int]) -> Any:
    def value(name: str, dims: Any) -> Any:
        return helper.make_tensor_value_info(name, kinds.get(name, 1), dims)

    return helper.make_graph(
        nodes, "body", [value(*item) for item in inputs.items()], [value(*item) for item in outputs.items()]
    )


def test_functions_are_counted_where_they_are_called(tmp_path: Path) -> None:
    inner = helper.make_function(
        "own",
        "Twice",
        ["a", "w"],
        ["c"],
        [node("MatMul", ["a", "w"], ["b"]), node("MatMul", ["b", "w"], ["c"])],
        [helper.make_opsetid("", 21)],
    )
    slope = node("LeakyRelu", ["a"], ["b"])
    slope.attribute.append(onnx.AttributeProto(name="alpha", type=onnx.AttributeProto.FLOAT, ref_attr_name="slope"))
    leaky = helper.make_function("own", "Leaky", ["a"], ["b"], [slope], [helper.make_opsetid("", 21)], ["slope"])
    nodes = [
        node("Twice", ["x", "w"], ["t"], domain="own", name="block"),
        node("Leaky", ["t"], ["y"], domain="own", slope=0.25),
    ]
    table = load(
        write(tmp_path / "f.onnx", nodes, {"x": [1, 8]}, functions=[inner, leaky], domains={"own": 1}, w=weights(8, 8))
    ).count()
    assert (table.totals["macs"], table.totals["params"]) == (2 * 8 * 8, 8 * 8)
    assert table.rows[-1].text == "leaky_relu 0.25"


def branches(path: Path, condition: Any, swapped: bool = False) -> str:
    then = body([node("MatMul", ["x", "w"], ["t"])], {}, {"t": None}, {})
    other = body([node("MatMul", ["x", "v"], ["m"]), node("MatMul", ["m", "w"], ["e"])], {}, {"e": None}, {})
    then, other = (other, then) if swapped else (then, other)
    nodes = [*condition, node("If", ["c"], ["y"], name="which", then_branch=then, else_branch=other)]
    return write(
        path,
        nodes,
        {"x": [1, "n", 8], "p": []},
        kinds={"p": TensorProto.BOOL},
        w=weights(8, 8),
        v=weights(8, 8) + 1,
        four=numpy.int64(4),
        one=numpy.int64(1),
    )


def test_a_branch_that_sizes_decide_is_counted_alone(tmp_path: Path) -> None:
    nodes = [node("Shape", ["x"], ["s"]), node("Gather", ["s", "one"], ["n"]), node("Less", ["n", "four"], ["c"])]
    model = load(branches(tmp_path / "b.onnx", nodes))
    assert [model.count(n=n).totals["macs"] for n in (3, 5)] == [3 * 64, 5 * 128]


def test_of_branches_that_only_a_run_decides_the_dearer_is_counted_and_said(tmp_path: Path) -> None:
    for swapped, taken in ((False, "`else`, of 320 and 640"), (True, "`then`, of 640 and 320")):
        table = load(branches(tmp_path / "b.onnx", [node("Identity", ["p"], ["c"])], swapped)).count(n=5)
        assert (table.totals["macs"], table.totals["params"]) == (5 * 128, 128)
        assert table.graph.notes == [f"'which': only a run tells which branch is taken; counted is {taken} MACs"]


def looped(path: Path, trips: Any) -> str:
    inside = body(
        [node("MatMul", ["h", "w"], ["g"]), node("Identity", ["going"], ["on"]), node("Identity", ["g"], ["scan"])],
        {"i": [], "going": [], "h": [1, 8]},
        {"on": [], "g": [1, 8], "scan": [1, 8]},
        {"i": 7, "going": 9, "on": 9},
    )
    nodes = [node("Loop", ["m", "", "x"], ["y", "all"], name="steps", body=inside)]
    inputs: dict[str, Any] = {"x": [1, 8]} | ({"m": []} if trips is None else {})
    arrays = {} if trips is None else {"m": numpy.int64(trips)}
    return write(path, nodes, inputs, ["y", "all"], kinds={"m": 7}, w=weights(8, 8), **arrays)


def test_a_loop_whose_iterations_differ_is_written_out(tmp_path: Path) -> None:
    """What it carries grows by one row every time: products of 1, 2, 3 and 4 rows."""
    inside = body(
        [
            node("Concat", ["h", "x"], ["g"], axis=0),
            node("MatMul", ["h", "w"], ["scan"]),
            node("ReduceSum", ["scan"], ["sum"]),
            node("Identity", ["going"], ["on"]),
        ],
        {"i": [], "going": [], "h": None},
        {"on": [], "g": None, "sum": None},
        {"i": 7, "going": 9, "on": 9},
    )
    nodes = [node("Loop", ["m", "", "x"], ["y", "all"], name="steps", body=inside)]
    table = load(
        write(tmp_path / "g.onnx", nodes, {"x": [1, 8]}, ["y", "all"], m=numpy.int64(4), w=weights(8, 6))
    ).count()
    assert (table.totals["macs"], table.totals["params"]) == ((1 + 2 + 3 + 4) * 8 * 6, 8 * 6)
    assert table.graph.nodes[table.graph.outputs[0]].shape == (5, 8)


def test_weights_that_a_loop_hands_on_are_weights(tmp_path: Path) -> None:
    inside = body(
        [node("MatMul", ["h", "v"], ["g"]), node("Identity", ["v"], ["v2"]), node("Identity", ["going"], ["on"])],
        {"i": [], "going": [], "h": [1, 8], "v": [8, 8]},
        {"on": [], "g": [1, 8], "v2": [8, 8]},
        {"i": 7, "going": 9, "on": 9},
    )
    nodes = [
        node("Loop", ["m", "", "zeros", "w"], ["y", "same"], name="steps", body=inside),
        node("Add", ["x", "y"], ["z"]),
    ]
    arrays = {"m": numpy.int64(20), "w": weights(8, 8), "zeros": numpy.zeros((1, 8), "float32")}
    table = load(write(tmp_path / "h.onnx", nodes, {"x": [1, 8]}, ["z"], **arrays)).count()
    assert (table.totals["macs"], table.totals["params"]) == (20 * 64, 64)


def test_a_loop_of_a_known_number_of_iterations_is_counted_so_often(tmp_path: Path) -> None:
    table = load(looped(tmp_path / "l.onnx", 5)).count()
    assert (table.totals["macs"], table.totals["params"], table.graph.notes) == (5 * 64, 64, [])
    assert table.graph.nodes[table.graph.outputs[1]].shape == (5, 1, 8)


def test_a_long_loop_is_one_iteration_times_their_number(tmp_path: Path) -> None:
    table = load(looped(tmp_path / "l.onnx", 1000)).count()
    assert (table.totals["macs"], table.totals["params"]) == (1000 * 64, 64)
    assert table.graph.notes == []  # each is like the first


def test_a_loop_whose_length_only_a_run_tells_is_free(tmp_path: Path) -> None:
    model = load(looped(tmp_path / "l.onnx", None))
    table = model.count()
    assert (table.free, table.totals["macs"], table.totals["params"]) == (
        ("steps_trips",),
        64 * symbol("steps_trips"),
        64,
    )
    assert model.count(steps_trips=7).totals["macs"] == 7 * 64


def test_a_scan_runs_once_a_step(tmp_path: Path) -> None:
    inside = body(
        [node("Add", ["h", "x1"], ["s"]), node("MatMul", ["s", "w"], ["h1"]), node("Identity", ["h1"], ["o"])],
        {"h": [1, 8], "x1": [1, 8]},
        {"h1": [1, 8], "o": [1, 8]},
        {},
    )
    nodes = [node("Scan", ["h0", "x"], ["h", "y"], name="scan", body=inside, num_scan_inputs=1)]
    table = load(
        write(tmp_path / "s.onnx", nodes, {"h0": [1, 8], "x": ["steps", 1, 8]}, ["h", "y"], w=weights(8, 8))
    ).count()
    steps = symbol("steps")
    assert (table.totals["macs"], table.totals["elementwise"]) == (64 * steps, 8 * steps)
    assert table.graph.nodes[table.graph.outputs[1]].shape == (steps, 1, 8)


# ---- what isn't known ------------------------------------------------------------------------------------------------


def unknown(path: Path) -> str:
    nodes = [
        node("Conv", ["x", "w"], ["a"], name="stem"),
        node("Swirl", ["a"], ["b"], name="swirl1", domain="own"),
        node("Swirl", ["b"], ["c"], name="swirl2", domain="own"),
        node("Conv", ["c", "v"], ["y"], name="head"),
    ]
    shapes = {"b": [1, 8, 6, 6], "c": [1, 8, 6, 6]}
    return write(
        path,
        nodes,
        {"x": [1, 3, 8, 8]},
        shapes=shapes,
        domains={"own": 1},
        w=weights(8, 3, 3, 3),
        v=weights(4, 8, 1, 1),
    )


def test_what_has_no_rule_is_listed_and_the_rest_is_counted(tmp_path: Path) -> None:
    totals = load(unknown(tmp_path / "u.onnx")).count().totals
    assert totals["uncounted"] == [{"op": "own.Swirl", "count": 2, "first": "swirl1", "why": "no rule for it"}]
    assert totals["macs"] == 8 * 36 * 27 + 4 * 36 * 8


def test_strict_fails_on_what_could_not_be_counted(tmp_path: Path) -> None:
    file = unknown(tmp_path / "u.onnx")
    codes, texts = [], []
    for options in ([], ["--strict"], ["--format", "json", "--strict"]):
        done = subprocess.run(
            [sys.executable, "-m", "archcalc", "count", file, *options],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": "300"},
        )
        codes.append(done.returncode)
        texts.append(done.stdout)
    assert codes == [0, 1, 1]
    assert "2 of 4 layers counted, without 2 own.Swirl (first swirl1: no rule for it)" in texts[0]
    assert "incomplete" in texts[0]
    assert json.loads(texts[2])["totals"]["uncounted"][0]["count"] == 2


def test_sizes_that_data_decides_are_counted_at_their_most(tmp_path: Path) -> None:
    nodes = [
        node("NonMaxSuppression", ["boxes", "scores", "most"], ["kept"], name="nms"),
        node("Gather", ["kept", "two"], ["which"], axis=1),
        node("Gather", ["features", "which"], ["f"], axis=1),
        node("MatMul", ["f", "w"], ["y"]),
    ]
    inputs = {"boxes": [1, 100, 4], "scores": [1, 2, 100], "features": [1, 100, 16]}
    model = load(write(tmp_path / "d.onnx", nodes, inputs, w=weights(16, 8), most=ints(20), two=numpy.int64(2)))
    table = model.count()
    assert table.totals["macs"] == 2 * 20 * 16 * 8
    assert table.graph.notes == [
        "only a run tells nms_kept = 40: counted at the most that there can be; --set gives them other values"
    ]
    assert model.count(nms_kept=7).totals["macs"] == 7 * 16 * 8


# ---- every analysis --------------------------------------------------------------------------------------------------


def test_fields_depth_and_memory_are_those_of_the_same_spec() -> None:
    """squeezenet 1.0 as its file has it (conv1 with 64 filters of 3x3) against the sizes worked out by hand."""
    table = load(str(LIGHT / "light_squeezenet.onnx")).count()
    assert table.last_map is not None
    assert [(span.size, span.stride) for span in table.last_map[2].spans] == [(207, 16), (207, 16)]
    assert table.totals["depth"] == 2 + 2 * 8  # conv1, conv10, and squeeze and expand of eight fire modules
    assert table.totals["act_peak_bytes"] == 4 * (
        64 * 111 * 111 + 64 * 55 * 55
    )  # the first pool: what it reads and what it writes


def test_expand_writes_what_counts_the_same(tmp_path: Path) -> None:
    table = load(str(LIGHT / "light_shufflenet.onnx")).count()
    again = tmp_path / "again.yaml"
    again.write_text(expand(table), encoding="utf-8")
    counted = load(str(again)).count().totals
    assert {
        name: counted[name] for name in ("params", "macs", "elementwise", "activations", "act_peak_bytes", "depth")
    } == {
        name: table.totals[name] for name in ("params", "macs", "elementwise", "activations", "act_peak_bytes", "depth")
    }


def test_a_model_file_is_no_spec_with_variants(tmp_path: Path) -> None:
    model = load(segmenter(tmp_path / "s.onnx"))
    with pytest.raises(UsageError, match="leaves out layers of a spec"):
        model.count(without=["conv"])
    with pytest.raises(UsageError, match="has no parameter 'heigth'; did you mean 'height'"):
        model.count(heigth=3)


def test_numbers_in_attributes_are_as_exact_as_they_were_written(tmp_path: Path) -> None:
    table = load(write(tmp_path / "a.onnx", [node("LeakyRelu", ["x"], ["y"], alpha=0.1)], {"x": [1, 4]})).count()
    assert getattr(table.graph.nodes[-1].op, "slope") == Fraction(1, 10)  # noqa: B009


@pytest.mark.parametrize(
    ("op", "filters", "more"), [("Conv", [4, 3], []), ("ConvTranspose", [3, 4], []), ("DeformConv", [4, 3], ["o"])]
)
def test_a_filter_of_a_free_size_is_not_counted_and_the_rest_is(
    tmp_path: Path, op: str, filters: list[int], more: list[str]
) -> None:
    nodes = [
        node(op, ["x", "f", *more], ["a"], name="free"),
        node("GlobalAveragePool", ["a"], ["p"]),
        node("Flatten", ["p"], ["q"]),
        node("MatMul", ["q", "w"], ["y"]),
    ]
    file = write(
        tmp_path / "f.onnx",
        nodes,
        {"x": [1, 3, 8, 8], "f": [*filters, "k", "k"]} | {name: [1, 18, 6, 6] for name in more},
        shapes={"a": [1, 4, 6, 6]},
        w=weights(4, 5),
    )
    totals = load(file).count().totals
    assert totals["uncounted"] == [{"op": op, "count": 1, "first": "free", "why": "the size of its kernel is free"}]
    assert totals["macs"] == 20


def test_answering_changes_nothing_of_a_model_file(tmp_path: Path) -> None:
    model = load(segmenter(tmp_path / "s.onnx"))
    parameters = dict(model.spec.parameters)
    once = model.count(), model.count(height=64, width=64)
    again = model.count(), model.count(height=64, width=64)
    assert [table.to_json() for table in again] == [table.to_json() for table in once]
    assert model.spec.parameters == parameters


def test_nothing_of_a_count_is_left_for_the_garbage_collector(tmp_path: Path) -> None:
    """A file's pages and nodes go with the last reader of its figures."""
    nodes = [node("Gemm", ["x", "w", "b"], ["y"])]
    file = write(tmp_path / "g.onnx", nodes, {"x": [1, 4]}, ["y"], w=weights(4, 3), b=weights(3))
    load(file).count()
    gc.collect()
    gc.disable()
    try:
        params = load(file).count().totals["params"]
        left = gc.collect()
    finally:
        gc.enable()
    assert (params, left) == (4 * 3 + 3, 0)
