"""Axes, ticks and labels that keep out of each other's way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from math import floor, log10

from archcalc.algebra import Number, Poly
from archcalc.cost import Table
from archcalc.errors import UsageError
from archcalc.picture.svg import WIDE, Canvas, cut, width
from archcalc.render import numbers
from archcalc.tuples import NamedTuple

LEFT, RIGHT, TOP, BOTTOM = 72.0, WIDE - 24.0, 64.0, 420.0
HIGH = 476.0
MOST_DECADES = 8  # that all have a tick


class Place(NamedTuple):
    """What something takes on the canvas: left, top, right and bottom."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Place) -> bool:
        """Whether two of them lie over one another."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


class Tick(NamedTuple):
    """A place on an axis, from 0 to 1, and what is written there."""

    at: float
    text: str


class Axis(NamedTuple):
    """What it is called, its ticks, and where values are on it, from 0 to 1."""

    title: str
    ticks: list[Tick]
    at: Callable[[Number], float]


def whole(value: Number | None) -> int | Fraction:
    """A figure that is a number. Raises UsageError for a closed form."""
    if isinstance(value, Poly):
        raise UsageError(f"a plot is of numbers, and {', '.join(sorted(value.symbols))} is free: give it with --set")
    return value or 0


def linear(title: str, most: Number, shown: Callable[[Number], str] = numbers.count) -> Axis:
    """From 0 to a bit above `most`, with about five ticks at 1, 2 or 5 times a power of ten."""
    top = Fraction(whole(most)) * 11 / 10 or Fraction(1)
    rough = top / 5
    power = Fraction(10) ** _decade(rough)
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    if top >= 1:
        step = max(step, Fraction(1))
    values = [step * k for k in range(int(top / step) + 1)]
    ticks = [Tick(float(value / top), shown(int(value) if value.denominator == 1 else value)) for value in values]
    return Axis(title, ticks, lambda value: float(Fraction(whole(value)) / top))


def binary(title: str, most: Number) -> Axis:
    """Bytes from 0 to a bit above `most`, with ticks at whole numbers of the unit."""
    top = Fraction(whole(most)) * 6 / 5 or Fraction(1)
    unit = Fraction(1024) ** max(k for k in range(12) if k == 0 or Fraction(1024) ** k <= top)
    scaled, step = linear(title, top / unit * 10 / 11), _step(top / unit) * unit
    ticks = [Tick(float(k * step / top), numbers.size_in_bytes(_int(k * step))) for k in range(int(top / step) + 1)]
    return scaled._replace(ticks=ticks, at=lambda value: float(Fraction(whole(value)) / top))


def _step(top: Fraction) -> Fraction:
    power = Fraction(10) ** _decade(top / 5)
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= top / 5)


def _int(value: Fraction) -> int | Fraction:
    return int(value) if value.denominator == 1 else value


def _decade(value: Fraction) -> int:
    """The power of ten that a number has."""
    return floor(_log(value))


def _log(value: Number) -> float:
    """Of numbers too that are too large for a float."""
    found = Fraction(whole(value))
    return log10(found.numerator) - log10(found.denominator)


def logarithmic(title: str, values: Iterable[Number]) -> Axis:
    """Whole decades around positive values."""
    found = [_log(value) for value in values] or [0.0]
    low, high = floor(min(found) - 0.05), floor(max(found) + 0.05) + 1
    every = -(-(high - low) // MOST_DECADES)
    ticks = [Tick((k - low) / (high - low), _power(k)) for k in range(low, high + 1, every)]
    return Axis(title, ticks, lambda value: (_log(value) - low) / (high - low))


def _power(k: int) -> str:
    """A power of ten, as long as there is a unit for it."""
    if k > 20:
        return f"1e{k}"
    return numbers.count(10**k) if k >= 0 else numbers.significant(Fraction(10) ** k)


class Chart:
    """A canvas with axes; places on it are asked for with values."""

    def __init__(self, title: str, told: str, across: Axis, up: Axis, right: str = "") -> None:
        self.canvas = Canvas(WIDE, HIGH, title, told)
        self.across, self.up = across, up
        self.taken: list[Place] = []
        self.dots: dict[tuple[float, float], Place] = {}
        heading(self.canvas, title, right)
        self._axes()

    def at(self, across: Number, up: Number) -> tuple[float, float]:
        """Where a pair of values is."""
        return self.x(self.across.at(across)), self.y(self.up.at(up))

    @staticmethod
    def x(part: float) -> float:
        """Pixels from the left."""
        return LEFT + min(max(part, 0.0), 1.0) * (RIGHT - LEFT)

    @staticmethod
    def y(part: float) -> float:
        """Pixels from the top."""
        return BOTTOM - min(max(part, 0.0), 1.0) * (BOTTOM - TOP)

    def _axes(self) -> None:
        canvas = self.canvas
        canvas.line([(LEFT, TOP), (LEFT, BOTTOM), (RIGHT, BOTTOM)], "line")
        for tick in self.up.ticks:
            y = self.y(tick.at)
            canvas.line([(LEFT - 4, y), (LEFT, y)], "line")
            canvas.text(LEFT - 7, y + 4, cut(tick.text, LEFT - 8), anchor="end", kind="faint")
        end = -1.0
        for tick in self.across.ticks:
            x, half = self.x(tick.at), width(tick.text) / 2
            canvas.line([(x, BOTTOM), (x, BOTTOM + 4)], "line")
            if x - half > end and x + half < WIDE:
                canvas.text(x, BOTTOM + 17, tick.text, anchor="middle", kind="faint")
                end = x + half + 4
        canvas.text((LEFT + RIGHT) / 2, HIGH - 14, self.across.title, anchor="middle", kind="faint")
        canvas.text(8, TOP - 10, self.up.title, kind="faint")
        self.taken.append(Place(8, TOP - 20, 8 + width(self.up.title), TOP - 6))

    def dot(self, x: float, y: float, radius: float, kind: str, title: str) -> None:
        """A point, which labels of others keep off."""
        self.canvas.circle(x, y, radius, kind, title)
        self.dots[x, y] = Place(x - radius, y - radius, x + radius, y + radius)

    def label(self, x: float, y: float, text: str, away: float = 8, bold: bool = False) -> bool:
        """Text beside a point, where it lies on no other; whether there was room."""
        wide = width(text, bold=bold)
        others = [*self.taken, *(place for at, place in self.dots.items() if at != (x, y))]
        for anchor, dx, dy in (
            ("start", away, 4), ("end", -away, 4), ("middle", 0, -away), ("middle", 0, away + 9),
            ("start", away, -away), ("end", -away, -away), ("start", away, away + 9), ("end", -away, away + 9),
        ):  # fmt: skip
            left = x + dx - {"start": 0, "middle": wide / 2, "end": wide}[anchor]
            place = Place(left - 1, y + dy - 10, left + wide + 1, y + dy + 3)
            inside = place.left >= LEFT + 2 and place.right <= RIGHT + 20 and place.top >= TOP - 12
            if inside and place.bottom <= BOTTOM and not any(place.meets(other) for other in others):
                self.taken.append(place)
                self.canvas.text(x + dx, y + dy, text, anchor=anchor, bold=bold, kind="over")
                return True
        return False

    def legend(self, names: Iterable[str]) -> None:
        """Which curve is whose, above the axes; as much of each name as there is room for."""
        names = list(names)
        self.canvas.curves(len(names))
        x = 8 + width(self.up.title) + 18
        room = (RIGHT - x) / len(names)
        for n, name in enumerate(names):
            shown = cut(name, room - 40)
            self.canvas.line([(x, TOP - 14), (x + 22, TOP - 14)], f"c{n}")
            self.canvas.text(x + 27, TOP - 10, shown)
            x += 27 + width(shown) + 13

    def __str__(self) -> str:
        return str(self.canvas)


def together(tables: Iterable[Table]) -> str:
    """What several networks are called as a title."""
    *first, last = (table.name for table in tables)
    return f"{', '.join(first)} and {last}" if first else last


def heading(canvas: Canvas, title: str, right: str) -> None:
    """What it is of, and in short what is seen."""
    right = cut(right, 0.6 * WIDE)
    canvas.text(16, 26, cut(title, WIDE - 52 - width(right), 16, True), 16, bold=True)
    if right:
        canvas.text(WIDE - 16, 26, right, anchor="end")
