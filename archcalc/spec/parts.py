"""What a spec is made of, once it is read: parameters, blocks, layers, heads and variants, each with its position."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from archcalc.errors import Mark, UsageError, among
from archcalc.ops.kinds import show
from archcalc.records import Record
from archcalc.spec.items import Chain
from archcalc.spec.model import Budget, Parameter, Reference
from archcalc.spec.text import Node, Scalar
from archcalc.spec.values import Value
from archcalc.spec.words import Word

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
