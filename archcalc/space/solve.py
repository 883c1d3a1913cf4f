"""The best design under limits, and the proof that there is no better one.

Along one axis, where the closed form of every limited figure is shown never to fall as the axis grows, the best design
is found by bisection (`line`). Any other space is gone through (`search`): every design of it is looked at, so that the
answer is the best there is. A space that is too large for that is refused, never answered by a guess.
"""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.errors import UsageError
from archcalc.space.axes import BATCH, FARTHEST, Axis, is_open, read_axes
from archcalc.space.conditions import Condition, Measure
from archcalc.space.line import along
from archcalc.space.problem import Aim, Limit, Solution, fitting
from archcalc.space.search import gone_through
from archcalc.space.spanned import Space
from archcalc.space.times import lower_bounds

MOST = 10**8  # designs that are gone through


def solve(
    space: Space,
    *,
    maximize: str | Sequence[str] = (),
    minimize: str | Sequence[str] = (),
    limits: Sequence[Limit] = (),
    where: Sequence[str] = (),
) -> Solution:
    """The design with the largest (smallest) of what is named, the first first, of those that keep to the limits.

    A parameter that is to be large and has no range goes as far as its own limits, or as the others let it. Raises
    UsageError for spaces that can't be gone through.
    """
    wanted = [*_listed(maximize), *_listed(minimize)]
    if not wanted:
        raise UsageError("say what to maximize or to minimize: --maximize width, --minimize macs")
    space = _with_axis(space, wanted)
    limits = [*limits, *fitting(space.question.fit, space.question.train)]
    names = [axis.name for axis in space.axes]
    known = (*names, *space.figures, *(name for name in space.model.spec.parameters if name not in names))
    aims = [Aim(Measure(text, known), True) for text in _listed(maximize)]
    aims += [Aim(Measure(text, known), False) for text in _listed(minimize)]
    conditions = [Condition(text, known, space.words) for text in where]
    if not conditions and (found := along(space, aims, limits)):
        return _bounded(found, space)
    if any(is_open(axis) for axis in space.axes):
        raise UsageError(
            f"{space.axes[-1].name} has no end, and it isn't shown that a limit stops it: --over gives one"
        )
    if space.size > MOST:
        raise UsageError(
            f"{space.size:,} designs are too many to go through ({MOST:,} at most), and what is asked isn't shown to"
            " grow along a single axis: narrow the ranges, or make their steps larger"
        )
    return _bounded(gone_through(space, aims, limits, conditions), space)


def _bounded(found: Solution, space: Space) -> Solution:
    """The answer with what is no more than a bound of a time in it."""
    named = {limit.metric for limit in found.limits} | {name for aim in found.aims for name in aim.measure.names}
    read = {name: device for name, device in space.latencies.items() if name in named}
    return found._replace(lower_bounds=lower_bounds(space.model, read))


def _listed(names: str | Sequence[str]) -> list[str]:
    parts = names.split(",") if isinstance(names, str) else names
    return [part.strip() for part in parts if part.strip()]


def _with_axis(space: Space, wanted: Sequence[str]) -> Space:
    """The space with the parameter that is to be large or small as an axis, if it is none and no other varies."""
    spec, names = space.model.spec, [axis.name for axis in space.axes]
    for name in wanted:
        if name in names or (name not in spec.parameters and name != BATCH):
            continue
        space = space._replace(axes=(*space.axes, _own_axis(space, name)))
    if not space.axes:
        for text in wanted:  # what is misspelt is said first
            Measure(text, (*space.figures, *spec.parameters, BATCH))
        raise UsageError("nothing varies: --over name=range, or a `space:` in the spec")
    return space


def _own_axis(space: Space, name: str) -> Axis:
    """Whole numbers from the least that a parameter takes to the most, or without an end."""
    limits = space.model.spec.parameters[name].limits if name != BATCH else None
    low, high = (getattr(limits, end, None) for end in ("min", "max"))
    step = getattr(limits, "multiple_of", None) or 1
    if not all(end is None or (isinstance(end, int) and not isinstance(end, bool)) for end in (low, high)):
        raise UsageError(f"{name} needs a range with a step: --over {name}=0.25..2:0.05")
    start = -(-(low if low is not None else 1) // step) * step or step
    if isinstance(high, int):
        return read_axes(space.model, {name: f"{start}..{high}:{step}"})[-1]
    return Axis(name, range(start, FARTHEST, step))


__all__ = ["solve"]
