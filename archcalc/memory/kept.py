"""What training keeps of the forward pass: what PyTorch's autograd saves, byte for byte.

Each operator says what its backward pass needs (`saves`): its inputs, its output, tensors of its own. A tensor that
several layers need is kept once; a view, and what is written over its input, is the memory that it shows, and that is
kept whole. Nothing is kept where no gradient is wanted, and weights and buffers are there anyway.

Under mixed precision (`torch.autocast` on CUDA) a layer that is computed in half precision keeps a copy in it of every
input that isn't, and one that is computed in fp32 the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from fractions import Fraction

from archcalc.algebra import Dim, Number, at, summed
from archcalc.errors import Undecided
from archcalc.graph import Given, Graph, Loop, Node
from archcalc.ops import Shape, size
from archcalc.ops.attention import Attention
from archcalc.ops.base import HALF, SINGLE, Own, Saved
from archcalc.ops.widths import WHOLE
from archcalc.records import Record
from archcalc.tuples import NamedTuple

POOLED = "AdaptiveAvgPool2d"  # PyTorch code pools to the size that a map has already, which makes a copy of it
FEW = 8  # inputs of a layer that may be like another
SCALED = "scaled_dot_product_attention"

KEPT = "what PyTorch's autograd saves for gradients, each tensor once; no weights"
Written = Callable[[Node], str]  # how PyTorch code writes a layer


class Widths(NamedTuple):
    """The bytes of a number: as the network is written, and whether autocast chooses between half and single."""

    own: int = SINGLE
    autocast: bool = False

    @property
    def computed(self) -> int:
        """The bytes of a number in what products are made of."""
        return HALF if self.autocast else self.own


class Memory(Record, frozen=False):
    """A stretch of memory that tensors stand in: its elements, their width, the layer that wrote it, and those that
    keep it. What is made of weights alone is there `once` for the batch.
    """

    elements: Dim
    width: int
    writer: int
    keepers: list[int] = []
    once: bool = False

    @property
    def bytes(self) -> Dim:
        """Of a sample, or once."""
        return self.elements * self.width


class Recomputed(NamedTuple):
    """The most bytes of activations that are kept at once, and the layers that are computed a second time."""

    kept: Dim
    again: frozenset[int]


class Keeping(NamedTuple):
    """What every layer keeps, by position, and how many repeats of each loop that speaks of.

    `own` is what it keeps beside memory that tensors stand in, and `memories` is that memory, by the tensor's position.
    """

    layers: dict[int, Kept]
    least: dict[Loop, int]
    own: dict[int, Kept]
    memories: list[Memory]


class Kept(NamedTuple):
    """What a layer keeps that no layer before it does: bytes a sample, bytes once for the batch, and what that is."""

    sample: Dim = 0
    once: Dim = 0
    why: tuple[str, ...] = ()

    def of(self, batch: Dim) -> Dim:
        """The bytes for a batch."""
        return self.sample * batch + self.once


NOTHING = Kept()


class _State(NamedTuple):
    """What is known of a tensor as it arrives: its memory, the width that it has, and whether something before it
    learns.
    """

    memory: Memory
    width: int
    learns: bool

    @property
    def decides(self) -> tuple[int, int, bool, bool]:
        """What another repeat of a loop depends on."""
        return self.memory.width, self.width, bool(self.memory.keepers), self.learns


def kept(graph: Graph, widths: Widths, written: Written = lambda node: "module", train: bool = True) -> Keeping:
    """What every layer keeps, all repeats of a loop together; only in training may branches be dropped.

    Raises Undecided where repeats of a loop differ too much for a closed form.
    """
    keeper = _Keeper(graph, widths, written, train)
    layers = keeper.walk(0, len(graph.nodes))
    return Keeping(layers, keeper.least, keeper.own, [state.memory for state in keeper.states])


class _Asked(NamedTuple):
    """What a layer asks of the memory around it: what it `found` to be kept, what of that is its `own`, the inputs
    whose memory it keeps, and how often it keeps its output's; what that memory is, whether it is the first input's
    `over` again, and whether what comes out is `copied` once more.
    """

    found: Kept
    own: Kept
    inputs: tuple[int, ...]
    output: int
    elements: Dim
    width: int
    once: bool
    learns: bool
    over: bool
    copied: bool

    def memory(self, writer: int) -> Memory:
        """Of its own."""
        return Memory(self.elements, self.width, writer, once=self.once)


class _Keeper:
    """Walks a graph in order, with the memory that every tensor stands in."""

    def __init__(self, graph: Graph, widths: Widths, written: Written, train: bool) -> None:
        self.graph, self.widths, self.written = graph, widths, written
        self.drops = train and any(node.survive != 1 for node in graph.nodes)  # whether any branch may be
        self.states: list[_State] = []
        self.least: dict[Loop, int] = {}
        self.own: dict[int, Kept] = {}
        self.alike: dict[Kept, Kept] = {}  # layers keep alike: one object for all that do
        self.asked: dict[Hashable, _Asked] = {}  # and are alike: one is asked for all that are

    def walk(self, first: int, stop: int) -> dict[int, Kept]:
        found: dict[int, Kept] = {}
        for part in self.graph.parts(first, stop):
            if isinstance(part, Loop):
                found |= self._repeated(part)
            else:
                found |= {n: self._layer(n) for n in part}
        return found

    def _put(self, n: int, state: _State) -> None:
        self.states[n : n + 1] = [state]

    def _layer(self, n: int) -> Kept:
        node = self.graph.nodes[n]
        if isinstance(node.op, Given):
            width = self._own(node)
            self._put(n, _State(Memory(size(node.shape), width, n), width, False))
            return NOTHING
        arriving = [self.states[i] for i in node.inputs]
        key = self._key(node, arriving)
        asked = None if key is None else self.asked.get(key)
        if asked is None:
            asked = self._asked(n, node, arriving)
            if key is not None:
                self.asked[key] = asked
        memory = arriving[0].memory if asked.over else asked.memory(n)
        for position in asked.inputs:
            arriving[position].memory.keepers.append(n)
        memory.keepers.extend([n] * asked.output)
        self._put(n, _State(asked.memory(n) if asked.copied else memory, asked.width, asked.learns))
        if asked.own.why:
            self.own[n] = asked.own
        else:
            self.own.pop(n, None)
        return asked.found

    def _key(self, node: Node, arriving: list[_State]) -> Hashable:
        """What a layer's word on memory follows from: its operator, shapes, and what arrives. None where inputs are
        many or stand in the same memory, and where branches are dropped.
        """
        if len(arriving) > FEW or (self.drops and any(self._is_skipped(node, i) for i in node.inputs)):
            return None
        if len(arriving) > 1 and len({id(state.memory) for state in arriving}) < len(arriving):
            return None
        nodes = self.graph.nodes
        key: list[object] = [id(node.op), id(node.shape), node.frozen, node.dtype, self.written(node)]
        for i, (memory, width, learns) in zip(node.inputs, arriving, strict=True):
            key += (id(nodes[i].shape), memory.elements, memory.width, memory.once, not memory.keepers, width, learns)
        return tuple(key)

    def _asked(self, n: int, node: Node, arriving: list[_State]) -> _Asked:
        """What a layer asks of the memory around it."""
        shapes = self.graph.shapes_into(node)
        dx, dw = [state.learns for state in arriving], not node.frozen and bool(node.op.weights(*shapes))
        learns = dw or any(dx)
        saved = self._saved(node, shapes, dx, dw) if learns else Saved(shows=self._shows(node))
        inner = self._width(node, arriving)
        width = SINGLE if node.op.autocast == "wide" and self.widths.autocast else inner
        over = saved.shows and bool(arriving) and arriving[0].width == width
        once = all(state.memory.once for state in arriving)
        elements = size(node.shape)
        memory = arriving[0].memory if over else Memory(elements, width, n, once=once)
        tally = _Tally(once, self.widths.autocast, inner, node.op.autocast in ("half", "single"))
        if self.drops:
            tally.dropped([state for i, state in zip(node.inputs, arriving, strict=True) if self._is_skipped(node, i)])
        inputs = saved.inputs + (() if self.widths.autocast else saved.plain)
        held = [position for position in inputs if tally.input(arriving[position], size(shapes[position]))]
        output = 0
        if saved.output:
            output += tally.memory(memory, "its output")
        for own in saved.own:
            tally.own(own)
        copied = learns and self.written(node) == POOLED
        if copied:
            output += tally.memory(memory, "its input")
        found = self.alike.setdefault(tally.found, tally.found)
        return _Asked(found, tally.own_only, tuple(held), output, elements, width, once, learns, over, copied)

    def _saved(self, node: Node, shapes: tuple[Shape, ...], dx: list[bool], dw: bool) -> Saved:
        """What a layer needs, as PyTorch code writes it."""
        if isinstance(node.op, Attention) and not node.op.fused and self.written(node) == SCALED:
            return node.op.saves_scaled(*shapes)
        return node.op.saves(node.shape, *shapes, dx=dx, dw=dw)

    def _shows(self, node: Node) -> bool:
        """Whether a layer through which no gradient flows still stands in its input's memory."""
        wants = [True] * len(node.inputs)
        return node.op.saves(node.shape, *self.graph.shapes_into(node), dx=wants, dw=False).shows

    def _own(self, node: Node) -> int:
        """The bytes of a number that a line says, or the network's."""
        return WHOLE[node.dtype] if node.dtype else self.widths.own

    def _width(self, node: Node, arriving: list[_State]) -> int:
        """The bytes of a number in what a layer computes: its inputs' widest, unless autocast says otherwise."""
        if node.dtype or not self.widths.autocast:
            return self._own(node)
        chosen = {"half": HALF, "single": SINGLE}.get(node.op.autocast)
        return chosen or max([state.width for state in arriving], default=self.widths.own)

    def _is_skipped(self, node: Node, source: int) -> bool:
        """Whether what arrives here is a branch that training may drop: it was multiplied by one number a sample."""
        return self.graph.nodes[source].survive < node.survive

    def _repeated(self, loop: Loop) -> dict[int, Kept]:
        """What arrives at the first repeat may be kept already, or nothing may learn before it; from the second on all
        are alike.
        """
        index, start, stop = loop.range.index, loop.range.start, loop.range.stop
        source = self.states[self.graph.nodes[loop.entry].inputs[0]]
        arrived = source.decides
        self._put(loop.entry, source)
        first = self.walk(loop.entry + 1, loop.exit)
        before = self.states[loop.end].decides
        self._put(loop.entry, self._handed(loop, self.states[loop.end]))
        others = self.walk(loop.entry + 1, loop.exit)
        if self.states[loop.end].decides != before:
            self._put(loop.entry, self._handed(loop, self.states[loop.end]))
            if self.walk(loop.entry + 1, loop.exit) != others:
                name = self.graph.nodes[loop.end].block
                raise Undecided(f"what training keeps of {name} has no closed form", loop.range.index.symbols)
        if first != others or arrived != self.states[loop.end].decides:
            self.least[loop] = 1
        self._put(loop.exit, self._left(loop, self.states[loop.end]))

        def whole(one: Dim, other: Dim) -> Dim:
            return _dim(at(one, index, start) + summed(other, index, start + 1, stop))

        return {
            n: Kept(whole(one.sample, others[n].sample), whole(one.once, others[n].once), others[n].why or one.why)
            for n, one in first.items()
        }

    def _handed(self, loop: Loop, state: _State) -> _State:
        """What a repeat put out, as the next one sees it."""
        index = loop.range.index
        return state._replace(memory=_moved(state.memory, _dim(at(state.memory.elements, index, index - 1))))

    def _left(self, loop: Loop, state: _State) -> _State:
        """What the last repeat put out."""
        last = loop.range.stop - 1
        return state._replace(memory=_moved(state.memory, _dim(at(state.memory.elements, loop.range.index, last))))


class _Tally:
    """Adds up what one layer keeps, and notes what it holds: what it is told of a second time is there already."""

    def __init__(self, once: bool, autocast: bool, width: int, casts: bool) -> None:
        self.once, self.autocast, self.width, self.casts = once, autocast, width, casts
        self.found = self.own_only = NOTHING
        self.held: list[Memory] = []

    def input(self, state: _State, elements: Dim) -> bool:
        """An input: the memory that it stands in, or a copy in the width that autocast has it computed in. What takes
        numbers of different widths as they come keeps them so. Gives whether it is held itself.
        """
        if state.width == self.width or not self.casts:
            return self.memory(state.memory, "its input")
        self.own(Own("its input in another precision", elements, self.width))
        return False

    def memory(self, memory: Memory, what: str) -> bool:
        if not memory.keepers and not any(memory is held for held in self.held):
            self.found = _more(self.found, memory.bytes, what, memory.once)
        self.held.append(memory)
        return True

    def own(self, own: Own) -> None:
        width = (own.autocast if self.autocast else 0) or own.width or self.width
        if width < 0:
            return
        self.found = _more(self.found, own.elements * width, own.what, own.once or self.once)
        self.own_only = _more(self.own_only, own.elements * width, own.what, own.once or self.once)

    def dropped(self, states: list[_State]) -> None:
        """One number a sample for each branch that may be dropped, where something in it learns."""
        for state in states:
            if state.learns:
                self.own(Own("whether the branch is dropped", 1, state.width))


def _more(kept: Kept, size: Dim, what: str, once: bool = False) -> Kept:
    sample, all_, why = kept
    why = why if what in why else (*why, what)
    return Kept(sample, all_ + size, why) if once else Kept(sample + size, all_, why)


def _moved(memory: Memory, elements: Dim) -> Memory:
    """The same memory, seen from another repeat."""
    return memory if elements == memory.elements else memory._replace(elements=elements, keepers=memory.keepers[:])


def _dim(x: Number) -> Dim:
    assert not isinstance(x, Fraction)
    return x


__all__ = ["KEPT", "Keeping", "Kept", "Widths", "kept"]
