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
SAID = {"PARAMETER": "parameter", "BUFFER": "buffer"}
_QUOTED = pattern(r"'([^']*)'")
# names that torch gives what its operators compute, and tensors that a program wrote down (`lifted_tensor_0`)
_COMPUTED = pattern(
    r"(?:val|abs|add|addcmul|addmm|alias|all|amax|amin|any|arange|argmax|argmin|argsort|as_strided|atan2?|baddbmm"
    r"|bitwise|bmm|bucketize|cat|ceil|clamp|clone|constant_pad_nd|convert_element_type|copy|cosh?|cumprod|cumsum"
    r"|detach_?|diagonal|div|einsum|embedding(?=_\d)|empty|eq|erf|exp|expand|expand_as|eye|fill|flatten|flip|floor"
    r"|floor_divide|fmod|full|gather|ge|gelu|getitem|gt|hypot|index|isinf|isnan|item|le|lerp|lift_fresh_copy"
    r"|linspace|log(?:10|1p|2)?|lt|masked_fill|matmul|max|maximum|mean|meshgrid|min|minimum|mm|mul|nan_to_num"
    r"|narrow|ne|neg|ones|outer|pad|permute|pow|prod|reciprocal|relu|remainder|repeat|repeat_interleave|reshape"
    r"|roll|round|rsqrt|rsub|scalar_tensor|select|sigmoid|sign|silu|sinh?|size|slice|softmax|softplus|sort|split"
    r"|split_with_sizes|sqrt|square|squeeze|stack|sub|sum|sym_size|tanh?|tensor|threshold|tile|to|topk|transpose"
    r"|tril|triu|trunc|true_divide|unbind|unflatten|unfold|unsqueeze|view|where|zeros"
    r"|(?:bitwise|index|linalg|logical|new)_[a-z_]+|[a-z_]+_(?:cast|like|scatter)|_\w+)"
    r"(?:_(?:copy|default|dim|int|scalar|self|tensor))*(?:_\d+)?(?:_default)?$"
    r"|(?:.+\.)?(?:_?lifted_tensor_|_tensor_constant)\d+$",
    re.IGNORECASE,
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
        if not states or _TABLE.match(tensor.name):
            tensor.said = "constant" if sources and not states else "unnamed"
        else:
            tensor.said = min(said, key=("parameter", "buffer", "constant").index)
        first = known.setdefault(states[0], tensor) if len(states) == 1 else tensor
        if first is not tensor and first.elements == tensor.elements:
            tensor.copy_of = first
        tensor.made_from = tuple(states) if len(states) > 1 or (states and _cuts([*sources, tensor.name])) else ()
    return True


def _cuts(sources: Sequence[str]) -> bool:
    """Whether some of a tensor was taken, or some of it several times: how large the whole one is isn't known."""
    return any(re.match(r"(?:slice|index|select|gather|narrow|split|embedding(?:_\d+)?$)", name) for name in sources)


def _metadata(found: object) -> dict[str, str]:
    """The metadata of a value's description."""
    props: dict[str, str] = {}
    if isinstance(found, Stretch):
        for number, value, stop in fields(found):
            if number == 4 and stop >= 0:
                entry(Stretch(found.source, value, stop), props)
    return props


__all__ = ["say"]
