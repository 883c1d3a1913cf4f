"""What a region can hold, before it is Markdown, reStructuredText or a node of Sphinx."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from archcalc import escapes
from archcalc.errors import UsageError
from archcalc.patterns import pattern
from archcalc.records import Record
from archcalc.render.markup import grid_table, pipe_table


class Grid(Record):
    """A table: plain text in every cell, a line of totals if it has one, a sentence below."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]
    total: tuple[str, ...] = ()
    caption: str = ""


class Badge(Record):
    """What a badge says, in a file of its own, by its path from the document: shields.io draws it from an address of
    that file.
    """

    path: str
    label: str
    message: str
    color: str


class Words(Record):
    """A number or a few words, for a sentence; in reStructuredText `define` is the substitution that stands for
    them. A badge may say the same.
    """

    text: str
    define: str | None = None
    badge: Badge | None = None


class Formula(Record):
    """A closed form in LaTeX math."""

    latex: str
    define: str | None = None


class Code(Record):
    """A closed form as the spec language and Python read it."""

    text: str
    define: str | None = None


class Diagram(Record):
    """A drawing in Mermaid's language."""

    source: str


class Picture(Record):
    """A drawing in a file of its own, by its path from the document; `alt` says in a sentence what is seen."""

    path: str
    drawn: str
    alt: str


Piece: TypeAlias = Grid | Words | Formula | Code | Diagram | Picture
Beside: TypeAlias = Picture | Badge  # what is in a file of its own


def files(piece: Piece) -> list[Beside]:
    """What of a piece is in files beside the document."""
    if isinstance(piece, Picture):
        return [piece]
    return [piece.badge] if isinstance(piece, Words) and piece.badge is not None else []


def written(piece: Piece, markup: str, inline: bool) -> str:
    """The piece in `markdown` or `rst`, without a final newline. Raises UsageError if it can't stand there."""
    if inline and isinstance(piece, (Grid, Diagram, Picture)):
        raise UsageError(
            "a table or a picture needs a region on lines of its own; only `value` and `formula` stand inside a"
            " sentence"
        )
    return _markdown(piece, inline) if markup == "markdown" else _rst(piece)


def _markdown(piece: Piece, inline: bool) -> str:
    match piece:
        case Grid():
            return _grid(piece, pipe_table, escapes.markdown_paragraph)
        case Words(define=str(name)) | Formula(define=str(name)) | Code(define=str(name)):
            raise UsageError(
                f"--define {name} is for reStructuredText; in Markdown the number itself stands in the sentence"
            )
        case Words():
            return escapes.markdown(piece.text)
        case Formula():
            return f"${piece.latex}$" if inline else f"$$\n{broken(piece.latex)}\n$$"
        case Code():
            return f"`{piece.text}`"
        case Diagram():
            return f"```mermaid\n{piece.source}\n```"
        case Picture():
            return f"![{escapes.markdown(piece.alt)}]({piece.path})"


def _rst(piece: Piece) -> str:
    match piece:
        case Grid():
            return _grid(piece, grid_table, escapes.rst)
        case Words():
            return _defined(piece.define, escapes.rst(piece.text)) or escapes.rst(piece.text)
        case Formula():
            return _defined(piece.define, f":math:`{piece.latex}`") or f".. math::\n\n   {broken(piece.latex)}"
        case Code():
            return _defined(piece.define, f"``{piece.text}``") or f"``{piece.text}``"
        case Diagram():
            body = "\n".join(f"   {line}" for line in piece.source.split("\n"))
            return f".. mermaid::\n\n{body}"
        case Picture():
            return f".. image:: {piece.path}\n   :alt: {escapes.rst(piece.alt)}"


LINE = 60  # letters, digits and signs of a formula that stand side by side on a page
_COMMAND = pattern(r"\\[A-Za-z]+")
_SIGN = pattern(r" (?=[+-] )")


def broken(formula: str) -> str:
    """A closed form in LaTeX on as many lines as it needs: a site doesn't break formulas, and they leave the page.

    Lines end between terms, with `\\cr`, for in Markdown two backslashes may be one.
    """
    lines, depth = [""], 0
    for part in _SIGN.split(formula):
        whole = f"{lines[-1]} {part}" if lines[-1] else part
        if depth == 0 and lines[-1] and _width(whole) > LINE:
            lines.append(part)
        else:
            lines[-1] = whole
        depth += part.count("{") - part.count("}") + part.count(r"\left") - part.count(r"\right")
    if len(lines) == 1:
        return formula
    rows = r" \cr & {} ".join(lines)
    return rf"\begin{{aligned}} & {rows} \end{{aligned}}"


def _width(formula: str) -> int:
    return len(re.sub(r"[{} ^_]", "", _COMMAND.sub("", formula)))


def _defined(name: str | None, text: str) -> str:
    """A substitution, if it has a name: reStructuredText has no comments inside sentences."""
    return "" if name is None else f".. |{name}| replace:: {text}"


def _grid(piece: Grid, writer: Callable[..., str], paragraph: Callable[[str], str]) -> str:
    table = writer(piece.headings, piece.rows, piece.right, piece.total) if piece.rows else ""
    return "\n\n".join(part for part in (table, paragraph(piece.caption)) if part)
