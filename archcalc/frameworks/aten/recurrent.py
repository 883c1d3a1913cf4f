"""Recurrent layers, one stack at a time."""

from __future__ import annotations

from fractions import Fraction

from archcalc.frameworks.aten.base import LAYER, Call, Dim, Outputs, Reach, Value, aten, size
from archcalc.importer.rules.recurrent import CELLS
from archcalc.importer.values import spell_dim
from archcalc.untyped import Attribute

WORDS = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN", "rnn_relu": "RNN"}


@aten(*WORDS)
def recurrent(
    call: Call, input: Value, *tensors: Value, has_biases: bool = True, num_layers: int = 1,
    bidirectional: bool = False, batch_first: bool = False, dropout: Fraction = Fraction(0),
) -> Outputs:  # fmt: skip
    """Every matrix meets every step once. Outputs: the states of all steps, then the last ones."""
    states = 2 if call.op == "lstm" else 1
    given, weights = list(tensors[:states]), list(tensors[states:])
    directions, each = 2 if bidirectional else 1, 4 if has_biases else 2
    each = len(weights) // (num_layers * directions) if weights else each
    value = input
    for layer in range(num_layers):
        own = weights[layer * directions * each : (layer + 1) * directions * each]
        value = _layer(call, value, own, given, directions, each, 0 < dropout < 1 and layer < num_layers - 1)
    others = [state.dims for state in given]
    return [value, *call.beside_it(value, "state", *others, words="the last state", reach=Reach.ALL)]


def _layer(
    call: Call, x: Value, weights: list[Value], states: list[Value], directions: int, each: int, dropped: bool
) -> Value:  # fmt: skip
    word = WORDS[call.op]
    cell = CELLS[word]
    features, hidden = weights[0].dims[1], weights[1].dims[0] // cell.gates
    rows = size(x.dims[:-1])
    out: Dim = directions * (weights[4].dims[0] if each == 5 else hidden)
    macs = sum(size(weight.dims) for weight in weights if len(weight.dims) == 2) * rows
    biases: Attribute = 2 * cell.gates if each >= 4 else 0
    return call.figure(
        word.lower(), (*x.dims[:-1], out), [x, *states],
        words=f"{word.lower()} {spell_dim(hidden)}" + " bidirectional=true" * (directions == 2),
        macs=macs, elementwise=rows * directions * hidden * (cell.gates + biases + cell.activations),
        weights={f"weight{n + 1}": weight for n, weight in enumerate(weights)}, reach=Reach.ALL, flags=LAYER,
        known={"units": rows * directions * hidden, "states": rows * features}
        | ({"projected": rows * out} if each == 5 else {}) | ({"dropped": rows * out} if dropped else {}),
    )  # fmt: skip


ONE_STEP = {"lstm_cell": "LSTM", "gru_cell": "GRU", "rnn_tanh_cell": "RNN", "rnn_relu_cell": "RNN"}


@aten(*ONE_STEP)
def cell(call: Call, input: Value, *tensors: Value) -> Outputs:
    """One step of a recurrent layer: every matrix meets a row once. Outputs: the state, and of an LSTM its memory."""
    word = ONE_STEP[call.op]
    count = 2 if word == "LSTM" else 1
    states, weights = list(tensors[:count]), [tensor for tensor in tensors[count:] if tensor is not None]
    gates = CELLS[word].gates
    hidden = weights[1].dims[1]
    rows = size(input.dims[:-1])
    biases = gates * sum(len(weight.dims) == 1 for weight in weights)
    value = call.figure(
        f"{word.lower()}_cell", (*input.dims[:-1], hidden), [input, *states],
        words=f"{word.lower()} cell {spell_dim(hidden)}",
        macs=rows * sum(size(weight.dims) for weight in weights if len(weight.dims) == 2),
        elementwise=rows * hidden * (gates + biases + CELLS[word].activations),
        weights={f"weight{n + 1}": weight for n, weight in enumerate(weights)}, reach=Reach.ALL, flags=LAYER,
    )  # fmt: skip
    return [value, *call.beside_it(value, "state", value.dims, words="the memory", reach=Reach.ALL)]


__all__ = ["cell", "recurrent"]
