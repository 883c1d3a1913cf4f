"""Predicted times as people and as programs read them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from archcalc.algebra import Number, Poly, text, unicode
from archcalc.cost import Table
from archcalc.cost.row import Row
from archcalc.duration import TERMS, Timing
from archcalc.render import numbers

if TYPE_CHECKING:
    from archcalc.render import contract

DIGITS = 4  # of coefficients: more than a measurement has

Form = Callable[..., str]


def milliseconds(value: Number, form: Form = unicode) -> str:
    """Three significant digits; a closed form with coefficients of four."""
    if isinstance(value, Poly):
        return form(value, DIGITS)
    return numbers.significant(float(value))


def facts(table: Table, timing: Timing, form: Form = unicode) -> list[tuple[str, str]]:
    """What a prediction says of the whole network."""
    total = timing.whole.total
    run = "hot run" if timing.is_hot else "run"
    found = [("time", f"{milliseconds(total, form)} ms a {run}{_between(timing, form)}")]
    if not isinstance(total, Poly) and total and isinstance(table.batch, int):
        rate = table.total("macs") / Fraction(total) / 10**6
        most = " at most" if timing.is_bound else ""
        found.append(("throughput", f"{numbers.significant(float(1000 * table.batch / total))} samples a second{most}"))
        found.append(
            (
                "speed",
                f"{numbers.significant(float(rate))} GMAC/s{most},"
                f" {float(rate / timing.peak * 100):.0f} % of {timing.peak_source}",
            )
        )
        found.append(
            (
                "bound",
                ", ".join(
                    f"{name} {numbers.share(getattr(timing.whole, name), total)} %"
                    for name in TERMS
                    if getattr(timing.whole, name)
                ),
            )
        )
    if timing.whole.extrapolated != 0:
        share = "" if isinstance(total, Poly) else f", {numbers.share(timing.whole.extrapolated, total)} % of the time"
        outside = sum(time.extrapolated != 0 for time in timing.layers.values())
        found.append(
            ("extrapolated", f"{outside} of {len(timing.layers)} kernels lie outside of what was calibrated{share}")
        )
    if timing.memory is not None:
        found.append(("memory", f"{numbers.size_in_bytes(timing.memory)} at most in a run, weights included"))
    found.append(("device", timing.device))
    return found


def _between(timing: Timing, form: Form) -> str:
    low, high = timing.interval
    if high is None:
        return " at least"
    if isinstance(low, Poly) or isinstance(high, Poly):
        return f", off by less than a factor of {float(timing.whole_factor):.3g} in nine of ten networks"
    return f", {milliseconds(low, form)} to {milliseconds(high, form)} in nine of ten networks"


def legend(timing: Timing) -> list[str]:
    """What the columns of times mean."""
    if timing.is_bound:
        return [
            "ms: no run is faster: MACs at the peak, or what a kernel reads and writes at the bandwidth, whichever"
            " takes longer"
        ]
    fused = (
        "a convolution takes the bn, the sum and the activation behind it with it"
        if timing.fused
        else "each layer runs on its own"
    )
    hot = ", of a run that follows at once on another of its own" if timing.is_hot else ""
    lines = [f"ms: predicted{hot}; {fused}. bound: what takes most of it"]
    return [*lines, "~: outside of what was calibrated"] if timing.whole.extrapolated != 0 else lines


def bound(row: Row) -> str:
    """`compute`; with a mark where it is extrapolated."""
    if row.time is None:
        return ""
    return f"{row.time.bound}{'~' if row.time.extrapolated != 0 else ''}"


def exact(value: Number) -> float | str:
    """For JSON: six digits, or a closed form with as many."""
    return text(value, 6) if isinstance(value, Poly) else float(f"{float(value):.6g}")


def rounded(value: Number) -> Number:
    """As it stands in JSON; a closed form as it is."""
    return value if isinstance(value, Poly) else Fraction(str(exact(value)))


def latency(table: Table, timing: Timing) -> contract.Latency:
    """What the JSON says of a prediction besides the times."""
    whole = timing.whole
    found: contract.Latency = {
        "device": timing.device,
        "is_bound": timing.is_bound,
        "hot": timing.is_hot,
        "compute_ms": exact(whole.compute),
        "weights_ms": exact(whole.weights),
        "activations_ms": exact(whole.activations),
        "overhead_ms": exact(whole.overhead),
        "extrapolated_ms": exact(whole.extrapolated),
    }
    if timing.memory is not None:
        found["memory_bytes"] = timing.memory
    if not isinstance(whole.total, Poly) and whole.total and isinstance(table.batch, int):
        found["throughput"] = float(f"{float(1000 * table.batch / whole.total):.6g}")
        found["fraction_of_peak"] = float(
            f"{float(table.total('macs') / Fraction(whole.total) / 10**6 / timing.peak):.4g}"
        )
    return found


__all__ = ["facts", "legend", "milliseconds", "rounded"]
