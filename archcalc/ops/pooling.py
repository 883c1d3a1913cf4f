"""Pools: windowed and global."""

from archcalc.algebra import Dim
from archcalc.ops.base import Counts, Flag, Free, Reach, Shape, need_rank, size, spread
from archcalc.ops.windowed import Windowed


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
        return (x[0], *self.spatial(x, self.ceil))

    def _taps(self, x: Shape) -> Dim:
        return size(spread(self.kernel, len(x) - 1, "kernel"))


class MaxPool(_Pool):
    """Max pooling."""

    word = "maxpool"

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(output) * (self._taps(inputs[0]) - 1)


class AvgPool(_Pool):
    """Average pooling."""

    word = "avgpool"

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(output) * self._taps(inputs[0])


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


class GlobalAvgPool(_GlobalPool):
    """Global average pooling: the mean of each channel's map."""

    word = "gap"

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(inputs[0])


class GlobalMaxPool(_GlobalPool):
    """Global max pooling: the maximum of each channel's map."""

    word = "gmp"

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(inputs[0]) - size(output)
