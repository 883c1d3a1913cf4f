"""A body that is repeated as often as a free parameter says: built once, for repeat i, and summed over i.

What arrives at repeat i is guessed, from a few repeats that are built with numbers, as a polynomial in i. The body is
then built with i as a symbol. If what it puts out for i is what the guess says arrives at i + 1, the guess holds for
every repeat, by induction. The first repeats and the last may differ from the others (a projection, `when=first`);
those are built apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from archcalc.algebra import Dim, Poly, at, bounds, extremes, index_symbol, integral, progression, same, unicode
from archcalc.build.scope import Context
from archcalc.errors import Problem, Undecided
from archcalc.graph import Carried, Loop, Range
from archcalc.ops import Shape, spell_shape
from archcalc.patterns import pattern
from archcalc.records import Record
from archcalc.spec.items import Chain, Item, Repeat

if TYPE_CHECKING:
    from archcalc.build.items import Builder

APART = (
    (0, 0),
    (1, 0),
    (0, 1),
    (1, 1),
    (2, 0),
    (2, 1),
)  # how many repeats are built apart, before the others and after them
EXPLAINED = (1, 1)  # the attempt whose failure is reported: `first` and `last` are known in it
TRIALS = 3


_ADVICE = pattern(r"(; |,? and |: )`[^`]*`( and `[^`]*`)* (is|are) free.*$|; bind it with --set$")


class _Open(Exception):
    """An induction that doesn't close: the mistakes that the body made, or what arrives at one repeat after the
    other.
    """

    def __init__(self, problems: Iterable[Problem] = (), arriving: Iterable[Shape] = (), trial: bool = False) -> None:
        self.problems, self.arriving, self.trial = tuple(problems), tuple(arriving), trial


def repeat(builder: Builder, item: Repeat, count: Poly, current: int, context: Context, path: str) -> int | None:
    """The node that leaves `count` repeats; None where there is no closed form, after noting why."""
    body = _Body(builder, item.item, count, context._replace(scope=context.scope.inner(path, Chain(item.mark, ()))))
    saved, refused = builder.save(), {}
    for before, after in APART:
        try:
            output = body.looped(current, before, after)
            body.check_left_out(path)
            return output
        except _Open as reason:
            builder.restore(saved)
            refused[before, after] = reason
    _refuse(builder, item, count, context, refused[EXPLAINED])
    return None


class _Body(Record):
    """What is repeated. Raises _Open where it can't be built, or has no form that is the same for every repeat."""

    builder: Builder
    item: Item
    count: Poly
    context: Context

    def looped(self, current: int, before: int, after: int) -> int:
        """All repeats: some apart, those that are alike, some apart."""
        for index in range(before):
            current = self.once(current, index, str(index + 1), first=index == 0, last=False if after else None)
        stop = self.count - after
        current = self.alike(current, before, stop, bool(before), bool(after))
        for n in range(after):
            current = self.once(
                current, stop + n, _name(stop + n + 1), first=False if before else None, last=n == after - 1
            )
        return current

    def alike(self, current: int, start: int, stop: Dim, knows_first: bool, knows_last: bool) -> int:
        """The repeats from `start` to `stop` - 1, built once."""
        builder, outside = self.builder, self.context.ranges
        once = partial(self.once, first=False if knows_first else None, last=False if knows_last else None)
        index = index_symbol(self.index_name(), start)
        arriving = self.arriving(current, index, start, once)
        name = f"{start + 1}..{_name(stop)}"
        around = (*outside, Range(index, start, stop))
        inside = self.context._replace(ranges=around)
        entry = self.carried(f"{name}:in", arriving, current, inside)
        end = once(entry, index, name, around=around)
        shape = builder.graph.nodes[end].shape
        if end < entry or not _equal(shape, _at(arriving, index, index + 1)):
            raise _Open(arriving=(arriving, shape))
        self.check_sizes(entry, around[-1])
        exit = self.carried(f"{name}:out", _at(arriving, index, stop), end, self.context)
        builder.graph.loops[entry] = Loop(around[-1], entry, end, exit)
        return exit

    def check_sizes(self, entry: int, around: Range) -> None:
        """What must hold at every repeat: sizes are smallest at the first or at the last, and loops inside have the
        repeats that stand apart.
        """
        builder, (name,) = self.builder, around.index.symbols
        nodes = builder.graph.nodes
        for n in range(entry + 1, len(nodes)):
            inner = builder.graph.loops.get(n)
            repeats = inner.range.stop - inner.range.start if inner else 0
            if isinstance(repeats, Poly) and name in repeats.symbols and not _is_natural(repeats):
                times = f"`{inner.range.stop if inner else n}`"
                message = f"{times} repeats may be fewer than those that differ from the others"
                raise _Open(
                    [Problem(message, nodes[n].mark)],
                    trial=True,
                )
            for dim in nodes[n].shape:
                try:
                    extremes(-dim, around.index, around.start, around.stop)
                except Undecided:
                    raise _Open(
                        [
                            Problem(
                                f"the size {unicode(dim)} is not smallest at the first or at the last repeat",
                                nodes[n].mark,
                            )
                        ],
                        trial=True,
                    ) from None

    def arriving(self, current: int, index: Poly, start: int, once: Callable[..., int]) -> Shape:
        """What arrives at repeat i, guessed from the repeats that follow `start`."""
        builder = self.builder
        saved, shapes = builder.save(), [builder.graph.nodes[current].shape]
        try:
            for n in range(start, start + TRIALS):
                current = once(current, n, str(n + 1))
                shapes.append(builder.graph.nodes[current].shape)
        except _Open as reason:
            raise _Open(reason.problems, reason.arriving, trial=True) from None
        builder.restore(saved)
        if len({len(shape) for shape in shapes}) > 1:
            raise _Open(arriving=shapes)
        guess: list[Any] = [progression(dims[:TRIALS], index, start) for dims in zip(*shapes, strict=True)]
        if not all(integral(dim) for dim in guess) or not _equal(_at(tuple(guess), index, start + TRIALS), shapes[-1]):
            raise _Open(arriving=shapes)
        return tuple(guess)

    def check_left_out(self, path: str) -> None:
        """A repeat that is left out, or has something left out, has to stand apart."""
        for label, met in self.builder.without.items():
            if not met and re.match(rf"{re.escape(path)}/\d+(/|$)", label):
                raise _Open(
                    [Problem(f"{label} can't be left out: repeats that are alike are built as one", self.item.mark)],
                    trial=True,
                )

    def once(
        self,
        current: int,
        i: Dim,
        name: str,
        *,
        first: bool | None,
        last: bool | None,
        around: tuple[Range, ...] | None = None,
    ) -> int:
        """One repeat; what it can't know (whether it is the first) it doesn't."""
        builder = self.builder
        env = {key: value for key, value in self.context.env.items() if key not in ("first", "last")}
        env |= {"i": i} | {key: value for key, value in (("first", first), ("last", last)) if value is not None}
        context = self.context._replace(env=env, ranges=self.context.ranges if around is None else around)
        if around is None and builder.left_out(context.scope.prefix + name, current, context, self.item):
            return current
        known = dict(builder.problems)
        end = builder.item(self.item, current, context, name)
        if end is None or len(builder.problems) > len(known):
            raise _Open(problem for key, problem in builder.problems.items() if key not in known)
        return end

    def carried(self, name: str, shape: Shape, source: int, context: Context) -> int:
        name = context.scope.prefix + name
        return self.builder.add(name, Carried(size_=shape), (source,), shape, self.item.mark, context, name)

    def index_name(self) -> str:
        """A letter that no free parameter and no loop around has."""
        taken = {
            *self.builder.binding.free,
            *self.count.symbols,
            *(s for around in self.context.ranges for s in around.index.symbols),
        }
        letters = "ijlmpqrstuvw"
        return next((letter for letter in letters if letter not in taken), f"i{len(taken)}")


def _name(number: Dim) -> str:
    """A number of repeats as part of a path."""
    return unicode(number).replace("/", "÷").replace(" ", "")


def _is_natural(number: Dim) -> bool:
    low = bounds(number)[0]
    return low is not None and low >= 0


def _at(shape: Shape, index: Poly, value: Dim) -> Shape:
    dims = [at(dim, index, value) for dim in shape]
    return tuple([dim for dim in dims if not isinstance(dim, Fraction)])


def _equal(one: Shape, other: Shape) -> bool:
    try:
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    except Undecided:
        return False


def _refuse(builder: Builder, item: Repeat, count: Poly, context: Context, reason: _Open) -> None:
    """Note why there is no closed form: mistakes that any number of repeats would have as they are."""
    names = " and ".join(f"`{name}`" for name in sorted(count.symbols))
    free = f"{names} {'is' if len(count.symbols) == 1 else 'are'} free and counts repeats; bind it with --set"
    symbols = tuple(sorted(count.symbols))
    for problem in reason.problems:
        plain = not reason.trial and set(problem.symbols) <= set(builder.binding.free)
        stated = (
            problem
            if plain
            else problem._replace(message=f"{_ADVICE.sub('', problem.message)}; {free}", symbols=symbols)
        )
        builder.problems.setdefault((stated.message, stated.mark), stated)
    if not reason.problems:
        shapes = ", ".join(spell_shape(shape, unicode) for shape in reason.arriving)
        builder.wrong(
            f"what arrives at the repeats, {shapes}, has no closed form in their number: {free}",
            item.count.mark,
            context,
            symbols,
        )
