"""What moves, cuts or stretches a tensor without learning anything."""

from collections.abc import Sequence

from archcalc.algebra import Dim, divides, less, same
from archcalc.errors import ShapeError, Undecided
from archcalc.ops.base import (
    NOTHING,
    Count,
    Counts,
    Flag,
    Free,
    Reach,
    Runs,
    Saved,
    Shape,
    Sizes,
    Whole,
    Wholes,
    Window,
    Windows,
    need_rank,
    number,
    one_of,
    show,
    size,
    spell_shape,
    spread,
)
from archcalc.ops.emit import Builder, Tensor, Value


class _Moving(Free):
    """What only moves data does no arithmetic."""

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return NOTHING

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.MIXED


class _Shown(_Moving):
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


class Pad(_Moving):
    """Zeros around the map: `pad 1`, or `pad (before,after)`; `axis` picks one axis (0: channels), else every spatial
    one.
    """

    word = "pad"
    positional = ("amount",)

    amount: Whole | Wholes
    axis: Whole | None = None

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
        return tuple(dim + before + after if axis in self._padded(x) else dim for axis, dim in enumerate(x))

    def windows(self, *inputs: Shape) -> Windows:
        padded, before = self._padded(inputs[0]), self._sides()[0]
        return tuple(Window(before=before) if axis in padded else Window() for axis in range(1, len(inputs[0])))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        before, after = self._sides()
        befores = [before if axis in self._padded(x.shape) else 0 for axis in range(len(x.shape))]
        afters = [after if axis in self._padded(x.shape) else 0 for axis in range(len(x.shape))]
        return builder.node("Pad", x, builder.ints((0, *befores, 0, *afters)), builder.real(0))


class Upsample(_Moving):
    """`scale` times as large on every spatial axis, by `nearest` neighbour or `bilinear` (corners not aligned)."""

    word = "upsample"
    runs = Runs.IN_BLOCKS
    positional = ("scale",)

    scale: Counts
    mode: one_of("nearest", "bilinear") = "nearest"  # type: ignore[valid-type]

    @property
    def kinds(self) -> tuple[str, ...]:
        return ("upsample_bilinear", self.word) if self.mode == "bilinear" else (self.word,)

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 2, 4, "1 for the channels and 1 to 3 spatial")
        return (x[0], *(dim * scale for dim, scale in zip(x[1:], spread(self.scale, len(x) - 1, "scale"), strict=True)))

    def doubt(self, *inputs: Shape) -> str:
        """A factor an axis (`64x64`) that is large beside the map: a size, as other libraries' resizing has it."""
        size, scales = inputs[0][1:], self.scale if isinstance(self.scale, tuple) else ()
        pairs = list(zip(size, scales, strict=False))
        if not all(isinstance(dim, int) and 1 < dim < 2 * scale and scale > 8 for dim, scale in pairs):
            return ""
        factor = min((max(1, scale // dim) for dim, scale in pairs if isinstance(dim, int)), default=0)
        if not factor:
            return ""
        made = f"{spell_shape(self.shape(*inputs)[1:])} of {spell_shape(size)}"
        return f"{self.line()} makes {made}; if a size was meant, write the factor, such as `upsample {factor}`"

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """Linear interpolation along each axis in turn takes two products and a sum an element: 2^axes products in
        all.
        """
        taps = 2 ** (len(output) - 1)
        return (2 * taps - 1) * size(output) if self.mode == "bilinear" else 0

    def windows(self, *inputs: Shape) -> Windows:
        scales = spread(self.scale, len(inputs[0]) - 1, "scale")
        return tuple(
            _interpolation(scale) if self.mode == "bilinear" else Window(scale, 1, 1, scale - 1, scale)
            for scale in scales
        )

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        scales = builder.scales([1, 1, *spread(self.scale, len(x.shape) - 1, "scale")])
        if self.mode == "bilinear":
            return builder.node("Resize", x, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")
        return builder.node(
            "Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
        )


def _interpolation(scale: int) -> Window:
    """Linear interpolation by a whole factor is a transposed convolution with a triangle, cropped by `(scale - 1) //
    2`, or half a pixel more.
    """
    if scale == 1:
        return Window()
    kernel = 2 * scale - scale % 2
    return Window(kernel, 1, 1, kernel - 1 - scale // 2, scale)


class Resize(_Moving):
    """Any other size: `resize 65x65`, or that of another layer, `resize like=stem`; by `nearest` neighbour or
    `bilinear` (corners not aligned).
    """

    word = "resize"
    positional = ("to",)
    may_be_like = "to"

    to: Sizes
    mode: one_of("nearest", "bilinear") = "nearest"  # type: ignore[valid-type]

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 2, 4, "1 for the channels and 1 to 3 spatial")
        return (x[0], *spread(self.to, len(x) - 1, "to"))

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """As `upsample`: two products and a sum an element and axis where it is linear."""
        return (2 * 2 ** (len(output) - 1) - 1) * size(output) if self.mode == "bilinear" else 0

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        sizes = builder.ints((builder.batch, *self.shape(x.shape)))
        if self.mode == "bilinear":
            return builder.node("Resize", x, "", "", sizes, mode="linear", coordinate_transformation_mode="half_pixel")
        kind = "asymmetric"
        return builder.node(
            "Resize", x, "", "", sizes, mode="nearest", coordinate_transformation_mode=kind, nearest_mode="floor"
        )


class Roll(_Moving):
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


class ChannelShuffle(_Moving):
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


class PixelShuffle(_Moving):
    """Depth to space: `C*r*r x H x W` becomes `C x H*r x W*r` (arXiv:1609.05158)."""

    word = "pixel_shuffle"
    positional = ("scale",)

    scale: Count

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 2, 4)
        block = self.scale ** (len(x) - 1)
        if not divides(block, x[0]):
            raise ShapeError(f"pixel_shuffle: {block} does not divide {x[0]} channels")
        return (x[0] // block, *(dim * self.scale for dim in x[1:]))

    def windows(self, *inputs: Shape) -> Windows:
        return (Window(self.scale, 1, 1, self.scale - 1, self.scale),) * (len(inputs[0]) - 1)

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        if x.rank == 4:
            return builder.node("DepthToSpace", x, blocksize=self.scale, mode="CRD")
        rank = len(x.shape) - 1
        split = builder.reshaped(x, self.shape(x.shape)[0], *(self.scale,) * rank, *x.shape[1:])
        order = [0, 1, *(axis for n in range(rank) for axis in (2 + rank + n, 2 + n))]
        return builder.reshaped(builder.node("Transpose", split, perm=order), *self.shape(x.shape))


class PixelUnshuffle(_Moving):
    """Space to depth: `C x H*r x W*r` becomes `C*r*r x H x W`."""

    word = "pixel_unshuffle"
    positional = ("scale",)

    scale: Count

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 2, 4)
        if not all(divides(self.scale, dim) for dim in x[1:]):
            raise ShapeError(f"pixel_unshuffle: {self.scale} does not divide every side of {spell_shape(x)}")
        return (x[0] * self.scale ** (len(x) - 1), *(dim // self.scale for dim in x[1:]))

    def windows(self, *inputs: Shape) -> Windows:
        return (Window(self.scale, self.scale),) * (len(inputs[0]) - 1)

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        rank = len(x.shape) - 1
        split = builder.reshaped(
            x, x.shape[0], *(part for dim in x.shape[1:] for part in (dim // self.scale, self.scale))
        )
        order = [0, 1, *(3 + 2 * n for n in range(rank)), *(2 + 2 * n for n in range(rank))]
        return builder.reshaped(builder.node("Transpose", split, perm=order), *self.shape(x.shape))
