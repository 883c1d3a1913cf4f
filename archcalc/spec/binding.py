"""Parameters get their values: declared defaults, a variant's, `--set`, and the ones that are left free."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from fractions import Fraction

from archcalc.algebra import Poly, symbol
from archcalc.errors import (
    ArchcalcError,
    ExpressionError,
    Mark,
    Mistakes,
    Problem,
    SpecError,
    Undecided,
    UsageError,
    among,
)
from archcalc.ops.kinds import show
from archcalc.records import Record
from archcalc.spec.expressions import compile_expression, is_known, unknown_name
from archcalc.spec.parts import Declared, Spec
from archcalc.spec.text import Node, Scalar, Sequence
from archcalc.spec.values import Value, capped_list

BATCH = "batch"
DEEPEST = 100  # parameters that follow from parameters that follow ...


class Binding(Record):
    """What every parameter is worth. `values` may hold polynomials in the `free` symbols; `batch` is not a parameter.

    `without` holds the labels that the variant leaves out, and where it says so; `given` names what was set from
    outside.
    """

    values: dict[str, Value]
    free: tuple[str, ...] = ()
    batch: int | Poly = 1
    without: dict[str, Mark] = {}
    given: tuple[str, ...] = ()

    @property
    def network(self) -> tuple[dict[str, Value], list[str]]:
        """What tells a member of a family from the others: its values, and what it leaves out."""
        return self.values, sorted(self.without)


def bind(
    spec: Spec,
    variant: str | None = None,
    sets: MappingType[str, object] | None = None,
    free: SequenceType[str] = (),
    batch: int = 1,
) -> Binding:
    """Values for all parameters of a spec.

    `sets` maps names to values or to their text (`"2*112"`, `"[3, 4, 6, 3]"`). Raises UsageError for names that don't
    exist, SpecError for values that break a constraint.
    """
    sets = dict(sets or {})
    free = list(dict.fromkeys(free))
    if BATCH in sets:
        batch = _batch(sets.pop(BATCH))
    member = spec.variant(variant)
    for name in [*sets, *free]:
        if name not in spec.parameters and name != BATCH:
            raise UsageError(f"{spec.path} has no parameter '{name}'{among(name, [*spec.parameters, BATCH])}")
        if name in sets and name in free:
            raise UsageError(f"'{name}' is both set and free")
    given = {**(member.values if member else {}), **{name: declared(name, value) for name, value in sets.items()}}
    resolver = _Resolver(spec, given, frozenset(free) - {BATCH})
    try:
        values = {name: resolver.value(name) for name in spec.parameters}
    except RecursionError:
        raise SpecError([Problem("parameters that follow from parameters, nested too deeply", spec.mark)]) from None
    if not resolver.problems:
        resolver.check(values)
    if resolver.problems:
        raise SpecError(resolver.problems)
    named = tuple(name for name in [*spec.parameters, BATCH] if name in free)
    return Binding(
        values, named, symbol(BATCH) if BATCH in free else batch, member.without if member else {}, tuple(sets)
    )


def bind_used(
    spec: Spec, variant: str | None, given: MappingType[str, tuple[Value, Mark]], arriving: MappingType[str, Value],
    around: Binding,
) -> Binding:  # fmt: skip
    """Values for the parameters of a spec that another uses: those `given` in its line, and sizes that arrive, which
    no limit is held against. Raises SpecError.
    """
    member = spec.variant(variant)
    values = {**arriving, **{name: value for name, (value, _) in given.items()}}
    declared = {name: Declared(Scalar(mark, show(value), False), mark) for name, (value, mark) in given.items()}
    resolver = _Resolver(spec, {**(member.values if member else {}), **declared}, frozenset())
    resolver.done.update(values)
    values = {name: resolver.value(name) for name in spec.parameters}
    if not resolver.problems:
        resolver.check(values, [name for name in arriving if name not in given])
    if resolver.problems:
        raise SpecError(resolver.problems)
    return Binding(values, around.free, around.batch, member.without if member else {}, tuple(given))


def numeric(spec: Spec, variant: str | None = None) -> list[str]:
    """The parameters that `--free all` tries to free: those with a number of their own, not one that follows from
    others.
    """
    member = spec.variant(variant)
    given = member.values if member else {}
    values = bind(spec, variant).values
    return [
        name
        for name, value in values.items()
        if _is_number(value) and not _follows(given.get(name, spec.parameters[name]), spec)
    ]


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, Fraction)) and not isinstance(value, bool)


def _follows(declared: Declared, spec: Spec) -> bool:
    """Whether a parameter is declared as an expression in others."""
    node = declared.value
    if not isinstance(node, Scalar) or not node.plain or not isinstance(node.value, str):
        return False
    return any(name in spec.parameters for name in compile_expression(node.text).names)


def _batch(value: object) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if number < 1:
        raise UsageError(f"batch must be a positive whole number, got {value}")
    return number


def declared(name: str, value: object) -> Declared:
    """A value from the command line or from Python, as a declaration."""
    text = value if isinstance(value, str) else show(value).replace("(", "[").replace(")", "]")
    from archcalc.spec.composing import compose

    node = compose(text or "''", f"--set {name}")
    return Declared(node, node.mark)


class _Resolver:
    """Evaluates declarations, following references between parameters."""

    def __init__(self, spec: Spec, given: dict[str, Declared], free: frozenset[str]) -> None:
        self.spec, self.given, self.free = spec, given, free
        self.done: dict[str, Value] = {}
        self.open: list[str] = []
        self.problems: list[Problem] = Mistakes()

    def value(self, name: str) -> Value:
        if name in self.done:
            return self.done[name]
        declared = self.given.get(name, self.spec.parameters[name])
        if name in self.open:
            self.problems.append(
                Problem(f"parameter '{name}' is defined by itself: {' -> '.join([*self.open, name])}", declared.mark)
            )
            return 1
        if len(self.open) > DEEPEST:
            raise RecursionError
        self.open.append(name)
        value = self._read(declared.value)
        self.open.pop()
        self.done[name] = self._symbol(name, value) if name in self.free else value
        return self.done[name]

    def _symbol(self, name: str, value: Value) -> Value:
        if not _is_number(value) and not isinstance(value, Poly):
            raise UsageError(
                f"'{name}' can't be free: it is {'a list' if isinstance(value, tuple) else show(value)}, not a number"
            )
        limits = self.spec.parameters[name].limits
        low = (
            limits.min
            if limits and isinstance(limits.min, (int, Fraction))
            else 0
            if isinstance(value, Fraction)
            else min(1, value)
            if isinstance(value, int)  # what is 0 as it is designed may be 0
            else 1
        )
        high = limits.max if limits and isinstance(limits.max, (int, Fraction)) else None
        whole = not isinstance(value, Fraction) and not isinstance(low, Fraction)
        return symbol(
            name, minimum=low, maximum=high, multiple_of=(limits.multiple_of if limits else None) or 1, integer=whole
        )

    def _read(self, node: Node) -> Value:
        if isinstance(node, Sequence):
            try:
                return capped_list(self._read(item) for item in node.items)
            except ExpressionError as error:
                self.problems.append(Problem(str(error), node.mark))
                return ()
        if not isinstance(node, Scalar):
            self.problems.append(Problem("a parameter is a number, a word or a list", node.mark))
            return 1
        value = node.value
        if not isinstance(value, str) or not node.plain:
            return value
        return self._evaluated(value, node.mark)

    def _evaluated(self, text: str, mark: Mark) -> Value:
        """Text that names other parameters is an expression; any other word stands for itself."""
        try:
            expression = compile_expression(text)
        except ExpressionError as error:
            if " " in text or not text.replace("-", "").replace("_", "").replace(".", "").isalnum():
                self.problems.append(Problem(str(error), mark.part(error.start, error.length or mark.length)))
            return text
        if text.isidentifier() and text not in self.spec.parameters:
            return text
        unknown = [name for name in expression.names if not is_known(name, self.spec.parameters)]
        for name in unknown:
            self.problems.append(
                Problem(unknown_name(name, self.spec.parameters), mark.part(max(text.find(name), 0), len(name)))
            )
        if unknown:
            return 1
        try:
            environment = {name: self.value(name) for name in expression.names if name in self.spec.parameters}
            return expression.run(environment, ())
        except ArchcalcError as error:
            if isinstance(error, UsageError):
                raise
            start, length = (error.start, error.length) if isinstance(error, ExpressionError) else (0, 0)
            free = error.symbols if isinstance(error, Undecided) else ()
            self.problems.append(Problem(str(error), mark.part(start, length or mark.length), (), free))
            return 1

    def check(self, values: dict[str, Value], unlimited: SequenceType[str] = ()) -> None:
        """Constraints and requirements; what a free symbol leaves open is taken to hold."""
        for name, declared in self.spec.parameters.items():
            if name in unlimited:
                continue
            mark = self.given.get(name, declared).mark
            try:
                problem = _breach(values[name], declared, values)
            except ArchcalcError as error:
                problem = f"its limits can't be compared: {error}"
            if problem:
                self.problems.append(Problem(f"{name}={show(values[name])}: {problem}", mark))
        for word, message in self.spec.require:
            try:
                holds = word.expression.run(values, ())
            except Undecided:
                continue
            except ArchcalcError as error:
                start, length = (error.start, error.length) if isinstance(error, ExpressionError) else (0, 0)
                self.problems.append(Problem(f"require: {error}", word.mark.part(start, length or word.mark.length)))
                continue
            if not holds:
                self.problems.append(Problem(message, word.mark))


def _bound(bound: object, values: dict[str, Value]) -> Value:
    """The number that a limit stands for."""
    number = compile_expression(bound).run(values, ()) if isinstance(bound, str) else bound
    if isinstance(number, bool) or not isinstance(number, (int, Fraction, Poly)):
        raise ExpressionError(f"`{bound}` is not a number")
    return number


def _breach(value: Value, declared: Declared, values: dict[str, Value]) -> str | None:
    limits = declared.limits
    if limits is None or isinstance(value, Poly):
        return None
    if limits.in_ is not None and value not in limits.in_:
        return f"must be one of {', '.join(show(v) for v in limits.in_)}"
    if not isinstance(value, (int, Fraction)):
        return "must be a number" if limits.min is not None or limits.max is not None or limits.multiple_of else None
    low, high = (_bound(bound, values) if bound is not None else None for bound in (limits.min, limits.max))
    if low is not None and not isinstance(low, Poly) and value < low:
        return f"must be at least {show(low)}"
    if high is not None and not isinstance(high, Poly) and value > high:
        return f"must be at most {show(high)}"
    if limits.multiple_of and value % limits.multiple_of:
        return f"must be a multiple of {limits.multiple_of}"
    return None
