"""What a run takes that follows at once on another of its own: caches hold what they can, and code is warm.

Of each term of the time (compute, weights, activations, overhead) a share is left; weights that caches keep are told
from those that they can't.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from archcalc.cost import Table
from archcalc.duration import Time
from archcalc.latency.estimate import Prices, terms
from archcalc.latency.fit import ROBUST, ROUNDS, Fitted, nnls
from archcalc.latency.profile import Hot
from archcalc.latency.timing import Timed
from archcalc.untyped import Array

KEPT = tuple(1 << n for n in range(19, 27))  # bytes of weights that caches may keep: from half a MiB to 64


def fit_hot(subjects: Sequence[Timed], prices: Fitted, block: int, width: int) -> Hot | None:
    """The shares that explain the hot runs best; None where none were timed."""
    given = [(subject, subject.hot_ms) for subject in subjects if subject.hot_ms]
    if not given:
        return None
    classes = {name: Prices(kind, width) for name, kind in prices.classes.items()}
    fallback = Prices(prices.fallback, width)
    rows = [(weight_bytes(subject.table), terms(subject.table, classes, fallback, block)) for subject, _ in given]
    times = numpy.array([ms for _, ms in given])
    found = [(_fitted(rows, times, kept), kept) for kept in KEPT]
    (_, shares), kept = min(found, key=lambda one: one[0][0])
    call, *parts = (float(f"{share:.4g}") for share in shares)
    names = ("compute", "weights", "far_weights", "activations", "overhead")
    return Hot(ns_per_run=float(f"{call * 1e6:.4g}"), kept_bytes=kept, **dict(zip(names, parts, strict=True)))


def weight_bytes(table: Table) -> int:
    """Of a network whose sizes are numbers."""
    return int(table.total("weight_bytes"))


def _fitted(rows: Sequence[tuple[int, Time]], times: Array, kept: int) -> tuple[float, Array]:
    """The mean relative error, robustly, and the milliseconds of a call with the share of each term."""
    matrix = numpy.array([(1.0, *_columns(time, held <= kept)) for held, time in rows]) / times[:, None]
    weights = numpy.ones(len(times))
    for _ in range(ROUNDS):
        shares = nnls(matrix * weights[:, None], weights)
        errors = abs(matrix @ shares - 1)
        weights = numpy.sqrt(numpy.minimum(1, ROBUST / numpy.maximum(errors, 1e-9)))
    return float(numpy.minimum(errors, 2 * ROBUST).mean()), shares


def _columns(time: Time, near: bool) -> tuple[float, ...]:
    weights = float(time.weights)  # type: ignore[arg-type]
    parts = (time.compute, weights * near, weights * (not near), time.activations, time.overhead)
    return tuple(float(part) for part in parts)  # type: ignore[arg-type]


__all__ = ["fit_hot"]
