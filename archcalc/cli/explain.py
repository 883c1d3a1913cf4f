"""`archcalc explain`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli.declared import Argument, Option
from archcalc.cli.entry import command
from archcalc.cli.options import (
    As,
    Batch,
    Free,
    Inputs,
    Json,
    Output,
    Quiet,
    Set,
    Train,
    Via,
    Without,
    bindings,
    models,
    names,
    notes,
    text_or_json,
    width,
)
from archcalc.cli.saying import out


@command()
def explain(
    spec: Annotated[
        str | None,
        Argument(metavar="[SPEC]", help="A spec file, file.yaml@variant, or the name of a network that ships."),
    ] = None,
    tool: As = None,
    inputs: Inputs = None,
    via: Via = "",
    sets: Set = None,
    free: Free = None,
    without: Without = None,
    train: Train = False,
    batch: Batch = 1,
    form: Annotated[str, Option("--format", help="text or json.")] = "text",
    json: Json = False,
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """Why another tool prints another number: the way from ours to theirs, operator by operator.

    \b
    archcalc explain resnet50 --as thop               what thop 0.1.1 adds to the MACs of conv, linear and matmul
    archcalc explain resnet50                         what every tool prints
    archcalc explain --as thop                        what thop counts of which operator
    archcalc explain                                  the tools
    """
    from archcalc.conventions import TOOLS, Counted, find, overview, printing, reference
    from archcalc.question import Question

    form = text_or_json(form, json)
    if tool is not None:
        find(tool)
    if spec is None:
        out(reference.tools(form, width(output)) if tool is None else reference.tool(tool, form), into=output)
        return
    (model,) = models([spec], inputs=inputs, via=via)
    question = Question(bindings(sets), names(free), batch, train, without=names(without))
    own = model.answer(question._replace(train=False))
    notes(own, quiet)
    if tool is None:
        tables = {name: model.answer(question._replace(convention=name)) for name in TOOLS}
        out(overview.printed({"archcalc": own, **tables}, form), into=output)
    else:
        found = model.answer(question._replace(convention=tool))
        assert isinstance(found, Counted)
        out(printing.printed(found, form), into=output)
