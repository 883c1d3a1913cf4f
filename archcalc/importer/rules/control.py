"""Branches and loops: which of them runs, and how often, is assumed where only a run tells, and said."""

from __future__ import annotations

from typing import Any

from archcalc.algebra import Dim, Number, Poly
from archcalc.errors import ShapeError
from archcalc.importer.foreign import foreign
from archcalc.importer.proto import Subgraph
from archcalc.importer.rules.base import Call, Outputs, Reach, Unknown, Value, Values, rule
from archcalc.importer.tensors import BOOL, INT64
from archcalc.importer.values import axis_of, least, spell_dim, whole
from archcalc.importer.wire import Bad

MOST_UNROLLED = 2000  # nodes of a loop that is written out
LONGEST = 1 << 40  # iterations: exporters write more for a loop without an end


def _body(call: Call, name: str) -> Subgraph:
    found = call.attr(name)
    if not isinstance(found, Subgraph):
        raise ShapeError(f"it has no {name}")
    return found


@rule("If")
def branch(call: Call) -> Outputs:
    """The branch that the sizes decide; else the one with more MACs."""
    then, other = _body(call, "then_branch"), _body(call, "else_branch")
    content = call.content(0)
    if content is not None and content[0] is not None:
        return call.walker.body(call, then if content[0] else other, [], "")
    walker = call.walker
    saved = walker.save()
    costs: list[Number] = []
    found: Outputs = []
    for body, word in ((then, "then"), (other, "else")):
        walker.restore(saved)
        try:
            found = walker.body(call, body, [], word)
            costs.append(walker.macs_since(saved))
        except (Bad, Unknown):
            costs.append(-1)
    dearer = _dearer(*costs)
    walker.node = call.node
    if not dearer or costs[1] == -1:
        walker.restore(saved)
        found = walker.body(call, (then, other)[dearer], [], ("then", "else")[dearer])
    if any(cost not in (0, -1) for cost in costs):
        shown = " and ".join(spell_dim(cost) if isinstance(cost, (int, Poly)) and cost != -1 else "no" for cost in costs)
        walker.notes[f"{walker.where}: only a run tells which branch is taken; counted is `{('then', 'else')[dearer]}`, of {shown} MACs"] = None
    return found


def _dearer(then: Number, other: Number) -> int:
    return 0 if least(other, then) else 1


@rule("Loop")
def loop(call: Call) -> Outputs:
    """One iteration, times their number. Where iterations differ it is written out, if it isn't too long."""
    walker = call.walker
    body = _body(call, "body")
    content = call.content(0) if call.has(0) else None
    trips: Dim | None = whole(content[0]) if content else None
    if isinstance(trips, int) and trips > LONGEST:
        trips = None
    carried = list(call.inputs[2:])
    going = call.content(1) if call.has(1) else (True,)
    if going is not None and going[0] is False:
        return [*carried, *[None] * (len(call.node.outputs) - len(carried))]
    if trips is None:
        trips = walker.free(f"{call.node.name or 'loop'}_trips")
        walker.notes[f"{walker.where}: only a run tells how often the loop runs; that is {trips}"] = None
    saved = walker.save()
    first = [Value((), INT64), Value((), BOOL, None, (True,))]
    outputs = walker.body(call, body, [*first, *carried], "body", trips)
    stays = [value is after for value, after in zip(carried, outputs[1:], strict=False)]  # weights that are handed on
    walker.restore(saved)
    states = [value if same else _state(call, value) for value, same in zip(carried, stays, strict=True)]
    outputs = walker.body(call, body, [*first, *states], "body", trips)
    after: Outputs = list(outputs[1 : 1 + len(carried)])
    alike = [_shape_of(value) for value in after] == [_shape_of(value) for value in states]
    alike = alike and saved.unknown == walker.save().unknown and walker.uncounted.keys() == saved.uncounted.keys()
    if not alike and isinstance(trips, int):
        walker.restore(saved)
        found = _written_out(call, body, trips, states)
        if found is not None:
            return found
        outputs = walker.body(call, body, [*first, *states], "body", trips)
        after = list(outputs[1 : 1 + len(carried)])
    if not alike:
        walker.notes[f"{walker.where}: its iterations differ, and the first is counted {spell_dim(trips)} times"] = None
    return [*after, *(_stacked(call, value, trips, 0) for value in outputs[1 + len(carried) :])]


def _shape_of(value: Any) -> Any:
    return value.shape if isinstance(value, Value) else None


def _written_out(call: Call, body: Subgraph, trips: int, carried: list[Any]) -> Outputs | None:
    """Iteration by iteration; None if that would be too long."""
    from archcalc.importer.proto import read_graph

    walker = call.walker
    if trips > 64 or trips * len(read_graph(body.stretch).nodes) > MOST_UNROLLED:
        return None
    scans: list[list[Any]] = []
    current = list(carried)
    for n in range(trips):
        outputs = walker.body(call, body, [Value((), INT64, None, (n,)), Value((), BOOL, None, (True,)), *current], f"{n}")
        current = list(outputs[1 : 1 + len(carried)])
        scans = scans or [[] for _ in outputs[1 + len(carried) :]]
        for found, value in zip(scans, outputs[1 + len(carried) :], strict=True):
            found.append(value)
        going = outputs[0].content if isinstance(outputs[0], Value) else None
        if going is not None and going[0] is False:
            break
        if going is None and n == 0:
            walker.notes[f"{walker.where}: only a run tells when the loop ends; all {trips} iterations are counted"] = None
    return [*current, *(_together(call, values) for values in scans)]


def _state(call: Call, value: Any) -> Any:
    """What a loop carries is computed, from the second iteration on."""
    if not isinstance(value, Value) or value.shape is None:
        return value
    if value.node is not None:
        return Value(value.shape, value.kind, value.node)
    if not value.is_float:
        return Value(value.shape, value.kind)
    sample = call.walker.sample(value.shape)
    layer = foreign("state", ("is_view",), words="what the loop starts from", size_=sample)
    return Value(value.shape, value.kind, call.walker.place(layer, (), sample, "", call.node))


def _stacked(call: Call, value: Any, trips: Dim, axis: int) -> Any:
    if not isinstance(value, Value) or value.shape is None:
        return value
    at = axis_of(axis, len(value.shape) + 1)
    shape = (*value.shape[:at], trips, *value.shape[at:])
    return Value(shape, value.kind) if value.is_constant else call.figure("stack", shape, [value], reach=Reach.MIXED)


def _together(call: Call, values: list[Any]) -> Any:
    first = values[0] if values else None
    if not isinstance(first, Value) or first.shape is None:
        return first
    shape = (len(values), *first.shape)
    if not call.data(values):
        parts = [value.content for value in values]
        content = None if any(part is None for part in parts) else tuple(item for part in parts for item in part or ())
        return Value(shape, first.kind, None, content)
    return call.figure("stack", shape, values, reach=Reach.MIXED)


@rule("Scan")
def scan(call: Call) -> Outputs:
    """One iteration, times the length of what is scanned."""
    walker = call.walker
    body = _body(call, "body")
    count = call.whole("num_scan_inputs", 0)
    inputs = [value for value in call.inputs if isinstance(value, Value)]
    first = len(inputs) - count
    if count < 1 or first < 0 or call.opset < 9:
        raise Unknown("a scan of the first kind, or of nothing")
    axes = call.ints("scan_input_axes") or [0] * count
    trips: Dim | None = None
    slices: list[Any] = []
    for n, axis in zip(range(first, len(inputs)), axes, strict=True):
        value, shape = inputs[n], call.shape(n)
        at = axis_of(axis, len(shape))
        trips = shape[at] if trips is None else call.assumed.agree(trips, shape[at])
        part = (*shape[:at], *shape[at + 1 :])
        slices.append(Value(part, value.kind) if value.is_constant else call.figure("slice", part, [value], words="one of what is scanned", reach=Reach.MIXED))
    assert trips is not None
    states = [_state(call, value) for value in inputs[:first]]
    outputs = walker.body(call, body, [*states, *slices], "body", trips)
    out_axes = call.ints("scan_output_axes") or [0] * (len(outputs) - first)
    return [*outputs[:first], *(_stacked(call, value, trips, axis) for value, axis in zip(outputs[first:], out_axes, strict=True))]


@rule("SequenceMap")
def sequence_map(call: Call) -> Outputs:
    found = call.inputs[0]
    if not isinstance(found, Values):
        raise Unknown("a sequence that isn't known")
    rest = call.inputs[1:]
    rows = []
    for n, value in enumerate(found):
        others = [other[n] if isinstance(other, Values) and len(other) > n else other for other in rest]
        rows.append(call.walker.body(call, _body(call, "body"), [value, *others], f"{n}"))
    return [Values(value for value in column if isinstance(value, Value)) for column in zip(*rows, strict=True)]
