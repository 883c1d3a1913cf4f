"""`archcalc import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archcalc.cli.entry import command
from archcalc.cli.options import Quiet, Set, apart, bindings
from archcalc.cli.saying import out, told


@command("import")
def import_(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="An ONNX file.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write the spec; printed if it isn't given."),
    ] = None,
    sets: Set = None,
    quiet: Quiet = False,
) -> None:
    """Write a model file as a spec that counts the same; layers that repeat are written once.

    \b
    archcalc import model.onnx -o net.yaml
    archcalc import model.onnx --set height=224 --set width=224      defaults of the sizes that the file leaves open
    """
    from archcalc.model import load
    from archcalc.writing import write

    apart(output, model)
    text, notes = load(model).to_spec(**bindings(sets))
    for note in notes if not quiet else ():
        told(f"note: {note}")
    if output is None:
        out(text, newline=False)
    else:
        write(output, text.encode())
