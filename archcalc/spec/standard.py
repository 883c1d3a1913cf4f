"""The standard library: blocks that every spec may call without declaring them; one of its own goes first."""

from __future__ import annotations

from functools import cache

from archcalc.errors import Mark
from archcalc.spec.items import Reader
from archcalc.spec.parts import Block
from archcalc.spec.text import Scalar, Sequence
from archcalc.spec.words import Word

FILE = "the standard library"
# name: what it is, arguments and their defaults, lines
LIBRARY: dict[str, tuple[str, dict[str, str], tuple[str, ...]]] = {
    name: (
        f"a gated feed-forward layer (arXiv:2002.05202): two `linear hidden` in one, the first half through {act} times"
        " the second, and back to as many channels as came",
        {"hidden": "", "out": "cin", "bias": "false"},
        ("linear 2*hidden bias=bias", f"glu {act}", "linear out bias=bias"),
    )
    for name, act in (("swiglu", "silu"), ("geglu", "gelu"), ("reglu", "relu"))
}


@cache
def standard() -> dict[str, Block]:
    """The blocks of the standard library, by name."""
    return {name: _block(name, arguments, lines) for name, (_, arguments, lines) in LIBRARY.items()}


def _block(name: str, arguments: dict[str, str], lines: tuple[str, ...]) -> Block:
    def mark(text: str) -> Mark:
        return Mark(FILE, 1, 1, len(text), text)

    defaults = {argument: Word(default, mark(default)) for argument, default in arguments.items() if default}
    body = Reader().chain(Sequence(mark(name), [Scalar(mark(line), line) for line in lines]), name)
    return Block(name, mark(name), tuple(arguments), defaults, body)
