"""What a field's value has to be: a word, a yes or no, a share of one, or a count."""

from __future__ import annotations

from archcalc.configs.kinds import ACTIVATIONS
from archcalc.ops.kinds import show
from archcalc.untyped import Json

ACTS = frozenset({"hidden_act", "hidden_activation", "activation_function", "activation"})
FLAGS = frozenset(
    {
        "tie_word_embeddings", "attention_bias", "mlp_bias", "do_layer_norm_before", "enable_bias", "bias", "alibi",
        "use_parallel_residual", "new_decoder_architecture", "parallel_attn", "multi_query", "use_sliding_window",
        "_remove_final_layer_norm", "qkv_bias",
    }
)  # fmt: skip
MAY_BE_ZERO = frozenset(
    {"num_local_experts", "n_shared_experts", "first_k_dense_replace", "type_vocab_size", "max_window_layers"}
)
SHARES = frozenset({"rotary_pct"})
OTHERWISE = frozenset({"feed_forward_proj", "layer_types", "id2label", "layer_scale_init_value"})  # read by their kinds


def complaint(name: str, value: Json) -> str:
    """What is wrong with the value of a field, if anything; null is as if nothing was said."""
    if value is None or name in OTHERWISE:
        return ""
    if name in ACTS:
        known = isinstance(value, str) and value in ACTIVATIONS
        return "" if known else f"there is no activation {_shown(value)} here"
    if name in FLAGS:
        return "" if isinstance(value, bool) else f"must be true or false, got {_shown(value)}"
    if name in SHARES:
        return "" if _is_share(value) else f"must be a number from 0 to 1, got {_shown(value)}"
    if type(value) is not int:
        return f"must be a whole number, got {_shown(value)}"
    least = 0 if name in MAY_BE_ZERO else 1
    return "" if value >= least else f"must be a whole number, {least} or more, got {value}"


def _is_share(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _shown(value: Json) -> str:
    return (f"'{value}'" if isinstance(value, str) else show(value))[:40]


__all__ = ["complaint"]
