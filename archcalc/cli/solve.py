"""`archcalc solve`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given
from archcalc.cli.naming import designed, metrics

Asked = Annotated[
    Given,
    takes(
        "over where inputs via sets train batch dtype attention fold_bn optimizer precision checkpoint fit device form"
        " json output"
    ),
]
Maximize = Annotated[
    str,
    Option(
        "--maximize",
        autocompletion=designed,
        help="A parameter, a metric or an expression; of several the first first.",
    ),
]
Minimize = Annotated[str, Option("--minimize", autocompletion=designed, help="The same, to be small.")]
Most = Annotated[
    list[str] | None,
    Option(
        "--max",
        metavar="METRIC=AMOUNT",
        autocompletion=metrics("="),
        help="macs=150M, act_peak=320KiB, latency=5ms. May be repeated.",
    ),
]
Least = Annotated[
    list[str] | None,
    Option("--min", metavar="METRIC=AMOUNT", autocompletion=metrics("="), help="field=224. May be repeated."),
]


@command()
def solve(
    spec: options.Spec,
    maximize: Maximize = "",
    minimize: Minimize = "",
    most: Most = None,
    least: Least = None,
    *,
    device: options.PredictedOnEach = None,
    given: Asked,
    form: options.TextOrJson = "text",
) -> None:
    """The best design under limits, with the proof that there is no better one; exit code 1 if none keeps to them.

    \b
    archcalc solve resnet50 --maximize size --max macs=2G
    archcalc solve resnet50 --maximize batch --max act_peak=1GiB
    archcalc solve mobilenet_v2 --maximize 'size*width' --max macs=150M --over size=96..320:16 --over width=0.25..2:0.05
    """
    from archcalc.space import read_limit
    from archcalc.space import solve as solved
    from archcalc.space.report import SOLUTIONS

    form = given.form(form, SOLUTIONS)
    space = given.space(spec, device or ())
    texts = [*(("max", text) for text in most or ()), *(("min", text) for text in least or ())]
    limits = [limit for kind, text in texts for limit in read_limit(kind, text, space)]
    where = given.where or ()
    found = solved(space, maximize=maximize, minimize=minimize, limits=limits, where=where)
    given.say(SOLUTIONS[form](found))
    if found.best is None:
        raise SystemExit(1)
