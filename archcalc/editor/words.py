"""The names of a spec by its text alone, which may be half written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from archcalc.patterns import pattern
from archcalc.tuples import NamedTuple

_SECTION = pattern(r"(\w+):")
_LABEL = pattern(r"(?:^|[-\[,{]\s)\s*(?P<name>[A-Za-z_][\w.-]*):(?=\s|$)")
_KEY = pattern(r"(\s+)(?P<name>[A-Za-z_]\w*)\s*(?:\((?P<arguments>[^)]*)\))?\s*:")
_INLINE = pattern(r"[{,]\s*(?P<name>[A-Za-z_]\w*)\s*:")
_WORD = pattern(r"[A-Za-z_]\w*")
LAYERS = ("layers", "blocks", "train")  # sections with lines of layers


class Name(NamedTuple):
    """Where something is declared: `kind` is label, block or parameter; `arguments` are a block's."""

    name: str
    kind: str
    line: int
    column: int
    arguments: tuple[str, ...] = ()


@lru_cache(maxsize=4)
def names(text: str) -> tuple[Name, ...]:
    """Every label, block and parameter that is declared, in the order of the text."""
    return tuple(_names(text.split("\n")))


def _names(lines: list[str]) -> Iterator[Name]:
    section, indent = "", -1
    for n, written in enumerate(lines):
        line = written.partition(" #")[0]
        if begins := _SECTION.match(line):
            section, indent = begins[1], -1
        key = _KEY.match(line)
        if section in ("blocks", "params") and key and (indent in (-1, len(key[1]))) and "- " not in line[: key.end()]:
            indent = len(key[1])
            arguments = tuple(_WORD.findall(re.sub(r"=[^,]*", "", key["arguments"] or "")))
            kind = "block" if section == "blocks" else "parameter"
            yield Name(key["name"], kind, n, key.start("name"), arguments)
        elif section == "params" and begins:
            yield from (Name(found["name"], "parameter", n, found.start("name")) for found in _INLINE.finditer(line))
        elif section not in ("params", "blocks") or "- " in line:
            for found in _LABEL.finditer(line):
                if line[: found.start("name")].strip():
                    yield Name(found["name"], "label", n, found.start("name"))


def section(text: str, line: int) -> str:
    """The top-level key that a line stands under."""
    above = text.split("\n")[: line + 1]
    return next((found[1] for each in reversed(above) if (found := _SECTION.match(each))), "")


def word_at(text: str, line: int, column: int) -> str:
    """The word under the cursor."""
    written = "".join(text.split("\n")[line : line + 1])
    return next((found[0] for found in _WORD.finditer(written) if found.start() <= column <= found.end()), "")


def declaration(text: str, line: int, column: int) -> Name | None:
    """Where the word under the cursor is declared: the last above of several, else the first."""
    word = word_at(text, line, column)
    found = [name for name in names(text) if name.name == word]
    above = [name for name in found if name.line <= line]
    return above[-1] if above else found[0] if found else None
