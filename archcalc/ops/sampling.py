"""Maps of another size: upsampling, resizing, and pixels that become channels or come from them."""

from archcalc.algebra import Dim, divides
from archcalc.errors import ShapeError
from archcalc.ops.base import Runs, Shape, Window, Windows, need_rank, size, spell_shape
from archcalc.ops.emit import Builder, Tensor, Value
from archcalc.ops.kinds import Count, Counts, Sizes, one_of, spread
from archcalc.ops.reshaping import Moving


class Upsample(Moving):
    """`scale` times as large on every spatial axis, by `nearest` neighbour or `bilinear` (corners not aligned)."""

    word = "upsample"
    runs = Runs.IN_BLOCKS
    positional = ("scale",)

    scale: Counts
    mode: one_of("nearest", "bilinear") = "nearest"  # type: ignore[valid-type]

    @property
    def kinds(self) -> tuple[str, ...]:
        return ("upsample_bilinear", self.word) if self.mode == "bilinear" else (self.word,)

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 2, 4, "1 for the channels and 1 to 3 spatial")
        return (x[0], *(dim * scale for dim, scale in zip(x[1:], spread(self.scale, len(x) - 1, "scale"), strict=True)))

    def doubt(self, *inputs: Shape) -> str:
        """A factor an axis (`64x64`) that is large beside the map: a size, as other libraries' resizing has it."""
        size, scales = inputs[0][1:], self.scale if isinstance(self.scale, tuple) else ()
        pairs = list(zip(size, scales, strict=False))
        if not all(isinstance(dim, int) and 1 < dim < 2 * scale and scale > 8 for dim, scale in pairs):
            return ""
        factor = min((max(1, scale // dim) for dim, scale in pairs if isinstance(dim, int)), default=0)
        if not factor:
            return ""
        made = f"{spell_shape(self.shape(*inputs)[1:])} of {spell_shape(size)}"
        return f"{self.line()} makes {made}; if a size was meant, write the factor, such as `upsample {factor}`"

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """Linear interpolation along each axis in turn takes two products and a sum an element: 2^axes products in
        all.
        """
        taps = 2 ** (len(output) - 1)
        return (2 * taps - 1) * size(output) if self.mode == "bilinear" else 0

    def windows(self, *inputs: Shape) -> Windows:
        scales = spread(self.scale, len(inputs[0]) - 1, "scale")
        return tuple(
            _interpolation(scale) if self.mode == "bilinear" else Window(scale, 1, 1, scale - 1, scale)
            for scale in scales
        )

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        scales = builder.scales([1, 1, *spread(self.scale, len(x.shape) - 1, "scale")])
        if self.mode == "bilinear":
            return builder.node("Resize", x, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")
        return builder.node(
            "Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
        )


def _interpolation(scale: int) -> Window:
    """Linear interpolation by a whole factor is a transposed convolution with a triangle, cropped by `(scale - 1) //
    2`, or half a pixel more.
    """
    if scale == 1:
        return Window()
    kernel = 2 * scale - scale % 2
    return Window(kernel, 1, 1, kernel - 1 - scale // 2, scale)


class Resize(Moving):
    """Any other size: `resize 65x65`, or that of another layer, `resize like=stem`; by `nearest` neighbour or
    `bilinear` (corners not aligned).
    """

    word = "resize"
    positional = ("to",)
    may_be_like = "to"

    to: Sizes
    mode: one_of("nearest", "bilinear") = "nearest"  # type: ignore[valid-type]

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 2, 4, "1 for the channels and 1 to 3 spatial")
        return (x[0], *spread(self.to, len(x) - 1, "to"))

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """As `upsample`: two products and a sum an element and axis where it is linear."""
        return (2 * 2 ** (len(output) - 1) - 1) * size(output) if self.mode == "bilinear" else 0

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        sizes = builder.ints((builder.batch, *self.shape(x.shape)))
        if self.mode == "bilinear":
            return builder.node("Resize", x, "", "", sizes, mode="linear", coordinate_transformation_mode="half_pixel")
        kind = "asymmetric"
        return builder.node(
            "Resize", x, "", "", sizes, mode="nearest", coordinate_transformation_mode=kind, nearest_mode="floor"
        )


class PixelShuffle(Moving):
    """Depth to space: `C*r*r x H x W` becomes `C x H*r x W*r` (arXiv:1609.05158)."""

    word = "pixel_shuffle"
    positional = ("scale",)

    scale: Count

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 2, 4)
        block = self.scale ** (len(x) - 1)
        if not divides(block, x[0]):
            raise ShapeError(f"pixel_shuffle: {block} does not divide {x[0]} channels")
        return (x[0] // block, *(dim * self.scale for dim in x[1:]))

    def windows(self, *inputs: Shape) -> Windows:
        return (Window(self.scale, 1, 1, self.scale - 1, self.scale),) * (len(inputs[0]) - 1)

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        if x.rank == 4:
            return builder.node("DepthToSpace", x, blocksize=self.scale, mode="CRD")
        rank = len(x.shape) - 1
        split = builder.reshaped(x, self.shape(x.shape)[0], *(self.scale,) * rank, *x.shape[1:])
        order = [0, 1, *(axis for n in range(rank) for axis in (2 + rank + n, 2 + n))]
        return builder.reshaped(builder.node("Transpose", split, perm=order), *self.shape(x.shape))


class PixelUnshuffle(Moving):
    """Space to depth: `C x H*r x W*r` becomes `C*r*r x H x W`."""

    word = "pixel_unshuffle"
    positional = ("scale",)

    scale: Count

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 2, 4)
        if not all(divides(self.scale, dim) for dim in x[1:]):
            raise ShapeError(f"pixel_unshuffle: {self.scale} does not divide every side of {spell_shape(x)}")
        return (x[0] * self.scale ** (len(x) - 1), *(dim // self.scale for dim in x[1:]))

    def windows(self, *inputs: Shape) -> Windows:
        return (Window(self.scale, self.scale),) * (len(inputs[0]) - 1)

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        (x,) = tensors
        rank = len(x.shape) - 1
        split = builder.reshaped(
            x, x.shape[0], *(part for dim in x.shape[1:] for part in (dim // self.scale, self.scale))
        )
        order = [0, 1, *(3 + 2 * n for n in range(rank)), *(2 + 2 * n for n in range(rank))]
        return builder.reshaped(builder.node("Transpose", split, perm=order), *self.shape(x.shape))
