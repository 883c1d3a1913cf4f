"""The specs that ship with archcalc, by the names of their networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from archcalc.patterns import pattern

_VARIANT = pattern(r"  ([A-Za-z0-9_][\w.+-]*):")


def specs_folder() -> Path:
    """Where the specs are: inside the package when installed, beside it in a checkout."""
    inside = Path(__file__).parent / "specs"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "specs"


def shown(file: Path) -> str:
    """A shipped spec is called by its place in the distribution, wherever that is installed: `specs/vgg.yaml`."""
    return f"specs/{file.relative_to(specs_folder()).as_posix()}"


def spec_files() -> list[Path]:
    """The specs that come with archcalc, in order."""
    return sorted(specs_folder().rglob("*.yaml"))


def zoo_names() -> list[str]:
    """The names that `load` knows besides files."""
    return sorted({name for file in spec_files() for name in (file.stem, *_variant_names(file))})


def find(name: str) -> tuple[Path, str | None] | None:
    """The file and variant of a network that ships: a file's own name first, then a variant of any."""
    files = spec_files()
    for file in files:
        if file.stem == name:
            return file, None
    for file in files:
        if name in _variant_names(file):
            return file, name
    return None


def _variant_names(file: Path) -> Iterator[str]:
    """Read off the text: parsing every spec to find one would be slow. Shipped specs indent their variants by two
    spaces.
    """
    _, found, rest = file.read_text(encoding="utf-8").partition("\nvariants:")
    for line in rest.splitlines()[1:] if found else ():
        if line and not line.startswith((" ", "#")):
            return
        match = _VARIANT.match(line)
        if match:
            yield match.group(1)
