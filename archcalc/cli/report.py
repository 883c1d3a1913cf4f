"""`archcalc report`."""

from __future__ import annotations

from archcalc.cli.entry import command
from archcalc.cli.options import (
    Batch,
    Dtype,
    Inputs,
    Output,
    Quiet,
    Set,
    Specs,
    Without,
    bindings,
    loaded,
    named,
    names,
)
from archcalc.cli.saying import out


@command()
def report(
    specs: Specs,
    inputs: Inputs = None,
    sets: Set = None,
    without: Without = None,
    batch: Batch = 1,
    dtype: Dtype = "fp32",
    quiet: Quiet = False,
    output: Output = None,
) -> None:
    """Write a page to look at: parameters as sliders, where the cost is, every layer, memory, field and roofline.

    \b
    archcalc report resnet50 -o resnet50.html
    archcalc report resnet50 resnext50_32x4d -o change.html     what changed from one to the other
    """
    from archcalc.question import Question
    from archcalc.report import page, subject
    from archcalc.report.source import text_of

    found = named(specs, quiet)
    question = Question(bindings(sets), (), batch, dtype=dtype, without=names(without))
    subjects = [subject(loaded(name, inputs), question, text_of(name), loops=len(found) == 1) for name in found]
    out(page(subjects), commands=True, into=output)
