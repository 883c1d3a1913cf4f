"""A canvas that becomes SVG: the same calls make the same bytes, and text from outside is text."""

from __future__ import annotations

import xml.etree.ElementTree as tree
from collections.abc import Iterable

from archcalc import escapes
from archcalc.picture.colours import style

WIDE = 760  # with text of 11 it has 7.4 points where the picture is as wide as a page of A4 with its margins
FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
_NARROW, _BROAD = frozenset("iljtfrI.,:;'|!()[]/ "), frozenset("mwMW%@&G")


def width(text: str, size: float = 11, bold: bool = False) -> float:
    """How wide a text is at most, about, in units of the canvas."""
    return sum(map(_letter, text)) * size * (1.08 if bold else 1.0)


def _letter(letter: str) -> float:
    if letter in _NARROW:
        return 0.36
    if ord(letter) >= 0x1100:
        return 1.1
    return 0.9 if letter in _BROAD else 0.72 if letter.isupper() else 0.58


def cut(text: str, room: float, size: float = 11, bold: bool = False) -> str:
    """As much of a text as has room; nothing where not even three letters have."""
    text = escapes.plain(text)
    if width(text, size, bold) <= room:
        return text
    left, kept = room / (size * (1.08 if bold else 1.0)) - 1, 0  # for the ellipsis
    while kept < len(text) and left >= _letter(text[kept]):
        left, kept = left - _letter(text[kept]), kept + 1
    return f"{text[:kept].rstrip()}…" if kept >= 3 else ""


def number(value: float) -> str:
    """A coordinate: a tenth is as fine as anybody sees."""
    shown = f"{value:.1f}".removesuffix(".0")
    return "0" if shown == "-0" else shown


class Canvas:
    """What is drawn, in order."""

    def __init__(self, wide: float, high: float, title: str, told: str) -> None:
        """`told` says in a sentence what is seen, for those who don't see it."""
        size = {"width": number(wide), "height": number(high), "viewBox": f"0 0 {number(wide)} {number(high)}"}
        self.root = tree.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size, "role": "img"})
        self.root.attrib |= {"font-family": FONT, "font-size": "11"}
        self.title(self.root, title)
        tree.SubElement(self.root, "desc").text = _shown(told)
        self.style = tree.SubElement(self.root, "style")
        self.style.text = style()
        self.rect(0, 0, wide, high, "paper")

    def _add(self, tag: str, values: dict[str, str | float], title: str = "") -> tree.Element:
        shown = {name: value if isinstance(value, str) else number(value) for name, value in values.items()}
        element = tree.SubElement(self.root, tag, shown)
        if title:
            self.title(element, title)
        return element

    @staticmethod
    def title(element: tree.Element, title: str) -> None:
        """What is shown where the pointer rests."""
        tree.SubElement(element, "title").text = "\n".join(map(_shown, title.split("\n")))

    def curves(self, count: int) -> None:
        """So many curves are drawn that are told apart: of the kinds c0, c1 and on."""
        self.style.text = style(count)

    def rect(self, x: float, y: float, wide: float, high: float, kind: str, title: str = "", round_: float = 0) -> None:
        """A rectangle, in pixels; `round_` is the radius of its corners."""
        corners: dict[str, str | float] = {"rx": round_} if round_ else {}
        self._add("rect", {"class": kind, "x": x, "y": y, "width": wide, "height": high, **corners}, title)

    def circle(self, x: float, y: float, radius: float, kind: str, title: str = "") -> None:
        """A circle, in pixels."""
        self._add("circle", {"class": kind, "cx": x, "cy": y, "r": radius}, title)

    def path(self, steps: str, kind: str, title: str = "") -> None:
        """A line by the steps that SVG calls `d`, in pixels."""
        self._add("path", {"class": kind, "d": steps}, title)

    def line(self, points: Iterable[tuple[float, float]], kind: str) -> None:
        """Straight from one point to the next."""
        self.path("M" + " L".join(f"{number(x)} {number(y)}" for x, y in points), kind)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 11,
        anchor: str = "start",
        bold: bool = False,
        kind: str = "",
    ) -> None:
        """One line, whose letters stand on `y`; of the kind "faint", or "over" what is drawn."""
        extra: dict[str, str | float] = {"font-size": size} if size != 11 else {}
        extra |= {"text-anchor": anchor} if anchor != "start" else {}
        extra |= {"font-weight": "bold"} if bold else {}
        extra |= {"class": kind} if kind else {}
        self._add("text", {"x": x, "y": y, **extra}).text = _shown(text)

    def __str__(self) -> str:
        tree.indent(self.root, "")
        return tree.tostring(self.root, encoding="unicode")


def _shown(text: str) -> str:
    return escapes.xml(escapes.plain(text))
