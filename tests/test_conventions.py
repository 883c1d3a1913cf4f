"""How other tools count: every rule held against what the tools printed, for single operators and for whole networks.

The numbers in `data/peer_counts.json` were printed by the tools themselves; `data/peers.py` made them.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from archcalc import schemas
from archcalc.cli import app
from archcalc.conventions import TOOLS, Counted, find, nodes, reference
from archcalc.conventions.bridge import PARAMS, Bridge, bridges
from archcalc.conventions.quantities import QUANTITIES
from archcalc.conventions.rules import terms
from archcalc.errors import ArchcalcError, UsageError
from archcalc.model import Model, load
from archcalc.ops import OPS
from archcalc.spec.load import read_spec

from shipping import some  # isort: skip

PEERS = json.loads((Path(__file__).parent / "data" / "peer_counts.json").read_text(encoding="utf-8"))
COUNTS = ("params", "macs", "flops")
SPECS = {
    "googlenet": "googlenet-torchvision",
    "googlenet_aux": "googlenet-torchvision",
    "inception_v3_aux": "inception_v3",
}

# (network, tool): which number is off, by how much, and why
MISMATCHES = {
    ("inception_v3", "torchvision"): (
        "params",
        23_834_568 - 27_161_264,
        "torchvision's weights hold the auxiliary head: `--train` has it",
    ),
    ("inception_v3", "keras"): ("params", 17_216, "its batch normalisation has no scales"),
    ("inception_resnet_v2", "keras"): (
        "params",
        30_272,
        "its batch normalisation has no scales, and its residual convolutions have biases",
    ),
    ("resnet50-v1", "keras"): ("params", -26_560, "its convolutions have biases"),
    ("efficientnet_b0", "keras"): ("params", -7, "a layer normalises the image: 3 means, 3 variances and a count"),
    ("vit_b_32_batch2", "ptflops-aten"): (
        "macs",
        12 * 2 * 50 * 3 * 768,
        "with a batch the projections' biases are additions of their own, which it does not see",
    ),
}


def printed(kind: str) -> list[tuple[str, str]]:
    """(network or operator, tool) of every number that a tool printed."""
    return [
        (name, tool)
        for name, tools in PEERS[kind].items()
        for tool in tools
        if tool in TOOLS and "error" not in tools[tool]
    ]


def spec(layers: list[Any], shape: list[Any], torch: dict[str, str] | None = None, **more: Any) -> Model:
    written = {"archcalc": 1, "name": "t", "input": shape, "layers": layers, "torch": torch or {}, **more}
    return Model(read_spec(json.dumps(written), "t.yaml"))


def counted(model: Model, tool: str, **question: Any) -> Counted:
    table = model.count(convention=tool, **question)
    assert isinstance(table, Counted)
    return table


@cache
def network(name: str, tool: str) -> Counted:
    base, _, batch = name.partition("_batch")
    return counted(load(SPECS.get(base, base)), tool, train=name.endswith("_aux"), batch=int(batch or 1))


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _ in printed("operators")))
def test_an_operator_counts_what_each_tool_printed_for_it(name: str) -> None:
    entry = PEERS["operators"][name]
    model = spec(entry["layers"], entry["input"], entry["torch"])
    for tool in (tool for called, tool in printed("operators") if called == name):
        totals = counted(model, tool).totals
        wanted = {count: entry[tool][count] for count in COUNTS if count in entry[tool]}
        assert {count: totals[count] for count in wanted} == wanted, tool


@pytest.mark.parametrize("each", some(printed("networks"), 6))
def test_a_network_counts_what_the_tool_printed_for_it(each: tuple[str, str]) -> None:
    name, tool = each
    entry = PEERS["networks"][name][tool]
    totals = network(name, tool).totals
    wanted = {count: entry[count] for count in COUNTS if count in entry}
    if (name, tool) in MISMATCHES:
        count, off, _ = MISMATCHES[name, tool]
        wanted[count] += off
    assert {count: totals[count] for count in wanted} == wanted
    if "gmacs" in entry:
        assert round(totals["macs"] / 10**9, 3) == entry["gmacs"]


def test_at_least_ten_networks_are_held_against_every_tool() -> None:
    held = [tool for name, tool in printed("networks") if (name, tool) not in MISMATCHES]
    assert {tool: held.count(tool) for tool in TOOLS if held.count(tool) < 10} == {}
    assert sorted(set(MISMATCHES) - set(printed("networks"))) == []


@pytest.mark.parametrize("tool", TOOLS)
def test_rows_add_up_to_the_totals_and_bridges_to_the_tools_number(tool: str) -> None:
    for name in ("googlenet_aux", "vit_b_16", "convnext_tiny", "shufflenet_v2_x1_0"):
        table = network(name, tool)
        for count in ("macs", "flops", "params"):
            if table.totals[count] is not None:
                assert sum(getattr(row, count) for row in table.rows) == table.totals[count]
        for bridge in bridges(table):
            assert bridge.theirs == table.totals[bridge.counts]
            assert bridge.theirs == bridge.factor * bridge.ours + sum(step.adds for step in bridge.steps)


def steps(found: Bridge) -> list[tuple[str, str, int, list[tuple[int, int, str]]]]:
    return [(s.op, s.written, s.layers, [(p.factor, p.amount, p.quantity) for p in s.parts]) for s in found.steps]  # type: ignore[misc]


def test_the_bridge_from_resnet50_to_thop() -> None:
    macs, params = bridges(network("resnet50", "thop"))
    assert (macs.ours, macs.theirs) == (4_089_184_256, 4_133_742_592)
    assert steps(macs) == [
        ("bn", "", 53, [(4, 11_113_984, "outputs")]),
        ("gap", "", 1, [(1, 7 * 7 * 2048, "inputs"), (1, 2048, "outputs")]),
    ]
    assert (params.counts, params.ours, params.theirs, params.steps) == (PARAMS, 25_557_032, 25_557_032, ())


def test_a_bridge_tells_apart_how_layers_are_written() -> None:
    """DenseNet-121 in ptflops 0.7.5: nn.ReLU is hooked and calls F.relu, which is replaced; the last ReLU is the
    function alone.
    """
    relus = [step for step in steps(bridges(network("densenet121", "ptflops"))[0]) if step[0] == "relu"]
    assert relus == [
        ("relu", "", 120, [(2, 15_617_280, "outputs")]),
        ("relu", "functional", 1, [(1, 7 * 7 * 1024, "outputs")]),
    ]


def test_what_a_tool_does_not_see_is_taken_off() -> None:
    """12 layers of 2 products of 197 x 197 x 768 in ViT-B/16."""
    macs, _ = bridges(network("vit_b_16", "calflops"))[::2]
    (scores,) = [step for step in macs.steps if step.op == "attention"]
    assert (scores.unseen, scores.adds) == (True, -12 * 2 * 197 * 197 * 768)


def test_a_bridge_in_closed_form() -> None:
    table = counted(load("resnet50"), "thop", free=["size"])
    macs, _ = bridges(table)
    for size in (32, 97, 224):
        wanted = counted(load("resnet50"), "thop", size=size).totals["macs"]
        assert table.totals["macs"].evaluate({"size": size}) == wanted
        assert (
            sum(step.adds.evaluate({"size": size}) for step in macs.steps) + macs.ours.evaluate({"size": size})
            == wanted
        )  # type: ignore[union-attr]


def test_a_convention_over_a_free_depth() -> None:
    """A body that stands for n repeats: n batch normalisations of 8x6x6 numbers, 4 each."""
    model = spec([{"n x": ["conv 8 3x3 bias=false", "bn"]}], [8, 6, 6], params={"n": 3})
    totals = counted(model, "thop", free=["n"]).totals
    for n in (3, 10):
        assert totals["macs"].evaluate({"n": n}) == n * (8 * 6 * 6 * 8 * 9 + 4 * 8 * 6 * 6)


def test_shared_and_frozen_weights() -> None:
    """Shared ones are parameters once and work every time; ptflops and calflops leave frozen ones out."""
    model = spec([{"a": "linear 8"}, "linear 8 share=a", "linear 4 frozen=true"], [8])
    fvcore, ptflops = counted(model, "fvcore").totals, counted(model, "ptflops").totals
    assert (fvcore["params"], fvcore["macs"]) == (72 + 36, 64 + 64 + 32)
    assert (ptflops["params"], ptflops["macs"]) == (72, 64 + 64 + 32 + 8 + 8 + 4)


def test_batch_normalisation_is_folded_where_nothing_else_reads_the_convolution() -> None:
    folded = spec(["conv 4 1x1 bias=false", "bn"], [4, 5, 5])
    biased = spec(["conv 4 1x1", "bn"], [4, 5, 5])
    read_twice = spec([{"c": "conv 4 1x1 bias=false"}, {"add": ["bn", "identity"]}], [4, 5, 5])
    macs = [counted(model, "onnx-tool-folded").totals["macs"] for model in (folded, biased, read_twice)]
    assert macs == [400 + 100, 400 + 100, 400 + 31 * 100 + 100]


def test_local_response_normalisation_in_an_onnx_file() -> None:
    """onnx-tool 1.0.1 on light_bvlc_alexnet.onnx, which onnx 1.23.2 ships; PyTorch's layer is exported as other nodes."""
    layers = ["conv 96 11x11 stride=4 pad=0", "relu", "lrn 5", "maxpool 3x3 stride=2 pad=0"]
    layers += ["conv 256 5x5 pad=2 groups=2", "relu", "lrn 5", "maxpool 3x3 stride=2 pad=0"]
    layers += [
        "conv 384 3x3",
        "relu",
        "conv 384 3x3 groups=2",
        "relu",
        "conv 256 3x3 groups=2",
        "relu",
        "maxpool 3x3 stride=2 pad=((0,1),(0,1))",
    ]
    layers += ["flatten", "linear 4096", "relu", "linear 4096", "relu", "linear 1000", "softmax"]
    assert counted(spec(layers, [3, 224, 224]), "onnx-tool").totals["macs"] == 675_839_112


def test_how_code_writes_a_layer_is_found_by_pattern_before_operator() -> None:
    layers = [{"a": "relu"}, {"b": ["relu", "relu"]}, {"c": "relu"}]
    model = spec(layers, [4], {"relu": "functional", "b/*": "module"})
    assert counted(model, "ptflops").totals["macs"] == 4 * (1 + 2 + 2 + 1)


def test_a_variant_may_be_written_in_another_way() -> None:
    text = {
        "archcalc": 1,
        "name": "t",
        "input": [4],
        "layers": ["relu"],
        "torch": {"relu": "functional"},
        "variants": {"a": {"torch": {}}, "b": {}},
    }
    macs = [
        counted(Model(read_spec(json.dumps(text), "t.yaml"), variant), "ptflops").totals["macs"]
        for variant in (None, "a", "b")
    ]
    assert macs == [4, 8, 4]


# ---- model files -----------------------------------------------------------------------------------------------------


def light(name: str) -> Path:
    """A file that onnx brings along."""
    import onnx

    return Path(onnx.__file__).parent / "backend" / "test" / "data" / "light" / name


@pytest.mark.parametrize("name", some(PEERS["files"], 3))
def test_a_model_file_counts_what_onnx_tool_printed_for_it(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    file = light(name)
    if not name.startswith("light_"):
        file = tmp_path / name
        load(name.removesuffix(".onnx")).export(file, weights="none")
    table = counted(load(str(file)), "onnx-tool")
    assert {count: table.totals[count] for count in ("params", "macs")} == PEERS["files"][name]
    assert {count: sum(getattr(row, count) for row in table.rows) for count in ("params", "macs")} == PEERS["files"][
        name
    ]
    for bridge in bridges(table):
        assert (
            bridge.theirs
            == bridge.ours + sum(step.adds for step in bridge.steps)
            == PEERS["files"][name][bridge.counts]
        )
    assert [note for note in table.graph.notes if "onnx-tool" in note] == []


def node_file(entry: dict[str, Any], path: Path) -> str:
    """A file of one node, as `data/peers.py` makes it."""
    import numpy
    from onnx import TensorProto
    from onnx_files import node, write

    names, inputs, kinds, arrays = [], {}, {}, {}
    for n, operand in enumerate(entry["operands"]):
        names.append(name := f"i{n}" if operand is not None else "")
        if operand is None:
            continue
        ((kind, shape),) = operand.items() if isinstance(operand, dict) else [("computed", operand)]
        if kind.startswith("computed"):
            inputs[name], kinds[name] = shape, TensorProto.UINT8 if "bytes" in kind else TensorProto.FLOAT
        else:
            arrays[name] = (
                numpy.array(shape, numpy.int64)
                if kind == "ints"
                else numpy.ones(shape, numpy.uint8 if kind == "bytes" else numpy.float32)
            )
    return write(
        path, [node(entry["op"], names, ["y"], **entry["attributes"])], inputs, kinds=kinds, opset=20, **arrays
    )


@pytest.mark.parametrize(
    "entry", [entry for entry in PEERS["nodes"] if "error" not in entry["onnx-tool"]], ids=lambda entry: entry["op"]
)
def test_a_node_counts_what_onnx_tool_printed_for_it(entry: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    totals = counted(load(node_file(entry, tmp_path / "node.onnx")), "onnx-tool").totals
    assert {count: totals[count] for count in ("params", "macs")} == entry["onnx-tool"]


def test_every_rule_for_a_node_is_held_against_the_tool() -> None:
    held = {entry["op"] for entry in PEERS["nodes"]}
    unheld = {
        "GRU",
        "Mod",
        "And",
        "Or",
        "Xor",
        "Not",
        "NonZero",
        "Hardmax",
        "ImageScaler",
        "ReduceProd",
        "ReduceMin",
        "ReduceMax",
        "ReduceL2",
        "Upsample",
    }
    assert {op for op, rule in nodes.ONNX_TOOL.table.items() if rule} - held - unheld == set()


def test_a_file_may_hold_nodes_that_onnx_tool_has_no_rule_for(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    from onnx_files import node, weights, write

    made = [node("MatMul", ["x", "w"], ["a"]), node("Mish", ["a"], ["b"]), node("Relu", ["b"], ["y"])]
    table = counted(load(write(tmp_path / "m.onnx", made, {"x": [1, 8]}, w=weights(8, 4))), "onnx-tool")
    assert table.totals["macs"] == 8 * 4 + 4
    assert table.graph.notes == ["onnx-tool 1.0.1 has no rule for 1 Mish: not held against it, and counted as nothing"]
    assert load(str(tmp_path / "m.onnx")).count().graph.notes == []


def recurrent(path: Path) -> Model:
    from onnx_files import node, weights, write

    made = [
        node("LSTM", ["x", "w", "r", "b"], ["s"], hidden_size=64),
        node("Erf", ["s"], ["e"]),
        node("Tanh", ["e"], ["y"]),
    ]
    return load(write(path, made, {"x": [7, 1, 32]}, w=weights(1, 256, 32), r=weights(1, 256, 64), b=weights(1, 512)))


def test_a_recurrent_layer_of_a_file_says_what_tools_ask_for(tmp_path: Path) -> None:
    """Seven steps of 64 units: 4 x 64 x (32 + 64) MACs each and 8 x 64 additions of biases; as `lstm 64` counts, in
    every tool.
    """
    pytest.importorskip("onnx")
    model, macs, params = recurrent(tmp_path / "l.onnx"), 7 * 256 * 96, 256 * 96 + 512
    assert counted(model, "thop").totals["macs"] == macs + 8 * 7 * 64 + 7 * 512
    assert counted(model, "ptflops").totals["macs"] == macs + 10 * 7 * 64 + 7 * 512
    assert counted(model, "torchinfo").totals["macs"] == params * 7
    assert counted(model, "onnx-tool").totals["macs"] == macs + 7 * 512 + 180 * 7 * 64 + 76 * 7 * 64
    for tool in TOOLS:
        assert counted(model, tool).totals["params"] == params


def test_what_a_tool_could_not_be_asked_about_is_said(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    file = str(recurrent(tmp_path / "l.onnx").spec.path)
    said = "not held against ptflops 0.7.5: 1 erf; of these nothing is counted that it has no rule for"
    assert counted(load(file), "ptflops").graph.notes == [said]
    assert counted(load(file), "flop_counter").graph.notes == []  # it counts no arithmetic, whatever the operator
    result = CliRunner().invoke(app, ["count", file, "--as", "ptflops", "--format", "json"])
    assert json.loads(result.stdout)["notes"] == [said]
    assert said in CliRunner().invoke(app, ["explain", file, "--as", "ptflops"]).stdout
    assert (
        said
        in json.loads(CliRunner().invoke(app, ["explain", file, "--as", "ptflops", "--format", "json"]).stdout)["notes"]
    )


def test_the_bridge_of_a_file_names_its_operators(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    macs, _ = bridges(counted(recurrent(tmp_path / "l.onnx"), "onnx-tool"))
    assert steps(macs)[1:] == [("Tanh", "", 1, [(76, 7 * 64, "outputs")])]
    text = CliRunner().invoke(app, ["explain", str(tmp_path / "l.onnx"), "--as", "onnx-tool"]).stdout
    assert "Tanh: 76 x 448 outputs (1 node)" in text


def test_channels_that_stand_last_are_channels(tmp_path: Path) -> None:
    """thop on a layer normalisation of 7x16: 4 a number; on a softmax of 7x16: 3 a number less one a row."""
    pytest.importorskip("onnx")
    from onnx_files import node, write

    model = load(write(tmp_path / "s.onnx", [node("Softmax", ["x"], ["y"], axis=-1)], {"x": [1, 7, 16]}))
    assert counted(model, "thop").totals["macs"] == 3 * 112 - 7


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["thopp", "", "archcalc"])
def test_an_unknown_tool_is_refused_with_all_that_there_are(tool: str) -> None:
    with pytest.raises(UsageError, match=r"unknown tool .* there are torchvision, fvcore, thop, .* keras"):
        find(tool)


@pytest.mark.parametrize(
    ("torch", "message"),
    [
        ({"reluu": "functional"}, r"t.yaml:1:\d+: torch: unknown layer 'reluu'; did you mean 'relu'\?"),
        ({"relu": "function"}, r"t.yaml:1:\d+: relu: must be one of module, functional, .*; got function"),
        ({"relu": 3}, "relu: must be one of module"),
    ],
)
def test_a_wrong_way_to_write_layers_is_refused(torch: dict[str, Any], message: str) -> None:
    with pytest.raises(ArchcalcError, match=message):
        spec(["relu"], [4], torch)
    with pytest.raises(ArchcalcError, match=message):
        spec(["relu"], [4], variants={"a": {"torch": torch}})


@pytest.mark.parametrize("rule", ["2*output", "outputs +", "outputs outputs", "1.5*outputs", "* outputs", "2 outputs"])
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="not a rule"):
        terms(rule)


def test_every_rule_speaks_of_operators_and_ways_to_write_them_that_exist() -> None:
    known = {
        *OPS,
        "bn_plain",
        "ln_plain",
        "gn_plain",
        "attention_plain",
        "bn_folded",
        "bn_absorbed",
        "upsample_bilinear",
    }
    written = {"functional", "method", "Linear", "Conv2d", "AdaptiveAvgPool2d"}
    for tool in TOOLS.values():
        for rules in (tool.params, *(number.rules for number in tool.numbers)):
            for entry, rule in rules.table.items():
                word, *way = entry.split()
                assert word in known
                assert set(way) <= written
                assert set(terms(rule)) <= set(QUANTITIES)


# ---- the command line ------------------------------------------------------------------------------------------------


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(words))
    if code == 2:
        assert isinstance(done.exception, ArchcalcError)
        return str(done.exception)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_count_as_a_tool_says_who_counts() -> None:
    table = run("count", "resnet18", "--as", "fvcore")
    assert "fvcore flops" in table.splitlines()[2]
    assert "\nfvcore flops  1,819,065,856 a sample\n" in table  # fvcore 0.1.5 on torchvision's resnet18
    assert "\nfvcore flops: as fvcore 0.1.5 counts: " in table


def test_count_as_a_tool_in_json() -> None:
    found = json.loads(run("count", "resnet50", "--as", "calflops", "--format", "json"))
    assert found["convention"] == "calflops"
    assert found["counted_by"] == {
        "tool": "calflops",
        "version": "0.3.2",
        "units": {"macs": "calflops MACs", "flops": "calflops FLOPs"},
    }
    assert (found["totals"]["macs"], found["totals"]["flops"]) == (4_089_184_256, 8_211_108_352)
    assert sum(layer["flops"] for layer in found["layers"]) == 8_211_108_352


def test_a_number_that_a_tool_does_not_print_is_null_in_json_and_no_column() -> None:
    found = json.loads(run("count", "resnet50", "--as", "thop", "--format", "json"))
    assert found["totals"]["macs"] == 4_133_742_592
    assert {layer["flops"] for layer in found["layers"]} == {None} == {found["totals"]["flops"]}
    assert run("count", "resnet50", "--as", "thop", "--flops", code=2) == "thop counts no FLOPs"
    assert run("count", "vgg16", "--as", "keras", "--columns", "layer,macs", code=2) == "keras counts no MACs"
    assert "MACs" not in run("count", "vgg16", "--as", "keras").splitlines()[2]


@pytest.mark.parametrize("form", ["markdown", "html", "latex", "csv"])
@pytest.mark.parametrize("tool", ["keras", "flop_counter", "thop"])
def test_every_format_is_made_in_every_convention(form: str, tool: str) -> None:
    assert run("count", "alexnet", "--as", tool, "--format", form)


def test_totals_do_not_depend_on_grouping() -> None:
    for options in (["--depth", "0"], ["--by", "layer"], ["--by", "op"], ["--sort", "macs", "--top", "3"]):
        assert "4,133,742,592 a sample" in run("count", "resnet50", "--as", "thop", *options)


def test_explain_prints_the_bridge() -> None:
    lines = [" ".join(line.split()) for line in run("explain", "resnet50", "--as", "thop").splitlines()]
    assert "+ 44,455,936 bn: 4 x 11,113,984 outputs (53 layers)" in lines
    assert "+ 102,400 gap: 100,352 inputs + 2,048 outputs (1 layer)" in lines
    assert "= 4,133,742,592 MACs of thop 0.1.1" in lines


def test_explain_in_json() -> None:
    found = json.loads(run("explain", "resnet50", "--as", "thop", "--format", "json"))
    assert found["schema"] == "archcalc/explain/1"
    macs = found["numbers"][0]
    assert (macs["counts"], macs["ours"], macs["theirs"]) == ("macs", 4_089_184_256, 4_133_742_592)
    assert macs["steps"][0] == {
        "op": "bn", "written": None, "layers": 53, "parts": [{"factor": 4, "quantity": "outputs", "amount": 11_113_984}], "adds": 44_455_936
    }  # fmt: skip


def test_explain_without_a_tool_lists_what_all_of_them_print() -> None:
    lines = [line.split() for line in run("explain", "resnet50").splitlines()]
    assert ["thop", "0.1.1", "4,133,742,592", "MACs", "1.011", "25,557,032"] in lines
    found = json.loads(run("explain", "resnet50", "--format", "json"))
    assert {entry["tool"] for entry in found["tools"]} == {"archcalc", *TOOLS}


def test_explain_without_a_network_says_what_a_tool_counts() -> None:
    assert "  4*outputs                bn, ln\n" in run("explain", "--as", "thop")
    assert (
        json.loads(run("explain", "--as", "thop", "--format", "json"))["tools"][0]["rules"]["MACs"]["bn"] == "4*outputs"
    )
    listed = run("explain")
    assert [tool.name for tool in TOOLS.values() if f"\n{tool.name} " not in listed] == []


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--as", "calflops"],
        ["resnet18"],
        ["resnet18", "--as", "calflops"],
        ["resnet18", "--as", "thop", "--free", "size"],
    ],
)
def test_what_explain_prints_as_json_is_as_described(words: list[str]) -> None:
    jsonschema.validate(json.loads(run("explain", *words, "--format", "json")), schemas.schema("explain"))


def test_counts_of_other_tools_are_as_described() -> None:
    for tool in TOOLS:
        jsonschema.validate(
            json.loads(run("count", "resnet18", "--as", tool, "--format", "json")), schemas.schema("count")
        )


def test_the_page_holds_the_table_that_the_rules_make() -> None:
    page = (Path(__file__).parent.parent / "docs" / "conventions.md").read_text(encoding="utf-8")
    assert f"-->\n\n{reference.matrix()}\n\n<!-- conventions: end -->" in page


def test_explain_refuses_an_unknown_tool_and_format() -> None:
    assert run("explain", "resnet50", "--as", "thp", code=2).startswith(
        "unknown tool 'thp'; did you mean 'thop'?; there are torchvision"
    )
    assert run("explain", "resnet50", "--format", "xml", code=2) == "unknown format 'xml'; there are text, json"


def test_heads_that_only_training_runs_are_parameters_and_no_work() -> None:
    """torchvision's GoogLeNet built with its heads: fvcore 0.1.5 printed 13,004,888 parameters, thop 0.1.1 those that
    ran.
    """
    assert network("googlenet_aux", "fvcore").totals["params"] == 13_004_888
    assert network("googlenet_aux", "thop").totals["params"] == 6_624_904
    assert network("googlenet_aux", "thop").totals["depth"] == load("googlenet-torchvision").count().totals["depth"]
    assert "train-only heads: 6,379,984 parameters (18 layers)" in run(
        "explain", "googlenet-torchvision", "--as", "fvcore", "--train"
    )


def test_an_expanded_network_keeps_how_it_is_written() -> None:
    expanded = run("expand", "densenet121")
    assert counted(Model(read_spec(expanded, "flat.yaml")), "ptflops").totals["macs"] == 2_899_843_048


@pytest.mark.parametrize(
    ("line", "size", "tool", "figures"),
    [  # keras 3.15.1: Layer.count_params(); calflops 0.3.2: calculate_flops
        ("lstm 9", "[1, 5]", "keras", {"params": 396}),
        ("lstm 256", "[4096, 5]", "keras", {"params": 4_457_472}),
        ("rnn 1", "[1, 5]", "keras", {"params": 3}),
        ("gru 9", "[1, 5]", "keras", {"params": 3 * 9 * (1 + 9 + 2)}),
        ("lstm 9 bidirectional", "[1, 5]", "keras", {"params": 2 * 396}),
        ("conv_transpose 4 2x2 stride=2 groups=4 bias=false", "[4, 8, 8]", "calflops", {"macs": 0, "flops": 0}),
        ("conv_transpose 4 2x2 stride=2 groups=2 bias=false", "[4, 8, 8]", "calflops", {"macs": 1024, "flops": 2048}),
        ("conv_transpose 4 2x2 stride=2 bias=false", "[4, 8, 8]", "calflops", {"macs": 4096, "flops": 8192}),
    ],
)
def test_recurrent_and_transposed_layers_count_as_the_tool_prints(
    line: str, size: str, tool: str, figures: dict[str, int]
) -> None:
    spec = read_spec(f"archcalc: 1\nname: t\ninput: {size}\nlayers:\n  - {line}\n", "net.yaml")
    totals = Model(spec).count(convention=tool).totals
    assert {name: totals[name] for name in figures} == figures
