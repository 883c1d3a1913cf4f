"""The colours of pictures, light and dark: six steps for a share of the whole, and what text stands on.

Every pair of a text and what is under it has a contrast of 4.5:1 or more, as WCAG 2.2 (1.4.3) asks.
"""

from __future__ import annotations

from fractions import Fraction

from archcalc.algebra import Number, Poly
from archcalc.tuples import NamedTuple

STEPS = (
    Fraction(1, 100),
    Fraction(1, 20),
    Fraction(1, 10),
    Fraction(1, 5),
    Fraction(2, 5),
)  # where the next one begins
WORDS = ("< 1 %", "1-5 %", "5-10 %", "10-20 %", "20-40 %", "> 40 %")


class Palette(NamedTuple):
    """Colours of one scheme; `scale` are those of the six steps, `curves` those of networks beside each other."""

    paper: str
    frame: str
    ink: str
    faint: str
    line: str
    accent: str
    warm: str
    scale: tuple[str, ...]
    curves: tuple[str, ...]


DASHES = ("none", "8 3", "2 3", "9 3 2 3", "5 5", "1 5")  # of the curves, for those who can't tell the colours
LIGHT = Palette(
    "#ffffff", "#f4f6f9", "#14202b", "#4a5866", "#7b8794", "#1d62a3", "#b23c12",
    ("#ffffff", "#dfecf8", "#b5d6ef", "#f9dc94", "#f4b066", "#ee8558"),
    ("#1d62a3", "#b23c12", "#1a7446", "#7a3e9d", "#806000", "#0b727d"),
)  # fmt: skip
DARK = Palette(
    "#11171d", "#1a222b", "#f2f5f8", "#b4c0cc", "#7f8e9d", "#7db8ee", "#ff9d76",
    ("#1d2630", "#1d3a54", "#23527a", "#66500f", "#85440f", "#9c2f14"),
    ("#7db8ee", "#ff9d76", "#6ccf9a", "#c99af0", "#e0b84c", "#5fc9d3"),
)  # fmt: skip


def step(part: Number, whole: Number) -> int | None:
    """Which of the six steps a share of the whole is; None where one of them is a closed form, or the whole is 0."""
    if isinstance(part, Poly) or isinstance(whole, Poly) or not whole:
        return None
    share = Fraction(part) / Fraction(whole)
    return sum(share >= least for least in STEPS)


def style(curves: int = 0) -> str:
    """The style sheet that every picture has in it, and of so many curves. Paper is white, so the dark scheme is for
    screens.
    """
    return f"{_rules(LIGHT, curves)}\n@media screen and (prefers-color-scheme: dark) {{\n{_rules(DARK, curves)}\n}}"


def _rules(colours: Palette, curves: int) -> str:
    rules = [
        f".paper {{ fill: {colours.paper} }}",
        f".frame {{ fill: {colours.frame}; stroke: {colours.line}; stroke-dasharray: 4 3 }}",
        f"text {{ fill: {colours.ink} }}",
        f"text.faint {{ fill: {colours.faint} }}",
        f"text.over {{ stroke: {colours.paper}; stroke-width: 3; stroke-linejoin: round; paint-order: stroke }}",
        f".line {{ fill: none; stroke: {colours.line} }}",
        f".skip {{ fill: none; stroke: {colours.accent}; stroke-dasharray: 5 3 }}",
        f".head {{ fill: {colours.line} }}",
        f".limit {{ fill: none; stroke: {colours.warm}; stroke-dasharray: 6 4 }}",
        f".curve {{ fill: none; stroke: {colours.accent}; stroke-width: 2 }}",
        f".area {{ fill: {colours.accent}; fill-opacity: 0.2 }}",
        f".dot {{ fill: {colours.accent}; fill-opacity: 0.6; stroke: {colours.accent} }}",
        f".mark {{ fill: {colours.warm}; stroke: {colours.paper} }}",
    ]
    rules += [f".s{n} {{ fill: {fill}; stroke: {colours.line} }}" for n, fill in enumerate(colours.scale)]
    for n, (colour, dash) in enumerate(zip(colours.curves[:curves], DASHES, strict=False)):
        rules.append(f".c{n} {{ fill: none; stroke: {colour}; stroke-width: 2; stroke-dasharray: {dash} }}")
        rules.append(f".d{n} {{ fill: {colour} }}")
    return "\n".join(rules)
