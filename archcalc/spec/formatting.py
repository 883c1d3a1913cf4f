"""The layout of a spec: indentation, blanks and empty lines set right, and not a word, comment or aligned column
touched.

YAML's tokens say where everything stands, so the text is edited in place. What comes out is read again: it must say the
same, with the same comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from archcalc.errors import ArchcalcError
from archcalc.patterns import pattern
from archcalc.spec.composing import compose
from archcalc.spec.pyyaml import LOADER, yaml
from archcalc.spec.quoting import quoting
from archcalc.spec.text import Mapping, Node, Scalar, Sequence
from archcalc.tuples import NamedTuple

STEP = 2
_COMMENT = pattern(r"(?:^|(?<=[ \t]))#")
_FIRST = pattern(r"\s*")


def formatted(text: str, path: str = "-") -> str:
    """The text as archcalc lays it out: two blanks a level, lists indented below their key, one blank inside of flow
    `[a, b]`, one before a comment at least, none at ends of lines, one empty line at most, one line break at the end.

    Raises SpecError for what isn't YAML that specs are written in, ArchcalcError where the layout can't be told.
    """
    before = compose(text, path)
    newline = "\r\n" if "\r\n" in text else "\n"
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n")
    layout = _Layout(plain)
    done = _laid_out(layout)
    if _meaning(compose(done, path)) != _meaning(before) or _Layout(done).comments() != layout.comments():
        raise ArchcalcError(f"{path}: it can't be laid out without changing what it says; nothing is written")
    return done.replace("\n", newline)


def _meaning(node: Node) -> object:
    """What a tree says, without its places."""
    if isinstance(node, Scalar):
        return node.text, node.plain
    if isinstance(node, Sequence):
        return [_meaning(item) for item in node.items]
    return {key.text: (key.plain, _meaning(value)) for key, value in node.pairs} if isinstance(node, Mapping) else None


def _laid_out(layout: _Layout) -> str:
    lines = [layout.line(n) for n in range(len(layout.lines))]
    kept = [line for n, line in enumerate(lines) if line or n in layout.inside or (n and lines[n - 1])]
    while kept and not kept[0]:
        del kept[0]
    body = "\n".join(kept)
    return body if layout.ends_in_text else body.rstrip("\n") + "\n"


class _Block(NamedTuple):
    """A list or a mapping that is written in lines: where its items begin, now and then."""

    is_list: bool
    new: int
    implied: bool = False  # a list in the column of its key


class _Layout:
    """Where the parts of a text stand, and where they should."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.inside: set[int] = set()  # lines that a text in several lines goes on in
        self.indents: dict[int, int] = {}  # of lines that begin an item
        self.ends: dict[int, int] = {}  # the column behind the last word of a line
        self.gaps: dict[int, dict[tuple[int, int], str]] = {}  # by line: what stands between two columns
        self.blocks: list[_Block] = []
        self.flows = 0  # brackets that are open
        self.dash: tuple[int, int] = (-1, 0)  # the last: its line, and the column it goes to
        self.ends_in_text = False
        labelled, self.quoted = quoting(text)
        for token in yaml.scan(labelled, Loader=LOADER):
            self._place(token)

    def _column(self, mark: yaml.Mark) -> int:
        """The column of a mark, without the quotes that were put into the text."""
        return int(mark.column - sum(mark.column > quote for quote in self.quoted.get(mark.line, ())))

    def _place(self, token: yaml.Token) -> None:
        start, end = token.start_mark, token.end_mark
        if start is None or isinstance(token, (yaml.StreamStartToken, yaml.StreamEndToken)):
            return
        if isinstance(token, yaml.ScalarToken):
            self._text(token)
        if (end.line, end.column) > (start.line, start.column):
            self.ends[end.line] = max(self.ends.get(end.line, 0), self._column(end))
            self.ends.setdefault(start.line, len(self.lines[start.line]))
        handle = getattr(self, f"_{type(token).__name__}", None)
        if handle is not None:
            handle(start.line, self._column(start))

    def _text(self, token: yaml.ScalarToken) -> None:
        """A text in several lines keeps the blanks inside."""
        start, end = token.start_mark, token.end_mark
        is_block = token.style in ("|", ">")
        self.inside.update(range(start.line + 1, end.line + (not is_block or end.column > 0)))
        if is_block:
            self.ends[start.line] = len(self.lines[start.line])
            self.ends_in_text = end.line >= len(self.lines) - 1

    # ---- blocks ------------------------------------------------------------------------------------------------------

    def _begin(self, line: int, is_list: bool) -> None:
        around = self.dash[1] if self.dash[0] == line else self.blocks[-1].new if self.blocks else -STEP
        self.blocks.append(_Block(is_list, around + STEP))

    def _BlockMappingStartToken(self, line: int, column: int) -> None:
        self._begin(line, False)

    def _BlockSequenceStartToken(self, line: int, column: int) -> None:
        self._begin(line, True)

    def _BlockEndToken(self, line: int, column: int) -> None:
        self._leave_implied()
        self.blocks.pop()

    def _BlockEntryToken(self, line: int, column: int) -> None:
        if not self.blocks[-1].is_list:
            self.blocks.append(_Block(True, self.blocks[-1].new + STEP, True))
        self._item(line, column)
        self.dash = line, self.blocks[-1].new if self.dash[0] != line else self.dash[1] + STEP
        if gap := re.compile(r" {2,}(?=[^\s#])").match(self.lines[line], column + 1):
            self._gap(line, *gap.span(), " ")

    def _KeyToken(self, line: int, column: int) -> None:
        if not self.flows:
            self._leave_implied()
            self._item(line, column)

    def _leave_implied(self) -> None:
        if self.blocks and self.blocks[-1].implied:
            self.blocks.pop()

    def _item(self, line: int, column: int) -> None:
        """An item that is the first of its line takes it along."""
        if self.blocks and not self.lines[line][:column].strip() and line not in self.inside:
            self.indents.setdefault(line, self.blocks[-1].new)

    # ---- between words -----------------------------------------------------------------------------------------------

    def _gap(self, line: int, start: int, end: int, text: str) -> None:
        if line not in self.inside:
            self.gaps.setdefault(line, {})[start, end] = text

    def _ValueToken(self, line: int, column: int) -> None:
        if not self.flows:
            self._item(line, column)
        self._close_up(line, column)
        self._open(line, column + 1)

    def _FlowEntryToken(self, line: int, column: int) -> None:
        before = self.lines[line][:column]
        if before.count("(") > before.count(")"):  # `(stride,stride)` is one word of a layer
            return
        self._close_up(line, column)
        self._open(line, column + 1)

    def _FlowSequenceStartToken(self, line: int, column: int) -> None:
        self.flows += 1
        if gap := re.compile(r"[ \t]+(?=[^\s#])").match(self.lines[line], column + 1):
            self._gap(line, *gap.span(), "")

    _FlowMappingStartToken = _FlowSequenceStartToken

    def _FlowSequenceEndToken(self, line: int, column: int) -> None:
        self.flows -= 1
        self._close_up(line, column)

    _FlowMappingEndToken = _FlowSequenceEndToken

    def _close_up(self, line: int, column: int) -> None:
        """No blanks before this column, unless a line begins with it or an alias ends there (`*a :`)."""
        before = self.lines[line][:column]
        words = before.rstrip()
        if words and len(words) < column and words[-1] not in ",:" and not re.search(r"[*&]\S*$", words):
            self._gap(line, len(words), column, "")

    def _open(self, line: int, column: int) -> None:
        """A blank at least at this column, unless the line ends there."""
        if self.lines[line][column : column + 1].strip():
            self._gap(line, column, column, " ")

    # ---- lines -------------------------------------------------------------------------------------------------------

    def line(self, n: int) -> str:
        """A line as it should be."""
        written = self.lines[n]
        if n in self.inside:
            return self._moved(written, self._shift(n))
        comment = self._comment(n)
        words = written[:comment].rstrip() if comment is not None else written.rstrip()
        for (start, end), text in sorted(self.gaps.get(n, {}).items(), reverse=True):
            words = words[:start] + text + words[end:] if start <= len(words) else words
        words = self._moved(words, self._shift(n))
        if comment is None:
            return words
        said = _spaced(written[comment:].rstrip())
        if not words.strip():
            return " " * max(0, comment + self._shift(n)) + said
        return f"{words:<{comment}}{said}" if len(words) < comment else f"{words} {said}"

    def _comment(self, n: int) -> int | None:
        """The column of the comment of a line."""
        if n in self.inside and n not in self.ends:
            return None
        found = _COMMENT.search(self.lines[n], self.ends.get(n, 0))
        return found.start() if found else None

    def comments(self) -> list[str]:
        """What all comments say, in their order."""
        found = [(n, self._comment(n)) for n in range(len(self.lines))]
        return [_spaced(self.lines[n][at:].rstrip()) for n, at in found if at is not None and n not in self.inside]

    def _shift(self, n: int) -> int:
        """By how much a line moves: with the item that it begins or goes on with; a comment with what is in its column,
        below it or above.
        """
        if n in self.indents:
            return self.indents[n] - _column(self.lines[n])
        above = next(self._items(range(n - 1, -1, -1)), None)
        if n in self.ends or n in self.inside:
            return self._shift(above) if above is not None else 0
        below = next(self._items(range(n + 1, len(self.lines))), None)
        near = [line for line in (below, above) if line is not None]
        same = [line for line in near if _column(self.lines[line]) == _column(self.lines[n])]
        return self._shift((same or near)[0]) if near else 0

    def _items(self, lines: range) -> Iterator[int]:
        return (line for line in lines if line in self.indents)

    def _moved(self, words: str, by: int) -> str:
        if by >= 0:
            return " " * by + words if words.strip() else words
        return words[min(-by, _column(words)) :]


def _column(line: str) -> int:
    """Where a line begins."""
    return _FIRST.match(line).end()  # type: ignore[union-attr]


def _spaced(comment: str) -> str:
    """`# so`, not `#so`; `#!` and rows of `#` stay."""
    return f"# {comment[1:]}" if comment[1:2].isalnum() else comment
