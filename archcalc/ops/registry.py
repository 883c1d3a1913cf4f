"""The operators that there are, by their word: those of archcalc, and those that come from outside.

An installed package names its operators as entry points of the group `archcalc.operators`; `register` takes one at run
time. Tables are kept up to date in place, so whoever holds one sees what is registered later.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from archcalc.ops.activation import ELEMENTWISE, is_function
from archcalc.ops.base import RULES, Op

GROUP = "archcalc.operators"
OPS: dict[str, type[Op]] = {}
ACTIVATIONS: dict[str, type[Op]] = {}  # those that `act=` takes
NORMALIZATIONS: dict[str, type[Op]] = {}  # those that `norm=` takes
SUFFIXED: dict[str, dict[str, type[Op]]] = {"norm": {}, "act": {}}  # by all that these options may call them
JOINS: dict[str, type[Op]] = {}  # those that read several branches
OUTSIDE: dict[str, type[Op]] = {}  # those that archcalc doesn't bring


def register(op: type[Op], *, replace: bool = False) -> type[Op]:
    """Make an operator a word of the language: counted, listed by `ops`, in the schema, verified, suggested in errors.
    Gives the class, so it may stand above one as a decorator.

    What its rules give is checked from then on. With `replace` it may take the place of an operator of that word.
    Raises TypeError for what is no operator, lacks a rule, or has a word that can't be written or that is taken.
    """
    if not (isinstance(op, type) and issubclass(op, Op)):
        raise TypeError(f"an operator is a class of archcalc.ops.Op, not {op!r}")
    if not op.word:
        raise TypeError(f"{op.__name__} has no word: the name that a spec writes")
    missing = [rule for rule in RULES if getattr(op, rule) is getattr(Op, rule)]
    if missing:
        raise TypeError(f"operator {op.word!r} lacks {', '.join(missing)}: write a zero down if it is one")
    if not (op.word.isascii() and op.word.isidentifier()):
        raise TypeError(f"{op.word!r} is no word of a spec: letters, digits and _")
    if op.word in OPS and OPS[op.word] is not op and not replace:
        known = OPS[op.word]
        raise TypeError(
            f"{op.__name__}: there is an operator {op.word!r} already, {known.__module__}.{known.__qualname__};"
            " register(..., replace=True) takes its place"
        )
    from archcalc.ops.answers import check_answers

    check_answers(op)
    _keep(op)
    OUTSIDE[op.word] = op
    return op


def own() -> None:
    """Every operator of archcalc, once."""
    for op in _classes(Op):
        _keep(op)


def _keep(op: type[Op]) -> None:
    """Put an operator into the tables where it belongs, and take out what had its word."""
    belongs: tuple[tuple[dict[str, Any], bool], ...] = (
        (OPS, True),
        (ACTIVATIONS, is_function(op)),
        (ELEMENTWISE, is_function(op)),
        (NORMALIZATIONS, op.is_normalization),
        (SUFFIXED["norm"], op.is_normalization),
        (SUFFIXED["act"], is_function(op) or op.may_act),
        (JOINS, op.arity[1] != 1 or op.has_body),
    )
    for short in [name for name, known in SUFFIXED["norm"].items() if known.word == op.word]:
        del SUFFIXED["norm"][short]
    for table, fits in belongs:
        if fits:
            table[op.word] = op
        else:
            table.pop(op.word, None)
    if op.short and op.is_normalization:
        SUFFIXED["norm"][op.short] = op


def _classes(base: type[Op]) -> Iterator[type[Op]]:
    for cls in base.__subclasses__():
        if cls.word:
            yield cls
        yield from _classes(cls)


# ---- what installed packages bring -----------------------------------------------------------------------------------


def load_group(group: str, take: Callable[[Any], Any]) -> None:
    """Give `take` what installed packages name in a group of entry points. A package that fails is warned of, and the
    others go on.
    """
    if not _says(group):
        return
    from importlib.metadata import distributions  # takes longer than the rest of archcalc.ops

    for distribution in distributions(path=_installed()):
        for entry in distribution.entry_points.select(group=group):
            try:
                take(entry.load())
            except (Exception, SystemExit) as error:  # whatever a package does, the others are there
                where = f"{distribution.metadata['Name']} ({entry.name} = {entry.value})"
                warnings.warn(
                    f"{group} of {where} can't be used: {type(error).__name__}: {error}", RuntimeWarning, stacklevel=2
                )


def _installed() -> list[str]:
    """The folders of installed packages: not the one that archcalc runs in, which may be a stranger's repository."""
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:  # somebody removed it
        here = ""
    return [path for path in sys.path if path and os.path.realpath(path) != here]


def _says(group: str) -> bool:
    """Whether any package names something in a group, told from the files alone: every command asks."""
    sought = group.encode()
    return any(sought in _written(file) for folder in _installed() for file in _listed(folder))


def _listed(folder: str) -> Iterator[str]:
    """Where the packages in a folder have their entry points, if they have any."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith((".dist-info", ".egg-info")):
                    yield f"{entry.path}/entry_points.txt"
    except OSError:
        return


def _written(file: str) -> bytes:
    """What a package has there: most have nothing, which a plain call of the system says soonest."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(descriptor, os.fstat(descriptor).st_size)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def load_operators() -> None:
    """Register the operators of installed packages: classes, or functions that register some."""
    load_group(GROUP, lambda found: register(found) if isinstance(found, type) else found())


__all__ = [
    "ACTIVATIONS", "GROUP", "JOINS", "NORMALIZATIONS", "OPS", "OUTSIDE", "SUFFIXED", "load_group", "load_operators",
    "own", "register",
]  # fmt: skip
