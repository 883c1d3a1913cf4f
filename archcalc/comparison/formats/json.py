"""The JSON contract `archcalc/compare/1`: exact ints; a closed form is a string that the spec language reads back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from archcalc import escapes
from archcalc.comparison.changes import Change
from archcalc.comparison.result import Comparison, Delta, Report
from archcalc.comparison.sides import Layer, Side
from archcalc.render.json import lacking, plain, verdict

if TYPE_CHECKING:
    from archcalc.render import contract


def text(found: Report) -> str:
    """As programs read it."""
    return escapes.json(report(found))


def report(found: Report) -> contract.Compare:
    """Everything that was compared."""
    from archcalc import __version__

    base = found.base
    return {
        "schema": "archcalc/compare/1",
        "tool": {"name": "archcalc", "version": __version__},
        "convention": "macs",
        "base": {"label": base.label, "ref": base.ref, "sha": base.sha, "file": base.file} if base else None,
        "models": [model(comparison) for comparison in found.comparisons],
        "notes": list(found.notes),
        "summary": {
            "models": len(found.comparisons),
            "changed": found.changed,
            "failed": found.failed,
            "warned": found.warned,
            "uncounted_ops": found.uncounted,
        },
    }


def model(comparison: Comparison) -> contract.Comparison:
    """One network."""
    side = comparison.side
    return {
        "path": side.spec,
        "variant": side.variant,
        "name": side.name,
        "status": cast(Any, comparison.status),
        "base": _side(comparison.base),
        "head": _side(comparison.head),
        "delta": {name: _delta(delta) for name, delta in comparison.totals.items()},
        "receptive_field": {name: _delta(delta) for name, delta in comparison.fields.items()},
        "parameters": {
            name: {"base": plain(before), "head": plain(after)}
            for name, (before, after) in comparison.parameters.items()
        },
        "layers": [_change(change) for change in comparison.changes],
        "budgets": [
            {**verdict(judged), "limit": judged.limit, "file": judged.mark.file} for judged in comparison.verdicts
        ],
        "violations": [
            {
                "metric": broken.metric,
                "limit": broken.limit,
                "value": plain(broken.counted),
                "level": "warn" if broken.warning else "error",
                "file": broken.mark.file,
                "line": broken.mark.line,
            }
            for broken in comparison.broken
        ],
        "unjudged": list(comparison.unjudged),
    }


def _side(side: Side | None) -> contract.Side | None:
    if side is None:
        return None
    return {
        "name": side.name,
        "spec": side.spec,
        "variant": side.variant,
        "mode": side.mode,
        "batch": side.batch,
        "dtype": side.dtype,
        "without": list(side.without),
        "free": sorted(side.symbols),
        "domain": list(side.domain),
        "bindings": {name: plain(value) for name, value in side.bindings.items()},
        "inputs": {name: plain(shape) for name, shape in side.inputs.items()},
        "totals": {name: plain(value) for name, value in side.figures.totals.items()},
        "layers_known": side.figures.layers is not None,
        "uncounted": len(side.uncounted),
        "uncounted_operators": lacking(side.uncounted),
    }


def _delta(delta: Delta) -> contract.Change:
    percent = delta.percent
    return {
        "base": plain(delta.before),
        "head": plain(delta.after),
        "change": plain(delta.change),
        "percent": None if percent is None else round(float(percent), 6),
    }


def _change(change: Change) -> contract.LayerChange:
    names = dict.fromkeys(
        [*(change.after.costs if change.after else ()), *(change.before.costs if change.before else ())]
    )
    return {
        "status": change.status.value,
        "name": change.path,
        "was": change.was,
        "line": change.mark.line if change.mark else None,
        "edited": change.is_direct,
        "base": _layer(change.before),
        "head": _layer(change.after),
        "delta": {name: plain(change.delta(name)) for name in names},
    }


def _layer(layer: Layer | None) -> contract.Compared | None:
    if layer is None:
        return None
    costs = {name: plain(value) for name, value in layer.costs.items()}
    return cast(
        "contract.Compared",
        {"op": layer.op, "text": layer.text, "shape": plain(layer.shape), "layers": plain(layer.layers), **costs},
    )
