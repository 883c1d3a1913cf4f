"""How receptive fields grow from layer to layer, against the size of the input."""

from __future__ import annotations

from archcalc.cost import Table
from archcalc.ops import Reach
from archcalc.picture import Asked
from archcalc.picture.chart import RIGHT, Chart, linear, together, whole
from archcalc.picture.svg import number
from archcalc.render import numbers

Grown = dict[int, tuple[int, str]]  # by depth the largest window that a layer sees of the input, and the layer
MOST = 400  # points that a curve has a mark at


def draw(tables: list[Table], asked: Asked) -> str:
    """Every layer's field against its depth, in the input's positions, as SVG. Raises UsageError for closed forms."""
    grown = [_grown(table) for table in tables]
    sizes = dict.fromkeys(_size(table) for table in tables)
    title, said = together(tables), "; ".join(map(_said, tables)) if len(tables) == 1 else ""
    chart = Chart(
        title,
        f"{title}: the receptive field against depth, {'; '.join(map(_said, tables))}",
        linear(
            "depth: layers with weights and poolings on the longest path",
            max((depth for each in grown for depth in each), default=0),
            str,
        ),
        linear("receptive field", max([*sizes, *(field for each in grown for field, _ in each.values())])),
        said,
    )
    for n, (table, each) in enumerate(zip(tables, grown, strict=True)):
        _curve(chart, each, *(("curve", "mark", "") if len(tables) == 1 else (f"c{n}", f"d{n}", f"{table.name}: ")))
    for size in filter(None, sizes):
        _, y = chart.at(0, size)
        chart.canvas.line([(chart.x(0), y), (RIGHT, y)], "limit")
        is_low = chart.up.at(size) < 0.25  # where curves begin
        chart.label(RIGHT if is_low else chart.x(0), y - 8, f"the input: {size:,}", 6)
    if len(tables) > 1:
        chart.legend(table.name for table in tables)
    return str(chart)


def _said(table: Table) -> str:
    last = table.last_map
    return f"field {numbers.one_field(last[2])} at {last[0]}" if last else "no layer sees a window of the input"


def _size(table: Table) -> int:
    """The longest side of the inputs."""
    return max((int(whole(dim)) for shape in table.inputs.values() for dim in shape[1:]), default=0)


def _curve(chart: Chart, grown: Grown, kind: str, mark: str, whose: str) -> None:
    points = [(*chart.at(depth, field), depth, field, name) for depth, (field, name) in sorted(grown.items())]
    if points:
        chart.canvas.path("M" + " L".join(f"{number(x)} {number(y)}" for x, y, *_ in points), kind)
    for x, y, depth, field, name in points if len(points) <= MOST else points[:: len(points) // MOST + 1]:
        chart.canvas.circle(x, y, 3, mark, f"{whose}{name}\nsees {field:,} at depth {depth}")


def _grown(table: Table) -> Grown:
    depths: list[int] = []
    found: Grown = {}
    for n, node in enumerate(table.graph.nodes):
        above = max((depths[source] for source in node.inputs), default=0)
        depths.append(above + int(bool(node.op.is_layer) or bool(node.op.is_pooling)))
        windows = [field for field in table.seen_at(n).values() if field.reach is Reach.PASS]
        sizes = [int(whole(span.size)) for field in windows for span in field.spans]
        if sizes and (depths[n] not in found or max(sizes) > found[depths[n]][0]):
            found[depths[n]] = (max(sizes), node.name)
    return found
