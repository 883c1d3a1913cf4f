"""Items that follow each other and are equal, written once: `3 x`; an activation or a normalisation in a line."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from archcalc.expand.items import Called, Item, Items, Join, Line, Ref, Repeat, inside, lines
from archcalc.ops import ACTIVATIONS, NORMALIZATIONS, OPS

LONGEST = 60  # items of a stretch that repeats


def with_suffixes(items: Items, fixed: Collection[int]) -> Items:
    """A normalisation and an activation right after a layer stand in its line: `conv 64 3x3 norm=bn act=relu`."""
    found: Items = []
    for item in items:
        if isinstance(item, Join):
            item.branches = [with_suffixes(branch, fixed) for branch in item.branches]
        before = found[-1] if found else None
        kind = (
            "norm"
            if isinstance(item, Line) and item.text in NORMALIZATIONS
            else "act"
            if isinstance(item, Line) and item.text in ACTIVATIONS
            else ""
        )
        fits = isinstance(before, Line) or (isinstance(before, Join) and kind == "act")
        if (
            kind
            and fits
            and isinstance(item, Line)
            and isinstance(before, (Line, Join))
            and before.node not in fixed
            and _takes(before.text, kind)
        ):
            found[-1] = before._replace(
                text=f"{before.text} {kind}={item.text}",
                node=item.node,
                first=before.first if before.first >= 0 else before.node,
            )
        else:
            found.append(item)
    return found


def _takes(text: str, kind: str) -> bool:
    """Whether a line may get a suffix: it has none of that kind, and no activation yet."""
    op = OPS[text.split(" ")[0]]
    return (
        (op.is_layer is True or op.arity[1] != 1)
        and " act=" not in text
        and f" {kind}=" not in text
        and "share=" not in text
        and "tied=" not in text
    )


def folded(items: Items, fixed: Collection[int]) -> Items:
    """Repeats that follow each other become one. Layers in `fixed` are read by name from elsewhere and stay where they
    are.
    """
    for item in items:
        if isinstance(item, Join):
            item.branches = [folded(branch, fixed) for branch in item.branches]
    keys = [key(item, fixed) for item in items]
    found: Items = []
    at = 0
    while at < len(items):
        length, count = _repeat(keys, items, at)
        if count > 1:
            whole = tuple(n for item in items[at : at + length * count] for n in nodes_of(item))
            found.append(
                Repeat(count, folded(items[at : at + length], fixed) if length > 1 else items[at : at + 1], whole)
            )
            at += length * count
        else:
            found.append(items[at])
            at += 1
    return found


def _repeat(keys: list[object], items: Items, at: int) -> tuple[int, int]:
    """The stretch from here whose repetition saves most: its length, and how often it stands there."""
    best, saved = (1, 1), 0
    for length in range(1, min(LONGEST, (len(keys) - at) // 2) + 1):
        if keys[at] != keys[at + length]:
            continue
        stretch = keys[at : at + length]
        count = 1
        while keys[at + count * length : at + (count + 1) * length] == stretch:
            count += 1
        saving = (count - 1) * lines(items[at : at + length])
        if count > 1 and saving > saved:
            best, saved = (length, count), saving
    return best


def key(item: Item, fixed: Collection[int]) -> Any:
    """What two items have in common that make the same layers; itself for one that can't be written twice."""
    if isinstance(item, (Line, Join, Called)) and item.node in fixed:
        return id(item)
    if isinstance(item, Ref):
        return item.node
    if isinstance(item, Line):
        return item.text
    if isinstance(item, Join):
        return (item.text, *(tuple(key(inner, fixed) for inner in branch) for branch in item.branches))
    if isinstance(item, Repeat):
        return (item.count, *(key(inner, fixed) for inner in item.items))
    return item.text


def nodes_of(item: Item) -> tuple[int, ...]:
    """The layers that an item stands for."""
    found: list[int] = []
    for inner in inside([item]):
        found += (
            [inner.node]
            if isinstance(inner, (Line, Join))
            else inner.nodes
            if isinstance(inner, (Repeat, Called))
            else []
        )
    return tuple(found)


__all__ = ["folded", "key", "nodes_of", "with_suffixes"]
