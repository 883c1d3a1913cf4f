"""Sequences of tensors."""

from __future__ import annotations

from archcalc.errors import ShapeError
from archcalc.importer.rules.base import Call, Unknown, Value, Values, rule
from archcalc.importer.rules.joining import cut, joined
from archcalc.importer.tensors import MOST_CONTENT
from archcalc.importer.values import axis_of


@rule("SequenceConstruct", "SequenceEmpty")
def sequence(call: Call) -> Values:
    return Values(call.values())


def _sequence(call: Call) -> Values:
    found = call.inputs[0]
    if not isinstance(found, Values):
        raise Unknown("a sequence that isn't known")
    return found


@rule("SequenceAt")
def sequence_at(call: Call) -> Value:
    found, position = _sequence(call), call.numbers(1, "position")[0]
    if not isinstance(position, int) or not -len(found) <= position < len(found):
        raise ShapeError(f"there is no {position} in a sequence of {len(found)}")
    return found[position]


@rule("SequenceInsert")
def sequence_insert(call: Call) -> Values:
    found = Values(_sequence(call))
    at = call.numbers(2, "position")[0] if call.has(2) else len(found)
    found.insert(at, call.value(1))
    return found


@rule("SequenceErase")
def sequence_erase(call: Call) -> Values:
    found = Values(_sequence(call))
    del found[call.numbers(1, "position")[0] if call.has(1) else -1]
    return found


@rule("SequenceLength")
def sequence_length(call: Call) -> Value:
    return Value((), 7, None, (len(_sequence(call)),))


@rule("SplitToSequence")
def split_to_sequence(call: Call) -> Values:
    x, shape = call.value(0), call.shape(0)
    axis = axis_of(call.whole("axis", 0), len(shape))
    length = shape[axis]
    if call.has(1):
        given = call.numbers(1, "sizes")
        if call.shape(1) == ():
            if not isinstance(length, int):
                raise Unknown("the number of its parts depends on a free size")
            step = int(given[0])
            if step < 1 or length > step * MOST_CONTENT:
                raise ShapeError(f"{length:,} are split into parts of {step}")
            parts = [min(step, length - n) for n in range(0, length, step)]
        else:
            parts = [int(part) for part in given]
    else:
        if not isinstance(length, int):
            raise Unknown("the number of its parts depends on a free size")
        if length > MOST_CONTENT:
            raise ShapeError(f"it is split into {length:,} parts")
        parts = [1] * length
    found, start = Values(), 0
    for part in parts:
        piece = cut(call, x, shape, axis, start, start + part)
        keep = call.has(1) or call.whole("keepdims", 1)
        found.append(piece if keep else call.view(piece, (*shape[:axis], *shape[axis + 1 :]), content=piece.content))
        start += part
    return found


@rule("ConcatFromSequence")
def concat_from_sequence(call: Call) -> Value:
    found, axis = list(_sequence(call)), call.whole("axis", 0)
    if call.whole("new_axis", 0):
        stacked = []
        for value in found:
            shape = value.shape or ()
            at = axis_of(axis, len(shape) + 1)
            stacked.append(call.view(value, (*shape[:at], 1, *shape[at:]), content=value.content))
        found = stacked
    return joined(call, found, axis)
