"""Changes that an editor can make: a name in all its places, the word that was meant in place of the one that is
written, and what lectures would write in place of a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from archcalc.editor.words import declaration, names
from archcalc.errors import ArchcalcError, UsageError
from archcalc.findings import Finding
from archcalc.model import Model, read
from archcalc.ops import OPS
from archcalc.patterns import pattern
from archcalc.render import numbers
from archcalc.space.advice import Advice, advised
from archcalc.spec.again import Again
from archcalc.tuples import NamedTuple

_MEANT = pattern(r"'([^']+)'.*did you mean '([^']+)'")
_NAME = pattern(r"[A-Za-z_]\w*")
_SECTION = pattern(r"(\w+):")
PROSE = ("name", "paper", "note", "source", "year")  # keys with sentences


class Place(NamedTuple):
    """A word in a text, by line and columns from 0."""

    line: int
    start: int
    end: int


def meant(text: str, found: Finding, path: str) -> tuple[Place, str] | None:
    """The word that a mistake is about, and what was meant in its place."""
    said = _MEANT.search(found.message)
    if said is None or found.mark is None or found.mark.file != path:
        return None
    line, column = found.mark.line - 1, found.mark.column - 1
    written = "".join(text.split("\n")[line : line + 1])
    start = written.find(said[1], column, column + max(found.mark.length, len(said[1])))
    return None if start < 0 else (Place(line, start, start + len(said[1])), said[2])


def renamed(text: str, line: int, column: int, new: str, path: str) -> list[Place]:
    """The places of the label or block under the cursor, for a new name there. The network is counted with it before:
    it must come to the same.

    Raises UsageError for what can't be renamed, or not so.
    """
    found = declaration(text, line, column)
    kinds = {name.kind for name in names(text) if found and name.name == found.name}
    if found is None or kinds not in ({"label"}, {"block"}):
        raise UsageError("no label and no block stands here")
    if not _NAME.fullmatch(new) or new in OPS or new in {name.name for name in names(text)}:
        raise UsageError(f"'{new}' can't be its name: it is taken, or no word of letters, digits and _")
    places = list(_places(text, found.name))
    try:
        same = read(replaced(text, places, new), path).count().totals == read(text, path).count().totals
    except ArchcalcError as error:
        raise UsageError(f"'{found.name}' can't be renamed: {error}") from None
    if not same:
        raise UsageError(f"'{found.name}' can't be renamed: the network would cost something else")
    return places


def replaced(text: str, places: list[Place], new: str) -> str:
    """The text with a word in these places."""
    lines = text.split("\n")
    for place in reversed(places):
        lines[place.line] = lines[place.line][: place.start] + new + lines[place.line][place.end :]
    return "\n".join(lines)


def _places(text: str, name: str) -> Iterator[Place]:
    """Where a name stands as a word of its own: not in comments, quotes or sentences, nor as an option's name."""
    word = re.compile(rf"(?<![\w.\"'-]){re.escape(name)}(?![\w.\"'=-])")
    for n, line in enumerate(text.split("\n")):
        key = _SECTION.match(line.lstrip(" -"))
        if key and key[1] in PROSE and key[1] != name:
            continue
        code = re.sub(r"\"[^\"]*\"|'[^']*'", lambda found: " " * len(found[0]), re.split(r"(?:^|(?<=\s))#", line)[0])
        yield from (Place(n, *found.span()) for found in word.finditer(code))


class Rewrite(NamedTuple):
    """Lines in place of others, from 0, the last one left out; what that is, and what it saves."""

    title: str
    first: int
    stop: int
    text: str


def rewrites(model: Model, text: str, lines: range) -> list[Rewrite]:
    """What lectures would change of what begins on these lines, from 0: each was counted."""
    numbered = range(lines.start + 1, lines.stop + 1)
    return [_rewrite(text, advice) for advice in advised(model, text, numbered, Again())]


def _rewrite(text: str, advice: Advice) -> Rewrite:
    old, new = text.split("\n"), advice.text.split("\n")
    most = min(len(old), len(new))
    first = next((n for n in range(most) if old[n] != new[n]), most)
    same = next((n for n in range(most - first) if old[-1 - n] != new[-1 - n]), most - first)
    saved = ", ".join(f"{name} {_more(advice, figure)}" for name, figure in (("MACs", "macs"), ("params", "params")))
    written = "".join(f"{line}\n" for line in new[first : len(new) - same])
    return Rewrite(f"Try: {advice.title} ({saved})", first, len(old) - same, written)


def _more(advice: Advice, figure: str) -> str:
    """How much more there is of something: `-1.2M`, `+3`, or `=`."""
    difference = advice.after[figure] - advice.before[figure]
    sign = "-" if difference < 0 else "+"
    return f"{sign}{numbers.count(abs(difference))}" if difference else "="
