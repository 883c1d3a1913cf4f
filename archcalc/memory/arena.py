"""One block of memory with an offset a tensor: tensors that are alive at once don't overlap.

`greedy` is the planner of tflite-micro: the largest first, of equal ones the later, each at the lowest place where it
fits; it was held against tflite-micro's own arenas. `best` looks for the least block and says whether it is proved.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence

from archcalc.errors import UsageError, among
from archcalc.tuples import NamedTuple

MOST_TENSORS = 10_000
MOST_SEARCHED = 400  # tensors that a search for the least block goes down
MOST_STATES = 150_000
MOST_LOOKS = 100_000_000  # at one tensor for the place of another


class Tensor(NamedTuple):
    """A stretch of memory: its bytes, and the first and the last step in which it is alive."""

    name: str
    bytes: int
    first: int
    last: int


class Plan(NamedTuple):
    """Offsets of the tensors, in their order, and the bytes of the whole block.

    `floor` is what no plan can do without: the most that is alive in one step, every tensor rounded up. `optimal` is
    whether the plan is proved to be the least, and `why` says how, or what is known.
    """

    method: str
    offsets: tuple[int, ...]
    bytes: int
    floor: int
    optimal: bool
    why: str


def rounded(size: int, align: int) -> int:
    """The next multiple of `align`."""
    return -(-size // align) * align


def plan(tensors: Sequence[Tensor], method: str, align: int = 1) -> Plan:
    """A place for every tensor, on multiples of `align`, by one of PLANS. Raises UsageError for a method that doesn't
    exist and for more tensors than can be planned.
    """
    if method not in PLANS:
        raise UsageError(f"unknown plan '{method}'{among(method, PLANS)}")
    if align < 1:
        raise UsageError(f"an alignment is a positive whole number, got {align}")
    whole = [tensor._replace(bytes=rounded(tensor.bytes, align)) for tensor in tensors]
    least = floor(whole)
    if len(whole) > MOST_TENSORS:
        raise UsageError(
            f"a plan is made for {MOST_TENSORS:,} tensors at most, and there are {len(whole):,}; none is smaller than"
            f" {least:,} bytes"
        )
    return PLANS[method](whole, least)


def floor(tensors: Iterable[Tensor]) -> int:
    """The most bytes alive in one step."""
    change: dict[int, int] = {}
    for tensor in tensors:
        change[tensor.first] = change.get(tensor.first, 0) + tensor.bytes
        change[tensor.last + 1] = change.get(tensor.last + 1, 0) - tensor.bytes
    alive = most = 0
    for step in sorted(change):
        alive += change[step]
        most = max(most, alive)
    return most


def _placed(tensors: Sequence[Tensor], order: Iterable[int]) -> tuple[int, ...]:
    """One tensor after the other, each at the lowest place where it fits between those that are placed already."""
    offsets = [0] * len(tensors)
    taken: list[tuple[int, int, int, int]] = []  # from the lowest up: offset, end, first and last step
    for n in order:
        _, size, first, last = tensors[n]
        at = 0
        for start, stop, begins, ends in taken:
            if begins <= last and first <= ends:
                if at + size <= start:
                    break
                if stop > at:
                    at = stop
        offsets[n] = at
        insort(taken, (at, at + size, first, last))
    return tuple(offsets)


def _size(tensors: Sequence[Tensor], offsets: Sequence[int]) -> int:
    return max((offset + tensor.bytes for tensor, offset in zip(tensors, offsets, strict=True)), default=0)


def _judged(method: str, tensors: Sequence[Tensor], offsets: tuple[int, ...], least: int) -> Plan:
    size = _size(tensors, offsets)
    why = "no plan can be smaller than what is alive at once" if size == least else f"at least {least:,} bytes"
    return Plan(method, offsets, size, least, size == least, why)


def _in_order(tensors: Sequence[Tensor], least: int) -> Plan:
    return _judged("inorder", tensors, _placed(tensors, range(len(tensors))), least)


def _largest_first(tensors: Sequence[Tensor]) -> list[int]:
    return sorted(range(len(tensors)), key=lambda n: (-tensors[n].bytes, -n))


def _greedy(tensors: Sequence[Tensor], least: int) -> Plan:
    return _judged("greedy", tensors, _placed(tensors, _largest_first(tensors)), least)


def _best(tensors: Sequence[Tensor], least: int) -> Plan:
    """The best of several orders; if that isn't the floor, every packing is tried, within limits."""
    length = [tensor.last - tensor.first + 1 for tensor in tensors]
    orders = [
        _largest_first(tensors),
        sorted(range(len(tensors)), key=lambda n: (-tensors[n].bytes, n)),
        sorted(range(len(tensors)), key=lambda n: (-length[n], -tensors[n].bytes)),
        sorted(range(len(tensors)), key=lambda n: (-length[n] * tensors[n].bytes, n)),
        list(range(len(tensors))),
    ]
    affordable = max(1, 2 * MOST_LOOKS // max(1, len(tensors) ** 2))
    offsets = _first_least((_placed(tensors, order) for order in orders[:affordable]), tensors, least)
    found = _judged("best", tensors, offsets, least)
    if found.optimal:
        return found
    if len(tensors) > MOST_SEARCHED:
        return found._replace(why=f"not searched: {len(tensors):,} tensors; at least {least:,} bytes")
    search = _Search(tensors, found.bytes, offsets)
    search.run()
    size = _size(tensors, search.offsets)
    if size == least:
        return _judged("best", tensors, search.offsets, least)
    if search.ended:
        return Plan("best", search.offsets, size, least, True, f"every packing was tried, {search.states:,} states")
    why = f"the search gave up after {search.states:,} states; at least {least:,} bytes"
    return Plan("best", search.offsets, size, least, False, why)


def _first_least(plans: Iterable[tuple[int, ...]], tensors: Sequence[Tensor], least: int) -> tuple[int, ...]:
    """The first plan that is as small as can be, or else the smallest."""
    found: list[tuple[int, ...]] = []
    for offsets in plans:
        found.append(offsets)
        if _size(tensors, offsets) == least:
            return offsets
    return min(found, key=lambda offsets: _size(tensors, offsets))


class _Search:
    """All packings in which every tensor lies at 0 or upon another, from the lowest tensor up; pushing tensors down
    makes any packing one of these. A branch is left where some step has no room for what is still to come.
    """

    def __init__(self, tensors: Sequence[Tensor], best: int, offsets: tuple[int, ...]) -> None:
        starts = sorted({tensor.first for tensor in tensors})
        self.tensors, self.best, self.offsets = tensors, best, offsets
        self.steps = [[n for n, s in enumerate(starts) if t.first <= s <= t.last] for t in tensors]
        self.top, self.rest = [0] * len(starts), [0] * len(starts)
        for tensor, steps in zip(tensors, self.steps, strict=True):
            for step in steps:
                self.rest[step] += tensor.bytes
        self.at: dict[int, int] = {}
        self.states, self.ended = 0, False

    def run(self) -> None:
        self.ended = self._below(0, -1)

    def _below(self, lowest: int, last: int) -> bool:
        """Place what is left at `lowest` or above; whether that was searched to the end."""
        self.states += 1
        if self.states > MOST_STATES:
            return False
        if len(self.at) == len(self.tensors):
            self.best, self.offsets = max(self.top), tuple(self.at[n] for n in range(len(self.tensors)))
            return True
        if any(rest and max(top, lowest) + rest >= self.best for top, rest in zip(self.top, self.rest, strict=True)):
            return True
        options = sorted(
            (max(self.top[step] for step in self.steps[n]), -self.tensors[n].bytes, n)
            for n in range(len(self.tensors))
            if n not in self.at
        )
        highest = min(offset - size for offset, size, _ in options)  # the next can't begin above where another ends
        for offset, _, n in options:
            if offset >= highest:
                break
            if (offset, n) > (lowest, last) and not self._with(n, offset):
                return False
        return True

    def _with(self, n: int, offset: int) -> bool:
        size, before = self.tensors[n].bytes, [self.top[step] for step in self.steps[n]]
        for step in self.steps[n]:
            self.top[step], self.rest[step] = offset + size, self.rest[step] - size
        self.at[n] = offset
        ended = self._below(offset, n)
        del self.at[n]
        for step, top in zip(self.steps[n], before, strict=True):
            self.top[step], self.rest[step] = top, self.rest[step] + size
        return ended


PLANS: Mapping[str, Callable[[Sequence[Tensor], int], Plan]] = {"inorder": _in_order, "greedy": _greedy, "best": _best}

__all__ = ["PLANS", "Plan", "Tensor", "floor", "plan", "rounded"]
