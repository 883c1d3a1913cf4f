"""Networks of PyTorch, on the graph that a spec becomes: no weights, nothing run, and no second way to count.

`asking` reads what an argument names, `building` makes the module on tensors without numbers, `exporting` traces it
with `torch.export`, and `translating` turns the trace into nodes as the importer reads them from files, so that names,
repeats, shared weights and specs are its own. `aten` says what each operator is, in terms of the importer's rules.
`source` is the whole as a source of graphs, `onnx_road` the way round by torch's exporter for ONNX, and `failing` says
what went wrong, and where.

Naming a module runs its code. Only an argument that says `package.module:factory` does; no spec can.
"""

from __future__ import annotations

from archcalc.frameworks.asking import as_inputs, is_module, read_inputs, read_name
from archcalc.frameworks.building import checked
from archcalc.frameworks.source import Module, source_of
from archcalc.untyped import Torch


def named(name: str, inputs: list[str] | tuple[str, ...] = (), via: str = "") -> Module:
    """The network that `package.module:factory` names. Raises UsageError."""
    return source_of(name, read_inputs(list(inputs)), read_name(name), via=via)


def of_module(module: Torch, input: object, via: str = "") -> Module:
    """A module that is there; it stays as it is. Raises UsageError."""
    called = type(module).__name__
    return source_of(called, as_inputs(input), given=checked(module, called), via=via)


__all__ = ["Module", "is_module", "named", "of_module"]
