"""The bytes of activations that are alive while each layer runs, with the peak named."""

from __future__ import annotations

from fractions import Fraction

from archcalc.cost import Table
from archcalc.memory.layout import Layout, layout
from archcalc.picture import Asked
from archcalc.picture.chart import BOTTOM, LEFT, RIGHT, Axis, Chart, Tick, binary, together, whole
from archcalc.picture.svg import cut, number, width
from archcalc.render import numbers

COLUMNS = 600  # that can be told apart


def draw(tables: list[Table], asked: Asked) -> str:
    """Bytes alive while each layer runs, as SVG: of one network with its layers named, of several each from its first
    layer to its last. Raises UsageError for closed forms.
    """
    layouts = [layout(table.graph, table.held.measure) for table in tables]
    peaks = [_peak(found) for found in layouts]
    alone = len(tables) == 1
    chart = Chart(
        title := together(tables),
        f"{title}: bytes alive while layers run, {'; '.join(peaks)}",
        _in_order(tables[0], layouts[0]) if alone else _of_the_run(),
        binary(f"activations alive, in {_types(tables)}", max(found.peak for found in layouts)),
        peaks[0] if alone else "",
    )
    steps = [1 if alone else len(found.steps) for found in layouts]
    for n, (found, of) in enumerate(zip(layouts, steps, strict=True)):
        _curve(chart, found, "curve" if alone else f"c{n}", of)
    marks = [_mark(chart, found, of) for found, of in zip(layouts, steps, strict=True)]
    for table, said, (x, y) in zip(tables, peaks, marks, strict=True):
        chart.label(x, y, cut(said if alone else f"{table.name}: {said}", (RIGHT - LEFT) / 2), away=10)
    if not alone:
        chart.legend(table.name for table in tables)
    return str(chart)


def _peak(found: Layout) -> str:
    peak = found.steps[found.at_peak]
    return f"peak {numbers.size_in_bytes(peak.alive)} at {peak.layer}"


def _types(tables: list[Table]) -> str:
    return ", ".join(dict.fromkeys(table.dtype for table in tables))


def _in_order(table: Table, found: Layout) -> Axis:
    """A step a layer."""
    last = max(len(found.steps), 1)
    return Axis("layers, in the order in which they run", _names(table, last), lambda n: float(whole(n) / last))


def _of_the_run() -> Axis:
    """From the first layer to the last, however many there are."""
    ticks = [Tick(part / 4, f"{25 * part} %") for part in range(5)]
    return Axis("how many of a network's layers have run", ticks, lambda part: float(whole(part)))


def _curve(chart: Chart, found: Layout, kind: str, of: int) -> None:
    corners = _corners(chart, [step.alive for step in found.steps], of)
    line = " L".join(f"{number(x)} {number(y)}" for x, y in corners)
    if kind == "curve":
        foot = f"M{number(LEFT)} {number(BOTTOM)} L{line} L{number(corners[-1][0])} {number(BOTTOM)} Z"
        chart.canvas.path(foot, "area")
    chart.canvas.path(f"M{line}", kind)


def _mark(chart: Chart, found: Layout, of: int) -> tuple[float, float]:
    """Where the peak is; what it is made of is told where the pointer rests."""
    x, y = chart.at(Fraction(2 * found.at_peak + 1, 2 * of), found.steps[found.at_peak].alive)
    chart.dot(x, y, 4, "mark", _told(found))
    return x, y


def _corners(chart: Chart, steps: list[int], of: int) -> list[tuple[float, float]]:
    """A step a layer; where there are more than can be told apart, the most of those in a column."""
    every = -(-len(steps) // COLUMNS)
    corners = []
    for first in range(0, len(steps), every):
        most = max(steps[first : first + every])
        last = min(first + every, len(steps))
        corners += [chart.at(Fraction(first, of), most), chart.at(Fraction(last, of), most)]
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
