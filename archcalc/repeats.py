"""What holds of every node of a graph, each from its inputs, closed over the repeats of loops.

Counting through a body once gives what arrives at repeat i + 1 from what arrives at repeat i. A closed form of what
arrives is guessed from how one grows to the next, and shown by induction: it is right at the first repeat, and what it
is at i leads to what it is at i + 1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from archcalc.algebra import Number, Poly
from archcalc.errors import Undecided
from archcalc.graph import Graph, Loop, Range
from archcalc.tuples import NamedTuple

V = TypeVar("V")
MOST_GUESSES = 3


class Arriving(NamedTuple, Generic[V]):
    """What arrives at repeat i, as a closed form in i, which speaks of repeat i + `late`."""

    value: V
    late: int


class Closing(ABC, Generic[V]):
    """Walks a graph in order. `found` is what holds of each node; `least` the loops that have to repeat for that, with
    how often.
    """

    def __init__(self, graph: Graph, nothing: V, least: dict[Loop, int]) -> None:
        self.graph, self.least = graph, least
        self.found: list[V] = [nothing] * len(graph.nodes)

    @abstractmethod
    def through(self, nodes: range) -> None:
        """Put what holds of nodes that stand in a row into `found`."""

    @abstractmethod
    def value_at(self, value: V, index: Poly, position: Number) -> V:
        """What a value is where the index has this position."""

    @abstractmethod
    def guess(self, first: V, before: V, after: V, around: Range) -> V:
        """What arrives at repeat i, where `first` arrives at the first and a body makes `after` of `before`. Raises
        Undecided to give up.
        """

    @abstractmethod
    def without_form(self, loop: Loop) -> None:
        """Put something into `found` for a loop for which no closed form was shown, or raise Undecided."""

    def walk(self, first: int, stop: int) -> None:
        """Go through the nodes from `first` up to `stop`, loops as a whole."""
        for part in self.graph.parts(first, stop):
            if isinstance(part, Loop):
                self._repeat(part)
            else:
                self.through(part)

    def _repeat(self, loop: Loop) -> None:
        before = self.found[self.graph.nodes[loop.entry].inputs[0]]
        arriving = self._arriving(loop, before)
        if arriving is None:
            self.without_form(loop)
            return
        index, start, stop, late = loop.range.index, loop.range.start, loop.range.stop, arriving.late
        if self.value_at(arriving.value, index, start - late) != before:
            self.least[loop] = 1
        if late:
            self.found[loop.entry : loop.exit] = [
                self.value_at(value, index, index - 1) for value in self.found[loop.entry : loop.exit]
            ]
        self.found[loop.exit] = self.value_at(arriving.value, index, stop - late)

    def _arriving(self, loop: Loop, before: V) -> Arriving[V] | None:
        """From the first repeat on all grow alike, or from the second on."""
        shown = self._shown(loop, before)
        if shown is not None or any(map(loop.counts, self.graph.loops.values())):
            return shown
        self._body(loop, before)
        shown = self._shown(loop, self.found[loop.end])
        return shown and shown._replace(late=1)

    def _shown(self, loop: Loop, first: V) -> Arriving[V] | None:
        """What arrives at a repeat, `first` at the first of them, if a guess is shown to hold."""
        guess, index = first, loop.range.index
        for _ in range(MOST_GUESSES):
            after = self._body(loop, guess)
            if after == self.value_at(guess, index, index + 1):
                return Arriving(guess, 0)
            try:
                guess = self.guess(first, guess, after, loop.range)
            except Undecided:
                return None
        return None

    def _body(self, loop: Loop, arriving: V) -> V:
        """What a body makes of what arrives in it."""
        self.found[loop.entry] = arriving
        self.walk(loop.entry + 1, loop.exit)
        return self.found[loop.end]


__all__ = ["Closing"]
