"""A model file as a tool counts: node by node where the tool reads such files itself, and else with what it could not
be asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from archcalc.algebra import Dim
from archcalc.conventions import nodes
from archcalc.conventions.counting import Counted
from archcalc.conventions.rules import Rules
from archcalc.cost.row import Row, total
from archcalc.graph import Node
from archcalc.ops import OPS
from archcalc.question import Seen
from archcalc.untyped import Json

MOST = 8  # operators that a note names
CONTRACTIONS = {name for name, quantity in nodes.NODES.items() if quantity.contracts}


def of_file(table: Counted, seen: Callable[[], list[Seen]]) -> Counted:
    """A table of a model file in a tool's convention; `seen` gives the file's nodes."""
    if table.tool.nodes is not None:
        found = ByNode(**{name: getattr(table, name) for name in table._fields}, seen=seen())
        return _noted(found, _unread(found))
    return _noted(table, _unheld(table))


def _noted(table: Counted, said: str) -> Counted:
    """With a note of its own. The graph is that of our own count, too, which hasn't got it."""
    return table._replace(graph=table.graph._replace(notes=[*table.graph.notes, said])) if said else table


def _named(found: Mapping[str, int]) -> str:
    """`12 erf, 24 div and 3 more operators`."""
    told = ", ".join(f"{count} {op}" for op, count in list(found.items())[:MOST])
    return told + (f" and {len(found) - MOST} more operators" if len(found) > MOST else "")


# ---- tools that count modules of PyTorch -----------------------------------------------------------------------------


def _unheld(table: Counted) -> str:
    """The layers that a tool's rules say nothing of: they are no operators of ours, and were not held against it."""
    found: dict[str, int] = {}
    for node in table.layers():
        if not _is_told(table, node):
            found[node.op.word] = found.get(node.op.word, 0) + 1
    return (
        f"not held against {table.tool.title}: {_named(found)}; of these nothing is counted that it has no rule for"
        if found
        else ""
    )


def _is_told(table: Counted, node: Node) -> bool:
    """Whether a tool's tables speak of a layer, and what they ask for is known of it."""
    if not getattr(node.op, "is_foreign", False):
        return True
    rules = [number.rules for number in table.tool.numbers]
    return all(
        table.knows(node, known) and not (node.op.word not in OPS and _misses(known, table, node)) for known in rules
    )


def _misses(rules: Rules, table: Counted, node: Node) -> bool:
    """Whether a table may lack what a layer does: products, or arithmetic if it has a rule for any."""
    if rules.otherwise or rules.entry(table.words(node)):
        return False
    own = table.cost(node)
    return own.macs != 0 or (own.elementwise != 0 and any(word in rules.table for word in ("relu", "bn", "add")))


# ---- tools that count nodes ------------------------------------------------------------------------------------------


class ByNode(Counted, frozen=False, kw_only=True):
    """A model file, node by node. What depends on constants and sizes alone stands with the layer after it, and is
    there once whatever the batch.
    """

    seen: list[Seen]

    @property
    def told(self) -> tuple[str, ...]:
        """What to know of how a file is counted."""
        return ("the file's own nodes; every initializer that one of them reads is a parameter",)

    @cached_property
    def placed(self) -> list[tuple[int, Seen]]:
        """Every node with the layer that it became a part of, or stands before."""
        layers = self.graph.layers()
        found: list[tuple[int, Seen]] = []
        after = layers[-1] if layers else 0
        for node in reversed(self.seen):
            after = after if node.layer is None or node.layer not in self._layers else node.layer
            found.append((after, node))
        return found[::-1]

    @cached_property
    def _layers(self) -> set[int]:
        return set(self.graph.layers())

    def parts(self, node: Seen) -> dict[str, tuple[int, Dim]]:
        """The factor and the amount of each quantity that counts of a node, for the batch; nothing of one that the tool
        has no rule for.
        """
        times = 1 if node.layer is None else self.batch
        try:
            return {name: (factor, amount * times) for name, (factor, amount) in nodes.counted(node).items()}
        except LookupError:
            return {}

    @cached_property
    def by_layer(self) -> dict[int, tuple[Dim, Dim]]:
        """(MACs, parameters) of each layer."""
        found: dict[int, tuple[Dim, Dim]] = {}
        for layer, node in self.placed:
            macs, params = found.get(layer, (0, 0))
            found[layer] = (
                macs + total(factor * amount for factor, amount in self.parts(node).values()),
                params + node.learned,
            )
        return found

    def made_rows(self) -> Iterator[Row]:
        """Every layer, with the figures of the file's nodes in it."""
        return (
            self._figured(row, *self.by_layer.get(n, (0, 0)))
            for row, n in zip(self.ran.each_row(), self.graph.layers(), strict=True)
        )

    @staticmethod
    def _figured(row: Row, macs: Dim, params: Dim) -> Row:
        return row._replace(
            macs=macs,
            elementwise=0,
            params=params,
            trainable_params=row.trainable_params if params != 0 else 0,
            buffers=0,
        )

    def total(self, name: str) -> Json:
        """One of its totals."""
        return self.totals[name]

    @cached_property
    def totals(self) -> Json:
        """The sums of those."""
        sums = {
            "macs": total(macs for macs, _ in self.by_layer.values()),
            "params": total(params for _, params in self.by_layer.values()),
            "trainable_params": total(row.trainable_params for row in self.rows),
            "buffers": 0,
        }
        return self.ran.totals | sums | {"flops": None, "elementwise": None}

    def groups(self) -> Iterator[tuple[str, list[Seen], list[Node]]]:
        """Each operator of the file with its nodes, and our layers that it made: those whose MACs are the
        operator's.
        """
        makers: dict[int, str] = {}
        for node in self.seen:
            if node.layer is not None and (
                node.layer not in makers or (self._contracts(node.op) and not self._contracts(makers[node.layer]))
            ):
                makers[node.layer] = node.op
        found: dict[str, tuple[list[Seen], list[Node]]] = {}
        for node in self.seen:
            found.setdefault(node.op, ([], []))[0].append(node)
        for n in self.graph.layers():
            layer = self.graph.nodes[n]
            found.setdefault(makers.get(n, layer.op.word), ([], []))[1].append(layer)
        yield from ((op, seen, layers) for op, (seen, layers) in found.items())

    @staticmethod
    def _contracts(op: str) -> bool:
        return not CONTRACTIONS.isdisjoint(nodes.ONNX_TOOL.of((op,)))


def _unread(table: ByNode) -> str:
    """The nodes that the tool has no rule for."""
    found: dict[str, int] = {}
    for node in table.seen:
        try:
            nodes.counted(node)
        except LookupError:
            found[node.op] = found.get(node.op, 0) + 1
    return (
        f"{table.tool.title} has no rule for {_named(found)}: not held against it, and counted as nothing"
        if found
        else ""
    )


__all__ = ["ByNode", "of_file"]
