"""What a line means: the operator or block that its head names, and the expression of each option.

This is decided once a line, before any network is built, so that every misspelt layer and option is found, in blocks
that are never called as well.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from archcalc.errors import Mark, Problem, near_to
from archcalc.fields import FieldErrors, key
from archcalc.ops import OPS, OUTSIDE, Op
from archcalc.patterns import pattern
from archcalc.spec.elsewhere import hint, option_hint
from archcalc.spec.expressions import is_known, unknown_name
from archcalc.spec.items import USE, Branches, Chain, Choice, Item, Labelled, Parallel, Reader, Repeat
from archcalc.spec.options import (
    COMMON,
    LIKE,
    NAMES,
    USE_OPTIONS,
    WIDE,
    WORDS,
    allowed,
    flags,
    may_be_word,
)
from archcalc.spec.parts import Block, Layer, Meaning, Spec
from archcalc.spec.standard import LIBRARY, standard
from archcalc.spec.words import Line, Sentence, Word

REF, IDENTITY = "ref", "identity"
ARRIVING = ("cin", "hin", "win", "nin")  # the size that arrives: channels, height, width, positions
_INDEX = pattern(r"\((?:[^()]|\([^()]*\))*\)")  # in a label
INDICES = frozenset({"i", "first", "last"})  # known inside a repeat


def complaints(error: FieldErrors) -> Iterator[tuple[str, str]]:
    """(field, sentence) for each value that an operator refuses."""
    for wrong in error.problems:
        name = str(wrong.path[0]) if wrong.path else ""
        yield name, f"{key(name)} {wrong.what}"


class Resolver:
    """Resolves every line of a spec."""

    def __init__(self, spec: Spec, before: Resolver | None = None, earlier: dict[object, object] | None = None) -> None:
        """With what was found out `before` of a spec that has the same lines, the same objects, but for a few;
        `earlier` are graphs of it, for those that build them again.
        """
        self.spec, self.earlier = spec, earlier
        self.usual = _usual(spec)
        self.known = before.layers if before and before.usual == self.usual else {}
        self.reader = Reader()
        self.problems: list[Problem] = self.reader.problems
        self.layers: dict[Line, Meaning | None] = {}
        self.meanings: dict[tuple[Sentence, bool, frozenset[str]], Meaning] = {}  # what calls nothing
        self.constants: dict[object, Op] = before.constants if before else {}  # by their words: equal lines' are one
        self.standard: set[int] = set()  # bodies of the standard library that were resolved
        self.calls: dict[str, list[Line]] = {}  # the calls in each block
        names = frozenset({*spec.parameters, *spec.unread, *ARRIVING})
        for body in (spec.layers, *(head.layers for head in spec.heads)):
            self._resolve(body, names, "")
        for block in spec.blocks.values():
            self._resolve(block.body, names | {*block.arguments}, block.name)
            for word in block.defaults.values():
                self._expression(word, names | {*block.arguments})
        everywhere = names.union(*(block.arguments for block in spec.blocks.values()), INDICES)
        for head, options in spec.defaults.items():
            for option, word in options.items():
                if option not in WIDE and not (word.text.isidentifier() and may_be_word(OPS[head], option)):
                    self._expression(word, everywhere)
        done: set[str] = set()
        for name in spec.blocks:
            if name not in done:
                self._refuse_recursion((name,), done)
        del self.meanings
        del self.spec  # it keeps what this has found out: in a circle both would wait for the garbage collector

    def of(self, line: Line) -> Layer | None:
        """The layer of a line, or None if it has a mistake that was noted."""
        meaning = self.layers[line]
        return None if meaning is None else Layer(line, meaning)

    def _resolve(self, item: Item, names: frozenset[str], block: str) -> None:
        """Note the meaning of every line in an item, where these names are known."""
        if isinstance(item, Line):
            self.layers[item] = self._meaning(item, False, names, block)
        elif isinstance(item, Chain):
            for inner in item.items:
                self._resolve(inner, names, block)
        elif isinstance(item, Branches):
            fits = self._check_arity(item)
            meaning = self._meaning(item.line, True, names, block)
            self.layers[item.line] = meaning if fits else None
            for inner in item.items:
                self._resolve(inner, names, block)
        elif isinstance(item, Repeat):
            self._expression(item.count, names)
            self._resolve(item.item, names | INDICES, block)
        elif isinstance(item, Choice):
            self._expression(item.condition, names)
            self._resolve(item.then, names, block)
            self._resolve(item.otherwise, names, block)
        else:
            self._resolve(item.item, names, block)

    def _expression(self, word: Word, names: frozenset[str]) -> None:
        """Note an expression that can't be read, or a name in it that isn't known."""
        expression = self.reader.expression(word)
        for name in expression.names if expression else ():
            if not is_known(name, names) and name not in WORDS:
                found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", word.text)
                start = found.start() if found else 0
                self.problems.append(
                    Problem(unknown_name(name, names), word.mark.part(start, len(name) if found else word.mark.length))
                )

    def _refuse_recursion(self, path: tuple[str, ...], done: set[str]) -> None:
        """A block that calls itself, directly or through others, would never end."""
        for line in self.calls.get(path[-1], ()):
            called = line.begins
            if called in path:
                through = " -> ".join([*path[path.index(called) :], called])
                self.layers[line] = self._wrong(
                    f"block '{called}' calls itself" + (f": {through}" if through.count(">") > 1 else ""), line.head
                )
            elif called not in done:
                self._refuse_recursion((*path, called), done)
        done.add(path[-1])

    def _check_arity(self, item: Branches) -> bool:
        low, high = OPS[item.line.begins].arity
        if OPS[item.line.begins].has_body or any(isinstance(branch, Parallel) for branch in item.items):
            return True  # a chain; or how many there are is known when they are built
        count = len(item.items)
        if count < low or (high is not None and count > high):
            wanted = f"at least {low}" if high is None else f"{low}" if low == high else f"{low} to {high}"
            branches = "branch" if wanted.endswith(" 1") else "branches"
            chain = "; a repeat is a chain, which is one branch" if any(map(_repeats, item.items)) else ""
            self._wrong(f"{item.line.begins} takes {wanted} {branches}, got {count}{chain}", item.line.head)
            return False
        return True

    def _meaning(self, line: Line, joins: bool, names: frozenset[str], block: str) -> Meaning | None:
        key = (line.said, joins, names)
        known = self.meanings.get(key)
        if known is not None:
            return known
        before = len(self.problems)
        head = line.begins
        meaning: Meaning | None
        if head == REF:
            meaning = self._ref(line, names)
        elif head == IDENTITY:
            meaning = Meaning(line.mark)
            self._sort(meaning, line, (), set(), f"{IDENTITY} takes nothing", names, line.words, line.options)
        elif head == USE:
            meaning = self._use(line, names)
        elif head in OPS and not (head in OUTSIDE and head in self.spec.blocks):
            meaning = self._operator(line, OPS[head], joins, names)
        elif head in self.spec.unread:
            return None
        elif head in self.spec.blocks:
            self.calls.setdefault(block, []).append(line)
            meaning = self._call(line, self.spec.blocks[head], names)
        elif head in LIBRARY:
            meaning = self._call(line, self._standard(head), names)
        else:
            return self._wrong(f"unknown layer '{head}'{self._hint(head)}", line.head)
        if meaning is None or len(self.problems) > before:
            return None
        if meaning.block is None and meaning.used is None:
            self.meanings[key] = meaning
        return meaning

    def _standard(self, head: str) -> Block:
        """A block of the standard library, whose lines are understood when the first line calls it."""
        block = standard()[head]
        if id(block.body) not in self.standard:
            self.standard.add(id(block.body))
            self._resolve(block.body, frozenset({*block.arguments, *ARRIVING}), head)
        return block

    def _hint(self, head: str) -> str:
        """What may have been meant by a word that is no layer."""
        label, colon, rest = head.partition(":")
        if colon and rest:
            return f"; a label is followed by a colon and a space: `{label}: {rest}`"
        if head[:1].isdigit():
            return "; a repeat is written `3 x layer`"
        return hint(head, [*OPS, *self.spec.blocks, *LIBRARY, REF, IDENTITY, USE], "`archcalc ops` lists the layers")

    def _ref(self, line: Line, names: frozenset[str]) -> Meaning | None:
        words = line.words
        if len(words) != 1 or line.options:
            return self._wrong("ref takes one label: `ref conv1`", line.head)
        for part in indices(words[0]):
            self._expression(part, names)
        return Meaning(line.mark, label=words[0].text)

    def _operator(self, line: Line, op: type[Op], joins: bool, names: frozenset[str]) -> Meaning | None:
        known = self.known.get(line)
        if known is not None and known.op is op and known.names == names:
            return known
        if op.has_body and not joins:
            wants = " ".join(name.upper() for name in op.positional)
            return self._wrong(f"{op.word} takes a list of layers: `{op.word} {wants}: [linear 64, relu]`", line.head)
        if op.arity[0] > 1 and not joins:
            return self._wrong(f"{op.word} takes a list of branches: `{op.word}: [a, b]`", line.head)
        meaning, before = Meaning(line.mark, op=op, names=names), len(self.problems)
        positional = () if op.variadic else op.positional
        alone = flags(op) | {"frozen"}
        wants = " ".join(p.rstrip("_").upper() for p in op.positional) or "nothing without its key"
        words, options = line.words, line.options
        if any(word.text in alone for word in words):
            options = {**options, **{w.text: Word("true", w.mark) for w in words if w.text in alone - options.keys()}}
            words = tuple([word for word in words if word.text not in alone])
        meaning.variadic = words if op.variadic else ()
        takes = f"{op.word} takes {wants}"
        self._sort(meaning, line, positional, set(allowed(op)), takes, names, () if op.variadic else words, options)
        meaning.usual = {
            option: word for option, word in self.spec.defaults.get("", {}).items() if option in allowed(op)
        }
        for option, word in self.spec.defaults.get(op.word, {}).items():
            if option in WIDE:
                meaning.usual[option] = word
            elif (meaning.values if option in op.fields else meaning.control).setdefault(option, word) is word:
                meaning.elsewhere |= {option}
        required = dict.fromkeys(name for name in (*op.positional, *op.fields) if op.fields[name].required)
        if LIKE in meaning.control:
            self._like(meaning, line, op.may_be_like)
            required.pop(op.may_be_like, None)
        missing = [name.rstrip("_") for name in required if name not in meaning.values and not op.variadic]
        if missing and len(self.problems) == before:
            self._wrong(f"{op.word} needs {' and '.join(missing)}: `{op.word} {wants}`", line.head)
        return meaning

    def _like(self, meaning: Meaning, line: Line, size: str) -> None:
        """`like=LABEL` gives the size that the line would have to give."""
        if size in meaning.values:
            self._wrong(f"{line.begins} takes a size or {LIKE}=LABEL, not both", meaning.values[size])
        for part in indices(meaning.control[LIKE]):
            self.reader.expression(part)

    def _call(self, line: Line, block: Block, names: frozenset[str]) -> Meaning | None:
        meaning = Meaning(line.mark, block=block)
        wants = ", ".join(block.arguments) or "no arguments"
        given, options = line.words, line.options
        words = tuple([word for word in given if word.text != "frozen" or "frozen" in block.arguments])
        if len(words) < len(given):
            meaning.control["frozen"] = Word("true", line.mark)
        allowed, takes = {*block.arguments, *WIDE, *COMMON}, f"{block.name} takes {wants}"
        self._sort(meaning, line, block.arguments, allowed, takes, names, words, options)
        missing = [name for name in block.arguments if name not in block.defaults and name not in meaning.values]
        if missing:
            self._wrong(f"{block.name} needs {' and '.join(missing)}: it takes {wants}", line.head)
        return meaning

    def _use(self, line: Line, names: frozenset[str]) -> Meaning | None:
        words, options = line.words, line.options
        if not words:
            return self._wrong(
                f"{USE} takes the name of a network or of a spec beside this one: `use resnet50`", line.head
            )
        used = self.spec.uses.get(words[0].text)
        if used is None:
            return None  # why was noted when it was looked for
        meaning = Meaning(line.mark, used=used)
        given = words[1:]
        words = tuple([word for word in given if word.text != "frozen" or "frozen" in used.spec.parameters])
        if len(words) < len(given):
            meaning.control["frozen"] = Word("true", line.mark)
        wants = f"{USE} takes one name, and parameters as key=value"
        self._sort(meaning, line, (), {*used.spec.parameters, *USE_OPTIONS}, wants, names, words, options)
        return meaning

    def _sort(
        self,
        meaning: Meaning,
        line: Line,
        positional: tuple[str, ...],
        allowed: set[str],
        takes: str,
        names: frozenset[str],
        words: tuple[Word, ...],
        options: dict[str, Word],
    ) -> None:
        """Share out a line's words and options: fields or arguments, and what steers the building."""
        unknown: set[int] = set()  # words whose option is wrong already
        self._surplus(meaning, words[len(positional) :], takes)
        for name, word in [*zip(positional, words, strict=False), *options.items()]:
            if meaning.op and f"{name}_" in meaning.op.fields:  # an option that would hide an operator's rule: `macs`
                name = f"{name}_"
            fields = _fields(meaning)
            if name in meaning.values:
                self._wrong(f"{line.begins}: '{name}' is given twice", word)
            elif name in positional or name in fields:
                meaning.values[name] = word
            elif name in allowed or (meaning.op is None and meaning.block is None and name == "when"):
                meaning.control[name] = word
            else:
                unknown.add(id(word))
                self.problems.append(
                    Problem(
                        f"{line.begins} has no option '{name}'{option_hint(name, allowed)}",
                        line.keys.get(name, word.mark),
                    )
                )
        given = [*meaning.control.items(), *(meaning.values.items() if meaning.op or meaning.used else ())]
        plain = {id(word) for name, word in given if name in NAMES or _is_word(meaning, name, word)}
        for word in (*words[: len(positional)], *options.values(), *meaning.variadic):
            if id(word) not in plain | unknown:
                self._expression(word, names)

    def _surplus(self, meaning: Meaning, words: tuple[Word, ...], takes: str) -> None:
        """Words that are more than a line takes are a mistake."""
        if not words:
            return
        near = near_to(words[0].text, flags(meaning.op) if meaning.op else ())
        apart = any(word.text.startswith("=") for word in words[:2])
        hint = "; an option is one word: `stride=2`" if apart else f"; did you mean '{near[0]}'?" if near else ""
        self._wrong(f"{takes}: there is no place for '{words[0].text}'{hint}", words[0])

    def _wrong(self, message: str, word: Word) -> Meaning | None:
        """Note a mistake; the line that it is in then has no layer (None)."""
        self.problems.append(Problem(message, word.mark))
        return None


def _usual(spec: Spec) -> dict[str, dict[str, tuple[str, Mark]]]:
    """What lines are given by `defaults:`, and where that stands."""
    return {
        head: {name: (word.text, word.mark) for name, word in given.items()} for head, given in spec.defaults.items()
    }


def indices(label: Word) -> Iterator[Word]:
    """The expressions in a label: `(i-1)` of `stage/(i-1)/low`."""
    for found in _INDEX.finditer(label.text):
        yield Word(found[0], label.mark.part(found.start(), len(found[0])))


def _fields(meaning: Meaning) -> Collection[str]:
    """What a line gives values for: fields of the operator, arguments of the block, parameters of the spec."""
    if meaning.op:
        return meaning.op.fields
    if meaning.used:
        return [name for name in meaning.used.spec.parameters if name not in USE_OPTIONS]
    return meaning.values if meaning.block is None else meaning.block.arguments


def _is_word(meaning: Meaning, name: str, word: Word) -> bool:
    """Whether a value may be a word that isn't looked up: of an option that takes words."""
    if meaning.used:
        declared = meaning.used.spec.parameters.get(name)
        return word.text.isidentifier() and declared is not None and declared.takes_words
    return word.text.isidentifier() and meaning.op is not None and may_be_word(meaning.op, name)


def _repeats(item: Item) -> bool:
    """Whether an item is a repeat, labelled or not."""
    return (isinstance(item, Repeat) and not isinstance(item, Parallel)) or (
        isinstance(item, Labelled) and _repeats(item.item)
    )
