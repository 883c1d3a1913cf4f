"""Points against two logarithmic axes: layers under a device's roof, networks by what they cost."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

from archcalc.cost import Table
from archcalc.cost.row import Row
from archcalc.errors import UsageError
from archcalc.latency.profile import Profile, Roofline
from archcalc.picture import METRICS, Asked
from archcalc.picture.chart import LEFT, RIGHT, Chart, Place, logarithmic, whole
from archcalc.picture.svg import WIDE, cut, width
from archcalc.render import numbers
from archcalc.tuples import NamedTuple

NAMED = 12  # points of a roofline that have their name
MOST = 400


class Bubble(NamedTuple):
    """A network, and what it costs."""

    name: str
    params: int | Fraction
    macs: int | Fraction
    activations: int | Fraction

    def title(self) -> str:
        """All that is known, a line each."""
        return "\n".join([self.name, *(f"{numbers.exact(getattr(self, key))} {word}" for key, word in METRICS.items())])


def bubble(tables: list[Table], asked: Asked) -> str:
    """Networks by parameters and MACs; areas are what they write."""
    every = [Bubble(table.name, *(whole(table.total(name)) for name in Bubble._fields[1:])) for table in tables]
    shown = sorted((each for each in every if each.params > 0 and each.macs > 0), key=lambda each: -each.activations)
    most = Fraction(shown[0].activations if shown else 0) or Fraction(1)
    title = tables[0].name if len(tables) == 1 else f"{len(tables)} networks"
    across = logarithmic("params", [each.params for each in shown])
    up = logarithmic("MACs", [each.macs for each in shown])
    chart = Chart(title, f"{title}: parameters against MACs, areas are activations", across, up, "areas: activations")
    places = []
    for each in shown:
        radius = 3 + 15 * sqrt(float(Fraction(each.activations) / most))
        x, y = chart.at(each.params, each.macs)
        chart.dot(x, y, radius, "dot", each.title())
        places.append((x, y, radius, cut(each.name, 180)))
    without = sum(not chart.label(x, y, name, radius + 3) for x, y, radius, name in places)
    words = [f"{without} names have no room: they are told where the pointer rests"] if without else []
    words += [f"{len(every) - len(shown)} have no params or no MACs"] if len(shown) < len(every) else []
    chart.canvas.text(WIDE - 16, 44, "; ".join(words), anchor="end", kind="faint")
    return str(chart)


def roofline(tables: list[Table], asked: Asked) -> str:
    """Layers by FLOPs a byte, each where the roof of a device lets it be at best."""
    (table,) = tables
    if not asked.profiles:
        raise UsageError("a roofline is a device's: --device rtx4090 (--device help lists them)")
    roofs = [(profile.name, *_peaks(profile, table.dtype)) for profile in asked.profiles]
    rows = [row for row in table.rows if whole(row.flops) > 0 and row.intensity]
    rows = sorted(rows, key=lambda row: -whole(row.flops))[:MOST]
    xs = [row.intensity for row in rows if row.intensity] + [peak / rate for _, peak, rate in roofs]
    ys = [min(peak, rate * x) for _, peak, rate in roofs for x in xs] + [3 * peak for _, peak, _ in roofs]
    across, up = (
        logarithmic("FLOPs a byte moved", xs),
        logarithmic("GFLOP/s at most", ys),
    )
    told = f"{table.name}: its layers under the roof of {', '.join(name for name, *_ in roofs)}"
    chart = Chart(table.name, told, across, up, f"{table.dtype}, a batch of {numbers.count(table.batch)}")
    for n, (name, peak, rate) in enumerate(roofs):
        _roof(chart, name, peak, rate)
        _layers(chart, rows, peak, rate, NAMED if n == 0 else 0)
    return str(chart)


def _peaks(profile: Profile, dtype: str) -> tuple[Fraction, Fraction]:
    """GFLOP/s and GB/s. Raises UsageError where the profile has none for the type."""
    if dtype not in profile.dtypes:
        raise UsageError(f"{profile.name} has no figures for {dtype}, only for {', '.join(profile.dtypes)}")
    if isinstance(profile, Roofline):
        rates = {str(name): rate for name, rate in profile.gmacs_per_s.items()}
        return 2 * Fraction(str(rates[dtype])), Fraction(str(profile.gbytes_per_s))
    return 2 * Fraction(str(profile.peak.gmacs_per_s)), Fraction(str(profile.peak.gbytes_per_s))


def _roof(chart: Chart, name: str, peak: Fraction, rate: Fraction) -> None:
    """The bandwidth's slope up to the ridge, and the peak from there on."""
    ridge = chart.at(peak / rate, peak)
    here = chart.across.at(peak / rate), chart.up.at(peak)
    lower = chart.across.at(peak / rate / 10), chart.up.at(peak / 10)
    steps = [
        (a - b, a) for a, b in zip(here, lower, strict=True)
    ]  # what a decade is on either axis, and how far it goes
    decades = min(a / step for step, a in steps)
    foot = chart.x(here[0] - decades * steps[0][0]), chart.y(here[1] - decades * steps[1][0])
    chart.canvas.line([foot, ridge, (RIGHT, ridge[1])], "limit")
    slope = [(foot[0] + (ridge[0] - foot[0]) * k / 40, foot[1] + (ridge[1] - foot[1]) * k / 40) for k in range(40)]
    chart.taken += [Place(x - 4, y - 4, x + 4, y + 4) for x, y in slope]
    chart.taken.append(Place(ridge[0], ridge[1] - 1, RIGHT, ridge[1] + 1))
    said = cut(f"{name}: {numbers.count(round(peak))} GFLOP/s, {numbers.count(round(rate))} GB/s", 360)
    place = Place(RIGHT - width(said), ridge[1] - 30, RIGHT, ridge[1] - 18)
    if place.left > LEFT and not any(place.meets(other) for other in chart.taken):
        chart.taken.append(place)
        chart.canvas.text(RIGHT, ridge[1] - 20, said, anchor="end")


def _layers(chart: Chart, rows: list[Row], peak: Fraction, rate: Fraction, named: int) -> None:
    """A point a layer, the larger the more of the work it does; where several fall on one, the first is told."""
    total = sum((Fraction(whole(row.flops)) for row in rows), Fraction(0)) or Fraction(1)
    places = []
    for row in rows:
        intensity, share = row.intensity or Fraction(1), Fraction(whole(row.flops)) / total
        x, y = chart.at(intensity, min(peak, rate * intensity))
        bound = "memory" if rate * intensity < peak else "arithmetic"
        lines = [row.name, row.text, f"{numbers.significant(intensity)} FLOPs a byte, bound by {bound}"]
        radius = 3 + 12 * sqrt(float(share))
        chart.dot(x, y, radius, "dot", "\n".join([*lines, f"{float(100 * share):.1f} % of the FLOPs"]))
        places.append((x, y, cut(row.name, 140), radius + 4))
    for place in places[:named]:
        chart.label(*place)
