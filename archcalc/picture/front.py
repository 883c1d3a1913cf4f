"""The designs of a space by two of their figures, with the best of them joined by a line."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import ceil, hypot

from archcalc.algebra import Number
from archcalc.cost import Table
from archcalc.errors import UsageError
from archcalc.picture import Asked, Design
from archcalc.picture.chart import Axis, Chart, Place, linear, logarithmic
from archcalc.picture.svg import number
from archcalc.render import numbers

WIDE_RANGE = 20  # from which on an axis is logarithmic
NAMED = 8
PIECE = 4.0  # pixels of a line that labels keep off


def draw(tables: list[Table], asked: Asked) -> str:
    """Raises UsageError without designs."""
    if not asked.designs:
        raise UsageError("a front is of the designs of a space: --over size=96..224:32 --pareto macs,-size")
    title = asked.title or tables[0].name
    across, up = (_axis(name, [design.at[n] for design in asked.designs]) for n, name in enumerate(asked.axes))
    best = sorted((design for design in asked.designs if design.is_best), key=lambda design: design.at)
    said = f"{numbers.exact(len(best))} on the front of {numbers.exact(asked.of or len(asked.designs))} designs"
    told = f"{title}: its designs by {' and '.join(asked.axes)}, {said}"
    chart = Chart(title, told, across, up, said)
    for design in asked.designs:
        if not design.is_best:
            x, y = chart.at(*design.at)
            chart.canvas.circle(x, y, 2, "dot", design.title(asked.axes))
            chart.taken.append(Place(x - 2, y - 2, x + 2, y + 2))
    places = [chart.at(*design.at) for design in best]
    if len(places) > 1:
        chart.taken += [place for a, b in pairwise(places) for place in _along(a, b)]
        chart.canvas.path("M" + " L".join(f"{number(x)} {number(y)}" for x, y in places), "curve")
    for (x, y), design in zip(places, best, strict=True):
        chart.dot(x, y, 4, "mark", design.title(asked.axes))
    every = max(1, -(-len(places) // NAMED))
    for (x, y), design in list(zip(places, best, strict=True))[::every]:
        chart.label(x, y, design.name)
    return str(chart)


def _along(a: tuple[float, float], b: tuple[float, float]) -> list[Place]:
    """What a line takes, in pieces, but for its ends, where dots are."""
    steps = max(1, ceil(hypot(b[0] - a[0], b[1] - a[1]) / PIECE))
    points = [(a[0] + (b[0] - a[0]) * k / steps, a[1] + (b[1] - a[1]) * k / steps) for k in range(1, steps)]
    return [Place(x - PIECE / 2, y - PIECE / 2, x + PIECE / 2, y + PIECE / 2) for x, y in points]


def _axis(name: str, values: list[Number]) -> Axis:
    low, high = min(map(Fraction, values)), max(map(Fraction, values))  # type: ignore[arg-type]
    return logarithmic(name, values) if low > 0 and high > WIDE_RANGE * low else linear(name, high)


__all__ = ["Design", "draw"]
