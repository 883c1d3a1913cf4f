"""What an argument names: `package.module:factory@variant`, and the inputs of it, `3x224x224`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from archcalc.errors import UsageError, among
from archcalc.importer.names import identifier
from archcalc.patterns import pattern
from archcalc.tuples import NamedTuple

_MODULE = pattern(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?:@(.+))?")
_FILES = (".yaml", ".yml", ".onnx", ".json")
_INPUT = pattern(r"(?:(?P<name>[A-Za-z_]\w*)=)?(?P<shape>[^:]*)(?::(?P<dtype>\w+))?")
DTYPES = (
    "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool",
)  # fmt: skip
SHORT = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "long": "int64",
    "int": "int32",
}  # as torch has them
FORM = "write sizes as 3x224x224, names among them stay free (3xsizexsize), NAME=16:int64 for an input of indices"


class Named(NamedTuple):
    """A network in a Python module. `variant` is what the factory is called with, or looked up by."""

    module: str
    factory: str
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.module}:{self.factory}" + (f"@{self.variant}" if self.variant else "")


class Input(NamedTuple):
    """One sample of an input: numbers, and names of sizes that stay open. No `dtype` is that of the weights."""

    sizes: tuple[int | str, ...]
    name: str = ""
    dtype: str = ""


def is_module(name: str) -> bool:
    """Whether an argument names a network in a Python module, by its form alone."""
    return not name.lower().endswith(_FILES) and _MODULE.fullmatch(name) is not None


def read_name(name: str) -> Named:
    """The parts of an argument. Raises UsageError for what isn't one."""
    found = _MODULE.fullmatch(name)
    if found is None:
        raise UsageError(f"'{name}' is no package.module:factory")
    return Named(found[1], found[2], found[3] or "")


def read_inputs(given: Sequence[str]) -> tuple[Input, ...]:
    """Inputs as `--input` has them. Raises UsageError."""
    found = tuple(map(_read_input, given))
    names = [each.name for each in found if each.name]
    if len(set(names)) < len(names):
        raise UsageError("--input names one input twice")
    if names and not all(each.name for each in found[len(found) - len(names) :]):
        raise UsageError("--input: inputs without a name come before those with one")
    return found


def _read_input(text: str) -> Input:
    match = _INPUT.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--input '{text}': {FORM}")
    dtype = SHORT.get(match["dtype"], match["dtype"]) or ""
    if dtype and dtype not in DTYPES:
        raise UsageError(f"--input '{text}': unknown dtype '{dtype}'{among(dtype, DTYPES)}")
    shape = match["shape"].strip()
    parts = re.split(r"\s*,\s*" if "," in shape else "x", shape) if shape else []
    return Input(tuple(_size(part, text) for part in parts), match["name"] or "", dtype)


def _size(part: str, text: str) -> int | str:
    if part.isascii() and part.isdigit() and 0 < int(part) < 1 << 31:
        return int(part)
    if part.isidentifier() and part.isascii() and part == identifier(part):
        return part
    raise UsageError(f"--input '{text}': '{part}' is neither a size nor a name; {FORM}")


def as_inputs(given: object) -> tuple[Input, ...]:
    """Inputs as Python has them: a shape `(3, 224, 224)`, a text as `--input` has it, several in a list, or by name in
    a mapping. Raises UsageError and TypeError.
    """
    if isinstance(given, Mapping):
        return tuple(_as_input(shape)._replace(name=name) for name, shape in given.items())
    if isinstance(given, str) or (isinstance(given, tuple) and all(isinstance(size, (int, str)) for size in given)):
        return (_as_input(given),)
    if isinstance(given, (list, tuple)):
        return tuple(map(_as_input, given))
    raise TypeError("input is a shape (3, 224, 224), a text '3x224x224', or several in a list or by name in a dict")


def _as_input(given: object) -> Input:
    if isinstance(given, Input):
        return given
    if isinstance(given, str):
        return _read_input(given)
    if isinstance(given, tuple) and all(isinstance(size, (int, str)) and not isinstance(size, bool) for size in given):
        return Input(tuple(_size(str(size), str(given)) for size in given))
    raise TypeError(f"a shape is a tuple of sizes and names, or a text, not {given!r}")


def names_of(inputs: Sequence[Input]) -> list[str]:
    """The sizes that stay open, in order."""
    return list(dict.fromkeys(size for each in inputs for size in each.sizes if isinstance(size, str)))


__all__ = ["DTYPES", "Input", "Named", "as_inputs", "is_module", "names_of", "read_inputs", "read_name"]
