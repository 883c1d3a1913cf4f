"""How a graph began: while somebody types, the layers above the line that changes are those of the last graph.

What is taken over are lines of operators and of references that were neither changed nor moved since, built with the
same parameters. A block that is called may have changed elsewhere: from the first call on everything is built anew.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from archcalc.build.scope import Context
from archcalc.graph import Node
from archcalc.spec.items import Chain, Item, walk
from archcalc.spec.parts import Meaning
from archcalc.spec.words import Line
from archcalc.tuples import NamedTuple

if TYPE_CHECKING:
    from archcalc.build.items import Builder

EVERY = 8  # items: to note how far it is takes as long as to build one
MOST_KEPT = 10  # graphs: one for each way in which figures ask for the network


class Step(NamedTuple):
    """What there was when so many items had been built: sizes of what only grows, and copies of the rest."""

    items: tuple[Item, ...]  # since the step before
    lines: tuple[int, ...]  # where these stand
    meanings: tuple[tuple[Line, Meaning], ...]  # of their lines
    output: int
    sizes: tuple[int, ...]
    steps: int
    env: dict[str, object]
    counts: dict[str, int]
    given: frozenset[str]

    def holds(self, builder: Builder, items: tuple[Item, ...]) -> bool:
        """Whether these items are the same, where they were, and mean the same."""
        known = builder.resolver.layers
        return (
            len(items) == len(self.items)
            and all(map(_is, items, self.items))
            and tuple([item.mark.line for item in items]) == self.lines
            and all(known.get(line) is meaning or meaning.op is None for line, meaning in self.meanings)
        )


class Begun(NamedTuple):
    """A graph that was built, and the steps to it."""

    labels: frozenset[str]  # of the chain: layers without a label aren't called so
    nodes: list[Node]
    inputs: int
    grown: tuple[dict[object, object], ...]
    steps: list[Step]


def whole(builder: Builder, chain: Chain, current: int | None, context: Context) -> int | None:
    """Build all layers of a spec that is read again and again: those above a change are taken over."""
    steps, current = taken_over(builder, chain, current, context)
    for n in range(len(steps) * EVERY, len(chain.items), EVERY):
        items = chain.items[n : n + EVERY]
        for inner in items:
            current = builder.item(inner, current, context)
        step = noted(builder, items, current, context) if len(steps) * EVERY == n else None
        steps += [step] if step else []
    if not builder.problems:
        keep(builder, steps, context)
    return current


def taken_over(builder: Builder, chain: Chain, current: int | None, context: Context) -> tuple[list[Step], int | None]:
    """The steps of the last graph that hold still, with all that they built put into this one, and what the last of
    them puts out.
    """
    earlier = builder.resolver.earlier
    last = None if earlier is None else earlier.get(_key(builder))
    if not isinstance(last, Begun) or last.labels != context.scope.labels or not _same_inputs(builder, last):
        return [], current
    steps: list[Step] = []
    for n, step in enumerate(last.steps):
        if not step.holds(builder, chain.items[n * EVERY : (n + 1) * EVERY]):
            break
        steps.append(step)
    if not steps:
        return steps, current
    end = steps[-1]
    builder.graph.nodes += last.nodes[last.inputs : end.sizes[0]]
    for known, before, size in zip(_grown(builder), last.grown, end.sizes[1:], strict=True):
        known.update(islice(before.items(), size))
    builder.steps = end.steps
    context.env.update(end.env)
    context.scope.counts, context.scope.given = dict(end.counts), set(end.given)
    return steps, end.output


def noted(builder: Builder, items: tuple[Item, ...], output: int | None, context: Context) -> Step | None:
    """How far it is after these items; None where not all of them can be taken over."""
    lines = [part for item in items for part in walk(item) if isinstance(part, Line)]
    meanings = [builder.resolver.layers.get(line) for line in lines]
    known = [meaning for meaning in meanings if meaning and meaning.block is None and meaning.used is None]
    if output is None or len(known) < len(lines) or builder.problems or builder.graph.loops:
        return None
    sizes = (len(builder.graph.nodes), *map(len, _grown(builder)))
    scope = context.scope
    counted = dict(scope.counts), frozenset(scope.given)
    places = tuple([item.mark.line for item in items])
    meant = tuple(zip(lines, known, strict=True))
    return Step(items, places, meant, output, sizes, builder.steps, dict(context.env), *counted)


def keep(builder: Builder, steps: list[Step], context: Context) -> None:
    """Keep a graph that is done for the next one."""
    earlier = builder.resolver.earlier
    if earlier is not None:
        if len(earlier) >= MOST_KEPT:
            earlier.clear()
        nodes = list(builder.graph.nodes)
        earlier[_key(builder)] = Begun(context.scope.labels, nodes, len(builder.graph.inputs), _grown(builder), steps)


def is_kept(builder: Builder) -> bool:
    """Whether what is built is built again and again, and all of it has numbers."""
    binding = builder.binding
    return builder.resolver.earlier is not None and not (builder.without or binding.free or builder.until)


def _key(builder: Builder) -> object:
    return builder.train, repr(sorted(builder.binding.values.items()))


def _grown(builder: Builder) -> tuple[dict[object, object], ...]:
    """What is added to and never taken from."""
    return builder.names, builder.results, builder.graph.groups, builder.shares  # type: ignore[return-value]


def _same_inputs(builder: Builder, last: Begun) -> bool:
    now = builder.graph.nodes
    return len(now) == last.inputs and all(
        (one.name, one.shape, one.dtype) == (other.name, other.shape, other.dtype)
        for one, other in zip(now, last.nodes, strict=False)
    )


def _is(one: Item, other: Item) -> bool:
    return one is other


__all__ = ["EVERY", "Step", "is_kept", "whole"]
