"""What a spec is made of, once it is read, each with its position: parameters, blocks, heads, variants, and lines with
what they mean.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from archcalc.errors import Mark, UsageError, among
from archcalc.ops import Op
from archcalc.ops.kinds import show
from archcalc.records import Record
from archcalc.spec.items import Chain
from archcalc.spec.model import Budget, Parameter, Reference
from archcalc.spec.text import Node, Scalar
from archcalc.spec.values import Value
from archcalc.spec.words import Line, Word
from archcalc.tuples import NamedTuple

if TYPE_CHECKING:
    from archcalc.spec.layers import Resolver


class Block(Record, frozen=False):
    """A named chain of layers with arguments; `defaults` holds the expression of each that has one."""

    name: str
    mark: Mark
    arguments: tuple[str, ...]
    defaults: dict[str, Word]
    body: Chain


class Declared(Record, frozen=False):
    """A parameter as it is declared: the node of its value, and its constraints."""

    value: Node
    mark: Mark
    limits: Parameter | None = None

    @property
    def takes_words(self) -> bool:
        """Whether its value may be a word: it is one, or one of a list of them."""
        node, choices = self.value, self.limits.in_ if self.limits else None
        is_word = isinstance(node, Scalar) and isinstance(node.value, str) and node.value.isidentifier()
        return is_word or any(isinstance(choice, str) for choice in choices or ())

    def conditions(self, name: str) -> list[str]:
        """The constraints as expressions: `size >= 32`."""
        if self.limits is None:
            return []
        bounds = [f"{name} >= {show(self.limits.min)}"] if self.limits.min is not None else []
        bounds += [f"{name} <= {show(self.limits.max)}"] if self.limits.max is not None else []
        return [*bounds, f"{name} % {self.limits.multiple_of} == 0"] if self.limits.multiple_of else bounds


class Head(Record, frozen=False):
    """Layers counted in training only."""

    label: str
    mark: Mark
    source: str
    source_mark: Mark
    layers: Chain


class Member(Record, frozen=False):
    """A variant: values for parameters, labels that it leaves out, and what it says of itself."""

    name: str
    mark: Mark
    values: dict[str, Declared]
    title: str | None
    paper: str | None
    year: int | None
    without: dict[str, Mark]
    torch: dict[str, str] | None
    references: list[Reference]
    reference_marks: list[Mark]
    budget: Budget | None
    budget_marks: dict[str, Mark]


class Spec(Record, frozen=False):
    """A spec file, read and validated. Parameters are not bound yet: `bind` does that."""

    path: str
    mark: Mark
    name: str
    layers: Chain
    paper: str | None = None
    year: int | None = None
    inputs: dict[str, tuple[Word, ...]] = {}
    parameters: dict[str, Declared] = {}
    space: dict[str, Value] = {}  # ranges of parameters, to choose designs among
    space_marks: dict[str, Mark] = {}
    require: list[tuple[Word, str]] = []
    defaults: dict[str, dict[str, Word]] = {}
    blocks: dict[str, Block] = {}
    outputs: list[Word] = []
    heads: list[Head] = []
    variants: dict[str, Member] = {}
    references: list[Reference] = []
    reference_marks: list[Mark] = []
    budget: Budget | None = None
    budget_marks: dict[str, Mark] = {}
    torch: dict[str, str] = {}
    labels: frozenset[str] = frozenset()
    uses: dict[str, Used | None] = {}  # by the name that `use` gives; None has a mistake
    notes: tuple[str, ...] = ()  # what a reader of the figures should know
    unread: frozenset[str] = frozenset()  # parameters and blocks with a mistake where they are declared

    @cached_property
    def resolver(self) -> Resolver:
        """What each of its lines means, and the mistakes in them."""
        from archcalc.spec.layers import Resolver

        return Resolver(self)

    def way(self, variant: str | None, name: str, word: str) -> str:
        """How PyTorch code writes a layer: as `torch:` says, patterns of names before operators, the last first; else a
        module.
        """
        written = self.written(variant)
        for pattern in reversed(written):
            if set(pattern) & set("*/.") and fnmatchcase(name, pattern):
                return written[pattern]
        return written.get(word, "module")

    def written(self, variant: str | None) -> dict[str, str]:
        """How PyTorch code writes operators, or layers by a pattern of their names; a variant may say so itself."""
        member = self.variant(variant)
        return self.torch if member is None or member.torch is None else member.torch

    def variant(self, name: str | None) -> Member | None:
        """The member of that name, or None for the spec itself. Raises UsageError."""
        if name is None:
            return None
        if name not in self.variants:
            raise UsageError(f"{self.path} has no variant '{name}'{among(name, self.variants)}")
        return self.variants[name]


class Used(Record, frozen=False):
    """A spec that another one uses as a layer, and the variant of it that is meant."""

    spec: Spec
    variant: str | None


class Meaning(Record, frozen=False):
    """What a line means: an operator, a block, a spec that is used, `ref LABEL` or `identity`; equal lines that know
    the same names mean the same. Its words stand where the first of them does, at `mark`.
    """

    mark: Mark
    op: type[Op] | None = None
    block: Block | None = None
    used: Used | None = None
    values: dict[str, Word] = {}  # fields of the operator, or arguments of the block
    variadic: tuple[Word, ...] = ()
    control: dict[str, Word] = {}  # when, frozen, share, kept, norm, act, survive
    usual: dict[str, Word] = {}  # widths that `defaults:` gives, if nothing nearer does
    elsewhere: frozenset[str] = frozenset()  # options that `defaults:` gives, whose words stand there
    label: str = ""  # what a `ref` reads
    names: frozenset[str] = frozenset()  # what was known where it stands
    constant: Op | None = None  # the operator, once it is known to be the same everywhere
    _made: dict[object, Op] = {}

    @property
    def words(self) -> object:
        """What it says of its operator, by which equal ones are told."""
        return self.op, *[(name, word.text) for name, word in self.values.items()], *[w.text for w in self.variadic]

    def make(self, values: dict[str, object]) -> Op:
        """The operator with these values; the same object for the same values."""
        key = tuple(values.values())
        op = self._made.get(key)
        if op is None:
            assert self.op is not None
            op = self._made[key] = self.op(**values)
        return op


class Layer(NamedTuple):
    """A line that was understood: what it means, with its words where it stands itself."""

    line: Line
    meaning: Meaning

    @property
    def op(self) -> type[Op] | None:
        """The operator that it is one of."""
        return self.meaning.op

    @property
    def values(self) -> dict[str, Word]:
        """Fields of the operator, or arguments of the block."""
        meaning = self.meaning
        if meaning.mark is self.line.mark:
            return meaning.values
        return {name: self._here(name, word) for name, word in meaning.values.items()}

    @property
    def variadic(self) -> tuple[Word, ...]:
        """The words of a field that takes all there are."""
        return tuple([self._here("", word) for word in self.meaning.variadic])

    def option(self, name: str) -> Word | None:
        """An option that steers the building: when, frozen, share, kept, norm, act, survive."""
        word = self.meaning.control.get(name)
        return None if word is None else self._here(name, word)

    def _here(self, name: str, word: Word) -> Word:
        before, after = self.meaning.mark, self.line.mark
        return word if before is after or name in self.meaning.elsewhere else word.moved(before, after)
