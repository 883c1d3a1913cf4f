"""What of a Markdown text is code, where a comment is an example: fenced, indented, in `<pre>`, between backticks.

Blocks are told apart as CommonMark 0.31.2 does in its sections 4 and 5, as far as that decides what is code: quotations
and list items hold lines by their prefix or their indentation, and a fence ends with what holds it. What MkDocs indents
(admonitions, tabs, definitions, footnotes) holds lines, too. Each row of a table stands for itself.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

from archcalc.patterns import pattern
from archcalc.tuples import NamedTuple

DEEPEST = 60  # lists and quotations inside one another; what is deeper is text
_LINES = pattern(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_QUOTE = pattern(r" {0,3}> ?")
_ITEM = pattern(r" {0,3}(?:[-+*]|(?P<number>\d{1,9})[.)])(?P<blanks> +|$)")
_INDENTING = pattern(r" {0,3}(?:(?:!!!|\?\?\?\+?) +\w|===[!+]? +[\"']|\[\^[^\]]+\]:|: +\S)")
_BREAK = pattern(r" {0,3}(?:(?:\* *){3,}|(?:- *){3,}|(?:_ *){3,})$")
_UNDERLINE = pattern(r" {0,3}(?:=+|-+) *$")
_HEADING = pattern(r" {0,3}#{1,6}(?: |$)")
_FENCE = pattern(r" {0,3}(?:(?P<ticks>`{3,})[^`]*|(?P<tildes>~{3,}).*)$")
_PRE = pattern(r" {0,3}<(?:pre|script|style|textarea)(?:[\s>]|$)", re.IGNORECASE)
_PRE_END = pattern(r"</(?:pre|script|style|textarea)>", re.IGNORECASE)
_COMMENT = pattern(r" {0,3}<!--")
_ALONE = pattern(r" {0,3}[|%]")  # a row of a table, a comment of MyST
_INLINE = pattern(r"\\[!-/:-@\[-`{-~]|(?P<ticks>`+)|(?P<comment><!--)")


def without_code(text: str) -> str:
    """The text with blanks in place of code, every offset as it was."""
    parts, done = [], 0
    for start, end in sorted(_Blocks(text).code()):
        parts += [text[done:start], re.sub(r"[^\r\n]", " ", text[start:end])]
        done = end
    return "".join([*parts, text[done:]])


class _Fence(NamedTuple):
    letter: str
    length: int

    def ends(self, rest: str) -> bool:
        match = _FENCE.match(rest)
        fence = (match["ticks"] or match["tildes"]) if match else ""
        return fence.startswith(self.letter * self.length) and rest.strip() == fence


class _Blocks:
    """The lines of a text one after the other: what holds them, and what is open in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.holders: list[
            int
        ] = []  # from the outermost in: 0 for a quotation, else the indentation of what an item holds
        self.leaf: _Fence | str = ""  # or `text`, `pre`, `comment`
        self.is_bare = False  # whether the line before began an item and said nothing, which an empty line ends
        self.start = self.end = 0  # of the stretch whose backticks belong together

    def code(self) -> Iterator[tuple[int, int]]:
        """The stretches that are code."""
        for line in _LINES.finditer(self.text):
            if self._is_code(line.group().rstrip("\r\n").expandtabs(4)):
                yield from self._flushed()
                yield line.span()
            elif self._stands_alone:
                yield from self._flushed()
                self.start, self.end = line.span()
            else:
                self.start, self.end = self.start if self.end else line.start(), line.end()
            if not self._goes_on:
                yield from self._flushed()
        yield from self._flushed()

    def _flushed(self) -> Iterator[tuple[int, int]]:
        yield from _spans(self.text, self.start, self.end)
        self.start = self.end = 0

    def _is_code(self, line: str) -> bool:
        """Take in a line: whether it is code, whether its text begins anew and whether it goes on in the next."""
        self._stands_alone = self._goes_on = False
        if self.is_bare and not line.strip("> "):
            self.holders.pop()
        self.is_bare = False
        depth, rest = self._held(line)
        if depth < len(self.holders) or self.leaf in ("", "text"):
            was = self.leaf
            opened, rest = self._opening(rest, depth == len(self.holders) and was == "text")
            if depth < len(self.holders) and was == "text" and not opened and _is_lazy(rest):
                self._goes_on = True
                return False
            if opened or depth < len(self.holders):
                self.holders[depth:] = opened
                self.leaf, self._stands_alone = "", True
            self.is_bare = bool(opened) and opened[-1] > 0 and not rest.strip()
            return self._begun(rest)
        if isinstance(self.leaf, _Fence):
            self.leaf = "" if self.leaf.ends(rest) else self.leaf
            return True
        if self.leaf == "pre":
            self.leaf = "" if _PRE_END.search(rest) else "pre"
            return True
        self.leaf = _after_comment(rest, "comment")
        self._goes_on = self.leaf == "comment"
        return False

    def _held(self, line: str) -> tuple[int, str]:
        """How many of the holders hold this line too, and what of it they hold."""
        for depth, width in enumerate(self.holders):
            if width and line[:width].strip():
                return depth, line
            quote = None if width else _QUOTE.match(line)
            if not width and not quote:
                return depth, line
            line = line[quote.end() if quote else width :]
        return len(self.holders), line

    def _opening(self, rest: str, in_paragraph: bool) -> tuple[list[int], str]:
        """The quotations and items that begin on a line, and what they hold of it."""
        opened: list[int] = []
        while len(self.holders) + len(opened) < DEEPEST and rest.strip() and not _BREAK.match(rest):
            if quote := _QUOTE.match(rest):
                opened.append(0)
                rest = rest[quote.end() :]
            elif item := _ITEM.match(rest):
                is_empty = not rest[item.end() :]
                if in_paragraph and not opened and (is_empty or (item["number"] and int(item["number"]) != 1)):
                    break
                width = item.end() if len(item["blanks"]) < 5 and not is_empty else item.start("blanks") + 1
                opened.append(width)
                rest = rest[width:]
            else:
                if _INDENTING.match(rest):
                    opened.append(len(rest) - len(rest.lstrip()) + 4)
                break
        return opened, rest

    def _begun(self, rest: str) -> bool:
        """What stands on a line by itself or begins on it; whether that is code."""
        if not rest.strip():
            self.leaf = ""
        elif rest.startswith("    "):
            self._goes_on = self.leaf == "text"
            return not self._goes_on
        elif fence := _FENCE.match(rest):
            marker = fence["ticks"] or fence["tildes"]
            self.leaf = _Fence(marker[0], len(marker))
            return True
        elif _PRE.match(rest):
            self.leaf = "" if _PRE_END.search(rest) else "pre"
            return True
        elif _COMMENT.match(rest):
            self.leaf, self._stands_alone = _after_comment(rest, ""), True
            self._goes_on = self.leaf == "comment"
        elif _HEADING.match(rest):
            self.leaf, self._stands_alone = "", True
        elif _BREAK.match(rest) or (self.leaf == "text" and _UNDERLINE.match(rest)):
            self.leaf = ""
        else:
            self.leaf, is_alone = "text", _ALONE.match(rest) is not None
            self._stands_alone, self._goes_on = self._stands_alone or is_alone, not is_alone
        return False


def _is_lazy(rest: str) -> bool:
    """Whether a line may belong to the paragraph of a quotation or an item without its prefix."""
    others = (_FENCE, _PRE, _COMMENT, _HEADING, _BREAK)
    return bool(rest.strip()) and not any(other.match(rest) for other in others)


def _after_comment(rest: str, before: str) -> str:
    """`comment` if one is open at the end of a line, where `before` was at its beginning."""
    begins, ends = rest.rfind("<!--"), rest.rfind("-->")
    return "comment" if begins > ends or (before and ends < 0) else ""


def _spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Code between backticks: from some in a row to as many again. Comments hold none."""
    closers: dict[int, list[int]] = defaultdict(list)
    for run in re.compile("`+").finditer(text, start, end):
        closers[len(run.group())].append(run.start())
    is_closed = True  # as far as is known: whether a comment ends before the stretch does
    while closers and (found := _INLINE.search(text, start, end)):
        start = found.end()
        if found["ticks"]:
            length = len(found["ticks"])
            n = bisect_left(closers[length], start)
            if n < len(closers[length]):
                start = closers[length][n] + length
                yield found.start(), start
        elif found["comment"] and is_closed:
            close = text.find("-->", start, end)
            start, is_closed = max(start, close), close >= 0


__all__ = ["without_code"]
