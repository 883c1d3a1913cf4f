"""From our number to a tool's, operator by operator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from archcalc.algebra import Dim, Number
from archcalc.conventions.counting import Counted
from archcalc.conventions.files import CONTRACTIONS, ByNode
from archcalc.conventions.nodes import NODES
from archcalc.conventions.quantities import QUANTITIES
from archcalc.conventions.rules import Rules, Terms
from archcalc.conventions.tools import LEARNED, OURS
from archcalc.cost.row import total
from archcalc.graph import Node, over
from archcalc.records import Record
from archcalc.tuples import NamedTuple

PARAMS: Literal["params"] = "params"


class Part(NamedTuple):
    """So many times an amount of a quantity."""

    factor: int
    quantity: str
    amount: Number

    @property
    def label(self) -> str:
        """What the quantity is called."""
        return NODES[self.quantity].label if self.quantity in NODES else QUANTITIES[self.quantity].label


class Step(Record):
    """What the layers of an operator add to our number (or take off it) on the way to the tool's.

    `written`: how PyTorch code writes them, where that matters to the tool; `unseen`: we count them and the tool
    doesn't.
    """

    op: str
    written: str
    layers: Number
    parts: tuple[Part, ...]
    unseen: bool
    unit: str = "layer"  # what `layers` are: nodes, where the tool reads model files itself

    @property
    def adds(self) -> Number:
        """What the layers add to our number, in the tool's unit."""
        added: Number = total(part.factor * part.amount for part in self.parts)
        return added


class Bridge(Record):
    """`theirs` = `ours` x `factor` + what the steps add. `counts` is macs, flops or params; `title` what the tool calls
    it.
    """

    counts: Literal["macs", "flops", "params"]
    title: str
    ours: Number
    factor: int
    steps: tuple[Step, ...]
    theirs: Number


def bridges(table: Counted) -> list[Bridge]:
    """One for each number that the tool prints, and one for its parameters."""
    if isinstance(table, ByNode):
        return [_by_node(table), _initializers(table)]
    nodes = [node for node in table.layers() if not node.head]
    found = []
    for number in table.tool.numbers:
        steps = _steps(table, nodes, number.rules, OURS, number.factor)
        found.append(
            Bridge(number.unit, number.title, table.ran.totals["macs"], number.factor, steps, table.totals[number.unit])
        )
    steps = (*_steps(table, nodes, table.tool.params, LEARNED, 1, owned=True), *_heads(table))
    return [*found, Bridge(PARAMS, "parameters", table.ran.totals["params"], 1, steps, table.totals["params"])]


def _by_node(table: ByNode) -> Bridge:
    """Of a tool that reads model files: a step an operator of the file."""
    (number,) = table.tool.numbers
    rows = {row.name: row.macs for row in table.ran.rows}
    found = []
    for op, seen, layers in table.groups():
        amounts: dict[tuple[int, str], list[Dim]] = {}
        for node in seen:
            for name, (factor, amount) in table.parts(node).items():
                amounts.setdefault((factor, name), []).append(amount)
        ours: Number = total(rows[layer.name] for layer in layers)
        products = [key for key in amounts if key[1] in CONTRACTIONS]
        if ours != 0 and len(products) == 1 and total(amounts[products[0]]) == ours:
            del amounts[products[0]]
        elif ours != 0:
            amounts[-1, "macs"] = [total([ours])]
        parts = tuple(
            Part(factor, name, added) for (factor, name), values in amounts.items() if (added := total(values)) != 0
        )
        if parts:
            found.append(Step(op, "", len(seen), parts, all(part.factor < 0 for part in parts), "node"))
    return Bridge(number.unit, number.title, table.ran.totals["macs"], 1, tuple(found), table.totals[number.unit])


def _initializers(table: ByNode) -> Bridge:
    ours, theirs = table.ran.totals["params"], table.totals["params"]
    nodes = [node for node in table.seen if node.learned != 0]
    step = Step("initializers", "", len(nodes), (Part(1, "others", theirs - ours),), False, "node")
    return Bridge(PARAMS, "parameters", ours, 1, (step,) if theirs != ours else (), theirs)


def _steps(
    table: Counted, nodes: list[Node], theirs: Rules, ours: Rules, factor: int, owned: bool = False
) -> tuple[Step, ...]:
    """A step an operator (and way to write it, where the tool's table tells ways apart), in the order of the
    network.
    """
    groups: dict[tuple[str, str], list[tuple[Node, Terms]]] = {}
    for node in nodes:
        written = table.written(node)
        words = table.words(node)
        change = _less(theirs.of(words, written), ours.of(words), factor)
        if owned and node.share is not None:
            continue
        if owned and node.frozen and not table.tool.frozen:
            change = {name: -value for name, value in ours.of(words).items()}
        if change:
            told = written if theirs.entry(words, written).endswith(f" {written}") else ""
            groups.setdefault((node.op.word, told), []).append((node, change))
    made = (_step(table, word, written, group, owned) for (word, written), group in groups.items())
    return tuple(step for step in made if step.parts)


def _step(table: Counted, word: str, written: str, group: list[tuple[Node, Terms]], owned: bool) -> Step:
    amounts: dict[tuple[int, str], list[Dim]] = {}
    for node, change in group:
        for name, factor in change.items():
            amounts.setdefault((factor, name), []).append(table.amount(name, node, 1 if owned else None))
    parts = tuple(
        Part(factor, name, amount) for (factor, name), found in amounts.items() if (amount := total(found)) != 0
    )
    layers = total(over(node.ranges, 1) for node, _ in group)
    return Step(word, written, layers, parts, bool(parts) and all(part.factor < 0 for part in parts))


def _less(theirs: Terms, ours: Terms, factor: int) -> dict[str, int]:
    """What is left of a tool's rule when ours is taken off it."""
    names = dict.fromkeys([*theirs, *ours])
    return {name: change for name in names if (change := theirs.get(name, 0) - factor * ours.get(name, 0))}


def _heads(table: Counted) -> Iterator[Step]:
    """Parameters of heads that only training runs, which most tools find where they walk over modules."""
    heads = [node for node in table.layers() if node.head]
    learned: Number = total(table.learned(node, table.tool.params) for node in heads)
    if learned != 0:
        yield Step("train-only heads", "", len(heads), (Part(1, PARAMS, learned),), False)
