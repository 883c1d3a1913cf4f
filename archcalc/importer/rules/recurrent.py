"""Recurrent layers."""

from __future__ import annotations

from collections.abc import Mapping

from archcalc.errors import ShapeError
from archcalc.importer.rules.base import MICROSOFT, Call, Dim, Outputs, Reach, Value, constants, rule, size
from archcalc.importer.values import spell_dim
from archcalc.ops.dense import GRU, LSTM, RNN

CELLS: dict[str, type[LSTM] | type[GRU] | type[RNN]] = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}


@rule("LSTM", "GRU", "RNN")
def recurrent(call: Call) -> Outputs:
    return unrolled(call, call.node.op, call.shape(1)[-1], call.shape(2)[-1], 3, 7)


@rule("DynamicQuantizeLSTM", domain=MICROSOFT)
def quantized_lstm(call: Call) -> Outputs:
    """Its matrices are stored transposed: `directions x features x 4*hidden`."""
    return unrolled(call, "LSTM", call.shape(1)[1], call.shape(2)[1], 3, 7)


def unrolled(call: Call, word: str, features: Dim, hidden: Dim, bias_at: int, peepholes_at: int) -> Outputs:
    """Every matrix meets every step once. Outputs: every step's state, the last one's, and the cell's."""
    cell = CELLS[word]
    shape = call.rank(0, 3)
    batch_first = bool(call.whole("layout", 0))
    steps, batch = (shape[1], shape[0]) if batch_first else (shape[0], shape[1])
    if call.walker.samples > 1 and steps == 1:  # what looked like a batch are the steps
        call.walker.samples = 0
    if isinstance(batch, int) and batch > 1:
        call.walker.graph.is_run = True
        call.walker.notes[f"{call.walker.where}: its batch is {batch}, and figures are of a run of so many samples"] = (
            None
        )
    call.assumed.agree(shape[2], features, "features")
    directions = 2 if call.text("direction", "forward") == "bidirectional" else 1
    given = call.shape(1)[0]
    if given != directions:
        raise ShapeError(f"its weights have {spell_dim(given)} directions, and it runs in {directions}")
    gates = cell.gates
    per_step = directions * gates * hidden * (features + hidden)
    units = steps * batch * directions * hidden
    bias, peepholes = call.optional(bias_at), call.optional(peepholes_at) if word == "LSTM" else None
    biases = 2 * gates if bias is not None else 0
    weights = {
        "input": call.value(1),
        "recurrent": call.value(2),
        **({"bias": bias} if bias else {}),
        **({"peepholes": peepholes} if peepholes else {}),
    }
    known = {
        "units": units,
        "states": steps * batch * hidden,
        "biased": units * biases,
        "stepped": steps * sum_of(weights),
    }
    state = [value for value in (call.inputs[5:7] if len(call.inputs) > 5 else []) if isinstance(value, Value)]
    every = (batch, steps, directions, hidden) if batch_first else (steps, directions, batch, hidden)
    last = (batch, directions, hidden) if batch_first else (directions, batch, hidden)
    names = [*call.names, "", "", ""][:3]
    value = call.figure(
        word.lower(),
        every if names[0] else last,
        [call.value(0), *state],
        words=f"{word.lower()} {spell_dim(hidden)}"
        + (" bidirectional=true" if directions == 2 else "")
        + ("" if bias else " bias=false"),
        macs=steps * batch * per_step,
        elementwise=units * (gates + biases + cell.activations + (6 if peepholes is not None else 0)),
        weights=constants(weights),
        reach=Reach.ALL,
        flags=("is_layer",),
        known=known,
    )
    if value.is_constant:
        return [Value(every, value.kind), Value(last, value.kind), Value(last, value.kind)]
    found: Outputs = [value if names[0] else None]
    found.append(
        call.figure("state", last, [value], words="the last state", reach=Reach.ALL)
        if names[1] and names[0]
        else value
        if names[1]
        else None
    )
    found.append(call.figure("state", last, [value], words="the last cell", reach=Reach.ALL) if names[2] else None)
    return found


def sum_of(weights: Mapping[str, Value]) -> Dim:
    """How many numbers tensors hold."""
    total: Dim = 0
    for value in weights.values():
        total = total + size(value.shape or ())
    return total


__all__ = ["size", "unrolled"]
