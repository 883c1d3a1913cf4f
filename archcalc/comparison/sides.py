"""What is compared: a network on one side, counted now or read from a snapshot, as lines of its spec with their
costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cached_property

from archcalc.algebra import Dim, Number, Poly, Symbol
from archcalc.algebra.equality import intersection
from archcalc.algebra.poly import Variable
from archcalc.algebra.poly.atoms import variable_atom
from archcalc.cost import Table
from archcalc.cost.row import Row, total
from archcalc.errors import Mark, UsageError
from archcalc.graph import Uncounted
from archcalc.metrics import FIELD, TOTALS, WORKED_OUT, Figure, metric
from archcalc.records import Record
from archcalc.render import numbers, times
from archcalc.tuples import NamedTuple

COSTS = (
    "params",
    "trainable_params",
    "buffers",
    "macs",
    "elementwise",
    "activations",
    "weight_bytes",
    "bytes",
    "backward_macs",
    "latency_ms",
)
NO_FIGURES = ("uncounted", "latency_interval_ms", "training_bytes")  # totals that aren't one number


class Layer(NamedTuple):
    """A line of a spec with what it adds (`conv1` with its bn and relu), or a block: sums of its layers, the shape of
    the last one.

    `layers` is how many operators it stands for.
    """

    path: str
    op: str
    text: str
    mark: Mark
    shape: tuple[Dim, ...]
    costs: Mapping[str, Number]
    layers: Number = 1


class Place(NamedTuple):
    """A block: how it is called, and where. The text is unknown (empty) in a snapshot."""

    text: str
    mark: Mark


class Figures(Record):
    """What a side costs, in whole and line by line. `layers` is None where only totals are known: a snapshot of a
    shortened table.
    """

    totals: Mapping[str, Number]
    fields: Mapping[str, object]  # `field`, `field_stride`, `field_start` of the last map
    layers: tuple[Layer, ...] | None
    places: Mapping[str, Place] = {}  # of blocks, by path


class Counted(Record, eq=False):
    """Those of a table, each worked out where it is asked for: a budget may ask for one total of a network that is
    what it was.
    """

    table: Table

    @cached_property
    def totals(self) -> Mapping[str, Number]:
        """As in `Figures`."""
        return {name: _shown(name, value) for name, value in self.table.totals.items() if name not in NO_FIGURES}

    @cached_property
    def fields(self) -> Mapping[str, object]:
        """As in `Figures`."""
        return {name: metric(self.table, name, None, self.table.spec.mark) for name in FIELD}

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """As in `Figures`."""
        nodes = self.table.nodes
        return tuple(lines((nodes[row.name].line, row, nodes[row.name].mark) for row in self.table.rows))

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """As in `Figures`."""
        return {path: Place(group.text, group.mark) for path, group in self.table.graph.groups.items()}


class Side(Record):
    """A counted network."""

    name: str
    spec: str
    variant: str | None
    figures: Figures | Counted
    labels: frozenset[str] = frozenset()  # names that the spec gives; a snapshot doesn't tell them from automatic ones
    bindings: Mapping[str, object] = {}
    inputs: Mapping[str, tuple[Dim, ...]] = {}
    symbols: Mapping[str, Symbol] = {}
    domain: tuple[str, ...] = ()
    mode: str = "inference"
    batch: int | str = 1  # a symbol's name where it is free
    dtype: str = "fp32"
    device: str = ""  # that times were predicted on, in words
    without: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()  # parameters that were given a value, as a snapshot tells
    uncounted: tuple[Uncounted, ...] = ()
    dropped: tuple[str, ...] = ()  # parameters that were to be free and decide the structure

    @property
    def label(self) -> str:
        """`net.yaml@variant`."""
        return f"{self.spec}@{self.variant}" if self.variant else self.spec

    def metric(self, name: str) -> Figure:
        """A figure as budgets call it: `macs`, `act_peak`, `field`. Raises UsageError for one that it wasn't counted
        for, or that an older snapshot doesn't have.
        """
        key = name if name in FIELD else TOTALS.get(name, name)
        if isinstance(self.figures, Counted):
            table = self.figures.table
            return _shown(key, metric(table, name, None, table.spec.mark))
        if name == "latency" and "latency_ms" not in self.figures.totals:
            raise UsageError(f"{self.label} was counted without times; make the snapshot with `archcalc predict`")
        known = self.figures.fields if name in FIELD else self.figures.totals
        if key not in known:
            again = "compare with a git ref" if name in WORKED_OUT else "count it again"
            raise UsageError(f"the snapshot of {self.label} has no {key}: {again}")
        return known[key]


def side_of(table: Table) -> Side:
    """A network that was counted just now."""
    return Side(
        name=table.name,
        spec=table.spec.path,
        variant=table.variant,
        figures=Counted(table),
        labels=table.spec.labels,
        bindings={name: value for name, value in table.binding.values.items() if name not in table.free},
        inputs=table.inputs,
        symbols=_symbols(table),
        domain=table.domain if table.free else (),
        mode="training" if table.train else "inference",
        batch=table.batch if isinstance(table.batch, int) else str(table.batch),
        dtype=table.dtype,
        device=table.timing.device if table.timing else "",
        without=table.without,
        uncounted=tuple(table.graph.uncounted),
        dropped=table.dropped,
    )


def _shown(name: str, value: Figure) -> Figure:
    """A figure as snapshots hold it: times have six digits."""
    return times.rounded(value) if name == "latency_ms" else value


def _symbols(table: Table) -> dict[str, Symbol]:
    found = {name: table.batch if name == "batch" else table.binding.values[name] for name in table.free}
    return {name: symbol_of(value) for name, value in found.items() if isinstance(value, Poly)}


def symbol_of(value: Poly) -> Symbol:
    """The symbol that a free parameter stands for."""
    return next(atom.symbol for monomial in value.terms for atom in monomial if isinstance(atom, Variable))


def lines(rows: Iterable[tuple[str, Row, Mark]]) -> Iterable[Layer]:
    """The rows of a table as lines of its spec: those of one line are added up."""
    found: dict[str, list[tuple[Row, Mark]]] = {}
    for line, row, mark in rows:
        found.setdefault(line, []).append((row, mark))
    for line, of_line in found.items():
        first, mark = of_line[0]
        yield Layer(
            path=line,
            op=first.op,
            text=", ".join(row.text for row, _ in of_line),
            mark=mark,
            shape=of_line[-1][0].shape,
            costs=added(
                {name: _shown(name, value) for name in COSTS if (value := getattr(row, name)) is not None}
                for row, _ in of_line
            ),
            layers=total(row.layers for row, _ in of_line),
        )


def added(costs: Iterable[Mapping[str, Number]]) -> dict[str, Number]:
    """The sum of costs."""
    sums: dict[str, Number] = {}
    for cost in costs:
        for name, value in cost.items():
            sums[name] = sums.get(name, 0) + value
    return sums


def shape_of(side: Side) -> str:
    """The inputs in words: `3x224x224`, `image 3x224x224, text 77`."""
    if list(side.inputs) == ["input"]:
        return numbers.shape(side.inputs["input"])
    return ", ".join(f"{name} {numbers.shape(shape)}" for name, shape in side.inputs.items())


# ---- symbols that mean the same on both sides ------------------------------------------------------------------------


def with_common_symbols(base: Side, head: Side) -> tuple[Side, Side]:
    """Both sides in the same symbols, so that differences cancel: each ranges over the values that it may have on both
    sides.
    """
    common = {}
    for name in base.symbols.keys() & head.symbols.keys():
        if base.symbols[name] != head.symbols[name]:
            common[name] = Poly({(variable_atom(intersection(base.symbols[name], head.symbols[name])),): 1})
    return (_replaced(base, common), _replaced(head, common)) if common else (base, head)


def _replaced(side: Side, symbols: Mapping[str, Number]) -> Side:
    def put(value: object) -> Figure:
        return value.substitute(symbols) if isinstance(value, Poly) else value

    had = side.figures
    layers = None
    if had.layers is not None:
        layers = tuple(
            layer._replace(
                shape=tuple(map(put, layer.shape)),
                costs={k: put(v) for k, v in layer.costs.items()},
                layers=put(layer.layers),
            )
            for layer in had.layers
        )
    totals = {name: put(value) for name, value in had.totals.items()}
    fields = {name: put(value) for name, value in had.fields.items()}
    return side._replace(
        figures=Figures(totals, fields, layers, had.places),
        inputs={name: tuple(map(put, shape)) for name, shape in side.inputs.items()},
    )


def same(one: Figure, other: Figure) -> bool:
    """Whether two figures are equal; an expected value that isn't whole is a float in a snapshot."""
    figures = isinstance(one, (int, Fraction)) and isinstance(other, (int, Fraction))
    if figures and (isinstance(one, Fraction) or isinstance(other, Fraction)):
        return float(one) == float(other)
    return bool(one == other)
