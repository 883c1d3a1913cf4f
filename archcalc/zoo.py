"""The networks that ship, in one table: family by family, the oldest first."""

from __future__ import annotations

import csv
import io
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import groupby
from pathlib import Path

from archcalc import escapes
from archcalc.cost import CONVENTION, Table
from archcalc.errors import ExpressionError, UsageError, suggest
from archcalc.files import spec_files, specs_folder
from archcalc.memory import CONVENTION as MEMORY_CONVENTION
from archcalc.model import Model, load
from archcalc.patterns import pattern
from archcalc.records import Record
from archcalc.render import numbers
from archcalc.render.formats import SHIPPED, writer
from archcalc.render.grid import listing as listing_of
from archcalc.render.json import receptive_field
from archcalc.spec import bind
from archcalc.spec.expressions import Expression, compile_expression
from archcalc.spec.model import without_units
from archcalc.untyped import Json

_ARXIV = pattern(r"arxiv:\s*((?:[a-z.-]+/)?(\d\d)\d\d(?:\.\d{4,5}|\d{3}))(?:v\d+)?$", re.IGNORECASE)
_DOI = pattern(r"doi:\s*(10\.\S+)$", re.IGNORECASE)
_TO_GO = (
    "where from",
    "network",
    "activations",
    "input",
    "act_peak",
    "year",
)  # columns that a narrow terminal does without, in this order


class Entry(Record):
    """A network: the names that it goes by, and its count."""

    names: tuple[str, ...]
    file: Path
    table: Table
    paper: str | None
    year: int | None
    source: str  # of its first reference

    @property
    def family(self) -> str:
        """What its file is called."""
        return self.file.stem


def entries(families: Sequence[str] = (), where: str = "") -> tuple[Entry, ...]:
    """Every network, or those of some families and those of which a condition holds (`params < 10M and depth > 20`),
    members together in the order of their file. A family's own name stands with the member that it means.

    Raises UsageError for a family or a figure that there isn't.
    """
    known = {file.stem: file for file in spec_files()}
    for name in families:
        if name not in known:
            raise UsageError(
                f"there is no family '{name}'{suggest(name, known, 'archcalc zoo --by family lists them')}"
            )
    condition = _condition(where) if where else None
    found = [_family(file) for name, file in known.items() if not families or name in families]
    every = [entry for family in sorted(found, key=_age) for entry in family]
    return tuple(every if condition is None else _holding(every, condition, where))


def _condition(where: str) -> Expression:
    """A condition on the figures of a network, before any is counted."""
    try:
        condition = compile_expression(without_units(where).strip())
    except ExpressionError as error:
        raise UsageError(f"--where: {error}") from None
    for name in sorted(condition.names - {*FIGURES, *WORDS}):
        there = f"there are {', '.join((*FIGURES, *WORDS))}; a word is quoted, family == 'resnet'"
        raise UsageError(f"--where: there is no figure '{name}'{suggest(name, (*FIGURES, *WORDS), there)}")
    return condition


def _holding(every: list[Entry], condition: Expression, where: str) -> Iterator[Entry]:
    """The networks of which a condition holds; one without a figure that it speaks of is none of them."""
    for entry in every:
        values = {name: FIGURES[name](entry) for name in condition.names & FIGURES.keys()}
        values |= {name: WORDS[name](entry) for name in condition.names & WORDS.keys()}
        if None not in values.values() and _holds(condition, values, where):
            yield entry


def _holds(condition: Expression, values: dict[str, object], where: str) -> bool:
    try:
        truth = condition.run(values, ())
    except ExpressionError as error:
        raise UsageError(f"--where: {error}") from None
    if not isinstance(truth, bool):
        raise UsageError(f"'{where}' is no condition; write params < 10M, or depth >= 50 and family != 'resnet'")
    return truth


def _age(family: Sequence[Entry]) -> tuple[bool, int, str]:
    """Folders below, such as the lectures' examples, come last."""
    first = family[0]
    return (
        first.file.parent != specs_folder(),
        min((entry.year for entry in family if entry.year), default=9999),
        first.family,
    )


@cache
def _family(file: Path) -> tuple[Entry, ...]:
    """The members of a family, counted once a process."""
    return tuple(_members(file))


def _members(file: Path) -> Iterator[Entry]:
    whole = load(str(file))
    members = [Model(whole.spec, name) for name in whole.spec.variants]
    meant = bind(whole.spec).network
    same = next((member.variant for member in members if bind(whole.spec, member.variant).network == meant), None)
    for model in members if same else [whole, *members]:
        names = (model.variant, file.stem) if model.variant == same is not None else (model.variant or file.stem,)
        yield _entry(model, tuple(str(name) for name in names), file)


def _entry(model: Model, names: tuple[str, ...], file: Path) -> Entry:
    spec, member = model.spec, model.spec.variant(model.variant)
    paper = member.paper if member and member.paper else spec.paper
    year = (
        member.year
        if member and member.year
        else year_of(member.paper)
        if member and member.paper
        else spec.year or year_of(spec.paper)
    )
    references = member.references if member else spec.references
    return Entry(names, file, model.count(), paper, year, references[0].source.partition(": ")[0] if references else "")


def year_of(paper: str | None) -> int | None:
    """The year in an arXiv identifier: `arXiv:1512.03385`, `arXiv:cs/0112017`."""
    match = _ARXIV.match(paper or "")
    if match is None:
        return None
    digits = int(match.group(2))
    return digits + (1900 if digits > 90 else 2000)


def listing(
    form: str = "table", width: int | None = None, families: Sequence[str] = (), where: str = "", by: str = "network"
) -> str:
    """The networks' figures, of all or of those that are asked for as `entries` says, in one of the
    formats of `zoo`; `by` network, or a row for each family, as a table.

    Raises UsageError for what there isn't.
    """
    written = writer(SHIPPED, form)
    if by not in ("network", "family"):
        raise UsageError(f"unknown --by '{by}'; there are network, family")
    if by == "family" and form != "table":
        raise UsageError("--by family is a table; the other formats have the family of each network")
    found = entries(families, where)
    if by == "family":
        return _by_family(found)
    return written(found, width, bool(families or where))


def markdown(found: Sequence[Entry], width: int | None = None, chosen: bool = False) -> str:
    """A pipe table of those that were chosen, or the page of all."""
    return _grid(found) if chosen else _markdown(found)


def json(found: Sequence[Entry], width: int | None = None, chosen: bool = False) -> str:
    """An object a name."""
    return escapes.json(_rows(found))


def _rows(found: Sequence[Entry]) -> list[dict[str, Json]]:
    return [_plain(entry, name) for entry in found for name in entry.names]


def comma_separated(found: Sequence[Entry], width: int | None = None, chosen: bool = False) -> str:
    """A row a name, with the figures of JSON: what is no number, as tables write it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV)
    for row in _rows(found):
        inputs = ", ".join(f"{name} {numbers.shape(tuple(shape))}" for name, shape in row["inputs"].items())
        cells = {**row, "inputs": inputs}
        writer.writerow(
            [
                escapes.csv(cell) if isinstance(cell := cells[name], str) else "" if cell is None else cell
                for name in CSV
            ]
        )
    return out.getvalue().rstrip("\n")


def _by_family(found: Sequence[Entry]) -> str:
    """A row a family: how many networks it has, from when, and between which figures."""
    rows = []
    for family, members in groupby(found, key=lambda entry: entry.family):
        every = list(members)
        years = sorted({entry.year for entry in every if entry.year})
        figures = [_span([entry.table.total(name) for entry in every]) for name in ("params", "macs")]
        when = "" if not years else f"{years[0]}" if len(years) == 1 else f"{years[0]} to {years[-1]}"
        rows.append([family, str(len(every)), when, *figures, every[0].paper or every[0].source])
    heads = ["family", "networks", "year", "params", "MACs", "where from"]
    return f"{listing_of(heads, rows, left=('family', 'where from'))}\n\n{len(found)} networks in {len(rows)} families"


def _span(figures: list[Json]) -> str:
    """`1.24M to 66.3M`."""
    low, high = numbers.count(min(figures)), numbers.count(max(figures))
    return low if low == high else f"{low} to {high}"


def _plain(entry: Entry, name: str) -> dict[str, Json]:
    table = entry.table
    told = {
        "name": name,
        "family": entry.family,
        "title": table.name,
        "year": entry.year,
        "paper": entry.paper,
        "spec": _shown(entry),
        "variant": table.variant,
    }
    field = receptive_field({"input": table.last_map[2]}) if table.last_map else "all"
    return (
        told
        | {"inputs": {key: list(shape) for key, shape in table.inputs.items()}}
        | {key: table.total(key) for key in KEYS}
        | {"receptive_field": field}
    )


def _shown(entry: Entry) -> str:
    return f"specs/{entry.file.relative_to(specs_folder()).as_posix()}"


# ---- tables ----------------------------------------------------------------------------------------------------------

BYTES = {"act_peak": "act_peak_bytes", "act_sum": "act_sum_bytes", "weight_bytes": "weight_bytes"}
TOTALS = ("params", "macs", "activations", "depth", "depth_with_pooling")
KEYS = (
    "params",
    "macs",
    "activations",
    "act_peak_bytes",
    "act_sum_bytes",
    "weight_bytes",
    "depth",
    "depth_with_pooling",
)
CSV = ("name", "family", "title", "year", "paper", "spec", "variant", "inputs", *KEYS)
LEFT = ("name", "network", "where from")
FIGURES: dict[str, Callable[[Entry], object]] = {  # what `where` may speak of
    **{name: partial(lambda entry, name: entry.table.total(name), name=name) for name in TOTALS},
    **{name: partial(lambda entry, key: entry.table.total(key), key=key) for name, key in BYTES.items()},
    "field": lambda entry: max(span.size for span in entry.table.last_map[2].spans) if entry.table.last_map else None,
    "year": lambda entry: entry.year,
}
WORDS: dict[str, Callable[[Entry], str]] = {"name": lambda entry: entry.names[0], "family": lambda entry: entry.family}
COLUMNS: dict[str, Callable[[Entry], str]] = {
    "name": lambda entry: entry.names[0],
    "network": lambda entry: entry.table.name,
    "year": lambda entry: str(entry.year or ""),
    "input": lambda entry: ", ".join(numbers.shape(shape) for shape in entry.table.inputs.values()),
    "params": lambda entry: numbers.count(entry.table.total("params")),
    "MACs": lambda entry: numbers.count(entry.table.total("macs")),
    "activations": lambda entry: numbers.count(entry.table.total("activations")),
    "act_peak": lambda entry: numbers.size_in_bytes(entry.table.total("act_peak_bytes")),
    "field": lambda entry: numbers.one_field(entry.table.last_map[2]) if entry.table.last_map else "all",
    "depth": lambda entry: str(entry.table.total("depth")),
    "where from": lambda entry: entry.paper or entry.source,
}
LEGEND = (
    f"MACs: {CONVENTION}; for one sample of the input shown",
    f"activations: elements that layers write; act_peak: bytes alive at most, in fp32 ({MEMORY_CONVENTION})",
    (
        "field: of the last map before the network goes global; * without its global gates; <= the largest where"
        " windows differ"
    ),
    "depth: layers with weights on the longest path",
)


def terminal(found: Sequence[Entry], width: int | None = None, chosen: bool = False) -> str:
    """For a terminal, as wide as it is."""
    body = _table(found, list(COLUMNS))
    for n in range(len(_TO_GO)):
        if width is not None and len(body.partition("\n")[0]) > width:
            body = _table(found, [name for name in COLUMNS if name not in _TO_GO[: n + 1]])
    families = ", ".join(f"{also} is {name}" for name, also in (entry.names for entry in found if len(entry.names) > 1))
    meant = f". A family's own name stands for one of its members: {families}." if families else ""
    notes = [f"{len(found)} network{'' if len(found) == 1 else 's'}{meant}", *LEGEND]
    lines = [
        line
        for note in notes
        for line in textwrap.wrap(note, width or 130, break_long_words=False, break_on_hyphens=False)
    ]
    return "\n".join([body, "", *lines])


def _table(found: Sequence[Entry], names: list[str]) -> str:
    return listing_of(names, [[COLUMNS[name](entry) for name in names] for entry in found], left=LEFT)


PAGE = """\
# The networks that ship

{networks} networks in {files} files, the oldest family first, and then the lectures' examples. \
Each is known by its name in any folder
(`archcalc count resnet50`); a family's own name stands for the member beside it. \
Published figures are held as `reference:` entries
with their sources, and `archcalc check specs` compares them with the count.

<!-- archcalc: plot *.yaml --kind bubble -o networks.svg --alt 'Networks by params and MACs, areas are activations' -->

![Networks by params and MACs, areas are activations](networks.svg)

<!-- archcalc: end (sum: 5129e13888d7) -->

{table}

{legend}

This page is what `archcalc zoo --format markdown > specs/README.md` writes; `archcalc docs specs` draws its picture."""


def _grid(found: Sequence[Entry]) -> str:
    """The table in Markdown, with links to the specs and papers."""
    rows = [list(COLUMNS), [":--" if name in LEFT else "--:" for name in COLUMNS]]
    rows += [
        [(_LINKED.get(name) or cell)(entry).replace("|", "\\|") for name, cell in COLUMNS.items()] for entry in found
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _markdown(found: Sequence[Entry]) -> str:
    """The whole page."""
    return PAGE.format(
        networks=len(found),
        files=len({entry.file for entry in found}),
        table=_grid(found),
        legend="\n".join(f"* {note}" for note in LEGEND),
    )


def _names(entry: Entry) -> str:
    link = entry.file.relative_to(specs_folder()).as_posix()
    return ", ".join([f"[`{entry.names[0]}`]({link})", *(f"`{name}`" for name in entry.names[1:])])


def _source(entry: Entry) -> str:
    paper = entry.paper or ""
    arxiv, doi = _ARXIV.match(paper), _DOI.match(paper)
    if arxiv:
        return f"[{paper}](https://arxiv.org/abs/{arxiv.group(1)})"
    return f"[{paper}](https://doi.org/{doi.group(1)})" if doi else paper or entry.source


_LINKED = {"name": _names, "where from": _source}
