"""Patches: the first layers are run on one part of the map after the other, so that little of it is in memory at once.

As in MCUNetV2 (Lin et al., arXiv:2110.15352, section 3): the map that the first stage puts out is cut into N parts an
axis, and each part is computed from the stretch of the input that it depends on. Neighbouring stretches overlap by the
receptive field, and what lies in the overlap is computed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from math import prod

from archcalc.errors import UsageError, suggest
from archcalc.graph import Graph, Input, Node
from archcalc.ops import Reach, size
from archcalc.tuples import NamedTuple

Stretch = tuple[int, int]  # of an axis: the first position, and the one behind the last
Region = tuple[Stretch, ...]


class Patched(NamedTuple):
    """A network whose layers up to position `stage` run patch by patch. `graph` has the shapes of one patch there, of
    the hungriest; `macs` are those of all patches and the layers behind them, and `whole` those without patches.
    """

    graph: Graph
    stage: int
    patches: int
    macs: int
    whole: int


def stages(graph: Graph, patches: int, until: str = "") -> list[int]:
    """Where the stage of patches can end: a map of at least so many positions an axis that all later layers are
    computed from, each layer before it working position by position or window by window. Raises UsageError where it
    can't end anywhere, or not at the layer or block called `until`.
    """
    inner = _patchable(graph)
    ends = [n for n in _cuts(graph) if n in inner and not graph.nodes[n].op.is_view]
    if not ends:
        raise UsageError("patches need a map: the first layers of a network that work on neighbouring positions")
    wide = [n for n in ends if all(_int(dim) >= patches for dim in graph.nodes[n].shape[1:])]
    if not until:
        if not wide:
            most = max(min(_int(dim) for dim in graph.nodes[n].shape[1:]) for n in ends)
            raise UsageError(f"{patches} patches an axis are more than there are positions: {most}")
        return wide
    end = _called(graph, until)
    if end not in ends:
        raise UsageError(f"patches can't end at {until}: later layers read what lies before it, or it is no map")
    if end not in wide:
        sides = "x".join(str(dim) for dim in graph.nodes[end].shape[1:])
        raise UsageError(f"{patches} patches an axis are more than there are positions at {until}: {sides}")
    return [end]


def patched(graph: Graph, stage: int, patches: int) -> Iterator[Patched]:
    """The network with each kind of patch in turn: what they need in memory differs."""
    sides = [_int(dim) for dim in graph.nodes[stage].shape[1:]]
    parts = [[(side * i // patches, side * (i + 1) // patches) for i in range(patches)] for side in sides]
    regions = [needed(graph, stage, part) for part in product(*parts)]
    whole = sum(map(_int, (_macs(graph, n) for n in range(len(graph.nodes)))))
    rest = sum(_int(_macs(graph, n)) for n in range(stage + 1, len(graph.nodes)))
    macs = rest + sum(_computed(graph, region) for region in regions)
    for found in {tuple(_sides(region[n]) for n in range(stage + 1)): region for region in regions}.values():
        yield Patched(_with(graph, stage, found), stage, len(regions), macs, whole)


def needed(graph: Graph, stage: int, part: Region) -> list[Region]:
    """For each layer up to `stage` the part of its output that this part of the map depends on."""
    found: list[Region | None] = [None] * (stage + 1)
    found[stage] = part
    for n in range(stage, -1, -1):
        region, node = found[n], graph.nodes[n]
        if region is None:
            raise UsageError(f"patches can't end at {graph.nodes[stage].name}: it doesn't depend on {node.name}")
        for source in node.inputs:
            read = _read(graph, node, region, source)
            found[source] = read if (before := found[source]) is None else _hull(before, read)
    return [region for region in found if region is not None]


def _read(graph: Graph, node: Node, region: Region, source: int) -> Region:
    """What a layer reads of an input for a part of its output, without padding."""
    sides = graph.nodes[source].shape[1:]
    windows = node.op.windows(*graph.shapes_into(node))
    if windows is Reach.PASS:
        return region
    assert isinstance(windows, tuple)
    found = []
    for (first, stop), window, side in zip(region, windows, sides, strict=True):
        low = first * window.stride - _int(window.before)
        high = (stop - 1) * window.stride - _int(window.before) + (_int(window.kernel) - 1) * window.dilation + 1
        low = min(max(low, 0), _int(side) - 1)
        found.append((low, max(min(high, _int(side)), low + 1)))
    return tuple(found)


def _hull(one: Region, other: Region) -> Region:
    return tuple((min(a, c), max(b, d)) for (a, b), (c, d) in zip(one, other, strict=True))


def _sides(region: Region) -> tuple[int, ...]:
    return tuple(stop - first for first, stop in region)


def _macs(graph: Graph, n: int) -> object:
    node = graph.nodes[n]
    return node.op.macs(node.shape, *graph.shapes_into(node))


def _computed(graph: Graph, regions: Sequence[Region]) -> int:
    """Multiply-accumulates of a patch: each position of a map costs as much as any other."""
    total = 0
    for n, region in enumerate(regions):
        total += _int(_macs(graph, n)) * prod(_sides(region)) // _int(size(graph.nodes[n].shape[1:]))
    return total


def _with(graph: Graph, stage: int, regions: Sequence[Region]) -> Graph:
    """The network with the shapes of a patch before the end of its stage, which is put together whole."""
    nodes = list(graph.nodes)
    for n in range(stage):
        nodes[n] = nodes[n]._replace(shape=(nodes[n].shape[0], *_sides(regions[n])))
    return graph._replace(nodes=nodes)


def _patchable(graph: Graph) -> range:
    """The first layers that work on a map by positions or windows, as long as there is one input."""
    for n, node in enumerate(graph.nodes):
        if any(not isinstance(dim, int) for dim in node.shape):
            raise UsageError(f"patches are cut where all sizes are numbers, and {node.name} has a free one")
        if not ((n == 0 and isinstance(node.op, Input) and len(node.shape) > 1) or (n and _is_local(graph, node))):
            return range(1, n)
    return range(1, len(graph.nodes))


def _is_local(graph: Graph, node: Node) -> bool:
    shapes = graph.shapes_into(node)
    if not node.inputs or node.op.reads_map or isinstance(node.op, Input):
        return False
    windows = node.op.windows(*shapes)
    if windows is Reach.PASS:
        return all(shape[1:] == node.shape[1:] for shape in shapes)
    same_axes = len(shapes) == 1 and len(shapes[0]) == len(node.shape)
    return same_axes and not isinstance(windows, Reach) and all(window.up == 1 for window in windows)


def _cuts(graph: Graph) -> Iterator[int]:
    """Layers that all later ones are computed from, and nothing else."""
    last = [0] * len(graph.nodes)
    for n, node in enumerate(graph.nodes):
        for source in node.inputs:
            last[source] = n
    for n in graph.outputs:
        last[n] = len(graph.nodes)
    reach = 0
    for n in range(len(graph.nodes)):
        if n and reach <= n:
            yield n
        reach = max(reach, last[n])


def _called(graph: Graph, label: str) -> int:
    names: Iterable[int] = (n for n, node in enumerate(graph.nodes) if label in (node.name, node.line))
    ends = list(names)
    if ends:
        return ends[-1]
    if label not in graph.groups:
        hint = suggest(label, (*graph.groups, *(node.name for node in graph.nodes)))
        raise UsageError(f"there is no layer or block '{label}' for patches to end at{hint}")
    return graph.groups[label].output


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


__all__ = ["Patched", "needed", "patched", "stages"]
