"""The best design of all, by going through them, and the least that would be better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from archcalc.algebra.grids import Grid
from archcalc.algebra.vectors import Exact
from archcalc.space.conditions import Condition
from archcalc.space.designs import Batch, evaluated, is_placed
from archcalc.space.problem import Aim, Limit, Solution
from archcalc.space.spanned import Space
from archcalc.spec import bind
from archcalc.tuples import NamedTuple
from archcalc.untyped import Array


def gone_through(
    space: Space, aims: Sequence[Aim], limits: Sequence[Limit], conditions: Sequence[Condition]
) -> Solution:
    """The best design of a space that holds limits and conditions, found by counting all of them; what is best beyond
    the limits too.
    """
    wanted = [limit.metric for limit in limits] + [name for aim in aims for name in sorted(aim.measure.names)]
    figures = [name for name in dict.fromkeys(wanted) if name in space.figures]
    search = _Search(space, aims, limits)
    if any(map(is_placed, figures)):
        _planned(search, figures, conditions)
    else:
        for batch in evaluated(space, figures, conditions):
            search.take(batch)
    found = search.best
    method = f"enumerated, {search.designs:,} designs"
    if found is None:
        return Solution(
            space.title, tuple(aims), tuple(limits), None, method=method, designs=search.designs,
            least=search.unmet(), unbuilt=search.unbuilt,
        )  # fmt: skip
    for batch in evaluated(space, figures, conditions) if limits and not any(map(is_placed, figures)) else ():
        search.look_beyond(batch)
    beyond = search.beyond
    breaks = tuple(
        dict.fromkeys(limit.metric for limit in limits if beyond and not limit.holds(beyond.costs[limit.metric]))
    )
    return Solution(
        space.title, tuple(aims), tuple(limits), space.values(found.number), found.costs, breaks,
        space.values(beyond.number) if beyond else None, breaks, beyond.costs if beyond else {}, method,
        search.designs, unbuilt=search.unbuilt,
    )  # fmt: skip


def _planned(search: _Search, figures: Sequence[str], conditions: Sequence[Condition]) -> None:
    """Where figures have no closed form: by the others the designs are put in order, the best first, and their memory
    is laid out until one keeps to all limits. Only if the order needs a plan too, or if none keeps to them, all are.
    """
    import numpy

    closed = [name for name in figures if not is_placed(name)]
    late = [c for c in conditions if any(map(is_placed, c.names))]
    if late or any(is_placed(name) for aim in search.aims for name in aim.measure.names):
        for batch in evaluated(search.space, figures, conditions):
            search.take(batch)
        return
    ordered = _Search(search.space, search.aims, [limit for limit in search.limits if not is_placed(limit.metric)])
    kept: list[_Found] = []
    for batch in evaluated(search.space, closed, conditions):
        ordered.count(batch)
        kept += ordered.kept(batch)
    search.designs, search.unbuilt = ordered.designs, ordered.unbuilt
    for found in sorted(kept, key=lambda found: (tuple(-part for part in found.score), found.number)):
        for batch in evaluated(search.space, figures, (), numpy.array([found.number])):
            if len(batch.index) and search.keeps(batch).all():
                search.best = ordered.best = _Found(found.score, found.number, search.costs(batch))
                for other in evaluated(search.space, closed, conditions):
                    ordered.look_beyond(other)
                _look_up(search, ordered.beyond, figures)
                return
    for batch in evaluated(search.space, figures, conditions):  # how close designs come that break other limits, too
        search.look_closer(batch)


def _look_up(search: _Search, found: _Found | None, figures: Sequence[str]) -> None:
    """Take a design as the next, with all of its figures."""
    import numpy

    if found is not None:
        for batch in evaluated(search.space, figures, (), numpy.array([found.number])):
            search.beyond = _Found(found.score, found.number, search.costs(batch))


class _Found(NamedTuple):
    """A design: what it is judged by (to be large), its number and its costs."""

    score: tuple[Fraction, ...]
    number: int
    costs: dict[str, int | Fraction]


class _Search:
    """The best design so far, and the closest to each limit."""

    def __init__(self, space: Space, aims: Sequence[Aim], limits: Sequence[Limit]) -> None:
        self.space, self.aims, self.limits = space, aims, limits
        self.best: _Found | None = None
        self.beyond: _Found | None = None
        self.closest: dict[Limit, Fraction] = {}
        self.designs = self.unbuilt = 0

    def take(self, batch: Batch) -> None:
        """The best of a batch."""
        import numpy

        self.count(batch)
        if not len(batch.index):
            return
        found = self._first(batch, numpy.flatnonzero(self.keeps(batch)))
        if found is not None and (self.best is None or found.score > self.best.score):
            self.best = found

    def count(self, batch: Batch) -> None:
        """How many designs a batch looked at."""
        self.designs += batch.looked - batch.unbuilt
        self.unbuilt += batch.unbuilt
        self.look_closer(batch)

    def look_closer(self, batch: Batch) -> None:
        """How close its designs come to each limit."""
        for limit in self.limits if len(batch.index) else ():
            self._come_closer(batch.figures[limit.metric], limit)

    def keeps(self, batch: Batch) -> Any:
        """Which of its designs keep to all limits."""
        import numpy

        keep = numpy.ones(len(batch.index), dtype=bool)
        for limit in self.limits:
            keep &= _keeps(batch.figures[limit.metric], limit)
        return keep

    def kept(self, batch: Batch) -> list[_Found]:
        """All of its designs that keep to all limits."""
        import numpy

        if not len(batch.index):
            return []
        scores = self._scores(batch)
        return [self._at(batch, scores, int(place)) for place in numpy.flatnonzero(self.keeps(batch))]

    def costs(self, batch: Batch) -> dict[str, int | Fraction]:
        """The figures of the only design of a batch."""
        return {name: _plain(Fraction(int(f.numerators[0]), f.denominator)) for name, f in batch.figures.items()}

    def look_beyond(self, batch: Batch) -> None:
        """The least that would be better than the best."""
        import numpy

        assert self.best is not None
        if not len(batch.index):
            return
        scores = self._scores(batch)
        equal = numpy.arange(len(batch.index))
        for score, best in zip(scores, self.best.score, strict=True):
            here = best * score.denominator
            values = score.numerators[equal]
            better = equal[(values > here.numerator // here.denominator).astype(bool)]
            if better.size:
                self._take_beyond(self._at(batch, scores, _lowest(scores, better)))
            equal = equal[(values == here).astype(bool)]

    def _take_beyond(self, found: _Found) -> None:
        if self.beyond is None or found.score < self.beyond.score:
            self.beyond = found

    def _first(self, batch: Batch, places: Any) -> _Found | None:
        """The best of those at some places: by the first aim, then by the next."""
        scores = self._scores(batch)
        for score in scores:
            if not places.size:
                return None
            values = score.numerators[places]
            places = places[values == values.max()]
        return self._at(batch, scores, int(places[0])) if places.size else None

    def _at(self, batch: Batch, scores: Sequence[Exact], place: int) -> _Found:
        score = tuple(Fraction(int(one.numerators[place]), one.denominator) for one in scores)
        costs = {name: _plain(Fraction(int(f.numerators[place]), f.denominator)) for name, f in batch.figures.items()}
        return _Found(score, int(batch.index[place]), costs)

    def _scores(self, batch: Batch) -> list[Exact]:
        """What the designs are judged by; what should be small, turned around."""
        import numpy

        axes = {axis.name: axis for axis in self.space.axes}
        places, rest = {}, batch.index
        for axis in reversed(self.space.axes):
            rest, places[axis.name] = numpy.divmod(rest, len(axis.values))
        grid = Grid({name: axis.values for name, axis in axes.items() if axis.is_numeric}, places)
        grid.known.update(batch.figures)
        found = []
        for aim in self.aims:
            values = aim.measure.values(grid, self._fixed())
            spread = numpy.broadcast_to(values.numerators, batch.index.shape)
            found.append(Exact(spread if aim.upwards else -spread, values.denominator))
        return found

    def _fixed(self) -> Mapping[str, object]:
        own = bind(self.space.model.spec, self.space.model.variant, self.space.question.bindings).values
        return {name: value for name, value in own.items() if name not in [axis.name for axis in self.space.axes]}

    def _come_closer(self, found: Exact, limit: Limit) -> None:
        end = found.numerators.min() if limit.kind == "max" else found.numerators.max()
        value = Fraction(int(end), found.denominator)
        pick = min if limit.kind == "max" else max
        self.closest[limit] = pick(self.closest.get(limit, value), value)

    def unmet(self) -> dict[str, int | Fraction]:
        """The limits that no design meets, with the closest figure there is."""
        return {limit.metric: _plain(value) for limit, value in self.closest.items() if not limit.holds(value)}


def _lowest(scores: Sequence[Exact], places: Array) -> int:
    """Which of the places has the least of the first score, of those with the least the least of the next."""
    for score in scores:
        values = score.numerators[places]
        places = places[(values == values.min()).astype(bool)]
    return int(places[0])


def _keeps(found: Exact, limit: Limit) -> object:
    bound = limit.bound * found.denominator
    if limit.kind == "max":
        return (found.numerators <= bound.numerator // bound.denominator).astype(bool)
    return (found.numerators >= -(-bound.numerator // bound.denominator)).astype(bool)


def _plain(value: Fraction) -> int | Fraction:
    return value.numerator if value.denominator == 1 else value


__all__ = ["gone_through"]
