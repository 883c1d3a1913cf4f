"""What every format says in the same words: which totals are shown, how a difference reads, what comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from archcalc import escapes
from archcalc.algebra import Poly
from archcalc.comparison.changes import Change, Status
from archcalc.comparison.folding import folded
from archcalc.comparison.judging import percent
from archcalc.comparison.result import CHANGED, GONE, NEW, Comparison, Delta, Report
from archcalc.comparison.sides import Side, shape_of
from archcalc.metrics import Figure
from archcalc.ops.kinds import show
from archcalc.render import numbers, times
from archcalc.tuples import NamedTuple

Form = Callable[[Figure], str]


class Total(NamedTuple):
    """A total as a reader knows it, with its exact form and a short one."""

    key: str
    label: str
    exact: Form
    short: Form
    always: bool = True  # shown where it didn't change, too
    grows: bool = True  # a percentage says something


TOTALS = (
    Total("params", "params", numbers.exact, numbers.count),
    Total("trainable_params", "trainable", numbers.exact, numbers.count, False),
    Total("active_params", "active params", numbers.exact, numbers.count, False),
    Total("buffers", "buffers", numbers.exact, numbers.count, False),
    Total("macs", "MACs", numbers.exact, numbers.count),
    Total("backward_macs", "backward MACs", numbers.exact, numbers.count),
    Total("optimizer_bytes", "optimiser", numbers.size_in_bytes, numbers.size_in_bytes),
    Total("weight_bytes", "weights", numbers.size_in_bytes, numbers.size_in_bytes),
    Total("cache_bytes", "cache", numbers.size_in_bytes, numbers.size_in_bytes, False),
    Total("act_peak_bytes", "alive at most", numbers.size_in_bytes, numbers.size_in_bytes),
    Total("act_sum_bytes", "kept for training", numbers.size_in_bytes, numbers.size_in_bytes, False),
    Total(
        "latency_ms",
        "time",
        lambda value: f"{times.milliseconds(value)} ms",
        lambda value: f"{times.milliseconds(value)} ms",
    ),
    Total("depth", "depth", numbers.exact, numbers.exact, grows=False),
)
ACTIVATIONS = Total(  # of a layer, where nothing else of any changed
    "activations", "activations", numbers.exact, numbers.count
)
FIELD = Total("field", "field", lambda value: figure(value), lambda value: figure(value), grows=False)


def totals(comparison: Comparison) -> Iterator[tuple[Total, Delta]]:
    """The totals to show."""
    for total in TOTALS:
        delta = comparison.totals.get(total.key)
        if delta is not None and (total.always or _matters(total, delta, comparison)):
            yield total, delta
    yield FIELD, comparison.fields["field"]


def of_layers(comparison: Comparison) -> list[Total]:
    """What is shown of a layer that changed: parameters, MACs, and its time where times were predicted."""
    return [
        total for total in TOTALS if total.key in ("params", "macs", "latency_ms") and total.key in comparison.totals
    ]


def _matters(total: Total, delta: Delta, comparison: Comparison) -> bool:
    """Whether one of the lesser totals has something to say of its own."""
    repeats = total.key in ("trainable_params", "active_params") and delta == comparison.totals["params"]
    return comparison.status not in (NEW, GONE) and not delta.is_same and not repeats


def figure(value: Figure) -> str:
    """A number, a closed form, or a word such as `all`."""
    return numbers.exact(value) if isinstance(value, (int, Fraction, Poly)) else str(value)


def signed(value: object, form: Form) -> str:
    """`+1.2M`, `-3`, `+36·width² - width`, `=` for nothing."""
    if value is None or value == 0:
        return "=" if value == 0 else ""
    shown = form(value)
    return shown if shown.startswith("-") else f"+{shown}"


def grown(delta: Delta) -> str:
    """`+6.1 %`, or nothing."""
    return "" if delta.percent is None or not delta.percent else percent(delta.percent)


def plain(text: str, longest: int = 200) -> str:
    """Text from a spec on one line, without what a terminal would obey."""
    return escapes.line(" ".join(text.split()), longest)


def weight(change: Change, comparison: Comparison) -> float:
    """How much of the network a change is: the larger share of MACs, parameters, activations and time."""
    found = [0.0]
    for name in ("macs", "params", "activations", *(["latency_ms"] if "latency_ms" in comparison.totals else [])):
        delta, whole = change.delta(name), comparison.side.figures.totals[name]
        if isinstance(delta, Poly):
            return float("inf")
        found.append(
            abs(float(delta / Fraction(whole))) if not isinstance(whole, Poly) and whole else float(bool(delta))
        )
    return max(found)


class Layers(NamedTuple):
    """The changes that a table of layers shows, its columns, and how many more rows would hold nothing but `=`."""

    changes: list[Change]
    columns: list[Total]
    silent: int


def layers(comparison: Comparison) -> Layers:
    """What there is to show of layers: edits, and what cost more or less of what the columns are about."""
    changes, columns = folded(comparison.changes), of_layers(comparison)
    if all(change.delta(name) == 0 for change in changes for name in ("params", "macs")):
        columns.insert(2, ACTIVATIONS)
    told = [change for change in changes if _is_edit(change) or any(change.delta(each.key) != 0 for each in columns)]
    return Layers(told or changes, columns, len(changes) - len(told) if told else 0)


def more(silent: int) -> str:
    """How many rows there are beside those of a table; nothing where there are none."""
    return f"and {silent:,} more of another size, whose figures are as they were" if silent else ""


def _is_edit(change: Change) -> bool:
    return change.is_direct or change.renamed or change.status is not Status.CHANGED


def dearest(changes: list[Change], comparison: Comparison, most: int) -> tuple[list[Change], int]:
    """The largest changes in the order of the network, and how many others there are."""
    if len(changes) <= most:
        return changes, 0
    ranked = sorted(range(len(changes)), key=lambda n: -weight(changes[n], comparison))
    return [changes[n] for n in sorted(ranked[:most])], len(changes) - most


def twins(report: Report) -> dict[int, str]:
    """Positions of variants of which all is said that there is where the spec itself stands, and what that is called:
    a spec is often its own `@resnet50`. One that breaks a budget is no twin.
    """
    heads: dict[str, Comparison] = {}
    found = {}
    for n, comparison in enumerate(report.comparisons):
        head = heads.setdefault(comparison.side.spec, comparison)
        if head is not comparison and comparison.status == CHANGED and _says_the_same(head, comparison):
            found[n] = head.label
    return found


def _says_the_same(one: Comparison, other: Comparison) -> bool:
    def said(comparison: Comparison) -> tuple[object, ...]:
        kept = comparison.totals, comparison.fields, comparison.parameters, comparison.changes, comparison.unjudged
        return comparison.side.name, *kept, any(True for _ in comparison.broken)

    return said(one) == said(other) and not any(True for _ in other.broken)


def operation(change: Change, longest: int | None = None) -> str:
    """What the layer does, and did; of texts that are longer together, the operator and what differs."""
    before, after = change.before, change.after
    if before is None or after is None:
        layer = after or before
        assert layer is not None
        return plain(layer.text)
    was = f"was {plain(before.path)}" if change.renamed else ""
    text = (
        plain(after.text)
        if before.text == after.text or change.status is Status.RENAMED
        else f"{plain(before.text)} -> {plain(after.text)}"
    )
    if longest is not None and len(text) > longest and " -> " in text:
        text = _differing(plain(before.text).split(), plain(after.text).split())
    return f"{text} ({was})" if was else text


def _differing(before: list[str], after: list[str]) -> str:
    """`conv … relu -> silu`: without the words that both have before and behind what differs, but for the first."""
    shared = [one == other for one, other in zip(before, after, strict=False)]
    start = shared.index(False) if False in shared else len(shared)
    behind = [one == other for one, other in zip(before[start:][::-1], after[start:][::-1], strict=False)]
    end = behind.index(False) if False in behind else len(behind)
    head = [*before[:1], *(["…"] if start > 1 else [])] if start else []
    middle = [" ".join(words[start : len(words) - end]) or "nothing" for words in (before, after)]
    return " ".join([*head, " -> ".join(middle), *(["…"] if end else [])])


def tally(comparison: Comparison) -> str:
    """`2 layers added, 1 changed`; what is known where layers aren't."""
    if (
        None in (comparison.base and comparison.base.figures.layers, comparison.head and comparison.head.figures.layers)
        and comparison.base
        and comparison.head
    ):
        return "layers aren't compared: a snapshot of a shortened table has totals alone"
    counts = comparison.counts
    words = [f"{count:,} {status.value}" for status, count in counts.items()]
    if words:
        first = next(iter(counts.values()))
        words[0] = words[0].replace(" ", f" layer{'s' * (first != 1)} ", 1)
    return ", ".join(words) or "no layer changed"


def heading(comparison: Comparison, report: Report) -> str:
    """`net.yaml · Small · input 3x32x32`, or both where two networks are compared."""
    base, head = comparison.base, comparison.head
    if base and head and report.base is None and _titled(base) != _titled(head):
        return f"{_titled(base)} -> {_titled(head)}"
    return f"{plain(comparison.label)} · {_titled(comparison.side)}"


def _titled(side: Side) -> str:
    batch = "" if side.batch == 1 else f" · batch {plain(str(side.batch))}"
    return (
        f"{plain(side.name)} · input {plain(shape_of(side))}{batch}{' · training' if side.mode == 'training' else ''}"
    )


def parameters(comparison: Comparison) -> str:
    """`width 16 -> 32, depth new: 3`."""
    found = []
    for name, (before, after) in comparison.parameters.items():
        old, new = (plain(show(value)) for value in (before, after))
        found.append(
            f"{name} {old} -> {new}"
            if None not in (before, after)
            else f"{name} = {new}"
            if before is None
            else f"{name} removed"
        )
    return ", ".join(found)


def sides(report: Report) -> tuple[str, str]:
    """What the columns before and after are called."""
    return (report.base.label, "now") if report.base else ("before", "after")


def verdict_line(report: Report) -> str:
    """The last line: what CI wants to know."""
    count = len(report.comparisons)
    many = f"{count} network{'s' * (count != 1)}"
    over = (
        f"{report.failed} of {many} over budget"
        if report.failed
        else f"{many} within budget"
        if _judged(report)
        else many
    )
    parts = [
        over,
        f"{report.warned} with a warning" if report.warned else "",
        f"{report.changed} changed" if report.changed else "nothing changed",
    ]
    against = f"; compared with {report.base.label}" if report.base else ""
    return ", ".join(part for part in parts if part) + against


def _judged(report: Report) -> bool:
    return any(comparison.verdicts for comparison in report.comparisons)
