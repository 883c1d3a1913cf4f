"""Specs that `archcalc import` writes of modules: what they put out has the shapes of what the module gives."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import archcalc as api

pytestmark = [pytest.mark.torch, pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch isn't installed")]

IMAGE, IDS = (3, 64, 64), {"input_ids": "12:int64"}
NETWORKS: list[tuple[str, str, Any]] = [
    ("torchvision.models", "resnet18", IMAGE), ("torchvision.models", "squeezenet1_1", IMAGE),
    ("torchvision.models", "shufflenet_v2_x0_5", IMAGE), ("torchvision.models", "googlenet", IMAGE),
    ("timm.models", "vit_tiny_patch16_224", (3, 224, 224)), ("timm.models", "hrnet_w18_small", IMAGE),
    ("transformers", "Bert", IDS), ("transformers", "GPT2", IDS), ("transformers", "Llama", IDS),
    ("transformers", "T5", {**IDS, "decoder_input_ids": "7:int64"}), ("transformers", "ConvNext", {"pixel_values": "3x64x64"}),
]  # fmt: skip
SMALL = {
    "Bert": {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 48},
    "GPT2": {"n_layer": 2, "n_embd": 32, "n_head": 4},
    "Llama": {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 48},
    "T5": {"num_layers": 2, "d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 48},
    "ConvNext": {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 2, 1]},
}  # fmt: skip


def made(library: str, name: str) -> Any:
    """The network, without weights."""
    import torch

    there = pytest.importorskip(library)
    with torch.device("meta"):
        if library != "transformers":
            return getattr(there, name)()
        return there.AutoModel.from_config(getattr(there, f"{name}Config")(**SMALL[name]))


def tensors(value: Any) -> list[Any]:
    """The tensors in what a module gives that have a sample's axis, in whatever holds them."""
    import torch

    if isinstance(value, torch.Tensor):
        return [value] if value.dim() else []
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else None
    inside = parts if parts is not None else vars(value).values() if hasattr(value, "__dict__") else ()
    return [tensor for part in inside if not isinstance(part, type) for tensor in tensors(part)]


@pytest.mark.parametrize(
    ("library", "name", "inputs"), NETWORKS, ids=lambda each: each if isinstance(each, str) else ""
)
def test_what_an_imported_spec_puts_out_has_the_modules_shapes(
    library: str, name: str, inputs: Any, tmp_path: Path
) -> None:
    import torch

    module = made(library, name).eval()
    given = inputs if isinstance(inputs, dict) else {"": "x".join(map(str, inputs))}
    zeros = {
        key: torch.zeros([1, *map(int, shape.partition(":")[0].split("x"))], device="meta",
                         dtype=torch.int64 if ":" in shape else None)
        for key, shape in given.items()
    }  # fmt: skip
    with torch.no_grad():
        expected = module(zeros[""]) if "" in zeros else module(**zeros)
    model = api.from_torch(module, inputs)
    spec = tmp_path / "net.yaml"
    spec.write_text(model.to_spec()[0])
    table, own = api.load(spec).count(), model.count()
    shapes = sorted(tuple(each.shape[1:]) for each in tensors(expected))
    assert sorted(tuple(table.graph.nodes[n].shape) for n in table.graph.outputs) == shapes
    names = ("params", "trainable_params", "macs", "elementwise", "activations")
    assert [table.totals[each] for each in names] == [own.totals[each] for each in names]  # type: ignore[literal-required]
    assert table.totals["params"] == sum(each.numel() for each in module.parameters())
