"""What torch's exporter says of the tensors in a file: which are parameters and which buffers.

`torch.export` notes it beside each initializer (`InputSpec.kind`), and its optimiser from what it made those that it
computed itself (`folded_from`): a transposed weight is that weight. What it made from sizes and numbers is a constant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from archcalc.importer.tensors import Tensor
from archcalc.importer.wire import Stretch, entry, fields
from archcalc.patterns import pattern

KIND, FOLDED = "pkg.torch.export.graph_signature.InputSpec.kind", "pkg.onnxscript.optimizer.folded_from"
SAID = {"PARAMETER": "parameter", "BUFFER": "buffer"}  # what a tensor is if one of its sources is that
_QUOTED = pattern(r"'([^']*)'")
_COMPUTED = pattern(
    r"(?:val|_to_copy|abs|add|addmm|alias|all|amax|amin|any|arange|bitwise_\w+|bmm|cat|ceil|clamp|clone"
    r"|convert_element_type|copy|cos|cumsum|detach_?|diagonal|div|eq|erf|exp|expand|expand_as|eye|fill|flatten"
    r"|flip|floor|floor_divide|full|full_like|gather|ge|getitem|gt|index|index_put|index_select|le"
    r"|lift_fresh_copy|linspace|log|logical_\w+|lt|matmul|maximum|mean|meshgrid|minimum|mm|mul|narrow|ne|neg"
    r"|ones|ones_like|outer|permute|pow|reciprocal|relu|remainder|repeat|reshape|roll|round|rsqrt|rsub"
    r"|scalar_tensor|select|sigmoid|sign|sin|size|slice|softmax|split|sqrt|squeeze|stack|sub|sum|sym_size_int"
    r"|tanh|tensor|to|transpose|tril|triu|unbind|unflatten|unsqueeze|view|where|zeros|zeros_like"
    r"|_\w+)(?:_\d+)?(?:_default)?$"
)
_TABLE = pattern(r"(?:cos|sin|exp|arange|triu|tril)(?:_\d+)?$")  # what is computed so is learned by nobody


def say(tensors: Sequence[Tensor], described: Mapping[str, object]) -> bool:
    """Note on each tensor what the exporter calls it. Gives whether it says so of any."""
    noted = {tensor.name: _metadata(found) for tensor in tensors if (found := described.get(tensor.name)) is not None}
    kinds = {name: props[KIND] for name, props in noted.items() if KIND in props}
    if not kinds and not any(FOLDED in props for props in noted.values()):
        return False
    known = {tensor.name: tensor for tensor in tensors}
    for tensor in tensors:
        if tensor.name in kinds:
            tensor.said = SAID.get(kinds[tensor.name], "constant")
            continue
        sources = _QUOTED.findall(noted.get(tensor.name, {}).get(FOLDED, ""))
        states = [name for name in sources if name in kinds or not _COMPUTED.match(name)]
        said = {SAID.get(kinds[name], "constant") if name in kinds else "parameter" for name in states}
        computed = not states or _TABLE.match(tensor.name) is not None
        tensor.said = "unnamed" if computed else min(said, key=("parameter", "buffer", "constant").index)
        first = known.setdefault(states[0], tensor) if len(states) == 1 else tensor
        if first is not tensor and first.elements == tensor.elements:
            tensor.copy_of = first
        tensor.made_from = tuple(states) if len(states) > 1 or _cuts(sources) else ()
    return True


def _cuts(sources: Sequence[str]) -> bool:
    """Whether some of a tensor was taken, or some of it several times: how large the whole one is isn't known."""
    return any(re.match(r"(?:slice|index|select|gather|narrow|split)", name) for name in sources)


def _metadata(found: object) -> dict[str, str]:
    """The metadata of a value's description."""
    props: dict[str, str] = {}
    if isinstance(found, Stretch):
        for number, value, stop in fields(found):
            if number == 4 and stop >= 0:
                entry(Stretch(found.source, value, stop), props)
    return props


__all__ = ["say"]
