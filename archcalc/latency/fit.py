"""Prices from measured times: non-negative least squares on relative errors, each class of kernels drawn towards what
all have in common.

numpy is needed for fitting alone; predicting does without.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy

from archcalc.algebra import Poly
from archcalc.latency.profile import PRICES, Kind
from archcalc.latency.work import Work
from archcalc.measure.latency import rank_correlation
from archcalc.ops.base import number
from archcalc.tuples import NamedTuple
from archcalc.untyped import Array

POOLED = {  # prices that classes have in common, and what each is for
    "mac": ("ps_per_mac",),
    "weight": ("ps_per_weight_byte",),
    "activation": ("ps_per_input_byte", "ps_per_output_byte"),
    "far": ("ps_per_far_byte",),
    "byte": ("ps_per_weight_byte", "ps_per_input_byte", "ps_per_output_byte"),
    "call": ("ns_per_call",),
}
CACHED = ("mac", "weight", "activation", "far", "call")  # weights come from memory, activations from caches
NO_CALLS = ("mac", "weight", "activation")
STREAMED = ("mac", "byte")  # all comes from one memory, and batches are large enough to hide calls
OPTIONAL = {"call": "ns_", "far": "ps_per_far"}  # what whole networks can't tell
ROUNDS, ROBUST, LEAST = 12, 0.1, 0.1  # of reweighting; the relative error from which on it isn't squared
TURNED = "reorder"  # the class that only comes with others
SINGLE = 4  # kernels of one layer at most: its own, and layouts turned for it
STRENGTH = 0.003
OF_NETWORKS = 0.1  # whole networks tell classes apart less well than single layers do


class Sample(NamedTuple):
    """Measured milliseconds of one kernel, or of the kernels of a whole network. `group` is left out together when
    judging.
    """

    parts: tuple[tuple[str, Work], ...]
    ms: float
    group: str = ""


class Fitted(NamedTuple):
    """Prices by class, and those that all classes have in common."""

    classes: dict[str, Kind]
    fallback: Kind

    def ms(self, parts: Iterable[tuple[str, Work]], width: int) -> float:
        """The predicted time; a class that isn't known pays the common prices."""
        total = 0.0
        for kind, work in parts:
            prices = self.classes.get(kind, self.fallback)
            total += sum(getattr(prices, name) * count for name, count in zip(PRICES, counts(work, width), strict=True))
        return total


def counts(work: Work, width: int) -> list[float]:
    """What each of `PRICES` is for, in units that give milliseconds."""
    found = [
        work.macs,
        work.loads,
        work.edges,
        *(
            elements * width
            for elements in (work.weights, work.inputs, work.outputs, work.far(number), work.activated, work.rereads)
        ),
    ]
    assert not any(isinstance(count, Poly) for count in found)
    calls = (work.steps, work.first, 1)
    return [
        *(float(count) * 1e-9 for count in found if not isinstance(count, Poly)),
        *(float(count) * 1e-6 for count in calls if not isinstance(count, Poly)),
    ]


def nnls(matrix: Array, target: Array, start: Array | None = None) -> Array:
    """The non-negative x that minimises |matrix x - target|; `start` is one that is near it.

    Lawson and Hanson's active sets (Solving Least Squares Problems, ch. 23) on the normal equations, as Bro and de Jong
    have it (J. Chemometrics 11, 1997); columns should be of like size.
    """
    gram, moment = matrix.T @ matrix, matrix.T @ target
    x, positive = numpy.zeros(len(moment)), numpy.zeros(len(moment), bool)
    if start is not None:
        x, positive = _feasible(gram, moment, start.copy(), start > 0)
    small = 1e-10 * float(numpy.abs(moment).max(initial=0))
    for _ in range(10 * len(moment)):
        gradient = moment - gram @ x
        if positive.all() or gradient[~positive].max() <= small:
            break
        positive[numpy.flatnonzero(~positive)[gradient[~positive].argmax()]] = True
        x, positive = _feasible(gram, moment, x, positive)
    return x


def _feasible(gram: Array, moment: Array, x: Array, positive: Array) -> tuple[Array, Array]:
    """The best x with these columns, without those that would have to be negative."""
    trial = _solved(gram, moment, positive)
    while positive.any() and trial[positive].min() <= 0:
        blocking = positive & (trial <= 0)
        step = (x[blocking] / (x[blocking] - trial[blocking])).min()
        x = x + step * (trial - x)
        positive = positive & (x > 1e-15 * x.max())
        x[~positive] = 0
        trial = _solved(gram, moment, positive)
    return trial, positive


def _solved(gram: Array, moment: Array, chosen: Array) -> Array:
    x = numpy.zeros(len(moment))
    part = gram[numpy.ix_(chosen, chosen)]
    try:
        x[chosen] = numpy.linalg.solve(part, moment[chosen])
    except numpy.linalg.LinAlgError:  # columns that say the same
        x[chosen] = numpy.linalg.lstsq(part, moment[chosen], rcond=None)[0]
    return x


def fit(samples: Sequence[Sample], width: int, pooled: Sequence[str] = CACHED, strength: float = STRENGTH) -> Fitted:
    """Prices for all classes in the samples; `width` is the bytes of an element, `pooled` the prices of `POOLED` that
    classes share.

    `strength` is that of the pull towards these: as if so many of each sample were to say them.
    """
    common = _pooled(samples, width, pooled)
    kinds = sorted({kind for sample in samples for kind, _ in sample.parts})
    classes: dict[str, Kind] = {}
    for group in _apart(samples, kinds):
        mine = [sample for sample in samples if any(kind in group for kind, _ in sample.parts)]
        for kind, prices in zip(group, _drawn(mine, group, common, width, pooled, strength), strict=True):
            priced = _kind(prices)
            if not priced.is_free:
                classes[kind] = priced.replaced(seen=_seen(mine, kind), samples=_number(mine, kind))
    return Fitted(classes, _kind(common))


def fit_common(samples: Sequence[Sample], width: int, pooled: Sequence[str] = CACHED) -> Fitted:
    """Only the prices that classes share."""
    return Fitted({}, _kind(_pooled(samples, width, pooled)))


def _pooled(samples: Sequence[Sample], width: int, pooled: Sequence[str]) -> Array:
    """What a MAC, a byte and a call cost anywhere."""
    whole = numpy.array([numpy.sum([counts(work, width) for _, work in sample.parts], axis=0) for sample in samples])
    members = [[PRICES.index(name) for name in POOLED[price]] for price in pooled]
    matrix = numpy.column_stack([whole[:, columns].sum(axis=1) for columns in members])
    times = numpy.array([sample.ms for sample in samples])
    found = numpy.zeros(len(PRICES))
    for columns, price in zip(members, _scaled(matrix / times[:, None], numpy.ones(len(samples))), strict=True):
        found[columns] = price
    return found


def _scaled(matrix: Array, target: Array) -> Array:
    lengths = numpy.linalg.norm(matrix, axis=0)
    lengths[lengths == 0] = 1
    prices: Array = nnls(matrix / lengths, target) / lengths
    return prices


def _apart(samples: Sequence[Sample], kinds: Sequence[str]) -> list[list[str]]:
    """Classes that can be fitted on their own: all together if any sample is of several."""
    alone = all(len({kind for kind, _ in sample.parts}) == 1 for sample in samples)
    return [[kind] for kind in kinds] if alone else [list(kinds)]


def _drawn(
    samples: Sequence[Sample], kinds: Sequence[str], common: Array, width: int, pooled: Sequence[str], strength: float
) -> Array:
    """Prices of some classes, each drawn towards the common ones times a factor of its own, which extra rows say.

    Relative errors are squared where they are small and taken as they are where they are large, so that a disturbed
    sample doesn't decide; too little and too much by the same factor count the same. The pull is as strong on a price
    that is far dearer as on one that is nothing.
    """
    position = {kind: n for n, kind in enumerate(kinds)}
    matrix = numpy.zeros((len(samples), len(kinds), len(PRICES)))
    for row, sample in enumerate(samples):
        for kind, work in sample.parts:
            matrix[row, position[kind]] += counts(work, width)
    for price, prefix in OPTIONAL.items():
        if price not in pooled:
            matrix[:, :, [n for n, name in enumerate(PRICES) if name.startswith(prefix)]] = 0
    times = numpy.array([sample.ms for sample in samples])
    units = numpy.where(common > 0, common * _levels(samples, kinds, matrix @ common, times), _alone(matrix, times))
    flat = (matrix * units).reshape(len(samples), -1)
    times_seen = numpy.repeat([float(_number(samples, kind)) for kind in kinds], len(PRICES))
    wanted = numpy.tile(common > 0, len(kinds))
    used = flat.any(axis=0) | wanted
    found, weights = used.astype(float), 1 / times
    for _ in range(ROUNDS):
        pull = numpy.diag(numpy.sqrt(strength * times_seen) / numpy.maximum(found, 1))[used][:, used]
        rows, sides = (
            numpy.vstack([flat[:, used] * weights[:, None], pull]),
            numpy.concatenate([times * weights, pull @ wanted[used]]),
        )
        found[used] = nnls(rows, sides, found[used])
        ratio = numpy.maximum(flat @ found / times, LEAST)
        weights = (
            numpy.sqrt(numpy.minimum(1, ROBUST / numpy.maximum(numpy.abs(numpy.log(ratio)), 1e-9)) / ratio) / times
        )
    prices: Array = found.reshape(len(kinds), -1) * units
    return prices


def _levels(samples: Sequence[Sample], kinds: Sequence[str], predicted: Array, times: Array) -> Array:
    """How many times dearer than the common prices each class is, by the median of the layers that it takes most of.
    What is dear about a recurrence are the weights that it rereads, not its MACs.
    """
    found: dict[str, list[float]] = {}
    for row, (sample, ms) in enumerate(zip(samples, times, strict=True)):
        if len(sample.parts) <= SINGLE:
            own = [kind for kind, _ in sample.parts]
            main = int(numpy.argmax([predicted[row, kinds.index(kind)] * (kind != TURNED) for kind in own]))
            rest = sum(predicted[row, n] for n in {kinds.index(kind) for kind in own} - {kinds.index(own[main])})
            found.setdefault(own[main], []).append(max(ms - rest, ms / 2) / predicted[row, kinds.index(own[main])])
    rereading = {kind for sample in samples for kind, work in sample.parts if work.rereads != 0}
    medians = {kind: float(numpy.median(ratios)) for kind, ratios in found.items() if kind not in rereading | {TURNED}}
    levels = [medians.get(kind, 1.0) for kind in kinds]
    return numpy.array(levels)[:, None]


def _alone(matrix: Array, times: Array) -> Array:
    """Of each class and price what it would be if it were all that is paid, in the median: a scale for prices that
    classes don't have in common.
    """
    ratios = numpy.divide(times[:, None, None], matrix, out=numpy.full(matrix.shape, numpy.nan), where=matrix > 0)
    known = (matrix > 0).any(axis=0)
    found: Array = numpy.ones(matrix.shape[1:])
    found[known] = numpy.nanmedian(ratios[:, known], axis=0)
    return found


def _kind(prices: Array) -> Kind:
    """Prices to four digits: more than a measurement has."""
    return Kind.read({name: float(f"{price:.4g}") for name, price in zip(PRICES, prices, strict=True)})


def _seen(samples: Sequence[Sample], kind: str) -> dict[str, tuple[float, float]]:
    """The ranges of counts of a class; only where single kernels were timed."""
    works = [work for sample in samples if len(sample.parts) <= SINGLE for name, work in sample.parts if name == kind]
    values = {name: [float(getattr(work, name)) for work in works] for name in ("macs", "weights", "inputs", "outputs")}
    return {name: (min(found), max(found)) for name, found in values.items() if found}


def _number(samples: Sequence[Sample], kind: str) -> int:
    return sum(any(name == kind for name, _ in sample.parts) for sample in samples)


# ---- how good it is --------------------------------------------------------------------------------------------------


class Score(NamedTuple):
    """Predicted against measured: mean and median absolute relative error, shares within 10 and 20 %, rank correlation,
    and the factor that nine of ten lie within."""

    mape: float
    median: float
    within_10: float
    within_20: float
    rank: float
    factor: float


def score(predicted: Sequence[float], measured: Sequence[float]) -> Score:
    """Judge predictions; both in the same unit."""
    ratios = numpy.array(predicted) / numpy.array(measured)
    errors = numpy.abs(ratios - 1)
    ranks = rank_correlation(predicted, measured)
    return Score(
        float(errors.mean()),
        float(numpy.median(errors)),
        float((errors <= 0.1).mean()),
        float((errors <= 0.2).mean()),
        1.0 if ranks is None else ranks,
        factor(ratios),
    )


def factor(ratios: object, share: float = 0.9) -> float:
    """The factor within which a further ratio lies with probability `share`: split conformal prediction on |log
    ratio|.
    """
    distances = sorted(numpy.abs(numpy.log(numpy.array(ratios, dtype=float))))
    place = min(int(numpy.ceil(share * (len(distances) + 1))), len(distances)) - 1
    return float(numpy.exp(max(distances[place], 1e-3)))


def spread(ratios: Sequence[float], errors: Sequence[float], share: float = 0.9) -> tuple[float, float]:
    """The factor within which a further ratio lies with probability `share` if its layers' errors are nothing, and how
    many times their `errors` are added to its logarithm (squares to squares).

    Both are scaled so that the share of what was seen lies within (split conformal prediction on errors in units of
    their spread).
    """
    distances = numpy.abs(numpy.log(numpy.array(ratios, dtype=float)))
    shape = numpy.stack([numpy.ones(len(distances)), numpy.array(errors, dtype=float) ** 2], axis=1)
    squares = distances**2
    parts = nnls(shape, numpy.minimum(squares, numpy.quantile(squares, 0.95)))
    scale = numpy.quantile(distances / numpy.sqrt(numpy.maximum(shape @ parts, 1e-9)), share, method="higher")
    common, own = (float(scale * root) for root in numpy.sqrt(parts))
    return float(numpy.exp(max(common, 1e-3))), own


def left_out(
    samples: Sequence[Sample], width: int, pooled: Sequence[str] = CACHED, strength: float | None = STRENGTH
) -> list[float]:
    """The prediction of every sample from prices fitted on the other groups; by the common prices alone with a
    `strength` of None.
    """
    found = [0.0] * len(samples)
    for group in sorted({sample.group for sample in samples}):
        others = [sample for sample in samples if sample.group != group]
        fitted = fit_common(others, width, pooled) if strength is None else fit(others, width, pooled, strength)
        for n, sample in enumerate(samples):
            if sample.group == group:
                found[n] = fitted.ms(sample.parts, width)
    return found


__all__ = [
    "PRICES",
    "Fitted",
    "Sample",
    "Score",
    "counts",
    "factor",
    "fit",
    "fit_common",
    "left_out",
    "nnls",
    "score",
    "spread",
]
