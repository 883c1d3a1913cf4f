"""Tables as Markdown and reStructuredText, the same bytes on every machine: what a cell says is never taken for markup.

Widths are counted here: tabulate counts them otherwise where wcwidth happens to be installed, and its import takes 30
ms.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from archcalc import escapes

INDENT = "\u2003"  # what `cells` puts before a layer that stands in a group


def pipe_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], total: Sequence[str] = ()
) -> str:
    """A table of GitHub's Markdown; the line of totals in bold."""

    def cell(text: str) -> str:
        inside = text.lstrip(INDENT)
        return "&nbsp;&nbsp;" * (len(text) - len(inside)) + escapes.markdown(inside)

    lines, widths = _aligned(headings, rows, right, total, cell, len)
    rule = [
        f"{'-' * (width + 1)}:" if is_right else f":{'-' * (width + 1)}"
        for width, is_right in zip(widths, right, strict=True)
    ]
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([head, f"|{'|'.join(rule)}|", *body])


def grid_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], total: Sequence[str] = ()
) -> str:
    """A grid of reStructuredText; the line of totals in bold."""

    def cell(text: str) -> str:
        inside = text.lstrip(INDENT)
        return ("\\ " if inside != text else "") + INDENT * (len(text) - len(inside)) + escapes.rst(inside)

    lines, widths = _aligned(headings, rows, right, total, cell, columns)
    double, single = (f"+{'+'.join(mark * (width + 2) for width in widths)}+" for mark in "=-")
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([single, head, double, *(part for line in body for part in (line, single))])


def columns(text: str) -> int:
    """How many columns docutils says a text takes: East Asian letters two, combining marks none."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text
    )


def on_terminal(text: str) -> int:
    """How many columns a text takes on a terminal: East Asian letters two, marks and what isn't seen none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(letter) in ("Mn", "Me", "Cf") else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )


def padded(text: str, wanted: int, right: bool, width: Callable[[str], int]) -> str:
    """A text with as many blanks as it lacks, before it if it stands to the right."""
    gap = " " * (wanted - width(text))
    return gap + text if right else text + gap


def _aligned(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[bool],
    total: Sequence[str],
    cell: Callable[[str], str],
    width: Callable[[str], int],
) -> tuple[list[list[str]], list[int]]:
    """Every line with its cells padded, and how wide each column is."""
    lines = [[cell(text) for text in line] for line in (headings, *rows)]
    lines += [[f"**{cell(text)}**" if text else "" for text in total]] if total else []
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]

    return [[padded(*each, width) for each in zip(line, widths, right, strict=True)] for line in lines], widths
