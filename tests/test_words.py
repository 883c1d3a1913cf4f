"""Words of the language that today's networks need: ties, branches that are alike, sizes that arrive, brackets in lists."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from running import Command

from archcalc.cost import Table
from archcalc.errors import ExpressionError, SpecError, Undecided
from archcalc.expand import expand
from archcalc.model import load, read
from archcalc.spec.expressions import evaluate


def counted(layers: str, top: str = "input: [8, 16, 16]") -> Table:
    return read(f"archcalc: 1\nname: t\n{top}\nlayers:\n{layers}", "t.yaml").count()


TIED = "  - wte: embedding 100 32\n  - linear 64\n  - linear 32\n  - linear 100 bias=false tied=wte\n"


def test_a_tied_head_reads_the_embeddings_table_and_adds_no_parameters() -> None:
    table = counted(TIED, "input: [7]")
    assert table.totals["params"] == 100 * 32 + (32 + 1) * 64 + (64 + 1) * 32
    assert table.rows[-1].macs == 7 * 32 * 100
    again = read(expand(table), "flat.yaml").count()
    assert (again.totals["params"], again.totals["macs"]) == (table.totals["params"], table.totals["macs"])


def test_a_tied_head_comes_back_from_an_export_as_one(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    file = tmp_path / "tied.onnx"
    read(f"archcalc: 1\nname: t\ninput: [7]\nlayers:\n{TIED}", "t.yaml").export(file)
    text = expand(load(str(file)).count())
    assert text.endswith(" tied=/wte\n")
    assert read(text, "again.yaml").count().totals["params"] == 100 * 32 + (32 + 1) * 64 + (64 + 1) * 32


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("linear 100 tied=wte", "tied=wte reads a weight and has no bias"),
        ("linear 99 bias=false tied=wte", "tied=wte: the weights differ: weight 100x32 there, weight 99x32 here"),
        ("linear 100 bias=false tied=wtf", "no earlier layer with that label"),
        ("linear 100 bias=false share=wte", "the weights differ: weight 100x32 of embedding there"),
        ("conv 3 1 tied=wte", "conv has no option 'tied'"),
    ],
)
def test_a_tie_that_does_not_fit_is_refused(line: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        counted(f"  - wte: embedding 100 32\n  - {line}\n", "input: [7]")
    assert said in str(caught.value)


def test_branches_that_are_alike_are_written_once() -> None:
    table = counted("  - concat: [8 parallel conv 4 3x3]\n", "input: [3, 8, 8]")
    assert (table.totals["params"], table.rows[-1].shape) == (8 * (3 * 9 * 4 + 4), (32, 8, 8))
    mixed = counted("  - add: [identity, {2 parallel: [conv 8 3x3, relu]}]\n")
    assert mixed.totals["params"] == 2 * (8 * 8 * 9 + 8)
    growing = counted("  - concat: [n parallel conv (i+1) 1x1]\n", "input: [3, 8, 8]\nparams: {n: 3}")
    assert growing.rows[-1].shape == (1 + 2 + 3, 8, 8)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("concat: [1 parallel conv 4 1x1]", "concat takes at least 2 branches, got 1"),
        ("concat: [x/2 parallel conv 4 1x1]", "unknown name"),
        ("concat: [2 parallel]", "what is there 2 times? write `2 parallel layer`"),
        ("concat: [(5/2) parallel conv 4 1x1]", "branches are a whole number, got 2.5"),
    ],
)
def test_parallel_branches_that_cannot_be_are_refused(line: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        counted(f"  - {line}\n")
    assert said in str(caught.value)


def test_commas_in_brackets_belong_to_the_value() -> None:
    table = counted("  - [linear max(cin//4,4), relu]\n", "input: [64]")
    assert [(row.op, row.shape) for row in table.rows] == [("linear", (16,)), ("relu", (16,))]
    assert counted("  - concat: [conv make_divisible(cin/3,2) 1x1, identity]\n").rows[-1].shape == (
        4 + 8,
        16,
        16,
    )  # 2 would be less than nine tenths of 8/3
    with pytest.raises(SpecError, match="unbalanced brackets"):
        counted("  - [linear max(cin//4, relu]\n", "input: [64]")


def test_the_size_that_arrives_is_known() -> None:
    table = counted("  - maxpool 1x2\n  - conv hin 1x1\n  - conv win 1x1\n  - conv nin 1x1\n  - conv 2*cin 1x1\n")
    assert [row.shape[0] for row in table.rows] == [8, 16, 8, 128, 256]


@pytest.mark.parametrize(("norm", "word"), [("rms", "rmsnorm"), ("in", "instancenorm"), ("rmsnorm", "rmsnorm")])
def test_short_names_of_normalisations(norm: str, word: str) -> None:
    assert [row.op for row in counted(f"  - conv 8 3x3 norm={norm}\n").rows] == ["conv", word]


def test_the_parameters_sizes_are_named_after_are_the_languages_own(archcalc: Command, tmp_path: object) -> None:
    with pytest.raises(SpecError, match="the language uses it"):
        counted("  - relu\n", "input: [8]\nparams: {nin: 3}")


# ---- items that stand on one line, or are one of two -----------------------------------------------------------------

CONV = 8 * 8 * 9 + 8  # parameters of a 3x3 convolution from 8 channels to 8


@pytest.mark.parametrize(
    ("layers", "params"),
    [
        ("  - 3 x [conv 8 3x3, relu]\n", 3 * CONV),
        ("  - stage: 2 x [conv max(cin,4) 3x3, [relu, conv 8 3x3]]\n", 4 * CONV),
        ("  - concat: [identity, 2 parallel conv 8 3x3]\n", 2 * CONV),
        ("  - add:\n      - identity\n      - 2 parallel [conv 8 3x3, relu]\n", 2 * CONV),
        ("  - both: concat: [conv 8 3x3, identity]\n", CONV),
        ("  - [low: conv 8 3x3 pad=(1,1), relu, high: conv max(4,8,2) 3x3]\n", 2 * CONV),
        ("  - [low: {conv: conv 8 3x3}, relu]\n", CONV),
        ("  - both: add act=relu: [conv 8 3x3, identity]\n  - ref both\n  - conv 8 3x3\n", 2 * CONV),
        ("  - [conv [8][0] 3x3, relu, conv max([4,8][1],2) 3x3]\n", 2 * CONV),
        ("  - both: concat: [conv [8][0] 3x3, identity]  # not [closed\n", CONV),
        ("  - add: [[conv [8][0] 3x3, 'relu'], {low: [\"relu\", conv [8][0] 3x3]}]\n", 2 * CONV),
        ("  - concat: [\n      conv [8][0] 3x3,  # one\n      2 x [conv 8 3x3, relu],\n    ]\n", 3 * CONV),
        ("  - 2 x: [conv [8, 9][i - i] 3x3, relu]\n", 2 * CONV),
        ("  - both: add:\n    - identity\n    - conv 8 3x3\n", CONV),
        ("  - stage: 3 x:\n    - conv 8 3x3\n    - relu\n  - ref stage/2\n", 3 * CONV),
        ("  - if: cin == 8\n    then: conv 8 3x3\n    else: linear 1\n", CONV),
        ("  - if: cin < 8\n    then: conv 8 3x3\n", 0),
        ("  - a: {if: cin < 8, then: gap, else: [conv 8 3x3, conv 8 3x3]}\n  - ref a/conv\n", 2 * CONV),
        ("  - 3 x: [{if: first, then: {conv: conv 8 3x3}, else: relu}]\n", CONV),
        ("  - 2 x:\n    - if: true\n      then: conv 8 3x3\n", 2 * CONV),
        ("  - swiglu 32\n", 8 * 64 + 32 * 8),
        ("  - geglu 32 bias=true out=4\n", 9 * 64 + 33 * 4),
        ("  - [reglu hidden=16, swiglu 4]\n", 8 * 32 + 16 * 8 + 8 * 8 + 4 * 8),
    ],
)
def test_items_on_one_line(layers: str, params: int) -> None:
    if "glu" in layers:
        assert counted(layers, "input: [8, 9]").totals["params"] == params
    else:
        table = counted(layers)
        assert table.totals["params"] == params
        assert read(expand(table), "flat.yaml").count().totals["params"] == params


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ("  - 3 x [conv 8 3x3, relu] 4\n", "t.yaml:5:28: a chain on one line ends with its bracket"),
        ("  - 3 x []\n", "an empty chain"),
        ("  - 3 x [conv 8 3x3, rellu]\n", "t.yaml:5:22: unknown layer 'rellu'"),
        ("  - both: concat: [conv 8 3x3, conv 8 3x3 strid=2]\n", "t.yaml:5:43: conv has no option 'strid'"),
        ("  - both: concat: conv 8 3x3\n", "t.yaml:5:19: concat takes a list of branches"),
        ("  - [conv [8][0] 3x3, conv [8][0] 3x3 strid=2]\n", "t.yaml:5:39: conv has no option 'strid'"),
        ("  - both: concat: [conv [8][1] 3x3, identity]\n", "t.yaml:5:25: `[8][1]`: there is no item 1"),
        ("  - [conv [8][0] 3x3, relu\n", "t.yaml:5:5: a bracket that isn't closed"),
        ("  - [conv [8 3x3, relu]\n", "t.yaml:5:5: a bracket that isn't closed"),
        ("  - both: convat: [relu, relu]\n", "t.yaml:5:17: a second `key: value` on one line"),
        ("  - both: [relu]\n  - both: add: [relu, relu]\n", "t.yaml:6:5: label 'both' is used twice"),
        ("  - if: cin\n    then: relu\n", "t.yaml:5:9: if needs a comparison, got 8"),
        ("  - if: cinn > 3\n    then: relu\n", "t.yaml:5:9: unknown name 'cinn'"),
        ("  - if: cin > 3\n    else: relu\n", "if needs a `then:`"),
        ("  - if:\n    then: relu\n", "if needs a comparison"),
        ("  - if: cin > 3\n    then: relu\n    elif: relu\n", "t.yaml:7:5: if takes then and else"),
        ("  - if: cin > 3\n    then: relu\n    else: rellu\n", "t.yaml:7:11: unknown layer 'rellu'"),
        ("  - swiglu\n", "swiglu needs hidden"),
        ("  - swiglu 32 biass=true\n", "swiglu has no option 'biass'; did you mean 'bias'?"),
    ],
)
def test_items_on_one_line_are_refused_where_they_are_wrong(layers: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        counted(layers)
    assert said in str(caught.value)


def test_a_spec_may_have_a_block_of_its_own_that_is_called_as_one_of_the_library() -> None:
    top = "input: [8, 9]\nblocks:\n  swiglu(n): linear n"
    assert counted("  - swiglu 3\n", top).totals["params"] == 9 * 3


MODULES = """\
  - stage:
      3 x:
        - if: first
          then: [high: conv 8 3x3, {low: conv 16 3x3 stride=2}]
          else:
            - high: add: [ref stage/(i)/high, [ref stage/(i)/low, conv_transpose 8 2x2 stride=2]]
            - low: add: [ref stage/(i)/low, [ref stage/(i)/high, conv 16 3x3 stride=2]]
outputs: [stage/3/high, stage/(n)/low]
"""


def test_a_repeat_reads_the_outputs_of_the_repeat_before_it() -> None:
    """The modules of HRNet: each has several outputs, which the next one reads."""
    layers = MODULES.replace(", stage/(n)/low", ", stage/3/low")
    table = counted(layers)
    up, down = 16 * 8 * 4 + 8, 8 * 16 * 9 + 16
    assert table.totals["params"] == CONV + down + 2 * (up + down)
    inputs = {node.name: [table.graph.nodes[n].name for n in node.inputs] for node in table.graph.nodes}
    assert inputs["stage/3/high"] == ["stage/2/high", "stage/3/high/conv_transpose"]
    with pytest.raises(SpecError, match="there is no such label"):
        counted(layers.replace("stage/(i)/high, [", "stage/(i+1)/hig, ["))
    with pytest.raises(SpecError, match=r"an index is a whole number, got 1/2|an index is a whole number, got 0\.5"):
        counted(layers.replace("ref stage/(i)/high, [", "ref stage/(i/2)/high, ["))
    with pytest.raises(SpecError, match="unknown name 'j'"):
        counted(layers.replace("ref stage/(i)/high, [", "ref stage/(j)/high, ["))


@pytest.mark.parametrize(
    ("line", "start", "length"),
    [("conv 8 3 pad=causal", -2, 16), ("conv 8 3 pad=causal dilation=4", -8, 16), ("conv 8 3 pad=(2,0)", -2, 16),
     ("conv 8 3 pad=((2,0))", -2, 16), ("conv 8 3 pad=[(2,1)]", -2, 17), ("maxpool 2 stride=1 pad=causal", -1, 16)],
)  # fmt: skip
def test_padding_before_and_after_on_one_axis(line: str, start: int, length: int) -> None:
    table = counted(f"  - {line}\n", "input: [8, 16]")
    assert table.rows[-1].shape[1:] == (length,)
    assert [span.start for span in table.rows[-1].field["input"].spans] == [start]


def test_causal_padding_is_for_one_axis() -> None:
    with pytest.raises(SpecError, match="pad=causal is for one axis, got 2"):
        counted("  - conv 8 3x3 pad=causal\n")
    same = counted("  - conv_transpose 8 4 stride=2 pad=causal\n", "input: [8, 16]")
    assert same.rows[-1].shape == (8, 32)


def test_a_map_is_resized_to_the_size_of_another() -> None:
    table = counted("  - stem: conv 8 3x3\n  - conv 8 3x3 stride=3\n  - resize like=stem mode=bilinear\n")
    assert table.rows[-1].shape == (8, 16, 16)
    free = read("archcalc: 1\nname: t\ninput: [3, n, n]\nparams: {n: 8}\nlayers:\n  - conv 3 3x3 stride=2\n"
                "  - resize like=input\n", "t.yaml").count(free=["n"])  # fmt: skip
    assert str(free.rows[-1].shape[1]) == "n"
    for line, said in [
        ("resize 3x3 like=stem", "takes a size or like=LABEL, not both"),
        ("resize like=stam", "like=stam: there is no such label; did you mean 'stem'?"),
        ("[out: gap, ref stem, resize like=out]", "it is a vector, which has no spatial size"),
        ("resize", "resize needs to"),
        ("conv 8 3x3 like=stem", "conv has no option 'like'"),
    ]:
        with pytest.raises(SpecError) as caught:
            counted(f"  - stem: conv 8 3x3\n  - {line}\n")
        assert said in str(caught.value)


def test_log_is_exact_where_it_is_whole() -> None:
    for text, value in [("log(8, 2)", 3), ("log(1/27, 3)", -3), ("log(3**40, 3)", 40), ("log(1, 7)", 0)]:
        assert evaluate(text, {}) == value
    assert abs(float(evaluate("log(10, 2)", {})) - math.log2(10)) < 1e-14
    for text in ("log(0, 2)", "log(2, 1)", "log(2, -1)", "log(true, 2)"):
        with pytest.raises(ExpressionError):
            evaluate(text, {})


def test_the_sixth_relu_is_no_relu6() -> None:
    """Names that are made up never meet: operators' words end in digits, too."""
    table = counted("".join(f"  - {word}\n" for word in ("relu6", *["relu"] * 6, "relu6", "linear 3")), "input: [4]")
    names = [row.name for row in table.rows]
    assert len(set(names)) == 9
    assert (names[0], names[1], names[5]) == ("relu6", "relu", "relu5")


@pytest.mark.parametrize("to", [(6, 6), (5, 9), (7, 3)])
def test_windows_of_different_sizes_are_exported_and_come_back(to: tuple[int, int], tmp_path: Path) -> None:
    """Output o of m is the mean of the inputs from floor(o*n/m) to ceil((o+1)*n/m) of n, written out here."""
    numpy, runtime = pytest.importorskip("numpy"), pytest.importorskip("onnxruntime")
    file = tmp_path / "pooled.onnx"
    text = f"archcalc: 1\nname: t\ninput: [2, 14, 8]\nlayers: [adaptive_avgpool {to[0]}x{to[1]}]\n"
    read(text, "t.yaml").export(file)
    x = numpy.random.default_rng(3).random((1, 2, 14, 8), dtype=numpy.float32)
    session = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: x})
    rows, columns = (
        [slice(o * n // m, math.ceil((o + 1) * n / m)) for o in range(m)] for n, m in zip((14, 8), to, strict=True)
    )
    wanted = [[x[0, :, row, column].mean((1, 2)) for column in columns] for row in rows]
    assert numpy.allclose(found[0], numpy.moveaxis(wanted, 2, 0), atol=1e-6)
    assert f"adaptive_avgpool {to[0]}x{to[1]}" in expand(load(str(file)).count())


def test_windows_of_a_free_map_are_a_closed_form() -> None:
    """The elements in all windows, counted one by one, of maps that the windows part evenly and of others."""
    model = read("archcalc: 1\nname: t\ninput: [3, h, 24]\nparams: {h: 14}\nlayers: [adaptive_avgpool 7x5]\n", "t.yaml")
    table = model.count(free=["h"])
    columns = sum(math.ceil((o + 1) * 24 / 5) - o * 24 // 5 for o in range(5))
    assert table.graph.nodes[-1].shape == (3, 7, 5)
    for h in (1, 3, 7, 13, 14, 40, 224):
        rows = sum(len(range(o * h // 7, math.ceil((o + 1) * h / 7))) for o in range(7))
        assert table.totals["elementwise"].evaluate(h=h) == 3 * rows * columns == model.count(h=h).totals["elementwise"]
    many = read("archcalc: 1\nname: t\ninput: [3, h, 24]\nparams: {h: 99}\nlayers: [adaptive_avgpool 99x5]\n", "t.yaml")
    with pytest.raises(Undecided, match="true only when h is a multiple of 99"):
        many.count(free=["h"]).total("elementwise")


def outcome(text: str) -> object:
    try:
        return evaluate(text, {"width": 8, "c1": 3}, {"relu"})
    except ExpressionError as error:
        return str(error).replace("(", "").replace(")", "")


@pytest.mark.parametrize(
    "text",
    ["64", "0", "00", "007", "1" * 19, "1" * 20, "9" * 90, "1_000", "width", "c1", "relu", "wodth", "true", "True", "None",
     "none", "e", "if", "not", "x", "c1x1", "_", "é", "١"],
)  # fmt: skip
def test_a_number_or_a_name_alone_is_read_as_in_a_line_of_more(text: str) -> None:
    """In parentheses it is Python's parser that reads it."""
    assert outcome(text) == outcome(f"({text})")
