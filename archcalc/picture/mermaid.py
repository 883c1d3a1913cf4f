"""A network as a Mermaid flowchart: blocks folded into one box each, shapes on the edges."""

from __future__ import annotations

from archcalc import escapes
from archcalc.cost import Row, Table
from archcalc.errors import UsageError
from archcalc.graph import Graph, Input
from archcalc.ops import Shape
from archcalc.render import numbers
from archcalc.render.grouping import flat

DIRECTIONS = ("TD", "LR", "BT", "RL")
MOST_EDGES = 300  # Mermaid itself refuses more than 500, and nobody reads so many
MOST_LETTERS = 50_000  # what Mermaid takes


def mermaid(table: Table, depth: int = 1, direction: str = "TD") -> str:
    """The flowchart's source, without a final newline; groups are boxes down to `depth`.

    Raises UsageError for a direction that doesn't exist, and for a drawing that Mermaid would refuse.
    """
    if direction not in DIRECTIONS:
        raise UsageError(f"unknown direction '{direction}'; there are {', '.join(DIRECTIONS)}")
    if depth < 1:
        raise UsageError("a diagram needs a depth of 1 or more")
    rows = {row.name: row for row in flat(table, "block", depth)}
    names = {name: f"n{n}" for n, name in enumerate([*table.inputs, *rows])}
    arrows = edges(table, depth)
    if len(arrows) > MOST_EDGES:
        fewer = f"take a depth below {depth}" if depth > 1 else "it has too many layers outside of blocks"
        raise UsageError(
            f"{table.name}: {len(arrows)} arrows at depth {depth}, more than the {MOST_EDGES} that can be drawn;"
            f" {fewer}"
        )
    lines = [f"flowchart {direction}"]
    lines += [f'    {names[name]}(["{escapes.mermaid(name)}"])' for name in table.inputs]
    lines += [f"    {names[row.name]}{_box(row)}" for row in rows.values()]
    lines += [
        f'    {names[source]} -->|"{escapes.mermaid(shape)}"| {names[target]}' for source, target, shape in arrows
    ]
    drawn = "\n".join(lines)
    if len(drawn) > MOST_LETTERS:
        raise UsageError(
            f"{table.name}: {len(drawn):,} letters at depth {depth}, more than the {MOST_LETTERS:,} that Mermaid takes;"
            " take a smaller depth"
        )
    return drawn


def edges(table: Table, depth: int) -> list[tuple[str, str, str]]:
    """(from, to, shape) between boxes: inputs and what stands at a depth; one arrow where several layers read the same
    thing.
    """

    graph, nodes = table.graph, table.graph.nodes
    boxes = {
        node.name: node.name if isinstance(node.op, Input) else "/".join(node.line.split("/")[:depth]) for node in nodes
    }
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
