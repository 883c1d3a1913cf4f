"""Measured times as text and as JSON; proofs as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from archcalc import escapes
from archcalc.algebra import Number
from archcalc.cost import Table
from archcalc.cost.row import Row
from archcalc.measure.latency import Latency, rank_correlation
from archcalc.measure.profile import LayerTime
from archcalc.measure.proof import Proof
from archcalc.measure.session import versions
from archcalc.render import numbers
from archcalc.render.facts import title
from archcalc.render.grid import listing
from archcalc.render.json import header

if TYPE_CHECKING:
    from archcalc.render.contract import Measured, Timed, Verified

SCHEMA: Literal["archcalc/measure/1"] = "archcalc/measure/1"
MOST_LAYERS = 60


def milliseconds(value: float) -> str:
    """Three significant digits: `12.3 ms`, `850 µs`, `1.20 s`."""
    for scale, unit in ((1e3, "µs"), (1.0, "ms")):
        shown = numbers.significant(value * scale)
        if float(shown.replace(",", "")) < 1000:
            return f"{shown} {unit}"
    return f"{numbers.significant(value / 1e3)} s"


def text(found: Sequence[Latency], depth: int = 1) -> str:
    """A paragraph a network, with its layers if they were profiled; a table of all and the rank correlation where there
    are several.
    """
    parts = (
        [_one(latency, depth) for latency in found]
        if len(found) == 1 or any(latency.layers for latency in found)
        else []
    )
    return "\n\n".join([*parts, *([_several(found)] if len(found) > 1 else [])])


def _one(latency: Latency, depth: int) -> str:
    table, ceiling = latency.table, latency.roofline
    runs = len(latency.times)
    still = "" if latency.stable else ", interrupted" if latency.interrupted else ", not standing still"
    facts = [
        (
            "median",
            (
                f"{milliseconds(latency.median_ms)}  (p10 {milliseconds(latency.p10_ms)}, p90"
                f" {milliseconds(latency.p90_ms)})"
            ),
        ),
        (
            "spread",
            f"{latency.spread:.1%} of the median between the quartiles, over {runs} run{'s' * (runs != 1)}{still}",
        ),
        ("throughput", f"{latency.throughput:,.1f} samples/s"),
        (
            "achieved",
            (
                f"{latency.gmacs:,.2f} GMAC/s, {latency.gmacs / ceiling.gmacs:.0%} of the {ceiling.gmacs:,.1f} that a"
                " matrix product reaches here"
            ),
        ),
        ("bound", f"{milliseconds(ceiling.bound_ms)} at least, by {_limit(latency)}"),
    ]
    lines = [
        f"{title(table)} · {table.dtype} · {_device(latency)}",
        "",
        *(f"{name:<11}{value}" for name, value in facts),
    ]
    return "\n".join([*lines, *(["", _layers(latency, depth)] if latency.layers else [])])


def _limit(latency: Latency) -> str:
    if latency.roofline.limit == "compute":
        return "its multiply-accumulates at that rate"
    return f"reading its weights and inputs at {latency.roofline.gigabytes:,.1f} GB/s"


def _device(latency: Latency) -> str:
    described = latency.described
    threads = described.get("threads")
    return (
        f"{described.get('name') or described['type']}{f', {threads} thread' + 's' * (threads != 1) if threads else ''}"
        f" · {latency.provider}"
    )


def _layers(latency: Latency, depth: int) -> str:
    """Lines of the spec, cut to `depth` labels, with their part of the MACs and of the time side by side."""
    macs: dict[str, float] = {}
    times: dict[str, float] = {}
    lines = {node.name: node.line for node in latency.table.graph.nodes}
    rows = {row.name: row for row in latency.table.rows}
    single: dict[str, list[Row]] = {}
    for layer in latency.layers:
        name = "/".join(lines[layer.name].split("/")[:depth])
        macs[name] = macs.get(name, 0.0) + whole(rows[layer.name].macs)
        times[name] = times.get(name, 0.0) + layer.milliseconds
        single.setdefault(name, []).append(rows[layer.name])
    all_macs, all_time = sum(macs.values()) or 1.0, sum(times.values()) or 1.0
    order = list(macs)
    shown = order if len(order) <= MOST_LAYERS else sorted(order, key=lambda name: -times[name])[:MOST_LAYERS]
    body = [
        [
            name,
            _operation(single[name]),
            numbers.count(int(macs[name])),
            f"{100 * macs[name] / all_macs:.1f}",
            f"{times[name]:.3f}",
            f"{100 * times[name] / all_time:.1f}",
        ]
        for name in shown
    ]
    if len(shown) < len(order):
        rest = [name for name in order if name not in shown]
        left, spent = sum(macs[name] for name in rest), sum(times[name] for name in rest)
        others = [
            "",
            numbers.count(int(left)),
            f"{100 * left / all_macs:.1f}",
            f"{spent:.3f}",
            f"{100 * spent / all_time:.1f}",
        ]
        body.append([f"{len(rest)} others", *others])
    return listing(["layer", "operation", "MACs", "%", "ms", "% of time"], body, left=("layer", "operation"))


def _operation(rows: list[Row]) -> str:
    return ", ".join(row.text for row in rows) if len(rows) < 4 else f"{len(rows)} layers"


def _several(found: Sequence[Latency]) -> str:
    first = found[0].median_ms
    body = [
        [
            latency.table.name,
            numbers.count(latency.table.totals["macs"]),
            milliseconds(latency.median_ms),
            f"{latency.median_ms / first:.2f}",
            f"{latency.spread:.1%}",
            f"{latency.gmacs:,.1f}",
            milliseconds(latency.bound_ms),
        ]
        for latency in found
    ]
    headings = ["network", "MACs", "median", "ratio", "spread", "GMAC/s", "bound"]
    correlation = _correlation(found)
    order = "" if correlation is None else f"\n\nrank correlation of MACs and time: {correlation:.3f}"
    latency = found[0]
    heading = (
        f"batch {latency.table.batch} · {latency.table.dtype} · {_device(latency)} · {len(latency.times)} rounds in"
        " turns"
    )
    note = (
        ", interrupted"
        if latency.interrupted
        else ""
        if all(other.stable for other in found)
        else ", not all standing still"
    )
    return f"{heading}{note}\n\n{listing(headings, body, left=('network',))}{order}"


def _correlation(found: Sequence[Latency]) -> float | None:
    return rank_correlation(
        [float(latency.table.total("macs")) for latency in found], [latency.median_ms for latency in found]
    )


def to_json(found: Sequence[Latency]) -> Measured | list[Measured]:
    """The contract `archcalc/measure/1`; a list where there are several, each with its ratio to the first."""
    entries = [_entry(latency) for latency in found]
    if len(found) == 1:
        return entries[0]
    correlation = _correlation(found)
    for entry in entries:
        entry["ratio"], entry["rank_correlation"] = entry["median_ms"] / entries[0]["median_ms"], correlation
    return entries


def dumped(entries: Measured | list[Measured]) -> str:
    """As it is printed."""
    return escapes.json(entries)


def _entry(latency: Latency) -> Measured:
    from archcalc import __version__

    table, ceiling = latency.table, latency.roofline
    entry: Measured = {
        "schema": SCHEMA,
        "tool": {"name": "archcalc", "version": __version__},
        **header(table),  # type: ignore[typeddict-item]  # mypy fears keys that it doesn't know
        "dtype": table.dtype,
        "device": latency.described,
        "provider": latency.provider,
        "versions": versions(),
        "warmup": latency.warmup,
        "runs": len(latency.times),
        "stable": latency.stable,
        "interrupted": latency.interrupted,
        "macs": whole(table.totals["macs"]),
        "median_ms": latency.median_ms,
        "p10_ms": latency.p10_ms,
        "p90_ms": latency.p90_ms,
        "spread": latency.spread,
        "throughput": latency.throughput,
        "gmac_per_s": latency.gmacs,
        "roofline": {
            "bound_ms": ceiling.bound_ms,
            "limit": ceiling.limit,
            "gmac_per_s": ceiling.gmacs,
            "gb_per_s": ceiling.gigabytes,
        },
    }
    if latency.layers:
        entry["layers"] = [_timed(layer, row) for layer, row in zip(latency.layers, table.rows, strict=True)]
    return entry


def _timed(layer: LayerTime, row: Row) -> Timed:
    return {
        "name": layer.name,
        "op": row.op,
        "macs": whole(row.macs),
        "measured_ms": layer.milliseconds,
        "share": layer.share,
        "fused_into": layer.fused_into,
    }


def whole(value: Number) -> int:
    """A count of a network that is run: a number."""
    return int(value)  # type: ignore[arg-type]


def proof_json(table: Table, proof: Proof) -> Verified:
    """The contract `archcalc/verify/1`."""
    from archcalc import __version__

    return {
        "schema": "archcalc/verify/1",
        "tool": {"name": "archcalc", "version": __version__},
        **header(table),
        "versions": versions(),
        "holds": proof.holds,
        "shapes": {"proved": proof.shapes.proved, "of": proof.shapes.total},
        "inferred": {"proved": proof.inferred.proved, "of": proof.inferred.total},
        "tensors": {"proved": proof.tensors.proved, "of": proof.tensors.total},
        "params": proof.params,
        "buffers": proof.buffers,
        "fields": [
            {
                "at": field.at,
                "input": field.input,
                "size": list(field.size),
                "positions": field.positions,
                "sides": field.sides,
                "unseen": field.unseen,
                "pixels": field.pixels,
                "holds": field.holds,
            }
            for field in proof.fields
        ],
        "differences": list(proof.differences),
    }
