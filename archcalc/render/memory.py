"""What `archcalc memory` prints: a network laid out in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcalc import escapes
from archcalc.cost import Table
from archcalc.memory import CONVENTION, attention_told
from archcalc.memory.arena import Plan
from archcalc.memory.layout import Layout
from archcalc.render import numbers
from archcalc.render.facts import title
from archcalc.render.json import plain

if TYPE_CHECKING:
    from archcalc.render import contract

MOST_AT_PEAK = 8


def text(table: Table, found: Layout, align: int) -> str:
    """The timeline, the tensors at the peak, and the map of the plan if there is one."""
    lines = [f"{title(table)} · {table.spec.path}{'@' + table.variant if table.variant else ''} · {table.dtype}", ""]
    lines += _timeline(found)
    at = found.at_peak
    lines += ["", f"peak    {found.peak:,} bytes while {found.steps[at].layer} runs: {_at_peak(found, at)}"]
    if found.order is not None:
        lines.append(f"order   {'proved best' if found.order.optimal else 'as given'}: {found.order.why}")
    if found.patched is not None:
        lines.append(f"patches {_patches(found)}")
    if found.plan is not None:
        proved = "proved least" if found.plan.optimal else "not proved least"
        size = f"{found.plan.bytes:,} bytes" + (f" in multiples of {align}" if align > 1 else "")
        lines.append(f"plan    {found.plan.method}, {size}, {proved}: {found.plan.why}")
        lines += ["", *_map(found)]
    told = "; ".join([f"alive: {CONVENTION}", *filter(None, [attention_told(table.graph), *_told(found)])])
    return "\n".join(map(escapes.line, [*lines, "", told]))


def _patches(found: Layout) -> str:
    """How many there are, where they end, and what is computed twice."""
    part = found.patched
    assert part is not None
    more = part.macs - part.whole
    share = f", {100 * more / part.whole:.1f} % more" if part.whole else ""
    return f"{part.patches} up to {found.steps[part.stage].layer}; {part.macs:,} MACs instead of {part.whole:,}{share}"


def _told(found: Layout) -> list[str]:
    """What the footnote adds for the way in which a network is run."""
    depthwise = ["depthwise convolutions in place beside one channel"] if found.depthwise else []
    patches = ["the hungriest patch with its part of the input beside the map that patches make up"]
    return [*depthwise, *(patches if found.patched else [])]


def _timeline(found: Layout) -> list[str]:
    most, width = max(step.alive for step in found.steps), max(len(step.layer) for step in found.steps)
    rows = [(step.layer, _bytes(step.alive), "#" * round(40 * step.alive / max(most, 1))) for step in found.steps]
    wide = max(len("alive"), *(len(alive) for _, alive, _ in rows))
    head = [f"{'layer':<{width}}  {'alive':>{wide}}", f"{'-' * width}  {'-' * wide}"]
    return [*head, *(f"{name:<{width}}  {alive:>{wide}}  {bar}".rstrip() for name, alive, bar in rows)]


def _at_peak(found: Layout, step: int) -> str:
    tensors = found.alive_in(step)
    told = [f"{tensor.name} {_bytes(tensor.bytes)}" for tensor in tensors[:MOST_AT_PEAK]]
    return ", ".join([*told, *([f"{len(tensors) - MOST_AT_PEAK} more"] if len(tensors) > MOST_AT_PEAK else [])])


def _map(found: Layout) -> list[str]:
    """Every tensor with its place, and the layers between which it lies there."""
    assert found.plan is not None
    rows = [("tensor", "offset", "bytes", "from", "to")]
    for tensor, offset in zip(found.tensors, found.plan.offsets, strict=True):
        first, last = found.steps[tensor.first].layer, found.steps[tensor.last].layer
        rows.append((tensor.name, f"{offset:,}", f"{tensor.bytes:,}", first, last))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))  # type: ignore[arg-type]
    return [
        "  ".join(
            f"{cell:>{width}}" if n in (1, 2) else f"{cell:<{width}}"
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def json(table: Table, found: Layout, align: int) -> str:
    """The JSON contract `archcalc/memory/1`."""
    return escapes.json(document(table, found, align))


def document(table: Table, found: Layout, align: int) -> contract.Memory:
    """The same as a dictionary."""
    from archcalc import __version__

    printed: contract.Memory = {
        "schema": "archcalc/memory/1",
        "tool": {"name": "archcalc", "version": __version__},
        "name": table.name,
        "spec": table.spec.path,
        "variant": table.variant,
        "batch": plain(table.batch),
        "dtype": table.dtype,
        "bindings": {name: plain(value) for name, value in table.binding.values.items()},
        "peak_bytes": found.peak,
        "peak_at": found.steps[found.at_peak].layer,
        "floor_bytes": found.floor,
        "align": align,
        "timeline": [{"layer": s.layer, "alive_bytes": s.alive, "inside_bytes": s.inside} for s in found.steps],
        "tensors": [{"name": t.name, "bytes": t.bytes, "first": t.first, "last": t.last} for t in found.tensors],
        "order": [step.layer for step in found.steps],
    }
    if found.order is not None:
        printed["order_found"] = {"optimal": found.order.optimal, "why": found.order.why}
    if found.depthwise:
        printed["inplace_depthwise"] = True
    if found.patched is not None:
        printed["patches"] = {
            "number": found.patched.patches,
            "until": found.steps[found.patched.stage].layer,
            "macs": found.patched.macs,
            "macs_without": found.patched.whole,
        }
    if found.plan is not None:
        printed["plan"] = _plan(found, found.plan)
    return printed


def _plan(found: Layout, plan: Plan) -> contract.Planned:
    return {
        "bytes": plan.bytes,
        "method": plan.method,
        "optimal": plan.optimal,
        "bound": plan.bytes if plan.optimal else plan.floor,
        "why": plan.why,
        "tensors": [
            {"name": t.name, "bytes": t.bytes, "offset": offset, "first": t.first, "last": t.last}
            for t, offset in zip(found.tensors, plan.offsets, strict=True)
        ],
    }


def _bytes(size: int) -> str:
    return numbers.size_in_bytes(size)


__all__ = ["document", "json", "text"]
