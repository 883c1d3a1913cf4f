"""What is wrong with specs and where, for those that show it at its place: build machines, code scanning, editors.

A `Finding` is a mistake, a figure that isn't the published one, or a budget that is broken.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from archcalc import escapes, reading
from archcalc.check import Checked, Verdict
from archcalc.errors import Mark, Problem
from archcalc.tuples import NamedTuple

RULES = {  # by name: what code scanning calls it, and what it is about
    "mistake": ("SpecMistake", "What a spec says can't be read, or can't be built."),
    "reference": ("ReferenceMismatch", "A published figure isn't what is counted."),
    "budget": ("BrokenBudget", "A network costs more, or less, than its budget allows."),
}
MOST_ANNOTATIONS = 10  # of a step that GitHub shows


class Finding(NamedTuple):
    """One thing that is wrong: its rule by name, `error` or `warning`, what, where, and the calls that led there."""

    rule: str
    level: str
    message: str
    mark: Mark | None
    calls: tuple[tuple[str, Mark], ...] = ()


def of_problems(problems: Iterable[Problem]) -> list[Finding]:
    """The mistakes that a SpecError holds."""
    return [Finding("mistake", "error", found.message, found.mark, found.calls) for found in problems]


def of_checked(found: Iterable[Checked]) -> list[Finding]:
    """The figures that don't hold."""
    broken = (verdict for checked in found for verdict in checked.verdicts if not verdict.passed)
    return [Finding(each.kind, "warning" if each.warning else "error", _says(each), each.mark) for each in broken]


def _says(verdict: Verdict) -> str:
    wanted = f", wanted {verdict.wanted}" if verdict.kind == "budget" else f" {verdict.wanted}"
    return f"{verdict.spec}: {verdict.metric} {verdict.figure}{wanted}{f'; {verdict.note}' if verdict.note else ''}"


def in_json(found: Iterable[Finding]) -> list[dict[str, object]]:
    """Mistakes as `archcalc check --format json` lists them; lines and columns from 1, the end behind the last."""
    return [{"message": each.message, **_placed(each.mark)} for each in found]


def _placed(mark: Mark | None) -> dict[str, object]:
    if mark is None:
        return {"file": None, "line": None, "column": None, "end_column": None}
    return {"file": mark.file, "line": mark.line, "column": mark.column, "end_column": mark.column + mark.length}


# ---- GitHub's annotations --------------------------------------------------------------------------------------------


def github(found: Sequence[Finding]) -> str:
    """Workflow commands, one a line, errors first; as many as GitHub shows."""
    worst_first = sorted(found, key=lambda each: each.level)
    lines = [annotation(each.level, each.mark, each.message) for each in worst_first]
    more = len(lines) - MOST_ANNOTATIONS
    if more > 0:
        last = worst_first[MOST_ANNOTATIONS].level
        lines[MOST_ANNOTATIONS:] = [annotation(last, None, f"{more} more; the log has them all")]
    return "\n".join(lines)


def annotation(level: str, mark: Mark | None, message: str, title: str = "archcalc") -> str:
    """A workflow command that shows a message at its place."""
    where = f"file={escapes.annotated(in_repository(mark.file))},line={mark.line},col={mark.column}," if mark else ""
    return f"::{level} {where}title={escapes.annotated(title)}::{escapes.annotation(message)}"


def in_repository(file: str) -> str:
    """A file's path from the root of its repository, which is what those that show a repository know it by."""
    root = reading.repository(os.path.dirname(file) or ".") if os.path.exists(file) else None
    return Path(os.path.realpath(file)).relative_to(root).as_posix() if root else Path(file).as_posix()


# ---- SARIF -----------------------------------------------------------------------------------------------------------


def sarif(found: Sequence[Finding], version: str) -> str:
    """A log of SARIF 2.1.0 (OASIS, 27 March 2020), which code scanning takes."""
    driver = {
        "name": "archcalc",
        "version": version,
        "rules": [
            {"id": rule, "name": name, "shortDescription": {"text": about}} for rule, (name, about) in RULES.items()
        ],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": list(map(_result, found))}
    return escapes.json({"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]})


def _result(found: Finding) -> dict[str, object]:
    related = [
        {"id": n, "message": {"text": escapes.sarif(f"in {name}, called here")}, **_location(mark)}
        for n, (name, mark) in enumerate(found.calls)
    ]
    return {
        "ruleId": found.rule,
        "ruleIndex": list(RULES).index(found.rule),
        "level": found.level,
        "message": {"text": escapes.sarif(found.message)},
        "locations": [_location(found.mark)] if found.mark else [],
        **({"relatedLocations": related} if related else {}),
    }


def _location(mark: Mark) -> dict[str, object]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": escapes.uri(in_repository(mark.file))},
            "region": dict(_region(mark)),
        }
    }


def _region(mark: Mark) -> Iterator[tuple[str, object]]:
    yield "startLine", max(mark.line, 1)
    yield "startColumn", max(mark.column, 1)
    yield "endColumn", max(mark.column, 1) + max(mark.length, 1)
    if mark.source:
        yield "snippet", {"text": escapes.line(mark.source)}


__all__ = ["RULES", "Finding", "annotation", "github", "in_json", "in_repository", "of_checked", "of_problems", "sarif"]
