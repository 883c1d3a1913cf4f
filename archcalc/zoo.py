"""The networks that ship, in one table: family by family, the oldest first."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from archcalc import escapes
from archcalc.cost import CONVENTION, Table
from archcalc.errors import UsageError
from archcalc.files import spec_files, specs_folder
from archcalc.memory import CONVENTION as MEMORY_CONVENTION
from archcalc.model import Model, load
from archcalc.render import numbers
from archcalc.render.grid import listing as listing_of
from archcalc.render.json import receptive_field
from archcalc.spec import bind

_ARXIV = re.compile(r"arxiv:\s*((?:[a-z.-]+/)?(\d\d)\d\d(?:\.\d{4,5}|\d{3}))(?:v\d+)?$", re.IGNORECASE)
_DOI = re.compile(r"doi:\s*(10\.\S+)$", re.IGNORECASE)
_TO_GO = (
    "where from",
    "network",
    "activations",
    "input",
    "act_peak",
    "year",
)  # columns that a narrow terminal does without, in this order


@dataclass(frozen=True, slots=True)
class Entry:
    """A network: the names that it goes by, and its count."""

    names: tuple[str, ...]
    file: Path
    table: Table
    paper: str | None
    year: int | None
    source: str  # of its first reference

    @property
    def family(self) -> str:
        return self.file.stem


@cache
def entries() -> tuple[Entry, ...]:
    """Every network, members together in the order of their file. A family's own name stands with the member that it
    means.
    """
    families = [list(_family(file)) for file in spec_files()]
    return tuple(entry for family in sorted(families, key=_age) for entry in family)


def _age(family: list[Entry]) -> tuple[bool, int, str]:
    """Folders below, such as the lectures' examples, come last."""
    first = family[0]
    return (
        first.file.parent != specs_folder(),
        min((entry.year for entry in family if entry.year), default=9999),
        first.family,
    )


def _family(file: Path) -> Iterator[Entry]:
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


def listing(form: str = "table", width: int | None = None) -> str:
    """Every network's figures, in `table`, `markdown` or `json`. Raises UsageError for another format."""
    if form not in ("table", "markdown", "json"):
        raise UsageError(f"unknown format '{form}'; there are table, markdown, json")
    found = entries()
    if form == "json":
        return escapes.json([_plain(entry, name) for entry in found for name in entry.names])
    return _markdown(found) if form == "markdown" else _terminal(found, width)


def _plain(entry: Entry, name: str) -> dict[str, Any]:
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
    keys = (
        "params",
        "macs",
        "activations",
        "act_peak_bytes",
        "act_sum_bytes",
        "weight_bytes",
        "depth",
        "depth_with_pooling",
    )
    field = receptive_field({"input": table.last_map[2]}) if table.last_map else "all"
    return (
        told
        | {"inputs": {key: list(shape) for key, shape in table.inputs.items()}}
        | {key: table.totals[key] for key in keys}
        | {"receptive_field": field}
    )


def _shown(entry: Entry) -> str:
    return f"specs/{entry.file.relative_to(specs_folder()).as_posix()}"


# ---- tables ----------------------------------------------------------------------------------------------------------

LEFT = ("name", "network", "where from")
COLUMNS: dict[str, Callable[[Entry], str]] = {
    "name": lambda entry: entry.names[0],
    "network": lambda entry: entry.table.name,
    "year": lambda entry: str(entry.year or ""),
    "input": lambda entry: ", ".join(numbers.shape(shape) for shape in entry.table.inputs.values()),
    "params": lambda entry: numbers.count(entry.table.totals["params"]),
    "MACs": lambda entry: numbers.count(entry.table.totals["macs"]),
    "activations": lambda entry: numbers.count(entry.table.totals["activations"]),
    "act_peak": lambda entry: numbers.size_in_bytes(entry.table.totals["act_peak_bytes"]),
    "field": lambda entry: numbers.one_field(entry.table.last_map[2]) if entry.table.last_map else "all",
    "depth": lambda entry: str(entry.table.totals["depth"]),
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


def _terminal(found: Sequence[Entry], width: int | None) -> str:
    body = _table(found, list(COLUMNS))
    for n in range(len(_TO_GO)):
        if width is not None and len(body.partition("\n")[0]) > width:
            body = _table(found, [name for name in COLUMNS if name not in _TO_GO[: n + 1]])
    families = ", ".join(f"{also} is {name}" for name, also in (entry.names for entry in found if len(entry.names) > 1))
    notes = [f"{len(found)} networks. A family's own name stands for one of its members: {families}.", *LEGEND]
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

{networks} networks in {files} files, the oldest family first, and then the lectures' examples. Each is known by its name in any folder
(`archcalc count resnet50`); a family's own name stands for the member beside it. Published figures are held as `reference:` entries
with their sources, and `archcalc check specs` compares them with the count.

<!-- archcalc: plot *.yaml --kind bubble -o networks.svg --alt 'Networks by params and MACs, areas are activations' -->

![Networks by params and MACs, areas are activations](networks.svg)

<!-- archcalc: end (sum: 5129e13888d7) -->

{table}

{legend}

This page is what `archcalc zoo --format markdown > specs/README.md` writes; `archcalc docs specs` draws its picture."""


def _markdown(found: Sequence[Entry]) -> str:
    rows = [list(COLUMNS), [":--" if name in LEFT else "--:" for name in COLUMNS]]
    rows += [
        [(_LINKED.get(name) or cell)(entry).replace("|", "\\|") for name, cell in COLUMNS.items()] for entry in found
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return PAGE.format(
        networks=len(found),
        files=len({entry.file for entry in found}),
        table=table,
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
