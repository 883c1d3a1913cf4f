"""The tensors of a model file as a table: how many numbers, in how many bytes, what they are and why."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from archcalc import escapes
from archcalc.cost import Table
from archcalc.errors import UsageError, among
from archcalc.graph import Held
from archcalc.render import numbers

FORMS = ("table", "markdown", "csv", "json")
HEADINGS = ("name", "shape", "size", "type", "bytes", "role", "why")


def tensors(tables: Sequence[Table], form: str) -> str:
    """Every tensor of every file, with sums by role. Raises UsageError for specs and for other forms."""
    if form not in FORMS:
        raise UsageError(f"--tensors has no format '{form}'{among(form, FORMS)}")
    for table in tables:
        if table.graph.tensors is None:
            raise UsageError(f"{table.spec.path} is a spec: --tensors lists what a model file holds")
    if form == "csv":
        return _csv(tables)
    return "\n\n".join(f"{escapes.plain(table.name)}\n\n{_listed(table, form == 'markdown')}" for table in tables)


def _listed(table: Table, markdown: bool) -> str:
    from archcalc.render.grid import listing

    found = table.graph.tensors or []
    rows = [list(map(escapes.markdown if markdown else escapes.plain, _cells(held))) for held in found]
    left = ("name", "shape", "type", "role", "why")
    sums = listing(["role", "tensors", "size", "bytes"], _sums(found), ("role",), markdown)
    return f"{listing(list(HEADINGS), rows, left, markdown)}\n\n{sums}"


def _cells(held: Held) -> list[str]:
    shape = numbers.shape(held.shape) or "()"
    return [held.name, shape, numbers.exact(held.size), held.type, f"{held.bytes:,}", held.role, held.why]


def _sums(found: Sequence[Held]) -> list[list[str]]:
    """What each role comes to, the largest first."""
    roles = dict.fromkeys(held.role for held in found)
    groups = [(role, [held for held in found if held.role == role]) for role in roles]
    sums = [(role, len(own), sum(held.size for held in own), sum(held.bytes for held in own)) for role, own in groups]
    return [
        [role, f"{count:,}", numbers.exact(size), f"{width:,}"]
        for role, count, size, width in sorted(sums, key=lambda each: -each[3])
    ]


def _csv(tables: Sequence[Table]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("network", *HEADINGS))
    for table in tables:
        for held in table.graph.tensors or []:
            cells = (table.name, held.name, "x".join(map(str, held.shape)), held.size, *held[3:])
            writer.writerow([escapes.csv(cell) if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue().rstrip("\n")


__all__ = ["tensors"]
