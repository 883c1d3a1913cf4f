"""Two networks side by side."""

from __future__ import annotations

from collections.abc import Collection

from archcalc.budget import Rule, fitted, rules
from archcalc.check import Verdict
from archcalc.comparison.changes import changes
from archcalc.comparison.judging import judged
from archcalc.comparison.operands import PLAIN, Operand
from archcalc.comparison.result import Comparison
from archcalc.comparison.sides import Side, with_common_symbols
from archcalc.errors import UsageError
from archcalc.model import Model
from archcalc.question import Question


def pair(base: Operand | None, head: Operand | None, question: Question = PLAIN, file: str = "") -> Comparison:
    """What changed from one to the other, each counted as the question asks; what it leaves out, it leaves out of the
    head only.

    Budgets are the head's. They are judged at the spec's own values whatever the question sets or frees, as `check`
    does.
    """
    if head is not None and head.model is not None:
        question = question._replace(device=head.model.beside(question.device))  # the base's spec may lie nowhere
    before_asked, after_asked, notes = _asked(base, head, question)
    before = base.counted(before_asked._replace(without=())) if base else None
    after = head.counted(after_asked) if head else None
    if before and after:
        _same_device(before, after)
        before, after = with_common_symbols(before, after)
    verdicts, unjudged = _judged(base, head, question)
    found = changes(before, after) if before and after and before.figures is not after.figures else []
    return Comparison(before, after, tuple(found), verdicts, unjudged, file, tuple(notes))


def _asked(base: Operand | None, head: Operand | None, question: Question) -> tuple[Question, Question, list[str]]:
    """The question for each side: what one side alone knows is asked of it alone, and noted."""
    if base is None or head is None:
        return question, question, []
    old, new = base.parameters, head.parameters
    named = dict.fromkeys([*question.bindings, *question.free])
    added, gone = [name for name in named if name in new - old], [name for name in named if name in old - new]
    notes = [f"{head.name} has no `{name}` any more: it is what was asked in the base alone" for name in gone]
    notes += [f"{head.name} had no `{name}` before: it is what was asked in the new one alone" for name in added]
    return _less(question, added), _less(question, gone), notes


def _less(question: Question, names: Collection[str]) -> Question:
    bindings = {name: value for name, value in question.bindings.items() if name not in names}
    return question._replace(bindings=bindings, free=tuple(name for name in question.free if name not in names))


def _judged(
    base: Operand | None, head: Operand | None, question: Question
) -> tuple[tuple[Verdict, ...], tuple[str, ...]]:
    if head is None or head.model is None:
        return (), ()
    verdicts: list[Verdict] = []
    unjudged: list[str] = []
    for asked, mine in _by_question(head.model, question):
        old = (
            _plain(base, head.model.name, question, asked)
            if base is not None and any(rule.kind == "increase" for rule in mine)
            else None
        )
        new = head.counted(asked)
        if old is not None:
            _same_device(old, new)
        found = judged(head.model, mine, new, old)
        verdicts += found[0]
        unjudged += found[1]
    return tuple(verdicts), tuple(unjudged)


def _by_question(model: Model, question: Question) -> list[tuple[Question, list[Rule]]]:
    """The limits of a network, those together that one count judges: at its own values, in the width that is asked
    for.
    """
    found: list[tuple[Question, list[Rule]]] = []
    plain = PLAIN._replace(dtype=question.dtype, fold_bn=question.fold_bn, as_stored=question.as_stored)
    for rule in [*rules(model), *fitted(model, question.fit, question.train)]:
        asked = rule.question(model, plain)
        same = next((rules for known, rules in found if known == asked), None)
        if same is None:
            found.append((asked, [rule]))
        else:
            same.append(rule)
    return found


def _same_device(before: Side, after: Side) -> None:
    """Raises UsageError for times on two devices: a snapshot's may be another's."""
    if before.device and after.device and before.device != after.device:
        raise UsageError(f"{before.label} was predicted on {before.device}, not on {after.device}: count it again")


def _plain(base: Operand, name: str, question: Question, asked: Question) -> Side:
    """The base as budgets see it: at its own values. A snapshot has those that it was counted with. Raises
    UsageError.
    """
    limits = f"{name} limits its increase, which is judged at the spec's own values"
    if base.model is None and question.bindings:
        raise UsageError(f"{limits}: with a snapshot, compare without --set")
    if base.side is not None and base.side.sets:
        raise UsageError(
            f"{limits}; {base.side.label} was counted with --set {', '.join(base.side.sets)}: count it again"
        )
    try:
        return base.counted(asked)
    except UsageError as error:
        raise UsageError(f"{limits}; {error}") from None
