"""How far predictions are from what networks take: python tests/benchmarks/latency.py [--threads K] [--profile FILE]
[--record FILE]

Calibrates in one process (unless a profile is given) and times networks that the calibration never saw in another, in
turns with the first of them, the reference: classifiers of images, which simpler models are held beside, and others by
kind. Prints the errors kind by kind, of runs among others and of hot ones, and what the machine's own noise is.
`--record` writes what was measured, chains and networks, for the tests.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from archcalc.cost.row import DTYPES
from archcalc.latency.calibrate import CHAINS, block_of, samples
from archcalc.latency.chains import chains
from archcalc.latency.estimate import predict
from archcalc.latency.fit import Sample, Score, fit_common, score
from archcalc.latency.profile import Calibrated, Profile, load_profile
from archcalc.latency.timing import Session, Timed, timed
from archcalc.measure.device import Device
from archcalc.model import load, read
from archcalc.question import Question

NETWORKS = (
    "resnet18", "resnet34", "resnet50", "wide_resnet50_2", "resnext50_32x4d", "vgg11", "vgg16", "alexnet", "zfnet", "nin", "googlenet", "bn-inception",
    "inception_v3", "densenet121", "squeezenet1_1", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mnasnet1_0", "shufflenet_v2_x1_0",
    "efficientnet_b0", "xception", "convnext_tiny", "vit_b_32", "preact-resnet164", "densenet-bc-100-12", "wrn-16-8", "unet-padded",
)  # fmt: skip  # frozen: the first is the reference
OTHERS = {  # of kinds that no calibration may leave out: names that ship, or of files in `FOLDER`
    "small": "lenet mnist_mlp autoencoder keywords_dscnn activity_1d tiny_cifar tiny_gru policy two_towers fasttext",
    "dense": "mlp tabular wide_mlp bottlenecks towers",
    "mixer": "mixer_tiny mixer_wide resmlp",
    "excited": "se_resnet hard_mobile silu_mobile mobilenet_v3_small ghostnet",
    "shuffle": "shufflenet_v1 shuffle_units shufflenet_v2_x0_5 shufflenet_v2_x1_5",
    "dilated": "aspp drn context aspp_wide",
    "large depthwise": "replk31 convmixer convnext_pico large_15",
    "1-D": "m5_1d tcn speech_features resnet_1d text_cnn",
    "3-D": "c3d video_small factored_3d scan_3d",
    "recurrent": "lstm2 gru_speech bilstm_tagger rnn_small lstm_wide lstm_long lstm_lm_small",
    "attention": "bert_small vit_micro gpt_short encoder_long llama_tiny decoding token_mlp",
    "windows": "swin_t swin_micro map_attention",
    "norms": "gn_resnet diffusion style resnet20-cifar",
    "upsampling": "dcgan_gen segmenter superres conv_autoencoder pyramid",
}
KINDS = {"CNN": NETWORKS, **{kind: tuple(names.split()) for kind, names in OTHERS.items()}}
ALL = [name for members in KINDS.values() for name in members]
FOLDER = Path(__file__).parent.parent / "data" / "latency" / "networks"
SECONDS = 240.0


class Judged(NamedTuple):
    """What a profile makes of measured networks."""

    raw: Score
    scaled: Score
    by_macs: Score
    by_common: Score
    layers: Score
    inside: float  # the share of networks that lie in their interval
    ratios: dict[str, float]


def judge(subjects: list[Timed], profile: Profile, given: list[Sample]) -> Judged:
    """Predictions against measurements; the simpler models are scaled by the reference as well, the common prices are
    fitted on `given`.
    """
    assert isinstance(profile, Calibrated)
    width = DTYPES[profile.dtype]
    common = fit_common(given, width)
    measured = [subject.ms for subject in subjects]
    tables = [predict(subject.table, profile) for subject in subjects]
    predicted = [float(table.totals["latency_ms"]) for table in tables]
    macs = [float(table.totals["macs"]) for table in tables]
    by_common = [
        sum(common.ms(sample.parts, width) for sample in samples(subject, profile.channel_block))
        for subject in subjects
    ]
    low_high = [table.totals["latency_interval_ms"] for table in tables]
    layers = [
        pair
        for subject, table in zip(subjects, tables, strict=True)
        for pair in _layers(subject, table, profile.channel_block)
    ]
    return Judged(
        score(predicted, measured),
        score(_scaled(predicted, measured), measured),
        score(_scaled(macs, measured), measured),
        score(_scaled(by_common, measured), measured),
        score([pair[0] for pair in layers], [pair[1] for pair in layers]),
        sum(low <= ms <= high for (low, high), ms in zip(low_high, measured, strict=True)) / len(subjects),
        {subject.table.name: one / ms for subject, one, ms in zip(subjects, predicted, measured, strict=True)},
    )


def _scaled(predicted: list[float], measured: list[float]) -> list[float]:
    """So that the reference is right."""
    return [one * measured[0] / predicted[0] for one in predicted]


def _layers(subject: Timed, table: Any, block: int) -> list[tuple[float, float]]:
    """Predicted and measured milliseconds of each kernel."""
    spent = {table.graph.nodes[n].name: n for n in table.graph.layers()}
    owners: dict[int, int] = {n: table.timing.fused.get(n, n) for n in spent.values()}
    measured: dict[int, float] = {}
    for name, ms in subject.layers:
        measured[owners[spent[name]]] = measured.get(owners[spent[name]], 0.0) + ms
    return [(float(time.total), measured[n]) for n, time in table.timing.layers.items() if measured.get(n, 0.0) > 0]


class Kind(NamedTuple):
    """How one kind of networks is predicted: the mean relative error, the share within their intervals, how many."""

    mape: float
    inside: float
    count: int


def by_kind(subjects: list[Timed], names: list[str], profile: Calibrated, hot: bool = False) -> dict[str, Kind]:
    """Of each kind, of those that take less than a millisecond, and of all."""
    kinds = {name: kind for kind, members in KINDS.items() for name in members}
    found: dict[str, list[tuple[float, bool]]] = {}
    for name, subject in zip(names, subjects, strict=True):
        ms = subject.hot_ms if hot else subject.ms
        assert ms is not None
        totals = predict(subject.table, profile, hot).totals
        low, high = totals["latency_interval_ms"]
        judged = abs(float(totals["latency_ms"]) / ms - 1), low <= ms <= high
        for kind in (kinds[name], *(["under 1 ms"] if ms < 1 else []), "all"):
            found.setdefault(kind, []).append(judged)
    order = [*KINDS, "under 1 ms", "all"]
    return {
        kind: Kind(mean(error for error, _ in found[kind]), mean(inside for _, inside in found[kind]), len(found[kind]))
        for kind in order
        if kind in found
    }


def network(name: str) -> Any:
    """The table of one that ships, or of a file in `FOLDER`."""
    path = FOLDER / f"{name}.yaml"
    return load(path if path.exists() else name).count()


# ---- recorded measurements -------------------------------------------------------------------------------------------


def record(chained: Session, networks: Session, place: Device, path: Path) -> None:
    """What was measured, to judge without measuring again: chains as specs, networks by name."""
    texts = chains(len(chained.subjects))
    found = {
        "device": place.describe(),
        "channel_block": block_of(place),
        "noise": {"chains": round(chained.noise, 4), "networks": round(networks.noise, 4)},
        "passes": {"chains": chained.passes, "networks": networks.passes},
        "reference_ms": chained.reference_ms,
        "call_ms": chained.call_ms,
        "chains": [{"spec": text, **_numbers(subject)} for text, subject in zip(texts, chained.subjects, strict=True)],
        "networks": [{"name": name, **_numbers(one)} for name, one in zip(ALL, networks.subjects, strict=True)],
    }
    path.write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")


def _numbers(subject: Timed) -> dict[str, Any]:
    layers = {name: float(f"{ms:.4g}") for name, ms in subject.layers if ms > 0}
    found = {"ms": float(f"{subject.ms:.5g}"), "noise": float(f"{subject.noise:.2g}"), "layers": layers}
    return found | ({"hot_ms": float(f"{subject.hot_ms:.5g}")} if subject.hot_ms else {})


class Recorded(NamedTuple):
    """Chains, networks by name, and the channels in a block."""

    chained: Session
    networks: Session
    block: int
    names: list[str]


def recorded(path: Path) -> Recorded:
    """What `record` wrote."""
    found = json.loads(path.read_text(encoding="utf-8"))
    chained = [_timed(read(entry["spec"], f"chain {n}").count(), entry) for n, entry in enumerate(found["chains"])]
    networks = [_timed(network(entry["name"]), entry) for entry in found["networks"]]
    passes = found["passes"]
    reference, call = found["reference_ms"], found.get("call_ms", 0.0)
    return Recorded(
        Session(chained, reference, passes["chains"], 1, call),
        Session(networks, reference, passes["networks"], 1, call),
        found["channel_block"],
        [entry["name"] for entry in found["networks"]],
    )


def _timed(table: Any, entry: dict[str, Any]) -> Timed:
    return Timed(table, entry["ms"], tuple(entry["layers"].items()), entry["noise"], entry.get("hot_ms"))


# ---- the command -----------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--profile")
    parser.add_argument("--record", type=Path)
    given = parser.parse_args()
    place = Device("cpu", given.threads)
    profile = load_profile(given.profile) if given.profile else calibrated(given.threads)
    networks = timed([network(name) for name in ALL], place, passes=100, seconds=given.seconds)
    print(
        f"{profile.name}, {given.threads} thread{'s' * (given.threads > 1)}; networks: {networks.passes} passes, noise"
        f" {networks.noise:.1%}"
    )
    assert isinstance(profile, Calibrated)
    if given.record:
        chained = timed(
            [read(text, f"chain {n}").answer(Question()) for n, text in enumerate(chains(CHAINS))],
            place,
            passes=100,
            seconds=given.seconds,
        )
        record(chained, networks, place, given.record)
        fitting = [sample for subject in chained.subjects for sample in samples(subject, profile.channel_block)]
    else:
        fitting = [sample for subject in networks.subjects for sample in samples(subject, profile.channel_block)]
    show(judge(networks.subjects[: len(NETWORKS)], profile, fitting))
    for hot in (False, True):
        show_kinds(by_kind(networks.subjects, ALL, profile, hot), "alone, caches hot" if hot else "among others")
    if max(networks.noise, profile.calibration.noise or 0) > 0.04:
        print("machine too noisy: the figures above say little")


def calibrated(threads: int) -> Profile:
    """In a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "device.json"))
        command = [
            sys.executable,
            "-m",
            "archcalc",
            "calibrate",
            "--threads",
            str(threads),
            "-o",
            file,
            "--noise",
            "50%",
        ]
        print(
            subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().removeprefix(f"{file}: ")
        )
        return load_profile(file)


def show(found: Judged) -> None:
    rows = [
        ("raw", found.raw),
        ("scaled to the reference", found.scaled),
        ("MACs x constant, scaled", found.by_macs),
        ("common prices, scaled", found.by_common),
        ("layers, raw", found.layers),
    ]
    for name, one in rows:
        print(
            f"  {name:<26} MAPE {one.mape:6.1%}  median {one.median:6.1%}  within 10 % {one.within_10:4.0%}  within 20"
            f" % {one.within_20:4.0%}  rank {one.rank:.3f}"
        )
    print(f"  inside of their interval {found.inside:.0%}")
    print("  predicted / measured: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in found.ratios.items()))


def show_kinds(found: dict[str, Kind], what: str) -> None:
    print(f"  {what:<20}    MAPE  inside  networks")
    for kind, one in found.items():
        print(f"    {kind:<18} {one.mape:7.1%} {one.inside:7.0%} {one.count:9}")


if __name__ == "__main__":
    main()
