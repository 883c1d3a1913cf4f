"""Learned tensors that join the values: position embeddings, tokens, tables of biases."""

from collections.abc import Sequence

from archcalc.algebra import Dim
from archcalc.errors import ShapeError
from archcalc.ops.base import (
    NOTHING,
    Plain,
    Reach,
    Saved,
    Shape,
    Windows,
    is_less,
    need_rank,
    reaching,
    size,
)
from archcalc.ops.emit import Builder, Tensor, Value
from archcalc.ops.kinds import Amount, Sides, Size


class Position(Plain):
    """Adds a learned position embedding: one number an element of the input.

    With `rows=1024` a table of so many positions, of which a sequence takes those from `start` on.
    """

    word = "position"
    deviation = 0.1
    in_place = True
    autocast = "wide"
    unspoken = ("start",)

    rows: Size | None = None
    start: Amount = 0

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return NOTHING

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if self.rows is not None:
            need_rank(self.word, x, 2, 2, "features, then positions")
            last = self.start + x[1]
            if is_less(self.rows, last):
                raise ShapeError(f"position has {self.rows} rows, and the last of {x[1]} positions is number {last}")
        return x

    def assumes(self, *inputs: Shape) -> tuple[str, ...]:
        """That there is a row for every position."""
        return () if self.rows is None else reaching(self.rows, self.start + inputs[0][1])

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": inputs[0] if self.rows is None else (inputs[0][0], self.rows)}

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(output)

    def averaging(self, name: str, weight: tuple[int, ...], output: Shape) -> float:
        return 0.0

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.PASS

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        table: Value = builder.weight("weight")
        if self.rows is not None:
            ends = (builder.ints((end,)) for end in (self.start, self.start + x.shape[1], 1))
            table = builder.node("Slice", table, *ends)
        return builder.node("Add", x, table)


class _Held(Plain):
    """A learned tensor that is put out as it is."""

    autocast = "wide"

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return NOTHING

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.MIXED


class Token(_Held):
    """Puts `count` learned tokens before a sequence: `features x positions` becomes `features x (count +
    positions)`.
    """

    word = "token"
    positional = ("count",)

    count: Size = 1

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 2, 2, "features, then positions")
        return (x[0], x[1] + self.count)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": (inputs[0][0], self.count)}

    def averaging(self, name: str, weight: tuple[int, ...], output: Shape) -> float:
        return 0.0

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        """The tokens are the same in every sample."""
        (x,) = tensors
        tokens = builder.node("Expand", builder.weight("weight"), builder.ints((builder.batch, x.shape[0], self.count)))
        return builder.node("Concat", tokens, x, axis=2)


class Table(_Held):
    """A learned tensor of that shape, whatever arrives: `table 169 3`."""

    word = "table"
    positional = ("shape_",)
    variadic = True
    is_constant = True

    shape_: Sides

    def shape(self, *inputs: Shape) -> Shape:
        return self.shape_

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": self.shape_}

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        """The same in every sample."""
        return builder.node("Expand", builder.weight("weight"), builder.ints((builder.batch, *self.shape_)))
