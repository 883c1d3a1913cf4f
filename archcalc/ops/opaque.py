"""A layer that the language has no operator for: its figures are given."""

from collections.abc import Sequence
from typing import Literal

from archcalc.algebra import Dim
from archcalc.errors import ShapeError
from archcalc.ops.base import Op, Own, Reach, Saved, Shape, Windows
from archcalc.ops.emit import Builder, Tensor, Value, stretched
from archcalc.ops.kinds import Amount, Whole, Wholes, one_of

SEES = {"everything": Reach.ALL, "here": Reach.PASS, "unknown": Reach.MIXED}
KINDS = ("plain", "layer", "pooling", "inplace", "gate", "view")
SAVES = ("inputs", "output", "both", "nothing")


class Opaque(Op):
    """A layer by its figures: the output's shape, and what it learns and computes.

    `sees` says what an output reads: `everything`, its own position (`here`), or that no window fits (`unknown`).
    `kind=layer` and `kind=pooling` count in the depth, `inplace` and `gate` may write over their input, `view` moves no
    data. `inside` is how many numbers it works on beside its inputs and its output.
    `saves` says whether training keeps its inputs, its output, both or nothing, and `own` how many numbers beside
    these: gates, scores.
    """

    word = "opaque"
    is_given = True
    positional = ("shape_",)
    variadic = True
    arity = (1, None)
    unspoken = ("inside_", "saves_", "own_")

    shape_: Wholes
    params: Whole = 0
    buffers_: Whole = 0
    macs_: Whole = 0
    elementwise_: Whole = 0
    inside_: Whole = 0
    sees: one_of(*SEES) = "everything"  # type: ignore[valid-type]
    kind: one_of(*KINDS) = "plain"  # type: ignore[valid-type]
    saves_: one_of(*SAVES) = "inputs"  # type: ignore[valid-type]
    own_: Amount = 0

    @property
    def is_layer(self) -> bool:  # type: ignore[override]
        """Whether it counts in `depth`."""
        return bool(self.kind == "layer")

    @property
    def is_pooling(self) -> bool:  # type: ignore[override]
        """Whether it counts in `depth_with_pooling`."""
        return bool(self.kind == "pooling")

    @property
    def in_place(self) -> bool:  # type: ignore[override]
        """Whether it may overwrite its first input at inference."""
        return self.kind in ("inplace", "gate")

    @property
    def is_gate(self) -> bool:  # type: ignore[override]
        """Whether an input that is a whole field only scales the others."""
        return bool(self.kind == "gate")

    @property
    def is_view(self) -> bool:  # type: ignore[override]
        """Whether it moves no data."""
        return bool(self.kind == "view")

    def shape(self, *inputs: Shape) -> Shape:
        if not self.shape_:
            raise ShapeError("opaque needs the shape of its output: `opaque 64 56 56`")
        return self.shape_

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": (self.params,)} if self.params != 0 else {}

    def buffers(self, *inputs: Shape) -> dict[str, Shape]:
        return {"buffer": (self.buffers_,)} if self.buffers_ != 0 else {}

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        return self.macs_

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return self.elementwise_

    def inside(self, output: Shape, *inputs: Shape) -> Dim:
        return self.inside_

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """Its inputs, as most layers do, unless it only shows the first of them or says what else it saves."""
        if self.is_view:
            return Saved(shows=True)
        own = (Own("what it computes inside", self.own_),) if self.own_ != 0 else ()
        positions = tuple(range(len(inputs))) if self.saves_ in ("inputs", "both") else ()
        return Saved(positions, self.saves_ in ("output", "both"), own)

    def windows(self, *inputs: Shape) -> Windows:
        """Position by position only where these are the same."""
        reach = SEES[str(self.sees)]
        return Reach.MIXED if reach is Reach.PASS and inputs[0][1:] != self.shape_[1:] else reach

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        """Something that reads what it says it reads, and all its weights: means, summed and stretched to the
        output.
        """
        here, rank = self.windows(*(x.shape for x in tensors)) is Reach.PASS, len(self.shape_)
        value = _mean(builder, tensors[0], rank, here and self.shape_)
        for x in tensors[1:]:
            value = builder.node("Add", value, _mean(builder, x, rank, here and self.shape_))
        for name in (*self.weights(), *self.buffers()):
            value = builder.node("Add", value, builder.node("ReduceMean", builder.weight(name), keepdims=0))
        if here and tensors[0].shape == self.shape_:
            return value
        return builder.node("Expand", value, builder.ints([builder.batch, *self.shape_]))


def _mean(builder: Builder, x: Tensor, rank: int, here: Shape | Literal[False]) -> Value:
    """One number a sample, or where positions are the same (`here`, the output's shape) one a position; `x` itself
    where nothing is to be stretched.
    """
    if here and x.shape == here:
        return x
    if here and x.shape[1:] == here[1:]:
        return builder.node("ReduceMean", x, builder.ints([1]), keepdims=1)
    mean = builder.node("ReduceMean", x, builder.ints(range(1, x.rank)), keepdims=0) if x.rank > 1 else x
    return stretched(builder, mean, 1, rank + 1)


__all__ = ["Opaque"]
