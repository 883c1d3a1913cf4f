"""A report for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc import escapes
from archcalc.algebra import Poly
from archcalc.comparison.changes import Change
from archcalc.comparison.formats import words
from archcalc.comparison.result import GONE, NEW, UNCHANGED, Comparison, Delta, Report
from archcalc.render.grid import listing

MOST = 40  # layers of one network
LONGEST = 64  # characters of an operation or a closed form in a table


def report(found: Report) -> str:
    """Every network: its totals, its layers that changed, its budgets; then one line for all."""
    twins = words.twins(found)
    sections = [
        f"{words.plain(comparison.label)}: as {words.plain(twins[n])}"
        if n in twins
        else escapes.lines(_section(comparison, found))
        for n, comparison in enumerate(found.comparisons)
    ]
    notes = [words.plain(note, 1000) for note in found.notes]
    return "\n".join(
        [*_spaced(sections), *(["", *notes] if notes else []), "", escapes.line(words.verdict_line(found))]
    )


def _spaced(sections: list[str]) -> Iterator[str]:
    """Networks of one line stand together, longer ones apart."""
    for n, section in enumerate(sections):
        if n and ("\n" in section or "\n" in sections[n - 1]):
            yield ""
        yield section


def _section(comparison: Comparison, found: Report) -> Iterator[str]:
    said = comparison.status if comparison.status in (NEW, GONE, UNCHANGED) else words.tally(comparison)
    yield f"{words.heading(comparison, found)}: {said}"
    if comparison.parameters:
        yield f"parameters: {words.parameters(comparison)}"
    if comparison.status != UNCHANGED:
        yield ""
        yield from _totals(comparison, found)
    if comparison.changes:
        yield ""
        yield from _layers(comparison)
    if any(not verdict.passed for verdict in comparison.verdicts) or (
        comparison.verdicts and comparison.status != UNCHANGED
    ):
        yield ""
        yield from (f"{verdict}" for verdict in comparison.verdicts)
    if comparison.unjudged:
        yield f"not judged without a base: {', '.join(comparison.unjudged)}"


def _totals(comparison: Comparison, found: Report) -> Iterator[str]:
    rows = list(words.totals(comparison))
    if comparison.base is None or comparison.head is None:
        label = max(len(total.label) for total, _ in rows)
        for total, delta in rows:
            yield f"{total.label:<{label}}  {total.exact(delta.after if comparison.head else delta.before)}"
        return
    if any(isinstance(value, Poly) for _, delta in rows for value in delta):
        yield from _closed_forms(comparison, found)
        return
    before, after = words.sides(found)
    table = [
        [total.label, total.exact(delta.before), total.exact(delta.after), *_change(total, delta)]
        for total, delta in rows
    ]
    yield from (line.rstrip() for line in listing(["", before, after, "change", "%"], table, left=("",)).splitlines())


def _change(total: words.Total, delta: Delta) -> tuple[str, str]:
    return words.signed(delta.change, total.exact), words.grown(delta).removesuffix(" %") if total.grows else ""


def _closed_forms(comparison: Comparison, found: Report) -> Iterator[str]:
    """Formulas are long: one a line."""
    names = (*words.sides(found), "change")
    width = max(map(len, names))
    for total, delta in words.totals(comparison):
        if delta.is_same:
            yield f"{total.label}: {total.exact(delta.after)}, as before"
            continue
        yield total.label
        for name, value in zip(
            names,
            (total.exact(delta.before), total.exact(delta.after), words.signed(delta.change, total.exact)),
            strict=True,
        ):
            yield f"  {name:<{width}}  {value}".rstrip()
    domain = dict.fromkeys(
        condition for side in (comparison.base, comparison.head) if side for condition in side.domain
    )
    yield f"valid for {', '.join(domain) or 'every value'}"


def _layers(comparison: Comparison) -> Iterator[str]:
    changes, columns, silent = words.layers(comparison)
    shown, more = words.dearest(changes, comparison, MOST)
    rows = [
        [
            change.status.value,
            words.plain(change.path),
            _cut(words.operation(change, LONGEST)),
            *(_cell(change, column) for column in columns),
        ]
        for change in shown
    ]
    headings = ["", "layer", "operation", *(column.label for column in columns)]
    yield from (line.rstrip() for line in listing(headings, rows, left=("", "layer", "operation")).splitlines())
    if more:
        yield f"and {more:,} more, which matter less"
    if silent:
        yield words.more(silent)


def _cell(change: Change, column: words.Total) -> str:
    return _cut(words.signed(change.delta(column.key), column.short))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
