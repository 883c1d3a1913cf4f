"""A network as a drawing: boxes coloured by what they cost, frames around what they hold."""

from __future__ import annotations

from fractions import Fraction

from archcalc.algebra import Poly
from archcalc.cost import Table
from archcalc.picture import METRICS, colours
from archcalc.picture.items import Item, items, judged
from archcalc.picture.layout import LINE, SPACIOUS, Arrow, Box, laid
from archcalc.picture.svg import WIDE, Canvas, cut, number, width
from archcalc.render import numbers

MARGIN, TOP = 16.0, 74.0
LEAST, MOST = 112.0, 420.0  # how wide a box is
WIDEST = 1400.0  # what more branches than have room on a page are drawn in; deeper groups stay closed


MOST_LEVELS = 8  # to begin with, of a drawing that is too wide with all of them


def svg(table: Table, depth: int = 1, metric: str = "macs", by: str = "block") -> str:
    """The network as SVG, groups opened down to `depth`, coloured by the share of a metric.

    The same table makes the same bytes. Raises UsageError for a metric that doesn't exist.
    """
    judged(metric)
    while True:
        whole, words = items(table, depth, by)
        box = _fitted(whole, metric)
        if box.wide <= WIDEST or depth == 1:
            break
        depth, by = (MOST_LEVELS, "block") if by == "layer" else (min(depth, MOST_LEVELS) - 1, by)
    if box.wide > WIDE:
        words.append("wider than a page: its branches have no room side by side")
    return _Drawing(table, metric, words, box).drawn()


def _fitted(whole: Item, metric: str) -> Box:
    """Boxes as wide as the page lets them be."""
    room = WIDE - 2 * MARGIN
    low, more = laid(whole, LEAST, metric), laid(whole, LEAST + 10, metric)
    columns = max((more.wide - low.wide) / 10, 1)
    column = min(max(LEAST + int((room - low.wide) / columns), LEAST), MOST)
    return laid(whole, column, metric)


class _Drawing:
    def __init__(self, table: Table, metric: str, words: list[str], box: Box) -> None:
        self.metric, self.words = metric, words
        self.whole = box.item.figures.get(metric, 0)
        self.box = box
        wide = max(WIDE, box.wide + 2 * MARGIN)
        high = box.high + TOP + MARGIN + 16 * len(words) - 34
        told = f"{table.name}: {len(table.graph.layers())} layers, coloured by their share of {METRICS[metric]}"
        self.canvas = Canvas(wide, high, table.name, told)
        self.wide, self.high = wide, high
        box.moved((wide - box.wide) / 2, TOP - 34)
        self._heading(table)

    def drawn(self) -> str:
        self._inside(self.box)
        for n, word in enumerate(reversed(self.words)):
            self.canvas.text(MARGIN, self.high - 10 - 16 * n, f"Note: {word}.", kind="faint")
        return str(self.canvas)

    def _heading(self, table: Table) -> None:
        figures = [f"{numbers.count(table.total(name))} {title}" for name, title in METRICS.items()]
        room = self.wide - 2 * MARGIN
        said = cut(", ".join(figures), 0.62 * room)
        self.canvas.text(MARGIN, 26, cut(table.name, room - width(said) - 20, 16, True), 16, bold=True)
        self.canvas.text(self.wide - MARGIN, 26, said, anchor="end")
        x = MARGIN
        if isinstance(self.whole, Poly) or not self.whole:
            return
        label = f"share of {METRICS[self.metric]}"
        self.canvas.text(x, 50, label, kind="faint")
        x += width(label) + 12
        for n, words in enumerate(colours.WORDS):
            self.canvas.rect(x, 40, 14, 12, f"s{n}")
            self.canvas.text(x + 19, 50, words, kind="faint")
            x += 19 + width(words) + 12

    def _inside(self, box: Box) -> None:
        for arrow in box.arrows:
            self._arrow(arrow, is_labelled=box is self.box or arrow.points[-1][1] < box.y + box.high)
        for inner in box.inside:
            (self._frame if inner.inside else self._box)(inner)

    def _frame(self, box: Box) -> None:
        item = box.item
        self.canvas.rect(box.x, box.y, box.wide, box.high, "frame", item.title(), 6)
        times = f"x {item.times}" if item.times > 1 else ""
        room = box.wide - 16 - width(times, 12, True)
        name = cut(item.name, room, 11, True)
        self.canvas.text(box.x + 8, box.y + 15, name, bold=True)
        text = cut(item.text, room - width(name, 11, True) - 16)
        if text:
            self.canvas.text(box.x + 16 + width(name, 11, True), box.y + 15, text)
        if times:
            self.canvas.text(box.x + box.wide - 8, box.y + 15, times, 12, "end", True)
        self._inside(box)

    def _box(self, box: Box) -> None:
        item, canvas = box.item, self.canvas
        step = colours.step(item.figures.get(self.metric, 0), self.whole) or 0
        rounded = box.high / 2 if item.kind == "input" else 4
        for k in (2, 1) if item.times > 1 else ():  # a stack
            canvas.rect(box.x + 3 * k, box.y + 3 * k, box.wide, box.high, f"s{step}", round_=4)
        canvas.rect(box.x, box.y, box.wide, box.high, f"s{step}", item.title(), rounded)
        times = f"x {item.times}" if item.times > 1 else ""
        room = box.wide - 16 - (width(times, 12, True) + 6 if times else 0)
        if times:
            canvas.text(box.x + box.wide - 8, box.y + 15, times, 12, "end", True)
        if item.kind == "input":
            shown = cut(f"{item.name} {item.shape}", box.wide - 16, 11, True)
            canvas.text(box.x + box.wide / 2, box.y + box.high / 2 + 4, shown, anchor="middle", bold=True)
            return
        is_wide = box.wide >= SPACIOUS
        said = cut(_costs(item), 0.6 * room) if is_wide else ""
        canvas.text(box.x + 8, box.y + 15, cut(item.name, room - width(said) - 8, 11, True), bold=True)
        if said:
            canvas.text(box.x + 8 + room, box.y + 15, said, anchor="end")
        for n, line in enumerate(item.lines(is_wide, self.metric)):
            canvas.text(box.x + 8, box.y + 30 + LINE * n, cut(line, box.wide - 16))

    def _arrow(self, arrow: Arrow, is_labelled: bool) -> None:
        (x1, y1), (x2, y2) = arrow.points[0], arrow.points[-1]
        if arrow.way == "skip":
            self.canvas.path(_around([(x, y) for x, y in arrow.points]), "skip")
            self._head(x2, y2, "left")
            return
        if x1 == x2:
            self.canvas.line([(x1, y1), (x2, y2)], "line")
        else:
            near = min(22.0, abs(y2 - y1))
            y = y1 + near if arrow.way == "down" else y2 - near
            curve = [(x1, y1), (x2, y)] if arrow.way == "down" else [(x1, y), (x2, y2)]
            half = (curve[0][1] + curve[1][1]) / 2
            steps = f"M{_at(x1, y1)} L{_at(*curve[0])} C{_at(x1, half)} {_at(x2, half)} {_at(*curve[1])} L{_at(x2, y2)}"
            self.canvas.path(steps, "line")
        self._head(x2, y2, "down")
        if arrow.label and is_labelled and x1 == x2 and y2 - y1 >= 18:
            self.canvas.text(x1 + 7, (y1 + y2) / 2 + 3, cut(arrow.label, 150), kind="faint")

    def _head(self, x: float, y: float, way: str) -> None:
        ends = [(-3.5, -6), (3.5, -6)] if way == "down" else [(6, -3.5), (6, 3.5)]
        self.canvas.path(f"M{_at(x, y)} " + " ".join(f"L{_at(x + a, y + b)}" for a, b in ends) + " Z", "head")


def _costs(item: Item) -> str:
    """MACs and params; of a layer without any, what it writes."""
    costs = {name: f"{numbers.count(value)} {METRICS[name]}" for name, value in item.figures.items() if value != 0}
    return ", ".join(costs[name] for name in ("macs", "params") if name in costs) or costs.get("activations", "")


def _at(x: float, y: float) -> str:
    return f"{number(x)} {number(y)}"


def _around(points: list[tuple[float, float]]) -> str:
    """To the side, along it and back, with round corners."""
    (x1, y1), (x, _), (_, y2), (x2, _) = points
    turn = 6.0 if y2 > y1 else -6.0
    turn = turn if abs(y2 - y1) > 12 else float(Fraction(y2 - y1) / 2)
    return (
        f"M{_at(x1, y1)} L{_at(x - 6, y1)} Q{_at(x, y1)} {_at(x, y1 + turn)} L{_at(x, y2 - turn)}"
        f" Q{_at(x, y2)} {_at(x - 6, y2)} L{_at(x2, y2)}"
    )
