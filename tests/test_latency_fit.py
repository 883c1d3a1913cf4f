"""Prices fitted on recorded measurements, and how far they are off for networks that were not used: nothing is timed
here.
"""

import importlib.util
import itertools
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy
import pytest

from archcalc.latency.calibrate import learned
from archcalc.latency.estimate import Prices, predict
from archcalc.latency.fit import (
    OF_NETWORKS,
    STREAMED,
    Sample,
    factor,
    fit,
    fit_common,
    left_out,
    nnls,
    score,
)
from archcalc.latency.profile import Calibrated, Kind, Roofline, load_profile, parse
from archcalc.latency.work import Work
from archcalc.model import load
from archcalc.zoo import entries

HERE = Path(__file__).parent
WIDTH = 4


def benchmark(name: str) -> ModuleType:
    """A module of tests/benchmarks."""
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", HERE / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# ---- the arithmetic --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_least_squares_without_negatives_are_the_best_of_all_subsets(seed: int) -> None:
    random = numpy.random.default_rng(seed)
    matrix, target = random.normal(size=(12, 5)), random.normal(size=12)
    best = float(target @ target)
    for chosen in itertools.chain.from_iterable(itertools.combinations(range(5), n) for n in range(1, 6)):
        columns = list(chosen)
        x = numpy.linalg.lstsq(matrix[:, columns], target, rcond=None)[0]
        if x.min() >= 0:
            best = min(best, float(((matrix[:, columns] @ x - target) ** 2).sum()))
    found = nnls(matrix, target)
    assert found.min() >= 0
    assert float(((matrix @ found - target) ** 2).sum()) == pytest.approx(best, rel=1e-9)


def test_prices_that_made_the_times_are_found_again() -> None:
    true = {
        "conv_3x3": Kind(ps_per_mac=12, ps_per_weight_byte=30, ps_per_output_byte=60, ns_per_call=2500),
        "silu": Kind(ps_per_input_byte=40, ps_per_output_byte=15, ns_per_call=4000),
    }
    random = numpy.random.default_rng(1)
    samples = []
    for n in range(240):
        kind = ("conv_3x3", "silu")[n % 2]
        inputs, outputs, weights = (int(10 ** random.uniform(2.5, 6)) for _ in range(3))
        work = Work(
            macs=int(10 ** random.uniform(4, 9)) if kind == "conv_3x3" else 0,
            weights=weights * (n % 2 == 0),
            inputs=inputs,
            outputs=outputs,
        )
        ms = float(str(float(Prices(true[kind], WIDTH).time(work, {}).total)))  # type: ignore[arg-type]
        samples.append(Sample(((kind, work),), ms * float(numpy.exp(random.normal(0, 0.02))), str(n % 5)))
    found = left_out(samples, WIDTH)
    assert score(found, [sample.ms for sample in samples]).median < 0.03
    fitted = fit(samples, WIDTH).classes
    assert fitted["conv_3x3"].ps_per_mac == pytest.approx(12, rel=0.05)
    assert fitted["conv_3x3"].ps_per_output_byte == pytest.approx(60, rel=0.15)


def test_a_disturbed_sample_does_not_decide() -> None:
    works = [Work(macs=n * 10**6, inputs=1000, outputs=1000) for n in range(1, 40)]
    samples = [Sample((("conv_3x3", work),), int(str(work.macs)) * 2e-8, str(n)) for n, work in enumerate(works)]
    samples[3] = samples[3]._replace(ms=samples[3].ms * 50)
    fitted = fit(samples, WIDTH)
    assert fitted.ms((("conv_3x3", works[20]),), WIDTH) == pytest.approx(samples[20].ms, rel=0.05)


def test_a_class_that_was_never_seen_pays_the_common_prices() -> None:
    samples = [
        Sample((("conv_3x3", Work(macs=n * 10**6, inputs=n * 1000, outputs=500)),), n * 0.01, str(n))
        for n in range(1, 20)
    ]
    strange = (("lstm", Work(macs=10**6, inputs=1000, outputs=500)),)
    assert fit(samples, WIDTH).ms(strange, WIDTH) == fit_common(samples, WIDTH).ms(strange, WIDTH)


def test_scores_by_hand() -> None:
    found = score([1.05, 1.8, 3.3, 4.0], [1, 2, 3, 4])
    assert (found.mape, found.within_10, found.within_20) == pytest.approx(((0.05 + 0.1 + 0.1 + 0) / 4, 1.0, 1.0))
    assert found.rank == pytest.approx(1)
    assert score([1, 2, 3, 5, 4], [1, 2, 3, 4, 5]).rank == pytest.approx(1 - 6 * 2 / (5 * 24))  # Spearman's formula
    assert score([1.0], [2.0]).rank == 1  # no order to be wrong about
    ratios = [1.01] * 17 + [1.2, 1.3]  # 19 ratios: nine of ten further ones lie within the 18th smallest
    assert factor(ratios) == pytest.approx(1.2)
    assert factor([1 / 1.2, *[1.01] * 17, 1 / 1.3]) == pytest.approx(1.2)


# ---- recorded measurements -------------------------------------------------------------------------------------------


def test_networks_are_predicted_from_a_few_chains_of_layers() -> None:
    """A third of the chains and of the networks of what the `slow` test is held to."""
    latency = benchmark("latency")
    chained, networks, block, _ = latency.recorded(HERE / "data" / "latency" / "epyc_zen4_1t.json")
    given = [sample for subject in chained.subjects[::3] for sample in latency.samples(subject, block)]
    fitted, shipped = fit(given, WIDTH), load_profile("epyc-zen4-cpu-1t")
    assert isinstance(shipped, Calibrated)
    profile = shipped.replaced(classes=fitted.classes, fallback=fitted.fallback)
    found = latency.judge(networks.subjects[::3], profile, given)
    assert found.scaled.mape <= 0.06
    assert found.scaled.within_20 == 1
    assert min(found.scaled.rank, found.layers.rank) >= 0.98
    assert found.by_macs.mape >= 1.5 * found.scaled.mape


@pytest.mark.slow
@pytest.mark.parametrize(("threads", "layer_rank"), [(1, 0.98), (2, 0.97)])
def test_networks_are_predicted_from_chains_of_layers(threads: int, layer_rank: float) -> None:
    """The goals for one and two threads; recorded on a virtual machine of 2 cores of an EPYC (Zen 4), chains and
    networks in turns of their own.
    """
    latency = benchmark("latency")
    chained, networks, block, _ = latency.recorded(HERE / "data" / "latency" / f"epyc_zen4_{threads}t.json")
    given = [sample for subject in chained.subjects for sample in latency.samples(subject, block)]
    fitted = fit(given, WIDTH)
    shipped = load_profile(f"epyc-zen4-cpu-{threads}t")
    assert isinstance(shipped, Calibrated)
    profile = shipped.replaced(classes=fitted.classes, fallback=fitted.fallback)
    found = latency.judge(networks.subjects, profile, given)
    assert len(networks.subjects) >= 20
    assert found.scaled.mape <= 0.06
    assert found.scaled.within_10 >= 0.85
    assert found.scaled.within_20 == 1
    assert found.scaled.rank >= 0.99
    assert found.layers.rank >= layer_rank
    assert found.raw.mape <= 0.08
    assert found.by_macs.mape >= 3 * found.scaled.mape
    assert found.inside >= 0.9
    for kind, prices in fitted.classes.items():  # the profile that ships is this fit
        assert shipped.classes[kind].ps_per_mac == pytest.approx(prices.ps_per_mac, rel=1e-3), kind


def test_every_kind_of_networks_is_predicted_by_the_profile_that_ships() -> None:
    """Recorded on a virtual machine of 2 cores of an EPYC (Zen 3) that shares them with others: noise of 4 to 5 %."""
    latency = benchmark("latency")
    path = HERE / "data" / "latency" / "epyc_zen3_1t.json"
    _, networks, _, names = latency.recorded(path)
    shipped = load_profile("epyc-zen3-cpu-1t")
    assert isinstance(shipped, Calibrated)
    found, hot = (latency.by_kind(networks.subjects, names, shipped, hot) for hot in (False, True))
    kinds = {name: kind for kind, members in latency.KINDS.items() for name in members}
    assert found.keys() == {kinds[name] for name in names} | {"under 1 ms", "all"}
    assert found["all"].mape <= 0.07
    assert found["all"].inside >= 0.9
    assert found["under 1 ms"].mape <= 0.15
    assert max(one.mape for one in found.values()) <= 0.122
    assert hot["all"].mape <= 0.095
    assert hot["all"].inside >= 0.85


def own_roofline(name: str) -> tuple[Calibrated, Roofline]:
    """A profile, and the bound that the best rates of the same machine give."""
    profile = load_profile(name)
    assert isinstance(profile, Calibrated)
    best = {"gmacs_per_s": {"fp32": profile.peak.gmacs_per_s}, "gbytes_per_s": profile.peak.gbytes_per_s}
    rest = {"kind": "roofline", "name": "bound", "device": {"type": "cpu", "model": "bound"}, "source": "measured"}
    bound = parse(json.dumps({"schema": "archcalc/device/1", **rest, **best}).encode(), "bound.json")
    assert isinstance(bound, Roofline)
    return profile, bound


@pytest.mark.slow  # a hundred networks are counted
def test_nothing_was_measured_or_is_predicted_below_the_bound_of_the_same_machine() -> None:
    _, networks, _, names = benchmark("latency").recorded(HERE / "data" / "latency" / "epyc_zen3_1t.json")
    profile, best = own_roofline("epyc-zen3-cpu-1t")
    for name, subject in zip(names, networks.subjects, strict=True):
        least = predict(subject.table, best).totals["latency_ms"]
        assert least < subject.ms, name
        assert least < predict(subject.table, profile).totals["latency_ms"], name


@pytest.mark.slow  # every network that ships
@pytest.mark.parametrize("name", ["epyc-zen3-cpu-1t", "epyc-zen4-cpu-1t"])  # on two threads the best layer is no peak
def test_no_network_that_ships_is_predicted_below_the_bound_of_the_same_machine(name: str) -> None:
    profile, best = own_roofline(name)
    for entry in entries():
        table = load(entry.names[0]).count()
        assert predict(table, best).totals["latency_ms"] < predict(table, profile).totals["latency_ms"], entry.names[0]


@pytest.mark.slow  # the whole fit, and each sixth of the chains from the others
def test_the_profile_that_ships_is_the_fit_of_what_was_recorded() -> None:
    latency = benchmark("latency")
    chained, _, block, _ = latency.recorded(HERE / "data" / "latency" / "epyc_zen3_1t.json")
    shipped, found = load_profile("epyc-zen3-cpu-1t"), learned(chained, block, WIDTH)
    assert isinstance(shipped, Calibrated)
    assert found.holdout.layer_rank is not None
    assert found.holdout.layer_rank >= 0.98
    assert found.ns_per_run == shipped.ns_per_run
    assert shipped.classes.keys() == found.classes.keys()
    for kind, prices in found.classes.items():
        assert shipped.classes[kind].ps_per_mac == pytest.approx(prices.ps_per_mac, rel=1e-3), kind


@pytest.mark.parametrize(
    ("step", "number", "mape"), [(8, 13, 0.25), pytest.param(1, 100, 0.12, marks=pytest.mark.slow)]
)
def test_published_times_of_an_rtx_4090_are_explained_by_static_counts(
    tmp_path: Path, step: int, number: int, mape: float
) -> None:
    """Leave-family-out; the tables are timm's (see the files). Fewer networks explain the others less well."""
    tables = benchmark("tables")
    head, *rows = (tables.DATA / tables.TABLES[0].file).read_text(encoding="utf-8").splitlines()
    while head.startswith("#"):
        head, *rows = rows
    (tmp_path / "some.csv").write_text("\n".join([head, *rows[::step]]), encoding="utf-8")
    published = tables.TABLES[0]._replace(file=str(tmp_path / "some.csv"))
    given, width = tables.samples(published), 2
    times = [sample.ms for sample in given]
    found = score(left_out(given, width, STREAMED, OF_NETWORKS), times)
    assert len(given) == number
    assert found.mape <= mape
    assert found.rank >= 0.97
    assert score(tables.by_macs(given), times).mape >= 3 * found.mape


@pytest.mark.slow  # a second table of a hundred networks, each family left out in turn
def test_published_times_of_an_i7_are_explained_less_well() -> None:
    tables = benchmark("tables")
    published = tables.TABLES[1]
    given = tables.samples(published)
    times = [sample.ms for sample in given]
    found = score(left_out(given, WIDTH, published.pooled, OF_NETWORKS), times)
    assert found.mape <= 0.2
    assert score(tables.by_macs(given), times).mape >= 1.7 * found.mape
