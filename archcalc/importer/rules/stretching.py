"""What repeats elements, resizes maps, or puts elements in another order."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from archcalc.algebra import Dim, Poly, integral
from archcalc.algebra import floor as flooring
from archcalc.importer.batch import stretched_to
from archcalc.importer.rules.base import Call, Reach, Shape, Unknown, Value, rule, size
from archcalc.importer.rules.shapes import is_small, sizes, stretched
from archcalc.importer.values import axis_of, divided, spell_dim, whole
from archcalc.ops import spell_shape
from archcalc.ops.reshaping import Upsample


@rule("Expand")
def expand(call: Call) -> Value:
    x, shape = call.value(0), call.shape(0)
    out = call.assumed.broadcast(shape, stretched_to(sizes(call, 1), call.walker.samples))
    if x.is_constant:
        return call.known(out, stretched(x.content, shape, out) if x.content is not None else None, of=[x])
    return (
        x
        if out == shape
        else call.view(x, out)
        if size(out) == size(shape)
        else call.figure("expand", out, [x], reach=Reach.MIXED)
    )


@rule("Tile")
def tile(call: Call) -> Value:
    x, shape = call.value(0), call.shape(0)
    repeats = [whole(item) for item in call.content(1) or ()]
    if len(repeats) != len(shape) or None in repeats:
        declared = call.declared(call.scope.declared.of(call.node.outputs[0]))
        if declared is None:
            raise Unknown("how often it repeats is computed when it runs")
        out = declared
    else:
        out = tuple(dim * times for dim, times in zip(shape, repeats, strict=True) if times is not None)
    if x.is_constant:
        content = (
            x.content * _int(size(out)) if x.content is not None and len(x.content) == 1 and is_small(out) else None
        )
        return call.known(out, content, of=[x])
    return x if out == shape else call.figure("tile", out, [x], reach=Reach.MIXED)


def _int(dim: Dim) -> int:
    assert isinstance(dim, int)
    return dim


@rule("Resize", "Upsample")
def resize(call: Call) -> Value:
    """Nearest neighbours cost nothing; linear interpolation along n axes takes 2^n products and a sum less an element,
    cubic 4^n.
    """
    x, shape = call.value(0), call.shape(0)
    mode = call.text("mode", "nearest")
    first = 2 if call.node.op == "Resize" and call.opset >= 11 else 1
    axes = [axis_of(axis, len(shape)) for axis in call.ints("axes") or range(len(shape))]
    scales = call.content(first) if call.has(first) and call.shape(first) != (0,) else None
    if scales is None and call.attr("scales") is not None:
        scales = tuple(Fraction(repr(round(value, 6))) for value in call.attr("scales"))
    wanted = call.content(first + 1) if call.has(first + 1) else None
    if wanted is not None and len(wanted) == len(shape):
        wanted = stretched_to(wanted, call.walker.samples)
    target: list[Any] = list(shape)
    if wanted is not None and len(wanted) == len(axes):
        for axis, item in zip(axes, wanted, strict=True):
            target[axis] = _target_size(call, item, axis)
        policy = call.text("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            target = _in_proportion(shape, target, axes, policy == "not_larger")
    elif scales is not None and len(scales) == len(axes):
        for axis, scale in zip(axes, scales, strict=True):
            target[axis] = (
                _scaled(shape[axis], scale)
                if scale is not None
                else call.walker.free(f"{call.node.name or 'resize'}_{axis}")
            )
    else:
        declared = call.declared(call.scope.declared.of(call.node.outputs[0])) if call.node.outputs else None
        target = (
            list(declared)
            if declared is not None
            else [_target_size(call, None, axis) if axis > 1 else dim for axis, dim in enumerate(shape)]
        )
    out = tuple(target)
    if x.is_constant:
        return call.known(out, None, of=[x])
    moved = [axis for axis, (a, b) in enumerate(zip(shape, out, strict=True)) if a != b]
    if not moved:
        return x
    spatial = shape[2:]
    factors = [divided(b, a) for a, b in zip(spatial, out[2:], strict=True)]
    whole_ = (
        call.walker.sample(shape) != shape
        and 1 not in moved
        and 3 <= len(shape) <= 5
        and all(isinstance(f, int) and f >= 1 for f in factors)
    )
    linear = mode in ("linear", "bilinear", "trilinear")
    aligned = call.text("coordinate_transformation_mode", "half_pixel") == "align_corners"
    if whole_ and (mode == "nearest" or (linear and not aligned)) and (not linear or len(moved) == len(spatial)):
        factor: Any = factors[0] if len(set(factors)) == 1 else tuple(factors)
        return call.emit(call.walker.made(Upsample, scale=factor, mode="bilinear" if linear else "nearest"), out, [x])
    taps = 1 if mode == "nearest" else 2 ** len(moved) if linear else 4 ** len(moved)
    words = f"upsample {spell_shape(out[2:], spell_dim)} {mode}" if len(out) > 2 else f"upsample {mode}"
    return call.figure(
        "upsample", out, [x], words=words, elementwise=(2 * taps - 1) * size(out) if taps > 1 else 0, reach=Reach.MIXED
    )


def _in_proportion(shape: Shape, target: list[Any], axes: list[int], smaller_one: bool) -> list[Any]:
    """Sizes scaled alike: by the smallest of the ratios asked for, or the largest; half a pixel is rounded up."""
    if not all(isinstance(dim, int) for dim in (*(shape[axis] for axis in axes), *(target[axis] for axis in axes))):
        raise Unknown("its sizes keep proportions that are free")
    ratios = [Fraction(target[axis], _int(shape[axis])) for axis in axes]
    ratio = min(ratios) if smaller_one else max(ratios)
    return [int(ratio * _int(dim) + Fraction(1, 2)) if axis in axes else dim for axis, dim in enumerate(shape)]


def _target_size(call: Call, item: Any, axis: int) -> Dim:
    dim = whole(item)
    if dim is None:
        declared = call.declared(call.scope.declared.of(call.node.outputs[0])) if call.node.outputs else None
        return (
            declared[axis]
            if declared is not None and axis < len(declared)
            else call.walker.free(f"{call.node.name or 'resize'}_{axis}")
        )
    return dim


def _scaled(dim: Dim, scale: Any) -> Dim:
    """floor(dim * scale)."""
    if isinstance(scale, Poly):
        found: Any = dim * scale
        return found if integral(found) else flooring(found)
    return flooring(dim * scale) if isinstance(dim, Poly) else int(dim * Fraction(scale) // 1)


@rule("ReverseSequence", "Trilu")
def reordered(call: Call) -> Value:
    x = call.value(0)
    return call.figure(
        "trilu" if call.node.op == "Trilu" else "reverse", call.shape(0), [x], flags=("in_place",), reach=Reach.MIXED
    )


@rule("CenterCropPad")
def center_crop_pad(call: Call) -> Value:
    shape = list(call.shape(0))
    for axis, item in zip(call.ints("axes") or range(len(shape)), call.numbers(1, "sizes"), strict=False):
        shape[axis_of(axis, len(shape))] = item
    return call.figure("crop", tuple(shape), [call.value(0)], reach=Reach.MIXED)
