"""Makes the module that an argument names: its code runs, its weights are never made."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from inspect import signature
from pathlib import Path

from archcalc.errors import UsageError, suggest
from archcalc.frameworks import keras_road
from archcalc.frameworks.asking import Named
from archcalc.frameworks.failing import said, told
from archcalc.untyped import Torch


def door() -> Torch:
    """PyTorch, which nothing else imports. Raises UsageError where it isn't installed."""
    try:
        import torch
    except ImportError as error:
        raise UsageError(
            f"counting a module takes PyTorch, which isn't here ({error}): pip install 'archcalc[torch]'"
        ) from None
    return torch


def imported(named: Named) -> object:
    """What the name stands for in its module: a factory, a class, a module, or a mapping of such.

    Raises UsageError where there is no such thing, or importing it fails.
    """
    if (here := str(Path.cwd())) not in sys.path:  # as `python -m` has it
        sys.path.insert(0, here)
    keras_road.prefer_torch()
    try:
        with aside():
            found: Torch = importlib.import_module(named.module)
    except ModuleNotFoundError as error:
        missing = f"there is no module '{error.name}'" + (f", which {named.module} imports" * _is_inner(error, named))
        if named.module.endswith(".py"):
            raise UsageError(
                f"{named}: modules are named as they are imported: {named.module[:-3]}:{named.factory}"
            ) from None
        near = suggest(str(error.name), _beside(str(error.name)), "it is looked for here and among installed packages")
        raise UsageError(f"{named}: {missing}{near}") from None
    except (Exception, SystemExit) as error:
        tip = "" if isinstance(error, SyntaxError) else "; what a script does stands under `if __name__ == '__main__':`"
        raise UsageError(f"{named}: importing {named.module} fails: {told(error, named.module)}{tip}") from None
    for part in named.factory.split("."):
        if not hasattr(found, part):
            near = suggest(part, [name for name in dir(found) if not name.startswith("_")], "see its code")
            raise UsageError(f"{named}: there is no '{part}' in {named.module}{near}")
        found = getattr(found, part)
    return found


@contextmanager
def aside() -> Iterator[None]:
    """What somebody's code prints isn't what a command writes, and what it is warned of is its own affair."""
    with redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _beside(missing: str) -> list[str]:
    """The modules that stand where one is missing."""
    package, _, _ = missing.rpartition(".")
    paths: Torch = getattr(sys.modules.get(package), "__path__", None) if package else None
    prefix = f"{package}." if package else ""
    return [prefix + each.name for each in pkgutil.iter_modules(paths)] if paths or not package else []


def _is_inner(error: ModuleNotFoundError, named: Named) -> bool:
    return not named.module.startswith(error.name or "")


def made(named: Named, arguments: Mapping[str, object]) -> object:
    """The network of a factory, called with the variant if there is one. Raises UsageError."""
    found = imported(named)
    if named.variant and isinstance(found, Mapping):
        if named.variant not in found:
            keys = [said(str(key)) for key in found]
            hint = suggest(named.variant, keys, f"there are {', '.join(keys)}")
            raise UsageError(f"{named}: there is no '{named.variant}'{hint}")
        found, given = found[named.variant], ()
    else:
        given = (named.variant,) if named.variant else _configured(found, arguments)
    if not callable(found) or (_is_network(found) and not given):
        if arguments:
            raise UsageError(f"{named} takes no arguments: {', '.join(arguments)}")
        return found
    try:
        with aside():
            return found(*given, **({} if given and not named.variant else arguments))
    except (Exception, SystemExit) as error:
        hint = _takes(found, arguments) if isinstance(error, TypeError) and not named.variant else ""
        raise UsageError(f"{named}: it can't be made: {told(error, named.module)}{hint}") from error


def _takes(found: Torch, arguments: Mapping[str, object]) -> str:
    """What a factory takes, where it isn't called so."""
    try:
        takes = signature(found)
    except (TypeError, ValueError):
        return ""
    try:
        takes.bind(**arguments)
    except TypeError:
        names = [
            each.name for each in takes.parameters.values() if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
        ]
        unknown = next((name for name in arguments if name not in names), None)
        near = suggest(unknown, names) if unknown is not None else ""
        return near or (f"; it takes {', '.join(names)}: --set {names[0]}=VALUE" if names else "; it takes nothing")
    return ""


def _is_network(found: Torch) -> bool:
    """Whether something is a network already, of whatever framework."""
    return not isinstance(found, type) and hasattr(found, "forward")


def _configured(found: Torch, arguments: Mapping[str, object]) -> tuple[Torch, ...]:
    """What a class of transformers is made of: its configuration, which takes the arguments."""
    config = getattr(found, "config_class", None) if isinstance(found, type) else None
    return (config(**arguments),) if config is not None else ()


@contextmanager
def nowhere() -> Iterator[None]:
    """Tensors that are made have a shape and no numbers."""
    torch = door()

    with torch.device("meta"):
        yield


def network(named: Named, arguments: Mapping[str, object]) -> tuple[Torch, list[str]]:
    """The module, without weights; and what to know about it. A constructor that reads numbers gets some."""
    try:
        with nowhere():
            found = made(named, arguments)
    except UsageError as error:
        if not _reads_numbers(error):
            raise
        found = made(named, arguments)
        notes = [f"{named} reads numbers when it is made: it was made with weights"]
        return checked(found, named), notes
    return checked(found, named), []


def _reads_numbers(error: UsageError) -> bool:
    return any(word in str(error) for word in ("meta tensor", "Meta tensor", "'meta'", "device meta", "meta device"))


def checked(found: Torch, named: object) -> Torch:
    """The module that `named` made. Raises UsageError where it is no torch.nn.Module."""
    torch = door()

    if isinstance(found, torch.jit.ScriptModule):
        raise UsageError(
            f"{named} is a ScriptModule, whose code is no longer Python's: name the module that it was made of"
        )
    if isinstance(found, torch.export.ExportedProgram):
        return found.module()
    if isinstance(found, torch.nn.Module):
        return found
    if keras_road.is_keras(found):
        raise UsageError(f"{named} is a model of Keras on {keras_road.backend()}: KERAS_BACKEND=torch is counted")
    raise UsageError(f"{named} gives something of type {type(found).__name__}, which is no torch.nn.Module")


__all__ = ["aside", "checked", "door", "imported", "made", "network", "nowhere"]
