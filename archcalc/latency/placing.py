"""Where onnxruntime puts the tensors of a run: which of them share a place, and how large the block of all is.

Its planner (1.32, one thread of nodes) goes through the nodes in order. A node that may write over an input does so
where nothing else needs it; otherwise the output takes over the place of the last tensor of the same shape that isn't
needed any more, wherever there is one. So a place that was taken over is kept from its first tensor to its last, in
between too. Places are laid out in the order in which they are wanted, each in the smallest gap where it fits.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from archcalc.tuples import NamedTuple

ALIGN = 64  # bytes that places are multiples of


class Step(NamedTuple):
    """A node: the tensors that it reads, the one that it puts out, those in whose place that may be written, and the
    one that it shows, if it moves nothing. `late`: in which rewriting of the
    network the runtime made it, if it isn't there from the start.
    """

    reads: tuple[int, ...]
    output: int
    over: tuple[int, ...] = ()
    shows: int | None = None
    late: int = 0


def ordered(steps: Sequence[Step]) -> list[Step]:
    """The steps as they run: back from those that nothing reads, each behind its inputs, of which the last made go
    first. What rewrites nodes goes through them in that order, too.
    """
    made = {step.output: n for n, step in enumerate(steps)}
    into = [sorted({made[tensor] for tensor in step.reads if tensor in made}) for step in steps]
    keys = [(0, n) for n in range(len(steps))]
    order = _back(into, keys)
    for level in sorted({step.late for step in steps} - {0}):
        for place, n in enumerate(order):
            if steps[n].late == level:
                keys[n] = (level, place)
        order = _back(into, keys)
    return [steps[n] for n in order]


def _back(into: Sequence[Sequence[int]], keys: Sequence[tuple[int, int]]) -> list[int]:
    """Depth first from what nothing reads."""
    read = {n for given in into for n in given}
    waiting = sorted((n for n in range(len(into)) if n not in read), key=keys.__getitem__)
    entered, found = set[int](), list[int]()
    while waiting:
        n = waiting.pop()
        if n < 0:
            found.append(~n)
        elif n not in entered:
            entered.add(n)
            waiting.append(~n)
            waiting += sorted((source for source in into[n] if source not in entered), key=keys.__getitem__)
    return found


def places(steps: Sequence[Step], shapes: Sequence[tuple[int, ...]], outside: Collection[int]) -> dict[int, int]:
    """The first tensor in the place of each; those `outside` (inputs and outputs of the network) are places of their
    own, which nothing takes over.
    """
    uses: dict[int, int] = defaultdict(int)
    for step in steps:
        for tensor in step.reads:
            uses[tensor] += 1
    found: dict[int, int] = {tensor: tensor for tensor in outside}
    wanted: dict[int, int] = defaultdict(int)
    free: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for step in steps:
        if step.output not in found:
            found[step.output] = _place(step, shapes, found, wanted, free, outside)
        wanted[found[step.output]] += uses[step.output] + 1
        for tensor in (*step.reads, step.output):
            place = found.setdefault(tensor, tensor)
            wanted[place] -= 1
            if not wanted[place] and place not in outside:
                free[shapes[place]].append(place)
    return found


def _place(
    step: Step,
    shapes: Sequence[tuple[int, ...]],
    found: Mapping[int, int],
    wanted: Mapping[int, int],
    free: Mapping[tuple[int, ...], list[int]],
    outside: Collection[int],
) -> int:
    if step.shows is not None:
        return found.get(step.shows, step.shows)
    for tensor in step.over:
        place = found.get(tensor, tensor)
        if place not in outside and wanted[place] == 1 and shapes[tensor] == shapes[step.output]:
            return place
    shape = shapes[step.output]
    return free[shape].pop() if free.get(shape) else step.output


def block_bytes(steps: Sequence[Step], found: Mapping[int, int], sizes: Mapping[int, int]) -> int:
    """Bytes of the block that has a place for each; `sizes` are those of the first tensors in them, in bytes."""
    last: dict[int, int] = {}
    for n, step in enumerate(steps):
        for tensor in (*step.reads, step.output):
            last[found[tensor]] = n
    ends: dict[int, list[int]] = defaultdict(list)
    for place, n in last.items():
        ends[n].append(place)
    taken: list[tuple[int, int, int]] = []  # offset, bytes, place
    most, seen = 0, set[int]()
    for n, step in enumerate(steps):
        place = found[step.output]
        if place not in seen and sizes.get(place):
            seen.add(place)
            wide = -(-sizes[place] // ALIGN) * ALIGN
            offset = _gap(taken, wide)
            insort(taken, (offset, wide, place))
            most = max(most, offset + wide)
        if ends[n]:
            gone = set(ends[n])
            taken = [each for each in taken if each[2] not in gone]
    return most


def _gap(taken: Sequence[tuple[int, int, int]], wide: int) -> int:
    """Where the smallest gap begins that is wide enough; behind all of them if there is none."""
    at, best, least = 0, None, 0
    for offset, other, _ in taken:
        if offset - at >= wide and (best is None or offset - at < least):
            best, least = at, offset - at
        at = offset + other
    return at if best is None else best


__all__ = ["Step", "block_bytes", "ordered", "places"]
