"""Items: walks the lines, chains, branches, repeats and blocks of a spec."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from archcalc.algebra import Poly, integral, shares, unicode
from archcalc.build import branches, calls, uses
from archcalc.build.labels import Labels
from archcalc.build.nodes import FAILED, MOST_LAYERS, NOWHERE
from archcalc.build.scope import Context, Scope, arriving, caption
from archcalc.build.wide import wide_inputs
from archcalc.errors import Mark, Problem, SpecError, UsageError, suggest
from archcalc.graph import Graph, Group, Input
from archcalc.ops.kinds import show
from archcalc.spec.items import Branches, Chain, Choice, Item, Labelled, Repeat, labels
from archcalc.spec.layers import ARRIVING
from archcalc.spec.options import SUFFIXES
from archcalc.spec.parts import Head, Layer
from archcalc.spec.words import Line, Word


class Builder(Labels):
    """Builds one graph of a spec."""

    def build(self) -> Graph:
        """The whole graph; raises with every mistake."""
        self.graph.notes.extend(self.spec.notes)
        context = Context(dict(self.binding.values), Scope("", self.spec.layers))
        for name, words in self.spec.inputs.items():
            self.input(name, words, context)
        first = next(iter(self.graph.inputs.values()), None) if len(self.spec.inputs) == 1 else None
        last = self.item(self.spec.layers, first, context)
        self.outputs(last)
        for head in self.spec.heads if self.train else ():
            self.head(head, context)
        if self.problems:
            raise SpecError(self.problems.values())
        self.check_left_out()
        self.graph.assumed = list(shares(self.shares))
        return self.graph

    def check_left_out(self) -> None:
        """A label to leave out that was never met is a mistake: the variant's, or the one's who asked."""
        for label in [label for label, met in self.without.items() if not met]:
            message = self.unmet(label)
            if label in self.binding.without:
                raise SpecError([Problem(message, self.binding.without[label])])
            raise UsageError(message)

    def unmet(self, label: str) -> str:
        """Why a label can't be left out."""
        if label in self.spec.inputs:
            return f"'{label}' is an input, which can't be left out"
        head = next((head.label for head in self.spec.heads if f"{label}/".startswith(f"{head.label}/")), None)
        if head is not None and not self.train:
            return f"there is no layer '{label}' to leave out: the train head '{head}' is counted with --train only"
        return f"there is no layer '{label}' to leave out{suggest(label, set(self.results) - set(self.spec.inputs))}"

    # ---- inputs and outputs ------------------------------------------------------------------------------------------

    def input(self, name: str, words: tuple[Word, ...], context: Context) -> None:
        """Add an input with a shape a sample, or note what is wrong with its sizes."""
        dims = []
        for word in words:
            value = self.evaluate(word, context)
            if value is FAILED:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, Poly)) or (isinstance(value, int) and value < 1):
                self.wrong(f"{name}: a size must be a positive whole number, got {show(value)}", word.mark, context)
                continue
            dims.append(value)
        if len(dims) < len(words):
            self.results[name] = None
            return
        mark = words[0].mark if words else self.spec.mark
        context = context._replace(wide=wide_inputs(self, context))
        self.graph.inputs[name] = self.add(name, Input(size_=tuple(dims)), (), tuple(dims), mark, context, name)

    def outputs(self, last: int | None) -> None:
        """Note what the network puts out: the labels under `outputs:`, else its last layer."""
        if not self.spec.outputs:
            self.graph.outputs = [last] if last is not None else []
        listed: set[str] = set()
        made: dict[int, None] = {}  # the layers that are put out, in order
        for word in self.spec.outputs:
            if word.text not in self.results:
                self.unknown(f"outputs: there is no label '{word.text}'", word.text, word.mark, NOWHERE)
            elif word.text in listed:
                self.wrong(f"outputs: '{word.text}' is listed twice", word.mark, NOWHERE)
            elif (found := self.outside(word.text, self.results[word.text], (), word.mark, NOWHERE)) is not None:
                made[found] = None
            listed.add(word.text)
        self.graph.outputs += made

    def head(self, head: Head, context: Context) -> None:
        """Build a head that only training has, from the layer that it reads."""
        if head.label in self.results:
            self.wrong(f"train head '{head.label}' has the name of a layer", head.mark, context)
        if head.source not in self.results:
            self.unknown(
                f"train head '{head.label}': there is no label '{head.source}'", head.source, head.source_mark, context
            )
            return
        source = self.outside(head.source, self.results[head.source], (), head.source_mark, context)
        if self.left_out(head.label, source, context):
            return
        scope = Scope(head.label, head.layers)
        inner = Context(dict(self.binding.values), scope, head=True)
        output = self.item(head.layers, source, inner)
        self.group(head.label, f"train head on {head.source}", head.mark, output)

    # ---- items -------------------------------------------------------------------------------------------------------

    def item(self, item: Item, current: int | None, context: Context, label: str | None = None) -> int | None:
        """Build an item of any kind from the layer `current`; gives the position of what it puts out, None after noting
        a mistake.
        """
        self.steps += 1
        if self.steps > 4 * MOST_LAYERS:
            self.too_many(f"more than {MOST_LAYERS:,} layers", item.mark, context)
        if isinstance(item, Line):
            result = self.line(item, current, context, label)
        elif isinstance(item, Labelled):
            result = self.labelled(item, current, context, label)
        elif isinstance(item, Branches):
            result = self.branches(item, current, context, label)
        elif isinstance(item, Repeat):
            result = self.repeat(item, current, context, label)
        elif isinstance(item, Choice):
            result = self.choice(item, current, context, label)
        elif label is not None:
            result = self.scoped(
                label, caption(item), item.mark, context, item, lambda inner: self.chain(item, current, inner)
            )
        else:
            result = self.chain(item, current, context)
        if result is not None and self.until and label is not None:
            self.reach(context.scope.prefix + label, result)
        if result is None and not self.problems and not self.resolver.problems:
            names = " or ".join(f"`ref {name}`" for name in self.graph.inputs)
            self.wrong(f"start from {names}: there are several inputs", item.mark, context)
        return result

    def reach(self, path: str, output: int) -> None:
        """Raises Reached where this is the layer that a spec is used until."""
        if path == self.until:
            raise uses.Reached(path, output)

    def chain(self, item: Chain, current: int | None, context: Context) -> int | None:
        """Build items one after another, each from what the one before puts out."""
        if item is self.spec.layers and self.resolver.earlier is not None:
            from archcalc.build import begun  # for editors alone

            if begun.is_kept(self):
                return begun.whole(self, item, current, context)
        for inner in item.items:
            current = self.item(inner, current, context)
        return current

    def choice(self, item: Choice, current: int | None, context: Context, label: str | None) -> int | None:
        """Build the one of two items that the condition chooses."""
        self.with_channels(context.env, current)
        value = self.evaluate(item.condition, context)
        if value is FAILED:
            return None
        if not isinstance(value, bool):
            self.wrong(f"if needs a comparison, got {show(value)}", item.condition.mark, context)
            return None
        return self.item(item.then if value else item.otherwise, current, context, label)

    def labelled(self, item: Labelled, current: int | None, context: Context, label: str | None) -> int | None:
        """Build an item whose layers have its label before their names."""
        if label is not None:  # a labelled item that is repeated: `stage/2/label`
            return self.scoped(
                label, "", item.mark, context, item, lambda inner: self.labelled(item, current, inner, None)
            )
        path = context.scope.prefix + item.label
        if path in self.results or path in self.open:
            self.wrong(
                f"label '{path}' is {'the name of an input' if path in self.spec.inputs else 'used twice'}",
                item.mark,
                context,
            )
            return None
        if path in self.without:
            current = self.arriving(item.item, current, context)
        if self.left_out(path, current, context, item.item):
            return current
        self.open.append(path)
        result = self.item(item.item, current, context, item.label)
        self.open.pop()
        self.results[path] = result
        if result is not None and self.until:
            self.reach(path, result)
        return result

    def arriving(self, item: Item, current: int | None, context: Context) -> int | None:
        """What an item reads: what comes before it, or the `ref` that it begins with."""
        first = item
        while isinstance(first, Labelled) or (isinstance(first, Chain) and first.items):
            first = first.item if isinstance(first, Labelled) else first.items[0]
        layer = self.resolver.of(first) if isinstance(first, Line) else None
        if (
            layer is None or not layer.meaning.label or (first is item and current is not None)
        ):  # a `ref` of its own is left out itself
            return current
        return self.ref(layer.line.words[0], context)

    def scoped(
        self, label: str, text: str, mark: Mark, context: Context, body: Item, inside: Callable[[Context], int | None]
    ) -> int | None:
        """Build something in a scope of its own, and note it as a group."""
        path = context.scope.prefix + label
        output = inside(context._replace(scope=context.scope.inner(path, body)))
        self.group(path, text, mark, output)
        return output

    def group(self, path: str, text: str, mark: Mark, output: int | None) -> None:
        """Note a named group of layers, and what it puts out."""
        self.results.setdefault(path, output)
        if output is not None:
            self.graph.groups[path] = Group(path, text, self.placed or mark, output)

    def repeat(self, item: Repeat, current: int | None, context: Context, label: str | None) -> int | None:
        """Build an item several times in a row: a number of times, or as a loop where the count is free."""
        count = self.evaluate(item.count, context._replace(env=self.with_channels(context.env, current)))
        if count is FAILED:
            return None
        if isinstance(count, Poly) and integral(count):
            return None if current is None else self.looped(label, count, item, current, context)
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            self.wrong(f"a layer is repeated a whole number of times, got {show(count)}", item.count.mark, context)
            return None
        if count > MOST_LAYERS:
            self.too_many(
                f"{count:,} repeats are more than the {MOST_LAYERS:,} layers that a network may have",
                item.count.mark,
                context,
            )
        context = context._replace(times=context.times * max(count, 1))
        if context.times > MOST_LAYERS:
            most = f"the {MOST_LAYERS:,} layers that a network may have"
            message = f"repeats in repeats, {context.times:,} in all, are more than {most}"
            self.too_many(message, item.count.mark, context)
        if label is not None:
            return self.numbered(label, count, item, current, context)
        return self.times(count, item.item, current, context, False)

    def numbered(self, label: str, count: int, item: Repeat, current: int | None, context: Context) -> int | None:
        """A labelled repeat is a group of `label/1`, `label/2` ..., named in full where all are the same: `3 x conv 512
        3x3`.
        """
        path, start = context.scope.prefix + label, len(self.graph.nodes)
        inner = context._replace(scope=context.scope.inner(path, Chain(item.mark, ())))
        output = self.times(count, item.item, current, inner, True)
        self.repeated(path, str(count), [f"{path}/{n + 1}" for n in range(count)], item, start, output)
        return output

    def looped(self, label: str | None, count: Poly, item: Repeat, current: int, context: Context) -> int | None:
        """A repeat as often as a free parameter says: a group of the repeats that are alike, and those that are not."""
        if label is None:
            label = context.scope.name("repeat")
            context.scope.uncounted()
            for name in labels(item.item):
                self.wrong(
                    f"label '{context.scope.prefix}{name}' is used twice; label the repeat as well", item.mark, context
                )
        path, start = context.scope.prefix + label, len(self.graph.nodes)
        known = set(self.graph.groups)
        from archcalc.build import loops  # few networks have one

        output = loops.repeat(self, item, count, current, context, path)
        inner = [name for name in self.graph.groups if name not in known and name.rpartition("/")[0] == path]
        self.repeated(path, unicode(count), inner, item, start, output)
        return output

    def repeated(
        self, path: str, count: str, inner: Iterable[str], item: Repeat, start: int, output: int | None
    ) -> None:
        """Note repeats as a group; `inner` are the paths that each of them may have as a group."""
        distinct = {
            (id(node.op), len(node.shape)): node
            for node in self.graph.nodes[start:]
            if node.name == node.line and node.op.word
        }
        made = {node.op.line(rank=rank - 1) for (_, rank), node in distinct.items()}
        called = {self.graph.groups[name].text for name in inner if name in self.graph.groups}
        same = called or made if isinstance(item.item, Line) else set()
        self.group(path, f"{count} x {same.pop() if len(same) == 1 else caption(item.item)}", item.mark, output)

    def times(self, count: int, item: Item, current: int | None, context: Context, numbered: bool) -> int | None:
        """Build an item that often, with `i`, `first` and `last` known in it."""
        env = dict(context.env)
        context = context._replace(env=env)
        for i in range(count):
            env["i"], env["first"], env["last"] = i, i == 0, i == count - 1
            if numbered and self.left_out(f"{context.scope.prefix}{i + 1}", current, context, item):
                continue
            current = self.item(item, current, context, str(i + 1) if numbered else None)
            if current is None:
                break
        return current

    def branches(self, item: Branches, current: int | None, context: Context, label: str | None) -> int | None:
        """Build the branches that an operator joins, or the body that it is made of."""
        layer = self.resolver.of(item.line)
        if layer is not None and layer.meaning.control and not self.when(layer, current, context):
            return current
        if layer is not None and layer.op is not None and layer.op.has_body:
            return branches.bodied(self, item, layer, current, context, label)
        if label is None:
            return branches.joined(self, item, layer, current, context, None)
        inner = context._replace(scope=context.scope.inner(context.scope.prefix + label, Chain(item.mark, item.items)))
        output = branches.joined(self, item, layer, current, inner, context.scope.prefix + label)
        self.group(context.scope.prefix + label, item.line.begins, item.mark, output)
        return output

    # ---- lines -------------------------------------------------------------------------------------------------------

    def with_channels(self, env: dict[str, object], current: int | None) -> dict[str, object]:
        """What is known, with the sizes of what arrives under their names."""
        if current is not None:
            shape = self.graph.nodes[current].shape
            if (sizes := self.arrived.get(shape)) is None:
                sizes = self.arrived[shape] = dict(zip(ARRIVING, arriving(shape), strict=False))
            env.update(sizes)
        else:
            for name in ARRIVING:
                env.pop(name, None)
        return env

    def line(self, line: Line, current: int | None, context: Context, label: str | None) -> int | None:
        """Build a line: a layer, a call of a block, a reference to a label or the use of another spec."""
        layer = self.resolver.of(line)
        if layer is None:
            return None
        if layer.meaning.label:
            return self.ref(layer.line.words[0], context)
        if current is None:
            self.without_input(layer, context)
            return None
        self.with_channels(context.env, current)
        if layer.meaning.control:
            if not self.when(layer, current, context):
                return current
            context = self.kept(layer, context)
        if layer.meaning.op is not None:
            return self.operator(
                layer, (current,), context, context.scope.prefix + label if label is not None else None
            )
        if layer.meaning.block is not None:
            return calls.call(self, layer, layer.meaning.block, current, context, label)
        if layer.meaning.used is not None:
            return uses.use(self, layer, layer.meaning.used, current, context, label)
        return current

    def without_input(self, layer: Layer, context: Context) -> None:
        """A line after a mistake: its own expressions can still be wrong."""
        self.with_channels(context.env, None)
        if (
            self.problems
            and layer.op
            and not any("cin" in word.expression.names for word in (*layer.values.values(), *layer.variadic))
        ):
            self.made(layer, context)
        for kind in SUFFIXES:
            if word := layer.option(kind):
                self.suffix(kind, word, context)

    def when(self, layer: Layer, current: int | None, context: Context) -> bool:
        """Whether a line is there at all, as its `when=` says."""
        word = layer.option("when")
        if word is None:
            return True
        self.with_channels(context.env, current)
        value = self.evaluate(word, context)
        if value is FAILED:
            return True
        if not isinstance(value, bool):
            self.wrong(f"when needs a comparison, got {show(value)}", word.mark, context)
        return bool(value)
