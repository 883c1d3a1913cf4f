"""How wide stored weights are: types of lines and of the whole network."""

from __future__ import annotations

import pytest

import archcalc
from archcalc.errors import SpecError
from archcalc.expand import expand
from archcalc.memory.layout import layout
from archcalc.model import Model
from archcalc.spec import read_spec
from tests.test_memory import network

# bits of a weight, as gguf 0.19.0 has them (GGML_QUANT_SIZES of ggml-org/llama.cpp)
GGUF = [("q4_0", 4.5), ("q4_1", 5.0), ("q5_0", 5.5), ("q5_1", 6.0), ("q8_0", 8.5), ("q8_1", 10.0), ("q2_k", 2.625), ("q3_k", 3.4375), ("q4_k", 4.5), ("q5_k", 5.5), ("q6_k", 6.5625), ("q8_k", 9.125), ("iq2_xxs", 2.0625), ("iq2_xs", 2.3125), ("iq3_xxs", 3.0625), ("iq1_s", 1.5625), ("iq4_nl", 4.5), ("iq3_s", 3.4375), ("iq2_s", 2.5625), ("iq4_xs", 4.25), ("iq1_m", 1.75), ("tq1_0", 1.6875), ("tq2_0", 2.0625), ("mxfp4", 4.25), ("nvfp4", 4.5), ("q1_0", 1.125)]  # fmt: skip


def stored(layers: str, shape: str = "[4096]", more: str = "", **options: str) -> int:
    return int(network(layers, shape, more).count(**options).totals["weight_bytes"])


@pytest.mark.parametrize(("name", "bits"), GGUF)
def test_blocks_of_gguf_have_their_bits(name: str, bits: float) -> None:
    assert stored(f"[linear 4096 bias=false weights={name}]") * 8 == bits * 4096 * 4096


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        *(("fp64", 64), ("fp32", 32), ("fp16", 16), ("bf16", 16), ("fp8", 8), ("int8", 8), ("int4", 4)),
        ("int4/128", 4 + (16 + 4) / 128),  # an fp16 scale and a 4-bit zero point: 4.156, as GPTQ and AWQ store it
        ("int4/32", 4 + (16 + 4) / 32),
        ("int8/64", 8 + (16 + 8) / 64),
        ("int3/128", 3 + (16 + 3) / 128),
    ],
)
def test_a_weight_has_so_many_bits(name: str, bits: float) -> None:
    assert stored(f"[linear 4096 bias=false weights={name}]") * 8 == bits * 4096 * 4096


def test_groups_lie_along_rows_and_the_last_is_filled_up() -> None:
    """Ten rows of 100 numbers in groups of 64 are 20 groups; q4_0 takes four blocks of 32 a row."""
    assert stored("[linear 10 bias=false weights=int4/64]", "[100]") == (10 * 100 * 4 + 20 * (16 + 4)) // 8
    assert stored("[linear 10 bias=false weights=q4_0]", "[100]") == 10 * 4 * 18


@pytest.mark.parametrize(
    ("name", "width"), [("int8", 4), ("int4", 4), ("int4/64", 2), ("q8_0", 4), ("fp16", 2), ("fp8", 2)]
)
def test_a_bias_is_as_wide_as_runtimes_store_it(name: str, width: int) -> None:
    one, other = (stored(f"[linear 64 bias={bias} weights={name}]", "[64]") for bias in ("true", "false"))
    assert one - other == 64 * width


def test_the_type_of_a_line_goes_before_the_networks_and_defaults_are_of_every_line() -> None:
    layers = "[linear 8 bias=false, linear 8 bias=false weights=int8]"
    assert stored(layers, "[8]") == 64 * 4 + 64
    assert stored(layers, "[8]", dtype="fp16") == 64 * 2 + 64
    assert stored(layers, "[8]", "defaults: {linear: {weights: int4/8}}\n") == (64 * 4 + 8 * 20) // 8 + 64
    assert stored("[linear 8 bias=false weights=w]", "[8]", "params: {w: int4}\n") == 32


def test_int8_networks_of_mlperf_tiny_hold_what_their_files_hold() -> None:
    """Weights and int32 biases in the buffers of vww_96_int8.tflite: 219,072 bytes, 8 of them the shape of a reshape."""
    assert archcalc.load("vww").count(fold_bn=True, dtype="int8").totals["weight_bytes"] == 219_072 - 8


def test_closed_forms_of_widths() -> None:
    model = network("[linear n weights=int4/32]", "[n]", "params: {n: 64}\n")
    form = model.count(free=["n"]).totals["weight_bytes"]
    for n in (1, 31, 64, 100):
        assert form.evaluate({"n": n}) == model.count(n=n).totals["weight_bytes"]


@pytest.mark.parametrize("name", ["int5", "int4/0", "q4_9", "fp4", "int4/128/2", "float32"])
def test_a_type_that_does_not_exist_is_shown_where_it_stands(name: str) -> None:
    with pytest.raises(SpecError) as raised:
        network(f"[linear 8 weights={name}]", "[8]").count()
    assert f"unknown type of weights '{name}'" in str(raised.value)
    assert "network.yaml:4:" in str(raised.value)


@pytest.mark.parametrize(
    ("said", "meant"),
    [("weights=q4k", "q4_k"), ("weights=int44", "int4"), ("dtype=fp23", "fp32"), ("dtype=in8", "int8")],
)
def test_a_type_that_is_near_is_named(said: str, meant: str) -> None:
    with pytest.raises(SpecError, match=f"did you mean '{meant}'"):
        network(f"[linear 8 {said}]", "[8]").count()
    with pytest.raises(SpecError, match="these in groups"):
        network("[linear 8 weights=zzz]", "[8]").count()


def test_layers_without_weights_have_no_such_option() -> None:
    with pytest.raises(SpecError, match="has no option 'weights'"):
        network("[relu weights=int8]", "[8]").count()


def test_expand_writes_types_down() -> None:
    table = network("[linear 8 weights=int4/32 act=relu, linear 3 weights=q8_0]", "[64]").count()
    again = Model(read_spec(expand(table), "flat.yaml")).count()
    assert again.totals == table.totals


# ---- of activations --------------------------------------------------------------------------------------------------


def alive(layers: str, shape: str = "[4, 8, 8]", more: str = "", **options: str) -> list[int]:
    """The bytes alive at each layer."""
    table = network(layers, shape, more).count(**options)
    return [int(str(table.held.alive_in([n]))) for n in table.graph.layers()]


def test_a_line_says_how_wide_all_its_numbers_are() -> None:
    """An input of 4x8x8 in fp32, then 256 bytes in int8; weights of 4*4*9 bytes with a bias in int32."""
    layers = "[conv 4 3x3 dtype=int8, conv 4 3x3]"
    assert alive(layers) == [256 * 4 + 256, 256 + 256 * 4]
    assert alive(layers, dtype="fp16") == [256 * 2 + 256, 256 + 256 * 2]
    assert stored(layers, "[4, 8, 8]") == 144 + 4 * 4 + (144 + 4) * 4
    assert stored("[conv 4 3x3 dtype=int8 weights=int4]", "[4, 8, 8]") == 144 // 2 + 4 * 4
    assert network(layers, "[4, 8, 8]").count().totals["bytes"] == 160 + 148 * 4 + 256 * (4 + 1) + 256 * (1 + 4)


def test_what_has_no_weights_puts_out_the_widest_of_what_arrives() -> None:
    layers = "[conv 4 3x3 dtype=int8 norm=bn act=relu, {add: [identity, conv 4 3x3 dtype=fp16]}, maxpool 2x2, relu dtype=fp32]"
    # bn and relu of the line in place; a sum in fp16; pooled to 64 numbers, which fp32 can't write over
    assert alive(layers) == [256 * 5, 256, 256, 256 + 512, 256 + 512, 512 + 128, 128 + 256]


def test_nearer_words_win() -> None:
    """A line, then the call of a block, then the defaults of a layer, then those of all, which are the input's too."""
    more = "defaults: {dtype: fp16, conv: {dtype: int16}}\nblocks:\n  unit: [conv 4 1x1, conv 4 1x1 dtype=fp64, bn]\n"
    node = network("[conv 4 1x1, unit dtype=int8, unit, bn]", "[4, 8, 8]", more).count().graph.nodes
    assert [each.dtype for each in node] == ["fp16", "int16", "int8", "fp64", "int8", "int16", "fp64", "fp16", "fp16"]
    more = "defaults: {weights: int8, linear: {weights: int4}}\nblocks:\n  two: [linear 8 bias=false, local 1 1]\n"
    lines = "[linear 8 bias=false, two, two weights=fp16]"
    assert [each.stored for each in network(lines, "[8, 1]", more).count().graph.nodes[1:]] == [
        "int4", "int4", "int8", "fp16", "fp16",
    ]  # fmt: skip


def test_widths_are_planned_and_kept() -> None:
    """1 KiB in fp32, 256 bytes in int8: tflite-micro's planner puts the larger at the beginning."""
    table = network("[conv 4 3x3 dtype=int8, conv 4 3x3]", "[4, 8, 8]").count()
    found = layout(table.graph, table.held.measure, "greedy")
    assert [(tensor.bytes, tensor.first, tensor.last) for tensor in found.tensors] == [
        (1024, 0, 1),
        (256, 1, 2),
        (1024, 2, 2),
    ]
    table = network("[conv 4 3x3 dtype=fp16, conv 4 3x3]", "[4, 8, 8]").count(train=True)
    assert table.totals["act_sum_bytes"] == 512 + 1024  # a copy of the input in fp16, and one of it in fp32


def test_a_written_out_network_says_its_widths() -> None:
    more = "defaults: {dtype: fp16}\nblocks:\n  unit: [conv 4 1x1, relu]\n"
    model = network("[unit weights=q8_0, softmax dtype=fp32]", "[4, 8, 8]", more)
    again = Model(read_spec(expand(model.count()), "again.yaml"))
    assert [node.dtype for node in again.count().graph.nodes[1:]] == ["fp16", "fp16", "fp32"]
    assert again.count().totals["weight_bytes"] == model.count().totals["weight_bytes"]


def test_an_export_says_that_it_leaves_widths_out(archcalc, tmp_path) -> None:  # type: ignore[no-untyped-def]
    spec = tmp_path / "t.yaml"
    for line, said in (("linear 8 weights=int8", True), ("linear 8 dtype=fp16", True), ("linear 8", False)):
        spec.write_text(f"archcalc: 1\nname: t\ninput: [8]\nlayers:\n  - {line}\n")
        done = archcalc("export", str(spec), "-o", str(tmp_path / "t.onnx"))
        assert done.code == 0
        assert ("all in fp32, whatever `dtype=` and `weights=` say" in done.out) == said
