"""Pools: windowed and global."""

from __future__ import annotations

from archcalc.errors import ShapeError
from archcalc.importer.rules.base import MICROSOFT, POOLING, Call, Dim, Outputs, Reach, Value, rule, size
from archcalc.importer.rules.convolution import Moves, Windows, channels_last, channels_second, plain
from archcalc.ops.pooling import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool


@rule("MaxPool", "AveragePool", "LpPool", alike="moving")
def pool(call: Call, X: Value, *, windows: Windows) -> Outputs:
    """MaxPool may put out indices too."""
    word = {"MaxPool": "maxpool", "AveragePool": "avgpool"}.get(call.op, "lppool")
    value = pooled(call, X, word, windows)
    return [value, *call.beside_it(value, "indices", value.dims, words="indices of the maxima", kind=7)]


@rule("QLinearAveragePool", domain=MICROSOFT)
def qlinear_pool(
    call: Call, X: Value, x_scale: Value | None = None, x_zero_point: Value | None = None,
    y_scale: Value | None = None, y_zero_point: Value | None = None, *, channels_last: bool = False, windows: Windows,
) -> Value:  # fmt: skip
    """Windows' means of quantized numbers: as AveragePool; scales and zero points cost nothing."""
    return pooled(call, X, "avgpool", windows, channels_last)


@rule("NhwcMaxPool", domain=MICROSOFT)
def nhwc_pool(call: Call, x: Value, *, windows: Windows) -> Value:
    """Windows' maxima where the channels stand last."""
    return pooled(call, x, "maxpool", windows, last=True)


def pooled(call: Call, x: Value, word: str, windows: Windows, last: bool = False) -> Value:
    """Windows over the spatial axes; `last`: channels come after them."""
    shape, kernel = channels_second(x.dims, last), windows.kernel_shape or []
    rank = len(shape) - 2
    if rank < 1 or len(kernel) != rank or any(k < 1 for k in kernel):
        raise ShapeError(f"kernel_shape={kernel} doesn't fit {rank} spatial axes")
    moves = Moves(windows, kernel)
    out = (*shape[:2], *moves.over(shape[2:]))
    taps = size(kernel)
    cost = taps - 1 if word == "maxpool" else taps if word == "avgpool" else 2 * taps + 1
    op = None
    if word != "lppool" and not last:
        stride = None if moves.strides == kernel else plain(moves.strides)
        op = moves.proposed(call, MaxPool if word == "maxpool" else AvgPool, stride=stride, ceil=moves.ceil)
    return call.figure(
        word, channels_last(out, last), [x], op=op, batched=True, words=f"{word} {moves}", elementwise=size(out) * cost,
        reach=Reach.MIXED, flags=POOLING, known={"taps": size(out) * taps},
    )  # fmt: skip


@rule("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", alike="moving")
def global_pool(call: Call, X: Value) -> Value:
    """Each channel's mean, maximum or norm over all positions."""
    return pooled_whole(call, X, {"GlobalAveragePool": "gap", "GlobalMaxPool": "gmp"}.get(call.op, "global_lppool"))


@rule("QLinearGlobalAveragePool", domain=MICROSOFT)
def qlinear_global_pool(
    call: Call, X: Value, x_scale: Value | None = None, x_zero_point: Value | None = None,
    y_scale: Value | None = None, y_zero_point: Value | None = None, *, channels_last: bool = False,
) -> Value:  # fmt: skip
    """Each channel's mean of quantized numbers: as GlobalAveragePool; scales and zero points cost nothing."""
    return pooled_whole(call, X, "gap", last=channels_last)


def pooled_whole(call: Call, x: Value, word: str, keep: bool = True, last: bool = False) -> Value:
    """One number a channel, with axes of 1 in place of the spatial ones, or without; `last`: channels come after
    those.
    """
    shape = channels_second(x.shape or (), last)
    if len(shape) < 3:
        raise ShapeError(f"there is nothing to pool over in {len(shape)} axes")
    out = (*shape[:2], *((1,) * (len(shape) - 2) if keep else ()))
    op = None
    if word != "global_lppool" and not last and len(shape) <= 5:
        op = call.made(GlobalAvgPool if word == "gap" else GlobalMaxPool, keepdims=keep)
    cost: Dim = {"gap": size(shape), "gmp": size(shape) - size(out), "global_lppool": 2 * size(shape)}[word]
    return call.figure(
        word, channels_last(out, last), [x], op=op, batched=True, elementwise=cost, reach=Reach.ALL, flags=POOLING
    )


@rule("MaxUnpool")
def max_unpool(
    call: Call,
    X: Value,
    I: Value,  # noqa: E741
    output_shape: Value | None = None,
    *,
    windows: Windows,
) -> Value:
    """Maxima back at the places that they came from, and 0 elsewhere: no arithmetic; the size is given, or what the
    windows cover.
    """
    shape = X.dims
    moves = Moves(windows, windows.kernel_shape or [])
    if output_shape is not None:
        out = tuple(output_shape.numbers("sizes")) if output_shape.is_known else call.decided("sizes", len(shape))
    else:
        axes = zip(shape[2:], moves.strides, moves.kernel, moves.given_pads(), strict=True)
        out = (*shape[:2], *((dim - 1) * s + k - before - after for dim, s, k, (before, after) in axes))
    return call.figure("max_unpool", out, [X, I], reach=Reach.MIXED)
