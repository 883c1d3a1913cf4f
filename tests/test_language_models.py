"""Language models: experts, caches, and the figures that their papers and files give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archcalc.model import load, read


def figures(body: str, shape: str = "[16, 10]", **question: object) -> dict[str, object]:
    text = f"archcalc: 1\nname: t\ninput: {shape}\nparams: {{past: 0, n: 4}}\nlayers:\n{body}"
    return dict(read(text, "t.yaml").count(**question).totals)  # type: ignore[arg-type]


def test_a_position_meets_the_router_and_the_experts_that_it_takes() -> None:
    totals = figures("  - moe 8 top=2 shared=1: [linear 64 bias=false, relu, linear 16 bias=false]\n")
    assert totals["params"] == 8 * 16 + 9 * 2 * 16 * 64
    assert totals["active_params"] == 8 * 16 + 3 * 2 * 16 * 64


@pytest.mark.parametrize("batch", [1, 2, 3, 9])
def test_a_batch_reads_at_most_the_experts_that_its_positions_can_take(batch: int) -> None:
    body = "  - moe 8 top=2 shared=1: [linear 64 bias=false, relu, linear 16 bias=false]\n"
    for shape, positions in (("[16]", 1), ("[16, 2]", 2)):
        read = min(8, batch * positions * 2) + 1
        moved = 8 * 16 + read * 2 * 16 * 64 + 2 * 16 * positions * batch
        assert figures(body, shape, batch=batch)["bytes"] == 4 * moved
        assert figures(body, shape, batch=batch)["weight_bytes"] == 4 * (8 * 16 + 9 * 2 * 16 * 64)


def test_all_parameters_are_active_where_there_are_no_experts() -> None:
    assert figures("  - linear 8\n  - frozen: linear 4 frozen\n")["active_params"] == 17 * 8 + 9 * 4


@pytest.mark.parametrize(
    ("line", "each"),
    [
        ("attention 4", 2 * 16),  # keys and values of all heads
        ("attention 4 kv_heads=2", 2 * 8),
        ("attention 4 kv_heads=1 head_dim=6 v_dim=5", 6 + 5),
        ("attention 4 head_dim=4 latent=6 rope=2 bias=false", 6 + 2),
    ],
)
@pytest.mark.parametrize(("dtype", "width"), [("fp32", 4), ("bf16", 2)])
def test_a_cache_holds_what_every_position_so_far_left(line: str, each: int, dtype: str, width: int) -> None:
    for past in (0, 7):
        totals = figures(f"  - 3 x {line} causal cache=past\n", past=past, dtype=dtype)
        assert totals["cache_bytes"] == 3 * (past + 10) * each * width


def test_a_window_limits_the_cache_and_a_batch_has_one_each() -> None:
    for past, held in ((0, 10), (1, 11), (5, 12), (100, 12)):
        totals = figures("  - attention 4 causal window=12 cache=past\n", past=past, batch=3)
        assert totals["cache_bytes"] == 3 * held * 2 * 16 * 4


def test_nothing_is_cached_where_nobody_says_so() -> None:
    assert figures("  - attention 4 causal\n")["cache_bytes"] == 0


def test_a_cache_has_a_closed_form() -> None:
    totals = figures("  - attention 4 causal cache=past\n", free=["past"])
    assert str(totals["cache_bytes"]) == "128*past + 1280"


# FlopCounterMode of torch 2.14.1 on models of transformers 5.24 with 40 tokens, eager attention; 2 FLOPs a MAC
COUNTED = [
    (
        6002400,
        {
            "model_type": "gpt2",
            "architectures": ["GPT2LMHeadModel"],
            "n_embd": 60,
            "n_layer": 3,
            "n_head": 5,
            "vocab_size": 101,
            "n_positions": 64,
        },
    ),
    (
        4175360,
        {
            "model_type": "llama",
            "architectures": ["LlamaForCausalLM"],
            "hidden_size": 64,
            "intermediate_size": 90,
            "num_hidden_layers": 3,
            "num_attention_heads": 8,
            "num_key_value_heads": 2,
            "vocab_size": 101,
        },
    ),
    (
        3361280,
        {
            "model_type": "qwen2",
            "architectures": ["Qwen2ForCausalLM"],
            "hidden_size": 64,
            "intermediate_size": 90,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "vocab_size": 101,
        },
    ),
    (
        2900480,
        {
            "model_type": "gpt_neox",
            "architectures": ["GPTNeoXForCausalLM"],
            "hidden_size": 64,
            "intermediate_size": 90,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "vocab_size": 101,
        },
    ),
    (
        2646016,
        {
            "model_type": "bert",
            "architectures": ["BertModel"],
            "hidden_size": 64,
            "intermediate_size": 90,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "vocab_size": 101,
        },
    ),
    (
        3484160,
        {
            "model_type": "gemma",
            "architectures": ["GemmaForCausalLM"],
            "hidden_size": 64,
            "intermediate_size": 90,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 1,
            "head_dim": 24,
            "vocab_size": 101,
        },
    ),
]


@pytest.mark.parametrize(("macs", "config"), COUNTED)
def test_multiplications_are_those_that_torch_counts(tmp_path: Path, macs: int, config: dict[str, object]) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    assert load(str(file)).count(n=40).totals["macs"] == macs
