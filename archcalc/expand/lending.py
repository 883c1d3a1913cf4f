"""Stretches whose layers use the weights of another one's: exporters merge equal tensors, and a norm that they spell in
several layers is one block, whose calls share what the first has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from archcalc.expand.items import Item, Items, Line
from archcalc.expand.words import words_of
from archcalc.patterns import pattern
from archcalc.tuples import NamedTuple

LENDER = "\0"  # on both sides of the layer whose weights a line uses, until it is written
_SHARING = pattern(f" share={LENDER}\\d+{LENDER}")


class Place(NamedTuple):
    """A stretch of a list; `lender` is the last layer of the stretch whose weights it uses, `node` its own last one if
    others use its weights.
    """

    items: Items
    start: int
    lender: int = -1
    node: int = -1


class Stretches(NamedTuple):
    """Stretches of one kind and length: those that have their weights come first. `lenders` are all layers in them
    whose weights others use.
    """

    length: int
    places: list[Place]
    lenders: tuple[int, ...]


class Family(NamedTuple):
    """Where layers stand that lend their weights together, and those that use them: the list and the item of each,
    the lenders first. `before` layers without weights stand before every one of them.
    """

    places: list[tuple[int, int]]
    length: int
    before: int
    lenders: tuple[int, ...]


class Lending:
    """Finds such stretches. `owners` are the layers whose weights others use, by those; what is in `read` is read by
    name and may only be the last of a stretch; `is_plain` says of a line that it has no weights.
    """

    def __init__(
        self, lists: list[Items], owners: Mapping[int, int], read: Collection[int], is_plain: Callable[[Line], bool]
    ) -> None:
        self.lists, self.owners, self.read, self.is_plain = lists, owners, read, is_plain
        self.at = {
            item.node: (k, n) for k, items in enumerate(lists) for n, item in enumerate(items) if isinstance(item, Line)
        }
        self.users: dict[int, list[int]] = {}
        for node, owner in owners.items():
            self.users.setdefault(owner, []).append(node)

    def stretches(self) -> list[Stretches]:
        """Those that take several layers, which no line alone can say."""
        kinds: dict[tuple[object, ...], list[Family]] = {}
        taken: set[int] = set()
        for lender, users in self.users.items():
            nodes = (lender, *users)
            if lender in taken or not all(node in self.at for node in nodes):
                continue
            if len({self._kinds(self.at[node], 0, 1) for node in nodes}) == 1:
                family = self._family(lender)
                taken |= {*family.lenders}
                kinds.setdefault(self._kinds(family.places[0], 0, family.length), []).append(family)
        found = map(self._together, kinds.values())
        return [one for one in found if one.length > 1]

    def _family(self, lender: int) -> Family:
        places = [self.at[node] for node in (lender, *self.users[lender])]
        lenders, length, before, offset = [lender], 1, 0, 1
        while not self._is_read(places, offset - 1) and (met := self._met(places, offset)) is not None:
            offset += 1
            if met in self.users:
                lenders.append(met)
                length = offset
        while (met := self._met(places, -before - 1)) is not None and met not in self.users:
            before += 1
        return Family(places, length, before, tuple(lenders))

    def _line(self, place: tuple[int, int], offset: int) -> Line | None:
        items, n = self.lists[place[0]], place[1] + offset
        item: Item | None = items[n] if 0 <= n < len(items) else None
        return item if isinstance(item, Line) else None

    def _is_read(self, places: list[tuple[int, int]], offset: int) -> bool:
        return any(line is not None and line.node in self.read for line in (self._line(p, offset) for p in places))

    def _met(self, places: list[tuple[int, int]], offset: int) -> int | None:
        """What stands at an offset from all the places: the layer at the first of them if it is of one kind everywhere,
        and has no weights or lends its weights to all the others and no other.
        """
        lines = [line for place in places if (line := self._line(place, offset)) is not None]
        if len(lines) < len(places) or len({_common(line) for line in lines}) > 1:
            return None
        first, *others = [line.node for line in lines]
        if self.users.get(first) == others and others:
            return first
        is_open = all(self._is_free(line) and self.is_plain(line) for line in lines)
        return first if is_open and not self._is_read(places, offset) else None

    def _is_free(self, line: Line) -> bool:
        """Whether a line neither lends nor borrows."""
        return line.node not in self.owners and line.node not in self.users

    def _kinds(self, place: tuple[int, int], start: int, stop: int) -> tuple[object, ...]:
        return tuple(None if (line := self._line(place, n)) is None else _common(line) for n in range(start, stop))

    def _together(self, families: list[Family]) -> Stretches:
        """Families of one kind as one stretch, with what is like it and has weights of its own."""
        length = families[0].length
        ahead = [self._kinds(family.places[0], -family.before, 0)[::-1] for family in families]
        before = next(
            (n for n, kinds in enumerate(zip(*ahead, strict=False)) if len({*kinds}) > 1), min(map(len, ahead))
        )
        found: list[Place] = []
        for family in families:
            last = family.lenders[-1]
            for n, (k, at) in enumerate(family.places):
                place = Place(self.lists[k], at - before)
                found.append(place._replace(lender=last) if n else place._replace(node=last))
        kinds = self._kinds(families[0].places[0], -before, length)
        found += self._alike(kinds)
        found.sort(key=lambda place: place.lender >= 0)
        lenders = tuple(node for family in families for node in family.lenders)
        return Stretches(before + length, found, lenders)

    def _alike(self, kinds: tuple[object, ...]) -> list[Place]:
        """Other stretches of these kinds, whose layers have their own weights."""
        found = []
        for k, items in enumerate(self.lists):
            n = 0
            while n + len(kinds) <= len(items):
                lines = [self._line((k, n), offset) for offset in range(len(kinds))]
                free = all(line is not None and self._is_free(line) for line in lines)
                inner = any(line is not None and line.node in self.read for line in lines[:-1])
                fits = free and not inner and self._kinds((k, n), 0, len(kinds)) == kinds
                found += [Place(items, n)] if fits else []
                n += len(kinds) if fits else 1
        return found


def borrowed(text: str, lender: int, option: str = "share") -> str:
    """A line that uses the weights of another layer, if of any."""
    if lender < 0:
        return text
    head, colon, body = text.partition(": [")
    return f"{head} {option}={LENDER}{lender}{LENDER}{colon}{body}"


def lender_of(text: str) -> int | None:
    """The layer whose weights a line uses, if of any."""
    return int(text.split(LENDER)[1]) if LENDER in text else None


def lent(text: str, lender: int) -> str:
    """A line that uses the weights of a layer, with another one in its place."""
    before, _, after = text.split(LENDER)
    return f"{before}{LENDER}{lender}{LENDER}{after}"


def _common(line: Line) -> tuple[object, ...]:
    """What lines have in common that differ in values, and in whose weights they use."""
    return words_of(_SHARING.sub("", line.text)).common


__all__ = ["LENDER", "Lending", "Place", "Stretches", "borrowed", "lender_of", "lent"]
