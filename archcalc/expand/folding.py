"""Items that repeat, written once: `3 x` where they follow each other, a block with arguments where they stand
apart.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from archcalc.expand.items import Called, Item, Items, Join, Line, Ref, Repeat, inside, lines
from archcalc.ops import ACTIVATIONS, NORMALIZATIONS, OPS

LONGEST = 60  # items of a stretch that repeats
FEWEST_LINES = 3  # of a block
MOST_ARGUMENTS = 6
_NUMBER = re.compile(
    r"(?<![\w.*/+(-])\d+(?![\w.*/+-])"
)  # numbers that stand alone: `64`, `stride=2`; not those of `3x3`


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
        and op.word != "opaque"
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


def _repeat(keys: list[Any], items: Items, at: int) -> tuple[int, int]:
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
    if isinstance(item, Ref) or (isinstance(item, (Line, Join)) and item.node in fixed):
        return id(item)
    if isinstance(item, Line):
        return item.text
    if isinstance(item, Join):
        return (item.text, *(tuple(key(inner, fixed) for inner in branch) for branch in item.branches))
    if isinstance(item, Repeat):
        return (item.count, *(key(inner, fixed) for inner in item.items))
    return item.text


# ---- blocks ----------------------------------------------------------------------------------------------------------


def with_blocks(
    items: Items, fixed: Collection[int], taken: Collection[str]
) -> tuple[Items, dict[str, tuple[list[str], Items]]]:
    """Joins that stand in several places and differ in numbers only become blocks: name, arguments and body of each."""
    blocks: dict[str, tuple[list[str], Items]] = {}
    while len(blocks) < 20:
        groups: dict[Any, list[Join]] = {}
        for item in inside(items):
            if isinstance(item, Join) and lines([item]) >= FEWEST_LINES and not _is_fixed(item, fixed):
                groups.setdefault(_skeleton(item), []).append(item)
        for joins in sorted(
            (joins for joins in groups.values() if len(joins) > 1), key=lambda joins: -len(joins) * lines([joins[0]])
        ):
            rows = [_numbers(join) for join in joins]
            columns = list(zip(*rows, strict=True))
            varying = list(dict.fromkeys(column for column in columns if len(set(column)) > 1))
            if len(varying) <= MOST_ARGUMENTS:
                break
        else:
            return items, blocks
        name = _unused(f"{joins[0].text.split(' ')[0]}_block", [*taken, *blocks])
        arguments = [_argument(n, len(varying)) for n in range(len(varying))]
        names = dict(zip(varying, arguments, strict=True))
        calls = {
            id(join): Called(" ".join([name, *(str(column[n]) for column in varying)]), nodes_of(join))
            for n, join in enumerate(joins)
        }
        blocks[name] = arguments, [_with_names(joins[0], iter([names.get(column) for column in columns]))]
        items = _replaced(items, calls)
        blocks = {
            block: (given, body if block == name else _replaced(body, calls)) for block, (given, body) in blocks.items()
        }
    return items, blocks


def _is_fixed(item: Join, fixed: Collection[int]) -> bool:
    return any(
        isinstance(inner, Ref) or (isinstance(inner, (Line, Join)) and inner.node in fixed) for inner in inside([item])
    )


def _texts(item: Item) -> list[str]:
    """The texts of an item's lines, in order."""
    return [inner.text for inner in inside([item]) if isinstance(inner, (Line, Join, Called))]


def _skeleton(item: Item) -> Any:
    """An item without its numbers."""
    if isinstance(item, Join):
        return (_NUMBER.sub("#", item.text), *(tuple(_skeleton(inner) for inner in branch) for branch in item.branches))
    if isinstance(item, Repeat):
        return (item.count, *(_skeleton(inner) for inner in item.items))
    return _NUMBER.sub("#", item.text) if isinstance(item, (Line, Called)) else id(item)


def _numbers(item: Item) -> list[int]:
    return [int(number) for text in _texts(item) for number in _NUMBER.findall(text)]


def _with_names(item: Item, names: Any) -> Item:
    """The item with arguments in the place of numbers; `names` gives one or None for each number, in order."""
    if isinstance(item, (Line, Join, Called)):
        text = _NUMBER.sub(lambda match: next(names) or match.group(), item.text)
        if isinstance(item, Join):
            return Join(
                text,
                item.node,
                [[_with_names(inner, names) for inner in branch] for branch in item.branches],
                item.first,
            )
        return Line(text, item.node, item.first) if isinstance(item, Line) else Called(text, item.nodes)
    if isinstance(item, Repeat):
        return Repeat(item.count, [_with_names(inner, names) for inner in item.items], item.nodes)
    return item


def _replaced(items: Items, calls: dict[int, Called]) -> Items:
    found: Items = []
    for item in items:
        if id(item) in calls:
            found.append(calls[id(item)])
            continue
        if isinstance(item, Join):
            item.branches = [_replaced(branch, calls) for branch in item.branches]
        elif isinstance(item, Repeat):
            item.items = _replaced(item.items, calls)
        found.append(item)
    return found


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


def _argument(n: int, count: int) -> str:
    return "width" if count == 1 else f"c{n + 1}"


def _unused(name: str, taken: Collection[str]) -> str:
    count = 2
    label = name
    while label in taken:
        label, count = f"{name}{count}", count + 1
    return label


__all__ = ["folded", "key", "nodes_of", "with_blocks", "with_suffixes"]
