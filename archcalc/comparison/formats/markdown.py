"""The body of a comment on a change: a hidden marker first, so that the next run finds and replaces it; one row a
network, broken budgets, and layers folded away. Under 60,000 characters, since GitHub cuts at 65,536: the largest
changes are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress

from archcalc import escapes
from archcalc.algebra import Poly
from archcalc.check import Verdict
from archcalc.comparison.changes import Change
from archcalc.comparison.formats import words
from archcalc.comparison.result import GONE, NEW, UNCHANGED, Comparison, Delta, Report
from archcalc.cost import CONVENTION
from archcalc.errors import Problem
from archcalc.metrics import TOTALS

MARKER = "<!-- archcalc:compare -->"
LONGEST = 60_000
ROWS, BROKEN, DETAILS = 24_000, 36_000, 58_500  # how far the table, the budgets and the details may reach
LAYERS = (60, 20, 7, 2)  # of one network, fewer where there is less room
WIDEST = 120  # characters of a cell
COLUMNS = ("params", "macs", "act_peak_bytes")


def report(found: Report) -> str:
    """The whole body."""
    ordered = sorted(found.comparisons, key=_rank)
    writer = _Writer()
    writer.put([MARKER, f"### archcalc: {_title(found)}", ""])
    is_told = [comparison.status != UNCHANGED or any(True for _ in comparison.broken) for comparison in ordered]
    changed = list(compress(ordered, is_told))
    if changed:
        writer.put(["| | model | params | MACs | peak activations | field |", "|--|--|--:|--:|--:|--:|"])
        writer.some((_row(comparison, found) for comparison in changed), ROWS, lambda n: f"| | {n} more | | | | |")
    rest = [comparison for comparison, told in zip(ordered, is_told, strict=True) if not told]
    if rest:
        writer.put(["", f"{len(rest)} unchanged: {_names(rest)}"])
    broken = [_broken(comparison, verdict) for comparison in ordered for verdict in comparison.broken]
    if broken:
        writer.put(["", "**Budgets that don't hold**", ""])
        writer.some(broken, BROKEN, lambda n: f"- and {n} more")
    unjudged = [
        f"- {_code(c.label)}: no base, so not judged: {', '.join(map(_code, c.unjudged))}"
        for c in ordered
        if c.unjudged
    ]
    if unjudged:
        writer.put([""])
        writer.some(unjudged, BROKEN, lambda n: f"- and {n} more")
    twins = words.twins(found)
    _put_details(writer, (c for c in changed if all(found.comparisons[n] is not c for n in twins)))
    if found.notes:
        writer.put([""])
        writer.some((f"- {_code(note)}" for note in found.notes), DETAILS + 500, lambda n: f"- and {n} more")
    writer.put(["", _footer(found)])
    return writer.text()


def mistakes(problems: Sequence[Problem]) -> str:
    """The body where nothing could be compared: what could not be read."""
    writer = _Writer()
    writer.put([MARKER, "### archcalc could not compare", ""])
    lines = (
        f"- {_code(f'{problem.mark}: {problem.message}' if problem.mark else problem.message)}" for problem in problems
    )
    writer.some(lines, ROWS, lambda n: f"- and {n} more")
    return writer.text()


class _Writer:
    """Lines, with an eye on how many characters they are."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.length = 0

    def put(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.lines.append(line)
            self.length += len(line) + 1

    def fits(self, lines: Sequence[str], reach: int) -> bool:
        return self.length + sum(map(len, lines)) + len(lines) <= reach

    def some(self, lines: Iterable[str], reach: int, more: Callable[[int], str]) -> None:
        """As many as fit; then how many don't."""
        lines = list(lines)
        for n, line in enumerate(lines):
            if self.length + len(line) > reach:
                self.put([more(len(lines) - n)])
                return
            self.put([line])

    def text(self) -> str:
        return "\n".join(self.lines)


def _rank(comparison: Comparison) -> tuple[int, float]:
    """Over budget first, then warned of, then by how much changed."""
    worst = 0 if comparison.fails else 1 if comparison.warns else 3 if comparison.status == UNCHANGED else 2
    return worst, -max(
        (abs(float(delta.percent)) for delta in comparison.totals.values() if delta.percent is not None), default=0.0
    )


def _title(found: Report) -> str:
    count = len(found.comparisons)
    models = f"{count} model{'s' * (count != 1)}"
    if found.failed:
        return f"{found.failed} of {models} over budget"
    return (
        f"{found.changed} of {models} changed{', with a budget warning' if found.warned else ''}"
        if found.changed
        else f"{models}, nothing changed"
    )


def _row(comparison: Comparison, found: Report) -> str:
    icon = (
        "❌"
        if comparison.fails
        else (
            "⚠️"
            if comparison.warns
            else "🆕"
            if comparison.status == NEW
            else "🗑️"
            if comparison.status == GONE
            else "✅"
            if comparison.verdicts  # nothing was held against a limit otherwise
            else ""
        )
    )
    shown = {total.key: (total, delta) for total, delta in words.totals(comparison)}
    cells = [_cell(comparison, *shown[name]) for name in (*COLUMNS, "field")]
    return f"| {icon} | {_model(comparison, found)} | {' | '.join(cells)} |"


def _model(comparison: Comparison, found: Report) -> str:
    base, head = comparison.base, comparison.head
    if found.base or base is None or head is None:
        return _code(comparison.label)
    return f"{_code(base.name)} → {_code(head.name)}"


def _cell(comparison: Comparison, total: words.Total, delta: Delta) -> str:
    if delta.before is None or delta.after is None:
        return _pipes(total.short(delta.after if delta.before is None else delta.before))
    if delta.is_same:
        return f"{_pipes(total.short(delta.after))} (=)"
    if isinstance(delta.change, Poly) or isinstance(delta.after, Poly):
        return _pipes(words.signed(delta.change, total.short))
    grown = words.grown(delta) if total.grows else words.signed(delta.change, total.short)
    limits = [
        verdict.limit.removeprefix("increase ")
        for verdict in comparison.broken
        if TOTALS.get(verdict.metric, verdict.metric) == total.key
    ]
    budget = f", limit {_pipes(', '.join(limits))}" if limits else ""
    return f"{total.short(delta.before)} → {total.short(delta.after)} ({f'**{grown}**' if limits else grown}{budget})"


def _names(comparisons: Iterable[Comparison], most: int = 8) -> str:
    labels = [comparison.label for comparison in comparisons]
    return ", ".join(map(_code, labels[:most])) + (f" and {len(labels) - most} more" if len(labels) > most else "")


def _broken(comparison: Comparison, verdict: Verdict) -> str:
    icon = "⚠️" if verdict.warning else "❌"
    return (
        f"- {icon} {_code(comparison.label)}: {verdict.metric} is {words.figure(verdict.counted)}, wanted"
        f" {_code(verdict.wanted)} ({_code(str(verdict.mark))})"
    )


# ---- layers, folded --------------------------------------------------------------------------------------------------


def _put_details(writer: _Writer, changed: Iterable[Comparison]) -> None:
    """As many as fit, each with as many of its layers as do: the largest."""
    left_out = 0
    for comparison in changed:
        if comparison.changes or comparison.parameters:
            tried = (_details(comparison, most) for most in LAYERS)
            fitting = next((lines for lines in tried if writer.fits(lines, DETAILS)), None)
            left_out += fitting is None
            writer.put(fitting or ())
    if left_out:
        writer.put(["", f"{left_out} more with details: see the whole report"])


def _details(comparison: Comparison, most: int) -> list[str]:
    """A folded table of what changed, the largest first."""
    tally = escapes.html(words.tally(comparison))
    lines = ["", f"<details><summary><code>{escapes.html(words.plain(comparison.label))}</code>: {tally}</summary>", ""]
    if comparison.parameters:
        lines += [f"Parameters: {_code(words.parameters(comparison))}", ""]
    if comparison.changes:
        changes, columns, silent = words.layers(comparison)
        headings = " | ".join(column.label for column in columns)
        lines += [
            f"| | layer | operation | {headings} |",
            f"|--|--|--|{'--:|' * len(columns)}",
            *_layers(comparison, changes, columns, most),
            *([f"| | {silent} more of another size | |{' |' * len(columns)}"] if silent else []),
        ]
    return [*lines, "", "</details>"]


def _layers(
    comparison: Comparison, changes: Sequence[Change], columns: Sequence[words.Total], most: int
) -> Iterator[str]:
    ranked = sorted(changes, key=lambda change: -words.weight(change, comparison))
    for change in ranked[:most]:
        costs = [_pipes(words.signed(change.delta(column.key), column.short)) for column in columns]
        yield f"| {change.status.value} | {_code(change.path)} | {_operation(change)} | {' | '.join(costs)} |"
    if len(ranked) > most:
        yield f"| | {len(ranked) - most} more, which matter less | |{' |' * len(columns)}"


def _operation(change: Change) -> str:
    return _code(words.operation(change).replace(" -> ", " → "))


def _footer(found: Report) -> str:
    from archcalc import __version__

    base = f"Base {_code(found.base.label)}, per" if found.base else "Per"
    side = found.comparisons[0].side if found.comparisons else None
    batch = "sample" if side is None or side.batch == 1 else f"batch of {side.batch}"
    training = ", training" if side and side.mode == "training" else ""
    return f"<sub>{base} {batch}{training}. MACs: {CONVENTION}. archcalc {__version__}</sub>"


# ---- text from specs, which may be anybody's -------------------------------------------------------------------------


def _code(text: str) -> str:
    return escapes.markdown_code(text, WIDEST)


def _pipes(text: str) -> str:
    return escapes.markdown(escapes.line(text, WIDEST))
