"""The terminal's table: it fits the width by shortening what an operation or a closed form says, then by leaving columns out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabulate import tabulate

if TYPE_CHECKING:
    from archcalc.render import Cells

KEPT = ("layer", "params", "macs")  # the last to go, when nothing can be shortened any more
FIRST = ("params%", "field", "macs%", "inputs", "line")  # the first
GAP = 2


def grid(cells: Cells, width: int | None) -> str:
    """The table, with a rule under the headings and above the totals."""
    rows = [cells.headings, *cells.rows, cells.total]
    columns = list(range(len(cells.headings)))
    widths = [max(len(row[n]) for row in rows) for n in columns]
    if width is not None:
        columns, widths = _fitted(cells, columns, widths, width)
    shown = [[_cut(row[n], widths[n]) for n in columns] for row in rows]
    rule = ["-" * widths[n] for n in columns]
    align = ["right" if cells.right[n] else "left" for n in columns]
    body = tabulate([shown[0], rule, *shown[1:-1], rule, shown[-1]], tablefmt="plain", colalign=align, disable_numparse=True, preserve_whitespace=True)
    return "\n".join(line.rstrip() for line in body.splitlines())


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
    return cell if len(cell) <= width else cell[: max(1, width - 1)] + "…"


def listing(headings: list[str], rows: list[list[str]], left: tuple[str, ...], markdown: bool = False) -> str:
    """A plain table of anything; columns called in `left` are aligned left, the others right."""
    align = ["left" if heading in left else "right" for heading in headings]
    return str(tabulate(rows, headings, tablefmt="pipe" if markdown else "simple", colalign=align, disable_numparse=True))
