"""What onnxruntime makes of experts, of packed tables and of gated positions (domain com.microsoft)."""

from __future__ import annotations

from collections.abc import Iterable

from archcalc.errors import ShapeError
from archcalc.importer.rules.base import LAYER, MICROSOFT, Attributes, Call, Dim, Reach, Shape, Value, rule, size
from archcalc.importer.tensors import UINT8
from archcalc.importer.values import Origin, axis_of

ACTIVATIONS = {"relu": 1, "silu": 5, "gelu": 5, "swiglu": 5, "identity": 0}  # operations an element


class Taken(Attributes):
    """How experts are chosen, and what stands between their layers."""

    k: int = 1
    activation_type: str = "relu"
    swiglu_fusion: int = 0
    normalize_routing_weights: int = 0


@rule("MoE", domain=MICROSOFT)
def experts(
    call: Call, input: Value, router_probs: Value, fc1_experts_weights: Value, fc1_experts_bias: Value | None = None,
    fc2_experts_weights: Value | None = None, fc2_experts_bias: Value | None = None,
    fc3_experts_weights: Value | None = None, fc3_experts_bias: Value | None = None, *, taken: Taken,
) -> Value:  # fmt: skip
    """A router's choice among expert networks: the weights of all of them, the MACs of those that a position takes."""
    weights = [fc1_experts_weights, call.needs(fc2_experts_weights, 4), fc3_experts_weights]
    return _experts(call, [input, router_probs], weights, [fc1_experts_bias, fc2_experts_bias, fc3_experts_bias], taken)


@rule("QMoE", domain=MICROSOFT)
def experts_of_few_bits(
    call: Call, input: Value, router_probs: Value, fc1_experts_weights: Value, fc1_scales: Value | None = None,
    fc1_experts_bias: Value | None = None, fc2_experts_weights: Value | None = None, fc2_scales: Value | None = None,
    fc2_experts_bias: Value | None = None, fc3_experts_weights: Value | None = None, fc3_scales: Value | None = None,
    fc3_experts_bias: Value | None = None, *, taken: Taken, expert_weight_bits: int = 4,
) -> Value:  # fmt: skip
    """The same of packed weights, two of four bits in a byte."""
    packed = [fc1_experts_weights, call.needs(fc2_experts_weights, 5), fc3_experts_weights]
    if expert_weight_bits not in (2, 4, 8):
        raise ShapeError(f"expert_weight_bits={expert_weight_bits}")
    weights = [None if value is None else unpacked(value, 8 // expert_weight_bits) for value in packed]
    return _experts(call, [input, router_probs], weights, [fc1_experts_bias, fc2_experts_bias, fc3_experts_bias], taken)


def unpacked(value: Value, times: int) -> Value:
    """Numbers of which several are held in a byte, along the last axis."""
    shape = (*value.dims[:-1], value.dims[-1] * times)
    found = [origin for origin in value.origins[:1] if origin.shape]
    origins = tuple(Origin(o.key, o.name, (*o.shape[:-1], o.shape[-1] * times), True, o.tensor) for o in found)
    return Value(shape, value.kind, value.node, None, origins)


def _experts(
    call: Call, data: list[Value], weights: list[Value | None], biases: list[Value | None], taken: Taken
) -> Value:
    """Every position meets `k` experts: all of their weights, a bias, an activation, and a weighted sum at the end."""
    x, scores = data
    count, positions = scores.dims[-1], size(x.dims[:-1])
    if taken.k < 1:
        raise ShapeError(f"k={taken.k}")
    if any(value.axes(3)[0] != count for value in weights if value is not None):
        raise ShapeError("router_probs and the weights disagree about the number of experts")
    products, sums = (_an_expert(values, count, call) for values in (weights, biases))
    fused = taken.activation_type == "swiglu" and taken.swiglu_fusion != 0
    inner = call.assumed.quotient(_an_expert(weights[1:2], count, call), x.dims[-1])
    cost = ACTIVATIONS.get(taken.activation_type, 1) * inner
    gates = inner if fused or weights[2] is not None else 0
    softmax = 5 * count - 2 + (2 * taken.k - 1 if taken.normalize_routing_weights else 0)
    each = taken.k * (sums + cost + gates) + (2 * taken.k - 1) * x.dims[-1] + softmax
    held = {"fc1": weights[0], "fc2": weights[1], "fc3": weights[2]}
    added = {f"{name}_bias": value for name, value in zip(held, biases, strict=True)}
    return call.figure(
        "moe", x.dims, data, words=f"{count} experts, {taken.k} a position", macs=positions * taken.k * products,
        elementwise=positions * each, weights=held | added, reach=Reach.ALL if len(x.dims) < 3 else Reach.MIXED,
        flags=LAYER,
    )  # fmt: skip


def _an_expert(values: Iterable[Value | None], count: Dim, call: Call) -> Dim:
    """Numbers of one expert among stacked tensors."""
    return call.assumed.quotient(sum(size(value.dims) for value in values if value is not None), count)


@rule("GatherBlockQuantized", domain=MICROSOFT)
def gather_block_quantized(
    call: Call, data: Value, indices: Value, scales: Value | None = None, zero_points: Value | None = None, *,
    gather_axis: int = 0, bits: int = 4,
) -> Value:  # fmt: skip
    """Rows of a table of few bits, each number with an offset and a scale."""
    table = unpacked(data, 8 // bits) if data.kind == UINT8 and bits in (2, 4) else data
    for value, role in ((scales, "scale"), (zero_points, "zero point")):
        if value is not None:
            call.explain(value, role)
    axis = axis_of(gather_axis, len(table.dims))
    out = (*table.dims[:axis], *indices.dims, *table.dims[axis + 1 :])
    kind = scales.kind if scales is not None else None
    return call.figure(
        "embedding", out, [data, indices], words=f"rows of {bits} bits", elementwise=2 * size(out),
        weights={"weight": table}, reach=Reach.MIXED, kind=kind, flags=LAYER,
    )  # fmt: skip


@rule("GatedRelativePositionBias", domain=MICROSOFT)
def gated_positions(
    call: Call, query_layer: Value, query_bias: Value, rel_pos: Value, weight: Value, bias: Value, eco_a: Value, *,
    num_heads: int = 1,
) -> Value:  # fmt: skip
    """Two gates a head and position, made of the query, over a bias of positions (WavLM, Chen et al. 2022, eq. 4)."""
    batch, length, features = query_layer.axes(3)
    rows, gates = batch * length * num_heads, weight.axes(2)[1]
    out: Shape = (batch, num_heads, length, length)
    steps = batch * length * features + rows * (gates + gates - 2 + 8 + 4) + size(out)
    return call.figure(
        "gated_position_bias", out, [query_layer, rel_pos], macs=rows * size(weight.dims), elementwise=steps,
        weights={"query_bias": query_bias, "weight": weight, "bias": bias, "eco_a": eco_a, "rel_pos": rel_pos},
        reach=Reach.ALL, flags=LAYER,
    )  # fmt: skip
