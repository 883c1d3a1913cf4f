"""What a page says of one network: its parameters, where its closed forms hold, and its figures as forms."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property

from archcalc import escapes
from archcalc.algebra import Dim, Number, Poly, Symbol, text
from archcalc.algebra.poly import variables_in
from archcalc.build.nodes import MOST_LAYERS
from archcalc.check import check
from archcalc.cost import Table
from archcalc.cost.row import Row
from archcalc.errors import ArchcalcError, UsageError
from archcalc.latency.estimate import least
from archcalc.model import Model
from archcalc.ops import Shape
from archcalc.ops.kinds import show
from archcalc.question import ALL, Question
from archcalc.receptive import Field
from archcalc.records import Record
from archcalc.render import numbers
from archcalc.report.conditions import Conditions
from archcalc.report.forms import Forms, Template, is_number
from archcalc.spec.binding import BATCH
from archcalc.untyped import Json

TOTALS = {  # by their names in `count --format json`: what a page calls them
    "params": "params", "macs": "MACs", "flops": "FLOPs", "weight_bytes": "weights", "act_peak_bytes": "alive at most",
    "act_sum_bytes": "kept for training", "activations": "activations", "bytes": "bytes moved", "depth": "depth",
    "depth_with_pooling": "depth with pooling", "layers": "layers", "trainable_params": "trainable",
    "buffers": "buffers", "elementwise": "elementwise",
}  # fmt: skip
COLUMNS = ("params", "macs", "elementwise", "activations", "weight_bytes", "bytes")  # of a row, in this order


class Subject(Record):
    """A network as it is asked for (`table`), and with as many parameters free as have closed forms (`open`)."""

    model: Model
    table: Table
    open: Table
    source: str | None  # the spec's text

    @cached_property
    def forms(self) -> Forms:
        """The closed forms of the page, by their positions."""
        return Forms(self.open.free)

    @cached_property
    def start(self) -> dict[str, Json]:
        """The values that the page begins with."""
        return {**self.table.binding.values, BATCH: self.table.batch}

    # ---- what the page is made from ----------------------------------------------------------------------------------

    def data(self) -> dict[str, Json]:
        """All that the page's scripts read; positions are those of `script`'s values."""
        table, forms = self.open, self.forms
        least_of = least(table)
        conditions = list(self._conditions())
        return {
            "name": escapes.plain(table.name),
            "dtype": table.dtype,
            "input": self._inputs(),
            "sizes": [forms.at(dim) for shape in table.inputs.values() for dim in shape[1:]],
            "parameters": [self._parameter(name) for name in (*table.spec.parameters, BATCH)],
            "names": list(forms.names),
            "conditions": [escapes.plain(condition) for condition, _ in conditions],
            "narrower": self._narrower([condition for condition, _ in conditions]),
            "totals": {
                name: forms.at(table.total(name))
                for name in TOTALS
                if is_number(table.totals.get(name)) and (name != "trainable_params" or self._has_frozen)
            },
            "last": self._last_map(),
            "groups": {escapes.plain(path): self._group(path) for path in table.graph.groups},
            "rows": [self._row(row, least_of) for row in table.rows],
            "notes": [f"MACs: {escapes.plain(table.convention.definition)}", *map(escapes.plain, table.graph.notes)],
            "references": list(self._references()),
        }

    def script(self) -> str:
        """Two functions of the values of the names: of all forms, and of whether each condition holds.

        Called when `data` has placed all forms.
        """
        symbols = ",".join(self.forms.symbols.values())
        tests = ",".join(f"()=>{test}" for _, test in self._conditions())
        return f"{{values:{self.forms.source()},holds:({symbols})=>[{tests}]}}"

    # ---- parts -------------------------------------------------------------------------------------------------------

    @property
    def _has_frozen(self) -> bool:
        return any(node.frozen for node in self.open.graph.nodes)

    def _inputs(self) -> list[Template]:
        shapes = self.open.inputs
        names = {name: [escapes.plain(f"{name} ")] if len(shapes) > 1 else [] for name in shapes}
        return [[*names[name], *self._shape(shape)] for name, shape in shapes.items()]

    def _shape(self, shape: Shape) -> Template:
        return self.forms.template(lambda form: numbers.shape(shape, form))

    def _symbol(self, name: str) -> Symbol:
        """The symbol that stands for a free parameter."""
        opened = self.open.batch if name == BATCH else self.open.binding.values[name]
        assert isinstance(opened, Poly)
        return next(iter(variables_in(opened))).symbol

    def _parameter(self, name: str) -> dict[str, Json]:
        """How a parameter is shown: a slider where it is free, what it follows from, or a word."""
        declared, value = self.open.spec.parameters.get(name), self.start[name]
        limits = declared.limits if declared else None
        found: dict[str, Json] = {"name": name, "value": escapes.plain(show(value))}
        if limits is not None and limits.help:
            found["help"] = escapes.plain(limits.help)
        if name == BATCH:
            found["help"] = "samples at once"
        opened = self.open.binding.values.get(name)
        if name in self.open.free:
            symbol = self._symbol(name)
            found |= {"whole": symbol.integer, "step": symbol.multiple_of if symbol.integer else 0}
            found |= {"low": _shown(symbol.low), "high": _shown(symbol.high)}
            if limits is not None and limits.in_ is not None:
                found["choices"] = [show(choice) for choice in limits.in_]
        elif isinstance(opened, Poly):
            found["form"] = self.forms.at(opened)
        return found

    def _conditions(self) -> Iterator[tuple[str, str]]:
        """Where the forms hold: as they are told, and in JavaScript."""
        table, values = self.open, self.open.binding.values
        compiled = Conditions(values, self.start, self.forms.symbols).compiled
        told = [*table.domain, *(word.text for word, _ in table.spec.require), *self._within()]
        told += [condition for more in table.narrower.values() for condition in more]
        told += [f"{text(layers)} <= {MOST_LAYERS}"] if isinstance(layers := table.totals["layers"], Poly) else []
        for condition in dict.fromkeys(told):
            test = compiled(condition)
            if test is not None:
                yield condition, test

    def _within(self) -> Iterator[str]:
        """The domains of the free parameters themselves."""
        for name in self.open.free:
            symbol = self._symbol(name)
            if symbol.minimum is not None:
                yield f"{name} >= {show(symbol.minimum)}"
            if symbol.maximum is not None:
                yield f"{name} <= {show(symbol.maximum)}"
            if symbol.integer:
                yield f"{name} % {symbol.multiple_of} == 0"
            declared = self.open.spec.parameters.get(name)
            if declared is not None and declared.limits is not None and declared.limits.in_ is not None:
                yield " or ".join(f"{name} == {show(choice)}" for choice in declared.limits.in_)

    def _narrower(self, told: list[str]) -> dict[str, list[int]]:
        """The conditions that one figure alone needs, by figure."""
        found = {
            name: [told.index(text) for text in needed if text in told] for name, needed in self.open.narrower.items()
        }
        return {"field" if name == "receptive_field" else name: needed for name, needed in found.items()}

    def _last_map(self) -> list[object]:
        last = self.open.last_map
        if last is None:
            return []
        label, _, field = last
        spans = self.forms.template(lambda form: numbers.axes(tuple(span.stride for span in field.spans), form))
        return [escapes.plain(label), self._field(field), spans]

    def _field(self, field: Field | None) -> Template:
        return [] if field is None else self.forms.template(lambda form: numbers.one_field(field, form))

    def _group(self, path: str) -> list[object]:
        table, group = self.open, self.open.graph.groups[path]
        shape = table.graph.nodes[group.output].shape
        seen = next(iter(table.seen_at(group.output).values()), None)
        return [
            escapes.plain(group.text),
            self.forms.template(lambda form: numbers.shape(shape, form)),
            self._field(seen),
        ]

    def _row(self, row: Row, least_of: dict[int, tuple[Number, Number]]) -> list[Json]:
        """Name, line, operator, text, shape, field, the largest span, layers, COLUMNS, alive, and the least of MACs and
        bytes that a device can't do without.
        """
        table, forms, (n, *_) = self.open, self.forms, row.nodes
        node = table.graph.nodes[n]
        field = next(iter(row.field.values()), None)
        spans: list[Dim] = [span.size for span in field.spans] if field is not None else []
        alive = table.held.alive.at.get(n)
        return [
            escapes.plain(row.name), escapes.plain(node.line), row.op, escapes.plain(row.text),
            self._shape(row.shape), self._field(field),
            forms.at(spans[0]) if spans else -1, forms.at(row.layers),
            *(forms.at(getattr(row, name)) for name in COLUMNS),
            forms.at(None if alive is None else alive * table.batch * table.held.unit),
            *(forms.at(value) for value in least_of.get(n, (0, 0))),
        ]  # fmt: skip

    def _references(self) -> Iterator[list[str]]:
        """Published figures: what, as it was published, counted, whether it holds, and where it is from."""
        member = self.open.spec.variant(self.open.variant)
        given = member.references if member else self.open.spec.references
        if not given:
            return
        for verdict in check(self.model):
            if verdict.kind == "reference":
                wanted = verdict.wanted.partition(f", {verdict.source}")[0][2:]
                held = "holds" if verdict.passed and not verdict.known else "differs"
                source = f"{verdict.source}; {verdict.note}" if verdict.note else verdict.source
                yield [verdict.metric, wanted, verdict.figure, held, source]


def _shown(value: int | Fraction | None) -> str:
    return "" if value is None else show(value)


def subject(model: Model, question: Question, source: str | None = None, loops: bool = True) -> Subject:
    """A network ready for a page. `loops`: whether a number of repeats may be free, so that a row stands for several.

    Raises UsageError for what can't be asked, SpecError for mistakes.
    """
    if question.free:
        raise UsageError("a report has sliders for all parameters that can be free")
    table = model.answer(question)
    bound = {name: value for name, value in question.bindings.items() if not is_number(table.binding.values.get(name))}
    while True:
        opened = _opened(model, question._replace(bindings=bound, batch=1))
        repeats = [] if loops else [loop.range.stop for loop in opened.graph.loops.values()]
        stops = {name for stop in repeats if isinstance(stop, Poly) for name in stop.symbols}
        wanted = [name for name in (*opened.dropped, *stops) if name not in bound and name in table.binding.values]
        more = {name: text(value) for name in wanted if is_number(value := table.binding.values[name])}
        if not any(name in question.bindings or name in stops for name in more):
            return Subject(model, table, opened, source)
        bound |= {name: value for name, value in more.items() if name in question.bindings or name in stops}


def _opened(model: Model, question: Question) -> Table:
    """With as much free as has a closed form: a file's nodes may fix the batch, and a design all of its parameters."""
    for free in ((BATCH, ALL), (ALL,), (BATCH,)):
        try:
            return model.answer(question._replace(free=free))
        except ArchcalcError:
            continue
    return model.answer(question)


__all__ = ["TOTALS", "Subject", "subject"]
