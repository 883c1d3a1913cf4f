"""What a comparison says: of one network (`Comparison`), and of all that were compared (`Report`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from archcalc.algebra import Number, Poly
from archcalc.check import Verdict
from archcalc.comparison.changes import Change, Status
from archcalc.comparison.sides import Side, same
from archcalc.metrics import Figure
from archcalc.records import Record
from archcalc.render.json import plain
from archcalc.tuples import NamedTuple

if TYPE_CHECKING:
    from archcalc.render import contract

NEW, GONE, CHANGED, UNCHANGED = "new", "removed", "changed", "unchanged"


class Delta(NamedTuple):
    """A total before and after; None where there is no such network."""

    before: Figure
    after: Figure

    @property
    def change(self) -> Number | None:
        """The difference; None if there is nothing to subtract, or if it is no number."""
        numeric = isinstance(self.before, (int, Fraction, Poly)) and isinstance(self.after, (int, Fraction, Poly))
        return self.after - self.before if numeric else None

    @property
    def percent(self) -> Fraction | None:
        """The difference in percent, exact; None of closed forms and of nothing."""
        change = self.change
        if change is None or isinstance(change, Poly) or isinstance(self.before, Poly) or not self.before:
            return None
        return Fraction(change) / Fraction(self.before) * 100

    @property
    def is_same(self) -> bool:
        """Whether it is what it was; closed forms where they are equal everywhere."""
        return self.before is not None and self.after is not None and same(self.before, self.after)


class Comparison(Record):
    """One network before (`base`) and after (`head`); one of them is None where it is new or was removed."""

    base: Side | None
    head: Side | None
    changes: tuple[Change, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    unjudged: tuple[str, ...] = ()  # limits that need a base, of a network without one
    file: str = ""  # the spec's path in its repository, if it is in one
    notes: tuple[str, ...] = ()  # what a reader should know besides

    @property
    def side(self) -> Side:
        """The network as it is now, or as it was."""
        side = self.head or self.base
        assert side is not None
        return side

    @property
    def label(self) -> str:
        """`net.yaml@variant`."""
        return self.side.label

    @cached_property
    def status(self) -> str:
        """`new`, `removed`, `changed` or `unchanged`."""
        if self.base is None or self.head is None:
            return NEW if self.base is None else GONE
        if self.base.figures is self.head.figures:
            return CHANGED if self.parameters else UNCHANGED
        figures = [
            delta for delta in (*self.totals.values(), *self.fields.values()) if None not in delta
        ]  # an older snapshot may have fewer
        return (
            UNCHANGED
            if not self.changes and not self.parameters and all(delta.is_same for delta in figures)
            else CHANGED
        )

    @cached_property
    def totals(self) -> dict[str, Delta]:
        """Every total, before and after."""
        before, after = (side.figures.totals if side else {} for side in (self.base, self.head))
        return {name: Delta(before.get(name), after.get(name)) for name in {**after, **before}}

    @cached_property
    def fields(self) -> dict[str, Delta]:
        """The receptive field of the last map: `field`, `field_stride`, `field_start`."""
        before, after = (side.figures.fields if side else {} for side in (self.base, self.head))
        return {name: Delta(before.get(name), after.get(name)) for name in {**after, **before}}

    @cached_property
    def parameters(self) -> dict[str, tuple[Figure, Figure]]:
        """Design parameters with another value, before and after; None where there is no such parameter, or where it is
        free.
        """
        if self.base is None or self.head is None:
            return {}
        before, after = self.base.bindings, self.head.bindings
        return {
            name: (before.get(name), after.get(name))
            for name in {**after, **before}
            if plain(before.get(name)) != plain(after.get(name))
        }

    @property
    def counts(self) -> dict[Status, int]:
        """How many layers were added, removed, changed, renamed."""
        return {
            status: found for status in Status if (found := sum(change.status is status for change in self.changes))
        }

    def place(self, file: str) -> str:
        """A file's path in the repository of the spec, with slashes, as views of a change know it; outside of one, as
        it is called.
        """
        if self.head is None or not self.file or file == self.head.spec:
            return self.file or file
        spec = Path(os.path.realpath(os.path.dirname(self.head.spec) or "."), os.path.basename(self.head.spec))
        root, whole = spec.parents[self.file.count("/")], Path(os.path.realpath(file))
        return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else file

    @property
    def broken(self) -> Iterator[Verdict]:
        """Budgets that don't hold, warnings too."""
        return (verdict for verdict in self.verdicts if not verdict.passed)

    @property
    def incomplete(self) -> list[str]:
        """What the figures of a side lack."""
        sides = [side for side in (self.base, self.head) if side and side.uncounted]
        return [f"incomplete: without {'; '.join(map(str, side.uncounted))}, in {side.label}" for side in sides]

    @property
    def fails(self) -> bool:
        """Whether a budget is broken that is more than a warning."""
        return any(verdict.fails for verdict in self.verdicts)

    @property
    def warns(self) -> bool:
        """Whether a budget is broken that only warns."""
        return any(verdict.warning and not verdict.passed for verdict in self.verdicts)

    def to_json(self) -> contract.Compare:
        """The comparison as `archcalc/compare/1` has it."""
        from archcalc.comparison.formats.json import report

        return report(Report((self,)))

    def to_markdown(self) -> str:
        """The comparison as the body of a comment."""
        from archcalc.comparison.formats.markdown import report

        return report(Report((self,)))

    def __str__(self) -> str:
        from archcalc.comparison.formats.text import report

        return report(Report((self,)))

    def _repr_markdown_(self) -> str:
        return self.to_markdown()


class Base(NamedTuple):
    """What specs were compared with: `ref` at `sha`, or a snapshot's `file`."""

    label: str
    ref: str | None = None
    sha: str | None = None
    file: str | None = None


class Report(Record):
    """All that were compared, with what; without `base` two networks."""

    comparisons: tuple[Comparison, ...]
    base: Base | None = None
    said: Sequence[str] = ()  # of the base, or of several networks

    @property
    def notes(self) -> list[str]:
        """What a reader should know besides, each once."""
        return list(
            dict.fromkeys(
                [
                    *self.said,
                    *(note for comparison in self.comparisons for note in (*comparison.incomplete, *comparison.notes)),
                ]
            )
        )

    @property
    def failed(self) -> int:
        """How many networks break a budget."""
        return sum(comparison.fails for comparison in self.comparisons)

    @property
    def warned(self) -> int:
        """How many break one of level `warn` and no other."""
        return sum(comparison.warns and not comparison.fails for comparison in self.comparisons)

    @property
    def changed(self) -> int:
        """How many aren't what they were."""
        return sum(comparison.status != UNCHANGED for comparison in self.comparisons)

    @property
    def uncounted(self) -> int:
        """Layers that could not be counted, on either side."""
        return sum(
            len(side.uncounted)
            for comparison in self.comparisons
            for side in (comparison.base, comparison.head)
            if side
        )
