"""Sweeps and solutions as people and as programs read them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from archcalc import escapes
from archcalc.errors import UsageError, among
from archcalc.metrics import figure, is_bytes
from archcalc.ops.kinds import show
from archcalc.render import numbers, times
from archcalc.render.grid import listing
from archcalc.space.axes import Axis, Value, plain
from archcalc.space.problem import Limit, Solution
from archcalc.space.sweep import Sweep
from archcalc.untyped import Json

MOST_SHOWN = 40  # designs in a table that isn't asked for all


def _tool() -> dict[str, str]:
    from archcalc import __version__

    return {"name": "archcalc", "version": __version__}


# ---- sweeps ----------------------------------------------------------------------------------------------------------


def table(found: Sweep, most: int | None = MOST_SHOWN) -> str:
    """The designs in columns, the first `most` of them, and how many there are."""
    shown = [design for _, design in zip(range(most or len(found)), found, strict=False)]
    rows = [[cell(name, design[name]) for name in found.columns] for design in shown]
    parts = [listing(found.columns, rows, ()), ""] if rows else []
    return "\n".join([*parts, *map(escapes.line, _summary(found, len(shown)))])


def cell(name: str, value: Value) -> str:
    """One figure or parameter, short."""
    if name.startswith("latency"):
        return times.milliseconds(value)
    if is_bytes(name):
        return numbers.size_in_bytes(value)
    if name in ("params", "macs", "flops", "activations", "trainable_params", "buffers", "backward_macs"):
        return numbers.count(value)
    return escapes.line(show(value))


def _summary(found: Sweep, shown: int) -> list[str]:
    kind = f"on the front of {', '.join(map(str, found.pareto))}" if found.pareto else "hold"
    of = f"{found.sampled:,} drawn of {found.size:,}" if found.sampled is not None else f"{found.size:,}"
    lines = [f"{len(found):,} of {of} designs {kind}"]
    if shown < len(found):
        lines[0] += f"; the first {shown} are shown, --top N shows more"
    lines += [f"no design keeps to {text}" for text in found.unmet]
    if not len(found) and not found.unmet and not found.interrupted:
        lines.append("each condition holds of some designs, all of them together of none")
    if found.unbuilt:
        lines.append(f"{found.unbuilt:,} can't be built: {found.why}")
    if found.interrupted:
        lines.append("interrupted: these are the designs that were looked at")
    return lines


def comma_separated(found: Sweep) -> str:
    """CSV, a row a design, with exact numbers."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(found.columns)
    writer.writerows([[_written(design[name]) for name in found.columns] for design in found])
    return out.getvalue().rstrip("\n")


def _written(value: Value) -> object:
    found = plain(value)
    return escapes.csv(found) if isinstance(found, str) else found


def json(found: Sweep) -> str:
    """The contract `archcalc/sweep/1`."""
    whole: dict[str, Json] = {
        "schema": "archcalc/sweep/1",
        "tool": _tool(),
        "name": found.space.model.name,
        "space": {axis.name: _range(axis) for axis in found.space.axes},
        "size": found.size,
        "unbuilt": found.unbuilt,
        "sampled": found.sampled,
        "devices": found.space.latencies,
        "pareto": [str(direction) for direction in found.pareto],
        "interrupted": found.interrupted,
        "designs": found.to_rows(),
    }
    return escapes.json(whole)


def _range(axis: Axis) -> object:
    return [plain(value) for value in axis.values] if len(axis.values) <= 64 else str(axis)


def parquet(found: Sweep, path: Path) -> None:
    """A Parquet file, a row a design. Needs pyarrow."""
    from pyarrow.parquet import write_table

    write_table(found.to_arrow(), path)


FORMATS: dict[str, Callable[[Sweep], str]] = {"table": table, "csv": comma_separated, "json": json}


def check_format(form: str, known: tuple[str, ...]) -> None:
    """Raise UsageError for a format that there isn't."""
    if form not in known:
        raise UsageError(f"unknown format '{form}'{among(form, known)}")


# ---- solutions -------------------------------------------------------------------------------------------------------


def solution_text(found: Solution) -> str:
    """The best design, how close it is to the limits, and why there is no better one."""
    aims = ", ".join(f"{'largest' if aim.upwards else 'smallest'} {aim.text}" for aim in found.aims)
    if found.best is None:
        return escapes.lines(
            [f"{found.name}: no design keeps to {_all(found.limits)}", *_unmet(found), _method(found), *_bounds(found)]
        )
    rows = [("best", _spelled(found.best)), *_kept(found)]
    if found.next is not None:
        over = ", ".join(f"{name} {figure(name, found.next_metrics[name])}" for name in found.breaks)
        rows.append(("next", f"{_spelled(found.next)}: breaks {over}"))
    elif found.limits:
        rows.append(("next", "there is none: the range ends here"))
    width = max(len(name) for name, _ in rows)
    return escapes.lines(
        [f"{found.name}: {aims}", *(f"{name:<{width}}  {text}" for name, text in rows), _method(found), *_bounds(found)]
    )


def _all(limits: tuple[Limit, ...]) -> str:
    return " and ".join(map(str, limits))


def _kept(found: Solution) -> list[tuple[str, str]]:
    rows = []
    for name, value in found.metrics.items():
        limits = [limit for limit in found.limits if limit.metric == name]
        shares = [f"{limit}{_used(value, limit)}" for limit in limits]
        rows.append((name, f"{figure(name, value)}{'  of ' if shares else ''}{', '.join(shares)}"))
    return rows


def _used(value: int | Fraction, limit: Limit) -> str:
    share = numbers.decimal(Fraction(value) / limit.bound * 100, 1) if limit.kind == "max" and limit.bound else ""
    return f" ({share} %)" if share else ""


def _unmet(found: Solution) -> list[str]:
    lines = []
    for limit in found.limits:
        if limit.metric in found.least:
            word = "least" if limit.kind == "max" else "most"
            closest = figure(limit.metric, found.least[limit.metric])
            lines.append(f"  {limit} can't be met: the {word} there is, {closest}")
    return lines or ["  each limit can be met, but not all of them by one design"]


def _method(found: Solution) -> str:
    many = f", {found.designs:,} designs looked at" if "bisection" in found.method else ""
    unbuilt = f"; {found.unbuilt:,} more can't be built" if found.unbuilt else ""
    return f"proof: {found.method}{many}{unbuilt}"


def _bounds(found: Solution) -> list[str]:
    """What is said of times that are read from a data sheet."""
    return [
        f"{name} is a bound from the data sheet of {device}, not a prediction: no run is faster, and any may be slower"
        for name, device in found.lower_bounds.items()
    ]


def _spelled(design: dict[str, Value]) -> str:
    return ", ".join(f"{name}={show(value)}" for name, value in design.items())


def solution_json(found: Solution) -> str:
    """The contract `archcalc/solve/1`."""
    following = None
    if found.next is not None:
        following = {name: plain(value) for name, value in found.next.items()} | {"breaks": list(found.breaks)}
    whole: dict[str, Json] = {
        "schema": "archcalc/solve/1",
        "tool": _tool(),
        "name": found.name,
        "maximize": [aim.text for aim in found.aims if aim.upwards],
        "minimize": [aim.text for aim in found.aims if not aim.upwards],
        "limits": [{"metric": one.metric, one.kind: plain(one.bound)} for one in found.limits],
        "best": None if found.best is None else {name: plain(value) for name, value in found.best.items()},
        "metrics": {name: plain(value) for name, value in found.metrics.items()},
        "binding": list(found.binding),
        "next": following,
        "method": found.method,
        "designs": found.designs,
        "unbuilt": found.unbuilt,
        "least": {name: plain(value) for name, value in found.least.items()},
        "lower_bounds": list(found.lower_bounds),
    }
    return escapes.json(whole)


SOLUTIONS: dict[str, Callable[[Solution], str]] = {"text": solution_text, "json": solution_json}

__all__ = ["FORMATS", "SOLUTIONS", "check_format", "parquet"]
