"""The operator reference: made from the operators themselves, so that it can't go stale."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator

from archcalc import escapes
from archcalc.errors import UsageError, suggest
from archcalc.ops import FAMILIES, OPS, OUTSIDE, Op
from archcalc.ops.base import Op as Base
from archcalc.ops.kinds import show
from archcalc.spec.options import COMMON, SUFFIXES
from archcalc.untyped import Json


def rows() -> list[dict[str, Json]]:
    """An entry an operator: its word, how it is written, its options with defaults, and what it is."""
    own = [entry(op) for family in FAMILIES for op in OPS.values() if op.__module__ == family.__name__]
    return own + [entry(op) for op in OUTSIDE.values()]


def entry(op: type[Op]) -> dict[str, Json]:
    """What `rows` has of one operator."""
    suffixes = [*SUFFIXES] if op.is_layer or op.arity[1] != 1 else []
    return {
        "name": op.word,
        "usage": usage(op),
        "options": {
            name.rstrip("_"): _default(name, field) for name, field in op.fields.items() if name not in op.positional
        },
        "suffixes": suffixes,
        "inputs": list(op.arity),
        "summary": described(op)[0],
        "details": " ".join(described(op)[1:]),
        "family": family_of(op),
    }


def family_of(op: type[Op]) -> str:
    """The family of an operator of ours; of one from outside the module that it is defined in."""
    return op.__module__ if op.word in OUTSIDE else op.__module__.rpartition(".")[2]


def usage(op: type[Op]) -> str:
    """`conv OUT KERNEL`."""
    words = [name.rstrip("_").upper() + ("..." if op.variadic else "") for name in op.positional]
    optional = [
        f"[{word}]" if not op.fields[name].required else word for name, word in zip(op.positional, words, strict=True)
    ]
    line = " ".join([op.word, *optional])
    return f"{line}: [a, b]" if op.arity[1] is None or op.arity[0] > 1 else line


UNSET = {
    "pad": "dilation*(kernel-1)//2",
    "stride": "kernel",
    "dim": "features",
    "kv_heads": "heads",
    "out": "features",
    "start": "0",
    "axis": "spatial",
    "head_dim": "dim//heads",
    "v_dim": "head_dim",
    "window": "everything",
    "shift": "0",
    "relative": "none",
    "latent": "none",
    "q_latent": "none",
    "hidden": "none",
    "cache": "none",
    "rows": "positions",
}


def _default(name: str, field: Json) -> str:
    """The default as a reader understands it: an option that is not set follows from another."""
    return UNSET[name] if field.default is None else show(field.default)


def described(op: type[Op]) -> list[str]:
    """The paragraphs of an operator's docstring, then those that its bases add to theirs."""
    paragraphs = inspect.cleandoc(op.__doc__ or "").split("\n\n")
    for base in op.__mro__[1 : op.__mro__.index(Base)]:
        paragraphs += inspect.cleandoc(base.__doc__ or "").split("\n\n")[1:]
    return [re.sub(r"\s+", " ", paragraph) for paragraph in paragraphs]


def markdown() -> str:
    """The reference as a page."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Operators"
    yield ""
    yield (
        "Made by `archcalc ops --format markdown`. Words in capitals are positional; every option may also be given as"
        " `key=value`."
    )
    yield (
        f"Every layer and block takes {', '.join(f'`{name}`' for name in COMMON)}; layers with weights and those that"
        " join branches take"
    )
    yield (
        "`norm=` and `act=` too, which add a normalisation and an activation after them. A shape is one sample,"
        " channels first."
    )
    for family in FAMILIES:
        about = inspect.cleandoc(family.__doc__ or "").splitlines()[0]
        name = family.__name__.rpartition(".")[2]
        yield from _family(name.capitalize(), about, [entry for entry in rows() if entry["family"] == name])
    if OUTSIDE:
        outside = [entry for entry in rows() if entry["name"] in OUTSIDE]
        yield from _family("From outside", "What installed packages and this program registered.", outside)


def _family(title: str, about: str, entries: list[dict[str, Json]]) -> Iterator[str]:
    yield from ("", f"## {title}", "", about)
    for entry in entries:
        yield from ("", f"### `{entry['usage']}`", "")
        yield " ".join(part for part in (entry["summary"], entry["details"]) if part)
        if entry["options"]:
            options = ", ".join(f"`{name}={default}`" for name, default in entry["options"].items())
            yield from ("", f"Options: {options}.")


def printed(words: list[str], form: str, width: int | None) -> str:
    """The reference for a terminal, as `markdown` or as `json`. Raises UsageError for operators that don't exist."""
    if form not in ("text", "markdown", "json"):
        raise UsageError(f"unknown format '{form}'; there are text, markdown, json")
    unknown = [word for word in words if word not in OPS]
    if unknown:
        raise UsageError(f"there is no operator '{unknown[0]}'{suggest(unknown[0], OPS, '`archcalc ops` lists them')}")
    found = [entry for entry in rows() if not words or entry["name"] in words]
    if form == "json":
        return escapes.json(found)
    if form == "markdown" and not words:
        return markdown().rstrip("\n")
    if words:
        return "\n\n".join(_entry_text(entry, width or 100) for entry in found)
    margin = max(len(entry["usage"]) for entry in found)
    return "\n".join(f"{entry['usage']:<{margin}}  {entry['summary']}"[: width or None].rstrip() for entry in found)


def _entry_text(entry: dict[str, Json], width: int) -> str:
    lines = [
        entry["usage"],
        *textwrap.wrap(
            f"{entry['summary']} {entry['details']}".strip(), width, initial_indent="  ", subsequent_indent="  "
        ),
    ]
    if entry["options"]:
        options = ", ".join(f"{name}={default}" for name, default in entry["options"].items())
        lines += textwrap.wrap(f"options: {options}", width, initial_indent="  ", subsequent_indent="    ")
    common = ", ".join([*entry["suffixes"], *COMMON])
    return "\n".join([*lines, f"  also: {common}"])
