"""Which limits hold for a network: its own, what a variant inherits, and its repository's defaults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

from archcalc.budget.settings import Settings, settings_above
from archcalc.devices import limits as device_limits
from archcalc.devices import spelled
from archcalc.errors import Mark, Problem, SpecError, UsageError
from archcalc.metrics import TRAINING
from archcalc.model import Model
from archcalc.question import Question
from archcalc.spec.model import Budget, Quantity
from archcalc.tuples import NamedTuple

KINDS = ("max", "min", "increase")


class Rule(NamedTuple):
    """One limit of one metric: `max`, `min`, or the `increase` over a base."""

    metric: str
    kind: str
    amount: Quantity
    warns: bool  # a broken one is told and doesn't fail
    mark: Mark
    device: str = ""  # that a time is predicted on
    dtype: str = ""  # that bytes are counted in, if not in what is asked for
    fold_bn: bool = False
    source: str = "budget"  # who sets it

    @property
    def is_share(self) -> bool:
        """Whether it is a percentage."""
        return self.amount.text.endswith("%")

    def question(self, model: Model, asked: Question) -> Question:
        """What is counted to judge it. Raises SpecError for a device that isn't known."""
        asked = asked._replace(
            dtype=self.dtype or asked.dtype,
            fold_bn=self.fold_bn or asked.fold_bn,
            train=asked.train or self.metric in TRAINING,
        )
        try:
            return model.on(model.beside(self.device), asked) if self.device else asked
        except UsageError as error:
            raise SpecError([Problem(str(error), self.mark)]) from None


def rules(model: Model, settings: Settings | None = None) -> list[Rule]:
    """Every limit, each metric's together.

    Its own come first. A variant without a limit of that kind grows no faster than the spec allows (`increase`; another
    network's `max` says nothing about it). What is still open is the repository's: its `settings`, or those that are
    there now. Raises SpecError, UsageError.
    """
    member = model.spec.variant(model.variant)
    found: dict[tuple[str, str], Rule] = {}
    if member is not None:
        _put(found, member.budget, member.budget_marks, KINDS, member.mark)
    _put(found, model.spec.budget, model.spec.budget_marks, KINDS if member is None else ("increase",), model.spec.mark)
    defaults = _settings(model) if settings is None else settings
    _put(found, defaults.budget, defaults.marks, KINDS, Mark(defaults.file, 1, 1))
    kinds = KINDS[:2] if model.ships else KINDS  # what ships has no versions that anybody compares
    return [found[name, kind] for name in Budget.fields for kind in kinds if (name, kind) in found]


def fitted(model: Model, names: Iterable[str], train: bool = False) -> list[Rule]:
    """The limits of devices that a network is to fit, training it or not. Raises UsageError."""
    return [
        Rule(metric, "max", Quantity(Fraction(size), Fraction(1), spelled(size)), False, model.spec.mark, source=source)
        for metric, size, source in device_limits(names, train)
    ]


def _settings(model: Model) -> Settings:
    """A network that ships with archcalc is no part of anybody's repository."""
    return Settings() if model.ships else settings_above(Path(model.spec.path).parent)


def _put(
    found: dict[tuple[str, str], Rule],
    budget: Budget | None,
    marks: Mapping[str, Mark],
    kinds: tuple[str, ...],
    top: Mark,
) -> None:
    for rule in _of(budget, marks, kinds, top) if budget else ():
        found.setdefault((rule.metric, rule.kind), rule)


def _of(budget: Budget, marks: Mapping[str, Mark], kinds: tuple[str, ...], top: Mark) -> Iterator[Rule]:
    for name in Budget.fields:
        limit = getattr(budget, name)
        for kind in kinds if limit else ():
            amount = getattr(limit, kind)
            if amount is None:
                continue
            mark, device = marks.get(name, top), getattr(limit, "device", "")
            rule = Rule(name, kind, amount, limit.level == "warn", mark, device, limit.dtype or "", limit.fold_bn)
            if rule.is_share and kind != "increase":
                raise SpecError([Problem(f"{kind}: {amount.text} of what? only `increase` is a percentage", rule.mark)])
            if not rule.is_share and kind == "increase" and amount.value.denominator != 1 and not rule.device:
                raise SpecError(
                    [
                        Problem(
                            f"increase: {amount.text} is neither a percentage (`2%`) nor a whole number (`+30M`)",
                            rule.mark,
                        )
                    ]
                )
            yield rule


def eased(before: Iterable[Rule], now: Iterable[Rule]) -> Iterator[str]:
    """In words, what was limited more strictly before: a change may bring its own excuse, which should be seen."""
    holds = {(rule.metric, rule.kind): rule for rule in now}
    for rule in before:
        limit, other = f"limit {rule.kind} {rule.amount.text} of {rule.metric}", holds.get((rule.metric, rule.kind))
        if other is None:
            yield f"{limit} was removed"
        elif other.is_share != rule.is_share:
            yield f"{limit} became {other.amount.text}"
        elif other.amount.value < rule.amount.value if rule.kind == "min" else other.amount.value > rule.amount.value:
            yield f"{limit} was loosened to {other.amount.text}"
        if other is not None and other.warns and not rule.warns:
            yield f"{limit} fails no more, it only warns"
