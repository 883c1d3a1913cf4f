"""The JSON contract `archcalc/count/1`: exact ints; a closed form is a string that the spec language reads back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, cast

from archcalc.algebra import Poly, text
from archcalc.cost import Table
from archcalc.cost.row import Row
from archcalc.duration import Timing
from archcalc.graph import Held, Uncounted
from archcalc.ops import Reach
from archcalc.ops.base import number
from archcalc.receptive import Field
from archcalc.render import times

if TYPE_CHECKING:
    from archcalc.render import contract
    from archcalc.render.cells import Options

TOGETHER = 500  # rows of a piece


def plain(value: object) -> Any:
    """An int as it is, a closed form as text, an expected value that is not whole as a float."""
    if isinstance(value, Poly):
        return text(value)
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def receptive_field(fields: dict[str, Field]) -> contract.ReceptiveField | dict[str, contract.ReceptiveField]:
    """`{"size", "stride", "start"}` an axis, "all" or "not uniform"; by input where a layer sees several."""
    if not fields:
        return None
    if len(fields) == 1:
        return _field(next(iter(fields.values())))
    return {name: _field(field) for name, field in fields.items()}


def _field(field: Field) -> contract.ReceptiveField:
    return _spans(field) if field.spans else _reach(field)


def _reach(field: Field) -> Literal["all", "not uniform"] | None:
    """The word for a field without windows; None where no axis has positions."""
    return None if field.reach is Reach.PASS else "all" if field.reach is Reach.ALL else "not uniform"


def _spans(field: Field) -> contract.Spans:
    found: contract.Spans = {
        "size": [plain(span.size) for span in field.spans],
        "stride": [plain(span.stride) for span in field.spans],
        "start": [plain(span.start) for span in field.spans],
    }
    if field.gated:
        found["gated"] = True
    if any(span.is_bound for span in field.spans):
        found["bound"] = True
    return found


def layer(row: Row) -> contract.Layer:
    """A row of `layers`."""
    found: contract.Layer = {
        "name": row.name,
        "op": row.op,
        "text": row.text,
        "block": row.block,
        "line": row.line,
        "inputs": list(row.inputs),
        "shape": plain(row.shape),
        "params": plain(row.params),
        "trainable_params": plain(row.trainable_params),
        "buffers": plain(row.buffers),
        "macs": plain(row.macs),
        "flops": plain(row.flops),
        "elementwise": plain(row.elementwise),
        "activations": plain(row.activations),
        "weight_bytes": plain(row.weight_bytes),
        "bytes": plain(row.bytes),
        "receptive_field": receptive_field(row.field),
    }
    if row.time is not None:
        found["latency_ms"] = times.exact(row.time.total)
        found["latency_bound"] = row.time.bound or None
        found["extrapolated"] = row.time.extrapolated != 0
    if row.backward_macs is not None:
        found["backward_macs"] = plain(row.backward_macs)
    if row.ranges:
        found["over"] = [{"index": str(r.index), "from": plain(r.start), "to": plain(r.stop - 1)} for r in row.ranges]
    return found


def _layer(table: Table, row: Row) -> contract.Layer:
    """A row of a table; what the tool that it follows doesn't count is null."""
    found = layer(row)
    if table.convention.version:
        for name in ("macs", "flops", "elementwise"):
            if table.totals[name] is None:
                found[name] = None
    return found


def parts(tables: Iterable[Table], options: Options) -> Iterator[str]:
    """What `--format json` prints, some rows a piece: an object, or of several networks a list of them. A table is
    asked for when those before it are written. Raises UsageError.
    """
    rest = iter(tables)
    some = list(islice(rest, 2))
    if len(some) == 1:
        yield from _written(some[0], options, "\n")
        return
    end = "["
    while some:
        yield f"{end}\n "
        yield from _written(some.pop(0), options, "\n ")
        some += islice(rest, 1)
        end = ","
    yield "[]" if end == "[" else "\n]"


def _written(table: Table, options: Options, newline: str) -> Iterator[str]:
    """A table, each line of it behind `newline`: its layers are never all there at once."""
    from archcalc import escapes
    from archcalc.render import listing

    columns = listing.picked(table, options)
    layers = f'{newline} "layers": ['
    before, _, after = escapes.json(count(table, ())).replace("\n", newline).partition(layers)
    yield before + layers
    rows, end = listing.each(table, options), ""
    while some := list(islice(rows, TOGETHER)):
        found = [_layer(table, row) if columns is None else listing.only(table, row, columns) for row in some]
        yield end + escapes.json(found)[1:-2].replace("\n", f"{newline} ")
        end = ","
    yield (f"{newline} " if end else "") + after


def count(table: Table, rows: Sequence[Row] | None = None) -> contract.Count:
    """A whole table; `rows` are its layers unless others are given."""
    from archcalc import __version__

    found: contract.Count = {
        "schema": "archcalc/count/1",
        "tool": {"name": "archcalc", "version": __version__},
        "name": table.name,
        "spec": table.spec.path,
        "variant": table.variant,
        "convention": table.convention.name,
        "mode": "training" if table.train else "inference",
        "batch": plain(table.batch),
        "dtype": table.dtype,
        "bindings": {name: plain(value) for name, value in table.binding.values.items() if name not in table.free},
        "free": list(table.free),
        "inputs": {name: plain(shape) for name, shape in table.inputs.items()},
        "totals": cast("contract.Totals", {name: plain(value) for name, value in table.totals.items()}),
        "receptive_field": _whole_field(table),
        "layers": [_layer(table, row) for row in (table.rows if rows is None else rows)],
    }
    _add(found, table)
    return found


def _add(found: contract.Count, table: Table) -> None:
    """What only some networks and questions have."""
    if table.convention.version:
        _told(found, table)
    if table.graph.notes:
        found["notes"] = list(table.graph.notes)
    if table.graph.tensors is not None:
        found["tensors"] = [_tensor(held) for held in table.graph.tensors]
    if table.timing is not None:
        _timed(found, table, table.timing)
    if table.binding.given:
        found["set"] = list(table.binding.given)
    if table.without:
        found["without"] = list(table.without)
    if table.free:
        found["domain"] = list(table.domain)
    if table.free and table.narrower:
        found["narrower_domains"] = {name: list(conditions) for name, conditions in table.narrower.items()}


def _tensor(held: Held) -> contract.Held:
    return {
        "name": held.name,
        "shape": plain(held.shape),
        "size": plain(held.size),
        "type": held.type,
        "bytes": held.bytes,
        "role": held.role,
        "why": held.why,
    }


def _told(found: contract.Count, table: Table) -> None:
    """Whose convention is followed."""
    found["counted_by"] = {
        "tool": table.convention.name,
        "version": table.convention.version,
        "units": dict(table.convention.titles),
    }


def _timed(found: contract.Count, table: Table, timing: Timing) -> None:
    """What is predicted of the whole network."""
    low, high = timing.interval
    found["totals"]["latency_ms"] = times.exact(timing.whole.total)
    found["totals"]["latency_interval_ms"] = [times.exact(low), None if high is None else times.exact(high)]
    found["latency"] = times.latency(table, timing)


def _whole_field(table: Table) -> contract.WholeField:
    if table.last_map is None:
        return "all"
    label, source, field = table.last_map
    if not field.spans:
        return _reach(field)
    found = cast("contract.LastMap", {"at": label, **_spans(field)})
    if len(table.inputs) > 1:
        found["input"] = source
    return found


def lacking(found: Iterable[Uncounted]) -> list[contract.Uncounted]:
    """What could not be counted."""
    return [{"op": op, "count": nodes, "first": first, "why": why} for op, nodes, first, why in found]


def verdict(found: Any) -> contract.Figure:
    """A reference or budget held against the count."""
    return {
        "kind": found.kind,
        "metric": found.metric,
        "passed": found.passed,
        "known_mismatch": found.known,
        "warning": found.warning,
        "counted": plain(found.counted),
        "wanted": found.wanted,
        "source": found.source,
        "note": found.note,
        "file": found.mark.file,
        "line": found.mark.line,
        "column": found.mark.column,
    }


def header(table: Table) -> contract.Asked:
    """Which network was run; all of its sizes are numbers."""
    return {
        "name": table.name,
        "spec": table.spec.path,
        "variant": table.variant,
        "mode": "training" if table.train else "inference",
        "batch": number(table.batch),
        "bindings": {name: plain(value) for name, value in table.binding.values.items()},
        "inputs": {name: plain(shape) for name, shape in table.inputs.items()},
        "without": list(table.without),
    }
