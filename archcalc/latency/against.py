"""Measured and predicted times side by side."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from archcalc.algebra import Number, Poly
from archcalc.cost import Table
from archcalc.errors import UsageError
from archcalc.latency.estimate import predict
from archcalc.latency.here import elsewhere
from archcalc.latency.profile import Calibrated, Profile
from archcalc.measure.device import Device
from archcalc.measure.latency import Latency
from archcalc.measure.report import dumped, to_json
from archcalc.render.grid import listing
from archcalc.render.grouping import flat
from archcalc.render.times import milliseconds
from archcalc.tuples import NamedTuple

if TYPE_CHECKING:
    from archcalc.render.contract import Against


class Line(NamedTuple):
    """A line of the spec, or a block: measured and predicted milliseconds, and what is predicted to take them."""

    name: str
    measured: float
    predicted: float
    bound: str
    extrapolated: bool

    @property
    def error(self) -> float | None:
        """Of the prediction, as a part of what was measured."""
        return self.predicted / self.measured - 1 if self.measured else None


class Beside(NamedTuple):
    """A measurement beside its prediction."""

    table: Table
    measured: float
    predicted: float
    low: float
    high: float | None
    lines: list[Line]
    hot: bool = False  # whether it was measured alone, and predicted so
    elsewhere: str = ""  # where the measurement was made, if that isn't the profile's machine and runtime

    @property
    def error(self) -> float:
        """How far the prediction is off, as a share of what was measured; more than 0 where it is too long."""
        return self.predicted / self.measured - 1

    @property
    def is_within(self) -> bool:
        """Whether the measurement lies in the interval."""
        return self.low <= self.measured and (self.high is None or self.measured <= self.high)


def beside(latency: Latency, profile: Profile, depth: int = 1, alone: bool = False) -> Beside:
    """A measured network, its layers grouped by the first labels of their paths where they were profiled. One that was
    measured `alone` is held against a hot run, where the profile knows of these. Raises UsageError.
    """
    hot = alone and isinstance(profile, Calibrated) and profile.hot is not None
    table = predict(latency.table, profile, hot)
    assert table.timing is not None
    low, high = table.timing.interval
    most = None if high is None else _number(high)
    return Beside(
        table,
        latency.median_ms,
        _number(table.timing.whole.total),
        _number(low),
        most,
        _lines(latency, table, depth),
        hot,
        _elsewhere(latency, profile),
    )


def _elsewhere(latency: Latency, profile: Profile) -> str:
    machine = str(latency.described.get("name") or "another machine")
    runtime = profile.runtime.name if isinstance(profile, Calibrated) else "onnxruntime"
    same = profile.device.model == machine and not elsewhere(profile)
    return "" if same and runtime == "onnxruntime" else f"{machine} with onnxruntime"


def _lines(latency: Latency, table: Table, depth: int) -> list[Line]:
    measured = {layer.name: layer.milliseconds for layer in latency.layers}
    if not measured:
        return []
    found: list[Line] = []
    members: dict[str, float] = {}
    for row in table.rows:
        label = "/".join(table.nodes[row.name].line.split("/")[:depth])
        members[label] = members.get(label, 0.0) + measured.get(row.name, 0.0)
    for row in flat(table, "block", depth):
        time = row.time
        assert time is not None
        found.append(
            Line(row.name, members.get(row.name, 0.0), _number(time.total), time.bound, time.extrapolated != 0)
        )
    return found


def _number(value: Number) -> float:
    """A network that runs has no free parameters."""
    assert not isinstance(value, Poly)
    return float(value)


def comparable(profile: Profile, place: Device, dtype: str | None) -> tuple[Device, str]:
    """The device and the precision that a profile speaks of, where they were left open. Raises UsageError where they
    are others.
    """
    if profile.device.type != place.kind:
        raise UsageError(
            f"{profile.name} is a profile of {profile.device.type}: measure with --device {profile.device.type}"
        )
    wanted = dtype or profile.dtypes[0]
    if wanted not in profile.dtypes:
        raise UsageError(f"{profile.name} has no figures for {wanted}, only for {', '.join(profile.dtypes)}")
    threads = profile.device.threads
    if threads is not None and place.threads not in (None, threads):
        raise UsageError(
            f"{profile.name} was calibrated with {threads} thread{'s' * (threads > 1)}: measure with --threads"
            f" {threads}"
        )
    return place._replace(threads=place.threads or threads), wanted


def report(found: Sequence[Latency], profile: Profile, depth: int, form: str) -> str:
    """Measurements beside their predictions, as text or as JSON."""
    pairs = [beside(latency, profile, depth, alone=len(found) == 1) for latency in found]
    if form == "text":
        return text(pairs)
    entries = to_json(found)
    for one, pair in zip(entries if isinstance(entries, list) else [entries], pairs, strict=True):
        one["against"] = entry(pair)
    return dumped(entries)


def text(found: Sequence[Beside]) -> str:
    """A table a network: the whole, then its lines."""
    return "\n\n".join(map(_one, found))


def _one(found: Beside) -> str:
    timing = found.table.timing
    assert timing is not None
    interval = f"at least {_ms(found.low)}" if found.high is None else f"{_ms(found.low)} to {_ms(found.high)}"
    verdict = "inside" if found.is_within else "OUTSIDE"
    rows = [
        [line.name, _ms(line.measured), _ms(line.predicted), _percent(line.error), line.bound + "~" * line.extrapolated]
        for line in found.lines
    ]
    rows.append(["total", _ms(found.measured), _ms(found.predicted), _percent(found.error), ""])
    table = listing(["layer", "measured ms", "predicted ms", "error", "bound"], rows, left=("layer", "bound"))
    how = "alone, caches hot: " if found.hot else ""
    other = f"\nmeasured on {found.elsewhere}, which the profile isn't of" if found.elsewhere else ""
    return (
        f"{found.table.name} · {timing.device}\n\n{table}\n\nmeasured {how}{_ms(found.measured)} ms lies {verdict} of"
        f" the interval {interval} ms{other}"
    )


def _ms(value: float) -> str:
    return milliseconds(Fraction(value))


def _percent(error: float | None) -> str:
    return "" if error is None else f"{error:+.1%}"


def entry(found: Beside) -> Against:
    """What the JSON of a measurement has besides."""
    timing = found.table.timing
    assert timing is not None
    return {
        "device": timing.device,
        "predicted_ms": found.predicted,
        "interval_ms": [found.low, found.high],
        "error": found.error,
        "within": found.is_within,
        "hot": found.hot,
        "lines": [
            {
                "name": line.name,
                "measured_ms": line.measured,
                "predicted_ms": line.predicted,
                "error": line.error,
                "extrapolated": line.extrapolated,
            }
            for line in found.lines
        ],
    }


__all__ = ["Beside", "Line", "beside", "comparable", "entry", "report", "text"]
