"""The best design along one axis, by bisection: where it is proved that figures never fall as the axis grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise

from archcalc.algebra import Number, Poly, increasing
from archcalc.cost import Table
from archcalc.errors import ArchcalcError, SpecError, Undecided, UsageError
from archcalc.space.axes import BATCH, Axis, Value, is_open
from archcalc.space.designs import figure_of, is_placed
from archcalc.space.problem import Aim, Limit, Solution
from archcalc.space.spanned import Space, counted, fits
from archcalc.space.times import predicted
from archcalc.space.validity import demanded, limited, spoken_of, value_of
from archcalc.spec.expressions import evaluate

PROVED = "monotone, proved"
FEW = 4096  # values that are looked at one by one


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
        self.conditions = limited(table)
        self.counted: dict[int, dict[str, int | Fraction]] = {}  # places of which the forms say nothing
        self.looked = 0

    def is_proved(self, aim: Aim) -> bool:
        """Whether every figure never falls along the axis, so that those that keep to the limits are a stretch; and, of
        an axis without an end, whether there is a limit that ends it.
        """
        kinds = {limit.kind for limit in self.limits}
        grows = all(increasing(form) for form in self.forms.values())
        stretch = kinds <= {"max" if aim.upwards else "min"}
        ended = not is_open(self.axis) or not aim.upwards or any(isinstance(f, Poly) for f in self.forms.values())
        first = next((place for place in range(min(len(self.axis.values), FEW)) if self._is_built(place)), None)
        if not grows or not stretch or not ended or first is None or not self._built_from(first):
            return False
        self.first = self._begin(first)
        if self.first == first:
            return not self.counted
        steps = [self.figures(place) for place in range(self.first, first + 1)]
        grows = all(a[name] <= b[name] for a, b in pairwise(steps) for name in self.forms)
        return grows and len(steps) == len(self.counted) + 1

    def _begin(self, first: int) -> int:
        """Where the stretch begins that ends at the first place that the forms speak of: what lies before it repeats
        too seldom for them, and is counted.
        """
        if self.axis.name == BATCH or (self._is_spoken_of(0) and not any(self.conditions.values())):
            return first
        for place in range(first):
            self._count(place)
        begin = first
        while begin - 1 in self.counted:
            begin -= 1
        return begin

    def _count(self, place: int) -> None:
        """Keep the figures of a design, if it can be built."""
        with suppress(SpecError):
            table = counted(self.space, self._places(place), ())
            times = predicted(self.space.model, table, self.space.latencies)
            found = {name: figure_of(table, times, name) for name in self.forms}
            self.looked += 1
            self.counted[place] = {name: value for name, value in found.items() if not isinstance(value, Poly)}

    def _built_from(self, first: int) -> bool:
        """Whether all values from one on can be built."""
        own = {self.axis.name: value_of(self.table, self.axis.name)}
        for text in self.conditions:
            left, sign, _ = text.partition(" >= ")
            if not sign or not increasing(_number(evaluate(left, own))):
                return False
        if not is_open(self.axis) and not all(spoken_of(self.table, self.axis)[first:]):
            return False
        asked = [text for text in demanded(self.table) if not self._is_kept_to(text)]
        last = len(self.axis.values) - 1
        if not asked:
            return is_open(self.axis) or (self._fits(first) and self._fits(last))
        return not is_open(self.axis) and last < FEW and all(map(self._fits, range(first, last + 1)))

    def _is_kept_to(self, text: str) -> bool:
        """Whether what is asked of parameters holds for all values from one on that it holds for."""
        low, sign, high = text.partition(" >= ")
        try:
            return bool(sign) and increasing(_number(evaluate(f"({low}) - ({high})", self.table.binding.values)))
        except ArchcalcError:
            return False

    def _places(self, place: int) -> dict[str, int]:
        return {other.name: place if other is self.axis else 0 for other in self.space.axes}

    def _fits(self, place: int) -> bool:
        """Whether the parameters may be worth that, those of a batch always."""
        places = {name: at for name, at in self._places(place).items() if name != BATCH}
        return fits(self.space, places)

    def _is_built(self, place: int) -> bool:
        if not self._is_spoken_of(place) or not self._fits(place):
            return False
        given = {self.axis.name: self.axis.values[place]}
        own = self.table.binding.values.items()
        values = {
            name: _at(value, self.axis.name, given[self.axis.name]) if isinstance(value, Poly) else value
            for name, value in own
        }
        return all(evaluate(text, {**values, **given}) is True for text in self.conditions)

    def _is_spoken_of(self, place: int) -> bool:
        return spoken_of(self.table, Axis(self.axis.name, self.axis.values[place : place + 1]))[0]

    def _design(self, place: int) -> dict[str, Value]:
        """The parameters of a design, those of axes with one value too."""
        return {other.name: other.values[place if other is self.axis else 0] for other in self.space.axes}

    def figures(self, place: int) -> dict[str, int | Fraction]:
        """What is limited, of the design at a place."""
        if place in self.counted:
            return self.counted[place]
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


def _at(form: Number, name: str, value: Value) -> int | Fraction:
    return form.evaluate({name: value}) if isinstance(form, Poly) else form


def _number(value: object) -> Number:
    return value if isinstance(value, (int, Fraction, Poly)) else 0


__all__ = ["along"]
