"""Proof by running: every network that ships, and that a wrong count doesn't pass."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import numpy

from archcalc.cost import Table
from archcalc.errors import ArchcalcError, UsageError
from archcalc.measure.field import prove_field
from archcalc.measure.proof import Proof, verify
from archcalc.model import Model, load
from archcalc.ops import OPS, Window
from archcalc.shipped import zoo_names
from archcalc.spec import read_spec

from shipping import families, members  # isort: skip
from test_identities import network_of, quick  # isort: skip
from test_ops import ROWS, Row, table_of  # isort: skip

SIDES = (32, 48, 64, 80, 96, 112, 128, 160, 188)  # the smallest that a network can be built with is taken
MOST_PARAMS, MOST_MACS = 12_000_000, 10**9  # of what is run where `slow` tests are not: the cheapest of each family
FEW = {  # of language models: words, layers, and what is wide beside them
    "n": 4, "m": 4, "vocab_size": 50, "num_hidden_layers": 3, "n_layer": 2, "num_layers": 2, "encoder_layers": 2,
    "decoder_layers": 2, "n_routed_experts": 8, "num_local_experts": 2, "max_source_positions": 10,
}  # fmt: skip
MOST_RUN = 3_000_000_000  # parameters of the largest that is run at its own size
POOL = (numpy.random.default_rng(0).standard_normal(1 << 16) / 20).astype("float32")


def model_of(text: str) -> Model:
    return Model(read_spec(text, "net.yaml"))


def small(name: str) -> Table:
    """A network at its smallest input, with ten classes and narrow tokens: the structure is the same."""
    model = load(name)
    values = model.count().binding.values
    sets: dict[str, Any] = {key: 10 for key in ("classes", "identities") if key in values}
    whole = {key: value for key, value in values.items() if isinstance(value, int)}
    sets |= {"dim": 4 * whole["heads"]} if {"heads", "dim"} <= set(whole) else {}
    sets |= {key: least for key, least in FEW.items() if whole.get(key, 0) > least}
    for side in (side for side in SIDES if isinstance(values.get("size"), int) and side < int(str(values["size"]))):
        try:
            return model.count(size=side, **sets)
        except ArchcalcError:
            continue
    return model.count(**sets)


def cheap(slot: Any) -> Any:
    """Numbers that cost nothing to make."""
    values = numpy.resize(POOL, slot.shape)
    return abs(values) if slot.name == "variance" else values


def complete(proof: Proof) -> bool:
    return all(tally.proved == tally.total > 0 for tally in (proof.shapes, proof.inferred))


@pytest.mark.parametrize("family", families(20))
def test_the_cheapest_of_a_family_is_what_was_counted(family: str) -> None:
    tables = [small(name) for name in members(family)]
    table = min(tables, key=lambda table: table.totals["params"] + table.totals["macs"])
    if table.totals["params"] > MOST_PARAMS or table.totals["macs"] > MOST_MACS:
        pytest.skip("too large to be run among quick tests: `slow` ones run it")
    proof = verify(table, fields=(), fill=cheap)
    assert proof.differences == ()
    assert complete(proof)
    assert (proof.params, proof.buffers) == (table.totals["params"], table.totals["buffers"])


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo_names())
def test_a_network_that_ships_is_what_was_counted_at_its_own_size(name: str) -> None:
    table = load(name).count()
    if table.totals["params"] > MOST_RUN:
        pytest.skip("too large to run")
    proof = verify(table)
    assert proof.differences == ()
    assert complete(proof)


@pytest.mark.parametrize("name", ["cnn", "googlenet", "squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5"])
def test_a_field_is_confirmed_by_single_pixels(name: str) -> None:
    model = load(name)
    sets = {"size": 96} if isinstance(model.count().binding.values.get("size"), int) and name != "cnn" else {}
    proof = verify(model.count(**sets), fill=cheap)
    (field,) = proof.fields
    assert proof.differences == ()
    assert field.positions >= 3
    assert field.sides >= 4
    assert f"confirmed in {field.positions} positions" in str(proof)


VGG = """\
archcalc: 1
name: VGG-16 with few channels
params: {size: 224}
input: [3, size, size]
defaults: {conv: {act: relu}}
layers:
  - conv1: 2 x conv 4 3x3
  - maxpool 2x2
  - conv2: 2 x conv 4 3x3
  - maxpool 2x2
  - conv3: 3 x conv 4 3x3
  - maxpool 2x2
  - conv4: 3 x conv 4 3x3
  - maxpool 2x2
  - conv5: 3 x conv 4 3x3
  - pool5: maxpool 2x2
"""


def test_the_published_field_of_vgg_is_confirmed_by_running_it() -> None:
    """212 by Araujo, Norris and Sim (Distill, 2019); the last pool alone adds one step of 16."""
    conv5, pool5 = model_of(VGG).verify(fields=["conv5/3", "pool5"]).fields
    assert (conv5.size, conv5.holds) == ((212 - 16, 212 - 16), True)
    assert (pool5.size, pool5.holds) == ((212, 212), True)
    assert str(pool5) == "field 212x212 at pool5 confirmed in 9 positions"


WINDOWS = [
    "conv 4 5x3 stride=2 dilation=1x3",
    "conv 4 4x4 pad=same stride=3",
    "maxpool 3x3 stride=2 pad=0 ceil",
    "avgpool 2x2",
    "conv_transpose 4 5x4 stride=3x2",
    "upsample 3 mode=bilinear",
    "upsample 2x4",
    "pixel_unshuffle 2",
    "{concat: [conv 4 1x7, conv 4 7x1, conv 4 3x3 dilation=4]}",
    "{add: [conv 8 3x3, conv 8 5x5]}",
    "{mul: [conv 8 3x3, [gap, linear 8 act=sigmoid]]}",
    "[conv 4 3x3 stride=2 norm=ln, conv_transpose 4 4x4 stride=2]",
    "slice 3 19 axis=1",
    "pad (3,1)",
    "pad (3,1) mode=replicate",
    "local 2 3x3 stride=2",
    "lrn 4",
]


@pytest.mark.parametrize("layer", WINDOWS)
def test_the_window_of_an_operator_is_confirmed(layer: str) -> None:
    text = f"archcalc: 1\nname: net\ninput: [4, 24, 24]\nlayers:\n  - conv 4 3x3\n  - {layer}\n  - conv 4 3x3\n"
    (field,) = model_of(text).verify(fields=["conv2"] if "[conv 4 3x3 stride" not in layer else None).fields
    assert field.holds
    assert field.sides > 0


@quick(20)
@given(st.integers(1, 8), st.integers(0, 2**32 - 1), st.booleans())
def test_a_random_network_is_what_was_counted(length: int, seed: int, train: bool) -> None:
    table = model_of(network_of(length, seed).text).count(train=train)
    proof = verify(table)
    assert proof.differences == ()
    assert complete(proof)
    assert (proof.params, proof.buffers) == (table.totals["params"], table.totals["buffers"])


# ---- what is wrong is found ------------------------------------------------------------------------------------------

NET = (
    "archcalc: 1\nname: net\ninput: [3, 24, 24]\nlayers:\n  - a: conv 4 3x3 stride=2\n  - b: conv 4 3x3 norm=bn\n  - c:"
    " maxpool 2x2\n"
)


def larger(window: Window) -> Window:
    return window._replace(kernel=window.kernel + 2, before=window.before + 1)


def smaller(window: Window) -> Window:
    return window._replace(kernel=1, before=0)


def shifted(window: Window) -> Window:
    return window._replace(before=window.before + 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [(larger, "doesn't see line"), (smaller, "sees pixels outside"), (shifted, "sees pixels outside")],
)
def test_a_wrong_window_is_refuted(
    change: Callable[[Window], Window], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = OPS["conv"].windows
    monkeypatch.setattr(
        OPS["conv"], "windows", lambda self, *inputs: tuple(change(window) for window in rule(self, *inputs))
    )  # type: ignore[union-attr]
    proof = model_of(NET).verify(fields=["b"])
    assert not proof.holds
    assert any(words in difference for difference in proof.differences)
    assert "refuted" in str(proof)


def test_a_wrong_shape_is_found() -> None:
    table = model_of(NET).count()
    table.graph.nodes[-1] = table.graph.nodes[-1]._replace(shape=(4, 6, 5))
    proof = verify(table, fields=())
    assert proof.shapes.proved == proof.shapes.total - 1
    assert any("c puts out 4x6x6, and 4x6x5 was counted" in difference for difference in proof.differences)
    assert any("onnx" in difference for difference in proof.differences)


def test_a_wrong_number_of_parameters_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    table = model_of(NET).count()
    rows = [*table.rows]

    rows[0] = rows[0]._replace(params=rows[0].params + 1)
    monkeypatch.setitem(table.__dict__, "rows", rows)
    assert "a has 112 learned numbers in the model, and 113 were counted" in verify(table, fields=()).differences


def test_a_layer_that_reads_less_than_it_counts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OPS["bn"], "emit", lambda self, builder, *tensors: builder.node("Relu", *tensors))
    proof = model_of(NET).verify(fields=())
    assert proof.tensors.proved == proof.tensors.total - 4
    assert any("b.bn.scale" in difference for difference in proof.differences)


def test_numbers_that_are_not_finite_are_found() -> None:
    proof = verify(model_of(NET).count(), fields=(), fill=lambda slot: numpy.full(slot.shape, numpy.inf, "float32"))
    assert proof.shapes.proved == 0
    assert "aren't finite" in proof.differences[0]


def test_a_field_that_cannot_be_shown_is_said() -> None:
    with pytest.raises(UsageError, match="reach over the input's border everywhere; give a larger one with --set"):
        model_of("archcalc: 1\nname: net\ninput: [3, 8, 8]\nlayers:\n  - a: conv 4 19x19\n").verify(fields=["a"])
    with pytest.raises(UsageError, match="a group normalisation before it reads the whole map"):
        model_of("archcalc: 1\nname: net\ninput: [4, 24, 24]\nlayers:\n  - gn 2\n  - a: conv 4 3x3\n").verify(
            fields=["a"]
        )
    with pytest.raises(UsageError, match="it has no window"):
        model_of("archcalc: 1\nname: net\ninput: [4, 24, 24]\nlayers:\n  - a: gap\n").verify(fields=["a"])
    with pytest.raises(UsageError, match="there is no layer 'd'"):
        model_of(NET).verify(fields=["d"])


def test_where_numbers_may_hide_a_change_nothing_is_refuted() -> None:
    """A maximum over sigmoids: a change that stays below another number isn't seen."""
    model = model_of(
        "archcalc: 1\nname: net\ninput: [4, 24, 24]\nlayers:\n  - conv 4 3x3 act=sigmoid\n  - a: maxpool 5x5 stride=1\n"
    )
    proof = model.verify(fields=["a"])
    assert proof.holds
    assert "nothing beyond it seen in 9 positions" in str(proof) or proof.fields[0].unseen == 0


def test_positions_in_the_padding_alone_see_nothing() -> None:
    (field,) = (
        model_of("archcalc: 1\nname: net\ninput: [4, 12, 12]\nlayers:\n  - conv 4 3x3\n  - a: pad 3\n")
        .verify(fields=["a"])
        .fields
    )
    assert field.holds


def test_a_gate_stands_still() -> None:
    """The gate sees everything, and is left out of the field: 5, from two convolutions of 3."""
    text = (
        "archcalc: 1\nname: net\ninput: [4, 24, 24]\nlayers:\n  - conv 4 3x3 act=sigmoid\n  - mul: [identity, [gap,"
        " linear 4 act=sigmoid]]\n  - a: conv 4 3x3\n"
    )
    (field,) = model_of(text).verify(fields=["a"]).fields
    assert (field.size, field.holds) == ((5, 5), True)


def test_a_pixel_is_enough_to_show_a_line() -> None:
    table = model_of("archcalc: 1\nname: net\ninput: [2, 20, 20]\nlayers:\n  - a: conv 3 3x3 dilation=3\n").count()
    proof = prove_field(table, 1, "input")
    assert (proof.size, proof.positions, proof.holds) == ((7, 7), 9, True)
    assert proof.sides == 9 * 4  # windows 1..7, 7..13 and 12..18 of 0..19: both ends, on both axes


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_operator_is_proved_or_it_is_said_what_isnt(row: Row) -> None:
    proof = verify(table_of(row.line, row.inputs))
    assert proof.differences == ()
    assert complete(proof)
    shown = {field.input for field in proof.fields}
    for n in range(len(row.inputs)):
        why = f"no layer's field on input{n} is shown: "
        said = any(f"{why}of 1, 1 " in note or f"{why}none depends on it" in note for note in proof.notes)
        assert (f"input{n}" in shown) is not said


BLOCK = """\
archcalc: 1
name: one block
inputs: {{tokens: [n], image: [3, 24, 24]}}
params: {{n: 12, d: 16}}
layers:
  - text: [ref tokens, wte: embedding 50 d, ln, position]
  - {}
  - seen: [ref image, conv d 3x3, conv d 5x5 stride=2]
  - head: {{mul: [ref seen, [ref text, gap]]}}
"""


def test_fields_on_indices_and_on_each_of_several_inputs_are_shown() -> None:
    """By hand: a window of 3 over tokens, then two convolutions of 3 and 5 over pixels."""
    proof = model_of(BLOCK.format("conv d 3")).verify()
    assert proof.differences == ()
    assert {field.input: field.size for field in proof.fields} == {"tokens": (3,), "image": (7, 7)}
    proof = model_of(BLOCK.format("attention 4")).verify(fields=["text", "seen"])
    assert [(field.input, field.at, field.size) for field in proof.fields] == [
        ("tokens", "text/position", (1,)),
        ("image", "seen/conv2", (7, 7)),
    ]


def test_a_wrong_window_on_indices_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OPS["embedding"], "windows", lambda self, *inputs: (Window(kernel=3, before=1),))
    assert not model_of(BLOCK.format("relu")).verify(fields=["text"]).holds


def test_an_opaque_layer_reads_what_it_says_it_reads() -> None:
    text = "archcalc: 1\nname: net\ninput: [4, 24]\nlayers:\n  - conv 4 3\n  - a: opaque 7 24 params=33 sees=here\n"
    (field,) = model_of(text).verify(fields=["a"]).fields
    assert (field.size, field.holds) == ((3,), True)
    with pytest.raises(UsageError, match="it has no window"):
        model_of(text.replace("7 24", "7 12")).verify(fields=["a"])


def test_the_deepest_field_is_the_largest_that_fits() -> None:
    """The last line of the spec is a shortcut that sees less: 9 from four convolutions of 3 against 3."""
    text = "archcalc: 1\nname: net\ninput: [3, 24, 24]\noutputs: [main, aside]\nlayers:\n  - s: conv 4 3x3\n"
    text += "  - main: 3 x conv 4 3x3\n  - aside: [ref s, conv 4 1x1]\n"
    (field,) = model_of(text).verify().fields
    assert (field.at, field.size) == ("main/3", (9, 9))


def test_gates_of_any_number_and_normalisations_of_one_channel_refute_nothing() -> None:
    gates = "  - mul: [identity, [gap, linear 4 bias=false act=relu, linear 4 bias=false act=relu]]\n" * 12
    text = f"archcalc: 1\nname: net\ninput: [4, 24, 24]\nlayers:\n  - conv 4 3x3\n{gates}  - a: conv 1 3x3\n"
    (field,) = model_of(text).verify(fields=["a"]).fields
    assert (field.size, field.holds, field.unseen) == ((5, 5), True, 0)
    (field,) = model_of(text + "  - b: [ln, conv 2 3x3]\n").verify(fields=["b"]).fields
    assert (field.size, field.holds) == ((7, 7), True)


# ---- the command -----------------------------------------------------------------------------------------------------


def archcalc(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "archcalc", *words], cwd=cwd, capture_output=True, text=True)


def test_the_command_says_what_was_proved(tmp_path: Path) -> None:
    done = archcalc("verify", "cnn-flattening", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "13 of 13 shapes, 13 of 13 as onnx infers them, 10 of 10 tensors (388,298 numbers), field 22x22 at pool3"
        " confirmed in 9 positions" in done.stdout
    )


def test_the_proof_as_json(tmp_path: Path) -> None:
    done = archcalc("verify", "cnn-flattening", "lenet", "--json", "--field", "none", cwd=tmp_path)
    first, second = json.loads(done.stdout)
    assert first["schema"] == "archcalc/verify/1"
    assert (first["holds"], first["shapes"], first["params"]) == (True, {"proved": 13, "of": 13}, 388_298)
    assert second["fields"] == []
    assert set(second["versions"]) == {"onnx", "onnxruntime"}


def test_a_difference_ends_with_1(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom archcalc.ops import OPS\nrule = OPS['maxpool'].windows\n"
        "OPS['maxpool'].windows = lambda self, *x: tuple(w._replace(kernel=w.kernel + 1) for w in rule(self, *x))\n"
        "sys.argv = ['archcalc', 'verify', 'cnn-flattening', '--field', 'pool2']\nfrom archcalc.cli import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    assert "refuted" in done.stdout
    assert "  FAIL output (" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lenet", "--format", "xml"], "unknown format 'xml'"),
        (["lenet", "--field", "nowhere"], "there is no layer 'nowhere'"),
        (["nonesuch"], "there is no file or network 'nonesuch'"),
    ],
)
def test_what_cannot_be_told_ends_with_2(words: list[str], message: str, tmp_path: Path) -> None:
    done = archcalc("verify", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_without_onnxruntime_the_message_has_the_line_to_install_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['onnxruntime'] = None; sys.argv = ['archcalc', 'verify', 'lenet']\nfrom archcalc.cli"
        " import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'archcalc[run]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_free_parameters_are_not_run() -> None:
    with pytest.raises(UsageError, match="a network is run with numbers, and size is free"):
        verify(load("vgg16").count(free=["size"]))


def test_commands_that_run_or_write_a_network_say_what_stands_in_for_opaque_layers(
    archcalc: Any, tmp_path: Path
) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("archcalc: 1\nname: net\ninput: [4, 24]\nlayers:\n  - conv 4 3\n  - dark: opaque 7 24 params=33\n")
    said = "note: dark: opaque, so a mean of what is read stands in for what is computed; "
    export = archcalc("export", str(path), "-o", str(tmp_path / "net.onnx"))
    assert said + "the file computes something else" in export.err
    assert said + "its figures are as the spec gives them" in archcalc("verify", str(path)).err
    assert said + "the time leaves it out" in archcalc("measure", str(path), "--runs", "2").err
