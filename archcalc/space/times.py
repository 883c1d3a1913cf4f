"""Figures of time in a space: one a device, by names that conditions and limits may speak of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from archcalc.algebra import Number
from archcalc.cost import Table
from archcalc.errors import UsageError
from archcalc.metrics import is_latency
from archcalc.model import Model

LATENCY = "latency"


def latencies_of(model: Model, devices: Iterable[str]) -> dict[str, str]:
    """The devices by the figures that they are predicted for: `latency` of a single one, else `latency_rtx4090` and so
    on, a name that expressions can have.

    Raises UsageError for a device that isn't known, and for two of the same name.
    """
    from archcalc.latency.profile import load_profile

    devices, found = list(dict.fromkeys(devices)), dict[str, str]()
    for device in devices:
        load_profile(device, Path(model.spec.path).parent)
        name = LATENCY if len(devices) == 1 else f"{LATENCY}_{re.sub('[^0-9A-Za-z]+', '_', Path(device).stem)}"
        if name in found or name == "latency_ms" or name in model.spec.parameters:
            other = found.get(name, "something else")
            raise UsageError(f"the time on {device} and {other} would both be called {name}: name a file otherwise")
        found[name] = device
    return found


def lower_bounds(model: Model, latencies: Mapping[str, str]) -> dict[str, str]:
    """The times that are read from a data sheet, which no run beats, by the device."""
    from archcalc.latency.profile import Roofline, load_profile

    profiles = {name: load_profile(device, Path(model.spec.path).parent) for name, device in latencies.items()}
    return {name: profile.name for name, profile in profiles.items() if isinstance(profile, Roofline)}


def spread(names: Iterable[str], latencies: Mapping[str, str]) -> list[str]:
    """Figures, with those of every device where `latency` stands for several."""
    return [one for name in names for one in (latencies if is_latency(name) and len(latencies) > 1 else [name])]


def predicted(model: Model, table: Table, latencies: Mapping[str, str]) -> dict[str, Number]:
    """The time of a table on each device, in milliseconds. Raises UsageError, and Undecided where there is no closed
    form.
    """
    return {name: model.timed(table, device).totals["latency_ms"] for name, device in latencies.items()}
