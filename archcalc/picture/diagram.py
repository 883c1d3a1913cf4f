"""A network as a diagram in one format or another."""

from __future__ import annotations

from archcalc.cost import Table
from archcalc.errors import UsageError, among, suggest
from archcalc.picture import BY, FORMATS
from archcalc.picture.items import judged
from archcalc.picture.mermaid import DIRECTIONS


def judge(form: str, direction: str, metric: str, by: str = "block") -> None:
    """Raises UsageError for what doesn't exist, before anything is counted."""
    if form not in FORMATS:
        raise UsageError(f"unknown format '{form}'{suggest(form, FORMATS, 'there are ' + ', '.join(FORMATS))}")
    if direction not in DIRECTIONS:
        raise UsageError(f"unknown direction '{direction}'{among(direction, DIRECTIONS)}")
    if form == "svg" and direction != "TD":
        raise UsageError("a diagram in svg goes from top to bottom; --direction is of mermaid and dot")
    if by not in BY:
        raise UsageError(f"unknown grouping '{by}'{suggest(by, BY, 'there are ' + ', '.join(BY))}")
    judged(metric)


def draw(
    table: Table,
    form: str = "mermaid",
    depth: int = 1,
    direction: str = "TD",
    metric: str = "macs",
    by: str = "block",
) -> str:
    """The diagram, without a final newline. Raises UsageError for what doesn't exist or can't be drawn."""
    judge(form, direction, metric, by)
    if form == "mermaid":
        from archcalc.picture.mermaid import mermaid

        return mermaid(table, depth, direction, metric, by)
    if form == "dot":
        from archcalc.picture.dot import dot

        return dot(table, depth, direction, metric, by)
    from archcalc.picture.drawing import svg

    return svg(table, depth, metric, by)
