"""The modules that `frameworks.py` holds: how each is made without weights, and what goes into it."""

from __future__ import annotations

from typing import Any

LIBRARIES = ("torchvision", "timm", "transformers")
IDS, PAIR = "32:int64", {"input_ids": "32:int64", "decoder_input_ids": "16:int64"}
TRANSFORMERS: dict[str, Any] = {  # class of the configuration, or of the model: what goes in
    "Bert": {"input_ids": IDS}, "Roberta": {"input_ids": IDS}, "DistilBert": {"input_ids": IDS},
    "Albert": {"input_ids": IDS}, "Electra": {"input_ids": IDS}, "DebertaV2": {"input_ids": IDS},
    "MPNet": {"input_ids": IDS}, "ModernBert": {"input_ids": IDS}, "XLMRoberta": {"input_ids": IDS},
    "Camembert": {"input_ids": IDS}, "SqueezeBert": {"input_ids": IDS}, "MobileBert": {"input_ids": IDS},
    "FNet": {"input_ids": "512:int64"}, "RoFormer": {"input_ids": IDS}, "ConvBert": {"input_ids": IDS},
    "GPT2": {"input_ids": IDS}, "GPTNeo": {"input_ids": IDS}, "GPTNeoX": {"input_ids": IDS}, "GPTJ": {"input_ids": IDS},
    "OPT": {"input_ids": IDS}, "Bloom": {"input_ids": IDS}, "Llama": {"input_ids": IDS}, "Mistral": {"input_ids": IDS},
    "Qwen2": {"input_ids": IDS}, "Qwen3": {"input_ids": IDS}, "Gemma": {"input_ids": IDS}, "Gemma2": {"input_ids": IDS},
    "Phi": {"input_ids": IDS}, "Phi3": {"input_ids": IDS}, "StableLm": {"input_ids": IDS}, "Falcon": {"input_ids": IDS},
    "Cohere": {"input_ids": IDS}, "Olmo": {"input_ids": IDS}, "Mamba": {"input_ids": IDS},
    "Mixtral": {"input_ids": IDS},
    "T5": PAIR, "Bart": PAIR, "Pegasus": PAIR, "Marian": PAIR, "MBart": PAIR,
    "ViT": {"pixel_values": "3x224x224"}, "DeiT": {"pixel_values": "3x224x224"}, "Beit": {"pixel_values": "3x224x224"},
    "Swin": {"pixel_values": "3x224x224"}, "Swinv2": {"pixel_values": "3x256x256"},
    "ConvNext": {"pixel_values": "3x224x224"}, "ResNet": {"pixel_values": "3x224x224"},
    "Segformer": {"pixel_values": "3x224x224"}, "Dinov2": {"pixel_values": "3x224x224"},
    "PoolFormer": {"pixel_values": "3x224x224"}, "MobileViT": {"pixel_values": "3x256x256"},
    "RegNet": {"pixel_values": "3x224x224"}, "PvtV2": {"pixel_values": "3x224x224"},
    "Wav2Vec2": {"input_values": "16000"}, "Hubert": {"input_values": "16000"}, "WavLM": {"input_values": "16000"},
    "ASTModel": {"input_values": "1024x128"},
    "Whisper": {"input_features": "80x3000", "decoder_input_ids": "16:int64"},
    "CLIP": {"input_ids": IDS, "pixel_values": "3x224x224"},
}  # fmt: skip


def names(library: str) -> list[str]:
    """Every module of a library that is held."""
    if library == "torchvision":
        from torchvision.models import list_models

        return [f"torchvision:{name}" for name in list_models()]
    if library == "timm":
        import timm

        first: dict[str, str] = {}
        for name in timm.list_models():
            first.setdefault(timm.models._registry._model_to_module[name], name)
        return [f"timm:{name}" for name in sorted({*first.values(), *timm.list_models("resnet*")[::4]})]
    return [f"transformers:{name}" for name in TRANSFORMERS]


def made(name: str) -> tuple[Any, Any]:
    """The module and its inputs, on tensors without numbers if it can be made so."""
    import torch

    library, _, name = name.partition(":")
    make = {"torchvision": _torchvision, "timm": _timm, "transformers": _transformers}[library]
    try:
        with torch.device("meta"):
            return make(name)
    except (RuntimeError, NotImplementedError):  # its constructor reads numbers
        return make(name)


def _torchvision(name: str) -> tuple[Any, Any]:
    from torchvision import models

    given: dict[str, Any] = {"quantize": False} if name.startswith("quantized") else {}
    if any(part in name for part in ("rcnn", "retinanet", "fcos", "ssd", "fcn", "lraspp", "deeplabv3")):
        given["weights_backbone"] = None
    module = models.get_model(name, weights=None, **given)
    if name.startswith("raft"):
        return module, ["3x128x128", "3x128x128"]
    for part, size in (("mvit", "3x16x224x224"), ("swin3d", "3x16x224x224"), ("s3d", "3x16x224x224"),
                       ("3d_18", "3x16x112x112"), ("mc3", "3x16x112x112"), ("r2plus1d", "3x16x112x112")):  # fmt: skip
        if part in name:
            return module, size
    weights = list(models.get_model_weights(name))
    crop = getattr(weights[0].transforms(), "crop_size", None) if weights else None
    size = getattr(module, "image_size", (crop[0] if crop else 224) or 224)
    return module, (3, size, size)


def _timm(name: str) -> tuple[Any, Any]:
    import timm

    module = timm.create_model(name)
    return module, tuple(module.default_cfg.get("input_size") or (3, 224, 224))


def _transformers(name: str) -> tuple[Any, Any]:
    import transformers

    kind = {"ASTModel": "AST"}.get(name, name)
    config = getattr(transformers, f"{kind}Config")()
    if "decoder_input_ids" in TRANSFORMERS[name]:
        config.use_cache = False
    for field in ("num_hidden_layers", "n_layer", "num_layers"):
        if getattr(config, field, 0) and isinstance(getattr(config, field), int) and getattr(config, field) > 12:
            setattr(config, field, 4)
    return transformers.AutoModel.from_config(config), TRANSFORMERS[name]


def tensors(module: Any, inputs: Any) -> tuple[dict[str, Any], list[Any]]:
    """Zeros for the inputs: by name, and in order."""
    import torch

    from archcalc.frameworks.asking import as_inputs

    first = next(module.parameters())
    made_ = [
        (each.name, torch.zeros((1, *map(int, each.sizes)), device=first.device,
                                dtype=getattr(torch, each.dtype) if each.dtype else first.dtype))
        for each in as_inputs(inputs)
    ]  # fmt: skip
    return {name: tensor for name, tensor in made_ if name}, [tensor for name, tensor in made_ if not name]
