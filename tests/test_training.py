"""What training holds, by part, against published figures, brute force and products written out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any

import pytest

import archcalc
from archcalc.errors import ArchcalcError, UsageError
from archcalc.model import Model
from tests.test_memory import network

RESNET50 = 25_557_032  # parameters, as torchvision publishes them


def parts(model: Model, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = model.count(train=True, **options).totals["training_bytes"]
    return found


@pytest.mark.parametrize(
    ("optimizer", "precision", "weights", "gradients", "state", "master"),
    [
        ("adam", "fp32", 4, 4, 8, 0),
        ("adam", "amp", 2, 2, 8, 4),  # ZeRO's 2 + 2 + 12 (arXiv:1910.02054 section 3.1)
        ("adam", "bf16", 2, 2, 4, 0),
        ("momentum", "fp32", 4, 4, 4, 0),
        ("sgd", "amp", 2, 2, 0, 4),
    ],
)
def test_a_weight_takes_so_many_bytes(
    optimizer: str, precision: str, weights: int, gradients: int, state: int, master: int
) -> None:
    found = parts(archcalc.load("resnet50"), optimizer=optimizer, precision=precision)
    buffers = 4 * 53_120
    assert found["weights"] == weights * RESNET50 + buffers
    assert found["gradients"] == gradients * RESNET50
    assert found["optimizer"] == state * RESNET50
    assert found["master"] == master * RESNET50
    assert found["total"] == sum(value for name, value in found.items() if name != "total")


@pytest.mark.parametrize(("rows", "columns", "gigabytes"), [(75, 100, 120), (128, 1000, 2048), (1000, 1000, 16_000)])
def test_weights_take_what_zero_says(rows: int, columns: int, gigabytes: int) -> None:
    """7.5, 128 and 1,000 billion weights on one device: 2 + 2 + 12 bytes each with mixed precision and Adam
    (arXiv:1910.02054, table 1 and figure 1).
    """
    found = parts(network(f"[linear {rows}000 bias=false]", f"[{columns}000]"), optimizer="adam", precision="amp")
    assert sum(found[name] for name in ("weights", "gradients", "optimizer", "master")) == gigabytes * 10**9


def test_frozen_weights_have_neither_gradient_nor_state_nor_copy() -> None:
    found = parts(network("[conv 8 3x3 frozen, gap, linear 10]"), precision="amp")
    assert found["weights"] == 2 * (8 * 4 * 9 + 8 + 8 * 10 + 10)
    assert (found["gradients"], found["optimizer"], found["master"]) == (2 * 90, 8 * 90, 4 * 90)


def test_adafactor_keeps_a_row_and_a_column_of_each_matrix() -> None:
    """torch 2.14.1's Adafactor on conv 4x3x3x3: row_var 4x3x3x1, col_var 4x3x1x3; on linear 10x16: 10x1 and 1x16;
    of biases a number each.
    """
    found = parts(network("[conv 4 3x3 pad=0, flatten, linear 10]", "[3, 4, 4]"), optimizer="adafactor")
    assert found["optimizer"] == 4 * (4 * 3 * 3 + 4 * 3 * 3 + 4 + 10 + 16 + 10)


def test_eight_bit_adam_has_two_bytes_a_number_and_a_scale_a_block_of_256_but_for_small_tensors() -> None:
    found = parts(network("[linear 100]", "[50]"), optimizer="adam8bit")
    assert found["optimizer"] == 2 * 5000 + 2 * 4 * 20 + 8 * 100, "5,000 weights are 20 blocks; 100 biases stay in fp32"
    with pytest.raises(ArchcalcError, match="fewer than 4096 numbers"):
        _ = parts(network("[linear n]", "[50]", "params: {n: 100}\n"), optimizer="adam8bit", free=["n"])


def test_activations_of_a_transformer_layer_are_korthikantis() -> None:
    """s b h (34 + 5 a s/h) bytes in half precision (arXiv:2205.05198 equation 1); of these 2 s b h + 3 a s^2 b are for
    dropout, which this layer hasn't got. The statistics of two layer norms, which they leave out, are fp32.
    """
    s, h, a = 96, 64, 4
    attention = (
        f"[{{q: [linear {h}, reshape {a} {h // a} {s}, permute 0 2 1]}}, {{k: [ref n, linear {h}, reshape {a} {h // a} {s}]}},"
        f" {{v: [ref n, linear {h}, reshape {a} {h // a} {s}, permute 0 2 1]}}, {{matmul: [ref q, ref k]}}, softmax axis=-1,"
        f" {{matmul: [identity, ref v]}}, permute 0 2 1, reshape {h} {s}, linear {h}]"
    )
    layers = (
        f"[{{add: [identity, [{{n: ln}}, {attention}]]}}, {{add: [identity, [ln, linear {4 * h}, gelu, linear {h}]]}}]"
    )
    found = parts(network(layers, f"[{h}, {s}]"), precision="bf16", batch=3)
    published = 3 * s * h * 34 + 3 * 5 * a * s * s
    dropout = 3 * 2 * s * h + 3 * 3 * a * s * s
    assert found["kept"] == published - dropout + 3 * 2 * 2 * 4 * s


TRANSFORMER = "[{{add: [identity, [ln, attention 4]]}}, {{add: [identity, [ln, linear {wide}, gelu, linear {h}]]}}]"


@pytest.mark.parametrize("wide", [2, 4, 6])
def test_without_scores_a_transformer_layer_keeps_34_bytes_a_feature(wide: int) -> None:
    """s b h (18 + 4 f/h) bytes for a hidden layer of f (NVIDIA/Megatron-LM, theoretical_memory_usage.py), 34 s b h where
    that is 4 h, if the scores are computed again (arXiv:2205.05198 table 2, selective recomputation): a fused
    kernel never writes them. 2 s b h of these are masks of dropout, which this layer hasn't got; a logarithm a query
    and head and the statistics of layer norms are fp32.
    """
    s, b, h, a = 96, 3, 64, 4
    model = network(TRANSFORMER.format(h=h, wide=wide * h), f"[{h}, {s}]")
    found = parts(model, precision="bf16", batch=b, attention="fused")
    assert found["kept"] == (18 + 4 * wide - 2) * s * b * h + 4 * a * s * b + 2 * 2 * 4 * s * b


@pytest.mark.parametrize("layers", [2, 5])
def test_where_all_is_computed_again_a_layer_keeps_its_input(layers: int) -> None:
    """2 s b h bytes a layer (arXiv:2205.05198 table 2, full recomputation), and what one layer needs."""
    s, b, h = 96, 3, 64
    spec = f"[{{block: {{'{layers} x': {TRANSFORMER.format(h=h, wide=4 * h)}}}}}]"
    again = parts(network(spec, f"[{h}, {s}]"), precision="bf16", batch=b, checkpoint="block/*")["kept"]
    whole = parts(network(spec, f"[{h}, {s}]"), precision="bf16", batch=b)["kept"]
    assert again == 2 * s * b * h * (layers - 1) + whole // layers


# ---- checkpoints -----------------------------------------------------------------------------------------------------


def chain(widths: list[int]) -> Model:
    return network(f"[{', '.join(f'conv {width} 1x1' for width in widths)}]")


def test_sqrt_keeps_the_ends_of_segments_and_what_is_in_one() -> None:
    """16 equal layers in 4 segments: 4 inputs of segments, and 3 inputs inside of the last (arXiv:1604.06174)."""
    model, one = chain([4] * 16), 4 * 64 * 4
    assert parts(model)["kept"] == 16 * one
    assert parts(model, checkpoint="sqrt")["kept"] == (4 + 3) * one
    again = model.count(train=True, checkpoint="sqrt").totals["recomputed_macs"]
    assert again == 12 * 64 * 4 * 4, "all segments but the last run again"


def segmentations(cuts: int) -> Iterator[tuple[int, ...]]:
    for count in range(cuts):
        for chosen in combinations(range(1, cuts), count):
            yield (0, *chosen, cuts)


@pytest.mark.parametrize(
    "widths", [[4] * 9, [8, 1, 30, 2, 2, 16, 3], [1, 2, 4, 8, 16, 32], [32, 16, 8, 4, 2, 1], [50], [7, 7]]
)
def test_best_is_what_no_other_choice_beats(widths: list[int]) -> None:
    """Of a chain of 1x1 convolutions every input is kept: all choices of segments are tried."""
    inputs = [4, *widths[:-1]]
    choices = []
    for cuts in segmentations(len(widths)):
        before, most = 0, 0
        for start, stop in pairwise(cuts):
            before += inputs[start]
            most = max(most, before + sum(inputs[start + 1 : stop]))
        macs = [64 * cin * out for cin, out in zip(inputs, widths, strict=True)]
        choices.append((most, sum(macs[: cuts[-2]])))
    least, again = min(choices)
    totals = chain(widths).count(train=True, checkpoint="best").totals
    assert totals["training_bytes"]["kept"] == 4 * 64 * least
    assert totals.get("recomputed_macs", 0) == again


def test_best_keeps_no_more_than_any_other_way_on_networks_that_ship() -> None:
    for name in ("resnet18", "vgg11", "mobilenet_v2", "densenet121", "googlenet"):
        model = archcalc.load(name)
        none, sqrt, best = (parts(model, checkpoint=way)["kept"] for way in ("none", "sqrt", "best"))
        assert best <= sqrt <= none
        assert best < none


def test_labels_are_segments() -> None:
    """Two blocks of three convolutions: outside of them nothing, their inputs, and the rest of the larger."""
    model = network(
        "[{a: [conv 8 1x1, conv 8 1x1, conv 6 1x1]}, {b: [conv 2 1x1, conv 3 1x1, conv 1 1x1]}, gap, linear 3]"
    )
    assert parts(model)["kept"] == 4 * (64 * (4 + 8 + 8 + 6 + 2 + 3) + 1)
    assert parts(model, checkpoint="a,b")["kept"] == 4 * (64 * (4 + 6 + (8 + 8)) + 1)
    assert parts(model, checkpoint="b")["kept"] == 4 * (64 * (4 + 8 + 8 + 6 + (2 + 3)) + 1)
    totals = model.count(train=True, checkpoint="b").totals
    assert totals["recomputed_macs"] == 64 * (6 * 2 + 2 * 3 + 3 * 1)
    with pytest.raises(UsageError, match="no layer or group 'c'"):
        _ = parts(model, checkpoint="c")


def test_a_label_that_is_near_is_named() -> None:
    with pytest.raises(UsageError, match="no layer or group 'encodr'; did you mean 'encoder'"):
        _ = parts(archcalc.load("vit_b_16"), checkpoint="encodr")


def test_closed_forms_of_training_are_the_numbers_at_points() -> None:
    model = archcalc.load("vit_b_16")
    closed = model.count(train=True, free=["size", "batch"], precision="amp", checkpoint="encoder/*").totals
    for size, batch in ((224, 3), (240, 1), (384, 7)):
        counted = model.count(train=True, size=size, batch=batch, precision="amp", checkpoint="encoder/*").totals
        for name, value in counted["training_bytes"].items():
            form = closed["training_bytes"][name]
            assert (form if isinstance(form, int) else form.evaluate({"size": size, "batch": batch})) == value, name


@pytest.mark.parametrize("way", ["none", "sqrt", "encoder/*"])
def test_a_free_batch_gives_the_numbers_with_every_kind_of_checkpoints(way: str) -> None:
    model = archcalc.load("vit_b_16")
    closed = model.count(train=True, free=["batch"], checkpoint=way).totals["training_bytes"]["total"]
    for batch in (1, 5, 38):
        assert closed.evaluate({"batch": batch}) == parts(model, batch=batch, checkpoint=way)["total"]


def test_the_best_checkpoints_of_a_free_batch_are_refused_with_the_reason() -> None:
    with pytest.raises(ArchcalcError, match="which checkpoints are best depends on sizes that are free"):
        _ = archcalc.load("vit_b_16").count(train=True, free=["batch"], checkpoint="best").totals


def test_checkpoints_that_depend_on_what_is_free_are_refused() -> None:
    with pytest.raises(ArchcalcError, match="free"):
        _ = archcalc.load("resnet50").count(train=True, free=["size"], checkpoint="best").totals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "adm"}, "unknown optimizer 'adm'"),
        ({"precision": "fp8"}, "unknown precision 'fp8'"),
        ({"precision": "amp", "dtype": "fp16"}, "give one of them"),
        ({"checkpoint": ""}, "checkpoint is empty"),
        ({"attention": "flash"}, "unknown attention 'flash'"),
    ],
)
def test_what_cant_be_asked_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        archcalc.load("lenet").count(train=True, **options)  # type: ignore[arg-type]


def test_the_largest_batch_that_fits_is_solved(archcalc) -> None:  # type: ignore[no-untyped-def]
    """Each sample keeps 85,909,504 bytes; weights, gradients and Adam's state are 16 a weight, buffers and statistics
    once.
    """
    done = archcalc("solve", "resnet50", "--train", "--maximize", "batch", "--max", "training=24GiB")
    fixed = 16 * RESNET50 + 4 * 53_120 + 212_480
    batch = (24 * 2**30 - fixed) // 85_909_504
    assert done.code == 0
    assert f"batch={batch}" in done.out
    assert f"{fixed + batch * 85_909_504:,}" in done.out
