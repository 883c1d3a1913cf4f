"""`archcalc plot`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given, named
from archcalc.errors import UsageError
from archcalc.picture import KINDS, METRICS

if TYPE_CHECKING:
    from archcalc.picture import Asked
    from archcalc.space import Space


def _each_help(given: list[str] | None) -> list[str] | None:
    for name in given or ():
        options.device_help(name)
    return given


Taken = Annotated[Given, takes("kind metric depth device inputs via over pareto sets without batch dtype quiet output")]
Kind = Annotated[
    str,
    Option(
        "--kind",
        "-k",
        autocompletion=options.starting(lambda: KINDS),
        help="; ".join(f"{name}: {known.help}" for name, known in KINDS.items()) + ".",
    ),
]
Metric = Annotated[str, Option("--metric", help=f"What treemap and bars are of: {', '.join(METRICS)}.")]
Depth = Annotated[int, Option("--depth", "-d", min=1, help="Levels of blocks that treemap and bars open (1).")]
Devices = Annotated[
    list[str] | None,
    Option(
        "--device",
        metavar="FILE|NAME",
        callback=_each_help,
        autocompletion=options.devices,
        is_eager=True,
        help="Whose roofline; repeatable, --device help lists those that ship.",
    ),
]
Pareto = Annotated[
    str, Option("--pareto", help="The two figures of a front, a minus for what should be large: macs,-size.")
]


@command()
def plot(
    specs: options.Specs,
    kind: Kind,
    given: Taken,
    metric: Metric = "macs",
    depth: Depth = 1,
    device: Devices = None,
    pareto: Pareto = "",
) -> None:
    """Plot where the cost is, as SVG.

    \b
    archcalc plot googlenet --kind treemap --metric params -o params.svg
    archcalc plot unet --kind memory -o memory.svg
    archcalc plot resnet50 --kind roofline --device rtx4090 --device t4 -o roofline.svg
    archcalc plot specs --kind bubble -o networks.svg
    archcalc plot mobilenet_v2 --kind front --over width=0.25..1:0.05 --over size=96..224:32 --pareto macs,-size
    """
    from archcalc.picture import Asked
    from archcalc.picture import plot as drawn

    found = named(specs, given.quiet)
    drawn.judge(kind, metric, len(found))
    profiles = []
    if device:
        from archcalc.latency.profile import load_profile

        profiles = [load_profile(name, Path(found[0]).parent) for name in dict.fromkeys(device)]
    asked = Asked(metric, depth, tuple(profiles))
    if KINDS[kind].of_designs != bool(given.over or pareto):
        raise UsageError("--over and --pareto are of --kind front, which needs both of them")
    if given.over or pareto:
        asked = _front(given.space(found[0]), pareto, asked)
    given.say(drawn.plot(given.answered(found, given.question()), kind, asked))


MOST_DESIGNS = 1500  # that are drawn beside those of the front


def _front(space: Space, pareto: str, asked: Asked) -> Asked:
    """What a front is of: the best designs of a space, and of the others as many as can be seen. Raises UsageError."""
    from archcalc.ops.kinds import show
    from archcalc.picture import Design
    from archcalc.space import sweep
    from archcalc.space.front import directions

    axes = [direction.name for direction in directions(pareto)]
    if len(axes) != 2:
        raise UsageError(f"a front is drawn by two figures, such as --pareto macs,-size; these are {len(axes)}")
    figures = [name for name in axes if name not in {axis.name for axis in space.axes}]
    designs: dict[str, Design] = {}
    for is_best in (False, True):
        found = sweep(space, figures, pareto=pareto if is_best else (), sample=None if is_best else MOST_DESIGNS)
        for design in found:
            name = ", ".join(f"{axis.name}={show(design[axis.name])}" for axis in space.axes)
            one, other = (design[axis] for axis in axes)
            if not isinstance(one, (int, Fraction)) or not isinstance(other, (int, Fraction)):
                raise UsageError(f"{' and '.join(axes)} are no numbers that a plot could have on its axes")
            designs[name] = Design(name, (one, other), is_best)
    return asked._replace(axes=(axes[0], axes[1]), designs=tuple(designs.values()), of=space.size)
