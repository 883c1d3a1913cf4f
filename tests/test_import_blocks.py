"""`archcalc import` of files that another tool wrote: what repeats becomes blocks with arguments, and counts the same."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnx")

from archcalc.files import zoo_names
from archcalc.model import load

from foreign_files import foreign_file  # isort: skip

# lines at most, where a reader would want no more
SHORT = {
    "resnet50": 36, "densenet121": 36, "mobilenet_v2": 40, "efficientnet_b0": 60, "inception_v3": 100, "ghostnet_100": 119,
    "unet": 38, "gpt2": 45, "yolov8n": 120,
}  # fmt: skip
MANY = {"sd-v1.5-unet": 249, "swin_t": 150, "hrnet_w18": 450, "vit_b_16": 49}


def imported(name: str, folder: Path, names: bool = True) -> tuple[str, dict[str, object]]:
    """The spec of a network's file, and what that counts; the spec is read back and counts the same as the network."""
    file = foreign_file(load(name).count(), folder / "net.onnx", names)
    text, _ = load(file).to_spec()
    (folder / "net.yaml").write_text(text, encoding="utf-8")
    return text, load(str(folder / "net.yaml")).count().totals


@pytest.mark.parametrize("name", SHORT)
def test_a_file_is_a_short_spec(name: str, tmp_path: Path) -> None:
    text, totals = imported(name, tmp_path)
    assert len(text.splitlines()) <= SHORT[name]
    assert (totals["params"], totals["macs"]) == tuple(load(name).count().totals[key] for key in ("params", "macs"))


@pytest.mark.slow
@pytest.mark.parametrize("name", MANY)
def test_a_large_file_is_a_short_spec(name: str, tmp_path: Path) -> None:
    text, _ = imported(name, tmp_path)
    assert len(text.splitlines()) <= MANY[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo_names()[::12])
def test_networks_become_specs_without_names(name: str, tmp_path: Path) -> None:
    text, totals = imported(name, tmp_path, names=False)
    assert totals["params"] == load(name).count().totals["params"]
    again, _ = load(foreign_file(load(str(tmp_path / "net.yaml")).count(), tmp_path / "again.onnx")).to_spec()
    assert len(again.splitlines()) <= len(text.splitlines()) + 2


def test_an_import_is_the_same_every_time(tmp_path: Path) -> None:
    assert imported("ghostnet_100", tmp_path)[0] == imported("ghostnet_100", tmp_path)[0]
