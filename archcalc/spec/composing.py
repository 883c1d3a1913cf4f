"""YAML with positions.

The events of PyYAML's parser are composed here, not by its composer, so that depth and size are capped before anything
can recurse, duplicate keys and `<<` are refused, and aliases are counted at what they stand for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archcalc.errors import Mark, Problem, SpecError
from archcalc.patterns import pattern
from archcalc.spec import quoting
from archcalc.spec.pyyaml import events, yaml
from archcalc.spec.text import Mapping, Node, Scalar, Sequence

EMPTY = "the file is empty: a spec needs `archcalc: 1`, a name, an input and layers"
SAYS_LITTLE = (EMPTY, "nested deeper", "a bracket", "a quote", "a second", "a tab", "not a YAML file")
DEEPEST, MOST_NODES = 60, 1_000_000

_OPENING = pattern(rf"[\[{{\]}}]|(?:[-?:] ){{{DEEPEST},}}")


def compose(text: str, file: str, most: int = MOST_NODES) -> Node:
    """The tree of one YAML document of so many parts. Raises SpecError with the position of what is wrong."""
    lines, quoted = text.splitlines(), quoting.Quotes()

    def mark_at(line: int, column: int, length: int = 1) -> Mark:
        if line in quoted:
            column -= sum(column > quote for quote in quoted[line])
        return Mark(file, line + 1, column + 1, max(1, length), lines[line] if line < len(lines) else "")

    _refuse_depth(text, mark_at)
    try:
        try:
            return _Composer(mark_at, quoted, most).compose(events(text))
        except yaml.MarkedYAMLError as error:
            text, put = quoting.quoted(text, error)
            quoted.update(put)
            return _Composer(mark_at, quoted, most).compose(events(text))
    except yaml.MarkedYAMLError as error:
        message, position = _friendly(error, lines)
        raise SpecError(
            [Problem(message, mark_at(position.line, position.column) if position else mark_at(0, 0))]
        ) from None
    except yaml.YAMLError as error:
        raise SpecError([Problem(f"not a YAML file: {str(error).splitlines()[0]}", mark_at(0, 0))]) from None


def compose_item(line: str, file: str, row: int) -> Node | None:
    """The item of a list that a line holds, which is the `row`-th of its file, from 0; None where it isn't one item
    that can stand alone.
    """

    def mark_at(_: int, column: int, length: int = 1) -> Mark:
        return Mark(file, row + 1, column + 1, max(1, length), line)

    try:
        _refuse_depth(line, mark_at)
        root = _Composer(mark_at, {}).compose(events(line))
    except (yaml.YAMLError, SpecError):
        return None
    return root.items[0] if isinstance(root, Sequence) and len(root.items) == 1 else None


def _refuse_depth(text: str, mark_at: Any) -> None:
    """Refuse what the parser itself would choke on: its time grows with the square of the open brackets."""
    depth = 0
    for match in _OPENING.finditer(text):
        letter = match.group()
        depth = max(0, depth + (letter in "[{") - (letter in "]}"))
        if depth > DEEPEST or len(letter) > 1:
            line, column = text.count("\n", 0, match.start()), match.start() - text.rfind("\n", 0, match.start()) - 1
            raise SpecError([Problem(f"nested deeper than {DEEPEST}", mark_at(line, column))])


def _friendly(error: yaml.MarkedYAMLError, lines: list[str]) -> tuple[str, Any]:
    """What is wrong, and where: at what was opened and never closed, or at what doesn't fit."""
    problem, context = error.problem or "can't be read", error.context or ""
    position, opened = error.problem_mark or error.context_mark, error.context_mark or error.problem_mark
    here = lines[position.line][position.column :][:1] if position and position.line < len(lines) else ""
    if here == "\t" or "\\t" in problem:
        return "a tab: YAML is indented with spaces", position
    if "expected ',' or" in problem or ("flow" in context and position and position.line >= len(lines)):
        return (
            (
                "a bracket that isn't closed, or a comma that is missing inside; a comma inside [a, b] ends the item:"
                " quote it or put one layer a line"
            ),
            opened,
        )
    if "quoted scalar" in context and "end of stream" in problem:
        return "a quote that isn't closed", opened
    if "escape" in problem:
        return "an unknown escape: inside double quotes a backslash is special; use single quotes", position
    if "mapping values are not allowed" in problem:
        return "a second `key: value` on one line; indent it below, or quote the text", position
    if "block collection" in context or "block mapping" in context:
        return (
            (
                "this doesn't fit the indentation above it; items of one list, and keys of one mapping, begin in the"
                " same column"
            ),
            position,
        )
    if "could not find expected ':'" in problem or "simple key" in context:
        return "a key without a colon: `key: value`", opened
    if "cannot start any token" in problem:
        return f"a text can't begin with `{here}`: quote it", position
    return f"not valid YAML: {problem}{f' {context}' if context else ''}", position


class _Composer:
    """Builds the tree from events; `most` caps its parts, those that aliases multiply too."""

    def __init__(self, mark_at: Any, quoted: quoting.Quotes, most: int = MOST_NODES) -> None:
        self.mark_at, self.quoted, self.most = mark_at, quoted, most
        self.anchors: dict[str, Node] = {}
        self.nodes = 0

    def compose(self, events: Iterator[Any]) -> Node:
        roots: list[Node] = []
        for event in events:
            if isinstance(event, yaml.NodeEvent):
                if roots:
                    self._refuse("a second document; a spec is one", event)
                roots.append(self._node(event, events, 0))
        if not roots or (isinstance(roots[0], Scalar) and not roots[0].text):
            raise SpecError([Problem(EMPTY, self.mark_at(0, 0))])
        return roots[0]

    def _refuse(self, message: str, event: Any) -> None:
        raise SpecError([Problem(message, self._mark(event))])

    def _mark(self, event: Any) -> Mark:
        start, end = event.start_mark, event.end_mark
        is_scalar = isinstance(event, yaml.ScalarEvent)
        if is_scalar and start.line == end.line:
            return self.mark_at(start.line, start.column, end.column - start.column)  # type: ignore[no-any-return]
        mark: Mark = self.mark_at(start.line, start.column)
        if not is_scalar:
            return mark
        if event.style in ("|", ">"):  # the text begins on the next line
            mark = self.mark_at(start.line + 1, 0)
        more = tuple(self.mark_at(line, 0).source for line in range(mark.line, end.line + 1))
        return mark._replace(length=max(1, len(mark.source) + 1 - mark.column), more=more)

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        if depth > DEEPEST:
            self._refuse(f"nested deeper than {DEEPEST}", event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag:
            self._refuse(f"tags such as `{event.tag.replace('tag:yaml.org,2002:', '!!')}` are not read", event)
        if isinstance(event, yaml.ScalarEvent):
            self._count(1, event)
            start = event.start_mark
            ours = start is not None and start.column in self.quoted.get(start.line, ())
            mark = self._mark(event)
            if ours:
                mark = mark._replace(length=mark.length - 2)
            node: Node = Scalar(mark, event.value, ours or not event.style)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, events, depth)
        else:
            node = self._mapping(event, events, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _count(self, more: int, event: Any) -> None:
        self.nodes += more
        if self.nodes > self.most:
            self._refuse(f"more than {self.most:,} parts, aliases counted at what they stand for", event)

    def _alias(self, event: Any) -> Node:
        node = self.anchors.get(event.anchor)
        if node is None:
            raise SpecError([Problem(f"there is no anchor '&{event.anchor}' before this", self._mark(event))])
        self._count(1 if isinstance(node, Scalar) else node.nodes, event)
        return node

    def _sequence(self, event: Any, events: Iterator[Any], depth: int) -> Sequence:
        before, sequence = self.nodes, Sequence(self._mark(event))
        self._count(1, event)
        for inner in events:
            if isinstance(inner, yaml.SequenceEndEvent):
                break
            sequence.items.append(self._node(inner, events, depth + 1))
        sequence.nodes = self.nodes - before
        return sequence

    def _mapping(self, event: Any, events: Iterator[Any], depth: int) -> Mapping:
        before, mapping, seen = self.nodes, Mapping(self._mark(event)), set()
        self._count(1, event)
        for inner in events:
            if isinstance(inner, yaml.MappingEndEvent):
                break
            key = self._node(inner, events, depth + 1)
            if not isinstance(key, Scalar):
                raise SpecError([Problem("a key must be a word", key.mark)])
            if key.text == "<<" and key.plain:
                raise SpecError(
                    [Problem("merge keys (`<<`) are not read; use `defaults:`, `params:` or a block", key.mark)]
                )
            if key.text in seen:
                raise SpecError([Problem(f"duplicate key '{key.text}'", key.mark)])
            seen.add(key.text)
            mapping.pairs.append((key, self._node(next(events), events, depth + 1)))
        mapping.nodes = self.nodes - before
        return mapping
