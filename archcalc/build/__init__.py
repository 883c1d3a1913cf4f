"""Builds the graph of a spec: walks its items, evaluates their expressions, and checks every shape.

A mistake poisons the value that it would have produced (`None`), so that building goes on and every mistake is reported
once. `nodes` puts layers into the graph, `items` walks what stands around them, `loops` closes a body that is repeated
`n` times.
"""

from __future__ import annotations

from collections.abc import Collection

from archcalc.build.items import Builder
from archcalc.collector import uncollected
from archcalc.errors import Problem, SpecError, UsageError
from archcalc.graph import Graph
from archcalc.spec import Binding, Spec, bind

__all__ = ["build", "problems_beside"]


def build(spec: Spec, binding: Binding, train: bool = False, without: Collection[str] = ()) -> Graph:
    """The graph of a spec with bound parameters; with its train-only heads if `train`.

    Labels in `without` are left out, and those that the variant leaves out: what reads them reads their input instead,
    and takes its shape. Raises SpecError with every mistake, UsageError for a label in `without` that doesn't exist.
    """
    try:
        with uncollected():
            return Builder(spec, binding, train, without).build()
    except RecursionError:
        raise SpecError([Problem("blocks inside blocks, nested too deeply", spec.mark)]) from None


def problems_beside(error: SpecError, variant: str | None) -> list[Problem]:
    """The mistakes that building finds beside those that reading found."""
    known = {problem.mark for problem in error.problems}
    try:
        if isinstance(error.spec, Spec):
            build(error.spec, bind(error.spec, variant))
    except SpecError as more:
        return [problem for problem in more.problems if problem.mark not in known]
    except UsageError:
        pass
    return []
