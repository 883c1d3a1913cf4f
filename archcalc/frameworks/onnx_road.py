"""The other road: a module is run once by torch's exporter for ONNX, in memory, and the model is read as a file is.

It takes what `torch.export` can't, such as code that decides by numbers: the branch that the run takes is the one that
is counted. For that the module has weights, and runs.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from archcalc.errors import UsageError
from archcalc.frameworks import keras_road
from archcalc.frameworks.asking import Input, names_of
from archcalc.frameworks.building import door
from archcalc.frameworks.exporting import IMAGE, example, inference, make_weights, silent
from archcalc.frameworks.failing import told
from archcalc.frameworks.gathering import gathered
from archcalc.importer.network import ModelFile, load_onnx
from archcalc.untyped import Torch


def through_onnx(
    module: Torch, inputs: Sequence[Input], sizes: Mapping[str, int], called: str, package: str
) -> ModelFile:
    """A module with weights as a model file; sizes with names are open in it. Raises UsageError."""
    torch, into = door(), io.BytesIO()
    numbers = {name: sizes.get(name, IMAGE[1]) for name in names_of(inputs)}
    make_weights(module, inputs, numbers, called, package)
    args, kwargs = example(module, inputs, numbers, "cpu")
    args = keras_road.packed(module, args)
    names = [each.name or f"input{n + 1}" * (n > 0) or "input" for n, each in enumerate(inputs)]
    axes = {
        name: {axis + 1: size for axis, size in enumerate(each.sizes) if isinstance(size, str)}
        for name, each in zip(names, inputs, strict=True)
    }
    with gathered(module, inputs), inference(module), silent():
        try:
            torch.onnx.export(
                module, args, into, kwargs=kwargs or None, dynamo=False, do_constant_folding=False, opset_version=18,
                input_names=names, dynamic_axes={name: open_ for name, open_ in axes.items() if open_},
            )  # fmt: skip
        except (Exception, SystemExit) as error:
            raise UsageError(f"{called}: torch.onnx.export fails: {told(error, package)}") from None
    return load_onnx(called, into.getvalue())


__all__ = ["through_onnx"]
