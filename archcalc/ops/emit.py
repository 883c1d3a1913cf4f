"""What an operator's `emit` rule writes ONNX nodes with. Operators know the names and the attributes of ONNX, and not
its library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from archcalc.algebra import Dim
from archcalc.tuples import NamedTuple


class Tensor(NamedTuple):
    """A value in the ONNX graph: its name, and the shape of one sample. In the graph the batch is its first axis."""

    name: str
    shape: tuple[Dim, ...]

    @property
    def rank(self) -> int:
        """The number of axes in the graph, the batch's included."""
        return 1 + len(self.shape)


Value = str | Tensor


class Builder(Protocol):
    """Where a rule writes its nodes. Each method gives the name of a value.

    The exporter names the last node, and the value that a rule returns, after the layer.
    """

    @property
    def batch(self) -> Dim:
        """How many samples there are."""

    def node(self, kind: str, *inputs: Value, output: int = 0, **attributes: object) -> str:
        """A node of the ONNX operator `kind`, and its output (the first, or number `output`); an input that is "" is
        left out.
        """

    def weight(self, name: str) -> str:
        """The learned tensor or buffer that the operator's `weights` or `buffers` calls `name`."""

    def ints(self, dims: Sequence[Dim]) -> str:
        """Whole numbers as a vector: a constant, or computed from the inputs' shapes where symbols are free."""

    def real(self, value: float) -> str:
        """A scalar constant in the network's dtype."""

    def reals(self, values: Sequence[float]) -> str:
        """A vector of constants in the network's dtype."""

    def scales(self, values: Sequence[float]) -> str:
        """A vector of float32 whatever the network's dtype."""

    def indices(self, value: Value) -> str:
        """A value that holds whole numbers, as int64."""

    def reshaped(self, value: Value, *dims: Dim) -> str:
        """The elements of a value whose first axis is the batch, in order, in another shape of a sample."""


def stretched(builder: Builder, value: Value, rank: int, to: int) -> Value:
    """A value of `rank` axes with axes of 1 added at its end, up to `to` of them."""
    return value if rank == to else builder.node("Unsqueeze", value, builder.ints(range(rank, to)))


def by_channel(builder: Builder, name: str, rank: int) -> Value:
    """A learned vector of one number a channel, shaped to meet a tensor of `rank` axes."""
    return stretched(builder, builder.weight(name), 1, rank - 1)
