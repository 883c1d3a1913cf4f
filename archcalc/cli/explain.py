"""`archcalc explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from archcalc.cli.app import app
from archcalc.cli.options import As, Batch, Free, Quiet, Set, Spec, Train, Without, bindings, models, names, notes
from archcalc.errors import UsageError


@app.command()
def explain(
    spec: Spec,
    tool: As = None,
    sets: Set = None,
    free: Free = None,
    without: Without = None,
    train: Train = False,
    batch: Batch = 1,
    form: Annotated[str, typer.Option("--format", "-o", help="text or json.")] = "text",
    quiet: Quiet = False,
) -> None:
    """Why another tool prints another number: the way from ours to theirs, operator by operator.

    \b
    archcalc explain resnet50 --as thop               what thop 0.1.1 adds to the MACs of conv, linear and matmul
    archcalc explain resnet50                         what every tool prints
    """
    from archcalc.conventions import TOOLS, counted, overview, printing
    from archcalc.model import Question

    if form not in ("text", "json"):
        raise UsageError(f"unknown format '{form}'; there are text, json")
    (model,) = models([spec])
    question = Question(bindings(sets), names(free), batch, train, without=names(without))
    own = model.answer(question._replace(train=False))
    notes(own, model.dropped, quiet)
    if tool is None:
        tables = {name: model.answer(question._replace(convention=name)) for name in TOOLS}
        typer.echo(overview.printed({"archcalc": own, **tables}, form))
    else:
        typer.echo(printing.printed(counted(own, model.answer(question), tool), form))
