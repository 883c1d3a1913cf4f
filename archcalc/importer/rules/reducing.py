"""Sums, means, maxima and the like over axes."""

from __future__ import annotations

from archcalc.algebra import maximum, minimum
from archcalc.importer.rules.base import Call, Dim, Reach, Shape, Value, rule, size, without
from archcalc.importer.rules.pooling import pooled_whole
from archcalc.importer.rules.reshaping import axes_in
from archcalc.importer.values import axis_of
from archcalc.untyped import Attribute, Element

# operations an element that is read
COSTS = {
    "ReduceSum": 1, "ReduceMean": 1, "ReduceMax": 1, "ReduceMin": 1, "ReduceProd": 1, "ReduceL1": 2, "ReduceL2": 2,
    "ReduceSumSquare": 2, "ReduceLogSum": 1, "ReduceLogSumExp": 2,
}  # fmt: skip


@rule(*COSTS)
def reduce(
    call: Call, data: Value, axes: Value | None = None, *, keepdims: bool = True, noop_with_empty_axes: bool = False
) -> Value:
    """One number for many along axes, all where none is given: what COSTS says; means and maxima of whole maps are
    global pools.
    """
    if axes is not None and not axes.is_known:
        return _over_what_runs_tell(call, data, keepdims)
    shape, op = data.dims, call.op
    given = axes_in(axes)
    if not given and noop_with_empty_axes:
        return data
    over = {axis_of(axis, len(shape)) for axis in given or range(len(shape))}
    out = without(shape, over, keepdims)
    if data.is_constant:
        content = _folded(op, data.content) if len(over) == len(shape) or len(shape) <= 1 else None
        return Value(out, data.kind, None, content, tuple(origin._replace(reduced=True) for origin in data.origins))
    pool = {"ReduceMean": "gap", "ReduceMax": "gmp"}.get(op)
    if pool and len(shape) in (4, 5) and over == set(range(2, len(shape))) and call.is_batched(shape):
        return pooled_whole(call, data, pool, keepdims)
    cost = _cost(op, shape, out)
    everything = over >= set(range(2, len(shape))) and len(shape) > 2
    word = "reduce_" + op.removeprefix("Reduce").lower()
    which = f" over {', '.join(f'axis {axis}' for axis in sorted(over))}" if len(over) < len(shape) else ""
    reach = Reach.ALL if everything else Reach.MIXED
    return call.figure(word, out, [data], words=word + which, elementwise=cost, reach=reach)


def _cost(op: str, shape: Shape, out: Shape) -> Dim:
    """A sum of n takes n - 1 of them."""
    return COSTS[op] * size(shape) - (size(out) if op in ("ReduceMax", "ReduceMin", "ReduceSum", "ReduceProd") else 0)


def _over_what_runs_tell(call: Call, data: Value, keepdims: bool) -> Value:
    """Axes that a run gives: what it costs depends on what goes in and comes out, which the file says."""
    out = call.decided("axes", len(data.dims) if keepdims else None)
    word = "reduce_" + call.op.removeprefix("Reduce").lower()
    return call.figure(word, out, [data], elementwise=_cost(call.op, data.dims, out), reach=Reach.ALL)


def _folded(op: str, content: Attribute) -> Element:
    """One number from several."""
    if content is None or None in content or not content:
        return None
    if op in ("ReduceMax", "ReduceMin"):
        return ((maximum if op == "ReduceMax" else minimum)(*content),)
    if op not in ("ReduceSum", "ReduceProd"):
        return None
    total: object = 0 if op == "ReduceSum" else 1
    for value in content:
        total = total + value if op == "ReduceSum" else total * value
    return (total,)


@rule("ArgMax", "ArgMin")
def arg(call: Call, data: Value, *, axis: int = 0, keepdims: bool = True) -> Value:
    """Where an axis has its largest or smallest element: a comparison an element after the first; whole numbers out."""
    out = without(data.dims, {axis_of(axis, len(data.dims))}, keepdims)
    return call.figure(call.op.lower(), out, elementwise=size(data.dims) - size(out), reach=Reach.MIXED, kind=7)
