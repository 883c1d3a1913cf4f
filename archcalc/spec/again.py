"""A text that is read again and again while somebody types: what stands on the other lines is neither composed nor read
nor looked up anew.

The tree of a text comes of the last one where all that differs is some lines in a row that are, before and after, whole
items of one list, or empty. What stands below is moved. Everything else is composed from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archcalc.errors import Mark
from archcalc.patterns import pattern
from archcalc.spec import text as tree
from archcalc.spec.composing import compose, compose_item
from archcalc.spec.items import Choice, Item, Repeat, walk
from archcalc.spec.layers import Resolver
from archcalc.spec.text import Mapping, Node, Scalar
from archcalc.spec.words import Word
from archcalc.tuples import NamedTuple

_DASH = pattern(r"( *)-(?: |$)")
_ANCHOR = pattern(r"(?:^|[\s,\[{])&\S")  # one node at several places
_FOLDED = pattern(r"[|>][-+\d]*\s*(?:#.*)?$")  # a text that goes on below


class Place(NamedTuple):
    """Where a list changes: the line of the first item that is gone, or of what is new; the column of its dashes; how
    many items are gone.
    """

    line: int
    column: int
    gone: int


class Again:
    """What the last reading leaves for the next: the lines and their tree, the items that its nodes were read as, and
    what its lines mean. They belong to nobody else: a tree that was given out is no longer right after the next one.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin from the beginning."""
        self.lines: list[str] = []
        self.root: Node | None = None
        self.items: dict[int, tuple[Node, Item]] | None = None  # by the identity of their nodes, which live on
        self.resolver: Resolver | None = None
        self.graphs: dict[object, object] = {}  # of the last spec, by what was asked of it

    def compose(self, text: str, file: str) -> Node:
        """The tree of a text, as `composing.compose` has it. Raises SpecError; then the one before is kept."""
        lines = text.splitlines()
        if len(lines) != len(text.removesuffix("\n").split("\n")) or any(map(_ANCHOR.search, lines)):
            self.forget()  # lines that end in other ways, or a node at several places
            return compose(text, file)
        root = self._patched(lines, file)
        if root is None:
            root = compose(text, file)
            self.forget()
            self.items = {}
        self.lines, self.root = lines, root
        return root

    def _patched(self, lines: list[str], file: str) -> Node | None:
        """The last tree with what differs in its place; None where that isn't some items of one list."""
        if self.root is None:
            return None
        first, end, old_end = _differing(self.lines, lines)
        new, old = lines[first:end], self.lines[first:old_end]
        if not new and not old:
            return self.root
        begins = _begins(old)
        around = [] if begins is not None and all(map(str.strip, (*new, *old))) else [_last_of(lines[:first])]
        indent = _indent([*new, *old, *around])
        below = next((line for line in lines[end:] if line.strip()), "")
        if indent is None or len(below) - len(below.lstrip()) > indent:
            return None
        made = [compose_item(line, file, first + n) for n, line in enumerate(new) if line.strip()]
        items = [item for item in made if item is not None]
        place = Place(first + 1 + (begins or 0), indent + 1, sum(map(bool, map(str.strip, old))))
        if len(items) < len(made) or _spliced(self.root, place, items) is None:
            return None
        if end != old_end:
            self._move(self.root, old_end, end - old_end)
        return _spliced(self.root, place, items)

    def _move(self, root: Node, after: int, by: int) -> None:
        """Move everything that stands below a line; what was read of lines that are gone is forgotten."""
        known, self.items = self.items or {}, {}
        for node in _nodes(root):
            if node.mark.line > after:
                node.mark = _moved(node.mark, by)
            if id(node) in known:
                self.items[id(node)] = known[id(node)]
        parts: dict[int, Item] = {}
        for _, item in self.items.values():  # what holds others comes before them
            if id(item) not in parts:
                parts.update((id(part), part) for part in walk(item))
        for part in (part for part in parts.values() if part.mark.line > after):
            for held in (part, *_words(part)):
                object.__setattr__(held, "mark", _moved(held.mark, by))


def _differing(old: Sequence[str], new: Sequence[str]) -> tuple[int, int, int]:
    """Where two texts begin to differ, and where in the new one and in the old one they are the same again."""
    most = min(len(old), len(new))
    first = next((n for n in range(most) if old[n] != new[n]), most)
    same = next((n for n in range(most - first) if old[-1 - n] != new[-1 - n]), most - first)
    return first, len(new) - same, len(old) - same


def _last_of(lines: Sequence[str]) -> str:
    """The last that isn't empty."""
    return next((line for line in reversed(lines) if line.strip()), "")


def _begins(lines: Sequence[str]) -> int | None:
    """The first that isn't empty, by its number."""
    return next((n for n, line in enumerate(lines) if line.strip()), None)


def _indent(lines: Sequence[str]) -> int | None:
    """How far all lines are indented that are no empty ones; None where they aren't items of one list."""
    found = [_DASH.match(line) for line in lines if line.strip()]
    widths = {len(dash[1]) if dash else None for dash in found}
    is_plain = not any("\t" in line or _FOLDED.search(line) for line in lines)
    return widths.pop() if len(widths) == 1 and is_plain else None


def _spliced(node: Node, place: Place, items: list[Node]) -> Node | None:
    """The tree with `items` in place of those that are gone from a list. None where there is no such list, or it begins
    there. The nodes around it are new ones.
    """
    if isinstance(node, tree.Sequence):
        at = sum(inner.mark.line < place.line for inner in node.items)
        here = node.items[at : at + place.gone]
        if node.mark.column == place.column and at and len(here) == place.gone:
            is_there = not here or here[0].mark.line == place.line
            return _listed(node.mark, [*node.items[:at], *items, *node.items[at + place.gone :]]) if is_there else None
        found = _spliced(node.items[at - 1], place, items) if at else None
        return found and _listed(node.mark, [*node.items[: at - 1], found, *node.items[at:]])
    if isinstance(node, Mapping):
        at = sum(key.mark.line < place.line for key, _ in node.pairs)
        if not at:
            return None
        key, value = node.pairs[at - 1]
        found = _spliced(value, place, items)
        more = 0 if found is None else _parts([found]) - _parts([value])
        return found and Mapping(node.mark, [*node.pairs[: at - 1], (key, found), *node.pairs[at:]], node.nodes + more)
    return None


def _listed(mark: Mark, items: list[Node]) -> tree.Sequence:
    return tree.Sequence(mark, items, 1 + _parts(items))


def _parts(nodes: list[Node]) -> int:
    """How many nodes there are in these, as composing counts them."""
    return sum(1 if isinstance(node, Scalar) else node.nodes for node in nodes)


def _nodes(node: Node) -> Iterator[Node]:
    """A node and everything inside it."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, tree.Sequence):
            waiting += node.items
        elif isinstance(node, Mapping):
            waiting += [inner for pair in node.pairs for inner in pair]


def _words(part: Item) -> Iterator[Word]:
    """The words of an item, but for those of the items inside it; those of a line stand where it stands."""
    if isinstance(part, Repeat):
        yield part.count
    elif isinstance(part, Choice):
        yield part.condition


def _moved(mark: Mark, by: int) -> Mark:
    return Mark(mark.file, mark.line + by, mark.column, mark.length, mark.source, mark.more)


__all__ = ["Again"]
