"""Builds the graph of a spec: walks its items, evaluates their expressions, and checks every shape.

A mistake poisons the value that it would have produced (`None`), so that building goes on and every mistake is reported
once. `nodes` puts layers into the graph, `items` walks what stands around them, `loops` closes a body that is repeated
`n` times.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from archcalc.build.items import Builder
from archcalc.errors import Problem, SpecError
from archcalc.graph import Graph
from archcalc.spec import Binding, Spec

__all__ = ["build", "uncollected"]


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


@contextmanager
def uncollected() -> Iterator[None]:
    """While a graph is built every node lives on: the garbage collector would only walk them again and again."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
