"""The time of each layer from a device's profile: a price on every count of every kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from archcalc.algebra import Number, Poly, maximum
from archcalc.algebra.poly import rewrite
from archcalc.cost import Table
from archcalc.cost.row import DTYPES
from archcalc.duration import Time, Timing
from archcalc.errors import Undecided, UsageError
from archcalc.graph import over
from archcalc.latency.arena import arena_bytes
from archcalc.latency.kernels import Kernel, kernels
from archcalc.latency.profile import Calibrated, Kind, Profile, Roofline
from archcalc.latency.work import Work
from archcalc.ops.base import number
from archcalc.spec import bind
from archcalc.tuples import NamedTuple

PICO, NANO = Fraction(1, 10**9), Fraction(1, 10**6)  # in milliseconds

PLANNED = 20_000  # learned tensors of a network whose run is planned


def predict(table: Table, profile: Profile) -> Table:
    """The same table with the time that every layer takes on a device.

    Raises UsageError where the profile says nothing about the table's dtype, or for training; Undecided where a sum
    over a free number of repeats has no closed form.
    """
    if table.train:
        raise UsageError("times are predicted for inference only")
    if table.dtype not in profile.dtypes:
        raise UsageError(f"{profile.name} has no figures for {table.dtype}, only for {', '.join(profile.dtypes)}")
    timing = _calibrated(table, profile) if isinstance(profile, Calibrated) else _roofline(table, profile)
    return table._replace(timing=timing)


PEAK, FASTEST = "the peak (the fastest layer of the calibration)", "the rate of the calibration's fastest network"


def _calibrated(table: Table, profile: Calibrated) -> Timing:
    typical = _typical(table)
    found = kernels(table.graph, profile.channel_block, typical, profile.fuses)
    kinds = {kernel.kind for kernel in found} & profile.classes.keys()
    prices = {name: Prices(profile.classes[name], DTYPES[profile.dtype]) for name in kinds}
    fallback = Prices(profile.fallback, DTYPES[profile.dtype])
    layers: dict[int, Time] = {}
    outside = 0.0
    different: dict[
        tuple[str, Work], float
    ] = {}  # time by kernels that are alike: what is off in one is off in all of them
    usual_batch = profile.batches[0] <= at_typical(table.batch, typical) <= profile.batches[1]
    for kernel in found:
        work = kernel.work.scaled(table.batch)
        price = prices.get(kernel.kind)
        if price is None and kernel.kind == "reorder":
            continue  # this runtime keeps one layout
        time = (price or fallback).time(work)
        if price is None or not usual_batch or not price.covers(work, typical):
            time = time._replace(extrapolated=time.total)
        repeated = _repeated(table, kernel, time)
        layers[kernel.node] = layers[kernel.node] + repeated if kernel.node in layers else repeated
        usual = float(at_typical(repeated.total, typical))
        different[kernel.kind, work] = different.get((kernel.kind, work), 0.0) + usual
        outside += usual if time.extrapolated != 0 else 0.0
    held, total = profile.holdout, sum(different.values())
    factor = held.factor_of(concentration(different.values()))
    whole_factor = factor + (held.extrapolated_factor - factor) * (outside / total if total else 0.0)
    return Timing(
        layers,
        device=_described(profile),
        peak=Fraction(str(profile.peak.gmacs_per_s)),
        peak_source=PEAK if profile.calibration.passes else FASTEST,
        factor=Fraction(f"{factor:.4g}"),
        extrapolated_factor=Fraction(str(held.extrapolated_factor)),
        whole_factor=Fraction(f"{whole_factor:.4g}"),
        memory=_memory(table, profile),
        kinds={kernel.node: kernel.kind for kernel in found if kernel.kind != "reorder"},
        fused={taken: kernel.node for kernel in found for taken in kernel.takes},
    )


def concentration(times: Iterable[float]) -> float:
    """The sum of squared shares: 1 where one time is all, 1/n for n equal ones."""
    found = list(times)
    whole = sum(found)
    return sum((time / whole) ** 2 for time in found) if whole else 1.0


def _memory(table: Table, profile: Calibrated) -> int | None:
    """The most bytes at once in a run of onnxruntime's on the CPU; None of other runtimes, while parameters are free,
    and of networks with so many experts that a plan of all their nodes would take long.
    """
    if table.free or (profile.runtime.name, profile.device.type) != ("onnxruntime", "cpu"):
        return None
    graph = table.graph
    if sum(len(node.op.weights(*graph.shapes_into(node))) for node in graph.nodes) > PLANNED:
        return None
    width = DTYPES[table.dtype]
    return int(table.total("weight_bytes")) + arena_bytes(
        table.graph, profile.channel_block, number(table.batch), width
    )


class Prices:
    """What one class of kernels pays, exact, in milliseconds an element."""

    def __init__(self, kind: Kind, width: int) -> None:
        def price(name: str, unit: Fraction) -> Fraction:
            return Fraction(str(getattr(kind, name))) * unit

        self.mac, self.load, self.edge = (price(f"ps_per_{name}", PICO) for name in ("mac", "load", "edge"))
        self.weight, self.input, self.output, self.activated = (
            price(f"ps_per_{name}_byte", PICO * width) for name in ("weight", "input", "output", "activated")
        )
        self.call = price("ns_per_call", NANO)
        self.seen = kind.seen

    def time(self, work: Work) -> Time:
        """Of one call."""
        return Time(
            compute=work.macs * self.mac + work.loads * self.load + work.edges * self.edge,
            weights=work.weights * self.weight,
            activations=work.inputs * self.input + work.outputs * self.output + work.activated * self.activated,
            overhead=self.call,
        )

    def covers(self, work: Work, typical: Mapping[str, Number]) -> bool:
        """Whether every count lies in the range that the prices were fitted on (closed forms at typical values)."""
        return all(low <= at_typical(getattr(work, name), typical) <= high for name, (low, high) in self.seen.items())


def _roofline(table: Table, profile: Roofline) -> Timing:
    """No kernel is faster than its MACs at the peak, nor than its bytes at the bandwidth."""
    peak = Fraction(str(profile.gmacs_per_s[table.dtype]))  # type: ignore[index]
    a_mac, a_byte = 1 / (peak * 10**6), 1 / (Fraction(str(profile.gbytes_per_s)) * 10**6)
    layers: dict[int, Time] = {}
    found = kernels(table.graph, 1, _typical(table))
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
    cached = node.op.cached(*table.graph.shapes_into(node)) * table.batch
    macs = table.cost(node).macs * table.batch
    return Least(macs, work.weights * width, (work.inputs + work.outputs + cached) * width)


def least(table: Table) -> dict[int, tuple[Number, Number]]:
    """What no device does without, by the position of the layer: MACs and bytes moved, each of all repeats together."""
    found: dict[int, tuple[Number, Number]] = {}
    for kernel in kernels(table.graph, 1, _typical(table)):
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


__all__ = ["concentration", "least", "predict"]
