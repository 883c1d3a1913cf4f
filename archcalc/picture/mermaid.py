"""A network as a Mermaid flowchart: blocks folded into one box each, shapes on the edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count

from archcalc import escapes
from archcalc.cost import Table
from archcalc.cost.row import Row
from archcalc.errors import UsageError, among
from archcalc.graph import Graph, Input
from archcalc.ops import Shape
from archcalc.picture.colours import LIGHT, step
from archcalc.picture.items import judged
from archcalc.render import numbers
from archcalc.render.grouping import flat
from archcalc.tuples import NamedTuple

DIRECTIONS = ("TD", "LR", "BT", "RL")
MOST_EDGES = 300  # Mermaid itself refuses more than 500, and nobody reads so many
MOST_LETTERS = 50_000  # what Mermaid takes


def mermaid(table: Table, depth: int = 1, direction: str = "TD", metric: str = "macs", by: str = "block") -> str:
    """The flowchart's source, without a final newline; groups are boxes down to `depth`, and subgraphs above it.

    Raises UsageError for a direction that doesn't exist, and for a drawing that Mermaid would refuse.
    """
    if direction not in DIRECTIONS:
        raise UsageError(f"unknown direction '{direction}'{among(direction, DIRECTIONS)}")
    if depth < 1:
        raise UsageError("a diagram needs a depth of 1 or more")
    judged(metric)
    rows = {row.name: row for row in flat(table, by, depth)}
    names = {name: f"n{n}" for n, name in enumerate([*table.inputs, *rows])}
    arrows = edges(table, depth, by)
    if len(arrows) > MOST_EDGES:
        fewer = f"take a depth below {depth}" if depth > 1 else "it has too many layers outside of blocks"
        raise UsageError(
            f"{table.name}: {len(arrows)} arrows at depth {depth}, more than the {MOST_EDGES} that can be drawn;"
            f" {fewer}"
        )
    lines = [f"flowchart {direction}"]
    lines += [f'    {names[name]}(["{escapes.mermaid(name)}"])' for name in table.inputs]
    steps = {row.name: step(getattr(row, metric), table.total(metric)) for row in rows.values()}
    lines += _boxes(rows, names, steps)
    lines += [
        f'    {names[source]} -->|"{escapes.mermaid(shape)}"| {names[target]}' for source, target, shape in arrows
    ]
    lines += [
        f"    classDef s{n} fill:{LIGHT.scale[n]},stroke:{LIGHT.line},color:{LIGHT.ink}"
        for n in sorted({found for found in steps.values() if found is not None})
    ]
    drawn = "\n".join(lines)
    if len(drawn) > MOST_LETTERS:
        raise UsageError(
            f"{table.name}: {len(drawn):,} letters at depth {depth}, more than the {MOST_LETTERS:,} that Mermaid takes;"
            " take a smaller depth"
        )
    return drawn


def _boxes(rows: Mapping[str, Row], names: Mapping[str, str], steps: Mapping[str, int | None]) -> Iterator[str]:
    """Layers, and groups around them."""
    graphs = count()
    for event in nested(rows.values()):
        indent = "    " * (event.level + 1)
        if event.row is not None:
            found = steps[event.row.name]
            yield (f"{indent}{names[event.row.name]}{_box(event.row)}{'' if found is None else f':::s{found}'}")
        elif not event.path:
            yield (f"{indent}end")
        else:
            yield (f'{indent}subgraph g{next(graphs)}["{escapes.mermaid(event.path)}"]')


class Event(NamedTuple):
    """On the way through boxes: a box, or a group that begins (`path`) or ends (no path), so many levels deep."""

    level: int
    row: Row | None = None
    path: str = ""


def nested(rows: Iterable[Row]) -> Iterator[Event]:
    """The boxes in the groups that they stand in."""
    within: list[str] = []
    for row in rows:
        groups = row.name.split("/")[:-1]
        shared = next((k for k, pair in enumerate(zip(groups, within, strict=False)) if pair[0] != pair[1]), None)
        shared = min(len(groups), len(within)) if shared is None else shared
        yield from (Event(k) for k in range(len(within) - 1, shared - 1, -1))
        yield from (Event(k, path="/".join(groups[: k + 1])) for k in range(shared, len(groups)))
        within = groups
        yield Event(len(groups), row)
    yield from (Event(k) for k in range(len(within) - 1, -1, -1))


def edges(table: Table, depth: int, by: str = "block") -> list[tuple[str, str, str]]:
    """(from, to, shape) between boxes: inputs and what stands at a depth; one arrow where several layers read the same
    thing.
    """

    graph, nodes = table.graph, table.graph.nodes
    boxes = {node.name: node.name for node in nodes}
    if by == "block":
        named = ((node.name, node.line.split("/")[:depth]) for node in nodes if not isinstance(node.op, Input))
        boxes |= {name: "/".join(parts) for name, parts in named}
    found: dict[tuple[str, str, str], None] = {}
    for n in graph.layers():
        for source in nodes[n].inputs:
            edge = (boxes[graph.name_of(source)], boxes[nodes[n].name], numbers.shape(_carried(graph, source)))
            if edge[0] != edge[1]:
                found[edge] = None
    return list(found)


def _carried(graph: Graph, source: int) -> Shape:
    """What an arrow carries: into a loop what arrives at its first repeat, out of it what leaves the last."""
    while source in graph.loops:
        (source,) = graph.nodes[source].inputs
    return graph.nodes[source].shape


def _box(row: Row) -> str:
    """A block with double sides, a layer without; its path, what it is and what it costs."""
    costs = [f"{numbers.count(row.params)} params"] if row.params != 0 else []
    costs += [f"{numbers.count(row.macs)} MACs"] if row.macs != 0 else []
    lines = [row.name, *([row.text] if row.text != row.name else []), *([", ".join(costs)] if costs else [])]
    text = "<br/>".join(escapes.mermaid(line) for line in lines)
    return f'[["{text}"]]' if row.op == "block" else f'["{text}"]'
