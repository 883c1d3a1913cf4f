"""What PyTorch keeps of layers that the language has no operator for, by what they are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from archcalc.algebra import Dim
from archcalc.ops.base import INDEX, NOTHING, SINGLE, Own, Saved, Shape, size
from archcalc.ops.dense import GRU, LSTM, RNN
from archcalc.tuples import NamedTuple

STEPS = {"lstm": LSTM, "gru": GRU, "rnn": RNN}


class Layer(NamedTuple):
    """A layer as it stands in a network: its shapes, its weights, where a gradient is wanted, what a framework calls
    it, its buffers, and quantities that its rule has `known`: `units`, `positions`.
    """

    word: str
    output: Shape
    inputs: tuple[Shape, ...]
    weights: Mapping[str, Shape]
    dx: Sequence[bool]
    dw: bool
    called: str = ""
    buffers: Mapping[str, Shape] = {}
    known: Mapping[str, Dim] = {}

    @property
    def all(self) -> tuple[int, ...]:
        """The positions of its inputs."""
        return tuple(range(len(self.inputs)))


def saved(layer: Layer) -> Saved:
    """What it keeps; its inputs, as most layers do, where nothing else is known."""
    rule = CALLED.get(layer.called) or KEEPING.get(layer.word)
    return rule(layer) if rule else Saved(inputs=layer.all)


def over_its_input(layer: Layer) -> Saved:
    """What it keeps where it is written over its first input: what it put out, if that tells the gradient, else a copy
    of the input.
    """
    kept = saved(layer)
    if layer.word in FROM_OUTPUT:
        return Saved(output=True, own=kept.own, shows=True)
    copy = (Own("a copy of its input", size(layer.output)),) if 0 in kept.inputs else ()
    return Saved(kept.inputs[1:] if copy else kept.inputs, kept.output, (*copy, *kept.own), True)


def _product(layer: Layer) -> Saved:
    """A factor where the other's gradient is wanted; beside a number that wasn't learned nothing."""
    if len(layer.inputs) == 2:
        return Saved(inputs=tuple(n for n in (0, 1) if layer.dx[1 - n]))
    return Saved(inputs=layer.all if layer.dw or len(layer.inputs) > 2 else ())


def _quotient(layer: Layer) -> Saved:
    """The divisor, and what it divides where the divisor's gradient is wanted."""
    if len(layer.inputs) == 2:
        return Saved(inputs=(0, 1) if layer.dx[1] else (1,))
    return Saved(inputs=layer.all if layer.dw else ())


def _recurrent(layer: Layer) -> Saved:
    """The input, and of each step the gates and states, as the language's own layer does."""
    like, units = STEPS[layer.word], layer.known.get("units", 0)
    first = units // layer.output[0] * like.first if like.first else 0
    gates = Own("gates and states", like.kept * units + first + layer.known.get("projected", 0))
    mask = (Own("a mask", layer.known["dropped"], autocast=1),) if "dropped" in layer.known else ()
    return Saved(inputs=(0,), own=(gates, *mask))


def _attention(layer: Layer) -> Saved:
    """As `scaled_dot_product_attention` does where it runs as plain products, of heads that are cut out of projections:
    queries and keys, scaled, the values, and the weights of the scores; under mixed precision in fp32. The values are
    copied unless their heads lie one after the other, as where all projections are one.
    """
    if len(layer.inputs) < 3:
        return Saved(inputs=layer.all)
    query, key, value = layer.inputs[:3]
    scores = size(query[:-1]) * key[-2]
    own: tuple[Own, ...] = (
        Own("scaled queries and keys", size(query) + size(key), autocast=SINGLE),
        Own("values", size(value), -1 if "in order" in layer.known else 0, autocast=SINGLE),
        Own("weights of the scores", scores, autocast=SINGLE),
    )
    if "dropped" in layer.known:
        own += Own("a mask", scores, autocast=1), Own("weights that weren't dropped", scores, autocast=SINGLE)
    return Saved(own=own, plain=(2,) if "in order" in layer.known else ())


def _instances(layer: Layer) -> Saved:
    """The statistics, and what is repeated for each sample: the scale, and statistics that are tracked."""
    repeated = [name for name in (*layer.weights, *layer.buffers) if name in ("scale", "mean", "variance")]
    own = Own("statistics", 2 * layer.output[0], SINGLE), Own("repeated", len(repeated) * layer.output[0], SINGLE)
    return Saved(inputs=layer.all, own=own)


def _batches(layer: Layer) -> Saved:
    return Saved(inputs=layer.all, own=(Own("statistics", 2 * layer.output[0], SINGLE, once=True),))


def _maxima(layer: Layer) -> Saved:
    return Saved(inputs=layer.all, own=(Own("indices", size(layer.output), INDEX),))


def _chosen(layer: Layer) -> Saved:
    """Where the chosen elements stood; of an extreme of everything the input and the output."""
    if not layer.output:
        return Saved(inputs=layer.all[:1], output=True)
    return Saved(own=(Own("indices", size(layer.output), INDEX),))


def _conditions(layer: Layer) -> Saved:
    return Saved(own=(Own("the condition", size(layer.output), 1),))


def _drawn(layer: Layer) -> Saved:
    return Saved(inputs=layer.all, own=(Own("the slopes that were drawn", size(layer.output)),))


def _log_sigmoid(layer: Layer) -> Saved:
    """The input, and on a CPU exp(-|x|)."""
    return Saved(inputs=layer.all, own=(Own("its exponential", size(layer.output), autocast=-1),))


def _positions(layer: Layer) -> Saved:
    return Saved(inputs=layer.all, own=(Own("statistics", 2 * layer.known.get("positions", 0), SINGLE),))


def _roots(layer: Layer) -> Saved:
    """The input, the inverse root of each position, and off a GPU what the scale is multiplied by."""
    normal = (Own("the normalised input", size(layer.output), SINGLE, autocast=-1),) if layer.dw else ()
    return Saved(inputs=layer.all, own=(Own("inverse roots", layer.known.get("positions", 0), SINGLE), *normal))


def _bags(layer: Layer) -> Saved:
    """The indices, the bag of each, and of each bag where it begins and how large it is."""
    bags = size(layer.output[:-1])
    return Saved(own=(Own("indices and bags", 2 * size(layer.inputs[0]) + 2 * bags, INDEX),))


def _cosines(layer: Layer) -> Saved:
    """Both inputs, both divided by their lengths, and the lengths before and after they are kept from zero."""
    divided = Own("inputs over their lengths", size(layer.inputs[0]) + size(layer.inputs[-1]))
    return Saved(inputs=layer.all, own=(divided, Own("lengths", 4 * size(layer.output))))


def _distances(layer: Layer) -> Saved:
    """The differences, and their lengths."""
    return Saved(output=True, own=(Own("differences", size(layer.inputs[0])),))


def _power(layer: Layer) -> Saved:
    """What is raised; with a computed exponent that and the power as well."""
    return Saved(inputs=layer.all, output=len(layer.inputs) > 1)


def _gathered(layer: Layer) -> Saved:
    return Saved(inputs=(0,), own=(Own("indices", size(layer.output), INDEX),))


KEEPING: dict[str, Callable[[Layer], Saved]] = {
    "mul": _product, "div": _quotient, "lstm": _recurrent, "gru": _recurrent, "rnn": _recurrent,
    "attention": _attention, "instancenorm": _instances, "bn": _batches, "adaptive_maxpool": _maxima, "ln": _positions,
    "rmsnorm": _roots, "rrelu": _drawn, "log_sigmoid": _log_sigmoid, "embedding_bag": _bags, "pow": _power,
    "cosine_similarity": _cosines, "pairwise_distance": _distances, "expand": lambda layer: Saved(shows=True),
}  # fmt: skip
# by what PyTorch calls them
CALLED: dict[str, Callable[[Layer], Saved]] = {
    **dict.fromkeys(("max", "min", "median", "mode", "kthvalue", "sort", "topk", "cummax"), _chosen),
    "where": _conditions, "masked_fill": _conditions, "gather": _gathered,
}  # fmt: skip
NOTHING_KEPT = (
    "add", "sub", "neg", "reduce_mean", "reduce_sum", "upsample", "roll", "flip", "pad", "tile", "unfold", "sign",
    "floor", "ceil", "round", "tril", "triu", "cumsum", "cum_sum", "equal", "not_equal", "less", "less_or_equal",
    "greater", "greater_or_equal", "and", "or", "xor", "not", "is_nan", "is_inf", "is_finite", "argmax", "argmin",
    "argsort",
)  # fmt: skip
KEEPING |= dict.fromkeys(NOTHING_KEPT, lambda layer: NOTHING)
KEEPING |= dict.fromkeys(("exp", "sqrt", "rsqrt", "reciprocal", "log_softmax"), lambda layer: Saved(output=True))
BOTH = (
    "reduce_max", "reduce_min", "reduce_l2", "reduce_prod", "reduce_log_sum_exp", "logsumexp", "std", "cdist",
    "cumprod",
)  # fmt: skip
KEEPING |= dict.fromkeys(BOTH, lambda layer: Saved(inputs=layer.all, output=True))
FROM_OUTPUT = frozenset(("celu", "rrelu", "exp", "sqrt", "rsqrt", "reciprocal"))  # in place, too
# computed in fp32 under mixed precision, whatever arrives
PRECISE = frozenset(("exp", "reciprocal", "rsqrt", "reduce_sum", "log_softmax", "reduce_l2"))
CAST = frozenset(("pow", "log", "cosine_similarity"))  # and of these the inputs are kept in fp32

__all__ = ["CAST", "PRECISE", "Layer", "over_its_input", "saved"]
