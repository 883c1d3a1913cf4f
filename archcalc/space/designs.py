"""Every design of a space with its costs: by closed forms where numbers vary, by a count where the structure does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from archcalc.algebra import Number, Poly
from archcalc.algebra.grids import Grid
from archcalc.algebra.vectors import Exact
from archcalc.cost import Table
from archcalc.errors import SpecError, Undecided, UsageError, suggest
from archcalc.metrics import OTHER_NAMES, PLACED, is_latency, metric
from archcalc.records import Record
from archcalc.space.axes import Axis, Value, designs
from archcalc.space.conditions import Condition
from archcalc.space.spanned import FIGURES, Space, counted, fits
from archcalc.space.times import LATENCY, predicted
from archcalc.space.validity import demanded, limited, limits_of, repeating, spoken_of

if TYPE_CHECKING:
    pass

Array = Any
MOST_AT_ONCE = 1 << 20  # designs whose costs are computed together
PLANNED_AT_ONCE = 64  # designs whose memory is laid out before others hear of it


class Batch(Record):
    """Designs whose costs were computed together: their numbers, and each figure of theirs."""

    index: Array
    figures: dict[str, Exact]
    looked: int = 0  # designs that were looked at
    unbuilt: int = 0  # designs that can't be built, and aren't among them
    why: str = ""  # what is wrong with the first of those
    met: frozenset[str] = frozenset()  # conditions that hold of some of those that can be built


def is_placed(name: str) -> bool:
    """Whether a figure has no closed form, for tensors find their places where all sizes are numbers."""
    return OTHER_NAMES.get(name, name) in PLACED


def check_figures(names: Iterable[str], known: Sequence[str] = FIGURES) -> None:
    """Raise UsageError for a figure that networks don't have."""
    for name in names:
        if name not in known:
            shown = ", ".join(one for one in known if one not in OTHER_NAMES)
            raise UsageError(f"there is no metric '{name}'{suggest(name, known, f'there are {shown}')}")


def figure_of(table: Table, times: Mapping[str, Number], name: str) -> Number:
    """The closed form of a figure, or its value; `times` are those that were predicted. Raises UsageError."""
    if is_latency(name) and len(times) > 1:
        raise UsageError(f"{name} on which of the devices? there are {', '.join(times)}")
    own = LATENCY if is_latency(name) else name
    found = times[own] if own in times else metric(table, name, None, table.spec.mark)
    if not isinstance(found, (int, Fraction, Poly)):
        raise UsageError(f"{name} of {table.name} is {found}, and designs are compared by numbers")
    return found


def evaluated(
    space: Space, figures: Sequence[str], where: Sequence[Condition] = (), at: Array | None = None
) -> Iterator[Batch]:
    """The designs of a space for which all conditions hold, with these figures; `at`: only those with these numbers.

    Designs that can't be built are left out and counted. Raises UsageError for figures that a network doesn't have.
    """
    known = space.figures
    needed = list(dict.fromkeys([*figures, *(name for one in where for name in sorted(one.names) if name in known)]))
    check_figures(needed, known)
    for part in _parts(space, {}, list(space.axes), at):
        yield from part.batches(needed, where, at)


# ---- parts of a space ------------------------------------------------------------------------------------------------


class _Part(Record, frozen=False):
    """Designs that are alike but for numbers: `fixed` has the positions of the others, `free` the axes that vary."""

    space: Space
    fixed: dict[str, int]
    free: list[Axis]
    table: Table | None  # None where none of them can be built
    why: str = ""
    times: dict[str, Number] = {}

    def batches(self, figures: Sequence[str], where: Sequence[Condition], at: Array | None) -> Iterator[Batch]:
        """Closed forms first; what has none is worked out for the designs that are left, one by one."""
        placed = [name for name in figures if is_placed(name)]
        last = [condition for condition in where if any(map(is_placed, condition.names))]
        figures = [name for name in figures if name not in placed]
        where = [condition for condition in where if condition not in last]
        for batch in self._batches(figures, where, at):
            if not placed or not len(batch.index):
                none = {name: Exact(batch.index) for name in placed} if not len(batch.index) else {}
                yield batch._replace(figures={**batch.figures, **none})
                continue
            yield from self._laid_out(batch, placed, last)

    def _laid_out(self, batch: Batch, placed: Sequence[str], last: Sequence[Condition]) -> Iterator[Batch]:
        """The designs of a batch with a plan of their memory."""
        import numpy

        for start in range(0, len(batch.index), PLANNED_AT_ONCE):
            some = slice(start, start + PLANNED_AT_ONCE)
            index = batch.index[some]
            first = start == 0
            known = {name: Exact(f.numerators[some], f.denominator) for name, f in batch.figures.items()}
            tables = [counted(self.space, self._places_of(int(number)), ()) for number in index]
            for name in placed:
                values = [metric(table, name, None, table.spec.mark) for table in tables]
                known[name] = Exact(numpy.array(values, dtype=numpy.int64))
            grid = Grid({axis.name: axis.values for axis in self.free}, self._at(index))
            grid.known.update(known)
            keep: Array = numpy.ones(index.shape, dtype=bool)
            held = [(condition.text, condition.holds(grid, self._words())) for condition in last]
            for _, holds in held:
                keep = keep & holds
            met = batch.met | {text for text, holds in held if numpy.any(holds)}
            kept = {name: Exact(f.numerators[keep], f.denominator) for name, f in known.items()}
            looked = len(index) if not first else batch.looked - len(batch.index) + len(index)
            yield Batch(index[keep], kept, looked, batch.unbuilt if first else 0, batch.why, met)

    def _places_of(self, number: int) -> dict[str, int]:
        places: dict[str, int] = {}
        for axis in reversed(self.space.axes):
            number, places[axis.name] = divmod(number, len(axis.values))
        return places

    def _at(self, index: Array) -> dict[str, Array]:
        """Positions on the free axes of designs by number."""
        import numpy

        places, rest = {}, index
        for axis in reversed(self.space.axes):
            rest, places[axis.name] = numpy.divmod(rest, len(axis.values))
        return {axis.name: places[axis.name] for axis in self.free}

    def _batches(self, figures: Sequence[str], where: Sequence[Condition], at: Array | None) -> Iterator[Batch]:
        for positions in self._chunks(at):
            index = self._index(positions)
            grid = Grid({axis.name: axis.values for axis in self.free}, positions)
            mask, others = self._built(grid, index.shape)
            elsewhere = {name: index[_spread(some, index.shape)] for name, some in others.items()}
            yield self._spoken_of(grid, index, mask, sum(map(len, elsewhere.values())), figures, where)
            for axis in self.free:
                if axis.name in elsewhere:
                    for part in _each(self.space, self.fixed, self.free, axis, elsewhere[axis.name]):
                        yield from part._batches(figures, where, elsewhere[axis.name])

    def _spoken_of(
        self, grid: Grid, index: Array, mask: Array, elsewhere: int, figures: Sequence[str], where: Sequence[Condition]
    ) -> Batch:
        """The designs that are in the mask, by the closed forms; `elsewhere` are those that others tell."""
        looked = index.size - elsewhere
        if self.table is None:
            return Batch(index[:0].ravel(), {}, looked, looked, self.why)
        costs = {name: grid.evaluate(self._form(name)) for name in figures}
        grid.known.update(costs)
        keep, met = mask, set[str]()
        for condition in where:
            holds = condition.holds(grid, self._words())
            met |= {condition.text} if (mask & holds).any() else set()
            keep = keep & holds
        return self._kept(index, costs, mask, keep, looked)._replace(met=frozenset(met))

    def _kept(self, index: Array, costs: dict[str, Exact], mask: Array, keep: Array, looked: int) -> Batch:
        chosen = _spread(keep, index.shape)
        kept = {
            name: Exact(_spread(found.numerators, index.shape)[chosen], found.denominator)
            for name, found in costs.items()
        }
        unbuilt = looked - int(_spread(mask, index.shape).sum())
        return Batch(index[chosen], kept, looked, unbuilt, "outside of what its sizes allow" if unbuilt else "")

    def _form(self, name: str) -> Number:
        """The closed form of a figure, or its value."""
        assert self.table is not None
        return figure_of(self.table, self.times, name)

    def _words(self) -> dict[str, Value]:
        """What doesn't vary here: the other axes and the parameters that are no axis."""
        assert self.table is not None
        own = {name: value for name, value in self.table.binding.values.items() if name not in self.table.free}
        axes = {axis.name: axis for axis in self.space.axes}
        return {**own, **{name: axes[name].values[place] for name, place in self.fixed.items()}}

    def _built(self, grid: Grid, shape: tuple[int, ...]) -> tuple[Array, dict[str, Array]]:
        """Which of the designs can be built: each value is one that its parameter takes, and every size is at least
        one. And those of which the forms say nothing, for something repeats less often than they speak of: by an axis
        that tells how often.
        """
        import numpy

        mask: Array = numpy.ones((1,) * len(shape), dtype=bool)
        others: dict[str, Array] = {}

        def cut(holds: Array, name: str = "") -> None:
            nonlocal mask
            if name:
                others[name] = others.get(name, False) | (mask & ~holds)
            mask = mask & holds

        for text in [text for axis in self.free for text in limits_of(self.table, axis.name)] if self.table else ():
            cut(self._holds(text, grid))
        repeats = repeating(self.table) if self.table else []
        for axis in sorted(self.free, key=lambda axis: axis.name not in repeats):
            cut(numpy.array(spoken_of(self.table, axis))[grid.at[axis.name]], axis.name)
        if self.table:
            cut(self._allowed(grid, shape, mask))
        for text, name in limited(self.table).items() if self.table else ():
            cut(self._holds(text, grid), name)
        return mask, {name: some for name, some in others.items() if some.any()}

    def _holds(self, text: str, grid: Grid) -> Array:
        import numpy

        assert self.table is not None
        return numpy.asarray(Condition(text, ()).holds(grid, {**self.table.binding.values, **self._words()}))

    def _allowed(self, grid: Grid, shape: tuple[int, ...], mask: Array) -> Array:
        """Where parameters are together what the spec asks of them; what no array tells, one by one."""
        import numpy

        assert self.table is not None
        try:
            found: Array = numpy.ones((1,) * len(shape), dtype=bool)
            for text in demanded(self.table):
                found = found & self._holds(text, grid)
        except UsageError:
            found = numpy.zeros(shape, dtype=bool)
            for place in numpy.argwhere(_spread(mask, shape)):
                at = {axis.name: int(_spread(grid.at[axis.name], shape)[tuple(place)]) for axis in self.free}
                found[tuple(place)] = fits(self.space, {**self.fixed, **at})
        return found

    def _chunks(self, at: Array | None) -> Iterator[dict[str, Array]]:
        """Positions on the free axes, so many at once."""
        import numpy

        if at is not None:
            yield from self._among(at)
            return
        if not self.free:
            yield {}
            return
        first, *others = self.free
        step = max(1, MOST_AT_ONCE // designs(others))
        whole = Grid.whole({axis.name: axis.values for axis in self.free}).at
        for start in range(0, len(first.values), step):
            some = numpy.arange(start, min(start + step, len(first.values)))
            yield {**whole, first.name: some.reshape([-1] + [1] * len(others))}

    def _among(self, at: Array) -> Iterator[dict[str, Array]]:
        """Those of the designs with these numbers that are of this part."""
        import numpy

        places, rest = {}, at
        for axis in reversed(self.space.axes):
            rest, places[axis.name] = numpy.divmod(rest, len(axis.values))
        mine = numpy.ones(at.shape, dtype=bool)
        for name, place in self.fixed.items():
            mine &= places[name] == place
        if mine.any():
            yield {axis.name: places[axis.name][mine] for axis in self.free}

    def _index(self, positions: Mapping[str, Array]) -> Array:
        """The numbers of the designs at some positions."""
        import numpy

        index: Array = numpy.zeros((), dtype=numpy.int64)
        for axis in self.space.axes:
            place: object = positions[axis.name] if axis.name in positions else self.fixed[axis.name]
            index = index * len(axis.values) + place
        return numpy.atleast_1d(index)


def _spread(found: Array, shape: tuple[int, ...]) -> Array:
    """What is the same along an axis, once for each design."""
    import numpy

    return numpy.broadcast_to(found, shape)


def _parts(space: Space, fixed: dict[str, int], open_: list[Axis], at: Array | None) -> Iterator[_Part]:
    """The space cut where the structure changes: an axis that no closed form runs over is gone through one by one.
    Where only the designs `at` some numbers are asked for, nothing else is counted.
    """
    if at is not None and not at.size:
        return
    structural = [axis for axis in open_ if not axis.is_numeric or len(axis.values) == 1]
    if structural:
        yield from _each(space, fixed, open_, structural[0], at)
        return
    try:
        table = counted(space, fixed, open_)
        yield _Part(space, fixed, open_, table, times=predicted(space.model, table, space.latencies))
    except (SpecError, Undecided) as error:
        problems = error.problems if isinstance(error, SpecError) else [error]
        symbols = {symbol for problem in problems for symbol in problem.symbols}
        blocking = [axis for axis in open_ if axis.name in symbols]
        if blocking:
            yield from _each(space, fixed, open_, min(blocking, key=lambda axis: len(axis.values)), at)
        else:
            yield _Part(space, fixed, open_, None, str(error).splitlines()[0])


def _each(space: Space, fixed: dict[str, int], open_: list[Axis], axis: Axis, at: Array | None) -> Iterator[_Part]:
    rest = [other for other in open_ if other is not axis]
    inner = designs(space.axes[space.axes.index(axis) + 1 :])
    for place in range(len(axis.values)):
        here = None if at is None else at[at // inner % len(axis.values) == place]
        yield from _parts(space, {**fixed, axis.name: place}, rest, here)


__all__ = ["Batch", "check_figures", "evaluated", "figure_of", "is_placed"]
