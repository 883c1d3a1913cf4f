"""The lines of a spec as a tree: what stands in a block hangs on it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from archcalc.comparison.sides import Layer, Place, Side, added
from archcalc.cost.row import total
from archcalc.patterns import pattern
from archcalc.records import Record

BLOCK = "block"
_NUMBERED = pattern(r"(.*?)(\d+)")


class Unit(Record, frozen=False):
    """A line, or a block with what is inside it. `name` is the last part of its path; the join of a labelled add has
    none.
    """

    name: str
    layer: Layer | None = None
    place: Place | None = None
    path: str = ""
    chosen: bool = False  # surely a label, not a name given automatically
    inside: dict[str, Unit] = {}

    @property
    def units(self) -> list[Unit]:
        """What is inside, in the order of the spec; nothing of a layer."""
        return list(self.inside.values())

    @cached_property
    def leaves(self) -> list[Layer]:
        """Every line in it."""
        return [self.layer] if self.layer else [leaf for unit in self.units for leaf in unit.leaves]

    @cached_property
    def whole(self) -> Layer:
        """Itself, or a block's layers added up."""
        if self.layer:
            return self.layer
        first, last = self.leaves[0], self.leaves[-1]
        text, mark = self.place or (self.path, first.mark)
        costs, layers = added(leaf.costs for leaf in self.leaves), total(leaf.layers for leaf in self.leaves)
        return Layer(self.path, BLOCK, text or self.path, mark, last.shape, costs, layers)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """What its lines say, however they are called."""
        return tuple([leaf.text for leaf in self.leaves])

    @property
    def word(self) -> str:
        """The operator, or the block that is called; empty where that isn't known."""
        if self.layer:
            return self.layer.op
        return self.place.text.split(" ")[0] if self.place and self.place.text else ""


def tree(side: Side) -> list[Unit]:
    """The outermost lines and blocks of a network."""
    root = Unit("")
    for layer in side.figures.layers or ():
        _hang(root, layer, side)
    return root.units


def _hang(root: Unit, layer: Layer, side: Side) -> None:
    unit, path = root, ""
    parts = layer.path.split("/")
    for part in parts[:-1]:
        path = f"{path}/{part}" if path else part
        unit = unit.inside.setdefault(part, Unit(part, None, side.figures.places.get(path), path, part in side.labels))
        if unit.layer:  # a line by this path came first: it is the block's own
            unit.inside[""] = Unit("", unit.layer, path=path)
            unit.layer = None
    found = unit.inside.get(parts[-1])
    if found is not None:  # the join of a labelled add, after its branches
        found.inside[""] = Unit("", layer, path=layer.path)
    else:
        unit.inside[parts[-1]] = Unit(parts[-1], layer, None, layer.path, parts[-1] in side.labels)


def automatic(units: Iterable[Unit]) -> set[str]:
    """The names among siblings that nobody chose: `conv`, `conv2`, `conv3` for the convolutions without a label."""
    known = {unit.name: unit for unit in units}
    words = {
        name for name, unit in known.items() if name and (name == unit.word or (not unit.word and f"{name}2" in known))
    }
    numbered = {name for name in known if (match := _NUMBERED.fullmatch(name)) and match.group(1) in words}
    return {"", *(name for name in words | numbered if not known[name].chosen)}
