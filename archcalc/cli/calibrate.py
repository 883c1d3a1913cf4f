"""`archcalc calibrate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from archcalc.cli.declared import Option
from archcalc.cli.entry import command
from archcalc.cli.options import OnDevice, Precision, Quiet, Threads
from archcalc.cli.progress import bar
from archcalc.cli.saying import out
from archcalc.errors import UsageError

if TYPE_CHECKING:
    from archcalc.latency.profile import Calibrated


@command()
def calibrate(
    output: Annotated[Path, Option("--output", "-o", metavar="FILE", help="Where to write the device's profile.")],
    device: OnDevice = "cpu",
    threads: Threads = None,
    dtype: Precision = "fp32",
    batch: Annotated[
        int | None, Option("--batch", "-b", min=1, help="Samples in a batch, of all chains; else 1 to 64 on a CPU.")
    ] = None,
    name: Annotated[str | None, Option("--name", help="What to call the machine.")] = None,
    chains: Annotated[int | None, Option("--chains", min=12, help="Random chains of layers to time.")] = None,
    seconds: Annotated[float | None, Option("--seconds", min=1, help="The most time for timing them.")] = None,
    quick: Annotated[
        bool, Option("--quick", help="Fewer chains in less time: under two minutes, and wider intervals.")
    ] = False,
    noise: Annotated[
        str, Option("--noise", help="The most that odd and even passes may differ by, in the median.")
    ] = "4%",
    quiet: Quiet = False,
) -> None:
    """Time short chains of layers on this machine and write its profile, which `archcalc predict` takes; under four
    minutes.

    \b
    archcalc calibrate --threads 1 -o device.json
    archcalc calibrate --quick --threads 1 -o device.json
    archcalc calibrate --device cuda --dtype fp16 --batch 32 -o gpu.json
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # thousands of small systems: threads only wait for each other
    from archcalc.writing import writable

    if dtype not in ("fp32", "fp16"):
        raise UsageError(f"a device is calibrated in fp32 or fp16, not {dtype}")
    writable(output)
    amount, most = _amount(quick, chains, seconds), _share(noise)
    try:
        profile = _timed(device, threads, dtype, batch, amount, most, quiet)
    except KeyboardInterrupt:
        raise UsageError(f"interrupted: {output} was not written") from None
    _written(output, profile if name is None else profile.replaced(name=name))


def _timed(
    device: str, threads: int | None, dtype: str, batch: int | None, amount: tuple[int, float], most: float, quiet: bool
) -> Calibrated:
    from archcalc.latency.calibrate import calibrate as calibrated
    from archcalc.measure.device import Device

    (count, limit), place = amount, Device(device, threads)
    with bar(quiet) as progress:
        return calibrated(place, dtype, batch, count=count, seconds=limit, most_noise=most, progress=progress)


def _written(output: Path, profile: Calibrated) -> None:
    from archcalc.latency.profile import printed
    from archcalc.writing import write

    write(output, printed(profile).encode())
    out(f"{output}: {_summary(profile)}")


def _amount(quick: bool, chains: int | None, seconds: float | None) -> tuple[int, float]:
    """How many chains to time, and for how many seconds at most."""
    from archcalc.latency.calibrate import CHAINS, QUICK, QUICK_SECONDS
    from archcalc.latency.timing import SECONDS

    usual = (QUICK, QUICK_SECONDS) if quick else (CHAINS, SECONDS)
    return chains or usual[0], seconds or usual[1]


def _share(noise: str) -> float:
    from archcalc.spec.model import read_quantity

    try:
        most = float(read_quantity(noise).value)
    except ValueError:
        most = -1
    if most < 0:
        raise UsageError(f"--noise takes a percentage such as 4%, got '{noise}'")
    return most


def _summary(profile: Calibrated) -> str:
    held = profile.holdout
    return (
        f"{profile.name}, {len(profile.classes)} classes of layers from {profile.calibration.samples:,} timed ones;"
        f" chains that were left out are off by {held.mape:.1%}, nine of ten by less than a factor of"
        f" {held.factor:.3g}; noise {profile.calibration.noise or 0:.1%}"
    )
