"""Configurations of Hugging Face against the models that transformers makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from running import Command

from archcalc.configs import KINDS, read_config
from archcalc.errors import SpecError, UsageError
from archcalc.model import Model, load

PICTURES = {
    "image_size": 48,
    "patch_size": 8,
    "num_channels": 2,
    "hidden_size": 40,
    "intermediate_size": 70,
    "num_hidden_layers": 2,
    "num_attention_heads": 5,
}
# transformers 5.24.0 on torch 2.14.1: parameters of the model made on the meta device, tied tensors once
CONFIGS = [
    (
        31667,
        {
            "model_type": "vit",
            "architectures": ["ViTForImageClassification"],
            **PICTURES,
            "id2label": {"0": "c0", "1": "c1", "2": "c2", "3": "c3", "4": "c4", "5": "c5", "6": "c6"},
            "qkv_bias": False,
        },
    ),
    (
        33260,
        {
            "model_type": "vit",
            "architectures": ["ViTModel"],
            **PICTURES,
        },
    ),
    (
        32274,
        {
            "model_type": "deit",
            "architectures": ["DeiTForImageClassificationWithTeacher"],
            **PICTURES,
            "id2label": {"0": "c0", "1": "c1", "2": "c2", "3": "c3", "4": "c4", "5": "c5", "6": "c6"},
        },
    ),
    (
        31782,
        {
            "model_type": "deit",
            "architectures": ["DeiTForImageClassification"],
            **PICTURES,
        },
    ),
    (
        33340,
        {
            "model_type": "deit",
            "architectures": ["DeiTModel"],
            **PICTURES,
        },
    ),
    (
        31747,
        {
            "model_type": "beit",
            "architectures": ["BeitForImageClassification"],
            **PICTURES,
            "id2label": {"0": "c0", "1": "c1", "2": "c2", "3": "c3", "4": "c4", "5": "c5", "6": "c6"},
            "use_relative_position_bias": True,
        },
    ),
    (
        88512,
        {
            "model_type": "phi3",
            "architectures": ["Phi3ForCausalLM"],
            "hidden_size": 64,
            "intermediate_size": 100,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "vocab_size": 101,
            "head_dim": 24,
        },
    ),
    (
        62755,
        {
            "model_type": "clip",
            "architectures": ["CLIPModel"],
            "projection_dim": 24,
            "text_config": {
                "hidden_size": 32,
                "intermediate_size": 50,
                "num_hidden_layers": 3,
                "num_attention_heads": 4,
                "vocab_size": 101,
                "max_position_embeddings": 19,
                "dropout": 0.0,
            },
            "vision_config": {
                "hidden_size": 40,
                "intermediate_size": 70,
                "num_hidden_layers": 2,
                "num_attention_heads": 5,
                "image_size": 48,
                "patch_size": 8,
            },
        },
    ),
    (
        73334,
        {
            "model_type": "siglip",
            "architectures": ["SiglipModel"],
            "text_config": {
                "hidden_size": 36,
                "intermediate_size": 50,
                "num_hidden_layers": 3,
                "num_attention_heads": 4,
                "vocab_size": 101,
                "max_position_embeddings": 19,
            },
            "vision_config": {
                "hidden_size": 36,
                "intermediate_size": 70,
                "num_hidden_layers": 2,
                "num_attention_heads": 3,
                "image_size": 48,
                "patch_size": 8,
            },
        },
    ),
    (
        151277313,
        {"model_type": "clip"},
    ),
    (
        203155970,
        {"model_type": "siglip"},
    ),
    (
        149020929,
        {"model_type": "clip", "vision_config": {"image_size": 48, "patch_size": 7}},
    ),
    (
        140100,
        {
            "model_type": "gpt2",
            "architectures": ["GPT2LMHeadModel"],
            "n_embd": 60,
            "n_layer": 3,
            "n_head": 5,
            "vocab_size": 101,
            "n_positions": 33,
        },
    ),
    (
        74888,
        {
            "model_type": "gpt2",
            "architectures": ["GPT2LMHeadModel"],
            "n_embd": 64,
            "n_layer": 2,
            "n_head": 4,
            "vocab_size": 101,
            "n_positions": 33,
            "n_inner": 100,
            "tie_word_embeddings": False,
        },
    ),
    (
        172096,
        {
            "model_type": "gpt2",
            "architectures": ["GPT2Model"],
            "n_embd": 64,
            "n_layer": 2,
            "n_head": 4,
            "vocab_size": 101,
        },
    ),
    (
        223470,
        {
            "model_type": "opt",
            "architectures": ["OPTForCausalLM"],
            "hidden_size": 64,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "ffn_dim": 90,
            "vocab_size": 77,
            "word_embed_proj_dim": 32,
            "do_layer_norm_before": False,
        },
    ),
    (
        331196416,
        {
            "model_type": "opt",
            "architectures": ["OPTForCausalLM"],
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "ffn_dim": 4096,
            "vocab_size": 50272,
            "word_embed_proj_dim": 512,
            "do_layer_norm_before": False,
        },
    ),
    (
        93760,
        {
            "model_type": "opt",
            "architectures": ["OPTForCausalLM"],
            "hidden_size": 64,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "ffn_dim": 90,
            "vocab_size": 77,
            "enable_bias": False,
            "max_position_embeddings": 64,
        },
    ),
    (
        221966,
        {
            "model_type": "opt",
            "architectures": ["OPTModel"],
            "hidden_size": 64,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "ffn_dim": 90,
            "vocab_size": 77,
        },
    ),
    (
        1065314304,
        {
            "model_type": "bloom",
            "architectures": ["BloomForCausalLM"],
            "hidden_size": 1536,
            "n_layer": 24,
            "n_head": 16,
        },
    ),
    (
        176247271424,
        {
            "model_type": "bloom",
            "architectures": ["BloomForCausalLM"],
            "hidden_size": 14336,
            "n_layer": 70,
            "n_head": 112,
        },
    ),
    (
        89760,
        {
            "model_type": "bloom",
            "architectures": ["BloomModel"],
            "hidden_size": 48,
            "n_layer": 3,
            "n_head": 6,
            "vocab_size": 99,
        },
    ),
    (
        41303293952,
        {
            "model_type": "falcon",
            "architectures": ["FalconForCausalLM"],
            "hidden_size": 8192,
            "num_hidden_layers": 60,
            "num_attention_heads": 128,
            "num_kv_heads": 8,
            "new_decoder_architecture": True,
            "vocab_size": 65024,
        },
    ),
    (
        102848,
        {
            "model_type": "falcon",
            "architectures": ["FalconForCausalLM"],
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "new_decoder_architecture": True,
            "vocab_size": 65,
            "num_ln_in_parallel_attn": 1,
        },
    ),
    (
        104256,
        {
            "model_type": "falcon",
            "architectures": ["FalconForCausalLM"],
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "multi_query": False,
            "parallel_attn": False,
            "bias": True,
            "alibi": True,
            "vocab_size": 65,
        },
    ),
    (
        50880,
        {
            "model_type": "falcon",
            "architectures": ["FalconForCausalLM"],
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "ffn_hidden_size": 100,
            "parallel_attn": False,
            "vocab_size": 65,
        },
    ),
    (
        68168,
        {
            "model_type": "gpt_neox",
            "architectures": ["GPTNeoXForCausalLM"],
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 100,
            "vocab_size": 65,
        },
    ),
    (20554567680, {"model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"]}),
    (
        63496,
        {
            "model_type": "gpt_neox",
            "architectures": ["GPTNeoXForCausalLM"],
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 100,
            "vocab_size": 65,
            "attention_bias": False,
            "tie_word_embeddings": True,
            "use_parallel_residual": False,
        },
    ),
    (
        84944,
        {
            "model_type": "llama",
            "architectures": ["LlamaForCausalLM"],
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "intermediate_size": 100,
            "vocab_size": 65,
            "attention_bias": True,
            "mlp_bias": True,
            "head_dim": 24,
        },
    ),
    (
        1235814400,
        {
            "model_type": "llama",
            "architectures": ["LlamaForCausalLM"],
            "hidden_size": 2048,
            "num_hidden_layers": 16,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "intermediate_size": 8192,
            "vocab_size": 128256,
            "tie_word_embeddings": True,
        },
    ),
    (
        70553706496,
        {
            "model_type": "llama",
            "architectures": ["LlamaForCausalLM"],
            "hidden_size": 8192,
            "num_hidden_layers": 80,
            "num_attention_heads": 64,
            "num_key_value_heads": 8,
            "intermediate_size": 28672,
            "vocab_size": 128256,
        },
    ),
    (
        75648,
        {
            "model_type": "llama",
            "architectures": ["LlamaModel"],
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 100,
            "vocab_size": 65,
        },
    ),
    (6738415616, {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}),
    (
        71616,
        {
            "model_type": "mistral",
            "architectures": ["MistralForCausalLM"],
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 16,
            "intermediate_size": 100,
            "vocab_size": 65,
        },
    ),
    (
        12247782400,
        {
            "model_type": "mistral",
            "architectures": ["MistralForCausalLM"],
            "hidden_size": 5120,
            "num_hidden_layers": 40,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "intermediate_size": 14336,
            "vocab_size": 131072,
            "sliding_window": None,
        },
    ),
    (
        225856,
        {
            "model_type": "mixtral",
            "architectures": ["MixtralForCausalLM"],
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 16,
            "intermediate_size": 100,
            "vocab_size": 65,
            "num_local_experts": 5,
        },
    ),
    (
        7615616512,
        {
            "model_type": "qwen2",
            "architectures": ["Qwen2ForCausalLM"],
            "hidden_size": 3584,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "intermediate_size": 18944,
            "vocab_size": 152064,
        },
    ),
    (
        32763876352,
        {
            "model_type": "qwen2",
            "architectures": ["Qwen2ForCausalLM"],
            "hidden_size": 5120,
            "num_hidden_layers": 64,
            "num_attention_heads": 40,
            "num_key_value_heads": 8,
            "intermediate_size": 27648,
            "vocab_size": 152064,
        },
    ),
    (
        596049920,
        {
            "model_type": "qwen3",
            "architectures": ["Qwen3ForCausalLM"],
            "hidden_size": 1024,
            "num_hidden_layers": 28,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "intermediate_size": 3072,
            "tie_word_embeddings": True,
        },
    ),
    (
        8190735360,
        {
            "model_type": "qwen3",
            "architectures": ["Qwen3ForCausalLM"],
            "hidden_size": 4096,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "intermediate_size": 12288,
        },
    ),
    (
        2506172416,
        {
            "model_type": "gemma",
            "architectures": ["GemmaForCausalLM"],
            "hidden_size": 2048,
            "num_hidden_layers": 18,
            "num_attention_heads": 8,
            "num_key_value_heads": 1,
            "intermediate_size": 16384,
        },
    ),
    (
        16464288,
        {
            "model_type": "gemma",
            "architectures": ["GemmaForCausalLM"],
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 40,
            "intermediate_size": 100,
            "attention_bias": True,
        },
    ),
    (2614341888, {"model_type": "gemma2", "architectures": ["Gemma2ForCausalLM"]}),
    (
        16503872,
        {
            "model_type": "gemma2",
            "architectures": ["Gemma2ForCausalLM"],
            "hidden_size": 64,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 40,
            "intermediate_size": 100,
        },
    ),
    (
        3368094720,
        {
            "model_type": "phi3",
            "architectures": ["Phi3ForCausalLM"],
            "hidden_size": 3072,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "intermediate_size": 8192,
            "vocab_size": 32064,
        },
    ),
    (
        2631488,
        {
            "model_type": "phi3",
            "architectures": ["Phi3ForCausalLM"],
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 100,
            "tie_word_embeddings": True,
            "vocab_size": 40000,
        },
    ),
    (
        125168,
        {
            "model_type": "deepseek_v2",
            "architectures": ["DeepseekV2ForCausalLM"],
            "hidden_size": 64,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "intermediate_size": 100,
            "moe_intermediate_size": 24,
            "n_routed_experts": 6,
            "num_experts_per_tok": 2,
            "n_shared_experts": 1,
            "first_k_dense_replace": 1,
            "q_lora_rank": None,
            "kv_lora_rank": 16,
            "qk_rope_head_dim": 8,
            "qk_nope_head_dim": 12,
            "v_head_dim": 10,
            "vocab_size": 65,
        },
    ),
    (671026404352, {"model_type": "deepseek_v3", "architectures": ["DeepseekV3ForCausalLM"]}),
    (
        146736,
        {
            "model_type": "deepseek_v3",
            "architectures": ["DeepseekV3ForCausalLM"],
            "hidden_size": 64,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "intermediate_size": 100,
            "moe_intermediate_size": 24,
            "n_routed_experts": 8,
            "num_experts_per_tok": 2,
            "n_shared_experts": 2,
            "first_k_dense_replace": 1,
            "q_lora_rank": 20,
            "kv_lora_rank": 16,
            "qk_rope_head_dim": 8,
            "qk_nope_head_dim": 12,
            "v_head_dim": 10,
            "vocab_size": 65,
            "n_group": 2,
            "topk_group": 1,
            "attention_bias": True,
        },
    ),
    (108310272, {"model_type": "bert", "architectures": ["BertModel"], "vocab_size": 28996}),
    (109514298, {"model_type": "bert", "architectures": ["BertForMaskedLM"]}),
    (
        107757,
        {
            "model_type": "bert",
            "architectures": ["BertForPreTraining"],
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 100,
            "vocab_size": 99,
        },
    ),
    (
        124645632,
        {
            "model_type": "roberta",
            "architectures": ["RobertaModel"],
            "max_position_embeddings": 514,
            "type_vocab_size": 1,
        },
    ),
    (
        355412057,
        {
            "model_type": "roberta",
            "architectures": ["RobertaForMaskedLM"],
            "max_position_embeddings": 514,
            "type_vocab_size": 1,
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
        },
    ),
    (
        355359744,
        {
            "model_type": "roberta",
            "architectures": ["RobertaModel"],
            "max_position_embeddings": 514,
            "type_vocab_size": 1,
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
        },
    ),
    (66362880, {"model_type": "distilbert", "architectures": ["DistilBertModel"]}),
    (
        2080834,
        {
            "model_type": "distilbert",
            "architectures": ["DistilBertForMaskedLM"],
            "n_layers": 2,
            "dim": 64,
            "n_heads": 4,
            "hidden_dim": 100,
        },
    ),
    (
        222903552,
        {
            "model_type": "t5",
            "architectures": ["T5ForConditionalGeneration"],
            "d_model": 768,
            "d_ff": 3072,
            "num_layers": 12,
            "num_heads": 12,
        },
    ),
    (
        11307321344,
        {
            "model_type": "t5",
            "architectures": ["T5ForConditionalGeneration"],
            "d_model": 1024,
            "d_ff": 65536,
            "num_layers": 24,
            "num_heads": 128,
            "d_kv": 128,
        },
    ),
    (
        2645568,
        {
            "model_type": "t5",
            "architectures": ["T5ForConditionalGeneration"],
            "d_model": 64,
            "d_ff": 100,
            "num_layers": 2,
            "num_heads": 4,
            "num_decoder_layers": 3,
            "relative_attention_num_buckets": 16,
        },
    ),
    (
        763857920,
        {
            "model_type": "whisper",
            "architectures": ["WhisperForConditionalGeneration"],
            "d_model": 1024,
            "encoder_layers": 24,
            "decoder_layers": 24,
            "encoder_attention_heads": 16,
            "decoder_attention_heads": 16,
            "encoder_ffn_dim": 4096,
            "decoder_ffn_dim": 4096,
        },
    ),
    (
        1543490560,
        {
            "model_type": "whisper",
            "architectures": ["WhisperForConditionalGeneration"],
            "d_model": 1280,
            "encoder_layers": 32,
            "decoder_layers": 32,
            "encoder_attention_heads": 20,
            "decoder_attention_heads": 20,
            "encoder_ffn_dim": 5120,
            "decoder_ffn_dim": 5120,
            "num_mel_bins": 128,
            "vocab_size": 51866,
        },
    ),
    (
        808878080,
        {
            "model_type": "whisper",
            "architectures": ["WhisperForConditionalGeneration"],
            "d_model": 1280,
            "encoder_layers": 32,
            "decoder_layers": 4,
            "encoder_attention_heads": 20,
            "decoder_attention_heads": 20,
            "encoder_ffn_dim": 5120,
            "decoder_ffn_dim": 5120,
            "num_mel_bins": 128,
            "vocab_size": 51866,
        },
    ),
]


def params(config: dict[str, Any]) -> Any:
    return Model(read_config(json.dumps(config), "config.json")).count().totals["params"]


@pytest.mark.parametrize(("expected", "config"), CONFIGS)
def test_a_configuration_has_as_many_parameters_as_the_model_that_is_made_of_it(
    expected: int, config: dict[str, Any]
) -> None:
    assert params(config) == expected


def test_every_type_is_held_against_a_model() -> None:
    assert {config["model_type"] for _, config in CONFIGS} == set(KINDS)
    assert len(KINDS) >= 20


LLAMA = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 65}


@pytest.mark.parametrize(
    ("changed", "field", "message"),
    [
        ({"model_type": "llame"}, "model_type", "there is no family of the type 'llame'; did you mean 'llama'?"),
        ({"architectures": ["LlamaForSequenceClassification"]}, "architectures", "has no form here"),
        ({"hidden_act": "tan"}, "hidden_act", "there is no activation 'tan' here"),
        ({"hidden_act": 5}, "hidden_act", "there is no activation 5 here"),
        ({"hidden_size": "wide"}, "hidden_size", "must be a whole number, got 'wide'"),
        ({"hidden_size": True}, "hidden_size", "must be a whole number, got true"),
        ({"hidden_size": 0}, "hidden_size", "must be a whole number, 1 or more, got 0"),
        ({"num_hidden_layers": -2}, "num_hidden_layers", "must be a whole number, 1 or more, got -2"),
        ({"tie_word_embeddings": "true"}, "tie_word_embeddings", "must be true or false, got 'true'"),
        ({"tie_word_embeddings": 1}, "tie_word_embeddings", "must be true or false, got 1"),
        ({"model_type": "gpt_neox", "rotary_pct": 1.5}, "rotary_pct", "must be a number from 0 to 1, got 1.5"),
        ({"model_type": "falcon", "multi_query": "no"}, "multi_query", "must be true or false, got 'no'"),
        ({"model_type": "falcon", "ffn_hidden_size": "x"}, "ffn_hidden_size", "must be a whole number, got 'x'"),
        ({"model_type": "gemma2", "sliding_window": -4}, "sliding_window", "1 or more, got -4"),
        (
            {"model_type": "beit", "use_relative_position_bias": False},
            "use_relative_position_bias",
            "false has no form",
        ),
        ({"model_type": "vit", "id2label": 5}, "id2label", "the names of the classes are an object"),
        ({"model_type": "vit", "image_size": [224, 224]}, "image_size", "must be a whole number"),
        ({"num_experts": 8}, "num_experts", "8 has no form here"),
        ({"num_local_experts": 8}, "num_local_experts", "8 has no form here"),
        ({"qk_norm": True}, "qk_norm", "true has no form here"),
        ({"model_type": "mistral", "attention_bias": True}, "attention_bias", "true has no form here"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "layer_types", "have no form here"),
        ({"model_type": "qwen3", "layer_types": ["sliding_attention"] * 2}, "layer_types", "have no form here"),
        ({"model_type": "bert", "position_embedding_type": "relative_key"}, "position_embedding_type", "no form here"),
        ({"model_type": "t5", "feed_forward_proj": "gated-foo"}, "feed_forward_proj", "there is no form"),
        ({"hidden_size": 6.5}, "hidden_size", "must be a whole number, got 6.5"),
        ({"hidden_size": [64]}, "hidden_size", "must be a whole number, got (64)"),
        (
            {"model_type": "gpt2", "add_cross_attention": True},
            "add_cross_attention",
            "true has no form here, only false",
        ),
        ({"model_type": "qwen2", "use_sliding_window": True}, "use_sliding_window", "it must be false"),
        ({"model_type": "t5", "is_decoder": True}, "is_decoder", "true has no form here, only false"),
        ({"model_type": "t5", "feed_forward_proj": "swish-relu"}, "feed_forward_proj", "there is no form"),
        ({"model_type": "deepseek_v3", "moe_layer_freq": 2}, "moe_layer_freq", "2 has no form here, only 1"),
    ],
)
def test_what_would_change_the_count_and_has_no_form_is_refused_where_it_stands(
    changed: dict[str, Any], field: str, message: str
) -> None:
    text = json.dumps(LLAMA | changed, indent=1)
    with pytest.raises(SpecError) as caught:
        read_config(text, "config.json")
    problem = next(problem for problem in caught.value.problems if message in problem.message)
    assert problem.mark is not None
    assert f'"{field}"' in text.splitlines()[problem.mark.line - 1]


def test_what_other_decoders_have_may_be_said_to_be_none_and_null_is_as_if_nothing_was_said() -> None:
    nothing = {"num_local_experts": 0, "qk_norm": False, "attention_bias": False, "layer_types": ["full_attention"] * 2}
    assert params(LLAMA | nothing | {"hidden_act": None, "head_dim": None}) == params(LLAMA)
    assert params({"model_type": "gpt_neox", "rotary_pct": None}) == params({"model_type": "gpt_neox"})


def test_fields_that_are_not_used_are_named(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(LLAMA | {"of_tomorrow": 3, "bos_token_id": 1}))
    (note,) = load(str(file)).count().graph.notes
    assert note.endswith("bos_token_id, of_tomorrow")


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", '{"model_type": 3}', "[" * 100_000])
def test_what_is_no_configuration_is_said_to_be_none(text: str) -> None:
    with pytest.raises(UsageError, match=r"config\.json"):
        read_config(text, "config.json")


def test_published_image_networks_have_as_many_parameters_as_their_papers_code() -> None:
    """timm 1.0.31: vit_base_patch16_224, deit_base_distilled_patch16_224, beit_large_patch16_224."""
    labels = {"id2label": {str(n): f"class {n}" for n in range(1000)}, "image_size": 224, "patch_size": 16}
    large = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    assert params({"model_type": "vit", "architectures": ["ViTForImageClassification"]} | labels) == 86_567_656
    teacher = {"model_type": "deit", "architectures": ["DeiTForImageClassificationWithTeacher"]}
    assert params(teacher | labels) == 87_338_192
    beit = {"model_type": "beit", "architectures": ["BeitForImageClassification"], "use_relative_position_bias": True}
    assert params(beit | labels | large) == 304_430_568


def test_configurations_are_compared_as_specs_are(archcalc: Command, tmp_path: Path) -> None:
    small, large = tmp_path / "small.json", tmp_path / "large.json"
    small.write_text(json.dumps(LLAMA))
    large.write_text(json.dumps(LLAMA | {"vocab_size": 75}))
    found = archcalc("compare", str(small), str(large), "--format", "json").out
    assert str(params(LLAMA | {"vocab_size": 75})) in found
