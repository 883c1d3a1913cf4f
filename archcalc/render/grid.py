"""The terminal's table: it fits the width by shortening what an operation or a closed form says, then by leaving
columns out.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from archcalc.render.markup import on_terminal, padded

if TYPE_CHECKING:
    from archcalc.render.cells import Cells

KEPT = ("layer", "params", "macs")  # the last to go, when nothing can be shortened any more
FIRST = ("params%", "field", "macs%", "inputs", "line")  # the first
GAP = 2


def grid(cells: Cells, width: int | None) -> str:
    """The table, with a rule under the headings and above the totals, if there are any."""
    rows = [cells.headings, *cells.rows, *([cells.total] if cells.total else [])]
    columns = list(range(len(cells.headings)))
    widths = [max(on_terminal(row[n]) for row in rows) for n in columns]
    if width is not None:
        columns, widths = _fitted(cells, columns, widths, width)
    lines = [
        (" " * GAP)
        .join(padded(_cut(row[n], widths[n]), widths[n], cells.right[n], on_terminal) for n in columns)
        .rstrip()
        for row in rows
    ]
    rule = (" " * GAP).join("-" * widths[n] for n in columns)
    if not cells.total:
        return "\n".join([lines[0], rule, *lines[1:]])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _fitted(cells: Cells, columns: list[int], widths: list[int], width: int) -> tuple[list[int], list[int]]:
    widths = list(widths)

    def excess() -> int:
        return sum(widths[n] + GAP for n in columns) - GAP - width

    _shorten(cells, columns, widths, excess(), 16)
    for name in (*FIRST, *(name for name in reversed(cells.names) if name not in (*FIRST, *KEPT))):
        if excess() > 0:
            columns = [n for n in columns if cells.names[n] != name] or columns
    _shorten(cells, columns, widths, excess(), 8)
    return columns, widths


def _shorten(cells: Cells, columns: list[int], widths: list[int], excess: int, least: int) -> None:
    """Take what is too much off the widest columns, down to a least width."""
    for n in sorted(columns, key=lambda n: -widths[n]):
        if excess > 0 and widths[n] > least:
            taken = min(excess, widths[n] - least)
            widths[n] -= taken
            excess -= taken


def _cut(cell: str, width: int) -> str:
    if on_terminal(cell) <= width:
        return cell
    end = next((n for n, taken in enumerate(accumulate(map(on_terminal, cell))) if n and taken >= width), len(cell))
    return cell[:end] + "…"


def listing(headings: list[str], rows: list[list[str]], left: tuple[str, ...], markdown: bool = False) -> str:
    """A plain table of anything; columns called in `left` are aligned left, the others right."""
    from tabulate import tabulate

    align = ["left" if heading in left else "right" for heading in headings]
    return str(
        tabulate(rows, headings, tablefmt="pipe" if markdown else "simple", colalign=align, disable_numparse=True)
    )
