"""Reports in several formats at once: one to stdout, the others into files."""

from __future__ import annotations

import json as json_library
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from archcalc.comparison.formats import github, json, junit, markdown, text
from archcalc.comparison.result import Report
from archcalc.errors import UsageError, suggest
from archcalc.writing import write as write_file

FORMATS: dict[str, Callable[[Report], str]] = {
    "text": text.report,
    "markdown": markdown.report,
    "json": lambda report: json_library.dumps(json.report(report), indent=1, ensure_ascii=False),
    "github": github.report,
    "junit": junit.report,
}


class Output(NamedTuple):
    """A format and the file it goes to; None is stdout."""

    form: str
    file: str | None


def outputs(wanted: Sequence[str]) -> list[Output]:
    """What `--format markdown=report.md` asks for. Raises UsageError."""
    found = []
    for word in wanted:
        form, equals, file = word.partition("=")
        if form not in FORMATS:
            raise UsageError(f"unknown format '{form}'{suggest(form, FORMATS, 'there are ' + ', '.join(FORMATS))}")
        if equals and not file:
            raise UsageError(f"--format {form}= needs a file")
        found.append(Output(form, file or None))
    printed = [output.form for output in found if output.file is None]
    if len(printed) > 1:
        raise UsageError(f"{' and '.join(printed)} can't both go to stdout; give one a file: --format {printed[1]}=FILE")
    files = [output.file for output in found if output.file]
    if len(set(files)) < len(files):
        raise UsageError("two formats go to the same file")
    return found


def write(report: Report, wanted: Sequence[Output]) -> str | None:
    """Fill the files and give what goes to stdout, if anything does. Nothing is written unless every format is ready."""
    ready = [(output, FORMATS[output.form](report)) for output in wanted]
    for output, body in ready:
        if output.file is not None:
            write_file(Path(output.file), f"{body}\n".encode("utf-8", "replace"))
    return next((body for output, body in ready if output.file is None), None)
