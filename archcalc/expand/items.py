"""What a written spec is made of: lines, references, branches, repeats, and calls of blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from archcalc.records import Record


class Line(Record, frozen=False, eq=False):
    """One layer; `node` is its position, `first` that of the layer which a normalisation or activation in its line
    follows.
    """

    text: str
    node: int
    first: int = -1


class Ref(Record, frozen=False, eq=False):
    """An earlier layer's output, or an input."""

    node: int


class Join(Record, frozen=False, eq=False):
    """Branches, and the layer that joins them."""

    text: str
    node: int
    branches: list[Items]
    first: int = -1


class Repeat(Record, frozen=False, eq=False):
    """Items, several times; `nodes` are those of all the times."""

    count: int | str
    items: Items
    nodes: tuple[int, ...] = ()


class Called(Record, frozen=False, eq=False):
    """A block with its arguments; `node` is the last of its layers where that is read by name from elsewhere."""

    text: str
    nodes: tuple[int, ...] = ()
    node: int = -1


Item: TypeAlias = Line | Ref | Join | Repeat | Called
Items: TypeAlias = list[Item]


def inside(items: Items) -> Iterator[Item]:
    """The items and everything inside them."""
    for item in items:
        yield item
        if isinstance(item, Repeat):
            yield from inside(item.items)
        elif isinstance(item, Join):
            for branch in item.branches:
                yield from inside(branch)


def lines(items: Items) -> int:
    """How many lines items take, one layer a line."""
    return sum(map(_lines, items))


def _lines(item: Item) -> int:
    if isinstance(item, Join):
        return 1 + sum(max(lines(branch), 1) for branch in item.branches)
    if isinstance(item, Repeat):
        return 1 if len(item.items) == 1 and isinstance(item.items[0], (Line, Called)) else 1 + lines(item.items)
    return 1


__all__ = ["Called", "Item", "Items", "Join", "Line", "Ref", "Repeat", "inside", "lines"]
