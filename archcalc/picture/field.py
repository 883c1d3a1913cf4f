"""How the receptive field grows from layer to layer, against the size of the input."""

from __future__ import annotations

from archcalc.cost import Table
from archcalc.ops import Reach
from archcalc.picture import Asked
from archcalc.picture.chart import RIGHT, Chart, linear, whole
from archcalc.picture.svg import number
from archcalc.render import numbers


def draw(tables: list[Table], asked: Asked) -> str:
    """Every layer's field against its depth, in the input's positions, as SVG. Raises UsageError for closed forms."""
    (table,) = tables
    seen = _seen(table)
    size = max((int(whole(dim)) for shape in table.inputs.values() for dim in shape[1:]), default=0)
    deepest = max((depth for depth, _ in seen), default=0)
    most = max([size, *(field for field, _ in seen.values())] if seen else [size])
    last = table.last_map
    said = f"field {numbers.one_field(last[2])} at {last[0]}" if last else "no layer sees a window of the input"
    chart = Chart(
        table.name,
        f"{table.name}: the receptive field against depth, {said}",
        linear("depth: layers with weights and poolings on the longest path", deepest, str),
        linear("receptive field", most),
        said,
    )
    if size:
        _, y = chart.at(0, size)
        chart.canvas.line([(chart.x(0), y), (RIGHT, y)], "limit")
        chart.label(chart.x(0), y - 8, f"the input: {size:,}", 6)
    _curve(chart, seen)
    return str(chart)


def _curve(chart: Chart, seen: dict[tuple[int, bool], tuple[int, str]]) -> None:
    points = [(*chart.at(depth, field), depth, field, name) for (depth, _), (field, name) in sorted(seen.items())]
    if points:
        chart.canvas.path("M" + " L".join(f"{number(x)} {number(y)}" for x, y, *_ in points), "curve")
    for x, y, depth, field, name in points if len(points) <= 400 else points[:: len(points) // 400 + 1]:
        chart.canvas.circle(x, y, 3, "mark", f"{name}\nsees {field:,} at depth {depth}")


def _seen(table: Table) -> dict[tuple[int, bool], tuple[int, str]]:
    """By depth the largest window that a layer sees of the input, and the layer."""
    depths: list[int] = []
    found: dict[tuple[int, bool], tuple[int, str]] = {}
    for n, node in enumerate(table.graph.nodes):
        above = max((depths[source] for source in node.inputs), default=0)
        depths.append(above + int(bool(node.op.is_layer) or bool(node.op.is_pooling)))
        windows = [field for field in table.seen_at(n).values() if field.reach is Reach.PASS]
        sizes = [int(whole(span.size)) for field in windows for span in field.spans]
        key = (depths[n], True)
        if sizes and (key not in found or max(sizes) > found[key][0]):
            found[key] = (max(sizes), node.name)
    return found
