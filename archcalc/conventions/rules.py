"""The grammar of rules: `macs + biased`, `2*outputs`, `3*inputs - positions`; whole factors of quantities.

A table of rules says for operators, several with commas between them, what counts of each; of one that isn't there
nothing does. A second word says how PyTorch code writes the layer (`relu functional`); where it makes no difference to
a tool there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from archcalc.conventions.quantities import QUANTITIES
from archcalc.patterns import pattern

Terms = Mapping[str, int]  # factors of quantities
_TERM = pattern(r"\s*([+-])\s*(?:(\d+)\s*\*\s*)?([a-z]+)\s*")


@cache
def terms(rule: str, known: frozenset[str] = frozenset(QUANTITIES)) -> Terms:
    """The factor of each quantity in a rule; an empty rule has none. Raises ValueError for what is no rule."""
    rest, found = rule if not rule or rule.startswith("-") else f"+ {rule}", {}
    while rest:
        match = _TERM.match(rest)
        if match is None or match.group(3) not in known:
            raise ValueError(f"not a rule: {rule}")
        sign, factor, name = match.groups()
        found[name] = int(f"{sign}{factor or 1}")
        rest = rest[match.end() :]
    return found


class Rules:
    """A table of rules; `otherwise` is the one for operators that aren't in it, `known` are the quantities that there
    are.
    """

    def __init__(self, table: Mapping[str, str], otherwise: str = "", known: Iterable[str] = QUANTITIES) -> None:
        self.otherwise, self.known = otherwise, frozenset(known)
        self.table = {word.strip(): rule for words, rule in table.items() for word in words.split(",")}

    def entry(self, words: tuple[str, ...], written: str = "module") -> str:
        """Where the table speaks of an operator that PyTorch code writes like that; nothing if it doesn't."""
        return next((key for word in words for key in (f"{word} {written}", word) if key in self.table), "")

    def of(self, words: tuple[str, ...], written: str = "module") -> Terms:
        """What counts of it."""
        return terms(self.table.get(self.entry(words, written), self.otherwise), self.known)
