"""Tables in documents: Markdown, reStructuredText, HTML and LaTeX, each with its caption."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archcalc import escapes
from archcalc.algebra import text, unicode
from archcalc.cost import Table
from archcalc.render import typeset, web
from archcalc.render.cells import Cells, Options, cells, of_several
from archcalc.render.columns import Form
from archcalc.render.facts import caption, legend
from archcalc.render.markup import INDENT, grid_table, pipe_table
from archcalc.tuples import NamedTuple


class Markup(NamedTuple):
    """How a table and its caption are written, what stands before a layer inside a group, how closed forms read in
    cells and in the caption, and whether the totals of one network alone are a row, too.
    """

    written: Callable[[Cells, str], str]
    indent: str = INDENT
    form: Form = unicode
    told: Form = unicode
    alone: bool = False


def _pipes(found: Cells, told: str) -> str:
    below = escapes.markdown_paragraph(told)
    return f"{pipe_table(found.headings, found.rows, found.right, found.total)}\n\n{below}" if found.rows else below


def _grid(found: Cells, told: str) -> str:
    below = escapes.rst(told)
    return f"{grid_table(found.headings, found.rows, found.right, found.total)}\n\n{below}" if found.rows else below


MARKDOWN = Markup(_pipes)
RST = Markup(_grid)
HTML = Markup(web.html, alone=True)
LATEX = Markup(typeset.tabular, typeset.QUAD, typeset.math, text, alone=True)


def markdown(tables: Sequence[Table], options: Options) -> str:
    """Pipe tables of GitHub's Markdown."""
    return _written(tables, options, MARKDOWN)


def rst(tables: Sequence[Table], options: Options) -> str:
    """Grids of reStructuredText."""
    return _written(tables, options, RST)


def html(tables: Sequence[Table], options: Options) -> str:
    """Elements `table`, well-formed."""
    return _written(tables, options, HTML)


def latex(tables: Sequence[Table], options: Options) -> str:
    """Environments `tabular`."""
    return _written(tables, options, LATEX)


def _written(tables: Sequence[Table], options: Options, markup: Markup) -> str:
    """A table each, or of the totals of several one."""
    if options.are_totals and (len(tables) > 1 or markup.alone):
        below = "; ".join(dict.fromkeys(line for table in tables for line in legend(table)))
        return markup.written(of_several(tables, options, markup.form), below)
    return "\n\n".join(
        markup.written(cells(table, options, markup.form, markup.indent), caption(table, markup.told))
        for table in tables
    )


__all__ = ["html", "latex", "markdown", "rst"]
