"""Calibrating for real, though briefly; chains; measured beside predicted. No time is asserted, only what is written
about it.
"""

import json
import sys
from pathlib import Path

import pytest

from archcalc.cli import main
from archcalc.latency.calibrate import CHAINS, QUICK, QUICK_SECONDS
from archcalc.latency.chains import chains
from archcalc.latency.kernels import kernels
from archcalc.latency.profile import Calibrated, load_profile
from archcalc.latency.timing import FEWEST, SECONDS, Session, Timed
from archcalc.model import read
from archcalc.ops import OPS


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["archcalc", *words])
    code = 0
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def test_chains_hold_every_operator_that_takes_time() -> None:
    held = {
        node.op.word for n, text in enumerate(chains(CHAINS)) for node in read(text, f"chain {n}").count().graph.nodes
    }
    moves_nothing = {"dropout", "flatten", "reshape"}
    young = {  # not timed yet: they are priced as what has no class of its own
        "abs", "adaptive_avgpool", "glu", "grn", "instancenorm", "l2norm", "moe", "relative_positions", "resize", "rmsnorm",
        "roll", "table",
    }  # fmt: skip
    figures = {"opaque"}  # a layer that is known by its figures alone, and can't be run
    assert set(OPS) - held - moves_nothing - figures - young == set()


def test_chains_are_the_same_for_the_same_seed_and_others_for_another() -> None:
    assert chains(20, 3) == chains(20, 3)
    assert chains(20, 3) != chains(20, 4)


def test_chains_are_short_and_affordable() -> None:
    for n, text in enumerate(chains(62, 7)):
        table = read(text, f"chain {n}").count()
        computing = [kernel for kernel in kernels(table.graph, 16) if kernel.kind != "reorder"]
        assert 2 <= len(computing) <= 60
        assert table.totals["macs"] < 5e9
        assert table.totals["weight_bytes"] < 250e6


def test_the_page_says_how_much_is_timed() -> None:
    page = (Path(__file__).parent.parent / "docs" / "latency.md").read_text()
    assert f"{CHAINS} chains in at most {SECONDS:.0f} seconds of passes" in page
    assert f"(with `--quick` {QUICK} in {QUICK_SECONDS:.0f}); at least 12 chains and 1 second" in page
    assert (FEWEST, "five passes however long they take" in page) == (5, True)


def test_a_machine_is_calibrated_and_its_profile_predicts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    file = tmp_path / "device.json"
    options = ("--threads", "1", "--chains", "12", "--seconds", "1", "--noise", "1000%", "--name", "here")
    code, out, err = run(capsys, monkeypatch, "calibrate", *options, "-o", str(file))
    assert (code, err) == (0, "")
    profile = load_profile(str(file))
    assert isinstance(profile, Calibrated)
    assert (profile.name, profile.dtype, profile.batches[0], profile.device.threads) == ("here", "fp32", 1, 1)
    assert profile.batches[1] > 1  # some chains are timed in batches
    assert profile.runtime.provider == "CPUExecutionProvider"
    assert profile.calibration.passes is not None
    assert profile.channel_block in (1, 8, 16)
    assert {"conv_1x1", "conv_3x3", "linear"} <= profile.classes.keys()
    assert f"{len(profile.classes)} classes of layers" in out
    code, out, _ = run(capsys, monkeypatch, "predict", "resnet18", "--device", str(file), "--format", "json")
    assert code == 0
    assert json.loads(out)["totals"]["latency_ms"] > 0


NOISY = list(zip(chains(3), (0.001, 0.05, 0.9), strict=True))


def test_a_noisy_machine_is_refused_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    file = tmp_path / "device.json"
    noisy = [Timed(read(text, f"chain {n}").count(), 1.0, (), noise) for n, (text, noise) in enumerate(NOISY)]
    monkeypatch.setattr("archcalc.latency.calibrate.timed", lambda *_, **__: Session(noisy, 1.0, 5, 1.0))
    code, out, err = run(capsys, monkeypatch, "calibrate", "--threads", "1", "-o", str(file))
    assert (code, out) == (2, "")
    assert (
        "the machine is too noisy to calibrate: odd and even passes differ by 5.0% in the median, more than 4%" in err
    )
    assert not file.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--dtype", "int8"), "a device is calibrated in fp32 or fp16, not int8"),
        (("--dtype", "fp16"), "on a CPU onnxruntime computes fp16 in fp32, between casts that a profile doesn't tell"),
        (("--device", "tpu"), "unknown device 'tpu'"),
        (("--noise", "much"), "--noise takes a percentage such as 4%, got 'much'"),
    ],
)
def test_bad_usage_of_calibrate(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: tuple[str, ...],
    message: str,
) -> None:
    pytest.importorskip("onnxruntime")
    code, _, err = run(capsys, monkeypatch, "calibrate", "-o", str(tmp_path / "device.json"), *options)
    assert code == 2
    assert message in err


def test_there_must_be_a_folder_to_write_to(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, _, err = run(capsys, monkeypatch, "calibrate", "-o", str(tmp_path / "none" / "device.json"))
    assert code == 2
    assert "there is no folder" in err


def test_measured_and_predicted_stand_side_by_side(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    words = ("measure", "resnet20-cifar", "--threads", "1", "--runs", "3", "--against", "epyc-zen4-cpu-1t")
    code, out, _ = run(capsys, monkeypatch, *words)
    assert code == 0
    assert "measured ms" in out
    assert "of the interval" in out
    code, out, _ = run(capsys, monkeypatch, *words, "--json")
    found = json.loads(out)
    beside = found["against"]
    low, high = beside["interval_ms"]
    assert low < beside["predicted_ms"] < high
    assert beside["within"] == (low <= found["median_ms"] <= high)
    assert beside["error"] == pytest.approx(beside["predicted_ms"] / found["median_ms"] - 1)
    assert sum(line["predicted_ms"] for line in beside["lines"]) == pytest.approx(beside["predicted_ms"])
    assert sum(line["measured_ms"] for line in beside["lines"]) == pytest.approx(found["median_ms"], rel=1e-6)
