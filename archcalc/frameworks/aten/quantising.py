"""Numbers that are rounded as a quantised network would have them, while they are trained or calibrated."""

from __future__ import annotations

from archcalc.frameworks.aten.base import BOOL, IN_PLACE, Call, Outputs, Value, aten, size


@aten("fused_moving_avg_obs_fake_quant", "fake_quantize_per_tensor_affine", "fake_quantize_per_channel_affine")
@aten("_fused_moving_avg_obs_fq_helper", "fake_quantize_per_tensor_affine_cachemask")
@aten("fake_quantize_per_channel_affine_cachemask", "_fake_quantize_learnable_per_tensor_affine")
def fake_quantise(call: Call, self: Value, *others: Value) -> Outputs:
    """To whole numbers and back, as ONNX's QuantizeLinear and DequantizeLinear: six operations an element; of weights
    nothing, that is done before the network runs.
    """
    if self.is_constant:
        return [Value(self.dims, self.kind, None, None, self.origins), None]
    found = call.figure("fake_quantize", self.dims, [self], elementwise=6 * size(self.dims), flags=IN_PLACE)
    return [found, *call.beside_it(found, "mask", self.dims, words="what is in range", kind=BOOL)]
