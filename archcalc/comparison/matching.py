"""Which layer of one network is which of the other: by label path first, then by structure.

Labels that stand in a block on both sides are the same layer. What is left between two of those is aligned in order, so
that what the lines say decides and not how they are numbered: an inserted layer is one without a partner, a renamed one
has its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise, takewhile

from archcalc.comparison.sides import same
from archcalc.comparison.units import Unit, automatic

Pair = tuple[Unit | None, Unit | None]
MOST_CELLS = 250_000  # of the table that an alignment fills in; beyond, what stands first and last is paired
LIKE = 0.3  # how much of two blocks must be alike for them to be partners under different labels


def aligned(base: Sequence[Unit], head: Sequence[Unit]) -> list[Pair]:
    """Partners among siblings in the order of the head; what has none stands alone, after what it came after."""
    partners = _by_label(base, head)
    spine = _in_order(sorted(partners.items()))
    labelled = set(partners.values())
    for (a, b), (a_end, b_end) in pairwise([(-1, -1), *spine, (len(base), len(head))]):
        rest = [n for n in range(a + 1, a_end) if n not in partners]
        others = [n for n in range(b + 1, b_end) if n not in labelled]
        for x, y in _by_structure([base[n] for n in rest], [head[n] for n in others]):
            partners[rest[x]] = others[y]
    return _listed(base, head, partners)


def _listed(base: Sequence[Unit], head: Sequence[Unit], partners: dict[int, int]) -> list[Pair]:
    placed: list[tuple[tuple[int, int, int], Pair]] = []
    after = -1
    for n, unit in enumerate(base):
        after = partners.get(n, after)
        placed.append(((after, 0, 0), (unit, head[after])) if n in partners else ((after, 1, n), (unit, None)))
    met = set(partners.values())
    placed += [((n, 0, 0), (None, unit)) for n, unit in enumerate(head) if n not in met]
    return [pair for _, pair in sorted(placed, key=lambda entry: entry[0])]


def _by_label(base: Sequence[Unit], head: Sequence[Unit]) -> dict[int, int]:
    """Positions of the same label, one that somebody chose on both sides."""
    unchosen = automatic(base) | automatic(head)
    where = {unit.name: n for n, unit in enumerate(head)}
    return {n: where[unit.name] for n, unit in enumerate(base) if unit.name in where and unit.name not in unchosen}


def _in_order(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The most pairs that keep their order; the others moved."""
    ends: list[int] = []  # of the best chain of each length, its last head position
    lengths = []
    for _, b in pairs:
        n = bisect_left(ends, b)
        ends[n : n + 1] = [b]
        lengths.append(n + 1)
    chain: list[tuple[int, int]] = []
    wanted = len(ends)
    for pair, length in zip(reversed(pairs), reversed(lengths), strict=True):
        if length == wanted and (not chain or pair[1] < chain[-1][1]):
            chain.append(pair)
            wanted -= 1
    return chain[::-1]


# ---- by structure ----------------------------------------------------------------------------------------------------


def _by_structure(base: list[Unit], head: list[Unit]) -> Iterator[tuple[int, int]]:
    """Partners that keep their order and are the most alike, all in all."""
    shorter = min(len(base), len(head))
    unchosen = automatic(base), automatic(head)
    start = sum(1 for _ in takewhile(lambda n: _equal(base[n], head[n], unchosen), range(shorter)))
    end = sum(1 for _ in takewhile(lambda n: _equal(base[-1 - n], head[-1 - n], unchosen), range(shorter - start)))
    yield from ((n, n) for n in range(start))
    yield from (
        (x + start, y + start) for x, y in _most_alike(base[start : len(base) - end], head[start : len(head) - end])
    )
    yield from ((len(base) - n, len(head) - n) for n in range(end, 0, -1))


def _equal(one: Unit, other: Unit, unchosen: tuple[set[str], set[str]]) -> bool:
    named = one.name == other.name or (one.name in unchosen[0] and other.name in unchosen[1])
    return named and one.texts == other.texts and one.whole.shape == other.whole.shape and same_costs(one, other)


def same_costs(one: Unit, other: Unit) -> bool:
    """Whether two units cost the same, as far as is known of both."""
    costs, others = one.whole.costs, other.whole.costs
    return all(same(costs[name], others[name]) for name in costs.keys() & others.keys())


def _most_alike(base: list[Unit], head: list[Unit]) -> list[tuple[int, int]]:
    if len(base) * len(head) > MOST_CELLS:
        return _ends(base, head)
    unchosen = automatic(base) | automatic(head)
    scores = [[_score(one, other, unchosen) for other in head] for one in base]
    best = [[0.0] * (len(head) + 1) for _ in range(len(base) + 1)]
    for x in range(len(base) - 1, -1, -1):
        row, below, score = best[x], best[x + 1], scores[x]
        for y in range(len(head) - 1, -1, -1):
            row[y] = max(below[y], row[y + 1], score[y] + below[y + 1] if score[y] else 0)
    pairs, x, y = [], 0, 0
    while x < len(base) and y < len(head):
        if scores[x][y] and best[x][y] == scores[x][y] + best[x + 1][y + 1]:
            pairs.append((x, y))
            x, y = x + 1, y + 1
        elif best[x][y] == best[x + 1][y]:
            x += 1
        else:
            y += 1
    return pairs


def _ends(base: list[Unit], head: list[Unit]) -> list[tuple[int, int]]:
    """Two lists too long for that: what has the same operator, from the first on, then from the last."""
    shorter = min(len(base), len(head))
    start = sum(1 for _ in takewhile(lambda n: base[n].word == head[n].word, range(shorter)))
    end = sum(1 for _ in takewhile(lambda n: base[-1 - n].word == head[-1 - n].word, range(shorter - start)))
    return [(n, n) for n in range(start)] + [(len(base) - n, len(head) - n) for n in range(end, 0, -1)]


def _score(one: Unit, other: Unit, unchosen: set[str]) -> float:
    """How much speaks for two units being the same; 0: they aren't. A block weighs as much as what is in it."""
    if (one.layer is None) != (other.layer is None):
        return 0
    if one.word != other.word and one.word and other.word:
        return 0
    chosen = one.name != other.name and one.name not in unchosen and other.name not in unchosen
    alike = _likeness(one.texts, other.texts)
    if alike < 1 and chosen and alike < LIKE:
        return 0
    score = 1 + 4 * alike + 6 * (alike == 1) + (one.whole.shape == other.whole.shape) + (one.name == other.name)
    return score * min(len(one.leaves), len(other.leaves), 50)


@lru_cache(maxsize=65536)
def _likeness(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """The share of lines, or of the words of a single line, that are the same."""
    if len(one) == len(other) == 1:
        one, other = tuple(one[0].replace(",", "").split()), tuple(other[0].replace(",", "").split())
    common = Counter(one) & Counter(other)
    return 2 * common.total() / (len(one) + len(other))
