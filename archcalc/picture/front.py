"""The designs of a space by two of their figures, with the best of them joined by a line."""

from __future__ import annotations

from fractions import Fraction

from archcalc.algebra import Number
from archcalc.cost import Table
from archcalc.errors import UsageError
from archcalc.picture import Asked, Design
from archcalc.picture.chart import Axis, Chart, Place, linear, logarithmic
from archcalc.picture.svg import number
from archcalc.render import numbers

WIDE_RANGE = 20  # from which on an axis is logarithmic
NAMED = 8


def draw(tables: list[Table], asked: Asked) -> str:
    """Raises UsageError without designs."""
    if not asked.designs:
        raise UsageError("a front is of the designs of a space: --over size=96..224:32 --pareto macs,-size")
    (table,) = tables
    across, up = (_axis(name, [design.at[n] for design in asked.designs]) for n, name in enumerate(asked.axes))
    best = sorted((design for design in asked.designs if design.is_best), key=lambda design: design.at)
    said = f"{numbers.exact(len(best))} on the front of {numbers.exact(asked.of or len(asked.designs))} designs"
    told = f"{table.name}: its designs by {' and '.join(asked.axes)}, {said}"
    chart = Chart(table.name, told, across, up, said)
    for design in asked.designs:
        if not design.is_best:
            x, y = chart.at(*design.at)
            chart.canvas.circle(x, y, 2, "dot", design.title(asked.axes))
            chart.taken.append(Place(x - 2, y - 2, x + 2, y + 2))
    places = [chart.at(*design.at) for design in best]
    if len(places) > 1:
        chart.canvas.path("M" + " L".join(f"{number(x)} {number(y)}" for x, y in places), "curve")
    for (x, y), design in zip(places, best, strict=True):
        chart.dot(x, y, 4, "mark", design.title(asked.axes))
    every = max(1, -(-len(places) // NAMED))
    for (x, y), design in list(zip(places, best, strict=True))[::every]:
        chart.label(x, y, design.name)
    return str(chart)


def _axis(name: str, values: list[Number]) -> Axis:
    low, high = min(map(Fraction, values)), max(map(Fraction, values))  # type: ignore[arg-type]
    return logarithmic(name, values) if low > 0 and high > WIDE_RANGE * low else linear(name, high)


__all__ = ["Design", "draw"]
