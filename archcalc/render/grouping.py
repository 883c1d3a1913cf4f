"""Which rows a table shows: layers, groups of them as a tree, or operators. Totals are the same however rows are
grouped.
"""

from __future__ import annotations

from collections.abc import Iterable

from archcalc.algebra import Poly
from archcalc.cost import Table
from archcalc.cost.row import Row, total
from archcalc.duration import together
from archcalc.errors import UsageError, among, suggest
from archcalc.records import Record
from archcalc.render import numbers

BY = ("layer", "block", "op")
ALSO = {
    "weights": "weight_bytes",
    "trainable": "trainable_params",
    "backward": "backward_macs",
    "time": "latency_ms",
}  # as the columns are called
SUMS = ("params", "trainable_params", "buffers", "macs", "elementwise", "activations", "weight_bytes", "bytes")

SORTABLE = (*SUMS, "flops", "depth", "layers", "backward_macs", "latency_ms")


class Entry(Record):
    """A row and how deep it is indented."""

    row: Row
    level: int = 0


def entries(table: Table, by: str | None, depth: int | None, sort: str | None, top: int | None) -> list[Entry]:
    """The rows to show. Without `by`, groups with what is inside them, `depth` levels deep."""
    if by is not None and by not in BY:
        raise UsageError(f"unknown grouping '{by}'{among(by, BY)}")
    if by is None and sort is None and top is None:
        return tree(table, 1 if depth is None else depth)
    rows = flat(table, by or "block", depth)
    if sort is not None:
        rows = ordered(rows, sort)
    return [Entry(row) for row in (shortened(rows, top) if top is not None else rows)]


def flat(table: Table, by: str, depth: int | None) -> list[Row]:
    """Rows that don't overlap: every layer, every group at a depth, or every operator."""
    if by == "layer":
        return table.rows
    if by == "op":
        return _operators(table)
    return [_group(table, path, rows) for path, rows in _paths(table, 1 if depth is None else depth).items()]


def tree(table: Table, depth: int) -> list[Entry]:
    """Groups, each followed by what is inside it."""
    if depth == 0:
        return []
    found: dict[str, tuple[int, list[int]]] = {}
    for n, row in enumerate(table.rows):
        parts = _line(table, row).split("/")
        for level in range(1, min(depth, len(parts)) + 1):
            path = "/".join(parts[:level])
            if path not in found:
                found[path] = (level - 1, [])
            found[path][1].append(n)
    whole = {path: [table.rows[n] for n in positions] for path, (_, positions) in found.items()}
    return [Entry(_group(table, path, whole[path]), level) for path, (level, _) in found.items()]


def ordered(rows: Iterable[Row], sort: str) -> list[Row]:
    """The dearest first. Raises UsageError for what can't be compared."""
    sort = ALSO.get(sort, sort)
    if sort not in SORTABLE:
        raise UsageError(
            f"can't sort by '{sort}'{suggest(sort, [*SORTABLE, *ALSO], 'there are ' + ', '.join(SORTABLE))}"
        )
    rows = list(rows)
    values = [getattr(row, sort) for row in rows]
    if None in values:
        raise UsageError(
            "backward MACs are counted with --train"
            if sort == "backward_macs"
            else "times are predicted by `archcalc predict`"
        )
    free = next((value for value in values if isinstance(value, Poly)), None)
    if free is not None:
        raise UsageError(f"can't sort by {sort} while {', '.join(sorted(free.symbols))} is free")
    return sorted(rows, key=lambda row: getattr(row, sort), reverse=True)


def shortened(rows: list[Row], top: int) -> list[Row]:
    """The first few, and one row for the others together."""
    if top < 1:
        raise UsageError("--top must be at least 1")
    if len(rows) <= top:
        return rows
    rest = rows[top:]
    return [*rows[:top], _sum(rest, name=f"{len(rest)} more", op="", text="", shape=(), inputs=(), field={}, block="")]


def _line(table: Table, row: Row) -> str:
    """The path of the line that a layer came from: `conv1.bn` belongs to `conv1`."""
    node = table.nodes[row.name]
    return node.line


def _paths(table: Table, depth: int) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    if depth < 0:
        raise UsageError("--depth must be 0 or more")
    for row in table.rows if depth else ():
        path = "/".join(_line(table, row).split("/")[:depth])
        groups.setdefault(path, []).append(row)
    return groups


def _group(table: Table, path: str, rows: list[Row]) -> Row:
    """One row for all the layers under a path; it shows what the group puts out."""
    group = table.graph.groups.get(path)
    if group is not None:
        shape, field = table.graph.nodes[group.output].shape, table.seen_at(group.output)
        return _sum(
            rows,
            name=path,
            op="block",
            text=group.text,
            block=path.rpartition("/")[0],
            line=group.mark.line,
            shape=shape,
            field=field,
            ranges=(),
        )
    first, last = rows[0], rows[-1]
    text = ", ".join([first.text, *(row.text for row in rows[1:])])
    return _sum(
        rows,
        name=path,
        op=first.op,
        text=text,
        block=first.block,
        line=first.line,
        inputs=first.inputs,
        shape=last.shape,
        field=last.field,
    )


def _operators(table: Table) -> list[Row]:
    groups: dict[str, list[Row]] = {}
    for row in table.rows:
        groups.setdefault(row.op, []).append(row)
    return [
        _sum(rows, name=op, op=op, text=_layers(rows), block="", inputs=(), shape=(), field={}, ranges=())
        for op, rows in groups.items()
    ]


def _layers(rows: list[Row]) -> str:
    number = numbers.exact(total(row.layers for row in rows))
    return f"{number} layer{'s' * (number != '1')}"


def _sum(rows: list[Row], **changes: object) -> Row:
    sums = {name: total(getattr(row, name) for row in rows) for name in SUMS}
    backward = (
        None
        if rows[0].backward_macs is None
        else total(row.backward_macs if row.backward_macs is not None else 0 for row in rows)
    )
    time = None if rows[0].time is None else together(row.time for row in rows if row.time is not None)
    inside = {row.name for row in rows}
    inputs = tuple(dict.fromkeys(name for row in rows for name in row.inputs if name not in inside))
    depth, layers = max(row.depth for row in rows), total(row.layers for row in rows)
    return rows[0]._replace(
        **{
            "inputs": inputs,
            **sums,
            "backward_macs": backward,
            "time": time,
            "depth": depth,
            "layers": layers,
            "nodes": tuple(n for row in rows for n in row.nodes),
            **changes,
        },
    )
