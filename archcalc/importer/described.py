"""What a file says of its values: their types, and the sizes and names of their dims."""

from __future__ import annotations

from archcalc.importer.wire import Stretch, fields, signed
from archcalc.tuples import NamedTuple


class Described(dict[str, "Named | Stretch"]):
    """What is said of values, by name; a type is read when it is asked for."""

    def of(self, name: str) -> Named | None:
        """What the file says of a value, read when it is first asked for; None where it says nothing."""
        found = self.get(name)
        if isinstance(found, Stretch):
            found = self[name] = read_named(found)
        return found

    def note(self, stretch: Stretch) -> str:
        """Keep one for later. Gives its name."""
        name = read_name(stretch)
        self[name] = stretch
        return name


class Named(NamedTuple):
    """A graph's input, output or value with what is said of its type; a dim is a number, a name or None, `dims` None
    where the rank is open.
    """

    name: str
    kind: int
    dims: tuple[int | str | None, ...] | None
    is_tensor: bool = True


def read_name(stretch: Stretch) -> str:
    """The name at the head of a message."""
    for number, value, stop in fields(stretch):
        if number == 1 and stop >= 0:
            return Stretch(stretch.source, value, stop).text()
    return ""


def read_named(stretch: Stretch) -> Named:
    """A value's name, kind and sizes from the bytes of a ValueInfoProto (onnx.proto)."""
    name, found = "", (0, None, True)
    for number, value, stop in fields(stretch):
        if number == 1 and stop >= 0:
            name = Stretch(stretch.source, value, stop).text()
        elif number == 2 and stop >= 0:
            found = _type(Stretch(stretch.source, value, stop))  # type: ignore[assignment]
    return Named(name, *found)


def _type(stretch: Stretch) -> tuple[int, tuple[int | str | None, ...] | None, bool]:
    """(element type, dims, whether it is a tensor) of a type."""
    for number, value, stop in fields(stretch):
        if number in (1, 8) and stop >= 0:
            return (*_tensor_type(Stretch(stretch.source, value, stop)), True)
        if number in (4, 5, 9) and stop >= 0:
            return 0, None, False
    return 0, None, True


def _tensor_type(stretch: Stretch) -> tuple[int, tuple[int | str | None, ...] | None]:
    kind, dims = 0, None
    for number, value, stop in fields(stretch):
        if number == 1 and stop == -1:
            kind = value
        elif number == 2 and stop >= 0:
            dims = tuple(
                _dim(Stretch(stretch.source, v, s))
                for n, v, s in fields(Stretch(stretch.source, value, stop))
                if n == 1 and s >= 0
            )
    return kind, dims


def _dim(stretch: Stretch) -> int | str | None:
    found: int | str | None = None
    for number, value, stop in fields(stretch):
        if number == 1 and stop == -1:
            found = signed(value)
        elif number == 2 and stop >= 0:
            found = Stretch(stretch.source, value, stop).text() or None
    return found
