"""Relative positions that are multiplied with queries: a learned vector for each distance along each axis."""

from collections.abc import Sequence

from archcalc.algebra import Dim, maximum, same
from archcalc.errors import ShapeError
from archcalc.ops.base import INDEX, Op, Own, Reach, Saved, Shape, Windows, number, size, spell_shape
from archcalc.ops.emit import Builder, Tensor, Value
from archcalc.ops.kinds import Amount, Sizes
from archcalc.ops.sequences import as_size


class RelativePositions(Op):
    """Adds to the scores of attention what a query's product with a learned vector is: one vector for each distance of
    query and key along each axis, the same for all heads (arXiv:2112.01526, section 4.1; SAM's encoder).

    `relative_positions 8x28x28 8x14x14: [scores, queries]` takes `heads x queries x keys` and `heads x width x queries`
    of maps with these sides; where they differ, places are spread apart. `token=1` says how many positions come before
    the map: they have no place.
    """

    word = "relative_positions"
    positional = ("queries", "keys")
    arity = (2, 2)
    in_place = True
    autocast = "half"

    queries: Sizes
    keys: Sizes
    token: Amount = 0

    @property
    def kinds(self) -> tuple[str, ...]:
        return (self.word, "matmul")

    @property
    def sides(self) -> tuple[tuple[Dim, Dim], ...]:
        """Of the map of queries, and of that of keys, an axis."""
        queries, keys = (side if isinstance(side, tuple) else (side,) for side in (self.queries, self.keys))
        if len(queries) != len(keys):
            raise ShapeError(f"{self.word}: {len(queries)} axes of queries and {len(keys)} of keys")
        return tuple(zip(queries, keys, strict=True))

    @property
    def _places(self) -> tuple[Dim, Dim]:
        """How many queries and keys have a place."""
        return size(query for query, _ in self.sides), size(key for _, key in self.sides)

    def shape(self, *inputs: Shape) -> Shape:
        scores, x = inputs
        queries, keys = (many + self.token for many in self._places)
        if not (len(scores) == 3 and same(scores[1], queries) and same(scores[2], keys)):
            raise ShapeError(f"{self.word}: scores are heads x {queries} x {keys}, got {spell_shape(scores)}")
        if not (len(x) == 3 and same(x[0], scores[0]) and same(x[2], queries)):
            raise ShapeError(f"{self.word}: queries are {scores[0]} x width x {queries}, got {spell_shape(x)}")
        return scores

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        width = inputs[1][1]
        return {f"axis{n}": (as_size(2 * maximum(query, key) - 1), width) for n, (query, key) in enumerate(self.sides)}

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        """Every query by the vectors of all keys' distances along an axis."""
        heads, width, _ = inputs[1]
        return heads * width * self._places[0] * sum(key for _, key in self.sides)

    def backward(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Dim:
        """The gradient of the queries and of the vectors is a product of the same size each."""
        return (dx[1] + dw) * self.macs(output, *inputs)

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """The products of all axes are added to each score of a query and a key that have places."""
        return output[0] * size(self._places) * len(self.sides)

    def inside(self, output: Shape, *inputs: Shape) -> Dim:
        """The products along each axis, and their sum."""
        queries, keys = self._places
        return output[0] * queries * (sum(key for _, key in self.sides) + keys)

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """For each axis the indices and the vectors that they pick, once for all samples, and the queries laid out for
        the product. Scores are added to where they stand.
        """
        heads, width, _ = inputs[1]
        own: list[Own] = []
        for query, key in self.sides:
            own += [Own("indices of distances", query * key, INDEX, True)] if dw else []
            own += [Own("vectors of distances", query * key * width, once=True)] if dx[1] else []
            own += [Own("queries by axis", heads * width * self._places[0])] if dw else []
        return Saved(own=tuple(own), shows=True)

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.ALL

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        scores, x = tensors
        heads, width = x.shape[:2]
        sides, rank = [(number(query), number(key)) for query, key in self.sides], len(self.sides)
        placed: Value = x
        if self.token != 0:
            placed = builder.node("Slice", x, *(builder.ints((n,)) for n in (self.token, x.shape[2], 3)))
        places = builder.reshaped(placed, heads, width, *(query for query, _ in sides))
        total: Value = ""
        for n in range(rank):
            product = self._product(builder, places, n)
            spread = [key if n == axis else 1 for axis, (_, key) in enumerate(sides)]
            value = builder.reshaped(product, heads, *(query for query, _ in sides), *spread)
            total = builder.node("Add", total, value) if total else value
        added: Value = builder.reshaped(total, heads, *self._places)
        if self.token != 0:
            before = builder.ints((0, 0, self.token, self.token, 0, 0, 0, 0))
            added = builder.node("Pad", added, before, builder.real(0.0))
        return builder.node("Add", scores, added)

    def _product(self, builder: Builder, places: Value, axis: int) -> Value:
        """`batch x heads x the queries' sides x keys of one axis`: that axis goes before all others, and back."""
        sides = [(number(query), number(key)) for query, key in self.sides]
        query, key = sides[axis]
        rank, others = len(sides), [n for n in range(len(sides)) if n != axis]
        rows = builder.ints(_distances(query, key))
        table = builder.node("Gather", builder.weight(f"axis{axis}"), rows, axis=0)
        vectors = builder.node("Reshape", table, builder.ints((query, key, -1)))
        vectors = builder.node("Transpose", vectors, perm=[0, 2, 1])
        order = [0, 1, 3 + axis, *(3 + n for n in others), 2]
        x = builder.node("Transpose", places, perm=order)
        flat = builder.node("Reshape", x, builder.ints((0, 0, query, size(sides[n][0] for n in others), -1)))
        product = builder.node("MatMul", flat, vectors)
        apart = builder.node("Reshape", product, builder.ints((0, 0, query, *(sides[n][0] for n in others), key)))
        back = [0, 1, *(2 + [axis, *others].index(n) for n in range(rank)), 2 + rank]
        return builder.node("Transpose", apart, perm=back)


def _distances(queries: int, keys: int) -> list[int]:
    """The row of the table for each query and key of one axis: places of the shorter side are spread apart."""
    by_query, by_key = max(keys / queries, 1.0), max(queries / keys, 1.0)
    return [int(i * by_query - (j + 1 - keys) * by_key) for i in range(queries) for j in range(keys)]


__all__ = ["RelativePositions"]
