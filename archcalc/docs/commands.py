"""The commands that a region may carry, and what they answer: `table net.yaml --depth 1`, `value resnet50 macs`.

They are words with options, read here: nothing is handed to a shell, and nothing runs but archcalc.
"""

from __future__ import annotations

import glob
import itertools
import os
import shlex
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import TypeVar

from archcalc import reading
from archcalc.algebra import Poly, latex, text, unicode
from archcalc.comparison import Comparison, Delta
from archcalc.comparison.formats import words
from archcalc.comparison.operands import Operand
from archcalc.comparison.pairs import pair
from archcalc.cost import Table
from archcalc.docs import asking
from archcalc.docs.figures import MODEL_COLUMNS, figure, formed, model_column
from archcalc.docs.pictures import named
from archcalc.docs.pieces import Badge, Code, Diagram, Formula, Grid, Picture, Piece, Words
from archcalc.errors import Mark, UsageError, suggest
from archcalc.files import is_model_file, is_yaml, parted
from archcalc.latency.profile import device_names, load_profile
from archcalc.model import Model, load
from archcalc.patterns import pattern
from archcalc.picture import Asked
from archcalc.picture.diagram import draw
from archcalc.picture.mermaid import mermaid
from archcalc.picture.plot import judge, plot
from archcalc.question import Question
from archcalc.records import Record
from archcalc.render.cells import Options, cells
from archcalc.render.facts import caption
from archcalc.render.markup import INDENT

_WILD = pattern(r"[*?\[]")


MOST_KEPT = 200  # tables, and contents of regions, for the regions to come

_Made = TypeVar("_Made")


class Catalog(Record, frozen=False):
    """The specs that a run reads, each once, and their files, for whoever watches them. What is asked of them is
    counted once, however many regions ask it.
    """

    models: dict[str, Model] = {}
    files: set[Path] = set()
    allowed: tuple[Path, ...] = ()  # folders outside of the document's repository that may be read, too
    tables: dict[tuple[object, ...], Table] = {}  # by what was asked of which network
    contents: dict[tuple[object, ...], tuple[Piece, str]] = {}  # of regions, by what they ask
    operands: dict[tuple[int, str | None], Operand] = {}

    def model(self, name: str, folder: Path) -> Model:
        """A spec beside the document, or a network that ships: a name without a slash or a suffix, which no file there
        has.

        Raises UsageError if there is no such thing, SpecError if it has mistakes.
        """
        where = _located(name, folder)
        if where is not None:
            _held((reading.project(folder), *self.allowed), Path(parted(where)[0]), name)
            self.files.add(Path(where.partition("@")[0]))
        found = self.models.get(where or name)
        if found is None:
            found = self.models[where or name] = load(where or name)
        return found

    def table(self, model: Model, question: Question) -> Table:
        """What is asked of one of these models, or of a variant. Raises UsageError and SpecError."""
        bindings, *others = question
        key = id(model.spec), model.variant, *sorted(bindings.items()), *others
        return _kept(self.tables, key, lambda: model.answer(question))

    def content(self, asked: tuple[str, Path, str, bool], made: Callable[[], tuple[Piece, str]]) -> tuple[Piece, str]:
        """What a command says in a folder, in one markup, inside a sentence or not, and how that is written."""
        return _kept(self.contents, asked, made)

    def operand(self, model: Model) -> Operand:
        """One of these models as a side of comparisons, which keeps what was counted for it."""
        return self.operands.setdefault((id(model.spec), model.variant), Operand(model))


def _kept(kept: dict[tuple[object, ...], _Made], key: tuple[object, ...], made: Callable[[], _Made]) -> _Made:
    """What was made for a key, or is made now; of many the ones that were asked for last."""
    found = kept.pop(key) if key in kept else made()
    kept[key] = found
    if len(kept) > MOST_KEPT:
        del kept[next(iter(kept))]
    return found


def _located(name: str, folder: Path) -> str | None:
    """The file that a document means, None for a network that ships."""
    path, at, variant = name.partition("@")
    beside = folder / path
    if reading.is_file(beside) or reading.is_file(folder / name) or "/" in path or is_yaml(path) or is_model_file(path):
        return os.path.normpath(beside).replace(os.sep, "/") + at + variant
    return None


def home(document: Path) -> Path:
    """The folder from which a document names specs: its own, or that of the file behind it if a link leads there."""
    real = Path(os.path.realpath(document)).parent
    if real == Path(os.path.abspath(document)).parent:
        return document.parent
    return real.relative_to(Path.cwd()) if real.is_relative_to(Path.cwd()) else real


def answer(command: str, folder: Path, catalog: Catalog, mark: Mark) -> Piece:
    """What a command says, with specs looked for from `folder`. Raises UsageError or SpecError."""
    try:
        parts = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"{str(error).lower()} in `{command}`") from None
    if not parts:
        raise UsageError(f"no command; there are {', '.join(KINDS)}")
    kind = KINDS.get(parts[0])
    if kind is None:
        raise UsageError(f"unknown command '{parts[0]}'{suggest(parts[0], KINDS, 'there are ' + ', '.join(KINDS))}")
    return kind.answer(asking.parser(parts[0], kind.takes).parse_args(parts[1:]), Place(folder, catalog, mark))


class Place(Record):
    """Where a command stands."""

    folder: Path
    catalog: Catalog
    mark: Mark

    def table(self, name: str, given: asking.Arguments) -> Table:
        """The table of a network, by its name from the document. Raises UsageError and SpecError."""
        return self.catalog.table(self.catalog.model(name, self.folder), asking.question(given))


# ---- the commands ----------------------------------------------------------------------------------------------------


def _table(given: asking.Arguments, place: Place) -> Piece:
    table = place.table(given.spec, given)
    options = Options(given.by, given.depth, given.sort, given.top, given.columns, given.flops)
    found = cells(table, options, indent=INDENT)
    rows = tuple(map(tuple, found.rows))
    return Grid(
        tuple(found.headings),
        rows,
        tuple(found.right),
        tuple(found.total),
        "" if given.no_caption and rows else caption(table),
    )


def _value(given: asking.Arguments, place: Place) -> Piece:
    table = place.table(given.spec, given)
    value = figure(table, given.metric, given.layer, place.mark)
    return Words(formed(value, given.metric, given.form), given.define, _badge(given, value))


def _badge(given: asking.Arguments, value: object) -> Badge | None:
    """What the badge of a figure says. Raises UsageError for options of a badge that isn't asked for."""
    if given.badge is None:
        if given.label is not None or given.color is not None:
            raise UsageError("--label and --color are of a badge: --badge FILE.json")
        return None
    column = MODEL_COLUMNS.get(given.metric)
    label = given.label or (column.heading if column else given.metric.replace("_", " "))
    return Badge(
        named(given.badge, "a badge", "a .json"), label, formed(value, given.metric, given.form), given.color or "blue"
    )


def _formula(given: asking.Arguments, place: Place) -> Piece:
    if not given.free:
        raise UsageError("a formula needs free parameters: --free size, or --free all")
    table = place.table(given.spec, given)
    value = figure(table, given.metric, given.layer, place.mark)
    if not isinstance(value, (int, Fraction, Poly)):
        raise UsageError(f"{given.metric} has no formula: it is {value}")
    if given.form == "latex":
        return Formula(latex(value), given.define)
    return Code(text(value), given.define) if given.form == "text" else Words(unicode(value), given.define)


def _models(given: asking.Arguments, place: Place) -> Piece:
    names = [name for pattern in given.specs for name in _matching(pattern, place.folder)]
    models = [(name, place.catalog.model(name, place.folder)) for name in names]
    if given.variants:
        models = [
            pair
            for name, model in models
            for pair in ((name, model), *((f"{name}@{v}", Model(model.spec, v)) for v in model.spec.variants))
        ]
        distinct: dict[tuple[int, str | None], tuple[str, Model]] = {}
        for pair in models:
            distinct.setdefault((id(pair[1].spec), pair[1].variant), pair)
        models = list(distinct.values())
    columns = [model_column(name) for name in given.columns.split(",")]
    question = asking.question(given)
    tables = [(name, place.catalog.table(model, question)) for name, model in models]
    rows = tuple(tuple(column.cell(name, table, given.form) for column in columns) for name, table in tables)
    return Grid(tuple(column.heading for column in columns), rows, tuple(column.right for column in columns))


def _diagram(given: asking.Arguments, place: Place) -> Piece:
    is_file = given.form == "svg" or (given.form is None and given.output is not None)
    if not is_file and (given.output is not None or given.metric is not None):
        raise UsageError("--output and --metric are of --format svg; a Mermaid diagram stands in the document")
    table = place.table(given.spec, given)
    if not is_file:
        return Diagram(mermaid(table, given.depth, given.direction))
    drawn = draw(table, "svg", given.depth, given.direction, given.metric or "macs")
    return _picture(given, drawn, f"{_stem(given.spec)}.svg", f"Diagram of {table.name}")


def _plot(given: asking.Arguments, place: Place) -> Piece:
    names = [name for pattern in given.specs for name in _matching(pattern, place.folder)]
    judge(given.kind, given.metric, len(names))
    wrong = [name for name in given.device if name not in device_names()]
    if wrong:
        hint = suggest(wrong[0], device_names(), f"there are {', '.join(device_names())}")
        raise UsageError(f"there is no device '{wrong[0]}'{hint}")
    tables = [place.table(name, given) for name in names]
    asked = Asked(given.metric, given.depth, tuple(map(load_profile, given.device)))
    of = tables[0].name if len(tables) == 1 else f"{len(tables)} networks"
    return _picture(
        given, plot(tables, given.kind, asked), f"{_stem(names[0])}-{given.kind}.svg", f"{given.kind} of {of}"
    )


def _picture(given: asking.Arguments, drawn: str, path: str, alt: str) -> Picture:
    return Picture(named(given.output or path), drawn, given.alt or alt)


def _stem(name: str) -> str:
    """What the picture of a network is called: `vgg16` for `../vgg.yaml@vgg16`."""
    path, _, variant = name.partition("@")
    return variant or PurePosixPath(path).name.partition(".")[0]


def _diff(given: asking.Arguments, place: Place) -> Piece:
    base, head = (place.catalog.operand(place.catalog.model(name, place.folder)) for name in (given.base, given.head))
    found = pair(base, head, asking.question(given))
    assert found.base is not None
    assert found.head is not None
    names = (found.base.name, found.head.name) if found.base.name != found.head.name else ("before", "after")
    if given.by == "layer":
        return _layers(found)
    rows = [
        (total.label, total.short(delta.before), total.short(delta.after), *_change(total, delta))
        for total, delta in words.totals(found)
    ]
    return Grid(("", *names, "change", "%"), tuple(rows), (False, True, True, True, True))


def _change(total: words.Total, delta: Delta) -> tuple[str, str]:
    """The difference, and in percent; words that differ have none."""
    if delta.is_same:
        return "=", ""
    return words.signed(delta.change, total.short), words.grown(delta).removesuffix(" %") if total.grows else ""


def _layers(found: Comparison) -> Grid:
    """What happened to each layer that isn't what it was."""
    changes, columns, silent = words.layers(found)
    rows = []
    for change in changes:
        deltas = [words.signed(change.delta(column.key), column.short) for column in columns]
        rows.append((change.path, change.status.value, words.operation(change), *deltas))
    return Grid(
        ("layer", "", "operation", *(column.label for column in columns)),
        tuple(rows),
        (False, False, False, *(True for _ in columns)),
        caption=words.more(silent) if rows else "No layer changed.",
    )


# ---- several networks ------------------------------------------------------------------------------------------------


def _matching(pattern: str, folder: Path) -> list[str]:
    """The specs that a pattern stands for, in the order of their names; all of them in the project that the document is
    of.
    """
    parts = pattern.replace(os.sep, "/").split("/")
    fixed = list(itertools.takewhile(lambda part: not _WILD.search(part), parts))
    if fixed == parts:
        return [pattern]
    if os.path.isabs(pattern) or pattern.startswith("/"):
        raise UsageError(f"'{pattern}' is absolute; a pattern goes from the document's folder")
    if ".." in parts[len(fixed) :]:
        raise UsageError(f"'{pattern}' goes up after a wildcard; `..` stands at the beginning")
    project = (reading.repository(folder) or folder,)
    _held(project, folder.joinpath(*fixed), f"'{pattern}'")
    found = sorted(
        name.replace(os.sep, "/")
        for name in glob.glob(pattern, root_dir=folder, recursive=True)
        if reading.is_file(folder / name)
    )
    if not found:
        raise UsageError(f"no file matches '{pattern}'")
    for name in found:
        _held(project, folder / name, f"{name}, which '{pattern}' matches,")
    return found


def _held(folders: Sequence[Path], path: Path, what: str) -> None:
    if not reading.is_inside(path, folders):
        raise UsageError(f"{what} leaves the document's project, the repository that holds it or else its folder")


class Kind(Record):
    """A command: what it takes, and what it answers."""

    takes: asking.Takes
    answer: Callable[[asking.Arguments, Place], Piece]


KINDS = {
    "table": Kind(asking.takes_table, _table),
    "value": Kind(asking.takes_value, _value),
    "models": Kind(asking.takes_models, _models),
    "formula": Kind(asking.takes_figure(("latex", "unicode", "text")), _formula),
    "diagram": Kind(asking.takes_diagram, _diagram),
    "plot": Kind(asking.takes_plot, _plot),
    "diff": Kind(asking.takes_diff, _diff),
}
