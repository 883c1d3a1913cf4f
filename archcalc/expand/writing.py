"""A counted network as a spec: `archcalc import`.

Layers that repeat are folded. What is written is read back and counted, and it has to come to the same, layer by layer
in total; a network that folding can't write is written flat.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from archcalc import escapes
from archcalc.algebra import Number
from archcalc.build import build
from archcalc.cost import Table
from archcalc.errors import ArchcalcError, UsageError
from archcalc.expand.arranging import Arranger, TooDeep
from archcalc.expand.blocks import Block, Finder
from archcalc.expand.flat import sharing
from archcalc.expand.folding import folded, nodes_of, with_suffixes
from archcalc.expand.items import Called, Item, Items, Join, Line, Ref, Repeat, inside
from archcalc.expand.lending import LENDER, borrowed
from archcalc.expand.lowering import lowered
from archcalc.expand.words import MARK
from archcalc.graph import Graph, Input
from archcalc.memory import alike
from archcalc.ops import JOINS, OPS, Op
from archcalc.ops.base import UNSHOWN, spell
from archcalc.ops.merge import Concat
from archcalc.spec import bind, read_spec
from archcalc.spec.layers import IDENTITY, REF

LONGEST_LINE = 100  # of branches on one line
LONGEST_SHARING = 120  # where they say whose weights they use, by a path
WAYS = ("folded", "nested", "flat")  # with blocks and repeats, branches inside branches, one layer after another
BROKEN = "\n"  # in the place of what can't stand in brackets
SAME = ("params", "buffers", "macs", "elementwise", "activations", "depth", "depth_with_pooling", "layers")
KEPT = "act_sum_bytes"


def spec_text(table: Table, defaults: Mapping[str, object], source: str = "") -> str:
    """The YAML of a spec that counts as the table does. `defaults` are the values of its free sizes, which become
    parameters.

    Raises UsageError for a network that the language can't hold.
    """
    if table.graph.uncounted:
        raise UsageError(
            f"{table.spec.path} holds what can't be counted, and a spec must be complete:"
            f" {'; '.join(map(str, table.graph.uncounted))}"
        )
    missing = [name for name in table.free if name not in defaults]
    if missing:
        name, node = missing[0], table.graph.found_at.get(missing[0])
        known = f", a size that only a run of node {node} tells," if node else ""
        raise UsageError(f"{name}{known} needs a value: --set {name}=..., which a spec has as the parameter's default")
    if not table.graph.inputs:
        raise UsageError(
            f"{table.spec.path}: no input of it holds any numbers, and a spec has at least one: what it puts out is"
            " known before it runs"
        )
    table = table._replace(graph=alike(table.graph))  # a line of a spec says no width that a file gives one tensor
    spoken = lowered(table.graph)
    graph, problem = _growing(spoken), ""
    notes: list[str] = []
    wanted = {name: table.total(name) * 1 for name in SAME}
    wanted[KEPT] = Table(table.spec, table.variant, table.binding, spoken, dtype=table.dtype).total(KEPT) * 1
    if wanted[KEPT] != table.total(KEPT):
        kept = f"training keeps {table.total(KEPT)} bytes of what was imported"
        notes = [f"{kept}; by what opaque layers here say, {wanted[KEPT]} in all"]
    runs = (False, True) if any(_says_run(node.op) for node in graph.nodes) else (False,)
    for way, run in product(WAYS, runs):
        try:
            text = "\n".join(_Writer(table, graph, defaults, source, way, run).lines(notes)) + "\n"
            problem = _difference(text, table, wanted)
        except (ArchcalcError, TooDeep, RecursionError) as error:
            problem = str(error)
        if not problem:
            return text
    raise UsageError(f"{table.spec.path}: no spec that counts the same: {problem}")


def _says_run(op: Op) -> bool:
    """Whether an operator has an option that says how it is run: what training keeps may go by it."""
    return any(op.fields[name].default != getattr(op, name) for name in UNSHOWN if name in op.fields)


def _growing(graph: Graph) -> Graph:
    """A concatenation of what another one joined already, and one thing more, joins those two: DenseNet's files list
    all of them.
    """
    nodes, known = list(graph.nodes), dict[tuple[str, tuple[int, ...]], int]()
    for n, node in enumerate(nodes):
        if isinstance(node.op, Concat):
            line = node.op.signature
            before = known.get((line, node.inputs[:-1]))
            known[line, node.inputs] = n
            if before is not None:
                nodes[n] = node._replace(inputs=(before, node.inputs[-1]))
    return graph._replace(nodes=nodes)


def _difference(text: str, table: Table, wanted: Mapping[str, Number]) -> str:
    """In what the written spec differs from the totals that it should have; nothing if it counts the same."""
    spec = read_spec(text, "the spec that was written")
    binding = bind(spec, None, {}, [name for name in table.free if name in spec.parameters])
    again = Table(spec, None, binding, build(spec, binding))
    for name, total in wanted.items():
        if again.total(name) != total:
            return f"{name} would be {again.total(name)}, not {total}"
    return ""


class _Writer:
    """Writes one spec."""

    def __init__(
        self, table: Table, graph: Graph, defaults: Mapping[str, object], source: str, way: str, run: bool
    ) -> None:
        self.table, self.graph, self.defaults, self.source, self.run = table, graph, defaults, source, run
        self.labels: dict[int, str] = {}
        self.paths: dict[int, str] = {}  # where layers that are read by name stand
        self.labelled: set[str] = set()  # paths that have a label
        self.used: set[str] = {*graph.inputs, *JOINS, REF, IDENTITY, *table.free}
        self.owners: dict[int, int] = {}  # whose weights a layer uses, of those that have what it has
        self.lenders = {node.share for node in graph.nodes if node.share is not None}
        arranger = Arranger(graph, [self._text(n) for n in range(len(graph.nodes))])
        self.items = arranger.one_by_one() if way == "flat" else arranger.items()
        ends = self.items[-1].node if self.items and isinstance(self.items[-1], (Line, Join)) else None
        self.outputs = [] if graph.outputs == [ends] else graph.outputs
        lending = self._lending()
        read = {*arranger.referred, *self.outputs}
        self.fixed = read | lending
        self.blocks: dict[str, Block] = {}
        if way == "folded":
            self._fold(read, lending)
        self.shown: dict[int, str] = {}  # the labels of items, by their ids
        for block in self.blocks.values():
            self.shown |= {
                id(item): self.labels[item.node]
                for item in inside(block.body)
                if isinstance(item, (Line, Join, Called)) and item.node < -1
            }
        for item in self.items:
            self._place(item, "", True)

    def _fold(self, read: set[int], lending: set[int]) -> None:
        """Blocks and repeats, for what is read by name and what lends its weights."""
        self.items = with_suffixes(self.items, self.fixed)
        scopes = [node.name for node in self.graph.nodes]
        finder = Finder(self.items, read - lending, self.outputs, lending, self.used, scopes)
        finder.lend(self.owners, read, self._is_plain)
        finder.items = self.items = folded(self.items, self.fixed)
        self.blocks = {
            name: block._replace(body=folded(block.body, finder.labels)) for name, block in finder.run().items()
        }
        self.labels |= finder.labels
        self.items = folded(self.items, self.fixed)
        self.used |= self.blocks.keys()

    def _text(self, n: int) -> str:
        node = self.graph.nodes[n]
        words = [node.op.line(rank=len(node.shape) - 1, run=self.run)] if not isinstance(node.op, Input) else [""]
        if node.frozen:
            words.append("frozen=true")
        return " ".join(words)

    def _lending(self) -> set[int]:
        """Layers whose weights others use: of those that use the same the first that is written has them, and the
        others' lines say so. Those may stand in blocks and repeats, where the lender is spoken of from outside.
        """
        owners: dict[int, int] = {}
        for item in inside(self.items):
            if not isinstance(item, (Line, Join)):
                continue
            share = self.graph.nodes[item.node].share
            if share is None and item.node not in self.lenders:
                continue
            owner = owners.setdefault(item.node if share is None else share, item.node)
            if owner != item.node:
                item.text = borrowed(item.text, owner, sharing(self.graph, item.node, owner))
                self.owners[item.node] = owner
        return {*owners.values()}

    def _is_plain(self, line: Line) -> bool:
        """Whether a line has no weights."""
        node = self.graph.nodes[line.node]
        into = self.graph.shapes_into(node)
        return line.first < 0 and not node.op.weights(*into) and not node.op.buffers(*into)

    def _label(self, n: int, first: int = -1, scope: str = "") -> str:
        """A name for a layer, unlike any other; without slashes, which are for what stands inside, and without what
        the scope has said.
        """
        if n not in self.labels:
            name = self._inner(self.graph.nodes[n if first < 0 else first].name.replace("/", "."), scope)
            while not self._is_free(name, scope):
                name += "_"
            self.labels[n] = name
            self.labelled.add(f"{scope}{name}")
        return self.labels[n]

    def _is_free(self, name: str, scope: str) -> bool:
        """Whether a label is no word of the spec, and no other's in its scope."""
        return name not in self.used and f"{scope}{name}" not in self.labelled

    def _inner(self, name: str, scope: str) -> str:
        """A layer's name inside a scope: as much of its end as tells it from others, without what the scope says."""
        if not scope:
            return name
        parts, around = name.split("."), scope.rstrip("/").rpartition("/")[2].split(".")
        said = next(
            (n for n, (a, b) in enumerate(zip(parts, around, strict=False)) if a != b), min(len(parts), len(around))
        )
        ends = (".".join(parts[n:]) for n in reversed(range(said, len(parts))))
        return next((end for end in ends if end[:1].isalpha() and end not in OPS and self._is_free(end, scope)), name)

    def _place(self, item: Item, scope: str, top: bool) -> None:
        """Decide on an item's label, and note where what is inside it stands."""
        label = self._chosen(item, top, scope)
        if label:
            self.shown[id(item)] = label
        if isinstance(item, (Line, Join, Called)) and item.node in self.fixed:
            self.paths[item.node] = f"{scope}{label}"
        if isinstance(item, Join):
            for branch in item.branches:
                for inner in branch:
                    self._place(inner, f"{scope}{label}/" if label else scope, False)

    def _chosen(self, item: Item, top: bool, scope: str) -> str:
        """The label of what is read by name, and of what stands in the list of layers itself."""
        if isinstance(item, (Line, Join, Called)) and item.node in self.fixed:
            whole = "" if isinstance(item, Line) else self._common(item)
            if whole and item.node not in self.labels and self._is_free(name := self._inner(whole, scope), scope):
                self.labels[item.node] = name
                self.labelled.add(f"{scope}{name}")
            return self._label(item.node, item.first if not isinstance(item, Called) else -1, scope)
        if not top or isinstance(item, Ref):
            return ""
        if isinstance(item, Line):
            return self._label(item.node, item.first)
        if any(isinstance(inner, (Line, Join, Called)) and inner.node in self.fixed for inner in inside([item])):
            return ""
        name = self._common(item)
        if not name or not self._is_free(name, scope):
            return ""
        self.labelled.add(f"{scope}{name}")
        return name

    def _words(self, item: Line | Join | Called) -> str:
        """An item's own words; where it uses the weights of another layer, with where that stands."""
        if LENDER not in item.text:
            return item.text
        before, owner, after = item.text.split(LENDER)
        return f"{before}{self._path(int(owner))}{after}"

    def _path(self, n: int) -> str:
        if n < 0:  # in a block
            return self.labels[n]
        node = self.graph.nodes[n]
        return node.name if isinstance(node.op, Input) else f"/{self.paths[n]}"

    def lines(self, notes: Sequence[str] = ()) -> Iterator[str]:
        """The spec's, with notes under its name."""
        if self.source:
            yield f"# made by `archcalc import` from {escapes.line(self.source)}"
        yield "archcalc: 1"
        yield f"name: {escapes.yaml(self.table.name)}"
        yield from (f"# {note}" for note in notes)
        inputs = {
            name: f"[{', '.join(spell(dim, True) for dim in self.graph.nodes[n].shape)}]"
            for name, n in self.graph.inputs.items()
        }
        if len(inputs) == 1 and "input" in inputs:
            yield f"input: {inputs['input']}"
        else:
            yield "inputs:"
            yield from (f"  {name}: {dims}" for name, dims in inputs.items())
        if self.table.dtype != "fp32":
            yield f"defaults: {{dtype: {self.table.dtype}}}"
        if self.table.free:
            yield "params:"
            yield from (f"  {name}: {self.defaults[name]}" for name in self.table.free)
        if self.blocks:
            yield "blocks:"
        for name, (arguments, body) in self.blocks.items():
            yield f"  {name}{'(' + ', '.join(arguments) + ')' if arguments else ''}:"
            yield from (line.replace(MARK, "") for line in self._items(body, "    "))
        yield "layers:"
        yield from self._items(self.items or [Ref(next(iter(self.graph.inputs.values())))], "  ")
        if self.outputs:
            yield f"outputs: [{', '.join(self._path(n).removeprefix('/') for n in self.outputs)}]"

    def _items(self, items: Items, indent: str) -> Iterator[str]:
        for item in items:
            flow = self._on_one_line(item, len(indent))
            found = [flow] if flow else list(self._item(item))
            yield f"{indent}- {found[0]}"
            yield from (f"{indent}  {line}" for line in found[1:])

    def _item(self, item: Item) -> Iterator[str]:
        """An item's lines, the first without its dash."""
        label = self.shown.get(id(item), "")
        if isinstance(item, Ref):
            yield f"ref {self._path(item.node)}"
        elif isinstance(item, (Line, Called)):
            text = self._words(item)
            yield f"{label}: {_scalar(text)}" if label else _scalar(text)
        elif isinstance(item, Repeat) and len(item.items) == 1 and isinstance(item.items[0], (Line, Called)):
            text = f"{item.count} x {self._words(item.items[0])}"
            yield f"{label}: {_scalar(text)}" if label else _scalar(text)
        else:
            if label:
                yield f"{label}:"
            head = f"{item.count} x" if isinstance(item, Repeat) else _scalar(self._words(item))
            indent = "  " if label else ""
            yield f"{indent}{head}:"
            if isinstance(item, Repeat):
                yield from self._items(item.items, f"{indent}  ")
            else:
                for branch in item.branches:
                    yield from self._branch(branch, f"{indent}  ")

    def _on_one_line(self, item: Item, indent: int) -> str:
        """Branches or a repeat as one line, its label before; nothing if that is too long, or can't be written so."""
        label = self.shown.get(id(item), "")
        if isinstance(item, (Ref, Line, Called)) or _is_short(item):
            return ""
        text = self._flow(item)
        text = f"{label}: {text}" if label else text[1:-1]
        longest = LONGEST_SHARING if "share=" in text else LONGEST_LINE
        return text if text and indent + len(text) <= longest and BROKEN not in text else ""

    def _flow(self, item: Item) -> str:
        """An item inside of brackets."""
        if isinstance(item, Ref):
            text = f"ref {self._path(item.node)}"
        elif isinstance(item, (Line, Called)):
            text = self._words(item)
        elif isinstance(item, Repeat) and len(item.items) == 1 and isinstance(item.items[0], (Line, Called)):
            text = f"{item.count} x {self._flow(item.items[0])}"
        else:
            branches = [item.items] if isinstance(item, Repeat) else item.branches
            inner = ", ".join(map(self._flow_branch, branches))
            text = self._words(item) if isinstance(item, Join) else f"{item.count} x"
            head = f"{text}: {inner}" if isinstance(item, Repeat) else f"{text}: [{inner}]"
            return f"{{{head}}}" if _is_plain(text) else BROKEN
        is_named = isinstance(item, (Line, Called)) and id(item) in self.shown
        return text if _is_plain(text) and not is_named else BROKEN

    def _flow_branch(self, branch: Items) -> str:
        if len(branch) == 1 and not isinstance(branch[0], Repeat):
            return self._named_flow(branch[0])
        return f"[{', '.join(map(self._named_flow, branch))}]" if branch else IDENTITY

    def _named_flow(self, item: Item) -> str:
        return BROKEN if id(item) in self.shown else self._flow(item)

    def _branch(self, branch: Items, indent: str) -> Iterator[str]:
        if not branch:
            yield f"{indent}- {IDENTITY}"
        elif len(branch) == 1:
            yield from self._items(branch, indent)
        else:
            inner = list(self._items(branch, ""))
            yield f"{indent}- {inner[0]}"
            yield from (f"{indent}  {line}" for line in inner[1:])

    def _common(self, item: Item) -> str:
        """The scope that all layers of an item stand in."""
        nodes = nodes_of(item)
        paths = [self.graph.nodes[n].name.split("/")[:-1] for n in nodes]
        shared = []
        for parts in zip(*paths, strict=False):
            if len(set(parts)) > 1:
                break
            shared.append(parts[0])
        return ".".join(shared)


def _is_short(item: Item) -> bool:
    """Whether an item is a repeat of a line: `3 x conv 8 3x3`."""
    return isinstance(item, Repeat) and len(item.items) == 1 and isinstance(item.items[0], (Line, Called))


def _is_plain(text: str) -> bool:
    """Whether a text needs no quotes in brackets, and isn't cut there."""
    return not set(text) & set(",:[]{}#\"'&*!|>%`?") - {"*"} and text[:1] != "*"


def _scalar(text: str) -> str:
    """A line as YAML: in quotes if it needs them."""
    if ": [" in text:  # a layer with a body
        return "{" + text + "}"
    plain = text[:1].isalnum() and ": " not in text and " #" not in text and not text.endswith(":")
    return text if plain else escapes.yaml(text)


__all__ = ["spec_text"]
