"""`archcalc docs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from archcalc.cli.declared import Argument, Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given
from archcalc.cli.saying import told

if TYPE_CHECKING:
    from archcalc.docs import Document

Files = Annotated[
    list[str],
    Argument(metavar="FILE...", help="Markdown and reStructuredText; in a folder, all that have regions."),
]
Check = Annotated[
    bool, Option("--check", help="Write nothing; print what would change, and exit with 1 if anything would.")
]
Force = Annotated[bool, Option("--force", help="Write over regions that hold what archcalc did not write.")]
Allow = Annotated[
    list[Path] | None,
    Option("--allow", metavar="FOLDER", help="Read specs there too, outside of a document's repository."),
]
IfAny = Annotated[bool, Option("--if-any", help="That there is no region is no failure.")]


@command()
def docs(
    files: Files,
    check: Check = False,
    force: Force = False,
    allow: Allow = None,
    if_any: IfAny = False,
    *,
    given: Annotated[Given, takes("output quiet")],
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
        _compare(found, bool(edited), given)
        return
    if edited and not force:
        told("nothing was written; --force writes over what they hold")
        raise SystemExit(1)
    save(found)
    lines = [_line(document) for document in found if not given.quiet]
    if lines or given.output is not None:
        given.say("\n".join(lines))


def _compare(found: list[Document], edited: bool, given: Given) -> None:
    """Print what would change. Raises SystemExit where anything would."""
    stale = [document for document in found if not document.is_current]
    if stale or given.output is not None:
        given.say("\n".join(document.diff() for document in stale))
    if stale:
        named = (f"'{document.path}'" if " " in str(document.path) else str(document.path) for document in stale)
        told(f"out of date; run: archcalc docs {' '.join(named)}{' --force' * edited}")
        raise SystemExit(1)


def _line(document: Document) -> str:
    many = f"{document.regions} region{'s' * (document.regions != 1)}"
    return f"{document.path}: {many}, {'unchanged' if document.is_current else 'refreshed'}"
