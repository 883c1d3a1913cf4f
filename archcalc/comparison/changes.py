"""What changed from one network to another, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from archcalc.algebra import Number
from archcalc.comparison.matching import aligned, same_costs
from archcalc.comparison.sides import Layer, Side
from archcalc.comparison.units import Unit, automatic, tree
from archcalc.errors import Mark
from archcalc.records import Record


class Status(StrEnum):
    """What happened to a layer."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"


class Change(Record):
    """A layer or block that isn't what it was. `mark` is where to look in the new spec; None for what was removed."""

    status: Status
    before: Layer | None
    after: Layer | None
    renamed: bool = False
    mark: Mark | None = None

    @property
    def path(self) -> str:
        """Its label path; of what was removed, the one that it had."""
        layer = self.after or self.before
        assert layer is not None
        return layer.path

    @property
    def was(self) -> str | None:
        """The path that it had, if it was renamed."""
        return self.before.path if self.before and self.renamed else None

    @property
    def is_direct(self) -> bool:
        """Whether the layer itself was edited: another cost alone comes from what is before it."""
        return self.before is None or self.after is None or self.before.text != self.after.text

    def value(self, name: str) -> tuple[Number, Number]:
        """A cost before and after; 0 where there is no such layer."""
        return (self.before.costs.get(name, 0) if self.before else 0), (
            self.after.costs.get(name, 0) if self.after else 0
        )

    def delta(self, name: str) -> Number:
        """How much it costs more."""
        before, after = self.value(name)
        return after - before


def changes(base: Side, head: Side) -> list[Change]:
    """Every layer that was added, removed, changed or renamed, in the order of the new network; none where layers
    aren't known.
    """
    if base.figures.layers is None or head.figures.layers is None:
        return []
    return list(_changes(tree(base), tree(head), None))


def _changes(base: Sequence[Unit], head: Sequence[Unit], edited: Mark | None) -> Iterator[Change]:
    unchosen = automatic(base), automatic(head)
    for one, other in aligned(base, head):
        if other is None:
            assert one is not None
            yield Change(Status.REMOVED, one.whole, None)
        elif one is None:
            yield Change(Status.ADDED, None, other.whole, mark=edited or other.whole.mark)
        else:
            renamed = one.name != other.name and not (one.name in unchosen[0] and other.name in unchosen[1])
            yield from _changed(one, other, renamed, edited)


def _changed(one: Unit, other: Unit, renamed: bool, edited: Mark | None) -> Iterator[Change]:
    """Two partners. A call that was edited is where to look for what changed in its block."""
    if one.layer is None and other.layer is None:
        if edited is None and one.place and other.place and one.place.text and one.place.text != other.place.text:
            edited = other.place.mark
        inside = list(_changes(one.units, other.units, edited))
        if any(change.status in (Status.CHANGED, Status.RENAMED) for change in inside) or _some_alike(one, other):
            if renamed:  # the name alone: what changed inside has rows of its own
                yield Change(Status.RENAMED, other.whole._replace(path=one.path), other.whole, True, other.whole.mark)
            yield from inside
            return
    mark = edited or other.whole.mark
    if one.texts != other.texts or one.whole.shape != other.whole.shape or not same_costs(one, other):
        yield Change(Status.CHANGED, one.whole, other.whole, renamed, mark)
    elif renamed:
        yield Change(Status.RENAMED, one.whole, other.whole, True, mark)


def _some_alike(one: Unit, other: Unit) -> bool:
    """Whether any line of a block is still there; otherwise the block was replaced as a whole."""
    return any(a and b for a, b in aligned(one.units, other.units))
