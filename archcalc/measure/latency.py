"""How long networks take: warmed up, run in turns until the medians stand still."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from random import Random
from time import perf_counter

from archcalc.cost import Table
from archcalc.cost.row import DTYPES
from archcalc.errors import UsageError
from archcalc.measure.ceilings import Roofline, roofline
from archcalc.measure.device import Device, Runner, memory
from archcalc.measure.filling import Filled
from archcalc.measure.profile import LayerTime, profiled
from archcalc.measure.session import feed, vocabularies
from archcalc.onnx import StoredModel, in_memory
from archcalc.ops.base import number
from archcalc.question import Stored
from archcalc.records import Record
from archcalc.render.numbers import size_in_bytes
from archcalc.untyped import Json

WARM_UP = 5
FEWEST, MOST = 15, 500  # rounds
STILL = 0.01  # half of the median's 95 % interval, as a part of it
SECONDS = 30.0  # for each network, if its median doesn't stand still before

Progress = Callable[[int, int], None]  # rounds done, and how many there will be


class Latency(Record):
    """What one network took. `times` are milliseconds a run, in order; `stable`: whether the median stood still.

    `bound_ms` is the least that the device's ceilings allow; `layers` (with a profile) share the median among the
    layers.
    """

    table: Table
    device: Device
    times: tuple[float, ...]
    warmup: int
    stable: bool
    roofline: Roofline
    layers: tuple[LayerTime, ...] = ()
    interrupted: bool = False
    described: dict[str, Json] = {}
    notes: tuple[str, ...] = ()

    @property
    def provider(self) -> str:
        """The name of ONNX Runtime's execution provider."""
        return self.device.provider

    @property
    def median_ms(self) -> float:
        """The middle of all runs, in milliseconds."""
        return quantile(self.times, 0.5)

    @property
    def p10_ms(self) -> float:
        """What a tenth of all runs stayed below, in milliseconds."""
        return quantile(self.times, 0.1)

    @property
    def p90_ms(self) -> float:
        """What nine tenths of all runs stayed below, in milliseconds."""
        return quantile(self.times, 0.9)

    @property
    def spread(self) -> float:
        """The middle half of the runs, as a part of the median."""
        return (quantile(self.times, 0.75) - quantile(self.times, 0.25)) / self.median_ms

    @property
    def throughput(self) -> float:
        """Samples a second."""
        return number(self.table.batch) / self.median_ms * 1e3

    @property
    def gmacs(self) -> float:
        """10^9 multiply-accumulates a second."""
        return float(self.table.total("macs")) / self.median_ms / 1e6

    @property
    def bound_ms(self) -> float:
        """The least time that the device's peaks allow, in milliseconds."""
        return self.roofline.bound_ms


def measure(
    tables: Sequence[Table],
    device: Device | None = None,
    *,
    runs: int | None = None,
    profile: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
    files: Sequence[Stored | None] = (),
) -> list[Latency]:
    """Measure networks in turns, each in its table's batch and dtype. With `runs` that many rounds, else until all
    medians stand still. `files` are model files, which are run as they are.

    Ctrl-C ends the rounds: what was measured is given, marked `interrupted`. Raises UsageError where it can't be run
    there.
    """
    device = device or Device()
    for table in tables:
        _possible(table)
    _counted(runs)
    beside = list(zip(tables, files or [None] * len(tables), strict=True))
    loaded = [_loaded(table, file, device, seed) for table, file in beside]
    rounds = _Rounds([runner for runner, _ in loaded], runs, progress)
    try:
        rounds.run(Random(seed))
    except KeyboardInterrupt:
        if not all(rounds.times):
            raise
        rounds.interrupted = True
    found, described = [], device.describe()
    for (table, file), times, (_, notes) in zip(beside, rounds.times, loaded, strict=True):
        still, ceiling = stands_still(times), roofline(table, device)
        latency = Latency(
            table, device, tuple(times), WARM_UP, still, ceiling, (), rounds.interrupted, described, notes
        )
        if profile and not rounds.interrupted:
            latency = latency._replace(layers=tuple(profiled(table, device, latency.median_ms, seed, file)))
        found.append(latency)
    return found


def _counted(runs: int | None) -> None:
    if runs is not None and (isinstance(runs, bool) or not isinstance(runs, int) or runs < 1):
        raise UsageError(f"runs must be a positive whole number, got {runs!r}")


class _Rounds:
    """Runs of several networks, one of each a round, in an order of its own every time."""

    def __init__(self, networks: Sequence[Runner], runs: int | None, progress: Progress | None) -> None:
        self.networks, self.runs = networks, runs
        self.progress = progress or (lambda done, of: None)
        self.times: list[list[float]] = [[] for _ in networks]
        self.interrupted = False

    def run(self, random: Random) -> None:
        for network in self.networks:
            for _ in range(WARM_UP):
                network()
        started, done, order = perf_counter(), 0, list(range(len(self.networks)))
        while not self._over(done, perf_counter() - started):
            random.shuffle(order)
            taken = {n: _timed(self.networks[n]) for n in order}
            for n, milliseconds in taken.items():
                self.times[n].append(milliseconds)
            done += 1
            self.progress(done, self.runs or MOST)

    def _over(self, done: int, seconds: float) -> bool:
        if self.runs is not None:
            return done >= self.runs
        if done < FEWEST:
            return False
        return done >= MOST or seconds > SECONDS * len(self.networks) or all(map(stands_still, self.times))


def _timed(run: Callable[[], None]) -> float:
    start = perf_counter()
    run()
    return (perf_counter() - start) * 1e3


def _loaded(table: Table, file: Stored | None, device: Device, seed: int) -> tuple[Runner, tuple[str, ...]]:
    """What runs, and what should be known of its inputs."""
    if file is not None:
        filled = Filled(StoredModel(file.path), file, seed)
        runner = filled.first(Runner(filled.model, {}, device).fed)
        return runner, (*filled.notes(), *filled.unsure())
    model = in_memory(table, seed=seed)
    inputs = feed(table.graph, vocabularies(table.graph, model), number(table.batch), seed, model.input_kinds())
    return Runner(model, inputs, device), ()


def _possible(table: Table) -> None:
    """Raises UsageError for what can't be run anywhere, or not in this machine's memory."""
    if table.free:
        raise UsageError(f"a network is run with numbers, and {', '.join(table.free)} is free")
    width = DTYPES[table.dtype]
    needed = int(table.total("weight_bytes")) + int(table.total("act_peak_bytes")) * 4 // width
    there = memory()
    if there is not None and needed > there:
        raise UsageError(
            f"{table.name} needs at least {size_in_bytes(needed)} of memory, and there is {size_in_bytes(there)}"
        )


def quantile(values: Sequence[float], part: float) -> float:
    """Between the two values that a part of the others lie below, in proportion."""
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    low = int(place)
    return ordered[low] + (place - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


def stands_still(times: Sequence[float]) -> bool:
    """Whether the median is known: the order statistics that enclose it with 95 % lie within 1 % of it."""
    count = len(times)
    if count < FEWEST:
        return False
    ordered, reach = sorted(times), 0.98 * count**0.5
    low, high = ordered[max(0, int(count / 2 - reach))], ordered[min(count - 1, int(count / 2 + reach))]
    return (high - low) / 2 <= STILL * quantile(times, 0.5)


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's; None where a side has no order."""
    first, second = _ranks(one), _ranks(other)
    mean = (len(one) + 1) / 2
    products = sum((a - mean) * (b - mean) for a, b in zip(first, second, strict=True))
    squares = sum((a - mean) ** 2 for a in first) * sum((b - mean) ** 2 for b in second)
    return products / squares**0.5 if squares else None


def _ranks(values: Sequence[float]) -> list[float]:
    """From 1; equal values share the mean of theirs."""
    ordered = sorted(values)
    return [(bisect_left(ordered, value) + bisect_right(ordered, value) + 1) / 2 for value in values]
