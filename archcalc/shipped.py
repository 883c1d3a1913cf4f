"""The specs that ship with archcalc, by the names of their networks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from archcalc.patterns import pattern

if TYPE_CHECKING:
    from pathlib import Path

_SPEC = ".yaml"
_VARIANT = pattern(r"  ([A-Za-z0-9_][\w.+-]*):")


def specs_folder() -> Path:
    """Where the specs are: inside the package when installed, beside it in a checkout."""
    from pathlib import Path  # takes longer to import than a network to find

    return Path(folder())


def folder() -> str:
    """The same as a text, which takes no time."""
    here = os.path.dirname(os.path.abspath(__file__))
    inside = os.path.join(here, "specs")
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(here), "specs")


def shown(file: str | os.PathLike[str]) -> str:
    """A shipped spec is called by its place in the distribution, wherever that is installed: `specs/vgg.yaml`."""
    return f"specs/{os.path.relpath(file, folder()).replace(os.sep, '/')}"


def spec_files() -> list[Path]:
    """The specs that come with archcalc, in order."""
    from pathlib import Path

    return sorted(map(Path, _files()))


def _files() -> list[str]:
    return [
        os.path.join(parent, name) for parent, _, names in os.walk(folder()) for name in names if name.endswith(_SPEC)
    ]


def _stem(file: str) -> str:
    return os.path.basename(file).removesuffix(_SPEC)


def zoo_names() -> list[str]:
    """The names that `load` knows besides files."""
    return sorted({name for file in _files() for name in (_stem(file), *_variant_names(file))})


def find(name: str) -> tuple[str, str | None] | None:
    """The file and variant of a network that ships: a file's own name first, then a variant of any."""
    files = sorted(_files())
    for file in files:
        if _stem(file) == name:
            return file, None
    for file in files:
        if name in _variant_names(file):
            return file, name
    return None


def _variant_names(file: str) -> Iterator[str]:
    """Read off the text: parsing every spec to find one would be slow. Shipped specs indent their variants by two
    spaces.
    """
    with open(file, encoding="utf-8") as text:
        _, found, rest = text.read().partition("\nvariants:")
    for line in rest.splitlines()[1:] if found else ():
        if line and not line.startswith((" ", "#")):
            return
        match = _VARIANT.match(line)
        if match:
            yield match.group(1)
