"""The 52 numbers of the lectures: each is what one archcalc command prints, or differs as its entry says."""

from __future__ import annotations

import json
import math
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

import archcalc
from archcalc.algebra import Poly
from archcalc.cli import main

from shipping import some  # isort: skip

ROOT = Path(__file__).parent.parent
DATA = yaml.load((ROOT / "tests/data/lecture_figures.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
FIGURES = DATA["figures"]
COURSE = ROOT / "specs/lectures/README.md"
AMOUNT = re.compile(r"(~?)(-?\d+(?:\.(\d+))?)([KMGx%]?)")
SUFFIX = {"": 1, "x": 1, "%": Fraction(1, 100), "K": 1000, "M": 1000**2, "G": 1000**3}
POINTS = 20
IDS = """
    conv5x5-naive conv5x5-bottleneck inception-naive inception-bottleneck inception-depth googlenet-shapes googlenet-depth googlenet-gap-fc
    googlenet-params googlenet-vs-alexnet-params googlenet-vs-alexnet-macs googlenet-aux conv-cost-formula maxpool-stride1 factor-5x5 two-3x3-field
    factor-nx1 bottleneck-256 same-padding padding-modes gap-dense gap-pooled cnn-flattening cnn-gap vgg-fc-share cam-map gmp dense-image
    local-connectivity local-85k local-256 shared-filters alexnet-neurons alexnet-no-7 alexnet-no-67 alexnet-no-34 vgg-params projection-shortcut
    resnet-depths resnet-cifar-params resnet-1202 residual-units stochastic-depth resnext-complexity wide-resnet densenet-cifar densenet-block
    fractalnet efficientnet-vs-152 efficientnet-scaling frozen-layers two-heads
"""


# ---- what a command prints -------------------------------------------------------------------------------------------


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
            with suppress(SystemExit):
                main()
            _printed[command] = capsys.readouterr().out
        found = json.loads(_printed[command])
        return [Net(net) for net in (found if isinstance(found, list) else [found])]

    return run


_printed: dict[str, str] = {}


# ---- what a lecture says ---------------------------------------------------------------------------------------------


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
        return (
            isinstance(counted, list)
            and len(wanted) == len(counted)
            and all(agrees(*pair, point, rounded) for pair in zip(wanted, counted, strict=True))
        )
    amount = AMOUNT.fullmatch(wanted) if isinstance(wanted, str) else None
    if amount is None:
        return bool((evaluate(wanted, point) if isinstance(wanted, str) and point else wanted) == counted)
    return holds(Fraction(Decimal(amount[2])) * SUFFIX[amount[4]], last_digit(amount), Fraction(counted), rounded)


def last_digit(amount: re.Match[str]) -> Fraction:
    """What one unit is worth of the last printed digit, of the first where the figure is approximate."""
    about, digits, decimals, suffix = amount.groups()
    if about:
        return Fraction(10) ** Decimal(digits).adjusted() * SUFFIX[suffix]
    return Fraction(SUFFIX[suffix]) / 10 ** len(decimals or "")


def holds(wanted: Fraction, unit: Fraction, counted: Fraction, rounded: str) -> bool:
    if rounded == "down":
        return wanted <= counted < wanted + unit
    return abs(counted - wanted) <= unit / 2


def numbers(entry: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for figure in entry["figures"]:
        yield figure.get("command", entry["command"]), figure


# ---- the figures -----------------------------------------------------------------------------------------------------


def test_all_52_figures_are_there() -> None:
    assert len(IDS.split()) == 52
    assert sorted(entry["id"] for entry in FIGURES) == sorted(IDS.split())


@pytest.mark.parametrize("entry", FIGURES, ids=lambda entry: entry["id"])
def test_one_command_is_enough(entry: Mapping[str, Any]) -> None:
    """What a figure adds with a command of its own is beside the point."""
    assert re.fullmatch(r"archcalc count [^|;&]+", entry["command"])
    assert "command" not in entry["figures"][0]
    assert entry["lecture"] in DATA["lectures"]


@pytest.mark.parametrize("entry", FIGURES, ids=lambda entry: entry["id"])
def test_one_command_prints_the_figure(entry: Mapping[str, Any], printed: Callable[[str], list[Net]]) -> None:
    """The number that is read off is the product by hand, and the lecture's figure, or differs from it where that is
    noted.
    """
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
            assert agrees(figure["is"], number, point, figure.get("rounded", "nearest")) is not mismatch, (
                f"{figure['is']} and {number}"
            )
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


def spelled(wanted: Any) -> list[str]:
    """A figure as the course has it, a pattern each: 120,422,400, 512x14x14, 854M, 12x. Small numbers and closed forms
    stand in the tables.
    """
    if (
        isinstance(wanted, list)
        and len(wanted) == 3
        and all(isinstance(size, int) and 5 < size < 2000 for size in wanted)
    ):
        return ["x".join(str(size) for size in wanted)]
    if isinstance(wanted, list):
        return [pattern for item in wanted for pattern in spelled(item)]
    if isinstance(wanted, str):
        return [re.escape(wanted.removeprefix("~"))] if AMOUNT.fullmatch(wanted) else []
    return [f"(?:{wanted:,}|{wanted})"] if wanted > 500 else []


@pytest.mark.parametrize("entry", FIGURES, ids=lambda entry: entry["id"])
def test_the_course_shows_the_figure_and_the_command(entry: Mapping[str, Any]) -> None:
    """The command with what it prints (tests/test_docs.py runs it), perhaps with columns; the figure in the text or the
    output.
    """
    text = COURSE.read_text(encoding="utf-8")
    assert re.search(
        rf"^\$ {re.escape(entry['command'])}( --columns \S+| --top 4 --sort params)*$", text, re.MULTILINE
    ), entry["command"]
    for figure in entry["figures"]:
        for pattern in spelled(figure["is"]):
            assert re.search(rf"(?<![\w,.]){pattern}(?![\w%]|[,.]\d)", text), pattern


# ---- ablations -------------------------------------------------------------------------------------------------------

# what each layer of AlexNet (torchvision's widths) has left: filters times what it sees, and a bias a filter
LEFT = {
    "": {
        "conv1": 64 * (3 * 11 * 11 + 1),
        "conv2": 192 * (64 * 5 * 5 + 1),
        "conv3": 384 * (192 * 3 * 3 + 1),
        "conv4": 256 * (384 * 3 * 3 + 1),
        "conv5": 256 * (256 * 3 * 3 + 1),
        "fc6": 4096 * (256 * 6 * 6 + 1),
        "fc7": 4096 * (4096 + 1),
        "fc8": 1000 * (4096 + 1),
    },
    "fc7": {},
    "fc6,fc7": {"fc8": 1000 * (256 * 6 * 6 + 1)},
    "conv3,conv4": {"conv5": 256 * (192 * 3 * 3 + 1)},
    "conv3,conv4,fc6,fc7": {"conv5": 256 * (192 * 3 * 3 + 1), "fc8": 1000 * (256 * 6 * 6 + 1)},
}
SAVED = {"fc7": 16_781_312, "fc6,fc7": 49_414_144, "conv3,conv4": 1_696_384, "conv3,conv4,fc6,fc7": 51_110_528}


@pytest.mark.parametrize("gone", SAVED)
def test_what_is_left_out_is_bridged_and_the_rest_takes_its_shape(
    gone: str, printed: Callable[[str], list[Net]]
) -> None:
    (net,) = printed(f"archcalc count alexnet --without {gone}")
    wanted = {name: params for name, params in (LEFT[""] | LEFT[gone]).items() if name not in gone.split(",")}
    assert {row.name: row.params for row in net.rows if row.params} == wanted
    assert net.params == sum(wanted.values()) == sum(LEFT[""].values()) - SAVED[gone]
    assert net.depth == 8 - len(gone.split(","))


@pytest.mark.parametrize("gone", SAVED)
def test_an_ablation_has_a_name_of_its_own(gone: str, printed: Callable[[str], list[Net]]) -> None:
    digits = "".join(re.findall(r"\d", gone))
    (asked,), (named,) = (
        printed(f"archcalc count alexnet --without {gone}"),
        printed(f"archcalc count alexnet-no-{digits}"),
    )
    assert asked.rows == named.rows


# ---- closed forms ----------------------------------------------------------------------------------------------------

TOTALS = (
    "params",
    "buffers",
    "macs",
    "elementwise",
    "activations",
    "act_peak_bytes",
    "act_sum_bytes",
    "bytes",
    "depth",
    "depth_with_pooling",
    "layers",
)
FAMILIES: dict[str, tuple[dict[str, list[Any]], tuple[str, ...]]] = {
    "mobilenet_v1": (
        {"width": [Fraction(t, 20) for t in range(3, 23)], "size": [32 + 13 * t for t in range(20)]},
        TOTALS,
    ),
    "wrn-28-10": ({"k": list(range(2, 22))}, TOTALS),
    "wrn-16-8": ({"k": [2 + 3 * t % 11 for t in range(20)], "n": [2 + t % 5 for t in range(20)]}, TOTALS),
    "densenet-40-12": ({"k": [1 + 7 * t % 24 for t in range(20)], "n": [1 + t for t in range(20)]}, TOTALS),
    "resnet20-cifar": ({"n": list(range(1, 21))}, TOTALS),
    "compound-0": (
        {"depth": list(range(1, 21)), "width": [1 + 3 * t for t in range(20)], "size": [5 + 7 * t for t in range(20)]},
        TOTALS,
    ),
    "efficientnet_b0": (
        {
            "depth": [Fraction(10 + t, 10) for t in range(20)],
            "width": [Fraction(10 + t, 10) for t in range(20)],
            "size": [224 + 11 * t for t in range(20)],
        },
        ("params", "buffers", "macs", "activations", "layers"),
    ),
}


@pytest.mark.parametrize("name", some(FAMILIES, 2))
def test_a_closed_form_is_the_count_at_20_points(name: str) -> None:
    values, totals = FAMILIES[name]
    network = archcalc.load(name)
    forms = network.count(free=list(values)).totals
    for t in range(POINTS):
        point = {parameter: given[t] for parameter, given in values.items()}
        counted = network.count(**point).totals
        for key in totals:
            form = forms[key]
            assert (form.evaluate(point) if isinstance(form, Poly) else form) == counted[key], (key, point)


def residual(n: int) -> int:
    """ResNet-(6n + 2) with zero-padded shortcuts (arXiv:1512.03385 section 4.2): 2n layers of 16, 32 and 64 channels."""
    stages = ((16, 16), (16, 32), (32, 64))
    return 27 * 16 + 32 + sum(9 * a * b + 2 * b + (2 * n - 1) * (9 * b * b + 2 * b) for a, b in stages) + 650


def wide(k: int, n: int = 4) -> int:
    """WRN-(6n + 4)-k (arXiv:1605.07146 table 1): each stage begins with a projection."""
    stages = ((16, 16 * k), (16 * k, 32 * k), (32 * k, 64 * k))
    units = sum(2 * a + 9 * a * b + 2 * b + 9 * b * b + a * b + (n - 1) * (18 * b * b + 4 * b) for a, b in stages)
    return 27 * 16 + units + 2 * 64 * k + 10 * (64 * k + 1)


def dense(k: int, n: int) -> int:
    """DenseNet with 3 blocks of n layers (arXiv:1608.06993 section 3): a layer sees 16 channels and k of each before
    it.
    """
    layers = sum((2 + 9 * k) * (16 + k * i) for i in range(3 * n))
    transitions = sum(2 * c + c * c for c in (16 + k * n, 16 + 2 * k * n))
    return 27 * 16 + layers + transitions + 12 * (16 + 3 * k * n) + 10


@pytest.mark.parametrize(
    ("name", "product"),
    [("resnet20-cifar", residual), ("wrn-28-10", wide), ("wrn-16-8", wide), ("densenet-40-12", dense)],
)
def test_a_closed_form_is_the_sum_over_the_paper_s_table(name: str, product: Callable[..., int]) -> None:
    values, _ = FAMILIES[name]
    form = archcalc.load(name).count(free=list(values)).totals["params"]
    for t in range(POINTS):
        point = {parameter: given[t] for parameter, given in values.items()}
        assert form.evaluate(point) == product(**point)
