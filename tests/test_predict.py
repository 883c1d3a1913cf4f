"""Times from a profile: prices by hand, closed forms, intervals, budgets, and what is refused."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from archcalc.algebra import Poly, symbol
from archcalc.algebra.poly import rewrite
from archcalc.cli import main
from archcalc.duration import Time, added
from archcalc.errors import UsageError
from archcalc.latency.against import comparable
from archcalc.latency.estimate import predict
from archcalc.latency.kernels import kernels
from archcalc.latency.profile import Calibrated, Roofline, device_names, load_profile, parse, printed
from archcalc.measure.device import Device as Place
from archcalc.model import Model, load
from archcalc.render.times import milliseconds
from archcalc.spec import read_spec

SPEC = """archcalc: 1
name: small
input: [32, size, size]
params: {size: {default: 10, min: 3}, width: {default: 32, multiple_of: 16}}
layers:
  - conv width 3x3 bias=false norm=bn act=sigmoid
  - conv 16 1x1
  - softmax
"""

PROFILE: dict[str, Any] = {
    "schema": "archcalc/device/1",
    "kind": "calibrated",
    "name": "made up",
    "device": {"type": "cpu", "model": "made up", "threads": 1},
    "runtime": {"name": "none", "version": "0", "provider": "none"},
    "dtype": "fp32",
    "batches": [1, 1],
    "calibration": {"date": "2026-01-01", "source": "thin air", "samples": 1},
    "peak": {"gmacs_per_s": 100, "gbytes_per_s": 10},
    "channel_block": 1,
    "classes": {
        "conv_3x3": {
            "ps_per_mac": 10,
            "ps_per_weight_byte": 20,
            "ps_per_input_byte": 3,
            "ps_per_output_byte": 5,
            "ps_per_activated_byte": 7,
            "ns_per_call": 900,
        },
        "conv_1x1": {"ps_per_mac": 11, "ns_per_call": 100, "seen": {"macs": [1000, 40000]}},
    },
    "fallback": {"ps_per_mac": 2, "ps_per_input_byte": 4, "ps_per_output_byte": 4, "ns_per_call": 50},
    "holdout": {
        "samples": 10,
        "of": "nothing",
        "mape": 0.1,
        "within_10": 0.5,
        "within_20": 1,
        "rank": 1,
        "factor": 1.25,
        "extrapolated_factor": 2,
    },
}

ROOFLINE: dict[str, Any] = {
    "schema": "archcalc/device/1",
    "kind": "roofline",
    "name": "sheet",
    "device": {"type": "cuda", "model": "sheet"},
    "gmacs_per_s": {"fp32": 1, "fp16": 8},
    "gbytes_per_s": 2,
    "source": "a sheet",
}


@pytest.fixture
def spec(tmp_path: Path) -> str:
    (tmp_path / "net.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "device.json").write_text(json.dumps(PROFILE), encoding="utf-8")
    (tmp_path / "sheet.json").write_text(json.dumps(ROOFLINE), encoding="utf-8")
    return str(tmp_path / "net.yaml")


def profile(**changes: Any) -> Any:
    return parse(json.dumps({**PROFILE, **changes}).encode(), "device.json")


# ---- numbers ---------------------------------------------------------------------------------------------------------

CONV_3X3 = Time(
    compute=Fraction(10 * 32 * 32 * 9 * 100, 10**9),
    weights=Fraction(20 * 4 * 32 * 32 * 9, 10**9),
    activations=Fraction(4 * 32 * 100 * (3 + 5 + 7), 10**9),
    overhead=Fraction(900, 10**6),
)


def test_each_layer_pays_the_prices_of_its_class_by_hand(spec: str) -> None:
    table = predict(load(spec).count(), profile())
    first, bn, sigmoid, second, last = table.rows
    assert first.time == CONV_3X3
    assert bn.time == sigmoid.time == Time()  # the convolution takes them with it
    assert second.time == Time(
        compute=Fraction(11 * 16 * 32 * 100, 10**9), overhead=Fraction(100, 10**6), extrapolated=second.latency_ms
    )  # type: ignore[arg-type]
    operations = 5 * 16 * 100 - 2 * 100  # of a softmax over 16 channels at 100 positions
    by_hand = Fraction(2 * operations + 4 * 4 * 2 * 16 * 100, 10**9) + Fraction(50, 10**6)
    assert last.latency_ms == by_hand  # no such class: the prices that all have in common
    assert last.time is not None
    assert last.time.extrapolated == by_hand
    assert table.totals["latency_ms"] == sum(row.latency_ms for row in table.rows)  # type: ignore[misc]


def test_times_are_added_exactly() -> None:
    """Over one denominator: 1/4 + 1/6 + 1/10 = 31/60."""
    parts = [Fraction(1, 4), Fraction(1, 6), 2, Fraction(1, 10)]
    assert (added(parts), added([2, 3]), added([])) == (Fraction(151, 60), 5, 0)
    assert added([symbol("n") * 3, *parts]) == symbol("n") * 3 + Fraction(151, 60)


def test_the_interval_is_wider_outside_of_what_was_calibrated(spec: str) -> None:
    table = predict(load(spec).count(), profile())
    near = CONV_3X3.total
    far = table.totals["latency_ms"] - near
    assert table.totals["latency_interval_ms"] == [near / Fraction(5, 4) + far / 2, near * Fraction(5, 4) + far * 2]


@pytest.mark.parametrize(("layers", "wanted"), [(1, 1.5), (4, 1.2447)])
def test_the_interval_narrows_with_different_layers(tmp_path: Path, layers: int, wanted: float) -> None:
    """exp(sqrt(log(1.1)² + (log(1.5)² - log(1.1)²) / n)) for n equal ones: 1.5, and 1.2447 for four."""
    text = "archcalc: 1\nname: even\ninput: [4, 8, 8]\nlayers:\n" + "".join(
        f"  - {word}\n" for word in ("relu", "tanh", "elu", "selu")[:layers]
    )
    (tmp_path / "even.yaml").write_text(text, encoding="utf-8")
    alike = {"ps_per_output_byte": 5}
    held = {**PROFILE["holdout"], "factor": 1.1, "single_factor": 1.5}
    prices = profile(classes={"relu": alike, "tanh": alike, "elu": alike, "selu": alike}, holdout=held)
    timing = predict(load(str(tmp_path / "even.yaml")).count(), prices).timing
    assert timing is not None
    assert float(timing.factor) == pytest.approx(wanted, abs=0.001)


def test_layers_that_are_alike_are_off_together(tmp_path: Path) -> None:
    (tmp_path / "same.yaml").write_text(
        "archcalc: 1\nname: same\ninput: [4, 8, 8]\nlayers: [relu, relu, relu, relu]\n", encoding="utf-8"
    )
    held = {**PROFILE["holdout"], "factor": 1.1, "single_factor": 1.5}
    timing = predict(
        load(str(tmp_path / "same.yaml")).count(), profile(classes={"relu": {"ps_per_output_byte": 5}}, holdout=held)
    ).timing
    assert timing is not None
    assert timing.factor == Fraction(3, 2)


def test_another_batch_than_was_calibrated_is_extrapolated(spec: str) -> None:
    table = predict(load(spec).count(batch=2), profile())
    assert table.timing is not None
    assert table.timing.whole.extrapolated == table.totals["latency_ms"]
    assert table.rows[0].time == Time(
        2 * CONV_3X3.compute, CONV_3X3.weights, 2 * CONV_3X3.activations, CONV_3X3.overhead, table.rows[0].latency_ms
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(("size", "width"), [(3, 16), (7, 32), (10, 64), (33, 160)])
def test_the_closed_form_gives_the_number_at_every_point(spec: str, size: int, width: int) -> None:
    model = load(spec)
    form = predict(model.count(free=["size", "width"]), profile()).totals["latency_ms"]
    assert isinstance(form, Poly)
    assert (
        form.evaluate({"size": size, "width": width})
        == predict(model.count(size=size, width=width), profile()).totals["latency_ms"]
    )


def test_a_free_depth_has_a_closed_form_as_well() -> None:
    model = load("plain20-cifar")
    free = next(name for name, value in model.count().binding.values.items() if name == "n" or value == 3)
    form = model.count(free=[free], device="i7-12700h-cpu").totals["latency_ms"]
    for value in (2, 5):
        assert form.evaluate({free: value}) == model.count(**{free: value}, device="i7-12700h-cpu").totals["latency_ms"]


@pytest.mark.parametrize(
    "name",
    [
        "resnet20-cifar",
        "resnet110-cifar",
        "wrn-16-8",
        "resnext29_8x64d",
        "vit_b_32",
        "compound_scaling",
        "preact-resnet164",
    ],
)
def test_the_closed_form_over_repeats_gives_the_number(name: str) -> None:
    """Layouts are turned over where they are in the network of so many layers: before a repeat, in each or after all of
    them.
    """
    model = load(name)
    values = model.count().binding.values
    table = model.count(device="epyc-zen4-cpu-1t", free=["all"])
    closed = table.totals["latency_ms"]
    assert isinstance(closed, Poly)
    assert (
        rewrite(closed, lambda atom: values[atom.symbol.name])
        == model.count(device="epyc-zen4-cpu-1t").totals["latency_ms"]
    )


def test_a_layout_is_turned_over_once_before_repeats_and_once_behind_them(tmp_path: Path) -> None:
    (tmp_path / "deep.yaml").write_text(
        "archcalc: 1\nname: deep\ninput: [16, 8, 8]\nparams: {n: 7}\nlayers: [n x conv 16 3x3 act=relu]\n",
        encoding="utf-8",
    )
    found = kernels(load(str(tmp_path / "deep.yaml")).count(free=["n"]).graph, 16)
    assert [kernel.kind for kernel in found] == ["reorder", "conv_3x3", "reorder"]
    prices = profile(channel_block=16, classes={**PROFILE["classes"], "reorder": {"ps_per_input_byte": 1}})
    at_7 = predict(load(str(tmp_path / "deep.yaml")).count(), prices).totals["latency_ms"]
    closed = predict(load(str(tmp_path / "deep.yaml")).count(free=["n"]), prices).totals["latency_ms"]
    turned = Fraction(4 * 16 * 8 * 8, 10**9)
    assert at_7 - 2 * turned == 7 * (closed.terms[next(m for m in closed.terms if m)])  # the rest is in proportion


def test_a_depth_whose_blocks_fill_up_step_by_step_stays_a_number() -> None:
    model = load("densenet-40-12")
    table = model.count(device="epyc-zen4-cpu-1t", free=["all"])
    assert "L" in table.dropped
    assert isinstance(table.totals["latency_ms"], Poly)


def test_blocks_are_turned_over_where_a_profile_has_a_price_for_it(spec: str) -> None:
    turned = {**PROFILE["classes"], "reorder": {"ps_per_input_byte": 1, "ns_per_call": 10}}
    table = predict(load(spec).count(), profile(channel_block=16, classes=turned))
    plain = predict(load(spec).count(), profile(channel_block=16))
    reorder_in, reorder_out = (
        Fraction(32 * 100 * 4, 10**9) + Fraction(10, 10**6),
        Fraction(16 * 100 * 4, 10**9) + Fraction(10, 10**6),
    )
    assert table.totals["latency_ms"] - plain.totals["latency_ms"] == reorder_in + reorder_out


def test_a_roofline_is_the_slower_of_arithmetic_and_memory(spec: str) -> None:
    table = predict(load(spec).count(), parse(json.dumps(ROOFLINE).encode(), "sheet.json"))
    conv, _, _, pointwise, softmax = (row.latency_ms for row in table.rows)
    assert conv == Fraction(32 * 32 * 9 * 100, 10**6)  # 1 GMAC/s
    assert pointwise == Fraction(16 * 32 * 100, 10**6)
    assert softmax == Fraction(2 * 16 * 100 * 4, 2 * 10**6)  # 2 GB/s, reading and writing
    assert [row.time.bound for row in table.rows if row.time and row.latency_ms] == [
        "compute",
        "compute",
        "activations",
    ]
    assert table.totals["latency_interval_ms"] == [table.totals["latency_ms"], None]


MOVES = """archcalc: 1
name: moves
input: [8, 6]
layers:
  - concat: [slice 0 1 axis=0, slice 2 5 axis=0]
  - permute 1 0
  - relu
"""

DECODE = """archcalc: 1
name: decode
input: [16, 1]
layers:
  - attention 2 bias=false causal cache=100
"""


def bound(text: str) -> Any:
    table = Model(read_spec(text, "net.yaml")).count()
    return predict(table, parse(json.dumps(ROOFLINE).encode(), "sheet.json")).totals["latency_ms"]


def test_what_only_moves_elements_is_no_traffic_of_a_roofline() -> None:
    """Four of the eight rows of 6 are cut out, joined and turned, then go through relu: read and written at 2 GB/s."""
    assert bound(MOVES) == Fraction((24 + 24) * 4, 2 * 10**6)


def test_a_cache_is_read_and_written_once() -> None:
    """One position after 100, of 16 numbers: four products with 16 x 16 weights, and 101 keys and values."""
    macs, numbers = 4 * 16 * 16 + 2 * 101 * 16, 16 + 16 + 4 * 16 * 16 + 2 * 101 * 16
    assert bound(DECODE) == max(Fraction(macs, 10**6), Fraction(numbers * 4, 2 * 10**6))


DILATED = """archcalc: 1
name: dilated
input: [64, size, size]
params: {size: {default: 16, min: 1}}
layers:
  - conv 64 3x3 dilation=12 pad=12 bias=false
"""


@pytest.mark.parametrize("size", [5, 12, 13, 16, 40])
def test_taps_of_a_dilated_convolution_in_the_padding_are_nothing_that_a_run_has_to_do(size: int) -> None:
    """Of three taps 12 apart the middle one is always inside, and the others for `size - 12` outputs each."""
    inside = size + 2 * max(0, size - 12)
    table = Model(read_spec(DILATED, "net.yaml"))
    sheet = parse(json.dumps({**ROOFLINE, "gbytes_per_s": 10**6}).encode(), "sheet.json")
    assert predict(table.count(size=size), sheet).totals["latency_ms"] == Fraction(64 * 64 * inside**2, 10**6)
    form = predict(table.count(free=["size"]), sheet).totals["latency_ms"]
    assert isinstance(form, Poly)
    assert form.evaluate({"size": size}) == Fraction(64 * 64 * inside**2, 10**6)


def test_no_shipped_network_is_predicted_faster_than_a_roofline_of_the_same_machine() -> None:
    for name in ("resnet18", "mobilenet_v2", "vgg16", "densenet121"):
        fitted = load(name).count(batch=256, dtype="fp16", device="rtx4090-fp16-batches").totals["latency_ms"]
        assert fitted > load(name).count(batch=256, dtype="fp16", device="rtx4090").totals["latency_ms"]


# ---- profiles --------------------------------------------------------------------------------------------------------


def test_every_shipped_profile_is_read_and_written_the_same() -> None:
    assert "a100-sxm-80gb" in device_names()
    for name in device_names():
        found = load_profile(name)
        assert parse(printed(found).encode(), name) == found
        assert isinstance(found, Calibrated) or (isinstance(found, Roofline) and found.source)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "x.json:1:2: not JSON"),
        ("[]", "x.json: not a device profile"),
        (json.dumps({**PROFILE, "schema": "archcalc/device/2"}), "must be archcalc/device/1"),
        (json.dumps({**PROFILE, "kind": "guess"}), "kind"),
        (
            json.dumps({**PROFILE, "fallback": {"ps_per_mac": -1}}),
            "fallback.ps_per_mac must be a number from 0 to 1e+15",
        ),
        (json.dumps({**PROFILE, "fallback": {"ps_per_mac": float("nan")}}), "fallback.ps_per_mac"),
        (json.dumps({**PROFILE, "colour": "red"}), "colour is no field of Calibrated"),
        (json.dumps({key: value for key, value in PROFILE.items() if key != "holdout"}), "holdout is missing"),
        (json.dumps({**PROFILE, "classes": {"relu": {}}}), "relu has no price"),
        (json.dumps({**PROFILE, "fallback": {}}), "fallback has no price"),
        (json.dumps({**PROFILE, "batches": [2, 1]}), "batches the least comes first"),
        (json.dumps({**PROFILE, "batches": [0, 1]}), "batches must be a whole number of at least 1"),
        (json.dumps({**PROFILE, "fallback": {"ps_per_mac": 1, "seen": {"macs": [5, 1]}}}), "the least comes first"),
        (
            json.dumps({**PROFILE, "holdout": {**PROFILE["holdout"], "extrapolated_factor": 1.1}}),
            "what is less certain has the larger factor",
        ),
        (json.dumps({**PROFILE, "holdout": {**PROFILE["holdout"], "factor": 1e300}}), "holdout.factor"),
        (json.dumps({**PROFILE, "channel_block": 7}), "a block has"),
        (json.dumps({**PROFILE, "channel_block": "16"}), "channel_block a block has"),
        (json.dumps({**PROFILE, "name": "a\x1b[31m"}), "characters that can't be printed"),
        (json.dumps(PROFILE)[:-1] + ', "kind": "roofline"}', "`kind` stands twice"),
        (json.dumps({**ROOFLINE, "gbytes_per_s": 1e-320}), "gbytes_per_s"),
    ],
)
def test_what_is_wrong_with_a_profile_is_said(text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(text.encode(), "x.json")
    assert message in str(error.value)


# ---- the command -----------------------------------------------------------------------------------------------------


class Done(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Done]


@pytest.fixture
def archcalc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    def run(*words: str, cwd: Path) -> Done:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["archcalc", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Done(code, *capsys.readouterr())

    return run


def test_predicting_needs_neither_onnxruntime_nor_numpy() -> None:
    words = ["archcalc", "predict", "resnet50", "--device", "i7-12700h-cpu", "--format", "json"]
    absent = "sys.modules.update(dict.fromkeys(('onnxruntime', 'onnx', 'numpy', 'sympy')))"
    code = f"import sys; {absent}; sys.argv = {words}\nfrom archcalc.cli import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    found = json.loads(done.stdout)
    low, high = found["totals"]["latency_interval_ms"]
    assert 0 < low < found["totals"]["latency_ms"] < high
    assert sum(layer["latency_ms"] for layer in found["layers"]) == pytest.approx(
        found["totals"]["latency_ms"], rel=1e-3
    )
    assert found["latency"]["is_bound"] is False


def test_the_table_says_what_takes_the_time(archcalc: Command, spec: str) -> None:
    done = archcalc("predict", "net.yaml", "--device", "device.json", "--depth", "1", cwd=Path(spec).parent)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[2].split() == ["layer", "operation", "output", "MACs", "ms", "%", "bound"]
    assert next(line for line in lines if line.startswith("conv2")).split()[-1] == "compute~"
    assert any(line.startswith("extrapolated") and "2 of 3 kernels" in line for line in lines)


def test_rows_are_sorted_by_time(archcalc: Command, spec: str) -> None:
    done = archcalc(
        "predict",
        "net.yaml",
        "--device",
        "device.json",
        "--by",
        "layer",
        "--sort",
        "time",
        "--columns",
        "layer,time",
        cwd=Path(spec).parent,
    )
    times = [float(line.split()[1]) for line in done.stdout.splitlines()[4:9]]
    assert times == sorted(times, reverse=True)


def test_a_closed_form_of_time_is_printed_and_read_back(archcalc: Command, spec: str) -> None:
    done = archcalc(
        "predict", "net.yaml", "--device", "device.json", "--free", "size", "--format", "json", cwd=Path(spec).parent
    )
    written = json.loads(done.stdout)["totals"]["latency_ms"]
    exact = predict(load(spec).count(size=40), profile()).totals["latency_ms"]
    assert eval(written, {"__builtins__": {}}, {"size": 40, "max": max}) == pytest.approx(float(exact), rel=1e-4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--device", "i8-12700h-cpu"), "there is no device profile 'i8-12700h-cpu'; did you mean 'i7-12700h-cpu'?"),
        (("--device", "missing.json"), "there is no device profile 'missing.json'"),
        (("--device", "device.json", "--dtype", "fp16"), "made up has no figures for fp16, only for fp32"),
        (("--device", "net.yaml"), "net.yaml:1:1: not JSON"),
        (("--device", "x" * 5000), "there is no device profile 'xxx"),
        (("--device", "a\tb"), "a device is the name of a profile or its file"),
        (("--device", "missing.json"), "no such file; `archcalc calibrate -o FILE` writes one"),
        (("--device", "net.yaml"), "; `archcalc calibrate -o FILE` writes one"),
        (("--device", "t4", "--dtype", "bf16"), "only for fp32, fp16, int8; --device help lists what others have"),
        (("--device", "t4", "--hot"), "a data sheet's bound, which knows no caches: leave --hot out"),
        (("--device", "device.json", "--hot"), "made up has no figures for hot runs"),
        ((), "(--device help)"),
    ],
)
def test_bad_usage_exits_with_2(archcalc: Command, spec: str, words: tuple[str, ...], message: str) -> None:
    done = archcalc("predict", "net.yaml", *words, cwd=Path(spec).parent)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_budget_of_time_is_checked_without_running(archcalc: Command, spec: str) -> None:
    folder = Path(spec).parent
    total = float(predict(load(spec).count(), profile()).totals["latency_ms"])
    for limit, code in ((f"{total * 1.01:.6f}ms", 0), (f"{total * 990:.3f}us", 1)):
        (folder / "limited.yaml").write_text(
            SPEC + f"budget: {{latency: {{max: {limit}, device: device.json}}}}\n", encoding="utf-8"
        )
        done = archcalc("check", str(folder / "limited.yaml"), cwd=folder.parent)  # the profile lies beside the spec
        assert (done.returncode, "latency" in done.stdout) == (code, True), done.stdout + done.stderr


def test_only_what_is_looked_up_or_cut_out_is_read(tmp_path: Path) -> None:
    """16 rows of 64 of a million, 4 bytes each at 2 GB/s; and a row of 32 columns of 8 maps, for a runtime that copies
    it.
    """
    (tmp_path / "table.yaml").write_text(
        "archcalc: 1\nname: table\ninput: [16]\nlayers: [embedding 1000000 64]\n", encoding="utf-8"
    )
    (tmp_path / "row.yaml").write_text(
        "archcalc: 1\nname: row\ninput: [8, 32, 32]\nlayers: [slice 0 1 axis=1]\n", encoding="utf-8"
    )
    sheet = parse(json.dumps(ROOFLINE).encode(), "sheet.json")
    table = predict(load(str(tmp_path / "table.yaml")).count(), sheet).totals["latency_ms"]
    assert table == Fraction(4 * (16 * 64 + 16 * 64 + 16), 2 * 10**6)  # read, written, and the 16 indices
    (cut,) = kernels(load(str(tmp_path / "row.yaml")).count().graph)
    assert (cut.work.inputs, cut.work.outputs) == (8 * 32, 8 * 32)


def test_a_budget_says_on_which_device_and_how_much_is_extrapolated(archcalc: Command, spec: str) -> None:
    folder = Path(spec).parent
    (folder / "limited.yaml").write_text(
        SPEC + "budget: {latency: {max: 5ms, device: device.json}}\n", encoding="utf-8"
    )
    done = archcalc("check", "limited.yaml", cwd=folder)
    far = predict(load(spec).count(), profile())
    assert far.timing is not None
    share = float(far.timing.whole.extrapolated / far.timing.whole.total)
    assert "<= 5ms (budget on device.json, " in done.stdout
    assert f"{100 * share:.1f} % of it is extrapolated" in done.stdout


def test_the_error_of_a_closed_form_counts_what_is_extrapolated(archcalc: Command, spec: str) -> None:
    """All of it at another batch: the larger factor, 2."""
    done = archcalc(
        "predict",
        "net.yaml",
        "--device",
        "device.json",
        "--free",
        "size",
        "--batch",
        "8",
        "--depth",
        "0",
        cwd=Path(spec).parent,
    )
    assert "off by less than a factor of 2 in nine of ten networks" in " ".join(done.stdout.split())


def test_a_profile_lies_beside_the_spec(archcalc: Command, spec: str) -> None:
    folder = Path(spec).parent
    assert archcalc("predict", f"{folder.name}/net.yaml", "--device", "device.json", cwd=folder.parent).returncode == 0


def test_a_device_is_a_name() -> None:
    with pytest.raises(UsageError, match="a device is the name"):
        load("resnet18").count(device=5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("place", "dtype", "message"),
    [
        (Place("cpu", 2), None, "was calibrated with 1 thread: measure with --threads 1"),
        (Place("cuda"), None, "is a profile of cpu: measure with --device cpu"),
        (Place("cpu"), "fp16", "has no figures for fp16"),
    ],
)
def test_only_what_a_profile_speaks_of_is_held_against_it(place: Place, dtype: str | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        comparable(profile(), place, dtype)


def test_what_is_left_open_is_measured_as_the_profile_was() -> None:
    assert comparable(profile(), Place("cpu"), None) == (Place("cpu", 1), "fp32")


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ("{max: 5ms}", "device"),
        ("{max: 5, device: device.json}", "max: must be a time such as 5ms"),
        ("{max: 5ms, device: nowhere.json}", "there is no device profile 'nowhere.json'"),
        ("{max: 5ms, device: device.json, colour: red}", "colour"),
        ("{max: 5ms, device: sheet.json}", "a bound that no run is faster than doesn't show that a limit holds"),
        ("{max: -5ms, device: device.json}", "`max` must be more than no time"),
        ("{min: 0s, device: device.json}", "`min` must be more than no time"),
    ],
)
def test_mistakes_in_a_budget_of_time_are_shown_where_they_are(
    archcalc: Command, spec: str, budget: str, message: str
) -> None:
    folder = Path(spec).parent
    (folder / "wrong.yaml").write_text(SPEC + f"budget:\n  latency: {budget}\n", encoding="utf-8")
    done = archcalc("check", "wrong.yaml", cwd=folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert "wrong.yaml:10:" in done.stderr


def test_times_are_compared(archcalc: Command, spec: str) -> None:
    folder = Path(spec).parent
    (folder / "new.yaml").write_text(
        SPEC.replace("conv 16 1x1", "conv 64 1x1") + "budget: {latency: {increase: 1%, device: device.json}}\n",
        encoding="utf-8",
    )
    done = archcalc("compare", "net.yaml", "new.yaml", "--device", "device.json", "--format", "json", cwd=folder)
    assert done.returncode == 1, done.stderr
    old, new = (
        predict(load(str(folder / name)).count(), profile()).totals["latency_ms"] for name in ("net.yaml", "new.yaml")
    )
    (found,) = json.loads(done.stdout)["models"]
    assert found["delta"]["latency_ms"]["change"] == pytest.approx(
        float(new - old), rel=1e-4
    )  # of figures with six digits


@pytest.mark.parametrize(
    "words",
    [["predict", "--device", "help"], ["compare", "a", "b", "--device", "help"], ["measure", "a", "--against", "help"]],
)
def test_the_devices_that_ship_are_listed_with_no_network_read(
    archcalc: Command, tmp_path: Path, words: list[str]
) -> None:
    done = archcalc(*words, cwd=tmp_path)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == device_names()


def test_layers_that_changed_have_their_time(archcalc: Command, spec: str) -> None:
    folder = Path(spec).parent
    (folder / "new.yaml").write_text(SPEC.replace("conv 16 1x1", "conv 64 1x1"), encoding="utf-8")
    tables = [load(str(folder / name)).count(device=str(folder / "device.json")) for name in ("net.yaml", "new.yaml")]
    old, new = ([row.latency_ms for row in table.rows if row.op == "conv"][1] for table in tables)
    more = milliseconds(new - old)
    text = archcalc("compare", "net.yaml", "new.yaml", "--device", "device.json", cwd=folder).stdout
    assert re.search(r"^ +layer +operation +params +MACs +time$", text, re.MULTILINE)
    assert re.search(rf"^changed .* \+{re.escape(more)} ms$", text, re.MULTILINE)
    markdown = archcalc(
        "compare", "net.yaml", "new.yaml", "--device", "device.json", "--format", "markdown", cwd=folder
    ).stdout
    assert "| | layer | operation | params | MACs | time |\n|--|--|--|--:|--:|--:|\n" in markdown
    assert f"+{more} ms |" in markdown
    assert "time" not in archcalc("compare", "net.yaml", "new.yaml", cwd=folder).stdout


def test_a_profile_beside_the_spec_serves_its_base_too(archcalc: Command, spec: str) -> None:
    """The base's spec lies in git, where nothing lies beside it."""
    folder = Path(spec).parent
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder)]
    (folder / "net.yaml").write_text(
        SPEC + "budget: {latency: {increase: 0%, device: device.json}}\n", encoding="utf-8"
    )
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "base"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    (folder / "net.yaml").write_text(
        (folder / "net.yaml").read_text(encoding="utf-8").replace("conv 16 1x1", "conv 32 1x1"), encoding="utf-8"
    )
    done = archcalc("compare", f"{folder.name}/net.yaml", "--base", "HEAD", cwd=folder.parent)
    assert (done.returncode, "increase" in done.stdout or "+0%" in done.stdout) == (1, True), done.stdout + done.stderr


def test_times_of_a_snapshot_are_of_the_same_device_and_digits(archcalc: Command, spec: str) -> None:
    folder = Path(spec).parent
    (folder / "net.yaml").write_text(
        SPEC + "budget: {latency: {increase: 0%, device: device.json}}\n", encoding="utf-8"
    )
    (folder / "other.json").write_text(json.dumps({**PROFILE, "name": "another"}), encoding="utf-8")
    for device, code in (("device", 0), ("other", 2)):
        snapshot = folder / f"{device}-costs.json"
        snapshot.write_text(
            archcalc("predict", "net.yaml", "--device", f"{device}.json", "--format", "json", cwd=folder).stdout,
            encoding="utf-8",
        )
        done = archcalc("compare", "net.yaml", "--base", snapshot.name, cwd=folder)
        assert done.returncode == code, done.stdout + done.stderr
    assert "was predicted on another" in done.stderr
