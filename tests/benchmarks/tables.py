"""How well static counts explain published times: python tests/benchmarks/tables.py [--write]

Fits the prices of each class of layers on the tables in tests/data/latency, leaves one family of networks out at a
time, and prints how far off that family is predicted, beside what simpler models reach. `--write` puts the profiles in
specs/devices.
"""

from __future__ import annotations

import csv
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy

from archcalc.cost import Table
from archcalc.cost.row import DTYPES
from archcalc.latency.fit import NO_CALLS, OF_NETWORKS, STREAMED, Sample, Score, fit, left_out, score
from archcalc.latency.kernels import kernels
from archcalc.latency.profile import Calibrated, Calibration, Device, HoldOut, Peak, Runtime, devices_folder, printed
from archcalc.model import load
from archcalc.question import Question

DATA = Path(__file__).parent.parent / "data" / "latency"


class Published(NamedTuple):
    """A table of times and what is known of it."""

    file: str
    name: str
    device: Device
    dtype: str
    batches: tuple[int, int]
    fuses: bool
    pooled: tuple[str, ...]
    runtime: Runtime
    profile: str
    date: str


TABLES = (
    Published(
        "timm_rtx4090.csv", "NVIDIA GeForce RTX 4090, full batches", Device(type="cuda", model="NVIDIA GeForce RTX 4090"), "fp16", (64, 1024), False, STREAMED,
        Runtime(name="PyTorch", version="2.4", provider="CUDA, eager, mixed precision", optimization="none"), "rtx4090-fp16-batches", "2024",
    ),
    Published(
        "timm_i7_12700h.csv", "Intel Core i7-12700H", Device(type="cpu", model="Intel Core i7-12700H"), "fp32", (1, 1), True, NO_CALLS,
        Runtime(name="PyTorch", version="2.4", provider="CPU, compiled by dynamo", optimization="all"), "i7-12700h-cpu", "2024",
    ),
)  # fmt: skip
SOURCE = (
    "results/benchmark-infer tables of huggingface/pytorch-image-models (timm), Apache-2.0: ten warm-up and forty timed"
    " steps a network"
)


@cache
def counted(network: str, size: str) -> Table:
    return load(network).answer(Question({"size": size}))


def samples(published: Published) -> list[Sample]:
    """A sample a network and input size: milliseconds a step; its group is the family, the file of its spec."""
    found = []
    with (DATA / published.file).open(encoding="utf-8") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            table = counted(row["network"], row["size"])
            batch = int(row["batch"])
            parts = tuple(
                (kernel.kind, kernel.work.scaled(batch)) for kernel in kernels(table.graph, fuses=published.fuses)
            )
            found.append(Sample(parts, float(row["step_ms"]), table.spec.path))
    return found


def by_macs(given: list[Sample]) -> list[float]:
    """MACs times a constant, each family from the others."""
    found = []
    for sample in given:
        others = [other.ms / macs(other) for other in given if other.group != sample.group]
        found.append(macs(sample) * float(numpy.median(others)))
    return found


def macs(sample: Sample) -> float:
    """Of what contracts: the other kernels count operations there."""
    return float(
        sum(int(work.macs) for kind, work in sample.parts if kind.startswith(("conv", "dwconv", "linear", "attention")))
    )


def judged(published: Published) -> tuple[list[Sample], dict[str, Score]]:
    """Scores by model, each family predicted from the others."""
    given, width = samples(published), DTYPES[published.dtype]
    times = [sample.ms for sample in given]
    return given, {
        "MACs x constant": score(by_macs(given), times),
        "common prices of a MAC and a byte": score(left_out(given, width, published.pooled, None), times),
        "prices by class": score(left_out(given, width, published.pooled, OF_NETWORKS), times),
    }


def profile(published: Published, given: list[Sample], best: Score, common: Score) -> Calibrated:
    width = DTYPES[published.dtype]
    fitted = fit(given, width, published.pooled, OF_NETWORKS)
    contracted = [(sum(macs(Sample(((kind, work),), 1)) for kind, work in sample.parts), sample) for sample in given]
    moved = sum(float(int(work.inputs) + int(work.outputs)) * width for _, work in given[0].parts)
    return Calibrated(
        kind="calibrated", name=published.name, device=published.device, runtime=published.runtime,
        note="fitted on published times of whole networks; single layers were not timed",
        dtype=published.dtype, batches=published.batches, fuses=published.fuses, classes=fitted.classes, fallback=fitted.fallback,
        calibration=Calibration(date=published.date, source=SOURCE, samples=len(given)),
        peak=Peak(gmacs_per_s=round(max(n / sample.ms for n, sample in contracted) / 1e6, 1), gbytes_per_s=round(moved / given[0].ms / 1e6, 1)),
        holdout=HoldOut(
            samples=len(given), of="networks of families that were left out", mape=round(best.mape, 4), within_10=round(best.within_10, 3),
            within_20=round(best.within_20, 3), rank=round(best.rank, 4), factor=round(best.factor, 3),
            extrapolated_factor=round(max(common.factor, best.factor), 3),
        ),
    )  # fmt: skip


def main() -> None:
    for published in TABLES:
        given, scores = judged(published)
        print(
            f"{published.name}: {len(given)} networks of {len({sample.group for sample in given})} families, each"
            " family predicted from the others"
        )
        for name, found in scores.items():
            print(
                f"  {name:<34} MAPE {found.mape:6.1%}  median {found.median:6.1%}  within 10 % {found.within_10:4.0%} "
                f" within 20 % {found.within_20:4.0%}  rank {found.rank:.3f}"
            )
        if "--write" in sys.argv[1:]:
            best, common = scores["prices by class"], scores["common prices of a MAC and a byte"]
            Path(devices_folder(), f"{published.profile}.json").write_text(
                printed(profile(published, given, best, common)), encoding="utf-8"
            )


if __name__ == "__main__":
    main()
