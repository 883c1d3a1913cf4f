"""What to try where a module can't be traced."""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.frameworks.building import door
from archcalc.untyped import Torch

DECIDES = ("data-dependent", ".item()", "numpy()", "Tensor.item", "aten._local_scalar_dense")  # words of errors
RUN = "--via onnx runs it once, with weights, and takes the way that this run takes"
TIPS = (  # words of other errors, and what helps
    (("scalar types: Long",), "indices are written as --input NAME=16:int64"),
    (
        ("uninitialized parameter",),
        "layers that are made lazily have sizes once they are called: let the factory call the"
        " module with a tensor before it gives it",
    ),
    (
        ("cuda", "CUDA"),
        "its code asks for CUDA, and tensors here have no numbers: device=x.device, of an input, goes anywhere",
    ),
    (
        ("batch_sizes should", "PackedSequence"),
        "packed sequences have lengths that only a run knows: the layer takes the padded sequence as well",
    ),
    (
        ("is not tracked with proxy", "NestedTensor", "nested_"),
        "nested tensors have lengths that only a run knows: the module takes padded ones as well",
    ),
    (
        ("'FakeTensor' object has no attribute", "invalid data type 'str'", "invalid data type 'list'"),
        "a forward that takes a dictionary or a dataclass has each input by its name: --input KEY=3x224x224",
    ),
    (
        ('missing the required "forward"',),
        "a module that is called otherwise is named by its part that has one, or by a factory that gives it",
    ),
    (("no fake impl or Meta kernel",), f"that operator can't be traced: {RUN}"),
    (("PackedParams",), "a quantised module holds packed weights: name the module that it was made of"),
)


def tip(error: BaseException, missing: Sequence[str], module: Torch) -> str:
    """What to try."""
    for words, hint in TIPS:
        if any(word in str(error) for word in words):
            return hint
    scripted = [name for name, each in module.named_modules() if isinstance(each, door().jit.ScriptModule)]
    if any(word in str(error) for word in DECIDES) or scripted:
        return f"{scripted[0]} is scripted, and no longer Python's code: {RUN}" if scripted else RUN
    numbers = f"sizes that are numbers ({' '.join(f'--set {name}=N' for name in missing)}), " if missing else ""
    return f"try another --input, {numbers}or --via onnx"


__all__ = ["tip"]
