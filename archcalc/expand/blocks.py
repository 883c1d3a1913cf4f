"""Stretches of items that stand in several places and differ in values only become blocks with arguments.

What is read by name, or lends its weights, inside of one item only has its name there, in the block as well
(`locality`).

The stretch that saves most lines goes first; what is left, calls and the bodies of blocks included, is searched again.
Items are told apart by a number for each kind, so that a search takes a time in the number of items.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from archcalc.expand.folding import nodes_of
from archcalc.expand.items import Called, Item, Items, Join, Line, Ref, Repeat, inside, lines
from archcalc.expand.lending import Lending, Place, borrowed, lender_of, lent
from archcalc.expand.locality import Locality
from archcalc.expand.naming import argument_names, block_name
from archcalc.expand.relating import related
from archcalc.expand.words import MARK, Value, words_of
from archcalc.tuples import NamedTuple

LONGEST = 40  # items of a stretch
FEWEST_LINES = 3
MOST_ARGUMENTS = 8
MOST_BLOCKS = 40
FEWEST_ROUNDS, MOST_ITEMS = 6, 100_000  # a large network is searched less often


class Block(NamedTuple):
    """A block that was found: the names of its arguments, and its items."""

    arguments: tuple[str, ...]
    body: Items


class Finder:
    """Finds blocks in items. What is in `ends` is read by name, and may only be the last of a block, unless all that
    reads it is in the same item; `outside` of these are read from elsewhere, too. What is in `barred` stands in none.
    `scopes` are the labels that layers have by their positions.
    """

    def __init__(
        self,
        items: Items,
        ends: Collection[int],
        outside: Collection[int],
        barred: set[int],
        taken: Collection[str],
        scopes: list[str],
    ) -> None:
        self.items, self.ends, self.barred, self.taken, self.scopes = items, set(ends), barred, set(taken), scopes
        self.outside = outside
        self.labels: dict[int, str] = {}  # of what is read by name in a block
        self.blocks: dict[str, Block] = {}
        self.kinds: dict[object, int] = {}
        self.known: dict[int, int] = {}  # kinds of items by their ids, in one search
        self.local = Locality([], (), ())

    def lend(self, owners: Mapping[int, int], read: Collection[int], is_plain: Callable[[Line], bool]) -> None:
        """Stretches that use the weights of another one become calls that share them (`lending`)."""
        while self._lend(Lending([*self._lists(self.items)], owners, read, is_plain)):
            pass

    def _lend(self, lending: Lending) -> bool:
        """Make the first block of those that save lines; False if there is none."""
        for length, places, lenders in lending.stretches():
            saved = (len(places) - 1) * (length - 1) - 2
            written, given = related(self._texts(places, length))
            if saved > 0 and len(given) <= min(MOST_ARGUMENTS, max(2, length), saved):
                self._make(places, length, written, given)
                self.barred.difference_update(lenders)
                self.barred.update(place.node for place in places if place.node >= 0)
                return True
        return False

    def run(self) -> dict[str, Block]:
        """The blocks by name, what calls them being put in the place of what they are made of."""
        rounds = min(MOST_BLOCKS, max(FEWEST_ROUNDS, MOST_ITEMS // (lines(self.items) + 1)))
        while len(self.blocks) < rounds and self._step():
            pass
        return self.blocks

    def _step(self) -> bool:
        """Make the block that saves most; False if there is none."""
        self.known = {}
        lists = [self.items, *(block.body for block in self.blocks.values())]
        self.local = Locality(lists, self.ends | self.barred, self.outside)
        for saved, _, length, places in self._candidates():
            written, given = related(self._texts(places, length))
            body = self._stretch(places[0], length)
            if len(given) > min(MOST_ARGUMENTS, max(2, lines(body)), saved):
                continue
            self._make(places, length, written, given)
            return True
        return False

    def _candidates(self) -> list[tuple[int, int, int, list[Place]]]:
        """Stretches that stand in several places, those that save most first: lines saved, order, length, places."""
        lists = list(self._lists(self.items))
        for block in self.blocks.values():
            lists += self._lists(block.body)
        kinds = [[self._kind(item) for item in items] for items in lists]
        size = [[lines([item]) for item in items] for items in lists]
        open_ = [[self._is_open(item) for item in items] for items in lists]
        found: list[tuple[int, int, int, list[Place]]] = []
        windows = {(k, n): kind for k, row in enumerate(kinds) for n, kind in enumerate(row)}
        for length in range(1, LONGEST + 1):
            groups: dict[int, list[tuple[int, int]]] = {}
            for place, window in windows.items():
                groups.setdefault(window, []).append(place)
            groups = {window: places for window, places in groups.items() if len(places) > 1}
            for places in groups.values():
                chosen = _apart(places, length)
                k, n = chosen[0]
                body = sum(size[k][n : n + length])
                saved = (len(chosen) - 1) * body - 1 - len(chosen)
                if len(chosen) > 1 and body >= FEWEST_LINES and saved > 0:
                    found.append((saved, len(found), length, [Place(lists[k], n) for k, n in chosen]))
            numbers: dict[tuple[int, int], int] = {}
            windows = {
                (k, n): numbers.setdefault((window, kinds[k][n + length]), len(numbers))
                for window, places in groups.items()
                for k, n in places
                if n + length < len(kinds[k]) and open_[k][n + length - 1]
            }
        return sorted(found, key=lambda one: (-one[0], one[1]))

    def _lists(self, items: Items) -> Iterator[Items]:
        yield items
        for item in items:
            if isinstance(item, Join):
                for branch in item.branches:
                    yield from self._lists(branch)
            elif isinstance(item, Repeat):
                yield from self._lists(item.items)

    def _is_open(self, item: Item) -> bool:
        """Whether a stretch may go on after an item."""
        return isinstance(item, (Ref, Repeat)) or item.node not in self.ends

    def _kind(self, item: Item) -> int:
        """A number for items that are equal but for values."""
        if id(item) not in self.known:
            self.known[id(item)] = self._number(item, item)
        return self.known[id(item)]

    def _number(self, item: Item, whole: Item) -> int:
        """The number of an item inside of another one, or of that itself."""
        return self.kinds.setdefault(self._key(item, whole), len(self.kinds))

    def _key(self, item: Item, whole: Item) -> object:
        if isinstance(item, Ref):
            is_local = self.local.within(item.node, whole)
            return ("back", self.local.back(item, item.node)) if is_local else ("ref", item.node)
        if isinstance(item, Repeat):
            return ("repeat", *(self._number(one, whole) for one in item.items))
        named = item.node in self.barred or (item is not whole and item.node in self.ends)
        if named and not self.local.within(item.node, whole):
            return ("barred", id(item))
        text, lender = item.text, lender_of(item.text)
        if lender is not None and self.local.within(lender, whole):
            text = lent(text, -self.local.back(item, lender))
        common = words_of(text).common
        if isinstance(item, Join):
            return (common, named, *(tuple(self._number(one, whole) for one in branch) for branch in item.branches))
        return (common, named, isinstance(item, Called))

    def _values(self, items: Items) -> Iterator[Value]:
        """The values of items, in order."""
        for item in inside(items):
            if isinstance(item, Repeat):
                yield Value("times", str(item.count))
            elif not isinstance(item, Ref):
                yield from words_of(item.text).values

    def _texts(self, places: list[Place], length: int) -> list[list[str]]:
        """The values of each stretch."""
        return [[value.text for value in self._values(self._stretch(place, length))] for place in places]

    def _stretch(self, place: Place, length: int) -> Items:
        return place.items[place.start : place.start + length]

    def _make(self, places: list[Place], length: int, written: list[str], given: list[list[str]]) -> None:
        stretches = [self._stretch(place, length) for place in places]
        scopes = [
            _scope([self.scopes[n] for item in stretch for n in nodes_of(item) if n >= 0]) for stretch in stretches
        ]
        name = block_name(stretches[0], scopes, self.taken)
        self.taken.add(name)
        arguments = argument_names(stretches[0], written, len(given), self.taken)
        texts = iter([_with_names(text, arguments) for text in written])
        body = self._body(stretches[0], texts)
        calls = [
            Called(
                borrowed(" ".join([name, *(row[k] for row in given)]), place.lender),
                tuple(n for item in stretch for n in nodes_of(item)),
                place.node if place.node >= 0 else self._end(stretch[-1]),
            )
            for k, (place, stretch) in enumerate(zip(places, stretches, strict=True))
        ]
        for place, call in sorted(zip(places, calls, strict=True), key=lambda one: -one[0].start):
            place.items[place.start : place.start + length] = [call]
        self.blocks[name] = Block(tuple(arguments), body)

    def _end(self, item: Item) -> int:
        return -1 if isinstance(item, (Ref, Repeat)) or item.node not in self.ends else item.node

    def _body(self, stretch: Items, texts: Iterator[str]) -> Items:
        """The items of a block's body. What is read by name inside of them gets a number below 0 and a label."""
        inner = {
            node
            for whole in stretch
            for item in inside([whole])
            if (node := _spoken_of(item)) is not None and self.local.within(node, whole)
        }
        renamed: dict[int, int] = {}
        for item in inside(stretch):
            if isinstance(item, (Line, Join, Called)) and item.node in inner:
                word = item.text.split(" ")[0]
                renamed[item.node] = -2 - len(self.labels)
                self.labels[renamed[item.node]] = f"{word}_{len(renamed)}"
        self.ends |= {*renamed.values()}
        return [self._copy(item, texts, renamed) for item in stretch]

    def _copy(self, item: Item, texts: Iterator[str], renamed: dict[int, int]) -> Item:
        """An item of a block's body: with other values, and standing for no layer itself."""
        if isinstance(item, Ref):
            return Ref(renamed.get(item.node, item.node))
        if isinstance(item, Repeat):
            count = next(texts)
            return Repeat(count, [self._copy(inner, texts, renamed) for inner in item.items])
        text, node = words_of(item.text).written(texts), renamed.get(item.node, -1)
        if (lender := lender_of(text)) in renamed:
            text = lent(text, renamed[lender])
        if isinstance(item, Join):
            return Join(text, node, [[self._copy(one, texts, renamed) for one in branch] for branch in item.branches])
        return Line(text, node) if isinstance(item, Line) else Called(text, node=node)


def _spoken_of(item: Item) -> int | None:
    """What an item reads by name, or whose weights it uses."""
    return item.node if isinstance(item, Ref) else None if isinstance(item, Repeat) else lender_of(item.text)


def _apart(places: list[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """Those that don't overlap."""
    found: list[tuple[int, int]] = []
    for k, n in sorted(places):
        if not found or found[-1][0] != k or found[-1][1] + length <= n:
            found.append((k, n))
    return found


def _scope(names: list[str]) -> list[str]:
    """The labels that all layers stand under."""
    parts = [name.split("/")[:-1] for name in names]
    shared = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return shared


def _with_names(text: str, arguments: list[str]) -> str:
    """A value in arguments: `$0` stands for the first; a mark tells them from words."""
    for n in reversed(range(len(arguments))):
        text = text.replace(f"${n}", f"{MARK}{arguments[n]}")
    return text


__all__ = ["Block", "Finder"]
