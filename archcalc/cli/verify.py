"""`archcalc verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from archcalc import escapes
from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import TEXT_OR_JSON, Given, names, notes, of_stand_ins
from archcalc.cli.saying import told

if TYPE_CHECKING:
    from archcalc.cost import Table
    from archcalc.measure.proof import Proof

Asked = Annotated[Given, takes("inputs via sets without train batch field seed form json output quiet")]
Field = Annotated[
    list[str] | None,
    Option(
        "--field",
        metavar="L,L",
        help="Show these layers' receptive fields; none: no field. Else the deepest that fits.",
    ),
]


@command()
def verify(
    specs: options.Specs,
    given: Asked,
    field: Field = None,
    seed: options.Seed = 0,
    form: options.TextOrJson = "text",
) -> None:
    """Run the network and hold it against the count: every layer's shape, learned tensors, receptive fields. Exit 1 if
    anything differs.

    \b
    archcalc verify googlenet
    archcalc verify vgg16 --field conv5_3,conv3_3                 by perturbing single pixels
    archcalc verify net.yaml --set size=480 --json
    """
    form = given.form(form, TEXT_OR_JSON)
    wanted = None if field is None else [name for name in names(field) if name != "none"]
    found = []
    for model in given.models(specs):
        table, proof = model.proved(given.question(), wanted, seed)
        notes(table, given.quiet)
        of_stand_ins(table, given.quiet, "its figures are as the spec gives them")
        found.append((table, proof))
        for note in () if given.quiet else proof.notes:
            told(f"note: {table.name}: {note}")
    given.say(_json(found) if form == "json" else "\n".join(_text(*each) for each in found))
    if not all(proof.holds for _, proof in found):
        raise SystemExit(1)


def _text(table: Table, proof: Proof) -> str:
    differences = [f"  FAIL {difference}" for difference in proof.differences]
    return escapes.lines([f"{table.name} ({table.spec.path}): {proof}", *differences])


def _json(found: list[tuple[Table, Proof]]) -> str:
    from archcalc.measure.report import proof_json

    results = [proof_json(table, proof) for table, proof in found]
    return escapes.json(results[0] if len(results) == 1 else results)
