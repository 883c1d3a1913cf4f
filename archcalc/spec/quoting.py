"""What YAML refuses though the language means something by it, put into quotes.

    - both: concat: [a, b]        a label and a join on one line: "both: concat": [a, b]
    - [conv dims[0] 3x3, relu]    brackets inside a line of a list in brackets: ["conv dims[0] 3x3", relu]

>>> quoting("- [conv dims[0] 3x3, relu]")
('- ["conv dims[0] 3x3", relu]', {0: (3, 20)})
"""

from __future__ import annotations

from archcalc.ops import JOINS
from archcalc.patterns import pattern
from archcalc.spec.pyyaml import events, yaml

Quotes = dict[int, tuple[int, ...]]  # by line, the columns of the quotes that were put into it

_LABELLED = pattern(r"(\s*(?:- +)*)([A-Za-z_0-9][\w.+/-]*: +([^\s:#'\"\[\]{},]+)([^:#'\"\[\]{}]*?))(?= *:(?:\s|$))")
_BEGINS = pattern(r"\s*(?:- +)*(?:(?:\"[^\"]*\"|[^\s#'\"\[\]{}&*!|>][^#'\"\[\]{}]*):\s+)?(?=[\[{])")
_STEP = pattern(r"[\[{]|[\]}]|\s#.*|\s+|,|:(?=\s|$)|\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|.")
_PART = pattern(r"[\[(]|[\])]|[,{}]|:(?=\s|$)|\s#|[^\[\](),{}:\s]+|.")


def quoting(text: str) -> tuple[str, Quotes]:
    """A text as PyYAML takes it, and the quotes that were put into it. Raises yaml.YAMLError for what is no YAML."""
    try:
        for _ in events(text):
            pass
        return text, {}
    except yaml.MarkedYAMLError as error:
        return quoted(text, error)


def quoted(text: str, error: yaml.MarkedYAMLError) -> tuple[str, Quotes]:
    """The text with quotes around what YAML refused it for. Raises the error where there is nothing to quote."""
    if not any(problem in (error.problem or "") for problem in ("mapping values", "expected ',' or")):
        raise error
    lines, found = text.split("\n"), dict[int, tuple[int, ...]]()
    _quote_labels(lines, found)
    _quote_brackets(lines, found)
    if not found:
        raise error
    return "\n".join(lines), found


def _quote_labels(lines: list[str], found: Quotes) -> None:
    for n, line in enumerate(lines):
        if (match := _LABELLED.match(line)) and (match[3] in JOINS or match[4].strip() == "x"):
            start, end = match.span(2)
            lines[n] = f'{line[:start]}"{line[start:end]}"{line[end:]}'
            found[n] = start, end + 1


def _quote_brackets(lines: list[str], found: Quotes) -> None:
    depth = 0
    for n, line in enumerate(lines):
        begins = None if depth else _BEGINS.match(line)
        if not depth and begins is None:
            continue
        made, depth = _scalars(line, begins.end() if begins else 0, depth)
        columns: list[int] = []
        for start, end in made:
            columns += [start + len(columns), end + len(columns) + 1]
        for column in columns:
            lines[n] = f'{lines[n][:column]}"{lines[n][column:]}'
        if columns:
            found[n] = (*found.get(n, ()), *columns)


def _scalars(line: str, at: int, depth: int) -> tuple[list[tuple[int, int]], int]:
    """The stretches of a line that have brackets inside of them, where a list in brackets goes on; and how many lists
    are open behind it.
    """
    made: list[tuple[int, int]] = []
    while at < len(line):
        match = _STEP.match(line, at)
        assert match is not None
        at = match.end()
        if match[0] in ("[", "{"):
            depth += 1
        elif match[0] in ("]", "}"):
            depth -= 1
            if depth <= 0:
                return made, 0
        elif match[0] not in (",", ":") and not match[0].isspace() and match[0].lstrip()[0] not in "#\"'":
            start, at = match.start(), _end(line, match.start())
            stretch = line[start:at].rstrip()
            if "[" in stretch and not {'"', "\\"} & set(stretch):
                made.append((start, start + len(stretch)))
    return made, depth


def _end(line: str, start: int) -> int:
    """Where a text inside of brackets ends: at a comma or a bracket that isn't its own."""
    inner, at = 0, start
    while at < len(line):
        match = _PART.match(line, at)
        assert match is not None
        if match[0] in ("]", ")"):
            if not inner and match[0] == "]":
                return at
            inner = max(0, inner - 1)
        elif match[0] in ("[", "("):
            inner += 1
        elif not inner and (match[0] in (",", "{", "}", ":") or (match[0].endswith("#") and match[0][0].isspace())):
            return at
        at = match.end()
    return start + len(line[start:].split("[")[0]) if inner else at


__all__ = ["Quotes", "quoted", "quoting"]
