"""Finding what is to be compared: a spec, a network that ships, a model file or a snapshot, by one name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from archcalc.comparison.sides import Side, side_of
from archcalc.comparison.snapshot import is_snapshot, read_snapshot
from archcalc.errors import UsageError
from archcalc.files import is_model_file
from archcalc.model import Model, load
from archcalc.ops.kinds import show
from archcalc.question import Question
from archcalc.records import Record
from archcalc.spec.binding import BATCH

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = Question()


class Operand(Record):
    """Something to compare: a model that is counted as often as needed, or a snapshot, which was counted already."""

    model: Model | None
    side: Side | None = None
    answers: list[tuple[Question, Side]] = []  # so far
    same: Operand | None = None  # another that has the same bytes, and so the same costs

    @property
    def name(self) -> str:
        """`net.yaml@variant`."""
        if self.side is not None:
            return self.side.label
        assert self.model is not None
        return self.model.name

    @property
    def parameters(self) -> frozenset[str]:
        """The design parameters that it has; the batch is none."""
        if self.side is not None:
            return frozenset((*self.side.bindings, *self.side.symbols)) - {BATCH}
        assert self.model is not None
        return frozenset(self.model.spec.parameters)

    def counted(self, question: Question) -> Side:
        """Its costs, as the question asks. Raises UsageError if what was counted already answers another."""
        if self.side is None:
            return self._answered(question)
        differs = [
            f"{what} {has}, not {wanted}" for what, has, wanted in _answers(self.side, question) if has != wanted
        ]
        if differs:
            raise UsageError(f"{self.side.label} was counted with {'; '.join(differs)}: count it again")
        return self.side

    def _answered(self, question: Question) -> Side:
        for asked, side in self.answers:
            if asked == question:
                return side
        assert self.model is not None
        if self.same is not None:
            side = self.same.counted(question)._replace(spec=self.model.spec.path)
        else:
            side = side_of(self.model.answer(question))
        self.answers.append((question, side))
        return side


def _answers(side: Side, question: Question) -> list[tuple[str, str, str]]:
    """What a side was counted for and what is wanted, in pairs."""
    free = ", ".join(sorted(side.symbols)) or "nothing"
    wanted = free if "all" in question.free else ", ".join(sorted(set(question.free))) or "nothing"
    found = [
        ("mode", side.mode, "training" if question.train else "inference"),
        (
            "batch",
            str(side.batch),
            "batch" if "batch" in question.free else str(question.bindings.get("batch", question.batch)),
        ),
        ("dtype", side.dtype, side.dtype if question.as_stored and is_model_file(side.spec) else question.dtype),
        ("free parameters", free, wanted),
    ]
    if side.variant is None:  # a variant may leave out layers of its own accord
        found.append(("without", ", ".join(side.without) or "nothing", ", ".join(question.without) or "nothing"))
    has = {**side.bindings, "batch": side.batch}
    return found + [
        (name, show(has[name]) if name in has else "nothing", show(value)) for name, value in question.bindings.items()
    ]


def operand(named: str | Path | Model) -> Operand:
    """What a name stands for; a model stands for itself. Raises UsageError, SpecError."""
    if isinstance(named, Model):
        return Operand(named)
    if not isinstance(named, (str, os.PathLike)):
        raise UsageError(f"a side is a path, a name, a model or a snapshot, not a {type(named).__name__}")
    name = os.fspath(named)
    if not is_snapshot(name):
        return Operand(load(name))
    sides = read_snapshot(name)
    if len(sides) > 1:
        raise UsageError(
            f"{name} holds {len(sides)} networks: {', '.join(side.label for side in sides[:8])}; compare specs with it:"
            f" SPEC... --base {name}"
        )
    return Operand(None, sides[0])
