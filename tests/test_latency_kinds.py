"""What kinds of networks cost besides plain convolutions: taps in the padding, panels, steps, calls, hot runs."""

import json
from fractions import Fraction
from itertools import product
from pathlib import Path
from random import Random

import pytest

from archcalc.algebra import symbol
from archcalc.errors import UsageError
from archcalc.latency import here
from archcalc.latency.calibrate import QUICK
from archcalc.latency.chains import chains
from archcalc.latency.estimate import Prices, predict, spread_of
from archcalc.latency.families import FAMILIES
from archcalc.latency.fit import Sample, fit
from archcalc.latency.hot import fit_hot
from archcalc.latency.kernels import kernels
from archcalc.latency.profile import Calibrated, Kind, load_profile, parse
from archcalc.latency.stages import BODIES, stage
from archcalc.latency.timing import Raw, Timed, _watching
from archcalc.latency.work import Work
from archcalc.measure.profile import Event
from archcalc.model import load, read
from archcalc.ops.base import number
from archcalc.render.times import legend

HEAD = "archcalc: 1\nname: n\ninput: {}\nlayers:\n"


def works(shape: str, *layers: str) -> list[tuple[str, Work]]:
    """The kernels of a few layers, in blocks of 8, without changes of layout."""
    graph = read(HEAD.format(shape) + "".join(f"  - {layer}\n" for layer in layers), "n").count().graph
    return [(kernel.kind, kernel.work) for kernel in kernels(graph, 8) if kernel.kind != "reorder"]


def pairs_inside(side: int, kernel: int, stride: int, dilation: int, pad: int) -> int:
    """One output and one tap after the other: how many lie inside of the map."""
    outputs = (side + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
    return sum(0 <= n * stride + tap * dilation - pad < side for n, tap in product(range(outputs), range(kernel)))


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "dilation"),
    [(33, 3, 1, 18), (33, 3, 1, 40), (14, 3, 2, 1), (28, 31, 1, 1), (17, 5, 3, 2), (7, 3, 1, 1)],
)
def test_taps_in_the_padding_are_no_work(side: int, kernel: int, stride: int, dilation: int) -> None:
    pad = dilation * (kernel - 1) // 2
    ((_, work),) = works(f"[16, {side}, {side}]", f"conv 24 {kernel}x{kernel} stride={stride} dilation={dilation}")
    assert work.macs == 24 * 16 * pairs_inside(side, kernel, stride, dilation, pad) ** 2
    ((_, work),) = works(f"[16, {side}, {side}]", f"dwconv {kernel}x{kernel} stride={stride} dilation={dilation}")
    assert work.macs == 16 * pairs_inside(side, kernel, stride, dilation, pad) ** 2


def test_a_free_size_keeps_its_closed_form_for_what_lies_in_the_padding() -> None:
    spec = "archcalc: 1\nname: n\ninput: [8, size, size]\nparams: {size: 20}\nlayers:\n  - conv 8 3x3\n"
    (work,) = (k.work for k in kernels(read(spec, "n").count(free=["size"]).graph, 8) if k.kind == "conv_3x3")
    assert str(work.macs) != "0"
    for size in (20, 40):
        number = read(spec, "n").count(size=size).graph
        (other,) = (kernel.work.macs for kernel in kernels(number, 8) if kernel.kind == "conv_3x3")
        assert work.macs.substitute({"size": size}) == other == 64 * pairs_inside(size, 3, 1, 1, 1) ** 2  # type: ignore[union-attr]


def test_matrix_products_work_on_panels_of_sixteen_columns() -> None:
    ((kind, work),) = works("[20, 17]", "linear 30")
    assert (kind, work.macs) == ("linear_map", 30 * 20 * 32)
    ((kind, work),) = works("[5, 20]", "linear 30 axis=-1")
    assert (kind, work.macs) == ("linear_last", 5 * 20 * 32)
    ((kind, work),) = works("[20]", "linear 30")
    assert (kind, work.macs) == ("linear", 20 * 30)


def test_attention_is_its_projections_and_the_products_of_its_heads() -> None:
    (first, own), (second, scored) = works("[64, 17]", "attention 4 bias=false")
    assert (first, own.macs) == ("attention_scores", 4 * (17 * 32 * 16 + 32 * 17 * 16)) or first == "attention_scores"
    assert (second, scored.macs) == ("attention", 4 * 64 * 64 * 32)
    assert (own.steps, own.activated) == (4, 4 * 17 * 17)


def test_attention_in_windows_is_that_of_each_window() -> None:
    kinds = dict(works("[32, 14, 14]", "attention 2 window=7x7"))
    assert kinds["attention_scores"].macs == 4 * 2 * 2 * (49 * 64 * 16)
    assert kinds["attention_scores"].steps == 4 * 2
    scores = 4 * 2 * 49 * 49  # of four windows and two heads, written and read
    assert kinds["attention_scores"].outputs == 64 * 14 * 14 // 2 + scores


def test_recurrences_walk_step_by_step() -> None:
    (walk, walked), (kind, work) = works("[10, 7]", "lstm 12")
    assert (kind, work.macs, walk) == ("lstm", 7 * 48 * 10, "recurrence")
    assert (walked.macs, walked.rereads, walked.steps) == (7 * 48 * 12, 7 * 48 * 12, 7)
    (_, walked), _ = works("[10, 7]", "gru 12 bidirectional=true")
    assert (walked.rereads, walked.steps) == (2 * 7 * 36 * 12, 14)


def test_a_batch_takes_the_steps_of_a_recurrence_together_and_heads_one_by_one() -> None:
    (_, walked), _ = works("[10, 7]", "lstm 12")
    together = walked.scaled(5)
    assert (together.macs, together.rereads, together.steps) == (5 * 7 * 48 * 12, 7 * 48 * 12, 7)
    (_, scored), _ = works("[64, 17]", "attention 4")
    assert scored.scaled(5).steps == 5 * 4


@pytest.mark.parametrize(
    ("hidden", "walk"), [(256, "recurrence"), (512, "recurrence_far"), (1024, "recurrence_memory")]
)
def test_where_a_recurrence_reads_its_weights_from_depends_on_how_many_they_are(hidden: int, walk: str) -> None:
    assert works("[10, 7]", f"lstm {hidden}")[0][0] == walk


def test_what_is_moved_beyond_the_near_caches_is_far() -> None:
    """Maps of 32 x 112 x 112 and 32 x 56 x 56 are 501,760 elements; a batch of two has 479,232 beyond 2^19."""
    work = Work(inputs=32 * 112 * 112, outputs=32 * 56 * 56)
    assert work.far(number) == 0
    assert work.scaled(2).far(number) == 2 * 501_760 - 524_288
    price = Prices(Kind(ps_per_input_byte=10, ps_per_output_byte=20, ps_per_far_byte=30), 4)
    assert price.time(work, {}).activations * 10**9 == 4 * (10 * 401_408 + 20 * 100_352)
    assert price.time(work.scaled(2), {}).activations * 10**9 == 4 * (20 * 401_408 + 40 * 100_352 + 30 * 479_232)


def test_of_free_sizes_what_is_far_is_told_at_the_usual_ones() -> None:
    size = symbol("size")
    work = Work(inputs=32 * size**2, outputs=0)
    price = Prices(Kind(ps_per_far_byte=10), 4)
    assert price.time(work, {"size": 128}).activations == 0
    assert price.time(work, {"size": 129}).activations == Fraction(40, 10**9) * (32 * size**2 - 2**19)


def test_macs_of_a_recurrence_cost_what_macs_cost_and_weights_that_are_reread_the_rest() -> None:
    """A MAC takes 10 ps everywhere; a recurrence of one sample 50, as it waits for its weights. In a batch of eight these
    are read as often: 10 x 8 + 40 a weight.
    """
    dense = [Sample((("linear", Work(macs=n * 10**6, outputs=1)),), n * 0.01, str(n)) for n in range(1, 30)]
    walks = [
        Sample((("recurrence", Work(macs=n * 10**5, rereads=n * 10**5)),), n * 0.005, str(n)) for n in range(1, 30)
    ]
    found = fit([*dense, *walks], 4)
    together = Work(macs=8 * 10**6, rereads=10**6)
    assert found.ms([("recurrence", together)], 4) == pytest.approx(8 * 0.01 + 0.04, rel=0.2)


def test_a_shuffle_moves_channel_by_channel() -> None:
    ((kind, work),) = works("[24, 5, 7]", "channel_shuffle 3")
    assert (kind, work.outputs, work.steps) == ("channel_shuffle", 24 * 5 * 7, 24)


def test_convolutions_of_signals_and_volumes_gather_columns() -> None:
    ((kind, work),) = works("[4, 20]", "conv 6 3 pad=same")
    assert (kind, work.macs, work.loads) == ("conv1d", 6 * 4 * 3 * 32, 4 * 3 * 20)
    ((kind, work),) = works("[4, 3, 8, 8]", "conv 6 3x3x3")
    assert (kind, work.loads) == ("conv3d", 4 * 27 * 3 * 64)
    ((kind, work),) = works("[8, 5, 5]", "conv_transpose 4 2x2 stride=2")
    assert (kind, work.loads) == ("conv_transpose", 4 * 4 * 25)


def test_a_stage_is_one_body_several_times_over() -> None:
    """Its kernels but the first few are like others before them, and its map keeps its size."""
    random = Random(2)
    for turn in range(len(BODIES)):
        shape, layers = stage(random, turn)
        table = read(HEAD.format(shape) + "".join(f"  - {layer}\n" for layer in layers), "n").count()
        body = len(layers) // 2
        assert any(layers == layers[:n] * (len(layers) // n) for n in range(1, body + 1))
        assert table.graph.nodes[table.graph.outputs[0]].shape[1:] == tuple(shape[1:])
        assert table.totals["macs"] < 1.5e9
        if BODIES[turn][0].__name__ != "grown":  # whose channels grow
            assert table.graph.nodes[table.graph.outputs[0]].shape[0] == shape[0]
            found = [(kernel.kind, kernel.work._replace(first=0)) for kernel in kernels(table.graph, 16)]
            assert len(set(found)) <= len(found) / 2 + 2


def test_recurrences_of_every_size_are_drawn() -> None:
    """Those whose weights lie near, farther, and in memory, with few chains as well."""
    walks = {kernel.kind for text in chains(QUICK) for kernel in kernels(read(text, "c").count().graph, 16)}
    assert {"recurrence", "recurrence_far", "recurrence_memory"} <= walks


def test_families_draw_networks_that_can_be_run() -> None:
    for family in FAMILIES:
        random = Random(3)
        for turn in range(3):
            shape, layers = family(random, turn)
            table = read(HEAD.format(shape) + "".join(f"  - {layer}\n" for layer in layers), "n").count()
            assert table.totals["macs"] < 4e9
            assert table.totals["weight_bytes"] < 3e8


# ---- calls, and hot runs ---------------------------------------------------------------------------------------------


def test_what_a_call_costs_is_told_from_what_watching_adds() -> None:
    """Networks of 70 us a run besides nodes, each node seen 3 us too long, and all a twentieth too short."""
    table, raw = read(HEAD.format("[4]") + "  - relu\n", "n").count(), []
    random = Random(1)
    for n in range(40):
        nodes = [random.uniform(0.01, 0.4) for _ in range(1 + n % 17)]
        events = [Event(f"n{k}", "Relu", ms / 1.05 + 0.003) for k, ms in enumerate(nodes)]
        raw.append(Raw(table, 0.07 + sum(nodes), 0.02, 0.0, events))
    call, each, share = _watching(raw)
    assert (call, each, share) == pytest.approx((0.07, 0.003, 1.05), rel=1e-3)
    assert _watching([Raw(table, 1.0, 1.0, 0.0, [])]) == (0.0, 0.0, 1.0)


PROFILE = json.loads(
    """{"schema": "archcalc/device/1", "kind": "calibrated", "name": "Test", "device": {"type": "cpu", "model": "X",
    "isa": "AVX2", "threads": 1}, "runtime": {"name": "onnxruntime", "version": "1", "provider": "CPU"},
    "dtype": "fp32", "batches": [1, 1], "calibration": {"date": "2026-11-30", "source": "by hand", "samples": 1,
    "passes": 5}, "peak": {"gmacs_per_s": 100, "gbytes_per_s": 10, "of": "a matrix product"},
    "classes": {"linear": {"ps_per_mac": 100, "ps_per_weight_byte": 1000, "ps_per_input_byte": 500, "ns_per_call":
    2000, "error": 0.1}}, "fallback": {"ps_per_mac": 200, "ns_per_call": 5000},
    "holdout": {"samples": 9, "of": "chains", "mape": 0.05, "within_10": 0.9, "within_20": 1, "rank": 1, "factor": 1.1,
    "class_scale": 2, "extrapolated_factor": 2}, "ns_per_run": 70000, "hot": {"compute": 1, "weights": 0.25,
    "far_weights": 0.9, "activations": 0.5, "overhead": 0.5, "ns_per_run": 9000, "kept_bytes": 100000}}"""
)
DENSE = HEAD.format("[100]") + "  - linear 50\n  - linear 10\n"


def profile(**changes: object) -> Calibrated:
    found = parse(json.dumps({**PROFILE, **changes}).encode(), "p.json")
    assert isinstance(found, Calibrated)
    return found


def test_a_run_costs_a_call_and_its_kernels_and_a_hot_one_less() -> None:
    table = read(DENSE, "n").count()
    macs, weights, inputs = 100 * 50 + 50 * 10, 100 * 50 + 50 + 50 * 10 + 10, 100 + 50
    by_hand = macs * 100e-9 + 4 * weights * 1000e-9 + 4 * inputs * 500e-9 + 2 * 2e-3 + 70e-3
    assert float(predict(table, profile()).totals["latency_ms"]) == pytest.approx(by_hand)
    by_hand = macs * 100e-9 + weights * 1000e-9 + 2 * inputs * 500e-9 + 2 * 1e-3 + 9e-3
    hot = predict(table, profile(), hot=True)
    assert float(hot.totals["latency_ms"]) == pytest.approx(by_hand)
    assert sum(float(row.latency_ms) for row in hot.rows if row.latency_ms) == pytest.approx(by_hand)
    for timed, is_hot in ((predict(table, profile()), False), (hot, True)):
        assert timed.to_json()["latency"]["hot"] is is_hot
        assert (" ms a hot run, " in timed.to_markdown()) is is_hot
        assert ("of a run that follows at once on another" in legend(timed.timing)[0]) is is_hot  # type: ignore[arg-type]


def test_weights_that_no_cache_keeps_cost_more_when_hot() -> None:
    small = {**PROFILE["hot"], "kept_bytes": 1000}
    kept, far = (predict(read(DENSE, "n").count(), profile(hot=given), hot=True) for given in (PROFILE["hot"], small))
    weights = 4 * (100 * 50 + 50 + 50 * 10 + 10) * 1000e-9
    difference = float(far.totals["latency_ms"]) - float(kept.totals["latency_ms"])
    assert difference == pytest.approx((0.9 - 0.25) * weights)


def test_a_profile_without_hot_runs_says_so() -> None:
    with pytest.raises(UsageError, match="has no figures for hot runs"):
        load("lenet").count(device="epyc-zen4-cpu-1t", hot=True)


def test_shares_of_hot_runs_are_found_again() -> None:
    """Dense networks of many sizes, whose hot runs take what the profile of above says."""
    from archcalc.latency.fit import Fitted

    given, random = profile(), Random(2)
    subjects = []
    for n in range(60):
        widths = [int(4 * 100 ** random.random()) for _ in range(3 + n % 3)]
        table = read(HEAD.format(f"[{widths[0]}]") + "".join(f"  - linear {w}\n" for w in widths[1:]), "n").count()
        far = given.replaced(hot=given.hot.replaced(kept_bytes=1 << 20))  # type: ignore[union-attr]
        hot = float(predict(table, far, hot=True).totals["latency_ms"])
        subjects.append(Timed(table, 1.0, (), 0.0, hot))
    found = fit_hot(subjects, Fitted(given.classes, given.fallback), 8, 4)
    assert found is not None
    assert (found.ns_per_run, found.weights) == pytest.approx((9000, 0.25), rel=0.02)


def test_the_interval_is_as_wide_as_the_errors_of_its_classes() -> None:
    assert spread_of({"a": 3.0, "b": 1.0}, {"a": 0.1, "b": 0.4}) == pytest.approx((0.075**2 + 0.1**2) ** 0.5)
    table = read(DENSE, "n").count()
    certain, doubtful = (
        profile(classes={"linear": {**PROFILE["classes"]["linear"], "error": error}}) for error in (0.05, 0.3)
    )
    widths = []
    for one in (certain, doubtful):
        low, high = predict(table, one).totals["latency_interval_ms"]
        widths.append(high / low)
    assert widths[0] < widths[1]


# ---- another machine -------------------------------------------------------------------------------------------------


def test_a_profile_of_another_machine_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here.processor, "processor", lambda: "X")
    monkeypatch.setattr(here.processor, "isa", lambda: "AVX2")
    assert here.elsewhere(profile()) == ""
    assert here.elsewhere(load_profile("rtx4090")) == ""
    for model, isa in (("Y", "AVX2"), ("X", "AVX-512")):
        other = here.elsewhere(profile(device={"type": "cpu", "model": model, "isa": isa, "threads": 1}))
        assert "isn't this machine, X (AVX2)" in other
        assert "archcalc calibrate --quick" in other


@pytest.mark.parametrize(
    "name", ["resnet18", "vgg11", "mobilenet_v2", "decoding.yaml", "lstm2.yaml", "bert_small.yaml"]
)
def test_no_prediction_is_faster_than_a_matrix_product_allows(name: str) -> None:
    """Every multiply-accumulate at the peak, which was measured apart."""
    folder = Path(__file__).parent / "data" / "latency" / "networks"
    totals = load(folder / name if name.endswith(".yaml") else name).count(device="epyc-zen3-cpu-1t").totals
    found = load_profile("epyc-zen3-cpu-1t")
    assert isinstance(found, Calibrated)
    assert totals["latency_ms"] > totals["macs"] / found.peak.gmacs_per_s / 1e6
