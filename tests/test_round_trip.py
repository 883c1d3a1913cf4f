"""What archcalc writes, archcalc reads, equal: networks as ONNX files and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")

from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc.cost import Table
from archcalc.errors import ArchcalcError
from archcalc.model import Model, load
from archcalc.onnx import export
from archcalc.ops import OPS
from archcalc.spec import read_spec

from shipping import shipped, some  # isort: skip
from test_identities import network_of, quick  # isort: skip
from test_ops import ROWS, Row, table_of  # isort: skip
from test_verify import small  # isort: skip

FIGURES = (
    "params",
    "trainable_params",
    "buffers",
    "macs",
    "elementwise",
    "activations",
    "depth",
    "depth_with_pooling",
)


def told(table: Table) -> dict[str, Any]:
    """What has to be the same."""
    nodes = table.graph.nodes
    return {name: table.totals[name] for name in FIGURES} | {"out": [nodes[n].shape for n in table.graph.outputs]}


def again(table: Table, folder: Path, weights: str = "none", opset: int = 21) -> Table:
    """The table of its own export."""
    path = folder / "model.onnx"
    export(table, path, weights=weights, opset=opset)
    read = load(str(path)).count()
    assert read.graph.uncounted == []
    return read


LOST = {"table"}  # a learned tensor that reads nothing


@pytest.mark.xfail(strict=True, reason="the reader takes an output that depends on no input for a constant")
@pytest.mark.parametrize("word", sorted(LOST))
def test_what_does_not_come_back_yet(word: str, tmp_path: Path) -> None:
    row = next(row for row in ROWS if row.word == word)
    table = table_of(row.line, row.inputs)
    assert told(again(table, tmp_path)) == told(table)


@pytest.mark.parametrize("first", some(range(3), 3))
@pytest.mark.parametrize("weights", ["random", "none"])
def test_every_operator_comes_back(weights: str, first: int, tmp_path: Path) -> None:
    for row in [row for row in ROWS if row.word not in LOST][first + (weights == "none") :: 3]:
        table = table_of(row.line, row.inputs)
        assert told(again(table, tmp_path, weights)) == told(table), str(row)


@pytest.mark.parametrize("first", some(range(3), 3))
def test_every_option_comes_back(first: int, tmp_path: Path) -> None:
    """Each flag turned and each word chosen, in every row where the layer can still be built."""
    tried = 0
    for row in ROWS[first::3]:
        for line in sorted(turned(row)):
            try:
                table = table_of(line, row.inputs)
            except ArchcalcError:
                continue
            tried += 1
            assert told(again(table, tmp_path)) == told(table), line
    assert tried > 50


def turned(row: Row) -> set[str]:
    op = table_of(row.line, row.inputs).graph.nodes[-1].op
    found = set()
    for name, info in type(op).fields.items():
        values: tuple[Any, ...] = (not getattr(op, name),) if info.annotation is bool else ()
        if isinstance(getattr(op, name), str):
            values = ("nearest", "bilinear", "same", "valid", "full", "everything", "here", "layer", "pooling", "gate")
        if name == "axis":
            values = (0, -1, 1)
        found |= {
            f"{row.line} {name.rstrip('_')}={str(value).lower()}" for value in values if f" {name}=" not in row.line
        }
    return found


@pytest.mark.parametrize("name", shipped(5))
def test_a_network_that_ships_comes_back(name: str, tmp_path: Path) -> None:
    table = small(name)
    found, wanted = told(again(table, tmp_path)), told(table)
    if any(node.op.word == "table" for node in table.graph.nodes):  # a layer in a spec is a weight in a file
        del found["activations"], wanted["activations"]
    assert found == wanted


def comes_back(length: int, seed: int, folder: Path) -> None:
    table = Model(read_spec(network_of(length, seed).text, "net.yaml")).count()
    assert told(again(table, folder)) == told(table)


@quick(40)
@given(length=st.integers(1, 6), seed=st.integers(0, 2**32))
def test_a_random_network_comes_back(tmp_path_factory: pytest.TempPathFactory, length: int, seed: int) -> None:
    comes_back(length, seed, tmp_path_factory.getbasetemp())


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(length=st.integers(1, 8), seed=st.integers(0, 2**32))
def test_two_thousand_random_networks_come_back(
    tmp_path_factory: pytest.TempPathFactory, length: int, seed: int
) -> None:
    comes_back(length, seed, tmp_path_factory.getbasetemp())


def test_every_operator_is_tried() -> None:
    assert sorted({row.word for row in ROWS}) == sorted(OPS)
