"""What a machine is, as it says itself: its processor, cores and load."""

from __future__ import annotations

from archcalc.latency.profile import Device
from archcalc.measure import processor
from archcalc.measure.device import Device as Place


def name_of(place: Place) -> str:
    """What a device is called where its predictions are shown."""
    told = place.describe()
    isa = processor.isa() if place.kind == "cpu" else None
    return f"{told.get('name') or place.kind}{f' ({isa})' if isa else ''}"


def described(place: Place) -> Device:
    """What a profile says of the device that it was measured on."""
    told = place.describe()
    return Device(
        type="cuda" if place.kind == "cuda" else "cpu",
        model=str(told.get("name") or "unknown"),
        isa=processor.isa() if place.kind == "cpu" else None,
        cores=_cores() if place.kind == "cpu" else None,
        threads=told.get("threads"),
        driver=told.get("driver"),
    )


def _cores() -> int | None:
    import os

    return os.cpu_count()


def load() -> float | None:
    """How busy the machine was over the last minute, in processes; None where the system doesn't say."""
    import os

    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
