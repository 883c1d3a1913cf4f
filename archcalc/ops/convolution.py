"""Convolutions: shared, grouped, depthwise, transposed, and locally connected."""

from archcalc.algebra import Dim, divides
from archcalc.errors import ShapeError
from archcalc.ops.base import Count, Counts, Flag, Op, Padding, Shape, Size, Sizes, Whole, Window, need_rank, size, spread
from archcalc.ops.windowed import Windowed


def _per_group(word: str, channels: Dim, groups: Dim, what: str) -> Dim:
    if not isinstance(groups, int):
        raise ShapeError(f"{word}: groups must be a number, and `{groups}` is free")
    if not divides(groups, channels):
        raise ShapeError(f"{word}: groups={groups} does not divide {channels} {what} channels")
    return channels // groups


class _Convolution(Windowed):
    """What convolutions share: `bias` adds one learned number an output channel."""

    is_layer = True
    bias: Flag = True

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        """Every output element is a dot product with one filter."""
        return size(output) * size(self.weights(*inputs)["weight"][1:])

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(output) if self.bias else 0

    def _with_bias(self, weight: Shape, channels: Shape) -> dict[str, Shape]:
        return {"weight": weight, "bias": channels} if self.bias else {"weight": weight}


class Conv(_Convolution):
    """Convolution: `out` filters of `cin/groups` channels."""

    word = "conv"
    positional = ("out", "kernel")

    out: Size
    groups: Count = 1

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        spatial = self.spatial(x)
        _per_group(self.word, x[0], self.groups, "input")
        _per_group(self.word, self.out, self.groups, "output")
        return (self.out, *spatial)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        (x,) = inputs
        return self._with_bias((self.out, x[0] // self.groups, *spread(self.kernel, len(x) - 1, "kernel")), (self.out,))


class DepthwiseConv(_Convolution):
    """Depthwise convolution: each channel has `multiplier` filters of its own."""

    word = "dwconv"
    positional = ("kernel",)

    multiplier: Size = 1

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return (x[0] * self.multiplier, *self.spatial(x))

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        (x,) = inputs
        out = x[0] * self.multiplier
        return self._with_bias((out, 1, *spread(self.kernel, len(x) - 1, "kernel")), (out,))


class Local(Conv):
    """Locally connected layer: a convolution whose filters are not shared between positions.

    Weights `positions x out x cin/groups x kernel`; the bias is one number an output element.
    """

    word = "local"

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        (x,) = inputs
        output = self.shape(x)
        return self._with_bias((*output[1:], self.out, x[0] // self.groups, *spread(self.kernel, len(x) - 1, "kernel")), output)

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        """Every weight is used once."""
        return size(self.weights(*inputs)["weight"])


class ConvTranspose(Op):
    """Transposed convolution: output `(size-1)*stride - pads + dilation*(kernel-1) + 1 + output_pad`.

    `pad=same` gives `size*stride`. Every input element meets every weight of its channel: MACs are counted at the input's size.
    """

    word = "conv_transpose"
    positional = ("out", "kernel")
    is_layer = True

    out: Size
    kernel: Sizes
    stride: Counts = 1
    dilation: Counts = 1
    pad: Padding = None
    output_pad: Whole = 0
    groups: Count = 1
    bias: Flag = True

    def _axes(self, x: Shape) -> list[tuple[Dim, Dim, int, int, Dim, Dim]]:
        """(size, kernel, stride, dilation, cropped before, cropped after) of each spatial axis."""
        need_rank(self.word, x, 2, 4, "1 for the channels and 1 to 3 spatial")
        rank = len(x) - 1
        rows = []
        for dim, kernel, stride, dilation, pad in zip(
            x[1:],
            spread(self.kernel, rank, "kernel"),
            spread(self.stride, rank, "stride"),
            spread(self.dilation, rank, "dilation"),
            spread(self.pad, rank, "pad"),
            strict=True,
        ):
            reach = dilation * (kernel - 1)
            if pad == "same":
                total = reach + 1 - stride
                if isinstance(total, int) and total < 0:
                    raise ShapeError(f"{self.word}: pad=same needs a window of at least the stride {stride}")
                before, after = total // 2, total - total // 2
            elif isinstance(pad, tuple):
                before, after = pad
            else:
                before = after = {None: reach // 2, "valid": 0, "full": reach}.get(pad, pad) if not isinstance(pad, int) else pad
            rows.append((dim, kernel, stride, dilation, before, after))
        return rows

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        rows = self._axes(x)
        if isinstance(self.output_pad, int) and any(self.output_pad >= max(stride, dilation) for _, _, stride, dilation, _, _ in rows):
            raise ShapeError(f"{self.word}: output_pad={self.output_pad} must be less than the stride or the dilation")
        _per_group(self.word, x[0], self.groups, "input")
        _per_group(self.word, self.out, self.groups, "output")
        return (
            self.out,
            *((dim - 1) * stride - before - after + dilation * (kernel - 1) + 1 + self.output_pad for dim, kernel, stride, dilation, before, after in rows),
        )

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        (x,) = inputs
        weight = (x[0], self.out // self.groups, *spread(self.kernel, len(x) - 1, "kernel"))
        return {"weight": weight, "bias": (self.out,)} if self.bias else {"weight": weight}

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        (x,) = inputs
        return size(x) * size(self.weights(x)["weight"][1:])

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(output) if self.bias else 0

    def windows(self, *inputs: Shape) -> tuple[Window, ...]:
        """Output `o` reads the inputs `(o + before - t*dilation) / stride`, where that is whole."""
        (x,) = inputs
        return tuple(Window(kernel, 1, dilation, dilation * (kernel - 1) - before, stride) for _, kernel, stride, dilation, before, _ in self._axes(x))
