"""A network as the kernels that a runtime makes of it.

A convolution takes the normalisation, the sum and the activation that follow with it; the others run alone. On CPUs,
maps are kept in blocks of channels between layers that know how to work on these, and are turned over where one
doesn't: a kernel of its own, which no layer of the network stands for. The rules are onnxruntime's (1.31, on a CPU with
all optimisations), read off the models that it writes for each pair of operators; `tests/test_kernels.py` compares them
with what it makes of the zoo.
"""

from __future__ import annotations

from collections.abc import Mapping

from archcalc.algebra import Dim, Number, Poly
from archcalc.algebra.poly import rewrite
from archcalc.graph import Carried, Graph, Node
from archcalc.latency.parts import parts
from archcalc.latency.work import Work, convolved, counted
from archcalc.ops import Shape, size
from archcalc.ops.base import Runs
from archcalc.ops.convolution import Conv, ConvTranspose, DepthwiseConv, Local
from archcalc.ops.dense import Linear
from archcalc.ops.merge import Add, Concat, Mul
from archcalc.ops.normalization import BatchNorm, Scale
from archcalc.ops.windowed import Windowed
from archcalc.tuples import NamedTuple

STEM = 16  # channels under which a convolution is one of a kind, where there are no blocks
ALIGNED = 4  # channels must be a multiple of this to be turned into blocks


class Kernel(NamedTuple):
    """One call of the runtime: the layer that it is there for, the layers that it does on the side, and what it has to
    do.

    `kind` is the class that profiles price it by. `in_blocks`: whether it puts out blocks of channels; `turns` is the
    tensor whose layout it changes, None if it computes something: it is turned as often as it is there, which for what
    leaves a body that is repeated is once. `part`: whether it is but one more part of a layer's work.
    """

    node: int
    kind: str
    work: Work
    takes: tuple[int, ...] = ()
    in_blocks: bool = False
    turns: int | None = None
    part: bool = False

    @property
    def repeats_with(self) -> int:
        """The node that is there as often as this kernel runs."""
        return self.node if self.turns is None else self.turns


def kernels(
    graph: Graph, block: int = 1, typical: Mapping[str, Number] | None = None, fuses: bool = True
) -> list[Kernel]:
    """The kernels of a network, in order, each layer in one of them unless it moves nothing.

    `block`: the channels in a block of the runtime's layout; 1 where it has none. `fuses`: whether layers are taken
    together; a framework that runs them one by one doesn't. `typical` gives free symbols the values by which kinds are
    decided (their least by default).
    """
    known: set[str] = set()
    found = []
    for kernel in _Runtime(graph, block, typical or {}, fuses).run():
        if kernel.kind not in known:
            kernel = kernel._replace(work=kernel.work._replace(first=1))
            known.add(kernel.kind)
        found.append(kernel)
    return found


class _Runtime:
    """Walks the layers in order. `blocked` says in which layout each tensor is left."""

    def __init__(self, graph: Graph, block: int, typical: Mapping[str, Number], fuses: bool) -> None:
        self.graph, self.block, self.typical, self.fuses = graph, block, typical, fuses
        self.readers: list[list[int]] = [[] for _ in graph.nodes]
        for n, node in enumerate(graph.nodes):
            for source in node.inputs:
                self.readers[source].append(n)
        self.shown = set(graph.outputs)
        self.arriving: dict[
            int, bool
        ] = {}  # the layout that a body which is repeated leaves for its next repeat, by entry
        self.clear()

    def clear(self) -> None:
        self.blocked = [False] * len(self.graph.nodes)
        self.turned: set[int] = set()
        self.taken: set[int] = set()
        self.found: list[Kernel] = []

    def run(self) -> list[Kernel]:
        for _ in range(1 + len(self.graph.loops)):
            self.clear()
            self.walk()
            left = {loop.entry: self.blocked[loop.end] for loop in self.graph.loops.values()}
            if left == {entry: self.blocked[entry] for entry in left}:
                break
            self.arriving = left
        return self.found

    def walk(self) -> None:
        """Every layer in turn."""
        for n, node in enumerate(self.graph.nodes):
            if n in self.taken:
                continue
            if isinstance(node.op, Carried):
                (source,) = node.inputs
                self.blocked[n] = self.arriving.get(n, self.blocked[source])
                if self.blocked[n] != self.blocked[source]:  # turned over before the first repeat
                    self._reorder(source, source)
            elif not node.op.word:
                continue
            elif node.op.is_identity:
                self.blocked[n] = self.blocked[node.inputs[0]]
            elif node.op.is_view:
                self._turn(n)
            else:
                self._layer(n, node)
        for n in self.graph.outputs:
            if self.blocked[n] and n not in self.turned:
                self._reorder(n, n)

    # ---- one kernel --------------------------------------------------------------------------------------------------

    def _layer(self, n: int, node: Node) -> None:
        kind, in_blocks = self._kind(node)
        if Runs.IN_BLOCKS in node.op.runs:
            in_blocks = (
                all(self.blocked[source] for source in node.inputs)
                and len({self.graph.nodes[source].shape for source in node.inputs}) == 1
            )
        elif isinstance(node.op, Concat):
            in_blocks = (
                all(
                    self.blocked[s] and self.number(self.graph.nodes[s].shape[0]) % self.block == 0 for s in node.inputs
                )
                and node.op.axis == 0
            )
        takes, extra, activated = self._tail(n, node, in_blocks)
        (own, work), *more = self._parts(node, kind, in_blocks)
        if extra:
            work = work._replace(inputs=work.inputs + size(node.shape))
        if activated:
            work = work._replace(activated=size(node.shape))
        if kind != "conv_stem" or not in_blocks:
            self._turn(n, in_blocks)
        self.found += [Kernel(n, name, beside, part=True) for name, beside in more]
        self.found.append(Kernel(n, own, work, takes, in_blocks and self.block > 1))
        self.taken.update(takes)
        self.blocked[takes[-1] if takes else n] = in_blocks and len(node.shape) == 3
        if in_blocks and len(node.shape) != 3:  # what a global pool puts out is no map any more
            self._reorder(n, n)

    def _parts(self, node: Node, kind: str, in_blocks: bool) -> list[tuple[str, Work]]:
        """The classes that a layer pays, its own first, and what it does of each."""
        op, shapes = node.op, self.graph.shapes_into(node)
        if self.block == 1:
            return [(kind, counted(op, node.shape, shapes))]
        if isinstance(op, (Conv, DepthwiseConv)) and not isinstance(op, Local) and in_blocks:
            fill = not isinstance(op, DepthwiseConv) and kind != "conv_stem" and op.groups == 1
            return [(kind, convolved(op, node.shape, shapes[0], self.block, fill, self.number))]
        return parts(op, kind, node.shape, shapes)

    def _tail(self, n: int, node: Node, in_blocks: bool) -> tuple[tuple[int, ...], bool, bool]:
        """What a kernel does on the side: the layers, whether it adds another tensor, and whether the last costs."""
        convolves, dense = node.op.folds_norm, isinstance(node.op, Linear) and len(node.shape) == 1
        normalises = isinstance(node.op, BatchNorm)
        tails = Runs.WITH_CONV if convolves or (normalises and in_blocks) else Runs.WITH_LINEAR if dense else Runs.ALONE
        sums = convolves and (in_blocks or (self.block > 1 and isinstance(node.op, (Conv, DepthwiseConv))))
        sums = sums and len(node.shape) == 3
        takes: list[int] = []
        summed, tail = False, n
        while self.fuses and tail not in self.shown and len(self.readers[tail]) == 1:
            (reader,) = self.readers[tail]
            after = self.graph.nodes[reader]
            is_folded = isinstance(after.op, (BatchNorm, Scale)) and convolves and not summed
            if isinstance(after.op, Add) and sums and not summed and self._is_ready(after, tail, in_blocks):
                summed = True
            elif tails & after.op.runs:
                return (*takes, reader), summed, Runs.FOR_NOTHING not in after.op.runs
            elif not is_folded and not after.op.is_identity:
                break
            takes.append(reader)
            tail = reader
        while takes and self.graph.nodes[takes[-1]].op.is_identity:
            takes.pop()
        return tuple(takes), summed, False

    def _is_ready(self, add: Node, tail: int, in_blocks: bool) -> bool:
        """Whether a sum's other branch is there, in the same layout and shape, when this one is computed."""
        others = [source for source in add.inputs if source != tail]
        return (
            len(add.inputs) == 2
            and len(others) == 1
            and others[0] < tail
            and (self.blocked[others[0]] == in_blocks or (others[0] in self.turned and not in_blocks))
            and self.graph.nodes[others[0]].shape == self.graph.nodes[tail].shape
        )

    def _kind(self, node: Node) -> tuple[str, bool]:
        """The class of a kernel, and whether it can work in blocks of channels."""
        op, (x, *_) = node.op, self.graph.shapes_into(node) or ((),)
        if isinstance(op, Local) or not isinstance(op, (Conv, DepthwiseConv, ConvTranspose)):
            pools = op.is_pooling and len(x) == 3
            windowed = pools and isinstance(op, Windowed)
            in_blocks = (
                pools
                and (windowed or self.blocked[node.inputs[0]] or self.block == 1)
                and self.number(x[0]) % self.block == 0
            )
            return op.word + self._variant(node, x, windowed and not in_blocks), in_blocks
        if len(x) != 3 or isinstance(op, ConvTranspose):
            return (op.word if len(x) == 3 else f"{op.word}{len(x) - 1}d"), False
        channels, out = self.number(x[0]), self.number(node.shape[0])
        if isinstance(op, DepthwiseConv):
            if self.block == 1 or (out == channels and out % ALIGNED == 0):
                return "dwconv", True
            return ("dwconv_plain" if out == channels else "dwconv_multiplied"), False
        if op.groups > 1:
            fits = channels // op.groups % self.block == 0 and out // op.groups % self.block == 0
            return ("conv_grouped", True) if fits else ("conv_grouped_plain", False)
        if channels < (self.block if self.block > 1 else STEM):
            return "conv_stem", True
        if channels % ALIGNED and self.block > 1:
            return "conv_plain", False
        kernel = {self.number(k) for k in op.weights(x)["weight"][2:]}
        return {frozenset({1}): "conv_1x1", frozenset({3}): "conv_3x3"}.get(frozenset(kernel), "conv"), True

    def _variant(self, node: Node, x: Shape, unblocked: bool) -> str:
        """What tells kernels of one operator apart: axes other than a map's, inputs that are stretched, interpolation,
        and maps that aren't in blocks.
        """
        op, shapes = node.op, self.graph.shapes_into(node)
        if isinstance(op, Linear):
            return "_map" if len(x) > 1 else ""
        if op.is_pooling and len(x) != 3:
            return f"{len(x) - 1}d"
        if len(shapes) > 1 and isinstance(op, (Add, Mul)) and len(set(shapes)) > 1:
            return "_stretched"
        if getattr(op, "mode", "") == "bilinear":
            return "_bilinear"
        return "_plain" if unblocked else ""

    # ---- layouts -----------------------------------------------------------------------------------------------------

    def _turn(self, n: int, in_blocks: bool = False) -> None:
        """Bring the inputs of a kernel into the layout that it works on, each once."""
        for source in dict.fromkeys(self.graph.nodes[n].inputs):
            if (
                self.blocked[source] != in_blocks
                and source not in self.turned
                and len(self.graph.nodes[source].shape) == 3
            ):
                self.turned.add(source)
                self._reorder(n if in_blocks else source, source)

    def _reorder(self, n: int, source: int) -> None:
        if self.block > 1:
            elements = size(self.graph.nodes[source].shape)
            self.found.append(
                Kernel(
                    self._owner(n),
                    "reorder",
                    Work(inputs=elements, outputs=elements),
                    (),
                    not self.blocked[source],
                    source,
                )
            )

    def _owner(self, n: int) -> int:
        """The layer whose kernel puts out what a node shows."""
        while isinstance(self.graph.nodes[n].op, Carried):
            (n,) = self.graph.nodes[n].inputs
        return next((kernel.node for kernel in self.found if n in kernel.takes), n)

    def number(self, dim: Dim) -> int:
        """A size by which a kind is decided."""
        if not isinstance(dim, Poly):
            return dim
        value = rewrite(dim, lambda atom: self.typical.get(atom.symbol.name, atom.symbol.low or 1))
        return int(value) if not isinstance(value, Poly) else 1


__all__ = ["Kernel", "kernels"]
