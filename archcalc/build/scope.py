"""Where a layer is built: the scope that names it, what is known there, and how groups are captioned."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from archcalc.algebra import Dim, Poly
from archcalc.errors import Mark
from archcalc.graph import Range
from archcalc.ops.base import Shape, size, spell
from archcalc.spec.expressions import Environment
from archcalc.spec.items import Branches, Chain, Choice, Item, labels
from archcalc.spec.layers import IDENTITY
from archcalc.spec.parts import Block, Layer
from archcalc.spec.words import Line, Word
from archcalc.tuples import NamedTuple


class Scope:
    """Where names are given out: a path, the labels that the spec itself uses there, and counters."""

    def __init__(self, path: str, body: Item, top: str = "") -> None:
        self.top = top  # the prefix of the spec that it is in: what one uses knows nothing around it
        self.prefix = f"{path}/" if path else ""
        self.labels = body.labels if isinstance(body, Chain) else frozenset(labels(body))
        self.counts: dict[str, int] = {}
        self.given: set[str] = set()  # names that end in a digit: the sixth `relu` isn't the first `relu6`
        self.plus = ""  # after repeats whose number is free names count from them: `conv+1`

    def inner(self, path: str, body: Item) -> Scope:
        """A scope of a path in the same spec."""
        return Scope(path, body, self.top)

    def uncounted(self) -> None:
        """From here on nobody knows how many layers came before."""
        self.counts.clear()
        self.plus += "+"

    def name(self, word: str) -> str:
        """`conv`, then `conv2`, `conv3` ..."""
        while True:
            count = self.counts[word] = self.counts.get(word, 0) + 1
            name = f"{word}{self.plus}{count}" if self.plus or count > 1 else word
            if name not in self.labels and name not in self.given:
                if name[-1].isdigit():
                    self.given.add(name)
                return self.prefix + name

    def paths(self, label: str) -> Iterator[str]:
        """The paths that a label may mean, from this scope outwards; `/label` is a path from the top."""
        if label.startswith("/"):
            yield self.top + label[1:]
            return
        path = self.prefix.rstrip("/")
        while path and len(path) >= len(self.top) - 1:
            yield f"{path}/{label}"
            path = path.rpartition("/")[0]
        if not self.top:
            yield label


class Wide(NamedTuple):
    """The types that weights are stored in, and that numbers are put out in; empty for the network's own."""

    stored: str = ""
    dtype: str = ""


class Context(NamedTuple):
    """What an item is built in."""

    env: dict[str, object]
    scope: Scope
    calls: tuple[tuple[str, Mark], ...] = ()
    frozen: bool = False
    survive: Fraction | int = 1
    share: tuple[str, str] | None = None  # paths: the group whose weights are used, and this one
    head: bool = False
    times: int = 1  # how often repeats around it build it
    ranges: tuple[Range, ...] = ()  # the loops around it
    wide: Wide = Wide()


def is_identity(item: Item) -> bool:
    """Whether a branch is empty: a shortcut that changes nothing."""
    return (isinstance(item, Line) and item.begins == IDENTITY) or (isinstance(item, Chain) and not item.items)


def caption(item: Item) -> str:
    """An item as a table names it."""
    if isinstance(item, Line):
        return item.begins
    if isinstance(item, Branches):
        return item.line.begins
    if isinstance(item, Chain):
        return f"[{', '.join(caption(inner) for inner in item.items)}]"
    if isinstance(item, Choice):
        return f"if {item.condition.text}"
    return caption(item.item)


def called(layer: Layer, block: Block, env: dict[str, object]) -> str:
    """A call with the arguments that it gives, but for those that are what they would be anyway."""
    given = {name: spell(env[name]) for name in block.arguments if name in layer.meaning.values}
    usual = {name: word.text for name, word in block.defaults.items()}
    said = [
        value if name not in usual else f"{name}={value}" for name, value in given.items() if value != usual.get(name)
    ]
    return " ".join([block.name, *said])


def arriving(shape: Shape) -> tuple[Dim, ...]:
    """What arrives, by the names of ARRIVING: channels, height, width, and positions; a sequence has no height."""
    if not shape:
        return ()
    positions = size(shape[1:])
    return (shape[0], shape[-2] if len(shape) > 2 else 1, shape[-1] if len(shape) > 1 else 1, positions)


def symbols_in(env: Environment, word: Word | None) -> tuple[str, ...]:
    """The free symbols that an expression depends on."""
    names = word.expression.names if word else ()
    return tuple(
        sorted(
            {
                symbol
                for name in names
                for value in _flat(env.get(name))
                if isinstance(value, Poly)
                for symbol in value.symbols
            }
        )
    )


def _flat(value: object) -> list[object]:
    return [inner for item in value for inner in _flat(item)] if isinstance(value, (list, tuple)) else [value]
