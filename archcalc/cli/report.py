"""`archcalc report`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli import options
from archcalc.cli.declared import takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given, named

Asked = Annotated[Given, takes("inputs sets without batch dtype quiet output")]


@command()
def report(specs: options.Specs, given: Asked) -> None:
    """Write a page to look at: parameters as sliders, where the cost is, every layer, memory, field and roofline.

    \b
    archcalc report resnet50 -o resnet50.html
    archcalc report resnet50 resnext50_32x4d -o change.html     what changed from one to the other
    """
    from archcalc.report import page, subject
    from archcalc.report.source import text_of

    found = named(specs, given.quiet)
    question, alone = given.question(), len(found) == 1
    subjects = [subject(given.loaded(name), question, text_of(name), loops=alone) for name in found]
    given.say(page(subjects), commands=True)
