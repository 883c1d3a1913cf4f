"""Sums, means, maxima and the like over axes."""

from __future__ import annotations

from typing import Any

from archcalc.algebra import maximum, minimum
from archcalc.importer.rules.base import Call, Reach, Value, rule, size
from archcalc.importer.rules.pooling import pooled_whole
from archcalc.importer.rules.reshaping import axes_given
from archcalc.importer.values import axis_of

# operations an element that is read
COSTS = {
    "ReduceSum": 1, "ReduceMean": 1, "ReduceMax": 1, "ReduceMin": 1, "ReduceProd": 1, "ReduceL1": 2, "ReduceL2": 2,
    "ReduceSumSquare": 2, "ReduceLogSum": 1, "ReduceLogSumExp": 2,
}  # fmt: skip


@rule(*COSTS)
def reduce(call: Call) -> Value:
    x, shape, op = call.value(0), call.shape(0), call.node.op
    given = axes_given(call, 1)
    if given is None or (not given and call.has(1)):
        if call.whole("noop_with_empty_axes", 0):
            return x
        given = list(range(len(shape)))
    axes = {axis_of(axis, len(shape)) for axis in given}
    keep = bool(call.whole("keepdims", 1))
    out = tuple(1 if n in axes else dim for n, dim in enumerate(shape) if keep or n not in axes)
    if x.is_constant:
        content = _folded(op, x.content) if len(axes) == len(shape) or len(shape) <= 1 else None
        return Value(out, x.kind, None, content, tuple(origin._replace(reduced=True) for origin in x.origins))
    word = {"ReduceMean": "gap", "ReduceMax": "gmp"}.get(op)
    if word and len(shape) in (4, 5) and axes == set(range(2, len(shape))) and call.walker.sample(shape) != shape:
        return pooled_whole(call, x, word, keep)
    cost = COSTS[op] * size(shape) - (size(out) if op in ("ReduceMax", "ReduceMin", "ReduceSum", "ReduceProd") else 0)
    everything = axes >= set(range(2, len(shape))) and len(shape) > 2
    words = (
        f"{_word(op)} over {', '.join(f'axis {axis}' for axis in sorted(axes))}"
        if len(axes) < len(shape)
        else _word(op)
    )
    return call.figure(
        _word(op), out, [x], words=words, elementwise=cost, reach=Reach.ALL if everything else Reach.MIXED
    )


def _word(op: str) -> str:
    return "reduce_" + op.removeprefix("Reduce").lower()


def _folded(op: str, content: Any) -> Any:
    """One number from several."""
    if content is None or None in content or not content:
        return None
    if op in ("ReduceSum", "ReduceProd"):
        total: Any = 0 if op == "ReduceSum" else 1
        for value in content:
            total = total + value if op == "ReduceSum" else total * value
        return (total,)
    if op in ("ReduceMax", "ReduceMin"):
        return ((maximum if op == "ReduceMax" else minimum)(*content),)
    return None


@rule("ArgMax", "ArgMin")
def arg(call: Call) -> Value:
    shape = call.shape(0)
    axis = axis_of(call.whole("axis", 0), len(shape))
    out = (*shape[:axis], *((1,) if call.whole("keepdims", 1) else ()), *shape[axis + 1 :])
    return call.figure(
        "argmax" if call.node.op == "ArgMax" else "argmin",
        out,
        elementwise=size(shape) - size(out),
        reach=Reach.MIXED,
        kind=7,
    )
