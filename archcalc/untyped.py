"""The types of what comes in from outside with none of its own: one name a kind of thing, which says where it is from.

What goes through them isn't checked before it runs. They are for doors: inside, a value has a type of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A document as YAML, TOML or JSON holds it, or as this one will be written: mappings, lists, text and numbers.
Json: TypeAlias = Any

# What an attribute of a node in ONNX, or an argument of one of ATen's operators, holds: a number, text, a tensor, a
# graph, or a list of these. A rule's signature says which of them it takes.
Attribute: TypeAlias = Any

# What a node in ONNX reads: a tensor, a sequence of tensors, or nothing.
Operand: TypeAlias = Any

# An element of a tensor that is known: a number, exact or a closed form, a truth, text; None where it isn't known.
Element: TypeAlias = Any

# An object of PyTorch, which is imported only where a module is counted, and known by its attributes.
Torch: TypeAlias = Any

# An array of numpy's, of numbers of any kind.
Array: TypeAlias = "NDArray[Any]"
