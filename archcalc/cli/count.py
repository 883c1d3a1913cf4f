"""`archcalc count`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given
from archcalc.cli.naming import starting

if TYPE_CHECKING:
    from archcalc.cost import Table
    from archcalc.question import Question


def _sorted_by() -> Iterable[str]:
    from archcalc.render.grouping import SORTABLE

    return SORTABLE


Asked = Annotated[
    Given,
    takes(
        "inputs via sets free depth by columns sort top without train batch dtype flops form attention optimizer"
        " precision checkpoint fold_bn fold tool strict tensors watch color json output quiet"
    ),
]
Sort = Annotated[
    str | None,
    Option(
        "--sort",
        autocompletion=starting(_sorted_by),
        help="The dearest first: macs, params, flops, activations, bytes ...",
    ),
]
Dtype = Annotated[
    str | None,
    Option(
        "--dtype",
        autocompletion=options.dtypes,
        help="fp64, fp32, fp16, bf16 or int8: the width that bytes are counted in. Without it fp32, and the numbers"
        " of a model file as it has them.",
    ),
]
Flops = Annotated[bool, Option("--flops", help="A column of FLOPs: 2 x MACs + elementwise operations.")]
Strict = Annotated[bool, Option("--strict", help="Exit 1 if a model file holds what could not be counted.")]
Tensors = Annotated[
    bool, Option("--tensors", help="Every tensor of a model file: its size, type and bytes, what it is and why.")
]


@command()
def count(
    specs: options.Specs,
    given: Asked,
    sort: Sort = None,
    dtype: Dtype = None,
    flops: Flops = False,
    form: options.Form = "table",
    strict: Strict = False,
    tensors: Tensors = False,
) -> None:
    """Count parameters, MACs, activations, memory and receptive field, as numbers or closed forms.

    \b
    archcalc count googlenet                          the table of a network that ships
    archcalc count net.yaml --set size=320            another input size
    archcalc count resnet50 --free size --depth 0     the closed form in the input size
    archcalc count vgg16 --sort params --top 5        where the parameters are
    archcalc count alexnet --without fc6,fc7          an ablation
    archcalc count model.onnx --tensors               what a model file holds
    archcalc count lora.onnx --fold no                with products of constants
    archcalc count specs --depth 0                    the totals of every spec in a folder
    archcalc count net.yaml --watch                   again whenever the file is saved
    cat net.yaml | archcalc count - --json            a spec on stdin, for programs
    """
    form = given.form(form)
    given.is_coloured()
    question = given.question(dtype=dtype or "fp32", as_stored=dtype is None, tensors=tensors)

    def counted() -> None:
        _count(specs, given, question, form, sort, flops, strict)

    given.repeat(specs, counted)


def _count(
    specs: list[str], given: Given, question: Question, form: str, sort: str | None, flops: bool, strict: bool
) -> None:
    """Print the tables. Raises SystemExit, UsageError, SpecError."""
    uncounted: list[bool] = []
    if question.tensors and form != "json":
        from archcalc.render.tensors import tensors as listed

        given.say(listed(given.answered(specs, question), form))
        return
    if form == "table" and given.is_coloured():
        from archcalc.render.cells import Options
        from archcalc.render.emphasis import dearest

        tables = given.answered(specs, question)
        options = Options(by=given.by, depth=given.depth, sort=sort, top=given.top)
        (text,) = given.rendered(_noted(tables, uncounted), form, sort=sort, flops=flops)
        given.say(text, paint=lambda text: dearest(tables, options, text))
    else:
        answers = _noted(given.answers(specs, question), uncounted)
        given.stream(given.rendered(answers, form, sort=sort, flops=flops))
    if strict and any(uncounted):
        raise SystemExit(1)


def _noted(tables: Iterable[Table], uncounted: list[bool]) -> Iterator[Table]:
    """The same tables; of each it is noted whether it lacks something."""
    for table in tables:
        uncounted.append(bool(table.graph.uncounted))
        yield table
