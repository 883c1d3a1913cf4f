"""Sequences of tensors."""

from __future__ import annotations

from archcalc.errors import ShapeError
from archcalc.importer.rules.base import Call, Unknown, Value, Values, rule
from archcalc.importer.rules.joining import cut, joined
from archcalc.importer.tensors import MOST_CONTENT
from archcalc.importer.values import axis_of


@rule("SequenceConstruct", "SequenceEmpty")
def sequence(call: Call, *inputs: Value) -> Values:
    """A sequence of the inputs, or an empty one."""
    return Values(inputs)


@rule("SequenceAt")
def sequence_at(call: Call, input_sequence: Values, position: Value) -> Value:
    """One tensor of a sequence; a negative position counts from its end. Raises ShapeError where there is none."""
    at = position.numbers("position")[0]
    if not isinstance(at, int) or not -len(input_sequence) <= at < len(input_sequence):
        raise ShapeError(f"there is no {at} in a sequence of {len(input_sequence)}")
    return input_sequence[at]


@rule("SequenceInsert")
def sequence_insert(call: Call, input_sequence: Values, tensor: Value, position: Value | None = None) -> Values:
    """The sequence with one tensor more, at a position or at the end."""
    found = Values(input_sequence)
    found.insert(position.numbers("position")[0] if position is not None else len(found), tensor)
    return found


@rule("SequenceErase")
def sequence_erase(call: Call, input_sequence: Values, position: Value | None = None) -> Values:
    """The sequence without one of its tensors, the last unless a position is given."""
    found = Values(input_sequence)
    del found[position.numbers("position")[0] if position is not None else -1]
    return found


@rule("SequenceLength")
def sequence_length(call: Call, input_sequence: Values) -> Value:
    """How many tensors a sequence has, as a known number."""
    return Value((), 7, None, (len(input_sequence),))


@rule("SplitToSequence")
def split_to_sequence(
    call: Call, input: Value, split: Value | None = None, *, axis: int = 0, keepdims: bool = True
) -> Values:
    """An axis in parts as a sequence; parts of 1 may lose the axis. Raises Unknown where their number depends on a free
    size.
    """
    shape = input.dims
    n = axis_of(axis, len(shape))
    length, given = shape[n], split.numbers("sizes") if split is not None else (1,)
    if split is not None and split.dims != ():
        parts = [int(part) for part in given]
    else:
        if not isinstance(length, int):
            raise Unknown("the number of its parts depends on a free size")
        step = int(given[0])
        if step < 1 or length > step * MOST_CONTENT:
            raise ShapeError(f"{length:,} are split into parts of {step}")
        parts = [min(step, length - start) for start in range(0, length, step)]
    found, start = Values(), 0
    for part in parts:
        piece = cut(call, input, shape, n, start, start + part)
        out = (*shape[:n], *shape[n + 1 :])
        found.append(piece if split is not None or keepdims else call.view(piece, out, content=piece.content))
        start += part
    return found


@rule("ConcatFromSequence")
def concat_from_sequence(call: Call, input_sequence: Values, *, axis: int = 0, new_axis: bool = False) -> Value:
    """A sequence's tensors side by side, on an axis that is there or on a new one: copies."""
    found = list(input_sequence)
    if new_axis:
        stacked = []
        for value in found:
            shape = value.shape or ()
            at = axis_of(axis, len(shape) + 1)
            stacked.append(call.view(value, (*shape[:at], 1, *shape[at:]), content=value.content))
        found = stacked
    return joined(call, found, axis)
