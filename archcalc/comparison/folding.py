"""The same change many times is one: `32 x decoder/*/attention`, with the sum of what it costs."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable

from archcalc.comparison.changes import Change
from archcalc.comparison.sides import Layer

FEWEST = 3  # changes that are worth folding


def folded(changes: Iterable[Change]) -> list[Change]:
    """Those that differ in numbers of their paths alone are one, where the first stood; few of them stay apart."""
    groups: dict[Hashable, list[Change]] = {}
    for change in changes:
        groups.setdefault(_kind(change), []).append(change)
    found: list[Change] = []
    for alike in groups.values():
        found += [_sum(alike)] if len(alike) >= FEWEST else alike
    return found


def _kind(change: Change) -> Hashable:
    """What changes of a fold have in common."""
    names = {name for layer in (change.before, change.after) if layer for name in layer.costs}
    texts = [layer and (layer.text, layer.shape, _pattern(layer.path)) for layer in (change.before, change.after)]
    return change.status, change.renamed, *texts, tuple(sorted((name, str(change.delta(name))) for name in names))


def _pattern(path: str) -> str:
    return re.sub(r"(?<![^/])\d+(?![^/])", "*", path)


def _sum(alike: list[Change]) -> Change:
    first = alike[0]
    before = [change.before for change in alike if change.before]
    after = [change.after for change in alike if change.after]
    return Change(first.status, _together(before), _together(after), first.renamed, first.mark)


def _together(layers: list[Layer]) -> Layer | None:
    if not layers:
        return None
    costs = {
        name: sum((layer.costs.get(name, 0) for layer in layers[1:]), value) for name, value in layers[0].costs.items()
    }
    path = f"{len(layers)} x {_pattern(layers[0].path)}"
    return layers[0]._replace(
        path=path, costs=costs, layers=sum((layer.layers for layer in layers[1:]), layers[0].layers)
    )


__all__ = ["folded"]
