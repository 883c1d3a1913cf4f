"""`archcalc fmt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from archcalc.cli.declared import Argument, Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import STDIN, Given, named
from archcalc.cli.saying import told
from archcalc.errors import UsageError
from archcalc.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Files = Annotated[
    list[str],
    Argument(metavar="FILE...", help="Spec files, patterns of them, folders of specs, or - from stdin to stdout."),
]
Check = Annotated[bool, Option("--check", help="Write nothing; exit with 1 if anything would change.")]
Diff = Annotated[bool, Option("--diff", help="Write nothing; print what would change, and exit with 1 if anything.")]
IfAny = Annotated[bool, Option("--if-any", help="Files that are no specs are left out.")]


class Formatted(Record):
    """A file, what it says, and the same as it should be laid out."""

    path: str
    old: str
    text: str

    @property
    def changes(self) -> bool:
        """Whether anything is laid out otherwise."""
        return self.text != self.old


@command()
def fmt(
    files: Files,
    check: Check = False,
    diff: Diff = False,
    if_any: IfAny = False,
    *,
    given: Annotated[Given, takes("output quiet")],
) -> None:
    """Lay out specs alike: indentation, blanks, empty lines. What they say stays, as do comments and aligned columns.

    \b
    archcalc fmt net.yaml          writes the file, where anything changes
    archcalc fmt models --check    exits with 1 where anything would
    archcalc fmt models --diff     prints what would
    archcalc fmt - < net.yaml      from stdin to stdout, for editors
    """
    found = list(_formatted(files, if_any, given.quiet))
    changed = [one for one in found if one.changes]
    if diff:
        given.say("".join(map(_diff, changed)), newline=False)
    elif not check:
        _put(found, changed, given)
    if check and not given.quiet:
        for one in changed:
            told(f"would lay out {one.path}")
    if changed and (check or diff):
        raise SystemExit(1)


def _formatted(files: Iterable[str], if_any: bool, quiet: bool) -> Iterator[Formatted]:
    """Each spec, laid out. Raises SpecError, UsageError."""
    from archcalc import reading
    from archcalc.files import may_be_spec
    from archcalc.spec import decoded, is_spec, read_text
    from archcalc.spec.formatting import formatted
    from archcalc.spec.load import no_spec
    from archcalc.spec.text import MOST_BYTES

    for path in named(files, quiet):
        if if_any and path != STDIN and not may_be_spec(path):
            continue
        if path != STDIN and not reading.is_file(path):
            raise UsageError(f"{path}: there is no such file; fmt lays out files, not networks by their names")
        text = decoded(reading.standard(MOST_BYTES), STDIN) if path == STDIN else read_text(path)
        if not is_spec(text):
            raise no_spec(text, path)
        yield Formatted(path, text, formatted(text, path))


def _put(found: list[Formatted], changed: list[Formatted], given: Given) -> None:
    """Write what changes, all or nothing; what came from stdin goes to stdout. Raises UsageError."""
    from pathlib import Path

    from archcalc import reading
    from archcalc.writing import write_all

    if any(one.path == STDIN for one in found):
        if len(found) > 1:
            raise UsageError("stdin is laid out alone")
        given.say(found[0].text, newline=False)
        return
    marks = [b"\xef\xbb\xbf" * reading.read(one.path, 3).startswith(b"\xef\xbb\xbf") for one in changed]
    write_all((Path(one.path), mark + one.text.encode("utf-8")) for one, mark in zip(changed, marks, strict=True))
    if not given.quiet:
        for one in changed:
            told(f"laid out {one.path}")


def _diff(one: Formatted) -> str:
    from difflib import unified_diff

    old, new = one.old.splitlines(keepends=True), one.text.splitlines(keepends=True)
    lines = unified_diff(old, new, one.path, f"{one.path}, laid out")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
