"""Branches, loops and scans: graphs inside of nodes."""

from __future__ import annotations

from archcalc.algebra import Dim
from archcalc.importer.bodies import branched, looped, stacked, started
from archcalc.importer.proto import Subgraph
from archcalc.importer.rules.base import Call, Outputs, Reach, Unknown, Value, Values, rule
from archcalc.importer.values import axis_of
from archcalc.untyped import Attribute, Operand


@rule("If")
def branch(call: Call, cond: Value, *, then_branch: Subgraph, else_branch: Subgraph) -> Outputs:
    """One of two graphs: the one that a known condition takes, else the dearer of both."""
    return branched(call, then_branch, else_branch, cond.only())


@rule("Loop")
def loop(call: Call, M: Value | None = None, cond: Value | None = None, *v_initial: Operand, body: Subgraph) -> Outputs:
    """A body as often as M and the condition say; where only a run tells, the number of trips is a named number."""
    return looped(call, body, M, cond, list(v_initial))


@rule("Scan")
def scan(
    call: Call, *initial_state_and_scan_inputs: Value, body: Subgraph, num_scan_inputs: int = 0,
    scan_input_axes: list[int] | None = None, scan_output_axes: list[int] | None = None,
) -> Outputs:  # fmt: skip
    """One iteration, times the length of what is scanned."""
    first = len(initial_state_and_scan_inputs) - num_scan_inputs
    if num_scan_inputs < 1 or first < 0 or call.opset < 9:
        raise Unknown("a scan of the first kind, or of nothing")
    states, scanned = initial_state_and_scan_inputs[:first], initial_state_and_scan_inputs[first:]
    trips: Dim | None = None
    slices: list[Attribute] = []
    for value, axis in zip(scanned, scan_input_axes or [0] * num_scan_inputs, strict=True):
        shape = value.dims
        at = axis_of(axis, len(shape))
        trips = shape[at] if trips is None else call.assumed.agree(trips, shape[at])
        part = (*shape[:at], *shape[at + 1 :])
        if value.is_constant:  # each iteration has its part of the weights
            slices.append(Value(part, value.kind, None, None, value.origins))
        else:
            words = "one of what is scanned"
            slices.append(call.figure("slice", part, [value], words=words, reach=Reach.MIXED, kind=value.kind))
    assert trips is not None
    outputs = call.body(body, [*(started(call, value) for value in states), *slices], "body", trips)
    axes = scan_output_axes or [0] * (len(outputs) - first)
    rest = zip(outputs[first:], axes, strict=True)
    return [*outputs[:first], *(stacked(call, value, trips, axis) for value, axis in rest)]


@rule("SequenceMap")
def sequence_map(call: Call, input_sequence: Values, *additional_inputs: Operand, body: Subgraph) -> Outputs:
    """A body for each tensor of a sequence, with its own layers each time; other sequences go along with it."""
    rows = []
    for n, value in enumerate(input_sequence):
        others = [other[n] if isinstance(other, Values) and len(other) > n else other for other in additional_inputs]
        rows.append(call.body(body, [value, *others], f"{n}"))
    return [Values(value for value in column if isinstance(value, Value)) for column in zip(*rows, strict=True)]
