"""What PyTorch keeps of layers that the language has no operator for, by what they are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from archcalc.algebra import Dim
from archcalc.ops.base import INDEX, NOTHING, SINGLE, Own, Saved, Shape, size
from archcalc.ops.dense import GRU, LSTM, RNN

STEPS = {"lstm": LSTM, "gru": GRU, "rnn": RNN}


class Layer(NamedTuple):
    """A layer as it stands in a network: its shapes, its weights, where a gradient is wanted, and its `units`."""

    word: str
    output: Shape
    inputs: tuple[Shape, ...]
    weights: Mapping[str, Shape]
    dx: Sequence[bool]
    dw: bool
    units: Dim = 0

    @property
    def all(self) -> tuple[int, ...]:
        """The positions of its inputs."""
        return tuple(range(len(self.inputs)))


def saved(layer: Layer) -> Saved:
    """What it keeps; its inputs, as most layers do, where nothing else is known."""
    return KEEPING[layer.word](layer) if layer.word in KEEPING else Saved(inputs=layer.all)


def _product(layer: Layer) -> Saved:
    """A factor where the other's gradient is wanted; beside a number that wasn't learned nothing."""
    if len(layer.inputs) == 2:
        return Saved(inputs=tuple(n for n in (0, 1) if layer.dx[1 - n]))
    return Saved(inputs=layer.all if layer.dw or len(layer.inputs) > 2 else ())


def _quotient(layer: Layer) -> Saved:
    """The divisor, and what it divides where the divisor's gradient is wanted."""
    if len(layer.inputs) == 2:
        return Saved(inputs=(0, 1) if layer.dx[1] else (1,))
    return Saved(inputs=layer.all if layer.dw else ())


def _recurrent(layer: Layer) -> Saved:
    """The input, and of each step the gates and states, as the language's own layer does."""
    like = STEPS[layer.word]
    first = layer.units // layer.output[0] * like.first if like.first else 0
    return Saved(inputs=(0,), own=(Own("gates and states", like.kept * layer.units + first),))


def _attention(layer: Layer) -> Saved:
    """As `scaled_dot_product_attention` does where it runs as plain products, of heads that are cut out of projections:
    queries and keys, scaled, the values' copy, and the weights of the scores; under mixed precision in fp32.
    """
    if len(layer.inputs) < 3:
        return Saved(inputs=layer.all)
    query, key, value = layer.inputs[:3]
    scores = size(query[:-1]) * key[-2]
    own = (
        Own("scaled queries and keys", size(query) + size(key), autocast=SINGLE),
        Own("values", size(value), autocast=SINGLE),
        Own("weights of the scores", scores, autocast=SINGLE),
    )
    return Saved(own=own)


def _instances(layer: Layer) -> Saved:
    return Saved(inputs=layer.all, own=(Own("statistics", 2 * layer.output[0], SINGLE),))


def _batches(layer: Layer) -> Saved:
    return Saved(inputs=layer.all, own=(Own("statistics", 2 * layer.output[0], SINGLE, once=True),))


def _maxima(layer: Layer) -> Saved:
    return Saved(inputs=layer.all, own=(Own("indices", size(layer.output), INDEX),))


KEEPING: dict[str, Callable[[Layer], Saved]] = {
    "mul": _product, "div": _quotient, "lstm": _recurrent, "gru": _recurrent, "rnn": _recurrent,
    "attention": _attention, "instancenorm": _instances, "bn": _batches, "adaptive_maxpool": _maxima,
}  # fmt: skip
NOTHING_KEPT = (
    "add", "sub", "neg", "reduce_mean", "reduce_sum", "upsample", "roll", "flip", "expand", "tile", "unfold", "sign",
    "floor", "ceil", "round",
)  # fmt: skip
KEEPING |= dict.fromkeys(NOTHING_KEPT, lambda layer: NOTHING)
KEEPING |= dict.fromkeys(("exp", "sqrt", "rsqrt", "reciprocal", "log_softmax"), lambda layer: Saved(output=True))
KEEPING |= dict.fromkeys(
    ("reduce_max", "reduce_min", "reduce_l2"), lambda layer: Saved(inputs=layer.all[:1], output=True)
)
# computed in fp32 under mixed precision, whatever arrives
PRECISE = frozenset(("pow", "exp", "log", "reciprocal", "rsqrt", "reduce_sum", "log_softmax", "cosine_similarity"))

__all__ = ["PRECISE", "Layer", "saved"]
