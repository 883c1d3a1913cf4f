"""What is read by name, or lends its weights, inside of one item only: slices that are turned and joined again, as
rotary positions are; heads that one convolution pools.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from archcalc.expand.items import Item, Items, Join, Ref, Repeat
from archcalc.expand.lending import lender_of


class Locality:
    """Where things that are read by name, or whose weights are used, stand, and the smallest item that holds one with
    all that speaks of it. `ends` are spoken of, those `outside` by what is no item.
    """

    def __init__(self, lists: Iterable[Items], ends: Collection[int], outside: Collection[int]) -> None:
        self.ends = ends
        self.spans: dict[int, tuple[int, int]] = {}  # of items by their ids: from their own place to the last inside
        self.made: dict[int, int] = {}  # where what has a name is made
        self.owners: dict[int, int] = {}  # the place of the smallest item
        self.count = 0
        self.path: list[int] = []  # places of the items around
        self.paths: dict[int, list[int]] = {}
        for items in lists:
            self._walk(items)
        for node in outside:
            self.paths.pop(node, None)
        self.owners = {node: path[-1] for node, path in self.paths.items() if path and node in self.made}

    def within(self, node: int, item: Item) -> bool:
        """Whether an item holds something with all that reads it."""
        owner = self.owners.get(node)
        if owner is None:
            return False
        first, last = self.spans[id(item)]
        return first <= owner <= last

    def back(self, item: Item, node: int) -> int:
        """How many items before one what it speaks of is made."""
        return self.spans[id(item)][0] - self.made[node]

    def _walk(self, items: Items) -> None:
        for item in items:
            place = self.count
            self.count += 1
            if isinstance(item, Ref):
                self._meet(item.node)
            elif not isinstance(item, Repeat):
                if item.node in self.ends:
                    self.made[item.node] = place
                    self._meet(item.node)
                if (lender := lender_of(item.text)) is not None:
                    self._meet(lender)
            if isinstance(item, (Join, Repeat)):
                self.path.append(place)
                for inner in item.branches if isinstance(item, Join) else [item.items]:
                    self._walk(inner)
                self.path.pop()
            self.spans[id(item)] = place, self.count - 1

    def _meet(self, node: int) -> None:
        """The items around everything met so far that makes or reads one."""
        before = self.paths.get(node)
        if before is None:
            self.paths[node] = [*self.path]
            return
        shared = 0
        while shared < min(len(before), len(self.path)) and before[shared] == self.path[shared]:
            shared += 1
        del before[shared:]


__all__ = ["Locality"]
