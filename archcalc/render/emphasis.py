"""What stands out on a terminal that has colours: lines of a text that is ready to be printed, painted by meaning.

Colours are put on at the very end, around whole lines: what comes from outside was made printable before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archcalc.cost import Table
from archcalc.patterns import pattern
from archcalc.render import grouping
from archcalc.render.cells import Options

BOLD, RED, GREEN, YELLOW, OVER = "1", "31", "32", "33", "1;31"
MEANINGS = {"FAIL": OVER, "warn": YELLOW, "ok": GREEN, "removed": RED, "added": GREEN, "changed": YELLOW}
DEAREST = 3  # rows of a table
_RULE = pattern(r"-+(?:  -+)*")
_FIRST = pattern(r"\s*(\w+)  ?")
_OVER = pattern(r"[1-9]\d* of \d+ networks? over budget")


def painted(line: str, colour: str) -> str:
    """A line in a colour of ECMA-48, its indentation left alone."""
    words = line.lstrip(" ")
    return f"{line[: len(line) - len(words)]}\x1b[{colour}m{words}\x1b[0m" if words else line


def judged(text: str) -> str:
    """What `check` and `compare` say: over budget, a warning, held, removed, added."""
    return "\n".join(map(_judged, text.split("\n")))


def _judged(line: str) -> str:
    word = _FIRST.match(f"{line}  ")
    colour = OVER if _OVER.match(line) else MEANINGS.get(word[1], "") if word else ""
    return painted(line, colour) if colour else line


def dearest(tables: Sequence[Table], options: Options, text: str) -> str:
    """Tables of `count` with the rows that have the most MACs (parameters, if they are sorted by those) in bold, the
    others as they are.
    """
    left = [_dearest(table, options) for table in tables] if not options.are_totals else []
    return "\n".join(_bold(text.split("\n"), left))


def _bold(lines: list[str], left: list[set[int]]) -> Iterator[str]:
    """Rows stand between the two rules of a table, in their order."""
    row, tables = -1, iter(left)
    shown: set[int] = set()
    for line in lines:
        if _RULE.fullmatch(line):
            row = 0 if row < 0 else -1
            shown = next(tables, set()) if row == 0 else set()
        elif row >= 0:
            row += 1
        yield painted(line, BOLD) if row > 0 and row - 1 in shown else line


def _dearest(table: Table, options: Options) -> set[int]:
    """Which rows, where figures are numbers and there is a choice among them."""
    rows = [entry.row for entry in grouping.entries(table, options.by, options.depth, options.sort, options.top)]
    figure = "params" if options.sort == "params" else "macs"
    costs = {n: value for n, row in enumerate(rows) if isinstance(value := getattr(row, figure), int) and value}
    order = sorted(costs, key=lambda n: -costs[n])
    return set(order[:DEAREST]) if len(order) > DEAREST else set()
