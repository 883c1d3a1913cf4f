"""Where a document holds what archcalc writes: regions between two comments, the first of which says what.

    <!-- archcalc: table net.yaml --depth 1 -->     Markdown; a region on lines of its own, or inside a sentence
    % archcalc: table net.yaml --depth 1            MyST
    .. archcalc: table net.yaml --depth 1           reStructuredText

    ... `archcalc: end (sum: 0123456789ab)`         the same, at the other end

A comment in code is an example and no marker.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import PurePath

from archcalc.docs.markdown import without_code
from archcalc.errors import Mark, Mistakes, Problem, SpecError, UsageError
from archcalc.patterns import pattern
from archcalc.tuples import NamedTuple

MARKDOWN = (".md", ".markdown", ".mkd", ".mdown", ".qmd", ".rmd")
RST = (".rst", ".rest")

_END = pattern(r"end\s*(?:\(\s*sum:\s*(\w+)\s*\))?\s*$")
_EMPTY = pattern(r"\n[ \t>]*\r?\n")
_HOLDERS = pattern(r"(?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*")
_COMMENTS = pattern(
    r"(?P<comment><!--)|^[ \t>]*(?P<percent>%[ \t]*archcalc:(?P<line>[^\n]*))",
    re.MULTILINE,
)
_OURS = pattern(r"\s*archcalc:")
_REST = pattern(r"[^\S\n]*(?:\n|\Z)")
WIDEST = 1000  # characters before a marker that has a line of its own
_RST = pattern(r"(?P<prefix>[ \t]*)\.\.[ \t]+archcalc:(?!:)(?P<line>.*)")
_LITERAL = (
    "code",
    "code-block",
    "sourcecode",
    "parsed-literal",
    "literalinclude",
    "raw",
    "math",
    "highlight",
    "prompt",
    "doctest",
    "testcode",
    "testoutput",
)
_LITERAL_RST = pattern(rf"[ \t]*\.\.([ \t]+({'|'.join(_LITERAL)})::.*|[ \t]*)$")
_EXPLICIT = pattern(r"[ \t]*\.\.[ \t]")


class Marker(NamedTuple):
    """One comment: what it says, and the stretch of the document that it takes up."""

    text: str
    start: int
    end: int
    style: str  # the end marker in the same manner
    alone: bool  # nothing else stands on its lines
    prefix: str  # what stands before it on its line, if it is alone


class Region(NamedTuple):
    """A command, and the stretch `start` to `end` of the document that its answer fills; `close` ends after its end
    marker.
    """

    command: str
    mark: Mark
    start: int
    end: int
    close: int
    style: str
    inline: bool
    prefix: str
    recorded: str | None

    def content(self, text: str) -> str:
        """What the region holds, free of its surroundings: indentation, line endings, white space around it."""
        held = text[self.start : self.end]
        if self.inline:
            return held.strip()
        bare = self.prefix.rstrip()
        lines = [
            line.removeprefix(self.prefix) if line.startswith(self.prefix) else line.removeprefix(bare)
            for line in held.replace("\r\n", "\n").split("\n")
        ]
        return "\n".join(line.rstrip() for line in lines).strip("\n")

    def filled(self, content: str, newline: str) -> str:
        """The region with this content, end marker included, as it stands in the document."""
        end = self.style.format(f"end (sum: {checksum(content)})")
        if self.inline:
            return content + end
        lines = ["", *content.split("\n"), ""]
        return "".join(f"{(self.prefix + line).rstrip()}{newline}" for line in lines) + self.prefix + end


def checksum(content: str) -> str:
    """What tells a region that somebody edited by hand from one that is out of date."""
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def is_document(path: PurePath) -> bool:
    """Whether archcalc knows how comments are written in such a file."""
    return path.suffix.lower() in (*MARKDOWN, *RST)


def markup(path: PurePath) -> str:
    """`markdown` or `rst`. Raises UsageError for other files."""
    suffix = path.suffix.lower()
    if not is_document(path):
        raise UsageError(
            f"{path}: archcalc fills Markdown ({', '.join(MARKDOWN)}) and reStructuredText ({', '.join(RST)})"
        )
    return "markdown" if suffix in MARKDOWN else "rst"


def regions(text: str, path: PurePath) -> list[Region]:
    """The regions of a document, in order. Raises SpecError with every marker that has no partner."""
    kind = markup(path)
    lines = Lines(text, str(path))
    problems: list[Problem] = Mistakes()
    found: list[Region] = []
    opened: Marker | None = None
    for marker in _markers_in_markdown(text, lines, problems) if kind == "markdown" else _markers_in_rst(text):
        end = _END.match(marker.text)
        if end is None:
            if opened is not None:
                problems.append(_endless(lines, opened))
            opened = marker
        elif opened is None:
            problems.append(Problem("an end without a beginning", lines.mark(marker.start, marker.end)))
        else:
            if opened.alone and not marker.alone:
                problems.append(
                    Problem(
                        "a region that begins on a line of its own ends on one", lines.mark(marker.start, marker.end)
                    )
                )
            elif not opened.alone and _EMPTY.search(text, opened.end, marker.start):
                problems.append(
                    Problem(
                        "a region that begins in a sentence ends in its paragraph", lines.mark(opened.start, opened.end)
                    )
                )
            else:
                found.append(_region(text, lines, opened, marker, end.group(1)))
            opened = None
    if opened is not None:
        problems.append(_endless(lines, opened))
    if problems:
        raise SpecError(problems)
    return found


def _endless(lines: Lines, marker: Marker) -> Problem:
    return Problem(f"this region has no end: `{marker.style.format('end')}`", lines.mark(marker.start, marker.end))


def _region(text: str, lines: Lines, opened: Marker, closed: Marker, recorded: str | None) -> Region:
    mark = lines.mark(opened.start, opened.end)
    if not opened.alone:
        return Region(opened.text, mark, opened.end, closed.start, closed.end, opened.style, True, "", recorded)
    start = text.find("\n", opened.end) + 1
    return Region(
        opened.text,
        mark,
        start,
        max(start, lines.start_of(closed.start)),
        closed.end,
        opened.style,
        False,
        opened.prefix,
        recorded,
    )


class Lines:
    """Lines and columns of a text."""

    def __init__(self, text: str, path: str) -> None:
        self.text, self.path = text, path
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.last = (-1, "")  # the line that was quoted last: of a page of one line there are no copies

    def number(self, offset: int) -> int:
        """The line that holds an offset, counted from 0."""
        return bisect_right(self.starts, offset) - 1

    def start_of(self, offset: int) -> int:
        """Where the line begins that holds an offset."""
        return self.starts[self.number(offset)]

    def end_of(self, offset: int) -> int:
        """Where it ends, before the line feed."""
        n = self.number(offset) + 1
        return self.starts[n] - 1 if n < len(self.starts) else len(self.text)

    def beginning(self, offset: int) -> str:
        """What stands before an offset on its line, as far as it may say what holds the line."""
        start = self.start_of(offset)
        return self.text[start : min(offset, start + WIDEST)]

    def before(self, offset: int) -> str | None:
        """What stands before an offset on its line, if all of it may hold something: blanks and marks of quotations."""
        start = self.start_of(offset)
        found = self.text[start:offset] if offset - start < WIDEST else ""
        return found if len(found) == offset - start and not found.strip("> \t") else None

    def mark(self, start: int, end: int) -> Mark:
        """The position of a stretch; of its first line, if it has several."""
        begin, n = self.start_of(start), self.number(start)
        if self.last[0] != n:
            self.last = (n, self.text[begin : self.end_of(start)].rstrip("\r"))
        line = self.last[1]
        return Mark(
            self.path,
            n + 1,
            start - begin + 1,
            max(1, min(end, begin + len(line)) - start),
            line,
        )


# ---- Markdown --------------------------------------------------------------------------------------------------------


def _markers_in_markdown(text: str, lines: Lines, problems: list[Problem]) -> Iterator[Marker]:
    shown, at = without_code(text), 0
    last = shown.rfind("-->")  # what begins behind it has no end
    while match := _COMMENTS.search(shown, at):
        begin, at = match.start(match.lastgroup or 0), match.end()
        if match["percent"]:
            prefix = text[lines.start_of(begin) : begin]
            found = match["percent"].rstrip()
            yield Marker(match["line"].strip(), begin, begin + len(found), "% archcalc: {}", True, prefix)
        elif last < at:
            if _OURS.match(shown, at):
                problems.append(Problem("this comment has no end: `-->`", lines.mark(begin, at)))
        else:
            close = shown.index("-->", at)
            body, end = shown[at:close], close + len("-->")
            at = end
            if body.lstrip()[:9] == "archcalc:":
                before, after = lines.before(begin), _REST.match(text, end)
                alone = before is not None and after is not None
                said = _unquoted(body, lines.beginning(begin)).strip().removeprefix("archcalc:").strip()
                yield Marker(said, begin, end, "<!-- archcalc: {} -->", alone, (before or "") if alone else "")


def _unquoted(body: str, before: str) -> str:
    """A comment without the marks of the quotation that its lines after the first begin with."""
    holders = _HOLDERS.match(before)
    depth = holders.group().count(">") if holders else 0
    return re.sub(rf"\n(?:[ \t]*>){{1,{depth}}}", "\n", body) if depth else body


# ---- reStructuredText ------------------------------------------------------------------------------------------------


def _markers_in_rst(text: str) -> Iterator[Marker]:
    offset, literal = 0, None  # the indentation of what introduces a literal block
    lines = text.splitlines(keepends=True)
    for n, line in enumerate(lines):
        start, offset = offset, offset + len(line)
        bare = line.strip()
        indent = len(line) - len(line.lstrip())
        if literal is not None and bare and indent <= literal:
            literal = None
        if literal is not None or not bare:
            continue
        match = _RST.match(line)
        if match:
            more, words = _continued(lines, n, indent), [match["line"]]
            words += [part.strip() for part in more]
            end = start + len("".join([line, *more]).rstrip())
            yield Marker(" ".join(words).strip(), start + indent, end, ".. archcalc: {}", True, match["prefix"])
        elif _LITERAL_RST.match(line) or (bare.endswith("::") and not _EXPLICIT.match(line)):
            literal = indent


def _continued(lines: list[str], n: int, indent: int) -> list[str]:
    """The lines of a comment after its first: indented, up to the first empty one."""
    found = []
    for line in (lines[k] for k in range(n + 1, len(lines))):
        if not line.strip() or len(line) - len(line.lstrip()) <= indent:
            break
        found.append(line)
    return found
