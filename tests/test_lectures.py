"""The 52 numbers of the lectures: each is what one archcalc command prints, or differs as its entry says."""

from __future__ import annotations

import json
import math
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from archcalc.cli import main

ROOT = Path(__file__).parent.parent
DATA = yaml.safe_load((ROOT / "tests/data/lecture_figures.yaml").read_text(encoding="utf-8"))
FIGURES = DATA["figures"]
COURSE = ROOT / "specs/lectures/README.md"
AMOUNT = re.compile(r"(~?)(-?\d+(?:\.(\d+))?)([KMGx]?)")
SUFFIX = {"": 1, "x": 1, "K": 1000, "M": 1000**2, "G": 1000**3}
POINTS = 20
IDS = """
    conv5x5-naive conv5x5-bottleneck inception-naive inception-bottleneck inception-depth googlenet-shapes googlenet-depth googlenet-gap-fc
    googlenet-params googlenet-vs-alexnet-params googlenet-vs-alexnet-macs googlenet-aux conv-cost-formula maxpool-stride1 factor-5x5 two-3x3-field
    factor-nx1 bottleneck-256 same-padding padding-modes gap-dense gap-pooled cnn-flattening cnn-gap vgg-fc-share cam-map gmp dense-image
    local-connectivity local-85k local-256 shared-filters alexnet-neurons alexnet-no-7 alexnet-no-67 alexnet-no-34 vgg-params projection-shortcut
    resnet-depths resnet-cifar-params resnet-1202 residual-units stochastic-depth resnext-complexity wide-resnet densenet-cifar densenet-block
    fractalnet efficientnet-vs-152 efficientnet-scaling frozen-layers two-heads
""".split()


# ---- what a command prints -----------------------------------------------------------------------------------------------------


class Net:
    """One network in the JSON of `archcalc count`: its totals as attributes, its layers and groups by name."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self.rows = [SimpleNamespace(**row) for row in found["layers"]]
        self.named = {row.name: row for row in self.rows}
        self.inputs, self.receptive_field, self.free = found["inputs"], found["receptive_field"], found["free"]
        self.shape = self.rows[-1].shape if self.rows else None
        self.__dict__.update(found["totals"])

    def __getitem__(self, name: str) -> SimpleNamespace:
        return self.named[name]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Net]]:
    """Runs a command as it stands, asking for JSON."""

    def run(command: str) -> list[Net]:
        if command not in _printed:
            monkeypatch.setattr(sys, "argv", [*shlex.split(command), "--format", "json"])
            with pytest.raises(SystemExit) as ended:
                main()
            assert not ended.value.code
            _printed[command] = capsys.readouterr().out
        found = json.loads(_printed[command])
        return [Net(net) for net in (found if isinstance(found, list) else [found])]

    return run


_printed: dict[str, str] = {}


# ---- what a lecture says -------------------------------------------------------------------------------------------------------


def evaluate(text: str, names: Mapping[str, Any]) -> Any:
    known = {"sum": sum, "range": range, "len": len, "zip": zip, "product": math.prod, **DATA["tables"], **names}
    return eval(text, {"__builtins__": {}, **known})


def points(free: list[str]) -> list[dict[str, int]]:
    """Values for free symbols; one empty point where there are none."""
    return [{name: 1 + (7 * t + 5 * n) % 23 for n, name in enumerate(free)} for t in range(POINTS if free else 1)]


def at(value: Any, point: Mapping[str, int]) -> Any:
    """A number of the JSON at a point: closed forms are Python."""
    if isinstance(value, list):
        return [at(item, point) for item in value]
    return evaluate(value, point) if isinstance(value, str) and point else value


def by_hand(value: Any, point: Mapping[str, int]) -> Any:
    return [by_hand(item, point) for item in value] if isinstance(value, list) else evaluate(value, point)


def agrees(wanted: Any, counted: Any, point: Mapping[str, int], rounded: str) -> bool:
    """Whether a lecture's figure is the counted number: exactly, or to the digits that it prints."""
    if isinstance(wanted, list):
        return isinstance(counted, list) and len(wanted) == len(counted) and all(agrees(*pair, point, rounded) for pair in zip(wanted, counted, strict=True))
    amount = AMOUNT.fullmatch(wanted) if isinstance(wanted, str) else None
    if amount is None:
        return bool((evaluate(wanted, point) if isinstance(wanted, str) and point else wanted) == counted)
    return holds(Fraction(Decimal(amount[2])) * SUFFIX[amount[4]], last_digit(amount), Fraction(counted), rounded)


def last_digit(amount: re.Match[str]) -> Fraction:
    """What one unit is worth of the last printed digit, of the first where the figure is approximate."""
    about, digits, decimals, suffix = amount.groups()
    if about:
        return Fraction(10) ** Decimal(digits).adjusted() * SUFFIX[suffix]
    return Fraction(SUFFIX[suffix], 10 ** len(decimals or ""))


def holds(wanted: Fraction, unit: Fraction, counted: Fraction, rounded: str) -> bool:
    if rounded == "down":
        return wanted <= counted < wanted + unit
    return abs(counted - wanted) <= unit / 2


def numbers(entry: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for figure in entry["figures"]:
        yield figure.get("command", entry["command"]), figure


# ---- the figures ---------------------------------------------------------------------------------------------------------------


def test_all_52_figures_are_there() -> None:
    assert len(IDS) == 52
    assert sorted(entry["id"] for entry in FIGURES) == sorted(IDS)


@pytest.mark.parametrize("entry", FIGURES, ids=lambda entry: entry["id"])
def test_one_command_prints_the_figure(entry: Mapping[str, Any], printed: Callable[[str], list[Net]]) -> None:
    """The number that is read off is the product by hand, and the lecture's figure, or differs from it where that is noted."""
    assert entry["lecture"] in DATA["lectures"]
    assert any("command" not in figure for figure in entry["figures"])
    for command, figure in numbers(entry):
        nets = printed(command)
        counted = evaluate(figure["read"], {"net": nets[0], "nets": nets})
        for point in points(nets[0].free):
            number = at(counted, point)
            if "by hand" in figure:
                assert number == by_hand(figure["by hand"], point), figure["read"]
            else:
                assert number == figure["counted"], f"{figure['read']}, counted by {figure['counted by']}"
            mismatch = figure.get("expect") == "mismatch"
            assert agrees(figure["is"], number, point, figure.get("rounded", "nearest")) is not mismatch, f"{figure['is']} and {number}"
            assert not mismatch or figure["note"]


@pytest.mark.parametrize(
    ("figure", "counted", "rounded", "expected"),
    [
        (735, 735, "nearest", True),
        (735, 736, "nearest", False),
        ("854M", 854_196_224, "nearest", True),
        ("854M", 854_600_000, "nearest", False),
        ("1.7M", 1_749_999, "nearest", True),
        ("1.7M", 1_760_000, "nearest", False),
        ("16M", 16_781_312, "nearest", False),
        ("16M", 16_781_312, "down", True),
        ("~50M", 49_414_144, "nearest", True),
        ("~50M", 56_000_000, "nearest", False),
        ("2x", 2.2, "nearest", True),
        ("7.6x", 7.72, "nearest", False),
    ],
)
def test_a_figure_holds_to_the_digits_that_it_prints(figure: Any, counted: float, rounded: str, expected: bool) -> None:
    assert agrees(figure, counted, {}, rounded) is expected
