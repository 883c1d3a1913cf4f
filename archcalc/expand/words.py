"""A line's text as what it has in common with others, and values that may differ: those can be a block's arguments."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from archcalc.ops import OPS
from archcalc.ops.base import UNSHOWN, Op, spell
from archcalc.patterns import pattern
from archcalc.spec.options import NAMES, SUFFIXES, WORDS, takes_words
from archcalc.spec.text import outside
from archcalc.tuples import NamedTuple

_KEY = pattern(r"([A-Za-z_]\w*)=")
MARK = "@"  # before the name of an argument, until a block is written


class Value(NamedTuple):
    """A value of a line that may be an argument: what it is called there, itself, and what it is if nothing is said."""

    name: str
    text: str
    usual: str = ""


class Words(NamedTuple):
    """A line in parts: its operator, options that can't be arguments, and values that can."""

    head: str
    fixed: tuple[str, ...]
    values: tuple[Value, ...]

    @property
    def common(self) -> tuple[object, ...]:
        """What lines have in common that differ in values only."""
        return self.head, self.fixed, tuple(value.name for value in self.values)

    def written(self, texts: Iterator[str]) -> str:
        """The line with other values."""
        found = [self.head]
        options = []
        for value in self.values:
            text = next(texts)
            if value.name.isdigit():
                found.append(text)
            elif text != value.usual:
                options.append(f"{value.name}={text}")
        op = OPS.get(self.head)
        order = [*(name.rstrip("_") for name in op.fields if name not in SUFFIXES), *SUFFIXES] if op else []
        options = [*options, *self.fixed]
        options.sort(key=lambda option: order.index(name) if (name := option.partition("=")[0]) in order else -1)
        return " ".join([*found, *options])


@cache
def words_of(text: str) -> Words:
    """A line's parts. One with a body has no values: its lines are not looked into."""
    if ": [" in text:
        return Words(text, (), ())
    head, *rest = filter(None, outside(text, " "))
    op = OPS.get(head)
    fixed, values, said = [], [], set()
    for n, part in enumerate(rest):
        match = _KEY.match(part)
        name, value = (match[1], part[match.end() :]) if match else (str(n), part)
        said.add(name)
        if (match and name in NAMES) or not _may_differ(op, name, value):
            fixed.append(part if match else f"{n}:{part}")
            if not match:  # a word that isn't a value keeps its place
                return Words(text, (), ())
        else:
            values.append(Value(name, value, _usual(op).get(name, "") if op and match else ""))
    if op is not None:
        values += [Value(name, usual, usual) for name, usual in _usual(op).items() if name not in said]
    positional = [value for value in values if value.name.isdigit()]
    return Words(head, tuple(sorted(fixed)), (*positional, *sorted(set(values) - set(positional))))


def argument_name(head: str, name: str) -> str:
    """What a value is called in its operator: `out`, `kernel`, `stride`."""
    op = OPS.get(head)
    if not name.isdigit():
        return name
    if op is None or op.variadic or int(name) >= len(op.positional):
        return "n"
    return op.positional[int(name)].rstrip("_")


def _may_differ(op: type[Op] | None, name: str, value: str) -> bool:
    """Whether a value can be passed on: an argument already, one of a field that takes numbers, or a word that options
    know.
    """
    if op is None or MARK in value or value in WORDS or value in ("true", "false", "none"):
        return True
    field = name if not name.isdigit() else op.positional[0 if op.variadic else int(name)]
    field = field if field in op.fields else f"{field}_"
    return field in op.fields and not (value[:1].isalpha() and takes_words(op, field))


def _usual(op: type[Op]) -> dict[str, str]:
    """Options of an operator that mean the same if nothing is said: whole numbers and yes or no."""
    if op.is_given or op.variadic:
        return {}
    found = {
        name: spell(field.default)
        for name, field in op.fields.items()
        if name not in (*op.positional, *op.unspoken, *UNSHOWN)
        and not field.required
        and isinstance(field.default, int)
        and not name.endswith("_")
    }
    return found | ({"act": "none"} if op.is_layer else {})


__all__ = ["MARK", "Value", "Words", "argument_name", "words_of"]
