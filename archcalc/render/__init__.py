"""A `Table` as text: for a terminal, Markdown, reStructuredText, HTML, LaTeX, CSV and JSON.

`formats` lists them, `columns` what a table can show; `cells` and `facts` say it, and a module a family of formats
writes it down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from archcalc.errors import UsageError, among
from archcalc.render.formats import FORMATS

if TYPE_CHECKING:
    from archcalc.cost import Table


def render(tables: Sequence[Table], form: str = "table", **options: Any) -> str:
    """Tables in one of `FORMATS`, without a final newline: one each, or at depth 0 one of the totals of several;
    `options` are those of `cells.Options`. Raises UsageError for a format, a column or a grouping that doesn't exist.
    """
    return "".join(parts(tables, form, **options))


def parts(tables: Iterable[Table], form: str = "table", **options: Any) -> Iterator[str]:
    """The same piece by piece, where the format is written so; then a table is asked for when it is written. Raises
    UsageError likewise.
    """
    from archcalc.render.cells import Options

    if form not in FORMATS:
        raise UsageError(f"unknown format '{form}'{among(form, FORMATS)}")
    module, _, name = FORMATS[form].written_by.partition(".")
    writer = getattr(import_module(f"archcalc.render.{module}"), name)
    asked = Options(**options)
    return writer(tables, asked) if FORMATS[form].streams else iter([writer(list(tables), asked)])


__all__ = ["FORMATS", "parts", "render"]
