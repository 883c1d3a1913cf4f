"""What there is: `archcalc zoo`, `archcalc devices`, `archcalc ops`, `archcalc schema`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli.declared import Argument, Option
from archcalc.cli.entry import command
from archcalc.cli.options import (
    Json,
    Output,
    chosen,
    width,
)
from archcalc.cli.saying import out


@command()
def zoo(
    families: Annotated[str, Option("--family", metavar="NAME,...", help="Only these: resnet,vgg.")] = "",
    where: Annotated[
        str, Option(metavar="CONDITION", help="Only networks of which this holds: 'params < 10M and depth > 20'.")
    ] = "",
    by: Annotated[str, Option(metavar="WHAT", help="A row for each: network or family.")] = "network",
    form: Annotated[str, Option("--format", help="table, markdown, csv or json.")] = "table",
    json: Json = False,
    output: Output = None,
) -> None:
    """List the networks that ship, with their totals."""
    from archcalc.zoo import listing

    asked = [name.strip() for name in families.split(",") if name.strip()]
    out(listing(chosen(form, json), width(output), asked, where, by), into=output)


@command()
def devices(
    form: Annotated[str, Option("--format", help="table, markdown or json.")] = "table",
    json: Json = False,
    output: Output = None,
) -> None:
    """List the devices that ship: the memory that --fit holds a network to, and those that times are predicted on."""
    from archcalc.devices import listing

    out(listing(chosen(form, json)), into=output)


@command()
def ops(
    words: Annotated[list[str] | None, Argument(metavar="[OP]...", help="Only these operators.")] = None,
    form: Annotated[str, Option("--format", help="text, markdown or json.")] = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """The operator reference: how each layer is written, its options and what it counts."""
    from archcalc.reference import printed

    out(printed(words or [], chosen(form, json), width(output)), into=output)


@command()
def schema(
    name: Annotated[
        str,
        Argument(
            metavar="[NAME]",
            help="spec (default), or the output of a command: count, explain, check, compare, zoo, ops.",
        ),
    ] = "spec",
    output: Output = None,
) -> None:
    """Print the JSON Schema (draft-07) of a spec, for editors, or of what a command prints with --format json."""
    from archcalc.schemas import schema_text

    out(schema_text(name), into=output)
