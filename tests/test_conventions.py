"""How other tools count: every rule held against what the tools printed, for single operators and for whole networks.

The numbers in `data/peer_counts.json` were printed by the tools themselves; `data/peers.py` made them.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from archcalc.algebra import Poly
from archcalc.cli import app
from archcalc.conventions import TOOLS, Counted, bridge, find
from archcalc.conventions.quantities import QUANTITIES
from archcalc.conventions.rules import Rules, terms
from archcalc.errors import ArchcalcError, UsageError
from archcalc.model import Model, load
from archcalc.ops import OPS
from archcalc.spec import read_spec

PEERS = json.loads((Path(__file__).parent / "data" / "peer_counts.json").read_text(encoding="utf-8"))
COUNTS = ("params", "macs", "flops")
SPECS = {"googlenet": "googlenet-torchvision", "googlenet_aux": "googlenet-torchvision", "inception_v3_aux": "inception_v3"}


def printed(kind: str) -> list[tuple[str, str]]:
    """(network or operator, tool) of every number that a tool printed."""
    return [(name, tool) for name, tools in PEERS[kind].items() for tool in tools if tool in TOOLS and "error" not in tools[tool]]


def spec(layers: list[Any], shape: list[Any], torch: dict[str, str] | None = None, **more: Any) -> Model:
    written = {"archcalc": 1, "name": "t", "input": shape, "layers": layers, "torch": torch or {}, **more}
    return Model(read_spec(json.dumps(written), "t.yaml"))


def held(model: Model, tool: str, wanted: dict[str, Any], **question: Any) -> None:
    totals = model.count(convention=tool, **question).totals
    assert {name: totals[name] for name in COUNTS if name in wanted} == {name: wanted[name] for name in COUNTS if name in wanted}


@pytest.mark.parametrize(("name", "tool"), printed("operators"))
def test_an_operator_counts_what_the_tool_printed_for_it(name: str, tool: str) -> None:
    entry = PEERS["operators"][name]
    held(spec(entry["layers"], entry["input"], entry["torch"]), tool, entry[tool])
