"""Where branches meet: element by element, or side by side."""

from collections.abc import Sequence

from archcalc.algebra import Dim, same
from archcalc.errors import ShapeError
from archcalc.ops.base import NOTHING, Free, Hides, Own, Reach, Runs, Saved, Shape, Windows, number, size, spell_shape
from archcalc.ops.emit import Builder, Tensor, Value, stretched
from archcalc.ops.fresh import Spread, mixed, multiplied, summed
from archcalc.ops.kinds import Whole


class _Elementwise(Free):
    """Branches of one shape; an axis of 1, or missing at the end, is stretched (a gate of `C` scales `C x H x W`)."""

    arity = (2, None)
    in_place = True

    def shape(self, *inputs: Shape) -> Shape:
        output = inputs[0]
        for shape in inputs[1:]:
            output = self._stretched(output, shape)
        return output

    def _stretched(self, one: Shape, two: Shape) -> Shape:
        if one == two:
            return one
        rank = max(len(one), len(two))
        pairs = zip(one + (1,) * (rank - len(one)), two + (1,) * (rank - len(two)), strict=True)
        dims: list[Dim] = []
        for a, b in pairs:
            if not (a == 1 or b == 1 or same(a, b)):
                raise ShapeError(f"{self.word}: branches disagree: {spell_shape(one)} and {spell_shape(two)}")
            dims.append(b if a == 1 else a)
        return tuple(dims)

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return (len(inputs) - 1) * size(output)

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return NOTHING

    def _operations(self, inputs: tuple[Shape, ...]) -> list[Own]:
        """What each operation of two operands but the last puts out: the first with the second, that with the
        third.
        """
        shape, found = inputs[0], []
        for other in inputs[1:-1]:
            shape = self._stretched(shape, other)
            found.append(Own("a partial result", size(shape)))
        return found

    @staticmethod
    def _operands(builder: Builder, tensors: tuple[Tensor, ...]) -> list[Value]:
        """The branches with as many axes each."""
        most = max(x.rank for x in tensors)
        return [stretched(builder, x, x.rank, most) for x in tensors]

    def _chain(self, builder: Builder, kind: str, tensors: tuple[Tensor, ...]) -> Value:
        """One operation of two operands after the other."""
        first, *rest = self._operands(builder, tensors)
        for value in rest:
            first = builder.node(kind, first, value)
        return first

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.PASS


class Add(_Elementwise):
    """The sum of the branches; `survive=p` drops the residual branch with probability 1-p in training."""

    word = "add"
    runs = Runs.IN_BLOCKS
    is_sum = True
    block = "residual"
    extra = ("survive",)

    def spread(self, arriving: Sequence[Spread], *inputs: Shape) -> Spread:
        return summed(arriving, sum(x.mean for x in arriving))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return self._chain(builder, "Add", tensors)


class Sub(_Elementwise):
    """The first branch less the others."""

    word = "sub"
    hides = Hides.ALWAYS

    def spread(self, arriving: Sequence[Spread], *inputs: Shape) -> Spread:
        return summed(arriving, arriving[0].mean - sum(x.mean for x in arriving[1:]))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return self._chain(builder, "Sub", tensors)


class Mul(_Elementwise):
    """The product of the branches: gates."""

    word = "mul"
    runs = Runs.IN_BLOCKS
    is_gate = True
    multiplies = True
    hides = Hides.MAPS
    block = "gate"

    def spread(self, arriving: Sequence[Spread], *inputs: Shape) -> Spread:
        return multiplied(arriving)

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """Each product keeps a factor where the other one's gradient is wanted."""
        others = [n for n in range(1, len(inputs)) if any(dx[:n])]
        kept = [0] if dx[1] else []
        own = [product for product, wanted in zip(self._operations(inputs), dx[2:], strict=True) if wanted]
        return Saved(inputs=(*kept, *others), own=tuple(own))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return self._chain(builder, "Mul", tensors)


class Maximum(_Elementwise):
    """The largest of the branches, element by element."""

    word = "maximum"
    hides = Hides.OTHERS

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """Each comparison keeps both of its operands, wherever one of them learns."""
        first = next(n for n, wanted in enumerate(dx) if wanted)
        own = self._operations(inputs)[max(first - 2, 0) :]
        return Saved(inputs=tuple(range(0 if first < 2 else first, len(inputs))), own=tuple(own))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Max", *self._operands(builder, tensors))


class Mean(_Elementwise):
    """The mean of the branches, element by element."""

    word = "mean"

    def spread(self, arriving: Sequence[Spread], *inputs: Shape) -> Spread:
        share = 1 / len(arriving)
        return summed(arriving, share * sum(x.mean for x in arriving), share)

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return len(inputs) * size(output)

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Mean", *self._operands(builder, tensors))


class Concat(Free):
    """Branches side by side along `axis` (0: channels)."""

    word = "concat"
    arity = (2, None)
    block = "branches"

    axis: Whole = 0

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return NOTHING

    def shape(self, *inputs: Shape) -> Shape:
        first, axis = inputs[0], self.axis
        if not isinstance(axis, int) or not -len(first) <= axis < len(first):
            raise ShapeError(f"concat: axis={axis} is not an axis of {spell_shape(first)}")
        axis %= len(first)
        total = first[axis]
        for shape in inputs[1:]:
            alike = len(shape) == len(first) and all(
                n == axis or a == b or same(a, b) for n, (a, b) in enumerate(zip(first, shape, strict=True))
            )
            if not alike:
                raise ShapeError(
                    f"concat: branches disagree: {spell_shape(first)} and {spell_shape(shape)} can only differ in axis"
                    f" {axis}"
                )
            total = total + shape[axis]
        return (*first[:axis], total, *first[axis + 1 :])

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.PASS if isinstance(self.axis, int) and self.axis % len(inputs[0]) == 0 else Reach.MIXED

    def spread(self, arriving: Sequence[Spread], *inputs: Shape) -> Spread:
        return mixed(arriving, [shape[0] for shape in inputs])

    def channels_joined(self, *inputs: Shape) -> tuple[int, ...] | None:
        counts = tuple(shape[0] for shape in inputs if isinstance(shape[0], int)) if self.axis == 0 else ()
        return counts if len(counts) == len(inputs) else None

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Concat", *tensors, axis=1 + number(self.axis) % len(tensors[0].shape))
