"""Every operator: what a line of a spec costs, with each figure written out as a product by hand.

A row is a line, the shapes that go into it, and what must come out: the shape, parameters, buffers,
multiply-accumulates, elementwise operations, and the receptive field. Each row goes the whole way from text to table.
"""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from typing import NamedTuple

import pytest

from archcalc.build import build
from archcalc.cost import Table
from archcalc.errors import ArchcalcError, SpecError
from archcalc.ops import OPS, Reach
from archcalc.receptive import Field
from archcalc.spec import bind, read_spec

Shape = tuple[int, ...]
Axis = tuple[int, int | Fraction, int]  # the extent of the largest window, the stride, where the first window starts

POINT: Axis = (1, 1, 0)
HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
ALL, MIXED, UNSEEN = "all", "not uniform", "nothing of the input"


class Row(NamedTuple):
    """A one-layer network and what it must cost."""

    line: str
    inputs: list[Shape]
    shape: Shape
    params: int = 0
    macs: int = 0
    elementwise: int = 0
    field: list[Axis] | str = ALL
    buffers: int = 0

    @property
    def word(self) -> str:
        return self.line.split()[0]

    def __str__(self) -> str:
        return f"{self.line} on {' and '.join('x'.join(map(str, shape)) for shape in self.inputs)}"


CONVOLUTIONS = [
    # padding: by default dilation*(kernel-1)//2 on both sides
    Row("conv 64 7x7 stride=2", [(3, 224, 224)], (64, 112, 112), 64 * 3 * 7 * 7 + 64, 64 * 112 * 112 * 3 * 7 * 7, 64 * 112 * 112, [(7, 2, -3)] * 2),
    Row("conv 8 3", [(4, 10)], (8, 10), 8 * 4 * 3 + 8, 8 * 10 * 4 * 3, 8 * 10, [(3, 1, -1)]),
    Row(
        "conv 16 3 stride=1x2x2 bias=false", [(3, 8, 112, 112)], (16, 8, 56, 56), 16 * 3 * 3 * 3 * 3, 16 * 8 * 56 * 56 * 3 * 3 * 3 * 3, 0,
        [(3, 1, -1), (3, 2, -1), (3, 2, -1)],
    ),
    Row("conv 256 1x1 bias=false", [(64, 56, 56)], (256, 56, 56), 256 * 64, 256 * 56 * 56 * 64, 0, [POINT] * 2),
    Row("conv 6 1x7", [(4, 9, 9)], (6, 9, 9), 6 * 4 * 1 * 7 + 6, 6 * 9 * 9 * 4 * 1 * 7, 6 * 9 * 9, [POINT, (7, 1, -3)]),
    Row("conv 8 2x2", [(4, 6, 6)], (8, 5, 5), 8 * 4 * 2 * 2 + 8, 8 * 5 * 5 * 4 * 2 * 2, 8 * 5 * 5, [(2, 1, 0)] * 2),
    Row("conv 8 4x4", [(4, 6, 6)], (8, 5, 5), 8 * 4 * 4 * 4 + 8, 8 * 5 * 5 * 4 * 4 * 4, 8 * 5 * 5, [(4, 1, -1)] * 2),
    Row("conv 8 3x3 stride=2", [(4, 7, 8)], (8, 4, 4), 8 * 4 * 3 * 3 + 8, 8 * 4 * 4 * 4 * 3 * 3, 8 * 4 * 4, [(3, 2, -1)] * 2),
    # dilation and groups
    Row("conv 8 3x3 dilation=2", [(4, 16, 16)], (8, 16, 16), 8 * 4 * 3 * 3 + 8, 8 * 16 * 16 * 4 * 3 * 3, 8 * 16 * 16, [(5, 1, -2)] * 2),
    Row("conv 8 3x3 dilation=1x3", [(4, 16, 16)], (8, 16, 16), 8 * 4 * 3 * 3 + 8, 8 * 16 * 16 * 4 * 3 * 3, 8 * 16 * 16, [(3, 1, -1), (7, 1, -3)]),
    Row("conv 8 3x3 dilation=2 pad=0", [(4, 16, 16)], (8, 12, 12), 8 * 4 * 3 * 3 + 8, 8 * 12 * 12 * 4 * 3 * 3, 8 * 12 * 12, [(5, 1, 0)] * 2),
    Row("conv 8 3x3 dilation=2 stride=3", [(4, 16, 17)], (8, 6, 6), 8 * 4 * 3 * 3 + 8, 8 * 6 * 6 * 4 * 3 * 3, 8 * 6 * 6, [(5, 3, -2)] * 2),
    Row("conv 8 3x3 groups=4", [(4, 6, 6)], (8, 6, 6), 8 * 1 * 3 * 3 + 8, 8 * 6 * 6 * 1 * 3 * 3, 8 * 6 * 6, [(3, 1, -1)] * 2),
    Row("conv 128 3x3 groups=32", [(128, 7, 7)], (128, 7, 7), 128 * 4 * 3 * 3 + 128, 128 * 7 * 7 * 4 * 3 * 3, 128 * 7 * 7, [(3, 1, -1)] * 2),
    # padding as a number, one an axis, and a pair an axis
    Row("conv 8 5x5 pad=1", [(4, 10, 10)], (8, 8, 8), 8 * 4 * 5 * 5 + 8, 8 * 8 * 8 * 4 * 5 * 5, 8 * 8 * 8, [(5, 1, -1)] * 2),
    Row("conv 96 11x11 stride=4 pad=0", [(3, 227, 227)], (96, 55, 55), 96 * 3 * 11 * 11 + 96, 96 * 55 * 55 * 3 * 11 * 11, 96 * 55 * 55, [(11, 4, 0)] * 2),
    Row("conv 8 5x5 pad=(2,0)", [(4, 10, 10)], (8, 10, 6), 8 * 4 * 5 * 5 + 8, 8 * 10 * 6 * 4 * 5 * 5, 8 * 10 * 6, [(5, 1, -2), (5, 1, 0)]),
    Row("conv 8 1x7 pad=0x3", [(4, 9, 9)], (8, 9, 9), 8 * 4 * 1 * 7 + 8, 8 * 9 * 9 * 4 * 1 * 7, 8 * 9 * 9, [POINT, (7, 1, -3)]),
    Row("conv 8 3x3 pad=((0,1),(2,3))", [(4, 10, 10)], (8, 9, 13), 8 * 4 * 3 * 3 + 8, 8 * 9 * 13 * 4 * 3 * 3, 8 * 9 * 13, [(3, 1, 0), (3, 1, -2)]),
    Row("conv 8 3 pad=((2,0),) stride=2", [(4, 10)], (8, 5), 8 * 4 * 3 + 8, 8 * 5 * 4 * 3, 8 * 5, [(3, 2, -2)]),
    # TensorFlow's rule: ceil(size/stride) outputs; of an odd total of padding the larger half comes after
    Row("conv 8 3x3 stride=2 pad=same", [(4, 10, 10)], (8, 5, 5), 8 * 4 * 3 * 3 + 8, 8 * 5 * 5 * 4 * 3 * 3, 8 * 5 * 5, [(3, 2, 0)] * 2),
    Row("conv 8 3x3 stride=2 pad=same", [(4, 9, 10)], (8, 5, 5), 8 * 4 * 3 * 3 + 8, 8 * 5 * 5 * 4 * 3 * 3, 8 * 5 * 5, [(3, 2, -1), (3, 2, 0)]),
    Row("conv 8 7x7 stride=2 pad=same", [(3, 224, 224)], (8, 112, 112), 8 * 3 * 7 * 7 + 8, 8 * 112 * 112 * 3 * 7 * 7, 8 * 112 * 112, [(7, 2, -2)] * 2),
    Row("conv 8 4 pad=same", [(4, 10)], (8, 10), 8 * 4 * 4 + 8, 8 * 10 * 4 * 4, 8 * 10, [(4, 1, -1)]),
    Row("conv 8 1 stride=3 pad=same", [(4, 10)], (8, 4), 8 * 4 * 1 + 8, 8 * 4 * 4 * 1, 8 * 4, [(1, 3, 0)]),
    Row("conv 8 2 stride=4 pad=same", [(4, 9)], (8, 3), 8 * 4 * 2 + 8, 8 * 3 * 4 * 2, 8 * 3, [(2, 4, 0)]),
    Row("conv 8 2 stride=4 pad=same", [(4, 12)], (8, 3), 8 * 4 * 2 + 8, 8 * 3 * 4 * 2, 8 * 3, [(2, 4, 0)]),
    Row("conv 8 3 stride=2 dilation=2 pad=same", [(4, 10)], (8, 5), 8 * 4 * 3 + 8, 8 * 5 * 4 * 3, 8 * 5, [(5, 2, -1)]),
    Row("conv 8 5x5 pad=valid stride=2", [(4, 10, 11)], (8, 3, 4), 8 * 4 * 5 * 5 + 8, 8 * 3 * 4 * 4 * 5 * 5, 8 * 3 * 4, [(5, 2, 0)] * 2),
    Row("conv 8 5x5 pad=full", [(4, 10, 10)], (8, 14, 14), 8 * 4 * 5 * 5 + 8, 8 * 14 * 14 * 4 * 5 * 5, 8 * 14 * 14, [(5, 1, -4)] * 2),
    Row("conv 8 3 pad=full dilation=2", [(4, 10)], (8, 14), 8 * 4 * 3 + 8, 8 * 14 * 4 * 3, 8 * 14, [(5, 1, -4)]),
    # depthwise
    Row("dwconv 3x3", [(8, 14, 14)], (8, 14, 14), 8 * 1 * 3 * 3 + 8, 8 * 14 * 14 * 1 * 3 * 3, 8 * 14 * 14, [(3, 1, -1)] * 2),
    Row("dwconv 3x3 multiplier=2 stride=2", [(8, 14, 14)], (16, 7, 7), 16 * 1 * 3 * 3 + 16, 16 * 7 * 7 * 1 * 3 * 3, 16 * 7 * 7, [(3, 2, -1)] * 2),
    Row("dwconv 7 bias=false", [(8, 20)], (8, 20), 8 * 1 * 7, 8 * 20 * 1 * 7, 0, [(7, 1, -3)]),
    Row("dwconv 1x3x3 pad=valid", [(8, 4, 6, 6)], (8, 4, 4, 4), 8 * 1 * 1 * 3 * 3 + 8, 8 * 4 * 4 * 4 * 1 * 3 * 3, 8 * 4 * 4 * 4, [POINT, (3, 1, 0), (3, 1, 0)]),
    # locally connected: every output position has filters and biases of its own
    Row("local 8 3x3 pad=0", [(4, 6, 6)], (8, 4, 4), 4 * 4 * 8 * 4 * 3 * 3 + 8 * 4 * 4, 8 * 4 * 4 * 4 * 3 * 3, 8 * 4 * 4, [(3, 1, 0)] * 2),
    Row("local 8 3x3 groups=2 stride=2", [(4, 6, 6)], (8, 3, 3), 3 * 3 * 8 * 2 * 3 * 3 + 8 * 3 * 3, 8 * 3 * 3 * 2 * 3 * 3, 8 * 3 * 3, [(3, 2, -1)] * 2),
    Row("local 8 3 pad=0 bias=false", [(4, 10)], (8, 8), 8 * 8 * 4 * 3, 8 * 8 * 4 * 3, 0, [(3, 1, 0)]),
    Row("local 2 2x2x2", [(4, 3, 3, 3)], (2, 2, 2, 2), 2**3 * 2 * 4 * 2**3 + 2 * 2**3, 2 * 2**3 * 4 * 2**3, 2 * 2**3, [(2, 1, 0)] * 3),
    # transposed: every input element meets every weight of its channel; neighbouring outputs lie 1/stride of an input
    # apart
    Row("conv_transpose 8 4x4 stride=2 pad=1", [(16, 7, 7)], (8, 14, 14), 16 * 8 * 4 * 4 + 8, 16 * 7 * 7 * 8 * 4 * 4, 8 * 14 * 14, [(2, HALF, -1)] * 2),
    Row("conv_transpose 8 2 stride=2 pad=0", [(16, 7)], (8, 14), 16 * 8 * 2 + 8, 16 * 7 * 8 * 2, 8 * 14, [(1, HALF, 0)]),
    Row("conv_transpose 8 3x3 stride=2 output_pad=1", [(16, 7, 7)], (8, 14, 14), 16 * 8 * 3 * 3 + 8, 16 * 7 * 7 * 8 * 3 * 3, 8 * 14 * 14, [(2, HALF, 0)] * 2),
    Row("conv_transpose 8 3x3 stride=2", [(16, 7, 7)], (8, 13, 13), 16 * 8 * 3 * 3 + 8, 16 * 7 * 7 * 8 * 3 * 3, 8 * 13 * 13, [(2, HALF, 0)] * 2),
    Row("conv_transpose 8 1 stride=3 bias=false", [(16, 7)], (8, 19), 16 * 8 * 1, 16 * 7 * 8 * 1, 0, [(1, THIRD, 0)]),
    Row("conv_transpose 8 4 stride=2 pad=same", [(16, 7)], (8, 14), 16 * 8 * 4 + 8, 16 * 7 * 8 * 4, 8 * 14, [(2, HALF, -1)]),
    Row("conv_transpose 8 3 stride=2 pad=same", [(16, 7)], (8, 14), 16 * 8 * 3 + 8, 16 * 7 * 8 * 3, 8 * 14, [(2, HALF, -1)]),
    Row("conv_transpose 8 3 pad=full", [(16, 7)], (8, 5), 16 * 8 * 3 + 8, 16 * 7 * 8 * 3, 8 * 5, [(3, 1, 0)]),
    Row("conv_transpose 8 3 pad=valid", [(16, 7)], (8, 9), 16 * 8 * 3 + 8, 16 * 7 * 8 * 3, 8 * 9, [(3, 1, -2)]),
    Row("conv_transpose 8 3 dilation=2", [(16, 7)], (8, 7), 16 * 8 * 3 + 8, 16 * 7 * 8 * 3, 8 * 7, [(5, 1, -2)]),
    Row("conv_transpose 8 4x4 stride=2 pad=1 groups=4", [(16, 7, 7)], (8, 14, 14), 16 * 2 * 4 * 4 + 8, 16 * 7 * 7 * 2 * 4 * 4, 8 * 14**2, [(2, HALF, -1)] * 2),
    Row("conv_transpose 8 3 pad=((0,1),) stride=2", [(16, 7)], (8, 14), 16 * 8 * 3 + 8, 16 * 7 * 8 * 3, 8 * 14, [(2, HALF, -1)]),
    Row(
        "conv_transpose 4 2 stride=2x1x2 pad=0", [(8, 3, 4, 5)], (4, 6, 5, 10), 8 * 4 * 2**3 + 4, 8 * 3 * 4 * 5 * 4 * 2**3, 4 * 6 * 5 * 10,
        [(1, HALF, 0), (2, 1, -1), (1, HALF, 0)],
    ),
]  # fmt: skip

POOLS = [
    Row("adaptive_avgpool 6x6", [(4, 12, 18)], (4, 6, 6), 0, 0, 4 * 12 * 18, [(2, 2, 0), (3, 3, 0)]),
    Row("adaptive_avgpool 1", [(4, 5)], (4, 1), 0, 0, 4 * 5, [(5, 5, 0)]),
    # the stride is the kernel unless it is given; padding is (kernel-1)//2 unless it is given
    Row(
        "maxpool 3x3 stride=2",
        [(64, 112, 112)],
        (64, 56, 56),
        elementwise=64 * 56 * 56 * (3 * 3 - 1),
        field=[(3, 2, -1)] * 2,
    ),
    Row("maxpool 2x2", [(8, 10, 11)], (8, 5, 5), elementwise=8 * 5 * 5 * (2 * 2 - 1), field=[(2, 2, 0)] * 2),
    Row("maxpool 3x3", [(8, 9, 9)], (8, 3, 3), elementwise=8 * 3 * 3 * (3 * 3 - 1), field=[(3, 3, -1)] * 2),
    Row("maxpool 2 stride=1", [(8, 10)], (8, 9), elementwise=8 * 9 * (2 - 1), field=[(2, 1, 0)]),
    Row("maxpool 3 stride=1 dilation=2", [(8, 10)], (8, 10), elementwise=8 * 10 * (3 - 1), field=[(5, 1, -2)]),
    Row(
        "maxpool 3 stride=1x2x2",
        [(8, 6, 8, 8)],
        (8, 6, 4, 4),
        elementwise=8 * 6 * 4 * 4 * (3 * 3 * 3 - 1),
        field=[(3, 1, -1), (3, 2, -1), (3, 2, -1)],
    ),
    Row(
        "maxpool 3x3 stride=2 pad=0",
        [(8, 10, 10)],
        (8, 4, 4),
        elementwise=8 * 4 * 4 * (3 * 3 - 1),
        field=[(3, 2, 0)] * 2,
    ),
    Row(
        "maxpool 3x3 stride=2 pad=((0,1),(0,1))",
        [(8, 112, 112)],
        (8, 56, 56),
        elementwise=8 * 56 * 56 * (3 * 3 - 1),
        field=[(3, 2, 0)] * 2,
    ),
    Row(
        "maxpool 3x3 stride=2 pad=same",
        [(8, 9, 10)],
        (8, 5, 5),
        elementwise=8 * 5 * 5 * (3 * 3 - 1),
        field=[(3, 2, -1), (3, 2, 0)],
    ),
    # ceil: the size rounds up, but a window that begins in the padding after the input is dropped
    Row(
        "maxpool 3x3 stride=2 pad=0 ceil",
        [(8, 10, 9)],
        (8, 5, 4),
        elementwise=8 * 5 * 4 * (3 * 3 - 1),
        field=[(3, 2, 0)] * 2,
    ),
    Row(
        "maxpool 3x3 stride=2 pad=0 ceil=true",
        [(64, 112, 112)],
        (64, 56, 56),
        elementwise=64 * 56 * 56 * (3 * 3 - 1),
        field=[(3, 2, 0)] * 2,
    ),
    Row("maxpool 2 stride=2 pad=1 ceil", [(8, 5)], (8, 3), elementwise=8 * 3 * (2 - 1), field=[(2, 2, -1)]),
    Row("maxpool 2 stride=2 pad=1 ceil", [(8, 6)], (8, 4), elementwise=8 * 4 * (2 - 1), field=[(2, 2, -1)]),
    Row(
        "maxpool 1x1 stride=2 pad=((0,1),(0,1)) ceil",
        [(8, 16, 16)],
        (8, 8, 8),
        elementwise=8 * 8 * 8 * (1 - 1),
        field=[(1, 2, 0)] * 2,
    ),
    # a window larger than the padded input still gives one output when rounding up, as in PyTorch
    Row(
        "maxpool 3x3 stride=2 pad=0 ceil",
        [(4, 2, 2)],
        (4, 1, 1),
        elementwise=4 * 1 * 1 * (3 * 3 - 1),
        field=[(3, 2, 0)] * 2,
    ),
    Row("maxpool 1 stride=3 ceil", [(8, 5)], (8, 2), elementwise=8 * 2 * (1 - 1), field=[(1, 3, 0)]),
    Row("avgpool 2x2", [(8, 10, 10)], (8, 5, 5), elementwise=8 * 5 * 5 * 2 * 2, field=[(2, 2, 0)] * 2),
    Row("avgpool 7x7 pad=0", [(8, 7, 7)], (8, 1, 1), elementwise=8 * 1 * 1 * 7 * 7, field=[(7, 7, 0)] * 2),
    Row("avgpool 3 stride=1 pad=same", [(8, 10)], (8, 10), elementwise=8 * 10 * 3, field=[(3, 1, -1)]),
    Row("avgpool 2 stride=1 pad=full", [(8, 10)], (8, 11), elementwise=8 * 11 * 2, field=[(2, 1, -1)]),
    Row("avgpool 2 ceil", [(8, 3, 3, 3)], (8, 2, 2, 2), elementwise=8 * 2 * 2 * 2 * 2**3, field=[(2, 2, 0)] * 3),
    Row("avgpool 1x2 pad=valid", [(8, 4, 4)], (8, 4, 2), elementwise=8 * 4 * 2 * 1 * 2, field=[POINT, (2, 2, 0)]),
    # a mean over n numbers is n-1 additions and a division, a maximum n-1 comparisons
    Row("gap", [(512, 7, 7)], (512,), elementwise=512 * (7 * 7 - 1 + 1)),
    Row("gap keepdims", [(512, 7, 7)], (512, 1, 1), elementwise=512 * (7 * 7 - 1 + 1)),
    Row("gap", [(16, 9)], (16,), elementwise=16 * (9 - 1 + 1)),
    Row("gmp", [(512, 7, 7)], (512,), elementwise=512 * (7 * 7 - 1)),
    Row("gmp keepdims=true", [(8, 2, 3, 4)], (8, 1, 1, 1), elementwise=8 * (2 * 3 * 4 - 1)),
]

DENSE = [
    Row("linear 1000", [(512,)], (1000,), 1000 * 512 + 1000, 1000 * 512, 1000),
    Row("linear 10 bias=false", [(84,)], (10,), 10 * 84, 10 * 84),
    Row("linear 256", [(64, 197)], (256, 197), 256 * 64 + 256, 256 * 197 * 64, 256 * 197, [POINT]),
    Row("matmul", [(4, 6), (6, 5)], (4, 5), macs=4 * 5 * 6),
    Row("matmul", [(2, 4, 6), (2, 6, 5)], (2, 4, 5), macs=2 * 4 * 5 * 6),
    Row("embedding 1000 64", [(20,)], (64, 20), 1000 * 64, field=[POINT]),
    Row("embedding 1000 64 axis=-1", [(20,)], (20, 64), 1000 * 64, field=MIXED),
    Row("linear 256 axis=-1", [(197, 64)], (197, 256), 256 * 64 + 256, 197 * 256 * 64, 197 * 256, MIXED),
    Row("linear 256 axis=-1 bias=false", [(3, 5, 64)], (3, 5, 256), 256 * 64, 3 * 5 * 256 * 64, 0, MIXED),
    # attention: projections of q, k, v and of the output; then scores and their use. A softmax over n numbers is 5n-2
    # operations
    Row("attention 4", [(64, 10)], (64, 10), 4 * (64 * 64 + 64), 4 * 10 * 64 * 64 + 2 * 10 * 10 * 64, 4 * 10 * 10 + 4 * 10 * (5 * 10 - 2) + 4 * 10 * 64),
    Row("attention 4", [(64, 5, 2)], (64, 5, 2), 4 * (64 * 64 + 64), 4 * 10 * 64 * 64 + 2 * 10 * 10 * 64, 4 * 10 * 10 + 4 * 10 * (5 * 10 - 2) + 4 * 10 * 64),
    Row(
        "attention 4", [(64, 10), (32, 20)], (64, 10), 2 * (64 * 64 + 64) + 2 * (64 * 32 + 64), 2 * 10 * 64 * 64 + 2 * 20 * 32 * 64 + 2 * 10 * 20 * 64,
        4 * 10 * 20 + 4 * 10 * (5 * 20 - 2) + 2 * 10 * 64 + 2 * 20 * 64,
    ),
    Row(
        "attention 4", [(64, 10), (32, 20), (48, 20)], (64, 10), 2 * (64 * 64 + 64) + (64 * 32 + 64) + (64 * 48 + 64),
        2 * 10 * 64 * 64 + 20 * 32 * 64 + 20 * 48 * 64 + 2 * 10 * 20 * 64, 4 * 10 * 20 + 4 * 10 * (5 * 20 - 2) + 2 * 10 * 64 + 2 * 20 * 64,
    ),
    Row(
        "attention 2 dim=32 out=16 bias=false", [(64, 10)], (16, 10), 3 * 32 * 64 + 16 * 32, 10 * (3 * 64 * 32 + 32 * 16) + 2 * 10 * 10 * 32,
        2 * 10 * 10 + 2 * 10 * (5 * 10 - 2),
    ),
    # experts: a router of 8, two of them run and are added by weight; all are learned; a softmax over 8 is 5*8-2
    Row("moe 8 top=2: [linear 12 bias=false, relu, linear 6 bias=false]", [(6, 5)], (6, 5), 8 * 6 + 8 * (6 * 12 + 12 * 6), 5 * (8 * 6 + 2 * 2 * 6 * 12), 5 * 38 + 2 * 5 * 12 + 3 * 5 * 6, [POINT]),
    # a shared one runs beside them; a vector is one position; biases are learned and added by each
    Row("moe 4 top=1 shared=1: [linear 12, relu, linear 6]", [(6,)], (6,), 4 * 6 + 5 * (7 * 12 + 13 * 6), 4 * 6 + 2 * 2 * 6 * 12, 18 + 2 * (12 + 12 + 6) + 2 * 6),
    # bias=: of some projections; head_dim: 3*4 features in 16; v_dim: values of another width
    Row("attention 4 bias=qv_out", [(64, 10)], (64, 10), 4 * 64 * 64 + 3 * 64, 4 * 10 * 64 * 64 + 2 * 10 * 10 * 64, 6 * 4 * 10 * 10 - 2 * 4 * 10 + 3 * 10 * 64),
    Row("attention 3 head_dim=4 bias=false", [(16, 10)], (16, 10), 4 * 16 * 12, 4 * 10 * 16 * 12 + 2 * 10 * 10 * 12, 6 * 3 * 10 * 10 - 2 * 3 * 10),
    Row("attention 3 head_dim=4 v_dim=2 bias=false", [(16, 10)], (16, 10), 2 * 16 * 12 + 2 * 16 * 6, 10 * 16 * (12 + 12 + 6 + 6) + 10 * 10 * (12 + 6), 6 * 3 * 10 * 10 - 2 * 3 * 10),
    # a mask is one more operation a score; `half` are the 10*11/2 pairs that are seen
    Row("attention 4 causal bias=false", [(64, 10)], (64, 10), 4 * 64 * 64, 4 * 10 * 64 * 64 + 2 * 10 * 10 * 64, 7 * 4 * 10 * 10 - 2 * 4 * 10, MIXED),
    Row("attention 4 causal=half bias=false", [(64, 10)], (64, 10), 4 * 64 * 64, 4 * 10 * 64 * 64 + 2 * 55 * 64, 7 * 4 * 55 - 2 * 4 * 10, MIXED),
    # 3 positions of 4 see 1, 2 and 3 keys, the others 4 each: 6 + 7*4 pairs
    Row("attention 4 causal=half window=4 bias=false", [(64, 10)], (64, 10), 4 * 64 * 64, 4 * 10 * 64 * 64 + 2 * 34 * 64, 7 * 4 * 34 - 2 * 4 * 10, MIXED),
    # 6 in the cache, of which a window of 4 shows 3 to those that arrive
    Row("attention 4 causal cache=6 bias=false", [(64, 10)], (64, 10), 4 * 64 * 64, 4 * 10 * 64 * 64 + 2 * 10 * 16 * 64, 7 * 4 * 10 * 16 - 2 * 4 * 10, MIXED),
    Row("attention 4 causal cache=6 window=4 bias=false", [(64, 1)], (64, 1), 4 * 64 * 64, 4 * 64 * 64 + 2 * 4 * 64, 7 * 4 * 4 - 2 * 4, MIXED),
    # windows of 4x4 on 5x6 are padded to 8x8: 64 positions with 16 keys each; 7x7 distances; masks and distances are added
    Row(
        "attention 2 window=4x4 shift=2 bias=relative", [(8, 5, 6)], (8, 5, 6), 4 * (8 * 8 + 8) + 7 * 7 * 2, 4 * 64 * 8 * 8 + 2 * 64 * 16 * 8,
        8 * 2 * 64 * 16 - 2 * 2 * 64 + 4 * 64 * 8, MIXED,
    ),
    # a network of 5 hidden units makes 7*7 biases a head of two coordinates, each put through a sigmoid (4) and scaled; an
    # axis of one window is not shifted; a length is a product a feature, sums, a root and a limit, and then it divides
    Row(
        "attention 2 window=4x4 bias=relative hidden=5 cosine", [(8, 5, 6)], (8, 5, 6), 4 * (8 * 8 + 8) + 5 * (2 + 1) + 5 * 2 + 2,
        4 * 64 * 8 * 8 + 2 * 64 * 16 * 8 + 49 * 5 * (2 + 2),
        7 * 2 * 64 * 16 - 2 * 2 * 64 + 4 * 64 * 8 + 49 * (5 + 5 + 2 * (4 + 1)) + 2 * 64 * 2 * (4 + 3 + 1 + 1 + 4) + 2 * 2, MIXED,
    ),
    # along a row of 10 there are 19 distances
    Row(
        "attention 2 bias=relative hidden=3", [(8, 10)], (8, 10), 4 * (8 * 8 + 8) + 3 * (1 + 1) + 3 * 2, 4 * 10 * 8 * 8 + 2 * 10 * 10 * 8 + 19 * 3 * (1 + 2),
        7 * 2 * 10 * 10 - 2 * 2 * 10 + 4 * 10 * 8 + 19 * (3 + 3 + 2 * 5),
    ),
    Row(
        "attention 4 kv_heads=2 bias=false cosine", [(16, 5)], (16, 5), 2 * 16 * 16 + 2 * 16 * 8 + 4, 5 * (2 * 16 * 16 + 2 * 16 * 8) + 2 * 5 * 5 * 16,
        6 * 4 * 5 * 5 - 2 * 4 * 5 + 5 * 6 * (4 + 3 + 1 + 1 + 4) + 2 * 4,
    ),
    Row("attention 2 window=4x4 bias=qkv", [(8, 16)], (8, 16), 4 * 8 * 8 + 3 * 8, 4 * 16 * 8 * 8 + 2 * 16 * 16 * 8, 6 * 2 * 16 * 16 - 2 * 2 * 16 + 3 * 16 * 8),
    Row(
        "attention 2 window=2x3 bias=false axis=-1", [(4, 6, 8)], (4, 6, 8), 4 * 8 * 8, 4 * 24 * 8 * 8 + 2 * 24 * 6 * 8, 6 * 2 * 24 * 6 - 2 * 2 * 24, MIXED,
    ),
    # 32 distances, in two heads, told apart in a row of 10
    Row("attention 2 bias=false relative=32", [(8, 10)], (8, 10), 4 * 8 * 8 + 32 * 2, 4 * 10 * 8 * 8 + 2 * 10 * 10 * 8, 7 * 2 * 10 * 10 - 2 * 2 * 10),
    # three sequences of five positions: none sees another
    Row("attention 2 bias=false axis=-1", [(3, 5, 8)], (3, 5, 8), 4 * 8 * 8, 4 * 15 * 8 * 8 + 2 * 15 * 5 * 8, 6 * 2 * 15 * 5 - 2 * 2 * 15, MIXED),
    # a feature turns with three operations, of which 2 of 4 in each of 4 + 2 heads do; a norm is 4 an element, 2 a vector
    Row(
        "attention 4 kv_heads=2 bias=false rope=2 qk_norm", [(16, 5)], (16, 5), 2 * 16 * 16 + 2 * 16 * 8 + 2 * 4, 5 * (2 * 16 * 16 + 2 * 16 * 8) + 2 * 5 * 5 * 16,
        6 * 4 * 5 * 5 - 2 * 4 * 5 + 5 * 6 * (3 * 2 + 4 * 4 + 2),
    ),
    # latent keys and values: 16 -> 6 + 2, 6 -> 2 * (4 + 3); queries 16 -> 5 -> 2 * (4 + 2); norms of 5 and 6
    Row(
        "attention 2 bias=false head_dim=4 v_dim=3 latent=6 q_latent=5 rope=2", [(16, 10)], (16, 10), 16 * 5 + 5 + 5 * 12 + 16 * 8 + 6 + 6 * 14 + 6 * 16,
        10 * (16 * 5 + 5 * 12 + 16 * 8 + 6 * 14 + 6 * 16) + 10 * 10 * 2 * (6 + 3),
        6 * 2 * 10 * 10 - 2 * 2 * 10 + 10 * (4 * 5 + 2 + 4 * 6 + 2) + 3 * 2 * 10 * (2 + 1),
    ),
    # and kept from before: 7 more latent vectors, from which keys and values are made again
    Row(
        "attention 2 bias=false head_dim=4 v_dim=3 latent=6 rope=2 cache=7 causal", [(16, 1)], (16, 1), 16 * 12 + 16 * 8 + 6 + 6 * 14 + 6 * 16,
        16 * 12 + 16 * 8 + 8 * 6 * 14 + 6 * 16 + 8 * 2 * (6 + 3), 7 * 2 * 8 - 2 * 2 + 4 * 6 + 2 + 3 * 2 * (2 + 1), MIXED,
    ),
    # maps of 4x2 queries and 2x2 keys behind a token: 7 and 3 distances, each query by 2 and 2 vectors of 3
    Row(
        "relative_positions 4x2 2x2 token=1", [(2, 9, 5), (2, 3, 9)], (2, 9, 5), (7 + 3) * 3, 2 * 8 * 3 * (2 + 2), 2 * 8 * 4 * 2,
    ),
    Row("relative_positions 6 6", [(4, 6, 6), (4, 5, 6)], (4, 6, 6), 11 * 5, 4 * 6 * 5 * 6, 4 * 6 * 6),
    Row(
        "attention 4 kv_heads=1", [(64, 10)], (64, 10), 2 * (64 * 64 + 64) + 2 * (16 * 64 + 16), 10 * (2 * 64 * 64 + 2 * 64 * 16) + 2 * 10 * 10 * 64,
        4 * 10 * 10 + 4 * 10 * (5 * 10 - 2) + 2 * 10 * 64 + 2 * 10 * 16,
    ),
    Row(
        "attention 8 kv_heads=2 bias=false", [(64, 10)], (64, 10), 2 * 64 * 64 + 2 * 16 * 64, 10 * (2 * 64 * 64 + 2 * 64 * 16) + 2 * 10 * 10 * 64,
        8 * 10 * 10 + 8 * 10 * (5 * 10 - 2),
    ),
    # recurrent: a step has one product with the input and one with the state for each gate, added, and two biases a
    # gate
    Row("rnn 32", [(16, 10)], (32, 10), 32 * (16 + 32 + 2), 10 * 32 * (16 + 32), 10 * 32 * (1 + 2 + 1)),
    Row("rnn 32 layers=2 bias=false", [(16, 10)], (32, 10), 32 * (16 + 32) + 32 * (32 + 32), 10 * 32 * (16 + 32) + 10 * 32 * (32 + 32), 2 * 10 * 32 * (1 + 1)),
    # gates of the lstm: three sigmoids of 4 operations and a tanh; c = f*c + i*g; h = o*tanh(c)
    Row("lstm 32", [(16, 10)], (32, 10), 4 * 32 * (16 + 32 + 2), 10 * 4 * 32 * (16 + 32), 10 * 32 * (4 + 2 * 4 + (3 * 4 + 1) + 3 + 2)),
    Row("lstm 32 sequence=false bias=false", [(16, 10)], (32,), 4 * 32 * (16 + 32), 10 * 4 * 32 * (16 + 32), 10 * 32 * (4 + (3 * 4 + 1) + 3 + 2)),
    Row(
        "lstm 32 layers=2 bidirectional", [(16, 10)], (64, 10), 2 * 4 * 32 * (16 + 32 + 2) + 2 * 4 * 32 * (64 + 32 + 2),
        10 * 2 * 4 * 32 * (16 + 32) + 10 * 2 * 4 * 32 * (64 + 32), 2 * 2 * 10 * 32 * (4 + 2 * 4 + (3 * 4 + 1) + 3 + 2),
    ),
    # gates of the gru: two sigmoids and a tanh; the reset; h = (1-z)*n + z*h
    Row("gru 32", [(16, 10)], (32, 10), 3 * 32 * (16 + 32 + 2), 10 * 3 * 32 * (16 + 32), 10 * 32 * (3 + 2 * 3 + (2 * 4 + 1) + 1 + 4)),
    Row(
        "gru 32 layers=3 bidirectional=true sequence=false", [(16, 10)], (64,), 2 * 3 * 32 * (16 + 32 + 2) + 2 * 2 * 3 * 32 * (64 + 32 + 2),
        10 * 2 * 3 * 32 * (16 + 32) + 2 * 10 * 2 * 3 * 32 * (64 + 32), 3 * 2 * 10 * 32 * (3 + 2 * 3 + (2 * 4 + 1) + 1 + 4),
    ),
]  # fmt: skip

MAP = (64, 14, 14)

NORMALIZATIONS = [
    Row("bn", [MAP], MAP, 2 * 64, 0, 2 * 64 * 14 * 14, [POINT] * 2, buffers=2 * 64),
    Row("bn scale=false", [MAP], MAP, 64, 0, 2 * 64 * 14 * 14, [POINT] * 2, buffers=2 * 64),
    Row("bn", [(64,)], (64,), 2 * 64, 0, 2 * 64, [], buffers=2 * 64),
    # a mean, a difference, a square, its mean, a division: five an element; epsilon and the root: two for each set of
    # statistics
    Row("ln", [(64, 10)], (64, 10), 2 * 64, 0, 10 * (5 * 64 + 2) + 2 * 64 * 10, [POINT]),
    Row("ln scale=false shift=false", [(64,)], (64,), 0, 0, 5 * 64 + 2, []),
    Row("ln axis=-1", [(9, 64)], (9, 64), 2 * 64, 0, 9 * (5 * 64 + 2) + 2 * 9 * 64, MIXED),
    Row("ln shift=false", [MAP], MAP, 64, 0, 14 * 14 * (5 * 64 + 2) + 64 * 14 * 14, [POINT] * 2),
    Row("gn", [MAP], MAP, 2 * 64, 0, 32 * (5 * 2 * 14 * 14 + 2) + 2 * 64 * 14 * 14, [POINT] * 2),
    Row("gn 8 scale=false shift=false", [MAP], MAP, 0, 0, 8 * (5 * 8 * 14 * 14 + 2), [POINT] * 2),
    # the root mean square has no mean and no difference: a square, its mean, a division
    Row("rmsnorm", [(64, 10)], (64, 10), 64, 0, 10 * (3 * 64 + 2) + 64 * 10, [POINT]),
    Row("rmsnorm scale=false", [(64,)], (64,), 0, 0, 3 * 64 + 2, []),
    Row("rmsnorm axis=-1", [(9, 64)], (9, 64), 64, 0, 9 * (3 * 64 + 2) + 9 * 64, MIXED),
    Row("l2norm", [MAP], MAP, 0, 0, 14 * 14 * (3 * 64 + 2), [POINT] * 2),
    # squares and their sum; root, mean and division a channel; response, scale, shift and the map itself
    Row("grn", [MAP], MAP, 2 * 64, 0, 64 * (2 * 14 * 14 + 3) + 4 * 64 * 14 * 14, [POINT] * 2),
    Row("instancenorm", [MAP], MAP, 2 * 64, 0, 64 * (5 * 14 * 14 + 2) + 2 * 64 * 14 * 14, [POINT] * 2),
    Row("instancenorm scale=false shift=false", [MAP], MAP, 0, 0, 64 * (5 * 14 * 14 + 2), [POINT] * 2),
    Row("table 169 3", [(8,)], (169, 3), 169 * 3, field=UNSEEN),
    # squares, the sum of the neighbours' (n-1 additions), scale, offset, power, division
    Row("lrn", [MAP], MAP, 0, 0, 64 * 14 * 14 * (1 + 4 + 4), [POINT] * 2),
    Row("lrn 3", [(8, 10)], (8, 10), 0, 0, 8 * 10 * (1 + 2 + 4), [POINT]),
    Row("scale", [MAP], MAP, 64, 0, 64 * 14 * 14, [POINT] * 2),
    Row("scale shift", [MAP], MAP, 2 * 64, 0, 2 * 64 * 14 * 14, [POINT] * 2),
    # a table of 9 positions, of which those from the third on are read
    Row("position rows=9 start=2", [(8, 5)], (8, 5), 8 * 9, 0, 8 * 5, [POINT]),
    Row("position", [(64, 10)], (64, 10), 64 * 10, 0, 64 * 10, [POINT]),
    Row("token", [(64, 10)], (64, 11), 64, field=MIXED),
    Row("token 4", [(64, 10)], (64, 14), 64 * 4, field=MIXED),
]

OPERATIONS_AN_ELEMENT = {
    "relu": 1,  # max
    "relu6": 2,  # max, min
    "leaky_relu": 2,  # times the slope, max
    "elu": 3,  # exp, less one, the choice
    "selu": 4,  # elu, times the scale
    "gelu": 5,  # over root two, erf, plus one, times x, over two
    "sigmoid": 4,  # minus, exp, plus one, division
    "silu": 5,  # sigmoid, times x
    "hardsigmoid": 4,  # plus three, max, min, over six
    "hardswish": 5,  # hardsigmoid, times x
    "tanh": 1,
    "softplus": 3,  # exp, plus one, log
    "mish": 5,  # softplus, tanh, times x
}

ACTIVATIONS = [
    Row("abs", [MAP], MAP, 0, 0, 64 * 14 * 14, [POINT] * 2),
    # sigmoid is 4 an element, silu 5, gelu 5; then the product
    Row("glu", [(8, 10)], (4, 10), 0, 0, 4 * 10 * (4 + 1), [POINT]),
    Row("glu silu", [(8, 6, 6)], (4, 6, 6), 0, 0, 4 * 6 * 6 * (5 + 1), [POINT] * 2),
    Row("glu gelu", [(8,)], (4,), 0, 0, 4 * (5 + 1), []),
    *(
        Row(word, [MAP], MAP, elementwise=times * 64 * 14 * 14, field=[POINT] * 2)
        for word, times in OPERATIONS_AN_ELEMENT.items()
    ),
    Row("leaky_relu 0.2", [(64,)], (64,), elementwise=2 * 64, field=[]),
    Row("leaky_relu slope=0.1", [(64,)], (64,), elementwise=2 * 64, field=[]),
    Row("prelu", [MAP], MAP, 64, elementwise=2 * 64 * 14 * 14, field=[POINT] * 2),
    # over n channels: n-1 maxima, n differences, n exponentials, n-1 additions, n divisions
    Row("softmax", [(1000,)], (1000,), elementwise=999 + 1000 + 1000 + 999 + 1000, field=[]),
    Row("softmax axis=-1", [(12, 5, 7)], (12, 5, 7), elementwise=12 * 5 * (6 + 7 + 7 + 6 + 7), field=MIXED),
    Row("softmax", [(21, 8, 8)], (21, 8, 8), elementwise=8 * 8 * (20 + 21 + 21 + 20 + 21), field=[POINT] * 2),
    Row("dropout", [MAP], MAP, field=[POINT] * 2),
    Row("dropout 0.4", [MAP], MAP, field=[POINT] * 2),
    Row("dropout p=0.1", [(10,)], (10,), field=[]),
]

MERGES = [
    Row("add", [MAP, MAP], MAP, elementwise=64 * 14 * 14, field=[POINT] * 2),
    Row("add", [(8, 10), (8, 10), (8, 10)], (8, 10), elementwise=2 * 8 * 10, field=[POINT]),
    Row("sub", [(8, 10), (8, 10)], (8, 10), elementwise=8 * 10, field=[POINT]),
    Row("mul", [MAP, MAP], MAP, elementwise=64 * 14 * 14, field=[POINT] * 2),
    Row("mul", [MAP, (64,)], MAP, elementwise=64 * 14 * 14, field=[POINT] * 2),  # a gate: one number a channel
    Row("mul", [MAP, (64, 1, 1)], MAP, elementwise=64 * 14 * 14, field=[POINT] * 2),
    Row("mul", [MAP, (1, 14, 14)], MAP, elementwise=64 * 14 * 14, field=[POINT] * 2),
    Row("maximum", [(8, 10), (8, 10), (8, 10)], (8, 10), elementwise=2 * 8 * 10, field=[POINT]),
    Row("mean", [(8, 10), (8, 10), (8, 10)], (8, 10), elementwise=(2 + 1) * 8 * 10, field=[POINT]),
    Row("concat", [(8, 5, 6), (4, 5, 6), (1, 5, 6)], (8 + 4 + 1, 5, 6), field=[POINT] * 2),
    Row("concat", [(8,), (4,)], (8 + 4,), field=[]),
    Row("concat axis=-3", [(8, 5, 6), (4, 5, 6)], (8 + 4, 5, 6), field=[POINT] * 2),
    Row("concat axis=1", [(8, 5, 6), (8, 7, 6)], (8, 5 + 7, 6), field=MIXED),
    Row("concat axis=-1", [(8, 5, 6), (8, 5, 1)], (8, 5, 6 + 1), field=MIXED),
]

RESHAPING = [
    Row("roll (-3,2)", [(4, 7, 9)], (4, 7, 9), field=MIXED),
    Row("roll -3x-2", [(4, 7, 9)], (4, 7, 9), field=MIXED),
    Row("roll 1", [(4, 7)], (4, 7), field=MIXED),
    Row("resize 5x9", [(4, 7, 9)], (4, 5, 9), field=MIXED),
    Row("resize 13 mode=bilinear", [(4, 7, 9)], (4, 13, 13), 0, 0, 7 * 4 * 13 * 13, MIXED),
    Row("flatten", [(64, 7, 7)], (64 * 7 * 7,)),
    Row("flatten start=1", [(64, 7, 7)], (64, 7 * 7), field=MIXED),
    Row("reshape 3 -1", [(12, 4, 4)], (3, 4 * 4 * 4), field=MIXED),
    Row("reshape 6 2 4 4", [(12, 4, 4)], (6, 2, 4, 4), field=MIXED),
    Row("reshape -1", [(12, 4, 4)], (12 * 4 * 4,), field=MIXED),
    Row("permute 1 0", [(64, 10)], (10, 64), field=MIXED),
    Row("permute 2 0 1", [(3, 4, 5)], (5, 3, 4), field=MIXED),
    Row("slice 0 4", [(8, 12, 12)], (4, 12, 12), field=[POINT] * 2),
    Row("slice 1 8 step=3", [(8, 12, 12)], (3, 12, 12), field=[POINT] * 2),  # 1, 4, 7
    Row("slice 2 10 axis=1 step=3", [(8, 12, 12)], (8, 3, 12), field=[(1, 3, 2), POINT]),  # 2, 5, 8
    Row("slice 5 12 axis=2", [(8, 12, 12)], (8, 12, 7), field=[POINT, (1, 1, 5)]),
    Row("pad 1", [(8, 6, 6)], (8, 8, 8), field=[(1, 1, -1)] * 2),
    Row("pad 5 mode=reflect", [(8, 6, 6)], (8, 16, 16), field=[(1, 1, -5)] * 2),
    Row("pad 7 mode=replicate", [(8, 6, 6)], (8, 20, 20), field=[(1, 1, -7)] * 2),
    Row("pad (6,2) mode=circular", [(8, 6, 6)], (8, 14, 14), field=MIXED),
    Row("pad (0,1)", [(8, 6, 6)], (8, 7, 7), field=[POINT] * 2),
    Row("pad (2,1) axis=2", [(8, 6, 6)], (8, 6, 9), field=[POINT, (1, 1, -2)]),
    Row("pad (4,4) axis=0", [(8, 6, 6)], (16, 6, 6), field=[POINT] * 2),
    Row("pad 3 axis=1", [(8, 6)], (8, 12), field=[(1, 1, -3)]),
    Row("upsample 2", [(8, 5, 5)], (8, 10, 10), field=[(1, HALF, 0)] * 2),
    Row("upsample 2x3 mode=nearest", [(8, 5, 5)], (8, 10, 15), field=[(1, HALF, 0), (1, THIRD, 0)]),
    # interpolation reads 2 neighbours an axis: 2 products and 1 sum, 4 and 3, 8 and 7. The first output lies before the
    # first input
    Row("upsample 2 mode=bilinear", [(8, 5)], (8, 10), elementwise=8 * 10 * (2 + 1), field=[(2, HALF, -1)]),
    Row(
        "upsample 2 mode=bilinear",
        [(8, 5, 5)],
        (8, 10, 10),
        elementwise=8 * 10 * 10 * (4 + 3),
        field=[(2, HALF, -1)] * 2,
    ),
    Row(
        "upsample 3 mode=bilinear",
        [(8, 5, 5)],
        (8, 15, 15),
        elementwise=8 * 15 * 15 * (4 + 3),
        field=[(2, THIRD, -1)] * 2,
    ),
    Row(
        "upsample 4 mode=bilinear",
        [(1, 2, 2, 2)],
        (1, 8, 8, 8),
        elementwise=8 * 8 * 8 * (8 + 7),
        field=[(2, Fraction(1, 4), -1)] * 3,
    ),
    Row("channel_shuffle 4", [(8, 5, 5)], (8, 5, 5), field=[POINT] * 2),
    Row("pixel_shuffle 2", [(8, 5, 5)], (2, 10, 10), field=[(1, HALF, 0)] * 2),
    Row("pixel_shuffle 3", [(6, 5)], (2, 15), field=[(1, THIRD, 0)]),
    Row("pixel_unshuffle 2", [(2, 10, 8)], (8, 5, 4), field=[(2, 2, 0)] * 2),
    Row("pixel_unshuffle 2", [(1, 4, 4, 4)], (8, 2, 2, 2), field=[(2, 2, 0)] * 3),
]

# what a spec says of a layer is what counts
OPAQUE = [
    Row("opaque 8 5 5 params=12 macs=900 elementwise=30", [(4, 10, 10)], (8, 5, 5), 12, 900, 30),
    Row("opaque 4 10 10 buffers=3 sees=here kind=inplace", [(4, 10, 10)], (4, 10, 10), field=[POINT] * 2, buffers=3),
    Row("opaque 7 params=(3*5) sees=unknown kind=layer", [(4, 10), (2, 3)], (7,), 15, field=MIXED),
]

ROWS = [*CONVOLUTIONS, *POOLS, *DENSE, *NORMALIZATIONS, *ACTIVATIONS, *MERGES, *RESHAPING, *OPAQUE]


class Held(NamedTuple):
    """What a layer holds: elements inside, the inputs that it keeps and whether its output, and (bytes, of a number,
    how many) of its own; whether its output stands in its input's memory. Gradients of all inputs and weights are
    wanted.
    """

    line: str
    inputs: list[Shape]
    inside: int = 0
    keeps: tuple[int, ...] = ()
    output: bool = False
    own: tuple[tuple[int, int], ...] = ()
    shows: bool = False

    def __str__(self) -> str:
        return f"{self.line} on {' and '.join('x'.join(map(str, shape)) for shape in self.inputs)}"


FP32, INT64 = 4, 8
MAP: list[Shape] = [(8, 6, 6)]
HELD = [  # as torch 2.14.1 saves it: `saved_tensors_hooks` on the meta device
    Held(
        "relative_positions 4x2 2x2 token=1",
        [(2, 9, 5), (2, 3, 9)],
        inside=2 * 8 * (2 + 2) + 2 * 8 * 4,
        own=(
            *((INT64, 4 * 2), (FP32, 4 * 2 * 3), (FP32, 2 * 3 * 8)),
            *((INT64, 2 * 2), (FP32, 2 * 2 * 3), (FP32, 2 * 3 * 8)),
        ),
        shows=True,
    ),
    Held("reshape 2 4 copy", [(8,)]),
    Held("conv 4 3x3", MAP, keeps=(0,)),
    Held("dwconv 3x3", MAP, keeps=(0,)),
    Held("local 4 3x3", MAP, keeps=(0,)),
    Held("conv_transpose 4 3x3", MAP, keeps=(0,)),
    Held("linear 4", [(8,)], keeps=(0,)),
    Held("matmul", [(5, 6), (6, 3)], keeps=(0, 1)),
    # windows of 64 positions, 7*7 distances, 16*16 pairs; lengths before and after the least, of queries and keys
    Held(
        "attention 2 window=4x4 bias=relative hidden=5 cosine",
        [(8, 5, 6)],
        inside=3 * 64 * 8 + 2 * 64 * 16,
        own=(
            *((FP32, 64 * 8), (FP32, 49 * 5), (FP32, 2 * 16 * 16), (FP32, 3 * 64 * 8), (FP32, 2 * 2 * 64 * 2)),
            *((FP32, 3 * 64 * 8), (FP32, 64 * 8), (FP32, 2 * 64 * 16), (FP32, 2), (FP32, 2 * 64 * 16)),
        ),
    ),
    Held(
        "attention 2",
        [(8, 10)],
        inside=3 * 8 * 10 + 2 * 10 * 10,
        keeps=(0,),
        own=((FP32, 8 * 10), (FP32, 3 * 8 * 10), (FP32, 2 * 10 * 10), (FP32, 8 * 10)),
    ),
    Held(
        "attention 2",
        [(8, 10), (6, 7)],
        inside=8 * 10 + 2 * 8 * 7 + 2 * 10 * 7,
        keeps=(0, 1),
        own=((FP32, 8 * 10), (FP32, 2 * 8 * 7), (FP32, 2 * 10 * 7), (FP32, 8 * 10)),
    ),
    Held(
        "attention 2 fused",
        [(8, 10)],
        inside=3 * 8 * 10 + 8 * 10,
        keeps=(0,),
        own=((FP32, 3 * 8 * 10), (FP32, 2 * 10), (FP32, 8 * 10)),
    ),
    Held(
        "moe 8 top=2: [linear 12 bias=false, relu, linear 6 bias=false]",
        [(6, 5)],
        inside=8 * 5 + 2 * (12 + 12) * 5,
        keeps=(0,),
        own=((FP32, 8 * 5), (FP32, 2 * 6 * 5), (FP32, 2 * 12 * 5), (FP32, 2 * 12 * 5)),
    ),
    Held("embedding 20 4", [(7,)], own=((INT64, 7),)),
    Held("rnn 16", [(8, 10)], inside=16 * 10 + 16 + 16, keeps=(0,), own=((FP32, 16 * 10 + 16),)),
    Held("lstm 16", [(8, 10)], inside=4 * 16 * 10 + 4 * 16 + 2 * 16, keeps=(0,), own=((FP32, 7 * 16 * 10),)),
    Held(
        "gru 16 layers=3 bidirectional",
        [(8, 10)],
        inside=3 * 16 * 10 + 3 * 16 + 16 + 2 * 10 * 2 * 16,
        keeps=(0,),
        own=((FP32, 3 * 7 * 10 * 2 * 16 + 2 * 10 * 2 * 16),),
    ),
    Held("maxpool 2x2", MAP, keeps=(0,), own=((INT64, 8 * 3 * 3),)),
    Held("avgpool 2x2", MAP, keeps=(0,)),
    Held("gap", MAP),
    Held("gmp", MAP, keeps=(0,), own=((INT64, 8),)),
    Held("bn", MAP, keeps=(0,), own=((FP32, 2 * 8),)),
    Held("ln", [(8, 5)], keeps=(0,), own=((FP32, 2 * 5),)),
    Held("ln axis=-1", [(5, 8)], keeps=(0,), own=((FP32, 2 * 5),)),
    Held("gn 4", MAP, keeps=(0,), own=((FP32, 2 * 4),)),
    Held("rmsnorm axis=-1", [(5, 8)], keeps=(0,), own=((FP32, 5), (FP32, 5 * 8))),
    Held("l2norm", [(8, 5)], keeps=(0,), own=((FP32, 2 * 5),)),
    Held("grn", MAP, keeps=(0,), own=((FP32, 2 * 8 + 1), (FP32, 8 * 6 * 6))),
    Held("instancenorm", MAP, keeps=(0,), own=((FP32, 2 * 8), (FP32, 8))),
    Held("table 3 4", MAP),
    Held("abs", MAP, keeps=(0,)),
    Held("glu", MAP, keeps=(0,)),
    Held("glu silu", MAP, keeps=(0,), own=((FP32, 4 * 6 * 6),)),
    Held("roll 1", MAP),
    Held("resize 3", MAP),
    Held("adaptive_avgpool 3", MAP, keeps=(0,)),
    Held("lrn 5", MAP, keeps=(0,), own=((FP32, (8 + 5 - 1) * 6 * 6), (FP32, 2 * 8 * 6 * 6))),
    Held("scale", MAP, keeps=(0,)),
    Held("position", MAP),
    Held("token", [(8, 5)]),
    *[Held(word, MAP, output=True) for word in ("relu", "sigmoid", "tanh", "softmax")],
    *[Held(f"{word} inplace", MAP, output=True, shows=True) for word in ("relu", "sigmoid", "tanh")],
    *[
        Held(word, MAP, keeps=(0,))
        for word in (
            *("relu6", "leaky_relu", "elu", "selu", "silu", "mish", "hardsigmoid", "hardswish", "gelu", "softplus"),
            "prelu",
        )
    ],
    *[Held(f"{word} inplace", MAP, output=True, shows=True) for word in ("leaky_relu", "elu", "selu")],
    *[
        Held(f"{word} inplace", MAP, own=((FP32, 8 * 6 * 6),), shows=True)
        for word in ("relu6", "silu", "mish", "hardsigmoid", "hardswish", "gelu", "softplus")
    ],
    Held("dropout 0.5", MAP, own=((FP32, 8 * 6 * 6),)),
    Held("dropout 0.5 inplace", MAP, own=((FP32, 8 * 6 * 6),), shows=True),
    Held("dropout 0", MAP, shows=True),
    Held("dropout 1", MAP),
    Held("add", [*MAP, *MAP]),
    Held("sub", [*MAP, *MAP]),
    Held("mean", [*MAP, *MAP]),
    Held("concat", [*MAP, *MAP]),
    Held("mul", [*MAP, (8,)], keeps=(0, 1)),
    Held("mul", [(8,), *MAP, *MAP], keeps=(0, 1, 2), own=((FP32, 8 * 6 * 6),)),
    Held("maximum", [*MAP, *MAP], keeps=(0, 1)),
    Held("maximum", [*MAP, *MAP, *MAP], keeps=(0, 1, 2), own=((FP32, 8 * 6 * 6),)),
    *[
        Held(line, MAP, shows=True)
        for line in ("flatten", "reshape 6 8 6", "permute 1 0 2", "slice 2 5", "slice 1 3 axis=1")
    ],
    *[Held(f"pad 1 mode={mode}", MAP, keeps=(0,)) for mode in ("reflect", "replicate")],
    Held("pad 1 mode=circular", MAP),
    *[Held(line, MAP) for line in ("pad 1", "upsample 2", "channel_shuffle 2", "pixel_shuffle 2", "pixel_unshuffle 2")],
    Held("opaque 8", [*MAP, (3,)], keeps=(0, 1)),
    Held("opaque 8 inside=100", MAP, inside=100, keeps=(0,)),
    Held("opaque 36 8 kind=view", MAP, shows=True),
]


def spec_text(line: str, inputs: list[Shape]) -> str:
    """A network of one layer called `layer`; several inputs are its branches."""
    shapes = ", ".join(f"input{n}: [{', '.join(map(str, shape))}]" for n, shape in enumerate(inputs))
    body = ": [" in line
    layer = (
        f"layer: {{{line}}}"
        if body
        else f"layer: '{line}'"
        if len(inputs) == 1
        else f"layer: {{'{line}': [{', '.join(f'ref input{n}' for n in range(len(inputs)))}]}}"
    )
    return f"archcalc: 1\nname: row\ninputs: {{{shapes}}}\nlayers:\n  - {layer}\n"


def table_of(line: str, inputs: list[Shape]) -> Table:
    spec = read_spec(spec_text(line, inputs), "row.yaml")
    binding = bind(spec)
    return Table(spec, None, binding, build(spec, binding))


def spelled(field: Field | None) -> list[Axis] | str:
    """A field as a row writes it."""
    if field is None:
        return UNSEEN
    if field.reach is not Reach.PASS:
        return {Reach.ALL: ALL, Reach.MIXED: MIXED}[field.reach]
    spans = []
    for span in field.spans:
        assert isinstance(span.size, int)
        spans.append((span.size, span.stride, span.start))
    return spans


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_layer_costs_what_is_worked_out_by_hand(row: Row) -> None:
    (found,) = table_of(row.line, row.inputs).rows
    assert found.op == row.word
    field = spelled(found.field.get("input0"))
    assert (found.shape, found.params, found.macs, found.elementwise, field, found.buffers) == row[2:]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_canonical_line_reads_back_as_the_same_layer(row: Row) -> None:
    op = table_of(row.line, row.inputs).graph.nodes[-1].op
    for written in (op.line(), op.signature):
        again = table_of(written, row.inputs).graph.nodes[-1]
        assert (op, row.shape) == (again.op, again.shape), written


@pytest.mark.parametrize("held", HELD, ids=str)
def test_a_layer_holds_what_is_worked_out_by_hand(held: Held) -> None:
    graph = table_of(held.line, held.inputs).graph
    node = graph.nodes[-1]
    shapes = graph.shapes_into(node)
    saved = node.op.saves(node.shape, *shapes, dx=[True] * len(shapes), dw=bool(node.op.weights(*shapes)))
    own = tuple((tensor.width or FP32, tensor.elements) for tensor in saved.own)
    assert node.op.inside(node.shape, *shapes) == held.inside
    assert (saved.inputs, saved.output, own, saved.shows) == (held.keeps, held.output, held.own, held.shows)


def test_every_operator_says_what_it_holds() -> None:
    assert {held.line.split()[0] for held in HELD} == set(OPS)


def test_every_operator_has_a_row() -> None:
    assert sorted(OPS) == sorted({row.word for row in ROWS})


def test_a_layer_without_spatial_axes_sees_all_of_a_vector() -> None:
    (found,) = table_of("linear 10", [(84,)]).rows
    assert Reach.ALL is found.field["input0"].reach


def test_each_input_of_a_merge_has_a_field() -> None:
    (found,) = table_of("concat", [(8, 5), (4, 5)]).rows
    assert {name: spelled(field) for name, field in found.field.items()} == {"input0": [POINT], "input1": [POINT]}


def test_flops_are_two_a_multiply_accumulate_and_the_elementwise_operations() -> None:
    (found,) = table_of("conv 8 3x3", [(4, 6, 6)]).rows
    assert found.flops == 2 * (8 * 6 * 6 * 4 * 3 * 3) + 8 * 6 * 6


IMAGE: Shape = (4, 10, 10)
STEPS: Shape = (64, 10)
VECTOR: Shape = (4,)

MISTAKES: list[tuple[str, list[Shape], str]] = [
    ("rmsnorm axis=3", [(8, 6, 6)], "axis must be 0 for the first axis or -1 for the last, got 3"),
    ("l2norm 3", [MAP], "there is no place for '3'"),
    ("grn", [(8,)], "grn needs an input of 2 to 4 axes"),
    ("instancenorm", [(8,)], "instancenorm needs an input of 2 to 4 axes"),
    ("table", [(8, 6, 6)], "table: shape is missing"),
    ("abs 3", [MAP], "there is no place for '3'"),
    ("glu", [(7, 4)], "glu halves the channels, and 7 is odd"),
    ("glu tan", [(8,)], "act must be one of"),
    ("roll 1x2x3", [(4, 5, 6)], "roll has 3 numbers for 2 spatial axes"),
    ("resize 5x6x7", [(4, 5, 6)], "to has 3 numbers for 2 spatial axes"),
    ("adaptive_avgpool 0", [(4, 5, 6)], "to must be a positive whole number, got 0"),
    ("conv 8", [IMAGE], "conv needs kernel: `conv OUT KERNEL`"),
    ("conv 0 3x3", [IMAGE], "conv: out must be a positive whole number, got 0"),
    ("conv 8 (0,3)", [IMAGE], "conv: kernel must be a positive whole number, got 0"),
    ("conv 8 0x3", [IMAGE], "conv: kernel must be a positive whole number, got 0"),
    ("conv 8 3x3x3", [IMAGE], "kernel has 3 numbers for 2 spatial axes"),
    ("conv 8 3x3 4", [IMAGE], "conv takes OUT KERNEL: there is no place for '4'"),
    ("conv 8 3x3 out=4", [IMAGE], "conv: 'out' is given twice"),
    ("conv 8 3x3 stride=0", [IMAGE], "conv: stride must be a positive whole number, got 0"),
    ("conv 8 3x3 stride=1x2x3", [IMAGE], "stride has 3 numbers for 2 spatial axes"),
    ("conv 8 3x3 strides=2", [IMAGE], "conv has no option 'strides'; did you mean 'stride'?"),
    ("conv 8 3x3 stride=2 stride=2", [IMAGE], "option 'stride' is given twice"),
    ("conv 8 3x3 dilation=0", [IMAGE], "conv: dilation must be a positive whole number, got 0"),
    ("conv 8 3x3 groups=3", [IMAGE], "conv: groups=3 does not divide 4 input channels"),
    ("conv 9 3x3 groups=2", [IMAGE], "conv: groups=2 does not divide 9 output channels"),
    ("conv 8 3x3 pad=-1", [IMAGE], "conv: pad must be a whole number, 0 or more, got -1"),
    (
        "conv 8 3x3 pad=nearest",
        [IMAGE],
        "conv: pad must be same, valid, full, causal, a whole number or a tuple, got nearest",
    ),
    ("conv 8 3x3 pad=(1,2,3)", [IMAGE], "pad has 3 numbers for 2 spatial axes"),
    ("conv 8 3x3 pad=((1,2,3),0)", [IMAGE], "conv: pad must be (before, after) an axis, got (1, 2, 3)"),
    ("conv 8 3x3 bias=1", [IMAGE], "conv: bias must be true or false, got 1"),
    ("conv 8 11x11 pad=0", [IMAGE], "conv: the output would be empty: a window of 11 on 10 + 0 + 0 of padding"),
    ("conv 8 3x3", [VECTOR], "conv needs an input of 2 to 4 axes (channels first), got 4"),
    ("dwconv 3x3 multiplier=0", [IMAGE], "dwconv: multiplier must be a positive whole number, got 0"),
    ("dwconv 3x3 groups=2", [IMAGE], "dwconv has no option 'groups'"),
    ("local 8 3x3 groups=3", [IMAGE], "local: groups=3 does not divide 4 input channels"),
    ("conv_transpose 9 3x3 groups=2", [IMAGE], "conv_transpose: groups=2 does not divide 9 output channels"),
    (
        "conv_transpose 8 1 stride=2 pad=same",
        [IMAGE],
        "conv_transpose: pad=same needs a window of at least the stride 2",
    ),
    ("conv_transpose 8 3x3 output_pad=1/2", [IMAGE], "conv_transpose: output_pad must be a whole number, got 0.5"),
    ("conv_transpose 8 3 pad=9", [(4, 3)], "conv_transpose: the output would be 8x-13, from 4x3"),
    ("maxpool", [IMAGE], "maxpool needs kernel: `maxpool KERNEL`"),
    ("maxpool 3x3 ceil=1", [IMAGE], "maxpool: ceil must be true or false, got 1"),
    ("maxpool 12x12 pad=0", [IMAGE], "maxpool: the output would be empty: a window of 12 on 10 + 0 + 0 of padding"),
    ("avgpool 3x3 dilation=-1", [IMAGE], "avgpool: dilation must be a positive whole number, got -1"),
    ("gap keepdims=3", [IMAGE], "gap: keepdims must be true or false, got 3"),
    ("gmp", [VECTOR], "gmp needs an input of 2 to 4 axes (channels first), got 4"),
    (
        "linear 10",
        [IMAGE],
        "linear needs an input of 1 to 2 axes (channels first), got 4x10x10; put `flatten` or `gap` before it",
    ),
    ("linear 10 bias=0", [VECTOR], "linear: bias must be true or false, got 0"),
    ("matmul", [(4, 6), (5, 6)], "matmul: 4x6 and 5x6 don't fit"),
    ("matmul", [(2, 4, 6), (3, 6, 5)], "matmul: 2x4x6 and 3x6x5 don't fit"),
    ("maxpool 2x2 pad=2", [IMAGE], "maxpool: pad=2 leaves windows of 2 in the padding alone"),
    ("maxpool 3 stride=1 dilation=2 pad=((0,5),)", [(4, 10)], "leaves windows of 3 in the padding alone"),
    ("matmul", [(4, 6)], "matmul takes a list of branches"),
    ("matmul", [(4, 6), (6, 5), (5, 4)], "matmul takes 2 branches, got 3"),
    ("attention 3", [STEPS], "attention: heads=3 does not divide the width 64"),
    ("attention 4 kv_heads=3", [STEPS], "attention: kv_heads=3 does not divide heads=4"),
    ("attention 4 dim=0", [STEPS], "attention: dim must be a positive whole number, got 0"),
    (
        "attention 4",
        [STEPS, (64, 8), (64, 9)],
        "attention: keys 64x8 and values 64x9 have different numbers of positions",
    ),
    ("attention 4", [STEPS] * 4, "attention takes 1 to 3 branches, got 4"),
    ("moe 8 top=2", [STEPS], "moe takes a list of layers: `moe EXPERTS: [linear 64, relu]`"),
    ("moe 8 top=9: [linear 64]", [STEPS], "moe: top=9 of 8 experts"),
    ("moe 8: [linear 64, gap]", [STEPS], "moe: an expert keeps the positions that arrive"),
    ("moe 8: []", [STEPS], "moe takes a chain of layers"),
    ("moe 8: [add: [identity, linear 64]]", [STEPS], "moe takes a chain of layers with weights of their own"),
    ("attention 4 bias=kq", [STEPS], "attention: bias must be true, false, relative, or some of q, k, v and out"),
    ("attention 4 causal=most", [STEPS], "attention: causal must be true, false or half, got most"),
    ("attention 4 causal", [STEPS, STEPS], "attention: causal is for attention of one input to itself"),
    ("attention 4 shift=2", [STEPS], "attention: shift moves the windows of `window=`, and there are none"),
    ("attention 4 window=3x3", [STEPS], "attention: a window of two sides takes a map, or a square of tokens, not 10"),
    ("attention 4 window=3", [(64, 4, 4)], "attention: window has 1 sides for 2 axes of positions"),
    ("attention 4 window=3x3 causal", [(64, 4, 4)], "attention: a causal window is one number"),
    ("attention 4 latent=8", [STEPS], "attention: latent needs `rope=` features that turn"),
    ("attention 4 hidden=8", [STEPS], "attention: hidden goes with `bias=relative`"),
    ("attention 4 hidden=8 relative=32", [STEPS], "attention: hidden goes with `bias=relative`"),
    ("attention 4 cosine qk_norm", [STEPS], "attention: cosine norms queries and keys itself"),
    ("attention 4 cosine latent=8 rope=2", [STEPS], "attention: latent takes neither hidden nor cosine"),
    ("attention 4 q_latent=8", [STEPS], "attention: q_latent goes with latent"),
    ("attention 4 cache=-1", [STEPS], "attention: cache must be a whole number, 0 or more, got -1"),
    ("attention 4 window=2 cache=2", [STEPS], "attention: a cache goes with all earlier positions"),
    ("attention 4 rope=3", [STEPS], "attention: rope turns pairs of a head's features, not 3"),
    ("attention 4", [VECTOR], "attention needs an input of 2 to 4 axes"),
    ("relative_positions 4 4x4", [(2, 4, 4), (2, 3, 4)], "relative_positions: 1 axes of queries and 2 of keys"),
    ("relative_positions 4 4", [(2, 4, 5), (2, 3, 4)], "relative_positions: scores are heads x 4 x 4, got 2x4x5"),
    ("relative_positions 4 4", [(2, 4, 4), (3, 3, 4)], "relative_positions: queries are 2 x width x 4, got 3x3x4"),
    ("embedding 1000", [(20,)], "embedding needs dim: `embedding VOCAB DIM`"),
    ("embedding 10 8", [(2, 2, 2, 2)], "embedding needs an input of 1 to 3 axes"),
    ("lstm 8 layers=0", [STEPS], "lstm: layers must be a positive whole number, got 0"),
    ("lstm 8 bidirectional=2", [STEPS], "lstm: bidirectional must be true or false, got 2"),
    ("gru 8 sequence=2", [STEPS], "gru: sequence must be true or false, got 2"),
    ("rnn 8", [IMAGE], "rnn needs an input of 2 axes (channels first), got 4x10x10; features, then steps"),
    ("bn scale=2", [IMAGE], "bn: scale must be true or false, got 2"),
    ("ln eps=1", [IMAGE], "ln has no option 'eps'"),
    ("gn 3", [IMAGE], "gn: groups=3 does not divide 4 channels"),
    ("lrn 0", [IMAGE], "lrn: size must be a positive whole number, got 0"),
    ("lrn", [VECTOR], "lrn needs an input of 2 to 4 axes"),
    ("scale shift=2", [IMAGE], "scale: shift must be true or false, got 2"),
    ("position rows=9", [STEPS], "position has 9 rows, and the last of 10 positions is number 10"),
    ("position 3", [IMAGE], "there is no place for '3'"),
    ("token 0", [STEPS], "token: count must be a positive whole number, got 0"),
    ("token", [IMAGE], "token needs an input of 2 axes"),
    ("leaky_relu slope=2", [IMAGE], "leaky_relu: slope must be a number between 0 and 1, got 2"),
    ("prelu slope=1", [IMAGE], "prelu has no option 'slope'"),
    ("softmax axis=1", [IMAGE], "softmax: axis must be 0 for the first axis or -1 for the last, got 1"),
    ("opaque 8 macs=x", [IMAGE], "unknown name"),
    ("opaque 8 sees=far", [IMAGE], "opaque: sees must be one of everything, here, unknown; got far"),
    ("dropout 0.5 2", [IMAGE], "dropout takes P: there is no place for '2'"),
    ("dropout 1.5", [IMAGE], "dropout: p must be a number between 0 and 1, got 1.5"),
    ("add", [IMAGE], "add takes a list of branches"),
    ("mul", [IMAGE, (5,)], "mul: branches disagree: 4x10x10 and 5"),
    ("concat", [IMAGE, (4, 9, 10)], "concat: branches disagree: 4x10x10 and 4x9x10 can only differ in axis 0"),
    ("concat axis=3", [IMAGE, IMAGE], "concat: axis=3 is not an axis of 4x10x10"),
    ("flatten start=3", [IMAGE], "flatten: start=3 is not an axis of 4x10x10"),
    ("reshape", [IMAGE], "reshape: shape is missing"),
    ("reshape 3 -1", [IMAGE], "reshape: 4x10x10 has 400 elements, which 3 does not divide"),
    ("reshape -1 -1", [IMAGE], "reshape: only one size may be -1"),
    ("reshape 4 10", [IMAGE], "reshape: 4x10x10 has 400 elements, 4x10 has 40"),
    ("permute 0 0 1", [IMAGE], "permute: (0, 0, 1) is not an order of the 3 axes of 4x10x10"),
    ("slice 0", [IMAGE], "slice needs stop: `slice START STOP`"),
    ("slice 0 5", [IMAGE], "slice: 0 to 5 is not within the 4 of axis 0"),
    ("slice 3 3", [IMAGE], "slice: 3 to 3 is not within the 4 of axis 0"),
    ("slice 0 2 axis=3", [IMAGE], "slice: axis=3 is not an axis of 4x10x10"),
    ("slice 0 2 step=0", [IMAGE], "slice: step must be a positive whole number, got 0"),
    ("pad (1,2,3)", [IMAGE], "pad: (1, 2, 3) is not a number or (before, after)"),
    ("pad 1 axis=3", [IMAGE], "pad: axis=3 is not an axis of 4x10x10"),
    ("pad 10 mode=reflect", [IMAGE], "pad: reflect needs 11 positions, and axis 1 has 10"),
    ("pad (0,11) mode=circular", [IMAGE], "pad: circular needs 11 positions, and axis 1 has 10"),
    ("pad 1 mode=edge", [IMAGE], "pad: mode must be one of zeros, reflect, replicate, circular; got edge"),
    ("pad 1/2", [IMAGE], "pad: amount must be a whole number, got 0.5"),
    ("upsample 0", [IMAGE], "upsample: scale must be a positive whole number, got 0"),
    ("upsample 2 mode=same", [IMAGE], "upsample: mode must be one of nearest, bilinear; got same"),
    ("upsample 2x2x2", [IMAGE], "scale has 3 numbers for 2 spatial axes"),
    ("channel_shuffle 3", [IMAGE], "channel_shuffle: groups=3 does not divide 4 channels"),
    ("pixel_shuffle 3", [IMAGE], "pixel_shuffle: 9 does not divide 4 channels"),
    ("pixel_unshuffle 3", [IMAGE], "pixel_unshuffle: 3 does not divide every side of 4x10x10"),
]
MISTAKES += [
    (f"{word} 3", [IMAGE], f"{word} takes nothing without its key: there is no place for '3'")
    for word in OPERATIONS_AN_ELEMENT
    if word != "leaky_relu"
]
MISTAKES += [
    (word, [IMAGE, (4, 9, 10)], f"{word}: branches disagree: 4x10x10 and 4x9x10")
    for word in ("add", "sub", "mul", "maximum", "mean")
]


@pytest.mark.parametrize(("line", "inputs", "message"), MISTAKES)
def test_a_mistake_is_named_where_it_stands(line: str, inputs: list[Shape], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        table_of(line, inputs)
    (problem,) = caught.value.problems
    assert message in problem.message
    assert problem.mark is not None
    assert problem.mark.line == 5


def test_every_operator_has_a_mistake() -> None:
    assert sorted(OPS) == sorted({line.split()[0] for line, _, _ in MISTAKES})


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_any_number_of_axes_has_a_shape_or_a_reason(row: Row) -> None:
    """Files of strangers ask for all of them: nothing but our own errors comes of it."""
    op = table_of(row.line, row.inputs).graph.nodes[-1].op
    for shape in ((), (5,), (5, 4), (5, 4, 3), (5, 4, 3, 2), (5, 4, 3, 2, 2), (1,) * 7):
        with suppress(ArchcalcError):
            op.shape(*[shape] * len(row.inputs))
