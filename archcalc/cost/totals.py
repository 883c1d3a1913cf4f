"""What a whole network costs: sums over its layers, peaks of memory, its depth.

Annotations are no texts here: `typing` compiles each that a TypedDict has as one, which takes as long as to import the
module.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, NotRequired, TypedDict

from archcalc.algebra import Dim, Number
from archcalc.cost.row import Cost, total
from archcalc.graph import Range, over
from archcalc.untyped import Json

if TYPE_CHECKING:
    from archcalc.cost import Table


class Missing(TypedDict):
    """Nodes of a model file that could not be counted."""

    op: str
    count: int
    first: str
    why: str


class Totals(TypedDict):
    """What a whole network costs, for the batch: exact numbers, or closed forms in the parameters that are free. Bytes
    are in the table's dtype. Those that may be missing are of training, and of times on a device.
    """

    params: Dim
    trainable_params: Dim
    active_params: Dim
    buffers: Dim
    macs: Number
    flops: Number
    elementwise: Number
    activations: Dim
    act_peak_bytes: Dim
    act_sum_bytes: Dim
    weight_bytes: Dim
    cache_bytes: Dim
    bytes: Dim
    depth: Number
    depth_with_pooling: Number
    layers: Dim
    uncounted: list[Missing]
    backward_macs: NotRequired[Number]
    optimizer_bytes: NotRequired[Number]
    training_bytes: NotRequired[dict[str, Number]]
    recomputed_macs: NotRequired[Number]
    expected_depth: NotRequired[Number]
    latency_ms: NotRequired[Number]
    latency_interval_ms: NotRequired[list[Number]]


def _summed(name: str) -> Callable[["Table"], Json]:
    return lambda table: table.sums[name]


def _layers(table: "Table") -> Json:
    layers = table.graph.layers()
    return len(layers) if not table.graph.loops else total(over(table.graph.nodes[n].ranges, 1) for n in layers)


def _weights(table: "Table") -> Json:
    return table.sums["stored"] if table.stored is None else sum(table.stored.values())


def _bytes(table: "Table") -> Json:
    """What is read and written; where a file has weights in widths of its own, what is shared is read once more."""
    if table.stored is None:
        return table.sums["bytes"]
    read = [n for n in table.graph.layers() if not table.graph.nodes[n].op.is_idle]
    owners = [n if (share := table.graph.nodes[n].share) is None else share for n in read]
    return table.sums["bytes"] - table.sums["read"] + sum(table.stored.get(n, 0) for n in owners)


# by the names that the JSON contract gives them; each is worked out where it is asked for
OF_EVERY_TABLE: dict[str, Callable[["Table"], Json]] = {
    "params": _summed("params"),
    "trainable_params": _summed("trainable_params"),
    "active_params": _summed("active"),
    "buffers": _summed("buffers"),
    "macs": _summed("macs"),
    "flops": lambda table: 2 * table.sums["macs"] + table.sums["elementwise"],
    "elementwise": _summed("elementwise"),
    "activations": _summed("activations"),
    "act_peak_bytes": lambda table: table.held.peak_bytes,
    "act_sum_bytes": lambda table: table.held.kept_bytes,
    "weight_bytes": _weights,
    "cache_bytes": _summed("cached"),
    "bytes": _bytes,
    "depth": lambda table: table.depth(lambda node: node.op.deep),
    "depth_with_pooling": lambda table: table.depth(lambda node: node.op.deep or node.op.is_pooling),
    "layers": _layers,
    "uncounted": lambda table: [
        {"op": missing.op, "count": missing.nodes, "first": missing.first, "why": missing.why}
        for missing in table.graph.uncounted
    ],
}


def totals(table: "Table") -> Totals:
    """All totals; bytes are in the table's dtype."""
    found: Json = {name: worked_out(table) for name, worked_out in OF_EVERY_TABLE.items()}
    if table.train:
        found |= _of_training(table)
    if table.timing is not None:
        found["latency_ms"] = table.timing.whole.total
        found["latency_interval_ms"] = list(table.timing.interval)
    known: Totals = found
    return known


def _of_training(table: "Table") -> dict[str, Json]:
    """What training alone has."""
    found = {
        "backward_macs": total(table.backward.macs.values()),
        "optimizer_bytes": table.held.parts["optimizer"],
        "training_bytes": dict(table.held.parts),
    }
    if again := table.held.recomputed.again:
        found["recomputed_macs"] = total(row.macs for row in table.rows if not again.isdisjoint(row.nodes))
    return found | {"expected_depth": table.depth(lambda node: node.op.deep * node.survive)}


def sums(table: "Table") -> dict[str, Json]:
    """Sums over the layers: each distinct one is counted once and multiplied, so that repeats cost nothing."""
    counts: dict[tuple[int, bool, bool, Fraction | int, tuple[Range, ...]], tuple[Cost, int]] = {}
    fixed: Dim = 0
    for n in table.graph.layers():
        node = table.graph.nodes[n]
        cost = table.cost(node)
        key = (id(cost), node.share is None, node.frozen, node.survive, node.ranges)
        counts[key] = (cost, counts[key][1] + 1 if key in counts else 1)
        fixed = fixed + node.fixed if node.still and node.share is None else fixed
    entries = [
        (Cost(*(over(key[4], v) for v in cost)) if key[4] else cost, times, *key[1:4])
        for key, (cost, times) in counts.items()
    ]
    batch = table.batch
    kept = {survive: survive if table.train else 1 for *_, survive in entries}
    read = total([c.met * times for c, times, *_ in entries])
    return {
        "params": total([c.params * times for c, times, owned, _, _ in entries if owned]),
        "trainable_params": total([c.params * times for c, times, owned, frozen, _ in entries if owned and not frozen])
        - fixed,
        "active": total([c.active * times for c, times, owned, _, _ in entries if owned]),
        "cached": total([c.cached * times for c, times, *_ in entries]) * batch,
        "buffers": total([c.buffers * times for c, times, owned, _, _ in entries if owned]),
        "macs": total([c.macs * (times * kept[s]) for c, times, _, _, s in entries]) * batch,
        "elementwise": total([c.elementwise * (times * kept[s]) for c, times, _, _, s in entries]) * batch,
        "activations": total([c.activations * times for c, times, *_ in entries]) * batch,
        "stored": total([c.stored * times for c, times, owned, _, _ in entries if owned]),
        "read": read,
        "bytes": read + total([c.moved * times for c, times, *_ in entries]) * batch,
    }
