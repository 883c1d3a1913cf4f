"""What a graph costs: one `Row` a layer, and a `Table` of them with totals.

Everything is exact: ints, or closed forms where parameters are free. MACs are those of convolutions, dense layers and
matrix products, without bias, normalisation, activation and pooling: the convention of the papers and of torchvision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archcalc import receptive
from archcalc.algebra import Dim, Number, Poly, domain
from archcalc.collector import uncollected
from archcalc.cost.row import DTYPES, Convention, Cost, Row, total, whole_number
from archcalc.cost.totals import OF_EVERY_TABLE, Totals, sums, totals
from archcalc.depth import longest_path
from archcalc.duration import Time, Timing
from archcalc.graph import Graph, Loop, Node, ends, over
from archcalc.memory import TRAINING, Held, Training
from archcalc.ops import Shape, size
from archcalc.ops.widths import WHOLE, stored
from archcalc.receptive import Field, Seen
from archcalc.records import Record
from archcalc.spec import Binding, Spec
from archcalc.untyped import Json

if TYPE_CHECKING:
    from archcalc.backward import Backward
    from archcalc.render import contract

CONVENTION = "multiply-accumulates of conv, linear and matmul; no bias, normalisation, activation or pooling"


class Table(Record, frozen=False):
    """Costs of a network, layer by layer, with the convention that they were counted under."""

    spec: Spec
    variant: str | None
    binding: Binding
    graph: Graph
    train: bool = False
    dtype: str = "fp32"
    without: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()  # parameters that `free=["all"]` had to leave alone
    training: Training = TRAINING
    timing: Timing | None = None  # of `archcalc.latency.predict`
    as_stored: bool = False  # whether weights are as wide as a model file has them
    is_of_file: bool = False  # whether a model file says how wide its numbers are
    _costs: dict[tuple[int, tuple[Shape, ...], tuple[str, ...]], Cost] = {}

    @cached_property
    def _least(self) -> dict[str, dict[Loop, int]]:
        """Repeats that figures speak of, filled as they are worked out."""
        return {"depth": {}, "receptive_field": {}}

    @property
    def stored(self) -> dict[int, int] | None:
        """Bytes of weights by the position of their layer, where a file has them in other widths than the table's."""
        return self.graph.stored if self.as_stored else None

    def __repr__(self) -> str:
        return f"<Table of {self.name}: {len(self.graph.layers())} layers>"

    def __str__(self) -> str:
        """The table as a terminal shows it."""
        from archcalc.render import render

        return render([self], "table")

    @property
    def name(self) -> str:
        """The network's name, a variant's if it has one of its own, and what was left out."""
        member = self.spec.variant(self.variant)
        if member is None or (member.without and not member.title):
            name, without = self.spec.name, list(self.without)
        else:
            name = member.title or f"{self.spec.name} {member.name}"
            without = [label for label in self.without if label not in member.without]
        return f"{name} without {', '.join(without)}" if without else name

    @property
    def convention(self) -> Convention:
        """Who counts: archcalc's own numbers are multiply-accumulates."""
        return Convention("macs", {"macs": "MACs"}, CONVENTION)

    @property
    def batch(self) -> Dim:
        """Samples at once."""
        return self.binding.batch

    @property
    def free(self) -> tuple[str, ...]:
        """The names that stay symbols."""
        return self.binding.free

    @property
    def inputs(self) -> dict[str, Shape]:
        """The shape of each input by name, a sample."""
        return {name: self.graph.nodes[n].shape for name, n in self.graph.inputs.items()}

    @cached_property
    @uncollected()
    def fields(self) -> dict[str, Seen]:
        """For each input, what every node sees of it."""
        return receptive.fields(self.graph, self._least["receptive_field"])

    @cached_property
    def _seen(self) -> dict[int, dict[str, Field]]:
        found: dict[int, dict[str, Field]] = {}
        for name, seen in self.fields.items():
            for n, field in seen.items():
                if field is not None:
                    found.setdefault(n, {})[name] = field
        return found

    @cached_property
    def domain(self) -> tuple[str, ...]:
        """Where the closed forms hold: the limits of the free parameters, and what keeps every size at least 1."""
        sizes = domain(self._sizes())
        limits = [
            limit
            for name in self.free
            if name in self.spec.parameters
            for limit in self.spec.parameters[name].conditions(name)
        ]
        stronger = {
            condition.rpartition(" ")[0] for condition in sizes
        }  # `n >= 2`, which a limit `n >= 1` adds nothing to
        told = (*(limit for limit in limits if limit.rpartition(" ")[0] not in stronger), *sizes, *self.graph.assumed)
        needed = (each for n in self.graph.layers() for each in self._assumed(self.graph.nodes[n]) if self.free)
        return tuple(dict.fromkeys((*told, *needed)))

    def _assumed(self, node: Node) -> tuple[str, ...]:
        return node.op.assumes(*self.graph.shapes_into(node))

    @cached_property
    def narrower(self) -> dict[str, tuple[str, ...]]:
        """Where a figure holds, by figure, if that is less: its closed form may speak of a repeat that isn't there."""
        if not self.graph.loops:
            return {}
        _ = self.totals, self.fields
        least = {"act_peak_bytes": self.held.alive.least, "act_sum_bytes": self.held.keeping.least, **self._least}
        found = {}
        for name, repeats in least.items():
            needed = self._sizes().union(*(self._repeats(loop, times) for loop, times in repeats.items()))
            found[name] = tuple(condition for condition in domain(needed) if condition not in self.domain)
        return {name: conditions for name, conditions in found.items() if conditions}

    def _sizes(self) -> set[Dim]:
        """Everything that must be at least 1: sizes (where there are loops at the first and the last repeat), and how
        often loops repeat.
        """
        sizes: set[Dim] = set()
        for node in self.graph.nodes if self.free else ():
            positive = [dim for dim in node.shape if isinstance(dim, Poly)]
            positive += node.op.positive(*self.graph.shapes_into(node))
            sizes |= _symbolic(end for dim in positive for end in ends(dim, node.ranges))
        for loop in self.graph.loops.values():
            sizes |= self._repeats(loop, int(self.train and loop in self.backward.first_differs))
        return sizes

    def _repeats(self, loop: Loop, least: int) -> set[Dim]:
        """What is at least 1 where a loop repeats at least that often."""
        return _symbolic(ends(loop.range.stop - loop.range.start - least + 1, self.graph.nodes[loop.entry].ranges[:-1]))

    @cached_property
    @uncollected()
    def rows(self) -> list[Row]:
        """A row a layer, in order."""
        return list(self.made_rows())

    def each_row(self) -> Iterator[Row]:
        """The same one after another: those of a large network needn't be there at once."""
        return iter(self.rows) if "rows" in self.__dict__ else self.made_rows()

    def made_rows(self) -> Iterator[Row]:
        """What `rows` keeps."""
        backward = self.backward.macs if self.train else {}
        return (self._row(n, backward.get(n)) for n in self.graph.layers())

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """The nodes by name."""
        return {node.name: node for node in self.graph.nodes}

    def seen_at(self, n: int) -> dict[str, Field]:
        """What a node sees of each input that it depends on."""
        return self._seen.get(n, {})

    def seen_alone(self, n: int) -> dict[str, Field]:
        """The same of one node: what only later ones see isn't worked out for it."""
        if "fields" in self.__dict__:
            return self.seen_at(n)
        found = receptive.fields(self.graph, stop=n + 1)
        return {name: field for name, seen in found.items() if (field := seen[n]) is not None}

    def cost(self, node: Node) -> Cost:
        """What a layer costs a sample, shared weights included."""
        shapes = self.graph.shapes_into(node)
        stored_as = node.stored or node.dtype or self.dtype
        dtypes = (node.dtype, *[self.graph.nodes[n].dtype for n in node.inputs])
        key = (id(node.op), shapes, (stored_as, *dtypes))
        cost = self._costs.get(key)
        if cost is None:
            op, wide = node.op, [WHOLE[name or self.dtype] for name in dtypes]
            weights, buffers = op.weights(*shapes).values(), op.buffers(*shapes).values()
            read = op.weights_read(self.batch, *shapes).values()
            cost = self._costs[key] = Cost(
                params=total(map(size, weights)),
                buffers=total(map(size, buffers)),
                macs=op.macs(node.shape, *shapes),
                elementwise=op.elementwise(node.shape, *shapes),
                activations=0 if op.is_view else size(node.shape),
                stored=total([stored(shape, stored_as) for shape in (*weights, *buffers)]),
                active=op.active(*shapes),
                cached=op.cached(*shapes) * wide[0],
                met=0 if op.is_idle else total([stored(shape, stored_as) for shape in (*read, *buffers)]),
                moved=0
                if op.is_view
                else total([size(shape) * width for shape, width in zip((node.shape, *shapes), wide, strict=True)]),
            )
        return cost

    def _row(self, n: int, backward: Number | None) -> Row:
        node = self.graph.nodes[n]
        cost, batch = self.cost(node), self.batch
        if node.ranges:
            cost = Cost(*(over(node.ranges, value) for value in cost))
        owned = node.share is None
        params = cost.params if owned else 0
        buffers = cost.buffers if owned else 0
        kept = node.survive if self.train else 1
        weight_bytes, read_bytes = cost.stored if owned else 0, cost.met
        if self.stored is not None:
            weight_bytes, read_bytes = self.stored.get(n, 0), self.stored.get(n if owned else node.share or 0, 0)
            read_bytes = 0 if node.op.is_idle else read_bytes
        return Row(
            name=node.name,
            op=node.op.word,
            text=node.op.line(rank=len(node.shape) - 1),
            block=node.block,
            line=node.mark.line,
            inputs=tuple([self.graph.name_of(i) for i in node.inputs]),
            shape=node.shape,
            params=params,
            trainable_params=params - node.fixed if owned and not node.frozen else 0,
            buffers=buffers,
            macs=whole_number(cost.macs * batch * kept),
            elementwise=whole_number(cost.elementwise * batch * kept),
            activations=cost.activations * batch,
            weight_bytes=weight_bytes,
            bytes=read_bytes + cost.moved * batch,
            backward_macs=backward,
            field=self.seen_at(n),
            depth=node.op.deep,
            layers=over(node.ranges, 1),
            ranges=node.ranges,
            time=None if self.timing is None else self.timing.layers.get(n, Time()),
            nodes=(n,),
        )

    # ---- memory ------------------------------------------------------------------------------------------------------

    @cached_property
    def held(self) -> Held:
        """What the network holds in memory."""
        spec, variant = self.spec, self.variant  # not the table, which holds what is made here
        says = bool(spec.written(variant))

        def written(node: Node) -> str:
            return spec.way(variant, node.name, node.op.word) if says else "module"

        return Held(self.graph, self.batch, DTYPES[self.dtype], written, self.train, self.training)

    # ---- totals ------------------------------------------------------------------------------------------------------

    @cached_property
    @uncollected()
    def totals(self) -> Totals:
        """Sums over all layers, and what only the whole network has: peaks, depth. Bytes are in the table's dtype."""
        return totals(self)

    def total(self, name: str) -> Json:
        """One of the totals: the others aren't worked out for it. Raises KeyError for one that the table hasn't."""
        if "totals" in self.__dict__ or name not in OF_EVERY_TABLE:
            return self.totals[name]  # type: ignore[literal-required]
        return OF_EVERY_TABLE[name](self)

    @cached_property
    def sums(self) -> dict[str, Json]:
        """What the totals add up over all layers."""
        return sums(self)

    def depth(self, weight: Callable[[Node], Number]) -> Number:
        """The longest path, counting what `weight` says a layer counts."""
        return whole_number(longest_path(self.graph, weight, self._least["depth"]))

    @cached_property
    def backward(self) -> Backward:
        from archcalc.backward import backward

        found = backward(self.graph, self.batch)
        return found._replace(macs={n: whole_number(value) for n, value in found.macs.items()})

    # ---- receptive field ---------------------------------------------------------------------------------------------

    @cached_property
    def last_map(self) -> tuple[str, str, Field] | None:
        """Where the network goes global: the label of the last map before that, the input it is seen on, and its
        field.
        """
        for source, found in self.fields.items():
            n = receptive.last_map(self.graph, found)
            seen = None if n is None else found[n]
            if n is not None and seen is not None:
                return self._label(n), source, seen
        return None

    def _label(self, n: int) -> str:
        """The outermost group that ends with a layer, else its line."""
        groups = [group.path for group in self.graph.groups.values() if group.output == n]
        return min(groups, key=len) if groups else self.graph.nodes[n].line

    # ---- other forms (in `render`, imported when asked for) ----------------------------------------------------------

    @uncollected()
    def to_rows(self) -> list[contract.Layer]:
        """The layers as plain dictionaries, for pandas and the like."""
        from archcalc.render.json import layer

        return [layer(row) for row in self.rows]

    def to_pandas(self) -> Any:
        """A pandas DataFrame, a row a layer. Needs pandas."""
        import pandas

        return pandas.DataFrame(self.to_rows())

    @uncollected()
    def to_json(self) -> contract.Count:
        """The table as the JSON contract `archcalc/count/1` has it."""
        from archcalc.render.json import count

        return count(self)

    def to_markdown(self, depth: int | None = 1) -> str:
        """A GitHub table."""
        from archcalc.render import render

        return render([self], "markdown", depth=depth)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from archcalc.render import render

        return {
            "text/plain": render([self], "table"),
            "text/markdown": render([self], "markdown"),
            "text/html": render([self], "html"),
        }


def _symbolic(values: Iterable[Number]) -> set[Dim]:
    return {value for value in values if isinstance(value, Poly)}
