"""Where a metric is: an area a layer or a block, those of one group together.

Rectangles are kept near to squares by rows, as Bruls, Huizing and van Wijk do it in "Squarified Treemaps" (2000).
"""

from __future__ import annotations

from fractions import Fraction

from archcalc.cost import Table
from archcalc.cost.row import Row
from archcalc.picture import METRICS, Asked, colours
from archcalc.picture.chart import Place, heading, whole
from archcalc.picture.svg import WIDE, Canvas, cut, width
from archcalc.render import numbers
from archcalc.render.grouping import flat, ordered, shortened

MOST, HIGH = 200, 560.0
WHOLE = Place(16, 62, WIDE - 16, HIGH - 16)


def draw(tables: list[Table], asked: Asked) -> str:
    """Areas as large as their share of the metric, as SVG. Raises UsageError for closed forms."""
    (table,) = tables
    metric = asked.metric
    total = whole(table.total(metric))
    said = f"{numbers.count(total)} {METRICS[metric]}"
    canvas = Canvas(WIDE, HIGH, table.name, f"{table.name}: {said}, an area a layer or block")
    heading(canvas, table.name, said)
    canvas.text(16, 50, f"areas are shares of {METRICS[metric]}", kind="faint")
    rows = shortened(ordered(flat(table, "block", asked.depth), metric), MOST)
    rows = [row for row in rows if getattr(row, metric) != 0]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.name.split("/")[0] if row.op else row.name, []).append(row)
    sums = {
        name: sum((Fraction(whole(getattr(row, metric))) for row in inner), Fraction(0))
        for name, inner in groups.items()
    }
    names = sorted(sums, key=lambda name: -sums[name])
    for name, place in zip(names, squarified([sums[name] for name in names], WHOLE), strict=True):
        _group(canvas, name, groups[name], place, metric, Fraction(total))
    return str(canvas)


def _group(canvas: Canvas, name: str, rows: list[Row], place: Place, metric: str, total: Fraction) -> None:
    wide, high = place.right - place.left, place.bottom - place.top
    is_framed = len(rows) > 1 and wide > 30 and high > 40
    if is_framed:
        canvas.rect(place.left, place.top, wide, high, "frame", name)
        canvas.text(place.left + 5, place.top + 13, cut(name, wide - 10, bold=True), bold=True)
        place = Place(place.left + 3, place.top + 18, place.right - 3, place.bottom - 3)
    shares = [Fraction(whole(getattr(row, metric))) for row in rows]
    for row, cell, value in zip(rows, squarified(shares, place), shares, strict=True):
        _cell(canvas, row, row.name.removeprefix(f"{name}/"), cell, value, metric, total)


def _cell(canvas: Canvas, row: Row, name: str, cell: Place, value: Fraction, metric: str, total: Fraction) -> None:
    wide, high = cell.right - cell.left, cell.bottom - cell.top
    share = f"{numbers.share(value, total)} %"
    title = f"{row.name}\n{row.text}\n{numbers.exact(int(value))} {METRICS[metric]}, {share}"
    canvas.rect(cell.left, cell.top, wide, high, f"s{colours.step(value, total) or 0}", title)
    if high >= 18 and (shown := cut(name, wide - 8)):
        canvas.text(cell.left + 4, cell.top + 13, shown)
        if high >= 32 and width(share) <= wide - 8:
            canvas.text(cell.left + 4, cell.top + 27, share)


def squarified(values: list[Fraction], place: Place) -> list[Place]:
    """A rectangle for each value, the largest first, as large as its share of the whole."""
    found: list[Place] = []
    left, at = sum(values, Fraction(0)), 0
    while at < len(values):
        wide, high = place.right - place.left, place.bottom - place.top
        count = _row(values[at:], left, wide, high)
        row = values[at : at + count]
        part = float(sum(row) / left)
        edge = 0.0
        for value in row:
            share = float(value / sum(row))
            if wide >= high:
                top = place.top + edge * high
                found.append(Place(place.left, top, place.left + part * wide, top + share * high))
            else:
                start = place.left + edge * wide
                found.append(Place(start, place.top, start + share * wide, place.top + part * high))
            edge += share
        place = (
            place._replace(left=place.left + part * wide)
            if wide >= high
            else place._replace(top=place.top + part * high)
        )
        left, at = left - sum(row), at + count
    return found


def _row(values: list[Fraction], total: Fraction, wide: float, high: float) -> int:
    """How many of the next values stand side by side along the shorter edge: as long as the worst gets better."""
    short, area = min(wide, high), wide * high
    best, worst_before, sum_ = 0, float("inf"), 0.0
    sizes = [float(value / total) * area for value in values]
    for count, size in enumerate(sizes, 1):
        sum_ += size
        thick = sum_ / short if short else 1.0
        worst = max(
            max(thick * thick / each, each / (thick * thick)) if each and thick else float("inf")
            for each in (sizes[0], size)
        )
        if count > 1 and worst > worst_before:
            break
        best, worst_before = count, worst
    return best
