"""What a table says, cell by cell, of one network or of several: every format writes the same cells."""

from __future__ import annotations

from collections.abc import Sequence

from archcalc import escapes
from archcalc.algebra import unicode
from archcalc.cost import Table
from archcalc.records import Record
from archcalc.render import grouping, networks
from archcalc.render.columns import COLUMNS, Form, chosen


class Options(Record):
    """Which rows and columns to show."""

    by: str | None = None
    depth: int | None = None
    sort: str | None = None
    top: int | None = None
    columns: str | None = None
    flops: bool = False
    width: int | None = None  # of the terminal; None where lines may be long

    @property
    def are_totals(self) -> bool:
        """Whether only the totals are asked for."""
        return self.depth == 0 and self.by is None


class Cells(Record):
    """Headings, rows and the line of totals as text, which columns stand to the right, and the columns' names."""

    headings: list[str]
    rows: list[list[str]]
    total: list[str]
    right: list[bool]
    names: list[str]


def cells(table: Table, options: Options, form: Form = unicode, indent: str = "  ") -> Cells:
    """The text of every cell. Raises UsageError for columns and groupings that don't exist."""
    names = chosen(options.columns, table, options.flops)
    if options.by == "op" and options.columns is None:  # an operator has no single output
        names = [name for name in names if name not in ("shape", "field")]
    shown = grouping.entries(table, options.by, options.depth, options.sort, options.top)
    labels = [
        indent * entry.level + escapes.plain(entry.row.name.rpartition("/")[2] if entry.level else entry.row.name)
        for entry in shown
    ]
    rows = [
        [label if name == "layer" else COLUMNS[name].cell(entry.row, table, form) for name in names]
        for label, entry in zip(labels, shown, strict=True)
    ]
    whole = networks.whole(table)
    total = [COLUMNS[name].cell(whole, table, form) if COLUMNS[name].is_summed else "" for name in names]
    if "layer" in names:
        total[names.index("layer")] = "total"
    titles = table.convention.titles
    return Cells(
        [titles.get(name, COLUMNS[name].heading) for name in names],
        rows,
        total,
        [COLUMNS[name].right for name in names],
        names,
    )


def of_several(tables: Sequence[Table], options: Options, form: Form = unicode) -> Cells:
    """A row a network, with its totals; no line of totals below."""
    names = chosen(options.columns, tables[0], options.flops) if options.columns is not None else None
    columns = networks.chosen(tables, names)
    return Cells(
        [heading for heading, _, _ in columns.values()],
        [[cell(table, form) for _, cell, _ in columns.values()] for table in tables],
        [],
        [right for _, _, right in columns.values()],
        list(columns),
    )


__all__ = ["Cells", "Options", "cells", "of_several"]
