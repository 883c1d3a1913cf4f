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
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from archcalc.cost.row import DTYPES
from archcalc.latency.calibrate import CHAINS, block_of, fitted, samples, subjects
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
    # beyond what the model's terms were chosen on
    "others": "regnet_x_400mf regnet_y_400mf hrnet_w18 mobilevit_xxs ghostnet_050 vit_tiny_patch16_224 mixer_s32_224"
    " kws ad ic vww lraspp_mobilenet_v3_large yolov8n yolov5n nasbench201 dcgan_generator dcgan_discriminator mnasnet0_5"
    " shufflenet_v2_x2_0 mobilenet_v1_025 maxvit_t efficientnet_v2_s fractalnet highway ssdlite320_mobilenet_v3_large"
    " squeezenet1_0 resnext29_32x4d all-cnn-c densenet-40-12 resnet56-cifar DiT-S-8",
    "sizes": "resnet18@size=64 resnet18@size=128 resnet18@size=384 mobilenet_v2@size=64 mobilenet_v2@size=160"
    " mobilenet_v2@size=448 mobilenet_v2@size=640 squeezenet1_1@size=128 squeezenet1_1@size=512"
    " efficientnet_b0@size=96 efficientnet_b0@size=448 densenet121@size=64 densenet121@size=320",
    "batches": "resnet18@batch=4 mobilenet_v2@batch=8 mobilenet_v3_small@batch=8 squeezenet1_1@batch=8 lenet@batch=16"
    " lenet@batch=64 mnist_mlp@batch=8 mnist_mlp@batch=64 mlp@batch=4 mlp@batch=32 tcn@batch=8 bert_small@batch=4"
    " vit_micro@batch=8 gru_speech@batch=4 keywords_dscnn@batch=32 shufflenet_v2_x0_5@batch=16"
    " resnet20-cifar@batch=32 tabular@batch=16 convmixer@batch=4 text_cnn@batch=16 conv_autoencoder@batch=8"
    " decoding@batch=4 lstm_lm_small@batch=8",
    "sequences": "bert_small@length=16 bert_small@length=64 bert_small@length=512 gpt_short@length=16"
    " gpt_short@length=256 gpt_short@length=1024 llama_tiny@length=16 llama_tiny@length=512 lstm2@length=16"
    " lstm2@length=400 gru_speech@length=16 encoder_long@length=64",
}
KINDS = {"CNN": NETWORKS, **{kind: tuple(names.split()) for kind, names in OTHERS.items()}}
ALL = [name for members in KINDS.values() for name in members]
FOLDER = Path(__file__).parent.parent / "data" / "latency" / "networks"
SECONDS = 240.0
TOGETHER = 60  # networks under the clock at once


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
    """The table of one that ships, or of a file in `FOLDER`: of another size of its images, in a batch, or of another
    length of its sequences, where the name says so.
    """
    name, _, changed = name.partition("@")
    what, _, value = changed.partition("=")
    path = FOLDER / f"{name}.yaml"
    if what == "length":
        text = re.sub(r"(?m)^(input: \[.*?)\d+\]", rf"\g<1>{value}]", path.read_text(encoding="utf-8"))
        return read(text, f"{name}, {value} long").count()
    given = {"batch": int(value)} if what == "batch" else {"bindings": {"size": value}} if what == "size" else {}
    return load(path if path.exists() else name).answer(Question(**given))


# ---- recorded measurements -------------------------------------------------------------------------------------------


def record(chained: Session, networks: Session, place: Device, path: Path) -> None:
    """What was measured, to judge without measuring again: chains as specs, networks by name."""
    texts = chains(len(chained.subjects))
    found = {
        "device": place.describe(),
        "channel_block": block_of(place),
        "noise": {"chains": round(chained.noise, 4), "networks": round(networks.noise, 4)},
        "passes": {"chains": chained.passes, "networks": networks.passes},
        "reference_ms": {"chains": chained.reference_ms, "networks": networks.reference_ms},
        "call_ms": chained.call_ms,
        "chains": [
            {"spec": text, "batch": subject.table.batch, **_numbers(subject)}
            for text, subject in zip(texts, chained.subjects, strict=True)
        ],
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
    chained = [
        _timed(read(entry["spec"], f"chain {n}").answer(Question(batch=entry.get("batch", 1))), entry)
        for n, entry in enumerate(found["chains"])
    ]
    networks = [_timed(network(entry["name"]), entry) for entry in found["networks"]]
    passes, reference, call = found["passes"], found["reference_ms"], found.get("call_ms", 0.0)
    apart = reference if isinstance(reference, dict) else {"chains": reference, "networks": reference}
    return Recorded(
        Session(chained, apart["chains"], passes["chains"], 1, call),
        as_fast(Session(networks, apart["networks"], passes["networks"], 1, call), apart["chains"]),
        found["channel_block"],
        [entry["name"] for entry in found["networks"]],
    )


def as_fast(session: Session, reference: float) -> Session:
    """What would have been measured while the reference takes so long: machines are faster at times."""
    share = reference / session.reference_ms
    return session._replace(
        subjects=[
            one._replace(
                ms=one.ms * share,
                hot_ms=one.hot_ms * share if one.hot_ms else None,
                layers=tuple((name, ms * share) for name, ms in one.layers),
            )
            for one in session.subjects
        ],
        reference_ms=reference,
    )


def some_at_a_time(place: Device, seconds: float) -> Session:
    """All networks, in several sessions: together they would take all memory."""
    found = []
    for start in range(0, len(ALL), TOGETHER):
        names = ALL[start : start + TOGETHER]
        share = seconds * len(names) / len(ALL)
        found.append(timed([network(name) for name in names], place, passes=100, seconds=share))
    return found[0]._replace(
        subjects=[one for session in found for one in as_fast(session, found[0].reference_ms).subjects],
        passes=min(session.passes for session in found),
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
    chained = timed(subjects(CHAINS), place, passes=100, seconds=given.seconds * 0.8) if given.record else None
    if given.profile:
        profile = load_profile(given.profile)
    else:
        profile = (
            fitted(chained, place, "fp32", block_of(place), chained.seconds) if chained else calibrated(given.threads)
        )
    networks = some_at_a_time(place, given.seconds)
    speed = networks.reference_ms / (profile.calibration.reference_ms or networks.reference_ms)
    print(f"the reference takes {speed:.2f} times what it took in the calibration; times below are without that")
    if chained:
        record(chained, networks, place, given.record)
    networks = as_fast(networks, networks.reference_ms / speed)
    print(
        f"{profile.name}, {given.threads} thread{'s' * (given.threads > 1)}; networks: {networks.passes} passes, noise"
        f" {networks.noise:.1%}"
    )
    assert isinstance(profile, Calibrated)
    fitting = [
        sample for subject in (chained or networks).subjects for sample in samples(subject, profile.channel_block)
    ]
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
