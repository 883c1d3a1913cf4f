"""What a comparison says at its borders: folds, ties, percentages so small, places outside of a repository."""

import re
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import running
from running import Command

from archcalc.algebra import Poly
from archcalc.algebra.poly.atoms import Symbol
from archcalc.comparison import compare
from archcalc.comparison.changes import Change, Status
from archcalc.comparison.folding import folded
from archcalc.comparison.formats.words import operation
from archcalc.comparison.judging import percent
from archcalc.comparison.sides import Layer, with_common_symbols
from archcalc.errors import Mark
from archcalc.model import read

HEAD = "archcalc: 1\nname: {name}\ninput: [3, 8, 8]\nlayers:\n"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run commands in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return partial(running.run, capsys, monkeypatch)


def spec(name: str, *layers: str, file: str = "") -> str:
    path = Path(file or f"{name}.yaml")
    path.write_text(HEAD.format(name=name) + "".join(f"  - {layer}\n" for layer in layers), encoding="utf-8")
    return str(path)


def layer(path: str, text: str = "conv 8", line: int = 1) -> Layer:
    return Layer(path, "conv", text, Mark("net.yaml", line, 1), (8, 8, 8), {"params": 1})


# ---- folds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3, 4])
def test_three_alike_are_one_where_the_first_stood(count: int) -> None:
    changes = [
        Change(Status.ADDED, None, layer(f"net/{n}/conv"), mark=Mark("net.yaml", 10 + n, 3)) for n in range(count)
    ]
    found = folded(changes)
    assert len(found) == (2 if count == 2 else 1)
    assert found[0].mark == Mark("net.yaml", 10, 3)
    assert found[0].path == ("net/0/conv" if count == 2 else f"{count} x net/*/conv")


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("conv 8 3x3 act=relu pad=1", "conv 16 3x3 act=relu pad=1", "conv 8 -> 16 …"),
        ("conv 8 3x3 act=relu pad=1", "conv 8 3x3 act=silu pad=1", "conv … act=relu -> act=silu …"),
        ("conv 8 3x3 act=relu pad=1", "conv 8 3x3 act=relu pad=2", "conv … pad=1 -> pad=2"),
        ("conv 8 3x3 act=relu pad=1", "linear 9", "conv 8 3x3 act=relu pad=1 -> linear 9"),
        ("conv 8 3x3 act=relu pad=1", "conv 8 3x3 act=relu", "conv … pad=1 -> nothing"),
        ("conv 8 3x3 act=relu", "conv 8 3x3 act=relu pad=1", "conv … nothing -> pad=1"),
    ],
)
def test_of_long_texts_what_differs_is_shown(before: str, after: str, shown: str) -> None:
    change = Change(Status.CHANGED, layer("conv", before), layer("conv", after))
    assert operation(change, 10) == shown
    assert operation(change, 100) == f"{before} -> {after}"


# ---- figures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Fraction(61, 10), "+6.1 %"),
        (Fraction(1, 20), "+0.05 %"),
        (Fraction(51, 1000), "+0.1 %"),
        (Fraction(49, 1000), "+0.05 %"),
        (Fraction(-1, 1000), "-0.001 %"),
        (Fraction(4, 10000), "+0.0004 %"),
        (Fraction(0), "+0 %"),
        (Fraction(-1, 10**12), "-0 %"),
    ],
)
def test_a_percentage_has_the_decimals_that_it_takes(value: Fraction, shown: str) -> None:
    assert percent(value) == shown


def test_json_has_a_percentage_to_six_decimals(run: Command) -> None:
    """4 biases on 3 * 4 * 9 = 108 weights: 4 / 108 = 3.703703703...%."""
    before, after = spec("before", "conv 4 3x3 bias=false"), spec("after", "conv 4 3x3")
    assert '"percent": 3.703704' in run("compare", before, after, "--format", "json").out


def test_symbols_range_over_what_both_sides_allow() -> None:
    text = "archcalc: 1\nname: n\ninput: [3, 8, 8]\nparams:\n  w: {{default: 8, {limits}}}\nlayers: [conv w 1x1]\n"
    one = read(text.format(limits="min: 2, max: 64"), "one.yaml")
    other = read(text.format(limits="min: 4, max: 32"), "other.yaml")
    found = compare(one, other, free=["w"])
    assert found.base is not None
    assert found.head is not None
    for side in with_common_symbols(found.base, found.head):
        params = side.figures.totals["params"]
        assert isinstance(params, Poly)
        (atom,) = params.atoms()
        assert isinstance(symbol := getattr(atom, "symbol", atom), Symbol)
        assert (symbol.minimum, symbol.maximum) == (4, 32)


# ---- views -----------------------------------------------------------------------------------------------------------


def test_networks_of_one_line_stand_together(run: Command) -> None:
    for name in ("a", "b"):
        spec(name, "conv 4 1x1")
    spec("c", "conv 5 1x1")
    done = run("compare", "a.yaml", "b.yaml", "c.yaml", "--base", snapshot(run))
    sections = done.out.split("\n\n")
    assert [section.count("\n") for section in sections if section.startswith(("a", "b"))] == [1], done.out


def snapshot(run: Command) -> str:
    """The three networks before c was changed."""
    text = Path("c.yaml").read_text(encoding="utf-8")
    spec("c", "conv 4 1x1")
    run("count", "a.yaml", "b.yaml", "c.yaml", "--format", "json", "--output", "base.json")
    Path("c.yaml").write_text(text, encoding="utf-8")
    return "base.json"


def test_markdown_has_what_is_over_its_budget_first_and_the_unchanged_last(run: Command) -> None:
    for name in ("a", "b", "c"):
        spec(name, "conv 4 1x1")
    run("count", "a.yaml", "b.yaml", "c.yaml", "--format", "json", "--output", "base.json")
    spec("b", "conv 5 1x1")
    with Path(spec("c", "conv 5 1x1")).open("a", encoding="utf-8") as file:
        file.write("budget:\n  params: {max: 1}\n")
    rows = [
        line.split("|")[2].strip()
        for line in run(
            "compare", "a.yaml", "b.yaml", "c.yaml", "--base", "base.json", "--format", "markdown"
        ).out.split("\n")
        if line.startswith("| ") and "yaml" not in line.split("|")[1]
    ]
    order = [name for row in rows for name in "abc" if row.strip("[`").startswith((f"{name}`", f"{name}]", name))]
    assert order[:2] == ["c", "b"], rows


def test_an_annotation_outside_of_a_repository_names_the_file(run: Command) -> None:
    before, after = (
        spec("net", "conv 4 1x1", file="before.yaml"),
        spec("net", "conv 4 1x1 bias=false", file="after.yaml"),
    )
    (line,) = [line for line in run("compare", before, after, "--format", "github").out.splitlines() if "file=" in line]
    assert "file=after.yaml,line=5" in line
    assert "-4 params" in line
    assert "MACs" not in line  # which stay as they were


def test_junit_tells_how_many_changed_and_what_is_new(run: Command) -> None:
    """Of a network that one side alone has, its status; of others how many layers changed."""
    spec("a", "conv 4 1x1")
    run("count", "a.yaml", "--format", "json", "--output", "base.json")
    spec("a", "conv 5 1x1", "relu")
    out = run("compare", "a.yaml", spec("b", "conv 5 1x1"), "--base", "base.json", "--format", "junit").out
    assert re.findall(r'<testcase [^>]*name="([^"]*)"', out) == ["1 layer added, 1 changed", "new"]


def test_a_snapshot_of_many_networks_names_eight(run: Command) -> None:
    names = [f"net{n}" for n in range(9)]
    for name in names:
        spec(name, "conv 4 1x1")
    run("count", *(f"{name}.yaml" for name in names), "--format", "json", "--output", "base.json")
    done: Any = run("compare", "base.json", "net0.yaml")
    assert done.code == 2
    assert "holds 9 networks: " in done.err
    assert "net7" in done.err
    assert "net8" not in done.err
