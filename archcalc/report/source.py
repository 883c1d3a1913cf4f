"""The text that a page's network was read from."""

from __future__ import annotations

from archcalc import reading
from archcalc.files import find, is_model_file, parted
from archcalc.spec import read_text


def text_of(name: str) -> str | None:
    """The text of a spec by the name that it was asked for with; None for a model file and for stdin, read already."""
    if is_model_file(name) or name == "-":
        return None
    path, _ = parted(name)
    if reading.is_file(path):
        return read_text(path)
    found = find(path)
    return None if found is None else read_text(found[0])


__all__ = ["text_of"]
