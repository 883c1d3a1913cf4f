"""A table as another tool counts: the same layers, with the tool's parameters, MACs and FLOPs in place of ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from functools import cached_property

from archcalc.algebra import Dim
from archcalc.conventions.quantities import amount
from archcalc.conventions.rules import Rules, Terms
from archcalc.conventions.tools import FLOPS, MACS, Tool, find
from archcalc.cost import Table
from archcalc.cost.row import Convention, Row, total
from archcalc.errors import UsageError
from archcalc.graph import Node, over
from archcalc.ops import Shape
from archcalc.ops.normalization import BatchNorm
from archcalc.tuples import NamedTuple
from archcalc.untyped import Json


class Figures(NamedTuple):
    """What a tool counts of a layer."""

    params: Dim
    trainable_params: Dim
    buffers: Dim
    macs: Dim
    elementwise: Dim  # what its FLOPs are more than 2 x its MACs


class Counted(Table, frozen=False, kw_only=True):
    """A table in a tool's convention.

    Its graph may hold the heads that only training runs: tools run networks in evaluation mode, where heads are
    parameters that nothing computes with. `ran` is the network without them, which says what the rest is: activations,
    memory, depth and field.
    """

    tool: Tool
    ran: Table
    _figures: dict[Hashable, Figures] = {}
    _amounts: dict[tuple[str, int, tuple[Shape, ...]], Dim] = {}

    @property
    def convention(self) -> Convention:
        """The tool's, with its titles."""
        return Convention(
            name=self.tool.name,
            titles={number.unit: f"{self.tool.name} {number.title}" for number in self.tool.numbers},
            definition=f"as {self.tool.title} counts: {self.tool.about}",
            version=self.tool.version,
        )

    @property
    def told(self) -> tuple[str, ...]:
        """What to know of the tool."""
        return self.tool.notes

    @property
    def last_map(self) -> Json:
        """As it is in ours."""
        return self.ran.last_map

    def made_rows(self) -> Iterator[Row]:
        """Every layer, with the tool's figures in place of ours."""
        return (self._converted(row, node) for row, node in zip(super().made_rows(), self.layers(), strict=True))

    def total(self, name: str) -> Json:
        """One of its totals."""
        return self.totals[name]

    @cached_property
    def totals(self) -> Json:
        """Each distinct layer is counted once and multiplied."""
        alike: dict[Hashable, list[Node]] = {}
        for node in self.layers():
            alike.setdefault(self._kind(node), []).append(node)
        counted = [(self.figures(nodes[0]), len(nodes)) for nodes in alike.values()]
        sums = {name: total(getattr(figures, name) * times for figures, times in counted) for name in Figures._fields}
        sums["flops"] = 2 * sums["macs"] + sums["elementwise"]
        units = [number.unit for number in self.tool.numbers]
        told = {"macs": bool(units), "flops": FLOPS in units, "elementwise": FLOPS in units}
        return self.ran.totals | {name: value if told.get(name, True) else None for name, value in sums.items()}

    def _converted(self, row: Row, node: Node) -> Row:
        row = row._replace(**self.figures(node)._asdict())
        return row._replace(activations=0, bytes=row.weight_bytes) if node.head else row

    def _kind(self, node: Node) -> Hashable:
        """What layers have in common that cost the same."""
        shapes = self.graph.shapes_into(node)
        return (
            id(node.op),
            node.shape,
            shapes,
            self.words(node),
            self.written(node),
            node.share is None,
            node.frozen,
            node.still,
            node.head,
            node.ranges,
        )

    def figures(self, node: Node) -> Figures:
        """What the tool counts of a layer, in all its repeats and for the batch."""
        kind = self._kind(node)
        if kind not in self._figures:
            macs, flops = self.tool.number(MACS), self.tool.number(FLOPS)
            operations = self.counted(node, flops.rules) if flops else 0
            counted = self.counted(node, macs.rules) if macs else operations // 2
            params, own = self.learned(node, self.tool.params), self.cost(node)
            self._figures[kind] = Figures(
                params=params,
                trainable_params=0 if node.frozen or params == 0 else over(node.ranges, own.params - node.fixed),
                buffers=0 if self.tool.buffers or node.share is not None else over(node.ranges, own.buffers),
                macs=counted,
                elementwise=operations - 2 * counted if flops else 0,
            )
        return self._figures[kind]

    # ---- what a rule makes of a layer --------------------------------------------------------------------------------

    def written(self, node: Node) -> str:
        """How PyTorch code writes a layer, as the spec's `torch:` says."""
        return self.spec.way(self.variant, node.name, node.op.word)

    @cached_property
    def torch(self) -> dict[str, str]:
        """How PyTorch code writes operators, as the spec's `torch:` says."""
        return self.spec.written(self.variant)

    def counted(self, node: Node, rules: Rules) -> Dim:
        """What a table of rules counts of a layer, for the batch. A head does not run."""
        found: Dim = total(factor * self.amount(name, node) for name, factor in self.terms(node, rules).items())
        return found

    def learned(self, node: Node, rules: Rules) -> Dim:
        """The parameters that a table of rules counts of a layer: shared ones where they are declared."""
        if node.share is not None or (node.frozen and not self.tool.frozen) or (node.head and not self.tool.idle):
            return 0
        found: Dim = total(
            factor * self.amount(name, node, 1)
            for name, factor in rules.of(self.words(node), self.written(node)).items()
        )
        return found

    def terms(self, node: Node, rules: Rules) -> Terms:
        """The factor of each quantity that rules count of a layer; nothing of a head."""
        return {} if node.head else rules.of(self.words(node), self.written(node))

    def words(self, node: Node) -> tuple[str, ...]:
        """What tables may call a layer. Batch normalisation that can be folded into the convolution before it is apart:
        `bn_folded` becomes that one's bias, `bn_absorbed` goes into the bias that it has."""
        if isinstance(node.op, BatchNorm) and self.readers[node.inputs[0]] == 1:
            source = self.graph.nodes[node.inputs[0]]
            if source.op.folds_norm and source.share is None:
                return ("bn_absorbed" if getattr(source.op, "bias", False) else "bn_folded", *node.op.kinds)
        return node.op.kinds

    @cached_property
    def readers(self) -> Counter[int]:
        """How many layers read each node; an output counts as read."""
        return Counter([*(source for node in self.graph.nodes for source in node.inputs), *self.graph.outputs])

    def amount(self, name: str, node: Node, batch: Dim | None = None) -> Dim:
        """How much of a quantity a layer has in all its repeats, for the batch."""
        shapes = self.graph.shapes_into(node)
        key = (name, id(node.op), (node.shape, *shapes))
        if key not in self._amounts:
            self._amounts[key] = self._amount(name, node, shapes)
        found: Dim = over(node.ranges, self._amounts[key]) * (
            1 if name == "calls" else self.batch if batch is None else batch
        )
        return found

    def _amount(self, name: str, node: Node, shapes: tuple[Shape, ...]) -> Dim:
        """Nothing where a layer of a model file doesn't say: that is told beside the figures."""
        try:
            return amount(name, node.op, node.shape, shapes)
        except UsageError:
            return 0

    def knows(self, node: Node, rules: Rules) -> bool:
        """Whether a layer has what a table of rules asks for."""
        try:
            for name in self.terms(node, rules):
                amount(name, node.op, node.shape, self.graph.shapes_into(node))
        except UsageError:
            return False
        return True

    def layers(self) -> Iterator[Node]:
        """The layers, heads included."""
        return (self.graph.nodes[n] for n in self.graph.layers())


def counted(ran: Table, table: Table, name: str) -> Counted:
    """A network as a tool counts; `table` may hold the heads that only training runs as well. Raises UsageError."""
    tool = find(name)
    return Counted(
        spec=table.spec,
        variant=table.variant,
        binding=table.binding,
        graph=table.graph,
        dtype=table.dtype,
        without=table.without,
        dropped=table.dropped,
        tool=tool,
        ran=ran,
    )
