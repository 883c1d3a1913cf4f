"""Networks as pictures: diagrams as SVG, Mermaid and DOT, and plots of what they cost, as SVG of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from archcalc.latency.profile import Profile

FORMATS = ("mermaid", "svg", "dot")
METRICS = {
    "macs": "MACs",
    "params": "params",
    "activations": "activations",
}  # what pictures are of, and what it is called


class Kind(NamedTuple):
    """A kind of plots: what it shows, who draws it (`module.function` of this room), of how many networks."""

    help: str
    drawn_by: str
    takes_several: bool = False


class Asked(NamedTuple):
    """What a plot is of: a metric, how far blocks are opened, and devices."""

    metric: str = "macs"
    depth: int = 1
    profiles: tuple[Profile, ...] = ()


KINDS = {
    "treemap": Kind("areas: where a metric is, by block", "treemap.draw"),
    "bars": Kind("where a metric is, the dearest first", "bars.draw"),
    "field": Kind("the receptive field against depth, and the input's size", "field.draw"),
    "memory": Kind("bytes alive while each layer runs, the peak named", "memory.draw"),
    "roofline": Kind("layers by FLOPs a byte under the roof of a --device", "points.roofline"),
    "bubble": Kind("networks by params and MACs", "points.bubble", takes_several=True),
}
