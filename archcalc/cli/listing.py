"""What there is: `archcalc zoo`, `archcalc devices`, `archcalc ops`, `archcalc schema`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from archcalc.cli.declared import Argument, Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given, width
from archcalc.cli.naming import starting
from archcalc.cli.options import format_option
from archcalc.render.formats import DEVICES, SHIPPED
from archcalc.schemas import NAMES


def _operators() -> Iterable[str]:
    from archcalc.ops import OPS

    return OPS


def _devices_known() -> Iterable[str]:
    from archcalc.devices import NAMES
    from archcalc.latency.profile import device_names

    return dict.fromkeys((*NAMES, *device_names()))


Printed = Annotated[Given, takes("json output")]
Families = Annotated[str, Option("--family", metavar="NAME,...", help="Only these: resnet,vgg.")]
Where = Annotated[
    str, Option(metavar="CONDITION", help="Only networks of which this holds: 'params < 10M and depth > 20'.")
]
By = Annotated[
    str,
    Option(
        metavar="WHAT",
        autocompletion=starting(lambda: ("network", "family")),
        help="A row for each: network or family.",
    ),
]
OfZoo = Annotated[str, format_option(SHIPPED)]
OfDevices = Annotated[str, format_option(DEVICES)]
OfOps = Annotated[str, format_option(("text", "markdown", "json"))]
Words = Annotated[
    list[str] | None, Argument(metavar="[OP]...", autocompletion=starting(_operators), help="Only these operators.")
]
Devices = Annotated[
    list[str] | None,
    Argument(metavar="[DEVICE]...", autocompletion=starting(_devices_known), help="Only these devices."),
]
Name = Annotated[
    str,
    Argument(
        metavar="[NAME]",
        autocompletion=starting(lambda: NAMES),
        help=f"spec (default), or the output of a command: {', '.join(NAMES[1:])}.",
    ),
]


@command()
def zoo(
    families: Families = "", where: Where = "", by: By = "network", form: OfZoo = "table", *, given: Printed
) -> None:
    """List the networks that ship, with their totals."""
    from archcalc.zoo import listing

    asked = [name.strip() for name in families.split(",") if name.strip()]
    given.say(listing(given.form(form), width(given.output), asked, where, by))


@command()
def devices(names: Devices = None, form: OfDevices = "table", *, given: Printed) -> None:
    """List the devices that ship: the memory that --fit holds a network to, and those that times are predicted on."""
    from archcalc.devices import listing

    given.say(listing(given.form(form), names or []))


@command()
def ops(words: Words = None, form: OfOps = "text", *, given: Printed) -> None:
    """The operator reference: how each layer is written, its options and what it counts."""
    from archcalc.reference import printed

    given.say(printed(words or [], given.form(form), width(given.output)))


@command()
def schema(name: Name = "spec", *, given: Annotated[Given, takes("output")]) -> None:
    """Print the JSON Schema (draft-07) of a spec, for editors, or of what a command prints with --format json."""
    from archcalc.schemas import schema_text

    given.say(schema_text(name))
