"""Pools: windowed and global."""

from collections.abc import Sequence

from archcalc.algebra import Dim, Poly, divides
from archcalc.errors import ShapeError, Undecided
from archcalc.ops.base import INDEX, NOTHING, Free, Own, Reach, Saved, Shape, Window, Windows, need_rank, number, size
from archcalc.ops.emit import Builder, Tensor, Value
from archcalc.ops.fresh import Spread, averaged
from archcalc.ops.kinds import Counts, Flag, Sizes, spread
from archcalc.ops.windowed import Windowed, around
from archcalc.untyped import Attribute

MOST_WINDOWS = 32  # of an axis of a free size: two terms of a closed form each


class _Pool(Windowed, Free):
    """What windowed pools share. The stride defaults to the kernel.

    `ceil=true` rounds the output's size up, and drops a last window that would begin in the padding after the input.
    """

    positional = ("kernel",)
    is_pooling = True

    stride: Counts | None = None
    ceil: Flag = False

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        spatial = self.spatial(x, self.ceil)
        return (x[0], *spatial)

    def _taps(self, x: Shape) -> Dim:
        return size(spread(self.kernel, len(x) - 1, "kernel"))

    def _pool(
        self, builder: Builder, kind: str, x: Tensor, value: float, beforehand: bool, **options: Attribute
    ) -> Value:
        """A pool over a map that is padded with `value`, if that is needed or asked for, in a node of its own.

        Runtimes refuse padding as wide as the kernel. Rounding up is spelled as padding after the map wherever that is
        a number: not everyone drops the last window that begins in the padding.
        """
        rows = self.axes(x.shape)
        free = any(isinstance(dim, Poly) for dim, *_ in rows)
        inner, overhang = (
            self._rounded_up(x.shape) if self.ceil and not free else (self.padding(x.shape), [0] * len(rows))
        )
        pads: list[tuple[Dim, Dim]] = [
            (before, after + more) for (before, after), more in zip(inner, overhang, strict=True)
        ]
        source: Value = x
        if any(_is_wide(more, row[1]) for row, more in zip(rows, overhang, strict=True)):
            inner, overhang = pads, [0] * len(rows)
        if (beforehand and not free) or any(
            _is_wide(pad, row[1]) for row, pair in zip(rows, pads, strict=True) for pad in pair
        ):
            source, pads = around(builder, x, inner, value), [(0, more) for more in overhang]
        return builder.node(
            kind,
            source,
            kernel_shape=[kernel for _, kernel, _, _ in rows],
            strides=[stride for *_, stride, _ in rows],
            dilations=[dilation for *_, dilation in rows],
            pads=[pair[side] for side in (0, 1) for pair in pads],
            ceil_mode=int(self.ceil and free),
            **options,
        )

    def _rounded_up(self, x: Shape) -> tuple[list[tuple[Dim, Dim]], list[Dim]]:
        """The padding that the last window reaches, and how far it reaches beyond it, an axis."""
        pads: list[tuple[Dim, Dim]] = []
        overhang: list[Dim] = []
        for side, (dim, kernel, stride, dilation), (before, after) in zip(
            self.shape(x)[1:], self.axes(x), self.padding(x), strict=True
        ):
            reached: Attribute = max((side - 1) * stride + dilation * (kernel - 1) + 1 - before - dim, 0)
            pads.append((before, min(after, reached)))
            overhang.append(max(reached - after, 0))
        return pads, overhang


def _is_wide(pad: Dim, kernel: Dim) -> bool:
    """Whether padding can't be left to the pool."""
    return isinstance(pad, Poly) or isinstance(kernel, Poly) or pad >= kernel


class MaxPool(_Pool):
    """Max pooling."""

    word = "maxpool"

    def shape(self, *inputs: Shape) -> Shape:
        """No window may lie in the padding alone: its maximum would be minus infinity."""
        output = super().shape(*inputs)
        (x,) = inputs
        for axis, outputs, (before, after) in zip(self.axes(x), output[1:], self.padding(x), strict=True):
            side, kernel, stride, dilation = axis
            ends = dilation * (kernel - 1), (outputs - 1) * stride
            if any(isinstance(value, Poly) for value in (side, before, after, *ends)):
                continue
            if ends[0] < before or ends[1] - before >= side:
                raise ShapeError(
                    f"maxpool: pad={self._told(before, after)} leaves windows of {kernel} in the padding alone"
                )
        return output

    @staticmethod
    def _told(before: Dim, after: Dim) -> str:
        return str(before) if before == after else f"({before},{after})"

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(output) * (self._taps(inputs[0]) - 1)

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """The input, and where each maximum was."""
        return Saved(inputs=(0,), own=(Own("indices", size(output), INDEX),))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        return self._pool(builder, "MaxPool", x, float("-inf"), False)


class AvgPool(_Pool):
    """Average pooling."""

    word = "avgpool"

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(output) * self._taps(inputs[0])

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return Saved(inputs=(0,))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        """The mean over a whole window, padding included; what TensorFlow's rule pads, and what rounding up adds,
        doesn't count.
        """
        (x,) = tensors
        if self.pad == "same":
            return self._pool(builder, "AveragePool", x, 0, False, count_include_pad=0)
        return self._pool(builder, "AveragePool", x, 0, bool(self.ceil), count_include_pad=int(not self.ceil))


class _GlobalPool(Free):
    """One number a channel: `C x ...` becomes `C`, or `C x 1 x ...` with `keepdims=true`."""

    is_pooling = True

    keepdims: Flag = False

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 2, 4, "there is nothing to pool over")
        return (x[0], *((1,) * (len(x) - 1) if self.keepdims else ()))

    def windows(self, *inputs: Shape) -> Reach:
        return Reach.ALL

    def _kept(self, builder: Builder, pooled: Value) -> Value:
        return pooled if self.keepdims else builder.node("Flatten", pooled, axis=1)


class AdaptiveAvgPool(Free):
    """Average pooling to a given size: output `o` of `m` is the mean of the inputs from `floor(o*n/m)` to
    `ceil((o+1)*n/m)` of `n`, as PyTorch has it.
    """

    word = "adaptive_avgpool"
    positional = ("to",)
    is_pooling = True

    to: Sizes

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 2, 4, "1 for the channels and 1 to 3 spatial")
        return (x[0], *spread(self.to, len(x) - 1, "to"))

    def _axes(self, x: Shape) -> list[tuple[Dim, Dim]]:
        """The sides before and after, an axis."""
        return list(zip(x[1:], self.shape(x)[1:], strict=True))

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """As many operations as there are elements in all windows."""
        total: Dim = output[0]
        for before, after in self._axes(inputs[0]):
            total = total * (before if _are_alike(before, after) else _in_windows(before, number(after)))
        return total

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return Saved(inputs=(0,))

    def windows(self, *inputs: Shape) -> Windows:
        axes = self._axes(inputs[0])
        if not all(_are_alike(*axis) and not isinstance(axis[0] // axis[1], Poly) for axis in axes):
            return Reach.ALL if all(after == 1 for _, after in axes) else Reach.MIXED
        return tuple(Window(before // number(after), number(before) // number(after)) for before, after in axes)

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        axes = self._axes(x.shape)
        if any(isinstance(dim, Poly) for axis in axes if not _parts(*axis) for dim in axis):
            raise ShapeError(f"{self.line()}: windows of sizes that are free have no operator in ONNX")
        value: Value = x
        for axis, (before, after) in enumerate(axes, 2):
            if not _parts(before, after):
                value = _means(builder, value, axis, number(before), number(after))
        sides = [number(before) // number(after) if _parts(before, after) else 1 for before, after in axes]
        if value is not x and sides == [1] * len(sides):
            return value
        return builder.node("AveragePool", value, kernel_shape=sides, strides=sides)


def _means(builder: Builder, value: Value, axis: int, before: int, after: int) -> str:
    """The means of windows of different sizes, an axis: the mean of a map's window is the mean of its rows' means."""
    means = []
    for o in range(after):
        ends = o * before // after, -(-(o + 1) * before // after), axis
        window = builder.node("Slice", value, *(builder.ints((end,)) for end in ends))
        means.append(builder.node("ReduceMean", window, builder.ints((axis,)), keepdims=1))
    return builder.node("Concat", *means, axis=axis)


def _parts(before: Dim, after: Dim) -> bool:
    """Whether all windows of an axis are alike."""
    return not isinstance(after, Poly) and divides(after, before)


def _are_alike(before: Dim, after: Dim) -> bool:
    """Whether they are known to be, whatever the free sizes are. Raises Undecided where that decides and there are more
    windows than a closed form is written for.
    """
    try:
        return _parts(before, after)
    except Undecided:
        if number(after) > MOST_WINDOWS:
            raise
        return False


def _in_windows(before: Dim, after: int) -> Dim:
    """How many elements the windows of an axis have together; some are in two."""
    total: Dim = 0
    for o in range(after):
        total = total - (-(o + 1) * before // after) - o * before // after
    return total


class GlobalAvgPool(_GlobalPool):
    """Global average pooling: the mean of each channel's map."""

    word = "gap"

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(inputs[0])

    def spread(self, arriving: Sequence[Spread], *inputs: Shape) -> Spread:
        return averaged(arriving[0], inputs[0][1:])

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return NOTHING

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return self._kept(builder, builder.node("GlobalAveragePool", *tensors))


class GlobalMaxPool(_GlobalPool):
    """Global max pooling: the maximum of each channel's map."""

    word = "gmp"

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(inputs[0]) - size(output)

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """The input, and where each maximum was."""
        return Saved(inputs=(0,), own=(Own("indices", size(output), INDEX),))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return self._kept(builder, builder.node("GlobalMaxPool", *tensors))
