"""The bytes of activations that are alive while each layer runs, with the peak named."""

from __future__ import annotations

from fractions import Fraction

from archcalc.cost import Table
from archcalc.memory.layout import Layout, layout
from archcalc.picture import Asked
from archcalc.picture.chart import BOTTOM, LEFT, RIGHT, Axis, Chart, Tick, binary, whole
from archcalc.picture.svg import cut, number, width
from archcalc.render import numbers

COLUMNS = 600  # that can be told apart


def draw(tables: list[Table], asked: Asked) -> str:
    """Bytes alive while each layer runs, as SVG. Raises UsageError for closed forms."""
    (table,) = tables
    found = layout(table.graph, table.held.measure)
    steps = [step.alive for step in found.steps]
    title, last = "layers, in the order in which they run", max(len(steps), 1)
    across = Axis(title, _names(table, last), lambda n: float(Fraction(whole(n)) / last))
    peak = found.steps[found.at_peak]
    said = f"peak {numbers.size_in_bytes(peak.alive)} at {peak.layer}"
    chart = Chart(table.name, f"{table.name}: bytes alive while layers run, {said}", across,
                  binary(f"activations alive, in {table.dtype}", found.peak), said)  # fmt: skip
    corners = _corners(chart, steps)
    line = " L".join(f"{number(x)} {number(y)}" for x, y in corners)
    chart.canvas.path(f"M{number(LEFT)} {number(BOTTOM)} L{line} L{number(corners[-1][0])} {number(BOTTOM)} Z", "area")
    chart.canvas.path(f"M{line}", "curve")
    x, y = (chart.at(found.at_peak, peak.alive)[0] + chart.at(found.at_peak + 1, 0)[0]) / 2, chart.at(0, peak.alive)[1]
    chart.canvas.circle(x, y, 4, "mark", _told(found))
    chart.label(x, y, cut(said, (RIGHT - LEFT) / 2), away=10)
    return str(chart)


def _corners(chart: Chart, steps: list[int]) -> list[tuple[float, float]]:
    """A step a layer; where there are more than can be told apart, the most of those in a column."""
    every = -(-len(steps) // COLUMNS)
    corners = []
    for first in range(0, len(steps), every):
        most = max(steps[first : first + every])
        corners += [chart.at(first, most), chart.at(min(first + every, len(steps)), most)]
    return corners


def _names(table: Table, count: int) -> list[Tick]:
    """Where the lines of the spec begin."""
    found: dict[str, int] = {}
    for n, node in enumerate(table.graph.nodes):
        found.setdefault(node.line.split("/")[0], n)
    ticks, end = [], LEFT - 20
    for name, n in found.items():
        shown = cut(name, 90)
        x = Chart.x(n / max(count, 1))
        if shown and x - width(shown) / 2 > end and x + width(shown) / 2 < RIGHT + 10:
            ticks.append(Tick(n / max(count, 1), shown))
            end = x + width(shown) / 2 + 6
    return ticks


def _told(found: Layout) -> str:
    """The tensors of the peak, the largest first."""
    tensors = [f"{tensor.name}: {numbers.size_in_bytes(tensor.bytes)}" for tensor in found.alive_in(found.at_peak)[:8]]
    return "\n".join([f"while {found.steps[found.at_peak].layer} runs:", *tensors])
