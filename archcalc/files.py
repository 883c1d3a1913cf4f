"""Finding specs: what a name means, the specs in a folder, and those that ship."""

from __future__ import annotations

import os
import re

from archcalc import reading
from archcalc.errors import UsageError
from archcalc.patterns import pattern
from archcalc.shipped import find, shown, spec_files, specs_folder, zoo_names
from archcalc.spec import is_spec as spec_text
from archcalc.spec.text import MOST_BYTES
from archcalc.tuples import NamedTuple

__all__ = [
    "Folder", "find", "in_folder", "is_folder", "is_model_file", "is_pattern", "is_spec", "is_yaml", "matching",
    "may_be_spec", "parted", "shown", "spec_files", "specs_folder", "zoo_names",
]  # fmt: skip


def parted(name: str) -> tuple[str, str | None]:
    """The file and the variant that a name means. Paths may hold an `@` (`@scope/net.yaml`): a file of the whole name
    comes first.
    """
    path, _, variant = name.rpartition("@")
    if (
        not path
        or not variant
        or reading.is_file(name)
        or (name.endswith((".yaml", ".yml")) and not reading.is_file(path))
    ):
        return name, None
    return path, variant


# ---- folders of specs ------------------------------------------------------------------------------------------------


def is_folder(name: str) -> bool:
    """Whether an argument is a folder. One without a spec doesn't hide a network that ships: `archcalc count vit`
    beside a folder vit/.
    """
    return reading.is_folder(name) and ("/" in name or bool(in_folder(name).specs) or find(name) is None)


def is_pattern(name: str) -> bool:
    """Whether an argument is a pattern of files, `models/**/*.yaml`, and nothing has that name (a variant aside)."""
    if not any(letter in name for letter in "*?["):
        return False
    return not any(reading.is_file(path) or reading.is_folder(path) for path in (name, name.rpartition("@")[0]) if path)


def matching(pattern: str) -> list[str]:
    """The files and folders that a pattern fits, in order; `models/*.yaml@small` for that variant of each.

    Raises UsageError where there is none.
    """
    import glob

    found = sorted(glob.glob(pattern, recursive=True))
    path, _, variant = pattern.rpartition("@")
    if not found and path:
        found = [f"{name}@{variant}" for name in sorted(glob.glob(path, recursive=True))]
    if not found:
        raise UsageError(f"no file matches {pattern}")
    return found


def is_model_file(name: str) -> bool:
    """Whether a file is an ONNX model, by its name."""
    return name.lower().endswith(".onnx")


_PYTHON = pattern(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*(?:@.+)?")


def is_config(name: str) -> bool:
    """Whether a file may be a configuration of Hugging Face, by its name."""
    return name.lower().endswith(".json")


def is_python(name: str) -> bool:
    """Whether an argument names a network in a Python module, `package.module:factory`: by its form, where there is no
    file of that name.
    """
    return (
        ":" in name
        and _PYTHON.fullmatch(name) is not None
        and not (is_model_file(name) or is_yaml(name) or reading.is_file(name))
    )


def is_yaml(name: str) -> bool:
    """Whether a file is one of YAML, by its name."""
    return name.lower().endswith((".yaml", ".yml"))


_LAYERS = pattern(rb"^layers\s*:", re.MULTILINE)  # what a spec has that lacks its first line


class Folder(NamedTuple):
    """What a folder holds by the names of YAML files: specs, others that seem to be meant for some, and what is no file
    at all, such as a pipe.
    """

    specs: list[str]
    others: list[str]
    skipped: list[str]


def in_folder(folder: str) -> Folder:
    """The specs in a folder and in those below it; what is hidden and links to folders are left out.

    Raises UsageError for what can't be read.
    """
    from pathlib import Path

    found = Folder([], [], [])
    for parent, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in [Path(parent, name) for name in files if is_yaml(name) and not name.startswith(".")]:
            if os.path.exists(path) and not reading.is_file(path):
                found.skipped.append(str(path))
                continue
            data = reading.read(path, MOST_BYTES)
            if is_spec(data):
                found.specs.append(str(path))
            elif _LAYERS.search(data):
                found.others.append(str(path))
    return Folder(*map(sorted, found))


def is_spec(data: bytes) -> bool:
    """Whether a YAML file says that it is a spec."""
    return spec_text(data.decode("utf-8", "replace"))


def may_be_spec(name: str) -> bool:
    """Whether a name is not that of a YAML file that is none."""
    return not (is_yaml(name) and reading.is_file(name)) or _is_spec(name)


def _is_spec(path: str | os.PathLike[str]) -> bool:
    return is_spec(reading.read(path, MOST_BYTES))


def _unreadable(error: OSError) -> None:
    raise UsageError(f"{error.filename}: {error.strerror or error}")
