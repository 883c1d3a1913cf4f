"""The best design along one axis, by bisection: where it is proved that figures never fall as the axis grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from archcalc.algebra import Number, Poly, increasing
from archcalc.cost import Table
from archcalc.errors import SpecError, Undecided, UsageError
from archcalc.space.axes import BATCH, Axis, Value, fits, is_open
from archcalc.space.designs import Space, counted, figure_of, is_placed
from archcalc.space.problem import Aim, Limit, Solution
from archcalc.space.times import predicted
from archcalc.spec.expressions import evaluate

PROVED = "monotone, proved"


def along(space: Space, aims: Sequence[Aim], limits: Sequence[Limit]) -> Solution | None:
    """The solution by bisection; None where it isn't shown that one axis decides it alone."""
    varying = [axis for axis in space.axes if len(axis.values) > 1] or list(space.axes)
    if len(varying) != 1 or len(aims) != 1 or aims[0].text != varying[0].name:
        return None
    (axis,), (aim,) = varying, aims
    if any(is_placed(limit.metric) for limit in limits):
        return None
    if not all(isinstance(axis.values[place], (int, Fraction)) for place in (0,)) or not _is_rising(axis):
        return None
    try:
        table = counted(space, {other.name: 0 for other in space.axes if other is not axis}, [axis])
        times = predicted(space.model, table, space.latencies)
    except (SpecError, Undecided) as error:
        if is_open(axis):
            raise UsageError(
                f"{axis.name} needs a range, for it has no closed form: {str(error).splitlines()[0]}"
            ) from None
        return None
    line = _Line(space, axis, table, {one.metric: figure_of(table, times, one.metric) for one in limits}, limits)
    return line.solution(aim) if line.is_proved(aim) else None


def _is_rising(axis: Axis) -> bool:
    return is_open(axis) or (axis.is_numeric and all(a < b for a, b in zip(axis.values, axis.values[1:], strict=False)))


class _Line:
    """One axis, and the closed forms of what is limited."""

    def __init__(
        self, space: Space, axis: Axis, table: Table, forms: Mapping[str, Number], limits: Sequence[Limit]
    ) -> None:
        self.space, self.axis, self.table, self.forms, self.limits = space, axis, table, forms, limits
        narrower = [text for found in table.narrower.values() for text in found]
        self.conditions = [*table.domain, *narrower]
        self.looked = 0

    def is_proved(self, aim: Aim) -> bool:
        """Whether every figure never falls along the axis, so that those that keep to the limits are a stretch; and, of
        an axis without an end, whether there is a limit that ends it.
        """
        kinds = {limit.kind for limit in self.limits}
        grows = all(increasing(form) for form in self.forms.values())
        stretch = kinds <= {"max" if aim.upwards else "min"}
        ended = not is_open(self.axis) or not aim.upwards or any(isinstance(f, Poly) for f in self.forms.values())
        first = next((place for place in range(min(len(self.axis.values), 4096)) if self._is_built(place)), None)
        return grows and stretch and ended and first is not None and self._built_from(first)

    def _built_from(self, first: int) -> bool:
        """Whether all values from one on can be built."""
        self.first = first
        for text in self.conditions:
            left, sign, _ = text.partition(" >= ")
            if not sign or not increasing(_number(evaluate(left, {self.axis.name: _of(self.table, self.axis.name)}))):
                return False
        last = len(self.axis.values) - 1
        return (
            is_open(self.axis)
            or self.axis.name == BATCH
            or all(fits(self.space.model, self.axis.name, self.axis.values[place]) for place in (first, last))
        )

    def _is_built(self, place: int) -> bool:
        value = self.axis.values[place]
        if self.axis.name != BATCH and not fits(self.space.model, self.axis.name, value):
            return False
        return all(evaluate(text, {self.axis.name: value}) is True for text in self.conditions)

    def _design(self, place: int) -> dict[str, Value]:
        """The parameters of a design, those of axes with one value too."""
        return {other.name: other.values[place if other is self.axis else 0] for other in self.space.axes}

    def figures(self, place: int) -> dict[str, int | Fraction]:
        """What is limited, of the design at a place."""
        value = self.axis.values[place]
        self.looked += 1
        return {name: _at(form, self.axis.name, value) for name, form in self.forms.items()}

    def broken(self, place: int) -> list[Limit]:
        """The limits that a design breaks."""
        found = self.figures(place)
        return [limit for limit in self.limits if not limit.holds(found[limit.metric])]

    def solution(self, aim: Aim) -> Solution:
        """By bisection between the first and the last."""
        low, high = self.first, len(self.axis.values) - 1
        if aim.upwards:
            place = self._last_kept(low, high)
            step = 1
        else:
            place = self._first_kept(low, high)
            step = -1
        if place is None:
            return self._nothing(aim, low if aim.upwards else high)
        beyond = place + step
        there = low <= beyond <= high
        broken = self.broken(beyond) if there else []
        names = tuple(dict.fromkeys(limit.metric for limit in broken))
        figures = ", ".join(dict.fromkeys(limit.metric for limit in self.limits)) or self.axis.name
        return Solution(
            self.table.name,
            (aim,),
            tuple(self.limits),
            self._design(place),
            self.figures(place),
            names,
            self._design(beyond) if there else None,
            names,
            self.figures(beyond) if there else {},
            f"{PROVED}: {figures} never fall{'s' * (', ' not in figures)} as {self.axis.name} grows; bisection",
            self.looked,
        )

    def _last_kept(self, low: int, high: int) -> int | None:
        if self.broken(low):
            return None
        step = 1
        while is_open(self.axis) and low + step < high and not self.broken(low + step):
            low, step = low + step, step * 2
        if is_open(self.axis):
            high = min(high, low + step)
        if not self.broken(high):
            return high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.broken(middle) else (middle, high)
        return low

    def _first_kept(self, low: int, high: int) -> int | None:
        if not self.broken(low):
            return low
        step = 1
        while is_open(self.axis) and low + step < high and self.broken(low + step):
            low, step = low + step, step * 2
        if is_open(self.axis):
            high = min(high, low + step)
        if self.broken(high):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.broken(middle) else (low, middle)
        return high

    def _nothing(self, aim: Aim, place: int) -> Solution:
        found = self.figures(place)
        least = {limit.metric: found[limit.metric] for limit in self.broken(place)}
        return Solution(
            self.table.name,
            (aim,),
            tuple(self.limits),
            None,
            method="monotone, proved",
            designs=self.looked,
            least=least,
        )


def _of(table: Table, name: str) -> Number:
    """A free parameter as a symbol."""
    return table.binding.batch if name == BATCH else table.binding.values[name]


def _at(form: Number, name: str, value: Value) -> int | Fraction:
    return form.evaluate({name: value}) if isinstance(form, Poly) else form


def _number(value: object) -> Number:
    return value if isinstance(value, (int, Fraction, Poly)) else 0


__all__ = ["along"]
