"""The formats that `count` and `predict` write: one entry each, which help, completion, docs and tests read.

Nothing else is imported here, for the command line reads it before it knows what is asked.
"""

from __future__ import annotations

from typing import NamedTuple


class Format(NamedTuple):
    """What a format is for, who writes it (`module.function` of this room, of tables and `Options`), and the function
    of `archcalc.escapes` that a text from outside goes through on its way into it.
    """

    help: str
    written_by: str
    escape: str


FORMATS = {
    "table": Format("for a terminal, with the totals in words and the conventions", "terminal.table", "line"),
    "markdown": Format("a pipe table of GitHub's, and a sentence with the totals", "documents.markdown", "markdown"),
    "rst": Format("a grid of reStructuredText, and the same sentence", "documents.rst", "rst"),
    "csv": Format("exact numbers, a line a layer, every figure", "listing.csv", "csv"),
    "json": Format("exact numbers for programs, with a schema: archcalc schema count", "json.text_of", "json"),
    "html": Format("a table with its caption, for any page, in light and in dark", "documents.html", "html"),
    "latex": Format("a tabular with the rules of booktabs, closed forms in math mode", "documents.latex", "latex"),
}

__all__ = ["FORMATS", "Format"]
