"""The networks that ship, as parameters of tests: one of each family always, the others where `slow` tests are run.

Where none are, there is nothing to choose from: thousands of tests needn't be collected to be left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from archcalc.shipped import find, spec_files, zoo_names

FAMILIES = sorted(path.stem for path in spec_files())
are_slow_run = True  # set before tests are collected


def _parameters(values: Iterable[tuple[Any, bool]]) -> list[Any]:
    """Of values, each with whether it is one of the slow."""
    return [
        pytest.param(value, marks=pytest.mark.slow if is_slow else [])
        for value, is_slow in values
        if are_slow_run or not is_slow
    ]


def shipped(step: int = 1) -> list[Any]:
    """Every name; that of a file stands for its family, and where a test takes long each `step`th family for all."""
    return _parameters((name, name not in FAMILIES[::step]) for name in zoo_names())


def families(step: int) -> list[Any]:
    """Every family; but for each `step`th where `slow` tests are run."""
    return _parameters((name, name not in FAMILIES[::step]) for name in FAMILIES)


def some(values: Iterable[Any], step: int) -> list[Any]:
    """Each `step`th value; all where `slow` tests are run."""
    return _parameters((value, n % step > 0) for n, value in enumerate(values))


def members(family: str) -> list[str]:
    """The names of a family's networks."""
    return [name for name, home in _homes().items() if home == family]


@cache
def _homes() -> dict[str, str]:
    """The family of each network."""
    return {name: Path(found[0]).stem for name in zoo_names() if (found := find(name))}
