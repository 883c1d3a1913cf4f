"""A network in Graphviz's language: a node a box, a cluster a group, shapes on the edges."""

from __future__ import annotations

from itertools import count

from archcalc import escapes
from archcalc.cost import Table
from archcalc.cost.row import Row
from archcalc.picture import METRICS
from archcalc.picture.colours import LIGHT, step
from archcalc.picture.items import judged
from archcalc.picture.mermaid import edges, nested
from archcalc.render import numbers
from archcalc.render.grouping import flat


def dot(table: Table, depth: int = 1, direction: str = "TD", metric: str = "macs", by: str = "block") -> str:
    """The graph's source, without a final newline; groups are nodes down to `depth`, and clusters above it.

    Raises UsageError for a metric that doesn't exist.
    """
    judged(metric)
    rows = flat(table, by, depth)
    names = {name: f"n{n}" for n, name in enumerate([*table.inputs, *(row.name for row in rows)])}
    way = {"TD": "TB"}.get(direction, direction)
    lines = [f'digraph "{escapes.dot(table.name)}" {{', f"  rankdir={way}"]
    lines += ['  node [shape=box style="filled,rounded" fillcolor=white fontname=Helvetica fontsize=11]']
    lines += ["  edge [fontname=Helvetica fontsize=10]"]
    lines += [f'  {names[name]} [label="{escapes.dot(name)}" shape=oval]' for name in table.inputs]
    lines += _clusters(table, rows, names, metric)
    for source, target, shape in edges(table, depth, by):
        lines.append(f'  {names[source]} -> {names[target]} [label="{escapes.dot(shape)}"]')
    return "\n".join([*lines, "}"])


def _clusters(table: Table, rows: list[Row], names: dict[str, str], metric: str) -> list[str]:
    """The nodes, in the clusters of the groups that they stand in."""
    lines: list[str] = []
    clusters = count()
    for event in nested(rows):
        indent = "  " * (event.level + 1)
        if event.row is not None:
            fill = step(getattr(event.row, metric), table.total(metric)) or 0
            label = "\\n".join(escapes.dot(line) for line in _lines(event.row))
            lines.append(f'{indent}{names[event.row.name]} [label="{label}" fillcolor="{LIGHT.scale[fill]}"]')
        elif event.path:
            lines.append(f'{indent}subgraph "cluster_{next(clusters)}" {{ label="{escapes.dot(event.path)}"')
        else:
            lines.append(f"{indent}}}")
    return lines


def _lines(row: Row) -> list[str]:
    costs = [(getattr(row, name), title) for name, title in METRICS.items() if name != "activations"]
    said = ", ".join(f"{numbers.count(value)} {title}" for value, title in costs if value != 0)
    return [row.name, *([row.text] if row.text != row.name else []), *([said] if said else [])]
