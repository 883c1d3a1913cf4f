"""A space gone through: the designs that hold, or the best of them, with their costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from archcalc.algebra.vectors import Exact
from archcalc.devices import limits as device_limits
from archcalc.errors import UsageError, suggest
from archcalc.frames import Rows
from archcalc.metrics import OTHER_NAMES
from archcalc.records import Record
from archcalc.space.axes import Axis, Value, plain
from archcalc.space.conditions import Condition
from archcalc.space.designs import Batch, check_figures, evaluated
from archcalc.space.front import Direction, directions, front
from archcalc.space.spanned import Space
from archcalc.space.times import spread
from archcalc.untyped import Array, Json

if TYPE_CHECKING:
    pass

SHOWN = ("params", "macs", "act_peak")  # where nothing else is asked for
MOST = 10**8  # designs that are gone through
MOST_KEPT = 10**7  # and of which figures are held


class Sweep(Rows, Record):
    """What a sweep found. `index` has the numbers of the designs, `figures` their costs, in the same order.

    `size` counts all designs of the space, `unbuilt` those that can't be built, and `sampled` those that were looked
    at where that wasn't all. `unmet` are the conditions that no design keeps to, whatever the others say.
    """

    space: Space
    index: Array
    figures: dict[str, Exact]
    unbuilt: int = 0
    why: str = ""
    sampled: int | None = None
    pareto: tuple[Direction, ...] = ()
    interrupted: bool = False
    unmet: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.index)

    @property
    def size(self) -> int:
        """How many designs the space has."""
        return self.space.size

    @property
    def columns(self) -> list[str]:
        """The names of what a design has: its parameters, then its figures."""
        return [*(axis.name for axis in self.space.axes), *self.figures]

    def __iter__(self) -> Iterator[dict[str, Value]]:
        """The designs as mappings of parameters and figures to exact values."""
        for n, index in enumerate(self.index):
            costs = {name: _value(found, n) for name, found in self.figures.items()}
            yield {**self.space.values(int(index)), **costs}

    def to_rows(self) -> list[dict[str, Value]]:
        """The designs, with numbers as Python's and JSON's: whole ones as int, others as float."""
        return [{name: plain(value) for name, value in design.items()} for design in self]

    def _values(self) -> dict[str, list[Json]]:
        """As the rows have it, without a row for each design."""
        found, inner = dict[str, list[Json]](), 1
        for axis in reversed(self.space.axes):
            values = list(map(plain, axis.values))
            found[axis.name] = [values[n] for n in (self.index // inner % len(values)).tolist()]
            inner *= len(values)
        for name, exact in self.figures.items():
            whole = exact.denominator == 1
            found[name] = exact.numerators.tolist() if whole else [plain(_value(exact, n)) for n in range(len(self))]
        return {name: found[name] for name in self.columns}

    def _by_column(self) -> dict[str, list[Json]]:
        """Numbers of an axis with a fraction are fractions in every part of its space."""
        found = super()._by_column()
        for axis in self.space.axes:
            if axis.is_numeric and any(isinstance(value, Fraction) for value in axis.values):
                found[axis.name] = list(map(float, found[axis.name]))
        return found


def _value(found: Exact, n: int) -> int | Fraction:
    value = Fraction(int(found.numerators[n]), found.denominator)
    return value.numerator if value.denominator == 1 else value


def sweep(
    space: Space,
    figures: Sequence[str] = (),
    where: Sequence[str] = (),
    pareto: str | Sequence[str] = (),
    sample: int | None = None,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
    part: range | None = None,
) -> Sweep:
    """Go through a space: the designs for which all conditions hold, with these figures (parameters, MACs and the peak
    of activations if none is named), or the Pareto front of them; `sample`: of so many designs, drawn at random.

    `part`: only of these, by their numbers in the space or in what was drawn. `progress` is told how many are done.
    Ctrl-C ends it with what there is. Raises UsageError for an empty space, for names that don't exist, and for a space
    that is too large to go through.
    """
    _check_axes(space)
    wanted = _directions(pareto, space)
    axes = [axis.name for axis in space.axes]
    known_names = (*space.figures, *axes, *space.model.spec.parameters)
    room = device_limits(space.question.fit, space.question.train)
    asked = [*where, *(f"{name} <= {size}" for name, size, _ in room)]
    conditions = [Condition(text, known_names, space.words) for text in asked]
    aims = [direction.name for direction in wanted if direction.name not in axes]
    shown = figures or aims or (*SHOWN, *space.latencies)
    names = list(dict.fromkeys([*spread(shown, space.latencies), *aims, *(name for name, _, _ in room)]))
    check_figures(names, space.figures)
    at = _within(_drawn(space, sample, seed), part)
    _check_size(space, at)
    collected = _Collected(space, names, wanted)
    interrupted = not _gone_through(evaluated(space, names, conditions, at), collected, progress, part is None)
    sampled = None if at is None else len(at)
    return Sweep(
        space, *collected.whole(), collected.unbuilt, collected.why, sampled, tuple(wanted), interrupted,
        collected.unmet(asked),
    )  # fmt: skip


def _check_axes(space: Space) -> None:
    """Raise UsageError where nothing varies."""
    if not space.axes:
        known = ", ".join(space.model.spec.parameters) or "none"
        raise UsageError(f"nothing varies: --over name=range, of the parameters {known}, or a `space:` in the spec")


def _check_size(space: Space, at: Array | None) -> None:
    """Raise UsageError for a whole space that is too large."""
    if at is None and space.size > MOST:
        raise UsageError(
            f"{space.size:,} designs are too many to go through ({MOST:,} at most): --sample N draws some,"
            " `archcalc solve` proves the best"
        )


def _gone_through(
    batches: Iterable[Batch], collected: _Collected, progress: Callable[[int], None], whole: bool
) -> bool:
    """Collect every batch of designs; whether nobody ended it with Ctrl-C. `whole`: something must be built of it."""
    try:
        for batch in batches:
            collected.add(batch)
            progress(collected.looked)
    except KeyboardInterrupt:
        return False
    collected.check(whole)
    return True


def _directions(pareto: str | Sequence[str], space: Space) -> list[Direction]:
    """What to be on the front of, the time on every device where `latency` stands for several. Raises UsageError."""
    asked, axes = directions(pareto) if pareto else [], [axis.name for axis in space.axes]
    wanted = [Direction(name, one.upwards) for one in asked for name in spread([one.name], space.latencies)]
    for direction in wanted:
        if direction.name not in axes and direction.name not in space.figures:
            known = [*axes, *(name for name in space.figures if name not in OTHER_NAMES)]
            hint = suggest(direction.name, known, "there are " + ", ".join(known))
            raise UsageError(f"there is no metric or axis '{direction.name}'{hint}")
    return wanted


def _drawn(space: Space, sample: int | None, seed: int) -> Array | None:
    """The numbers of designs drawn at random, each once, in order; None for all."""
    if sample is None:
        return None
    if sample < 1:
        raise UsageError(f"--sample takes a positive number of designs, got {sample}")
    import random

    import numpy

    if sample >= space.size:
        return None
    return numpy.array(sorted(random.Random(seed).sample(range(space.size), sample)), dtype=numpy.int64)


def _within(at: Array | None, part: range | None) -> Array | None:
    """Those of a part alone."""
    import numpy

    if part is None:
        return at
    return numpy.arange(part.start, part.stop) if at is None else at[part.start : part.stop]


class _Collected:
    """What batches bring, thinned to the front as they come where only that is wanted."""

    def __init__(self, space: Space, names: Sequence[str], wanted: Sequence[Direction]) -> None:
        self.space, self.names, self.wanted = space, names, wanted
        self.batches: list[Batch] = []
        self.unbuilt, self.why = 0, ""
        self.held = self.looked = 0
        self.met: frozenset[str] = frozenset()

    def add(self, batch: Batch) -> None:
        """Take a batch in."""
        self.unbuilt, self.why = self.unbuilt + batch.unbuilt, self.why or batch.why
        self.looked += batch.looked
        self.met |= batch.met
        if not len(batch.index):
            return
        self.batches.append(self._best(batch.index, batch.figures) if self.wanted else batch)
        self.held += len(self.batches[-1].index)
        if self.held > MOST_KEPT:
            raise UsageError(f"more than {MOST_KEPT:,} designs hold: ask for fewer with --where, --pareto or --sample")

    def check(self, whole: bool) -> None:
        """Raises UsageError where a whole space was looked at and nothing of it can be built."""
        if whole and self.unbuilt == self.looked:
            raise UsageError(f"none of {self.looked:,} designs can be built: {self.why}")

    def unmet(self, asked: Sequence[str]) -> tuple[str, ...]:
        """The conditions that nothing which can be built keeps to."""
        return tuple(text for text in asked if self.looked > self.unbuilt and text not in self.met)

    def whole(self) -> tuple[Array, dict[str, Exact]]:
        """The designs by number, with their figures."""
        import numpy

        if not self.batches:
            return numpy.arange(0), {name: Exact(numpy.arange(0)) for name in self.names}
        index = numpy.concatenate([batch.index for batch in self.batches])
        costs = {name: joined([batch.figures[name] for batch in self.batches]) for name in self.names}
        if self.wanted and len(self.batches) > 1:
            best = self._best(index, costs)
            index, costs = best.index, best.figures
        order = numpy.argsort(index, kind="stable")
        return index[order], {name: Exact(found.numerators[order], found.denominator) for name, found in costs.items()}

    def _best(self, index: Array, costs: dict[str, Exact]) -> Batch:
        columns = [self._column(direction, index, costs) for direction in self.wanted]
        chosen = front(columns)
        return Batch(index[chosen], {name: Exact(f.numerators[chosen], f.denominator) for name, f in costs.items()})

    def _column(self, direction: Direction, index: Array, costs: dict[str, Exact]) -> Array:
        column = costs[direction.name].numerators if direction.name in costs else self._places(direction.name, index)
        return -column if direction.upwards else column

    def _places(self, name: str, index: Array) -> Array:
        """How the designs stand on an axis."""
        import numpy

        inner = 1
        for axis in reversed(self.space.axes):
            if axis.name == name:
                places: Array = _ordered(axis)[(index // inner) % len(axis.values)]
                return places
            inner *= len(axis.values)
        return numpy.zeros(len(index), dtype=numpy.int64)


def _ordered(axis: Axis) -> Array:
    """The rank of each of an axis' values. Raises UsageError for words, which have no order."""
    import numpy

    try:
        ranked = sorted(axis.values)
    except TypeError:
        raise UsageError(f"the values of {axis.name} have no order") from None
    if any(isinstance(value, str) for value in axis.values):
        raise UsageError(f"{axis.name} is a choice of words, which have no order")
    place = {value: n for n, value in enumerate(ranked)}
    ranks: Array = numpy.array([place[value] for value in axis.values])
    return ranks


def joined(parts: Sequence[Exact]) -> Exact:
    """Figures one after the other, over one denominator."""
    import math

    import numpy

    denominator = math.lcm(*(part.denominator for part in parts))
    return Exact(numpy.concatenate([part.over(denominator) for part in parts]), denominator)


__all__ = ["Sweep", "joined", "sweep"]
