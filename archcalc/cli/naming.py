"""What a shell completes: the names that may stand for an option or an argument, read when they are asked for.

Each takes what is typed so far; one with a second argument gets the first SPEC on the line, empty where there is none.
A tab sets a word apart from what is said of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archcalc.spec import Spec

Names = Callable[[str], list[str]]
OfSpec = Callable[[str, str], list[str]]
MODELS = (".yaml", ".yml", ".onnx", ".json")


def starting(known: Callable[[], Iterable[str]]) -> Names:
    """Names that begin so."""
    return lambda incomplete: [name for name in known() if name.startswith(incomplete)]


def several(known: Callable[[], Iterable[str]]) -> Names:
    """The same of the last of several names with commas between them."""
    return lambda incomplete: _last(incomplete, known())


def _last(incomplete: str, known: Iterable[str]) -> list[str]:
    before, comma, begun = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in known if name.startswith(begun)]


def networks(incomplete: str) -> list[str]:
    """Networks that ship, once a letter is typed, and files and folders beside them; variants behind an `@`."""
    from archcalc.files import zoo_names

    path, at, variant = incomplete.rpartition("@")
    if at:
        return [f"{path}@{name}" for name in _spec(path).variants if name.startswith(variant)]
    found = [name for name in zoo_names() if name.startswith(incomplete)] if incomplete else []
    return [*found, *_beside(incomplete)] if found else []


def _beside(incomplete: str) -> Iterator[str]:
    """Where there is nothing else to offer, the shell has the care of files."""
    for name in sorted(os.listdir()):
        if name.startswith(incomplete) and (name.endswith(MODELS) or os.path.isdir(name)):
            yield f"{name}/" if os.path.isdir(name) else name


def _spec(name: str) -> Spec:
    """What is declared in a spec or model file. Raises ArchcalcError."""
    from archcalc.model import load

    return load(name).spec


def _declared(spec: str) -> dict[str, str]:
    """The parameters of a spec, with the text of what they are unless they are given."""
    if not spec:
        return {}
    found = _spec(spec)
    member = found.variant(spec.rpartition("@")[2]) if "@" in spec else None
    known = {**found.parameters, **(member.values if member else {})}
    return {name: str(getattr(each.value, "text", "")) for name, each in known.items()}


def of_parameters(incomplete: str, spec: str) -> list[str]:
    """`size=224`: a parameter, with what it is by default."""
    known = [f"{name}={value}" if value else f"{name}=" for name, value in _declared(spec).items()]
    return [word for word in known if word.startswith(incomplete)]


def parameters(incomplete: str, spec: str) -> list[str]:
    """The parameters of a spec, commas between them, or all."""
    return _last(incomplete, [*(f"{name}\tby default {value}" for name, value in _declared(spec).items()), "all"])


def labels(incomplete: str, spec: str) -> list[str]:
    """The labels of a spec, commas between them."""
    return _last(incomplete, sorted(_spec(spec).labels) if spec else [])


def metrics(sign: str = "") -> Names:
    """What is known of a network, with a sign behind each."""

    def known() -> Iterator[str]:
        from archcalc.space.spanned import SHOWN_FIGURES

        return (f"{name}{sign}" for name in SHOWN_FIGURES)

    return starting(known)


def designed(incomplete: str, spec: str) -> list[str]:
    """What a design may be chosen by: the parameters of a spec, and what is known of a network."""
    return [*(name for name in _declared(spec) if name.startswith(incomplete)), *metrics()(incomplete)]
