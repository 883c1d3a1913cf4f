"""Where rules end: limits met exactly, roundings that carry, escapes of each letter, ties, periods, whole batches."""

import json
import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy
import pytest
from onnx_files import write
from running import Command

import archcalc
from archcalc import escapes
from archcalc.algebra import maximum, minimum, symbol
from archcalc.algebra.order import increasing
from archcalc.algebra.poly import Poly, ceil
from archcalc.algebra.poly.atoms import Symbol
from archcalc.budget.settings import fits
from archcalc.conventions.tools import TOOLS
from archcalc.cost import Table
from archcalc.devices import chip
from archcalc.docs.markdown import without_code
from archcalc.editor.completion import offers
from archcalc.errors import SpecError
from archcalc.files import is_folder
from archcalc.importer.batch import reshaped
from archcalc.latency.work import convolved
from archcalc.memory.arena import Tensor, floor, plan, rounded
from archcalc.memory.attention import attending
from archcalc.model import load, read
from archcalc.ops.convolution import Conv
from archcalc.picture import Asked, Design, colours
from archcalc.picture.chart import Chart
from archcalc.picture.dot import dot
from archcalc.picture.plot import plot
from archcalc.picture.svg import width
from archcalc.question import Question
from archcalc.render import numbers, web
from archcalc.render.cells import Cells
from archcalc.render.grouping import flat
from archcalc.report import subject
from archcalc.report.conditions import Conditions
from archcalc.report.forms import is_number

HEAD = "archcalc: 1\nname: net\ninput: [3, 8, 8]\nlayers:\n"


def spec(folder: Path, *layers: str, more: str = "", name: str = "net") -> str:
    path = folder / f"{name}.yaml"
    path.write_text(HEAD + "".join(f"  - {layer}\n" for layer in layers) + more, encoding="utf-8")
    return str(path)


# ---- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "code"),
    [("max: 108", 0), ("max: 107", 1), ("min: 108", 0), ("min: 109", 1), ("min: 108, max: 108", 0)],
)
def test_a_limit_that_is_met_exactly_holds(archcalc: Command, tmp_path: Path, limit: str, code: int) -> None:
    """3 * 4 * 3 * 3 = 108."""
    path = spec(tmp_path, "conv 4 3x3 bias=false", more=f"budget:\n  params: {{{limit}}}\n")
    assert archcalc("check", path).code == code


def test_lists_may_be_nested_as_deep_as_the_limit() -> None:
    """The mapping of the spec is one, and 59 lists are in it."""
    text = f"{HEAD.removesuffix(chr(10))} {{}}"
    assert read(text.format("[" * 59 + "relu" + "]" * 59), "net.yaml").count().totals["layers"] == 1
    with pytest.raises(SpecError, match="nested deeper than 60"):
        read(text.format("[" * 60 + "relu" + "]" * 60), "net.yaml")


@pytest.mark.parametrize(("limit", "code"), [("+4", 0), ("+3", 1), ("3.7037038%", 0), ("3.7037037%", 1)])
def test_growth_may_be_what_is_allowed(archcalc: Command, tmp_path: Path, limit: str, code: int) -> None:
    """108 and four biases: 4 / 108 = 3.7037037037...%."""
    before = spec(tmp_path, "conv 4 3x3 bias=false", name="before")
    after = spec(tmp_path, "conv 4 3x3", more=f"budget:\n  params: {{increase: {limit}}}\n")
    assert archcalc("compare", before, after).code == code


def test_two_stars_are_any_number_of_folders_and_none() -> None:
    pattern = ("models", "**", "*.yaml")
    assert [fits(("models", *middle, "a.yaml"), pattern) for middle in ((), ("b",), ("b", "c"))] == [True] * 3
    assert not fits(("other", "a.yaml"), pattern)
    assert not fits(("models", "a.md"), pattern)
    assert fits((), ("**",))


# ---- roundings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (999, "999"), (1000, "1.00k"), (9_994, "9.99k"), (9_996, "10.0k"), (99_940, "99.9k"), (99_960, "100k"),
        (999_499, "999k"), (999_501, "1.00M"), (999_999_999, "1.00G"), (-9_996, "-10.0k"), (0, "0"),
    ],
)  # fmt: skip
def test_three_digits_of_a_count(value: int, said: str) -> None:
    assert numbers.count(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (9.994, "9.99"),
        (9.996, "10.0"),
        (0.9996, "1.00"),
        (99.96, "100"),
        (0.012345, "0.0123"),
        (1234.4, "1,234"),
        (1.3749, "1.37"),
        (0, "0"),
    ],
)
def test_three_digits_of_what_was_measured(value: float, said: str) -> None:
    assert numbers.significant(value) == said


@pytest.mark.parametrize(("value", "said"), [(1023, "1023 B"), (1024, "1.00 KiB"), (1024**2 - 1, "1.00 MiB")])
def test_bytes_are_of_1024(value: int, said: str) -> None:
    assert numbers.size_in_bytes(value) == said


@pytest.mark.parametrize(("x", "wanted"), [(1, 1), (2, 1), (3, 1), (4, 2), (6, 2), (7, 3)])
def test_a_third_rounded_up(x: int, wanted: int) -> None:
    """ceil((x + 0) / 3), of a whole x."""
    form: Any = ceil(symbol("x") / 3)
    assert form.evaluate({"x": x}) == wanted


# ---- the algebra -----------------------------------------------------------------------------------------------------


def test_a_maximum_inside_of_another_counts_with_its_factor() -> None:
    a, b, c = symbol("a"), symbol("b"), symbol("c")
    form: Any = maximum(2 * maximum(a, b), c)
    points = [{"a": 3, "b": 1, "c": 5}, {"a": 1, "b": 1, "c": 5}, {"a": 1, "b": 4, "c": 7}]
    assert [form.evaluate(point) for point in points] == [6, 5, 8]


def test_sums_and_comparisons_beyond_64_bits_are_exact() -> None:
    """Over their common denominator numerators are larger than the values."""
    pytest.importorskip("numpy")
    from archcalc.algebra.grids import Grid

    a, b = symbol("a"), symbol("b")
    grid = Grid.whole({"a": [2**31, 2**31 - 1], "b": [2**31]})

    def values(form: Any) -> list[Fraction]:
        found = grid.evaluate(form)
        return [Fraction(int(n), found.denominator) for n in found.numerators.ravel()]

    sides = (2**31, 2**31 - 1)
    assert values(a * b + a / 3) == [n * 2**31 + Fraction(n, 3) for n in sides]
    assert values(maximum(a * b + a, b * b / 3)) == [n * 2**31 + n for n in sides]  # thrice that is beyond 64 bits
    assert values(minimum(a * b * Fraction(1, 7), b * a)) == [Fraction(n * 2**31, 7) for n in sides]


def test_the_largest_number_of_64_bits_and_the_next() -> None:
    pytest.importorskip("numpy")
    from archcalc.algebra.grids import Grid

    for value in (2**63 - 1, 2**63):
        assert Grid.whole({"a": [value]}).axis("a").numerators.tolist() == [value]


# ---- escapes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("escape", "text", "wanted"),
    [
        (escapes.latex, "a_b&c%d$e#f{g}", r"a\_b\&c\%d\$e\#f\{g\}"),
        (escapes.markdown, "a|b*c`d[e]", r"a\|b\*c\`d\[e\]"),
        (escapes.rst, "a|b*c`d", r"a\|b\*c\`d"),
        (escapes.html, "<b>&\"'", "&lt;b&gt;&amp;&quot;&#x27;"),
        (escapes.csv, "=1", "'=1"), (escapes.csv, "+1", "'+1"), (escapes.csv, "-1", "'-1"), (escapes.csv, "@a", "'@a"),
        (escapes.csv, "a=1", "a=1"),
        (escapes.annotation, "50%", "50%25"),
        (escapes.dot, 'a"b', 'a\\"b'), (escapes.dot, "a\\b", "a\\\\b"),
    ],
)  # fmt: skip
def test_a_letter_that_means_something_is_escaped(escape: Any, text: str, wanted: str) -> None:
    assert escape(text) == wanted


def test_a_property_of_an_annotation_ends_at_no_colon_or_comma() -> None:
    assert escapes.annotated("a:b,c%") == "a%3Ab%2Cc%25"


def test_code_in_a_cell_doesnt_end_it() -> None:
    assert "\\|" in escapes.markdown_code("a|b")


def test_a_caption_is_text() -> None:
    page = web.html(Cells(["layer"], [["conv"]], ["total"], [False], ["layer"]), "<script>&")
    assert "<script>" not in page
    assert "&lt;script&gt;&amp;" in page


# ---- networks --------------------------------------------------------------------------------------------------------


def test_a_group_is_as_deep_as_its_deepest_layer() -> None:
    """Of one operator layers aren't added up to a depth: LeNet's convolutions are one layer deep each."""
    (conv,) = [row for row in flat(archcalc.load("lenet").count(), "op", None) if row.op == "conv"]
    assert (conv.depth, conv.layers) == (
        1,
        len([row for row in archcalc.load("lenet").count().rows if row.op == "conv"]),
    )


def test_branches_of_periods_two_and_three_join_in_one_of_six(tmp_path: Path) -> None:
    """Upsampled by 2 and by 3 after strides of 2 and 3: position n of one sees 2*(n//2), of the other 3*(n//3)."""
    path = tmp_path / "net.yaml"
    path.write_text(
        "archcalc: 1\nname: n\ninput: [1, 36, 36]\nlayers:\n"
        "  - add: [[maxpool 1x1 stride=2, upsample 2], [maxpool 1x1 stride=3, upsample 3]]\n"
    )
    table = load(str(path)).count()
    (span, _) = table.fields["input"][len(table.graph.nodes) - 1].spans  # type: ignore[union-attr]
    assert span.period == 6
    seen = [(min(2 * (n // 2), 3 * (n // 3)), max(2 * (n // 2), 3 * (n // 3))) for n in range(6)]
    assert [(span.low(n), span.high(n)) for n in range(6)] == seen


# ---- memory ----------------------------------------------------------------------------------------------------------


def test_places_are_rounded_up() -> None:
    assert [rounded(size, 16) for size in (0, 1, 15, 16, 17)] == [0, 16, 16, 16, 32]


def test_a_tensor_lives_to_the_end_of_its_last_step() -> None:
    """5 and 7 overlap in step 1 alone, 7 and 4 in none."""
    assert floor([Tensor("a", 5, 0, 1), Tensor("b", 7, 1, 2), Tensor("c", 4, 3, 3)]) == 12


def test_of_equal_tensors_the_later_is_placed_first() -> None:
    """As tflite-micro does: `GreedyMemoryPlanner` sorts by size, and puts ties in reverse."""
    found = plan([Tensor("a", 8, 0, 1), Tensor("b", 8, 1, 2)], "greedy")
    assert found.offsets == (8, 0)


# ---- model files -----------------------------------------------------------------------------------------------------


def test_of_a_batch_only_whole_shares_are_a_sample() -> None:
    pytest.importorskip("onnx")

    assert reshaped([8, 6], (24,), 2) == [4, 6]  # of two samples of 24 numbers
    assert reshaped([9, 6], (24,), 2) == [9, 6]


@pytest.mark.parametrize("op", ["ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd"])
def test_to_reduce_n_numbers_takes_n_less_one(op: str) -> None:
    pytest.importorskip("onnx")
    from archcalc.importer.rules.reducing import _cost

    assert _cost(op, (5, 7), (5, 1)) == 5 * 6


@pytest.mark.parametrize(("mode", "pads", "cut"), [("SAME_UPPER", (1, 2), (0, 1)), ("SAME_LOWER", (2, 1), (1, 0))])
def test_what_is_odd_about_same_padding(mode: str, pads: tuple[int, int], cut: tuple[int, int]) -> None:
    """8 by windows of 4 at stride 1 are padded by 3, the larger half at the end for UPPER; a transposed convolution of
    3 at stride 2 puts out 2 * 7 + 3 = 17 and cuts 1 off, at the end for UPPER: ONNX Conv and ConvTranspose.
    """
    pytest.importorskip("onnx")
    from archcalc.importer.rules.convolution import Moves, Windows

    given = Windows()
    given.auto_pad = mode
    conv = Moves(given, [4])
    assert (conv.over((8,)), conv.pads) == ((8,), [pads])
    given.strides = [2]
    transposed = Moves(given, [3])
    assert (transposed.cropped((8,), [0]), transposed.pads) == ((16,), [cut])


# ---- closed forms ----------------------------------------------------------------------------------------------------


def test_what_falls_in_one_symbol_is_not_shown_to_rise() -> None:
    a, b = symbol("a"), symbol("b")
    assert increasing(minimum(a, b))
    assert increasing(2 * maximum(a, b))
    assert not increasing(minimum(a, 8 - b))
    assert not increasing(maximum(a, 8 - b))
    assert not increasing(-minimum(a, 8 - b))


def test_a_step_of_one_is_no_multiple() -> None:
    assert Symbol(name="n").domain() == "an integer >= 1"
    assert Symbol(name="n", multiple_of=2).domain() == "a multiple of 2 >= 1"


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_only_the_first_of_many_repeats_has_no_gradient_of_its_input(n: int) -> None:
    """Two 1x1 convolutions on 25 places, 4 to 4 (i + 1) channels and back: each has two gradients, the first one."""
    layers = "  - n x: [conv 4*(i+1) 1x1 bias=false, conv 4 1x1 bias=false]\n"
    model = read(f"archcalc: 1\nname: net\ninput: [4, 5, 5]\nparams: {{n: 3}}\nlayers:\n{layers}", "net")
    hand = sum(25 * 4 * 4 * (i + 1) * 4 for i in range(n)) - 25 * 4 * 4
    form = model.count(train=True, free=["n"]).totals["backward_macs"]
    assert isinstance(form, Poly)
    assert form.evaluate(n=n) == hand
    assert model.count(train=True, n=n).totals["backward_macs"] == hand


# ---- graphs ----------------------------------------------------------------------------------------------------------


def counted(layers: str, **asked: Any) -> Table:
    return read(f"archcalc: 1\nname: net\ninput: [3, 8, 8]\nlayers: {layers}\n", "net").count(**asked)


def test_the_branch_that_survives_is_the_first_that_does_something() -> None:
    """A gradient of its 3 * 3 weights on 64 places, every second time."""
    for branches in ("identity, conv 3 1x1 bias=false", "conv 3 1x1 bias=false, identity"):
        assert counted(f"[{{add survive=0.5: [{branches}]}}]", train=True).totals["backward_macs"] == 288


def test_what_is_shared_is_held_once() -> None:
    rows = counted("[{a: conv 3 1x1 norm=bn}, conv 3 1x1 share=a, relu]").rows
    assert [row.buffers for row in rows] == [0, 6, 0, 0]
    assert [row.params for row in rows] == [12, 6, 0, 0]


@pytest.mark.parametrize(
    ("branches", "depth"),
    [("identity, [conv 3 1x1, conv 3 1x1]", 2), ("[conv 3 1x1, conv 3 1x1], conv 3 1x1", 2), ("identity, relu", 0)],
)
def test_the_longest_of_all_branches_is_the_depth(branches: str, depth: int) -> None:
    assert counted(f"[{{add: [{branches}]}}]").totals["depth"] == depth


def test_chips_have_what_their_data_sheets_say() -> None:
    """Nordic, nRF52840 product specification: 256 kB of RAM, 1 MB of flash."""
    nano = chip("arduino-nano-33-ble")
    assert (nano.memory, nano.flash) == (256 << 10, 1 << 20)


# ---- pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "written"),
    [("# x", "&#35; x"), ("10. x", "10&#46; x"), ("- x", "&#45; x"), ("> x", "&#62; x"), ("1.5 x", "1.5 x")],
)
def test_no_block_of_markdown_begins_with_a_paragraph(text: str, written: str) -> None:
    assert escapes.markdown_paragraph(text) == written


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_a_tools_page_says_all_that_it_leaves_out(archcalc: Command, name: str) -> None:
    known, page = TOOLS[name], archcalc("explain", "--as", name).out
    assert all(note in page for note in known.notes)
    assert ("frozen parameters are left out" in page) == (not known.frozen)
    assert ("parameters that nothing ran are left out" in page) == (not known.idle)


def test_an_overview_says_which_version_of_a_tool_is_meant(archcalc: Command) -> None:
    found = json.loads(archcalc("explain", "lenet", "--format", "json").out)
    versions = {each["tool"]: each["version"] for each in found["tools"]}
    assert versions["fvcore"] == TOOLS["fvcore"].version


@pytest.mark.parametrize(
    ("text", "is_code"),
    [
        ("a\n===\n    b\n", True),  # the line ends a heading, and what is indented behind it is code
        ("a\n---\n    b\n", True),
        ("a\n    b\n", False),  # a paragraph goes on
        ("===\n    b\n", False),
        ("---\n    b\n", True),
    ],
)
def test_a_line_under_text_makes_it_a_heading(text: str, is_code: bool) -> None:
    """CommonMark 0.31.2, 4.3: a setext heading's underline can't stand without its text."""
    assert ("b" not in without_code(text)) == is_code


def test_use_offers_the_parameters_of_networks_that_ship() -> None:
    assert "width=" in {offer.word for offer in offers("layers:\n  - use mobilenet_v2 ", 1, 99)}
    assert "width=" not in {offer.word for offer in offers("layers:\n  - use nobody ", 1, 99)}


def test_a_files_learned_parameters_train_under_the_rules_of_its_tools(tmp_path: Path) -> None:
    """LeCun et al. (1998), II.B: LeNet-5 has 60,000 trainable parameters; its output layer, 10 x 84, is fixed."""
    pytest.importorskip("onnx")
    file = tmp_path / "lenet.onnx"
    load("lenet").export(str(file))
    totals = load(str(file)).count(convention="onnx-tool").totals
    assert (totals["params"], totals["trainable_params"]) == (60_840, 60_000)


# ---- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "says"), [((), "a sample"), (("--batch", "2"), "a batch")])
def test_figures_are_of_a_sample_or_a_batch(
    archcalc: Command, tmp_path: Path, asked: tuple[str, ...], says: str
) -> None:
    found = archcalc("count", spec(tmp_path, "conv 4 3x3"), *asked).out
    (macs,) = [line for line in found.splitlines() if line.startswith("MACs  ")]
    assert macs.endswith(says)


def test_what_is_wanted_is_said_of_a_budget_and_of_a_published_figure(archcalc: Command, tmp_path: Path) -> None:
    over = spec(tmp_path, "conv 4 3x3 bias=false", more="budget:\n  params: {max: 107}\n", name="over")
    wrong = "reference:\n  - params: 107\n    source: a paper\n"
    other = spec(tmp_path, "conv 4 3x3 bias=false", more=wrong, name="other")
    said = [
        line for line in archcalc("check", over, other, "--format", "github").out.splitlines() if line.startswith("::")
    ]
    assert [", wanted" in line for line in said] == [True, False], said


@pytest.mark.parametrize(
    ("name", "holds", "is_one"),
    [
        ("lenet", False, False),  # a network that ships has that name
        ("lenet", True, True),
        ("./lenet", False, True),
        ("lenet/", False, True),
        ("models", False, True),
        ("models", True, True),
        ("nowhere", False, False),
    ],
)
def test_a_folder_without_a_spec_hides_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, holds: bool, is_one: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("lenet", "models"):
        Path(folder).mkdir()
        if holds:
            spec(Path(folder), "conv 4 3x3")
    assert is_folder(name) == is_one


# ---- model files -----------------------------------------------------------------------------------------------------


def test_a_chain_of_two_inputs_begins_with_a_reference(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    text = "archcalc: 1\nname: net\ninputs:\n  a: [3, 8, 8]\n  b: [3, 8, 8]\nlayers:\n"
    text += "  - add: [[ref b, conv 4 1x1], [ref a, conv 4 1x1]]\n  - relu\n"
    read(text, "net.yaml").export(tmp_path / "net.onnx")
    lines = load(str(tmp_path / "net.onnx")).to_spec()[0].splitlines()
    assert lines[lines.index("layers:") + 1] == "  - ref a"
    assert lines[-1] == "  - add act=relu: [[ref b, conv 4 1x1], identity]"


@pytest.mark.parametrize(
    ("wanted", "shape", "one"),
    [
        ([5, 8, -1], (5, 1, 16), [5, 1, -1]),  # positions first, then the samples
        ([5, 8, -1], (5, 1), [5, 1, -1]),
        ([5, 8, -1], (5, 2, 16), [5, 8, -1]),
        ([8, -1], (1, 4, 4), [1, -1]),
        ([64, 5, 4], (1, 8, 5, 4), [8, 5, 4]),  # eight heads with them
    ],
)
def test_the_samples_of_a_written_batch_are_where_they_stand(
    wanted: list[int], shape: tuple[int, ...], one: list[int]
) -> None:
    assert reshaped(wanted, shape, 8) == one


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER"])
def test_nothing_is_padded_where_windows_fit(tmp_path: Path, mode: str) -> None:
    onnx = pytest.importorskip("onnx")
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[1, 1], strides=[2, 2], auto_pad=mode)
    write(tmp_path / "net.onnx", [node], {"x": [1, 3, 8, 8]}, w=numpy.ones((4, 3, 1, 1), numpy.float32))
    table = load(str(tmp_path / "net.onnx")).count()
    ((field,),) = [list(table.seen_at(n).values()) for n in table.graph.outputs]
    assert [(span.lows, span.highs) for span in field.spans] == [((0,), (0,))] * 2
    assert table.totals["macs"] == 4 * 4 * 4 * 3


@pytest.mark.parametrize(
    ("stride", "rows", "edges"), [("1x1", 8 * 3 - 2, 2), ("1x2", 8 * 3 - 2, 1), ("2x1", 4 * 3 - 1, 2), ("1x3", 22, 1)]
)
def test_edges_are_columns(stride: str, rows: int, edges: int) -> None:
    """Padding of 1 on each side: ceil(1 / stride) columns see it before, 1 // stride behind, and meet two taps of three
    on each of the rows that windows meet; 3 channels.
    """
    table = counted(f"[conv 1 3x3 stride={stride} bias=false]")
    op, output = table.graph.nodes[-1].op, table.graph.nodes[-1].shape
    assert isinstance(op, Conv)
    assert convolved(op, output, (3, 8, 8), 1, False, int).edges == 3 * rows * 2 * edges


# ---- runs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moved", "read"), [(1, 20), ((1 << 21) - 1, 20), (1 << 21, 21), (3 << 21, 22), ((1 << 28) - 1, 27), (1 << 40, 28)]
)
def test_memory_is_read_in_powers_of_two_from_one_to_256_mib(moved: int, read: int) -> None:
    pytest.importorskip("numpy")
    from archcalc.measure.ceilings import _rounded

    assert _rounded(moved) == 1 << read


def test_vectors_have_no_window_to_show(archcalc: Command, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    path = tmp_path / "dense.yaml"
    path.write_text("archcalc: 1\nname: dense\ninput: [8]\nlayers:\n  - fc: linear 4\n", encoding="utf-8")
    done = archcalc("verify", str(path), "--field", "fc")
    assert done.code == 2
    assert "it has no window" in done.err


def test_pixels_are_tried_in_the_middle_at_the_ends_and_beside_them() -> None:
    pytest.importorskip("numpy")
    from archcalc.measure.prober import _spread

    assert _spread(0, 10) == [5, 0, 10, 6, 4, 1, 9, 2, 7]
    assert (_spread(3, 3), _spread(0, 1)) == ([3], [0, 1])


@pytest.mark.parametrize("way", ["eager", "fused"])
def test_every_attention_is_run_in_the_way_that_is_asked_for(way: str) -> None:
    text = "archcalc: 1\nname: net\ninput: [16, 8]\nlayers: [3 x attention 2]\n"
    graph = attending(read(text, "net.yaml").count().graph, way)
    ops = [node.op for node in graph.nodes if node.op.word == "attention"]
    assert [getattr(op, "fused", None) for op in ops] == [way == "fused"] * 3
    assert len(set(map(id, ops))) == 1  # what is alike stays one operator


# ---- pictures and reports --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("least", "found"), [(10_000, 1), (50_000, 2), (100_000, 3), (200_000, 4), (400_000, 5)])
def test_a_share_has_the_colour_of_its_step(least: int, found: int) -> None:
    """Of a million: from 1, 5, 10, 20 and 40 % on."""
    assert [colours.step(part, 1_000_000) for part in (least - 1, least)] == [found - 1, found]


def test_boxes_of_dot_have_the_colour_of_their_share() -> None:
    """3 * 8 * 9 and 8 * 8 * 9 MACs a position: 27 and 73 %."""
    drawn = dot(counted("[conv 8 3x3, conv 8 3x3, relu]"))
    fills = re.findall(r'fillcolor="(#\w+)"', drawn)
    assert fills == [colours.LIGHT.scale[4], colours.LIGHT.scale[5], colours.LIGHT.scale[0]]


def test_of_many_layers_some_have_a_mark() -> None:
    """Every second of 451: the input is one."""
    drawn = plot([counted("[450 x: conv 3 1x1]")], "field")
    assert drawn.count("<circle") == 226


def test_a_tick_ends_at_its_axis_and_what_is_drawn_is_kept_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four pixels long; a dot of two pixels around takes four."""
    taken: list[tuple[float, float]] = []
    monkeypatch.setattr(
        Chart, "label", lambda chart, *_: taken.extend((p.right - p.left, p.bottom - p.top) for p in chart.taken)
    )
    designs = tuple(Design(str(n), (n, 10 * n), n == 1) for n in (1, 2))
    drawn = plot([counted("[conv 3 1x1]")], "front", Asked(designs=designs))
    starts = re.findall(r'd="M([\d.]+) ([\d.]+) L72 \2"', drawn)
    assert {x for x, _ in starts} == {"68"}
    assert (4, 4) in taken


def test_names_under_an_axis_keep_apart() -> None:
    layers = ", ".join(f"{{a-name-of-some-length-{n}: conv 3 1x1}}" for n in range(60))
    drawn = plot([counted(f"[{layers}]")], "memory")
    names = re.findall(r'<text x="([\d.]+)"[^>]*>(a-name[^<]*)</text>', drawn)
    assert 3 < len(names) < 20
    ends = [(float(x) - width(name) / 2, float(x) + width(name) / 2) for x, name in names]
    assert all(end < start for (_, end), (start, _) in pairwise(ends))
    assert len(re.findall(r'd="M([\d.]+) 420 L\1 424"', drawn)) == len(re.findall(r'<text x="[\d.]+" y="437"', drawn))


def test_what_is_no_number_has_no_form() -> None:
    assert [is_number(value) for value in (1, Fraction(1, 2), symbol("n"))] == [True] * 3
    assert [is_number(value) for value in (True, "1", 1.5, None)] == [False] * 4


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("ceil(n / 2) > 3", "($less(3n,$mul(-1n,$floor($mul(-1n,$div(n0,2n))))))"),
        ("floor(n / 2) > 3", "($less(3n,$floor($div(n0,2n))))"),
        ("max(n, 2) > 3", "($less(3n,$max(n0,2n)))"),
    ],
)
def test_conditions_of_a_page_round_as_the_language_does(text: str, made: str) -> None:
    assert Conditions({}, {"n": 8}, {"n": "n0"}).compiled(text) == made


def test_words_that_are_asked_for_stay_and_numbers_can_be_changed() -> None:
    text = "archcalc: 1\nname: net\nparams: {n: 8, kind: {default: relu, in: [relu, silu]}}\ninput: [3, 8, 8]\nlayers:\n  - conv n 3x3 act=kind\n"
    found = subject(read(text, "net.yaml"), Question(bindings={"n": "4", "kind": "silu"}))
    assert found.open.free == ("n", "batch")
    assert found.open.binding.values["kind"] == "silu"


def test_an_axis_of_one_value_is_none() -> None:
    """221,316,608 MACs at 192, 300,774,272 at 224, as a count says."""
    found = load("mobilenet_v2").solve(
        maximize="size", most={"macs": "300M"}, over={"size": "32..512:32", "width": "1"}
    )
    assert found.best == {"size": 192, "width": 1}
    assert found.method.startswith("monotone, proved")


@pytest.mark.parametrize(
    ("designs", "shown", "told"), [(40, 40, "40 of 40 designs hold"), (41, 40, "the first 40 are shown")]
)
def test_of_many_designs_forty_are_shown(archcalc: Command, designs: int, shown: int, told: str) -> None:
    printed = archcalc("sweep", "mobilenet_v2", "--over", f"size=32..{32 * designs}:32", "--columns", "macs").out
    assert sum(bool(re.match(r"\s+\d+\s", line)) for line in printed.splitlines()) == shown
    assert told in printed


# ---- the rest --------------------------------------------------------------------------------------------------------


def test_broad_letters_are_wider_than_capitals_and_those_than_small_ones() -> None:
    assert width("W") > width("E") > width("e") > width("i")
    assert width("中") > width("W")


@pytest.mark.parametrize(
    ("front", "above"), [("", 0), ("\n", 1), ("---\ntitle: x\n---\n", 3), ("\n\n---\na: b\n---\n", 5)]
)
def test_lines_above_a_page_are_those_of_its_front_matter(tmp_path: Path, front: str, above: int) -> None:
    pytest.importorskip("mkdocs")
    from archcalc.mkdocs import _lines_above

    page = tmp_path / "page.md"
    page.write_text(f"{front}# A\n\ntext\n", encoding="utf-8")
    assert _lines_above("# A\n\ntext\n", page) == above


def test_a_layer_of_one_operation_has_its_place_under_the_roof(archcalc: Command, tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text("archcalc: 1\nname: one\ninput: [1]\nlayers:\n  - sole: relu\n", encoding="utf-8")
    archcalc("plot", str(path), "--kind", "roofline", "--device", "rtx4090", "-o", str(tmp_path / "one.svg"))
    assert "sole" in (tmp_path / "one.svg").read_text(encoding="utf-8")


def test_a_learned_tensor_is_read_by_its_layers() -> None:
    pytest.importorskip("onnx")
    from archcalc.onnx.export import in_memory

    made = in_memory(counted("[{a: conv 3 1x1 act=relu}, {b: conv 3 1x1 share=a}]"))
    assert set(map(frozenset, made.readers().values())) == {frozenset({"a", "b"})}


def test_sizes_that_a_file_computes_are_followed(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from archcalc.onnx.stored import StoredModel

    nodes = [
        onnx.helper.make_node("Shape", ["x"], ["dims"]),
        onnx.helper.make_node("Gather", ["dims", "order"], ["turned"]),
        onnx.helper.make_node("Reshape", ["x", "turned"], ["y"]),
    ]
    write(tmp_path / "net.onnx", nodes, {"x": [2, 3, 5]}, order=numpy.array([2, 0, 1], numpy.int64))
    assert StoredModel(str(tmp_path / "net.onnx")).inferred()["y"] == (5, 2, 3)


@pytest.mark.parametrize("n", [2, 3])
def test_a_size_that_is_a_part_of_an_inputs_runs(tmp_path: Path, n: int) -> None:
    """A free n is read off an axis of 2 n + 1 positions; 8 (2 n + 1) numbers become 4 n + 2 rows."""
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    text = "archcalc: 1\nname: net\nparams: {n: 2}\ninput: [8, 2*n+1]\nlayers:\n  - reshape 4*n+2 4\n  - relu\n"
    read(text, "net.yaml").export(tmp_path / "net.onnx", free=["n"])
    session = runtime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    (made,) = session.run(None, {session.get_inputs()[0].name: numpy.ones((1, 8, 2 * n + 1), numpy.float32)})
    assert made.shape == (1, 4 * n + 2, 4)
