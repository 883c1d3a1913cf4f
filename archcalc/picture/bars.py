"""Where a metric is, the dearest first: a bar a layer or a block."""

from __future__ import annotations

from fractions import Fraction

from archcalc.cost import Table
from archcalc.picture import METRICS, Asked, colours
from archcalc.picture.chart import heading, whole
from archcalc.picture.svg import WIDE, Canvas, cut
from archcalc.render import numbers
from archcalc.render.grouping import flat, ordered, shortened

MOST, STEP, TOP, LEFT = 30, 20.0, 44.0, 200.0


def draw(tables: list[Table], asked: Asked) -> str:
    """Bars, the dearest part first, as SVG. Raises UsageError for closed forms."""
    (table,) = tables
    metric = asked.metric
    total = whole(table.total(metric))
    rows = ordered(flat(table, "block", asked.depth), metric)
    rows = shortened([row for row in rows if getattr(row, metric) != 0] or rows[:1], MOST)
    most = max(Fraction(whole(getattr(row, metric))) for row in rows) or Fraction(1)
    said = f"{numbers.count(total)} {METRICS[metric]}"
    canvas = Canvas(WIDE, TOP + STEP * len(rows) + 16, table.name, f"{table.name}: {said}, by layer or block")
    heading(canvas, table.name, said)
    for n, row in enumerate(rows):
        value = whole(getattr(row, metric))
        y, share = TOP + STEP * n, numbers.share(value, total)
        title = f"{row.name}\n{row.text}\n{numbers.exact(value)} {METRICS[metric]}"
        wide = float(value / most) * (WIDE - LEFT - 120)
        canvas.rect(LEFT, y, max(wide, 1), STEP - 5, f"s{colours.step(value, total) or 0}", title)
        canvas.text(LEFT - 8, y + 12, cut(row.name, LEFT - 24), anchor="end")
        said = f"{numbers.count(value)}{f', {share} %' if share else ''}"
        canvas.text(LEFT + wide + 6, y + 12, cut(said, WIDE - LEFT - wide - 14))
    return str(canvas)
