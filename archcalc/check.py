"""Is a spec right on its own: shapes, published figures, absolute budgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from archcalc.algebra import Poly
from archcalc.cost import Table
from archcalc.errors import Mark, Problem, SpecError
from archcalc.model import Model, Question
from archcalc.render import numbers
from archcalc.spec.model import METRICS, Budget, Quantity, Reference
from archcalc.spec.parts import among

FIELD = {"field": "size", "field_stride": "stride", "field_start": "start"}
BYTES = {"act_peak": "act_peak_bytes", "act_sum": "act_sum_bytes", "weight_bytes": "weight_bytes"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One figure held against the count."""

    passed: bool
    kind: str  # "reference" or "budget"
    spec: str
    metric: str
    counted: Any
    wanted: str
    source: str
    mark: Mark
    warning: bool = False  # a budget of level `warn` that is broken
    note: str = ""

    @property
    def fails(self) -> bool:
        return not self.passed and not self.warning

    def __str__(self) -> str:
        counted = numbers.exact(self.counted) if isinstance(self.counted, (int, Fraction, Poly)) else str(self.counted)
        mark = "ok  " if self.passed else "warn" if self.warning else "FAIL"
        where = "" if self.passed else f"  ({self.mark})"
        note = f"; {self.note}" if self.note else ""
        return f"{mark} {self.metric:<17} {counted:>16}  {self.wanted}{note}{where}"


def check(model: Model) -> Iterator[Verdict]:
    """Every reference and every absolute budget of a spec or variant."""
    member = model.spec.variant(model.variant)
    references, marks = (member.references, member.reference_marks) if member else (model.spec.references, model.spec.reference_marks)
    for reference, mark in zip(references, marks, strict=True):
        yield from _reference(model, reference, mark)
    budget = member.budget if member and member.budget else model.spec.budget if member is None else None
    if budget is not None:
        yield from _budget(model, budget, member.budget_marks if member else model.spec.budget_marks)


def _reference(model: Model, reference: Reference, mark: Mark) -> Iterator[Verdict]:
    sets = {name: str(value) if not isinstance(value, list) else value for name, value in reference.set.items()}
    table = model.answer(Question(sets, train=reference.train))
    metrics = [name for name in METRICS if getattr(reference, name) is not None]
    if not metrics and reference.shape is None:
        raise SpecError([Problem(f"a reference needs a figure: one of {', '.join((*METRICS, 'shape'))}", mark)])
    for name in metrics:
        wanted: Quantity = getattr(reference, name)
        counted = metric(table, name, reference.layer, mark)
        tolerance = reference.tol.value if reference.tol is not None else None
        matches = isinstance(counted, (int, Fraction)) and wanted.matches(counted, tolerance)
        yield _judged(model, reference, mark, name, counted, matches, f"{wanted.text}{f' ±{reference.tol.text}' if reference.tol else ''}")
    if reference.shape is not None:
        shape = _row(table, reference.layer, mark).shape if reference.layer else table.graph.nodes[table.graph.outputs[0]].shape
        wanted_shape = "x".join(str(item) for item in reference.shape)
        yield _judged(model, reference, mark, "shape", numbers.shape(shape), numbers.shape(shape) == wanted_shape, wanted_shape)


def _judged(model: Model, reference: Reference, mark: Mark, name: str, counted: Any, matches: bool, wanted: str) -> Verdict:
    expected = reference.expect == "match"
    note = "" if expected and not matches else reference.note or ""
    noted = "" if expected else " (a mismatch was noted)" if matches else " (a mismatch, as noted)"
    sentence = f"{'=' if matches else '≠'} {wanted}, {reference.source}{noted}"
    label = name if reference.layer is None else f"{name} of {reference.layer}"
    return Verdict(matches == expected, "reference", model.name, label, counted, sentence, reference.source, mark, note=note)


def _budget(model: Model, budget: Budget, marks: dict[str, Mark]) -> Iterator[Verdict]:
    table = model.count()
    for name in Budget.model_fields:
        limit = getattr(budget, name)
        if limit is None:
            continue
        mark = marks.get(name, model.spec.mark)
        counted = metric(table, name, None, mark)
        for bound, sign in ((limit.max, "<="), (limit.min, ">=")):
            if bound is None:
                continue
            passed = counted <= bound.value if sign == "<=" else counted >= bound.value
            used = f", {float(Fraction(counted) / bound.value * 100):.1f} % of it" if bound.value else ""
            yield Verdict(passed, "budget", model.name, name, counted, f"{sign} {bound.text} (budget{used})", "budget", mark, limit.level == "warn")


def metric(table: Table, name: str, layer: str | None, mark: Mark) -> Any:
    """A figure of the whole network, or of one layer or group. Raises SpecError for one that it doesn't have."""
    if name in FIELD:
        return _field(table, FIELD[name], layer, mark)
    if layer is None:
        return table.totals[BYTES.get(name, name)]
    row = _row(table, layer, mark)
    if not hasattr(row, name) or name == "depth":
        raise SpecError([Problem(f"a single layer has no {name}", mark)])
    return getattr(row, name)


def _field(table: Table, part: str, layer: str | None, mark: Mark) -> Any:
    if layer is None:
        if table.last_map is None:
            return "all"
        field = table.last_map[2]
    else:
        row = _row(table, layer, mark)
        field = next(iter(row.field.values()))
    values = {getattr(span, part) for span in field.spans}
    return values.pop() if len(values) == 1 else numbers.one_field(field)


def _row(table: Table, label: str, mark: Mark) -> Any:
    """A layer's row, or a group's: the same path as in a table."""
    from archcalc.render.grouping import flat

    if label in table.graph.groups or any(node.line == label for node in table.graph.nodes):
        return next(row for row in flat(table, "block", label.count("/") + 1) if row.name == label)
    for row in table.rows:
        if row.name == label:
            return row
    known = [*table.graph.groups, *(row.name for row in table.rows)]
    raise SpecError([Problem(f"reference: there is no layer '{label}'{among(label, known)}", mark)])
