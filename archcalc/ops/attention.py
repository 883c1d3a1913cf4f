"""Attention: every position takes a mean of values, weighted by the products of its query with keys."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from archcalc.algebra import Dim, Poly, divides, minimum, same, text
from archcalc.errors import ShapeError, Undecided
from archcalc.ops import attending, remembering
from archcalc.ops.base import Reach, Saved, Shape, Windows, is_less, need_rank, reaching, size, spell, spell_shape
from archcalc.ops.emit import Builder, Tensor, Value
from archcalc.ops.kinds import Flag, Size
from archcalc.ops.projections import CONSTANT, EVERY, INNER, Bias, Heads, Partly, Projection, biased
from archcalc.ops.sequences import Extent, Sequences, as_size

SELF = ("causal", "window", "cache", "latent", "rope")  # options that speak of positions of one sequence


def is_pairs(turned: bool | Dim) -> bool | None:
    """Whether the features that turn are pairs; None where what is free decides."""
    try:
        return isinstance(turned, bool) or divides(2, turned)
    except Undecided:
        return None


class Attention(Sequences):
    """Multi-head attention with its projections: one input (self), two (q, kv) or three (q, k, v). arXiv:1706.03762.

    `head_dim` is the width of a head, or `dim` that of all heads together (the query's features by default), `v_dim`
    that of a head's values; `kv_heads` shares keys and values between heads (grouped queries). `bias=` says which
    projections have one: `true` all, `false` none, or as `qkv`, `qv_out`; `relative` adds a learned number for each
    distance and head, of as many distances as there are, or `relative=` of them; with `hidden=` a network with so many
    hidden units makes them of the distances (arXiv:2111.09883). `qk_norm` norms each head's query and key (RMS), `rope`
    turns them by their position (or only so many features of them). `cosine` scores by their cosine, times a learned
    scale a head.

    `causal` hides later positions; work on them is counted, as kernels that mask do it, and `causal=half` counts only
    the pairs that are seen. `window=7x7 shift=3` attends inside of windows that are shifted (arXiv:2103.14030), padded
    to whole ones; a `causal` window is that of so many positions before. `cache=PAST` has the keys and values of PAST
    positions kept from before (zeros in an export). `latent=` keeps keys and values as one small vector and `rope=`
    features (multi-head latent attention, arXiv:2405.04434), `q_latent=` does so for queries. Where the features are
    the last axis (`axis=-1`), axes before the positions are a batch of sequences.

    MACs: the projections, `q k^T` and the weighted sum of `v`. The scores of all heads are in memory while it runs
    (eager), unless it is `fused`: then they never are (arXiv:2205.14135).
    """

    word = "attention"
    block = "attention"
    positional = ("heads",)
    arity = (1, 3)
    is_layer = True
    autocast = "half"
    unspoken = ("fused", "causal", "rope", "qk_norm", "cosine", "axis")

    heads: Size
    dim: Size | None = None
    kv_heads: Size | None = None
    out: Size | None = None
    bias: Bias = True
    fused: Flag = False
    head_dim: Size | None = None
    v_dim: Size | None = None
    relative: Size | None = None
    hidden: Size | None = None
    cosine: Flag = False
    rope: Partly = False
    qk_norm: Flag = False
    latent: Size | None = None
    q_latent: Size | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        return (self.word,) if any(map(self._adds, ("q", "k", "v", "out"))) else ("attention_plain", self.word)

    def _adds(self, part: str) -> bool:
        """Whether a bias is added to the output of a projection, or by distance to the scores."""
        if isinstance(self.bias, bool):
            return part != EVERY and self.bias
        return self.bias == EVERY or part in biased(self.bias)

    @property
    def is_relative(self) -> bool:
        """Whether scores have a learned number a distance."""
        return self.relative is not None or self._adds(EVERY)

    # ---- widths ------------------------------------------------------------------------------------------------------

    @property
    def _shared(self) -> Dim:
        """Heads of keys and values."""
        return self.heads if self.kv_heads is None else self.kv_heads

    def _whole(self, q: Shape) -> Dim:
        """The width of all heads of queries together."""
        if self.head_dim is not None:
            return self.heads * self.head_dim
        return self.features(q) if self.dim is None else self.dim

    def widths(self, q: Shape) -> Heads:
        """Heads, and widths that can be told; a ShapeError where they don't fit."""
        whole = self._fitting(q)
        width = self._width(whole)
        return Heads(self.heads, self._shared, width, width if self.v_dim is None else self.v_dim)

    def _width(self, whole: Dim) -> Dim:
        """Of a head. Raises Undecided where it has no closed form in the number of heads."""
        width = self.head_dim if self.head_dim is not None else self._quotient(whole)
        if width is None:
            message = f"the width of a head, {whole} by `{self.heads}`, has no closed form; bind it with --set"
            raise Undecided(message, getattr(self.heads, "symbols", ()))
        return width

    def _quotient(self, whole: Dim) -> Dim | None:
        """A width by the heads; None where free heads are no factor of it."""
        if isinstance(self.heads, int):
            return whole // self.heads
        one = whole.substitute(dict.fromkeys(self.heads.symbols, 1)) if isinstance(whole, Poly) else 1
        return None if isinstance(one, Fraction) or one * self.heads != whole else one

    def _joined(self, q: Shape) -> tuple[Dim, Dim, Dim, Dim]:
        """Of all heads together: queries, keys, values, and the mixed values. A width that divides by no number of free
        heads isn't needed where each query has keys of its own.
        """
        whole = self._whole(q)
        if self.head_dim is None and self._shared == self.heads and self._quotient(whole) is None:
            own = whole if self.v_dim is None else self.heads * self.v_dim
            return whole, whole, own, own
        heads = self.widths(q)
        return whole, heads.width * heads.keys, heads.value * heads.keys, heads.value * heads.queries

    def assumes(self, *inputs: Shape) -> tuple[str, ...]:
        """That heads which are free divide what they have to, and that features turn in pairs."""
        whole = self._whole(inputs[0])
        found = [(self.heads, whole)] if self.head_dim is None and self._quotient(whole) is None else []
        found += [(self._shared, self.heads)] if self._shared != self.heads else []
        wide = self.head_dim if self.latent is None and not isinstance(self.rope, bool) else None
        return (
            *(f"{text(whole)} % {spell(by)} == 0" for by, whole in found if isinstance(by, Poly)),
            *([f"{text(self.rope)} % 2 == 0"] if is_pairs(self.rope) is None else []),
            *(() if wide is None else reaching(wide, self.rope)),
        )

    # ---- shapes ------------------------------------------------------------------------------------------------------

    def _operands(self, inputs: tuple[Shape, ...]) -> tuple[Shape, Shape, Shape]:
        hint = "features, then positions" if self.axis == 0 else "positions, then features"
        for x in inputs:
            need_rank("attention", x, 2, 5 if self.axis else 4, hint)
        q = inputs[0]
        k = inputs[1] if len(inputs) > 1 else q
        v = inputs[2] if len(inputs) > 2 else k
        if not same(size(self.places(k)), size(self.places(v))):
            raise ShapeError(
                f"attention: keys {spell_shape(k)} and values {spell_shape(v)} have different numbers of positions"
            )
        for x in (k, v):
            if not (
                len(self.sequences(x)) == len(self.sequences(q))
                and all(map(same, self.sequences(x), self.sequences(q)))
            ):
                raise ShapeError(f"attention: {spell_shape(q)} and {spell_shape(x)} are not as many sequences")
        self._refuse(inputs)
        return q, k, v

    def _refuse(self, inputs: tuple[Shape, ...]) -> None:
        """Options that don't go together."""
        given = {"relative": self.is_relative or None} | {name: getattr(self, name) for name in SELF}
        alone = [name for name, value in given.items() if value not in (None, False)]
        if len(inputs) > 1 and alone:
            raise ShapeError(f"{alone[0]} is for attention of one input to itself")
        if self.shift is not None and (self.window is None or self.causal):
            raise ShapeError("shift moves the windows of `window=`, and there are none")
        if self.causal and self.window is not None:
            _ = self.reach
        if self.blocks and self.cache is not None:
            raise ShapeError("a cache goes with all earlier positions, or a causal window of them")
        if self.latent is not None and (isinstance(self.rope, bool) or self.kv_heads is not None or self.qk_norm):
            raise ShapeError("latent needs `rope=` features that turn, and takes neither kv_heads nor qk_norm")
        width = self.head_dim if self.latent is None else None
        turns = not isinstance(self.rope, bool)
        if is_pairs(self.rope) is False or (turns and width is not None and is_less(width, self.rope)):
            raise ShapeError(f"rope turns pairs of a head's features, not {self.rope}")
        if self.q_latent is not None and self.latent is None:
            raise ShapeError("q_latent goes with latent")
        if self.hidden is not None and (self.relative is not None or not self.is_relative):
            raise ShapeError("hidden goes with `bias=relative`: a network makes a bias of every distance")
        if self.latent is not None and (self.hidden is not None or self.cosine):
            raise ShapeError("latent takes neither hidden nor cosine")
        if self.cosine and self.qk_norm:
            raise ShapeError("cosine norms queries and keys itself, without qk_norm")

    def shape(self, *inputs: Shape) -> Shape:
        q, _, _ = self._operands(inputs)
        self._fitting(q)
        self._joined(q)
        if self.blocks:
            self.moved(q)
        out = self.features(q) if self.out is None else self.out
        return (*q[:-1], out) if self.axis else (out, *q[1:])

    def _fitting(self, q: Shape) -> Dim:
        """The width of all heads together, where heads divide what they have to."""
        whole, shared = self._whole(q), self._shared
        for divisor, dividend, what in (
            (self.heads, whole, f"heads={self.heads} does not divide the width {whole}"),
            (shared, self.heads, f"kv_heads={shared} does not divide heads={self.heads}"),
        ):
            if isinstance(divisor, int) and not divides(divisor, dividend):
                raise ShapeError(f"attention: {what}")
        return whole

    # ---- what is learned ---------------------------------------------------------------------------------------------

    def projections(self, *inputs: Shape) -> list[Projection]:
        """In the order in which they run."""
        q, k, v = self._operands(inputs)
        extent, last = self.extent(*inputs), len(inputs) - 1
        out = self.features(q) if self.out is None else self.out
        if self.latent is not None:
            return [*self._compressed(q, extent, out)]
        queries, keys, values, mixed = self._joined(q)
        return [
            *self._of_distances(*inputs),
            Projection("q", queries, self.features(q), extent.queries, 0, self._adds("q")),
            Projection("k", keys, self.features(k), extent.keys, min(1, last), self._adds("k")),
            Projection("v", values, self.features(v), extent.keys, last, self._adds("v")),
            Projection("out", out, mixed, extent.queries, INNER, self._adds("out")),
        ]

    def _of_distances(self, *inputs: Shape) -> Iterator[Projection]:
        """The network from the distance along each axis to a bias a head, where there is one."""
        if self.hidden is not None:
            sides, every = len(self.sides(*inputs)), self.distances(*inputs)
            yield Projection("distances", self.hidden, sides, every, CONSTANT, True)
            yield Projection("relative", self.heads, self.hidden, every)

    def _compressed(self, x: Shape, extent: Extent, out: Dim) -> Iterator[Projection]:
        """Through a latent vector: of keys and values always, of queries with `q_latent`."""
        heads, features = self.widths(x), self.features(x)
        assert self.latent is not None
        width = heads.queries * (heads.width + self.rope)
        if self.q_latent is None:
            yield Projection("q", width, features, extent.queries, 0)
        else:
            yield Projection("q_down", self.q_latent, features, extent.queries, 0, self._adds("q"), self.q_latent)
            yield Projection("q", width, self.q_latent, extent.queries)
        yield Projection("kv_down", self.latent + self.rope, features, extent.keys, 0, self._adds("k"), self.latent)
        every = size(self.sequences(x)) * extent.seen
        yield Projection("kv", heads.queries * (heads.width + heads.value), self.latent, every)
        yield Projection("out", out, heads.queries * heads.value, extent.queries, INNER, self._adds("out"))

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        found = self.projections(*inputs)
        weights: dict[str, Shape] = {f"{each.name}_weight": (each.out, each.into) for each in found}
        weights |= {f"{each.name}_bias": (each.out,) for each in found if each.bias}
        weights |= {f"{each.name}_norm": (each.normed,) for each in found if each.normed != 0}
        if self.qk_norm:
            weights |= dict.fromkeys(("q_norm", "k_norm"), (self.widths(inputs[0]).width,))
        if self.cosine:
            weights["scale"] = (self.heads,)
        if self.is_relative and self.hidden is None:
            weights["relative"] = (self.distances(*inputs), self.heads)
        return weights

    def distances(self, *inputs: Shape) -> Dim:
        """How many differences of places there are, or are told apart."""
        if self.relative is not None:
            return self.relative
        return size(2 * side - 1 for side in self.sides(*inputs))

    def sides(self, *inputs: Shape) -> Shape:
        """The axes along which distances are told: of a window, of a map, or of all that is seen."""
        return self.blocks or (self.places(inputs[0]) if self.past == 0 else (self.extent(*inputs).seen,))

    # ---- costs -------------------------------------------------------------------------------------------------------

    def _depth(self, q: Shape) -> Dim:
        """MACs that a pair of a query and a key costs, in all heads: products of widths, and of values."""
        if self.latent is not None:
            heads = self.widths(q)
            return heads.queries * (heads.width + self.rope + heads.value)
        queries, _, _, mixed = self._joined(q)
        return queries + mixed

    def parts(self, *inputs: Shape) -> dict[str, Dim]:
        """What it does, for conventions that count only some of it: MACs of all `projections` and of the two
        `products`, and of those the ones that are `skipped`; numbers of `scores`, of the `queries`' features, of the
        features that queries, keys and values are `projected` to, and of the values `mixed` by the scores; additions
        of a bias to what is projected and put out (`biased`).
        """
        q, _, _ = self._operands(inputs)
        extent, depth, found = self.extent(*inputs), self._depth(q), self.projections(*inputs)
        whole = extent.queries * extent.seen
        inner = {"q", "k", "v", "kv"} if self.latent is None else {"q", "kv"}
        return {
            "projections": sum(each.positions * each.out * each.into for each in found),
            "products": whole * depth,
            "skipped": (whole - extent.pairs) * depth,
            "scores": self.heads * whole,
            "queries": extent.queries * self.features(q),
            "mixed": extent.queries * found[-1].into,
            "projected": sum(each.positions * each.out for each in found if each.name in inner),
            "biased": sum(each.positions * each.out for each in found if each.bias),
        }

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        found = self.parts(*inputs)
        return found["projections"] + found["products"] - found["skipped"]

    def emitted_macs(self, output: Shape, *inputs: Shape) -> Dim:
        """A graph of products has no kernel that skips what is hidden."""
        found = self.parts(*inputs)
        return found["projections"] + found["products"]

    def backward(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Dim:
        """Weights' gradients, the inputs' where they are wanted, and what lies between: the products of scores
        twice.
        """
        any_, found = dw or any(dx), self.parts(*inputs)
        total: Dim = 2 * (found["products"] - found["skipped"]) if any_ else 0
        for each in self.projections(*inputs):
            needed = any_ if each.reads == INNER else each.reads != CONSTANT and dx[each.reads]
            total = total + (dw + needed) * (each.positions * each.out * each.into)
        return total

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """The scaling and softmax of the scores and what is added to them, the biases, norms and turns; of a network of
        distances its ReLU, and the sigmoids that put its biases between 0 and 16.
        """
        extent, found = self.extent(*inputs), self.parts(*inputs)
        masked = bool(self.causal) + any(self.blocks and self.moved(inputs[0])) + self.is_relative
        scores = self.heads * extent.pairs
        total = scores + 5 * scores - 2 * self.heads * extent.queries + masked * scores + found["biased"]
        for each in self.projections(*inputs):
            total = total + (4 * each.normed + 2) * each.positions if each.normed != 0 else total
        if self.hidden is not None:
            total = total + self.distances(*inputs) * (self.hidden + 5 * self.heads)
        return total + self._turned(inputs[0], extent) + (self._cosines(inputs[0], extent) if self.cosine else 0)

    def _cosines(self, q: Shape, extent: Extent) -> Dim:
        """Lengths of queries and keys, at least a little, by which they are divided; a scale is the exponential of what
        is learned, within a limit.
        """
        queries, keys, _, _ = self._joined(q)
        return 3 * (queries * extent.queries + keys * extent.keys) + self.vectors(extent) + 2 * self.heads

    def vectors(self, extent: Extent) -> Dim:
        """How many queries and keys there are, in all heads."""
        return self.heads * extent.queries + self._shared * extent.keys

    def _turned(self, q: Shape, extent: Extent) -> Dim:
        """Three operations a feature that turns; an RMS norm is four an element and two a vector."""
        if not self.qk_norm and self.rope is False:
            return 0
        heads = self.widths(q)
        many = heads.queries * extent.queries + (1 if self.latent is not None else heads.keys) * extent.keys
        turned = heads.width if self.rope is True else self.rope
        return many * (3 * turned + ((4 * heads.width + 2) if self.qk_norm else 0))

    def cached(self, *inputs: Shape) -> Dim:
        """Numbers that are kept for the positions to come: keys and values of all so far, or of the last that a window
        shows; with `latent=` that and the turned features.
        """
        if self.cache is None:
            return 0
        x = inputs[0]
        _, keys, values, _ = (0, 0, 0, 0) if self.latent is not None else self._joined(x)
        held = self.cache + size(self.places(x))
        limited = held if self.window is None else as_size(minimum(held, self.reach))
        each = keys + values if self.latent is None else self.latent + self.rope
        return size(self.sequences(x)) * limited * each

    def inside(self, output: Shape, *inputs: Shape) -> Dim:
        """Queries, keys and values, and the scores; fused the weighted values in place of the scores."""
        found = self.parts(*inputs)
        return found["projected"] + (found["mixed"] if self.fused else found["scores"])

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        return remembering.saves(self, inputs)

    def saves_scaled(self, *inputs: Shape) -> Saved:
        """What its scaled product of queries, keys and values saves for the way back, a sample."""
        return remembering.saves_scaled(self, inputs)

    def windows(self, *inputs: Shape) -> Windows:
        """Without windows and masks all is seen, by every position; of several sequences only its own."""
        local = bool(self.causal or self.axis) or (self.blocks and self.blocks != self.padded(inputs[0]))
        return Reach.MIXED if local else Reach.ALL

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        return attending.emit(self, builder, tensors)


__all__ = ["Attention"]
