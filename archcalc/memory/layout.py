"""A network laid out in memory: its layers in an order, what is alive at each of them, and a place for every tensor."""

from __future__ import annotations

from typing import NamedTuple

from archcalc.algebra import Poly
from archcalc.errors import UsageError
from archcalc.graph import Graph
from archcalc.memory.alive import Measure, alive, inside
from archcalc.memory.arena import Plan, Tensor, floor, plan, rounded
from archcalc.memory.order import ORDERS, Order, least_alive, reordered


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

    @property
    def at_peak(self) -> int:
        """The first step in which most is alive."""
        return max(range(len(self.steps)), key=lambda n: self.steps[n].alive)

    def alive_in(self, step: int) -> list[Tensor]:
        """The tensors that a step needs, the largest first."""
        found = [tensor for tensor in self.tensors if tensor.first <= step <= tensor.last]
        return sorted(found, key=lambda tensor: -tensor.bytes)


def layout(graph: Graph, measure: Measure, method: str = "", align: int = 1, order: str = "given") -> Layout:
    """A network in memory; `measure` gives the bytes of a layer's output for the batch. With a `method` of planning it
    has offsets.

    Raises UsageError while sizes are free, and for a method or an order that doesn't exist.
    """
    if order not in ORDERS:
        raise UsageError(f"unknown order '{order}'; there are {', '.join(ORDERS)}")
    if graph.loops:
        raise UsageError("tensors have places where all sizes are numbers, and a number of repeats is free")
    found = least_alive(graph, measure) if order == "best" else None
    graph = reordered(graph, found.positions) if found else graph
    return _laid(graph, measure, method, align, found)


def _laid(graph: Graph, measure: Measure, method: str, align: int, order: Order | None) -> Layout:
    known = alive(graph, measure)
    work = [_room(graph, n, measure) for n in range(len(graph.nodes))]
    steps = [Step(node.name, _whole(known.at[n]), work[n]) for n, node in enumerate(graph.nodes)]
    stretches = [(graph.nodes[s.writer].name, _whole(s.size), s.first, s.last) for s in known.stretches]
    tensors = [Tensor(*found) for found in stretches]
    tensors += [Tensor(f"{step.layer} (inside)", work[n], n, n) for n, step in enumerate(steps) if work[n]]
    tensors = sorted((tensor for tensor in tensors if tensor.bytes), key=lambda tensor: tensor.first)
    least = floor(tensor._replace(bytes=rounded(tensor.bytes, max(align, 1))) for tensor in tensors)
    return Layout(steps, tensors, _whole(known.peak), least, order, plan(tensors, method, align) if method else None)


def _room(graph: Graph, n: int, measure: Measure) -> int:
    node = graph.nodes[n]
    room = inside(graph, node)
    return 0 if isinstance(room, int) and not room else _whole(measure(node._replace(shape=(room,))))


def _whole(value: object) -> int:
    if isinstance(value, Poly):
        raise UsageError(f"tensors have places where all sizes are numbers, and `{value}` is free")
    assert isinstance(value, int)
    return value


__all__ = ["Layout", "Step", "layout"]
