"""Pools: windowed and global."""

from __future__ import annotations

from archcalc.algebra import minimum
from archcalc.errors import ShapeError
from archcalc.importer.rules.base import MICROSOFT, Call, Outputs, Reach, Shape, Value, rule, size
from archcalc.importer.rules.convolution import (
    Pads,
    channels_last,
    channels_second,
    padding,
    per_axis,
    plain,
    spelled,
    windowed,
)
from archcalc.ops import Op
from archcalc.ops.pooling import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool


@rule("MaxPool", "AveragePool", "LpPool")
def pool(call: Call) -> Outputs:
    """MaxPool may put out indices too."""
    word = {"MaxPool": "maxpool", "AveragePool": "avgpool"}.get(call.node.op, "lppool")
    value = pooled(call, word)
    if len(call.names) < 2 or not call.names[1]:
        return [value]
    assert value.shape is not None
    return [value, call.figure("indices", value.shape, [value], words="indices of the maxima", kind=7)]


@rule("QLinearAveragePool", domain=MICROSOFT)
def qlinear_pool(call: Call) -> Value:
    return pooled(call, "avgpool", last=bool(call.whole("channels_last", 0)))


@rule("NhwcMaxPool", domain=MICROSOFT)
def nhwc_pool(call: Call) -> Value:
    return pooled(call, "maxpool", last=True)


def pooled(call: Call, word: str, last: bool = False) -> Value:
    """Windows over the spatial axes; `last`: channels come after them."""
    x, shape = call.value(0), channels_second(call.shape(0), last)
    rank = len(shape) - 2
    kernel = call.ints("kernel_shape") or []
    if rank < 1 or len(kernel) != rank or any(k < 1 for k in kernel):
        raise ShapeError(f"kernel_shape={kernel} doesn't fit {rank} spatial axes")
    strides, dilations = per_axis(call, "strides", rank), per_axis(call, "dilations", rank)
    pads, mode = padding(call, shape[2:], kernel, strides, dilations)
    # The formula that the operator's text has for VALID leaves ceil_mode out; onnx's shape inference and onnxruntime
    # heed it, as without auto_pad.
    ceil = bool(call.whole("ceil_mode", 0)) and call.text("auto_pad", "NOTSET") in ("NOTSET", "VALID")
    spatial = (
        _rounded_up(shape[2:], kernel, strides, dilations, pads)
        if ceil
        else windowed(shape[2:], kernel, strides, dilations, pads, mode == "same")
    )
    out = (*shape[:2], *spatial)
    taps = size(kernel)
    cost = size(out) * (taps - 1 if word == "maxpool" else taps if word == "avgpool" else 2 * taps + 1)
    cls: type[Op] | None = {"maxpool": MaxPool, "avgpool": AvgPool}.get(word)
    if (
        cls is not None
        and not last
        and call.walker.sample(shape) != shape
        and rank <= 3
        and all(a >= 0 <= b for a, b in pads)
    ):
        stride = None if strides == kernel else plain(strides)
        pad = spelled(pads, kernel, dilations, mode)
        op = call.walker.made(cls, kernel=plain(kernel), stride=stride, dilation=plain(dilations), pad=pad, ceil=ceil)
        return call.emit(op, out, [x])
    words = f"{word} {'x'.join(map(str, kernel))}"
    return call.figure(
        word,
        channels_last(out, last),
        [x],
        words=words,
        elementwise=cost,
        reach=Reach.MIXED,
        flags=("is_pooling",),
        known={"taps": size(out) * taps},
    )


def _rounded_up(sizes: Shape, kernel: list[int], strides: list[int], dilations: list[int], pads: Pads) -> Shape:
    """The last window must begin inside the input or the padding before it."""
    found = []
    for dim, k, stride, dilation, (before, after) in zip(sizes, kernel, strides, dilations, pads, strict=True):
        free = dim + before + after - dilation * (k - 1) - 1
        found.append(minimum(free + 2 * stride - 1, dim + before + stride - 1) // stride)
    return tuple(found)


@rule("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(call: Call) -> Value:
    word = {"GlobalAveragePool": "gap", "GlobalMaxPool": "gmp"}.get(call.node.op, "global_lppool")
    return pooled_whole(call, call.value(0), word)


@rule("QLinearGlobalAveragePool", domain=MICROSOFT)
def qlinear_global_pool(call: Call) -> Value:
    return pooled_whole(call, call.value(0), "gap", last=bool(call.whole("channels_last", 0)))


def pooled_whole(call: Call, x: Value, word: str, keep: bool = True, last: bool = False) -> Value:
    """One number a channel, with axes of 1 in place of the spatial ones, or without; `last`: channels come after
    those.
    """
    shape = channels_second(x.shape or (), last)
    if len(shape) < 3:
        raise ShapeError(f"there is nothing to pool over in {len(shape)} axes")
    out = (*shape[:2], *((1,) * (len(shape) - 2) if keep else ()))
    cls: type[Op] | None = {"gap": GlobalAvgPool, "gmp": GlobalMaxPool}.get(word)
    if cls is not None and not last and call.walker.sample(shape) != shape and len(shape) <= 5:
        return call.emit(call.walker.made(cls, keepdims=keep), out, [x])
    cost = size(shape) - (size(out) if word == "gmp" else 0)
    cost = cost if word != "global_lppool" else 2 * size(shape)
    return call.figure(word, channels_last(out, last), [x], elementwise=cost, reach=Reach.ALL, flags=("is_pooling",))


@rule("MaxUnpool")
def max_unpool(call: Call) -> Value:
    shape = call.shape(0)
    kernel = call.ints("kernel_shape") or []
    rank = len(shape) - 2
    strides = per_axis(call, "strides", rank)
    pads = call.ints("pads") or [0] * (2 * rank)
    if call.has(2):
        out = tuple(call.numbers(2, "sizes"))
    else:
        out = (
            *shape[:2],
            *(
                (d - 1) * s + k - pads[n] - pads[n + rank]
                for n, (d, s, k) in enumerate(zip(shape[2:], strides, kernel, strict=True))
            ),
        )
    return call.figure("max_unpool", out, [call.value(0), call.value(1)], reach=Reach.MIXED)
