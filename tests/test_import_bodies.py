"""Branches, loops and functions of ONNX files: what stands in a body is counted once, a loop runs as often as its
condition lets it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")

import numpy  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from archcalc.errors import SpecError  # noqa: E402
from archcalc.model import load  # noqa: E402

from onnx_files import ints, node, weights, write  # isort: skip  # noqa: E402

KINDS = {"i": TensorProto.INT64, "going": TensorProto.BOOL, "on": TensorProto.BOOL, "c": TensorProto.BOOL}


def graph(nodes: list[Any], inputs: dict[str, Any], outputs: dict[str, Any], **initializers: numpy.ndarray) -> Any:
    """A body; its inputs and outputs with their shapes."""

    def value(name: str, dims: Any) -> Any:
        return helper.make_tensor_value_info(name, KINDS.get(name, TensorProto.FLOAT), dims)

    tensors = [numpy_helper.from_array(array, name) for name, array in initializers.items()]
    return helper.make_graph(
        nodes, "body", [value(*item) for item in inputs.items()], [value(*item) for item in outputs.items()], tensors
    )


def constant(name: str, array: Any) -> Any:
    return node("Constant", [], [name], value=numpy_helper.from_array(numpy.asarray(array)))


def totals(file: str) -> tuple[Any, Any]:
    found = load(file).count().totals
    return found["params"], found["macs"]


# ---- weights in bodies -----------------------------------------------------------------------------------------------


def test_tensors_of_one_name_in_different_branches_are_different_tensors(tmp_path: Path) -> None:
    """Five branches with a `W` of their own, 8 x 8 each; the other branch has one too, which the file holds as well where
    only a run tells that it isn't taken.
    """
    nodes = []
    for n in range(5):
        taken, other = (
            graph([node("MatMul", ["x", "W"], [f"{word}{n}"])], {}, {f"{word}{n}": None}, W=weights(8, 8))
            for word in "te"
        )
        nodes.append(node("If", ["c"], [f"y{n}"], then_branch=taken, else_branch=other))
    nodes.append(node("Concat", [f"y{n}" for n in range(5)], ["y"], axis=1))
    assert totals(write(tmp_path / "set.onnx", nodes, {"x": [1, 2, 8]}, c=numpy.array(True))) == (5 * 64, 5 * 2 * 64)
    assert totals(write(tmp_path / "run.onnx", nodes, {"x": [1, 2, 8], "c": []}, kinds=KINDS)) == (10 * 64, 5 * 2 * 64)


def growing(path: Path, made: str) -> str:
    """A loop of three iterations whose state doubles: products of 2, 4 and 8 rows with the same 8 x 8 weights."""
    inside = [
        node("MatMul", ["h", "W"], ["t"]),
        node("Concat", ["t", "t"], ["g"], axis=1),
        node("Identity", ["going"], ["on"]),
    ]
    own = {"W": weights(8, 8)}
    body = graph(
        [*([constant("W", own["W"])] if made == "constant" else []), *inside],
        {"i": [], "going": [], "h": None},
        {"on": [], "g": None},
        **(own if made == "initializer" else {}),
    )
    outer = own if made == "outside" else {}
    return write(
        path,
        [node("Loop", ["m", "", "x"], ["y"], name="steps", body=body)],
        {"x": [1, 2, 8]},
        m=numpy.int64(3),
        **outer,
    )


@pytest.mark.parametrize("made", ["constant", "initializer", "outside"])
def test_the_weights_of_a_loop_are_the_same_in_every_iteration(made: str, tmp_path: Path) -> None:
    assert totals(growing(tmp_path / "g.onnx", made)) == (64, (2 + 4 + 8) * 64)


def test_what_was_not_given_to_a_function_is_at_its_default(tmp_path: Path) -> None:
    """`Out` hands its attribute `gg` on as `g`, and is called without it: the default of `In`, two groups, holds. 6x6
    places, 6 filters of 2x3x3.
    """
    conv = node("Conv", ["x", "W"], ["y"])
    conv.attribute.append(onnx.AttributeProto(name="group", ref_attr_name="g", type=onnx.AttributeProto.INT))
    call = node("In", ["x", "W"], ["y"], domain="own")
    call.attribute.append(onnx.AttributeProto(name="g", ref_attr_name="gg", type=onnx.AttributeProto.INT))
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)]
    inner = helper.make_function(
        "own", "In", ["x", "W"], ["y"], [conv], opsets, attribute_protos=[helper.make_attribute("g", 2)]
    )
    outer = helper.make_function("own", "Out", ["x", "W"], ["y"], [call], opsets, ["gg"])
    nodes = [node("Out", ["x", "W"], ["y"], domain="own")]
    file = write(
        tmp_path / "f.onnx",
        nodes,
        {"x": [1, 4, 8, 8]},
        functions=[inner, outer],
        domains={"own": 1},
        W=weights(6, 2, 3, 3),
    )
    assert totals(file) == (6 * 2 * 9, 36 * 6 * 2 * 9)


def test_what_a_body_s_initializers_add_is_counted(tmp_path: Path) -> None:
    """A table of 7 x 8 that the taken branch adds."""
    taken = graph([node("Add", ["x", "P"], ["t"])], {}, {"t": None}, P=weights(1, 7, 8))
    other = graph([node("Identity", ["x"], ["e"])], {}, {"e": None})
    nodes = [node("If", ["c"], ["y"], then_branch=taken, else_branch=other)]
    table = load(write(tmp_path / "a.onnx", nodes, {"x": [1, 7, 8]}, c=numpy.array(True))).count()
    assert (table.totals["params"], table.totals["elementwise"]) == (7 * 8, 7 * 8)


def test_a_scan_over_stacked_weights_has_them_all(tmp_path: Path) -> None:
    """Three layers of 8 x 8 each, one an iteration."""
    body = graph([node("MatMul", ["h", "w"], ["g"])], {"h": [1, 8], "w": [8, 8]}, {"g": [1, 8]})
    file = write(
        tmp_path / "s.onnx",
        [node("Scan", ["x", "W"], ["y"], body=body, num_scan_inputs=1)],
        {"x": [1, 8]},
        W=weights(3, 8, 8),
    )
    assert totals(file) == (3 * 64, 3 * 64)


# ---- how often a loop runs -------------------------------------------------------------------------------------------


def loop(
    path: Path,
    trips: int | None,
    condition: list[Any],
    going: bool | None = True,
    state: str = "Relu",
    inputs: dict[str, Any] | None = None,
) -> str:
    """A loop with one product of 2 x 8 by 8 x 8 an iteration, 128 MACs; `condition` puts out whether the next one runs."""
    body = graph(
        [*condition, node("MatMul", ["h", "W"], ["t"]), node(state, ["t"], ["g"])],
        {"i": [], "going": [], "h": [1, 2, 8]},
        {"on": [], "g": [1, 2, 8]},
    )
    names = ["m" if trips is not None else "", "c" if going is not None or inputs else "", "x"]
    arrays = {
        "W": weights(8, 8),
        **({} if trips is None else {"m": numpy.int64(trips)}),
        **({} if going is None else {"c": numpy.array(going)}),
    }
    return write(
        path,
        [node("Loop", names, ["y"], name="steps", body=body)],
        {"x": [1, 2, 8], **(inputs or {})},
        kinds=KINDS,
        **arrays,
    )


def below(limit: int) -> list[Any]:
    return [constant("limit", numpy.int64(limit)), node("Less", ["i", "limit"], ["on"])]


STOPS = [constant("on", numpy.array(False))]
ALWAYS = [node("Identity", ["going"], ["on"])]
DATA = [
    node("ReduceSum", ["h"], ["sum"], keepdims=0),
    constant("zero", numpy.float32(0)),
    node("Greater", ["sum", "zero"], ["on"]),
]


@pytest.mark.parametrize(
    ("trips", "condition", "going", "runs"),
    [
        (5, STOPS, True, 1),  # the condition that an iteration puts out decides about the next
        (5, STOPS, None, 1),
        (50, below(2), True, 3),  # 0 < 2 and 1 < 2, and 2 < 2 is said by the third
        (2, below(9), True, 2),
        (None, below(6), True, 7),
        (5, ALWAYS, True, 5),
        (5, [constant("on", numpy.array(True))], True, 5),
        (5, ALWAYS, False, 0),
        (0, ALWAYS, True, 0),
        (-3, ALWAYS, True, 0),
        (100_000, below(5), True, 6),
    ],
)
def test_a_loop_runs_as_long_as_its_condition_holds(
    trips: int | None, condition: list[Any], going: bool | None, runs: int, tmp_path: Path
) -> None:
    table = load(loop(tmp_path / "l.onnx", trips, condition, going)).count()
    assert (table.totals["macs"], table.totals["params"]) == (runs * 128, 64 if runs else 0)
    assert table.graph.notes == []


def test_what_only_a_run_tells_of_a_loop_is_said(tmp_path: Path) -> None:
    table = load(loop(tmp_path / "d.onnx", 5, DATA)).count()
    assert (table.totals["macs"], table.graph.notes) == (
        5 * 128,
        ["'steps': only a run tells when the loop ends; all 5 iterations are counted"],
    )
    table = load(loop(tmp_path / "c.onnx", 5, ALWAYS, None, inputs={"c": []})).count()
    assert (table.totals["macs"], table.graph.notes) == (
        5 * 128,
        ["'steps': only a run tells whether the loop runs; counted is that it does"],
    )
    table = load(loop(tmp_path / "f.onnx", 90_000, below(80_000))).count()
    assert table.totals["macs"] == 90_000 * 128
    # the first one is free, and of 20,000 nodes there are three in each of 6,666 more: the loop and the two of the
    # condition
    assert table.graph.notes == [
        "'steps': its condition was followed for 6667 iterations; all 90000 iterations are counted"
    ]


def test_a_condition_that_is_only_handed_round_is_not_followed_for_ever(tmp_path: Path) -> None:
    """Two states that change places, and the first is the condition: no node at all is walked for it."""
    body = graph(
        [node("MatMul", ["h", "W"], ["g"])],
        {"i": [], "going": [], "p": [], "q": [], "h": [1, 8]},
        {"q": [], "p": [], "g": [1, 8]},
    )
    body.output.insert(0, body.output[0])
    for value in (*body.input[2:4], *body.output[:3]):
        value.type.tensor_type.elem_type = TensorProto.BOOL
    nodes = [node("Loop", ["", "c", "c", "c", "x"], ["a", "b", "y"], name="steps", body=body)]
    table = load(write(tmp_path / "r.onnx", nodes, {"x": [1, 8]}, W=weights(8, 8), c=numpy.array(True))).count()
    assert table.free == ("steps_trips",)


def test_a_loop_that_a_state_ends_ends_there(tmp_path: Path) -> None:
    """Until there are five rows, one more each time: products of 2, 3, 4 and 5 rows."""
    rows = [
        node("Shape", ["g"], ["s"], start=1, end=2),
        constant("five", numpy.array([5])),
        node("Less", ["s", "five"], ["less"]),
        constant("scalar", numpy.array([], numpy.int64)),
    ]
    nodes = [
        node("Concat", ["h", "x"], ["g"], axis=1),
        node("MatMul", ["g", "W"], ["scan"]),
        node("ReduceSum", ["scan"], ["sum"]),
        *rows,
    ]
    body = graph(
        [*nodes, node("Reshape", ["less", "scalar"], ["on"])],
        {"i": [], "going": [], "h": None},
        {"on": [], "g": None, "sum": None},
    )
    outer = [node("Loop", ["", "c", "x"], ["y", "all"], name="steps", body=body)]
    table = load(
        write(tmp_path / "r.onnx", outer, {"x": [1, 1, 8]}, ["y", "all"], W=weights(8, 8), c=numpy.array(True))
    ).count()
    assert table.totals["macs"] == (2 + 3 + 4 + 5) * 64
    assert table.graph.nodes[table.graph.outputs[0]].shape == (5, 8)


def test_numbers_that_a_loop_that_is_written_out_carries_are_known(tmp_path: Path) -> None:
    """The n-th iteration takes the first n rows, 1 to 3: products of 1, 2 and 3 rows."""
    inside = [
        node("Add", ["n", "one"], ["n2"]),
        node("Slice", ["x", "zero", "n2", "one"], ["part"]),
        node("MatMul", ["part", "W"], ["p"]),
        node("ReduceSum", ["p"], ["sum"], keepdims=0),
        node("Identity", ["going"], ["on"]),
    ]
    body = graph(inside, {"i": [], "going": [], "n": [1]}, {"on": [], "n2": [1], "sum": []})
    body.input[2].type.tensor_type.elem_type = body.output[1].type.tensor_type.elem_type = TensorProto.INT64
    outer = [node("Loop", ["m", "", "zero"], ["n", "y"], name="steps", body=body)]
    table = load(
        write(
            tmp_path / "n.onnx", outer, {"x": [1, 4, 8]}, m=numpy.int64(3), zero=ints(0), one=ints(1), W=weights(8, 8)
        )
    ).count()
    assert table.totals["macs"] == (1 + 2 + 3) * 64


def test_a_body_that_puts_out_too_little_is_refused_in_words(tmp_path: Path) -> None:
    body = graph([node("Identity", ["going"], ["on"])], {"i": [], "going": [], "h": [1, 8]}, {"on": []})
    file = write(
        tmp_path / "b.onnx",
        [node("Loop", ["m", "", "x"], ["y"], name="steps", body=body)],
        {"x": [1, 8]},
        m=numpy.int64(3),
    )
    with pytest.raises(
        SpecError,
        match=(
            r"node 'steps' \(Loop\): it carries 1 values, and its body puts out 1: a condition and each of them are"
            r" needed"
        ),
    ):
        load(file).count()


# ---- bodies in bodies ------------------------------------------------------------------------------------------------


def nested(kind: str, depth: int) -> Any:
    """A loop's body or a branch with one more inside it, and so on; the innermost multiplies by the weights."""
    if kind == "If":
        if depth == 0:
            return graph([node("MatMul", ["x", "W"], ["y0"])], {}, {"y0": None})
        other = graph([node("Identity", ["x"], [f"e{depth}"])], {}, {f"e{depth}": None})
        made = node("If", ["c"], [f"y{depth}"], then_branch=nested(kind, depth - 1), else_branch=other)
        return graph([made], {}, {f"y{depth}": None})
    inputs, outputs = {f"i{depth}": [], f"going{depth}": [], f"h{depth}": None}, {f"on{depth}": [], f"g{depth}": None}
    on = node("Identity", [f"going{depth}"], [f"on{depth}"])
    if depth == 0:
        return graph([on, node("MatMul", ["h0", "W"], ["g0"])], inputs, outputs)
    inner = nested(kind, depth - 1)
    if kind == "Loop":
        return graph([on, node("Loop", ["m", "", f"h{depth}"], [f"g{depth}"], body=inner)], inputs, outputs)
    start = constant(f"z{depth}", numpy.zeros((1, 8), numpy.float32))  # each loop starts from numbers of its own
    made = node("Loop", ["m", "", f"z{depth}"], [f"v{depth}"], body=inner)
    return graph([on, start, made, node("Add", [f"v{depth}", f"h{depth}"], [f"g{depth}"])], inputs, outputs)


@pytest.mark.parametrize(("kind", "macs"), [("If", 64), ("Loop", 2**23 * 64), ("start", 2**23 * 64)])
def test_bodies_in_bodies_are_walked_once(
    kind: str, macs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """23 bodies inside each other, two iterations each: as many MACs, and no more nodes walked than there are."""
    monkeypatch.setattr("archcalc.importer.walk.MOST_NODES", 200)
    top = (
        node(
            "If",
            ["c"],
            ["y"],
            then_branch=nested(kind, 22),
            else_branch=graph([node("Identity", ["x"], ["e"])], {}, {"e": None}),
        )
        if kind == "If"
        else node("Loop", ["m", "", "x"], ["y"], body=nested(kind, 22))
    )
    assert totals(
        write(tmp_path / "n.onnx", [top], {"x": [1, 8], "c": []}, kinds=KINDS, W=weights(8, 8), m=numpy.int64(2))
    ) == (64, macs)


def test_the_branch_that_was_walked_first_and_is_dearer_is_kept_whole(tmp_path: Path) -> None:
    """Its layers, weights and notes stand there once, beside those that come after it."""
    deep = graph(
        [
            node("MatMul", ["x", "V"], ["a"]),
            node("If", ["c"], ["b"], name="inner", then_branch=own("t", "a"), else_branch=own("e", "a", True)),
        ],
        {},
        {"b": None},
    )
    shallow = graph([node("Identity", ["x"], ["s"])], {}, {"s": None})
    nodes = [
        node("If", ["c"], ["o"], name="outer", then_branch=deep, else_branch=shallow),
        node("MatMul", ["o", "V"], ["y"]),
    ]
    table = load(write(tmp_path / "k.onnx", nodes, {"x": [1, 2, 8], "c": []}, kinds=KINDS, V=weights(8, 8))).count()
    assert (table.totals["params"], table.totals["macs"]) == (64 + 64, (64 + 64 + 64) * 2)  # V twice and one W
    assert [row.op for row in table.rows] == ["linear", "linear", "linear"]
    assert [note.split(":")[0] for note in table.graph.notes] == ["'inner'", "'outer'"]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("trips", [3, 100])
def test_what_a_loop_joins_in_every_iteration_grows_with_it(trips: int, first: int, tmp_path: Path) -> None:
    """Two rows at a time behind one or none; 100 iterations are too many to write out, and the first stands for all."""
    inputs = {"i": [], "going": [], "s": [None, 4]}
    body = graph(
        [node("Concat", ["s", "two"], ["t"], axis=0), node("Identity", ["going"], ["on"])],
        inputs,
        {"on": [], "t": None},
    )
    nodes = [
        node("Relu", ["x"], ["one"]), node("Sigmoid", ["v"], ["two"]), node("Loop", ["m", "", "one" if first else "none"], ["y"], body=body),
    ]  # fmt: skip
    file = write(tmp_path / "l.onnx", nodes, {"x": [1, 4], "v": [2, 4]}, m=ints(trips).reshape(()), none=weights(0, 4))
    found = load(file).count().graph
    assert found.nodes[found.outputs[0]].shape == (first + 2 * trips, 4)


def own(word: str, source: str, idle: bool = False) -> Any:
    nodes = [node("Identity" if idle else "MatMul", [source] if idle else [source, "W"], [word])]
    return graph(nodes, {}, {word: None}, **({} if idle else {"W": weights(8, 8)}))
