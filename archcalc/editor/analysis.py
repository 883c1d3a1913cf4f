"""A spec as it stands in the editor: its mistakes and broken figures, and what each of its lines costs."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.algebra import Number
from archcalc.check import Checked, Counts, check, check_all
from archcalc.cost import Table
from archcalc.errors import Problem, SpecError, UsageError
from archcalc.findings import Finding, of_checked, of_problems
from archcalc.model import Model, read
from archcalc.ops import Shape
from archcalc.records import Record
from archcalc.render import numbers
from archcalc.spec import is_spec
from archcalc.spec.again import Again


class Cost(Record, frozen=False):
    """What a line of a spec costs, in all its repeats and calls: their number, the shape that the last puts out, and
    where in the graph that is.
    """

    shape: Shape = ()
    params: Number = 0
    macs: Number = 0
    last: int = 0
    calls: set[str] = set()

    @property
    def times(self) -> int:
        """How often the line itself is built."""
        return len(self.calls)

    def __str__(self) -> str:
        times = f" · {self.times} times" if self.times > 1 else ""
        return f"-> {numbers.shape(self.shape)} · {numbers.count(self.params)} · {numbers.count(self.macs)}{times}"


class Analysis(Record):
    """What is known of a text: nothing of one that is no spec, no costs where there are mistakes."""

    findings: list[Finding] = []
    costs: dict[int, Cost] = {}  # by line, from 0
    table: Table | None = None

    def field(self, cost: Cost) -> str:
        """What the last layer of a line sees of the input."""
        return numbers.field(self.table.seen_alone(cost.last)) if self.table else ""


NOTHING = Analysis()


def analysed(text: str, path: str, variants: bool = False, again: Again | None = None) -> Analysis:
    """Read and count a text; `variants` are held against their figures too, which takes longer. With `again`, only what
    changed since the last time is read anew.
    """
    if not is_spec(text):
        return NOTHING
    try:
        model = read(text, path, again=again)
        counts = Counts(model.spec)
        table = counts.table(model)
        return Analysis(of_checked(_checked(model, table, counts, variants)), _costs(table), table)
    except SpecError as error:
        return Analysis(of_problems(error.problems))
    except UsageError as error:
        return Analysis(of_problems([Problem(str(error))]))


def _checked(model: Model, table: Table, counts: Counts, variants: bool) -> list[Checked]:
    if variants:
        return check_all([model])
    return [Checked(model, len(table.graph.layers()), list(check(model, counts)))]


def _costs(table: Table) -> dict[int, Cost]:
    """What each line costs, and each that a group of layers was called or repeated by."""
    graph, file = table.graph, table.spec.path
    groups = {path: group.mark.line for path, group in graph.groups.items() if group.mark.file == file}
    around = {node.block: tuple(_around(node.line, groups)) for node in graph.nodes}
    found: dict[int, Cost] = {}
    for n in graph.layers():
        node = graph.nodes[n]
        cost, own = table.cost(node), node.mark.line if node.mark.file == file else 0
        for line in {own, *around[node.block]} if around[node.block] else (own,):
            if line - 1 not in found:
                found[line - 1] = Cost()
            known = found[line - 1]
            known.shape, known.last = node.shape, n
            known.params += cost.params if node.share is None else 0
            known.macs += cost.macs
            if line == own:
                known.calls.add(node.line)
    found.pop(-1, None)  # of layers that stand in no line of this file
    for path, line in groups.items():
        if line - 1 in found:
            found[line - 1].shape = graph.nodes[graph.groups[path].output].shape
    return found


def _around(name: str, groups: dict[str, int]) -> Iterator[int]:
    """The lines of the groups that a layer stands in."""
    at = name.rfind("/")
    while at > 0:
        if name[:at] in groups:
            yield groups[name[:at]]
        at = name.rfind("/", 0, at)
