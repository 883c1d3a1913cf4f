"""What slides over a map: the geometry that convolutions and pools share."""

from collections.abc import Sequence

from archcalc.algebra import Dim, Poly, maximum, minimum
from archcalc.errors import ShapeError
from archcalc.ops.base import Plain, Shape, Window, need_rank
from archcalc.ops.emit import Builder, Tensor, Value
from archcalc.ops.kinds import Counts, Padding, Sizes, spread
from archcalc.untyped import Attribute


class Windowed(Plain):
    """A kernel that slides over 1, 2 or 3 spatial axes: the rank is read off the input.

    The default padding is `dilation*(kernel-1)//2`, which keeps the size at stride 1 and an odd kernel. `pad=same` is
    TensorFlow's rule (output `ceil(input/stride)`, the odd pixel after), `valid` is none, `full` is
    `dilation*(kernel-1)`, and `causal` is as much before the one axis and none after it. `(before,after)`
    pairs stand one an axis; on one axis a pair may stand alone.
    """

    kernel: Sizes
    stride: Counts | None = 1
    dilation: Counts = 1
    pad: Padding = None

    def axes(self, x: Shape) -> list[tuple[Dim, Dim, int, int]]:
        """(size, kernel, stride, dilation) of each spatial axis."""
        need_rank(self.word, x, 2, 4, "1 for the channels and 1 to 3 spatial")
        rank = len(x) - 1
        stride = self.kernel if self.stride is None else self.stride
        return list(
            zip(
                x[1:],
                spread(self.kernel, rank, "kernel"),
                spread(stride, rank, "stride"),
                spread(self.dilation, rank, "dilation"),
                strict=True,
            )
        )

    def padding(self, x: Shape) -> list[tuple[Dim, Dim]]:
        """(before, after) of each spatial axis."""
        if self.pad == "causal" and len(x) > 2:
            raise ShapeError(f"pad=causal is for one axis, got {len(x) - 1}; give each its own: pad=((2,0),(1,1))")
        pad = (self.pad,) if is_pair(self.pad) and len(x) == 2 else self.pad
        return [_pad(pad, *axis) for pad, axis in zip(spread(pad, len(x) - 1, "pad"), self.axes(x), strict=True)]

    def spatial(self, x: Shape, ceil: bool = False) -> Shape:
        """The output's spatial sizes."""
        sizes = []
        for (size, kernel, stride, dilation), (before, after) in zip(self.axes(x), self.padding(x), strict=True):
            reach = dilation * (kernel - 1) + 1
            free = size + before + after - reach
            if not ceil and not isinstance(free, Poly) and free < 0:
                raise ShapeError(
                    f"{self.word}: the output would be empty: a window of {reach} on {size} + {before} + {after} of"
                    " padding"
                )
            if ceil:  # the last window must begin inside the input or the padding before it
                sizes.append(minimum(free + 2 * stride - 1, size + before + stride - 1) // stride)
            elif self.pad == "same":
                sizes.append((size + stride - 1) // stride)
            else:
                sizes.append(free // stride + 1)
        return tuple(sizes)

    def windows(self, *inputs: Shape) -> tuple[Window, ...]:
        (x,) = inputs
        return tuple(
            Window(kernel, stride, dilation, before)
            for (_, kernel, stride, dilation), (before, _) in zip(self.axes(x), self.padding(x), strict=True)
        )

    def geometry(self, builder: Builder, x: Tensor) -> tuple[Value, dict[str, Attribute]]:
        """The input, and how a window moves over it in ONNX's words. Padding that depends on free symbols is added
        beforehand.
        """
        pairs, rows = self.padding(x.shape), self.axes(x.shape)
        free = any(isinstance(pad, Poly) for pair in pairs for pad in pair)
        value = self.padded(builder, x) if free else x
        return value, {
            "strides": [stride for *_, stride, _ in rows],
            "dilations": [dilation for *_, dilation in rows],
            "pads": [0] * 2 * len(rows) if free else [before for before, _ in pairs] + [after for _, after in pairs],
        }

    def padded(self, builder: Builder, x: Tensor, value: float = 0) -> Value:
        """The input with its padding around it."""
        return around(builder, x, self.padding(x.shape), value)


def around(builder: Builder, x: Tensor, pairs: Sequence[tuple[Dim, Dim]], value: float = 0) -> Value:
    """A map with (before, after) elements of `value` on each spatial axis."""
    if not any(isinstance(pad, Poly) or pad for pair in pairs for pad in pair):
        return x
    befores, afters = zip(*pairs, strict=True)
    return builder.node("Pad", x, builder.ints((0, 0, *befores, 0, 0, *afters)), builder.real(value))


def is_pair(pad: object) -> bool:
    """Whether padding is two numbers: before and after where there is one axis, else one an axis."""
    return isinstance(pad, tuple) and len(pad) == 2 and not any(isinstance(part, tuple) for part in pad)


def _pad(pad: object, size: Dim, kernel: Dim, stride: int, dilation: int) -> tuple[Dim, Dim]:
    reach = dilation * (kernel - 1)
    if pad is None:
        return reach // 2, reach // 2
    if pad == "valid":
        return 0, 0
    if pad == "full":
        return reach, reach
    if pad == "causal":
        return reach, 0
    if pad == "same":
        total: Attribute = maximum(((size + stride - 1) // stride - 1) * stride + reach + 1 - size, 0)
        return total // 2, total - total // 2
    return pad if isinstance(pad, tuple) else (pad, pad)
