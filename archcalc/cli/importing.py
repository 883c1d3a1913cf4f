"""`archcalc import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from archcalc.cli.declared import Argument
from archcalc.cli.entry import command
from archcalc.cli.options import (
    Inputs,
    Output,
    Quiet,
    Set,
    Via,
    apart,
    bindings,
    loaded,
)
from archcalc.cli.saying import out, told


@command("import")
def import_(
    model: Annotated[str, Argument(metavar="MODEL", help="An ONNX file, or package.module:factory.")],
    output: Output = None,
    inputs: Inputs = None,
    via: Via = "",
    sets: Set = None,
    quiet: Quiet = False,
) -> None:
    """Write a model file as a spec that counts the same; layers that repeat are written once.

    \b
    archcalc import model.onnx -o net.yaml
    archcalc import model.onnx --set height=224 --set width=224      defaults of the sizes that the file leaves open
    archcalc import torchvision.models:resnet50 --input 3x224x224 -o resnet.yaml
    """
    apart(Path(output) if output else None, model)
    text, notes = loaded(model, inputs, via).to_spec(**bindings(sets))
    for note in notes if not quiet else ():
        told(f"note: {note}")
    out(text, newline=False, into=output)
