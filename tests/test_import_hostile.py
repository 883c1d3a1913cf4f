"""Files that lie: a message that names the node, exit code 2, and little time and memory."""

from __future__ import annotations

import random
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")

import numpy  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402

from archcalc.algebra import Poly  # noqa: E402
from archcalc.errors import ArchcalcError, SpecError, UsageError  # noqa: E402
from archcalc.importer.proto import MOST_NODES  # noqa: E402
from archcalc.model import load  # noqa: E402
from archcalc.render import render  # noqa: E402

from onnx_files import ints, node, weights, write  # isort: skip  # noqa: E402

IMAGE = {"x": [1, 3, 8, 8]}


def conv(path: Path, **changes: Any) -> str:
    return write(
        path,
        [node("Conv", ["x", "w"], ["a"], name="stem", **changes), node("Relu", ["a"], ["y"])],
        IMAGE,
        w=weights(4, 3, 3, 3),
    )


def message(file: str) -> str:
    with pytest.raises(SpecError) as caught:
        load(file).count()
    return str(caught.value).replace(file, "FILE")


def put(path: Path, tensor: Any, nodes: Any = None, inputs: Any = None) -> str:
    """A file with one initializer that is built by hand."""
    file = write(path, nodes or [node("Conv", ["x", "w"], ["y"], name="stem")], inputs or IMAGE)
    model = onnx.load(file)
    model.graph.initializer.append(tensor)
    path.write_bytes(model.SerializeToString())
    return file


def survives(path: Path, data: bytes) -> None:
    """Counted, or refused in words."""
    path.write_bytes(data)
    try:
        render([load(str(path)).count()], "json")
    except ArchcalcError as error:
        assert str(error)


def test_every_part_of_a_file_is_refused_or_counted(tmp_path: Path) -> None:
    data = Path(conv(tmp_path / "m.onnx")).read_bytes()
    for stop in range(len(data)):
        survives(tmp_path / "part.onnx", data[:stop])


def test_random_bytes_and_flipped_ones_never_crash(tmp_path: Path) -> None:
    data = Path(conv(tmp_path / "m.onnx")).read_bytes()
    chance = random.Random(7)
    for _ in range(300):
        survives(tmp_path / "r.onnx", chance.randbytes(chance.choice([1, 2, 10, 100, 2000])))
        flipped = bytearray(data)
        for _ in range(chance.choice([1, 2, 6])):
            flipped[chance.randrange(len(flipped))] = chance.randrange(256)
        survives(tmp_path / "f.onnx", bytes(flipped))


def test_a_file_that_claims_more_than_it_has_is_refused_before_anything_is_allocated(tmp_path: Path) -> None:
    path = tmp_path / "claim.onnx"
    path.write_bytes(b"\x3a\xff\xff\xff\xff\x07abc")  # a graph of 2 GB, in nine bytes
    assert (
        message(str(path))
        == "FILE: not an ONNX file, or a part of one: a field at byte 6 claims 2,147,483,647 bytes where 3 are left"
    )
    path.write_bytes(b"")
    assert message(str(path)) == "FILE: not an ONNX file, or a part of one: the file is empty"
    tensor = TensorProto(name="w", data_type=1, dims=[1 << 31], raw_data=b"1234")
    assert message(put(path, tensor)) == "FILE: tensor 'w' is 2147483648 and has 4 bytes"


WRONG: dict[str, tuple[Any, dict[str, Any], dict[str, numpy.ndarray], str]] = {
    "cycle": (
        [node("Add", ["x", "b"], ["a"], name="n1"), node("Relu", ["a"], ["b"], name="n2"), node("Relu", ["b"], ["y"], name="n3")],
        IMAGE, {}, "node 'n1' is in a cycle: it depends on its own output",
    ),
    "missing input": ([node("Add", ["x", "nowhere"], ["y"], name="sum")], IMAGE, {}, "node 'sum' (Add) reads 'nowhere', which nothing puts out"),
    "missing output": ([node("Relu", ["x"], ["z"], name="act")], IMAGE, {}, "nothing puts out 'y', which is an output of the graph"),
    "an operand less": ([node("Conv", ["x"], ["y"], name="stem")], IMAGE, {}, "node 'stem' (Conv) lacks its input 2"),
    "one name twice": (
        [node("Relu", ["x"], ["y"], name="one"), node("Relu", ["x"], ["y"], name="two")],
        IMAGE, {}, "node 'two': its output 'y' is the name of another value",
    ),
    "an input's name": ([node("Relu", ["x"], ["x"], name="act"), node("Relu", ["x"], ["y"])], IMAGE, {}, "node 'act': its output 'x' is the name of another value"),
    "wrong rank": (
        [node("Conv", ["x", "w"], ["y"], name="stem")], {"x": [8]}, {"w": weights(4, 3, 3, 3)},
        "node 'stem' (Conv): it needs a batch, channels and spatial axes, and filters for them; it reads 8, 4x3x3x3",
    ),
    "wrong channels": (
        [node("Conv", ["x", "w"], ["y"], name="stem")], IMAGE, {"w": weights(4, 5, 3, 3)},
        "node 'stem' (Conv): channels disagree: 3 and 5; it reads 1x3x8x8, 4x5x3x3",
    ),
    "wrong product": (
        [node("MatMul", ["x", "w"], ["y"], name="fc")], {"x": [8, 9]}, {"w": weights(4, 3)}, "node 'fc' (MatMul): 8x9 and 4x3 can't be multiplied; it reads 8x9, 4x3",
    ),
    "too large a window": (
        [node("MaxPool", ["x"], ["y"], name="pool", kernel_shape=[9, 9])], IMAGE, {},
        "node 'pool' (MaxPool): the output would be empty: a window of 9 on 8 + 0 + 0 of padding; it reads 1x3x8x8",
    ),
    "groups": (
        [node("Conv", ["x", "w"], ["y"], name="stem", group=0)], IMAGE, {"w": weights(4, 3, 3, 3)},
        "node 'stem' (Conv): group=0 does not divide 4 output channels; it reads 1x3x8x8, 4x3x3x3",
    ),
    "strides": (
        [node("Conv", ["x", "w"], ["y"], name="stem", strides=[0, 1])], IMAGE, {"w": weights(4, 3, 3, 3)},
        "node 'stem' (Conv): strides must be 2 positive numbers, got [0, 1]; it reads 1x3x8x8, 4x3x3x3",
    ),
    "an attribute of another kind": (
        [node("Concat", ["x", "x"], ["y"], name="cat", axis="one")], IMAGE, {}, "node 'cat' (Concat): axis must be a whole number; it reads 1x3x8x8, 1x3x8x8",
    ),
    "reshape": (
        [node("Reshape", ["x", "s"], ["y"], name="flat")], IMAGE, {"s": ints(7, -1)}, "node 'flat' (Reshape): 192 elements can't be divided into 7; it reads 1x3x8x8, 2",
    ),
    "a negative size": ([node("Relu", ["x"], ["y"])], {"x": [1, -3, 8]}, {}, "input 'x' has a size of -3"),
    "more than there can be": ([node("Relu", ["x"], ["y"])], {"x": [1, 1 << 40, 1 << 40]}, {}, "input 'x': a tensor of 1x1099511627776x1099511627776 has more elements than 64 bits can count"),
    "no filters": (
        [node("Conv", ["x", "w"], ["y"], name="stem")], IMAGE, {"w": weights(0, 3, 3, 3)},
        "node 'stem' (Conv): out must be a positive whole number, got 0; it reads 1x3x8x8, 0x3x3x3",
    ),
    "a split without an end": (
        [node("Split", ["x"], ["y"], name="parts", num_outputs=1 << 40)], IMAGE, {}, "node 'parts' (Split): it is split into 1099511627776 parts; it reads 1x3x8x8",
    ),
    "einsum": (
        [node("Einsum", ["x", "x"], ["y"], name="sum", equation="abcd,->q")], IMAGE, {},
        "node 'sum' (Einsum): `` of `abcd,->q` has 0 axes, and the operand 4; it reads 1x3x8x8, 1x3x8x8",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_can_t_be_is_said_with_the_node_s_name(name: str, tmp_path: Path) -> None:
    nodes, inputs, arrays, wanted = WRONG[name]
    assert message(write(tmp_path / "w.onnx", nodes, inputs, **arrays)) == f"FILE: {wanted}"


def test_numbers_outside_of_the_model_s_folder_are_refused_and_none_are_read(tmp_path: Path) -> None:
    for place in ("../../etc/passwd", "/dev/zero", "a/../../b", "C:\\b", ""):
        tensor = TensorProto(name="w", data_type=1, dims=[4, 3, 3, 3], data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value=place)
        assert (
            message(put(tmp_path / "e.onnx", tensor))
            == f"FILE: tensor 'w' has its numbers outside of the model's folder, in '{place}'"
        )
    tensor = TensorProto(name="w", data_type=1, dims=[4, 3, 3, 3], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="there-is-no-such.bin")
    assert load(put(tmp_path / "e.onnx", tensor)).count().totals["params"] == 4 * 27


def nested(depth: int) -> Any:
    graph = helper.make_graph([node("Relu", ["x"], ["o"])], "g", [], [helper.make_tensor_value_info("o", 1, None)])
    for n in range(depth):
        made = node("If", ["c"], [f"o{n}"], name=f"if{n}", then_branch=graph, else_branch=graph)
        graph = helper.make_graph([made], "g", [], [helper.make_tensor_value_info(f"o{n}", 1, None)])
    return graph


def test_graphs_inside_graphs_come_to_an_end(tmp_path: Path) -> None:
    inside = nested(5)
    file = write(
        tmp_path / "d.onnx",
        [node("If", ["c"], ["y"], name="top", then_branch=inside, else_branch=inside)],
        {**IMAGE, "c": []},
        kinds={"c": TensorProto.BOOL},
    )
    assert load(file).count().totals["layers"] == 1
    level = b""
    for _ in range(200):  # a node with one attribute that holds a graph of one node: `graph(node(attribute(graph...)))`
        level = framed(0x0A, framed(0x2A, framed(0x0A, b"body") + framed(0x32, level)) + framed(0x22, b"If"))
    path = tmp_path / "deep.onnx"
    path.write_bytes(framed(0x3A, level + framed(0x62, framed(0x0A, b"y"))))
    assert "inside each other" in message(str(path)) or "nothing puts out" in message(str(path))


def test_functions_that_call_themselves_are_refused(tmp_path: Path) -> None:
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)]
    function = helper.make_function("own", "F", ["a"], ["b"], [node("F", ["a"], ["b"], domain="own")], opsets)
    file = write(
        tmp_path / "r.onnx",
        [node("F", ["x"], ["y"], domain="own", name="call")],
        IMAGE,
        functions=[function],
        domains={"own": 1},
    )
    assert message(file) == "FILE: function 'F' stands in more than 24 graphs or functions inside each other"


def framed(tag: int, data: bytes) -> bytes:
    length, head = len(data), bytes([tag])
    while length > 127:
        head += bytes([length & 127 | 128])
        length >>= 7
    return head + bytes([length]) + data


def test_a_million_nodes_are_refused_in_a_moment(tmp_path: Path) -> None:
    one = framed(0x0A, node("Relu", ["x"], ["y"]).SerializeToString())
    path = tmp_path / "m.onnx"
    path.write_bytes(framed(0x3A, one * 1_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert message(str(path)) == f"FILE: the graph has more than {MOST_NODES:,} nodes"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


@pytest.mark.parametrize("padding", [0, 200, 1 << 20], ids=["small", "a long attribute", "mapped"])
def test_what_is_malformed_is_told_by_its_place_in_the_file(tmp_path: Path, padding: int) -> None:
    """Nodes and short attributes are read on their own; a message still speaks of the file."""
    strides = [1, 1] + [1] * (padding if padding < 1000 else 0)
    path = Path(conv(tmp_path / "p.onnx", strides=strides))
    data = path.read_bytes()
    wrong = data.index(b"strides") + len(b"strides")  # where the field of the numbers begins
    more = framed(0x12, b"x" * padding) if padding > 1000 else b""  # the producer's name
    path.write_bytes(more + data[:wrong] + b"\x47" + data[wrong + 1 :])
    assert message(str(path)).endswith(f"there is no field of kind 7, at byte {len(more) + wrong + 1}")


def test_a_field_without_a_number_is_none(tmp_path: Path) -> None:
    path = Path(conv(tmp_path / "z.onnx"))
    path.write_bytes(b"\x00\x01" + path.read_bytes())
    assert message(str(path)).endswith("there is no field 0, at byte 1")


def sizes(kind: int, *numbers: float) -> Any:
    """Numbers in a field for floats, whatever the tensor says that it holds: onnx's own checker takes no offence."""
    return TensorProto(name="s", data_type=kind, dims=[len(numbers)], float_data=numbers)


@pytest.mark.parametrize("kind", [TensorProto.INT64, TensorProto.INT32, TensorProto.FLOAT])
def test_sizes_that_are_written_as_floats_are_whole_numbers_all_the_same(tmp_path: Path, kind: int) -> None:
    row = (
        load(
            put(tmp_path / "p.onnx", sizes(kind, 0, 0, 1, 0, 0, 1), [node("Pad", ["x", "s"], ["y"])], {"x": [1, 4, 6]})
        )
        .count()
        .rows[-1]
    )
    assert (row.op, row.shape, row.activations) == ("pad", (4, 8), 32)
    assert all(type(dim) is int for dim in row.shape)
    shape = (
        load(put(tmp_path / "r.onnx", sizes(kind, 2, 12), [node("Reshape", ["x", "s"], ["y"])], {"x": [1, 4, 6]}))
        .count()
        .rows[-1]
        .shape
    )
    assert (shape, {type(dim) for dim in shape}) == ((2, 12), {int})


def test_sizes_that_are_no_whole_numbers_are_refused_or_free(tmp_path: Path) -> None:
    half = put(
        tmp_path / "p.onnx",
        sizes(TensorProto.FLOAT, 0, 0, 1.5, 0, 0, 1),
        [node("Pad", ["x", "s"], ["y"], name="edge")],
        {"x": [1, 4, 6]},
    )
    assert message(half) == "FILE: node 'edge' (Pad): its pads must be whole numbers; it reads 1x4x6, 6"
    endless = put(
        tmp_path / "i.onnx",
        sizes(TensorProto.INT64, 0, 0, float("inf"), 0, 0, 1),
        [node("Pad", ["x", "s"], ["y"])],
        {"x": [1, 4, 6]},
    )
    assert isinstance(load(endless).count().totals["activations"], Poly)


@pytest.mark.parametrize("length", [8, 128])
def test_a_filling_of_several_numbers_is_refused(tmp_path: Path, length: int) -> None:
    value = TensorProto(data_type=TensorProto.FLOAT, dims=[3], float_data=[1.0])
    nodes = [node("ConstantOfShape", ["s"], ["c"], name="fill", value=value), node("Add", ["x", "c"], ["y"])]
    tensor = TensorProto(name="s", data_type=TensorProto.INT64, dims=[2], int64_data=[1, length])
    assert message(put(tmp_path / "c.onnx", tensor, nodes, {"x": [1, length]})).startswith(
        "FILE: node 'fill' (ConstantOfShape): its value must be one number"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of a process")
def test_weights_that_are_passed_by_take_no_memory(tmp_path: Path) -> None:
    """100 MB of weights, at which the bias of a scale is looked into; what was only passed by is given back."""
    names = [f"w{n}" for n in range(25)]
    nodes = [node("MatMul", [f"x{n}" if n else "x", name], [f"x{n + 1}"]) for n, name in enumerate(names)]
    nodes.append(node("Add", ["x25", "b"], ["y"]))
    file = write(
        tmp_path / "wide.onnx", nodes, {"x": [1, 1000]}, b=weights(1000), **dict.fromkeys(names, weights(1000, 1000))
    )
    assert Path(file).stat().st_size > 100e6
    held = """[int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(("VmHWM", "VmRSS"))]"""
    code = (
        f"import archcalc, archcalc.importer.rules\nbefore = {held}\ntable ="
        f" archcalc.load({file!r}).count()\nprint(table.totals['params'], before[1], {held}[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    params, before, peak = map(int, done.stdout.split())
    assert params == 25 * 1000 * 1000 + 1000
    assert peak - before < 20_000  # kilobytes


def test_functions_of_functions_don_t_explode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcalc.importer.walk.MOST_NODES", 5000)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)]
    functions = [helper.make_function("own", "F0", ["a"], ["b"], [node("Relu", ["a"], ["b"])], opsets[:1])]
    for n in range(1, 22):
        calls = [node(f"F{n - 1}", [source], [target], domain="own") for source, target in (("a", "m"), ("m", "b"))]
        functions.append(helper.make_function("own", f"F{n}", ["a"], ["b"], calls, opsets))
    file = write(
        tmp_path / "b.onnx",
        [node("F21", ["x"], ["y"], domain="own", name="call")],
        IMAGE,
        functions=functions,
        domains={"own": 1},
    )
    assert message(file) == "FILE: more than 5,000 nodes, with those in loops and functions"


def test_sizes_that_grow_without_an_end_are_no_sizes(tmp_path: Path) -> None:
    squares = [node("Mul", [f"a{n}", f"a{n}"], [f"a{n + 1}"]) for n in range(70)]
    table = load(
        write(tmp_path / "s.onnx", [*squares, node("Expand", ["x", "a70"], ["y"], name="wide")], IMAGE, a0=ints(60))
    ).count()
    assert [found.op for found in table.graph.uncounted] in ([], ["Expand"])
    doubled = [node("Concat", [f"b{n}", f"b{n}"], [f"b{n + 1}"], axis=0) for n in range(60)]
    table = load(
        write(tmp_path / "c.onnx", [*doubled, node("Reshape", ["x", "b60"], ["y"], name="r")], IMAGE, b0=ints(2))
    ).count()
    assert [found.op for found in table.graph.uncounted] == ["Reshape"]


def powers(depth: int) -> list[Any]:
    """Each level squares the number of elements: h, h^2, h^4 ..."""
    nodes = []
    for n in range(depth):
        nodes.append(node("Flatten", [f"x{n}"], [f"f{n}"], axis=0))
        nodes.append(node("Transpose", [f"f{n}"], [f"t{n}"], perm=[1, 0]))
        nodes.append(node("MatMul", [f"t{n}", f"f{n}"], [f"x{n + 1}"], name=f"square{n}"))
    return nodes


def sums(count: int) -> list[Any]:
    """Four axes, each of them a sum of so many sizes, stretched over each other."""
    joined = [node("Concat", [f"a{axis}_{n}" for n in range(count)], [f"c{axis}"], axis=axis + 1) for axis in range(4)]
    return [
        *joined,
        node("Add", ["c0", "c1"], ["d0"], name="two"),
        node("Add", ["d0", "c2"], ["d1"], name="three"),
        node("Add", ["d1", "c3"], ["y"], name="four"),
    ]


def floors(depth: int) -> list[Any]:
    """Each size is written with the one before it twice."""
    nodes = []
    for n in range(depth):
        nodes.append(node("MaxPool", [f"x{n}"], [f"p{n}"], kernel_shape=[1, 3], strides=[1, 3]))
        nodes.append(node("Concat", [f"x{n}", f"p{n}"], [f"q{n}"], axis=3, name=f"join{n}"))
        nodes.append(node("MaxPool", [f"q{n}"], [f"x{n + 1}"], kernel_shape=[1, 5], strides=[1, 5]))
    return nodes


def doubled(depth: int) -> list[Any]:
    return [node("Concat", [f"x{n}", f"x{n}"], [f"x{n + 1}"], axis=1, name=f"twice{n}") for n in range(depth)]


LONG: dict[str, tuple[list[Any], dict[str, Any], str, str]] = {
    "powers": (powers(12), {"x0": [1, "h"]}, "x12", r"\(Flatten\): the closed form of a size, a product of 32, is too long: --set gives sizes numbers$"),
    "powers of sums": (
        [node("Concat", ["a", "b"], ["x0"], axis=1), *powers(12)], {"a": [1, "h"], "b": [1, "w"]}, "x12", r"the closed form of a size, .*, is too long: --set",
    ),
    "sums": (
        sums(20), {f"a{axis}_{n}": [1] + [f"s{axis}_{n}" if axis == other else 1 for other in range(4)] for axis in range(4) for n in range(20)}, "y",
        r"node 'two' \(Add\): the closed form of its 1x\(s0_0 \+ .{30,50}\.\.\.\)x\(s1_0 \+ .{30,50}\.\.\.\)x1x1 elements is too long: --set gives sizes numbers$",
    ),
    "floors": (floors(40), {"x0": [1, 2, 1, "h"]}, "x40", r"node 'join\d' \(Concat\): the closed form of a size, \d{3} terms and symbols, is too long: --set"),
    # 5 x 2^60 are more than 2^62 elements, and twice that are more than 2^63
    "doublings": (doubled(1025), {"x0": [1, 2, 5]}, "x1025", r"node 'twice59' \(Concat\): a tensor of 1x2305843009213693952x5 has more elements than 64 bits can count$"),
    "axes": ([node("Unsqueeze", ["x", "axes"], ["y"], name="wide")], IMAGE, "y", r"node 'wide' \(Unsqueeze\): 104 axes"),
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_sizes_that_no_network_has_are_refused_at_the_node(name: str, tmp_path: Path) -> None:
    nodes, inputs, output, wanted = LONG[name]
    arrays = {"axes": numpy.arange(100)} if name == "axes" else {}
    found = message(write(tmp_path / "l.onnx", nodes, inputs, [output], **arrays))
    assert re.search(wanted, found)
    assert len(found) < 300


def test_closed_forms_that_are_long_altogether_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcalc.importer.walk.MOST_TERMS", 1000)
    inputs = {f"a{n}": [1, f"s{n}", 4] for n in range(50)}
    nodes = [
        node("Concat", list(inputs), ["x0"], axis=1),
        *(node("Relu", [f"x{n}"], [f"x{n + 1}"], name=f"act{n}") for n in range(30)),
    ]
    file = write(tmp_path / "t.onnx", nodes, inputs, ["x30"])
    assert (
        message(file)
        == "FILE: node 'act19' (Relu): the closed forms of all sizes have more than 1,000 terms: --set gives them"
        " numbers"
    )  # 50 each, 21 times
    assert load(file).count(**{f"s{n}": 2 for n in range(50)}).totals["elementwise"] == 30 * 100 * 4


def test_sizes_larger_than_any_float_are_counted(tmp_path: Path) -> None:
    """2^60 h on each of 20 axes: 2^1200 h^20 elements, and a number is too large for a tensor."""
    nodes = [node("Relu", ["x"], ["r"]), node("Tile", ["r", "many"], ["y"], name="tile")]
    file = write(tmp_path / "f.onnx", nodes, {"x": [1, *["h"] * 20]}, many=ints(1, *[1 << 60] * 20))
    table = load(file).count()
    assert table.totals["act_peak_bytes"] >= 4 * (1 << 1200)
    render([table], "json")
    with pytest.raises(SpecError, match=r"node 'tile' .* has more elements than 64 bits can count"):
        load(file).count(h=1)


def test_names_that_collide_or_hold_control_characters_are_made_fit(tmp_path: Path) -> None:
    names = ["n", "n", "n/n", "\x1b[31mred\n", "../../up", "n.n"]
    nodes = [node("Relu", [f"v{n}"], [f"v{n + 1}"], name=name) for n, name in enumerate(names)]
    table = load(write(tmp_path / "n.onnx", nodes, {"v0": [1, 4]}, [f"v{len(names)}"])).count()
    shown = [row.name for row in table.rows]
    assert len(set(shown)) == len(names)
    assert all(name.isprintable() and ".." not in name for name in shown)


@pytest.mark.parametrize("what", ["a folder", "no file"])
def test_what_is_no_file_is_said_to_be_none(what: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    if what == "a folder":
        path.mkdir()
    with pytest.raises(UsageError, match="is a directory" if what == "a folder" else "No such file"):
        load(str(path))


def test_the_command_ends_with_exit_code_2_and_no_traceback(tmp_path: Path) -> None:
    file = write(tmp_path / "w.onnx", [node("Add", ["x", "nowhere"], ["y"], name="sum")], IMAGE)
    for command in ("count", "import"):
        done = subprocess.run(
            [sys.executable, "-m", "archcalc", command, file], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"{file}: node 'sum' (Add) reads 'nowhere', which nothing puts out\n"
