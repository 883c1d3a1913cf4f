"""What a convention may count of a layer, by name: the words that the rules in `tools` are made of.

Every quantity is of one layer and one sample, exact, an int or a closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archcalc.algebra import Dim
from archcalc.cost.row import total
from archcalc.errors import UsageError
from archcalc.ops import Op, Shape, size
from archcalc.ops.kinds import spread
from archcalc.records import Record

Inputs = tuple[Shape, ...]


class Quantity(Record):
    """What it is called in a bridge, what it means, and how much of it a layer has: `of(op, output, inputs)`."""

    label: str
    help: str
    of: Callable[[Any, Shape, Inputs], Any]


def _learned(op: Op, inputs: Inputs) -> Dim:
    found: Dim = total(size(shape) for shape in op.weights(*inputs).values())
    return found


def _kept(op: Op, inputs: Inputs) -> Dim:
    found: Dim = total(size(shape) for shape in op.buffers(*inputs).values())
    return found


def _biased(op: Any, output: Shape, inputs: Inputs) -> Dim:
    """Additions of a bias: one an output; recurrent layers add two to every gate, attention one to what it projects."""
    if hasattr(op, "parts"):
        found: Dim = op.parts(*inputs)["biased"]
        return found
    if not getattr(op, "bias", "bias" in op.weights(*inputs)):
        return 0
    if hasattr(op, "gates"):
        return _units(op, inputs) * 2 * int(op.gates)
    return size(output)


def _taps(op: Any, inputs: Inputs) -> Dim:
    return size(spread(op.kernel, len(inputs[0]) - 1, "kernel"))


def _units(op: Any, inputs: Inputs) -> Dim:
    units: Dim = inputs[0][1] * op.hidden * (2 if op.bidirectional else 1) * op.layers
    return units


def _shrunk(op: Any, output: Shape, x: Shape) -> Dim:
    axes = op.axes(x)
    positions = (
        (dim + before + after - dilation * (kernel - 1) - 1) // stride + 1
        for dim, kernel, stride, dilation, before, after in axes
    )
    channels: Dim = output[0] // op.groups
    return channels * size(positions)


def _is_last(op: Op) -> bool:
    """Whether channels are the last axis."""
    return getattr(op, "axis", None) == -1


def _others(op: Op, output: Shape) -> Shape:
    """The sizes of all axes but the channels'."""
    return output[:-1] if _is_last(op) else output[1:]


def _part(name: str) -> Callable[[Any, Shape, Inputs], Any]:
    return lambda op, output, inputs: op.parts(*inputs)[name]


QUANTITIES: dict[str, Quantity] = {
    "macs": Quantity(
        "MACs", "multiply-accumulates of the contraction", lambda op, output, inputs: op.macs(output, *inputs)
    ),
    "biased": Quantity(
        "additions of a bias", "one an output, if there is a bias; two a gate of a recurrent layer", _biased
    ),
    "outputs": Quantity("outputs", "numbers that the layer puts out", lambda op, output, inputs: size(output)),
    "inputs": Quantity("inputs", "numbers in its first input", lambda op, output, inputs: size(inputs[0])),
    "positions": Quantity("positions", "outputs a channel", lambda op, output, inputs: size(_others(op, output))),
    "taps": Quantity(
        "elements of windows",
        "outputs x elements of the window",
        lambda op, output, inputs: size(output) * _taps(op, inputs),
    ),
    "padded": Quantity(
        "outputs and padding of channels",
        "outputs + (size - 1) x positions, of local response normalisation",
        lambda op, output, inputs: size(output) + (op.size - 1) * size(output[1:]),
    ),
    "neighbours": Quantity(
        "neighbours of outputs",
        "outputs x channels that local response normalisation sums",
        lambda op, output, inputs: size(output) * op.size,
    ),
    "merged": Quantity(
        "outputs a branch added",
        "outputs x (branches - 1)",
        lambda op, output, inputs: (len(inputs) - 1) * size(output),
    ),
    "params": Quantity("parameters", "learned numbers", lambda op, output, inputs: _learned(op, inputs)),
    "buffers": Quantity(
        "numbers in buffers", "running statistics of batch normalisation", lambda op, output, inputs: _kept(op, inputs)
    ),
    "channels": Quantity(
        "channels", "channels that the layer puts out", lambda op, output, inputs: output[-1 if _is_last(op) else 0]
    ),
    "calls": Quantity(
        "a layer, of scalars", "1, whatever the batch: arithmetic on scalars", lambda op, output, inputs: 1
    ),
    "projections": Quantity(
        "MACs of projections", "attention: of queries, keys, values and the output", _part("projections")
    ),
    "products": Quantity("MACs of scores", "attention: queries by keys, and scores by values", _part("products")),
    "skipped": Quantity(
        "MACs of hidden scores", "attention: of the products, those that `causal=half` leaves out", _part("skipped")
    ),
    "scores": Quantity("scores", "attention: heads x queries x keys", _part("scores")),
    "queries": Quantity("numbers in the queries", "attention: queries x features", _part("queries")),
    "projected": Quantity(
        "projected numbers", "attention: queries, keys and values after their projections", _part("projected")
    ),
    "units": Quantity(
        "hidden units",
        "recurrent: steps x hidden units x directions x layers",
        lambda op, output, inputs: _units(op, inputs),
    ),
    "states": Quantity(
        "hidden units one way",
        "recurrent: steps x hidden units x layers",
        lambda op, output, inputs: inputs[0][1] * op.hidden * op.layers,
    ),
    "stepped": Quantity(
        "parameters x steps",
        "recurrent: learned numbers x steps",
        lambda op, output, inputs: _learned(op, inputs) * inputs[0][1],
    ),
    "unrolled": Quantity(
        "MACs at the output's size",
        "transposed convolution: outputs x input channels a group x window",
        lambda op, output, inputs: size(output) * (inputs[0][0] // op.groups) * _taps(op, inputs),
    ),
    "shrunk": Quantity(
        "additions of a bias at a convolution's size",
        "transposed convolution: one an output of the convolution with its window, if there is a bias",
        lambda op, output, inputs: _shrunk(op, output, inputs[0]) if op.bias else 0,
    ),
    "regrouped": Quantity(
        "MACs, divided by groups twice",
        "transposed convolution: inputs x the whole part of output channels a group by groups x window",
        lambda op, output, inputs: size(inputs[0]) * (output[0] // op.groups // op.groups) * _taps(op, inputs),
    ),
    "doubled": Quantity(
        "second biases",
        "recurrent: hidden units x gates x directions x layers, if there is a bias",
        lambda op, output, inputs: op.hidden * op.gates * (1 + op.bidirectional) * op.layers if op.bias else 0,
    ),
    "swapped": Quantity(
        "MACs at the output's size, channels swapped",
        "transposed convolution: outputs x output channels a group x window",
        lambda op, output, inputs: size(output) * (output[0] // op.groups) * _taps(op, inputs),
    ),
}


def amount(name: str, op: Op, output: Shape, inputs: Inputs) -> Dim:
    """How much of a quantity a layer has. Raises UsageError for a layer of a model file that doesn't say."""
    known: Dim | None = getattr(op, "known", {}).get(name)
    if known is not None:
        return known
    try:
        found: Dim = QUANTITIES[name].of(op, output, inputs)
    except (AttributeError, LookupError):
        raise UsageError(
            f"how many {QUANTITIES[name].label} `{op.line()}` has isn't known: the language has no operator for it"
        ) from None
    return found
