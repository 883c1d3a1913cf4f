"""What repeats elements, resizes maps, or puts elements in another order."""

from __future__ import annotations

from fractions import Fraction

from archcalc.algebra import Dim, Poly, integral
from archcalc.algebra import floor as flooring
from archcalc.importer.batch import stretched_to
from archcalc.importer.known import is_small, stretched
from archcalc.importer.rules.base import IN_PLACE, Call, Reach, Shape, Unknown, Value, rule, size
from archcalc.importer.rules.shapes import size_at, sizes
from archcalc.importer.values import axis_of, divided, spell_dim, whole
from archcalc.ops import Op, spell_shape
from archcalc.ops.sampling import Upsample
from archcalc.untyped import Attribute


@rule("Expand")
def expand(call: Call, input: Value, shape: Value) -> Value:
    """A tensor stretched along axes of length 1 to a shape: copies, without arithmetic."""
    own = input.dims
    out = call.assumed.broadcast(own, stretched_to(sizes(call, shape), call.batch))
    if input.is_constant:
        return call.known(out, stretched(input.content, own, out), of=[input])
    if out == own:
        return input
    return call.view(input, out) if size(out) == size(own) else call.figure("expand", out, [input], reach=Reach.MIXED)


@rule("Tile")
def tile(call: Call, input: Value, repeats: Value) -> Value:
    """Copies side by side, so many on each axis. Raises Unknown where only a run tells how many and no shape is
    declared.
    """
    shape = input.dims
    times = [whole(item) for item in repeats.content or ()]
    out = call.declared
    if len(times) == len(shape) and None not in times:
        out = tuple(dim * n for dim, n in zip(shape, times, strict=True) if n is not None)
    if out is None:
        raise Unknown("how often it repeats is computed when it runs")
    if input.is_constant:
        alone = input.content is not None and len(input.content) == 1 and is_small(out)
        return call.known(out, stretched(input.content, (), out) if alone else None, of=[input])
    return input if out == shape else call.figure("tile", out, [input], reach=Reach.MIXED)


@rule("Resize")
def resize(
    call: Call, X: Value, roi: Value | None = None, scales: Value | None = None, sizes: Value | None = None, *,
    mode: str = "nearest", axes: list[int] | None = None, keep_aspect_ratio_policy: str = "stretch",
    coordinate_transformation_mode: str = "half_pixel",
) -> Value:  # fmt: skip
    """Before opset 11 the scales stood second."""
    which = [axis_of(axis, len(X.dims)) for axis in axes or range(len(X.dims))]
    scales, sizes = (scales, sizes) if call.opset >= 11 else (roi, scales)
    given = scales.content if scales is not None and scales.dims != (0,) else None
    out = _resized(call, X.dims, which, given, sizes.content if sizes is not None else None, keep_aspect_ratio_policy)
    return resampled(call, X, out, mode, coordinate_transformation_mode == "align_corners")


@rule("Upsample")
def upsample(call: Call, X: Value, scales: Value | None = None, *, mode: str = "nearest") -> Value:
    """A map enlarged by factors, by the nearest neighbour or between neighbours (the operator before Resize)."""
    given = scales.content if scales is not None and scales.dims != (0,) else None
    return resampled(call, X, _resized(call, X.dims, list(range(len(X.dims))), given, None, "stretch"), mode, False)


def _resized(call: Call, shape: Shape, axes: list[int], scales: Attribute, wanted: Attribute, policy: str) -> Shape:
    """The shape asked for: by its sizes, or by factors; what isn't known is what the file says, or free."""
    target: list[Attribute] = list(shape)
    if wanted is not None and len(wanted) == len(shape):
        wanted = stretched_to(wanted, call.batch)
    if wanted is not None and len(wanted) == len(axes):
        for axis, item in zip(axes, wanted, strict=True):
            target[axis] = size_at(call, item, axis, "resize")
        return tuple(target) if policy == "stretch" else _in_proportion(shape, target, axes, policy == "not_larger")
    if scales is not None and len(scales) == len(axes):
        for axis, scale in zip(axes, scales, strict=True):
            target[axis] = _scaled(shape[axis], scale) if scale is not None else call.free(axis, "resize")
        return tuple(target)
    if call.declared is not None:
        return call.declared
    return tuple(size_at(call, None, axis, "resize") if axis > 1 else dim for axis, dim in enumerate(shape))


def resampled(call: Call, x: Value, out: Shape, mode: str, aligned: bool) -> Value:
    """Nearest neighbours cost nothing; linear interpolation along n axes takes 2^n products and a sum less an element,
    cubic 4^n.
    """
    shape = x.dims
    if x.is_constant:
        return call.known(out, None, of=[x])
    moved = [axis for axis, (a, b) in enumerate(zip(shape, out, strict=True)) if a != b]
    if not moved:
        return x
    linear = mode in ("linear", "bilinear", "trilinear")
    op = None
    if mode == "nearest" or (linear and not aligned and len(moved) == len(shape) - 2):
        op = _upsampled(call, shape, out, "bilinear" if linear else "nearest")
    taps = 1 if mode == "nearest" else 2 ** len(moved) if linear else 4 ** len(moved)
    return call.figure(
        "upsample", out, [x], op=op, batched=True, reach=Reach.MIXED,
        words=f"upsample {spell_shape(out[2:], spell_dim)} {mode}" if len(out) > 2 else f"upsample {mode}",
        elementwise=(2 * taps - 1) * size(out) if taps > 1 else 0,
    )  # fmt: skip


def _upsampled(call: Call, shape: Shape, out: Shape, mode: str) -> Op | None:
    """The language's layer, where every spatial axis grows by a whole factor."""
    factors = [divided(b, a) for a, b in zip(shape[2:], out[2:], strict=True)]
    if shape[1:2] != out[1:2] or not 3 <= len(shape) <= 5 or not all(isinstance(f, int) and f >= 1 for f in factors):
        return None
    factor: object = factors[0] if len(set(factors)) == 1 else tuple(factors)
    return call.made(Upsample, scale=factor, mode=mode)


def _in_proportion(shape: Shape, target: list[Attribute], axes: list[int], smaller_one: bool) -> Shape:
    """Sizes scaled alike: by the smallest of the ratios asked for, or the largest; half a pixel is rounded up."""
    if not all(isinstance(dim, int) for dim in (*(shape[axis] for axis in axes), *(target[axis] for axis in axes))):
        raise Unknown("its sizes keep proportions that are free")
    ratios: list[Attribute] = [Fraction(target[axis], shape[axis]) for axis in axes]  # type: ignore[arg-type]
    ratio = min(ratios) if smaller_one else max(ratios)
    return tuple(int(ratio * dim + Fraction(1, 2)) if axis in axes else dim for axis, dim in enumerate(shape))


def _scaled(dim: Dim, scale: Attribute) -> Dim:
    """floor(dim * scale)."""
    if isinstance(scale, Poly):
        found: Attribute = dim * scale
        return found if integral(found) else flooring(found)
    return flooring(dim * scale) if isinstance(dim, Poly) else int(dim * Fraction(scale) // 1)


@rule("ReverseSequence", "Trilu")
def reordered(call: Call, input: Value) -> Value:
    """The same shape with elements moved (ReverseSequence) or set to 0 (Trilu): no arithmetic."""
    word = "trilu" if call.op == "Trilu" else "reverse"
    return call.figure(word, input.dims, [input], flags=IN_PLACE, reach=Reach.MIXED)


@rule("CenterCropPad")
def center_crop_pad(call: Call, input_data: Value, shape: Value, *, axes: list[int] | None = None) -> Value:
    """The middle of some axes, cut or padded to the sizes given: no arithmetic."""
    if not shape.is_known:
        return call.figure("crop", call.decided("sizes", len(input_data.dims)), [input_data], reach=Reach.MIXED)
    out = list(input_data.dims)
    for axis, item in zip(axes or range(len(out)), shape.numbers("sizes"), strict=False):
        out[axis_of(axis, len(out))] = item
    return call.figure("crop", tuple(out), [input_data], reach=Reach.MIXED)
