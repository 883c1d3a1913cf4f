"""A network in Graphviz's language: a node a box, a cluster a group, shapes on the edges."""

from __future__ import annotations

from archcalc import escapes
from archcalc.cost import Row, Table
from archcalc.picture import METRICS
from archcalc.picture.colours import LIGHT, step
from archcalc.picture.items import judged
from archcalc.picture.mermaid import edges
from archcalc.render import numbers
from archcalc.render.grouping import flat


def dot(table: Table, depth: int = 1, direction: str = "TD", metric: str = "macs") -> str:
    """The graph's source, without a final newline; groups are nodes down to `depth`, and clusters above it.

    Raises UsageError for a metric that doesn't exist.
    """
    judged(metric)
    rows = flat(table, "block", depth)
    names = {name: f"n{n}" for n, name in enumerate([*table.inputs, *(row.name for row in rows)])}
    way = {"TD": "TB"}.get(direction, direction)
    lines = [f'digraph "{escapes.dot(table.name)}" {{', f"  rankdir={way}"]
    lines += ['  node [shape=box style="filled,rounded" fillcolor=white fontname=Helvetica fontsize=11]']
    lines += ["  edge [fontname=Helvetica fontsize=10]"]
    lines += [f'  {names[name]} [label="{escapes.dot(name)}" shape=oval]' for name in table.inputs]
    lines += _clusters(table, rows, names, metric)
    for source, target, shape in edges(table, depth):
        lines.append(f'  {names[source]} -> {names[target]} [label="{escapes.dot(shape)}"]')
    return "\n".join([*lines, "}"])


def _clusters(table: Table, rows: list[Row], names: dict[str, str], metric: str) -> list[str]:
    """The nodes, in the clusters of the groups that they stand in."""
    lines: list[str] = []
    within: list[str] = []
    for row in rows:
        groups = row.name.split("/")[:-1]
        shared = next((k for k, pair in enumerate(zip(groups, within, strict=False)) if pair[0] != pair[1]), None)
        shared = min(len(groups), len(within)) if shared is None else shared
        lines += [f"{'  ' * (k + 1)}}}" for k in range(len(within) - 1, shared - 1, -1)]
        for k in range(shared, len(groups)):
            path = "/".join(groups[: k + 1])
            lines.append(f'{"  " * (k + 1)}subgraph "cluster_{names[row.name]}_{k}" {{ label="{escapes.dot(path)}"')
        within = groups
        fill = step(getattr(row, metric), table.totals[metric]) or 0
        label = "\\n".join(escapes.dot(line) for line in _lines(row))
        lines.append(f'{"  " * (len(groups) + 1)}{names[row.name]} [label="{label}" fillcolor="{LIGHT.scale[fill]}"]')
    return [*lines, *(f"{'  ' * (k + 1)}}}" for k in range(len(within) - 1, -1, -1))]


def _lines(row: Row) -> list[str]:
    costs = [(getattr(row, name), title) for name, title in METRICS.items() if name != "activations"]
    said = ", ".join(f"{numbers.count(value)} {title}" for value, title in costs if value != 0)
    return [row.name, *([row.text] if row.text != row.name else []), *([said] if said else [])]
