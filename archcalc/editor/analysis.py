"""A spec as it stands in the editor: its mistakes and broken figures, and what each of its lines costs."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.algebra import Number
from archcalc.check import Checked, Counts, check, check_all
from archcalc.cost import Table
from archcalc.cost.row import Row
from archcalc.errors import Problem, SpecError, UsageError
from archcalc.findings import Finding, of_checked, of_problems
from archcalc.model import Model, read
from archcalc.render import numbers
from archcalc.spec import is_spec
from archcalc.tuples import NamedTuple


class Cost(NamedTuple):
    """What a line of a spec costs, in all its repeats and calls: their number, the shape that the last puts out, and
    what that sees of the input.
    """

    times: int
    shape: str
    params: Number
    macs: Number
    field: str

    def __str__(self) -> str:
        times = f" · {self.times} times" if self.times > 1 else ""
        return f"-> {self.shape} · {numbers.count(self.params)} · {numbers.count(self.macs)}{times}"


class Analysis(NamedTuple):
    """What is known of a text: nothing of one that is no spec, no costs where there are mistakes."""

    findings: list[Finding]
    costs: dict[int, Cost]  # by line, from 0


NOTHING = Analysis([], {})


def analysed(text: str, path: str, variants: bool = False) -> Analysis:
    """Read and count a text; `variants` are held against their figures too, which takes longer."""
    if not is_spec(text):
        return NOTHING
    try:
        model = read(text, path)
        counts = Counts(model.spec)
        table = counts.table(model)
        return Analysis(of_checked(_checked(model, table, counts, variants)), dict(_costs(table)))
    except SpecError as error:
        return Analysis(of_problems(error.problems), {})
    except UsageError as error:
        return Analysis(of_problems([Problem(str(error))]), {})


def _checked(model: Model, table: Table, counts: Counts, variants: bool) -> list[Checked]:
    if variants:
        return check_all([model])
    return [Checked(model, len(table.graph.layers()), list(check(model, counts)))]


def _costs(table: Table) -> Iterator[tuple[int, Cost]]:
    lines: dict[int, list[Row]] = {}
    groups = {path: group.mark.line for path, group in table.graph.groups.items()}
    for row in table.rows:
        for line in {row.line, *_around(row.name, groups)}:
            lines.setdefault(line, []).append(row)
    ends = {group.mark.line: group.output for group in table.graph.groups.values()}
    for line, rows in lines.items():
        own = {table.graph.nodes[row.nodes[0]].line for row in rows if row.line == line and row.nodes}
        shape = table.graph.nodes[ends[line]].shape if line in ends else rows[-1].shape
        params, macs = sum(row.params for row in rows), sum(row.macs for row in rows)
        yield line - 1, Cost(len(own), numbers.shape(shape), params, macs, numbers.field(rows[-1].field))


def _around(name: str, groups: dict[str, int]) -> Iterator[int]:
    """The lines of the groups that a layer stands in."""
    at = name.rfind("/")
    while at > 0:
        if name[:at] in groups:
            yield groups[name[:at]]
        at = name.rfind("/", 0, at)
