"""What training holds, part by part: weights, gradients, the optimiser's state, a master copy, what the forward pass
keeps, and what layers work on.

| precision | weights | gradients | master copy | state | source |
|---|---|---|---|---|---|
| fp32 | as the network | as the network | none | fp32 | |
| amp | 2 | 2 | 4 | fp32 | ZeRO, arXiv:1910.02054 section 3.1: 2 + 2 + 12 with Adam |
| bf16 | 2 | 2 | none | bf16 | all in bf16 |

Annotations are no texts here, as in `cost/totals.py`.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import TypedDict

from archcalc.algebra import Dim, bounds
from archcalc.errors import Undecided, among
from archcalc.memory.kept import Widths
from archcalc.ops import Shape, size
from archcalc.tuples import NamedTuple

WAYS = ("none", "sqrt", "best")  # to place checkpoints, beside labels
EIGHT_BIT_FROM = 4096  # tensors with fewer numbers keep their state in fp32 (bitsandbytes)
EIGHT_BIT_BLOCK = 256  # numbers that share one fp32 scale


class Training(NamedTuple):
    """How a network is trained: words of OPTIMIZERS, PRECISIONS, and what is recomputed (`none`, `sqrt`, `best`, or
    labels).
    """

    optimizer: str = "adam"
    precision: str = "fp32"
    checkpoint: str = "none"


TRAINING = Training()


class Parts(TypedDict):
    """Bytes by part, and in all."""

    weights: Dim
    gradients: Dim
    optimizer: Dim
    master: Dim
    kept: Dim
    inside: Dim
    total: Dim


class Precision(NamedTuple):
    """Bytes of a weight and of its gradient (0: as the network is written), of its master copy, and of a number of the
    optimiser's state; and in words.
    """

    weights: int
    gradients: int
    master: int
    state: int
    told: str


class Optimizer(NamedTuple):
    """The bytes of state for a learned tensor, from its shape and the bytes of a number of state; and in words."""

    state: Callable[[Shape, int], Dim]
    told: str


def _factored(shape: Shape, width: int) -> Dim:
    """The rows' and the columns' mean squares of a matrix (arXiv:1804.04235 section 3), of every matrix in a stack of
    them; of a vector every number's.
    """
    if len(shape) < 2:
        return size(shape) * width
    return (prod(shape[:-1]) + prod((*shape[:-2], shape[-1]))) * width


def _eight_bit(shape: Shape, width: int) -> Dim:
    """Two moments of a byte each, with a scale a block (arXiv:2110.02861). Raises Undecided where a free size decides
    whether a tensor is large enough.
    """
    numbers = size(shape)
    low, high = bounds(numbers)
    if high is not None and high < EIGHT_BIT_FROM:
        return 8 * numbers
    if low is None or low < EIGHT_BIT_FROM:
        symbols = numbers.symbols if not isinstance(numbers, int) else frozenset()
        raise Undecided(
            f"adam8bit keeps tensors of fewer than {EIGHT_BIT_FROM} numbers in fp32, and whether `{numbers}` is less"
            " isn't known",
            symbols,
        )
    return 2 * numbers + 2 * 4 * ((numbers + EIGHT_BIT_BLOCK - 1) // EIGHT_BIT_BLOCK)


OPTIMIZERS: Mapping[str, Optimizer] = {
    "sgd": Optimizer(lambda shape, width: 0, "SGD: none"),
    "momentum": Optimizer(
        lambda shape, width: size(shape) * width, "momentum: one {width} number a trainable parameter"
    ),
    "adam": Optimizer(lambda shape, width: 2 * size(shape) * width, "Adam: two {width} numbers a trainable parameter"),
    "adafactor": Optimizer(_factored, "Adafactor: {width} numbers a row and a column of each matrix"),
    "adam8bit": Optimizer(_eight_bit, "8-bit Adam: two bytes a trainable parameter, and scales"),
}
PRECISIONS: Mapping[str, Precision] = {
    "fp32": Precision(0, 0, 0, 4, "as the network is written"),
    "amp": Precision(2, 2, 4, 4, "weights and gradients in half precision, a master copy in fp32"),
    "bf16": Precision(2, 2, 0, 2, "all in bf16"),
}


def widths(training: Training, own: int) -> Widths:
    """The widths that activations have in training, where the network's own are `own` bytes."""
    if training.precision == "amp":
        return Widths(4, autocast=True)
    return Widths(2 if training.precision == "bf16" else own)


def refused(training: Training, dtype: str) -> str:
    """What is wrong with how a network is to be trained, or nothing."""
    for what, word, known in (
        ("optimizer", training.optimizer, OPTIMIZERS),
        ("precision", training.precision, PRECISIONS),
    ):
        if word not in known:
            return f"unknown {what} '{word}'{among(word, known)}"
    if training.precision != "fp32" and dtype != "fp32":
        return f"precision {training.precision} says how wide numbers are, and so does dtype {dtype}: give one of them"
    return "" if training.checkpoint else "checkpoint is empty: none, sqrt, best, or labels"


def state_told(training: Training) -> str:
    """The optimiser's state in words."""
    return OPTIMIZERS[training.optimizer].told.format(
        width="bf16" if PRECISIONS[training.precision].state == 2 else "fp32"
    )


__all__ = ["OPTIMIZERS", "PRECISIONS", "TRAINING", "Parts", "Training", "refused", "state_told", "widths"]
