"""`archcalc verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from archcalc import escapes
from archcalc.cli.declared import Option
from archcalc.cli.entry import command
from archcalc.cli.export import Seed
from archcalc.cli.options import (
    Batch,
    Inputs,
    Json,
    Output,
    Quiet,
    Set,
    Specs,
    Train,
    Via,
    Without,
    bindings,
    models,
    names,
    notes,
    text_or_json,
)
from archcalc.cli.saying import out, told

if TYPE_CHECKING:
    from archcalc.cost import Table
    from archcalc.measure.proof import Proof


@command()
def verify(
    specs: Specs,
    inputs: Inputs = None,
    via: Via = "",
    sets: Set = None,
    without: Without = None,
    train: Train = False,
    batch: Batch = 1,
    field: Annotated[
        list[str] | None,
        Option(
            "--field",
            metavar="L,L",
            help="Show these layers' receptive fields; none: no field. Else the deepest that fits.",
        ),
    ] = None,
    seed: Seed = 0,
    form: Annotated[str, Option("--format", help="text or json.")] = "text",
    json: Json = False,
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """Run the network and hold it against the count: every layer's shape, learned tensors, receptive fields. Exit 1 if
    anything differs.

    \b
    archcalc verify googlenet
    archcalc verify vgg16 --field conv5_3,conv3_3                 by perturbing single pixels
    archcalc verify net.yaml --set size=480 --json
    """
    from archcalc.question import Question

    form = text_or_json(form, json)
    wanted = None if field is None else [name for name in names(field) if name != "none"]
    found = []
    for model in models(specs, quiet, inputs, via):
        table, proof = model.proved(Question(bindings(sets), (), batch, train, without=names(without)), wanted, seed)
        notes(table, quiet)
        found.append((table, proof))
        for note in proof.notes if form == "text" and not quiet else ():
            told(f"note: {table.name}: {note}")
    out(_json(found) if form == "json" else "\n".join(_text(*each) for each in found), into=output)
    if not all(proof.holds for _, proof in found):
        raise SystemExit(1)


def _text(table: Table, proof: Proof) -> str:
    differences = [f"  FAIL {difference}" for difference in proof.differences]
    return escapes.lines([f"{table.name} ({table.spec.path}): {proof}", *differences])


def _json(found: list[tuple[Table, Proof]]) -> str:
    from archcalc.measure.report import proof_json

    results = [proof_json(table, proof) for table, proof in found]
    return escapes.json(results[0] if len(results) == 1 else results)
