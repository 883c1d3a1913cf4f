"""Reports in several formats at once: one to stdout, the others into files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, product
from pathlib import Path

from archcalc.comparison.formats import github, markdown
from archcalc.comparison.result import Report
from archcalc.errors import Problem, UsageError, among
from archcalc.render.formats import COMPARED, writer
from archcalc.tuples import NamedTuple
from archcalc.writing import same_file, write_all


class Output(NamedTuple):
    """A format and the file it goes to; None is stdout."""

    form: str
    file: str | None


def outputs(wanted: Sequence[str], inputs: Iterable[str] = ()) -> list[Output]:
    """What `--format markdown=report.md` asks for; `-` is stdout. Raises UsageError, for what would write over `inputs`
    too.
    """
    found = []
    for word in wanted:
        form, equals, file = word.partition("=")
        if form not in COMPARED:
            raise UsageError(f"unknown format '{form}'{among(form, COMPARED)}")
        if equals and not file:
            raise UsageError(f"--format {form}= needs a file")
        found.append(Output(form, None if file in ("", "-") else file))
    printed = [output.form for output in found if output.file is None]
    if len(printed) > 1:
        raise UsageError(
            f"{' and '.join(printed)} can't both go to stdout; give one a file: --format {printed[1]}=FILE"
        )
    files = [output.file for output in found if output.file]
    real = [file for file in files if not os.path.exists(file) or os.path.isfile(file)]
    if any(same_file(one, other) for one, other in combinations(real, 2)):
        raise UsageError("two formats go to the same file")
    for file, name in product(real, inputs):
        if same_file(file, name):
            raise UsageError(f"{file} is compared ({name}), so no report is written over it")
    return found


MISTAKES: dict[str, Callable[[Sequence[Problem]], str]] = {"github": github.mistakes, "markdown": markdown.mistakes}


def write_mistakes(problems: Sequence[Problem], wanted: Sequence[Output]) -> str | None:
    """Where nothing could be compared: what could not be read, in the formats that have a form for it."""
    ready = [(output, MISTAKES[output.form](problems)) for output in wanted if output.form in MISTAKES]
    write_all((Path(output.file), f"{body}\n".encode("utf-8", "replace")) for output, body in ready if output.file)
    return next((body for output, body in ready if output.file is None and output.form == "github"), None)


def write(report: Report, wanted: Sequence[Output]) -> str | None:
    """Fill the files and give what goes to stdout, if anything does. Nothing is written unless every format is
    ready.
    """
    ready = [(output, writer(COMPARED, output.form)(report)) for output in wanted]
    write_all(
        (Path(output.file), f"{body}\n".encode("utf-8", "replace")) for output, body in ready if output.file is not None
    )
    return next((body for output, body in ready if output.file is None), None)
