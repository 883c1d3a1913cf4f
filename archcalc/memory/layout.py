"""A network laid out in memory: its layers in an order, what is alive at each of them, and a place for every tensor."""

from __future__ import annotations

from archcalc.algebra import Poly
from archcalc.errors import UsageError, among
from archcalc.graph import Graph
from archcalc.memory.alive import Alive, Measure, alive, inside
from archcalc.memory.arena import Plan, Tensor, floor, plan, rounded
from archcalc.memory.order import ORDERS, Order, least_alive, reordered
from archcalc.memory.patches import Patched, patched, stages
from archcalc.tuples import NamedTuple

MOST_STAGES = 300  # that the best is chosen of


class Step(NamedTuple):
    """A layer while it runs: bytes alive, and how many of them only it sees."""

    layer: str
    alive: int
    inside: int


class Layout(NamedTuple):
    """What a network takes, in bytes for a batch. `tensors` are the memories that it needs, in the order in which they
    are written; `floor` is the most of them alive at once, each rounded up.
    """

    steps: list[Step]
    tensors: list[Tensor]
    peak: int
    floor: int
    order: Order | None
    plan: Plan | None
    depthwise: bool = False
    patched: Patched | None = None

    @property
    def at_peak(self) -> int:
        """The first step in which most is alive."""
        return max(range(len(self.steps)), key=lambda n: self.steps[n].alive)

    def alive_in(self, step: int) -> list[Tensor]:
        """The tensors that a step needs, the largest first."""
        found = [tensor for tensor in self.tensors if tensor.first <= step <= tensor.last]
        return sorted(found, key=lambda tensor: -tensor.bytes)


class Way(NamedTuple):
    """How a network is run: in which order, whether depthwise convolutions write over their input, and how many patches
    an axis the layers up to `until` are run in (0 for none; without a name up to where that needs least).
    """

    order: str = "given"
    depthwise: bool = False
    patches: int = 0
    until: str = ""


def layout(
    graph: Graph, measure: Measure, method: str = "", align: int = 1, order: str = "given", way: Way | None = None
) -> Layout:
    """A network in memory; `measure` gives the bytes of a layer's output for the batch. With a `method` of planning it
    has offsets.

    Raises UsageError while sizes are free, for a method or an order that doesn't exist, and where there are no patches.
    """
    way = (way or Way())._replace(order=order)
    _refused(graph, way)
    if way.patches:
        known, part = _least_patched(graph, measure, way)
        return _laid(part.graph, measure, method, align, known)._replace(depthwise=way.depthwise, patched=part)
    found = least_alive(graph, measure, way.depthwise) if order == "best" else None
    graph = reordered(graph, found.positions) if found else graph
    laid = _laid(graph, measure, method, align, alive(graph, measure, way.depthwise))
    return laid._replace(order=found, depthwise=way.depthwise)


def _refused(graph: Graph, way: Way) -> None:
    if way.order not in ORDERS:
        raise UsageError(f"unknown order '{way.order}'{among(way.order, ORDERS)}")
    if graph.loops:
        raise UsageError("tensors have places where all sizes are numbers, and a number of repeats is free")
    if way.patches and way.order == "best":
        raise UsageError("--order best and --patches don't go together: patches are run in the given order")
    if way.until and not way.patches:
        raise UsageError("--until says where patches end, and there are no --patches")
    if way.patches == 1:
        raise UsageError("one patch is the whole map: --patches takes 2 or more")


def _least_patched(graph: Graph, measure: Measure, way: Way) -> tuple[Alive, Patched]:
    """The end of the stage with the least peak; of those that need as little, the one with the fewest MACs."""
    ends = stages(graph, way.patches, way.until)
    if len(ends) > MOST_STAGES:
        raise UsageError(
            f"patches may end at {len(ends):,} layers, more than {MOST_STAGES} to try: name one with --until"
        )
    found = [_hungriest(graph, measure, way, end) for end in ends]
    return min(found, key=lambda pair: (_whole(pair[0].peak), pair[1].macs))


def _hungriest(graph: Graph, measure: Measure, way: Way, end: int) -> tuple[Alive, Patched]:
    """Of the patches the one that needs most."""
    found = ((_beside_map(measure, way, part), part) for part in patched(graph, end, way.patches))
    return max(found, key=lambda pair: _whole(pair[0].peak))


def _beside_map(measure: Measure, way: Way, part: Patched) -> Alive:
    """What is alive while the map that the patches make up is put together beside them."""
    known, end = alive(part.graph, measure, way.depthwise), part.stage
    whole = measure(part.graph.nodes[end])
    is_new = any(stretch.writer == end for stretch in known.stretches)
    at = {n: value + whole if n < end or (n == end and not is_new) else value for n, value in known.at.items()}
    stretches = [s._replace(first=0) if s.writer == end else s for s in known.stretches]
    if not is_new:
        stretches.append(known.stretches[0]._replace(size=whole, writer=end, first=0, last=end))
    return known._replace(peak=max(map(_whole, at.values())), at=at, stretches=stretches)


def _laid(graph: Graph, measure: Measure, method: str, align: int, known: Alive) -> Layout:
    work = [_room(graph, n, measure) + _whole(known.beside.get(n, 0)) for n in range(len(graph.nodes))]
    steps = [Step(node.name, _whole(known.at[n]), work[n]) for n, node in enumerate(graph.nodes)]
    stretches = [(graph.nodes[s.writer].name, _whole(s.size), s.first, s.last) for s in known.stretches]
    tensors = [Tensor(*found) for found in stretches]
    tensors += [Tensor(f"{step.layer} (inside)", work[n], n, n) for n, step in enumerate(steps) if work[n]]
    tensors = sorted((tensor for tensor in tensors if tensor.bytes), key=lambda tensor: tensor.first)
    least = floor(tensor._replace(bytes=rounded(tensor.bytes, max(align, 1))) for tensor in tensors)
    return Layout(steps, tensors, _whole(known.peak), least, None, plan(tensors, method, align) if method else None)


def _room(graph: Graph, n: int, measure: Measure) -> int:
    node = graph.nodes[n]
    room = inside(graph, node)
    return 0 if isinstance(room, int) and not room else _whole(measure(node._replace(shape=(room,))))


def _whole(value: object) -> int:
    if isinstance(value, Poly):
        raise UsageError(f"tensors have places where all sizes are numbers, and `{value}` is free")
    assert isinstance(value, int)
    return value


__all__ = ["Layout", "Step", "Way", "layout"]
