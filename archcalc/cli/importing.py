"""`archcalc import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from archcalc.cli.declared import Argument, takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given, apart, bindings
from archcalc.cli.saying import told

Asked = Annotated[Given, takes("output inputs via sets quiet")]
File = Annotated[str, Argument(metavar="MODEL", help="An ONNX file, or package.module:factory.")]


@command("import")
def import_(model: File, given: Asked) -> None:
    """Write a model file as a spec that counts the same; layers that repeat are written once.

    \b
    archcalc import model.onnx -o net.yaml
    archcalc import model.onnx --set height=224 --set width=224      defaults of the sizes that the file leaves open
    archcalc import torchvision.models:resnet50 --input 3x224x224 -o resnet.yaml
    """
    apart(Path(given.output) if given.output else None, model)
    text, notes = given.loaded(model).to_spec(**bindings(given.sets))
    for note in notes if not given.quiet else ():
        told(f"note: {note}")
    given.say(text, newline=False)
