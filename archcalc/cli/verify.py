"""`archcalc verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from archcalc import escapes
from archcalc.cli.entry import command
from archcalc.cli.export import Seed
from archcalc.cli.options import Batch, Quiet, Set, Specs, Train, Without, bindings, models, names, notes, text_or_json
from archcalc.cli.saying import out, told

if TYPE_CHECKING:
    from archcalc.cost import Table
    from archcalc.measure.proof import Proof


@command()
def verify(
    specs: Specs,
    sets: Set = None,
    without: Without = None,
    train: Train = False,
    batch: Batch = 1,
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field",
            metavar="L,L",
            help="Show these layers' receptive fields; none: no field. Else the deepest that fits.",
        ),
    ] = None,
    seed: Seed = 0,
    form: Annotated[str, typer.Option("--format", "-o", help="text or json.")] = "text",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
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
    for model in models(specs, quiet):
        table, proof = model.proved(Question(bindings(sets), (), batch, train, without=names(without)), wanted, seed)
        notes(table, quiet)
        found.append((table, proof))
        if form == "text":
            _print(table, proof, quiet)
    if form == "json":
        _print_json(found)
    if not all(proof.holds for _, proof in found):
        raise typer.Exit(1)


def _print(table: Table, proof: Proof, quiet: bool) -> None:
    out(escapes.line(f"{table.name} ({table.spec.path}): {proof}"))
    for difference in proof.differences:
        out(escapes.line(f"  FAIL {difference}"))
    for note in () if quiet else proof.notes:
        told(f"note: {table.name}: {note}")


def _print_json(found: list[tuple[Table, Proof]]) -> None:
    from archcalc.measure.report import proof_json

    results = [proof_json(table, proof) for table, proof in found]
    out(escapes.json(results[0] if len(results) == 1 else results))
