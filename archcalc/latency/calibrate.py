"""Calibrating a device: chains of layers timed where they stand (`timing`), and prices fitted to the times."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter

from archcalc.cost import Table
from archcalc.cost.row import DTYPES
from archcalc.errors import ArchcalcError, UsageError
from archcalc.graph import Graph
from archcalc.latency.chains import batch_of, chains
from archcalc.latency.estimate import spread_of
from archcalc.latency.fit import CACHED, Fitted, Sample, fit, fit_common, score, spread
from archcalc.latency.hot import fit_hot
from archcalc.latency.kernels import Kernel, kernels
from archcalc.latency.machine import described, load, name_of
from archcalc.latency.profile import Calibrated, Calibration, HoldOut, Hot, Kind, Peak, Runtime
from archcalc.latency.timing import PASSES, SECONDS, Progress, Session, Timed, asked, runner, timed
from archcalc.measure.ceilings import product_rate
from archcalc.measure.device import Device as Place
from archcalc.measure.session import versions
from archcalc.ops import size
from archcalc.ops.base import number
from archcalc.ops.reshaping import Slice
from archcalc.question import Question
from archcalc.tuples import NamedTuple

CHAINS, QUICK = 315, 140
QUICK_SECONDS = 60.0  # of passes, at most
MOST_NOISE = 0.04  # between odd and even passes
FOLDS = 6
BUNDLES, DRAWS = (1, 2, 4, 8), 20  # chains together, and how often in each fold
PROBE = "archcalc: 1\nname: probe\ninput: [24, 16, 16]\nlayers:\n  - conv 24 3x3\n  - relu\n  - conv 24 3x3\n"


class TooNoisy(ArchcalcError):
    """The machine's times can't be repeated well enough to tell prices."""


def calibrate(
    place: Place,
    dtype: str = "fp32",
    batch: int | None = None,
    *,
    count: int = CHAINS,
    passes: int = PASSES,
    seconds: float = SECONDS,
    seed: int = 0,
    most_noise: float = MOST_NOISE,
    progress: Progress | None = None,
) -> Calibrated:
    """A profile of this machine, for that `batch`, or else for batches of up to 64 (on CUDA of one). Raises TooNoisy
    where times can't be repeated, UsageError where nothing can be run.
    """
    if dtype != "fp32" and place.kind == "cpu":
        raise UsageError(
            f"on a CPU onnxruntime computes {dtype} in fp32, between casts that a profile doesn't tell: calibrate fp32,"
            " or --device cuda"
        )
    tables = subjects(count, seed, dtype, batch if place.kind == "cpu" else batch or 1)
    began = perf_counter()
    session = timed(tables, place, passes=passes, seconds=seconds, seed=seed, progress=progress)
    if session.noise > most_noise:
        raise TooNoisy(
            f"the machine is too noisy to calibrate: odd and even passes differ by {session.noise:.1%} in the median,"
            f" more than {most_noise:.0%}; stop what else runs, or take more time (--seconds)"
        )
    return fitted(session, place, dtype, block_of(place), perf_counter() - began)


def subjects(count: int, seed: int = 0, dtype: str = "fp32", batch: int | None = None) -> list[Table]:
    """The chains that are timed; where no `batch` is given, some of them in batches."""
    found = []
    for n, text in enumerate(chains(count, seed)):
        table = asked(text, f"chain {n}", Question(batch=batch or 1, dtype=dtype))
        many = batch_of(n, number(table.total("macs")), number(table.total("act_peak_bytes"))) if batch is None else 1
        found.append(asked(text, f"chain {n}", Question(batch=many, dtype=dtype)) if many > 1 else table)
    return found


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
    _share_cuts(graph, spent)
    by_owner: dict[int, list[Kernel]] = {}
    for kernel in found:
        by_owner.setdefault(kernel.node, []).append(kernel)
    return [
        Sample(tuple((kernel.kind, kernel.work.scaled(batch)) for kernel in mine), spent[owner], group)
        for owner, mine in by_owner.items()
        if spent.get(owner, 0.0) > 0
    ]


def _share_cuts(graph: Graph, spent: dict[int, float]) -> None:
    """What is cut out of one tensor is one node, whose time is known at one of the cuts: each has its share of it."""
    cuts: dict[int, list[int]] = {}
    for n in graph.layers():
        if isinstance(graph.nodes[n].op, Slice):
            cuts.setdefault(graph.nodes[n].inputs[0], []).append(n)
    for beside in cuts.values():
        sizes = [float(str(size(graph.nodes[n].shape))) for n in beside]
        whole = sum(spent.get(n, 0.0) for n in beside)
        spent.update({n: whole * one / sum(sizes) for n, one in zip(beside, sizes, strict=True)})


class Learned(NamedTuple):
    """What a calibration's times tell of a device."""

    classes: dict[str, Kind]
    fallback: Kind
    holdout: HoldOut
    ns_per_run: float
    hot: Hot | None


def learned(session: Session, block: int, width: int) -> Learned:
    """Prices from times, and how good they are for chains that they were not fitted on."""
    given = _given(session, block)
    prices, folds = (
        fit(given, width),
        [fit([one for one in given if one.group != str(fold)], width) for fold in range(FOLDS)],
    )
    apart = [folds[int(sample.group)].ms(sample.parts, width) for sample in given]
    errors = {kind: _error(kind, given, apart) for kind in prices.classes}
    return Learned(
        {kind: price.replaced(error=errors[kind]) for kind, price in prices.classes.items()},
        prices.fallback,
        _holdout(session, given, apart, folds, errors, width, block),
        float(f"{session.call_ms * 1e6:.4g}"),
        fit_hot(session.subjects, prices, block, width),
    )


def _given(session: Session, block: int) -> list[Sample]:
    return [sample for n, subject in enumerate(session.subjects) for sample in samples(subject, block, str(n % FOLDS))]


def fitted(session: Session, place: Place, dtype: str, block: int, seconds: float) -> Calibrated:
    """A profile from times."""
    batches = {number(subject.table.batch) for subject in session.subjects}
    width, found = DTYPES[dtype], learned(session, block, DTYPES[dtype])
    given = _given(session, block)
    return Calibrated(
        kind="calibrated",
        name=name_of(place),
        device=described(place),
        runtime=Runtime(name="onnxruntime", version=versions()["onnxruntime"], provider=place.provider),
        dtype="fp16" if dtype == "fp16" else "fp32",
        batches=(min(batches), max(batches)),
        channel_block=block,
        peak=_peak(given, width, place, dtype),
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
        **found._asdict(),
    )


def _error(kind: str, given: Sequence[Sample], apart: Sequence[float]) -> float | None:
    """The median relative error of the layers that a class takes part in."""
    errors = [
        abs(ms / sample.ms - 1)
        for sample, ms in zip(given, apart, strict=True)
        if any(name == kind for name, _ in sample.parts)
    ]
    return round(median(errors), 4) if errors else None


def _holdout(
    session: Session,
    given: Sequence[Sample],
    apart: Sequence[float],
    folds: Sequence[Fitted],
    errors: Mapping[str, float | None],
    width: int,
    block: int,
) -> HoldOut:
    """Each sixth of the chains predicted from the others: layer by layer, and some together."""
    layers = score(apart, [sample.ms for sample in given])
    plain_folds = [fit_common([one for one in given if one.group != str(fold)], width, CACHED) for fold in range(FOLDS)]
    whole, common = (_bundles(session, found, errors, width, block) for found in (folds, plain_folds))
    many, scale = spread([predicted / measured for predicted, measured, _ in whole], [found for *_, found in whole])
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
        extrapolated_factor=round(max(plain.factor, many), 3),
        class_scale=round(scale, 3),
    )


def _bundles(
    session: Session, folds: Sequence[Fitted], errors: Mapping[str, float | None], width: int, block: int
) -> list[tuple[float, float, float]]:
    """Several chains of one fold at a time are as long as a network: predicted and measured milliseconds, and how far
    off the errors of their classes let them be.

    Layers whose class was left out altogether are no part of it: their time would be called extrapolated.
    """
    random = Random(0)
    found = []
    for fold, prices in enumerate(folds):
        chained = [_left_out(subject, prices, block) for subject in session.subjects[fold::FOLDS]]
        chained = [(subject, ms) for subject, ms in chained if subject]
        for bundle in BUNDLES:
            for _ in range(DRAWS):
                drawn = random.sample(chained, min(bundle, len(chained)))
                times: dict[str, float] = {}
                for kind, work in (part for samples_, _ in drawn for sample in samples_ for part in sample.parts):
                    times[kind] = times.get(kind, 0.0) + prices.ms([(kind, work)], width)
                whole = sum(times.values()) + session.call_ms * len(drawn)
                found.append((whole, sum(ms for _, ms in drawn), spread_of(times, errors)))
    return found


def _left_out(subject: Timed, prices: Fitted, block: int) -> tuple[list[Sample], float]:
    """The layers of a chain, those that prices are known for, and the milliseconds without the others."""
    known, others = [], 0.0
    for sample in samples(subject, block):
        if not prices.classes or all(kind in prices.classes for kind, _ in sample.parts):
            known.append(sample)
        else:
            others += sample.ms
    return known, max(subject.ms - others, sum(sample.ms for sample in known) / 2)


def _peak(given: Sequence[Sample], width: int, place: Place, dtype: str) -> Peak:
    """The rate of a matrix product, and the bytes of single layers, the very best aside: it may have been luck."""
    moved = []
    for sample in given:
        for _, work in sample.parts[:1]:
            moved.append(float(str(work.inputs + work.outputs)) * width / sample.ms / 1e6)
    rate = product_rate(place, dtype) / 1e6
    return Peak(gmacs_per_s=float(f"{rate:.4g}"), gbytes_per_s=float(f"{_second(moved):.4g}"), of="a matrix product")


def _second(values: Sequence[float]) -> float:
    return sorted(values)[-2] if len(values) > 1 else values[0]


def block_of(place: Place) -> int:
    """The channels in a block of the layout that the runtime keeps maps in: 24 filters are filled up to whole blocks.
    1: no blocks.
    """
    if place.kind != "cpu":
        return 1
    with tempfile.TemporaryDirectory(prefix="archcalc-") as folder:
        probe = runner(asked(PROBE, "probe", Question()), place, Path(folder, "probe"))
        probe()
        records = json.loads(Path(probe.session.end_profiling()).read_text(encoding="utf-8"))
    nodes = [
        record["args"] for record in records if record.get("cat") == "Node" and record["name"].endswith("_kernel_time")
    ]
    if not any(node["op_name"] == "ReorderInput" for node in nodes):
        return 1
    filters = next(next(iter(node["input_type_shape"][1].values()))[0] for node in nodes if node["op_name"] == "Conv")
    return {32: 16, 24: 8}.get(filters, 1)


__all__ = ["Learned", "TooNoisy", "block_of", "calibrate", "fitted", "learned", "samples"]
