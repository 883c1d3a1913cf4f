"""Latency: what is made of the times, whose time a fused node's is, and how a run ends."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running import Command

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from archcalc.errors import UsageError
from archcalc.measure import ceilings
from archcalc.measure import device as device_module
from archcalc.measure import latency as latency_module
from archcalc.measure.ceilings import Roofline
from archcalc.measure.device import Device, Runner
from archcalc.measure.latency import Latency, measure, quantile, rank_correlation, stands_still
from archcalc.measure.profile import Event, attribute, layer_times, profiled, shares_of
from archcalc.measure.report import milliseconds, text, to_json
from archcalc.measure.session import failed
from archcalc.model import Model, load
from archcalc.render import numbers
from archcalc.spec import read_spec

from shipping import some  # isort: skip

UNIT = """\
archcalc: 1
name: unit
input: [8, 16, 16]
defaults: {conv: {bias: false, norm: bn, act: relu}}
layers:
  - stem: conv 8 3x3
  - add:
      - [a: conv 8 3x3, b: conv 8 3x3 act=none]
      - short: conv 8 1x1 act=none
  - last: relu
  - gap
  - dropout
  - fc: linear 10
"""


def model_of(spec: str) -> Model:
    return Model(read_spec(spec, "net.yaml"))


# ---- figures ---------------------------------------------------------------------------------------------------------


def test_quantiles_lie_between_neighbours_in_proportion() -> None:
    times = [40.0, 10.0, 30.0, 20.0, 50.0]
    assert [quantile(times, part) for part in (0, 0.1, 0.25, 0.5, 0.9, 1)] == pytest.approx([10, 14, 20, 30, 46, 50])
    assert quantile([7.0], 0.9) == 7


def test_a_median_stands_still_when_its_interval_is_narrow() -> None:
    assert not stands_still([10.0] * 14)
    assert stands_still([10.0] * 15)
    assert not stands_still([10.0, 12.0] * 10)
    assert stands_still([10.0 + n / 1000 for n in range(100)])


def test_three_significant_digits_are_counted_after_rounding() -> None:
    assert [numbers.count(n) for n in (9_994, 9_996, 99_960, 999_600, 999_499)] == [
        "9.99k", "10.0k", "100k", "1.00M", "999k",
    ]  # fmt: skip
    shown = [milliseconds(ms) for ms in (9.996, 0.9996, 0.9994, 999.6, 99.96, 12.345, 1200)]
    assert shown == ["10.0 ms", "1.00 ms", "999 µs", "1.00 s", "100 ms", "12.3 ms", "1.20 s"]
    assert [numbers.significant(x) for x in (0, 9.996, 0.01234, 1234.4)] == ["0", "10.0", "0.0123", "1,234"]


def test_the_rank_correlation_is_spearmans() -> None:
    assert rank_correlation([1, 2, 3], [10, 20, 30]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [30, 20, 10]) == pytest.approx(-1)
    # ranks 1 2 3 4 5 and 2 1 4 3 5: 1 - 6*(1+1+1+1+0)/(5*24)
    assert rank_correlation([1, 2, 3, 4, 5], [20, 10, 40, 30, 50]) == pytest.approx(0.8)
    assert rank_correlation([1, 1, 2], [1, 2, 3]) == pytest.approx(0.5 * 3**0.5)
    assert rank_correlation([1], [1]) is None


def test_times_make_throughput_and_rates() -> None:
    table = load("alexnet").count(batch=4)
    ceiling = Roofline(100.0, 10.0, 30.0, "compute")
    latency = Latency(
        table,
        Device(),
        (50.0, 40.0, 30.0, 40.0),
        5,
        True,
        ceiling,
        described={"type": "cpu", "name": "a CPU", "threads": 2},
    )
    assert latency.median_ms == 40
    assert latency.throughput == pytest.approx(4 / 0.040)
    assert latency.gmacs == pytest.approx(4 * 714_188_480 / 0.040 / 1e9)
    assert latency.spread == pytest.approx((42.5 - 37.5) / 40)
    printed = text([latency])
    assert "median     40.0 ms  (p10 33.0 ms, p90 47.0 ms)" in printed
    assert "throughput 100.0 samples/s" in printed
    assert "bound      30.0 ms at least" in printed
    assert "a CPU, 2 threads · CPUExecutionProvider" in printed


def test_several_networks_are_ratios_to_the_first() -> None:
    ceiling = Roofline(100.0, 10.0, 1.0, "memory")
    found = [
        Latency(load(name).count(), Device(), (time,), 5, True, ceiling, described={"type": "cpu", "threads": 1})
        for name, time in (("resnet18", 20.0), ("squeezenet1_1", 5.0), ("vgg16", 200.0), ("mobilenet_v2", 8.0))
    ]
    printed = text(found)
    assert [line.split()[-5] for line in printed.splitlines() if " ms " in line] == ["1.00", "0.25", "10.00", "0.40"]
    # MACs: 1814M, 349M, 15470M, 301M; times 20, 5, 200, 8: ranks 3 2 4 1 and 3 1 4 2
    assert "rank correlation of MACs and time: 0.800" in printed
    entries = to_json(found)
    assert isinstance(entries, list)
    assert [entry["ratio"] for entry in entries] == [1, 0.25, 10, 0.4]
    assert [entry["rank_correlation"] for entry in entries] == pytest.approx([1 - 6 * 2 / 60] * 4)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0123, "12.3 µs"),
        (0.5, "500 µs"),
        (1.234, "1.23 ms"),
        (56.78, "56.8 ms"),
        (999.4, "999 ms"),
        (1234.0, "1.23 s"),
    ],
)
def test_times_have_three_digits(value: float, shown: str) -> None:
    assert milliseconds(value) == shown


# ---- whose time a node's is ------------------------------------------------------------------------------------------


def covered(spec: str, *events: tuple[str, str]) -> dict[str, list[str]]:
    found = attribute(model_of(spec).count().graph, [Event(name, kind) for name, kind in events])
    return {name: layers for (name, _), layers in zip(events, found, strict=True)}


def test_nodes_without_names_are_the_layers_that_onnxruntime_takes_apart() -> None:
    """Mish and hardswish are run as several nodes, unless a convolution takes the latter with it. Names as onnxruntime
    1.31 gives them.
    """
    spec = (
        "conv 256 1x1 act=hardswish",
        "dwconv 3x3 norm=bn act=hardswish",
        "ln",
        "hardswish",
        "mish",
        "conv 24 1x1",
        "gap",
        "linear 5 act=hardswish",
    )
    found = covered(
        "archcalc: 1\nname: apart\ninput: [64, 40, 40]\nlayers:\n" + "".join(f"  - {line}\n" for line in spec),
        ("ReorderInput", "ReorderInput"),
        ("conv_nchwc", "Conv"),
        ("dwconv.bn_nchwc", "Conv"),
        ("ReorderOutput", "ReorderOutput"),
        ("ln:LayerNormalization", "LayerNormalization"),
        ("ln", "Transpose"),
        ("HardSigmoid_20", "HardSigmoid"),
        ("Mul_21", "Mul"),
        ("Softplus_22", "Softplus"),
        ("Tanh_23", "Tanh"),
        ("Mul_24", "Mul"),
        ("ReorderInput_token_10", "ReorderInput"),
        ("conv2_nchwc", "Conv"),
        ("ReorderOutput_token_12", "ReorderOutput"),
        ("gap:GlobalAveragePool", "GlobalAveragePool"),
        ("gap", "Flatten"),
        ("linear", "Gemm"),
        ("HardSigmoid_25", "HardSigmoid"),
        ("Mul_26", "Mul"),
    )
    assert found["HardSigmoid_20"] == found["Mul_21"] == ["hardswish"]
    assert found["Softplus_22"] == found["Tanh_23"] == found["Mul_24"] == ["mish"]
    assert found["HardSigmoid_25"] == found["Mul_26"] == ["linear.hardswish"]
    assert set(found["conv_nchwc"]) == {"conv", "conv.hardswish"}
    assert found["ln"] == ["ln"]


def test_a_fused_node_covers_what_it_fuses() -> None:
    """Names as onnxruntime 1.31 gives them with all optimisations: a convolution is called after the last of what it
    fuses.
    """
    found = covered(
        UNIT,
        ("ReorderInput", "ReorderInput"),
        ("stem.relu_nchwc", "Conv"),
        ("a.relu_nchwc", "Conv"),
        ("short.bn_nchwc", "Conv"),
        ("b.bn_nchwc", "Conv"),
        ("gap:GlobalAveragePool_nchwc", "GlobalAveragePool"),
        ("ReorderOutput_token_7", "ReorderOutput"),
        ("gap", "Flatten"),
        ("fused fc", "FusedGemm"),
    )
    assert found["ReorderInput"] == found["stem.relu_nchwc"] == ["stem.relu", "stem.bn", "stem"]
    assert found["a.relu_nchwc"] == ["a.relu", "a.bn", "a"]
    assert found["short.bn_nchwc"] == ["short.bn", "short"]
    assert found["b.bn_nchwc"] == ["b.bn", "b", "add", "last"]
    assert found["ReorderOutput_token_7"] == ["gap"]
    assert found["gap"] == ["gap", "dropout"]
    assert found["fused fc"] == ["fc"]


def test_a_node_that_keeps_the_convolutions_name_covers_what_follows() -> None:
    """As with extended optimisations: a FusedConv is called after the convolution."""
    found = covered(
        UNIT,
        ("stem", "FusedConv"),
        ("a", "FusedConv"),
        ("b", "Conv"),
        ("short", "Conv"),
        ("add", "Add"),
        ("last", "Relu"),
        ("gap", "X"),
        ("fc", "Gemm"),
    )
    assert found["stem"] == ["stem", "stem.bn", "stem.relu"]
    assert found["b"] == ["b", "b.bn"]
    assert (found["add"], found["last"]) == (["add"], ["last"])


def test_a_normalisation_that_became_a_convolution_stays_one() -> None:
    spec = (
        "archcalc: 1\nname: net\ninput: [8, 8, 8]\nlayers:\n  - c: conv 8 3x3\n  - n: bn\n  - r: relu\n  - d: conv 8"
        " 3x3\n"
    )
    assert covered(spec, ("c", "Conv"), ("n_bn_nchwc", "Conv"), ("d_nchwc", "Conv")) == {
        "c": ["c"],
        "n_bn_nchwc": ["n", "r"],
        "d_nchwc": ["d"],
    }


def test_the_time_goes_to_the_layer_with_the_most_macs() -> None:
    table = model_of(UNIT).count()
    events = [Event("stem.relu_nchwc", "Conv", 0.25), Event("b.bn_nchwc", "Conv", 0.5), Event("fc", "Gemm", 0.25)]
    times = {time.name: time for time in layer_times(table, events, 8.0)}
    assert (times["stem"].milliseconds, times["b"].milliseconds, times["fc"].milliseconds) == (2, 4, 2)
    assert (times["stem.bn"].milliseconds, times["stem.bn"].fused_into) == (0, "stem")
    assert times["add"].fused_into == "b"
    assert sum(time.milliseconds for time in times.values()) == 8


def node(name: str, index: int, duration: int) -> dict[str, Any]:
    return {
        "cat": "Node",
        "name": f"{name}_kernel_time",
        "dur": duration,
        "args": {"node_index": str(index), "op_name": "Conv"},
    }


def test_shares_are_medians_over_runs() -> None:
    end = {"cat": "Session", "name": "model_run", "dur": 0}
    runs = [(90, 10), (1, 1), (1, 3), (60, 40)]
    records = [record for a, b in runs for record in (node("a", 0, a), node("b", 1, b), end)]
    a, b = shares_of(records, 1)  # without the first run: 50, 25 and 60 % of the run
    assert (a.name, a.kind, a.share) == ("a", "Conv", 0.5)
    assert b.share == 0.5


PROFILED = [
    "resnet18",
    "googlenet",
    "mobilenet_v3_small",
    "shufflenet_v2_x0_5",
    "densenet121",
    "convnext",
    "squeezenet1_1",
]


@pytest.mark.parametrize("name", some(PROFILED, 4))
def test_every_node_is_given_back_and_every_layer_that_runs_has_a_time(name: str) -> None:
    latency = load(name).measure(size=64, runs=1, profile=True)
    assert sum(layer.milliseconds for layer in latency.layers) == pytest.approx(latency.median_ms)
    assert [layer.name for layer in latency.layers] == [row.name for row in latency.table.rows]
    rows = {row.name: row for row in latency.table.rows}
    without = [
        layer.name
        for layer in latency.layers
        if not layer.milliseconds and layer.fused_into is None and rows[layer.name].macs
    ]
    assert without == []
    heaviest = max(latency.table.rows, key=lambda row: row.macs)
    assert {layer.name: layer for layer in latency.layers}[heaviest.name].milliseconds > 0


# ---- measuring -------------------------------------------------------------------------------------------------------


def test_networks_are_run_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(Runner, "__call__", lambda self: order.append(self.outputs[0]))
    measure([load("lenet").count(), load("cnn").count()], runs=3)
    timed = order[10:16]  # after five runs of each to warm up
    assert order[:10] == [order[0]] * 5 + [order[5]] * 5
    assert [len({*timed[n : n + 2]}) for n in (0, 2, 4)] == [2, 2, 2]


def test_measuring_ends_when_the_median_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency_module, "_timed", lambda run: 10.0)
    seen: list[tuple[int, int]] = []
    (latency,) = measure([load("lenet").count()], progress=lambda done, of: seen.append((done, of)))
    assert (len(latency.times), latency.stable) == (15, True)
    assert seen[-1] == (15, latency_module.MOST)


def test_the_bound_is_the_larger_of_two_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ceilings, "product_rate", lambda device, dtype: 1e8
    )  # multiply-accumulates and bytes a millisecond
    monkeypatch.setattr(ceilings, "read_rate", lambda device, dtype, count: 1e7)
    one, many = (ceilings.roofline(load("alexnet").count(batch=batch), Device()) for batch in (1, 16))
    moved = 4 * (61_100_840 + 3 * 224 * 224 + 1000)
    assert (one.bound_ms, one.limit) == (pytest.approx(moved / 1e7), "memory")
    assert (many.bound_ms, many.limit) == (pytest.approx(16 * 714_188_480 / 1e8), "compute")


def test_the_peak_is_a_matrix_product_s_whatever_the_network_reaches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product that was ever so slow: the network is not taken for it."""
    monkeypatch.setattr(ceilings, "product_rate", lambda device, dtype: 1.0)
    monkeypatch.setattr(ceilings, "read_rate", lambda device, dtype, count: 1e12)
    (latency,) = measure([load("lenet").count()], runs=2)
    assert latency.roofline.gmacs == 1e-6
    assert latency.bound_ms == float(load("lenet").count().totals["macs"])


def test_of_a_table_the_rows_that_are_looked_up_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "product_rate", lambda device, dtype: 1e12)
    monkeypatch.setattr(ceilings, "read_rate", lambda device, dtype, count: 1e3)
    spec = "archcalc: 1\nname: n\ninput: [5]\nlayers:\n  - embedding 1000 8\n  - gap\n  - linear 3\n"
    found = ceilings.roofline(Model(read_spec(spec, "n")).count(), Device())
    assert found.bound_ms == pytest.approx(4 * (5 * 8 + 8 * 3 + 3 + 5 + 3) / 1e3)  # rows, weights, input and output


def test_the_ceilings_are_measured() -> None:
    assert ceilings.product_rate(Device(threads=1), "fp32") > 1e5  # 0.1 GMAC/s
    assert ceilings.read_rate(Device(threads=1), "fp32", 1 << 20) > 1e4  # 10 MB/s


def test_half_precision_and_batches() -> None:
    latency = load("lenet").measure(runs=2, dtype="fp16", batch=3)
    assert latency.throughput == pytest.approx(3e3 / latency.median_ms)


def test_recurrent_layers_in_half_precision_end_no_process(tmp_path: Path) -> None:
    """onnxruntime 1.32 dies of some: in a process of its own, so that the tests go on."""
    (tmp_path / "net.yaml").write_text(
        "archcalc: 1\nname: n\ninput: [12, 20]\nlayers:\n  - lstm 8\n  - linear 4\n  - relu\n"
    )
    words = [sys.executable, "-m", "archcalc", "measure", "net.yaml", "--dtype", "fp16", "--runs", "2"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "median" in done.stdout) == (0, True), done.stderr


# ---- what goes wrong -------------------------------------------------------------------------------------------------


def test_ctrl_c_prints_what_was_measured(archcalc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 20.0, 30.0])

    def timed(run: object) -> float:
        try:
            return next(times)
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(latency_module, "_timed", timed)
    out, err, code = archcalc("measure", "lenet")
    assert "median     20.0 ms" in out
    assert "over 3 runs, interrupted" in out
    assert ("interrupted after 3 rounds" in err, code) == (True, 2)


def test_ctrl_c_before_anything_ran(archcalc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: Runner) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Runner, "__call__", stop)
    assert archcalc("measure", "lenet")[::2] == ("", 2)


def test_a_network_too_large_for_the_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency_module, "memory", lambda: 400_000_000)
    with pytest.raises(UsageError, match=r"VGG-16 needs at least 5.. MiB of memory, and there is 381 MiB"):
        load("vgg16").measure(runs=1)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            "RUNTIME_EXCEPTION : BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer",
            "out of memory: a smaller",
        ),
        ("std::bad_alloc: allocating memory", "out of memory: a smaller"),
        (
            "[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Could not find an implementation for LRN(13)",
            "no kernel for this dtype",
        ),
        ("something else", "onnxruntime can't run the model: something else"),
    ],
)
def test_what_onnxruntime_says_is_put_in_a_sentence(error: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert words in str(failed("run", RuntimeError(error)))


REFUSED = [
    (["lenet", "--device", "tpu"], "unknown device 'tpu'; did you mean 'cpu'?"),
    (["lenet", "--device", "gpu0"], "unknown device 'gpu0'; there are cpu, cuda"),
    (["lenet", "--dtype", "bf16"], "a model is written in fp32 or fp16, not bf16"),
    (["lenet", "--search", "long"], "unknown search 'long'; there are heuristic, exhaustive"),
    (["lenet", "--format", "xml"], "unknown format 'xml'; there are text, json"),
    (["nonesuch"], "there is no file or network 'nonesuch'"),
]


@pytest.mark.parametrize(("words", "message"), REFUSED)
def test_bad_usage_ends_with_2(words: list[str], message: str, archcalc: Command) -> None:
    out, err, code = archcalc("measure", *words)
    assert (out, code) == ("", 2)
    assert message in err


def test_the_command_as_json(archcalc: Command) -> None:
    out, err, code = archcalc("measure", "lenet", "--runs", "3", "--threads", "1", "--profile", "--json")
    found = json.loads(out)
    assert (err, code) == ("", 0)
    assert (found["schema"], found["runs"], found["provider"]) == ("archcalc/measure/1", 3, "CPUExecutionProvider")
    assert 0 < found["p10_ms"] <= found["median_ms"] <= found["p90_ms"]
    assert sum(layer["measured_ms"] for layer in found["layers"]) == pytest.approx(found["median_ms"])
    assert found["device"]["threads"] == 1


@pytest.mark.parametrize("command", ["measure", "verify"])
def test_nothing_is_noted_under_quiet(command: str, archcalc: Command, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("archcalc: 1\nname: t\ninput: [3, 8, 8]\nlayers: [conv 4 3x3]\n")
    (tmp_path / "meant.yaml").write_text("layers: [relu]\n")
    words = [command, str(tmp_path), *(["--runs", "1"] if command == "measure" else [])]
    assert archcalc(*words).err == f"note: no specs, for want of `archcalc: 1`: {tmp_path}/meant.yaml\n"
    assert archcalc(*words, "--quiet").err == ""


def test_a_bar_is_drawn_on_a_terminal_only(archcalc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert archcalc("measure", "lenet", "--runs", "2")[1] == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    err = archcalc("measure", "lenet", "--runs", "2")[1]
    assert "[###############...............] round 1" in err
    assert archcalc("measure", "lenet", "--runs", "2", "--quiet")[1] == ""


# ---- CUDA ------------------------------------------------------------------------------------------------------------


def why_no_cuda() -> str:
    """Why CUDA can't be tested here, or nothing."""
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "onnxruntime-gpu is not installed"
    return "" if device_module._gpu() else "there is no NVIDIA GPU"


@pytest.mark.skipif(not why_no_cuda(), reason="CUDA works here")
def test_without_cuda_it_is_an_error_and_no_run_on_the_cpu(archcalc: Command) -> None:
    out, err, code = archcalc("measure", "lenet", "--device", "cuda", "--runs", "1")
    assert (out, code) == ("", 2)
    assert "CUDA" in err
    assert "pip install 'archcalc[cuda]'" in err or "no NVIDIA GPU" in err


def test_a_provider_that_fell_back_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in that does what onnxruntime does without a GPU: it lists CUDA, and its session runs on the CPU."""

    class Options:
        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *words: None

    class Fallen:
        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    class Runtime:
        __version__ = "1.31"
        SessionOptions = Options

        def get_available_providers(self) -> list[str]:
            return ["CUDAExecutionProvider", "CPUExecutionProvider"]

        def InferenceSession(self, *words: object, **options: object) -> Fallen:
            return Fallen()

    monkeypatch.setattr(device_module, "_gpu", dict)
    with pytest.raises(UsageError, match="no NVIDIA GPU here, or no driver"):
        device_module._session(Runtime(), b"", Options(), Device("cuda"))
    monkeypatch.setattr(device_module, "_gpu", lambda: {"name": "a GPU"})
    with pytest.raises(
        UsageError,
        match=(
            r"though there is a GPU: the session runs on CPUExecutionProvider; the libraries come with pip install"
            r" 'archcalc\[cuda\]'"
        ),
    ):
        device_module._session(Runtime(), b"", Options(), Device("cuda"))


def test_what_libraries_print_does_not_spoil_results(capfd: pytest.CaptureFixture[str]) -> None:
    with device_module._stdout_to_stderr():
        subprocess.run([sys.executable, "-c", "print('*** EP Error ***')"], check=True)
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "*** EP Error ***\n")


def test_the_gpu_is_read_off_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H100, 580.65.06, 1980, 1980, [N/A]'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(shutil.which('sh') or '/bin/sh').parent}")
    found = Device("cuda", tf32=False).describe()
    assert (found["name"], found["driver"], found["sm_mhz"], found["memory_mhz"], found["tf32"]) == (
        "NVIDIA H100",
        "580.65.06",
        1980,
        None,
        False,
    )
    monkeypatch.setenv("PATH", "")
    assert "name" not in Device("cuda").describe()


def test_profiles_are_for_the_cpu() -> None:
    with pytest.raises(UsageError, match="--profile is for the CPU"):
        profiled(load("lenet").count(), Device("cuda"), 1.0)


@pytest.mark.cuda
@pytest.mark.skipif(bool(why_no_cuda()), reason=why_no_cuda() or "CUDA works here")
@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
def test_cuda_is_measured_on_the_gpu(dtype: str) -> None:
    latency = measure([load("resnet50").count(dtype=dtype, batch=8)], Device("cuda"), runs=10)[0]
    assert latency.provider == "CUDAExecutionProvider"
    assert latency.described["cudnn"]
    assert latency.bound_ms < latency.median_ms
