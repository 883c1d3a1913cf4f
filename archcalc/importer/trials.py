"""Walking a body to see what comes of it: what was built is taken back, and perhaps put back later."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

from archcalc.algebra import Dim
from archcalc.graph import Node
from archcalc.tuples import NamedTuple

Key = TypeVar("Key")
Found = TypeVar("Found")


class Saved(NamedTuple):
    """How much a walker has built, to go back to."""

    nodes: int
    owners: int
    uncounted: int
    notes: int
    folded: int
    conditions: int
    names: int
    depth: int
    times: int
    unknown: tuple[int, int]  # how many sizes only a run would tell, and how many of them at most


class Built(NamedTuple):
    """What a walker had built since then, to put back."""

    nodes: list[Node]
    owners: dict[Hashable, int]
    uncounted: list[tuple[str, str, str]]
    notes: dict[str, None]
    folded: list[Dim]
    conditions: dict[str, None]
    names: list[tuple[tuple[str, ...], str, int]]


def cut(entries: dict[Key, Found], length: int) -> dict[Key, Found]:
    """Take the last entries away, down to so many. Gives them."""
    taken = [entries.popitem() for _ in range(len(entries) - length)]
    return dict(reversed(taken))


__all__ = ["Built", "Saved", "cut"]
