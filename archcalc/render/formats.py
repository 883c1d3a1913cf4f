"""The formats that commands write: one entry each, which help, completion, docs and tests read.

Nothing else is imported here, for the command line reads it before it knows what is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from archcalc.errors import UsageError, among
from archcalc.tuples import NamedTuple


class Format(NamedTuple):
    """What a format is for, who writes it (`module.function` of this room, of tables and `Options`; piece by piece if
    it `streams`), and the function of `archcalc.escapes` that a text from outside goes through on its way into it.
    """

    help: str
    written_by: str
    escape: str
    streams: bool = False


FORMATS = {
    "table": Format("for a terminal, with the totals in words and the conventions", "terminal.table", "line"),
    "markdown": Format("a pipe table of GitHub's, and a sentence with the totals", "documents.markdown", "markdown"),
    "rst": Format("a grid of reStructuredText, and the same sentence", "documents.rst", "rst"),
    "csv": Format("exact numbers, a line a layer, every figure", "listing.csv", "csv"),
    "json": Format("exact numbers for programs, with a schema: archcalc schema count", "json.parts", "json", True),
    "html": Format("a table with its caption, for any page, in light and in dark", "documents.html", "html"),
    "latex": Format("a tabular with the rules of booktabs, closed forms in math mode", "documents.latex", "latex"),
}


class Written(NamedTuple):
    """What a format of another command is for, and who writes it: `module.function` of archcalc."""

    help: str
    written_by: str


CHECKED = {  # of what was found, the mistakes, and whether to be quiet
    "text": Written("a line a figure, for a terminal", "cli.check.text"),
    "json": Written("every figure and mistake for programs: archcalc schema check", "cli.check.json"),
    "github": Written("annotations at the lines of a pull request, then the text", "cli.check.github"),
    "sarif": Written("what is wrong and where, for code scanning", "cli.check.sarif"),
}
COMPARED = {  # of a report
    "text": Written("what changed, for a terminal", "comparison.formats.text.report"),
    "markdown": Written("tables for a comment on a pull request", "comparison.formats.markdown.report"),
    "json": Written("every figure of both sides for programs: archcalc schema compare", "comparison.formats.json.text"),
    "github": Written("annotations of what a budget doesn't allow, then the text", "comparison.formats.github.report"),
    "junit": Written("a test a budget, for CI that shows tests", "comparison.formats.junit.report"),
}
SHIPPED = {  # of networks, the width, and whether they were chosen
    "table": Written("a line a network, for a terminal", "zoo.terminal"),
    "markdown": Written("the tables of specs/README.md, or one of the networks asked for", "zoo.markdown"),
    "csv": Written("exact numbers, a line a name", "zoo.comma_separated"),
    "json": Written("exact numbers for programs", "zoo.json"),
}
DEVICES = {
    "table": Written("a line a device, for a terminal", "devices.table"),
    "markdown": Written("the same as a pipe table", "devices.markdown"),
    "json": Written("limits in bytes for programs: archcalc schema devices", "devices.json"),
}
COMMANDS: dict[str, dict[str, Written]] = {
    "check": CHECKED, "compare": COMPARED, "zoo": SHIPPED, "devices": DEVICES,
}  # fmt: skip


def writer(known: Mapping[str, Written], form: str) -> Callable[..., str]:
    """The function that writes a format. Raises UsageError for one that there isn't."""
    if form not in known:
        raise UsageError(f"unknown format '{form}'{among(form, known)}")
    module, _, name = known[form].written_by.rpartition(".")
    written: Callable[..., str] = getattr(import_module(f"archcalc.{module}"), name)
    return written


__all__ = ["COMMANDS", "FORMATS", "Format", "Written", "writer"]
