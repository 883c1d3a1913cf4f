"""Is a spec right on its own: shapes, published figures, absolute budgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from archcalc.algebra import Poly
from archcalc.budget.rules import Rule, fitted, rules
from archcalc.cost import Table
from archcalc.cost.row import Row
from archcalc.errors import Mark, Problem, SpecError, UsageError, among
from archcalc.graph import Uncounted
from archcalc.metrics import TRAINING, Figure, figure, metric
from archcalc.model import Model
from archcalc.question import Question
from archcalc.records import Record
from archcalc.render import numbers
from archcalc.spec import Spec, bind
from archcalc.spec.model import METRICS, Quantity, Reference
from archcalc.tuples import NamedTuple

PLAIN = Question()


class Verdict(Record):
    """One figure held against the count."""

    passed: bool
    kind: str  # "reference" or "budget"
    spec: str
    metric: str
    counted: Figure
    wanted: str
    source: str
    mark: Mark
    warning: bool = False  # a budget of level `warn` that is broken
    note: str = ""
    known: bool = False  # a mismatch that is noted in the spec
    limit: str = ""  # of a budget: `max 7M`

    @property
    def fails(self) -> bool:
        """Whether it makes a check fail; a warning doesn't."""
        return not self.passed and not self.warning

    @property
    def outcome(self) -> str:
        """Which number of a `Tally` it adds to."""
        if not self.passed:
            return "warnings" if self.warning else "failed"
        return "budgets_held" if self.kind == "budget" else "known_mismatches" if self.known else "references_matched"

    @property
    def figure(self) -> str:
        """What was counted, as it is shown."""
        known = isinstance(self.counted, (int, Fraction, Poly))
        return figure(self.metric, self.counted) if known else str(self.counted)

    def __str__(self) -> str:
        mark = "ok  " if self.passed else "warn" if self.warning else "FAIL"
        where = "" if self.passed else f"  ({self.mark})"
        note = f"; {self.note}" if self.note else ""
        return f"{mark} {self.metric:<17} {self.figure:>16}  {self.wanted}{note}{where}"


class Checked(NamedTuple):
    """A network, how many layers it has, and each of its figures held against the count."""

    model: Model
    layers: int
    verdicts: list[Verdict]
    uncounted: Sequence[Uncounted] = ()  # what the figures lack

    @property
    def failed(self) -> int:
        """How many verdicts fail."""
        return sum(verdict.fails for verdict in self.verdicts)


class Tally(NamedTuple):
    """What was checked: references that matched, mismatches that were known, budgets that held, and what didn't."""

    networks: int
    references_matched: int
    known_mismatches: int
    budgets_held: int
    warnings: int
    failed: int

    @classmethod
    def of(cls, found: list[Checked]) -> Tally:
        """How many specs were checked, and how many verdicts came out which way."""
        outcomes = Counter(verdict.outcome for checked in found for verdict in checked.verdicts)
        return cls(len(found), *(outcomes[name] for name in cls._fields[1:]))

    def __str__(self) -> str:
        parts = [
            _many(self.references_matched, "reference", " matched"),
            _many(self.known_mismatches, "known mismatch", plural="es"),
        ]
        parts += [_many(self.budgets_held, "budget", " held")] if self.budgets_held else []
        parts += [_many(self.warnings, "warning")] if self.warnings else []
        parts += [f"{self.failed:,} failed"] if self.failed else []
        return f"{', '.join(parts)} in {_many(self.networks, 'network')}"


def _many(number: int, noun: str, verb: str = "", plural: str = "s") -> str:
    return f"{number:,} {noun}{plural * (number != 1)}{verb}"


def check_all(models: Iterable[Model], unread: Iterable[Problem] = (), asked: Question = PLAIN) -> list[Checked]:
    """Every reference and absolute budget of specs with all their variants, or of the one variant that is asked for.
    What is `asked` says how budgets are counted, and which devices a network is to fit.

    Raises SpecError with the mistakes of all of them, and with those in specs that could not be read: nothing is judged
    where something could not be counted.
    """
    found: list[Checked] = []
    problems = list(unread)
    for model in {model.name: model for model in models}.values():  # once, however often it is named
        counts = Counts(model.spec, asked)
        members = (
            [model, *(Model(model.spec, name) for name in model.spec.variants)] if model.variant is None else [model]
        )
        for member in members:
            try:
                found.append(
                    Checked(
                        member, counts.layers(member), list(check(member, counts)), counts.table(member).graph.uncounted
                    )
                )
            except SpecError as error:
                problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    return found


class Counts:
    """The tables of one spec. Figures and variants ask for the same parameters again and again: each is counted
    once.
    """

    def __init__(self, spec: Spec, asked: Question = PLAIN) -> None:
        self.spec, self.asked = spec, asked
        self.tables: dict[object, Table] = {}
        self.grouped: dict[tuple[int, int], dict[str, Row]] = {}

    def table(self, model: Model, question: Question = PLAIN) -> Table:
        """The table of a member of the family; the same question is answered once."""
        binding = bind(self.spec, model.variant, question.bindings)
        key = (repr(binding.network), binding.batch, repr(question._replace(bindings={})))
        if key not in self.tables:
            self.tables[key] = model.answer(question)
        return self.tables[key]

    def layers(self, model: Model) -> int:
        """How many layers there are, train-only heads included."""
        return len(self.table(model, Question(train=bool(self.spec.heads))).graph.layers())

    def rows(self, table: Table, depth: int) -> dict[str, Row]:
        """A table's rows by name, groups at most so many levels deep."""
        from archcalc.render.grouping import flat

        key = (id(table), depth)
        if key not in self.grouped:
            self.grouped[key] = {row.name: row for row in flat(table, "block", depth)}
        return self.grouped[key]


def check(model: Model, counts: Counts | None = None) -> Iterator[Verdict]:
    """Every reference and every absolute budget of a spec or variant."""
    counts = counts or Counts(model.spec)
    member = model.spec.variant(model.variant)
    references, marks = (
        (member.references, member.reference_marks) if member else (model.spec.references, model.spec.reference_marks)
    )
    for reference, mark in zip(references, marks, strict=True):
        yield from _reference(model, counts, reference, mark)
    asked = counts.asked
    limits = [*rules(model), *fitted(model, asked.fit, asked.train)]
    for rule in (rule for rule in limits if rule.kind != "increase"):
        table = counts.table(model, rule.question(model, asked._replace(fit=(), train=False)))
        yield absolute(model.name, rule, _counted(table, rule), outside(table))


def _counted(table: Table, rule: Rule) -> Figure:
    try:
        return metric(table, rule.metric, None, rule.mark)
    except UsageError as error:
        raise SpecError([Problem(f"{rule.metric}: {error}", rule.mark)]) from None


def _reference(model: Model, counts: Counts, reference: Reference, mark: Mark) -> Iterator[Verdict]:
    sets = {name: str(value) if not isinstance(value, list) else value for name, value in reference.set.items()}
    train = reference.train or any(getattr(reference, name, None) is not None for name in TRAINING)
    dtype = reference.dtype or "fp32"
    table = counts.table(model, Question(sets, train=train, dtype=dtype, fold_bn=reference.fold_bn))
    row = row_of(table, reference.layer, mark, counts) if reference.layer is not None else None
    metrics = [name for name in METRICS if getattr(reference, name) is not None]
    if not metrics and reference.shape is None:
        raise SpecError([Problem(f"a reference needs a figure: one of {', '.join((*METRICS, 'shape'))}", mark)])
    for name in metrics:
        wanted: Quantity = getattr(reference, name)
        counted = metric(table, name, row, mark)
        tolerance = reference.tol.value if reference.tol is not None else None
        matches = isinstance(counted, (int, Fraction)) and wanted.matches(counted, tolerance)
        yield _judged(
            model,
            reference,
            mark,
            name,
            counted,
            matches,
            f"{wanted.text}{f' ±{reference.tol.text}' if reference.tol else ''}",
        )
    if reference.shape is not None:
        shape = row.shape if row is not None else table.graph.nodes[table.graph.outputs[0]].shape
        wanted_shape = "x".join(str(item) for item in reference.shape)
        yield _judged(
            model, reference, mark, "shape", numbers.shape(shape), numbers.shape(shape) == wanted_shape, wanted_shape
        )


def _judged(
    model: Model, reference: Reference, mark: Mark, name: str, counted: object, matches: bool, wanted: str
) -> Verdict:
    expected = reference.expect == "match"
    note = "" if expected and not matches else reference.note or ""
    noted = "" if expected else " (a mismatch was noted)" if matches else " (a mismatch, as noted)"
    sentence = f"{'=' if matches else '≠'} {wanted}, {reference.source}{noted}"
    label = name if reference.layer is None else f"{name} of {reference.layer}"
    return Verdict(
        matches == expected,
        "reference",
        model.name,
        label,
        counted,
        sentence,
        reference.source,
        mark,
        note=note,
        known=not expected,
    )


def absolute(name: str, rule: Rule, counted: object, note: str = "") -> Verdict:
    """A figure of a network held against its `max` or `min`."""
    bound, sign = rule.amount, "<=" if rule.kind == "max" else ">="
    figure = countable(rule, counted)
    passed = figure <= bound.value if rule.kind == "max" else figure >= bound.value
    used = f", {numbers.decimal(Fraction(figure) / bound.value * 100, 1)} % of it" if bound.value else ""
    wanted = f"{sign} {bound.text} ({rule.source}{on(rule)}{used})"
    return Verdict(
        passed,
        "budget",
        name,
        rule.metric,
        counted,
        wanted,
        rule.source,
        rule.mark,
        rule.warns,
        note,
        limit=f"{rule.kind} {bound.text}",
    )


def on(rule: Rule) -> str:
    """The device of a limit for a time, and the width that a limit speaks of."""
    words = [f"on {rule.device}"] if rule.device else []
    words += [f"in {rule.dtype}"] if rule.dtype else []
    return "".join(f" {word}" for word in words)


def outside(table: Table) -> str:
    """How much of a predicted time lies outside of what the device was calibrated for."""
    whole = table.timing.whole if table.timing is not None else None
    return (
        f"{numbers.share(whole.extrapolated, whole.total)} % of it is extrapolated"
        if whole and whole.extrapolated != 0
        else ""
    )


def countable(rule: Rule, figure: object) -> int | Fraction:
    """A figure that can be held against a limit. Raises SpecError for a receptive field that is no single number."""
    if isinstance(figure, (int, Fraction)):
        return figure
    raise SpecError([Problem(f"{rule.metric} is {figure}, which can't be held against a number", rule.mark)])


def row_of(table: Table, label: str, mark: Mark, counts: Counts | None = None) -> Row:
    """A layer's row, or a group's: the same path as in a table. Raises SpecError for a label that there isn't."""
    counts = counts or Counts(table.spec)
    if label in table.graph.groups or any(node.line == label for node in table.graph.nodes):
        return counts.rows(table, label.count("/") + 1)[label]
    for row in table.rows:
        if row.name == label:
            return row
    known = [*table.graph.groups, *(row.name for row in table.rows)]
    raise SpecError([Problem(f"there is no layer '{label}'{among(label, known)}", mark)])
