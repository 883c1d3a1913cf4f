"""Annotations for GitHub's view of a change, then the report as text.

At most ten, the first of them for broken budgets, each on the line of the layer that did most of it: that line is in
the change, the budget's seldom is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archcalc import escapes, findings
from archcalc.algebra import Poly
from archcalc.check import Verdict
from archcalc.comparison.changes import Change
from archcalc.comparison.formats import text, words
from archcalc.comparison.result import CHANGED, Comparison, Report
from archcalc.errors import Mark, Problem
from archcalc.metrics import TOTALS
from archcalc.render import numbers

MOST = 10
COSTS = {
    "act_peak": "activations",
    "act_sum": "activations",
    "flops": "macs",
    "depth": "layers",
    "depth_with_pooling": "layers",
}  # by metric, of a layer


def report(found: Report) -> str:
    """Annotations, one a line, and the plain text."""
    every = [*_budgets(found), *_layers(found)]
    if len(every) > MOST:
        kept, rest = every[: MOST - 1], every[MOST - 1 :]
        worst = next(
            (level for level in ("error", "warning", "notice") if any(line.startswith(f"::{level}") for line in rest)),
            "notice",
        )
        every = [*kept, f"::{worst} title=archcalc::{_data(f'{len(rest)} more; the report has them all')}"]
    return "\n".join([*every, escapes.report(text.report(found))])


def mistakes(problems: Sequence[Problem]) -> str:
    """Annotations for what could not be read."""
    return findings.github(findings.of_problems(problems))


def _place(file: str, mark: Mark) -> str:
    return f"file={_property(file)},line={mark.line},col={mark.column}"


def _budgets(found: Report) -> Iterator[str]:
    broken = [(comparison, verdict) for comparison in found.comparisons for verdict in comparison.broken]
    for comparison, verdict in sorted(broken, key=lambda pair: pair[1].warning):
        cause = _cause(comparison, verdict)
        mark = cause.mark if cause and cause.mark else verdict.mark
        grew = comparison.totals.get(TOTALS.get(verdict.metric, verdict.metric))
        title = f"archcalc: {verdict.metric} {words.grown(grew) if grew else ''}".strip()
        message = (
            f"{words.plain(comparison.label)}: {verdict.metric} {words.figure(verdict.counted)}, wanted"
            f" {verdict.wanted}"
        )
        if cause:
            message += f"; {_says(cause)}"
        yield _annotation("warning" if verdict.warning else "error", mark, comparison, title, message)


def _layers(found: Report) -> Iterator[str]:
    """The edited layers of networks whose budgets hold: one annotation a line."""
    for comparison in found.comparisons:
        if comparison.status != CHANGED or any(not verdict.passed for verdict in comparison.verdicts):
            continue
        by_line: dict[int, list[Change]] = {}
        for change in comparison.changes:
            if change.mark and change.is_direct:
                by_line.setdefault(change.mark.line, []).append(change)
        for changes in sorted(
            by_line.values(), key=lambda changes: -sum(words.weight(change, comparison) for change in changes)
        ):
            first = changes[0]
            more = f", and {len(changes) - 1} more here" if len(changes) > 1 else ""
            assert first.mark is not None
            yield _annotation(
                "notice", first.mark, comparison, "archcalc", f"{words.plain(comparison.label)}: {_says(first)}{more}"
            )


def _cause(comparison: Comparison, verdict: Verdict) -> Change | None:
    """The layer that was edited and added most to a figure; if none was edited, any that did."""
    cost = COSTS.get(verdict.metric, verdict.metric)

    def grew(change: Change) -> float:
        delta = (
            change.delta(cost)
            if cost != "layers"
            else (change.after.layers if change.after else 0) - (change.before.layers if change.before else 0)
        )
        return float("inf") if isinstance(delta, Poly) else float(delta)

    candidates = [change for change in comparison.changes if change.mark]
    edited = [change for change in candidates if change.is_direct and grew(change) > 0]
    return max(edited or [change for change in candidates if grew(change) > 0], key=grew, default=None)


def _says(change: Change) -> str:
    costs = [
        f"{words.signed(change.delta(name), numbers.count)} {'MACs' if name == 'macs' else name}"
        for name in ("params", "macs")
        if change.delta(name) != 0
    ]
    return f"{words.plain(change.path)} {change.status.value}{': ' if costs else ''}{', '.join(costs)}"


def _annotation(level: str, mark: Mark, comparison: Comparison, title: str, message: str) -> str:
    place = _place(comparison.place(mark.file), mark)
    return f"::{level} {place},title={_property(title)}::{_data(message)}"


def _data(value: str) -> str:
    """The message of a workflow command, as GitHub reads it back."""
    return escapes.annotation(value)


def _property(value: str) -> str:
    return escapes.annotated(value)
