"""What a line means: the operator or block that its head names, and the expression of each option.

This is decided once a line, before any network is built, so that every misspelt layer and option is found, in blocks that
are never called as well.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import ValidationError

from archcalc.errors import Problem
from archcalc.ops import ACTIVATIONS, NORMALIZATIONS, OPS, Op
from archcalc.spec.items import Branches, Chain, Line, Reader, Word, walk
from archcalc.spec.parts import Block, Spec

REF, IDENTITY = "ref", "identity"
COMMON = ("when", "frozen", "share", "survive")  # options of every layer and block
SUFFIXES = ("norm", "act")  # layers with weights may be followed by a normalisation and an activation, in this order
WORDS = frozenset({"same", "valid", "full", "nearest", "bilinear", *ACTIVATIONS, *NORMALIZATIONS, "softmax"})


@dataclass(slots=True)
class Layer:
    """A line that was understood: one of an operator, a block, `ref LABEL` or `identity`."""

    line: Line
    op: type[Op] | None = None
    block: Block | None = None
    values: dict[str, Word] = field(default_factory=dict)  # fields of the operator, or arguments of the block
    variadic: tuple[Word, ...] = ()
    control: dict[str, Word] = field(default_factory=dict)  # when, frozen, share, norm, act, survive
    label: str = ""  # what a `ref` reads
    constant: Op | None = None  # the operator, once it is known to be the same everywhere
    _made: dict[Any, Op] = field(default_factory=dict)

    def make(self, values: dict[str, Any]) -> Op:
        """The operator with these values; the same object for the same values."""
        key = tuple(values.values())
        op = self._made.get(key)
        if op is None:
            assert self.op is not None
            op = self._made[key] = self.op(**values)
        return op


def flags(op: type[Op]) -> set[str]:
    """The options that are true when they stand alone: `maxpool 3x3 ceil`."""
    return {name for name, info in op.model_fields.items() if info.annotation is bool}


def takes_words(op: type[Op], name: str) -> bool:
    """Whether an option may be a word, so that one which isn't known is a wrong word rather than an unknown name."""
    annotation = op.model_fields[name].annotation
    return annotation is str or str in get_args(annotation)


def complaints(error: ValidationError) -> Iterator[tuple[str, str]]:
    """(field, sentence) for each value that an operator refuses."""
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0]).rstrip("_") if detail["loc"] else ""
        sentence = "is missing" if detail["type"] == "missing" else detail["msg"].removeprefix("Value error, ")
        yield str(detail["loc"][0]) if detail["loc"] else "", f"{name} {sentence}"


class Resolver:
    """Resolves every line of a spec."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.reader = Reader()
        self.problems: list[Problem] = self.reader.problems
        self.layers: dict[int, Layer | None] = {}
        for body in (spec.layers, *(head.layers for head in spec.heads), *(block.body for block in spec.blocks.values())):
            self._resolve(body)
        for name, options in spec.defaults.items():
            self._check_defaults(name, options)

    def of(self, line: Line) -> Layer | None:
        """The layer of a line, or None if it has a mistake that was noted."""
        if id(line) not in self.layers:
            self.layers[id(line)] = self._layer(line, False)
        return self.layers[id(line)]

    def _resolve(self, body: Chain) -> None:
        joins: dict[int, bool] = {}  # the lines that join branches, and whether their number fits
        for item in walk(body):
            if isinstance(item, Branches):
                joins[id(item.line)] = self._check_arity(item)
            if isinstance(item, Line):
                layer = self._layer(item, id(item) in joins)
                self.layers[id(item)] = layer if joins.get(id(item), True) else None

    def _check_arity(self, item: Branches) -> bool:
        low, high = OPS[item.line.head.text].arity
        count = len(item.items)
        if count < low or (high is not None and count > high):
            wanted = f"at least {low}" if high is None else f"{low}" if low == high else f"{low} to {high}"
            self._wrong(f"{item.line.head.text} takes {wanted} branches, got {count}", item.line.head)
            return False
        return True

    def _check_defaults(self, name: str, options: dict[str, Word]) -> None:
        allowed = self._allowed(OPS[name])
        for option, word in options.items():
            if option not in allowed:
                self._wrong(f"defaults: {name} has no option '{option}'{self._near(option, allowed)}", word)
            self.reader.expression(word)

    def _layer(self, line: Line, joins: bool) -> Layer | None:
        before = len(self.problems)
        head = line.head.text
        if head == REF:
            layer = self._ref(line)
        elif head == IDENTITY:
            layer = Layer(line)
            self._sort(layer, (), set(), f"{IDENTITY} takes nothing")
        elif head in OPS:
            layer = self._operator(line, OPS[head], joins)
        elif head in self.spec.blocks:
            layer = self._call(line, self.spec.blocks[head])
        else:
            near = difflib.get_close_matches(head, [*OPS, *self.spec.blocks, REF, IDENTITY], 1)
            hint = f"; did you mean '{near[0]}'?" if near else "; `archcalc ops` lists the layers"
            return self._wrong(f"unknown layer '{head}'{hint}", line.head)
        return layer if len(self.problems) == before else None

    def _ref(self, line: Line) -> Layer | None:
        if len(line.words) != 1 or line.options:
            return self._wrong("ref takes one label: `ref conv1`", line.head)
        return Layer(line, label=line.words[0].text)

    @staticmethod
    def _allowed(op: type[Op]) -> list[str]:
        extra = SUFFIXES if op.is_layer or op.arity[1] != 1 else ()
        return [*(name.rstrip("_") for name in op.model_fields), *COMMON, *extra]

    def _operator(self, line: Line, op: type[Op], joins: bool) -> Layer | None:
        if op.arity[0] > 1 and not joins:
            return self._wrong(f"{op.word} takes a list of branches: `{op.word}: [a, b]`", line.head)
        layer = Layer(line, op=op)
        positional = () if op.variadic else op.positional
        alone = flags(op) | {"frozen"}
        layer.variadic = line.words if op.variadic else ()
        wants = " ".join(p.rstrip("_").upper() for p in op.positional) or "nothing without its key"
        words = tuple(word for word in line.words if word.text not in alone)
        for word in line.words:
            if word.text in alone and not op.variadic:
                line.options.setdefault(word.text, Word("true", word.mark))
                line.keys.setdefault(word.text, word.mark)
        self._sort(layer, positional, set(self._allowed(op)), f"{op.word} takes {wants}", () if op.variadic else words)
        for option, word in self.spec.defaults.get(op.word, {}).items():
            target = layer.values if option in op.model_fields else layer.control
            target.setdefault(option, word)
        for name in (name for name, info in op.model_fields.items() if info.is_required() and not op.variadic):
            if name not in layer.values:
                self._wrong(f"{op.word} needs {name}: `{op.word} {wants}`", line.head)
        return layer

    def _call(self, line: Line, block: Block) -> Layer | None:
        layer = Layer(line, block=block)
        wants = ", ".join(block.arguments) or "no arguments"
        words = tuple(word for word in line.words if word.text != "frozen" or "frozen" in block.arguments)
        if len(words) < len(line.words):
            layer.control["frozen"] = Word("true", line.mark)
        self._sort(layer, block.arguments, {*block.arguments, *COMMON}, f"{block.name} takes {wants}", words)
        for name in block.arguments:
            if name in block.defaults:
                self.reader.expression(block.defaults[name])
            elif name not in layer.values:
                self._wrong(f"{block.name} needs '{name}': it takes {wants}", line.head)
        return layer

    def _sort(self, layer: Layer, positional: tuple[str, ...], allowed: set[str], takes: str, words: tuple[Word, ...] | None = None) -> None:
        """Share out a line's words and options: fields or arguments, and what steers the building."""
        line = layer.line
        words = line.words if words is None else words
        if len(words) > len(positional):
            self._wrong(f"{takes}: there is no place for '{words[len(positional)].text}'", words[len(positional)])
        for name, word in [*zip(positional, words, strict=False), *line.options.items()]:
            fields = layer.op.model_fields if layer.op else layer.values if layer.block is None else dict.fromkeys(layer.block.arguments)
            if name in layer.values:
                self._wrong(f"{line.head.text}: '{name}' is given twice", word)
            elif name in positional or name in fields:
                layer.values[name] = word
            elif name in allowed or (layer.op is None and layer.block is None and name == "when"):
                layer.control[name] = word
            else:
                self.problems.append(Problem(f"{line.head.text} has no option '{name}'{self._near(name, allowed)}", line.keys.get(name, word.mark)))
        for word in (*words, *line.options.values(), *layer.variadic):
            if layer.control.get("share") is not word:
                self.reader.expression(word)

    @staticmethod
    def _near(name: str, allowed: Any) -> str:
        near = difflib.get_close_matches(name, list(allowed), 1)
        return f"; did you mean '{near[0]}'?" if near else f"; it has {', '.join(sorted(allowed))}"

    def _wrong(self, message: str, word: Word) -> Layer | None:
        """Note a mistake; the line that it is in then has no layer (None)."""
        self.problems.append(Problem(message, word.mark))
        return None
