"""Normalisations, pools, reductions, and what resizes maps."""

from __future__ import annotations

from archcalc.algebra import floor
from archcalc.frameworks.aten.base import (
    INT64,
    POOLING,
    Call,
    Outputs,
    Reach,
    Shape,
    Unknown,
    Value,
    as_onnx,
    aten,
    axes,
    declared,
    numbers,
    only,
    several,
    size,
    without,
)
from archcalc.importer.rules.convolution import Windows
from archcalc.importer.rules.normalization import layered
from archcalc.importer.rules.pooling import pooled, pooled_whole
from archcalc.importer.rules.stretching import resampled
from archcalc.ops.normalization import GroupNorm, InstanceNorm
from archcalc.ops.pooling import AdaptiveAvgPool
from archcalc.ops.rescaling import RMSNorm
from archcalc.untyped import Attribute, Operand


@aten("batch_norm", "native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm")
def batch_norm(
    call: Call, input: Value, weight: Value | None = None, bias: Value | None = None,
    running_mean: Value | None = None, running_var: Value | None = None,
) -> Operand:  # fmt: skip
    """Batch normalization with stored statistics, a scale and a shift a channel; without either: two operations an
    element.
    """
    if weight is not None and bias is not None and running_mean is not None and running_var is not None:
        return only(as_onnx(call, "BatchNormalization", input, weight, bias, running_mean, running_var))
    return call.figure(
        "bn", input.dims, [input], elementwise=2 * size(input.dims), weights={"scale": weight, "shift": bias},
        buffers={"mean": running_mean, "variance": running_var}, flags=("in_place",),
    )  # fmt: skip


@aten("layer_norm", "native_layer_norm")
def layer_norm(
    call: Call,
    input: Value,
    weight: Value | None = None,
    bias: Value | None = None,
    *,
    normalized_shape: Attribute = (),
) -> Value:
    """Layer normalization over the last axes, as many as `normalized_shape` has; scale and shift may be missing."""
    return layered(call, input, weight, bias, -len(normalized_shape))


@aten("rms_norm", "_fused_rms_norm")
def rms_norm(call: Call, input: Value, weight: Value | None = None, *, normalized_shape: Attribute = ()) -> Value:
    """Division by the root mean square over the last axes: one with a scale costs four operations an element and two a
    position.
    """
    if len(normalized_shape) != 1 or weight is None or "axis" not in RMSNorm.fields:
        return layered(call, input, weight, None, -len(normalized_shape), "rmsnorm")
    shape = input.dims
    return call.figure(
        "rmsnorm", shape, [input], op=call.made(RMSNorm, axis=-1), weights={"scale": weight},
        elementwise=4 * size(shape) + 2 * size(shape[:-1]), known={"positions": size(shape[:-1])},
    )  # fmt: skip


@aten("group_norm", "native_group_norm")
def group_norm(
    call: Call, input: Value, weight: Value | None = None, bias: Value | None = None, *, num_groups: int = 1,
    group: int = 1,
) -> Value:  # fmt: skip
    """Normalization over groups of channels: seven operations an element and two a group."""
    groups, shape = max(num_groups, group), input.dims
    whole = weight is not None and bias is not None
    return call.figure(
        "gn", shape, [input], op=call.made(GroupNorm, groups=groups) if whole else None, batched=True,
        words=f"gn {groups}", elementwise=7 * size(shape) + 2 * groups * shape[0],
        weights={"scale": weight, "shift": bias},
    )  # fmt: skip


@aten("instance_norm")
def instance_norm(
    call: Call, input: Value, weight: Value | None = None, bias: Value | None = None,
    running_mean: Value | None = None, running_var: Value | None = None,
) -> Value:  # fmt: skip
    """Normalization over each channel's positions: seven operations an element and two a channel."""
    shape, whole = input.dims, weight is not None and bias is not None
    return call.figure(
        "instancenorm", shape, [input], op=call.made(InstanceNorm) if whole else None, batched=True,
        elementwise=7 * size(shape) + 2 * size(shape[:2]), weights={"scale": weight, "shift": bias},
        buffers={"mean": running_mean, "variance": running_var},
    )  # fmt: skip


# ---- pools -----------------------------------------------------------------------------------------------------------


@aten("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool2d_with_indices")
@aten("max_pool1d_with_indices", "max_pool3d_with_indices")
def pool(
    call: Call,
    self: Value,
    *,
    kernel_size: Attribute = 1,
    stride: Attribute = None,
    padding: Attribute = 0,
    dilation: Attribute = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Attribute = None,
) -> Operand:
    """Windows' maxima or means over one to three axes, with the places of the maxima where they are asked for;
    `divisor_override` changes no cost.
    """
    word = "maxpool" if "max" in call.op else "avgpool"
    rank, windows = int(call.op.partition("pool")[2][0]), Windows()
    windows.kernel_shape = several(kernel_size, rank)
    windows.strides = several(stride, rank) if stride not in (None, []) else windows.kernel_shape
    windows.pads, windows.dilations = several(padding, rank) * 2, several(dilation, rank)
    windows.ceil_mode = int(ceil_mode)
    single = len(self.dims) == rank + 1
    source = call.view(self, (1, *self.dims)) if single else self
    value = pooled(call, source, word, windows)
    value = call.view(value, value.dims[1:]) if single else value
    return [value, *call.beside_it(value, "indices", value.dims, words="indices of the maxima", kind=INT64)]


@aten("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "_adaptive_avg_pool2d")
@aten("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def adaptive(call: Call, self: Value, *, output_size: Attribute = 1) -> Operand:
    """To a map of given size; nothing changes where it has that already."""
    rank = int(call.op.removeprefix("_").partition("pool")[2][0])
    given = several(output_size, rank)
    target = tuple(dim if item is None else item for item, dim in zip(given, self.dims[-rank:], strict=True))
    if target == self.dims[-rank:]:
        return [self, None] if "max" in call.op else self
    value = _adapted(call, self, rank, target)
    if "max" not in call.op:
        return value
    return [value, *call.beside_it(value, "indices", value.dims, words="indices of the maxima", kind=INT64)]


def _adapted(call: Call, x: Value, rank: int, target: Shape) -> Value:
    shape, word = x.dims, "gmp" if "max" in call.op else "gap"
    if all(dim == 1 for dim in target) and len(shape) == rank + 2:
        return pooled_whole(call, x, word)
    out = (*shape[:-rank], *target)
    op = None
    if word == "gap" and len(shape) == rank + 2 and all(isinstance(dim, int) for dim in target):
        op = call.made(AdaptiveAvgPool, to=target[0] if len(set(target)) == 1 else target)
    return call.figure(
        "adaptive_avgpool" if word == "gap" else "adaptive_maxpool", out, [x], op=op, batched=True,
        elementwise=size(shape), reach=Reach.MIXED, flags=POOLING,
    )  # fmt: skip


@aten("fractional_max_pool2d", "fractional_max_pool3d")
def fractional(call: Call, self: Value, *others: Value, kernel_size: Attribute = 1) -> Outputs:
    """Maxima of windows that are laid by chance: a comparison an element of each."""
    out = declared(call)
    window = size(tuple(several(kernel_size, 2 if "2d" in call.op else 3)))
    value = call.figure("maxpool", out, [self], elementwise=size(out) * window, reach=Reach.MIXED, flags=POOLING)
    return [value, *call.beside_it(value, "indices", out, words="indices of the maxima", kind=INT64)]


@aten("max_unpool2d", "max_unpool3d")
def max_unpool(call: Call, self: Value, indices: Value) -> Value:
    """Maxima back at the places that they came from, and 0 elsewhere: no arithmetic."""
    return call.figure("max_unpool", declared(call), [self, indices], reach=Reach.MIXED)


# ---- reductions ------------------------------------------------------------------------------------------------------

REDUCED = {
    "mean": "ReduceMean", "sum": "ReduceSum", "amax": "ReduceMax", "amin": "ReduceMin", "prod": "ReduceProd",
    "logsumexp": "ReduceLogSumExp", "all": "ReduceMin", "any": "ReduceMax", "nansum": "ReduceSum",
    "nanmean": "ReduceMean",
}  # fmt: skip


@aten(*REDUCED)
def reduce(call: Call, self: Value, *, dim: Attribute = None, keepdim: bool = False) -> Operand:
    """Sums, means or extremes over axes, all where none is given, as ONNX's reductions; a lone number stays as
    it is.
    """
    over = axes(dim, len(self.dims))
    if not over:
        return self
    return as_onnx(call, REDUCED[call.op], self, numbers(over), keepdims=int(keepdim))


@aten("max", "min", "median", "nanmedian", "mode", "kthvalue")
def extreme(
    call: Call, self: Value, other: Value | None = None, *, dim: int | None = None, keepdim: bool = False
) -> Operand:
    """Of everything, of two tensors, or along an axis, with where it is."""
    if other is not None:
        return as_onnx(call, "Max" if call.op == "max" else "Min", self, other)
    op = "ReduceMax" if call.op == "max" else "ReduceMin"
    if dim is None and call.op in ("mode", "kthvalue"):
        dim = -1
    if not self.dims:
        return self if dim is None else [self, Value((), INT64, None, (0,))]
    if dim is None:
        return as_onnx(call, op, self, numbers(range(len(self.dims))), keepdims=0)
    value = as_onnx(call, op, self, numbers([dim]), keepdims=int(keepdim))
    return [value, *call.beside_it(value, "indices", value.dims, words="where the maxima are", kind=INT64)]


@aten("aminmax")
def aminmax(call: Call, self: Value, *, dim: int | None = None, keepdim: bool = False) -> Outputs:
    """The smallest and the largest element, of an axis or of all."""
    if not self.dims:
        return [self, self]
    over = numbers(range(len(self.dims)) if dim is None else [dim])
    return [as_onnx(call, op, self, over, keepdims=int(keepdim)) for op in ("ReduceMin", "ReduceMax")]


@aten("quantile", "nanquantile", "sum_to_size", "trapezoid", "trapz", "cumulative_trapezoid")
def summed(call: Call, self: Value, *others: Value) -> Value:
    """What an axis comes to in ways of its own, in the shape that torch says: sorting or adding an element costs one
    operation, and what is between two of them three an output.
    """
    out = declared(call)
    between = 0 if call.op == "sum_to_size" else 3 * size(out)
    return call.figure(call.op, out, [self, *others], elementwise=size(self.dims) + between, reach=Reach.MIXED)


@aten("argmax", "argmin")
def arg(call: Call, self: Value, *, dim: int | None = None, keepdim: bool = False) -> Operand:
    """Where the largest or smallest element of an axis, or of all, stands: whole numbers out, a comparison an
    element.
    """
    if dim is None or not self.dims:
        return call.figure(call.op, (), elementwise=size(self.dims), reach=Reach.ALL, kind=INT64)
    return as_onnx(call, "ArgMax" if call.op == "argmax" else "ArgMin", self, axis=dim, keepdims=int(keepdim))


@aten("var", "std", "var_mean", "std_mean")
def variance(call: Call, self: Value, *, dim: Attribute = None, keepdim: bool = False) -> Operand:
    """Sum, difference, square, sum."""
    shape, over = self.dims, set(axes(dim, len(self.dims)))
    out, word = without(shape, over, keepdim), call.op.partition("_")[0]
    value = call.figure(word, out, [self], elementwise=4 * size(shape), reach=Reach.MIXED)
    return [value, *call.beside_it(value, "mean", out)] if "mean" in call.op else value


@aten("count_nonzero")
def count_nonzero(call: Call, self: Value) -> Value:
    """How many elements aren't 0: a comparison an element, whole numbers in the shape that torch says."""
    return call.figure("count", declared(call), [self], elementwise=size(self.dims), reach=Reach.MIXED, kind=INT64)


@aten("cosine_similarity", "cdist", "_cdist_forward", "pairwise_distance")
def distances(call: Call, x1: Value, x2: Value) -> Value:
    """Products of all pairs, or of those that stand at one place."""
    out = declared(call)
    both = size(x1.dims) * 3
    every = size(out) * x1.dims[-1] if "cdist" in call.op else 0
    return call.figure(call.op.strip("_"), out, [x1, x2], elementwise=both + 3 * every, reach=Reach.MIXED)


# ---- other sizes of a map --------------------------------------------------------------------------------------------

_RESIZES = (
    "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "_upsample_nearest_exact1d",
    "_upsample_nearest_exact2d", "_upsample_nearest_exact3d", "upsample_linear1d", "upsample_bilinear2d",
    "upsample_trilinear3d", "upsample_bicubic2d", "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa",
)  # fmt: skip


@aten(*_RESIZES)
def upsample(
    call: Call,
    input: Value,
    *,
    output_size: Attribute = None,
    scale_factors: Attribute = None,
    align_corners: bool = False,
) -> Value:
    """A map in another size, given or as factors; by the nearest neighbour it is copied, else each element is a
    weighted sum.
    """
    shape = input.dims
    if output_size is None:
        output_size = [_scaled(dim, scale) for dim, scale in zip(shape[2:], scale_factors, strict=True)]
    kinds = ("nearest", "bilinear", "trilinear", "linear", "bicubic")
    mode = next(kind for kind in kinds if kind in call.op)
    return resampled(call, input, (*shape[:2], *output_size), "cubic" if mode == "bicubic" else mode, align_corners)


def _scaled(dim: Attribute, scale: Attribute) -> object:
    from fractions import Fraction

    found = dim * Fraction(scale).limit_denominator(1 << 20)
    return floor(found) if not isinstance(found, Fraction) else found.numerator // found.denominator


@aten("grid_sampler", "grid_sampler_2d", "grid_sampler_3d")
def grid_sampler(call: Call, input: Value, grid: Value, *, interpolation_mode: int = 0) -> Operand:
    """A map looked up at the places of a grid, as ONNX's GridSample."""
    return as_onnx(call, "GridSample", input, grid, mode=("linear", "nearest", "cubic")[interpolation_mode])


@aten("affine_grid_generator")
def affine_grid(call: Call, theta: Value) -> Value:
    """The places that an affine map sends a grid to: a product with each homogeneous coordinate."""
    out = declared(call)
    return call.figure("affine_grid", out, [theta], macs=size(out) * (out[-1] + 1), reach=Reach.MIXED)


@aten("fft_rfft2", "fft_irfft2", "fft_rfft", "fft_irfft", "fft_fft2", "fft_ifft2", "fft_fft", "fft_ifft", "fft_fftn")
def fft(call: Call, self: Value) -> Value:
    """A fast transform has no products with weights; how many operations it takes, a library decides."""
    raise Unknown("how a library transforms isn't known")
