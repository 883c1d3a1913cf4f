"""`archcalc explain`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli import options
from archcalc.cli.declared import Argument, takes
from archcalc.cli.entry import command
from archcalc.cli.given import TEXT_OR_JSON, Given, width
from archcalc.cli.naming import networks

Asked = Annotated[Given, takes("tool inputs via sets free without train batch form json output quiet")]
Spec = Annotated[
    str | None,
    Argument(
        metavar="[SPEC]",
        autocompletion=networks,
        help="A spec file, file.yaml@variant, or the name of a network that ships.",
    ),
]


@command()
def explain(spec: Spec = None, *, given: Asked, form: options.TextOrJson = "text") -> None:
    """Why another tool prints another number: the way from ours to theirs, operator by operator.

    \b
    archcalc explain resnet50 --as thop               what thop 0.1.1 adds to the MACs of conv, linear and matmul
    archcalc explain resnet50                         what every tool prints
    archcalc explain --as thop                        what thop counts of which operator
    archcalc explain                                  the tools
    """
    from archcalc.conventions import TOOLS, Counted, find, overview, printing, reference

    form, tool = given.form(form, TEXT_OR_JSON), given.tool
    if tool is not None:
        find(tool)
    if spec is None:
        given.say(reference.tools(form, width(given.output)) if tool is None else reference.tool(tool, form))
        return
    (model,) = given.models([spec])
    question = given.question()
    own = given.answer(model, question._replace(train=False, convention=None))
    if tool is None:
        tables = {name: model.answer(question._replace(convention=name)) for name in TOOLS}
        given.say(overview.printed({"archcalc": own, **tables}, form))
    else:
        found = model.answer(question)
        assert isinstance(found, Counted)
        given.say(printing.printed(found, form))
