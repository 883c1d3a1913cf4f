"""Calibrating a device: chains of layers timed where they stand, and prices fitted to the times.

The chains run in turns, in another order every time, with a reference kernel between them: what disturbs the machine
for a while disturbs all of them. On one thread the thread's own time counts, not the clock's. What is sought is the
time of a run that nothing disturbs: the lower quartile of runs (of several threads nearly the least), and of a single
node, which is short enough to escape now and then, the least.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter, thread_time

from archcalc.cost import Table
from archcalc.cost.row import DTYPES
from archcalc.errors import ArchcalcError
from archcalc.latency.chains import chains
from archcalc.latency.estimate import concentration
from archcalc.latency.fit import CACHED, Fitted, Sample, fit, fit_common, left_out, score, spread
from archcalc.latency.kernels import Kernel, kernels
from archcalc.latency.machine import described, load, name_of
from archcalc.latency.profile import Calibrated, Calibration, HoldOut, Peak, Runtime
from archcalc.measure.device import Device as Place
from archcalc.measure.device import Runner
from archcalc.measure.latency import quantile
from archcalc.measure.profile import Event, layer_times
from archcalc.measure.session import feed, versions, vocabularies
from archcalc.onnx import in_memory
from archcalc.ops.base import number
from archcalc.question import Question, Written, table_of
from archcalc.records import Record
from archcalc.spec import read_spec
from archcalc.tuples import NamedTuple
from archcalc.untyped import Json

CHAINS, PASSES, FEWEST = 108, 48, 5
SECONDS = 60.0  # of passes, at most
MOST_NOISE = 0.04  # between odd and even passes
FOLDS = 6
BUNDLES, DRAWS = (1, 2, 4, 8), 20  # chains together, and how often in each fold
REFERENCE = (
    "archcalc: 1\nname: reference\ninput: [64, 28, 28]\nlayers:\n  - conv 64 3x3 act=relu\n  - conv 64 3x3 act=relu\n"
)
PROBE = "archcalc: 1\nname: probe\ninput: [24, 16, 16]\nlayers:\n  - conv 24 3x3\n  - relu\n  - conv 24 3x3\n"

Progress = Callable[[str, int, int], None]  # what is being done, how much of it, of how much


class TooNoisy(ArchcalcError):
    """The machine's times can't be repeated well enough to tell prices."""


class Subject(Record, frozen=False):
    """A network under the clock: its table, what runs it plainly and with a profile, and the milliseconds of its
    runs.
    """

    table: Table
    plain: Runner
    watched: Runner | None
    times: list[float] = []


class Timed(NamedTuple):
    """A network's milliseconds a run, by layer where they are known, and how far odd and even passes differ."""

    table: Table
    ms: float
    layers: tuple[tuple[str, float], ...]
    noise: float


class Session(NamedTuple):
    """Everything that was timed in one process, and the reference's own milliseconds."""

    subjects: list[Timed]
    reference_ms: float
    passes: int
    seconds: float

    @property
    def noise(self) -> float:
        """The median over networks."""
        return median(subject.noise for subject in self.subjects)


def calibrate(
    place: Place,
    dtype: str = "fp32",
    batch: int = 1,
    *,
    count: int = CHAINS,
    passes: int = PASSES,
    seconds: float = SECONDS,
    seed: int = 0,
    most_noise: float = MOST_NOISE,
    progress: Progress | None = None,
) -> Calibrated:
    """A profile of this machine. Raises TooNoisy where times can't be repeated, UsageError where nothing can be run."""
    tables = [
        _table(text, f"chain {n}", Question(batch=batch, dtype=dtype)) for n, text in enumerate(chains(count, seed))
    ]
    began = perf_counter()
    session = timed(tables, place, passes=passes, seconds=seconds, seed=seed, progress=progress)
    if session.noise > most_noise:
        raise TooNoisy(
            f"the machine is too noisy to calibrate: odd and even passes differ by {session.noise:.1%} in the median,"
            f" more than {most_noise:.0%}; stop what else runs, or take more time (--seconds)"
        )
    return fitted(session, place, dtype, batch, block_of(place), perf_counter() - began)


def timed(
    tables: Sequence[Table],
    place: Place,
    *,
    passes: int = PASSES,
    seconds: float = SECONDS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Session:
    """Time networks in turns. The first pass warms up; the others end when there are enough of them, or no time is
    left.
    """
    tell = progress or (lambda what, done, of: None)
    random = Random(seed)
    with tempfile.TemporaryDirectory(prefix="archcalc-") as folder:
        reference = _runner(_table(REFERENCE, "reference", Question(dtype=tables[0].dtype)), place)
        subjects = []
        for n, table in enumerate(tables):
            subjects.append(_subject(table, place, Path(folder, str(n))))
            tell("loading", n + 1, len(tables))
        clock = _Clock(reference, place)
        started, done = perf_counter(), 0
        for number in range(passes + 1):
            if number > FEWEST and perf_counter() - started > seconds:
                break
            random.shuffle(subjects)
            for subject in subjects:
                clock.time(subject, keep=number > 0)
            done = number
            tell("timing", number, passes)
        found = {id(subject.table): _result(subject, clock.own) for subject in subjects}
    return Session(
        [found[id(table)] for table in tables], undisturbed(clock.references, clock.own), done, perf_counter() - started
    )


def _subject(table: Table, place: Place, profile: Path) -> Subject:
    return Subject(table, _runner(table, place), _runner(table, place, profile) if place.kind == "cpu" else None)


def _table(text: str, name: str, question: Question) -> Table:
    """The costs of a network that calibration writes for itself."""
    return table_of(Written(read_spec(text, name)), None, question)


def _runner(table: Table, place: Place, profile: Path | None = None) -> Runner:
    model = in_memory(table)
    inputs = feed(table.graph, vocabularies(table.graph, model), number(table.batch), 0, model.input_kinds())
    return Runner(model, inputs, place, profile)


class _Clock:
    """Times runs, and the reference before each of them."""

    def __init__(self, reference: Runner, place: Place) -> None:
        self.reference = reference
        self.own = place.kind == "cpu" and place.threads == 1
        self.now = thread_time if self.own else perf_counter
        self.references: list[float] = []
        for _ in range(20):
            reference()

    def time(self, subject: Subject, keep: bool) -> None:
        reference, taken = self._once(self.reference), self._once(subject.plain)
        if subject.watched is not None:
            subject.watched()
        if keep:
            self.references.append(reference)
            subject.times.append(taken)

    def _once(self, run: Runner) -> float:
        """Milliseconds."""
        start = self.now()
        run()
        return (self.now() - start) * 1e3


def _result(subject: Subject, own: bool) -> Timed:
    ms = undisturbed(subject.times, own)
    odd, even = (undisturbed(subject.times[start::2] or subject.times, own) for start in (0, 1))
    layers: tuple[tuple[str, float], ...] = ()
    if subject.watched is not None:
        records = json.loads(Path(subject.watched.session.end_profiling()).read_text(encoding="utf-8"))
        layers = tuple((layer.name, layer.milliseconds) for layer in layer_times(subject.table, events(records), ms))
    return Timed(subject.table, ms, layers, abs(odd / even - 1))


def undisturbed(times: Sequence[float], own: bool) -> float:
    """The lower quartile of a thread's own time; of the clock's, which others' work adds to, nearly the least."""
    return quantile(times, 0.25 if own else 0.05)


def events(records: Sequence[dict[str, Json]]) -> list[Event]:
    """The nodes of a profile, each with its part of a run that nothing disturbs: the least of its times after the first
    run.
    """
    times: dict[tuple[str, str], list[float]] = {}
    for record in records:
        if record.get("cat") == "Node" and record["name"].endswith("_kernel_time"):
            key = (
                record["name"].removesuffix("_kernel_time"),
                f"{record['args'].get('node_index')} {record['args'].get('op_name')}",
            )
            times.setdefault(key, []).append(float(record["dur"]))
    least = {key: min(found[1:] or found) for key, found in times.items()}
    whole = sum(least.values()) or 1.0
    return [Event(name, kind.partition(" ")[2], ms / whole) for (name, kind), ms in least.items()]


# ---- from times to a profile -----------------------------------------------------------------------------------------


def samples(subject: Timed, block: int, group: str = "") -> list[Sample]:
    """A sample a layer, with the kernels that are run for it; one for the whole network where layers aren't known."""
    graph, batch = subject.table.graph, subject.table.batch
    found = kernels(graph, block)
    if not subject.layers:
        return [Sample(tuple((kernel.kind, kernel.work.scaled(batch)) for kernel in found), subject.ms, group)]
    owners = {n: kernel.node for kernel in found for n in (kernel.node, *kernel.takes)}
    names = {graph.nodes[n].name: n for n in graph.layers()}
    spent: dict[int, float] = {}
    for name, ms in subject.layers:
        owner = owners.get(names[name])
        if owner is not None:
            spent[owner] = spent.get(owner, 0.0) + ms
    by_owner: dict[int, list[Kernel]] = {}
    for kernel in found:
        by_owner.setdefault(kernel.node, []).append(kernel)
    return [
        Sample(tuple((kernel.kind, kernel.work.scaled(batch)) for kernel in mine), spent[owner], group)
        for owner, mine in by_owner.items()
        if spent.get(owner, 0.0) > 0
    ]


def fitted(session: Session, place: Place, dtype: str, batch: int, block: int, seconds: float) -> Calibrated:
    """Prices from times, and how good they are for chains that they were not fitted on."""
    width = DTYPES[dtype]
    given = [sample for n, subject in enumerate(session.subjects) for sample in samples(subject, block, str(n % FOLDS))]
    prices = fit(given, width)
    apart = left_out(given, width)
    return Calibrated(
        kind="calibrated",
        name=name_of(place),
        device=described(place),
        runtime=Runtime(name="onnxruntime", version=versions()["onnxruntime"], provider=place.provider),
        dtype="fp16" if dtype == "fp16" else "fp32",
        batches=(batch, batch),
        channel_block=block,
        classes={kind: price.replaced(error=_error(kind, given, apart)) for kind, price in prices.classes.items()},
        fallback=prices.fallback,
        peak=_peak(given, width),
        calibration=Calibration(
            date=date.today().isoformat(),
            source=f"{len(session.subjects)} random chains of layers, in turns with a reference kernel",
            samples=len(given),
            passes=session.passes,
            seconds=round(seconds, 1),
            noise=round(session.noise, 4),
            reference_ms=round(session.reference_ms, 4),
            load=load(),
        ),
        holdout=_holdout(session, given, apart, width, block),
    )


def _error(kind: str, given: Sequence[Sample], apart: Sequence[float]) -> float | None:
    """The median relative error of the layers that a class takes part in."""
    errors = [
        abs(ms / sample.ms - 1)
        for sample, ms in zip(given, apart, strict=True)
        if any(name == kind for name, _ in sample.parts)
    ]
    return round(median(errors), 4) if errors else None


def _holdout(session: Session, given: Sequence[Sample], apart: Sequence[float], width: int, block: int) -> HoldOut:
    """Each sixth of the chains predicted from the others: layer by layer, and some together."""
    layers = score(apart, [sample.ms for sample in given])
    whole, common = (
        _bundles(session, given, width, block, by_class=True),
        _bundles(session, given, width, block, by_class=False),
    )
    many, one = spread([predicted / measured for predicted, measured, _ in whole], [found for *_, found in whole])
    judged, plain = (
        score(*zip(*((predicted, measured) for predicted, measured, _ in found), strict=True))
        for found in (whole, common)
    )
    return HoldOut(
        samples=len(whole),
        of="chains that were left out, one by one and some together",
        mape=round(judged.mape, 4),
        within_10=round(judged.within_10, 3),
        within_20=round(judged.within_20, 3),
        rank=round(judged.rank, 4),
        layer_error=round(layers.median, 4),
        layer_rank=round(layers.rank, 4),
        factor=round(many, 3),
        single_factor=round(max(one, many), 3),
        extrapolated_factor=round(max(plain.factor, one), 3),
    )


def _bundles(
    session: Session, given: Sequence[Sample], width: int, block: int, by_class: bool
) -> list[tuple[float, float, float]]:
    """Several chains of one fold at a time are as long as a network: predicted and measured milliseconds, and how
    concentrated they are.

    By class, layers whose class was left out altogether are no part of it: their time would be called extrapolated.
    """
    random = Random(0)
    found = []
    for fold in range(FOLDS):
        prices = (fit if by_class else fit_common)(
            [sample for sample in given if sample.group != str(fold)], width, CACHED
        )
        chained = [_left_out(subject, prices if by_class else None, block) for subject in session.subjects[fold::FOLDS]]
        chained = [chain for chain in chained if chain]
        for bundle in BUNDLES:
            for _ in range(DRAWS):
                drawn = [sample for chain in random.sample(chained, min(bundle, len(chained))) for sample in chain]
                times: dict[Json, float] = {}
                for sample in drawn:
                    times[sample.parts] = times.get(sample.parts, 0.0) + prices.ms(sample.parts, width)
                found.append((sum(times.values()), sum(sample.ms for sample in drawn), concentration(times.values())))
    return found


def _left_out(subject: Timed, prices: Fitted | None, block: int) -> list[Sample]:
    """The layers of a chain, those that prices are known for."""
    return [
        sample
        for sample in samples(subject, block)
        if prices is None or all(kind in prices.classes for kind, _ in sample.parts)
    ]


def _peak(given: Sequence[Sample], width: int) -> Peak:
    """The best rates of single layers, the very best aside: it may have been luck."""
    macs, moved = [], []
    for sample in given:
        for kind, work in sample.parts[:1]:
            if kind.startswith(("conv", "linear")):
                macs.append(float(str(work.macs)) / sample.ms / 1e6)
            moved.append(float(str(work.inputs + work.outputs)) * width / sample.ms / 1e6)
    return Peak(gmacs_per_s=float(f"{_second(macs):.4g}"), gbytes_per_s=float(f"{_second(moved):.4g}"))


def _second(values: Sequence[float]) -> float:
    return sorted(values)[-2] if len(values) > 1 else values[0]


def block_of(place: Place) -> int:
    """The channels in a block of the layout that the runtime keeps maps in: 24 filters are filled up to whole blocks.
    1: no blocks.
    """
    if place.kind != "cpu":
        return 1
    with tempfile.TemporaryDirectory(prefix="archcalc-") as folder:
        runner = _runner(_table(PROBE, "probe", Question()), place, Path(folder, "probe"))
        runner()
        records = json.loads(Path(runner.session.end_profiling()).read_text(encoding="utf-8"))
    nodes = [
        record["args"] for record in records if record.get("cat") == "Node" and record["name"].endswith("_kernel_time")
    ]
    if not any(node["op_name"] == "ReorderInput" for node in nodes):
        return 1
    filters = next(next(iter(node["input_type_shape"][1].values()))[0] for node in nodes if node["op_name"] == "Conv")
    return {32: 16, 24: 8}.get(filters, 1)


__all__ = ["Session", "Timed", "TooNoisy", "block_of", "calibrate", "fitted", "samples", "timed"]
