"""Networks as pictures: diagrams as SVG, Mermaid and DOT, and plots of what they cost, as SVG of our own."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from archcalc.tuples import NamedTuple

if TYPE_CHECKING:
    from archcalc.latency.profile import Profile

FORMATS = ("mermaid", "svg", "dot")
BY = ("block", "layer")  # what a box is: a line of the spec or a block, or every single layer
METRICS = {
    "macs": "MACs",
    "params": "params",
    "activations": "activations",
}  # what pictures are of, and what it is called


class Kind(NamedTuple):
    """A kind of plots: what it shows, who draws it (`module.function` of this room), and of how many networks at most
    (None: of any number).
    """

    help: str
    drawn_by: str
    most: int | None = 1
    of_designs: bool = False


class Design(NamedTuple):
    """A design of a space: what it is called, two figures of it, and whether none is better in both."""

    name: str
    at: tuple[int | Fraction, int | Fraction]
    is_best: bool

    def title(self, axes: tuple[str, str]) -> str:
        """All that is known of it, a line each."""
        from archcalc.render import numbers

        return "\n".join([self.name, *(f"{name} {numbers.exact(x)}" for name, x in zip(axes, self.at, strict=True))])


class Asked(NamedTuple):
    """What a plot is of: a metric, how far blocks are opened, and devices; of a front two figures, the designs that are
    drawn, how many there are, and what the network is called.
    """

    metric: str = "macs"
    depth: int = 1
    profiles: tuple[Profile, ...] = ()
    axes: tuple[str, str] = ("macs", "params")
    designs: tuple[Design, ...] = ()
    of: int = 0
    title: str = ""


KINDS = {
    "treemap": Kind("areas: where a metric is, by block", "treemap.draw"),
    "bars": Kind("where a metric is, the dearest first", "bars.draw"),
    "field": Kind("the receptive field against depth, and the input's size", "field.draw", most=6),
    "memory": Kind("bytes alive while each layer runs, the peak named", "memory.draw", most=6),
    "roofline": Kind("layers by FLOPs a byte under the roof of a --device", "points.roofline"),
    "bubble": Kind("networks by params and MACs", "points.bubble", most=None),
    "front": Kind(
        "designs --over ranges by the two figures of --pareto, the best joined", "front.draw", of_designs=True
    ),
}
