"""Tables as HTML: well-formed, with the little style that they need on any page, in light and in dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcalc import escapes
from archcalc.render.markup import INDENT

if TYPE_CHECKING:
    from archcalc.render.cells import Cells

LINE = "rgba(128, 128, 128, 0.35)"  # to be seen on light and on dark
TABLE = "border-collapse: collapse; font-variant-numeric: tabular-nums; line-height: 1.4"
CAPTION = "caption-side: bottom; text-align: left; padding: 0.6em; opacity: 0.75"
CELL = "padding: 0.15em 0.6em; text-align: {side}; overflow-wrap: anywhere; vertical-align: top"
ROW = f"border-top: 1px solid {LINE}"
TOTAL = "border-top: 2px solid; font-weight: bold"
HEADING = "border-bottom: 1px solid"


def html(cells: Cells, caption: str) -> str:
    """One `table` with a caption; the line of totals is set off."""
    head = _row("th", cells.headings, cells, HEADING)
    body = "\n".join(_row("td", row, cells, ROW) for row in cells.rows)
    foot = f"\n<tfoot>\n{_row('td', cells.total, cells, TOTAL)}\n</tfoot>" if cells.total else ""
    told = f'<caption style="{CAPTION}">{escapes.html(caption)}</caption>'
    return f'<table style="{TABLE}">\n{told}\n<thead>\n{head}\n</thead>\n<tbody>\n{body}\n</tbody>{foot}\n</table>'


def _row(tag: str, texts: list[str], cells: Cells, style: str = "") -> str:
    shown = (
        f'<{tag} style="{CELL.format(side="right" if right else "left")}">{_cell(text)}</{tag}>'
        for text, right in zip(texts, cells.right, strict=True)
    )
    return f'<tr style="{style}">{"".join(shown)}</tr>' if style else f"<tr>{''.join(shown)}</tr>"


def _cell(text: str) -> str:
    """Blanks before a layer show the groups that it stands in."""
    inside = text.lstrip(INDENT)
    return INDENT * (len(text) - len(inside)) + escapes.html(inside)


__all__ = ["html"]
