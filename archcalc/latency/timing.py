"""Networks under the clock, in turns.

They come by in another order every pass, the short ones often and the long ones seldom, with a reference kernel between
them: each finds caches as others left them. A run that follows at once on another of its own is the hot one. Clock
rates, and what neighbours leave of a virtual machine, change within seconds: a run counts in runs of the reference at
its time, times what that takes usually. On one thread the thread's own time counts, not the clock's. What counts is the
median (on several threads, where others' work adds to the clock, what a quarter stays under): it is what a repetition
finds again best.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter, thread_time

import numpy

from archcalc.cost import Table
from archcalc.latency.fit import ROBUST, ROUNDS, nnls
from archcalc.measure.device import Device as Place
from archcalc.measure.device import Runner
from archcalc.measure.latency import quantile
from archcalc.measure.profile import Event, layer_times
from archcalc.measure.session import feed, vocabularies
from archcalc.onnx import Model, in_memory
from archcalc.ops.base import number
from archcalc.question import Question, Written, table_of
from archcalc.records import Record
from archcalc.spec import read_spec
from archcalc.tuples import NamedTuple
from archcalc.untyped import Array, Json

PASSES, FEWEST = 60, 5
SECONDS = 130.0  # of passes, at most
REFERENCE = (
    "archcalc: 1\nname: reference\ninput: [64, 28, 28]\nlayers:\n  - conv 64 3x3 act=relu\n  - conv 64 3x3 act=relu\n"
)
BARE = "archcalc: 1\nname: bare\ninput: [1]\nlayers:\n  - relu\n"  # hardly more than a call
SHORT, SHORT_RERUNS = 2.0, 3  # a network of so many milliseconds isn't hot after a single run
AROUND = 5  # references before and after a run that say how fast the machine was
VISIT, RAREST, OFTENEST = 12.0, 0.2, 5.0  # milliseconds a pass for each network, and how often it comes by in one

Progress = Callable[[str, int, int], None]  # what is being done, how much of it, of how much


class Run(NamedTuple):
    """How many references were timed before, the milliseconds among others, and of a run that follows at once."""

    at: int
    ms: float
    hot_ms: float


class Subject(Record, frozen=False):
    """A network under the clock: its table, what runs it plainly and with a profile, and its runs."""

    table: Table
    plain: Runner
    watched: Runner | None
    runs: list[Run] = []


class Timed(NamedTuple):
    """A network's milliseconds a run among others, by layer where they are known, how far odd and even passes differ,
    and the milliseconds of a run that follows at once on one of its own.
    """

    table: Table
    ms: float
    layers: tuple[tuple[str, float], ...]
    noise: float
    hot_ms: float | None = None


class Session(NamedTuple):
    """Everything that was timed in one process, and the milliseconds of the reference, and of what a run takes besides
    its kernels.
    """

    subjects: list[Timed]
    reference_ms: float
    passes: int
    seconds: float
    call_ms: float = 0.0

    @property
    def noise(self) -> float:
        """The median over networks."""
        return median(subject.noise for subject in self.subjects)


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
    tables = [*tables, asked(BARE, "bare", Question(dtype=tables[0].dtype))]
    with tempfile.TemporaryDirectory(prefix="archcalc-") as folder:
        reference = runner(asked(REFERENCE, "reference", Question(dtype=tables[0].dtype)), place)
        subjects = []
        for n, table in enumerate(tables):
            subjects.append(_subject(table, place, Path(folder, str(n))))
            tell("loading", n + 1, len(tables))
        clock = _Clock(reference, place)
        started, done = perf_counter(), 0
        for number in range(passes + 1):
            if number > FEWEST and perf_counter() - started > seconds:
                break
            for subject in _turns(subjects, number, random):
                clock.time(subject, keep=number > 0)
            done = number
            tell("timing", number, passes)
        speeds = clock.speeds()
        *raw, bare = (_raw(subject, speeds, clock.own) for subject in subjects)
    call, each, share = _watching([*raw, bare])
    timings = [one.timed(each, share) for one in raw]
    return Session(timings, undisturbed(clock.references, clock.own), done, perf_counter() - started, call)


def _subject(table: Table, place: Place, profile: Path) -> Subject:
    """Both runs share the weights."""
    model = in_memory(table)
    inputs = _inputs(table, model)
    watched = Runner(model, inputs, place, profile) if place.kind == "cpu" else None
    return Subject(table, Runner(model, inputs, place), watched)


def asked(text: str, name: str, question: Question) -> Table:
    """The costs of a network that calibration writes for itself."""
    return table_of(Written(read_spec(text, name)), None, question)


def runner(table: Table, place: Place, profile: Path | None = None) -> Runner:
    """What runs a network, with numbers for its inputs."""
    model = in_memory(table)
    return Runner(model, _inputs(table, model), place, profile)


def _inputs(table: Table, model: Model) -> dict[str, Array]:
    return feed(table.graph, vocabularies(table.graph, model), number(table.batch), 0, model.input_kinds())


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
        self.reference()  # what ran before has driven it from the caches: its second run tells the speed alone
        reference, taken = self._once(self.reference), self._once(subject.plain)
        for _ in range(SHORT_RERUNS if taken < SHORT else 0):
            subject.plain()
        again = self._once(subject.plain)
        if subject.watched is not None:
            subject.watched()
        if keep:
            subject.runs.append(Run(len(self.references), taken, again))
            self.references.append(reference)

    def speeds(self) -> list[float]:
        """What the reference takes usually, in units of what it took around each time."""
        usual, around = undisturbed(self.references, self.own), range(-AROUND, AROUND + 1)
        last = len(self.references) - 1
        return [
            usual / median(self.references[min(max(at + by, 0), last)] for by in around)
            for at in range(len(self.references))
        ]

    def _once(self, run: Runner) -> float:
        """Milliseconds."""
        start = self.now()
        run()
        return (self.now() - start) * 1e3


def _turns(subjects: Sequence[Subject], number: int, random: Random) -> list[Subject]:
    """Who comes by in a pass, in which order: all of them at first, then the short ones often, the long ones seldom."""
    found = []
    for subject in subjects:
        often = 1.0
        if number > FEWEST:
            often = min(OFTENEST, max(RAREST, VISIT / median(run.ms for run in subject.runs)))
        found += [subject] * (int(often) + (random.random() < often % 1))
    random.shuffle(found)
    return found


class Raw(NamedTuple):
    """What the clock and a profile say of a network."""

    table: Table
    ms: float
    hot_ms: float
    noise: float
    events: list[Event]  # nodes, each with its milliseconds

    @property
    def watched_ms(self) -> float:
        """Of all nodes."""
        return sum(event.share for event in self.events)

    def timed(self, each: float, share: float) -> Timed:
        """By layer; watching adds so many milliseconds to each node, and a share to all."""
        nodes = [event._replace(share=max(event.share - each, event.share / 4)) for event in self.events]
        total = share * sum(event.share for event in nodes)
        layers = tuple((layer.name, layer.milliseconds) for layer in layer_times(self.table, nodes, total))
        return Timed(self.table, self.ms, layers if nodes else (), self.noise, self.hot_ms)


def _raw(subject: Subject, speeds: Sequence[float], own: bool) -> Raw:
    """At the machine's usual speed."""
    then = [speeds[run.at] for run in subject.runs]
    times = [run.ms * speed for run, speed in zip(subject.runs, then, strict=True)]
    hot = [run.hot_ms * speed for run, speed in zip(subject.runs, then, strict=True)]
    odd, even = (undisturbed(times[start::2] or times, own) for start in (0, 1))
    nodes: list[Event] = []
    if subject.watched is not None:
        records = json.loads(Path(subject.watched.session.end_profiling()).read_text(encoding="utf-8"))
        nodes = events(records, then, own)
    return Raw(subject.table, undisturbed(times, own), undisturbed(hot, own), abs(odd / even - 1), nodes)


def _watching(raw: Sequence[Raw]) -> tuple[float, float, float]:
    """The milliseconds that a run takes besides its nodes, those that watching adds to each node, and the share of a
    run that nodes take: a run is the first, and for each node what was watched of it less the second, times the third.
    """
    known = [one for one in raw if one.events]
    if not known:
        return 0.0, 0.0, 1.0
    times = numpy.array([one.ms for one in known])
    matrix = numpy.array([(1.0, -len(one.events), one.watched_ms) for one in known]) / times[:, None]
    weights = numpy.ones(len(known))
    for _ in range(ROUNDS):
        call, each, share = nnls(matrix * weights[:, None], weights)
        weights = numpy.sqrt(numpy.minimum(1, ROBUST / 4 / numpy.maximum(abs(matrix @ (call, each, share) - 1), 1e-9)))
    return float(call), float(each / max(share, 0.1)), float(share)


def undisturbed(times: Sequence[float], own: bool) -> float:
    """The median of a thread's own time, which a repetition finds again best; of the clock's, which others' work adds
    to, what a quarter of the runs stay under.
    """
    return quantile(times, 0.5 if own else 0.25)


def events(records: Sequence[dict[str, Json]], speeds: Sequence[float], own: bool) -> list[Event]:
    """The nodes of a profile, each with its milliseconds at the machine's usual speed: the median of its times after
    the first run, or what a quarter of them stay under.
    """
    times: dict[tuple[str, str], list[float]] = {}
    for record in records:
        if record.get("cat") == "Node" and record["name"].endswith("_kernel_time"):
            key = (
                record["name"].removesuffix("_kernel_time"),
                f"{record['args'].get('node_index')} {record['args'].get('op_name')}",
            )
            times.setdefault(key, []).append(float(record["dur"]))
    return [
        Event(
            name,
            kind.partition(" ")[2],
            undisturbed([us * speed for us, speed in zip(found[1:] or found, speeds, strict=False)], own) / 1e3,
        )
        for (name, kind), found in times.items()
    ]


__all__ = ["Progress", "Session", "Timed", "asked", "runner", "timed"]
