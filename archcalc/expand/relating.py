"""Values of several calls as few arguments: what is equal everywhere is no argument, what is always twice another one
is written so.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from math import prod

from archcalc.expand.words import MARK

MOST_TIMES = 16
MOST_BASES = 4  # arguments that others may be products of
MOST_FACTORS = 4


def related(rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """The values of a block, and those of its arguments in each call. A row is the values of one place, in order; in
    the block `$0` stands for the first argument.

    >>> related([["64", "256", "1"], ["128", "512", "1"]])
    (['$0', '4*$0', '1'], [['64', '128']])
    """
    given: list[list[str]] = []
    known: dict[tuple[str, ...], str] = {}
    written = []
    for column in zip(*rows, strict=True):
        if len(set(column)) == 1 and MARK not in column[0]:  # an outer block's argument is passed on
            written.append(column[0])
            continue
        if column not in known:
            known[column] = _product(column, given) or f"${len(given)}"
            if known[column] == f"${len(given)}":
                given.append(list(column))
        written.append(known[column])
    return written, given


def _product(column: tuple[str, ...], given: list[list[str]]) -> str:
    """A column by those before it: a multiple, a part, or a number of times a product; nothing if it is none."""
    if not all(text.isdigit() and text != "0" for text in column):
        return ""
    numbers = [int(text) for text in column]
    whole = {
        n: [int(text) for text in row]
        for n, row in enumerate(given[:MOST_BASES])
        if all(text.isdigit() and text != "0" for text in row)
    }
    for n, row in whole.items():
        times, parts = numbers[0] // row[0], row[0] // numbers[0]
        if 1 < times <= MOST_TIMES and all(a == times * b for a, b in zip(numbers, row, strict=True)):
            return f"{times}*${n}"
        if 1 < parts <= MOST_TIMES and all(a * parts == b for a, b in zip(numbers, row, strict=True)):
            return f"${n}//{parts}"
    for degree in range(2, MOST_FACTORS + 1):
        for factors in combinations_with_replacement(whole, degree):
            if found := _scaled(numbers, [prod(values) for values in zip(*(whole[n] for n in factors), strict=True)]):
                return "*".join([*([found] if found != "1" else []), *(f"${n}" for n in factors)])
    return ""


def _scaled(numbers: list[int], products: list[int]) -> str:
    """How many times the products the numbers are, where that is a whole number, the same everywhere: a large one
    takes three different products to be believed.
    """
    times, rest = divmod(numbers[0], products[0])
    if rest or any(a != times * b for a, b in zip(numbers, products, strict=True)):
        return ""
    return str(times) if times <= MOST_TIMES or len({*products}) > 2 else ""


__all__ = ["related"]
