"""From a bound spec to a graph: one node a layer, in an order in which every input comes first.

The nodes are kept in a list, which is all that counting needs; `Graph.to_networkx()` gives the same DAG as a networkx
`DiGraph` for whoever wants to go on with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from archcalc.algebra import Dim, Number, Poly, at, summed
from archcalc.errors import Mark
from archcalc.fields import Check
from archcalc.ops import Op, Reach, Shape, Windows
from archcalc.ops.base import Free, size
from archcalc.records import Record
from archcalc.tuples import NamedTuple

if TYPE_CHECKING:
    import networkx


class Given(Free):
    """A tensor that no layer computes."""

    size_: Annotated[tuple[Any, ...], Check(tuple)] = ()
    is_view: ClassVar[bool] = True

    def shape(self, *inputs: Shape) -> Shape:
        return self.size_

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return 0

    def windows(self, *inputs: Shape) -> Windows:
        return Reach.PASS


class Input(Given):
    """Where a network begins."""


class Carried(Given):
    """What arrives in a body that is repeated `n` times, at its i-th repeat, and what leaves it after the last: not a
    layer.
    """


class Range(Record):
    """How often a body is built: for every `index` (a symbol) from `start` to `stop` - 1."""

    index: Poly
    start: int
    stop: Dim


def over(ranges: tuple[Range, ...], value: Any) -> Any:
    """What a body costs in all its repeats: the sum over the indices of the loops around it."""
    for around in reversed(ranges):
        value = summed(value, around.index, around.start, around.stop)
    return value


def ends(value: Number, ranges: tuple[Range, ...]) -> list[Number]:
    """A value at the first and at the last repeat of every loop around it."""
    found = [value]
    for around in reversed(ranges):
        found = [at(end, around.index, index) for end in found for index in (around.start, around.stop - 1)]
    return found


class Loop(NamedTuple):
    """A body that stands for as many repeats as a free parameter says.

    Positions of nodes: `entry` holds what arrives at a repeat (its input is what arrives at the first), `end` is what
    the body puts out, `exit` what leaves the last repeat.
    """

    range: Range
    entry: int
    end: int
    exit: int

    def counts(self, inner: Loop) -> bool:
        """Whether a loop stands in the body and repeats as often as this one's index says."""
        return (
            self.entry < inner.entry < self.exit
            and isinstance(inner.range.stop, Poly)
            and not inner.range.stop.symbols.isdisjoint(self.range.index.symbols)
        )


class Node(NamedTuple):
    """A layer of the network.

    `inputs` are positions in the graph's list. `name` is the path of labels: `conv4/3/conv2`; what a line adds after
    its layer has a suffix: `conv1.bn`. `share` is the position of the node whose weights it uses. `survive` is the
    probability that training keeps it (stochastic depth). `ranges`: the loops around it, the outermost first.
    `stored` is the type of its weights, and `dtype` that of what it puts out, where they aren't the network's. `still`
    are its learned tensors that aren't trained, where others of it are.
    """

    name: str
    op: Op
    inputs: tuple[int, ...]
    shape: Shape
    line: str
    mark: Mark
    share: int | None = None
    frozen: bool = False
    survive: Fraction | int = 1
    head: bool = False
    ranges: tuple[Range, ...] = ()
    stored: str = ""
    dtype: str = ""
    still: tuple[Shape, ...] = ()

    @property
    def fixed(self) -> Dim:
        """Parameters that aren't trained, of those of a layer that is."""
        return sum(map(size, self.still))

    @property
    def block(self) -> str:
        """The path of the group that the layer stands in."""
        return self.line.rpartition("/")[0]


class Group(NamedTuple):
    """A labelled or called group of layers: what it was written as, and where."""

    path: str
    text: str
    mark: Mark
    output: int


class Held(NamedTuple):
    """A tensor of a model file: how many numbers, of which kind and in how many bytes, what they are and why."""

    name: str
    shape: Shape
    size: Dim
    type: str
    bytes: int
    role: str
    why: str


class Uncounted(NamedTuple):
    """An operator of a model file that has no rule, or lacks what its rule needs: how often, the first such node, and
    why.
    """

    op: str
    nodes: int
    first: str
    why: str

    def __str__(self) -> str:
        return f"{self.nodes} {self.op} (first {self.first}: {self.why})"


class Graph(Record, frozen=False):
    """A network as a directed acyclic graph. A graph for training holds the train-only heads as well, marked `head`."""

    nodes: list[Node] = []
    inputs: dict[str, int] = {}
    outputs: list[int] = []
    groups: dict[str, Group] = {}
    loops: dict[int, Loop] = {}  # by the position of their entry
    uncounted: list[Uncounted] = []
    assumed: list[str] = []  # what has to hold between free sizes
    notes: list[str] = []  # what else a reader of the figures should know
    stored: dict[int, int] | None = None  # bytes of a layer's weights in a model file, where they aren't all fp32
    tensors: list[Held] | None = None  # of a model file, where somebody asked
    found_at: dict[str, str] = {}  # the node of a model file at which a size was met that only a run tells
    samples: int = 1  # of the batch that a model file has written down
    whole: bool = False  # whether all of them are in the graph, not one
    is_run: bool = False  # whether it may be of several samples: nothing in the file says which axis they are

    def layers(self) -> list[int]:
        """Positions of the layers: all nodes but the inputs and what loops carry."""
        return [n for n, node in enumerate(self.nodes) if node.op.word]

    def parts(self, first: int, stop: int) -> Iterator[range | Loop]:
        """The nodes from `first` to `stop` - 1 in order: stretches of them in a row (some empty), and the outermost
        loops in between.
        """
        for entry in sorted(self.loops):
            if first <= entry < stop:
                yield range(first, entry)
                yield self.loops[entry]
                first = self.loops[entry].exit + 1
        yield range(first, stop)

    def name_of(self, n: int) -> str:
        """The name of the input or layer that a node shows: what arrives in a loop comes from before it, what leaves it
        from its end.
        """
        node = self.nodes[n]
        return self.name_of(node.inputs[0]) if isinstance(node.op, Carried) else node.name

    def shapes_into(self, node: Node) -> tuple[Shape, ...]:
        """The shapes that a node reads, a sample, in the order of its inputs."""
        return tuple([self.nodes[n].shape for n in node.inputs])

    def dead_ends(self) -> list[Node]:
        """Layers that nothing reads and that are no outputs: forgotten, or missing from `outputs:`."""
        read = {source for node in self.nodes for source in node.inputs} | set(self.outputs)
        return [node for n, node in enumerate(self.nodes) if n not in read and not node.head and node.op.word]

    def to_networkx(self) -> networkx.DiGraph[str]:
        """The same DAG: nodes by name with the attribute `node`, edges with `port`s (which of the target's inputs they
        are).
        """
        import networkx

        graph: networkx.DiGraph[str] = networkx.DiGraph()
        for node in self.nodes:
            if isinstance(node.op, Carried):
                continue
            graph.add_node(node.name, node=node)
            for port, source in enumerate(node.inputs):
                name = self.name_of(source)
                ports = graph.edges[name, node.name]["ports"] if graph.has_edge(name, node.name) else ()
                graph.add_edge(name, node.name, ports=(*ports, port))
        return graph
