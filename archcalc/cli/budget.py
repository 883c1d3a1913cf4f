"""`archcalc budget`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import STDIN, Given, models, names
from archcalc.cli.saying import told
from archcalc.errors import UsageError

Asked = Annotated[Given, takes("dtype fit output quiet")]
Write = Annotated[bool, Option("--write", help="Put it into the spec; nothing else in the file changes.")]
Slack = Annotated[str, Option("--slack", metavar="P%", help="How much more than now is allowed.")]
Metrics = Annotated[
    list[str] | None,
    Option(
        "--metrics", metavar="M,M", help="Which: those with a max already, or else params,macs,act_peak. Repeatable."
    ),
]


@command()
def budget(
    specs: options.Specs, write: Write = False, slack: Slack = "2%", metrics: Metrics = None, *, given: Asked
) -> None:
    """A budget from what a spec costs now: printed, or with --write put into the spec.

    \b
    archcalc budget net.yaml                          the block, to paste
    archcalc budget net.yaml --write --slack 2%       added or refreshed in the file
    archcalc budget net.yaml@wide --metrics macs      of a variant, only MACs
    archcalc budget net.yaml --fit stm32f746 --dtype int8     what a chip has
    """
    from archcalc.budget.writing import block, budgeted, save
    from archcalc.budget.writing import slack as share

    if STDIN in specs or (write and given.output is not None):
        raise UsageError(
            "a budget is that of a spec's file, and --write puts it there: not from stdin, nor into another"
        )
    made = budgeted(models(specs), share(slack), names(metrics), given.question())
    if not write:
        given.say("\n".join(block(written) for written in made))
        return
    save(made)
    for written in made if not given.quiet else ():
        told(f"{written.path}: {'budget written' if written.text != written.old else 'the budget is as it was'}")
