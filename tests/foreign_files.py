"""Networks as files that another tool wrote: exported, and stripped of what only archcalc notes in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx

from archcalc.cost import Table
from archcalc.onnx import export


def foreign_file(table: Table, path: Path, names: bool = True, opset: int | None = None) -> str:
    """The file of a network without the exporter's name and notes; without `names` nodes and values are numbered."""
    export(table, path, weights="none", **({} if opset is None else {"opset": opset}))
    model = onnx.load(path, load_external_data=False)
    model.producer_name, model.producer_version = "another", ""
    del model.metadata_props[:]
    _strip(model.graph, {} if names else _numbered(model.graph))
    path.write_bytes(model.SerializeToString())
    return str(path)


def _numbered(graph: Any) -> dict[str, str]:
    """New names for what nodes put out; inputs and outputs of the graph and weights keep theirs."""
    kept = {value.name for value in (*graph.input, *graph.output)}
    made = [name for node in graph.node for name in node.output if name and name not in kept]
    return {name: f"v{n}" for n, name in enumerate(made)}


def _strip(graph: Any, renamed: dict[str, str]) -> None:
    for node in graph.node:
        node.name, node.doc_string = "", ""
        del node.metadata_props[:]
        for values in (node.input, node.output):
            values[:] = [renamed.get(name, name) for name in values]
    for value in graph.value_info:
        value.name = renamed.get(value.name, value.name)
