"""Advice: each lesson's figures are products written out by hand, and what is written can be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from running import Command

from archcalc.errors import UsageError
from archcalc.model import Model, load, read
from archcalc.space.advice import Advice, advise


def given(name: str) -> dict[str, Advice]:
    return {one.id: one for one in advise(load(name))}


def test_the_5x5_convolutions_bottleneck_is_the_lectures() -> None:
    found = given("conv5x5-naive")["bottleneck:conv"]
    assert (found.before["macs"], found.after["macs"]) == (120_422_400, 12_443_648)
    assert found.after["macs"] == 28 * 28 * 192 * 16 + 28 * 28 * 16 * 5 * 5 * 32


def test_alexnets_lessons_by_hand() -> None:
    found = given("alexnet")
    params = {name: one.after["params"] - one.before["params"] for name, one in found.items()}
    assert params["drop:fc7"] == -(4096 * 4096 + 4096) == -16_781_312
    head = 9216 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000
    assert params["gap"] == -head + 256 * 1000 + 1000
    assert params["stack:conv2"] == -(64 * 192 * 25) + 64 * 192 * 9 + 192 * 192 * 9 + 192
    assert {"stack:conv1", "stack:conv2"} <= found.keys()  # the 11x11 and the 5x5
    assert params["factor:conv4"] == -(384 * 256 * 9) + 384 * 256 * 3 + 256 * 256 * 3 + 256
    assert params["groups:conv3"] == -(192 * 384 * 9) // 2
    assert params["depthwise:conv3"] == -(192 * 384 * 9) + 192 * 9 + 192 + 192 * 384
    assert found["stack:conv2"].after["field"] == found["stack:conv2"].before["field"]  # two 3x3 see a 5x5


def test_nothing_that_puts_out_something_else_is_advice() -> None:
    found = given("alexnet")
    assert "drop:fc8" not in found  # without it there are no classes
    assert "drop:conv1" not in found  # dearer in everything


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "googlenet", "resnet50", "lenet", "mobilenet_v2", "unet"])
def test_what_is_advised_counts_as_it_says_and_keeps_comments(name: str) -> None:
    model = load(name)
    text = (Path(__file__).parent.parent / model.spec.path).read_text(encoding="utf-8")
    comments = [line for line in text.splitlines() if line.startswith("#")]
    for one in advise(model):
        again = read(one.text, "new.yaml", model.variant).count()
        assert (again.totals["params"], again.totals["macs"]) == (one.after["params"], one.after["macs"])
        assert [line for line in one.text.splitlines() if line.startswith("#")] == comments


def test_advice_is_written_where_it_is_asked_for(archcalc: Command, tmp_path: Path) -> None:
    spec, new = tmp_path / "net.yaml", tmp_path / "new.yaml"
    spec.write_text("archcalc: 1\nname: t\ninput: [64, 16, 16]\nlayers:\n  - wide: conv 64 5x5  # wide\n  - gap\n")
    assert archcalc("advise", str(spec), "--apply", "stack:wide", "-o", str(new)).code == 0
    assert "  - wide: [conv 64 3x3, conv 64 3x3]  # wide\n" in new.read_text()
    assert archcalc("advise", str(spec), "--apply", "stack:wide", "-o", str(spec)).code == 2
    done = archcalc("advise", str(spec), "--apply", "stack:wode")
    assert (done.code, "did you mean 'stack:wide'" in done.err) == (2, True)
    told = json.loads(archcalc("advise", str(spec), "--format", "json").out)
    assert told["schema"] == "archcalc/advise/1"
    assert {one["id"] for one in told["advice"]} >= {"stack:wide", "bottleneck:wide", "depthwise:wide"}


def test_where_nothing_applies_it_says_so(archcalc: Command, tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text("archcalc: 1\nname: t\ninput: [8]\nlayers:\n  - linear 10\n")
    done = archcalc("advise", str(spec))
    assert (done.code, "no lesson applies" in done.out) == (0, True)


def test_a_model_file_has_no_lines_to_rewrite() -> None:
    class File:
        pass

    with pytest.raises(UsageError, match="archcalc import"):
        advise(Model(load("lenet").spec, file=File()))  # type: ignore[arg-type]


@pytest.mark.parametrize("head", ["softmax", "ln, linear 10", "linear 16, sigmoid, linear 10"])
def test_a_head_without_a_dense_layer_or_with_another_one_is_kept(tmp_path: Path, head: str) -> None:
    def advised(*layers: str) -> set[str]:
        lines = "".join(f"  - {layer}\n" for layer in ("conv 10 3x3", "flatten", *layers))
        (tmp_path / "net.yaml").write_text(f"archcalc: 1\nname: t\ninput: [4, 8, 8]\nlayers:\n{lines}")
        return {one.id for one in advise(load(str(tmp_path / "net.yaml")))}

    assert "gap" not in advised(*head.split(", "))
    assert "gap" in advised("linear 16", "relu", "linear 10")
