"""`archcalc plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given, named
from archcalc.errors import UsageError
from archcalc.picture import KINDS, METRICS

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
    options.profiles_option("Whose roofline."),
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
    archcalc plot vgg16 resnet50 googlenet --kind field -o fields.svg
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
        from archcalc.cli.fronts import front

        asked = front(given.space(found[0]), pareto, asked)
    given.say(drawn.plot(given.answered(found, given.question()), kind, asked))
