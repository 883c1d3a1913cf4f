"""`archcalc budget`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli.declared import Option
from archcalc.cli.entry import command
from archcalc.cli.options import (
    STDIN,
    Dtype,
    Fit,
    Output,
    Quiet,
    Specs,
    models,
    names,
)
from archcalc.cli.saying import out, told
from archcalc.errors import UsageError


@command()
def budget(
    specs: Specs,
    write: Annotated[bool, Option("--write", help="Put it into the spec; nothing else in the file changes.")] = False,
    slack: Annotated[str, Option("--slack", metavar="P%", help="How much more than now is allowed.")] = "2%",
    metrics: Annotated[
        list[str] | None,
        Option(
            "--metrics",
            metavar="M,M",
            help="Which: those with a max already, or else params,macs,act_peak. Repeatable.",
        ),
    ] = None,
    dtype: Dtype = "fp32",
    fit: Fit = None,
    output: Output = None,
    quiet: Quiet = False,
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
    from archcalc.question import Question

    if STDIN in specs or (write and output is not None):
        raise UsageError(
            "a budget is that of a spec's file, and --write puts it there: not from stdin, nor into another"
        )
    made = budgeted(models(specs), share(slack), names(metrics), Question(dtype=dtype, fit=names(fit)))
    if not write:
        out("\n".join(block(written) for written in made), into=output)
        return
    save(made)
    if not quiet:
        for written in made:
            told(
                f"{written.path}: {'budget written' if written.text != written.old else 'the budget is as it was'}",
            )
