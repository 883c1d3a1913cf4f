"""Activations that aren't kept but computed again: a chain of layers is cut into segments, of which only the tensors
between are kept (arXiv:1604.06174).

When the backward pass comes to a segment, what is kept are the tensors between the segments up to there and all that
the segment itself keeps. The last segment is kept as it is, so nothing of it is computed again.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import pairwise

from archcalc.algebra import Dim, Poly, maximum
from archcalc.errors import Undecided, UsageError, suggest
from archcalc.graph import Graph
from archcalc.memory.kept import Keeping, Memory, Recomputed
from archcalc.memory.training import WAYS


def recomputed(graph: Graph, keeping: Keeping, batch: Dim, way: str) -> Recomputed:
    """What is kept with checkpoints: of about equal segments, as many as the square root of the places for a cut
    (`sqrt`), of those that keep least (`best`), or of labels (`encoder/*`), each of whose layers are a segment.

    Raises UsageError for labels that don't exist or that more than one tensor enters, Undecided where a free size
    decides.
    """
    if graph.loops:
        raise Undecided(
            "checkpoints are placed between layers, and how many there are is free",
            next(iter(graph.loops.values())).range.stop.symbols,  # type: ignore[union-attr]
        )
    chain = _Chain(graph, keeping, batch)
    if way == "sqrt":
        return chain.equal(max(1, round((len(chain.cuts) - 1) ** 0.5)))
    return chain.best() if way == "best" else _labelled(chain, way)


class _Chain:
    """The places where a single tensor passes on all that later layers need, and what lies between them."""

    def __init__(self, graph: Graph, keeping: Keeping, batch: Dim) -> None:
        self.graph, self.keeping, self.batch = graph, keeping, batch
        self.cuts = list(_cuts(graph))
        self.own: list[Dim] = [0]  # of all layers before each
        for n in range(len(graph.nodes)):
            kept = keeping.own.get(n)
            self.own.append(self.own[-1] + (kept.of(batch) if kept else 0))
        self.written: list[Dim] = [0]  # memory written before each layer that anything keeps
        for n in range(len(graph.nodes)):
            memory = keeping.memories[n]
            mine = memory.writer == n and bool(memory.keepers)
            self.written.append(self.written[-1] + (memory.bytes * batch if mine else 0))

    def passed(self, cut: int) -> Dim:
        """The bytes of the tensor at a cut."""
        return self.keeping.memories[cut].bytes * self.batch

    def inner(self, start: int, stop: int) -> Dim:
        """What the layers after one cut, up to another, keep beside the tensor that they start from."""
        last = self.keeping.memories[stop]
        kept = self.own[stop + 1] - self.own[start + 1] + self.written[stop + 1] - self.written[start + 1]
        later = last.writer > start and last.keepers and min(last.keepers) > stop
        return kept - last.bytes * self.batch if later else kept

    def of(self, cuts: list[int]) -> Recomputed:
        """What segments between these cuts keep."""
        before: Dim = 0
        most: list[Dim] = []
        for start, stop in pairwise(cuts):
            before = before + self.passed(start)
            most.append(before + self.inner(start, stop))
        return Recomputed(_most(most), frozenset(range(cuts[0] + 1, cuts[-2] + 1)))

    def equal(self, segments: int) -> Recomputed:
        """So many segments with about as many cuts in each."""
        last = len(self.cuts) - 1
        return self.of([self.cuts[n * last // segments] for n in range(segments)] + [self.cuts[-1]])

    def best(self) -> Recomputed:
        """The segments that keep least; of those that keep as little, those of which least is computed again.

        A limit is met if for each cut the least that can be kept before it (a shortest path) leaves room for the
        segment after it. The least limit that can be met is found by bisection, exactly.
        """
        whole = self.of([self.cuts[0], self.cuts[-1]]).kept
        if isinstance(whole, Poly):
            raise Undecided("which checkpoints are best depends on sizes that are free", whole.symbols)
        low, high = 0, whole
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._meets(middle) else (middle + 1, high)
        found = self._meets(low)
        assert found is not None
        return self.of(found)

    def _meets(self, limit: int) -> list[int] | None:
        """Cuts that keep no more than the limit, the last of them as early as can be; None if there are none."""
        cuts, least, source = self.cuts, {0: 0}, {}
        for i in range(len(cuts) - 1):
            if i not in least:
                continue
            before = least[i] + _number(self.passed(cuts[i]))
            for j in range(i + 1, len(cuts)):
                if before + _number(self.inner(cuts[i], cuts[j])) > limit:
                    break
                last = j == len(cuts) - 1
                if j not in least or (not last and before < least[j]):
                    least[j], source[j] = before, i
        if len(cuts) - 1 not in least:
            return None
        path = [len(cuts) - 1]
        while path[-1]:
            path.append(source[path[-1]])
        return [cuts[n] for n in reversed(path)]


def _labelled(chain: _Chain, labels: str) -> Recomputed:
    """Labels as segments: outside of them all is kept, of each what enters it, and of one at a time what it keeps."""
    graph, keeping, batch = chain.graph, chain.keeping, chain.batch
    segments = [_layers(graph, path) for label in labels.split(",") for path in _paths(graph, label.strip())]
    inside = frozenset().union(*segments)
    entered = [keeping.memories[_entry(chain, segment)] for segment in segments]
    kept: Dim = 0
    for n, memory in enumerate(keeping.memories):
        own = keeping.own.get(n)
        kept = kept + (own.of(batch) if own and n not in inside else 0)
        stays = any(keeper not in inside for keeper in memory.keepers) or any(memory is other for other in entered)
        kept = kept + (memory.bytes * batch if memory.writer == n and stays else 0)
    held = [_held(chain, segment, memory) for segment, memory in zip(segments, entered, strict=True)]
    return Recomputed(kept + _most(held), inside)


def _held(chain: _Chain, segment: frozenset[int], source: Memory) -> Dim:
    """What a segment keeps while its layers' gradients are computed, beside what it starts from."""
    total: Dim = 0
    for n in segment:
        own, memory = chain.keeping.own.get(n), chain.keeping.memories[n]
        total = total + (own.of(chain.batch) if own else 0)
        if memory is not source and memory.writer == n and any(keeper in segment for keeper in memory.keepers):
            total = total + memory.bytes * chain.batch
    return total


def _entry(chain: _Chain, segment: frozenset[int]) -> int:
    """The tensor that a segment starts from. Raises UsageError where there are several."""
    sources = {i for n in segment for i in chain.graph.nodes[n].inputs if i not in segment}
    if len(sources) != 1:
        first = chain.graph.nodes[min(segment)].name
        raise UsageError(f"--checkpoint: {len(sources)} tensors enter the segment that begins with {first}")
    return sources.pop()


def _paths(graph: Graph, label: str) -> list[str]:
    """The groups and layers that a label or a pattern names. Raises UsageError where there are none."""
    known = dict.fromkeys([*graph.groups, *(node.line for node in graph.nodes if node.op.word)])
    found = [path for path in known if path == label or (set(label) & set("*?[") and fnmatchcase(path, label))]
    outer = [path for path in found if not any(path.startswith(f"{other}/") for other in found)]
    if not outer:
        hint = suggest(label, (*WAYS, *known), f"it takes {', '.join(WAYS)} or labels")
        raise UsageError(f"--checkpoint: there is no layer or group '{label}'{hint}")
    return outer


def _layers(graph: Graph, path: str) -> frozenset[int]:
    return frozenset(n for n, node in enumerate(graph.nodes) if node.line == path or node.line.startswith(f"{path}/"))


def _cuts(graph: Graph) -> Iterator[int]:
    """Positions of tensors that no tensor written earlier outlives, and the last layer's. Heads that only training runs
    are part of what comes last.
    """
    main = [n for n, node in enumerate(graph.nodes) if not node.head]
    read = dict.fromkeys(main, -1)
    for n in main:
        read |= dict.fromkeys(graph.nodes[n].inputs, n)
    reach = 0
    for n in main[:-1]:
        if reach <= n and n >= len(graph.inputs) - 1:
            yield n
        reach = max(reach, read[n])
    yield len(graph.nodes) - 1


def _most(values: list[Dim]) -> Dim:
    if any(isinstance(value, Poly) for value in values):
        return maximum(0, *values)  # type: ignore[return-value]
    return max(map(_number, values))


def _number(value: Dim) -> int:
    if isinstance(value, Poly):
        raise Undecided("which checkpoints are best depends on sizes that are free", value.symbols)
    return value


__all__ = ["recomputed"]
