"""Convolutions: shared, grouped, depthwise, transposed, and locally connected."""

from collections.abc import Sequence

from archcalc.algebra import Dim, divides
from archcalc.errors import ShapeError
from archcalc.ops.base import Plain, Saved, Shape, Window, need_rank, number, reaching, size
from archcalc.ops.emit import Builder, Tensor, Value
from archcalc.ops.kinds import Count, Counts, Flag, Padding, Size, Sizes, Whole, spread
from archcalc.ops.windowed import Windowed, is_pair


def _per_group(word: str, channels: Dim, groups: Dim, what: str) -> Dim:
    if not isinstance(groups, int):
        raise ShapeError(f"{word}: groups must be a number, and `{groups}` is free")
    if not divides(groups, channels):
        raise ShapeError(f"{word}: groups={groups} does not divide {channels} {what} channels")
    return channels // groups


class _Convolution(Windowed):
    """What convolutions share: `bias` adds one learned number an output channel."""

    is_layer = True
    autocast = "half"
    bias: Flag = True

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return Saved(inputs=(0,))

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        """Every output element is a dot product with one filter."""
        return size(output) * size(self.weights(*inputs)["weight"][1:])

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(output) if self.bias else 0

    def _emit(self, builder: Builder, x: Tensor, groups: Dim) -> Value:
        learned = [builder.weight(name) for name in self.weights(x.shape)]
        kernel = spread(self.kernel, len(x.shape) - 1, "kernel")
        padded, geometry = self.geometry(builder, x)
        return builder.node("Conv", padded, *learned, kernel_shape=kernel, group=groups, **geometry)

    def _with_bias(self, weight: Shape, channels: Shape) -> dict[str, Shape]:
        return {"weight": weight, "bias": channels} if self.bias else {"weight": weight}


class Conv(_Convolution):
    """Convolution: `out` filters of `cin/groups` channels."""

    word = "conv"
    folds_norm = True
    may_pass_on = True
    has_given_weight = True
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

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        return self._emit(builder, x, self.groups)


class DepthwiseConv(_Convolution):
    """Depthwise convolution: each channel has `multiplier` filters of its own."""

    word = "dwconv"
    folds_norm = True
    may_pass_on = True
    has_given_weight = True
    positional = ("kernel",)

    multiplier: Size = 1

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        spatial = self.spatial(x)
        return (x[0] * self.multiplier, *spatial)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        (x,) = inputs
        out = x[0] * self.multiplier
        return self._with_bias((out, 1, *spread(self.kernel, len(x) - 1, "kernel")), (out,))

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        return self._emit(builder, x, x.shape[0])


class Local(Conv):
    """Locally connected layer: a convolution whose filters are not shared between positions.

    Weights `positions x out x cin/groups x kernel`; the bias is one number an output element.
    """

    word = "local"
    folds_norm = False
    may_pass_on = False

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        (x,) = inputs
        output = self.shape(x)
        return self._with_bias(
            (*output[1:], self.out, x[0] // self.groups, *spread(self.kernel, len(x) - 1, "kernel")), output
        )

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        """Every weight is used once."""
        return size(self.weights(*inputs)["weight"])

    def averaging(self, name: str, weight: tuple[int, ...], output: Shape) -> float:
        return 1 / weight[len(output)] if name == "weight" and len(output) < len(weight) else 1.0

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        """Each axis is gathered into its windows; then every position has a matrix product of its own, over the
        batch.
        """
        (x,) = tensors
        sides, rank = self.shape(x.shape)[1:], len(x.shape) - 1
        value = self.padded(builder, x)
        for axis, ((_, kernel, stride, dilation), side) in enumerate(zip(self.axes(x.shape), sides, strict=True)):
            taps = builder.ints(
                [output * stride + tap * dilation for output in range(number(side)) for tap in range(number(kernel))]
            )
            value = builder.node(
                "Gather", value, builder.node("Reshape", taps, builder.ints((side, kernel))), axis=2 + 2 * axis
            )
        channels, kernels = x.shape[0] // self.groups, spread(self.kernel, rank, "kernel")
        pairs = [dim for pair in zip(sides, kernels, strict=True) for dim in pair]
        value = builder.reshaped(value, self.groups, channels, *pairs)
        value = builder.node("Transpose", value, perm=[*range(3, 3 + 2 * rank, 2), 1, 2, *range(4, 4 + 2 * rank, 2), 0])
        columns = builder.node("Reshape", value, builder.ints((size(sides), self.groups, channels * size(kernels), -1)))
        weight = builder.node(
            "Reshape", builder.weight("weight"), builder.ints((size(sides), self.groups, self.out // self.groups, -1))
        )
        product = builder.node(
            "Reshape", builder.node("MatMul", weight, columns), builder.ints((size(sides), self.out, -1))
        )
        output = builder.reshaped(builder.node("Transpose", product, perm=[2, 1, 0]), self.out, *sides)
        return builder.node("Add", output, builder.weight("bias")) if self.bias else output


class ConvTranspose(Plain):
    """Transposed convolution: output `(size-1)*stride - pads + dilation*(kernel-1) + 1 + output_pad`.

    `pad=same` gives `size*stride`, and `pad=causal` the same on one axis, all of it cut off at the end. Every input
    element meets every weight of its channel: MACs are counted at the input's size.
    """

    word = "conv_transpose"
    has_given_weight = True
    positional = ("out", "kernel")
    is_layer = True
    autocast = "half"

    out: Size
    kernel: Sizes
    stride: Counts = 1
    dilation: Counts = 1
    pad: Padding = None
    output_pad: Whole = 0
    groups: Count = 1
    bias: Flag = True

    def axes(self, x: Shape) -> list[tuple[Dim, Dim, int, int, Dim, Dim]]:
        """(size, kernel, stride, dilation, cropped before, cropped after) of each spatial axis."""
        need_rank(self.word, x, 2, 4, "1 for the channels and 1 to 3 spatial")
        rank = len(x) - 1
        if self.pad == "causal" and rank > 1:
            raise ShapeError(f"pad=causal is for one axis, got {rank}; give each its own: pad=((0,2),(1,1))")
        rows = []
        for dim, kernel, stride, dilation, pad in zip(
            x[1:],
            spread(self.kernel, rank, "kernel"),
            spread(self.stride, rank, "stride"),
            spread(self.dilation, rank, "dilation"),
            spread((self.pad,) if is_pair(self.pad) and rank == 1 else self.pad, rank, "pad"),
            strict=True,
        ):
            reach = dilation * (kernel - 1)
            if pad in ("same", "causal"):
                total = reach + 1 - stride
                if isinstance(total, int) and total < 0:
                    raise ShapeError(f"{self.word}: pad={pad} needs a window of at least the stride {stride}")
                before = 0 if pad == "causal" else total // 2
                after = total - before
            elif isinstance(pad, tuple):
                before, after = pad
            else:
                before = after = (
                    {None: reach // 2, "valid": 0, "full": reach}.get(pad, pad) if not isinstance(pad, int) else pad
                )
            rows.append((dim, kernel, stride, dilation, before, after))
        return rows

    def assumes(self, *inputs: Shape) -> tuple[str, ...]:
        """That windows which are free are as large as the stride, where padding follows from both."""
        if self.pad not in ("same", "causal"):
            return ()
        rows = self.axes(inputs[0])
        return tuple(each for _, kernel, stride, by, _, _ in rows for each in reaching(by * (kernel - 1) + 1, stride))

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        rows = self.axes(x)
        if isinstance(self.output_pad, int) and any(
            self.output_pad >= max(stride, dilation) for _, _, stride, dilation, _, _ in rows
        ):
            raise ShapeError(f"{self.word}: output_pad={self.output_pad} must be less than the stride or the dilation")
        _per_group(self.word, x[0], self.groups, "input")
        _per_group(self.word, self.out, self.groups, "output")
        return (
            self.out,
            *(
                (dim - 1) * stride - before - after + dilation * (kernel - 1) + 1 + self.output_pad
                for dim, kernel, stride, dilation, before, after in rows
            ),
        )

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        (x,) = inputs
        weight = (x[0], self.out // self.groups, *spread(self.kernel, len(x) - 1, "kernel"))
        return {"weight": weight, "bias": (self.out,)} if self.bias else {"weight": weight}

    def averaging(self, name: str, weight: tuple[int, ...], output: Shape) -> float:
        return 1 / (weight[0] // self.groups) if name == "weight" else 1.0

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return Saved(inputs=(0,))

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        (x,) = inputs
        return size(x) * size(self.weights(x)["weight"][1:])

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return size(output) if self.bias else 0

    def windows(self, *inputs: Shape) -> tuple[Window, ...]:
        """Output `o` reads the inputs `(o + before - t*dilation) / stride`, where that is whole."""
        (x,) = inputs
        return tuple(
            Window(kernel, 1, dilation, dilation * (kernel - 1) - before, stride)
            for _, kernel, stride, dilation, before, _ in self.axes(x)
        )

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        rows = self.axes(x.shape)
        return builder.node(
            "ConvTranspose",
            x,
            *[builder.weight(name) for name in self.weights(x.shape)],
            kernel_shape=[row[1] for row in rows],
            strides=[row[2] for row in rows],
            dilations=[row[3] for row in rows],
            pads=[row[4] for row in rows] + [row[5] for row in rows],
            output_padding=[self.output_pad] * len(rows),
            group=self.groups,
        )
