"""Where the time goes: onnxruntime's times of nodes, given back to the layers of the spec.

onnxruntime fuses nodes and renames them: a convolution with its normalisation and activation becomes one node called
after the last of them, an addition vanishes into the convolution before it, changes of layout come in between. Each
node's time goes to the layer with the most MACs among those that it fuses; the others say into which layer they went.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from archcalc.algebra import Poly
from archcalc.cost import Table
from archcalc.errors import UsageError
from archcalc.graph import Graph
from archcalc.measure.device import Device, Runner
from archcalc.measure.filling import Filled
from archcalc.measure.session import feed, vocabularies
from archcalc.onnx import Model, StoredModel, in_memory
from archcalc.ops import OPS
from archcalc.ops.base import number
from archcalc.patterns import pattern
from archcalc.question import Stored
from archcalc.tuples import NamedTuple
from archcalc.untyped import Array, Json

RUNS, SKIPPED = 12, 3
CONTRACTIONS = frozenset({"Conv", "FusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul", "FusedMatMul"})
FOLLOWING = frozenset({"Tanh", "Mul"})  # nodes without names that come after the first of an operator that is expanded
_RENAMED = pattern(r"^fused |(_nchwc|_token_\d+|_kernel_time)$")


class LayerTime(NamedTuple):
    """A layer's part of the time. `fused_into`: the layer that its time is counted at, None where it has nodes of its
    own.
    """

    name: str
    milliseconds: float
    share: float
    fused_into: str | None = None


class Event(NamedTuple):
    """A node of the network as it runs: its name and operator, and its part of the run's time."""

    name: str
    kind: str
    share: float = 0.0


def profiled(table: Table, device: Device, total: float, seed: int = 0, file: Stored | None = None) -> list[LayerTime]:
    """A row a layer, in order; together they are `total` milliseconds. Profiling takes time itself, so only shares are
    taken from it.
    """
    if device.kind != "cpu":
        raise UsageError("--profile is for the CPU: onnxruntime times the launches of CUDA's kernels, not the kernels")
    if file is not None:
        return layer_times(table, _of_file(table, file, device, seed), total)
    return layer_times(table, _events(table, device, seed), total)


def layer_times(table: Table, events: Sequence[Event], total: float) -> list[LayerTime]:
    """Events given back to the layers."""
    graph = table.graph
    covered = attribute(graph, events)
    whole = sum(event.share for event in events) or 1.0
    macs = {row.name: 0.0 if isinstance(row.macs, Poly) else float(row.macs) for row in table.rows}
    shares = dict.fromkeys(macs, 0.0)
    into: dict[str, str] = {}
    for event, layers in zip(events, covered, strict=True):
        first = max(layers, key=lambda name: macs[name])
        shares[first] += event.share / whole
        into |= {name: first for name in layers if name != first}
    return [
        LayerTime(name, share * total, share, into.get(name) if not share else None) for name, share in shares.items()
    ]


def attribute(graph: Graph, events: Sequence[Event]) -> list[list[str]]:
    """For each event, the layers whose work it does. Changes of layout belong to the event that they are made for."""
    order = {graph.nodes[n].name: n for n in graph.layers()}
    anchors = _expanded(order, graph, events, [_layer(order, event.name) for event in events])
    covered = [[anchor] if anchor else [] for anchor in anchors]
    owner = {
        order[anchor]: position for position, anchor in enumerate(anchors) if anchor
    }  # the event that computes a layer; the last, of several
    for position, (event, anchor) in enumerate(zip(events, anchors, strict=True)):
        if anchor and event.kind in CONTRACTIONS:
            for n in _swallowed_before(graph, order[anchor], owner):
                owner[n] = position
                covered[position].append(graph.nodes[n].name)
    for n in graph.layers():
        sources = [owner[i] for i in graph.nodes[n].inputs if i in owner]
        if n not in owner and sources:  # it vanished into what it works on: the last of several to run
            owner[n] = max(sources)
            covered[owner[n]].append(graph.nodes[n].name)
    return [
        layers or covered[_neighbour(events, covered, position)] or list(order)[:1]
        for position, layers in enumerate(covered)
    ]


def _expanded(
    order: dict[str, int], graph: Graph, events: Sequence[Event], anchors: Sequence[str | None]
) -> list[str | None]:
    """The layers of events, with those of nodes that have no names: each is the next layer behind the last one known
    that is run so.
    """
    found = list(anchors)
    waiting = [n for n in sorted(order.values()) if graph.nodes[n].op.expands and graph.nodes[n].name not in anchors]
    firsts = {op.expands for op in OPS.values() if op.expands}
    last, current = -1, None
    for position, (event, anchor) in enumerate(zip(events, anchors, strict=True)):
        if anchor is not None:
            last, current = order[anchor], None
        elif event.kind in firsts:
            current = next((n for n in waiting if n > last and graph.nodes[n].op.expands == event.kind), None)
            if current is not None:
                waiting.remove(current)
        if current is not None and event.kind in firsts | FOLLOWING and anchor is None:
            found[position] = graph.nodes[current].name
    return found


def _neighbour(events: Sequence[Event], covered: list[list[str]], position: int) -> int:
    """The nearest event that is called after a layer: after one that prepares an input, before any other."""
    after = next((n for n in range(position + 1, len(events)) if covered[n]), None)
    before = next((n for n in reversed(range(position)) if covered[n]), None)
    first, second = (after, before) if events[position].kind == "ReorderInput" else (before, after)
    return position if first is None and second is None else first if first is not None else second or 0


def _layer(order: dict[str, int], name: str) -> str | None:
    """The longest label that a node's name begins with."""
    while (shorter := _RENAMED.sub("", name)) != name:
        name = shorter
    while name:
        if name in order:
            return name
        name = name[: max(name.rfind(mark) for mark in ":/_")] if any(mark in name for mark in ":/_") else ""
    return None


def _swallowed_before(graph: Graph, n: int, owner: dict[int, int]) -> Iterator[int]:
    """The layers before one that have no event, up to and with the contraction that the event is."""
    path: list[int] = []
    while not graph.nodes[n].op.is_layer and graph.nodes[n].inputs:
        n = graph.nodes[n].inputs[0]
        if n in owner or not graph.nodes[n].op.word:
            return
        path.append(n)
    yield from path


def _events(table: Table, device: Device, seed: int) -> list[Event]:
    model = in_memory(table, seed=seed)
    inputs = feed(table.graph, vocabularies(table.graph, model), number(table.batch), seed, model.input_kinds())
    return _timed(model, inputs, device)


def _of_file(table: Table, file: Stored, device: Device, seed: int) -> list[Event]:
    """The nodes of a model file, called after the layers that they became."""
    model = StoredModel(file.path)
    nodes = table.graph.nodes
    layers = {node.name: nodes[node.layer].name for node in file.nodes if node.name and node.layer is not None}
    events = Filled(model, file, seed).first(lambda feed: _timed(model, feed, device))
    return [event._replace(name=layers.get(_RENAMED.sub("", event.name), event.name)) for event in events]


def _timed(model: Model | StoredModel, inputs: dict[str, Array], device: Device) -> list[Event]:
    """The nodes in the order they run, each with the median of its part of a run."""
    with tempfile.TemporaryDirectory(prefix="archcalc-") as folder:
        runner = Runner(model, inputs, device, profile=Path(folder, "profile"))
        for _ in range(SKIPPED + RUNS):
            runner()
        records = json.loads(Path(runner.session.end_profiling()).read_text(encoding="utf-8"))
    return shares_of(records, SKIPPED)


def shares_of(records: Sequence[dict[str, Json]], skipped: int) -> list[Event]:
    """A profile's records as events: of each node the median, over runs, of its part of the run."""
    runs: list[dict[tuple[str, str], float]] = [{}]
    for record in records:
        if record.get("cat") == "Node" and record["name"].endswith("_kernel_time"):
            key = (record["name"], f"{record['args'].get('node_index')} {record['args'].get('op_name')}")
            runs[-1][key] = runs[-1].get(key, 0.0) + record["dur"]
        elif record["name"] == "model_run":
            runs.append({})
    runs = [run for run in runs if run][skipped:]
    if not runs:
        raise UsageError("onnxruntime wrote a profile without nodes")
    parts = [{key: duration / (sum(run.values()) or 1.0) for key, duration in run.items()} for run in runs]
    return [
        Event(
            name.removesuffix("_kernel_time"),
            kind.partition(" ")[2],
            median(run.get((name, kind), 0.0) for run in parts),
        )
        for name, kind in runs[0]
    ]
