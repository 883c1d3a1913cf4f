"""A bridge as text, and as the JSON contract `archcalc/explain/1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcalc import escapes
from archcalc.algebra import Number, Poly
from archcalc.conventions.bridge import PARAMS, Bridge, Step, bridges
from archcalc.conventions.counting import Counted
from archcalc.conventions.reference import WRITTEN
from archcalc.cost import CONVENTION
from archcalc.render import json, numbers
from archcalc.render.facts import title

if TYPE_CHECKING:
    from archcalc.render.contract import BridgeOf, BridgeStep, Explain


def printed(table: Counted, form: str) -> str:
    """A bridge in a format, `text` or `json`."""
    return text(table) if form == "text" else escapes.json(contract(table))


def text(table: Counted) -> str:
    """The way from our numbers to the tool's: a line an operator, then the sum."""
    head = f"{title(table)} · {table.spec.path}{'@' + table.variant if table.variant else ''}"
    blocks = [head, *("\n".join(_lines(table, bridge)) for bridge in bridges(table))]
    about = [f"{table.tool.title}: {table.tool.about}", *_said(table)]
    if table.graph.uncounted:
        about.insert(0, f"incomplete: counted without {'; '.join(map(str, table.graph.uncounted))}")
    if table.torch:
        about.append("how PyTorch code writes the layers is what the spec says under `torch:`; others are modules")
    return "\n\n".join([*blocks, "\n".join(about)])


def _said(table: Counted) -> list[str]:
    """What to know of a tool, and of this network in it."""
    return [*table.told, *(note for note in table.graph.notes if note not in table.ran.graph.notes)]


def _lines(table: Counted, bridge: Bridge) -> list[str]:
    counted = "parameters" if bridge.counts == PARAMS else "MACs"
    theirs = f"{bridge.title} of {table.tool.title}"
    if bridge.theirs == bridge.ours and bridge.factor == 1 and not bridge.steps:
        return [f"  {numbers.exact(bridge.ours)}  {counted} of archcalc, and {theirs}"]
    definition = f": {CONVENTION}" if counted == "MACs" else ""
    rows = [("", bridge.ours, f"{counted} of archcalc{definition}")]
    if bridge.factor != 1:
        rows.append(("+", (bridge.factor - 1) * bridge.ours, f"a multiply-accumulate is {bridge.factor} operations"))
    rows += [_row(step) for step in bridge.steps]
    rows.append(("=", bridge.theirs, theirs))
    written = [(sign, numbers.exact(value), what) for sign, value, what in rows]
    if any(isinstance(value, Poly) for _, value, _ in rows):
        return [f"{sign:1} {value}\n      {what}" for sign, value, what in written]
    width = max(len(value) for _, value, _ in written)
    return [f"{sign:1} {value:>{width}}  {what}" for sign, value, what in written]


def _row(step: Step) -> tuple[str, Number, str]:
    """`+  44,455,936  bn: 4 x 11,113,984 outputs (53 layers)`."""
    adds = step.adds
    less = not isinstance(adds, Poly) and adds < 0
    written = f", {WRITTEN[step.written]}" if step.written else ""
    layers = f"{numbers.exact(step.layers)} {step.unit}{'' if step.layers == 1 else 's'}"
    factors = [(-part.factor if less else part.factor, part) for part in step.parts]
    factors.sort(key=lambda counted: counted[0] < 0)
    parts = " ".join(_part(n, factor, part.amount, part.label) for n, (factor, part) in enumerate(factors))
    return (
        "-" if less else "+",
        -adds if less else adds,
        f"{step.op}{written}: {'not counted: ' if step.unseen else ''}{parts} ({layers})",
    )


def _part(n: int, factor: int, amount: Number, label: str) -> str:
    sign = "- " if factor < 0 else "+ " if n else ""
    times = "" if abs(factor) == 1 else f"{abs(factor)} x "
    written = numbers.exact(amount)
    return f"{sign}{times}{f'({written})' if isinstance(amount, Poly) and ' ' in written else written} {label}"


def contract(table: Counted) -> Explain:
    """`archcalc/explain/1`."""
    from archcalc import __version__

    found: Explain = {
        "schema": "archcalc/explain/1",
        "tool": {"name": "archcalc", "version": __version__},
        "name": table.name,
        "spec": table.spec.path,
        "variant": table.variant,
        "counted_by": {"tool": table.tool.name, "version": table.tool.version, "units": dict(table.convention.titles)},
        "batch": json.plain(table.batch),
        "bindings": {name: json.plain(value) for name, value in table.binding.values.items() if name not in table.free},
        "free": list(table.free),
        "numbers": [_bridge(bridge) for bridge in bridges(table)],
        "uncounted": table.totals["uncounted"],
        "notes": _said(table),
    }
    if table.free:
        found["domain"] = list(table.domain)
    return found


def _bridge(bridge: Bridge) -> BridgeOf:
    steps: list[BridgeStep] = [
        {
            "op": step.op,
            "written": step.written or None,
            "layers": json.plain(step.layers),
            "parts": [
                {"factor": part.factor, "quantity": part.quantity, "amount": json.plain(part.amount)}
                for part in step.parts
            ],
            "adds": json.plain(step.adds),
        }
        for step in bridge.steps
    ]
    return {
        "counts": bridge.counts,
        "title": bridge.title,
        "ours": json.plain(bridge.ours),
        "factor": bridge.factor,
        "steps": steps,
        "theirs": json.plain(bridge.theirs),
    }
