"""How wide a layer's numbers are: what its line says, else the call of a block around it, else the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcalc.build.scope import Context, Wide
from archcalc.errors import suggest
from archcalc.ops.kinds import show
from archcalc.ops.widths import GGUF, PLAIN, WHOLE, known, type_of
from archcalc.spec.options import DTYPE, STORED, WIDE
from archcalc.spec.parts import Layer
from archcalc.spec.words import Word

if TYPE_CHECKING:
    from archcalc.build.nodes import Nodes


def wide(builder: Nodes, layer: Layer, context: Context) -> Wide:
    """The widths of a line of an operator, or of a block's call, which everything inside of it starts from."""
    usual = layer.meaning.usual
    if not usual and STORED not in layer.meaning.control and DTYPE not in layer.meaning.control:
        return context.wide
    found = []
    for option, around in zip(WIDE, context.wide, strict=True):
        word = layer.option(option) or (None if around else usual.get(option))
        found.append(_said(builder, option, word, context) if word else around)
    return Wide(*found)


def wide_inputs(builder: Nodes, context: Context) -> Wide:
    """The widths of what comes in: that of all layers."""
    word = builder.spec.defaults.get("", {}).get(DTYPE)
    return Wide("", _said(builder, DTYPE, word, context)) if word else context.wide


def _said(builder: Nodes, option: str, word: Word, context: Context) -> str:
    """The name of a type, or nothing."""
    fits = type_of if option == STORED else WHOLE.get
    given = word.text if fits(word.text) or word.text not in context.env else context.env[word.text]
    if isinstance(given, str) and fits(given):
        return given
    if given is not None and given != "none":
        stored = option == STORED
        there = known() if stored else f"{', '.join(WHOLE)}; `{STORED}=` takes narrower ones"
        hint = suggest(str(given), (*PLAIN, *GGUF) if stored else WHOLE, f"there are {there}")
        builder.wrong(f"unknown type of {'weights' if stored else 'numbers'} '{show(given)}'{hint}", word.mark, context)
    return ""


__all__ = ["wide", "wide_inputs"]
