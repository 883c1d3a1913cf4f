"""What each operator of ONNX puts out and costs: one function an operator, registered by domain and name.

A rule's signature names its inputs and attributes as ONNX does, and it gives back what the node puts out: a layer
(`emit`, `figure`, `view`), or a constant where nothing that it reads is computed by a layer.
"""

from importlib import import_module
from types import FunctionType, MethodType

from archcalc.importer.outside import GROUP
from archcalc.importer.rules.base import RULES
from archcalc.ops.registry import load_group

for _room in (
    "activation", "arithmetic", "attention", "classic", "control", "convolution", "dense", "experts", "fused",
    "indexing", "joining", "nchwc", "normalization", "pooling", "quantized", "recurrent", "reducing", "reshaping",
    "sequences", "shapes", "stretching", "texts",
):  # fmt: skip
    import_module(f"{__name__}.{_room}")  # each registers its rules
load_group(GROUP, lambda found: found() if isinstance(found, (FunctionType, MethodType)) else None)

__all__ = ["RULES"]
