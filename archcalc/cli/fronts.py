"""The designs that a plot of a Pareto front shows."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from archcalc.errors import UsageError

if TYPE_CHECKING:
    from archcalc.picture import Asked, Design
    from archcalc.space import Space, Sweep

MOST_DESIGNS = 1500  # that are drawn beside those of the front


def front(space: Space, pareto: str, asked: Asked) -> Asked:
    """What a front is of: the best designs of a space, and of the others as many as can be seen. Raises UsageError."""
    from archcalc.space import sweep

    return front_of(sweep(space, pareto=axes_of(pareto)), (), asked)


def axes_of(pareto: str) -> str:
    """Two figures for the axes of a plot, as `--pareto` has them. Raises UsageError for more or fewer."""
    from archcalc.space.front import directions

    wanted = directions(pareto)
    if len(wanted) != 2:
        raise UsageError(f"a front is drawn by two figures, such as --pareto macs,-size; these are {len(wanted)}")
    return pareto


def front_of(best: Sweep, where: Sequence[str], asked: Asked) -> Asked:
    """The same of a front that was found; of the other designs those for which the conditions hold. Raises
    UsageError.
    """
    from archcalc.space import sweep

    space, axes = best.space, [direction.name for direction in best.pareto]
    figures = [name for name in axes if name not in {axis.name for axis in space.axes}]
    most = MOST_DESIGNS if best.sampled is None else min(MOST_DESIGNS, best.sampled)
    others = sweep(space, figures, where, sample=most) if not best.interrupted else best
    designs = {**_named(others, axes, False), **_named(best, axes, True)}
    found = asked._replace(axes=(axes[0], axes[1]), designs=tuple(designs.values()), title=space.title)
    return found._replace(of=space.size if best.sampled is None else best.sampled)


def _named(found: Sweep, axes: Sequence[str], is_best: bool) -> dict[str, Design]:
    """Designs by what they are called."""
    from archcalc.ops.kinds import show
    from archcalc.picture import Design

    designs: dict[str, Design] = {}
    for design in found:
        name = ", ".join(f"{axis.name}={show(design[axis.name])}" for axis in found.space.axes)
        one, other = (design[axis] for axis in axes)
        if not isinstance(one, (int, Fraction)) or not isinstance(other, (int, Fraction)):
            raise UsageError(f"{' and '.join(axes)} are no numbers that a plot could have on its axes")
        designs[name] = Design(name, (one, other), is_best)
    return designs
