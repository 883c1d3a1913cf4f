"""Convolutions: plain, grouped, depthwise, transposed, deformable, and on whole numbers."""

from __future__ import annotations

from archcalc.algebra import Poly, divides, maximum, minimum
from archcalc.errors import ShapeError
from archcalc.importer.rules.base import (
    LAYER,
    MICROSOFT,
    Attributes,
    Call,
    Dim,
    Outputs,
    Reach,
    Shape,
    Unknown,
    Value,
    rule,
    size,
)  # fmt: skip
from archcalc.importer.values import spell_dim
from archcalc.ops import Op
from archcalc.ops.convolution import Conv, ConvTranspose, DepthwiseConv
from archcalc.untyped import Attribute, Element

Pads = list[tuple[Dim, Dim]]


class Windows(Attributes):
    """How windows move over the spatial axes, as convolutions and pools have it in common."""

    auto_pad: str = "NOTSET"
    ceil_mode: int = 0
    dilations: list[int] | None = None
    group: int = 1
    kernel_shape: list[int] | None = None
    output_padding: list[int] | None = None
    output_shape: list[int] | None = None
    pads: list[int] | None = None
    strides: list[int] | None = None


class Moves:
    """Windows with a kernel: a number an axis for all that moves them."""

    def __init__(self, given: Windows, kernel: list[int]) -> None:
        self.given, self.kernel, self.mode = given, kernel, given.auto_pad
        self.strides, self.dilations = self.per_axis("strides"), self.per_axis("dilations")
        self.same = self.mode == "SAME_UPPER"  # the language's word for it
        self.pads: Pads = []

    def per_axis(self, name: str) -> list[int]:
        """One positive number an axis."""
        rank = len(self.kernel)
        found = getattr(self.given, name) or [1] * rank
        if len(found) != rank or any(value < 1 for value in found):
            raise ShapeError(f"{name} must be {rank} positive numbers, got {found}")
        return found

    def given_pads(self) -> Pads:
        """(before, after) an axis as the attribute `pads` has them. Raises ShapeError for a wrong number of them."""
        rank = len(self.kernel)
        given = (self.given.pads if self.mode == "NOTSET" else None) or [0] * (2 * rank)
        if len(given) != 2 * rank:
            raise ShapeError(f"pads must be {2 * rank} numbers, got {given}")
        return list(zip(given[:rank], given[rank:], strict=True))

    def over(self, sizes: Shape) -> Shape:
        """The output's spatial sizes. Raises ShapeError for an empty one."""
        self.pads = self.padding(sizes)
        # The formula that a pool's text has for VALID leaves ceil_mode out; onnx's shape inference and onnxruntime heed
        # it, as without auto_pad.
        if self.ceil:
            return self.rounded_up(sizes)
        out = []
        for dim, reach, stride, (before, after) in zip(sizes, self.reach, self.strides, self.pads, strict=True):
            free = dim + before + after - reach
            if not isinstance(free, Poly) and free < 0:
                what = f"a window of {reach} on {spell_dim(dim)} + {before} + {after} of padding"
                raise ShapeError(f"the output would be empty: {what}")
            out.append((dim + stride - 1) // stride if self.same else free // stride + 1)
        return tuple(out)

    @property
    def ceil(self) -> bool:
        """Whether a last window may reach beyond the input; automatic padding has no say in that."""
        return bool(self.given.ceil_mode) and self.mode in ("NOTSET", "VALID")

    @property
    def reach(self) -> list[int]:
        """How far a window sees on each axis."""
        return [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True)]

    def rounded_up(self, sizes: Shape) -> Shape:
        """The last window must begin inside the input or the padding before it."""
        found = []
        for dim, reach, stride, (before, after) in zip(sizes, self.reach, self.strides, self.pads, strict=True):
            free = dim + before + after - reach
            found.append(minimum(free + 2 * stride - 1, dim + before + stride - 1) // stride)
        return tuple(found)

    def padding(self, sizes: Shape) -> Pads:
        """(before, after) an axis."""
        if self.mode not in ("SAME_UPPER", "SAME_LOWER"):
            return self.given_pads()
        pads: Pads = []
        for dim, reach, stride in zip(sizes, self.reach, self.strides, strict=True):
            total: Attribute = maximum(((dim + stride - 1) // stride - 1) * stride + reach - dim, 0)
            small, large = total // 2, total - total // 2
            pads.append((small, large) if self.same else (large, small))
        return pads

    def cropped(self, sizes: Shape, extra: list[int]) -> Shape:
        """A transposed convolution's spatial sizes: given, or by the rule. What is cut off are the pads."""
        wanted: Attribute = self.given.output_shape
        if self.mode in ("SAME_UPPER", "SAME_LOWER") and wanted is None:
            wanted = [dim * stride for dim, stride in zip(sizes, self.strides, strict=True)]
        moves = zip(sizes, self.strides, extra, self.reach, strict=True)
        full = [stride * (dim - 1) + e + reach for dim, stride, e, reach in moves]
        if wanted is None:
            self.pads = self.given_pads()
            return tuple(total - before - after for total, (before, after) in zip(full, self.pads, strict=True))
        for total, target in zip(full, wanted[-len(sizes) :], strict=True):
            cut: Attribute = maximum(total - target, 0) if self.given.output_shape is None else total - target
            half = cut // 2
            self.pads.append((cut - half, half) if self.mode == "SAME_LOWER" else (half, cut - half))
        return tuple(total - before - after for total, (before, after) in zip(full, self.pads, strict=True))

    def proposed(self, call: Call, cls: type[Op], same: bool = True, **fields: object) -> Op | None:
        """The language's operator with these windows, if it has such."""
        if len(self.kernel) > 3 or not all(a >= 0 <= b for a, b in self.pads):
            return None
        pad = "same" if same and self.same else self.spelled()
        fields = {"stride": plain(self.strides), **fields}
        return call.made(cls, kernel=plain(self.kernel), dilation=plain(self.dilations), pad=pad, **fields)

    def spelled(self) -> object:
        """Padding as the language writes it; nothing where it is the usual one."""
        if all(pad == ((reach - 1) // 2,) * 2 for pad, reach in zip(self.pads, self.reach, strict=True)):
            return None
        if not any(a == b for a, b in self.pads):
            return tuple(self.pads)
        return plain([before if before == after else (before, after) for before, after in self.pads])

    def __str__(self) -> str:
        return "x".join(map(str, self.kernel))


def plain(values: Attribute) -> Element:
    """One number for all axes where they agree."""
    values = tuple(values)
    return values[0] if values and all(value == values[0] for value in values) else values


def channels_second(shape: Shape, last: bool) -> Shape:
    """A shape as the rules read it, `batch x channels x spatial`; `last`: its channels stand last."""
    return (shape[0], shape[-1], *shape[1:-1]) if last and len(shape) > 2 else shape


def channels_last(shape: Shape, last: bool) -> Shape:
    """The other way round."""
    return (shape[0], *shape[2:], shape[1]) if last and len(shape) > 2 else shape


def filtered(windows: Windows, shape: Shape, filters: Shape, channels: str) -> Moves:
    """The windows of filters. Raises Unknown for free kernels, ShapeError for none and for others than `kernel_shape`
    says.
    """
    rank = len(shape) - 2
    if rank < 1 or len(filters) != rank + 2:
        raise ShapeError("it needs a batch, channels and spatial axes, and filters for them")
    kernel = [int(k) if not isinstance(k, Poly) else 0 for k in filters[2:]]
    if 0 in kernel:
        if 0 in filters[2:]:
            raise ShapeError("its kernel is empty")
        raise Unknown("the size of its kernel is free")
    if windows.kernel_shape is not None and windows.kernel_shape != kernel:
        raise ShapeError(f"kernel_shape={windows.kernel_shape}, but its filters are {kernel}")
    if windows.group < 1 or not divides(windows.group, filters[0]):
        raise ShapeError(f"group={windows.group} does not divide {spell_dim(filters[0])} {channels} channels")
    return Moves(windows, kernel)


def convolved(
    call: Call, x: Value, w: Value, bias: Value | None, windows: Windows, kind: int | None = None, last: bool = False
) -> Value:
    """A convolution of x with the filters w, `out x cin/groups x kernel`; `last`: channels of x and of the output stand
    last.
    """
    shape, filters, groups = channels_second(x.dims, last), w.dims, windows.group
    moves = filtered(windows, shape, filters, "output")
    call.assumed.agree(shape[1], filters[1] * groups, "channels")
    out = (shape[0], filters[0], *moves.over(shape[2:]))
    op = None
    if w.is_constant and not last:
        if groups > 1 and shape[1] == groups:
            op = moves.proposed(call, DepthwiseConv, multiplier=filters[0] // groups, bias=bias is not None)
        else:
            op = moves.proposed(call, Conv, out=filters[0], groups=groups, bias=bias is not None)
    times = "" if call.is_batched(shape) else f"{spell_dim(shape[0])} x "
    return call.figure(
        "conv", channels_last(out, last), [x, w, bias], op=op, batched=True,
        words=f"{times}conv {spell_dim(filters[0])} {moves}", macs=size(out) * size(filters[1:]),
        elementwise=size(out) if bias is not None else 0, weights={"weight": w, "bias": bias}, reach=Reach.MIXED,
        flags=LAYER, kind=kind,
    )  # fmt: skip


@rule("Conv", alike="all")
def conv(call: Call, X: Value, W: Value, B: Value | None = None, *, windows: Windows) -> Value:
    """A convolution of `batch x channels x spatial` with filters `out x in/groups x kernel`: a filter's MACs an output
    element.
    """
    return convolved(call, X, W, B, windows)


@rule("QLinearConv", also=MICROSOFT)
def qlinear_conv(
    call: Call, x: Value, x_scale: Value, x_zero_point: Value | None, w: Value, w_scale: Value,
    w_zero_point: Value | None, y_scale: Value, y_zero_point: Value, B: Value | None = None, *,
    channels_last: bool = False, windows: Windows,
) -> Value:  # fmt: skip
    """Whole numbers in and out, with scales and zero points between."""
    return convolved(call, x, w, B, windows, y_zero_point.kind, channels_last)


@rule("ConvInteger")
def conv_integer(
    call: Call, x: Value, w: Value, x_zero_point: Value | None = None, w_zero_point: Value | None = None, *,
    windows: Windows,
) -> Value:  # fmt: skip
    """A convolution of 8-bit numbers that adds up to 32-bit ones: MACs as Conv; zero points cost nothing."""
    return convolved(call, x, w, None, windows, kind=6)


@rule("ConvTranspose", alike="all")
def conv_transpose(call: Call, X: Value, W: Value, B: Value | None = None, *, windows: Windows) -> Value:
    """Every input element meets every weight of its channel: MACs are counted at the input's size."""
    shape, filters, groups = X.dims, W.dims, windows.group
    moves = filtered(windows, shape, filters, "input")
    call.assumed.agree(shape[1], filters[0], "channels")
    extra = windows.output_padding or [0] * len(moves.kernel)
    channels = filters[1] * groups
    out = (shape[0], channels, *moves.cropped(shape[2:], extra))
    op = None
    if W.is_constant and len(set(extra)) == 1 and extra[0] < min(map(max, moves.strides, moves.dilations)):
        op = moves.proposed(
            call, ConvTranspose, same=False, out=channels, output_pad=extra[0], groups=groups, bias=B is not None
        )
    return call.figure(
        "conv_transpose", out, op=op, batched=True, words=f"conv_transpose {spell_dim(channels)} {moves}",
        macs=size(shape) * size(filters[1:]), elementwise=size(out) if B is not None else 0,
        weights={"weight": W, "bias": B}, reach=Reach.MIXED, flags=LAYER,
    )  # fmt: skip


@rule("CausalConvWithState", also=MICROSOFT)
def causal_conv(
    call: Call, input: Value, weight: Value, bias: Value | None = None, past_state: Value | None = None, *,
    activation: str = "none", ndim: int = 1, dilation: int = 1, channels_last: bool = False, input_channels: int = 0,
) -> Outputs:  # fmt: skip
    """A depthwise convolution along the last axis, after the last steps of the sequence before. Raises Unknown for
    onnxruntime's other layouts.
    """
    if channels_last or input_channels:
        raise Unknown("only channels before positions are counted")
    shape, filters = input.axes(2 + ndim), weight.axes(2 + ndim)
    steps = (bias is not None) + (5 if activation in ("silu", "swish") else 0)
    value = call.figure(
        "dwconv", shape, [input, past_state], words=f"dwconv {'x'.join(map(spell_dim, filters[2:]))}, causal",
        macs=size(shape) * size(filters[2:]), elementwise=steps * size(shape), weights={"weight": weight, "bias": bias},
        reach=Reach.MIXED, flags=LAYER,
    )  # fmt: skip
    state = (*shape[:-1], (filters[-1] - 1) * dilation)
    if state[-1] == 0:
        return [value, Value(state, input.kind, None, ())]
    return [value, *call.beside_it(input, "state", state, words="the last steps", reach=Reach.MIXED)]


@rule("DeformConv")
def deform_conv(
    call: Call, X: Value, W: Value, offset: Value, B: Value | None = None, mask: Value | None = None, *,
    windows: Windows,
) -> Value:  # fmt: skip
    """A convolution whose taps are read between pixels: four products and three sums for each, and one more with a
    mask.
    """
    shape, filters = X.axes(4), W.axes(4)
    moves = filtered(windows, shape, filters, "output")
    call.assumed.agree(shape[1], filters[1] * windows.group, "channels")
    out = (shape[0], filters[0], *moves.over(shape[2:]))
    taps = shape[0] * shape[1] * size(out[2:]) * size(filters[2:])
    return call.figure(
        "deform_conv", out, [X, offset, mask], words=f"deform_conv {spell_dim(filters[0])} {moves}",
        macs=size(out) * size(filters[1:]),
        elementwise=taps * (8 if mask is not None else 7) + (size(out) if B is not None else 0),
        weights={"weight": W, "bias": B}, reach=Reach.MIXED, flags=LAYER,
    )  # fmt: skip


__all__ = ["Moves", "Windows", "channels_last", "channels_second", "convolved", "plain"]
