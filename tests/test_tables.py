"""One entry in one table: what a new column, format, plot, peer or device must have, and that everything reads it."""

from __future__ import annotations

import csv
import importlib
import io
import json
from pathlib import Path

import pytest
from running import Command

import archcalc
from archcalc.conventions import TOOLS
from archcalc.cost import Table
from archcalc.cost.row import Row
from archcalc.devices import CHIPS
from archcalc.latency.profile import device_names
from archcalc.picture import KINDS
from archcalc.question import Question
from archcalc.render import FORMATS
from archcalc.render.columns import COLUMNS, chosen
from archcalc.render.contract import Layer
from archcalc.render.formats import COMMANDS

ROOT = Path(__file__).parent.parent
READ = {  # what a cell may read of a row, and the keys of JSON that hold it
    "params": {"params"}, "trainable_params": {"trainable_params"}, "buffers": {"buffers"}, "macs": {"macs", "flops"},
    "elementwise": {"elementwise", "flops"}, "activations": {"activations"}, "weight_bytes": {"weight_bytes"},
    "bytes": {"bytes"}, "backward_macs": {"backward_macs"}, "layers": {"layers"}, "line": {"line"}, "name": {"name"},
    "text": {"text"}, "inputs": {"inputs"}, "shape": {"shape"},
}  # fmt: skip


@pytest.fixture(scope="module")
def table() -> Table:
    return archcalc.load("lenet").count(train=True)


def changed(row: Row, name: str) -> Row:
    value = getattr(row, name)
    other = (*value, 7) if isinstance(value, tuple) else f"{value}z" if isinstance(value, str) else 5 * (value or 1) + 7
    if name == "inputs":
        other = ("elsewhere",)
    return row._replace(**{name: other})


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_names_the_keys_of_what_it_shows(table: Table, name: str) -> None:
    """So that JSON has them, CSV, too, and a convention that counts none is refused."""
    column, row = COLUMNS[name], table.rows[0]
    assert set(column.keys) <= {*Layer.__annotations__}, f"{name}: a key that the contract of JSON doesn't have"
    assert set(READ) <= {*Row._fields}

    def cell(of: Row) -> str:
        return column.cell(of, table, str)

    missed = [
        read for read, keys in READ.items() if cell(changed(row, read)) != cell(row) and not keys & set(column.keys)
    ]
    assert missed == [], f"{name} shows figures whose keys it doesn't name"


def test_csv_and_json_have_every_column(archcalc: Command) -> None:
    words = ["count", "lenet", "--train", "--columns", ",".join(COLUMNS)]
    first, *rows = list(csv.reader(io.StringIO(archcalc(*words, "--format", "csv").out)))
    assert first == ["network", *COLUMNS]
    untimed = {"time", "time%", "bound"}
    assert {name for n, name in enumerate(first) if not any(row[n] for row in rows)} == untimed
    intensity = (2 * 117_600 + 4_704) / (4 * (156 + 1_024 + 4_704))  # C1's FLOPs over what it reads and writes
    assert rows[0][1 + [*COLUMNS].index("intensity")] == f"{intensity:.1f}"
    (layer, *_) = json.loads(archcalc(*words, "--format", "json").out)["layers"]
    assert {key for column in COLUMNS.values() for key in column.keys} - set(layer) == {"latency_ms", "latency_bound"}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_that_does_not_count_it_refuses_every_column_of_it(tool: str) -> None:
    table = archcalc.load("lenet").answer(Question(convention=tool))
    for name, column in COLUMNS.items():
        if any(table.totals.get(key, 0) is None for key in column.keys):
            with pytest.raises(archcalc.ArchcalcError, match=f"{tool}.* counts no "):
                chosen(name, table, False)
        else:
            assert chosen(name, table, False) == [name]


def test_help_completion_and_pages_read_the_tables(archcalc: Command) -> None:
    from archcalc.cli.declared import parameters
    from archcalc.cli.entry import FUNCTIONS, judged

    judged("count", "predict", "plot")
    page = (ROOT / "docs" / "counting.md").read_text(encoding="utf-8")
    assert [name for name, column in COLUMNS.items() if f"{name:<11}  {column.help}\n" not in page] == []
    for command in ("count", "predict"):
        complete = {each.name: each.declared.settings.get("autocompletion") for each in parameters(FUNCTIONS[command])}
        assert complete["form"]("") == [*FORMATS]
        assert complete["columns"]("layer,") == [f"layer,{name}" for name in COLUMNS]
    (kinds,) = (each for each in parameters(FUNCTIONS["plot"]) if each.name == "kind")
    assert kinds.declared.settings["autocompletion"]("") == [*KINDS]
    assert [name for name in COLUMNS if archcalc("help", name).code] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_format_of_another_command_is_one_entry(command: str, archcalc: Command) -> None:
    """Help, completion and the page have it, and the command writes it."""
    from archcalc.cli.declared import parameters
    from archcalc.cli.entry import FUNCTIONS, judged

    judged(command)
    known = COMMANDS[command]
    (option,) = (each.declared for each in parameters(FUNCTIONS[command]) if "--format" in each.declared.words)
    assert option.settings["autocompletion"]("") == [*known]
    assert [name for name in known if name not in option.settings["help"]] == []
    page = (ROOT / "docs" / "counting.md").read_text(encoding="utf-8")
    assert [name for name, form in known.items() if f"\n  {name:<8}  {form.help}\n" not in page] == []
    words = {"compare": ["alexnet", "alexnet"], "zoo": ["--family", "lenet"], "check": ["lenet"]}.get(command, [])
    written = [archcalc(command, *words, "--format", name) for name in known]
    assert [(result.code, bool(result.out)) for result in written] == [(0, True)] * len(known)


@pytest.mark.parametrize("form", FORMATS)
def test_a_format_names_what_there_is(form: str) -> None:
    module, _, name = FORMATS[form].written_by.partition(".")
    assert callable(getattr(importlib.import_module(f"archcalc.render.{module}"), name))
    assert callable(getattr(archcalc.escapes, FORMATS[form].escape))
    assert FORMATS[form].help


def test_devices_and_tools_are_listed(archcalc: Command) -> None:
    listed = archcalc("devices").out
    assert [chip.name for chip in CHIPS if f"\n{chip.name} " not in listed] == []
    assert [name for name in device_names() if f"\n{name} " not in listed] == []
    page = (ROOT / "docs" / "conventions.md").read_text(encoding="utf-8")
    assert [name for name in TOOLS if name not in page] == [], "docs/conventions.md says nothing of them"
