"""A `Table` as text: for a terminal, Markdown, reStructuredText, HTML, LaTeX, CSV and JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from archcalc import escapes
from archcalc.algebra import Poly, text, unicode
from archcalc.cost import Row, Table
from archcalc.errors import UsageError
from archcalc.memory import CONVENTION as MEMORY_CONVENTION
from archcalc.memory import KEPT, attention_told, state_told
from archcalc.render import grouping, json, listing, networks, numbers, times, typeset, web
from archcalc.render.columns import COLUMNS, SUMMED, Form, chosen
from archcalc.render.grid import grid
from archcalc.render.markup import INDENT, grid_table, pipe_table

FORMATS = ("table", "markdown", "rst", "csv", "json", "html", "latex")


@dataclass(frozen=True, slots=True)
class Options:
    """Which rows and columns to show."""

    by: str | None = None
    depth: int | None = None
    sort: str | None = None
    top: int | None = None
    columns: str | None = None
    flops: bool = False
    width: int | None = None  # of the terminal; None where lines may be long


def render(tables: Sequence[Table], form: str = "table", **options: object) -> str:
    """Tables in one of `FORMATS`, without a final newline: one each, or at depth 0 one of the totals of several. Raises
    UsageError for options that don't exist.
    """
    if form not in FORMATS:
        raise UsageError(f"unknown format '{form}'; there are {', '.join(FORMATS)}")
    given = Options(**options)  # type: ignore[arg-type]
    picked = chosen(given.columns, tables[0], given.flops) if given.columns is not None and tables else None
    if form == "json":
        found = [json.count(table, _listed(table, given)) for table in tables]
        for table, one in zip(tables, found, strict=True) if picked is not None else ():
            one["layers"] = [listing.only(table, row, picked or ()) for row in _listed(table, given)]  # type: ignore[misc]
        return escapes.json(found[0] if len(found) == 1 else found)
    if form == "csv":
        rows = [(table, row) for table in tables for row in _listed(table, given) or [networks.whole(table)]]
        return listing.csv(rows, picked, any(table.timing is not None for table in tables))
    if given.depth == 0 and given.by is None and (len(tables) > 1 or form in ("html", "latex")):
        return _several(tables, form, given, picked)
    writer = {"table": _terminal, "markdown": _markdown, "rst": _rst, "html": _html, "latex": _latex}[form]
    return ("\n\n" if form != "table" else "\n\n\n").join(writer(table, given) for table in tables)


def _listed(table: Table, options: Options) -> list[Row]:
    """Rows for a machine: every layer unless something else is asked for."""
    if options.by is None and options.depth is None:
        return [entry.row for entry in grouping.entries(table, "layer", None, options.sort, options.top)]
    return [
        entry.row for entry in grouping.entries(table, options.by or "block", options.depth, options.sort, options.top)
    ]


# ---- the grid: headings, cells and the line of totals ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cells:
    headings: list[str]
    rows: list[list[str]]
    total: list[str]
    right: list[bool]
    names: list[str]


def cells(table: Table, options: Options, form: Form = unicode, indent: str = "  ") -> Cells:
    """The text of every cell."""
    names = chosen(options.columns, table, options.flops)
    if options.by == "op" and options.columns is None:  # an operator has no single output
        names = [name for name in names if name not in ("shape", "field")]
    shown = grouping.entries(table, options.by, options.depth, options.sort, options.top)
    labels = [
        indent * entry.level + escapes.plain(entry.row.name.rpartition("/")[2] if entry.level else entry.row.name)
        for entry in shown
    ]
    rows = [
        [label if name == "layer" else COLUMNS[name].cell(entry.row, table, form) for name in names]
        for label, entry in zip(labels, shown, strict=True)
    ]
    whole = networks.whole(table)
    total = [COLUMNS[name].cell(whole, table, form) if name in SUMMED or name.endswith("%") else "" for name in names]
    if "layer" in names:
        total[names.index("layer")] = "total"
    titles = table.convention.titles
    return Cells(
        [titles.get(name, COLUMNS[name].heading) for name in names],
        rows,
        total,
        [COLUMNS[name].right for name in names],
        names,
    )


# ---- what stands around the table ------------------------------------------------------------------------------------


def title(table: Table, form: Form = unicode) -> str:
    """`GoogLeNet · input 3x224x224`."""
    inputs = ", ".join(
        f"{escapes.plain(name)} {numbers.shape(shape, form)}".rstrip() for name, shape in table.inputs.items()
    )
    batch = "" if table.batch == 1 else f" · batch {numbers.exact(table.batch, form)}"
    if table.graph.samples > 1 and not batch:
        batch = (
            f" · a run of {table.graph.samples} samples"
            if table.graph.whole
            else f" · batch {table.graph.samples} in the file"
        )
    return f"{escapes.plain(table.name)} · {inputs}{batch}{' · training' if table.train else ''}"


def _width(table: Table) -> str:
    return f"in {table.dtype}" if table.stored is None else "as the file stores them"


def facts(table: Table, form: Form = unicode) -> list[tuple[str, str]]:
    """The totals, exact."""
    totals = table.totals
    trainable = (
        ""
        if totals["trainable_params"] == totals["params"]
        else f", {numbers.exact(totals['trainable_params'], form)} of them trainable"
    )
    buffers = f", and {numbers.exact(totals['buffers'], form)} numbers in buffers" if totals["buffers"] != 0 else ""
    incomplete = ", incomplete" if table.graph.uncounted else ""
    found = [
        ("params", f"{numbers.exact(totals['params'], form)}{trainable}{buffers}{incomplete}"),
        *(
            [("active", f"{numbers.exact(totals['active_params'], form)} params that a position meets")]
            if totals["active_params"] != totals["params"]
            else []
        ),
        *(
            (title, f"{numbers.exact(totals[name], form)} {_per(table)}{incomplete}")
            for name, title in table.convention.titles.items()
        ),
    ]
    if table.timing is not None:
        found = [*times.facts(table, table.timing, form), *found]
    if table.train:
        found.append(("backward", f"{numbers.exact(totals['backward_macs'], form)} MACs"))
        state = numbers.size_in_bytes(totals["optimizer_bytes"], form)
        found.append(("optimiser", f"{state} ({state_told(table.training)})"))
        found += _training(table, form)
    found.append(("weights", f"{numbers.size_in_bytes(totals['weight_bytes'], form)} {_width(table)}"))
    if totals["cache_bytes"] != 0:
        found.append(("cache", f"{numbers.size_in_bytes(totals['cache_bytes'], form)} of keys and values"))
    found.append(("activations", f"{numbers.size_in_bytes(totals['act_peak_bytes'], form)} alive at most"))
    found.append(("", f"{numbers.size_in_bytes(totals['act_sum_bytes'], form)} kept for training"))
    found.append(("depth", _depth(table, form)))
    found.append(("field", _field(table, form)))
    found.append(("coverage", f"{_coverage(table, form)}"))
    if table.free:
        found.append(("valid for", ", ".join(table.domain) or "every value"))
        found += [("", f"{', '.join(conditions)} for {NARROWER[name]}") for name, conditions in table.narrower.items()]
    return found


def _training(table: Table, form: Form) -> list[tuple[str, str]]:
    """What training holds in all, and what is computed again for that."""
    parts, again = table.totals["training_bytes"], table.totals.get("recomputed_macs")
    told = [
        f"{name} {numbers.size_in_bytes(value, form)}"
        for name, value in parts.items()
        if name != "total" and value != 0
    ]
    found = [("training", f"{numbers.size_in_bytes(parts['total'], form)} in all: {', '.join(told)}")]
    return found if again is None else [*found, ("recomputed", f"{numbers.exact(again, form)} MACs more")]


NARROWER = {
    "act_peak_bytes": "what is alive at most",
    "act_sum_bytes": "what training keeps",
    "depth": "the depth",
    "receptive_field": "the field",
}


def _coverage(table: Table, form: Form) -> str:
    layers = numbers.exact(table.totals["layers"], form)
    missing = table.graph.uncounted
    counted = numbers.exact(table.totals["layers"] - sum(found.nodes for found in missing), form) if missing else layers
    without = "; ".join(map(str, missing))
    return f"{counted} of {layers} layer{'s' * (layers != '1')} counted{', without ' + without if missing else ''}"


def _per(table: Table) -> str:
    if table.graph.whole:
        return f"a run of {table.graph.samples} samples"
    return "a run" if table.graph.is_run else "a sample" if table.batch == 1 else "a batch"


def legend(table: Table) -> list[str]:
    """The conventions that the totals follow."""
    told = table.convention
    lines = [
        f"{', '.join(told.titles.values()) or told.name}: {told.definition}",
        "; ".join([f"alive: {MEMORY_CONVENTION}", *filter(None, [attention_told(table.graph)])]),
        f"kept: {KEPT}",
    ]
    if table.timing is not None:
        lines = [*times.legend(table.timing), *lines]
    if table.train:
        lines.append("backward: gradients of weights and of inputs; none for the input of the first layer that learns")
    if table.graph.loops:
        lines.append(
            "1..n: repeats that are alike, in one row with the sum of their figures; its output and field are those of"
            " repeat i, counted from 0"
        )
    return lines


def _depth(table: Table, form: Form) -> str:
    totals = table.totals
    expected = totals.get("expected_depth", totals["depth"])
    exact = numbers.exact(expected, form) if isinstance(expected, Poly) else f"{float(expected):.4g}"
    training = "" if expected == totals["depth"] else f"; {exact} expected in training"
    depth, pooling = numbers.exact(totals["depth"], form), numbers.exact(totals["depth_with_pooling"], form)
    return f"{depth} layer{'s' * (depth != '1')} with weights on the longest path, {pooling} with pooling{training}"


def _field(table: Table, form: Form) -> str:
    if table.last_map is None:
        return "everything"
    label, source, field = table.last_map
    if not field.spans:
        return f"{numbers.one_field(field, form)}, at {label}"
    on = f" of {source}" if len(table.inputs) > 1 else ""
    sizes, strides = tuple(span.size for span in field.spans), tuple(span.stride for span in field.spans)
    size = " x ".join(numbers.axes((value,), form) for value in sizes)
    gates = "; everything through its global gates" if field.gated else ""
    bound = "at most " if any(span.is_bound for span in field.spans) else ""
    return f"{bound}{size}{on} at stride {numbers.axes(strides, form)}, at {label}{gates}"


# ---- writers ---------------------------------------------------------------------------------------------------------


def _terminal(table: Table, options: Options) -> str:
    found = cells(table, options)
    notes = facts(table)
    label = max(len(name) for name, _ in notes)
    lines = [line for name, value in notes for line in _wrapped(f"{name:<{label}}  ", value, options.width)]
    lines += ["", *(line for text in legend(table) for line in _wrapped("", text, options.width))]
    head = escapes.line(f"{title(table)} · {table.spec.path}{'@' + table.variant if table.variant else ''}")
    return "\n".join(
        [
            *_wrapped("", head, options.width),
            "",
            *([grid(found, options.width), ""] if found.rows else []),
            *map(escapes.line, lines),
        ]
    )


def _wrapped(label: str, value: str, width: int | None) -> list[str]:
    import textwrap

    if width is None or len(label) + len(value) <= width:
        return [label + value]
    return textwrap.wrap(
        value,
        max(width, 40),
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _markdown(table: Table, options: Options) -> str:
    return _marked_up(table, options, pipe_table, escapes.markdown_paragraph)


def _rst(table: Table, options: Options) -> str:
    return _marked_up(table, options, grid_table, escapes.rst)


def _marked_up(table: Table, options: Options, writer: Callable[..., str], paragraph: Callable[[str], str]) -> str:
    found = cells(table, options, indent=INDENT)
    below = paragraph(caption(table))
    return f"{writer(found.headings, found.rows, found.right, found.total)}\n\n{below}" if found.rows else below


def caption(table: Table, form: Form = unicode) -> str:
    """A sentence with the totals and their convention."""
    totals = table.totals
    field = _field(table, form)
    operations = "".join(
        f", {numbers.exact(totals[name], form)} {title}" for name, title in table.convention.titles.items()
    )
    return (
        f"{title(table, form)}: {numbers.exact(totals['params'], form)} parameters{operations}"
        f" ({table.convention.definition}); depth {numbers.exact(totals['depth'], form)}; receptive field {field};"
        f" {_coverage(table, form)}.{_predicted(table, form)}"
    )


def _predicted(table: Table, form: Form) -> str:
    if table.timing is None:
        return ""
    (_, time), *_, (_, device) = times.facts(table, table.timing, form)
    return f" Predicted: {time} ({device})."


def _html(table: Table, options: Options) -> str:
    return web.html(cells(table, options, indent=INDENT), caption(table))


def _latex(table: Table, options: Options) -> str:
    return typeset.tabular(cells(table, options, typeset.math, indent=typeset.QUAD), caption(table, text))


# ---- several networks ------------------------------------------------------------------------------------------------


def _several(tables: Sequence[Table], form: str, options: Options, names: Sequence[str] | None) -> str:
    """A row a network, and below the conventions that their totals follow."""
    columns = networks.chosen(tables, names)
    spelled = typeset.math if form == "latex" else unicode
    found = Cells(
        [heading for heading, _, _ in columns.values()],
        [[cell(table, spelled) for _, cell, _ in columns.values()] for table in tables],
        [],
        [right for _, _, right in columns.values()],
        list(columns),
    )
    below = list(dict.fromkeys(line for table in tables for line in legend(table)))
    if form == "table":
        lines = [line for text in below for line in _wrapped("", text, options.width)]
        return "\n".join([grid(found, options.width), "", *map(escapes.line, lines)])
    if form == "html":
        return web.html(found, "; ".join(below))
    if form == "latex":
        return typeset.tabular(found, "; ".join(below))
    writer, paragraph = (pipe_table, escapes.markdown_paragraph) if form == "markdown" else (grid_table, escapes.rst)
    return f"{writer(found.headings, found.rows, found.right)}\n\n{paragraph('; '.join(below))}"


__all__ = ["FORMATS", "Options", "caption", "cells", "facts", "render", "title"]
