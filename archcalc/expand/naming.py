"""Names of blocks and arguments: from labels where there are any, else from what they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from itertools import count

from archcalc.expand.items import Called, Items, Join, Line, Ref, Repeat, inside
from archcalc.expand.words import argument_name, words_of
from archcalc.ops import OPS
from archcalc.spec.layers import ARRIVING
from archcalc.spec.loader import LANGUAGE_WORDS, RESERVED
from archcalc.spec.options import WORDS
from archcalc.spec.standard import LIBRARY

CHANNELS = ("out", "n", "hidden", "axis")  # values of which a block has many: c1, c2


def block_name(items: Items, scopes: list[list[str]], taken: Collection[str]) -> str:
    """A name for a block, that no operator, label or other block has, and that doesn't end in a digit: `conv2` is what
    a second layer without a label is called.
    """
    names = Counter(word for scope in scopes if scope and (word := _word(scope)))
    most = max(names.values(), default=0)
    name = next((name for name, times in names.items() if times == most and 2 * times > len(scopes)), "")
    name = name if name and _is_free(name, ()) else _kind(items)
    if _is_free(name, taken):
        return name
    return next(one for n in count() if _is_free(one := f"{name}_{_letters(n)}", taken))


def _word(scope: list[str]) -> str:
    """The last label of a scope that is a word: `bneck` of `stage4/bneck2/1`."""
    for part in reversed(scope):
        for piece in reversed(re.split(r"[.\-+/]", part)):
            word = re.sub(r"_*\d+[a-z]?$|^\d+[a-z]?_*", "", piece).strip("_")
            word = re.sub(r"_\d+[a-z]?$", "", word)
            if len(word) > 1 and word.isidentifier() and word.isascii() and not word[-1].isdigit():
                return word
    return ""


def _kind(items: Items) -> str:
    """What a block is: by the layers that it is made of."""
    heads = [item.text.split(" ")[0] for item in inside(items) if isinstance(item, (Line, Join, Called))]
    joins = [item.text.split(" ")[0] for item in items if isinstance(item, Join)]
    own = [head for head in heads if head in OPS]
    held = [OPS[head].block for head in own if OPS[head].arity[0] == 1 and OPS[head].block]
    if held or (joins and joins[-1] in OPS and OPS[joins[-1]].block):
        return held[0] if held else OPS[joins[-1]].block
    return f"{'_'.join(dict.fromkeys(own[:2]))}_block" if own else "stage"


def _is_free(name: str, taken: Collection[str]) -> bool:
    words = (
        *OPS,
        *LIBRARY,
        *LANGUAGE_WORDS,
        *RESERVED,
        *WORDS,
        *ARRIVING,
        "parallel",
        "if",
        "then",
        "else",
        "identity",
    )
    return name not in words and name not in taken


def _letters(n: int) -> str:
    return ("" if n < 26 else _letters(n // 26 - 1)) + "bcdefghijklmnopqrstuvwxyza"[n % 26]


def argument_names(items: Items, written: list[str], given: int, taken: Collection[str]) -> list[str]:
    """A name for each argument: what the value that it stands in is called, or `c1`, `c2` for one of many sizes."""
    first: dict[int, str] = {}
    values = iter(written)
    for item in inside(items):
        if isinstance(item, Ref):
            continue
        if isinstance(item, Repeat):
            names = ["times"]
            head = ""
        else:
            words = words_of(item.text)
            head, names = words.head, [value.name for value in words.values]
        for name in names:
            text = next(values)
            if text[:1] == "$" and text[1:].isdigit():
                first.setdefault(int(text[1:]), name if head == "" else argument_name(head, name))
    called = [first.get(n, "n") for n in range(given)]
    found: list[str] = []
    for name in called:
        many = name in CHANNELS or called.count(name) > 1
        if name in CHANNELS and sum(one in CHANNELS for one in called) == 1:
            many, name = False, "c"
        stem = "c" if name in CHANNELS else name
        options = (f"{stem}{n}" for n in count(1)) if many else (name, *(f"{name}{n}" for n in range(2, 99)))
        found.append(next(one for one in options if one not in found and one not in RESERVED and _is_free(one, taken)))
    return found


__all__ = ["argument_names", "block_name"]
