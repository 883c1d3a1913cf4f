"""The time of each layer from a device's profile: a price on every count of every kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import lcm, sqrt
from typing import Any

from archcalc.algebra import Number, Poly, maximum
from archcalc.algebra.poly import rewrite
from archcalc.cost import Table
from archcalc.cost.row import DTYPES
from archcalc.duration import Time, Timing, together
from archcalc.errors import Undecided, UsageError
from archcalc.graph import over
from archcalc.latency.arena import arena_bytes
from archcalc.latency.kernels import Kernel, kernels
from archcalc.latency.profile import Calibrated, Hot, Kind, Profile, Roofline
from archcalc.latency.work import Work, least_macs
from archcalc.ops.base import number
from archcalc.ops.convolution import Conv, DepthwiseConv, Local
from archcalc.spec import bind
from archcalc.tuples import NamedTuple

PICO, NANO = Fraction(1, 10**9), Fraction(1, 10**6)  # in milliseconds

PLANNED = 20_000  # learned tensors of a network whose run is planned


def predict(table: Table, profile: Profile, hot: bool = False) -> Table:
    """The same table with the time that every layer takes on a device, in a run among others or (`hot`) in one that
    follows at once on another of its own.

    Raises UsageError where the profile says nothing about the table's dtype, about hot runs, or for training; Undecided
    where a sum over a free number of repeats has no closed form.
    """
    if table.train:
        raise UsageError("times are predicted for inference only")
    if table.dtype not in profile.dtypes:
        raise UsageError(
            f"{profile.name} has no figures for {table.dtype}, only for {', '.join(profile.dtypes)};"
            " --device help lists what others have"
        )
    if hot:
        _check_hot(profile)
    timing = _calibrated(table, profile, hot) if isinstance(profile, Calibrated) else _roofline(table, profile)
    return table._replace(timing=timing)


def _check_hot(profile: Profile) -> None:
    """Raises UsageError where a profile knows nothing of hot runs."""
    if isinstance(profile, Roofline):
        raise UsageError(
            f"{profile.name} is a data sheet's bound, which knows no caches: leave --hot out, or take a calibrated"
            " device (--device help lists them)"
        )
    if profile.hot is None:
        raise UsageError(
            f"{profile.name} has no figures for hot runs, which calibrations before November 2026 didn't time;"
            " `archcalc calibrate` measures both"
        )


PEAK, FASTEST = "the peak (the fastest layer of the calibration)", "the rate of the calibration's fastest network"
MOVED = ("weight", "input", "output", "far", "activated", "reread")  # what has a price a byte
UNKNOWN = 0.5  # the error that a class is taken to have where it was seen too seldom to tell


def _calibrated(table: Table, profile: Calibrated, hot: bool) -> Timing:
    typical = _typical(table)
    found = kernels(table.graph, profile.channel_block, typical, profile.fuses)
    layers: dict[int, Time] = {}
    outside = 0.0
    alike: dict[tuple[str, Work], float] = {}  # time by kernels that are alike: what is off in one is off in all
    by_kind: dict[str, float] = {}
    for kernel, time in _kernel_times(table, profile, found, typical, hot):
        layers[kernel.node] = layers[kernel.node] + time if kernel.node in layers else time
        usual = float(at_typical(time.total, typical))
        same = kernel.kind, kernel.work._replace(first=0) if kernel.work.first else kernel.work
        alike[same] = alike.get(same, 0.0) + usual
        by_kind[kernel.kind] = by_kind.get(kernel.kind, 0.0) + usual
        outside += usual if time.extrapolated != 0 else 0.0
    call = profile.hot.ns_per_run if hot and profile.hot is not None else profile.ns_per_run
    if layers and call:
        layers[min(layers)] += Time(overhead=Fraction(str(call)) * NANO)
    held, total = profile.holdout, sum(by_kind.values())
    errors = {name: kind.error for name, kind in profile.classes.items()}
    factor = held.factor_of(concentration(alike.values()), spread_of(by_kind, errors))
    whole_factor = factor + (held.extrapolated_factor - factor) * (outside / total if total else 0.0)
    return Timing(
        layers,
        device=_described(profile),
        peak=Fraction(str(profile.peak.gmacs_per_s)),
        peak_source=_peak_source(profile),
        factor=Fraction(f"{factor:.4g}"),
        extrapolated_factor=Fraction(str(held.extrapolated_factor)),
        whole_factor=Fraction(f"{whole_factor:.4g}"),
        is_hot=hot,
        memory=_memory(table, profile, found),
        kinds={kernel.node: kernel.kind for kernel in found if kernel.kind != "reorder" and not kernel.part},
        fused={taken: kernel.node for kernel in found for taken in kernel.takes},
    )


def _kernel_times(
    table: Table, profile: Calibrated, found: Sequence[Kernel], typical: Mapping[str, Number], hot: bool
) -> Iterator[tuple[Kernel, Time]]:
    """The kernels that a runtime runs, each with the time of all its repeats; what is outside of the calibration is
    marked so.
    """
    kinds, width = {kernel.kind for kernel in found} & profile.classes.keys(), DTYPES[profile.dtype]
    prices = {name: Prices(profile.classes[name], width) for name in kinds}
    fallback = Prices(profile.fallback, width)
    left = _left(table, profile.hot, typical) if hot and profile.hot is not None else None
    usual_batch = profile.batches[0] <= at_typical(table.batch, typical) <= profile.batches[1]
    for kernel in found:
        price, first = prices.get(kernel.kind), kernel.work.first
        work = (kernel.work._replace(first=0) if first else kernel.work).scaled(table.batch)
        if price is None and kernel.kind == "reorder":
            continue  # this runtime keeps one layout
        time = (price or fallback).time(work, typical)
        time = time if left is None else left.of(time)
        if price is None or not usual_batch or not price.covers(work, typical):
            time = time._replace(extrapolated=time.total)
        time = _repeated(table, kernel, time)
        if price is not None and price.first and first != 0:  # not repeated: the code is at hand then
            once = Time(overhead=price.unit * (price.first * first))
            time += once if left is None else left.of(once)
        yield kernel, time


def _peak_source(profile: Calibrated) -> str:
    if profile.peak.of is not None:
        return f"the peak ({profile.peak.of})"
    return PEAK if profile.calibration.passes else FASTEST


class _Left(NamedTuple):
    """What is left of each term in a hot run."""

    compute: Fraction
    weights: Fraction
    activations: Fraction
    overhead: Fraction

    def of(self, time: Time) -> Time:
        """The time of one kernel."""
        return Time(
            time.compute * self.compute,
            time.weights * self.weights,
            time.activations * self.activations,
            time.overhead * self.overhead,
        )


def _left(table: Table, hot: Hot, typical: Mapping[str, Number]) -> _Left:
    kept = at_typical(table.total("weight_bytes"), typical) <= hot.kept_bytes
    shares = (hot.compute, hot.weights if kept else hot.far_weights, hot.activations, hot.overhead)
    return _Left(*(Fraction(str(share)) for share in shares))


def terms(table: Table, classes: Mapping[str, Prices], fallback: Prices, block: int) -> Time:
    """What the kernels of a network take together, one by one."""
    return together(
        [
            Time(),
            *(
                classes.get(kernel.kind, fallback).time(kernel.work.scaled(table.batch), {})
                for kernel in kernels(table.graph, block)
            ),
        ]
    )


def spread_of(times: Mapping[str, float], errors: Mapping[str, float | None]) -> float:
    """How far off a time is that several classes take, each off by an error of its own, independently of the others."""
    whole = sum(times.values())
    shares = {kind: time / whole for kind, time in times.items()} if whole else {}
    return sqrt(sum((share * (errors.get(kind) or UNKNOWN)) ** 2 for kind, share in shares.items()))


def concentration(times: Iterable[float]) -> float:
    """The sum of squared shares: 1 where one time is all, 1/n for n equal ones."""
    found = list(times)
    whole = sum(found)
    return sum((time / whole) ** 2 for time in found) if whole else 1.0


def _memory(table: Table, profile: Calibrated, found: Sequence[Kernel]) -> int | None:
    """The most bytes at once in a run of onnxruntime's on the CPU; None of other runtimes, while parameters are free,
    and of networks with so many experts that a plan of all their nodes would take long.
    """
    if table.free or (profile.runtime.name, profile.device.type) != ("onnxruntime", "cpu"):
        return None
    graph = table.graph
    if sum(len(node.op.weights(*graph.shapes_into(node))) for node in graph.nodes) > PLANNED:
        return None
    width = DTYPES[table.dtype]
    as_run = found if profile.fuses else None
    return int(table.total("weight_bytes")) + arena_bytes(
        table.graph, profile.channel_block, number(table.batch), width, as_run
    )


class Prices:
    """What one class of kernels pays, exact, in milliseconds an element."""

    def __init__(self, kind: Kind, width: int) -> None:
        def price(name: str, unit: Fraction) -> Fraction:
            return unit * Fraction(str(found)) if (found := getattr(kind, name)) else Fraction()

        a_byte = PICO * width
        exact = [
            *(price(f"ps_per_{name}", PICO) for name in ("mac", "load", "edge")),
            *(price(f"ps_per_{name}_byte", a_byte) for name in MOVED),
            *(price(name, NANO) for name in ("ns_per_call", "ns_per_step", "ns_at_first")),
        ]
        whole = lcm(*(found.denominator for found in exact))
        self.unit = Fraction(1, whole)  # prices are multiples of it: whole numbers are added, and a term divided once
        self.mac, self.load, self.edge, self.weight, self.input, self.output, self.far, self.activated, *others = (
            found.numerator * (whole // found.denominator) for found in exact
        )
        self.reread, self.call, self.step, self.first = others
        self.seen = kind.seen

    def time(self, work: Work, typical: Mapping[str, Number]) -> Time:
        """Of one call; what is moved beyond the near caches is told at typical values."""
        unit, moved = self.unit, work.inputs * self.input + work.outputs * self.output + work.activated * self.activated
        if self.far:
            moved += work.far(lambda count: at_typical(count, typical)) * self.far
        return Time(
            unit
            * (work.macs * self.mac + work.loads * self.load + work.edges * self.edge + work.rereads * self.reread),
            unit * (work.weights * self.weight),
            unit * moved,
            unit * (self.call + work.steps * self.step + work.first * self.first),
        )

    def covers(self, work: Work, typical: Mapping[str, Number]) -> bool:
        """Whether every count lies in the range that the prices were fitted on (closed forms at typical values)."""
        return all(low <= at_typical(getattr(work, name), typical) <= high for name, (low, high) in self.seen.items())


def _roofline(table: Table, profile: Roofline) -> Timing:
    """No kernel is faster than its MACs at the peak, nor than its bytes at the bandwidth."""
    peak = Fraction(str(profile.gmacs_per_s[table.dtype]))  # type: ignore[index]
    a_mac, a_byte = 1 / (peak * 10**6), 1 / (Fraction(str(profile.gbytes_per_s)) * 10**6)
    layers: dict[int, Time] = {}
    found = [kernel for kernel in kernels(table.graph, 1, _typical(table)) if not kernel.part]
    for kernel in found:
        least = _least(table, kernel)
        time = _slower(least.macs * a_mac, least.weights * a_byte, least.activations * a_byte)
        layers[kernel.node] = layers.get(kernel.node, Time()) + _repeated(table, kernel, time)
    return Timing(
        layers,
        device=f"{profile.name}, {table.dtype}: a bound from the data sheet, not a prediction",
        peak=peak,
        peak_source=f"the peak ({profile.source})",
        is_bound=True,
        kinds={kernel.node: kernel.kind for kernel in found},
        fused={taken: kernel.node for kernel in found for taken in kernel.takes},
    )


class Least(NamedTuple):
    """What no run of a kernel does without: MACs, and bytes of weights and activations."""

    macs: Number
    weights: Number
    activations: Number


def _least(table: Table, kernel: Kernel) -> Least:
    """What only moves elements is no traffic of its own: the layer that reads them can, where they lie. The keys and
    values of positions before are read, those of the new ones written.
    """
    node, work, width = table.graph.nodes[kernel.node], kernel.work.scaled(table.batch), DTYPES[table.dtype]
    if work.macs == 0 and work.weights == 0:
        return Least(0, 0, 0)
    op, shapes = node.op, table.graph.shapes_into(node)
    cached = op.cached(*shapes) * table.batch
    if isinstance(op, (Conv, DepthwiseConv)) and not isinstance(op, Local):
        macs = least_macs(op, node.shape, shapes[0]) * table.batch
    else:
        macs = table.cost(node).macs * table.batch
    return Least(macs, work.weights * width, (work.inputs + work.outputs + cached) * width)


def least(table: Table) -> dict[int, tuple[Number, Number]]:
    """What no device does without, by the position of the layer: MACs and bytes moved, each of all repeats together."""
    found: dict[int, tuple[Number, Number]] = {}
    for kernel in (one for one in kernels(table.graph, 1, _typical(table)) if not one.part):
        macs, weights, activations = _least(table, kernel)
        ranges = table.graph.nodes[kernel.repeats_with].ranges
        found[kernel.node] = over(ranges, macs), over(ranges, weights + activations)
    return found


def _slower(compute: Number, weights: Number, activations: Number) -> Time:
    """The slower of arithmetic and memory. Where that depends on free parameters it is all called compute."""
    memory = weights + activations
    slower = maximum(compute, memory)
    if slower == compute:
        return Time(compute=compute)
    return Time(weights=weights, activations=activations) if slower == memory else Time(compute=slower)


def _repeated(table: Table, kernel: Kernel, time: Time) -> Time:
    """Of all repeats of the loops around a layer."""
    ranges = table.graph.nodes[kernel.repeats_with].ranges
    if not ranges:
        return time
    try:
        return Time(
            *(
                over(ranges, part)
                for part in (time.compute, time.weights, time.activations, time.overhead, time.extrapolated)
            )
        )
    except Undecided:
        name, counts = (
            table.graph.nodes[kernel.node].name,
            {symbol for around in ranges if isinstance(around.stop, Poly) for symbol in around.stop.symbols},
        )
        raise Undecided(
            f"the time of {name} has no closed form over its repeats; bind {' and '.join(sorted(counts))} with --set",
            counts,
        ) from None


def _typical(table: Table) -> dict[str, Number]:
    """The values that free parameters have by default, and indices half way: which class a layer belongs to is decided
    there.
    """
    if not table.free:
        return {}
    values = bind(table.spec, table.variant).values
    found: dict[str, Number] = {
        name: values[name] for name in table.free if isinstance(values.get(name), (int, Fraction))
    }
    for loop in table.graph.loops.values():
        (index,) = loop.range.index.symbols
        found[index] = int(loop.range.start + at_typical(loop.range.stop, found) - 1) // 2
    return found


def at_typical(value: Number, typical: Mapping[str, Number]) -> int | Fraction:
    """A count or a time, at typical values where it is free; an index at its first."""
    found: Any = (
        rewrite(value, lambda atom: typical.get(atom.symbol.name, atom.symbol.low or 1))
        if isinstance(value, Poly)
        else value
    )
    return found if not isinstance(found, Poly) else 1


def _described(profile: Calibrated) -> str:
    threads = profile.device.threads
    parts = [
        profile.name,
        *([f"{threads} thread{'s' * (threads != 1)}"] if threads else []),
        profile.dtype,
        f"{profile.runtime.name} {profile.runtime.version}",
    ]
    return f"{', '.join(parts)}, calibrated {profile.calibration.date}"


__all__ = ["Prices", "concentration", "least", "predict", "spread_of", "terms"]
