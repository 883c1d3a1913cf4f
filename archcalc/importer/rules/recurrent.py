"""Recurrent layers."""

from __future__ import annotations

from archcalc.errors import ShapeError
from archcalc.importer.rules.base import LAYER, MICROSOFT, Attributes, Call, Dim, Outputs, Reach, Value, rule, size
from archcalc.importer.values import spell_dim
from archcalc.ops.dense import GRU, LSTM, RNN

CELLS: dict[str, type[LSTM] | type[GRU] | type[RNN]] = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}


class Runs(Attributes):
    """Which way it runs, and whether the batch's axis or that of the steps stands first."""

    direction: str = "forward"
    layout: int = 0


@rule("LSTM", "GRU", "RNN")
def recurrent(
    call: Call, X: Value, W: Value, R: Value, B: Value | None = None, sequence_lens: Value | None = None,
    initial_h: Value | None = None, initial_c: Value | None = None, P: Value | None = None, *, runs: Runs,
) -> Outputs:  # fmt: skip
    """A recurrent network, `positions x batch x features`: gates over input and state in every position and direction,
    `num_directions x hidden` out.
    """
    weights = {"input": W, "recurrent": R, "bias": B, "peepholes": P if call.op == "LSTM" else None}
    return unrolled(call, call.op, X, weights, (W.dims[-1], R.dims[-1]), [initial_h, initial_c], runs)


@rule("DynamicQuantizeLSTM", domain=MICROSOFT)
def quantized_lstm(
    call: Call, X: Value, W: Value, R: Value, B: Value | None = None, sequence_lens: Value | None = None,
    initial_h: Value | None = None, initial_c: Value | None = None, P: Value | None = None, *, runs: Runs,
) -> Outputs:  # fmt: skip
    """Its matrices are stored transposed: `directions x features x 4*hidden`."""
    weights = {"input": W, "recurrent": R, "bias": B, "peepholes": P}
    return unrolled(call, "LSTM", X, weights, (W.dims[1], R.dims[1]), [initial_h, initial_c], runs)


def unrolled(
    call: Call, word: str, x: Value, given: dict[str, Value | None], sizes: tuple[Dim, Dim],
    states: list[Value | None], runs: Runs,
) -> Outputs:  # fmt: skip
    """Every matrix meets every step once. Outputs: every step's state, the last one's, and the cell's."""
    cell, (features, hidden), shape = CELLS[word], sizes, x.axes(3)
    weights = {name: value for name, value in given.items() if value is not None}
    steps, batch = (shape[1], shape[0]) if runs.layout else shape[:2]
    if call.batch > 1 and steps == 1:  # what looked like a batch are the steps
        call.no_batch()
    call.run_of(batch)
    call.assumed.agree(shape[2], features, "features")
    directions = 2 if runs.direction == "bidirectional" else 1
    if (own := weights["input"].dims[0]) != directions:
        raise ShapeError(f"its weights have {spell_dim(own)} directions, and it runs in {directions}")
    units = steps * batch * directions * hidden
    biases = 2 * cell.gates if "bias" in weights else 0
    every = (batch, steps, directions, hidden) if runs.layout else (steps, directions, batch, hidden)
    last = (batch, directions, hidden) if runs.layout else (directions, batch, hidden)
    (whole, final, inner), words = (*call.names, "", "", "")[:3], f"{word.lower()} {spell_dim(hidden)}"
    value = call.figure(
        word.lower(), every if whole else last, [x, *states],
        words=words + " bidirectional=true" * (directions == 2) + " bias=false" * ("bias" not in weights),
        macs=steps * batch * directions * cell.gates * hidden * (features + hidden),
        elementwise=units * (cell.gates + biases + cell.activations + (6 if "peepholes" in weights else 0)),
        weights=given, reach=Reach.ALL, flags=LAYER,
        known={
            "units": units, "states": steps * batch * hidden, "biased": units * biases,
            "stepped": steps * sum(size(value.shape or ()) for value in weights.values()),
        },
    )  # fmt: skip
    if value.is_constant:
        return [Value(every, value.kind), Value(last, value.kind), Value(last, value.kind)]

    def state(what: str) -> Value:
        return call.figure("state", last, [value], words=f"the last {what}", reach=Reach.ALL)

    first = value if whole else None
    second = (state("state") if whole else value) if final else None
    return [first, second, state("cell") if inner else None]
