"""What moves, cuts or stretches a tensor without learning anything."""

from collections.abc import Sequence

from archcalc.algebra import Dim, divides, less, same
from archcalc.errors import ShapeError, Undecided
from archcalc.ops.base import (
    NOTHING,
    Free,
    Reach,
    Saved,
    Shape,
    Window,
    Windows,
    is_less,
    need_rank,
    number,
    reaching,
    size,
    spell_shape,
)
from archcalc.ops.emit import Builder, Tensor, Value
from archcalc.ops.kinds import Count, Flag, Whole, Wholes, one_of, show

PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}  # and what ONNX says


class Moving(Free):
    """What only moves data does no arithmetic."""

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return NOTHING

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.MIXED


class _Shown(Moving):
    """What PyTorch shows in another form without moving it, unless it says `copy`.

    With `copy` training keeps what it puts out as a tensor of its own, as after `contiguous()`, or where PyTorch's
    `reshape` finds that the elements lie in another order.
    """

    unspoken = ("copy",)

    copy: Flag = False

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return Saved(shows=not self.copy)


class Flatten(_Shown):
    """`C x H x W` becomes a vector of `C*H*W`; `flatten start=1` keeps the channels: `C x (H*W)`."""

    word = "flatten"
    is_view = True

    start: Count | None = None

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        start = self.start or 0
        if start >= len(x):
            raise ShapeError(f"flatten: start={start} is not an axis of {spell_shape(x)}")
        return (*x[:start], size(x[start:]))

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.MIXED if self.start else Reach.ALL

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        return builder.reshaped(x, *self.shape(x.shape)) if self.start else builder.node("Flatten", x, axis=1)


class Reshape(_Shown):
    """The same elements in another shape, in order; one size may be -1."""

    word = "reshape"
    positional = ("shape_",)
    variadic = True
    is_view = True

    shape_: Wholes

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        known = size(dim for dim in self.shape_ if dim != -1)
        if sum(dim == -1 for dim in self.shape_) > 1:
            raise ShapeError("reshape: only one size may be -1")
        if -1 not in self.shape_:
            if not same(known, size(x)):
                raise ShapeError(
                    f"reshape: {spell_shape(x)} has {size(x)} elements, {spell_shape(self.shape_)} has {known}"
                )
            return self.shape_
        if not isinstance(known, int):
            raise Undecided(
                f"how often `{known}` goes into the {size(x)} elements of {spell_shape(x)} has no closed form",
                known.symbols,
            )
        if known < 1 or not divides(known, size(x)):
            raise ShapeError(f"reshape: {spell_shape(x)} has {size(x)} elements, which {known} does not divide")
        return tuple(size(x) // known if dim == -1 else dim for dim in self.shape_)

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        return builder.reshaped(x, *self.shape(x.shape))


class Permute(_Shown):
    """The axes in another order: `permute 1 0` transposes a sequence."""

    word = "permute"
    positional = ("order",)
    variadic = True

    order: Wholes

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if sorted(map(str, self.order)) != sorted(map(str, range(len(x)))):
            raise ShapeError(f"permute: {show(self.order)} is not an order of the {len(x)} axes of {spell_shape(x)}")
        return tuple(x[number(axis)] for axis in self.order)

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return builder.node("Transpose", *tensors, perm=[0, *(1 + number(axis) for axis in self.order)])


class Slice(_Shown):
    """The stretch from `start` to `stop` (not included) of an axis, every `step`-th: split a tensor with several of
    these.
    """

    word = "slice"
    positional = ("start", "stop")

    start: Whole
    stop: Whole
    axis: Whole = 0
    step: Count = 1

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if not isinstance(self.axis, int) or not 0 <= self.axis < len(x):
            raise ShapeError(f"slice: axis={self.axis} is not an axis of {spell_shape(x)}")
        if less(self.start, 0) or less(x[self.axis], self.stop) or not less(self.start, self.stop):
            raise ShapeError(f"slice: {self.start} to {self.stop} is not within the {x[self.axis]} of axis {self.axis}")
        return (*x[: self.axis], (self.stop - self.start + self.step - 1) // self.step, *x[self.axis + 1 :])

    def windows(self, *inputs: Shape) -> Windows:
        if self.axis == 0:
            return Reach.PASS
        return tuple(
            Window(1, self.step, 1, -self.start) if axis == self.axis else Window() for axis in range(1, len(inputs[0]))
        )

    def channels_read(self, *inputs: Shape) -> range | None:
        if self.axis != 0 or not isinstance(self.start, int) or not isinstance(self.stop, int):
            return None
        return range(self.start, self.stop, self.step)

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        ends = [builder.ints((dim,)) for dim in (self.start, self.stop)]
        return builder.node(
            "Slice", *tensors, *ends, builder.ints((1 + number(self.axis),)), builder.ints((self.step,))
        )


class Pad(Moving):
    """More around the map: `pad 1`, or `pad (before,after)`; `axis` picks one axis (0: channels), else every spatial
    one. `mode` says what: `zeros`, what a mirror at the border shows (`reflect`), the border again (`replicate`), or
    what stands at the other end (`circular`), as PyTorch calls them.
    """

    word = "pad"
    positional = ("amount",)

    amount: Whole | Wholes
    axis: Whole | None = None
    mode: one_of(*PAD_MODES) = "zeros"  # type: ignore[valid-type]

    def _sides(self) -> tuple[Dim, Dim]:
        if not isinstance(self.amount, tuple):
            return self.amount, self.amount
        if len(self.amount) != 2:
            raise ShapeError(f"pad: {show(self.amount)} is not a number or (before, after)")
        return self.amount

    def _padded(self, x: Shape) -> range:
        if self.axis is None:
            return range(1, len(x))
        if not isinstance(self.axis, int) or not 0 <= self.axis < len(x):
            raise ShapeError(f"pad: axis={self.axis} is not an axis of {spell_shape(x)}")
        return range(self.axis, self.axis + 1)

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        before, after = self._sides()
        for axis in self._padded(x):
            for least, side in self._needed(x[axis]):
                if is_less(side, least):
                    raise ShapeError(f"pad: {self.mode} needs {least} positions, and axis {axis} has {side}")
        return tuple(dim + before + after if axis in self._padded(x) else dim for axis, dim in enumerate(x))

    def _needed(self, side: Dim) -> list[tuple[Dim, Dim]]:
        """How many positions an axis must have, and how many it has: a mirror shows all but the border."""
        beyond = {"reflect": 1, "circular": 0}.get(self.mode)
        return [] if beyond is None else [(amount + beyond, side) for amount in self._sides()]

    def assumes(self, *inputs: Shape) -> tuple[str, ...]:
        """That sizes which are free are large enough."""
        pairs = [pair for axis in self._padded(inputs[0]) for pair in self._needed(inputs[0][axis])]
        return tuple(dict.fromkeys(each for least, side in pairs for each in reaching(side, least)))

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """Of what shows positions again the gradient is summed over these, for which PyTorch keeps the input."""
        return Saved(inputs=(0,)) if self.mode in ("reflect", "replicate") else NOTHING

    def windows(self, *inputs: Shape) -> Windows:
        if self.mode == "circular":
            return Reach.MIXED
        padded, before = self._padded(inputs[0]), self._sides()[0]
        return tuple(Window(before=before) if axis in padded else Window() for axis in range(1, len(inputs[0])))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        before, after = self._sides()
        befores = [before if axis in self._padded(x.shape) else 0 for axis in range(len(x.shape))]
        afters = [after if axis in self._padded(x.shape) else 0 for axis in range(len(x.shape))]
        pads = builder.ints((0, *befores, 0, *afters))
        if self.mode == "zeros":
            return builder.node("Pad", x, pads, builder.real(0))
        return builder.node("Pad", x, pads, mode=PAD_MODES[self.mode])


class Roll(Moving):
    """Moves the map around by so many positions, an axis: what leaves at one end comes in at the other (`roll -3x-3`
    before shifted windows, arXiv:2103.14030).
    """

    word = "roll"
    positional = ("by",)

    by: Wholes

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if len(self.by) not in (1, len(x) - 1) or len(x) < 2:
            raise ShapeError(f"roll has {len(self.by)} numbers for {len(x) - 1} spatial axes")
        return x

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        value: Value = x
        for axis, by in enumerate(self.by if len(self.by) > 1 else self.by * (len(x.shape) - 1)):
            side = x.shape[axis + 1]
            cut = (side - by) % side if isinstance(side, int) and isinstance(by, int) else side - by
            ends = [
                builder.node("Slice", value, *(builder.ints((end,)) for end in (start, stop, axis + 2)))
                for start, stop in ((cut, side), (0, cut))
            ]
            value = builder.node("Concat", *ends, axis=axis + 2)
        return value


class ChannelShuffle(Moving):
    """Interleaves `groups` groups of channels (arXiv:1707.01083)."""

    word = "channel_shuffle"
    positional = ("groups",)

    groups: Count

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 1, 4)
        if not divides(self.groups, x[0]):
            raise ShapeError(f"channel_shuffle: groups={self.groups} does not divide {x[0]} channels")
        return x

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.PASS

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        split = builder.reshaped(x, self.groups, x.shape[0] // self.groups, size(x.shape[1:]))
        return builder.reshaped(builder.node("Transpose", split, perm=[0, 2, 1, 3]), *x.shape)
