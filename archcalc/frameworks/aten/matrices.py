"""Products of several matrices, powers, norms, and what else vectors and matrices come to."""

from __future__ import annotations

from archcalc.frameworks.aten.base import (
    LAYER,
    Call,
    Dim,
    Reach,
    Unknown,
    Value,
    as_onnx,
    aten,
    axes,
    declared,
    numbers,
    rule,
    size,
    without,
)
from archcalc.importer.rules.arithmetic import BINARY, spread
from archcalc.importer.rules.dense import multiplied
from archcalc.importer.values import spell_dim
from archcalc.untyped import Attribute, Operand

_LETTERS = "abcdefghijklmnopqrstuvwxy"


@aten("inner")
def inner(call: Call, self: Value, other: Value) -> Operand:
    """Products summed over the last axis of both; of a number it is their product."""
    ranks = len(self.dims), len(other.dims)
    if 0 in ranks:
        return spread(call, *BINARY["Mul"], [self, other])
    one, two = _LETTERS[: ranks[0] - 1], _LETTERS[ranks[0] - 1 : sum(ranks) - 2]
    return as_onnx(call, "Einsum", self, other, equation=f"{one}z,{two}z->{one}{two}")


@aten("addr")
def addr(call: Call, self: Value, vec1: Value, vec2: Value) -> Value:
    """A matrix plus every element of one vector times every one of another."""
    return spread(call, *BINARY["Add"], [self, as_onnx(call, "Einsum", vec1, vec2, equation="i,j->ij")])


@aten("chain_matmul", "linalg_multi_dot")
def chain(call: Call, *tensors: Value) -> Value:
    """A product of several matrices in the order that takes the fewest MACs, as torch finds it."""
    if len(tensors) == 1:
        return tensors[0]
    ends = [tensors[0].dims[-2:-1] or (1,), *(tensor.dims[-1:] for tensor in tensors)]
    lengths = [end[0] for end in ends] if len(tensors[-1].dims) > 1 else [*(end[0] for end in ends[:-1]), 1]
    if not all(isinstance(length, int) for length in lengths):
        raise Unknown("the order of its products depends on sizes that are free")
    return _product(call, list(tensors), _order(lengths), 0, len(tensors) - 1)


def _order(lengths: list[Attribute]) -> dict[tuple[int, int], int]:
    """Where to part each stretch of a chain: CLRS, section 14.2."""
    count = len(lengths) - 1
    least: dict[tuple[int, int], tuple[int, int]] = {(n, n): (0, n) for n in range(count)}
    for span in range(1, count):
        for first in range(count - span):
            last = first + span
            least[first, last] = min(
                (least[first, n][0] + least[n + 1, last][0] + lengths[first] * lengths[n + 1] * lengths[last + 1], n)
                for n in range(first, last)
            )
    return {stretch: place for stretch, (_, place) in least.items()}


def _product(call: Call, chain: list[Value], order: dict[tuple[int, int], int], first: int, last: int) -> Value:
    if first == last:
        return chain[first]
    place = order[first, last]
    return multiplied(call, _product(call, chain, order, first, place), _product(call, chain, order, place + 1, last))


@rule("grouped_mm_fallback", domain="transformers")
@aten("_grouped_mm")
def grouped(call: Call, self: Value, mat2: Value, offs: Value | None = None, bias: Value | None = None) -> Value:
    """Rows that are sorted by expert, each group of them against a matrix of its own: every row meets one matrix, so
    where the groups end changes nothing. Either side may be the one that is cut into groups.
    """
    first, second = self.dims, mat2.dims
    if len(first) == 2 and len(second) == 2:
        out, each = (*(offs.dims if offs is not None else ()), first[0], second[1]), size(first)
    else:
        out = (*first[:-1], second[-1]) if len(second) == 3 else (first[1], second[-1])
        each = size(first) if len(second) == 3 else size(first[1:])
    return call.figure(
        "grouped_matmul", out, [self, mat2], words=f"grouped_matmul {spell_dim(second[-1])}", macs=each * second[-1],
        elementwise=size(out) if bias is not None else 0, weights={"weight": mat2, "bias": bias},
        reach=Reach.ALL, flags=LAYER,
    )  # fmt: skip


@aten("matrix_power", "linalg_matrix_power")
def power(call: Call, self: Value, *, n: int = 1) -> Value:
    """A matrix times itself, by squares: a product for each bit of the power below the first, and for each that is
    set.
    """
    if n < 0:
        raise Unknown("how a library inverts isn't known")
    value, square = self, self
    seen = False
    for bit in bin(max(n, 1))[:1:-1]:
        if bit == "1":
            value, seen = (multiplied(call, value, square), True) if seen else (square, True)
        n >>= 1
        square = multiplied(call, square, square) if n else square
    return value


@aten("linalg_norm", "linalg_matrix_norm", "linalg_vector_norm", "norm", "frobenius_norm", "nuclear_norm")
def norm(
    call: Call, self: Value, *, ord: Attribute = None, p: Attribute = None, dim: Attribute = None, keepdim: bool = False
) -> Operand:
    """The norm of vectors, or of matrices; one that singular values make up isn't known. A square or an absolute value,
    and a sum, an element, and a root; a power and a root more for an order that is none of 0, 1, 2 and infinity.
    """
    rank, order = len(self.dims), p if ord is None else ord
    over = axes([-2, -1] if call.op == "linalg_matrix_norm" and dim is None else dim, rank)
    matrices = call.op in ("linalg_matrix_norm", "nuclear_norm") or (
        call.op == "linalg_norm" and order is not None and len(over) == 2
    )
    if call.op == "nuclear_norm" or (matrices and order in (2, -2, "nuc")):
        raise Unknown("how a library finds singular values isn't known")
    if not over or order in (None, 2, "fro"):
        return as_onnx(call, "ReduceL2", self, numbers(over), keepdims=int(keepdim)) if over else self
    out = without(self.dims, set(over), keepdim)
    simple = order in (0, 1, -1) if matrices else order in (0, 1)
    cost = 2 * size(self.dims) - size(out) if simple or "inf" in str(order) else 3 * size(self.dims)
    return call.figure(
        f"norm_{order}".replace("-", "minus_").replace(".", "_"), out, [self], elementwise=cost, reach=Reach.MIXED
    )


@aten("dist", "linalg_vecdot", "pdist", "_pdist_forward", "trace", "renorm")
def across(call: Call, self: Value, other: Value | None = None) -> Value:
    """What rows come to together, in the shape that torch says: a difference or a product, and a sum, an element;
    `pdist` of each pair.
    """
    shape, out = self.dims if other is None else call.assumed.broadcast(self.dims, other.dims), declared(call)
    every: Dim = size(out) * shape[-1] if "pdist" in call.op else size(shape)
    cost = {"linalg_vecdot": 2, "trace": 1}.get(call.op, 3)
    return call.figure(call.op.strip("_"), out, [self, other], elementwise=cost * every, reach=Reach.MIXED)


@aten("cross", "linalg_cross")
def cross(call: Call, self: Value, other: Value) -> Value:
    """The vector that stands on two: two products and a difference an element."""
    shape = call.assumed.broadcast(self.dims, other.dims)
    return call.figure("cross", shape, [self, other], elementwise=3 * size(shape), reach=Reach.MIXED)


@aten("kron", "vander")
def kron(call: Call, self: Value, other: Value | None = None) -> Value:
    """Products of elements, in the shape that torch says: one an output."""
    out = declared(call)
    return call.figure(call.op, out, [self, other], elementwise=size(out), reach=Reach.MIXED)
