"""The types of models: which family each is of, and which field of a configuration is which parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archcalc.records import Record
from archcalc.untyped import Json

Config = Mapping[str, Json]
Values = dict[str, Json]
ACTIVATIONS = {
    "gelu": "gelu", "gelu_new": "gelu", "gelu_fast": "gelu", "gelu_pytorch_tanh": "gelu", "quick_gelu": "gelu",
    "silu": "silu", "swish": "silu", "relu": "relu", "tanh": "tanh",
}  # fmt: skip
MODEL_TYPE, ARCHITECTURES = "model_type", "architectures"
ABOUT = frozenset({MODEL_TYPE, ARCHITECTURES, "transformers_version", "_name_or_path", "torch_dtype", "dtype"})


def _nothing(config: Config) -> Values:
    return {}


class Kind(Record):
    """What a `model_type` is: a family, its parameters by the fields that give them, and what the library takes where a
    field is missing. `only`: fields that must have one of these values, for any other changes the network. `more`:
    parameters that follow from several fields (`reads`). `heads`: what ends the names of architectures, and the
    parameters that they mean.
    """

    family: str
    fields: Mapping[str, str]
    missing: Config = {}
    only: Mapping[str, tuple[Json, ...]] = {}
    more: Callable[[Config], Values] = _nothing
    reads: tuple[str, ...] = ()
    parts: Mapping[str, tuple[str, ...]] = {}  # objects in it, and the fields they are read for
    heads: Mapping[str, Values] = {}
    whole: Values = {}  # where no architecture is named


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


CAUSAL: Mapping[str, Values] = {"ForCausalLM": {"head": True}, "LMHeadModel": {"head": True}, "Model": {"head": False}}
DECODER = _same(
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
    "hidden_act", "tie_word_embeddings", "head_dim",
)  # fmt: skip
LLAMA: Values = {
    "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
    "num_attention_heads": 32, "hidden_act": "silu", "tie_word_embeddings": False,
}  # fmt: skip
QWEN = LLAMA | {"vocab_size": 151936, "intermediate_size": 22016, "num_key_value_heads": 32}
MISTRAL = LLAMA | {"intermediate_size": 14336, "num_key_value_heads": 8, "sliding_window": 4096}
GEMMA: Values = {
    "vocab_size": 256000, "hidden_size": 3072, "intermediate_size": 24576, "num_hidden_layers": 28,
    "num_attention_heads": 16, "num_key_value_heads": 16, "head_dim": 256, "tie_word_embeddings": True,
}  # fmt: skip
LATENT = _same(
    "vocab_size", "hidden_size", "intermediate_size", "moe_intermediate_size", "num_hidden_layers",
    "num_attention_heads", "n_shared_experts", "n_routed_experts", "num_experts_per_tok", "first_k_dense_replace",
    "q_lora_rank", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "attention_bias",
    "tie_word_embeddings",
)  # fmt: skip
BERT = _same(
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
    "max_position_embeddings", "type_vocab_size",
)  # fmt: skip
BERT_MISSING: Values = {
    "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
    "intermediate_size": 3072, "hidden_act": "gelu", "max_position_embeddings": 512, "type_vocab_size": 2,
}  # fmt: skip
POOLED: Mapping[str, Values] = {
    "ForPreTraining": {"head": "pretraining"}, "ForMaskedLM": {"head": "mlm"}, "Model": {"head": "pooler"},
}  # fmt: skip
ENCODER_ONLY: Mapping[str, tuple[Json, ...]] = {
    "is_decoder": (False,), "add_cross_attention": (False,), "tie_word_embeddings": (True,),
    "position_embedding_type": ("absolute", None),
}  # fmt: skip
NEITHER = (False, None)
PLAIN: Mapping[str, tuple[Json, ...]] = {  # what other decoders have, where a kind says nothing of it
    **dict.fromkeys(("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"), (0, None)),
    **dict.fromkeys(("attention_bias", "mlp_bias", "qkv_bias", "use_bias", "bias", "add_qkv_bias"), NEITHER),
    **dict.fromkeys(("qk_norm", "use_qk_norm", "qk_layernorm", "add_cross_attention"), NEITHER),
}


def _windows(config: Config) -> Values:
    """Qwen's windows: only where they are turned on, and then from a layer on."""
    message = "windows in some of the layers have no form here"
    if config.get("use_sliding_window"):
        raise ValueError("use_sliding_window", f"{message}; it must be false")
    if any(kind != "full_attention" for kind in config.get("layer_types") or ()):
        raise ValueError("layer_types", message)
    return {}


def _alternating(config: Config) -> Values:
    kinds = config.get("layer_types")
    found = [kind == "sliding_attention" for kind in kinds] if isinstance(kinds, list) else []
    if found != [n % 2 == 0 for n in range(len(found))]:
        raise ValueError("layer_types", "every second layer has a window, beginning with the first")
    act = config.get("hidden_activation") or config.get("hidden_act") or "gelu_pytorch_tanh"
    return {"hidden_act": act, "sliding_window": config.get("sliding_window", 4096)}


def _falcon(config: Config) -> Values:
    new, parallel = config.get("new_decoder_architecture", False), config.get("parallel_attn", True)
    heads = config.get("num_attention_heads", 71)
    norms = config.get("num_ln_in_parallel_attn")
    old = 1 if config.get("multi_query", True) else heads
    return {
        "kv_heads": (config.get("num_kv_heads") or heads) if new else old,
        "parallel_attn": parallel or new,
        "norms": (norms or 2) if new else 1,
        "ffn_hidden_size": config.get("ffn_hidden_size") or 4 * config.get("hidden_size", 4544),
    }


def _t5(config: Config) -> Values:
    told = config.get("feed_forward_proj", "relu")
    gate, _, act = str(told).rpartition("-")
    if gate not in ("", "gated") or ACTIVATIONS.get(act) not in ("relu", "gelu", "silu"):
        raise ValueError("feed_forward_proj", f"there is no form for '{told}'")
    layers = config.get("num_decoder_layers") or config.get("num_layers", 6)
    return {"gated": gate == "gated", "act": act, "num_decoder_layers": layers}


def _opt(config: Config) -> Values:
    before = config.get("do_layer_norm_before", True)
    width = config.get("word_embed_proj_dim") or config.get("hidden_size", 768)
    return {
        "final_layer_norm": before and not config.get("_remove_final_layer_norm", False),
        "word_embed_proj_dim": width,
    }


def _neox(config: Config) -> Values:
    return {"rotary_pct": config["rotary_pct"]} if config.get("rotary_pct") is not None else {}


TOWER = {
    "hidden_size": "hidden_size", "intermediate_size": "intermediate_size", "num_hidden_layers": "layers",
    "num_attention_heads": "heads", "hidden_act": "act",
}  # fmt: skip
TOWERS = {
    "vision": {name: f"vision_{to}" for name, to in TOWER.items()} | _same("image_size", "num_channels", "patch_size"),
    "text": {name: f"text_{to}" for name, to in TOWER.items()} | _same("vocab_size", "max_position_embeddings"),
}
CLIP: Values = {
    "vision_intermediate_size": 3072, "text_intermediate_size": 2048, "patch_size": 32, "vocab_size": 49408,
    "max_position_embeddings": 77, "text_hidden_size": 512, "text_heads": 8,
}  # fmt: skip
SIGLIP: Values = {
    "loss": "sigmoid", "vision_intermediate_size": 3072, "text_intermediate_size": 3072, "patch_size": 16,
    "vocab_size": 32000, "max_position_embeddings": 64, "text_hidden_size": 768, "text_heads": 12,
}  # fmt: skip


def _towers(config: Config, missing: Values) -> Values:
    """What the configurations of the two towers say, in an object each."""
    values = dict(missing)
    for tower, fields in TOWERS.items():
        values |= {
            fields[name]: _fitting(f"{tower}_config", name, value)
            for name, value in _tower(config, tower).items()
            if name in fields and value is not None
        }
    return values


def _tower(config: Config, tower: str) -> Config:
    """A tower's configuration; files of the first versions say it again under another name, which counts."""
    found: Values = {}
    for name in (f"{tower}_config", f"{tower}_config_dict"):
        part = config.get(name) or {}
        if not isinstance(part, dict):
            raise ValueError(name, "the configuration of a tower is an object of fields")
        found |= part
    return found


def _fitting(tower: str, name: str, value: object) -> object:
    known = value in ACTIVATIONS if isinstance(value, str) else type(value) is int and value >= 1
    if not known or isinstance(value, str) != (name == "hidden_act"):
        raise ValueError(tower, f"{name}: {str(value)[:40]} has no form here")
    return value


def _clip(config: Config) -> Values:
    return _towers(config, CLIP) | {"projection_dim": config.get("projection_dim") or 512}


def _siglip(config: Config) -> Values:
    values = _towers(config, SIGLIP)
    width = _tower(config, "text").get("projection_size") or values["text_hidden_size"]
    if _tower(config, "vision").get("vision_use_head") is False:
        raise ValueError("vision_config", "vision_use_head: it must be true")
    if width != values.get("vision_hidden_size", 768):
        raise ValueError("text_config", "projection_size: it must be the hidden_size of vision_config")
    return values | {"projection_dim": width}


IMAGES = {
    "image_size": "size", "patch_size": "patch", "num_channels": "channels", "num_hidden_layers": "depth",
    "hidden_size": "dim", "num_attention_heads": "heads", "intermediate_size": "hidden", "hidden_act": "act",
}  # fmt: skip
IMAGES_MISSING: Values = {"intermediate_size": 3072}
POOLED_IMAGES: Mapping[str, Values] = {"ForImageClassification": {}, "Model": {"head": "pooler"}}


def _classes(config: Config) -> Values:
    """How many classes an image may be of: those that have names, or as many as are said, or two."""
    names = config.get("id2label")
    if names is not None and not isinstance(names, dict):
        raise ValueError("id2label", "the names of the classes are an object")
    return {"classes": len(names) if names else config.get("num_labels") or 2}


def _beit(config: Config) -> Values:
    if not config.get("use_relative_position_bias"):  # the library has none where nothing is said
        raise ValueError("use_relative_position_bias", "it must be true")
    if not config.get("layer_scale_init_value", 0.1):
        raise ValueError("layer_scale_init_value", "it must be above 0, for layers have scales here")
    return _classes(config)


LABELS = ("id2label", "num_labels")
PAIRED = {
    f"{tower}_config{more}": (*fields, *also)
    for more in ("", "_dict")
    for (tower, fields), also in zip(TOWERS.items(), (("vision_use_head",), ("projection_size",)), strict=True)
}
KINDS: dict[str, Kind] = {
    "gpt2": Kind(
        "gpt2",
        _same("vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "n_inner", "activation_function",
              "tie_word_embeddings"),
        {"vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12},
        only={"add_cross_attention": (False,)},
        heads=CAUSAL,
    ),
    "opt": Kind(
        "opt",
        _same("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "ffn_dim",
              "max_position_embeddings", "do_layer_norm_before", "enable_bias", "activation_function",
              "tie_word_embeddings"),
        {"ffn_dim": 3072},
        only={"layer_norm_elementwise_affine": (True,)},
        more=_opt,
        reads=("_remove_final_layer_norm", "word_embed_proj_dim"),
        heads=CAUSAL,
    ),
    "bloom": Kind(
        "bloom",
        _same("vocab_size", "hidden_size", "n_layer", "n_head", "tie_word_embeddings")
        | {"n_embed": "hidden_size", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head"},
        {"hidden_size": 64, "n_layer": 2, "n_head": 8},
        heads=CAUSAL,
    ),
    "falcon": Kind(
        "falcon",
        _same("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "bias", "alibi",
              "tie_word_embeddings"),
        only={"activation": ("gelu",)},
        more=_falcon,
        reads=("new_decoder_architecture", "parallel_attn", "multi_query", "num_kv_heads", "num_ln_in_parallel_attn",
               "ffn_hidden_size"),
        heads=CAUSAL,
    ),
    "gpt_neox": Kind(
        "gpt_neox",
        _same("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
              "hidden_act", "attention_bias", "use_parallel_residual", "tie_word_embeddings"),
        {"vocab_size": 50432, "hidden_size": 6144, "num_hidden_layers": 44, "num_attention_heads": 64,
         "intermediate_size": 24576},
        more=_neox,
        reads=("rotary_pct",),
        heads=CAUSAL,
    ),
    "llama": Kind("llama", DECODER | _same("attention_bias", "mlp_bias"), LLAMA, PLAIN, heads=CAUSAL),
    "mistral": Kind("llama", DECODER | _same("sliding_window"), MISTRAL, PLAIN, heads=CAUSAL),
    "mixtral": Kind(
        "llama",
        DECODER | _same("sliding_window", "num_local_experts", "num_experts_per_tok"),
        MISTRAL | {"sliding_window": None, "num_local_experts": 8, "num_experts_per_tok": 2},
        PLAIN,
        heads=CAUSAL,
    ),
    "qwen2": Kind(
        "llama", DECODER, QWEN | {"attention_bias": "qkv"}, {**PLAIN, "attention_bias": (True, *NEITHER)},
        more=_windows, reads=("use_sliding_window", "sliding_window", "max_window_layers", "layer_types"), heads=CAUSAL,
    ),
    "qwen3": Kind(
        "llama", DECODER | _same("attention_bias"), QWEN | {"head_dim": 128, "qk_norm": True}, PLAIN, more=_windows,
        reads=("use_sliding_window", "sliding_window", "max_window_layers", "layer_types"), heads=CAUSAL,
    ),
    "gemma": Kind(
        "llama", DECODER | _same("attention_bias"), GEMMA | {"hidden_act": "gelu_pytorch_tanh"}, PLAIN, heads=CAUSAL,
    ),
    "gemma2": Kind(
        "llama",
        {name: to for name, to in (DECODER | _same("attention_bias")).items() if name != "hidden_act"},
        GEMMA | {
            "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8,
            "num_key_value_heads": 4, "post_norms": True, "sliding_every": 2,
        },
        PLAIN,
        more=_alternating,
        reads=("hidden_activation", "hidden_act", "sliding_window", "layer_types"),
        heads=CAUSAL,
    ),
    "phi3": Kind(
        "llama",
        DECODER | _same("sliding_window"),
        LLAMA | {"vocab_size": 32064, "hidden_size": 3072, "intermediate_size": 8192},
        only={**PLAIN, "partial_rotary_factor": (1, 1.0)},
        heads=CAUSAL,
    ),
    "deepseek_v2": Kind(
        "deepseek", LATENT,
        {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
         "first_k_dense_replace": 0, "n_routed_experts": 64, "moe_intermediate_size": 1407},
        only={**PLAIN, "moe_layer_freq": (1,), "hidden_act": ("silu",), "mlp_bias": (False,)},
        heads=CAUSAL,
    ),
    "deepseek_v3": Kind(
        "deepseek", LATENT,
        {"vocab_size": 129280, "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048,
         "num_hidden_layers": 61, "n_shared_experts": 1, "n_routed_experts": 256, "num_experts_per_tok": 8,
         "first_k_dense_replace": 3},
        only={**PLAIN, "moe_layer_freq": (1,), "hidden_act": ("silu",)},
        heads=CAUSAL,
    ),
    "bert": Kind("bert", BERT, BERT_MISSING, ENCODER_ONLY, heads=POOLED),
    "roberta": Kind("bert", BERT, BERT_MISSING | {"vocab_size": 50265}, ENCODER_ONLY, heads=POOLED),
    "distilbert": Kind(
        "bert",
        {"vocab_size": "vocab_size", "dim": "hidden_size", "n_layers": "num_hidden_layers",
         "n_heads": "num_attention_heads", "hidden_dim": "intermediate_size", "activation": "hidden_act",
         "max_position_embeddings": "max_position_embeddings"},
        {"n_layers": 6, "dim": 768, "n_heads": 12, "hidden_dim": 3072, "type_vocab_size": 0},
        only={"tie_word_embeddings": (True,)},
        heads={"ForMaskedLM": {"head": "mlm"}, "Model": {"head": "none"}},
        whole={"head": "none"},
    ),
    "t5": Kind(
        "t5",
        _same("vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_heads", "relative_attention_num_buckets",
              "tie_word_embeddings"),
        only={"is_decoder": (False,)},
        more=_t5,
        reads=("feed_forward_proj", "num_decoder_layers"),
        heads={"ForConditionalGeneration": {}, "WithLMHeadModel": {}},
    ),
    "whisper": Kind(
        "whisper",
        _same("vocab_size", "num_mel_bins", "d_model", "encoder_layers", "decoder_layers", "encoder_attention_heads",
              "decoder_attention_heads", "encoder_ffn_dim", "decoder_ffn_dim", "max_source_positions",
              "max_target_positions", "tie_word_embeddings"),
        {"encoder_ffn_dim": 1536, "decoder_ffn_dim": 1536, "decoder_attention_heads": 6},
        only={"activation_function": ("gelu",)},
        heads={"ForConditionalGeneration": {}},
    ),
    "vit": Kind(
        "vit", IMAGES | _same("qkv_bias"), IMAGES_MISSING, more=_classes, reads=LABELS, heads=POOLED_IMAGES,
        whole={"head": "pooler"},
    ),
    "deit": Kind(
        "vit", IMAGES | _same("qkv_bias"), IMAGES_MISSING | {"tokens": 2}, more=_classes, reads=LABELS,
        heads={"WithTeacher": {"head": "teacher"}, **POOLED_IMAGES}, whole={"head": "pooler"},
    ),
    "beit": Kind(
        "beit",
        IMAGES,
        IMAGES_MISSING,
        only={
            "use_relative_position_bias": (True,), "use_shared_relative_position_bias": NEITHER,
            "use_absolute_position_embeddings": NEITHER, "use_mask_token": NEITHER, "use_mean_pooling": (True,),
        },
        more=_beit,
        reads=(*LABELS, "layer_scale_init_value"),
        heads={"ForImageClassification": {}},
    ),
    "clip": Kind("clip", {}, more=_clip, reads=("projection_dim",), parts=PAIRED, heads={"CLIPModel": {}}),
    "siglip": Kind("clip", {}, more=_siglip, parts=PAIRED, heads={"SiglipModel": {}}),
}  # fmt: skip
