"""What a whole network costs: sums over its layers, peaks of memory, its depth."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from archcalc.cost.row import Cost, total
from archcalc.graph import Range, over
from archcalc.untyped import Json

if TYPE_CHECKING:
    from archcalc.cost import Table


def totals(table: Table) -> dict[str, Json]:
    """All totals by the names that the JSON contract gives them; bytes are in the table's dtype."""
    layers = table.graph.layers()
    sums = _sums(table, layers)
    found: dict[str, Json] = {
        "params": sums["params"],
        "trainable_params": sums["trainable_params"],
        "active_params": sums["active"],
        "buffers": sums["buffers"],
        "macs": sums["macs"],
        "flops": 2 * sums["macs"] + sums["elementwise"],
        "elementwise": sums["elementwise"],
        "activations": sums["activations"],
        "act_peak_bytes": table.held.peak_bytes,
        "act_sum_bytes": table.held.kept_bytes,
        "weight_bytes": sums["stored"],
        "cache_bytes": sums["cached"],
        "bytes": sums["bytes"],
        "depth": table.depth(lambda node: node.op.deep),
        "depth_with_pooling": table.depth(lambda node: node.op.deep or node.op.is_pooling),
        "layers": len(layers) if not table.graph.loops else total(over(table.graph.nodes[n].ranges, 1) for n in layers),
        "uncounted": [
            {"op": missing.op, "count": missing.nodes, "first": missing.first, "why": missing.why}
            for missing in table.graph.uncounted
        ],
    }
    if table.stored is not None:
        found |= _as_stored(table, table.stored, layers, sums)
    if table.train:
        found |= _of_training(table)
    if table.timing is not None:
        found["latency_ms"] = table.timing.whole.total
        found["latency_interval_ms"] = list(table.timing.interval)
    return found


def _as_stored(table: Table, stored: dict[int, int], layers: list[int], sums: dict[str, Json]) -> dict[str, Json]:
    """Bytes where a file has weights in widths of their own; what is shared is read once more."""
    owners = [n if (share := table.graph.nodes[n].share) is None else share for n in layers]
    read = sum(stored.get(n, 0) for n in owners)
    return {"weight_bytes": sum(stored.values()), "bytes": sums["bytes"] - sums["read"] + read}


def _of_training(table: Table) -> dict[str, Json]:
    """What training alone has."""
    found = {
        "backward_macs": total(table.backward.macs.values()),
        "optimizer_bytes": table.held.parts["optimizer"],
        "training_bytes": dict(table.held.parts),
    }
    if again := table.held.recomputed.again:
        found["recomputed_macs"] = total(row.macs for row in table.rows if not again.isdisjoint(row.nodes))
    return found | {"expected_depth": table.depth(lambda node: node.op.deep * node.survive)}


def _sums(table: Table, layers: list[int]) -> dict[str, Json]:
    """Each distinct layer is counted once and multiplied: repeats cost nothing."""
    counts: dict[tuple[int, bool, bool, Fraction | int, tuple[Range, ...]], tuple[Cost, int]] = {}
    for n in layers:
        node = table.graph.nodes[n]
        cost = table.cost(node)
        key = (id(cost), node.share is None, node.frozen, node.survive, node.ranges)
        counts[key] = (cost, counts[key][1] + 1 if key in counts else 1)
    entries = [
        (Cost(*(over(key[4], v) for v in cost)) if key[4] else cost, times, *key[1:4])
        for key, (cost, times) in counts.items()
    ]
    batch = table.batch
    kept = {survive: survive if table.train else 1 for *_, survive in entries}
    return {
        "params": total(c.params * times for c, times, owned, _, _ in entries if owned),
        "trainable_params": total(c.params * times for c, times, owned, frozen, _ in entries if owned and not frozen),
        "active": total(c.active * times for c, times, owned, _, _ in entries if owned),
        "cached": total(c.cached * times for c, times, *_ in entries) * batch,
        "buffers": total(c.buffers * times for c, times, owned, _, _ in entries if owned),
        "macs": total(c.macs * (times * kept[s]) for c, times, _, _, s in entries) * batch,
        "elementwise": total(c.elementwise * (times * kept[s]) for c, times, _, _, s in entries) * batch,
        "activations": total(c.activations * times for c, times, *_ in entries) * batch,
        "stored": total(c.stored * times for c, times, owned, _, _ in entries if owned),
        "read": total(c.met * times for c, times, *_ in entries),
        "bytes": (
            total(c.met * times for c, times, *_ in entries)
            + total(c.moved * times for c, times, *_ in entries) * batch
        ),
    }
