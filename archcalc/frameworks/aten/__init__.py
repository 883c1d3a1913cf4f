"""What each operator of PyTorch's ATen puts out and costs, in terms of the importer's rules for ONNX: one function an
operator, which finds the sizes that ONNX has as inputs and says the rest with the same words.
"""

from importlib import import_module

for _room in (
    "layers",
    "functions",
    "shapes",
    "cutting",
    "maps",
    "creation",
    "recurrent",
    "matrices",
    "losses",
    "quantising",
    "aliases",
):
    import_module(f"{__name__}.{_room}")  # each registers its rules

__all__: list[str] = []
