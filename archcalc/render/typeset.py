"""Tables for LaTeX: rules of booktabs, closed forms in math mode, columns that wrap where these are long."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archcalc import escapes
from archcalc.algebra import Number, latex
from archcalc.patterns import pattern

if TYPE_CHECKING:
    from archcalc.render.cells import Cells

QUAD = "\\quad "  # what `cells` puts before a layer that stands in a group
WIDEST = 60  # characters of a closed form that a column holds without wrapping
_TIMES = pattern(r"(?<=[\d\x01])x(?=[\d\x00])|(?<=[\w\x01]) x (?=\S)")


def math(value: Number, digits: int | None = None) -> str:
    """A closed form between marks that `tabular` makes math mode of."""
    return f"\x00{latex(value, digits)}\x01"


def tabular(cells: Cells, caption: str) -> str:
    """A `tabular` with a rule above the line of totals; a comment says what packages it needs."""
    rows = [cells.headings, *cells.rows, *([cells.total] if cells.total else [])]
    wide = [any(len(row[n]) > WIDEST and "\x00" in row[n] for row in rows) for n in range(len(cells.headings))]
    kinds = "".join(_column(right, wraps, sum(wide)) for right, wraps in zip(cells.right, wide, strict=True))
    head, *body = [" & ".join(map(_escaped, row)) + r" \\" for row in rows]
    if cells.total:
        body.insert(-1, r"\midrule")
    needs = r"\usepackage{booktabs,array}" if any(wide) else r"\usepackage{booktabs}"
    lines = [r"\toprule", head, r"\midrule", *body, r"\bottomrule"]
    return "\n".join(
        [f"% {escapes.line(caption)}", f"% {needs}", rf"\begin{{tabular}}{{{kinds}}}", *lines, r"\end{tabular}"]
    )


def _column(right: bool, wraps: bool, many: int) -> str:
    """Columns that wrap share two thirds of the line."""
    if not wraps:
        return "r" if right else "l"
    return rf">{{\raggedright\arraybackslash}}p{{{0.66 / many:.2f}\linewidth}}"


def _escaped(cell: str) -> str:
    """Text for LaTeX; what stands between the marks is math already."""
    text = cell.lstrip(" ")
    lead = ""
    while text.startswith(QUAD):
        lead, text = lead + QUAD, text.removeprefix(QUAD)
    done = ""
    for piece in re.split("(\x00[^\x01]*\x01)", _TIMES.sub(lambda match: match.group().replace("x", "×"), text)):
        done += f"${piece[1:-1]}$" if piece.startswith("\x00") else escapes.latex(piece)
    return lead + done


__all__ = ["QUAD", "math", "tabular"]
