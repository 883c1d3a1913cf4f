"""`archcalc docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from archcalc.cli.declared import Argument, Option
from archcalc.cli.entry import command
from archcalc.cli.options import (
    Output,
    Quiet,
)
from archcalc.cli.saying import out, told


@command()
def docs(
    files: Annotated[
        list[str],
        Argument(metavar="FILE...", help="Markdown and reStructuredText; in a folder, all that have regions."),
    ],
    check: Annotated[
        bool, Option("--check", help="Write nothing; print what would change, and exit with 1 if anything would.")
    ] = False,
    force: Annotated[bool, Option("--force", help="Write over regions that hold what archcalc did not write.")] = False,
    allow: Annotated[
        list[Path] | None,
        Option("--allow", metavar="FOLDER", help="Read specs there too, outside of a document's repository."),
    ] = None,
    if_any: Annotated[bool, Option("--if-any", help="That there is no region is no failure.")] = False,
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """Fill the regions of documents: tables, numbers in sentences, formulas and diagrams that can't go stale.

    \b
    <!-- archcalc: table net.yaml --depth 1 -->
    <!-- archcalc: end -->
    """
    from archcalc.docs import documents, save

    found = documents(files, allow or (), if_any)
    edited = [edit for document in found for edit in document.edited]
    for edit in edited:
        told(edit)
    if check:
        stale = [document for document in found if not document.is_current]
        if stale or output is not None:
            out("\n".join(document.diff() for document in stale), into=output)
        if stale:
            names = " ".join(
                f"'{document.path}'" if " " in str(document.path) else str(document.path) for document in stale
            )
            told(f"out of date; run: archcalc docs {names}{' --force' * bool(edited)}")
            raise SystemExit(1)
        return
    if edited and not force:
        told("nothing was written; --force writes over what they hold")
        raise SystemExit(1)
    save(found)
    lines = [
        f"{document.path}: {document.regions} region{'s' * (document.regions != 1)},"
        f" {'unchanged' if document.is_current else 'refreshed'}"
        for document in found
        if not quiet
    ]
    if lines or output is not None:
        out("\n".join(lines), into=output)
