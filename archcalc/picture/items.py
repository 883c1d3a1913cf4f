"""What a diagram shows: boxes in boxes, with the arrows between those that stand side by side.

A box is a line of the spec or a group of them. A stretch that follows itself becomes one box, `x n`; where there are
more than can be read, those in the middle become one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archcalc.algebra import Number
from archcalc.cost import Table
from archcalc.cost.row import Row, total
from archcalc.errors import UsageError, suggest
from archcalc.graph import Carried, Graph, Input
from archcalc.picture import METRICS
from archcalc.records import Record
from archcalc.render import numbers

MOST_INSIDE = 90  # boxes in one
MOST = 350  # boxes altogether
LONGEST = 8  # boxes of a stretch that repeats

Path = tuple[str, ...]


class Item(Record, frozen=False):
    """A box. `inside` are those in it, `links` which of them feed which, `reads` and `gives` those that read from and
    are read outside. It stands for `times` that are alike, and its figures for all of them together.
    """

    name: str
    kind: str  # input, layer, block, more
    text: str = ""
    shape: str = ""
    figures: dict[str, Number] = {}
    times: int = 1
    inside: list[Item] = []
    links: set[tuple[int, int]] = set()
    reads: set[int] = set()
    gives: set[int] = set()

    def boxes(self) -> int:
        """How many boxes it takes to draw."""
        return 1 + sum(item.boxes() for item in self.inside)

    def lines(self, is_wide: bool, metric: str) -> list[str]:
        """What a box says below its name; a wide one has its figures beside the name."""
        value = 0 if is_wide else self.figures.get(metric, 0)
        figure = f"{numbers.count(value)} {METRICS[metric]}" if value != 0 else ""
        return [line for line in (self.text if self.text != self.name else "", figure) if line]

    def title(self) -> str:
        """All that is known, a line each."""
        times = f" x {self.times}" if self.times > 1 else ""
        figures = [f"{numbers.exact(value)} {METRICS[name]}" for name, value in self.figures.items()]
        lines = [f"{self.name}{times}", self.text, f"puts out {self.shape}" if self.shape else "", *figures]
        return "\n".join(line for line in lines if line)


def judged(metric: str) -> str:
    """A metric that pictures know. Raises UsageError."""
    if metric not in METRICS:
        raise UsageError(f"unknown metric '{metric}'{suggest(metric, METRICS, 'there are ' + ', '.join(METRICS))}")
    return metric


def items(table: Table, depth: int, by: str = "block") -> tuple[Item, list[str]]:
    """The whole network as a box, and what a reader should know of how it was folded. Raises UsageError."""
    if depth < 1:
        raise UsageError("a diagram needs a depth of 1 or more")
    deepest = max((node.line.count("/") + 1 for node in table.graph.nodes), default=1)
    asked = depth = deepest + 1 if by == "layer" else min(depth, deepest)
    while (whole := _folded(_Scopes(table, depth, depth > deepest).item(()))).boxes() > MOST and depth > 1:
        depth -= 1
    words = [f"drawn at depth {depth}: at depth {asked} there are more boxes than {MOST}"] if depth < asked else []
    left = [item.name for item in _all(whole) if item.kind == "more"]
    return whole, [*words, *(["more than can be read: the boxes in the middle are one"] if left else [])]


def _all(item: Item) -> Iterator[Item]:
    yield item
    for inner in item.inside:
        yield from _all(inner)


class _Scopes:
    """The tree of labels down to a depth."""

    def __init__(self, table: Table, depth: int, is_whole: bool = False) -> None:
        self.table, self.depth = table, depth
        graph = table.graph
        layers = [n for n, node in enumerate(graph.nodes) if not isinstance(node.op, Carried)]
        self.paths = {n: _path(graph, n, depth, is_whole) for n in layers}
        groups = {path[:k] for path in self.paths.values() for k in range(1, len(path))}
        self.paths = {n: (*path, "") if path in groups else path for n, path in self.paths.items()}
        self.inside: dict[Path, dict[str, int]] = {(): {}}  # which box stands where in which
        self.rows: dict[Path, list[Row]] = {}
        rows = {row.nodes[0]: row for row in table.rows}
        for n, path in self.paths.items():
            for k in range(len(path)):
                within = self.inside.setdefault(path[:k], {})
                within.setdefault(path[k], len(within))
                if n in rows:
                    self.rows.setdefault(path[: k + 1], []).append(rows[n])
        self.links: dict[Path, set[tuple[int, int]]] = {path: set() for path in self.inside}
        self.reads: dict[Path, set[int]] = {path: set() for path in self.inside}
        self.gives: dict[Path, set[int]] = {path: set() for path in self.inside}
        self._link(graph)

    def _link(self, graph: Graph) -> None:
        for n, path in self.paths.items():
            for source in graph.nodes[n].inputs:
                self._arrow(self.paths[_real(graph, source)], path)
        for n in graph.outputs:
            path = self.paths[_real(graph, n)]
            for k in range(len(path)):
                self.gives[path[:k]].add(self.inside[path[:k]][path[k]])

    def _arrow(self, source: Path, target: Path) -> None:
        if source == target:
            return
        k = next(k for k in range(len(source)) if source[k] != target[k])
        within = self.inside[source[:k]]
        self.links[source[:k]].add((within[source[k]], within[target[k]]))
        for j in range(k + 1, len(target)):
            self.reads[target[:j]].add(self.inside[target[:j]][target[j]])
        for j in range(k + 1, len(source)):
            self.gives[source[:j]].add(self.inside[source[:j]][source[j]])

    def item(self, path: Path) -> Item:
        """A box with all that is in it."""
        if path in self.inside:
            inner = [self.item((*path, name)) for name in self.inside[path]]
            found = Item(path[-1] if path else self.table.name, "block", inside=inner, links=self.links[path])
            found.reads, found.gives = self.reads[path], self.gives[path]
        else:
            found = Item(path[-1] or path[-2], "layer" if path in self.rows else "input")
        return self._told(path, found)

    def _told(self, path: Path, item: Item) -> Item:
        graph, rows = self.table.graph, self.rows.get(path, []) if path else self.table.rows
        item.figures = {metric: total(getattr(row, metric) for row in rows) for metric in METRICS} if rows else {}
        group = graph.groups.get("/".join(path))
        if group is not None:
            item.text, item.shape = group.text, numbers.shape(graph.nodes[group.output].shape)
            item.kind = "block"
        elif rows and path:
            item.text, item.shape = ", ".join(row.text for row in rows[:6]), numbers.shape(rows[-1].shape)
        elif path:
            item.shape = numbers.shape(graph.nodes[graph.inputs[path[0].removeprefix("\0")]].shape)
            item.name = path[0].removeprefix("\0")
        return item


def _path(graph: Graph, n: int, depth: int, is_whole: bool) -> Path:
    """Where a node stands; an input beside the layers, whatever they are called. With `is_whole` each has a place of
    its own.
    """
    node = graph.nodes[n]
    if isinstance(node.op, Input):
        return (f"\0{node.name}",)
    parts = node.line.split("/")[:depth]
    added = node.name.removeprefix(node.line).lstrip(".")  # the norm of a convolution, for one
    return (*parts, added) if is_whole and added else tuple(parts)


def _real(graph: Graph, n: int) -> int:
    while isinstance(graph.nodes[n].op, Carried):
        (n,) = graph.nodes[n].inputs
    return n


# ---- folding ---------------------------------------------------------------------------------------------------------


def _folded(item: Item) -> Item:
    """The same box with repeats in it as one, and no more boxes in it than can be read."""
    if not item.inside:
        return item
    item.inside = [_folded(inner) for inner in item.inside]
    kept, at, arrows = [], 0, _Arrows(item)
    while at < len(item.inside):
        length, count = _repeat(item.inside, arrows, at)
        kept.append(range(at, at + length * count) if count > 1 else range(at, at + 1))
        at = kept[-1].stop
        if count > 1:
            item.inside[kept[-1].start] = _repeated(item, kept[-1], length, count)
    _joined(item, kept)
    if len(item.inside) > MOST_INSIDE:
        ends = MOST_INSIDE // 2
        middle = range(ends, len(item.inside) - ends)
        item.inside[ends] = _more([item.inside[n] for n in middle])
        _joined(item, [*(range(n, n + 1) for n in range(ends)), middle, *(
            range(n, n + 1) for n in range(middle.stop, len(item.inside))
        )])  # fmt: skip
    return item


class _Arrows:
    """From and to where the arrows of a box's boxes go."""

    def __init__(self, item: Item) -> None:
        self.out: list[set[int]] = [set() for _ in item.inside]
        self.into: list[set[int]] = [set() for _ in item.inside]
        for source, target in item.links:
            self.out[source].add(target)
            self.into[target].add(source)
        for n in item.gives:
            self.out[n].add(-1)
        for n in item.reads:
            self.into[n].add(-1)


def _repeat(inside: list[Item], arrows: _Arrows, at: int) -> tuple[int, int]:
    """The stretch from here that saves most by being written once: its length, and how often it stands there."""
    best, saved = (1, 1), 0
    keys = [_key(item) for item in inside[at : at + LONGEST]]
    for length in range(1, min(LONGEST, (len(inside) - at) // 2) + 1):
        count = 1
        while _follows(inside, arrows, at, length, count, keys):
            count += 1
        if length * (count - 1) > saved and not (count == 2 and length == 1 and not inside[at].inside):
            best, saved = (length, count), length * (count - 1)
    return best


def _follows(inside: list[Item], arrows: _Arrows, at: int, length: int, count: int, keys: list[object]) -> bool:
    """Whether another repeat follows `count` of them, and reads the last of the one before it alone."""
    start = at + length * count
    if start + length > len(inside) or any(_key(inside[start + n]) != keys[n] for n in range(length)):
        return False
    before, own = range(start - length, start), range(start, start + length)
    for n in range(length):
        if any(source not in own and source != before[-1] for source in arrows.into[own[n]]):
            return False
        out = arrows.out[before[n]]
        if any(target not in before and not (n == length - 1 and target in own) for target in out):
            return False
        if n < length - 1 and {t - before[n] for t in out} != {t - own[n] for t in arrows.out[own[n]]}:
            return False
    return before[-1] in arrows.into[own[0]]


def _key(item: Item) -> object:
    """What boxes have in common that are drawn as one: of groups their words and their build, for what grows by a few
    from one to the next is one stretch to a reader.
    """
    if item.kind == "block" and item.text:
        return item.text, item.times, *(_build(inner) for inner in item.inside)
    return _build(item), item.shape, str(item.figures)


def _build(item: Item) -> object:
    """How a box is built, whatever it costs."""
    return item.kind, item.text, item.times, tuple(sorted(item.links)), *(_build(inner) for inner in item.inside)


def _repeated(item: Item, whole: range, length: int, count: int) -> Item:
    """The first of several repeats, with the figures of all."""
    first, every = whole[0], [item.inside[n] for n in whole]
    names = f"{every[0].name} to {every[-1].name}"
    if length == 1:
        found = every[0]
        found.name, found.times = names, count * found.times
    else:
        found = Item(names, "block", times=count, inside=every[:length])
        found.links = {
            (a - first, b - first) for a, b in item.links if a - first < length and first <= a and b < first + length
        }
        found.reads = {n - first for n in range(first, first + length) if n in item.reads}
        found.reads |= {b - first - length for a, b in item.links if a == first + length - 1 and b > a and b in whole}
        found.gives = {length - 1}
    found.shape, found.figures = every[-1].shape, _figures(every)
    return found


def _more(items_: list[Item]) -> Item:
    return Item(f"{len(items_):,} more", "more", "the boxes in between", items_[-1].shape, _figures(items_))


def _figures(items_: Iterable[Item]) -> dict[str, Number]:
    items_ = list(items_)
    return {metric: _sum(item.figures.get(metric, 0) for item in items_) for metric in METRICS}


def _sum(values: Iterable[Number]) -> Number:
    found: Number = 0
    for value in values:
        found = found + value
    return found


def _joined(item: Item, kept: list[range]) -> None:
    """Each stretch is one box now: the first in it."""
    place = {n: k for k, stretch in enumerate(kept) for n in stretch}
    item.inside = [item.inside[stretch.start] for stretch in kept]
    item.links = {(place[a], place[b]) for a, b in item.links if place[a] != place[b]}
    item.reads, item.gives = {place[n] for n in item.reads}, {place[n] for n in item.gives}


__all__ = ["Item", "items", "judged"]
