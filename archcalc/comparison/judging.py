"""Budgets held against a comparison: absolute limits against what a network costs now, `increase` against what it
cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from archcalc.budget import Rule
from archcalc.check import Verdict, absolute, countable, on
from archcalc.comparison.sides import Side
from archcalc.metrics import figure
from archcalc.model import Model


def judged(
    model: Model, limits: Sequence[Rule], head: Side, base: Side | None
) -> tuple[tuple[Verdict, ...], tuple[str, ...]]:
    """What limits say, and those that could not be judged since there is no base. Both sides are counted as `check`
    counts.

    Raises SpecError for a figure that is no number.
    """
    verdicts, unjudged = [], []
    for rule in limits:
        counted = head.metric(rule.metric)
        if rule.kind != "increase":
            verdicts.append(absolute(model.name, rule, counted))
        elif base is None:
            unjudged.append(f"{rule.metric} increase {rule.amount.text}")
        else:
            verdicts.append(_relative(model.name, rule, base.metric(rule.metric), counted))
    return tuple(verdicts), tuple(unjudged)


def _relative(name: str, rule: Rule, before: object, after: object) -> Verdict:
    old, new = countable(rule, before), countable(rule, after)
    allowed = old * rule.amount.value if rule.is_share else rule.amount.value
    passed = new - old <= allowed
    grown = percent(Fraction(new - old) / Fraction(old) * 100) if old else ""
    step = f"{'' if new < old else '+'}{figure(rule.metric, new - old)}{f', {grown}' if grown else ''}"
    limit = rule.amount.text if rule.amount.text.startswith(("+", "-")) else f"+{rule.amount.text}"
    wanted = f"<= {limit} over {figure(rule.metric, old)} (budget{on(rule)}; {step})"
    return Verdict(
        passed, "budget", name, rule.metric, after, wanted, "budget", rule.mark, rule.warns, limit=f"increase {limit}"
    )


def percent(value: Fraction) -> str:
    """`+6.1 %`: one decimal, and as many as it takes for something so small."""
    digits = 1
    while value and abs(value) <= Fraction(1, 2 * 10**digits) and digits < 9:
        digits += 1
    shown = round(value, digits)
    return f"{float(shown):+.{digits}f} %" if shown else "+0 %" if value >= 0 else "-0 %"
