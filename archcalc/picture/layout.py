"""Where the boxes of a diagram stand: one under another in series, side by side in parallel, skips at the side.

Boxes that every path goes through divide the others; what stands between two of them falls into branches, which are
laid out alike. An arrow that other arrows also lead along (an identity) runs at the side. What is no such tree of
series and parallels stands in rows, each below all that it reads.
"""

from __future__ import annotations

from collections.abc import Iterable

from archcalc.picture.items import Item
from archcalc.records import Record

GAP, BESIDE, PAD, HEAD, LANE = 22.0, 14.0, 12.0, 22.0, 9.0
LINE = 15.0
SPACIOUS = 240.0  # how wide a box is that has its figures beside its name


class Box(Record, frozen=False):
    """A placed item: where its upper left corner is, how large it is, and what is in it."""

    item: Item
    x: float = 0
    y: float = 0
    wide: float = 0
    high: float = 0
    inside: list[Box] = []
    arrows: list[Arrow] = []

    def moved(self, x: float, y: float) -> None:
        """Move it by so many pixels, with all that is inside."""
        self.x, self.y = self.x + x, self.y + y
        for box in self.inside:
            box.moved(x, y)
        for arrow in self.arrows:
            arrow.points = [(a + x, b + y) for a, b in arrow.points]


class Arrow(Record, frozen=False):
    """From one box to another. `way` is `down` (first to the side, then down), `in` (down, then to the side) or `skip`
    (along the side).
    """

    way: str
    points: list[tuple[float, float]]
    label: str = ""


class _Block(Record, frozen=False):
    """Boxes with places relative to the block's upper left corner; `middle` is where it is entered and left."""

    wide: float
    high: float
    middle: float
    places: dict[int, tuple[float, float]]


def laid(item: Item, column: float, metric: str) -> Box:
    """The box of an item with everything in it, at 0, 0; `column` is how wide a box with nothing in it is, and has its
    figure of a metric.
    """
    if not item.inside:
        return Box(item, wide=column, high=LINE * (1 + len(item.lines(column >= SPACIOUS, metric))) + 8)
    boxes = [laid(inner, column, metric) for inner in item.inside]
    return _Scope(item, boxes).box()


class _Scope:
    """The boxes in one, as a graph with a beginning and an end of its own."""

    def __init__(self, item: Item, boxes: list[Box]) -> None:
        self.item, self.boxes = item, boxes
        n = len(boxes)
        self.begin, self.end, self.count = n, n + 1, n
        links = {(a, b) for a, b in item.links if a < b}
        self.back = sorted((a, b) for a, b in item.links if a > b)
        links |= {(self.begin, b) for b in item.reads} | {(a, self.end) for a in item.gives}
        self.order = [self.begin, *range(n), self.end]
        self.out: dict[int, list[int]] = {v: [] for v in self.order}
        for a, b in sorted(links):
            self.out[a].append(b)
        self.reach = self._reach()
        self.skips = [(a, b) for a in self.order for b in self.out[a] if self._is_redundant(a, b)]
        for a, b in self.skips:
            self.out[a].remove(b)
        self.into: dict[int, list[int]] = {v: [a for a in self.order if v in self.out[a]] for v in self.order}

    def _reach(self) -> dict[int, int]:
        """Which others each box leads to, as bits."""
        reach = dict.fromkeys(self.order, 0)
        for v in reversed(self.order):
            for w in self.out[v]:
                reach[v] |= reach[w] | 1 << w
        return reach

    def _is_redundant(self, a: int, b: int) -> bool:
        return any(self.reach[w] >> b & 1 for w in self.out[a] if w != b)

    def _ordered(self, a: int, b: int) -> bool:
        return bool(self.reach[a] >> b & 1 or self.reach[b] >> a & 1)

    # ---- places ------------------------------------------------------------------------------------------------------

    def box(self) -> Box:
        """All of it, with a frame around it."""
        block = self._series(list(range(self.count)))
        lanes = self._lanes(block)
        side = LANE * (max(lanes.values(), default=-1) + 1)
        side += 6 if lanes else 0
        found = Box(self.item, wide=block.wide + 2 * PAD + side, high=block.high + HEAD + GAP + GAP)
        top = HEAD + GAP
        for n, (x, y) in block.places.items():
            self.boxes[n].moved(x + PAD, y + top)
        found.inside = self.boxes
        self._draw(found, block, lanes)
        return found

    def _series(self, vertices: list[int]) -> _Block:
        """Boxes that every path goes through, and the branches between them."""
        parts: list[_Block] = []
        between: list[int] = []
        for v in vertices:
            if all(v == w or self._ordered(v, w) for w in vertices):
                parts += [*([self._parallel(between)] if between else []), self._single(v)]
                between = []
            else:
                between.append(v)
        if between:
            is_whole = len(between) == len(vertices) and len(self._parts(vertices)) == 1
            parts.append(self._rows(vertices) if is_whole else self._parallel(between))
        return _stacked(parts)

    def _parallel(self, vertices: list[int]) -> _Block:
        parts = self._parts(vertices)
        return _beside([self._series(part) for part in parts]) if len(parts) > 1 else self._series(vertices)

    def _parts(self, vertices: list[int]) -> list[list[int]]:
        """Those that hang together, each in order."""
        within, parts, left = set(vertices), [], dict.fromkeys(vertices)
        while left:
            part, todo = set(), [next(iter(left))]
            while todo:
                v = todo.pop()
                if v in part:
                    continue
                part.add(v)
                left.pop(v)
                todo += [w for w in (*self.out[v], *self.into[v]) if w in within and w not in part]
            parts.append([v for v in vertices if v in part])
        return parts

    def _rows(self, vertices: list[int]) -> _Block:
        """Each below what it reads; as many side by side as stand equally deep."""
        ranks: dict[int, int] = {}
        for v in vertices:
            ranks[v] = 1 + max((ranks[w] for w in self.into[v] if w in ranks), default=-1)
        rows: dict[int, list[int]] = {}
        for v, rank in ranks.items():
            rows.setdefault(rank, []).append(v)
        return _stacked([_beside([self._single(v) for v in rows[rank]]) for rank in sorted(rows)])

    def _single(self, v: int) -> _Block:
        box = self.boxes[v]
        return _Block(box.wide, box.high, box.wide / 2, {v: (0, 0)})

    # ---- arrows ------------------------------------------------------------------------------------------------------

    def _lanes(self, block: _Block) -> dict[tuple[int, int], int]:
        """For what runs at the side, how far out: what spans less is nearer."""
        spans = []
        for a, b in [*self.skips, *self.back]:
            ends = sorted((self._height(block, a), self._height(block, b)))
            spans.append((ends[1] - ends[0], ends, (a, b)))
        taken: list[list[list[float]]] = []
        lanes = {}
        for _, ends, arrow in sorted(spans):
            free = (k for k, lane in enumerate(taken) if all(ends[1] <= o[0] or o[1] <= ends[0] for o in lane))
            lane = next(free, len(taken))
            if lane == len(taken):
                taken.append([])
            taken[lane].append(ends)
            lanes[arrow] = lane
        return lanes

    def _height(self, block: _Block, v: int) -> float:
        if v >= self.count:
            return -GAP if v == self.begin else block.high + GAP
        return block.places[v][1] + self.boxes[v].high / 2

    def _draw(self, found: Box, block: _Block, lanes: dict[tuple[int, int], int]) -> None:
        middle, top, bottom = block.middle + PAD, HEAD, found.high
        for a in self.order:
            for b in self.out[a]:
                start = (middle, top) if a == self.begin else _foot(self.boxes[a])
                stop = (middle, bottom) if b == self.end else _top(self.boxes[b])
                is_fan = len(self.out[a]) > 1
                single = not is_fan and len(self.into[b]) == 1
                label = self.boxes[a].item.shape if single and a != self.begin else ""
                found.arrows.append(Arrow("down" if is_fan else "in", [start, stop], label))
        for (a, b), lane in lanes.items():
            x = block.wide + PAD + 6 + LANE * lane
            start = (middle, top + 5) if a == self.begin else _right(self.boxes[a], 0.62)
            stop = (middle, bottom - 5) if b == self.end else _right(self.boxes[b], 0.38)
            found.arrows.append(Arrow("skip", [start, (x, start[1]), (x, stop[1]), stop]))


def _foot(box: Box) -> tuple[float, float]:
    return box.x + box.wide / 2, box.y + box.high


def _top(box: Box) -> tuple[float, float]:
    return box.x + box.wide / 2, box.y


def _right(box: Box, part: float) -> tuple[float, float]:
    return box.x + box.wide, box.y + box.high * part


def _stacked(parts: list[_Block]) -> _Block:
    """One under another, their middles in a line."""
    middle = max(part.middle for part in parts)
    wide = middle + max(part.wide - part.middle for part in parts)
    places: dict[int, tuple[float, float]] = {}
    y = 0.0
    for part in parts:
        places.update(_shifted(part, middle - part.middle, y))
        y += part.high + GAP
    return _Block(wide, y - GAP, middle, places)


def _beside(parts: list[_Block]) -> _Block:
    places: dict[int, tuple[float, float]] = {}
    x = 0.0
    high = max(part.high for part in parts)
    for part in parts:
        places.update(_shifted(part, x, 0))
        x += part.wide + BESIDE
    return _Block(x - BESIDE, high, (x - BESIDE) / 2, places)


def _shifted(part: _Block, x: float, y: float) -> Iterable[tuple[int, tuple[float, float]]]:
    return [(v, (a + x, b + y)) for v, (a, b) in part.places.items()]
