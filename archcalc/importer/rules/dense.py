"""Matrix products: with weights, of two activations, and any contraction."""

from __future__ import annotations

from archcalc.errors import ShapeError
from archcalc.importer.rules.base import LAYER, Call, Dim, Reach, Shape, Value, numbered, rule, size
from archcalc.importer.values import brief, spell_dim
from archcalc.ops import Op, spell_shape
from archcalc.ops.dense import Linear, MatMul


@rule("MatMul", alike="all")
def matmul(call: Call, A: Value, B: Value) -> Value:
    """A product of matrices, stretched over the axes before: rows x inner x columns MACs each."""
    return multiplied(call, A, B)


def multiplied(
    call: Call, a: Value, b: Value, bias: Value | None = None, kind: int | None = None,
    flip: tuple[bool, bool] = (False, False),
) -> Value:  # fmt: skip
    """a b: a dense layer where one of them was learned, else a product of activations; `flip` transposes the last two
    axes first.
    """
    left, right = (_flipped(value.dims, turned) for value, turned in zip((a, b), flip, strict=True))
    out, inner = product_shape(call, left, right)
    macs, cost = size(out) * inner, size(out) if bias is not None else 0
    if a.is_constant == b.is_constant:
        op = call.made(MatMul) if not a.is_constant and bias is None and flip == (False, False) else None
        return call.figure("matmul", out, [a, b, bias], op=op, macs=macs, elementwise=cost, reach=Reach.ALL, kind=kind)
    features: Dim = (right[-1] if len(right) > 1 else 1) if b.is_constant else left[-2] if len(left) > 1 else 1
    op = None
    if b.is_constant and len(right) == 2 and not flip[0] and (bias is None or bias.is_constant):
        op = _layer(call, left, features, bias)
    return call.figure(
        "linear", out, [a, b, bias], op=op, macs=macs, elementwise=cost,
        words=f"linear {spell_dim(features)}" + ("" if bias is not None else " bias=false"),
        weights={"weight": b if b.is_constant else a, "bias": bias}, reach=Reach.MIXED if len(out) > 2 else Reach.ALL,
        flags=LAYER, kind=kind,
    )  # fmt: skip


def _layer(call: Call, left: Shape, features: Dim, bias: Value | None) -> Op | None:
    """A dense layer of a vector, or of the features at the end."""
    if len(left) == 2 and call.is_batched(left):
        return call.made(Linear, out=features, bias=bias is not None)
    plain = bias is None or size(bias.shape or ()) == features
    return call.made(Linear, out=features, bias=bias is not None, axis=-1) if plain and len(left) > 1 else None


def _flipped(shape: Shape, turned: bool) -> Shape:
    return (*shape[:-2], shape[-1], shape[-2]) if turned and len(shape) > 1 else shape


def product_shape(call: Call, a: Shape, b: Shape) -> tuple[Shape, Dim]:
    """The shape of a product as numpy has it, and the length of what is summed. Raises ShapeError."""
    if not a or not b:
        raise ShapeError("a number has no matrix product")
    rows, columns = (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b
    try:
        inner = call.assumed.agree(rows[-1], columns[-2])
        batch = call.assumed.broadcast(rows[:-2], columns[:-2]) if rows[:-2] or columns[:-2] else ()
    except ShapeError:
        raise ShapeError(f"{spell_shape(a, brief)} and {spell_shape(b, brief)} can't be multiplied") from None
    return (*batch, *(rows[-2:-1] if len(a) > 1 else ()), *(columns[-1:] if len(b) > 1 else ())), inner


@rule("Gemm", alike="all")
def gemm(
    call: Call, A: Value, B: Value, C: Value | None = None, *, transA: bool = False, transB: bool = False
) -> Value:
    """A product of two matrices, either turned over, plus C. Raises ShapeError for operands with other than
    two axes.
    """
    A.axes(2), B.axes(2)
    return multiplied(call, A, B, C, flip=(transA, transB))


@rule("MatMulInteger")
def matmul_integer(
    call: Call, A: Value, B: Value, a_zero_point: Value | None = None, b_zero_point: Value | None = None
) -> Value:
    """A product of matrices of 8-bit numbers that adds up to 32-bit ones: MACs as MatMul."""
    return multiplied(call, A, B, kind=6)


@rule("QLinearMatMul")
def qlinear_matmul(
    call: Call, a: Value, a_scale: Value, a_zero_point: Value, b: Value, b_scale: Value, b_zero_point: Value,
    y_scale: Value, y_zero_point: Value,
) -> Value:  # fmt: skip
    """A product of quantized matrices, quantized again: MACs as MatMul; scales and zero points cost nothing."""
    return multiplied(call, a, b, kind=y_zero_point.kind)


@rule("Einsum")
def einsum(call: Call, *Inputs: Value, equation: str = "") -> Value:
    """Operands are contracted from the left, two at a time; an index that the rest doesn't name is summed as soon as it
    can be.
    """
    equation = equation.replace(" ", "")
    shapes = [value.dims for value in Inputs]
    terms, target = _terms(equation, [len(shape) for shape in shapes])
    sizes: dict[str, Dim] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, dim in zip(term, shape, strict=True):
            known = sizes.get(letter, 1)
            sizes[letter] = dim if known == 1 else known if dim == 1 else call.assumed.agree(known, dim)
    unknown = [letter for letter in target if letter not in sizes]
    if unknown:
        raise ShapeError(f"`{equation}` puts out '{unknown[0]}', which no operand has")
    macs, elementwise = _contraction(terms, target, sizes)
    constants = {name: value for name, value in numbered(list(Inputs)).items() if value and value.is_constant}
    layer = bool(constants) and macs != 0
    return call.figure(
        "einsum", tuple(sizes[letter] for letter in target), words=f"einsum {equation}", macs=macs,
        elementwise=elementwise, weights=constants if layer else {},
        reach=Reach.ALL if macs != 0 and not layer else Reach.MIXED, flags=LAYER if layer else (),
    )  # fmt: skip


def _terms(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """The indices of each operand and of the output; what `...` stands for gets capital letters of its own."""
    left, arrow, right = equation.partition("->")
    parts = left.split(",")
    if len(parts) != len(ranks):
        raise ShapeError(f"`{equation}` has {len(parts)} operands, and {len(ranks)} are given")
    wide = max(
        (rank - len(part.replace("...", "")) for part, rank in zip(parts, ranks, strict=True) if "..." in part),
        default=0,
    )
    dots = "".join(chr(0x3B1 + n) for n in range(wide))
    terms = []
    for part, rank in zip(parts, ranks, strict=True):
        own = len(part.replace("...", ""))
        if ("..." not in part and own != rank) or own > rank:
            raise ShapeError(f"`{part}` of `{equation}` has {own} axes, and the operand {rank}")
        terms.append(part.replace("...", dots[len(dots) - (rank - own) :] if rank > own else ""))
    if not arrow:
        letters = "".join(terms)
        right = "..." + "".join(
            sorted(letter for letter in set(letters) if letters.count(letter) == 1 and letter not in dots)
        )
    return terms, right.replace("...", dots)


def _contraction(terms: list[str], target: str, sizes: dict[str, Dim]) -> tuple[Dim, Dim]:
    """(multiply-accumulates, other operations). A product that sums nothing is element by element, a sum of one operand
    adds.
    """
    macs: Dim = 0
    elementwise: Dim = 0
    current = terms[0]
    if len(terms) == 1:
        summed = [letter for letter in set(current) if letter not in target]
        return 0, size(sizes[letter] for letter in set(current)) if summed else 0
    for n, term in enumerate(terms[1:], start=1):
        rest = set("".join(terms[n + 1 :])) | set(target)
        letters = dict.fromkeys(current + term)
        kept = "".join(letter for letter in letters if letter in rest)
        products = size(sizes[letter] for letter in letters)
        if len(kept) < len(letters):
            macs = macs + products
        else:
            elementwise = elementwise + products
        current = kept
    return macs, elementwise


__all__ = ["multiplied", "product_shape"]
