"""What is asked of a solver, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from archcalc.devices import limits as device_limits
from archcalc.devices import spelled
from archcalc.errors import UsageError
from archcalc.frames import Rows
from archcalc.metrics import is_bytes
from archcalc.records import Record
from archcalc.space.axes import Value, plain
from archcalc.space.conditions import Measure
from archcalc.space.designs import check_figures
from archcalc.space.spanned import Space
from archcalc.space.times import LATENCY, spread
from archcalc.spec.model import read_duration, read_quantity
from archcalc.tuples import NamedTuple


class Limit(NamedTuple):
    """What a figure may be at most (`max`), or must be at least (`min`)."""

    metric: str
    kind: str
    bound: Fraction
    text: str

    def holds(self, value: int | Fraction) -> bool:
        """Whether a figure keeps to it."""
        return value <= self.bound if self.kind == "max" else value >= self.bound

    def __str__(self) -> str:
        return f"{self.metric} {'≤' if self.kind == 'max' else '≥'} {self.text}"


class Aim(NamedTuple):
    """What should be as large as it can be, or as small."""

    measure: Measure
    upwards: bool

    @property
    def text(self) -> str:
        """As it was asked for."""
        return self.measure.text


class Solution(Rows, Record):
    """The best design, `best`, with its figures; None where no design keeps to all limits.

    `binding` are the limits that the next better design would break, `next` is that design. `method` says how it is
    known that there is no better one, `designs` how many were looked at. `least`: where there is no solution, for each
    limit that no design meets the closest figure that there is. `lower_bounds`: the times that are those of a data
    sheet, by the device: no run is faster, and a limit may be missed all the same.
    """

    name: str
    aims: tuple[Aim, ...]
    limits: tuple[Limit, ...]
    best: dict[str, Value] | None
    metrics: dict[str, int | Fraction] = {}
    binding: tuple[str, ...] = ()
    next: dict[str, Value] | None = None
    breaks: tuple[str, ...] = ()
    next_metrics: dict[str, int | Fraction] = {}
    method: str = ""
    designs: int = 0
    least: dict[str, int | Fraction] = {}
    unbuilt: int = 0
    lower_bounds: dict[str, str] = {}

    @property
    def columns(self) -> list[str]:
        """The names of the parameters of the best design, and of its figures."""
        return list({**(self.best or {}), **self.metrics})

    def to_rows(self) -> list[dict[str, Value]]:
        """The best design with its figures, as a row; none where no design keeps to the limits."""
        if self.best is None:
            return []
        return [{name: plain(value) for name, value in {**self.best, **self.metrics}.items()}]


def read_limit(kind: str, text: str, space: Space) -> list[Limit]:
    """`macs=150M`, `act_peak=320KiB`, `latency=5ms`, which is one for each device. Raises UsageError for what is
    none.
    """
    name, equals, amount = (part.strip() for part in text.partition("="))
    if not equals or not name or not amount:
        raise UsageError(f"--{kind} takes metric=amount, got '{text}': macs=150M, act_peak=320KiB")
    check_figures([name], space.figures)
    is_time = name.startswith(LATENCY)
    if is_bytes(name) and amount[-1:].isdigit():
        raise UsageError(f"--{kind} {text}: {amount} of what? write {name}={amount}KiB, MiB or B")
    if is_time and amount[-1:].isdigit():
        raise UsageError(f"--{kind} {text}: write {name}={amount}ms, us or s")
    try:
        bound = (read_duration if is_time else read_quantity)(amount).value
    except ValueError as error:
        raise UsageError(f"--{kind} {text}: {name} {error}") from None
    if amount.endswith("%"):
        raise UsageError(f"--{kind} {text}: a percentage of what?")
    return [Limit(one, kind, bound, amount) for one in spread([name], space.latencies)]


def fitting(names: Iterable[str], train: bool = False) -> list[Limit]:
    """What devices have, as limits. Raises UsageError for one that isn't known."""
    return [Limit(name, "max", Fraction(size), spelled(size)) for name, size, _ in device_limits(names, train)]


__all__ = ["Aim", "Limit", "Solution", "fitting", "read_limit"]
