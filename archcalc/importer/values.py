"""What is known of a value in an ONNX graph, and arithmetic of shapes that may hold free symbols."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from math import prod
from typing import Any

from archcalc.algebra import Dim, Number, Poly, divides, integral, less, same, unicode
from archcalc.algebra.poly import Atom, Call, Floor
from archcalc.errors import ArchcalcError, ShapeError, Undecided
from archcalc.importer.tensors import FLOAT, FLOATS, Tensor
from archcalc.ops import Shape, size, spell_shape
from archcalc.tuples import NamedTuple

LARGEST = 1 << 63  # sizes are int64s
LONGEST_FORM = 300  # symbols and terms of a closed form; the sizes of real networks have fewer than ten
HIGHEST_POWER = 16  # factors of one term of a size
MOST_AXES = 64
SHOWN = 60  # letters of a closed form in messages

Content = tuple[Any, ...]  # numbers, booleans, text; None where one isn't known


class Unknown(ArchcalcError):
    """A rule needs to know something that the file doesn't say."""


class Origin(NamedTuple):
    """A tensor of the file that a constant was made from.

    `given`: an initializer, or several numbers that stand in the graph under a name of their own, and not what an
    exporter put there. `reduced`: only sums over it, or its norm, went into the constant.
    """

    key: Hashable  # what stands at that place of the file, whatever it is called: a tensor, or the node that makes one
    name: str
    shape: tuple[int, ...]
    given: bool
    tensor: Tensor | None = None
    reduced: bool = False

    @property
    def said(self) -> str:
        """What the exporter calls it, if it does."""
        return self.tensor.said if self.tensor is not None else ""

    @property
    def kind(self) -> int:
        """The kind of its numbers; floats where they are made when the network runs."""
        return self.tensor.kind if self.tensor is not None else FLOAT


class Value:
    """A tensor: computed by a node, or constant (`node` None): from the file, or from sizes alone.

    `content` holds its elements in order, where there are few and they are known; those of a tensor in the file are
    read when they are asked for. `shape` is None where nothing says it.
    """

    __slots__ = ("_content", "_tensor", "kind", "node", "origins", "shape")

    def __init__(
        self,
        shape: Shape | None,
        kind: int = 0,
        node: int | None = None,
        content: Content | None = None,
        origins: tuple[Origin, ...] = (),
        tensor: Tensor | None = None,
    ) -> None:
        self.shape, self.kind, self.node, self.origins = shape, kind, node, origins
        self._content, self._tensor = content, tensor

    @property
    def content(self) -> Content | None:
        """The elements row by row, where they are known; a stored tensor's are read when they are first asked for."""
        if self._tensor is not None:
            self._content, self._tensor = self._tensor.content(), None
        return self._content

    @property
    def is_constant(self) -> bool:
        """Whether no layer computes it: it is stored, or follows from shapes alone."""
        return self.node is None

    @property
    def is_float(self) -> bool:
        """Whether its kind is one of floating-point numbers."""
        return self.kind in FLOATS

    @property
    def dims(self) -> Shape:
        """Its shape. Raises Unknown where nothing says it."""
        if self.shape is None:
            raise Unknown("the shape of what it reads isn't known")
        return self.shape

    def axes(self, low: int, high: int | None = None) -> Shape:
        """Its shape, of so many axes. Raises ShapeError for others."""
        shape, high = self.dims, low if high is None else high
        if not low <= len(shape) <= high:
            wanted, given = low if low == high else f"{low} to {high}", spell_shape(shape, brief) or "none"
            raise ShapeError(f"it needs {wanted} axes, got {given}")
        return shape

    def numbers(self, what: str) -> Content:
        """Its elements. Raises Unknown where one isn't known."""
        content = self.content
        if content is None or None in content:
            raise computed(what)
        return content

    @property
    def is_known(self) -> bool:
        """Whether all its elements are."""
        return self.content is not None and None not in self.content

    def only(self) -> Any:
        """Its first element, or None where that isn't known."""
        return (self.content or (None,))[0]


def computed(what: str) -> Unknown:
    """What can't be said of a node, since a run decides it."""
    many = what.endswith("s") and not what.endswith("is")
    return Unknown(f"its {what} {'are' if many else 'is'} computed when it runs")


class Values(list[Value]):
    """A sequence of tensors."""


def joined(values: Iterable[Value | None]) -> tuple[Origin, ...]:
    """The origins of several constants."""
    return tuple(dict.fromkeys(origin for value in values if value is not None for origin in value.origins))


class Assumed:
    """Sizes that can't be shown to agree and have to: the network couldn't run otherwise."""

    def __init__(self) -> None:
        self.conditions: dict[str, None] = {}

    def agree(self, one: Dim, two: Dim, what: str = "sizes") -> Dim:
        """The size that both are; a number rather than a closed form, the shorter form of two. Raises ShapeError where
        they never agree.
        """
        if one is two or one == two:
            return one
        try:
            if not same(one, two):
                raise ShapeError(f"{what} disagree: {brief(one)} and {brief(two)}")
        except Undecided:
            self.conditions[f"{_spell(one)} = {_spell(two)}"] = None
        return min(one, two, key=_length)

    def broadcast(self, *shapes: Shape) -> Shape:
        """The shape that all stretch to, aligned at the end."""
        output = shapes[0]
        for shape in shapes[1:]:
            output = self._stretched(output, shape)
        return output

    def _stretched(self, one: Shape, two: Shape) -> Shape:
        if one == two:
            return one
        rank = max(len(one), len(two))
        dims = []
        for a, b in zip((1,) * (rank - len(one)) + one, (1,) * (rank - len(two)) + two, strict=True):
            if a == 1 or b == 1:
                dims.append(b if a == 1 else a)
                continue
            try:
                dims.append(self.agree(a, b))
            except ShapeError:
                raise ShapeError(
                    f"{spell_shape(one, brief)} and {spell_shape(two, brief)} don't stretch to one shape"
                ) from None
        return tuple(dims)

    def quotient(self, whole: Dim, part: Dim) -> Dim:
        """whole / part, which has to be a whole number. Raises ShapeError where it isn't or has no closed form."""
        found = divided(whole, part)
        if found is not None:
            return found
        if isinstance(part, int) and part > 0:
            try:
                exact = divides(part, whole)
            except Undecided:
                self.conditions[f"{_spell(whole)} is a multiple of {part}"] = None
                return whole // part
            if exact:
                return whole // part
        raise ShapeError(f"{brief(whole)} elements can't be divided into {brief(part)}")


def divided(whole: Dim, part: Dim) -> Dim | None:
    """The exact quotient where it is plain to see: a number, a single product that every term holds, or a multiple;
    else None.
    """
    if whole == part:
        return 1
    if isinstance(part, int):
        if isinstance(whole, int):
            return whole // part if part and whole % part == 0 else None
        if part and all(coefficient % part == 0 for coefficient in whole.terms.values()):
            return whole // part if part > 0 else None
        return None
    if isinstance(whole, int):
        return 0 if whole == 0 else None
    quotient: Any = 0
    rest: Any = whole
    (lead, factor), *_ = sorted(
        part.terms.items(), key=lambda term: (-len(term[0]), str(Poly({term[0]: 1}) if term[0] else ""))
    )
    for _ in range(64):
        if not isinstance(rest, Poly):
            return quotient if rest == 0 else None
        step = next((found for term in rest.terms.items() if (found := _term(term, lead, factor)) is not None), None)
        if step is None:
            return None
        quotient = quotient + step
        rest = rest - step * part
    return None


def _term(term: tuple[Any, Any], lead: Any, factor: Any) -> Any:
    """One term over the leading one, or None."""
    monomial, coefficient = term
    left = list(monomial)
    for atom in lead:
        if atom not in left:
            return None
        left.remove(atom)
    if coefficient % factor:
        return None
    return Poly({tuple(left): coefficient // factor}) if left else coefficient // factor


def span(dim: object) -> int:
    """How many terms and symbols a closed form is written with, those inside of floors included; a number is 1."""
    return sum(1 + sum(map(_span_of, monomial)) for monomial in dim.terms) if isinstance(dim, Poly) else 1


@lru_cache(maxsize=1 << 16)
def _span_of(atom: Atom) -> int:
    inside = (atom.inside,) if isinstance(atom, Floor) else atom.args if isinstance(atom, Call) else ()
    return 1 + sum(map(span, inside))


def terms(shape: Shape) -> int:
    """The most terms that the number of elements can have."""
    return prod(len(dim.terms) for dim in shape if isinstance(dim, Poly))


def is_written(dim: object) -> bool:
    """Whether a size is a number, or a closed form that can be written down."""
    return not isinstance(dim, Poly) or (span(dim) <= LONGEST_FORM and max(map(len, dim.terms)) <= HIGHEST_POWER)


def possible(shape: Shape) -> None:
    """Raises ShapeError for what is no shape of a tensor: sizes are int64s, and their closed forms can be written
    down.
    """
    if len(shape) > MOST_AXES:
        raise ShapeError(f"a tensor of {len(shape)} axes")
    numbers = [dim for dim in shape if isinstance(dim, int)]
    if prod(numbers) >= LARGEST:
        raise ShapeError(f"a tensor of {spell_shape(shape, brief)} has more elements than 64 bits can count")
    if len(numbers) == len(shape):
        return
    for dim in shape:
        if not is_written(dim):
            raise ShapeError(f"the closed form of a size, {brief(dim)}, is too long: --set gives sizes numbers")
    if terms(shape) > LONGEST_FORM:
        raise ShapeError(
            f"the closed form of its {spell_shape(shape, brief)} elements is too long: --set gives sizes numbers"
        )


def brief(dim: Dim) -> str:
    """A size in messages: it is cut if it is long."""
    if isinstance(dim, Poly) and not is_written(dim):
        return (
            f"{span(dim):,} terms and symbols"
            if span(dim) > LONGEST_FORM
            else f"a product of {max(map(len, dim.terms)):,}"
        )
    text = _spell(dim)
    return text if len(text) <= SHOWN else f"({text[: SHOWN - 20]}...)"


def product(shape: Sequence[Dim]) -> Dim:
    """The elements of a shape."""
    return size(shape)


def axis_of(axis: object, rank: int) -> int:
    """An axis counted from the front. Raises ShapeError for one that isn't there."""
    if not isinstance(axis, int) or not -rank <= axis < rank:
        raise ShapeError(f"there is no axis {axis} in {rank} axes")
    return axis % rank if rank else 0


def least(a: Number, b: Number) -> bool:
    """Whether a < b, where that can be told; False otherwise."""
    try:
        return less(a, b)
    except ArchcalcError:
        return False


def whole(value: object) -> Dim | None:
    """A size among numbers: an int or a whole closed form, else None."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) or (isinstance(value, Poly) and integral(value)):
        return value
    return None


def _spell(dim: Dim) -> str:
    return unicode(dim) if isinstance(dim, Poly) else str(dim)


def _length(dim: Dim) -> tuple[int, int]:
    if not isinstance(dim, Poly):
        return 0, 0
    floors = sum(isinstance(atom, Floor) for atom in dim.atoms())
    return 1 + floors, len(str(dim))


spell_dim = _spell

__all__ = [
    "LARGEST", "Assumed", "Content", "Origin", "Unknown", "Value", "Values", "axis_of", "brief", "divided",
    "is_written", "joined", "least", "possible", "product", "spell_dim", "terms", "whole",
]  # fmt: skip
