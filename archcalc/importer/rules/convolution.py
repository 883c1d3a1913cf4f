"""Convolutions: plain, grouped, depthwise, transposed, deformable, and on whole numbers."""

from __future__ import annotations

from typing import Any

from archcalc.algebra import Poly, divides, maximum
from archcalc.errors import ShapeError
from archcalc.importer.rules.base import (
    MICROSOFT,
    Call,
    Dim,
    Outputs,
    Reach,
    Shape,
    Unknown,
    Value,
    constants,
    learned,
    rule,
    shaped,
    size,
)
from archcalc.importer.values import spell_dim
from archcalc.ops.convolution import Conv, ConvTranspose, DepthwiseConv

Pads = list[tuple[Dim, Dim]]


def plain(values: Any) -> Any:
    """One number for all axes where they agree."""
    values = tuple(values)
    return values[0] if values and all(value == values[0] for value in values) else values


def per_axis(call: Call, name: str, rank: int, default: int = 1) -> list[int]:
    """An attribute with one positive number an axis."""
    found = call.ints(name) or [default] * rank
    if len(found) != rank or any(value < 1 for value in found):
        raise ShapeError(f"{name} must be {rank} positive numbers, got {found}")
    return found


def padding(
    call: Call, sizes: Shape, kernel: list[int], strides: list[int], dilations: list[int]
) -> tuple[Pads, str | None]:
    """(before, after) an axis, and the language's word for it if TensorFlow's rule decides."""
    mode, rank = call.text("auto_pad", "NOTSET"), len(kernel)
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        pads: Pads = []
        for dim, k, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
            total: Any = maximum(((dim + stride - 1) // stride - 1) * stride + dilation * (k - 1) + 1 - dim, 0)
            small, large = total // 2, total - total // 2
            pads.append((small, large) if mode == "SAME_UPPER" else (large, small))
        return pads, "same" if mode == "SAME_UPPER" else None
    given = call.ints("pads") or [] if mode == "NOTSET" else []
    given = given or [0] * (2 * rank)
    if len(given) != 2 * rank:
        raise ShapeError(f"pads must be {2 * rank} numbers, got {given}")
    return list(zip(given[:rank], given[rank:], strict=True)), None


def spelled(pads: Pads, kernel: list[int], dilations: list[int], word: str | None) -> Any:
    """Padding as the language writes it; nothing where it is the usual one."""
    if word is not None:
        return word
    if all(pad == (d * (k - 1) // 2,) * 2 for pad, k, d in zip(pads, kernel, dilations, strict=True)):
        return None
    return (
        plain([before if before == after else (before, after) for before, after in pads])
        if any(a == b for a, b in pads)
        else tuple(pads)
    )


def windowed(
    sizes: Shape, kernel: list[int], strides: list[int], dilations: list[int], pads: Pads, same: bool
) -> Shape:
    """The output's spatial sizes. Raises ShapeError for an empty one."""
    out = []
    for dim, k, stride, dilation, (before, after) in zip(sizes, kernel, strides, dilations, pads, strict=True):
        reach = dilation * (k - 1) + 1
        free = dim + before + after - reach
        if not isinstance(free, Poly) and free < 0:
            raise ShapeError(
                f"the output would be empty: a window of {reach} on {spell_dim(dim)} + {before} + {after} of padding"
            )
        out.append((dim + stride - 1) // stride if same else free // stride + 1)
    return tuple(out)


def channels_second(shape: Shape, last: bool) -> Shape:
    """A shape as the rules read it, `batch x channels x spatial`; `last`: its channels stand last."""
    return (shape[0], shape[-1], *shape[1:-1]) if last and len(shape) > 2 else shape


def channels_last(shape: Shape, last: bool) -> Shape:
    """The other way round."""
    return (shape[0], *shape[2:], shape[1]) if last and len(shape) > 2 else shape


def _kernel(call: Call, filters: Shape) -> list[int]:
    """The spatial sizes of filters. Raises Unknown for free ones, ShapeError for none and for others than
    `kernel_shape` says.
    """
    kernel = [int(k) if not isinstance(k, Poly) else 0 for k in filters[2:]]
    if 0 in kernel:
        if 0 in filters[2:]:
            raise ShapeError("its kernel is empty")
        raise Unknown("the size of its kernel is free")
    given = call.ints("kernel_shape")
    if given is not None and given != kernel:
        raise ShapeError(f"kernel_shape={given}, but its filters are {kernel}")
    return kernel


def convolved(call: Call, x: Value, w: Value, bias: Value | None, kind: int | None = None, last: bool = False) -> Value:
    """A convolution of x with the filters w, `out x cin/groups x kernel`; `last`: channels of x and of the output stand
    last.
    """
    shape, filters = channels_second(shaped(x), last), shaped(w)
    rank = len(shape) - 2
    if rank < 1 or len(filters) != rank + 2:
        raise ShapeError("it needs a batch, channels and spatial axes, and filters for them")
    groups = call.whole("group", 1)
    kernel = _kernel(call, filters)
    strides, dilations = per_axis(call, "strides", rank), per_axis(call, "dilations", rank)
    if groups < 1 or not divides(groups, filters[0]):
        raise ShapeError(f"group={groups} does not divide {spell_dim(filters[0])} output channels")
    call.assumed.agree(shape[1], filters[1] * groups, "channels")
    pads, word = padding(call, shape[2:], kernel, strides, dilations)
    out = (shape[0], filters[0], *windowed(shape[2:], kernel, strides, dilations, pads, word == "same"))
    weights = {"weight": w, "bias": bias}
    fields = {"kernel": plain(kernel), "stride": plain(strides), "dilation": plain(dilations), "bias": bias is not None}
    fits = (
        w.is_constant
        and (bias is None or bias.is_constant)
        and call.walker.sample(shape) != shape
        and rank <= 3
        and all(a >= 0 <= b for a, b in pads)
    )
    if fits and not last:
        pad = spelled(pads, kernel, dilations, word)
        depthwise = groups > 1 and shape[1] == groups
        if depthwise:
            op = call.walker.made(DepthwiseConv, **fields, pad=pad, multiplier=filters[0] // groups)
        else:
            op = call.walker.made(Conv, **fields, pad=pad, out=filters[0], groups=groups)
        return call.emit(op, out, [x], weights=weights, kind=kind)
    words = f"conv {spell_dim(filters[0])} {'x'.join(map(str, kernel))}"
    macs = size(out) * size(filters[1:])
    elementwise = size(out) if bias is not None else 0
    times = "" if call.walker.sample(shape) != shape else f"{spell_dim(shape[0])} x "
    return call.figure(
        "conv",
        channels_last(out, last),
        [x, w, bias],
        words=times + words,
        macs=macs,
        elementwise=elementwise,
        weights=constants(weights),
        reach=Reach.MIXED,
        flags=("is_layer",),
        kind=kind,
    )


@rule("Conv")
def conv(call: Call) -> Value:
    return convolved(call, call.value(0), call.value(1), call.optional(2))


def qlinear_conv(call: Call) -> Value:
    """Whole numbers in and out, with scales and zero points between."""
    return convolved(
        call,
        call.value(0),
        call.value(3),
        call.optional(8),
        kind=call.value(7).kind,
        last=bool(call.whole("channels_last", 0)),
    )


for _domain in ("", MICROSOFT):
    rule("QLinearConv", domain=_domain)(qlinear_conv)


@rule("ConvInteger")
def conv_integer(call: Call) -> Value:
    return convolved(call, call.value(0), call.value(1), None, kind=6)


@rule("ConvTranspose")
def conv_transpose(call: Call) -> Value:
    """Every input element meets every weight of its channel: MACs are counted at the input's size."""
    x, w, bias = call.value(0), call.value(1), call.optional(2)
    shape, filters = call.shape(0), call.shape(1)
    rank = len(shape) - 2
    if rank < 1 or len(filters) != rank + 2:
        raise ShapeError("it needs a batch, channels and spatial axes, and filters for them")
    call.assumed.agree(shape[1], filters[0], "channels")
    groups = call.whole("group", 1)
    if groups < 1 or not divides(groups, filters[0]):
        raise ShapeError(f"group={groups} does not divide {spell_dim(filters[0])} input channels")
    kernel = _kernel(call, filters)
    strides, dilations = per_axis(call, "strides", rank), per_axis(call, "dilations", rank)
    extra = call.ints("output_padding") or [0] * rank
    channels = filters[1] * groups
    pads, spatial = _cropped(call, shape[2:], kernel, strides, dilations, extra)
    out = (shape[0], channels, *spatial)
    weights = {"weight": w, "bias": bias}
    macs = size(shape) * size(filters[1:])
    fits = (
        w.is_constant
        and call.walker.sample(shape) != shape
        and rank <= 3
        and len(set(extra)) == 1
        and all(a >= 0 <= b for a, b in pads)
    )
    if fits and all(extra[0] < max(s, d) for s, d in zip(strides, dilations, strict=True)):
        op = call.walker.made(
            ConvTranspose,
            out=channels,
            kernel=plain(kernel),
            stride=plain(strides),
            dilation=plain(dilations),
            pad=spelled(pads, kernel, dilations, None),
            output_pad=extra[0],
            groups=groups,
            bias=bias is not None,
        )
        if op.shape(*call.samples([x])) == call.walker.sample(out) if x.node is not None else False:
            return call.emit(op, out, [x], weights=weights)
    words = f"conv_transpose {spell_dim(channels)} {'x'.join(map(str, kernel))}"
    elementwise = size(out) if bias is not None else 0
    return call.figure(
        "conv_transpose",
        out,
        [x, w, bias],
        words=words,
        macs=macs,
        elementwise=elementwise,
        weights=constants(weights),
        reach=Reach.MIXED,
        flags=("is_layer",),
    )


def _cropped(
    call: Call, sizes: Shape, kernel: list[int], strides: list[int], dilations: list[int], extra: list[int]
) -> tuple[Pads, Shape]:
    """What is cut off on each side, and the output's spatial sizes: given, or by the rule."""
    rank = len(sizes)
    wanted: Any = call.ints("output_shape")
    mode = call.text("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER") and wanted is None:
        wanted = [dim * stride for dim, stride in zip(sizes, strides, strict=True)]
    full = [
        s * (dim - 1) + e + d * (k - 1) + 1
        for dim, s, e, d, k in zip(sizes, strides, extra, dilations, kernel, strict=True)
    ]
    if wanted is not None:
        pads: Pads = []
        for total, target in zip(full, wanted[-rank:], strict=True):
            cut: Any = total - target
            half = cut // 2
            pads.append((cut - half, half) if mode == "SAME_LOWER" else (half, cut - half))
        return pads, tuple(wanted[-rank:])
    given = (call.ints("pads") if mode == "NOTSET" else None) or [0] * (2 * rank)
    if len(given) != 2 * rank:
        raise ShapeError(f"pads must be {2 * rank} numbers, got {given}")
    pads = list(zip(given[:rank], given[rank:], strict=True))
    return pads, tuple(total - before - after for total, (before, after) in zip(full, pads, strict=True))


@rule("CausalConvWithState")
def causal_conv(call: Call) -> Outputs:
    """A depthwise convolution along a sequence, after the last steps of the one before."""
    shape, filters = call.rank(0, 3), call.rank(1, 3)
    weights = {"weight": call.value(1), **({"bias": call.value(2)} if call.has(2) else {})}
    steps = (1 if call.has(2) else 0) + (5 if call.text("activation", "none") in ("silu", "swish") else 0)
    words, of = f"dwconv {spell_dim(filters[2])}, causal", [call.value(0), call.optional(3)]
    value = call.figure(
        "dwconv",
        shape,
        of,
        words=words,
        macs=size(shape) * filters[2],
        elementwise=steps * size(shape),
        weights=weights,
        reach=Reach.MIXED,
        flags=("is_layer",),
    )
    state = (*shape[:2], filters[2] - 1)
    return [
        value,
        (
            call.figure("state", state, [call.value(0)], words="the last steps", reach=Reach.MIXED)
            if any(call.names[1:2])
            else None
        ),
    ]


@rule("DeformConv")
def deform_conv(call: Call) -> Value:
    """A convolution whose taps are read between pixels: four products and three sums for each, and one more with a
    mask.
    """
    x, w, offset, bias, mask = call.value(0), call.value(1), call.value(2), call.optional(3), call.optional(4)
    shape, filters = call.rank(0, 4), call.rank(1, 4)
    kernel = _kernel(call, filters)
    groups = call.whole("group", 1)
    strides, dilations = per_axis(call, "strides", 2), per_axis(call, "dilations", 2)
    call.assumed.agree(shape[1], filters[1] * groups, "channels")
    pads, word = padding(call, shape[2:], kernel, strides, dilations)
    out = (shape[0], filters[0], *windowed(shape[2:], kernel, strides, dilations, pads, word == "same"))
    taps = shape[0] * shape[1] * size(out[2:]) * size(filters[2:])
    elementwise = taps * (8 if mask is not None else 7) + (size(out) if bias is not None else 0)
    weights = {"weight": w, "bias": bias}
    words = f"deform_conv {spell_dim(filters[0])} {'x'.join(map(str, kernel))}"
    macs = size(out) * size(filters[1:])
    return call.figure(
        "deform_conv",
        out,
        [x, offset, mask],
        words=words,
        macs=macs,
        elementwise=elementwise,
        weights=weights,
        reach=Reach.MIXED,
        flags=("is_layer",),
    )


__all__ = [
    "Pads",
    "channels_last",
    "channels_second",
    "convolved",
    "learned",
    "padding",
    "per_axis",
    "plain",
    "spelled",
    "windowed",
]
