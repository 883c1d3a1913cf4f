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


@pytest.mark.parametrize(
    "line", ["pad 2", "pad 1x2 mode=reflect", "pad 3 axis=0 mode=replicate", "pad 2 mode=circular"]
)
def test_what_stands_around_a_map_comes_back(line: str, tmp_path: Path) -> None:
    graph = again(table_of(line, [(4, 8, 8)]), tmp_path).graph
    assert [graph.nodes[n].op.line() for n in graph.layers()] == [line]


@pytest.mark.parametrize("first", some(range(3), 3))
@pytest.mark.parametrize("weights", ["random", "none"])
def test_every_operator_comes_back(weights: str, first: int, tmp_path: Path) -> None:
    for row in ROWS[(first + (weights == "none")) % 3 :: 3]:
        table = table_of(row.line, row.inputs)
        assert told(again(table, tmp_path, weights)) == told(table), str(row)


@pytest.mark.parametrize("first", some(range(4), 4))
@pytest.mark.parametrize(("n", "opset"), [(0, 13), (1, 17), (2, 20), (3, 24)])
def test_every_operator_comes_back_from_files_of_every_opset(n: int, opset: int, first: int, tmp_path: Path) -> None:
    """Before opset 21 nodes have no metadata, and more layers are several nodes."""
    for row in ROWS[(first + n) % 4 :: 4]:
        table = table_of(row.line, row.inputs)
        assert told(again(table, tmp_path, opset=opset)) == told(table), str(row)


DEAD = """archcalc: 1
name: dead
input: [3, 8, 8]
layers:
  - a: conv 4 3x3
  - b: conv 8 3x3
  - [ref a, conv 2 1x1]
"""

LEARNED = """archcalc: 1
name: learned
input: [6, 4]
layers:
  - linear 8
  - t: table 8 4
  - add: [ref t, conv 8 1]
"""


@pytest.mark.parametrize("opset", [13, 21])
def test_layers_that_nothing_reads_come_back(opset: int, tmp_path: Path) -> None:
    table = Model(read_spec(DEAD, "dead.yaml")).count()
    assert table.totals["params"] == 3 * 9 * 4 + 4 + 4 * 9 * 8 + 8 + 4 * 2 + 2
    assert told(again(table, tmp_path, opset=opset)) == told(table)


@pytest.mark.parametrize("opset", [13, 21])
def test_a_learned_tensor_reads_nothing(opset: int, tmp_path: Path) -> None:
    """Neither its depth nor its field is that of what stands before it."""
    table = Model(read_spec(LEARNED, "learned.yaml")).count()
    assert table.totals["params"] == 6 * 8 + 8 + 8 * 4 + 8 * 8 + 8
    assert table.totals["depth"] == 1
    assert [row.field for row in table.rows if row.name in ("t", "conv", "add")] == [{}] * 3
    assert told(again(table, tmp_path, opset=opset)) == told(table)


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


@pytest.mark.parametrize("name", shipped(10))
def test_a_network_that_ships_comes_back(name: str, tmp_path: Path) -> None:
    table = small(name)
    assert told(again(table, tmp_path)) == told(table)


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
