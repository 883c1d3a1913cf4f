"""A spec of the nodes of its text: the frame of keys, plain values, and what only lines can say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from archcalc.errors import Mark, Problem, SpecError, among, near_to
from archcalc.fields import MAPPING, MISSING, FieldErrors, Wrong
from archcalc.ops import OPS, OUTSIDE
from archcalc.patterns import pattern
from archcalc.spec.items import LABEL, LABEL_IS, Chain, Labelled, Reader, walk
from archcalc.spec.layers import Resolver
from archcalc.spec.model import Budget, Document, Parameter, Variant
from archcalc.spec.options import WIDE, allowed
from archcalc.spec.parts import Block, Declared, Head, Member, Spec
from archcalc.spec.text import Mapping, Node, Scalar, Sequence
from archcalc.spec.uses import Others
from archcalc.spec.words import Word, words_of
from archcalc.untyped import Json

if TYPE_CHECKING:
    from archcalc.spec.again import Again

_RAW = {("input",), ("inputs",), ("params",), ("defaults",), ("blocks",), ("layers",), ("outputs",)}
_SIGNATURE = pattern(r"([A-Za-z_]\w*)\s*(?:\((.*)\))?$")
RESERVED = frozenset({"cin", "hin", "win", "nin", "i", "first", "last", "batch", "true", "false", "none"})
LANGUAGE_WORDS = ("ref", "identity", "use", "x")


class Loader:
    def __init__(self, root: Mapping, path: str, others: Others, again: Again | None = None) -> None:
        self.root, self.path, self.others, self.again = root, path, others, again
        self.top = {key.text: (key, value) for key, value in root.pairs}
        self.marks: dict[tuple[object, ...], Mark] = {}
        self.reader = Reader(again.items if again else None)
        self.problems = self.reader.problems
        self.unread: set[str] = set()  # names whose declaration has a mistake

    def spec(self) -> Spec:
        """The spec; what is wrong with it is in `problems`."""
        document = self._document()
        spec = Spec(
            path=self.path,
            mark=self.root.mark,
            name=document.name if document else "",
            paper=document.paper if document else None,
            year=document.year if document else None,
            inputs=self._inputs(),
            parameters=self._parameters(self._mapping("params")),
            space=document.space if document else {},
            space_marks={name: self.marks["space", name] for name in (document.space if document else ())},
            require=self._require(document),
            defaults=self._defaults(),
            blocks=self._blocks(),
            layers=self._layers(),
            outputs=self._outputs(),
            heads=self._heads(),
            references=document.reference if document else [],
            reference_marks=self._item_marks(("reference",), len(document.reference) if document else 0),
            budget=document.budget if document else None,
            budget_marks=self._budget_marks(("budget",)),
        )
        spec.variants = self._variants(document, spec)
        bodies = [spec.layers, *(head.layers for head in spec.heads), *(block.body for block in spec.blocks.values())]
        parts = [part for body in bodies for part in walk(body)]
        labels = frozenset(part.label for part in parts if isinstance(part, Labelled))
        spec.labels = labels | {head.label for head in spec.heads}
        self._check_sets(document, spec)
        spec.torch = self._written(document.torch if document else {}, "torch")
        spec.unread = frozenset(self.unread)
        spec.uses, mistakes = self.others.uses(parts)
        self.problems.extend(mistakes)
        if self.again and self._is_whole():
            self.again.resolver = spec.resolver = Resolver(spec, self.again.resolver, self.again.graphs)
        problems = [*self.problems, *(spec.resolver.problems if self._is_whole() else ())]
        if problems:
            raise SpecError(problems, None if self.problems else spec)
        return spec

    def _is_whole(self) -> bool:
        """Whether every name that layers may use was found: no misspelt key hides them."""
        hidden = {near for key in self.top if key not in Document.fields for near in near_to(key, Document.fields)}
        return hidden.isdisjoint(("params", "blocks", "defaults")) and all(
            isinstance(self._value(key), Mapping) for key in ("params", "blocks")
        )

    def _value(self, key: str) -> Node:
        """What stands under a top-level key; an empty mapping if nothing does."""
        node = self.top[key][1] if key in self.top else None
        return (
            node
            if node is not None and not (isinstance(node, Scalar) and node.value is None)
            else Mapping(self.root.mark)
        )

    # ---- the frame: keys and plain values ----------------------------------------------------------------------------

    def _document(self) -> Document | None:
        if "layers" not in self.top:
            near = near_to("layers", self.top, 0.7)
            self.problems.append(
                Problem("there are no `layers:`" + (f"; is '{near[0]}' meant?" if near else ""), self.root.mark)
            )
        empty = {
            key.text for key, value in self.root.pairs if isinstance(value, Scalar) and value.value is None
        }  # `variants:` with nothing under it
        data = {key: value for key, value in self._plain(self.root, ()).items() if key not in empty}
        data.setdefault("layers", [])
        try:
            return Document.read(data)
        except FieldErrors as error:
            self.problems.extend(self._translated(error))
            return None

    def _plain(self, node: Node, path: tuple[object, ...]) -> Json:
        self.marks.setdefault(path, node.mark)
        if path in _RAW or (len(path) == 3 and path[0] == "train_heads" and path[2] == "layers"):
            return node
        if isinstance(node, Scalar):
            figures = any(part in ("reference", "budget") for part in path)
            value = node.value
            return node.text if figures and not isinstance(value, bool) else value
        if isinstance(node, Sequence):
            return [self._plain(item, (*path, n)) for n, item in enumerate(node.items)]
        if len(path) == 2 and path[0] == "variants":
            return self._plain_variant(node, path)
        for key, _ in node.pairs:
            self.marks[(*path, key.text, "key")] = key.mark
        return {key.text: self._plain(value, (*path, key.text)) for key, value in node.pairs}

    def _plain_variant(self, node: Mapping, path: tuple[object, ...]) -> dict[str, object]:
        """What `Variant` says of one; its parameters are read from the nodes."""
        return {
            key.text: self._plain(value, (*path, key.text)) for key, value in node.pairs if key.text in Variant.fields
        }

    def _translated(self, error: FieldErrors) -> Iterator[Problem]:
        for wrong in error.problems:
            path = wrong.path
            mark = self.marks.get((*path, "key")) if wrong.known else None
            while mark is None and path:
                mark = self.marks.get(path)
                path = path[:-1]
            yield Problem(_sentence(wrong), mark or self.root.mark)

    def _check_sets(self, document: Document | None, spec: Spec) -> None:
        """A figure was given for parameters that there are."""
        for n, reference in enumerate(document.reference if document else ()):
            for name in reference.set:
                if name not in (*spec.parameters, "batch"):
                    self._wrong(
                        f"set: unknown parameter '{name}'{among(name, spec.parameters)}",
                        self.marks["reference", n, "set", name, "key"],
                    )

    def _written(self, written: dict[str, str], *path: str) -> dict[str, str]:
        """How PyTorch code writes layers: keys are operators, or patterns of names, which hold a `*`, a `/` or a
        `.`.
        """
        for key in written:
            if key not in OPS and not set(key) & set("*/."):
                self._wrong(
                    f"torch: unknown layer '{key}'{among(key, OPS)}; a pattern of names holds a *",
                    self.marks[(*path, key, "key")],
                )
        return written

    def _budget_marks(self, path: tuple[object, ...]) -> dict[str, Mark]:
        """Where each metric of a budget stands."""
        return {name: mark for name in Budget.fields if (mark := self.marks.get((*path, name, "key")))}

    def _item_marks(self, path: tuple[object, ...], count: int) -> list[Mark]:
        return [self.marks.get((*path, n), self.root.mark) for n in range(count)]

    def _wrong(self, message: str, mark: Mark) -> None:
        self.problems.append(Problem(message, mark))

    def _mapping(self, key: str) -> list[tuple[Scalar, Node]]:
        """The pairs under a top-level key."""
        node = self._value(key)
        if isinstance(node, Mapping):
            return node.pairs
        if (key,) in _RAW:  # of the others `Document` says so
            self._wrong(f"{key}: {MAPPING}", node.mark)
        return []

    # ---- what has a grammar of its own -------------------------------------------------------------------------------

    def _inputs(self) -> dict[str, tuple[Word, ...]]:
        if "input" in self.top and "inputs" in self.top:
            self._wrong("give `input:` or `inputs:`, not both", self.top["inputs"][0].mark)
        if "input" in self.top:
            return {"input": self._dims(self.top["input"][1])}
        if "inputs" not in self.top:
            self._wrong("there is no `input:`, such as `input: [3, 224, 224]`", self.root.mark)
        pairs = self._mapping("inputs")
        if "inputs" in self.top and not pairs and isinstance(self._value("inputs"), Mapping):
            self._wrong("inputs: must name at least one, such as `image: [3, 224, 224]`", self.top["inputs"][1].mark)
        for key, _ in pairs:
            if not LABEL.match(key.text):
                self._wrong(f"{LABEL_IS}; got '{key.text}'", key.mark)
        return {key.text: self._dims(value) for key, value in pairs}

    def _dims(self, node: Node) -> tuple[Word, ...]:
        if not isinstance(node, Sequence) or not node.items or not all(isinstance(item, Scalar) for item in node.items):
            self._wrong("an input is a list of sizes, channels first, such as [3, 224, 224]", node.mark)
            return ()
        return tuple(Word(item.text, item.mark) for item in node.items if isinstance(item, Scalar))

    def _parameters(self, pairs: list[tuple[Scalar, Node]]) -> dict[str, Declared]:
        declared = {key.text: self._parameter(key, value) for key, value in pairs}
        self.unread |= {name for name, parameter in declared.items() if parameter is None}
        return {name: parameter for name, parameter in declared.items() if parameter}

    def _parameter(self, key: Scalar, value: Node) -> Declared | None:
        if not key.text.isidentifier() or key.text in RESERVED:
            self._wrong(
                f"'{key.text}' can't be a parameter's name"
                + (": the language uses it" if key.text in RESERVED else "; letters, digits and _ can"),
                key.mark,
            )
            return None
        if not isinstance(value, Mapping):
            return Declared(value, value.mark)
        nodes = {inner.text: node for inner, node in value.pairs}
        try:
            limits = Parameter.read({name: _python(node) for name, node in nodes.items()})
        except FieldErrors as error:
            keys = {inner.text: inner.mark for inner, _ in value.pairs}
            for wrong in error.problems:
                place = keys if wrong.known else {inner: node.mark for inner, node in nodes.items()}
                self._wrong(_sentence(wrong), place.get(str(wrong.path[0]) if wrong.path else "", key.mark))
            return None
        return Declared(nodes["default"], nodes["default"].mark, limits)

    def _require(self, document: Document | None) -> list[tuple[Word, str]]:
        required = []
        for n, sentence in enumerate(document.require if document else []):
            condition, _, message = sentence.partition(" : ")
            word = Word(condition.strip(), self.marks[("require", n)])
            if self.reader.expression(word):
                required.append((word, message.strip() or f"{condition.strip()} must hold"))
        return required

    def _defaults(self) -> dict[str, dict[str, Word]]:
        defaults: dict[str, dict[str, Word]] = {}
        for key, value in self._mapping("defaults"):
            if key.text in WIDE and isinstance(value, Scalar):
                defaults.setdefault("", {})[key.text] = Word(value.text, value.mark)
            elif key.text not in OPS:
                self._wrong(f"defaults: unknown layer '{key.text}'{among(key.text, OPS)}", key.mark)
            elif not isinstance(value, Mapping) or not all(isinstance(option, Scalar) for _, option in value.pairs):
                self._wrong(f"defaults: {key.text} must be a mapping of options to words", value.mark)
            else:
                defaults[key.text] = {
                    name.text: Word(option.text, option.mark)
                    for name, option in value.pairs
                    if isinstance(option, Scalar)
                }
                options = allowed(OPS[key.text])
                for name, _ in value.pairs:
                    if name.text not in options:
                        self._wrong(
                            f"defaults: {key.text} has no option '{name.text}'{among(name.text, options)}", name.mark
                        )
        return defaults

    def _blocks(self) -> dict[str, Block]:
        blocks: dict[str, Block] = {}
        for key, value in self._mapping("blocks"):
            match = _SIGNATURE.match(key.text)
            own = match and match.group(1) in OPS and match.group(1) not in OUTSIDE  # a spec goes on meaning its blocks
            if not match or own or match.group(1) in LANGUAGE_WORDS:
                taken = "; that is a layer's name" if match else "; write name(argument, argument=default)"
                self._wrong(f"'{key.text}' can't be a block's name{taken}", key.mark)
                self.unread.add(key.text.partition("(")[0].strip())
                continue
            if match.group(1) in blocks:
                self._wrong(f"block '{match.group(1)}' is declared twice", key.mark)
            arguments, defaults = self._arguments(
                match.group(2) or "", key.mark.part(match.start(2), 1) if match.group(2) else key.mark
            )
            blocks[match.group(1)] = Block(
                match.group(1), key.mark, arguments, defaults, self.reader.chain(value, f"block {match.group(1)}")
            )
        return blocks

    def _arguments(self, text: str, mark: Mark) -> tuple[tuple[str, ...], dict[str, Word]]:
        names: list[str] = []
        defaults: dict[str, Word] = {}
        for word in words_of(re.sub(r",(?![^(\[]*[)\]])", "  ", text), mark):
            name, equals, default = word.text.partition("=")
            if name in names:
                self._wrong(f"argument '{name}' is there twice", word.mark)
            elif not name.isidentifier() or name in RESERVED:
                self._wrong(
                    f"'{name}' can't be an argument's name" + (": the language uses it" if name in RESERVED else ""),
                    word.mark,
                )
            elif defaults and not equals:
                self._wrong(f"argument '{name}' needs a default: it comes after one that has it", word.mark)
            elif equals and not default:
                self._wrong(f"'{name}=' needs a value, without a space", word.mark)
            names.append(name)
            if default:
                defaults[name] = Word(default, word.mark.part(len(name) + 1, len(default)))
        return tuple(names), defaults

    def _layers(self) -> Chain:
        if "layers" not in self.top:
            return Chain(self.root.mark, ())
        node = self.top["layers"][1]
        if not isinstance(node, Sequence) or not node.items:
            self._wrong("layers: must be a list with at least one layer", node.mark)
            return Chain(node.mark, ())
        return self.reader.chain(node, "layers")

    def _outputs(self) -> list[Word]:
        node = self.top["outputs"][1] if "outputs" in self.top else None
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return []
        if not isinstance(node, Sequence) or not node.items or not all(isinstance(item, Scalar) for item in node.items):
            self._wrong("outputs: must be a list of labels, such as [boxes, scores]", node.mark)
            return []
        return [Word(item.text, item.mark) for item in node.items if isinstance(item, Scalar)]

    def _heads(self) -> list[Head]:
        heads = []
        for key, value in self._mapping("train_heads"):
            nodes = {inner.text: node for inner, node in value.pairs} if isinstance(value, Mapping) else {}
            source = nodes.get("from")
            if isinstance(source, Scalar) and "layers" in nodes:
                heads.append(
                    Head(key.text, key.mark, source.text, source.mark, self.reader.chain(nodes["layers"], "layers"))
                )
        return heads

    def _variants(self, document: Document | None, spec: Spec) -> dict[str, Member]:
        members = {}
        for key, value in self._mapping("variants"):
            pairs = value.pairs if isinstance(value, Mapping) else []
            values = {}
            for name, node in pairs:
                if name.text in Variant.fields:
                    continue
                if name.text not in spec.parameters:
                    self._wrong(
                        f"variant '{key.text}': unknown parameter '{name.text}'{among(name.text, spec.parameters)}",
                        name.mark,
                    )
                values[name.text] = Declared(node, node.mark)
            known = document.variants.get(key.text) if document else None
            if not document or not known:
                continue
            marks = self._item_marks(("variants", key.text, "reference"), len(known.reference))
            budget_marks = self._budget_marks(("variants", key.text, "budget"))
            without = {label: self.marks["variants", key.text, "without", n] for n, label in enumerate(known.without)}
            torch = None if known.torch is None else self._written(known.torch, "variants", key.text, "torch")
            told = (known.name, known.paper, known.year, without, torch)
            members[key.text] = Member(
                key.text, key.mark, values, *told, known.reference, marks, known.budget, budget_marks
            )
        return members


def _sentence(wrong: Wrong) -> str:
    """What is wrong with a value, by the last key that leads to it."""
    name = next((part for part in reversed(wrong.path) if isinstance(part, str)), "")
    if wrong.known:
        return f"unknown key '{name}'{among(name, wrong.known)}"
    return f"'{name}' {MISSING}" if wrong.what == MISSING else f"{name}: {wrong.what}"


def _python(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.value
    return [_python(item) for item in node.items] if isinstance(node, Sequence) else {}
