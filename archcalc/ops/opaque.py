"""A layer that the language has no operator for: its figures are given."""

from typing import Any

from archcalc.algebra import Dim
from archcalc.errors import ShapeError
from archcalc.ops.base import Op, Reach, Shape, Whole, Wholes, Windows, one_of
from archcalc.ops.emit import Builder, Tensor, Value

SEES = {"everything": Reach.ALL, "here": Reach.PASS, "unknown": Reach.MIXED}
KINDS = ("plain", "layer", "pooling", "inplace", "gate", "view")


class Opaque(Op):
    """A layer by its figures: the output's shape, and what it learns and computes.

    `sees` says what an output reads: `everything`, its own position (`here`), or that no window fits (`unknown`).
    `kind=layer` and `kind=pooling` count in the depth, `inplace` and `gate` may write over their input, `view` moves no
    data.
    """

    word = "opaque"
    positional = ("shape_",)
    variadic = True
    arity = (1, None)

    shape_: Wholes
    params: Whole = 0
    buffers_: Whole = 0
    macs_: Whole = 0
    elementwise_: Whole = 0
    sees: one_of(*SEES) = "everything"  # type: ignore[valid-type]
    kind: one_of(*KINDS) = "plain"  # type: ignore[valid-type]

    @property
    def is_layer(self) -> bool:  # type: ignore[override]
        return bool(self.kind == "layer")

    @property
    def is_pooling(self) -> bool:  # type: ignore[override]
        return bool(self.kind == "pooling")

    @property
    def in_place(self) -> bool:  # type: ignore[override]
        return self.kind in ("inplace", "gate")

    @property
    def is_gate(self) -> bool:  # type: ignore[override]
        return bool(self.kind == "gate")

    @property
    def is_view(self) -> bool:  # type: ignore[override]
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

    def windows(self, *inputs: Shape) -> Windows:
        return SEES[str(self.sees)]

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        """Something that reads what it says it reads, and all its weights: means, summed and stretched to the
        output.
        """
        first = tensors[0]
        learned = [
            builder.node("ReduceMean", builder.weight(name), keepdims=0) for name in (*self.weights(), *self.buffers())
        ]
        if SEES[str(self.sees)] is Reach.PASS and first.shape == self.shape_:
            value: Value = first
            others = [builder.node("ReduceMean", x, keepdims=0) for x in tensors[1:]]
        else:
            value = _mean(builder, first)
            others = [_mean(builder, x) for x in tensors[1:]]
        for other in (*others, *learned):
            value = builder.node("Add", value, other)
        if value is first:
            return value
        if SEES[str(self.sees)] is Reach.PASS and first.shape == self.shape_:
            return value
        axes = builder.ints(range(1, 1 + len(self.shape_)))
        return builder.node(
            "Expand", builder.node("Unsqueeze", value, axes), builder.ints([builder.batch, *self.shape_])
        )


def _mean(builder: Builder, x: Tensor) -> Any:
    """One number a sample."""
    return builder.node("ReduceMean", x, builder.ints(range(1, x.rank)), keepdims=0) if x.rank > 1 else x


__all__ = ["Opaque"]
