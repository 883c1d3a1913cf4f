"""Labels: the nodes that they stand for, where they may be read."""

from __future__ import annotations

from archcalc.algebra import Poly
from archcalc.build.nodes import FAILED, Nodes
from archcalc.build.scope import Context
from archcalc.errors import Mark, suggest
from archcalc.graph import Range
from archcalc.ops import Op
from archcalc.ops.kinds import show
from archcalc.spec.layers import indices
from archcalc.spec.options import LIKE
from archcalc.spec.parts import Layer
from archcalc.spec.words import Word


class Labels(Nodes):
    """Reads what was built before, by its labels."""

    def ref(self, word: Word, context: Context, what: str = "ref ") -> int | None:
        """The node that a label stands for, None after noting a mistake: `what` the label is told by."""
        label = self.indexed(word, context, what)
        if label is None:
            return None
        for path in context.scope.paths(label):
            if path in self.results:
                return self.outside(path, self.results[path], context.ranges, word.mark, context)
            if path in self.open:
                self.wrong(f"{what}{label}: a cycle, it would read what it is part of", word.mark, context)
                return None
        if label.lstrip("/") in self.spec.labels:
            self.wrong(f"{what}{label}: it comes later; only earlier outputs can be read", word.mark, context)
        else:
            self.unknown(f"{what}{label}: there is no such label", label, word.mark, context)
        return None

    def indexed(self, word: Word, context: Context, what: str = "ref ") -> str | None:
        """A label with the values of the expressions in it: `stage/(i)/low` is `stage/2/low` in the third repeat."""
        label = word.text
        for part in indices(word):
            value = self.evaluate(part, context)
            if value is FAILED:
                return None
            if not isinstance(value, int) or isinstance(value, bool):
                symbols = tuple(value.symbols) if isinstance(value, Poly) else ()
                message = f"{what}{word.text}: an index is a whole number, got {show(value)}"
                self.wrong(message, part.mark, context, symbols)
                return None
            label = label.replace(part.text, str(value), 1)
        return label

    def outside(
        self, path: str, found: int | None, ranges: tuple[Range, ...], mark: Mark, context: Context
    ) -> int | None:
        """A node that something outside of the loops around it reads stands for all their repeats: there is no such
        tensor.
        """
        inside = self.graph.nodes[found].ranges if found is not None else ()
        if inside == ranges[: len(inside)]:
            return found
        counts = sorted(
            {
                symbol
                for around in inside
                for symbol in getattr(around.stop, "symbols", ())
                if symbol in self.binding.free
            }
        )
        names = ", ".join(f"`{name}`" for name in counts)
        self.wrong(
            f"{path} stands for as many repeats as {names} says; bind it with --set", mark, context, tuple(counts)
        )
        return None

    def unknown(self, message: str, label: str, mark: Mark, context: Context) -> None:
        """A label that there isn't; perhaps it is that of a single repeat, which are not built one by one where their
        number is free.
        """
        if self.is_consequence(label, context):
            return
        for loop in self.graph.loops.values():
            path = self.graph.nodes[loop.entry].name.rpartition("/")[0]
            if label.startswith(f"{path}/") and isinstance(loop.range.stop, Poly):
                counts = tuple(sorted(loop.range.stop.symbols & set(self.binding.free)))
                named = " and ".join(f"`{name}`" for name in counts)
                self.wrong(
                    f"{message}: the repeats of {path} are alike and built as one; bind {named} with --set",
                    mark,
                    context,
                    counts,
                )
                return
        top = context.scope.top
        single = [
            name.removeprefix(top)
            for name, found in self.results.items()
            if name.startswith(top) and (found is None or not self.graph.nodes[found].ranges)
        ]
        self.wrong(f"{message}{suggest(label, single)}", mark, context)

    def made(self, layer: Layer, context: Context, given: dict[str, object] | None = None) -> Op | None:
        """The operator of a line; with `like=LABEL` it has the spatial size of another layer."""
        word = layer.option(LIKE) if layer.meaning.control else None
        if word is None or layer.op is None:
            return super().made(layer, context, given)
        found = self.ref(word, context, f"{LIKE}=")
        if found is None:
            return None
        size = self.graph.nodes[found].shape[1:]
        if not size:
            self.wrong(f"{LIKE}={word.text}: it is a vector, which has no spatial size", word.mark, context)
            return None
        return super().made(layer, context, {layer.op.may_be_like: size if len(size) > 1 else size[0]})
