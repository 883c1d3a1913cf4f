"""A table for a terminal, with the totals and the conventions below, no line wider than it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archcalc import escapes
from archcalc.cost import Table
from archcalc.render.cells import Options, cells, of_several
from archcalc.render.facts import facts, legend, title
from archcalc.render.grid import grid


def table(tables: Sequence[Table], options: Options) -> str:
    """A table each, or of the totals of several one."""
    if not options.are_totals or len(tables) == 1:
        return "\n\n\n".join(_one(found, options) for found in tables)
    below = dict.fromkeys(line for found in tables for line in legend(found))
    return "\n".join([grid(of_several(tables, options), options.width), "", *_below(below, options)])


def _one(found: Table, options: Options) -> str:
    shown, notes = cells(found, options), facts(found)
    label = max(len(name) for name, _ in notes)
    totals = [line for name, value in notes for line in _wrapped(f"{name:<{label}}  ", value, options.width)]
    head = escapes.line(f"{title(found)} · {found.spec.path}{'@' + found.variant if found.variant else ''}")
    body = [grid(shown, options.width), ""] if shown.rows else []
    told = [*map(escapes.line, totals), "", *_below(legend(found), options)]
    return "\n".join([*_wrapped("", head, options.width), "", *body, *told])


def _below(texts: Iterable[str], options: Options) -> list[str]:
    return [escapes.line(line) for text in texts for line in _wrapped("", text, options.width)]


def _wrapped(label: str, value: str, width: int | None) -> list[str]:
    if width is None or len(label) + len(value) <= width:
        return [label + value]
    import textwrap

    return textwrap.wrap(
        value,
        max(width, 40),
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )


__all__ = ["table"]
