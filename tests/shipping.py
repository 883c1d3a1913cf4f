"""The networks that ship, as parameters of tests: one of each family always, the others where `slow` tests are run."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest

from archcalc.shipped import find, spec_files, zoo_names

FAMILIES = sorted(path.stem for path in spec_files())


def shipped(step: int = 1) -> list[Any]:
    """Every name; that of a file stands for its family, and where a test takes long each `step`th family for all."""
    return [pytest.param(name, marks=[] if name in FAMILIES[::step] else pytest.mark.slow) for name in zoo_names()]


def families(step: int) -> list[Any]:
    """Every family; but for each `step`th where `slow` tests are run."""
    return [pytest.param(name, marks=[] if name in FAMILIES[::step] else pytest.mark.slow) for name in FAMILIES]


def some(values: Iterable[Any], step: int) -> list[Any]:
    """Each `step`th value; all where `slow` tests are run."""
    return [pytest.param(value, marks=pytest.mark.slow if n % step else []) for n, value in enumerate(values)]


def members(family: str) -> list[str]:
    """The names of a family's networks."""
    return [name for name, home in _homes().items() if home == family]


@cache
def _homes() -> dict[str, str]:
    """The family of each network."""
    return {name: found[0].stem for name in zoo_names() if (found := find(name))}
