"""`archcalc init`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli.declared import Argument, takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given
from archcalc.errors import UsageError

Folder = Annotated[str, Argument(metavar="[FOLDER]", help="Of a repository; the working folder unless given.")]


@command()
def init(folder: Folder = ".", *, given: Annotated[Given, takes("quiet")]) -> None:
    """Begin: a first spec, archcalc.toml, a hook for pre-commit and a workflow. Nothing is written over.

    \b
    archcalc init              in the working folder
    archcalc init ../project   in another
    """
    from pathlib import Path

    from archcalc import reading
    from archcalc.beginning import begun
    from archcalc.writing import write_all

    if not reading.is_folder(folder):
        raise UsageError(f"there is no folder {folder}")
    pieces = begun(folder)
    for piece in pieces:
        if not piece.stays:
            Path(piece.path).parent.mkdir(parents=True, exist_ok=True)
    write_all((Path(piece.path), piece.text.encode("utf-8")) for piece in pieces if not piece.stays)
    if not given.quiet:
        given.say("\n".join(map(str, pieces)))
