"""The grammar of layers: what stands in `layers:` and in blocks.

An item is a line of words (`conv 64 7x7 stride=2`), `label: item`, a chain `[item, item]`, branches under the operator
that joins them (`add: [...]`), or a repeat (`3 x conv 64 3x3`, `{3 x: [...]}`). Reading an item never needs parameters;
a word's expression is compiled when a layer is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from archcalc.errors import ExpressionError, Mark, Mistakes, Problem
from archcalc.ops import JOINS, OPS
from archcalc.patterns import pattern
from archcalc.records import Record
from archcalc.spec.expressions import Expression
from archcalc.spec.text import Mapping, Node, Scalar, Sequence
from archcalc.spec.words import Line, Sentence, Word, inside, parts_of, words_of


class Labelled(Record, eq=False):
    mark: Mark
    label: str
    item: Item


class Chain(Record, eq=False):
    mark: Mark
    items: tuple[Item, ...]

    @cached_property
    def labels(self) -> frozenset[str]:
        """Those of its items, which are asked for as often as a block is called."""
        return frozenset(labels(self))


class Branches(Record, eq=False):
    """Branches that all read the same value, and the operator that joins them."""

    mark: Mark
    line: Line
    items: tuple[Item, ...]


class Repeat(Record, eq=False):
    mark: Mark
    count: Word
    item: Item


class Parallel(Repeat, eq=False):
    """Branches that are alike, so many beside each other: `concat: [8 parallel conv 4 3x3]`."""


class Choice(Record, eq=False):
    """One of two items, as a condition says: `{if: C, then: item, else: item}`."""

    mark: Mark
    condition: Word
    then: Item
    otherwise: Item


Item = Line | Labelled | Chain | Branches | Repeat | Choice

PARALLEL, USE = "parallel", "use"
IF, THEN, ELSE = "if", "then", "else"
_LABELLED = pattern(r"([A-Za-z0-9_][\w.+/-]*):\s+\S")  # a label and more, all in one key
LABEL = pattern(r"[A-Za-z0-9_][\w.+/-]*$")
LABEL_IS = "a label begins with a-z, a digit or _, and goes on with letters, digits and _ - . + /"


def walk(item: Item) -> Iterator[Item]:
    """The item and everything inside it, in the order of the text."""
    waiting = [item]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, Chain):
            waiting += part.items[::-1]
        elif isinstance(part, Branches):
            waiting += (*part.items[::-1], part.line)
        elif isinstance(part, Choice):
            waiting += (part.otherwise, part.then)
        elif isinstance(part, (Labelled, Repeat)):
            waiting.append(part.item)


def labels(item: Item) -> list[str]:
    """The labels that an item puts into the scope it stands in."""
    if isinstance(item, Labelled):
        return [item.label]
    if isinstance(item, (Chain, Branches)):
        return [label for inner in item.items for label in labels(inner)]
    if isinstance(item, Choice):
        return [*labels(item.then), *labels(item.otherwise)]
    return labels(item.item) if isinstance(item, Repeat) else []


class Reader:
    """Reads items and collects the mistakes; an item that can't be read is left out."""

    def __init__(self, known: dict[int, tuple[Node, Item]] | None = None) -> None:
        self.problems: list[Problem] = Mistakes()
        self.said: dict[str, Sentence] = {}  # by the text of lines
        self.known = known  # what nodes were read as before, by their identity, if anybody reads them again

    def chain(self, node: Node | None, what: str) -> Chain:
        """The items of a list; a single item stands for a list of one."""
        if node is None:
            return Chain(Mark("", 0, 0), ())
        item = self.item(node)
        if isinstance(item, Chain):
            return item
        if item is None and not self.problems:
            self.problems.append(Problem(f"{what} must be a list of layers", node.mark))
        return Chain(node.mark, (item,) if item else ())

    def item(self, node: Node) -> Item | None:
        """The item that a node of YAML says, None after noting a mistake."""
        if self.known is None or isinstance(node, Sequence):
            return self._item(node)
        if id(node) in self.known:
            return self.known[id(node)][1]
        before = len(self.problems)
        item = self._item(node)
        if item is not None and len(self.problems) == before:
            self.known[id(node)] = node, item
        return item

    def _item(self, node: Node) -> Item | None:
        if isinstance(node, Scalar):
            return self._sentence(node.text, inside(node))
        if isinstance(node, Sequence):
            inner = _rejoined(node)
            return Chain(node.mark, tuple(item for part in inner if (item := self.item(part)) is not None))
        return self._mapping(node)

    def _mapping(self, node: Mapping) -> Item | None:
        if not node.pairs:
            return self._wrong("an empty layer", node.mark)
        key, value = node.pairs[0]
        if key.text in JOINS and isinstance(value, Sequence):
            return self._branches(node)
        tokens = list(words_of(key.text, inside(key)))
        if not tokens:
            return self._wrong("a label is missing before the colon", key.mark)
        if len(tokens) == 2 and tokens[1].text == "x":
            self._alone(node, key)
            return self._repeat(tokens[0], self.item(value), node.mark)
        if key.text == IF and any(other.text in (THEN, ELSE) for other, _ in node.pairs):
            return self._choice(node)
        label = _LABELLED.match(key.text) if len(tokens) > 1 else None
        if label and (tokens[1].text in JOINS or (tokens[2:3] and tokens[2].text == "x")):
            return self._labelled(label[1], key, node)
        if tokens[0].text in JOINS and not _labels(tokens, value):
            return self._branches(node)
        if len(tokens) > 1:
            return self._wrong(f"'{key.text}' is neither a label nor one of {', '.join(sorted(JOINS))}", key.mark)
        if not LABEL.match(key.text):
            return self._wrong(f"{LABEL_IS}; got '{key.text}'", key.mark)
        self._alone(node, key)
        item = self.item(value)
        return Labelled(key.mark, key.text, item) if item else None

    def _labelled(self, label: str, key: Scalar, node: Mapping) -> Item | None:
        """`label: add: [...]` on one line: the label, and the join or repeat that the rest of the key begins."""
        mark, start = inside(key), len(key.text) - len(key.text[len(label) + 1 :].lstrip())
        rest = Scalar(mark.part(start, len(key.text) - start), key.text[start:])
        item = self._mapping(Mapping(rest.mark, [(rest, node.pairs[0][1]), *node.pairs[1:]]))
        return Labelled(mark.part(0, len(label)), label, item) if item else None

    def _choice(self, node: Mapping) -> Item | None:
        """`if: C`, `then: item` and, if one likes, `else: item`."""
        nodes = {key.text: value for key, value in node.pairs}
        for key, _ in node.pairs:
            if key.text not in (IF, THEN, ELSE):
                return self._wrong(f"{IF} takes {THEN} and {ELSE}; '{key.text}' needs a `-` of its own", key.mark)
        condition = nodes[IF]
        if not isinstance(condition, Scalar) or not condition.text:
            return self._wrong(f"{IF} needs a comparison, such as `{IF}: cin > 64`", node.mark)
        if THEN not in nodes:
            return self._wrong(f"{IF} needs a `{THEN}:`, and may have an `{ELSE}:`", node.mark)
        then = self.item(nodes[THEN])
        otherwise = self.item(nodes[ELSE]) if ELSE in nodes else Chain(node.mark, ())
        word = Word(condition.text, inside(condition))
        return Choice(node.pairs[0][0].mark, word, then, otherwise) if then and otherwise else None

    def _alone(self, node: Mapping, key: Scalar) -> None:
        if len(node.pairs) > 1:
            second = node.pairs[1][0]
            self._wrong(f"one layer an item: '{second.text}' needs a `-` of its own after '{key.text}'", second.mark)

    def _branches(self, node: Mapping) -> Item | None:
        """`add: [...]`, with options in the key (`add survive=0.8:`) or beside it (`{add: [...], survive: 0.8}`)."""
        (key, value), *beside = node.pairs
        line = None if beside else self._known(key.text, key.mark)
        if line is None:
            line = self._line(list(words_of(key.text, inside(key))), key.mark)
        if line is None:
            return None
        if not beside:
            self._know(key.text, line)
        for option, given in beside:
            if isinstance(given, Scalar):
                line.said.options[option.text] = Word(given.text, given.mark)
                line.said.keys[option.text] = option.mark
            else:
                self._wrong(f"'{option.text}' must be a word or a number", option.mark)
        if not isinstance(value, Sequence):
            return self._wrong(_no_branches(line.begins, value), value.mark)
        branches = tuple(self._branch(inner) for inner in _rejoined(value))
        return (
            Branches(key.mark, line, tuple(branch for branch in branches if branch is not None))
            if None not in branches
            else None
        )

    def _branch(self, node: Node) -> Item | None:
        """A branch, or several that are alike: `8 parallel conv 4 3x3`, `8 parallel: [...]`."""
        key = (
            node if isinstance(node, Scalar) else node.pairs[0][0] if isinstance(node, Mapping) and node.pairs else None
        )
        tokens = list(words_of(key.text, inside(key))) if key is not None and PARALLEL in key.text else []
        if len(tokens) < 2 or tokens[1].text != PARALLEL:
            return self.item(node)
        if isinstance(node, Mapping) and len(tokens) == 2:
            self._alone(node, node.pairs[0][0])
            item = self.item(node.pairs[0][1])
        else:
            item = self._rest(tokens[2:]) if len(tokens) > 2 else None
            if item is None:
                return self._wrong(
                    f"what is there {tokens[0].text} times? write `{tokens[0].text} {PARALLEL} layer`", node.mark
                )
        return Parallel(node.mark, tokens[0], item) if item else None

    def _sentence(self, text: str, mark: Mark) -> Item | None:
        known = self._known(text, mark)
        if known is not None:
            return known
        tokens = list(words_of(text, mark))
        if not tokens:
            return self._wrong("an empty layer", mark)
        if len(tokens) > 1 and tokens[1].text == "x" and tokens[0].text != "ref":
            if len(tokens) == 2:
                return self._wrong(
                    f"what is repeated {tokens[0].text} times? write `{text} layer`, or `{text}:` and a list", mark
                )
            return self._repeat(tokens[0], self._rest(tokens[2:]), mark)
        line = self._line(tokens, mark)
        if line is not None:
            self._know(text, line)
        return line

    def _known(self, text: str, mark: Mark) -> Line | None:
        """A line whose text was read before."""
        said = self.said.get(text)
        return Line(mark, said) if said is not None and mark.holds(text) else None

    def _know(self, text: str, line: Line) -> None:
        if line.mark.holds(text):
            self.said.setdefault(text, line.said)

    def _rest(self, tokens: list[Word]) -> Item | None:
        """What stands after `3 x` or `8 parallel` on one line: a layer, or a chain in brackets."""
        first, last = tokens[0], tokens[-1]
        if not first.text.startswith("["):
            return self._line(
                tokens, first.mark._replace(length=last.mark.column + last.mark.length - first.mark.column)
            )
        if len(tokens) > 1 or not first.text.endswith("]"):
            return self._wrong("a chain on one line ends with its bracket: `3 x [conv 8 3x3, relu]`", last.mark)
        parts = list(parts_of(first))
        if not parts:
            return self._wrong("an empty chain", first.mark)
        items = [
            self._rest([part]) if part.text.startswith("[") else self._sentence(part.text, part.mark) for part in parts
        ]
        return Chain(first.mark, tuple(item for item in items if item)) if None not in items else None

    def _repeat(self, count: Word, item: Item | None, mark: Mark) -> Item | None:
        return Repeat(mark, count, item) if item else None

    def _line(self, tokens: list[Word], mark: Mark) -> Line | None:
        said = Sentence(mark, tokens[0], tuple(t for t in tokens[1:] if not _KEY.match(t.text)))
        for token in tokens[1:]:
            match = _KEY.match(token.text)
            if not match:
                continue
            name = match.group(1)
            if name in said.options:
                return self._wrong(f"option '{name}' is given twice", token.mark)
            said.options[name] = Word(
                token.text[match.end() :], token.mark.part(match.end(), len(token.text) - match.end())
            )
            said.keys[name] = token.mark.part(0, len(name))
            if match.end() == len(token.text):
                return self._wrong(f"'{name}=' needs a value, without a space", token.mark)
        for word in (*said.words, *said.options.values()):
            if word.text.endswith(",") and len(word.text) > 1:
                return self._wrong(f"words are set apart by spaces: `{word.text[:-1]}`, without a comma", word.mark)
        for word in (said.head, *said.words, *said.options.values()):
            if word.text.count("(") != word.text.count(")") or word.text.count("[") != word.text.count("]"):
                return self._wrong(
                    "unbalanced brackets; a comma inside [a, b] ends the item: quote it or put one layer a line",
                    word.mark,
                )
        return Line(mark, said)

    def expression(self, word: Word) -> Expression | None:
        """The word's expression, or None after noting what is wrong with it."""
        try:
            return word.expression
        except ExpressionError as error:
            self.problems.append(Problem(str(error), word.mark.part(error.start, error.length or word.mark.length)))
            return None

    def _wrong(self, message: str, mark: Mark) -> Line | None:
        """Note a mistake; the item that it is in is then left out (None)."""
        self.problems.append(Problem(message, mark))
        return None


def _rejoined(node: Sequence) -> list[Node]:
    """The items of a list on one line, whole again where YAML has cut one at a comma inside of brackets: `[linear
    max(n,4), relu]`, `[low: conv 8 3x3 pad=(0,1), relu]`.
    """
    if node.mark.holds("-"):  # each begins with a dash of its own
        return node.items
    found: list[Node] = []
    for item in node.items:
        last = _last(found[-1]) if found else None
        cut = last is not None and isinstance(item, Scalar) and last.plain and item.plain and _is_open(last.text)
        if cut and last is not None and isinstance(item, Scalar) and last.mark.line == item.mark.line:
            length = item.mark.column + len(item.text) - last.mark.column
            whole = Scalar(last.mark._replace(length=length), f"{last.text},{item.text}")
            found[-1] = _with_last(found[-1], whole)
        else:
            found.append(item)
    return found


def _last(node: Node) -> Scalar | None:
    """The text that an item of a list ends with: itself, or what stands after its label."""
    if isinstance(node, Mapping) and len(node.pairs) == 1:
        return _last(node.pairs[0][1])
    return node if isinstance(node, Scalar) else None


def _with_last(node: Node, last: Scalar) -> Node:
    if isinstance(node, Mapping):
        ((key, value),) = node.pairs
        return Mapping(node.mark, [(key, _with_last(value, last))], node.nodes)
    return last


def _is_open(text: str) -> bool:
    """Whether a bracket that was opened isn't closed."""
    return text.count("(") + text.count("[") > text.count(")") + text.count("]")


def _labels(tokens: list[Word], value: Node) -> bool:
    """Whether a joining operator's name is a label here: of the join itself (`add: {add: [a, b]}`, as `expand` names
    it), or before anything but a list where the operator can stand alone (`attention: attention 8`).
    """
    word = tokens[0].text
    if len(tokens) > 1 or isinstance(value, Sequence):
        return False
    return OPS[word].arity[0] == 1 or (isinstance(value, Mapping) and _begins(value) == word)


def _begins(node: Mapping) -> str:
    """The first word of a mapping's first key."""
    return next(iter(node.pairs[0][0].text.split()), "") if node.pairs else ""


def _no_branches(join: str, value: Node) -> str:
    """What is wrong with a join over something else than a list."""
    written = f"{{{value.pairs[0][0].text}: ...}}" if isinstance(value, Mapping) and value.pairs else ""
    text = value.text if isinstance(value, Scalar) else written.strip("{")
    if re.match(r"\S+ x[ :]", text):
        return (
            f"{join} takes a list of branches, and a repeat is a chain: one branch, as in"
            f" `{join}: [identity, {written or text}]`"
        )
    return f"{join} takes a list of branches; to label a layer, use another word than '{join}'"


_KEY = pattern(r"([A-Za-z_]\w*)=(?!=)")
