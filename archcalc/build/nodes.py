"""Nodes: evaluates what lines say, checks every shape, and notes what is wrong."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from fractions import Fraction

from archcalc.algebra import Dim, Poly, unicode
from archcalc.build.scope import Context, Scope, Wide, symbols_in
from archcalc.build.sharing import NOWHERE_MARK, lineage, owner, shared
from archcalc.build.wide import wide
from archcalc.errors import ArchcalcError, ExpressionError, Mark, Problem, ShapeError, SpecError, Undecided
from archcalc.fields import FieldErrors
from archcalc.graph import Graph, Group, Input, Loop, Node, ends
from archcalc.ops import OPS, SUFFIXED, Op, Shape, spell_shape
from archcalc.ops.base import Free
from archcalc.ops.kinds import show
from archcalc.spec import Binding, Spec
from archcalc.spec.elsewhere import hint
from archcalc.spec.items import Chain, Item
from archcalc.spec.layers import complaints
from archcalc.spec.options import SUFFIXES, WORDS, takes_words
from archcalc.spec.parts import Layer
from archcalc.spec.values import CONSTANTS, Value
from archcalc.spec.words import Line, Word
from archcalc.tuples import NamedTuple

MOST_LAYERS = 250_000


class Saved(NamedTuple):
    """What had been built when a trial began."""

    nodes: int
    groups: dict[str, Group]
    loops: dict[int, Loop]
    names: dict[str, int]
    results: dict[str, int | None]
    problems: dict[tuple[str, Mark | None], Problem]
    without: dict[str, bool]
    instead: dict[str, str]
    heirs: dict[str, str]


class Nodes:
    """The graph so far. A mistake poisons the value that it would have produced (`None`), so that every mistake is
    reported, once.
    """

    def __init__(self, spec: Spec, binding: Binding, train: bool, without: Collection[str]) -> None:
        self.spec, self.binding, self.train = spec, binding, train
        self.without = dict.fromkeys(
            [*binding.without, *without], False
        )  # labels to leave out, and whether they were met
        self.graph = Graph()
        self.resolver = spec.resolver
        self.until = ""  # the path whose value ends a spec that is used
        self.placed: Mark | None = None  # where the outermost line stands that uses one: its layers are placed there
        self.names: dict[str, int] = {}  # of nodes
        self.instead: dict[str, str] = {}  # of labels that are left out: the path whose weights they share
        self.heirs: dict[str, str] = {}  # of layers that are left out: the first of those that share their weights
        self.results: dict[str, int | None] = {}  # of labels, groups and nodes: what a `ref` reads
        self.problems: dict[tuple[str, Mark | None], Problem] = {}
        # with the operator, whose id is the key: it has to live on
        self.shapes: dict[tuple[int, tuple[Shape, ...]], tuple[Op, Shape]] = {}
        self.arrived: dict[Shape, dict[str, Dim]] = {}  # what is known of a shape that arrives
        self.open: list[str] = []
        self.suffixes: dict[tuple[object, ...], Op] = {}
        self.bodies: dict[tuple[Op, ...], Op] = {}  # operators that are made of others, by all of these
        self.shares: dict[Value, None] = {}  # what has to be a probability
        self.steps = 0

    # ---- trials ------------------------------------------------------------------------------------------------------

    def save(self) -> Saved:
        """How much there is of everything, to come back to with `restore`."""
        graph = self.graph
        kept = (
            graph.groups,
            graph.loops,
            self.names,
            self.results,
            self.problems,
            self.without,
            self.instead,
            self.heirs,
        )
        return Saved(len(graph.nodes), *(dict(known) for known in kept))  # type: ignore[arg-type]

    def restore(self, saved: Saved) -> None:
        """Forget what was built since."""
        graph = self.graph
        del graph.nodes[saved.nodes :]
        graph.groups, graph.loops = dict(saved.groups), dict(saved.loops)
        self.names, self.results = dict(saved.names), dict(saved.results)
        self.problems, self.without = dict(saved.problems), dict(saved.without)
        self.instead, self.heirs = dict(saved.instead), dict(saved.heirs)

    def left_out(self, path: str, current: int | None, context: Context, item: Item | None = None) -> bool:
        """Whether a label is to be left out; then it stands for its input, and its weights for those that its item
        would have shared.
        """
        if path not in self.without:
            return False
        self.without[path] = True
        self.results[path] = current
        word = item.options.get("share") if isinstance(item, Line) else None
        whose = (
            next((known for known in context.scope.paths(word.text) if self.is_known(known)), None)
            if word
            else shared(path, context)
        )
        if whose is not None:
            self.instead[path] = whose
        return True

    def is_known(self, path: str) -> bool:
        """Whether there is a layer or a group of that name, or was one that is left out."""
        return path in self.names or path in self.graph.groups or self.is_gone(path)

    def is_gone(self, path: str) -> bool:
        """Whether a layer is left out, or what it stands in."""
        return any(self.without.get(around) for around in lineage(path))

    def whose(self, path: str) -> str:
        """The layer that has the weights a path stands for: one that is left out hands them on."""
        while path not in self.names:
            heir = self.heirs.get(path)
            if heir in self.names:
                return str(heir)
            gone = next((around for around in lineage(path) if around in self.instead), None)
            if gone is None:
                return path
            path = self.instead[gone] + path[len(gone) :]
        return path

    def is_consequence(self, label: str, context: Context) -> bool:
        """Whether what a label stands for is missing because of a mistake that was noted: it was not built, or layers
        without labels of their own are numbered another way.
        """
        if not self.problems and not self.resolver.problems:
            return False
        around = {part for path in context.scope.paths(label) for part in lineage(path) if part}
        unlabelled = {*OPS, *self.spec.blocks, "repeat"}
        return any(path in self.results and self.results[path] is None for path in around) or any(
            part.rstrip("0123456789") in unlabelled for part in label.split("/")
        )

    # ---- mistakes ----------------------------------------------------------------------------------------------------

    def wrong(self, message: str, mark: Mark, context: Context, symbols: tuple[str, ...] = ()) -> None:
        """Note a mistake, once a place however often a repeat meets it."""
        self.problems.setdefault((message, mark), Problem(message, mark, context.calls, symbols))

    def evaluate(self, word: Word, context: Context, words: Collection[str] = ()) -> object:
        """A word's value, or None after noting what is wrong."""
        try:
            return word.expression.run(context.env, words)
        except Undecided as error:
            self.wrong(f"{error}", word.mark, context, error.symbols)
        except ExpressionError as error:
            self.wrong(str(error), word.mark.part(error.start, error.length or word.mark.length), context)
        except ArchcalcError as error:
            self.wrong(str(error), word.mark, context, symbols_in(context.env, word))
        return FAILED

    def word(self, word: Word, context: Context) -> Value:
        """The value of an option that may be a word: a name that is not known stands for itself."""
        free = word.text.isidentifier() and word.text not in context.env and word.text not in CONSTANTS
        return word.text if free else self.evaluate(word, context, WORDS)

    def too_many(self, message: str, mark: Mark, context: Context) -> None:
        """Note a mistake that ends the building. Raises SpecError with all that were found."""
        self.wrong(message, mark, context)
        raise SpecError(self.problems.values())

    def kept(self, layer: Layer, context: Context) -> Context:
        """Where training keeps a whole layer with a probability of its own."""
        if "kept" in layer.meaning.control:
            return context._replace(survive=context.survive * self.probability(layer, "kept", context))
        return context

    def probability(self, layer: Layer, name: str, context: Context) -> Value:
        """The value of an option between 0 and 1, 1 where it isn't given or is wrong."""
        word = layer.option(name)
        if not self.train and word and symbols_in(context.env, word):
            self.likely(word, context)
            return 1  # it matters in training only, and may have no value here
        value = self.evaluate(word, context) if word else 1
        if value is FAILED:
            return 1
        if word and (not isinstance(value, (int, Fraction)) or isinstance(value, bool) or not 0 <= value <= 1):
            self.wrong(
                f"{name} must be a probability, got {show(value)}", word.mark, context, symbols_in(context.env, word)
            )
            return 1
        return value

    def likely(self, word: Word, context: Context) -> None:
        """Keep what has to be a probability for the network to be built, where it has a closed form."""
        with suppress(ArchcalcError):
            self.shares.update(dict.fromkeys(ends(word.expression.run(context.env, ()), context.ranges)))

    def frozen(self, layer: Layer, context: Context) -> bool:
        """Whether training leaves the weights of a layer as they are."""
        word = layer.option("frozen")
        value = self.evaluate(word, context) if word else False
        if word and value is not FAILED and not isinstance(value, bool):
            self.wrong(f"frozen must be true or false, got {show(value)}", word.mark, context)
        return context.frozen or value is True

    # ---- nodes -------------------------------------------------------------------------------------------------------

    def operator(self, layer: Layer, inputs: tuple[int, ...], context: Context, name: str | None) -> int | None:
        """Build a line's operator on these layers; None after noting a mistake."""
        op = layer.meaning.constant or self.made(layer, context)
        return None if op is None else self.made_into(op, layer, inputs, context, name)

    def made_into(
        self, op: Op, layer: Layer, inputs: tuple[int, ...], context: Context, name: str | None
    ) -> int | None:
        """An operator that was made, with what its line adds after it."""
        name = name or context.scope.name(op.word)
        if self.without and self.left_out(name, inputs[0], context, layer.line):
            return inputs[0]
        width = wide(self, layer, context)
        own = context if width is context.wide else context._replace(wide=width)
        position = self.node(name, op, inputs, layer.line.mark, own, name, layer)
        for kind in SUFFIXES if layer.meaning.control else ():
            word = layer.option(kind)
            if position is None or word is None:
                continue
            suffix = self.suffix(kind, word, context)
            if suffix is not None:
                after = context._replace(wide=Wide(context.wide.stored, width.dtype))
                position = self.node(f"{name}.{suffix.word}", suffix, (position,), layer.line.mark, after, name)
        if position is not None:
            self.results.setdefault(name, position)
        return position

    def made(self, layer: Layer, context: Context, given: dict[str, object] | None = None) -> Op | None:
        """The operator of a line with the values that its expressions have here, and those `given` besides."""
        meaning = layer.meaning
        if meaning.constant is not None and not given:
            return meaning.constant
        words = (*meaning.values.values(), *meaning.variadic)
        key = None if given or any(word.expression.names for word in words) else meaning.words
        if key is not None and (known := self.resolver.constants.get(key)):
            meaning.constant = known
            return known
        values = dict(given or {})
        assert layer.op is not None
        for field, word in layer.values.items():
            values[field] = (
                self.word(word, context) if takes_words(layer.op, field) else self.evaluate(word, context, WORDS)
            )
        if layer.variadic:
            values[layer.op.positional[0]] = tuple(self.evaluate(word, context) for word in layer.variadic)
        if any(value is FAILED or (isinstance(value, tuple) and FAILED in value) for value in values.values()):
            return None
        try:
            op = meaning.make(values)
            if key is not None:
                meaning.constant = self.resolver.constants[key] = op
            return op
        except FieldErrors as error:
            for field, sentence in complaints(error):
                wrong = layer.values.get(field)
                mark = wrong.mark if wrong else layer.line.mark
                self.wrong(f"{layer.line.begins}: {sentence}", mark, context, symbols_in(context.env, wrong))
            return None

    def suffix(self, kind: str, word: Word, context: Context) -> Op | None:
        """The operator that `norm=` or `act=` adds behind a layer; None for none."""
        allowed = SUFFIXED[kind]
        value = self.word(word, context)
        if value is FAILED or value is None or value is False:
            return None
        if value not in allowed:
            there = f"there are {', '.join(allowed)} and none"
            near = hint(value, allowed, there) if isinstance(value, str) else f"; {there}"
            self.wrong(f"unknown {kind} '{show(value)}'{near}", word.mark, context)
            return None
        name: str = value
        return self.suffixed(SUFFIXED[kind][name].word, context)

    def suffixed(self, word: str, context: Context) -> Op | None:
        """The operator that `norm=` or `act=` adds, with the options that `defaults:` gives it."""
        given = {name: option for name, option in self.spec.defaults.get(word, {}).items() if name in OPS[word].fields}
        values = {name: self.evaluate(option, context, WORDS) for name, option in given.items()}
        key = (word, *values.values())
        if FAILED in values.values():
            return None
        if key not in self.suffixes:
            try:
                self.suffixes[key] = OPS[word](**values)
            except FieldErrors as error:
                for name, sentence in complaints(error):
                    self.wrong(f"defaults: {word}: {sentence}", given[name].mark, context)
                return None
        return self.suffixes[key]

    def node(
        self,
        name: str,
        op: Op,
        inputs: tuple[int, ...],
        mark: Mark,
        context: Context,
        line: str,
        layer: Layer | None = None,
    ) -> int | None:
        """Add a layer once its shape is known and its weights are found; None after noting a mistake."""
        shapes = tuple([self.graph.nodes[n].shape for n in inputs])
        key = (id(op), shapes)
        known = self.shapes.get(key)
        shape = known[1] if known else self.shape(op, shapes, mark, context)
        if shape is None:
            return None
        if known is None:
            self.shapes[key] = op, shape
        if name in self.names:
            self.wrong(f"two layers are called '{name}'; give one another label", mark, context)
            return None
        frozen = self.frozen(layer, context) if layer and layer.meaning.control else context.frozen
        share = owner(self, name, op, shapes, layer, context)
        return self.add(name, op, inputs, shape, mark, context, line, share, frozen)

    def add(
        self,
        name: str,
        op: Op,
        inputs: tuple[int, ...],
        shape: Shape,
        mark: Mark,
        context: Context,
        line: str,
        share: int | None = None,
        frozen: bool = False,
    ) -> int:
        """Add a node to the graph; gives its position. Raises SpecError where there are too many."""
        position, mark = len(self.graph.nodes), self.placed or mark
        if position >= MOST_LAYERS:
            self.too_many(f"more than {MOST_LAYERS:,} layers", mark, context)
        self.graph.nodes.append(
            Node(
                name,
                op,
                inputs,
                shape,
                line,
                mark,
                share,
                frozen,
                context.survive,
                context.head,
                context.ranges,
                "" if isinstance(op, Free) else context.wide.stored,
                context.wide.dtype,
            )
        )
        self.names[name] = position
        if isinstance(op, Input):
            self.results[name] = position
        return position

    def shape(self, op: Op, shapes: tuple[Shape, ...], mark: Mark, context: Context) -> Shape | None:
        """The shape that an operator puts out, a sample; None after noting why it can't."""
        try:
            shape = op.shape(*shapes)
        except ShapeError as error:
            message = str(error)
            self.wrong(message if message.startswith(op.word) else f"{op.word}: {message}", mark, context)
            return None
        except Undecided as error:
            self.wrong(f"{op.word}: {error}", mark, context, error.symbols)
            return None
        except ArchcalcError as error:
            self.wrong(
                f"{op.word}: {error}",
                mark,
                context,
                tuple(sorted({s for x in shapes for d in x if isinstance(d, Poly) for s in d.symbols})),
            )
            return None
        for dim in shape:
            if isinstance(dim, int) and dim < (0 if op.is_given else 1):  # files hold empty tensors
                into = ", ".join(spell_shape(x, unicode) for x in shapes)
                self.wrong(f"{op.word}: the output would be {spell_shape(shape, unicode)}, from {into}", mark, context)
                return None
        return shape


class _Failed:
    """The value of an expression that could not be evaluated."""


FAILED: object = _Failed()
NOWHERE = Context({}, Scope("", Chain(NOWHERE_MARK, ())))
