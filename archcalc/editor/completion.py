"""What may stand at a place, and what stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Literal, get_args, get_origin

from archcalc import escapes, reference
from archcalc.editor.analysis import Cost
from archcalc.editor.words import LAYERS, names, section, word_at
from archcalc.fields import Field
from archcalc.files import zoo_names
from archcalc.model import load
from archcalc.ops import OPS, SUFFIXED
from archcalc.ops.kinds import show
from archcalc.patterns import pattern
from archcalc.render import numbers
from archcalc.spec.items import USE
from archcalc.spec.layers import IDENTITY, REF
from archcalc.spec.options import COMMON, SUFFIXES, USE_OPTIONS, allowed
from archcalc.spec.standard import LIBRARY
from archcalc.tuples import NamedTuple
from archcalc.untyped import Json

_HEAD = pattern(r"(?:\s*-\s+)*\s*(?:[A-Za-z_][\w.-]*:\s+)?(?:\S+\s+x\s+)?(?P<head>[A-Za-z_]\w*)?(?P<rest>\s.*)?$")
_VALUE = pattern(r"(?P<option>\w+)=(?P<value>[^\s=]*)$")
_TAKES = pattern(r"must be one of (.*); got")
REFERRING = ("ref", "share", "tied", "like")
SAID = (REF, IDENTITY, USE)  # words of the language that are no operators


class Offer(NamedTuple):
    """A word that may stand here: `kind` is operator, block, network, option, value, parameter or label."""

    word: str
    kind: str
    about: str = ""


def offers(text: str, line: int, column: int) -> list[Offer]:
    """What may stand at the cursor."""
    written = "".join(text.split("\n")[line : line + 1])[:column]
    within = section(text, line)
    if within not in LAYERS and not written.lstrip().startswith("- "):
        return [*_declared(text, "parameter")]
    match = _HEAD.match(re.split(r"[\[{,]\s*", written)[-1])
    head, rest = (match["head"] or "", match["rest"]) if match else ("", None)
    if rest is None:
        return [*_heads(text)]
    if value := _VALUE.search(rest):
        return [*_values(text, head, value["option"])]
    if head in REFERRING:
        return [*_declared(text, "label")]
    if head == USE and " " not in rest[1:]:
        return [Offer(name, "network") for name in zoo_names()]
    if head == USE:
        return [*_used(rest.split()[0]), *_declared(text, "parameter"), *_arguments(text, line)]
    return [*_options(text, head), *_declared(text, "parameter"), *_arguments(text, line)]


def _heads(text: str) -> Iterator[Offer]:
    yield from _declared(text, "block")
    yield from everywhere()


@cache
def everywhere() -> tuple[Offer, ...]:
    """What any line may begin with."""
    rows = reference.rows()
    operators = [Offer(row["name"], "operator", f"{row['usage']}\n\n{row['summary']}") for row in rows]
    library = [Offer(name, "block", about) for name, (about, _, _) in LIBRARY.items()]
    return (*operators, *library, *(Offer(word, "operator") for word in SAID))


def _declared(text: str, kind: str) -> Iterator[Offer]:
    found = {name.name: name for name in names(text) if name.kind == kind}
    yield from (Offer(name, kind, ", ".join(each.arguments)) for name, each in found.items())


def _arguments(text: str, line: int) -> Iterator[Offer]:
    """The arguments of the block that a line stands in."""
    blocks = [name for name in names(text) if name.kind == "block" and name.line < line]
    if section(text, line) == "blocks" and blocks:
        yield from (Offer(argument, "parameter", f"argument of {blocks[-1].name}") for argument in blocks[-1].arguments)


def _options(text: str, head: str) -> Iterator[Offer]:
    if op := OPS.get(head):
        for name in allowed(op):
            field = op.fields.get(name) or op.fields.get(f"{name}_")
            default = "" if field is None or field.required else f"default {show(field.default)}"
            yield Offer(f"{name}=", "option", default)
        return
    if head in LIBRARY:
        yield from (Offer(f"{name}=", "option") for name in (*LIBRARY[head][1], *COMMON))
    for block in names(text):
        if block.kind == "block" and block.name == head:
            yield from (Offer(f"{name}=", "option") for name in (*block.arguments, *COMMON))


def _used(name: str) -> Iterator[Offer]:
    """The options of `use`, and the parameters of the network that ships under that name."""
    yield from (Offer(f"{option}=", "option") for option in USE_OPTIONS)
    if name in zoo_names():
        yield from (
            Offer(f"{parameter}=", "option", f"parameter of {name}") for parameter in load(name).spec.parameters
        )


def _values(text: str, head: str, option: str) -> Iterator[Offer]:
    if option in REFERRING:
        yield from _declared(text, "label")
    elif option in SUFFIXES:
        yield from (Offer(word, "value") for word in (*SUFFIXED[option], "none"))
    else:
        op = OPS.get(head)
        fields = op.fields if op else {}
        field = fields.get(option) or fields.get(f"{option}_")
        yield from (Offer(word, "value") for word in (_choices(field) if field else ()))
        yield from (Offer(word, "value") for word in (("true", "false") if option in ("frozen", "kept") else ()))
        yield from _declared(text, "parameter")


def _choices(field: Field) -> list[str]:
    """The words that an option takes, if it takes words."""
    if field.annotation is bool:
        return ["true", "false"]
    if get_origin(field.annotation) is Literal:
        return [show(value) for value in get_args(field.annotation)]
    try:
        if field.check is not None:
            field.check("no such word")
    except ValueError as error:
        if match := _TAKES.search(str(error)):
            return match[1].split(", ")
    return []


def hover(text: str, line: int, column: int, cost: Cost | None, field: str = "") -> str:
    """What a line costs, and the reference of the operator under the cursor or at the line's head, as Markdown."""
    parts = [_costs(cost, field)] if cost else []
    word = word_at(text, line, column)
    if section(text, line) in LAYERS and (entry := _entry(word) or _entry(_head(text, line))):
        options = ", ".join(f"{name}={default}" for name, default in entry["options"].items())
        about = f"{entry['summary']} {entry['details']}".strip()
        parts += [escapes.markdown_code(entry["usage"]), about]  # it is written as Markdown
        parts += [escapes.markdown_code(options)] if options else []
    return "\n\n".join(parts)


def _costs(cost: Cost, field: str) -> str:
    figures = [
        ("shape", numbers.shape(cost.shape)),
        ("params", numbers.exact(cost.params)),
        ("MACs", numbers.exact(cost.macs)),
        ("field", field),
        ("times", str(cost.times) if cost.times > 1 else ""),
    ]
    return " · ".join(f"{name} {escapes.markdown_code(said)}" for name, said in figures if said)


def _entry(word: str) -> dict[str, Json] | None:
    return reference.entry(OPS[word]) if word in OPS else None


def _head(text: str, line: int) -> str:
    match = _HEAD.match("".join(text.split("\n")[line : line + 1]))
    return match["head"] or "" if match else ""
