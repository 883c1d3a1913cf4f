"""Layers in blocks of channels (domain com.microsoft.nchwc): what onnxruntime saves at its highest level.

Channels are filled up to whole blocks, which `ReorderInput` and `ReorderOutput` do and undo; shapes here are those of
the network.
"""

from __future__ import annotations

from archcalc.importer.rules.base import Call, Value, rule
from archcalc.importer.rules.convolution import Windows, convolved
from archcalc.importer.rules.fused import activated, added
from archcalc.importer.rules.pooling import pooled, pooled_whole
from archcalc.importer.rules.stretching import resampled

BLOCKED = "com.microsoft.nchwc"


@rule("ReorderInput", domain=BLOCKED)
def reorder_input(call: Call, X: Value, *, channels_last: bool = False) -> Value:
    """Channels in blocks, as ONNX Runtime's kernels take them: the same elements, said channels first."""
    return Value((X.dims[0], X.dims[-1], *X.dims[1:-1]), X.kind, X.node) if channels_last else X


@rule("ReorderOutput", domain=BLOCKED)
def reorder_output(call: Call, X: Value, *, channels: int = 0, channels_last: bool = False) -> Value:
    """Channels out of their blocks, without those that only filled the last: the same elements."""
    shape = (X.dims[0], channels or X.dims[1], *X.dims[2:])
    if channels_last:
        return Value((shape[0], *shape[2:], shape[1]), X.kind, X.node)
    return Value(shape, X.kind, X.node)


@rule("Conv", domain=BLOCKED)
def conv(
    call: Call, X: Value, W: Value, B: Value | None = None, Sum: Value | None = None, *, activation: str = "",
    windows: Windows,
) -> Value:  # fmt: skip
    """Filters are filled up with zeros, which are counted as the file holds them."""
    return activated(call, added(call, convolved(call, X, W, B, windows), Sum), activation)


@rule("MaxPool", "AveragePool", domain=BLOCKED)
def pool(call: Call, X: Value, *, windows: Windows) -> Value:
    """Windows' maxima or means over blocked channels, as the standard's pools."""
    return pooled(call, X, "maxpool" if call.op == "MaxPool" else "avgpool", windows)


@rule("GlobalMaxPool", "GlobalAveragePool", domain=BLOCKED)
def global_pool(call: Call, X: Value) -> Value:
    """Each blocked channel's maximum or mean, as the standard's global pools."""
    return pooled_whole(call, X, "gmp" if call.op == "GlobalMaxPool" else "gap")


@rule("Upsample", domain=BLOCKED)
def upsample(call: Call, X: Value, *, scales: list[int] | None = None, mode: str = "nearest") -> Value:
    """A map of blocked channels enlarged by whole factors."""
    factors = [1, 1, *(scales or [])[-2:]] if len(scales or []) < 4 else scales or []
    out = tuple(dim * factor for dim, factor in zip(X.dims, factors, strict=True))
    return resampled(call, X, out, mode, False)
