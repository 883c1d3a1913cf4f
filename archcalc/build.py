"""Builds the graph of a spec: walks its items, evaluates their expressions, and checks every shape.

A mistake poisons the value that it would have produced (`None`), so that building goes on and every mistake is reported once.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection
from fractions import Fraction
from typing import Any

from pydantic import ValidationError

from archcalc.algebra import Poly, unicode
from archcalc.errors import ArchcalcError, ExpressionError, Mark, Problem, ShapeError, SpecError, Undecided, UsageError, suggest
from archcalc.graph import Graph, Group, Input, Node
from archcalc.ops import ACTIVATIONS, NORMALIZATIONS, OPS, Op, Shape, spell_shape
from archcalc.ops.base import show
from archcalc.scope import Context, Scope, called, caption, is_identity
from archcalc.spec.binding import Binding
from archcalc.spec.expressions import CONSTANTS, Environment
from archcalc.spec.items import Branches, Chain, Item, Labelled, Line, Repeat, Word
from archcalc.spec.layers import SUFFIXES, WORDS, Layer, Resolver, complaints, meant, takes_words
from archcalc.spec.parts import Block, Head, Spec

MOST_LAYERS = 250_000


def build(spec: Spec, binding: Binding, train: bool = False, without: Collection[str] = ()) -> Graph:
    """The graph of a spec with bound parameters; with its train-only heads if `train`.

    Labels in `without` are left out: what reads them reads their input instead, and takes its shape. Raises SpecError with
    every mistake, UsageError for a label in `without` that doesn't exist.
    """
    collects = gc.isenabled()
    gc.disable()  # every node lives on: the collector would only walk them again and again
    try:
        return _Builder(spec, binding, without).build(train)
    except RecursionError:
        raise SpecError([Problem("blocks inside blocks, nested too deeply", spec.mark)]) from None
    finally:
        if collects:
            gc.enable()


class _Builder:
    def __init__(self, spec: Spec, binding: Binding, without: Collection[str]) -> None:
        self.spec, self.binding = spec, binding
        self.without = dict.fromkeys(without, False)  # labels to leave out, and whether they were met
        self.graph = Graph()
        self.names: dict[str, int] = {}  # of nodes
        self.results: dict[str, int | None] = {}  # of labels, groups and nodes: what a `ref` reads
        self.problems: dict[tuple[str, Mark | None], Problem] = {}
        self.shapes: dict[tuple[int, tuple[Shape, ...]], Shape] = {}
        self.open: list[str] = []
        self.suffixes: dict[tuple[Any, ...], Op] = {}
        self.steps = 0

    def build(self, train: bool) -> Graph:
        self.resolver = Resolver(self.spec)
        context = Context(dict(self.binding.values), Scope("", self.spec.layers))
        for name, words in self.spec.inputs.items():
            self._input(name, words, context)
        first = next(iter(self.graph.inputs.values()), None) if len(self.spec.inputs) == 1 else None
        last = self._item(self.spec.layers, first, context)
        self._outputs(last)
        for head in self.spec.heads if train else ():
            self._head(head, context)
        if self.problems:
            raise SpecError(self.problems.values())
        for label, met in self.without.items():
            if not met:
                raise UsageError(f"there is no layer '{label}' to leave out{suggest(label, self.results)}")
        return self.graph

    def _left_out(self, path: str, current: int | None) -> bool:
        """Whether a label is to be left out; then it stands for its input."""
        if path not in self.without:
            return False
        self.without[path] = True
        self.results[path] = current
        return True

    # ---- mistakes -----------------------------------------------------------------------------------------------------

    def _wrong(self, message: str, mark: Mark, context: Context, symbols: tuple[str, ...] = ()) -> None:
        self.problems.setdefault((message, mark), Problem(message, mark, context.calls, symbols))

    def _evaluate(self, word: Word, context: Context, words: frozenset[str] = frozenset()) -> Any:
        """A word's value, or None after noting what is wrong."""
        try:
            return word.expression.run(context.env, words)
        except Undecided as error:
            self._wrong(f"{error}", word.mark, context, error.symbols)
        except ExpressionError as error:
            self._wrong(str(error), word.mark.part(error.start, error.length or word.mark.length), context)
        except ArchcalcError as error:
            self._wrong(str(error), word.mark, context, _symbols(context.env, word))
        return _FAILED

    def _word(self, word: Word, context: Context) -> Any:
        """The value of an option that may be a word: a name that is not known stands for itself."""
        free = word.text.isidentifier() and word.text not in context.env and word.text not in CONSTANTS
        return word.text if free else self._evaluate(word, context, WORDS)

    def _too_many(self, message: str, mark: Mark, context: Context) -> None:
        self._wrong(message, mark, context)
        raise SpecError(self.problems.values())

    # ---- inputs and outputs ---------------------------------------------------------------------------------------------

    def _input(self, name: str, words: tuple[Word, ...], context: Context) -> None:
        dims = []
        for word in words:
            value = self._evaluate(word, context)
            if value is _FAILED:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, Poly)) or (isinstance(value, int) and value < 1):
                self._wrong(f"{name}: a size must be a positive whole number, got {show(value)}", word.mark, context)
                continue
            dims.append(value)
        if len(dims) < len(words):
            self.results[name] = None
            return
        mark = words[0].mark if words else self.spec.mark
        self.graph.inputs[name] = self._add(name, Input(size_=tuple(dims)), (), tuple(dims), mark, context, name)

    def _outputs(self, last: int | None) -> None:
        if not self.spec.outputs:
            self.graph.outputs = [last] if last is not None else []
        for word in self.spec.outputs:
            if word.text not in self.results:
                self._wrong(f"outputs: there is no label '{word.text}'{suggest(word.text, self.results)}", word.mark, _NOWHERE)
            elif word.text in [earlier.text for earlier in self.spec.outputs[: self.spec.outputs.index(word)]]:
                self._wrong(f"outputs: '{word.text}' is listed twice", word.mark, _NOWHERE)
            elif (found := self.results[word.text]) is not None and found not in self.graph.outputs:
                self.graph.outputs.append(found)

    def _head(self, head: Head, context: Context) -> None:
        if head.label in self.results:
            self._wrong(f"train head '{head.label}' has the name of a layer", head.mark, context)
        if head.source not in self.results:
            self._wrong(f"train head '{head.label}': there is no label '{head.source}'{suggest(head.source, self.results)}", head.source_mark, context)
            return
        scope = Scope(head.label, head.layers)
        inner = Context(dict(self.binding.values), scope, head=True)
        output = self._item(head.layers, self.results[head.source], inner)
        self._group(head.label, f"train head on {head.source}", head.mark, output)

    # ---- items ----------------------------------------------------------------------------------------------------------

    def _item(self, item: Item, current: int | None, context: Context, label: str | None = None) -> int | None:
        self.steps += 1
        if self.steps > 4 * MOST_LAYERS:
            self._too_many(f"more than {MOST_LAYERS:,} layers", item.mark, context)
        if isinstance(item, Line):
            result = self._line(item, current, context, label)
        elif isinstance(item, Labelled):
            result = self._labelled(item, current, context, label)
        elif isinstance(item, Branches):
            result = self._branches(item, current, context, label)
        elif isinstance(item, Repeat):
            result = self._repeat(item, current, context, label)
        elif label is not None:
            result = self._scoped(label, caption(item), item.mark, context, item, lambda inner: self._chain(item, current, inner))
        else:
            result = self._chain(item, current, context)
        if result is None and not self.problems and not self.resolver.problems:
            names = " or ".join(f"`ref {name}`" for name in self.graph.inputs)
            self._wrong(f"start from {names}: there are several inputs", item.mark, context)
        return result

    def _chain(self, item: Chain, current: int | None, context: Context) -> int | None:
        for inner in item.items:
            current = self._item(inner, current, context)
        return current

    def _labelled(self, item: Labelled, current: int | None, context: Context, label: str | None) -> int | None:
        if label is not None:  # a labelled item that is repeated: `stage/2/label`
            return self._scoped(label, "", item.mark, context, item, lambda inner: self._labelled(item, current, inner, None))
        path = context.scope.prefix + item.label
        if path in self.results or path in self.open:
            self._wrong(f"label '{path}' is {'the name of an input' if path in self.spec.inputs else 'used twice'}", item.mark, context)
            return None
        if self._left_out(path, current):
            return current
        self.open.append(path)
        result = self._item(item.item, current, context, item.label)
        self.open.pop()
        self.results[path] = result
        return result

    def _scoped(self, label: str, text: str, mark: Mark, context: Context, body: Item, inside: Callable[[Context], int | None]) -> int | None:
        """Build something in a scope of its own, and note it as a group."""
        path = context.scope.prefix + label
        output = inside(context._replace(scope=Scope(path, body)))
        self._group(path, text, mark, output)
        return output

    def _group(self, path: str, text: str, mark: Mark, output: int | None) -> None:
        self.results.setdefault(path, output)
        if output is not None:
            self.graph.groups[path] = Group(path, text, mark, output)

    def _repeat(self, item: Repeat, current: int | None, context: Context, label: str | None) -> int | None:
        count = self._evaluate(item.count, context._replace(env=self._with_channels(context.env, current)))
        if count is _FAILED:
            return None
        if isinstance(count, Poly):
            message = f"`{count}` is free and counts repeats: depth stays numeric; bind it with --set"
            self._wrong(message, item.count.mark, context, tuple(count.symbols))
            return None
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            self._wrong(f"a layer is repeated a whole number of times, got {show(count)}", item.count.mark, context)
            return None
        if count > MOST_LAYERS:
            self._too_many(f"{count:,} repeats are more than the {MOST_LAYERS:,} layers that a network may have", item.count.mark, context)
        context = context._replace(times=context.times * max(count, 1))
        if context.times > MOST_LAYERS:
            message = f"repeats in repeats, {context.times:,} in all, are more than the {MOST_LAYERS:,} layers that a network may have"
            self._too_many(message, item.count.mark, context)
        if label is not None:
            return self._numbered(label, count, item, current, context)
        return self._times(count, item.item, current, context, False)

    def _numbered(self, label: str, count: int, item: Repeat, current: int | None, context: Context) -> int | None:
        """A labelled repeat is a group of `label/1`, `label/2` ..., named in full where all are the same: `3 x conv 512 3x3`."""
        path, start = context.scope.prefix + label, len(self.graph.nodes)
        inner = context._replace(scope=Scope(path, Chain(item.mark, ())))
        output = self._times(count, item.item, current, inner, True)
        distinct = {(id(node.op), len(node.shape)): node for node in self.graph.nodes[start:] if node.name == node.line}
        made = {node.op.line(rank=rank - 1) for (_, rank), node in distinct.items()}
        called = {self.graph.groups[name].text for n in range(count) if (name := f"{path}/{n + 1}") in self.graph.groups}
        same = called or made if isinstance(item.item, Line) else set()
        self._group(path, f"{count} x {same.pop() if len(same) == 1 else caption(item.item)}", item.mark, output)
        return output

    def _times(self, count: int, item: Item, current: int | None, context: Context, numbered: bool) -> int | None:
        env = dict(context.env)
        context = context._replace(env=env)
        for i in range(count):
            env["i"], env["first"], env["last"] = i, i == 0, i == count - 1
            if numbered and self._left_out(f"{context.scope.prefix}{i + 1}", current):
                continue
            current = self._item(item, current, context, str(i + 1) if numbered else None)
            if current is None:
                break
        return current

    def _branches(self, item: Branches, current: int | None, context: Context, label: str | None) -> int | None:
        layer = self.resolver.of(item.line)
        if layer is not None and not self._when(layer, current, context):
            return current
        if label is None:
            return self._joined(item, layer, current, context, None)
        inner = context._replace(scope=Scope(context.scope.prefix + label, Chain(item.mark, item.items)))
        output = self._joined(item, layer, current, inner, context.scope.prefix + label)
        self._group(context.scope.prefix + label, item.line.head.text, item.mark, output)
        return output

    def _joined(self, item: Branches, layer: Layer | None, current: int | None, context: Context, name: str | None) -> int | None:
        if layer is not None:
            context = self._kept(layer, context)
        survive = self._probability(layer, "survive", context) if layer else 1
        residual = next((n for n, branch in enumerate(item.items) if not is_identity(branch)), None)
        ends = []
        for n, branch in enumerate(item.items):
            inner = context._replace(survive=context.survive * survive) if n == residual and survive != 1 else context
            ends.append(self._item(branch, current, inner))
        if layer is None or None in ends:
            return None
        return self._operator(layer, tuple(end for end in ends if end is not None), context, name)

    def _kept(self, layer: Layer, context: Context) -> Context:
        """Where training keeps a whole layer with a probability of its own."""
        return context._replace(survive=context.survive * self._probability(layer, "kept", context)) if "kept" in layer.control else context

    def _probability(self, layer: Layer, name: str, context: Context) -> Any:
        word = layer.control.get(name)
        value = self._evaluate(word, context) if word else 1
        if value is _FAILED:
            return 1
        if word and (not isinstance(value, (int, Fraction)) or isinstance(value, bool) or not 0 <= value <= 1):
            self._wrong(f"{name} must be a probability, got {show(value)}", word.mark, context, _symbols(context.env, word))
            return 1
        return value

    # ---- lines ----------------------------------------------------------------------------------------------------------

    def _with_channels(self, env: dict[str, Any], current: int | None) -> dict[str, Any]:
        if current is not None:
            shape = self.graph.nodes[current].shape
            if shape:
                env["cin"] = shape[0]
        else:
            env.pop("cin", None)
        return env

    def _line(self, line: Line, current: int | None, context: Context, label: str | None) -> int | None:
        layer = self.resolver.of(line)
        if layer is None:
            return None
        if layer.label:
            return self._ref(layer, context)
        if current is None:
            self._without_input(layer, context)
            return None
        self._with_channels(context.env, current)
        if not self._when(layer, current, context):
            return current
        context = self._kept(layer, context)
        if layer.op is not None:
            return self._operator(layer, (current,), context, context.scope.prefix + label if label is not None else None)
        if layer.block is not None:
            return self._call(layer, layer.block, current, context, label)
        return current

    def _without_input(self, layer: Layer, context: Context) -> None:
        """A line after a mistake: its own expressions can still be wrong."""
        self._with_channels(context.env, None)
        if self.problems and layer.op and not any("cin" in word.expression.names for word in (*layer.values.values(), *layer.variadic)):
            self._made(layer, context)
        for kind in SUFFIXES:
            if kind in layer.control:
                self._suffix(kind, layer.control[kind], context)

    def _when(self, layer: Layer, current: int | None, context: Context) -> bool:
        word = layer.control.get("when")
        if word is None:
            return True
        self._with_channels(context.env, current)
        value = self._evaluate(word, context)
        if value is _FAILED:
            return True
        if not isinstance(value, bool):
            self._wrong(f"when needs a comparison, got {show(value)}", word.mark, context)
        return bool(value)

    def _frozen(self, layer: Layer, context: Context) -> bool:
        word = layer.control.get("frozen")
        value = self._evaluate(word, context) if word else False
        if word and value is not _FAILED and not isinstance(value, bool):
            self._wrong(f"frozen must be true or false, got {show(value)}", word.mark, context)
        return context.frozen or value is True

    def _ref(self, layer: Layer, context: Context) -> int | None:
        label, word = layer.label, layer.line.words[0]
        for path in context.scope.paths(label):
            if path in self.results:
                return self.results[path]
            if path in self.open:
                self._wrong(f"ref {label}: a cycle, it would read what it is part of", word.mark, context)
                return None
        if label.lstrip("/") in self.spec.labels:
            self._wrong(f"ref {label}: it comes later; only earlier outputs can be read", word.mark, context)
        else:
            self._wrong(f"ref {label}: there is no such label{suggest(label, self.results)}", word.mark, context)
        return None

    def _call(self, layer: Layer, block: Block, current: int, context: Context, label: str | None) -> int | None:
        env: dict[str, Any] = dict(self.binding.values)
        failed = False
        for name in block.arguments:
            word = layer.values.get(name) or block.defaults[name]
            value = self._evaluate(word, context if name in layer.values else context._replace(env=self._with_channels(env, current)), WORDS)
            failed |= value is _FAILED
            env[name] = value
        if failed:
            return None
        self.steps += 8  # a call takes as long as several lines
        path = context.scope.prefix + label if label is not None else context.scope.name(block.name)
        if self._left_out(path, current):
            return current
        share = self._shared_group(layer, path, context)
        calls = ((block.name, layer.line.mark), *context.calls)
        inner = Context(env, Scope(path, block.body), calls, self._frozen(layer, context), context.survive, share, context.head, context.times)
        output = self._chain(block.body, current, inner)
        self._group(path, called(layer, block, env), layer.line.mark, output)
        return output

    def _shared_group(self, layer: Layer, path: str, context: Context) -> tuple[str, str] | None:
        word = layer.control.get("share")
        if word is None:
            return context.share
        owner = next((path for path in context.scope.paths(word.text) if path in self.graph.groups), None)
        if owner is None:
            self._wrong(f"share={word.text}: there is no earlier block with that label{suggest(word.text, self.graph.groups)}", word.mark, context)
            return None
        return owner, path

    # ---- nodes ----------------------------------------------------------------------------------------------------------

    def _operator(self, layer: Layer, inputs: tuple[int, ...], context: Context, name: str | None) -> int | None:
        op = self._made(layer, context)
        if op is None:
            return None
        name = name or context.scope.name(op.word)
        if self.without and self._left_out(name, inputs[0]):
            return inputs[0]
        position = self._node(name, op, inputs, layer.line.mark, context, name, layer)
        for kind in SUFFIXES if layer.control else ():
            word = layer.control.get(kind)
            if position is None or word is None:
                continue
            suffix = self._suffix(kind, word, context)
            if suffix is not None:
                position = self._node(f"{name}.{suffix.word}", suffix, (position,), layer.line.mark, context, name)
        if position is not None:
            self.results.setdefault(name, position)
        return position

    def _made(self, layer: Layer, context: Context) -> Op | None:
        """The operator of a line with the values that its expressions have here."""
        if layer.constant is not None:
            return layer.constant
        values: dict[str, Any] = {}
        assert layer.op is not None
        for field, word in layer.values.items():
            values[field] = self._word(word, context) if takes_words(layer.op, field) else self._evaluate(word, context, WORDS)
        if layer.variadic:
            values[layer.op.positional[0]] = tuple(self._evaluate(word, context) for word in layer.variadic)
        if any(value is _FAILED or (isinstance(value, tuple) and _FAILED in value) for value in values.values()):
            return None
        try:
            op = layer.make(values)
            if not any(word.expression.names for word in (*layer.values.values(), *layer.variadic)):
                layer.constant = op
            return op
        except ValidationError as error:
            for field, sentence in complaints(error):
                given = layer.values.get(field)
                self._wrong(f"{layer.line.head.text}: {sentence}", given.mark if given else layer.line.mark, context, _symbols(context.env, given))
            return None

    def _suffix(self, kind: str, word: Word, context: Context) -> Op | None:
        allowed = NORMALIZATIONS if kind == "norm" else (*ACTIVATIONS, "softmax")
        value = self._word(word, context)
        if value is _FAILED or value is None or value is False:
            return None
        if value not in allowed:
            near = meant(value, allowed) if isinstance(value, str) else None
            hint = f"; did you mean '{near}'?" if near else f"; there are {', '.join(allowed)} and none"
            self._wrong(f"unknown {kind} '{show(value)}'{hint}", word.mark, context)
            return None
        return self._suffixed(value, context)

    def _suffixed(self, word: str, context: Context) -> Op | None:
        """The operator that `norm=` or `act=` adds, with the options that `defaults:` gives it."""
        given = {name: option for name, option in self.spec.defaults.get(word, {}).items() if name in OPS[word].model_fields}
        values = {name: self._evaluate(option, context, WORDS) for name, option in given.items()}
        key = (word, *values.values())
        if _FAILED in values.values():
            return None
        if key not in self.suffixes:
            try:
                self.suffixes[key] = OPS[word](**values)
            except ValidationError as error:
                for name, sentence in complaints(error):
                    self._wrong(f"defaults: {word}: {sentence}", given[name].mark, context)
                return None
        return self.suffixes[key]

    def _node(self, name: str, op: Op, inputs: tuple[int, ...], mark: Mark, context: Context, line: str, layer: Layer | None = None) -> int | None:
        shapes = tuple([self.graph.nodes[n].shape for n in inputs])
        key = (id(op), shapes)
        shape = self.shapes.get(key)
        if shape is None:
            shape = self._shape(op, shapes, mark, context)
            if shape is None:
                return None
            self.shapes[key] = shape
        if name in self.names:
            self._wrong(f"two layers are called '{name}'; give one another label", mark, context)
            return None
        frozen = self._frozen(layer, context) if layer else context.frozen
        share = self._owner(name, op, shapes, layer, context)
        return self._add(name, op, inputs, shape, mark, context, line, share, frozen)

    def _add(
        self, name: str, op: Op, inputs: tuple[int, ...], shape: Shape, mark: Mark, context: Context, line: str, share: int | None = None, frozen: bool = False
    ) -> int:
        position = len(self.graph.nodes)
        if position >= MOST_LAYERS:
            self._too_many(f"more than {MOST_LAYERS:,} layers", mark, context)
        self.graph.nodes.append(Node(name, op, inputs, shape, line, mark, share, frozen, context.survive, context.head))
        self.names[name] = position
        if isinstance(op, Input):
            self.results[name] = position
        return position

    def _shape(self, op: Op, shapes: tuple[Shape, ...], mark: Mark, context: Context) -> Shape | None:
        try:
            shape = op.shape(*shapes)
        except ShapeError as error:
            message = str(error)
            self._wrong(message if message.startswith(op.word) else f"{op.word}: {message}", mark, context)
            return None
        except Undecided as error:
            self._wrong(f"{op.word}: {error}", mark, context, error.symbols)
            return None
        except ArchcalcError as error:
            self._wrong(f"{op.word}: {error}", mark, context, tuple(sorted({s for x in shapes for d in x if isinstance(d, Poly) for s in d.symbols})))
            return None
        for dim in shape:
            if isinstance(dim, int) and dim < 1:
                into = ", ".join(spell_shape(x, unicode) for x in shapes)
                self._wrong(f"{op.word}: the output would be {spell_shape(shape, unicode)}, from {into}", mark, context)
                return None
        return shape

    def _owner(self, name: str, op: Op, shapes: tuple[Shape, ...], layer: Layer | None, context: Context) -> int | None:
        """The position of the node whose weights this one uses."""
        word = layer.control.get("share") if layer else None
        if word is not None:
            path = next((path for path in context.scope.paths(word.text) if path in self.names), None)
        elif context.share is not None:
            path = context.share[0] + name[len(context.share[1]) :]
        else:
            return None
        weights = op.weights(*shapes)
        if word is None and not weights:
            return None
        mark = word.mark if word else layer.line.mark if layer else _NOWHERE_MARK
        if path is None or path not in self.names:
            wanted = word.text if word else str(path)
            self._wrong(f"share={wanted}: there is no earlier layer with that label{suggest(wanted, self.names)}", mark, context)
            return None
        owner = self.graph.nodes[self.names[path]]
        owned = owner.op.weights(*self.graph.shapes_into(owner))
        if type(owner.op) is not type(op) or owned != weights:
            message = f"share={path}: the weights differ: {_spell_weights(owned) or 'none'} there, {_spell_weights(weights) or 'none'} here"
            self._wrong(message, mark, context)
        return owner.share if owner.share is not None else self.names[path]


class _Failed:
    """The value of an expression that could not be evaluated."""


_FAILED: Any = _Failed()
_NOWHERE_MARK = Mark("", 0, 0)
_NOWHERE = Context({}, Scope("", Chain(_NOWHERE_MARK, ())))


def _symbols(env: Environment, word: Word | None) -> tuple[str, ...]:
    """The free symbols that an expression depends on."""
    names = word.expression.names if word else ()
    return tuple(sorted({s for name in names if isinstance(env.get(name), Poly) for s in env[name].symbols}))


def _spell_weights(weights: dict[str, Shape]) -> str:
    return ", ".join(f"{name} {spell_shape(shape)}" for name, shape in weights.items())
