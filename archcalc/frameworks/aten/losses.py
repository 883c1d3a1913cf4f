"""Losses, where a module computes its own: functions of each element, summed up."""

from __future__ import annotations

from archcalc.frameworks.aten.base import Call, Reach, Value, aten, declared, size

LOSSES = {  # operations an element of the prediction, before they are added up
    "mse_loss": 2, "l1_loss": 2, "smooth_l1_loss": 5, "huber_loss": 5, "binary_cross_entropy": 6,
    "binary_cross_entropy_with_logits": 7, "kl_div": 4, "soft_margin_loss": 4, "poisson_nll_loss": 3,
    "hinge_embedding_loss": 3, "margin_ranking_loss": 4, "cosine_embedding_loss": 6, "triplet_margin_loss": 6,
    "multi_margin_loss": 3, "multilabel_margin_loss": 3, "nll_loss": 0, "nll_loss2d": 0, "nll_loss_nd": 0,
    "cross_entropy_loss": 5,
}  # fmt: skip


@aten(*LOSSES)
def loss(call: Call, self: Value, *others: Value) -> Value:
    """How far a prediction is off: what LOSSES says an element, and where they are added up one more for each."""
    out = declared(call)
    each = LOSSES[call.op] + (out == ())
    return call.figure("loss", out, [self, *others], words=call.op, elementwise=each * size(self.dims), reach=Reach.ALL)
