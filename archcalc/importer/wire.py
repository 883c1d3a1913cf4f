"""Protocol buffers as they lie in a file: numbered fields, read where they stand.

Only what is asked for is looked at, so a file's weights are never in memory. Every length is held against what there
is: a file that claims more than it has is refused before anything is allocated.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from contextlib import suppress
from struct import Struct
from typing import TypeAlias

from archcalc.errors import ArchcalcError
from archcalc.tuples import NamedTuple

Source: TypeAlias = bytes | mmap.mmap

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_LED_BY_VARINT = (LENGTH, VARINT)
_OF_LENGTH = [tag >> 3 if tag & 7 == LENGTH and tag < 128 else 0 for tag in range(256)]  # fields by their first byte
_WIDTHS = {FIXED32: 4, FIXED64: 8}
WHOLE = 1 << 64
SIGN = 1 << 63
AROUND = 1 << 20  # bytes that a look at a few may bring in on either side

_FLOAT, _DOUBLE = Struct("<f"), Struct("<d")


class Malformed(ArchcalcError):
    """Bytes that are no message."""


class Bad(ArchcalcError):
    """A model that can't be what it says."""


class Stretch(NamedTuple):
    """Part of a source: a message that hasn't been read, or the content of a tensor."""

    source: Source
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def read(self) -> bytes:
        """The bytes of this part of the file."""
        return bytes(self.source[self.start : self.stop])

    def taken(self) -> bytes:
        """The bytes of a tensor, which stands among others that nobody asks for."""
        found = self.read()
        passed(self.source, self.start - AROUND, self.stop + AROUND)
        return found

    def text(self) -> str:
        """Names come in UTF-8; what isn't is shown with replacement characters."""
        return self.read().decode("utf-8", "replace")

    def here(self) -> Stretch:
        """The same bytes in a source of their own, which is quicker to read if they are few."""
        return (
            self
            if isinstance(self.source, bytes)
            else Stretch(self.source[self.start : self.stop], 0, self.stop - self.start)
        )


def passed(source: Source, start: int, stop: int) -> None:
    """Give back the memory of a mapped file between two positions: to look at one byte brings in many around it, and
    weights were only passed by.
    """
    if isinstance(source, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        first = -(-max(start, 0) // mmap.PAGESIZE) * mmap.PAGESIZE
        if first < min(stop, len(source)):
            with suppress(OSError):  # it is a hint; pages that are locked can't be given back
                source.madvise(mmap.MADV_DONTNEED, first, min(stop, len(source)) - first)


def fields(stretch: Stretch) -> Iterator[tuple[int, int, int]]:
    """(number, value, stop) of each field: a number's `value` with stop -1, or where a length-delimited one begins and
    stops.

    Fixed-size numbers give their position, as `value`, with stop -4 or -8. Raises Malformed.
    """
    source, at, end = stretch
    while at < end:
        tag = source[at]
        at += 1
        if tag > 127:
            tag, at = _varint(source, at - 1, end)
        if tag < 8:
            raise Malformed(f"there is no field 0, at byte {at}")
        kind = tag & 7
        if kind in _LED_BY_VARINT:
            if at >= end:
                raise Malformed(f"it ends in the middle of a field, at byte {at}")
            value = source[at]
            at += 1
            if value > 127:
                value, at = _varint(source, at - 1, end)
            if kind == VARINT:
                yield tag >> 3, value, -1
                continue
            stop = at + value
            if stop > end:
                raise Malformed(f"a field at byte {at} claims {value:,} bytes where {end - at:,} are left")
            yield tag >> 3, at, stop
            at = stop
        elif kind in _WIDTHS:
            width = _WIDTHS[kind]
            if width > end - at:
                raise Malformed(f"it ends in the middle of a number, at byte {at}")
            yield tag >> 3, at, -width
            at += width
        else:
            raise Malformed(f"there is no field of kind {kind}, at byte {at}")


def parts(stretch: Stretch) -> Iterable[tuple[int, int, int]]:
    """As `fields`, all at once where each has a length: so are the messages that a file has most of."""
    source, at, end = stretch
    found: list[tuple[int, int, int]] = []
    last, add = end - 1, found.append
    while at < last:
        number, size, start = _OF_LENGTH[source[at]], source[at + 1], at + 2
        if size > 127:
            size, start = _varint(source, at + 1, end)
        at = start + size
        if not number or at > end:
            return fields(stretch)
        add((number, start, at))
    return found if at == end else fields(stretch)


def _varint(source: Source, at: int, end: int) -> tuple[int, int]:
    if at + 1 < end and source[at + 1] < 128 <= source[at]:  # most that have more than one byte have two
        return source[at] - 128 + (source[at + 1] << 7), at + 2
    value = shift = 0
    while at < end and shift < 70:
        byte = source[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value % WHOLE, at
        shift += 7
    raise Malformed(
        f"it ends in the middle of a number, at byte {at}"
        if at >= end
        else f"a number has more than 64 bits, at byte {at}"
    )


def signed(value: int) -> int:
    """A varint as an int64."""
    return value - WHOLE if value >= SIGN else value


def real(source: Source, at: int) -> float:
    """A float that lies there."""
    return float(_FLOAT.unpack(source[at : at + 4])[0])


def entry(stretch: Stretch, into: dict[str, str]) -> None:
    """A pair of strings."""
    key = text = ""
    for number, value, stop in fields(stretch):
        if number == 1 and stop >= 0:
            key = Stretch(stretch.source, value, stop).text()
        elif number == 2 and stop >= 0:
            text = Stretch(stretch.source, value, stop).text()
    into[key] = text


def varints(stretch: Stretch) -> list[int]:
    """Packed int64s."""
    source, at, end = stretch
    values = []
    while at < end:
        value, at = _varint(source, at, end)
        values.append(signed(value))
    return values


def reals(stretch: Stretch, double: bool = False) -> list[float]:
    """Packed floats or doubles. Raises Malformed."""
    form = _DOUBLE if double else _FLOAT
    if len(stretch) % form.size:
        raise Malformed(f"{len(stretch)} bytes are no row of numbers of {form.size}, at byte {stretch.start}")
    return [float(value) for (value,) in form.iter_unpack(stretch.read())]


__all__ = [
    "FIXED32",
    "FIXED64",
    "LENGTH",
    "VARINT",
    "Bad",
    "Malformed",
    "Source",
    "Stretch",
    "entry",
    "fields",
    "parts",
    "passed",
    "real",
    "reals",
    "signed",
    "varints",
]
