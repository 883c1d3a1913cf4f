"""Of nodes that are alike the first alone is asked for, and every layer has its own weights all the same."""

from pathlib import Path

import numpy
import pytest
from onnx import NodeProto, helper
from onnx_files import weights, write

from archcalc import load
from archcalc.importer import alike
from archcalc.importer.rules import RULES
from archcalc.ops import OPS
from archcalc.question import Question
from archcalc.receptive import fields


def node(op: str, reads: str, out: str, **attributes: object) -> NodeProto:
    return helper.make_node(op, reads.split(), [out], **attributes)


def asked(monkeypatch: pytest.MonkeyPatch, op: str) -> list[str]:
    """The first outputs of the nodes that a rule is asked for."""
    found: list[str] = []
    rule = RULES["", op]
    inner = rule.function
    rule.read()

    def noting(call, *inputs, **attributes):
        found.append(call.output)
        return inner(call, *inputs, **attributes)

    monkeypatch.setattr(rule, "function", noting)
    return found


def test_a_rule_is_asked_once_for_nodes_that_are_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [node("Relu", f"t{n}" if n else "x", f"t{n + 1}") for n in range(20)]
    nodes += [
        node("MaxPool", "t20", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Relu", "p", "q"),
        node("Relu", "q", "y"),
    ]
    found = asked(monkeypatch, "Relu")
    table = load(write(tmp_path / "net.onnx", nodes, {"x": [1, 3, 8, 8]})).count()
    assert found == ["t1", "q"]
    assert [row.shape for row in table.rows if row.op == "relu"] == [(3, 8, 8)] * 20 + [(3, 4, 4)] * 2


def test_other_attributes_and_operands_are_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(monkeypatch, "Conv")
    nodes = [
        node("Conv", "x v", "a", strides=[1, 1]),
        node("Conv", "a w", "b", strides=[1, 1]),
        node("Conv", "b v2", "c", strides=[2, 2]),
        node("Conv", "c w2 bias", "y", strides=[1, 1]),
    ]
    kernels = {name: weights(4, 4, 1, 1) + n for n, name in enumerate(("v", "w", "v2", "w2"))}
    file = write(tmp_path / "net.onnx", nodes, {"x": [1, 4, 6, 6]}, **kernels, bias=weights(4))
    table = load(file).count()
    assert found == ["a", "c", "y"]
    assert [row.macs for row in table.rows] == [4 * 4 * 36, 4 * 4 * 36, 4 * 4 * 9, 4 * 4 * 9]
    assert table.totals["params"] == 4 * 16 + 4


def test_one_operand_twice_is_not_two_operands(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "a"), node("Add", "a a", "b"), node("Add", "a b", "c"), node("Add", "c c", "y")]
    graph = load(write(tmp_path / "net.onnx", nodes, {"x": [1, 3, 8, 8]})).graph
    names = {n: node.name for n, node in enumerate(graph.nodes)}
    assert [[names[n] for n in node.inputs] for node in graph.nodes[2:]] == [
        ["relu", "relu"],
        ["relu", "add"],
        ["add2", "add2"],
    ]


def test_weights_that_two_layers_use_are_counted_once(tmp_path: Path) -> None:
    nodes = [node("Conv", "x w", "a"), node("Conv", "a w", "b"), node("Conv", "b v", "c"), node("Conv", "c w", "y")]
    file = write(tmp_path / "net.onnx", nodes, {"x": [1, 4, 6, 6]}, w=weights(4, 4, 1, 1), v=weights(4, 4, 1, 1) + 1)
    table = load(file).count()
    assert [row.params for row in table.rows] == [16, 0, 16, 0]
    assert table.totals["macs"] == 4 * 16 * 36


def mixed(folder: Path) -> str:
    """Layers that are alike and some that nearly are: a sum that is a bias, one of a computed kernel, free sizes."""
    nodes, arrays, last = [], {}, "x"
    for n in range(6):
        arrays |= {f"net.{n}.conv.weight": weights(8, 8, 3, 3) + n, f"net.{n}.fc.weight": weights(10, 10) + n}
        arrays |= {f"net.{n}.fc.bias": weights(10) + n, f"net.{n}.bn.{n}": weights(8) + n}
        norm = " ".join([f"net.{n}.bn.{n}"] * 4)
        nodes += [
            node("Conv", f"{last} net.{n}.conv.weight", f"c{n}", pads=[1, 1, 1, 1]),
            node("BatchNormalization", f"c{n} {norm}", f"n{n}"),
            node("Relu", f"n{n}", f"r{n}"),
            node("MatMul", f"r{n} net.{n}.fc.weight", f"m{n}"),
            node("Add", f"m{n} net.{n}.fc.bias", f"b{n}"),
            node("Transpose", f"b{n}", f"t{n}", perm=[0, 1, 3, 2]),
            node("MatMul", f"b{n} t{n}", f"p{n}"),
            node("Softmax", f"p{n}", f"s{n}", axis=-1),
            node("Add", f"s{n} {last}", f"y{n}"),
        ]
        last = f"y{n}"
    return write(folder / "mixed.onnx", nodes, {"x": ["N", 8, "h", 10]}, (last,), **arrays)


@pytest.mark.parametrize("bindings", [{"h": 10}, {}])
def test_figures_are_those_of_asking_for_every_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bindings: dict[str, int]
) -> None:
    file = mixed(tmp_path)
    once = load(file).count(**bindings).to_json()
    asked_again = asked(monkeypatch, "Softmax")
    monkeypatch.setattr(alike, "_key", lambda *_: None)
    assert load(file).count(**bindings).to_json() == once
    assert len(asked_again) == 6


def shared(folder: Path) -> str:
    """Layers that are alike, whose tensors are their own, another's, one in two places, or of another shape."""
    kernels = {f"k{n}": weights(4, 4, 1, 1) + n for n in range(9)}
    vectors = {f"v{n}": weights(4) + n for n in range(40)}
    cuts = {"tall": weights(8, 4, 1, 1), **{f"c{n}": numpy.array([n]) for n in (0, 4, 8)}}
    reads = ["k0 v0", "k1 v1", "k1 v2", "k2 v1", "cut0 v8", "k3 v3", "k4 v4", "k4 v4", "cut1 v9", "k5 v5"]
    norms = [
        "v10 v11 v12 v13",
        "v14 v15 v16 v17",
        "v18 v18 v18 v18",
        "v19 v20 v21 v21",
        "v22 v23 v24 v10",
        "v25 v26 v27 v28",
    ]
    sums = ["k6", "v30", "k7", "v31", "v32", "k7"]
    nodes = [node("Reshape", f"v{n} c4", f"i{n}") for n in (38, 39)]
    nodes += [node("Slice", f"tall {' '.join(ends)}", f"cut{n}") for n, ends in enumerate((["c0", "c4"], ["c4", "c8"]))]
    nodes += [
        node("BatchNormalization", f"x {read}", f"e{read[1:3]}", epsilon=0.1)
        for read in ("v38 i38 v5 v6", "v33 v34 v35 v36")
    ]
    nodes += [node("Add", "e38 e33", "e")]
    last = "e"
    for n, (op, read) in enumerate(
        [("Conv", read) for read in reads]
        + [("BatchNormalization", read) for read in norms]
        + [("BatchNormalization", norms[3]), ("BatchNormalization", "v37 v39 i39 v29")]
        + [("Add", read) for read in sums]
    ):
        nodes += [node(op, f"{last} {read}", f"t{n}"), node("Relu", f"t{n}", f"r{n}")]
        last = f"r{n}"
    return write(folder / "shared.onnx", nodes, {"x": [1, 4, 4, 4]}, (last,), **kernels, **vectors, **cuts)


def test_tensors_are_whose_they_are_when_every_layer_is_laid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer whose tensors are its own as the first one's are is what laying it comes to."""
    files = [shared(tmp_path), mixed(tmp_path)]
    before = [load(file).answer(Question(tensors=True)).to_json() for file in files]
    monkeypatch.setattr(alike, "_as_alone", lambda *_: None)
    assert [load(file).answer(Question(tensors=True)).to_json() for file in files] == before


def test_what_is_a_layers_own_is_found_out_once_for_all_that_are_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed: list[str] = []
    inner = alike.claim
    monkeypatch.setattr(alike, "claim", lambda op, *rest: claimed.append(op.word) or inner(op, *rest))
    graph = load(chain(tmp_path / "net.onnx", 50)).graph
    assert claimed == ["conv", "relu", "add"]
    assert sum(len(node.op.weights((4, 6, 6))) for node in graph.nodes if node.op.word == "conv") == 50


def chain(file: Path, blocks: int) -> Path:
    """Convolutions of 1 x 1, activations and sums, in a row."""
    nodes: list[NodeProto] = []
    kernels, last = {}, "x"
    for n in range(blocks):
        nodes += [
            node("Conv", f"{last} w{n}", f"c{n}"),
            node("Relu", f"c{n}", f"r{n}"),
            node("Add", f"r{n} {last}", f"a{n}"),
        ]
        kernels[f"w{n}"], last = weights(4, 4, 1, 1) + n, f"a{n}"
    return write(file, [*nodes, node("Relu", last, "y")], {"x": [1, 4, 6, 6]}, **kernels)


def test_layers_that_are_alike_show_one_shape(tmp_path: Path) -> None:
    graph = load(chain(tmp_path / "net.onnx", 9)).graph
    assert len({id(node.shape) for node in graph.nodes[1:]}) == 1


def calls(monkeypatch: pytest.MonkeyPatch, rule: str) -> list[str]:
    """The words of the operators whose rule is asked, in the order of the calls."""
    found: list[str] = []
    for cls in (OPS["conv"], OPS["relu"], OPS["add"]):
        inner = getattr(cls, rule)

        def noting(self, *args, inner=inner, **options):
            found.append(self.word)
            return inner(self, *args, **options)

        monkeypatch.setattr(cls, rule, noting)
    return found


@pytest.mark.parametrize("rule", ["saves", "windows"])
def test_operators_are_asked_as_often_in_a_long_chain_as_in_a_short_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    tables = [load(chain(tmp_path / f"{blocks}.onnx", blocks)).count() for blocks in (5, 50)]
    found = calls(monkeypatch, rule)
    counts = []
    for table in tables:
        found.clear()
        assert table.last_map
        assert table.held.kept_bytes
        counts.append(len(found))
    assert 3 <= counts[0] == counts[1] <= 6


def test_what_nothing_moves_is_one_field(tmp_path: Path) -> None:
    seen = fields(load(chain(tmp_path / "net.onnx", 9)).graph)["x"]
    assert len({id(field) for field in seen.values()}) == 1
