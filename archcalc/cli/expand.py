"""`archcalc expand`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli import options
from archcalc.cli.declared import takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given

Asked = Annotated[Given, takes("inputs via sets without output")]


@command()
def expand(spec: options.Spec, given: Asked) -> None:
    """Print the flat network, every option spelled out: a spec that counts the same."""
    from archcalc.expand import expand as expanded

    table = given.loaded(spec).answer(given.question())
    given.say(expanded(table), newline=False)
